//! Same plan, same digest: twice, traced or not, forked or not, on one thread or two.

use std::sync::Arc;
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
fn a_tape_changes_nothing_and_gives_the_same_run_again() {
    let plan = stormy().plan(3);
    let mut writing = World::writing(&plan);
    writing.run();
    assert_eq!(writing.digest(), digest(World::new(&plan)));
    let tape = Arc::new(writing.tape().expect("it writes"));
    assert_eq!(tape.events(), writing.events());
    assert!(tape.choices() > 1_000, "{}", tape.choices());
    let mut reading = World::reading(&plan, tape);
    reading.run();
    assert_eq!((reading.digest(), reading.parting()), (writing.digest(), None));
    assert!(World::new(&plan).tape().is_none());
}

#[test]
fn other_chance_from_an_event_on_gives_another_run() {
    let plan = stormy().plan(3);
    let mut world = World::new(&plan);
    while world.events() < 5_000 && world.step() == Step::Ran {}
    let fork = |seed| {
        let mut fork = world.clone();
        fork.reseed(seed);
        digest(fork)
    };
    let unchanged = digest(world.clone());
    assert_eq!(fork(8), fork(8));
    assert!(fork(8) != fork(9) && fork(8) != unchanged);
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
