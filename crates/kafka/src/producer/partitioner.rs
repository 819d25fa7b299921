//! Which partition a record goes to: a hash for keys, sticky and adaptive for records without one, or round robin.
//!
//! Does not know batches or brokers: how full the queues are and who has a leader comes in as numbers.

use alloc::vec::Vec;

use stormglass_types::{Span, Time};

use crate::settings::{KeyHash, Partitioner};

/// Murmur2 as Kafka's clients compute it (`Utils.murmur2`).
#[must_use]
pub fn murmur2(data: &[u8]) -> i32 {
    const MIX: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    // Java's arrays are shorter than 2^31; the length enters the hash with 32 bits.
    let length = u32::try_from(data.len() & 0xFFFF_FFFF).expect("masked to 32 bits");
    let mut hash = SEED ^ length;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(MIX);
        hash = hash.wrapping_mul(MIX) ^ (word ^ (word >> 24)).wrapping_mul(MIX);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    (hash ^ (hash >> 15)).cast_signed()
}

impl Partitioner {
    /// The hash of a key from which its partition follows: `Utils.toPositive(Utils.murmur2(key))` in Java.
    #[must_use]
    pub fn hash(self, key: &[u8]) -> u32 {
        match self {
            Self::Librdkafka(KeyHash::Crc32, _) => crc32(key),
            Self::Librdkafka(KeyHash::Fnv1a, _) => fnv1a(key),
            Self::Librdkafka(KeyHash::Murmur2 | KeyHash::Ignored, _)
            | Self::BuiltIn(_)
            | Self::IgnoreKeys(_)
            | Self::RoundRobin => murmur2(key).cast_unsigned() & 0x7FFF_FFFF,
        }
    }
}

/// CRC-32 with zlib's polynomial, as `rd_crc32`.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// FNV-1a with the sign taken off, as `rd_fnv1a` does for sarama's sake.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u32 {
    let mixed = bytes
        .iter()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    mixed.cast_signed().unsigned_abs()
}

/// The partition of a key with this hash.
#[must_use]
pub fn partition_for(hash: u32, partitions: u16) -> u16 {
    u16::try_from(hash % u32::from(partitions)).expect("a remainder by 16 bits has 16 bits")
}

/// What a topic offers to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// How many partitions it has, not zero.
    pub partitions: u16,
    /// Those that have a leader, in order.
    pub available: &'a [u16],
}

/// Whether a change of partition is welcome now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    /// After one batch size: the batch in the making is complete.
    Allowed,
    /// Only after two batch sizes: a change now would leave a batch half full.
    Delayed,
}

/// The built-in partitioner of one topic (`BuiltInPartitioner`, KIP-794).
#[derive(Clone, Debug)]
pub struct StickyPartitioner {
    batch_size: u32,
    current: Option<u16>,
    /// Bytes given to the current partition.
    produced: u64,
    /// Running sums of weights, one per entry of `candidates`; empty while no weighting is in force.
    weights: Vec<u32>,
    candidates: Vec<u16>,
}

impl StickyPartitioner {
    /// A partitioner that changes partition about every `batch_size` bytes.
    #[must_use]
    pub const fn new(batch_size: u32) -> Self {
        Self { batch_size, current: None, produced: 0, weights: Vec::new(), candidates: Vec::new() }
    }

    /// Whether it was ever asked.
    #[must_use]
    pub const fn in_use(&self) -> bool {
        self.current.is_some()
    }

    /// The partition of the next record. `random` gives 31 random bits.
    pub fn current(&mut self, topic: Candidates<'_>, random: &mut impl FnMut() -> u32) -> u16 {
        if let Some(current) = self.current {
            return current;
        }
        let chosen = self.choose(topic, random);
        self.current = Some(chosen);
        chosen
    }

    /// Counts bytes that went to the current partition; tells whether a new choice was made, perhaps of the same partition.
    pub fn produced(
        &mut self,
        bytes: u32,
        switch: Switch,
        topic: Candidates<'_>,
        random: &mut impl FnMut() -> u32,
    ) -> bool {
        self.produced += u64::from(bytes);
        let enough = match switch {
            Switch::Allowed => u64::from(self.batch_size),
            Switch::Delayed => u64::from(self.batch_size) * 2,
        };
        if self.produced < enough {
            return false;
        }
        self.current = Some(self.choose(topic, random));
        self.produced = 0;
        true
    }

    /// Weighs partitions by how short their queues are. `queues` are partitions that may be chosen, with the lengths of their
    /// queues; `all` is how many the topic has in use. No weighting is in force where it would not matter.
    pub fn weigh(&mut self, queues: impl Iterator<Item = (u16, u32)>, all: usize) {
        self.weigh_equally();
        for (partition, length) in queues {
            self.candidates.push(partition);
            self.weights.push(length);
        }
        let (Some(longest), Some(shortest)) =
            (self.weights.iter().max(), self.weights.iter().min())
        else {
            return;
        };
        if all < 2 || (longest == shortest && self.weights.len() == all) {
            return self.weigh_equally();
        }
        // The longest queue weighs one, an empty one most; the sums mark each partition's share of the range.
        let heaviest = *longest + 1;
        let mut sum = 0;
        for weight in &mut self.weights {
            sum += heaviest - *weight;
            *weight = sum;
        }
    }

    /// Puts weighting out of force.
    pub fn weigh_equally(&mut self) {
        self.weights.clear();
        self.candidates.clear();
    }

    /// The sum of all weights, if weighting is in force.
    #[must_use]
    pub fn total_weight(&self) -> Option<u32> {
        self.weights.last().copied()
    }

    fn choose(&self, topic: Candidates<'_>, random: &mut impl FnMut() -> u32) -> u16 {
        let random = random();
        if let Some(total) = self.total_weight() {
            let drawn = random % total;
            return self.candidates[self.weights.partition_point(|sum| *sum <= drawn)];
        }
        pick(topic, random)
    }
}

/// `RoundRobinPartitioner`'s counter of one topic. Keys do not matter to it.
#[derive(Clone, Copy, Default, Debug)]
pub struct RoundRobin {
    calls: u32,
}

impl RoundRobin {
    /// The partition of this call.
    pub fn next(&mut self, topic: Candidates<'_>) -> u16 {
        let call = self.calls & 0x7FFF_FFFF;
        self.calls = self.calls.wrapping_add(1);
        pick(topic, call)
    }
}

/// librdkafka's choice for records without a key, which holds for a while.
#[derive(Clone, Copy, Default, Debug)]
pub struct TimedSticky {
    current: Option<(u16, Time)>,
}

impl TimedSticky {
    /// The partition of a record taken in now. A partition without a leader is drawn only by bad luck, twice in a row, and left
    /// at once (`rd_kafka_msg_partitioner_random`).
    pub fn next(
        &mut self,
        now: Time,
        linger: Span,
        topic: Candidates<'_>,
        random: &mut impl FnMut() -> u32,
    ) -> u16 {
        let is_available = |partition: u16| topic.available.binary_search(&partition).is_ok();
        if let Some((current, since)) = self.current
            && now < since + linger
            && is_available(current)
        {
            return current;
        }
        let first = partition_for(random(), topic.partitions);
        let drawn =
            if is_available(first) { first } else { partition_for(random(), topic.partitions) };
        self.current = Some((drawn, now));
        drawn
    }
}

/// The available partition of a number, or any partition while none is available.
fn pick(topic: Candidates<'_>, number: u32) -> u16 {
    match u32::try_from(topic.available.len()) {
        Ok(0) | Err(_) => partition_for(number, topic.partitions),
        Ok(available) => topic.available[(number % available) as usize],
    }
}
