//! Copying from leaders: one fetcher per leader broker, one request under way in each (`ReplicaFetcherThread`,
//! `AbstractFetcherThread`).
//!
//! Truncation is driven by the leader's answers: a fetch carries the epoch of the follower's last record, and a leader whose
//! epochs part from there says so instead of answering with records.

use alloc::vec::Vec;

use stormglass_types::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionMap, Span, Time, TopicPartition,
};

use super::Broker;
use super::partition::UNCHECKED;
use super::replicas::Replicas;
use crate::channel::{Backoff, Channel};
use crate::message::{
    Correlation, FetchPartition, FetchRequest, FetchResponse, FetchSession, FetchedPartition,
    Isolation, ListOffsetsRequest, ListOffsetsResponse, OffsetSpec, Request, Response,
};
use crate::metadata::TopicUuid;
use crate::note::ReplicaRole;
use crate::{ConnId, Mark, Now, Outbox, Rule, SyncToken, Timer};

/// What copies from one leader broker.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    leader: BrokerId,
    channel: Channel<Asked>,
    partitions: Vec<Following>,
    /// Where each partition is.
    places: PartitionMap<usize>,
    /// Where the partitions are, in order, that a fetch has something to say of, or that are not fetched now.
    unsettled: Vec<usize>,
    session: FetchSession,
    /// Partitions that the leader's session still holds but this fetcher does not.
    forgotten: Vec<TopicPartition>,
    /// A flush of what was fetched, before which the leader must not learn of it.
    flush: Option<SyncToken>,
    /// When the timer was set to go off.
    armed: Option<Time>,
    /// Partitions are left out because of a throttle; when to look again.
    throttled: Option<Time>,
}

/// What a request under way asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Records,
    /// The leader's log end, for partitions that are out of range.
    Latest,
    /// The leader's log start, for partitions that are out of range.
    Earliest,
}

/// One partition of a fetcher (`PartitionFetchState`).
#[derive(Clone, Debug)]
struct Following {
    id: TopicPartition,
    topic: TopicUuid,
    offset: Offset,
    epoch: LeaderEpoch,
    last_fetched: Option<LeaderEpoch>,
    /// Where its log starts.
    start: Offset,
    /// Not fetched before, after an error.
    delayed: Option<Time>,
    /// What the leader's session holds of it.
    sent: Option<FetchPartition>,
    range: Range,
    /// It has all that was committed when the leader answered last (`isReplicaInSync`).
    caught_up: bool,
    /// The leader's session holds all that a fetch would say of it: not listed as unsettled.
    settled: bool,
}

/// Whether the offset is known to lie in the leader's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Range {
    Inside,
    /// It is not; the leader's end is to be asked.
    WantsLatest,
    /// The leader's end is not below; its start is to be asked.
    WantsEarliest,
}

/// The fetcher's client connects again at once; partitions are delayed instead (`BrokerBlockingSender`).
const RECONNECT: Backoff = Backoff { first: Span::ZERO, most: Span::ZERO };

/// Where a follower must cut its log (`OffsetTruncationState`, by KIP-279).
fn divergence(
    log: &crate::log::PartitionLog,
    fetch_offset: Offset,
    (epoch, end): (LeaderEpoch, Offset),
) -> Offset {
    if end == Offset::UNKNOWN {
        return fetch_offset;
    }
    if epoch == LeaderEpoch::NONE {
        return end.min(log.end());
    }
    match log.end_offset_for(epoch) {
        None => end.min(log.end()),
        // An epoch of the leader's that is unknown here: the next fetch says where to cut next.
        Some((mine, my_end)) if mine != epoch => my_end.min(log.end()),
        Some((_, my_end)) => my_end.min(end).min(log.end()),
    }
}

impl Broker {
    /// Follows a partition's leader from where its log ends.
    pub(super) fn start_fetching(&mut self, id: TopicPartition) {
        let partition = &self.replicas.partitions[id];
        let epoch = partition.leader_epoch;
        let Some(leader) = partition.leader else { return };
        if !self.replicas.image.brokers.contains_key(&leader) {
            return;
        }
        let following = Following {
            id,
            topic: self.replicas.partitions[id].topic,
            offset: self.replicas.store.logs[id].end(),
            epoch,
            last_fetched: self.replicas.last_fetched(id),
            start: self.replicas.store.logs[id].start(),
            delayed: None,
            sent: None,
            range: Range::Inside,
            caught_up: false,
            settled: false,
        };
        let at = self.fetchers.binary_search_by_key(&leader, |fetcher| fetcher.leader);
        let at = at.unwrap_or_else(|at| {
            let fetcher = Fetcher {
                leader,
                channel: Channel::new(self.directory.node_of(leader)),
                partitions: Vec::new(),
                places: PartitionMap::new(),
                unsettled: Vec::new(),
                session: FetchSession::Full,
                forgotten: Vec::new(),
                flush: None,
                armed: None,
                throttled: None,
            };
            self.fetchers.insert(at, fetcher);
            at
        });
        let fetcher = &mut self.fetchers[at];
        fetcher.forgotten.retain(|forgotten| *forgotten != id);
        fetcher.unsettled.push(fetcher.partitions.len());
        fetcher.places.insert(id, fetcher.partitions.len());
        fetcher.partitions.push(following);
    }

