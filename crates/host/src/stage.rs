//! The stage on which code and world meet: one world, one clock, and what goes from one to the other.
//!
//! A driver task sleeps until the world's next event; a call of a client first lets the world catch up to the present, then
//! enters it. So calls and events have one order, which follows from the seed. Nothing here knows the shape of any client
//! library.

mod names;
mod processes;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use madsim::runtime::Handle;
use madsim::task::NodeId as TaskNode;
use stormglass_kafka::inquiry::{Answer, Question};
use stormglass_kafka::{Call, Completion, OpId};
use stormglass_sim::{ClientId, ClientKind, End, Told, World};
use stormglass_types::{Key, NodeId, Time};

use crate::clock::Clock;
use crate::consumer::Reader;
use crate::producer::Sender;
use crate::stage::processes::Process;
use crate::values::Values;

pub(crate) use crate::stage::processes::TEST_PROCESS;

/// Where code and world meet. One per run, shared by every client in it.
pub struct Stage {
    inner: Mutex<Inner>,
    handle: Handle,
}

/// Everything behind the lock.
pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) values: Values,
    pub(crate) clients: Vec<Client>,
    told: Vec<Told>,
    actions: Vec<Action>,
    /// Consumers with hand-outs that the history does not know yet.
    pub(crate) dirty: Vec<ClientId>,
    topics: Vec<Arc<str>>,
    keys: BTreeMap<Vec<u8>, Key>,
    processes: Vec<Process>,
    over: Option<End>,
    waiting_for_end: Vec<Waker>,
    log: Vec<(Time, String)>,
}

/// What the stage knows of a client.
pub(crate) struct Client {
    process: NodeId,
    alive: bool,
    wakers: Vec<Waker>,
    awaited: BTreeSet<OpId>,
    ended: BTreeMap<OpId, Ended>,
    /// The call of `close` under way.
    closing: Option<OpId>,
    pub(crate) kind: Kind,
}

/// What kind of client it is.
pub(crate) enum Kind {
    Producer(Box<Sender>),
    Consumer(Box<Reader>),
    Inquirer,
}

/// How a call that somebody waits for has ended.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    Call(Completion),
    Answer(Answer),
}

/// What is done once the lock is free.
enum Action {
    Wake(Waker),
    Start(TaskNode),
    Kill(TaskNode),
    AskToStop(TaskNode, NodeId, u32),
    Pause(TaskNode),
    Resume(TaskNode),
}

thread_local! {
    /// The stage of the run on this thread; a run never leaves its thread.
    static ON: RefCell<Option<Arc<Stage>>> = const { RefCell::new(None) };
    /// Whether a node is being killed because the world says so.
    static BY_WORLD: RefCell<Option<TaskNode>> = const { RefCell::new(None) };
}

impl Stage {
    /// Sets the stage for a world whose topics exist.
    pub(crate) fn set(world: World) -> Arc<Self> {
        let clock = Clock::new(world.now());
        let header = &world.history().header;
        let topics = header.topics.iter().map(|topic| Arc::from(topic.name.as_str())).collect();
        let keys = header.keys.iter().enumerate();
        let key = |at: usize| Key(u32::try_from(at).expect("fewer than 2^32 keys"));
        let keys = keys.map(|(at, name)| (name.as_bytes().to_vec(), key(at))).collect();
        let plan = world.plan();
        let processes = plan.roster().applications().zip(&plan.applications);
        let processes = processes.map(|(node, plan)| Process::new(node, plan));
        let processes = processes.collect();
        let inner = Inner {
            clock,
            values: Values::default(),
            clients: Vec::new(),
            told: Vec::new(),
            actions: Vec::new(),
            dirty: Vec::new(),
            topics,
            keys,
            processes,
            over: None,
            waiting_for_end: Vec::new(),
            log: Vec::new(),
            world,
        };
        let stage = Arc::new(Self { inner: Mutex::new(inner), handle: Handle::current() });
        ON.set(Some(Arc::clone(&stage)));
        stage
    }

    /// The stage of this thread's run.
    ///
    /// # Panics
    /// Outside a run: a client needs a world to live in.
    #[must_use]
    pub fn current() -> Arc<Self> {
        let on = ON.with_borrow(Clone::clone);
        on.expect("a simulated client lives inside a test with `#[stormglass::test]` only")
    }

