//! Every figure of a group can be bounded: one bound that a run keeps, and one that it breaks and tells of.

use std::sync::Arc;

use super::*;
use crate::execute::{Recording, execute};
use crate::result::Bound;
use crate::subject::Subject;

/// A group that grows and shrinks, is thrown about and seeks, one hot key, and members that are late, die and come again.
const RESTLESS: &str = "\
run: { for: 50s, settle: 60s }
topics: { orders: { partitions: 3, replication.factor: 3 } }
producers:
  checkout: { to: orders, rate: 60/s, keys: { count: 100, hot: { vip: 50% } } }
groups:
  billing:
    members: 2
    subscribe: [orders]
    config: { auto.offset.reset: earliest, session.timeout.ms: 6000, heartbeat.interval.ms: 1000 }
    process: { each: 5ms }
    commit: { every: 3s }
    scale: [ { at: 12s, to: 3 }, { at: 18s, to: 2 } ]
faults:
  - { at: 22s, kill: billing-1, for: 1s }
  - { at: 32s, pause: billing-2, for: 9s }
  - { at: 46s, seek: billing, to: 5s ago }
";

/// A group that commits before it processes and dies, seeks to the end, and begins at the end of what it has no offset for.
const CARELESS: &str = "\
run: { for: 30s, settle: 60s }
topics:
  orders: { partitions: 2, replication.factor: 3 }
producers:
  checkout: { to: orders, rate: 100/s }
groups:
  billing:
    members: 2
    subscribe: [orders]
    config: { auto.offset.reset: latest, metadata.max.age.ms: 10000, session.timeout.ms: 6000, max.poll.records: 20 }
    process: { each: 25ms }
    commit: before-processing
faults:
  - { at: 8s, kill: billing-1, for: 1s }
  - { at: 15s, expand: orders, to: 3 }
  - { at: 25s, seek: billing, to: end }
";

/// A group that begins, and is away for longer than records are kept.
const FORGETFUL: &str = "\
run: { for: 40s, settle: 60s }
cluster: { config: { log.retention.check.interval.ms: 1000 } }
topics:
  orders:
    partitions: 1
    replication.factor: 3
    config: { retention.ms: 5000, segment.ms: 1000, file.delete.delay.ms: 0 }
producers:
  checkout: { to: orders, rate: 50/s }
groups:
  billing:
    subscribe: [orders]
    config: { auto.offset.reset: earliest }
    commit: after-processing
faults:
  - { at: 10s, kill: billing-1, for: 20s }
";

/// A group that leaves one partition unread for a while and polls on, and reads another one again.
const CHOOSY: &str = "\
run: { for: 40s, settle: 60s }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers:
  checkout: { to: orders, rate: 100/s }
groups:
  billing:
    members: 2
    subscribe: [orders]
    config: { auto.offset.reset: earliest, max.poll.interval.ms: 6000 }
    commit: after-processing
faults:
  - { at: 10s, pause-reading: billing, partition: orders-0, for: 20s }
  - { at: 35s, seek: billing, partition: orders-1, to: offset 10 }
";

