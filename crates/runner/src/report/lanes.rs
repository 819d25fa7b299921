//! Who was what when: lives of processes, leaders and in-sync replicas of partitions, owners in groups, faults.

use std::collections::BTreeMap;

use serde::Serialize;
use stormglass_types::history::{Election, Event, Outcome, Role, What};
use stormglass_types::{Dense, GroupId, NodeId, Time, TopicPartition};

use crate::explain::{Explanation, WhatIf};
use crate::names::Names;
use crate::scenario::fault_to_yaml;
use crate::words;
use stormglass_sim::World;

/// All lanes; processes are named by their place in the list.
#[derive(Serialize)]
pub(crate) struct Lanes {
    /// When the last thing happened.
    #[serde(skip)]
    pub(crate) ends: u64,
    pub(crate) processes: Vec<ProcessLane>,
    pub(crate) partitions: Vec<PartitionLane>,
    pub(crate) groups: Vec<GroupLane>,
    pub(crate) faults: Vec<FaultLane>,
}

#[derive(Serialize)]
pub(crate) struct ProcessLane {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    /// The number of a broker.
    pub(crate) broker: Option<u16>,
    pub(crate) group: Option<usize>,
    /// From, to, and what it was.
    pub(crate) spans: Vec<(u64, u64, &'static str)>,
    /// Sends that failed for certain or whose outcome is unknown: when, how many, what was said.
    pub(crate) errors: Vec<(u64, u32, String)>,
}

#[derive(Serialize)]
pub(crate) struct PartitionLane {
    pub(crate) name: String,
    pub(crate) internal: bool,
    pub(crate) replication: u16,
    pub(crate) min_in_sync: u16,
    /// From when on, which broker (0 for none), in which epoch, and how it was chosen.
    pub(crate) leaders: Vec<(u64, u16, i32, &'static str)>,
    /// From when on, and the brokers as bits.
    pub(crate) in_sync: Vec<(u64, u64)>,
}

#[derive(Serialize)]
pub(crate) struct GroupLane {
    pub(crate) name: String,
    /// When, generation, members.
    pub(crate) generations: Vec<(u64, i32, u32)>,
    /// By partition, as in the list of partitions: from, to, member, generation, how it ended.
    pub(crate) owners: Vec<(usize, Vec<Tenure>)>,
}

#[derive(Serialize)]
pub(crate) struct Tenure {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) member: usize,
    pub(crate) generation: i32,
    pub(crate) end: &'static str,
}

#[derive(Serialize)]
pub(crate) struct FaultLane {
    /// None if it never struck.
    pub(crate) from: Option<u64>,
    /// None for an instant.
    pub(crate) to: Option<u64>,
    pub(crate) what: String,
    pub(crate) whom: Option<usize>,
    pub(crate) text: String,
    /// Whether the failure needed it, where somebody found out.
    pub(crate) needed: Option<bool>,
}

/// The lanes of a run.
pub(crate) fn lanes(world: &World, told: Option<&Explanation>) -> Lanes {
    let names = Names::new(world.history());
    let mut builder = Builder::new(world, &names);
    for event in world.history().events.iter() {
        builder.add(event);
    }
    builder.finish(micros(world.now()), faults(world, told, &names))
}

/// The partitions of a run, in the order in which the page lists them: the user's before Kafka's own.
pub(crate) fn partitions(world: &World) -> Vec<TopicPartition> {
    let history = world.history();
    let mut known: Vec<TopicPartition> = history
        .events
        .iter()
        .filter_map(|event| {
            let What::Leader { partition, .. } = event.what else { return None };
            Some(partition)
        })
        .collect();
    let internal = |id: &TopicPartition| history.header.topics[id.topic].internal;
    known.sort_unstable_by_key(|id| (internal(id), *id));
    known.dedup();
    known
}

struct Builder {
    processes: Vec<ProcessLane>,
    /// Since when each process is what.
    now: Vec<(u64, &'static str)>,
    ids: Vec<TopicPartition>,
    partitions: Vec<PartitionLane>,
    groups: Vec<GroupLane>,
    held: Vec<BTreeMap<TopicPartition, Vec<Tenure>>>,
}

impl Builder {
    fn new(world: &World, names: &Names<'_>) -> Self {
        let header = &world.history().header;
        let lane = |process: &stormglass_types::history::Process| {
            let (role, broker, group) = match process.role {
                Role::Broker(broker) => ("broker", Some(broker.0), None),
                Role::Controller => ("controller", None, None),
                Role::Producer => ("producer", None, None),
                Role::Consumer(group) => ("member", None, Some(group.index())),
                Role::Application => ("application", None, None),
                Role::Admin => ("operator", None, None),
            };
            let (spans, errors) = (Vec::new(), Vec::new());
            ProcessLane { name: process.name.clone(), role, broker, group, spans, errors }
        };
        let processes: Vec<ProcessLane> = header.processes.iter().map(lane).collect();
        let ids = partitions(world);
        let partition = |id: &TopicPartition| {
            let topic = &header.topics[id.topic];
            PartitionLane {
                name: names.partition(*id),
                internal: topic.internal,
                replication: topic.replication,
                min_in_sync: topic.min_insync_replicas,
                leaders: Vec::new(),
                in_sync: Vec::new(),
            }
        };
        let group = |name: &stormglass_types::history::Group| GroupLane {
            name: name.name.clone(),
            generations: Vec::new(),
            owners: Vec::new(),
        };
        Self {
            now: vec![(0, "absent"); processes.len()],
            partitions: ids.iter().map(partition).collect(),
            groups: header.groups.iter().map(group).collect(),
            held: header.groups.iter().map(|_| BTreeMap::new()).collect(),
            processes,
            ids,
        }
    }

