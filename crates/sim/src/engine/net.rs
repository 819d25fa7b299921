//! Connections like TCP's: in order or dead.
//!
//! A cut link does not lose messages, it holds them: both ends go on until one gives up. Closing sends what was written
//! before; so a request may be acted on long after its sender stopped waiting. What messages mean is not known here.

use std::collections::VecDeque;

use stormglass_types::{Dense, NodeId, Rng, Span, Time};

use super::queue::Queue;

/// One direction of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneId {
    /// The connection's number, as handed out by the outbox.
    pub conn: u32,
    /// Which direction.
    pub lane: Lane,
}

/// The directions of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// From the side that opened it.
    Forth,
    /// From the side that accepted it.
    Back,
}

/// What comes out of a lane.
#[derive(Clone, Debug)]
pub enum Arrival<M> {
    /// The other side opened this connection.
    Opened,
    /// A message.
    Message(M),
    /// The other side closed, or the connection was reset.
    Closed,
}

/// Why messages of a node's connections end when it dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// The process ended: its host sends what was written, then closes.
    Process,
    /// The host is gone: nothing more comes, and nobody is told until it is back.
    Host,
}

/// All connections of a world.
#[derive(Clone, Debug)]
pub struct Net<M> {
    /// Indexed by connection number minus one; none once both sides are done with it.
    conns: Vec<Option<Box<Conn<M>>>>,
    /// How many cuts lie on the way from one node to another, row by row.
    cuts: Vec<u16>,
    nodes: usize,
    /// Extra latency of messages from or to a node.
    slow: Vec<Span>,
    /// Per sender.
    rngs: Vec<Rng>,
    least: Span,
    spread: u64,
}

#[derive(Clone, Debug)]
struct Conn<M> {
    /// Opener, acceptor.
    ends: [NodeId; 2],
    /// Whether each end still listens.
    open: [bool; 2],
    lanes: [LaneState<M>; 2],
    /// The host of this end vanished; its peer learns of it when the host is back.
    orphaned_by: Option<NodeId>,
}

#[derive(Clone, Debug)]
struct LaneState<M> {
    flights: VecDeque<(Time, Arrival<M>)>,
    last: Time,
    stalled: bool,
}

impl Lane {
    const fn index(self) -> usize {
        match self {
            Self::Forth => 0,
            Self::Back => 1,
        }
    }
}

impl<M> LaneState<M> {
    const fn new() -> Self {
        Self { flights: VecDeque::new(), last: Time::ZERO, stalled: false }
    }
}

impl<M> Net<M> {
    /// A network of nodes without connections. `rngs` has one stream per node.
    #[must_use]
    pub fn new(rngs: Vec<Rng>, least: Span, most: Span) -> Self {
        let nodes = rngs.len();
        Self {
            conns: Vec::new(),
            cuts: vec![0; nodes * nodes],
            nodes,
            slow: vec![Span::ZERO; nodes],
            rngs,
            least,
            spread: (most - least).0,
        }
    }

    /// The streams that latencies are drawn from, per sender.
    #[must_use]
    pub fn rngs(&self) -> &[Rng] {
        &self.rngs
    }

    /// The streams, to be changed.
    pub fn rngs_mut(&mut self) -> &mut [Rng] {
        &mut self.rngs
    }

