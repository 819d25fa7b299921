//! Chance: one seed, many independent streams.
//!
//! Each purpose and entity draws from a stream of its own, so that taking one fault away leaves everyone else's luck as it
//! was. Ranges are reduced here, not by a library, so that no upgrade can change a run.

use core::fmt;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};

/// What a stream of chance is for. The discriminants are part of every saved failure: append, never renumber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Stream {
    /// Which fault families a seed draws, and when they strike.
    Chaos = 1,
    /// Draws made while a scenario is lowered, such as `every: 30s..90s`.
    Lowering = 2,
    /// Message latency, per node pair.
    Network = 3,
    /// Disk latency, per node.
    Disk = 4,
    /// What a crash destroys, per node.
    Crash = 5,
    /// Whom a fault strikes, per fault of the plan.
    Target = 6,
    /// Choices made inside a machine (jitter, sticky partitions), per node.
    Machine = 7,
    /// Arrival times, keys and sizes of a workload, per producer.
    Workload = 8,
    /// Processing times and mishaps of an application, per consumer.
    Application = 9,
}

/// The source of all streams of one seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of a purpose and an entity, from its beginning.
    #[must_use]
    pub fn stream(&self, purpose: Stream, entity: u32) -> Rng {
        let mut chacha = ChaCha8Rng::seed_from_u64(self.seed);
        chacha.set_stream((u64::from(purpose as u32) << 32) | u64::from(entity));
        Rng { chacha }
    }
}

/// One stream of random integers.
#[derive(Clone)]
pub struct Rng {
    chacha: ChaCha8Rng,
}

impl Rng {
    /// The next 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.chacha.next_u64()
    }

    /// The next 31 random bits, as `Utils.toPositive(random.nextInt())` gives them.
    pub fn positive_31(&mut self) -> u32 {
        self.chacha.next_u32() & 0x7FFF_FFFF
    }

    /// A number from zero to `last`, both included, every one as likely.
    pub fn upto(&mut self, last: u64) -> u64 {
        let Some(count) = last.checked_add(1) else { return self.word() };
        // Multiply-and-shift with rejection of the uneven rest (Lemire 2019): unbiased, no division in the common case.
        let threshold = count.wrapping_neg() % count;
        loop {
            let product = u128::from(self.word()) * u128::from(count);
            #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
            let low = product as u64;
            if low >= threshold {
                return u64::try_from(product >> 64).expect("the high half of 128 bits has 64");
            }
        }
    }

    /// A number from `first` to `last`, both included. `first` must not exceed `last`.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        assert!(first <= last, "empty range {first}..{last}");
        first + self.upto(last - first)
    }

    /// True `numerator` times in `denominator`.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        assert!(denominator > 0, "a chance in zero");
        self.upto(denominator - 1) < numerator
    }

    /// An index below `len`, which must not be zero.
    pub fn index(&mut self, len: usize) -> usize {
        let last = len.checked_sub(1).expect("an index into nothing");
        usize::try_from(self.upto(last as u64)).expect("below a usize")
    }

    /// One of the items, or none of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.index(items.len())]) }
    }

    /// Puts the items into random order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Rng(stream {:x} at word {})",
            self.chacha.get_stream(),
            self.chacha.get_word_pos()
        )
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Stream, Streams};

    #[test]
    fn streams_and_range_reduction_never_change() {
        let mut rng = Streams::new(7).stream(Stream::Workload, 3);
        let drawn: Vec<u64> = (0..6).map(|_| rng.upto(999)).collect();
        assert_eq!(drawn, PINNED);
        let mut other = Streams::new(7).stream(Stream::Workload, 4);
        assert_ne!(
            other.upto(u64::MAX),
            Streams::new(7).stream(Stream::Workload, 3).upto(u64::MAX)
        );
    }

    #[test]
    fn ranges_include_both_ends() {
        let mut rng = Streams::new(1).stream(Stream::Chaos, 0);
        let drawn: Vec<u64> = (0..200).map(|_| rng.between(3, 5)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
        assert!((0..50).all(|_| !rng.chance(0, 3) && rng.chance(3, 3)));
    }

    const PINNED: [u64; 6] = [876, 694, 266, 751, 503, 726];
}