    pub(super) fn is_fetching(&self, id: TopicPartition) -> bool {
        self.fetchers.iter().any(|fetcher| fetcher.position(id).is_some())
    }

    /// Goes on with a partition's leader in a new epoch as if nothing had happened.
    pub(super) fn fetch_on(&mut self, id: TopicPartition) {
        let epoch = self.replicas.partitions[id].leader_epoch;
        for fetcher in &mut self.fetchers {
            if let Some(at) = fetcher.position(id) {
                fetcher.partitions[at].epoch = epoch;
                fetcher.partitions[at].delayed = None;
                fetcher.unsettle(at);
            }
        }
    }

    pub(super) fn stop_fetching(&mut self, id: TopicPartition) {
        for fetcher in &mut self.fetchers {
            fetcher.remove(id);
        }
    }

    pub(super) fn drop_idle_fetchers(&mut self, now: Now, out: &mut Outbox) {
        let rng = &mut self.rng;
        self.fetchers.retain_mut(|fetcher| {
            if fetcher.partitions.is_empty() {
                fetcher.channel.disconnect(now.mono, RECONNECT, rng, out);
                if fetcher.armed.is_some() {
                    out.cancel_timer(Timer::Fetcher(fetcher.leader));
                }
            }
            !fetcher.partitions.is_empty()
        });
    }

    pub(super) fn pump_fetchers(&mut self, now: Now, out: &mut Outbox) {
        for fetcher in &mut self.fetchers {
            fetcher.pump(now, &self.replicas, out);
        }
    }

    /// Takes a response in; gives it back if it is none of the fetchers'.
    pub(super) fn on_fetcher_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
    ) -> Option<Response> {
        let mut fetchers = self.fetchers.iter_mut();
        let Some(fetcher) = fetchers.find(|fetcher| fetcher.channel.conn() == Some(conn)) else {
            return Some(response);
        };
        let Some(asked) = fetcher.channel.on_response(conn, correlation) else {
            return Some(response);
        };
        let replicas = &mut self.replicas;
        match (asked, response) {
            (Asked::Records, Response::Fetch(response)) => {
                fetcher.on_records(now, &response, replicas, out);
            }
            (Asked::Latest, Response::ListOffsets(response)) => {
                fetcher.on_latest(now, &response, replicas, out);
            }
            (Asked::Earliest, Response::ListOffsets(response)) => {
                fetcher.on_earliest(now, &response, replicas, out);
            }
            (Asked::Records | Asked::Latest | Asked::Earliest, _) => {
                fetcher.channel.disconnect(now.mono, RECONNECT, &mut self.rng, out);
                fetcher.on_failure(now, replicas);
            }
        }
        fetcher.flush = replicas.begin_flushes(out).or(fetcher.flush);
        fetcher.pump(now, replicas, out);
        None
    }

    /// Takes the end of a connection in. Tells whether it was one of the fetchers'.
    pub(super) fn on_fetcher_closed(&mut self, now: Now, conn: ConnId, out: &mut Outbox) -> bool {
        let mut fetchers = self.fetchers.iter_mut();
        let Some(fetcher) = fetchers.find(|fetcher| fetcher.channel.conn() == Some(conn)) else {
            return false;
        };
        fetcher.channel.on_closed(conn, now.mono, RECONNECT, &mut self.rng);
        fetcher.on_failure(now, &self.replicas);
        fetcher.pump(now, &self.replicas, out);
        true
    }

    pub(super) fn on_fetcher_timer(&mut self, now: Now, leader: BrokerId, out: &mut Outbox) {
        let at = self.fetchers.binary_search_by_key(&leader, |fetcher| fetcher.leader);
        let Ok(at) = at else { return };
        let fetcher = &mut self.fetchers[at];
        fetcher.armed = None;
        if fetcher.channel.expire(now.mono, RECONNECT, &mut self.rng, out).is_some() {
            fetcher.on_failure(now, &self.replicas);
        }
        fetcher.pump(now, &self.replicas, out);
    }

    pub(super) fn on_fetchers_flushed(&mut self, now: Now, token: SyncToken, out: &mut Outbox) {
        for fetcher in &mut self.fetchers {
            if fetcher.flush == Some(token) {
                fetcher.flush = None;
                fetcher.pump(now, &self.replicas, out);
            }
        }
    }
}

