//! Metadata as they arrive: one step may hold many changes, of which only the last state counts (`BrokerMetadataPublisher`,
//! `ReplicaManager.applyDelta`).
//!
//! A broker may so never learn of a leader epoch in which it led, or did not.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{Dense, Offset, TopicId, TopicPartition};

use super::Broker;
use super::partition::Partition;
use super::replicas::Touched;
use crate::group::OFFSETS_TOPIC;
use crate::log::PartitionLog;
use crate::metadata::{MetadataImage, MetadataRecord, PartitionRegistration};
use crate::{Mark, Note, Now, Outbox, Rule};

impl Broker {
    pub(super) fn on_metadata(&mut self, now: Now, records: &[MetadataRecord], out: &mut Outbox) {
        if !records.is_empty() {
            self.disturb_all();
        }
        let image = Arc::make_mut(&mut self.replicas.image);
        let mut changed = Vec::new();
        for record in records {
            image.apply(record);
            if let MetadataRecord::Partition { partition, .. } = record {
                changed.push(*partition);
            }
        }
        let removed: Vec<TopicId> = records
            .iter()
            .filter_map(|record| {
                let MetadataRecord::RemoveTopic { topic } = record else { return None };
                Some(*topic)
            })
            .collect();
        if !removed.is_empty() {
            self.drop_deleted(now, &removed, out);
            changed.retain(|id| self.replicas.image.partitions.contains(*id));
        }
        changed.sort_unstable();
        changed.dedup();
        self.on_changed(now, changed, out);
    }

    /// As [`Self::on_metadata`], for somebody who missed the records: what they say stands for them.
    pub(super) fn on_metadata_snapshot(
        &mut self,
        now: Now,
        image: Arc<MetadataImage>,
        out: &mut Outbox,
    ) {
        self.disturb_all();
        let before = core::mem::replace(&mut self.replicas.image, image);
        let known = (0..before.topics.len()).map(TopicId::from_index);
        let removed: Vec<TopicId> = known
            .filter(|topic| before.uuid(*topic).is_some())
            .filter(|topic| before.uuid(*topic) != self.replicas.image.uuid(*topic))
            .collect();
        if !removed.is_empty() {
            self.drop_deleted(now, &removed, out);
        }
        let partitions = self.replicas.image.partitions.iter();
        let changed = partitions.filter(|(id, now)| before.partitions.get(*id) != Some(*now));
        let changed = changed.map(|(id, _)| id).collect();
        self.on_changed(now, changed, out);
    }

