//! The transaction coordinator of one broker: a component that the broker machine drives (KIP-98).
//!
//! It coordinates the transactions of every `transactional.id` whose partition of `__transaction_state` this broker leads. It
//! appends and sends nothing itself: records leave as [`Write`]s, ends of transactions as [`Order`]s for other leaders. This is
//! the protocol of `transaction.version` 1: producers add partitions themselves, and an epoch lasts as long as its producer.
//! Offsets of groups within transactions are not here.

mod entry;
mod shard;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Span, Time, TopicId,
    TopicPartition,
};

use crate::assignor::java_hash::string_hash;
use crate::log::PartitionLog;
use crate::message::{
    AddPartitionsToTxnResponse, Correlation, InitProducerIdResponse, Request, Response,
    TransactionalId, TxnMarker,
};
use crate::metadata::MetadataImage;
use crate::record::TransactionValue;
use crate::settings::BrokerSettings;
use crate::{ConnId, Mark, Now, Outbox, Rules, Timer};

use shard::{Operation, Shard};

/// A record to append to a partition of `__transaction_state` as its leader, under acks=all.
#[derive(Clone, Debug)]
pub struct Write {
    /// Where to.
    pub partition: TopicPartition,
    /// What.
    pub record: Arc<TransactionValue>,
    /// Comes back with the outcome.
    pub ticket: Ticket,
}

/// Names a [`Write`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u32);

/// The end of a transaction, to be told to a leader of some of its partitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Whose transaction.
    pub id: TransactionalId,
    /// To whom.
    pub to: BrokerId,
    /// What.
    pub marker: TxnMarker,
}

/// A fresh producer id, or why there is none.
pub type Fresh<'a> = &'a mut dyn FnMut() -> Result<ProducerId, ErrorCode>;

/// What the coordinator meets outside while it handles one input.
pub struct Outside<'a> {
    /// Local time.
    pub now: Now,
    /// What the broker knows of topics and leaders.
    pub image: &'a MetadataImage,
    /// Where fresh producer ids come from.
    pub fresh: Fresh<'a>,
    /// Effects.
    pub out: &'a mut Outbox,
    /// What is to be appended.
    pub writes: &'a mut Vec<Write>,
    /// What is to be told to other leaders.
    pub orders: &'a mut Vec<Order>,
}

/// All transactions that one broker coordinates. Volatile: what matters is in the log.
#[derive(Clone, Debug)]
pub struct TransactionCoordinator {
    /// `__transaction_state`.
    topic: TopicId,
    /// By partition of it.
    shards: Vec<Option<Shard>>,
    io: Io,
    /// When [`Timer::TransactionCoordinator`] comes.
    armed: Time,
}

/// What all shards share.
#[derive(Clone, Debug)]
struct Io {
    settings: Arc<BrokerSettings>,
    rules: Rules,
    next_ticket: u32,
    /// Writes that the broker has not reported yet, in order.
    writing: VecDeque<(Ticket, u16, Operation)>,
}

/// Who waits for which answer.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Reply {
    /// None if nobody waits any more.
    conn: Option<ConnId>,
    correlation: Correlation,
    to: Asked,
}

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Init,
    Add(Vec<TopicPartition>),
    End,
}

impl Reply {
    /// Answers with a code alone; `NONE` to whoever asked for a producer id is not an answer.
    fn code(&self, code: ErrorCode, out: &mut Outbox) {
        let Some(conn) = self.conn else { return };
        let response = match &self.to {
            Asked::Init => Response::InitProducerId(InitProducerIdResponse { producer: Err(code) }),
            Asked::Add(partitions) => {
                let results = partitions.iter().map(|partition| (*partition, code)).collect();
                Response::AddPartitionsToTxn(AddPartitionsToTxnResponse { results })
            }
            Asked::End => Response::EndTxn(code),
        };
        out.respond(conn, self.correlation, response);
    }

    /// Answers that it is done.
    fn done(&self, producer: (ProducerId, ProducerEpoch), out: &mut Outbox) {
        match (self.conn, &self.to) {
            (Some(conn), Asked::Init) => {
                let response = InitProducerIdResponse { producer: Ok(producer) };
                out.respond(conn, self.correlation, Response::InitProducerId(response));
            }
            (Some(_) | None, _) => self.code(ErrorCode::None, out),
        }
    }

