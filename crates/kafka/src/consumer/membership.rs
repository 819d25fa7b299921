//! The consumer as a member of its group: joining, syncing, assigning as leader, leaving
//! (`AbstractCoordinator`, `ConsumerCoordinator`).
//!
//! A rebalance advances only inside `poll`: what the background thread learns waits for the application to come back. Members
//! of the consumer protocol share the subscription and the way in and out with it, and nothing else.

mod joining;

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, Span, Time, TopicId, TopicPartition};

use super::modern::Leaving;
use super::network::Tag;
use super::{Consumer, Stage};
use crate::assignor::KnownTopic;
use crate::message::{Assigning, JoinedMember, LeaveGroupRequest, Request, Subscription};
use crate::settings::{Assignor, AutoCommit, RebalanceProtocol};
use crate::{Mark, Now, Outbox, Report, Rule};

/// Who the consumer is in its group (`AbstractCoordinator.Generation`). Answers to an older self are recognised by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub(super) generation: Generation,
    pub(super) id: MemberId,
    pub(super) protocol: Option<Assignor>,
}

impl Member {
    /// Nobody yet.
    pub(super) const NONE: Self =
        Self { generation: Generation::NONE, id: MemberId::NONE, protocol: None };
}

/// `MemberState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Unjoined,
    /// The join request is under way.
    Preparing,
    /// The sync request is under way.
    Completing,
    Stable,
}

/// The rebalance under way (`joinFuture`).
#[derive(Clone, Debug)]
enum Join {
    Idle,
    UnderWay,
    Done(Arc<[TopicPartition]>),
    Failed(ErrorCode),
}

/// What a member must do before the next join request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prepare {
    /// Commit and give partitions up (`onJoinPrepare`).
    Needed,
    Finished,
}

/// How far a cooperative member is with the commit before it gives up what it was not given again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Parting {
    Idle,
    /// Until then at the latest.
    Commits(Time),
    Committed,
}

/// Whether the group must be joined again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rejoin {
    Needed,
    No,
}

/// The elected leader's task while it waits for fresh metadata.
#[derive(Clone, Debug)]
struct Leading {
    member: Member,
    members: Vec<JoinedMember>,
    assigning: Assigning,
    /// The version of metadata when it was elected.
    version: u32,
}

/// Whose id a reset takes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reset {
    /// The generation only; the coordinator may still know the member.
    Generation,
    GenerationAndMember,
}

/// Everything about the group.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) state: State,
    pub(super) me: Member,
    rejoin: Rejoin,
    prepare: Prepare,
    join: Join,
    /// No join request before this.
    join_at: Time,
    /// When preparations must end (`joinPrepareTimer`).
    prepare_until: Option<Time>,
    parting: Parting,
    leading: Option<Leading>,
    /// The partition counts on which this member, as leader, based the assignment (`assignmentSnapshot`).
    assigned_from: Option<Vec<KnownTopic>>,
    /// The partition counts as of the last poll (`metadataSnapshot`).
    snapshot: Vec<KnownTopic>,
    snapshot_version: u32,
    /// What the application subscribed to, sorted.
    pub(super) topics: Vec<TopicId>,
    /// The topics that the pattern subscribed to matches, existing or not.
    pub(super) matching: Vec<TopicId>,
    /// What `StickyAssignor` remembers of its last assignment.
    sticky: Option<(Vec<TopicPartition>, Generation)>,
    /// What the heartbeat thread died of; the next poll throws it.
    pub(super) fatal: Option<ErrorCode>,
    /// What was subscribed to at the last join.
    joined: Option<Arc<Subscription>>,
}

impl Membership {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Unjoined,
            me: Member::NONE,
            rejoin: Rejoin::Needed,
            prepare: Prepare::Needed,
            join: Join::Idle,
            join_at: Time::ZERO,
            prepare_until: None,
            parting: Parting::Idle,
            leading: None,
            assigned_from: None,
            snapshot: Vec::new(),
            snapshot_version: 0,
            topics: Vec::new(),
            matching: Vec::new(),
            sticky: None,
            fatal: None,
            joined: None,
        }
    }

    /// Whether the heartbeat thread has someone to keep alive.
    pub(super) const fn has_joined(&self) -> bool {
        matches!(self.state, State::Completing | State::Stable)
    }

    pub(super) const fn is_rebalancing(&self) -> bool {
        matches!(self.state, State::Preparing | State::Completing)
    }

    pub(super) fn request_rejoin(&mut self) {
        self.rejoin = Rejoin::Needed;
    }

    /// `resetStateAndRejoin`.
    pub(super) fn reset(&mut self, reset: Reset) {
        self.state = State::Unjoined;
        self.me = match reset {
            Reset::Generation => Member { id: self.me.id, ..Member::NONE },
            Reset::GenerationAndMember => Member::NONE,
        };
        self.request_rejoin();
        self.prepare = Prepare::Needed;
        self.parting = Parting::Idle;
    }

    /// When, after now, a rebalance goes on although nothing arrives.
    pub(super) fn wakes_at(&self, now: Time) -> Time {
        let parts_at = match self.parting {
            Parting::Commits(until) => until,
            Parting::Idle | Parting::Committed => Time::NEVER,
        };
        let candidates = [self.join_at, self.prepare_until.unwrap_or(Time::NEVER), parts_at];
        candidates.into_iter().filter(|at| *at > now).min().unwrap_or(Time::NEVER)
    }

    pub(super) fn backs_off(&self, now: Time) -> bool {
        now < self.join_at
    }
}

