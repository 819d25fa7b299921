//! Commits: `commitSync`, `commitAsync`, automatic ones, and the last one before a rebalance.
//!
//! Every request is reported when it is sent and when it ended; a retry is a request of its own.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, LeaderEpoch, Offset, Time, TopicPartition};

use super::Consumer;
use super::membership::{Member, State, reset_after};
use super::network::Tag;
use super::positions::{FetchState, Stored};
use crate::message::{OffsetCommitRequest, OffsetToCommit, Request};
use crate::settings::AutoCommit;
use crate::{Completion, Now, OpId, Outbox, Report, Rule};

/// What is committed: partition, next offset, epoch of the record before it.
pub(super) type Offsets = Arc<[OffsetToCommit]>;

/// A commit request under way.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    member: Member,
    purpose: Purpose,
    offsets: Vec<(TopicPartition, Offset)>,
}

/// Who waits for a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// A blocked application: the attempt of this number.
    Sync(u32),
    /// A call of `commitAsync`.
    Async(OpId),
    /// Nobody: an automatic commit.
    Auto,
    /// The rebalance that cannot begin before: the attempt of this number.
    Prepare(u32),
}

/// How far the commit before a rebalance is (`autoCommitOffsetRequestFuture`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prepare {
    Idle,
    UnderWay(u32),
    Done(Result<(), ErrorCode>),
}

/// Everything about commits.
#[derive(Clone, Debug)]
pub(super) struct Commits {
    /// When the next automatic commit is due.
    auto_at: Time,
    attempt: u32,
    /// The result of the attempt that a blocked application waits for.
    answer: Option<(u32, Result<(), ErrorCode>)>,
    prepare: Prepare,
    /// Commits that wait for the coordinator to be found.
    unsent: Vec<(Purpose, Offsets)>,
}

impl Commits {
    pub(super) const fn new() -> Self {
        Self {
            auto_at: Time::ZERO,
            attempt: 0,
            answer: None,
            prepare: Prepare::Idle,
            unsent: Vec::new(),
        }
    }

    pub(super) const fn auto_at(&self) -> Time {
        self.auto_at
    }

    pub(super) fn waits_for_coordinator(&self) -> bool {
        !self.unsent.is_empty()
    }
}

/// A `commitSync` in progress.
#[derive(Clone, Debug)]
pub(super) struct SyncCommit {
    offsets: Offsets,
    pub(super) deadline: Time,
    failures: u32,
    step: SyncStep,
    /// The error of an earlier attempt that may have taken effect all the same.
    doubt: Option<ErrorCode>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SyncStep {
    /// Sends, but not before this.
    Send(Time),
    /// Waits for the attempt of this number.
    Await(u32),
}

impl SyncCommit {
    pub(super) const fn new(offsets: Offsets, deadline: Time) -> Self {
        Self { offsets, deadline, failures: 0, step: SyncStep::Send(Time::ZERO), doubt: None }
    }

    /// When it sends again; never while it waits for an answer.
    pub(super) const fn wakes_at(&self) -> Time {
        match self.step {
            SyncStep::Send(at) => at,
            SyncStep::Await(_) => Time::NEVER,
        }
    }

    fn failed(&self, code: ErrorCode) -> Outcome {
        match self.doubt {
            Some(earlier) => Outcome::Unknown(earlier),
            None => outcome(Err(code)),
        }
    }
}

/// How a commit request ended, as far as its sender can know.
fn outcome(result: Result<(), ErrorCode>) -> Outcome {
    match result {
        Ok(()) => Outcome::Ok,
        Err(
            code @ (ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::StaleMemberEpoch
            | ErrorCode::RebalanceInProgress
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId),
        ) => Outcome::Fail(code),
        Err(code) => Outcome::Unknown(code),
    }
}

/// Whether a request left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sent {
    Request,
    /// There was nothing to commit.
    Nothing,
}

