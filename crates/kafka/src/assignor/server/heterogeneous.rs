//! `uniform` where members subscribed to different topics: keep, fill, then balance topic by topic.
//!
//! Stops after sixteen rounds of balancing, even or not, as Kafka does.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::super::input::narrow;
use super::balancer::Balancer;
use super::{AssignError, Input, Partition, TopicIndex, owned_by_topic};

/// Everyone's set.
pub(super) fn assign(input: &Input) -> Result<Vec<Vec<Partition>>, AssignError> {
    let mut builder = Builder::new(input);
    builder.keep_owned()?;
    builder.assign_rest();
    builder.balance();
    Ok(builder.sets.into_iter().map(|set| set.into_iter().collect()).collect())
}

struct Builder<'a> {
    input: &'a Input,
    /// Topics that exist and are wanted: many partitions per subscriber first.
    topics: Vec<TopicIndex>,
    /// Per topic, its subscribers in the order of members.
    subscribers: Vec<Vec<u32>>,
    /// Per topic and number, the owner; the last to state it if several do.
    owners: Vec<Vec<Option<u32>>>,
    sets: Vec<BTreeSet<Partition>>,
    /// Per member, how many partitions Kafka counts.
    counts: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(input: &'a Input) -> Self {
        let mut subscribers = alloc::vec![Vec::new(); input.topics.len()];
        for (member, stated) in (0..).zip(&input.members) {
            for topic in &stated.subscription {
                subscribers[topic.0 as usize].push(member);
            }
        }
        let exists = |(_, topic): &(TopicIndex, &super::super::Topic)| topic.partitions > 0;
        let existing = input.topics.iter().filter(exists).map(|(index, _)| index);
        let mut topics: Vec<TopicIndex> =
            existing.filter(|topic| !subscribers[topic.0 as usize].is_empty()).collect();
        topics.sort_by(|&left, &right| {
            let partitions = |topic| u64::from(input.topics[topic].partitions);
            let wanting = |topic: TopicIndex| subscribers[topic.0 as usize].len() as u64;
            let by_density =
                (partitions(right) * wanting(left)).cmp(&(partitions(left) * wanting(right)));
            by_density
                .then(wanting(left).cmp(&wanting(right)))
                .then(input.topics[left].id.cmp(&input.topics[right].id))
        });
        let mut owners = alloc::vec![Vec::new(); input.topics.len()];
        for &topic in &topics {
            owners[topic.0 as usize] = alloc::vec![None; input.topics[topic].partitions as usize];
        }
        Self {
            input,
            topics,
            subscribers,
            owners,
            sets: alloc::vec![BTreeSet::new(); input.members.len()],
            counts: alloc::vec![0; input.members.len()],
        }
    }

    fn keep_owned(&mut self) -> Result<(), AssignError> {
        for member in 0..narrow(self.input.members.len()) {
            let at = member as usize;
            let mut wanted = self.input.members[at].subscription.clone();
            wanted.sort_unstable();
            for (topic, numbers) in owned_by_topic(self.input, at) {
                let exists = self.input.topics[topic].partitions > 0;
                if !exists || wanted.binary_search(&topic).is_err() {
                    continue;
                }
                self.counts[at] += narrow(numbers.len());
                for number in numbers {
                    let owner = self.owners[topic.0 as usize].get_mut(number as usize);
                    *owner.ok_or(AssignError::NoSuchPartition)? = Some(member);
                    self.sets[at].insert(Partition::new(topic, number));
                }
            }
        }
        Ok(())
    }

    fn assign_rest(&mut self) {
        let mut balancer = Balancer::default();
        for topic in self.topics.clone() {
            let owners = (0..).zip(&self.owners[topic.0 as usize]);
            let free: Vec<u32> =
                owners.filter(|(_, owner)| owner.is_none()).map(|(number, _)| number).collect();
            balancer.start(&self.subscribers[topic.0 as usize], &self.counts);
            for number in free {
                let member = balancer.least(&self.counts);
                self.give(Partition::new(topic, number), member);
            }
        }
    }

    fn balance(&mut self) {
        let mut topics = self.topics.clone();
        topics.retain(|topic| self.subscribers[topic.0 as usize].len() >= 2);
        let mut balancer = Balancer::default();
        // A whole round of topics without a move ends it.
        let mut last_moved = None;
        for _ in 0..MOST_ROUNDS {
            for &topic in &topics {
                if last_moved == Some(topic) {
                    return;
                }
                let moves = self.balance_topic(topic, &mut balancer);
                if moves > 0 || last_moved.is_none() {
                    last_moved = Some(topic);
                }
            }
        }
    }

    /// Moves partitions of one topic from its most to its least loaded subscribers. Returns how many moved.
    fn balance_topic(&mut self, topic: TopicIndex, balancer: &mut Balancer) -> u32 {
        if balancer.start(&self.subscribers[topic.0 as usize], &self.counts) <= 1 {
            return 0;
        }
        // What each owner has of the topic, the last to be given first.
        let mut held: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (number, owner) in (0..).zip(&self.owners[topic.0 as usize]) {
            if let Some(owner) = owner {
                held.entry(*owner).or_default().push(number);
            }
        }
        let mut moves = 0;
        while !balancer.is_balanced() {
            let number = loop {
                let Some(member) = balancer.most(&self.counts) else { return moves };
                match held.get_mut(&member).and_then(Vec::pop) {
                    Some(number) => break number,
                    None => balancer.exclude_most(),
                }
            };
            let member = balancer.least(&self.counts);
            if balancer.is_balanced() {
                break;
            }
            self.give(Partition::new(topic, number), member);
            moves += 1;
        }
        moves
    }

    fn give(&mut self, partition: Partition, member: u32) {
        let owner = &mut self.owners[partition.topic.0 as usize][partition.number as usize];
        if let Some(previous) = owner.replace(member) {
            self.sets[previous as usize].remove(&partition);
            self.counts[previous as usize] -= 1;
        }
        self.sets[member as usize].insert(partition);
        self.counts[member as usize] += 1;
    }
}

const MOST_ROUNDS: u32 = 16;
