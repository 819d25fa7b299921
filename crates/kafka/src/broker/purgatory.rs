//! Parked requests and their deadlines, all behind one timer (`DelayedOperationPurgatory`).
//!
//! A connection waits for one request at a time, so the connections themselves are the list of what is parked.

use alloc::vec::Vec;

use stormglass_types::Time;

use super::Broker;
use super::connections::Activity;
use crate::{ConnId, Now, Outbox, Timer};

impl Activity {
    fn deadline(&self) -> Option<Time> {
        match self {
            Self::Idle | Self::Group | Self::Verification(_) => None,
            Self::Produce(parked) => Some(parked.deadline),
            Self::Fetch(parked) => Some(parked.deadline),
        }
    }
}

impl Broker {
    pub(super) fn park(&mut self, conn: ConnId, activity: Activity) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.activity = activity;
        }
    }

    /// Ends what a connection waits for, so that its next request may be handled.
    pub(super) fn unpark(&mut self, conn: ConnId) -> Activity {
        let Some(connection) = self.connections.get_mut(conn) else { return Activity::Idle };
        if !connection.line.is_empty() {
            self.freed.push(conn);
        }
        core::mem::replace(&mut connection.activity, Activity::Idle)
    }

    /// The timer is left as it is where it goes off early enough; it then finds the next deadline itself.
    pub(super) fn wake_purgatory_at(&mut self, deadline: Time, out: &mut Outbox) {
        if self.purgatory.is_none_or(|at| deadline < at) {
            self.purgatory = Some(deadline);
            out.set_timer(Timer::Purgatory, deadline);
        }
    }

    pub(super) fn on_purgatory(&mut self, now: Now, out: &mut Outbox) {
        self.purgatory = None;
        let parked = self.connections.iter().filter_map(|connection| {
            let deadline = connection.activity.deadline()?;
            (deadline <= now.mono).then_some((deadline, connection.id))
        });
        let mut expired: Vec<(Time, ConnId)> = parked.collect();
        expired.sort_unstable();
        for (_, conn) in expired {
            match self.connections.get(conn).map(|connection| &connection.activity) {
                Some(Activity::Produce(_)) => self.expire_produce(conn, out),
                Some(Activity::Fetch(_)) => self.complete_fetch(now, conn, out),
                Some(Activity::Idle | Activity::Group | Activity::Verification(_)) | None => {}
            }
        }
        let left = self.connections.iter().filter_map(|connection| connection.activity.deadline());
        if let Some(next) = left.filter(|deadline| *deadline != Time::NEVER).min() {
            self.wake_purgatory_at(next, out);
        }
    }
}
