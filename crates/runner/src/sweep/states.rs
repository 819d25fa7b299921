//! Which situations a run was in: a coarse picture of the cluster at every change, so that a sweep can tell whether further
//! seeds still show anything new.
//!
//! Counts are capped and names left out, so that there are hundreds of situations, not one per instant. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use stormglass_types::history::{Election, Ending, History, Outcome, Positioning, Role, What};
use stormglass_types::{Dense, Digest, GroupId, IdVec, NodeId, TopicPartition};

/// The situations of a run, in order.
pub(crate) fn of(history: &History) -> Vec<u64> {
    let processes = history.header.processes.iter().count();
    let mut cluster = Cluster {
        roles: &history.header.processes,
        up: vec![false; processes],
        paused: vec![false; processes],
        partitions: BTreeMap::new(),
        owners: BTreeSet::new(),
        healed: false,
    };
    let mut seen = BTreeSet::new();
    for event in history.events.iter() {
        if let Some(change) = cluster.change(event.process, &event.what) {
            seen.insert(cluster.print(change));
        }
    }
    seen.into_iter().collect()
}

struct Cluster<'h> {
    roles: &'h IdVec<NodeId, stormglass_types::history::Process>,
    up: Vec<bool>,
    paused: Vec<bool>,
    partitions: BTreeMap<TopicPartition, Partition>,
    owners: BTreeSet<(GroupId, TopicPartition)>,
    healed: bool,
}

#[derive(Clone, Copy, Default)]
struct Partition {
    leader: bool,
    in_sync: u32,
    most_in_sync: u32,
}

/// More than this many of anything are many.
const MANY: usize = 3;

impl Cluster<'_> {
    /// Takes an event in; what it was, if it changed the situation.
    fn change(&mut self, process: NodeId, what: &What) -> Option<u64> {
        let at = process.index();
        let set = |flags: &mut Vec<bool>, value| {
            if let Some(flag) = flags.get_mut(at) {
                *flag = value;
            }
        };
        let kind = match self.roles.get(process).map(|process| process.role) {
            Some(Role::Broker(_)) => 0,
            Some(Role::Controller) => 1,
            Some(Role::Producer) => 2,
            Some(Role::Consumer(_)) => 3,
            Some(Role::Admin) | None => 4,
            Some(Role::Application) => 5,
        };
        Some(match what {
            What::Started => {
                set(&mut self.up, true);
                set(&mut self.paused, false);
                10 + kind
            }
            What::Crashed => {
                set(&mut self.up, false);
                20 + kind
            }
            What::Stopped => {
                set(&mut self.up, false);
                30 + kind
            }
            What::Paused => {
                set(&mut self.paused, true);
                40 + kind
            }
            What::Resumed => {
                set(&mut self.paused, false);
                50 + kind
            }
            What::Leader { partition, leader, election, .. } => {
                self.partitions.entry(*partition).or_default().leader = leader.is_some();
                match election {
                    Election::Clean => 60,
                    Election::Unclean => 61,
                    Election::Offline => 62,
                }
            }
            What::InSync { partition, replicas, .. } => {
                let known = self.partitions.entry(*partition).or_default();
                known.in_sync = replicas.count_ones();
                known.most_in_sync = known.most_in_sync.max(known.in_sync);
                70 + u64::from(known.in_sync)
            }
            What::Assigned { group, partition, .. } => {
                self.owners.insert((*group, *partition));
                80
            }
            What::Revoked { group, partition, .. } => {
                self.owners.remove(&(*group, *partition));
                81
            }
            What::Lost { group, partition, .. } => {
                self.owners.remove(&(*group, *partition));
                82
            }
            What::Rebalanced { members, .. } => 90 + u64::from(*members).min(5),
            What::Positioned { why, .. } => match why {
                Positioning::Committed => 100,
                Positioning::Reset => 101,
                Positioning::Truncated => 102,
                Positioning::Seek => 103,
            },
            What::LogLost { .. } => 104,
            What::Removed { .. } => 107,
            What::TopicDeleted { .. } => 108,
            What::Expanded { .. } => 105,
            What::TransactionBegan { .. } => 109,
            What::TransactionEnded { ending: Ending::Commit, outcome, .. } => {
                ended(4_000, *outcome)?
            }
            What::TransactionEnded { ending: Ending::Abort, outcome, .. } => {
                ended(5_000, *outcome)?
            }
            What::Healed => {
                self.healed = true;
                106
            }
            What::SendDone { outcome, .. } => ended(1_000, *outcome)?,
            What::CommitDone { outcome, .. } => ended(2_000, *outcome)?,
            What::SendRefused { error, .. } => 3_000 + u64::from(error.code().unsigned_abs()),
            What::Hidden { .. }
            | What::Send { .. }
            | What::SentAgain { .. }
            | What::Polled { .. }
            | What::Processed { .. }
            | What::Deduplicated { .. }
            | What::Commit { .. }
            | What::Joined { .. }
            | What::Parted { .. }
            | What::Lag { .. }
            | What::FaultBegan { .. }
            | What::FaultEnded { .. }
            | What::FinalRead { .. }
            | What::FinalEnd { .. }
            | What::ReplicaLog { .. }
            | What::ReplicaEnd { .. }
            | What::Stuck { .. } => return None,
        })
    }

    fn print(&self, change: u64) -> u64 {
        let all = || self.partitions.values();
        let many = |count: usize| u64::try_from(count.min(MANY)).expect("a small number");
        let processes = || self.roles.iter().zip(self.up.iter().zip(&self.paused));
        let servers = |wanted: fn(Role) -> bool, paused: bool| {
            let of = processes().filter(|(process, (up, held))| {
                wanted(process.role) && if paused { **held } else { **up }
            });
            many(of.count())
        };
        let broker: fn(Role) -> bool = |role| matches!(role, Role::Broker(_));
        let controller: fn(Role) -> bool = |role| matches!(role, Role::Controller);
        let mut digest = Digest::EMPTY;
        for word in [
            change,
            servers(broker, false),
            servers(controller, false),
            servers(broker, true),
            many(all().filter(|partition| !partition.leader).count()).min(1),
            many(all().filter(|it| it.in_sync < it.most_in_sync).count()).min(2),
            u64::from(self.owners.is_empty()),
            u64::from(self.healed),
        ] {
            digest.word(word);
        }
        digest.0
    }
}

/// How something ended that may end otherwise than well.
fn ended(base: u64, outcome: Outcome) -> Option<u64> {
    match outcome {
        Outcome::Ok => None,
        Outcome::Fail(error) => Some(base + u64::from(error.code().unsigned_abs())),
        Outcome::Unknown(error) => Some(base + 500 + u64::from(error.code().unsigned_abs())),
    }
}
