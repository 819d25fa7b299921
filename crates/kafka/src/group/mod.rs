//! The group coordinator of one broker: a component that the broker machine drives.
//!
//! It coordinates every group whose partition of `__consumer_offsets` this broker leads. It appends nothing: records leave as
//! [`Write`]s, which the broker appends at once as the partition's leader and reports with [`GroupCoordinator::on_append`].
//! Which broker coordinates a group is the business of `FindCoordinator`, elsewhere. Offsets within transactions are
//! not here yet.

mod classic;
mod either;
mod identity;
mod load;
mod modern;
mod offsets;
mod request;
mod shard;
mod timers;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    BrokerId, ErrorCode, GroupId, LeaderEpoch, Offset, Rng, Span, TopicId, TopicPartition,
};

use crate::log::PartitionLog;
use crate::message::{Correlation, Request, Response};
use crate::metadata::MetadataImage;
use crate::record::GroupRecord;
use crate::settings::BrokerSettings;
use crate::{ConnId, Mark, Now, Outbox, Rule, Rules};

use identity::MemberIds;
use load::Loaded;
use request::GroupRequest;
use shard::{Operation, Phase, Purpose, Shard};
use timers::{Due, Timers};

/// `__consumer_offsets`, by convention the first topic of every world.
pub const OFFSETS_TOPIC: TopicId = TopicId(0);

/// How long an unloading waits for its turn on the thread that loads and unloads, where nothing puts these in order.
const UNLOAD_TURN: Span = Span::millis(20);

/// Committed offsets as a reader is told them.
type Fetched = Vec<(TopicPartition, Option<(Offset, LeaderEpoch)>)>;

/// Records to append to a partition of `__consumer_offsets` as its leader, in one batch. Who needs them replicated waits for
/// the high watermark.
#[derive(Clone, Debug)]
pub struct Write {
    /// Where to.
    pub partition: TopicPartition,
    /// What.
    pub records: Arc<[GroupRecord]>,
    /// Comes back with the outcome.
    pub ticket: Ticket,
}

/// Names a [`Write`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u32);

/// All groups that one broker coordinates. Volatile: what matters is in the log.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {
    /// By partition of `__consumer_offsets`.
    shards: Vec<Option<Shard>>,
    io: Io,
}

/// What all shards share.
#[derive(Clone, Debug)]
struct Io {
    settings: Arc<BrokerSettings>,
    rules: Rules,
    ids: MemberIds,
    timers: Timers,
    next_ticket: u32,
    /// Writes that the broker has not reported yet, in order.
    writing: VecDeque<(Ticket, u16, Operation)>,
}

/// Who waits for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ReplyTo {
    /// None if nobody waits any more.
    conn: Option<ConnId>,
    correlation: Correlation,
}

impl ReplyTo {
    fn forget(&mut self, closed: ConnId) {
        if self.conn == Some(closed) {
            self.conn = None;
        }
    }

    const fn to_nobody(self) -> Self {
        Self { conn: None, correlation: self.correlation }
    }
}

/// One input being handled for one shard.
struct Context<'a> {
    now: Now,
    partition: u16,
    io: &'a mut Io,
    out: &'a mut Outbox,
    writes: &'a mut Vec<Write>,
}

impl Context<'_> {
    fn schedule(&mut self, due: Due, after: Span) {
        self.io.timers.schedule(self.partition, due, self.now.mono + after);
    }

    fn schedule_if_absent(&mut self, due: Due, after: Span) {
        if self.io.timers.at(self.partition, due).is_none() {
            self.schedule(due, after);
        }
    }

    fn cancel(&mut self, due: Due) {
        self.io.timers.cancel(self.partition, due);
    }

    fn reply(&mut self, to: ReplyTo, response: Response) {
        if let Some(conn) = to.conn {
            self.out.respond(conn, to.correlation, response);
        }
    }

    fn write(&mut self, records: Arc<[GroupRecord]>, operation: Operation) {
        let ticket = Ticket(self.io.next_ticket);
        self.io.next_ticket = self.io.next_ticket.wrapping_add(1);
        self.io.writing.push_back((ticket, self.partition, operation));
        let partition = TopicPartition::new(OFFSETS_TOPIC, self.partition);
        self.writes.push(Write { partition, records, ticket });
    }
}

impl GroupCoordinator {
    /// A coordinator of nothing yet, in one life of a broker.
    #[must_use]
    pub fn new(settings: Arc<BrokerSettings>, rules: Rules, broker: BrokerId, rng: Rng) -> Self {
        let io = Io {
            settings,
            rules,
            ids: MemberIds::new(broker, rng),
            timers: Timers::default(),
            next_ticket: 0,
            writing: VecDeque::new(),
        };
        Self { shards: Vec::new(), io }
    }

