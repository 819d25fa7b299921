//! The protocol's requests and responses, shaped by meaning.
//!
//! Fields that decide behaviour are here under Kafka's names; framing, versions and throttling are not: those belong to the
//! codec of whoever speaks bytes.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, Generation, GroupId, LeaderEpoch, MemberId, NodeId, Offset,
    PartitionEpoch, ProducerEpoch, ProducerId, Span, TopicId, TopicPartition, Wall,
};

use crate::assignor::Rack;
use crate::metadata::{Brokers, MetadataImage, MetadataRecord, TopicUuid};
use crate::raft::message::{
    BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchQuorumRequest, FetchQuorumResponse,
    FetchSnapshotRequest, FetchSnapshotResponse, Standing, VoteRequest, VoteResponse,
};
use crate::record::{Batch, Verdict};
use crate::settings::{Assignor, RemoteAssignor, TopicSettings};

/// Matches a response to its request within a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Correlation(pub u32);

/// What travels over a connection.
#[derive(Clone, Debug)]
pub enum Msg {
    /// From the side that opened the connection.
    Request(Correlation, Request),
    /// From the side that accepted it.
    Response(Correlation, Response),
}

/// Declares requests, responses and their shared name table.
macro_rules! apis {
    ($($(#[$doc:meta])* $api:ident($request:ty, $response:ty),)*) => {
        /// A kind of request, under Kafka's name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Api { $($(#[$doc])* $api,)* }

        impl Api {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$api,)*];

            /// Kafka's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$api => stringify!($api),)* }
            }
        }

        /// A request.
        #[derive(Clone, Debug)]
        pub enum Request { $($(#[$doc])* $api($request),)* }

        /// A response.
        #[derive(Clone, Debug)]
        pub enum Response { $($(#[$doc])* $api($response),)* }

        impl Request {
            /// Which kind it is.
            #[must_use]
            pub const fn api(&self) -> Api {
                match self { $(Self::$api(_) => Api::$api,)* }
            }
        }

        impl Response {
            /// Which kind it is.
            #[must_use]
            pub const fn api(&self) -> Api {
                match self { $(Self::$api(_) => Api::$api,)* }
            }
        }
    };
}

apis! {
    /// Append batches.
    Produce(ProduceRequest, ProduceResponse),
    /// Read batches, as a consumer or a follower.
    Fetch(FetchRequest, FetchResponse),
    /// Find offsets by time or at either end.
    ListOffsets(ListOffsetsRequest, ListOffsetsResponse),
    /// Find where an epoch ends in the leader's log (KIP-101, KIP-320).
    OffsetsForLeaderEpoch(EpochEndRequest, EpochEndResponse),
    /// Learn brokers, topics, leaders.
    Metadata(MetadataRequest, MetadataResponse),
    /// Find the coordinator of a group, or of transactions.
    FindCoordinator(FindCoordinatorRequest, FindCoordinatorResponse),
    /// Enter a group, or enter it again.
    JoinGroup(JoinGroupRequest, JoinGroupResponse),
    /// Hand out or receive assignments.
    SyncGroup(SyncGroupRequest, SyncGroupResponse),
    /// Stay in a group.
    Heartbeat(HeartbeatRequest, ErrorCode),
    /// Leave a group.
    LeaveGroup(LeaveGroupRequest, ErrorCode),
    /// Commit positions.
    OffsetCommit(OffsetCommitRequest, OffsetCommitResponse),
    /// Read committed positions.
    OffsetFetch(OffsetFetchRequest, OffsetFetchResponse),
    /// Remove a group and its offsets.
    DeleteGroups(DeleteGroupRequest, ErrorCode),
    /// Obtain a producer id.
    InitProducerId(InitProducerIdRequest, InitProducerIdResponse),
    /// Broker to controller: join the cluster.
    BrokerRegistration(BrokerRegistrationRequest, BrokerRegistrationResponse),
    /// Broker to controller: stay in the cluster.
    BrokerHeartbeat(BrokerHeartbeatRequest, BrokerHeartbeatResponse),
    /// Leader to controller: change the in-sync replicas (KIP-497).
    AlterPartition(AlterPartitionRequest, AlterPartitionResponse),
    /// Broker to controller: the next records of the metadata log (KIP-595 observer fetch).
    FetchMetadata(FetchMetadataRequest, FetchMetadataResponse),
    /// Broker to controller: a block of producer ids.
    AllocateProducerIds(AllocateProducerIdsRequest, AllocateProducerIdsResponse),
    /// Create a topic.
    CreateTopics(NewTopic, ErrorCode),
    /// Raise a topic's number of partitions.
    CreatePartitions(CreatePartitionsRequest, ErrorCode),
    /// Move a leadership.
    ElectLeaders(ElectLeadersRequest, ErrorCode),
    /// Enter a group of the consumer protocol, stay in it, follow its assignment, or leave it (KIP-848).
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse),
    /// Voter to voter: vote, or say whether you would (KIP-595, KIP-996).
    Vote(VoteRequest, VoteResponse),
    /// New leader to voter: I lead.
    BeginQuorumEpoch(BeginQuorumEpochRequest, Standing),
    /// Old leader to voter: I lead no longer.
    EndQuorumEpoch(EndQuorumEpochRequest, Standing),
    /// Voter to leader: the next batches of the metadata log (KIP-595's `Fetch`).
    FetchQuorum(FetchQuorumRequest, FetchQuorumResponse),
    /// Voter to leader: a snapshot of the metadata (KIP-630).
    FetchSnapshot(FetchSnapshotRequest, FetchSnapshotResponse),
    /// Delete a topic.
    DeleteTopics(TopicId, ErrorCode),
    /// Delete a partition's first records.
    DeleteRecords(DeleteRecordsRequest, ErrorCode),
    /// Move a partition to other brokers, or stop moving it (KIP-455).
    AlterPartitionReassignments(ReassignmentRequest, ErrorCode),
    /// Change the settings of brokers that run.
    IncrementalAlterConfigs(AlterConfigsRequest, ErrorCode),
    /// Producer to coordinator: a transaction will write to these partitions; broker to coordinator: does it? (KIP-98, KIP-890).
    AddPartitionsToTxn(AddPartitionsToTxnRequest, AddPartitionsToTxnResponse),
    /// Producer to coordinator: end the transaction (KIP-98).
    EndTxn(EndTxnRequest, ErrorCode),
    /// Coordinator to leaders: a transaction ended (KIP-98).
    WriteTxnMarkers(WriteTxnMarkersRequest, WriteTxnMarkersResponse),
}

impl Msg {
    /// Which kind of request it is, or answers.
    #[must_use]
    pub const fn api(&self) -> Api {
        match self {
            Self::Request(_, request) => request.api(),
            Self::Response(_, response) => response.api(),
        }
    }
}

/// `ProduceRequest`: at most one batch per partition.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// Of which transaction the batches are, if of one.
    pub transaction: Option<TransactionalId>,
    /// When to answer.
    pub acks: Acks,
    /// How long the leader may wait for the in-sync replicas.
    pub timeout: Span,
    /// What to append. Base offset and epoch of the batches are placeholders.
    pub batches: Vec<(TopicPartition, Batch)>,
}

/// `ProduceResponse`; never sent for `acks=0` (the connection is closed on an error instead).
#[derive(Clone, Debug)]
pub struct ProduceResponse {
    /// One result per batch, in the order of the request.
    pub results: Vec<ProduceResult>,
}

/// What became of one batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProduceResult {
    /// Which partition.
    pub partition: TopicPartition,
    /// `None` if it was appended.
    pub error: ErrorCode,
    /// The first record's offset, -1 on error.
    pub base: Offset,
    /// The log start offset, -1 if unknown.
    pub log_start: Offset,
}

/// `FetchRequest`. A fetch session (KIP-227) lives as long as its connection: an incremental request lists only changes.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// Which replica fetches, and its broker epoch (KIP-903); none for a consumer.
    pub replica: Option<(BrokerId, BrokerEpoch)>,
    /// `client.rack` of a consumer (KIP-392).
    pub rack: Option<Rack>,
    /// What a consumer may see of transactions.
    pub isolation: Isolation,
    /// How long the broker may wait for `min_bytes`.
    pub max_wait: Span,
    /// How much is worth an answer.
    pub min_bytes: u32,
    /// How much the whole answer may hold.
    pub max_bytes: u32,
    /// Whether `partitions` is everything, or what changed since the last request of the session.
    pub session: FetchSession,
    /// Partitions to read, in order of preference.
    pub partitions: Vec<FetchPartition>,
    /// Partitions to drop from the session.
    pub forgotten: Vec<TopicPartition>,
}

/// The two kinds of fetch request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FetchSession {
    /// Starts a session with these partitions.
    Full,
    /// Goes on with the session of this connection.
    Incremental,
}

