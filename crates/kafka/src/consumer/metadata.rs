//! What a consumer knows of the cluster: leaders, partition counts, living brokers, and when to ask again.
//!
//! Sends nothing itself. Never goes back to an older leader epoch, whoever answers (`Metadata.updateLatestMetadata`).

use alloc::vec::Vec;

use stormglass_types::{
    BrokerId, LeaderEpoch, PartitionMap, Rng, Span, Time, TopicId, TopicPartition,
};

use crate::assignor::KnownTopic;
use crate::channel::Backoff;
use crate::metadata::{MetadataImage, TopicUuid};
use crate::{Mark, Outbox, Rule, Rules};

/// A partition's leader as far as it is known (`Metadata.LeaderAndEpoch`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct LeaderAndEpoch {
    pub(super) leader: Option<BrokerId>,
    pub(super) epoch: Option<LeaderEpoch>,
}

/// `Metadata`, as its client keeps it.
#[derive(Clone, Debug)]
pub(super) struct ClientMetadata {
    /// The topics to ask about, sorted.
    topics: Vec<TopicId>,
    /// The topics that a pattern matches, whether they exist or not: all topics are asked about then.
    matching: Vec<TopicId>,
    /// The topics among them that exist, with their number of partitions.
    counts: Vec<KnownTopic>,
    leaders: PartitionMap<Known>,
    alive: Vec<BrokerId>,
    /// How many answers were taken in.
    version: u32,
    need: Need,
    under_way: bool,
    refreshed_at: Option<Time>,
    /// No request before this.
    allowed_at: Time,
    failures: u32,
    /// Answers in a row that told nothing new.
    unchanged: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    /// Which topic of the name.
    topic: TopicUuid,
    leader: Option<BrokerId>,
    epoch: LeaderEpoch,
    /// The newest epoch heard of, from whatever source.
    seen: LeaderEpoch,
}

/// Whether someone asked for newer metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Nothing,
    Update,
}

impl ClientMetadata {
    pub(super) fn new(bootstrap: &[BrokerId]) -> Self {
        Self {
            topics: Vec::new(),
            matching: Vec::new(),
            counts: Vec::new(),
            leaders: PartitionMap::new(),
            alive: bootstrap.to_vec(),
            version: 0,
            need: Need::Nothing,
            under_way: false,
            refreshed_at: None,
            allowed_at: Time::ZERO,
            failures: 0,
            unchanged: 0,
        }
    }

    pub(super) fn topics(&self) -> &[TopicId] {
        &self.topics
    }

    pub(super) fn counts(&self) -> &[KnownTopic] {
        &self.counts
    }

    pub(super) fn alive(&self) -> &[BrokerId] {
        &self.alive
    }

    pub(super) const fn version(&self) -> u32 {
        self.version
    }

    /// Asks about these topics from now on; at once if there are new ones (`requestUpdateForNewTopics`).
    pub(super) fn watch(&mut self, topics: &[TopicId]) {
        if topics.iter().any(|topic| !self.topics.contains(topic)) {
            self.need = Need::Update;
            self.allowed_at = Time::ZERO;
            self.unchanged = 0;
        }
        self.topics.clear();
        self.topics.extend_from_slice(topics);
        self.topics.extend_from_slice(&self.matching);
        self.topics.sort_unstable();
        self.topics.dedup();
    }

    /// Asks about all topics from now on, of which these match the pattern subscribed to.
    pub(super) fn watch_matching(&mut self, topics: &[TopicId]) {
        self.matching = topics.to_vec();
        self.watch(&[]);
        self.need = Need::Update;
        self.allowed_at = Time::ZERO;
    }

    /// Nobody known can be reached: starts over with the bootstrap servers.
    pub(super) fn bootstrap(&mut self, brokers: &[BrokerId]) {
        self.alive.clear();
        self.alive.extend_from_slice(brokers);
    }

    /// Something was found to be stale.
    pub(super) fn request(&mut self) {
        self.need = Need::Update;
    }

    /// Whether nobody waits for newer metadata.
    pub(super) fn is_fresh(&self) -> bool {
        self.need == Need::Nothing && !self.under_way
    }

