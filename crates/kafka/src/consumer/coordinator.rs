//! Finding the group's coordinator and losing it again.
//!
//! Knows nothing of membership: a new coordinator is only someone else to ask.

use stormglass_types::{BrokerId, ErrorCode, Time};

use super::Consumer;
use super::network::{Link, Tag};
use crate::message::{Coordinated, FindCoordinatorRequest, Request};
use crate::{Now, Outbox};

/// What is known of the coordinator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coordinator {
    /// The place of the broker that coordinates.
    place: Option<usize>,
    /// Whether a lookup is under way.
    finding: bool,
    /// No lookup before this.
    find_at: Time,
    /// Failed lookups in a row.
    failures: u32,
}

impl Coordinator {
    pub(super) const UNKNOWN: Self =
        Self { place: None, finding: false, find_at: Time::ZERO, failures: 0 };

    /// When, after now, the next lookup may start.
    pub(super) fn wakes_at(&self, now: Time) -> Time {
        let waits = self.place.is_none() && !self.finding && self.find_at > now;
        if waits { self.find_at } else { Time::NEVER }
    }
}

impl Consumer {
    /// The coordinator, if it is known and can be reached (`checkAndGetCoordinator`).
    pub(super) fn coordinator(&mut self, now: Time) -> Option<usize> {
        let place = self.coordinator.place?;
        if !self.links.get(Link::Coordinator(place)).is_ready(now) {
            self.coordinator.place = None;
        }
        self.coordinator.place
    }

    /// Whether the coordinator is known; starts looking for it if not.
    pub(super) fn coordinator_ready(&mut self, now: Now, out: &mut Outbox) -> bool {
        if self.coordinator(now.mono).is_some() {
            return true;
        }
        if !self.coordinator.finding && now.mono >= self.coordinator.find_at {
            self.find_coordinator(now.mono, out);
        }
        false
    }

    fn find_coordinator(&mut self, now: Time, out: &mut Outbox) {
        let Some(link) = self.least_loaded(now) else { return self.find_again(now) };
        let request =
            Request::FindCoordinator(FindCoordinatorRequest { of: Coordinated::Group(self.group) });
        let deadline = now + self.settings.request_timeout;
        self.links.get_mut(link).send(request, deadline, Tag::FindCoordinator, out);
        self.coordinator.finding = true;
    }

    fn find_again(&mut self, now: Time) {
        self.coordinator.failures += 1;
        let failures = self.coordinator.failures;
        self.coordinator.find_at = now + self.settings.retry_backoff.after(failures, &mut self.rng);
        self.metadata.request();
    }

    pub(super) fn on_coordinator(
        &mut self,
        now: Now,
        answer: Result<BrokerId, ErrorCode>,
        out: &mut Outbox,
    ) {
        self.coordinator.finding = false;
        let place = answer
            .ok()
            .and_then(|broker| self.links.place(broker))
            .filter(|place| self.links.get(Link::Coordinator(*place)).is_ready(now.mono));
        let Some(place) = place else {
            self.find_again(now.mono);
            return self.fail_unsent(now, out);
        };
        self.coordinator.place = Some(place);
        self.coordinator.failures = 0;
        self.heart.session_until = now.mono + self.settings.session_timeout;
        self.send_unsent(now, out);
    }

    /// Sends to the coordinator, which the caller has found ready.
    pub(super) fn ask_coordinator(
        &mut self,
        request: Request,
        deadline: Time,
        tag: Tag,
        out: &mut Outbox,
    ) {
        let place = self.coordinator.place.expect("the caller found the coordinator ready");
        self.links.get_mut(Link::Coordinator(place)).send(request, deadline, tag, out);
    }

    /// `markCoordinatorUnknown`: whatever it still owed an answer to has failed.
    pub(super) fn forget_coordinator(&mut self, now: Now, out: &mut Outbox) {
        let Some(place) = self.coordinator.place.take() else { return };
        let backoff = self.settings.reconnect_backoff;
        let channel = self.links.get_mut(Link::Coordinator(place));
        let unanswered = channel.disconnect(now.mono, backoff, &mut self.rng, out);
        for tag in unanswered {
            self.on_unanswered(now, tag, out);
        }
    }

    /// The connection to the coordinator broke; the requests on it are failing already.
    pub(super) fn lost_coordinator(&mut self, link: Link) {
        if let Link::Coordinator(place) = link
            && self.coordinator.place == Some(place)
        {
            self.coordinator.place = None;
        }
    }

    pub(super) fn on_find_unanswered(&mut self, now: Now, out: &mut Outbox) {
        self.coordinator.finding = false;
        self.find_again(now.mono);
        self.fail_unsent(now, out);
    }
}
