//! Faults of a plan in words, with what became of them.

use stormglass_kafka::{CrashKind, Start};
use stormglass_sim::FaultStory;
use stormglass_sim::plan::{FaultAction, Plan, Readers, Target, Ways};
use stormglass_types::Span;

use super::span::short_span;
use crate::names::Names;
use crate::result::FaultLine;

/// The faults of a plan: those that struck in the order of time, then those that never did.
#[must_use]
pub fn fault_lines(plan: &Plan, stories: &[FaultStory], names: &Names<'_>) -> Vec<FaultLine> {
    let mut struck: Vec<&FaultStory> = stories.iter().collect();
    struck.sort_by_key(|story| (story.began, story.fault));
    let mut idle = vec![true; plan.faults.len()];
    let mut lines = Vec::with_capacity(plan.faults.len());
    for story in struck {
        let place = usize::try_from(story.fault).unwrap_or(usize::MAX);
        let Some(fault) = plan.faults.get(place) else { continue };
        idle[place] = false;
        let (what, lasting) = fault_words(&fault.action, names);
        let meant = whom(&fault.action, names);
        let whom = match story.node.map(|node| names.process(node)) {
            Some(name) if meant.is_empty() || name == meant => name,
            Some(name) => format!("{name} ({meant})"),
            None => meant,
        };
        lines.push(FaultLine { began_ms: Some(story.began.as_millis()), what, whom, lasting });
    }
    for (fault, _) in plan.faults.iter().zip(&idle).filter(|(_, idle)| **idle) {
        let (what, lasting) = fault_words(&fault.action, names);
        lines.push(FaultLine { began_ms: None, what, whom: whom(&fault.action, names), lasting });
    }
    lines
}

/// What a fault does, and for how long.
#[must_use]
pub fn fault_words(action: &FaultAction, names: &Names<'_>) -> (String, Option<Span>) {
    let (what, lasting) = match action {
        FaultAction::Kill { kind, down, .. } => {
            let what = match kind {
                CrashKind::Process => "crash",
                CrashKind::Power => "power loss",
                CrashKind::Torn => "power loss, torn write",
                CrashKind::DiskLost => "disk lost",
            };
            (what.to_owned(), Some(*down))
        }
        FaultAction::Restart { down, .. } => ("restart".to_owned(), Some(*down)),
        FaultAction::Pause { lasting, .. } => ("pause".to_owned(), Some(*lasting)),
        FaultAction::Cut { ways, lasting, .. } => {
            let what = match ways {
                Ways::One => "link cut, one way",
                Ways::Both => "link cut",
            };
            (what.to_owned(), Some(*lasting))
        }
        FaultAction::Isolate { lasting, .. } => ("isolated".to_owned(), Some(*lasting)),
        FaultAction::Slow { by, lasting, .. } => {
            (format!("network slower by {}", short_span(*by)), Some(*lasting))
        }
        FaultAction::Reset { .. } => ("connections reset".to_owned(), None),
        FaultAction::Lose => ("message lost, connection reset".to_owned(), None),
        FaultAction::Late { by } => (format!("message late by {}", short_span(*by)), None),
        FaultAction::SlowDisk { sync, lasting, .. } => {
            (format!("syncs take {}", short_span(*sync)), Some(*lasting))
        }
        FaultAction::StallDisk { lasting, .. } => ("disk stalls".to_owned(), Some(*lasting)),
        FaultAction::FillDisk { lasting, .. } => ("disk full".to_owned(), Some(*lasting)),
        FaultAction::JumpClock { by_ms, .. } => (format!("clock jumps {by_ms:+}ms"), None),
        FaultAction::Flip { .. } => ("leadership moved".to_owned(), None),
        FaultAction::LagMetadata { by, lasting, .. } => {
            (format!("metadata late by {}", short_span(*by)), Some(*lasting))
        }
        FaultAction::SlowProcessing { each, lasting, .. } => {
            (format!("{} per record", short_span(*each)), Some(*lasting))
        }
        FaultAction::Seek { readers, to } => {
            let (who, place) = reader_words(*readers, names);
            (format!("{who} seeks to {}{place}", start_words(*to)), None)
        }
        FaultAction::PauseReading { readers, lasting } => {
            let (who, place) = reader_words(*readers, names);
            (format!("{who} pauses reading{place}"), Some(*lasting))
        }
        FaultAction::DeleteGroup { group } => {
            (format!("{} is to be removed", names.group(*group)), None)
        }
        FaultAction::DeleteTopic { topic, gone } => {
            (format!("{} is deleted, and created anew", names.topic(*topic)), Some(*gone))
        }
        FaultAction::DeleteRecords { before, .. } => match before {
            Some(before) => (format!("records below offset {before} are to be deleted"), None),
            None => ("all committed records are to be deleted".to_owned(), None),
        },
        FaultAction::Reassign { replicas: Some(replicas), .. } => {
            let brokers: Vec<String> = replicas.iter().map(ToString::to_string).collect();
            (format!("replicas are to move to {}", brokers.join(", ")), None)
        }
        FaultAction::Reassign { replicas: None, .. } => {
            ("replicas are to stay where they were".to_owned(), None)
        }
        FaultAction::Throttle { rate: Some(rate) } => {
            (format!("throttled replicas are to copy {rate} bytes a second at most"), None)
        }
        FaultAction::Throttle { rate: None } => {
            ("replicas are to be throttled no longer".to_owned(), None)
        }
        FaultAction::Expand { topic, partitions } => {
            (format!("{} grows to {partitions} partitions", names.topic(*topic)), None)
        }
    };
    (what, lasting)
}