    /// Which partition of `__consumer_offsets` holds a group. Kafka hashes the name; ids are spread evenly by themselves.
    ///
    /// # Panics
    /// If there are no partitions.
    #[must_use]
    pub const fn partition_for(group: GroupId, partitions: u16) -> u16 {
        group.0 % partitions
    }

    /// This broker leads a partition of `__consumer_offsets` from now on: loads its groups. Elected again without
    /// [`Self::on_resigned`] in between, it goes on with what it has.
    pub fn on_elected(
        &mut self,
        now: Now,
        partition: TopicPartition,
        epoch: LeaderEpoch,
        log: &PartitionLog,
        high_watermark: Offset,
        out: &mut Outbox,
    ) {
        assert!(partition.topic == OFFSETS_TOPIC, "{partition} holds no groups");
        let index = usize::from(partition.partition);
        if self.shards.len() <= index {
            self.shards.resize_with(index + 1, || None);
        }
        let writes = &mut Vec::new();
        let partition = partition.partition;
        let goes_at = self.io.timers.at(partition, Due::Unload);
        let mut cx = Context { now, partition, io: &mut self.io, out, writes };
        match (&mut self.shards[index], goes_at) {
            // It is to be unloaded, and nobody will remember that this was before.
            (Some(shard), Some(at)) => {
                shard.clone().resign(&mut cx);
                cx.io.timers.cancel_all(partition);
                cx.io.timers.schedule(partition, Due::Unload, at);
            }
            (Some(shard), None) => {
                shard.lead_again(epoch);
                return;
            }
            (None, _) => {}
        }
        let loaded = Loaded::replay(log.batches_from(log.start()), high_watermark, cx.io.rules);
        self.shards[index] = Some(Shard::load(epoch, loaded, log.end(), high_watermark, &mut cx));
        self.io.timers.arm(out);
    }

    /// This broker does not lead the partition any more: whoever waits is told so.
    pub fn on_resigned(&mut self, now: Now, partition: TopicPartition, out: &mut Outbox) {
        let partition = partition.partition;
        if self.io.rules.on(Rule::LoadsInOrder) {
            return self.unload(now, partition, out);
        }
        if self.shards.get(usize::from(partition)).is_some_and(Option::is_some) {
            self.io.timers.schedule(partition, Due::Unload, now.mono + UNLOAD_TURN);
            self.io.timers.arm(out);
        }
    }

    /// Whoever waits is told that this broker is no coordinator any more.
    fn unload(&mut self, now: Now, partition: u16, out: &mut Outbox) {
        let slot = self.shards.get_mut(usize::from(partition));
        let Some(shard) = slot.and_then(Option::take) else { return };
        let writes = &mut Vec::new();
        shard.resign(&mut Context { now, partition, io: &mut self.io, out, writes });
        self.io.timers.cancel_all(partition);
    }

    /// Takes a group request: `JoinGroup`, `SyncGroup`, `Heartbeat`, `LeaveGroup`, `ConsumerGroupHeartbeat`, `OffsetCommit`,
    /// `OffsetFetch` or `DeleteGroups`. For any other the connection is closed. `image` is what the broker knows of topics.
    #[expect(clippy::too_many_arguments, reason = "the seam to the broker, which owns all of them")]
    pub fn on_request(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        image: &MetadataImage,
        out: &mut Outbox,
        writes: &mut Vec<Write>,
    ) {
        let Some(request) = GroupRequest::of(request) else {
            out.close(conn);
            return;
        };
        let reply = ReplyTo { conn: Some(conn), correlation };
        if let Err(error) = self.serve(now, request, reply, image, (out, writes)) {
            out.respond(conn, correlation, error);
        }
        self.io.timers.arm(out);
    }

