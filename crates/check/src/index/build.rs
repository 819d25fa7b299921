//! Builds the index in two passes: one to learn how large each table is, one to fill them.
//!
//! Judges nothing, and tolerates what no pipeline would do, so that planted histories can show it.

use std::collections::BTreeMap;
use std::ops::Range;

use stormglass_types::history::{Election, Ending, Event, History, Outcome, Removal, Role, What};
use stormglass_types::{
    Dense, GroupId, Key, NodeId, Offset, PartitionMap, SourceId, Time, TopicPartition, Value,
    ValueRange,
};

use super::{
    Commit, EventIndex, Fate, FinalLog, GroupPartition, GroupView, Indexed, Leadership, Leave,
    Loss, Partition, Piece, Position, Read, Record, Removed, Replica, Slot, Tenure, Transaction,
};

/// Indexes a history.
pub(super) fn build(history: &History) -> Indexed<'_> {
    let census = Census::take(history);
    let mut builder = Builder::new(history, census);
    for (index, event) in history.events.iter().enumerate() {
        let index = u32::try_from(index).expect("fewer than 2^32 - 1 events");
        builder.add(EventIndex(index), *event);
    }
    builder.finish()
}

/// What the tables must have room for.
struct Census {
    /// Per partition: the number of serials of each source.
    serials: PartitionMap<Vec<u32>>,
    sends: usize,
    keys: KeySpace,
}

/// Gives keys small numbers.
enum KeySpace {
    /// Keys are small already.
    Direct(u32),
    /// Keys in use, sorted.
    Ranked(Vec<u32>),
}

/// Keys up to this many times the number of sends are used as they are.
const SPARSE: usize = 4;

impl Census {
    fn take(history: &History) -> Self {
        let mut serials: PartitionMap<Vec<u32>> = PartitionMap::new();
        let (mut sends, mut highest) = (0, None);
        for (topic, settings) in history.header.topics.entries() {
            for number in 0..settings.partitions {
                serials.insert(TopicPartition::new(topic, number), Vec::new());
            }
        }
        for event in history.events.iter() {
            if let What::Expanded { topic, partitions } = event.what {
                for number in 0..partitions {
                    serials.get_or_insert_with(TopicPartition::new(topic, number), Vec::new);
                }
            }
            let Some(partition) = partition_of(event.what) else { continue };
            let counts = serials.get_or_insert_with(partition, Vec::new);
            let What::Send { value, key, .. } = event.what else { continue };
            let source = value.source.index();
            if counts.len() <= source {
                counts.resize(source + 1, 0);
            }
            counts[source] = counts[source].max(value.serial + 1);
            sends += 1;
            highest = highest.max(key);
        }
        let keys = KeySpace::new(history, highest, sends);
        Self { serials, sends, keys }
    }
}

