//! Which partitions moved between which members, so that an earlier move is undone before a new one is made.
//!
//! Knows no balance and no subscriptions.

use alloc::collections::BTreeMap;

use super::{Ground, MemberIndex, Slot};
use crate::assignor::TopicIndex;
use crate::assignor::java_hash::{JavaSet, partition_hash, string_hash};

/// From whom to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    from: MemberIndex,
    to: MemberIndex,
}

/// The moves so far, each from the first owner to the present one.
#[derive(Default)]
pub(super) struct Movements {
    by_slot: BTreeMap<Slot, Pair>,
    by_pair: BTreeMap<(TopicIndex, Pair), JavaSet<Slot>>,
}

impl Movements {
    /// Notes a move; a slot that comes back to its first owner never moved.
    pub(super) fn note(
        &mut self,
        ground: &Ground<'_>,
        slot: Slot,
        from: MemberIndex,
        to: MemberIndex,
    ) {
        let topic = ground.topic(slot);
        let mut pair = Pair { from, to };
        if let Some(earlier) = self.by_slot.remove(&slot) {
            if let Some(moved) = self.by_pair.get_mut(&(topic, earlier)) {
                moved.remove(slot);
                if moved.is_empty() {
                    self.by_pair.remove(&(topic, earlier));
                }
            }
            if earlier.from == to {
                return;
            }
            pair.from = earlier.from;
        }
        self.by_slot.insert(slot, pair);
        let hash = partition_hash(
            string_hash(&ground.input.topics[topic].name),
            ground.partition(slot).number,
        );
        self.by_pair.entry((topic, pair)).or_default().insert(hash, slot);
    }

    /// The slot to move instead of `slot`: one of its topic that made the opposite move, if there is one.
    pub(super) fn in_place_of(
        &self,
        ground: &Ground<'_>,
        slot: Slot,
        from: MemberIndex,
        to: MemberIndex,
    ) -> Slot {
        let from = self.by_slot.get(&slot).map_or(from, |earlier| earlier.from);
        let opposite = (ground.topic(slot), Pair { from: to, to: from });
        self.by_pair.get(&opposite).and_then(JavaSet::first).unwrap_or(slot)
    }
}
