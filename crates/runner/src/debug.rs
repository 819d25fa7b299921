//! A run that can be stopped, looked at, and gone on with: to an instant, to a rare branch, event by event, and back.
//!
//! Reads commands as text and answers with text; where they come from and go to is the caller's.

mod command;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use stormglass_kafka::Note;
use stormglass_sim::plan::Plan;
use stormglass_sim::{Phase, Step, TraceKind, World};
use stormglass_types::TopicPartition;
use stormglass_types::history::What;

pub use self::command::{Command, Stop, clock};
use crate::export::trace_line;
use crate::inspect;
use crate::names::Names;
use crate::report::{BOLD, paint};
use crate::words;

/// A run under way.
#[derive(Clone, Debug)]
pub struct Debugger {
    plan: Plan,
    world: World,
    follow: Option<TopicPartition>,
    /// How far the history and the trace have been told.
    told: (usize, usize),
}

/// Batches of a log that are shown unless asked for more.
const BATCHES: usize = 12;

impl Debugger {
    /// The run of a plan, before its first event.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let world = begun(&plan);
        Self { plan, world, follow: None, told: (0, 0) }
    }

    /// Does what a command says; the answer.
    pub fn obey(&mut self, command: &Command) -> String {
        match command {
            Command::Step(events) => self.step(*events),
            Command::Back(events) => self.back(*events),
            Command::Go(stop) => self.go(*stop),
            Command::Follow(name) => self.follow(name.as_deref()),
            Command::Processes => inspect::processes(&self.world),
            Command::Topics(name) => self.topics(name.as_deref()),
            Command::Groups(name) => self.groups(name.as_deref()),
            Command::Log { partition, broker, all } => self.log(partition, broker.as_deref(), *all),
            Command::Producers(name) => match self.partition(name) {
                Ok(partition) => inspect::producers(&self.world, partition),
                Err(says) => says,
            },
            Command::State => self.state(),
            Command::Help => command::HELP.to_owned(),
            Command::Quit => String::new(),
        }
    }

    /// Where the run is, in a line.
    #[must_use]
    pub fn place(&self) -> String {
        let (at, events) = (self.world.now(), words::count(self.world.events()));
        let over = if self.is_over() { ", the run is over" } else { "" };
        format!("{at}, event {events}{over}")
    }

    /// Everything: processes, topics, groups, and the log and producers of the partition that is followed.
    #[must_use]
    pub fn state(&self) -> String {
        let world = &self.world;
        let mut out = format!("{}\n\n", paint(BOLD, &self.place()));
        out.push_str(&inspect::processes(world));
        out.push('\n');
        out.push_str(&inspect::topics(world, None));
        out.push_str(&inspect::groups(world, None));
        if let Some(partition) = self.follow {
            out.push_str(&inspect::log(world, partition, None, BATCHES));
            out.push('\n');
            out.push_str(&inspect::producers(world, partition));
        }
        out
    }

    fn is_over(&self) -> bool {
        matches!(self.world.phase(), Phase::Over(_))
    }

    fn step(&mut self, events: u64) -> String {
        let mut out = String::new();
        for _ in 0..events {
            let ran = self.world.step();
            self.tell(&mut out, Told::All);
            if let Step::Over(_) = ran {
                break;
            }
        }
        out
    }

    /// Time travel: the run is the same every time, so that going back is going there again.
    fn back(&mut self, events: u64) -> String {
        let to = self.world.events().saturating_sub(events);
        self.world = begun(&self.plan);
        while self.world.events() < to && self.world.step() == Step::Ran {}
        self.told = ends(&self.world);
        String::new()
    }

    fn go(&mut self, stop: Stop) -> String {
        let mut out = String::new();
        loop {
            let there = match stop {
                Stop::At(time) => self.world.next_at().is_none_or(|next| next > time),
                Stop::Mark(mark) => self.world.marks().contains(mark),
                Stop::End => false,
            };
            if there || self.is_over() {
                let never = matches!(stop, Stop::Mark(_)) && !there;
                if never {
                    out.push_str("the run is over, and the mark was never reached\n");
                }
                return out;
            }
            self.world.step();
            self.tell(&mut out, Told::Followed);
        }
    }

    /// Tells what is new: of the partition that is followed, or all of it.
    fn tell(&mut self, out: &mut String, which: Told) {
        let (history, trace) = self.told;
        self.told = ends(&self.world);
        if which == Told::Followed && self.follow.is_none() {
            return;
        }
        let names = Names::new(self.world.history());
        let records = self.world.trace().into_iter().flat_map(|all| all.iter_from(trace));
        for record in records {
            let followed = if let TraceKind::Noted(note) = &record.kind {
                self.follow.is_some_and(|it| note_of(note, it))
            } else {
                false
            };
            if which == Told::All || followed {
                let _ = writeln!(out, "{}", trace_line(&self.world, &names, record));
            }
        }
        for event in self.world.history().events.iter_from(history) {
            let followed = self.follow.is_some_and(|it| event_of(&event.what, it));
            if which == Told::All || followed {
                let who = names.process(event.process);
                let _ = writeln!(out, "{} {who} {}", event.at, words::event(&names, &event.what));
            }
        }
    }

    fn follow(&mut self, name: Option<&str>) -> String {
        let Some(name) = name else {
            self.follow = None;
            return "no partition is followed\n".to_owned();
        };
        match self.partition(name) {
            Ok(partition) => {
                self.follow = Some(partition);
                String::new()
            }
            Err(says) => says,
        }
    }

    fn topics(&self, name: Option<&str>) -> String {
        let Some(name) = name else { return inspect::topics(&self.world, None) };
        let topics = self.world.history().header.topics.iter();
        let known: Vec<&str> = topics.map(|topic| topic.name.as_str()).collect();
        match known.iter().position(|known| *known == name) {
            Some(place) => {
                inspect::topics(&self.world, Some(stormglass_types::Dense::from_index(place)))
            }
            None => unknown("topic", name, &known),
        }
    }

    fn groups(&self, name: Option<&str>) -> String {
        let Some(name) = name else { return inspect::groups(&self.world, None) };
        let known: Vec<&str> = self.plan.groups.iter().map(|group| group.name.as_str()).collect();
        match known.iter().position(|known| *known == name) {
            Some(place) => {
                inspect::groups(&self.world, Some(stormglass_types::Dense::from_index(place)))
            }
            None => unknown("group", name, &known),
        }
    }

    fn log(&self, partition: &str, broker: Option<&str>, all: bool) -> String {
        let partition = match self.partition(partition) {
            Ok(partition) => partition,
            Err(says) => return says,
        };
        let names = Names::new(self.world.history());
        let brokers: Vec<(String, _)> = self
            .plan
            .roster()
            .brokers()
            .map(|(broker, node)| (names.process(node), broker))
            .collect();
        let found = broker.map(|name| brokers.iter().find(|(known, _)| known == name));
        let broker = match found {
            None => None,
            Some(Some((_, broker))) => Some(*broker),
            Some(None) => {
                let known: Vec<&str> = brokers.iter().map(|(name, _)| name.as_str()).collect();
                return unknown("broker", broker.unwrap_or_default(), &known);
            }
        };
        inspect::log(&self.world, partition, broker, if all { usize::MAX } else { BATCHES })
    }

    /// The partition of a name such as `orders-3`.
    ///
    /// # Errors
    /// If there is none; tells which there are.
    pub fn partition(&self, name: &str) -> Result<TopicPartition, String> {
        let topics = self.world.history().header.topics.iter();
        let known: Vec<&str> = topics.map(|topic| topic.name.as_str()).collect();
        let parts = name.rsplit_once('-');
        let found = parts.and_then(|(topic, number)| {
            let place = known.iter().position(|known| *known == topic)?;
            let topic = stormglass_types::Dense::from_index(place);
            Some(TopicPartition::new(topic, number.parse().ok()?))
        });
        let there = |it: &TopicPartition| {
            let planned = self.world.history().header.topics.get(it.topic);
            let image = self.world.view().metadata();
            let grown = image.map_or(0, |image| image.partition_count(it.topic));
            planned.is_some_and(|topic| it.partition < topic.partitions.max(grown))
        };
        found.filter(there).ok_or_else(|| {
            format!("there is no partition `{name}`; the topics are {}\n", known.join(", "))
        })
    }
}

