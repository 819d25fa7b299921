//! The events worth reading one by one: everything but the pipeline's daily work.

use std::collections::BTreeSet;

use serde::Serialize;
use stormglass_kafka::Note;
use stormglass_sim::TraceKind;
use stormglass_types::history::{Outcome, What};
use stormglass_types::{NodeId, Time};

use super::{Recorded, micros};
use crate::names::Names;
use crate::words;

/// A list in the order of time.
#[derive(Serialize)]
pub(super) struct Events {
    /// When, which process (none for a sentence about nobody), of which kind, and what.
    list: Vec<Told>,
    /// How many more there were of the kinds that came too often.
    left_out: usize,
}

type Told = (u64, Option<usize>, &'static str, String);

/// No more events of one kind than this.
const MOST: usize = 600;

/// What kinds there are, in the order in which they are counted.
const KINDS: [&str; 10] =
    ["fault", "life", "leader", "in-sync", "log", "group", "send", "commit", "mark", "evidence"];

/// The events of a run.
pub(super) fn events(run: &Recorded<'_>, names: &Names<'_>) -> Events {
    let history = run.world.history();
    let mut found: Vec<(Time, Told)> = Vec::new();
    let mut counts = [0; KINDS.len()];
    let mut left_out = 0;
    let mut add = |at: Time, node: NodeId, kind: &'static str, what: String| {
        let place = KINDS.iter().position(|known| *known == kind).unwrap_or(0);
        counts[place] += 1;
        if counts[place] > MOST {
            left_out += 1;
        } else {
            let process = usize::from(node.0);
            found.push((at, (micros(at), Some(process), kind, what)));
        }
    };
    let witnesses: Vec<usize> = run
        .result
        .verdicts
        .iter()
        .flat_map(|verdict| verdict.witness.iter().map(|event| event.index))
        .collect();
    for (index, event) in history.events.iter().enumerate() {
        let text = || {
            if let What::FaultBegan { fault } = event.what {
                return format!("fault begins: {}", fault_text(run, names, fault));
            }
            if let What::FaultEnded { fault } = event.what {
                return format!("fault is over: {}", fault_text(run, names, fault));
            }
            words::event(names, &event.what)
        };
        if let Some(kind) = kind(&event.what) {
            add(event.at, event.process, kind, text());
        } else if witnesses.contains(&index) {
            add(event.at, event.process, "evidence", text());
        }
    }
    let mut marked = BTreeSet::new();
    for record in run.world.trace().into_iter().flat_map(|trace| trace.iter()) {
        if let TraceKind::Marked(mark) = record.kind {
            // A rare branch is told once of each process.
            if marked.insert((record.node, mark)) {
                let text = format!("{}: {}", mark.name(), mark.meaning().trim());
                add(record.at, record.node, "mark", text);
            }
            continue;
        }
        let TraceKind::Noted(note) = record.kind else { continue };
        if matches!(note, Note::Truncated { .. } | Note::BecameLeader { .. }) {
            add(record.at, record.node, "log", words::note(names, &note));
        } else if matches!(note, Note::Refused { .. }) {
            add(record.at, record.node, "send", words::note(names, &note));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    Events { list: found.into_iter().map(|(_, told)| told).collect(), left_out }
}

pub(super) fn fault_text(run: &Recorded<'_>, names: &Names<'_>, fault: u32) -> String {
    let planned = usize::try_from(fault).ok().and_then(|place| run.world.plan().faults.get(place));
    planned.map_or_else(String::new, |fault| words::fault_words(&fault.action, names).0)
}

/// The kind of an event that is worth reading; none for daily work.
const fn kind(what: &What) -> Option<&'static str> {
    match what {
        What::FaultBegan { .. } | What::FaultEnded { .. } | What::Healed => Some("fault"),
        What::Started | What::Crashed | What::Stopped | What::Paused | What::Resumed => {
            Some("life")
        }
        What::Leader { .. } => Some("leader"),
        What::InSync { .. } => Some("in-sync"),
        What::LogLost { .. }
        | What::Removed { .. }
        | What::TopicDeleted { .. }
        | What::TransactionBegan { .. }
        | What::TransactionEnded { .. }
        | What::Hidden { .. }
        | What::Expanded { .. }
        | What::FinalEnd { .. } => Some("log"),
        What::Assigned { .. }
        | What::Revoked { .. }
        | What::Lost { .. }
        | What::Rebalanced { .. }
        | What::Joined { .. }
        | What::Parted { .. }
        | What::Positioned { .. }
        | What::Stuck { .. } => Some("group"),
        What::SendRefused { .. }
        | What::SendDone { outcome: Outcome::Fail(_) | Outcome::Unknown(_), .. } => Some("send"),
        What::CommitDone { outcome: Outcome::Fail(_) | Outcome::Unknown(_), .. } => Some("commit"),
        What::SendDone { outcome: Outcome::Ok, .. }
        | What::CommitDone { outcome: Outcome::Ok, .. }
        | What::Send { .. }
        | What::SentAgain { .. }
        | What::Polled { .. }
        | What::Processed { .. }
        | What::Deduplicated { .. }
        | What::Commit { .. }
        | What::Lag { .. }
        | What::FinalRead { .. }
        | What::ReplicaLog { .. }
        | What::ReplicaEnd { .. } => None,
    }
}