impl KeySpace {
    fn new(history: &History, highest: Option<Key>, sends: usize) -> Self {
        let count = highest.map_or(0, |key| key.0 as usize + 1);
        if count <= SPARSE * sends + 1024 {
            return Self::Direct(u32::try_from(count).expect("bounded by the number of sends"));
        }
        let mut keys: Vec<u32> = Vec::with_capacity(sends);
        for event in history.events.iter() {
            if let What::Send { key: Some(key), .. } = event.what {
                keys.push(key.0);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Self::Ranked(keys)
    }

    fn len(&self) -> u32 {
        match self {
            Self::Direct(count) => *count,
            Self::Ranked(keys) => u32::try_from(keys.len()).expect("keys are of 32 bits"),
        }
    }

    fn rank(&self, key: Key) -> u32 {
        match self {
            Self::Direct(_) => key.0,
            Self::Ranked(keys) => u32::try_from(keys.partition_point(|other| *other < key.0))
                .expect("keys are of 32 bits"),
        }
    }
}

struct Builder<'h> {
    index: Indexed<'h>,
    keys: KeySpace,
    /// The end of each final read, once it came.
    ends: Vec<Option<(i64, i64)>>,
    /// The open transaction of each producer's life.
    open: BTreeMap<SourceId, usize>,
}

impl<'h> Builder<'h> {
    fn new(history: &'h History, census: Census) -> Self {
        let mut slots = PartitionMap::new();
        let mut partitions = Vec::with_capacity(census.serials.len());
        let mut total = 0;
        for (id, serials) in census.serials.iter() {
            slots.insert(id, partitions.len());
            let start = total;
            let blocks = serials
                .iter()
                .map(|count| {
                    let base = total;
                    total += *count as usize;
                    (base, *count)
                })
                .collect();
            partitions.push(empty_partition(id, start..total, blocks));
        }
        let mut records = Vec::with_capacity(total.max(census.sends));
        for partition in &partitions {
            for (source, (_, count)) in partition.blocks.iter().enumerate() {
                let source = SourceId::from_index(source);
                records.extend((0..*count).map(|serial| unsent(Value { source, serial })));
            }
        }
        let groups = history.header.groups.iter();
        let groups = groups.map(|group| {
            let mut view = empty_group(partitions.len(), records.len(), history.sources.len());
            for (slot, partition) in partitions.iter().enumerate() {
                view.partitions[slot].subscribed = group.topics.contains(&partition.id.topic);
            }
            view
        });
        let groups = groups.collect();
        let ends = vec![None; partitions.len()];
        let lanes = census.keys.len() as usize + partitions.len();
        let index = Indexed {
            history,
            partitions,
            records,
            groups,
            lanes,
            again: Vec::new(),
            transactions: Vec::new(),
            hidden: BTreeMap::new(),
            refused: 0,
            healed: EventIndex::NEVER,
            progress: EventIndex::NEVER,
            stuck: Vec::new(),
            expansions: Vec::new(),
            broker_lives: Vec::new(),
            last_event_at: history.events.last().map_or(Time::ZERO, |event| event.at),
            slots,
        };
        Self { index, keys: census.keys, ends, open: BTreeMap::new() }
    }

    fn at(&self, partition: TopicPartition) -> usize {
        *self.index.slots.get(partition).expect("the census saw every partition")
    }

    fn partition(&mut self, partition: TopicPartition) -> &mut Partition {
        let slot = self.at(partition);
        &mut self.index.partitions[slot]
    }

    fn held(&mut self, group: GroupId, partition: TopicPartition) -> &mut GroupPartition {
        let slot = self.at(partition);
        &mut self.index.groups[group.index()].partitions[slot]
    }