impl Consumer {
    /// `rebalance.timeout.ms` on the wire. Before KIP-62 the session timeout was all there was.
    fn rebalance_timeout(&self) -> Span {
        if self.rules.on(Rule::BackgroundHeartbeat) {
            self.settings.max_poll_interval
        } else {
            self.settings.session_timeout
        }
    }

    /// `generationIfStable`.
    pub(super) fn stable_member(&self) -> Option<Member> {
        if self.is_modern() {
            return self.modern.member();
        }
        (self.group_state.state == State::Stable).then_some(self.group_state.me)
    }

    /// Whether an answer is to what this member asked, and not to what a former self did.
    pub(super) fn asked_as(&self, sent: Member) -> bool {
        self.group_state.me == sent || !self.rules.on(Rule::ErrorsOfThisLife)
    }

    /// `maybeUpdateSubscriptionMetadata`.
    pub(super) fn take_snapshot(&mut self, out: &mut Outbox) {
        let version = self.metadata.version();
        if version != self.group_state.snapshot_version {
            self.match_pattern(out);
            self.group_state.snapshot_version = version;
            self.group_state.snapshot.clear();
            self.group_state.snapshot.extend_from_slice(self.metadata.counts());
        }
    }

    /// `updatePatternSubscription`: whatever matches and exists is subscribed to.
    fn match_pattern(&mut self, out: &mut Outbox) {
        let group = &mut self.group_state;
        if group.matching.is_empty() {
            return;
        }
        let known = self.metadata.counts().iter().map(|known| known.topic);
        let topics: Vec<TopicId> = known.filter(|topic| group.matching.contains(topic)).collect();
        if topics != group.topics && !group.topics.is_empty() {
            out.mark(Mark::PatternMatched);
        }
        group.topics = topics;
    }

    /// `ConsumerCoordinator.poll`, without ever waiting.
    pub(super) fn coordinate(&mut self, now: Now, out: &mut Outbox) -> Result<Stage, ErrorCode> {
        if let Some(code) = self.group_state.fatal.take() {
            return Err(code);
        }
        self.take_snapshot(out);
        if self.group_state.topics.is_empty() {
            if self.steering.is_assigned_by_application() {
                self.auto_commit(now, out);
            }
            return Ok(self.without_group());
        }
        if matches!(self.app, super::App::Polling { .. }) {
            self.heart.polled_at = now.mono;
        }
        if self.is_modern() {
            return Ok(self.coordinate_modern(now, out));
        }
        if !self.coordinator_ready(now, out) {
            return Ok(Stage::Blocked);
        }
        if self.rejoin_needed_or_pending() && self.join_if_needed(now, out)? == Stage::Pending {
            return Ok(Stage::Pending);
        }
        self.auto_commit(now, out);
        Ok(Stage::Ready)
    }

    /// `rejoinNeededOrPending`: only the leader watches partition counts, each member its own subscription.
    pub(super) fn rejoin_needed_or_pending(&mut self) -> bool {
        let group = &mut self.group_state;
        let outdated = group.assigned_from.as_ref().is_some_and(|from| *from != group.snapshot);
        let resubscribed =
            group.joined.as_ref().is_some_and(|joined| joined.topics != group.topics);
        if outdated || resubscribed {
            group.rejoin = Rejoin::Needed;
        }
        group.rejoin == Rejoin::Needed || !matches!(group.join, Join::Idle)
    }

