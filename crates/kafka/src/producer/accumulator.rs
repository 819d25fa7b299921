//! Records on their way out: open batches, queues per partition, memory (`RecordAccumulator`, `BufferPool`).
//!
//! Does not know connections, requests or sequences; `sender.rs` and `sequence.rs` do.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smallvec::SmallVec;
use stormglass_types::{
    Dense, IdVec, LeaderEpoch, Rng, Sequence, Span, Time, TopicId, TopicPartition,
};

use super::batch::{
    BatchId, Batches, Buffer, Content, Fate, PartId, Place, ProducerBatch, batch_upper_bound,
};
use super::links::LinkId;
use super::partitioner::{
    Candidates, RoundRobin, StickyPartitioner, Switch, TimedSticky, partition_for,
};
use crate::metadata::TopicUuid;
use crate::record::ProducerStamp;
use crate::settings::{Buffering, KeyHash, Partitioner, ProducerSettings};
use crate::{Rule, Rules, SendCall};

/// A partition as the producer sees it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) partition: TopicPartition,
    pub(super) queue: VecDeque<BatchId>,
    /// With one request in flight: whether it holds a batch of this partition.
    pub(super) muted: bool,
    /// Whether a record was ever given to it.
    used: bool,
    next_serial: u32,
    pub(super) leader: Option<LinkId>,
    /// Of which topic of the name its leader was learnt.
    pub(super) topic: Option<TopicUuid>,
    pub(super) leader_epoch: Option<LeaderEpoch>,
}

/// A topic as the producer sees it.
#[derive(Clone, Debug)]
struct Topic {
    parts: Vec<PartId>,
    /// The partitions with a leader.
    available: Vec<u16>,
    sticky: StickyPartitioner,
    round_robin: RoundRobin,
    timed: TimedSticky,
    /// The share of a batch's bytes, of a thousand, that compression is expected to leave (`CompressionRatioEstimator`).
    estimate: u32,
}

/// How an append went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Append {
    /// The record has a place.
    Done(Appended),
    /// The pool has no memory for another batch.
    NoMemory,
    /// The topic or the partition is not known (yet).
    NoMetadata,
}

/// A record's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Appended {
    pub(super) partition: TopicPartition,
    pub(super) serial: u32,
    pub(super) queue: Queue,
}

/// What an append means to the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queue {
    /// Nothing: the batch was there before and is not full.
    AsBefore,
    /// A batch was begun.
    Begun,
    /// A batch is complete.
    Full,
}

/// What the sender finds when it looks for work.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    /// Per broker, whether it has a batch to be sent.
    pub(super) links: Vec<bool>,
    /// When to look again.
    pub(super) next_check: Option<Time>,
    /// Whether a batch waits for a partition without a leader.
    pub(super) leader_unknown: bool,
}

/// Why batches are sent before they are full or old enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Urgency {
    /// They are not.
    Linger,
    /// A flush, a close, or a sender that waits for memory.
    Now,
}

/// All records on their way out.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    pub(super) batches: Batches,
    pub(super) parts: IdVec<PartId, Part>,
    topics: IdVec<TopicId, Option<Topic>>,
    memory: u64,
    buffering: Buffering,
    /// How many more records may be taken in, where they count by themselves.
    places: u32,
    /// How many batches are in queues.
    queued: u32,
    /// No batch reaches its delivery timeout before this.
    pub(super) next_expiry: Time,
}

impl Accumulator {
    pub(super) fn new(settings: &ProducerSettings) -> Self {
        Self {
            batches: Batches::default(),
            parts: IdVec::new(),
            topics: IdVec::new(),
            memory: settings.buffer_memory,
            buffering: settings.buffering,
            places: match settings.buffering {
                Buffering::Batches => 0,
                Buffering::Records { most } => most,
            },
            queued: 0,
            next_expiry: Time::NEVER,
        }
    }

    pub(super) const fn queued(&self) -> u32 {
        self.queued
    }

