//! Where the broker meets transactions: as the coordinator of some, as the leader of partitions that they write to and that
//! hear of their ends, and as one who asks other coordinators before a transaction writes here (KIP-98, KIP-890 part 1).

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, ProducerId, Sequence, TopicPartition,
};

use super::Broker;
use super::connections::Activity;
use super::links::{PATIENCE, Tag};
use super::produce::Answers;
use super::producer_ids::Stock;
use crate::compression::Packing;
use crate::log::{AppendOutcome, Guard, Origin};
use crate::message::{
    AddPartitionsToTxnRequest, Adding, Correlation, Msg, ProduceRequest, Request, Response,
    TransactionalId, TxnMarker, WriteTxnMarkersRequest,
};
use crate::record::{Batch, ProducerStamp, Records, Within};
use crate::settings::Verification;
use crate::transaction::{Outside, TransactionCoordinator, Write};
use crate::{ConnId, Effect, Mark, Now, Outbox, Rule};

/// About what a record of a transaction takes, and each of its partitions.
const RECORD_BYTES: u32 = 140;
const PARTITION_BYTES: u32 = 20;
/// What the end of a transaction takes in a log: a batch's header and a record.
const MARKER_BYTES: u32 = 78;

/// A produce request whose transaction a coordinator is asked about.
#[derive(Clone, Debug)]
pub(super) struct ParkedVerification {
    serial: u64,
    correlation: Correlation,
    request: ProduceRequest,
    /// The partitions asked about.
    guards: Vec<(TopicPartition, Guard)>,
}

/// What is known about the partitions of a produce request before it appends.
pub(super) type Verified = Vec<(TopicPartition, Result<Guard, ErrorCode>)>;

impl Broker {
    /// Who coordinates a `transactional.id`, as far as this broker's metadata tell.
    pub(super) fn find_transaction_coordinator(&self, id: &str) -> Result<BrokerId, ErrorCode> {
        let coordinator = self.transactions.as_ref().ok_or(ErrorCode::CoordinatorNotAvailable)?;
        coordinator.find(id, &self.replicas.image)
    }

    pub(super) fn on_transaction_request(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        out: &mut Outbox,
    ) {
        if self.transactions.is_none() {
            out.close(conn);
            return self.forget_connection(conn);
        }
        self.park(conn, Activity::Group);
        self.transact(now, out, |coordinator, outside| {
            coordinator.on_request(conn, correlation, request, outside);
        });
    }

