//! Observations that machines make of themselves for white-box invariants and the history. Nobody in the model reads them.

use stormglass_types::history::{Election, Removal};
use stormglass_types::{
    BrokerId, ErrorCode, Generation, GroupId, LeaderEpoch, MemberId, Offset, TopicId,
    TopicPartition, ValueRange,
};

use crate::message::MetadataOffset;
use crate::record::ProducerStamp;

/// One observation. `Copy` and small, since some are made per append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// This broker began to lead a partition in an epoch, its log ending at `start`.
    BecameLeader {
        /// Which partition.
        partition: TopicPartition,
        /// In which epoch.
        epoch: LeaderEpoch,
        /// Its log end at that moment.
        start: Offset,
    },
    /// This broker, as leader, appended a batch of a client.
    Appended {
        /// Where to.
        partition: TopicPartition,
        /// At which offset.
        base: Offset,
        /// In which epoch.
        epoch: LeaderEpoch,
        /// The records, if they are an application's.
        values: Option<ValueRange>,
        /// Whose sequence it carries.
        stamp: Option<ProducerStamp>,
        /// How many records.
        count: u32,
    },
    /// This broker refused a batch of a client.
    Refused {
        /// Where it was to go.
        partition: TopicPartition,
        /// The records, if they are an application's.
        values: Option<ValueRange>,
        /// What the client is told.
        error: ErrorCode,
    },
    /// This broker, as leader or follower, moved a high watermark.
    HighWatermark {
        /// Of which partition.
        partition: TopicPartition,
        /// To where.
        to: Offset,
        /// Whether this broker leads the partition.
        role: ReplicaRole,
        /// In which epoch.
        epoch: LeaderEpoch,
    },
    /// This broker cut a log's end off.
    Truncated {
        /// Which partition's.
        partition: TopicPartition,
        /// The log end before.
        from: Offset,
        /// The log end now.
        to: Offset,
        /// The high watermark before.
        high_watermark: Offset,
    },
    /// This broker let a log begin later: what came before is deleted.
    LogStart {
        /// Of which partition.
        partition: TopicPartition,
        /// Where it began before.
        from: Offset,
        /// Where it begins now.
        to: Offset,
        /// Why.
        why: Removal,
        /// Whether this broker leads the partition.
        role: ReplicaRole,
        /// The high watermark.
        high_watermark: Offset,
    },
    /// This broker compacted a log.
    Cleaned {
        /// Of which partition.
        partition: TopicPartition,
        /// Up to where.
        to: Offset,
    },
    /// This broker gave a replica up because its topic was deleted.
    ReplicaDeleted {
        /// Of which partition.
        partition: TopicPartition,
    },
    /// The controller committed that a topic is deleted.
    TopicDeleted {
        /// Which.
        topic: TopicId,
    },
    /// The controller committed a new leader or epoch of a partition.
    Elected {
        /// Which partition.
        partition: TopicPartition,
        /// Whom, if anyone could be chosen.
        leader: Option<BrokerId>,
        /// In which epoch.
        epoch: LeaderEpoch,
        /// How.
        election: Election,
    },
    /// The controller committed the in-sync replicas of a partition; bit `n` is broker `n`.
    InSync {
        /// Which partition.
        partition: TopicPartition,
        /// In which epoch.
        epoch: LeaderEpoch,
        /// Who.
        replicas: u64,
    },
    /// The controller raised a topic's number of partitions.
    Expanded {
        /// Which topic.
        topic: TopicId,
        /// To how many.
        partitions: u16,
    },
    /// A group coordinator completed the join phase of a rebalance.
    Rebalanced {
        /// Which group.
        group: GroupId,
        /// The new generation.
        generation: Generation,
        /// How many members it has.
        members: u32,
    },
    /// A group coordinator gave a partition to a member in a generation.
    Granted {
        /// Which group.
        group: GroupId,
        /// In which generation.
        generation: Generation,
        /// To whom.
        member: MemberId,
        /// What.
        partition: TopicPartition,
    },
    /// A group coordinator made a committed offset visible to readers.
    OffsetCommitted {
        /// Whose.
        group: GroupId,
        /// Of which partition.
        partition: TopicPartition,
        /// The next offset to read.
        offset: Offset,
    },
    /// A group coordinator removed a group with all that it knew of it; if it comes back, it begins anew.
    GroupRemoved {
        /// Which group.
        group: GroupId,
    },
    /// In the books of a coordinator of the consumer protocol, a member has nothing but what the next notes say.
    Released {
        /// Of which group.
        group: GroupId,
        /// Which member.
        member: MemberId,
        /// Up to where `__consumer_offsets` was read for that; a new coordinator reads some of it again.
        up_to: Offset,
    },
    /// In the books of a coordinator of the consumer protocol, a member has a partition.
    Held {
        /// Of which group.
        group: GroupId,
        /// Up to where `__consumer_offsets` was read for that.
        up_to: Offset,
        /// Which member.
        member: MemberId,
        /// In which epoch.
        epoch: Generation,
        /// What.
        partition: TopicPartition,
    },
    /// A voter of the quorum leads it in an epoch, its log ending at `end` before.
    QuorumLeader {
        /// In which epoch.
        epoch: LeaderEpoch,
        /// Where its log ended.
        end: MetadataOffset,
    },
    /// A controller of a quorum took a record for committed. What it notes next, if it says something of a partition or a
    /// topic, is what this record says.
    MetadataCommitted {
        /// Which record.
        offset: MetadataOffset,
        /// A number that tells it from others.
        print: u64,
    },
}

/// Whether a replica leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaRole {
    /// It leads.
    Leader,
    /// It follows.
    Follower,
}