    /// Whether any batch is not complete.
    pub(super) fn has_incomplete(&self) -> bool {
        !self.batches.is_empty()
    }

    fn topic(&self, topic: TopicId) -> Option<&Topic> {
        self.topics.get(topic)?.as_ref()
    }

    /// The place of a partition that is known.
    pub(super) fn part_of(&self, partition: TopicPartition) -> Option<PartId> {
        self.topic(partition.topic)?.parts.get(usize::from(partition.partition)).copied()
    }

    /// Works out which partitions have a leader.
    pub(super) fn settle_leaders(&mut self) {
        for topic in self.topics.iter_mut().flatten() {
            topic.available.clear();
            let led = topic.parts.iter().map(|part| &self.parts[*part]);
            let led = led.filter(|part| part.leader.is_some());
            topic.available.extend(led.map(|part| part.partition.partition));
        }
    }

    /// The batches of which the application has heard nothing.
    pub(super) fn unreported(&self) -> impl Iterator<Item = &ProducerBatch> {
        let batches = self.batches.iter().map(|(_, batch)| batch);
        batches.filter(|batch| batch.place != Place::GivenUp)
    }

    /// Learns that a topic has this many partitions.
    pub(super) fn learn(&mut self, topic: TopicId, partitions: u16, batch_size: u32) {
        while self.topics.len() <= topic.index() {
            self.topics.push(None);
        }
        let known = self.topics[topic].get_or_insert_with(|| Topic {
            parts: Vec::new(),
            available: Vec::new(),
            sticky: StickyPartitioner::new(batch_size),
            round_robin: RoundRobin::default(),
            timed: TimedSticky::default(),
            estimate: UNCOMPRESSED,
        });
        let from = u16::try_from(known.parts.len()).expect("a topic has 16 bits of partitions");
        for number in from..partitions {
            known.parts.push(self.parts.push(Part {
                partition: TopicPartition::new(topic, number),
                queue: VecDeque::new(),
                muted: false,
                used: false,
                next_serial: 0,
                leader: None,
                topic: None,
                leader_epoch: None,
            }));
        }
    }

    /// `KafkaProducer.partition` and `RecordAccumulator.append`.
    pub(super) fn append(
        &mut self,
        now: crate::Now,
        call: SendCall,
        settings: &ProducerSettings,
        rng: &mut Rng,
    ) -> Append {
        let Some(topic) = self.topic(call.topic).filter(|topic| !topic.parts.is_empty()) else {
            return Append::NoMetadata;
        };
        let partitions = topic.partition_count();
        let keyed = match settings.partitioner {
            Partitioner::BuiltIn(_)
            | Partitioner::Librdkafka(KeyHash::Crc32 | KeyHash::Murmur2 | KeyHash::Fnv1a, _) => {
                call.key.map(|(_, hash)| partition_for(hash, partitions))
            }
            Partitioner::IgnoreKeys(_)
            | Partitioner::RoundRobin
            | Partitioner::Librdkafka(KeyHash::Ignored, _) => None,
        };
        match call.partition.or(keyed) {
            Some(number) if number >= partitions => Append::NoMetadata,
            Some(number) => {
                let part = topic.parts[usize::from(number)];
                self.append_to(part, now, Content::of(call), settings)
                    .map_or(Append::NoMemory, |done| Append::Done(done.0))
            }
            None => match settings.partitioner {
                Partitioner::RoundRobin => self.append_round_robin(now, call, settings),
                Partitioner::Librdkafka(hash, linger) => {
                    let linger = if hash == KeyHash::Ignored { Span::ZERO } else { linger };
                    self.append_timed(now, call, linger, settings, rng)
                }
                Partitioner::BuiltIn(_) | Partitioner::IgnoreKeys(_) => {
                    self.append_sticky(now, call, settings, rng)
                }
            },
        }
    }

