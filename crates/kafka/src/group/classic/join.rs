//! A classic group's join phase: who may join, when the phase ends, what everyone is told.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, Span};

use crate::message::{Assigning, JoinGroupRequest, JoinGroupResponse, JoinedMember, Response};
use crate::record::GroupRecord;
use crate::settings::Assignor;
use crate::{Mark, Note, Rule};

use super::super::timers::Due;
use super::super::{Context, Purpose, ReplyTo};
use super::{Change, Group, InitialDelay, Member, State};

/// How long a new member may wait for the end of a join phase: its client may be gone without anybody noticing.
const NEW_MEMBER_JOIN_TIMEOUT: Span = Span::secs(5 * 60);

impl Group {
    /// `JoinGroup`. The reply leaves at once or when the join phase ends.
    pub(in crate::group) fn join(
        &mut self,
        request: JoinGroupRequest,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) -> Change {
        let id = request.member;
        if !self.has_room_for(id, cx) {
            cx.out.mark(Mark::GroupFull);
            self.remove(id);
            refuse_join(reply, MemberId::NONE, ErrorCode::GroupMaxSizeReached, cx);
            return None;
        }
        if !self.supports_any(&request.protocols) {
            refuse_join(reply, id, ErrorCode::InconsistentGroupProtocol, cx);
            return None;
        }
        if id == MemberId::NONE {
            return self.admit(request, reply, cx);
        }
        if self.pending_join.contains(&id) {
            return self.add(request, reply, cx);
        }
        if let Err(error) = self.validate(id, request.instance.as_ref(), cx) {
            refuse_join(reply, id, error, cx);
            return None;
        }
        let member = self.member(id).expect("it was just validated");
        let same = member.joins_with_the_same(&request);
        match self.state {
            State::PreparingRebalance => self.join_again(request, reply, cx),
            // It probably did not get the answer to its join.
            State::CompletingRebalance if same => {
                self.answer_join(id, reply, cx);
                None
            }
            // A leader may have seen a change of the topics that its own metadata does not show.
            State::Stable if same && self.leader != Some(id) => {
                self.answer_join(id, reply, cx);
                None
            }
            State::CompletingRebalance | State::Stable => self.join_again(request, reply, cx),
            State::Empty => {
                refuse_join(reply, id, ErrorCode::UnknownMemberId, cx);
                None
            }
        }
    }

    /// `acceptJoiningMember`.
    fn has_room_for(&self, id: MemberId, cx: &Context<'_>) -> bool {
        let most = usize::try_from(cx.io.settings.group_max_size).unwrap_or(usize::MAX);
        match self.state {
            State::Empty => true,
            // Counting those who wait lets the last members to come back of an oversized group be turned away.
            State::PreparingRebalance => {
                self.member(id).is_some_and(|member| member.joining.is_some())
                    || self.members.iter().filter(|member| member.joining.is_some()).count() < most
            }
            State::CompletingRebalance | State::Stable => {
                self.member(id).is_some() || self.members.len() < most
            }
        }
    }

    fn supports_any(&self, protocols: &[Assignor]) -> bool {
        protocols.iter().any(|protocol| self.state == State::Empty || self.all_support(*protocol))
    }

    fn all_support(&self, protocol: Assignor) -> bool {
        self.members.iter().all(|member| member.protocols.contains(&protocol))
    }

    /// A member without an id: a static one is let in at once, another gets an id to come back with.
    fn admit(
        &mut self,
        mut request: JoinGroupRequest,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) -> Change {
        if request.instance.is_none() && cx.io.rules.on(Rule::MemberIdRequired) {
            self.promise_id(&request, reply, cx);
            return None;
        }
        request.member = cx.io.ids.next(cx.now.mono);
        let known = request.instance.as_ref().and_then(|instance| self.static_member(instance));
        match known {
            Some(old) if self.state != State::Stable && !cx.io.rules.on(Rule::StaticIdIsNew) => {
                request.member = old;
                self.join_again(request, reply, cx)
            }
            Some(old) => self.replace_static(old, request, reply, cx),
            None => self.add(request, reply, cx),
        }
    }

