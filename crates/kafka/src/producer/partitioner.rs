//! Which partition a record goes to: murmur2 for keys, sticky and adaptive for records without one, or round robin.
//!
//! Does not know batches or brokers: how full the queues are and who has a leader comes in as numbers.

use alloc::vec::Vec;

use crate::settings::Partitioner;

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
    /// The hash of a key from which its partition follows: `Utils.toPositive(Utils.murmur2(key))`.
    #[must_use]
    pub fn hash(self, key: &[u8]) -> u32 {
        murmur2(key).cast_unsigned() & 0x7FFF_FFFF
    }
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

/// The available partition of a number, or any partition while none is available.
fn pick(topic: Candidates<'_>, number: u32) -> u16 {
    match u32::try_from(topic.available.len()) {
        Ok(0) | Err(_) => partition_for(number, topic.partitions),
        Ok(available) => topic.available[(number % available) as usize],
    }
}