/// Scenario, figure, a bound that is kept, and one that is not.
const TABLE: &[(&str, &str, &str, &str)] = &[
    (RESTLESS, "billing.lag.max", ">= 100", "< 100"),
    (RESTLESS, "billing.lag.end", "== 0", "> 0"),
    (RESTLESS, "billing.partition-lag.max", ">= 50", "< 50"),
    (RESTLESS, "billing.orders-0.lag.max", ">= 50", "< 50"),
    (RESTLESS, "billing.orders-0.lag.end", "== 0", "!= 0"),
    (RESTLESS, "billing.orders-0.behind", ">= 5s", "< 5s"),
    (RESTLESS, "billing.rebalances", ">= 4", "< 4"),
    (RESTLESS, "billing.generations", ">= 4", "< 4"),
    (RESTLESS, "billing.members", "== 3", "!= 3"),
    (RESTLESS, "billing.unowned", ">= 3s", "< 3s"),
    (RESTLESS, "billing.unowned.max", ">= 3s", "< 3s"),
    (RESTLESS, "billing.orders-2.unowned", "<= 60s", "> 60s"),
    (RESTLESS, "billing.stopped", "<= 60s", "> 60s"),
    (RESTLESS, "billing.moved", ">= 2", "< 2"),
    (RESTLESS, "billing.moved.max", ">= 1", "< 1"),
    (RESTLESS, "billing.orders-1.moved", "<= 20", "> 20"),
    (RESTLESS, "billing.redelivered", ">= 100", "< 100"),
    (RESTLESS, "billing.redelivered.died", ">= 1", "< 1"),
    (RESTLESS, "billing.redelivered.revoked", ">= 1", "< 1"),
    (RESTLESS, "billing.redelivered.lost", ">= 1", "< 1"),
    (RESTLESS, "billing.redelivered.sought", ">= 100", "< 100"),
    (RESTLESS, "billing.redelivered.rewound", "== 0", "> 0"),
    (RESTLESS, "billing.repeated-effects", ">= 100", "< 100"),
    (RESTLESS, "billing.end-to-end.p50", "<= 20s", "> 20s"),
    (RESTLESS, "billing.end-to-end.p95", ">= 1s", "< 1s"),
    (RESTLESS, "billing.end-to-end.p99", ">= 5s", "< 5s"),
    (RESTLESS, "billing.end-to-end.max", ">= 5s", "< 5s"),
    (RESTLESS, "billing.max-key-share", ">= 40%", "< 40%"),
    (RESTLESS, "billing.max-partition-share", ">= 40%", "< 40%"),
    (RESTLESS, "billing.orders-0.share", "<= 90%", "> 90%"),
    (RESTLESS, "billing.max-member-share", ">= 40%", "< 40%"),
    (CARELESS, "billing.skipped", ">= 10", "< 10"),
    (CARELESS, "billing.skipped.committed", ">= 1", "< 1"),
    (CARELESS, "billing.skipped.reset", ">= 1", "< 1"),
    (CARELESS, "billing.skipped.sought", ">= 1", "< 1"),
    (FORGETFUL, "billing.skipped.deleted", ">= 100", "< 100"),
    (FORGETFUL, "billing.skipped", ">= 100", "< 100"),
    (CHOOSY, "billing.orders-0.lag.max", ">= 700", "< 700"),
    (CHOOSY, "billing.orders-1.lag.max", "< 700", ">= 700"),
    (CHOOSY, "billing.lag.end", "== 0", "> 0"),
    (CHOOSY, "billing.rebalances", "<= 2", "> 2"),
    (CHOOSY, "billing.redelivered.sought", ">= 1000", "< 1000"),
    (CHOOSY, "billing.redelivered", "<= 2500", "> 2500"),
];

/// What a scenario's run measured of these bounds.
fn bounds(text: &str, rules: &[String]) -> Vec<Bound> {
    let rules: Vec<String> = rules.iter().map(|rule| format!("\"{rule}\"")).collect();
    let text = format!("{text}expect: {{ metrics: [ {} ] }}\n", rules.join(", "));
    let scenario = Arc::new(scenario(&text));
    execute(&Subject::of(&scenario), 3, Recording::Off).unwrap().result.bounds
}

#[test]
fn every_figure_of_a_group_can_be_bounded() {
    let mut complaints = Vec::new();
    for text in [RESTLESS, CARELESS, FORGETFUL, CHOOSY] {
        let rows: Vec<_> = TABLE.iter().filter(|(of, ..)| *of == text).collect();
        let kept: Vec<_> =
            rows.iter().map(|(_, name, bound, _)| format!("{name} {bound}")).collect();
        let broken: Vec<_> =
            rows.iter().map(|(_, name, _, bound)| format!("{name} {bound}")).collect();
        let told = bounds(text, &kept).into_iter().chain(bounds(text, &broken));
        for (number, bound) in told.enumerate() {
            if bound.kept != (number < rows.len()) || bound.shown.is_empty() {
                complaints.push(format!("{} was {:?}", bound.text, bound.shown));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_figure_that_does_not_exist_is_told_with_what_there_is() {
    insta::assert_snapshot!(complaints(
        "\
topics: { orders: { partitions: 2 } }
groups: { billing: { subscribe: orders } }
expect: { metrics: [ billing.orders-0.lagg.max < 5, billing.skipped.seeked == 0, billing.order-0.lag.max < 5 ] }
"
    ));
}
