//! Fetching records ahead of the application and handing them out (`AbstractFetch`, `FetchCollector`).
//!
//! One fetch per broker at a time, none for a partition with records in the buffer. Looks positions up, never chooses them.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use stormglass_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionMap, ProducerId, Time, TopicPartition,
};

use super::Consumer;
use super::network::{Link, Tag};
use super::positions::{FetchState, Position};
use crate::message::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchResponse, FetchSession, Request,
};
use crate::metadata::TopicUuid;
use crate::record::{Batch, Records, Verdict, Within};
use crate::{Mark, Outbox, PolledBatch, Rule};

/// Sessions with brokers and the records that were not handed out yet.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    /// By the broker's place.
    sessions: Vec<Session>,
    /// In the order of arrival; the first may be half consumed.
    buffer: VecDeque<CompletedFetch>,
    /// How many entries of the buffer a partition has.
    buffered: PartitionMap<u32>,
    /// Whether a partition could not be asked for, for want of a leader or a connection.
    pub(super) stalled: bool,
    wanted: Vec<(TopicPartition, Asked)>,
}

/// What was asked of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Asked {
    topic: Option<TopicUuid>,
    offset: Offset,
    current_epoch: Option<LeaderEpoch>,
}

/// A fetch session with one broker (KIP-227).
#[derive(Clone, Debug)]
struct Session {
    kind: FetchSession,
    under_way: bool,
    /// What the broker knows, sorted by partition.
    partitions: Vec<(TopicPartition, Asked)>,
}

/// One partition's answer.
#[derive(Clone, Debug)]
struct CompletedFetch {
    partition: TopicPartition,
    error: ErrorCode,
    progress: Progress,
    /// Whom to ask instead.
    preferred: Option<BrokerId>,
    /// The offset asked for at first, then the next one to hand out.
    next: Offset,
    batches: Vec<Batch>,
    /// The batch that holds `next`.
    at: usize,
    /// The transactions among them that were aborted and have not begun yet, the first one last.
    aborted: Vec<AbortedTransaction>,
    /// The producers of those that have begun.
    aborted_of: Vec<ProducerId>,
    /// How many batches were held against those.
    judged: usize,
}

/// Whether an answer was compared with the position already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    Fresh,
    InLine,
}

/// What one `poll` collected.
pub(super) struct Collected {
    pub(super) records: Vec<PolledBatch>,
    /// Whether a position moved, which ends a poll even without records.
    pub(super) advanced: bool,
}

impl Fetcher {
    pub(super) fn new(brokers: usize) -> Self {
        let session =
            Session { kind: FetchSession::Full, under_way: false, partitions: Vec::new() };
        Self {
            sessions: (0..brokers).map(|_| session.clone()).collect(),
            buffer: VecDeque::new(),
            buffered: PartitionMap::new(),
            stalled: false,
            wanted: Vec::new(),
        }
    }

    fn push(&mut self, fetch: CompletedFetch) {
        *self.buffered.get_or_insert_with(fetch.partition, || 0) += 1;
        self.buffer.push_back(fetch);
    }

    fn pop(&mut self) {
        if let Some(fetch) = self.buffer.pop_front()
            && let Some(count) = self.buffered.get_mut(fetch.partition)
        {
            *count -= 1;
        }
    }

    fn is_buffered(&self, partition: TopicPartition) -> bool {
        self.buffered.get(partition).is_some_and(|count| *count > 0)
    }

    /// The connection of a session is gone, and the session with it. Tells which partitions a fetch was under way for.
    pub(super) fn on_failed(&mut self, place: usize) -> impl Iterator<Item = TopicPartition> {
        let session = &mut self.sessions[place];
        let was_under_way = core::mem::take(&mut session.under_way);
        session.kind = FetchSession::Full;
        let asked = if was_under_way { session.partitions.as_slice() } else { &[] };
        asked.iter().map(|(partition, _)| *partition)
    }

