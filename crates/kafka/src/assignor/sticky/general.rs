//! The sticky algorithm where members subscribed to different topics.
//!
//! Everyone keeps what it owns and may have; what is left goes to whoever has least; then partitions move one by one while
//! that makes it more even. Does not decide who is believed to own what.

use alloc::vec::Vec;

use super::claims::{NO_GENERATION, remove_first};
use super::load::Load;
use super::movements::Movements;
use super::{Ground, MemberIndex, Racks, Slot, without};
use crate::assignor::input::narrow;
use crate::assignor::{AssignError, TopicIndex};

/// An assignment being made.
pub(super) struct General<'a> {
    ground: &'a Ground<'a>,
    racks: &'a Racks,
    load: Load,
    /// Per topic, who wants it, in the order of members.
    wanting: Vec<Vec<MemberIndex>>,
    lists: Vec<Vec<Slot>>,
    /// Members set aside: nothing can move to or from them.
    aside: Vec<bool>,
    /// Per slot, its present owner.
    owner: Vec<Option<MemberIndex>>,
    /// Per slot, the owner of an older generation.
    previous: Vec<Option<(MemberIndex, i32)>>,
    movements: Movements,
    revocation_required: bool,
    /// A slot and a member that show that the assignment was uneven when last asked. Usually they still do.
    uneven: Option<(Slot, MemberIndex)>,
}

/// Whether any partition moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    None,
    Some,
}

impl<'a> General<'a> {
    pub(super) fn new(ground: &'a Ground<'a>, racks: &'a Racks, lists: Vec<Vec<Slot>>) -> Self {
        let mut wanting = alloc::vec![Vec::new(); ground.input.topics.len()];
        for &member in &ground.members {
            for topic in &ground.input.members[member as usize].subscription {
                wanting[topic.0 as usize].push(member);
            }
        }
        let mut owner = alloc::vec![None; ground.partitions.len()];
        for &member in &ground.members {
            for &slot in &lists[member as usize] {
                owner[slot as usize] = Some(member);
            }
        }
        Self {
            ground,
            racks,
            load: Load::new(ground, racks),
            wanting,
            aside: alloc::vec![false; lists.len()],
            lists,
            owner,
            previous: alloc::vec![None; ground.partitions.len()],
            movements: Movements::default(),
            revocation_required: false,
            uneven: None,
        }
    }

    pub(super) fn build(mut self, highest_generation: i32) -> Result<Vec<Vec<Slot>>, AssignError> {
        self.note_previous(highest_generation);
        let mut topics = self.ground.topics.clone();
        topics.sort_by_key(|topic| self.wanting[topic.0 as usize].len());
        let all: Vec<Slot> = topics.iter().flat_map(|&topic| self.ground.slots(topic)).collect();
        let mut kept = self.keep_owned();
        kept.sort_by_key(|&slot| {
            let wanting = self.wanting[self.ground.topic(slot).0 as usize].len();
            (wanting, self.ground.name_order(slot))
        });
        let unassigned = without(all.iter().copied(), &kept);
        for member in 0..narrow(self.lists.len()) {
            self.load.insert(member, self.lists[member as usize].len());
        }
        self.balance(all, unassigned)?;
        Ok(self.lists)
    }

    /// Members that were away state what they owned in an older generation; the latest of these statements counts.
    fn note_previous(&mut self, highest_generation: i32) {
        for &member in &self.ground.members {
            let stated = &self.ground.input.members[member as usize];
            let generation = stated.generation.unwrap_or(NO_GENERATION);
            if generation >= highest_generation {
                continue;
            }
            for slot in stated.owned.iter().filter_map(|&partition| self.ground.slot(partition)) {
                let previous = &mut self.previous[slot as usize];
                if previous.is_none_or(|(_, earlier)| generation > earlier) {
                    *previous = Some((member, generation));
                }
            }
        }
    }

    /// Takes from everyone what it did not subscribe to and what is not near it. Returns what stays.
    fn keep_owned(&mut self) -> Vec<Slot> {
        let mut kept = Vec::new();
        for member in 0..narrow(self.lists.len()) {
            let mut topics = self.ground.input.members[member as usize].subscription.clone();
            topics.sort_unstable();
            let before = self.lists[member as usize].len();
            self.lists[member as usize].retain(|&slot| {
                topics.binary_search(&self.ground.topic(slot)).is_ok()
                    && !self.racks.mismatch(member, slot)
            });
            self.revocation_required |= self.lists[member as usize].len() < before;
            kept.extend_from_slice(&self.lists[member as usize]);
        }
        kept
    }

