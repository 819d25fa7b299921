//! Random schedules: whatever the network, the disks and the processes do, there is one leader in an epoch, and what was
//! committed stays.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::Config as ProptestConfig;

use super::*;

/// What has been seen so far.
#[derive(Default)]
struct Seen {
    leaders: BTreeMap<LeaderEpoch, usize>,
    /// What was before the first look at a log that begins later is not known.
    committed: Vec<Option<MetadataRecord>>,
}

impl Seen {
    fn check(&mut self, rig: &Rig) -> Result<(), String> {
        for (at, epoch) in rig.leaders() {
            let first = *self.leaders.entry(epoch).or_insert(at);
            if first != at {
                return Err(format!("{first} and {at} lead in {epoch:?}"));
            }
        }
        for (at, voter) in rig.voters.iter().enumerate() {
            let Some(voter) = voter else { continue };
            let store = voter.store();
            let from = store.start();
            let records = store.slice(from, voter.high_watermark());
            for (offset, record) in (usize::try_from(from.0).unwrap()..).zip(records.iter()) {
                if self.committed.len() <= offset {
                    self.committed.resize(offset + 1, None);
                }
                let known = self.committed[offset].get_or_insert_with(|| record.clone());
                if known != record {
                    return Err(format!("{at} has {record:?} at {offset}, not {known:?}"));
                }
            }
        }
        Ok(())
    }
}

fn run(rig: &mut Rig, steps: &[(u8, u8)]) -> Result<(), String> {
    let mut seen = Seen::default();
    let voters = rig.voters.len();
    for (what, which) in steps {
        let which = usize::from(*which);
        let voter = which % voters;
        match what % 32 {
            0..=15 => {
                let arrivals = rig.arrivals();
                if let Some((conn, way)) = arrivals.get(which % arrivals.len().max(1)) {
                    rig.arrive(*conn, *way);
                }
            }
            16..=20 => (0..voters).for_each(|n| rig.sync((n + voter) % voters)),
            21 => rig.sync(voter),
            22..=24 => rig.tick(),
            25 => {
                rig.pass(Span::millis(100));
                if rig.restless {
                    return Err(String::from("the quorum does not come to rest"));
                }
            }
            26 => {
                if let Some((leader, _)) = rig.leaders().first() {
                    rig.append(*leader);
                }
            }
            27 => {
                let conn = rig.links.keys().nth(which % rig.links.len().max(1)).copied();
                conn.into_iter().for_each(|conn| rig.reset(conn));
            }
            28 => {
                let kinds = [CrashKind::Process, CrashKind::Power, CrashKind::Torn];
                rig.crash(voter, kinds[which / voters % 3]);
            }
            29 => {
                let down = (0..voters).find(|n| rig.voters[*n].is_none());
                down.into_iter().for_each(|down| rig.boot(down));
            }
            30 => rig.cut_off = vec![voter],
            _ => rig.cut_off.clear(),
        }
        seen.check(rig)?;
    }
    Ok(())
}

fn settings(snapshots: bool) -> QuorumSettings {
    let mut settings = BrokerSettings::default().quorum;
    if snapshots {
        (settings.snapshot_bytes, settings.retention_bytes) = (150, 150);
    }
    settings
}

fn schedule() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec(any::<(u8, u8)>(), 100..900)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 96,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_leads_and_what_was_committed_stays(
        steps in schedule(),
        five in any::<bool>(),
        snapshots in any::<bool>(),
    ) {
        let voters = if five { 5 } else { 3 };
        let mut rig = Rig::with(voters, Rules::ALL, settings(snapshots));
        rig.pass(Span::secs(3));
        let outcome = run(&mut rig, &steps);
        prop_assert!(outcome.is_ok(), "{}\n{}", outcome.unwrap_err(), rig.shown());
        // However it went, the quorum comes back to work.
        rig.cut_off.clear();
        (0..voters).filter(|n| rig.voters[*n].is_none()).collect::<Vec<_>>().into_iter().for_each(|n| rig.boot(n));
        rig.pass(Span::secs(60));
        prop_assert_eq!(rig.leaders().len(), 1, "{}", rig.shown());
    }
}

/// The model is worth something only if it notices that a rule is missing.
#[test]
fn random_schedules_find_what_a_missing_rule_breaks() {
    let rules = [
        Rule::OneVotePerEpoch,
        Rule::VoteIsDurable,
        Rule::VoteNeedsUpToDateLog,
        Rule::QuorumTruncates,
        Rule::FetchAcksDurable,
    ];
    for (number, rule) in (0..).zip(rules) {
        let mut rng = Streams::new(11).stream(Stream::Workload, number);
        let found = (0..4_000).find(|_| {
            let byte = |rng: &mut Rng| u8::try_from(rng.upto(255)).unwrap();
            let steps: Vec<(u8, u8)> = (0..500).map(|_| (byte(&mut rng), byte(&mut rng))).collect();
            let mut rig = Rig::new(3, Rules::ALL.without(rule));
            run(&mut rig, &steps).is_err()
        });
        assert!(found.is_some(), "nothing is wrong without {}", rule.name());
    }
}