    fn add(&mut self, event: EventIndex, Event { at, process, what }: Event) {
        match what {
            What::Send { partition, value, key } => self.on_send(event, at, partition, value, key),
            What::SentAgain { partition, value, first } => {
                self.index.again.push(((partition, value), first, event));
            }
            What::SendRefused { .. } => self.index.refused += 1,
            What::SendDone { partition, values, base, outcome } => {
                self.on_send_done(event, at, partition, values, base, outcome);
            }
            What::Polled { group, partition, base, values } => {
                self.index.progress = event;
                self.on_polled(group, partition, Read { event, process, base: base.0, values });
            }
            What::Processed { group, partition, base, values } => {
                self.index.progress = event;
                self.on_processed(group, partition, Read { event, process, base: base.0, values });
            }
            What::Deduplicated { group, partition, base, values } => {
                self.index.progress = event;
                self.on_deduplicated(group, partition, values);
                self.on_processed(group, partition, Read { event, process, base: base.0, values });
            }
            What::Positioned { group, partition, offset, why } => {
                let position = Position { event, process, offset: offset.0, why };
                self.held(group, partition).positions.push(position);
            }
            What::Commit { group, partition, offset, generation: _ } => {
                self.held(group, partition).invoked.push((process, offset.0, event));
            }
            What::CommitDone { group, partition, offset, outcome } => {
                if outcome == Outcome::Ok {
                    self.index.progress = event;
                }
                self.held(group, partition).commit_done(event, process, offset.0, outcome);
            }
            What::Assigned { group, partition, generation } => {
                let held = self.held(group, partition);
                held.end_tenure(event, at, process, Leave::Revoked);
                held.tenures.push(Tenure {
                    process,
                    generation,
                    from: event,
                    from_at: at,
                    to: EventIndex::NEVER,
                    to_at: Time::NEVER,
                    leave: Leave::Revoked,
                });
            }
            What::Revoked { group, partition, .. } => {
                self.held(group, partition).end_tenure(event, at, process, Leave::Revoked);
            }
            What::Lost { group, partition, .. } => {
                self.held(group, partition).end_tenure(event, at, process, Leave::Lost);
            }
            What::Joined { group, generation } => {
                self.index.groups[group.index()].joins.push((event, process, generation));
            }
            What::Parted { group, generation: _ } => {
                self.index.groups[group.index()].partings.push((event, process));
            }
            What::Rebalanced { group, generation, members } => {
                self.index.groups[group.index()].rebalances.push((generation, members));
            }
            What::Crashed | What::Stopped | What::Started => self.on_life(event, at, process),
            What::Leader { partition, epoch, leader, election } => {
                let seen = self.partition(partition);
                seen.leaders.push(Leadership { event, at, epoch, leader });
                if election == Election::Unclean {
                    seen.unclean = seen.unclean.min(event);
                }
            }
            What::InSync { partition, replicas, epoch: _ } => {
                self.partition(partition).in_sync.push((event, replicas));
            }
            What::LogLost { partition, broker, from, to } => {
                let loss = Loss { event, broker, offsets: from.0..to.0 };
                self.partition(partition).losses.push(loss);
            }
            What::TopicDeleted { topic } => {
                let partitions = self.index.partitions.iter_mut();
                for partition in partitions.filter(|partition| partition.id.topic == topic) {
                    partition.deleted.push(event);
                }
            }
            What::Removed { partition, base, values, why } => {
                let slot = self.at(partition);
                let partition = &mut self.index.partitions[slot];
                partition.compacted |= matches!(why, Removal::Superseded | Removal::Tombstone);
                for (at, value) in (base.0..).zip(values.values()) {
                    if let Some(record) = partition.record_of(value) {
                        partition.removed.push(Removed { record, at, event, why });
                    }
                }
            }
            What::Lag { group, partition, lag } => {
                let slot = self.at(partition);
                self.index.groups[group.index()].lags.push((at, slot, lag));
            }
            What::Healed => self.index.healed = self.index.healed.min(event),
            What::FinalRead { partition, base, values } => {
                self.partition(partition).reads.push((event, base.0, values));
            }
            What::FinalEnd { partition, start, end } => {
                let slot = self.at(partition);
                self.ends[slot] = (end != Offset::UNKNOWN).then_some((start.0, end.0));
            }
            What::ReplicaLog { partition, broker, base, count, epoch, values } => {
                let piece = Piece { event, base: base.0, count, epoch, values };
                self.partition(partition).replica(broker).pieces.push(piece);
            }
            What::ReplicaEnd { partition, broker, end, high_watermark } => {
                let replica = self.partition(partition).replica(broker);
                (replica.end, replica.high_watermark) = (end.0, high_watermark.0);
            }
            What::Stuck { .. } => self.index.stuck.push(event),
            What::Expanded { .. } => self.index.expansions.extend(event.known()),
            What::TransactionBegan { source } => self.on_began(event, source),
            What::TransactionEnded { source, ending, outcome } => {
                self.on_transaction_ended(event, at, source, ending, outcome);
            }
            What::Hidden { partition, values, by, .. } => {
                let slot = self.at(partition);
                for value in values.values() {
                    if let Some(id) = self.index.partitions[slot].record_of(value) {
                        self.index.hidden.insert(id, (by, event));
                    }
                }
            }
            What::Paused | What::Resumed | What::FaultBegan { .. } | What::FaultEnded { .. } => {}
        }
    }

