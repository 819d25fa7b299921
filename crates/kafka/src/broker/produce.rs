//! Produce requests: append, then answer at once or park until the replicas have it (`ReplicaManager.appendRecords`,
//! `DelayedProduce`).

use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{ErrorCode, Offset, ProducerId, Span, Time, TopicPartition};

use super::Broker;
use super::connections::Activity;
use super::partition::{Replicated, Waiter};
use super::transactions::Verified;
use crate::group::OFFSETS_TOPIC;
use crate::log::{AppendOutcome, Origin};
use crate::message::{
    Correlation, ProduceRequest, ProduceResponse, ProduceResult, Response, WriteTxnMarkersResponse,
};
use crate::record::Batch;
use crate::{ConnId, Mark, Note, Now, Outbox, Rule, SyncToken};

/// A produce request without an answer yet.
#[derive(Clone, Debug)]
pub(super) struct ParkedProduce {
    correlation: Correlation,
    pub(super) deadline: Time,
    /// Tells this request from others of the connection.
    serial: u64,
    /// How many of the results wait for replicas.
    open: u32,
    /// A flush that must end before the answer.
    flush: Option<SyncToken>,
    results: Vec<ProduceResult>,
    answers: Answers,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answers {
    /// A produce request.
    Produce,
    /// The ends of transactions, of these producers in the order of the results.
    Markers(Vec<ProducerId>),
}

impl Broker {
    pub(super) fn on_produce(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: ProduceRequest,
        out: &mut Outbox,
    ) {
        let Some(request) = self.must_verify(now, (conn, correlation), request, out) else {
            return;
        };
        let ProduceRequest { acks, timeout, batches, .. } = request;
        let origin = (Origin::Client, acks, timeout);
        self.append_all(
            now,
            (conn, correlation),
            (batches, Vec::new()),
            origin,
            Answers::Produce,
            out,
        );
    }

    /// Appends every batch, and answers when that is settled.
    pub(super) fn append_all(
        &mut self,
        now: Now,
        (conn, correlation): (ConnId, Correlation),
        (batches, verified): (Vec<(TopicPartition, Batch)>, Verified),
        (origin, acks, timeout): (Origin, Acks, Span),
        answers: Answers,
        out: &mut Outbox,
    ) {
        self.next_serial += 1;
        let mut parked = ParkedProduce {
            correlation,
            deadline: now.mono + timeout,
            serial: self.next_serial,
            open: 0,
            flush: None,
            results: Vec::with_capacity(batches.len()),
            answers,
        };
        for (partition, batch) in batches {
            let values = batch.values();
            let appended = self
                .check_verified(partition, &batch, &verified)
                .and_then(|()| self.append_from(now, partition, batch, (origin, acks), out));
            let result = match appended {
                Ok(outcome) => self.produced(conn, &mut parked, partition, acks, outcome, out),
                Err(error) => {
                    out.note(Note::Refused { partition, values, error });
                    failed(partition, error)
                }
            };
            parked.results.push(result);
        }
        parked.flush = self.replicas.begin_flushes(out);
        if acks == Acks::Zero {
            // Without a response, closing is the only way to tell the client that something is wrong.
            if parked.results.iter().any(|result| result.error != ErrorCode::None) {
                out.close(conn);
                self.forget_connection(conn);
            }
        } else if parked.open == 0 && parked.flush.is_none() {
            self.answer_produce(conn, parked, out);
        } else {
            self.wake_purgatory_at(parked.deadline, out);
            self.park(conn, Activity::Produce(parked));
        }
    }

    fn append_from(
        &mut self,
        now: Now,
        partition: TopicPartition,
        batch: Batch,
        (origin, acks): (Origin, Acks),
        out: &mut Outbox,
    ) -> Result<AppendOutcome, ErrorCode> {
        if partition.topic == OFFSETS_TOPIC || self.keeps_transactions(partition) {
            return Err(ErrorCode::InvalidTopicException);
        }
        let appended = self.replicas.append(now, partition, batch, acks, origin, out);
        if appended == Err(ErrorCode::NotLeaderOrFollower) {
            out.mark(Mark::ProduceNotLeader);
        } else if appended == Err(ErrorCode::UnknownProducerId) {
            out.mark(Mark::UnknownProducer);
        }
        appended
    }

