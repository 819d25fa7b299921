//! A producer's application: sends records at its rate, one after another, and blocks where `send` blocks, and where it waits
//! for an acknowledgement or a flush itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stormglass_kafka::producer::partition_for;
use stormglass_kafka::record::Payload;
use stormglass_kafka::{Call, OpId, SendCall};
use stormglass_types::history::Outcome;
use stormglass_types::{
    ErrorCode, Key, PartitionMap, Rng, Sequence, SourceId, Span, Time, TopicPartition, Value,
    ValueRange,
};

use super::transaction_app::{Next, Returned, Transacting};
use crate::plan::{
    AtStop, ChosenBy, Dealt, DealtBy, FlushEvery, Keys, OnFailure, OnFenced, ProducerPlan,
    ShareRange, WaitsFor,
};

/// A record as its application knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) key: Option<(Key, u32)>,
    bytes: u32,
    saves: u16,
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
    /// The sequence with which its first life goes on; later ones begin anew.
    sequence: Sequence,
    /// The next event of a shared stream that is its own; none in a stream of its own, or if it never gets any.
    ahead: Option<Record>,
    /// Events of the shared stream so far, whoever's they are.
    events: u64,
    busy: Busy,
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
    transacting: Option<Transacting>,
    /// Records taken in since the last `flush`.
    unflushed: u32,
    /// When the last `flush` returned, or else when this life began.
    flushed_at: Time,
}

/// What keeps an application from its next record.
#[derive(Clone, Copy, Debug)]
enum Busy {
    /// Nothing.
    No,
    /// `send` has not returned.
    Sending(OpId, Record),
    /// The future of this record's send.
    Awaiting(TopicPartition, Value),
    /// `flush` has not returned.
    Flushing(OpId),
}

impl ProducerApp {
    pub(crate) fn new(plan: Arc<ProducerPlan>, rng: Rng, source: SourceId) -> Self {
        Self {
            sequence: plan.sent_before,
            transacting: plan.transactions.map(Transacting::new),
            plan,
            rng,
            source,
            next_at: Time::ZERO,
            sent: 0,
            ahead: None,
            events: 0,
            busy: Busy::No,
            next_op: 0,
            open: PartitionMap::new(),
            kept: BTreeMap::new(),
            again: VecDeque::new(),
            ended: false,
            stopping: false,
            unflushed: 0,
            flushed_at: Time::ZERO,
        }
    }

    /// Its luck.
    pub(crate) fn rng(&self) -> &Rng {
        &self.rng
    }

    pub(crate) fn set_rng(&mut self, rng: Rng) {
        self.rng = rng;
    }

    /// Begins a life: new identity, same luck, same count. Tells the sequence with which its client goes on.
    pub(crate) fn start(&mut self, now: Time, source: SourceId) -> Sequence {
        self.source = source;
        let sending = std::mem::replace(&mut self.busy, Busy::No);
        self.stopping = false;
        self.unflushed = 0;
        self.flushed_at = now;
        self.open.clear();
        self.kept.clear();
        match &mut self.transacting {
            None => self.again.clear(),
            Some(transacting) => {
                // What was not committed comes first, then what was being sent.
                let in_hand = match sending {
                    Busy::Sending(_, record) => Some(record),
                    Busy::No | Busy::Awaiting(..) | Busy::Flushing(_) => None,
                };
                for record in transacting.start().into_iter().chain(in_hand).rev() {
                    self.again.push_front(record);
                }
            }
        }
        match self.plan.dealt {
            None => self.next_at = now + self.gap(),
            Some(dealt) if self.events == 0 => {
                self.next_at = now;
                self.look_ahead(dealt);
            }
            // What was dealt to it meanwhile waited for it.
            Some(_) => {}
        }
        core::mem::take(&mut self.sequence)
    }

