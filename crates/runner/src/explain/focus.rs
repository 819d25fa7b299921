//! What an explanation is about: the records, the partition and the group of an anomaly, or of the worst case where a figure
//! was out of its bound.
//!
//! Finds the worst case in the history; judges nothing.

use std::collections::BTreeMap;

use stormglass_check::Anomaly;
use stormglass_sim::World;
use stormglass_types::history::{Event, History, Outcome, What};
use stormglass_types::{
    Dense, GroupId, NodeId, Offset, Span, Time, TopicId, TopicPartition, Value,
};

use crate::names::Names;
use crate::words;

/// What a story looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Focus {
    pub(super) group: Option<GroupId>,
    pub(super) partition: Option<TopicPartition>,
    pub(super) values: Vec<Value>,
    pub(super) offsets: Vec<Offset>,
    pub(super) times: Vec<Time>,
    pub(super) processes: Vec<NodeId>,
    /// The events that show it, as places in the history.
    pub(super) witness: Vec<usize>,
    /// What an invariant beside the world saw, when, and of whom.
    pub(super) breach: Option<(Time, NodeId, String)>,
    /// What the worst case was, in a sentence that follows the bound.
    pub(super) worst: Option<String>,
}

/// The story of a breach begins so long before it.
const BEFORE: Span = Span::secs(5);

impl From<&Anomaly> for Focus {
    fn from(anomaly: &Anomaly) -> Self {
        Self {
            group: anomaly.group,
            partition: anomaly.partition,
            values: anomaly.values.clone(),
            offsets: anomaly.offsets.clone(),
            times: anomaly.times.clone(),
            processes: anomaly.processes.clone(),
            witness: anomaly.witness.clone(),
            breach: None,
            worst: None,
        }
    }
}

impl Focus {
    /// The first thing that an invariant beside the world found broken.
    pub(super) fn of_breach(world: &World, invariant: &str) -> Self {
        let found = world.breaches().iter().find(|breach| breach.invariant() == invariant);
        let Some(breach) = found else { return Self::default() };
        Self {
            partition: Some(breach.partition),
            times: vec![Time(breach.at.0.saturating_sub(BEFORE.0))],
            breach: Some((breach.at, breach.node, breach.to_string())),
            ..Self::default()
        }
    }

    /// The worst case of a figure, such as `billing.partition-lag.max`.
    pub(super) fn of_figure(world: &World, figure: &str) -> Self {
        let history = world.history();
        let group = owner(figure, history.header.groups.iter().map(|group| group.name.as_str()));
        let topic = owner(figure, history.header.topics.iter().map(|topic| topic.name.as_str()));
        let group = group.map(|(place, rest)| (GroupId::from_index(place), rest));
        let topic = topic.map(|(place, rest)| (TopicId::from_index(place), rest));
        match (group, topic) {
            (Some((group, rest)), _) if rest.contains("lag") => most_behind(history, group),
            (Some((group, "redelivered")), _) => done_again(history, group),
            (Some((group, _)), _) => Self { group: Some(group), ..Self::default() },
            (None, Some((topic, "max-partition-share"))) => fullest(history, topic),
            (None, Some((topic, _))) => {
                Self { partition: Some(TopicPartition::new(topic, 0)), ..Self::default() }
            }
            (None, None) => slowest(history),
        }
    }
}

fn owner<'a>(figure: &'a str, names: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    names.enumerate().find_map(|(place, name)| {
        let rest = figure.strip_prefix(name)?.strip_prefix('.')?;
        Some((place, rest))
    })
}

/// Where and when a group was furthest behind.
fn most_behind(history: &History, wanted: GroupId) -> Focus {
    let mut worst: Option<(u64, usize, TopicPartition, Time)> = None;
    for (place, event) in history.events.iter().enumerate() {
        if let What::Lag { group, partition, lag } = event.what
            && group == wanted
            && worst.is_none_or(|(most, ..)| lag > most)
        {
            worst = Some((lag, place, partition, event.at));
        }
    }
    let Some((lag, place, partition, at)) = worst else {
        return Focus { group: Some(wanted), ..Focus::default() };
    };
    let names = Names::new(history);
    let load = fullest(history, partition.topic).worst;
    let load = load.map_or_else(String::new, |load| format!("; {load}"));
    let says = format!(
        "{} was furthest behind on {} at {}: {} records{load}",
        names.group(wanted),
        names.partition(partition),
        words::clock(at.as_millis()),
        words::count(lag)
    );
    Focus {
        group: Some(wanted),
        partition: Some(partition),
        witness: vec![place],
        worst: Some(says),
        ..Focus::default()
    }
}

