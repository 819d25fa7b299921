//! One partition of `__transaction_state` as its coordinator sees it (`TransactionCoordinator`, `TransactionStateManager`,
//! `TransactionMarkerChannelManager`).
//!
//! A change is written first and counts when the replicas have it; then it is answered. What ends a transaction is told to its
//! partitions after that, until each has heard it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use stormglass_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Span, Time, TopicPartition,
};

use crate::message::{
    AddPartitionsToTxnRequest, Adding, EndTxnRequest, InitProducerIdRequest, TransactionalId,
    TxnMarker,
};
use crate::record::{Batch, Records, TransactionState, TransactionValue, Verdict};
use crate::settings::TransactionSettings;
use crate::{ConnId, Mark, Outbox, Rule};

use super::entry::Entry;
use super::{Context, Order, Reply};

/// How long a load takes besides reading, and per record.
const LOAD_BASE: Span = Span::millis(5);
const LOAD_PER_RECORD: Span = Span::micros(2);
/// When what could not be told, or written, is tried again.
const RETRY: Span = Span::millis(100);

/// One partition's coordinator.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    epoch: LeaderEpoch,
    /// Requests are not served before this.
    loads_until: Option<Time>,
    entries: BTreeMap<TransactionalId, Entry>,
    /// Changes that wait for the high watermark, in the order of their offsets.
    deferred: VecDeque<Deferred>,
    /// Ends of transactions that have nobody to be told to now, and completions that could not be written.
    again: Vec<(TransactionalId, Vec<TopicPartition>)>,
    again_at: Time,
    next_timeouts: Time,
    next_expiry: Time,
    timeouts_every: Span,
    expiry_every: Span,
}

#[derive(Clone, Debug)]
struct Deferred {
    until: Offset,
    deadline: Time,
    operation: Operation,
}

/// A change that is being written, and what follows it.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    value: Box<TransactionValue>,
    last_epoch: Option<ProducerEpoch>,
    /// What the client is told when it is done.
    reply: Option<Reply>,
    then: Then,
}

/// What follows a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// The answer.
    Answer,
    /// The answer, and the end is told to the partitions.
    Tell(Ends),
    /// Nothing: the transaction is over.
    Rest,
    /// The id is forgotten.
    Forget,
}

/// Who ends a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    /// Its producer.
    Producer,
    /// The coordinator, which fences its producer.
    Fence,
}

impl Operation {
    /// It came to nothing.
    pub(super) fn refuse(self, code: ErrorCode, out: &mut Outbox) {
        if let Some(reply) = self.reply {
            reply.code(code, out);
        }
    }

    pub(super) fn forget(&mut self, closed: ConnId) {
        if let Some(reply) = &mut self.reply
            && reply.conn == Some(closed)
        {
            reply.conn = None;
        }
    }
}