/// One partition of a fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchPartition {
    /// Which one.
    pub partition: TopicPartition,
    /// The id of the topic that is meant, if the fetcher knows it (KIP-516).
    pub topic: Option<TopicUuid>,
    /// From where; for a follower its log end.
    pub offset: Offset,
    /// The leader epoch that the fetcher knows (KIP-320).
    pub current_epoch: Option<LeaderEpoch>,
    /// The epoch of the last record that a follower has (KIP-595 style truncation).
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// A follower's log start.
    pub log_start: Offset,
    /// How much of this partition the answer may hold.
    pub max_bytes: u32,
}

/// `FetchResponse`. In an incremental session it lists partitions with records, errors or changed marks only.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// An error of the request as a whole, such as `FETCH_SESSION_ID_NOT_FOUND`.
    pub error: ErrorCode,
    /// Results per partition.
    pub partitions: Vec<FetchedPartition>,
}

/// `isolation.level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Isolation {
    /// `read_uncommitted`: everything up to the high watermark.
    #[default]
    Uncommitted,
    /// `read_committed`: nothing of open or aborted transactions.
    Committed,
}

/// A transaction that was aborted (`AbortedTxn`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AbortedTransaction {
    /// Its first record in the partition.
    pub first: Offset,
    /// Its producer.
    pub producer: ProducerId,
}

