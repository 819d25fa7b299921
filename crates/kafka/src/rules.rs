//! The protocol's safety rules, each with a name and a switch.
//!
//! Historic behaviours of Kafka are nothing special here: they are a KIP's rule switched off. What a rule does when it is off
//! is decided where it is used; this is only the table.

use core::fmt;

/// Declares rules: variant, name in scenarios, source, and what the rule says.
macro_rules! rules {
    ($($name:ident = $text:literal, $source:literal, $says:literal;)*) => {
        /// A safety rule of the protocol. A scenario may run `without` some.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Rule { $(#[doc = $says] $name,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in scenarios and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Where it comes from: KIP, JIRA, and the entry of the bug catalogue.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { $(Self::$name => $source,)* }
            }

            /// What it says.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }

            /// The rule of a name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|rule| rule.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

rules! {
    AckWaitsForIsr = "ack-waits-for-isr", "KIP-1, ReplicaManager.delayedProduceRequestRequired",
        "under acks=all a leader answers only when the high watermark has passed the records";
    MinIsrBeforeAppend = "min-isr-before-append", "KIP-1, Partition.appendRecordsToLeader (MU14)",
        "under acks=all a leader appends only while min.insync.replicas are in sync";
    MinIsrAfterAppend = "min-isr-after-append", "KIP-1, Partition.checkEnoughReplicasReachOffset (MU14)",
        "under acks=all success is told only if min.insync.replicas are still in sync";
    ConsumersReadCommitted = "consumers-read-below-high-watermark", "Partition.fetchRecords, FetchIsolation.HIGH_WATERMARK",
        "a consumer is given nothing at or above the high watermark";
    StopsBeforeOpenTransactions = "reads-stop-before-open-transactions", "KIP-98, UnifiedLog.fetchLastStableOffsetMetadata, KAFKA-9807 (T09)",
        "a reader of committed records is given nothing at or above the first record of an open transaction";
    AbortedAreTold = "aborted-transactions-are-told", "KIP-98, UnifiedLog.collectAbortedTransactions, KAFKA-5355 (T08)",
        "a reader of committed records is told which transactions among what it reads were aborted";
    InitFencesFormer = "init-fences-the-former-producer", "KIP-98, TransactionMetadata.prepareIncrementProducerEpoch",
        "who asks for the producer id of a transactional.id gets a new epoch, and every other producer of that id is fenced";
    VerifyTransactions = "KIP-890", "KIP-890, KAFKA-14402 (T02)",
        "a leader asks the coordinator whether a transaction writes to it before it appends the first batch";
    TruncateByEpoch = "KIP-101", "KIP-101, KAFKA-1211 (R01, R02)",
        "a new follower truncates where its epochs part from the leader's, not at its own high watermark";
    DivergenceByEpoch = "KIP-279", "KIP-279, KAFKA-6361 (R03)",
        "a leader tells a follower whose last epoch it does not know where its own largest smaller epoch ends";
    FetchEpochFencing = "KIP-320", "KIP-320, KAFKA-7395 (R05)",
        "a leader refuses fetches that carry another leader epoch than its own";
    LeaderNotesEpoch = "KAFKA-7415", "KIP-279, KAFKA-7415 (R04)",
        "a new leader notes in its log where its epoch begins before it appends anything";
    FollowerStartsAnew = "KAFKA-7164", "KAFKA-7164 (R06)",
        "a follower compares its log with the leader's in every new epoch, even if the leader is the same";
    EmptyFetchKeepsEpoch = "KAFKA-15510", "KAFKA-15510 (R20)",
        "a follower that was given nothing still knows the epoch of its last record";
    TruncationTrimsEpochs = "KAFKA-10706", "KAFKA-10706 (R20)",
        "a follower told to cut its log where it ends forgets the epochs that begin there";
    DivergedMovesNothing = "KAFKA-14704", "KAFKA-14704 (R09)",
        "a follower takes no high watermark from an answer that tells it to cut its log";
    FollowerOutOfRange = "out-of-range-asks-the-leader", "KIP-392, FetchCollector.handleInitializeErrors (C16, mutation)",
        "a consumer that a follower tells it is out of range asks the leader before it resets its position";
    PreferredIsInSync = "KAFKA-14372", "KIP-392, KAFKA-14372 (C16)",
        "a leader sends consumers only to replicas that are in sync";
    IsrJoinNeedsEpochStart = "KAFKA-7128", "KAFKA-7128 (R07)",
        "a replica joins the in-sync set only when it has everything from before the leader's epoch";
    DivergenceUpdatesNothing = "KAFKA-13141", "KAFKA-13141 (R08)",
        "a fetch that is answered with a diverging epoch does not count as the follower's position";
    MaximalIsr = "KIP-497", "KIP-497, KAFKA-8836 (R10)",
        "the high watermark waits for replicas whose entry into the in-sync set is still pending";
    IsrNeedsActiveBrokers = "KIP-841", "KIP-841, KAFKA-13916 (R11)",
        "fenced and stopping brokers are not taken into the in-sync set";
    AlterPartitionBrokerEpoch = "KIP-903", "KIP-903, KAFKA-14617 (R12)",
        "a replica enters the in-sync set only in the life in which its leader saw it caught up";
    RegistrationLeavesIsr = "KAFKA-18106", "KAFKA-18106 (R14)",
        "a broker that registers in a new life leaves every in-sync set and leadership of its former life";
    PartitionEpochCheck = "partition-epoch-check", "KIP-497, ReplicationControlManager.validateAlterPartitionData (MU01)",
        "the controller refuses a change of the in-sync set that stands on an old partition epoch";
    OutdatedChangeIsAwaited = "KAFKA-12686", "KAFKA-12686 (R18)",
        "a leader proposes another change of the in-sync set only when the one before is answered, outdated or not";
    NothingToDoIsDone = "KAFKA-12751", "KAFKA-12751 (R18)",
        "a leader that asks for a change of the in-sync set which is no change takes it for made";
    RetryFindsRoom = "KAFKA-14010", "KAFKA-14010 (R18)",
        "a leader whose change of the in-sync set met a passing error asks for it again";
    BehindIsNoController = "KAFKA-14154", "KAFKA-14154 (R18)",
        "a controller that knows an older epoch than a leader's request names tells it to look for another controller";
    ReplayKeepsPending = "replay-keeps-pending", "Partition.updateAssignmentAndIsr, which lacks it",
        "metadata that tell a leader of a change which it knows already leave the change alone that it has proposed since";
    HighWatermarkAfterIsr = "KAFKA-13091", "KAFKA-13091 (R19)",
        "a leader looks at its high watermark when its in-sync set has shrunk";
    StoppingHoldsNothingUp = "KAFKA-15021", "KAFKA-15021 (R19)",
        "the high watermark waits for a replica outside the in-sync set only if that may enter it";
    AlterLeaderEpochCheck = "alter-partition-leader-epoch-check", "KIP-497, ReplicationControlManager.validateAlterPartitionData (MU02)",
        "the controller refuses a change of the in-sync set by anyone but the present leader";
    FollowersResetOnEpoch = "followers-reset-on-epoch", "Replica.resetReplicaState, candidate CAND-3 (MU03)",
        "a leader that enters a new epoch forgets how far its followers were";
    HighWatermarkMonotonic = "high-watermark-monotonic", "Partition.maybeIncrementLeaderHW (MU04)",
        "a leader never lowers its high watermark";
    HighWatermarkNeedsMinIsr = "KAFKA-15583", "KIP-966, KAFKA-15583 (R16)",
        "the high watermark stands still while fewer than min.insync.replicas are in sync";
    ElectFromIsr = "elect-from-isr", "PartitionChangeBuilder.isValidNewLeader",
        "only an in-sync replica becomes leader while unclean election is off";
    CrashEndsEligibility = "KIP-966", "KIP-966, ReplicationControlManager.handleBrokerUncleanShutdown (R15)",
        "with eligible leader replicas, a broker that comes back from a crash is eligible nowhere";
    LastLeaderIsAlive = "KAFKA-19522", "KIP-966, KAFKA-19522 (R17)",
        "the last known leader of a partition without eligible replicas is elected only once it is alive";
    OneVotePerEpoch = "one-vote-per-epoch", "KIP-595, EpochState.canGrantVote; KRaft.tla, HandleVoteRequest",
        "a voter of the controller quorum gives one vote in an epoch";
    VoteIsDurable = "vote-is-durable", "KIP-595, QuorumState.durableTransitionTo",
        "a voter of the controller quorum tells its vote and its epoch only when they are on disk";
    VoteNeedsUpToDateLog = "vote-needs-up-to-date-log", "KIP-595, KafkaRaftClient.handleVoteRequest",
        "a voter of the controller quorum votes only for a candidate whose log reaches as far as its own";
    CommitInOwnEpoch = "commit-in-own-epoch", "KIP-595, LeaderState.maybeUpdateHighWatermark; Raft, figure 8",
        "a leader of the controller quorum commits nothing before a record of its own epoch is on a majority";
    QuorumTruncates = "quorum-truncates", "KIP-595, ReplicatedLog.validateOffsetAndEpoch",
        "a voter of the controller quorum takes back what parts from its leader's log before it fetches on";
    FetchAcksDurable = "fetch-acks-durable", "KIP-595, KafkaRaftClient.appendAsFollower, flushLeaderLog",
        "a record counts for the majority of the controller quorum only where it is on disk";
    PreVote = "KIP-996", "KIP-996, KafkaRaftClient.pollFollowerAsVoter",
        "a voter of the controller quorum asks whether it would be elected before it begins an epoch";
    CheckQuorum = "KAFKA-15489", "KAFKA-15489, LeaderState.timeUntilCheckQuorumExpires",
        "a leader of the controller quorum steps down when no majority fetches from it";
    ClaimWhenCaughtUp = "claim-when-caught-up", "KafkaRaftClient.maybeFireLeaderChange, QuorumController.claim",
        "a controller decides only when it has replayed every record of earlier epochs";
    RecoveryChecksCrc = "recovery-checks-crc", "LogSegment.recover",
        "after an unclean stop a broker rejects a torn batch and everything behind it";
    MarkerNeedsRecovery = "KAFKA-15375", "KAFKA-15375 (R22)",
        "a broker whose start fails before its logs are recovered does not leave the marker of a clean shutdown";
    BrokerDropsDuplicates = "broker-drops-duplicates", "KIP-98, ProducerStateEntry.findDuplicateBatch (P01)",
        "a broker appends a batch of an idempotent producer once";
    DedupWindowOfFive = "KAFKA-5494", "KAFKA-5494 (P01)",
        "a broker remembers a producer's last five batches, not only the last one";
    SequenceCheck = "sequence-check", "KIP-98, ProducerAppendInfo.checkSequence",
        "a broker refuses a batch whose sequence does not follow the producer's last one";
    FirstSequenceIsZero = "KAFKA-14359", "KAFKA-14359, KAFKA-15591 (P03)",
        "a broker refuses a producer's first batch unless it begins at sequence zero, or the log has forgotten somebody";
    ProducerEpochCheck = "producer-epoch-check", "KIP-98, ProducerAppendInfo.checkProducerEpoch (MU05)",
        "a broker refuses a batch of an old producer epoch";
    ProducerStateFollowsLog = "producer-state-follows-log", "ProducerStateManager, UnifiedLog.truncateTo (MU07, MU26)",
        "producer state is that of the log: replicas learn it with the records, and truncation takes it back";
    FollowersTakeSequences = "KAFKA-6003", "KAFKA-6003 (R23)",
        "a follower copies what its leader has, whatever the sequences: only leaders judge producers";
    ProducerStateOutlivesRecords = "KIP-360", "KIP-360, KAFKA-7190 (P04)",
        "a broker knows a producer until its id expires, however early its records are deleted";
    RetentionBelowHighWatermark = "KAFKA-5634", "KAFKA-5634 (L03)",
        "retention deletes only segments that end at or below the high watermark";
    CleanerBelowHighWatermark = "KAFKA-13194", "KAFKA-13194, LogCleanerManager.cleanableOffsets (L01)",
        "compaction looks only at records below the high watermark";
    TombstonesHaveHorizons = "KIP-534", "KIP-534, KAFKA-8522 (L02)",
        "a tombstone is kept for delete.retention.ms from its first cleaning on, not from its writing";
    CleanerKeepsSequences = "KAFKA-5490", "KAFKA-5490, KAFKA-8335 (P09)",
        "compaction keeps what is known of a producer: its last batch stays, be it without records";
    DuplicateAckWaits = "duplicate-ack-waits", "ReplicaManager.appendRecords, DelayedProduce (MU27)",
        "a repeated batch is acknowledged only when the high watermark has passed the first copy";
    RetryKeepsOrder = "retry-keeps-order", "RecordAccumulator.reenqueue (MU18)",
        "an idempotent producer sends a failed batch again before those that came after it";
    BumpAwaitsInFlight = "KAFKA-14034", "KAFKA-14034, PR 13796 (P02)",
        "an idempotent producer begins a new epoch only when no batch of the old one is under way";
    SequencesBeginWithEpoch = "KAFKA-12152", "KAFKA-12152 (P06)",
        "every partition of an idempotent producer begins at sequence zero in a new epoch, not only the one that brought it about";
    SequencesWrap = "KAFKA-7692", "KAFKA-7692, KAFKA-7693 (P05)",
        "after sequence 2147483647 comes zero, in what a producer sends and in what brokers remember of it";
    OrderOverTheWrap = "order-over-the-wrap", "RecordAccumulator.insertInSequenceOrder, TxnPartitionEntry, which lack it",
        "a batch that is sent again goes before those that came after it also where sequences begin at zero again";
    RenumberInOrder = "KAFKA-8483", "KAFKA-8483, KAFKA-13794 (P07)",
        "batches under way are numbered anew in the order in which they were sent";
    IdempotentByDefault = "KAFKA-13598", "KIP-679, KAFKA-13598 (P08)",
        "a producer is idempotent unless something speaks against it, also if nobody asks for that";
    CommitFencing = "commit-fencing", "ClassicGroup.validateOffsetCommit (C01)",
        "a group coordinator refuses commits of unknown members and old generations";
    CommitWaitsForIsr = "commit-waits-for-isr", "CoordinatorRuntime, high watermark listener (MU13)",
        "a commit is acknowledged only when the high watermark of __consumer_offsets has passed it";
    OffsetFetchCommitted = "offset-fetch-committed", "OffsetMetadataManager.fetchOffsets, lastCommittedOffset (MU12)",
        "a group coordinator tells only offsets that the high watermark has passed";
    SyncWaitsForIsr = "sync-waits-for-isr", "GroupMetadataManager.classicGroupSync (MU23)",
        "assignments are handed out only when the group's record is on the in-sync replicas";
    RevokeBeforeJoin = "revoke-before-join", "ConsumerCoordinator.onJoinPrepare (MU24)",
        "a member with an eager assignor stops consuming before it joins again";
    RevokeBeforeReassign = "KIP-429", "KIP-429, CooperativeStickyAssignor.adjustAssignment (C08)",
        "a cooperative assignment gives a partition to another member only after its owner has given it up";
    LostMeansLost = "KAFKA-12984", "KAFKA-12984, ConsumerCoordinator.onJoinPrepare (C08)",
        "a member that is none any more loses its partitions before it joins again, and claims none of them";
    ClaimsByGeneration = "KIP-792", "KIP-792, KAFKA-13715, AbstractStickyAssignor (C08)",
        "a sticky assignor believes of two members that claim a partition the one of the later generation";
    StaticRejoinRebalances = "KAFKA-9801", "KIP-345, KAFKA-9801 (C07)",
        "a static member that comes back while the leader assigns begins another rebalance";
    PendingSyncExpires = "KAFKA-12890", "KAFKA-12890, KAFKA-10134 (C06)",
        "a member that was told of a generation and never asks for its assignment is removed";
    MemberIdRequired = "KIP-394", "KIP-394, KAFKA-7824 (C05)",
        "a new member is admitted only when it comes back with the id that it was given";
    OffsetLoadOrder = "KAFKA-5600", "KAFKA-5600 (C02)",
        "a coordinator that loads takes the last of several offsets of a partition, wherever in the log they lie";
    OffsetsOfActiveGroupsStay = "KIP-211", "KIP-211, KAFKA-4682 (C04)",
        "offsets grow old only while their group is empty, or does not subscribe to their topic";
    ConsumerValidates = "KAFKA-7747", "KIP-320, KAFKA-7747 (C14)",
        "a consumer asks a new leader whether its log still holds what was read before it reads on";
    BackgroundHeartbeat = "KIP-62", "KIP-62 (C19)",
        "a consumer sends heartbeats while its application processes, not only when it polls";
    ReleaseBeforeGrant = "KIP-848", "KIP-848, CurrentAssignmentBuilder.computeNextAssignment",
        "a coordinator of the consumer protocol gives a partition to a member only when the one who had it has let go";
    TakenBackStaysOwned = "KAFKA-16147", "KAFKA-16147 (C17)",
        "a partition whose revocation is taken back stays its owner's in the coordinator's books";
    MemberEpochFencing = "member-epoch-fencing", "KIP-848, ConsumerGroup.validateOffsetCommit",
        "a coordinator of the consumer protocol refuses commits of who is no member, or was not told its present epoch";
    CommitNeedsEpoch = "commit-needs-epoch", "ConsumerCoordinator.sendOffsetCommitRequest; CommitRequestManager.toUnsentRequest lacks it",
        "a subscribed member of the consumer protocol that has left its group, or was fenced, commits nothing";
    RejoinWithEpochZero = "KAFKA-19233", "KAFKA-19233 (C22)",
        "a member of the consumer protocol that was fenced may join again under its id";
    PollsBeforeItCommits = "KAFKA-18641", "KAFKA-18641, AbstractMembershipManager.maybeReconcile (C18)",
        "a member of the consumer protocol commits by itself, and gives partitions up, only when its application polls";
    ConversionIsResumed = "conversion-is-resumed", "KIP-848; GroupMetadataManager.onLoaded lacks it",
        "a group that was just made a classic one again rebalances under its next coordinator, too";
    PausedWhileItCommits = "KAFKA-14024", "KAFKA-14024, KAFKA-14196 (C09)",
        "a member with an eager assignor reads nothing more while it commits before a rebalance";
    CooperativeCommitsFirst = "KAFKA-14224", "KAFKA-14224, ConsumerCoordinator.onJoinComplete (C10)",
        "a member with a cooperative assignor reads no more of what it is to give up, and commits before it gives that up";
    GivenUpStaysSo = "KAFKA-8104", "KAFKA-8104 (C12)",
        "a member that left its group while it joined takes nothing from the answers that come then";
    DisconnectKeepsMember = "KAFKA-13214", "KAFKA-13214 (C12)",
        "a member that gets no answer to its join asks again as who it was";
    AnswersFitPositions = "KAFKA-7703", "KAFKA-7703, KAFKA-2342, KAFKA-8429 (C13)",
        "an answer about a position, or a fetch from it, counts only while that position stands";
    OnlyAskedAreReset = "KAFKA-17674", "KAFKA-17674, KAFKA-16556 (C13)",
        "a position is reset for want of a committed offset only if that partition's offset was asked for";
    StaticIdIsNew = "KAFKA-8500", "KIP-345, KAFKA-8500 (C07)",
        "a static member that comes back gets a new id whatever its group is doing, so that its former self is fenced";
    StaticIdIsWritten = "KAFKA-10284", "KIP-345, KAFKA-10284 (C07)",
        "the new id of a static member that comes back is written to the log before it is told";
    LoadsInOrder = "KAFKA-10614", "KAFKA-10614, KAFKA-16030 (C03)",
        "a coordinator is loaded and unloaded in the order of leader epochs";
    ErrorsOfThisLife = "KAFKA-9823", "KAFKA-9823 (C11)",
        "a member heeds an error only if the generation in which it asked is its present one";
    EpochsOfOneTopic = "KAFKA-12257", "KIP-516, KAFKA-12257, Metadata.updateLatestMetadata (C23)",
        "a client takes an older leader epoch for stale only if the topic is the same, and not another one of its name";
    OffsetsOfOneTopic = "offsets-of-one-topic", "KIP-848: OffsetCommit and OffsetFetch from version 10 on (C23)",
        "a position and a committed offset are of one topic, and not of another one that has its name later";
    LatestNeverGoesBack = "KIP-207", "KIP-207, KAFKA-2334 (C15)",
        "a new leader tells clients where its log ends only when its high watermark has reached its epoch";
    MetadataUntilEpoch = "metadata-until-epoch", "OffsetFetcherUtils.regroupFetchPositionsByLeader, which lacks it",
        "a consumer that heard of a newer leader epoch asks for metadata until an answer has it";
}

/// Which rules are in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    off: u128,
}

impl Rules {
    /// Every rule: Kafka with its published bugs repaired.
    pub const ALL: Self = Self { off: 0 };

    /// These rules without one.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Self { off: self.off | (1 << rule as u8) }
    }

    /// Whether a rule is in force.
    #[must_use]
    pub const fn on(self, rule: Rule) -> bool {
        self.off & (1 << rule as u8) == 0
    }

    /// The rules that are switched off, in the order of the table.
    pub fn switched_off(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| !self.on(*rule))
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("without ")?;
        f.debug_list().entries(self.switched_off().map(Rule::name)).finish()
    }
}

const _: () = assert!(Rule::ALL.len() <= 128, "a set of rules is one 128-bit word");
