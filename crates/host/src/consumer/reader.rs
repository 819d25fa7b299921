//! A consumer behind the lock.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll};

use stormglass_kafka::{Call, Completion, OpId, PolledBatch, Report};
use stormglass_sim::ClientId;
use stormglass_sim::plan::ProcessedBy;
use stormglass_types::history::Outcome;
use stormglass_types::{
    ErrorCode, Offset, PartitionMap, Span, Time, TopicId, TopicPartition, Value,
};

use crate::consumer::{Handed, Next, Receipt, Turn};
use crate::stage::{Inner, Kind};

/// A consumer's state behind the stage's lock.
pub(crate) struct Reader {
    /// Records that the machine has handed out and the code has not got yet.
    pub(super) queue: VecDeque<PolledBatch>,
    pub(super) turns: VecDeque<Turn>,
    pub(super) errors: VecDeque<ErrorCode>,
    /// The call of `poll` under way.
    pub(super) polling: Option<OpId>,
    pub(super) polled_at: Time,
    /// Whether the code's callback is due before partitions are given up.
    pub(super) handing_over: bool,
    pub(super) in_group: bool,
    pub(super) processed: ProcessedBy,
    pub(super) auto_store: bool,
    /// The record that the code has in hand, as far as the client knows.
    pub(super) last: Option<(TopicPartition, Offset, Value)>,
    pub(super) assignment: Vec<TopicPartition>,
    pub(super) paused: Vec<TopicPartition>,
    pub(super) lost: bool,
    /// After the last record that the code got.
    pub(super) positions: PartitionMap<Offset>,
    pub(super) stored: PartitionMap<Offset>,
    /// What was committed last of what was stored.
    pub(super) committed: PartitionMap<Offset>,
    pub(super) committing: BTreeMap<OpId, Vec<(TopicPartition, Offset)>>,
    pub(super) subscription: Vec<TopicId>,
    /// Handed out, and finished with, but not yet in the history.
    pub(super) handed: Option<PolledBatch>,
    pub(super) done: Option<PolledBatch>,
    pub(super) messages: u64,
}

/// How long a call of `poll` to the machine lasts while the code waits.
const POLL: Span = Span::secs(1);
/// While the code works through what was fetched, the machine hears of it this often.
const SIGN_OF_LIFE: Span = Span::millis(100);

impl Reader {
    pub(super) const fn new(in_group: bool, processed: ProcessedBy, auto_store: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            turns: VecDeque::new(),
            errors: VecDeque::new(),
            polling: None,
            polled_at: Time::ZERO,
            handing_over: false,
            in_group,
            processed,
            auto_store,
            last: None,
            assignment: Vec::new(),
            paused: Vec::new(),
            lost: false,
            positions: PartitionMap::new(),
            stored: PartitionMap::new(),
            committed: PartitionMap::new(),
            committing: BTreeMap::new(),
            subscription: Vec::new(),
            handed: None,
            done: None,
            messages: 0,
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.queue.clear();
        self.assignment.clear();
        self.paused.clear();
        self.positions.clear();
        self.stored.clear();
        self.committed.clear();
        self.handing_over = false;
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        self.queue.retain(|batch| !partitions.contains(&batch.partition));
        self.assignment.retain(|owned| !partitions.contains(owned));
        self.paused.retain(|paused| !partitions.contains(paused));
        for partition in partitions {
            self.positions.remove(*partition);
            self.stored.remove(*partition);
            self.committed.remove(*partition);
        }
    }

    pub(super) fn note_committed(&mut self, offsets: &[(TopicPartition, Offset)]) {
        for (partition, offset) in offsets {
            self.committed.insert(*partition, *offset);
        }
    }

    /// The next record, if there is one.
    fn pop(&mut self) -> Option<(TopicPartition, Offset, Value)> {
        let front = self.queue.front_mut()?;
        let found = (front.partition, front.base, front.values.at(0));
        front.base = front.base.plus(1);
        front.values = front.values.part(1, u32::MAX);
        if front.values.count == 0 {
            self.queue.pop_front();
        }
        Some(found)
    }
}

/// Takes one record into a range that is still open; a range that it does not continue comes back.
fn extend(
    range: &mut Option<PolledBatch>,
    partition: TopicPartition,
    offset: Offset,
    value: Value,
) -> bool {
    match range {
        Some(open)
            if open.partition == partition
                && open.base.plus(open.values.count) == offset
                && open.values.source == value.source
                && open.values.first + open.values.count == value.serial =>
        {
            open.values.count += 1;
            true
        }
        Some(_) => false,
        None => {
            *range = Some(PolledBatch { partition, base: offset, values: value.into() });
            true
        }
    }
}

impl Inner {
    pub(super) fn reader(&mut self, client: ClientId) -> &mut Reader {
        match &mut self.clients[client.index()].kind {
            Kind::Consumer(reader) => reader,
            Kind::Producer(_) | Kind::Inquirer => unreachable!("the client is a consumer"),
        }
    }

