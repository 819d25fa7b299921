//! `RangeAssignor` without racks: each topic is cut into ranges for the members that want it, in the order of member ids.
//!
//! Knows no racks and no static members; member ids must sort as Kafka would sort the members.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{MemberId, TopicId, TopicPartition};

use super::Assignments;
use crate::message::Subscription;

/// Assigns every topic on its own: equal ranges, the first members one partition more.
#[must_use]
pub fn assign(topics: &[(TopicId, u16)], members: &[(MemberId, Arc<Subscription>)]) -> Assignments {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(member, _)| *member);
    let mut assignments: Assignments =
        sorted.iter().map(|(member, _)| (*member, Vec::new())).collect();
    for &(topic, partitions) in topics {
        let wanting: Vec<usize> =
            (0..sorted.len()).filter(|&place| sorted[place].1.topics.contains(&topic)).collect();
        let Ok(count) = u32::try_from(wanting.len()) else { continue };
        if count == 0 {
            continue;
        }
        let (each, larger) = (u32::from(partitions) / count, u32::from(partitions) % count);
        let mut next = 0;
        for (rank, place) in (0..count).zip(wanting) {
            let length = each + u32::from(rank < larger);
            let range = (next..next + length).filter_map(|number| u16::try_from(number).ok());
            assignments[place].1.extend(range.map(|number| TopicPartition::new(topic, number)));
            next += length;
        }
    }
    assignments
}
