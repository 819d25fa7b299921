//! Fetch requests of consumers and followers: sessions (KIP-227), reading, and waiting for more (`DelayedFetch`).

use alloc::vec::Vec;

use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, Offset, Time, TopicPartition,
};

use super::Broker;
use super::connections::Activity;
use super::partition::{Partition, Reads, Watcher};
use super::replica::Follower;
use super::replicas::{Replicas, Touched};
use super::session::{Entry, Session};
use crate::assignor::Rack;
use crate::log::{MinOne, PartitionLog};
use crate::message::{
    AbortedTransaction, Correlation, FetchPartition, FetchRequest, FetchResponse, FetchSession,
    FetchedPartition, Response,
};
use crate::record::Batch;
use crate::settings::ReplicaSelector;
use crate::{ConnId, Mark, Now, Outbox, Rule};

/// A fetch request without an answer yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParkedFetch {
    correlation: Correlation,
    pub(super) deadline: Time,
    min_bytes: u32,
    max_bytes: u32,
    tells: FetchSession,
}

/// Whether a read follows the arrival of its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pass {
    /// It does, and says where a follower is.
    Arrival,
    /// It was read before; a follower's position is known.
    Parked,
}

/// What a session's partitions gave.
#[derive(Default, Debug)]
struct Found {
    partitions: Vec<FetchedPartition>,
    bytes: u32,
    /// An error or a diverging epoch is told without waiting.
    urgent: bool,
}

/// What one partition gave.
struct Reading {
    high_watermark: Offset,
    log_start: Offset,
    diverging: Option<(LeaderEpoch, Offset)>,
    preferred: Option<BrokerId>,
    aborted: Vec<AbortedTransaction>,
    bytes: u32,
}

/// What waits for a parked fetch in one partition.
enum Waiting {
    /// Something that must be told at once.
    Urgent,
    /// So many bytes.
    Bytes(u32),
}

