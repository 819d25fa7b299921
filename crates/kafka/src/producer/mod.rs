//! The producer client: takes records in, batches them, and sends them until they are acknowledged or given up.
//!
//! Behaves as the Java producer of Kafka 4.0, with transactions of version 1 (KIP-98; not KIP-890's, which bumps the epoch at
//! every end); what librdkafka does otherwise is in its settings. Does not know values: a record is a key hash, a size, and the
//! identity that it gets here. Offsets of consumers are no part of transactions here.

mod accumulator;
mod batch;
mod delivery;
mod links;
mod metadata;
mod partitioner;
mod sender;
mod sequence;
mod transacting;
mod transactions;
mod under_way;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, PartitionMap, Rng, SourceId, Span, Time, TopicId, Value};

pub use self::partitioner::{
    Candidates, RoundRobin, StickyPartitioner, Switch, TimedSticky, crc32, fnv1a, murmur2,
    partition_for,
};

use self::accumulator::{Accumulator, Append, Appended, Queue, Ready};
use self::batch::batch_upper_bound;
use self::links::Links;
use self::metadata::Metadata;
use self::sequence::Sequences;
use self::transactions::Transactions;
use crate::message::Msg;
use crate::record::{RecordKey, Within};
use crate::settings::{Buffering, Delivery, IdempotenceBy, ProducerSettings};
use crate::{
    Boot, Call, Completion, Exit, Input, Machine, Mark, Now, OpId, Outbox, ProducerSetup, Rule,
    Rules, SendCall, Timer,
};

/// A producer and the application thread above it.
#[derive(Clone, Debug)]
pub struct Producer {
    settings: Arc<ProducerSettings>,
    rules: Rules,
    /// Topics that are compacted.
    compacted: Vec<TopicId>,
    /// The keys of the records that were given to those, by serial.
    keys: PartitionMap<Vec<RecordKey>>,
    rng: Rng,
    source: SourceId,
    accumulator: Accumulator,
    /// None unless the producer is idempotent.
    sequences: Option<Sequences>,
    /// None unless it is transactional.
    transactions: Option<Transactions>,
    metadata: Metadata,
    links: Links,
    /// What the sender found when it last looked; kept for its memory.
    ready: Ready,
    /// Calls of `send` that wait for metadata or memory, in order.
    blocked: VecDeque<Blocked>,
    /// How many calls of `send` were let in.
    sends: u64,
    flushes: Vec<Flush>,
    life: Life,
    /// Who waits for the close.
    closers: Vec<Closer>,
    /// When a close waits no longer.
    close_by: Time,
    /// When [`Timer::Sender`] comes; a later wish does not move it.
    sender_timer: Time,
    /// When [`Timer::Blocked`] comes.
    blocked_timer: Time,
}

/// A call of `send` that waits.
#[derive(Clone, Copy, Debug)]
struct Blocked {
    op: OpId,
    call: SendCall,
    /// Its place among all calls of `send`.
    turn: u64,
    deadline: Time,
    on: WaitsFor,
}

/// What a call of `send` waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WaitsFor {
    Metadata,
    Memory,
}

/// A call of `flush` that waits.
#[derive(Clone, Copy, Debug)]
struct Flush {
    op: OpId,
    /// How many calls of `send` came before it.
    sends: u64,
    /// It waits for batches that were begun before this one.
    batches: u64,
}

/// Whether the producer is being closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Open,
    Closing,
    Closed,
}

/// Who waits for the close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closer {
    Application(OpId),
    Operator,
}

impl Machine for Producer {
    type Setup = ProducerSetup;
    type Store = ();

    fn boot(now: Now, boot: Boot, setup: ProducerSetup, _store: (), out: &mut Outbox) -> Self {
        let by_default = setup.settings.idempotence == IdempotenceBy::Default;
        let transactions = setup.settings.transaction.as_ref();
        let transactions =
            transactions.map(|(id, timeout)| Transactions::new(id.clone(), *timeout));
        let within = if transactions.is_some() { Within::Transaction } else { Within::Nothing };
        let by_default = by_default && transactions.is_none();
        let sequences = match setup.settings.delivery {
            Delivery::Idempotent if by_default && !boot.rules.on(Rule::IdempotentByDefault) => None,
            Delivery::Idempotent => Some(Sequences::new(boot.rules, setup.sequence, within)),
            Delivery::FireAndForget | Delivery::Leader | Delivery::AllReplicas => None,
        };
        let links = Links::new(&boot.directory);
        let mut producer = Self {
            accumulator: Accumulator::new(&setup.settings),
            settings: setup.settings,
            rules: boot.rules,
            compacted: Vec::new(),
            keys: PartitionMap::new(),
            rng: boot.rng,
            source: setup.source,
            sequences,
            transactions,
            metadata: Metadata::new(now.mono),
            ready: Ready::new(links.len()),
            links,
            blocked: VecDeque::new(),
            sends: 0,
            flushes: Vec::new(),
            life: Life::Open,
            closers: Vec::new(),
            close_by: Time::NEVER,
            sender_timer: Time::NEVER,
            blocked_timer: Time::NEVER,
        };
        producer.run(now, out);
        producer
    }

    fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Call(op, Call::Send(call)) => self.on_send(now, op, call, out),
            Input::Call(op, Call::Flush) => self.on_flush(now, op, out),
            Input::Call(op, Call::Transaction(call)) => self.on_transaction(now, op, call, out),
            Input::Call(op, Call::Close) => self.on_close(now, Closer::Application(op), out),
            Input::Call(op, Call::CloseWithin(timeout)) => {
                self.close_by = self.close_by.min(now.mono + timeout);
                self.on_close(now, Closer::Application(op), out);
            }
            Input::Call(
                op,
                Call::Subscribe(_)
                | Call::SubscribeMatching(_)
                | Call::DeleteGroup(_)
                | Call::Poll(_)
                | Call::CommitSync(_)
                | Call::CommitAsync(_)
                | Call::Steer(_)
                | Call::CreateTopic(_)
                | Call::CreatePartitions { .. }
                | Call::DeleteTopic(_)
                | Call::DeleteRecords { .. }
                | Call::Reassign { .. }
                | Call::Throttle(_)
                | Call::ElectLeader { .. },
            ) => out.complete(op, Completion::Done(Outcome::Fail(ErrorCode::InvalidRequest))),
            Input::Shutdown => self.on_close(now, Closer::Operator, out),
            Input::Recv(conn, Msg::Response(correlation, response)) => {
                self.on_response(now, conn, correlation, response, out);
            }
            // Nobody has anything to ask of a producer.
            Input::Recv(conn, Msg::Request(..)) | Input::Opened(conn, _) => out.close(conn),
            Input::Closed(conn) => self.on_closed(now, conn, out),
            Input::Timer(Timer::Sender) => {
                self.sender_timer = Time::NEVER;
                self.run(now, out);
            }
            Input::Timer(Timer::Blocked) => self.on_blocked_timer(now, out),
            Input::Timer(_) | Input::Synced(_) => {}
        }
    }

    fn into_store(self) -> Self::Store {}
}

impl Producer {
    /// `KafkaProducer.doSend`.
    fn on_send(&mut self, now: Now, op: OpId, call: SendCall, out: &mut Outbox) {
        if let Some(code) = self.refusal(call) {
            return self.refuse(op, code, out);
        }
        let turn = self.sends;
        self.sends += 1;
        let append = if self.blocked.is_empty() { self.append(now, call) } else { None };
        match append {
            Some(Append::Done(done)) => {
                self.accept(op, done, call, out);
                self.after_append(now, done.queue, out);
            }
            Some(Append::NoMemory) if !self.waits_for_memory() => {
                // librdkafka's `_QUEUE_FULL`, for which brokers have no code: as if it had been waited for no time.
                self.refuse(op, ErrorCode::RequestTimedOut, out);
            }
            Some(Append::NoMemory) => self.block(now, op, call, turn, WaitsFor::Memory, out),
            Some(Append::NoMetadata) => self.block(now, op, call, turn, WaitsFor::Metadata, out),
            None => {
                let on = self.blocked.back().map_or(WaitsFor::Memory, |last| last.on);
                self.block(now, op, call, turn, on, out);
            }
        }
    }

    /// Why a record can never be taken in.
    fn refusal(&self, call: SendCall) -> Option<ErrorCode> {
        let size = batch_upper_bound(call.bytes);
        let fatal = self.sequences.as_ref().and_then(|sequences| sequences.fatal);
        if self.life != Life::Open {
            Some(ErrorCode::UnknownServerError)
        } else if fatal.is_some() {
            fatal
        } else if let Some(code) = self.transactions.as_ref().and_then(Transactions::refusal) {
            Some(code)
        } else if size > self.settings.max_request_size
            || u64::from(size) > self.settings.buffer_memory
        {
            Some(ErrorCode::MessageTooLarge)
        } else if self.waits_for_memory()
            && u64::from(self.settings.batch_size) > self.settings.buffer_memory
        {
            Some(ErrorCode::InvalidConfig)
        } else {
            None
        }
    }

