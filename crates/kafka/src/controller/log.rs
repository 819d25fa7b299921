//! The metadata log of a single controller: appended, then committed once it is on disk.
//!
//! This is the seam behind which a quorum can stand: whoever appends learns of the commit later, and nobody else sees a
//! record before that. Does not know what records mean.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{Chunked, Rng};

use crate::message::MetadataOffset;
use crate::metadata::MetadataRecord;
use crate::{CrashKind, CrashReport, Durable, Outbox, SyncToken};

use super::index;

/// What outlives a controller's crash: the metadata log.
#[derive(Clone, Default, Debug)]
pub struct ControllerStore {
    records: Chunked<MetadataRecord>,
    synced: MetadataOffset,
    /// Where each append ends that no sync covers yet; an append is one batch.
    unsynced: Vec<MetadataOffset>,
    /// How far the records were told to the history. Not Kafka's: it only keeps a restart from telling them twice.
    noted: MetadataOffset,
}

impl ControllerStore {
    pub(super) const fn records(&self) -> &Chunked<MetadataRecord> {
        &self.records
    }

    pub(super) const fn noted(&self) -> MetadataOffset {
        self.noted
    }

    fn end(&self) -> MetadataOffset {
        let end = u32::try_from(self.records.len());
        MetadataOffset(end.expect("fewer records than a position counts"))
    }

    /// Ends the log after the first `batches` appends that no sync covered; what is left is on disk.
    fn keep(&mut self, batches: usize) {
        let end = batches.checked_sub(1).map_or(self.synced, |last| self.unsynced[last]);
        self.records.truncate(index(end));
        self.synced = end;
        self.unsynced.clear();
    }
}

impl Durable for ControllerStore {
    fn after_crash(mut self, kind: CrashKind, rng: &mut Rng, _report: &mut CrashReport) -> Self {
        match kind {
            CrashKind::Process => {}
            CrashKind::Power => {
                let survived = rng.index(self.unsynced.len() + 1);
                self.keep(survived);
            }
            CrashKind::Torn => {
                let survived = rng.index(self.unsynced.len() + 1);
                self.keep(survived.saturating_sub(1));
            }
            CrashKind::DiskLost => return Self::default(),
        }
        self
    }
}

/// The log while its controller lives.
#[derive(Clone, Debug)]
pub(super) struct MetadataLog {
    store: ControllerStore,
    /// The sync under way and how far it reaches; one at a time, and the next one takes what came meanwhile.
    syncing: Option<(SyncToken, MetadataOffset)>,
}

impl MetadataLog {
    pub(super) const fn new(store: ControllerStore) -> Self {
        Self { store, syncing: None }
    }

    pub(super) fn into_store(self) -> ControllerStore {
        self.store
    }

    /// The position after the last record.
    pub(super) fn end(&self) -> MetadataOffset {
        self.store.end()
    }

    /// The position after the last record that is decided for good and may be shown.
    pub(super) const fn committed(&self) -> MetadataOffset {
        self.store.synced
    }

    pub(super) const fn set_noted(&mut self, offset: MetadataOffset) {
        self.store.noted = offset;
    }

    /// Appends records that are kept together or not at all.
    pub(super) fn append(&mut self, records: Vec<MetadataRecord>) {
        if records.is_empty() {
            return;
        }
        for record in records {
            self.store.records.push(record);
        }
        let end = self.store.end();
        self.store.unsynced.push(end);
    }

    /// Begins to make durable what was appended, unless a sync is under way.
    pub(super) fn flush(&mut self, out: &mut Outbox) {
        let end = self.end();
        if self.syncing.is_none() && end > self.store.synced {
            self.syncing = Some((out.sync(), end));
        }
    }

    /// Takes the end of a sync in.
    pub(super) fn on_synced(&mut self, token: SyncToken) {
        let (expected, reached) = self.syncing.take().expect("a sync ends once, after it began");
        assert!(token == expected, "one sync is under way: {expected:?}, but {token:?} ended");
        self.store.synced = reached;
        self.store.unsynced.retain(|end| *end > reached);
    }

    /// The records in `[from, to)`.
    pub(super) fn slice(&self, from: MetadataOffset, to: MetadataOffset) -> Arc<[MetadataRecord]> {
        let count = index(to).saturating_sub(index(from));
        self.store.records.iter_from(index(from)).take(count).cloned().collect()
    }
}
