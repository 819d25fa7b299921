//! What outlives a broker process: logs, checkpoints, and what a crash and the recovery after it make of them.
//!
//! Does not model that a truncation is undone by a loss of power, nor the moments in which epoch cache and log differ on
//! disk: both are written within one step here.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{BrokerEpoch, Offset, PartitionMap, Rng, TopicPartition};

use super::{Damage, PartitionLog};
use crate::record::{Batch, Keyed, Records, Run};
use crate::{CrashKind, CrashReport, Durable, Mark, Outbox, Rule, Rules, SyncToken};

/// A broker's disk.
#[derive(Clone, Default, Debug)]
pub struct BrokerStore {
    /// The partitions' logs.
    pub logs: PartitionMap<PartitionLog>,
    /// `replication-offset-checkpoint` as last written: high watermarks.
    pub checkpoints: PartitionMap<Offset>,
    /// `log-start-offset-checkpoint` as last written: where logs begin behind their oldest segment's first offset.
    pub starts: PartitionMap<Offset>,
    /// Logs of deleted topics, until their files are removed. Nobody reads them.
    pub deleted: Vec<(TopicPartition, PartitionLog)>,
    /// `.kafka_cleanshutdown`: the epoch of the life that ended in good order (KIP-966).
    pub clean_shutdown: Option<BrokerEpoch>,
    /// `replication-offset-checkpoint` as a loss of power leaves it.
    durable_checkpoints: PartitionMap<Offset>,
    /// Syncs under way, oldest first.
    syncs: Vec<PendingSync>,
}

/// What a sync under way vouches for once it is done.
#[derive(Clone, Debug)]
struct PendingSync {
    token: SyncToken,
    /// Logs with their ends, and how often each had been cut.
    logs: Vec<(TopicPartition, Offset, u32)>,
    checkpoints: PartitionMap<Offset>,
}

impl BrokerStore {
    /// Whether there is nothing to be recovered, torn batches included.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let is_blank = |log: &PartitionLog| {
            log.start == log.end && matches!(log.damage, Damage::None | Damage::Cut)
        };
        self.logs.iter().all(|(_, log)| is_blank(log))
    }

    /// Notes what a sync that begins now covers.
    pub fn begin_sync(&mut self, token: SyncToken) {
        let dirty = self.logs.iter().filter(|(_, log)| log.synced < log.end);
        let logs = dirty.map(|(partition, log)| (partition, log.end, log.cuts)).collect();
        self.syncs.push(PendingSync { token, logs, checkpoints: self.checkpoints.clone() });
    }

    /// Takes in that a sync is done: what was written before it began is durable. Logs that were cut meanwhile wait for
    /// the next one. Without effect for a sync that was not begun here.
    pub fn finish_sync(&mut self, token: SyncToken) {
        let Some(at) = self.syncs.iter().position(|sync| sync.token == token) else { return };
        let done = self.syncs.remove(at);
        for (partition, end, cuts) in done.logs {
            if let Some(log) = self.logs.get_mut(partition)
                && log.cuts == cuts
            {
                log.mark_synced(end);
            }
        }
        self.durable_checkpoints = done.checkpoints;
    }

    /// What boot does before anything else (`LogManager.loadLogs`): rejects a torn tail, trims epochs that lie behind the
    /// logs' ends and rebuilds producer state. Takes the marker of a clean shutdown away and returns it: where there is one,
    /// nobody looks for torn batches.
    pub fn recover(&mut self, rules: Rules, out: &mut Outbox) -> Option<BrokerEpoch> {
        self.syncs.clear();
        self.deleted.clear();
        let marker = self.clean_shutdown.take();
        let trust = if marker.is_some() { Trust::AsItIs } else { Trust::Verified };
        for (_, log) in self.logs.iter_mut() {
            log.recover(trust, rules, out);
        }
        marker
    }
}

