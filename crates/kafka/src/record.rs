//! Batches as logs hold them and messages carry them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    Generation, GroupId, Key, LeaderEpoch, MemberId, Offset, ProducerEpoch, ProducerId, Sequence,
    Span, TopicId, TopicPartition, ValueRange, Wall,
};

use crate::compression::Packing;
use crate::metadata::TopicUuid;

/// A record batch: what a log appends, a follower copies and a consumer reads, always whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The first record's offset; assigned by the leader.
    pub base: Offset,
    /// How many records, never zero.
    pub count: u32,
    /// The leader's epoch when it appended the batch; assigned by the leader.
    pub epoch: LeaderEpoch,
    /// Size in bytes, header included, as it is packed.
    pub bytes: u32,
    /// How it is packed.
    pub packing: Packing,
    /// The largest record timestamp (`CreateTime`), or the append time (`LogAppendTime`).
    pub timestamp: Wall,
    /// Who sent it, if the producer is idempotent.
    pub stamp: Option<ProducerStamp>,
    /// What is in it.
    pub records: Records,
}

/// What an idempotent producer writes into a batch header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProducerStamp {
    /// The producer id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// The first record's sequence number.
    pub sequence: Sequence,
    /// Whether the batch is part of a transaction.
    pub within: Within,
}

/// What a batch is part of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Within {
    /// Nothing: it stands for itself.
    #[default]
    Nothing,
    /// Its producer's transaction (`isTransactional`).
    Transaction,
}

/// How a transaction ends (`ControlRecordType`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// `COMMIT`: its records count.
    Commit,
    /// `ABORT`: they do not.
    Abort,
}

/// What a batch holds. Simulated values are ranges of identities, so a batch is copied without touching its records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Records {
    /// An application's records.
    Values(ValueRange),
    /// An application's records in a topic that is compacted.
    Keyed(Arc<Keyed>),
    /// Records of `__consumer_offsets`.
    Group(Arc<[GroupRecord]>),
    /// A record of `__transaction_state`.
    Transaction(Arc<TransactionValue>),
    /// The end of its producer's transaction (`EndTransactionMarker`), told by a coordinator of this epoch. No application
    /// ever sees it.
    Marker(Verdict, LeaderEpoch),
}

/// An application's records with what compaction must know of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keyed {
    /// What the batch held when it was sent.
    pub values: ValueRange,
    /// A key for each of those.
    pub keys: Arc<[RecordKey]>,
    /// Those that are left, in order.
    pub left: Vec<Run>,
    /// From when on tombstones in the batch may go; none before it was cleaned (`deleteHorizonMs`, KIP-534).
    pub horizon: Option<Wall>,
}

/// Records of a batch that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The place of the first.
    pub from: u32,
    /// How many.
    pub count: u32,
}

/// What compaction must know of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordKey {
    /// Its key, if it has one.
    pub key: Option<Key>,
    /// Whether it has a value.
    pub payload: Payload,
}

/// Whether a record has a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Payload {
    /// It has.
    #[default]
    Value,
    /// It has none: it deletes its key from a topic that is compacted.
    Tombstone,
}

impl Keyed {
    /// The records that are left, with their places.
    pub fn records(&self) -> impl Iterator<Item = (u32, RecordKey)> {
        let places = self.left.iter().flat_map(|run| run.from..run.from + run.count);
        places.filter_map(|place| {
            let at = usize::try_from(place).ok()?;
            Some((place, *self.keys.get(at)?))
        })
    }

    /// The first of the records that are left from a place on, and those that follow it directly.
    #[must_use]
    pub fn next(&self, place: u32) -> Option<Run> {
        let run = self.left.iter().find(|run| run.from + run.count > place)?;
        let from = run.from.max(place);
        Some(Run { from, count: run.from + run.count - from })
    }
}

