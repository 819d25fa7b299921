//! Records as the simulator carries them: values are identities, batches hold ranges of them.

use core::fmt;

use crate::SourceId;

/// One record's identity: the `serial`-th record that `source` gave to one partition.
///
/// Unique within a topic-partition, which is one key of the history; serials count from zero without gaps per source and
/// partition, in the order in which the producer took the records in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    /// Who produced it.
    pub source: SourceId,
    /// How many this source had given to the partition before.
    pub serial: u32,
}

/// Records of one source that follow one another in one partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueRange {
    /// Who produced them.
    pub source: SourceId,
    /// The first one's serial.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// The identity of a record's key. What its bytes are is known to whoever made it; equal keys have equal ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

impl ValueRange {
    /// The values of the range, in order.
    pub fn values(self) -> impl ExactSizeIterator<Item = Value> {
        (0..self.count).map(move |n| self.at(n))
    }

    /// The `n`-th value of the range.
    #[must_use]
    pub fn at(self, n: u32) -> Value {
        Value { source: self.source, serial: self.first + n }
    }

    /// The part of the range that starts at its `skip`-th value and holds at most `most`.
    #[must_use]
    pub fn part(self, skip: u32, most: u32) -> Self {
        let skip = skip.min(self.count);
        let count = (self.count - skip).min(most);
        Self { source: self.source, first: self.first + skip, count }
    }
}

impl From<Value> for ValueRange {
    fn from(value: Value) -> Self {
        Self { source: value.source, first: value.serial, count: 1 }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.source.0, self.serial)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Debug for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}+{}", self.source.0, self.first, self.count)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}", self.0)
    }
}