    /// KIP-394: an id first, so that a client whose join is lost does not leave a member behind.
    fn promise_id(&mut self, request: &JoinGroupRequest, reply: ReplyTo, cx: &mut Context<'_>) {
        let id = cx.io.ids.next(cx.now.mono);
        self.pending_join.insert(id);
        cx.schedule(Due::Session(self.id, id), request.session_timeout);
        cx.out.mark(Mark::MemberIdRequired);
        refuse_join(reply, id, ErrorCode::MemberIdRequired, cx);
    }

    fn add(&mut self, request: JoinGroupRequest, reply: ReplyTo, cx: &mut Context<'_>) -> Change {
        let id = request.member;
        if self.state == State::PreparingRebalance && self.previous == State::Empty {
            self.new_member_added = true;
        }
        self.leader.get_or_insert(id);
        self.members.push(Member {
            id,
            instance: request.instance,
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            protocols: request.protocols,
            subscription: request.subscription,
            assignment: Arc::from([]),
            joining: Some(reply),
            syncing: None,
            is_new: true,
        });
        self.pending_join.remove(&id);
        cx.schedule(Due::Session(self.id, id), NEW_MEMBER_JOIN_TIMEOUT);
        self.rebalance_or_complete(cx)
    }

    fn join_again(
        &mut self,
        request: JoinGroupRequest,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) -> Change {
        let member = self.member_mut(request.member).expect("the caller found it");
        member.protocols = request.protocols;
        member.subscription = request.subscription;
        member.session_timeout = request.session_timeout;
        member.rebalance_timeout = request.rebalance_timeout;
        member.joining = Some(reply);
        self.rebalance_or_complete(cx)
    }

    /// `maybePrepareRebalanceOrCompleteJoin`.
    pub(super) fn rebalance_or_complete(&mut self, cx: &mut Context<'_>) -> Change {
        match self.state {
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare(cx),
            State::PreparingRebalance => self.complete_if_all_joined(cx),
        }
    }

    /// `prepareRebalance`: everyone is to join again.
    pub(in crate::group) fn prepare(&mut self, cx: &mut Context<'_>) -> Change {
        if self.state == State::CompletingRebalance {
            self.reset_assignments(ErrorCode::RebalanceInProgress, cx);
        }
        self.pending_sync.clear();
        cx.cancel(Due::Sync(self.id));
        let from = self.state;
        self.enter(State::PreparingRebalance, cx);
        if from == State::Empty {
            // The group is new: wait for the members who come with the first one.
            let step = cx.io.settings.group_initial_rebalance_delay;
            let remaining = self.rebalance_timeout() - step;
            self.initial_delay = Some(InitialDelay { step, remaining });
            cx.schedule(Due::Join(self.id), step);
            return None;
        }
        if self.all_joined() {
            return self.complete_join(cx);
        }
        cx.schedule(Due::Join(self.id), self.rebalance_timeout());
        None
    }

    /// `maybeCompleteJoinPhase`; an initial rebalance ends by its delay only.
    pub(super) fn complete_if_all_joined(&mut self, cx: &mut Context<'_>) -> Change {
        let initial = self.previous == State::Empty;
        if self.state != State::PreparingRebalance || initial || !self.all_joined() {
            return None;
        }
        self.complete_join(cx)
    }

    /// The time for joining, or one step of the initial delay, is over.
    pub(in crate::group) fn on_join_timer(&mut self, cx: &mut Context<'_>) -> Change {
        assert!(
            self.state == State::PreparingRebalance,
            "{}: joins are timed while joining",
            self.id
        );
        if let Some(InitialDelay { step, remaining }) = self.initial_delay
            && self.new_member_added
            && remaining > Span::ZERO
        {
            self.new_member_added = false;
            let next = cx.io.settings.group_initial_rebalance_delay.min(remaining);
            self.initial_delay = Some(InitialDelay { step: next, remaining: remaining - step });
            cx.schedule(Due::Join(self.id), next);
            return None;
        }
        self.complete_join(cx)
    }

