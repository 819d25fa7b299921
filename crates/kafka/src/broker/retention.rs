//! Retention: old segments are deleted, logs begin later, and checkpoints say where (`LogManager.cleanupLogs`).
//!
//! Files are gone at once: nobody reads what `file.delete.delay.ms` would keep. Does not look at limits of a day and more
//! before the broker has run for one, since nothing can be as old.

use stormglass_types::{Offset, Span, Time, TopicPartition};

use stormglass_types::history::Removal;

use super::Broker;
use super::replicas::Replicas;
use crate::note::ReplicaRole;
use crate::settings::Cleanup;
use crate::{Mark, Note, Now, Outbox, Timer};

/// When the broker looks after old segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    /// When this life of the broker began.
    booted: Time,
    /// When the timer was set to go off.
    armed: Option<Time>,
    /// When the checkpoint of log starts was written last.
    checkpointed: Time,
}

/// Limits as long as this wait for a broker that has run as long.
const DAY: Span = Span::secs(86_400);

impl Retention {
    pub(super) const fn new(now: Time) -> Self {
        Self { booted: now, armed: None, checkpointed: now }
    }

    /// Writes down where logs begin, if it is time to.
    pub(super) fn checkpoint(&mut self, now: Time, replicas: &mut Replicas) {
        if now.since(self.checkpointed) >= replicas.settings.start_checkpoint_interval {
            self.checkpointed = now;
            replicas.checkpoint_starts();
        }
    }
}

impl Broker {
    /// Sets the timer for the first time at which something can be due.
    pub(super) fn schedule_retention(&mut self, now: Now, out: &mut Outbox) {
        let hosted = self.replicas.partitions.iter().map(|(_, hosted)| &hosted.settings.cleanup);
        let patience = |cleanup: &Cleanup| {
            if !cleanup.policy.deletes() {
                return None;
            }
            let limited = cleanup.retention_bytes.is_some();
            let age = cleanup.retention.map(|age| if age < DAY { Span::ZERO } else { DAY });
            if limited { Some(Span::ZERO) } else { age }
        };
        let Some(patience) = hosted.filter_map(patience).min() else { return };
        let settings = &self.replicas.settings;
        let first = self.retention.booted + settings.log_initial_task_delay;
        let (every, earliest) =
            (settings.retention_check_interval.0, now.mono.max(self.retention.booted + patience));
        let missed = earliest.0.saturating_sub(first.0).div_ceil(every);
        let at = Time(first.0.saturating_add(missed.saturating_mul(every)));
        if self.retention.armed.is_none_or(|armed| at < armed) {
            self.retention.armed = Some(at);
            out.set_timer(Timer::Retention, at);
        }
    }

    pub(super) fn on_retention(&mut self, now: Now, out: &mut Outbox) {
        self.replicas.delete_old_segments(now, out);
        let at = now.mono + self.replicas.settings.retention_check_interval;
        self.retention.armed = Some(at);
        out.set_timer(Timer::Retention, at);
    }
}

impl Replicas {
    /// Deletes what is too old or too much, in every log that is not compacted.
    fn delete_old_segments(&mut self, now: Now, out: &mut Outbox) {
        for (id, partition) in self.partitions.iter() {
            let cleanup = &partition.settings.cleanup;
            if cleanup.policy.compacts() {
                continue;
            }
            let log = &mut self.store.logs[id];
            let limit = partition.high_watermark;
            let Some((from, why)) = log.delete_old_segments(now, cleanup, limit, self.rules) else {
                continue;
            };
            match why {
                Removal::Age => out.mark(Mark::DeletedByAge),
                Removal::Size => out.mark(Mark::DeletedBySize),
                Removal::Leader => {}
            }
            let leads = partition.leader == Some(self.me);
            out.note(Note::LogStart {
                partition: id,
                from,
                to: log.start(),
                why,
                role: if leads { ReplicaRole::Leader } else { ReplicaRole::Follower },
                high_watermark: limit,
            });
            self.changed.push(id);
        }
    }

    /// A follower's log begins where its leader's does.
    pub(super) fn follow_start(&mut self, id: TopicPartition, to: Offset, out: &mut Outbox) {
        let log = &mut self.store.logs[id];
        let from = log.start();
        log.advance_start(to, self.rules);
        let high_watermark = self.partitions[id].high_watermark;
        let (why, role) = (Removal::Leader, ReplicaRole::Follower);
        out.note(Note::LogStart { partition: id, from, to, why, role, high_watermark });
    }

    /// Writes down where logs begin (`LogManager.checkpointLogStartOffsets`).
    pub(super) fn checkpoint_starts(&mut self) {
        for (id, log) in self.store.logs.iter() {
            if log.start() > Offset::ZERO {
                self.store.starts.insert(id, log.start());
            }
        }
    }
}
