use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::scenario::Scenario;
use crate::sweep::{Seed, Seeds, SweepOptions, sweep};

const SMALL: &str = "
run: { for: 2s, settle: 60s }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s, keys: { count: 3 } } }
groups:
  billing: { members: 1, subscribe: [orders], config: { auto.offset.reset: earliest }, commit: after-processing }
expect: { hold: [no-loss, at-least-once] }
";
const BOUNDED: &str = "metrics: [\"billing.rebalances < 100\", \"sends > 1000000\"]";

fn small() -> Subject {
    Subject::of(&Arc::new(Scenario::parse("small.yaml", SMALL).expect("valid")))
}

fn swept(subject: &Subject, seeds: u64, jobs: usize) -> Vec<Seed> {
    let seeds = Seeds::first(NonZero::new(seeds).expect("some"));
    let jobs = NonZero::new(jobs).expect("some");
    let mut heard = Vec::new();
    sweep(subject, &SweepOptions { jobs, ..SweepOptions::new(seeds) }, &mut |seed, _| {
        heard.push(match seed {
            Seed::Ran(result) => Seed::Ran(result.clone()),
            Seed::Differed(result, mismatch) => Seed::Differed(result.clone(), mismatch.clone()),
            Seed::Panicked(panicked) => Seed::Panicked(panicked.clone()),
            Seed::Known(note) => Seed::Known(note.clone()),
        });
        ControlFlow::Continue(())
    });
    heard
}

#[test]
fn a_calm_pipeline_holds_and_shows_what_it_exercised() {
    let Execution { result, world } =
        execute(&small(), 7, Recording::Off).expect("no machine panics");
    assert_eq!(result.outcome, Status::Hold, "{:#?}", result.verdicts);
    let loss = result.verdict("no-loss").expect("it is judged");
    assert!(loss.asked && loss.detail.contains("checked"), "{loss:?}");
    assert!(!result.verdict("monotone").expect("it is judged").asked);
    assert!(result.figures.acked > 20, "{:?}", result.figures);
    assert_eq!(
        (result.groups, result.topics),
        (vec!["billing".to_owned()], vec!["orders".to_owned()])
    );
    assert_eq!(result.digest, world.digest());
    assert_eq!(result.repro, "stormglass run small.yaml --seed 7");
}

#[test]
fn bounds_are_held_against_the_figures() {
    let text = SMALL.replace("at-least-once] }", &format!("at-least-once], {} }}", BOUNDED));
    let bounded = Subject::of(&Arc::new(Scenario::parse("small.yaml", &text).expect("valid")));
    let result = execute(&bounded, 7, Recording::Off).expect("no machine panics").result;
    let kept: Vec<bool> = result.bounds.iter().map(|bound| bound.kept).collect();
    assert_eq!(kept, [true, false], "{:?}", result.bounds);
    assert_eq!(result.outcome, Status::Violated, "what is asked of the figures is asked as well");
}

#[test]
fn recording_changes_nothing() {
    let [off, on] = [Recording::Off, Recording::On]
        .map(|recording| execute(&small(), 3, recording).expect("no machine panics"));
    assert_eq!(off.result.digest, on.result.digest);
    assert!(off.world.trace().is_none());
    assert!(on.world.trace().is_some_and(|trace| !trace.is_empty()));
}

#[test]
fn a_sweep_says_the_same_on_any_number_of_threads() {
    let digests = |jobs| -> Vec<String> {
        let told = |seed: &Seed| match seed {
            Seed::Ran(result) => format!("{} {} {}", result.seed, result.digest, result.outcome),
            Seed::Differed(..) | Seed::Panicked(_) | Seed::Known(_) => panic!("{seed:?}"),
        };
        swept(&small(), 12, jobs).iter().map(told).collect()
    };
    assert_eq!(digests(1), digests(3));
}

#[test]
fn a_panic_is_reported_with_its_seed_and_command() {
    let subject = Subject { plan: Arc::new(|_| panic!("a machine lost its mind")), ..small() };
    let panicked = execute(&subject, 9, Recording::Off).expect_err("it panics");
    assert_eq!((panicked.seed, panicked.scenario.as_str()), (9, "small"));
    assert!(panicked.message.contains("a machine lost its mind"), "{panicked:?}");
    assert_eq!(panicked.repro, "stormglass run small.yaml --seed 9");
    let heard = swept(&subject, 3, 2);
    assert!(heard.iter().all(|seed| matches!(seed, Seed::Panicked(_))) && heard.len() == 3);
}

#[test]
fn a_run_that_something_else_decides_is_found_out() {
    let scenario = Scenario::parse("small.yaml", SMALL).expect("valid");
    let calls = AtomicU64::new(0);
    let plan = move |_| scenario.plan(calls.fetch_add(1, Ordering::Relaxed));
    let subject = Subject { plan: Arc::new(plan), ..small() };
    let heard = swept(&subject, 1, 1);
    let [Seed::Differed(result, mismatch)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(mismatch.first, result.digest);
    assert_ne!(mismatch.first, mismatch.second);
    let difference = mismatch.difference.as_ref().expect("two further runs differ as well");
    let [one, other] = &difference.sides;
    assert!(difference.event > 0 && one != other && !one.is_empty(), "{difference:?}");
    assert!(mismatch.to_string().contains("they part at event "), "{mismatch}");
}