    /// When it wants to be woken, if at all.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        if self.stopping || self.is_busy() {
            return None;
        }
        let record = self.record_at();
        if let Some(transacting) = &self.transacting {
            return transacting.wake_at(record);
        }
        match (record, self.flush_at()) {
            (record, Some(flush)) => Some(record.map_or(flush, |record| record.min(flush))),
            (record, None) => record,
        }
    }

    /// When it sends its next record.
    fn record_at(&self) -> Option<Time> {
        if !self.again.is_empty() {
            return Some(Time::ZERO);
        }
        let done = self.plan.load.limit.is_some_and(|limit| self.sent >= limit);
        let never = self.plan.dealt.is_some() && self.ahead.is_none();
        (!self.ended && !done && !never).then_some(self.next_at)
    }

    fn is_busy(&self) -> bool {
        match self.busy {
            Busy::No => self.transacting.as_ref().is_some_and(Transacting::is_calling),
            Busy::Sending(..) | Busy::Awaiting(..) | Busy::Flushing(_) => true,
        }
    }

    /// When it calls `flush`, as far as that is known.
    fn flush_at(&self) -> Option<Time> {
        match self.plan.sending.flush? {
            FlushEvery::Records(most) => (self.unflushed >= most).then_some(Time::ZERO),
            FlushEvery::Time(span) => (self.unflushed > 0).then(|| self.flushed_at + span),
        }
    }

    /// Flushes if that is due, or sends the record that is.
    pub(crate) fn wake(&mut self, now: Time) -> Option<(OpId, Call)> {
        if self.wake_at().is_none_or(|at| at > now) {
            return None;
        }
        self.next_op += 1;
        let op = OpId(self.next_op);
        let record = self.record_at();
        if let Some(transacting) = &mut self.transacting {
            match transacting.next(now, record) {
                Next::Call(call) => {
                    transacting.call(op, call);
                    return Some((op, Call::Transaction(call)));
                }
                Next::Nothing => return None,
                Next::Send => {}
            }
        }
        if self.flush_at().is_some_and(|at| at <= now) {
            self.busy = Busy::Flushing(op);
            return Some((op, Call::Flush));
        }
        let record = self.again.pop_front().unwrap_or_else(|| self.next());
        self.busy = Busy::Sending(op, record);
        let Record { key, bytes, saves, payload, first: _ } = record;
        let partition = match self.plan.sending.partition {
            ChosenBy::Partitioner => None,
            ChosenBy::Number(number) => Some(number),
            ChosenBy::Key(partitions) => key.map(|(_, hash)| partition_for(hash, partitions)),
        };
        let call = SendCall { topic: self.plan.topic, partition, key, bytes, saves, payload };
        Some((op, Call::Send(call)))
    }

    /// A record that was never sent.
    fn next(&mut self) -> Record {
        self.sent += 1;
        if let (Some(dealt), Some(record)) = (self.plan.dealt, self.ahead.take()) {
            self.look_ahead(dealt);
            return record;
        }
        let gap = self.gap();
        self.next_at += gap;
        self.draw()
    }

    /// Draws events of the shared stream until one is its own.
    fn look_ahead(&mut self, dealt: Dealt) {
        if !self.gets_any(dealt) {
            return;
        }
        while self.ahead.is_none() {
            let gap = self.gap();
            self.next_at += gap;
            let record = self.draw();
            let to = match (dealt.by, record.key) {
                (DealtBy::Key, Some((_, hash))) => u64::from(partition_for(hash, dealt.among)),
                (DealtBy::Turn, _) | (DealtBy::Key, None) => self.events % u64::from(dealt.among),
            };
            self.events += 1;
            self.ahead = (to == u64::from(dealt.to)).then_some(record);
        }
    }

    /// Whether any key is its own.
    fn gets_any(&self, dealt: Dealt) -> bool {
        match (dealt.by, &self.plan.load.keys) {
            (DealtBy::Key, Keys::Weighted(keys)) => {
                keys.iter().any(|key| partition_for(key.hash, dealt.among) == dealt.to)
            }
            (DealtBy::Key, Keys::None) | (DealtBy::Turn, _) => true,
        }
    }

    /// Another record.
    fn draw(&mut self) -> Record {
        let key = self.key();
        let load = &self.plan.load;
        let (least, most) = (u64::from(load.bytes.least), u64::from(load.bytes.most));
        let bytes = u32::try_from(self.rng.between(least, most)).expect("drawn from a u32 range");
        let share = load.tombstones;
        let deletes = share > 0 && self.rng.upto(999_999) < u64::from(share);
        let (payload, bytes) =
            if deletes { (Payload::Tombstone, TOMBSTONE) } else { (Payload::Value, bytes) };
        let ShareRange { least, most } = self.plan.load.compressible;
        let saves = if least == most {
            least
        } else {
            let drawn = self.rng.between(u64::from(least), u64::from(most));
            u16::try_from(drawn).expect("drawn from a u16 range")
        };
        Record { key, bytes, saves, payload, first: None }
    }

    /// `send` or `flush` returned. Tells the record that it was about.
    pub(crate) fn returned(&mut self, now: Time, op: OpId) -> Option<Record> {
        match self.busy {
            Busy::Sending(waiting, record) if waiting == op => {
                self.busy = Busy::No;
                Some(record)
            }
            Busy::Flushing(waiting) if waiting == op => {
                self.busy = Busy::No;
                self.unflushed = 0;
                self.flushed_at = now;
                None
            }
            Busy::No | Busy::Sending(..) | Busy::Awaiting(..) | Busy::Flushing(_) => None,
        }
    }

    pub(crate) fn taken(
        &mut self,
        record: Option<Record>,
        partition: TopicPartition,
        value: Value,
    ) {
        *self.open.get_or_insert_with(partition, || 0) += 1;
        self.unflushed += 1;
        if self.plan.sending.waits_for == WaitsFor::Ack {
            self.busy = Busy::Awaiting(partition, value);
        }
        let Some(record) = record else { return };
        if let Some(transacting) = &mut self.transacting {
            let first = record.first.or(Some((partition, value)));
            transacting.sent(Record { first, ..record });
        } else if self.plan.on_failure == OnFailure::SendAgain {
            self.kept.insert((partition, value), record);
        }
    }

    /// `send` threw: within a transaction the record is sent again in the next one.
    pub(crate) fn refused(&mut self, record: Option<Record>, error: ErrorCode) {
        if let (Some(transacting), Some(record)) = (&mut self.transacting, record) {
            transacting.refused();
            // No transaction can ever hold a record that is too large.
            if error != ErrorCode::MessageTooLarge {
                self.again.push_front(record);
            }
        }
    }

    /// A call that concerns its transactions returned; none if it is none of these.
    pub(crate) fn transacted(&mut self, now: Time, op: OpId, outcome: Outcome) -> Option<Returned> {
        let source = self.source;
        let mut returned = self.transacting.as_mut()?.returned(now, op, source, outcome)?;
        for record in std::mem::take(&mut returned.again).into_iter().rev() {
            self.again.push_front(record);
        }
        self.stopping |= returned.over;
        Some(returned)
    }

    /// How long it stays down after its client could only be closed; none if it was not so, or for good if the time is none.
    pub(crate) fn after_fencing(&self) -> Option<Option<Span>> {
        let transacting = self.transacting.as_ref().filter(|it| it.is_over())?;
        Some(match transacting.plan().on_fenced {
            OnFenced::Restart(after) => Some(after),
            OnFenced::Stop => None,
        })
    }

    /// Records that it has taken from its source and not committed.
    pub(crate) fn uncommitted(&self) -> u32 {
        let Some(transacting) = &self.transacting else { return 0 };
        let in_hand = usize::from(matches!(self.busy, Busy::Sending(..)));
        let count = transacting.uncommitted() + self.again.len() + in_hand;
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    pub(crate) fn delivered(
        &mut self,
        partition: TopicPartition,
        values: ValueRange,
        outcome: Outcome,
    ) {
        let open = self.open.get_or_insert_with(partition, || 0);
        *open = open.checked_sub(values.count).expect("a callback covers records taken in");
        if let Busy::Awaiting(waiting, value) = self.busy
            && waiting == partition
            && values.values().any(|settled| settled == value)
        {
            self.busy = Busy::No;
        }
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

    /// Ends this life in good order. Tells what becomes of the client, and the number of the call if it takes one.
    pub(crate) fn stop(&mut self) -> (AtStop, OpId) {
        self.stopping = true;
        self.next_op += 1;
        (self.plan.sending.at_stop, OpId(self.next_op))
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether what a callback told may let it go on at once.
    pub(crate) fn goes_on(&self) -> bool {
        let awaits_acks = self.plan.sending.waits_for == WaitsFor::Ack;
        !self.stopping && (!self.again.is_empty() || (awaits_acks && !self.is_busy()))
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
