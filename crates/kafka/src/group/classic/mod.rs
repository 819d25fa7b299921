//! A classic group: its members, its rebalances and who may say what when (`ClassicGroup`, `GroupMetadataManager`).
//!
//! Replies to joins and syncs leave from here; a record to be written is returned, and whoever appends it comes back with
//! [`Group::finish_assignment`]. Kafka's state `DEAD` does not exist: a group that is gone is gone from the map.

mod join;
mod session;
mod statics;
mod sync;
mod upgrade;

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    ErrorCode, Generation, GroupId, MemberId, Span, TopicId, TopicPartition, Wall,
};

use crate::Rule;
use crate::message::{JoinGroupRequest, Subscription};
use crate::record::{GroupMemberValue, GroupRecord, GroupValue};
use crate::settings::Assignor;

use super::offsets::Offsets;
use super::timers::Due;
use super::{Context, Purpose, ReplyTo};

pub(super) use join::{join_error, refuse_join};
pub(super) use sync::refuse_sync;

/// Where a group is in its cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// No members.
    Empty,
    /// Members are asked to join.
    PreparingRebalance,
    /// The leader is asked to assign.
    CompletingRebalance,
    /// Assignments are in force.
    Stable,
}

/// A record to be written, and what to do once that is done.
pub(super) type Change = Option<(GroupRecord, Purpose)>;

/// A classic group, or a simple one that only has offsets.
#[derive(Clone, Debug)]
pub(super) struct Group {
    id: GroupId,
    state: State,
    previous: State,
    generation: Generation,
    protocol: Option<Assignor>,
    leader: Option<MemberId>,
    /// In the order in which they joined.
    members: Vec<Member>,
    /// Ids that were promised (`MEMBER_ID_REQUIRED`).
    pending_join: BTreeSet<MemberId>,
    /// Members of the generation that have not sent `SyncGroup`.
    pending_sync: BTreeSet<MemberId>,
    /// While the first rebalance of an empty group is delayed.
    initial_delay: Option<InitialDelay>,
    /// Whether a member joined since the initial delay was last extended.
    new_member_added: bool,
    /// When it entered its state.
    since: Wall,
    origin: Origin,
    /// What it committed.
    pub(super) offsets: Offsets,
}

/// Where a group comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    Classic,
    /// It was one of the consumer protocol by the record before its own.
    Converted,
}

/// One step of `group.initial.rebalance.delay.ms`, and how much more the delay may grow.
#[derive(Clone, Copy, Debug)]
struct InitialDelay {
    step: Span,
    remaining: Span,
}

/// A member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    id: MemberId,
    /// `group.instance.id`, if it is static.
    instance: Option<Arc<str>>,
    session_timeout: Span,
    rebalance_timeout: Span,
    protocols: Vec<Assignor>,
    subscription: Arc<Subscription>,
    assignment: Arc<[TopicPartition]>,
    /// The join that waits for the end of the join phase.
    joining: Option<ReplyTo>,
    /// The sync that waits for the assignment.
    syncing: Option<ReplyTo>,
    /// Until its first join phase ends; a new member expires even while its join waits.
    is_new: bool,
}

impl Member {
    fn joins_with_the_same(&self, request: &JoinGroupRequest) -> bool {
        self.protocols == request.protocols && self.subscription == request.subscription
    }
}

impl Group {
    /// A group that nobody has joined yet.
    pub(super) const fn new(id: GroupId) -> Self {
        Self {
            id,
            state: State::Empty,
            previous: State::Empty,
            generation: Generation(0),
            protocol: None,
            leader: None,
            members: Vec::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            initial_delay: None,
            new_member_added: false,
            since: Wall(0),
            origin: Origin::Classic,
            offsets: Offsets::NONE,
        }
    }

    /// The group of a record: stable if it has members, whatever it was when its last coordinator went.
    pub(super) fn restore(value: &GroupValue, origin: Origin, offsets: Offsets) -> Self {
        let member = |member: &GroupMemberValue| Member {
            id: member.member,
            instance: member.instance.clone(),
            session_timeout: Span::millis(member.session_timeout_ms),
            rebalance_timeout: Span::millis(member.rebalance_timeout_ms),
            protocols: value.protocol.into_iter().collect(),
            subscription: Arc::clone(&member.subscription),
            assignment: Arc::clone(&member.assignment),
            joining: None,
            syncing: None,
            is_new: false,
        };
        let state = if value.members.is_empty() { State::Empty } else { State::Stable };
        Self {
            state,
            generation: value.generation,
            protocol: value.protocol,
            leader: value.leader,
            members: value.members.iter().map(member).collect(),
            since: value.since,
            origin,
            offsets,
            ..Self::new(value.group)
        }
    }

