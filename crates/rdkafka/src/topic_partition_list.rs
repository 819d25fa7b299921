//! Lists of partitions, with offsets where that matters.

use std::collections::HashMap;

use stormglass_kafka::Start;

use crate::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

/// A place in a partition.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Offset {
    /// The log start.
    Beginning,
    /// The high watermark.
    End,
    /// What the group has committed.
    Stored,
    /// None.
    Invalid,
    /// This one.
    Offset(i64),
    /// So many before the end.
    OffsetTail(i64),
}

impl Offset {
    /// The offset of librdkafka's number.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Self {
        match raw {
            -2 => Self::Beginning,
            -1 => Self::End,
            -1_000 => Self::Stored,
            -1_001 => Self::Invalid,
            tail if tail <= -2_000 => Self::OffsetTail(-2_000 - tail),
            offset => Self::Offset(offset),
        }
    }

    /// librdkafka's number, if the offset has one.
    #[must_use]
    pub const fn to_raw(self) -> Option<i64> {
        match self {
            Self::Beginning => Some(-2),
            Self::End => Some(-1),
            Self::Stored => Some(-1_000),
            Self::Invalid => Some(-1_001),
            Self::Offset(offset) if offset >= 0 => Some(offset),
            Self::OffsetTail(tail) if tail > 0 => Some(-2_000 - tail),
            Self::Offset(_) | Self::OffsetTail(_) => None,
        }
    }

    /// Where reading begins; none for what needs to be looked up first.
    pub(crate) fn start(self) -> Option<Start> {
        match self {
            Self::Beginning => Some(Start::Earliest),
            Self::End => Some(Start::Latest),
            Self::Stored | Self::Invalid => Some(Start::Committed),
            Self::Offset(offset) if offset >= 0 => {
                Some(Start::At(stormglass_types::Offset(offset)))
            }
            Self::Offset(_) | Self::OffsetTail(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    topic: String,
    partition: i32,
    offset: Offset,
    metadata: String,
    error: Option<RDKafkaErrorCode>,
}

/// A list of partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitionList {
    entries: Vec<Entry>,
}

/// One partition of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicPartitionListElem<'a> {
    entry: &'a Entry,
}

impl<'a> TopicPartitionListElem<'a> {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        &self.entry.topic
    }

    /// What went wrong with it.
    ///
    /// # Errors
    /// If something did.
    pub fn error(&self) -> KafkaResult<()> {
        self.entry.error.map_or(Ok(()), |code| Err(KafkaError::OffsetFetch(code)))
    }

    /// The partition's number.
    #[must_use]
    pub const fn partition(&self) -> i32 {
        self.entry.partition
    }

    /// The offset.
    #[must_use]
    pub const fn offset(&self) -> Offset {
        self.entry.offset
    }

    /// What was written beside the offset.
    #[must_use]
    pub fn metadata(&self) -> &'a str {
        &self.entry.metadata
    }
}

impl TopicPartitionList {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list with room.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity) }
    }

    /// A list from partitions and offsets.
    ///
    /// # Errors
    /// If an offset cannot be.
    pub fn from_topic_map(map: &HashMap<(String, i32), Offset>) -> KafkaResult<Self> {
        let mut sorted: Vec<_> = map.iter().collect();
        sorted.sort_by_key(|(place, _)| *place);
        let mut list = Self::new();
        for ((topic, partition), offset) in sorted {
            list.add_partition_offset(topic, *partition, *offset)?;
        }
        Ok(list)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// How many there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Adds a topic without a partition.
    pub fn add_topic_unassigned(&mut self, topic: &str) -> TopicPartitionListElem<'_> {
        self.add_partition(topic, -1)
    }

    /// Adds a partition.
    pub fn add_partition(&mut self, topic: &str, partition: i32) -> TopicPartitionListElem<'_> {
        self.push(topic, partition, Offset::Invalid);
        let last = self.entries.len() - 1;
        TopicPartitionListElem { entry: &self.entries[last] }
    }

    /// Adds partitions from one number to another, both included.
    pub fn add_partition_range(&mut self, topic: &str, first: i32, last: i32) {
        for partition in first..=last {
            self.push(topic, partition, Offset::Invalid);
        }
    }

    /// Adds a partition with an offset.
    ///
    /// # Errors
    /// If the offset cannot be.
    pub fn add_partition_offset(
        &mut self,
        topic: &str,
        partition: i32,
        offset: Offset,
    ) -> KafkaResult<()> {
        check(offset)?;
        self.push(topic, partition, offset);
        Ok(())
    }

    /// Sets the offset of a partition of the list.
    ///
    /// # Errors
    /// If the partition is not in the list, or the offset cannot be.
    pub fn set_partition_offset(
        &mut self,
        topic: &str,
        partition: i32,
        offset: Offset,
    ) -> KafkaResult<()> {
        check(offset)?;
        let unknown = KafkaError::SetPartitionOffset(RDKafkaErrorCode::UnknownPartition);
        let found =
            self.entries.iter_mut().find(|it| it.topic == topic && it.partition == partition);
        found.ok_or(unknown)?.offset = offset;
        Ok(())
    }

    /// Sets every offset.
    ///
    /// # Errors
    /// If the offset cannot be.
    pub fn set_all_offsets(&mut self, offset: Offset) -> KafkaResult<()> {
        check(offset)?;
        self.entries.iter_mut().for_each(|entry| entry.offset = offset);
        Ok(())
    }

    /// A partition of the list.
    #[must_use]
    pub fn find_partition(
        &self,
        topic: &str,
        partition: i32,
    ) -> Option<TopicPartitionListElem<'_>> {
        self.elements().into_iter().find(|it| it.topic() == topic && it.partition() == partition)
    }

    /// All of them.
    #[must_use]
    pub fn elements(&self) -> Vec<TopicPartitionListElem<'_>> {
        self.entries.iter().map(|entry| TopicPartitionListElem { entry }).collect()
    }

    /// Those of a topic.
    #[must_use]
    pub fn elements_for_topic(&self, topic: &str) -> Vec<TopicPartitionListElem<'_>> {
        self.elements().into_iter().filter(|it| it.topic() == topic).collect()
    }

    /// Partitions and offsets as a map.
    #[must_use]
    pub fn to_topic_map(&self) -> HashMap<(String, i32), Offset> {
        let entries = self.entries.iter();
        entries.map(|it| ((it.topic.clone(), it.partition), it.offset)).collect()
    }

    pub(crate) fn push(&mut self, topic: &str, partition: i32, offset: Offset) {
        let (topic, metadata) = (topic.to_owned(), String::new());
        self.entries.push(Entry { topic, partition, offset, metadata, error: None });
    }

    pub(crate) fn push_error(&mut self, topic: &str, partition: i32, code: RDKafkaErrorCode) {
        self.push(topic, partition, Offset::Invalid);
        if let Some(last) = self.entries.last_mut() {
            last.error = Some(code);
        }
    }
}

fn check(offset: Offset) -> KafkaResult<()> {
    match offset.to_raw() {
        Some(_) => Ok(()),
        None => Err(KafkaError::SetPartitionOffset(RDKafkaErrorCode::InvalidArgument)),
    }
}