impl Shard {
    /// Reads a log. Requests are served when that is over.
    pub(super) fn load<'a>(
        epoch: LeaderEpoch,
        batches: impl Iterator<Item = &'a Batch>,
        now: Time,
        settings: &TransactionSettings,
    ) -> Self {
        let mut entries = BTreeMap::new();
        let mut took = LOAD_BASE;
        for batch in batches {
            let Records::Transaction(value) = &batch.records else { continue };
            took = took + LOAD_PER_RECORD;
            if value.state == TransactionState::Dead {
                entries.remove(&value.id);
            } else {
                entries.insert(value.id.clone(), Entry::of(TransactionValue::clone(value)));
            }
        }
        Self {
            epoch,
            loads_until: Some(now + took),
            entries,
            deferred: VecDeque::new(),
            again: Vec::new(),
            again_at: Time::NEVER,
            next_timeouts: now + settings.timeout_check,
            next_expiry: now + settings.expiration_check,
            timeouts_every: settings.timeout_check,
            expiry_every: settings.expiration_check,
        }
    }

    pub(super) const fn is_loading(&self) -> bool {
        self.loads_until.is_some()
    }

    /// When it must be woken.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        let deferred = self.deferred.iter().map(|deferred| deferred.deadline).min();
        let idle = self.entries.is_empty();
        let rounds = (!idle).then_some(self.next_timeouts.min(self.next_expiry));
        let again = Some(self.again_at).filter(|at| *at < Time::NEVER);
        [self.loads_until, deferred, rounds, again].into_iter().flatten().min()
    }

    /// `handleInitProducerId`.
    pub(super) fn init(
        &mut self,
        id: &TransactionalId,
        request: &InitProducerIdRequest,
        reply: Reply,
        cx: &mut Context<'_, '_>,
    ) {
        if let Err(code) = self.try_init(id, request, &reply, cx) {
            reply.code(code, cx.outside.out);
        }
    }

    fn try_init(
        &mut self,
        id: &TransactionalId,
        request: &InitProducerIdRequest,
        reply: &Reply,
        cx: &mut Context<'_, '_>,
    ) -> Result<(), ErrorCode> {
        let timeout = request.transaction.as_ref().map_or(Span::ZERO, |(_, timeout)| *timeout);
        if timeout > cx.io.settings.transactions.max_timeout || timeout == Span::ZERO {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        let now = cx.outside.now.wall;
        if !self.entries.contains_key(id) {
            let producer = (cx.outside.fresh)()?;
            self.entries.insert(id.clone(), Entry::new(id.clone(), producer, timeout, now));
        }
        let entry = self.entries.get_mut(id).expect("made just above");
        if entry.pending.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if !entry.admits(request.current) {
            return Err(ErrorCode::ProducerFenced);
        }
        match entry.value.state {
            TransactionState::Preparing(_) => Err(ErrorCode::ConcurrentTransactions),
            TransactionState::Ongoing if !cx.io.rules.on(Rule::InitFencesFormer) => {
                reply.done((entry.value.producer, entry.value.epoch), cx.outside.out);
                Ok(())
            }
            TransactionState::Ongoing => {
                cx.outside.out.mark(Mark::TransactionalIdTaken);
                self.fence(id, Some(reply.clone()), cx);
                Ok(())
            }
            TransactionState::Empty | TransactionState::Complete(_) | TransactionState::Dead => {
                let (value, last_epoch) = entry.take_over(
                    request.current,
                    timeout,
                    now,
                    cx.outside.fresh,
                    cx.io.rules,
                )?;
                if request.current.is_none() && entry.value.epoch.0 >= 0 {
                    cx.outside.out.mark(Mark::TransactionalIdTaken);
                }
                let reply = Some(reply.clone());
                self.write(value, last_epoch, reply, Then::Answer, cx);
                Ok(())
            }
        }
    }

    /// Ends an open transaction under a new epoch, so that its producer can do nothing more.
    fn fence(&mut self, id: &TransactionalId, reply: Option<Reply>, cx: &mut Context<'_, '_>) {
        let entry = self.entries.get_mut(id).expect("a transaction that is open is known");
        entry.value.epoch = entry.fencing_epoch();
        entry.last_epoch = None;
        let value = entry.prepare(Verdict::Abort, cx.outside.now.wall);
        self.write(value, None, reply, Then::Tell(Ends::Fence), cx);
    }

    /// `handleAddPartitionsToTransaction`, `handleVerifyPartitionsInTransaction`.
    pub(super) fn add(
        &mut self,
        id: &TransactionalId,
        request: &AddPartitionsToTxnRequest,
        reply: Reply,
        cx: &mut Context<'_, '_>,
    ) {
        let added = match request.adding {
            Adding::Verify => return self.verify(id, request, &reply, cx.outside.out),
            Adding::Add => self.prepare_add(id, request, cx),
        };
        match added {
            Ok(value) => {
                let last_epoch = self.entries[id].last_epoch;
                self.write(value, last_epoch, Some(reply), Then::Answer, cx);
            }
            Err(code) => reply.code(code, cx.outside.out),
        }
    }

    fn prepare_add(
        &self,
        id: &TransactionalId,
        request: &AddPartitionsToTxnRequest,
        cx: &Context<'_, '_>,
    ) -> Result<TransactionValue, ErrorCode> {
        let image = cx.outside.image;
        if request.partitions.iter().any(|partition| !image.partitions.contains(*partition)) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let entry = self.known(id, request.producer)?;
        if entry.pending.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let has = |partition| entry.value.partitions.binary_search(partition).is_ok();
        match entry.value.state {
            TransactionState::Preparing(_) => Err(ErrorCode::ConcurrentTransactions),
            TransactionState::Ongoing if request.partitions.iter().all(has) => Err(ErrorCode::None),
            TransactionState::Ongoing
            | TransactionState::Empty
            | TransactionState::Complete(_)
            | TransactionState::Dead => Ok(entry.add(&request.partitions, cx.outside.now.wall)),
        }
    }

    /// The entry of an id, if the producer is the one that it belongs to.
    fn known(
        &self,
        id: &TransactionalId,
        (producer, epoch): (ProducerId, ProducerEpoch),
    ) -> Result<&Entry, ErrorCode> {
        let entry = self.entries.get(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if entry.value.producer != producer {
            Err(ErrorCode::InvalidProducerIdMapping)
        } else if entry.value.epoch != epoch {
            Err(ErrorCode::ProducerFenced)
        } else {
            Ok(entry)
        }
    }

    fn verify(
        &self,
        id: &TransactionalId,
        request: &AddPartitionsToTxnRequest,
        reply: &Reply,
        out: &mut Outbox,
    ) {
        let entry = match self.known(id, request.producer) {
            Ok(entry) => entry,
            Err(code) => return reply.code(code, out),
        };
        if matches!(entry.value.state, TransactionState::Preparing(_)) {
            return reply.code(ErrorCode::ConcurrentTransactions, out);
        }
        let open = entry.value.state == TransactionState::Ongoing;
        let has = |partition| open && entry.value.partitions.binary_search(partition).is_ok();
        let code = |has| if has { ErrorCode::None } else { ErrorCode::TransactionAbortable };
        reply.results(request.partitions.iter().map(|it| (*it, code(has(it)))).collect(), out);
    }

    /// `handleEndTransaction`.
    pub(super) fn end_by_producer(
        &mut self,
        id: &TransactionalId,
        request: &EndTxnRequest,
        reply: Reply,
        cx: &mut Context<'_, '_>,
    ) {
        let known = self.known(id, request.producer);
        let may = known.and_then(|entry| match entry.pending {
            Some(_) => Err(ErrorCode::ConcurrentTransactions),
            None => entry.may_end(request.verdict).map(|()| entry),
        });
        match may {
            Ok(entry) => {
                let value = entry.prepare(request.verdict, cx.outside.now.wall);
                let last_epoch = entry.last_epoch;
                self.write(value, last_epoch, Some(reply), Then::Tell(Ends::Producer), cx);
            }
            Err(code) => reply.code(code, cx.outside.out),
        }
    }

    fn write(
        &mut self,
        value: TransactionValue,
        last_epoch: Option<ProducerEpoch>,
        reply: Option<Reply>,
        then: Then,
        cx: &mut Context<'_, '_>,
    ) {
        let entry = self.entries.get_mut(&value.id).expect("only what is known changes");
        entry.pending = Some(value.state);
        let record = value.clone();
        cx.write(record, Operation { value: Box::new(value), last_epoch, reply, then });
    }

    /// A change is in the log: it waits for the replicas, for as long as its transaction may take.
    pub(super) fn on_appended(&mut self, end: Offset, operation: Operation, cx: &Context<'_, '_>) {
        let deadline = cx.after(operation.value.timeout);
        self.deferred.push_back(Deferred { until: end, deadline, operation });
    }

    pub(super) fn on_high_watermark(
        &mut self,
        high_watermark: Offset,
        replicated: Result<(), ErrorCode>,
        cx: &mut Context<'_, '_>,
    ) {
        while self.deferred.front().is_some_and(|first| first.until <= high_watermark) {
            let Some(Deferred { operation, .. }) = self.deferred.pop_front() else { break };
            match replicated {
                Ok(()) => self.on_written(operation, cx),
                Err(error) => self.on_failed(operation, error, cx),
            }
        }
    }

    /// A change is on the replicas: it counts.
    fn on_written(&mut self, operation: Operation, cx: &mut Context<'_, '_>) {
        let Operation { value, last_epoch, reply, then } = operation;
        let id = value.id.clone();
        if then == Then::Forget {
            self.entries.remove(&id);
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.value = *value;
        entry.last_epoch = last_epoch;
        entry.pending = None;
        let producer = (entry.value.producer, entry.value.epoch);
        match then {
            Then::Answer => {
                if let Some(reply) = reply {
                    reply.done(producer, cx.outside.out);
                }
            }
            Then::Tell(ends) => {
                entry.fence_failed = false;
                let code = match ends {
                    Ends::Producer => ErrorCode::None,
                    // The former producer is fenced; the new one asks again when all is over.
                    Ends::Fence => ErrorCode::ConcurrentTransactions,
                };
                if let Some(reply) = reply {
                    reply.code(code, cx.outside.out);
                }
                self.tell(&id, cx);
            }
            Then::Rest | Then::Forget => {}
        }
    }

    /// A change could not be written, or nobody knows (`appendTransactionToLog`).
    pub(super) fn on_failed(
        &mut self,
        operation: Operation,
        error: ErrorCode,
        cx: &mut Context<'_, '_>,
    ) {
        let code = match error {
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
            ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => {
                ErrorCode::NotCoordinator
            }
            _ => ErrorCode::UnknownServerError,
        };
        if let Some(entry) = self.entries.get_mut(&operation.value.id) {
            match operation.then {
                Then::Rest if code == ErrorCode::CoordinatorNotAvailable => {
                    self.later(operation.value.id.clone(), Vec::new(), cx);
                }
                Then::Tell(Ends::Fence) => {
                    entry.pending = None;
                    entry.fence_failed = true;
                }
                Then::Answer | Then::Tell(Ends::Producer) | Then::Rest | Then::Forget => {
                    entry.pending = None;
                }
            }
        }
        operation.refuse(code, cx.outside.out);
    }

    fn later(&mut self, id: TransactionalId, whom: Vec<TopicPartition>, cx: &Context<'_, '_>) {
        self.again.push((id, whom));
        self.again_at = self.again_at.min(cx.after(RETRY));
    }

    /// Tells the end of a transaction to every partition that has not heard it, or ends it (`addTxnMarkersToSend`).
    fn tell(&mut self, id: &TransactionalId, cx: &mut Context<'_, '_>) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let TransactionState::Preparing(_) = entry.value.state else { return };
        entry.pending = Some(entry.value.state);
        let partitions = entry.value.partitions.clone();
        self.tell_some(id, partitions, cx);
    }

    fn tell_some(
        &mut self,
        id: &TransactionalId,
        partitions: Vec<TopicPartition>,
        cx: &mut Context<'_, '_>,
    ) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let TransactionState::Preparing(verdict) = entry.value.state else { return };
        let image = cx.outside.image;
        let mut leaders: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
        let mut leaderless = Vec::new();
        for partition in partitions {
            match image.leader(partition) {
                Some((leader, _)) => leaders.entry(leader).or_default().push(partition),
                None if image.partitions.contains(partition) => leaderless.push(partition),
                // Its topic was deleted.
                None => entry.value.partitions.retain(|other| *other != partition),
            }
        }
        let producer = (entry.value.producer, entry.value.epoch);
        for (to, partitions) in leaders {
            let marker = TxnMarker { producer, coordinator: self.epoch, verdict, partitions };
            cx.outside.orders.push(Order { id: id.clone(), to, marker });
        }
        if !leaderless.is_empty() {
            self.later(id.clone(), leaderless, cx);
        }
        self.maybe_complete(id, cx);
    }

    /// Writes that a transaction is over once every partition has heard it.
    fn maybe_complete(&mut self, id: &TransactionalId, cx: &mut Context<'_, '_>) {
        let Some(entry) = self.entries.get(id) else { return };
        let TransactionState::Preparing(verdict) = entry.value.state else { return };
        let completes = matches!(entry.pending, Some(TransactionState::Complete(_)));
        if entry.value.partitions.is_empty() && !completes {
            let value = entry.complete(verdict, cx.outside.now.wall);
            let last_epoch = entry.last_epoch;
            self.write(value, last_epoch, None, Then::Rest, cx);
        }
    }

    /// What a leader made of the end of a transaction.
    pub(super) fn on_told(
        &mut self,
        order: &Order,
        results: Option<&[(TopicPartition, ErrorCode)]>,
        cx: &mut Context<'_, '_>,
    ) {
        let Some(entry) = self.entries.get_mut(&order.id) else { return };
        let present = (entry.value.producer, entry.value.epoch);
        let ends = matches!(entry.value.state, TransactionState::Preparing(_));
        if order.marker.coordinator != self.epoch || present != order.marker.producer || !ends {
            return;
        }
        let Some(results) = results else {
            return self.tell_some(&order.id, order.marker.partitions.clone(), cx);
        };
        let mut again = Vec::new();
        for (partition, code) in results {
            match code {
                ErrorCode::None => entry.value.partitions.retain(|other| other != partition),
                // Somebody who knows better owns the transaction by now.
                ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced => return,
                _ => again.push(*partition),
            }
        }
        if again.is_empty() {
            self.maybe_complete(&order.id, cx);
        } else {
            cx.outside.out.mark(Mark::MarkerToldAgain);
            self.tell_some(&order.id, again, cx);
        }
    }

    /// Whatever is due.
    pub(super) fn on_time(&mut self, cx: &mut Context<'_, '_>) {
        let now = cx.outside.now;
        if self.loads_until.is_some_and(|until| until <= now.mono) {
            self.on_loaded(cx);
        }
        let overdue = |it: &Deferred| it.deadline <= now.mono;
        while let Some(at) = self.deferred.iter().position(overdue) {
            let Some(Deferred { operation, .. }) = self.deferred.remove(at) else { break };
            self.on_failed(operation, ErrorCode::RequestTimedOut, cx);
        }
        if self.again_at <= now.mono {
            self.again_at = Time::NEVER;
            for (id, whom) in core::mem::take(&mut self.again) {
                self.try_again(&id, whom, cx);
            }
        }
        if self.is_loading() {
            return;
        }
        if self.next_timeouts <= now.mono {
            self.next_timeouts = now.mono + self.timeouts_every;
            for id in self.ids(|entry| entry.is_overdue(now.wall)) {
                cx.outside.out.mark(Mark::TransactionTimedOut);
                self.fence(&id, None, cx);
            }
        }
        if self.next_expiry <= now.mono {
            self.next_expiry = now.mono + self.expiry_every;
            let after = cx.io.settings.transactions.id_expiration;
            for id in self.ids(|entry| entry.is_idle(now.wall, after)) {
                let value = self.entries[&id].die();
                self.write(value, None, None, Then::Forget, cx);
            }
        }
    }

    fn ids(&self, which: impl Fn(&Entry) -> bool) -> Vec<TransactionalId> {
        let found = self.entries.iter().filter(|(_, entry)| which(entry));
        found.map(|(id, _)| id.clone()).collect()
    }

    fn on_loaded(&mut self, cx: &mut Context<'_, '_>) {
        self.loads_until = None;
        let ends = |entry: &Entry| matches!(entry.value.state, TransactionState::Preparing(_));
        for id in self.ids(ends) {
            cx.outside.out.mark(Mark::TransactionTakenOver);
            self.tell(&id, cx);
        }
    }

    fn try_again(
        &mut self,
        id: &TransactionalId,
        whom: Vec<TopicPartition>,
        cx: &mut Context<'_, '_>,
    ) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if matches!(entry.pending, Some(TransactionState::Complete(_))) {
            entry.pending = Some(entry.value.state);
        }
        self.tell_some(id, whom, cx);
    }

    /// Whoever waits is told that this broker is no coordinator any more.
    pub(super) fn resign(self, out: &mut Outbox) {
        for deferred in self.deferred {
            deferred.operation.refuse(ErrorCode::NotCoordinator, out);
        }
    }

    pub(super) fn on_closed(&mut self, conn: ConnId) {
        for deferred in &mut self.deferred {
            deferred.operation.forget(conn);
        }
    }
}