impl Replicas {
    /// What a fetch says of the last record: nothing without truncation by epoch.
    pub(super) fn last_fetched(&self, id: TopicPartition) -> Option<LeaderEpoch> {
        let by_epoch = self.rules.on(Rule::TruncateByEpoch);
        by_epoch.then(|| self.store.logs[id].latest_epoch()).flatten()
    }

    /// Appends what a leader sent and follows its high watermark (`processPartitionData`).
    fn append_fetched(
        &mut self,
        id: TopicPartition,
        fetched: &FetchedPartition,
        out: &mut Outbox,
    ) -> Result<(), ErrorCode> {
        let log = &mut self.store.logs[id];
        let partition = &mut self.partitions[id];
        for batch in &fetched.batches {
            log.append_as_follower(batch, self.rules)?;
            let every = partition.settings.flush_messages;
            if partition.flush.appended(batch.base, batch.count, every) {
                self.flush_due.push(id);
            }
        }
        let to = fetched.high_watermark.min(log.end()).max(log.start());
        let start = fetched.log_start.min(to);
        let starts_later = start > log.start();
        if to != partition.high_watermark {
            self.set_high_watermark(id, to, ReplicaRole::Follower, out);
            self.touch_if_watched(id);
        }
        if starts_later {
            self.follow_start(id, start, out);
        }
        Ok(())
    }
}

impl Fetcher {
    fn remove(&mut self, id: TopicPartition) {
        let Some(at) = self.position(id) else { return };
        if self.partitions.remove(at).sent.is_some() && self.session == FetchSession::Incremental {
            self.forgotten.push(id);
        }
        self.places.clear();
        for (place, following) in self.partitions.iter().enumerate() {
            self.places.insert(following.id, place);
        }
        self.unsettled.retain(|other| *other != at);
        for other in self.unsettled.iter_mut().filter(|other| **other > at) {
            *other -= 1;
        }
    }

    /// The next fetch has something to say of a partition, or leaves it out.
    fn unsettle(&mut self, at: usize) {
        if core::mem::take(&mut self.partitions[at].settled) {
            let place = self.unsettled.partition_point(|other| *other < at);
            self.unsettled.insert(place, at);
        }
    }

    fn unsettle_all(&mut self) {
        self.unsettled.clear();
        self.unsettled.extend(0..self.partitions.len());
        self.partitions.iter_mut().for_each(|following| following.settled = false);
    }

    fn position(&self, id: TopicPartition) -> Option<usize> {
        self.places.get(id).copied()
    }

    fn unsettled(&self) -> impl Iterator<Item = &Following> {
        self.unsettled.iter().map(|at| &self.partitions[*at])
    }

    /// Sends the next request if none is under way, and sets the timer.
    fn pump(&mut self, now: Now, replicas: &Replicas, out: &mut Outbox) {
        if self.channel.in_flight() == 0 && self.flush.is_none() && !self.partitions.is_empty() {
            self.send_next(now, replicas, out);
        }
        // Until its disk is done it asks for nothing, so that the end of a delay would find nothing to do.
        let delays = || match self.flush {
            Some(_) => None,
            None => {
                let delayed = self.unsettled().filter_map(|following| following.delayed);
                delayed.chain(self.throttled).min()
            }
        };
        let Some(wake) = self.channel.deadline().or_else(delays) else { return };
        if self.armed.is_none_or(|armed| wake < armed) {
            self.armed = Some(wake);
            out.set_timer(Timer::Fetcher(self.leader), wake);
        }
    }

