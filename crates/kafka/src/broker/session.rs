//! A fetch session (KIP-227): what a connection fetches, and what it was told of that.
//!
//! Reads nothing itself. Remembers which partitions have nothing to tell until they change, so that nobody looks at them.

use alloc::vec::Vec;

use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, Offset, PartitionMap, Time, TopicPartition,
};

use super::partition::Reads;
use super::replicas::Replicas;
use crate::assignor::Rack;
use crate::message::{FetchPartition, FetchedPartition, Isolation};

/// What a connection fetches, request after request.
#[derive(Clone, Default, Debug)]
pub(super) struct Session {
    pub(super) replica: Option<(BrokerId, BrokerEpoch)>,
    /// `client.rack` of a consumer.
    pub(super) rack: Option<Rack>,
    /// What a consumer may see of transactions.
    pub(super) isolation: Isolation,
    pub(super) entries: Vec<Entry>,
    /// Where each partition's entry is.
    places: PartitionMap<usize>,
    /// Where the entries are, in order, that are not quiet.
    pub(super) awake: Vec<usize>,
    /// When its latest request came.
    pub(super) heard: Time,
    /// Another connection fetches for the same replica, so that what one finds unchanged the other may have changed.
    pub(super) rivalled: bool,
}

/// One partition of a session, and what its fetcher was told last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) fetch: FetchPartition,
    pub(super) told_high_watermark: Offset,
    pub(super) told_start: Offset,
    /// It had nothing to tell and nothing to teach, and has not changed since: no need to look again.
    pub(super) quiet: bool,
}

impl Session {
    pub(super) fn reads(&self) -> Reads {
        Reads::of(self.replica.is_some(), self.isolation)
    }

    pub(super) fn holds(&self, partition: TopicPartition) -> bool {
        self.find(partition).is_some()
    }

    pub(super) fn find(&self, partition: TopicPartition) -> Option<usize> {
        self.places.get(partition).copied()
    }

    /// Takes a partition in, or what changed of it; tells whether it is new.
    pub(super) fn set(&mut self, fetch: FetchPartition, replicas: &mut Replicas) -> bool {
        if let Some(at) = self.find(fetch.partition) {
            self.disturb_at(at, replicas);
            self.entries[at].fetch = fetch;
            return false;
        }
        let told = Offset::UNKNOWN;
        self.places.insert(fetch.partition, self.entries.len());
        self.awake.push(self.entries.len());
        self.entries.push(Entry {
            fetch,
            told_high_watermark: told,
            told_start: told,
            quiet: false,
        });
        true
    }

    pub(super) fn forget(&mut self, partition: TopicPartition, replicas: &mut Replicas) {
        self.disturb(partition, replicas);
        self.entries.retain(|entry| entry.fetch.partition != partition);
        self.list();
    }

    /// Lets a partition be read again: it changed here, or is asked for anew.
    pub(super) fn disturb(&mut self, partition: TopicPartition, replicas: &mut Replicas) {
        if let Some(at) = self.find(partition) {
            self.disturb_at(at, replicas);
        }
    }

    fn disturb_at(&mut self, at: usize, replicas: &mut Replicas) {
        let entry = &mut self.entries[at];
        if entry.quiet {
            entry.disturb(self.replica, self.heard, replicas);
            let place = self.awake.partition_point(|other| *other < at);
            self.awake.insert(place, at);
        }
    }

    pub(super) fn disturb_all(&mut self, replicas: &mut Replicas) {
        for entry in &mut self.entries {
            entry.disturb(self.replica, self.heard, replicas);
        }
        self.list_awake();
    }

    /// Finds out anew where everything is.
    pub(super) fn list(&mut self) {
        self.places.clear();
        for (at, entry) in self.entries.iter().enumerate() {
            self.places.insert(entry.fetch.partition, at);
        }
        self.list_awake();
    }

    fn list_awake(&mut self) {
        let entries = self.entries.iter().enumerate();
        self.awake.clear();
        self.awake.extend(entries.filter(|(_, entry)| !entry.quiet).map(|(at, _)| at));
    }

    pub(super) fn broker(&self) -> Option<BrokerId> {
        self.replica.map(|(broker, _)| broker)
    }
}

impl Entry {
    /// Makes up for the fetches that passed it over: to its leader, each said that the follower still had everything.
    fn disturb(
        &mut self,
        replica: Option<(BrokerId, BrokerEpoch)>,
        heard: Time,
        replicas: &mut Replicas,
    ) {
        if !core::mem::take(&mut self.quiet) {
            return;
        }
        if let Some((broker, _)) = replica
            && let Some(partition) = replicas.partitions.get_mut(self.fetch.partition)
        {
            let mut followers = partition.followers.iter_mut();
            if let Some(follower) = followers.find(|follower| follower.broker == broker) {
                follower.still_had_everything(heard);
            }
        }
    }

    /// Whether an incremental answer must list it (`CachedPartition.maybeUpdateResponseData`).
    pub(super) fn is_news(&self, told: &FetchedPartition) -> bool {
        !told.batches.is_empty()
            || told.high_watermark != self.told_high_watermark
            || told.log_start != self.told_start
            || told.diverging.is_some()
            || told.preferred.is_some()
            || told.error != ErrorCode::None
    }
}
