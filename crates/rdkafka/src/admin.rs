//! An administrator's client: topics and partitions.

use std::sync::Arc;
use std::time::Duration;

use stormglass_host::inquirer::InquirerClient;
use stormglass_host::profile;
use stormglass_kafka::config::{Entry, parse_topic};
use stormglass_sim::plan::TopicPlan;

use crate::client::{ClientContext, DefaultClientContext};
use crate::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext, dead, refused};
use crate::error::{KafkaResult, RDKafkaErrorCode};
use crate::util::Timeout;

/// An administrator's client.
pub struct AdminClient<C: ClientContext> {
    inquirer: InquirerClient,
    context: Arc<C>,
}

#[async_trait::async_trait]
impl FromClientConfig for AdminClient<DefaultClientContext> {
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultClientContext).await
    }
}

#[async_trait::async_trait]
impl<C: ClientContext> FromClientConfigAndContext<C> for AdminClient<C> {
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        profile::any(config.config_map()).map_err(refused)?;
        let inquirer = InquirerClient::open().ok_or_else(dead)?;
        Ok(Self { inquirer, context: Arc::new(context) })
    }
}

impl<C: ClientContext> AdminClient<C> {
    /// The context.
    #[must_use]
    pub fn context(&self) -> &Arc<C> {
        &self.context
    }

    /// Creates topics and waits until the brokers lead them.
    ///
    /// # Errors
    /// Never as a whole; each topic has a result of its own.
    pub async fn create_topics<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a NewTopic<'a>>,
        options: &AdminOptions,
    ) -> KafkaResult<Vec<TopicResult>> {
        let mut results = Vec::new();
        for topic in topics {
            let failed = |code| (topic.name.to_owned(), code);
            results.push(match self.plan(topic) {
                Ok(plan) => {
                    let made = self.inquirer.create_topic(plan, options.patience()).await;
                    made.map(|()| topic.name.to_owned()).map_err(|code| failed(code.into()))
                }
                Err(code) => Err(failed(code)),
            });
        }
        Ok(results)
    }

    /// Raises numbers of partitions and waits until the brokers lead the new ones.
    ///
    /// # Errors
    /// Never as a whole; each topic has a result of its own.
    pub async fn create_partitions<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a NewPartitions<'a>>,
        options: &AdminOptions,
    ) -> KafkaResult<Vec<TopicResult>> {
        let mut results = Vec::new();
        for wanted in partitions {
            let name = wanted.topic_name;
            results.push(match u16::try_from(wanted.new_partition_count) {
                Ok(count) => {
                    let made =
                        self.inquirer.create_partitions(name, count, options.patience()).await;
                    made.map(|()| name.to_owned()).map_err(|code| (name.to_owned(), code.into()))
                }
                Err(_) => Err((name.to_owned(), RDKafkaErrorCode::InvalidPartitions)),
            });
        }
        Ok(results)
    }

    /// The operator of a simulated cluster deletes no topics.
    ///
    /// # Errors
    /// Each topic has one of its own: `UnsupportedFeature`, or that there is no such topic.
    pub async fn delete_topics(
        &self,
        names: &[&str],
        _options: &AdminOptions,
    ) -> KafkaResult<Vec<TopicResult>> {
        let refused = |name: &&str| {
            let code = match self.inquirer.partition(name, 0) {
                Some(_) => RDKafkaErrorCode::UnsupportedFeature,
                None => RDKafkaErrorCode::UnknownTopicOrPartition,
            };
            Err(((*name).to_owned(), code))
        };
        Ok(names.iter().map(refused).collect())
    }

    /// Groups of a simulated cluster are those of its scenario and cannot be deleted.
    ///
    /// # Errors
    /// Each group has one of its own: `UnsupportedFeature`, or that there is no such group.
    pub async fn delete_groups(
        &self,
        names: &[&str],
        _options: &AdminOptions,
    ) -> KafkaResult<Vec<GroupResult>> {
        let refused = |name: &&str| {
            let code = match self.inquirer.group(name) {
                Some(_) => RDKafkaErrorCode::UnsupportedFeature,
                None => RDKafkaErrorCode::GroupIdNotFound,
            };
            Err(((*name).to_owned(), code))
        };
        Ok(names.iter().map(refused).collect())
    }

    fn plan(&self, topic: &NewTopic<'_>) -> Result<TopicPlan, RDKafkaErrorCode> {
        let partitions = u16::try_from(topic.num_partitions).ok().filter(|count| *count > 0);
        let partitions = partitions.ok_or(RDKafkaErrorCode::InvalidPartitions)?;
        let TopicReplication::Fixed(replication) = topic.replication else {
            return Err(RDKafkaErrorCode::InvalidReplicaAssignment);
        };
        let replication = u16::try_from(replication).ok().filter(|count| *count > 0);
        let replication = replication.ok_or(RDKafkaErrorCode::InvalidReplicationFactor)?;
        let defaults = self.inquirer.topic_defaults();
        let entries = topic.config.iter().map(|(key, value)| Entry { key, value, at: 0 });
        let entries: Vec<Entry<'_>> = entries.collect();
        let parsed = parse_topic(&entries, &defaults);
        if !parsed.issues.is_empty() {
            return Err(RDKafkaErrorCode::InvalidConfig);
        }
        let settings = Arc::new(parsed.settings);
        let name = topic.name.to_owned();
        Ok(TopicPlan { name, partitions, replication, settings, created_after: None })
    }
}

