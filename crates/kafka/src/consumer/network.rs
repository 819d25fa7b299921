//! A consumer's connections: to each broker one for data and one for it as the group's coordinator.
//!
//! Decides nothing about requests; only which connection exists, may be used, and is least loaded.

use alloc::vec::Vec;

use stormglass_types::{BrokerId, Rng, Time, TopicPartition};

use super::commits::Commit;
use super::membership::Member;
use super::positions::{Position, Reset};
use crate::channel::Channel;
use crate::message::Api;
use crate::{ConnId, Directory};

/// What a request was for, and what its answer needs to be understood.
#[derive(Clone, Debug)]
pub(super) enum Tag {
    /// Leaders and partition counts.
    Metadata,
    /// Who coordinates the group.
    FindCoordinator,
    /// Records; what was asked for is in the fetch session.
    Fetch,
    /// Positions to reset to.
    ListOffsets(Vec<Reset>),
    /// Whether positions are still on the leader's log.
    EpochEnd(Vec<(TopicPartition, Position)>),
    /// Entering the group, as this member.
    Join(Member),
    /// Waiting for the assignment, as this member.
    Sync(Member),
    /// Staying in the group, as this member.
    Heartbeat(Member),
    /// Leaving the group.
    Leave,
    /// Staying in a group of the consumer protocol: the attempt of this number.
    Member(u32),
    /// Leaving a group of the consumer protocol.
    Goodbye,
    /// Committing.
    Commit(Commit),
    /// Reading committed positions.
    OffsetFetch,
}

impl Tag {
    /// The kind of answer that fits.
    pub(super) const fn api(&self) -> Api {
        match self {
            Self::Metadata => Api::Metadata,
            Self::FindCoordinator => Api::FindCoordinator,
            Self::Fetch => Api::Fetch,
            Self::ListOffsets(_) => Api::ListOffsets,
            Self::EpochEnd(_) => Api::OffsetsForLeaderEpoch,
            Self::Join(_) => Api::JoinGroup,
            Self::Sync(_) => Api::SyncGroup,
            Self::Heartbeat(_) => Api::Heartbeat,
            Self::Leave => Api::LeaveGroup,
            Self::Member(_) | Self::Goodbye => Api::ConsumerGroupHeartbeat,
            Self::Commit(_) => Api::OffsetCommit,
            Self::OffsetFetch => Api::OffsetFetch,
        }
    }
}

/// One connection's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// To a broker for everything but the group; counts the brokers of the directory.
    Data(usize),
    /// To a broker as the group's coordinator.
    Coordinator(usize),
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Links {
    brokers: Vec<BrokerId>,
    data: Vec<Channel<Tag>>,
    coordinators: Vec<Channel<Tag>>,
}

impl Links {
    pub(super) fn new(directory: &Directory) -> Self {
        let channels = || directory.brokers.iter().map(|(_, node)| Channel::new(*node)).collect();
        Self {
            brokers: directory.brokers.iter().map(|(broker, _)| *broker).collect(),
            data: channels(),
            coordinators: channels(),
        }
    }

    /// The brokers, each at its place.
    pub(super) fn brokers(&self) -> &[BrokerId] {
        &self.brokers
    }

    /// A broker's place; none for one that is not in the directory.
    pub(super) fn place(&self, broker: BrokerId) -> Option<usize> {
        self.brokers.binary_search(&broker).ok()
    }

    pub(super) fn get(&self, link: Link) -> &Channel<Tag> {
        match link {
            Link::Data(place) => &self.data[place],
            Link::Coordinator(place) => &self.coordinators[place],
        }
    }

    pub(super) fn get_mut(&mut self, link: Link) -> &mut Channel<Tag> {
        match link {
            Link::Data(place) => &mut self.data[place],
            Link::Coordinator(place) => &mut self.coordinators[place],
        }
    }

    /// Every connection's place.
    pub(super) fn all(&self) -> impl Iterator<Item = Link> + use<> {
        let count = self.data.len();
        (0..count).map(Link::Data).chain((0..count).map(Link::Coordinator))
    }

    /// The place of an open connection.
    pub(super) fn of(&self, conn: ConnId) -> Option<Link> {
        self.all().find(|link| self.get(*link).conn() == Some(conn))
    }

    /// When the first unanswered request is given up.
    pub(super) fn deadline(&self) -> Time {
        let channels = self.data.iter().chain(&self.coordinators);
        channels.filter_map(Channel::deadline).min().unwrap_or(Time::NEVER)
    }

    /// `NetworkClient.leastLoadedNode`: the connected one with the fewest requests, else one that may be connected to.
    pub(super) fn least_loaded(
        &self,
        among: &[BrokerId],
        now: Time,
        rng: &mut Rng,
    ) -> Option<Link> {
        if among.is_empty() {
            return None;
        }
        let first = rng.index(among.len());
        let candidates = (0..among.len()).filter_map(|n| {
            let place = self.place(among[(first + n) % among.len()])?;
            let channel = &self.data[place];
            channel.is_ready(now).then_some((channel.conn().is_none(), channel.in_flight(), place))
        });
        let best = candidates.min_by_key(|(closed, load, _)| (*closed, *load));
        best.map(|(_, _, place)| Link::Data(place))
    }
}
