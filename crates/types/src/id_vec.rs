//! Vectors indexed by ids instead of integers.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::{Index, IndexMut};

use crate::TopicPartition;

/// An id that counts from zero without gaps and so can index a vector.
pub trait Dense: Copy {
    /// This id's place in a vector.
    fn index(self) -> usize;
    /// The id at a place.
    fn from_index(index: usize) -> Self;
}

/// A vector whose index is an id. Iterates in the order of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdVec<I, T> {
    items: Vec<T>,
    id: PhantomData<I>,
}

impl<I: Dense, T> IdVec<I, T> {
    /// An empty vector.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }

    /// Appends an item and tells its id.
    pub fn push(&mut self, item: T) -> I {
        let id = I::from_index(self.items.len());
        self.items.push(item);
        id
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item of an id, if that exists.
    #[must_use]
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(id.index())
    }

    /// The item of an id, if that exists.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.items.get_mut(id.index())
    }

    /// All items, in the order of their ids.
    pub fn iter(&self) -> core::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// All items, in the order of their ids.
    pub fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// All ids with their items.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(index, item)| (I::from_index(index), item))
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.items.len()).map(I::from_index)
    }
}

impl<I: Dense, T> Default for IdVec<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Dense, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> Self {
        Self { items: items.into_iter().collect(), id: PhantomData }
    }
}

impl<I: Dense, T> Index<I> for IdVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: Dense, T> IndexMut<I> for IdVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}

/// A map from partitions, dense in both topic and partition number. Iterates by topic, then partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMap<T> {
    topics: Vec<Vec<Option<T>>>,
    len: usize,
}

impl<T> PartitionMap<T> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { topics: Vec::new(), len: 0 }
    }

    /// How many partitions have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a partition.
    #[must_use]
    pub fn get(&self, partition: TopicPartition) -> Option<&T> {
        self.topics.get(partition.topic.index())?.get(usize::from(partition.partition))?.as_ref()
    }

    /// The value of a partition.
    pub fn get_mut(&mut self, partition: TopicPartition) -> Option<&mut T> {
        let topic = self.topics.get_mut(partition.topic.index())?;
        topic.get_mut(usize::from(partition.partition))?.as_mut()
    }

    /// Whether a partition has a value.
    #[must_use]
    pub fn contains(&self, partition: TopicPartition) -> bool {
        self.get(partition).is_some()
    }

    /// Sets the value of a partition and returns the one before.
    pub fn insert(&mut self, partition: TopicPartition, value: T) -> Option<T> {
        let before = slot(&mut self.topics, partition).replace(value);
        self.len += usize::from(before.is_none());
        before
    }

    /// The value of a partition, made by `make` if there is none.
    pub fn get_or_insert_with(
        &mut self,
        partition: TopicPartition,
        make: impl FnOnce() -> T,
    ) -> &mut T {
        let slot = slot(&mut self.topics, partition);
        self.len += usize::from(slot.is_none());
        slot.get_or_insert_with(make)
    }

    /// Takes a partition's value out.
    pub fn remove(&mut self, partition: TopicPartition) -> Option<T> {
        if !self.contains(partition) {
            return None;
        }
        self.len -= 1;
        slot(&mut self.topics, partition).take()
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        for topic in &mut self.topics {
            topic.clear();
        }
        self.len = 0;
    }

    /// All partitions with their values.
    pub fn iter(&self) -> impl Iterator<Item = (TopicPartition, &T)> {
        self.topics.iter().enumerate().flat_map(|(topic, partitions)| {
            partitions.iter().enumerate().filter_map(move |(number, value)| {
                value.as_ref().map(|value| (partition_at(topic, number), value))
            })
        })
    }

    /// All partitions with their values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (TopicPartition, &mut T)> {
        self.topics.iter_mut().enumerate().flat_map(|(topic, partitions)| {
            partitions.iter_mut().enumerate().filter_map(move |(number, value)| {
                value.as_mut().map(|value| (partition_at(topic, number), value))
            })
        })
    }

    /// All partitions that have a value.
    pub fn keys(&self) -> impl Iterator<Item = TopicPartition> {
        self.iter().map(|(partition, _)| partition)
    }
}

/// The place of a partition, made if it is not there.
fn slot<T>(topics: &mut Vec<Vec<Option<T>>>, partition: TopicPartition) -> &mut Option<T> {
    let (topic, number) = (partition.topic.index(), usize::from(partition.partition));
    if topics.len() <= topic {
        topics.resize_with(topic + 1, Vec::new);
    }
    let partitions = &mut topics[topic];
    if partitions.len() <= number {
        partitions.resize_with(number + 1, || None);
    }
    &mut partitions[number]
}

fn partition_at(topic: usize, number: usize) -> TopicPartition {
    let number = u16::try_from(number).expect("a slot is made from a partition number of 16 bits");
    TopicPartition::new(crate::TopicId::from_index(topic), number)
}

impl<T> Default for PartitionMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Index<TopicPartition> for PartitionMap<T> {
    type Output = T;
    fn index(&self, partition: TopicPartition) -> &T {
        self.get(partition).expect("indexing asserts that the partition has a value")
    }
}

impl<T> IndexMut<TopicPartition> for PartitionMap<T> {
    fn index_mut(&mut self, partition: TopicPartition) -> &mut T {
        self.get_mut(partition).expect("indexing asserts that the partition has a value")
    }
}

impl<T> FromIterator<(TopicPartition, T)> for PartitionMap<T> {
    fn from_iter<A: IntoIterator<Item = (TopicPartition, T)>>(entries: A) -> Self {
        let mut map = Self::new();
        for (partition, value) in entries {
            map.insert(partition, value);
        }
        map
    }
}
