//! Rare branches worth knowing about: what a scenario may demand to have seen and a sweep lists when it never did.

use core::fmt;

/// Declares marks with their meaning; a set of them is one word.
macro_rules! marks {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A rare branch that a run took.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Mark { $($(#[doc = $doc])* $name,)* }

        impl Mark {
            /// Every mark.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in scenarios and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }
        }
    };
}

marks! {
    /// A follower cut its log where the leader's epochs differ from its own.
    TruncatedByEpoch,
    /// A follower cut its log at its own high watermark.
    TruncatedToHighWatermark,
    /// A follower cut records below its own high watermark.
    TruncatedBelowHighWatermark,
    /// A replica's fetch lay outside the leader's log.
    ReplicaOutOfRange,
    /// A consumer was sent to a nearer replica (KIP-392).
    PreferredReplica,
    /// A consumer was given records by a follower.
    ReadFromFollower,
    /// A consumer was told by a follower that it is out of range, and went back to the leader.
    FollowerOutOfRange,
    /// A request with an old leader epoch was refused.
    FencedByLeaderEpoch,
    /// A request with a leader epoch still unknown here was refused.
    UnknownLeaderEpoch,
    /// A replica left the in-sync set because it lagged.
    IsrShrunk,
    /// A replica came back into the in-sync set.
    IsrExpanded,
    /// The controller refused a change of the in-sync set that stood on an old epoch.
    AlterPartitionFenced,
    /// The controller refused to take a fenced, stopping or restarted replica into the in-sync set.
    IneligibleReplica,
    /// A coordinator of transactions was refused because a later one had spoken.
    FencedTransactionCoordinator,
    /// A coordinator fenced a producer whose `transactional.id` another one has taken.
    TransactionalIdTaken,
    /// A coordinator aborted a transaction whose time was over.
    TransactionTimedOut,
    /// A leader refused a batch because its transaction does not write there.
    NotInTransaction,
    /// A new coordinator finished a transaction that the former one had begun to end.
    TransactionTakenOver,
    /// The end of a transaction had to be told to a partition again.
    MarkerToldAgain,
    /// A produce request met fewer in-sync replicas than `min.insync.replicas` before the append.
    NotEnoughReplicas,
    /// A produce request met fewer in-sync replicas than `min.insync.replicas` after the append.
    NotEnoughReplicasAfterAppend,
    /// A produce request waited for its replicas longer than its timeout.
    ProduceTimedOut,
    /// A produce request reached a broker that does not lead the partition.
    ProduceNotLeader,
    /// A broker dropped a batch whose sequence it had already appended.
    DuplicateBatchDropped,
    /// A broker refused a batch whose sequence does not follow.
    OutOfOrderSequence,
    /// A broker refused a batch of an old producer epoch.
    FencedByProducerEpoch,
    /// A broker was fenced because its session ended.
    BrokerFenced,
    /// A broker came back into the cluster.
    BrokerUnfenced,
    /// A broker's registration was refused because its former life still has a session.
    DuplicateRegistration,
    /// A leader was elected from the in-sync replicas.
    CleanElection,
    /// A leader was elected from outside the in-sync replicas.
    UncleanElection,
    /// A partition lost its last leader.
    PartitionOffline,
    /// A leadership moved to the preferred replica, or by request.
    PreferredElection,
    /// A broker handed its leaderships over before it stopped.
    ControlledShutdown,
    /// A partition was led in a new epoch by the broker that led it before.
    LedAgain,
    /// Records were cut off by a crash and found missing at recovery.
    RecoveredShorterLog,
    /// Recovery rejected a torn batch by its checksum.
    TornBatchRejected,
    /// A broker ended before it had recovered its logs.
    RecoveryCutShort,
    /// A broker gave its start up because `server.max.startup.time.ms` was over.
    StartGivenUp,
    /// Retention deleted segments that were too old.
    DeletedByAge,
    /// Retention deleted segments because the log was too large.
    DeletedBySize,
    /// A log was compacted.
    LogCleaned,
    /// Compaction removed a tombstone.
    TombstoneRemoved,
    /// Records were deleted because an operator asked for it.
    RecordsDeleted,
    /// A topic was deleted.
    TopicDeleted,
    /// A broker came back with a log of a topic that was deleted meanwhile.
    StrayLogDeleted,
    /// A broker refused a fetch that meant a topic of the same name that was deleted.
    UnknownTopicId,
    /// A client met a topic that was deleted and created anew.
    TopicRecreated,
    /// A coordinator removed the offsets of a deleted topic.
    OffsetsOfDeletedTopic,
    /// A commit was refused, since its topic, or the topic of that name that it was read from, does not exist.
    CommitOfUnknownTopic,
    /// A replica that had less than its leader's first record started over there.
    ReplicaStartedOver,
    /// A replica out of sync was held back by a throttle (KIP-73).
    ReplicaThrottled,
    /// A broker refused a batch whose timestamp is too far from its clock.
    TimestampRefused,
    /// A broker was sent a sequence by a producer that it has forgotten.
    UnknownProducer,
    /// A producer sent a batch again.
    ProduceRetried,
    /// A producer gave a batch up because `delivery.timeout.ms` was over.
    DeliveryTimedOut,
    /// A producer had to wait for memory or metadata.
    SendBlocked,
    /// A producer split a batch that a leader found too large.
    BatchSplit,
    /// A leader compressed a batch in another way than its producer had.
    BatchRepacked,
    /// A producer refused a record after `max.block.ms`.
    SendRefused,
    /// A producer was closed before everything was settled: `close` had waited for its timeout.
    ClosedForcefully,
    /// An idempotent producer began a new epoch.
    ProducerEpochBumped,
    /// A transactional producer was told that another one has its `transactional.id`.
    ProducerFenced,
    /// A producer aborted a transaction.
    TransactionAborted,
    /// A transactional producer looked its coordinator up again.
    TransactionCoordinatorSought,
    /// A request went unanswered for longer than `request.timeout.ms`.
    RequestTimedOut,
    /// A group member was removed because its session ended.
    MemberEvicted,
    /// A consumer left its group because `max.poll.interval.ms` was over.
    MaxPollExceeded,
    /// A member left its group in good order.
    MemberLeft,
    /// A commit with an old generation or an unknown member was refused.
    CommitFenced,
    /// A commit was refused because a rebalance was under way.
    CommitDuringRebalance,
    /// A heartbeat told a member to join again.
    RebalanceSignalled,
    /// A member lost its partitions without being asked.
    PartitionsLost,
    /// A member gave partitions up in a round of its own, and joins again (KIP-429).
    CooperativeRevocation,
    /// A static member came back without a rebalance.
    StaticMemberReturned,
    /// A process was fenced because another one has its `group.instance.id`.
    InstanceFenced,
    /// A member that was told of a generation never asked for its assignment, and was removed.
    PendingSyncExpired,
    /// A member was turned away because the group is full.
    GroupFull,
    /// Committed offsets grew too old and were removed.
    OffsetsExpired,
    /// A group was removed.
    GroupRemoved,
    /// A pattern subscription met a topic that it did not know.
    PatternMatched,
    /// A member was told to come back with the id it was given.
    MemberIdRequired,
    /// A group's coordinator moved to another broker.
    CoordinatorMoved,
    /// A coordinator answered that it still loads.
    CoordinatorLoading,
    /// A consumer had no usable position and reset it.
    OffsetReset,
    /// A consumer's position lay outside the log.
    OffsetOutOfRange,
    /// A consumer's position was refused by a leader that lacks the records before it.
    ConsumerTruncated,
    /// A member of the consumer protocol was told that it is none any more.
    MemberFenced,
    /// A coordinator of the consumer protocol asked a member to let go of partitions.
    RevocationAsked,
    /// A member of the consumer protocol had to wait for partitions that another one still had.
    PartitionUnreleased,
    /// A commit was refused because its member's epoch is not the present one.
    StaleEpochRefused,
    /// A heartbeat of the epoch before was accepted, since its answer may have been lost.
    PreviousEpochAccepted,
    /// A classic group became one of the consumer protocol, with its members.
    GroupUpgraded,
    /// A group of the consumer protocol became a classic one, with its members.
    GroupDowngraded,
    /// A voter of the quorum was elected its leader.
    QuorumLeaderElected,
    /// A leader of the quorum stepped down because no majority fetched from it.
    QuorumLeaderAlone,
    /// A voter learned that it would not be elected, and so began no epoch.
    PreVoteLost,
    /// A candidate of the quorum did not get enough votes.
    ElectionLost,
    /// A voter cut its metadata log where it parts from the leader's.
    QuorumLogTruncated,
    /// A voter began anew with a snapshot of the leader's.
    SnapshotInstalled,
    /// A controller became the active one.
    ControllerClaimed,
    /// A controller that was active is so no longer.
    ControllerResigned,
}

/// A set of marks.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks(u128);

impl Marks {
    /// No marks.
    pub const NONE: Self = Self(0);

    /// Adds a mark.
    pub const fn insert(&mut self, mark: Mark) {
        self.0 |= 1 << mark as u8;
    }

    /// Whether a mark is in the set.
    #[must_use]
    pub const fn contains(self, mark: Mark) -> bool {
        self.0 & (1 << mark as u8) != 0
    }

    /// Adds every mark of another set.
    pub const fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The marks, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Mark> {
        Mark::ALL.iter().copied().filter(move |mark| self.contains(*mark))
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

const _: () = assert!(Mark::ALL.len() <= 128, "a set of marks is one 128-bit word");