/// One partition of a fetch answer.
#[derive(Clone, Debug)]
pub struct FetchedPartition {
    /// Which one.
    pub partition: TopicPartition,
    /// `None` if it was read.
    pub error: ErrorCode,
    /// The leader's high watermark, -1 if unknown.
    pub high_watermark: Offset,
    /// The leader's log start, -1 if unknown.
    pub log_start: Offset,
    /// The transactions that were aborted among what is read, for a reader of committed records.
    pub aborted: Vec<AbortedTransaction>,
    /// The largest epoch not above the fetcher's, and its end in the leader's log: truncate and ask again.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// Whom a consumer is to ask instead, because it is nearer (KIP-392).
    pub preferred: Option<BrokerId>,
    /// Whole batches, the first of which may begin before the offset asked for.
    pub batches: Vec<Batch>,
}

impl FetchedPartition {
    /// The size of its records.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|batch| u64::from(batch.bytes)).sum()
    }
}

/// Which offset is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetSpec {
    /// The log start.
    Earliest,
    /// The high watermark for consumers, the log end for replicas.
    Latest,
    /// The first record not older than this.
    At(Wall),
}

/// `ListOffsetsRequest`.
#[derive(Clone, Debug)]
pub struct ListOffsetsRequest {
    /// Which replica asks; none for a consumer.
    pub replica: Option<BrokerId>,
    /// Where a consumer's records end: at the high watermark, or before the first open transaction.
    pub isolation: Isolation,
    /// Partition, the leader epoch that the asker knows, and what it wants.
    pub partitions: Vec<(TopicPartition, Option<LeaderEpoch>, OffsetSpec)>,
}

/// `ListOffsetsResponse`.
#[derive(Clone, Debug)]
pub struct ListOffsetsResponse {
    /// One result per partition asked for.
    pub results: Vec<ListedOffset>,
}

/// One offset found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// `None` if the question was answered.
    pub error: ErrorCode,
    /// The offset; -1 if no record is young enough.
    pub offset: Offset,
    /// The epoch of the record there, if known.
    pub epoch: Option<LeaderEpoch>,
}

/// `OffsetForLeaderEpochRequest`.
#[derive(Clone, Debug)]
pub struct EpochEndRequest {
    /// Which replica asks; none for a consumer.
    pub replica: Option<BrokerId>,
    /// Partition, current leader epoch as the asker knows it, and the epoch asked about.
    pub partitions: Vec<(TopicPartition, Option<LeaderEpoch>, LeaderEpoch)>,
}

/// `OffsetForLeaderEpochResponse`.
#[derive(Clone, Debug)]
pub struct EpochEndResponse {
    /// One result per partition asked for.
    pub results: Vec<EpochEnd>,
}