    /// When the next request is due.
    pub(super) fn due(&self, max_age: Span) -> Time {
        if self.under_way || self.topics.is_empty() {
            return Time::NEVER;
        }
        let wanted_at = match self.need {
            Need::Update => Time::ZERO,
            Need::Nothing => self.refreshed_at.map_or(Time::ZERO, |at| at + max_age),
        };
        wanted_at.max(self.allowed_at)
    }

    pub(super) fn sent(&mut self) {
        self.under_way = true;
        self.need = Need::Nothing;
    }

    pub(super) fn failed(&mut self, now: Time, backoff: Backoff, rng: &mut Rng) {
        self.under_way = false;
        self.need = Need::Update;
        self.failures += 1;
        self.allowed_at = now + backoff.after(self.failures, rng);
    }

    /// Takes an answer in.
    pub(super) fn update(
        &mut self,
        now: Time,
        image: &MetadataImage,
        (backoff, rules): (Backoff, Rules),
        rng: &mut Rng,
        out: &mut Outbox,
    ) {
        let alive = image.alive();
        if alive.is_empty() {
            return self.failed(now, backoff, rng);
        }
        self.under_way = false;
        self.failures = 0;
        self.version += 1;
        self.refreshed_at = Some(now);
        let mut changed = self.alive != alive;
        self.alive = alive;
        let has_racks = image.has_racks();
        let mut counts = Vec::with_capacity(self.topics.len());
        for topic in self.topics.iter().copied() {
            let count = image.partition_count(topic);
            let Some(uuid) = image.uuid(topic).filter(|_| count > 0) else {
                // A topic that a pattern would match is not missed before it exists.
                if !self.matching.contains(&topic) {
                    self.need = Need::Update;
                }
                continue;
            };
            let racks = if has_racks {
                image.partitions_of(topic).map(|partition| image.racks(partition)).collect()
            } else {
                Vec::new()
            };
            counts.push(KnownTopic { topic, partitions: count, racks });
            for partition in image.partitions_of(topic) {
                let Some(registration) = image.partitions.get(partition) else { continue };
                let epoch = registration.leader_epoch;
                let leader = image.leader(partition).map(|(leader, _)| leader);
                let mut before = self.leaders.get(partition).copied();
                if before.is_some_and(|known| known.topic != uuid) {
                    out.mark(Mark::TopicRecreated);
                    // Epochs begin anew with a topic. Without ids, its leaders seemed to come from the past for ever.
                    before = before.filter(|_| !rules.on(Rule::EpochsOfOneTopic));
                }
                let seen = before.map_or(epoch, |known| known.seen);
                if epoch >= seen {
                    let known = Known { topic: uuid, leader, epoch, seen: epoch };
                    changed |= before != Some(known);
                    self.leaders.insert(partition, known);
                }
                if leader.is_none() {
                    self.need = Need::Update;
                }
            }
        }
        changed |= self.counts != counts;
        self.counts = counts;
        self.unchanged = if changed { 0 } else { self.unchanged + 1 };
        self.allowed_at = now + backoff.after(self.unchanged, rng);
    }

    /// The id of a partition's topic.
    pub(super) fn uuid(&self, partition: TopicPartition) -> Option<TopicUuid> {
        self.leaders.get(partition).map(|known| known.topic)
    }

    /// An epoch was heard of elsewhere; a newer one makes what is known stale (`updateLastSeenEpochIfNewer`).
    pub(super) fn saw_epoch(&mut self, partition: TopicPartition, epoch: LeaderEpoch) {
        if let Some(known) = self.leaders.get_mut(partition)
            && epoch > known.seen
        {
            known.seen = epoch;
            self.need = Need::Update;
        }
    }

    /// Whether a newer epoch was heard of than any answer had: whoever answered last had not heard of it itself.
    pub(super) fn is_behind(&self) -> bool {
        self.leaders.iter().any(|(partition, known)| {
            known.seen > known.epoch && self.topics.contains(&partition.topic)
        })
    }

    /// `Metadata.currentLeader`: without a leader if a newer epoch was heard of.
    pub(super) fn leader(&self, partition: TopicPartition) -> LeaderAndEpoch {
        let Some(known) = self.leaders.get(partition) else { return LeaderAndEpoch::default() };
        let leader = if known.seen > known.epoch { None } else { known.leader };
        LeaderAndEpoch { leader, epoch: Some(known.seen) }
    }
}