    /// Opens a connection; the handshake travels first.
    pub fn connect<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        conn: u32,
        ends: [NodeId; 2],
        queue: &mut Queue<E>,
    ) {
        let index = conn as usize - 1;
        if self.conns.len() <= index {
            self.conns.resize_with(index + 1, || None);
        }
        let lanes = [LaneState::new(), LaneState::new()];
        self.conns[index] =
            Some(Box::new(Conn { ends, open: [true, true], lanes, orphaned_by: None }));
        let id = LaneId { conn, lane: Lane::Forth };
        self.post(now, id, Span::ZERO, Arrival::Opened, queue);
    }

    /// Both ends of a connection, the opener first; none if it is over.
    #[must_use]
    pub fn ends(&self, conn: u32) -> Option<[NodeId; 2]> {
        self.conn(conn).map(|conn| conn.ends)
    }

    /// Sends a message from one end, held up by `extra` on top of the latency. Dropped if that end has closed.
    pub fn send<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        conn: u32,
        from: NodeId,
        message: M,
        extra: Span,
        queue: &mut Queue<E>,
    ) {
        let Some(lane) = self.outgoing(conn, from) else { return };
        self.post(now, LaneId { conn, lane }, extra, Arrival::Message(message), queue);
    }

    /// Closes one end. What it sent before still travels; it receives nothing any more.
    pub fn close<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        conn: u32,
        from: NodeId,
        queue: &mut Queue<E>,
    ) {
        let Some(lane) = self.outgoing(conn, from) else { return };
        let state = self.conns[conn as usize - 1].as_mut().expect("outgoing found it");
        state.open[lane.index()] = false;
        state.lanes[1 - lane.index()].flights.clear();
        self.post(now, LaneId { conn, lane }, Span::ZERO, Arrival::Closed, queue);
        self.forget_if_done(conn);
    }

    /// Kills a connection: what is on the way is gone, both ends learn of it.
    pub fn reset<E: Copy + From<LaneId>>(&mut self, now: Time, conn: u32, queue: &mut Queue<E>) {
        let Some(state) = self.conn_mut(conn) else { return };
        for lane in &mut state.lanes {
            lane.flights.clear();
            lane.stalled = false;
        }
        for lane in [Lane::Forth, Lane::Back] {
            self.post(now, LaneId { conn, lane }, Span::ZERO, Arrival::Closed, queue);
        }
    }

    /// What a queue entry of a lane brings, and to whom; none if the lane is stalled or the receiver has closed.
    pub fn arrive(&mut self, now: Time, id: LaneId) -> Option<(NodeId, NodeId, Arrival<M>)> {
        let nodes = self.nodes;
        let state = self.conns.get_mut(id.conn as usize - 1)?.as_mut()?;
        let from = state.ends[id.lane.index()];
        let to = state.ends[1 - id.lane.index()];
        let lane = &mut state.lanes[id.lane.index()];
        if lane.stalled || lane.flights.front().is_none_or(|(at, _)| *at != now) {
            return None;
        }
        if self.cuts[from.index() * nodes + to.index()] > 0 {
            lane.stalled = true;
            return None;
        }
        let (_, arrival) = lane.flights.pop_front().expect("checked to have a front");
        let listens = state.open[1 - id.lane.index()];
        if matches!(arrival, Arrival::Closed) {
            state.open[1 - id.lane.index()] = false;
            if !state.open[id.lane.index()] {
                state.lanes[1 - id.lane.index()].flights.clear();
            }
            self.forget_if_done(id.conn);
        }
        listens.then_some((from, to, arrival))
    }

    /// Refuses a connection that arrived where nobody listens.
    pub fn refuse<E: Copy + From<LaneId>>(&mut self, now: Time, conn: u32, queue: &mut Queue<E>) {
        let Some(state) = self.conn_mut(conn) else { return };
        state.open[1] = false;
        self.post(now, LaneId { conn, lane: Lane::Back }, Span::ZERO, Arrival::Closed, queue);
    }

    /// Leaves a connection hanging that arrived at a host that is gone.
    pub fn ignore(&mut self, conn: u32) {
        let Some(state) = self.conn_mut(conn) else { return };
        let acceptor = state.ends[1];
        state.open[1] = false;
        state.orphaned_by = Some(acceptor);
    }

    /// Ends all connections of a node that died.
    pub fn bury<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        node: NodeId,
        death: Death,
        queue: &mut Queue<E>,
    ) {
        for conn in self.numbers() {
            if !self.conn(conn).is_some_and(|state| state.ends.contains(&node)) {
                continue;
            }
            let Some(lane) = self.outgoing(conn, node) else { continue };
            match death {
                Death::Process => self.close(now, conn, node, queue),
                Death::Host => {
                    let state = self.conns[conn as usize - 1].as_mut().expect("outgoing found it");
                    state.open[lane.index()] = false;
                    state.orphaned_by = Some(node);
                    state.lanes.iter_mut().for_each(|lane| lane.flights.clear());
                }
            }
        }
    }

    /// Tells the peers of a host that vanished and is back that their connections are gone.
    pub fn disown<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        node: NodeId,
        queue: &mut Queue<E>,
    ) {
        for conn in self.numbers() {
            let Some(state) = self.conn_mut(conn) else { continue };
            if state.orphaned_by.take_if(|host| *host == node).is_none() {
                continue;
            }
            let lane = if state.ends[0] == node { Lane::Forth } else { Lane::Back };
            self.post(now, LaneId { conn, lane }, Span::ZERO, Arrival::Closed, queue);
        }
    }

    /// Connections of a node, in the order in which they were opened.
    #[must_use]
    pub fn connections_of(&self, node: NodeId) -> Vec<u32> {
        let is_of = |conn: &u32| self.ends(*conn).is_some_and(|ends| ends.contains(&node));
        self.numbers().filter(is_of).collect()
    }

    /// Holds messages from one node to another from now on.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cuts[from.index() * self.nodes + to.index()] += 1;
    }

    /// Takes one cut away; once none is left, what waited goes on.
    pub fn mend<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        from: NodeId,
        to: NodeId,
        queue: &mut Queue<E>,
    ) {
        let cuts = &mut self.cuts[from.index() * self.nodes + to.index()];
        *cuts = cuts.checked_sub(1).expect("a cut is mended once");
        if *cuts > 0 {
            return;
        }
        for conn in self.numbers() {
            let Some(ends) = self.ends(conn) else { continue };
            if ends == [from, to] {
                self.release(now, LaneId { conn, lane: Lane::Forth }, queue);
            } else if ends == [to, from] {
                self.release(now, LaneId { conn, lane: Lane::Back }, queue);
            }
        }
    }

    /// Makes messages from and to a node take longer, or shorter again.
    pub fn set_slow(&mut self, node: NodeId, by: Span) {
        self.slow[node.index()] = by;
    }

    fn release<E: Copy + From<LaneId>>(&mut self, now: Time, id: LaneId, queue: &mut Queue<E>) {
        let latency = self.latency(id);
        let Some(state) = self.conn_mut(id.conn) else { return };
        let lane = &mut state.lanes[id.lane.index()];
        if !std::mem::take(&mut lane.stalled) {
            return;
        }
        let mut at = now + latency;
        for (due, _) in &mut lane.flights {
            at = at.max(*due);
            *due = at;
            queue.push(at, E::from(id));
            at += Span::nanos(1);
        }
        lane.last = at;
    }

    fn post<E: Copy + From<LaneId>>(
        &mut self,
        now: Time,
        id: LaneId,
        extra: Span,
        arrival: Arrival<M>,
        queue: &mut Queue<E>,
    ) {
        let Some(state) = self.conns.get_mut(id.conn as usize - 1).and_then(Option::as_deref_mut)
        else {
            return;
        };
        let from = state.ends[id.lane.index()].index();
        let to = state.ends[1 - id.lane.index()].index();
        let drawn = Span::nanos(self.rngs[from].upto(self.spread));
        let latency = self.least + drawn + self.slow[from] + self.slow[to];
        let lane = &mut state.lanes[id.lane.index()];
        // Strictly after the one before: each queue entry finds its own message at the front.
        let at = (now + latency + extra).max(lane.last + Span::nanos(1));
        lane.last = at;
        if !lane.stalled {
            queue.push(at, E::from(id));
        }
        lane.flights.push_back((at, arrival));
    }

    fn latency(&mut self, id: LaneId) -> Span {
        let Some(state) = self.conn(id.conn) else { return Span::ZERO };
        let from = state.ends[id.lane.index()].index();
        let to = state.ends[1 - id.lane.index()].index();
        let drawn = self.rngs[from].upto(self.spread);
        self.least + Span::nanos(drawn) + self.slow[from] + self.slow[to]
    }

    /// The lane on which a node sends, if it is an end of the connection and has not closed it.
    fn outgoing(&self, conn: u32, from: NodeId) -> Option<Lane> {
        let state = self.conn(conn)?;
        let lane =
            [Lane::Forth, Lane::Back].into_iter().find(|lane| state.ends[lane.index()] == from);
        lane.filter(|lane| state.open[lane.index()])
    }

    fn conn(&self, conn: u32) -> Option<&Conn<M>> {
        self.conns.get(conn as usize - 1)?.as_deref()
    }

    fn conn_mut(&mut self, conn: u32) -> Option<&mut Conn<M>> {
        self.conns.get_mut(conn as usize - 1)?.as_deref_mut()
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<M> {
        1..=u32::try_from(self.conns.len()).expect("connection numbers have 32 bits")
    }

    fn forget_if_done(&mut self, conn: u32) {
        let done = self.conn(conn).is_some_and(|state| {
            state.open == [false, false] && state.lanes.iter().all(|lane| lane.flights.is_empty())
        });
        if done {
            self.conns[conn as usize - 1] = None;
        }
    }
}
