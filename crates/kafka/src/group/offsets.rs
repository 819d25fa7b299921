//! A group's committed offsets: who may commit, what is stored, what a reader is told.
//!
//! Does not wait for replicas: when an answer may leave is decided by the shard. Offsets do not belong to transactions yet.

use alloc::vec::Vec;

use stormglass_types::{
    ErrorCode, Generation, GroupId, LeaderEpoch, MemberId, Offset, PartitionMap, Span,
    TopicPartition, Wall,
};

use crate::message::{OffsetCommitRequest, OffsetFetchRequest, OffsetToCommit};
use crate::metadata::{MetadataImage, TopicUuid};
use crate::record::GroupRecord;
use crate::{Now, Rule, Rules};

use super::classic::{Group, State};
use super::either;

/// A committed offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Committed {
    topic: Option<TopicUuid>,
    offset: Offset,
    epoch: LeaderEpoch,
    /// When it was committed.
    at: Wall,
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
            GroupRecord::Offset { partition, topic, offset, epoch, timestamp, .. } => {
                let (topic, offset, epoch, at) = (*topic, *offset, *epoch, *timestamp);
                self.0.insert(*partition, Committed { topic, offset, epoch, at });
            }
            GroupRecord::OffsetTombstone { partition, .. } => {
                self.0.remove(*partition);
            }
            GroupRecord::Group(_)
            | GroupRecord::GroupTombstone { .. }
            | GroupRecord::Modern { .. } => {}
        }
    }

    /// Whether a partition has an offset.
    pub(super) fn holds(&self, partition: TopicPartition) -> bool {
        self.0.get(partition).is_some()
    }

    /// Of how many partitions.
    pub(super) fn count(&self) -> usize {
        self.0.iter().count()
    }

    /// Tombstones for all of them.
    pub(super) fn tombstones(&self, group: GroupId) -> Vec<GroupRecord> {
        self.0.keys().map(|partition| GroupRecord::OffsetTombstone { group, partition }).collect()
    }

    /// Tombstones for what has been without use for too long (`OffsetMetadataManager.cleanupExpiredOffsets`).
    pub(super) fn expired(
        &self,
        group: GroupId,
        now: Wall,
        retention: Span,
        in_use_since: impl Fn(TopicPartition, Wall) -> Option<Wall>,
    ) -> Vec<GroupRecord> {
        let old = |(partition, committed): (TopicPartition, &Committed)| {
            let since = in_use_since(partition, committed.at)?;
            let age = u64::try_from(now.0 - since.0).unwrap_or(0);
            let tombstone = GroupRecord::OffsetTombstone { group, partition };
            (Span::millis(age) >= retention).then_some(tombstone)
        };
        self.0.iter().filter_map(old).collect()
    }
}

/// From when on an offset grows old; never while it may be needed (KIP-211).
pub(super) fn unused_since(
    group: &Group,
    rules: Rules,
) -> impl Fn(TopicPartition, Wall) -> Option<Wall> {
    move |partition, committed| {
        if !rules.on(Rule::OffsetsOfActiveGroupsStay) || !group.had_members() {
            return Some(committed);
        }
        match group.state() {
            State::Empty => Some(group.since()),
            State::Stable if !group.subscribes_to(partition.topic) => Some(committed),
            State::Stable | State::PreparingRebalance | State::CompletingRebalance => None,
        }
    }
}

/// Whether a commit is acceptable (`OffsetMetadataManager.validateOffsetCommit`).
pub(super) fn validate_commit(
    group: Option<&either::Group>,
    request: &OffsetCommitRequest,
    rules: Rules,
) -> Result<(), ErrorCode> {
    match group {
        Some(either::Group::Modern(group)) => group.validate_commit(request, rules),
        Some(either::Group::Classic(group)) => validate_classic(Some(group), request, rules),
        None => validate_classic(None, request, rules),
    }
}

/// `ClassicGroup.validateOffsetCommit`.
fn validate_classic(
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
    if !alone || request.member != MemberId::NONE || request.instance.is_some() {
        if let Some(instance) = &request.instance {
            let holder = group.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if holder != request.member {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
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

/// Whether the broker knows the topic whose offset is to be committed (`KafkaApis.handleOffsetCommitRequest`). Without ids, any
/// topic of the name will do.
pub(super) fn validate_topic(offset: &OffsetToCommit, image: &MetadataImage) -> ErrorCode {
    if offset.topic.is_some() && offset.topic != image.uuid(offset.partition.topic) {
        ErrorCode::UnknownTopicId
    } else if image.partitions.contains(offset.partition) {
        ErrorCode::None
    } else {
        ErrorCode::UnknownTopicOrPartition
    }
}

/// The records of a commit, as far as it was accepted.
pub(super) fn records(
    request: &OffsetCommitRequest,
    results: &[(TopicPartition, ErrorCode)],
    now: Now,
) -> Vec<GroupRecord> {
    let record = |it: &OffsetToCommit| GroupRecord::Offset {
        group: request.group,
        partition: it.partition,
        topic: it.topic,
        offset: it.offset,
        epoch: it.epoch,
        timestamp: now.wall,
    };
    let accepted =
        request.offsets.iter().zip(results).filter(|(_, (_, code))| code.check().is_ok());
    accepted.map(|(offset, _)| record(offset)).collect()
}

/// What a reader is told: the last offsets appended, unless they are of another topic than it means
/// (`OffsetMetadataManager.isMismatchedTopicId`).
pub(super) fn fetch(group: Option<&either::Group>, request: &OffsetFetchRequest) -> super::Fetched {
    let of = |(partition, meant): (TopicPartition, Option<TopicUuid>)| {
        let committed = group.and_then(|group| group.offsets().0.get(partition));
        let fits = |it: &&Committed| meant.is_none() || it.topic.is_none() || it.topic == meant;
        let committed = committed.filter(fits);
        (partition, committed.map(|committed| (committed.offset, committed.epoch)))
    };
    request.partitions.iter().map(|partition| of(*partition)).collect()
}
