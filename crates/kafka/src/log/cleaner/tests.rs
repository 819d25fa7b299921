use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Removal;
use stormglass_types::{Key, Offset, SourceId, Span, Time, ValueRange, Wall};

use crate::log::tests::{E1, stamped};
use crate::log::{AppendOutcome, Origin, PartitionLog};
use crate::record::{Batch, Keyed, Payload, RecordKey, Records, Run};
use crate::settings::{Cleanup, CleanupPolicy};
use crate::{Now, Outbox, Rule, Rules};

/// Segments of ten seconds; tombstones are kept for twenty.
fn cleanup() -> Cleanup {
    Cleanup {
        policy: CleanupPolicy::Compact,
        retention: None,
        retention_bytes: None,
        segment_age: Span::secs(10),
        segment_bytes: 1 << 20,
        delete_retention: Span::secs(20),
        min_dirty_millionths: 0,
        min_compaction_lag: Span::ZERO,
        max_compaction_lag: None,
    }
}

/// A batch of producer 7: `a` is a value of key a, `-a` its deletion.
fn batch(sequence: i32, words: &str) -> Batch {
    let keys: Vec<RecordKey> = words
        .split(' ')
        .map(|word| {
            let (payload, key) = match word.strip_prefix('-') {
                Some(key) => (Payload::Tombstone, key),
                None => (Payload::Value, word),
            };
            RecordKey { key: Some(Key(u32::from(key.as_bytes()[0]))), payload }
        })
        .collect();
    let count = u32::try_from(keys.len()).unwrap();
    let first = u32::try_from(sequence).unwrap();
    let values = ValueRange { source: SourceId(0), first, count };
    let left = Vec::from([Run { from: 0, count }]);
    let keyed = Keyed { values, keys: keys.into(), left, horizon: None };
    Batch { records: Records::Keyed(Arc::new(keyed)), ..stamped(0, sequence, count) }
}

fn append(log: &mut PartitionLog, second: i64, words: &str) {
    let sequence = i32::try_from(log.end().0).unwrap();
    let batch = Batch { timestamp: Wall(second * 1_000), ..batch(sequence, words) };
    let mut out = Outbox::default();
    let outcome = log.append_as_leader(batch, E1, Origin::Client, Rules::ALL, &mut out);
    assert!(matches!(outcome, Ok(AppendOutcome::Appended { .. })), "{outcome:?}");
}

fn clean(log: &mut PartitionLog, second: i64, high_watermark: i64, rules: Rules) -> Option<i64> {
    let now = Now { mono: Time::ZERO, wall: Wall(second * 1_000) };
    log.clean(now, &cleanup(), Offset(high_watermark), rules).map(|to| to.0)
}

/// The offsets that hold a record.
fn offsets(log: &PartitionLog) -> Vec<i64> {
    let runs = log.batches_from(log.start()).flat_map(|batch| batch.runs());
    runs.flat_map(|(base, values)| (base.0..).take(values.count as usize)).collect()
}

#[test]
fn of_each_key_the_last_record_below_the_active_segment_stays() {
    let mut log = PartitionLog::new();
    append(&mut log, 0, "a b a");
    append(&mut log, 1, "b c");
    append(&mut log, 11, "c");
    assert_eq!(clean(&mut log, 12, 6, Rules::ALL), Some(5));
    assert_eq!(offsets(&log), [2, 3, 4, 5], "the active segment counts for nothing");
    assert_eq!((log.start().0, log.end().0), (0, 6));
    assert_eq!(log.dropped().len(), 2);
    assert_eq!(clean(&mut log, 13, 6, Rules::ALL), None, "nothing is dirty");
}

#[test]
fn what_is_not_committed_supersedes_nothing() {
    let story = || {
        let mut log = PartitionLog::new();
        append(&mut log, 0, "a");
        append(&mut log, 1, "a");
        append(&mut log, 11, "b");
        log
    };
    let mut log = story();
    clean(&mut log, 12, 1, Rules::ALL);
    assert_eq!(offsets(&log), [0, 1, 2]);
    let mut log = story();
    clean(&mut log, 12, 1, Rules::ALL.without(Rule::CleanerBelowHighWatermark));
    assert_eq!(offsets(&log), [1, 2]);
}

