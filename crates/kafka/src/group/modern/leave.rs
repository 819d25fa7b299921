//! How members of the consumer protocol go: by leaving, in silence, or by keeping what they were to give up.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, TopicId};

use crate::Mark;
use crate::message::{
    ConsumerGroupHeartbeatRequest as Heartbeat, ConsumerGroupHeartbeatResponse as Answer,
};
use crate::record::{ModernAssignment, ModernChange, ModernState};

use super::super::Context;
use super::super::timers::Due;
use super::classic::Departure;
use super::{Group, count};

impl Group {
    /// `consumerGroupLeave`: a member goes, or a static one does for the time being.
    pub(in crate::group) fn leave(
        &self,
        request: &Heartbeat,
        cx: &mut Context<'_>,
    ) -> Result<(Departure, Answer), ErrorCode> {
        let answer = Answer {
            error: ErrorCode::None,
            member: request.member,
            epoch: request.epoch,
            interval: cx.io.settings.consumer_group.heartbeat_interval,
            assignment: None,
        };
        if let Some(instance) = &request.instance {
            let holder = self.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if holder.said.member != request.member {
                cx.out.mark(Mark::InstanceFenced);
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        let member = self.members.get(&request.member).ok_or(ErrorCode::UnknownMemberId)?;
        cx.out.mark(Mark::MemberLeft);
        if request.epoch == Heartbeat::LEAVE_FOR_NOW {
            // It keeps its place and its partitions until its session ends.
            cx.cancel(Due::Revocation(self.id, request.member));
            let away = ModernAssignment {
                epoch: request.epoch,
                revoking: Arc::from([]),
                ..(*member.current).clone()
            };
            let changes = Vec::from([ModernChange::Current(Arc::new(away))]);
            return Ok((Departure::Changes(changes), answer));
        }
        Ok((self.depart(request.member, cx), answer))
    }

    /// A member was silent for its session timeout.
    pub(in crate::group) fn on_session_timer(
        &self,
        id: MemberId,
        cx: &mut Context<'_>,
    ) -> Departure {
        if !self.members.contains_key(&id) {
            return Departure::Changes(Vec::new());
        }
        cx.out.mark(Mark::MemberEvicted);
        self.depart(id, cx)
    }

    /// A member did not let go of something in time.
    pub(in crate::group) fn on_revocation_timer(
        &self,
        id: MemberId,
        cx: &mut Context<'_>,
    ) -> Departure {
        let lets_go = |state| state == ModernState::Unrevoked;
        if !self.members.get(&id).is_some_and(|member| lets_go(member.current.state)) {
            return Departure::Changes(Vec::new());
        }
        cx.out.mark(Mark::MemberEvicted);
        self.depart(id, cx)
    }

    /// A member of the classic protocol did not join again, or did not ask for its part, in time.
    pub(in crate::group) fn on_classic_timer(
        &self,
        id: MemberId,
        cx: &mut Context<'_>,
    ) -> Departure {
        if !self.members.contains_key(&id) {
            return Departure::Changes(Vec::new());
        }
        cx.out.mark(Mark::MemberEvicted);
        self.depart(id, cx)
    }

    /// The targets follow with the next heartbeat of anyone.
    pub(super) fn remove(&self, id: MemberId, cx: &mut Context<'_>) -> Vec<ModernChange> {
        cx.cancel(Due::Member(self.id, id));
        cx.cancel(Due::Revocation(self.id, id));
        cx.cancel(Due::Rejoin(self.id, id));
        cx.cancel(Due::Resync(self.id, id));
        let mut changes = Vec::from([
            ModernChange::CurrentGone(id),
            ModernChange::TargetGone(id),
            ModernChange::MemberGone(id),
        ]);
        let mut wanted = self.wanted.clone();
        if let Some(member) = self.members.get(&id) {
            count(&mut wanted, &[], &member.said.topics);
        }
        let topics: Arc<[(TopicId, u16)]> =
            self.topics.iter().filter(|(topic, _)| wanted.contains_key(topic)).copied().collect();
        if topics != self.topics {
            changes.push(ModernChange::Topics(topics));
        }
        changes.push(ModernChange::Epoch(self.epoch.next()));
        changes
    }
}

impl Group {
    /// A static member's place is taken over by its next life (`replaceMember`): the former one is crossed out.
    pub(super) fn replace(former: MemberId) -> [ModernChange; 3] {
        [
            ModernChange::CurrentGone(former),
            ModernChange::TargetGone(former),
            ModernChange::MemberGone(former),
        ]
    }

    /// A member's epoch while it is away.
    pub(super) const AWAY: Generation = Heartbeat::LEAVE_FOR_NOW;
}