/// What a broker that starts thinks of its logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trust {
    /// They were closed in good order.
    AsItIs,
    /// They have to be read from the recovery point on.
    Verified,
}

impl Durable for BrokerStore {
    fn after_crash(mut self, kind: CrashKind, rng: &mut Rng, report: &mut CrashReport) -> Self {
        self.syncs.clear();
        match kind {
            CrashKind::Process => {}
            CrashKind::Power | CrashKind::Torn => {
                for (partition, log) in self.logs.iter_mut() {
                    let end = log.end;
                    log.lose_power(kind, rng);
                    report_loss(report, partition, log.end, end);
                }
                self.checkpoints = self.durable_checkpoints.clone();
            }
            CrashKind::DiskLost => {
                for (partition, log) in self.logs.iter() {
                    report_loss(report, partition, log.start, log.end);
                }
                return Self::default();
            }
        }
        for (partition, log) in self.logs.iter_mut() {
            log.producers.clear();
            log.restart_at(self.starts.get(partition).copied().unwrap_or(Offset::ZERO));
        }
        self
    }
}

fn report_loss(report: &mut CrashReport, partition: TopicPartition, from: Offset, to: Offset) {
    if from < to {
        report.lost.push((partition, from, to));
    }
}

impl PartitionLog {
    /// Cuts the file at a random batch boundary between what was synced and what was written. `Torn` always loses
    /// something if it can, and leaves half of the first batch lost.
    fn lose_power(&mut self, kind: CrashKind, rng: &mut Rng) {
        let (safe, written) = (self.index_behind(self.synced), self.batches.len());
        if safe < written {
            let boundaries = written - safe + usize::from(kind != CrashKind::Torn);
            let kept = safe + rng.index(boundaries);
            if kept < written {
                let first_lost = &self.batches[kept].batch;
                self.damage = match kind {
                    CrashKind::Torn => Damage::Torn(Arc::new(torn(first_lost))),
                    CrashKind::Process | CrashKind::Power | CrashKind::DiskLost => Damage::Cut,
                };
                let before =
                    kept.checked_sub(1).map_or(self.start, |at| self.batches[at].batch.end());
                let end = before.max(self.synced.min(first_lost.base));
                // Epochs stay: the cache is written through, and recovery trims what lies behind the end.
                self.cut(kept, end);
            }
        }
        self.synced = self.end;
    }

    fn recover(&mut self, trust: Trust, rules: Rules, out: &mut Outbox) {
        let checks = trust == Trust::Verified && rules.on(Rule::RecoveryChecksCrc);
        match core::mem::take(&mut self.damage) {
            Damage::None => {}
            Damage::Cut => out.mark(Mark::RecoveredShorterLog),
            Damage::Torn(half) if checks => {
                drop(half);
                out.mark(Mark::TornBatchRejected);
                out.mark(Mark::RecoveredShorterLog);
            }
            Damage::Torn(half) => self.push((*half).clone()),
        }
        self.epochs.truncate_from_end(self.end);
        self.rebuild_producers(rules);
    }
}

/// A batch of which only the first half reached the disk, as a reader without checksums takes it: the header still promises
/// every record, but the values of the second half are missing.
fn torn(batch: &Batch) -> Batch {
    let records = match &batch.records {
        Records::Values(values) => Records::Values(values.part(0, values.count / 2)),
        Records::Keyed(keyed) => {
            let half = keyed.values.count / 2;
            let cut =
                |run: &Run| Run { count: half.saturating_sub(run.from).min(run.count), ..*run };
            let left = keyed.left.iter().map(cut).filter(|run| run.count > 0).collect();
            Records::Keyed(Arc::new(Keyed { left, ..Keyed::clone(keyed) }))
        }
        Records::Group(records) => Records::Group(records[..records.len() / 2].into()),
        // One record that is torn is none.
        Records::Transaction(_) | Records::Marker(..) => Records::Group([].into()),
    };
    Batch { records, ..batch.clone() }
}

#[cfg(test)]
mod tests;
