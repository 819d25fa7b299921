//! White-box invariants: what must be true inside, looked at whenever a machine notes something.
//!
//! They see machines, the oracles do not; the two must agree. A breach here under the full rules is a bug of ours.

mod followers;
mod groups;
mod quorum;

use std::collections::BTreeMap;
use std::fmt;

use stormglass_kafka::Note;
use stormglass_kafka::log::PartitionLog;
use stormglass_kafka::message::MetadataOffset;
use stormglass_kafka::note::ReplicaRole;
use stormglass_types::history::{Election, Removal};
use stormglass_types::{
    BrokerEpoch, BrokerId, Generation, GroupId, IdVec, LeaderEpoch, MemberId, NodeId, Offset,
    PartitionMap, Time, TopicId, TopicPartition,
};

use super::node::{Node, Slot};
use crate::plan::{Plan, Roster};

/// An invariant that did not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breach {
    /// When.
    pub at: Time,
    /// At which process.
    pub node: NodeId,
    /// Of which partition; none if it is about the metadata log.
    pub partition: Option<TopicPartition>,
    /// What was wrong.
    pub kind: BreachKind,
}

/// What was wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreachKind {
    /// Two brokers led a partition in one epoch.
    TwoLeaders {
        /// In which epoch.
        epoch: LeaderEpoch,
        /// The first that did.
        first: BrokerId,
    },
    /// A leader's epoch was not newer than an epoch known before.
    EpochWentBack {
        /// The newest before.
        before: LeaderEpoch,
        /// The one noted.
        now: LeaderEpoch,
    },
    /// A leader lowered its high watermark.
    HighWatermarkWentBack {
        /// Where it was.
        before: Offset,
        /// Where it went.
        now: Offset,
    },
    /// A leader's high watermark lay beyond the log end of an in-sync replica.
    BeyondInSyncReplica {
        /// The high watermark.
        high_watermark: Offset,
        /// The replica.
        replica: BrokerId,
        /// Where its log ends.
        end: Offset,
    },
    /// A leader's high watermark lay beyond the place where the log of an in-sync replica parts from its own.
    BeyondDivergence {
        /// The high watermark.
        high_watermark: Offset,
        /// The replica.
        replica: BrokerId,
    },
    /// A follower's high watermark lay beyond the place where its log parts from its leader's.
    FollowerBeyondDivergence {
        /// The high watermark.
        high_watermark: Offset,
    },
    /// A replica was in sync, and so fit to lead, without records that were committed.
    IncompleteInSync {
        /// The largest high watermark that any leader had reached.
        committed: Offset,
        /// The replica.
        replica: BrokerId,
        /// Where its log ends.
        end: Offset,
    },
    /// A broker lost records in one life and was still in sync in the next one.
    KeptInSync {
        /// The broker.
        replica: BrokerId,
    },
    /// A new leader lacked records that were committed.
    IncompleteLeader {
        /// The largest high watermark that any leader had reached.
        committed: Offset,
        /// Where the new leader's log ends.
        end: Offset,
    },
    /// The controller held a broker in sync beside others, or let it lead, although it was fenced, stopping, or new in its
    /// present life.
    InactiveInSync {
        /// The broker.
        replica: BrokerId,
    },
    /// A leader moved its high watermark although it knew of fewer in-sync replicas than `min.insync.replicas`.
    TooFewInSync {
        /// How many it knew of.
        in_sync: usize,
        /// How many the topic asks for.
        wanted: usize,
    },
    /// A log began later than what was committed.
    StartBeyondHighWatermark {
        /// Where it began.
        start: Offset,
        /// Its high watermark.
        high_watermark: Offset,
    },
    /// A partition was given to two members in one generation.
    TwoOwners {
        /// Of which group.
        group: GroupId,
        /// In which generation.
        generation: Generation,
        /// The first member.
        first: MemberId,
        /// The second.
        second: MemberId,
    },
    /// Two voters led the quorum of controllers in one epoch.
    TwoQuorumLeaders {
        /// In which epoch.
        epoch: LeaderEpoch,
        /// The first that did.
        first: NodeId,
    },
    /// A new leader of the quorum lacked metadata that were committed.
    IncompleteQuorumLeader {
        /// How far any controller took the log for committed.
        committed: MetadataOffset,
        /// Where the new leader's log ends.
        end: MetadataOffset,
    },
    /// Two controllers took different records for the committed one at a place of the metadata log.
    MetadataChanged {
        /// Where.
        offset: MetadataOffset,
    },
    /// A committed offset lay beyond the end of the partition.
    CommitBeyondEnd {
        /// Of which group.
        group: GroupId,
        /// The committed offset.
        committed: Offset,
        /// The largest log end seen.
        end: Offset,
    },
}