    fn on_send(
        &mut self,
        event: EventIndex,
        at: Time,
        partition: TopicPartition,
        value: Value,
        key: Option<Key>,
    ) {
        let slot = self.at(partition);
        let unkeyed = || self.keys.len() + u32::try_from(slot).expect("fewer than 2^32 partitions");
        let lane = key.map_or_else(unkeyed, |key| self.keys.rank(key));
        let id = self.index.partitions[slot].record_of(value).expect("counted by the census");
        let record = &mut self.index.records[id];
        (record.lane, record.sent, record.sent_at) = (lane, event, at);
        if let Some(number) = self.open.get(&value.source) {
            self.index.transactions[*number].records.push(id);
        }
    }

    fn on_began(&mut self, began: EventIndex, source: SourceId) {
        let records = Vec::new();
        let open = Transaction { began, ended: None, records };
        self.index.transactions.push(open);
        self.open.insert(source, self.index.transactions.len() - 1);
    }

    /// What was sent within a transaction is promised once it is committed, and not before.
    fn on_transaction_ended(
        &mut self,
        event: EventIndex,
        at: Time,
        source: SourceId,
        ending: Ending,
        outcome: Outcome,
    ) {
        let Some(number) = self.open.remove(&source) else { return };
        let transaction = &mut self.index.transactions[number];
        transaction.ended = Some((event, ending, outcome));
        if ending == Ending::Commit && outcome == Outcome::Ok {
            self.index.progress = event;
            for id in &transaction.records {
                let record = &mut self.index.records[*id];
                (record.fate, record.done, record.done_at) = (Fate::Acked, event, at);
            }
        }
    }

    fn on_send_done(
        &mut self,
        event: EventIndex,
        at: Time,
        partition: TopicPartition,
        values: ValueRange,
        base: Offset,
        outcome: Outcome,
    ) {
        let transactional = self.index.history.sources[usize::from(values.source.0)].transactional;
        let fate = match outcome {
            Outcome::Ok if transactional => Fate::Unknown,
            Outcome::Ok => Fate::Acked,
            Outcome::Fail(error) => Fate::Failed(error),
            Outcome::Unknown(_) => Fate::Unknown,
        };
        if outcome == Outcome::Ok {
            self.index.progress = event;
        }
        let slot = self.at(partition);
        let mut offset = base;
        for value in values.values() {
            if let Some(id) = self.index.partitions[slot].record_of(value) {
                let record = &mut self.index.records[id];
                if record.fate == Fate::Pending {
                    (record.fate, record.done, record.done_at) = (fate, event, at);
                    record.acked_at = offset.0;
                }
            }
            if base != Offset::UNKNOWN {
                offset = offset.plus(1);
            }
        }
    }

    fn on_polled(&mut self, group: GroupId, partition: TopicPartition, read: Read) {
        let slot = self.at(partition);
        let view = &mut self.index.groups[group.index()];
        for value in read.values.values() {
            if let Some(id) = self.index.partitions[slot].record_of(value) {
                view.polled[id] = true;
            }
        }
        view.partitions[slot].polls.push(read);
    }

    fn on_processed(&mut self, group: GroupId, partition: TopicPartition, read: Read) {
        let slot = self.at(partition);
        let view = &mut self.index.groups[group.index()];
        view.deliveries += u64::from(read.values.count);
        for value in read.values.values() {
            let Some(id) = self.index.partitions[slot].record_of(value) else { continue };
            view.times_processed[id] += 1;
            if view.first_processed[id] == EventIndex::NEVER {
                view.first_processed[id] = read.event;
                let id = u32::try_from(id).expect("fewer than 2^32 records");
                view.order[value.source.index()].push(id);
            }
        }
        view.partitions[slot].processed.push(read);
    }

    fn on_deduplicated(&mut self, group: GroupId, partition: TopicPartition, values: ValueRange) {
        let slot = self.at(partition);
        let dropped = &mut self.index.groups[group.index()].dropped;
        for value in values.values() {
            if let Some(id) = self.index.partitions[slot].record_of(value) {
                *dropped.entry(id).or_default() += 1;
            }
        }
    }

