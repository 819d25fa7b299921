//! What a group did, in whole numbers: lag, owners, moves, repeats and skips with their causes, skew.

use stormglass_types::history::{Outcome, Positioning, Removal};
use stormglass_types::{Dense, Generation, GroupId, NodeId, Span, Time, TopicPartition};

use super::{Percentiles, count};
use crate::index::{EventIndex, GroupPartition, GroupView, Indexed, Leave, Partition, Tenure};

/// What a group did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFigures {
    /// Which.
    pub group: GroupId,
    /// Rebalances that were completed.
    pub rebalances: u64,
    /// The highest generation.
    pub generations: u64,
    /// The most members at once, as rebalances saw them.
    pub members: u64,
    /// Records processed, repeats included.
    pub delivered: u64,
    /// Records processed, each once.
    pub processed: u64,
    /// Records processed more than once.
    pub redelivered: u64,
    /// Repeats by what came between a record's two processings.
    pub repeats: Repeats,
    /// Records whose results were written more than once: an idempotent sink keeps that from happening.
    pub repeated_effects: u64,
    /// Records that the group went past without processing them.
    pub skipped: Skips,
    /// The largest lag over all partitions at one sample.
    pub lag_max: u64,
    /// The lag over all partitions at the last sample.
    pub lag_end: u64,
    /// The largest lag of one partition.
    pub partition_lag_max: u64,
    /// Partition-milliseconds without an owner, from each partition's first assignment until faults were over.
    pub unowned_ms: u64,
    /// The same for the partition that was worst off.
    pub unowned_max_ms: u64,
    /// Milliseconds in which no partition at all had an owner: the world stood still.
    pub stopped_ms: u64,
    /// How often a partition went to another member.
    pub moved: u64,
    /// The most that did in one generation.
    pub moved_max: u64,
    /// The share of processed records of the busiest partition, in thousandths.
    pub partition_share: u64,
    /// The same of the busiest key; zero if no record has a key.
    pub key_share: u64,
    /// The same of the busiest member.
    pub member_share: u64,
    /// From send to the end of the first processing.
    pub end_to_end: Percentiles,
    /// Per partition of its topics, in their order.
    pub partitions: Vec<PartitionFigures>,
}

/// Repeated processings, by what had become of the member that processed the record before.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// It gave the partition up in a rebalance.
    pub revoked: u64,
    /// It was thrown out of the group, or still believed that the partition was its own.
    pub lost: u64,
    /// It died, or was stopped.
    pub died: u64,
    /// The application sought back.
    pub sought: u64,
    /// Nothing: its position went back.
    pub rewound: u64,
}

/// Records skipped, by the reason.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Skips {
    /// All of them.
    pub all: u64,
    /// `auto.offset.reset` led past them.
    pub reset: u64,
    /// The application sought past them.
    pub sought: u64,
    /// They were read and committed, and not processed.
    pub committed: u64,
    /// They were deleted as configured before anybody had processed them.
    pub deleted: u64,
}

/// What a group did with one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionFigures {
    /// Which.
    pub partition: TopicPartition,
    /// The largest lag at one sample.
    pub lag_max: u64,
    /// The lag at the last sample.
    pub lag_end: u64,
    /// How long it lagged behind, from sample to sample, in milliseconds.
    pub behind_ms: u64,
    /// Milliseconds without an owner, from its first assignment until faults were over.
    pub unowned_ms: u64,
    /// How often it went to another member.
    pub moved: u64,
    /// Its share of the processed records, in thousandths.
    pub share: u64,
}

impl GroupFigures {
    pub(super) fn new(
        history: &Indexed<'_>,
        group: GroupId,
        view: &GroupView,
        latencies: Vec<u64>,
    ) -> Self {
        let generations = view.rebalances.iter().map(|(generation, _)| generation.0).max();
        let end = history.time(history.healed).unwrap_or(history.last_event_at);
        let work = Work::new(history, view);
        let partitions = partitions(history, view, &work, end);
        let unowned = partitions.iter().map(|partition| partition.unowned_ms);
        let (lag_max, lag_end) = lag(view);
        let (moved, moved_max) = moved(view);
        Self {
            group,
            rebalances: count(view.rebalances.len()),
            generations: generations.and_then(|last| u64::try_from(last).ok()).unwrap_or(0),
            members: view.rebalances.iter().map(|(_, members)| *members).max().unwrap_or(0).into(),
            delivered: view.deliveries,
            processed: count(latencies.len()),
            redelivered: view.times_processed.iter().map(|times| u64::from(*times > 1)).sum(),
            repeats: work.repeats,
            repeated_effects: repeated_effects(view),
            skipped: skipped(history, view),
            lag_max,
            lag_end,
            partition_lag_max: view.lags.iter().map(|(_, _, lag)| *lag).max().unwrap_or(0),
            unowned_ms: unowned.clone().sum(),
            unowned_max_ms: unowned.max().unwrap_or(0),
            stopped_ms: stopped(view, end).as_millis(),
            moved,
            moved_max,
            partition_share: share(&work.by_partition, view.deliveries),
            key_share: share(&work.by_key, view.deliveries),
            member_share: share(&work.by_member, view.deliveries),
            end_to_end: Percentiles::of(latencies),
            partitions,
        }
    }
}

