//! Partitioners against vectors that Apache Kafka's own classes produced.
#![expect(clippy::unwrap_used, reason = "a malformed vector is a failed test")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use stormglass_kafka::producer::{
    Candidates, RoundRobin, StickyPartitioner, Switch, murmur2, partition_for,
};
use stormglass_kafka::settings::{Adaptive, Partitioner};

/// The case lines of a golden file; the first line is a header.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> T {
    T::try_from(value.as_u64().unwrap()).unwrap()
}

fn numbers<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> Vec<T> {
    value.as_array().map_or(Vec::new(), |values| values.iter().map(number).collect())
}

#[test]
fn murmur2_is_kafkas() {
    let cases = cases("murmur2.jsonl");
    assert_eq!(cases.len(), 372);
    for case in cases {
        let id = &case["id"];
        let hex = case["key"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let key: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        assert_eq!(i64::from(murmur2(&key)), case["murmur2"].as_i64().unwrap(), "{id}");
        let hash = Partitioner::BuiltIn(Adaptive::On).hash(&key);
        assert_eq!(u64::from(hash), case["positive"].as_u64().unwrap(), "{id}");
        for (partitions, expected) in case["partition"].as_object().unwrap() {
            let partition = partition_for(hash, partitions.parse().unwrap());
            assert_eq!(partition, number::<u16>(expected), "{id} of {partitions}");
        }
    }
}

#[test]
fn partitions_without_a_key_are_kafkas() {
    let cases = cases("builtin_partitioner.jsonl");
    assert_eq!(cases.len(), 230);
    for case in cases {
        match case["kind"].as_str().unwrap() {
            "builtin" => check_sticky(&case),
            "roundrobin" => check_round_robin(&case),
            kind => panic!("a kind of case that is not known: {kind}"),
        }
    }
}

/// The partitions of a topic that have a leader.
fn available(topic: &Value) -> Vec<u16> {
    let leaderless: Vec<u16> = numbers(&topic["leaderless"]);
    (0..number::<u16>(&topic["partitions"])).filter(|one| !leaderless.contains(one)).collect()
}

fn check_sticky(case: &Value) {
    let id = &case["id"];
    let available = available(case);
    let topic = Candidates { partitions: number(&case["partitions"]), available: &available };
    let randoms: Vec<u32> = numbers(&case["randoms"]);
    let mut used = 0;
    let mut random = || {
        used += 1;
        randoms[used - 1]
    };
    let mut sticky = StickyPartitioner::new(number(&case["stickyBatchSize"]));
    let mut expected_used = 0;
    let (ops, expected) = (case["ops"].as_array().unwrap(), case["expected"].as_array().unwrap());
    assert_eq!(ops.len(), expected.len(), "{id}");
    for (at, (op, expected)) in ops.iter().zip(expected).enumerate() {
        if let Some(stats) = op.get("loadStats") {
            let all: Vec<u32> = numbers(&stats["queueSizes"]);
            let ids: Vec<u16> = numbers(&stats["partitionIds"]);
            let length = stats.get("length").map_or(0, number::<usize>);
            let queues = ids.iter().copied().zip(all.iter().copied()).take(length);
            sticky.weigh(queues, all.len());
            let total = expected.get("rangeEnd").map(number::<u32>);
            assert_eq!(sticky.total_weight(), total, "{id} op {at}");
            continue;
        }
        let append = &op["append"];
        let partition = sticky.current(topic, &mut random);
        assert_eq!(partition, number::<u16>(&expected["partition"]), "{id} op {at}");
        let allowed = append["enableSwitch"].as_bool().unwrap();
        let switch = if allowed { Switch::Allowed } else { Switch::Delayed };
        let switched = sticky.produced(number(&append["bytes"]), switch, topic, &mut random);
        assert_eq!(switched, expected["switched"].as_bool().unwrap(), "{id} op {at}");
        let next = sticky.current(topic, &mut random);
        assert_eq!(next, number::<u16>(&expected["next"]), "{id} op {at}");
        expected_used = number(&expected["randomsUsed"]);
    }
    assert_eq!(used, expected_used, "{id}");
}

fn check_round_robin(case: &Value) {
    let id = &case["id"];
    let mut counters: BTreeMap<&str, RoundRobin> = BTreeMap::new();
    let (ops, expected) = (case["ops"].as_array().unwrap(), case["expected"].as_array().unwrap());
    assert_eq!(ops.len(), expected.len(), "{id}");
    for (at, (op, expected)) in ops.iter().zip(expected).enumerate() {
        let name = op["topic"].as_str().unwrap();
        let topic = &case["topics"][name];
        let available = available(topic);
        let candidates =
            Candidates { partitions: number(&topic["partitions"]), available: &available };
        let partition = counters.entry(name).or_default().next(candidates);
        assert_eq!(partition, number::<u16>(expected), "{id} op {at}");
    }
}