impl Broker {
    pub(super) fn on_fetch(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: FetchRequest,
        out: &mut Outbox,
    ) {
        self.disturb_changed();
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let mut session = match (request.session, connection.session.take()) {
            (FetchSession::Full, former) => {
                if let Some(former) = former {
                    self.unwatch(conn, former);
                }
                let rivalled = request.replica.is_some_and(|(replica, _)| self.rival(replica));
                let mut session = Session::default();
                session.rivalled = rivalled;
                session
            }
            (FetchSession::Incremental, Some(session)) => session,
            (FetchSession::Incremental, None) => {
                let error = ErrorCode::FetchSessionIdNotFound;
                let response = FetchResponse { error, partitions: Vec::new() };
                out.respond(conn, correlation, Response::Fetch(response));
                return;
            }
        };
        if session.replica != request.replica {
            session.disturb_all(&mut self.replicas);
            session.replica = request.replica;
        }
        session.rack = request.rack;
        session.isolation = request.isolation;
        for gone in &request.forgotten {
            session.forget(*gone, &mut self.replicas);
            self.unwatch_one(conn, *gone);
        }
        for fetch in &request.partitions {
            if session.set(*fetch, &mut self.replicas) {
                self.watch(conn, fetch.partition, session.reads());
            }
        }
        let parked = ParkedFetch {
            correlation,
            deadline: now.mono + request.max_wait,
            min_bytes: request.min_bytes,
            max_bytes: request.max_bytes,
            tells: request.session,
        };
        let found = self.replicas.read_session(now, &mut session, &parked, Pass::Arrival, out);
        let at_once = found.urgent
            || found.bytes >= parked.min_bytes
            || parked.deadline <= now.mono
            || session.entries.is_empty();
        if at_once {
            self.replicas.answer_fetch(now.mono, conn, &mut session, &parked, found, out);
        } else {
            self.replicas.spare = found.partitions;
            self.wake_purgatory_at(parked.deadline, out);
            self.park(conn, Activity::Fetch(parked));
        }
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.session = Some(session);
        }
    }

    /// Answers a parked fetch with what there is now.
    pub(super) fn complete_fetch(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        self.disturb_changed();
        let Activity::Fetch(parked) = self.unpark(conn) else { return };
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let Some(session) = &mut connection.session else { return };
        let found = self.replicas.read_session(now, session, &parked, Pass::Parked, out);
        self.replicas.answer_fetch(now.mono, conn, session, &parked, found, out);
    }

    /// Answers the parked fetches that a change concerns, if it gives them enough (`DelayedFetch.tryComplete`).
    pub(super) fn complete_fetches(
        &mut self,
        now: Now,
        id: TopicPartition,
        touched: Touched,
        out: &mut Outbox,
    ) {
        let mut next = 0;
        while let Some(partition) = self.replicas.partitions.get(id)
            && let Some(watcher) = partition.watchers.get(next).copied()
        {
            next += 1;
            if self.concerns(touched, watcher.reads) && self.has_enough(now.mono, watcher.conn, id)
            {
                self.complete_fetch(now, watcher.conn, out);
            }
        }
    }

    /// A follower reads to the log end, so that a high watermark alone does not wake it: it learns it by its next fetch.
    fn concerns(&self, touched: Touched, reads: Reads) -> bool {
        match (touched, reads) {
            (Touched::NotLeading, _)
            | (Touched::Appended, Reads::Everything)
            | (Touched::HighWatermark | Touched::Followed, Reads::Committed | Reads::Stable) => {
                true
            }
            (Touched::HighWatermark | Touched::Followed, Reads::Everything) => false,
            (Touched::Appended, Reads::Committed | Reads::Stable) => {
                !self.replicas.rules.on(Rule::ConsumersReadCommitted)
            }
        }
    }

    /// Whether a connection's parked fetch is to be answered after a change of `id`. Every change is looked at, so the other
    /// partitions matter only for the sum.
    fn has_enough(&self, now: Time, conn: ConnId, id: TopicPartition) -> bool {
        let Some(connection) = self.connections.get(conn) else { return false };
        let (Activity::Fetch(parked), Some(session)) = (&connection.activity, &connection.session)
        else {
            return false;
        };
        let Some(at) = session.find(id) else { return false };
        let entry = &session.entries[at];
        let reads = session.reads();
        let reader = (session.broker(), reads);
        let waiting = |entry: &Entry| match self.replicas.waiting(now, &entry.fetch, reader) {
            Waiting::Urgent => u32::MAX,
            Waiting::Bytes(bytes) => bytes,
        };
        match waiting(entry) {
            0 => false,
            bytes if bytes >= parked.min_bytes => true,
            _some => {
                let awake = session.awake.iter().map(|at| &session.entries[*at]);
                let sum = awake.map(waiting).fold(0, u32::saturating_add);
                sum >= parked.min_bytes
            }
        }
    }

    fn watch(&mut self, conn: ConnId, id: TopicPartition, reads: Reads) {
        if let Some(partition) = self.replicas.partitions.get_mut(id) {
            partition.watchers.push(Watcher { conn, reads });
        }
    }

    fn unwatch_one(&mut self, conn: ConnId, id: TopicPartition) {
        if let Some(partition) = self.replicas.partitions.get_mut(id) {
            partition.watchers.retain(|watcher| watcher.conn != conn);
        }
    }

    pub(super) fn unwatch(&mut self, conn: ConnId, mut session: Session) {
        session.disturb_all(&mut self.replicas);
        for entry in &session.entries {
            self.unwatch_one(conn, entry.fetch.partition);
        }
        if let Some(replica) = session.broker() {
            let others = self.connections.iter_mut().filter_map(|other| other.session.as_mut());
            let mut others = others.filter(|other| other.broker() == Some(replica));
            if let (Some(last), None) = (others.next(), others.next()) {
                last.rivalled = false;
            }
        }
    }

    /// Makes the sessions that fetch for a replica look at everything every time; tells whether there were any.
    fn rival(&mut self, replica: BrokerId) -> bool {
        let mut found = false;
        let sessions = self.connections.iter_mut().filter_map(|other| other.session.as_mut());
        for session in sessions.filter(|session| session.broker() == Some(replica)) {
            session.disturb_all(&mut self.replicas);
            session.rivalled = true;
            found = true;
        }
        found
    }

    /// Lets the sessions look again at what has changed since they did.
    pub(super) fn disturb_changed(&mut self) {
        while let Some(id) = self.replicas.changed.pop() {
            let Some(partition) = self.replicas.partitions.get(id) else { continue };
            for at in 0..partition.watchers.len() {
                let watcher = self.replicas.partitions[id].watchers[at];
                if let Some(connection) = self.connections.get_mut(watcher.conn)
                    && let Some(session) = &mut connection.session
                {
                    session.disturb(id, &mut self.replicas);
                }
            }
        }
    }

    /// Lets the sessions look again at everything.
    pub(super) fn disturb_all(&mut self) {
        self.replicas.changed.clear();
        for session in self.connections.iter_mut().filter_map(|other| other.session.as_mut()) {
            session.disturb_all(&mut self.replicas);
        }
    }

    /// Lets the sessions that hold a partition watch it, now that it is here.
    pub(super) fn watch_from_sessions(&mut self, id: TopicPartition) {
        for connection in self.connections.iter() {
            if let Some(session) = &connection.session
                && session.holds(id)
            {
                let watcher = Watcher { conn: connection.id, reads: session.reads() };
                self.replicas.partitions[id].watchers.push(watcher);
            }
        }
    }
}