/// Where an epoch ends in the leader's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochEnd {
    /// Which partition.
    pub partition: TopicPartition,
    /// `None` if the question was answered.
    pub error: ErrorCode,
    /// The largest epoch not above the one asked about; -1 if undefined.
    pub epoch: LeaderEpoch,
    /// Its end; -1 if undefined.
    pub end: Offset,
}

/// `MetadataRequest`.
#[derive(Clone, Debug)]
pub struct MetadataRequest {
    /// The topics of interest.
    pub topics: Vec<TopicId>,
}

/// `MetadataResponse`: the broker's own view, shared instead of copied. A client reads leaders, epochs, replicas and
/// in-sync replicas of its topics, and which brokers are alive; nothing else.
#[derive(Clone, Debug)]
pub struct MetadataResponse {
    /// What the broker had applied when it answered.
    pub image: Arc<MetadataImage>,
}

/// `FindCoordinatorRequest`.
#[derive(Clone, Debug)]
pub struct FindCoordinatorRequest {
    /// Whose coordinator.
    pub of: Coordinated,
}

/// What has a coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Coordinated {
    /// A group.
    Group(GroupId),
    /// Transactions.
    Transactions(TransactionalId),
}

/// `FindCoordinatorResponse`.
#[derive(Clone, Copy, Debug)]
pub struct FindCoordinatorResponse {
    /// Who coordinates, or why that is not known.
    pub coordinator: Result<BrokerId, ErrorCode>,
}

/// What a member tells the group's leader (`ConsumerProtocolSubscription`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    /// The topics it wants, sorted by id.
    pub topics: Vec<TopicId>,
    /// What it owns, for cooperative assignors.
    pub owned: Vec<TopicPartition>,
    /// The generation in which it owned that (KIP-792).
    pub generation: Option<Generation>,
    /// The user data of `StickyAssignor`: its last assignment, and of which generation that was.
    pub sticky: Option<(Vec<TopicPartition>, Generation)>,
    /// `client.rack` (KIP-881).
    pub rack: Option<Rack>,
}

/// A member as the group's leader is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinedMember {
    /// Which member.
    pub member: MemberId,
    /// Its `group.instance.id`, if it is static.
    pub instance: Option<Arc<str>>,
    /// What it subscribed to.
    pub subscription: Arc<Subscription>,
}

/// Whether the leader is to assign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assigning {
    /// It is.
    Wanted,
    /// The assignment stands: a static leader came back without a rebalance (KIP-814).
    Skipped,
}

/// `JoinGroupRequest`.
#[derive(Clone, Debug)]
pub struct JoinGroupRequest {
    /// Which group.
    pub group: GroupId,
    /// Which member; [`MemberId::NONE`] for a new one.
    pub member: MemberId,
    /// `session.timeout.ms`.
    pub session_timeout: Span,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Span,
    /// Assignors that the member supports, the preferred one first.
    pub protocols: Vec<Assignor>,
    /// What it subscribed to.
    pub subscription: Arc<Subscription>,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
}

/// `JoinGroupResponse`.
#[derive(Clone, Debug)]
pub struct JoinGroupResponse {
    /// `None` once the join phase is complete; `MEMBER_ID_REQUIRED` carries `member`.
    pub error: ErrorCode,
    /// The new generation.
    pub generation: Generation,
    /// The assignor that was voted for.
    pub protocol: Option<Assignor>,
    /// The member that assigns.
    pub leader: MemberId,
    /// The receiver's own member id.
    pub member: MemberId,
    /// All members in the coordinator's order; empty but for the leader.
    pub members: Vec<JoinedMember>,
    /// Whether the leader is to assign.
    pub assigning: Assigning,
}

/// `SyncGroupRequest`.
#[derive(Clone, Debug)]
pub struct SyncGroupRequest {
    /// Which group.
    pub group: GroupId,
    /// The generation of the join.
    pub generation: Generation,
    /// Which member.
    pub member: MemberId,
    /// From the leader: who gets what.
    pub assignments: Vec<(MemberId, Arc<[TopicPartition]>)>,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
}

/// `SyncGroupResponse`.
#[derive(Clone, Debug)]
pub struct SyncGroupResponse {
    /// `None` once the group is stable.
    pub error: ErrorCode,
    /// What the member gets.
    pub assignment: Arc<[TopicPartition]>,
}

/// `HeartbeatRequest`.
#[derive(Clone, Debug)]
pub struct HeartbeatRequest {
    /// Which group.
    pub group: GroupId,
    /// The member's generation.
    pub generation: Generation,
    /// Which member.
    pub member: MemberId,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
}