    /// `send` throws. What it cannot take in fails the transaction.
    fn refuse(&mut self, op: OpId, code: ErrorCode, out: &mut Outbox) {
        out.mark(Mark::SendRefused);
        out.complete(op, Completion::Refused(code));
        if matches!(code, ErrorCode::RequestTimedOut | ErrorCode::MessageTooLarge) {
            self.transaction_failed(code, out);
        }
    }

    /// Whether `send` blocks while the buffer is full.
    fn waits_for_memory(&self) -> bool {
        match self.settings.buffering {
            Buffering::Batches => true,
            Buffering::Records { .. } => false,
        }
    }

    fn append(&mut self, now: Now, call: SendCall) -> Option<Append> {
        let append = self.accumulator.append(now, call, &self.settings, &mut self.rng);
        if append == Append::NoMetadata {
            self.metadata.want_topic(call.topic, now.mono);
        }
        Some(append)
    }

    fn accept(&mut self, op: OpId, done: Appended, call: SendCall, out: &mut Outbox) {
        if self.compacted.contains(&call.topic) {
            let key = call.key.map(|(key, _)| key);
            let keys = self.keys.get_or_insert_with(done.partition, Vec::new);
            keys.push(RecordKey { key, payload: call.payload });
        }
        if let Some(transactions) = &mut self.transactions {
            transactions.add(done.partition);
        }
        let value = Value { source: self.source, serial: done.serial };
        out.complete(op, Completion::Accepted(done.partition, value));
    }

    fn after_append(&mut self, now: Now, queue: Queue, out: &mut Outbox) {
        match queue {
            Queue::AsBefore => {}
            Queue::Begun if self.adds_partitions() => self.run(now, out),
            Queue::Begun if self.settings.linger > Span::ZERO && !self.must_hurry() => {
                self.arm(now.mono + self.settings.linger, out);
            }
            Queue::Begun | Queue::Full => self.run(now, out),
        }
    }

    /// Whether a partition is to be added to the transaction, which waits for no `linger.ms`.
    fn adds_partitions(&self) -> bool {
        self.transactions.as_ref().is_some_and(Transactions::has_news)
    }

    fn block(
        &mut self,
        now: Now,
        op: OpId,
        call: SendCall,
        turn: u64,
        on: WaitsFor,
        out: &mut Outbox,
    ) {
        out.mark(Mark::SendBlocked);
        let deadline = now.mono + self.settings.max_block;
        let first = self.blocked.is_empty();
        self.blocked.push_back(Blocked { op, call, turn, deadline, on });
        self.arm_blocked(out);
        if first {
            self.run(now, out);
        }
        if self.settings.max_block == Span::ZERO {
            self.on_blocked_timer(now, out);
        }
    }

    /// Lets blocked calls go on, in order; tells whether any could.
    fn unblock(&mut self, now: Now, out: &mut Outbox) -> bool {
        let mut any = false;
        while let Some(first) = self.blocked.front().copied() {
            if let Some(code) = self.transactions.as_ref().and_then(Transactions::refusal) {
                self.blocked.pop_front();
                self.refuse(first.op, code, out);
                any = true;
                continue;
            }
            let on = match self.append(now, first.call) {
                Some(Append::Done(done)) => {
                    self.accept(first.op, done, first.call, out);
                    self.blocked.pop_front();
                    any = true;
                    continue;
                }
                Some(Append::NoMetadata) => WaitsFor::Metadata,
                Some(Append::NoMemory) if !self.waits_for_memory() => {
                    self.blocked.pop_front();
                    self.refuse(first.op, ErrorCode::RequestTimedOut, out);
                    any = true;
                    continue;
                }
                Some(Append::NoMemory) | None => WaitsFor::Memory,
            };
            let turned = first.on != on;
            self.blocked.front_mut().expect("it was looked at above").on = on;
            // A call that now waits for memory makes every batch ready to be sent.
            return any || (turned && on == WaitsFor::Memory);
        }
        any
    }

