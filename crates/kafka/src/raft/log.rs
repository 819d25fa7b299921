//! A voter's disk: its log of whole batches, the snapshots before them, and the election that it took part in last.
//!
//! Knows how far each was synced and what a crash leaves; does not know roles, and not what records mean.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{LeaderEpoch, NodeId, Rng};

use crate::message::MetadataOffset;
use crate::metadata::{MetadataImage, MetadataRecord};
use crate::{CrashKind, CrashReport, Durable};

use super::message::{LogPlace, MetadataBatch, Snapshot};

/// What the file `quorum-state` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Election {
    /// The newest epoch known.
    pub epoch: LeaderEpoch,
    /// Whom this voter voted for in it.
    pub vote: Option<NodeId>,
    /// Who leads in it.
    pub leader: Option<NodeId>,
}

/// What outlives a voter's crash.
#[derive(Clone, Default, Debug)]
pub struct QuorumStore {
    election: Election,
    /// Elections that no sync covers yet, each with its write's number, after the last that one did.
    synced_election: Election,
    unsynced_elections: Vec<(u64, Election)>,
    /// Where the log begins; where that is not at its very beginning, the first snapshot ends there.
    start: MetadataOffset,
    /// The oldest first.
    snapshots: VecDeque<Snapshot>,
    /// The bytes of the batches in all.
    bytes: u64,
    batches: Vec<MetadataBatch>,
    synced: MetadataOffset,
    /// Where batches end that no sync covers yet, each with its write's number.
    unsynced: Vec<(u64, MetadataOffset)>,
    writes: u64,
}

/// What a leader finds where a fetcher's log ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Agreement {
    /// The logs agree up to there.
    Valid,
    /// They part: the largest epoch not above the fetcher's, and its end.
    Diverging(LogPlace),
    /// That is before this log begins.
    Snapshot(LogPlace),
}

impl QuorumStore {
    /// The election that this voter took part in last.
    #[must_use]
    pub const fn election(&self) -> Election {
        self.election
    }

    /// Where the log begins.
    #[must_use]
    pub const fn start(&self) -> MetadataOffset {
        self.start
    }

    /// Where the log ends.
    #[must_use]
    pub fn last(&self) -> LogPlace {
        match (self.batches.last(), self.snapshots.back()) {
            (Some(batch), _) => LogPlace { epoch: batch.epoch, offset: batch.end() },
            (None, Some(snapshot)) if self.start.0 > 0 => snapshot.place,
            (None, Some(_) | None) => LogPlace::default(),
        }
    }

    /// The position after the last record.
    #[must_use]
    pub fn end(&self) -> MetadataOffset {
        self.last().offset
    }

    /// The position after the last record that is on disk.
    #[must_use]
    pub const fn synced(&self) -> MetadataOffset {
        self.synced
    }

