//! A producer's application: sends records at its rate, one after another, and blocks where `send` blocks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stormglass_kafka::record::Payload;
use stormglass_kafka::{Call, OpId, SendCall};
use stormglass_types::history::Outcome;
use stormglass_types::{
    Key, PartitionMap, Rng, SourceId, Span, Time, TopicPartition, Value, ValueRange,
};

use crate::plan::{Keys, OnFailure, ProducerPlan};

/// A record as its application knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) key: Option<(Key, u32)>,
    bytes: u32,
    payload: Payload,
    /// As what it was sent first, if it was sent before.
    pub(crate) first: Option<(TopicPartition, Value)>,
}

/// The size of a record without a value: its key and headers.
const TOMBSTONE: u32 = 16;

/// One life of a producer application.
#[derive(Clone, Debug)]
pub(crate) struct ProducerApp {
    plan: Arc<ProducerPlan>,
    rng: Rng,
    pub(crate) source: SourceId,
    /// When the next record is due; may lie behind while `send` blocks.
    next_at: Time,
    /// Records that `send` took, over all lives.
    sent: u64,
    blocked: Option<(OpId, Record)>,
    next_op: u32,
    /// Records taken in whose callbacks have not come, per partition.
    open: PartitionMap<u32>,
    /// What those records are, where failed ones are sent again.
    kept: BTreeMap<(TopicPartition, Value), Record>,
    /// Records whose sends failed and that are to be sent again, the oldest first.
    again: VecDeque<Record>,
    /// No new records from now on.
    ended: bool,
    /// No new records in this life.
    stopping: bool,
}

impl ProducerApp {
    pub(crate) fn new(plan: Arc<ProducerPlan>, rng: Rng, source: SourceId) -> Self {
        Self {
            plan,
            rng,
            source,
            next_at: Time::ZERO,
            sent: 0,
            blocked: None,
            next_op: 0,
            open: PartitionMap::new(),
            kept: BTreeMap::new(),
            again: VecDeque::new(),
            ended: false,
            stopping: false,
        }
    }

    /// Its luck.
    pub(crate) fn rng(&self) -> &Rng {
        &self.rng
    }

    pub(crate) fn set_rng(&mut self, rng: Rng) {
        self.rng = rng;
    }

    /// Begins a life: new identity, same luck, same count.
    pub(crate) fn start(&mut self, now: Time, source: SourceId) {
        self.source = source;
        self.blocked = None;
        self.stopping = false;
        self.open.clear();
        self.kept.clear();
        self.again.clear();
        self.next_at = now + self.gap();
    }

    /// When it wants to be woken, if at all.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        if self.stopping || self.blocked.is_some() {
            return None;
        }
        if !self.again.is_empty() {
            return Some(Time::ZERO);
        }
        let done = self.plan.load.limit.is_some_and(|limit| self.sent >= limit);
        (!self.ended && !done).then_some(self.next_at)
    }

    /// Sends the record that is due.
    pub(crate) fn wake(&mut self, now: Time) -> Option<(OpId, Call)> {
        if self.wake_at().is_none_or(|at| at > now) {
            return None;
        }
        let record = self.again.pop_front().unwrap_or_else(|| self.next());
        self.next_op += 1;
        let op = OpId(self.next_op);
        self.blocked = Some((op, record));
        let Record { key, bytes, payload, first: _ } = record;
        let call = SendCall { topic: self.plan.topic, partition: None, key, bytes, payload };
        Some((op, Call::Send(call)))
    }

    /// A record that was never sent.
    fn next(&mut self) -> Record {
        let gap = self.gap();
        self.next_at += gap;
        self.sent += 1;
        let key = self.key();
        let load = &self.plan.load;
        let (least, most) = (u64::from(load.bytes.least), u64::from(load.bytes.most));
        let bytes = u32::try_from(self.rng.between(least, most)).expect("drawn from a u32 range");
        let share = load.tombstones;
        let deletes = share > 0 && self.rng.upto(999_999) < u64::from(share);
        let (payload, bytes) =
            if deletes { (Payload::Tombstone, TOMBSTONE) } else { (Payload::Value, bytes) };
        Record { key, bytes, payload, first: None }
    }

    /// `send` returned. Tells the record that it was about.
    pub(crate) fn returned(&mut self, op: OpId) -> Option<Record> {
        match self.blocked.take() {
            Some((waiting, record)) if waiting == op => Some(record),
            other => {
                self.blocked = other;
                None
            }
        }
    }

    pub(crate) fn taken(
        &mut self,
        record: Option<Record>,
        partition: TopicPartition,
        value: Value,
    ) {
        *self.open.get_or_insert_with(partition, || 0) += 1;
        if let (OnFailure::SendAgain, Some(record)) = (self.plan.on_failure, record) {
            self.kept.insert((partition, value), record);
        }
    }

    pub(crate) fn delivered(
        &mut self,
        partition: TopicPartition,
        values: ValueRange,
        outcome: Outcome,
    ) {
        let open = self.open.get_or_insert_with(partition, || 0);
        *open = open.checked_sub(values.count).expect("a callback covers records taken in");
        if self.plan.on_failure == OnFailure::GiveUp {
            return;
        }
        for value in values.values() {
            let sent = (partition, value);
            let record = self.kept.remove(&sent);
            if let (Some(record), Outcome::Fail(_) | Outcome::Unknown(_)) = (record, outcome) {
                self.again.push_back(Record { first: record.first.or(Some(sent)), ..record });
            }
        }
    }

    /// Ends this life in good order: the client is being closed.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether it has records to send that are not with the client.
    pub(crate) fn owes(&self) -> bool {
        !self.stopping && !self.again.is_empty()
    }

    /// Partitions with records whose callbacks have not come.
    pub(crate) fn open(&self) -> impl Iterator<Item = (TopicPartition, u32)> {
        self.open.iter().map(|(partition, count)| (partition, *count)).filter(|(_, n)| *n > 0)
    }

    fn key(&mut self) -> Option<(Key, u32)> {
        match &self.plan.load.keys {
            Keys::None => None,
            Keys::Weighted(keys) => {
                let total = keys.last()?.cumulative;
                let drawn = self.rng.upto(total.checked_sub(1)?);
                let at = keys.partition_point(|key| key.cumulative <= drawn);
                Some((keys[at].key, keys[at].hash))
            }
        }
    }

    fn gap(&mut self) -> Span {
        Span(self.rng.upto(self.plan.load.every.0.saturating_mul(2)))
    }
}
