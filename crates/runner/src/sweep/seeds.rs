//! Which seeds, and which share of them.

use std::fmt;
use std::str::FromStr;

/// Seeds from the first up to, but without, the last; every `step`-th of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seeds {
    first: u64,
    count: u64,
    step: u64,
}

/// The `number`-th of `of` equal shares, counted from one: seeds are dealt out in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    number: u64,
    of: u64,
}

/// Text that does not name seeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSeeds(String);

/// Text that does not name a share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadShard(String);

impl Seeds {
    /// The seeds of a range; none if it is empty.
    #[must_use]
    pub fn range(range: std::ops::Range<u64>) -> Option<Self> {
        let count = range.end.checked_sub(range.start).filter(|count| *count > 0)?;
        Some(Self { first: range.start, count, step: 1 })
    }

    /// The first `count` seeds.
    #[must_use]
    pub const fn first(count: std::num::NonZero<u64>) -> Self {
        Self { first: 0, count: count.get(), step: 1 }
    }

    /// One seed.
    #[must_use]
    pub const fn only(seed: u64) -> Self {
        Self { first: seed, count: 1, step: 1 }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.count
    }

    /// The `place`-th seed, counted from zero.
    #[must_use]
    pub const fn at(self, place: u64) -> u64 {
        self.first.wrapping_add(place.wrapping_mul(self.step))
    }
}

impl Shard {
    /// The share's part of some seeds; may be empty.
    #[must_use]
    pub const fn of(self, seeds: Seeds) -> Seeds {
        let before = self.number - 1;
        let count = seeds.count.saturating_sub(before).div_ceil(self.of);
        Seeds { first: seeds.at(before), count, step: seeds.step.wrapping_mul(self.of) }
    }
}

/// `N` is the first N seeds, `A..B` those from A up to, but without, B.
impl FromStr for Seeds {
    type Err = BadSeeds;
    fn from_str(text: &str) -> Result<Self, BadSeeds> {
        let bad = || BadSeeds(text.to_owned());
        let number = |text: &str| text.replace('_', "").parse::<u64>().map_err(|_| bad());
        let range = match text.split_once("..") {
            Some((first, end)) => number(first)?..number(end)?,
            None => 0..number(text)?,
        };
        Self::range(range).ok_or_else(bad)
    }
}

/// `K/N`, with K from 1 to N.
impl FromStr for Shard {
    type Err = BadShard;
    fn from_str(text: &str) -> Result<Self, BadShard> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((number, of)) if number >= 1 && number <= of => Ok(Self { number, of }),
            Some(_) | None => Err(BadShard(text.to_owned())),
        }
    }
}

impl fmt::Display for BadSeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no range of seeds; write `100` for the seeds 0 to 99, or `100..200`",
            self.0
        )
    }
}

impl fmt::Display for BadShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no share; write `2/4` for the second of four", self.0)
    }
}

impl std::error::Error for BadSeeds {}
impl std::error::Error for BadShard {}
