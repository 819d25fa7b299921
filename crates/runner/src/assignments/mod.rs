//! The assignments of a run: per group and generation, who got which partitions, and which went to another member. As a text
//! that can be kept, and that a changed assignment changes.
//!
//! Has no times in it: only who had what, so that nothing else changes the text.

mod kept;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use stormglass_types::history::{History, What};
use stormglass_types::{Generation, GroupId, NodeId, Time, TopicPartition};

pub use self::kept::{Comparison, accept, compare, place_of};

use crate::execute::{Execution, Recording, execute};
use crate::names::Names;
use crate::result::Panicked;
use crate::subject::Subject;

/// Who had what in a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignments {
    scenario: String,
    seed: u64,
    groups: Vec<GroupAssignments>,
}

/// A group's generations, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
struct GroupAssignments {
    name: String,
    generations: Vec<Assigned>,
}

/// Topics with numbers of partitions.
type ByTopic = Vec<(String, Vec<u16>)>;

/// Who got what in a generation.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Assigned {
    generation: Generation,
    /// Member, then topic, then partitions; in the order of the plan.
    members: Vec<(String, ByTopic)>,
    /// Partition, who had it before, who has it now.
    moved: Vec<(String, String, String)>,
    /// Partitions that somebody had before and nobody got.
    nobodys: ByTopic,
}

impl Assignments {
    /// Runs a seed and notes its assignments.
    ///
    /// # Errors
    /// If the run panicked.
    pub fn run(subject: &Subject, seed: u64) -> Result<Self, Panicked> {
        let Execution { result, world } = execute(subject, seed, Recording::Off)?;
        Ok(Self::of(&result.scenario, seed, world.history()))
    }

    /// The assignments in a history.
    #[must_use]
    pub fn of(scenario: &str, seed: u64, history: &History) -> Self {
        let names = Names::new(history);
        let groups = history.header.groups.ids().filter_map(|group| {
            let by_itself = history.header.groups[group].releases_first;
            let generations =
                if by_itself { epochs(history, group) } else { generations(history, group) };
            (!generations.is_empty()).then(|| GroupAssignments {
                name: names.group(group),
                generations: told(&names, generations),
            })
        });
        Self { scenario: scenario.to_owned(), seed, groups: groups.collect() }
    }