impl Replicas {
    fn read_session(
        &mut self,
        now: Now,
        session: &mut Session,
        request: &ParkedFetch,
        pass: Pass,
        out: &mut Outbox,
    ) -> Found {
        let mut found = Found { partitions: core::mem::take(&mut self.spare), ..Found::default() };
        found.partitions.clear();
        let mut least_one = MinOne::Yes;
        let reads = session.reads();
        let mut awake = core::mem::take(&mut session.awake);
        awake.retain(|at| {
            let entry = &mut session.entries[*at];
            let fetch = &entry.fetch;
            let room = request.max_bytes.saturating_sub(found.bytes).min(fetch.max_bytes);
            let mut batches = Vec::new();
            let limit = (room, least_one);
            let reader = (session.replica, session.rack, reads);
            let read = self.read_partition(now, reader, fetch, limit, pass, &mut batches, out);
            let told = match read {
                Ok(reading) => {
                    found.bytes = found.bytes.saturating_add(reading.bytes);
                    if reading.bytes > 0 {
                        least_one = MinOne::No;
                    }
                    found.urgent |= reading.diverging.is_some() || reading.preferred.is_some();
                    FetchedPartition {
                        partition: fetch.partition,
                        error: ErrorCode::None,
                        high_watermark: reading.high_watermark,
                        log_start: reading.log_start,
                        aborted: reading.aborted,
                        diverging: reading.diverging,
                        preferred: reading.preferred,
                        batches,
                    }
                }
                Err(error) => {
                    found.urgent = true;
                    failed(fetch.partition, error)
                }
            };
            if request.tells == FetchSession::Full || entry.is_news(&told) {
                found.partitions.push(told);
            } else if pass == Pass::Arrival && !session.rivalled {
                entry.quiet = self.is_settled(fetch, session.replica, reads);
            }
            !entry.quiet
        });
        session.awake = awake;
        if pass == Pass::Arrival {
            session.heard = now.mono;
        }
        found
    }

    /// Sends what was found and remembers what was told. Partitions with records go to the end of the session, so that the
    /// size limit of answers starves none; those of which all is told now are not looked at again until they change.
    fn answer_fetch(
        &mut self,
        now: Time,
        conn: ConnId,
        session: &mut Session,
        parked: &ParkedFetch,
        found: Found,
        out: &mut Outbox,
    ) {
        let mut told = found.partitions.iter().peekable();
        let mut served = 0;
        let reads = session.reads();
        let (entries, replica) = (&mut session.entries, session.replica);
        session.awake.retain(|at| {
            let entry = &mut entries[*at];
            let Some(told) = told.next_if(|told| told.partition == entry.fetch.partition) else {
                return true;
            };
            // After an error the high watermark is told again even if it is the same.
            entry.told_high_watermark = told.high_watermark;
            entry.told_start = told.log_start;
            served += usize::from(!told.batches.is_empty());
            entry.quiet = told.batches.is_empty()
                && told.error == ErrorCode::None
                && told.diverging.is_none()
                && told.preferred.is_none()
                && !session.rivalled
                && self.is_settled(&entry.fetch, replica, reads);
            !entry.quiet
        });
        if served > 0 && served < session.entries.len() && found.bytes >= parked.max_bytes / 2 {
            let is_served = |entry: &Entry| {
                let mut told = found.partitions.iter();
                told.any(|told| told.partition == entry.fetch.partition && !told.batches.is_empty())
            };
            session.entries.sort_by_key(is_served);
            session.list();
        }
        if session.replica.is_some() {
            for told in found.partitions.iter().filter(|told| !told.batches.is_empty()) {
                self.count_sent(now, told);
            }
        }
        let response = FetchResponse { error: ErrorCode::None, partitions: found.partitions };
        out.respond(conn, parked.correlation, Response::Fetch(response));
    }

