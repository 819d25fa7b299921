//! A member's heartbeat: it joins, says what it wants and owns, and is moved one step towards its target
//! (`GroupMetadataManager.consumerGroupHeartbeat`).

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, TopicId, TopicPartition};

use crate::message::{
    ConsumerGroupHeartbeatRequest as Heartbeat, ConsumerGroupHeartbeatResponse as Answer,
};
use crate::metadata::MetadataImage;
use crate::record::{ModernAssignment, ModernChange, ModernMember, ModernState};
use crate::settings::ConsumerGroupSettings;
use crate::{Mark, Note, Rule};

use super::super::Context;
use super::super::timers::Due;
use super::reconcile::Way;
use super::target::Joining;
use super::{Group, Member, count, fresh_id};

/// A member as a heartbeat finds it.
pub(super) struct Found {
    pub(super) member: Member,
    /// Whose place it takes.
    pub(super) instead_of: Option<MemberId>,
    /// What must be written down for that.
    changes: Vec<ModernChange>,
}

impl Found {
    pub(super) const fn known(member: Member) -> Self {
        Self { member, instead_of: None, changes: Vec::new() }
    }
}

/// What a heartbeat is refused for whatever the group is like (`throwIfConsumerGroupHeartbeatRequestIsInvalid`).
pub(in crate::group) fn validate(
    request: &Heartbeat,
    settings: &ConsumerGroupSettings,
) -> Result<(), ErrorCode> {
    let named = request.member != MemberId::NONE;
    let valid = match request.epoch {
        Heartbeat::JOIN => {
            request.rebalance_timeout.is_some()
                && request.owned.as_ref().is_some_and(|owned| owned.is_empty())
                && request.topics.as_ref().is_some_and(|topics| !topics.is_empty())
        }
        Heartbeat::LEAVE_FOR_NOW => named && request.instance.is_some(),
        epoch => named && epoch >= Heartbeat::LEAVE,
    };
    if !valid {
        return Err(ErrorCode::InvalidRequest);
    }
    if request.assignor.is_some_and(|asked| !settings.assignors.contains(&asked)) {
        return Err(ErrorCode::UnsupportedAssignor);
    }
    Ok(())
}

/// The answer to a heartbeat that was refused.
pub(in crate::group) const fn refused(error: ErrorCode) -> Answer {
    Answer {
        error,
        member: MemberId::NONE,
        epoch: Generation(0),
        interval: stormglass_types::Span::ZERO,
        assignment: None,
    }
}

