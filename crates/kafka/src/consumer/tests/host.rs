//! A host that plays coordinator and leaders at once, writes down what the consumer does, and lets time pass.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write as _;

use smallvec::smallvec;
use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, Generation, GroupId, LeaderEpoch, MemberId, NodeId, Offset,
    PartitionEpoch, SourceId, Span, Stream, Streams, Time, TopicId, TopicPartition, ValueRange,
    Wall,
};

use crate::channel::Backoff;
use crate::compression::Packing;
use crate::consumer::Consumer;
use crate::message::*;
use crate::metadata::{
    BrokerStatus, MetadataImage, MetadataRecord, PartitionRegistration, Recovery,
};
use crate::record::{Batch, Records};
use crate::settings::*;
use crate::*;

pub(super) const TOPIC: TopicId = TopicId(1);

pub(super) fn partition(number: u16) -> TopicPartition {
    TopicPartition::new(TOPIC, number)
}

pub(super) fn settings() -> ConsumerSettings {
    ConsumerSettings {
        protocol: GroupProtocol::Classic,
        threads: Threads::Application,
        isolation: Isolation::Uncommitted,
        session_timeout: Span::secs(45),
        heartbeat_interval: Span::secs(3),
        max_poll_interval: Span::secs(300),
        max_poll_records: 500,
        auto_commit: AutoCommit::Off,
        offset_reset: OffsetReset::Earliest,
        assignors: vec![Assignor::Range],
        instance: None,
        rack: None,
        leave_on_close: LeaveOnClose::Yes,
        fetch_min_bytes: 1,
        fetch_max_bytes: 50 << 20,
        max_partition_fetch_bytes: 1 << 20,
        fetch_max_wait: Span::millis(500),
        fetch_error_backoff: Span::millis(100),
        request_timeout: Span::secs(30),
        default_api_timeout: Span::secs(60),
        retry_backoff: Backoff { first: Span::millis(100), most: Span::secs(1) },
        reconnect_backoff: Backoff { first: Span::millis(50), most: Span::secs(1) },
        metadata_max_age: Span::secs(300),
    }
}

/// A fetch answer of the one partition without records.
pub(super) fn empty_answer(error: ErrorCode, preferred: Option<u16>) -> Response {
    let fetched = FetchedPartition {
        partition: partition(0),
        error,
        high_watermark: Offset::UNKNOWN,
        log_start: Offset::UNKNOWN,
        aborted: Vec::new(),
        diverging: None,
        preferred: preferred.map(BrokerId),
        batches: Vec::new(),
    };
    Response::Fetch(FetchResponse { error: ErrorCode::None, partitions: vec![fetched] })
}

pub(super) struct Host {
    /// What brokers tell of aborted transactions.
    pub(super) aborted: Vec<AbortedTransaction>,
    pub(super) consumer: Consumer,
    out: Outbox,
    pub(super) now: Time,
    timers: BTreeMap<Timer, Time>,
    /// Requests without an answer; a broker serves a connection's first one only.
    lines: BTreeMap<ConnId, VecDeque<(Correlation, Request)>>,
    inputs: VecDeque<Input>,
    /// What is not answered for now.
    pub(super) hold: Vec<Api>,
    /// One-shot answers that go before the usual ones.
    pub(super) next: Vec<Response>,
    /// Fetches without data, and when they must be answered.
    parked: Vec<(Time, ConnId)>,
    pub(super) image: MetadataImage,
    pub(super) committed: BTreeMap<TopicPartition, (Offset, LeaderEpoch)>,
    pub(super) logs: BTreeMap<TopicPartition, Vec<Batch>>,
    sessions: BTreeMap<ConnId, BTreeMap<TopicPartition, FetchPartition>>,
    pub(super) generation: i32,
    /// The other members, which join whenever this one does.
    pub(super) others: Vec<MemberId>,
    /// What a follower of the group is given.
    pub(super) given: Option<Vec<TopicPartition>>,
    /// What a member of the consumer protocol was told last that it is given.
    told: Option<Vec<TopicPartition>>,
    pub(super) quiet: Vec<Api>,
    log: String,
    ops: u32,
    /// The offset that must be handed out next.
    pub(super) expected: BTreeMap<TopicPartition, Offset>,
}

