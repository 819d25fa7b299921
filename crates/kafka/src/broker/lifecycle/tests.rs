use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, Span,
    Stream, Streams, Time, TopicId, TopicPartition, Wall,
};

use super::{Lifecycle, LifecycleEvent};
use crate::message::{
    AllocateProducerIdsResponse, AlterPartition, AlterPartitionResponse, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, BrokerState, Correlation, FetchMetadataResponse, MetadataOffset,
    Msg, Request, Response,
};
use crate::metadata::MetadataRecord;
use crate::settings::BrokerSettings;
use crate::{Boot, ConnId, Directory, Effect, Now, Outbox, Rule, Rules, Timer};

/// A lifecycle with a scripted controller at the other end.
struct Rig {
    lifecycle: Lifecycle,
    now: Now,
    out: Outbox,
    events: Vec<LifecycleEvent>,
    timers: [Option<Time>; 2],
    /// Requests without an answer.
    open: Vec<(ConnId, Correlation, Request)>,
    peers: Vec<(ConnId, NodeId)>,
    said: Vec<String>,
}

impl Rig {
    fn new(controllers: u16) -> Self {
        Self::under(Rules::ALL, controllers)
    }

    fn under(rules: Rules, controllers: u16) -> Self {
        let controllers = (0..controllers).map(NodeId).collect();
        let boot = Boot {
            node: NodeId(9),
            incarnation: 4,
            directory: Arc::new(Directory { brokers: vec![(BrokerId(1), NodeId(9))], controllers }),
            rules,
            rng: Streams::new(1).stream(Stream::Machine, 9),
        };
        let now = Now { mono: Time::ZERO, wall: Wall(0) };
        let mut out = Outbox::default();
        let previous = Some(BrokerEpoch(3));
        let settings = BrokerSettings::default();
        let lifecycle =
            Lifecycle::new(now, (BrokerId(1), None), &boot, &settings, previous, &mut out);
        let mut rig = Self {
            lifecycle,
            now,
            out,
            events: Vec::new(),
            timers: [None; 2],
            open: Vec::new(),
            peers: Vec::new(),
            said: Vec::new(),
        };
        rig.collect();
        rig
    }

    fn collect(&mut self) {
        for effect in core::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Connect(conn, to) => self.peers.push((conn, to)),
                Effect::Send(conn, Msg::Request(correlation, request)) => {
                    let to = self.peers.iter().find(|(of, _)| *of == conn).unwrap().1;
                    let at = self.now.mono.as_millis();
                    self.said.push(format!("{at}ms to {to}: {}", brief(&request)));
                    self.open.push((conn, correlation, request));
                }
                Effect::SetTimer(Timer::Lifecycle, at) => self.timers[0] = Some(at),
                Effect::SetTimer(Timer::MetadataFetch, at) => self.timers[1] = Some(at),
                Effect::Close(conn) => self.open.retain(|(of, _, _)| *of != conn),
                other => panic!("unexpected effect {other:?}"),
            }
        }
    }

    /// Lets time pass, firing timers in between.
    fn pass(&mut self, span: Span) {
        let until = self.now.mono + span;
        loop {
            let due = (0..2).filter_map(|n| Some((self.timers[n]?, n))).min();
            let Some((at, which)) = due.filter(|(at, _)| *at <= until) else { break };
            self.now.mono = self.now.mono.max(at);
            self.timers[which] = None;
            let timer = [Timer::Lifecycle, Timer::MetadataFetch][which];
            self.lifecycle.on_timer(self.now, timer, &mut self.out, &mut self.events);
            self.collect();
        }
        self.now.mono = until;
    }

    /// Answers the oldest open request of a kind.
    fn answer(&mut self, response: Response) {
        let api = response.api();
        let at = self.open.iter().position(|(_, _, request)| request.api() == api);
        let (conn, correlation, _) = self.open.remove(at.expect("such a request is open"));
        let Self { lifecycle, now, out, events, .. } = self;
        assert!(lifecycle.on_response(*now, conn, correlation, response, out, events));
        self.collect();
    }

    fn registered(epoch: i64) -> Self {
        let mut rig = Self::new(1);
        rig.register(Ok(BrokerEpoch(epoch)));
        rig
    }

    /// Registered, caught up and unfenced.
    fn running() -> Self {
        let mut rig = Self::registered(0);
        rig.lifecycle.applied(MetadataOffset(1));
        rig.heartbeat(Ok(BrokerState::Fenced));
        rig.heartbeat(Ok(BrokerState::Active));
        rig.events.clear();
        rig.said.clear();
        rig
    }

    fn register(&mut self, epoch: Result<BrokerEpoch, ErrorCode>) {
        self.answer(Response::BrokerRegistration(BrokerRegistrationResponse { epoch }));
    }

    fn heartbeat(&mut self, state: Result<BrokerState, ErrorCode>) {
        self.pass(Span::ZERO);
        self.answer(Response::BrokerHeartbeat(BrokerHeartbeatResponse { state }));
    }

    fn altered(&mut self, error: ErrorCode, results: &[(u16, ErrorCode)]) {
        let results = results.iter().map(|(p, error)| (orders(*p), Err(*error))).collect();
        self.answer(Response::AlterPartition(AlterPartitionResponse { error, results }));
    }

    fn propose(&mut self, partition: u16) {
        let change = AlterPartition {
            partition: orders(partition),
            leader_epoch: LeaderEpoch(2),
            partition_epoch: PartitionEpoch(5),
            isr: vec![(BrokerId(1), BrokerEpoch(0))],
        };
        self.lifecycle.alter_partition(self.now, change, &mut self.out);
        self.collect();
    }

    fn said_of(&self, word: &str) -> String {
        let lines: Vec<&str> =
            self.said.iter().filter(|line| line.contains(word)).map(String::as_str).collect();
        lines.join("\n")
    }
}

