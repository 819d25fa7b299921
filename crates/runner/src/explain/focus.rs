//! What an explanation is about: the records, the partition and the group of an anomaly, or of the worst case where a figure
//! was out of its bound.
//!
//! Finds the worst case in the history; judges nothing.

use std::collections::BTreeMap;

use stormglass_check::{Anomaly, AnomalyKind};
use stormglass_sim::World;
use stormglass_types::history::{Event, History, Outcome, What};
use stormglass_types::{
    Dense, GroupId, NodeId, Offset, Span, Time, TopicId, TopicPartition, Value, ValueRange,
};

use crate::names::Names;
use crate::words;

/// What a story looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Focus {
    pub(super) group: Option<GroupId>,
    pub(super) partition: Option<TopicPartition>,
    /// What went wrong, if an oracle saw it.
    pub(super) kind: Option<AnomalyKind>,
    /// The records, and where each lies.
    pub(super) records: Vec<(TopicPartition, Value)>,
    pub(super) offsets: Vec<Offset>,
    pub(super) times: Vec<Time>,
    pub(super) processes: Vec<NodeId>,
    /// The events that show it, as places in the history.
    pub(super) witness: Vec<usize>,
    /// What an invariant beside the world saw, when, and of whom.
    pub(super) breach: Option<(Time, NodeId, String)>,
    /// The lag in the worst case.
    pub(super) lag: Option<u64>,
    /// What the worst case was, in a sentence that follows the bound.
    pub(super) worst: Option<String>,
}

/// The story of a breach begins so long before it.
const BEFORE: Span = Span::secs(5);

impl Focus {
    /// What an oracle found.
    pub(super) fn of(anomaly: &Anomaly, history: &History) -> Self {
        Self {
            group: anomaly.group,
            partition: anomaly.partition,
            kind: Some(anomaly.kind),
            records: records(anomaly, history),
            offsets: anomaly.offsets.clone(),
            times: anomaly.times.clone(),
            processes: anomaly.processes.clone(),
            witness: anomaly.witness.clone(),
            ..Self::default()
        }
    }

    /// The first thing that an invariant beside the world found broken.
    pub(super) fn of_breach(world: &World, invariant: &str) -> Self {
        let found = world.breaches().iter().find(|breach| breach.invariant() == invariant);
        let Some(breach) = found else { return Self::default() };
        Self {
            partition: breach.partition,
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
            (Some((group, rest)), _) if rest.contains("lag") => most_behind(world, group),
            (Some((group, rest)), _) if rest.starts_with("unowned") => {
                longest_unowned(history, group)
            }
            (Some((group, "rebalances")), _) => rebalances(history, group),
            (Some((group, "redelivered")), _) => done_again(history, group),
            (Some((group, _)), _) => Self { group: Some(group), ..Self::default() },
            (None, Some((topic, "max-partition-share"))) => fullest(history, topic),
            (None, Some((topic, _))) => {
                Self { partition: Some(TopicPartition::new(topic, 0)), ..Self::default() }
            }
            (None, None) if figure == "lost" => lost(history),
            (None, None) if figure == "failed" => first_failed(history),
            (None, None) => slowest(history),
        }
    }
}

/// An anomaly's records, each with its partition: records are counted per partition, so their sends tell them apart.
fn records(anomaly: &Anomaly, history: &History) -> Vec<(TopicPartition, Value)> {
    let mut records: Vec<(TopicPartition, Value)> = Vec::new();
    for place in &anomaly.witness {
        if let Some(What::Send { partition, value, .. }) =
            history.events.get(*place).map(|event| event.what)
            && anomaly.values.contains(&value)
            && !records.contains(&(partition, value))
        {
            records.push((partition, value));
        }
    }
    for value in &anomaly.values {
        if let Some(partition) = anomaly.partition
            && !records.iter().any(|(_, known)| known == value)
        {
            records.push((partition, *value));
        }
    }
    records
}

fn owner<'a>(figure: &'a str, names: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    names.enumerate().find_map(|(place, name)| {
        let rest = figure.strip_prefix(name)?.strip_prefix('.')?;
        Some((place, rest))
    })
}

/// Where and when a group was furthest behind.
fn most_behind(world: &World, wanted: GroupId) -> Focus {
    let history = world.history();
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
    let plan = world.plan().groups.get(wanted.index());
    let each = plan.map_or(Span::ZERO, |plan| plan.processing.each.least);
    let pace = 1_000_000_000_u64.checked_div(each.0).map_or_else(String::new, |pace| {
        let each = words::short_span(each);
        format!(
            "; a member takes {each} for each, so it does {} a second at most",
            words::count(pace)
        )
    });
    let says = format!(
        "{} was furthest behind on {} at {}: {} records{load}{pace}",
        names.group(wanted),
        names.partition(partition),
        words::clock(at.as_millis()),
        words::count(lag)
    );
    Focus {
        group: Some(wanted),
        partition: Some(partition),
        witness: vec![place],
        lag: Some(lag),
        worst: Some(says),
        ..Focus::default()
    }
}

