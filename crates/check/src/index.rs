//! A history, indexed once for all checkers: records by value, logs by offset, groups by partition.
//!
//! Judges nothing. Every table is dense; nothing is hashed.

mod build;
mod jumps;

use std::collections::BTreeMap;
use std::ops::Range;

use stormglass_types::history::{
    Acks, Ending, Group, Hiding, History, Outcome, Positioning, Removal, Source, Topic,
};
use stormglass_types::{
    BrokerId, ErrorCode, Generation, GroupId, LeaderEpoch, NodeId, Offset, PartitionMap, Time,
    TopicPartition, Value, ValueRange,
};

pub(crate) use self::jumps::Jump;

/// A history with everything that checkers look up.
pub struct Indexed<'h> {
    pub(crate) history: &'h History,
    /// By partition, in the order of topics and numbers.
    pub(crate) partitions: Vec<Partition>,
    /// Every record that was sent; those of one partition and source lie together, by serial.
    pub(crate) records: Vec<Record>,
    pub(crate) groups: Vec<GroupView>,
    /// How many lanes of order there are: one per key, and one per partition for records without a key.
    pub(crate) lanes: usize,
    /// Records that an application sent again: the new one, the first, and the event that says so.
    pub(crate) again: Vec<(Sent, Sent, EventIndex)>,
    /// Transactions, in the order in which they began.
    pub(crate) transactions: Vec<Transaction>,
    /// Records that readers of committed records do not see in the final log, and why.
    pub(crate) hidden: BTreeMap<usize, (Hiding, EventIndex)>,
    /// Sends refused before they had a partition.
    pub(crate) refused: u64,
    pub(crate) healed: EventIndex,
    /// The last event that moved the pipeline on.
    pub(crate) progress: EventIndex,
    pub(crate) stuck: Vec<EventIndex>,
    /// Where topics got more partitions.
    pub(crate) expansions: Vec<usize>,
    /// Crashes, stops and starts of brokers.
    pub(crate) broker_lives: Vec<EventIndex>,
    pub(crate) last_event_at: Time,
    slots: PartitionMap<usize>,
}

/// A transaction as its application knows it.
pub(crate) struct Transaction {
    pub(crate) began: EventIndex,
    /// How it ended for the application, if it did.
    pub(crate) ended: Option<(EventIndex, Ending, Outcome)>,
    /// What was sent within it, as places in [`Indexed::records`].
    pub(crate) records: Vec<usize>,
}

/// A record, by its partition and value.
pub(crate) type Sent = (TopicPartition, Value);

/// The place of an event in the history; or that of an event that never came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct EventIndex(pub(crate) u32);

/// One partition over the whole run.
pub(crate) struct Partition {
    pub(crate) id: TopicPartition,
    /// Its records, in [`Indexed::records`].
    pub(crate) records: Range<usize>,
    /// Where each source's records begin and how many there are.
    blocks: Vec<(usize, u32)>,
    /// The final read, if there was one.
    pub(crate) log: Option<FinalLog>,
    /// Final reads and their extents, as they came.
    pub(crate) reads: Vec<(EventIndex, i64, ValueRange)>,
    /// Records found at a second offset: record, offset, event.
    pub(crate) copies: Vec<(usize, i64, EventIndex)>,
    /// Values in the log that nobody sent.
    pub(crate) phantoms: Vec<(Value, i64, EventIndex)>,
    /// Offsets that the final read showed twice, with different records.
    pub(crate) clashes: Vec<(i64, Value, EventIndex)>,
    pub(crate) leaders: Vec<Leadership>,
    /// In-sync replicas from an event on; bit `n` is broker `n`.
    pub(crate) in_sync: Vec<(EventIndex, u64)>,
    pub(crate) losses: Vec<Loss>,
    /// Whether records were compacted away.
    pub(crate) compacted: bool,
    /// When its topic was deleted.
    pub(crate) deleted: Vec<EventIndex>,
    /// Records that were deleted as configured or asked for, and are not in the final log.
    pub(crate) removed: Vec<Removed>,
    /// Records that some replica had deleted so, but that the last leader still has.
    pub(crate) spared: Vec<Removed>,
    pub(crate) unclean: EventIndex,
    pub(crate) replicas: Vec<Replica>,
}

/// What a leader held in the end.
pub(crate) struct FinalLog {
    pub(crate) start: i64,
    pub(crate) end: i64,
    slots: Vec<Slot>,
}

/// What one offset of a final log holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Empty,
    Phantom,
    Record(u32),
}

/// A partition's leader, from an event on.
pub(crate) struct Leadership {
    pub(crate) event: EventIndex,
    pub(crate) at: Time,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) leader: Option<BrokerId>,
}

