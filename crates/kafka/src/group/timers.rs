//! The deadlines of all groups on one broker, behind one timer of the host.
//!
//! Most deadlines are sessions, and every heartbeat moves one. So moving a deadline back only notes the new one; the queue
//! learns of it when the old one comes up. Knows nothing of what a deadline means.

use alloc::collections::{BTreeMap, BTreeSet};

use stormglass_types::{GroupId, MemberId, Time};

use crate::{Outbox, Timer};

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    /// The partition is loaded.
    Loaded,
    /// The partition is unloaded, whatever it is by then.
    Unload,
    /// Offsets may have grown too old.
    Expiry,
    /// The oldest operation has waited too long for its replicas.
    Operation,
    /// A group's join phase, or a step of its initial delay.
    Join(GroupId),
    /// A group's members should all have sent `SyncGroup`.
    Sync(GroupId),
    /// A member's session, or the time for which a promised member id waits.
    Session(GroupId, MemberId),
    /// The session of a member of the consumer protocol.
    Member(GroupId, MemberId),
    /// The time in which a member of the consumer protocol must let go of something.
    Revocation(GroupId, MemberId),
    /// The time in which a member of the classic protocol must join a group of the other again.
    Rejoin(GroupId, MemberId),
    /// The time in which it must ask for its part after that.
    Resync(GroupId, MemberId),
}

/// Deadlines by partition of `__consumer_offsets` and meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    /// The deadline of each name, and where in `queue` it stands: never later than the deadline.
    deadlines: BTreeMap<(u16, Due), Deadline>,
    queue: BTreeSet<(Time, u16, Due)>,
    /// What the host was asked for.
    armed: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Time,
    queued: Time,
}

impl Timers {
    /// Sets a deadline, replacing the one of the same name.
    pub(super) fn schedule(&mut self, partition: u16, due: Due, at: Time) {
        if let Some(deadline) = self.deadlines.get_mut(&(partition, due)) {
            deadline.at = at;
            if at >= deadline.queued {
                return;
            }
            let queued = core::mem::replace(&mut deadline.queued, at);
            self.queue.remove(&(queued, partition, due));
        } else {
            self.deadlines.insert((partition, due), Deadline { at, queued: at });
        }
        self.queue.insert((at, partition, due));
    }

    /// When something is due, if ever.
    pub(super) fn at(&self, partition: u16, due: Due) -> Option<Time> {
        self.deadlines.get(&(partition, due)).map(|deadline| deadline.at)
    }

    /// Forgets a deadline.
    pub(super) fn cancel(&mut self, partition: u16, due: Due) {
        if let Some(deadline) = self.deadlines.remove(&(partition, due)) {
            self.queue.remove(&(deadline.queued, partition, due));
        }
    }

    /// Forgets every deadline of a partition.
    pub(super) fn cancel_all(&mut self, partition: u16) {
        self.deadlines.retain(|(of, _), _| *of != partition);
        self.queue.retain(|(_, of, _)| *of != partition);
    }

    /// The host's timer came up.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }

    /// Takes the earliest deadline that is not after `now`.
    pub(super) fn take_due(&mut self, now: Time) -> Option<(u16, Due)> {
        loop {
            let (queued, partition, due) = *self.queue.first()?;
            if queued > now {
                return None;
            }
            self.queue.pop_first();
            let deadline = self.deadlines.get_mut(&(partition, due));
            let deadline = deadline.expect("a queued name has a deadline");
            if deadline.at <= now {
                self.deadlines.remove(&(partition, due));
                return Some((partition, due));
            }
            deadline.queued = deadline.at;
            self.queue.insert((deadline.at, partition, due));
        }
    }

    /// Asks the host for a wake-up at the earliest deadline, unless it will wake this node before that anyway.
    pub(super) fn arm(&mut self, out: &mut Outbox) {
        let Some((next, ..)) = self.queue.first().copied() else { return };
        if self.armed.is_none_or(|armed| next < armed) {
            self.armed = Some(next);
            out.set_timer(Timer::GroupCoordinator, next);
        }
    }
}
