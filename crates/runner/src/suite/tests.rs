use std::num::NonZero;

use stormglass_kafka::Mark;

use super::*;
use crate::report::tests::{self as results, held};

fn violated(seed: u64) -> RunResult {
    RunResult { bounds: Vec::new(), ..results::violated(seed) }
}

fn case(hold: &[&'static str], violate: &[&'static str], reach: &[Mark]) -> Case {
    Case {
        subject: Subject {
            name: "x".to_owned(),
            path: "x.yaml".to_owned(),
            everyone: None,
            asked: Vec::new(),
            metrics: Vec::new(),
            plan: Arc::new(|_| unreachable!("these results were made by hand")),
        },
        seeds: Seeds::first(NonZero::new(3).expect("three")),
        expect: Expect {
            hold: hold.to_vec(),
            violate: violate.to_vec(),
            reach: reach.to_vec(),
            ..Expect::default()
        },
    }
}

/// The misses of a case whose seeds came to these results.
fn misses(case: &Case, results: &[RunResult]) -> Vec<(Grade, String)> {
    let misses = super::misses(case, results);
    misses.into_iter().map(|miss| (miss.grade, miss.says)).collect()
}

#[test]
fn what_must_hold_may_break_in_no_seed() {
    let case = case(&["no-duplicates"], &[], &[]);
    assert_eq!(misses(&case, &[held(0), held(1)]), []);
    let missed = misses(&case, &[held(0), violated(1), violated(2)]);
    assert_eq!(missed.len(), 1, "one kind of miss is told once: {missed:?}");
    assert_eq!(missed[0].0, Grade::Violated);
    assert!(missed[0].1.starts_with("no-duplicates.duplicate is violated"), "{missed:?}");
}

#[test]
fn without_any_expectation_everything_must_hold() {
    assert_eq!(misses(&case(&[], &[], &[]), &[violated(0)]).len(), 1);
    assert_eq!(misses(&case(&["no-loss"], &[], &[]), &[violated(0)]), [], "others are free");
}

#[test]
fn what_must_break_has_to_in_one_seed_at_least() {
    let case = case(&[], &["no-duplicates"], &[]);
    assert_eq!(misses(&case, &[held(0), violated(1)]), []);
    assert_eq!(
        misses(&case, &[held(0), held(1)]),
        [(
            Grade::Violated,
            "no-duplicates was expected to be violated, but was not in 2 seeds".to_owned()
        )]
    );
}

#[test]
fn what_must_hold_has_to_be_exercised() {
    let case = case(&["single-owner"], &[], &[]);
    assert_eq!(
        misses(&case, &[held(0)]),
        [(
            Grade::NotShown,
            "single-owner was not exercised: 1 seed vacuous, 0 undecided".to_owned()
        )]
    );
}

#[test]
fn marks_must_be_reached_in_one_seed_at_least() {
    assert_eq!(misses(&case(&["no-loss"], &[], &[Mark::IsrShrunk]), &[held(0)]), []);
    assert_eq!(
        misses(&case(&["no-loss"], &[], &[Mark::TornBatchRejected]), &[held(0)]),
        [(Grade::NotShown, "TornBatchRejected was not reached in 1 seed".to_owned())]
    );
}

#[test]
fn bounds_on_figures_must_be_kept_in_every_seed() {
    let bound = |kept| Bound {
        text: "billing.rebalances <= 5".to_owned(),
        measured: Some(7),
        shown: "7".to_owned(),
        kept,
    };
    let case = case(&["no-loss"], &[], &[]);
    assert_eq!(misses(&case, &[RunResult { bounds: vec![bound(true)], ..held(0) }]), []);
    assert_eq!(
        misses(&case, &[held(0), RunResult { bounds: vec![bound(false)], ..held(1) }]),
        [(Grade::Violated, "`billing.rebalances <= 5` is not kept: it was 7".to_owned())]
    );
}

#[test]
fn bounds_to_be_exceeded_must_be_broken_in_one_seed_at_least() {
    let text = "topics: { orders: { partitions: 2 } }\nexpect: { exceed: [ \"refused <= 5\" ] }";
    let scenario = Scenario::parse("x.yaml", text).expect("a good scenario");
    let expect = scenario.expect().clone();
    let case = Case { expect, ..case(&[], &[], &[]) };
    let bound = |measured: Option<u64>| Bound {
        text: "refused <= 5".to_owned(),
        measured,
        shown: measured.map_or_else(String::new, |figure| figure.to_string()),
        kept: measured.is_some_and(|measured| measured <= 5),
    };
    let run = |seed, measured| RunResult { bounds: vec![bound(measured)], ..violated(seed) };
    assert_eq!(misses(&case, &[run(0, Some(5)), run(1, Some(6))]), []);
    for too_little in [Some(5), None] {
        assert_eq!(
            misses(&case, &[run(0, too_little)]),
            [(
                Grade::Violated,
                "`refused <= 5` was expected to be exceeded, but was kept in 1 seed".to_owned()
            )]
        );
    }
}
