//! The metadata log's records and the image that replaying them gives (KRaft).
//!
//! The controller and every broker hold an image of their own; a broker's lags behind. Elections are not decided here.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::SmallVec;
use stormglass_types::{
    BrokerEpoch, BrokerId, Dense, IdVec, LeaderEpoch, NodeId, PartitionEpoch, PartitionMap,
    ProducerId, TopicId, TopicPartition,
};

use crate::assignor::Rack;
use crate::message::MetadataOffset;
use crate::settings::TopicSettings;

/// A few brokers, in replica order.
pub type Brokers = SmallVec<[BrokerId; 4]>;

/// A record of the metadata log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataRecord {
    /// A broker registered; it starts fenced (`RegisterBrokerRecord`).
    RegisterBroker {
        /// Who.
        broker: BrokerId,
        /// Its new epoch.
        epoch: BrokerEpoch,
        /// Which life.
        incarnation: u32,
        /// `broker.rack`.
        rack: Option<Rack>,
    },
    /// A broker's state changed (`BrokerRegistrationChangeRecord`).
    ChangeBroker {
        /// Who.
        broker: BrokerId,
        /// The registration concerned.
        epoch: BrokerEpoch,
        /// Its new state.
        state: BrokerStatus,
    },
    /// A topic exists (`TopicRecord` and its `ConfigRecord`s).
    Topic {
        /// Which.
        topic: TopicId,
        /// Its settings.
        settings: Arc<TopicSettings>,
    },
    /// A topic exists no more, nor do its partitions (`RemoveTopicRecord`).
    RemoveTopic {
        /// Which.
        topic: TopicId,
    },
    /// A partition's registration as a whole (`PartitionRecord`, `PartitionChangeRecord`).
    Partition {
        /// Which.
        partition: TopicPartition,
        /// Its registration from now on.
        registration: Arc<PartitionRegistration>,
    },
    /// Producer ids below this are given away (`ProducerIdsRecord`).
    ProducerIds {
        /// The next free id.
        next: ProducerId,
    },
    /// How fast all brokers may copy what is throttled, whatever they were started with (`ConfigRecord`s of their default).
    ReplicationRate {
        /// Bytes per second; none is without limit.
        rate: Option<u64>,
    },
    /// A leader of the quorum began its epoch (`LeaderChangeMessage`); says nothing about brokers or topics.
    LeaderChange {
        /// Who leads.
        leader: NodeId,
        /// In which epoch of the quorum.
        epoch: LeaderEpoch,
    },
}

/// A registered broker's state as metadata show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerStatus {
    /// Not to be used by clients, in no in-sync set.
    Fenced,
    /// Serving.
    Active,
    /// Handing its leaderships over.
    ControlledShutdown,
}

/// A broker's registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokerRegistration {
    /// Its epoch.
    pub epoch: BrokerEpoch,
    /// Which life registered.
    pub incarnation: u32,
    /// Its state.
    pub status: BrokerStatus,
    /// `broker.rack`.
    pub rack: Option<Rack>,
}

/// A partition's registration (`PartitionRegistration`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionRegistration {
    /// All replicas, the preferred one first; while a reassignment is under way those of the target come first.
    pub replicas: Brokers,
    /// The replicas that a reassignment adds, until all of the target are in sync.
    pub adding: Brokers,
    /// The replicas that a reassignment removes then.
    pub removing: Brokers,
    /// The in-sync replicas.
    pub isr: Brokers,
    /// Eligible leader replicas (KIP-966).
    pub elr: Brokers,
    /// Replicas that were eligible once (KIP-966).
    pub last_known_elr: Brokers,
    /// Who leads, if anyone.
    pub leader: Option<BrokerId>,
    /// How often the leader changed.
    pub leader_epoch: LeaderEpoch,
    /// How often this registration changed.
    pub partition_epoch: PartitionEpoch,
    /// Whether the leader recovers from an unclean election.
    pub recovery: Recovery,
}

/// `LeaderRecoveryState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// As usual.
    Recovered,
    /// After an unclean election.
    Recovering,
}

/// A topic's id (KIP-516): topics of one name that follow each other have different ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicUuid(MetadataOffset);

/// A topic in the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicImage {
    /// Its id, by the record that created it.
    pub uuid: TopicUuid,
    /// Its settings.
    pub settings: Arc<TopicSettings>,
    /// How many partitions it has.
    pub partitions: u16,
}

/// Everything that the records up to an offset say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetadataImage {
    /// How many records are applied.
    pub offset: MetadataOffset,
    /// Registered brokers.
    pub brokers: BTreeMap<BrokerId, BrokerRegistration>,
    /// Topics that exist.
    pub topics: IdVec<TopicId, Option<TopicImage>>,
    /// Partitions that exist.
    pub partitions: PartitionMap<Arc<PartitionRegistration>>,
    /// The next free producer id.
    pub next_producer_id: i64,
    /// How fast brokers may copy what is throttled, once an operator has said so.
    pub replication_rate: Option<Rate>,
}

