//! What a shard does for groups of the consumer protocol (KIP-848): every operation is a list of changes that take effect
//! when they are appended.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, GroupId, MemberId, Offset};

use crate::Note;
use crate::message::{
    ConsumerGroupHeartbeatRequest as Heartbeat, ConsumerGroupHeartbeatResponse, Response,
};
use crate::metadata::MetadataImage;
use crate::record::{GroupRecord, ModernChange};

use super::super::either::Group;
use super::super::{Context, ReplyTo, classic, modern};
use super::{Answer, Body, Operation, Purpose, Shard};

/// What a heartbeat changes, and its answer.
type Beat = (Arc<[GroupRecord]>, ConsumerGroupHeartbeatResponse);

impl Shard {
    /// `ConsumerGroupHeartbeat`.
    pub(in crate::group) fn on_member(
        &mut self,
        request: &Heartbeat,
        image: &MetadataImage,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        match self.beat(request, image, cx) {
            Ok((records, answer)) => {
                self.change(records, Some(Answer { to, body: Body::Member(answer) }), cx);
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
        let group = match self.groups.get(&request.group) {
            Some(Group::Modern(group)) => group,
            Some(Group::Classic(group)) if !group.is_vacant() => {
                return Err(ErrorCode::GroupIdNotFound);
            }
            Some(Group::Classic(_)) | None if request.epoch != Heartbeat::JOIN => {
                return Err(ErrorCode::GroupIdNotFound);
            }
            Some(Group::Classic(_)) | None => {
                fresh = modern::Group::new(request.group);
                &fresh
            }
        };
        let leaves = request.epoch < Heartbeat::JOIN;
        let (changes, answer) =
            if leaves { group.leave(request, cx)? } else { group.heartbeat(request, image, cx)? };
        Ok((group.records(changes), answer))
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
        let records = group.records(group.on_session_timer(member, cx));
        self.change(records, None, cx);
    }

    /// A member's time to let go of something is over.
    pub(super) fn on_unrevoked(&mut self, id: GroupId, member: MemberId, cx: &mut Context<'_>) {
        let Some(Group::Modern(group)) = self.groups.get(&id) else { return };
        let records = group.records(group.on_revocation_timer(member, cx));
        self.change(records, None, cx);
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
