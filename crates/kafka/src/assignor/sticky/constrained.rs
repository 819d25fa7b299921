//! The sticky algorithm where all members subscribed to the same topics.
//!
//! Everyone keeps what it owns up to its quota; what is left goes round, first within racks. Does not balance afterwards:
//! quotas make it even.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::claims::Claims;
use super::{Ground, MemberIndex, Racks, Slot, without};
use crate::assignor::AssignError;
use crate::assignor::input::narrow;

/// An assignment being made.
pub(super) struct Constrained<'a> {
    ground: &'a Ground<'a>,
    racks: &'a Racks,
    claims: &'a Claims,
    min_quota: u32,
    max_quota: u32,
    /// How many members are to get more than `min_quota`; zero if the quotas are equal.
    larger_expected: u32,
    larger: u32,
    /// Members below `min_quota`.
    below_min: Vec<MemberIndex>,
    /// Members with just `min_quota` that may get one more.
    at_min: VecDeque<MemberIndex>,
    lists: Vec<Vec<Slot>>,
    /// Per slot, the member that owned it and could not keep it.
    lost_by: Vec<Option<MemberIndex>>,
    moving: Vec<(Slot, MemberIndex)>,
}

impl<'a> Constrained<'a> {
    pub(super) fn new(ground: &'a Ground<'a>, racks: &'a Racks, claims: &'a Claims) -> Self {
        let members = narrow(ground.members.len());
        Self {
            ground,
            racks,
            claims,
            min_quota: ground.total / members,
            max_quota: ground.total.div_ceil(members),
            larger_expected: ground.total % members,
            larger: 0,
            below_min: Vec::new(),
            at_min: VecDeque::new(),
            lists: alloc::vec![Vec::new(); ground.members.len()],
            lost_by: alloc::vec![None; ground.partitions.len()],
            moving: Vec::new(),
        }
    }

    /// Everyone's slots, and those that change owners with who gets them.
    #[expect(clippy::type_complexity, reason = "two lists, named above")]
    pub(super) fn build(
        mut self,
    ) -> Result<(Vec<Vec<Slot>>, Vec<(Slot, MemberIndex)>), AssignError> {
        let ground = self.ground;
        let mut kept = Vec::new();
        for &member in &ground.members {
            self.keep_owned(member);
            kept.extend_from_slice(&self.lists[member as usize]);
        }
        kept.sort_unstable_by_key(|&slot| ground.name_order(slot));
        let mut unassigned = without(0..ground.total, &kept);

        let ranks = ground.input.member_ranks();
        self.below_min.sort_unstable_by_key(|&member| ranks[member as usize]);
        self.at_min.make_contiguous().sort_unstable_by_key(|&member| ranks[member as usize]);
        self.racks.sort_by_neighbours(&mut unassigned);

        if self.racks.matter {
            unassigned = self.assign_near(&unassigned);
        }
        self.assign_in_turn(&unassigned)?;
        self.verify()?;
        Ok((self.lists, self.moving))
    }

    fn keep_owned(&mut self, member: MemberIndex) {
        let mut owned = Vec::new();
        for &slot in &self.claims.owned[member as usize] {
            if self.racks.mismatch(member, slot) {
                self.lost_by[slot as usize] = Some(member);
            } else if !self.claims.disputed[slot as usize] {
                owned.push(slot);
            }
        }
        owned.sort_by_key(|&slot| {
            let (topic, number) = self.ground.name_order(slot);
            (number, topic)
        });
        let count = narrow(owned.len());
        let may_be_larger = self.larger < self.larger_expected;
        if count < self.min_quota {
            self.below_min.push(member);
        } else if count >= self.max_quota && may_be_larger {
            self.count_larger();
            self.lose_beyond(self.max_quota, member, &mut owned);
        } else {
            self.lose_beyond(self.min_quota, member, &mut owned);
            if may_be_larger {
                self.at_min.push_back(member);
            }
        }
        self.lists[member as usize] = owned;
    }

    fn lose_beyond(&mut self, quota: u32, member: MemberIndex, owned: &mut Vec<Slot>) {
        for slot in owned.drain(quota as usize..) {
            self.lost_by[slot as usize] = Some(member);
        }
    }

    /// One more member has more than `min_quota`. Once there are enough, nobody else may.
    fn count_larger(&mut self) {
        self.larger += 1;
        if self.larger == self.larger_expected {
            self.at_min.clear();
        }
    }

    /// Gives what it can to members near a replica, in turn. Returns the rest.
    fn assign_near(&mut self, unassigned: &[Slot]) -> Vec<Slot> {
        let mut rest = Vec::new();
        let mut next = 0;
        for &slot in unassigned {
            if let Some(place) = self.racks.next_near(slot, self.below_min.iter(), next) {
                let member = self.below_min[place];
                let count = narrow(self.lists[member as usize].len()) + 1;
                next = place + 1;
                if count >= self.min_quota {
                    next = place;
                    self.below_min.remove(place);
                    if count < self.max_quota && self.larger < self.larger_expected {
                        self.at_min.push_back(member);
                    }
                }
                next = if self.below_min.is_empty() { 0 } else { next % self.below_min.len() };
                self.give(slot, member);
            } else if let Some(place) = self.racks.next_near(slot, self.at_min.iter(), 0) {
                let member = self.at_min[place];
                if narrow(self.lists[member as usize].len()) + 1 == self.max_quota {
                    self.at_min.remove(place);
                    self.count_larger();
                }
                self.give(slot, member);
            } else {
                rest.push(slot);
            }
        }
        rest
    }

    /// Gives the rest to members in turn: those below the quota until they have it, then those with just the quota.
    fn assign_in_turn(&mut self, unassigned: &[Slot]) -> Result<(), AssignError> {
        let mut turn = 0;
        for &slot in unassigned {
            if turn >= self.below_min.len() {
                turn = 0;
            }
            let below = self.below_min.get(turn).copied();
            let member = below.or_else(|| self.at_min.pop_front()).ok_or(AssignError::Quota)?;
            let count = self.give(slot, member);
            if count == self.min_quota {
                if below.is_none() {
                    return Err(AssignError::Quota);
                }
                self.below_min.remove(turn);
                self.at_min.push_back(member);
            } else if below.is_some() {
                turn += 1;
            }
            if count != self.min_quota && count == self.max_quota {
                self.larger += 1;
            }
        }
        Ok(())
    }

    fn give(&mut self, slot: Slot, member: MemberIndex) -> u32 {
        self.lists[member as usize].push(slot);
        let lost_by_other = self.lost_by[slot as usize].is_some_and(|previous| previous != member);
        if lost_by_other || self.claims.disputed[slot as usize] {
            self.moving.push((slot, member));
        }
        narrow(self.lists[member as usize].len())
    }

    fn verify(&self) -> Result<(), AssignError> {
        let short =
            |&member: &MemberIndex| narrow(self.lists[member as usize].len()) != self.min_quota;
        let complete = self.below_min.is_empty()
            || self.larger == self.larger_expected && !self.below_min.iter().any(short);
        if complete { Ok(()) } else { Err(AssignError::Quota) }
    }
}
