//! The requests that a group coordinator answers, and how each is refused.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, GroupId, MemberId};

use crate::message::{
    ConsumerGroupHeartbeatRequest, DeleteGroupRequest, HeartbeatRequest, JoinGroupRequest,
    LeaveGroupRequest, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, Request, Response, SyncGroupRequest, SyncGroupResponse,
};

use super::{classic, modern};

/// A request about one group.
#[derive(Clone, Debug)]
pub(super) enum GroupRequest {
    Join(JoinGroupRequest),
    Sync(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    Leave(LeaveGroupRequest),
    Commit(OffsetCommitRequest),
    Fetch(OffsetFetchRequest),
    Delete(DeleteGroupRequest),
    Member(ConsumerGroupHeartbeatRequest),
}

impl GroupRequest {
    /// The request, if it is about a group.
    pub(super) fn of(request: Request) -> Option<Self> {
        match request {
            Request::JoinGroup(request) => Some(Self::Join(request)),
            Request::SyncGroup(request) => Some(Self::Sync(request)),
            Request::Heartbeat(request) => Some(Self::Heartbeat(request)),
            Request::LeaveGroup(request) => Some(Self::Leave(request)),
            Request::OffsetCommit(request) => Some(Self::Commit(request)),
            Request::OffsetFetch(request) => Some(Self::Fetch(request)),
            Request::DeleteGroups(request) => Some(Self::Delete(request)),
            Request::ConsumerGroupHeartbeat(request) => Some(Self::Member(request)),
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::ListOffsets(_)
            | Request::OffsetsForLeaderEpoch(_)
            | Request::Metadata(_)
            | Request::FindCoordinator(_)
            | Request::InitProducerId(_)
            | Request::AddPartitionsToTxn(_)
            | Request::EndTxn(_)
            | Request::WriteTxnMarkers(_)
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AlterPartition(_)
            | Request::FetchMetadata(_)
            | Request::AllocateProducerIds(_)
            | Request::CreateTopics(_)
            | Request::CreatePartitions(_)
            | Request::AlterPartitionReassignments(_)
            | Request::IncrementalAlterConfigs(_)
            | Request::DeleteTopics(_)
            | Request::DeleteRecords(_)
            | Request::ElectLeaders(_)
            | Request::Vote(_)
            | Request::BeginQuorumEpoch(_)
            | Request::EndQuorumEpoch(_)
            | Request::FetchQuorum(_)
            | Request::FetchSnapshot(_) => None,
        }
    }

    /// Which group.
    pub(super) const fn group(&self) -> GroupId {
        match self {
            Self::Join(request) => request.group,
            Self::Sync(request) => request.group,
            Self::Heartbeat(request) => request.group,
            Self::Leave(request) => request.group,
            Self::Commit(request) => request.group,
            Self::Fetch(request) => request.group,
            Self::Delete(request) => request.group,
            Self::Member(request) => request.group,
        }
    }

    /// The answer if no coordinator can serve it.
    pub(super) fn refused(&self, error: ErrorCode) -> Response {
        match self {
            Self::Join(_) => Response::JoinGroup(classic::join_error(MemberId::NONE, error)),
            Self::Sync(_) => {
                Response::SyncGroup(SyncGroupResponse { error, assignment: Arc::from([]) })
            }
            // A member's session cannot end while its group is loaded, so there is nothing to tell.
            Self::Heartbeat(_) if error == ErrorCode::CoordinatorLoadInProgress => {
                Response::Heartbeat(ErrorCode::None)
            }
            Self::Heartbeat(_) => Response::Heartbeat(error),
            Self::Leave(_) => Response::LeaveGroup(error),
            Self::Delete(_) => Response::DeleteGroups(error),
            Self::Member(_) => Response::ConsumerGroupHeartbeat(modern::refused(error)),
            Self::Commit(request) => Response::OffsetCommit(OffsetCommitResponse {
                results: request.offsets.iter().map(|it| (it.partition, error)).collect(),
            }),
            Self::Fetch(_) => {
                Response::OffsetFetch(OffsetFetchResponse { error, offsets: Vec::new() })
            }
        }
    }
}
