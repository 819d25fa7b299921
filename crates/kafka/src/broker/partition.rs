//! One local replica of a partition: its role, its high watermark, and, where it leads, its followers (`Partition`).
//!
//! Does not hold the log, which is durable and lives in the store, and does not answer anyone.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use smallvec::SmallVec;
use stormglass_types::{
    BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, Time, TopicPartition,
};

use super::replica::{Follower, Forget};
use crate::log::PartitionLog;
use crate::message::{AlterPartition, Isolation};
use crate::metadata::{Brokers, MetadataImage, PartitionRegistration, TopicUuid};
use crate::settings::{BrokerSettings, TopicSettings};
use crate::{ConnId, Rule, Rules, SyncToken};

/// A partition that this broker replicates.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) id: TopicPartition,
    pub(super) topic: TopicUuid,
    pub(super) settings: Arc<TopicSettings>,
    pub(super) replicas: Brokers,
    pub(super) leader: Option<BrokerId>,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) partition_epoch: PartitionEpoch,
    /// The log end when the present epoch began here; none unless this broker leads.
    pub(super) epoch_start: Option<Offset>,
    pub(super) high_watermark: Offset,
    /// The other replicas; empty unless this broker leads.
    pub(super) followers: SmallVec<[Follower; 3]>,
    /// The in-sync replicas as last committed; empty unless this broker leads.
    pub(super) isr: Brokers,
    /// A change of the in-sync replicas that the controller has not decided about.
    pub(super) pending: Option<IsrChange>,
    pub(super) asked: Asked,
    /// Appends under `acks=all` that wait for the high watermark, in the order of what they need.
    pub(super) waiters: VecDeque<Waiter>,
    /// Connections whose fetch sessions hold this partition.
    pub(super) watchers: SmallVec<[Watcher; 6]>,
    pub(super) flush: Flush,
}

/// A change of the in-sync replicas, proposed but not decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum IsrChange {
    /// This follower is to enter.
    Expand(BrokerId),
    /// These followers are to leave.
    Shrink(Brokers),
}

/// Whether a proposal is on its way to the controller. Its answer counts only for the change that is pending still; until it
/// is there, no other is made (`OPERATION_NOT_ATTEMPTED`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// None is.
    Nothing,
    /// The pending change.
    Pending,
    /// One that metadata have made void since.
    Outdated,
}

/// One batch of a parked produce request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    /// The high watermark that it needs.
    pub(super) required: Offset,
    pub(super) conn: ConnId,
    /// Which parked request of the connection.
    pub(super) serial: u64,
    /// Which of its results.
    pub(super) index: usize,
}

/// A connection that fetches the partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Watcher {
    pub(super) conn: ConnId,
    pub(super) reads: Reads,
}

/// Up to where a fetch may read (`FetchIsolation`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reads {
    /// A consumer: to the high watermark.
    Committed,
    /// A consumer of committed transactions: to the last stable offset, which is never above the high watermark.
    Stable,
    /// A follower: to the log end.
    Everything,
}

impl Reads {
    /// What a reader may see, given whether it is a follower.
    pub(super) const fn of(is_replica: bool, isolation: Isolation) -> Self {
        match (is_replica, isolation) {
            (true, _) => Self::Everything,
            (false, Isolation::Uncommitted) => Self::Committed,
            (false, Isolation::Committed) => Self::Stable,
        }
    }
}

/// `flush.messages`: which appends still wait for the disk.
#[derive(Clone, Default, Debug)]
pub(super) struct Flush {
    /// Records since the last flush was asked for.
    pub(super) records: u64,
    /// The first append that asks for a flush, until that begins.
    pub(super) due: Option<Offset>,
    /// Flushes under way with the first offset each one covers.
    pub(super) under_way: VecDeque<(SyncToken, Offset)>,
}

impl Flush {
    /// Counts an append at `base`; tells whether it must be flushed before it counts as written.
    pub(super) fn appended(&mut self, base: Offset, count: u32, every: Option<u64>) -> bool {
        let Some(every) = every else { return false };
        self.records += u64::from(count);
        if self.records < every {
            return false;
        }
        self.records = 0;
        self.due.get_or_insert(base);
        true
    }

    fn covered(&self) -> Option<Offset> {
        self.under_way.front().map(|(_, from)| *from).or(self.due)
    }
}

/// What a leader looks at beyond its partition to decide about replicas.
#[derive(Clone, Copy)]
pub(super) struct Cluster<'a> {
    pub(super) now: Time,
    pub(super) me: BrokerId,
    pub(super) my_epoch: Option<BrokerEpoch>,
    pub(super) image: &'a MetadataImage,
    pub(super) settings: &'a BrokerSettings,
    pub(super) rules: Rules,
}