    /// Lets the coordinator act, appends what it writes, tells other leaders what it orders, and sees which connections it has
    /// answered.
    pub(super) fn transact(
        &mut self,
        now: Now,
        out: &mut Outbox,
        act: impl FnOnce(&mut TransactionCoordinator, &mut Outside<'_>),
    ) {
        let Some(mut coordinator) = self.transactions.take() else { return };
        let before = out.effects.len();
        let image = Arc::clone(&self.replicas.image);
        let (mut writes, mut orders) = (Vec::new(), Vec::new());
        let mut stock = Stock::Ample;
        {
            let ids = &mut self.producer_ids;
            let fresh = &mut || {
                let (fresh, left) = ids.take();
                if left == Stock::Low {
                    stock = Stock::Low;
                }
                fresh.map(|(id, _)| id)
            };
            let (writes, orders) = (&mut writes, &mut orders);
            act(&mut coordinator, &mut Outside { now, image: &image, fresh, out, writes, orders });
        }
        if stock == Stock::Low {
            self.lifecycle.want_producer_ids(now, out);
        }
        let mut done = 0;
        while let Some(write) = writes.get(done).cloned() {
            done += 1;
            let result = self.write_transaction(now, &write, out);
            let fresh = &mut || Err(ErrorCode::CoordinatorNotAvailable);
            let (writes, orders) = (&mut writes, &mut orders);
            let mut outside = Outside { now, image: &image, fresh, out, writes, orders };
            coordinator.on_append(write.ticket, result, &mut outside);
        }
        self.transactions = Some(coordinator);
        for order in orders {
            let markers = vec![order.marker.clone()];
            let request = Request::WriteTxnMarkers(WriteTxnMarkersRequest { markers });
            let to = order.to;
            let sent = (request, Tag::Marker(order));
            self.links.send(now.mono, to, sent, &self.directory, out);
        }
        self.replicas.begin_flushes(out);
        for at in before..out.effects.len() {
            if let Effect::Send(conn, Msg::Response(..)) = &out.effects[at] {
                self.unpark(*conn);
            }
        }
    }

    fn write_transaction(
        &mut self,
        now: Now,
        write: &Write,
        out: &mut Outbox,
    ) -> Result<Offset, ErrorCode> {
        let partitions = u32::try_from(write.record.partitions.len()).unwrap_or(u32::MAX);
        let batch = Batch {
            base: Offset::UNKNOWN,
            count: 1,
            epoch: LeaderEpoch::NONE,
            bytes: RECORD_BYTES.saturating_add(partitions.saturating_mul(PARTITION_BYTES)),
            packing: Packing::PLAIN,
            timestamp: now.wall,
            stamp: None,
            records: Records::Transaction(Arc::clone(&write.record)),
        };
        let origin = Origin::Coordinator;
        match self.replicas.append(now, write.partition, batch, Acks::All, origin, out)? {
            AppendOutcome::Appended { end, .. } | AppendOutcome::Duplicate { end, .. } => Ok(end),
        }
    }

    /// The high watermark of a partition of `__transaction_state` moved.
    pub(super) fn on_transactions_replicated(
        &mut self,
        now: Now,
        id: TopicPartition,
        out: &mut Outbox,
    ) {
        let Some(partition) = self.replicas.partitions.get(id) else { return };
        let reached = partition.high_watermark;
        let replicated = match partition.acknowledgement(reached) {
            Some(replicated) => self.verdict(replicated, out).check(),
            None => Ok(()),
        };
        self.transact(now, out, |coordinator, outside| {
            coordinator.on_high_watermark(id, reached, replicated, outside);
        });
    }

    /// Whether a partition is one of `__transaction_state`.
    pub(super) fn keeps_transactions(&self, id: TopicPartition) -> bool {
        self.transactions.as_ref().is_some_and(|coordinator| coordinator.topic() == id.topic)
    }

    /// `KafkaApis.handleWriteTxnMarkersRequest`.
    pub(super) fn on_write_markers(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: WriteTxnMarkersRequest,
        out: &mut Outbox,
    ) {
        let each = request.markers.iter();
        let ids = each.clone().flat_map(|it| it.partitions.iter().map(|_| it.producer.0)).collect();
        let batches = each.flat_map(|marker| {
            let batch = end_of_transaction(now, marker);
            marker.partitions.iter().map(move |partition| (*partition, batch.clone()))
        });
        let batches = batches.collect();
        let origin = (Origin::Coordinator, Acks::All, PATIENCE);
        self.append_all(
            now,
            (conn, correlation),
            (batches, Vec::new()),
            origin,
            Answers::Markers(ids),
            out,
        );
    }

    /// Asks the coordinator about the partitions to which a transaction has not written before; tells whether the request
    /// waits for its answer (`ReplicaManager.maybeStartTransactionVerificationForPartitions`).
    pub(super) fn must_verify(
        &mut self,
        now: Now,
        (conn, correlation): (ConnId, Correlation),
        request: ProduceRequest,
        out: &mut Outbox,
    ) -> Option<ProduceRequest> {
        let on = self.replicas.settings.transactions.verification == Verification::On
            && self.replicas.rules.on(Rule::VerifyTransactions);
        let Some(id) = request.transaction.clone().filter(|_| on) else { return Some(request) };
        let mut guards = Vec::new();
        let mut producer = None;
        for (partition, batch) in &request.batches {
            let Some(stamp) = batch.stamp else { continue };
            if self.replicas.led(*partition, None).is_ok()
                && let Some(guard) =
                    self.replicas.store.logs[*partition].begin_verification(stamp.id)
            {
                guards.push((*partition, guard));
                producer = Some((stamp.id, stamp.epoch));
            }
        }
        let Some(producer) = producer else { return Some(request) };
        let partitions = guards.iter().map(|(partition, _)| *partition).collect();
        self.next_serial += 1;
        let serial = self.next_serial;
        let parked = ParkedVerification { serial, correlation, request, guards };
        self.park(conn, Activity::Verification(parked));
        self.ask_about(now, id, producer, partitions, Tag::Verification(conn, serial), out);
        None
    }

    fn ask_about(
        &mut self,
        now: Now,
        transaction: TransactionalId,
        producer: (ProducerId, stormglass_types::ProducerEpoch),
        partitions: Vec<TopicPartition>,
        tag: Tag,
        out: &mut Outbox,
    ) {
        match self.find_transaction_coordinator(&transaction) {
            Ok(coordinator) => {
                let adding = Adding::Verify;
                let request =
                    AddPartitionsToTxnRequest { transaction, producer, adding, partitions };
                let sent = (Request::AddPartitionsToTxn(request), tag);
                self.links.send(now.mono, coordinator, sent, &self.directory, out);
            }
            Err(code) => {
                let results: Vec<_> = partitions.into_iter().map(|it| (it, code)).collect();
                self.on_linked(now, tag, Some(&results), out);
            }
        }
    }

    /// An answer over a link; tells whether it was one.
    pub(super) fn on_link_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: &Response,
        out: &mut Outbox,
    ) -> bool {
        let Some(tag) = self.links.on_response(now.mono, conn, correlation, out) else {
            return false;
        };
        let results: Option<Vec<(TopicPartition, ErrorCode)>> = match response {
            Response::WriteTxnMarkers(told) => {
                Some(told.results.iter().map(|(_, partition, code)| (*partition, *code)).collect())
            }
            Response::AddPartitionsToTxn(answer) => Some(answer.results.clone()),
            _ => None,
        };
        self.on_linked(now, tag, results.as_deref(), out);
        true
    }