    /// `rd_kafka_msg_sticky_partition`.
    fn append_timed(
        &mut self,
        now: crate::Now,
        call: SendCall,
        linger: Span,
        settings: &ProducerSettings,
        rng: &mut Rng,
    ) -> Append {
        let topic = self.topics[call.topic].as_mut().expect("append has found the topic");
        let offer = Candidates { partitions: topic.partition_count(), available: &topic.available };
        let number = topic.timed.next(now.mono, linger, offer, &mut || rng.positive_31());
        let part = topic.parts[usize::from(number)];
        self.append_to(part, now, Content::of(call), settings)
            .map_or(Append::NoMemory, |done| Append::Done(done.0))
    }

    fn append_sticky(
        &mut self,
        now: crate::Now,
        call: SendCall,
        settings: &ProducerSettings,
        rng: &mut Rng,
    ) -> Append {
        let mut random = || rng.positive_31();
        let part = loop {
            let topic = self.topics[call.topic].as_mut().expect("append has found the topic");
            let (sticky, offer) = topic.offer();
            let number = sticky.current(offer, &mut random);
            let part = topic.parts[usize::from(number)];
            // A switch that was put off while the batch was incomplete is made up for.
            let switch = self.switch_now(part);
            let topic = self.topics[call.topic].as_mut().expect("append has found the topic");
            let (sticky, offer) = topic.offer();
            if switch == Switch::Delayed || !sticky.produced(0, switch, offer, &mut random) {
                break part;
            }
        };
        let Some((done, bytes)) = self.append_to(part, now, Content::of(call), settings) else {
            return Append::NoMemory;
        };
        let switch = self.switch_now(part);
        let topic = self.topics[call.topic].as_mut().expect("append has found the topic");
        let (sticky, offer) = topic.offer();
        sticky.produced(bytes, switch, offer, &mut random);
        Append::Done(done)
    }

    /// A partitioner that is not built in is asked again when its choice would begin a batch (`abortForNewBatch`), and so
    /// round robin skips partitions (KAFKA-9965).
    fn append_round_robin(
        &mut self,
        now: crate::Now,
        call: SendCall,
        settings: &ProducerSettings,
    ) -> Append {
        let first = self.next_in_turn(call.topic);
        if let Some((done, _)) = self.append_to_last(first, now, Content::of(call)) {
            return Append::Done(done);
        }
        let second = self.next_in_turn(call.topic);
        match self.append_to(second, now, Content::of(call), settings) {
            Some((done, _)) => Append::Done(done),
            None => Append::NoMemory,
        }
    }

    fn next_in_turn(&mut self, topic: TopicId) -> PartId {
        let topic = self.topics[topic].as_mut().expect("append has found the topic");
        let offer = Candidates { partitions: topic.partition_count(), available: &topic.available };
        let number = topic.round_robin.next(offer);
        topic.parts[usize::from(number)]
    }

    /// `allBatchesFull`: whether a change of partition would leave no batch half full.
    fn switch_now(&self, part: PartId) -> Switch {
        match self.parts[part].queue.back() {
            Some(last) if !self.batches.get(*last).is_full() => Switch::Delayed,
            Some(_) | None => Switch::Allowed,
        }
    }

    fn append_to_last(
        &mut self,
        part: PartId,
        now: crate::Now,
        content: Content,
    ) -> Option<(Appended, u32)> {
        let bytes = content.bytes;
        let counts = match self.buffering {
            Buffering::Batches => false,
            Buffering::Records { .. } if self.has_room(bytes) => true,
            Buffering::Records { .. } => return None,
        };
        let entry = &mut self.parts[part];
        let batch = self.batches.get_mut(*entry.queue.back()?);
        let size = batch.try_append(content, now.wall)?;
        if counts {
            self.memory -= u64::from(bytes);
            self.places -= 1;
            batch.memory += u64::from(bytes);
            batch.places += 1;
        }
        let full = batch.is_full() || entry.queue.len() > 1;
        let queue = if full { Queue::Full } else { Queue::AsBefore };
        Some((entry.take_in(queue), size))
    }