    fn send_next(&mut self, now: Now, replicas: &Replicas, out: &mut Outbox) {
        for at in &self.unsettled {
            let following = &mut self.partitions[*at];
            following.delayed = following.delayed.filter(|until| *until > now.mono);
        }
        let deadline = now.mono + replicas.settings.replica_socket_timeout;
        let questions = [
            (Range::WantsLatest, OffsetSpec::Latest, Asked::Latest),
            (Range::WantsEarliest, OffsetSpec::Earliest, Asked::Earliest),
        ];
        for (range, wanted, asked) in questions {
            let asks =
                |following: &&Following| following.range == range && following.delayed.is_none();
            if self.unsettled().any(|following| asks(&following)) {
                let partitions = self.partitions.iter().filter(asks);
                let partitions = partitions
                    .map(|following| (following.id, Some(following.epoch), wanted))
                    .collect();
                let replica = Some(replicas.me);
                let isolation = Isolation::Uncommitted;
                let request = ListOffsetsRequest { replica, isolation, partitions };
                self.channel.send(Request::ListOffsets(request), deadline, asked, out);
                return;
            }
        }
        let Some(request) = self.next_fetch(now, replicas, out) else { return };
        self.channel.send(Request::Fetch(request), deadline, Asked::Records, out);
    }

    /// The next fetch: only what changed since the last one, if the leader still has the session.
    fn next_fetch(
        &mut self,
        now: Now,
        replicas: &Replicas,
        out: &mut Outbox,
    ) -> Option<FetchRequest> {
        let settings = &replicas.settings;
        let mut unsettled = core::mem::take(&mut self.unsettled);
        let mut partitions = Vec::with_capacity(unsettled.len());
        let mut active = self.partitions.len() - unsettled.len();
        let mut throttled = false;
        unsettled.retain(|at| {
            let following = &mut self.partitions[*at];
            let held_off = !following.caught_up && replicas.holds_off(now.mono, following.id);
            throttled |= held_off;
            if following.delayed.is_some() || held_off {
                if following.sent.take().is_some() && self.session == FetchSession::Incremental {
                    self.forgotten.push(following.id);
                }
                return true;
            }
            active += 1;
            let fetch = FetchPartition {
                partition: following.id,
                topic: Some(following.topic),
                offset: following.offset,
                current_epoch: Some(following.epoch),
                last_fetched_epoch: following.last_fetched,
                log_start: following.start,
                max_bytes: settings.replica_fetch_max_bytes,
            };
            if self.session == FetchSession::Full || following.sent != Some(fetch) {
                partitions.push(fetch);
                following.sent = Some(fetch);
            }
            following.settled = true;
            false
        });
        self.unsettled = unsettled;
        self.throttled = throttled.then(|| now.mono + settings.replica_fetch_backoff);
        if throttled {
            out.mark(Mark::ReplicaThrottled);
        }
        if active == 0 && self.forgotten.is_empty() {
            return None;
        }
        Some(FetchRequest {
            replica: Some((replicas.me, replicas.epoch.unwrap_or(UNCHECKED))),
            rack: None,
            isolation: Isolation::Uncommitted,
            max_wait: settings.replica_fetch_wait_max,
            min_bytes: settings.replica_fetch_min_bytes,
            max_bytes: settings.replica_fetch_response_max_bytes,
            session: core::mem::replace(&mut self.session, FetchSession::Incremental),
            partitions,
            forgotten: core::mem::take(&mut self.forgotten),
        })
    }

    fn on_records(
        &mut self,
        now: Now,
        response: &FetchResponse,
        replicas: &mut Replicas,
        out: &mut Outbox,
    ) {
        if response.error != ErrorCode::None {
            self.start_session_over();
            return;
        }
        for fetched in &response.partitions {
            let Some(at) = self.position(fetched.partition) else { continue };
            self.unsettle(at);
            let following = &mut self.partitions[at];
            // It may have been truncated or started over since the request was sent.
            let sent = following.sent;
            let is_current = sent.is_some_and(|sent| sent.offset == following.offset)
                && following.delayed.is_none()
                && following.range == Range::Inside;
            let Some(sent) = sent.filter(|_| is_current) else { continue };
            match fetched.error {
                ErrorCode::None => {
                    if following.take_in(fetched, replicas, out).is_err() {
                        // The log does not fit: no further attempt before new metadata (`markPartitionFailed`).
                        self.remove(fetched.partition);
                    } else {
                        following.caught_up = following.offset >= fetched.high_watermark;
                        replicas.count_copied(now.mono, fetched);
                    }
                }
                ErrorCode::OffsetOutOfRange => following.range = Range::WantsLatest,
                error => {
                    let known = sent.current_epoch;
                    self.on_error(now, fetched.partition, error, known, replicas);
                }
            }
        }
    }