/// A record of `__consumer_offsets` (`OffsetCommitKey`/`Value`, `GroupMetadataKey`/`Value`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupRecord {
    /// A committed offset.
    Offset {
        /// Whose.
        group: GroupId,
        /// Of which partition.
        partition: TopicPartition,
        /// Of which topic of the name, if the client said so (`OffsetCommitValue.topicId`).
        topic: Option<TopicUuid>,
        /// The next offset to read.
        offset: Offset,
        /// The leader epoch of the last record before it, if known.
        epoch: LeaderEpoch,
        /// When it was committed.
        timestamp: Wall,
    },
    /// A committed offset was removed.
    OffsetTombstone {
        /// Whose.
        group: GroupId,
        /// Of which partition.
        partition: TopicPartition,
    },
    /// A group's generation and its members' assignments.
    Group(Arc<GroupValue>),
    /// A group was removed.
    GroupTombstone {
        /// Which.
        group: GroupId,
    },
    /// Something of a group of the consumer protocol changed (KIP-848).
    Modern {
        /// Which group.
        group: GroupId,
        /// What.
        change: ModernChange,
    },
}

/// What a record says of a group of the consumer protocol; Kafka has a kind of record for each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ModernChange {
    /// `ConsumerGroupMetadata`: the group's epoch.
    Epoch(Generation),
    /// `ConsumerGroupPartitionMetadata`: the topics subscribed to that exist, and how many partitions they have.
    Topics(Arc<[(TopicId, u16)]>),
    /// `ConsumerGroupMemberMetadata`: what a member wants.
    Member(Arc<ModernMember>),
    /// A member is gone.
    MemberGone(MemberId),
    /// `ConsumerGroupTargetAssignmentMetadata`: the epoch of the target assignment.
    TargetEpoch(Generation),
    /// `ConsumerGroupTargetAssignmentMember`: what a member is to have, sorted.
    Target(MemberId, Arc<[TopicPartition]>),
    /// A member has no target any more.
    TargetGone(MemberId),
    /// `ConsumerGroupCurrentMemberAssignment`: how far a member has come.
    Current(Arc<ModernAssignment>),
    /// A member has nothing any more.
    CurrentGone(MemberId),
}

/// What a member of the consumer protocol has said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModernMember {
    /// Which member.
    pub member: MemberId,
    /// Its `group.instance.id`, if it is static.
    pub instance: Option<Arc<str>>,
    /// `client.rack`.
    pub rack: Option<crate::assignor::Rack>,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Span,
    /// What it subscribed to, sorted.
    pub topics: Arc<[TopicId]>,
    /// The assignor that it asks for.
    pub assignor: Option<crate::settings::RemoteAssignor>,
    /// What it said in the words of the classic protocol, if it speaks that.
    pub classic: Option<ClassicMember>,
}

/// A member of the classic protocol in a group of the consumer protocol (`ClassicMemberMetadata`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassicMember {
    /// `session.timeout.ms`.
    pub session_timeout: Span,
    /// Assignors that it supports, the preferred one first.
    pub protocols: Vec<crate::settings::Assignor>,
    /// What it subscribed to.
    pub subscription: Arc<crate::message::Subscription>,
}

/// How far a member of the consumer protocol has come on its way to its target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModernAssignment {
    /// Which member.
    pub member: MemberId,
    /// Its epoch.
    pub epoch: Generation,
    /// The epoch before that.
    pub previous: Generation,
    /// Where it is.
    pub state: ModernState,
    /// What it may own, sorted.
    pub assigned: Arc<[TopicPartition]>,
    /// What it is to give up and has not yet, sorted.
    pub revoking: Arc<[TopicPartition]>,
}

/// Where a member of the consumer protocol is (`MemberState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModernState {
    /// It has its target.
    Stable,
    /// It must let go of something first.
    Unrevoked,
    /// Others must let go of something first.
    Unreleased,
}

