//! What becomes of one partition when its replicas, their sync or their brokers change: the election of its leader and the
//! rules of its epochs.
//!
//! Does not decide when that is, nor which brokers are fit to lead. ELR (KIP-966) is off: its fields stay empty and the last
//! in-sync replica stays in the set.

use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::smallvec;
use stormglass_types::{BrokerId, PartitionEpoch, TopicId};

use crate::metadata::{Brokers, MetadataRecord, PartitionRegistration, Recovery};
use crate::settings::UncleanElection;
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
    pub(super) election: Election,
    pub(super) isr: Brokers,
    pub(super) replicas: Brokers,
    pub(super) recovery: Recovery,
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
            election: Election::Online,
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            recovery: partition.recovery,
        }
    }

    /// The partition after the change; none if there is nothing to change. `fit` tells which brokers may lead.
    pub(super) fn build(&self, fit: impl Fn(BrokerId) -> bool) -> Option<PartitionRegistration> {
        let before = self.partition;
        let mut after = before.clone();
        after.elr.clear();
        after.last_known_elr.clear();
        after.replicas.clone_from(&self.replicas);
        if !self.isr.is_empty() {
            after.isr.clone_from(&self.isr);
        }
        let choice = self.elect(fit);
        if choice.leader() != before.leader {
            after.leader = choice.leader();
            after.leader_epoch = before.leader_epoch.next();
            match choice {
                Choice::Unclean(leader) => {
                    after.isr = smallvec![leader];
                    after.recovery = Recovery::Recovering;
                }
                // A leader is always in sync with itself. Only without the rule can it have been elected from outside.
                Choice::Clean(leader) if !after.isr.contains(&leader) => {
                    after.isr = smallvec![leader];
                }
                Choice::Clean(_) | Choice::Nobody => {}
            }
        }
        if self.recovery != before.recovery {
            after.recovery = self.recovery;
        }
        if after == *before {
            return None;
        }
        after.partition_epoch = before.partition_epoch.next();
        Some(after)
    }

    fn elect(&self, fit: impl Fn(BrokerId) -> bool) -> Choice {
        let valid = |replica: BrokerId| {
            let in_sync = self.isr.contains(&replica) || !self.rules.on(Rule::ElectFromIsr);
            in_sync && fit(replica)
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
        match self.election {
            Election::Preferred | Election::Online => Choice::Nobody,
            Election::Unclean => {
                let alive = self.replicas.iter().copied().find(|replica| fit(*replica));
                alive.map_or(Choice::Nobody, Choice::Unclean)
            }
        }
    }
}

/// A partition at its creation.
pub(super) fn created(replicas: Brokers, isr: Brokers) -> PartitionRegistration {
    PartitionRegistration {
        replicas,
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

    /// Takes a broker out of every in-sync set and leadership.
    pub(super) fn remove_from_isrs(&self, broker: BrokerId, records: &mut Vec<MetadataRecord>) {
        for (partition, registration) in self.newest.partitions.iter() {
            if !registration.isr.contains(&broker) {
                continue;
            }
            let mut change = PartitionChange::new(registration, self.rules);
            change.election = self.usual_election(partition.topic);
            change.isr.retain(|replica| *replica != broker);
            let fit = |replica| replica != broker && self.newest.is_active(replica);
            if let Some(after) = change.build(fit) {
                let registration = Arc::new(after);
                records.push(MetadataRecord::Partition { partition, registration });
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
            if registration.leader.is_some() {
                continue;
            }
            let mut change = PartitionChange::new(registration, self.rules);
            change.election = self.usual_election(partition.topic);
            let fit = |replica| replica == broker || self.newest.is_active(replica);
            if let Some(after) = change.build(fit) {
                let registration = Arc::new(after);
                records.push(MetadataRecord::Partition { partition, registration });
            }
        }
    }
}
