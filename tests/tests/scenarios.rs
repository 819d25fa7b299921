//! The scenarios in the repository are sound: they parse, they plan, and each pair differs in its remedy only.
//!
//! Runs none of them: `stormglass test scenarios` does.

#![expect(clippy::unwrap_used, reason = "a test that cannot read a scenario should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stormglass_runner::scenario::Scenario;

/// A remedy of more lines than this teaches something else as well. `chaos` and `expect` are not counted.
const MOST_LINES: usize = 3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios")
}

fn load(path: &Path) -> Scenario {
    let scenario = Scenario::load(path).unwrap_or_else(|report| panic!("{report}"));
    assert!(!scenario.about().is_empty(), "{} does not say why", path.display());
    scenario
}

/// The folders of the incidents.
fn incidents() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries.filter(|path| path.is_dir() && !path.ends_with("corpus"));
    let mut incidents: Vec<PathBuf> = folders.collect();
    incidents.sort();
    incidents
}

/// The lines between `run` and what is expected of it.
fn setup(scenario: &Scenario) -> Vec<String> {
    let lines = scenario.text().lines().skip_while(|line| !line.starts_with("run:"));
    let lines = lines.take_while(|line| !line.starts_with("expect:"));
    lines.filter(|line| !line.starts_with("chaos:")).map(str::to_owned).collect()
}

#[test]
fn the_incidents_of_the_first_issue_are_there() {
    let expected = [
        "acks-1-leader-crash",
        "auto-commit-async-processing",
        "commit-before-processing",
        "hot-key-skew",
        "lost-ack-duplicates",
        "partition-expansion-breaks-key-order",
        "rebalance-storm",
        "retry-reorders",
        "rolling-restart",
        "slow-poll",
        "unclean-election",
    ];
    let found = incidents();
    let found: BTreeSet<&str> =
        found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    for incident in expected {
        assert!(found.contains(incident), "no scenarios for {incident}");
    }
}

#[test]
fn a_broken_scenario_expects_something_to_break_and_its_remedy_everything_to_hold() {
    for incident in incidents() {
        let broken = load(&incident.join("broken.yaml"));
        let fixed = load(&incident.join("fixed.yaml"));
        let (expects, remedy) = (broken.expect(), fixed.expect());
        let name = incident.display();
        assert!(!expects.violate.is_empty() || !expects.exceed.is_empty(), "{name} breaks nothing");
        assert!(remedy.violate.is_empty() && remedy.exceed.is_empty(), "{name} is not fixed");
        for broken in &expects.violate {
            assert!(remedy.hold.contains(broken), "{name}: {broken} is not claimed to be fixed");
        }
        for exceeded in &expects.exceed {
            let kept = remedy.metrics.iter().any(|rule| rule.text == exceeded.text);
            assert!(kept, "{name}: `{}` is not claimed to be kept", exceeded.text);
        }
        assert!(!broken.plan(0).topics.is_empty() && !fixed.plan(0).topics.is_empty());
    }
}

#[test]
fn pairs_differ_in_their_remedy_only() {
    for incident in incidents() {
        let broken = setup(&load(&incident.join("broken.yaml")));
        let fixed = setup(&load(&incident.join("fixed.yaml")));
        let gone = broken.iter().filter(|line| !fixed.contains(line)).count();
        let new = fixed.iter().filter(|line| !broken.contains(line)).count();
        assert!(gone + new > 0, "{} is its own remedy", incident.display());
        let most = gone.max(new);
        assert!(most <= MOST_LINES, "{} differs in {most} lines", incident.display());
    }
}

#[test]
fn the_reference_load_expects_every_invariant_to_hold() {
    let reference = load(&folder().join("reference.yaml"));
    // None of its producers is transactional, so that one invariant is not judged.
    let judged = stormglass_check::INVARIANTS.iter().map(|invariant| invariant.name);
    let judged: Vec<&str> = judged.filter(|name| *name != "transactions").collect();
    let mut expected = reference.expect().hold.clone();
    expected.sort_by_key(|name| judged.iter().position(|other| other == name));
    assert_eq!(expected, judged);
    let plan = reference.plan(0);
    assert_eq!((plan.cluster.brokers, plan.topics[0].partitions), (3, 12));
    assert_eq!((plan.producers.len(), plan.groups[0].members.len()), (4, 4));
    assert!(plan.faults.is_empty());
}
