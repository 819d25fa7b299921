//! What a shard does for groups of the consumer protocol (KIP-848): every operation is a list of changes that take effect
//! when they are appended.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, GroupId, MemberId, Offset, TopicPartition};

use crate::message::{
    ConsumerGroupHeartbeatRequest as Heartbeat, ConsumerGroupHeartbeatResponse, JoinGroupRequest,
    Response,
};
use crate::metadata::MetadataImage;
use crate::record::{GroupRecord, ModernChange};
use crate::{Mark, Note};

use super::super::either::Group;
use super::super::modern::{Departure, Downgrade, Joined};
use super::super::{Context, ReplyTo, classic, modern};
use super::{Answer, Body, Operation, Purpose, Shard};

/// What a heartbeat changes, and its answer.
type Beat = (Departure, ConsumerGroupHeartbeatResponse);

impl Shard {
    /// `ConsumerGroupHeartbeat`.
    pub(in crate::group) fn on_member(
        &mut self,
        request: &Heartbeat,
        image: &MetadataImage,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        if request.epoch == Heartbeat::JOIN
            && let Some(Group::Classic(group)) = self.groups.get_mut(&request.group)
            && group.state() != classic::State::Empty
            && group.can_upgrade(cx)
        {
            group.interrupt(cx);
        }
        match self.beat(request, image, cx) {
            Ok((what, answer)) => {
                let answer = Some(Answer { to, body: Body::Member(answer) });
                self.write_down(request.group, what, answer, cx);
            }
            Err(error) => {
                cx.reply(to, Response::ConsumerGroupHeartbeat(modern::refused(error)));
            }
        }
    }

    /// `getOrMaybeCreateConsumerGroup`, and what the group says to the heartbeat.
    fn beat(
        &self,
        request: &Heartbeat,
        image: &MetadataImage,
        cx: &mut Context<'_>,
    ) -> Result<Beat, ErrorCode> {
        let fresh;
        let mut first = Vec::new();
        let joins = request.epoch == Heartbeat::JOIN;
        let group = match self.groups.get(&request.group) {
            Some(Group::Modern(group)) => group,
            Some(Group::Classic(_)) | None if !joins => return Err(ErrorCode::GroupIdNotFound),
            Some(Group::Classic(group)) if group.state() != classic::State::Empty => {
                if !group.can_upgrade(cx) {
                    return Err(ErrorCode::GroupIdNotFound);
                }
                first = group.upgraded(cx);
                fresh = modern::Group::of_changes(request.group, &first, cx.io.rules);
                &fresh
            }
            Some(Group::Classic(_)) | None => {
                fresh = modern::Group::new(request.group);
                &fresh
            }
        };
        if request.epoch < Heartbeat::JOIN {
            return group.leave(request, cx);
        }
        let is_upgrade = !first.is_empty();
        let (changes, answer) = group.heartbeat(request, image, cx)?;
        if is_upgrade {
            cx.out.mark(Mark::GroupUpgraded);
        }
        first.extend(changes);
        Ok((Departure::Changes(first), answer))
    }

    /// Writes down what becomes of a group.
    fn write_down(
        &mut self,
        id: GroupId,
        what: Departure,
        answer: Option<Answer>,
        cx: &mut Context<'_>,
    ) {
        match what {
            Departure::Changes(changes) => self.change(records(id, changes), answer, cx),
            Departure::Downgrade(downgrade) => self.downgrade(downgrade, None, answer, cx),
        }
    }

    fn downgrade(
        &mut self,
        downgrade: Downgrade,
        returned: Option<MemberId>,
        answer: Option<Answer>,
        cx: &mut Context<'_>,
    ) {
        let records = Arc::clone(&downgrade.records);
        let purpose = Purpose::Downgrade(Box::new(downgrade), returned);
        cx.write(records, Operation { purpose, answer });
    }

    /// The group is a classic one from now on: with more than its record says, and about to rebalance.
    pub(super) fn begin_classic(
        &mut self,
        downgrade: &Downgrade,
        returned: Option<MemberId>,
        cx: &mut Context<'_>,
    ) {
        let mut group = downgrade.group.clone();
        let id = group.id();
        if let Some(before) = self.groups.get_mut(&id) {
            group.offsets = core::mem::take(before.offsets_mut());
        }
        let change = group.on_downgraded(returned, cx);
        self.groups.insert(id, Group::Classic(group));
        self.carry_out(change, None, cx);
    }

