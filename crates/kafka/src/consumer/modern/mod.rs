//! A member of a group of the consumer protocol (KIP-848): what it is given, and how it comes to own that
//! (`ConsumerMembershipManager`).
//!
//! Heartbeats go on beside the application; what they bring is acted on inside `poll`, since every application is taken to
//! have a `ConsumerRebalanceListener`, whose callbacks run there. Who assigns what is not known here.

mod heartbeat;

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{Generation, MemberId, Span, Time, TopicId, TopicPartition};

use super::membership::Member;
use super::{Consumer, Stage};
use crate::settings::{AutoCommit, GroupProtocol};
use crate::{Now, Outbox, Report, Rule};

pub(super) use heartbeat::Leaving;

/// `MemberState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// It has not subscribed to anything, or has left.
    Unsubscribed,
    /// It asks to be let in.
    Joining,
    /// It is given something else than it owns.
    Reconciling,
    /// It owns what it was given, and the coordinator does not know yet.
    Acknowledging,
    /// It owns what it was given.
    Stable,
    /// It was told that it is no member, and its application does not know yet.
    Fenced,
    /// It left because its application was away for too long, and the application does not know yet.
    Stale,
    /// It cannot go on.
    Fatal,
}

/// What must happen before partitions are given up.
#[derive(Clone, Debug)]
struct Revocation {
    partitions: Vec<TopicPartition>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The automatic commit, until then at the latest.
    Commit(Time),
    /// The application's callback.
    HandOver,
}

/// What the last heartbeats said, so that the next one may leave it out.
#[derive(Clone, Default, Debug)]
struct Said {
    topics: Option<Vec<TopicId>>,
    /// Which of the local assignments.
    owned: Option<u32>,
    /// The settings, which never change.
    settings: bool,
}

/// An assignment, and the how-manieth that is (`LocalAssignment`): one that comes again after another is another one.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Given {
    number: u32,
    partitions: Arc<[TopicPartition]>,
}

/// A heartbeat under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Beat {
    /// It says what the member owns.
    Complete,
    Short,
}

/// Everything about the membership.
#[derive(Clone, Debug)]
pub(super) struct Modern {
    state: State,
    id: MemberId,
    /// Zero until it is let in.
    epoch: Generation,
    /// What it was given last.
    target: Option<Given>,
    /// What it has come to own of that (`currentAssignment`), and how often that changed.
    current: Option<Given>,
    changes: u32,
    /// How many assignments it was given.
    given: u32,
    revocation: Option<Revocation>,
    said: Said,
    under_way: Option<Beat>,
    /// Answers to attempts of another number are those of a former life.
    attempt: u32,
    beat_at: Time,
    interval: Span,
    failures: u32,
}

impl Modern {
    pub(super) fn new() -> Self {
        Self {
            state: State::Unsubscribed,
            id: MemberId::NONE,
            epoch: Generation(0),
            target: None,
            current: None,
            changes: 0,
            given: 0,
            revocation: None,
            said: Said::default(),
            under_way: None,
            attempt: 0,
            beat_at: Time::ZERO,
            interval: Span::ZERO,
            failures: 0,
        }
    }

    /// Who it is in its group, if it is anybody.
    pub(super) fn member(&self) -> Option<Member> {
        let is_member = self.epoch > Generation(0);
        is_member.then_some(Member { generation: self.epoch, id: self.id, protocol: None })
    }

    /// Whether it sends heartbeats.
    pub(super) const fn is_alive(&self) -> bool {
        match self.state {
            State::Joining | State::Reconciling | State::Acknowledging | State::Stable => true,
            State::Unsubscribed | State::Fenced | State::Stale | State::Fatal => false,
        }
    }

    /// What waits to be given up.
    pub(super) fn revoking(&self) -> Option<&[TopicPartition]> {
        self.revocation.as_ref().map(|revocation| &*revocation.partitions)
    }

    /// Whether it owns exactly what it was given (`targetAssignmentReconciled`).
    fn is_reconciled(&self) -> bool {
        self.current == self.target
    }

    /// It owns what it was given.
    fn has_reconciled(&mut self, target: Given) {
        self.current = Some(target);
        self.changes += 1;
        self.state = State::Acknowledging;
    }

    /// `processAssignmentReceived`. What has begun to be given up is given up, even if it was given back meanwhile.
    fn receive(&mut self, partitions: Arc<[TopicPartition]>) {
        let same = |given: &Option<Given>| {
            given.as_ref().is_some_and(|given| given.partitions == partitions)
        };
        if !same(&self.target) {
            let owns_just_that = same(&self.current);
            self.given += 1;
            let target = Given { number: self.given, partitions };
            self.target = Some(target.clone());
            if owns_just_that && self.revocation.is_none() {
                // What it was given in between it never owned; the coordinator waits to hear that.
                return self.has_reconciled(target);
            }
        }
        if !self.is_reconciled() || self.revocation.is_some() {
            self.state = State::Reconciling;
        } else if matches!(self.state, State::Joining | State::Reconciling) {
            self.state = State::Stable;
        }
    }

