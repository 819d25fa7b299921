//! One process's timers: set and replaced by name, cancelled lazily.
//!
//! A timer that moves later leaves its queue entry where it is; when that comes up early, it goes back into the queue. So a
//! deadline that is pushed out with every message costs nothing.

use stormglass_types::Time;

/// The timers of one life of one process.
#[derive(Clone, Debug)]
pub struct Timers<N> {
    slots: Vec<Slot<N>>,
}

#[derive(Clone, Copy, Debug)]
struct Slot<N> {
    name: N,
    /// When it is due; `NEVER` if cancelled.
    due: Time,
    /// When its one live queue entry comes up; `NEVER` if it has none.
    queued: Time,
}

/// Which slot a queue entry belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerSlot(pub u16);

/// What a queue entry that came up means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fired<N> {
    /// The timer is due.
    Due(N),
    /// It was moved: look again at this time.
    Again(Time),
    /// Nothing: cancelled or superseded.
    Stale,
}

impl<N: Copy + PartialEq> Timers<N> {
    /// No timers.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Sets a timer. Where a queue entry is needed, tells which slot and when.
    pub fn set(&mut self, name: N, due: Time) -> Option<(TimerSlot, Time)> {
        let index = self.slots.iter().position(|slot| slot.name == name).unwrap_or_else(|| {
            self.slots.push(Slot { name, due: Time::NEVER, queued: Time::NEVER });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.due = due;
        if due == Time::NEVER || slot.queued <= due {
            return None;
        }
        slot.queued = due;
        Some((TimerSlot(u16::try_from(index).expect("a process has few timers")), due))
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, name: N) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.name == name) {
            slot.due = Time::NEVER;
        }
    }

    /// A queue entry came up.
    pub fn fire(&mut self, slot: TimerSlot, now: Time) -> Fired<N> {
        let Some(slot) = self.slots.get_mut(usize::from(slot.0)) else { return Fired::Stale };
        if slot.queued != now {
            return Fired::Stale;
        }
        slot.queued = Time::NEVER;
        if slot.due == Time::NEVER {
            return Fired::Stale;
        }
        if slot.due > now {
            slot.queued = slot.due;
            return Fired::Again(slot.due);
        }
        slot.due = Time::NEVER;
        Fired::Due(slot.name)
    }

    /// When a timer is due, if it is set.
    #[must_use]
    pub fn due(&self, name: N) -> Option<Time> {
        let slot = self.slots.iter().find(|slot| slot.name == name)?;
        (slot.due != Time::NEVER).then_some(slot.due)
    }
}

impl<N: Copy + PartialEq> Default for Timers<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use stormglass_types::Time;

    use super::{Fired, TimerSlot, Timers};

    #[test]
    fn a_timer_moved_later_fires_once_at_the_later_time() {
        let mut timers = Timers::new();
        let (slot, at) = timers.set('a', Time(10)).unwrap();
        assert_eq!((slot, at), (TimerSlot(0), Time(10)));
        assert_eq!(timers.set('a', Time(30)), None);
        assert_eq!(timers.fire(slot, Time(10)), Fired::Again(Time(30)));
        assert_eq!(timers.fire(slot, Time(30)), Fired::Due('a'));
        assert_eq!(timers.fire(slot, Time(30)), Fired::Stale);
    }

    #[test]
    fn a_timer_moved_earlier_ignores_the_old_entry() {
        let mut timers = Timers::new();
        let (slot, _) = timers.set('a', Time(30)).unwrap();
        assert_eq!(timers.set('a', Time(10)), Some((slot, Time(10))));
        assert_eq!(timers.fire(slot, Time(10)), Fired::Due('a'));
        assert_eq!(timers.fire(slot, Time(30)), Fired::Stale);
    }

    #[test]
    fn a_cancelled_timer_is_silent_and_can_be_set_again() {
        let mut timers = Timers::new();
        let (slot, _) = timers.set('a', Time(10)).unwrap();
        timers.cancel('a');
        assert_eq!(timers.due('a'), None);
        assert_eq!(timers.fire(slot, Time(10)), Fired::Stale);
        assert_eq!(timers.set('a', Time(20)), Some((slot, Time(20))));
    }
}
