//! Planted failures: what is left must be what was planted.

use std::fmt::Write as _;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use super::{NotShrunk, ShrinkOptions, Shrunk, shrink};
use crate::execute::{Recording, execute};
use crate::scenario::Scenario;
use crate::subject::Subject;

const OPTIONS: ShrinkOptions =
    ShrinkOptions { jobs: NonZero::<usize>::MIN, time: Duration::from_secs(600) };

/// One lost answer among twenty faults that have nothing to do with it.
fn planted() -> String {
    let mut text = String::from(
        "
about: an answer gets lost among much else
run: { for: 12s, settle: 60s, seeds: 3 }
cluster: { config: { min.insync.replicas: 2 } }
topics:
  orders: { partitions: 3, replication.factor: 3 }
  audits: { partitions: 2, replication.factor: 3 }
producers:
  checkout: { instances: 2, to: orders, rate: 30/s, config: { enable.idempotence: false, linger.ms: 5 }, keys: { count: 9 } }
  auditor: { to: audits, rate: 5/s }
groups:
  billing: { members: 2, subscribe: [orders], config: { auto.offset.reset: earliest }, commit: after-processing }
expect: { hold: [no-loss, no-duplicates] }
faults:
  - { on: { response: Produce, to: checkout-2, nth: 41 }, lose: response }
",
    );
    for nth in 0..10 {
        let at = 1_037 + 911 * nth;
        let _ =
            writeln!(text, "  - {{ at: {at}ms, slow: any broker, by: 3ms, for: 400ms..900ms }}");
        let _ =
            writeln!(text, "  - {{ at: {}ms, pause: member of billing, for: 217ms }}", at + 133);
    }
    text
}

fn shrunk(text: &str, seed: u64) -> Shrunk {
    let scenario = Arc::new(Scenario::parse("planted.yaml", text).expect("valid"));
    shrink(&scenario, seed, &OPTIONS, &mut |_| {}).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn what_was_planted_is_what_is_left() {
    let shrunk = shrunk(&planted(), 1);
    assert!(shrunk.minimal);
    assert_eq!(shrunk.before.faults, 21);
    assert_eq!(shrunk.after.faults, 1, "{}", shrunk.text);
    assert_eq!(shrunk.after.partitions, 1, "{}", shrunk.text);
    assert!(shrunk.after.processes < shrunk.before.processes);
    assert!(shrunk.after.events < shrunk.before.events / 10, "{shrunk}");
    assert_eq!(shrunk.signature.to_string(), "no-duplicates.duplicate");
    insta::assert_snapshot!("planted", shrunk.text);
}

#[test]
fn the_file_fails_in_the_same_way_by_itself() {
    let shrunk = shrunk(&planted(), 2);
    let scenario = Arc::new(Scenario::parse("shrunk.yaml", &shrunk.text).expect("valid"));
    assert_eq!(scenario.seeds(), shrunk.seed..shrunk.seed + 1);
    let again = execute(&Subject::of(&scenario), shrunk.seed, Recording::Off).expect("no panic");
    assert_eq!(again.result.signature(), Some(shrunk.signature));
    assert_eq!(again.result.events, shrunk.after.events);
}

#[test]
fn what_holds_is_not_shrunk() {
    let text = planted().replace("enable.idempotence: false, ", "");
    let scenario = Arc::new(Scenario::parse("planted.yaml", &text).expect("valid"));
    let refused = shrink(&scenario, 1, &OPTIONS, &mut |_| {});
    assert!(matches!(refused, Err(NotShrunk::Holds(_))), "{refused:?}");
}

#[test]
fn a_shrunk_file_is_never_written_over_another() {
    let folder = std::env::temp_dir().join(format!("stormglass-shrink-{}", std::process::id()));
    let mut first = shrunk(&planted(), 1);
    let wanted = folder.join("a.shrunk.yaml");
    assert_eq!(first.save(&wanted).expect("written"), wanted);
    assert_eq!(first.save(&wanted).expect("the same"), wanted);
    first.text.push_str("# changed\n");
    assert_eq!(first.save(&wanted).expect("beside it"), folder.join("a-2.shrunk.yaml"));
    std::fs::remove_dir_all(&folder).expect("removed");
}
