//! How a run ends: the storm passes, faults heal, the pipeline comes to rest or does not, and everything is read once more.

use stormglass_kafka::broker::Broker;
use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::log::PartitionLog;
use stormglass_kafka::message::AbortedTransaction;
use stormglass_kafka::record::{Batch, Records, Verdict, Within};
use stormglass_types::history::{Hiding, Stuck, What};
use stormglass_types::{
    BrokerId, Dense, GroupId, NodeId, Offset, ProducerId, Time, TopicId, TopicPartition,
};

use super::node::Wanted;
use super::start::FORMING;
use super::{End, Event, Phase, Step, TICK, View, World};

impl World {
    /// Looks at the phase once a second, and samples lag.
    pub(super) fn on_tick(&mut self) {
        match self.phase {
            Phase::Forming => {
                if self.now >= Time::ZERO + FORMING {
                    self.finish(End::NeverFormed);
                    return;
                }
            }
            Phase::Storm { .. } => self.sample_lag(),
            Phase::Settling { until } => {
                self.sample_lag();
                let stuck = self.stuck();
                if stuck.is_empty() && (self.all_committed() || self.now >= until) {
                    self.finish(End::Settled);
                    return;
                }
                if self.now >= until {
                    for (node, on) in stuck {
                        self.tell(node, What::Stuck { on });
                    }
                    self.finish(End::Restless);
                    return;
                }
            }
            Phase::Over(_) => return,
        }
        self.queue.push(self.now + TICK, Event::Tick);
    }

    /// The storm is over.
    pub(super) fn begin_settling(&mut self) {
        self.phase = Phase::Settling { until: self.now + self.plan.phases.settle };
        for producer in &mut self.producers {
            producer.end();
        }
        for node in self.roster.producers().collect::<Vec<_>>() {
            self.rearm(node);
        }
        self.heal();
        let process = self.roster.admin();
        self.tell(process, What::Healed);
    }

    fn sample_lag(&mut self) {
        for group in (0..self.plan.groups.len()).map(GroupId::from_index) {
            for partition in self.partitions_of(group) {
                let end = self.observer.high_watermark(partition);
                // Before a group has any position, it has no lag.
                if let Some(progress) = self.observer.progress(group, partition) {
                    self.tell_lag(group, partition, end.distance_from(progress));
                }
            }
        }
    }

    fn tell_lag(&mut self, group: GroupId, partition: TopicPartition, lag: u64) {
        let process = self.roster.admin();
        self.tell(process, What::Lag { group, partition, lag });
    }

    /// The partitions that a group subscribes to.
    pub(super) fn partitions_of(&self, group: GroupId) -> Vec<TopicPartition> {
        let topics = &self.plan.groups[group.index()].topics;
        topics.iter().flat_map(|topic| self.partitions(*topic)).collect()
    }