    /// Puts a record into the last batch, or into a new one if there is memory; tells the bytes that it took.
    fn append_to(
        &mut self,
        part: PartId,
        now: crate::Now,
        content: Content,
        settings: &ProducerSettings,
    ) -> Option<(Appended, u32)> {
        if let Some(done) = self.append_to_last(part, now, content) {
            return Some(done);
        }
        let bytes = content.bytes;
        let limit = settings.batch_size.max(batch_upper_bound(bytes));
        let (memory, places) = match self.buffering {
            Buffering::Batches => (u64::from(limit), 0),
            Buffering::Records { .. } => (u64::from(bytes), 1),
        };
        let left = (self.memory.checked_sub(memory)?, self.places.checked_sub(places)?);
        (self.memory, self.places) = left;
        let entry = &self.parts[part];
        let (partition, first) = (entry.partition, entry.next_serial);
        let estimate = match self.buffering {
            Buffering::Batches => {
                self.topic(partition.topic).map_or(UNCOMPRESSED, |it| it.estimate)
            }
            // librdkafka fills its batches by what goes in.
            Buffering::Records { .. } => UNCOMPRESSED,
        };
        let (most, codec) = (settings.batch_records, settings.compression);
        let buffer = Buffer { limit, most, codec, estimate };
        let mut batch = ProducerBatch::begin(part, partition, first, buffer, content, now);
        (batch.memory, batch.places) = (memory, places);
        let size = batch.size();
        let full = batch.is_full() || !entry.queue.is_empty();
        self.next_expiry = self.next_expiry.min(now.mono + settings.delivery_timeout);
        let entry = &mut self.parts[part];
        entry.queue.push_back(self.batches.insert(batch));
        entry.used = true;
        self.queued += 1;
        Some((entry.take_in(if full { Queue::Full } else { Queue::Begun }), size))
    }

    /// `RecordAccumulator.ready`: which brokers have a batch to be sent, and when to look again.
    pub(super) fn ready(&mut self, now: Time, linger: Span, urgency: Urgency, ready: &mut Ready) {
        ready.links.fill(false);
        ready.next_check = None;
        ready.leader_unknown = false;
        if self.queued == 0 {
            return;
        }
        for part in self.parts.iter() {
            let Some(first) = part.queue.front() else { continue };
            let first = self.batches.get_mut(*first);
            first.note_leader(part.leader_epoch);
            let Some(link) = part.leader else {
                ready.leader_unknown = true;
                continue;
            };
            if ready.links[link.index()] || part.muted {
                continue;
            }
            let due = if first.backs_off(now) {
                first.backoff_until
            } else {
                let full = part.queue.len() > 1 || first.is_full();
                let due = first.last_attempt + linger;
                if full || urgency == Urgency::Now || due <= now {
                    ready.links[link.index()] = true;
                    continue;
                }
                due
            };
            ready.check_at(due);
        }
    }

    /// Tells the sticky partitioners how long the queues are. `slow` are brokers that take too long to accept batches.
    pub(super) fn weigh(&mut self, slow: impl Fn(LinkId) -> bool) {
        for topic in self.topics.iter_mut().flatten() {
            if !topic.sticky.in_use() {
                continue;
            }
            // Until every partition was used once nobody knows their queues.
            let known = topic.parts.iter().all(|part| self.parts[*part].used);
            if !known {
                topic.sticky.weigh_equally();
                continue;
            }
            let queues = topic.parts.iter().filter_map(|part| {
                let part = &self.parts[*part];
                let length = u32::try_from(part.queue.len()).expect("fewer than 2^32 batches");
                let leader = part.leader?;
                (length == 0 || !slow(leader)).then_some((part.partition.partition, length))
            });
            topic.sticky.weigh(queues, topic.parts.len());
        }
    }

