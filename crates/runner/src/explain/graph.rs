//! The happens-before graph of a run (Lamport, 1978): what a process did in its order, and messages from their sending to
//! their arrival. Appends, syncs, timers, elections and faults are steps of the process that they happened at.
//!
//! Knows nothing of what a story is about: it tells what may have caused what.

use std::collections::{BTreeMap, VecDeque};

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeRef as _, Reversed};
use stormglass_kafka::message::Api;
use stormglass_sim::{TraceKind, World};
use stormglass_types::{Dense, NodeId, Time};

/// Why one step comes before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Before {
    /// The same process took both.
    Own,
    /// A message was sent in the first and came in with the second.
    Message(Api, Direction),
}

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Direction {
    Request,
    Response,
}

/// Everything that a run recorded, and what came before what.
pub(super) struct HappensBefore {
    graph: DiGraph<(Time, NodeId), Before>,
    /// The steps of each process, in order.
    own: Vec<Vec<NodeIndex>>,
}

impl HappensBefore {
    /// The graph of a recorded run.
    pub(super) fn of(world: &World) -> Self {
        let processes = world.history().header.processes.iter().count();
        let mut graph = DiGraph::new();
        let mut own: Vec<Vec<NodeIndex>> = vec![Vec::new(); processes];
        let mut flying: BTreeMap<(u32, NodeId, Direction, u16), VecDeque<NodeIndex>> =
            BTreeMap::new();
        for record in world.trace().into_iter().flat_map(|trace| trace.iter()) {
            let step = graph.add_node((record.at, record.node));
            let steps = &mut own[record.node.index()];
            if let Some(last) = steps.last() {
                graph.add_edge(*last, step, Before::Own);
            }
            steps.push(step);
            let code = |api: Api| api as u16;
            match record.kind {
                TraceKind::RequestSent(to, api, conn) => {
                    let way = (conn, to, Direction::Request, code(api));
                    flying.entry(way).or_default().push_back(step);
                }
                TraceKind::ResponseSent(to, api, conn) => {
                    let way = (conn, to, Direction::Response, code(api));
                    flying.entry(way).or_default().push_back(step);
                }
                TraceKind::Request(_, api, conn) => {
                    let way = (conn, record.node, Direction::Request, code(api));
                    arrive(
                        &mut graph,
                        &mut flying,
                        way,
                        step,
                        Before::Message(api, Direction::Request),
                    );
                }
                TraceKind::Response(_, api, conn) => {
                    let way = (conn, record.node, Direction::Response, code(api));
                    arrive(
                        &mut graph,
                        &mut flying,
                        way,
                        step,
                        Before::Message(api, Direction::Response),
                    );
                }
                TraceKind::Opened(..)
                | TraceKind::Closed(..)
                | TraceKind::Timer(_)
                | TraceKind::Synced
                | TraceKind::Application
                | TraceKind::Started(_)
                | TraceKind::Ended(_)
                | TraceKind::Fault(_)
                | TraceKind::FaultOver(_)
                | TraceKind::Marked(_)
                | TraceKind::Noted(_) => {}
            }
        }
        Self { graph, own }
    }

    /// The last step of a process up to an instant.
    pub(super) fn step(&self, process: NodeId, at: Time) -> Option<NodeIndex> {
        let steps = self.own.get(process.index())?;
        let after = steps.partition_point(|step| self.graph[*step].0 <= at);
        steps.get(after.checked_sub(1)?).copied()
    }

    /// Everything that may have caused some steps, themselves included: the backward slice.
    pub(super) fn slice(&self, facts: &[NodeIndex]) -> Vec<bool> {
        let mut seen = vec![false; self.graph.node_count()];
        let reversed = Reversed(&self.graph);
        let mut walk = Dfs::empty(reversed);
        for fact in facts {
            // What was reached from another fact is not walked again.
            walk.move_to(*fact);
            while let Some(step) = walk.next(reversed) {
                seen[step.index()] = true;
            }
        }
        seen
    }

    /// The last message that a process had got before a step of its, not before an instant: from whom, and which.
    pub(super) fn heard(&self, step: NodeIndex, since: Time) -> Option<(NodeId, Api, Direction)> {
        let mut step = step;
        loop {
            let edges = self.graph.edges_directed(step, petgraph::Direction::Incoming);
            let mut own = None;
            for edge in edges {
                match *edge.weight() {
                    Before::Own => own = Some(edge.source()),
                    Before::Message(api, direction) => {
                        return Some((self.graph[edge.source()].1, api, direction));
                    }
                }
            }
            step = own.filter(|step| self.graph[*step].0 >= since)?;
        }
    }
}

type Flying = BTreeMap<(u32, NodeId, Direction, u16), VecDeque<NodeIndex>>;

fn arrive(
    graph: &mut DiGraph<(Time, NodeId), Before>,
    flying: &mut Flying,
    way: (u32, NodeId, Direction, u16),
    step: NodeIndex,
    before: Before,
) {
    // A connection keeps its order; one that was reset has lost what was on the way.
    if let Some(sent) = flying.get_mut(&way).and_then(VecDeque::pop_front) {
        graph.add_edge(sent, step, before);
    }
}
