//! The choices of a run on a tape: written while it runs, read instead of drawing.
//!
//! On it is what the world draws: how long messages, syncs and records take, what a crash destroys, whom a fault strikes, what
//! applications send and when. What happens inside a machine, such as the jitter of its retries, follows from the plan's
//! seed and is not on it. A few bits of the digest after every event tell where a run parts from its tape.

use std::sync::Arc;

use stormglass_types::{Choice, Chunked, Dense, GroupId, NodeId, Rng, Stream, Streams, Time};

use super::{Phase, World};
use crate::plan::Plan;

/// A run's choices, from its beginning up to some event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tape {
    /// The choices of each stream that had any.
    pub reels: Vec<Reel>,
    /// The low bits of the digest after each event.
    pub prints: Arc<[u16]>,
}

/// The choices of one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reel {
    /// What the stream is for.
    pub stream: Stream,
    /// Whose it is.
    pub entity: u32,
    /// What it gave.
    pub choices: Arc<[Choice]>,
}

/// Where a run left its tape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parting {
    /// The first event that went otherwise, counted from one.
    pub event: u64,
    /// When that was.
    pub at: Time,
}

/// Whether a world writes a tape or reads one.
#[derive(Clone, Debug)]
pub(super) enum Taping {
    Off,
    Writes { prints: Chunked<u16> },
    Reads { tape: Arc<Tape>, parting: Option<Parting> },
}

/// Where a world's streams come from.
pub(super) struct Luck<'t> {
    pub(super) streams: Streams,
    pub(super) taping: &'t Taping,
}

impl Luck<'_> {
    /// The stream of a purpose and an entity, at its beginning.
    pub(super) fn stream(&self, purpose: Stream, entity: u32) -> Rng {
        self.shared(purpose, entity, entity)
    }

    /// The luck of somebody, for another who keeps a record of his own of it.
    pub(super) fn shared(&self, purpose: Stream, of: u32, entity: u32) -> Rng {
        let rng = self.streams.stream(purpose, of);
        match self.taping {
            Taping::Off => rng,
            Taping::Writes { .. } => rng.writing(),
            Taping::Reads { tape, .. } => match tape.reel(purpose, entity) {
                Some(choices) => rng.reading(choices),
                None => rng,
            },
        }
    }
}

impl Tape {
    /// How many events it covers.
    #[must_use]
    pub fn events(&self) -> u64 {
        u64::try_from(self.prints.len()).expect("events are counted in 64 bits")
    }

    /// How many choices are on it.
    #[must_use]
    pub fn choices(&self) -> usize {
        self.reels.iter().map(|reel| reel.choices.len()).sum()
    }

    fn reel(&self, purpose: Stream, entity: u32) -> Option<Arc<[Choice]>> {
        let found = self.reels.iter().find(|reel| reel.stream == purpose && reel.entity == entity);
        found.map(|reel| Arc::clone(&reel.choices))
    }
}

impl World {
    /// The world of a plan, before anything happened, which writes its choices on a tape.
    #[must_use]
    pub fn writing(plan: &Plan) -> Self {
        Self::begin(Arc::new(plan.clone()), Taping::Writes { prints: Chunked::new() })
    }

    /// The world of a plan, before anything happened, which takes its choices from a tape; where the tape ends, the plan's
    /// seed goes on.
    #[must_use]
    pub fn reading(plan: &Plan, tape: Arc<Tape>) -> Self {
        Self::begin(Arc::new(plan.clone()), Taping::Reads { tape, parting: None })
    }

    /// Everything that was chosen so far; none unless the world writes a tape.
    #[must_use]
    pub fn tape(&self) -> Option<Tape> {
        let Taping::Writes { prints } = &self.taping else { return None };
        let mut reels = Vec::new();
        let mut add = |stream, entity: usize, rng: &Rng| {
            let choices: Arc<[Choice]> =
                rng.written().into_iter().flat_map(Chunked::iter).copied().collect();
            if !choices.is_empty() {
                reels.push(Reel { stream, entity: number(entity), choices });
            }
        };
        for (node, rng) in self.net.rngs().iter().enumerate() {
            add(Stream::Network, node, rng);
        }
        for (node, slot) in self.slots.iter().enumerate() {
            add(Stream::Disk, node, &slot.disk_rng);
            add(Stream::Crash, node, &slot.crash_rng);
        }
        for (fault, rng) in self.faults.rngs().iter().enumerate() {
            add(Stream::Target, fault, rng);
        }
        for (app, node) in self.producers.iter().zip(self.roster.producers()) {
            add(Stream::Workload, node.index(), app.rng());
        }
        for (app, node) in self.consumers.iter().zip(self.first_consumer()..) {
            add(Stream::Application, node, app.rng());
        }
        Some(Tape { reels, prints: prints.iter().copied().collect() })
    }

    /// Where the run left the tape that it reads; none if it did not, or reads none.
    #[must_use]
    pub fn parting(&self) -> Option<Parting> {
        match &self.taping {
            Taping::Reads { parting: Some(parting), .. } => Some(*parting),
            Taping::Reads { tape, parting: None } => {
                let short = matches!(self.phase, Phase::Over(_)) && self.events < tape.events();
                short.then_some(Parting { event: self.events + 1, at: self.now })
            }
            Taping::Off | Taping::Writes { .. } => None,
        }
    }

    /// Gives the world other chance from now on: every stream begins anew, under another seed. Machines that run keep theirs
    /// until they die.
    pub fn reseed(&mut self, seed: u64) {
        self.streams = Streams::new(seed);
        self.taping = Taping::Off;
        let streams = self.streams;
        let stream = |purpose, entity: usize| streams.stream(purpose, number(entity));
        for (node, rng) in self.net.rngs_mut().iter_mut().enumerate() {
            *rng = stream(Stream::Network, node);
        }
        for node in (0..self.roster.len()).map(NodeId::from_index) {
            let slot = &mut self.slots[node];
            slot.disk_rng = stream(Stream::Disk, node.index());
            slot.crash_rng = stream(Stream::Crash, node.index());
        }
        for (fault, rng) in self.faults.rngs_mut().iter_mut().enumerate() {
            *rng = stream(Stream::Target, fault);
        }
        for (app, node) in self.producers.iter_mut().zip(self.roster.producers()) {
            app.set_rng(stream(Stream::Workload, node.index()));
        }
        let members = (0..self.plan.groups.len()).map(GroupId::from_index);
        let members = members.flat_map(|group| self.roster.members(group));
        for (app, node) in self.consumers.iter_mut().zip(members) {
            app.set_rng(stream(Stream::Application, node.index()));
        }
    }

    /// An event is over: writes its print down, or compares it.
    pub(super) fn print_event(&mut self) {
        let print = print_of(self.digest.0);
        match &mut self.taping {
            Taping::Off => {}
            Taping::Writes { prints } => prints.push(print),
            Taping::Reads { tape, parting } => {
                let place = usize::try_from(self.events - 1).expect("an event that fits in memory");
                let read = tape.prints.get(place);
                if parting.is_none() && read.is_some_and(|read| *read != print) {
                    *parting = Some(Parting { event: self.events, at: self.now });
                }
            }
        }
    }
}

fn print_of(digest: u64) -> u16 {
    u16::try_from(digest & 0xFFFF).expect("masked to 16 bits")
}

fn number(entity: usize) -> u32 {
    u32::try_from(entity).expect("entities of a world have 32 bits")
}
