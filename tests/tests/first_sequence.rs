//! KAFKA-14359: what becomes of a new producer's first batches when the leadership moves under them.

use stormglass_check::{Verdict, judge};
use stormglass_runner::scenario::Scenario;
use stormglass_sim::World;

/// Producers that start again and again, with several batches on their way, while leaderships move.
const RESTLESS: &str = "
run: { for: 20s }
cluster:
  config: { min.insync.replicas: 2 }
  network: { latency: 2ms..10ms }
  without: [RULES]
topics: { orders: { partitions: 2 } }
producers:
  checkout:
    instances: 2
    config: { acks: all, linger.ms: 0, batch.size: 600 }
    to: orders
    rate: 200/s
    keys: { count: 5 }
faults:
  - { every: 1s..2s, kill: instance of checkout, for: 50ms..200ms }
  - { every: 300ms..900ms, move-leader: orders-0 }
  - { every: 300ms..900ms, move-leader: orders-1 }
  - { every: 2s..5s, lag-metadata: any broker, by: 100ms..800ms, for: 2s }
expect: { hold: [per-key-order] }
";

/// Which invariants were broken, by seed.
fn broken(without: &str, seeds: std::ops::Range<u64>) -> Vec<(u64, &'static str)> {
    let text = RESTLESS.replace("RULES", without);
    let scenario = Scenario::parse("test.yaml", &text).unwrap_or_else(|report| panic!("{report}"));
    let run = |seed| {
        let mut world = World::new(&scenario.plan(seed));
        world.run();
        judge(world.history()).verdicts.into_iter().filter_map(move |(name, verdict)| {
            matches!(verdict, Verdict::Violated(_)).then_some((seed, name))
        })
    };
    seeds.flat_map(run).collect()
}

#[test]
fn a_broker_that_lets_anybody_begin_anywhere_lets_later_batches_overtake() {
    let found = broken("KAFKA-14359", 0..10);
    assert!(found.iter().any(|(_, name)| *name == "per-key-order"), "{found:?}");
}

#[test]
fn first_batches_keep_their_order_wherever_the_leader_goes() {
    assert_eq!(broken("", 0..10), []);
}
