//! Compaction of a log: of each key the last record stays (`Cleaner`).
//!
//! A record is dropped if a later one of its key lies below the bound of the cleaning, a tombstone also once its time is over.
//! Headers of batches without records stay where somebody needs them. Rewrites in one step what Kafka rewrites segment by
//! segment, has room for every key, and does not know transactions.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Removal;
use stormglass_types::{Chunked, Key, Offset, ValueRange, Wall};

use super::{PartitionLog, ProducerStates, StoredBatch};
use crate::compression::Packing;
use crate::record::{Batch, Keyed, Payload, Records, Run};
use crate::settings::Cleanup;
use crate::{Now, Rule, Rules};

/// What a log knows of its cleanings.
#[derive(Clone, Default, Debug)]
pub(super) struct Cleanings {
    /// Everything below was cleaned before (`cleaner-offset-checkpoint`).
    to: Offset,
    /// The producers as they were there: it stands for Kafka's snapshots, which outlive the records.
    producers: Option<Arc<(Offset, ProducerStates)>>,
    /// What the last cleaning dropped.
    dropped: Vec<Dropped>,
}

/// Records that a cleaning dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// The first one's offset.
    pub base: Offset,
    /// Which.
    pub values: ValueRange,
    /// Why.
    pub why: Removal,
}

/// What a cleaning is told.
struct Pass<'a> {
    now: Now,
    cleanup: &'a Cleanup,
    rules: Rules,
    start: Offset,
    bound: Offset,
    /// The last offset of every key in what was not cleaned before.
    last: BTreeMap<Key, Offset>,
    /// Before tombstones had horizons: those not younger than this go.
    old_enough: Option<Wall>,
}

impl Cleanings {
    /// Where a reader of the whole log begins to learn producers, and what is known of them there.
    pub(super) fn producers(&self, end: Offset) -> (Offset, ProducerStates) {
        match self.producers.as_deref().filter(|(at, _)| *at <= end) {
            Some((at, known)) => (*at, known.clone()),
            None => (Offset::ZERO, ProducerStates::default()),
        }
    }

    pub(super) fn truncate(&mut self, end: Offset) {
        self.to = self.to.min(end);
        if self.producers.as_ref().is_some_and(|known| known.0 > end) {
            self.producers = None;
        }
    }
}

impl PartitionLog {
    /// What the last cleaning dropped.
    #[must_use]
    pub fn dropped(&self) -> &[Dropped] {
        &self.cleanings.dropped
    }

    /// Cleans the log if enough of it is dirty (`LogCleanerManager.grabFilthiestCompactedLog`). Tells up to where.
    pub fn clean(
        &mut self,
        now: Now,
        cleanup: &Cleanup,
        high_watermark: Offset,
        rules: Rules,
    ) -> Option<Offset> {
        self.segments.catch_up(&self.batches, cleanup);
        let dirty = self.cleanings.to.max(self.start);
        let bound = self.first_uncleanable(now, cleanup, high_watermark, rules);
        if bound <= dirty || !self.is_filthy(now, cleanup, dirty, bound) {
            return None;
        }
        let clean = self.index_behind(dirty).checked_sub(1).map(|at| self.batches[at].newest);
        let old_enough = clean.map(|newest| newest.minus(cleanup.delete_retention));
        let (start, last) = (self.start, self.last_of_keys(dirty, bound));
        let pass = Pass { now, cleanup, rules, start, bound, last, old_enough };
        if rules.on(Rule::CleanerKeepsSequences) {
            self.remember_producers(bound, rules);
        }
        self.rewrite(&pass);
        self.cleanings.to = bound;
        Some(bound)
    }

    /// `LogCleanerManager.cleanableOffsets`.
    fn first_uncleanable(
        &self,
        now: Now,
        cleanup: &Cleanup,
        high_watermark: Offset,
        rules: Rules,
    ) -> Offset {
        let mut bound = self.segments.active_base();
        if rules.on(Rule::CleanerBelowHighWatermark) {
            bound = bound.min(high_watermark);
        }
        match self.segments.first_younger(now.wall.minus(cleanup.min_compaction_lag)) {
            Some(young) if cleanup.min_compaction_lag.0 > 0 => bound.min(young),
            Some(_) | None => bound,
        }
    }

    /// Whether enough is dirty, or something dirty is too old (`min.cleanable.dirty.ratio`, `max.compaction.lag.ms`).
    fn is_filthy(&self, now: Now, cleanup: &Cleanup, dirty: Offset, bound: Offset) -> bool {
        const WHOLE: u128 = 1_000_000;
        let (clean, all) = (self.index_behind(dirty), self.index_behind(bound));
        let first = self.index_behind(self.start);
        let before = self.bytes_before(first);
        let dirty_bytes = u128::from(self.bytes_before(all) - self.bytes_before(clean));
        let bytes = u128::from(self.bytes_before(all).saturating_sub(before));
        if dirty_bytes == 0 {
            return false;
        }
        let oldest = self.batches.get(clean).map_or(now.wall, |stored| stored.batch.timestamp);
        let too_old = cleanup.max_compaction_lag.is_some_and(|most| oldest < now.wall.minus(most));
        too_old || dirty_bytes * WHOLE > bytes * u128::from(cleanup.min_dirty_millionths)
    }