/// What the invariants remember.
#[derive(Clone, Debug)]
pub(crate) struct Observer {
    partitions: PartitionMap<Seen>,
    groups: IdVec<GroupId, Owned>,
    offsets_partitions: u16,
    metadata: quorum::Metadata,
    breaches: Vec<Breach>,
}

#[derive(Clone, Default, Debug)]
struct Seen {
    leaders: BTreeMap<LeaderEpoch, BrokerId>,
    /// The largest high watermark that any leader reached: everything below is committed.
    committed: Offset,
    /// The present leader's high watermark, and in which epoch it was noted.
    high_watermark: Offset,
    high_watermark_epoch: LeaderEpoch,
    /// The largest end of a leader's log.
    end: Offset,
    /// The in-sync replicas as the controller committed them; bit `n` is broker `n`.
    in_sync: u64,
    /// A crash took records, or an unclean election gave them up: less is promised from then on.
    excused: bool,
    /// Up to where leaders have deleted, and why a replica did so last.
    removed: Offset,
    why_removed: Option<Removal>,
    /// Whose crashes took records while the controller did not hold them in sync, and in which life.
    hurt: Vec<(BrokerId, Option<BrokerEpoch>)>,
    /// Whose crashes took records while they were in sync, and in which life, until they have left the set.
    to_leave: Vec<(BrokerId, Option<BrokerEpoch>)>,
}

#[derive(Clone, Default, Debug)]
struct Owned {
    generation: Generation,
    grants: PartitionMap<MemberId>,
    /// Who has what in the books of a coordinator of the consumer protocol.
    held: PartitionMap<MemberId>,
    /// Up to where these were read.
    booked: Offset,
    owners: PartitionMap<NodeId>,
    /// Where members began to read: a committed offset, or wherever a reset led them.
    positions: PartitionMap<Offset>,
    /// The furthest that the coordinator has committed. A commit that was on its way for long may take the offset back
    /// behind it; nobody waits because of that.
    committed: PartitionMap<Offset>,
}

/// Enough to tell what went wrong; a broken rule can breach thousands of times.
const MOST_BREACHES: usize = 64;

