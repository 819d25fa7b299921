//! Assignments as snapshots: a changed assignor, or a changed setting that decides who gets what, is seen in review.
#![cfg(madsim)]

use stormglass::Scenario;

/// Four instances of a service; a fifth is started half a minute later.
const SCALING: &str = "
run: { for: 60s, settle: 60s }
topics: { orders: { partitions: 10, replication.factor: 3 }, payments: { partitions: 4, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s } }
groups:
  billing:
    members: 4
    subscribe: [orders, payments]
    config: { auto.offset.reset: earliest, partition.assignment.strategy: CooperativeStickyAssignor }
    commit: after-processing
    scale: [ { at: 30s, to: 5 } ]
expect: { hold: [single-owner, at-least-once] }
";

#[test]
fn scaling_out_moves_few_partitions() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::parse("scaling.yaml", SCALING)?;
    stormglass::assert_assignments!(scenario);
    Ok(())
}
