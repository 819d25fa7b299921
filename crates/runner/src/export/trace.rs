//! The recorded events of a run, a line of text each.

use std::io::{self, Write};

use stormglass_sim::{TraceKind, TraceRecord, World};

use crate::names::Names;
use crate::words;

/// Writes a world's trace; nothing if none was recorded.
///
/// # Errors
/// If the text could not be written.
pub fn write_trace(world: &World, out: &mut dyn Write) -> io::Result<()> {
    let names = Names::new(world.history());
    let Some(trace) = world.trace() else { return Ok(()) };
    for record in trace.iter() {
        writeln!(out, "{}", trace_line(world, &names, record))?;
    }
    out.flush()
}

/// One recorded event in words, for whoever has no names at hand.
#[must_use]
pub fn trace_words(world: &World, record: &TraceRecord) -> String {
    trace_line(world, &Names::new(world.history()), record)
}

/// One recorded event in words.
pub(crate) fn trace_line(world: &World, names: &Names<'_>, record: &TraceRecord) -> String {
    let node = names.process(record.node);
    let what = match record.kind {
        TraceKind::Opened(from, conn) => {
            format!("<- {} opens connection {conn}", names.process(from))
        }
        TraceKind::Closed(from, conn) => {
            format!("<- {} ends connection {conn}", names.process(from))
        }
        TraceKind::Request(from, api, conn) => {
            format!("<- {} {} request on {conn}", names.process(from), api.name())
        }
        TraceKind::Response(from, api, conn) => {
            format!("<- {} {} response on {conn}", names.process(from), api.name())
        }
        TraceKind::RequestSent(to, api, conn) => {
            format!("-> {} {} request on {conn}", names.process(to), api.name())
        }
        TraceKind::ResponseSent(to, api, conn) => {
            format!("-> {} {} response on {conn}", names.process(to), api.name())
        }
        TraceKind::Timer(timer) => format!("timer {timer:?}"),
        TraceKind::Synced => "disk synced".to_owned(),
        TraceKind::Application => "application".to_owned(),
        TraceKind::Started(incarnation) => format!("starts life {incarnation}"),
        TraceKind::Ended(incarnation) => format!("ends life {incarnation}"),
        TraceKind::Fault(fault) => {
            format!("fault {fault} strikes: {}", fault_words(world, names, fault))
        }
        TraceKind::FaultOver(fault) => {
            format!("fault {fault} is over: {}", fault_words(world, names, fault))
        }
        TraceKind::Marked(mark) => format!("marks {}: {}", mark.name(), mark.meaning().trim()),
        TraceKind::Noted(note) => format!("notes: {}", words::note(names, &note)),
    };
    format!("{} {node} {what}", record.at)
}

fn fault_words(world: &World, names: &Names<'_>, fault: u32) -> String {
    let place = usize::try_from(fault).unwrap_or(usize::MAX);
    let planned = world.plan().faults.get(place);
    planned.map_or_else(String::new, |fault| words::fault_words(&fault.action, names).0)
}