    /// What a fetcher does about an error of one partition: give it up if only metadata can help, else try later.
    fn on_error(
        &mut self,
        now: Now,
        id: TopicPartition,
        error: ErrorCode,
        known: Option<LeaderEpoch>,
        replicas: &Replicas,
    ) {
        let Some(at) = self.position(id) else { return };
        if error == ErrorCode::FencedLeaderEpoch && known == Some(self.partitions[at].epoch) {
            self.remove(id);
        } else {
            let until = now.mono + replicas.settings.replica_fetch_backoff;
            self.partitions[at].delayed.get_or_insert(until);
            self.unsettle(at);
        }
    }

    /// The leader's log end is known: cut to it if it is lower, else ask for the leader's start (`fetchOffsetAndTruncate`).
    fn on_latest(
        &mut self,
        now: Now,
        response: &ListOffsetsResponse,
        replicas: &mut Replicas,
        out: &mut Outbox,
    ) {
        for listed in &response.results {
            let Some(at) = self.position(listed.partition) else { continue };
            let following = &mut self.partitions[at];
            if following.range != Range::WantsLatest {
                continue;
            }
            if listed.error != ErrorCode::None {
                let known = Some(following.epoch);
                self.on_error(now, listed.partition, listed.error, known, replicas);
                continue;
            }
            if listed.offset < replicas.store.logs[following.id].end() {
                let mark = Mark::ReplicaOutOfRange;
                following.offset = replicas.truncate(following.id, listed.offset, mark, out);
                following.last_fetched = replicas.last_fetched(following.id);
                following.range = Range::Inside;
            } else {
                following.range = Range::WantsEarliest;
            }
        }
    }

    /// The leader's log start is known: start over there if it lies behind this log's end.
    fn on_earliest(
        &mut self,
        now: Now,
        response: &ListOffsetsResponse,
        replicas: &mut Replicas,
        out: &mut Outbox,
    ) {
        for listed in &response.results {
            let Some(at) = self.position(listed.partition) else { continue };
            let following = &mut self.partitions[at];
            if following.range != Range::WantsEarliest {
                continue;
            }
            if listed.error != ErrorCode::None {
                let known = Some(following.epoch);
                self.on_error(now, listed.partition, listed.error, known, replicas);
                continue;
            }
            let id = following.id;
            let end = replicas.store.logs[id].end();
            if listed.offset > end {
                out.mark(Mark::ReplicaStartedOver);
                replicas.store.logs[id].truncate_fully(listed.offset);
                replicas.set_high_watermark(id, listed.offset, ReplicaRole::Follower, out);
            }
            following.offset = listed.offset.max(end);
            following.last_fetched = replicas.last_fetched(id);
            following.start = replicas.store.logs[id].start();
            following.range = Range::Inside;
        }
    }

    /// The connection is gone or the leader is silent.
    fn on_failure(&mut self, now: Now, replicas: &Replicas) {
        self.start_session_over();
        let until = now.mono + replicas.settings.replica_fetch_backoff;
        for following in &mut self.partitions {
            following.delayed.get_or_insert(until);
        }
        self.unsettle_all();
    }

    fn start_session_over(&mut self) {
        self.session = FetchSession::Full;
        self.forgotten.clear();
        for following in &mut self.partitions {
            following.sent = None;
        }
        self.unsettle_all();
    }
}

impl Following {
    fn take_in(
        &mut self,
        fetched: &FetchedPartition,
        replicas: &mut Replicas,
        out: &mut Outbox,
    ) -> Result<(), ErrorCode> {
        if let Some(diverging) = fetched.diverging {
            // High watermark and records of this answer do not count: they are about a log that is not this one.
            if !replicas.rules.on(Rule::DivergedMovesNothing)
                && replicas.believe_high_watermark(self.id, fetched.high_watermark, out)
            {
                // Whoever reads here may do so before the next answer lets the log be cut.
                return Ok(());
            }
            let log = &replicas.store.logs[self.id];
            let to = divergence(log, self.offset, diverging);
            self.offset = replicas.truncate(self.id, to, Mark::TruncatedByEpoch, out);
            self.last_fetched = replicas.last_fetched(self.id);
            return Ok(());
        }
        assert!(
            self.offset == replicas.store.logs[self.id].end(),
            "{}: fetches at {} but the log ends elsewhere",
            self.id,
            self.offset
        );
        replicas.append_fetched(self.id, fetched, out)?;
        self.start = replicas.store.logs[self.id].start();
        if let Some(last) = fetched.batches.last() {
            self.offset = last.end();
            if self.last_fetched.is_some() || replicas.rules.on(Rule::TruncateByEpoch) {
                self.last_fetched = Some(last.epoch);
            }
        } else if !replicas.rules.on(Rule::EmptyFetchKeepsEpoch) {
            self.last_fetched = None;
        }
        Ok(())
    }
}
