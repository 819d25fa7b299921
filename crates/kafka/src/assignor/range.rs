//! `RangeAssignor` of the clients: each topic is cut into ranges for the members that want it, near their racks if it can.
//!
//! Knows no previous owners.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::input::narrow;
use super::{Assignment, Input, Partition, Rack, TopicIndex};

/// Assigns every topic on its own, but topics with equal partitions and members side by side where racks matter.
pub(super) fn assign(input: &Input) -> Assignment {
    let order = input.member_order();
    let members = input.sorted_members(&order);
    let mut consumers: Vec<Vec<u32>> = alloc::vec![Vec::new(); input.topics.len()];
    for &member in &members {
        for topic in &input.members[member as usize].subscription {
            consumers[topic.0 as usize].push(member);
        }
    }
    let mut states: Vec<State<'_>> = input
        .topic_order(&order)
        .into_iter()
        .map(|topic| State::new(input, topic, core::mem::take(&mut consumers[topic.0 as usize])))
        .collect();
    let mut lists = alloc::vec![Vec::new(); input.members.len()];
    let near = states.iter().any(|state| state.near);
    if near {
        assign_near(&mut states, &mut lists);
    }
    for state in &mut states {
        state.assign_ranges(Match::Any, &mut lists);
    }
    if near {
        let ranks = input.topics.ranks();
        for list in &mut lists {
            list.sort_by_key(|partition| (ranks[partition.topic.0 as usize], partition.number));
        }
    }
    Assignment { members: lists, withheld: Vec::new() }
}

/// Which partitions a member may get.
#[derive(Clone, Copy)]
enum Match {
    Any,
    SameRack,
}

/// A topic while it is being assigned. Members go by their place among its consumers.
struct State<'a> {
    topic: TopicIndex,
    consumers: Vec<u32>,
    racks: Vec<Option<Rack>>,
    partition_racks: &'a [Vec<Option<Rack>>],
    /// How many partitions have known racks: all, or none if no consumer has a rack.
    racked: u32,
    near: bool,
    unassigned: BTreeSet<u32>,
    assigned: Vec<u32>,
    each: u32,
    larger: u32,
}

impl<'a> State<'a> {
    fn new(input: &'a Input, topic: TopicIndex, consumers: Vec<u32>) -> Self {
        let partitions = input.topics[topic].partitions;
        let count = narrow(consumers.len());
        let racks: Vec<_> =
            consumers.iter().map(|&member| input.members[member as usize].rack).collect();
        let partition_racks = &*input.topics[topic].racks;
        let known: BTreeSet<Rack> = racks.iter().copied().flatten().collect();
        Self {
            topic,
            assigned: alloc::vec![0; consumers.len()],
            consumers,
            racks,
            partition_racks,
            racked: if known.is_empty() { 0 } else { partitions },
            near: racks_matter(&known, partition_racks, partitions),
            unassigned: (0..partitions).collect(),
            each: partitions / count,
            larger: partitions % count,
        }
    }

    fn matches(&self, consumer: usize, number: u32) -> bool {
        self.racks[consumer].is_none_or(|rack| {
            self.partition_racks
                .get(number as usize)
                .is_some_and(|replicas| replicas.contains(&Some(rack)))
        })
    }

    fn room(&self, consumer: usize) -> u32 {
        (self.each + u32::from(self.larger > 0)).saturating_sub(self.assigned[consumer])
    }

    fn assign_ranges(&mut self, matching: Match, lists: &mut [Vec<Partition>]) {
        for consumer in 0..self.consumers.len() {
            let room = self.room(consumer) as usize;
            let fits = |number: &u32| match matching {
                Match::Any => true,
                Match::SameRack => self.matches(consumer, *number),
            };
            let taken: Vec<u32> = self.unassigned.iter().copied().filter(fits).take(room).collect();
            if !taken.is_empty() {
                self.give(consumer, &taken, lists);
            }
        }
    }

    fn give(&mut self, consumer: usize, numbers: &[u32], lists: &mut [Vec<Partition>]) {
        let list = &mut lists[self.consumers[consumer] as usize];
        list.extend(numbers.iter().map(|&number| Partition::new(self.topic, number)));
        self.assigned[consumer] += narrow(numbers.len());
        if self.assigned[consumer] > self.each {
            self.larger -= 1;
        }
        for number in numbers {
            self.unassigned.remove(number);
        }
    }
}

/// Racks matter if some member is where some replica is, and not every partition is everywhere.
fn racks_matter(known: &BTreeSet<Rack>, racks: &[Vec<Option<Rack>>], partitions: u32) -> bool {
    let of = |number: u32| -> BTreeSet<Rack> {
        racks.get(number as usize).into_iter().flatten().copied().flatten().collect()
    };
    let everywhere: BTreeSet<Rack> = (0..partitions).flat_map(of).collect();
    !known.is_disjoint(&everywhere) && (0..partitions).any(|number| of(number) != everywhere)
}

/// Topics with the same consumers and as many partitions are assigned side by side, so that joins stay local.
fn assign_near(states: &mut [State<'_>], lists: &mut [Vec<Partition>]) {
    let mut together: BTreeMap<(Vec<u32>, u32), Vec<usize>> = BTreeMap::new();
    for (place, state) in states.iter().enumerate() {
        together.entry((state.consumers.clone(), state.racked)).or_default().push(place);
    }
    for ((_, partitions), places) in together {
        if let &[place] = &*places {
            if states[place].near {
                states[place].assign_ranges(Match::SameRack, lists);
            }
        } else {
            assign_side_by_side(states, &places, partitions, lists);
        }
    }
}

fn assign_side_by_side(
    states: &mut [State<'_>],
    places: &[usize],
    partitions: u32,
    lists: &mut [Vec<Partition>],
) {
    let mut remaining: Vec<usize> = (0..states[places[0]].consumers.len()).collect();
    for number in 0..partitions {
        let may_have = |&consumer: &usize| {
            let fits = |&place: &usize| {
                states[place].matches(consumer, number) && states[place].room(consumer) > 0
            };
            places.iter().all(fits)
        };
        let Some(at) = remaining.iter().position(may_have) else { continue };
        let consumer = remaining[at];
        for &place in places {
            states[place].give(consumer, &[number], lists);
        }
        if places.iter().all(|&place| states[place].room(consumer) == 0) {
            remaining.remove(at);
            if remaining.is_empty() {
                return;
            }
        }
    }
}
