//! Consumers: the one that is polled, and the one that is a stream.
//!
//! Rebalance callbacks run inside `poll` and `recv`, before anything else comes out; partitions are given up after the callback.

pub mod base_consumer;
pub mod stream_consumer;

use std::sync::Arc;
use std::time::Duration;

use stormglass_kafka::{Start, settings};
use stormglass_types::Offset as LogOffset;

pub use crate::consumer::base_consumer::BaseConsumer;
pub use crate::consumer::stream_consumer::{MessageStream, StreamConsumer};

use crate::client::ClientContext;
use crate::consumer::base_consumer::code_of;
use crate::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use crate::message::{BorrowedMessage, Message as _};
use crate::metadata::Metadata;
use crate::topic_partition_list::{Offset, TopicPartitionList};
use crate::types::RDKafkaRespErr;
use crate::util::Timeout;

/// What a rebalance does.
#[derive(Clone, Debug)]
pub enum Rebalance<'a> {
    /// These partitions are assigned.
    Assign(&'a TopicPartitionList),
    /// These partitions are given up, or lost.
    Revoke(&'a TopicPartitionList),
    /// It failed.
    Error(KafkaError),
}

/// How a rebalance goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RebalanceProtocol {
    /// There is none.
    None,
    /// Everything is given up first.
    Eager,
    /// Only what moves is given up.
    Cooperative,
}

/// Whether a commit is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitMode {
    /// It is.
    Sync = 0,
    /// It is not.
    Async = 1,
}

/// What a consumer tells its owner.
pub trait ConsumerContext: ClientContext + Sized {
    /// A rebalance: calls `pre_rebalance`, lets it happen, calls `post_rebalance`.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let rebalance = match code {
            RDKafkaErrorCode::AssignPartitions => Rebalance::Assign(partitions),
            RDKafkaErrorCode::RevokePartitions => Rebalance::Revoke(partitions),
            code => Rebalance::Error(KafkaError::Rebalance(code)),
        };
        self.pre_rebalance(consumer, &rebalance);
        self.post_rebalance(consumer, &rebalance);
    }

    /// Before partitions change hands.
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, _rebalance: &Rebalance<'_>) {}

    /// After they have been assigned, or just before they go.
    fn post_rebalance(&self, _consumer: &BaseConsumer<Self>, _rebalance: &Rebalance<'_>) {}

    /// A commit that nobody waited for has ended.
    fn commit_callback(&self, _result: KafkaResult<()>, _offsets: &TopicPartitionList) {}

    /// How often the main queue is polled; of no consequence here.
    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_secs(1))
    }
}

/// A context that hears nothing.
#[derive(Clone, Debug, Default)]
pub struct DefaultConsumerContext;

impl ClientContext for DefaultConsumerContext {}
impl ConsumerContext for DefaultConsumerContext {}

