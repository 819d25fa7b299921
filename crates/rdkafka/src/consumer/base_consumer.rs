//! The consumer that is polled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use madsim::task::JoinHandle;
use stormglass_host::consumer::{Commits, ConsumerClient, Next, NotOpened, Turn};
use stormglass_host::inquirer::{InquirerClient, Unanswered};
use stormglass_host::profile::{self, ConsumerProfile};
use stormglass_kafka::message::OffsetSpec;
use stormglass_types::history::Outcome;
use stormglass_types::{Offset as LogOffset, TopicPartition};

use crate::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext, dead, refused};
use crate::consumer::{
    CommitMode, Consumer, ConsumerContext, DefaultConsumerContext, MessageStream,
};
use crate::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use crate::message::BorrowedMessage;
use crate::metadata::Metadata;
use crate::statistics::{Partition, Statistics, Topic};
use crate::topic_partition_list::{Offset, TopicPartitionList};
use crate::util::{Timeout, current_time_millis};

/// A consumer that is polled.
pub struct BaseConsumer<C: ConsumerContext = DefaultConsumerContext> {
    pub(super) shared: Arc<Shared>,
    pub(super) context: Arc<C>,
    pub(super) inquirer: InquirerClient,
    told_at: Mutex<i64>,
    thread: Option<JoinHandle<()>>,
}

/// What the consumer shares with the thread beside it.
pub(super) struct Shared {
    pub(super) client: ConsumerClient,
    pub(super) profile: ConsumerProfile,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.profile.auto_commit.is_some() {
            self.client.commit_stored();
        }
    }
}

impl<C: ConsumerContext> Drop for BaseConsumer<C> {
    fn drop(&mut self) {
        if let Some(thread) = &self.thread {
            thread.abort();
        }
    }
}

#[async_trait::async_trait]
impl FromClientConfig for BaseConsumer {
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultConsumerContext).await
    }
}

#[async_trait::async_trait]
impl<C: ConsumerContext> FromClientConfigAndContext<C> for BaseConsumer<C> {
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let profile = profile::consumer(config.config_map()).map_err(refused)?;
        let client = ConsumerClient::open(&profile).map_err(|why| match why {
            NotOpened::Gone => dead(),
            NotOpened::UnknownGroup(group) => KafkaError::ClientCreation(format!(
                "the scenario has no group `{group}`: add `group: {group}` to an application"
            )),
        })?;
        let inquirer = InquirerClient::open().ok_or_else(dead)?;
        let every = profile.auto_commit.map(|every| Duration::from_nanos(every.0));
        let shared = Arc::new(Shared { client, profile });
        let weak = Arc::downgrade(&shared);
        let thread = every.map(|every| {
            madsim::task::spawn(async move {
                loop {
                    madsim::time::sleep(every).await;
                    let Some(shared) = weak.upgrade() else { return };
                    shared.client.commit_stored();
                }
            })
        });
        let (context, told_at) = (Arc::new(context), Mutex::new(current_time_millis()));
        Ok(Self { shared, context, inquirer, told_at, thread })
    }
}

