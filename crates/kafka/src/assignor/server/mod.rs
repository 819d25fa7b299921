//! The coordinator's assignors of the new consumer protocol (KIP-848): `uniform` and `range`.
//!
//! They look at no racks, as Kafka's do not in this version, and keep sets: their lists come out sorted.

mod balancer;
mod heterogeneous;
mod homogeneous;
mod range;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub(super) use self::range::assign as range;
use super::java_hash::JavaSet;
use super::{AssignError, Assignment, Input, Partition, TopicIndex};

/// Even first, then as few moves as possible.
pub(super) fn uniform(input: &Input) -> Result<Assignment, AssignError> {
    let sets = if is_homogeneous(input) {
        homogeneous::assign(input)
    } else {
        heterogeneous::assign(input)
    };
    Ok(sorted(input, sets?))
}

/// True if every topic anyone subscribed to, existing or not, has all members as subscribers.
#[must_use]
pub fn is_homogeneous(input: &Input) -> bool {
    let mut subscribers = alloc::vec![0; input.topics.len()];
    for topic in input.members.iter().flat_map(|member| &member.subscription) {
        subscribers[topic.0 as usize] += 1;
    }
    subscribers.into_iter().all(|count| count == 0 || count == input.members.len())
}

/// The topics a member subscribed to that exist, in the order of the Java set that the coordinator makes of them.
fn subscribed_in_set_order(input: &Input, member: usize) -> Vec<TopicIndex> {
    let subscription = &input.members[member].subscription;
    let mut set = JavaSet::for_collection(super::input::narrow(subscription.len()));
    for &topic in subscription.iter().filter(|&&topic| input.topics[topic].partitions > 0) {
        set.insert(input.topics[topic].id.hash(), topic);
    }
    set.iter().collect()
}

/// What a member owned, topic by topic, in the order in which the topics come.
fn owned_by_topic(input: &Input, member: usize) -> Vec<(TopicIndex, Vec<u32>)> {
    let mut places = BTreeMap::new();
    let mut topics: Vec<(TopicIndex, Vec<u32>)> = Vec::new();
    for partition in &input.members[member].owned {
        let place = *places.entry(partition.topic).or_insert(topics.len());
        if place == topics.len() {
            topics.push((partition.topic, Vec::new()));
        }
        topics[place].1.push(partition.number);
    }
    topics
}

/// Sets as lists, sorted by topic name and number.
fn sorted(input: &Input, mut members: Vec<Vec<Partition>>) -> Assignment {
    let ranks = input.topics.ranks();
    for list in &mut members {
        list.sort_unstable_by_key(|partition| {
            (ranks[partition.topic.0 as usize], partition.number)
        });
        list.dedup();
    }
    Assignment { members, withheld: Vec::new() }
}
