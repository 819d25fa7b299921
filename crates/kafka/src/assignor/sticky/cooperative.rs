//! What a cooperative assignment keeps back: partitions that another member still has.
//!
//! Knows no balance: the assignment is already made.

use alloc::vec::Vec;

use super::{Ground, MemberIndex, Slot};
use crate::assignor::Partition;

/// Slots that a member gets and another loses, with the one that gets them.
pub(super) fn moving(ground: &Ground<'_>, lists: &[Vec<Slot>]) -> Vec<(Slot, MemberIndex)> {
    let mut added: Vec<Option<MemberIndex>> = alloc::vec![None; ground.partitions.len()];
    let mut revoked = alloc::vec![false; ground.partitions.len()];
    for &member in &ground.members {
        let stated = &ground.input.members[member as usize].owned;
        let mut owned: Vec<Slot> =
            stated.iter().filter_map(|&partition| ground.slot(partition)).collect();
        owned.sort_unstable();
        let mut assigned = lists[member as usize].clone();
        assigned.sort_unstable();
        for &slot in assigned.iter().filter(|slot| owned.binary_search(slot).is_err()) {
            added[slot as usize] = Some(member);
        }
        for &slot in owned.iter().filter(|slot| assigned.binary_search(slot).is_err()) {
            revoked[slot as usize] = true;
        }
    }
    let gained = (0..).zip(added).filter_map(|(slot, member)| member.map(|member| (slot, member)));
    gained.filter(|&(slot, _): &(Slot, _)| revoked[slot as usize]).collect()
}

/// Takes the moving slots out of the lists.
pub(super) fn withhold(
    ground: &Ground<'_>,
    lists: &mut [Vec<Slot>],
    moving: &[(Slot, MemberIndex)],
) -> Vec<(Partition, usize)> {
    let mut taker: Vec<Option<MemberIndex>> = alloc::vec![None; ground.partitions.len()];
    for &(slot, member) in moving {
        taker[slot as usize] = Some(member);
    }
    let mut withheld: Vec<(Slot, MemberIndex)> = Vec::new();
    for (member, list) in (0..).zip(lists) {
        // Only the first occurrence goes: an owned partition can be there twice if others of its topic vanished.
        list.retain(|&slot| {
            let goes = taker[slot as usize] == Some(member);
            if goes {
                taker[slot as usize] = None;
                withheld.push((slot, member));
            }
            !goes
        });
    }
    withheld.sort_by_key(|&(slot, _)| ground.name_order(slot));
    withheld.into_iter().map(|(slot, member)| (ground.partition(slot), member as usize)).collect()
}
