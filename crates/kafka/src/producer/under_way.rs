//! The batches of one partition that were sent and are not complete (`TxnPartitionEntry.inflightBatchesBySequence`).
//!
//! Kafka has kept them in three ways, of which two are rules switched off: in a heap whose inner order counted as theirs
//! (KAFKA-8483), and sorted by the bare number of their sequences. Does not send anything.

use smallvec::SmallVec;
use stormglass_types::Sequence;

use super::batch::{BatchId, Batches};
use crate::{Rule, Rules};

/// Batches under way, in the order in which they would be numbered anew.
#[derive(Clone, Default, Debug)]
pub(super) struct UnderWay {
    places: SmallVec<[Place; 5]>,
}

/// A batch and the sequence under which it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) id: BatchId,
    pub(super) sequence: Sequence,
}

impl Place {
    /// As the comparator of the heap had it, which took numbers from one another.
    const fn comes_after(self, other: Self) -> bool {
        self.sequence.0.wrapping_sub(other.sequence.0) > 0
    }
}

impl UnderWay {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = BatchId> {
        self.places.iter().map(|place| place.id)
    }

    pub(super) fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        self.places.iter_mut()
    }

    /// The one that must be settled before the others.
    pub(super) fn first(&self) -> Option<BatchId> {
        self.places.first().map(|place| place.id)
    }

    pub(super) fn add(&mut self, id: BatchId, sequence: Sequence, rules: Rules) {
        let place = Place { id, sequence };
        if !rules.on(Rule::RenumberInOrder) {
            self.places.push(place);
            self.sift_up(self.places.len() - 1);
        } else if rules.on(Rule::OrderOverTheWrap) {
            self.places.push(place);
        } else {
            let behind = |other: &Place| other.sequence > sequence;
            let at = self.places.iter().position(behind).unwrap_or(self.places.len());
            self.places.insert(at, place);
        }
    }

    pub(super) fn remove(&mut self, id: BatchId, rules: Rules) {
        let Some(at) = self.places.iter().position(|place| place.id == id) else { return };
        if rules.on(Rule::RenumberInOrder) {
            self.places.remove(at);
            return;
        }
        // The last one takes its place, and goes down or up from there.
        let moved = self.places.swap_remove(at);
        debug_assert_eq!(moved.id, id, "the one at that place");
        if at < self.places.len() && !self.sift_down(at) {
            self.sift_up(at);
        }
    }

    /// Puts the pieces of a batch in its place.
    pub(super) fn replace(
        &mut self,
        id: BatchId,
        pieces: &[BatchId],
        batches: &Batches,
        rules: Rules,
    ) {
        let place = |id: &BatchId| Place { id: *id, sequence: batches.get(*id).sequence() };
        if rules.on(Rule::RenumberInOrder) && rules.on(Rule::OrderOverTheWrap) {
            let found = self.places.iter().position(|place| place.id == id);
            let at = found.unwrap_or(self.places.len());
            self.remove(id, rules);
            self.places.insert_many(at, pieces.iter().map(place));
            return;
        }
        self.remove(id, rules);
        for piece in pieces.iter().rev().map(place) {
            self.add(piece.id, piece.sequence, rules);
        }
    }

    fn sift_up(&mut self, from: usize) {
        let mut at = from;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.places[parent].comes_after(self.places[at]) {
                return;
            }
            self.places.swap(parent, at);
            at = parent;
        }
    }

    /// Tells whether it moved.
    fn sift_down(&mut self, from: usize) -> bool {
        let (mut at, count) = (from, self.places.len());
        while at < count / 2 {
            let mut child = 2 * at + 1;
            let right = child + 1;
            if right < count && self.places[child].comes_after(self.places[right]) {
                child = right;
            }
            if !self.places[at].comes_after(self.places[child]) {
                break;
            }
            self.places.swap(at, child);
            at = child;
        }
        at != from
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn filled(rules: Rules, sequences: &[i32]) -> UnderWay {
        let mut under_way = UnderWay::default();
        for (sequence, id) in sequences.iter().zip(0..) {
            under_way.add(BatchId(id), Sequence(*sequence), rules);
        }
        under_way
    }

    fn order(under_way: &UnderWay) -> Vec<u32> {
        under_way.ids().map(|id| id.0).collect()
    }

    #[test]
    fn an_acknowledged_batch_leaves_the_others_in_order_but_for_a_heap() {
        let five = [0, 10, 20, 30, 40];
        let mut sorted = filled(Rules::ALL, &five);
        sorted.remove(BatchId(0), Rules::ALL);
        assert_eq!(order(&sorted), [1, 2, 3, 4]);
        // As java.util.PriorityQueue does it: the last goes to the root, and down where the smaller child is.
        let heap = Rules::ALL.without(Rule::RenumberInOrder);
        let mut heaped = filled(heap, &five);
        assert_eq!(order(&heaped), [0, 1, 2, 3, 4]);
        heaped.remove(BatchId(0), heap);
        assert_eq!(order(&heaped), [1, 3, 2, 4]);
        heaped.remove(BatchId(3), heap);
        assert_eq!(order(&heaped), [1, 4, 2]);
    }

    #[test]
    fn a_batch_behind_the_wrap_stays_behind_unless_numbers_alone_count() {
        let over = [i32::MAX - 3, i32::MAX - 1, 2, 5];
        assert_eq!(order(&filled(Rules::ALL, &over)), [0, 1, 2, 3]);
        let plain = Rules::ALL.without(Rule::OrderOverTheWrap);
        assert_eq!(order(&filled(plain, &over)), [2, 3, 0, 1]);
    }
}
