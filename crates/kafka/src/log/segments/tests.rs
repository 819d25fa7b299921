use stormglass_types::history::Removal;
use stormglass_types::{Offset, Span, Time, Wall};

use crate::log::tests::{E1, plain, stamped};
use crate::log::{AppendOutcome, Origin, PartitionLog};
use crate::record::Batch;
use crate::settings::{Cleanup, CleanupPolicy};
use crate::{Now, Outbox, Rule, Rules};

/// Segments of five records or ten seconds; records are ten bytes each.
fn cleanup(retention: Option<u64>, bytes: Option<u64>) -> Cleanup {
    Cleanup {
        policy: CleanupPolicy::Delete,
        retention: retention.map(Span::secs),
        retention_bytes: bytes,
        segment_age: Span::secs(10),
        segment_bytes: 50,
        delete_retention: Span::ZERO,
        min_dirty_millionths: 0,
        min_compaction_lag: Span::ZERO,
        max_compaction_lag: None,
    }
}

fn append(log: &mut PartitionLog, batch: Batch, second: i64) {
    let batch = Batch { timestamp: Wall(second * 1_000), ..batch };
    let mut out = Outbox::default();
    let outcome = log.append_as_leader(batch, E1, Origin::Client, Rules::ALL, &mut out);
    assert!(matches!(outcome, Ok(AppendOutcome::Appended { .. })));
}

/// One record a second from second zero on.
fn log_of(seconds: i64) -> PartitionLog {
    let mut log = PartitionLog::new();
    (0..seconds).for_each(|second| append(&mut log, plain(1), second));
    log
}

fn delete(log: &mut PartitionLog, second: i64, cleanup: &Cleanup, high_watermark: i64) -> i64 {
    let now = Now { mono: Time::ZERO, wall: Wall(second * 1_000) };
    log.delete_old_segments(now, cleanup, Offset(high_watermark), Rules::ALL);
    log.start().0
}

#[test]
fn segments_go_whole_once_their_newest_record_is_too_old() {
    let mut log = log_of(13);
    let keep = cleanup(Some(20), None);
    assert_eq!(delete(&mut log, 24, &keep, 13), 0, "second 4 is just twenty seconds old");
    assert_eq!(delete(&mut log, 25, &keep, 13), 5);
    assert_eq!(delete(&mut log, 29, &keep, 13), 5);
    assert_eq!(delete(&mut log, 30, &keep, 13), 10);
    assert_eq!(
        delete(&mut log, 33, &keep, 13),
        13,
        "an old active segment is rolled and goes, too"
    );
    assert_eq!(log.end(), Offset(13));
    append(&mut log, plain(1), 34);
    assert_eq!(delete(&mut log, 40, &keep, 14), 13);
}

#[test]
fn segments_end_by_age_as_well() {
    let mut log = PartitionLog::new();
    for second in [0, 5, 10, 11, 12] {
        append(&mut log, plain(1), second);
    }
    let keep = cleanup(Some(20), None);
    assert_eq!(delete(&mut log, 31, &keep, 5), 3, "the record of second 11 began another segment");
}

#[test]
fn too_large_a_log_loses_whole_segments() {
    let mut log = log_of(13);
    assert_eq!(delete(&mut log, 13, &cleanup(None, Some(81)), 13), 0);
    assert_eq!(delete(&mut log, 13, &cleanup(None, Some(80)), 13), 5);
    assert_eq!(delete(&mut log, 13, &cleanup(None, Some(31)), 13), 5);
    assert_eq!(delete(&mut log, 13, &cleanup(None, Some(0)), 13), 13);
}

#[test]
fn the_reason_is_that_of_the_last_limit() {
    let now = Now { mono: Time::ZERO, wall: Wall(24_000) };
    let mut log = log_of(13);
    let both = cleanup(Some(20), Some(90));
    let told = log.delete_old_segments(now, &both, Offset(13), Rules::ALL);
    assert_eq!(told, None, "nothing is too old, and the excess is less than a segment");
    let by_size =
        log.delete_old_segments(now, &cleanup(Some(30), Some(80)), Offset(13), Rules::ALL);
    assert_eq!(by_size, Some((Offset(0), Removal::Size)));
    let by_age = log.delete_old_segments(now, &cleanup(Some(14), None), Offset(13), Rules::ALL);
    assert_eq!(by_age, Some((Offset(5), Removal::Age)));
}

#[test]
fn nothing_above_the_high_watermark_is_deleted() {
    let mut log = log_of(13);
    let keep = cleanup(Some(1), None);
    assert_eq!(delete(&mut log, 99, &keep, 9), 5);
    let now = Now { mono: Time::ZERO, wall: Wall(99_000) };
    let unbounded = Rules::ALL.without(Rule::RetentionBelowHighWatermark);
    log.delete_old_segments(now, &keep, Offset(9), unbounded);
    assert_eq!(log.start(), Offset(13));
}

#[test]
fn truncation_takes_segments_along_and_the_rest_is_rolled_as_before() {
    let keep = cleanup(Some(20), None);
    let mut log = log_of(13);
    assert_eq!(delete(&mut log, 13, &keep, 13), 0);
    log.truncate_to(Offset(7), Rules::ALL);
    for second in 13..17 {
        append(&mut log, plain(1), second);
    }
    assert_eq!(delete(&mut log, 36, &keep, 11), 10, "5, 6 and three more fill the second segment");
}

#[test]
fn producers_are_known_after_their_records_are_gone() {
    let keep = cleanup(Some(20), None);
    for (rules, known) in
        [(Rules::ALL, 1), (Rules::ALL.without(Rule::ProducerStateOutlivesRecords), 0)]
    {
        let mut log = PartitionLog::new();
        append(&mut log, stamped(0, 0, 2), 0);
        append(&mut log, plain(5), 1);
        let now = Now { mono: Time::ZERO, wall: Wall(21_000) };
        log.delete_old_segments(now, &keep, Offset(7), rules);
        assert_eq!((log.start(), log.producers().len()), (Offset(2), known));
        log.truncate_to(Offset(2), rules);
        assert_eq!(log.producers().len(), known, "and stay so when the log is loaded again");
    }
}

#[test]
fn a_restart_begins_at_the_oldest_segment_or_at_the_checkpoint() {
    let keep = cleanup(Some(20), None);
    let mut log = log_of(13);
    assert_eq!(delete(&mut log, 26, &keep, 13), 5);
    log.advance_start(Offset(8), Rules::ALL);
    let mut lost = log.clone();
    lost.restart_at(Offset::ZERO);
    assert_eq!(lost.start(), Offset(5));
    log.restart_at(Offset(7));
    assert_eq!(log.start(), Offset(7));
}