    /// Answers a question about partitions.
    fn results(&self, results: Vec<(TopicPartition, ErrorCode)>, out: &mut Outbox) {
        if let Some(conn) = self.conn {
            let response = AddPartitionsToTxnResponse { results };
            out.respond(conn, self.correlation, Response::AddPartitionsToTxn(response));
        }
    }
}

/// Which partition of `__transaction_state` holds a `transactional.id` (`TransactionStateManager.partitionFor`).
///
/// # Panics
/// If there are no partitions.
#[must_use]
pub fn partition_for(id: &str, partitions: u16) -> u16 {
    let positive = string_hash(id) & 0x7fff_ffff;
    u16::try_from(positive % u32::from(partitions)).expect("less than the number of partitions")
}

impl TransactionCoordinator {
    /// A coordinator of nothing yet, in one life of a broker.
    #[must_use]
    pub fn new(topic: TopicId, settings: Arc<BrokerSettings>, rules: Rules) -> Self {
        let io = Io { settings, rules, next_ticket: 0, writing: VecDeque::new() };
        Self { topic, shards: Vec::new(), io, armed: Time::NEVER }
    }

    /// `__transaction_state`.
    #[must_use]
    pub const fn topic(&self) -> TopicId {
        self.topic
    }

    /// Who coordinates a `transactional.id`, as far as metadata tell.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE` if its partition has no leader.
    pub fn find(&self, id: &str, image: &MetadataImage) -> Result<BrokerId, ErrorCode> {
        let partitions = image.partition_count(self.topic);
        if partitions == 0 {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let partition = TopicPartition::new(self.topic, partition_for(id, partitions));
        let leader = image.leader(partition).map(|(leader, _)| leader);
        leader.ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// This broker leads a partition of `__transaction_state` in a new epoch: loads its transactions.
    pub fn on_elected(
        &mut self,
        partition: TopicPartition,
        epoch: LeaderEpoch,
        log: &PartitionLog,
        outside: &mut Outside<'_>,
    ) {
        let index = usize::from(partition.partition);
        if self.shards.len() <= index {
            self.shards.resize_with(index + 1, || None);
        }
        if let Some(former) = self.shards[index].take() {
            former.resign(outside.out);
        }
        let batches = log.batches_from(log.start());
        let settings = &self.io.settings.transactions;
        self.shards[index] = Some(Shard::load(epoch, batches, outside.now.mono, settings));
        self.arm(outside.out);
    }

    /// This broker does not lead the partition any more: whoever waits is told so.
    pub fn on_resigned(&mut self, partition: TopicPartition, out: &mut Outbox) {
        let slot = self.shards.get_mut(usize::from(partition.partition));
        if let Some(shard) = slot.and_then(Option::take) {
            shard.resign(out);
        }
    }

    /// Takes `InitProducerId` with a `transactional.id`, `AddPartitionsToTxn` or `EndTxn`. For any other the connection is closed.
    pub fn on_request(
        &mut self,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        outside: &mut Outside<'_>,
    ) {
        let (id, to) = match &request {
            Request::InitProducerId(request) => match &request.transaction {
                Some((id, _)) => (id.clone(), Asked::Init),
                None => return outside.out.close(conn),
            },
            Request::AddPartitionsToTxn(request) => {
                (request.transaction.clone(), Asked::Add(request.partitions.clone()))
            }
            Request::EndTxn(request) => (request.transaction.clone(), Asked::End),
            _ => return outside.out.close(conn),
        };
        let reply = Reply { conn: Some(conn), correlation, to };
        match self.shard(&id, outside.image) {
            Ok(partition) => self.with(partition, outside, |shard, cx| match request {
                Request::InitProducerId(request) => shard.init(&id, &request, reply, cx),
                Request::AddPartitionsToTxn(request) => shard.add(&id, &request, reply, cx),
                Request::EndTxn(request) => shard.end_by_producer(&id, &request, reply, cx),
                _ => {}
            }),
            Err(code) => {
                if code == ErrorCode::CoordinatorLoadInProgress {
                    outside.out.mark(Mark::CoordinatorLoading);
                }
                reply.code(code, outside.out);
            }
        }
    }

    /// The partition that holds an id, if this broker serves it (`TransactionStateManager.getTransactionState`).
    fn shard(&self, id: &str, image: &MetadataImage) -> Result<u16, ErrorCode> {
        let partitions = image.partition_count(self.topic);
        if partitions == 0 {
            return Err(ErrorCode::NotCoordinator);
        }
        let partition = partition_for(id, partitions);
        match self.shards.get(usize::from(partition)) {
            Some(Some(shard)) if shard.is_loading() => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(Some(_)) => Ok(partition),
            Some(None) | None => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The broker tried to append a [`Write`]: the log end after it, or why it could not.
    pub fn on_append(
        &mut self,
        ticket: Ticket,
        result: Result<Offset, ErrorCode>,
        outside: &mut Outside<'_>,
    ) {
        let at = self.io.writing.iter().position(|(of, ..)| *of == ticket);
        let at = at.expect("every write is reported once");
        let (_, partition, operation) = self.io.writing.remove(at).expect("found just above");
        if self.shards[usize::from(partition)].is_none() {
            return operation.refuse(ErrorCode::NotCoordinator, outside.out);
        }
        self.with(partition, outside, |shard, cx| match result {
            Ok(end) => shard.on_appended(end, operation, cx),
            Err(error) => shard.on_failed(operation, error, cx),
        });
    }

    /// The high watermark of a partition moved: what waited for it is done, unless too few replicas are in sync by now.
    pub fn on_high_watermark(
        &mut self,
        partition: TopicPartition,
        high_watermark: Offset,
        replicated: Result<(), ErrorCode>,
        outside: &mut Outside<'_>,
    ) {
        if self.shards.get(usize::from(partition.partition)).is_some_and(Option::is_some) {
            self.with(partition.partition, outside, |shard, cx| {
                shard.on_high_watermark(high_watermark, replicated, cx);
            });
        }
    }

    /// What a leader made of the end of a transaction, per partition; none if the request was lost
    /// (`TransactionMarkerRequestCompletionHandler`).
    pub fn on_told(
        &mut self,
        order: &Order,
        results: Option<&[(TopicPartition, ErrorCode)]>,
        outside: &mut Outside<'_>,
    ) {
        // Whoever does not coordinate it any more leaves the rest to the new coordinator.
        if let Ok(partition) = self.shard(&order.id, outside.image) {
            self.with(partition, outside, |shard, cx| shard.on_told(order, results, cx));
        }
    }

    /// [`Timer::TransactionCoordinator`] came up.
    pub fn on_timer(&mut self, outside: &mut Outside<'_>) {
        self.armed = Time::NEVER;
        for partition in 0..u16::try_from(self.shards.len()).unwrap_or(u16::MAX) {
            if self.shards[usize::from(partition)].is_some() {
                self.with(partition, outside, |shard, cx| shard.on_time(cx));
            }
        }
        self.arm(outside.out);
    }

    /// A client's connection is gone: its requests go on, but are answered to nobody.
    pub fn on_closed(&mut self, conn: ConnId) {
        for (.., operation) in &mut self.io.writing {
            operation.forget(conn);
        }
        for shard in self.shards.iter_mut().flatten() {
            shard.on_closed(conn);
        }
    }

    /// Lets one shard act.
    fn with(
        &mut self,
        partition: u16,
        outside: &mut Outside<'_>,
        act: impl FnOnce(&mut Shard, &mut Context<'_, '_>),
    ) {
        let Some(shard) = self.shards[usize::from(partition)].as_mut() else { return };
        let place = TopicPartition::new(self.topic, partition);
        act(shard, &mut Context { place, io: &mut self.io, outside });
        self.arm(outside.out);
    }

    fn arm(&mut self, out: &mut Outbox) {
        let next = self.shards.iter().flatten().filter_map(Shard::wakes_at).min();
        if let Some(next) = next.filter(|next| *next < self.armed) {
            self.armed = next;
            out.set_timer(Timer::TransactionCoordinator, next);
        }
    }
}

/// One input being handled for one shard.
struct Context<'a, 'b> {
    place: TopicPartition,
    io: &'a mut Io,
    outside: &'a mut Outside<'b>,
}

impl Context<'_, '_> {
    fn write(&mut self, record: TransactionValue, operation: Operation) {
        let ticket = Ticket(self.io.next_ticket);
        self.io.next_ticket = self.io.next_ticket.wrapping_add(1);
        self.io.writing.push_back((ticket, self.place.partition, operation));
        let record = Arc::new(record);
        self.outside.writes.push(Write { partition: self.place, record, ticket });
    }

    fn after(&self, span: Span) -> Time {
        self.outside.now.mono + span
    }
}

#[cfg(test)]
mod tests;
