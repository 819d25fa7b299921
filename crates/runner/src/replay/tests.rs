use std::num::NonZero;

use stormglass_types::{Choice, Digest};

use super::*;
use crate::execute::execute;

const TEXT: &str = "
run: { for: 4s, settle: 60s, seeds: 1 }
topics: { orders: { partitions: 2 } }
producers: { checkout: { config: { enable.idempotence: false }, to: orders, rate: 20/s } }
groups: { billing: { members: 2, subscribe: [orders], commit: after-processing } }
faults:
  - { on: { response: Produce, nth: 2 }, lose: response }
  - { every: 1s..2s, kill: any broker, crash: power, for: 500ms }
expect: { hold: [no-duplicates] }
";

fn saved() -> SavedFailure {
    let scenario = Arc::new(Scenario::parse("scenarios/x.yaml", TEXT).expect("valid"));
    let failing = (0..50).find_map(|seed| {
        let result = execute(&Subject::of(&scenario), seed, Recording::Off).ok()?.result;
        Some((result.failure()?, result))
    });
    let (signature, result) = failing.expect("a seed that fails");
    SavedFailure::taped(&result, &signature, &scenario)
}

fn replay(saved: &SavedFailure) -> Replay {
    Replay::of(saved, "stormglass replay x.json".to_owned()).expect("usable")
}

#[test]
fn seed_and_tape_give_the_same_run() {
    let replay = replay(&saved());
    for source in [Source::Seed, Source::Tape] {
        let again = replay.run(source).expect("no panic");
        assert!(again.same && again.fails && again.steady, "{source:?}: {again}");
        assert_eq!(again.parted, None);
    }
    assert!(replay.tape().is_some_and(|tape| tape.choices() > 100));
}

#[test]
fn a_tape_ends_where_the_rest_makes_no_difference() {
    let saved = saved();
    let replay = replay(&saved);
    let whole = replay.run(Source::Seed).expect("no panic").result.events;
    assert!(saved.tape_events < whole, "{} of {whole} events", saved.tape_events);
    let mut outcomes = Vec::new();
    let seeds = Seeds::range(100..106).expect("some");
    replay.go_on(seeds, NonZero::<usize>::MIN.get(), &mut |done| outcomes.push(done.clone()));
    let expected: Vec<u64> = (100..106).collect();
    assert_eq!(outcomes.iter().map(|done| done.seed).collect::<Vec<_>>(), expected);
    let failing = outcomes.iter().filter(|done| done.signature.is_some()).count();
    assert!(failing >= 4, "{outcomes:?}");
}

#[test]
fn a_tape_decides_what_the_seed_would() {
    let mut replay = replay(&saved());
    let end = replay.tape().expect("a tape").events();
    // Machines still draw their own jitter from the seed, so that the runs part, but later.
    replay.plan.seed += 1;
    let [tape, seed] = [Source::Tape, Source::Seed].map(|source| {
        let mut world = replay.world(source);
        while world.parting().is_none() && world.events() < end && world.step() == Step::Ran {}
        world.parting().map_or(end, |it| it.event)
    });
    assert!(tape > seed, "with the tape it parts at {tape}, without at {seed}");
}

#[test]
fn a_stale_failure_tells_where_it_parts() {
    let mut saved = saved();
    saved.digest = Digest::EMPTY.to_string();
    let stale = replay(&saved).run(Source::Seed).expect("no panic");
    assert!(!stale.same && stale.steady && stale.fails);
    assert_eq!(stale.parted, None, "nothing differs but the digest");

    let mut other = replay(&saved);
    let tape = other.tape().expect("a tape").clone();
    let mut prints = tape.prints.to_vec();
    prints[100] ^= 1;
    other.tape = Some(Arc::new(Tape { prints: prints.into(), ..tape.clone() }));
    let parted = other.run(Source::Seed).expect("no panic").parted.expect("it parts");
    assert_eq!(parted.event, 101);

    let mut reels = tape.reels.clone();
    let mut choices: Vec<Choice> = reels[0].choices.to_vec();
    choices[5].value ^= 1;
    reels[0].choices = choices.into();
    other.tape = Some(Arc::new(Tape { reels, prints: tape.prints }));
    assert!(other.run(Source::Seed).expect("no panic").parted.is_none());
    let stale = other.run(Source::Tape).expect("no panic");
    let parted = stale.parted.as_ref().expect("another choice");
    assert!(parted.event > 5 && !parted.now.is_empty(), "{parted:?}");
    assert!(stale.to_string().contains("they part at event "), "{stale}");
}

#[test]
fn what_was_saved_without_a_tape_runs_from_its_seed() {
    let saved = SavedFailure { tape: None, ..saved() };
    let again = replay(&saved).run(Source::Seed).expect("no panic");
    assert!(again.same && again.parted.is_none());
    let broken = SavedFailure { tape: Some("AAAA".to_owned()), ..saved };
    assert!(matches!(Replay::of(&broken, String::new()), Err(BadSaved::NoTape)));
}
