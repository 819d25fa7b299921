use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::execute::{Recording, execute};
use crate::scenario::Scenario;
use crate::subject::Subject;

/// A leader that dies, and an answer that gets lost.
const SCENARIO: &str = "
about: A leader dies and an answer gets lost.
run: { for: 12s, settle: 60s }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s, keys: { count: 3 } } }
groups: { billing: { members: 2, subscribe: [orders], config: { auto.offset.reset: earliest } } }
faults:
  - { at: 4s, kill: leader of orders-0, for: 3s }
  - { on: { response: Produce, to: checkout, nth: 5 }, lose: response }
expect: { hold: [liveness] }
";

fn exported() -> Vec<Value> {
    let scenario = Arc::new(Scenario::parse("traced.yaml", SCENARIO).unwrap());
    let done = execute(&Subject::of(&scenario), 1, Recording::On).unwrap();
    let provenance = Provenance {
        scenario: &done.result.scenario,
        seed: 1,
        digest: done.result.digest,
        rules: done.world.plan().rules,
    };
    let mut text = Vec::new();
    write_perfetto(&provenance, &done.world, &mut text).unwrap();
    let whole: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(whole["otherData"]["digest"], done.result.digest.to_string());
    whole["traceEvents"].as_array().unwrap().clone()
}

fn nanos(event: &Value, field: &str) -> u64 {
    let text = event[field].to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<3}").parse().unwrap()
}

#[test]
fn every_event_has_what_its_phase_asks_for() {
    let events = exported();
    let mut named = Vec::new();
    for event in &events {
        let phase = event["ph"].as_str().unwrap();
        assert!("MXbesfiC".contains(phase), "{event}");
        assert!(event["pid"].is_u64() && event["name"].is_string(), "{event}");
        if event["name"] == "process_name" {
            named.push(event["pid"].clone());
        }
        if phase != "M" {
            assert!(event["ts"].is_number() && named.contains(&event["pid"]), "{event}");
        }
        match phase {
            "X" => assert!(event["dur"].is_number(), "{event}"),
            "i" => assert!(["t", "p"].contains(&event["s"].as_str().unwrap()), "{event}"),
            "b" | "e" | "s" | "f" => assert!(event["id"].is_u64() && event["cat"].is_string()),
            _ => {}
        }
    }
}

#[test]
fn slices_of_a_track_do_not_overlap() {
    let mut free: BTreeMap<String, u64> = BTreeMap::new();
    let mut slices = exported();
    slices.retain(|event| event["ph"] == "X");
    slices.sort_by_key(|event| nanos(event, "ts"));
    assert!(slices.len() > 500, "{} slices", slices.len());
    for slice in slices {
        let track = format!("{}/{}", slice["pid"], slice["tid"]);
        // Lanes count whole microseconds, messages nanoseconds.
        let unit = if slice["ts"].is_u64() { 1_000 } else { 1 };
        let scale = |field| {
            if unit == 1 { nanos(&slice, field) } else { slice[field].as_u64().unwrap() * unit }
        };
        let (from, to) = (scale("ts"), scale("ts") + scale("dur"));
        let before = free.insert(track, to).unwrap_or(0);
        assert!(from >= before, "{slice} begins before {before}");
    }
}

#[test]
fn arrows_have_two_ends_and_requests_are_over() {
    let events = exported();
    let mut tails: BTreeMap<u64, u64> = BTreeMap::new();
    let mut heads = 0;
    let mut open: BTreeMap<(String, u64), u32> = BTreeMap::new();
    for event in &events {
        let id = || event["id"].as_u64().unwrap();
        match event["ph"].as_str().unwrap() {
            "s" => assert!(tails.insert(id(), nanos(event, "ts")).is_none(), "{event}"),
            "f" => {
                heads += 1;
                assert!(tails[&id()] < nanos(event, "ts"), "an arrow goes forward: {event}");
                assert_eq!(event["bp"], "e");
            }
            "b" => *open.entry((event["cat"].to_string(), id())).or_default() += 1,
            "e" => *open.get_mut(&(event["cat"].to_string(), id())).unwrap() -= 1,
            _ => {}
        }
    }
    assert_eq!(heads, tails.len());
    assert!(heads > 200, "{heads} arrows");
    assert!(open.values().all(|count| *count == 0), "{open:?}");
    let sent = events.iter().filter(|it| it["name"].as_str().unwrap().starts_with('→')).count();
    assert!(sent > heads, "the lost answer, and those to the dead, have no head");
}
