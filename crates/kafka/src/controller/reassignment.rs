//! Moves of partitions to other brokers (KIP-455): how one begins, and how it is taken back. It ends where any change of the
//! partition finds the whole target in sync ([`super::partitions`]).

use alloc::sync::Arc;
use alloc::vec;

use stormglass_types::{BrokerId, ErrorCode};

use crate::message::ReassignmentRequest;
use crate::metadata::{Brokers, MetadataRecord, PartitionRegistration};
use crate::settings::UncleanElection;

use super::Controller;
use super::partitions::PartitionChange;

impl Controller {
    /// `ReplicationControlManager.alterPartitionReassignment`.
    pub(super) fn on_reassign(&mut self, request: &ReassignmentRequest) -> ErrorCode {
        let partition = request.partition;
        let Some(before) = self.newest.partitions.get(partition).map(Arc::clone) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        let mut change = self.change(partition, &before);
        let begun = match &request.replicas {
            Some(target) => self.begin_reassignment(&before, target, &mut change),
            None => self.revert_reassignment(partition.topic, &before, &mut change),
        };
        if let Err(error) = begun {
            return error;
        }
        if let Some(after) = change.build(|replica| self.newest.is_active(replica)) {
            let registration = Arc::new(after);
            self.append(vec![MetadataRecord::Partition { partition, registration }]);
        }
        ErrorCode::None
    }

    /// `changePartitionReassignment`, `PartitionReassignmentReplicas`.
    fn begin_reassignment(
        &self,
        before: &PartitionRegistration,
        target: &[BrokerId],
        change: &mut PartitionChange<'_>,
    ) -> Result<(), ErrorCode> {
        let distinct = (1..target.len()).all(|n| !target[..n].contains(&target[n]));
        let known = target.iter().all(|broker| self.newest.brokers.contains_key(broker));
        if target.is_empty() || !distinct || !known {
            return Err(ErrorCode::InvalidReplicaAssignment);
        }
        let without = |all: &[BrokerId], others: &[BrokerId]| -> Brokers {
            let mut left: Brokers =
                all.iter().filter(|broker| !others.contains(broker)).copied().collect();
            left.sort_unstable();
            left
        };
        let removing = without(&before.replicas, target);
        let adding = without(target, &before.replicas);
        change.replicas = target.iter().chain(&removing).copied().collect();
        if !removing.is_empty() {
            change.removing = removing;
        }
        if !adding.is_empty() {
            change.adding = adding;
        }
        Ok(())
    }

    /// `cancelPartitionReassignment`, `PartitionReassignmentRevert`: what was to be added goes again.
    fn revert_reassignment(
        &self,
        topic: stormglass_types::TopicId,
        before: &PartitionRegistration,
        change: &mut PartitionChange<'_>,
    ) -> Result<(), ErrorCode> {
        if before.adding.is_empty() && before.removing.is_empty() {
            return Err(ErrorCode::NoReassignmentInProgress);
        }
        change.replicas.retain(|replica| !before.adding.contains(replica));
        change.isr.retain(|replica| !before.adding.contains(replica));
        if change.isr.is_empty() {
            let settings = self.newest.settings(topic);
            let unclean = settings.map(|settings| settings.unclean_election);
            if unclean != Some(UncleanElection::Allowed) {
                return Err(ErrorCode::InvalidReplicaAssignment);
            }
            change.isr.extend(change.replicas.first().copied());
        }
        change.adding.clear();
        change.removing.clear();
        Ok(())
    }
}
