//! Client-side assignors: who of a group gets which partitions.
//!
//! Pure functions of members, subscriptions and partition counts. They know no generation and no network.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{MemberId, TopicId, TopicPartition};

use crate::message::Subscription;
use crate::settings::Assignor;

pub mod range;

/// Who gets what, in the order of member ids.
pub type Assignments = Vec<(MemberId, Vec<TopicPartition>)>;

impl Assignor {
    /// Assigns the partitions of `topics` (each with its number of partitions) to the members that subscribed to them. The
    /// topics in every member's list follow the order of `topics`.
    #[must_use]
    pub fn assign(
        self,
        topics: &[(TopicId, u16)],
        members: &[(MemberId, Arc<Subscription>)],
    ) -> Assignments {
        match self {
            Self::Range => range::assign(topics, members),
        }
    }
}
