//! Which leader epoch wrote which part of a log (`LeaderEpochFileCache`, KIP-101, KIP-279).
//!
//! Does not know the batches: whoever appends or truncates says what changed.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{LeaderEpoch, Offset};

/// Epochs with their first offsets, strictly increasing in both. A clone shares the entries.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct EpochCache {
    entries: Arc<Vec<EpochStart>>,
}

/// Where an epoch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochStart {
    /// Which epoch.
    pub epoch: LeaderEpoch,
    /// Its first offset.
    pub start: Offset,
}

impl EpochCache {
    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    /// The latest epoch.
    #[must_use]
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// The epoch that wrote an offset, if the cache reaches back to it.
    #[must_use]
    pub fn at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|entry| entry.start <= offset);
        after.checked_sub(1).map(|index| self.entries[index].epoch)
    }

    /// Lets an epoch begin at an offset. Without effect while it is the latest one already and did not move back; entries
    /// that would no longer be strictly below the new one are dropped.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        assert!(epoch.0 >= 0 && start.0 >= 0, "epoch {epoch} cannot begin at {start}");
        if let Some(latest) = self.entries.last()
            && latest.epoch == epoch
            && latest.start <= start
        {
            return;
        }
        let entries = Arc::make_mut(&mut self.entries);
        while entries.last().is_some_and(|last| last.epoch >= epoch || last.start >= start) {
            entries.pop();
        }
        entries.push(EpochStart { epoch, start });
    }

    /// The largest epoch not above `epoch`, and where it ends in a log that ends at `end`; none if that is undefined.
    #[must_use]
    pub fn end_offset_for(&self, epoch: LeaderEpoch, end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if epoch == LeaderEpoch::NONE {
            return None;
        }
        if self.latest() == Some(epoch) {
            return Some((epoch, end));
        }
        let higher = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let next = self.entries.get(higher)?;
        // An epoch from before the first known one ends where that begins: what lay between is gone from the log.
        let floor = higher.checked_sub(1).map_or(epoch, |index| self.entries[index].epoch);
        Some((floor, next.start))
    }

    /// Drops every epoch that begins at `end` or behind.
    pub fn truncate_from_end(&mut self, end: Offset) {
        let kept = self.entries.partition_point(|entry| entry.start < end);
        if kept < self.entries.len() {
            Arc::make_mut(&mut self.entries).truncate(kept);
        }
    }

    /// Forgets what lies before `start`: the epoch in force there begins at `start` from now on.
    pub fn truncate_from_start(&mut self, start: Offset) {
        let below = self.entries.partition_point(|entry| entry.start <= start);
        let Some(in_force) = below.checked_sub(1) else { return };
        if in_force == 0 && self.entries[0].start == start {
            return;
        }
        let entries = Arc::make_mut(&mut self.entries);
        entries.drain(..in_force);
        entries[0].start = start;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries = Arc::default();
    }
}