    /// Begins a life in the group; what it owned it owns no more.
    fn join(&mut self, now: Time) {
        self.state = State::Joining;
        self.current = None;
        self.changes += 1;
        self.beat_at = now;
    }
}

impl Consumer {
    pub(super) fn is_modern(&self) -> bool {
        match self.settings.protocol {
            GroupProtocol::Classic => false,
            GroupProtocol::Consumer(_) => true,
        }
    }

    /// What `poll` does for the group: callbacks that are due, one step of reconciliation, the automatic commit.
    pub(super) fn coordinate_modern(&mut self, now: Now, out: &mut Outbox) -> Stage {
        match self.modern.state {
            State::Unsubscribed => self.modern.join(now.mono),
            State::Fenced | State::Stale => {
                let partitions = self.assignment.partitions();
                self.lose(partitions, out);
                self.modern.join(now.mono);
            }
            State::Joining
            | State::Reconciling
            | State::Acknowledging
            | State::Stable
            | State::Fatal => {}
        }
        let stage = self.reconcile(now, out);
        if self.rules.on(Rule::PollsBeforeItCommits) {
            self.auto_commit(now, out);
        }
        stage
    }

    /// Commit, `onPartitionsRevoked`, `onPartitionsAssigned`: as far as it goes. What is taken on is always what was given
    /// last, whatever it was when the first of these began.
    fn reconcile(&mut self, now: Now, out: &mut Outbox) -> Stage {
        while self.modern.state == State::Reconciling {
            let Some(given) = self.modern.target.clone() else { return Stage::Ready };
            let target = Arc::clone(&given.partitions);
            if !self.give_up_what_is_not_in(&target, now, out) {
                return if self.steering.is_asking() { Stage::Pending } else { Stage::Ready };
            }
            let owned = self.assignment.partitions();
            let goes = |one: &TopicPartition| target.binary_search(one).is_err();
            if owned.iter().any(goes) {
                continue;
            }
            let is_new = |one: &TopicPartition| owned.binary_search(one).is_err();
            let added: Vec<_> = target.iter().copied().filter(is_new).collect();
            // A heartbeat on its way that does not name these as owned would be taken as giving them up.
            if !added.is_empty() && self.modern.under_way == Some(Beat::Complete) {
                return Stage::Ready;
            }
            if added.iter().any(|one| self.metadata.leader(*one).leader.is_none()) {
                self.metadata.request();
            }
            let epoch = self.modern.epoch;
            self.assignment.replace(epoch, &target);
            self.schedule_auto_commit(now.mono);
            self.modern.has_reconciled(given);
            self.assigned(now, epoch, added, out);
        }
        Stage::Ready
    }

    /// Gives up what the member is not to own any more. Whether that is over.
    fn give_up_what_is_not_in(
        &mut self,
        target: &[TopicPartition],
        now: Now,
        out: &mut Outbox,
    ) -> bool {
        let mut revocation = match self.modern.revocation.take() {
            Some(revocation) => revocation,
            None => self.begin_revocation(target, now.mono),
        };
        if let Step::Commit(until) = revocation.step {
            let waits = self.group_state.backs_off(now.mono);
            if waits || !self.prepare_commit_over(now, until, out) {
                self.modern.revocation = Some(revocation);
                return false;
            }
            revocation.step = Step::HandOver;
        }
        if self.must_hand_over(&revocation.partitions) {
            self.modern.revocation = Some(revocation);
            return false;
        }
        self.steering.forget_handover();
        let gone = revocation.partitions;
        if !gone.is_empty() {
            let generation = self.assignment.generation;
            let mut kept = self.assignment.partitions();
            kept.retain(|one| !gone.contains(one));
            out.report(Report::Revoked(generation, gone));
            self.assignment.replace(generation, &kept);
        }
        true
    }

    fn begin_revocation(&mut self, target: &[TopicPartition], now: Time) -> Revocation {
        let mut partitions = self.assignment.partitions();
        partitions.retain(|one| target.binary_search(one).is_err());
        // Nothing more of them may be read, or the commit would not cover it.
        self.assignment.revoke_soon(&partitions);
        let step = match self.settings.auto_commit {
            AutoCommit::Off => Step::HandOver,
            AutoCommit::Every(_) | AutoCommit::Stored { .. } => {
                Step::Commit(now + self.settings.max_poll_interval)
            }
        };
        Revocation { partitions, step }
    }

    /// When automatic commits go out beside the application.
    pub(super) fn commits_at(&self) -> Time {
        if self.rules.on(Rule::PollsBeforeItCommits) { Time::NEVER } else { self.commits.auto_at() }
    }
}
