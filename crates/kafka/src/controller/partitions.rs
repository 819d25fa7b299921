//! What becomes of one partition when its replicas, their sync or their brokers change: the election of its leader and the
//! rules of its epochs and of its eligible leader replicas (KIP-966).
//!
//! Does not decide when that is, nor which brokers are fit to lead.

use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::smallvec;
use stormglass_types::{BrokerId, PartitionEpoch, TopicId, TopicPartition};

use crate::metadata::{Brokers, MetadataRecord, PartitionRegistration, Recovery};
use crate::settings::{EligibleLeaders, UncleanElection};
use crate::{Rule, Rules};

use super::Controller;

/// How a leader is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Election {
    /// The first replica if it is fit, even if another one leads.
    Preferred,
    /// The present leader if it is still fit, else the first replica that is.
    Online,
    /// As `Online`; where that finds nobody, the first replica that is alive.
    Unclean,
}

/// A change of one partition that is being put together (`PartitionChangeBuilder`).
pub(super) struct PartitionChange<'a> {
    partition: &'a PartitionRegistration,
    rules: Rules,
    /// With KIP-966: in how many replicas' care records are that were acknowledged under `acks=all`.
    eligible_below: Option<usize>,
    pub(super) election: Election,
    pub(super) isr: Brokers,
    pub(super) replicas: Brokers,
    pub(super) adding: Brokers,
    pub(super) removing: Brokers,
    pub(super) recovery: Recovery,
    /// Who comes back from a crash that may have taken records, and is not eligible any more.
    pub(super) crashed: Option<BrokerId>,
}

/// The outcome of an election.
enum Choice {
    /// From the in-sync replicas.
    Clean(BrokerId),
    /// From outside.
    Unclean(BrokerId),
    Nobody,
}

impl Choice {
    const fn leader(&self) -> Option<BrokerId> {
        match self {
            Self::Clean(leader) | Self::Unclean(leader) => Some(*leader),
            Self::Nobody => None,
        }
    }
}

impl<'a> PartitionChange<'a> {
    pub(super) fn new(partition: &'a PartitionRegistration, rules: Rules) -> Self {
        Self {
            partition,
            rules,
            eligible_below: None,
            election: Election::Online,
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            adding: partition.adding.clone(),
            removing: partition.removing.clone(),
            recovery: partition.recovery,
            crashed: None,
        }
    }

    /// With KIP-966, and so many replicas to be in sync (`getTopicEffectiveMinIsr`).
    pub(super) fn with_eligible_leaders(mut self, min_isr: u16) -> Self {
        self.eligible_below = Some(usize::from(min_isr).min(self.partition.replicas.len()));
        self
    }

    /// The partition after the change; none if there is nothing to change. `fit` tells which brokers may lead.
    pub(super) fn build(mut self, fit: impl Fn(BrokerId) -> bool) -> Option<PartitionRegistration> {
        self.complete_reassignment();
        let before = self.partition;
        let mut after = before.clone();
        after.replicas.clone_from(&self.replicas);
        after.adding.clone_from(&self.adding);
        after.removing.clone_from(&self.removing);
        after.elr = self.eligible();
        if !self.isr.is_empty() || self.eligible_below.is_some() {
            after.isr.clone_from(&self.isr);
        }
        let choice = self.elect(&after.elr, fit);
        if choice.leader() != before.leader {
            after.leader = choice.leader();
            after.leader_epoch = before.leader_epoch.next();
            match choice {
                Choice::Unclean(leader) => {
                    after.isr = smallvec![leader];
                    after.recovery = Recovery::Recovering;
                    after.elr.clear();
                }
                // From the eligible ones. Or, but only without the rule, from anywhere: a leader is always in sync with itself.
                Choice::Clean(leader) if !after.isr.contains(&leader) => {
                    after.isr = smallvec![leader];
                    after.elr.retain(|replica| *replica != leader);
                }
                Choice::Clean(_) | Choice::Nobody => {}
            }
        } else if before.replicas.iter().any(|replica| !self.replicas.contains(replica)) {
            // Whoever is left must hear of it from the leader at once (`triggerLeaderEpochBumpForReplicaReassignmentIfNeeded`).
            after.leader_epoch = before.leader_epoch.next();
        }
        self.remember_last_leader(&mut after);
        if self.recovery != before.recovery {
            after.recovery = self.recovery;
        }
        if after == *before {
            return None;
        }
        after.partition_epoch = before.partition_epoch.next();
        Some(after)
    }

