use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{
    BrokerId, ErrorCode, NodeId, Span, Stream, Streams, Time, TopicId, TopicPartition, Wall,
};

use super::Admin;
use crate::message::{Correlation, Msg, NewTopic, Request, Response};
use crate::settings::{TimestampType, TopicSettings, UncleanElection};
use crate::{
    Boot, Call, Completion, ConnId, Directory, Effect, Exit, Input, Machine, Now, OpId, Outbox,
    Rules, Timer,
};

/// An admin client with scripted controllers at the other end.
struct Rig {
    admin: Admin,
    now: Now,
    out: Outbox,
    timer: Option<Time>,
    peers: Vec<(ConnId, NodeId)>,
    /// The request without an answer.
    open: Option<(ConnId, Correlation, Request)>,
    said: Vec<String>,
}

const CREATE: OpId = OpId(1);

impl Rig {
    fn new(controllers: u16) -> Self {
        let controllers = (0..controllers).map(NodeId).collect();
        let boot = Boot {
            node: NodeId(9),
            incarnation: 0,
            directory: Arc::new(Directory { brokers: Vec::new(), controllers }),
            rules: Rules::ALL,
            rng: Streams::new(1).stream(Stream::Machine, 9),
        };
        let now = Now { mono: Time::ZERO, wall: Wall(0) };
        let mut out = Outbox::default();
        let admin = Admin::boot(now, boot, (), (), &mut out);
        Self { admin, now, out, timer: None, peers: Vec::new(), open: None, said: Vec::new() }
    }

    fn give(&mut self, input: Input) -> &mut Self {
        self.admin.handle(self.now, input, &mut self.out);
        for effect in core::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Connect(conn, to) => self.peers.push((conn, to)),
                Effect::Send(conn, Msg::Request(correlation, request)) => {
                    let to = self.peers.iter().find(|(of, _)| *of == conn).unwrap().1;
                    self.said.push(format!("{} to {to}", request.api().name()));
                    assert!(self.open.replace((conn, correlation, request)).is_none());
                }
                Effect::Close(conn) => {
                    self.said.push("close".to_string());
                    self.open.take_if(|(of, _, _)| *of == conn);
                }
                Effect::SetTimer(Timer::Admin, at) => self.timer = Some(at),
                Effect::CancelTimer(Timer::Admin) => self.timer = None,
                Effect::Complete(op, Completion::Done(outcome)) => {
                    let at = self.now.mono.as_millis() / 1000;
                    self.said.push(format!("{op:?} at {at}s: {outcome:?}"));
                }
                Effect::Exit(exit) => self.said.push(format!("{exit:?}")),
                other => panic!("unexpected effect {other:?}"),
            }
        }
        self
    }

    /// Lets time pass, firing the timer in between.
    fn pass(&mut self, span: Span) -> &mut Self {
        let until = self.now.mono + span;
        while let Some(at) = self.timer.filter(|at| *at <= until) {
            self.now.mono = self.now.mono.max(at);
            self.timer = None;
            self.give(Input::Timer(Timer::Admin));
        }
        self.now.mono = until;
        self
    }

    fn answer(&mut self, error: ErrorCode) -> &mut Self {
        let (conn, correlation, request) = self.open.take().expect("a request is open");
        let response = match request {
            Request::CreateTopics(_) => Response::CreateTopics(error),
            Request::CreatePartitions(_) => Response::CreatePartitions(error),
            Request::AlterPartitionReassignments(_) => Response::AlterPartitionReassignments(error),
            Request::IncrementalAlterConfigs(_) => Response::IncrementalAlterConfigs(error),
            Request::ElectLeaders(_) => Response::ElectLeaders(error),
            other => panic!("no business of an admin client: {other:?}"),
        };
        self.give(Input::Recv(conn, Msg::Response(correlation, response)))
    }

    /// Breaks the connection of the open request.
    fn cut(&mut self) -> &mut Self {
        let (conn, ..) = self.open.take().expect("a request is open");
        self.give(Input::Closed(conn))
    }

    fn create(&mut self) -> &mut Self {
        let settings = TopicSettings {
            min_insync_replicas: 1,
            unclean_election: UncleanElection::Forbidden,
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            flush_messages: None,
            ..TopicSettings::default()
        };
        let topic = NewTopic {
            topic: TopicId(1),
            partitions: 3,
            replication: 3,
            settings: Arc::new(settings),
        };
        self.give(Input::Call(CREATE, Call::CreateTopic(topic)))
    }

    fn said(&mut self) -> String {
        core::mem::take(&mut self.said).join("; ")
    }
}

const fn elect(to: Option<BrokerId>) -> Call {
    Call::ElectLeader { partition: TopicPartition::new(TopicId(1), 0), to }
}

