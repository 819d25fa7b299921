//! Same plan, same digest: twice, traced or not, forked or not, on one thread or two.

use std::thread;

use stormglass_sim::chaos::Chaos;
use stormglass_sim::{Step, World};
use stormglass_tests::Story;
use stormglass_types::{Digest, Span};

fn stormy() -> Story {
    Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 4, &[])
        .producer(Span::millis(5), &[])
        .producer(Span::millis(9), &[("enable.idempotence", "false"), ("acks", "1")])
        .group(2, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(20))
        .chaos(Chaos::Default)
}

fn digest(mut world: World) -> Digest {
    world.run();
    world.digest()
}

#[test]
fn a_plan_gives_the_same_digest_twice() {
    for seed in 0..4 {
        let plan = stormy().plan(seed);
        assert_eq!(digest(World::new(&plan)), digest(World::new(&plan)), "seed {seed}");
    }
}

#[test]
fn seeds_give_different_digests() {
    let digests: Vec<Digest> =
        (0..4).map(|seed| digest(World::new(&stormy().plan(seed)))).collect();
    for (n, one) in digests.iter().enumerate() {
        assert!(!digests[..n].contains(one), "seed {n} repeats an earlier digest");
    }
}

#[test]
fn a_trace_changes_nothing() {
    let plan = stormy().plan(3);
    let mut traced = World::new(&plan);
    traced.record_trace();
    traced.run();
    assert_eq!(traced.digest(), digest(World::new(&plan)));
    assert!(traced.trace().is_some_and(|trace| trace.len() > 1000));
}

#[test]
fn a_fork_in_the_middle_of_a_storm_runs_to_the_same_end() {
    let plan = stormy().plan(2);
    let mut world = World::new(&plan);
    for _ in 0..20_000 {
        assert_eq!(world.step(), Step::Ran, "the run is longer than this");
    }
    let fork = world.clone();
    let end = digest(world);
    assert_eq!(digest(fork), end);
    assert_eq!(digest(World::new(&plan)), end);
}

#[test]
fn threads_change_nothing() {
    let plans: Vec<_> = (0..4).map(|seed| stormy().plan(seed)).collect();
    let alone: Vec<Digest> = plans.iter().map(|plan| digest(World::new(plan))).collect();
    let threads: Vec<_> =
        plans.into_iter().map(|plan| thread::spawn(move || digest(World::new(&plan)))).collect();
    let together: Vec<Digest> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(alone, together);
}
