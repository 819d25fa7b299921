use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, Key, LeaderEpoch, NodeId, Offset, PartitionEpoch,
    ProducerEpoch, ProducerId, Rng, Sequence, SourceId, Span, Stream, Streams, Time, TopicId,
    TopicPartition, Wall,
};

use super::Producer;
use crate::channel::Backoff;
use crate::compression::Codec;
use crate::message::{
    Correlation, InitProducerIdRequest, InitProducerIdResponse, MetadataResponse, Msg,
    ProduceRequest, ProduceResponse, ProduceResult, Request, Response,
};
use crate::metadata::{
    BrokerStatus, Brokers, MetadataImage, MetadataRecord, PartitionRegistration, Recovery,
};
use crate::record::{Batch, Payload};
use crate::settings::{
    Adaptive, Buffering, Delivery, IdempotenceBy, Partitioner, ProducerSettings, RetryOrder,
    TimestampType, TopicSettings, UncleanElection,
};
use crate::{
    Boot, Call, Completion, ConnId, Directory, Effect, Input, Machine, Mark, Now, OpId, Outbox,
    ProducerSetup, Report, Rule, Rules, SendCall, Timer,
};

mod librdkafka;
mod transactions;
mod wrap;

const TOPIC: TopicId = TopicId(1);

/// A host that answers metadata and id requests at once, and leaves produce requests to the test.
struct Host {
    producer: Producer,
    out: Outbox,
    now: Time,
    timers: BTreeMap<Timer, Time>,
    conns: BTreeMap<ConnId, NodeId>,
    /// Produce requests without an answer.
    pending: Vec<(ConnId, Correlation, ProduceRequest)>,
    image: MetadataImage,
    /// Whether connections can be made at all.
    reachable: bool,
    next_op: u32,
    /// What the application was told, in order.
    told: Vec<String>,
    /// What a transactional producer has asked of its coordinator.
    asked: Vec<String>,
    /// How the next of those requests are answered; those after them, as they should be.
    replies: VecDeque<Reply>,
}

/// How a transactional request is answered.
#[derive(Clone, Copy)]
enum Reply {
    /// As it should be.
    Well,
    /// With an error.
    With(ErrorCode),
    /// Never: the connection breaks.
    Reset,
    /// Never.
    Silence,
}

fn settings() -> ProducerSettings {
    ProducerSettings {
        delivery: Delivery::Idempotent,
        idempotence: IdempotenceBy::Name,
        retries: i32::MAX.unsigned_abs(),
        max_in_flight: 5,
        batch_size: 16_384,
        compression: Codec::None,
        batch_records: u32::MAX,
        linger: Span::ZERO,
        buffer_memory: 32 << 20,
        buffering: Buffering::Batches,
        max_block: Span::secs(60),
        max_request_size: 1 << 20,
        request_timeout: Span::secs(30),
        ack_timeout: Span::secs(30),
        delivery_timeout: Span::secs(120),
        retry_order: RetryOrder::Front,
        retry_backoff: Backoff { first: Span::millis(100), most: Span::millis(100) },
        reconnect_backoff: Backoff { first: Span::millis(50), most: Span::millis(50) },
        metadata_max_age: Span::secs(300),
        partitioner: Partitioner::BuiltIn(Adaptive::On),
        partitioner_availability_timeout: Span::ZERO,
        transaction: None,
    }
}

fn image(partitions: u16, leader: BrokerId, epoch: i32) -> MetadataImage {
    let mut image = MetadataImage::default();
    let topic = Arc::new(TopicSettings {
        min_insync_replicas: 1,
        unclean_election: UncleanElection::Forbidden,
        max_message_bytes: 1_048_588,
        timestamp_type: TimestampType::CreateTime,
        flush_messages: None,
        ..TopicSettings::default()
    });
    for broker in [BrokerId(1), BrokerId(2)] {
        let epoch = BrokerEpoch(1);
        image.apply(&MetadataRecord::RegisterBroker { broker, epoch, incarnation: 0, rack: None });
        let state = BrokerStatus::Active;
        image.apply(&MetadataRecord::ChangeBroker { broker, epoch, state });
    }
    if partitions > 0 {
        image.apply(&MetadataRecord::Topic { topic: TOPIC, settings: topic });
    }
    for number in 0..partitions {
        let replicas: Brokers = [BrokerId(1), BrokerId(2)].into_iter().collect();
        let registration = PartitionRegistration {
            replicas: replicas.clone(),
            isr: replicas,
            adding: Brokers::new(),
            removing: Brokers::new(),
            elr: Brokers::new(),
            last_known_elr: Brokers::new(),
            leader: Some(leader),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(epoch),
            recovery: Recovery::Recovered,
        };
        image.apply(&MetadataRecord::Partition {
            partition: TopicPartition::new(TOPIC, number),
            registration: Arc::new(registration),
        });
    }
    image
}

