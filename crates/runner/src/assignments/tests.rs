//! Assignments of small groups, as they are kept.

use std::fs;
use std::sync::Arc;

use super::{Assignments, Comparison, accept, compare, place_of, ranges};
use crate::scenario::Scenario;
use crate::subject::Subject;

/// Three members, and a fourth that comes later.
fn growing(assignor: &str) -> Assignments {
    let text = format!(
        "
run: {{ for: 30s, settle: 30s }}
topics: {{ orders: {{ partitions: 8, replication.factor: 3 }} }}
producers: {{ checkout: {{ to: orders, rate: 5/s }} }}
groups:
  billing:
    members: 3
    subscribe: [orders]
    config: {{ auto.offset.reset: earliest, partition.assignment.strategy: {assignor} }}
    commit: after-processing
    scale: [ {{ at: 15s, to: 4 }} ]
expect: {{ hold: [single-owner] }}
"
    );
    let scenario = Arc::new(Scenario::parse("scenarios/growing.yaml", &text).unwrap());
    Assignments::run(&Subject::of(&scenario), 0).unwrap()
}

#[test]
fn an_eager_group_is_told_generation_by_generation() {
    insta::assert_snapshot!(growing("RangeAssignor"));
}

#[test]
fn a_cooperative_group_gives_up_before_it_gives_on() {
    insta::assert_snapshot!(growing("CooperativeStickyAssignor"));
}

/// Three members of the consumer protocol, a fourth that comes later, and two that go.
#[test]
fn a_group_of_the_consumer_protocol_is_told_epoch_by_epoch() {
    let text = "
run: { for: 40s, settle: 30s }
topics: { orders: { partitions: 8, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 5/s } }
groups:
  billing:
    members: 3
    subscribe: [orders]
    config: { auto.offset.reset: earliest, group.protocol: consumer }
    commit: after-processing
    scale: [ { at: 15s, to: 4 }, { at: 25s, to: 2 } ]
expect: { hold: [single-owner] }
";
    let scenario = Arc::new(Scenario::parse("scenarios/modern.yaml", text).unwrap());
    insta::assert_snapshot!(Assignments::run(&Subject::of(&scenario), 0).unwrap());
}

#[test]
fn a_change_is_told_with_its_generation_and_accepted() {
    let folder = std::env::temp_dir().join(format!("stormglass-kept-{}", std::process::id()));
    let scenario = folder.join("growing.yaml");
    let (range, sticky) = (growing("RangeAssignor"), growing("StickyAssignor"));
    assert_eq!(compare(&scenario, &range).unwrap(), Comparison::Absent);
    assert_eq!(accept(&scenario, &range).unwrap(), place_of(&scenario));
    assert_eq!(compare(&scenario, &range).unwrap(), Comparison::Same);
    let Comparison::Differs(difference) = compare(&scenario, &sticky).unwrap() else {
        panic!("they differ")
    };
    insta::assert_snapshot!(difference);
    accept(&scenario, &sticky).unwrap();
    assert_eq!(compare(&scenario, &sticky).unwrap(), Comparison::Same);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn numbers_in_a_row_are_drawn_together() {
    assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2 5 7-8");
    assert_eq!(ranges(&[]), "");
}
