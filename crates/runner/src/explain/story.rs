//! The slice of a run that leads to an anomaly: what happened to its records, its partition and its group.
//!
//! Two accounts are merged by time: the history, as seen from outside, and what the machines noted about themselves.

use stormglass_kafka::Note;
use stormglass_kafka::message::Api;
use stormglass_kafka::note::ReplicaRole;
use stormglass_sim::plan::{FaultAction, MessageDirection, Trigger};
use stormglass_sim::{TraceKind, World};
use stormglass_types::history::{Acks, Event, Outcome, What};
use stormglass_types::{BrokerId, Dense, NodeId, Offset, Time, TopicPartition, Value, ValueRange};

use super::focus::Focus;
use super::graph::{Direction, HappensBefore};
use super::{Beat, Part};
use crate::names::Names;
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
            let TraceKind::Noted(note) = record.kind else { continue };
            // At one instant, what a machine noted came before what was seen of it.
            while let Some((index, event)) = events.next_if(|(_, event)| event.at < record.at) {
                teller.on_event(index, event);
            }
            teller.on_note(record.at, record.node, &note);
        }
    }
    for (index, event) in events {
        teller.on_event(index, event);
    }
    teller.breach();
    let mut beats = sliced(world, teller.beats, &teller.places);
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

struct Teller<'w> {
    world: &'w World,
    names: Names<'w>,
    focus: &'w Focus,
    partition: Option<TopicPartition>,
    values: Vec<Value>,
    offsets: Vec<Offset>,
    begins: Time,
    needed: &'w [bool],
    beats: Vec<Beat>,
    /// Whose each step is, if anybody's in particular, and whether it is what the story leads to.
    places: Vec<(Option<NodeId>, bool)>,
    /// Whether the event that is told shows the anomaly.
    witness: bool,
    /// Whether the state before the story was told.
    opened: bool,
    leader: Option<(BrokerId, i32)>,
    in_sync: u64,
    /// Everyone who ever was in sync.
    replicas: u64,
    high_watermark: Offset,
    /// Where records of the story were appended, in order.
    appended: Vec<(Value, Offset)>,
    /// Whether the high watermark has passed what was appended first.
    passed: bool,
    healed: bool,
}

impl<'w> Teller<'w> {
    fn new(world: &'w World, focus: &'w Focus, needed: &'w [bool]) -> Self {
        let history = world.history();
        let values = focus.values.clone();
        let partition = focus.partition;
        let sent = history.events.iter().find(|event| {
            matches!(event.what, What::Send { partition: to, value, .. }
                if Some(to) == partition && values.contains(&value))
        });
        let first = focus.times.iter().copied().chain(sent.map(|event| event.at)).min();
        Self {
            world,
            names: Names::new(history),
            focus,
            partition,
            values,
            offsets: focus.offsets.clone(),
            begins: first.unwrap_or(Time::ZERO),
            needed,
            beats: Vec::new(),
            places: Vec::new(),
            witness: false,
            opened: false,
            leader: None,
            in_sync: 0,
            replicas: 0,
            high_watermark: Offset(0),
            appended: Vec::new(),
            passed: false,
            healed: false,
        }
    }

    /// What an invariant beside the world saw goes where it happened.
    fn breach(&mut self) {
        let Some((at, node, says)) = self.focus.breach.clone() else { return };
        let place = self.beats.partition_point(|beat| beat.at <= at);
        let who = self.names.process(node);
        let what = format!("as seen from inside: {says}");
        self.beats.insert(place, Beat { at, who, heard: None, to: None, what, part: Part::Fact });
        self.places.insert(place, (Some(node), true));
    }

    fn here(&self, partition: TopicPartition) -> bool {
        self.partition == Some(partition)
    }

    fn now(&self, at: Time) -> bool {
        at >= self.begins
    }

    fn touches(&self, values: ValueRange) -> bool {
        self.values.iter().any(|value| holds(values, *value))
    }

    fn spans(&self, base: Offset, count: u32) -> bool {
        self.offsets.iter().any(|at| *at >= base && at.0 < base.0 + i64::from(count))
    }

    fn add(&mut self, at: Time, who: String, to: Option<String>, what: String, part: Part) {
        if !self.opened {
            self.opened = true;
            self.open(at);
        }
        // Who acts is said once.
        let what = match what.strip_prefix(&format!("{who} ")) {
            Some(rest) => rest.to_owned(),
            None => what,
        };
        self.push(Beat { at, who, heard: None, to, what, part });
    }