impl Consumer {
    /// What the application names, with the epoch of the last record where the position is the consumer's own.
    pub(super) fn with_epochs(&self, offsets: &[(TopicPartition, Offset)]) -> Offsets {
        let with_epoch = offsets.iter().map(|&(partition, offset)| {
            let assigned = self.assignment.states.get(partition);
            let epoch = match assigned.map(|it| it.state) {
                Some(FetchState::Fetching(position)) if position.offset == offset => position.epoch,
                Some(_) | None => None,
            };
            let topic = assigned.and_then(|it| it.topic);
            OffsetToCommit { partition, topic, offset, epoch: epoch.unwrap_or(LeaderEpoch::NONE) }
        });
        with_epoch.collect()
    }

    /// `sendOffsetCommitRequest`.
    fn send_commit(
        &mut self,
        now: Now,
        purpose: Purpose,
        offsets: &Offsets,
        out: &mut Outbox,
    ) -> Result<Sent, ErrorCode> {
        if offsets.is_empty() {
            return Ok(Sent::Nothing);
        }
        if self.coordinator(now.mono).is_none() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let member = if self.group_state.topics.is_empty() {
            Member::NONE
        } else if self.is_modern() {
            match self.modern.member() {
                Some(member) => member,
                None if self.rules.on(Rule::CommitNeedsEpoch) => {
                    return Err(ErrorCode::UnknownMemberId);
                }
                // It commits as nobody, and is refused only while there are others.
                None => Member::NONE,
            }
        } else if let Some(member) = self.stable_member() {
            member
        } else if self.group_state.is_rebalancing() {
            return Err(ErrorCode::RebalanceInProgress);
        } else {
            return Err(ErrorCode::UnknownMemberId);
        };
        let offsets = self.of_topics_that_stand(offsets);
        if offsets.is_empty() {
            return Ok(Sent::Nothing);
        }
        for it in &offsets {
            out.report(Report::Committing(member.generation, it.partition, it.offset));
        }
        let commit = Commit {
            member,
            purpose,
            offsets: offsets.iter().map(|it| (it.partition, it.offset)).collect(),
        };
        let request = OffsetCommitRequest {
            group: self.group,
            generation: member.generation,
            member: member.id,
            instance: self.settings.instance.clone(),
            offsets,
        };
        let deadline = now.mono + self.settings.request_timeout;
        self.ask_coordinator(Request::OffsetCommit(request), deadline, Tag::Commit(commit), out);
        Ok(Sent::Request)
    }

    /// What was read from a topic that another one of its name has replaced is nobody's progress any more.
    fn of_topics_that_stand(&self, offsets: &[OffsetToCommit]) -> Vec<OffsetToCommit> {
        if !self.rules.on(Rule::OffsetsOfOneTopic) {
            return offsets.iter().map(|it| OffsetToCommit { topic: None, ..*it }).collect();
        }
        let stands = |it: &&OffsetToCommit| {
            it.topic.is_none()
                || self.metadata.uuid(it.partition).is_none_or(|now| it.topic == Some(now))
        };
        offsets.iter().filter(stands).copied().collect()
    }

    /// Takes the end of a commit request in: the coordinator's results, or the error of a lost request.
    pub(super) fn on_commit_over(
        &mut self,
        now: Now,
        commit: Commit,
        results: Result<&[(TopicPartition, ErrorCode)], ErrorCode>,
        out: &mut Outbox,
    ) {
        let result_of = |partition: TopicPartition| match results {
            Ok(results) => {
                let found = results.iter().find(|(other, _)| *other == partition);
                found.map_or(Err(ErrorCode::UnknownServerError), |(_, code)| code.check())
            }
            Err(code) => Err(code),
        };
        let mut first = Ok(());
        for (partition, offset) in commit.offsets.iter().copied() {
            let result = result_of(partition);
            out.report(Report::Committed(partition, offset, outcome(result)));
            if result.is_ok() {
                self.assignment.note_committed(partition, offset);
            }
            first = first.and(result);
        }
        if results.is_ok() {
            first = first.map_err(|code| self.on_commit_refused(now, commit.member, code, out));
        }
        self.tell(now, commit.purpose, first, out);
    }