    pub(super) fn on_response(&mut self, place: usize, response: FetchResponse) {
        let session = &mut self.sessions[place];
        session.under_way = false;
        if response.error != ErrorCode::None {
            session.kind = FetchSession::Full;
            return;
        }
        session.kind = FetchSession::Incremental;
        for fetched in response.partitions {
            let is_empty = fetched.batches.is_empty() && fetched.preferred.is_none();
            if fetched.error == ErrorCode::None && is_empty {
                continue;
            }
            let asked = &self.sessions[place].partitions;
            let Ok(found) = asked.binary_search_by_key(&fetched.partition, |(one, _)| *one) else {
                continue;
            };
            let next = asked[found].1.offset;
            let mut aborted = fetched.aborted;
            aborted.sort_unstable_by(|one, other| other.cmp(one));
            self.push(CompletedFetch {
                partition: fetched.partition,
                error: fetched.error,
                progress: Progress::Fresh,
                preferred: fetched.preferred,
                next,
                batches: fetched.batches,
                at: 0,
                aborted,
                aborted_of: Vec::new(),
                judged: 0,
            });
        }
    }
}

impl Consumer {
    /// `sendFetches`: one fetch to every broker that has something to read and has none under way.
    pub(super) fn send_fetches(&mut self, now: Time, out: &mut Outbox) {
        self.follow_leaders();
        self.fetcher.stalled = false;
        for place in 0..self.links.brokers().len() {
            if !self.fetcher.sessions[place].under_way {
                self.fetch_from(place, now, out);
            }
        }
    }

    fn fetch_from(&mut self, place: usize, now: Time, out: &mut Outbox) {
        let broker = self.links.brokers()[place];
        let is_ready = self.links.get(Link::Data(place)).is_ready(now);
        let mut wanted = core::mem::take(&mut self.fetcher.wanted);
        wanted.clear();
        for partition in self.assignment.order.iter().copied() {
            let assigned = &self.assignment.states[partition];
            let Some(position) = assigned.fetchable() else { continue };
            if assigned.is_held(now) {
                self.fetcher.stalled = true;
                continue;
            }
            let Some(leader) = position.leader.leader else {
                self.metadata.request();
                self.fetcher.stalled = true;
                continue;
            };
            let source = assigned.preferred(now).unwrap_or(leader);
            if source != broker || self.fetcher.is_buffered(partition) {
                continue;
            }
            if !is_ready {
                self.fetcher.stalled = true;
                break;
            }
            let asked = Asked {
                topic: self.metadata.uuid(partition),
                offset: position.offset,
                current_epoch: position.leader.epoch,
            };
            wanted.push((partition, asked));
        }
        if is_ready && !wanted.is_empty() {
            self.send_fetch(place, &mut wanted, now, out);
        }
        self.fetcher.wanted = wanted;
    }

    fn send_fetch(
        &mut self,
        place: usize,
        wanted: &mut [(TopicPartition, Asked)],
        now: Time,
        out: &mut Outbox,
    ) {
        let session = &mut self.fetcher.sessions[place];
        let known = |partition: TopicPartition| {
            let found = session.partitions.binary_search_by_key(&partition, |(one, _)| *one);
            found.ok().map(|found| session.partitions[found].1)
        };
        let is_full = session.kind == FetchSession::Full;
        let changed = wanted.iter().filter(|(one, asked)| is_full || known(*one) != Some(*asked));
        let partitions = changed.map(|(partition, asked)| FetchPartition {
            partition: *partition,
            topic: asked.topic,
            offset: asked.offset,
            current_epoch: asked.current_epoch,
            last_fetched_epoch: None,
            log_start: Offset::UNKNOWN,
            max_bytes: self.settings.max_partition_fetch_bytes,
        });
        let partitions: Vec<_> = partitions.collect();
        wanted.sort_unstable_by_key(|(partition, _)| *partition);
        let is_wanted = |partition: &TopicPartition| {
            wanted.binary_search_by_key(partition, |(one, _)| *one).is_ok()
        };
        let forgotten = match session.kind {
            FetchSession::Full => Vec::new(),
            FetchSession::Incremental => {
                let before = session.partitions.iter().map(|(partition, _)| *partition);
                before.filter(|partition| !is_wanted(partition)).collect()
            }
        };
        let request = FetchRequest {
            replica: None,
            rack: self.settings.rack,
            isolation: self.settings.isolation,
            max_wait: self.settings.fetch_max_wait,
            min_bytes: self.settings.fetch_min_bytes,
            max_bytes: self.settings.fetch_max_bytes,
            session: session.kind,
            partitions,
            forgotten,
        };
        session.partitions.clear();
        session.partitions.extend_from_slice(wanted);
        session.under_way = true;
        let deadline = now + self.settings.request_timeout;
        let channel = self.links.get_mut(Link::Data(place));
        channel.send(Request::Fetch(request), deadline, Tag::Fetch, out);
    }