fn brief(request: &Request) -> String {
    match request {
        Request::BrokerRegistration(r) => format!("register {} {:?}", r.incarnation, r.previous),
        Request::BrokerHeartbeat(r) => format!("beat {} @{} {:?}", r.epoch, r.metadata.0, r.want),
        Request::FetchMetadata(r) => format!("fetch from {}", r.from.0),
        Request::AlterPartition(r) => {
            let partitions: Vec<u16> =
                r.partitions.iter().map(|change| change.partition.partition).collect();
            format!("alter {partitions:?}")
        }
        Request::AllocateProducerIds(_) => String::from("allocate"),
        other => panic!("a broker never asks that of a controller: {other:?}"),
    }
}

fn orders(partition: u16) -> TopicPartition {
    TopicPartition::new(TopicId(1), partition)
}

#[test]
fn it_registers_catches_up_and_asks_to_be_unfenced() {
    let mut rig = Rig::registered(7);
    rig.heartbeat(Ok(BrokerState::Fenced));
    rig.pass(Span::millis(10));
    rig.lifecycle.applied(MetadataOffset(8));
    rig.heartbeat(Ok(BrokerState::Fenced));
    rig.heartbeat(Ok(BrokerState::Active));
    rig.pass(Span::secs(2));
    assert_eq!(rig.events, [LifecycleEvent::Registered(BrokerEpoch(7))]);
    assert_eq!(
        rig.said_of("e"),
        "0ms to node-0: register 4 Some(be3)\n\
         0ms to node-0: fetch from 0\n\
         0ms to node-0: beat be7 @0 Fence\n\
         10ms to node-0: beat be7 @0 Fence\n\
         10ms to node-0: beat be7 @8 Serve\n\
         2010ms to node-0: beat be7 @8 Serve"
    );
}

#[test]
fn a_refused_registration_is_repeated_ever_more_slowly() {
    let mut rig = Rig::new(1);
    for _ in 0..3 {
        rig.register(Err(ErrorCode::DuplicateBrokerRegistration));
        rig.pass(Span::secs(1));
    }
    assert_eq!(rig.said_of("register").lines().count(), 4);
    rig.register(Ok(BrokerEpoch(9)));
    assert_eq!(rig.lifecycle.epoch(), Some(BrokerEpoch(9)));
}

#[test]
fn a_stale_epoch_leads_to_heartbeats_but_not_to_a_new_registration() {
    let mut rig = Rig::running();
    rig.pass(Span::secs(2));
    for _ in 0..3 {
        rig.heartbeat(Err(ErrorCode::StaleBrokerEpoch));
        rig.pass(Span::secs(1));
    }
    assert_eq!(rig.said_of("beat").lines().count(), 4);
    assert_eq!(rig.said_of("register"), "");
}