/// What all consumers can do.
#[async_trait::async_trait]
pub trait Consumer<C = DefaultConsumerContext>: Sync
where
    C: ConsumerContext,
{
    /// The consumer underneath.
    #[doc(hidden)]
    fn base(&self) -> &BaseConsumer<C>;

    /// The context.
    fn context(&self) -> &Arc<C> {
        &self.base().context
    }

    /// Joins its group for these topics.
    ///
    /// # Errors
    /// If a name is a pattern.
    fn subscribe(&self, topics: &[&str]) -> KafkaResult<()> {
        if let Some(pattern) = topics.iter().find(|topic| topic.starts_with('^')) {
            return Err(KafkaError::Subscription(format!(
                "`{pattern}`: patterns are not modelled"
            )));
        }
        if self.base().shared.profile.group.is_none() {
            return Err(KafkaError::Subscription("no `group.id` is configured".to_owned()));
        }
        // Names that are no topics come out of `poll` as errors, as in librdkafka.
        let _ = self.base().shared.client.subscribe(topics);
        Ok(())
    }

    /// Leaves its group.
    fn unsubscribe(&self) {
        self.base().shared.client.unsubscribe();
    }

    /// Owns these partitions, without a group.
    ///
    /// # Errors
    /// If an offset can only be told by a broker.
    fn assign(&self, assignment: &TopicPartitionList) -> KafkaResult<()> {
        self.base().assign(assignment)
    }

    /// Owns nothing.
    ///
    /// # Errors
    /// Never.
    fn unassign(&self) -> KafkaResult<()> {
        self.base().shared.client.assign(Vec::new());
        Ok(())
    }

    /// Goes on elsewhere in a partition that it owns.
    async fn seek<T: Into<Timeout> + Send>(
        &self,
        topic: &str,
        partition: i32,
        offset: Offset,
        _timeout: T,
    ) -> KafkaResult<()> {
        let base = self.base();
        let start: Option<Start> = offset.start();
        let found = base.inquirer.partition(topic, partition).zip(start);
        match found {
            Some((partition, start)) if base.shared.client.seek(partition, start) => Ok(()),
            Some(_) | None => {
                Err(KafkaError::Seek(format!("{topic}[{partition}] is not assigned")))
            }
        }
    }

    /// Goes on elsewhere in several partitions.
    async fn seek_partitions<T: Into<Timeout> + Send>(
        &self,
        list: TopicPartitionList,
        _timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        let mut sought = TopicPartitionList::new();
        for element in list.elements() {
            let (topic, partition, offset) =
                (element.topic(), element.partition(), element.offset());
            match self.seek(topic, partition, offset, Timeout::Never).await {
                Ok(()) => sought.push(topic, partition, offset),
                Err(_) => sought.push_error(topic, partition, RDKafkaErrorCode::State),
            }
        }
        Ok(sought)
    }

    /// Commits these offsets.
    async fn commit(&self, list: &TopicPartitionList, mode: CommitMode) -> KafkaResult<()> {
        let known = self.base().known(list).into_iter();
        let offsets = known.filter_map(|(partition, offset)| match offset {
            Offset::Offset(offset) => Some((partition, LogOffset(offset))),
            Offset::Beginning
            | Offset::End
            | Offset::Stored
            | Offset::Invalid
            | Offset::OffsetTail(_) => None,
        });
        self.base().commit_offsets(offsets.collect(), mode).await
    }

    /// Commits what was stored.
    async fn commit_consumer_state(&self, mode: CommitMode) -> KafkaResult<()> {
        let stored = self.base().shared.client.stored();
        self.base().commit_offsets(stored, mode).await
    }

    /// Commits all up to this message, itself included.
    async fn commit_message(
        &self,
        message: &BorrowedMessage<'_>,
        mode: CommitMode,
    ) -> KafkaResult<()> {
        let unknown = KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownPartition);
        let found = self.base().inquirer.partition(message.topic(), message.partition());
        let offsets = vec![(found.ok_or(unknown)?, LogOffset(message.offset() + 1))];
        self.base().commit_offsets(offsets, mode).await
    }

    /// Stores the offset of a message that was processed; the next one is committed.
    ///
    /// # Errors
    /// If the partition is not assigned.
    fn store_offset(&self, topic: &str, partition: i32, offset: i64) -> KafkaResult<()> {
        let base = self.base();
        let found = base.inquirer.partition(topic, partition);
        match found {
            Some(partition) if base.shared.client.store(partition, LogOffset(offset + 1)) => Ok(()),
            Some(_) | None => Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)),
        }
    }

    /// Stores the offset of this message.
    ///
    /// # Errors
    /// If the partition is not assigned.
    fn store_offset_from_message(&self, message: &BorrowedMessage<'_>) -> KafkaResult<()> {
        self.store_offset(message.topic(), message.partition(), message.offset())
    }

    /// Stores these offsets as they are: those to be committed.
    ///
    /// # Errors
    /// If a partition is not assigned.
    fn store_offsets(&self, list: &TopicPartitionList) -> KafkaResult<()> {
        for (partition, offset) in self.base().known(list) {
            let Offset::Offset(offset) = offset else { continue };
            if !self.base().shared.client.store(partition, LogOffset(offset)) {
                return Err(KafkaError::StoreOffset(RDKafkaErrorCode::State));
            }
        }
        Ok(())
    }

    /// The topics that it subscribed to.
    ///
    /// # Errors
    /// Never.
    fn subscription(&self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for topic in self.base().shared.client.subscription() {
            list.push(&topic, -1, Offset::Invalid);
        }
        Ok(list)
    }

    /// The partitions that it owns.
    ///
    /// # Errors
    /// Never.
    fn assignment(&self) -> KafkaResult<TopicPartitionList> {
        Ok(self.base().list(&self.base().shared.client.assignment()))
    }

    /// Whether the assignment was lost rather than revoked.
    fn assignment_lost(&self) -> bool {
        self.base().shared.client.assignment_lost()
    }

    /// What the group has committed of the partitions that it owns.
    async fn committed<T: Into<Timeout> + Send>(
        &self,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList>
    where
        Self: Sized,
    {
        let owned = self.base().list(&self.base().shared.client.assignment());
        self.committed_offsets(owned, timeout).await
    }

    /// What the group has committed of these partitions.
    async fn committed_offsets<T: Into<Timeout> + Send>(
        &self,
        list: TopicPartitionList,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        let base = self.base();
        let name = base.shared.profile.group.as_deref().unwrap_or_default();
        let no_group = KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownGroup);
        let group = base.inquirer.group(name).ok_or(no_group)?;
        let wanted = base.known(&list).into_iter().map(|(partition, _)| partition).collect();
        let found = base.inquirer.committed(group, wanted, timeout.into().limit()).await;
        let found = found.map_err(|why| KafkaError::OffsetFetch(code_of(why)))?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in found {
            let topic = base.inquirer.name(partition.topic);
            let offset = offset.map_or(Offset::Invalid, |offset| Offset::Offset(offset.0));
            list.push(&topic, i32::from(partition.partition), offset);
        }
        Ok(list)
    }

    /// The first offsets at or after a timestamp in the partitions that it owns.
    async fn offsets_for_timestamp<T: Into<Timeout> + Send>(
        &self,
        timestamp: i64,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList>
    where
        Self: Sized,
    {
        let mut owned = self.base().list(&self.base().shared.client.assignment());
        owned.set_all_offsets(Offset::Offset(timestamp))?;
        self.base().offsets_for_times(owned, timeout).await
    }

    /// The first offsets at or after timestamps.
    async fn offsets_for_times<T: Into<Timeout> + Send>(
        &self,
        timestamps: TopicPartitionList,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList>
    where
        Self: Sized,
    {
        self.base().offsets_for_times(timestamps, timeout).await
    }

    /// Where the code is: after the last message that it got.
    ///
    /// # Errors
    /// Never.
    fn position(&self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in self.base().shared.client.positions() {
            let topic = self.base().inquirer.name(partition.topic);
            let offset = offset.map_or(Offset::Invalid, |offset| Offset::Offset(offset.0));
            list.push(&topic, i32::from(partition.partition), offset);
        }
        Ok(list)
    }

    /// What there is to know of a topic, or of all.
    async fn fetch_metadata<T: Into<Timeout> + Send>(
        &self,
        topic: Option<&str>,
        timeout: T,
    ) -> KafkaResult<Metadata>
    where
        Self: Sized,
    {
        self.base().fetch_metadata(topic, timeout).await
    }

    /// The first offset of a partition, and the one after the last that is committed.
    async fn fetch_watermarks<T: Into<Timeout> + Send + 'static>(
        &self,
        topic: &str,
        partition: i32,
        timeout: T,
    ) -> KafkaResult<(i64, i64)>
    where
        Self: Sized,
    {
        self.base().fetch_watermarks(topic, partition, timeout).await
    }

    /// Reads nothing more from these partitions until they are resumed.
    ///
    /// # Errors
    /// Never.
    fn pause(&self, list: &TopicPartitionList) -> KafkaResult<()> {
        let known = self.base().known(list).into_iter().map(|(partition, _)| partition);
        self.base().shared.client.pause(&known.collect::<Vec<_>>());
        Ok(())
    }

    /// Goes on reading from these partitions.
    ///
    /// # Errors
    /// Never.
    fn resume(&self, list: &TopicPartitionList) -> KafkaResult<()> {
        let known = self.base().known(list).into_iter().map(|(partition, _)| partition);
        self.base().shared.client.resume(&known.collect::<Vec<_>>());
        Ok(())
    }

    /// How its group rebalances.
    fn rebalance_protocol(&self) -> RebalanceProtocol {
        let profile = &self.base().shared.profile;
        match profile.group.as_ref().map(|_| profile.settings.rebalance_protocol()) {
            Some(settings::RebalanceProtocol::Eager) => RebalanceProtocol::Eager,
            Some(settings::RebalanceProtocol::Cooperative) => RebalanceProtocol::Cooperative,
            None => RebalanceProtocol::None,
        }
    }
}