impl Host {
    fn new(settings: ProducerSettings) -> Self {
        Self::with(settings, Rules::ALL, image(1, BrokerId(1), 0), true)
    }

    fn with(
        settings: ProducerSettings,
        rules: Rules,
        image: MetadataImage,
        reachable: bool,
    ) -> Self {
        Self::from(settings, rules, image, reachable, Sequence(0))
    }

    fn from(
        settings: ProducerSettings,
        rules: Rules,
        image: MetadataImage,
        reachable: bool,
        sequence: Sequence,
    ) -> Self {
        let directory = Directory {
            brokers: vec![(BrokerId(1), NodeId(1)), (BrokerId(2), NodeId(2))],
            controllers: Vec::new(),
        };
        let boot = Boot {
            node: NodeId(9),
            incarnation: 0,
            directory: Arc::new(directory),
            rules,
            rng: Streams::new(1).stream(Stream::Machine, 9),
        };
        let setup = ProducerSetup { settings: Arc::new(settings), source: SourceId(0), sequence };
        let mut out = Outbox::default();
        let now = Time(1_000_000);
        let producer = Producer::boot(Now { mono: now, wall: Wall(1) }, boot, setup, (), &mut out);
        let mut host = Self {
            producer,
            out,
            now,
            timers: BTreeMap::new(),
            conns: BTreeMap::new(),
            pending: Vec::new(),
            image,
            reachable,
            next_op: 0,
            told: Vec::new(),
            asked: Vec::new(),
            replies: VecDeque::new(),
        };
        host.carry_out();
        host
    }

    fn input(&mut self, input: Input) {
        let wall = Wall(i64::try_from(self.now.as_millis()).unwrap());
        self.producer.handle(Now { mono: self.now, wall }, input, &mut self.out);
    }