/// `LeaveGroupRequest` of one member.
#[derive(Clone, Copy, Debug)]
pub struct LeaveGroupRequest {
    /// Which group.
    pub group: GroupId,
    /// Which member.
    pub member: MemberId,
}

/// `ConsumerGroupHeartbeatRequest`: what is left out has not changed since the last one.
#[derive(Clone, Debug)]
pub struct ConsumerGroupHeartbeatRequest {
    /// Which group.
    pub group: GroupId,
    /// Which member; [`MemberId::NONE`] for a new one.
    pub member: MemberId,
    /// Its epoch, or one of the three special ones.
    pub epoch: Generation,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
    /// `client.rack`.
    pub rack: Option<Rack>,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Option<Span>,
    /// The topics it wants, sorted by id.
    pub topics: Option<Arc<[TopicId]>>,
    /// `group.remote.assignor`.
    pub assignor: Option<RemoteAssignor>,
    /// What it owns, sorted.
    pub owned: Option<Arc<[TopicPartition]>>,
}

impl ConsumerGroupHeartbeatRequest {
    /// Joins.
    pub const JOIN: Generation = Generation(0);
    /// Leaves.
    pub const LEAVE: Generation = Generation(-1);
    /// Leaves as a static member that will be back.
    pub const LEAVE_FOR_NOW: Generation = Generation(-2);
}

/// `ConsumerGroupHeartbeatResponse`.
#[derive(Clone, Debug)]
pub struct ConsumerGroupHeartbeatResponse {
    /// `None` if the member may go on.
    pub error: ErrorCode,
    /// The receiver's member id.
    pub member: MemberId,
    /// The receiver's epoch.
    pub epoch: Generation,
    /// When the next heartbeat is expected.
    pub interval: Span,
    /// What it may own, if that changed or is not known to be known.
    pub assignment: Option<Arc<[TopicPartition]>>,
}

/// `DeleteGroupsRequest` for one group.
#[derive(Clone, Copy, Debug)]
pub struct DeleteGroupRequest {
    /// Which group.
    pub group: GroupId,
}

/// `OffsetCommitRequest`.
#[derive(Clone, Debug)]
pub struct OffsetCommitRequest {
    /// Which group.
    pub group: GroupId,
    /// The member's generation; [`Generation::NONE`] for a commit without membership.
    pub generation: Generation,
    /// Which member; [`MemberId::NONE`] for a commit without membership.
    pub member: MemberId,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
    /// What is to be committed.
    pub offsets: Vec<OffsetToCommit>,
}

/// How far a partition has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetToCommit {
    /// Which partition.
    pub partition: TopicPartition,
    /// Which topic of the name the offset is of, if the client knows and says so.
    pub topic: Option<TopicUuid>,
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the record before it.
    pub epoch: LeaderEpoch,
}

/// `OffsetCommitResponse`.
#[derive(Clone, Debug)]
pub struct OffsetCommitResponse {
    /// One result per partition of the request.
    pub results: Vec<(TopicPartition, ErrorCode)>,
}

/// `OffsetFetchRequest`.
#[derive(Clone, Debug)]
pub struct OffsetFetchRequest {
    /// Which group.
    pub group: GroupId,
    /// Who asks and in which epoch, if it is a member of the consumer protocol.
    pub member: Option<(MemberId, Generation)>,
    /// Which partitions, and of which topic of the name if the client knows and says so.
    pub partitions: Vec<(TopicPartition, Option<TopicUuid>)>,
}

/// `OffsetFetchResponse`.
#[derive(Clone, Debug)]
pub struct OffsetFetchResponse {
    /// An error of the group as a whole.
    pub error: ErrorCode,
    /// The committed offset and its epoch per partition, none where nothing is committed.
    pub offsets: Vec<(TopicPartition, Option<(Offset, LeaderEpoch)>)>,
}

/// `transactional.id`.
pub type TransactionalId = Arc<str>;

/// `InitProducerIdRequest`.
#[derive(Clone, Debug)]
pub struct InitProducerIdRequest {
    /// The `transactional.id` of a transactional producer, and `transaction.timeout.ms`.
    pub transaction: Option<(TransactionalId, Span)>,
    /// The id and epoch that the producer has, if it asks for a new epoch (KIP-360).
    pub current: Option<(ProducerId, ProducerEpoch)>,
}