impl Host {
    pub(super) fn new(settings: ConsumerSettings, rules: Rules, partitions: u16) -> Self {
        let brokers = vec![(BrokerId(1), NodeId(1)), (BrokerId(2), NodeId(2))];
        let boot = Boot {
            node: NodeId(9),
            incarnation: 0,
            directory: Arc::new(Directory { brokers, controllers: Vec::new() }),
            rules,
            rng: Streams::new(1).stream(Stream::Machine, 9),
        };
        let setup = ConsumerSetup { settings: Arc::new(settings), group: GroupId(0) };
        let mut out = Outbox::default();
        let now = Now { mono: Time::ZERO, wall: Wall(0) };
        let mut host = Self {
            aborted: Vec::new(),
            consumer: Consumer::boot(now, boot, setup, (), &mut out),
            out,
            now: Time::ZERO,
            timers: BTreeMap::new(),
            lines: BTreeMap::new(),
            inputs: VecDeque::new(),
            hold: Vec::new(),
            next: Vec::new(),
            parked: Vec::new(),
            image: MetadataImage::default(),
            committed: BTreeMap::new(),
            logs: BTreeMap::new(),
            sessions: BTreeMap::new(),
            generation: 0,
            others: Vec::new(),
            given: None,
            told: None,
            quiet: vec![Api::Metadata, Api::FindCoordinator, Api::Fetch, Api::Heartbeat],
            log: String::new(),
            ops: 0,
            expected: BTreeMap::new(),
        };
        for broker in [BrokerId(1), BrokerId(2)] {
            let epoch = BrokerEpoch(1);
            host.image.apply(&MetadataRecord::RegisterBroker {
                broker,
                epoch,
                incarnation: 0,
                rack: None,
            });
            let state = BrokerStatus::Active;
            host.image.apply(&MetadataRecord::ChangeBroker { broker, epoch, state });
        }
        let settings = Arc::new(TopicSettings {
            min_insync_replicas: 1,
            unclean_election: UncleanElection::Forbidden,
            max_message_bytes: 1 << 20,
            timestamp_type: TimestampType::CreateTime,
            flush_messages: None,
            ..TopicSettings::default()
        });
        host.image.apply(&MetadataRecord::Topic { topic: TOPIC, settings });
        (0..partitions).for_each(|number| host.elect(number, 1 + number % 2, 0));
        host
    }

    /// Deletes the topic and creates it anew, with empty logs.
    pub(super) fn create_anew(&mut self) {
        let settings = Arc::clone(self.image.settings(TOPIC).unwrap());
        let partitions = self.image.partition_count(TOPIC);
        self.image.apply(&MetadataRecord::RemoveTopic { topic: TOPIC });
        self.image.apply(&MetadataRecord::Topic { topic: TOPIC, settings });
        (0..partitions).for_each(|number| self.elect(number, 1 + number % 2, 0));
        self.logs.clear();
        self.committed.clear();
    }

    /// Makes a broker the leader of a partition.
    pub(super) fn elect(&mut self, number: u16, broker: u16, epoch: i32) {
        let registration = PartitionRegistration {
            replicas: smallvec![BrokerId(1), BrokerId(2)],
            isr: smallvec![BrokerId(1), BrokerId(2)],
            adding: smallvec![],
            removing: smallvec![],
            elr: smallvec![],
            last_known_elr: smallvec![],
            leader: Some(BrokerId(broker)),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(epoch),
            recovery: Recovery::Recovered,
        };
        let registration = Arc::new(registration);
        let partition = partition(number);
        self.image.apply(&MetadataRecord::Partition { partition, registration });
    }

