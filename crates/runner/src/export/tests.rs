use stormglass_kafka::{Rule, Rules};
use stormglass_types::history::{
    Acks, CommitMode, Group, Header, History, Outcome, Positioning, Process, Role, Source, Topic,
    What,
};
use stormglass_types::{
    BrokerId, Digest, ErrorCode, Generation, GroupId, Key, NodeId, Offset, SourceId, Time, TopicId,
    TopicPartition, Value, ValueRange,
};

use super::*;

const BROKER: NodeId = NodeId(0);
const PRODUCER: NodeId = NodeId(1);
const CONSUMER: NodeId = NodeId(2);
const ORDERS: TopicPartition = TopicPartition::new(TopicId(1), 0);
const BILLING: GroupId = GroupId(0);

fn history() -> History {
    let process = |name: &str, role| Process { name: name.to_owned(), role };
    let topic = |name: &str, internal| Topic {
        name: name.to_owned(),
        partitions: 1,
        replication: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        internal,
    };
    let header = Header {
        processes: [
            process("broker-1", Role::Broker(BrokerId(1))),
            process("checkout-1", Role::Producer),
            process("billing-1", Role::Consumer(BILLING)),
        ]
        .into_iter()
        .collect(),
        topics: [topic("__consumer_offsets", true), topic("orders", false)].into_iter().collect(),
        groups: std::iter::once(Group {
            name: "billing".to_owned(),
            topics: vec![ORDERS.topic],
            commit: CommitMode::AfterProcessing,
            from_earliest: true,
            asynchronous: false,
            stores_early: false,
            skips: false,
            self_assigned: false,
            releases_first: false,
            committed_only: false,
        })
        .collect(),
        keys: vec!["customer-0".to_owned()],
        eligible_leader_replicas: false,
        pools: Vec::new(),
    };
    let mut history = History::new(header);
    history.begin_source(Source {
        process: PRODUCER,
        acks: Acks::All,
        idempotent: true,
        in_flight: 5,
        retries: true,
        transactional: false,
    });
    history
}

fn range(first: u32, count: u32) -> ValueRange {
    ValueRange { source: SourceId(0), first, count }
}

fn exported(events: &[(NodeId, What)]) -> String {
    let mut history = history();
    for (at, (process, what)) in (1..).zip(events) {
        history.push(Time(at * 1_000), *process, *what);
    }
    let provenance = Provenance {
        scenario: "a/b",
        seed: 7,
        digest: Digest(0xfeed),
        rules: Rules::ALL.without(Rule::TruncateByEpoch),
    };
    let mut out = Vec::new();
    write_history(&provenance, &history, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("JSON is UTF-8")
}

#[test]
fn the_first_line_says_what_ran_and_what_is_promised() {
    let lost =
        What::LogLost { partition: ORDERS, broker: BrokerId(1), from: Offset(3), to: Offset(5) };
    let text = exported(&[(BROKER, lost)]);
    let first: serde_json::Value = serde_json::from_str(text.trim()).expect("one line of JSON");
    insta::assert_snapshot!(format!("{first:#}"));
}

#[test]
fn operations_have_a_line_per_record_and_the_final_read_comes_last() {
    let (partition, group, generation) = (ORDERS, BILLING, Generation(1));
    let value = |serial| Value { source: SourceId(0), serial };
    let read = What::FinalRead { partition, base: Offset(0), values: range(0, 2) };
    let text = exported(&[
        (PRODUCER, What::Send { partition, value: value(0), key: Some(Key(0)) }),
        (PRODUCER, What::Send { partition, value: value(1), key: None }),
        (
            PRODUCER,
            What::SendRefused { topic: ORDERS.topic, key: None, error: ErrorCode::RequestTimedOut },
        ),
        (BROKER, read),
        (
            PRODUCER,
            What::SendDone {
                partition,
                values: range(0, 2),
                base: Offset(0),
                outcome: Outcome::Ok,
            },
        ),
        (
            PRODUCER,
            What::SendDone {
                partition,
                values: range(2, 1),
                base: Offset::UNKNOWN,
                outcome: Outcome::Unknown(ErrorCode::RequestTimedOut),
            },
        ),
        (CONSUMER, What::Assigned { group, partition, generation }),
        (
            CONSUMER,
            What::Positioned { group, partition, offset: Offset(0), why: Positioning::Reset },
        ),
        (CONSUMER, What::Polled { group, partition, base: Offset(0), values: range(0, 2) }),
        (CONSUMER, What::Processed { group, partition, base: Offset(0), values: range(0, 1) }),
        (CONSUMER, What::Commit { group, partition, generation, offset: Offset(1) }),
        (
            CONSUMER,
            What::CommitDone {
                group,
                partition,
                offset: Offset(1),
                outcome: Outcome::Fail(ErrorCode::IllegalGeneration),
            },
        ),
        (CONSUMER, What::Lost { group, partition, generation }),
        (BROKER, What::Crashed),
        (CONSUMER, What::Crashed),
        (BROKER, What::FinalEnd { partition, start: Offset(0), end: Offset(2) }),
    ]);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_line_names_a_known_kind_and_function() {
    let text = exported(&[
        (
            BROKER,
            What::FinalEnd { partition: ORDERS, start: Offset::UNKNOWN, end: Offset::UNKNOWN },
        ),
        (CONSUMER, What::Revoked { group: BILLING, partition: ORDERS, generation: Generation(2) }),
    ]);
    for (number, line) in text.lines().skip(1).enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["index"], number);
        assert!(["invoke", "ok", "fail", "info"].contains(&line["type"].as_str().expect("a type")));
        let functions =
            ["send", "poll", "processed", "commit", "assign", "revoke", "lost", "crash"];
        assert!(functions.contains(&line["f"].as_str().expect("a function")));
    }
    assert!(text.ends_with("\"error\":\"LEADER_NOT_AVAILABLE\"}\n"), "{text}");
}
