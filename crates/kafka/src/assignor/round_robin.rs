//! `RoundRobinAssignor`: all partitions in turn, each to the next member that wants its topic.
//!
//! Knows no racks and no previous owners.

use alloc::vec::Vec;

use super::{Assignment, Input, Partition, TopicIndex};

/// Assigns topic by topic in the order of names, members static first.
pub(super) fn assign(input: &Input) -> Assignment {
    let members = input.sorted_members(&input.member_order());
    let ranks = input.topics.ranks();
    let mut wanted: Vec<Vec<u32>> = alloc::vec![Vec::new(); input.topics.len()];
    for (turn, &member) in (0..).zip(&members) {
        for topic in &input.members[member as usize].subscription {
            wanted[topic.0 as usize].push(turn);
        }
    }
    let mut topics: Vec<TopicIndex> = input
        .topics
        .iter()
        .map(|(index, _)| index)
        .filter(|topic| !wanted[topic.0 as usize].is_empty())
        .collect();
    topics.sort_unstable_by_key(|topic| ranks[topic.0 as usize]);

    let mut lists = alloc::vec![Vec::new(); input.members.len()];
    // The member whose turn it is. It moves on past members that do not want the topic.
    let mut turn = 0;
    for topic in topics {
        let wanting = &wanted[topic.0 as usize];
        for number in 0..input.topics[topic].partitions {
            let next = wanting.partition_point(|&candidate| candidate < turn);
            let taker = wanting[if next == wanting.len() { 0 } else { next }];
            lists[members[taker as usize] as usize].push(Partition::new(topic, number));
            turn = taker + 1;
        }
    }
    Assignment { members: lists, withheld: Vec::new() }
}