/// A limit that an operator has set, or taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// Bytes per second.
    Limited(u64),
    /// As fast as it goes.
    Unlimited,
}

impl MetadataImage {
    /// Takes the next record in.
    pub fn apply(&mut self, record: &MetadataRecord) {
        self.offset.0 += 1;
        match record {
            MetadataRecord::RegisterBroker { broker, epoch, incarnation, rack } => {
                let registration = BrokerRegistration {
                    epoch: *epoch,
                    incarnation: *incarnation,
                    status: BrokerStatus::Fenced,
                    rack: *rack,
                };
                self.brokers.insert(*broker, registration);
            }
            MetadataRecord::ChangeBroker { broker, epoch, state } => {
                if let Some(registration) = self.brokers.get_mut(broker)
                    && registration.epoch == *epoch
                {
                    registration.status = *state;
                }
            }
            MetadataRecord::Topic { topic, settings } => {
                while self.topics.len() <= topic.index() {
                    self.topics.push(None);
                }
                let uuid = TopicUuid(self.offset);
                self.topics[*topic] =
                    Some(TopicImage { uuid, settings: Arc::clone(settings), partitions: 0 });
            }
            MetadataRecord::RemoveTopic { topic } => {
                for partition in self.partitions_of(*topic) {
                    self.partitions.remove(partition);
                }
                if let Some(image) = self.topics.get_mut(*topic) {
                    *image = None;
                }
            }
            MetadataRecord::Partition { partition, registration } => {
                self.partitions.insert(*partition, Arc::clone(registration));
                if let Some(Some(topic)) = self.topics.get_mut(partition.topic) {
                    topic.partitions = topic.partitions.max(partition.partition + 1);
                }
            }
            MetadataRecord::ProducerIds { next } => self.next_producer_id = next.0,
            MetadataRecord::ReplicationRate { rate } => {
                self.replication_rate = Some(rate.map_or(Rate::Unlimited, Rate::Limited));
            }
            MetadataRecord::LeaderChange { .. } => {}
        }
    }

    /// Whether clients may be sent to a broker: registered and not fenced.
    #[must_use]
    pub fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|registration| match registration.status {
            BrokerStatus::Fenced => false,
            BrokerStatus::Active | BrokerStatus::ControlledShutdown => true,
        })
    }

    /// Whether a broker may lead and be in sync: registered, unfenced, not shutting down.
    #[must_use]
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.brokers
            .get(&broker)
            .is_some_and(|registration| registration.status == BrokerStatus::Active)
    }

    /// A topic's settings.
    #[must_use]
    pub fn settings(&self, topic: TopicId) -> Option<&Arc<TopicSettings>> {
        Some(&self.topics.get(topic)?.as_ref()?.settings)
    }

    /// A topic's id, if it exists.
    #[must_use]
    pub fn uuid(&self, topic: TopicId) -> Option<TopicUuid> {
        Some(self.topics.get(topic)?.as_ref()?.uuid)
    }

    /// How many partitions a topic has; zero if it does not exist.
    #[must_use]
    pub fn partition_count(&self, topic: TopicId) -> u16 {
        self.topics.get(topic).and_then(Option::as_ref).map_or(0, |topic| topic.partitions)
    }

    /// The partitions of a topic that exist, in order.
    pub fn partitions_of(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + use<> {
        (0..self.partition_count(topic)).map(move |number| TopicPartition::new(topic, number))
    }

    /// The leader that a client would be told: none where nobody leads or the leader is not alive.
    #[must_use]
    pub fn leader(&self, partition: TopicPartition) -> Option<(BrokerId, LeaderEpoch)> {
        let registration = self.partitions.get(partition)?;
        let leader = registration.leader.filter(|leader| self.is_alive(*leader))?;
        Some((leader, registration.leader_epoch))
    }

    /// Whether any broker says its rack.
    #[must_use]
    pub fn has_racks(&self) -> bool {
        self.brokers.values().any(|broker| broker.rack.is_some())
    }

    /// The rack of each replica of a partition, in replica order.
    #[must_use]
    pub fn racks(&self, partition: TopicPartition) -> Vec<Option<Rack>> {
        let Some(registration) = self.partitions.get(partition) else { return Vec::new() };
        let rack = |replica: &BrokerId| self.brokers.get(replica).and_then(|broker| broker.rack);
        registration.replicas.iter().map(rack).collect()
    }

    /// The alive brokers, in the order of their ids.
    #[must_use]
    pub fn alive(&self) -> Vec<BrokerId> {
        self.brokers.keys().copied().filter(|broker| self.is_alive(*broker)).collect()
    }
}
