use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use stormglass_types::{
    BrokerEpoch, LeaderEpoch, Offset, Rng, Stream, Streams, TopicId, TopicPartition,
};

use super::super::tests::{E1, log_of, plain, stamped};
use super::super::{AppendOutcome, Origin};
use super::{BrokerStore, PartitionLog};
use crate::record::Batch;
use crate::{CrashKind, CrashReport, Durable, Mark, Outbox, Rule, Rules, SyncToken};

const T: TopicPartition = TopicPartition::new(TopicId(1), 0);

fn rng(seed: u64) -> Rng {
    Streams::new(seed).stream(Stream::Crash, 0)
}

fn store_of(log: PartitionLog) -> BrokerStore {
    let mut store = BrokerStore::default();
    store.logs.insert(T, log);
    store
}

/// The store after a crash, and what the crash destroyed.
fn crash(store: &BrokerStore, kind: CrashKind, seed: u64) -> (BrokerStore, Vec<(i64, i64)>) {
    let mut report = CrashReport::default();
    let store = store.clone().after_crash(kind, &mut rng(seed), &mut report);
    (store, report.lost.iter().map(|(_, from, to)| (from.0, to.0)).collect())
}

fn boot(store: &mut BrokerStore, rules: Rules) -> Outbox {
    let mut out = Outbox::default();
    store.recover(rules, &mut out);
    out
}

fn sync(store: &mut BrokerStore, token: u32) {
    store.begin_sync(SyncToken(token));
    store.finish_sync(SyncToken(token));
}

#[test]
fn a_killed_process_loses_nothing() {
    let mut store = store_of(log_of(&[2, 3]));
    store.checkpoints.insert(T, Offset(5));
    let (mut store, lost) = crash(&store, CrashKind::Process, 1);
    let out = boot(&mut store, Rules::ALL);
    assert!(lost.is_empty() && out.marks.is_empty());
    assert_eq!((store.logs[T].end(), store.logs[T].synced()), (Offset(5), Offset(0)));
    assert_eq!(store.checkpoints[T], Offset(5));
}

#[test]
fn a_loss_of_power_cuts_at_any_batch_boundary_that_was_not_synced() {
    let mut store = store_of(log_of(&[2]));
    sync(&mut store, 1);
    for (base, count) in [(2, 3), (5, 1)] {
        store.logs[T].push(Batch { base: Offset(base), epoch: E1, ..plain(count) });
    }
    let mut ends = vec![];
    for seed in 0..40 {
        let (mut after, lost) = crash(&store, CrashKind::Power, seed);
        let end = after.logs[T].end();
        assert_eq!(after.logs[T].synced(), end);
        let expected = if end < Offset(6) { vec![(end.0, 6)] } else { vec![] };
        assert_eq!(lost, expected);
        let out = boot(&mut after, Rules::ALL);
        assert_eq!(out.marks.contains(Mark::RecoveredShorterLog), end < Offset(6));
        ends.push(end.0);
    }
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends, [2, 5, 6]);
}

#[test]
fn a_torn_batch_is_rejected_by_its_checksum() {
    let store = store_of(log_of(&[4]));
    let (mut after, lost) = crash(&store, CrashKind::Torn, 3);
    assert_eq!(lost, [(0, 4)]);
    let out = boot(&mut after, Rules::ALL);
    assert!(out.marks.contains(Mark::TornBatchRejected));
    assert_eq!((after.logs[T].end(), after.logs[T].latest_epoch()), (Offset(0), None));
}

#[test]
fn without_the_checksum_a_torn_batch_stays_with_half_its_values() {
    let store = store_of(log_of(&[4]));
    let (mut after, _) = crash(&store, CrashKind::Torn, 3);
    let out = boot(&mut after, Rules::ALL.without(Rule::RecoveryChecksCrc));
    assert!(!out.marks.contains(Mark::TornBatchRejected));
    let kept = after.logs[T].batches_from(Offset::ZERO).next().unwrap();
    assert_eq!((kept.count, kept.values().unwrap().count), (4, 2));
    assert_eq!((after.logs[T].end(), after.logs[T].latest_epoch()), (Offset(4), Some(E1)));
}

#[test]
fn what_was_synced_is_never_torn() {
    let mut store = store_of(log_of(&[4]));
    sync(&mut store, 1);
    let (mut after, lost) = crash(&store, CrashKind::Torn, 3);
    assert!(lost.is_empty() && boot(&mut after, Rules::ALL).marks.is_empty());
    assert_eq!(after.logs[T].end(), Offset(4));
}

