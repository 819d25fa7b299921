//! A read-only look inside a world, for invariants, tests and the curious. Machines never get one.

use std::sync::Arc;

use stormglass_kafka::broker::Broker;
use stormglass_kafka::controller::Controller;
use stormglass_kafka::log::BrokerStore;
use stormglass_kafka::metadata::{MetadataImage, PartitionRegistration};
use stormglass_types::{BrokerId, NodeId, Offset, TopicPartition};

use super::World;
use super::node::Node;

/// A world, to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'w> {
    world: &'w World,
}

impl<'w> View<'w> {
    pub(super) const fn new(world: &'w World) -> Self {
        Self { world }
    }

    /// A running broker.
    #[must_use]
    pub fn broker(&self, broker: BrokerId) -> Option<&'w Broker> {
        match self.world.slots[self.world.roster.broker(broker)].node()? {
            Node::Broker(broker) => Some(broker),
            Node::Controller(_)
            | Node::Producer(_)
            | Node::Consumer(_)
            | Node::Forwarder(_)
            | Node::Admin(_)
            | Node::Application(_) => None,
        }
    }

    /// A broker's disk, whether or not the broker runs.
    #[must_use]
    pub fn store(&self, broker: BrokerId) -> Option<&'w BrokerStore> {
        self.world.slots[self.world.roster.broker(broker)].broker_store()
    }

    /// A running controller.
    #[must_use]
    pub fn controller(&self, node: NodeId) -> Option<&'w Controller> {
        match self.world.slots[node].node()? {
            Node::Controller(controller) => Some(controller),
            Node::Broker(_)
            | Node::Producer(_)
            | Node::Consumer(_)
            | Node::Forwarder(_)
            | Node::Admin(_)
            | Node::Application(_) => None,
        }
    }

    /// The active controller: of several that take themselves for it, the one of the newest epoch.
    #[must_use]
    pub fn active_controller(&self) -> Option<NodeId> {
        let running = self.world.roster.controllers();
        let running = running.filter_map(|node| Some((node, self.controller(node)?)));
        let active = running.filter(|(_, controller)| controller.is_active());
        let newest = active.max_by_key(|(_, controller)| {
            controller.voter().map(stormglass_kafka::raft::Voter::epoch)
        });
        newest.map(|(node, _)| node)
    }

    /// The metadata as the active controller has committed them; where none is active, as the best informed one has.
    #[must_use]
    pub fn metadata(&self) -> Option<&'w MetadataImage> {
        if let Some(active) = self.active_controller() {
            return self.controller(active).map(Controller::image);
        }
        let running = self.world.roster.controllers().filter_map(|node| self.controller(node));
        running.map(Controller::image).max_by_key(|image| image.offset)
    }

    /// A partition as the controller knows it; where no controller runs, as the best informed broker does.
    #[must_use]
    pub fn registration(
        &self,
        partition: TopicPartition,
    ) -> Option<&'w Arc<PartitionRegistration>> {
        let known = self.metadata().and_then(|image| image.partitions.get(partition));
        known.or_else(|| {
            let brokers = self.world.roster.brokers().filter_map(|(id, _)| self.broker(id));
            let best = brokers.max_by_key(|broker| broker.image().offset)?;
            best.image().partitions.get(partition)
        })
    }

    /// The high watermark of a partition at its leader, if that serves requests and knows that it leads.
    #[must_use]
    pub fn high_watermark(&self, partition: TopicPartition) -> Option<Offset> {
        let registration = self.registration(partition)?;
        let leader = self.broker(registration.leader?).filter(|leader| leader.is_serving())?;
        let replica = leader.replica(partition)?;
        (replica.leader_epoch == registration.leader_epoch).then_some(replica.high_watermark)
    }
}
