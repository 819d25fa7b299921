//! A process of the world: its machine while it lives, its store while it does not.

use std::collections::VecDeque;
use std::sync::Arc;

use stormglass_kafka::admin::Admin;
use stormglass_kafka::broker::Broker;
use stormglass_kafka::consumer::Consumer;
use stormglass_kafka::controller::{Controller, ControllerStore};
use stormglass_kafka::log::BrokerStore;
use stormglass_kafka::producer::Producer;
use stormglass_kafka::{CrashKind, CrashReport, Durable, Input, Machine, Now, Outbox, Timer};
use stormglass_types::{Rng, Span, Time, Wall};

use super::application::Application;
use super::forwarder::Forwarder;
use crate::engine::timers::Timers;
use crate::plan::Leaving;

/// A living process. Closed, cloneable, printable: no trait objects inside a world.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Controller(Controller),
    Broker(Broker),
    Producer(Producer),
    Consumer(Consumer),
    Forwarder(Forwarder),
    Admin(Admin),
    Application(Application),
}

/// What a process that is not running has on its disk.
#[derive(Clone, Debug)]
pub(crate) enum Resting {
    Controller(ControllerStore),
    Broker(BrokerStore),
    /// Clients keep nothing.
    Client,
}

/// Whether a process runs.
#[derive(Clone, Debug)]
pub(crate) enum Life {
    /// It runs.
    Up(Arc<Node>),
    /// It does not.
    Down(Down),
}

/// A process that does not run.
#[derive(Clone, Debug)]
pub(crate) struct Down {
    /// Its disk.
    pub(crate) store: Resting,
    /// Whether its host is gone, so that nobody is told.
    pub(crate) host: Host,
}

/// The machine under a process that does not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Host {
    /// It is there and refuses connections.
    Answering,
    /// It is gone.
    Gone,
}

/// Whether a process is meant to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    Yes,
    /// Its group was scaled in, and it goes like that.
    No(Leaving),
}

/// One process and what surrounds it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) life: Life,
    /// Which life; pending deliveries, timers and syncs of an older one are dropped.
    pub(crate) incarnation: u32,
    pub(crate) wanted: Wanted,
    pub(crate) timers: Timers<Timer>,
    /// Inputs that wait for the end of a pause.
    pub(crate) held: VecDeque<Input>,
    /// How many pauses lie on the process.
    pub(crate) pauses: u16,
    /// Inputs that touch the disk wait for the end of a stall.
    pub(crate) stalled: VecDeque<Input>,
    /// How many stalls lie on its disk.
    pub(crate) stalls: u16,
    /// How many faults keep its disk full.
    pub(crate) full: u16,
    /// Time per sync while a fault slows its disk.
    pub(crate) slow_sync: Option<Span>,
    /// Extra latency of metadata records on their way to it.
    pub(crate) metadata_lag: Span,
    /// How far its wall clock is off, in milliseconds.
    pub(crate) clock_skew_ms: i64,
    pub(crate) disk_rng: Rng,
    pub(crate) crash_rng: Rng,
}

/// The wall clock when a world begins: 2026-01-01T00:00:00Z.
const WALL_ORIGIN: Wall = Wall(1_767_225_600_000);

impl Slot {
    pub(crate) fn new(store: Resting, disk_rng: Rng, crash_rng: Rng) -> Self {
        let down = Down { store, host: Host::Answering };
        Self {
            life: Life::Down(down),
            incarnation: 0,
            wanted: Wanted::Yes,
            timers: Timers::new(),
            held: VecDeque::new(),
            pauses: 0,
            stalled: VecDeque::new(),
            stalls: 0,
            full: 0,
            slow_sync: None,
            metadata_lag: Span::ZERO,
            clock_skew_ms: 0,
            disk_rng,
            crash_rng,
        }
    }

    /// Local time of this process at a global instant.
    pub(crate) fn local(&self, now: Time) -> Now {
        let wall = WALL_ORIGIN.plus(now.since(Time::ZERO));
        Now { mono: now, wall: Wall(wall.0 + self.clock_skew_ms) }
    }

    pub(crate) fn node(&self) -> Option<&Node> {
        match &self.life {
            Life::Up(node) => Some(node),
            Life::Down(_) => None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.life, Life::Up(_))
    }

    /// Whether every input is handled where it arrives.
    pub(crate) fn is_unhindered(&self) -> bool {
        self.pauses == 0 && self.stalls == 0 && self.full == 0 && self.is_up()
    }

    /// A broker's disk, whether or not the broker runs.
    pub(crate) fn broker_store(&self) -> Option<&BrokerStore> {
        match &self.life {
            Life::Up(node) => match &**node {
                Node::Broker(broker) => Some(broker.store()),
                Node::Controller(_)
                | Node::Producer(_)
                | Node::Consumer(_)
                | Node::Forwarder(_)
                | Node::Admin(_)
                | Node::Application(_) => None,
            },
            Life::Down(down) => match &down.store {
                Resting::Broker(store) => Some(store),
                Resting::Controller(_) | Resting::Client => None,
            },
        }
    }

    /// Hands an input to the machine, if there is one.
    pub(crate) fn handle(&mut self, now: Time, input: Input, out: &mut Outbox) {
        let local = self.local(now);
        let Life::Up(node) = &mut self.life else { return };
        match Arc::make_mut(node) {
            Node::Controller(machine) => machine.handle(local, input, out),
            Node::Broker(machine) => machine.handle(local, input, out),
            Node::Producer(machine) => machine.handle(local, input, out),
            Node::Consumer(machine) => machine.handle(local, input, out),
            Node::Forwarder(machine) => machine.handle(local, input, out),
            Node::Admin(machine) => machine.handle(local, input, out),
            Node::Application(machine) => machine.handle(local, input, out),
        }
    }

    /// Ends the present life and leaves what the crash left of its store. Nothing happens to a process that is down.
    pub(crate) fn die(&mut self, kind: Option<CrashKind>, report: &mut CrashReport) {
        let Life::Up(node) = &self.life else { return };
        let node = Arc::unwrap_or_clone(Arc::clone(node));
        let store = match node {
            Node::Controller(machine) => Resting::Controller(self.rest(machine, kind, report)),
            Node::Broker(machine) => Resting::Broker(self.rest(machine, kind, report)),
            Node::Producer(_)
            | Node::Consumer(_)
            | Node::Forwarder(_)
            | Node::Admin(_)
            | Node::Application(_) => Resting::Client,
        };
        let host = match kind {
            None | Some(CrashKind::Process) => Host::Answering,
            Some(CrashKind::Power | CrashKind::Torn | CrashKind::DiskLost) => Host::Gone,
        };
        self.life = Life::Down(Down { store, host });
        self.incarnation += 1;
        self.timers = Timers::new();
        self.held.clear();
        self.stalled.clear();
    }

    fn rest<M: Machine>(
        &mut self,
        machine: M,
        kind: Option<CrashKind>,
        report: &mut CrashReport,
    ) -> M::Store {
        let store = machine.into_store();
        match kind {
            None => store,
            Some(kind) => store.after_crash(kind, &mut self.crash_rng, report),
        }
    }
}