    /// `FetchCollector.collectFetch`: at most `max.poll.records`, from one partition after the other.
    pub(super) fn collect(&mut self, now: Time, out: &mut Outbox) -> Result<Collected, ErrorCode> {
        let mut collected = Collected { records: Vec::new(), advanced: false };
        let mut remaining = self.settings.max_poll_records;
        let must_fit = self.rules.on(Rule::AnswersFitPositions);
        while remaining > 0 {
            let Some(first) = self.fetcher.buffer.front_mut() else { break };
            let partition = first.partition;
            let state = self.assignment.states.get(partition);
            if first.progress == Progress::Fresh {
                first.progress = Progress::InLine;
                let (next, error) = (first.next, first.error);
                let position = state.and_then(|assigned| match assigned.state {
                    FetchState::Fetching(position) => Some(position),
                    FetchState::Initializing
                    | FetchState::AwaitReset
                    | FetchState::AwaitValidation(_) => None,
                });
                let is_current = position.is_some_and(|position| position.offset == next);
                if position.is_some() && error != ErrorCode::None {
                    self.fetcher.pop();
                    self.assignment.prefer_others(partition);
                    match self.on_fetch_error(now, partition, error, is_current, out) {
                        Ok(()) => continue,
                        Err(code) if collected.records.is_empty() => return Err(code),
                        Err(code) => {
                            // The exception is for the next poll; these records are for this one.
                            self.thrown = Some(code);
                            break;
                        }
                    }
                }
                let preferred = first.preferred;
                if (!is_current && must_fit) || preferred.is_some() {
                    self.fetcher.pop();
                    if let Some(preferred) = preferred.filter(|_| is_current) {
                        let until = now + self.settings.metadata_max_age;
                        self.assignment.prefer_replica(partition, preferred, (now, until));
                    }
                    continue;
                }
            }
            let position = state.and_then(super::positions::Assigned::fetchable);
            let fits = |position: &Position| !must_fit || position.offset == first.next;
            let Some(position) = position.filter(fits) else {
                self.drain_first();
                continue;
            };
            let epoch = first.take(&mut remaining, &mut collected.records);
            let next = first.next;
            let is_consumed = first.at == first.batches.len();
            if next > position.offset || !must_fit {
                collected.advanced = true;
                let moved = Position { offset: next, epoch, ..position };
                let stores = self.stores_what_it_hands_over();
                if let Some(assigned) = self.assignment.states.get_mut(partition) {
                    assigned.state = FetchState::Fetching(moved);
                    if stores {
                        assigned.store(next, epoch.unwrap_or(LeaderEpoch::NONE));
                    }
                }
            }
            if is_consumed {
                self.drain_first();
            }
        }
        Ok(collected)
    }

    /// Drops what is left of the first fetch; whoever had bytes goes to the end of the line.
    fn drain_first(&mut self) {
        let Some(first) = self.fetcher.buffer.front() else { return };
        let (partition, had_bytes) = (first.partition, first.at > 0);
        self.fetcher.pop();
        if had_bytes {
            self.assignment.prefer_others(partition);
        }
    }

