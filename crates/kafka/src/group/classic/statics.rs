//! Static members of a classic group: who has an instance's place, and how a process that comes back takes it (KIP-345).

use alloc::sync::Arc;

use stormglass_types::{ErrorCode, MemberId};

use crate::message::JoinGroupRequest;
use crate::record::GroupRecord;
use crate::{Mark, Rule};

use super::super::timers::Due;
use super::super::{Context, Purpose, ReplyTo};
use super::{Change, Group, State, refuse_join, refuse_sync};

impl Group {
    /// Which member has an instance's place.
    pub(in crate::group) fn static_member(&self, instance: &Arc<str>) -> Option<MemberId> {
        let mut members = self.members.iter();
        members.find(|member| member.instance.as_ref() == Some(instance)).map(|member| member.id)
    }

    /// Whether a request speaks for a member (`ClassicGroup.validateMember`).
    pub(in crate::group) fn validate(
        &self,
        id: MemberId,
        instance: Option<&Arc<str>>,
        cx: &mut Context<'_>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            let holder = self.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if holder != id {
                cx.out.mark(Mark::InstanceFenced);
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        self.member(id).map(|_| ()).ok_or(ErrorCode::UnknownMemberId)
    }

    /// `updateStaticMemberThenRebalanceOrCompleteJoin`: a process that comes back takes the place of its former life.
    pub(super) fn replace_static(
        &mut self,
        old: MemberId,
        request: JoinGroupRequest,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) -> Change {
        let new = request.member;
        self.rename(old, new, cx);
        let member = self.member_mut(new).expect("it was just renamed");
        member.protocols = request.protocols;
        member.subscription = request.subscription;
        member.session_timeout = request.session_timeout;
        member.rebalance_timeout = request.rebalance_timeout;
        member.joining = Some(reply);
        match self.state {
            State::Stable if self.protocol == Some(self.vote()) => {
                if !cx.io.rules.on(Rule::StaticIdIsWritten) {
                    self.finish_return((old, new), Ok(()), cx);
                    return None;
                }
                // The new id must be in the log before it is told, or the next coordinator would know the old one.
                let record = GroupRecord::Group(Arc::new(self.value()));
                Some((record, Purpose::ReturnStatic { group: self.id, old, new }))
            }
            State::CompletingRebalance if !cx.io.rules.on(Rule::StaticRejoinRebalances) => {
                let joining = self.member_mut(new).and_then(|member| member.joining.take());
                self.pending_sync.insert(new);
                if let Some(reply) = joining {
                    self.answer_join(new, reply, cx);
                }
                None
            }
            // The leader may know the old id already, and would assign to that.
            State::Stable | State::CompletingRebalance => self.prepare(cx),
            State::PreparingRebalance => self.complete_if_all_joined(cx),
            State::Empty => panic!("{}: an empty group has no static member", self.id),
        }
    }

    /// The record of a returned static member is written, or could not be.
    pub(in crate::group) fn finish_return(
        &mut self,
        (old, new): (MemberId, MemberId),
        written: Result<(), ErrorCode>,
        cx: &mut Context<'_>,
    ) {
        // A rebalance that began meanwhile answers the join itself.
        if self.state != State::Stable {
            return;
        }
        let joining = self.member_mut(new).and_then(|member| member.joining.take());
        match (written, joining) {
            (Ok(()), Some(reply)) => {
                cx.out.mark(Mark::StaticMemberReturned);
                self.answer_join(new, reply, cx);
            }
            (Ok(()), None) => {}
            (Err(error), joining) => {
                self.rename(new, old, cx);
                if let Some(reply) = joining {
                    refuse_join(reply, MemberId::NONE, error, cx);
                }
            }
        }
    }

    /// `replaceStaticMember`: whoever waits under the old id is fenced.
    fn rename(&mut self, old: MemberId, new: MemberId, cx: &mut Context<'_>) {
        let id = self.id;
        let Some(member) = self.member_mut(old) else { return };
        member.id = new;
        let (joining, syncing) = (member.joining.take(), member.syncing.take());
        let session = member.session_timeout;
        if let Some(reply) = joining {
            cx.out.mark(Mark::InstanceFenced);
            refuse_join(reply, old, ErrorCode::FencedInstanceId, cx);
        }
        if let Some(reply) = syncing {
            cx.out.mark(Mark::InstanceFenced);
            refuse_sync(reply, ErrorCode::FencedInstanceId, cx);
        }
        cx.cancel(Due::Session(id, old));
        cx.schedule(Due::Session(id, new), session);
        if self.leader == Some(old) {
            self.leader = Some(new);
        }
        if self.pending_sync.remove(&old) {
            self.pending_sync.insert(new);
        }
    }
}
