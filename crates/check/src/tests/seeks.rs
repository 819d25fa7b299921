//! Applications that seek: what they leave out or do again by it is theirs, and nothing else is.

use super::planted::{cast, tell, verdict};
use crate::{GroupFigures, judge};

/// Two records done, a seek to offset 4, and the rest done.
const PAST: &str = "p0 send v0-5 k0; p0 ack v0-5 @0; p0 a assign g1; p0 a at @0 reset; p0 a poll v0-1 @0; p0 a done v0-1 @0
    p0 a at @4 seek; p0 a poll v4-5 @4; p0 a done v4-5 @4; p0 a commit @6; p0 log v0-5";

/// Everything done and committed, a seek to offset 1, and the rest done again.
const BACK: &str = "p0 send v0-3; p0 ack v0-3 @0; p0 a assign g1; p0 a at @0 reset; p0 a poll v0-3 @0; p0 a done v0-3 @0
    p0 a commit @4; p0 a at @1 seek; p0 a poll v1-3 @1; p0 a done v1-3 @1; p0 a commit @2; p0 a commit @4; p0 log v0-3";

fn figures(story: &str) -> GroupFigures {
    let [group] = &judge(&tell(cast(), story)).figures.groups[..] else { panic!("one group") };
    group.clone()
}

#[track_caller]
fn holds(invariant: &str, story: &str) {
    let verdict = verdict(invariant, cast(), story);
    assert!(verdict.starts_with("hold"), "{verdict}");
}

#[test]
fn what_an_application_seeks_past_is_its_own_loss() {
    let told = verdict("at-least-once", cast(), PAST);
    assert!(told.contains("billing-a sought offset 4"), "{told}");
    assert!(told.contains("not promised: the application sought past it"), "{told}");
    for invariant in ["monotone", "no-loss", "per-key-order"] {
        holds(invariant, PAST);
    }
    let skipped = figures(PAST).skipped;
    assert_eq!((skipped.all, skipped.sought, skipped.committed), (2, 2, 0));
}

#[test]
fn a_seek_does_not_excuse_what_was_left_out_before_it() {
    let story = PAST.replace("p0 a at @4 seek", "p0 a commit @3; p0 a at @4 seek");
    let told = verdict("at-least-once", cast(), &story);
    assert!(told.starts_with("violated") && told.contains("committed offset 3"), "{told}");
    assert!(!told.contains("not promised"), "the first of them was committed: {told}");
    let skipped = figures(&story).skipped;
    assert_eq!((skipped.all, skipped.sought), (2, 1));
    // A member that goes on at the committed offset seeks past nothing.
    let story = PAST.replace("p0 a at @4 seek", "p0 a at @4 committed");
    let told = verdict("at-least-once", cast(), &story);
    assert!(told.starts_with("violated") && !told.contains("not promised"), "{told}");
    assert_eq!(figures(&story).skipped.sought, 0);
}

#[test]
fn to_seek_back_is_to_do_things_again() {
    for invariant in ["at-least-once", "monotone", "per-key-order", "no-duplicates"] {
        holds(invariant, BACK);
    }
    let repeats = figures(BACK).repeats;
    assert_eq!((repeats.sought, repeats.rewound, repeats.died), (3, 0, 0));
    let by_itself = BACK.replace("p0 a at @1 seek; ", "");
    assert_eq!(figures(&by_itself).repeats.sought, 0);
    let told = verdict("monotone", cast(), &by_itself);
    assert!(told.starts_with("violated"), "{told}");
}

#[test]
fn who_resumes_where_a_seek_led_the_group_repeats_for_the_same_reason() {
    let next = |at: &str| {
        format!(
            "p0 send v0-3; p0 a assign g1; p0 a at @0 reset; p0 a poll v0-3 @0; p0 a done v0-3 @0; p0 a commit @3
             p0 a at @0 seek; p0 a poll v0 @0; p0 a done v0 @0; {at}; p0 a revoke g1; p0 b assign g2"
        )
    };
    let led = next("p0 a commit @1")
        + "; p0 b at @1 committed; p0 b poll v1-3 @1; p0 b done v1-3 @1; p0 log v0-3";
    assert_eq!(figures(&led).repeats.sought, 4);
    // What had not been committed before the seek comes again in any case.
    let open = next("") + "; p0 b at @3 committed; p0 b poll v3 @3; p0 b done v3 @3; p0 log v0-3";
    let repeats = figures(&open).repeats;
    assert_eq!((repeats.sought, repeats.revoked), (1, 1));
    holds("monotone", &led);
}

#[test]
fn what_was_sought_past_may_be_done_later_and_out_of_order() {
    let story =
        PAST.replace("; p0 log", "; p0 a at @2 seek; p0 a poll v2-3 @2; p0 a done v2-3 @2; p0 log");
    let told = verdict("per-key-order", cast(), &story);
    assert!(told.contains("not promised: the application sought past it, and came back"), "{told}");
    holds("at-least-once", &story);
    assert_eq!(figures(&story).skipped.all, 0);
}

#[test]
fn what_a_group_began_behind_may_be_sought_later_and_done_out_of_order() {
    let story = |why: &str| {
        format!(
            "p0 send v0-5 k0; p0 ack v0-5 @0; p0 a assign g1; p0 a at @4 reset; p0 a poll v4-5 @4; p0 a done v4-5 @4
             p0 a commit @6; p0 a at @2 {why}; p0 a poll v2-3 @2; p0 a done v2-3 @2; p0 log v0-5"
        )
    };
    let told = verdict("per-key-order", cast(), &story("seek"));
    let excuse = "not promised: the group began behind it, and the application sought back";
    assert!(told.contains(excuse), "{told}");
    // Nobody but the application may lead it back.
    let told = verdict("per-key-order", cast(), &story("committed"));
    assert!(
        told.starts_with("violated: key-reordered") && !told.contains("not promised"),
        "{told}"
    );
}

#[test]
fn a_position_that_was_sought_may_lie_outside_the_log() {
    let story = |why: &str| {
        format!(
            "p0 send v0-5; p0 a assign g1; p0 a at @4 {why}; p0 a at @0 reset; p0 a poll v0-5 @0
             p0 a done v0-5 @0; p0 log v0-5"
        )
    };
    holds("monotone", &story("seek"));
    let told = verdict("monotone", cast(), &story("committed"));
    assert!(told.starts_with("violated: nonmonotonic-poll"), "{told}");
}
