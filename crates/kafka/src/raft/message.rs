//! What voters of the quorum say to each other (KIP-595, KIP-630, KIP-996).
//!
//! Requests carry the sender's epoch, answers that of whoever answers, and the leader that it knows: whoever is behind learns
//! it from either.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, LeaderEpoch, NodeId, Span};

use crate::message::MetadataOffset;
use crate::metadata::{MetadataImage, MetadataRecord};

/// A place in a metadata log: the epoch of the record before it, then its offset. Of two logs, the one that ends at the
/// larger place has everything that was committed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LogPlace {
    /// The epoch of the record before it; 0 at the very beginning.
    pub epoch: LeaderEpoch,
    /// The position of the next record.
    pub offset: MetadataOffset,
}

/// Records that were appended together and are kept together or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetadataBatch {
    /// The position of the first record.
    pub base: MetadataOffset,
    /// In which epoch a leader appended them.
    pub epoch: LeaderEpoch,
    /// The records.
    pub records: Arc<[MetadataRecord]>,
}

impl MetadataBatch {
    /// The position after the last record.
    #[must_use]
    pub fn end(&self) -> MetadataOffset {
        let count = u32::try_from(self.records.len());
        MetadataOffset(self.base.0 + count.expect("fewer records than a position counts"))
    }
}

/// Everything that the records up to a place say (KIP-630).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Its name: where it ends.
    pub place: LogPlace,
    /// What it says.
    pub image: Arc<MetadataImage>,
}

/// What a vote is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ballot {
    /// Whether a vote would be given (KIP-996): binds nobody.
    PreVote,
    /// The voter's one vote of the epoch.
    Vote,
}

/// The answer to a candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The vote is its.
    Granted,
    /// It is not.
    Rejected,
}

/// `VoteRequest`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoteRequest {
    /// Who asks.
    pub candidate: NodeId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Where its log ends.
    pub last: LogPlace,
    /// For what.
    pub ballot: Ballot,
}

/// What an answer tells of the quorum, whatever was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// `None` if the question was answered.
    pub error: ErrorCode,
    /// The answering voter's epoch.
    pub epoch: LeaderEpoch,
    /// The leader of that epoch, if it knows one.
    pub leader: Option<NodeId>,
}

/// `VoteResponse`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoteResponse {
    /// Where the voter stands.
    pub standing: Standing,
    /// What it says.
    pub choice: Choice,
}

/// `BeginQuorumEpochRequest`: the sender leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BeginQuorumEpochRequest {
    /// Who leads.
    pub leader: NodeId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
}

/// `EndQuorumEpochRequest`: the sender leads no longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndQuorumEpochRequest {
    /// Who led.
    pub leader: NodeId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Who should stand next, the one with the longest log first.
    pub successors: Vec<NodeId>,
}

/// A voter's fetch of the metadata log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchQuorumRequest {
    /// Who.
    pub voter: NodeId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Where its log ends.
    pub from: LogPlace,
    /// How long the leader may wait for a record.
    pub max_wait: Span,
}

/// The answer to a voter's fetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchQuorumResponse {
    /// Where the answering voter stands.
    pub standing: Standing,
    /// Up to where the log is committed, once the leader knows that.
    pub high_watermark: Option<MetadataOffset>,
    /// What it found.
    pub found: Found,
}

/// What a leader finds for a fetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Whole batches, from the place asked for on; none if there are no more.
    Batches(Vec<MetadataBatch>),
    /// The logs part: the largest epoch not above the fetcher's, and its end in the leader's log.
    Diverging(LogPlace),
    /// The log begins later: this snapshot comes first.
    Snapshot(LogPlace),
}

/// `FetchSnapshotRequest`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchSnapshotRequest {
    /// Who.
    pub voter: NodeId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Which snapshot.
    pub snapshot: LogPlace,
}

/// `FetchSnapshotResponse`; a snapshot comes in one piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchSnapshotResponse {
    /// Where the answering voter stands; `SNAPSHOT_NOT_FOUND` if it has no such snapshot any more.
    pub standing: Standing,
    /// The snapshot.
    pub snapshot: Option<Snapshot>,
}