/// Who is told about which partition.
fn reader_words(readers: Readers, names: &Names<'_>) -> (String, String) {
    let group = || names.group(readers.group);
    let who = readers.member.map_or_else(group, |member| names.process(member));
    let place = readers.partition.map(|partition| format!(" in {}", names.partition(partition)));
    (who, place.unwrap_or_default())
}

/// A position that somebody seeks.
fn start_words(start: Start) -> String {
    match start {
        Start::Earliest => "the beginning".to_owned(),
        Start::Latest => "the end".to_owned(),
        Start::Ago(age) => format!("what came {} ago", short_span(age)),
        Start::At(offset) => format!("offset {offset}"),
        Start::Committed => "the committed offset".to_owned(),
        Start::Policy => "where auto.offset.reset says".to_owned(),
    }
}

/// Whom a fault is meant to strike; empty if it strikes a message or nobody.
fn whom(action: &FaultAction, names: &Names<'_>) -> String {
    match action {
        FaultAction::Kill { target, .. }
        | FaultAction::Restart { target, .. }
        | FaultAction::Pause { target, .. }
        | FaultAction::Isolate { target, .. }
        | FaultAction::Slow { target, .. }
        | FaultAction::Reset { target }
        | FaultAction::SlowDisk { target, .. }
        | FaultAction::StallDisk { target, .. }
        | FaultAction::FillDisk { target, .. }
        | FaultAction::JumpClock { target, .. }
        | FaultAction::LagMetadata { target, .. }
        | FaultAction::SlowProcessing { target, .. } => fault_target(target, names),
        FaultAction::Cut { from, to, ways, .. } => {
            let arrow = match ways {
                Ways::One => "to",
                Ways::Both => "and",
            };
            format!("{} {arrow} {}", fault_target(from, names), fault_target(to, names))
        }
        FaultAction::Flip { partition }
        | FaultAction::DeleteRecords { partition, .. }
        | FaultAction::Reassign { partition, .. } => names.partition(*partition),
        FaultAction::Lose
        | FaultAction::Late { .. }
        | FaultAction::Seek { .. }
        | FaultAction::PauseReading { .. }
        | FaultAction::DeleteGroup { .. }
        | FaultAction::DeleteTopic { .. }
        | FaultAction::Throttle { .. }
        | FaultAction::Expand { .. } => String::new(),
    }
}

/// A target, as scenarios say it.
#[must_use]
pub fn fault_target(target: &Target, names: &Names<'_>) -> String {
    match target {
        Target::Process(node) => names.process(*node),
        Target::OneOf(nodes) => {
            let nodes: Vec<String> = nodes.iter().map(|node| names.process(*node)).collect();
            match &nodes[..] {
                [first, .., last] if nodes.len() > 3 => format!("one of {first} … {last}"),
                _ => format!("one of {}", nodes.join(", ")),
            }
        }
        Target::LeaderOf(partition) => format!("leader of {}", names.partition(*partition)),
        Target::FollowerOf(partition) => format!("follower of {}", names.partition(*partition)),
        Target::CoordinatorOf(group) => format!("coordinator of {}", names.group(*group)),
        Target::Controller => "controller".to_owned(),
    }
}