/// The value of a group metadata record: what a new coordinator knows of a group's members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupValue {
    /// Which group.
    pub group: GroupId,
    /// Its generation.
    pub generation: Generation,
    /// The assignor that was voted for; none if the group is empty.
    pub protocol: Option<crate::settings::Assignor>,
    /// The member that assigns.
    pub leader: Option<MemberId>,
    /// Its members, in the order in which they joined.
    pub members: Vec<GroupMemberValue>,
    /// When it entered its state: from an empty group's time its offsets grow old (KIP-211).
    pub since: Wall,
}

/// A member within a group metadata record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupMemberValue {
    /// Which member.
    pub member: MemberId,
    /// `session.timeout.ms`, in milliseconds.
    pub session_timeout_ms: u64,
    /// `max.poll.interval.ms`, in milliseconds: its rebalance timeout.
    pub rebalance_timeout_ms: u64,
    /// What it subscribed to.
    pub subscription: Arc<crate::message::Subscription>,
    /// What it was given.
    pub assignment: Arc<[TopicPartition]>,
    /// Its `group.instance.id`, if it is static.
    pub instance: Option<Arc<str>>,
}

/// What a coordinator keeps of a `transactional.id` (`TransactionLogValue`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionValue {
    /// Whose.
    pub id: crate::message::TransactionalId,
    /// Its producer id.
    pub producer: ProducerId,
    /// The epoch of its latest producer.
    pub epoch: ProducerEpoch,
    /// `transaction.timeout.ms`.
    pub timeout: Span,
    /// How far its transaction is.
    pub state: TransactionState,
    /// The partitions that the transaction writes to, sorted.
    pub partitions: Vec<TopicPartition>,
    /// When the transaction began.
    pub began: Option<Wall>,
    /// When it last changed.
    pub updated: Wall,
}

/// How far a transaction is, as the log of its coordinator has it (`TransactionState`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TransactionState {
    /// There is none yet.
    Empty,
    /// It writes.
    Ongoing,
    /// It ends; not every partition knows that yet.
    Preparing(Verdict),
    /// It has ended everywhere.
    Complete(Verdict),
    /// Its id was idle for so long that it is forgotten.
    Dead,
}

impl Batch {
    /// The last record's offset.
    #[must_use]
    pub fn last(&self) -> Offset {
        Offset(self.base.0 + i64::from(self.count) - 1)
    }

    /// The offset after the last record.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.base.plus(self.count)
    }

    /// The application's records that it was sent with, if it holds such.
    #[must_use]
    pub fn values(&self) -> Option<ValueRange> {
        match &self.records {
            Records::Values(values) => Some(*values),
            Records::Keyed(keyed) => Some(keyed.values),
            Records::Group(_) | Records::Transaction(_) | Records::Marker(..) => None,
        }
    }

    /// The application's records that it holds, with their offsets.
    pub fn runs(&self) -> impl Iterator<Item = (Offset, ValueRange)> + '_ {
        let (whole, keyed) = match &self.records {
            Records::Values(values) => (Some((self.base, *values)), None),
            Records::Keyed(keyed) => (None, Some(keyed)),
            Records::Group(_) | Records::Transaction(_) | Records::Marker(..) => (None, None),
        };
        let runs = keyed.into_iter().flat_map(|keyed| {
            let run =
                |run: &Run| (self.base.plus(run.from), keyed.values.part(run.from, run.count));
            keyed.left.iter().map(run)
        });
        whole.into_iter().chain(runs)
    }

    /// Whether anything is left of it but its header.
    #[must_use]
    pub fn has_records(&self) -> bool {
        match &self.records {
            Records::Values(_)
            | Records::Group(_)
            | Records::Transaction(_)
            | Records::Marker(..) => true,
            Records::Keyed(keyed) => !keyed.left.is_empty(),
        }
    }
}

impl ProducerStamp {
    /// The last record's sequence number of a batch of `count` records.
    #[must_use]
    pub fn last_sequence(&self, count: u32) -> Sequence {
        self.sequence.plus(count - 1)
    }
}