#[test]
fn it_turns_to_the_next_controller_when_one_is_not_active_or_gone() {
    let mut rig = Rig::new(3);
    rig.register(Err(ErrorCode::NotController));
    let conn = rig.open.iter().find(|(_, _, r)| brief(r).contains("register")).unwrap().0;
    rig.open.retain(|(of, _, _)| *of != conn);
    assert!(rig.lifecycle.on_closed(rig.now, conn, &mut rig.out));
    assert!(!rig.lifecycle.on_closed(rig.now, ConnId(99), &mut rig.out));
    rig.collect();
    rig.pass(Span::millis(100));
    assert_eq!(
        rig.said_of("register"),
        "0ms to node-0: register 4 Some(be3)\n\
         0ms to node-1: register 4 Some(be3)\n\
         0ms to node-2: register 4 Some(be3)"
    );
}

#[test]
fn a_silent_controller_is_given_up_after_half_a_session() {
    let mut rig = Rig::new(1);
    rig.pass(Span::secs(5));
    assert_eq!(
        rig.said_of("register"),
        "0ms to node-0: register 4 Some(be3)\n4550ms to node-0: register 4 Some(be3)"
    );
    assert_eq!(rig.said_of("fetch"), "0ms to node-0: fetch from 0\n2550ms to node-0: fetch from 0");
}

#[test]
fn metadata_are_fetched_from_where_they_end() {
    let mut rig = Rig::new(1);
    let record = MetadataRecord::ProducerIds { next: ProducerId(1000) };
    let records: Arc<[MetadataRecord]> = Arc::new([record.clone(), record]);
    for (from, records) in [(0, Arc::clone(&records)), (2, Arc::new([]))] {
        let nothing = FetchMetadataResponse::nothing(MetadataOffset(from));
        rig.answer(Response::FetchMetadata(FetchMetadataResponse { records, ..nothing }));
    }
    assert_eq!(rig.events, [LifecycleEvent::Metadata(records)]);
    assert_eq!(
        rig.said_of("fetch"),
        "0ms to node-0: fetch from 0\n0ms to node-0: fetch from 2\n0ms to node-0: fetch from 2"
    );
}

#[test]
fn a_running_broker_stops_when_the_controller_lets_it() {
    let mut rig = Rig::running();
    rig.pass(Span::secs(1));
    rig.lifecycle.begin_shutdown(rig.now, &mut rig.out);
    rig.collect();
    rig.heartbeat(Ok(BrokerState::ControlledShutdown));
    rig.pass(Span::millis(50));
    rig.heartbeat(Ok(BrokerState::ControlledShutdown));
    rig.pass(Span::secs(2));
    rig.heartbeat(Ok(BrokerState::MayStop));
    rig.pass(Span::secs(60));
    assert_eq!(rig.events, [LifecycleEvent::MayStop]);
    assert_eq!(
        rig.said_of("beat"),
        "1000ms to node-0: beat be0 @1 Shutdown\n\
         1050ms to node-0: beat be0 @1 Shutdown\n\
         3050ms to node-0: beat be0 @1 Shutdown"
    );
}

#[test]
fn a_wish_to_stop_follows_a_heartbeat_under_way_at_once() {
    let mut rig = Rig::running();
    rig.pass(Span::secs(2));
    rig.lifecycle.begin_shutdown(rig.now, &mut rig.out);
    rig.collect();
    rig.heartbeat(Ok(BrokerState::Active));
    assert_eq!(
        rig.said_of("beat"),
        "2000ms to node-0: beat be0 @1 Serve\n2000ms to node-0: beat be0 @1 Shutdown"
    );
}

#[test]
fn a_broker_that_never_ran_stops_at_once() {
    let mut rig = Rig::new(1);
    rig.lifecycle.begin_shutdown(rig.now, &mut rig.out);
    rig.collect();
    rig.pass(Span::ZERO);
    assert_eq!(rig.events, [LifecycleEvent::MayStop]);
}

#[test]
fn proposals_wait_for_the_request_under_way_and_leave_together() {
    let mut rig = Rig::running();
    for partition in [0, 1, 2, 0] {
        rig.propose(partition);
    }
    rig.altered(ErrorCode::None, &[(0, ErrorCode::FencedLeaderEpoch)]);
    rig.pass(Span::ZERO);
    rig.altered(
        ErrorCode::None,
        &[(1, ErrorCode::UnknownServerError), (2, ErrorCode::IneligibleReplica)],
    );
    let altered = |p, error| LifecycleEvent::Altered(orders(p), Err(error));
    assert_eq!(
        rig.events,
        [
            altered(0, ErrorCode::FencedLeaderEpoch),
            altered(0, ErrorCode::OperationNotAttempted),
            altered(2, ErrorCode::IneligibleReplica),
            LifecycleEvent::AlterRetry(vec![orders(1)]),
        ]
    );
    assert_eq!(rig.said_of("alter"), "0ms to node-0: alter [0]\n0ms to node-0: alter [1, 2]");
}