/// `InitProducerIdResponse`.
#[derive(Clone, Copy, Debug)]
pub struct InitProducerIdResponse {
    /// The id and epoch to use.
    pub producer: Result<(ProducerId, ProducerEpoch), ErrorCode>,
}

/// `AddPartitionsToTxnRequest` for one transaction.
#[derive(Clone, Debug)]
pub struct AddPartitionsToTxnRequest {
    /// Whose transaction.
    pub transaction: TransactionalId,
    /// The producer's id and epoch.
    pub producer: (ProducerId, ProducerEpoch),
    /// Whether the partitions are to be added, or only looked for.
    pub adding: Adding,
    /// Which partitions.
    pub partitions: Vec<TopicPartition>,
}

/// What is to be done with partitions that a transaction writes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adding {
    /// The producer adds them.
    Add,
    /// A leader asks whether they were added (`verifyOnly`, KIP-890).
    Verify,
}

/// `AddPartitionsToTxnResponse`.
#[derive(Clone, Debug)]
pub struct AddPartitionsToTxnResponse {
    /// One result per partition of the request.
    pub results: Vec<(TopicPartition, ErrorCode)>,
}

/// `EndTxnRequest`.
#[derive(Clone, Debug)]
pub struct EndTxnRequest {
    /// Whose transaction.
    pub transaction: TransactionalId,
    /// The producer's id and epoch.
    pub producer: (ProducerId, ProducerEpoch),
    /// How it ends.
    pub verdict: Verdict,
}

/// `WriteTxnMarkersRequest`: the markers for one broker.
#[derive(Clone, Debug)]
pub struct WriteTxnMarkersRequest {
    /// What to write.
    pub markers: Vec<TxnMarker>,
}

/// The end of a transaction, for the partitions of it that a broker leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnMarker {
    /// The producer's id and epoch.
    pub producer: (ProducerId, ProducerEpoch),
    /// The epoch of the coordinator that says so.
    pub coordinator: LeaderEpoch,
    /// How it ended.
    pub verdict: Verdict,
    /// Where to write that.
    pub partitions: Vec<TopicPartition>,
}

/// `WriteTxnMarkersResponse`.
#[derive(Clone, Debug)]
pub struct WriteTxnMarkersResponse {
    /// One result per partition and marker, in the order of the request.
    pub results: Vec<(ProducerId, TopicPartition, ErrorCode)>,
}

/// `BrokerRegistrationRequest`.
#[derive(Clone, Copy, Debug)]
pub struct BrokerRegistrationRequest {
    /// Who.
    pub broker: BrokerId,
    /// Which life; unique per broker.
    pub incarnation: u32,
    /// The epoch before a clean shutdown, if there was one (KIP-966).
    pub previous: Option<BrokerEpoch>,
    /// `broker.rack`.
    pub rack: Option<Rack>,
}

/// `BrokerRegistrationResponse`.
#[derive(Clone, Copy, Debug)]
pub struct BrokerRegistrationResponse {
    /// The new epoch.
    pub epoch: Result<BrokerEpoch, ErrorCode>,
}

/// What a broker wants of the controller beyond staying registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// To serve.
    Serve,
    /// To stay fenced while it starts.
    Fence,
    /// To hand its leaderships over and stop.
    Shutdown,
}

/// `BrokerHeartbeatRequest`.
#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeatRequest {
    /// Who.
    pub broker: BrokerId,
    /// Its epoch.
    pub epoch: BrokerEpoch,
    /// How far it has applied the metadata log.
    pub metadata: MetadataOffset,
    /// What it wants.
    pub want: Want,
}

/// What the controller says to a heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerState {
    /// Clients must not be sent to it.
    Fenced,
    /// It serves.
    Active,
    /// It still has leaderships to hand over.
    ControlledShutdown,
    /// It may stop.
    MayStop,
}

/// `BrokerHeartbeatResponse`.
#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeatResponse {
    /// The broker's state, or why it is not known.
    pub state: Result<BrokerState, ErrorCode>,
}

/// `AlterPartitionRequest`.
#[derive(Clone, Debug)]
pub struct AlterPartitionRequest {
    /// The leader that asks.
    pub broker: BrokerId,
    /// Its epoch.
    pub epoch: BrokerEpoch,
    /// The changes.
    pub partitions: Vec<AlterPartition>,
}