impl Cluster<'_> {
    /// Whether a replica may enter the in-sync set (`isReplicaIsrEligible`).
    fn admits(&self, follower: &Follower) -> bool {
        let active =
            !self.rules.on(Rule::IsrNeedsActiveBrokers) || self.image.is_active(follower.broker);
        active
            && (!self.rules.on(Rule::AlterPartitionBrokerEpoch)
                || follower.epoch.is_some_and(|epoch| {
                    let registered = self.image.brokers.get(&follower.broker);
                    epoch == UNCHECKED || registered.is_some_and(|known| known.epoch == epoch)
                }))
    }
}

/// A broker epoch that nobody compares.
pub(super) const UNCHECKED: BrokerEpoch = BrokerEpoch(-1);

impl Partition {
    /// A replica of which only the log and the checkpoint are known.
    pub(super) fn new(
        id: TopicPartition,
        topic: TopicUuid,
        settings: Arc<TopicSettings>,
        high_watermark: Offset,
    ) -> Self {
        Self {
            id,
            topic,
            settings,
            replicas: Brokers::new(),
            leader: None,
            leader_epoch: LeaderEpoch::NONE,
            partition_epoch: PartitionEpoch(-1),
            epoch_start: None,
            high_watermark,
            followers: SmallVec::new(),
            isr: Brokers::new(),
            pending: None,
            asked: Asked::Nothing,
            waiters: VecDeque::new(),
            watchers: SmallVec::new(),
            flush: Flush::default(),
        }
    }

    /// `min.insync.replicas`, but never more than there are replicas.
    pub(super) fn min_isr(&self) -> usize {
        usize::from(self.settings.min_insync_replicas).min(self.replicas.len())
    }

    /// How many replicas would be in sync if the pending change were made, unless that removes some (KIP-497).
    pub(super) fn maximal_isr_len(&self) -> usize {
        match self.pending {
            Some(IsrChange::Expand(_)) => self.isr.len() + 1,
            Some(IsrChange::Shrink(_)) | None => self.isr.len(),
        }
    }

    fn is_in_maximal_isr(&self, broker: BrokerId) -> bool {
        self.isr.contains(&broker) || self.pending == Some(IsrChange::Expand(broker))
    }

    /// How an append that needs `required` ends, if it can be told yet (`checkEnoughReplicasReachOffset`).
    pub(super) fn acknowledgement(&self, required: Offset) -> Option<Replicated> {
        if self.high_watermark < required {
            return None;
        }
        Some(if self.maximal_isr_len() >= self.min_isr() {
            Replicated::Enough
        } else {
            Replicated::TooFew
        })
    }

    /// The log end that counts for the high watermark: what must be flushed counts once it is.
    fn written_end(&self, log: &PartitionLog) -> Offset {
        self.flush.covered().unwrap_or_else(|| log.end()).min(log.end())
    }

    /// The high watermark that the followers' positions allow, if it is another one (`maybeIncrementLeaderHW`).
    pub(super) fn next_high_watermark(
        &self,
        log: &PartitionLog,
        cluster: &Cluster<'_>,
    ) -> Option<Offset> {
        let rules = cluster.rules;
        if rules.on(Rule::HighWatermarkNeedsMinIsr) && self.isr.len() < self.min_isr() {
            return None;
        }
        let mut lowest = self.written_end(log);
        for follower in &self.followers {
            if follower.end < lowest && self.waits_for(follower, log.end(), cluster) {
                lowest = follower.end;
            }
        }
        if rules.on(Rule::HighWatermarkMonotonic) {
            (lowest > self.high_watermark).then_some(lowest)
        } else {
            let lowest = lowest.max(log.start());
            (lowest != self.high_watermark).then_some(lowest)
        }
    }

    /// A replica that is about to enter the in-sync set holds the high watermark back, or it could never reach it.
    fn waits_for(&self, follower: &Follower, leader_end: Offset, cluster: &Cluster<'_>) -> bool {
        if !cluster.rules.on(Rule::MaximalIsr) {
            return self.isr.contains(&follower.broker);
        }
        let most_lag = cluster.settings.replica_lag_time_max;
        self.is_in_maximal_isr(follower.broker)
            || (follower.is_caught_up(cluster.now, leader_end, most_lag)
                && (cluster.admits(follower) || !cluster.rules.on(Rule::StoppingHoldsNothingUp)))
    }

    /// Whether a follower is to enter the in-sync set (`needsExpandIsr`).
    pub(super) fn wants_in(&self, follower: &Follower, cluster: &Cluster<'_>) -> bool {
        self.may_propose()
            && !self.isr.contains(&follower.broker)
            && follower.end >= self.high_watermark
            && (!cluster.rules.on(Rule::IsrJoinNeedsEpochStart)
                || self.epoch_start.is_some_and(|start| follower.end >= start))
            && cluster.admits(follower)
    }