    /// Ends a reassignment whose whole target is in sync (`completeReassignmentIfNeeded`).
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let stays = |replica: &&BrokerId| !self.removing.contains(replica);
        let replicas: Brokers = self.replicas.iter().filter(stays).copied().collect();
        let isr: Brokers = self.isr.iter().filter(stays).copied().collect();
        if replicas.is_empty() || !replicas.iter().all(|replica| isr.contains(replica)) {
            return;
        }
        (self.replicas, self.isr) = (replicas, isr);
        self.adding.clear();
        self.removing.clear();
    }

    /// Who may lead once nobody is in sync (`maybePopulateTargetElr`): whoever was in sync since there were fewer of those than
    /// `min.insync.replicas`, for the high watermark has not moved since then.
    fn eligible(&self) -> Brokers {
        let before = self.partition;
        if self.eligible_below.is_none_or(|enough| self.isr.len() >= enough) {
            return Brokers::new();
        }
        let newly = before.isr.iter().filter(|replica| !before.elr.contains(replica));
        let mut eligible: Brokers = before.elr.iter().chain(newly).copied().collect();
        eligible.retain(|replica| {
            !self.isr.contains(replica)
                && self.replicas.contains(replica)
                && self.crashed != Some(*replica)
        });
        eligible.sort_unstable();
        eligible
    }

    /// Notes who led last where nobody is in sync any more, until somebody leads again (`maybeUpdateLastKnownLeader`).
    fn remember_last_leader(&self, after: &mut PartitionRegistration) {
        let before = self.partition;
        if self.eligible_below.is_none() || after.leader.is_some() {
            after.last_known_elr.clear();
        } else if after.isr.is_empty()
            && !before.isr.is_empty()
            && let Some(last) = before.leader
        {
            after.last_known_elr = smallvec![last];
        }
    }

    fn elect(&self, eligible: &Brokers, fit: impl Fn(BrokerId) -> bool) -> Choice {
        let valid = |replica: BrokerId| {
            let trusted = self.isr.contains(&replica)
                || (self.isr.is_empty() && eligible.contains(&replica))
                || !self.rules.on(Rule::ElectFromIsr);
            trusted && fit(replica)
        };
        let preferred = match self.election {
            Election::Preferred => self.replicas.first().copied(),
            Election::Online | Election::Unclean => None,
        };
        let mut candidates = preferred.into_iter().chain(self.partition.leader);
        let first_valid = || self.replicas.iter().copied().find(|replica| valid(*replica));
        if let Some(leader) = candidates.find(|replica| valid(*replica)).or_else(first_valid) {
            return Choice::Clean(leader);
        }
        if let Some(leader) = self.last_resort(eligible, &fit) {
            return Choice::Unclean(leader);
        }
        match self.election {
            Election::Preferred | Election::Online => Choice::Nobody,
            Election::Unclean => {
                let alive = self.replicas.iter().copied().find(|replica| fit(*replica));
                alive.map_or(Choice::Nobody, Choice::Unclean)
            }
        }
    }

    /// The last known leader, where nobody is in sync or eligible any more (`canElectLastKnownLeader`).
    fn last_resort(&self, eligible: &Brokers, fit: impl Fn(BrokerId) -> bool) -> Option<BrokerId> {
        self.eligible_below?;
        let [last] = self.partition.last_known_elr.as_slice() else { return None };
        let nobody_else = self.isr.is_empty() && eligible.is_empty();
        let alive = fit(*last) || !self.rules.on(Rule::LastLeaderIsAlive);
        (nobody_else && alive).then_some(*last)
    }
}