#[test]
fn a_tombstone_goes_some_time_after_it_was_first_cleaned() {
    let mut log = PartitionLog::new();
    append(&mut log, 0, "a -a");
    append(&mut log, 11, "b");
    assert_eq!(clean(&mut log, 50, 3, Rules::ALL), Some(2));
    assert_eq!(offsets(&log), [1, 2], "it is old, but was cleaned just now");
    append(&mut log, 60, "c");
    clean(&mut log, 69, 4, Rules::ALL);
    assert_eq!(offsets(&log), [1, 2, 3]);
    append(&mut log, 75, "d");
    clean(&mut log, 76, 5, Rules::ALL);
    assert_eq!(offsets(&log), [2, 3, 4]);
    assert_eq!(log.dropped()[0].why, Removal::Tombstone);
}

#[test]
fn without_horizons_a_tombstone_goes_by_the_age_of_what_was_cleaned() {
    let rules = Rules::ALL.without(Rule::TombstonesHaveHorizons);
    let mut log = PartitionLog::new();
    append(&mut log, 0, "a -a");
    append(&mut log, 30, "b");
    append(&mut log, 41, "c");
    clean(&mut log, 42, 4, rules);
    assert_eq!(offsets(&log), [1, 2, 3]);
    append(&mut log, 52, "d");
    clean(&mut log, 53, 5, rules);
    assert_eq!(offsets(&log), [2, 3, 4], "eleven seconds after its first cleaning");
}

#[test]
fn the_last_batch_of_a_producer_stays_without_records() {
    for (rules, known) in [(Rules::ALL, 1), (Rules::ALL.without(Rule::CleanerKeepsSequences), 0)] {
        let mut log = PartitionLog::new();
        append(&mut log, 0, "a b");
        let other = Batch { timestamp: Wall(1_000), stamp: None, ..batch(0, "a b") };
        let mut out = Outbox::default();
        let _ = log.append_as_leader(other, E1, Origin::Client, Rules::ALL, &mut out);
        let last = Batch { timestamp: Wall(20_000), stamp: None, ..batch(0, "c") };
        let _ = log.append_as_leader(last, E1, Origin::Client, Rules::ALL, &mut out);
        clean(&mut log, 21, 5, rules);
        assert_eq!(offsets(&log), [2, 3, 4]);
        let copied = log.batches_from(Offset::ZERO).filter(|batch| batch.stamp.is_some()).count();
        assert_eq!(copied, known);
        log.truncate_to(Offset(4), rules);
        log.rebuild_producers(rules);
        assert_eq!(log.producers().len(), known);
    }
}

#[test]
fn a_log_is_cleaned_once_enough_of_it_is_dirty() {
    let mut log = PartitionLog::new();
    append(&mut log, 0, "a b c d");
    append(&mut log, 11, "a");
    append(&mut log, 22, "e");
    let half = Cleanup { min_dirty_millionths: 500_000, ..cleanup() };
    let at = |second: i64| Now { mono: Time::ZERO, wall: Wall(second * 1_000) };
    assert_eq!(log.clean(at(12), &half, Offset(4), Rules::ALL), Some(Offset(4)));
    assert_eq!(log.clean(at(23), &half, Offset(6), Rules::ALL), None);
    let late = Cleanup { max_compaction_lag: Some(Span::secs(30)), ..half };
    assert_eq!(log.clean(at(23), &late, Offset(6), Rules::ALL), None);
    assert_eq!(log.clean(at(42), &late, Offset(6), Rules::ALL), Some(Offset(5)));
    let wait = Cleanup { min_compaction_lag: Span::secs(100), ..cleanup() };
    append(&mut log, 40, "f");
    assert_eq!(log.clean(at(60), &wait, Offset(7), Rules::ALL), None);
}
