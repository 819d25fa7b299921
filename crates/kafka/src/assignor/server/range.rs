//! `range` of the coordinator: each topic is cut into ranges for its subscribers, static members first.
//!
//! Knows no previous owners.

use alloc::vec::Vec;

use super::super::input::narrow;
use super::{Assignment, Input, Partition, sorted};

/// A topic that is cut from its start.
#[derive(Clone, Copy, Default)]
struct Cut {
    subscribers: u32,
    taken: u32,
    next: u32,
}

/// Everyone's ranges.
pub(in crate::assignor) fn assign(input: &Input) -> Assignment {
    let order: Vec<u32> = (0..narrow(input.members.len())).collect();
    let mut cuts = alloc::vec![Cut::default(); input.topics.len()];
    for topic in input.members.iter().flat_map(|member| &member.subscription) {
        cuts[topic.0 as usize].subscribers += 1;
    }
    let mut lists = alloc::vec![Vec::new(); input.members.len()];
    for member in input.sorted_members(&order) {
        for &topic in &input.members[member as usize].subscription {
            let partitions = input.topics[topic].partitions;
            let cut = &mut cuts[topic.0 as usize];
            let larger = cut.taken < partitions % cut.subscribers;
            let end = cut.next + partitions / cut.subscribers + u32::from(larger);
            let numbers = cut.next..end;
            lists[member as usize].extend(numbers.map(|number| Partition::new(topic, number)));
            cut.next = end;
            cut.taken += 1;
        }
    }
    sorted(input, lists)
}