    fn step(&mut self, input: Input) {
        self.input(input);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while !self.out.effects.is_empty() {
            for effect in core::mem::take(&mut self.out.effects) {
                self.effect(effect);
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Connect(conn, node) => {
                self.conns.insert(conn, node);
                if !self.reachable {
                    self.conns.remove(&conn);
                    self.input(Input::Closed(conn));
                }
            }
            Effect::Send(conn, Msg::Request(correlation, request)) => {
                self.request(conn, correlation, request);
            }
            Effect::Close(conn) => {
                self.conns.remove(&conn);
                self.pending.retain(|(other, ..)| *other != conn);
            }
            Effect::SetTimer(timer, at) => {
                assert!(at > self.now, "{timer:?} is set for {at}, not after {}", self.now);
                self.timers.insert(timer, at);
            }
            Effect::CancelTimer(timer) => {
                self.timers.remove(&timer);
            }
            Effect::Complete(op, completion) => self.told.push(match completion {
                Completion::Accepted(partition, value) => format!("{}: {partition} {value}", op.0),
                Completion::Refused(code) => format!("{}: refused {code}", op.0),
                Completion::Done(outcome) => format!("{}: {}", op.0, outcome_text(outcome)),
                Completion::Records(_) => unreachable!("a producer polls nothing"),
            }),
            Effect::Report(Report::Delivered { partition, values, base, outcome }) => {
                let outcome = outcome_text(outcome);
                self.told.push(format!("{partition} {values:?} @{base} {outcome}"));
            }
            Effect::Exit(exit) => self.told.push(format!("exit {exit:?}")),
            other @ (Effect::Send(..) | Effect::Sync(_) | Effect::Report(_)) => {
                unreachable!("not an effect of a producer: {other:?}")
            }
        }
    }

    fn request(&mut self, conn: ConnId, correlation: Correlation, request: Request) {
        if !self.conns.contains_key(&conn) {
            return;
        }
        let response = match request {
            Request::Produce(produce) => {
                return self.pending.push((conn, correlation, produce));
            }
            Request::Metadata(_) => {
                Response::Metadata(MetadataResponse { image: Arc::new(self.image.clone()) })
            }
            Request::InitProducerId(InitProducerIdRequest { transaction: None, .. }) => {
                Response::InitProducerId(InitProducerIdResponse {
                    producer: Ok((ProducerId(7), ProducerEpoch(0))),
                })
            }
            request @ (Request::FindCoordinator(_)
            | Request::InitProducerId(_)
            | Request::AddPartitionsToTxn(_)
            | Request::EndTxn(_)) => {
                let Some(response) = self.transactional(conn, request) else { return };
                response
            }
            other => unreachable!("not a request of a producer: {other:?}"),
        };
        self.input(Input::Recv(conn, Msg::Response(correlation, response)));
    }

    fn call(&mut self, call: Call) {
        self.next_op += 1;
        self.step(Input::Call(OpId(self.next_op - 1), call));
    }

    fn send(&mut self, partition: Option<u16>, bytes: u32) {
        self.call(Call::Send(SendCall {
            topic: TOPIC,
            partition,
            key: None,
            bytes,
            saves: 700,
            payload: Payload::Value,
        }));
    }

    fn advance(&mut self, span: Span) {
        let until = self.now + span;
        while let Some((timer, at)) =
            self.timers.iter().map(|(timer, at)| (*timer, *at)).min_by_key(|(_, at)| *at)
            && at <= until
        {
            self.now = at;
            self.timers.remove(&timer);
            self.step(Input::Timer(timer));
        }
        self.now = until;
    }

    /// Answers the oldest produce request, all batches alike; bases count from `base`.
    fn answer(&mut self, error: ErrorCode, base: i64) {
        let (conn, correlation, produce) = self.pending.remove(0);
        let mut base = base;
        let mut results = Vec::new();
        for (partition, batch) in &produce.batches {
            let at = if error == ErrorCode::None { Offset(base) } else { Offset::UNKNOWN };
            results.push(ProduceResult {
                partition: *partition,
                error,
                base: at,
                log_start: Offset::ZERO,
            });
            base += i64::from(batch.count);
        }
        let response = Response::Produce(ProduceResponse { results });
        self.step(Input::Recv(conn, Msg::Response(correlation, response)));
    }

    /// Kills the connection of the oldest produce request.
    fn reset(&mut self) {
        let conn = self.pending[0].0;
        self.pending.retain(|(other, ..)| *other != conn);
        self.conns.remove(&conn);
        self.step(Input::Closed(conn));
    }

    /// The produce requests without an answer.
    fn on_wire(&self) -> Vec<String> {
        let request = |(conn, _, produce): &(ConnId, Correlation, ProduceRequest)| {
            let mut text = self.conns[conn].to_string();
            for (partition, batch) in &produce.batches {
                let values = batch.values().unwrap();
                text += &format!(" {partition} {values:?}");
                if let Some(stamp) = batch.stamp {
                    text += &format!(" {:?}{:?}", stamp.epoch, stamp.sequence);
                }
            }
            text
        };
        self.pending.iter().map(request).collect()
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
    }
}

fn outcome_text(outcome: Outcome) -> String {
    match outcome {
        Outcome::Ok => "ok".to_string(),
        Outcome::Fail(code) => format!("fail {code}"),
        Outcome::Unknown(code) => format!("unknown {code}"),
    }
}

#[test]
fn records_wait_for_linger_and_travel_together() {
    let mut host = Host::new(ProducerSettings { linger: Span::millis(5), ..settings() });
    host.send(Some(0), 100);
    host.advance(Span::millis(3));
    host.send(Some(0), 100);
    assert_eq!(host.told(), ["0: topic-1/0 v0.0", "1: topic-1/0 v0.1"]);
    host.advance(Span::micros(1_999));
    assert!(host.on_wire().is_empty());
    host.advance(Span::micros(1));
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+2 pe0s0"]);
    host.answer(ErrorCode::None, 40);
    assert_eq!(host.told(), ["topic-1/0 v0.0+2 @40 ok"]);
}

#[test]
fn a_full_batch_does_not_wait() {
    let linger = Span::secs(10);
    let mut host = Host::new(ProducerSettings { linger, batch_size: 300, ..settings() });
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    assert!(host.on_wire().is_empty());
    host.send(Some(0), 100);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+2 pe0s0"]);
}

#[test]
fn one_request_carries_one_batch_of_each_partition() {
    let image = image(3, BrokerId(2), 0);
    let linger = Span::millis(5);
    let settings = ProducerSettings { linger, batch_size: 150, ..settings() };
    let mut host = Host::with(settings, Rules::ALL, image, true);
    for partition in [2, 0, 1] {
        host.send(Some(partition), 50);
    }
    host.advance(Span::millis(5));
    let wire = "node-2 topic-1/0 v0.0+1 pe0s0 topic-1/1 v0.0+1 pe0s0 topic-1/2 v0.0+1 pe0s0";
    assert_eq!(host.on_wire(), [wire]);
}

#[test]
fn a_lost_ack_is_retried_with_the_same_sequence() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.reset();
    assert!(host.on_wire().is_empty());
    host.advance(Span::millis(100));
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s0"]);
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.told(), ["0: topic-1/0 v0.0", "topic-1/0 v0.0+1 @0 ok"]);
    assert!(host.out.marks.contains(Mark::ProduceRetried));
}

#[test]
fn idempotent_retries_keep_their_order() {
    let mut host = Host::new(settings());
    for _ in 0..3 {
        host.send(Some(0), 100);
    }
    assert_eq!(host.on_wire().len(), 3);
    host.answer(ErrorCode::NotEnoughReplicas, 0);
    host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    host.send(Some(0), 100);
    host.advance(Span::millis(100));
    // Only the oldest goes alone, then one after the other, new batches last.
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s0"]);
    for sequence in 1..4 {
        host.answer(ErrorCode::None, 0);
        let last = host.on_wire();
        assert_eq!(last[0], format!("node-1 topic-1/0 v0.{sequence}+1 pe0s{sequence}"));
    }
}