    /// `joinGroupIfNeeded`: `Ready` once the member has its assignment.
    fn join_if_needed(&mut self, now: Now, out: &mut Outbox) -> Result<Stage, ErrorCode> {
        while self.rejoin_needed_or_pending() {
            if !self.coordinator_ready(now, out) || self.group_state.backs_off(now.mono) {
                return Ok(Stage::Pending);
            }
            if self.group_state.prepare == Prepare::Needed {
                if !self.prepare_join(now, out) {
                    return Ok(Stage::Pending);
                }
                self.group_state.prepare = Prepare::Finished;
            }
            if matches!(self.group_state.join, Join::Idle) {
                self.send_join(now, out);
            }
            match core::mem::replace(&mut self.group_state.join, Join::Idle) {
                Join::Idle | Join::UnderWay => {
                    self.group_state.join = Join::UnderWay;
                    return Ok(Stage::Pending);
                }
                Join::Done(assignment) => {
                    let heeds_leaving = self.rules.on(Rule::GivenUpStaysSo);
                    let group = &mut self.group_state;
                    let reset =
                        group.me.generation == Generation::NONE && group.me.protocol.is_none();
                    if heeds_leaving && (reset || group.state != State::Stable) {
                        group.reset(Reset::GenerationAndMember);
                        continue;
                    }
                    let gone = self.not_kept(&assignment);
                    if !self.parting_commit_over(&gone, now, out) || self.must_hand_over(&gone) {
                        self.group_state.join = Join::Done(assignment);
                        return Ok(Stage::Pending);
                    }
                    self.group_state.parting = Parting::Idle;
                    self.steering.forget_handover();
                    self.complete_join(now, &assignment, out);
                    self.group_state.prepare = Prepare::Needed;
                }
                Join::Failed(code) => {
                    self.group_state.request_rejoin();
                    if !is_immediate(code) {
                        if !code.is_retriable() {
                            return Err(code);
                        }
                        if !self.rules.on(Rule::DisconnectKeepsMember) {
                            self.group_state.reset(Reset::GenerationAndMember);
                        }
                        self.back_off_join(now.mono);
                    }
                }
            }
        }
        Ok(Stage::Ready)
    }

    /// `onJoinPrepare`: commit, then give up what must not be kept. Whether that is over.
    fn prepare_join(&mut self, now: Now, out: &mut Outbox) -> bool {
        let timeout = self.rebalance_timeout();
        let until = *self.group_state.prepare_until.get_or_insert(now.mono + timeout);
        let protocol = self.settings.rebalance_protocol();
        let gives_up_first =
            protocol == RebalanceProtocol::Eager && self.rules.on(Rule::RevokeBeforeJoin);
        if self.settings.auto_commit != AutoCommit::Off {
            if gives_up_first && self.rules.on(Rule::PausedWhileItCommits) {
                let partitions = self.assignment.partitions();
                self.assignment.revoke_soon(&partitions);
            }
            if !self.prepare_commit_over(now, until, out) {
                return false;
            }
        }
        let partitions = self.assignment.partitions();
        let me = self.group_state.me;
        let generation = self.assignment.generation;
        let is_lost = me.generation == Generation::NONE || me.id == MemberId::NONE;
        if gives_up_first && !is_lost && self.must_hand_over(&partitions) {
            return false;
        }
        self.steering.forget_handover();
        if is_lost {
            if protocol == RebalanceProtocol::Eager || self.rules.on(Rule::LostMeansLost) {
                self.lose(partitions, out);
            }
        } else if gives_up_first && !partitions.is_empty() {
            out.report(Report::Revoked(generation, partitions));
            self.assignment.replace(generation, &[]);
        } else if protocol == RebalanceProtocol::Cooperative {
            let subscribed = |one: &TopicPartition| self.group_state.topics.contains(&one.topic);
            let (kept, gone): (Vec<_>, Vec<_>) = partitions.into_iter().partition(subscribed);
            if !gone.is_empty() {
                out.report(Report::Revoked(generation, gone));
                self.assignment.replace(generation, &kept);
            }
        }
        self.group_state.prepare_until = None;
        self.metadata.watch(&self.group_state.topics);
        true
    }

    /// The automatic commit of a cooperative member before it gives partitions up, which it read on while it joined.
    /// Whether it is over, or was never due.
    fn parting_commit_over(&mut self, gone: &[TopicPartition], now: Now, out: &mut Outbox) -> bool {
        let commits = self.settings.auto_commit != AutoCommit::Off
            && self.rules.on(Rule::CooperativeCommitsFirst);
        if gone.is_empty() || !commits || self.group_state.parting == Parting::Committed {
            return true;
        }
        let until = match self.group_state.parting {
            Parting::Commits(until) => until,
            Parting::Idle | Parting::Committed => {
                self.assignment.revoke_soon(gone);
                now.mono + self.rebalance_timeout()
            }
        };
        self.group_state.parting = Parting::Commits(until);
        if !self.prepare_commit_over(now, until, out) {
            return false;
        }
        self.group_state.parting = Parting::Committed;
        true
    }

    pub(super) fn lose(&mut self, partitions: Vec<TopicPartition>, out: &mut Outbox) {
        if partitions.is_empty() {
            return;
        }
        out.mark(Mark::PartitionsLost);
        out.report(Report::Lost(self.assignment.generation, partitions));
        self.assignment.replace(Generation::NONE, &[]);
    }

