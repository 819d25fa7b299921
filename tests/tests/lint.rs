//! Lint against the scenarios of the repository: what teaches a mistake is found, and what fixes it is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot read a scenario should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stormglass_runner::lint::{Linted, MISTAKES, Proof, ProofOptions, Proved, Remedy};
use stormglass_runner::scenario::Scenario;
use stormglass_runner::sweep::{Seeds, all_cores};

/// Which mistake each pair teaches; none where the mistake is no setting, with what it is.
const TAUGHT: &[(&str, Result<&str, &str>)] = &[
    ("acks-0-fire-and-forget", Ok("M01")),
    ("acks-1-leader-crash", Ok("M02")),
    ("acks-1-turns-idempotence-off", Ok("M07")),
    ("application-sends-again", Ok("M09")),
    ("assign-with-shared-group-id", Ok("M22")),
    ("auto-commit-async-processing", Ok("M40")),
    ("commit-ahead-of-poll", Err("a rule of the protocol that an old client lacks")),
    ("commit-async-goes-back", Ok("M17")),
    ("commit-before-processing", Ok("M16")),
    ("controller-quorum", Err("how many controllers there are, and no setting")),
    ("cooperative-vs-eager", Ok("S02")),
    ("duplicate-instance-id", Ok("M26")),
    ("external-store-without-fencing", Ok("M39")),
    ("hot-key-skew", Ok("S06")),
    ("idle-consumers", Ok("S01")),
    ("lag-time-below-pauses", Ok("M38")),
    ("killed-before-flush", Err("how the application ends, and no setting")),
    ("last-replica-standing", Err("a feature that the cluster lacks, and no setting")),
    ("latest-skips-new-partitions", Ok("M20")),
    ("librdkafka-auto-commit", Ok("S08")),
    ("lost-ack-duplicates", Ok("M06")),
    ("min-insync-replicas-1", Ok("M03")),
    ("min-insync-replicas-equals-replication", Ok("M37")),
    ("mixed-partitioners", Ok("M25")),
    ("no-commit-on-revoke", Ok("M18")),
    ("offsets-expired", Ok("M21")),
    ("offsets-topic-without-replicas", Ok("M28")),
    ("partition-expansion-breaks-key-order", Ok("M24")),
    ("poison-pill", Ok("S05")),
    ("power-loss-of-all-replicas", Err("where the brokers' power comes from")),
    ("producer-id-expires", Ok("M10")),
    ("protocol-migration", Err("a policy of brokers that no catalogue of mistakes has")),
    ("reads-from-followers", Ok("M31")),
    ("rebalance-storm", Ok("M19")),
    ("retention-below-lag", Ok("M23")),
    ("retry-reorders", Ok("M05")),
    ("round-robin-over-producers", Ok("M36")),
    (
        "replay-into-plain-sink",
        Err("what the application does with a result it has written, and no setting"),
    ),
    ("rolling-restart", Ok("M37")),
    ("scale-4-to-8", Ok("M19")),
    ("scale-8-to-4", Err("how instances are stopped, and no setting")),
    ("seek-to-end-on-assign", Err("what the application does in a callback, and no setting")),
    ("shared-transactional-id", Ok("M11")),
    ("short-delivery-timeout", Ok("M09")),
    ("slow-poll", Ok("M19")),
    ("static-member-gone", Ok("M27")),
    ("static-membership-rolling-restart", Ok("S03")),
    ("throttle-below-inflow", Err("how fast records come, which no setting says")),
    ("thundering-herd-join", Ok("S04")),
    ("tombstones-missed", Ok("M32")),
    ("topic-created-anew", Err("what an operator does, not what is configured")),
    ("unclean-election", Ok("M04")),
    ("unnoticed-truncation", Err("a rule of the protocol that old clients lack")),
    ("zombie-commit", Err("a rule of the protocol that old brokers lack")),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios")
}

fn lint(incident: &str, file: &str) -> Linted {
    let path = folder().join(incident).join(file);
    Linted::scenario(&Scenario::load(&path).unwrap_or_else(|report| panic!("{report}")))
}

fn ids(linted: &Linted) -> Vec<&'static str> {
    linted.findings().iter().map(|finding| finding.mistake().id).collect()
}

/// The files of an incident that are not broken.
fn remedies(incident: &str) -> Vec<String> {
    let entries = fs::read_dir(folder().join(incident)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".yaml") && name != "broken.yaml").collect()
}

#[test]
fn every_pair_is_in_the_table() {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let there: BTreeSet<String> = entries
        .filter(|path| path.join("broken.yaml").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = TAUGHT.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<&String> = there.symmetric_difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}: say which mistake they teach, or that none is seen");
}

#[test]
fn the_broken_ones_are_found_and_the_fixed_ones_are_not() {
    for (incident, taught) in TAUGHT {
        let broken = ids(&lint(incident, "broken.yaml"));
        let Ok(id) = taught else { continue };
        assert!(broken.contains(id), "{incident}: {id} is not among {broken:?}");
        for remedy in remedies(incident) {
            // More partitions are no remedy for a hot key, which is what that scenario teaches.
            if remedy == "more-partitions.yaml" {
                continue;
            }
            let found = ids(&lint(incident, &remedy));
            assert!(!found.contains(id), "{incident}/{remedy}: {id} is found, but it is fixed");
        }
    }
}

#[test]
fn the_reference_load_has_no_mistake_that_loses_records() {
    let path = folder().join("reference.yaml");
    let linted = Linted::scenario(&Scenario::load(&path).unwrap());
    assert_eq!(ids(&linted), [] as [&str; 0]);
}

/// Every mistake that a pair teaches and a run can show is shown on the settings of that pair's broken scenario.
#[test]
fn what_is_found_is_proved_on_its_own_settings() {
    for (incident, taught) in TAUGHT {
        let Ok(id) = taught else { continue };
        let mistake = MISTAKES.iter().find(|mistake| mistake.id == *id).unwrap();
        if !matches!(mistake.proof, Proof::Pair { .. }) {
            continue;
        }
        let linted = lint(incident, "broken.yaml");
        assert_proved(incident, &linted, id);
    }
}

/// A backlog that a group finds does not hang on where it begins without an offset, which is at the end by default.
#[test]
fn a_poll_that_takes_too_long_is_proved_where_groups_begin_at_the_end() {
    let text = "\
topics: { orders: { partitions: 6, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 100/s } }
groups:
  billing: { members: 3, subscribe: orders, config: { max.poll.interval.ms: 10000 }, process: { each: 50ms } }
expect: { hold: [no-loss] }
";
    let scenario = Scenario::parse("mine.yaml", text).unwrap_or_else(|report| panic!("{report}"));
    assert_proved("mine", &Linted::scenario(&scenario), "M19");
}

/// A mistake that is found shows in a run, and not with its fix.
fn assert_proved(name: &str, linted: &Linted, id: &str) {
    let finding = linted.findings().iter().find(|it| it.mistake().id == id).unwrap();
    let options = ProofOptions { seeds: Seeds::range(0..4).unwrap(), jobs: all_cores() };
    let mut text = String::new();
    let proved = linted.prove(finding, options, &mut |scenario| {
        scenario.clone_into(&mut text);
        Ok("reports/lint/proof.yaml".to_owned())
    });
    match proved.unwrap() {
        Proved::Shown(shown) => {
            let remedied = !matches!(shown.remedy, Some(Remedy::Fails(_)));
            assert!(remedied, "{name}: {id} is still there with its fix\n{text}");
        }
        other => panic!("{name}: {id} is not shown: {other:?}\n{text}"),
    }
}
