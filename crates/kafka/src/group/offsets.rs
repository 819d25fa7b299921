//! A group's committed offsets: who may commit, what is stored, what a reader is told.
//!
//! Does not wait for replicas: when an answer may leave is decided by the shard. Offsets neither expire nor belong to
//! transactions yet.

use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, LeaderEpoch, MemberId, Offset, PartitionMap};

use crate::message::{OffsetCommitRequest, OffsetFetchRequest};
use crate::record::GroupRecord;
use crate::{Now, Rule, Rules};

use super::classic::{Group, State};

/// A committed offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Committed {
    offset: Offset,
    epoch: LeaderEpoch,
}

/// The offsets of one group, up to the last one appended.
#[derive(Clone, Debug, Default)]
pub(super) struct Offsets(PartitionMap<Committed>);

impl Offsets {
    /// Nothing committed yet.
    pub(super) const NONE: Self = Self(PartitionMap::new());

    /// Takes a record of this group in; records of other kinds change nothing.
    pub(super) fn replay(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::Offset { partition, offset, epoch, .. } => {
                self.0.insert(*partition, Committed { offset: *offset, epoch: *epoch });
            }
            GroupRecord::OffsetTombstone { partition, .. } => {
                self.0.remove(*partition);
            }
            GroupRecord::Group(_) | GroupRecord::GroupTombstone { .. } => {}
        }
    }
}

/// Whether a commit is acceptable (`OffsetMetadataManager.validateOffsetCommit`, `ClassicGroup.validateOffsetCommit`).
pub(super) fn validate_commit(
    group: Option<&Group>,
    request: &OffsetCommitRequest,
    rules: Rules,
) -> Result<(), ErrorCode> {
    if !rules.on(Rule::CommitFencing) {
        return Ok(());
    }
    let alone = request.generation < Generation(0);
    let Some(group) = group else {
        // A consumer without membership creates a simple group by committing. Clients from version 9 of the request on are
        // told that the group is gone; older ones were told ILLEGAL_GENERATION.
        return if alone { Ok(()) } else { Err(ErrorCode::GroupIdNotFound) };
    };
    if alone && group.state() == State::Empty {
        return Ok(());
    }
    if !alone || request.member != MemberId::NONE {
        if group.member(request.member).is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if request.generation != group.generation() {
            return Err(ErrorCode::IllegalGeneration);
        }
    } else if group.state() != State::Empty {
        return Err(ErrorCode::UnknownMemberId);
    }
    // The member knows this generation from its join, but does not own anything in it yet.
    if group.state() == State::CompletingRebalance {
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

/// The records of a commit.
pub(super) fn records(request: &OffsetCommitRequest, now: Now) -> Vec<GroupRecord> {
    let record = |(partition, offset, epoch): &_| GroupRecord::Offset {
        group: request.group,
        partition: *partition,
        offset: *offset,
        epoch: *epoch,
        timestamp: now.wall,
    };
    request.offsets.iter().map(record).collect()
}

/// What a reader is told: the last offsets appended.
pub(super) fn fetch(group: Option<&Group>, request: &OffsetFetchRequest) -> super::Fetched {
    let of = |partition| {
        let committed = group.and_then(|group| group.offsets.0.get(partition));
        (partition, committed.map(|committed| (committed.offset, committed.epoch)))
    };
    request.partitions.iter().map(|partition| of(*partition)).collect()
}
