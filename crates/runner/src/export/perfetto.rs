//! A run in Chrome's Trace Event Format, which Perfetto and `chrome://tracing` open: a track per process, arrows for messages.
//!
//! Times are microseconds with the nanoseconds behind the point. Something that takes no time here, such as handling a message,
//! is drawn 100 ns long, so that arrows have something to hold on to.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};
use stormglass_kafka::Note;
use stormglass_kafka::message::Api;
use stormglass_kafka::note::ReplicaRole;
use stormglass_sim::{TraceKind, TraceRecord, World};
use stormglass_types::history::What as Happened;
use stormglass_types::{Dense, NodeId, TopicPartition};

use super::Provenance;
use crate::names::Names;
use crate::report::lanes::{self, Lanes};
use crate::words;

/// How long something is drawn that takes no time, in nanoseconds.
const BRIEF: u64 = 100;

/// Tracks of a process.
const LIFE: u64 = 1;
const MESSAGES: u64 = 2;
const NOTES: u64 = 3;
const REQUESTS: u64 = 4;

/// Between two events on lines of their own.
const NEXT: &str = "\n";

/// Writes a recorded run; without a trace there are lives, leaders and owners, but no messages.
///
/// # Errors
/// If the text could not be written.
pub fn write_perfetto(
    provenance: &Provenance<'_>,
    world: &World,
    out: &mut dyn Write,
) -> io::Result<()> {
    let about = json!({
        "scenario": provenance.scenario,
        "seed": provenance.seed,
        "digest": provenance.digest.to_string(),
        "stormglass": crate::saved::VERSION,
    });
    writeln!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":[")?;
    let lanes = lanes::lanes(world, None);
    let names = Names::new(world.history());
    let mut writer = Writer { out, names, first: true, busy: BTreeMap::new(), arrows: 0 };
    writer.head(&lanes)?;
    writer.lanes(&lanes)?;
    writer.messages(world)?;
    writer.lag(world)?;
    writeln!(writer.out, "\n]}}")?;
    writer.out.flush()
}

struct Writer<'o, 'h> {
    out: &'o mut dyn Write,
    names: Names<'h>,
    first: bool,
    /// Until when each track of brief things is taken: two of them never overlap.
    busy: BTreeMap<u64, u64>,
    arrows: u64,
}

/// A message of a connection.
#[derive(Clone, Copy)]
struct What<'k> {
    api: Api,
    /// `request` or `response`.
    kind: &'k str,
    conn: u32,
}

/// A message on its way, per connection and direction.
type Flights = BTreeMap<(u32, NodeId), VecDeque<(u64, u64)>>;

/// Requests without an answer, per connection and client.
type Open = BTreeMap<(u32, NodeId), VecDeque<(u64, Api)>>;

impl Writer<'_, '_> {
    fn event(&mut self, event: &Value) -> io::Result<()> {
        self.apart()?;
        serde_json::to_writer(&mut *self.out, event)?;
        Ok(())
    }

