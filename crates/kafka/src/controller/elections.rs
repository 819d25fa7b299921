//! Elections that somebody asks for, and the one that moves leaderships back to preferred replicas.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{BrokerId, ErrorCode, Span, TopicPartition};

use crate::message::ElectLeadersRequest;
use crate::metadata::{MetadataRecord, PartitionRegistration};
use crate::{Mark, Outbox};

use super::Controller;
use super::partitions::Election;

impl Controller {
    /// `ReplicationControlManager.electLeaders` with the preferred election.
    pub(super) fn on_elect_leaders(
        &mut self,
        request: ElectLeadersRequest,
        out: &mut Outbox,
    ) -> ErrorCode {
        let partition = request.partition;
        let Some(before) = self.newest.partitions.get(partition).map(Arc::clone) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        let elected = match request.to {
            Some(to) => self.elect_by_name(partition, &before, to),
            None => self.elect_preferred(partition, &before),
        };
        match elected {
            Ok(after) => self.move_leader(partition, &before, after, out),
            Err(error) => error,
        }
    }

    /// Puts a replica first among the replicas and elects it.
    fn elect_by_name(
        &self,
        partition: TopicPartition,
        before: &PartitionRegistration,
        to: BrokerId,
    ) -> Result<PartitionRegistration, ErrorCode> {
        if !before.replicas.contains(&to) || !before.isr.contains(&to) || !self.newest.is_active(to)
        {
            return Err(ErrorCode::PreferredLeaderNotAvailable);
        }
        let mut change = self.change(partition, before);
        change.replicas.retain(|replica| *replica != to);
        change.replicas.insert(0, to);
        change.election = Election::Preferred;
        change.build(|replica| self.newest.is_active(replica)).ok_or(ErrorCode::ElectionNotNeeded)
    }

    fn elect_preferred(
        &self,
        partition: TopicPartition,
        before: &PartitionRegistration,
    ) -> Result<PartitionRegistration, ErrorCode> {
        if has_preferred_leader(before) {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        let mut change = self.change(partition, before);
        change.election = Election::Preferred;
        let after = change.build(|replica| self.newest.is_active(replica));
        after.ok_or(ErrorCode::PreferredLeaderNotAvailable)
    }

    fn move_leader(
        &mut self,
        partition: TopicPartition,
        before: &PartitionRegistration,
        after: PartitionRegistration,
        out: &mut Outbox,
    ) -> ErrorCode {
        if after.leader != before.leader {
            out.mark(Mark::PreferredElection);
        }
        self.append(vec![MetadataRecord::Partition { partition, registration: Arc::new(after) }]);
        ErrorCode::None
    }

    /// Whether leaderships are to be moved back to preferred replicas some time.
    pub(super) fn is_imbalanced(&self) -> bool {
        self.settings.leader_imbalance_check_interval > Span::ZERO
            && self.newest.partitions.iter().any(|(_, partition)| !has_preferred_leader(partition))
    }

    /// `maybeBalancePartitionLeaders`.
    pub(super) fn on_leader_balance(&mut self, out: &mut Outbox) {
        let mut records = Vec::new();
        for (partition, before) in self.newest.partitions.iter() {
            if let Ok(after) = self.elect_preferred(partition, before) {
                if after.leader != before.leader {
                    out.mark(Mark::PreferredElection);
                }
                let registration = Arc::new(after);
                records.push(MetadataRecord::Partition { partition, registration });
            }
        }
        self.append(records);
    }
}

fn has_preferred_leader(partition: &PartitionRegistration) -> bool {
    partition.leader.is_some() && partition.leader == partition.replicas.first().copied()
}