impl Observer {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            partitions: PartitionMap::new(),
            groups: plan.groups.iter().map(|_| Owned::default()).collect(),
            offsets_partitions: plan.cluster.settings.offsets_topic_partitions,
            metadata: quorum::Metadata::default(),
            breaches: Vec::new(),
        }
    }

    pub(crate) fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Looks at what a machine noted.
    pub(crate) fn on_note(
        &mut self,
        at: Time,
        node: NodeId,
        note: Note,
        slots: &IdVec<NodeId, Slot>,
        roster: &Roster,
    ) {
        match note {
            Note::BecameLeader { partition, epoch, start } => {
                self.on_leader(at, node, partition, epoch, start, roster);
            }
            Note::Appended { partition, base, count, .. } => {
                let seen = self.partitions.get_or_insert_with(partition, Seen::default);
                seen.end = seen.end.max(base.plus(count));
            }
            Note::HighWatermark { partition, to, role: ReplicaRole::Leader, epoch } => {
                self.on_high_watermark(at, node, partition, to, epoch, slots, roster);
            }
            Note::HighWatermark { partition, to, role: ReplicaRole::Follower, .. } => {
                self.on_followed(at, node, partition, to, slots, roster);
            }
            Note::Truncated { .. }
            | Note::Refused { .. }
            | Note::Expanded { .. }
            | Note::Rebalanced { .. } => {}
            Note::LogStart { partition, to, high_watermark, .. } => {
                if to > high_watermark {
                    let kind = BreachKind::StartBeyondHighWatermark { start: to, high_watermark };
                    self.breach(at, node, partition, kind);
                }
            }
            // A broker may learn late that its replica is of a topic that is gone.
            Note::TopicDeleted { topic } => self.on_topic_deleted(topic),
            Note::ReplicaDeleted { .. } | Note::Cleaned { .. } => {}
            Note::Elected { partition, election, .. } => {
                let seen = self.partitions.get_or_insert_with(partition, Seen::default);
                seen.excused |= election == Election::Unclean;
            }
            Note::InSync { partition, replicas, .. } => {
                let seen = self.partitions.get_or_insert_with(partition, Seen::default);
                let before = std::mem::replace(&mut seen.in_sync, replicas);
                let controller = &slots[node];
                let kept = seen.to_leave.iter().find(|(broker, life)| {
                    // The last member of a set cannot leave it.
                    before.count_ones() > 1
                        && replicas.count_ones() > 1
                        && replicas & (1 << broker.0) != 0
                        && *life != registered_life(controller, *broker)
                        && in_sync_now(controller, partition) == Some(replicas)
                });
                let kept = kept.map(|(replica, _)| BreachKind::KeptInSync { replica: *replica });
                seen.to_leave.retain(|(broker, _)| {
                    replicas & (1 << broker.0) != 0 && replicas.count_ones() > 1 && kept.is_none()
                });
                if let Some(kind) = kept {
                    self.breach(at, node, partition, kind);
                }
                if let Some(replica) = inactive(&slots[node], partition, replicas) {
                    let kind = BreachKind::InactiveInSync { replica };
                    self.breach(at, node, partition, kind);
                }
                self.on_in_sync(at, node, partition, slots, roster);
            }
            Note::QuorumLeader { epoch, end } => {
                self.on_quorum_leader(at, node, epoch, end, slots);
            }
            Note::MetadataCommitted { offset, print } => {
                self.on_committed(at, node, offset, print);
            }
            Note::Granted { group, generation, member, partition } => {
                self.on_granted(at, node, group, generation, member, partition);
            }
            Note::GroupRemoved { group } => {
                let owned = &mut self.groups[group];
                owned.generation = Generation::NONE;
                owned.grants.clear();
                owned.held.clear();
            }
            Note::Released { group, member, up_to } => {
                if self.is_news(group, up_to) {
                    self.on_released(group, member);
                }
            }
            Note::Held { group, up_to, member, epoch, partition } => {
                if self.is_news(group, up_to) {
                    self.on_held(at, node, group, epoch, member, partition);
                }
            }
            Note::OffsetCommitted { group, partition, offset } => {
                let end = self.partitions.get(partition).map_or(Offset::ZERO, |seen| seen.end);
                let excused = self.partitions.get(partition).is_some_and(|seen| seen.excused);
                if offset > end && !excused {
                    let kind = BreachKind::CommitBeyondEnd { group, committed: offset, end };
                    self.breach(at, node, partition, kind);
                }
                let furthest =
                    self.groups[group].committed.get_or_insert_with(partition, || offset);
                *furthest = offset.max(*furthest);
            }
        }
    }

    fn on_leader(
        &mut self,
        at: Time,
        node: NodeId,
        partition: TopicPartition,
        epoch: LeaderEpoch,
        start: Offset,
        roster: &Roster,
    ) {
        let broker = roster.broker_at(node).expect("only brokers lead partitions");
        let seen = self.partitions.get_or_insert_with(partition, Seen::default);
        let newest = seen.leaders.last_key_value().map(|(epoch, _)| *epoch);
        let rival = seen.leaders.get(&epoch).copied().filter(|first| *first != broker);
        let first_time = seen.leaders.insert(epoch, broker).is_none();
        let committed = seen.committed;
        let excused = seen.excused;
        let latest = newest.is_none_or(|newest| epoch >= newest);
        if latest {
            seen.high_watermark = Offset::ZERO;
            seen.high_watermark_epoch = epoch;
            seen.end = seen.end.max(start);
        }
        if let Some(first) = rival {
            self.breach(at, node, partition, BreachKind::TwoLeaders { epoch, first });
        }
        if first_time && latest && start < committed && !excused {
            self.breach(
                at,
                node,
                partition,
                BreachKind::IncompleteLeader { committed, end: start },
            );
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one note's fields and what they are held against"
    )]
    fn on_high_watermark(
        &mut self,
        at: Time,
        node: NodeId,
        partition: TopicPartition,
        to: Offset,
        epoch: LeaderEpoch,
        slots: &IdVec<NodeId, Slot>,
        roster: &Roster,
    ) {
        let seen = self.partitions.get_or_insert_with(partition, Seen::default);
        if epoch != seen.high_watermark_epoch {
            // A leader that does not know yet that it was replaced cannot commit anything new.
            return;
        }
        let before = seen.high_watermark;
        let (in_sync, excused) = (seen.in_sync, seen.excused);
        seen.high_watermark = to;
        seen.committed = seen.committed.max(to);
        if to < before {
            let kind = BreachKind::HighWatermarkWentBack { before, now: to };
            self.breach(at, node, partition, kind);
        }
        if let Some((in_sync, wanted)) = too_few(&slots[node], partition) {
            self.breach(at, node, partition, BreachKind::TooFewInSync { in_sync, wanted });
        }
        if excused {
            return;
        }
        let here = slots[node].broker_store().and_then(|store| store.logs.get(partition));
        let last = here.and_then(|log| epoch_below(log, to));
        for (broker, other) in roster.brokers() {
            if in_sync & (1 << broker.0) == 0 || other == node {
                continue;
            }
            let log = slots[other].broker_store().and_then(|store| store.logs.get(partition));
            let end = log.map_or(Offset::ZERO, PartitionLog::end);
            if end < to {
                let kind =
                    BreachKind::BeyondInSyncReplica { high_watermark: to, replica: broker, end };
                self.breach(at, node, partition, kind);
            } else if last
                .zip(log.and_then(|log| epoch_below(log, to)))
                .is_some_and(|(a, b)| a != b)
            {
                let kind = BreachKind::BeyondDivergence { high_watermark: to, replica: broker };
                self.breach(at, node, partition, kind);
            }
        }
    }

    /// Everything begins anew for a topic; with who may not have heard of it yet, less can be said of that.
    fn on_topic_deleted(&mut self, topic: TopicId) {
        let of_topic = |partition: &TopicPartition| partition.topic == topic;
        let gone: Vec<TopicPartition> = self.partitions.keys().filter(of_topic).collect();
        for partition in gone {
            self.partitions.insert(partition, Seen { excused: true, ..Seen::default() });
            for group in self.groups.iter_mut() {
                group.committed.remove(partition);
                group.positions.remove(partition);
            }
        }
    }

    /// A log begins at an offset. Tells from where on a leader has deleted what no leader before it had, and why.
    pub(crate) fn on_log_start(
        &mut self,
        partition: TopicPartition,
        start: Offset,
        why: Option<Removal>,
        leads: bool,
    ) -> Option<(Offset, Removal)> {
        let seen = self.partitions.get_or_insert_with(partition, Seen::default);
        match why {
            // It says nothing of the leader's reason.
            Some(Removal::Leader) | None => {}
            Some(own) => seen.why_removed = Some(own),
        }
        if !leads || start <= seen.removed {
            return None;
        }
        let from = std::mem::replace(&mut seen.removed, start);
        Some((from, seen.why_removed.unwrap_or(Removal::Leader)))
    }

    /// Whoever is in sync may be elected next.
    fn on_in_sync(
        &mut self,
        at: Time,
        node: NodeId,
        partition: TopicPartition,
        slots: &IdVec<NodeId, Slot>,
        roster: &Roster,
    ) {
        let Some(seen) = self.partitions.get_mut(partition) else { return };
        // A proposal may overtake the news that its subject is gone; in a new life it must not.
        let in_sync = seen.in_sync;
        seen.excused |= seen.hurt.iter().any(|(broker, life)| {
            in_sync & (1 << broker.0) != 0 && *life == registered_life(&slots[node], *broker)
        });
        if seen.excused {
            return;
        }
        // What a quorum commits at once is told at once: a set that was replaced within it elects nobody any more, and the life
        // whose end replaced it is not registered any more.
        if in_sync_now(&slots[node], partition).is_some_and(|present| present != in_sync) {
            return;
        }
        let committed = seen.committed;
        for (replica, node_of) in roster.brokers() {
            let log = slots[node_of].broker_store().and_then(|store| store.logs.get(partition));
            let end = log.map_or(Offset::ZERO, PartitionLog::end);
            if in_sync & (1 << replica.0) != 0 && end < committed {
                let kind = BreachKind::IncompleteInSync { committed, replica, end };
                self.breach(at, node, partition, kind);
            }
        }
    }

    /// A crash took records of a broker. Nobody relies on them unless it is in sync, or was about to be.
    pub(crate) fn on_log_lost(
        &mut self,
        partition: TopicPartition,
        broker: BrokerId,
        life: Option<BrokerEpoch>,
    ) {
        let seen = self.partitions.get_or_insert_with(partition, Seen::default);
        if seen.in_sync & (1 << broker.0) == 0 {
            seen.hurt.push((broker, life));
        } else {
            seen.to_leave.push((broker, life));
            seen.excused = true;
        }
    }

    pub(crate) fn on_positioned(&mut self, group: GroupId, partition: TopicPartition, at: Offset) {
        self.groups[group].positions.insert(partition, at);
    }

    /// A group keeps its offsets itself, and has come so far.
    pub(crate) fn on_stored(&mut self, group: GroupId, partition: TopicPartition, to: Offset) {
        let committed = self.groups[group].committed.get_or_insert_with(partition, || to);
        *committed = (*committed).max(to);
    }

    pub(crate) fn on_assigned(&mut self, group: GroupId, partition: TopicPartition, node: NodeId) {
        self.groups[group].owners.insert(partition, node);
    }

    pub(crate) fn on_given_up(&mut self, group: GroupId, partition: TopicPartition, node: NodeId) {
        let owners = &mut self.groups[group].owners;
        if owners.get(partition) == Some(&node) {
            owners.remove(partition);
        }
    }

    pub(crate) fn on_death(&mut self, node: NodeId) {
        for group in self.groups.iter_mut() {
            let gone: Vec<TopicPartition> = group
                .owners
                .iter()
                .filter(|(_, owner)| **owner == node)
                .map(|(partition, _)| partition)
                .collect();
            for partition in gone {
                group.owners.remove(partition);
            }
        }
    }

    pub(crate) fn owner(&self, group: GroupId, partition: TopicPartition) -> Option<NodeId> {
        self.groups[group].owners.get(partition).copied()
    }

    /// How far a group has come: what it committed, or where it began if it committed less.
    pub(crate) fn progress(&self, group: GroupId, partition: TopicPartition) -> Option<Offset> {
        let group = &self.groups[group];
        let committed = group.committed.get(partition).copied();
        committed.max(group.positions.get(partition).copied())
    }

    /// The present leader's high watermark.
    pub(crate) fn high_watermark(&self, partition: TopicPartition) -> Offset {
        self.partitions.get(partition).map_or(Offset::ZERO, |seen| seen.high_watermark)
    }

    fn breach(&mut self, at: Time, node: NodeId, partition: TopicPartition, kind: BreachKind) {
        self.breach_of(at, node, Some(partition), kind);
    }

    fn breach_of(
        &mut self,
        at: Time,
        node: NodeId,
        partition: Option<TopicPartition>,
        kind: BreachKind,
    ) {
        if self.breaches.len() < MOST_BREACHES {
            self.breaches.push(Breach { at, node, partition, kind });
        }
    }
}