impl Group {
    /// A heartbeat that does not leave: what it changes, and its answer once that is written.
    pub(in crate::group) fn heartbeat(
        &self,
        request: &Heartbeat,
        image: &MetadataImage,
        cx: &mut Context<'_>,
    ) -> Result<(Vec<ModernChange>, Answer), ErrorCode> {
        let settings = Arc::clone(&cx.io.settings);
        let settings = &settings.consumer_group;
        let most = usize::try_from(settings.max_size).unwrap_or(usize::MAX);
        if self.members.len() >= most && !self.members.contains_key(&request.member) {
            cx.out.mark(Mark::GroupFull);
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        let found = self.find(request, cx)?;
        let before = Arc::clone(&found.member.current);
        let id = before.member;
        let said = Arc::new(updated(&found.member.said, request));
        let (changes, current) = self.advance(found, &said, request.owned.as_deref(), image, cx)?;
        cx.schedule(Due::Member(self.id, id), settings.session_timeout);
        let is_full = request.epoch == Heartbeat::JOIN
            || (request.rebalance_timeout.is_some()
                && request.topics.is_some()
                && request.owned.is_some());
        let is_new = is_full || current.assigned != before.assigned;
        let answer = Answer {
            error: ErrorCode::None,
            member: id,
            epoch: current.epoch,
            interval: settings.heartbeat_interval,
            assignment: is_new.then(|| Arc::clone(&current.assigned)),
        };
        Ok((changes, answer))
    }

    /// Takes in what a member says of itself and what metadata show, and moves it one step towards its target.
    pub(super) fn advance(
        &self,
        Found { member, instead_of, mut changes }: Found,
        said: &Arc<ModernMember>,
        owned: Option<&[TopicPartition]>,
        image: &MetadataImage,
        cx: &mut Context<'_>,
    ) -> Result<(Vec<ModernChange>, Arc<ModernAssignment>), ErrorCode> {
        let id = member.current.member;
        let is_known = instead_of.is_some() || self.members.contains_key(&id);
        if **said != *member.said || !is_known {
            changes.push(ModernChange::Member(Arc::clone(said)));
        }
        let joining = Joining { member: said, instead_of };
        let (epoch, topics) = self.look_at(&member, &joining, image, &mut changes);
        let (target_epoch, target) = if epoch > self.target_epoch {
            let default = cx.io.settings.consumer_group.assignors[0];
            let (targets, own) = self.retarget(&joining, epoch, &topics, default)?;
            changes.extend(targets);
            self.note_rebalance(&joining, epoch, cx);
            (epoch, own)
        } else {
            (self.target_epoch, Arc::from(self.target(id, &joining)))
        };
        let way = Way {
            target_epoch,
            target: &target,
            owned,
            is_held: &|partition| self.held.contains(partition),
            rules: cx.io.rules,
        };
        let current = way.next(&member.current);
        self.follow(&member, &current, said, cx);
        if current != member.current {
            changes.push(ModernChange::Current(Arc::clone(&current)));
        }
        Ok((changes, current))
    }

    /// The member that speaks, new or known.
    fn find(&self, request: &Heartbeat, cx: &mut Context<'_>) -> Result<Found, ErrorCode> {
        let joins = request.epoch == Heartbeat::JOIN;
        let holder = request.instance.as_ref().map(|instance| self.static_member(instance));
        match holder {
            Some(None) if !joins => Err(ErrorCode::UnknownMemberId),
            Some(Some(holder)) if joins && holder.said.member != request.member => {
                if holder.said.classic.is_none() && holder.current.epoch != Self::AWAY {
                    cx.out.mark(Mark::InstanceFenced);
                    return Err(ErrorCode::UnreleasedInstanceId);
                }
                cx.out.mark(Mark::StaticMemberReturned);
                Ok(self.take_over(holder, request.member, cx))
            }
            Some(Some(holder)) if holder.said.member != request.member => {
                cx.out.mark(Mark::InstanceFenced);
                Err(ErrorCode::FencedInstanceId)
            }
            Some(None | Some(_)) | None => match self.members.get(&request.member) {
                Some(member) => {
                    validate_epoch(&member.current, request, cx)?;
                    Ok(Found::known(member.clone()))
                }
                None if joins => {
                    let id = fresh_id(request.member, cx);
                    Ok(Found::known(Member::new(id)))
                }
                None => Err(ErrorCode::UnknownMemberId),
            },
        }
    }

    /// A static member comes back with another id and takes its former place.
    pub(super) fn take_over(&self, former: &Member, id: MemberId, cx: &mut Context<'_>) -> Found {
        let id = fresh_id(id, cx);
        let said = Arc::new(ModernMember { member: id, ..(*former.said).clone() });
        let current = Arc::new(ModernAssignment {
            member: id,
            epoch: Heartbeat::JOIN,
            previous: Heartbeat::JOIN,
            ..(*former.current).clone()
        });
        let old = former.said.member;
        let mut changes = Vec::from(Self::replace(old));
        changes.push(ModernChange::Member(Arc::clone(&said)));
        let target = self.targets.get(&old).map_or_else(|| Arc::from([]), Arc::clone);
        changes.push(ModernChange::Target(id, target));
        changes.push(ModernChange::Current(Arc::clone(&current)));
        Found { member: Member { said, current }, instead_of: Some(old), changes }
    }

    /// The group's epoch and topics after what a member says and what metadata show.
    fn look_at(
        &self,
        before: &Member,
        joining: &Joining<'_>,
        image: &MetadataImage,
        changes: &mut Vec<ModernChange>,
    ) -> (Generation, Arc<[(TopicId, u16)]>) {
        let resubscribed = joining.member.topics != before.said.topics;
        let known = |(topic, _): (&TopicId, &u32)| {
            let partitions = image.partition_count(*topic);
            (partitions > 0).then_some((*topic, partitions))
        };
        let topics: Arc<[(TopicId, u16)]> = if resubscribed {
            let mut wanted = self.wanted.clone();
            count(&mut wanted, &joining.member.topics, &before.said.topics);
            wanted.iter().filter_map(known).collect()
        } else {
            self.wanted.iter().filter_map(known).collect()
        };
        let changed = topics != self.topics;
        if changed {
            changes.push(ModernChange::Topics(Arc::clone(&topics)));
        }
        if !resubscribed && !changed {
            return (self.epoch, topics);
        }
        let epoch = self.epoch.next();
        changes.push(ModernChange::Epoch(epoch));
        (epoch, topics)
    }

    fn note_rebalance(&self, joining: &Joining<'_>, generation: Generation, cx: &mut Context<'_>) {
        let added = usize::from(!self.members.contains_key(&joining.member.member));
        let gone = usize::from(joining.instead_of.is_some());
        let members = self.members.len() + added - gone;
        cx.out.note(Note::Rebalanced {
            group: self.id,
            generation,
            members: u32::try_from(members).unwrap_or(u32::MAX),
        });
    }

    /// What a step means for the time that the member has, and for whoever looks on.
    fn follow(
        &self,
        before: &Member,
        current: &ModernAssignment,
        said: &ModernMember,
        cx: &mut Context<'_>,
    ) {
        if *current == *before.current {
            return;
        }
        let due = Due::Revocation(self.id, current.member);
        match current.state {
            ModernState::Unrevoked => {
                cx.out.mark(Mark::RevocationAsked);
                // Whoever speaks the classic protocol is timed by when it joins and syncs.
                if said.classic.is_none() {
                    cx.schedule(due, said.rebalance_timeout);
                }
            }
            ModernState::Unreleased => {
                cx.out.mark(Mark::PartitionUnreleased);
                cx.cancel(due);
            }
            ModernState::Stable => cx.cancel(due),
        }
    }
}

/// `throwIfConsumerGroupMemberEpochIsInvalid`.
fn validate_epoch(
    member: &ModernAssignment,
    request: &Heartbeat,
    cx: &mut Context<'_>,
) -> Result<(), ErrorCode> {
    let is_expected = member.epoch == Group::AWAY || cx.io.rules.on(Rule::RejoinWithEpochZero);
    let rejoins = request.epoch == Heartbeat::JOIN && is_expected;
    if request.epoch == member.epoch || rejoins {
        return Ok(());
    }
    // The answer that raised the epoch may have been lost.
    let is_previous = request.epoch < member.epoch && request.epoch == member.previous;
    let owns_less =
        |owned: &[TopicPartition]| owned.iter().all(|one| member.assigned.contains(one));
    if is_previous && request.owned.as_deref().is_some_and(owns_less) {
        cx.out.mark(Mark::PreviousEpochAccepted);
        return Ok(());
    }
    cx.out.mark(Mark::MemberFenced);
    Err(ErrorCode::FencedMemberEpoch)
}

/// What a member wants after a heartbeat that may leave out what has not changed.
fn updated(said: &ModernMember, request: &Heartbeat) -> ModernMember {
    ModernMember {
        member: said.member,
        instance: request.instance.clone().or_else(|| said.instance.clone()),
        rack: request.rack.or(said.rack),
        rebalance_timeout: request.rebalance_timeout.unwrap_or(said.rebalance_timeout),
        topics: request.topics.clone().unwrap_or_else(|| Arc::clone(&said.topics)),
        assignor: request.assignor.or(said.assignor),
        classic: None,
    }
}