impl<C: ConsumerContext> BaseConsumer<C> {
    /// The next message, or error, or nothing in time.
    pub async fn poll<T: Into<Timeout>>(
        &self,
        timeout: T,
    ) -> Option<KafkaResult<BorrowedMessage<'_>>> {
        let limit = timeout.into().or_for_ever();
        let next = std::future::poll_fn(|context| self.poll_message(context));
        madsim::time::timeout(limit, next).await.ok()
    }

    /// Messages for ever.
    pub fn iter_stream(&self) -> MessageStream<'_, C> {
        MessageStream::of(self)
    }

    pub(super) fn poll_message<'c>(
        &'c self,
        context: &mut Context<'_>,
    ) -> Poll<KafkaResult<BorrowedMessage<'c>>> {
        loop {
            self.tell_figures();
            match self.shared.client.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Next::Message(handed)) => {
                    return Poll::Ready(Ok(BorrowedMessage::handed(handed)));
                }
                Poll::Ready(Next::Error(code)) => {
                    return Poll::Ready(Err(KafkaError::MessageConsumption(code.into())));
                }
                Poll::Ready(Next::Turn(turn)) => self.turn(turn),
            }
        }
    }

    fn turn(&self, turn: Turn) {
        match turn {
            Turn::Assigned(partitions) => {
                let mut list = self.list(&partitions);
                self.context.rebalance(self, RDKafkaErrorCode::AssignPartitions, &mut list);
            }
            Turn::Revoking(partitions) => {
                let mut list = self.list(&partitions);
                self.context.rebalance(self, RDKafkaErrorCode::RevokePartitions, &mut list);
                let commits = match self.shared.profile.auto_commit {
                    Some(_) => Commits::Stored,
                    None => Commits::Nothing,
                };
                self.shared.client.hand_over(commits);
            }
            Turn::Lost(partitions) => {
                let mut list = self.list(&partitions);
                self.context.rebalance(self, RDKafkaErrorCode::RevokePartitions, &mut list);
            }
            Turn::Committed(offsets, outcome) => {
                let mut list = TopicPartitionList::new();
                for (partition, offset) in offsets {
                    let topic = self.inquirer.name(partition.topic);
                    list.push(&topic, i32::from(partition.partition), Offset::Offset(offset.0));
                }
                self.context.commit_callback(committed(outcome), &list);
            }
        }
    }

    pub(super) fn list(&self, partitions: &[TopicPartition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let topic = self.inquirer.name(partition.topic);
            list.push(&topic, i32::from(partition.partition), Offset::Invalid);
        }
        list
    }

    /// The partitions of a list that exist.
    pub(super) fn known(&self, list: &TopicPartitionList) -> Vec<(TopicPartition, Offset)> {
        let elements = list.elements().into_iter();
        let known = elements.filter_map(|it| {
            Some((self.inquirer.partition(it.topic(), it.partition())?, it.offset()))
        });
        known.collect()
    }

    fn tell_figures(&self) {
        let profile = &self.shared.profile;
        let Some(every) = profile.statistics else { return };
        let now = current_time_millis();
        {
            let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
            if (now - *told_at).unsigned_abs() < every.0 / 1_000_000 {
                return;
            }
            *told_at = now;
        }
        let messages = self.shared.client.messages();
        let mut topics: HashMap<String, Topic> = HashMap::new();
        for (partition, progress) in self.shared.client.progress() {
            let name = self.inquirer.name(partition.topic).to_string();
            let [app_offset, stored_offset, committed_offset] =
                progress.map(|offset| offset.map_or(NO_OFFSET, |offset| offset.0));
            let number = i32::from(partition.partition);
            let figures = Partition {
                partition: number,
                app_offset,
                stored_offset,
                committed_offset,
                consumer_lag: -1,
            };
            let topic = topics.entry(name.clone()).or_default();
            topic.topic = name;
            topic.partitions.insert(number, figures);
        }
        let statistics = Statistics {
            name: format!("{}#consumer-1", profile.client_id),
            client_id: profile.client_id.clone(),
            client_type: "consumer".to_owned(),
            ts: now * 1_000,
            time: now / 1_000,
            rxmsgs: i64::try_from(messages).unwrap_or(i64::MAX),
            topics,
            ..Statistics::default()
        };
        if let Ok(text) = serde_json::to_vec(&statistics) {
            self.context.stats_raw(&text);
        }
    }

    pub(super) async fn commit_offsets(
        &self,
        offsets: Vec<(TopicPartition, LogOffset)>,
        mode: CommitMode,
    ) -> KafkaResult<()> {
        if offsets.is_empty() {
            return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset));
        }
        if self.shared.profile.group.is_none() {
            return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownGroup));
        }
        match mode {
            CommitMode::Async => {
                self.shared.client.commit_async(offsets);
                Ok(())
            }
            CommitMode::Sync => committed(self.shared.client.commit(offsets).await),
        }
    }

    /// Owns these partitions, without a group.
    ///
    /// # Errors
    /// If an offset can only be told by a broker.
    pub fn assign(&self, assignment: &TopicPartitionList) -> KafkaResult<()> {
        let mut partitions = Vec::new();
        for (partition, offset) in self.known(assignment) {
            let bad =
                || KafkaError::Subscription("offsets from the end are not modelled".to_owned());
            partitions.push((partition, offset.start().ok_or_else(bad)?));
        }
        self.shared.client.assign(partitions);
        Ok(())
    }

    /// The first offset of a partition, and the one after the last that is committed.
    ///
    /// # Errors
    /// If no broker told in time.
    pub async fn fetch_watermarks<T: Into<Timeout> + Send>(
        &self,
        topic: &str,
        partition: i32,
        timeout: T,
    ) -> KafkaResult<(i64, i64)> {
        let unknown = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownPartition);
        let partition = self.inquirer.partition(topic, partition).ok_or(unknown)?;
        let limit = timeout.into().limit();
        let mut ends = [0; 2];
        for (end, spec) in ends.iter_mut().zip([OffsetSpec::Earliest, OffsetSpec::Latest]) {
            let found = self.inquirer.offsets(vec![(partition, spec)], limit).await;
            let found = found.map_err(|why| KafkaError::MetadataFetch(code_of(why)))?;
            let found = found.into_iter().next().map(|(_, offset)| offset);
            *end = match found {
                Some(Ok(offset)) => offset.0,
                Some(Err(code)) => return Err(KafkaError::MetadataFetch(code.into())),
                None => return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownPartition)),
            };
        }
        Ok((ends[0], ends[1]))
    }

    /// The first offsets at or after timestamps, which the list has in place of offsets.
    ///
    /// # Errors
    /// If no broker told in time.
    pub async fn offsets_for_times<T: Into<Timeout> + Send>(
        &self,
        timestamps: TopicPartitionList,
        timeout: T,
    ) -> KafkaResult<TopicPartitionList> {
        let limit = timeout.into().limit();
        let mut wanted = Vec::new();
        for (partition, at) in self.known(&timestamps) {
            let Offset::Offset(millis) = at else {
                return Err(KafkaError::OffsetFetch(RDKafkaErrorCode::InvalidTimestamp));
            };
            wanted.push((partition, OffsetSpec::At(self.inquirer.world_wall(millis))));
        }
        let found = self.inquirer.offsets(wanted, limit).await;
        let found = found.map_err(|why| KafkaError::OffsetFetch(code_of(why)))?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in found {
            let topic = self.inquirer.name(partition.topic);
            let number = i32::from(partition.partition);
            match offset {
                Ok(offset) if offset.0 >= 0 => list.push(&topic, number, Offset::Offset(offset.0)),
                Ok(_) => list.push(&topic, number, Offset::End),
                Err(code) => list.push_error(&topic, number, code.into()),
            }
        }
        Ok(list)
    }

    /// What there is to know of a topic, or of all.
    ///
    /// # Errors
    /// If no broker told in time.
    pub async fn fetch_metadata<T: Into<Timeout> + Send>(
        &self,
        topic: Option<&str>,
        timeout: T,
    ) -> KafkaResult<Metadata> {
        let found = self.inquirer.topics(topic, timeout.into().limit()).await;
        found.map(Metadata::of).map_err(|why| KafkaError::MetadataFetch(code_of(why)))
    }
}

/// librdkafka's number for no offset.
const NO_OFFSET: i64 = -1_001;

pub(super) fn code_of(why: Unanswered) -> RDKafkaErrorCode {
    match why {
        Unanswered::TimedOut => RDKafkaErrorCode::OperationTimedOut,
        Unanswered::Code(code) => code.into(),
    }
}

fn committed(outcome: Outcome) -> KafkaResult<()> {
    match outcome {
        Outcome::Ok => Ok(()),
        Outcome::Fail(code) | Outcome::Unknown(code) => {
            Err(KafkaError::ConsumerCommit(code.into()))
        }
    }
}

impl<C: ConsumerContext> Consumer<C> for BaseConsumer<C> {
    fn base(&self) -> &BaseConsumer<C> {
        self
    }
}