impl Breach {
    /// The invariant that it breaks, under the name that the oracles use.
    #[must_use]
    pub const fn invariant(&self) -> &'static str {
        match self.kind {
            BreachKind::TwoLeaders { .. }
            | BreachKind::EpochWentBack { .. }
            | BreachKind::HighWatermarkWentBack { .. }
            | BreachKind::TwoQuorumLeaders { .. }
            | BreachKind::CommitBeyondEnd { .. } => "monotone",
            BreachKind::MetadataChanged { .. }
            | BreachKind::BeyondInSyncReplica { .. }
            | BreachKind::BeyondDivergence { .. }
            | BreachKind::FollowerBeyondDivergence { .. } => "log-matching",
            BreachKind::IncompleteLeader { .. }
            | BreachKind::IncompleteQuorumLeader { .. }
            | BreachKind::IncompleteInSync { .. }
            | BreachKind::KeptInSync { .. }
            | BreachKind::StartBeyondHighWatermark { .. }
            | BreachKind::TooFewInSync { .. } => "no-loss",
            BreachKind::InactiveInSync { .. } => "liveness",
            BreachKind::TwoOwners { .. } => "single-owner",
        }
    }

    /// What was wrong, with groups called as the caller knows them.
    #[must_use]
    pub fn told(&self, name: &dyn Fn(GroupId) -> String) -> String {
        match self.kind {
            BreachKind::TwoLeaders { epoch, first } => {
                format!("led in {epoch}, in which {first} led already")
            }
            BreachKind::EpochWentBack { before, now } => {
                format!("leader epoch went from {before} back to {now}")
            }
            BreachKind::HighWatermarkWentBack { before, now } => {
                format!("the leader's high watermark went from {before} back to {now}")
            }
            BreachKind::BeyondInSyncReplica { high_watermark, replica, end } => format!(
                "the high watermark {high_watermark} lies beyond in-sync {replica}, whose log ends at {end}"
            ),
            BreachKind::BeyondDivergence { high_watermark, replica } => format!(
                "the high watermark {high_watermark} lies beyond where the log of in-sync {replica} differs"
            ),
            BreachKind::FollowerBeyondDivergence { high_watermark } => format!(
                "the high watermark {high_watermark} of a follower lies beyond where its log differs from its leader's"
            ),
            BreachKind::IncompleteInSync { committed, replica, end } => format!(
                "{replica} is in sync with a log that ends at {end}, although {committed} records were committed"
            ),
            BreachKind::KeptInSync { replica } => {
                format!("{replica} lost records in its former life and is in sync still")
            }
            BreachKind::IncompleteLeader { committed, end } => format!(
                "a leader was elected whose log ends at {end}, although {committed} records were committed"
            ),
            BreachKind::TwoQuorumLeaders { epoch, first } => {
                format!(
                    "led the quorum in epoch {}, in which controller-{} led already",
                    epoch.0,
                    first.0 + 1
                )
            }
            BreachKind::IncompleteQuorumLeader { committed, end } => format!(
                "a leader of the quorum was elected whose log ends at {}, although {} records were committed",
                end.0, committed.0
            ),
            BreachKind::MetadataChanged { offset } => format!(
                "the committed record {} of the metadata log is another one than a controller had before",
                offset.0
            ),
            BreachKind::InactiveInSync { replica } => {
                format!("{replica} leads, or is in sync beside others, while fenced or stopping")
            }
            BreachKind::TooFewInSync { in_sync, wanted } => format!(
                "the high watermark moved with {in_sync} in sync, but min.insync.replicas is {wanted}"
            ),
            BreachKind::StartBeyondHighWatermark { start, high_watermark } => format!(
                "everything below {start} was deleted, but only what is below {high_watermark} was committed"
            ),
            BreachKind::TwoOwners { group, generation, first, second } => {
                format!("{} gave it to {first} and to {second} in {generation}", name(group))
            }
            BreachKind::CommitBeyondEnd { group, committed, end } => {
                format!("{} committed {committed}, but the log ends at {end}", name(group))
            }
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(&|group| group.to_string()))
    }
}