    fn add(&mut self, event: &Event) {
        let (at, node) = (micros(event.at), event.process);
        match event.what {
            What::Started | What::Resumed => self.becomes(at, node, "up"),
            What::Paused => self.becomes(at, node, "paused"),
            What::Crashed => {
                self.becomes(at, node, "crashed");
                self.leave_all(at, node);
            }
            What::Stopped => {
                self.becomes(at, node, "stopped");
                self.leave_all(at, node);
            }
            What::SendDone { values, outcome, .. } => {
                if let Outcome::Fail(error) | Outcome::Unknown(error) = outcome {
                    let said = (at, values.count, error.to_string());
                    self.processes[node.index()].errors.push(said);
                }
            }
            What::SendRefused { error, .. } => {
                self.processes[node.index()].errors.push((at, 1, error.to_string()));
            }
            What::Leader { partition, epoch, leader, election } => {
                let how = match election {
                    Election::Clean => "clean",
                    Election::Unclean => "unclean",
                    Election::Offline => "offline",
                };
                let leader = leader.map_or(0, |leader| leader.0);
                if let Some(place) = self.place(partition) {
                    self.partitions[place].leaders.push((at, leader, epoch.0, how));
                }
            }
            What::InSync { partition, replicas, .. } => {
                if let Some(place) = self.place(partition) {
                    let sets = &mut self.partitions[place].in_sync;
                    if sets.last().is_none_or(|(_, before)| *before != replicas) {
                        sets.push((at, replicas));
                    }
                }
            }
            What::Rebalanced { group, generation, members } => {
                self.groups[group.index()].generations.push((at, generation.0, members));
            }
            What::Assigned { group, partition, generation } => {
                let held = self.held[group.index()].entry(partition).or_default();
                let (member, generation) = (node.index(), generation.0);
                held.push(Tenure { from: at, to: u64::MAX, member, generation, end: "held" });
            }
            What::Revoked { group, partition, .. } => {
                self.leave(at, node, group, partition, "revoked")
            }
            What::Lost { group, partition, .. } => self.leave(at, node, group, partition, "lost"),
            What::Send { .. }
            | What::SentAgain { .. }
            | What::Polled { .. }
            | What::Processed { .. }
            | What::Deduplicated { .. }
            | What::Positioned { .. }
            | What::Joined { .. }
            | What::Parted { .. }
            | What::Commit { .. }
            | What::CommitDone { .. }
            | What::TransactionBegan { .. }
            | What::TransactionEnded { .. }
            | What::Hidden { .. }
            | What::Expanded { .. }
            | What::LogLost { .. }
            | What::Removed { .. }
            | What::TopicDeleted { .. }
            | What::Lag { .. }
            | What::FaultBegan { .. }
            | What::FaultEnded { .. }
            | What::Healed
            | What::FinalRead { .. }
            | What::FinalEnd { .. }
            | What::ReplicaLog { .. }
            | What::ReplicaEnd { .. }
            | What::Stuck { .. } => {}
        }
    }

