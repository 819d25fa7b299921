//! `uniform` where all members subscribed to the same topics: quotas, then what is left in the order of members.
//!
//! Does not balance afterwards: quotas make it even.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::super::input::narrow;
use super::{AssignError, Input, Partition, TopicIndex, owned_by_topic, subscribed_in_set_order};

/// Everyone's set.
pub(super) fn assign(input: &Input) -> Result<Vec<Vec<Partition>>, AssignError> {
    let topics = subscribed_in_set_order(input, 0);
    let members = narrow(input.members.len());
    let total: u32 = topics.iter().map(|&topic| input.topics[topic].partitions).sum();
    let (each, larger) = (total / members, total % members);
    let mut unassigned = never_assigned(input, &topics);
    let subscribed: BTreeSet<TopicIndex> = topics.into_iter().collect();

    let mut lists = Vec::new();
    let mut room = Vec::new();
    for (turn, member) in (0..members).zip(0..) {
        let mut quota = each + u32::from(turn < larger);
        let mut list = Vec::new();
        for (topic, numbers) in owned_by_topic(input, member) {
            if !subscribed.contains(&topic) {
                continue;
            }
            let keeps = numbers.len().min(quota as usize);
            quota -= narrow(keeps);
            let mut partitions = numbers.into_iter().map(|number| Partition::new(topic, number));
            list.extend(partitions.by_ref().take(keeps));
            unassigned.extend(partitions);
        }
        lists.push(list);
        room.push(quota as usize);
    }

    let mut left = unassigned.into_iter();
    for (list, room) in lists.iter_mut().zip(room) {
        list.extend(left.by_ref().take(room));
    }
    if left.next().is_some() { Err(AssignError::LeftOver) } else { Ok(lists) }
}

/// The partitions that nobody owned.
fn never_assigned(input: &Input, topics: &[TopicIndex]) -> Vec<Partition> {
    let owned: BTreeSet<Partition> =
        input.members.iter().flat_map(|member| &member.owned).copied().collect();
    let all = topics.iter().flat_map(|&topic| {
        (0..input.topics[topic].partitions).map(move |number| Partition::new(topic, number))
    });
    all.filter(|partition| !owned.contains(partition)).collect()
}
