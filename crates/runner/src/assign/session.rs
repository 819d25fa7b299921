//! A group going through its steps under several assignors at once, each with the history that it made itself.
//!
//! Knows no text and no tables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use stormglass_kafka::assignor::java_hash::map_order;
use stormglass_kafka::assignor::{
    AssignError, Assignment, Assignor, Input, Member, Partition, Rack, Topic, Uuid, assign,
};

use super::model::{Group, Mistakes, Step};

/// What a member holds after a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Held {
    /// The member.
    pub member: String,
    /// Its partitions, `topic-number`, in the order of Kafka's list.
    pub partitions: Vec<String>,
    /// Those of them that it did not hold before.
    pub gained: Vec<String>,
}

/// A partition that changed hands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Move {
    /// `topic-number`.
    pub partition: String,
    /// Who held it.
    pub from: String,
    /// Who holds it now; nobody if nobody wants it any more.
    pub to: Option<String>,
}

/// How many partitions members have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Spread {
    /// The fewest that anyone has.
    pub fewest: usize,
    /// The most that anyone has.
    pub most: usize,
}

/// Partitions whose replicas' racks are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Near {
    /// Those with a replica in the rack of their owner.
    pub near: usize,
    /// All.
    pub known: usize,
}

/// What one assignor makes of a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Outcome {
    /// Which assignor.
    pub assignor: String,
    /// Who holds what, in the order in which members joined.
    pub members: Vec<Held>,
    /// How even it is.
    pub spread: Spread,
    /// How many members hold nothing.
    pub idle: usize,
    /// What changed hands.
    pub moved: Vec<Move>,
    /// How many partitions stood still although their owner stayed in the group, because it had to give them up: all that an
    /// eager assignor finds, and what moves under the others.
    pub paused: usize,
    /// How many rebalances it took: a cooperative assignor takes a second one if anything moves.
    pub rebalances: u32,
    /// How many partitions are read within a rack, if racks are known.
    pub near: Option<Near>,
    /// Why it failed; then everyone keeps what it had.
    pub error: Option<String>,
}

/// What all assignors make of a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StepReport {
    /// `start`, or what happened.
    pub step: String,
    /// One per assignor.
    pub outcomes: Vec<Outcome>,
}

/// A group under several assignors.
pub struct Session {
    group: Group,
    contenders: Vec<Contender>,
}

/// Partitions by topic name and number, in Kafka's order.
type List = Vec<(String, u32)>;

struct Contender {
    assignor: Assignor,
    owned: BTreeMap<String, (List, Option<i32>)>,
    generation: i32,
}

impl Session {
    /// The group's first rebalance, from what members say they owned.
    ///
    /// # Errors
    ///
    /// What is wrong with the group.
    pub fn start(group: Group, assignors: &[Assignor]) -> Result<(Self, StepReport), Mistakes> {
        group.check()?;
        let owned = group
            .members
            .iter()
            .map(|member| (member.id.clone(), (member.owned.clone(), member.generation)));
        let owned: BTreeMap<_, _> = owned.collect();
        let latest = group.members.iter().filter_map(|member| member.generation).max();
        let contender = |&assignor: &Assignor| Contender {
            assignor,
            owned: owned.clone(),
            generation: latest.unwrap_or(0),
        };
        let contenders = assignors.iter().map(contender).collect();
        let mut session = Self { group, contenders };
        let report = session.rebalance("start".to_owned());
        Ok((session, report))
    }

    /// Lets a step happen and the group rebalance.
    ///
    /// # Errors
    ///
    /// What is wrong with the step; then nothing happened.
    pub fn apply(&mut self, step: &Step) -> Result<StepReport, Mistakes> {
        self.group.apply(step)?;
        Ok(self.rebalance(step.to_string()))
    }

    fn rebalance(&mut self, step: String) -> StepReport {
        let outcomes =
            self.contenders.iter_mut().map(|contender| contender.rebalance(&self.group)).collect();
        StepReport { step, outcomes }
    }
}

impl Contender {
    fn rebalance(&mut self, group: &Group) -> Outcome {
        let before = self.owned.clone();
        let mut rebalances = 0;
        let mut error = None;
        while error.is_none() && rebalances < MOST_REBALANCES {
            rebalances += 1;
            match self.round(group) {
                Ok(assignment) if assignment.withheld.is_empty() => break,
                Ok(_) => {}
                Err(why) => error = Some(format!("{why} ({})", why.exception())),
            }
        }
        self.outcome(group, &before, rebalances, error)
    }

    /// One rebalance; what members hold after it is what they own in the next.
    fn round(&mut self, group: &Group) -> Result<Assignment, AssignError> {
        let (input, order) = self.input(group);
        let assignment = assign(self.assignor, &input)?;
        self.generation = self.generation.saturating_add(1);
        self.owned.clear();
        for (&place, list) in order.iter().zip(&assignment.members) {
            let named = |partition: &Partition| {
                (input.topics[partition.topic].name.to_string(), partition.number)
            };
            let list: List = list.iter().map(named).collect();
            let id = group.members[place as usize].id.clone();
            self.owned.insert(id, (list, Some(self.generation)));
        }
        Ok(assignment)
    }