    /// Whether a partition that had no news has nothing at all for its fetcher, nor that for it, until it changes.
    fn is_settled(
        &self,
        fetch: &FetchPartition,
        replica: Option<(BrokerId, BrokerEpoch)>,
        reads: Reads,
    ) -> bool {
        let Some(partition) = self.partitions.get(fetch.partition) else { return false };
        let log = &self.store.logs[fetch.partition];
        let Some((broker, _)) = replica else {
            return fetch.offset == self.readable_end(partition, log, reads);
        };
        let follower = partition.follower(broker);
        fetch.offset == log.end()
            && follower.is_some_and(|follower| follower.end == fetch.offset)
            && partition.isr.contains(&broker)
    }

    #[expect(clippy::too_many_arguments, reason = "a read has this many sides; the caller is one")]
    fn read_partition(
        &mut self,
        now: Now,
        (replica, rack, reads): (Option<(BrokerId, BrokerEpoch)>, Option<Rack>, Reads),
        fetch: &FetchPartition,
        (room, least_one): (u32, MinOne),
        pass: Pass,
        batches: &mut Vec<Batch>,
        out: &mut Outbox,
    ) -> Result<Reading, ErrorCode> {
        let id = fetch.partition;
        let here = self.partitions.get(id);
        if here.is_some_and(|here| fetch.topic.is_some_and(|meant| meant != here.topic)) {
            out.mark(Mark::UnknownTopicId);
            return Err(ErrorCode::UnknownTopicId);
        }
        let served = self.served(id, fetch.current_epoch, reads);
        let (partition, log) = served.inspect_err(|error| mark_epoch_error(*error, out))?;
        if let Some((broker, _)) = replica
            && partition.follower(broker).is_none()
        {
            // The follower may know a newer assignment than this leader.
            return Err(match fetch.current_epoch {
                Some(_) => ErrorCode::UnknownLeaderEpoch,
                None => ErrorCode::NotLeaderOrFollower,
            });
        }
        let mut reading = Reading {
            high_watermark: partition.high_watermark,
            log_start: log.start(),
            diverging: None,
            preferred: rack.and_then(|rack| self.nearest(partition, rack, fetch.offset)),
            aborted: Vec::new(),
            bytes: 0,
        };
        if reading.preferred.is_some() {
            out.mark(Mark::PreferredReplica);
            return Ok(reading);
        }
        if let Some(last) = fetch.last_fetched_epoch {
            let found = self.end_of_epoch(log, last);
            let Some((epoch, end)) = found.filter(|_| fetch.offset >= log.start()) else {
                return Err(out_of_range(replica.is_some(), out));
            };
            if epoch < last || end < fetch.offset {
                reading.diverging = Some((epoch, end));
            }
        }
        if reading.diverging.is_none() {
            if fetch.offset > log.end() || fetch.offset < log.start() {
                return Err(out_of_range(replica.is_some(), out));
            }
            let below = self.readable_end(partition, log, reads);
            let held_back =
                replica.is_some_and(|(broker, _)| self.holds_back(now.mono, partition, broker));
            if held_back && fetch.offset < below {
                out.mark(Mark::ReplicaThrottled);
            } else if fetch.offset < below {
                reading.bytes = log.read(fetch.offset, below, room, least_one, batches);
                if reads == Reads::Stable
                    && let Some(last) = batches.last()
                    && self.rules.on(Rule::AbortedAreTold)
                {
                    reading.aborted = log.aborted(fetch.offset, last.end());
                }
                let follows = partition.leader != Some(self.me);
                if reads != Reads::Everything && follows && reading.bytes > 0 {
                    out.mark(Mark::ReadFromFollower);
                }
            }
        }
        if let Some(replica) = replica
            && pass == Pass::Arrival
            && (reading.diverging.is_none() || !self.rules.on(Rule::DivergenceUpdatesNothing))
        {
            self.on_follower_fetch(now.mono, id, replica, fetch.offset, out)?;
        }
        Ok(reading)
    }