#[test]
fn a_lost_disk_is_empty() {
    let mut store = store_of(log_of(&[4]));
    store.checkpoints.insert(T, Offset(4));
    store.clean_shutdown = Some(BrokerEpoch(9));
    sync(&mut store, 1);
    let (after, lost) = crash(&store, CrashKind::DiskLost, 1);
    assert_eq!(lost, [(0, 4)]);
    assert!(after.logs.is_empty() && after.checkpoints.is_empty());
    assert_eq!(after.clean_shutdown, None);
}

#[test]
fn a_loss_of_power_takes_checkpoints_back_to_the_last_sync() {
    let mut store = store_of(log_of(&[1, 1]));
    store.checkpoints.insert(T, Offset(1));
    sync(&mut store, 1);
    store.checkpoints.insert(T, Offset(2));
    assert_eq!(crash(&store, CrashKind::Process, 0).0.checkpoints[T], Offset(2));
    assert_eq!(crash(&store, CrashKind::Power, 0).0.checkpoints[T], Offset(1));
}

#[test]
fn a_sync_vouches_only_for_what_was_there_when_it_began_and_was_not_cut_since() {
    let mut store = store_of(log_of(&[2]));
    store.begin_sync(SyncToken(1));
    store.logs[T].push(Batch { base: Offset(2), epoch: E1, ..plain(2) });
    store.finish_sync(SyncToken(1));
    assert_eq!(store.logs[T].synced(), Offset(2));
    store.begin_sync(SyncToken(2));
    store.logs[T].truncate_to(Offset(2), Rules::ALL);
    store.logs[T].push(Batch { base: Offset(2), epoch: E1, ..plain(2) });
    store.finish_sync(SyncToken(2));
    assert_eq!(store.logs[T].synced(), Offset(2));
}

#[test]
fn recovery_trims_epochs_behind_the_end_and_takes_the_marker_away() {
    let mut store = store_of(log_of(&[2]));
    store.logs[T].assign_epoch(LeaderEpoch(3), Offset(2));
    store.clean_shutdown = Some(BrokerEpoch(9));
    let mut out = Outbox::default();
    assert_eq!(store.recover(Rules::ALL, &mut out), Some(BrokerEpoch(9)));
    assert_eq!(store.logs[T].latest_epoch(), Some(E1));
    assert_eq!(store.recover(Rules::ALL, &mut out), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recovery_leaves_the_prefix_that_the_crash_did_and_its_producers(
        counts in prop::collection::vec((1_u32..4, 0_u8..6), 1..40),
        torn in proptest::bool::ANY,
        seed in 0_u64..1000,
    ) {
        let mut store = store_of(PartitionLog::new());
        let mut sequence = 0;
        for (token, (count, what)) in (0_u32..).zip(counts) {
            let log = &mut store.logs[T];
            let outcome = log.append_as_leader(
                stamped(0, sequence, count), E1, Origin::Client, Rules::ALL, &mut Outbox::default(),
            );
            let appended = matches!(outcome, Ok(AppendOutcome::Appended { .. }));
            prop_assert!(appended);
            sequence += i32::try_from(count).unwrap();
            if what == 0 {
                sync(&mut store, token);
            }
        }
        let kind = if torn { CrashKind::Torn } else { CrashKind::Power };
        let (mut after, lost) = crash(&store, kind, seed);
        boot(&mut after, Rules::ALL);
        let (before, after) = (&store.logs[T], &after.logs[T]);
        prop_assert!(before.synced() <= after.end() && after.end() <= before.end());
        prop_assert!(!torn || after.end() < before.end() || before.synced() == before.end());
        let gone = if after.end() < before.end() { vec![(after.end().0, before.end().0)] } else { vec![] };
        prop_assert_eq!(lost, gone);
        let kept: Vec<&Batch> = after.batches_from(Offset::ZERO).collect();
        prop_assert!(before.batches_from(Offset::ZERO).take(kept.len()).eq(kept.iter().copied()));
        let mut truncated = before.clone();
        truncated.truncate_to(after.end(), Rules::ALL);
        prop_assert_eq!(truncated.producers(), after.producers());
        prop_assert_eq!(truncated.epochs(), after.epochs());
    }
}