    /// `Cleaner.buildOffsetMap`.
    fn last_of_keys(&self, from: Offset, below: Offset) -> BTreeMap<Key, Offset> {
        let mut last = BTreeMap::new();
        let batches = self.batches_from(from).take_while(|batch| batch.end() <= below);
        for batch in batches {
            let Records::Keyed(keyed) = &batch.records else { continue };
            for (place, record) in keyed.records() {
                if let Some(key) = record.key {
                    last.insert(key, batch.base.plus(place));
                }
            }
        }
        last
    }

    fn remember_producers(&mut self, bound: Offset, rules: Rules) {
        let (from, mut known) = self.cleanings.producers(self.end);
        let batches = self.batches_from(from).filter(|batch| batch.base >= from);
        for batch in batches.take_while(|batch| batch.end() <= bound) {
            known.learn(batch, rules);
        }
        self.cleanings.producers = Some(Arc::new((bound, known)));
    }

    /// `Cleaner.cleanInto`, for everything at once.
    fn rewrite(&mut self, pass: &Pass<'_>) {
        let whole = |stored: &&StoredBatch| stored.batch.end() <= pass.bound;
        let final_one = self.batches.iter().take_while(whole).last().map(|it| it.batch.base);
        let unseen = self.batches.len() - self.segments.seen();
        let old = core::mem::replace(&mut self.batches, Chunked::new());
        self.cleanings.dropped = Vec::new();
        for StoredBatch { batch, .. } in old.iter() {
            let cleaned = pass.clean(batch, &mut self.cleanings.dropped);
            let batch = cleaned.unwrap_or_else(|| batch.clone());
            let is_needed = batch.has_records()
                || Some(batch.base) == final_one
                || self.is_last_of_producer(&batch, pass.rules);
            if is_needed {
                self.store(batch);
            }
        }
        let (batches, cleanup) = (&self.batches, pass.cleanup);
        self.segments.cleaned(batches.len() - unseen, batches, pass.bound, cleanup);
    }

    /// Without the last batch of a producer, whoever copies the log would not know its sequence.
    fn is_last_of_producer(&self, batch: &Batch, rules: Rules) -> bool {
        let Some(stamp) = batch.stamp.filter(|_| rules.on(Rule::CleanerKeepsSequences)) else {
            return false;
        };
        let last = self.producers.get(stamp.id).and_then(|state| state.window().last().copied());
        last.is_some_and(|last| last.end == batch.end())
    }
}

impl Pass<'_> {
    /// What is left of a batch, if anything of it changes (`Cleaner.checkBatchRetention`, `shouldRetainRecord`).
    fn clean(&self, batch: &Batch, dropped: &mut Vec<Dropped>) -> Option<Batch> {
        let Records::Keyed(keyed) = &batch.records else { return None };
        if batch.base < self.start || batch.end() > self.bound {
            return None;
        }
        let (mut left, mut tombstones) = (Vec::new(), false);
        let before = dropped.len();
        for (place, record) in keyed.records() {
            let offset = batch.base.plus(place);
            let last = record.key.and_then(|key| self.last.get(&key));
            let is_tombstone = record.payload == Payload::Tombstone;
            let why = if last.is_some_and(|last| offset < *last) {
                Removal::Superseded
            } else if is_tombstone && self.is_over(batch, keyed) {
                Removal::Tombstone
            } else {
                tombstones |= is_tombstone;
                add(&mut left, place);
                continue;
            };
            let values = keyed.values.part(place, 1);
            dropped.push(Dropped { base: offset, values, why });
        }
        let horizon = match keyed.horizon {
            None if tombstones => Some(self.now.wall.plus(self.cleanup.delete_retention)),
            known => known,
        };
        if dropped.len() == before && horizon == keyed.horizon {
            return None;
        }
        let count = |runs: &[Run]| runs.iter().map(|run| u64::from(run.count)).sum::<u64>();
        let (had, has) = (count(&keyed.left).max(1), count(&left));
        let shrunk = |bytes: u32| {
            let body = u64::from(bytes.saturating_sub(HEADER)) * has / had;
            HEADER.saturating_add(u32::try_from(body).unwrap_or(u32::MAX))
        };
        let packing = Packing { raw: shrunk(batch.packing.raw), ..batch.packing };
        let keyed = Keyed { left, horizon, ..Keyed::clone(keyed) };
        let (bytes, records) = (shrunk(batch.bytes), Records::Keyed(Arc::new(keyed)));
        Some(Batch { bytes, packing, records, ..batch.clone() })
    }

    /// Whether tombstones of a batch may go: some time after they were first cleaned. Before KIP-534, some time of the log's
    /// own after they were written, whenever that was cleaned.
    fn is_over(&self, batch: &Batch, keyed: &Keyed) -> bool {
        if self.rules.on(Rule::TombstonesHaveHorizons) {
            keyed.horizon.is_some_and(|horizon| self.now.wall >= horizon)
        } else {
            self.old_enough.is_some_and(|old| batch.timestamp <= old)
        }
    }
}

/// `DefaultRecordBatch.RECORD_BATCH_OVERHEAD`.
const HEADER: u32 = 61;

fn add(runs: &mut Vec<Run>, place: u32) {
    match runs.last_mut() {
        Some(last) if last.from + last.count == place => last.count += 1,
        Some(_) | None => runs.push(Run { from: place, count: 1 }),
    }
}

#[cfg(test)]
mod tests;
