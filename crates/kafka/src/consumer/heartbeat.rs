//! The background thread that keeps the membership alive while the application processes (KIP-62).
//!
//! It never joins: whatever it learns is acted on when the application polls.

use stormglass_types::{ErrorCode, Time};

use super::membership::{Member, State, reset_after};
use super::network::Tag;
use super::{App, Consumer};
use crate::message::{HeartbeatRequest, Request};
use crate::settings::{ConsumerSettings, Threads};
use crate::{Mark, Now, Outbox, Rule};

/// Its timers (`Heartbeat`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Heart {
    /// When the next heartbeat is due.
    next_at: Time,
    /// When the session ends unless the coordinator answers.
    pub(super) session_until: Time,
    /// When the application last polled.
    pub(super) polled_at: Time,
    failures: u32,
}

impl Heart {
    pub(super) const fn new(now: Time) -> Self {
        Self { next_at: now, session_until: Time::NEVER, polled_at: now, failures: 0 }
    }

    /// `HeartbeatThread.enable`, `Heartbeat.resetTimeouts`.
    pub(super) fn enable(&mut self, now: Time, settings: &ConsumerSettings) {
        self.next_at = now + settings.heartbeat_interval;
        self.session_until = now + settings.session_timeout;
        if settings.threads == Threads::Application {
            self.polled_at = now;
        }
    }
}

impl Consumer {
    /// Whether the heartbeat thread runs now.
    pub(super) fn heart_beats(&self) -> bool {
        let has_time = match &self.app {
            App::Away => self.is_modern() || self.rules.on(Rule::BackgroundHeartbeat),
            App::Polling { .. } | App::Committing { .. } => true,
            App::Closing(closing) => !closing.has_left(),
            App::Closed => false,
        };
        let has_joined =
            if self.is_modern() { self.modern.is_alive() } else { self.group_state.has_joined() };
        has_time && has_joined
    }

    /// One pass of `HeartbeatThread.run`, repeated until there is nothing to do.
    pub(super) fn beat(&mut self, now: Now, out: &mut Outbox) {
        if self.is_modern() {
            return self.beat_modern(now, out);
        }
        while self.heart_beats() {
            if !self.coordinator_ready(now, out) {
                return;
            }
            if now.mono >= self.heart.session_until {
                // Without an answer for a whole session the coordinator is not what it was.
                self.forget_coordinator(now, out);
            } else if now.mono >= self.poll_until() {
                out.mark(Mark::MaxPollExceeded);
                self.leave(now, out);
                if self.works_alone() {
                    // Without waiting for the application to come back.
                    let partitions = self.assignment.partitions();
                    self.lose(partitions, out);
                }
            } else if now.mono >= self.heart.next_at {
                self.heart.next_at = now.mono + self.settings.heartbeat_interval;
                let me = self.group_state.me;
                let request = HeartbeatRequest {
                    group: self.group,
                    generation: me.generation,
                    member: me.id,
                    instance: self.settings.instance.clone(),
                };
                let deadline = now.mono + self.settings.request_timeout;
                self.ask_coordinator(
                    Request::Heartbeat(request),
                    deadline,
                    Tag::Heartbeat(me),
                    out,
                );
            } else {
                return;
            }
        }
    }

    /// When, after now, the thread has something to do.
    pub(super) fn beats_at(&self, now: Time) -> Time {
        if !self.heart_beats() {
            return Time::NEVER;
        }
        let own = if self.is_modern() {
            [self.modern.beats_at(), self.commits_at(), self.poll_until()]
        } else {
            [self.heart.next_at, self.heart.session_until, self.poll_until()]
        };
        let ahead = own.into_iter().filter(|at| *at > now).min().unwrap_or(Time::NEVER);
        ahead.min(self.coordinator.wakes_at(now))
    }

    /// When the application will have stayed away too long; never while it polls.
    pub(super) fn poll_until(&self) -> Time {
        let polls = matches!(self.app, App::Polling { .. });
        let is_watched = self.is_modern() || self.rules.on(Rule::BackgroundHeartbeat);
        if polls || !is_watched {
            return Time::NEVER;
        }
        self.heart.polled_at + self.settings.max_poll_interval
    }

    pub(super) fn on_heartbeat(
        &mut self,
        now: Now,
        sent: Member,
        code: ErrorCode,
        out: &mut Outbox,
    ) {
        match code {
            ErrorCode::None => self.heard(now.mono),
            ErrorCode::RebalanceInProgress => {
                if self.group_state.state == State::Stable {
                    out.mark(Mark::RebalanceSignalled);
                    self.group_state.request_rejoin();
                }
                // The coordinator knows the member, and keeps it for as long as the rebalance may take.
                self.heard(now.mono);
            }
            ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId => {
                if self.asked_as(sent) {
                    if code == ErrorCode::FencedInstanceId {
                        // Another process has this instance's place; the next poll throws.
                        out.mark(Mark::InstanceFenced);
                        self.group_state.fatal = Some(code);
                    }
                    self.group_state.reset(reset_after(code));
                    self.missed(now.mono);
                } else {
                    self.heard(now.mono);
                }
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.forget_coordinator(now, out);
                self.missed(now.mono);
            }
            // Anything else is a failed heartbeat, tried again after the backoff.
            _ => self.missed(now.mono),
        }
    }

    fn heard(&mut self, now: Time) {
        self.heart.failures = 0;
        self.heart.session_until = now + self.settings.session_timeout;
    }

    /// `failHeartbeat`.
    pub(super) fn missed(&mut self, now: Time) {
        self.heart.failures += 1;
        let failures = self.heart.failures;
        self.heart.next_at = now + self.settings.retry_backoff.after(failures, &mut self.rng);
    }
}
