//! Where members and replicas are, as far as it matters to a sticky assignment.
//!
//! Decides nothing: it answers who is near what.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Ground, MemberIndex, Slot};
use crate::assignor::Rack;

/// Racks of members and partitions.
pub(super) struct Racks {
    /// Whether racks count: some member is where some replica is, and not every partition is everywhere.
    pub(super) matter: bool,
    members: Vec<Option<Rack>>,
    /// Per slot, the racks of its replicas, each once. Partitions that vanished are nowhere.
    partitions: Vec<Vec<Rack>>,
    /// Per slot, how many members share a rack with it. Known even where racks do not count, if any member has a rack.
    neighbours: Option<Vec<u32>>,
}

impl Racks {
    pub(super) fn new(ground: &Ground<'_>) -> Self {
        let members: Vec<_> = ground.input.members.iter().map(|member| member.rack).collect();
        let mut by_rack: BTreeMap<Rack, u32> = BTreeMap::new();
        for rack in members.iter().flatten() {
            *by_rack.entry(*rack).or_default() += 1;
        }
        if by_rack.is_empty() {
            let (members, partitions) = (Vec::new(), Vec::new());
            return Self { matter: false, members, partitions, neighbours: None };
        }
        let partitions: Vec<Vec<Rack>> =
            (0..ground.total).map(|slot| racks_of(ground, slot)).collect();
        let everywhere: BTreeSet<Rack> = partitions.iter().flatten().copied().collect();
        let matter = by_rack.keys().any(|rack| everywhere.contains(rack))
            && partitions.iter().any(|racks| racks.len() != everywhere.len());
        let around = |racks: &Vec<Rack>| racks.iter().filter_map(|rack| by_rack.get(rack)).sum();
        let neighbours = partitions.iter().map(around).collect();
        Self { matter, members, partitions, neighbours: Some(neighbours) }
    }

    /// The member's rack, where racks count.
    pub(super) fn of_member(&self, member: MemberIndex) -> Option<Rack> {
        if self.matter { self.members[member as usize] } else { None }
    }

    /// True if a replica of the partition is in that rack.
    pub(super) fn hosts(&self, slot: Slot, rack: Rack) -> bool {
        self.partitions.get(slot as usize).is_some_and(|racks| racks.contains(&rack))
    }

    /// True if the member has a rack and no replica of the partition is in it.
    pub(super) fn mismatch(&self, member: MemberIndex, slot: Slot) -> bool {
        self.of_member(member).is_some_and(|rack| !self.hosts(slot, rack))
    }

    /// The first of the members, from `from` on and around, that has a rack where the partition has a replica.
    pub(super) fn next_near<'a>(
        &self,
        slot: Slot,
        mut members: impl ExactSizeIterator<Item = &'a MemberIndex> + Clone,
        from: usize,
    ) -> Option<usize> {
        if self.partitions.get(slot as usize).is_none_or(Vec::is_empty) {
            return None;
        }
        let near = |&member: &MemberIndex| {
            self.of_member(member).is_some_and(|rack| self.hosts(slot, rack))
        };
        let later = members.clone().skip(from).position(near);
        later.map(|place| place + from).or_else(|| members.position(near))
    }

    /// Puts partitions with few members near them first.
    pub(super) fn sort_by_neighbours(&self, slots: &mut [Slot]) {
        if let Some(neighbours) = &self.neighbours {
            slots.sort_by_key(|&slot| neighbours.get(slot as usize).copied().unwrap_or(0));
        }
    }
}

fn racks_of(ground: &Ground<'_>, slot: Slot) -> Vec<Rack> {
    let partition = ground.partition(slot);
    let replicas = ground.input.topics[partition.topic].racks.get(partition.number as usize);
    let mut racks: Vec<Rack> = Vec::new();
    for rack in replicas.into_iter().flatten().flatten() {
        if !racks.contains(rack) {
            racks.push(*rack);
        }
    }
    racks
}