    /// The members of the in-sync set that lag (`getOutOfSyncReplicas`).
    pub(super) fn laggards(&self, leader_end: Offset, cluster: &Cluster<'_>) -> Brokers {
        if !self.may_propose() {
            return Brokers::new();
        }
        let lags = |broker: &BrokerId| {
            let most_lag = cluster.settings.replica_lag_time_max;
            *broker != cluster.me
                && self.follower(*broker).is_none_or(|follower| {
                    !follower.is_caught_up(cluster.now, leader_end, most_lag)
                })
        };
        self.isr.iter().copied().filter(lags).collect()
    }

    pub(super) fn follower(&self, broker: BrokerId) -> Option<&Follower> {
        self.followers.iter().find(|follower| follower.broker == broker)
    }

    fn may_propose(&self) -> bool {
        self.pending.is_none() && self.asked == Asked::Nothing
    }

    /// Metadata replace whatever is pending.
    fn outdate(&mut self, rules: Rules) {
        if self.pending.take().is_some() && self.asked == Asked::Pending {
            self.asked = if rules.on(Rule::OutdatedChangeIsAwaited) {
                Asked::Outdated
            } else {
                Asked::Nothing
            };
        }
    }

    /// What to ask of the controller for a change.
    pub(super) fn proposal(&self, change: &IsrChange, cluster: &Cluster<'_>) -> AlterPartition {
        let (entering, leaving) = match change {
            IsrChange::Expand(broker) => (Some(*broker), None),
            IsrChange::Shrink(leaving) => (None, Some(leaving)),
        };
        let stays = |broker: &BrokerId| leaving.is_none_or(|leaving| !leaving.contains(broker));
        let members = self.isr.iter().copied().filter(stays).chain(entering);
        let isr = members.map(|broker| (broker, self.known_epoch(broker, cluster))).collect();
        AlterPartition {
            partition: self.id,
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            isr,
        }
    }

    /// The life in which a replica was seen; members that did not fetch yet go unchecked (`addBrokerEpochToIsr`).
    fn known_epoch(&self, broker: BrokerId, cluster: &Cluster<'_>) -> BrokerEpoch {
        if !cluster.rules.on(Rule::AlterPartitionBrokerEpoch) {
            return UNCHECKED;
        }
        let known = if broker == cluster.me {
            cluster.my_epoch
        } else {
            self.follower(broker).and_then(|follower| follower.epoch)
        };
        known.unwrap_or(UNCHECKED)
    }

    /// Begins to lead, or goes on in a new epoch or with other in-sync replicas. Tells whether the epoch is new; the caller
    /// has seen that the registration is not an old one.
    pub(super) fn lead(
        &mut self,
        registration: &PartitionRegistration,
        log: &mut PartitionLog,
        cluster: &Cluster<'_>,
    ) -> bool {
        let is_new_leader = self.leader != Some(cluster.me);
        let is_new_epoch = registration.leader_epoch > self.leader_epoch;
        self.replicas.clone_from(&registration.replicas);
        self.isr.clone_from(&registration.isr);
        // Metadata may repeat what the answer to a change has told already; the next change may be on its way by then.
        let is_newer = registration.partition_epoch > self.partition_epoch || is_new_epoch;
        if is_newer || !cluster.rules.on(Rule::ReplayKeepsPending) {
            self.outdate(cluster.rules);
        }
        self.followers.retain(|follower| registration.replicas.contains(&follower.broker));
        for broker in registration.replicas.iter().filter(|broker| **broker != cluster.me) {
            if self.follower(*broker).is_none() {
                self.followers.push(Follower::new(*broker));
            }
        }
        if is_new_epoch {
            let start = log.end();
            if cluster.rules.on(Rule::LeaderNotesEpoch) {
                log.assign_epoch(registration.leader_epoch, start);
            }
            // Positions kept from an earlier epoch may name records that another leader has cut off meanwhile.
            let forget = if is_new_leader || cluster.rules.on(Rule::FollowersResetOnEpoch) {
                Forget::Everything
            } else {
                Forget::Times
            };
            for follower in &mut self.followers {
                let in_sync = registration.isr.contains(&follower.broker);
                follower.reset(start, in_sync.then_some(cluster.now), forget);
            }
            self.leader_epoch = registration.leader_epoch;
            self.epoch_start = Some(start);
        }
        self.partition_epoch = registration.partition_epoch;
        self.leader = Some(cluster.me);
        is_new_epoch
    }

    /// Begins to follow, or to wait for a leader. Tells whether the epoch is new.
    pub(super) fn follow(&mut self, registration: &PartitionRegistration, rules: Rules) -> bool {
        let is_new_epoch = registration.leader_epoch > self.leader_epoch;
        self.leader = registration.leader;
        self.leader_epoch = registration.leader_epoch;
        self.partition_epoch = registration.partition_epoch;
        self.epoch_start = None;
        self.replicas.clone_from(&registration.replicas);
        self.followers.clear();
        self.isr.clear();
        self.outdate(rules);
        is_new_epoch
    }
}

/// Whether enough replicas have an append once the high watermark has passed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Replicated {
    /// `min.insync.replicas` or more.
    Enough,
    /// Fewer.
    TooFew,
}
