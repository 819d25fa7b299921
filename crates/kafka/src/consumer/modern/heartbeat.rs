//! The background thread of a member of the consumer protocol: heartbeats, what their answers say, and leaving
//! (`ConsumerHeartbeatRequestManager`).

use alloc::sync::Arc;

use stormglass_types::{ErrorCode, Generation, Time};

use super::super::Consumer;
use super::super::network::Tag;
use super::{Beat, Said, State};
use crate::message::{
    ConsumerGroupHeartbeatRequest as Heartbeat, ConsumerGroupHeartbeatResponse as Answer, Request,
};
use crate::settings::GroupProtocol;
use crate::{Mark, Now, Outbox, Report};

/// Why a member leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::consumer) enum Leaving {
    /// The application wants it, and has let go of everything.
    Wanted,
    /// The application was away for longer than `max.poll.interval.ms`, and knows of nothing.
    Slow,
}

impl super::Modern {
    /// When the next heartbeat is due; never while one is under way.
    pub(in crate::consumer) fn beats_at(&self) -> Time {
        if self.under_way.is_some() { Time::NEVER } else { self.beat_at }
    }

    /// Whether a heartbeat must not wait for its time (`shouldHeartbeatNow`). After an error even that one waits.
    fn is_urgent(&self) -> bool {
        let asked = matches!(self.state, State::Joining | State::Acknowledging);
        asked && self.failures == 0
    }

    /// It is no member any more: its epoch was that.
    fn part(&mut self, state: State) -> Generation {
        self.state = state;
        self.attempt += 1;
        self.under_way = None;
        self.said = Said::default();
        self.failures = 0;
        self.target = None;
        self.revocation = None;
        core::mem::replace(&mut self.epoch, Generation(0))
    }

    /// Everything is said again, and not at once.
    fn failed(&mut self, at: Time) {
        self.under_way = None;
        self.said = Said::default();
        self.beat_at = at;
    }
}

impl Consumer {
    /// One pass of the background thread, repeated until there is nothing to do.
    pub(in crate::consumer) fn beat_modern(&mut self, now: Now, out: &mut Outbox) {
        while self.heart_beats() {
            if now.mono >= self.commits_at() {
                self.auto_commit(now, out);
            }
            if !self.coordinator_ready(now, out) {
                return;
            }
            if now.mono >= self.poll_until() {
                out.mark(Mark::MaxPollExceeded);
                return self.leave_modern(now, Leaving::Slow, out);
            }
            let is_due = now.mono >= self.modern.beat_at || self.modern.is_urgent();
            if self.modern.under_way.is_some() || !is_due {
                return;
            }
            self.send_beat(now, out);
        }
    }

    fn send_beat(&mut self, now: Now, out: &mut Outbox) {
        let modern = &mut self.modern;
        let joins = modern.state == State::Joining;
        let says_settings = joins || !modern.said.settings;
        let says_topics = joins || modern.said.topics.as_ref() != Some(&self.group_state.topics);
        let says_owned = joins || modern.said.owned != Some(modern.changes);
        let owned = modern.current.as_ref().map(|current| Arc::clone(&current.partitions));
        let owned = owned.unwrap_or_else(|| Arc::from([]));
        let assignor = match self.settings.protocol {
            GroupProtocol::Classic => None,
            GroupProtocol::Consumer(assignor) => assignor,
        };
        let request = Heartbeat {
            group: self.group,
            member: modern.id,
            epoch: if joins { Heartbeat::JOIN } else { modern.epoch },
            instance: self.settings.instance.clone(),
            rack: if says_settings { self.settings.rack } else { None },
            rebalance_timeout: says_settings.then_some(self.settings.max_poll_interval),
            topics: says_topics.then(|| Arc::from(&*self.group_state.topics)),
            assignor: if says_settings { assignor } else { None },
            owned: says_owned.then_some(owned),
        };
        modern.said = Said {
            topics: Some(self.group_state.topics.clone()),
            owned: Some(modern.changes),
            settings: true,
        };
        modern.under_way = Some(if says_owned { Beat::Complete } else { Beat::Short });
        modern.beat_at = now.mono + modern.interval;
        if modern.state == State::Acknowledging {
            modern.state = if modern.is_reconciled() { State::Stable } else { State::Reconciling };
        }
        let tag = Tag::Member(modern.attempt);
        let deadline = now.mono + self.settings.request_timeout;
        self.ask_coordinator(Request::ConsumerGroupHeartbeat(request), deadline, tag, out);
    }