    /// The result of an append, which waits for the replicas under `acks=all`.
    fn produced(
        &mut self,
        conn: ConnId,
        parked: &mut ParkedProduce,
        id: TopicPartition,
        acks: Acks,
        outcome: AppendOutcome,
        out: &mut Outbox,
    ) -> ProduceResult {
        let rules = self.replicas.rules;
        let (base, required, may_wait) = match outcome {
            AppendOutcome::Appended { base, end } => (base, end, true),
            AppendOutcome::Duplicate { base, end } => {
                (base, end, rules.on(Rule::DuplicateAckWaits))
            }
        };
        let log_start = self.replicas.store.logs[id].start();
        let mut result = ProduceResult { partition: id, error: ErrorCode::None, base, log_start };
        if acks != Acks::All || !may_wait || !rules.on(Rule::AckWaitsForIsr) {
            return result;
        }
        let partition = &mut self.replicas.partitions[id];
        result.error = match partition.acknowledgement(required) {
            Some(replicated) => self.verdict(replicated, out),
            None => {
                let waiter =
                    Waiter { required, conn, serial: parked.serial, index: parked.results.len() };
                let at = partition.waiters.partition_point(|other| other.required <= required);
                partition.waiters.insert(at, waiter);
                parked.open += 1;
                // What the answer says unless the replicas come first.
                ErrorCode::RequestTimedOut
            }
        };
        result
    }

    pub(super) fn verdict(&self, replicated: Replicated, out: &mut Outbox) -> ErrorCode {
        match replicated {
            Replicated::TooFew if self.replicas.rules.on(Rule::MinIsrAfterAppend) => {
                out.mark(Mark::NotEnoughReplicasAfterAppend);
                ErrorCode::NotEnoughReplicasAfterAppend
            }
            Replicated::Enough | Replicated::TooFew => ErrorCode::None,
        }
    }

    /// Answers what waited for the high watermark that a partition has now.
    pub(super) fn complete_appends(&mut self, id: TopicPartition, out: &mut Outbox) {
        while let Some(partition) = self.replicas.partitions.get_mut(id)
            && let Some(waiter) = partition.waiters.front().copied()
            && let Some(replicated) = partition.acknowledgement(waiter.required)
        {
            partition.waiters.pop_front();
            let error = self.verdict(replicated, out);
            self.settle_append(waiter, error, out);
        }
    }

    /// Fails what waited for a partition that this broker does not lead any more.
    pub(super) fn fail_appends(&mut self, id: TopicPartition, out: &mut Outbox) {
        let Some(partition) = self.replicas.partitions.get_mut(id) else { return };
        for waiter in core::mem::take(&mut partition.waiters) {
            self.settle_append(waiter, ErrorCode::NotLeaderOrFollower, out);
        }
    }

    /// Ends one wait; those of requests that were answered meanwhile have no effect.
    pub(super) fn settle_append(&mut self, waiter: Waiter, error: ErrorCode, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(waiter.conn) else { return };
        let Activity::Produce(parked) = &mut connection.activity else { return };
        if parked.serial != waiter.serial {
            return;
        }
        parked.results[waiter.index].error = error;
        parked.open -= 1;
        if parked.open == 0 && parked.flush.is_none() {
            self.end_produce(waiter.conn, out);
        }
    }

    /// Lets the requests go on that waited for a flush.
    pub(super) fn on_flushed(&mut self, token: SyncToken, out: &mut Outbox) {
        let mut done = Vec::new();
        for connection in self.connections.iter_mut() {
            if let Activity::Produce(parked) = &mut connection.activity
                && parked.flush == Some(token)
            {
                parked.flush = None;
                if parked.open == 0 {
                    done.push(connection.id);
                }
            }
        }
        for conn in done {
            self.end_produce(conn, out);
        }
    }

    /// The time of a parked request is over: whatever has not been replicated timed out. Appends themselves have no time
    /// limit, so a flush is waited for.
    pub(super) fn expire_produce(&mut self, conn: ConnId, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let Activity::Produce(parked) = &mut connection.activity else { return };
        if parked.open > 0 {
            out.mark(Mark::ProduceTimedOut);
        }
        parked.open = 0;
        parked.deadline = Time::NEVER;
        if parked.flush.is_none() {
            self.end_produce(conn, out);
        }
    }

    fn end_produce(&mut self, conn: ConnId, out: &mut Outbox) {
        if let Activity::Produce(parked) = self.unpark(conn) {
            self.answer_produce(conn, parked, out);
        }
    }

    fn answer_produce(&mut self, conn: ConnId, mut parked: ParkedProduce, out: &mut Outbox) {
        for result in &mut parked.results {
            if result.error != ErrorCode::None {
                result.base = Offset::UNKNOWN;
            }
        }
        let response = match parked.answers {
            Answers::Produce => Response::Produce(ProduceResponse { results: parked.results }),
            Answers::Markers(ids) => {
                let results = ids.into_iter().zip(parked.results);
                let results = results.map(|(id, it)| (id, it.partition, it.error)).collect();
                Response::WriteTxnMarkers(WriteTxnMarkersResponse { results })
            }
        };
        out.respond(conn, parked.correlation, response);
    }
}

fn failed(partition: TopicPartition, error: ErrorCode) -> ProduceResult {
    ProduceResult { partition, error, base: Offset::UNKNOWN, log_start: Offset::UNKNOWN }
}
