//! A controller as one of several: active while it leads the quorum with everything committed that came before
//! (`QuorumController.claim`), a replica that applies what is committed otherwise.
//!
//! Does not elect anybody: [`crate::raft`] does.

use core::mem::take;

use stormglass_types::{Digest, ErrorCode, LeaderEpoch, NodeId};

use super::observers::Observer;
use super::sessions::{Past, Sessions};
use super::{Controller, Deferred};
use crate::message::{
    AllocateProducerIdsResponse, AlterPartitionResponse, Api, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, Correlation, FetchMetadataResponse, MetadataOffset, Response,
};
use crate::metadata::{MetadataImage, MetadataRecord};
use crate::raft::Voter;
use crate::{ConnId, Mark, Now, Outbox};

/// Whether a controller decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Activity {
    /// It is the only one.
    Alone,
    /// It leads the quorum, in this epoch.
    Active(LeaderEpoch),
    /// Another one does, or nobody.
    Standby,
}

impl Controller {
    /// Whether it decides.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        match self.activity {
            Activity::Alone | Activity::Active(_) => true,
            Activity::Standby => false,
        }
    }

    /// Its part in the quorum, if it is one of several.
    #[must_use]
    pub const fn voter(&self) -> Option<&Voter> {
        self.log.voter()
    }

    /// Takes in what became of the quorum: another image to begin with, records that are committed, another leader.
    pub(super) fn follow_quorum(&mut self, now: Now, out: &mut Outbox) {
        let Some(voter) = self.log.voter_mut() else { return };
        let installed = voter.take_installed();
        let (leads, claims) = (voter.leads(), voter.leads_caught_up());
        while let Some(answer) = self.log.voter_mut().and_then(Voter::next_answer) {
            self.respond(answer.conn, answer.correlation, answer.response, out);
        }
        if let Some(snapshot) = installed
            && snapshot.image.offset > self.committed.offset
        {
            self.committed = MetadataImage::clone(&snapshot.image);
        }
        if let Activity::Active(epoch) = self.activity
            && claims != Some(epoch)
        {
            self.resign(out);
        }
        if leads.is_none() {
            self.refuse_observers(out);
        }
        if self.log.committed() > self.committed.offset {
            self.on_committed(now, out);
            if let Some(voter) = self.log.voter_mut() {
                voter.maybe_snapshot(&self.committed);
            }
        }
        if let (Some(epoch), Activity::Standby) = (claims, self.activity) {
            self.claim(now, epoch, out);
        }
    }

    /// Begins to decide, on the strength of everything that is committed.
    fn claim(&mut self, now: Now, epoch: LeaderEpoch, out: &mut Outbox) {
        out.mark(Mark::ControllerClaimed);
        self.activity = Activity::Active(epoch);
        self.newest = self.committed.clone();
        // It knows nothing of heartbeats and gives every broker a whole session.
        self.sessions = Sessions::new(self.settings.session_timeout);
        for (broker, registration) in &self.newest.brokers {
            self.sessions.register(now.mono, *broker, registration.status, Past::Returning);
        }
    }

    /// Decides no longer. What was decided and is not committed may still become so, or not: nobody is told.
    fn resign(&mut self, out: &mut Outbox) {
        out.mark(Mark::ControllerResigned);
        self.activity = Activity::Standby;
        self.newest = MetadataImage::default();
        self.sessions = Sessions::new(self.settings.session_timeout);
        for Deferred { conn, correlation, response, .. } in take(&mut self.deferred) {
            let refusal = refusal(response.api()).expect("only a controller's requests wait");
            self.respond(conn, correlation, refusal, out);
        }
    }

    fn refuse_observers(&mut self, out: &mut Outbox) {
        for Observer { conn, correlation, from, .. } in take(&mut self.observers) {
            self.refuse_observer(conn, correlation, from, out);
        }
    }

    /// Sends a broker to the leader, if one is known.
    pub(super) fn refuse_observer(
        &mut self,
        conn: ConnId,
        correlation: Correlation,
        from: MetadataOffset,
        out: &mut Outbox,
    ) {
        let leader = self.leader_elsewhere();
        let response = FetchMetadataResponse {
            error: ErrorCode::NotController,
            leader,
            ..FetchMetadataResponse::nothing(from)
        };
        self.respond(conn, correlation, Response::FetchMetadata(response), out);
    }

    fn leader_elsewhere(&self) -> Option<NodeId> {
        let voter = self.log.voter()?;
        voter.leader().filter(|_| voter.leads().is_none())
    }
}

