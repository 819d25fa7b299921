//! Members of the classic protocol in a group of the consumer protocol (KIP-848, migration): what they ask is answered from the
//! group's state, and when the last other member goes, the group becomes a classic one (`classicGroupJoinToConsumerGroup` and
//! its kin, `convertToClassicGroup`).
//!
//! Nobody waits here: a join is answered at once, and a member that must ask again is told so by its heartbeat.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, TopicPartition};

use crate::message::{
    Assigning, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
};
use crate::metadata::MetadataImage;
use crate::record::{
    ClassicMember, GroupMemberValue, GroupRecord, GroupValue, ModernChange, ModernMember,
    ModernState,
};
use crate::settings::Assignor;
use crate::{Mark, Rule};

use super::super::Context;
use super::super::classic::{self, join_error};
use super::super::timers::Due;
use super::heartbeat::Found;
use super::{Group, Member, fresh_id};

/// A group that becomes a classic one: what is written down, and the group.
#[derive(Clone, Debug)]
pub(in crate::group) struct Downgrade {
    pub(in crate::group) records: Arc<[GroupRecord]>,
    pub(in crate::group) group: classic::Group,
}

/// What it means that a member goes.
#[derive(Clone, Debug)]
pub(in crate::group) enum Departure {
    /// The others stay among themselves.
    Changes(Vec<ModernChange>),
    /// Only members of the classic protocol are left.
    Downgrade(Downgrade),
}

/// What a join changes, its answer, and what becomes of the group.
pub(in crate::group) struct Joined {
    pub(in crate::group) changes: Vec<ModernChange>,
    pub(in crate::group) answer: JoinGroupResponse,
    pub(in crate::group) downgrade: Option<Downgrade>,
}

impl Group {
    /// `JoinGroup`.
    pub(in crate::group) fn join(
        &self,
        request: &JoinGroupRequest,
        image: &MetadataImage,
        cx: &mut Context<'_>,
    ) -> Result<Joined, JoinGroupResponse> {
        let most = cx.io.settings.consumer_group.max_size;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if self.members.len() >= most && !self.members.contains_key(&request.member) {
            cx.out.mark(Mark::GroupFull);
            return Err(join_error(MemberId::NONE, ErrorCode::GroupMaxSizeReached));
        }
        if !self.supports_any(&request.protocols) {
            return Err(join_error(request.member, ErrorCode::InconsistentGroupProtocol));
        }
        let is_new = request.member == MemberId::NONE && request.instance.is_none();
        if is_new && cx.io.rules.on(Rule::MemberIdRequired) {
            cx.out.mark(Mark::MemberIdRequired);
            return Err(join_error(cx.io.ids.next(cx.now.mono), ErrorCode::MemberIdRequired));
        }
        let found = self.find_classic(request, cx);
        let found = found.map_err(|error| join_error(request.member, error))?;
        let said = Arc::new(said_by(request, &found.member.said));
        let (id, replaces) = (said.member, found.instead_of);
        let owned = Some(&*request.subscription.owned);
        let (mut changes, current) =
            self.advance(found, &said, owned, image, cx).map_err(|error| join_error(id, error))?;
        let downgrade =
            replaces.filter(|former| self.becomes_classic_without(*former, 0, cx)).map(|former| {
                self.downgrade_replaced(former, &said, core::mem::take(&mut changes), cx)
            });
        cx.cancel(Due::Rejoin(self.id, id));
        if downgrade.is_none() {
            cx.schedule(Due::Member(self.id, id), request.session_timeout);
            cx.schedule(Due::Resync(self.id, id), request.rebalance_timeout);
        }
        let answer = JoinGroupResponse {
            error: ErrorCode::None,
            generation: current.epoch,
            protocol: request.protocols.first().copied(),
            // The coordinator assigns: nobody leads.
            leader: MemberId::NONE,
            member: id,
            members: Vec::new(),
            assigning: Assigning::Wanted,
        };
        Ok(Joined { changes, answer, downgrade })
    }

    /// Whether all members of the classic protocol support one of these.
    fn supports_any(&self, protocols: &[Assignor]) -> bool {
        let spoken = self.members.values().filter_map(|member| member.said.classic.as_ref());
        let support =
            |protocol: &Assignor| spoken.clone().all(|one| one.protocols.contains(protocol));
        protocols.iter().any(support)
    }

