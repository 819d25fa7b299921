//! What followers show to consumers.

use stormglass_types::{IdVec, NodeId, Offset, Time, TopicPartition};

use super::{BreachKind, Observer, Slot, epoch_below};
use crate::plan::Roster;

impl Observer {
    /// What a follower shows to consumers is what its leader has, too.
    pub(super) fn on_followed(
        &mut self,
        at: Time,
        node: NodeId,
        partition: TopicPartition,
        to: Offset,
        slots: &IdVec<NodeId, Slot>,
        roster: &Roster,
    ) {
        let Some(seen) = self.partitions.get(partition) else { return };
        let Some((newest, leader)) = seen.leaders.last_key_value() else { return };
        let log_at = |node: NodeId| slots[node].broker_store()?.logs.get(partition);
        let Some(own) = log_at(node) else { return };
        // A log whose last record is the present leader's holds nothing that the leader does not.
        if own.latest_epoch() == Some(*newest) || seen.excused {
            return;
        }
        let Some(led) = log_at(roster.broker(*leader)) else { return };
        let both_have_it = led.end() >= to && led.start().max(own.start()) < to;
        if both_have_it && epoch_below(led, to) != epoch_below(own, to) {
            let kind = BreachKind::FollowerBeyondDivergence { high_watermark: to };
            self.breach(at, node, partition, kind);
        }
    }
}
