//! What is known of topics.

use stormglass_host::inquirer::TopicFound;

/// The cluster, as far as it was asked about.
#[derive(Debug)]
pub struct Metadata {
    topics: Vec<MetadataTopic>,
}

/// A topic.
#[derive(Debug)]
pub struct MetadataTopic {
    name: String,
    partitions: Vec<MetadataPartition>,
}

/// A partition.
#[derive(Debug)]
pub struct MetadataPartition {
    id: i32,
    leader: i32,
    replicas: Vec<i32>,
    isr: Vec<i32>,
}

impl Metadata {
    pub(crate) fn of(found: Vec<TopicFound>) -> Self {
        let ids = |ids: &[u16]| ids.iter().map(|id| i32::from(*id)).collect();
        let topics = found.into_iter().map(|topic| MetadataTopic {
            name: topic.name.to_string(),
            partitions: (0..)
                .zip(&topic.partitions)
                .map(|(id, (leader, replicas, isr))| MetadataPartition {
                    id,
                    leader: leader.map_or(-1, i32::from),
                    replicas: ids(replicas),
                    isr: ids(isr),
                })
                .collect(),
        });
        Self { topics: topics.collect() }
    }

    /// The topics.
    #[must_use]
    pub fn topics(&self) -> &[MetadataTopic] {
        &self.topics
    }
}

impl MetadataTopic {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its partitions.
    #[must_use]
    pub fn partitions(&self) -> &[MetadataPartition] {
        &self.partitions
    }
}

impl MetadataPartition {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> i32 {
        self.id
    }

    /// The broker that leads it; -1 if none does.
    #[must_use]
    pub const fn leader(&self) -> i32 {
        self.leader
    }

    /// The brokers that have it.
    #[must_use]
    pub fn replicas(&self) -> &[i32] {
        &self.replicas
    }

    /// The brokers that have all of it.
    #[must_use]
    pub fn isr(&self) -> &[i32] {
        &self.isr
    }
}