    /// `handleInitializeErrors`.
    fn on_fetch_error(
        &mut self,
        now: Time,
        partition: TopicPartition,
        error: ErrorCode,
        is_current: bool,
        out: &mut Outbox,
    ) -> Result<(), ErrorCode> {
        match error {
            ErrorCode::OffsetOutOfRange => {
                // A follower may lag, or have lost what its leader still has: only that one's word counts.
                let was_near = self.assignment.forget_preferred(partition);
                if was_near && self.rules.on(Rule::FollowerOutOfRange) {
                    out.mark(Mark::FollowerOutOfRange);
                    return Ok(());
                }
                if !is_current {
                    return Ok(());
                }
                out.mark(Mark::OffsetOutOfRange);
                self.out_of_range(partition)
            }
            // The leader is behind the consumer, or confused: ask again.
            ErrorCode::UnknownLeaderEpoch | ErrorCode::UnknownServerError => {
                self.assignment.hold(partition, now + self.settings.fetch_error_backoff);
                Ok(())
            }
            ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::OffsetNotAvailable
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId => {
                self.metadata.request();
                self.assignment.forget_preferred(partition);
                self.assignment.hold(partition, now + self.settings.fetch_error_backoff);
                Ok(())
            }
            // Everything else is thrown from `poll`.
            code => Err(code),
        }
    }
}

/// Whether a reader of committed records sees a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Yes,
    /// Its transaction was aborted.
    Aborted,
}

impl CompletedFetch {
    /// Holds the batch that is next against the transactions that were aborted (`CompletedFetch.nextFetchedRecord`). Who reads
    /// what is not committed was told of none.
    fn judge(&mut self) -> Seen {
        if self.aborted.is_empty() && self.aborted_of.is_empty() {
            return Seen::Yes;
        }
        let batch = &self.batches[self.at];
        let Some(stamp) = batch.stamp else { return Seen::Yes };
        if self.judged <= self.at {
            self.judged = self.at + 1;
            while let Some(begun) = self.aborted.pop_if(|it| it.first < batch.end()) {
                if !self.aborted_of.contains(&begun.producer) {
                    self.aborted_of.push(begun.producer);
                }
            }
            if let Records::Marker(Verdict::Abort, _) = batch.records {
                self.aborted_of.retain(|producer| *producer != stamp.id);
            }
        }
        let is_record = !matches!(batch.records, Records::Marker(..));
        let aborted = stamp.within == Within::Transaction && self.aborted_of.contains(&stamp.id);
        if is_record && aborted { Seen::Aborted } else { Seen::Yes }
    }