    /// What the first error of an answer means for the membership, and how the application hears of it.
    fn on_commit_refused(
        &mut self,
        now: Now,
        sent: Member,
        code: ErrorCode,
        out: &mut Outbox,
    ) -> ErrorCode {
        match code {
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut => {
                self.forget_coordinator(now, out);
                code
            }
            // Perhaps another topic has its name by now.
            ErrorCode::UnknownTopicId => {
                self.metadata.request();
                code
            }
            // Only heartbeats decide about membership then.
            _ if self.is_modern() => code,
            ErrorCode::RebalanceInProgress => {
                self.group_state.request_rejoin();
                code
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                let is_current = self.asked_as(sent);
                if !is_current && self.group_state.state == State::Preparing {
                    return ErrorCode::RebalanceInProgress;
                }
                self.group_state.reset(reset_after(code));
                code
            }
            // Everything else concerns only the commit itself.
            _ => code,
        }
    }

    fn tell(
        &mut self,
        now: Now,
        purpose: Purpose,
        result: Result<(), ErrorCode>,
        out: &mut Outbox,
    ) {
        match purpose {
            Purpose::Sync(attempt) => self.commits.answer = Some((attempt, result)),
            Purpose::Async(op) => out.complete(op, Completion::Done(outcome(result))),
            Purpose::Auto => {
                let is_javas = matches!(self.settings.auto_commit, AutoCommit::Every(_));
                if is_javas && result.is_err_and(ErrorCode::is_retriable) {
                    self.commits.auto_at = now.mono + self.settings.retry_backoff.first;
                }
            }
            Purpose::Prepare(attempt) => {
                if self.commits.prepare == Prepare::UnderWay(attempt) {
                    self.commits.prepare = Prepare::Done(result);
                }
            }
        }
    }

    /// `commitOffsetsAsync`: without a coordinator the commit waits for one lookup.
    pub(super) fn commit_async(
        &mut self,
        now: Now,
        purpose: Purpose,
        offsets: Offsets,
        out: &mut Outbox,
    ) {
        if !offsets.is_empty() && !self.coordinator_ready(now, out) {
            self.commits.unsent.push((purpose, offsets));
            return;
        }
        self.commit_once(now, purpose, &offsets, out);
    }

    fn commit_once(&mut self, now: Now, purpose: Purpose, offsets: &Offsets, out: &mut Outbox) {
        match self.send_commit(now, purpose, offsets, out) {
            Ok(Sent::Request) => {}
            Ok(Sent::Nothing) => self.tell(now, purpose, Ok(()), out),
            Err(code) => self.refuse(now, purpose, code, out),
        }
    }

    /// A commit that was never sent definitely did not happen.
    fn refuse(&mut self, now: Now, purpose: Purpose, code: ErrorCode, out: &mut Outbox) {
        if let Purpose::Async(op) = purpose {
            out.complete(op, Completion::Done(Outcome::Fail(code)));
        } else {
            self.tell(now, purpose, Err(code), out);
        }
    }

    pub(super) fn on_commit_async(
        &mut self,
        now: Now,
        op: OpId,
        offsets: &[(TopicPartition, Offset)],
        out: &mut Outbox,
    ) {
        let offsets = self.with_epochs(offsets);
        self.commit_async(now, Purpose::Async(op), offsets, out);
    }

    /// The coordinator was found: sends what waited for it.
    pub(super) fn send_unsent(&mut self, now: Now, out: &mut Outbox) {
        for (purpose, offsets) in core::mem::take(&mut self.commits.unsent) {
            self.commit_once(now, purpose, &offsets, out);
        }
    }

    /// The lookup failed: so do the commits that waited for it.
    pub(super) fn fail_unsent(&mut self, now: Now, out: &mut Outbox) {
        for (purpose, _) in core::mem::take(&mut self.commits.unsent) {
            self.refuse(now, purpose, ErrorCode::CoordinatorNotAvailable, out);
        }
    }

    /// The automatic commit is due one interval from now.
    pub(super) fn schedule_auto_commit(&mut self, now: Time) {
        match self.settings.auto_commit {
            AutoCommit::Off => self.commits.auto_at = Time::NEVER,
            AutoCommit::Every(interval) => self.commits.auto_at = now + interval,
            // Its timer runs from the beginning, whatever the group does.
            AutoCommit::Stored { every, .. } => {
                if self.commits.auto_at <= now {
                    self.commits.auto_at = now + every;
                }
            }
        }
    }

