//! The log of one partition: batches, leader epochs and producer state (`UnifiedLog`).
//!
//! Does not know high watermarks, roles or other replicas: the broker decides what to append, read and cut off. What retention
//! has deleted is kept where nobody reads it: it stands for Kafka's snapshots of producer state, which outlive the records.

mod cleaner;
mod epochs;
mod producers;
mod segments;
mod store;
mod transactions;

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{Chunked, ErrorCode, LeaderEpoch, Offset, ProducerId, Sequence, Span, Wall};

pub use cleaner::Dropped;
pub use epochs::{EpochCache, EpochStart};
pub use producers::{Guard, ProducerState, ProducerStates, Seen};
pub use store::BrokerStore;

use cleaner::Cleanings;
use segments::Segments;

use crate::message::AbortedTransaction;
use crate::metadata::TopicUuid;
use crate::record::{Batch, Records};
use crate::settings::Past;
use crate::{Now, Outbox, Rule, Rules};

/// A partition's log as one replica has it. A clone shares the batches.
#[derive(Clone, Default, Debug)]
pub struct PartitionLog {
    /// Of which topic of the name it is (`partition.metadata`); none before a broker has opened it.
    topic: Option<TopicUuid>,
    batches: Chunked<StoredBatch>,
    start: Offset,
    /// May lie behind the last batch's end: Kafka cuts whole batches, but ends where it was told to.
    end: Offset,
    /// Everything below survives a loss of power.
    synced: Offset,
    segments: Segments,
    cleanings: Cleanings,
    /// How often the end was cut off, so that a sync under way does not vouch for what came after.
    cuts: u32,
    epochs: EpochCache,
    producers: ProducerStates,
    damage: Damage,
}

#[derive(Clone, Debug)]
struct StoredBatch {
    batch: Batch,
    /// Bytes of all batches up to and with this one.
    bytes_to: u64,
    /// The largest timestamp of all batches up to and with this one.
    newest: Wall,
}

/// What a crash did to the file, for recovery to find.
#[derive(Clone, Default, Debug)]
enum Damage {
    #[default]
    None,
    /// The end is gone.
    Cut,
    /// The end is gone, and of the first batch of it, this is what a reader makes of the torn bytes.
    Torn(Arc<Batch>),
}

/// Who appends at a leader (`AppendOrigin`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A producer: its epoch and sequence are checked.
    Client,
    /// A coordinator, of groups or transactions: no sequence is checked.
    Coordinator,
}

/// Whether a read returns its first batch even where that exceeds the limit (KIP-74).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MinOne {
    /// It does, so that a large batch cannot stop a reader.
    Yes,
    /// It does not.
    No,
}

/// How an append at a leader ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendOutcome {
    /// The batch is in the log.
    Appended {
        /// Its first offset.
        base: Offset,
        /// The offset after it.
        end: Offset,
    },
    /// It had been there before.
    Duplicate {
        /// The first copy's first offset.
        base: Offset,
        /// The offset after the first copy.
        end: Offset,
    },
}

impl PartitionLog {
    /// An empty log that begins at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The empty log of a topic that has had records, or none.
    #[must_use]
    pub fn with_past(past: Past) -> Self {
        let mut log = Self::new();
        match past {
            Past::Nothing => {}
            Past::GoneRecords => log.producers.records_are_gone(),
        }
        log
    }

    /// Which topic of the name it is of, if that is known.
    #[must_use]
    pub const fn topic(&self) -> Option<TopicUuid> {
        self.topic
    }

    /// From now on it is of this topic.
    pub(crate) const fn belong_to(&mut self, topic: TopicUuid) {
        self.topic = Some(topic);
    }

    /// The first offset that may be read.
    #[must_use]
    pub const fn start(&self) -> Offset {
        self.start
    }