    /// `completeClassicGroupJoin`: whoever has not joined is out, a generation begins.
    pub(super) fn complete_join(&mut self, cx: &mut Context<'_>) -> Change {
        cx.cancel(Due::Join(self.id));
        self.initial_delay = None;
        let goes = |member: &&Member| member.joining.is_none() && member.instance.is_none();
        let absent: Vec<MemberId> = self.members.iter().filter(goes).map(|m| m.id).collect();
        for id in absent {
            self.remove(id);
            cx.cancel(Due::Session(self.id, id));
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Only static members are left and none has joined: the ends of their sessions decide.
            cx.schedule(Due::Join(self.id), self.rebalance_timeout());
            return None;
        }
        self.generation = self.generation.next();
        self.pending_sync.clear();
        cx.out.note(Note::Rebalanced {
            group: self.id,
            generation: self.generation,
            members: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
        });
        if self.members.is_empty() {
            self.protocol = None;
            self.enter(State::Empty, cx);
            return Some((GroupRecord::Group(Arc::new(self.value())), Purpose::Nothing));
        }
        self.protocol = Some(self.vote());
        self.enter(State::CompletingRebalance, cx);
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let (id, session) = (member.id, member.session_timeout);
            let reply = member.joining.take();
            member.is_new = false;
            self.pending_sync.insert(id);
            // A static member that has not come back yet is part of the generation all the same.
            if let Some(reply) = reply {
                self.answer_join(id, reply, cx);
            }
            cx.schedule(Due::Session(self.id, id), session);
        }
        if cx.io.rules.on(Rule::PendingSyncExpires) {
            cx.schedule(Due::Sync(self.id), self.rebalance_timeout());
        }
        None
    }

    /// `maybeElectNewJoinedLeader`: whether the leader is among those who joined.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |member: &Member| member.joining.is_some();
        let leader = self.leader.and_then(|leader| self.member(leader));
        if !leader.is_some_and(joined) {
            let Some(other) = self.members.iter().find(|member| joined(member)) else {
                return false;
            };
            self.leader = Some(other.id);
        }
        true
    }

    /// Each member votes for the first of its protocols that all support; of equals the first in order wins.
    pub(super) fn vote(&self) -> Assignor {
        let mut votes: Vec<(Assignor, u32)> = Vec::new();
        for member in &self.members {
            let choice =
                member.protocols.iter().copied().find(|protocol| self.all_support(*protocol));
            let choice =
                choice.expect("a member is admitted only with a protocol that all support");
            match votes.iter_mut().find(|(protocol, _)| *protocol == choice) {
                Some((_, count)) => *count += 1,
                None => votes.push((choice, 1)),
            }
        }
        votes.sort_by_key(|(protocol, count)| (core::cmp::Reverse(*count), *protocol));
        votes.first().expect("a group that votes has members").0
    }

    /// Tells a member its generation; the leader learns who else is in it.
    pub(super) fn answer_join(&self, id: MemberId, reply: ReplyTo, cx: &mut Context<'_>) {
        let everyone = || {
            let entry = |member: &Member| JoinedMember {
                member: member.id,
                instance: member.instance.clone(),
                subscription: Arc::clone(&member.subscription),
            };
            self.members.iter().map(entry).collect()
        };
        let (members, assigning) = match self.state {
            State::CompletingRebalance if self.leader == Some(id) => {
                (everyone(), Assigning::Wanted)
            }
            // Only a static leader that comes back is answered while the assignment stands (KIP-814).
            State::Stable if self.leader == Some(id) => (everyone(), Assigning::Skipped),
            State::Empty
            | State::PreparingRebalance
            | State::CompletingRebalance
            | State::Stable => (Vec::new(), Assigning::Wanted),
        };
        let response = JoinGroupResponse {
            error: ErrorCode::None,
            generation: self.generation,
            protocol: self.protocol,
            leader: self.leader.unwrap_or(MemberId::NONE),
            member: id,
            members,
            assigning,
        };
        cx.reply(reply, Response::JoinGroup(response));
    }
}

pub(in crate::group) fn refuse_join(
    reply: ReplyTo,
    member: MemberId,
    error: ErrorCode,
    cx: &mut Context<'_>,
) {
    cx.reply(reply, Response::JoinGroup(join_error(member, error)));
}

/// A join's answer without a generation.
pub(in crate::group) const fn join_error(member: MemberId, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        generation: Generation::NONE,
        protocol: None,
        leader: MemberId::NONE,
        member,
        members: Vec::new(),
        assigning: Assigning::Wanted,
    }
}