/// What a controller that does not decide answers; none to what no controller is asked.
pub(super) fn refusal(api: Api) -> Option<Response> {
    let error = ErrorCode::NotController;
    let response = match api {
        Api::BrokerRegistration => {
            Response::BrokerRegistration(BrokerRegistrationResponse { epoch: Err(error) })
        }
        Api::BrokerHeartbeat => {
            Response::BrokerHeartbeat(BrokerHeartbeatResponse { state: Err(error) })
        }
        Api::AlterPartition => Response::AlterPartition(AlterPartitionResponse {
            error,
            results: alloc::vec::Vec::new(),
        }),
        Api::AllocateProducerIds => {
            Response::AllocateProducerIds(AllocateProducerIdsResponse { block: Err(error) })
        }
        Api::CreateTopics => Response::CreateTopics(error),
        Api::CreatePartitions => Response::CreatePartitions(error),
        Api::DeleteTopics => Response::DeleteTopics(error),
        Api::AlterPartitionReassignments => Response::AlterPartitionReassignments(error),
        Api::ElectLeaders => Response::ElectLeaders(error),
        Api::IncrementalAlterConfigs => Response::IncrementalAlterConfigs(error),
        Api::Produce
        | Api::Fetch
        | Api::ListOffsets
        | Api::OffsetsForLeaderEpoch
        | Api::Metadata
        | Api::FindCoordinator
        | Api::JoinGroup
        | Api::SyncGroup
        | Api::Heartbeat
        | Api::LeaveGroup
        | Api::OffsetCommit
        | Api::OffsetFetch
        | Api::DeleteGroups
        | Api::DeleteRecords
        | Api::InitProducerId
        | Api::AddPartitionsToTxn
        | Api::EndTxn
        | Api::WriteTxnMarkers
        | Api::FetchMetadata
        | Api::ConsumerGroupHeartbeat
        | Api::Vote
        | Api::BeginQuorumEpoch
        | Api::EndQuorumEpoch
        | Api::FetchQuorum
        | Api::FetchSnapshot => return None,
    };
    Some(response)
}

/// A number that tells a record from others.
pub(super) fn print(record: &MetadataRecord) -> u64 {
    let mut digest = Digest::EMPTY;
    let words = match record {
        MetadataRecord::RegisterBroker { broker, epoch, incarnation, .. } => {
            [1, u64::from(broker.0), epoch.0.cast_unsigned(), u64::from(*incarnation)]
        }
        MetadataRecord::ChangeBroker { broker, epoch, state } => {
            [2, u64::from(broker.0), epoch.0.cast_unsigned(), *state as u64]
        }
        MetadataRecord::Topic { topic, .. } => [3, u64::from(topic.0), 0, 0],
        MetadataRecord::RemoveTopic { topic } => [7, u64::from(topic.0), 0, 0],
        MetadataRecord::Partition { partition, registration } => {
            let place = u64::from(partition.topic.0) << 16 | u64::from(partition.partition);
            let epochs = u64::from(registration.leader_epoch.0.cast_unsigned()) << 32
                | u64::from(registration.partition_epoch.0.cast_unsigned());
            let isr = registration.isr.iter().fold(0, |isr, broker| isr << 8 | u64::from(broker.0));
            [4, place, epochs, isr]
        }
        MetadataRecord::ProducerIds { next } => [5, next.0.cast_unsigned(), 0, 0],
        MetadataRecord::ReplicationRate { rate } => {
            [8, u64::from(rate.is_some()), rate.unwrap_or_default(), 0]
        }
        MetadataRecord::LeaderChange { leader, epoch } => {
            [6, u64::from(leader.0), u64::from(epoch.0.cast_unsigned()), 0]
        }
    };
    words.into_iter().for_each(|word| digest.word(word));
    digest.0
}