/// One proposed change of in-sync replicas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterPartition {
    /// Which partition.
    pub partition: TopicPartition,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch on which the proposal stands.
    pub partition_epoch: PartitionEpoch,
    /// The new set, with the broker epoch of each member as the leader knows it (KIP-903); -1 skips that check.
    pub isr: Vec<(BrokerId, BrokerEpoch)>,
}

/// `AlterPartitionResponse`.
#[derive(Clone, Debug)]
pub struct AlterPartitionResponse {
    /// An error of the request as a whole, such as `NOT_CONTROLLER` or `STALE_BROKER_EPOCH`.
    pub error: ErrorCode,
    /// One result per partition of the request.
    pub results: Vec<(TopicPartition, Result<AlteredPartition, ErrorCode>)>,
}

/// A change that was committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlteredPartition {
    /// The leader.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
    /// The in-sync replicas now.
    pub isr: Vec<BrokerId>,
    /// The partition epoch now.
    pub partition_epoch: PartitionEpoch,
}

/// A position in the metadata log: how many records lie before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MetadataOffset(pub u32);

/// An observer's fetch of the metadata log.
#[derive(Clone, Copy, Debug)]
pub struct FetchMetadataRequest {
    /// Who.
    pub broker: BrokerId,
    /// The next record wanted.
    pub from: MetadataOffset,
    /// How long the controller may wait for one.
    pub max_wait: Span,
}

/// Committed records of the metadata log.
#[derive(Clone, Debug)]
pub struct FetchMetadataResponse {
    /// `None`, or `NOT_CONTROLLER`.
    pub error: ErrorCode,
    /// The position of the first record.
    pub from: MetadataOffset,
    /// The records; applied in one step, as the metadata loader coalesces what it has.
    pub records: Arc<[MetadataRecord]>,
    /// What the records say so far, where the log begins later than asked for.
    pub snapshot: Option<Arc<MetadataImage>>,
    /// Whom to ask instead, if that is known.
    pub leader: Option<NodeId>,
}

impl FetchMetadataResponse {
    /// There is nothing from a position on.
    #[must_use]
    pub fn nothing(from: MetadataOffset) -> Self {
        let records = Arc::default();
        Self { error: ErrorCode::None, from, records, snapshot: None, leader: None }
    }
}

/// `AllocateProducerIdsRequest`.
#[derive(Clone, Copy, Debug)]
pub struct AllocateProducerIdsRequest {
    /// Who.
    pub broker: BrokerId,
    /// Its epoch.
    pub epoch: BrokerEpoch,
}

/// `AllocateProducerIdsResponse`.
#[derive(Clone, Copy, Debug)]
pub struct AllocateProducerIdsResponse {
    /// The first id of the block and its length.
    pub block: Result<(ProducerId, u32), ErrorCode>,
}

/// `CreateTopicsRequest` for one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTopic {
    /// Its id, chosen by whoever interned its name.
    pub topic: TopicId,
    /// How many partitions.
    pub partitions: u16,
    /// How many replicas each.
    pub replication: u16,
    /// Its settings.
    pub settings: Arc<TopicSettings>,
}

/// `CreatePartitionsRequest` for one topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreatePartitionsRequest {
    /// Which topic.
    pub topic: TopicId,
    /// The new total.
    pub partitions: u16,
}

/// `ElectLeadersRequest` for one partition; with `to`, a reassignment that puts that replica first comes before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ElectLeadersRequest {
    /// Which partition.
    pub partition: TopicPartition,
    /// Whom to make the preferred replica first, if anyone.
    pub to: Option<BrokerId>,
}

/// `DeleteRecordsRequest` for one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteRecordsRequest {
    /// Which partition.
    pub partition: TopicPartition,
    /// Everything below goes; -1 stands for the high watermark.
    pub before: Offset,
}

/// `AlterPartitionReassignmentsRequest` for one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReassignmentRequest {
    /// Which partition.
    pub partition: TopicPartition,
    /// Where its replicas are to be, the preferred one first; none to stop a move under way.
    pub replicas: Option<Brokers>,
}

/// `IncrementalAlterConfigsRequest` for all brokers: `leader.` and `follower.replication.throttled.rate`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlterConfigsRequest {
    /// Bytes per second; none takes the throttle away.
    pub replication_rate: Option<u64>,
}