/// What became of each partition of a group's topics.
fn partitions(
    history: &Indexed<'_>,
    view: &GroupView,
    work: &Work,
    end: Time,
) -> Vec<PartitionFigures> {
    // Per partition: the last sample, and when it was.
    let mut samples: Vec<Option<(Time, u64)>> = vec![None; view.partitions.len()];
    let mut behind = vec![Span::ZERO; view.partitions.len()];
    let mut most = vec![0; view.partitions.len()];
    for (at, slot, lag) in view.lags.iter().copied() {
        if let Some((before, _)) = samples[slot].replace((at, lag)).filter(|(_, lag)| *lag > 0) {
            behind[slot] = behind[slot] + at.since(before);
        }
        most[slot] = lag.max(most[slot]);
    }
    let slots = view.partitions.iter().zip(&history.partitions).enumerate();
    let subscribed = slots.filter(|(_, (held, _))| held.subscribed);
    let figures = subscribed.map(|(slot, (held, partition))| PartitionFigures {
        partition: partition.id,
        lag_max: most[slot],
        lag_end: samples[slot].map_or(0, |(_, lag)| lag),
        behind_ms: behind[slot].as_millis(),
        unowned_ms: unowned(held, end).as_millis(),
        moved: count(moves(held).count()),
        share: (work.by_partition[slot] * 1_000).checked_div(view.deliveries).unwrap_or(0),
    });
    figures.collect()
}

/// Who processed what.
struct Work {
    by_partition: Vec<u64>,
    by_key: Vec<u64>,
    by_member: Vec<u64>,
    repeats: Repeats,
}

impl Work {
    fn new(history: &Indexed<'_>, view: &GroupView) -> Self {
        let processes = history.history.header.processes.len();
        let mut work = Self {
            by_partition: vec![0; view.partitions.len()],
            by_key: vec![0; history.keyed_lanes()],
            by_member: vec![0; processes],
            repeats: Repeats::default(),
        };
        // Who processed each record last, and when.
        let mut last: Vec<Option<(NodeId, EventIndex)>> = vec![None; history.records.len()];
        for (slot, held) in view.partitions.iter().enumerate() {
            let partition = &history.partitions[slot];
            for read in &held.processed {
                work.by_partition[slot] += u64::from(read.values.count);
                work.by_member[read.process.index()] += u64::from(read.values.count);
                for (at, value) in (read.base..).zip(read.values.values()) {
                    let Some(id) = partition.record_of(value) else { continue };
                    let lane = history.records[id].lane as usize;
                    if let Some(key) = work.by_key.get_mut(lane) {
                        *key += 1;
                    }
                    let before = last[id].replace((read.process, read.event));
                    let Some((process, event)) = before else { continue };
                    if held.sought_back(at, (event, read.event), read.process) {
                        work.repeats.sought += 1;
                    } else {
                        work.repeats.add(held, process, event, read.event);
                    }
                }
            }
        }
        work
    }
}

impl Repeats {
    fn add(
        &mut self,
        held: &GroupPartition,
        process: NodeId,
        before: EventIndex,
        again: EventIndex,
    ) {
        let own = |tenure: &&Tenure| tenure.process == process && tenure.from < before;
        let tenure = held.tenures.iter().rev().find(own);
        let cause = match tenure.filter(|tenure| tenure.to < again).map(|tenure| tenure.leave) {
            None if tenure.is_none_or(|tenure| tenure.to == EventIndex::NEVER) => {
                let taken = held.tenures.iter().any(|other| {
                    other.process != process && other.from > before && other.from < again
                });
                if taken { &mut self.lost } else { &mut self.rewound }
            }
            None | Some(Leave::Lost) => &mut self.lost,
            Some(Leave::Revoked) => &mut self.revoked,
            Some(Leave::Died) => &mut self.died,
        };
        *cause += 1;
    }
}

fn skipped(history: &Indexed<'_>, view: &GroupView) -> Skips {
    let mut skips = Skips::default();
    let slots = view.partitions.iter().zip(&history.partitions);
    for (held, partition) in slots.filter(|(held, _)| held.subscribed) {
        add_skips(&mut skips, view, held, partition);
    }
    skips
}