    pub(super) const fn id(&self) -> GroupId {
        self.id
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    pub(super) const fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// The group's metadata record, with the assignments that members have.
    pub(super) fn value(&self) -> GroupValue {
        let member = |member: &Member| GroupMemberValue {
            member: member.id,
            session_timeout_ms: member.session_timeout.as_millis(),
            rebalance_timeout_ms: member.rebalance_timeout.as_millis(),
            subscription: Arc::clone(&member.subscription),
            assignment: Arc::clone(&member.assignment),
            instance: member.instance.clone(),
        };
        GroupValue {
            group: self.id,
            generation: self.generation,
            protocol: self.protocol,
            leader: self.leader,
            members: self.members.iter().map(member).collect(),
            since: self.since,
        }
    }

    /// The record of a group that is new (`newEmptyGroupMetadataRecord`).
    pub(super) fn empty_value(&self) -> GroupValue {
        let protocol = None;
        GroupValue { protocol, leader: None, members: Vec::new(), ..self.value() }
    }

    /// Whether a member subscribes to a topic.
    pub(super) fn subscribes_to(&self, topic: TopicId) -> bool {
        self.members.iter().any(|member| member.subscription.topics.contains(&topic))
    }

    /// Whether nobody is in it, or about to be.
    pub(super) fn is_vacant(&self) -> bool {
        self.state == State::Empty && self.pending_join.is_empty()
    }

    /// The ids that were promised and not claimed yet.
    pub(super) fn promised(&self) -> impl Iterator<Item = MemberId> {
        self.pending_join.iter().copied()
    }

    /// When it entered its state.
    pub(super) const fn since(&self) -> Wall {
        self.since
    }

    /// Whether it ever had members, unlike a simple group that only has offsets.
    pub(super) fn had_members(&self) -> bool {
        self.generation > Generation(0) || self.state != State::Empty
    }

    /// A load is over: every member gets a fresh session, and a group that is too big now is thinned out.
    pub(super) fn on_loaded(&mut self, cx: &mut Context<'_>) -> Change {
        for member in &self.members {
            cx.schedule(Due::Session(self.id, member.id), member.session_timeout);
        }
        let most = usize::try_from(cx.io.settings.group_max_size).unwrap_or(usize::MAX);
        let resumes = cx.io.rules.on(Rule::ConversionIsResumed);
        let converted = self.origin == Origin::Converted && self.state == State::Stable;
        if (resumes && converted) || self.members.len() > most { self.prepare(cx) } else { None }
    }

    /// Answers everything that waits, because this coordinator is none any more.
    pub(super) fn resign(&mut self, cx: &mut Context<'_>) {
        for member in &mut self.members {
            if let Some(reply) = member.joining.take() {
                refuse_join(reply, member.id, ErrorCode::NotCoordinator, cx);
            }
            if let Some(reply) = member.syncing.take() {
                refuse_sync(reply, ErrorCode::NotCoordinator, cx);
            }
        }
    }

    /// Answers one waiting request with an error and lets its member wait on, as Kafka does when an operation times out.
    pub(super) fn give_up(&mut self, waiting: ReplyTo, error: ErrorCode, cx: &mut Context<'_>) {
        for member in &mut self.members {
            if member.joining == Some(waiting) {
                member.joining = Some(waiting.to_nobody());
                refuse_join(waiting, MemberId::NONE, error, cx);
            } else if member.syncing == Some(waiting) {
                member.syncing = Some(waiting.to_nobody());
                refuse_sync(waiting, error, cx);
            }
        }
    }

    /// Whether a request waits here.
    pub(super) fn holds(&self, reply: ReplyTo) -> bool {
        let is = |waiting: Option<ReplyTo>| waiting == Some(reply);
        self.members.iter().any(|member| is(member.joining) || is(member.syncing))
    }

    /// A connection is gone: its request goes on waiting, its answer will not be sent.
    pub(super) fn on_closed(&mut self, conn: crate::ConnId) {
        for member in &mut self.members {
            for reply in [&mut member.joining, &mut member.syncing].into_iter().flatten() {
                reply.forget(conn);
            }
        }
    }

    fn all_joined(&self) -> bool {
        self.pending_join.is_empty() && self.members.iter().all(|member| member.joining.is_some())
    }

    fn rebalance_timeout(&self) -> Span {
        self.members.iter().map(|member| member.rebalance_timeout).max().unwrap_or(Span::ZERO)
    }

    fn enter(&mut self, next: State, cx: &Context<'_>) {
        let allowed = match next {
            State::Empty | State::CompletingRebalance => self.state == State::PreparingRebalance,
            State::PreparingRebalance => self.state != State::PreparingRebalance,
            State::Stable => self.state == State::CompletingRebalance,
        };
        assert!(allowed, "{}: {:?} does not follow {:?}", self.id, next, self.state);
        self.previous = self.state;
        self.state = next;
        self.since = cx.now.wall;
    }
}
