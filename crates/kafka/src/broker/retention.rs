//! Retention and compaction: old segments are deleted, logs begin later, checkpoints say where (`LogManager.cleanupLogs`,
//! `LogCleaner`).
//!
//! Files are gone at once: nobody reads what `file.delete.delay.ms` would keep. Does not look at limits of a day and more
//! before the broker has run for one, since nothing can be as old.

use alloc::vec::Vec;

use stormglass_types::history::Removal;
use stormglass_types::{ErrorCode, Offset, Span, Time, TopicPartition};

use super::Broker;
use super::partition::Partition;
use super::replicas::Replicas;
use crate::group::OFFSETS_TOPIC;
use crate::message::DeleteRecordsRequest;
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
    /// Whether the cleaner is at work.
    cleans: bool,
}

/// Limits as long as this wait for a broker that has run as long.
const DAY: Span = Span::secs(86_400);

impl Retention {
    pub(super) const fn new(now: Time) -> Self {
        Self { booted: now, armed: None, checkpointed: now, cleans: false }
    }

    /// Writes down where logs begin, if it is time to.
    pub(super) fn checkpoint(&mut self, now: Time, replicas: &mut Replicas) {
        if now.since(self.checkpointed) >= replicas.settings.start_checkpoint_interval {
            self.checkpointed = now;
            replicas.checkpoint_starts();
        }
        // Files of deleted topics are gone after `file.delete.delay.ms`; nobody reads them meanwhile.
        replicas.store.deleted.clear();
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

    /// Sets the timer of the cleaner, once there is something to compact.
    pub(super) fn schedule_cleaner(&mut self, now: Now, out: &mut Outbox) {
        let mut hosted = self.replicas.partitions.iter();
        let compacts = hosted.any(|(id, hosted)| is_compacted(id, &hosted.settings.cleanup));
        if let Some(backoff) = self.replicas.settings.cleaner_backoff
            && compacts
            && !core::mem::replace(&mut self.retention.cleans, true)
        {
            out.set_timer(Timer::Cleaner, now.mono + backoff);
        }
    }

    pub(super) fn on_cleaner(&mut self, now: Now, out: &mut Outbox) {
        self.replicas.clean_logs(now, out);
        if let Some(backoff) = self.replicas.settings.cleaner_backoff {
            out.set_timer(Timer::Cleaner, now.mono + backoff);
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
        let all: Vec<TopicPartition> = self.partitions.keys().collect();
        for id in all {
            if !self.partitions[id].settings.cleanup.policy.compacts() {
                self.delete_old_segments_of(now, id, out);
            }
        }
    }

    /// Compacts every log that is to be compacted, and deletes its old segments, too, if its policy says so. Kafka takes the
    /// filthiest log first; here the threads have time for all.
    fn clean_logs(&mut self, now: Now, out: &mut Outbox) {
        let compacted = |(id, partition): &(TopicPartition, &Partition)| {
            is_compacted(*id, &partition.settings.cleanup)
        };
        let all: Vec<_> = self.partitions.iter().filter(compacted).map(|(id, _)| id).collect();
        for id in all {
            self.delete_old_segments_of(now, id, out);
            let (log, partition) = (&mut self.store.logs[id], &self.partitions[id]);
            let (cleanup, limit) = (&partition.settings.cleanup, partition.high_watermark);
            if let Some(to) = log.clean(now, cleanup, limit, self.rules) {
                out.mark(Mark::LogCleaned);
                if log.dropped().iter().any(|dropped| dropped.why == Removal::Tombstone) {
                    out.mark(Mark::TombstoneRemoved);
                }
                out.note(Note::Cleaned { partition: id, to });
                self.changed.push(id);
            }
        }
    }

    fn delete_old_segments_of(&mut self, now: Now, id: TopicPartition, out: &mut Outbox) {
        let (log, partition) = (&mut self.store.logs[id], &self.partitions[id]);
        let (cleanup, limit) = (&partition.settings.cleanup, partition.high_watermark);
        let Some((from, why)) = log.delete_old_segments(now, cleanup, limit, self.rules) else {
            return;
        };
        match why {
            Removal::Age => out.mark(Mark::DeletedByAge),
            Removal::Size => out.mark(Mark::DeletedBySize),
            Removal::Superseded
            | Removal::Tombstone
            | Removal::Request
            | Removal::Topic
            | Removal::Leader => {}
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

    /// `DeleteRecords`, answered when the leader has done it: Kafka's waits until every living replica has.
    pub(super) fn delete_records(
        &mut self,
        request: DeleteRecordsRequest,
        out: &mut Outbox,
    ) -> ErrorCode {
        let id = request.partition;
        let (limit, start) = match self.led(id, None) {
            Ok((partition, log)) => (partition.high_watermark, log.start()),
            Err(error) => return error,
        };
        if id.topic == OFFSETS_TOPIC {
            return ErrorCode::InvalidTopicException;
        }
        let to = if request.before == Offset::UNKNOWN { limit } else { request.before };
        if to > limit || to < Offset::ZERO {
            return ErrorCode::OffsetOutOfRange;
        }
        if to > start {
            self.store.logs[id].advance_start(to, self.rules);
            out.mark(Mark::RecordsDeleted);
            out.note(Note::LogStart {
                partition: id,
                from: start,
                to,
                why: Removal::Request,
                role: ReplicaRole::Leader,
                high_watermark: limit,
            });
            self.changed.push(id);
        }
        ErrorCode::None
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

/// Whether a partition's log is compacted. That of `__consumer_offsets` is not, although Kafka's is: whoever loads it takes
/// the last record of each key anyway.
fn is_compacted(id: TopicPartition, cleanup: &Cleanup) -> bool {
    cleanup.policy.compacts() && id.topic != OFFSETS_TOPIC
}
