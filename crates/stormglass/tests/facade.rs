//! Scenarios as ordinary tests, through the library.

use stormglass::Scenario;

const CALM: &str = "
run: { for: 3s, settle: 60s }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s, keys: { count: 3 } } }
expect: { hold: [no-loss, no-duplicates] }
";

/// An answer gets lost, and the producer is not idempotent: its retry stores a batch twice.
const BROKEN: &str = "
run: { for: 10s, settle: 60s }
topics: { orders: { partitions: 1, replication.factor: 3 } }
producers:
  checkout: { to: orders, rate: 20/s, config: { acks: all, enable.idempotence: false } }
faults: [{ on: { response: Produce, to: checkout, nth: 5 }, lose: response }]
expect: { hold: [no-loss, no-duplicates] }
";

#[test]
fn a_scenario_that_holds_is_met() {
    let met = Scenario::parse("calm.yaml", CALM).expect("valid").seeds(0..5).run().expect("met");
    assert_eq!(met.tally().seeds(), 5);
}

#[test]
fn a_failure_carries_seed_digest_and_command() {
    let failure = Scenario::parse("broken.yaml", BROKEN)
        .expect("valid")
        .seeds(3..5)
        .run()
        .expect_err("the record is stored twice");
    let text = failure.to_string();
    for part in [
        "`broken` did not meet its expectations",
        "seed 3, digest ",
        "no-duplicates.duplicate is violated",
        "\n    stormglass run broken.yaml --seed 3",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert_eq!(text, format!("{failure:?}"), "a test that returns an error prints it with Debug");
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let invalid = Scenario::parse("typo.yaml", "topcs: {}\n").expect_err("a typo");
    assert!(invalid.to_string().contains("typo.yaml:1:1"), "{invalid}");
    let missing = Scenario::load("there/is/no/such.yaml").expect_err("no file");
    assert!(missing.to_string().contains("there is no such file"), "{missing}");
}