#[test]
fn without_idempotence_a_retry_is_overtaken() {
    let mut host = Host::new(ProducerSettings { delivery: Delivery::AllReplicas, ..settings() });
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    host.answer(ErrorCode::NotEnoughReplicas, 0);
    host.answer(ErrorCode::None, 0);
    host.advance(Span::millis(100));
    host.answer(ErrorCode::None, 1);
    let told = host.told();
    assert_eq!(told[2..], ["topic-1/0 v0.1+1 @0 ok", "topic-1/0 v0.0+1 @1 ok"]);
}

#[test]
fn one_request_in_flight_keeps_order_without_idempotence() {
    let delivery = Delivery::AllReplicas;
    let mut host = Host::new(ProducerSettings { delivery, max_in_flight: 1, ..settings() });
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1"]);
    host.answer(ErrorCode::NotEnoughReplicas, 0);
    assert!(host.on_wire().is_empty());
    host.advance(Span::millis(100));
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1"]);
}

#[test]
fn without_the_rule_a_failed_batch_loses_its_place() {
    let rules = Rules::ALL.without(Rule::RetryKeepsOrder);
    let settings = ProducerSettings { max_in_flight: 1, ..settings() };
    let mut host = Host::with(settings, rules, image(1, BrokerId(1), 0), true);
    host.send(Some(0), 100);
    host.send(Some(0), 9_000);
    host.send(Some(0), 9_000);
    host.answer(ErrorCode::NotEnoughReplicas, 0);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1 pe0s0"]);
    host.answer(ErrorCode::None, 0);
    host.answer(ErrorCode::None, 1);
    host.advance(Span::millis(100));
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s2"]);
}

#[test]
fn a_batch_never_sent_fails_for_certain_at_its_delivery_timeout() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.answer(ErrorCode::None, 0);
    host.told();
    host.reachable = false;
    for conn in core::mem::take(&mut host.conns).into_keys() {
        host.step(Input::Closed(conn));
    }
    host.send(Some(0), 100);
    host.advance(Span::secs(119));
    assert_eq!(host.told(), ["1: topic-1/0 v0.1"]);
    host.advance(Span::secs(1));
    assert_eq!(host.told(), ["topic-1/0 v0.1+1 @-1 fail REQUEST_TIMED_OUT"]);
    assert!(host.out.marks.contains(Mark::DeliveryTimedOut));
}

#[test]
fn a_batch_that_was_sent_is_unknown_at_its_delivery_timeout() {
    let timeout = Span::secs(20);
    let mut host = Host::new(ProducerSettings { delivery_timeout: timeout, ..settings() });
    host.send(Some(0), 100);
    host.advance(timeout);
    let told = host.told();
    assert_eq!(told[1..], ["topic-1/0 v0.0+1 @-1 unknown REQUEST_TIMED_OUT"]);
    // Its answer comes late: nothing is told, but the sequence counts.
    host.answer(ErrorCode::None, 0);
    host.send(Some(0), 100);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1 pe0s1"]);
    assert_eq!(host.told(), ["1: topic-1/0 v0.1"]);
}

#[test]
fn a_silent_broker_is_given_up_after_the_request_timeout() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.advance(Span::millis(30_100));
    assert!(host.out.marks.contains(Mark::RequestTimedOut));
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s0"]);
}

#[test]
fn a_definite_failure_begins_a_new_epoch() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.answer(ErrorCode::MessageTooLarge, 0);
    assert_eq!(host.told()[1..], ["topic-1/0 v0.0+1 @-1 fail MESSAGE_TOO_LARGE"]);
    host.send(Some(0), 100);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1 pe1s0"]);
    assert!(host.out.marks.contains(Mark::ProducerEpochBumped));
}

/// One batch may have been appended when the one behind it fails for good.
fn doubtful_then_failed(rules: Rules) -> Host {
    let mut host = Host::with(settings(), rules, image(1, BrokerId(1), 0), true);
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    host.answer(ErrorCode::NotEnoughReplicasAfterAppend, 0);
    host.answer(ErrorCode::MessageTooLarge, 0);
    host.send(Some(0), 100);
    host.advance(Span::millis(100));
    host
}

#[test]
fn a_new_epoch_waits_for_batches_of_the_old_one() {
    let mut host = doubtful_then_failed(Rules::ALL);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s0"]);
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.2+1 pe1s0"]);
}

#[test]
fn without_the_rule_a_new_epoch_sends_a_written_batch_again() {
    let host = doubtful_then_failed(Rules::ALL.without(Rule::BumpAwaitsInFlight));
    assert_eq!(host.on_wire()[0], "node-1 topic-1/0 v0.0+1 pe1s0");
}

