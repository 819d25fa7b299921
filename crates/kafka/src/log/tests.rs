use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use stormglass_types::{
    ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, SourceId, Span, Time,
    ValueRange, Wall,
};

use super::{AppendOutcome, EpochCache, MinOne, Origin, PartitionLog};
use crate::compression::Packing;
use crate::message::AbortedTransaction;
use crate::record::{Batch, ProducerStamp, Records, Verdict, Within};
use crate::settings::Past;
use crate::{Mark, Now, Outbox, Rule, Rules};

pub(super) const E1: LeaderEpoch = LeaderEpoch(1);

/// A batch without a producer id, ten bytes a record.
pub(super) fn plain(count: u32) -> Batch {
    Batch {
        base: Offset::ZERO,
        count,
        epoch: LeaderEpoch::NONE,
        bytes: count * 10,
        packing: Packing::PLAIN,
        timestamp: Wall(0),
        stamp: None,
        records: Records::Values(ValueRange { source: SourceId(0), first: 0, count }),
    }
}

/// A batch of producer 7.
pub(super) fn stamped(epoch: i16, sequence: i32, count: u32) -> Batch {
    let stamp = ProducerStamp {
        id: ProducerId(7),
        epoch: ProducerEpoch(epoch),
        sequence: Sequence(sequence),
        within: Within::Nothing,
    };
    Batch { stamp: Some(stamp), ..plain(count) }
}

fn append_with(log: &mut PartitionLog, batch: Batch, rules: Rules) -> Result<Offset, ErrorCode> {
    match log.append_as_leader(batch, E1, Origin::Client, rules, &mut Outbox::default())? {
        AppendOutcome::Appended { base, .. } | AppendOutcome::Duplicate { base, .. } => Ok(base),
    }
}

fn append(log: &mut PartitionLog, batch: Batch) -> Result<Offset, ErrorCode> {
    append_with(log, batch, Rules::ALL)
}

/// A log of plain batches of these sizes.
pub(super) fn log_of(counts: &[u32]) -> PartitionLog {
    let mut log = PartitionLog::new();
    for count in counts {
        append(&mut log, plain(*count)).unwrap();
    }
    log
}

/// A log in which producer 7 wrote these batches in epoch 0.
fn log_of_sequences(batches: &[(i32, u32)]) -> PartitionLog {
    let mut log = PartitionLog::new();
    for (sequence, count) in batches {
        let anywhere = Rules::ALL.without(Rule::FirstSequenceIsZero);
        append_with(&mut log, stamped(0, *sequence, *count), anywhere).unwrap();
    }
    log
}