    /// Hands out at most `remaining` records from `next` on; the epoch of the last batch that was touched.
    fn take(&mut self, remaining: &mut u32, into: &mut Vec<PolledBatch>) -> Option<LeaderEpoch> {
        let mut epoch = None;
        while self.at < self.batches.len() {
            let seen = self.judge();
            let Some(batch) = self.batches.get(self.at) else { break };
            if batch.end() <= self.next {
                self.at += 1;
                continue;
            }
            if seen == Seen::Aborted {
                self.next = batch.end();
                epoch = Some(batch.epoch);
                self.at += 1;
                continue;
            }
            let base = self.next.max(batch.base);
            if let Records::Keyed(keyed) = &batch.records {
                let place = u32::try_from(base.distance_from(batch.base)).unwrap_or(u32::MAX);
                let Some(run) = keyed.next(place) else {
                    // The rest was compacted away.
                    self.next = batch.end();
                    epoch = Some(batch.epoch);
                    self.at += 1;
                    continue;
                };
                if *remaining == 0 {
                    break;
                }
                let values = keyed.values.part(run.from, run.count.min(*remaining));
                let base = batch.base.plus(run.from);
                into.push(PolledBatch { partition: self.partition, base, values });
                *remaining -= values.count;
                self.next = base.plus(values.count);
                epoch = Some(batch.epoch);
                continue;
            }
            let Some(values) = batch.values() else {
                // Records that are not an application's are passed over.
                self.next = batch.end();
                epoch = Some(batch.epoch);
                self.at += 1;
                continue;
            };
            if *remaining == 0 {
                break;
            }
            let skip = u32::try_from(base.distance_from(batch.base)).unwrap_or(u32::MAX);
            if skip >= values.count {
                // The header promised more than the disk held: a torn batch that recovery let in.
                self.next = batch.end();
                epoch = Some(batch.epoch);
                self.at += 1;
                continue;
            }
            let part = values.part(skip, *remaining);
            into.push(PolledBatch { partition: self.partition, base, values: part });
            *remaining -= part.count;
            self.next = base.plus(part.count);
            epoch = Some(batch.epoch);
            if self.next >= batch.end() {
                self.at += 1;
            }
        }
        epoch
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use stormglass_types::{ProducerEpoch, Sequence, SourceId, TopicId, ValueRange, Wall};

    use super::*;
    use crate::record::ProducerStamp;

    /// A batch of two records, or a marker.
    fn batch(base: i64, producer: i64, within: Within, ends: Option<Verdict>) -> Batch {
        let first = u32::try_from(base).unwrap();
        let values = ValueRange { source: SourceId(0), first, count: 2 };
        let (count, records) = match ends {
            None => (2, Records::Values(values)),
            Some(verdict) => (1, Records::Marker(verdict, LeaderEpoch(0))),
        };
        let id = ProducerId(producer);
        let stamp = ProducerStamp { id, epoch: ProducerEpoch(0), sequence: Sequence(0), within };
        Batch {
            base: Offset(base),
            count,
            epoch: LeaderEpoch(0),
            bytes: 100,
            packing: crate::compression::Packing::PLAIN,
            timestamp: Wall(0),
            stamp: Some(stamp),
            records,
        }
    }

    /// Two producers' batches: the first one's transaction is aborted, and then it begins another.
    fn fetched(aborted: &[(i64, i64)]) -> CompletedFetch {
        let inside = Within::Transaction;
        let mut aborted: Vec<_> = aborted
            .iter()
            .map(|(first, producer)| AbortedTransaction {
                first: Offset(*first),
                producer: ProducerId(*producer),
            })
            .collect();
        aborted.sort_unstable_by(|one, other| other.cmp(one));
        CompletedFetch {
            partition: TopicPartition::new(TopicId(1), 0),
            error: ErrorCode::None,
            progress: Progress::InLine,
            preferred: None,
            next: Offset(0),
            batches: vec![
                batch(0, 1, inside, None),
                batch(2, 2, inside, None),
                batch(4, 1, inside, None),
                batch(6, 1, inside, Some(Verdict::Abort)),
                batch(7, 1, inside, None),
                batch(9, 2, inside, Some(Verdict::Commit)),
                batch(10, 1, inside, Some(Verdict::Commit)),
            ],
            at: 0,
            aborted,
            aborted_of: Vec::new(),
            judged: 0,
        }
    }

    fn taken(mut fetch: CompletedFetch, per_poll: u32) -> (Vec<i64>, i64) {
        let mut records = Vec::new();
        while fetch.at < fetch.batches.len() {
            fetch.take(&mut { per_poll }, &mut records);
        }
        let offsets = records.iter().flat_map(|batch| {
            (batch.base.0..).zip(batch.values.values()).map(|(offset, value)| {
                assert_eq!(offset, i64::from(value.serial), "a record keeps its offset");
                offset
            })
        });
        (offsets.collect(), fetch.next.0)
    }

    #[test]
    fn markers_move_the_position_and_are_not_handed_out() {
        assert_eq!(taken(fetched(&[]), 500), (vec![0, 1, 2, 3, 4, 5, 7, 8], 11));
    }

    #[test]
    fn who_reads_what_is_committed_gets_nothing_of_aborted_transactions() {
        for per_poll in [1, 500] {
            assert_eq!(taken(fetched(&[(0, 1)]), per_poll), (vec![2, 3, 7, 8], 11));
        }
    }
}
