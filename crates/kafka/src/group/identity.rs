//! Member ids that no two members of a world share, without a register of them.
//!
//! Kafka draws a UUID. Here an id is 32 bits: the broker's number in the upper 8, and 24 bits from the clock and chance.
//! Those are 20 bits of monotonic time in ticks of 16 ms and 4 bits drawn anew per id, never the same twice in a tick; when
//! a tick is used up, the next one is begun early. Monotonic time is the same on every node and does not start over with a
//! process, so a coordinator that restarts or takes over cannot hand out an id again, unless it handed out more than one per
//! millisecond up to its crash, or the world is older than four and a half hours. The 24 bits are then scattered by an odd
//! factor, which maps them one to one: ids come in no particular order, as those of Kafka.

use stormglass_types::{BrokerId, MemberId, Rng, Time};

/// Hands out member ids.
#[derive(Clone, Debug)]
pub(super) struct MemberIds {
    broker: BrokerId,
    rng: Rng,
    tick: u64,
    /// Which of the tick's slots are taken.
    taken: u16,
}

const TICK_MILLIS: u64 = 16;
const SLOTS: u32 = 16;
const LOW_BITS: u32 = 24;
const SCATTER: u64 = 0x9E_3779;

impl MemberIds {
    /// The ids of one life of a broker.
    pub(super) fn new(broker: BrokerId, rng: Rng) -> Self {
        assert!(broker.0 < 256, "{broker}: member ids have eight bits for the broker's number");
        Self { broker, rng, tick: 0, taken: 0 }
    }

    /// An id never used before.
    pub(super) fn next(&mut self, now: Time) -> MemberId {
        loop {
            let id = self.draw(now);
            if id != MemberId::NONE {
                return id;
            }
        }
    }

    fn draw(&mut self, now: Time) -> MemberId {
        let tick = now.as_millis() / TICK_MILLIS;
        if tick > self.tick {
            (self.tick, self.taken) = (tick, 0);
        } else if self.taken == u16::MAX {
            (self.tick, self.taken) = (self.tick + 1, 0);
        }
        let free = u64::from(self.taken.count_zeros());
        let chosen = usize::try_from(self.rng.upto(free - 1)).expect("below sixteen");
        let mut open = (0..SLOTS).filter(|slot| self.taken & (1 << slot) == 0);
        let slot = open.nth(chosen).expect("drawn below the number of free slots");
        self.taken |= 1 << slot;
        let plain = self.tick * u64::from(SLOTS) + u64::from(slot);
        let low = (plain % (1 << LOW_BITS)) * SCATTER % (1 << LOW_BITS);
        let low = u32::try_from(low).expect("reduced to 24 bits");
        MemberId((u32::from(self.broker.0) << LOW_BITS) | low)
    }
}
