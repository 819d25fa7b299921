//! `StickyAssignor` and `CooperativeStickyAssignor`: even first, then as few moves as possible, near the racks if possible.
//!
//! Keeps nothing between two assignments. Kafka's objects remember the highest generation they ever saw; here it is that of
//! the input, as for a leader that was just elected.

mod claims;
mod constrained;
mod cooperative;
mod general;
mod load;
mod movements;
mod racks;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use self::claims::Claims;
use self::constrained::Constrained;
use self::general::General;
use self::racks::Racks;
use super::input::narrow;
use super::{AssignError, Assignment, Input, Partition, TopicIndex};

/// Whether members give up everything before they join.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    /// They do.
    Eager,
    /// They keep what they have, so nothing may be given to a second member before the first let go.
    Cooperative,
}

/// Assigns with the algorithm that fits the subscriptions.
pub(super) fn assign(input: &Input, protocol: Protocol) -> Result<Assignment, AssignError> {
    let ground = Ground::new(input);
    let claims = Claims::settle(&ground);
    let racks = Racks::new(&ground);
    let (mut lists, moving) = if claims.equal_subscriptions {
        Constrained::new(&ground, &racks, &claims).build()?
    } else {
        let lists = General::new(&ground, &racks, claims.owned).build(claims.highest_generation)?;
        let moving = match protocol {
            Protocol::Eager => Vec::new(),
            Protocol::Cooperative => cooperative::moving(&ground, &lists),
        };
        (lists, moving)
    };
    let withheld = match protocol {
        Protocol::Eager => Vec::new(),
        Protocol::Cooperative => cooperative::withhold(&ground, &mut lists, &moving),
    };
    let named = |list: Vec<Slot>| list.into_iter().map(|slot| ground.partition(slot)).collect();
    Ok(Assignment { members: lists.into_iter().map(named).collect(), withheld })
}

/// A partition as a small number: those that exist first, sorted by topic name and number.
type Slot = u32;

/// A member by its position in the input.
type MemberIndex = u32;

/// The input in the orders that matter.
struct Ground<'a> {
    input: &'a Input,
    /// Members as the leader's `HashMap` gives them.
    members: Vec<MemberIndex>,
    /// Topics that exist and are subscribed to, by name.
    topics: Vec<TopicIndex>,
    topic_ranks: Vec<u32>,
    /// Per topic, the slot of its first partition, if it is among `topics`.
    first: Vec<Option<Slot>>,
    /// Number of partitions of `topics`.
    total: u32,
    /// The partition of each slot. Beyond `total` are those that members own but that no longer exist.
    partitions: Vec<Partition>,
    vanished: BTreeMap<Partition, Slot>,
}

impl<'a> Ground<'a> {
    fn new(input: &'a Input) -> Self {
        let members = input.member_order();
        let topic_ranks = input.topics.ranks();
        let mut topics = input.topic_order(&members);
        topics.sort_unstable_by_key(|topic| topic_ranks[topic.0 as usize]);
        let mut first = alloc::vec![None; input.topics.len()];
        let mut partitions = Vec::new();
        for &topic in &topics {
            first[topic.0 as usize] = Some(narrow(partitions.len()));
            let numbers = 0..input.topics[topic].partitions;
            partitions.extend(numbers.map(|number| Partition::new(topic, number)));
        }
        let total = narrow(partitions.len());
        let mut ground = Self {
            input,
            members,
            topics,
            topic_ranks,
            first,
            total,
            partitions,
            vanished: BTreeMap::new(),
        };
        for partition in input.members.iter().flat_map(|member| &member.owned) {
            ground.note_vanished(*partition);
        }
        ground
    }

    fn note_vanished(&mut self, partition: Partition) {
        let exists = partition.number < self.input.topics[partition.topic].partitions;
        if !exists && self.is_live(partition.topic) && !self.vanished.contains_key(&partition) {
            self.vanished.insert(partition, narrow(self.partitions.len()));
            self.partitions.push(partition);
        }
    }

    /// True if the topic exists and somebody subscribed to it.
    fn is_live(&self, topic: TopicIndex) -> bool {
        self.first[topic.0 as usize].is_some()
    }

    /// The slot of a partition, none if its topic is not live.
    fn slot(&self, partition: Partition) -> Option<Slot> {
        let first = self.first[partition.topic.0 as usize]?;
        if partition.number < self.input.topics[partition.topic].partitions {
            return Some(first + partition.number);
        }
        self.vanished.get(&partition).copied()
    }

    fn partition(&self, slot: Slot) -> Partition {
        self.partitions[slot as usize]
    }

    fn topic(&self, slot: Slot) -> TopicIndex {
        self.partition(slot).topic
    }

    /// Slots of a live topic.
    fn slots(&self, topic: TopicIndex) -> core::ops::Range<Slot> {
        let first = self.first[topic.0 as usize].expect("asked for live topics only");
        first..first + self.input.topics[topic].partitions
    }

    /// By topic name and number.
    fn name_order(&self, slot: Slot) -> (u32, u32) {
        let partition = self.partition(slot);
        (self.topic_ranks[partition.topic.0 as usize], partition.number)
    }

    /// True if a member owns a partition of a live topic beyond the topic's count: a topic was made anew and smaller.
    fn has_vanished(&self) -> bool {
        !self.vanished.is_empty()
    }
}

/// All slots but those in `taken`, both in the same order.
///
/// Walks both lists at once as Kafka does: a taken slot that is not in `all` ends the comparison, and the rest counts as free.
fn without(all: impl Iterator<Item = Slot>, taken: &[Slot]) -> Vec<Slot> {
    let mut taken = taken.iter().copied().peekable();
    all.filter(|slot| taken.next_if_eq(slot).is_none()).collect()
}
