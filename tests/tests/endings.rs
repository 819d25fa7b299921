//! When a run may end: what counts as having come to rest, and what does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its scenario should say where")]

use stormglass_check::{Verdict, judge};
use stormglass_runner::scenario::Scenario;
use stormglass_sim::{End, World};
use stormglass_types::{BrokerId, Span, Time};

/// Three brokers, a producer and a group of two; what goes wrong is added.
fn told(run: &str, group: &str, fault: &str) -> World {
    let text = format!(
        "
run: {{ {run} }}
cluster: {{ config: {{ min.insync.replicas: 2 }} }}
topics: {{ orders: {{ partitions: 3 }} }}
producers: {{ checkout: {{ to: orders, rate: 50/s, keys: {{ count: 10 }} }} }}
groups:
  billing:
    members: 2
    subscribe: [orders]
    config: {{ auto.offset.reset: earliest }}
    commit: after-processing
    {group}
faults:
  - {fault}
expect: {{ hold: [no-loss] }}
"
    );
    let scenario = Scenario::parse("test.yaml", &text).unwrap_or_else(|report| panic!("{report}"));
    let mut world = World::new(&scenario.plan(1));
    assert_eq!(world.run(), End::Settled, "{:?}", world.breaches());
    for (name, verdict) in judge(world.history()).verdicts {
        assert!(!matches!(verdict, Verdict::Violated(_)), "{name}: {verdict}");
    }
    world
}

/// When the storm was over.
fn healed(world: &World) -> Time {
    let mut events = world.history().events.iter();
    let healed = events.find(|event| format!("{:?}", event.what) == "Healed").unwrap();
    healed.at
}

#[test]
fn a_broker_that_came_back_before_anybody_missed_it_has_to_be_taken_in_first() {
    // Its former life's session goes on for nine seconds (`broker.session.timeout.ms`), and its registration waits for that.
    let world = told("for: 10s", "poll: 100ms", "{ at: 9900ms, kill: broker-2, for: 10ms }");
    assert!(world.now() > healed(&world) + Span::secs(5), "it ended at {}", world.now());
    assert!(world.view().broker(BrokerId(2)).unwrap().is_serving());
}

#[test]
fn a_process_that_was_paused_before_its_start_starts() {
    let world = told("for: 20s", "after: 10s", "{ at: 3s, pause: one of billing-1, for: 2s }");
    let members = judge(world.history()).figures.groups[0].members;
    assert_eq!(members, 2);
}

#[test]
fn a_commit_that_was_on_its_way_for_long_keeps_nobody_waiting() {
    let late = "{ on: { request: OffsetCommit, from: billing, nth: 30 }, delay: request, by: 45s }";
    let world = told("for: 50s", "poll: 100ms", late);
    assert!(world.now() < healed(&world) + Span::secs(30), "it ended at {}", world.now());
}
