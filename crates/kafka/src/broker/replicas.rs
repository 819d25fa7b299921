//! The local replicas of a broker and what they share: disk, metadata image, rules (`ReplicaManager`).
//!
//! Does not know connections. What others wait for is noted in `touched`; what the controller is to be asked, in `proposals`.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionMap, Time, TopicPartition,
};

use super::partition::{Asked, Cluster, IsrChange, Partition, Reads, UNCHECKED};
use super::throttle::Quota;
use crate::log::{AppendOutcome, BrokerStore, Origin, PartitionLog};
use crate::message::{AlterPartition, AlteredPartition, FetchedPartition};
use crate::metadata::MetadataImage;
use crate::note::ReplicaRole;
use crate::record::{Batch, Records};
use crate::settings::{BrokerSettings, TimestampType, TopicSettings};
use crate::{Mark, Note, Now, Outbox, Rule, Rules, SyncToken};

/// Everything that a broker replicates.
#[derive(Clone, Debug)]
pub(super) struct Replicas {
    pub(super) me: BrokerId,
    /// This broker's registration.
    pub(super) epoch: Option<BrokerEpoch>,
    pub(super) rules: Rules,
    pub(super) settings: Arc<BrokerSettings>,
    pub(super) image: Arc<MetadataImage>,
    pub(super) partitions: PartitionMap<Partition>,
    pub(super) store: BrokerStore,
    /// What changed while an input is handled, for whoever waits for it.
    pub(super) touched: VecDeque<(TopicPartition, Touched)>,
    /// A buffer of an answer that was not sent, for its memory.
    pub(super) spare: Vec<FetchedPartition>,
    /// What changed since fetch sessions looked at it.
    pub(super) changed: Vec<TopicPartition>,
    /// What the controller is to be asked once the input is handled.
    pub(super) proposals: VecDeque<AlterPartition>,
    /// Partitions whose appends ask for a flush (`flush.messages`).
    pub(super) flush_due: Vec<TopicPartition>,
    /// How many flushes of partitions are under way.
    pub(super) flushes: u32,
    /// What followers under a throttle were sent.
    pub(super) leader_quota: Quota,
    /// What this broker has copied under a throttle.
    pub(super) follower_quota: Quota,
}

/// What changed of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Touched {
    /// Its log has grown.
    Appended,
    /// Its high watermark has moved.
    HighWatermark,
    /// The log or the high watermark of a follower has changed, from which consumers read.
    Followed,
    /// This broker follows in a new epoch, or replicates it no more.
    NotLeading,
}