/// Partition 0 begins a new epoch, partition 1 has nothing under way then.
fn after_anothers_epoch(rules: Rules) -> Host {
    let mut host = Host::with(settings(), rules, image(2, BrokerId(1), 0), true);
    host.send(Some(1), 100);
    host.answer(ErrorCode::None, 0);
    host.send(Some(0), 100);
    host.answer(ErrorCode::MessageTooLarge, 0);
    host.send(Some(1), 100);
    host
}

#[test]
fn every_partition_begins_at_zero_in_a_new_epoch() {
    let host = after_anothers_epoch(Rules::ALL);
    assert_eq!(host.on_wire(), ["node-1 topic-1/1 v0.1+1 pe1s0"]);
}

#[test]
fn without_the_rule_only_the_partition_that_began_the_epoch_does() {
    let mut host = after_anothers_epoch(Rules::ALL.without(Rule::SequencesBeginWithEpoch));
    assert_eq!(host.on_wire(), ["node-1 topic-1/1 v0.1+1 pe1s1"]);
    host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    host.advance(Span::millis(100));
    assert_eq!(host.on_wire(), ["node-1 topic-1/1 v0.1+1 pe2s0"], "another epoch mends it");
}

#[test]
fn without_the_rule_nobody_is_idempotent_who_does_not_ask_for_it() {
    for (idempotence, stamp) in [(IdempotenceBy::Default, ""), (IdempotenceBy::Name, " pe0s0")] {
        let rules = Rules::ALL.without(Rule::IdempotentByDefault);
        let settings = ProducerSettings { idempotence, ..settings() };
        let mut host = Host::with(settings, rules, image(1, BrokerId(1), 0), true);
        host.send(Some(0), 100);
        assert_eq!(host.on_wire(), [format!("node-1 topic-1/0 v0.0+1{stamp}")]);
    }
}

#[test]
fn a_log_that_lost_its_end_is_continued_in_a_new_epoch() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.answer(ErrorCode::None, 0);
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.2+1 pe0s2"]);
    host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    host.advance(Span::millis(100));
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1 pe1s0"]);
    host.answer(ErrorCode::None, 1);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.2+1 pe1s1"]);
}

#[test]
fn a_gap_left_by_an_expired_retry_ends_the_epoch() {
    let timeout = Span::secs(10);
    let mut host = Host::new(ProducerSettings { delivery_timeout: timeout, ..settings() });
    host.send(Some(0), 100);
    host.answer(ErrorCode::NotEnoughReplicas, 0);
    host.advance(timeout);
    assert_eq!(host.told()[1..], ["topic-1/0 v0.0+1 @-1 unknown REQUEST_TIMED_OUT"]);
    host.send(Some(0), 100);
    assert_eq!(host.on_wire().last().unwrap(), "node-1 topic-1/0 v0.1+1 pe1s0");
}

#[test]
fn an_old_epoch_is_left_behind() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.answer(ErrorCode::InvalidProducerEpoch, 0);
    assert_eq!(host.told()[1..], ["topic-1/0 v0.0+1 @-1 fail INVALID_PRODUCER_EPOCH"]);
    host.send(Some(0), 100);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1 pe1s0"]);
}

#[test]
fn an_answer_after_a_lost_one_is_not_a_definite_failure() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.reset();
    host.advance(Span::millis(100));
    host.answer(ErrorCode::InvalidProducerEpoch, 0);
    assert_eq!(host.told()[1..], ["topic-1/0 v0.0+1 @-1 unknown INVALID_PRODUCER_EPOCH"]);
}

#[test]
fn a_fatal_error_ends_the_producer() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    host.answer(ErrorCode::ClusterAuthorizationFailed, 0);
    host.send(Some(0), 100);
    assert_eq!(
        host.told()[2..],
        [
            "topic-1/0 v0.0+1 @-1 fail CLUSTER_AUTHORIZATION_FAILED",
            "topic-1/0 v0.1+1 @-1 unknown CLUSTER_AUTHORIZATION_FAILED",
            "2: refused CLUSTER_AUTHORIZATION_FAILED",
        ]
    );
}

#[test]
fn a_batch_too_large_for_the_broker_is_split() {
    let mut host = Host::new(ProducerSettings { linger: Span::millis(1), ..settings() });
    for _ in 0..4 {
        host.send(Some(0), 1_000);
    }
    host.advance(Span::millis(1));
    Arc::make_mut(&mut host.producer.settings).batch_size = 2_200;
    host.answer(ErrorCode::MessageTooLarge, 0);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+2 pe0s0"]);
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.2+2 pe0s2"]);
    host.answer(ErrorCode::None, 2);
    assert_eq!(host.told()[4..], ["topic-1/0 v0.0+2 @0 ok", "topic-1/0 v0.2+2 @2 ok"]);
}

