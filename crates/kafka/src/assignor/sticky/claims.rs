//! What members say they own, with disputes settled by generation.
//!
//! Does not ask whether a member may keep what it owns: only who of several claimants is believed.

use alloc::vec::Vec;

use super::{Ground, MemberIndex, Slot};
use crate::assignor::TopicIndex;

/// Disputes settled.
pub(super) struct Claims {
    /// Every member subscribed to the same topics.
    pub(super) equal_subscriptions: bool,
    /// Per member, the slots it is believed to own.
    pub(super) owned: Vec<Vec<Slot>>,
    /// Per slot, whether several members claimed it in one generation.
    pub(super) disputed: Vec<bool>,
    /// The highest generation anyone states, -1 if none.
    pub(super) highest_generation: i32,
}

/// The generation of a member that states none.
pub(super) const NO_GENERATION: i32 = -1;

impl Claims {
    pub(super) fn settle(ground: &Ground<'_>) -> Self {
        let mut claims = Self {
            equal_subscriptions: subscriptions_equal(ground),
            owned: alloc::vec![Vec::new(); ground.input.members.len()],
            disputed: alloc::vec![false; ground.partitions.len()],
            highest_generation: NO_GENERATION,
        };
        let mut claimants: Vec<Option<MemberIndex>> = alloc::vec![None; ground.partitions.len()];
        for &member in &ground.members {
            let stated = &ground.input.members[member as usize];
            let generation = stated.generation.unwrap_or(NO_GENERATION);
            claims.highest_generation = claims.highest_generation.max(generation);
            for slot in stated.owned.iter().filter_map(|&partition| ground.slot(partition)) {
                claims.claim(ground, member, generation, slot, &mut claimants[slot as usize]);
            }
        }
        claims
    }

    /// The later claimant states the generation of its user data, the earlier is held to that of its subscription.
    fn claim(
        &mut self,
        ground: &Ground<'_>,
        member: MemberIndex,
        generation: i32,
        slot: Slot,
        claimant: &mut Option<MemberIndex>,
    ) {
        let Some(earlier) = *claimant else {
            self.owned[member as usize].push(slot);
            *claimant = Some(member);
            return;
        };
        let stated = ground.input.members[earlier as usize].subscription_generation;
        let earlier_generation = stated.unwrap_or(NO_GENERATION);
        if generation < earlier_generation {
            return;
        }
        if generation == earlier_generation {
            self.disputed[slot as usize] = true;
        } else {
            self.owned[member as usize].push(slot);
        }
        remove_first(&mut self.owned[earlier as usize], slot);
        *claimant = Some(member);
    }
}

/// Removes the first occurrence, if any.
pub(super) fn remove_first(list: &mut Vec<Slot>, slot: Slot) {
    if let Some(place) = list.iter().position(|&held| held == slot) {
        list.remove(place);
    }
}

/// Compares everyone with the first member that subscribed to anything: those before it count as equal.
fn subscriptions_equal(ground: &Ground<'_>) -> bool {
    let subscriptions = ground.members.iter().map(|&member| {
        let mut sorted: Vec<TopicIndex> =
            ground.input.members[member as usize].subscription.clone();
        sorted.sort_unstable();
        sorted
    });
    let mut subscriptions = subscriptions.skip_while(Vec::is_empty);
    let Some(first) = subscriptions.next() else { return true };
    subscriptions.all(|subscription| subscription == first)
}
