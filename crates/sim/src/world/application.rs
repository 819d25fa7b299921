//! A process of people's own code: the client machines in it, behind one name, one pause and one death.
//!
//! Does not know the code: calls come in from a host, what the clients say goes out to it.

use stormglass_kafka::consumer::Consumer;
use stormglass_kafka::inquiry::{Answer, Inquirer, Question};
use stormglass_kafka::producer::Producer;
use stormglass_kafka::{ConnId, Effect, Input, Machine, Now, OpId, Outbox, Timer};
use stormglass_types::Time;

/// One life of the process.
#[derive(Clone, Default, Debug)]
pub(crate) struct Application {
    clients: Vec<Inside>,
    /// Whose connection is whose.
    conns: Vec<(ConnId, u32)>,
    /// When [`Timer::Application`] is set to go off.
    armed: Option<Time>,
    /// Whose effects are in the outbox.
    current: usize,
}

#[derive(Clone, Debug)]
struct Inside {
    /// The client's number in the world.
    client: u32,
    machine: Client,
    timers: Vec<(Timer, Time)>,
}

/// A client machine.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few per process, never moved")]
pub(crate) enum Client {
    Producer(Producer),
    Consumer(Consumer),
    Inquirer(Inquirer),
    /// It was closed.
    Gone,
}

/// How many calls of one client can be told apart: the rest of an operation's number is the client's place.
const CALL_BITS: u32 = 22;
/// How many clients one life can have.
pub(crate) const MOST_CLIENTS: usize = 1 << (32 - CALL_BITS);

impl Application {
    /// The number of the `n`-th call of the client at a place.
    pub(crate) fn op(place: usize, n: u32) -> OpId {
        let place = u32::try_from(place).expect("at most so many clients");
        OpId(place << CALL_BITS | n & ((1 << CALL_BITS) - 1))
    }

    /// How many clients there were in this life.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Takes a client in that has just been booted, and what it did meanwhile.
    pub(crate) fn add(&mut self, client: u32, machine: Client, now: Now, out: &mut Outbox) {
        self.current = self.clients.len();
        self.clients.push(Inside { client, machine, timers: Vec::new() });
        self.keep(0, now, out);
    }

    /// The client at a place.
    pub(crate) fn client(&self, place: usize) -> Option<&Client> {
        self.clients.get(place).map(|inside| &inside.machine)
    }

    /// The number of the client whose call this is.
    pub(crate) fn whose(&self, op: OpId) -> u32 {
        self.clients[(op.0 >> CALL_BITS) as usize].client
    }

    /// The number of the client whose effects are in the outbox.
    pub(crate) fn current(&self) -> u32 {
        self.clients[self.current].client
    }

    /// Asks a question of an inquirer.
    pub(crate) fn ask(&mut self, now: Now, op: OpId, question: Question, out: &mut Outbox) {
        self.current = (op.0 >> CALL_BITS) as usize;
        let before = out.effects.len();
        if let Client::Inquirer(inquirer) = &mut self.clients[self.current].machine {
            inquirer.ask(now, op, question, out);
        }
        self.keep(before, now, out);
    }

    /// The answer to a question.
    pub(crate) fn answer(&mut self, op: OpId) -> Option<Answer> {
        match &mut self.clients[(op.0 >> CALL_BITS) as usize].machine {
            Client::Inquirer(inquirer) => inquirer.take(op),
            Client::Producer(_) | Client::Consumer(_) | Client::Gone => None,
        }
    }

    /// Forgets a client that was closed.
    pub(crate) fn remove(&mut self, place: usize) {
        let inside = &mut self.clients[place];
        inside.machine = Client::Gone;
        inside.timers.clear();
    }

    /// Takes one input in; it concerns one client.
    pub(crate) fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let before = out.effects.len();
        match &input {
            Input::Recv(conn, _) | Input::Closed(conn) => {
                let Ok(at) = self.conns.binary_search_by_key(conn, |(known, _)| *known) else {
                    return;
                };
                self.current = self.conns[at].1 as usize;
                if let Input::Closed(_) = input {
                    self.conns.remove(at);
                }
                self.give(now, input, out);
            }
            Input::Call(op, _) => {
                self.current = (op.0 >> CALL_BITS) as usize;
                self.give(now, input, out);
            }
            Input::Timer(_) => {
                self.armed = None;
                if let Some(timer) = self.due(now.mono) {
                    self.give(now, Input::Timer(timer), out);
                }
            }
            // Nobody connects to a client, clients have no disk, and what a request to stop means, the code decides.
            Input::Opened(conn, _) => out.close(*conn),
            Input::Synced(_) | Input::Shutdown => {}
        }
        self.keep(before, now, out);
    }

    fn give(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match &mut self.clients[self.current].machine {
            Client::Producer(machine) => machine.handle(now, input, out),
            Client::Consumer(machine) => machine.handle(now, input, out),
            Client::Inquirer(machine) => machine.handle(now, input, out),
            Client::Gone => {}
        }
    }

    /// Takes the timer that is due first off and makes its client the current one.
    fn due(&mut self, now: Time) -> Option<Timer> {
        let all = self.clients.iter().enumerate();
        let timers = all.flat_map(|(place, inside)| {
            inside.timers.iter().map(move |(timer, at)| (*at, place, *timer))
        });
        let (at, place, timer) = timers.min()?;
        if at > now {
            return None;
        }
        self.current = place;
        self.clients[place].timers.retain(|(name, _)| *name != timer);
        Some(timer)
    }

    /// Keeps timers and connections apart by client; the world knows one timer and one process.
    fn keep(&mut self, before: usize, now: Now, out: &mut Outbox) {
        let owner = u32::try_from(self.current).expect("at most so many clients");
        let timers = &mut self.clients[self.current].timers;
        let conns = &mut self.conns;
        let mut place = 0;
        let mut moved = false;
        out.effects.retain(|effect| {
            place += 1;
            if place <= before {
                return true;
            }
            match effect {
                Effect::SetTimer(timer, at) => {
                    timers.retain(|(name, _)| name != timer);
                    timers.push((*timer, *at));
                    moved = true;
                    false
                }
                Effect::CancelTimer(timer) => {
                    timers.retain(|(name, _)| name != timer);
                    false
                }
                Effect::Connect(conn, _) => {
                    // Connections are numbered upwards, so the list stays sorted.
                    conns.push((*conn, owner));
                    true
                }
                Effect::Close(conn) => {
                    conns.retain(|(known, _)| known != conn);
                    true
                }
                // A client that has closed itself ends nobody but itself.
                Effect::Exit(_) => false,
                Effect::Send(..) | Effect::Sync(_) | Effect::Complete(..) | Effect::Report(_) => {
                    true
                }
            }
        });
        if moved || self.armed.is_none() {
            self.arm(now, out);
        }
    }

    fn arm(&mut self, now: Now, out: &mut Outbox) {
        let next = self.clients.iter().flat_map(|inside| &inside.timers).map(|(_, at)| *at).min();
        if let Some(next) = next.map(|at| at.max(now.mono))
            && self.armed.is_none_or(|armed| next < armed)
        {
            self.armed = Some(next);
            out.set_timer(Timer::Application, next);
        }
    }
}
