//! What must be true of a quorum of controllers: one leader in an epoch, and what one controller took for committed, all do.

use std::collections::BTreeMap;

use stormglass_kafka::message::MetadataOffset;
use stormglass_types::{IdVec, LeaderEpoch, NodeId, Time};

use super::{BreachKind, Observer};
use crate::world::node::{Node, Slot};

/// What was seen of the quorum.
#[derive(Clone, Default, Debug)]
pub(super) struct Metadata {
    leaders: BTreeMap<LeaderEpoch, NodeId>,
    /// What tells each committed record from others; 0 where that is not known.
    prints: Vec<u64>,
    /// Whether the controller that notes something says what another one said before.
    repeated: bool,
    /// A disk was lost: nothing is promised any more.
    pub(super) excused: bool,
}

impl Observer {
    /// Whether a controller only repeats what another one has told of the metadata.
    pub(crate) const fn is_repeated(&self) -> bool {
        self.metadata.repeated
    }

    /// A voter lost what it had on its disk, its votes among it.
    pub(crate) const fn on_voter_lost(&mut self) {
        self.metadata.excused = true;
    }

    pub(super) fn on_committed(
        &mut self,
        at: Time,
        node: NodeId,
        offset: MetadataOffset,
        print: u64,
    ) {
        let place = offset.0 as usize;
        let known = self.metadata.prints.get(place).copied().filter(|known| *known != 0);
        self.metadata.repeated = known.is_some();
        if self.metadata.prints.len() <= place {
            self.metadata.prints.resize(place + 1, 0);
        }
        self.metadata.prints[place] = known.unwrap_or(print);
        if known.is_some_and(|known| known != print) && !self.metadata.excused {
            self.breach_of(at, node, None, BreachKind::MetadataChanged { offset });
        }
    }

    pub(super) fn on_quorum_leader(
        &mut self,
        at: Time,
        node: NodeId,
        epoch: LeaderEpoch,
        end: MetadataOffset,
        slots: &IdVec<NodeId, Slot>,
    ) {
        let first = *self.metadata.leaders.entry(epoch).or_insert(node);
        if self.metadata.excused {
            return;
        }
        if first != node {
            self.breach_of(at, node, None, BreachKind::TwoQuorumLeaders { epoch, first });
        }
        let committed = furthest(slots);
        if end < committed {
            self.breach_of(at, node, None, BreachKind::IncompleteQuorumLeader { committed, end });
        }
    }
}

/// How far any controller that runs takes the log for committed.
fn furthest(slots: &IdVec<NodeId, Slot>) -> MetadataOffset {
    let controllers = slots.iter().map_while(|slot| match slot.node() {
        Some(Node::Controller(controller)) => Some(controller.image().offset),
        None => Some(MetadataOffset(0)),
        Some(
            Node::Broker(_)
            | Node::Producer(_)
            | Node::Consumer(_)
            | Node::Forwarder(_)
            | Node::Admin(_)
            | Node::Application(_),
        ) => None,
    });
    controllers.max().unwrap_or(MetadataOffset(0))
}