/// What is told of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    All,
    Followed,
}

fn begun(plan: &Plan) -> World {
    let mut world = World::new(plan);
    world.record_trace();
    world
}

fn ends(world: &World) -> (usize, usize) {
    (world.history().events.len(), world.trace().map_or(0, stormglass_types::Chunked::len))
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    format!("there is no {kind} `{name}`; there are {}\n", known.join(", "))
}

/// Whether a note is about a partition, and the history does not tell the same.
fn note_of(note: &Note, wanted: TopicPartition) -> bool {
    if let Note::BecameLeader { partition, .. }
    | Note::Appended { partition, .. }
    | Note::HighWatermark { partition, .. }
    | Note::Refused { partition, .. }
    | Note::Truncated { partition, .. }
    | Note::LogStart { partition, .. } = note
    {
        *partition == wanted
    } else {
        false
    }
}

fn event_of(what: &What, wanted: TopicPartition) -> bool {
    if let What::Send { partition, .. }
    | What::SentAgain { partition, .. }
    | What::SendDone { partition, .. }
    | What::Polled { partition, .. }
    | What::Processed { partition, .. }
    | What::Deduplicated { partition, .. }
    | What::Positioned { partition, .. }
    | What::Commit { partition, .. }
    | What::CommitDone { partition, .. }
    | What::Assigned { partition, .. }
    | What::Revoked { partition, .. }
    | What::Lost { partition, .. }
    | What::Leader { partition, .. }
    | What::InSync { partition, .. }
    | What::LogLost { partition, .. }
    | What::Removed { partition, .. }
    | What::FinalEnd { partition, .. }
    | What::ReplicaEnd { partition, .. } = what
    {
        *partition == wanted
    } else {
        false
    }
}