    /// Hands a request to the shard of its group, or says how it is to be refused.
    fn serve(
        &mut self,
        now: Now,
        request: GroupRequest,
        reply: ReplyTo,
        image: &MetadataImage,
        (out, writes): (&mut Outbox, &mut Vec<Write>),
    ) -> Result<(), Response> {
        if let GroupRequest::Join(join) = &request {
            let settings = &self.io.settings;
            let allowed = settings.group_min_session_timeout..=settings.group_max_session_timeout;
            if !allowed.contains(&join.session_timeout) {
                let refused = classic::join_error(join.member, ErrorCode::InvalidSessionTimeout);
                return Err(Response::JoinGroup(refused));
            }
        }
        if let GroupRequest::Member(heartbeat) = &request {
            let valid = modern::validate(heartbeat, &self.io.settings.consumer_group);
            valid.map_err(|error| request.refused(error))?;
        }
        let partitions = image.partition_count(OFFSETS_TOPIC);
        if partitions == 0 {
            return Err(request.refused(ErrorCode::CoordinatorNotAvailable));
        }
        let partition = Self::partition_for(request.group(), partitions);
        let Some(Some(shard)) = self.shards.get_mut(usize::from(partition)) else {
            return Err(request.refused(ErrorCode::NotCoordinator));
        };
        if shard.phase() == Phase::Loading {
            out.mark(Mark::CoordinatorLoading);
            return Err(request.refused(ErrorCode::CoordinatorLoadInProgress));
        }
        let cx = &mut Context { now, partition, io: &mut self.io, out, writes };
        match request {
            GroupRequest::Join(request) => shard.join(request, image, reply, cx),
            GroupRequest::Sync(request) => shard.sync(&request, reply, cx),
            GroupRequest::Heartbeat(request) => shard.heartbeat(&request, reply, cx),
            GroupRequest::Leave(request) => shard.leave(request, reply, cx),
            GroupRequest::Commit(request) => shard.commit(&request, image, reply, cx),
            GroupRequest::Fetch(request) => shard.fetch(&request, reply, cx),
            GroupRequest::Delete(request) => shard.delete(request.group, reply, cx),
            GroupRequest::Member(request) => shard.on_member(&request, image, reply, cx),
        }
        Ok(())
    }

    /// The broker tried to append a [`Write`]: the log end after it, or why it could not.
    pub fn on_append(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: Result<Offset, ErrorCode>,
        out: &mut Outbox,
        writes: &mut Vec<Write>,
    ) {
        let at = self.io.writing.iter().position(|(of, ..)| *of == ticket);
        let at = at.expect("every write is reported once");
        let (_, partition, operation) = self.io.writing.remove(at).expect("found just above");
        let mut cx = Context { now, partition, io: &mut self.io, out, writes };
        match (self.shards[usize::from(partition)].as_mut(), result) {
            (Some(shard), Ok(end)) => shard.on_appended(end, operation, &mut cx),
            (Some(shard), Err(error)) => shard.on_append_failed(error, operation, &mut cx),
            (None, _) => {
                if let Some(answer) = operation.answer {
                    answer.fail(ErrorCode::NotCoordinator, &mut cx);
                }
            }
        }
        self.io.timers.arm(out);
    }

    /// The high watermark of a partition moved: what waited for it is done.
    pub fn on_high_watermark(
        &mut self,
        now: Now,
        partition: TopicPartition,
        high_watermark: Offset,
        out: &mut Outbox,
        writes: &mut Vec<Write>,
    ) {
        let partition = partition.partition;
        let shard = self.shards.get_mut(usize::from(partition)).and_then(Option::as_mut);
        let Some(shard) = shard else { return };
        let mut cx = Context { now, partition, io: &mut self.io, out, writes };
        shard.on_high_watermark(high_watermark, &mut cx);
        self.io.timers.arm(out);
    }

    /// A topic was deleted: offsets in it mean nothing any more (`GroupCoordinatorService.onPartitionsDeleted`).
    pub fn on_topic_deleted(
        &mut self,
        now: Now,
        topic: TopicId,
        out: &mut Outbox,
        writes: &mut Vec<Write>,
    ) {
        for (partition, shard) in (0..).zip(&mut self.shards) {
            let Some(shard) = shard.as_mut().filter(|shard| shard.phase() == Phase::Active) else {
                continue;
            };
            let mut cx = Context { now, partition, io: &mut self.io, out, writes };
            shard.forget_topic(topic, &mut cx);
        }
    }

    /// [`crate::Timer::GroupCoordinator`] came up.
    pub fn on_timer(&mut self, now: Now, out: &mut Outbox, writes: &mut Vec<Write>) {
        self.io.timers.fired();
        while let Some((partition, due)) = self.io.timers.take_due(now.mono) {
            if due == Due::Unload {
                self.unload(now, partition, out);
                continue;
            }
            let shard = self.shards[usize::from(partition)].as_mut();
            let shard = shard.expect("a shard that goes takes its deadlines along");
            shard.on_due(due, &mut Context { now, partition, io: &mut self.io, out, writes });
            // What it writes changes its group only when it is appended: whatever else is due must see it so.
            let of_modern = matches!(
                due,
                Due::Member(..) | Due::Revocation(..) | Due::Rejoin(..) | Due::Resync(..)
            );
            if of_modern && !writes.is_empty() {
                break;
            }
        }
        self.io.timers.arm(out);
    }

    /// A client's connection is gone. Kafka does not notice: its requests go on waiting, but are answered to nobody.
    pub fn on_closed(&mut self, conn: ConnId) {
        for (.., operation) in &mut self.io.writing {
            if let Some(answer) = &mut operation.answer {
                answer.to.forget(conn);
            }
        }
        for shard in self.shards.iter_mut().flatten() {
            shard.on_closed(conn);
        }
    }
}

#[cfg(test)]
mod tests;
