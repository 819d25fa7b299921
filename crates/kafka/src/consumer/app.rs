//! The application's thread: it exists only while a call blocks it.
//!
//! `poll`, `commitSync` and `close` as loops that stop where Java's would block and go on with the next input.

use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, Span, Time, TopicId};

use super::commits::SyncCommit;
use super::membership::Reset;
use super::network::Link;
use super::{Consumer, Stage};
use crate::settings::{AutoCommit, LeaveOnClose};
use crate::{Call, Completion, Exit, Now, OpId, Outbox};

/// What the application's thread is in.
#[derive(Clone, Debug)]
pub(super) enum App {
    /// Code of its own.
    Away,
    /// `poll`.
    Polling {
        /// The call.
        op: OpId,
        /// When it returns at the latest.
        deadline: Time,
    },
    /// `commitSync`.
    Committing {
        /// The call.
        op: OpId,
        /// How far it is.
        commit: SyncCommit,
    },
    /// `close`.
    Closing(Closing),
    /// Nothing, ever again.
    Closed,
}

/// A `close` in progress.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    /// The call, unless the process was asked to end.
    op: Option<OpId>,
    deadline: Time,
    step: CloseStep,
}

#[derive(Clone, Debug)]
enum CloseStep {
    /// The last automatic commit.
    Commit(SyncCommit),
    /// Asynchronous commits that wait for the coordinator.
    Flush,
    /// Answers that the coordinator owes.
    Drain,
}

impl Closing {
    /// Whether the heartbeat thread has ended and the group was left.
    pub(super) const fn has_left(&self) -> bool {
        matches!(self.step, CloseStep::Drain)
    }
}

/// The default of `close`.
const CLOSE_TIMEOUT: Span = Span::secs(30);

impl Consumer {
    pub(super) fn on_call(&mut self, now: Now, op: OpId, call: Call, out: &mut Outbox) {
        if matches!(self.app, App::Closing(_) | App::Closed) {
            let closed = Outcome::Fail(ErrorCode::InvalidRequest);
            return out.complete(op, Completion::Done(closed));
        }
        match call {
            Call::Subscribe(topics) => {
                self.subscribe(topics);
                out.complete(op, Completion::Done(Outcome::Ok));
            }
            Call::SubscribeMatching(topics) => {
                self.metadata.watch_matching(&topics);
                self.group_state.matching = topics;
                out.complete(op, Completion::Done(Outcome::Ok));
            }
            Call::Poll(timeout) => {
                self.assert_away();
                self.app = App::Polling { op, deadline: now.mono + timeout };
            }
            Call::CommitSync(offsets) => {
                self.assert_away();
                let deadline = now.mono + self.settings.default_api_timeout;
                let commit = SyncCommit::new(self.with_epochs(&offsets), deadline);
                self.app = App::Committing { op, commit };
            }
            Call::CommitAsync(offsets) => self.on_commit_async(now, op, &offsets, out),
            Call::Close => self.begin_close(now, Some(op), out),
            Call::Steer(steer) => self.on_steer(now, op, steer, out),
            Call::Send(_)
            | Call::Flush
            | Call::Transaction(_)
            | Call::CloseWithin(_)
            | Call::CreateTopic(_)
            | Call::CreatePartitions { .. }
            | Call::DeleteTopic(_)
            | Call::DeleteRecords { .. }
            | Call::Reassign { .. }
            | Call::Throttle(_)
            | Call::DeleteGroup(_)
            | Call::ElectLeader { .. } => {
                let refused = Outcome::Fail(ErrorCode::InvalidRequest);
                out.complete(op, Completion::Done(refused));
            }
        }
    }

    fn assert_away(&self) {
        assert!(matches!(self.app, App::Away), "a consumer is not safe for two threads");
    }

    fn subscribe(&mut self, mut topics: Vec<TopicId>) {
        topics.sort_unstable();
        topics.dedup();
        self.metadata.watch(&topics);
        self.group_state.topics = topics;
    }

    pub(super) fn begin_close(&mut self, now: Now, op: Option<OpId>, out: &mut Outbox) {
        match core::mem::replace(&mut self.app, App::Closed) {
            App::Away => {}
            App::Polling { op, .. } => out.complete(op, Completion::Records(Vec::new())),
            App::Committing { op, .. } => {
                let interrupted = Outcome::Unknown(ErrorCode::RequestTimedOut);
                out.complete(op, Completion::Done(interrupted));
            }
            already @ (App::Closing(_) | App::Closed) => {
                self.app = already;
                return;
            }
        }
        let deadline = now.mono + CLOSE_TIMEOUT.min(self.settings.request_timeout);
        let step = match self.settings.auto_commit {
            AutoCommit::Off => CloseStep::Flush,
            AutoCommit::Every(_) | AutoCommit::Stored { .. } => {
                CloseStep::Commit(SyncCommit::new(self.to_commit(), deadline))
            }
        };
        self.app = App::Closing(Closing { op, deadline, step });
    }