    /// No join request before the backoff is over.
    pub(super) fn back_off_join(&mut self, now: Time) {
        self.group_state.join_at = now + self.settings.retry_backoff.first;
    }

    /// The partitions that a cooperative member has and does not keep; an eager one gave all up before it joined.
    fn not_kept(&self, assignment: &[TopicPartition]) -> Vec<TopicPartition> {
        match self.settings.rebalance_protocol() {
            RebalanceProtocol::Eager => Vec::new(),
            RebalanceProtocol::Cooperative => {
                let mut owned = self.assignment.partitions();
                owned.retain(|one| !assignment.contains(one));
                owned
            }
        }
    }

    /// What waits for the application before it is given up.
    pub(super) fn to_hand_over(&self) -> Vec<TopicPartition> {
        if let Some(partitions) = self.modern.revoking() {
            return partitions.to_vec();
        }
        match &self.group_state.join {
            Join::Done(assignment) => self.not_kept(assignment),
            Join::Idle | Join::UnderWay | Join::Failed(_) => self.assignment.partitions(),
        }
    }

    /// `onJoinComplete`.
    fn complete_join(&mut self, now: Now, assignment: &[TopicPartition], out: &mut Outbox) {
        let known = |partition: &TopicPartition| self.group_state.topics.contains(&partition.topic);
        if !assignment.iter().all(known) {
            self.group_state.request_rejoin();
            return;
        }
        let mut partitions = assignment.to_vec();
        partitions.sort_unstable();
        partitions.dedup();
        let me = self.group_state.me;
        out.report(Report::Joined(me.generation));
        let owned = self.assignment.partitions();
        let since = self.assignment.generation;
        let mut added = partitions.clone();
        match self.settings.rebalance_protocol() {
            RebalanceProtocol::Eager => {
                if !owned.is_empty() {
                    // Only a member that did not give its partitions up before it joined still has some.
                    out.report(Report::Revoked(since, owned));
                }
            }
            RebalanceProtocol::Cooperative => {
                let kept = |one: &TopicPartition| partitions.binary_search(one).is_ok();
                let revoked: Vec<_> = owned.iter().copied().filter(|one| !kept(one)).collect();
                if !revoked.is_empty() {
                    out.mark(Mark::CooperativeRevocation);
                    out.report(Report::Revoked(since, revoked));
                    self.group_state.request_rejoin();
                }
                added.retain(|one| owned.binary_search(one).is_err());
            }
        }
        if me.protocol == Some(Assignor::Sticky) {
            self.group_state.sticky = Some((partitions.clone(), me.generation));
        }
        self.schedule_auto_commit(now.mono);
        self.assignment.replace(me.generation, &partitions);
        self.assigned(now, me.generation, added, out);
    }

    /// `maybeLeaveGroup`: tells the coordinator if that is possible, and is no member any more either way.
    pub(super) fn leave(&mut self, now: Now, out: &mut Outbox) {
        if self.is_modern() {
            return self.leave_modern(now, Leaving::Wanted, out);
        }
        let me = self.group_state.me;
        let is_member = self.group_state.state != State::Unjoined && me.id != MemberId::NONE;
        // A static member is expected back: only the end of its session takes it out of the group (KIP-345).
        let is_dynamic = self.settings.instance.is_none();
        if is_member && is_dynamic && self.coordinator(now.mono).is_some() {
            let request = LeaveGroupRequest { group: self.group, member: me.id };
            let deadline = now.mono + self.settings.request_timeout;
            self.ask_coordinator(Request::LeaveGroup(request), deadline, Tag::Leave, out);
        }
        self.group_state.reset(Reset::GenerationAndMember);
    }

    /// `onLeavePrepare`: the application hears that its partitions are gone before the group does.
    pub(super) fn give_up(&mut self, out: &mut Outbox) {
        let partitions = self.assignment.partitions();
        let me = self.group_state.me;
        let is_out = if self.is_modern() {
            self.modern.member().is_none()
        } else {
            me.generation == Generation::NONE || me.id == MemberId::NONE
        };
        if is_out || self.group_state.is_rebalancing() {
            self.lose(partitions, out);
        } else if !partitions.is_empty() {
            out.report(Report::Revoked(self.assignment.generation, partitions));
            self.assignment.replace(Generation::NONE, &[]);
        }
    }
}

/// What an error takes away: after `ILLEGAL_GENERATION` the member id may still be good.
pub(super) fn reset_after(code: ErrorCode) -> Reset {
    if code == ErrorCode::IllegalGeneration {
        Reset::Generation
    } else {
        Reset::GenerationAndMember
    }
}

/// Whether a failed rebalance is tried again at once.
fn is_immediate(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::RebalanceInProgress
            | ErrorCode::MemberIdRequired
    )
}