    /// Adds a step, and whose it is.
    fn push(&mut self, beat: Beat) {
        let processes = self.world.history().header.processes.iter();
        let place = processes.enumerate().find(|(_, process)| process.name == beat.who);
        let sink = matches!(beat.part, Part::Claim | Part::Fact) || self.witness;
        self.places.push((place.map(|(place, _)| NodeId::from_index(place)), sink));
        self.beats.push(beat);
    }

    /// How things stood before the story begins.
    fn open(&mut self, at: Time) {
        let (Some(partition), Some((leader, epoch))) = (self.partition, self.leader) else {
            return;
        };
        if self.in_sync == 0 {
            return;
        }
        let what = format!(
            "leads {} in epoch {epoch}; in sync are {}; the high watermark is {}",
            self.names.partition(partition),
            words::brokers(self.in_sync),
            self.high_watermark
        );
        let who = self.broker(leader);
        self.push(Beat { at, who, heard: None, to: None, what, part: Part::Work });
    }

    fn broker(&self, broker: BrokerId) -> String {
        self.names.process(self.world.plan().roster().broker(broker))
    }

    fn leads(&self, node: NodeId) -> bool {
        self.leader.is_some_and(|(leader, _)| self.world.plan().roster().broker(leader) == node)
    }

    fn on_note(&mut self, at: Time, node: NodeId, note: &Note) {
        let who = self.names.process(node);
        let text = words::note(&self.names, note);
        self.witness = false;
        match *note {
            Note::Appended { partition, base, values: Some(values), .. } if self.here(partition) => {
                let theirs = self.touches(values);
                let seen = self.focus.breach.is_some() && self.now(at);
                if !(theirs || seen || self.now(at) && self.spans(base, values.count)) {
                    return;
                }
                let again = self.values.iter().any(|value| {
                    holds(values, *value) && self.appended.iter().any(|(known, _)| known == value)
                });
                let found = self.values.iter().filter(|value| holds(values, **value));
                let found = found.map(|value| {
                    let place = i64::from(value.serial) - i64::from(values.first);
                    (*value, Offset(base.0 + place))
                });
                let found: Vec<(Value, Offset)> = found.collect();
                self.appended.extend(found);
                let part = if again { Part::Fact } else { Part::Work };
                let again = if again { ", a second time" } else { "" };
                let in_sync = words::brokers(self.in_sync);
                let what = format!("{text}{again}; in sync are {in_sync}");
                self.add(at, who, None, what, part);
            }
            Note::HighWatermark { partition, to, role: ReplicaRole::Leader, .. }
                if self.here(partition) =>
            {
                self.high_watermark = to;
                if self.focus.breach.is_some() && self.now(at) {
                    self.add(at, who, None, text, Part::Work);
                    return;
                }
                let first = self.appended.first().map(|(_, offset)| *offset);
                if !self.passed && first.is_some_and(|offset| to > offset) && self.now(at) {
                    self.passed = true;
                    let what = format!("{text}: every in-sync replica has what is below");
                    self.add(at, who, None, what, Part::Work);
                }
            }
            Note::BecameLeader { partition, .. } if self.here(partition) => {
                if self.now(at) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            Note::Truncated { partition, to, .. } if self.here(partition) && self.now(at) => {
                let gone: Vec<String> = self.appended.iter()
                    .filter(|(_, offset)| *offset >= to)
                    .map(|(value, offset)| format!("{} at offset {offset}", self.names.value(*value)))
                    .collect();
                let gone = if gone.is_empty() { String::new() } else { format!("; gone from its disk: {}", gone.join(", ")) };
                self.add(at, who, None, format!("{text}{gone}"), Part::Fact);
            }
            Note::Appended { .. }
            | Note::HighWatermark { .. }
            | Note::BecameLeader { .. }
            | Note::Truncated { .. }
            // The history tells of these.
            | Note::Elected { .. }
            | Note::InSync { .. }
            | Note::Expanded { .. }
            | Note::Rebalanced { .. }
            | Note::Granted { .. }
            | Note::OffsetCommitted { .. } => {}
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per kind of event")]
    fn on_event(&mut self, index: usize, event: &Event) {
        let (at, what) = (event.at, event.what);
        let witness = self.focus.witness.contains(&index);
        self.witness = witness;
        let told = self.now(at);
        let who = words::subject(&self.names, event.process, &what);
        let text = words::event(&self.names, &what);
        let who = if who == "final-read" { "the final read".to_owned() } else { who };
        match what {
            What::Healed => {
                self.healed = true;
            }
            What::Send { partition, value, .. } => {
                if self.here(partition) && self.values.contains(&value) {
                    let to = self.leader.map(|(leader, _)| self.broker(leader));
                    let source = self.world.history().sources.get(usize::from(value.source.0));
                    let acks = source.map_or("", |source| match source.acks {
                        Acks::Zero => " with acks=0",
                        Acks::One => " with acks=1",
                        Acks::All => " with acks=all",
                    });
                    self.add(at, who, to, format!("{text}{acks}"), Part::Work);
                }
            }
            What::SendDone { partition, values, outcome, .. } => {
                if self.here(partition) && self.touches(values) {
                    let first = self.appended.first().map(|(_, offset)| *offset);
                    let only = first.is_some_and(|offset| offset >= self.high_watermark);
                    let note = match outcome {
                        Outcome::Ok if only => format!(
                            ", while the high watermark is {}: no follower is known to have it",
                            self.high_watermark
                        ),
                        Outcome::Ok | Outcome::Fail(_) | Outcome::Unknown(_) => String::new(),
                    };
                    self.add(at, who, None, format!("learns that its {text}{note}"), Part::Claim);
                }
            }
            What::Leader { partition, epoch, leader, .. } if self.here(partition) => {
                self.leader = leader.map(|leader| (leader, epoch.0));
                if told || witness {
                    let to = leader.map(|leader| self.broker(leader));
                    self.add(at, who, to, format!("decides: {text}"), Part::Work);
                }
            }
            What::InSync { partition, replicas, .. } if self.here(partition) => {
                let same = replicas == self.in_sync;
                self.in_sync = replicas;
                self.replicas |= replicas;
                if (told && !same) || witness {
                    self.add(at, who, None, format!("records: {text}"), Part::Work);
                }
            }
            What::LogLost { partition, .. } if self.here(partition) && told => {
                self.add(at, who, None, text, Part::Fault);
            }
            What::FaultBegan { fault } | What::FaultEnded { fault } => {
                let place = usize::try_from(fault).unwrap_or(usize::MAX);
                let none = self.needed.iter().all(|needed| !needed);
                let part = self.needed.get(place).copied().unwrap_or(false)
                    || none && self.needed.len() <= 3;
                if part && !self.healed {
                    self.fault(at, fault, matches!(what, What::FaultBegan { .. }));
                }
            }
            What::Crashed | What::Paused if told && self.leads(event.process) && !self.healed => {
                let partition =
                    self.partition.map(|it| self.names.partition(it)).unwrap_or_default();
                let high_watermark = self.high_watermark;
                let note = format!(
                    "{text} while it leads {partition}, the high watermark at {high_watermark}"
                );
                self.add(at, who, None, note, Part::Fault);
            }
            What::Crashed | What::Paused | What::Resumed | What::Started | What::Stopped
                if told
                    && self.concerns(event.process)
                    && (!self.healed || matches!(what, What::Started)) =>
            {
                let struck = matches!(what, What::Crashed | What::Paused);
                let part = if struck { Part::Fault } else { Part::Work };
                self.add(at, who, None, text, part);
            }
            What::Polled { group, partition, base, values }
            | What::Processed { group, partition, base, values } => {
                let ours = self.here(partition) && self.group(group);
                if ours && (self.touches(values) || self.spans(base, values.count) || witness) {
                    let done = matches!(what, What::Processed { .. });
                    let before =
                        done && self.beats.iter().any(|beat| beat.what.contains("has processed"));
                    let (text, part) = if before && self.values.len() <= 1 {
                        (format!("{text}, again"), Part::Fact)
                    } else {
                        (text, Part::Work)
                    };
                    self.add(at, who, None, text, part);
                }
            }
            What::Commit { group, partition, offset, .. }
            | What::CommitDone { group, partition, offset, .. } => {
                let past = self.offsets.iter().chain(self.appended.iter().map(|(_, at)| at)).min();
                let ours = self.here(partition) && self.group(group);
                let done = matches!(what, What::CommitDone { .. });
                let (part, text) = if done {
                    (Part::Claim, format!("learns that its {text}"))
                } else {
                    (Part::Work, text)
                };
                let told_before =
                    |beat: &Beat| beat.who == who && beat.what.get(..12) == text.get(..12);
                let first = !self.beats.iter().any(told_before);
                if witness || (ours && told && first && past.is_some_and(|at| offset > *at)) {
                    self.add(at, who, None, text, part);
                }
            }
            What::Assigned { group, partition, .. }
            | What::Revoked { group, partition, .. }
            | What::Lost { group, partition, .. }
            | What::Positioned { group, partition, .. } => {
                if witness || (self.here(partition) && self.group(group) && told) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            What::Expanded { topic, .. } => {
                if self.partition.is_some_and(|it| it.topic == topic) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            What::FinalRead { partition, base, values } => {
                let found = self.names.values(values);
                let text = format!(
                    "finds {found} at offset {base} of {}",
                    self.names.partition(partition)
                );
                let ours = self.here(partition);
                if witness || (ours && (self.touches(values) || self.spans(base, values.count))) {
                    self.add(at, who, None, text, Part::Fact);
                }
            }
            What::FinalEnd { partition, start, end } => {
                let text = match end.0 {
                    ..0 => text,
                    _ => format!(
                        "finds offsets {start} to {end} in {}",
                        self.names.partition(partition)
                    ),
                };
                if witness || (self.here(partition) && told) {
                    self.add(at, who, None, text, Part::Fact);
                }
            }
            What::ReplicaLog { .. } | What::ReplicaEnd { .. } | What::Stuck { .. } if witness => {
                self.add(at, who, None, text, Part::Fact);
            }
            What::Rebalanced { group, .. } if told && self.focus.group == Some(group) => {
                self.add(at, who, None, format!("as coordinator: {text}"), Part::Work);
            }
            What::Lag { .. } if witness => self.add(at, who, None, text, Part::Fact),
            What::Leader { .. }
            | What::InSync { .. }
            | What::LogLost { .. }
            | What::Crashed
            | What::Paused
            | What::Resumed
            | What::Started
            | What::Stopped
            | What::ReplicaLog { .. }
            | What::ReplicaEnd { .. }
            | What::Stuck { .. }
            | What::Joined { .. }
            | What::Rebalanced { .. }
            | What::SendRefused { .. }
            | What::Lag { .. } => {}
        }
    }

    fn fault(&mut self, at: Time, fault: u32, began: bool) {
        let place = usize::try_from(fault).unwrap_or(usize::MAX);
        let Some(planned) = self.world.plan().faults.get(place) else { return };
        let (what, lasting) = words::fault_words(&planned.action, &self.names);
        let restarts =
            matches!(planned.action, FaultAction::Kill { .. } | FaultAction::Restart { .. });
        if restarts && !began {
            // That the process starts says the same.
            return;
        }
        let what = match (&planned.action, message(&planned.when)) {
            (FaultAction::Flip { partition }, _) => {
                format!(
                    "an operator moves the leadership of {} here",
                    self.names.partition(*partition)
                )
            }
            (FaultAction::Lose, Some(which)) => {
                format!("its {which} is lost, its connection reset")
            }
            (FaultAction::Late { by }, Some(which)) => {
                format!("its {which} is held up by {}", words::short_span(*by))
            }
            (_, _) => what,
        };
        let mut stories = self.world.fault_stories().iter();
        let node = stories.find(|story| story.fault == fault).and_then(|story| story.node);
        let whom = node.map(|node| self.names.process(node));
        let lasting =
            lasting.map_or_else(String::new, |it| format!(" for {}", words::short_span(it)));
        let what = if began { format!("{what}{lasting}") } else { format!("{what} is over") };
        // What strikes nobody in particular struck a message.
        let asked = matches!(planned.action, FaultAction::Expand { .. } | FaultAction::Flip { .. });
        let nobody = if asked { "operator" } else { "the network" };
        let who = whom.unwrap_or_else(|| nobody.to_owned());
        self.add(at, who, None, format!("fault: {what}"), Part::Fault);
    }

    fn group(&self, group: stormglass_types::GroupId) -> bool {
        self.focus.group.is_none_or(|own| own == group)
    }

    /// Whether a process took part: a replica of the partition, or a client that the anomaly names.
    fn concerns(&self, node: NodeId) -> bool {
        let named = self.focus.processes.contains(&node);
        let mut brokers = self.world.plan().roster().brokers();
        let replica = brokers.find(|(_, own)| *own == node).is_some_and(|(id, _)| {
            let bit = u32::try_from(id.index()).unwrap_or(u32::MAX);
            1_u64.checked_shl(bit).is_some_and(|bit| self.replicas & bit != 0)
        });
        named || replica
    }
}

/// The message that a fault waits for.
fn message(when: &Trigger) -> Option<String> {
    let Trigger::On { pattern, .. } = when else { return None };
    let side = match pattern.direction {
        MessageDirection::Request => "request",
        MessageDirection::Response => "response",
    };
    Some(pattern.api.map_or_else(|| side.to_owned(), |api| format!("{} {side}", api.name())))
}

fn holds(values: ValueRange, value: Value) -> bool {
    let place = value.serial.checked_sub(values.first);
    values.source == value.source && place.is_some_and(|place| place < values.count)
}