/// A partition at its creation.
pub(super) fn created(replicas: Brokers, isr: Brokers) -> PartitionRegistration {
    PartitionRegistration {
        replicas,
        adding: Brokers::new(),
        removing: Brokers::new(),
        leader: isr.first().copied(),
        isr,
        elr: Brokers::new(),
        last_known_elr: Brokers::new(),
        leader_epoch: stormglass_types::LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        recovery: Recovery::Recovered,
    }
}

impl Controller {
    /// How a topic's leaders are elected when nobody asked for an election: at once from outside the in-sync replicas, too,
    /// where the topic allows that.
    pub(super) fn usual_election(&self, topic: TopicId) -> Election {
        match self.newest.settings(topic).map(|settings| settings.unclean_election) {
            Some(UncleanElection::Allowed) => Election::Unclean,
            Some(UncleanElection::Forbidden) | None => Election::Online,
        }
    }

    /// A change of a partition, with what its topic and the cluster's features say about elections.
    pub(super) fn change<'a>(
        &self,
        partition: TopicPartition,
        registration: &'a PartitionRegistration,
    ) -> PartitionChange<'a> {
        let change = PartitionChange::new(registration, self.rules);
        let settings = self.newest.settings(partition.topic);
        let mut change = match (self.eligible_leaders, settings) {
            (EligibleLeaders::On, Some(settings)) => {
                change.with_eligible_leaders(settings.min_insync_replicas)
            }
            (EligibleLeaders::On, None) | (EligibleLeaders::Off, _) => change,
        };
        change.election = self.usual_election(partition.topic);
        change
    }

    /// Takes a broker out of every in-sync set and leadership.
    pub(super) fn remove_from_isrs(&self, broker: BrokerId, records: &mut Vec<MetadataRecord>) {
        for (partition, registration) in self.newest.partitions.iter() {
            if registration.isr.contains(&broker) {
                let mut change = self.change(partition, registration);
                change.isr.retain(|replica| *replica != broker);
                self.build(partition, change, |replica| replica != broker, records);
            }
        }
    }

    /// Takes a broker that may have lost records out of every in-sync set and leadership, and does not count on it either
    /// where nobody is in sync (`handleBrokerUncleanShutdown`).
    pub(super) fn remove_after_crash(&self, broker: BrokerId, records: &mut Vec<MetadataRecord>) {
        for (partition, registration) in self.newest.partitions.iter() {
            if registration.isr.contains(&broker) || registration.elr.contains(&broker) {
                let mut change = self.change(partition, registration);
                change.isr.retain(|replica| *replica != broker);
                change.crashed = Some(broker);
                self.build(partition, change, |replica| replica != broker, records);
            }
        }
    }

    /// Looks for leaders where there are none, now that a broker is about to be active.
    pub(super) fn elect_where_leaderless(
        &self,
        broker: BrokerId,
        records: &mut Vec<MetadataRecord>,
    ) {
        for (partition, registration) in self.newest.partitions.iter() {
            if registration.leader.is_none() {
                let change = self.change(partition, registration);
                let fit = |replica| replica == broker || self.newest.is_active(replica);
                if let Some(after) = change.build(fit) {
                    let registration = Arc::new(after);
                    records.push(MetadataRecord::Partition { partition, registration });
                }
            }
        }
    }

    /// Writes down what becomes of a partition if, of the active brokers, only those that `may` lead it do.
    fn build(
        &self,
        partition: TopicPartition,
        change: PartitionChange<'_>,
        may: impl Fn(BrokerId) -> bool,
        records: &mut Vec<MetadataRecord>,
    ) {
        let fit = |replica| may(replica) && self.newest.is_active(replica);
        if let Some(after) = change.build(fit) {
            let registration = Arc::new(after);
            records.push(MetadataRecord::Partition { partition, registration });
        }
    }
}
