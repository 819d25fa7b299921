//! Where the segments of a log begin (`LogSegments`): what retention deletes whole.
//!
//! A segment ends where Kafka would have rolled it, which follows from the sizes and timestamps of the batches alone. So
//! appends do not look after segments: whoever asks has the batches gone through that came since. There is no jitter.

use alloc::vec::Vec;

use stormglass_types::history::Removal;
use stormglass_types::{Chunked, Offset, Span, Wall};

use super::{PartitionLog, StoredBatch};
use crate::record::Batch;
use crate::settings::Cleanup;
use crate::{Now, Rule, Rules};

/// The segments of a log.
#[derive(Clone, Default, Debug)]
pub(super) struct Segments {
    /// Those that are closed, oldest first.
    closed: Vec<Segment>,
    active: Segment,
    /// How many batches of the log were gone through.
    seen: usize,
}

/// One segment.
#[derive(Clone, Copy, Default, Debug)]
struct Segment {
    base: Offset,
    bytes: u64,
    /// The timestamp of its first batch, by which it grows old enough to be rolled; none while it is empty.
    first: Option<Wall>,
    /// The largest timestamp in it.
    newest: Wall,
}

impl Segment {
    fn at(base: Offset) -> Self {
        Self { base, ..Self::default() }
    }

    /// `LogSegment.shouldRoll`.
    fn must_roll(&self, batch: &Batch, cleanup: &Cleanup) -> bool {
        let Some(first) = self.first else { return false };
        self.bytes + u64::from(batch.bytes) > u64::from(cleanup.segment_bytes)
            || is_older(first, batch.timestamp, cleanup.segment_age)
    }

    fn add(&mut self, batch: &Batch) {
        self.newest = self.first.map_or(batch.timestamp, |_| self.newest.max(batch.timestamp));
        self.first.get_or_insert(batch.timestamp);
        self.bytes += u64::from(batch.bytes);
    }
}

/// Whether more than so much time lies between two readings of clocks.
fn is_older(then: Wall, now: Wall, than: Span) -> bool {
    let age = now.0.saturating_sub(then.0);
    age > i64::try_from(than.as_millis()).unwrap_or(i64::MAX)
}

impl Segments {
    /// The first offset of the oldest segment.
    pub(super) fn base(&self) -> Offset {
        self.closed.first().map_or(self.active.base, |oldest| oldest.base)
    }

    /// The first offset of the active segment.
    pub(super) const fn active_base(&self) -> Offset {
        self.active.base
    }

    /// How many batches of the log were gone through.
    pub(super) const fn seen(&self) -> usize {
        self.seen
    }

    /// Where the first closed segment begins that holds something younger than this.
    pub(super) fn first_younger(&self, than: Wall) -> Option<Offset> {
        self.closed.iter().find(|segment| segment.newest > than).map(|segment| segment.base)
    }

    /// Batches below an offset were rewritten: measures the segments there again, and makes one of several that are small
    /// together (`Cleaner.groupSegmentsBySize`).
    pub(super) fn cleaned(
        &mut self,
        seen: usize,
        batches: &Chunked<StoredBatch>,
        bound: Offset,
        cleanup: &Cleanup,
    ) {
        let bytes_below = |offset: Offset| {
            let behind = batches.partition_point(|stored| stored.batch.end() <= offset);
            behind.checked_sub(1).map_or(0, |last| batches[last].bytes_to)
        };
        let old = core::mem::take(&mut self.closed);
        for (at, segment) in old.iter().enumerate() {
            let next = old.get(at + 1).map_or(self.active.base, |next| next.base);
            let bytes = bytes_below(next).saturating_sub(bytes_below(segment.base));
            let limit = u64::from(cleanup.segment_bytes);
            match self.closed.last_mut() {
                Some(last) if next <= bound && last.bytes + bytes <= limit => {
                    last.bytes += bytes;
                    last.newest = last.newest.max(segment.newest);
                }
                Some(_) | None => self.closed.push(Segment { bytes, ..*segment }),
            }
        }
        self.seen = seen;
    }

    /// Begins anew with an empty segment.
    pub(super) fn start_over(&mut self, base: Offset) {
        *self = Self { closed: Vec::new(), active: Segment::at(base), seen: 0 };
    }