    /// Appends one batch.
    pub(super) fn append(&mut self, number: u16, count: u32, epoch: i32) {
        let log = self.logs.entry(partition(number)).or_default();
        let base = log.last().map_or(Offset::ZERO, Batch::end);
        let first = u32::try_from(base.0).unwrap();
        log.push(Batch {
            base,
            count,
            epoch: LeaderEpoch(epoch),
            bytes: 100,
            packing: Packing::PLAIN,
            timestamp: Wall(0),
            stamp: None,
            records: Records::Values(ValueRange { source: SourceId(0), first, count }),
        });
        for (_, conn) in core::mem::take(&mut self.parked) {
            let response = self.fetched(conn);
            self.deliver(conn, response);
        }
        self.settle();
    }

    pub(super) fn call(&mut self, call: Call) {
        self.ops += 1;
        writeln!(self.log, "{} call {call:?}", self.now).unwrap();
        self.input(Input::Call(OpId(self.ops), call));
    }

    /// Polls until it returns.
    pub(super) fn poll(&mut self, millis: u64) {
        self.ops += 1;
        let op = OpId(self.ops);
        self.input(Input::Call(op, Call::Poll(Span::millis(millis))));
        self.run(Span::millis(millis));
    }

    /// Polls that start after one another, `count` of them, each `millis` long at most.
    pub(super) fn polls(&mut self, count: u32, millis: u64) {
        for _ in 0..count {
            self.poll(millis);
        }
    }