    /// The replica in a consumer's rack that it is to read from instead of the leader (`findPreferredReadReplica`,
    /// `RackAwareReplicaSelector`). One that lags would be chosen again and again, and keep the consumer behind.
    fn nearest(&self, partition: &Partition, rack: Rack, offset: Offset) -> Option<BrokerId> {
        match self.settings.replica_selector {
            ReplicaSelector::Leader => return None,
            ReplicaSelector::RackAware => {}
        }
        let is_near = |broker: BrokerId| {
            self.image.is_alive(broker) && self.image.brokers[&broker].rack == Some(rack)
        };
        if partition.leader != Some(self.me) || is_near(self.me) {
            return None;
        }
        let fit = |follower: &&Follower| {
            let in_sync = partition.isr.contains(&follower.broker);
            is_near(follower.broker)
                && (in_sync || !self.rules.on(Rule::PreferredIsInSync))
                && follower.end >= offset
        };
        let near = partition.followers.iter().filter(fit);
        let best = near.max_by_key(|follower| (follower.freshness(), follower.broker));
        best.map(|follower| follower.broker)
    }

    /// Where a leader says that an epoch ends. Before KIP-279 the answer was an offset alone: the start of the first larger
    /// epoch, as if the leader knew the one it was asked about.
    pub(super) fn end_of_epoch(
        &self,
        log: &PartitionLog,
        asked: LeaderEpoch,
    ) -> Option<(LeaderEpoch, Offset)> {
        let found = log.end_offset_for(asked);
        if self.rules.on(Rule::DivergenceByEpoch) {
            found
        } else {
            found.map(|(_, end)| (asked, end))
        }
    }

    /// What a parked fetch would find in one partition.
    fn waiting(
        &self,
        now: Time,
        fetch: &FetchPartition,
        (follower, reads): (Option<BrokerId>, Reads),
    ) -> Waiting {
        let Ok((partition, log)) = self.served(fetch.partition, fetch.current_epoch, reads) else {
            return Waiting::Urgent;
        };
        let end = self.readable_end(partition, log, reads);
        if fetch.offset > end {
            return Waiting::Urgent;
        }
        if let Some(last) = fetch.last_fetched_epoch {
            let Some((epoch, end)) = self.end_of_epoch(log, last) else { return Waiting::Urgent };
            if epoch < last || end < fetch.offset {
                return Waiting::Urgent;
            }
        }
        if follower.is_some_and(|follower| self.holds_back(now, partition, follower)) {
            return Waiting::Bytes(0);
        }
        Waiting::Bytes(log.available_bytes(fetch.offset, end).min(fetch.max_bytes))
    }
}

const fn failed(partition: TopicPartition, error: ErrorCode) -> FetchedPartition {
    FetchedPartition {
        partition,
        error,
        high_watermark: Offset::UNKNOWN,
        log_start: Offset::UNKNOWN,
        aborted: Vec::new(),
        diverging: None,
        preferred: None,
        batches: Vec::new(),
    }
}

fn out_of_range(is_replica: bool, out: &mut Outbox) -> ErrorCode {
    if is_replica {
        out.mark(Mark::ReplicaOutOfRange);
    }
    ErrorCode::OffsetOutOfRange
}

pub(super) fn mark_epoch_error(error: ErrorCode, out: &mut Outbox) {
    if error == ErrorCode::FencedLeaderEpoch {
        out.mark(Mark::FencedByLeaderEpoch);
    } else if error == ErrorCode::UnknownLeaderEpoch {
        out.mark(Mark::UnknownLeaderEpoch);
    }
}