/// How an operation is done.
#[derive(Clone, Debug, Default)]
pub struct AdminOptions {
    request_timeout: Option<Timeout>,
    operation_timeout: Option<Timeout>,
}

impl AdminOptions {
    /// As usual.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the client waits.
    #[must_use]
    pub fn request_timeout<T: Into<Timeout>>(mut self, timeout: Option<T>) -> Self {
        self.request_timeout = timeout.map(Into::into);
        self
    }

    /// How long the broker waits.
    #[must_use]
    pub fn operation_timeout<T: Into<Timeout>>(mut self, timeout: Option<T>) -> Self {
        self.operation_timeout = timeout.map(Into::into);
        self
    }

    fn patience(&self) -> Duration {
        let asked = self.operation_timeout.or(self.request_timeout);
        asked.map_or(Duration::from_secs(60), Timeout::or_for_ever)
    }
}

/// A topic to be created.
#[derive(Debug)]
pub struct NewTopic<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many partitions.
    pub num_partitions: i32,
    /// How many replicas each.
    pub replication: TopicReplication<'a>,
    /// Its settings.
    pub config: Vec<(&'a str, &'a str)>,
}

impl<'a> NewTopic<'a> {
    /// A topic.
    #[must_use]
    pub const fn new(
        name: &'a str,
        num_partitions: i32,
        replication: TopicReplication<'a>,
    ) -> Self {
        Self { name, num_partitions, replication, config: Vec::new() }
    }

    /// With a setting.
    #[must_use]
    pub fn set(mut self, key: &'a str, value: &'a str) -> Self {
        self.config.push((key, value));
        self
    }
}

/// More partitions for a topic.
#[derive(Debug)]
pub struct NewPartitions<'a> {
    /// Whose.
    pub topic_name: &'a str,
    /// How many there will be.
    pub new_partition_count: usize,
}

impl<'a> NewPartitions<'a> {
    /// More partitions.
    #[must_use]
    pub const fn new(topic_name: &'a str, new_partition_count: usize) -> Self {
        Self { topic_name, new_partition_count }
    }
}

/// Which broker has which partition.
pub type PartitionAssignment<'a> = &'a [&'a [i32]];

/// How a topic is replicated.
#[derive(Debug)]
pub enum TopicReplication<'a> {
    /// So many replicas.
    Fixed(i32),
    /// On these brokers; not modelled.
    Variable(PartitionAssignment<'a>),
}

/// A group's name, or its name and what went wrong.
pub type GroupResult = Result<String, (String, RDKafkaErrorCode)>;

/// A topic's name, or its name and what went wrong.
pub type TopicResult = Result<String, (String, RDKafkaErrorCode)>;
