//! The metadata log: appended, then committed. Who appends learns of the commit later, and nobody else sees a record before.
//!
//! A controller that is alone commits what is on its disk; one of several, what the quorum has ([`crate::raft`]). Does not
//! know what records mean.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{Chunked, Rng};

use crate::message::MetadataOffset;
use crate::metadata::MetadataRecord;
use crate::raft::{QuorumStore, Voter};
use crate::{Boot, CrashKind, CrashReport, Durable, Now, Outbox, SyncToken};

use super::index;

/// What outlives a controller's crash: the metadata log.
#[derive(Clone, Default, Debug)]
pub struct ControllerStore {
    alone: AloneStore,
    /// The log of one of several controllers; that of a single one is in `alone`.
    quorum: Option<Box<QuorumStore>>,
}

/// The log of a single controller.
#[derive(Clone, Default, Debug)]
pub(super) struct AloneStore {
    records: Chunked<MetadataRecord>,
    synced: MetadataOffset,
    /// Where each append ends that no sync covers yet; an append is one batch.
    unsynced: Vec<MetadataOffset>,
    /// How far the records were told to the history. Not Kafka's: it only keeps a restart from telling them twice.
    noted: MetadataOffset,
}

impl ControllerStore {
    /// What one of several controllers has on its disk.
    #[must_use]
    pub fn quorum(&self) -> Option<&QuorumStore> {
        self.quorum.as_deref()
    }

    #[cfg(test)]
    pub(super) const fn alone_records(&self) -> &Chunked<MetadataRecord> {
        &self.alone.records
    }
}

impl AloneStore {
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
    fn after_crash(self, kind: CrashKind, rng: &mut Rng, report: &mut CrashReport) -> Self {
        if let Some(quorum) = self.quorum {
            let quorum = quorum.after_crash(kind, rng, report);
            return Self { quorum: Some(Box::new(quorum)), ..Self::default() };
        }
        let mut alone = self.alone;
        match kind {
            CrashKind::Process => {}
            CrashKind::Power => {
                let survived = rng.index(alone.unsynced.len() + 1);
                alone.keep(survived);
            }
            CrashKind::Torn => {
                let survived = rng.index(alone.unsynced.len() + 1);
                alone.keep(survived.saturating_sub(1));
            }
            CrashKind::DiskLost => return Self::default(),
        }
        Self { alone, quorum: None }
    }
}

/// The log while its controller lives.
#[derive(Clone, Debug)]
pub(super) enum MetadataLog {
    /// The controller is the only one.
    Alone(AloneLog),
    /// It is one of several.
    Quorum(Box<Voter>),
}

/// The log of a single controller while it lives.
#[derive(Clone, Debug)]
pub(super) struct AloneLog {
    store: AloneStore,
    /// The sync under way and how far it reaches; one at a time, and the next one takes what came meanwhile.
    syncing: Option<(SyncToken, MetadataOffset)>,
}

impl MetadataLog {
    pub(super) fn open(
        now: Now,
        boot: &Boot,
        settings: crate::settings::QuorumSettings,
        store: ControllerStore,
        out: &mut Outbox,
    ) -> Self {
        if boot.directory.controllers.len() > 1 {
            let store = store.quorum.map_or_else(QuorumStore::default, |store| *store);
            Self::Quorum(Box::new(Voter::boot(now, boot, settings, store, out)))
        } else {
            Self::Alone(AloneLog { store: store.alone, syncing: None })
        }
    }

    pub(super) fn into_store(self) -> ControllerStore {
        match self {
            Self::Alone(log) => ControllerStore { alone: log.store, quorum: None },
            Self::Quorum(voter) => {
                let quorum = Some(Box::new(voter.into_store()));
                ControllerStore { quorum, ..ControllerStore::default() }
            }
        }
    }

    /// The position of the first record that is still there.
    pub(super) const fn start(&self) -> MetadataOffset {
        match self {
            Self::Alone(_) => MetadataOffset(0),
            Self::Quorum(voter) => voter.store().start(),
        }
    }

    /// The position after the last record.
    pub(super) fn end(&self) -> MetadataOffset {
        match self {
            Self::Alone(log) => log.store.end(),
            Self::Quorum(voter) => voter.end(),
        }
    }

    /// The position after the last record that is decided for good and may be shown.
    pub(super) const fn committed(&self) -> MetadataOffset {
        match self {
            Self::Alone(log) => log.store.synced,
            Self::Quorum(voter) => voter.high_watermark(),
        }
    }

    /// How far the history knows the records from an earlier life.
    pub(super) const fn noted(&self) -> MetadataOffset {
        match self {
            Self::Alone(log) => log.store.noted,
            Self::Quorum(_) => MetadataOffset(0),
        }
    }

    pub(super) const fn set_noted(&mut self, offset: MetadataOffset) {
        match self {
            Self::Alone(log) => log.store.noted = offset,
            Self::Quorum(_) => {}
        }
    }

    /// Appends records that are kept together or not at all.
    pub(super) fn append(&mut self, records: Vec<MetadataRecord>) {
        if records.is_empty() {
            return;
        }
        match self {
            Self::Alone(log) => {
                for record in records {
                    log.store.records.push(record);
                }
                let end = log.store.end();
                log.store.unsynced.push(end);
            }
            Self::Quorum(voter) => voter.append(records),
        }
    }

    /// Begins to make durable what was appended, unless a sync is under way.
    pub(super) fn flush(&mut self, now: Now, out: &mut Outbox) {
        match self {
            Self::Alone(log) => {
                let end = log.store.end();
                if log.syncing.is_none() && end > log.store.synced {
                    log.syncing = Some((out.sync(), end));
                }
            }
            Self::Quorum(voter) => voter.pump(now, out),
        }
    }

    /// Takes the end of a sync in.
    pub(super) fn on_synced(&mut self, now: Now, token: SyncToken, out: &mut Outbox) {
        match self {
            Self::Alone(log) => {
                let (expected, reached) =
                    log.syncing.take().expect("a sync ends once, after it began");
                assert!(
                    token == expected,
                    "one sync is under way: {expected:?}, but {token:?} ended"
                );
                log.store.synced = reached;
                log.store.unsynced.retain(|end| *end > reached);
            }
            Self::Quorum(voter) => {
                assert!(voter.on_synced(now, token, out), "one sync is under way: {token:?}");
            }
        }
    }

    /// The records in `[from, to)`.
    pub(super) fn slice(&self, from: MetadataOffset, to: MetadataOffset) -> Arc<[MetadataRecord]> {
        match self {
            Self::Alone(log) => {
                let count = index(to).saturating_sub(index(from));
                log.store.records.iter_from(index(from)).take(count).cloned().collect()
            }
            Self::Quorum(voter) => voter.store().slice(from, to),
        }
    }

    /// This controller as a voter, if it is one of several.
    pub(super) const fn voter(&self) -> Option<&Voter> {
        match self {
            Self::Alone(_) => None,
            Self::Quorum(voter) => Some(voter),
        }
    }

    pub(super) const fn voter_mut(&mut self) -> Option<&mut Voter> {
        match self {
            Self::Alone(_) => None,
            Self::Quorum(voter) => Some(voter),
        }
    }
}
