//! Joining a classic group: the join request, the assignment if this member leads, and the sync request.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, Span, TopicId, TopicPartition};

use super::super::Consumer;
use super::super::network::Tag;
use super::{Join, Leading, Member, Rejoin, Reset, State, reset_after};
use crate::assignor::assign_by_id;
use crate::message::{
    Assigning, JoinGroupRequest, JoinGroupResponse, Request, Subscription, SyncGroupRequest,
    SyncGroupResponse,
};
use crate::{Now, Outbox, Rule};

impl Consumer {
    pub(super) fn send_join(&mut self, now: Now, out: &mut Outbox) {
        let group = &mut self.group_state;
        group.state = State::Preparing;
        let subscription = Arc::new(Subscription {
            topics: group.topics.clone(),
            owned: self.assignment.partitions(),
            generation: (group.me.generation != Generation::NONE).then_some(group.me.generation),
            sticky: group.sticky.clone(),
            rack: self.settings.rack,
        });
        group.joined = Some(Arc::clone(&subscription));
        let me = group.me;
        if self.coordinator(now.mono).is_none() {
            self.group_state.join = Join::Failed(ErrorCode::CoordinatorNotAvailable);
            return;
        }
        let rebalance_timeout = self.rebalance_timeout();
        let request = JoinGroupRequest {
            group: self.group,
            member: me.id,
            session_timeout: self.settings.session_timeout,
            rebalance_timeout,
            protocols: self.settings.assignors.clone(),
            subscription,
            instance: self.settings.instance.clone(),
        };
        // The coordinator may hold the request for the whole rebalance, and a little longer.
        let patience = self.settings.request_timeout.max(rebalance_timeout + Span::secs(5));
        self.group_state.join = Join::UnderWay;
        self.ask_coordinator(Request::JoinGroup(request), now.mono + patience, Tag::Join(me), out);
    }

    pub(in crate::consumer) fn on_joined(
        &mut self,
        now: Now,
        sent: Member,
        response: JoinGroupResponse,
        out: &mut Outbox,
    ) {
        match response.error {
            ErrorCode::None => return self.on_join_phase_over(now, response, out),
            ErrorCode::UnknownMemberId if self.asked_as(sent) => {
                self.group_state.reset(Reset::GenerationAndMember);
            }
            ErrorCode::MemberIdRequired => {
                self.group_state.me = Member { id: response.member, ..Member::NONE };
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.forget_coordinator(now, out);
            }
            // Everything else decides only how the rebalance fails.
            _ => {}
        }
        self.group_state.join = Join::Failed(response.error);
    }

    fn on_join_phase_over(&mut self, now: Now, response: JoinGroupResponse, out: &mut Outbox) {
        if self.group_state.state != State::Preparing && self.rules.on(Rule::GivenUpStaysSo) {
            // The member has left meanwhile (`UnjoinedGroupException`); joining again is all there is to do.
            self.group_state.join = Join::Failed(ErrorCode::CoordinatorNotAvailable);
            return;
        }
        let me = Member {
            generation: response.generation,
            id: response.member,
            protocol: response.protocol,
        };
        self.group_state.state = State::Completing;
        self.group_state.me = me;
        self.heart.enable(now.mono, &self.settings);
        if response.leader != response.member {
            self.group_state.assigned_from = None;
            return self.send_sync(now, Vec::new(), out);
        }
        let mut topics: Vec<TopicId> = response
            .members
            .iter()
            .flat_map(|one| one.subscription.topics.iter().copied())
            .collect();
        topics.sort_unstable();
        topics.dedup();
        self.metadata.watch(&topics);
        let version = self.metadata.version();
        let (members, assigning) = (response.members, response.assigning);
        self.group_state.leading = Some(Leading { member: me, members, assigning, version });
        self.lead(now, out);
    }

    /// Assigns, once metadata are fresh (`onLeaderElected`).
    pub(in crate::consumer) fn lead(&mut self, now: Now, out: &mut Outbox) {
        let Some(leading) = self.group_state.leading.take() else { return };
        if !self.metadata.is_fresh() && self.metadata.version() == leading.version {
            self.group_state.leading = Some(leading);
            return;
        }
        if self.group_state.me != leading.member || self.group_state.state != State::Completing {
            self.group_state.join = Join::Failed(ErrorCode::IllegalGeneration);
            return;
        }
        let Some(assignor) = leading.member.protocol else {
            self.group_state.join = Join::Failed(ErrorCode::InconsistentGroupProtocol);
            return;
        };
        self.take_snapshot(out);
        if leading.assigning == Assigning::Skipped {
            // The assignment stands; the returned leader only watches metadata again.
            self.group_state.assigned_from = Some(self.group_state.snapshot.clone());
            return self.send_sync(now, Vec::new(), out);
        }
        let counts = self.metadata.counts();
        let Ok(assignments) = assign_by_id(assignor, counts, &leading.members, self.rules) else {
            // Kafka's assignor throws here, out of `poll`.
            self.group_state.join = Join::Failed(ErrorCode::UnknownServerError);
            return;
        };
        self.group_state.assigned_from = Some(self.group_state.snapshot.clone());
        let assignments =
            assignments.into_iter().map(|(member, partitions)| (member, Arc::from(partitions)));
        self.send_sync(now, assignments.collect(), out);
    }

    fn send_sync(
        &mut self,
        now: Now,
        assignments: Vec<(MemberId, Arc<[TopicPartition]>)>,
        out: &mut Outbox,
    ) {
        if self.coordinator(now.mono).is_none() {
            self.group_state.join = Join::Failed(ErrorCode::CoordinatorNotAvailable);
            return;
        }
        let me = self.group_state.me;
        let request = SyncGroupRequest {
            group: self.group,
            generation: me.generation,
            member: me.id,
            assignments,
            instance: self.settings.instance.clone(),
        };
        let deadline = now.mono + self.settings.request_timeout;
        self.ask_coordinator(Request::SyncGroup(request), deadline, Tag::Sync(me), out);
    }

    pub(in crate::consumer) fn on_synced(
        &mut self,
        now: Now,
        sent: Member,
        response: SyncGroupResponse,
        out: &mut Outbox,
    ) {
        let is_current = self.asked_as(sent);
        let heeds_leaving = self.rules.on(Rule::GivenUpStaysSo);
        let group = &mut self.group_state;
        let join = match response.error {
            ErrorCode::None => {
                let reset = group.me.generation == Generation::NONE && group.me.protocol.is_none();
                if heeds_leaving && (reset || group.state != State::Completing) {
                    // The heartbeat thread gave this generation up meanwhile.
                    Join::Failed(ErrorCode::IllegalGeneration)
                } else {
                    group.state = State::Stable;
                    group.rejoin = Rejoin::No;
                    Join::Done(response.assignment)
                }
            }
            code @ (ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                if is_current {
                    group.reset(reset_after(code));
                }
                Join::Failed(code)
            }
            code @ (ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator) => {
                self.forget_coordinator(now, out);
                Join::Failed(code)
            }
            code => Join::Failed(code),
        };
        self.group_state.join = join;
    }

    /// The join or sync request will get no answer.
    pub(in crate::consumer) fn on_join_unanswered(&mut self) {
        self.group_state.join = Join::Failed(ErrorCode::NetworkException);
    }
}