    fn balance(&mut self, mut all: Vec<Slot>, unassigned: Vec<Slot>) -> Result<(), AssignError> {
        let fresh = self.load.extremes().is_some_and(|(_, most)| most == 0);
        self.assign_rest(&unassigned);

        let can_move = |slot: &Slot| self.can_move(self.ground.topic(*slot));
        all.retain(can_move);
        let newly: Vec<Slot> = unassigned.into_iter().filter(can_move).collect();
        for member in 0..narrow(self.lists.len()) {
            if !self.can_take_part(member) {
                self.load.remove(member, self.lists[member as usize].len());
                self.aside[member as usize] = true;
            }
        }

        let before = self.lists.clone();
        // Where nothing had to be revoked, moving what is new may suffice.
        if !self.revocation_required {
            self.reassign(&newly)?;
        }
        let moved = self.reassign(&all)?;
        if !fresh && moved == Moved::Some && self.score(&self.lists) >= self.score(&before) {
            self.lists = before;
        }
        Ok(())
    }

    /// Gives each slot to whoever has least of those that may have it, near ones first where racks count.
    fn assign_rest(&mut self, unassigned: &[Slot]) {
        let mut rest = Vec::new();
        for &slot in unassigned.iter().filter(|_| self.racks.matter) {
            let near = |rack: Option<_>| rack.is_none_or(|rack| self.racks.hosts(slot, rack));
            match self.load.least_where(self.ground.topic(slot), near) {
                Some((member, _)) => self.give(slot, member),
                None => rest.push(slot),
            }
        }
        let rest = if self.racks.matter { &rest } else { unassigned };
        for &slot in rest {
            if let Some((member, _)) = self.load.least(self.ground.topic(slot)) {
                self.give(slot, member);
            }
        }
    }

    fn give(&mut self, slot: Slot, member: MemberIndex) {
        let list = &mut self.lists[member as usize];
        self.load.remove(member, list.len());
        list.push(slot);
        self.load.insert(member, list.len());
        self.owner[slot as usize] = Some(member);
    }

    /// A topic that only one member wants stays where it is.
    fn can_move(&self, topic: TopicIndex) -> bool {
        self.wanting[topic.0 as usize].len() >= 2
    }

    fn can_take_part(&self, member: MemberIndex) -> bool {
        let list = &self.lists[member as usize];
        list.len() < self.most_possible(member)
            || list.iter().any(|&slot| self.can_move(self.ground.topic(slot)))
    }

    fn most_possible(&self, member: MemberIndex) -> usize {
        let topics = self.live_topics(member);
        topics.map(|topic| self.ground.input.topics[topic].partitions as usize).sum()
    }

