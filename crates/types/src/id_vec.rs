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

/// A map from partitions. Iterates by topic, then partition.
///
/// A place for every number up to the largest where that is small or many of them have a value, so that a value is found at once;
/// else only those that have one, so that a consumer with ten partitions of ten thousand does not pass the others by.
#[derive(Clone, Debug)]
pub struct PartitionMap<T> {
    topics: Vec<Partitions<T>>,
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
        self.topics.get(partition.topic.index())?.get(partition.partition)
    }

    /// The value of a partition.
    pub fn get_mut(&mut self, partition: TopicPartition) -> Option<&mut T> {
        self.topics.get_mut(partition.topic.index())?.get_mut(partition.partition)
    }

    /// Whether a partition has a value.
    #[must_use]
    pub fn contains(&self, partition: TopicPartition) -> bool {
        self.get(partition).is_some()
    }

    /// Sets the value of a partition and returns the one before.
    pub fn insert(&mut self, partition: TopicPartition, value: T) -> Option<T> {
        let before = self.topic(partition.topic).insert(partition.partition, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// The value of a partition, made by `make` if there is none.
    pub fn get_or_insert_with(
        &mut self,
        partition: TopicPartition,
        make: impl FnOnce() -> T,
    ) -> &mut T {
        if !self.contains(partition) {
            self.insert(partition, make());
        }
        self.get_mut(partition).expect("it was there, or is now")
    }

    /// Takes a partition's value out.
    pub fn remove(&mut self, partition: TopicPartition) -> Option<T> {
        let removed = self.topics.get_mut(partition.topic.index())?.remove(partition.partition)?;
        self.len -= 1;
        Some(removed)
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
            let topic = crate::TopicId::from_index(topic);
            let few = partitions.few.iter().map(|(number, value)| (*number, value));
            let all = (0..=u16::MAX).zip(&partitions.all);
            few.chain(all.filter_map(|(number, value)| Some((number, value.as_ref()?))))
                .map(move |(number, value)| (TopicPartition::new(topic, number), value))
        })
    }

    /// All partitions with their values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (TopicPartition, &mut T)> {
        self.topics.iter_mut().enumerate().flat_map(|(topic, partitions)| {
            let topic = crate::TopicId::from_index(topic);
            let few = partitions.few.iter_mut().map(|(number, value)| (*number, value));
            let all = (0..=u16::MAX).zip(&mut partitions.all);
            few.chain(all.filter_map(|(number, value)| Some((number, value.as_mut()?))))
                .map(move |(number, value)| (TopicPartition::new(topic, number), value))
        })
    }

    /// All partitions that have a value.
    pub fn keys(&self) -> impl Iterator<Item = TopicPartition> {
        self.iter().map(|(partition, _)| partition)
    }

    fn topic(&mut self, topic: crate::TopicId) -> &mut Partitions<T> {
        let topic = topic.index();
        if self.topics.len() <= topic {
            self.topics.resize_with(topic + 1, Partitions::default);
        }
        &mut self.topics[topic]
    }
}

/// The partitions of a topic that have a value. One of the two lists is always empty.
#[derive(Clone, Debug)]
struct Partitions<T> {
    /// By number.
    all: Vec<Option<T>>,
    /// In the order of numbers.
    few: Vec<(u16, T)>,
    len: usize,
}

/// So many places are there whether they are used or not.
const SMALL: usize = 64;

impl<T> Partitions<T> {
    fn get(&self, number: u16) -> Option<&T> {
        if self.few.is_empty() {
            return self.all.get(usize::from(number))?.as_ref();
        }
        Some(&self.few[self.find(number).ok()?].1)
    }

    fn get_mut(&mut self, number: u16) -> Option<&mut T> {
        if self.few.is_empty() {
            return self.all.get_mut(usize::from(number))?.as_mut();
        }
        let place = self.find(number).ok()?;
        Some(&mut self.few[place].1)
    }