    /// Whether no group had a generation.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

type Held = BTreeMap<NodeId, BTreeSet<TopicPartition>>;

/// What each member had once it had joined a generation.
fn generations(history: &History, of: GroupId) -> BTreeMap<Generation, Held> {
    let mut generations: BTreeMap<Generation, Held> = BTreeMap::new();
    let mut held: Held = BTreeMap::new();
    let mut joined: BTreeMap<NodeId, (Time, Generation)> = BTreeMap::new();
    for event in history.events.iter() {
        let process = event.process;
        let into = match event.what {
            What::Joined { group, generation } if group == of => {
                joined.insert(process, (event.at, generation));
                generation
            }
            What::Assigned { group, partition, generation } if group == of => {
                held.entry(process).or_default().insert(partition);
                generation
            }
            What::Revoked { group, partition, .. } | What::Lost { group, partition, .. }
                if group == of =>
            {
                held.entry(process).or_default().remove(&partition);
                // A member gives up what it must when it has joined, and before it gets what is new.
                match joined.get(&process) {
                    Some((at, generation)) if *at == event.at => *generation,
                    Some(_) | None => continue,
                }
            }
            What::Crashed | What::Stopped => {
                held.remove(&process);
                continue;
            }
            _ => continue,
        };
        let has = held.get(&process).cloned().unwrap_or_default();
        generations.entry(into).or_default().insert(process, has);
    }
    generations
}

/// What each member of a group of the consumer protocol (KIP-848) had when the next epoch began. Members come to an epoch one
/// after the other, and have what they had until then.
fn epochs(history: &History, of: GroupId) -> BTreeMap<Generation, Held> {
    let mut epochs: BTreeMap<Generation, Held> = BTreeMap::new();
    let mut held: Held = BTreeMap::new();
    let mut now = None;
    for event in history.events.iter() {
        let process = event.process;
        match event.what {
            What::Joined { group, generation } if group == of => {
                held.entry(process).or_default();
                now = now.max(Some(generation));
            }
            What::Assigned { group, partition, generation } if group == of => {
                held.entry(process).or_default().insert(partition);
                now = now.max(Some(generation));
            }
            What::Revoked { group, partition, .. } | What::Lost { group, partition, .. }
                if group == of =>
            {
                held.entry(process).or_default().remove(&partition);
            }
            What::Parted { group, .. } if group == of => {
                held.remove(&process);
            }
            What::Crashed | What::Stopped if held.contains_key(&process) => {
                held.remove(&process);
            }
            _ => continue,
        }
        if let Some(now) = now {
            epochs.insert(now, held.clone());
        }
    }
    epochs
}

fn told(names: &Names<'_>, generations: BTreeMap<Generation, Held>) -> Vec<Assigned> {
    let mut owners: BTreeMap<TopicPartition, NodeId> = BTreeMap::new();
    let mut told = Vec::new();
    for (generation, held) in generations {
        let mut moved = Vec::new();
        let mut now: BTreeMap<TopicPartition, NodeId> = BTreeMap::new();
        for (member, partitions) in &held {
            for partition in partitions {
                now.insert(*partition, *member);
                let before = owners.get(partition).filter(|before| *before != member);
                if let Some(before) = before {
                    let (from, to) = (names.process(*before), names.process(*member));
                    moved.push((*partition, from, to));
                }
            }
        }
        moved.sort_unstable();
        let gone = owners.keys().filter(|partition| !now.contains_key(*partition));
        let nobodys = by_topic(names, &gone.copied().collect());
        // Whoever gets one of those later takes it over from its last owner.
        owners.extend(now);
        told.push(Assigned {
            generation,
            members: held
                .iter()
                .map(|(member, partitions)| (names.process(*member), by_topic(names, partitions)))
                .collect(),
            moved: moved
                .into_iter()
                .map(|(partition, from, to)| (names.partition(partition), from, to))
                .collect(),
            nobodys,
        });
    }
    told
}

fn by_topic(names: &Names<'_>, partitions: &BTreeSet<TopicPartition>) -> ByTopic {
    let mut topics: ByTopic = Vec::new();
    for partition in partitions {
        let name = names.topic(partition.topic);
        match topics.last_mut().filter(|(last, _)| *last == name) {
            Some((_, numbers)) => numbers.push(partition.partition),
            None => topics.push((name, vec![partition.partition])),
        }
    }
    topics
}

/// Numbers with runs of them drawn together: `0-3 5 7-8`.
fn ranges(numbers: &[u16]) -> String {
    let mut words: Vec<String> = Vec::new();
    let runs = numbers.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    for run in runs {
        match run {
            [] => {}
            [one] => words.push(one.to_string()),
            [first, .., last] => words.push(format!("{first}-{last}")),
        }
    }
    words.join(" ")
}

fn plural(count: usize, word: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {word}{end}")
}

impl fmt::Display for Assignments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scenario {}, seed {}", self.scenario, self.seed)?;
        for group in &self.groups {
            writeln!(f, "\ngroup {}", group.name)?;
            for assigned in &group.generations {
                write!(f, "{assigned}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Assigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, members, moved, nobodys } = self;
        write!(f, "  generation {}: {}", generation.0, plural(members.len(), "member"))?;
        if !moved.is_empty() {
            write!(f, ", {} moved", plural(moved.len(), "partition"))?;
        }
        writeln!(f)?;
        let width = members.iter().map(|(member, _)| member.len()).max().unwrap_or(0);
        for (member, topics) in members {
            write!(f, "    {member:<width$}")?;
            for (topic, numbers) in topics {
                write!(f, "  {topic} {}", ranges(numbers))?;
            }
            if topics.is_empty() {
                write!(f, "  nothing")?;
            }
            writeln!(f)?;
        }
        for (partition, from, to) in moved {
            writeln!(f, "    moved: {partition} from {from} to {to}")?;
        }
        if !nobodys.is_empty() {
            write!(f, "    given to nobody:")?;
            for (topic, numbers) in nobodys {
                write!(f, " {topic} {}", ranges(numbers))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