/// Records that a crash took from a disk.
pub(crate) struct Loss {
    pub(crate) event: EventIndex,
    pub(crate) broker: BrokerId,
    pub(crate) offsets: Range<i64>,
}

/// A record that was deleted as configured, or by request.
pub(crate) struct Removed {
    /// Its place in [`Indexed::records`].
    pub(crate) record: usize,
    pub(crate) at: i64,
    pub(crate) event: EventIndex,
    pub(crate) why: Removal,
}

/// One replica's log after the run.
pub(crate) struct Replica {
    pub(crate) broker: BrokerId,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) end: i64,
    pub(crate) high_watermark: i64,
}

/// One batch of a replica's log.
pub(crate) struct Piece {
    pub(crate) event: EventIndex,
    pub(crate) base: i64,
    pub(crate) count: u32,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) values: Option<ValueRange>,
}

/// One record, from its send to its place in the final log.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) value: Value,
    /// The records that it must keep its order with share its lane.
    pub(crate) lane: u32,
    pub(crate) sent: EventIndex,
    pub(crate) done: EventIndex,
    pub(crate) sent_at: Time,
    pub(crate) done_at: Time,
    pub(crate) fate: Fate,
    /// The offset that the ack told, or -1.
    pub(crate) acked_at: i64,
    /// Its first offset in the final log, or -1.
    pub(crate) found_at: i64,
}

/// What a producer learned of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Pending,
    Acked,
    Failed(ErrorCode),
    Unknown,
}

/// What a group did.
pub(crate) struct GroupView {
    /// Per partition, as in [`Indexed::partitions`].
    pub(crate) partitions: Vec<GroupPartition>,
    /// Per record: the event that first processed it.
    pub(crate) first_processed: Vec<EventIndex>,
    /// Per record: how often it was processed.
    pub(crate) times_processed: Vec<u32>,
    /// How often an idempotent sink dropped a record's results because it had them.
    pub(crate) dropped: BTreeMap<usize, u32>,
    /// Per record: whether any member read it.
    pub(crate) polled: Vec<bool>,
    /// Records in the order in which they were first processed, per source.
    pub(crate) order: Vec<Vec<u32>>,
    /// How many records were processed, repeats included.
    pub(crate) deliveries: u64,
    /// When which member had its assignment in a generation.
    pub(crate) joins: Vec<(EventIndex, NodeId, Generation)>,
    /// When which member was none any more, as far as it knew, or began another life.
    pub(crate) partings: Vec<(EventIndex, NodeId)>,
    /// Completed rebalances: generation, members.
    pub(crate) rebalances: Vec<(Generation, u32)>,
    /// Samples of lag: when, partition, how much.
    pub(crate) lags: Vec<(Time, usize, u64)>,
}

/// What a group did with one partition.
#[derive(Default)]
pub(crate) struct GroupPartition {
    pub(crate) subscribed: bool,
    pub(crate) polls: Vec<Read>,
    pub(crate) processed: Vec<Read>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) positions: Vec<Position>,
    pub(crate) tenures: Vec<Tenure>,
    /// Positions that applications set themselves.
    pub(crate) jumps: Vec<Jump>,
    invoked: Vec<(NodeId, i64, EventIndex)>,
}

/// Records read or processed at once.
pub(crate) struct Read {
    pub(crate) event: EventIndex,
    pub(crate) process: NodeId,
    pub(crate) base: i64,
    pub(crate) values: ValueRange,
}

/// A commit that ended.
pub(crate) struct Commit {
    pub(crate) process: NodeId,
    pub(crate) invoked: EventIndex,
    pub(crate) done: EventIndex,
    pub(crate) offset: i64,
    pub(crate) outcome: Outcome,
}

impl GroupPartition {
    /// Whether a commit whose outcome nobody knows would explain where a member resumed.
    pub(crate) fn may_have_landed_late(&self, position: &Position) -> bool {
        let doubtful = self.commits.iter().any(|commit| {
            matches!(commit.outcome, Outcome::Unknown(_))
                && commit.offset == position.offset
                && commit.invoked < position.event
        });
        doubtful
            || self
                .invoked
                .iter()
                .any(|(_, offset, invoked)| *offset == position.offset && *invoked < position.event)
    }
}

/// A position set without a read.
pub(crate) struct Position {
    pub(crate) event: EventIndex,
    pub(crate) process: NodeId,
    pub(crate) offset: i64,
    pub(crate) why: Positioning,
}