    fn on_life(&mut self, event: EventIndex, at: Time, process: NodeId) {
        match self.index.history.header.processes[process].role {
            Role::Broker(_) => self.index.broker_lives.push(event),
            Role::Consumer(group) => {
                self.index.groups[group.index()].partings.push((event, process));
                for held in &mut self.index.groups[group.index()].partitions {
                    held.end_tenure(event, at, process, Leave::Died);
                }
            }
            Role::Controller | Role::Producer | Role::Admin | Role::Application => {}
        }
    }

    fn finish(mut self) -> Indexed<'h> {
        for (partition, end) in self.index.partitions.iter_mut().zip(self.ends) {
            if let Some((start, end)) = end {
                partition.read_log(start, end, &mut self.index.records);
            }
            let records = &self.index.records;
            partition.removed.sort_by_key(|removed| (removed.record, removed.event));
            let mut known = None;
            for removed in &partition.removed {
                let first = match known {
                    Some((record, at)) if record == removed.record => at,
                    Some(_) | None => removed.at,
                };
                known = Some((removed.record, first));
                let found = records[removed.record].found_at;
                let elsewhere = if found < 0 { first } else { found };
                // What never was committed may lie elsewhere in another replica of a deleted topic.
                if removed.at != elsewhere && removed.why != Removal::Topic {
                    partition.copies.push((removed.record, removed.at, removed.event));
                }
            }
            // A later leader may have kept what another one had deleted.
            partition.removed.dedup_by_key(|removed| removed.record);
            let all = std::mem::take(&mut partition.removed).into_iter();
            (partition.removed, partition.spared) =
                all.partition(|removed| records[removed.record].found_at < 0);
        }
        for view in &mut self.index.groups {
            for (held, partition) in view.partitions.iter_mut().zip(&self.index.partitions) {
                held.find_jumps(&partition.deleted);
            }
        }
        self.index
    }
}

impl Partition {
    fn replica(&mut self, broker: stormglass_types::BrokerId) -> &mut Replica {
        let known = self.replicas.iter().position(|replica| replica.broker == broker);
        let place = known.unwrap_or_else(|| {
            self.replicas.push(Replica { broker, pieces: Vec::new(), end: 0, high_watermark: 0 });
            self.replicas.len() - 1
        });
        &mut self.replicas[place]
    }

    /// Lays the final reads out by offset and tells each record where it is.
    fn read_log(&mut self, start: i64, end: i64, records: &mut [Record]) {
        let reads = std::mem::take(&mut self.reads);
        let start = reads.iter().map(|(_, base, _)| *base).fold(start, i64::min).max(0);
        let reach =
            |(_, base, values): &(EventIndex, i64, ValueRange)| base + i64::from(values.count);
        let length = reads.iter().map(reach).fold(start, i64::max) - start;
        let length = usize::try_from(length).expect("the log ends after its start");
        let mut slots = vec![Slot::Empty; length];
        for (event, base, values) in &reads {
            for (offset, value) in (*base..).zip(values.values()) {
                let Ok(place) = usize::try_from(offset - start) else { continue };
                let sent = self.record_of(value).filter(|id| records[*id].was_sent());
                let Some(id) = sent else {
                    self.phantoms.push((value, offset, *event));
                    slots[place] = Slot::Phantom;
                    continue;
                };
                if slots[place] != Slot::Empty {
                    self.clashes.push((offset, value, *event));
                    continue;
                }
                slots[place] = Slot::Record(u32::try_from(id).expect("fewer than 2^32 records"));
                let record = &mut records[id];
                if record.found_at >= 0 {
                    self.copies.push((id, offset, *event));
                    record.found_at = record.found_at.min(offset);
                } else {
                    record.found_at = offset;
                }
            }
        }
        self.reads = reads;
        self.log = Some(FinalLog { start, end, slots });
    }
}

