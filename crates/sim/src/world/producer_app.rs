//! A producer's application: sends records at its rate, one after another, and blocks where `send` blocks.

use std::sync::Arc;

use stormglass_kafka::{Call, OpId, SendCall};
use stormglass_types::{Key, PartitionMap, Rng, SourceId, Span, Time, TopicPartition};

use crate::plan::{Keys, ProducerPlan};

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
    blocked: Option<(OpId, Option<Key>)>,
    next_op: u32,
    /// Records taken in whose callbacks have not come, per partition.
    open: PartitionMap<u32>,
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
        self.next_at = now + self.gap();
    }

    /// When it wants to be woken, if at all.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        let done = self.plan.load.limit.is_some_and(|limit| self.sent >= limit);
        (!self.ended && !self.stopping && !done && self.blocked.is_none()).then_some(self.next_at)
    }

    /// Sends the record that is due.
    pub(crate) fn wake(&mut self, now: Time) -> Option<(OpId, Call)> {
        if self.wake_at().is_none_or(|at| at > now) {
            return None;
        }
        let gap = self.gap();
        self.next_at += gap;
        self.sent += 1;
        let key = self.key();
        let load = &self.plan.load;
        let (least, most) = (u64::from(load.bytes.least), u64::from(load.bytes.most));
        let bytes = u32::try_from(self.rng.between(least, most)).expect("drawn from a u32 range");
        self.next_op += 1;
        let op = OpId(self.next_op);
        self.blocked = Some((op, key.map(|(key, _)| key)));
        let call = SendCall { topic: self.plan.topic, partition: None, key, bytes };
        Some((op, Call::Send(call)))
    }

    /// `send` returned. Tells the record's key.
    pub(crate) fn returned(&mut self, op: OpId) -> Option<Key> {
        match self.blocked.take() {
            Some((waiting, key)) if waiting == op => key,
            other => {
                self.blocked = other;
                None
            }
        }
    }

    pub(crate) fn taken(&mut self, partition: TopicPartition) {
        *self.open.get_or_insert_with(partition, || 0) += 1;
    }

    pub(crate) fn delivered(&mut self, partition: TopicPartition, count: u32) {
        let open = self.open.get_or_insert_with(partition, || 0);
        *open = open.checked_sub(count).expect("a callback covers records that were taken in");
    }

    /// Ends this life in good order: the client is being closed.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
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