    /// The newest snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshots.back()
    }

    pub(super) fn snapshot_at(&self, place: LogPlace) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.place == place)
    }

    /// The store as a new life opens it: what is found there is synced first.
    pub(super) fn opened(mut self) -> Self {
        self.synced = self.end();
        self.unsynced.clear();
        self.synced_election = self.election;
        self.unsynced_elections.clear();
        self.writes = 0;
        self
    }

    /// How many writes there were in this life; a sync covers those before it.
    pub(super) const fn writes(&self) -> u64 {
        self.writes
    }

    /// The number of the last write that no sync covers, of an election and of the log.
    pub(super) fn open_writes(&self) -> [u64; 2] {
        let election = self.unsynced_elections.last().map_or(0, |(write, _)| *write);
        [election, self.unsynced.last().map_or(0, |(write, _)| *write)]
    }

    /// The batches from a position on, which must be where one begins.
    pub fn batches_from(&self, from: MetadataOffset) -> &[MetadataBatch] {
        let first = self.batches.partition_point(|batch| batch.base < from);
        &self.batches[first..]
    }

    /// The records in `[from, to)`, as far as the log has them.
    #[must_use]
    pub fn slice(&self, from: MetadataOffset, to: MetadataOffset) -> Arc<[MetadataRecord]> {
        let first = self.batches.partition_point(|batch| batch.end() <= from);
        let batches = self.batches[first..].iter().take_while(|batch| batch.base < to);
        let records = batches.flat_map(|batch| {
            let base = batch.base;
            (0..).zip(batch.records.iter()).map(move |(nth, record)| (base.0 + nth, record))
        });
        let within = records.filter(|(at, _)| *at >= from.0 && *at < to.0);
        within.map(|(_, record)| record.clone()).collect()
    }

    /// The epoch of the record at a position.
    #[must_use]
    pub fn epoch_at(&self, offset: MetadataOffset) -> Option<LeaderEpoch> {
        let at = self.batches.partition_point(|batch| batch.end() <= offset);
        let batch = self.batches.get(at)?;
        (batch.base <= offset).then_some(batch.epoch)
    }

    pub(super) fn elect(&mut self, election: Election) {
        if election != self.election {
            self.writes += 1;
            self.election = election;
            self.unsynced_elections.push((self.writes, election));
        }
    }

    pub(super) fn append(&mut self, batch: MetadataBatch) {
        assert!(batch.base == self.end(), "a batch at {:?} behind {:?}", batch.base, self.end());
        self.writes += 1;
        self.bytes += batch.records.iter().map(size_of_record).sum::<u64>();
        self.unsynced.push((self.writes, batch.end()));
        self.batches.push(batch);
    }

    /// Cuts the log's end off where it parts from a leader's (`ReplicatedLog.truncateToEndOffset`). Tells where it ends now.
    pub(super) fn truncate(&mut self, leaders: LogPlace) -> MetadataOffset {
        let own = self.end_of_epoch(leaders.epoch);
        let to =
            if own.epoch == leaders.epoch { own.offset.min(leaders.offset) } else { own.offset };
        self.truncate_to(to);
        to
    }

    fn truncate_to(&mut self, to: MetadataOffset) {
        while let Some(last) = self.batches.pop_if(|batch| batch.end() > to) {
            self.bytes -= last.records.iter().map(size_of_record).sum::<u64>();
        }
        self.writes += 1;
        self.unsynced.retain(|(_, end)| *end <= to);
        self.synced = self.synced.min(self.end());
    }

    /// The largest epoch not above another one, and where it ends (`endOffsetForEpoch`).
    fn end_of_epoch(&self, epoch: LeaderEpoch) -> LogPlace {
        let after = self.batches.partition_point(|batch| batch.epoch <= epoch);
        if let Some(before) = after.checked_sub(1) {
            let batch = &self.batches[before];
            return LogPlace { epoch: batch.epoch, offset: batch.end() };
        }
        let first = self.snapshots.front().filter(|_| self.start.0 > 0);
        let first = first.map_or(LogPlace::default(), |first| first.place);
        if first.epoch <= epoch { first } else { LogPlace { epoch, offset: first.offset } }
    }

    /// Whether a fetcher's log that ends at a place agrees with this one (`ReplicatedLog.validateOffsetAndEpoch`).
    pub(super) fn agrees(&self, place: LogPlace) -> Agreement {
        if let (Some(first), Some(newest)) = (self.snapshots.front(), self.snapshots.back()) {
            let oldest = first.place.epoch;
            let before = place.offset < self.start
                || (place.offset == self.start && place.epoch != oldest)
                || place.epoch < oldest;
            // A log that is empty takes the snapshot even where the whole log is still there.
            if before || place.offset == MetadataOffset(0) {
                return Agreement::Snapshot(newest.place);
            }
        }
        let own = self.end_of_epoch(place.epoch);
        if place == LogPlace::default() || (own.epoch == place.epoch && own.offset >= place.offset)
        {
            Agreement::Valid
        } else {
            Agreement::Diverging(own)
        }
    }

    /// Keeps what the committed records up to a position say, and forgets the oldest part of the log where it outgrows
    /// `retention` bytes and a later snapshot stands for it (`KafkaMetadataLog.maybeClean`).
    pub(super) fn snapshot_up_to(
        &mut self,
        to: MetadataOffset,
        image: Arc<MetadataImage>,
        retention: u64,
    ) {
        let before = to.0.checked_sub(1).map(MetadataOffset);
        let Some(epoch) = before.and_then(|before| self.epoch_at(before)) else { return };
        self.snapshots.push_back(Snapshot { place: LogPlace { epoch, offset: to }, image });
        while self.snapshots.len() > 1 && self.bytes > retention {
            self.snapshots.pop_front();
            let start = self.snapshots[0].place.offset;
            self.start = start;
            let gone = self.batches.partition_point(|batch| batch.end() <= start);
            for batch in self.batches.drain(..gone) {
                self.bytes -= batch.records.iter().map(size_of_record).sum::<u64>();
            }
        }
    }

    /// Begins anew with a leader's snapshot (`truncateToLatestSnapshot`).
    pub(super) fn install(&mut self, snapshot: Snapshot) {
        self.writes += 1;
        self.batches.clear();
        self.bytes = 0;
        self.unsynced.clear();
        self.start = snapshot.place.offset;
        self.synced = self.start;
        self.snapshots.clear();
        self.snapshots.push_back(snapshot);
    }

    /// A sync is over that covers the writes up to a number.
    pub(super) fn on_synced(&mut self, write: u64) {
        let covered = self.unsynced.partition_point(|(number, _)| *number <= write);
        if let Some((_, end)) = self.unsynced.drain(..covered).next_back() {
            self.synced = end;
        }
        let covered = self.unsynced_elections.partition_point(|(number, _)| *number <= write);
        if let Some((_, election)) = self.unsynced_elections.drain(..covered).next_back() {
            self.synced_election = election;
        }
    }

    /// The bytes of the records from a position on.
    pub(super) fn bytes_from(&self, from: MetadataOffset) -> u64 {
        let batches = self.batches_from(from);
        batches.iter().flat_map(|batch| batch.records.iter()).map(size_of_record).sum()
    }
}