impl Replicas {
    pub(super) fn cluster(&self, now: Time) -> Cluster<'_> {
        Cluster {
            now,
            me: self.me,
            my_epoch: self.epoch,
            image: &self.image,
            settings: &self.settings,
            rules: self.rules,
        }
    }

    /// The partition and its log, if this broker leads it in the epoch that the asker knows (`localLogWithEpochOrThrow`).
    pub(super) fn led(
        &self,
        id: TopicPartition,
        known: Option<LeaderEpoch>,
    ) -> Result<(&Partition, &PartitionLog), ErrorCode> {
        let (partition, log) = self.replicated(id, known)?;
        if partition.leader != Some(self.me) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        Ok((partition, log))
    }

    /// The partition and its log, if this broker may serve a fetch of it: any replica serves consumers (KIP-392), but only the
    /// leader serves followers.
    pub(super) fn served(
        &self,
        id: TopicPartition,
        known: Option<LeaderEpoch>,
        reads: Reads,
    ) -> Result<(&Partition, &PartitionLog), ErrorCode> {
        match reads {
            Reads::Committed | Reads::Stable => self.replicated(id, known),
            Reads::Everything => self.led(id, known),
        }
    }

    /// The partition and its log, if this broker replicates it in the epoch that the asker knows.
    fn replicated(
        &self,
        id: TopicPartition,
        known: Option<LeaderEpoch>,
    ) -> Result<(&Partition, &PartitionLog), ErrorCode> {
        let Some(partition) = self.partitions.get(id) else {
            return Err(self.absence(id));
        };
        if let Some(known) = known
            && known != partition.leader_epoch
            && self.rules.on(Rule::FetchEpochFencing)
        {
            return Err(if known < partition.leader_epoch {
                ErrorCode::FencedLeaderEpoch
            } else {
                ErrorCode::UnknownLeaderEpoch
            });
        }
        if !partition.replicas.contains(&self.me) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        Ok((partition, &self.store.logs[id]))
    }

    /// Why a partition is not here.
    fn absence(&self, id: TopicPartition) -> ErrorCode {
        if self.image.partitions.contains(id) {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    /// Up to where a reader may read.
    pub(super) fn readable_end(
        &self,
        partition: &Partition,
        log: &PartitionLog,
        reads: Reads,
    ) -> Offset {
        match reads {
            Reads::Committed if self.rules.on(Rule::ConsumersReadCommitted) => {
                partition.high_watermark
            }
            Reads::Stable if !self.rules.on(Rule::StopsBeforeOpenTransactions) => {
                partition.high_watermark
            }
            Reads::Stable => log.last_stable(partition.high_watermark),
            Reads::Committed | Reads::Everything => log.end(),
        }
    }

    /// Appends as leader (`Partition.appendRecordsToLeader`).
    pub(super) fn append(
        &mut self,
        now: Now,
        id: TopicPartition,
        mut batch: Batch,
        acks: Acks,
        origin: Origin,
        out: &mut Outbox,
    ) -> Result<AppendOutcome, ErrorCode> {
        self.led(id, None)?;
        let partition = &mut self.partitions[id];
        if acks == Acks::All
            && partition.isr.len() < partition.min_isr()
            && self.rules.on(Rule::MinIsrBeforeAppend)
        {
            out.mark(Mark::NotEnoughReplicas);
            return Err(ErrorCode::NotEnoughReplicas);
        }
        if batch.bytes > partition.settings.max_message_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        if let Some(codec) = partition.settings.compression.target(batch.packing.codec) {
            out.mark(Mark::BatchRepacked);
            batch.repack(codec);
            if batch.bytes > partition.settings.max_message_bytes {
                return Err(ErrorCode::MessageTooLarge);
            }
        }
        // A record without a key could never be compacted (`LogValidator.validateKey`).
        if partition.settings.cleanup.policy.compacts() && lacks_a_key(&batch.records) {
            return Err(ErrorCode::InvalidRecord);
        }
        match partition.settings.timestamp_type {
            TimestampType::CreateTime => check_timestamp(now, &batch, &partition.settings, out)?,
            TimestampType::LogAppendTime => batch.timestamp = now.wall,
        }
        let (values, stamp, count) = (batch.values(), batch.stamp, batch.count);
        let epoch = partition.leader_epoch;
        let log = &mut self.store.logs[id];
        let outcome = log.append_as_leader(batch, epoch, origin, self.rules, out)?;
        if let AppendOutcome::Appended { base, .. } = outcome {
            out.note(Note::Appended { partition: id, base, epoch, values, stamp, count });
            if partition.flush.appended(base, count, partition.settings.flush_messages) {
                self.flush_due.push(id);
            }
            self.touch(id, Touched::Appended);
            self.advance(now.mono, id, out);
        }
        Ok(outcome)
    }

    /// Moves the high watermark of a partition led here as far as the replicas allow.
    pub(super) fn advance(&mut self, now: Time, id: TopicPartition, out: &mut Outbox) {
        let partition = &self.partitions[id];
        let log = &self.store.logs[id];
        let Some(to) = partition.next_high_watermark(log, &self.cluster(now)) else { return };
        self.set_high_watermark(id, to, ReplicaRole::Leader, out);
        self.touch(id, Touched::HighWatermark);
    }

    pub(super) fn touch(&mut self, id: TopicPartition, touched: Touched) {
        self.touched.push_back((id, touched));
        if self.changed.last() != Some(&id) {
            self.changed.push(id);
        }
    }

    pub(super) fn set_high_watermark(
        &mut self,
        id: TopicPartition,
        to: Offset,
        role: ReplicaRole,
        out: &mut Outbox,
    ) {
        let partition = &mut self.partitions[id];
        partition.high_watermark = to;
        let epoch = partition.leader_epoch;
        out.note(Note::HighWatermark { partition: id, to, role, epoch });
    }

    /// Takes in how far a follower is (`updateFollowerFetchState`).
    pub(super) fn on_follower_fetch(
        &mut self,
        now: Time,
        id: TopicPartition,
        (broker, epoch): (BrokerId, BrokerEpoch),
        offset: Offset,
        out: &mut Outbox,
    ) -> Result<(), ErrorCode> {
        // A request of the replica's former life says nothing about the present one (KIP-903).
        if self.rules.on(Rule::AlterPartitionBrokerEpoch)
            && epoch != UNCHECKED
            && self.image.brokers.get(&broker).is_some_and(|known| known.epoch > epoch)
            && self.image.is_alive(broker)
        {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let leader_end = self.store.logs[id].end();
        let partition = &mut self.partitions[id];
        let at = partition.followers.iter().position(|follower| follower.broker == broker);
        let at = at.expect("the reader was found among the replicas");
        let follower = &mut partition.followers[at];
        let before = follower.end;
        follower.on_fetch(now, offset, leader_end, epoch);
        if !partition.isr.contains(&broker) {
            self.maybe_expand_isr(now, id, at);
        }
        if before != offset {
            self.advance(now, id, out);
        }
        Ok(())
    }

    fn maybe_expand_isr(&mut self, now: Time, id: TopicPartition, at: usize) {
        let partition = &self.partitions[id];
        let follower = &partition.followers[at];
        if partition.wants_in(follower, &self.cluster(now)) {
            let change = IsrChange::Expand(follower.broker);
            self.propose(now, id, change);
        }
    }

    fn propose(&mut self, now: Time, id: TopicPartition, change: IsrChange) {
        let proposal = self.partitions[id].proposal(&change, &self.cluster(now));
        self.partitions[id].pending = Some(change);
        self.partitions[id].asked = Asked::Pending;
        self.proposals.push_back(proposal);
    }

    /// Proposes to drop replicas that lag (`maybeShrinkIsr`, on a timer).
    pub(super) fn shrink_isrs(&mut self, now: Time) {
        let led: Vec<TopicPartition> = self.led_partitions().collect();
        for id in led {
            let leader_end = self.store.logs[id].end();
            let leaving = self.partitions[id].laggards(leader_end, &self.cluster(now));
            if !leaving.is_empty() {
                self.propose(now, id, IsrChange::Shrink(leaving));
            }
        }
    }

    pub(super) fn led_partitions(&self) -> impl Iterator<Item = TopicPartition> {
        let leads = |partition: &Partition| partition.leader == Some(self.me);
        self.partitions.iter().filter(move |(_, partition)| leads(partition)).map(|(id, _)| id)
    }

    /// Takes the controller's decision about a change in (`Partition.submitAlterPartition`).
    pub(super) fn on_altered(
        &mut self,
        now: Time,
        id: TopicPartition,
        result: Result<AlteredPartition, ErrorCode>,
        out: &mut Outbox,
    ) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        self.changed.push(id);
        if core::mem::replace(&mut partition.asked, Asked::Nothing) != Asked::Pending {
            return;
        }
        let Some(change) = &partition.pending else { return };
        match result {
            Ok(altered) => {
                // The same epoch tells that there was nothing to change.
                let old = if self.rules.on(Rule::NothingToDoIsDone) {
                    altered.partition_epoch < partition.partition_epoch
                } else {
                    altered.partition_epoch <= partition.partition_epoch
                };
                let stale = old || altered.leader_epoch != partition.leader_epoch;
                if stale {
                    return;
                }
                out.mark(match change {
                    IsrChange::Expand(_) => Mark::IsrExpanded,
                    IsrChange::Shrink(_) => Mark::IsrShrunk,
                });
                partition.pending = None;
                partition.isr = altered.isr.into_iter().collect();
                partition.partition_epoch = altered.partition_epoch;
                if self.rules.on(Rule::HighWatermarkAfterIsr) {
                    self.advance(now, id, out);
                }
            }
            // The controller says that the epoch is right and the change was not made.
            Err(ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica) => {
                partition.pending = None;
            }
            // Whatever it did, metadata will tell.
            Err(_) => {}
        }
    }

    /// Proposes a change again that got no decision.
    pub(super) fn retry_proposal(&mut self, now: Time, id: TopicPartition) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        if partition.asked != Asked::Pending {
            partition.asked = Asked::Nothing;
            return;
        }
        let partition = &self.partitions[id];
        let Some(change) = &partition.pending else { return };
        let proposal = partition.proposal(change, &self.cluster(now));
        self.proposals.push_back(proposal);
    }

    /// Cuts a follower's log, lowering the high watermark with it. Returns the log end.
    pub(super) fn truncate(
        &mut self,
        id: TopicPartition,
        to: Offset,
        mark: Mark,
        out: &mut Outbox,
    ) -> Offset {
        let log = &mut self.store.logs[id];
        let before = log.end();
        log.truncate_to(to.max(log.start()), self.rules);
        let end = log.end();
        let high_watermark = self.partitions[id].high_watermark;
        if end < before {
            out.mark(mark);
            out.note(Note::Truncated { partition: id, from: before, to: end, high_watermark });
        }
        if end < high_watermark {
            out.mark(Mark::TruncatedBelowHighWatermark);
            self.set_high_watermark(id, end, ReplicaRole::Follower, out);
        }
        self.touch_if_watched(id);
        end
    }

    /// Raises a follower's high watermark to what its leader said, whatever its log holds there. Tells whether it was lower.
    pub(super) fn believe_high_watermark(
        &mut self,
        id: TopicPartition,
        told: Offset,
        out: &mut Outbox,
    ) -> bool {
        let to = told.min(self.store.logs[id].end());
        let is_news = to > self.partitions[id].high_watermark;
        if is_news {
            self.set_high_watermark(id, to, ReplicaRole::Follower, out);
            self.touch_if_watched(id);
        }
        is_news
    }

    /// Lets the consumers know that read from this follower.
    pub(super) fn touch_if_watched(&mut self, id: TopicPartition) {
        if !self.partitions[id].watchers.is_empty() {
            self.touch(id, Touched::Followed);
        }
    }

    /// Begins the flushes that appends have asked for; one sync covers them all.
    pub(super) fn begin_flushes(&mut self, out: &mut Outbox) -> Option<SyncToken> {
        if self.flush_due.is_empty() {
            return None;
        }
        let token = self.begin_sync(out);
        for id in core::mem::take(&mut self.flush_due) {
            if let Some(partition) = self.partitions.get_mut(id)
                && let Some(from) = partition.flush.due.take()
            {
                partition.flush.under_way.push_back((token, from));
                self.flushes += 1;
            }
        }
        Some(token)
    }

    pub(super) fn begin_sync(&mut self, out: &mut Outbox) -> SyncToken {
        let token = out.sync();
        self.store.begin_sync(token);
        token
    }

    /// Takes the end of a sync in: appends that waited for it count from now on.
    pub(super) fn on_synced(&mut self, now: Time, token: SyncToken, out: &mut Outbox) {
        self.store.finish_sync(token);
        if self.flushes == 0 {
            return;
        }
        let mut flushed = Vec::new();
        for (id, partition) in self.partitions.iter_mut() {
            let before = partition.flush.under_way.len();
            partition.flush.under_way.retain(|(of, _)| *of != token);
            if partition.flush.under_way.len() < before {
                self.flushes -= 1;
                flushed.push(id);
            }
        }
        for id in flushed {
            if self.partitions[id].leader == Some(self.me) {
                self.advance(now, id, out);
            }
        }
    }

    /// Writes every high watermark to the checkpoint.
    pub(super) fn checkpoint(&mut self) {
        for (id, partition) in self.partitions.iter() {
            self.store.checkpoints.insert(id, partition.high_watermark);
        }
    }
}

/// `message.timestamp.before.max.ms`, `message.timestamp.after.max.ms` (`LogValidator.validateTimestamp`). Batches know their
/// largest timestamp only.
fn check_timestamp(
    now: Now,
    batch: &Batch,
    settings: &TopicSettings,
    out: &mut Outbox,
) -> Result<(), ErrorCode> {
    let ahead = batch.timestamp.0.saturating_sub(now.wall.0);
    let limit =
        if ahead > 0 { settings.timestamp_after_max } else { settings.timestamp_before_max };
    if limit.is_some_and(|limit| ahead.unsigned_abs() > limit.as_millis())
        && batch.values().is_some()
    {
        out.mark(Mark::TimestampRefused);
        return Err(ErrorCode::InvalidTimestamp);
    }
    Ok(())
}

fn lacks_a_key(records: &Records) -> bool {
    match records {
        Records::Keyed(keyed) => keyed.keys.iter().any(|record| record.key.is_none()),
        // Who did not know that the topic is compacted carries no keys.
        Records::Values(_) => true,
        Records::Group(_) | Records::Transaction(_) | Records::Marker(..) => false,
    }
}