    pub(super) fn shut_down(&mut self) {
        self.input(Input::Shutdown);
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let timer =
                self.timers.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (*timer, *at));
            let parked = self.parked.iter().map(|(at, ..)| *at).min().unwrap_or(Time::NEVER);
            match timer {
                Some((timer, at)) if at <= end && at <= parked => {
                    self.timers.remove(&timer);
                    self.now = self.now.max(at);
                    self.input(Input::Timer(timer));
                }
                Some(_) | None if parked <= end => {
                    self.now = self.now.max(parked);
                    let place = self.parked.iter().position(|(at, ..)| *at == parked).unwrap();
                    let (_, conn) = self.parked.remove(place);
                    let empty = FetchResponse { error: ErrorCode::None, partitions: Vec::new() };
                    self.deliver(conn, Response::Fetch(empty));
                    self.settle();
                }
                Some(_) | None => break,
            }
        }
        self.now = end;
    }

    /// Answers what was held back.
    pub(super) fn release(&mut self) {
        self.hold.clear();
        self.settle();
    }

    fn deliver(&mut self, conn: ConnId, response: Response) {
        let (correlation, _) = self.lines.get_mut(&conn).unwrap().pop_front().unwrap();
        self.inputs.push_back(Input::Recv(conn, Msg::Response(correlation, response)));
    }

    fn input(&mut self, input: Input) {
        self.inputs.push_back(input);
        self.settle();
    }

    /// Goes on until nobody has anything to say at this instant.
    fn settle(&mut self) {
        loop {
            if let Some(input) = self.inputs.pop_front() {
                self.handle(input);
                continue;
            }
            let parked = |conn: &ConnId| self.parked.iter().any(|(_, other)| other == conn);
            let first = self.lines.iter().find_map(|(conn, line)| {
                let (_, request) = line.front()?;
                let waits = parked(conn) || self.hold.contains(&request.api());
                (!waits).then(|| (*conn, request.clone()))
            });
            let Some((conn, request)) = first else { return };
            self.answer(conn, request);
        }
    }

    fn handle(&mut self, input: Input) {
        let now = Now { mono: self.now, wall: Wall(0) };
        self.consumer.handle(now, input, &mut self.out);
        for effect in core::mem::take(&mut self.out.effects) {
            self.judge(&effect);
            match effect {
                Effect::SetTimer(timer, at) => {
                    assert!(at > self.now, "a timer that fires at once would fire for ever");
                    self.timers.insert(timer, at);
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&timer);
                }
                Effect::Connect(conn, _) => {
                    self.lines.insert(conn, VecDeque::new());
                }
                Effect::Close(conn) => {
                    self.lines.remove(&conn);
                    self.parked.retain(|(_, other)| *other != conn);
                }
                Effect::Send(conn, Msg::Request(correlation, request)) => {
                    if !self.quiet.contains(&request.api()) {
                        let described = describe(&request);
                        writeln!(self.log, "{} send {described}", self.now).unwrap();
                    }
                    // What is sent on a dead connection is lost; the news of its death is on the way.
                    if let Some(line) = self.lines.get_mut(&conn) {
                        line.push_back((correlation, request));
                    }
                }
                Effect::Complete(_, Completion::Records(records)) if records.is_empty() => {}
                Effect::Complete(op, completion) => {
                    writeln!(self.log, "{} op{} {completion:?}", self.now, op.0).unwrap();
                }
                Effect::Report(report) => writeln!(self.log, "{} {report:?}", self.now).unwrap(),
                Effect::Exit(exit) => writeln!(self.log, "{} exit {exit:?}", self.now).unwrap(),
                Effect::Send(..) | Effect::Sync(_) => panic!("a consumer does no such thing"),
            }
        }
    }

    /// Between one positioning and the next a partition's records are handed out without gap or repetition.
    fn judge(&mut self, effect: &Effect) {
        match effect {
            Effect::Report(Report::Positioned(partition, offset, _)) => {
                self.expected.insert(*partition, *offset);
            }
            Effect::Complete(_, Completion::Records(records)) => {
                for polled in records {
                    let expected = self.expected.get_mut(&polled.partition).unwrap();
                    let log = &self.logs[&polled.partition];
                    if log.iter().any(|batch| matches!(batch.records, Records::Marker(..))) {
                        // Ends of transactions, and aborted ones, are passed over.
                        assert!(polled.base >= *expected, "of {}", polled.partition);
                    } else {
                        assert_eq!(polled.base, *expected, "of {}", polled.partition);
                    }
                    *expected = polled.base.plus(polled.values.count);
                }
            }
            _ => {}
        }
    }

    /// Whether the consumer has handed out everything.
    pub(super) fn is_drained(&self) -> bool {
        self.logs.iter().all(|(partition, log)| {
            self.expected.get(partition) == log.last().map(Batch::end).as_ref()
        })
    }

    /// Every connection dies.
    pub(super) fn cut(&mut self) {
        self.parked.clear();
        for (conn, _) in core::mem::take(&mut self.lines) {
            self.inputs.push_back(Input::Closed(conn));
        }
        self.settle();
    }

    fn answer(&mut self, conn: ConnId, request: Request) {
        if let Request::Fetch(fetch) = &request {
            if fetch.session == FetchSession::Full {
                self.sessions.insert(conn, BTreeMap::new());
            }
            let session = self.sessions.get_mut(&conn).unwrap();
            session.extend(fetch.partitions.iter().map(|asked| (asked.partition, *asked)));
            fetch.forgotten.iter().for_each(|gone| _ = session.remove(gone));
        }
        let place = self.next.iter().position(|next| next.api() == request.api());
        if let Some(place) = place {
            let response = self.next.remove(place);
            return self.deliver(conn, response);
        }
        let response = match request {
            Request::Metadata(_) => {
                Response::Metadata(MetadataResponse { image: Arc::new(self.image.clone()) })
            }
            Request::FindCoordinator(_) => {
                Response::FindCoordinator(FindCoordinatorResponse { coordinator: Ok(BrokerId(1)) })
            }
            Request::JoinGroup(join) => self.joined(join),
            Request::SyncGroup(sync) => {
                let own = sync.assignments.iter().find(|(member, _)| *member == sync.member);
                let given = own.map(|(_, partitions)| Arc::clone(partitions));
                let given = given.or_else(|| self.given.clone().map(Arc::from));
                let assignment = given.unwrap();
                Response::SyncGroup(SyncGroupResponse { error: ErrorCode::None, assignment })
            }
            Request::Heartbeat(_) => Response::Heartbeat(ErrorCode::None),
            Request::LeaveGroup(_) => Response::LeaveGroup(ErrorCode::None),
            Request::ConsumerGroupHeartbeat(beat) => self.beaten(&beat),
            Request::OffsetCommit(commit) => {
                let offsets = commit.offsets.iter();
                self.committed
                    .extend(offsets.clone().map(|it| (it.partition, (it.offset, it.epoch))));
                let results = offsets.map(|it| (it.partition, ErrorCode::None)).collect();
                Response::OffsetCommit(OffsetCommitResponse { results })
            }
            Request::OffsetFetch(fetch) => {
                let found = |(it, _)| (it, self.committed.get(&it).copied());
                let offsets = fetch.partitions.into_iter().map(found).collect();
                Response::OffsetFetch(OffsetFetchResponse { error: ErrorCode::None, offsets })
            }
            Request::ListOffsets(list) => {
                let results = list.partitions.iter().map(|(partition, _, spec)| ListedOffset {
                    partition: *partition,
                    error: ErrorCode::None,
                    offset: self.listed(*partition, *spec),
                    epoch: Some(LeaderEpoch(0)),
                });
                Response::ListOffsets(ListOffsetsResponse { results: results.collect() })
            }
            Request::OffsetsForLeaderEpoch(ends) => self.epoch_ends(&ends),
            Request::Fetch(_) => {
                let response = self.fetched(conn);
                if let Response::Fetch(fetched) = &response
                    && fetched.partitions.is_empty()
                {
                    self.parked.push((self.now + Span::millis(500), conn));
                    return;
                }
                response
            }
            other => panic!("a consumer does not send {:?}", other.api()),
        };
        self.deliver(conn, response);
    }

    fn listed(&self, partition: TopicPartition, spec: OffsetSpec) -> Offset {
        let log = self.logs.get(&partition);
        match spec {
            OffsetSpec::Earliest => self.start_of(partition),
            OffsetSpec::Latest => log.and_then(|log| log.last()).map_or(Offset::ZERO, Batch::end),
            OffsetSpec::At(wall) => {
                let young = log.into_iter().flatten().find(|batch| batch.timestamp >= wall);
                young.map_or(Offset::UNKNOWN, |batch| batch.base)
            }
        }
    }

    fn joined(&mut self, join: JoinGroupRequest) -> Response {
        let refused = |error, member| JoinGroupResponse {
            error,
            generation: Generation::NONE,
            protocol: None,
            leader: MemberId::NONE,
            member,
            members: Vec::new(),
            assigning: Assigning::Wanted,
        };
        if join.member == MemberId::NONE {
            return Response::JoinGroup(refused(ErrorCode::MemberIdRequired, MemberId(7)));
        }
        self.generation += 1;
        let wants = |member: MemberId| JoinedMember {
            member,
            instance: None,
            subscription: Arc::clone(&join.subscription),
        };
        let mut members = vec![wants(join.member)];
        members.extend(self.others.iter().map(|other| wants(*other)));
        let leader = if self.given.is_some() { self.others[0] } else { join.member };
        Response::JoinGroup(JoinGroupResponse {
            generation: Generation(self.generation),
            protocol: Some(Assignor::Range),
            leader,
            members: if leader == join.member { members } else { Vec::new() },
            ..refused(ErrorCode::None, join.member)
        })
    }

    /// Gives a member of the consumer protocol everything, or what the test says, in the present generation.
    fn beaten(&mut self, beat: &ConsumerGroupHeartbeatRequest) -> Response {
        let joins = beat.epoch == ConsumerGroupHeartbeatRequest::JOIN;
        let leaves = beat.epoch < ConsumerGroupHeartbeatRequest::JOIN;
        self.generation += i32::from(joins);
        let all = || self.image.partitions_of(TOPIC).collect();
        let given: Vec<TopicPartition> = self.given.clone().unwrap_or_else(all);
        let is_new = !leaves && (joins || self.told.as_ref() != Some(&given));
        if is_new {
            self.told = Some(given.clone());
        }
        Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
            error: ErrorCode::None,
            member: MemberId(7),
            epoch: if leaves { beat.epoch } else { Generation(self.generation) },
            interval: Span::secs(5),
            assignment: is_new.then(|| given.into()),
        })
    }

    fn start_of(&self, partition: TopicPartition) -> Offset {
        let log = self.logs.get(&partition);
        log.and_then(|log| log.first()).map_or(Offset::ZERO, |first| first.base)
    }

    fn epoch_ends(&self, request: &EpochEndRequest) -> Response {
        let results = request.partitions.iter().map(|(partition, _, epoch)| {
            let log = self.logs.get(partition).map_or(&[][..], |log| log);
            let last = log.iter().rfind(|batch| batch.epoch <= *epoch);
            EpochEnd {
                partition: *partition,
                error: ErrorCode::None,
                epoch: last.map_or(LeaderEpoch::NONE, |batch| batch.epoch),
                end: last.map_or(Offset::UNKNOWN, Batch::end),
            }
        });
        Response::OffsetsForLeaderEpoch(EpochEndResponse { results: results.collect() })
    }

    fn fetched(&self, conn: ConnId) -> Response {
        let mut partitions = Vec::new();
        for (partition, asked) in &self.sessions[&conn] {
            let log = self.logs.get(partition).map_or(&[][..], |log| log);
            let batches: Vec<Batch> =
                log.iter().filter(|batch| batch.end() > asked.offset).cloned().collect();
            let end = log.last().map_or(Offset::ZERO, Batch::end);
            let outside = asked.offset > end || asked.offset < self.start_of(*partition);
            let error = if outside { ErrorCode::OffsetOutOfRange } else { ErrorCode::None };
            if outside || !batches.is_empty() {
                let batches = if outside { Vec::new() } else { batches };
                partitions.push(FetchedPartition {
                    partition: *partition,
                    error,
                    high_watermark: end,
                    log_start: self.start_of(*partition),
                    aborted: self.aborted.clone(),
                    diverging: None,
                    preferred: None,
                    batches,
                });
            }
        }
        Response::Fetch(FetchResponse { error: ErrorCode::None, partitions })
    }

    /// The marks since the last look.
    pub(super) const fn marks(&self) -> Marks {
        self.out.marks
    }

    /// What happened since the last look, with the marks.
    pub(super) fn seen(&mut self) -> String {
        let mut log = core::mem::take(&mut self.log);
        let marks = core::mem::take(&mut self.out.marks);
        if !marks.is_empty() {
            writeln!(log, "marks {marks:?}").unwrap();
        }
        log
    }
}