    fn on_changed(&mut self, now: Now, changed: Vec<TopicPartition>, out: &mut Outbox) {
        self.lifecycle.applied(self.replicas.image.offset);
        if let Some(rate) = self.replicas.image.replication_rate {
            self.replicas.limit_copies(rate);
        }
        let registered = |id: TopicPartition| Arc::clone(&self.replicas.image.partitions[id]);
        let changed: Vec<_> = changed.into_iter().map(|id| (id, registered(id))).collect();
        let me = self.replicas.me;
        let (local, gone): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|(_, registration)| registration.replicas.contains(&me));
        for (id, _) in gone {
            self.stop_replica(now, id, out);
        }
        for (id, registration) in &local {
            if registration.leader == Some(me) {
                self.make_leader(now, *id, registration, out);
            }
        }
        for (id, registration) in &local {
            if registration.leader != Some(me) {
                self.make_follower(now, *id, registration, out);
            }
        }
        if !local.is_empty() {
            self.schedule_retention(now, out);
            self.schedule_cleaner(now, out);
        }
        self.drop_idle_fetchers(now, out);
        self.pump_fetchers(now, out);
        self.maybe_serve();
    }

    /// `Partition.makeLeader`.
    fn make_leader(
        &mut self,
        now: Now,
        id: TopicPartition,
        registration: &PartitionRegistration,
        out: &mut Outbox,
    ) {
        self.stop_fetching(id);
        self.host(id, out);
        let replicas = &mut self.replicas;
        let log = replicas.store.logs.get_mut(id).expect("hosted just above");
        let partition = replicas.partitions.get_mut(id).expect("hosted just above");
        if registration.partition_epoch < partition.partition_epoch {
            return;
        }
        let leads_again = partition.leader == Some(replicas.me);
        let cluster = super::partition::Cluster {
            now: now.mono,
            me: replicas.me,
            my_epoch: replicas.epoch,
            image: &replicas.image,
            settings: &replicas.settings,
            rules: replicas.rules,
        };
        let is_new_epoch = partition.lead(registration, log, &cluster);
        let epoch = partition.leader_epoch;
        if is_new_epoch {
            out.note(Note::BecameLeader { partition: id, epoch, start: log.end() });
            if leads_again {
                out.mark(Mark::LedAgain);
            }
        }
        self.replicas.advance(now.mono, id, out);
        if is_new_epoch && id.topic == OFFSETS_TOPIC {
            let high_watermark = self.replicas.partitions[id].high_watermark;
            let log = self.replicas.store.logs[id].clone();
            self.coordinate(now, out, |coordinator, out, _| {
                coordinator.on_elected(now, id, epoch, &log, high_watermark, out);
            });
        } else if is_new_epoch && self.keeps_transactions(id) {
            let log = self.replicas.store.logs[id].clone();
            self.transact(now, out, |coordinator, outside| {
                coordinator.on_elected(id, epoch, &log, outside);
            });
        }
    }

    /// `Partition.makeFollower`, and the restart of its fetcher.
    fn make_follower(
        &mut self,
        now: Now,
        id: TopicPartition,
        registration: &PartitionRegistration,
        out: &mut Outbox,
    ) {
        self.host(id, out);
        let me = self.replicas.me;
        let partition = &mut self.replicas.partitions[id];
        if registration.partition_epoch < partition.partition_epoch {
            return;
        }
        let same_leader = partition.leader == registration.leader;
        let is_new_epoch = partition.follow(registration, self.replicas.rules);
        let starts_anew = !same_leader || self.replicas.rules.on(Rule::FollowerStartsAnew);
        // A stopping broker gives up what it need not follow any more.
        let is_left = registration.leader.is_none() || !registration.isr.contains(&me);
        if self.is_stopping() && is_left {
            self.stop_fetching(id);
        } else if is_new_epoch && !starts_anew && self.is_fetching(id) {
            self.fetch_on(id);
        } else if is_new_epoch {
            self.stop_fetching(id);
            let log = &self.replicas.store.logs[id];
            let high_watermark = self.replicas.partitions[id].high_watermark;
            if !self.replicas.rules.on(Rule::TruncateByEpoch) || log.latest_epoch().is_none() {
                self.replicas.truncate(id, high_watermark, Mark::TruncatedToHighWatermark, out);
            }
            self.start_fetching(id);
        }
        if is_new_epoch {
            self.resign(now, id, out);
        }
    }

    /// Lets everyone know who waits for this broker as a partition's leader.
    fn resign(&mut self, now: Now, id: TopicPartition, out: &mut Outbox) {
        self.replicas.touch(id, Touched::NotLeading);
        if id.topic == OFFSETS_TOPIC {
            self.coordinate(now, out, |coordinator, out, _| {
                coordinator.on_resigned(now, id, out);
            });
        } else if self.keeps_transactions(id) {
            self.transact(now, out, |coordinator, outside| {
                coordinator.on_resigned(id, outside.out);
            });
        }
    }

    /// The partition has moved to other brokers.
    fn stop_replica(&mut self, now: Now, id: TopicPartition, out: &mut Outbox) {
        if !self.replicas.partitions.contains(id) {
            // It moved while this broker was down (`LogManager.loadLogs`, stray logs).
            self.replicas.store.logs.remove(id);
            self.replicas.store.checkpoints.remove(id);
            self.replicas.store.starts.remove(id);
            return;
        }
        self.stop_fetching(id);
        self.replicas.partitions[id].leader = None;
        self.replicas.partitions[id].replicas.clear();
        self.resign(now, id, out);
        self.settle(now, out);
        if let Some(partition) = self.replicas.partitions.remove(id) {
            let flushes = u32::try_from(partition.flush.under_way.len());
            self.replicas.flushes -= flushes.expect("counted in 32 bits");
        }
        self.replicas.store.logs.remove(id);
        self.replicas.store.checkpoints.remove(id);
        self.replicas.store.starts.remove(id);
    }

    /// Gives up the replicas of topics that exist no more, or only by name.
    fn drop_deleted(&mut self, now: Now, topics: &[TopicId], out: &mut Outbox) {
        let replicas = &self.replicas;
        let is_gone = |(id, partition): &(TopicPartition, &Partition)| {
            replicas.image.uuid(id.topic) != Some(partition.topic)
        };
        let gone: Vec<_> = replicas.partitions.iter().filter(is_gone).map(|(id, _)| id).collect();
        for id in gone {
            let log = self.replicas.store.logs[id].clone();
            self.stop_replica(now, id, out);
            self.replicas.store.deleted.push((id, log));
            out.note(Note::ReplicaDeleted { partition: id });
        }
        for topic in topics.iter().copied() {
            self.coordinate(now, out, |coordinator, out, writes| {
                coordinator.on_topic_deleted(now, topic, out, writes);
            });
        }
    }

    /// Opens a replica's log, making an empty one if there is none, or if what is there is of another topic of this name.
    fn host(&mut self, id: TopicPartition, out: &mut Outbox) {
        if self.replicas.partitions.contains(id) {
            return;
        }
        let replicas = &mut self.replicas;
        let topic = replicas.image.uuid(id.topic).unwrap_or_else(|| {
            unreachable!("{id} was registered after its topic");
        });
        let kept = replicas.store.logs.get(id).and_then(PartitionLog::topic);
        if kept.is_some_and(|kept| kept != topic)
            && let Some(stray) = replicas.store.logs.remove(id)
        {
            replicas.store.checkpoints.remove(id);
            replicas.store.starts.remove(id);
            replicas.store.deleted.push((id, stray));
            out.mark(Mark::StrayLogDeleted);
            out.note(Note::ReplicaDeleted { partition: id });
        }
        let settings = replicas.image.settings(id.topic).unwrap_or_else(|| {
            unreachable!("{id} was registered after its topic");
        });
        let past = settings.past;
        let log = replicas.store.logs.get_or_insert_with(id, || PartitionLog::with_past(past));
        let checkpoint = replicas.store.checkpoints.get(id).copied().unwrap_or(Offset::ZERO);
        let high_watermark = checkpoint.min(log.end()).max(log.start());
        log.belong_to(topic);
        let partition = Partition::new(id, topic, Arc::clone(settings), high_watermark);
        replicas.partitions.insert(id, partition);
        self.watch_from_sessions(id);
    }
}