    fn place(&self, partition: TopicPartition) -> Option<usize> {
        self.ids.iter().position(|id| *id == partition)
    }

    fn becomes(&mut self, at: u64, node: NodeId, what: &'static str) {
        let (since, before) = std::mem::replace(&mut self.now[node.index()], (at, what));
        if at > since {
            self.processes[node.index()].spans.push((since, at, before));
        }
    }

    fn leave(
        &mut self,
        at: u64,
        node: NodeId,
        group: GroupId,
        partition: TopicPartition,
        end: &'static str,
    ) {
        let held = self.held[group.index()].entry(partition).or_default();
        let open = |it: &&mut Tenure| it.member == node.index() && it.to == u64::MAX;
        if let Some(tenure) = held.iter_mut().rev().find(open) {
            tenure.to = at;
            tenure.end = end;
        }
    }

    fn leave_all(&mut self, at: u64, node: NodeId) {
        for tenure in self.held.iter_mut().flat_map(BTreeMap::values_mut).flatten() {
            if tenure.member == node.index() && tenure.to == u64::MAX {
                tenure.to = at;
                tenure.end = "died";
            }
        }
    }

    fn finish(mut self, ends: u64, faults: Vec<FaultLane>) -> Lanes {
        for (process, (since, what)) in self.processes.iter_mut().zip(&self.now) {
            process.spans.push((*since, ends, what));
        }
        for (group, held) in self.groups.iter_mut().zip(self.held) {
            for (partition, mut tenures) in held {
                tenures.iter_mut().for_each(|tenure| tenure.to = tenure.to.min(ends));
                if let Some(place) = self.ids.iter().position(|id| *id == partition) {
                    group.owners.push((place, tenures));
                }
            }
            group.owners.sort_by_key(|(place, _)| *place);
        }
        let Self { processes, partitions, groups, .. } = self;
        Lanes { ends, processes, partitions, groups, faults }
    }
}

/// Every fault of the plan with what became of it.
fn faults(world: &World, told: Option<&Explanation>, names: &Names<'_>) -> Vec<FaultLane> {
    let plan = world.plan();
    let ends = world.now();
    let told = told.filter(|told| told.faults.len() == plan.faults.len());
    let mut lanes = Vec::with_capacity(plan.faults.len());
    for (place, fault) in plan.faults.iter().enumerate() {
        let (what, lasting) = words::fault_words(&fault.action, names);
        let stories = world.fault_stories();
        let story = stories.iter().find(|it| usize::try_from(it.fault) == Ok(place));
        let until = |began: Time| {
            let planned = lasting.map(|lasting| (began + lasting).min(ends));
            micros(story.and_then(|story| story.ended).or(planned).unwrap_or(began))
        };
        lanes.push(FaultLane {
            from: story.map(|story| micros(story.began)),
            to: story.filter(|_| lasting.is_some()).map(|story| until(story.began)),
            what,
            whom: story.and_then(|story| story.node).map(Dense::index),
            text: fault_to_yaml(plan, fault),
            needed: told.and_then(|told| match told.faults[place].without {
                WhatIf::Same => Some(false),
                WhatIf::None | WhatIf::Other(_) => Some(true),
                WhatIf::Unknown => None,
            }),
        });
    }
    lanes
}

/// Microseconds since the world began, as everything in a report counts.
pub(crate) const fn micros(at: Time) -> u64 {
    at.0 / 1_000
}