    pub(in crate::consumer) fn on_member(
        &mut self,
        now: Now,
        attempt: u32,
        answer: Answer,
        out: &mut Outbox,
    ) {
        if attempt != self.modern.attempt {
            return;
        }
        if answer.error == ErrorCode::None {
            return self.on_alive(now, answer, out);
        }
        self.on_member_unanswered(now.mono, attempt);
        match answer.error {
            // The next coordinator is asked as soon as it is found.
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.modern.failures = 0;
                self.modern.beat_at = now.mono;
                self.forget_coordinator(now, out);
            }
            ErrorCode::CoordinatorLoadInProgress => {}
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => self.fence(now, out),
            // There is no way on: the next poll throws.
            code => {
                if code == ErrorCode::FencedInstanceId || code == ErrorCode::UnreleasedInstanceId {
                    out.mark(Mark::InstanceFenced);
                }
                self.group_state.fatal = Some(code);
                self.part_modern(State::Fatal, out);
            }
        }
    }

    /// The heartbeat failed or will get no answer.
    pub(in crate::consumer) fn on_member_unanswered(&mut self, now: Time, attempt: u32) {
        if attempt != self.modern.attempt {
            return;
        }
        self.modern.failures += 1;
        let wait = self.settings.retry_backoff.after(self.modern.failures, &mut self.rng);
        self.modern.failed(now + wait);
    }

    /// `onHeartbeatSuccess`.
    fn on_alive(&mut self, now: Now, answer: Answer, out: &mut Outbox) {
        let modern = &mut self.modern;
        modern.under_way = None;
        modern.failures = 0;
        modern.id = answer.member;
        if core::mem::replace(&mut modern.interval, answer.interval) != answer.interval {
            modern.beat_at = now.mono + answer.interval;
        }
        if core::mem::replace(&mut modern.epoch, answer.epoch) != answer.epoch {
            out.report(Report::Joined(answer.epoch));
        }
        if let Some(assignment) = answer.assignment {
            modern.receive(assignment);
        }
    }

    /// `transitionToFenced`: whatever it owns is lost, and it joins again when the application has heard that.
    fn fence(&mut self, now: Now, out: &mut Outbox) {
        out.mark(Mark::MemberFenced);
        self.part_modern(State::Fenced, out);
        if self.assignment.partitions().is_empty() {
            self.modern.join(now.mono);
        }
    }

    fn part_modern(&mut self, state: State, out: &mut Outbox) {
        let epoch = self.modern.part(state);
        self.steering.forget_handover();
        self.forget_preparation();
        if epoch > Generation(0) {
            out.report(Report::Parted(epoch));
        }
    }

    /// Tells the coordinator if that is possible, and is no member any more either way.
    pub(in crate::consumer) fn leave_modern(
        &mut self,
        now: Now,
        leaving: Leaving,
        out: &mut Outbox,
    ) {
        let is_known = self.modern.is_alive() && self.modern.epoch > Generation(0);
        if is_known && self.coordinator(now.mono).is_some() {
            let is_static = self.settings.instance.is_some();
            let request = Heartbeat {
                group: self.group,
                member: self.modern.id,
                epoch: if is_static { Heartbeat::LEAVE_FOR_NOW } else { Heartbeat::LEAVE },
                instance: self.settings.instance.clone(),
                rack: None,
                rebalance_timeout: None,
                topics: None,
                assignor: None,
                owned: None,
            };
            let deadline = now.mono + self.settings.request_timeout;
            let request = Request::ConsumerGroupHeartbeat(request);
            self.ask_coordinator(request, deadline, Tag::Goodbye, out);
        }
        let state = match leaving {
            Leaving::Wanted => State::Unsubscribed,
            Leaving::Slow => State::Stale,
        };
        self.part_modern(state, out);
    }
}
