//! A client that asks: watermarks, times, committed offsets, metadata; and an administrator's hands.
//!
//! Topics are made by the world's operator, whose client talks to the controllers.

use std::sync::Arc;
use std::time::Duration;

use stormglass_kafka::inquiry::{Answer, Question};
use stormglass_kafka::message::OffsetSpec;
use stormglass_kafka::metadata::MetadataImage;
use stormglass_sim::plan::TopicPlan;
use stormglass_sim::{ClientId, ClientKind};
use stormglass_types::{ErrorCode, GroupId, Offset, TopicId, TopicPartition, Wall};

use crate::stage::{Kind, Stage};

/// A client that asks.
pub struct InquirerClient {
    stage: Arc<Stage>,
    id: ClientId,
}

/// A question without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// In all the time there was.
    TimedOut,
    /// A broker refused, for this reason.
    Code(ErrorCode),
}

/// A topic as it is looked up.
#[derive(Clone, Debug)]
pub struct TopicFound {
    /// Its name.
    pub name: Arc<str>,
    /// Per partition: leader, replicas, in-sync replicas.
    pub partitions: Vec<(Option<u16>, Vec<u16>, Vec<u16>)>,
}

impl InquirerClient {
    /// Opens a client in the process that runs the present task; none if it has died.
    #[must_use]
    pub fn open() -> Option<Self> {
        let stage = Stage::current();
        let id = stage.open(ClientKind::Inquirer, |_, _| Kind::Inquirer)?;
        Some(Self { stage, id })
    }

    async fn ask(
        &self,
        question: Question,
        patience: Option<Duration>,
    ) -> Result<Answer, Unanswered> {
        let asked = self.stage.ask(self.id, question);
        let answer = match patience {
            Some(patience) => {
                madsim::time::timeout(patience, asked).await.map_err(|_| Unanswered::TimedOut)?
            }
            None => asked.await,
        };
        match answer {
            Answer::Failed(ErrorCode::RequestTimedOut) => Err(Unanswered::TimedOut),
            Answer::Failed(code) => Err(Unanswered::Code(code)),
            answer => Ok(answer),
        }
    }

    /// The partition of a topic's name and a number; none if there is no such topic.
    #[must_use]
    pub fn partition(&self, topic: &str, partition: i32) -> Option<TopicPartition> {
        let topic = self.stage.with(|inner, _| inner.topic(topic))?;
        Some(TopicPartition::new(topic, u16::try_from(partition).ok()?))
    }

    /// A topic's name.
    #[must_use]
    pub fn name(&self, topic: TopicId) -> Arc<str> {
        self.stage.with(|inner, _| inner.topic_name(topic))
    }