    /// The log keeps only its first batches: segments behind them are gone, and the last one left is active again.
    pub(super) fn truncate(&mut self, kept: usize, batches: &Chunked<StoredBatch>, end: Offset) {
        if kept >= self.seen {
            return;
        }
        while self.active.base >= end
            && let Some(last) = self.closed.pop()
        {
            self.active = last;
        }
        let base = self.active.base.min(end);
        self.active = Segment::at(base);
        self.seen = batches.partition_point(|stored| stored.batch.end() <= base).min(kept);
    }

    /// Goes through the batches that came since it was asked last.
    pub(super) fn catch_up(&mut self, batches: &Chunked<StoredBatch>, cleanup: &Cleanup) {
        for StoredBatch { batch, .. } in batches.iter_from(self.seen) {
            if self.active.must_roll(batch, cleanup) {
                let next = Segment::at(batch.base);
                self.closed.push(core::mem::replace(&mut self.active, next));
            }
            self.active.add(batch);
        }
        self.seen = batches.len();
    }

    /// How many of the oldest segments may go for a reason, the active one among them (`UnifiedLog.deletableSegments`).
    fn deletable(
        &self,
        end: Offset,
        high_watermark: Offset,
        rules: Rules,
        mut due: impl FnMut(&Segment) -> bool,
    ) -> usize {
        let all = self.closed.iter().chain(core::iter::once(&self.active));
        let nexts = self.closed.iter().skip(1).chain(core::iter::once(&self.active));
        let nexts = nexts.map(|next| next.base).chain(core::iter::once(end));
        // Without closed segments there is nothing to skip: the active one is the only one.
        let nexts = nexts.skip(usize::from(self.closed.is_empty()));
        all.zip(nexts)
            .take_while(|(segment, next)| {
                let committed =
                    *next <= high_watermark || !rules.on(Rule::RetentionBelowHighWatermark);
                committed && segment.first.is_some() && due(segment)
            })
            .count()
    }

    /// Drops the oldest segments. If none is left, a new one begins at the log's end (`LocalLog.roll`).
    fn drop_oldest(&mut self, count: usize, end: Offset) {
        if count > self.closed.len() {
            let seen = self.seen;
            self.start_over(end);
            self.seen = seen;
        } else {
            self.closed.drain(..count);
        }
    }
}

impl PartitionLog {
    /// Deletes the segments that are too many or too old, and lets the log begin behind them (`UnifiedLog.deleteOldSegments`).
    /// Tells where it began before, and which limit was the last to be passed.
    pub fn delete_old_segments(
        &mut self,
        now: Now,
        cleanup: &Cleanup,
        high_watermark: Offset,
        rules: Rules,
    ) -> Option<(Offset, Removal)> {
        self.segments.catch_up(&self.batches, cleanup);
        self.delete_passed_segments();
        if !cleanup.policy.deletes() {
            return None;
        }
        let before = self.start;
        let by_size = cleanup.retention_bytes.map(|most| {
            let all = self.segments.closed.iter().chain(core::iter::once(&self.segments.active));
            let size: u64 = all.map(|segment| segment.bytes).sum();
            let mut excess = size.saturating_sub(most);
            move |segment: &Segment| {
                let fits = segment.bytes <= excess && excess > 0;
                excess = excess.saturating_sub(segment.bytes);
                fits
            }
        });
        if let Some(due) = by_size {
            self.delete_oldest(high_watermark, rules, due);
        }
        let after_size = self.start;
        if let Some(retention) = cleanup.retention {
            let due = |segment: &Segment| is_older(segment.newest, now.wall, retention);
            self.delete_oldest(high_watermark, rules, due);
        }
        if self.start > after_size {
            Some((before, Removal::Age))
        } else {
            (self.start > before).then_some((before, Removal::Size))
        }
    }

    /// Segments of which the log's start has passed everything hold nothing any more.
    fn delete_passed_segments(&mut self) {
        let closed = &self.segments.closed;
        let next =
            |at: usize| closed.get(at + 1).map_or(self.segments.active.base, |next| next.base);
        let passed = (0..closed.len()).take_while(|at| next(*at) <= self.start).count();
        self.segments.drop_oldest(passed, self.end);
    }

    fn delete_oldest(
        &mut self,
        high_watermark: Offset,
        rules: Rules,
        due: impl FnMut(&Segment) -> bool,
    ) {
        let count = self.segments.deletable(self.end, high_watermark, rules, due);
        if count > 0 {
            self.segments.drop_oldest(count, self.end);
            self.advance_start(self.segments.base().max(self.start), rules);
        }
    }
}

#[cfg(test)]
mod tests;