/// The epoch of the record before an offset, if the log still has it.
fn epoch_below(log: &PartitionLog, offset: Offset) -> Option<LeaderEpoch> {
    let before = Offset(offset.0.checked_sub(1)?);
    let batch = log.batches_from(before).next().filter(|_| before >= log.start());
    batch.filter(|batch| batch.base <= before).map(|batch| batch.epoch)
}

/// The life of a broker that the controller knows.
fn registered_life(controller: &Slot, broker: BrokerId) -> Option<BrokerEpoch> {
    let Some(Node::Controller(controller)) = controller.node() else { return None };
    controller.image().brokers.get(&broker).map(|registration| registration.epoch)
}

/// A member of an in-sync set whom the controller itself holds unfit for it, where that set is the present one. The last
/// member of a set may stay in it, whatever becomes of it, but leads no longer.
fn inactive(controller: &Slot, partition: TopicPartition, in_sync: u64) -> Option<BrokerId> {
    let is_present = in_sync_now(controller, partition) == Some(in_sync);
    let Some(Node::Controller(controller)) = controller.node() else { return None };
    let image = controller.image();
    let isr = &image.partitions.get(partition)?.isr;
    let unfit = isr.iter().copied().find(|replica| !image.is_active(*replica));
    let partition = image.partitions.get(partition)?;
    unfit.filter(|unfit| (isr.len() > 1 || partition.leader == Some(*unfit)) && is_present)
}

/// The present in-sync set of a partition as bits.
fn in_sync_now(controller: &Slot, partition: TopicPartition) -> Option<u64> {
    let Some(Node::Controller(controller)) = controller.node() else { return None };
    let isr = &controller.image().partitions.get(partition)?.isr;
    Some(isr.iter().fold(0, |all, replica| all | 1 << replica.0))
}

/// How many in-sync replicas a leader knows of and how many it should, if those are more.
fn too_few(leader: &Slot, partition: TopicPartition) -> Option<(usize, usize)> {
    let Some(Node::Broker(leader)) = leader.node() else { return None };
    let replica = leader.replica(partition)?;
    let settings = leader.image().settings(partition.topic)?;
    let wanted = usize::from(settings.min_insync_replicas).min(replica.replicas.len());
    (replica.isr.len() < wanted).then_some((replica.isr.len(), wanted))
}