    /// The head of a queue if it may be sent as far as time and muting go.
    pub(super) fn head(&mut self, part: PartId, now: Time) -> Option<BatchId> {
        let entry = &self.parts[part];
        if entry.muted {
            return None;
        }
        let first = *entry.queue.front()?;
        let batch = self.batches.get_mut(first);
        batch.note_leader(entry.leader_epoch);
        (!batch.backs_off(now)).then_some(first)
    }

    /// Takes a batch out of its queue to send it.
    pub(super) fn take(&mut self, id: BatchId) {
        let batch = self.batches.get_mut(id);
        batch.close();
        batch.place = Place::OnWire;
        if let Some(ratio) = batch.ratio()
            && let Some(topic) = &mut self.topics[batch.partition.topic]
        {
            topic.observe(ratio);
        }
        let queue = &mut self.parts[batch.part].queue;
        let at = queue.iter().position(|queued| *queued == id).expect("a queued batch");
        queue.remove(at);
        self.queued -= 1;
    }

    /// Notes a failed attempt; the batch must then be put back into its queue.
    pub(super) fn failed_attempt(&mut self, id: BatchId, now: Time, backoff: Span) {
        let batch = self.batches.get_mut(id);
        batch.attempts += 1;
        batch.last_attempt = now;
        batch.backoff_until = now + backoff;
        batch.place = Place::Queued;
    }

    /// Puts a batch back before those whose records were taken in later.
    pub(super) fn put_as_taken(&mut self, id: BatchId) {
        self.queued += 1;
        let batch = self.batches.get(id);
        let (part, first) = (batch.part, batch.first);
        let queue = &mut self.parts[part].queue;
        let later = |queued: &BatchId| self.batches.get(*queued).first > first;
        let at = queue.iter().position(later).unwrap_or(queue.len());
        queue.insert(at, id);
    }

    /// Whether another record may be taken in, where they count by themselves.
    fn has_room(&self, bytes: u32) -> bool {
        self.places > 0 && self.memory >= u64::from(bytes)
    }

    /// Puts a batch back before all others.
    pub(super) fn put_first(&mut self, id: BatchId) {
        self.queued += 1;
        self.parts[self.batches.get(id).part].queue.push_front(id);
    }

    /// Puts a batch back behind all others.
    pub(super) fn put_last(&mut self, id: BatchId) {
        self.queued += 1;
        self.parts[self.batches.get(id).part].queue.push_back(id);
    }

    /// Puts a batch back behind those with a smaller sequence (`insertInSequenceOrder`).
    pub(super) fn put_in_order(&mut self, id: BatchId, rules: Rules) {
        self.queued += 1;
        let sequence = self.batches.get(id).sequence();
        let is_not_before = |other: Sequence| {
            if rules.on(Rule::OrderOverTheWrap) {
                other.is_not_before(sequence)
            } else {
                other >= sequence
            }
        };
        let queue = &mut self.parts[self.batches.get(id).part].queue;
        let at = queue
            .iter()
            .position(|queued| {
                self.batches.get(*queued).stamp.is_none_or(|stamp| is_not_before(stamp.sequence))
            })
            .unwrap_or(queue.len());
        queue.insert(at, id);
    }

    /// Forgets a batch, frees its memory and tells what it was. A batch in a request is kept until the answer is there.
    pub(super) fn release(&mut self, id: BatchId) {
        let batch = self.batches.get_mut(id);
        self.memory += core::mem::take(&mut batch.memory);
        self.places += core::mem::take(&mut batch.places);
        match batch.place {
            Place::Queued => {
                let queue = &mut self.parts[batch.part].queue;
                let at = queue.iter().position(|queued| *queued == id).expect("a queued batch");
                queue.remove(at);
                self.queued -= 1;
                self.batches.remove(id);
            }
            Place::OnWire => batch.place = Place::GivenUp,
            Place::GivenUp => {}
        }
    }

