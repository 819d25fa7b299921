//! Chance: one seed, many independent streams.
//!
//! Each purpose and entity draws from a stream of its own, so that taking one fault away leaves everyone else's luck as it
//! was. Ranges are reduced here, not by a library, so that no upgrade can change a run.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};

use crate::Chunked;

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

impl Stream {
    /// Every purpose.
    pub const ALL: [Self; 9] = [
        Self::Chaos,
        Self::Lowering,
        Self::Network,
        Self::Disk,
        Self::Crash,
        Self::Target,
        Self::Machine,
        Self::Workload,
        Self::Application,
    ];
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
        Rng { chacha, reel: None }
    }
}

/// One stream of random integers.
#[derive(Clone)]
pub struct Rng {
    chacha: ChaCha8Rng,
    /// What this stream's choices are written to, or come from; nearly always none.
    reel: Option<Box<Reel>>,
}

/// One choice: a number from zero to `last`, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The largest number that could have come up.
    pub last: u64,
    /// The number that came up.
    pub value: u64,
}

#[derive(Clone, Debug)]
enum Reel {
    Writes(Chunked<Choice>),
    Reads { choices: Arc<[Choice]>, next: usize },
}

impl Rng {
    /// The same stream, which remembers its choices from now on.
    #[must_use]
    pub fn writing(self) -> Self {
        Self { reel: Some(Box::new(Reel::Writes(Chunked::new()))), ..self }
    }

    /// The same stream, but its next choices are these; after them it goes on by itself, where it would have been.
    ///
    /// A choice among more or fewer than was written is no longer the same choice: it is drawn, and the next one is read
    /// again.
    #[must_use]
    pub fn reading(self, choices: Arc<[Choice]>) -> Self {
        Self { reel: Some(Box::new(Reel::Reads { choices, next: 0 })), ..self }
    }

    /// The choices that were remembered, but for those that had only one way.
    #[must_use]
    pub fn written(&self) -> Option<&Chunked<Choice>> {
        match self.reel.as_deref()? {
            Reel::Writes(choices) => Some(choices),
            Reel::Reads { .. } => None,
        }
    }

    /// The next 64 random bits.
    pub fn word(&mut self) -> u64 {
        let drawn = self.chacha.next_u64();
        self.choose(u64::MAX, drawn)
    }

    /// The next 31 random bits, as `Utils.toPositive(random.nextInt())` gives them.
    pub fn positive_31(&mut self) -> u32 {
        const LAST: u32 = 0x7FFF_FFFF;
        let drawn = self.chacha.next_u32() & LAST;
        let chosen = self.choose(u64::from(LAST), u64::from(drawn));
        u32::try_from(chosen).expect("no more than 31 bits")
    }

    /// A number from zero to `last`, both included, every one as likely.
    pub fn upto(&mut self, last: u64) -> u64 {
        let drawn = self.draw(last);
        self.choose(last, drawn)
    }

    /// What was drawn, unless a reel says otherwise.
    #[inline]
    fn choose(&mut self, last: u64, drawn: u64) -> u64 {
        match self.reel.as_deref_mut() {
            None => drawn,
            Some(_) if last == 0 => drawn,
            Some(reel) => reel.choose(last, drawn),
        }
    }

    fn draw(&mut self, last: u64) -> u64 {
        let Some(count) = last.checked_add(1) else { return self.chacha.next_u64() };
        // Multiply-and-shift with rejection of the uneven rest (Lemire 2019): unbiased, no division in the common case, in
        // which the low half is at least the count and so above any rest.
        loop {
            let product = u128::from(self.chacha.next_u64()) * u128::from(count);
            #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
            let low = product as u64;
            if low >= count || low >= count.wrapping_neg() % count {
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

impl Reel {
    fn choose(&mut self, last: u64, drawn: u64) -> u64 {
        match self {
            Self::Writes(choices) => {
                choices.push(Choice { last, value: drawn });
                drawn
            }
            Self::Reads { choices, next } => {
                let read = choices.get(*next).copied();
                *next += 1;
                match read {
                    Some(choice) if choice.last == last => choice.value,
                    Some(_) | None => drawn,
                }
            }
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
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::{Choice, Rng, Stream, Streams};

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

    fn some(rng: &mut Rng) -> Vec<u64> {
        let mut drawn: Vec<u64> = (0..20).map(|nth| rng.upto(nth)).collect();
        drawn.push(rng.word());
        drawn.push(u64::from(rng.positive_31()));
        drawn
    }

    #[test]
    fn a_reel_changes_nothing_and_gives_back_what_was_chosen() {
        let stream = |seed| Streams::new(seed).stream(Stream::Network, 2);
        let mut writing = stream(7).writing();
        let drawn = some(&mut writing);
        assert_eq!(drawn, some(&mut stream(7)));
        let written: Arc<[Choice]> =
            writing.written().expect("it writes").iter().copied().collect();
        assert_eq!(written.len(), drawn.len() - 1, "zero of zero is no choice");
        let mut reading = stream(8).reading(Arc::clone(&written));
        assert_eq!(some(&mut reading), drawn);
        let mut other = stream(8);
        some(&mut other);
        assert_eq!(some(&mut reading), some(&mut other), "after its end it goes on by itself");
    }

    #[test]
    fn another_choice_than_was_written_is_drawn() {
        let stream = || Streams::new(3).stream(Stream::Network, 0);
        let choices: Arc<[Choice]> =
            Arc::new([Choice { last: 9, value: 4 }, Choice { last: 9, value: 5 }]);
        let mut reading = stream().reading(choices);
        let mut plain = stream();
        assert_eq!(reading.upto(99), plain.upto(99));
        assert_eq!(reading.upto(9), 5);
    }

    const PINNED: [u64; 6] = [876, 694, 266, 751, 503, 726];
}