    pub(super) fn next_of(
        &mut self,
        now: Time,
        client: ClientId,
        context: &mut Context<'_>,
    ) -> Poll<Next> {
        if !self.is_alive(client) {
            // Its process has died, or the run is over: nothing comes out any more.
            return Poll::Pending;
        }
        let reader = self.reader(client);
        if reader.processed == ProcessedBy::Client
            && let Some((partition, offset, value)) = reader.last.take()
        {
            self.finish(client, partition, offset, value);
        }
        loop {
            let reader = self.reader(client);
            if let Some(turn) = reader.turns.pop_front() {
                return Poll::Ready(Next::Turn(turn));
            }
            if let Some(code) = reader.errors.pop_front() {
                return Poll::Ready(Next::Error(code));
            }
            let idle = reader.polling.is_none() && !reader.handing_over;
            if let Some((partition, offset, value)) = reader.pop() {
                let silent = now.since(reader.polled_at) >= SIGN_OF_LIFE;
                self.hand_out(client, partition, offset, value);
                if idle && silent {
                    self.poll_machine(now, client, Span::ZERO);
                }
                let topic = self.topic_name(partition.topic);
                let content = self.content(partition, value);
                let receipt = Receipt { partition, offset, value, client };
                let handed = Handed { topic, partition, offset: offset.0, content, receipt };
                return Poll::Ready(Next::Message(handed));
            }
            if !idle {
                self.attend(client, context.waker());
                return Poll::Pending;
            }
            self.attend(client, context.waker());
            self.poll_machine(now, client, POLL);
            if self.reader(client).polling.is_some() {
                return Poll::Pending;
            }
        }
    }

    fn poll_machine(&mut self, now: Time, client: ClientId, timeout: Span) {
        if !self.dirty.is_empty() {
            self.write_down();
        }
        self.reader(client).polled_at = now;
        let op = self.world.call_client(now, client, Call::Poll(timeout));
        self.reader(client).polling = op;
        self.hear();
    }

    fn hand_out(
        &mut self,
        client: ClientId,
        partition: TopicPartition,
        offset: Offset,
        value: Value,
    ) {
        if !extend(&mut self.reader(client).handed, partition, offset, value) {
            self.write_down_one(client);
            extend(&mut self.reader(client).handed, partition, offset, value);
        }
        let reader = self.reader(client);
        reader.messages += 1;
        reader.last = Some((partition, offset, value));
        reader.positions.insert(partition, offset.plus(1));
        if reader.auto_store {
            reader.stored.insert(partition, offset.plus(1));
        }
        if !self.dirty.contains(&client) {
            self.dirty.push(client);
        }
    }

    pub(super) fn finish(
        &mut self,
        client: ClientId,
        partition: TopicPartition,
        offset: Offset,
        value: Value,
    ) {
        if !extend(&mut self.reader(client).done, partition, offset, value) {
            self.write_down_one(client);
            extend(&mut self.reader(client).done, partition, offset, value);
        }
        if !self.dirty.contains(&client) {
            self.dirty.push(client);
        }
    }

    /// Writes what the code got and finished into the history, before anything else happens.
    pub(crate) fn write_down(&mut self) {
        for client in std::mem::take(&mut self.dirty) {
            self.write_down_one(client);
        }
    }

    fn write_down_one(&mut self, client: ClientId) {
        let at = self.world.now();
        let reader = self.reader(client);
        let (handed, done) = (reader.handed.take(), reader.done.take());
        if let Some(batch) = handed {
            self.world.handed_out(at, client, batch);
        }
        if let Some(batch) = done {
            self.world.processed(at, client, batch);
        }
    }

    /// A call of a consumer has ended.
    pub(crate) fn on_polled(&mut self, client: ClientId, op: OpId, completion: Completion) {
        let handing_over = self.world.consumer_of(client).and_then(|it| it.handing_over());
        let reader = self.reader(client);
        if let Some(offsets) = reader.committing.remove(&op) {
            if let Completion::Done(outcome) = completion {
                reader.turns.push_back(Turn::Committed(offsets, outcome));
                self.wake(client);
            }
            return;
        }
        if reader.polling != Some(op) {
            return;
        }
        reader.polling = None;
        match completion {
            Completion::Records(batches) => reader.queue.extend(batches),
            Completion::Done(Outcome::Fail(code) | Outcome::Unknown(code)) => {
                reader.errors.push_back(code);
            }
            Completion::Done(Outcome::Ok) | Completion::Accepted(..) | Completion::Refused(_) => {}
        }
        if let Some(partitions) = handing_over
            && !reader.handing_over
        {
            reader.handing_over = true;
            reader.queue.retain(|batch| !partitions.contains(&batch.partition));
            reader.turns.push_back(Turn::Revoking(partitions));
        }
        self.wake(client);
    }

    /// A client has called back.
    pub(crate) fn on_reported(&mut self, client: ClientId, report: Report) {
        if self.clients.get(client.index()).is_none() {
            return;
        }
        match report {
            Report::Delivered { .. } => self.on_delivered(client, &report),
            Report::Assigned(_, partitions) => {
                let reader = self.reader(client);
                reader.lost = false;
                // What a cooperative member keeps is not told again; an eager one has given everything up before.
                reader.assignment.retain(|owned| !partitions.contains(owned));
                reader.assignment.extend_from_slice(&partitions);
                reader.assignment.sort_unstable();
                reader.turns.push_back(Turn::Assigned(partitions));
                self.wake(client);
            }
            Report::Revoked(_, partitions) => self.reader(client).forget(&partitions),
            Report::Lost(_, partitions) => {
                let reader = self.reader(client);
                reader.forget(&partitions);
                reader.handing_over = false;
                reader.lost = true;
                reader.turns.push_back(Turn::Lost(partitions));
                self.wake(client);
            }
            Report::Joined(_)
            | Report::Parted(_)
            | Report::Positioned(..)
            | Report::Committing(..)
            | Report::Committed(..) => {}
        }
    }
}