    /// Goes on with whatever the application's thread is in.
    pub(super) fn advance(&mut self, now: Now, out: &mut Outbox) {
        match core::mem::replace(&mut self.app, App::Closed) {
            App::Polling { op, deadline } => {
                self.app = App::Polling { op, deadline };
                if let Some(completion) = self.advance_poll(now, deadline, out) {
                    self.app = App::Away;
                    out.complete(op, completion);
                }
            }
            App::Committing { op, mut commit } => {
                // Put back before the commit advances: what it meets may depend on who is waiting.
                self.app = App::Committing { op, commit: commit.clone() };
                let over = self.advance_commit(now, &mut commit, out);
                self.app = match over {
                    Some(outcome) => {
                        out.complete(op, Completion::Done(outcome));
                        App::Away
                    }
                    None => App::Committing { op, commit },
                };
            }
            App::Closing(closing) => self.advance_close(now, closing, out),
            idle @ (App::Away | App::Closed) => self.app = idle,
        }
        if self.works_alone() {
            self.work_alone(now, out);
        }
        self.commit_stored(now, out);
    }

    /// The loop in `poll`: what it returns, unless it blocks.
    fn advance_poll(&mut self, now: Now, deadline: Time, out: &mut Outbox) -> Option<Completion> {
        let thrown = |code| Some(Completion::Done(Outcome::Fail(code)));
        let is_over = now.mono >= deadline;
        loop {
            let stage = match self.coordinate(now, out) {
                Ok(Stage::Ready) => self.update_positions(now, out),
                other => other,
            };
            match stage {
                Err(code) => return thrown(code),
                Ok(Stage::Blocked) if !is_over => return None,
                Ok(Stage::Blocked | Stage::Pending | Stage::Ready) => {}
            }
            let was_settled = self.assignment.is_settled();
            let collected = match self.collect(now.mono, out) {
                Ok(collected) => collected,
                Err(code) => return thrown(code),
            };
            // Asking for more before returning keeps the brokers busy while the application is.
            self.send_fetches(now.mono, out);
            if collected.advanced || is_over || self.steering.is_asking() {
                return Some(Completion::Records(collected.records));
            }
            if !was_settled || self.assignment.is_settled() {
                return None;
            }
        }
    }

    fn advance_close(&mut self, now: Now, mut closing: Closing, out: &mut Outbox) {
        self.app = App::Closing(closing.clone());
        loop {
            let is_over = now.mono >= closing.deadline;
            match &mut closing.step {
                CloseStep::Commit(commit) => {
                    if self.advance_commit(now, commit, out).is_none() {
                        break;
                    }
                    closing.step = CloseStep::Flush;
                }
                CloseStep::Flush => {
                    if self.commits.waits_for_coordinator() && !is_over {
                        self.coordinator_ready(now, out);
                        break;
                    }
                    self.give_up(out);
                    match self.settings.leave_on_close {
                        LeaveOnClose::Yes => self.leave(now, out),
                        LeaveOnClose::No => self.group_state.reset(Reset::GenerationAndMember),
                    }
                    closing.step = CloseStep::Drain;
                }
                CloseStep::Drain => {
                    let coordinator = self.coordinator(now.mono);
                    let owes = |place| self.links.get(Link::Coordinator(place)).in_flight() > 0;
                    if coordinator.is_some_and(owes) && !is_over {
                        break;
                    }
                    return self.finish_close(now, closing.op, out);
                }
            }
        }
        self.app = App::Closing(closing);
    }

    fn finish_close(&mut self, now: Now, op: Option<OpId>, out: &mut Outbox) {
        self.app = App::Closed;
        self.fail_unsent(now, out);
        for link in self.links.all() {
            let backoff = self.settings.reconnect_backoff;
            let channel = self.links.get_mut(link);
            for tag in channel.disconnect(now.mono, backoff, &mut self.rng, out) {
                self.on_unanswered(now, tag, out);
            }
        }
        if let Some(op) = op {
            out.complete(op, Completion::Done(Outcome::Ok));
        }
        out.exit(Exit::Clean);
    }

    /// When, after now, the application's thread goes on although nothing arrives.
    pub(super) fn wakes_at(&self, now: Time) -> Time {
        let group_at = self.group_state.wakes_at(now).min(self.coordinator.wakes_at(now));
        let own = match &self.app {
            App::Away if self.works_alone() => {
                [Time::NEVER, self.looks_again_at(now), self.commits.auto_at()]
            }
            App::Away | App::Closed => return Time::NEVER,
            App::Polling { deadline, .. } => {
                [*deadline, self.looks_again_at(now), self.commits.auto_at()]
            }
            App::Committing { commit, .. } => {
                let timer = if self.works_alone() { self.commits.auto_at() } else { Time::NEVER };
                [commit.wakes_at(), commit.deadline, timer]
            }
            App::Closing(Closing { step: CloseStep::Commit(commit), deadline, .. }) => {
                [commit.wakes_at(), *deadline, Time::NEVER]
            }
            App::Closing(closing) => [closing.deadline, Time::NEVER, Time::NEVER],
        };
        own.into_iter().filter(|at| *at > now).fold(group_at, Time::min)
    }

    /// When positions and leaders are looked at again that are not known yet.
    fn looks_again_at(&self, now: Time) -> Time {
        let unsettled = !self.assignment.is_settled() || self.fetcher.stalled;
        if unsettled { now + self.settings.retry_backoff.first } else { Time::NEVER }
    }
}
