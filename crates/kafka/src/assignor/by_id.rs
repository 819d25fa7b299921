//! Assigning where members and topics are ids: what a leader among the machines does.
//!
//! Ids stand in for names, with leading zeros, so that members and topics sort by id. Racks and static members are not known
//! to a subscription here.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{MemberId, TopicId, TopicPartition};

use super::{AssignError, Assignor, Input, Member, Partition, Topic, assign};
use crate::message::Subscription;
use crate::settings;

/// Who gets what, by member id.
pub type Assignments = Vec<(MemberId, Vec<TopicPartition>)>;

impl From<settings::Assignor> for Assignor {
    fn from(assignor: settings::Assignor) -> Self {
        match assignor {
            settings::Assignor::Range => Self::Range,
        }
    }
}

/// Assigns the partitions of `topics`, each with its number of partitions, to the members of a join response.
///
/// # Errors
///
/// Where Kafka's own assignor throws an exception.
pub fn assign_by_id(
    assignor: Assignor,
    topics: &[(TopicId, u16)],
    members: &[(MemberId, Arc<Subscription>)],
) -> Result<Assignments, AssignError> {
    let mut input = Input::default();
    let mut ids = Vec::new();
    for &(topic, partitions) in topics {
        input.topics.add(Topic::new(&topic_name(topic), partitions.into()));
        ids.push(topic);
    }
    for (id, subscription) in members {
        let mut index = |topic: TopicId| {
            let index = input.topics.named(&topic_name(topic));
            if index.0 as usize == ids.len() {
                ids.push(topic);
            }
            index
        };
        let wanted = subscription.topics.iter().map(|&topic| index(topic)).collect();
        let mut member = Member::new(&format!("member-{:010}", id.0), wanted);
        let owned = subscription.owned.iter();
        member.owned = owned
            .map(|partition| Partition::new(index(partition.topic), partition.partition.into()))
            .collect();
        member.generation = subscription.generation.map(|generation| generation.0);
        member.subscription_generation = member.generation;
        input.members.push(member);
    }
    let assignment = assign(assignor, &input)?;
    let by_id = |partition: Partition| {
        let number = u16::try_from(partition.number).expect("given as 16 bits");
        TopicPartition::new(ids[partition.topic.0 as usize], number)
    };
    let lists = members.iter().zip(assignment.members);
    let mut assignments: Assignments =
        lists.map(|(&(member, _), list)| (member, list.into_iter().map(by_id).collect())).collect();
    assignments.sort_unstable_by_key(|&(member, _)| member);
    Ok(assignments)
}

fn topic_name(topic: TopicId) -> alloc::string::String {
    format!("topic-{:05}", topic.0)
}