    fn insert(&mut self, number: u16, value: T) -> Option<T> {
        let place = usize::from(number);
        if self.few.is_empty() {
            if place >= self.all.len() && Self::suits_all(self.len + 1, place + 1) {
                self.all.resize_with(place + 1, || None);
            }
            if let Some(slot) = self.all.get_mut(place) {
                let before = slot.replace(value);
                self.len += usize::from(before.is_none());
                return before;
            }
            self.keep_few();
        }
        match self.find(number) {
            Ok(place) => return Some(core::mem::replace(&mut self.few[place].1, value)),
            Err(place) => self.few.insert(place, (number, value)),
        }
        self.len += 1;
        let last = self.few.last().map_or(0, |(last, _)| usize::from(*last));
        if Self::suits_all(self.len, last + 1) {
            self.all.resize_with(last + 1, || None);
            for (number, value) in core::mem::take(&mut self.few) {
                self.all[usize::from(number)] = Some(value);
            }
        }
        None
    }

    fn remove(&mut self, number: u16) -> Option<T> {
        let removed = if self.few.is_empty() {
            self.all.get_mut(usize::from(number))?.take()?
        } else {
            let place = self.find(number).ok()?;
            self.few.remove(place).1
        };
        self.len -= 1;
        // Far fewer than it takes to list all, so that the two do not alternate.
        if self.all.len() > SMALL && self.len * 8 < self.all.len() {
            self.keep_few();
        }
        Some(removed)
    }

    fn clear(&mut self) {
        self.all.clear();
        self.few.clear();
        self.len = 0;
    }

    /// Whether it is worth having a place for each of some numbers.
    const fn suits_all(used: usize, places: usize) -> bool {
        places <= SMALL || used * 4 >= places
    }

    fn keep_few(&mut self) {
        let all = core::mem::take(&mut self.all);
        let numbered = (0..=u16::MAX).zip(all);
        self.few = numbered.filter_map(|(number, value)| Some((number, value?))).collect();
    }

    fn find(&self, number: u16) -> Result<usize, usize> {
        self.few.binary_search_by_key(&number, |(known, _)| *known)
    }
}

impl<T> Default for Partitions<T> {
    fn default() -> Self {
        Self { all: Vec::new(), few: Vec::new(), len: 0 }
    }
}

/// What is kept counts, not how.
impl<T: PartialEq> PartialEq for PartitionMap<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for PartitionMap<T> {}

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

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;
    use crate::TopicId;

    /// Numbers that look random.
    fn numbers() -> impl Iterator<Item = u32> {
        core::iter::successors(Some(1_u32), |last| {
            Some(last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
        })
        .map(|number| number >> 8)
    }

    #[test]
    fn a_map_of_partitions_is_a_map_however_many_there_are() {
        for most in [10_u32, 100, 3_000] {
            let (mut map, mut model) = (PartitionMap::new(), BTreeMap::new());
            let mut numbers = numbers();
            for step in 0..6_000_u32 {
                let mut draw = |below: u32| numbers.next().expect("it never ends") % below;
                let number = u16::try_from(draw(most)).expect("small");
                let partition = TopicPartition::new(TopicId::from_index(1), number);
                // First mostly more of them, then mostly fewer.
                if draw(10) < if step < 3_000 { 8 } else { 1 } {
                    assert_eq!(map.insert(partition, step), model.insert(number, step));
                } else {
                    assert_eq!(map.remove(partition), model.remove(&number));
                }
                assert_eq!(map.get(partition), model.get(&number));
                assert_eq!(map.len(), model.len());
                if step % 100 == 0 {
                    let all: Vec<_> =
                        map.iter().map(|(at, value)| (at.partition, *value)).collect();
                    assert!(all.into_iter().eq(model.clone()), "{most} {step}");
                    assert_eq!(map, map.iter().map(|(at, value)| (at, *value)).collect());
                    map.iter_mut().for_each(|(_, value)| *value += 1);
                    model.values_mut().for_each(|value| *value += 1);
                }
            }
        }
    }

    #[test]
    fn few_of_many_partitions_take_little_room() {
        let topic = TopicId::from_index(0);
        let mut map = PartitionMap::new();
        for number in (0..10_000).step_by(1_000) {
            map.insert(TopicPartition::new(topic, number), number);
        }
        assert_eq!((map.topics[0].all.len(), map.topics[0].few.len()), (0, 10));
        for number in 0..10_000 {
            map.insert(TopicPartition::new(topic, number), number);
        }
        assert_eq!((map.topics[0].all.len(), map.topics[0].few.len()), (10_000, 0));
    }
}