    /// Ends the run on this thread; what is left of its clients speaks to nobody.
    pub(crate) fn strike() -> Option<Arc<Self>> {
        ON.take()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something in the present, with the world caught up.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Inner, Time) -> T) -> T {
        let (result, actions) = {
            let mut inner = self.lock();
            let now = inner.clock.now();
            inner.catch_up(now);
            let result = work(&mut inner, now);
            inner.hear();
            let next = inner.world.next_at();
            inner.clock.arm(next);
            (result, std::mem::take(&mut inner.actions))
        };
        if !actions.is_empty() {
            self.act(actions);
        }
        result
    }

    /// Lets the world run whenever it has something to do, until it is over.
    pub(crate) async fn drive(&self) {
        poll_fn(|context| {
            self.lock().clock.attend(context.waker());
            match self.with(|inner, _| inner.over) {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        })
        .await;
    }

    /// Waits until the world is over.
    pub(crate) async fn over(&self) -> End {
        poll_fn(|context| {
            self.with(|inner, _| {
                if let Some(end) = inner.over {
                    return Poll::Ready(end);
                }
                inner.waiting_for_end.push(context.waker().clone());
                Poll::Pending
            })
        })
        .await
    }

    fn act(&self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Wake(waker) => waker.wake(),
                Action::Start(node) => self.handle.restart(node),
                Action::Kill(node) => {
                    BY_WORLD.set(Some(node));
                    self.handle.kill(node);
                    BY_WORLD.set(None);
                }
                Action::AskToStop(node, process, life) => {
                    self.handle.send_ctrl_c(node);
                    self.kill_after_grace(node, process, life);
                }
                Action::Pause(node) => self.handle.pause(node),
                Action::Resume(node) => self.handle.resume(node),
            }
        }
    }

    /// Writes a line of the code's own log.
    pub(crate) fn note(&self, line: String) {
        self.with(|inner, now| inner.log.push((now, line)));
    }

    /// How long the run has been going on.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        madsim::time::TimeHandle::current().elapsed()
    }

    /// Opens a client in the process that runs the present task.
    pub(crate) fn open(
        &self,
        kind: ClientKind,
        state: impl FnOnce(&Inner, NodeId) -> Kind,
    ) -> Option<ClientId> {
        let node = madsim::plugin::node();
        self.with(|inner, now| {
            if inner.over.is_some() {
                return None;
            }
            let process = inner.process_of(node)?;
            let client = inner.world.open_client(now, process, kind)?;
            assert!(client.index() == inner.clients.len(), "clients are numbered as they open");
            let kind = state(inner, process);
            inner.clients.push(Client {
                process,
                alive: true,
                wakers: Vec::new(),
                awaited: BTreeSet::new(),
                ended: BTreeMap::new(),
                closing: None,
                kind,
            });
            Some(client)
        })
    }

    /// Calls a client and waits for the end of the call: for ever if the client is no more, since its process is not either.
    pub(crate) async fn call(&self, client: ClientId, call: Call) -> Completion {
        match self.with(|inner, now| inner.begin(now, client, call)) {
            Some(op) => match self.end_of(client, op).await {
                Ended::Call(completion) => completion,
                Ended::Answer(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Asks a question and waits for the answer: for ever if the client is no more.
    pub(crate) async fn ask(&self, client: ClientId, question: Question) -> Answer {
        let op = self.with(|inner, now| {
            if !inner.is_alive(client) {
                return None;
            }
            let op = inner.world.ask(now, client, question)?;
            inner.clients[client.index()].awaited.insert(op);
            Some(op)
        });
        match op {
            Some(op) => match self.end_of(client, op).await {
                Ended::Answer(answer) => answer,
                Ended::Call(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    async fn end_of(&self, client: ClientId, op: OpId) -> Ended {
        poll_fn(|context| {
            self.with(|inner, _| {
                let client = &mut inner.clients[client.index()];
                if let Some(ended) = client.ended.remove(&op) {
                    return Poll::Ready(ended);
                }
                client.wakers.push(context.waker().clone());
                Poll::Pending
            })
        })
        .await
    }

    /// What the run left behind, at its end.
    pub(crate) fn remains(&self) -> (World, Vec<(Time, String)>) {
        let mut inner = self.lock();
        (inner.world.clone(), std::mem::take(&mut inner.log))
    }
}

impl Inner {
    /// Lets the world do what is due.
    fn catch_up(&mut self, now: Time) {
        while self.world.next_at().is_some_and(|next| next <= now) {
            if !self.dirty.is_empty() {
                self.write_down();
            }
            self.world.step();
            self.hear();
        }
    }

    /// Takes what the world has to tell.
    pub(crate) fn hear(&mut self) {
        loop {
            self.world.tell_host(&mut self.told);
            if self.told.is_empty() {
                return;
            }
            let mut told = std::mem::take(&mut self.told);
            for told in told.drain(..) {
                self.take(told);
            }
            self.told = told;
        }
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Completed(client, op, completion) => self.on_completed(client, op, completion),
            Told::Answered(client, op, answer) => {
                let client = &mut self.clients[client.index()];
                if client.awaited.remove(&op) {
                    client.ended.insert(op, Ended::Answer(answer));
                    self.actions.extend(client.wakers.drain(..).map(Action::Wake));
                }
            }
            Told::Reported(client, report) => self.on_reported(client, report),
            Told::Started(process) => {
                if let Some(node) = self.set_running(process, true) {
                    self.actions.push(Action::Start(node));
                }
            }
            Told::Died(process) => {
                for client in self.clients.iter_mut().filter(|it| it.process == process) {
                    client.alive = false;
                    self.actions.extend(client.wakers.drain(..).map(Action::Wake));
                }
                if let Some(node) = self.set_running(process, false) {
                    self.actions.push(Action::Kill(node));
                }
            }
            Told::AskedToStop(process) => {
                let life = self.processes.iter().find(|it| it.node == process).map(|it| it.life);
                if let (Some(node), Some(life)) = (self.task_node(process), life) {
                    self.actions.push(Action::AskToStop(node, process, life));
                }
            }
            Told::Paused(process) => {
                self.actions.extend(self.task_node(process).map(Action::Pause));
            }
            Told::Resumed(process) => {
                self.actions.extend(self.task_node(process).map(Action::Resume));
            }
            Told::Over(end) => {
                self.over = Some(end);
                // Nobody is told more: whoever waits for an answer waits for ever.
                self.clients.iter_mut().for_each(|client| client.alive = false);
                self.actions.extend(self.waiting_for_end.drain(..).map(Action::Wake));
            }
        }
    }

    /// Begins a call that somebody will wait for.
    pub(crate) fn begin(&mut self, now: Time, client: ClientId, call: Call) -> Option<OpId> {
        if !self.is_alive(client) {
            return None;
        }
        if !self.dirty.is_empty() {
            self.write_down();
        }
        let op = self.world.call_client(now, client, call)?;
        self.clients[client.index()].awaited.insert(op);
        self.hear();
        Some(op)
    }

    /// Makes a call that nobody waits for.
    pub(crate) fn do_call(&mut self, now: Time, client: ClientId, call: Call) -> Option<OpId> {
        if !self.is_alive(client) {
            return None;
        }
        if !self.dirty.is_empty() {
            self.write_down();
        }
        let op = self.world.call_client(now, client, call);
        self.hear();
        op
    }

    /// Closes a client; nobody waits for that.
    pub(crate) fn close(&mut self, now: Time, client: ClientId) {
        if !self.is_alive(client) || self.clients[client.index()].closing.is_some() {
            return;
        }
        if !self.dirty.is_empty() {
            self.write_down();
        }
        let op = self.world.call_client(now, client, Call::Close);
        self.clients[client.index()].closing = op;
        self.hear();
    }

    /// Lets whoever waits for the client look again.
    pub(crate) fn wake(&mut self, client: ClientId) {
        let client = &mut self.clients[client.index()];
        self.actions.extend(client.wakers.drain(..).map(Action::Wake));
    }

    /// Whom to wake when something happens to the client.
    pub(crate) fn attend(&mut self, client: ClientId, waker: &Waker) {
        let wakers = &mut self.clients[client.index()].wakers;
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    pub(crate) fn is_alive(&self, client: ClientId) -> bool {
        self.clients[client.index()].alive
    }

    fn on_completed(&mut self, client: ClientId, op: OpId, completion: Completion) {
        let Some(known) = self.clients.get_mut(client.index()) else { return };
        if known.closing == Some(op) {
            known.alive = false;
            self.world.drop_client(client);
            return self.wake(client);
        }
        if known.awaited.remove(&op) {
            known.ended.insert(op, Ended::Call(completion));
            self.actions.extend(known.wakers.drain(..).map(Action::Wake));
            return;
        }
        match known.kind {
            Kind::Producer(_) => self.on_sent(client, op, completion),
            Kind::Consumer(_) => self.on_polled(client, op, completion),
            Kind::Inquirer => {}
        }
    }
}