    fn partitions(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + use<> {
        let planned = if topic == OFFSETS_TOPIC {
            self.plan.cluster.settings.offsets_topic_partitions
        } else if self.plan.transaction_topic() == Some(topic) {
            self.plan.cluster.settings.transactions.partitions
        } else {
            self.plan.topic(topic).map_or(0, |topic| topic.partitions)
        };
        let known = self.view().metadata().map_or(0, |image| image.partition_count(topic));
        (0..planned.max(known)).map(move |number| TopicPartition::new(topic, number))
    }

    fn every_partition(&self) -> Vec<TopicPartition> {
        let topics = (0..=self.plan.topics.len()).map(TopicId::from_index);
        let skip_offsets = self.plan.groups.is_empty();
        topics
            .chain(self.plan.transaction_topic())
            .filter(|topic| !(skip_offsets && *topic == OFFSETS_TOPIC))
            .flat_map(|topic| self.partitions(topic))
            .collect()
    }

    /// Who has not come to rest, and what it waits for.
    pub(super) fn stuck(&self) -> Vec<(NodeId, Stuck)> {
        let mut stuck = Vec::new();
        let admin = self.roster.admin();
        let view = self.view();
        if view.active_controller().is_none() {
            stuck.push((admin, Stuck::NoController));
        }
        for (broker, node) in self.roster.brokers() {
            let active = view.metadata().is_some_and(|image| image.is_active(broker));
            // Until its former life's session ends, metadata show a broker that is only starting as active.
            if !active || !view.broker(broker).is_some_and(Broker::is_serving) {
                stuck.push((node, Stuck::Fenced { broker }));
            }
        }
        for partition in self.every_partition() {
            let Some(registration) = view.registration(partition) else { continue };
            if view.high_watermark(partition).is_none() {
                let node = registration.leader.map_or(admin, |leader| self.roster.broker(leader));
                stuck.push((node, Stuck::NoLeader { partition }));
            }
            let missing =
                registration.replicas.iter().find(|replica| !registration.isr.contains(replica));
            if let Some(missing) = missing.copied() {
                let node = self.roster.broker(missing);
                stuck.push((node, Stuck::UnderReplicated { partition, missing }));
            }
        }
        for (producer, node) in self.producers.iter().zip(self.roster.producers()) {
            for (partition, records) in producer.open() {
                stuck.push((node, Stuck::Sending { partition, records }));
            }
        }
        for (producer, node) in self.producers.iter().zip(self.roster.producers()) {
            let records = producer.uncommitted();
            if records > 0 {
                stuck.push((node, Stuck::Uncommitted { records }));
            }
        }
        for (node, partition, records) in self.external_sends() {
            stuck.push((node, Stuck::Sending { partition, records }));
        }
        for group in (0..self.plan.groups.len()).map(GroupId::from_index) {
            self.stuck_group(group, &mut stuck);
        }
        stuck
    }

    /// Whether every leader's high watermark has reached its log's end.
    ///
    /// A leader that came back within its session leads on, but knows no high watermark beyond its checkpoint until its
    /// followers fetch again. A final read before that would miss records that everybody has.
    fn all_committed(&self) -> bool {
        let view = self.view();
        self.every_partition().into_iter().all(|partition| {
            let leader = view.registration(partition).and_then(|known| known.leader);
            let log = leader.and_then(|leader| view.store(leader)?.logs.get(partition));
            log.is_none_or(|log| view.high_watermark(partition) == Some(log.end()))
        })
    }

    fn stuck_group(&self, group: GroupId, stuck: &mut Vec<(NodeId, Stuck)>) {
        let admin = self.roster.admin();
        for partition in self.partitions_of(group) {
            let owner = self.observer.owner(group, partition);
            if owner.is_none() && !self.history.header.groups[group].self_assigned {
                stuck.push((admin, Stuck::Unowned { group, partition }));
            }
            let Some(end) = self.view().high_watermark(partition) else { continue };
            let progress = self.observer.progress(group, partition).unwrap_or(Offset::ZERO);
            let lag = if self.plan.transaction_topic().is_some() {
                self.unread(group, partition, progress, end)
            } else {
                end.distance_from(progress)
            };
            if lag > 0 {
                stuck.push((owner.unwrap_or(admin), Stuck::Behind { group, partition, lag }));
            }
        }
        let first = self.first_consumer();
        for node in self.roster.members(group) {
            let app = &self.consumers[node.index() - first];
            let wanted = self.slots[node].wanted == Wanted::Yes;
            if wanted
                && !app.is_idle()
                && let Some(partition) = self.partitions_of(group).first().copied()
            {
                stuck.push((node, Stuck::Behind { group, partition, lag: app.backlog() }));
            }
        }
    }

    /// How many records a group has not processed where transactions have left ends of theirs among them, which no group is
    /// ever given, and aborted ones, which readers of committed records are not.
    fn unread(&self, group: GroupId, id: TopicPartition, progress: Offset, end: Offset) -> u64 {
        let leader = self.view().registration(id).and_then(|known| known.leader);
        let log = leader.and_then(|leader| self.view().store(leader)?.logs.get(id));
        let Some(log) = log else { return end.distance_from(progress) };
        let blind = self.history.header.groups[group].committed_only;
        let mut aborted = Aborted::of(log, end);
        let batches = log.batches_from(log.start()).take_while(|batch| batch.end() <= end);
        let unread = batches.filter(|batch| !(aborted.pass(batch) && blind));
        let records = unread.filter(|batch| batch.end() > progress).flat_map(Batch::runs);
        records
            .map(|(base, values)| base.plus(values.count).distance_from(progress.max(base)))
            .sum()
    }

    /// Ends the run: reads every partition and every replica once more.
    pub(super) fn finish(&mut self, end: End) -> Step {
        if let Phase::Over(end) = self.phase {
            return Step::Over(end);
        }
        self.phase = Phase::Over(end);
        if !self.plan.applications.is_empty() {
            self.announce(super::external::Told::Over(end));
        }
        for partition in self.every_partition() {
            let internal = self.history.header.topics[partition.topic].internal;
            if !internal {
                self.read_all(partition);
                self.dump_replicas(partition);
            }
        }
        self.digest.word(self.history.events.len() as u64);
        Step::Over(end)
    }

    /// What a reader from the beginning would be given.
    fn read_all(&mut self, partition: TopicPartition) {
        let admin = self.roster.admin();
        let leader = self.view().registration(partition).and_then(|known| known.leader);
        let high_watermark = self.view().high_watermark(partition);
        let (Some(leader), Some(end)) = (leader, high_watermark) else {
            let nothing = Offset::UNKNOWN;
            self.tell(admin, What::FinalEnd { partition, start: nothing, end: nothing });
            return;
        };
        let node = self.roster.broker(leader);
        let now = self.now;
        let Some(log) = self.slots[node].broker_store().and_then(|s| s.logs.get(partition)) else {
            return;
        };
        let start = log.start();
        let mut aborted = Aborted::of(log, end);
        let stable = log.last_stable(end);
        for batch in log.batches_from(start) {
            if batch.end() > end {
                break;
            }
            let by = match aborted.pass(batch) {
                true => Some(Hiding::Aborted),
                false => (batch.base >= stable).then_some(Hiding::Open),
            };
            for (base, values) in batch.runs() {
                let skip = u32::try_from(start.distance_from(base)).unwrap_or(u32::MAX);
                let (base, values) = (base.plus(skip), values.part(skip, u32::MAX));
                if values.count > 0 {
                    let what = What::FinalRead { partition, base, values };
                    self.history.push(now, node, what);
                    if let Some(by) = by {
                        let what = What::Hidden { partition, base, values, by };
                        self.history.push(now, node, what);
                    }
                }
            }
        }
        self.history.push(now, node, What::FinalEnd { partition, start, end });
    }

    /// What each replica's disk holds.
    fn dump_replicas(&mut self, partition: TopicPartition) {
        let Some(registration) = self.view().registration(partition).cloned() else { return };
        for broker in registration.replicas.iter().copied() {
            self.dump_replica(partition, broker);
        }
    }

    fn dump_replica(&mut self, partition: TopicPartition, broker: BrokerId) {
        let node = self.roster.broker(broker);
        let now = self.now;
        let view = View::new(self);
        let replica = view.broker(broker).and_then(|broker| broker.replica(partition));
        let known = replica.map(|replica| replica.high_watermark);
        let Some(log) = self.slots[node].broker_store().and_then(|s| s.logs.get(partition)) else {
            return;
        };
        for batch in log.batches_from(log.start()) {
            let (epoch, count) = (batch.epoch, batch.count);
            if let Records::Keyed(_) = &batch.records {
                for (base, values) in batch.runs() {
                    let (count, values) = (values.count, Some(values));
                    let what = What::ReplicaLog { partition, broker, base, count, epoch, values };
                    self.history.push(now, node, what);
                }
                continue;
            }
            let (base, values) = (batch.base, batch.values());
            let what = What::ReplicaLog { partition, broker, base, count, epoch, values };
            self.history.push(now, node, what);
        }
        let high_watermark = known.unwrap_or(Offset::ZERO);
        let what = What::ReplicaEnd { partition, broker, end: log.end(), high_watermark };
        self.history.push(now, node, what);
    }
}

/// Which batches of a log are of aborted transactions, looked at one after another (`CompletedFetch`).
struct Aborted {
    /// Those that are not reached yet, the first one last.
    ahead: Vec<AbortedTransaction>,
    /// Producers whose aborted transaction has begun and not ended.
    within: Vec<ProducerId>,
}

impl Aborted {
    fn of(log: &PartitionLog, end: Offset) -> Self {
        let mut ahead = log.aborted(log.start(), end);
        ahead.reverse();
        Self { ahead, within: Vec::new() }
    }

    /// Whether the next batch is of one.
    fn pass(&mut self, batch: &Batch) -> bool {
        let Some(stamp) = batch.stamp else { return false };
        while let Some(next) = self.ahead.last()
            && next.first < batch.end()
        {
            self.within.push(next.producer);
            self.ahead.pop();
        }
        if matches!(batch.records, Records::Marker(Verdict::Abort, _)) {
            self.within.retain(|producer| *producer != stamp.id);
            return false;
        }
        stamp.within == Within::Transaction && self.within.contains(&stamp.id)
    }
}
