//! What invariants and tests may look at, without touching it.

use alloc::sync::Arc;

use stormglass_types::{BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};

use super::Broker;
use crate::log::{BrokerStore, PartitionLog};
use crate::metadata::MetadataImage;
use crate::note::ReplicaRole;
use crate::settings::BrokerSettings;

/// One local replica.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaView<'a> {
    /// Whether this broker believes to lead.
    pub role: ReplicaRole,
    /// Whom it believes to lead.
    pub leader: Option<BrokerId>,
    /// The leader epoch it knows.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch it knows.
    pub partition_epoch: PartitionEpoch,
    /// Its high watermark.
    pub high_watermark: Offset,
    /// Its log.
    pub log: &'a PartitionLog,
    /// The in-sync replicas as committed; empty at a follower.
    pub isr: &'a [BrokerId],
    /// All replicas.
    pub replicas: &'a [BrokerId],
}

impl Broker {
    /// Which broker it is.
    #[must_use]
    pub const fn id(&self) -> BrokerId {
        self.replicas.me
    }

    /// A local replica, once metadata told of it.
    #[must_use]
    pub fn replica(&self, id: TopicPartition) -> Option<ReplicaView<'_>> {
        let partition = self.replicas.partitions.get(id)?;
        let leads = partition.leader == Some(self.replicas.me);
        Some(ReplicaView {
            role: if leads { ReplicaRole::Leader } else { ReplicaRole::Follower },
            leader: partition.leader,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            high_watermark: partition.high_watermark,
            log: &self.replicas.store.logs[id],
            isr: &partition.isr,
            replicas: &partition.replicas,
        })
    }

    /// All local replicas, in the order of partitions.
    pub fn replicas(&self) -> impl Iterator<Item = (TopicPartition, ReplicaView<'_>)> {
        self.replicas.partitions.keys().filter_map(|id| Some((id, self.replica(id)?)))
    }

    /// The metadata that it has applied.
    #[must_use]
    pub const fn image(&self) -> &Arc<MetadataImage> {
        &self.replicas.image
    }

    /// Whether this life of it takes part in the cluster: unfenced once, and not stopping.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.phase == super::Phase::Serving
    }

    /// Its disk.
    #[must_use]
    pub const fn store(&self) -> &BrokerStore {
        &self.replicas.store
    }

    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> &Arc<BrokerSettings> {
        &self.replicas.settings
    }
}