    fn live_topics(&self, member: MemberIndex) -> impl Iterator<Item = TopicIndex> + '_ {
        let topics = self.ground.input.members[member as usize].subscription.iter().copied();
        topics.filter(|&topic| self.ground.is_live(topic))
    }

    /// Moves slots one by one, again and again, until a whole round moves none or all is even.
    fn reassign(&mut self, slots: &[Slot]) -> Result<Moved, AssignError> {
        let mut moved = Moved::None;
        loop {
            let mut modified = Moved::None;
            for &slot in slots {
                if self.is_balanced()? {
                    break;
                }
                if self.reassign_one(slot)? == Moved::Some {
                    modified = Moved::Some;
                    moved = Moved::Some;
                }
            }
            if modified == Moved::None {
                return Ok(moved);
            }
        }
    }

    fn reassign_one(&mut self, slot: Slot) -> Result<Moved, AssignError> {
        let owner = self.owner[slot as usize].ok_or(AssignError::OwnerSetAside)?;
        let count = self.count(owner)?;
        if let Some((previous, _)) = self.previous[slot as usize]
            && count > self.count(previous)? + 1
        {
            self.move_to(slot, owner, previous)?;
            return Ok(Moved::Some);
        }
        if !self.someone_has_less(slot, owner, count)? {
            return Ok(Moved::None);
        }
        let least = self.load.least(self.ground.topic(slot));
        let (member, _) = least.expect("someone was found that has less");
        self.move_to(slot, owner, member)?;
        Ok(Moved::Some)
    }

    /// True if a member that wants the slot's topic has at least two partitions less than its owner.
    fn someone_has_less(
        &self,
        slot: Slot,
        owner: MemberIndex,
        count: usize,
    ) -> Result<bool, AssignError> {
        let topic = self.ground.topic(slot);
        if !self.ground.has_vanished() {
            let least = self.load.least(topic);
            return Ok(least.is_some_and(|(_, least)| count > least as usize + 1));
        }
        // Owners of vanished partitions may be set aside although others look at them; then it matters whom Kafka asks first.
        let hosts = |member| {
            let rack = self.racks.of_member(member);
            rack.is_some_and(|rack| self.racks.hosts(slot, rack))
        };
        let wanting = &self.wanting[topic.0 as usize];
        for &other in wanting.iter().filter(|&&other| hosts(owner) && hosts(other)) {
            if count > self.count(other)? + 1 {
                return Ok(true);
            }
        }
        for &other in wanting {
            if count > self.count(other)? + 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn count(&self, member: MemberIndex) -> Result<usize, AssignError> {
        if self.aside[member as usize] {
            return Err(AssignError::OwnerSetAside);
        }
        Ok(self.lists[member as usize].len())
    }

    /// Moves the slot, or one of its topic that made the opposite move before.
    fn move_to(
        &mut self,
        slot: Slot,
        owner: MemberIndex,
        to: MemberIndex,
    ) -> Result<(), AssignError> {
        let slot = self.movements.in_place_of(self.ground, slot, owner, to);
        let from = self.owner[slot as usize].ok_or(AssignError::OwnerSetAside)?;
        let (from_count, to_count) = (self.count(from)?, self.count(to)?);
        self.load.remove(from, from_count);
        self.load.remove(to, to_count);
        self.movements.note(self.ground, slot, from, to);
        remove_first(&mut self.lists[from as usize], slot);
        self.lists[to as usize].push(slot);
        self.owner[slot as usize] = Some(to);
        self.load.insert(to, self.lists[to as usize].len());
        self.load.insert(from, self.lists[from as usize].len());
        Ok(())
    }

    /// True if no single move would make it more even.
    fn is_balanced(&mut self) -> Result<bool, AssignError> {
        let (least, most) = self.load.extremes().ok_or(AssignError::EveryoneSetAside)?;
        if least + 1 >= most {
            return Ok(true);
        }
        if self.ground.has_vanished() {
            return self.is_balanced_one_by_one();
        }
        if let Some((slot, member)) = self.uneven
            && self.owner_count(slot) > self.lists[member as usize].len() + 1
        {
            return Ok(false);
        }
        self.uneven = self.find_uneven();
        Ok(self.uneven.is_none())
    }

    fn owner_count(&self, slot: Slot) -> usize {
        self.owner[slot as usize].map_or(0, |owner| self.lists[owner as usize].len())
    }

    /// A slot and a member that wants it and has at least two partitions less than its owner.
    fn find_uneven(&self) -> Option<(Slot, MemberIndex)> {
        self.ground.topics.iter().find_map(|&topic| {
            let (member, least) = self.load.least(topic)?;
            let slot = self.ground.slots(topic).max_by_key(|&slot| self.owner_count(slot))?;
            (self.can_move(topic) && self.owner_count(slot) > least as usize + 1)
                .then_some((slot, member))
        })
    }

    /// The same question asked in Kafka's order, as it can fail where partitions vanished.
    fn is_balanced_one_by_one(&self) -> Result<bool, AssignError> {
        let mut holders: Vec<Option<MemberIndex>> = alloc::vec![None; self.ground.partitions.len()];
        for &member in self.ground.members.iter().filter(|&&member| !self.aside[member as usize]) {
            for &slot in &self.lists[member as usize] {
                holders[slot as usize] = Some(member);
            }
        }
        for member in self.load.ascending() {
            let list = &self.lists[member as usize];
            if list.len() == self.most_possible(member) {
                continue;
            }
            let slots = self.live_topics(member).flat_map(|topic| self.ground.slots(topic));
            for slot in slots.filter(|slot| !list.contains(slot)) {
                let holder = holders[slot as usize].ok_or(AssignError::OwnerSetAside)?;
                if list.len() + 1 < self.lists[holder as usize].len() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// How uneven: the sum of the differences of all pairs of members.
    fn score(&self, lists: &[Vec<Slot>]) -> u64 {
        let taking_part = lists.iter().zip(&self.aside).filter(|(_, aside)| !**aside);
        let mut counts: Vec<u64> = taking_part.map(|(list, _)| list.len() as u64).collect();
        counts.sort_unstable();
        let (mut sum, mut score) = (0, 0);
        for (below, count) in (0..).zip(counts) {
            score += count * below - sum;
            sum += count;
        }
        score
    }
}