#[test]
fn a_full_buffer_blocks_until_memory_is_free() {
    let mut host = Host::new(ProducerSettings { buffer_memory: 40_000, ..settings() });
    for _ in 0..4 {
        host.send(Some(0), 16_000);
    }
    assert_eq!(host.told(), ["0: topic-1/0 v0.0", "1: topic-1/0 v0.1"]);
    assert!(host.out.marks.contains(Mark::SendBlocked));
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.told(), ["topic-1/0 v0.0+1 @0 ok", "2: topic-1/0 v0.2"]);
    host.advance(Span::secs(60));
    assert_eq!(host.told(), ["3: refused REQUEST_TIMED_OUT"]);
    assert!(host.out.marks.contains(Mark::SendRefused));
}

#[test]
fn an_exhausted_buffer_does_not_linger() {
    let linger = Span::secs(50);
    let mut host = Host::new(ProducerSettings { buffer_memory: 20_000, linger, ..settings() });
    host.send(Some(0), 9_000);
    host.send(Some(0), 9_000);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s0"]);
}

#[test]
fn an_unknown_topic_is_waited_for() {
    let unknown = image(0, BrokerId(1), 0);
    let mut host = Host::with(settings(), Rules::ALL, unknown, true);
    host.send(None, 100);
    host.send(Some(3), 100);
    host.advance(Span::secs(1));
    assert!(host.told().is_empty());
    host.image = image(1, BrokerId(1), 0);
    host.advance(Span::millis(200));
    assert_eq!(host.told(), ["0: topic-1/0 v0.0"]);
    // A partition that does not exist is waited for as well.
    host.advance(Span::secs(60));
    assert_eq!(host.told(), ["1: refused REQUEST_TIMED_OUT"]);
}

#[test]
fn records_that_can_never_be_sent_are_refused_at_once() {
    let mut host = Host::new(settings());
    host.send(Some(0), 2 << 20);
    assert_eq!(host.told(), ["0: refused MESSAGE_TOO_LARGE"]);
}

#[test]
fn fire_and_forget_is_done_when_written() {
    let mut host = Host::new(ProducerSettings { delivery: Delivery::FireAndForget, ..settings() });
    host.send(Some(0), 100);
    assert_eq!(host.told(), ["0: topic-1/0 v0.0", "topic-1/0 v0.0+1 @-1 ok"]);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1"]);
}

#[test]
fn a_moved_leader_gets_the_batch_without_backoff() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.image = image(1, BrokerId(2), 1);
    host.advance(Span::millis(500));
    host.answer(ErrorCode::NotLeaderOrFollower, 0);
    assert_eq!(host.on_wire(), ["node-2 topic-1/0 v0.0+1 pe0s0"]);
}

#[test]
fn metadata_of_an_older_epoch_are_ignored() {
    let mut host = Host::with(settings(), Rules::ALL, image(1, BrokerId(2), 5), true);
    host.send(Some(0), 100);
    host.image = image(1, BrokerId(1), 4);
    host.advance(Span::millis(500));
    host.answer(ErrorCode::NotLeaderOrFollower, 0);
    host.advance(Span::millis(100));
    assert_eq!(host.on_wire(), ["node-2 topic-1/0 v0.0+1 pe0s0"]);
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let mut host = Host::new(ProducerSettings { max_in_flight: 2, ..settings() });
    for _ in 0..3 {
        host.send(Some(0), 100);
    }
    assert_eq!(host.on_wire().len(), 2);
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.on_wire().len(), 2);
}

#[test]
fn flush_and_close_wait_for_what_is_under_way() {
    let mut host = Host::new(ProducerSettings { linger: Span::secs(5), ..settings() });
    host.send(Some(0), 100);
    host.call(Call::Flush);
    assert_eq!(host.on_wire().len(), 1);
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.told()[1..], ["topic-1/0 v0.0+1 @0 ok", "1: ok"]);
    host.send(Some(0), 100);
    host.call(Call::Close);
    host.send(Some(0), 100);
    host.step(Input::Shutdown);
    host.answer(ErrorCode::None, 1);
    assert_eq!(
        host.told()[1..],
        ["4: refused UNKNOWN_SERVER_ERROR", "topic-1/0 v0.1+1 @1 ok", "3: ok", "exit Clean"]
    );
    assert!(host.conns.is_empty());
}

#[test]
fn close_gives_up_after_its_timeout() {
    let mut host = Host::new(ProducerSettings { max_in_flight: 1, ..settings() });
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    host.call(Call::Flush);
    host.call(Call::CloseWithin(Span::secs(3)));
    host.advance(Span::millis(2_999));
    assert_eq!(host.told().len(), 2, "only the two records were taken in");
    host.advance(Span::millis(1));
    // Of the one that was sent nobody knows; the other one certainly stayed here.
    assert_eq!(
        host.told(),
        [
            "topic-1/0 v0.0+1 @-1 unknown UNKNOWN_SERVER_ERROR",
            "topic-1/0 v0.1+1 @-1 fail UNKNOWN_SERVER_ERROR",
            "2: ok",
            "3: ok",
        ]
    );
    assert!(host.out.marks.contains(Mark::ClosedForcefully));
    assert!(host.conns.is_empty());
    host.step(Input::Shutdown);
    assert_eq!(host.told(), ["exit Clean"]);
}