    /// What stands between two events.
    fn apart(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.first) {
            return Ok(());
        }
        self.out.write_all(b",\n")
    }

    fn head(&mut self, lanes: &Lanes) -> io::Result<()> {
        let count = lanes.processes.len() as u64;
        let own = lanes.processes.iter().map(|process| process.name.as_str());
        let shared = ["partitions", "groups", "faults"];
        for (place, name) in (0_u64..).zip(own.chain(shared)) {
            self.name("process_name", place + 1, None, name)?;
            // What concerns everybody comes first.
            let order = if place < count { place + 10 } else { place - count };
            let sort = json!({ "sort_index": order });
            self.event(
                &json!({ "ph": "M", "name": "process_sort_index", "pid": place + 1, "args": sort }),
            )?;
            if place < count {
                let tracks = [
                    (LIFE, "life"),
                    (MESSAGES, "messages"),
                    (NOTES, "notes"),
                    (REQUESTS, "requests"),
                ];
                for (track, name) in tracks {
                    self.name("thread_name", place + 1, Some(track), name)?;
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, what: &str, pid: u64, tid: Option<u64>, name: &str) -> io::Result<()> {
        let tid = tid.unwrap_or(0);
        self.event(
            &json!({ "ph": "M", "name": what, "pid": pid, "tid": tid, "args": { "name": name } }),
        )
    }

    /// A stretch of time; both ends in microseconds.
    fn slice(
        &mut self,
        track: (u64, u64),
        name: &str,
        times: (u64, u64),
        args: Value,
    ) -> io::Result<()> {
        let (pid, tid) = track;
        let (from, to) = times;
        let long = to.saturating_sub(from);
        self.event(&json!({ "ph": "X", "cat": "state", "name": name, "pid": pid, "tid": tid, "ts": from, "dur": long, "args": args }))
    }

    fn lanes(&mut self, lanes: &Lanes) -> io::Result<()> {
        let count = lanes.processes.len() as u64;
        for (pid, process) in (1_u64..).zip(&lanes.processes) {
            for (from, to, what) in process.spans.iter().filter(|(.., what)| *what != "absent") {
                self.slice((pid, LIFE), what, (*from, *to), json!({}))?;
            }
        }
        let partitions = count + 1;
        let last = lanes.ends;
        for (tid, partition) in (1_u64..).zip(&lanes.partitions) {
            self.name("thread_name", partitions, Some(tid), &partition.name)?;
            let ends = partition.leaders.iter().skip(1).map(|next| next.0).chain([last]);
            for ((from, broker, epoch, how), to) in partition.leaders.iter().zip(ends) {
                let who =
                    if *broker == 0 { "no leader".to_owned() } else { format!("broker-{broker}") };
                let args = json!({ "epoch": epoch, "election": how });
                self.slice((partitions, tid), &who, (*from, to), args)?;
            }
        }
        let mut tid = 0;
        for group in &lanes.groups {
            for (partition, tenures) in &group.owners {
                tid += 1;
                let name = format!("{} {}", group.name, lanes.partitions[*partition].name);
                self.name("thread_name", count + 2, Some(tid), &name)?;
                let mut free = 0;
                for tenure in tenures {
                    let who = &lanes.processes[tenure.member].name;
                    let args = json!({ "generation": tenure.generation, "end": tenure.end });
                    // Where two owned it at once, the second begins on this track when the first has gone.
                    let from = tenure.from.max(free);
                    free = tenure.to.max(from);
                    self.slice((count + 2, tid), who, (from, free), args)?;
                }
            }
            for (at, generation, members) in &group.generations {
                let name = format!("{} generation {generation}", group.name);
                self.event(&json!({ "ph": "i", "s": "p", "cat": "group", "name": name, "pid": count + 2, "tid": 1, "ts": at, "args": { "members": members } }))?;
            }
        }
        for (id, fault) in (1_u64..).zip(&lanes.faults) {
            let Some(from) = fault.from else { continue };
            let whom = fault.whom.map_or("", |place| lanes.processes[place].name.as_str());
            let name = format!("{} {whom}", fault.what);
            let (pid, name) = (count + 3, name.trim_end());
            let to = fault.to.unwrap_or(from);
            for (phase, at) in [("b", from), ("e", to)] {
                self.event(&json!({ "ph": phase, "cat": "fault", "id": id, "name": name, "pid": pid, "tid": 1, "ts": at, "args": { "fault": fault.text } }))?;
            }
        }
        Ok(())
    }

    fn messages(&mut self, world: &World) -> io::Result<()> {
        let mut flights: Flights = BTreeMap::new();
        let mut open: Open = BTreeMap::new();
        let mut requests = 0;
        for record in world.trace().into_iter().flat_map(|trace| trace.iter()) {
            let at = record.at.0;
            match record.kind {
                TraceKind::RequestSent(_, api, conn) => {
                    self.sent(record, What { api, kind: "request", conn }, &mut flights)?;
                    requests += 1;
                    open.entry((conn, record.node)).or_default().push_back((requests, api));
                    self.request("b", requests, api, record.node, at)?;
                }
                TraceKind::ResponseSent(_, api, conn) => {
                    self.sent(record, What { api, kind: "response", conn }, &mut flights)?;
                }
                TraceKind::Request(from, api, conn) => {
                    self.arrived(record, from, What { api, kind: "request", conn }, &mut flights)?;
                }
                TraceKind::Response(from, api, conn) => {
                    self.arrived(record, from, What { api, kind: "response", conn }, &mut flights)?;
                    let own = open.get_mut(&(conn, record.node)).and_then(VecDeque::pop_front);
                    if let Some((id, api)) = own {
                        self.request("e", id, api, record.node, at)?;
                    }
                }
                TraceKind::Closed(from, conn) => {
                    // What was on the way to this end is gone, and so are its answers.
                    flights.remove(&(conn, from));
                    for (id, api) in open.remove(&(conn, record.node)).into_iter().flatten() {
                        self.request("e", id, api, record.node, at)?;
                    }
                }
                TraceKind::Noted(note) => self.note(record, &note)?,
                TraceKind::Opened(..)
                | TraceKind::Timer(_)
                | TraceKind::Synced
                | TraceKind::Application
                | TraceKind::Started(_)
                | TraceKind::Ended(_)
                | TraceKind::Fault(_)
                | TraceKind::FaultOver(_)
                | TraceKind::Marked(_) => {}
            }
        }
        // What was never answered ends with the run.
        let last = world.now().0;
        for ((_, node), requests) in open {
            for (id, api) in requests {
                self.request("e", id, api, node, last)?;
            }
        }
        Ok(())
    }

    /// A request as its client sees it, from send to answer.
    fn request(&mut self, phase: &str, id: u64, api: Api, node: NodeId, at: u64) -> io::Result<()> {
        self.apart()?;
        let (name, pid, ts) = (api.name(), pid(node), Stamp(at));
        write!(
            self.out,
            r#"{{"ph":"{phase}","cat":"request","id":{id},"name":"{name}","pid":{pid},"tid":{REQUESTS},"ts":{ts}}}"#
        )
    }

    /// Something brief on the track of messages; tells when it was drawn.
    fn brief(&mut self, node: NodeId, at: u64, sign: char, what: What<'_>) -> io::Result<u64> {
        self.apart()?;
        let free = self.busy.entry(pid(node)).or_default();
        let from = at.max(*free);
        *free = from + BRIEF;
        let (name, pid, ts, long) = (what.api.name(), pid(node), Stamp(from), Stamp(BRIEF));
        let kind = what.kind;
        write!(
            self.out,
            r#"{{"ph":"X","name":"{sign} {name} {kind}","pid":{pid},"tid":{MESSAGES},"ts":{ts},"dur":{long}}}"#
        )?;
        Ok(from)
    }

    fn sent(
        &mut self,
        record: &TraceRecord,
        what: What<'_>,
        flights: &mut Flights,
    ) -> io::Result<()> {
        let at = self.brief(record.node, record.at.0, '→', what)?;
        self.arrows += 1;
        flights.entry((what.conn, record.node)).or_default().push_back((self.arrows, at));
        Ok(())
    }

    /// The arrow is written when its head is known: a lost message has none.
    fn arrived(
        &mut self,
        record: &TraceRecord,
        from: NodeId,
        what: What<'_>,
        flights: &mut Flights,
    ) -> io::Result<()> {
        let at = self.brief(record.node, record.at.0, '←', what)?;
        let Some((id, sent)) = flights.get_mut(&(what.conn, from)).and_then(VecDeque::pop_front)
        else {
            return Ok(());
        };
        let (name, from, to) = (what.api.name(), pid(from), pid(record.node));
        let (sent, at) = (Stamp(sent), Stamp(at));
        self.apart()?;
        write!(
            self.out,
            r#"{{"ph":"s","cat":"m","name":"{name}","id":{id},"pid":{from},"tid":{MESSAGES},"ts":{sent}}},{NEXT}"#
        )?;
        write!(
            self.out,
            r#"{{"ph":"f","bp":"e","cat":"m","name":"{name}","id":{id},"pid":{to},"tid":{MESSAGES},"ts":{at}}}"#
        )
    }

    fn note(&mut self, record: &TraceRecord, note: &Note) -> io::Result<()> {
        let at = stamp(record.at.0);
        if let Note::HighWatermark { partition, to, role: ReplicaRole::Leader, .. } = note {
            let name = format!("high watermark {}", self.names.partition(*partition));
            return self.event(&json!({ "ph": "C", "cat": "log", "name": name, "pid": pid(record.node), "ts": at, "args": { "offset": to.0 } }));
        }
        if matches!(
            note,
            Note::HighWatermark { .. }
                | Note::Appended { .. }
                | Note::OffsetCommitted { .. }
                | Note::Released { .. }
                | Note::Held { .. }
                | Note::MetadataCommitted { .. }
        ) {
            // Too many to be read one by one; counters and arrows show them.
            return Ok(());
        }
        let name = words::note(&self.names, note);
        self.event(&json!({ "ph": "i", "s": "t", "cat": "note", "name": name, "pid": pid(record.node), "tid": NOTES, "ts": at }))
    }

    /// The lag of groups, all partitions together, as counters.
    fn lag(&mut self, world: &World) -> io::Result<()> {
        let groups = &world.history().header.groups;
        let pid = world.history().header.processes.len() as u64 + 2;
        let mut now: Vec<BTreeMap<TopicPartition, u64>> =
            groups.iter().map(|_| BTreeMap::new()).collect();
        for event in world.history().events.iter() {
            let Happened::Lag { group, partition, lag } = event.what else { continue };
            let of = &mut now[group.index()];
            of.insert(partition, lag);
            let all: u64 = of.values().sum();
            let name = format!("lag of {}", self.names.group(group));
            self.event(&json!({ "ph": "C", "cat": "group", "name": name, "pid": pid, "ts": stamp(event.at.0), "args": { "records": all } }))?;
        }
        Ok(())
    }
}

fn pid(node: NodeId) -> u64 {
    u64::from(node.0) + 1
}

/// Nanoseconds as microseconds with three decimals, exactly.
#[derive(Clone, Copy)]
struct Stamp(u64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// The same as a value.
fn stamp(ns: u64) -> Value {
    serde_json::from_str(&Stamp(ns).to_string()).expect("digits around a point are a number")
}

#[cfg(test)]
mod tests;
