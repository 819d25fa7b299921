//! A group of the consumer protocol (KIP-848): the coordinator assigns, and every member follows at its own pace
//! (`ConsumerGroup`, `GroupMetadataManager`).
//!
//! Nothing here changes by itself: an operation looks at the group and says what is to be written down; whoever has appended
//! that comes back with [`Group::replay`].

mod classic;
mod heartbeat;
mod leave;
#[cfg(test)]
mod migration_tests;
mod reconcile;
mod target;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    ErrorCode, Generation, GroupId, MemberId, PartitionMap, Span, TopicId, TopicPartition,
};

use crate::message::OffsetCommitRequest;
use crate::record::{GroupRecord, ModernAssignment, ModernChange, ModernMember, ModernState};
use crate::{Rule, Rules};

use super::Context;
use super::offsets::Offsets;
use super::timers::Due;

pub(super) use classic::{Departure, Downgrade, Joined};
pub(super) use heartbeat::{refused, validate};

/// A group of the consumer protocol.
#[derive(Clone, Debug)]
pub(super) struct Group {
    id: GroupId,
    epoch: Generation,
    /// The group epoch for which the targets were computed.
    target_epoch: Generation,
    /// The topics subscribed to that existed at the last look, and how many partitions they had; sorted.
    topics: Arc<[(TopicId, u16)]>,
    members: BTreeMap<MemberId, Member>,
    targets: BTreeMap<MemberId, Arc<[TopicPartition]>>,
    /// The epoch of each partition's owner (`currentPartitionEpoch`): who is not in here can be given away.
    held: PartitionMap<Generation>,
    /// How many members subscribe to each topic.
    wanted: BTreeMap<TopicId, u32>,
    /// What it committed.
    pub(super) offsets: Offsets,
}

/// A member: what it wants and how far it is.
#[derive(Clone, Debug)]
struct Member {
    said: Arc<ModernMember>,
    current: Arc<ModernAssignment>,
}

impl Member {
    /// Nobody has heard of it yet.
    fn new(id: MemberId) -> Self {
        let said = ModernMember {
            member: id,
            instance: None,
            rack: None,
            rebalance_timeout: Span::ZERO,
            topics: Arc::from([]),
            assignor: None,
            classic: None,
        };
        Self { said: Arc::new(said), current: Arc::new(nothing(id, Generation(0))) }
    }
}

/// A member without partitions.
fn nothing(member: MemberId, epoch: Generation) -> ModernAssignment {
    ModernAssignment {
        member,
        epoch,
        previous: epoch,
        state: ModernState::Stable,
        assigned: Arc::from([]),
        revoking: Arc::from([]),
    }
}

impl Group {
    /// A group that nobody has joined yet.
    pub(super) fn new(id: GroupId) -> Self {
        Self {
            id,
            epoch: Generation(0),
            target_epoch: Generation(0),
            topics: Arc::from([]),
            members: BTreeMap::new(),
            targets: BTreeMap::new(),
            held: PartitionMap::new(),
            wanted: BTreeMap::new(),
            offsets: Offsets::NONE,
        }
    }