#[test]
fn close_with_a_timeout_does_not_wait_longer_than_it_must() {
    let mut host = Host::new(settings());
    host.send(Some(0), 100);
    host.call(Call::CloseWithin(Span::secs(3)));
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.told()[1..], ["topic-1/0 v0.0+1 @0 ok", "1: ok"]);
    assert!(!host.out.marks.contains(Mark::ClosedForcefully));
}

#[test]
fn keys_decide_the_partition_and_records_without_one_stick() {
    let settings = ProducerSettings { linger: Span::millis(5), ..settings() };
    let mut host = Host::with(settings.clone(), Rules::ALL, image(12, BrokerId(1), 0), true);
    let hash = settings.partitioner.hash(b"customer-7");
    let call = SendCall {
        topic: TOPIC,
        partition: None,
        key: Some((Key(7), hash)),
        bytes: 50,
        saves: 0,
        payload: Payload::Value,
    };
    host.call(Call::Send(call));
    assert_eq!(host.told(), [format!("0: topic-1/{} v0.0", hash % 12)]);
    host.send(None, 50);
    host.send(None, 50);
    let told = host.told();
    let place = |text: &str| text.split(' ').nth(1).unwrap().to_string();
    assert_eq!(place(&told[0]), place(&told[1]));
}

/// A producer with small compressed batches that has sent so many of them, and how many records each had.
fn compressing(batches: usize) -> (Host, Vec<u32>) {
    let settings = ProducerSettings {
        compression: Codec::named("zstd").unwrap(),
        batch_size: 2_000,
        linger: Span::secs(5),
        ..settings()
    };
    let mut host = Host::new(settings);
    let mut counts = Vec::new();
    while counts.len() < batches {
        host.send(Some(0), 100);
        if let Some((_, _, produce)) = host.pending.first() {
            let batch = &produce.batches[0].1;
            assert!(batch.bytes <= 2_000 && batch.bytes < batch.raw_bytes(), "{batch:?}");
            counts.push(batch.count);
            host.answer(ErrorCode::None, 0);
        }
    }
    (host, counts)
}

#[test]
fn batches_grow_as_the_producer_learns_how_well_they_compress() {
    let (_, counts) = compressing(120);
    // At first nothing is hoped for; a two-hundredth of the size is what each batch teaches at most.
    assert_eq!(counts[0], 16);
    assert!(counts.is_sorted(), "{counts:?}");
    assert!(counts[30] < 22 && counts[119] > 30, "{counts:?}");
}

#[test]
fn a_compressed_batch_that_is_too_large_is_split_and_the_next_ones_are_small_again() {
    let (mut host, counts) = compressing(120);
    let sent: u32 = counts.iter().sum();
    while host.pending.is_empty() {
        host.send(Some(0), 100);
    }
    let big = host.pending[0].2.batches[0].1.count;
    assert!(big > 30);
    host.answer(ErrorCode::MessageTooLarge, 0);
    assert!(host.out.marks.contains(Mark::BatchSplit));
    let mut next = i32::try_from(sent).unwrap();
    let end = next + i32::try_from(big).unwrap();
    while next < end {
        let batch = &host.pending[0].2.batches[0].1;
        assert!(batch.count <= 17, "{batch:?}");
        assert_eq!(batch.stamp.unwrap().sequence.0, next);
        next += i32::try_from(batch.count).unwrap();
        host.answer(ErrorCode::None, 0);
    }
    assert_eq!(next, end);
    // The batch that was open meanwhile still hopes; the one after it does not.
    for _ in 0..2 {
        while host.pending.is_empty() {
            host.send(Some(0), 100);
        }
        let count = host.pending[0].2.batches[0].1.count;
        host.answer(ErrorCode::None, 0);
        next = i32::try_from(count).unwrap();
    }
    assert!(next < 20, "{next} records");
}

/// What a partition's leader keeps of an idempotent producer, and its log.
#[derive(Default)]
struct Leader {
    epoch: i16,
    next: i32,
    /// Epoch, first sequence and base of every batch: a retry that fails again and again may fall out of a window of five.
    appended: Vec<(i16, i32, i64)>,
    log: Vec<u32>,
}