    /// The offset of the next record.
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.end
    }

    /// Everything below survives a loss of power.
    #[must_use]
    pub const fn synced(&self) -> Offset {
        self.synced
    }

    /// Appends as the leader of `epoch`: gives the batch its offsets, unless the producer's state forbids.
    pub fn append_as_leader(
        &mut self,
        mut batch: Batch,
        epoch: LeaderEpoch,
        origin: Origin,
        rules: Rules,
        out: &mut Outbox,
    ) -> Result<AppendOutcome, ErrorCode> {
        if let Records::Marker(_, coordinator) = batch.records
            && let Some(stamp) = batch.stamp
        {
            self.producers.check_marker(stamp, coordinator, out)?;
        } else if let Some(stamp) = batch.stamp
            && let Some(seen) = self.producers.check(stamp, batch.count, origin, rules, out)?
        {
            return Ok(AppendOutcome::Duplicate { base: seen.base, end: seen.end });
        }
        batch.base = self.end;
        batch.epoch = epoch;
        self.producers.learn(&batch, rules);
        let outcome = AppendOutcome::Appended { base: batch.base, end: batch.end() };
        self.push(batch);
        Ok(outcome)
    }

    /// Appends what the leader sent, as it is. Refuses a batch that begins before the log's end
    /// (`UnexpectedAppendOffsetException`); a batch behind the end leaves a hole, as the leader's log has one.
    pub fn append_as_follower(&mut self, batch: &Batch, rules: Rules) -> Result<(), ErrorCode> {
        if batch.base < self.end {
            return Err(ErrorCode::UnknownServerError);
        }
        if !rules.on(Rule::FollowersTakeSequences)
            && let Some(stamp) = batch.stamp
            && stamp.sequence != Sequence(0)
            && self.producers.get(stamp.id).is_none()
        {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        if rules.on(Rule::ProducerStateFollowsLog) {
            self.producers.learn(batch, rules);
        }
        self.push(batch.clone());
        Ok(())
    }

    /// Reads whole batches that hold records from `from` on and end at or before `below`, the first of which may begin
    /// before `from`. Returns how many bytes were read.
    pub fn read(
        &self,
        from: Offset,
        below: Offset,
        max_bytes: u32,
        least_one: MinOne,
        into: &mut Vec<Batch>,
    ) -> u32 {
        let first = self.index_behind(from);
        let (mut at, mut bytes) = (first, 0_u32);
        while let Some(StoredBatch { batch, .. }) = self.batches.get(at) {
            let more = bytes.saturating_add(batch.bytes);
            let fits = more <= max_bytes || (at == first && least_one == MinOne::Yes);
            if batch.end() > below || !fits {
                break;
            }
            into.push(batch.clone());
            bytes = more;
            at += 1;
        }
        bytes
    }

    /// How many bytes [`Self::read`] would find without a limit.
    #[must_use]
    pub fn available_bytes(&self, from: Offset, below: Offset) -> u32 {
        if from >= below {
            return 0;
        }
        let (first, behind) = (self.index_behind(from), self.index_behind(below));
        let bytes = self.bytes_before(behind).saturating_sub(self.bytes_before(first));
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Cuts off every batch that ends behind `offset`, with the epochs and the producer state that came from there
    /// (`UnifiedLog.truncateTo`).
    pub fn truncate_to(&mut self, offset: Offset, rules: Rules) {
        assert!(offset >= Offset::ZERO, "a log cannot end at {offset}");
        if offset >= self.end {
            // An epoch may have been assigned at the end without a record following it.
            if rules.on(Rule::TruncationTrimsEpochs) {
                self.epochs.truncate_from_end(self.end);
            }
            return;
        }
        let kept = self.index_behind(offset);
        let stamped = self.batches.iter_from(kept).any(|stored| stored.batch.stamp.is_some());
        self.cut(kept, offset);
        self.epochs.truncate_from_end(offset);
        if stamped && rules.on(Rule::ProducerStateFollowsLog) {
            self.rebuild_producers(rules);
        }
    }

    /// Empties the log and lets it begin at `start` (`UnifiedLog.truncateFullyAndStartAt`).
    pub fn truncate_fully(&mut self, start: Offset) {
        self.cut(0, start);
        self.start = start;
        self.synced = start;
        self.segments.start_over(start);
        self.epochs.clear();
        self.producers.clear();
        if start > Offset::ZERO {
            self.producers.records_are_gone();
        }
    }

    /// Raises the log's start: to the leader's, or behind what is deleted (`UnifiedLog.maybeIncrementLogStartOffset`).
    pub fn advance_start(&mut self, to: Offset, rules: Rules) {
        assert!(to <= self.end, "the log starts at {to} but ends at {}", self.end);
        if to > self.start {
            self.start = to;
            self.epochs.truncate_from_start(to);
            self.producers.records_are_gone();
            if !rules.on(Rule::ProducerStateOutlivesRecords) {
                self.producers.forget_below(to);
            }
        }
    }

    /// What a restart makes of the log's start: where the oldest segment begins, unless the checkpoint says more
    /// (`log-start-offset-checkpoint`).
    pub(crate) fn restart_at(&mut self, checkpoint: Offset) {
        self.start = self.segments.base().max(checkpoint).min(self.start);
    }

    /// The epoch cache.
    #[must_use]
    pub const fn epochs(&self) -> &EpochCache {
        &self.epochs
    }

    /// The producers' state.
    #[must_use]
    pub const fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// The latest leader epoch known to the log.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// Lets a leader epoch begin at an offset.
    pub fn assign_epoch(&mut self, epoch: LeaderEpoch, start: Offset) {
        self.epochs.assign(epoch, start);
    }

    /// The largest epoch not above `epoch`, and where it ends here; none if that is undefined.
    #[must_use]
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_offset_for(epoch, self.end)
    }

    /// The first batch that holds a record not older than `at`: its first offset and epoch. Batches know their largest
    /// timestamp only, so the answer may be earlier within the batch than Kafka's.
    #[must_use]
    pub fn offset_for_time(&self, at: Wall) -> Option<(Offset, LeaderEpoch)> {
        let young = self.batches.partition_point(|stored| stored.newest < at);
        let found = young.max(self.index_behind(self.start));
        let stored = self.batches.iter_from(found).find(|stored| stored.batch.timestamp >= at)?;
        Some((stored.batch.base.max(self.start), stored.batch.epoch))
    }

    /// The batches that hold records from `from` on.
    pub fn batches_from(&self, from: Offset) -> impl Iterator<Item = &Batch> {
        self.batches.iter_from(self.index_behind(from)).map(|stored| &stored.batch)
    }

    /// Up to where a reader of committed records may read, given the high watermark (`UnifiedLog.fetchLastStableOffsetMetadata`).
    #[must_use]
    pub fn last_stable(&self, high_watermark: Offset) -> Offset {
        let unstable = self.producers.transactions().first_unstable(high_watermark);
        unstable.map_or(high_watermark, |first| first.max(self.start).min(high_watermark))
    }

    /// The aborted transactions that have records in `[from, below)`.
    #[must_use]
    pub fn aborted(&self, from: Offset, below: Offset) -> Vec<AbortedTransaction> {
        self.producers.transactions().aborted(from, below)
    }

    /// As [`ProducerStates::begin_verification`].
    pub fn begin_verification(&mut self, producer: ProducerId) -> Option<Guard> {
        self.producers.begin_verification(producer)
    }

    /// Whether a transaction of this producer is open here.
    #[must_use]
    pub fn has_open_transaction(&self, producer: ProducerId) -> bool {
        self.producers.get(producer).is_some_and(|state| state.open.is_some())
    }

    /// Everything below `upto` is durable from now on.
    pub fn mark_synced(&mut self, upto: Offset) {
        self.synced = self.synced.max(upto.min(self.end));
    }

    /// Drops the state of producers that wrote nothing for so long (`producer.id.expiration.ms`).
    pub fn expire_producers(&mut self, now: Now, after: Span) {
        self.producers.expire(now, after);
    }

    fn push(&mut self, batch: Batch) {
        assert!(
            batch.base >= self.end,
            "append at {} but the log ends at {}",
            batch.base,
            self.end
        );
        assert!(batch.count > 0, "a batch without records at {}", batch.base);
        self.epochs.assign(batch.epoch, batch.base);
        self.end = batch.end();
        self.store(batch);
    }

    fn store(&mut self, batch: Batch) {
        let (bytes, newest) =
            self.batches.last().map_or((0, batch.timestamp), |last| (last.bytes_to, last.newest));
        self.batches.push(StoredBatch {
            bytes_to: bytes + u64::from(batch.bytes),
            newest: newest.max(batch.timestamp),
            batch,
        });
    }

    /// The index of the first batch that ends behind `offset`. Most questions are about the last few batches.
    fn index_behind(&self, offset: Offset) -> usize {
        const NEAR: usize = 6;
        let (first, tail) = self.batches.tail();
        let near = tail.iter().enumerate().rev().take(NEAR);
        for (at, stored) in near {
            if stored.batch.end() <= offset {
                return first + at + 1;
            }
        }
        if first == 0 && tail.len() <= NEAR {
            return 0;
        }
        self.batches.partition_point(|stored| stored.batch.end() <= offset)
    }

    fn bytes_before(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |last| self.batches[last].bytes_to)
    }

    /// Keeps the first batches and ends at `end`; epochs and producers are the caller's.
    fn cut(&mut self, kept: usize, end: Offset) {
        self.batches.truncate(kept);
        self.segments.truncate(kept, &self.batches, end);
        self.cleanings.truncate(end);
        self.end = end;
        self.start = self.start.min(end);
        self.synced = self.synced.min(end);
        self.cuts += 1;
    }

    fn rebuild_producers(&mut self, rules: Rules) {
        let (known_to, known) = self.cleanings.producers(self.end);
        let first = if rules.on(Rule::ProducerStateOutlivesRecords) {
            self.index_behind(known_to)
        } else {
            self.index_behind(self.start.max(known_to))
        };
        let batches = self.batches.iter_from(first).map(|stored| &stored.batch);
        self.producers.rebuild(known, batches, rules);
    }
}

#[cfg(test)]
pub(crate) mod tests;
