//! Who has what of a group, in the books of its coordinators.

use stormglass_kafka::group::{GroupCoordinator, OFFSETS_TOPIC};
use stormglass_types::{Generation, GroupId, MemberId, NodeId, Offset, Time, TopicPartition};

use super::{BreachKind, Observer};

impl Observer {
    /// A coordinator of the classic protocol gave a partition to a member.
    pub(super) fn on_granted(
        &mut self,
        at: Time,
        node: NodeId,
        group: GroupId,
        generation: Generation,
        member: MemberId,
        partition: TopicPartition,
    ) {
        let forgot = self.has_forgotten(group);
        let owned = &mut self.groups[group];
        if owned.generation != generation || forgot {
            owned.generation = generation;
            owned.grants.clear();
        }
        if let Some(first) = owned.grants.insert(partition, member)
            && first != member
        {
            let kind = BreachKind::TwoOwners { group, generation, first, second: member };
            self.breach(at, node, partition, kind);
        }
    }

    /// A coordinator whose log lost the group's records begins again with the first generation.
    fn has_forgotten(&self, group: GroupId) -> bool {
        let number = GroupCoordinator::partition_for(group, self.offsets_partitions);
        let kept_in = TopicPartition::new(OFFSETS_TOPIC, number);
        self.partitions.get(kept_in).is_some_and(|seen| seen.excused)
    }

    /// Whether a coordinator says what none before it has said. One that loads its log says much again, but not of a log that
    /// lost records.
    pub(super) fn is_news(&mut self, group: GroupId, up_to: Offset) -> bool {
        let is_news = up_to >= self.groups[group].booked || self.has_forgotten(group);
        if is_news {
            self.groups[group].booked = up_to;
        }
        is_news
    }

    /// A coordinator of the consumer protocol is about to say what a member has.
    pub(super) fn on_released(&mut self, group: GroupId, member: MemberId) {
        let held = &mut self.groups[group].held;
        let its: Vec<TopicPartition> =
            held.iter().filter(|(_, of)| **of == member).map(|(one, _)| one).collect();
        for partition in its {
            held.remove(partition);
        }
    }

    /// A coordinator of the consumer protocol has a partition with a member.
    pub(super) fn on_held(
        &mut self,
        at: Time,
        node: NodeId,
        group: GroupId,
        generation: Generation,
        member: MemberId,
        partition: TopicPartition,
    ) {
        let forgot = self.has_forgotten(group);
        let first = self.groups[group].held.insert(partition, member);
        if let Some(first) = first.filter(|first| *first != member && !forgot) {
            let kind = BreachKind::TwoOwners { group, generation, first, second: member };
            self.breach(at, node, partition, kind);
        }
    }
}