impl Leader {
    fn append(&mut self, batch: &Batch) -> (ErrorCode, i64) {
        let stamp = batch.stamp.unwrap();
        let (epoch, sequence) = (stamp.epoch.0, stamp.sequence.0);
        let known = self.appended.iter().find(|(e, first, _)| (*e, *first) == (epoch, sequence));
        if let Some((.., base)) = known {
            return (ErrorCode::None, *base);
        }
        if epoch < self.epoch {
            return (ErrorCode::InvalidProducerEpoch, -1);
        }
        let expected = if epoch > self.epoch { 0 } else { self.next };
        if sequence != expected {
            return (ErrorCode::OutOfOrderSequenceNumber, -1);
        }
        let base = i64::try_from(self.log.len()).unwrap();
        self.log.extend(batch.values().unwrap().values().map(|value| value.serial));
        (self.epoch, self.next) = (epoch, sequence + i32::try_from(batch.count).unwrap());
        self.appended.push((epoch, sequence, base));
        (ErrorCode::None, base)
    }
}

/// Lets a leader treat the oldest request at random.
fn treat(host: &mut Host, leaders: &mut [Leader; 3], rng: &mut Rng, storm: bool) {
    let batches = host.pending[0].2.batches.clone();
    let fate = if storm { rng.upto(9) } else { 9 };
    let refusal = match fate {
        0 => return host.reset(),
        1 => Some(ErrorCode::NotLeaderOrFollower),
        2 => Some(ErrorCode::NotEnoughReplicas),
        3 if rng.chance(1, 2) => Some(ErrorCode::MessageTooLarge),
        _ => None,
    };
    if let Some(error) = refusal {
        return host.answer(error, 0);
    }
    let append = |(partition, batch): &(TopicPartition, Batch)| {
        let (error, base) = leaders[usize::from(partition.partition)].append(batch);
        let after = fate == 4 && error == ErrorCode::None;
        let error = if after { ErrorCode::NotEnoughReplicasAfterAppend } else { error };
        let (base, log_start) = (Offset(base), Offset::ZERO);
        ProduceResult { partition: *partition, error, base, log_start }
    };
    let results = batches.iter().map(append).collect();
    if fate == 5 {
        return host.reset();
    }
    let (conn, correlation, _) = host.pending.remove(0);
    let response = Response::Produce(ProduceResponse { results });
    host.step(Input::Recv(conn, Msg::Response(correlation, response)));
}

/// Sixty records under a storm of answers; tells what is wrong with the logs.
fn storm(seed: u64, rules: Rules) -> Option<String> {
    let mut rng = Streams::new(seed).stream(Stream::Chaos, 0);
    let mut leaders: [Leader; 3] = Default::default();
    let linger = Span::millis(rng.upto(3));
    let settings = ProducerSettings { linger, batch_size: 400, ..settings() };
    let mut host = Host::with(settings, rules, image(3, BrokerId(1), 0), true);
    for _ in 0..60 {
        host.send(Some(u16::try_from(rng.upto(2)).unwrap()), 100);
        host.advance(Span::millis(rng.upto(20)));
        while !host.pending.is_empty() && rng.chance(2, 3) {
            treat(&mut host, &mut leaders, &mut rng, true);
        }
    }
    host.call(Call::Flush);
    while host.told.last().is_none_or(|line| line != "60: ok") {
        if host.pending.is_empty() {
            host.advance(Span::millis(10));
            if host.now > Time::ZERO + Span::secs(100) {
                return Some("never flushed".to_string());
            }
        } else {
            treat(&mut host, &mut leaders, &mut rng, false);
        }
    }
    assert!(!host.producer.accumulator.has_incomplete(), "seed {seed}");
    let mut delivered = 0;
    for line in host.told().iter().filter(|line| line.starts_with("topic")) {
        let (place, rest) = line.split_once(' ').unwrap();
        let (values, ending) = rest.split_once(' ').unwrap();
        let (first, count) = values[3..].split_once('+').unwrap();
        let (first, count) = (first.parse::<u32>().unwrap(), count.parse::<u32>().unwrap());
        let log = &leaders[place[8..].parse::<usize>().unwrap()].log;
        for serial in first..first + count {
            let copies = log.iter().filter(|other| **other == serial).count();
            let expected = match ending.split(' ').nth(1) {
                Some("ok") => 1..=1,
                Some("fail") => 0..=0,
                _ => 0..=1,
            };
            if !expected.contains(&copies) {
                return Some(format!("{line}, but {copies} copies of {serial}"));
            }
            delivered += 1;
        }
    }
    assert_eq!(delivered, 60, "seed {seed}: every record is delivered once");
    let ordered = leaders.iter().all(|leader| leader.log.is_sorted());
    (!ordered).then(|| "out of order".to_string())
}

#[test]
fn an_idempotent_producer_writes_every_record_once_and_in_order() {
    for seed in 0..300 {
        assert_eq!(storm(seed, Rules::ALL), None, "seed {seed}");
    }
}

#[test]
fn without_either_rule_of_idempotence_a_storm_shows_it() {
    for rule in [Rule::BumpAwaitsInFlight, Rule::RetryKeepsOrder] {
        let shown = (0..300).any(|seed| storm(seed, Rules::ALL.without(rule)).is_some());
        assert!(shown, "{}", rule.name());
    }
}