impl Durable for QuorumStore {
    fn after_crash(mut self, kind: CrashKind, rng: &mut Rng, _report: &mut CrashReport) -> Self {
        let torn = match kind {
            CrashKind::Process => None,
            CrashKind::Power => Some(0),
            CrashKind::Torn => Some(1),
            CrashKind::DiskLost => return Self::default(),
        };
        if let Some(torn) = torn {
            let survived = rng.index(self.unsynced.len() + 1).saturating_sub(torn);
            let end = survived.checked_sub(1).map_or(self.synced, |last| self.unsynced[last].1);
            self.truncate_to(end);
            // The file is replaced as a whole: an old one or a new one, never half of one.
            let replaced = rng.index(self.unsynced_elections.len() + 1);
            let last = replaced.checked_sub(1).map(|last| self.unsynced_elections[last].1);
            self.election = last.unwrap_or(self.synced_election);
        }
        self
    }
}

/// About as many bytes as Kafka writes for a record.
fn size_of_record(record: &MetadataRecord) -> u64 {
    match record {
        MetadataRecord::RegisterBroker { .. } => 120,
        MetadataRecord::ChangeBroker { .. } => 24,
        MetadataRecord::Topic { .. } => 64,
        MetadataRecord::Partition { registration, .. } => {
            let replicas = registration.replicas.len() + registration.isr.len();
            56 + 4 * u64::try_from(replicas).expect("a few replicas")
        }
        MetadataRecord::RemoveTopic { .. } => 24,
        MetadataRecord::ProducerIds { .. } => 32,
        // One record for each side's rate.
        MetadataRecord::ReplicationRate { .. } => 140,
        MetadataRecord::LeaderChange { .. } => 40,
    }
}
