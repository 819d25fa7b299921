//! What a client does by itself while the application is elsewhere, if it has threads of its own: rebalances, positions, fetches
//! and the automatic commit (librdkafka).
//!
//! Hands nothing out: records wait for the application to poll. Only the classic protocol works like that here.

use stormglass_types::{Offset, TopicPartition};

use super::commits::Purpose;
use super::positions::Stored;
use super::{App, Consumer, Stage};
use crate::settings::{AutoCommit, StoredBy, Threads};
use crate::{Now, Outbox};

impl Consumer {
    /// Whether the client goes on without the application now.
    pub(super) fn works_alone(&self) -> bool {
        match self.settings.threads {
            Threads::Application => false,
            Threads::Background => match self.app {
                App::Away | App::Committing { .. } => true,
                // Inside `poll` the same is done for the application.
                App::Polling { .. } | App::Closing(_) | App::Closed => false,
            },
        }
    }

    /// One pass of the main thread.
    pub(super) fn work_alone(&mut self, now: Now, out: &mut Outbox) {
        // A member that stayed away too long joins again when it polls; an error waits for a poll that throws it.
        if now.mono >= self.poll_until() || self.thrown.is_some() {
            return;
        }
        let stage = match self.coordinate(now, out) {
            Ok(Stage::Ready) => self.update_positions(now, out),
            other => other,
        };
        match stage {
            Ok(Stage::Ready) => self.send_fetches(now.mono, out),
            Ok(Stage::Pending | Stage::Blocked) => {}
            Err(code) => self.thrown = Some(code),
        }
    }

    /// `rd_kafka_cgrp_offset_commit_tmr_cb`: a tick during a rebalance is passed over.
    pub(super) fn commit_stored(&mut self, now: Now, out: &mut Outbox) {
        let is_timed = matches!(self.settings.auto_commit, AutoCommit::Stored { .. });
        let is_open = !matches!(self.app, App::Closing(_) | App::Closed);
        if !is_timed || !is_open || now.mono < self.commits.auto_at() {
            return;
        }
        self.schedule_auto_commit(now.mono);
        let in_group = !self.group_state.topics.is_empty();
        let is_steady = self.stable_member().is_some() && !self.rejoin_needed_or_pending();
        if in_group && !is_steady {
            return;
        }
        let offsets = self.assignment.stored(Stored::New);
        if !offsets.is_empty() {
            self.commit_async(now, Purpose::Auto, offsets, out);
        }
    }

    /// Whether a record's offset is stored when the record is handed to the application.
    pub(super) fn stores_what_it_hands_over(&self) -> bool {
        matches!(self.settings.auto_commit, AutoCommit::Stored { by: StoredBy::HandingOver, .. })
    }

    /// Stores what the application says; partitions that are somebody else's are passed over, as librdkafka refuses them.
    pub(super) fn store(&mut self, offsets: &[(TopicPartition, Offset)]) {
        for it in self.with_epochs(offsets).iter() {
            if let Some(assigned) = self.assignment.states.get_mut(it.partition) {
                assigned.store(it.offset, it.epoch);
            }
        }
    }
}