fn add_skips(skips: &mut Skips, view: &GroupView, held: &GroupPartition, partition: &Partition) {
    add_deleted(skips, view, held, partition);
    let Some(log) = &partition.log else { return };
    let done = held.commits.iter().filter(|commit| commit.outcome == Outcome::Ok);
    let committed = done.map(|commit| commit.offset).max().unwrap_or(0);
    let processed = held.processed.iter().map(|read| read.end()).max().unwrap_or(0);
    let resets = held.positions.iter().filter(|position| position.why == Positioning::Reset);
    let reset = resets.map(|position| position.offset).max().unwrap_or(0);
    let sought = held.jumps.iter().map(|jump| jump.to).max().unwrap_or(0);
    let passed = committed.max(processed).max(reset).max(sought);
    for (at, id) in log.records().take_while(|(at, _)| *at < passed) {
        if view.first_processed[id] != EventIndex::NEVER {
            continue;
        }
        skips.all += 1;
        if held.sought_past(at, EventIndex::NEVER).is_some() {
            skips.sought += 1;
        } else if view.polled[id] && at < committed {
            skips.committed += 1;
        } else if at < reset {
            skips.reset += 1;
        }
    }
}

/// What retention took, of what came after the group's first position.
fn add_deleted(skips: &mut Skips, view: &GroupView, held: &GroupPartition, partition: &Partition) {
    let Some(first) = held.positions.first() else { return };
    let missed = partition.removed.iter().filter(|removed| {
        matches!(removed.why, Removal::Age | Removal::Size | Removal::Leader)
            && first.event < removed.event
            && first.offset <= removed.at
            && view.first_processed[removed.record] == EventIndex::NEVER
    });
    let missed = count(missed.count());
    skips.deleted += missed;
    skips.all += missed;
}

fn repeated_effects(view: &GroupView) -> u64 {
    let times = view.times_processed.iter().enumerate();
    let times = times.map(|(id, times)| times - view.dropped.get(&id).copied().unwrap_or(0));
    times.map(|written| u64::from(written > 1)).sum()
}

/// The largest and the last sum of lags that were sampled at one instant.
fn lag(view: &GroupView) -> (u64, u64) {
    let samples = view.lags.chunk_by(|(one, _, _), (other, _, _)| one == other);
    let sums = samples.map(|sample| sample.iter().map(|(_, _, lag)| lag).sum());
    sums.fold((0, 0), |(max, _), sum: u64| (max.max(sum), sum))
}

/// How long nobody owned a partition, from its first assignment until `end`.
fn unowned(held: &GroupPartition, end: Time) -> Span {
    gaps(held.tenures.iter(), end)
}

/// How long nobody owned anything, from the first assignment until `end`.
fn stopped(view: &GroupView, end: Time) -> Span {
    let mut all: Vec<&Tenure> = view.partitions.iter().flat_map(|held| &held.tenures).collect();
    all.sort_by_key(|tenure| tenure.from);
    gaps(all.into_iter(), end)
}

/// The time between tenures that none of them covers; they come in the order in which they began.
fn gaps<'t>(tenures: impl Iterator<Item = &'t Tenure>, end: Time) -> Span {
    let mut total = Span::ZERO;
    let mut owned_until = None;
    for tenure in tenures {
        let until = owned_until.get_or_insert(tenure.from_at);
        total = total + tenure.from_at.min(end).since(*until);
        *until = (*until).max(tenure.to_at);
    }
    total + owned_until.map_or(Span::ZERO, |until| end.since(until))
}

/// How often partitions went to another member, and the most in one generation.
fn moved(view: &GroupView) -> (u64, u64) {
    let mut moves: Vec<Generation> = Vec::new();
    for held in &view.partitions {
        moves.extend(self::moves(held));
    }
    moves.sort_unstable();
    let most = moves.chunk_by(|one, other| one == other).map(<[Generation]>::len).max();
    (count(moves.len()), count(most.unwrap_or(0)))
}

/// The generations in which a partition went to another member.
fn moves(held: &GroupPartition) -> impl Iterator<Item = Generation> {
    let pairs = held.tenures.windows(2);
    pairs.filter_map(|pair| match pair {
        [before, after] if before.process != after.process => Some(after.generation),
        _ => None,
    })
}

/// The largest of some parts, in thousandths of the whole.
fn share(parts: &[u64], whole: u64) -> u64 {
    let most = parts.iter().copied().max().unwrap_or(0);
    (most * 1_000).checked_div(whole).unwrap_or(0)
}
