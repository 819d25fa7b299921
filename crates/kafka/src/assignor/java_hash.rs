//! The order in which Java's `HashMap` and `HashSet` give back what was put in, since Kafka's assignments depend on it.
//!
//! Does not turn large buckets into trees, as Java does once nine keys of a table of 64 or more fall into one bucket: keys
//! have to be made for that. Nothing is looked up by hash here: a hash only decides the order.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// `String.hashCode`: over UTF-16 units, wrapping at 32 bits.
#[must_use]
pub fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// `TopicPartition.hashCode`, from the hash of the topic's name.
#[must_use]
pub fn partition_hash(topic: u32, partition: u32) -> u32 {
    partition.wrapping_add(31).wrapping_mul(31).wrapping_add(topic)
}

/// A Java `HashSet`, or the keys of a `HashMap`: iterates as Java does.
#[derive(Clone, Debug)]
pub struct JavaSet<K> {
    /// Number of buckets, a power of two.
    capacity: u32,
    /// Bucket and turn of insertion, which is the place in the bucket: growth splits a bucket without reordering it.
    ordered: BTreeMap<(u32, u64), (u32, K)>,
    places: BTreeMap<K, (u32, u64)>,
    turn: u64,
}

impl<K: Copy + Ord> JavaSet<K> {
    /// A set or map made without a capacity.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// A map or set made with a capacity.
    #[must_use]
    pub fn with_capacity(capacity: u32) -> Self {
        Self {
            capacity: capacity.max(1).next_power_of_two(),
            ordered: BTreeMap::new(),
            places: BTreeMap::new(),
            turn: 0,
        }
    }

    /// A set made from a collection of so many elements, before they are inserted.
    #[must_use]
    pub fn for_collection(elements: u32) -> Self {
        Self::with_capacity((elements.saturating_mul(4) / 3 + 1).max(DEFAULT_CAPACITY))
    }

    /// Inserts a key with its hash, unless it is there.
    pub fn insert(&mut self, hash: u32, key: K) {
        if self.places.contains_key(&key) {
            return;
        }
        let spread = hash ^ (hash >> 16);
        let place = (spread & (self.capacity - 1), self.turn);
        self.turn += 1;
        self.ordered.insert(place, (spread, key));
        self.places.insert(key, place);
        let in_bucket = self.ordered.range((place.0, 0)..=place).take(CROWDED).count();
        if in_bucket == CROWDED && self.capacity < SMALLEST_WITH_TREES {
            self.grow();
        }
        if self.ordered.len() as u64 > u64::from(self.capacity) * 3 / 4 {
            self.grow();
        }
    }

    /// Removes a key. The capacity stays.
    pub fn remove(&mut self, key: K) {
        if let Some(place) = self.places.remove(&key) {
            self.ordered.remove(&place);
        }
    }

    /// The first in iteration order.
    #[must_use]
    pub fn first(&self) -> Option<K> {
        self.ordered.first_key_value().map(|(_, &(_, key))| key)
    }

    /// True if nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordered.is_empty()
    }

    /// All keys in iteration order.
    pub fn iter(&self) -> impl Iterator<Item = K> + '_ {
        self.ordered.values().map(|&(_, key)| key)
    }

    fn grow(&mut self) {
        self.capacity *= 2;
        let before = core::mem::take(&mut self.ordered);
        for ((_, turn), (spread, key)) in before {
            let place = (spread & (self.capacity - 1), turn);
            self.ordered.insert(place, (spread, key));
            self.places.insert(key, place);
        }
    }
}

impl<K: Copy + Ord> Default for JavaSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// The iteration order of a default `HashMap` into which names went in this order, as positions in that order.
#[must_use]
pub fn map_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut keys = JavaSet::new();
    for (position, name) in (0..).zip(names) {
        keys.insert(string_hash(name), position);
    }
    keys.iter().collect()
}

const DEFAULT_CAPACITY: u32 = 16;
/// So many in one bucket, and Java grows the table, or makes a tree of the bucket if the table is large.
const CROWDED: usize = 9;
const SMALLEST_WITH_TREES: u32 = 64;