fn bases(log: &PartitionLog, from: i64, below: i64, max: u32, least_one: MinOne) -> Vec<i64> {
    let mut batches = Vec::new();
    let bytes = log.read(Offset(from), Offset(below), max, least_one, &mut batches);
    assert_eq!(bytes, batches.iter().map(|batch| batch.bytes).sum::<u32>());
    batches.iter().map(|batch| batch.base.0).collect()
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset_and_stops_at_the_limits() {
    let log = log_of(&[2, 3, 1]);
    assert_eq!(bases(&log, 3, 6, 1000, MinOne::No), [2, 5]);
    assert_eq!(
        bases(&log, 0, 4, 1000, MinOne::No),
        [0],
        "a batch that ends behind `below` is not read"
    );
    assert_eq!(bases(&log, 0, 6, 50, MinOne::No), [0, 2]);
    assert_eq!(bases(&log, 0, 6, 5, MinOne::Yes), [0]);
    assert_eq!(bases(&log, 0, 6, 5, MinOne::No), [0_i64; 0]);
    assert_eq!(bases(&log, 6, 6, 1000, MinOne::Yes), [0_i64; 0]);
    assert_eq!(log.available_bytes(Offset(3), Offset(6)), 40);
    assert_eq!(log.available_bytes(Offset(6), Offset(2)), 0);
}

#[test]
fn a_follower_takes_batches_as_they_are_and_refuses_what_begins_before_its_end() {
    let mut log = PartitionLog::new();
    let copy = Batch { base: Offset(0), epoch: LeaderEpoch(4), ..plain(3) };
    assert_eq!(log.append_as_follower(&copy, Rules::ALL), Ok(()));
    assert_eq!(log.append_as_follower(&copy, Rules::ALL), Err(ErrorCode::UnknownServerError));
    assert_eq!((log.end(), log.latest_epoch()), (Offset(3), Some(LeaderEpoch(4))));
}

#[test]
fn truncation_inside_a_batch_takes_it_whole_and_ends_where_it_was_told() {
    let mut log = log_of(&[2, 3]);
    log.truncate_to(Offset(4), Rules::ALL);
    assert_eq!(log.end(), Offset(4));
    assert_eq!(bases(&log, 0, 9, 1000, MinOne::Yes), [0]);
    assert_eq!(append(&mut log, plain(1)), Ok(Offset(4)));
    assert_eq!(bases(&log, 2, 9, 1000, MinOne::Yes), [4], "the hole is skipped");
}

#[test]
fn truncation_at_the_end_still_drops_an_epoch_without_records() {
    let mut log = log_of(&[2]);
    log.assign_epoch(LeaderEpoch(5), Offset(2));
    log.truncate_to(Offset(2), Rules::ALL);
    assert_eq!(log.latest_epoch(), Some(E1));
}

#[test]
fn a_log_truncated_fully_knows_nothing_and_begins_where_it_was_told() {
    let mut log = log_of_sequences(&[(0, 2)]);
    log.truncate_fully(Offset(40));
    assert_eq!((log.start(), log.end(), log.synced()), (Offset(40), Offset(40), Offset(40)));
    assert_eq!((log.latest_epoch(), log.producers().len()), (None, 0));
    assert_eq!(append(&mut log, plain(1)), Ok(Offset(40)));
}

#[test]
fn an_offset_is_found_by_time_even_where_clocks_ran_back() {
    let mut log = PartitionLog::new();
    for millis in [10, 30, 20, 40] {
        append(&mut log, Batch { timestamp: Wall(millis), ..plain(2) }).unwrap();
    }
    let found = |at| log.offset_for_time(Wall(at)).map(|(offset, _)| offset.0);
    assert_eq!((found(0), found(11), found(31), found(41)), (Some(0), Some(2), Some(6), None));
}

#[test]
fn a_repeated_batch_is_answered_with_the_offsets_of_the_first_copy() {
    let mut log = log_of_sequences(&[(0, 2), (2, 3), (5, 1), (6, 1), (7, 1)]);
    let mut out = Outbox::default();
    let again = log.append_as_leader(stamped(0, 0, 2), E1, Origin::Client, Rules::ALL, &mut out);
    assert_eq!(again, Ok(AppendOutcome::Duplicate { base: Offset(0), end: Offset(2) }));
    assert!(out.marks.contains(Mark::DuplicateBatchDropped));
    assert_eq!(log.end(), Offset(8));
}

#[test]
fn the_sixth_last_batch_is_forgotten() {
    let mut log = log_of_sequences(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]);
    assert_eq!(append(&mut log, stamped(0, 1, 1)), Ok(Offset(1)));
    assert_eq!(append(&mut log, stamped(0, 0, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn without_the_window_of_five_only_the_last_batch_is_remembered() {
    let rules = Rules::ALL.without(Rule::DedupWindowOfFive);
    let mut log = log_of_sequences(&[(0, 1), (1, 1)]);
    assert_eq!(append_with(&mut log, stamped(0, 1, 1), rules), Ok(Offset(1)));
    let older = append_with(&mut log, stamped(0, 0, 1), rules);
    assert_eq!(older, Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn without_the_duplicate_check_a_repeated_batch_is_appended_and_later_ones_still_follow() {
    let rules = Rules::ALL.without(Rule::BrokerDropsDuplicates);
    let mut log = log_of_sequences(&[(0, 1), (1, 1)]);
    assert_eq!(append_with(&mut log, stamped(0, 0, 1), rules), Ok(Offset(2)));
    assert_eq!(append_with(&mut log, stamped(0, 2, 1), rules), Ok(Offset(3)));
}

#[test]
fn a_gap_in_sequences_is_refused_unless_the_rule_is_off() {
    let mut log = log_of_sequences(&[(0, 2)]);
    assert_eq!(append(&mut log, stamped(0, 3, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
    let rules = Rules::ALL.without(Rule::SequenceCheck);
    assert_eq!(append_with(&mut log, stamped(0, 3, 1), rules), Ok(Offset(2)));
}

#[test]
fn sequences_wrap_to_zero() {
    let mut log = log_of_sequences(&[(i32::MAX - 1, 2)]);
    assert_eq!(append(&mut log, stamped(0, 0, 1)), Ok(Offset(2)));
    let mut log = log_of_sequences(&[(i32::MAX, 2)]);
    assert_eq!(
        append(&mut log, stamped(0, i32::MAX, 2)),
        Ok(Offset(0)),
        "a repeated wrapping batch"
    );
    assert_eq!(append(&mut log, stamped(0, 1, 1)), Ok(Offset(2)));
}

#[test]
fn without_the_rule_a_batch_over_the_wrap_is_not_known_again() {
    let rules = Rules::ALL.without(Rule::SequencesWrap);
    let mut log = PartitionLog::with_past(Past::GoneRecords);
    assert_eq!(append_with(&mut log, stamped(0, i32::MAX - 4, 3), rules), Ok(Offset(0)));
    assert_eq!(append_with(&mut log, stamped(0, i32::MAX - 4, 3), rules), Ok(Offset(0)), "again");
    assert_eq!(append_with(&mut log, stamped(0, i32::MAX - 1, 3), rules), Ok(Offset(3)));
    let refused = Err(ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(append_with(&mut log, stamped(0, i32::MAX - 1, 3), rules), refused, "again");
    assert_eq!(append_with(&mut log, stamped(0, 1, 1), rules), Ok(Offset(6)));
    // What a producer would send that does not begin at zero again either.
    assert_eq!(append_with(&mut log, stamped(0, i32::MIN + 2, 1), rules), refused);
}

#[test]
fn an_unknown_producer_begins_at_zero_unless_the_log_has_forgotten_somebody() {
    let refused = Err(ErrorCode::OutOfOrderSequenceNumber);
    let mut log = PartitionLog::new();
    assert_eq!(append(&mut log, stamped(0, 17, 1)), refused);
    let historic = Rules::ALL.without(Rule::FirstSequenceIsZero);
    assert_eq!(append_with(&mut log.clone(), stamped(0, 17, 1), historic), Ok(Offset(0)));
    assert_eq!(append(&mut log, stamped(0, 0, 1)), Ok(Offset(0)));
    log.advance_start(Offset(1), Rules::ALL);
    log.truncate_fully(Offset(1));
    assert_eq!(append(&mut log, stamped(0, 17, 1)), Ok(Offset(1)), "its records may be gone");
}

#[test]
fn a_new_epoch_of_a_producer_begins_at_zero() {
    let mut log = log_of_sequences(&[(17, 1)]);
    assert_eq!(append(&mut log, stamped(1, 18, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append(&mut log, stamped(1, 0, 1)), Ok(Offset(1)));
    assert_eq!(append(&mut log, stamped(0, 18, 1)), Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn without_the_epoch_check_an_old_batch_is_appended_and_the_new_epoch_goes_on() {
    let rules = Rules::ALL.without(Rule::ProducerEpochCheck);
    let mut log = PartitionLog::new();
    append_with(&mut log, stamped(1, 0, 1), rules).unwrap();
    assert_eq!(append_with(&mut log, stamped(0, 9, 1), rules), Ok(Offset(1)));
    assert_eq!(append_with(&mut log, stamped(1, 1, 1), rules), Ok(Offset(2)));
}

#[test]
fn the_coordinator_is_checked_by_epoch_only() {
    let mut log = PartitionLog::new();
    append(&mut log, stamped(1, 0, 1)).unwrap();
    let mut append_own = |batch| {
        log.append_as_leader(batch, E1, Origin::Coordinator, Rules::ALL, &mut Outbox::default())
    };
    let appended = AppendOutcome::Appended { base: Offset(1), end: Offset(2) };
    assert_eq!(append_own(stamped(1, 0, 1)), Ok(appended));
    assert_eq!(append_own(stamped(0, 1, 1)), Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn replicas_learn_producers_with_the_records_and_truncation_takes_that_back() {
    let leader = log_of_sequences(&[(0, 1), (1, 1), (2, 1)]);
    let follow = |rules| {
        let mut log = PartitionLog::new();
        for batch in leader.batches_from(Offset::ZERO) {
            log.append_as_follower(batch, rules).unwrap();
        }
        log
    };
    let mut replica = follow(Rules::ALL);
    assert_eq!(append(&mut replica.clone(), stamped(0, 1, 1)), Ok(Offset(1)));
    replica.truncate_to(Offset(1), Rules::ALL);
    assert_eq!(append(&mut replica, stamped(0, 1, 1)), Ok(Offset(1)));
    assert_eq!(replica.end(), Offset(2), "the batch is appended again, since it was cut off");

    let rules =
        Rules::ALL.without(Rule::ProducerStateFollowsLog).without(Rule::FirstSequenceIsZero);
    assert_eq!(append_with(&mut follow(rules), stamped(0, 1, 1), rules), Ok(Offset(3)), "twice");
    let mut old_leader = leader.clone();
    old_leader.truncate_to(Offset(1), rules);
    assert_eq!(append_with(&mut old_leader, stamped(0, 1, 1), rules), Ok(Offset(1)));
    assert_eq!(old_leader.end(), Offset(1), "acknowledged, but not there");
}

#[test]
fn an_idle_producer_is_forgotten() {
    let mut log = PartitionLog::new();
    append(&mut log, Batch { timestamp: Wall(1000), ..stamped(0, 0, 1) }).unwrap();
    let now = |millis| Now { mono: Time::ZERO, wall: Wall(millis) };
    log.expire_producers(now(1999), Span::secs(1));
    assert_eq!(log.producers().len(), 1);
    log.expire_producers(now(2000), Span::secs(1));
    assert!(log.producers().is_empty());
    assert_eq!(append(&mut log, stamped(0, 55, 1)), Ok(Offset(1)));
}

/// An epoch cache assigned these entries, and what it then holds.
fn assigned(entries: &[(i32, i64)]) -> EpochCache {
    let mut cache = EpochCache::default();
    for (epoch, start) in entries {
        cache.assign(LeaderEpoch(*epoch), Offset(*start));
    }
    cache
}

fn held(cache: &EpochCache) -> Vec<(i32, i64)> {
    cache.entries().iter().map(|entry| (entry.epoch.0, entry.start.0)).collect()
}

#[test]
fn an_epoch_is_assigned_once_and_drops_what_contradicts_it() {
    assert_eq!(held(&assigned(&[(1, 0), (1, 5)])), [(1, 0)]);
    assert_eq!(held(&assigned(&[(1, 5), (1, 3)])), [(1, 3)]);
    assert_eq!(held(&assigned(&[(1, 0), (2, 5), (3, 5)])), [(1, 0), (3, 5)]);
    assert_eq!(held(&assigned(&[(1, 0), (2, 5), (3, 7), (2, 6)])), [(1, 0), (2, 6)]);
}

#[test]
fn the_end_of_an_epoch_is_the_start_of_the_next_known_one() {
    let cache = assigned(&[(2, 10), (4, 20), (5, 30)]);
    let end = |epoch| {
        cache.end_offset_for(LeaderEpoch(epoch), Offset(35)).map(|(epoch, end)| (epoch.0, end.0))
    };
    assert_eq!(end(-1), None);
    assert_eq!(end(1), Some((1, 10)), "older than everything");
    assert_eq!(end(2), Some((2, 20)));
    assert_eq!(end(3), Some((2, 20)), "unknown: the one below");
    assert_eq!(end(5), Some((5, 35)), "the latest ends with the log");
    assert_eq!(end(6), None, "newer than everything");
}

#[test]
fn epochs_are_cut_at_either_end() {
    let mut cache = assigned(&[(2, 10), (4, 20), (5, 30)]);
    cache.truncate_from_end(Offset(30));
    assert_eq!(held(&cache), [(2, 10), (4, 20)]);
    cache.truncate_from_start(Offset(15));
    assert_eq!(held(&cache), [(2, 15), (4, 20)]);
    cache.truncate_from_start(Offset(20));
    assert_eq!(held(&cache), [(4, 20)]);
    assert_eq!((cache.at(Offset(19)), cache.at(Offset(99))), (None, Some(LeaderEpoch(4))));
}

/// The log as its specification: every record by itself, every question answered by looking at all of them.
#[derive(Clone, Default)]
struct Model {
    batches: Vec<Batch>,
}

impl Model {
    fn end(&self) -> Offset {
        self.batches.last().map_or(Offset::ZERO, Batch::end)
    }

    fn epoch_by_offset(&self) -> BTreeMap<Offset, LeaderEpoch> {
        let records = self.batches.iter().flat_map(|batch| {
            (batch.base.0..batch.end().0).map(|offset| (Offset(offset), batch.epoch))
        });
        records.collect()
    }

    fn end_offset_for(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let records = self.epoch_by_offset();
        let latest = *records.values().next_back()?;
        if asked == LeaderEpoch::NONE {
            return None;
        }
        if latest == asked {
            return Some((asked, self.end()));
        }
        let (end, _) = records.iter().find(|(_, epoch)| **epoch > asked)?;
        let floor = records.values().copied().filter(|epoch| *epoch <= asked).max();
        Some((floor.unwrap_or(asked), *end))
    }

    /// What a leader must answer to a stamped batch: the copy it repeats, or an error, or nothing.
    fn check(&self, stamp: ProducerStamp, count: u32) -> Result<Option<Offset>, ErrorCode> {
        let own: Vec<_> = self
            .batches
            .iter()
            .filter_map(|batch| batch.stamp.map(|stamp| (stamp, batch)))
            .filter(|(other, _)| other.id == stamp.id)
            .collect();
        let Some((latest, last)) = own.last() else {
            let begins = stamp.sequence == Sequence(0);
            return if begins { Ok(None) } else { Err(ErrorCode::OutOfOrderSequenceNumber) };
        };
        let of_epoch = own.iter().rev().take_while(|(other, _)| other.epoch == latest.epoch);
        let copy = of_epoch.take(5).find(|(other, batch)| *other == stamp && batch.count == count);
        if let Some((_, copy)) = copy {
            return Ok(Some(copy.base));
        }
        if stamp.epoch < latest.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let follows = if stamp.epoch == latest.epoch {
            latest.sequence.plus(last.count) == stamp.sequence
        } else {
            stamp.sequence == Sequence(0)
        };
        if follows { Ok(None) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Append as the leader, in an epoch so much later.
    Lead { epochs: i32, count: u32, stamp: Option<ProducerStamp> },
    /// Append as a follower.
    Follow { epochs: i32, count: u32 },
    /// Truncate to the base of the batch with this index, if there is one.
    Truncate(usize),
    /// Sync and recover, as a process that was killed and started again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let stamp = (0_i64..3, 0_i16..2, 0_i32..8).prop_map(|(id, epoch, sequence)| ProducerStamp {
        id: ProducerId(id),
        epoch: ProducerEpoch(epoch),
        sequence: Sequence(sequence),
        within: Within::Nothing,
    });
    let later = prop_oneof![4 => Just(0), 1 => 1..3];
    prop_oneof![
        8 => (later.clone(), 1_u32..3, prop::option::of(stamp))
            .prop_map(|(epochs, count, stamp)| Step::Lead { epochs, count, stamp }),
        3 => (later, 1_u32..3).prop_map(|(epochs, count)| Step::Follow { epochs, count }),
        1 => (0_usize..60).prop_map(Step::Truncate),
        1 => Just(Step::Restart),
    ]
}

fn take(step: &Step, log: &mut PartitionLog, model: &mut Model, epoch: &mut LeaderEpoch) {
    match step {
        Step::Lead { epochs, count, stamp } => {
            epoch.0 += epochs;
            let batch = Batch { stamp: *stamp, ..plain(*count) };
            let expected = stamp.map_or(Ok(None), |stamp| model.check(stamp, *count));
            let mut out = Outbox::default();
            let got =
                log.append_as_leader(batch.clone(), *epoch, Origin::Client, Rules::ALL, &mut out);
            match (expected, got) {
                (Ok(Some(copy)), Ok(AppendOutcome::Duplicate { base, .. })) => {
                    assert_eq!(copy, base);
                }
                (Ok(None), Ok(AppendOutcome::Appended { base, end })) => {
                    assert_eq!((base, end), (model.end(), model.end().plus(*count)));
                    model.batches.push(Batch { base, epoch: *epoch, ..batch });
                }
                (Err(expected), Err(got)) => assert_eq!(expected, got),
                (expected, got) => panic!("expected {expected:?}, got {got:?}"),
            }
        }
        Step::Follow { epochs, count } => {
            epoch.0 += epochs;
            let batch = Batch { base: model.end(), epoch: *epoch, ..plain(*count) };
            log.append_as_follower(&batch, Rules::ALL).unwrap();
            model.batches.push(batch);
        }
        Step::Truncate(index) => {
            if let Some(batch) = model.batches.get(*index) {
                log.truncate_to(batch.base, Rules::ALL);
                model.batches.truncate(*index);
            }
        }
        Step::Restart => {
            log.producers.clear();
            log.rebuild_producers(Rules::ALL);
        }
    }
}

fn compare(log: &PartitionLog, model: &Model, (from, below): (i64, i64)) {
    assert_eq!(log.end(), model.end());
    for epoch in -1..12 {
        let epoch = LeaderEpoch(epoch);
        assert_eq!(log.end_offset_for(epoch), model.end_offset_for(epoch), "{epoch}");
    }
    let wanted = |batch: &&Batch| batch.end().0 > from && batch.end().0 <= below;
    let expected: Vec<Batch> = model.batches.iter().filter(wanted).cloned().collect();
    let mut got = Vec::new();
    let bytes = log.read(Offset(from), Offset(below), u32::MAX, MinOne::Yes, &mut got);
    assert_eq!(got, expected);
    let available = if from < below { bytes } else { 0 };
    assert_eq!(log.available_bytes(Offset(from), Offset(below)), available);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_list_of_records(
        steps in prop::collection::vec((step(), (0_i64..90, 0_i64..90)), 1..80),
    ) {
        let (mut log, mut model, mut epoch) =
            (PartitionLog::new(), Model::default(), LeaderEpoch(0));
        for (step, range) in steps {
            let (fork, before) = (log.clone(), model.clone());
            take(&step, &mut log, &mut model, &mut epoch);
            compare(&log, &model, range);
            compare(&fork, &before, range);
        }
    }

    #[test]
    fn long_logs_are_searched_as_short_ones(
        counts in prop::collection::vec(1_u32..4, 2000..2500),
        from in 0_i64..5500,
        below in 0_i64..5500,
    ) {
        let log = log_of(&counts);
        let model = Model { batches: log.batches_from(Offset::ZERO).cloned().collect() };
        prop_assert_eq!(model.batches.len(), counts.len());
        compare(&log, &model, (from, below));
        let mut read = vec![];
        log.read(Offset(from), log.end(), 500, MinOne::Yes, &mut read);
        prop_assert!(read.iter().eq(log.batches_from(Offset(from)).take(read.len())));
    }
}

#[test]
fn a_follower_takes_a_producers_later_batches_without_its_first() {
    let mut behind = PartitionLog::new();
    behind.truncate_fully(Offset(57));
    let batch = Batch { base: Offset(57), epoch: E1, ..stamped(0, 57, 3) };
    assert_eq!(behind.clone().append_as_follower(&batch, Rules::ALL), Ok(()));
    let off = Rules::ALL.without(Rule::FollowersTakeSequences);
    let refused = behind.append_as_follower(&batch, off);
    assert_eq!(refused, Err(ErrorCode::OutOfOrderSequenceNumber));
}

/// A batch of producer 7's transaction.
fn of_transaction(epoch: i16, sequence: i32, count: u32) -> Batch {
    let batch = stamped(epoch, sequence, count);
    let stamp = batch.stamp.map(|stamp| ProducerStamp { within: Within::Transaction, ..stamp });
    Batch { stamp, ..batch }
}

/// The end of producer 7's transaction, as a coordinator of an epoch tells it.
fn marker(epoch: i16, coordinator: i32, verdict: Verdict) -> Batch {
    let records = Records::Marker(verdict, LeaderEpoch(coordinator));
    Batch { records, ..of_transaction(epoch, 0, 1) }
}

fn append_marker(log: &mut PartitionLog, batch: Batch) -> Result<AppendOutcome, ErrorCode> {
    log.append_as_leader(batch, E1, Origin::Coordinator, Rules::ALL, &mut Outbox::default())
}

#[test]
fn a_transaction_holds_readers_of_committed_records_up_until_its_end_is_replicated() {
    let mut log = log_of(&[2]);
    append(&mut log, of_transaction(0, 0, 3)).unwrap();
    append(&mut log, plain(1)).unwrap();
    assert_eq!(log.last_stable(Offset(6)), Offset(2));
    assert_eq!(log.last_stable(Offset(1)), Offset(1), "never above the high watermark");
    assert_eq!(append(&mut log, stamped(0, 3, 1)), Err(ErrorCode::InvalidTxnState));
    append_marker(&mut log, marker(0, 5, Verdict::Abort)).unwrap();
    assert_eq!(log.last_stable(Offset(6)), Offset(2));
    assert_eq!(log.last_stable(Offset(7)), Offset(7));
    let aborted = AbortedTransaction { first: Offset(2), producer: ProducerId(7) };
    assert_eq!(log.aborted(Offset(0), Offset(7)), [aborted]);
    log.truncate_to(Offset(6), Rules::ALL);
    assert_eq!(log.last_stable(Offset(6)), Offset(2), "the end was cut off");
    assert_eq!(log.aborted(Offset(0), Offset(7)), []);
}

#[test]
fn the_end_of_a_transaction_fences_older_producers_and_older_coordinators() {
    let mut log = PartitionLog::new();
    append(&mut log, of_transaction(0, 0, 1)).unwrap();
    append_marker(&mut log, marker(1, 5, Verdict::Abort)).unwrap();
    let late = append(&mut log, of_transaction(0, 1, 1));
    assert_eq!(late, Err(ErrorCode::InvalidProducerEpoch));
    let zombie = append_marker(&mut log, marker(1, 4, Verdict::Commit));
    assert_eq!(zombie, Err(ErrorCode::TransactionCoordinatorFenced));
    let gap = append(&mut log, of_transaction(1, 3, 1));
    assert_eq!(gap, Err(ErrorCode::OutOfOrderSequenceNumber), "a new epoch begins at zero");
    append(&mut log, of_transaction(1, 0, 1)).unwrap();
    assert!(log.has_open_transaction(ProducerId(7)));
}

#[test]
fn what_a_coordinator_said_of_a_transaction_counts_until_one_ends() {
    let mut log = PartitionLog::new();
    let guard = log.begin_verification(ProducerId(7)).unwrap();
    assert_eq!(log.begin_verification(ProducerId(7)), Some(guard), "it is asked once");
    append_marker(&mut log, marker(0, 5, Verdict::Abort)).unwrap();
    assert!(!log.producers().is_verified(ProducerId(7), guard));
    let anew = log.begin_verification(ProducerId(7)).unwrap();
    append(&mut log, of_transaction(0, 0, 1)).unwrap();
    assert!(!log.producers().is_verified(ProducerId(7), anew));
    assert_eq!(log.begin_verification(ProducerId(7)), None, "it writes here already");
}