    /// What is committed without being asked for.
    pub(super) fn to_commit(&self) -> Offsets {
        match self.settings.auto_commit {
            AutoCommit::Off | AutoCommit::Every(_) => self.assignment.consumed(),
            AutoCommit::Stored { .. } => self.assignment.stored(Stored::All),
        }
    }

    /// `maybeAutoCommitOffsetsAsync`.
    pub(super) fn auto_commit(&mut self, now: Now, out: &mut Outbox) {
        if now.mono < self.commits.auto_at
            || matches!(self.settings.auto_commit, AutoCommit::Stored { .. })
        {
            return;
        }
        self.schedule_auto_commit(now.mono);
        let offsets = self.assignment.consumed();
        self.commit_async(now, Purpose::Auto, offsets, out);
    }

    /// The commit before a rebalance: whether it is over, or its time is.
    pub(super) fn prepare_commit_over(&mut self, now: Now, until: Time, out: &mut Outbox) -> bool {
        if self.commits.prepare == Prepare::Idle {
            let offsets = self.to_commit();
            self.commits.attempt += 1;
            let attempt = self.commits.attempt;
            self.commits.prepare = Prepare::UnderWay(attempt);
            self.commit_once(now, Purpose::Prepare(attempt), &offsets, out);
        }
        match self.commits.prepare {
            Prepare::UnderWay(_) if now.mono < until => return false,
            Prepare::Done(Err(code)) if self.may_commit_again(code) && now.mono < until => {
                self.commits.prepare = Prepare::Idle;
                self.back_off_join(now.mono);
                return false;
            }
            Prepare::Idle | Prepare::UnderWay(_) | Prepare::Done(_) => {}
        }
        self.commits.prepare = Prepare::Idle;
        true
    }

    /// Whether another attempt may succeed; a member's epoch may have risen while the first was on its way.
    fn may_commit_again(&self, code: ErrorCode) -> bool {
        let has_new_epoch = self.is_modern() && self.modern.member().is_some();
        code.is_retriable() || (code == ErrorCode::StaleMemberEpoch && has_new_epoch)
    }

    /// The rebalance that a commit was to precede does not happen.
    pub(super) fn forget_preparation(&mut self) {
        self.commits.prepare = Prepare::Idle;
    }

    /// Takes `commitSync` as far as it goes; its outcome when it is over.
    pub(super) fn advance_commit(
        &mut self,
        now: Now,
        commit: &mut SyncCommit,
        out: &mut Outbox,
    ) -> Option<Outcome> {
        loop {
            let result = match commit.step {
                SyncStep::Await(attempt) => match self.commits.answer.take() {
                    Some((answered, result)) if answered == attempt => {
                        if let Outcome::Unknown(code) = outcome(result) {
                            commit.doubt = Some(code);
                        }
                        result
                    }
                    Some(_) | None if now.mono >= commit.deadline => {
                        return Some(Outcome::Unknown(ErrorCode::RequestTimedOut));
                    }
                    Some(_) | None => return None,
                },
                SyncStep::Send(_) if now.mono >= commit.deadline => {
                    let late = Outcome::Fail(ErrorCode::RequestTimedOut);
                    return Some(commit.doubt.map_or(late, Outcome::Unknown));
                }
                SyncStep::Send(at) if now.mono < at => return None,
                SyncStep::Send(_) => {
                    if !commit.offsets.is_empty() && !self.coordinator_ready(now, out) {
                        return None;
                    }
                    self.commits.attempt += 1;
                    let attempt = self.commits.attempt;
                    match self.send_commit(now, Purpose::Sync(attempt), &commit.offsets, out) {
                        Ok(Sent::Request) => {
                            commit.step = SyncStep::Await(attempt);
                            continue;
                        }
                        Ok(Sent::Nothing) => Ok(()),
                        Err(code) => Err(code),
                    }
                }
            };
            match result {
                Ok(()) => return Some(Outcome::Ok),
                Err(code) if !code.is_retriable() => return Some(commit.failed(code)),
                Err(_) => {
                    commit.failures += 1;
                    let wait = self.settings.retry_backoff.after(commit.failures, &mut self.rng);
                    commit.step = SyncStep::Send(now.mono + wait);
                }
            }
        }
    }
}
