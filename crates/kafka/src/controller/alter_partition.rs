//! Changes of in-sync replicas that leaders propose (KIP-497), checked in Kafka's order.
//!
//! A proposal carries no recovery state: a leader always proposes `RECOVERED`, so the checks of that state cannot fail.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{BrokerEpoch, BrokerId, ErrorCode, TopicPartition};

use crate::message::{AlterPartition, AlterPartitionRequest, AlteredPartition};
use crate::metadata::{BrokerStatus, MetadataRecord, PartitionRegistration, Recovery};
use crate::{Mark, Outbox, Rule};

use super::Controller;

type Altered = (TopicPartition, Result<AlteredPartition, ErrorCode>);

impl Controller {
    /// `ReplicationControlManager.alterPartition`.
    pub(super) fn on_alter_partition(
        &mut self,
        request: &AlterPartitionRequest,
        out: &mut Outbox,
    ) -> (ErrorCode, Vec<Altered>) {
        if let Err(error) = self.check_epoch(request.broker, request.epoch) {
            return (error, Vec::new());
        }
        let mut results = Vec::with_capacity(request.partitions.len());
        for proposal in &request.partitions {
            let result = self.alter(request.broker, proposal);
            mark_refusal(&result, out);
            results.push((proposal.partition, result));
        }
        (ErrorCode::None, results)
    }

    fn alter(
        &mut self,
        sender: BrokerId,
        proposal: &AlterPartition,
    ) -> Result<AlteredPartition, ErrorCode> {
        let partition = proposal.partition;
        if self.newest.settings(partition.topic).is_none() {
            return Err(ErrorCode::UnknownTopicId);
        }
        let before = self.newest.partitions.get(partition);
        let before = Arc::clone(before.ok_or(ErrorCode::UnknownTopicOrPartition)?);
        self.validate(sender, &before, proposal)?;
        let mut change = self.change(partition, &before);
        change.isr = proposal.isr.iter().map(|(broker, _)| *broker).collect();
        change.recovery = Recovery::Recovered;
        let Some(after) = change.build(|replica| self.newest.is_active(replica)) else {
            return Ok(answer(&before));
        };
        let altered = answer(&after);
        let leader_moved =
            after.leader_epoch != before.leader_epoch && after.leader != Some(sender);
        self.append(vec![MetadataRecord::Partition { partition, registration: Arc::new(after) }]);
        if leader_moved { Err(ErrorCode::NewLeaderElected) } else { Ok(altered) }
    }

    /// `validateAlterPartitionData`.
    fn validate(
        &self,
        sender: BrokerId,
        partition: &PartitionRegistration,
        proposal: &AlterPartition,
    ) -> Result<(), ErrorCode> {
        // A leader that knows more than this controller has to look for the active one. Without the rule it is told what a
        // leader with old epochs is told: to wait for metadata.
        let knows_more = |otherwise| {
            let behind = self.rules.on(Rule::BehindIsNoController);
            Err(if behind { ErrorCode::NotController } else { otherwise })
        };
        if proposal.leader_epoch > partition.leader_epoch {
            return knows_more(ErrorCode::FencedLeaderEpoch);
        }
        if proposal.partition_epoch > partition.partition_epoch {
            return knows_more(ErrorCode::InvalidUpdateVersion);
        }
        let former_term = proposal.leader_epoch < partition.leader_epoch;
        if self.rules.on(Rule::AlterLeaderEpochCheck) {
            if former_term {
                return Err(ErrorCode::FencedLeaderEpoch);
            }
            if partition.leader != Some(sender) {
                return Err(ErrorCode::InvalidRequest);
            }
        }
        // Every election raises the partition epoch. To take a former leader's word is to take its partition epoch, too.
        if self.rules.on(Rule::PartitionEpochCheck)
            && !former_term
            && proposal.partition_epoch < partition.partition_epoch
        {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        if !is_valid_isr(partition, proposal) {
            return Err(ErrorCode::InvalidRequest);
        }
        let eligible =
            |(broker, epoch): &(BrokerId, BrokerEpoch)| self.is_eligible(*broker, *epoch);
        if proposal.isr.iter().all(eligible) { Ok(()) } else { Err(ErrorCode::IneligibleReplica) }
    }

    /// Whether a broker may be in sync, in the life in which the leader saw it (`ineligibleReplicasForIsr`).
    fn is_eligible(&self, broker: BrokerId, epoch: BrokerEpoch) -> bool {
        let Some(registration) = self.newest.brokers.get(&broker) else { return false };
        let active = match registration.status {
            BrokerStatus::Active => true,
            BrokerStatus::Fenced | BrokerStatus::ControlledShutdown => {
                !self.rules.on(Rule::IsrNeedsActiveBrokers)
            }
        };
        let same_life = epoch == UNKNOWN_EPOCH
            || epoch == registration.epoch
            || !self.rules.on(Rule::AlterPartitionBrokerEpoch);
        active && same_life
    }
}

/// A leader that does not know a member's broker epoch leaves that check out.
const UNKNOWN_EPOCH: BrokerEpoch = BrokerEpoch(-1);

/// Whether a proposed set consists of replicas, each once, among them the leader.
fn is_valid_isr(partition: &PartitionRegistration, proposal: &AlterPartition) -> bool {
    let members = || proposal.isr.iter().map(|(broker, _)| *broker);
    let distinct = members().enumerate().all(|(n, broker)| !members().take(n).any(|b| b == broker));
    let has_leader = partition.leader.is_some_and(|leader| members().any(|b| b == leader));
    distinct && has_leader && members().all(|broker| partition.replicas.contains(&broker))
}

fn answer(partition: &PartitionRegistration) -> AlteredPartition {
    AlteredPartition {
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        isr: partition.isr.to_vec(),
        partition_epoch: partition.partition_epoch,
    }
}

fn mark_refusal(result: &Result<AlteredPartition, ErrorCode>, out: &mut Outbox) {
    let Err(error) = result else { return };
    if matches!(error, ErrorCode::FencedLeaderEpoch | ErrorCode::InvalidUpdateVersion) {
        out.mark(Mark::AlterPartitionFenced);
    } else if *error == ErrorCode::IneligibleReplica {
        out.mark(Mark::IneligibleReplica);
    }
}
