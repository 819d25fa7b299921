//! The slice of a run that leads to an anomaly: what happened to its records, its partition and its group.
//!
//! Two accounts are merged by time: the history, as seen from outside, and what the machines noted about themselves.

use stormglass_kafka::message::Api;
use stormglass_sim::{TraceKind, World};
use stormglass_types::history::Event;
use stormglass_types::{Dense, NodeId, Time};

use super::focus::Focus;
use super::graph::{Direction, HappensBefore};
use super::teller::Teller;
use super::{Beat, Part};
use crate::words;

/// A story is not longer than this; what is left out stands in its middle.
const MOST: usize = 40;

/// The story of an anomaly, and how many of its steps were left out. `needed` says which faults played a part.
pub(super) fn tell(world: &World, focus: &Focus, needed: &[bool]) -> (Vec<Beat>, usize) {
    let mut teller = Teller::new(world, focus, needed);
    let events: Vec<&Event> = world.history().events.iter().collect();
    let mut events = events.into_iter().enumerate().peekable();
    if let Some(trace) = world.trace() {
        for record in trace.iter() {
            if !matches!(record.kind, TraceKind::Noted(_) | TraceKind::Marked(_)) {
                continue;
            }
            // At one instant, what a machine noted came before what was seen of it.
            while let Some((index, event)) = events.next_if(|(_, event)| event.at < record.at) {
                teller.on_event(index, event);
            }
            if let TraceKind::Noted(note) = record.kind {
                teller.on_note(record.at, record.node, &note);
            } else if let TraceKind::Marked(mark) = record.kind {
                teller.on_mark(record.at, record.node, mark);
            }
        }
    }
    for (index, event) in events {
        teller.on_event(index, event);
    }
    let (beats, places) = teller.finish();
    let mut beats = merged(sliced(world, beats, &places));
    let left_out = beats.len().saturating_sub(MOST);
    if left_out > 0 {
        beats.drain(MOST / 3..MOST / 3 + left_out);
    }
    (beats, left_out)
}

/// Messages that go round all the time and seldom tell anything.
const fn chatter(api: Api) -> bool {
    matches!(api, Api::Metadata | Api::BrokerHeartbeat | Api::Heartbeat | Api::FindCoordinator)
}

/// Keeps what can have caused a claim or a fact of the story, and tells which message each process had heard before.
///
/// What was read when all was over depends on everything; so where there is nothing else, everything stays.
fn sliced(world: &World, beats: Vec<Beat>, places: &[(Option<NodeId>, bool)]) -> Vec<Beat> {
    let graph = HappensBefore::of(world);
    let steps: Vec<_> =
        beats.iter().zip(places).map(|(beat, (place, _))| graph.step((*place)?, beat.at)).collect();
    let sinks = places.iter().zip(&steps).filter(|((_, sink), _)| *sink);
    let facts: Vec<_> = sinks.filter_map(|(_, step)| *step).collect();
    let slice = (!facts.is_empty()).then(|| graph.slice(&facts));
    let names: Vec<String> =
        world.history().header.processes.iter().map(|process| process.name.clone()).collect();
    let mut last: Vec<Time> = vec![Time::ZERO; names.len()];
    let mut kept: Vec<Beat> = Vec::new();
    for ((mut beat, (place, _)), step) in beats.into_iter().zip(places).zip(&steps) {
        let caused = match (&slice, step) {
            (Some(slice), Some(step)) => slice[step.index()],
            (None, _) | (_, None) => true,
        };
        if !caused && beat.part == Part::Work {
            continue;
        }
        if let (Some(place), Some(step)) = (place, step) {
            let since = std::mem::replace(&mut last[place.index()], beat.at);
            let heard = graph.heard(*step, since);
            // A fault strikes by itself.
            let heard = heard.filter(|_| beat.part != Part::Fault);
            beat.heard = heard.and_then(|(from, api, direction)| {
                let from = names.get(from.index())?;
                let known = kept.iter().any(|beat| beat.who == *from) && *from != beat.who;
                let known = known && !chatter(api);
                let way = match direction {
                    Direction::Request => "request",
                    Direction::Response => "response",
                };
                known.then(|| (from.clone(), format!("{} {way}", api.name())))
            });
        }
        kept.push(beat);
    }
    kept
}

/// Says what struck and what came of it at once as one step, and what comes again and again once.
fn merged(beats: Vec<Beat>) -> Vec<Beat> {
    let mut kept: Vec<Beat> = Vec::with_capacity(beats.len());
    let mut alike: Vec<(usize, u64, Time)> = Vec::new();
    for beat in beats {
        let struck = |other: &&mut Beat| other.who == beat.who && other.at == beat.at;
        let joined = kept.iter_mut().rev().take(NEAR).filter(struck).find_map(|other| {
            let what = joined(other, &beat)?;
            (other.what, other.part) = (what, Part::Fault);
            Some(())
        });
        if joined.is_some() {
            continue;
        }
        let same = |other: &Beat| other.who == beat.who && other.what == beat.what;
        let before: Vec<usize> = (0..kept.len()).filter(|nth| same(&kept[*nth])).collect();
        match before[..] {
            [.., last] if before.len() >= TWICE && beat.what.starts_with(REFUSES) => {
                match alike.iter_mut().find(|(place, ..)| *place == last) {
                    Some((_, times, at)) => (*times, *at) = (*times + 1, beat.at),
                    None => alike.push((last, 1, beat.at)),
                }
            }
            _ => kept.push(beat),
        }
    }
    for (place, times, at) in alike {
        let often = if times == 1 { "once more" } else { "again and again" };
        let clock = words::clock(at.as_millis());
        kept[place].what = format!("{} ({often}, until {clock})", kept[place].what);
    }
    kept
}

/// A fault and what it did to the same process at the same instant, whichever was told first.
fn joined(one: &Beat, other: &Beat) -> Option<String> {
    let (fault, came) = match (one.what.strip_prefix(FAULT), other.what.strip_prefix(FAULT)) {
        (Some(_), None) => (&one.what, &other.what),
        (None, Some(_)) => (&other.what, &one.what),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    if fault.ends_with(" is over") {
        return (came == "goes on").then(|| format!("{fault}: it goes on"));
    }
    let rest = ["crashes", "is held up"].iter().find_map(|verb| came.strip_prefix(verb))?;
    Some(format!("{fault}{rest}"))
}

/// So many steps back, a fault and what it did are looked for.
const NEAR: usize = 4;

/// What is refused again and again is told so often.
const TWICE: usize = 2;

/// How a step begins in which something is refused.
const REFUSES: &str = "refuses ";

/// How a step begins that a fault is.
const FAULT: &str = "fault: ";