#[test]
fn without_the_rule_a_retry_finds_its_place_taken() {
    let mut rig = Rig::under(Rules::ALL.without(Rule::RetryFindsRoom), 1);
    rig.register(Ok(BrokerEpoch(0)));
    rig.events.clear();
    rig.propose(1);
    rig.altered(ErrorCode::None, &[(1, ErrorCode::UnknownServerError)]);
    let refused = LifecycleEvent::Altered(orders(1), Err(ErrorCode::OperationNotAttempted));
    assert_eq!(rig.events, [refused]);
}

#[test]
fn a_request_refused_as_a_whole_is_sent_again() {
    let mut rig = Rig::running();
    rig.propose(3);
    rig.altered(ErrorCode::StaleBrokerEpoch, &[]);
    rig.propose(4);
    rig.pass(Span::millis(50));
    rig.altered(ErrorCode::None, &[(4, ErrorCode::InvalidRequest)]);
    assert_eq!(
        rig.said_of("alter"),
        "0ms to node-0: alter [3]\n50ms to node-0: alter [3, 4]\n50ms to node-0: alter [3]"
    );
}

#[test]
fn a_controller_that_is_behind_for_one_partition_is_left_and_the_request_goes_to_the_next() {
    let mut rig = Rig::new(2);
    rig.register(Ok(BrokerEpoch(0)));
    rig.events.clear();
    rig.propose(0);
    rig.propose(1);
    rig.altered(ErrorCode::None, &[(0, ErrorCode::NotController)]);
    assert_eq!(rig.events, []);
    assert_eq!(rig.said_of("alter"), "0ms to node-0: alter [0]\n0ms to node-1: alter [0, 1]");
    let fenced = ErrorCode::FencedLeaderEpoch;
    rig.altered(ErrorCode::None, &[(0, fenced), (1, fenced)]);
    let altered = |p| LifecycleEvent::Altered(orders(p), Err(fenced));
    assert_eq!(rig.events, [altered(0), altered(1)]);
}

#[test]
fn who_has_found_a_controller_stays_with_it_until_it_says_that_it_is_none() {
    let mut rig = Rig::new(2);
    rig.register(Ok(BrokerEpoch(0)));
    rig.answer(Response::FetchMetadata(FetchMetadataResponse {
        error: ErrorCode::NotController,
        leader: Some(NodeId(1)),
        ..FetchMetadataResponse::nothing(MetadataOffset(0))
    }));
    rig.answer(Response::FetchMetadata(FetchMetadataResponse::nothing(MetadataOffset(0))));
    assert_eq!(rig.said_of("fetch").lines().last(), Some("0ms to node-1: fetch from 0"));
    rig.heartbeat(Ok(BrokerState::Fenced));
    rig.pass(Span::secs(2));
    assert_eq!(
        rig.said_of("beat").lines().last().unwrap().split(':').next(),
        Some("10ms to node-0")
    );
    // Who looks for one for the first time begins where metadata come from.
    rig.propose(0);
    assert_eq!(rig.said_of("alter"), "2000ms to node-1: alter [0]");
}

#[test]
fn producer_ids_are_asked_for_once_registered_and_until_given() {
    let mut rig = Rig::new(1);
    rig.lifecycle.want_producer_ids(rig.now, &mut rig.out);
    rig.collect();
    assert_eq!(rig.said_of("allocate"), "");
    rig.register(Ok(BrokerEpoch(0)));
    let refused = AllocateProducerIdsResponse { block: Err(ErrorCode::StaleBrokerEpoch) };
    rig.answer(Response::AllocateProducerIds(refused));
    rig.pass(Span::millis(50));
    let given = AllocateProducerIdsResponse { block: Ok((ProducerId(1000), 1000)) };
    rig.answer(Response::AllocateProducerIds(given));
    assert_eq!(rig.said_of("allocate").lines().count(), 2);
    assert!(rig.events.contains(&LifecycleEvent::ProducerIds(ProducerId(1000), 1000)));
}