/// The first record that a group processed twice.
fn done_again(history: &History, wanted: GroupId) -> Focus {
    let mut done: BTreeMap<(TopicPartition, i64), (usize, Time)> = BTreeMap::new();
    for (place, event) in history.events.iter().enumerate() {
        let What::Processed { group, partition, base, values } = event.what else { continue };
        if group != wanted {
            continue;
        }
        for number in 0..values.count {
            let offset = base.plus(number);
            if let Some((first, at)) = done.insert((partition, offset.0), (place, event.at)) {
                let names = Names::new(history);
                let says = format!(
                    "the first record that was processed again is {} of {} at offset {offset}",
                    names.value(values.at(number)),
                    names.partition(partition)
                );
                return Focus {
                    group: Some(wanted),
                    partition: Some(partition),
                    values: vec![values.at(number)],
                    offsets: vec![offset],
                    times: vec![at],
                    witness: vec![first, place],
                    worst: Some(says),
                    ..Focus::default()
                };
            }
        }
    }
    Focus { group: Some(wanted), ..Focus::default() }
}

/// The partition that most records of a topic went to.
fn fullest(history: &History, topic: TopicId) -> Focus {
    let mut counts: BTreeMap<TopicPartition, (u64, BTreeMap<u32, u64>)> = BTreeMap::new();
    for event in history.events.iter() {
        if let What::Send { partition, key, .. } = event.what
            && partition.topic == topic
        {
            let (all, keys) = counts.entry(partition).or_default();
            *all += 1;
            if let Some(key) = key {
                *keys.entry(key.0).or_default() += 1;
            }
        }
    }
    let total: u64 = counts.values().map(|(all, _)| all).sum();
    let Some((partition, (all, keys))) = counts.iter().max_by_key(|(_, (all, _))| *all) else {
        return Focus::default();
    };
    let names = Names::new(history);
    let hot = keys.iter().max_by_key(|(_, count)| **count);
    let hot = hot.map_or_else(String::new, |(key, count)| {
        format!(
            ", {} of them of key {}",
            words::count(*count),
            names.key(stormglass_types::Key(*key))
        )
    });
    let says = format!(
        "{} got {} of the {} records of its topic{hot}",
        names.partition(*partition),
        words::count(*all),
        words::count(total)
    );
    Focus { partition: Some(*partition), worst: Some(says), ..Focus::default() }
}

/// The record whose answer took longest.
fn slowest(history: &History) -> Focus {
    let mut sent: BTreeMap<(u16, TopicPartition, u32), (usize, &Event)> = BTreeMap::new();
    let mut worst: Option<(u64, Focus)> = None;
    for (place, event) in history.events.iter().enumerate() {
        if let What::Send { partition, value, .. } = event.what {
            sent.insert((value.source.0, partition, value.serial), (place, event));
        }
        if let What::SendDone { partition, values, base, outcome: Outcome::Ok } = event.what {
            let first = values.at(0);
            let key = (first.source.0, partition, first.serial);
            let Some((begun, send)) = sent.get(&key) else { continue };
            let took = event.at.since(send.at);
            if worst.as_ref().is_some_and(|(most, _)| took.0 <= *most) {
                continue;
            }
            let names = Names::new(history);
            let says = format!(
                "the slowest was {}, sent to {} at {} and acknowledged {} later",
                names.value(first),
                names.partition(partition),
                words::clock(send.at.as_millis()),
                words::short_span(took)
            );
            let focus = Focus {
                partition: Some(partition),
                values: vec![first],
                offsets: vec![base],
                // What held it up may have begun before.
                times: vec![Time(send.at.0.saturating_sub(Span::secs(1).0))],
                processes: vec![event.process],
                witness: vec![*begun, place],
                worst: Some(says),
                ..Focus::default()
            };
            worst = Some((took.0, focus));
        }
    }
    worst.map(|(_, focus)| focus).unwrap_or_default()
}