#[test]
fn a_topic_is_created_once_the_brokers_are_there() {
    let mut rig = Rig::new(1);
    rig.create().answer(ErrorCode::InvalidReplicationFactor).pass(Span::secs(1));
    rig.answer(ErrorCode::None);
    assert_eq!(rig.said(), "CreateTopics to node-0; CreateTopics to node-0; OpId(1) at 1s: Ok");
    assert_eq!(rig.timer, None, "nothing is left to wait for");
}

#[test]
fn a_controller_that_is_not_active_is_left_for_the_next() {
    let mut rig = Rig::new(2);
    rig.create().answer(ErrorCode::NotController).pass(Span::secs(1)).answer(ErrorCode::None);
    assert_eq!(
        rig.said(),
        "CreateTopics to node-0; close; CreateTopics to node-1; OpId(1) at 1s: Ok"
    );
}

#[test]
fn a_topic_that_exists_after_a_lost_answer_was_created_by_the_call() {
    let mut rig = Rig::new(2);
    rig.create().cut().pass(Span::secs(1)).answer(ErrorCode::TopicAlreadyExists);
    assert_eq!(rig.said(), "CreateTopics to node-0; CreateTopics to node-1; OpId(1) at 1s: Ok");
    let mut rig = Rig::new(2);
    rig.create().answer(ErrorCode::TopicAlreadyExists);
    assert_eq!(rig.said(), "CreateTopics to node-0; OpId(1) at 0s: Fail(TopicAlreadyExists)");
}

#[test]
fn silence_is_given_up_after_the_request_timeout_and_for_good_after_the_api_timeout() {
    let mut rig = Rig::new(2);
    rig.create().pass(Span::secs(61));
    assert_eq!(
        rig.said(),
        "CreateTopics to node-0; close; CreateTopics to node-1; close; \
         OpId(1) at 60s: Unknown(RequestTimedOut)"
    );
}

#[test]
fn a_call_that_was_only_ever_refused_failed_for_certain() {
    let mut rig = Rig::new(1);
    rig.create();
    for _ in 0..200 {
        if rig.open.is_some() {
            rig.answer(ErrorCode::InvalidReplicationFactor);
        }
        rig.pass(Span::millis(500));
    }
    let said = rig.said();
    assert!(said.ends_with("OpId(1) at 60s: Fail(InvalidReplicationFactor)"), "{said}");
}

#[test]
fn a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() {
    let mut rig = Rig::new(1);
    rig.give(Input::Call(OpId(2), elect(Some(BrokerId(2))))).cut().pass(Span::secs(1));
    rig.answer(ErrorCode::PreferredLeaderNotAvailable);
    assert!(rig.said().ends_with("OpId(2) at 1s: Unknown(PreferredLeaderNotAvailable)"));
}

#[test]
fn an_election_that_is_not_needed_or_not_possible_is_not_tried_again() {
    for (error, outcome) in [
        (ErrorCode::ElectionNotNeeded, Outcome::Ok),
        (
            ErrorCode::PreferredLeaderNotAvailable,
            Outcome::Fail(ErrorCode::PreferredLeaderNotAvailable),
        ),
        (ErrorCode::UnknownTopicOrPartition, Outcome::Fail(ErrorCode::UnknownTopicOrPartition)),
    ] {
        let mut rig = Rig::new(1);
        rig.give(Input::Call(OpId(2), elect(None))).answer(error).pass(Span::secs(99));
        assert_eq!(rig.said(), format!("ElectLeaders to node-0; OpId(2) at 0s: {outcome:?}"));
    }
}

#[test]
fn calls_go_out_one_at_a_time_and_a_waiting_one_does_not_hold_up_the_others() {
    let mut rig = Rig::new(1);
    let expand = Call::CreatePartitions { topic: TopicId(1), partitions: 6 };
    rig.create().give(Input::Call(OpId(2), expand));
    assert_eq!(rig.said(), "CreateTopics to node-0");
    rig.answer(ErrorCode::InvalidReplicationFactor).answer(ErrorCode::None);
    assert_eq!(rig.said(), "CreatePartitions to node-0; OpId(2) at 0s: Ok");
    rig.pass(Span::secs(1));
    assert_eq!(rig.said(), "CreateTopics to node-0");
}

#[test]
fn closing_and_shutting_down_wait_for_the_calls_under_way() {
    let mut rig = Rig::new(1);
    rig.create().give(Input::Call(OpId(2), Call::Close)).give(Input::Shutdown);
    assert_eq!(rig.said(), "CreateTopics to node-0");
    rig.answer(ErrorCode::None);
    let exit = format!("{:?}", Exit::Clean);
    assert_eq!(rig.said(), format!("OpId(1) at 0s: Ok; OpId(2) at 0s: Ok; close; {exit}"));
}

#[test]
fn what_an_admin_client_cannot_do_is_refused() {
    let mut rig = Rig::new(1);
    rig.give(Input::Call(OpId(3), Call::Flush));
    assert_eq!(rig.said(), "OpId(3) at 0s: Fail(InvalidRequest)");
    rig.give(Input::Opened(ConnId(77), NodeId(5)));
    assert_eq!(rig.said(), "close");
}
