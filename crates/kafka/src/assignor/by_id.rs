//! Assigning where members and topics are ids: what a leader among the machines does, and a coordinator.
//!
//! Ids stand in for names, with leading zeros, so that members and topics sort by id.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{MemberId, TopicId, TopicPartition};

use super::{AssignError, Assignor, Input, Member, Partition, Rack, Topic, assign};
use crate::message::JoinedMember;
use crate::{Rule, Rules, settings};

/// Who gets what, by member id.
pub type Assignments = Vec<(MemberId, Vec<TopicPartition>)>;

/// A topic as the assigning side's metadata show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownTopic {
    /// Which topic.
    pub topic: TopicId,
    /// How many partitions it has.
    pub partitions: u16,
    /// Per partition, the racks of its replicas; empty where no broker has one.
    pub racks: Vec<Vec<Option<Rack>>>,
}

impl From<settings::Assignor> for Assignor {
    fn from(assignor: settings::Assignor) -> Self {
        match assignor {
            settings::Assignor::Range => Self::Range,
            settings::Assignor::RoundRobin => Self::RoundRobin,
            settings::Assignor::Sticky => Self::Sticky,
            settings::Assignor::CooperativeSticky => Self::CooperativeSticky,
        }
    }
}

/// An assignment by ids.
struct Given {
    /// What each member gets, in the order in which members were added.
    lists: Vec<Vec<TopicPartition>>,
    /// What is kept back, and for whom.
    withheld: Vec<(TopicPartition, usize)>,
}

/// Topics and members on their way from ids to names.
struct Naming {
    input: Input,
    ids: Vec<TopicId>,
}

impl Naming {
    fn new(topics: &[KnownTopic]) -> Self {
        let mut naming = Self { input: Input::default(), ids: Vec::new() };
        for known in topics {
            let mut topic = Topic::new(&topic_name(known.topic), known.partitions.into());
            topic.racks.clone_from(&known.racks);
            naming.input.topics.add(topic);
            naming.ids.push(known.topic);
        }
        naming
    }

    fn index(&mut self, topic: TopicId) -> super::TopicIndex {
        let index = self.input.topics.named(&topic_name(topic));
        if index.0 as usize == self.ids.len() {
            self.ids.push(topic);
        }
        index
    }

    /// Adds a member; what it owns and when follows.
    fn member(&mut self, id: MemberId, topics: &[TopicId]) -> &mut Member {
        let wanted = topics.iter().map(|&topic| self.index(topic)).collect();
        self.input.members.push(Member::new(&format!("member-{:010}", id.0), wanted));
        self.input.members.last_mut().expect("just pushed")
    }

    fn partitions(&mut self, owned: &[TopicPartition]) -> Vec<Partition> {
        let named = owned.iter();
        named.map(|one| Partition::new(self.index(one.topic), one.partition.into())).collect()
    }

    fn owns(&mut self, owned: &[TopicPartition], generation: Option<i32>) {
        let owned = self.partitions(owned);
        let member = self.input.members.last_mut().expect("a member was added before");
        member.owned = owned;
        member.generation = generation;
    }

    fn assign(&self, assignor: Assignor) -> Result<Given, AssignError> {
        let assignment = assign(assignor, &self.input)?;
        let by_id = |partition: Partition| {
            let number = u16::try_from(partition.number).expect("given as 16 bits");
            TopicPartition::new(self.ids[partition.topic.0 as usize], number)
        };
        let lists = assignment.members.into_iter();
        let lists = lists.map(|list| list.into_iter().map(by_id).collect()).collect();
        let withheld = assignment.withheld.into_iter();
        let withheld = withheld.map(|(partition, member)| (by_id(partition), member)).collect();
        Ok(Given { lists, withheld })
    }
}

/// Assigns the partitions of `topics` to the members of a join response.
///
/// # Errors
///
/// Where Kafka's own assignor throws an exception.
pub fn assign_by_id(
    assignor: settings::Assignor,
    topics: &[KnownTopic],
    members: &[JoinedMember],
    rules: Rules,
) -> Result<Assignments, AssignError> {
    let mut naming = Naming::new(topics);
    let newest = members.iter().filter_map(|joined| joined.subscription.generation).max();
    for joined in members {
        let subscription = &joined.subscription;
        let believed =
            if rules.on(Rule::ClaimsByGeneration) { subscription.generation } else { newest };
        let generation = believed.map(|generation| generation.0);
        let member = naming.member(joined.member, &subscription.topics);
        member.instance.clone_from(&joined.instance);
        member.rack = subscription.rack;
        member.subscription_generation = generation;
        match (assignor, &subscription.sticky) {
            // An eager member owns nothing any more when it joins: its user data say what it had.
            (settings::Assignor::Sticky, Some((owned, since))) => {
                naming.owns(owned, Some(since.0));
            }
            (settings::Assignor::Sticky, None) => {}
            (
                settings::Assignor::Range
                | settings::Assignor::RoundRobin
                | settings::Assignor::CooperativeSticky,
                _,
            ) => naming.owns(&subscription.owned, generation),
        }
    }
    let Given { mut lists, withheld } = naming.assign(assignor.into())?;
    if !rules.on(Rule::RevokeBeforeReassign) {
        for (partition, member) in withheld {
            lists[member].push(partition);
        }
    }
    let lists = members.iter().map(|joined| joined.member).zip(lists);
    let mut assignments: Assignments = lists.collect();
    assignments.sort_unstable_by_key(|&(member, _)| member);
    Ok(assignments)
}

/// A member as the coordinator of the consumer protocol knows it.
pub struct RemoteMember<'a> {
    /// Which member.
    pub id: MemberId,
    /// Its `group.instance.id`, if it is static.
    pub instance: Option<&'a Arc<str>>,
    /// What it subscribed to.
    pub topics: &'a [TopicId],
    /// What it was to have so far.
    pub target: &'a [TopicPartition],
}

/// Assigns as a coordinator of the consumer protocol does (`TargetAssignmentBuilder`); every list comes out sorted.
///
/// # Errors
///
/// Where Kafka's own assignor throws an exception.
pub fn assign_remotely(
    assignor: settings::RemoteAssignor,
    topics: &[(TopicId, u16)],
    members: &[RemoteMember<'_>],
) -> Result<Assignments, AssignError> {
    let known = topics.iter();
    let known =
        known.map(|&(topic, partitions)| KnownTopic { topic, partitions, racks: Vec::new() });
    let mut naming = Naming::new(&known.collect::<Vec<_>>());
    for told in members {
        naming.member(told.id, told.topics).instance = told.instance.cloned();
        naming.owns(told.target, None);
    }
    let assignor = match assignor {
        settings::RemoteAssignor::Uniform => Assignor::ServerUniform,
        settings::RemoteAssignor::Range => Assignor::ServerRange,
    };
    let lists = naming.assign(assignor)?.lists.into_iter().map(|mut list| {
        list.sort_unstable();
        list
    });
    Ok(members.iter().map(|told| told.id).zip(lists).collect())
}

fn topic_name(topic: TopicId) -> String {
    format!("topic-{:05}", topic.0)
}
