//! The event queue: what happens next.
//!
//! A key packs time, sequence number and slot into 128 bits, so that ordering is one comparison and ties break by the order
//! of scheduling. Payloads are small and `Copy`; a clone of the queue copies flat vectors.
//!
//! Most of what is scheduled happens soon, before nearly everything else that waits: messages take less than a millisecond,
//! timers many. So the next few events lie sorted in a short vector, where a new one finds its place after a few steps, and
//! only the rest lies in a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use stormglass_types::Time;

/// Pending events in order of time.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    /// The next events, the very next one last. All of them come before all of the heap.
    near: Vec<u128>,
    far: BinaryHeap<Reverse<u128>>,
    slots: Vec<E>,
    free: Vec<u32>,
    sequence: u64,
}

const SLOT_BITS: u32 = 24;
const SEQUENCE_BITS: u32 = 40;
/// The most events that lie sorted.
const NEAR: usize = 64;

impl<E: Copy> Queue<E> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self {
            near: Vec::with_capacity(NEAR + 1),
            far: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }

    /// Schedules an event.
    pub fn push(&mut self, at: Time, event: E) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = event;
            slot
        } else {
            let slot = u32::try_from(self.slots.len()).expect("fewer than 2^24 pending events");
            assert!(slot < 1 << SLOT_BITS, "more than 2^24 pending events");
            self.slots.push(event);
            slot
        };
        assert!(self.sequence < 1 << SEQUENCE_BITS, "more than 2^40 events in one run");
        let key =
            (u128::from(at.0) << 64) | (u128::from(self.sequence) << SLOT_BITS) | u128::from(slot);
        self.sequence += 1;
        if self.far.peek().is_some_and(|Reverse(first)| *first < key) {
            self.far.push(Reverse(key));
            return;
        }
        let after = self.near.iter().rev().position(|other| *other > key);
        let place = after.map_or(0, |after| self.near.len() - after);
        self.near.insert(place, key);
        if self.near.len() > NEAR {
            self.far.extend(self.near.drain(..NEAR / 2).map(Reverse));
        }
    }

    /// The next event and its time.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        if self.near.is_empty() {
            self.approach();
        }
        let key = self.near.pop()?;
        let slot = u32::try_from(key & ((1 << SLOT_BITS) - 1)).expect("masked to 24 bits");
        self.free.push(slot);
        Some((time_of(key), self.slots[slot as usize]))
    }

    /// Sorts the first events of the heap.
    fn approach(&mut self) {
        while self.near.len() < NEAR / 4
            && let Some(Reverse(key)) = self.far.pop()
        {
            self.near.push(key);
        }
        self.near.reverse();
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        let first = self.near.last().copied();
        first.or_else(|| self.far.peek().map(|Reverse(key)| *key)).map(time_of)
    }

    /// How many events are pending, stale ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

fn time_of(key: u128) -> Time {
    Time(u64::try_from(key >> 64).expect("the high half of 128 bits has 64"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stormglass_types::Time;

    use super::Queue;

    proptest! {
        #[test]
        fn pops_by_time_then_by_order_of_scheduling(steps in prop::collection::vec((0u64..500, prop::bool::weighted(0.3)), 0..400)) {
            let mut queue = Queue::new();
            let mut model: Vec<(u64, usize)> = Vec::new();
            for (n, (at, pop)) in steps.into_iter().enumerate() {
                queue.push(Time(at), n);
                model.push((at, n));
                model.sort_unstable();
                if pop {
                    let (at, n) = model.remove(0);
                    prop_assert_eq!(queue.pop(), Some((Time(at), n)));
                }
                prop_assert_eq!(queue.len(), model.len());
            }
            for (at, n) in model {
                prop_assert_eq!(queue.pop(), Some((Time(at), n)));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}