    /// A link was lost; tells whether it was one.
    pub(super) fn on_link_closed(&mut self, now: Now, conn: ConnId, out: &mut Outbox) -> bool {
        let lost = self.links.on_closed(now.mono, conn, &mut self.rng, out);
        lost.is_some_and(|lost| {
            self.on_lost(now, lost, out);
            true
        })
    }

    pub(super) fn on_link_timer(&mut self, now: Now, broker: BrokerId, out: &mut Outbox) {
        let lost = self.links.on_timer(now.mono, broker, &mut self.rng, out);
        self.on_lost(now, lost, out);
    }

    fn on_lost(&mut self, now: Now, lost: VecDeque<Tag>, out: &mut Outbox) {
        for tag in lost {
            self.on_linked(now, tag, None, out);
        }
    }

    fn on_linked(
        &mut self,
        now: Now,
        tag: Tag,
        results: Option<&[(TopicPartition, ErrorCode)]>,
        out: &mut Outbox,
    ) {
        match tag {
            Tag::Marker(order) => self.transact(now, out, |coordinator, outside| {
                coordinator.on_told(&order, results, outside);
            }),
            Tag::Verification(conn, serial) => self.on_verified(now, conn, serial, results, out),
        }
    }

    /// The coordinator has answered, or could not.
    fn on_verified(
        &mut self,
        now: Now,
        conn: ConnId,
        serial: u64,
        results: Option<&[(TopicPartition, ErrorCode)]>,
        out: &mut Outbox,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        match &connection.activity {
            Activity::Verification(parked) if parked.serial == serial => {}
            _ => return,
        }
        let parked = core::mem::replace(&mut connection.activity, Activity::Idle);
        let Activity::Verification(parked) = parked else { return };
        let ParkedVerification { correlation, request, guards, .. } = parked;
        let known = |(partition, guard): (TopicPartition, Guard)| {
            let found = results.and_then(|all| all.iter().find(|(it, _)| *it == partition));
            let code = found.map_or(ErrorCode::NetworkException, |(_, code)| *code);
            (partition, code.check().map(|()| guard).map_err(told_to_producers))
        };
        let verified: Verified = guards.into_iter().map(known).collect();
        if verified.iter().any(|(_, known)| known.is_err()) {
            out.mark(Mark::NotInTransaction);
        }
        let ProduceRequest { acks, timeout, batches, .. } = request;
        let origin = (Origin::Client, acks, timeout);
        self.append_all(
            now,
            (conn, correlation),
            (batches, verified),
            origin,
            Answers::Produce,
            out,
        );
        let idle = |it: &&super::connections::Connection| matches!(it.activity, Activity::Idle);
        if self.connections.get(conn).filter(idle).is_some_and(|it| !it.line.is_empty()) {
            self.freed.push(conn);
        }
    }

    /// What an inquiry says about an append: the batch may go on, or why not.
    pub(super) fn check_verified(
        &self,
        partition: TopicPartition,
        batch: &Batch,
        verified: &[(TopicPartition, Result<Guard, ErrorCode>)],
    ) -> Result<(), ErrorCode> {
        let Some(stamp) = batch.stamp.filter(|it| it.within == Within::Transaction) else {
            return Ok(());
        };
        if matches!(batch.records, Records::Marker(..)) {
            return Ok(());
        }
        let Some((_, known)) = verified.iter().find(|(it, _)| *it == partition) else {
            return Ok(());
        };
        let guard = (*known)?;
        let Some(log) = self.replicas.store.logs.get(partition) else { return Ok(()) };
        // The transaction ended while the coordinator was asked.
        let holds =
            log.has_open_transaction(stamp.id) || log.producers().is_verified(stamp.id, guard);
        if holds { Ok(()) } else { Err(ErrorCode::InvalidTxnState) }
    }
}

/// What producers are told of a coordinator's answer to their leader: they try again where it may change.
const fn told_to_producers(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::ConcurrentTransactions
        | ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        other => other,
    }
}

fn end_of_transaction(now: Now, marker: &TxnMarker) -> Batch {
    let (id, epoch) = marker.producer;
    Batch {
        base: Offset::UNKNOWN,
        count: 1,
        epoch: LeaderEpoch::NONE,
        bytes: MARKER_BYTES,
        packing: Packing::PLAIN,
        timestamp: now.wall,
        stamp: Some(ProducerStamp {
            id,
            epoch,
            sequence: Sequence(0),
            within: Within::Transaction,
        }),
        records: Records::Marker(marker.verdict, marker.coordinator),
    }
}