    fn on_blocked_timer(&mut self, now: Now, out: &mut Outbox) {
        self.blocked_timer = Time::NEVER;
        while let Some(first) = self.blocked.front().copied()
            && first.deadline <= now.mono
        {
            self.blocked.pop_front();
            self.refuse(first.op, ErrorCode::RequestTimedOut, out);
        }
        self.arm_blocked(out);
        self.run(now, out);
    }

    /// Whether batches are sent before they are full or old enough.
    fn must_hurry(&self) -> bool {
        let starved = self.blocked.front().is_some_and(|first| first.on == WaitsFor::Memory);
        let completes = self.transactions.as_ref().is_some_and(Transactions::is_completing);
        starved || !self.flushes.is_empty() || self.life != Life::Open || completes
    }

    fn on_flush(&mut self, now: Now, op: OpId, out: &mut Outbox) {
        let batches = self.accumulator.batches.begun();
        self.flushes.push(Flush { op, sends: self.sends, batches });
        self.run(now, out);
    }

    /// `close`: nothing more is taken in, calls that are blocked end, everything taken in is sent.
    fn on_close(&mut self, now: Now, closer: Closer, out: &mut Outbox) {
        self.closers.push(closer);
        if self.life == Life::Open {
            self.life = Life::Closing;
            for blocked in core::mem::take(&mut self.blocked) {
                out.mark(Mark::SendRefused);
                out.complete(blocked.op, Completion::Refused(ErrorCode::UnknownServerError));
            }
        }
        self.run(now, out);
    }

    /// `Sender.forceClose`: nothing more is waited for.
    fn close_overdue(&mut self, now: Time, out: &mut Outbox) {
        if self.close_by <= now && self.accumulator.has_incomplete() {
            out.mark(Mark::ClosedForcefully);
            self.abort_all(ErrorCode::UnknownServerError, out);
        }
    }

    fn is_closed(&self) -> bool {
        self.life == Life::Closed
    }

    /// Ends the calls of `flush` and `close` that have what they waited for.
    fn finish_calls(&mut self, now: Time, out: &mut Outbox) {
        if !self.flushes.is_empty() {
            self.finish_flushes(out);
        }
        let ongoing = self.transactions.as_ref().is_some_and(Transactions::is_ongoing);
        let settled = (!self.accumulator.has_incomplete() && !ongoing) || self.close_by <= now;
        if self.life == Life::Closing && settled {
            self.life = Life::Closed;
            let backoff = self.settings.reconnect_backoff;
            for link in self.links.iter_mut() {
                link.channel.disconnect(now, backoff, &mut self.rng, out);
            }
        }
        if self.life == Life::Closed {
            if let Some(transactions) = &mut self.transactions {
                transactions.close(out);
            }
            for closer in core::mem::take(&mut self.closers) {
                match closer {
                    Closer::Application(op) => {
                        out.complete(op, Completion::Done(Outcome::Ok));
                    }
                    Closer::Operator => out.exit(Exit::Clean),
                }
            }
        }
    }

    fn finish_flushes(&mut self, out: &mut Outbox) {
        let begun = self.accumulator.batches.begun();
        let oldest = (self.accumulator.unreported()).map(|batch| batch.number).min();
        let oldest_blocked = self.blocked.front().map(|first| first.turn);
        self.flushes.retain_mut(|flush| {
            if oldest_blocked.is_some_and(|turn| turn < flush.sends) {
                flush.batches = begun;
                return true;
            }
            if oldest.is_some_and(|number| number < flush.batches) {
                return true;
            }
            out.complete(flush.op, Completion::Done(Outcome::Ok));
            false
        });
    }

    /// Wakes the sender no later than this. A timer that is set stays where it is: waking too early costs less than moving it.
    fn arm(&mut self, at: Time, out: &mut Outbox) {
        if at < self.sender_timer {
            self.sender_timer = at;
            out.set_timer(Timer::Sender, at);
        }
    }

    fn arm_blocked(&mut self, out: &mut Outbox) {
        if let Some(first) = self.blocked.front()
            && first.deadline < self.blocked_timer
        {
            self.blocked_timer = first.deadline;
            out.set_timer(Timer::Blocked, first.deadline);
        }
    }

    /// With one request in flight a partition is left alone until its batch is settled (`guaranteeMessageOrder`).
    fn keeps_order_by_muting(&self) -> bool {
        self.settings.max_in_flight == 1
    }
}

#[cfg(test)]
mod tests;
