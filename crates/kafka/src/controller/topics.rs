//! New topics, more partitions for those that exist, and their end.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, TopicId, TopicPartition};

use crate::group::OFFSETS_TOPIC;
use crate::message::{CreatePartitionsRequest, NewTopic};
use crate::metadata::{Brokers, MetadataRecord};

use super::Controller;
use super::partitions::created;
use super::placement::place;

impl Controller {
    /// `ReplicationControlManager.createTopics`.
    pub(super) fn on_create_topic(&mut self, topic: &NewTopic) -> ErrorCode {
        if self.newest.settings(topic.topic).is_some() {
            return ErrorCode::TopicAlreadyExists;
        }
        if topic.replication == 0 {
            return ErrorCode::InvalidReplicationFactor;
        }
        if topic.partitions == 0 {
            return ErrorCode::InvalidPartitions;
        }
        let settings = Arc::clone(&topic.settings);
        let mut records = vec![MetadataRecord::Topic { topic: topic.topic, settings }];
        let range = 0..topic.partitions;
        match self.create_partitions(topic.topic, range, topic.replication, &mut records) {
            Ok(()) => self.append(records),
            Err(error) => return error,
        }
        ErrorCode::None
    }

    /// `ReplicationControlManager.deleteTopic`. What brokers kept of it goes when they learn of this.
    pub(super) fn on_delete_topic(&mut self, topic: TopicId) -> ErrorCode {
        if topic == OFFSETS_TOPIC {
            return ErrorCode::InvalidTopicException;
        }
        if self.newest.settings(topic).is_none() {
            return ErrorCode::UnknownTopicOrPartition;
        }
        self.append(vec![MetadataRecord::RemoveTopic { topic }]);
        ErrorCode::None
    }

    /// `ReplicationControlManager.createPartitions`.
    pub(super) fn on_create_partitions(&mut self, request: CreatePartitionsRequest) -> ErrorCode {
        let topic = request.topic;
        let present = self.newest.partition_count(topic);
        let Some(first) = self.newest.partitions.get(TopicPartition::new(topic, 0)) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        if request.partitions <= present {
            return ErrorCode::InvalidPartitions;
        }
        let replication =
            u16::try_from(first.replicas.len()).expect("as many as there are brokers");
        let mut records = Vec::new();
        let range = present..request.partitions;
        match self.create_partitions(topic, range, replication, &mut records) {
            Ok(()) => self.append(records),
            Err(error) => return error,
        }
        ErrorCode::None
    }

    fn create_partitions(
        &mut self,
        topic: TopicId,
        range: core::ops::Range<u16>,
        replication: u16,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<(), ErrorCode> {
        let count = range.end - range.start;
        let placed = place(self.sessions.usable(), count, replication, &mut self.rng)?;
        for (number, replicas) in range.zip(placed) {
            let active = replicas.iter().copied().filter(|replica| self.newest.is_active(*replica));
            let isr: Brokers = active.collect();
            if isr.is_empty() {
                return Err(ErrorCode::InvalidReplicationFactor);
            }
            let partition = TopicPartition::new(topic, number);
            let registration = Arc::new(created(replicas, isr));
            records.push(MetadataRecord::Partition { partition, registration });
        }
        Ok(())
    }
}
