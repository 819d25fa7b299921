//! How a member stays in a classic group, and how it goes.

use stormglass_types::{ErrorCode, MemberId};

use crate::Mark;
use crate::message::HeartbeatRequest;

use super::super::Context;
use super::super::timers::Due;
use super::join::refuse_join;
use super::{Change, Group, State};

impl Group {
    /// `Heartbeat`. An `Err` is told at once, an `Ok` after what was written before.
    pub(in crate::group) fn heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<ErrorCode, ErrorCode> {
        self.validate(request.member, request.instance.as_ref(), cx)?;
        let member = self.member(request.member).expect("it was just validated");
        if request.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        cx.schedule(Due::Session(self.id, member.id), member.session_timeout);
        match self.state {
            State::Empty => Ok(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => {
                cx.out.mark(Mark::RebalanceSignalled);
                Ok(ErrorCode::RebalanceInProgress)
            }
            State::CompletingRebalance | State::Stable => Ok(ErrorCode::None),
        }
    }

    /// A commit proves that the member lives, too.
    pub(in crate::group) fn on_commit(&self, id: MemberId, cx: &mut Context<'_>) {
        match self.state {
            State::Stable | State::PreparingRebalance => {
                if let Some(member) = self.member(id) {
                    cx.schedule(Due::Session(self.id, id), member.session_timeout);
                }
            }
            State::Empty | State::CompletingRebalance => {}
        }
    }

    /// `LeaveGroup`, of a member or of a promised id.
    pub(in crate::group) fn leave(
        &mut self,
        id: MemberId,
        cx: &mut Context<'_>,
    ) -> (ErrorCode, Change) {
        if !self.pending_join.contains(&id) && self.member(id).is_none() {
            return (ErrorCode::UnknownMemberId, None);
        }
        cx.out.mark(Mark::MemberLeft);
        cx.cancel(Due::Session(self.id, id));
        self.dismiss(id, cx);
        let change = match self.state {
            State::Stable | State::CompletingRebalance => self.rebalance_or_complete(cx),
            State::PreparingRebalance => self.complete_if_all_joined(cx),
            State::Empty => None,
        };
        (ErrorCode::None, change)
    }

    /// A member was silent for its session timeout, or did not come back with the id that it was promised.
    pub(in crate::group) fn on_session_timer(
        &mut self,
        id: MemberId,
        cx: &mut Context<'_>,
    ) -> Change {
        if !self.pending_join.contains(&id) {
            let member = self.member(id)?;
            // A member cannot send heartbeats while its join or sync waits here, unless it may never have been alive.
            if !member.is_new && (member.joining.is_some() || member.syncing.is_some()) {
                return None;
            }
            cx.out.mark(Mark::MemberEvicted);
            self.dismiss(id, cx);
            match self.state {
                State::Stable | State::CompletingRebalance => {
                    return self.rebalance_or_complete(cx);
                }
                State::PreparingRebalance | State::Empty => {}
            }
        }
        self.remove(id);
        if self.state == State::PreparingRebalance && self.all_joined() {
            return self.complete_join(cx);
        }
        None
    }

    /// Removes a member and tells it so if its join waits.
    fn dismiss(&mut self, id: MemberId, cx: &mut Context<'_>) {
        if let Some(reply) = self.member_mut(id).and_then(|member| member.joining.take()) {
            refuse_join(reply, MemberId::NONE, ErrorCode::UnknownMemberId, cx);
        }
        self.remove(id);
    }

    pub(super) fn remove(&mut self, id: MemberId) {
        self.members.retain(|member| member.id != id);
        if self.leader == Some(id) {
            self.leader = self.members.first().map(|member| member.id);
        }
        self.pending_join.remove(&id);
        self.pending_sync.remove(&id);
    }
}
