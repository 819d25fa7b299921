//! A classic group's sync phase: the leader's assignment is written, then everyone learns their part.

use alloc::sync::Arc;

use stormglass_types::{ErrorCode, MemberId, TopicPartition};

use crate::message::{Response, SyncGroupRequest, SyncGroupResponse};
use crate::record::{GroupRecord, GroupValue};
use crate::{Mark, Note};

use super::super::timers::Due;
use super::super::{Context, Purpose, ReplyTo};
use super::{Change, Group, State};

impl Group {
    /// `SyncGroup`. The reply leaves at once or with the assignment.
    pub(in crate::group) fn sync(
        &mut self,
        request: &SyncGroupRequest,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) -> Change {
        let (state, generation) = (self.state, self.generation);
        if let Err(error) = self.validate(request.member, request.instance.as_ref(), cx) {
            refuse_sync(reply, error, cx);
            return None;
        }
        let member = self.member_mut(request.member).expect("it was just validated");
        if request.generation != generation {
            refuse_sync(reply, ErrorCode::IllegalGeneration, cx);
            return None;
        }
        match state {
            State::Empty => refuse_sync(reply, ErrorCode::UnknownMemberId, cx),
            State::PreparingRebalance => refuse_sync(reply, ErrorCode::RebalanceInProgress, cx),
            State::CompletingRebalance => {
                member.syncing = Some(reply);
                self.has_synced(request.member, cx);
                if self.leader == Some(request.member) {
                    return Some(self.assign(request));
                }
            }
            State::Stable => {
                let assignment = Arc::clone(&member.assignment);
                self.has_synced(request.member, cx);
                answer_sync(reply, ErrorCode::None, assignment, cx);
            }
        }
        None
    }

    fn has_synced(&mut self, id: MemberId, cx: &mut Context<'_>) {
        self.pending_sync.remove(&id);
        if self.pending_sync.is_empty() {
            cx.cancel(Due::Sync(self.id));
        }
    }

    /// The record of the leader's assignment; members that it forgot get nothing.
    fn assign(&self, request: &SyncGroupRequest) -> (GroupRecord, Purpose) {
        let mut value = self.value();
        for member in &mut value.members {
            let given = request.assignments.iter().find(|(id, _)| *id == member.member);
            member.assignment = given.map_or_else(|| Arc::from([]), |(_, given)| Arc::clone(given));
        }
        let value = Arc::new(value);
        (GroupRecord::Group(Arc::clone(&value)), Purpose::Assign(value))
    }

    /// The leader's assignment is written, or could not be. Too late, it changes nothing.
    pub(in crate::group) fn finish_assignment(
        &mut self,
        value: &GroupValue,
        written: Result<(), ErrorCode>,
        cx: &mut Context<'_>,
    ) -> Change {
        if self.state != State::CompletingRebalance || self.generation != value.generation {
            return None;
        }
        if let Err(error) = written {
            self.reset_assignments(error, cx);
            return self.rebalance_or_complete(cx);
        }
        for member in &mut self.members {
            let given = value.members.iter().find(|given| given.member == member.id);
            // Every member of a generation has its part, unless a static one took another id meanwhile.
            let given = given.map_or_else(|| Arc::from([]), |given| Arc::clone(&given.assignment));
            member.assignment = given;
            for partition in member.assignment.iter() {
                cx.out.note(Note::Granted {
                    group: value.group,
                    generation: value.generation,
                    member: member.id,
                    partition: *partition,
                });
            }
        }
        self.answer_syncs(ErrorCode::None, cx);
        self.enter(State::Stable, cx);
        None
    }

    pub(super) fn reset_assignments(&mut self, error: ErrorCode, cx: &mut Context<'_>) {
        for member in &mut self.members {
            member.assignment = Arc::from([]);
        }
        self.answer_syncs(error, cx);
    }

    /// Answers every sync that waits; those members' sessions start over, since they could not expire while waiting.
    fn answer_syncs(&mut self, error: ErrorCode, cx: &mut Context<'_>) {
        for member in &mut self.members {
            if let Some(reply) = member.syncing.take() {
                answer_sync(reply, error, Arc::clone(&member.assignment), cx);
                cx.schedule(Due::Session(self.id, member.id), member.session_timeout);
            }
        }
    }

    /// Who has not sent `SyncGroup` for a whole rebalance timeout is out.
    pub(in crate::group) fn on_sync_timer(&mut self, cx: &mut Context<'_>) -> Change {
        if self.pending_sync.is_empty() {
            return None;
        }
        cx.out.mark(Mark::PendingSyncExpired);
        for id in core::mem::take(&mut self.pending_sync) {
            self.remove(id);
            cx.cancel(Due::Session(self.id, id));
        }
        self.prepare(cx)
    }
}

pub(in crate::group) fn refuse_sync(reply: ReplyTo, error: ErrorCode, cx: &mut Context<'_>) {
    answer_sync(reply, error, Arc::from([]), cx);
}

fn answer_sync(
    reply: ReplyTo,
    error: ErrorCode,
    assignment: Arc<[TopicPartition]>,
    cx: &mut Context<'_>,
) {
    cx.reply(reply, Response::SyncGroup(SyncGroupResponse { error, assignment }));
}