    /// The member that joins, new or known.
    fn find_classic(
        &self,
        request: &JoinGroupRequest,
        cx: &mut Context<'_>,
    ) -> Result<Found, ErrorCode> {
        let fresh = |cx: &mut Context<'_>| {
            let id = fresh_id(request.member, cx);
            let known = self.members.get(&id).cloned();
            Found::known(known.unwrap_or_else(|| Member::new(id)))
        };
        let Some(instance) = &request.instance else { return Ok(fresh(cx)) };
        match (self.static_member(instance), request.member) {
            (None, MemberId::NONE) => Ok(fresh(cx)),
            (None, _) => Err(ErrorCode::UnknownMemberId),
            (Some(holder), MemberId::NONE) => {
                cx.out.mark(Mark::StaticMemberReturned);
                Ok(self.take_over(holder, MemberId::NONE, cx))
            }
            (Some(holder), id) if holder.said.member == id => Ok(Found::known(holder.clone())),
            (Some(_), _) => {
                cx.out.mark(Mark::InstanceFenced);
                Err(ErrorCode::FencedInstanceId)
            }
        }
    }

    /// `SyncGroup`: what the member may own by now.
    pub(in crate::group) fn sync(
        &self,
        request: &SyncGroupRequest,
        cx: &mut Context<'_>,
    ) -> Result<Arc<[TopicPartition]>, ErrorCode> {
        let instance = request.instance.as_ref();
        let (member, spoken) =
            self.classic_member(request.member, instance, request.generation, cx)?;
        let joined = member.current.state == ModernState::Unrevoked;
        if self.epoch > member.current.epoch && !joined {
            self.await_join(member, cx);
            return Err(ErrorCode::RebalanceInProgress);
        }
        cx.cancel(Due::Resync(self.id, request.member));
        cx.schedule(Due::Member(self.id, request.member), spoken.session_timeout);
        Ok(Arc::clone(&member.current.assigned))
    }

    /// `Heartbeat`: whether the member must join again. An `Err` is told at once, an `Ok` after what was written before.
    pub(in crate::group) fn heartbeat_of_classic(
        &self,
        request: &HeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<ErrorCode, ErrorCode> {
        let instance = request.instance.as_ref();
        let (member, spoken) =
            self.classic_member(request.member, instance, request.generation, cx)?;
        cx.schedule(Due::Member(self.id, request.member), spoken.session_timeout);
        let must_join = match member.current.state {
            ModernState::Unrevoked => true,
            ModernState::Unreleased => !self.waits_for_others(member),
            ModernState::Stable => false,
        };
        if member.current.epoch < self.epoch || must_join {
            cx.out.mark(Mark::RebalanceSignalled);
            self.await_join(member, cx);
            return Ok(ErrorCode::RebalanceInProgress);
        }
        Ok(ErrorCode::None)
    }

    /// `LeaveGroup`. Whoever leaves like this was a member of the classic protocol, so that the group stays what it is.
    pub(in crate::group) fn leave_of_classic(
        &self,
        id: MemberId,
        cx: &mut Context<'_>,
    ) -> Result<Vec<ModernChange>, ErrorCode> {
        let known = self.members.get(&id).ok_or(ErrorCode::UnknownMemberId)?;
        if known.said.classic.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        cx.out.mark(Mark::MemberLeft);
        Ok(self.remove(id, cx))
    }

    fn classic_member(
        &self,
        id: MemberId,
        instance: Option<&Arc<str>>,
        generation: Generation,
        cx: &mut Context<'_>,
    ) -> Result<(&Member, &ClassicMember), ErrorCode> {
        if let Some(instance) = instance {
            let holder = self.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if holder.said.member != id {
                cx.out.mark(Mark::InstanceFenced);
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        let member = self.members.get(&id).ok_or(ErrorCode::UnknownMemberId)?;
        let spoken = member.said.classic.as_ref().ok_or(ErrorCode::UnknownMemberId)?;
        if member.current.epoch != generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok((member, spoken))
    }

    /// The member is told to join, and has the time of a rebalance for that.
    fn await_join(&self, member: &Member, cx: &mut Context<'_>) {
        let due = Due::Rejoin(self.id, member.said.member);
        cx.schedule_if_absent(due, member.said.rebalance_timeout);
    }

    /// `waitingOnUnreleasedPartition`.
    fn waits_for_others(&self, member: &Member) -> bool {
        let target = self.targets.get(&member.said.member);
        let mut missing = target.into_iter().flat_map(|target| target.iter());
        missing.any(|one| !member.current.assigned.contains(one) && self.held.contains(*one))
    }

    /// A member goes whether it wants to or not (`consumerGroupFenceMember`).
    pub(super) fn depart(&self, id: MemberId, cx: &mut Context<'_>) -> Departure {
        if !self.becomes_classic_without(id, 1, cx) {
            return Departure::Changes(self.remove(id, cx));
        }
        let left = self.members.values().filter(|member| member.said.member != id);
        let left = left.map(|member| (&*member.said, self.target_of(member.said.member)));
        Departure::Downgrade(self.downgrade(left.collect(), Vec::new(), cx))
    }

    /// `validateOnlineDowngradeWithFencedMember`, and `…WithReplacedMemberId`, where the group does not become smaller.
    fn becomes_classic_without(&self, id: MemberId, goes: usize, cx: &Context<'_>) -> bool {
        let settings = &cx.io.settings;
        let is_classic = |member: &Member| member.said.classic.is_some();
        let most = usize::try_from(settings.group_max_size).unwrap_or(usize::MAX);
        let left = self.members.len() - goes;
        let mut others = self.members.values().filter(|member| member.said.member != id);
        self.members.get(&id).is_some_and(|member| !is_classic(member))
            && left > 0
            && left <= most
            && others.all(is_classic)
            && settings.consumer_group.migration.allows_downgrade()
    }

    /// The last member of the consumer protocol comes back as one of the classic: it has what its former life was to have.
    fn downgrade_replaced(
        &self,
        former: MemberId,
        said: &ModernMember,
        changes: Vec<ModernChange>,
        cx: &mut Context<'_>,
    ) -> Downgrade {
        let others = self.members.values().filter(|member| member.said.member != former);
        let others = others.map(|member| (&*member.said, self.target_of(member.said.member)));
        let all = others.chain([(said, self.target_of(former))]).collect();
        self.downgrade(all, changes, cx)
    }

    fn target_of(&self, id: MemberId) -> Arc<[TopicPartition]> {
        self.targets.get(&id).map_or_else(|| Arc::from([]), Arc::clone)
    }

    /// `convertToClassicGroup`: everything that was written of the group is crossed out, and a classic one written down.
    fn downgrade(
        &self,
        members: Vec<(&ModernMember, Arc<[TopicPartition]>)>,
        mut changes: Vec<ModernChange>,
        cx: &mut Context<'_>,
    ) -> Downgrade {
        cx.out.mark(Mark::GroupDowngraded);
        self.cancel_deadlines(cx);
        let came = members.iter().map(|(said, _)| said.member);
        let came = came.filter(|id| !self.members.contains_key(id));
        changes.extend(self.members.keys().copied().chain(came).flat_map(Self::replace));
        let mut protocols = Vec::new();
        let mut values = Vec::new();
        for (said, assignment) in members {
            let Some(spoken) = &said.classic else { continue };
            protocols.push(spoken.protocols.clone());
            values.push(GroupMemberValue {
                member: said.member,
                session_timeout_ms: spoken.session_timeout.as_millis(),
                rebalance_timeout_ms: said.rebalance_timeout.as_millis(),
                subscription: Arc::clone(&spoken.subscription),
                assignment,
                instance: said.instance.clone(),
            });
        }
        let value = GroupValue {
            group: self.id,
            generation: self.epoch,
            protocol: None,
            leader: values.first().map(|first| first.member),
            members: values,
            since: cx.now.wall,
        };
        let group = classic::Group::of_members(&value, protocols);
        let written = GroupRecord::Group(Arc::new(group.value()));
        let records = self.records(changes);
        let records = records.iter().cloned().chain([written]).collect();
        Downgrade { records, group }
    }

    /// Nobody waits for its members in this way any more.
    pub(in crate::group) fn cancel_deadlines(&self, cx: &mut Context<'_>) {
        for id in self.members.keys().copied() {
            for due in [
                Due::Member(self.id, id),
                Due::Revocation(self.id, id),
                Due::Rejoin(self.id, id),
                Due::Resync(self.id, id),
            ] {
                cx.cancel(due);
            }
        }
    }
}

/// What a member says with a join.
fn said_by(request: &JoinGroupRequest, before: &ModernMember) -> ModernMember {
    let subscription = &request.subscription;
    ModernMember {
        member: before.member,
        instance: request.instance.clone().or_else(|| before.instance.clone()),
        rack: subscription.rack.or(before.rack),
        rebalance_timeout: request.rebalance_timeout,
        topics: Arc::from(&*subscription.topics),
        assignor: before.assignor,
        classic: Some(ClassicMember {
            session_timeout: request.session_timeout,
            protocols: request.protocols.clone(),
            subscription: Arc::clone(subscription),
        }),
    }
}