/// When a partition of a group's had no owner for longest.
fn longest_unowned(history: &History, wanted: GroupId) -> Focus {
    let mut owners: BTreeMap<TopicPartition, Option<NodeId>> = BTreeMap::new();
    let mut since: BTreeMap<TopicPartition, (usize, Time)> = BTreeMap::new();
    let mut worst: Option<(Span, TopicPartition, [usize; 2], [Time; 2])> = None;
    let mut ended = |since: Option<(usize, Time)>, partition, place: usize, at: Time| {
        let Some((from, begun)) = since else { return };
        let lasted = at.since(begun);
        if worst.as_ref().is_none_or(|(most, ..)| lasted > *most) {
            worst = Some((lasted, partition, [from, place], [begun, at]));
        }
    };
    let mut last = Time::ZERO;
    for (place, event) in history.events.iter().enumerate() {
        last = event.at;
        match event.what {
            What::Assigned { group, partition, .. } if group == wanted => {
                owners.insert(partition, Some(event.process));
                ended(since.remove(&partition), partition, place, event.at);
            }
            What::Revoked { group, partition, .. } | What::Lost { group, partition, .. }
                if group == wanted && owners.get(&partition) == Some(&Some(event.process)) =>
            {
                owners.insert(partition, None);
                since.insert(partition, (place, event.at));
            }
            What::Crashed | What::Stopped => {
                for (partition, owner) in &mut owners {
                    if *owner == Some(event.process) {
                        *owner = None;
                        since.insert(*partition, (place, event.at));
                    }
                }
            }
            _ => {}
        }
    }
    let open: Vec<_> = since.iter().map(|(partition, since)| (*partition, *since)).collect();
    for (partition, since) in open {
        ended(Some(since), partition, since.0, last);
    }
    let Some((lasted, partition, witness, [begun, at])) = worst else {
        return Focus { group: Some(wanted), ..Focus::default() };
    };
    let names = Names::new(history);
    let name = names.partition(partition);
    let says = if at == last {
        format!("nobody owned {name} from {} on", words::clock(begun.as_millis()))
    } else {
        format!(
            "the longest that a partition had no owner is {}: {name} from {} to {}",
            words::short_span(lasted),
            words::clock(begun.as_millis()),
            words::clock(at.as_millis())
        )
    };
    let processes = witness.iter().filter_map(|place| history.events.get(*place));
    Focus {
        group: Some(wanted),
        partition: Some(partition),
        times: vec![Time(begun.0.saturating_sub(Span::secs(1).0))],
        processes: processes.map(|event| event.process).collect(),
        witness: witness.to_vec(),
        worst: Some(says),
        ..Focus::default()
    }
}

/// The rounds of a group, all of them.
fn rebalances(history: &History, wanted: GroupId) -> Focus {
    let rounds = history.events.iter().filter_map(|event| match event.what {
        What::Rebalanced { group, generation, .. } if group == wanted => {
            Some((event.at, generation.0))
        }
        _ => None,
    });
    let rounds: Vec<(Time, i32)> = rounds.collect();
    let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else {
        return Focus { group: Some(wanted), ..Focus::default() };
    };
    let names = Names::new(history);
    let clock = |at: Time| words::clock(at.as_millis());
    let says = format!(
        "{} completed generations {} to {} between {} and {}, and in each round every member stops",
        names.group(wanted),
        first.1,
        last.1,
        clock(first.0),
        clock(last.0)
    );
    Focus { group: Some(wanted), worst: Some(says), ..Focus::default() }
}

/// The first record that is lost: acknowledged, and not in any final log.
fn lost(history: &History) -> Focus {
    let mut kept: BTreeMap<(TopicPartition, u16), Vec<ValueRange>> = BTreeMap::new();
    for event in history.events.iter() {
        if let What::FinalRead { partition, values, .. } = event.what {
            kept.entry((partition, values.source.0)).or_default().push(values);
        }
    }
    let names = Names::new(history);
    for (place, event) in history.events.iter().enumerate() {
        let What::SendDone { partition, values, base, outcome: Outcome::Ok } = event.what else {
            continue;
        };
        let there = kept.get(&(partition, values.source.0));
        let gone = (0..values.count).map(|nth| values.at(nth)).find(|value| {
            let holds = |it: &ValueRange| {
                let place = value.serial.checked_sub(it.first);
                place.is_some_and(|place| place < it.count)
            };
            !there.is_some_and(|ranges| ranges.iter().any(holds))
        });
        let Some(gone) = gone else { continue };
        let says = format!(
            "the first is {} of {}, acknowledged at {}",
            names.value(gone),
            names.partition(partition),
            words::clock(event.at.as_millis())
        );
        let offset = Offset(base.0 + i64::from(gone.serial) - i64::from(values.first));
        return Focus {
            partition: Some(partition),
            records: vec![(partition, gone)],
            offsets: vec![offset],
            processes: vec![event.process],
            witness: vec![place],
            worst: Some(says),
            ..Focus::default()
        };
    }
    Focus::default()
}

/// The first send that failed.
fn first_failed(history: &History) -> Focus {
    let names = Names::new(history);
    for (place, event) in history.events.iter().enumerate() {
        let What::SendDone { partition, values, outcome, .. } = event.what else { continue };
        let Outcome::Fail(error) = outcome else { continue };
        let first = values.at(0);
        let sent = history.events.iter().enumerate().find(|(_, sent)| {
            matches!(sent.what, What::Send { partition: to, value, .. } if to == partition && value == first)
        });
        let Some((begun, sent)) = sent else { continue };
        let says = format!(
            "the first is {}, sent to {} at {} and given up {} later: {error}",
            names.value(first),
            names.partition(partition),
            words::clock(sent.at.as_millis()),
            words::short_span(event.at.since(sent.at))
        );
        return Focus {
            partition: Some(partition),
            records: vec![(partition, first)],
            // What kept it from being written began before.
            times: vec![Time(sent.at.0.saturating_sub(Span::secs(2).0))],
            processes: vec![event.process],
            witness: vec![begun, place],
            worst: Some(says),
            ..Focus::default()
        };
    }
    Focus::default()
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
                    records: vec![(partition, values.at(number))],
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
    // One among many keys is no cause.
    let hot = hot.filter(|(_, count)| **count * 5 > *all);
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
                records: vec![(partition, first)],
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