    /// `JoinGroup` in a group of the consumer protocol.
    pub(super) fn join_modern(
        &mut self,
        request: &JoinGroupRequest,
        image: &MetadataImage,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        let Some(Group::Modern(group)) = self.groups.get(&request.group) else { return };
        match group.join(request, image, cx) {
            Err(refused) => cx.reply(to, Response::JoinGroup(refused)),
            Ok(Joined { changes, answer, downgrade }) => {
                let member = answer.member;
                let answer = Some(Answer { to, body: Body::Join(answer) });
                match downgrade {
                    None => self.change(records(request.group, changes), answer, cx),
                    Some(downgrade) => self.downgrade(downgrade, Some(member), answer, cx),
                }
            }
        }
    }

    /// What a member of the classic protocol is told that asked for its part.
    pub(super) fn answer_sync(
        &mut self,
        synced: Result<Arc<[TopicPartition]>, ErrorCode>,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        match synced {
            Err(error) => classic::refuse_sync(to, error, cx),
            Ok(part) => self.carry_out(None, Some(Answer { to, body: Body::Sync(part) }), cx),
        }
    }

    /// A member of the classic protocol has left a group of the consumer protocol.
    pub(super) fn leave_modern(
        &mut self,
        id: GroupId,
        left: Result<Vec<ModernChange>, ErrorCode>,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        match left {
            Err(error) => cx.reply(to, Response::LeaveGroup(error)),
            Ok(changes) => {
                let answer = Answer { to, body: Body::Leave(ErrorCode::None) };
                self.change(records(id, changes), Some(answer), cx);
            }
        }
    }

    /// Writes what changes a group, or lets the answer wait for what was written before.
    fn change(
        &mut self,
        records: Arc<[GroupRecord]>,
        answer: Option<Answer>,
        cx: &mut Context<'_>,
    ) {
        if records.is_empty() {
            return self.carry_out(None, answer, cx);
        }
        let purpose = Purpose::Modern(Arc::clone(&records));
        cx.write(records, Operation { purpose, answer });
    }

    /// A member's session is over.
    pub(super) fn on_silence(&mut self, id: GroupId, member: MemberId, cx: &mut Context<'_>) {
        let Some(Group::Modern(group)) = self.groups.get(&id) else { return };
        let what = group.on_session_timer(member, cx);
        self.write_down(id, what, None, cx);
    }

    /// A member's time to let go of something is over.
    pub(super) fn on_unrevoked(&mut self, id: GroupId, member: MemberId, cx: &mut Context<'_>) {
        let Some(Group::Modern(group)) = self.groups.get(&id) else { return };
        let what = group.on_revocation_timer(member, cx);
        self.write_down(id, what, None, cx);
    }

    /// A member of the classic protocol did not do what it was told to.
    pub(super) fn on_classic_late(&mut self, id: GroupId, member: MemberId, cx: &mut Context<'_>) {
        let Some(Group::Modern(group)) = self.groups.get(&id) else { return };
        let what = group.on_classic_timer(member, cx);
        self.write_down(id, what, None, cx);
    }

    /// A classic member joins a group of the consumer protocol that is empty: it becomes a classic one. How that is written.
    pub(super) fn take_back(&mut self, id: GroupId) -> Option<Purpose> {
        let Some(Group::Modern(group)) = self.groups.get_mut(&id) else { return None };
        if !group.is_vacant() {
            return None;
        }
        let offsets = core::mem::take(&mut group.offsets);
        let mut group = classic::Group::new(id);
        group.offsets = offsets;
        self.groups.insert(id, Group::Classic(group));
        Some(Purpose::Nothing)
    }
}

/// The records of changes of a group.
fn records(group: GroupId, changes: Vec<ModernChange>) -> Arc<[GroupRecord]> {
    changes.into_iter().map(|change| GroupRecord::Modern { group, change }).collect()
}

/// Tells whoever looks on what a member has in the coordinator's books from now on.
pub(super) fn note(group: GroupId, change: &ModernChange, up_to: Offset, cx: &mut Context<'_>) {
    match change {
        ModernChange::Current(current) => {
            let (member, epoch) = (current.member, current.epoch);
            cx.out.note(Note::Released { group, member, up_to });
            let held: Vec<_> = current.assigned.iter().chain(current.revoking.iter()).collect();
            for partition in held.into_iter().copied() {
                cx.out.note(Note::Held { group, up_to, member, epoch, partition });
            }
        }
        ModernChange::CurrentGone(member) => {
            cx.out.note(Note::Released { group, member: *member, up_to });
        }
        ModernChange::Epoch(_)
        | ModernChange::Topics(_)
        | ModernChange::Member(_)
        | ModernChange::MemberGone(_)
        | ModernChange::TargetEpoch(_)
        | ModernChange::Target(..)
        | ModernChange::TargetGone(_) => {}
    }
}