    /// Forgets a batch whose request was answered.
    pub(super) fn finish(&mut self, id: BatchId) -> ProducerBatch {
        let mut batch = self.batches.remove(id);
        self.memory += core::mem::take(&mut batch.memory);
        self.places += core::mem::take(&mut batch.places);
        batch
    }

    /// The batches whose delivery timeout is over: those in queues first, then those in requests.
    pub(super) fn overdue(&mut self, now: Time, timeout: Span) -> Vec<BatchId> {
        let mut overdue = Vec::new();
        if now < self.next_expiry {
            return overdue;
        }
        self.next_expiry = Time::NEVER;
        for (id, batch) in self.batches.iter() {
            match batch.place {
                Place::Queued | Place::OnWire if batch.is_overdue(timeout, now) => overdue.push(id),
                Place::Queued | Place::OnWire => {
                    self.next_expiry = self.next_expiry.min(batch.created + timeout);
                }
                Place::GivenUp => {}
            }
        }
        overdue.sort_by_key(|id| {
            let batch = self.batches.get(*id);
            (batch.place == Place::OnWire, batch.part, batch.number)
        });
        overdue
    }

    /// Splits a batch that a broker found too large into batches of `size` (`ProducerBatch.split`); they have no memory of
    /// their own. The parts are not in the queue yet.
    pub(super) fn split(&mut self, id: BatchId, size: u32) -> SmallVec<[BatchId; 8]> {
        let big = self.finish(id);
        // The next batches are as careful as the first one was, so that splitting stays rare.
        if let Some(topic) = &mut self.topics[big.partition.topic] {
            topic.estimate = UNCOMPRESSED.max(big.ratio().unwrap_or(0));
        }
        let per_batch = big.fitting(size);
        let mut pieces = SmallVec::new();
        let mut done = 0;
        while done < big.count {
            let count = per_batch.min(big.count - done);
            let mut piece = big.piece(done, count);
            piece.attempts = 0;
            piece.attempts_at_leader = 0;
            piece.leader_epoch = None;
            piece.place = Place::Queued;
            piece.fate = Fate::Refused;
            piece.stamp = big
                .stamp
                .map(|stamp| ProducerStamp { sequence: stamp.sequence.plus(done), ..stamp });
            pieces.push(self.batches.insert(piece));
            done += count;
        }
        self.next_expiry = self.next_expiry.min(big.created);
        pieces
    }
}

impl Ready {
    pub(super) fn new(links: usize) -> Self {
        Self { links: alloc::vec![false; links], next_check: None, leader_unknown: false }
    }

    /// Looks again no later than this.
    pub(super) fn check_at(&mut self, at: Time) {
        self.next_check = Some(self.next_check.map_or(at, |check| check.min(at)));
    }
}

impl Content {
    const fn of(call: SendCall) -> Self {
        Self { bytes: call.bytes, saves: call.saves }
    }
}

/// A share of a thousand that leaves everything.
const UNCOMPRESSED: u32 = 1_000;

impl Part {
    fn take_in(&mut self, queue: Queue) -> Appended {
        let serial = self.next_serial;
        self.next_serial += 1;
        Appended { partition: self.partition, serial, queue }
    }
}

impl Topic {
    /// `CompressionRatioEstimator.updateEstimation`: slow to hope, quick to fear.
    fn observe(&mut self, ratio: u32) {
        const IMPROVING: u32 = 5;
        const DETERIORATING: u32 = 50;
        if ratio > self.estimate {
            self.estimate = ratio.max(self.estimate + DETERIORATING);
        } else if ratio < self.estimate {
            self.estimate = ratio.max(self.estimate.saturating_sub(IMPROVING));
        }
    }

    fn partition_count(&self) -> u16 {
        u16::try_from(self.parts.len()).expect("a topic has 16 bits of partitions")
    }

    fn offer(&mut self) -> (&mut StickyPartitioner, Candidates<'_>) {
        let partitions = self.partition_count();
        (&mut self.sticky, Candidates { partitions, available: &self.available })
    }
}