    /// The group of a name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<GroupId> {
        self.stage.with(|inner, _| inner.group(name))
    }

    /// Offsets by rule.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn offsets(
        &self,
        wanted: Vec<(TopicPartition, OffsetSpec)>,
        patience: Option<Duration>,
    ) -> Result<Vec<(TopicPartition, Result<Offset, ErrorCode>)>, Unanswered> {
        match self.ask(Question::Offsets(wanted), patience).await? {
            Answer::Offsets(found) => Ok(found),
            Answer::Metadata(_) | Answer::Committed(_) | Answer::Failed(_) => {
                Err(Unanswered::TimedOut)
            }
        }
    }

    /// The world's wall clock at an instant of the code's: the two begin at different dates.
    #[must_use]
    pub fn world_wall(&self, millis: i64) -> Wall {
        self.stage.with(|inner, now| {
            let ago = inner.clock.wall_ms() - millis;
            Wall(WORLD_BEGAN_MS + i64::try_from(now.as_millis()).unwrap_or(0) - ago)
        })
    }

    /// What a group has committed.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn committed(
        &self,
        group: GroupId,
        partitions: Vec<TopicPartition>,
        patience: Option<Duration>,
    ) -> Result<Vec<(TopicPartition, Option<Offset>)>, Unanswered> {
        match self.ask(Question::Committed(group, partitions), patience).await? {
            Answer::Committed(found) => Ok(found),
            Answer::Metadata(_) | Answer::Offsets(_) | Answer::Failed(_) => {
                Err(Unanswered::TimedOut)
            }
        }
    }

    /// One topic, or all.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn topics(
        &self,
        name: Option<&str>,
        patience: Option<Duration>,
    ) -> Result<Vec<TopicFound>, Unanswered> {
        let wanted: Vec<(TopicId, Arc<str>)> = self.stage.with(|inner, _| {
            let all = inner.topics().filter(|(_, known)| name.is_none_or(|name| name == &***known));
            all.map(|(topic, name)| (topic, Arc::clone(name))).collect()
        });
        let asked = wanted.iter().map(|(topic, _)| *topic).collect();
        let Answer::Metadata(image) = self.ask(Question::Metadata(asked), patience).await? else {
            return Err(Unanswered::TimedOut);
        };
        Ok(wanted.into_iter().map(|(topic, name)| found(&image, topic, name)).collect())
    }

    /// Asks the operator for a topic; an error if there is one of the name.
    ///
    /// # Errors
    /// If the topic is there already, or did not come to be in time.
    pub async fn create_topic(&self, plan: TopicPlan, patience: Duration) -> Result<(), ErrorCode> {
        let name = plan.name.clone();
        let partitions = plan.partitions;
        let topic = self.stage.with(|inner, now| {
            if inner.topic(&name).is_some() {
                return Err(ErrorCode::TopicAlreadyExists);
            }
            inner.name_topic(&name);
            Ok(inner.world.new_topic(now, plan))
        })?;
        self.appears(topic, partitions, patience).await
    }

    /// Asks the operator for more partitions.
    ///
    /// # Errors
    /// If there is no such topic, or it did not grow in time.
    pub async fn create_partitions(
        &self,
        name: &str,
        partitions: u16,
        patience: Duration,
    ) -> Result<(), ErrorCode> {
        let topic = self.stage.with(|inner, now| {
            let topic = inner.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            inner.world.expand_topic(now, topic, partitions);
            Ok(topic)
        })?;
        self.appears(topic, partitions, patience).await
    }

    /// Waits until the brokers know a topic with as many partitions, each with a leader.
    async fn appears(
        &self,
        topic: TopicId,
        partitions: u16,
        patience: Duration,
    ) -> Result<(), ErrorCode> {
        let began = self.stage.elapsed();
        loop {
            let answer = self.ask(Question::Metadata(vec![topic]), Some(patience)).await;
            if let Ok(Answer::Metadata(image)) = answer {
                let led = (0..partitions).all(|number| {
                    let known = image.partitions.get(TopicPartition::new(topic, number));
                    known.is_some_and(|known| known.leader.is_some())
                });
                if led {
                    return Ok(());
                }
            }
            if self.stage.elapsed().saturating_sub(began) > patience {
                return Err(ErrorCode::RequestTimedOut);
            }
            madsim::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What topics of the scenario take for granted.
    #[must_use]
    pub fn topic_defaults(&self) -> stormglass_kafka::settings::TopicSettings {
        self.stage.with(|inner, _| inner.world.plan().cluster.settings.topic.clone())
    }
}

impl Drop for InquirerClient {
    fn drop(&mut self) {
        let id = self.id;
        self.stage.with(|inner, _| {
            if inner.is_alive(id) {
                inner.world.drop_client(id);
            }
        });
    }
}

/// 2026-01-01T00:00:00Z, when every world begins.
const WORLD_BEGAN_MS: i64 = 1_767_225_600_000;

fn found(image: &MetadataImage, topic: TopicId, name: Arc<str>) -> TopicFound {
    let count = image.partition_count(topic);
    let partitions = (0..count).map(|number| {
        let Some(known) = image.partitions.get(TopicPartition::new(topic, number)) else {
            return (None, Vec::new(), Vec::new());
        };
        let ids = |brokers: &[stormglass_types::BrokerId]| brokers.iter().map(|it| it.0).collect();
        (known.leader.map(|leader| leader.0), ids(&known.replicas), ids(&known.isr))
    });
    TopicFound { name, partitions: partitions.collect() }
}