/// The time for which a member held a partition, as it believed.
pub(crate) struct Tenure {
    pub(crate) process: NodeId,
    pub(crate) generation: Generation,
    pub(crate) from: EventIndex,
    pub(crate) from_at: Time,
    /// Never if it still holds the partition.
    pub(crate) to: EventIndex,
    pub(crate) to_at: Time,
    /// How it ended, if it did.
    pub(crate) leave: Leave,
}

/// How a member came to hold a partition no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leave {
    /// It gave it up.
    Revoked,
    /// It learned that it was taken away.
    Lost,
    /// It was killed or stopped.
    Died,
}

impl<'h> Indexed<'h> {
    /// Indexes a history.
    #[must_use]
    pub fn new(history: &'h History) -> Self {
        build::build(history)
    }

    /// The history it was made from.
    #[must_use]
    pub const fn history(&self) -> &'h History {
        self.history
    }

    /// How many lanes belong to keys; those of partitions come behind them.
    pub(crate) fn keyed_lanes(&self) -> usize {
        self.lanes - self.partitions.len()
    }

    pub(crate) fn slot(&self, partition: TopicPartition) -> Option<usize> {
        self.slots.get(partition).copied()
    }

    pub(crate) fn source(&self, value: Value) -> &'h Source {
        &self.history.sources[usize::from(value.source.0)]
    }

    pub(crate) fn topic(&self, partition: &Partition) -> &'h Topic {
        &self.history.header.topics[partition.id.topic]
    }

    pub(crate) fn group(&self, group: GroupId) -> &'h Group {
        &self.history.header.groups[group]
    }

    pub(crate) fn time(&self, event: EventIndex) -> Option<Time> {
        event.known().map(|index| self.history.events[index].at)
    }

    /// A record: `checkout-1#0:17`.
    pub(crate) fn name(&self, value: Value) -> String {
        self.history.value_name(value)
    }

    /// `orders-3`, as Kafka prints it.
    pub(crate) fn label(&self, partition: TopicPartition) -> String {
        format!("{}-{}", self.history.header.topics[partition.topic].name, partition.partition)
    }

    pub(crate) fn process(&self, process: NodeId) -> &'h str {
        &self.history.header.processes[process].name
    }

    /// ` of key customer-7`, or nothing for a record without a key.
    pub(crate) fn key_of(&self, record: &Record) -> String {
        use stormglass_types::history::What;
        let event = record.sent.known().map(|index| self.history.events[index].what);
        let Some(What::Send { key: Some(key), .. }) = event else { return String::new() };
        let name = usize::try_from(key.0).ok().and_then(|key| self.history.header.keys.get(key));
        name.map_or_else(|| format!(" of key {key:?}"), |name| format!(" of key {name}"))
    }

    /// Why records of a partition that were once committed may be gone, if an unclean election explains it.
    pub(crate) fn unclean_reason(&self, partition: &Partition) -> Option<String> {
        partition.unclean.known()?;
        if self.topic(partition).unclean_election {
            return Some(
                "unclean.leader.election.enable=true, and an unclean election happened".into(),
            );
        }
        // With KIP-966 the controller falls back on the last known leader once no eligible replica is left.
        let last_resort = self.history.header.eligible_leader_replicas;
        last_resort.then(|| "no eligible replica was left, the last known leader was taken".into())
    }

    /// Whether an internal topic lost records or was led by an unclean replica, so that coordinators may have forgotten.
    pub(crate) fn coordinator_amnesia(&self) -> Option<String> {
        let hurt = self.partitions.iter().find(|partition| {
            self.topic(partition).internal
                && (partition.unclean.known().is_some() || !partition.losses.is_empty())
        })?;
        Some(format!("{} lost records", self.label(hurt.id)))
    }
}

impl EventIndex {
    /// An event that never came; later than all others.
    pub(crate) const NEVER: Self = Self(u32::MAX);

    /// The index of an event that came.
    pub(crate) fn known(self) -> Option<usize> {
        (self != Self::NEVER).then_some(self.0 as usize)
    }
}

impl Partition {
    pub(crate) fn record_of(&self, value: Value) -> Option<usize> {
        let (base, count) = *self.blocks.get(usize::from(value.source.0))?;
        (value.serial < count).then(|| base + value.serial as usize)
    }

    /// The broker bits that were in sync at some time between two events; all bits if that is not known.
    pub(crate) fn in_sync_between(&self, from: EventIndex, to: EventIndex) -> Vec<u64> {
        let first = self.in_sync.partition_point(|(event, _)| *event <= from).saturating_sub(1);
        let sets: Vec<u64> = self.in_sync[first.min(self.in_sync.len())..]
            .iter()
            .take_while(|(event, _)| *event <= to)
            .map(|(_, set)| *set)
            .collect();
        if sets.is_empty() { vec![u64::MAX] } else { sets }
    }