fn describe(request: &Request) -> String {
    let mut text = String::from(request.api().name());
    match request {
        Request::JoinGroup(join) => write!(text, " {:?}", join.member),
        Request::SyncGroup(sync) => {
            write!(text, " {:?} {:?} {:?}", sync.generation, sync.member, sync.assignments)
        }
        Request::LeaveGroup(leave) => write!(text, " {:?}", leave.member),
        Request::ConsumerGroupHeartbeat(beat) => {
            let (topics, owned) = (beat.topics.as_ref(), beat.owned.as_ref());
            write!(text, " {:?} {:?}", beat.epoch, beat.member)
                .and_then(|()| topics.map_or(Ok(()), |topics| write!(text, " wants {topics:?}")))
                .and_then(|()| owned.map_or(Ok(()), |owned| write!(text, " owns {owned:?}")))
        }
        Request::Heartbeat(beat) => write!(text, " {:?} {:?}", beat.generation, beat.member),
        Request::OffsetCommit(commit) => {
            let offsets = commit.offsets.iter().map(|it| (it.partition, it.offset, it.epoch));
            let offsets: Vec<_> = offsets.collect();
            write!(text, " {:?} {:?} {offsets:?}", commit.generation, commit.member)
        }
        Request::OffsetFetch(fetch) => {
            let asked: Vec<_> = fetch.partitions.iter().map(|(partition, _)| *partition).collect();
            write!(text, " {asked:?}")
        }
        Request::ListOffsets(list) => write!(text, " {:?}", list.partitions),
        Request::OffsetsForLeaderEpoch(ends) => write!(text, " {:?}", ends.partitions),
        Request::Fetch(fetch) => {
            let asked = fetch.partitions.iter().map(|it| (it.partition, it.offset));
            let asked: Vec<_> = asked.collect();
            write!(text, " {:?} {asked:?} forgotten {:?}", fetch.session, fetch.forgotten)
        }
        Request::Metadata(_) | Request::FindCoordinator(_) => Ok(()),
        other => panic!("a consumer does not send {:?}", other.api()),
    }
    .unwrap();
    text
}
