//! The world: machines, network, disks and applications under one clock, driven by one queue.
//!
//! Judges nothing: it keeps a history for the oracles and lets white-box invariants look on.

mod application;
mod consumer_app;
mod dispatch;
mod ending;
mod external;
mod faults;
mod forwarder;
mod invariants;
mod node;
mod operator;
mod producer_app;
mod start;
mod stores;
mod tape;
mod trace;
mod transaction_app;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;

use stormglass_kafka::message::Msg;
use stormglass_kafka::{Directory, Input, Marks, Outbox, SyncToken};
use stormglass_types::history::{History, What};
use stormglass_types::{
    Chunked, Digest, IdVec, Key, NodeId, PartitionMap, SourceId, Span, Streams, Time, TopicId,
};

use self::consumer_app::ConsumerApp;
use self::external::Externals;
pub use self::external::{ClientId, ClientKind, Told};
pub use self::faults::FaultStory;
use self::faults::Faults;
use self::invariants::Observer;
pub use self::invariants::{Breach, BreachKind};
use self::node::{Slot, Wanted};
use self::operator::Operator;
use self::producer_app::ProducerApp;
use self::stores::Stores;
use self::tape::Taping;
pub use self::tape::{Parting, Reel, Tape};
pub use self::trace::{TraceKind, TraceRecord};
pub use self::view::View;
use crate::engine::net::{LaneId, Net};
use crate::engine::queue::Queue;
use crate::engine::timers::TimerSlot;
use crate::plan::{Plan, Roster};

/// One seeded world. A clone is a fork: it shares what is sealed and copies a few kilobytes.
#[derive(Clone, Debug)]
pub struct World {
    plan: Arc<Plan>,
    roster: Arc<Roster>,
    directory: Arc<Directory>,
    streams: Streams,
    now: Time,
    queue: Queue<Event>,
    net: Net<Msg>,
    slots: IdVec<NodeId, Slot>,
    producers: Vec<ProducerApp>,
    consumers: Vec<ConsumerApp>,
    operator: Operator,
    externals: Externals,
    /// When each process's application is woken next; `NEVER` if it is not.
    wakes: IdVec<NodeId, Time>,
    out: Outbox,
    inbox: VecDeque<(NodeId, Input)>,
    history: History,
    /// The keys of records, where an application's speed depends on them.
    ledger: IdVec<SourceId, PartitionMap<Chunked<Option<Key>>>>,
    faults: Faults,
    stores: Stores,
    observer: Observer,
    marks: Marks,
    digest: Digest,
    events: u64,
    phase: Phase,
    trace: Option<Chunked<TraceRecord>>,
    taping: Taping,
}

/// Where a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The cluster forms and topics are created.
    Forming,
    /// Load and faults, until this instant.
    Storm {
        /// When it ends.
        until: Time,
    },
    /// Faults are over; the pipeline must come to rest.
    Settling {
        /// When patience ends.
        until: Time,
    },
    /// The history is complete.
    Over(End),
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The pipeline came to rest.
    Settled,
    /// It did not, within the settling time.
    Restless,
    /// The cluster never formed.
    NeverFormed,
    /// The plan's limit of events was reached.
    EventLimit,
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It took an event.
    Ran,
    /// The run is over.
    Over(End),
}

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Event {
    Lane(LaneId),
    Timer { node: NodeId, incarnation: u32, slot: TimerSlot },
    Synced { node: NodeId, incarnation: u32, token: SyncToken },
    Wake { node: NodeId },
    Fault { fault: u32 },
    FaultOver { effect: u32 },
    Revive { node: NodeId },
    StormOver,
    Create { topic: TopicId },
    Scaled { node: NodeId, wanted: Wanted },
    Tick,
}

impl From<LaneId> for Event {
    fn from(lane: LaneId) -> Self {
        Self::Lane(lane)
    }
}

/// How often lag is sampled and the phase is looked at.
const TICK: Span = Span::secs(1);

impl World {
    /// The world of a plan, before anything happened.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self::begin(Arc::new(plan.clone()), Taping::Off)
    }

    /// Records every event from now on.
    pub fn record_trace(&mut self) {
        self.trace.get_or_insert_with(Chunked::new);
    }

    /// Takes the next event.
    pub fn step(&mut self) -> Step {
        if let Phase::Over(end) = self.phase {
            return Step::Over(end);
        }
        let Some((at, event)) = self.queue.pop() else { return self.finish(End::Restless) };
        if self.events >= self.plan.phases.max_events {
            return self.finish(End::EventLimit);
        }
        self.now = at;
        self.events += 1;
        self.take(event);
        if !matches!(self.taping, Taping::Off) {
            self.print_event();
        }
        match self.phase {
            Phase::Over(end) => Step::Over(end),
            Phase::Forming | Phase::Storm { .. } | Phase::Settling { .. } => Step::Ran,
        }
    }

    /// Runs to the end.
    pub fn run(&mut self) -> End {
        loop {
            if let Step::Over(end) = self.step() {
                return end;
            }
        }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Rolling, over every event.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What happened, as seen from outside.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Rare branches taken so far.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// What white-box invariants found broken.
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        self.observer.breaches()
    }

    /// What the plan's faults did: whom they struck, when, for how long.
    #[must_use]
    pub fn fault_stories(&self) -> &[FaultStory] {
        self.faults.stories()
    }

    /// Where the run is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The recorded events, if any were.
    #[must_use]
    pub fn trace(&self) -> Option<&Chunked<TraceRecord>> {
        self.trace.as_ref()
    }

    /// The plan that is run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A read-only look inside.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    fn tell(&mut self, process: NodeId, what: What) {
        self.history.push(self.now, process, what);
    }
}