    /// Whether nobody is in it.
    pub(super) fn is_vacant(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether a member subscribes to a topic.
    pub(super) fn subscribes_to(&self, topic: TopicId) -> bool {
        self.wanted.contains_key(&topic)
    }

    /// Takes in what was written down, now or by an earlier coordinator.
    pub(super) fn replay(&mut self, change: &ModernChange, rules: Rules) {
        match change {
            ModernChange::Epoch(epoch) => self.epoch = *epoch,
            ModernChange::Topics(topics) => self.topics = Arc::clone(topics),
            ModernChange::Member(said) => {
                let member = self.members.entry(said.member);
                let member = member.or_insert_with(|| Member::new(said.member));
                let before = core::mem::replace(&mut member.said, Arc::clone(said));
                self.count(&said.topics, &before.topics);
            }
            ModernChange::MemberGone(id) => {
                if let Some(member) = self.members.remove(id) {
                    self.count(&[], &member.said.topics);
                }
            }
            ModernChange::TargetEpoch(epoch) => self.target_epoch = *epoch,
            ModernChange::Target(id, partitions) => {
                self.targets.insert(*id, Arc::clone(partitions));
            }
            ModernChange::TargetGone(id) => {
                self.targets.remove(id);
            }
            ModernChange::Current(current) => {
                let member = self.members.entry(current.member);
                let member = member.or_insert_with(|| Member::new(current.member));
                let before = core::mem::replace(&mut member.current, Arc::clone(current));
                self.rebook(&before, current, rules);
            }
            ModernChange::CurrentGone(id) => {
                if let Some(member) = self.members.get_mut(id) {
                    let none = Arc::new(nothing(*id, Generation::NONE));
                    let before = core::mem::replace(&mut member.current, Arc::clone(&none));
                    self.rebook(&before, &none, rules);
                }
            }
        }
    }

    fn count(&mut self, added: &[TopicId], removed: &[TopicId]) {
        count(&mut self.wanted, added, removed);
    }

    /// `maybeUpdatePartitionEpoch`: everything of before goes, and everything of now comes.
    fn rebook(&mut self, before: &ModernAssignment, now: &ModernAssignment, rules: Rules) {
        if rules.on(Rule::TakenBackStaysOwned) {
            self.unbook(&before.assigned, Some(before.epoch));
            self.unbook(&before.revoking, Some(before.epoch));
            self.book(&now.assigned, now.epoch);
            self.book(&now.revoking, now.epoch);
            return;
        }
        // One list after the other: what moves from the second to the first is entered and then crossed out.
        for (before, after) in
            [(&before.assigned, &now.assigned), (&before.revoking, &now.revoking)]
        {
            if before != after {
                self.unbook(before, None);
                self.book(after, now.epoch);
            }
        }
    }

    fn book(&mut self, partitions: &[TopicPartition], epoch: Generation) {
        for partition in partitions.iter().copied() {
            self.held.insert(partition, epoch);
        }
    }

    fn unbook(&mut self, partitions: &[TopicPartition], expected: Option<Generation>) {
        for partition in partitions.iter().copied() {
            let of_this_owner =
                |expected| self.held.get(partition).is_none_or(|epoch| *epoch == expected);
            if expected.is_none_or(of_this_owner) {
                self.held.remove(partition);
            }
        }
    }

    /// A group with members that was a classic one.
    pub(super) fn of_changes(id: GroupId, changes: &[ModernChange], rules: Rules) -> Self {
        let mut group = Self::new(id);
        changes.iter().for_each(|change| group.replay(change, rules));
        group
    }

    /// Which member has an instance's place.
    fn static_member(&self, instance: &Arc<str>) -> Option<&Member> {
        let mut members = self.members.values();
        members.find(|member| member.said.instance.as_ref() == Some(instance))
    }

    /// A load is over: every member gets a fresh session, and whoever lets go of something as long as it may take.
    pub(super) fn on_loaded(&self, cx: &mut Context<'_>) {
        let session = cx.io.settings.consumer_group.session_timeout;
        for (id, member) in &self.members {
            cx.schedule(Due::Member(self.id, *id), session);
            if member.current.state == ModernState::Unrevoked {
                cx.schedule(Due::Revocation(self.id, *id), member.said.rebalance_timeout);
            }
        }
    }

    /// Whether a commit is acceptable (`ConsumerGroup.validateOffsetCommit`).
    pub(super) fn validate_commit(
        &self,
        request: &OffsetCommitRequest,
        rules: Rules,
    ) -> Result<(), ErrorCode> {
        if !rules.on(Rule::MemberEpochFencing) {
            return Ok(());
        }
        // An operator, or a consumer without membership, while there is nobody.
        if request.generation < Generation(0) && self.members.is_empty() {
            return Ok(());
        }
        self.validate_epoch(request.member, request.generation)
    }

    /// Whether a reader of offsets is who it says (`ConsumerGroup.validateOffsetFetch`).
    pub(super) fn validate_fetch(
        &self,
        member: Option<(MemberId, Generation)>,
    ) -> Result<(), ErrorCode> {
        member.map_or(Ok(()), |(id, epoch)| self.validate_epoch(id, epoch))
    }

    fn validate_epoch(&self, id: MemberId, epoch: Generation) -> Result<(), ErrorCode> {
        let member = self.members.get(&id).ok_or(ErrorCode::UnknownMemberId)?;
        match &member.said.classic {
            _ if member.current.epoch == epoch => Ok(()),
            Some(_) => Err(ErrorCode::IllegalGeneration),
            None => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    /// The records of changes of this group.
    pub(super) fn records(&self, changes: Vec<ModernChange>) -> Arc<[GroupRecord]> {
        let group = self.id;
        changes.into_iter().map(|change| GroupRecord::Modern { group, change }).collect()
    }
}

/// The id that a member asks for, or one that nobody ever had.
fn fresh_id(asked: MemberId, cx: &mut Context<'_>) -> MemberId {
    if asked == MemberId::NONE { cx.io.ids.next(cx.now.mono) } else { asked }
}

fn count(wanted: &mut BTreeMap<TopicId, u32>, added: &[TopicId], removed: &[TopicId]) {
    for topic in added {
        *wanted.entry(*topic).or_insert(0) += 1;
    }
    for topic in removed {
        if let Some(subscribers) = wanted.get_mut(topic) {
            *subscribers -= 1;
            if *subscribers == 0 {
                wanted.remove(topic);
            }
        }
    }
}