    /// The broker bits that were in sync at an event or right after the next change, which may have been under way.
    pub(crate) fn in_sync_around(&self, event: EventIndex) -> u64 {
        let behind = self.in_sync.partition_point(|(other, _)| *other <= event);
        let around = self.in_sync.get(behind.saturating_sub(1)..).unwrap_or_default();
        around.iter().take(2).fold(0, |all, (_, set)| all | set)
    }

    /// Whether its topic was deleted between two events.
    pub(crate) fn began_anew(&self, from: EventIndex, to: EventIndex) -> bool {
        self.deleted.iter().any(|deleted| from <= *deleted && *deleted <= to)
    }

    /// When the topic that is there now began, if there was another one of its name before.
    pub(crate) fn anew_since(&self) -> Option<EventIndex> {
        self.deleted.last().copied()
    }

    /// Where each record is or was in the log, with its lane of order; only what is known to have been there.
    pub(crate) fn places<'r>(
        &'r self,
        records: &'r [Record],
    ) -> impl Iterator<Item = (usize, u32, i64)> + 'r {
        let place = |id: usize| {
            let found = records[id].found_at;
            let gone = || self.removal(id).map(|removed| removed.at);
            if found >= 0 { Some(found) } else { gone() }
        };
        self.records.clone().filter_map(move |id| Some((id, records[id].lane, place(id)?)))
    }

    /// How a record was deleted, if it was.
    pub(crate) fn removal(&self, record: usize) -> Option<&Removed> {
        let at = self.removed.binary_search_by_key(&record, |removed| removed.record).ok()?;
        self.removed.get(at)
    }

    /// How a record was deleted at some replica, if the final log has it nonetheless.
    pub(crate) fn spared(&self, record: usize) -> Option<&Removed> {
        let at = self.spared.binary_search_by_key(&record, |removed| removed.record).ok()?;
        self.spared.get(at)
    }

    /// Whether, before an event, somebody led whose log may have ended in front of an offset since a crash.
    pub(crate) fn was_led_without(&self, offset: i64, before: EventIndex) -> bool {
        let led_after = |loss: &Loss| {
            let ends =
                self.leaders.iter().skip(1).map(|next| next.event).chain([EventIndex::NEVER]);
            let mut terms = self.leaders.iter().zip(ends);
            terms.any(|(term, end)| {
                term.leader == Some(loss.broker)
                    && term.event < before
                    && (term.event > loss.event || (loss.event < end && end > before))
            })
        };
        self.losses.iter().filter(|loss| loss.offsets.start < offset).any(led_after)
    }

    /// Whether a crash took this offset from some disk. A read may come after it: consumers learn of it late.
    pub(crate) fn lost(&self, offset: i64) -> bool {
        self.losses.iter().any(|loss| loss.offsets.contains(&offset))
    }
}

impl FinalLog {
    /// The record at an offset.
    pub(crate) fn record_at(&self, offset: i64) -> Option<usize> {
        match self.slot_at(offset) {
            Slot::Record(record) => Some(record as usize),
            Slot::Empty | Slot::Phantom => None,
        }
    }

    /// Whether an offset holds anything.
    pub(crate) fn holds(&self, offset: i64) -> bool {
        self.slot_at(offset) != Slot::Empty
    }

    fn slot_at(&self, offset: i64) -> Slot {
        let place = usize::try_from(offset - self.start).ok();
        place.and_then(|place| self.slots.get(place)).copied().unwrap_or(Slot::Empty)
    }

    /// The offsets with their records, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = (i64, usize)> {
        (self.start..).zip(&self.slots).filter_map(|(offset, slot)| match slot {
            Slot::Record(record) => Some((offset, *record as usize)),
            Slot::Empty | Slot::Phantom => None,
        })
    }
}

impl Record {
    /// False for a hole in the serials, which no producer makes.
    pub(crate) fn was_sent(&self) -> bool {
        self.sent != EventIndex::NEVER
    }
}

impl Read {
    /// The offset after the last record.
    pub(crate) fn end(&self) -> i64 {
        self.base + i64::from(self.values.count)
    }
}

/// Kafka's name of an `acks` setting.
pub(crate) const fn acks_name(acks: Acks) -> &'static str {
    match acks {
        Acks::Zero => "acks=0",
        Acks::One => "acks=1",
        Acks::All => "acks=all",
    }
}

/// Numbers for an anomaly's lists.
pub(crate) fn offset(number: i64) -> Offset {
    Offset(number)
}