    /// The group as this assignor meets it, and which member stands where.
    fn input(&self, group: &Group) -> (Input, Vec<u32>) {
        let mut input = Input::default();
        let mut known: BTreeMap<&str, Rack> = BTreeMap::new();
        let mut rack_of = |name| {
            let next = Rack(u32::try_from(known.len()).expect("fewer racks than bytes of text"));
            *known.entry(name).or_insert(next)
        };
        for topic in &group.topics {
            let mut racks = Vec::new();
            for replicas in &topic.racks {
                racks.push(replicas.iter().map(|rack| rack.as_deref().map(&mut rack_of)).collect());
            }
            input.topics.add(Topic {
                name: topic.name.as_str().into(),
                id: topic.id.unwrap_or_else(|| Uuid::of_name(&topic.name)),
                partitions: topic.partitions,
                racks,
            });
        }
        let order = if is_servers(self.assignor) {
            map_order(group.members.iter().map(|member| member.id.as_str()))
        } else {
            (0..).take(group.members.len()).collect()
        };
        for &place in &order {
            let stated = &group.members[place as usize];
            let wanted = stated.topics.iter().map(|name| input.topics.named(name)).collect();
            let mut member = Member::new(&stated.id, wanted);
            member.instance = stated.instance.as_deref().map(Into::into);
            member.rack = stated.rack.as_deref().map(&mut rack_of);
            if let Some((list, generation)) = self.owned.get(&stated.id) {
                let partition = |(name, number): &(String, u32)| {
                    Partition::new(input.topics.named(name), *number)
                };
                member.owned = list.iter().map(partition).collect();
                member.generation = *generation;
                member.subscription_generation = *generation;
            }
            if let Assignor::CooperativeSticky = self.assignor {
                // A cooperative member encodes what it owns sorted.
                member.owned.sort_by(|left, right| {
                    let name = |partition: &Partition| &input.topics[partition.topic].name;
                    name(left).cmp(name(right)).then(left.number.cmp(&right.number))
                });
            }
            input.members.push(member);
        }
        (input, order)
    }

    fn outcome(
        &self,
        group: &Group,
        before: &BTreeMap<String, (List, Option<i32>)>,
        rebalances: u32,
        error: Option<String>,
    ) -> Outcome {
        let list_of = |owned: &BTreeMap<String, (List, Option<i32>)>, id: &str| -> List {
            owned.get(id).map(|(list, _)| list.clone()).unwrap_or_default()
        };
        let mut owner_now: BTreeMap<(String, u32), &str> = BTreeMap::new();
        let mut members = Vec::new();
        for member in &group.members {
            let list = list_of(&self.owned, &member.id);
            let earlier: BTreeSet<_> = list_of(before, &member.id).into_iter().collect();
            let gained = list.iter().filter(|partition| !earlier.contains(*partition));
            let gained = gained.map(show).collect();
            let partitions = list.iter().map(show).collect();
            owner_now.extend(list.into_iter().map(|partition| (partition, member.id.as_str())));
            members.push(Held { member: member.id.clone(), partitions, gained });
        }
        let mut moved = Vec::new();
        let mut paused = 0;
        let stayed: BTreeSet<&str> =
            group.members.iter().map(|member| member.id.as_str()).collect();
        for (from, (list, _)) in before {
            for partition in list {
                let to = owner_now.get(partition).copied();
                let moves = to != Some(from.as_str());
                if stayed.contains(from.as_str()) && (moves || is_eager(self.assignor)) {
                    paused += 1;
                }
                if moves {
                    let (from, to) = (from.clone(), to.map(str::to_owned));
                    moved.push((partition, Move { partition: show(partition), from, to }));
                }
            }
        }
        moved.sort_by_key(|(partition, _)| *partition);
        let counts = members.iter().map(|held| held.partitions.len());
        Outcome {
            assignor: self.assignor.name().to_owned(),
            spread: Spread {
                fewest: counts.clone().min().unwrap_or(0),
                most: counts.clone().max().unwrap_or(0),
            },
            idle: counts.filter(|&count| count == 0).count(),
            members,
            moved: moved.into_iter().map(|(_, one)| one).collect(),
            paused,
            rebalances,
            near: near(group, &owner_now),
            error,
        }
    }
}

/// How many of the partitions with known racks are read within one, if any member has a rack.
fn near(group: &Group, owners: &BTreeMap<(String, u32), &str>) -> Option<Near> {
    let racks: BTreeMap<&str, &str> = group
        .members
        .iter()
        .filter_map(|member| Some((member.id.as_str(), member.rack.as_deref()?)))
        .collect();
    let mut known = 0;
    let mut near = 0;
    for topic in &group.topics {
        for (number, replicas) in (0..).zip(&topic.racks) {
            known += 1;
            let owner = owners.get(&(topic.name.clone(), number));
            let rack = owner.and_then(|owner| racks.get(owner));
            let here = |rack: &&str| replicas.iter().flatten().any(|replica| replica == rack);
            near += usize::from(rack.is_some_and(here));
        }
    }
    (known > 0 && !racks.is_empty()).then_some(Near { near, known })
}

fn show((topic, number): &(String, u32)) -> String {
    format!("{topic}-{number}")
}

/// Whether members give up everything before they join.
fn is_eager(assignor: Assignor) -> bool {
    match assignor {
        Assignor::Range | Assignor::RoundRobin | Assignor::Sticky => true,
        Assignor::CooperativeSticky | Assignor::ServerUniform | Assignor::ServerRange => false,
    }
}

fn is_servers(assignor: Assignor) -> bool {
    match assignor {
        Assignor::ServerUniform | Assignor::ServerRange => true,
        Assignor::Range | Assignor::RoundRobin | Assignor::Sticky | Assignor::CooperativeSticky => {
            false
        }
    }
}

/// A cooperative group settles in two; more are needed only if it starts from contradictory claims.
const MOST_REBALANCES: u32 = 6;
