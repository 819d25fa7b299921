//! Kafka's partition assignors: who of a group gets which partitions.
//!
//! Pure functions of topics and members, equal to Kafka's own to the order of every list, errors included. They know no
//! network, no clock and no machine; whoever calls them turns ids into names and back.

mod by_id;
mod input;
pub mod java_hash;
mod range;
mod round_robin;
mod server;
mod sticky;

use alloc::vec::Vec;
use core::fmt;

pub use by_id::{Assignments, KnownTopic, RemoteMember, assign_by_id, assign_remotely};
pub use input::{Input, Member, Partition, Rack, Topic, TopicIndex, Topics, Uuid};
pub use server::is_homogeneous;

/// Which assignor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Assignor {
    /// `RangeAssignor` of the clients, with racks.
    Range,
    /// `RoundRobinAssignor` of the clients.
    RoundRobin,
    /// `StickyAssignor` of the clients.
    Sticky,
    /// `CooperativeStickyAssignor` of the clients.
    CooperativeSticky,
    /// The coordinator's `uniform` (KIP-848).
    ServerUniform,
    /// The coordinator's `range` (KIP-848).
    ServerRange,
}

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Range,
        Self::RoundRobin,
        Self::Sticky,
        Self::CooperativeSticky,
        Self::ServerUniform,
        Self::ServerRange,
    ];

    /// The name people know it by; those of the server have a prefix, since `range` is also a client's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
            Self::ServerUniform => "server-uniform",
            Self::ServerRange => "server-range",
        }
    }

    /// The assignor of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }
}

impl fmt::Display for Assignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who gets what.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Assignment {
    /// Per member, in the order of the input, its partitions: in the order of Kafka's list if a client assigned, sorted by
    /// topic and number if the server did, which keeps sets.
    pub members: Vec<Vec<Partition>>,
    /// What a cooperative assignor keeps back until its owner has given it up, with the member that is to get it; sorted by
    /// topic and number.
    pub withheld: Vec<(Partition, usize)>,
}

/// Why Kafka's assignor fails.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AssignError {
    /// Quotas do not work out, since owned partitions beyond the topic's count were counted.
    Quota,
    /// An owner is looked up that was set aside, since nothing it has can move.
    OwnerSetAside,
    /// Partitions can still move but every member was set aside.
    EveryoneSetAside,
    /// A member owns a partition beyond the topic's count.
    NoSuchPartition,
    /// Partitions are left and nobody has room.
    LeftOver,
}

impl AssignError {
    /// The exception that Kafka throws.
    #[must_use]
    pub const fn exception(self) -> &'static str {
        match self {
            Self::Quota => "java.lang.IllegalStateException",
            Self::OwnerSetAside => "java.lang.NullPointerException",
            Self::EveryoneSetAside => "java.util.NoSuchElementException",
            Self::NoSuchPartition => "java.lang.ArrayIndexOutOfBoundsException",
            Self::LeftOver => {
                "org.apache.kafka.coordinator.group.api.assignor.PartitionAssignorException"
            }
        }
    }
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quota => "the quotas of the members do not work out; some own partitions that no longer exist",
            Self::OwnerSetAside => "the owner of a partition was already set aside as one that keeps what it has",
            Self::EveryoneSetAside => "every member was set aside as one that keeps what it has",
            Self::NoSuchPartition => "a member owns a partition that no longer exists",
            Self::LeftOver => "partitions are left that no member has room for",
        })
    }
}

impl core::error::Error for AssignError {}

/// Assigns the partitions of the topics that members subscribed to.
///
/// # Errors
///
/// Where Kafka's own assignor throws an exception.
pub fn assign(assignor: Assignor, input: &Input) -> Result<Assignment, AssignError> {
    if input.members.is_empty() {
        return Ok(Assignment::default());
    }
    match assignor {
        Assignor::Range => Ok(range::assign(input)),
        Assignor::RoundRobin => Ok(round_robin::assign(input)),
        Assignor::Sticky => sticky::assign(input, sticky::Protocol::Eager),
        Assignor::CooperativeSticky => sticky::assign(input, sticky::Protocol::Cooperative),
        Assignor::ServerUniform => server::uniform(input),
        Assignor::ServerRange => Ok(server::range(input)),
    }
}

#[cfg(test)]
mod tests;