impl GroupPartition {
    fn end_tenure(&mut self, event: EventIndex, at: Time, process: NodeId, leave: Leave) {
        // A member holds a partition once, so only its latest tenure can be open.
        let latest = self.tenures.iter_mut().rev().find(|tenure| tenure.process == process);
        let Some(tenure) = latest.filter(|tenure| tenure.to == EventIndex::NEVER) else { return };
        (tenure.to, tenure.to_at, tenure.leave) = (event, at, leave);
    }

    fn commit_done(&mut self, done: EventIndex, process: NodeId, offset: i64, outcome: Outcome) {
        let matches = |open: &(NodeId, i64, EventIndex)| (open.0, open.1) == (process, offset);
        let invoked = match self.invoked.iter().position(matches) {
            Some(place) => self.invoked.remove(place).2,
            None => done,
        };
        self.commits.push(Commit { process, invoked, done, offset, outcome });
    }
}

fn empty_partition(
    id: TopicPartition,
    records: Range<usize>,
    blocks: Vec<(usize, u32)>,
) -> Partition {
    Partition {
        id,
        records,
        blocks,
        log: None,
        reads: Vec::new(),
        copies: Vec::new(),
        phantoms: Vec::new(),
        clashes: Vec::new(),
        leaders: Vec::new(),
        in_sync: Vec::new(),
        losses: Vec::new(),
        deleted: Vec::new(),
        compacted: false,
        removed: Vec::new(),
        spared: Vec::new(),
        unclean: EventIndex::NEVER,
        replicas: Vec::new(),
    }
}

fn empty_group(partitions: usize, records: usize, sources: usize) -> GroupView {
    GroupView {
        partitions: (0..partitions).map(|_| GroupPartition::default()).collect(),
        first_processed: vec![EventIndex::NEVER; records],
        times_processed: vec![0; records],
        dropped: BTreeMap::new(),
        polled: vec![false; records],
        order: vec![Vec::new(); sources],
        deliveries: 0,
        rebalances: Vec::new(),
        joins: Vec::new(),
        partings: Vec::new(),
        lags: Vec::new(),
    }
}

fn unsent(value: Value) -> Record {
    Record {
        value,
        lane: 0,
        sent: EventIndex::NEVER,
        done: EventIndex::NEVER,
        sent_at: Time::ZERO,
        done_at: Time::ZERO,
        fate: Fate::Pending,
        acked_at: -1,
        found_at: -1,
    }
}

fn partition_of(what: What) -> Option<TopicPartition> {
    match what {
        What::Send { partition, .. }
        | What::SentAgain { partition, .. }
        | What::SendDone { partition, .. }
        | What::Polled { partition, .. }
        | What::Processed { partition, .. }
        | What::Deduplicated { partition, .. }
        | What::Positioned { partition, .. }
        | What::Commit { partition, .. }
        | What::CommitDone { partition, .. }
        | What::Assigned { partition, .. }
        | What::Revoked { partition, .. }
        | What::Lost { partition, .. }
        | What::Leader { partition, .. }
        | What::InSync { partition, .. }
        | What::LogLost { partition, .. }
        | What::Removed { partition, .. }
        | What::Lag { partition, .. }
        | What::FinalRead { partition, .. }
        | What::Hidden { partition, .. }
        | What::FinalEnd { partition, .. }
        | What::ReplicaLog { partition, .. }
        | What::ReplicaEnd { partition, .. } => Some(partition),
        What::SendRefused { .. }
        | What::Joined { .. }
        | What::Parted { .. }
        | What::Rebalanced { .. }
        | What::Started
        | What::Crashed
        | What::Stopped
        | What::Paused
        | What::Resumed
        | What::TransactionBegan { .. }
        | What::TransactionEnded { .. }
        | What::Expanded { .. }
        | What::TopicDeleted { .. }
        | What::FaultBegan { .. }
        | What::FaultEnded { .. }
        | What::Healed
        | What::Stuck { .. } => None,
    }
}
