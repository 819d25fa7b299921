//! What a leader knows of one follower (`Replica`).
//!
//! Does not decide about the in-sync set or the high watermark; it only remembers what fetches told.

use stormglass_types::{BrokerEpoch, BrokerId, Offset, Span, Time};

/// A follower as its leader sees it.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    pub(super) broker: BrokerId,
    /// The offset of its last accepted fetch: everything below is in its log.
    pub(super) end: Offset,
    /// The broker epoch it fetched with, once it did.
    pub(super) epoch: Option<BrokerEpoch>,
    last_fetch: Option<Time>,
    /// The leader's log end when the follower fetched last.
    leader_end: Offset,
    /// When it was last known to have everything; none is long ago.
    caught_up: Option<Time>,
}

/// What a leader forgets of its followers when it enters an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Forget {
    /// All, positions included.
    Everything,
    /// Not how far they were, nor in which life.
    Times,
}

impl Follower {
    pub(super) const fn new(broker: BrokerId) -> Self {
        Self {
            broker,
            end: Offset::UNKNOWN,
            epoch: None,
            last_fetch: None,
            leader_end: Offset::ZERO,
            caught_up: None,
        }
    }

    /// Takes an accepted fetch in. A follower that reads what the leader had at its previous fetch was caught up then, so
    /// that steady appends do not make it look slow.
    pub(super) fn on_fetch(
        &mut self,
        now: Time,
        offset: Offset,
        leader_end: Offset,
        epoch: BrokerEpoch,
    ) {
        if offset >= leader_end {
            self.caught_up = self.caught_up.max(Some(now));
        } else if offset >= self.leader_end {
            self.caught_up = self.caught_up.max(self.last_fetch);
        }
        self.end = offset;
        self.last_fetch = Some(now);
        self.leader_end = self.leader_end.max(leader_end);
        self.epoch = Some(epoch);
    }

    /// Takes in that fetches up to `heard` said what the last accepted one did, when it had everything.
    pub(super) fn still_had_everything(&mut self, heard: Time) {
        self.caught_up = self.caught_up.max(Some(heard));
        self.last_fetch = self.last_fetch.max(Some(heard));
    }

    /// Starts over for a new leader epoch that begins at `start`; `in_sync` is now for members of the in-sync set.
    pub(super) const fn reset(&mut self, start: Offset, in_sync: Option<Time>, forget: Forget) {
        self.caught_up = in_sync;
        match forget {
            Forget::Everything => {
                self.end = Offset::UNKNOWN;
                self.epoch = None;
                self.last_fetch = None;
                self.leader_end = Offset::UNKNOWN;
            }
            Forget::Times => {
                self.last_fetch = in_sync;
                self.leader_end = start;
            }
        }
    }

    /// How near it is to its leader, for comparing followers: how far it was, and when it had everything.
    pub(super) const fn freshness(&self) -> (Offset, Option<Time>) {
        (self.end, self.caught_up)
    }

    pub(super) fn is_caught_up(&self, now: Time, leader_end: Offset, most_lag: Span) -> bool {
        self.end == leader_end || self.caught_up.is_some_and(|at| now.since(at) <= most_lag)
    }
}
