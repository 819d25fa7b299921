//! What a test tells when it fails: enough to see it again, with no fault that it does not need.
#![cfg(madsim)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stormglass::Storm;
use stormglass::trial::Trial;
use stormglass_examples::billing::{Order, bill};
use stormglass_runner::saved::SavedFailure;

const STORMY: &str = "
run: { for: 30s, settle: 1m }
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders, rate: 40/s } }
applications:
  billing: { instances: 2, group: billing, subscribe: [orders], processed: explicit }
faults:
  - { every: 4s..8s, kill: billing, for: 1s..3s }
  - { every: 4s..8s, slow: any broker, by: 5ms, for: 2s }
expect: { hold: [at-least-once] }
";

fn trial(name: &'static str, scenario: &'static str) -> Trial {
    // What these tests save is nobody's failure.
    let folder = env!("CARGO_TARGET_TMPDIR");
    Trial { name, package: env!("CARGO_PKG_NAME"), folder, scenario, seeds: Some(0..4) }
}

fn failure(trial: &Trial, body: impl AsyncFn(Storm) + Send + Sync + 'static) -> String {
    let body = Arc::new(body);
    let held = catch_unwind(AssertUnwindSafe(|| {
        trial.hold(move |storm| {
            let body = Arc::clone(&body);
            async move { body(storm).await }
        });
    }));
    let thrown = held.expect_err("it fails");
    thrown.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn a_failure_is_told_saved_and_made_smaller() {
    let says = failure(&trial("examples::failures::caught", STORMY), async |storm: Storm| {
        storm.app("billing", || async { bill(Order::CommitFirst).await.expect("a consumer") });
    });
    assert!(says.contains("at-least-once.committed-too-far"), "{says}");
    assert!(says.contains("cargo test -p stormglass-examples failures::caught"), "{says}");
    let faults = says.lines().find(|line| line.starts_with("faults: ")).expect("a count");
    assert!(faults.starts_with("faults: 1 of "), "one crash is enough: {faults}");
    let path = says.lines().find_map(|line| line.strip_prefix("saved to ")).expect("a file");
    let saved = SavedFailure::load(Path::new(path)).expect("as it was saved");
    assert!(says.contains(&format!("digest {}", saved.digest)), "{says}");
    assert!(saved.hosted_scenario().is_ok(), "the plan stands alone");
    let refused = saved.scenario().expect_err("without the code there is nothing to run");
    let refused = refused.to_string();
    assert!(refused.contains("STORMGLASS_REPLAY=<this file> cargo test"), "{refused}");

    // The same code fails in the same way again; other code is told to be other code; other tests are not concerned.
    let caught = trial("examples::failures::caught", STORMY);
    let path = Path::new(path);
    let again = caught.replay(path, async |storm: Storm| {
        storm.app("billing", || async { bill(Order::CommitFirst).await.expect("a consumer") });
    });
    let again = again.expect_err("it fails again");
    assert!(again.contains(&format!("digest {}, as saved", saved.digest)), "{again}");
    let mended = async |storm: Storm| {
        storm.app("billing", || async { bill(Order::WorkFirst).await.expect("a consumer") });
    };
    assert_eq!(caught.replay(path, mended), Ok(()));
    assert_eq!(trial("examples::failures::other", STORMY).replay(path, mended), Ok(()));
}

#[test]
fn code_that_is_not_deterministic_is_shown_where_its_runs_part() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let says = failure(&trial("examples::failures::fickle", STORMY), async |storm: Storm| {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        storm.app("billing", move || async move {
            madsim::time::sleep(Duration::from_millis(100 + 50 * run)).await;
            bill(Order::WorkFirst).await.expect("a consumer");
        });
    });
    assert!(says.contains("two runs of the same seed part at event"), "{says}");
    assert!(says.contains("billing-"), "{says}");
}

#[test]
fn a_panic_of_the_code_fails_with_its_seed() {
    let says = failure(&trial("examples::failures::thrown", STORMY), async |storm: Storm| {
        storm.app("billing", || async { panic!("out of stock") });
    });
    assert!(says.contains("seed 0: the code panicked: out of stock"), "{says}");
    assert!(says.contains("STORMGLASS_SEED=0 cargo test"), "{says}");
}

#[test]
fn processes_without_code_are_named() {
    let says = failure(&trial("examples::failures::empty", STORMY), async |_storm: Storm| {});
    assert!(says.contains("nobody gave billing-1, billing-2 code"), "{says}");
}
