use super::*;

fn quorum(rules: Rules) -> Rig {
    let mut rig = Rig::new(3, rules);
    rig.pass(Span::secs(5));
    rig
}

#[test]
fn a_record_is_committed_when_a_majority_has_it_on_disk() {
    let mut rig = quorum(Rules::ALL);
    let leader = rig.leader();
    let others: Vec<usize> = (0..3).filter(|other| *other != leader).collect();
    let high_watermark = |rig: &Rig| rig.voters[leader].as_ref().unwrap().high_watermark().0;
    rig.slow_disks = others.clone();
    rig.append(leader);
    rig.pass(Span::millis(300));
    assert_eq!(high_watermark(&rig), 1, "only the leader has it on disk:\n{}", rig.shown());
    rig.sync(others[0]);
    rig.pass(Span::millis(300));
    assert_eq!(high_watermark(&rig), 2, "{}", rig.shown());
}

#[test]
fn without_the_rule_a_record_counts_before_it_is_on_disk() {
    let mut rig = quorum(Rules::ALL.without(Rule::FetchAcksDurable));
    rig.slow_disks = vec![0, 1, 2];
    let leader = rig.leader();
    rig.append(leader);
    rig.pass(Span::millis(300));
    assert_eq!(rig.voters[leader].as_ref().unwrap().high_watermark().0, 2);
}

#[test]
fn a_leader_gathers_what_it_appends() {
    let mut rig = quorum(Rules::ALL);
    let leader = rig.leader();
    rig.append(leader);
    rig.append(leader);
    let voter = rig.voters[leader].as_ref().unwrap();
    assert_eq!((voter.end(), voter.store().end()), (MetadataOffset(3), MetadataOffset(1)));
    rig.pass(Span::millis(30));
    assert_eq!(rig.voters[leader].as_ref().unwrap().store().end(), MetadataOffset(3));
}

/// A leader that appended alone, and comes back when others have gone on.
fn divergence(rules: Rules) -> Rig {
    let mut rig = quorum(rules);
    let first = rig.leader();
    rig.cut_off.push(first);
    rig.append(first);
    rig.append(first);
    rig.pass(Span::millis(100));
    rig.crash(first, CrashKind::Process);
    rig.pass(Span::secs(10));
    let second = rig.leader();
    rig.append(second);
    rig.pass(Span::secs(1));
    rig.cut_off.clear();
    rig.boot(first);
    rig.pass(Span::secs(10));
    rig
}

#[test]
fn what_was_never_committed_is_taken_back() {
    let rig = divergence(Rules::ALL);
    assert!(rig.marked(Mark::QuorumLogTruncated));
    assert_eq!(rig.images[0], rig.images[1]);
    assert_eq!(rig.images[1], rig.images[2]);
    assert_eq!(rig.images[0].next_producer_id, 3, "{}", rig.shown());
}

#[test]
fn without_truncation_logs_stay_apart() {
    let rig = divergence(Rules::ALL.without(Rule::QuorumTruncates));
    let stores: Vec<_> = rig.voters.iter().flatten().map(Voter::store).collect();
    let at = MetadataOffset(1);
    assert!(stores.iter().any(|store| store.epoch_at(at) != stores[0].epoch_at(at)));
}

#[test]
fn a_voter_behind_the_leaders_log_begins_with_a_snapshot() {
    let mut settings = BrokerSettings::default().quorum;
    settings.snapshot_bytes = 200;
    settings.retention_bytes = 200;
    let mut rig = Rig::with(3, Rules::ALL, settings);
    rig.pass(Span::secs(5));
    let leader = rig.leader();
    let lost = (leader + 1) % 3;
    rig.crash(lost, CrashKind::Process);
    for _ in 0..40 {
        rig.append(leader);
        rig.pass(Span::millis(700));
    }
    assert!(rig.voters[leader].as_ref().unwrap().store().start() > MetadataOffset(10));
    rig.boot(lost);
    rig.pass(Span::secs(5));
    assert!(rig.marked(Mark::SnapshotInstalled));
    assert_eq!(rig.images[lost], rig.images[leader], "{}", rig.shown());
    assert_eq!(rig.images[lost].next_producer_id, 40);
}

#[test]
fn only_a_record_of_its_own_epoch_lets_a_leader_commit_older_ones() {
    let off = Rules::ALL.without(Rule::CommitInOwnEpoch);
    for (rules, steps) in [(Rules::ALL, vec![1, 3]), (off, vec![1, 2, 3])] {
        let mut rig = quorum(rules);
        let first = rig.leader();
        // The others have the record on disk, but the leader dies before it hears that.
        rig.append(first);
        while rig.voters.iter().flatten().any(|voter| voter.store().synced().0 < 2) {
            rig.step();
        }
        rig.crash(first, CrashKind::Process);
        while rig.leaders().is_empty() {
            rig.step();
        }
        let leader = rig.leader();
        let mut seen = Vec::new();
        for _ in 0..60 {
            seen.push(rig.voters[leader].as_ref().unwrap().high_watermark().0);
            rig.step();
        }
        seen.dedup();
        assert_eq!(seen, steps, "{}", rig.shown());
    }
}
