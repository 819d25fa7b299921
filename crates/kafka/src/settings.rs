//! Typed settings: what configuration text has become once it was parsed.
//!
//! Combinations that Kafka refuses cannot be written down here. Field names follow Kafka's keys; defaults are those of
//! Apache Kafka 4.0 and live in the configuration tables, which build these types.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{BrokerId, Span};

use crate::assignor::Rack;
use crate::channel::Backoff;
use crate::compression::{Codec, TopicCompression};

/// What a producer is promised, from `acks`, `enable.idempotence`, `retries` and `max.in.flight.requests.per.connection`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// `acks=0`: no answers, no retries.
    FireAndForget,
    /// `acks=1`.
    Leader,
    /// `acks=all` without idempotence.
    AllReplicas,
    /// `acks=all` with idempotence: at most five requests in flight, retries on.
    Idempotent,
}

impl Delivery {
    /// `acks` on the wire.
    #[must_use]
    pub const fn acks(self) -> Acks {
        match self {
            Self::FireAndForget => Acks::Zero,
            Self::Leader => Acks::One,
            Self::AllReplicas | Self::Idempotent => Acks::All,
        }
    }
}

/// Why a producer is idempotent, if it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdempotenceBy {
    /// `enable.idempotence` says so.
    Name,
    /// Nobody says otherwise.
    Default,
}

/// How a producer chooses a partition for a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Partitioner {
    /// Java's: murmur2 for keys, sticky for none (KIP-480, KIP-794).
    BuiltIn(Adaptive),
    /// Java's with `partitioner.ignore.keys=true`: sticky for every record.
    IgnoreKeys(Adaptive),
    /// `RoundRobinPartitioner`: every record to the next partition, whatever its key.
    RoundRobin,
    /// librdkafka's: a hash for keys, and for none a partition that is drawn anew after this time
    /// (`sticky.partitioning.linger.ms`), or for each record.
    Librdkafka(KeyHash, Span),
}

/// How librdkafka finds a key's partition (`partitioner`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyHash {
    /// `consistent_random`, the default, and `consistent`: CRC-32.
    Crc32,
    /// `murmur2_random`, `murmur2`: as Java's.
    Murmur2,
    /// `fnv1a_random`, `fnv1a`: as sarama's.
    Fnv1a,
    /// `random`: keys do not matter.
    Ignored,
}

/// What is charged against `buffer.memory`, and what `send` does when nothing is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffering {
    /// Java: the whole buffer of every batch; `send` blocks, at most `max.block.ms`.
    Batches,
    /// librdkafka: every record by itself, at most so many (`queue.buffering.max.messages`); `produce` fails at once.
    Records {
        /// How many.
        most: u32,
    },
}

/// Where batches that are sent again go in their partition's queue, if no sequence says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryOrder {
    /// Java: to the front, so that the one that failed last goes first.
    Front,
    /// librdkafka: before all that was taken in later.
    AsTaken,
}

/// `partitioner.adaptive.partitioning.enable`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adaptive {
    /// Faster brokers get more records without a key.
    On,
    /// Every partition gets as many.
    Off,
}

/// A producer's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerSettings {
    /// `acks`, `enable.idempotence`.
    pub delivery: Delivery,
    /// Whether idempotence was asked for.
    pub idempotence: IdempotenceBy,
    /// `retries`; `i32::MAX` unless set.
    pub retries: u32,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: u32,
    /// `batch.size`.
    pub batch_size: u32,
    /// `compression.type` and the codec's level.
    pub compression: Codec,
    /// `batch.num.messages` of librdkafka: most records of a batch; `u32::MAX` is no limit, as Java has none.
    pub batch_records: u32,
    /// `linger.ms`.
    pub linger: Span,
    /// `buffer.memory`.
    pub buffer_memory: u64,
    /// What that is charged with.
    pub buffering: Buffering,
    /// `max.block.ms`.
    pub max_block: Span,
    /// `max.request.size`.
    pub max_request_size: u32,
    /// `request.timeout.ms`; `socket.timeout.ms` of librdkafka.
    pub request_timeout: Span,
    /// How long the leader may wait for the in-sync replicas: `request.timeout.ms` of either.
    pub ack_timeout: Span,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Span,
    /// Where batches go that are sent again.
    pub retry_order: RetryOrder,
    /// `retry.backoff.ms`, `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// `reconnect.backoff.ms`, `reconnect.backoff.max.ms`.
    pub reconnect_backoff: Backoff,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Span,
    /// `partitioner.class` and its companions.
    pub partitioner: Partitioner,
    /// `partitioner.availability.timeout.ms`; zero is off.
    pub partitioner_availability_timeout: Span,
    /// `transactional.id` and `transaction.timeout.ms`, if the producer is transactional.
    pub transaction: Option<(Arc<str>, Span)>,
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetReset {
    /// To the log start.
    Earliest,
    /// To the high watermark.
    Latest,
    /// To the first record that is younger than this, or else to the high watermark (KIP-1106).
    ByDuration(Span),
    /// Give up.
    None,
}

/// A client-side assignor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assignor {
    /// `RangeAssignor`.
    Range,
    /// `RoundRobinAssignor`.
    RoundRobin,
    /// `StickyAssignor`.
    Sticky,
    /// `CooperativeStickyAssignor`.
    CooperativeSticky,
}

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// The protocol name in `JoinGroup`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The class that `partition.assignment.strategy` names.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Range => "RangeAssignor",
            Self::RoundRobin => "RoundRobinAssignor",
            Self::Sticky => "StickyAssignor",
            Self::CooperativeSticky => "CooperativeStickyAssignor",
        }
    }
}

/// An assignor of the coordinator's own (`group.remote.assignor`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RemoteAssignor {
    /// `UniformAssignor`.
    Uniform,
    /// `RangeAssignor` of the group coordinator.
    Range,
}

impl RemoteAssignor {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// The name that members ask for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The class that `group.consumer.assignors` names.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Uniform => "UniformAssignor",
            Self::Range => "RangeAssignor",
        }
    }
}

/// `group.protocol`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupProtocol {
    /// Members join, one of them assigns, and all wait for each other.
    Classic,
    /// The coordinator assigns, and every member follows at its own pace (KIP-848), with the assignor that it asks for.
    Consumer(Option<RemoteAssignor>),
}

/// What members do with their partitions while they join (`ConsumerPartitionAssignor.RebalanceProtocol`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RebalanceProtocol {
    /// They give everything up first.
    Eager,
    /// They keep what they have, and give up only what they are told to, in a round of its own (KIP-429).
    Cooperative,
}

/// Whether a member says goodbye when it closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaveOnClose {
    /// It sends `LeaveGroup`, unless it is static.
    Yes,
    /// It lets its session run out (`internal.leave.group.on.close=false`, as Kafka Streams).
    No,
}

/// When a consumer commits by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoCommit {
    /// `enable.auto.commit=false`.
    Off,
    /// `enable.auto.commit=true` with `auto.commit.interval.ms`, inside `poll`: whatever `poll` gave before.
    Every(Span),
    /// librdkafka's: a timer of its own, and whatever was stored.
    Stored {
        /// `auto.commit.interval.ms`.
        every: Span,
        /// `enable.auto.offset.store`.
        by: StoredBy,
    },
}

impl AutoCommit {
    /// Whether offsets are committed that the application has not spoken of.
    #[must_use]
    pub const fn is_by_client(self) -> bool {
        match self {
            Self::Every(_) | Self::Stored { by: StoredBy::HandingOver, .. } => true,
            Self::Off | Self::Stored { by: StoredBy::Application, .. } => false,
        }
    }
}

/// When an offset is stored, to be committed in time (`enable.auto.offset.store`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoredBy {
    /// When the record is handed to the application, processed or not.
    HandingOver,
    /// When the application says so.
    Application,
}

/// Who is on the network, and takes part in rebalances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Threads {
    /// Java: the application in its calls; beside it only heartbeats.
    Application,
    /// librdkafka: threads of its own, whatever the application does.
    Background,
}

/// A consumer's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerSettings {
    /// `group.protocol`, `group.remote.assignor`.
    pub protocol: GroupProtocol,
    /// Who is on the network.
    pub threads: Threads,
    /// `isolation.level`.
    pub isolation: crate::message::Isolation,
    /// `session.timeout.ms`.
    pub session_timeout: Span,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: Span,
    /// `max.poll.interval.ms`.
    pub max_poll_interval: Span,
    /// `max.poll.records`.
    pub max_poll_records: u32,
    /// `enable.auto.commit`, `auto.commit.interval.ms`.
    pub auto_commit: AutoCommit,
    /// `auto.offset.reset`.
    pub offset_reset: OffsetReset,
    /// `partition.assignment.strategy`, the preferred one first, never empty.
    pub assignors: Vec<Assignor>,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
    /// `client.rack`.
    pub rack: Option<Rack>,
    /// `internal.leave.group.on.close`.
    pub leave_on_close: LeaveOnClose,
    /// `fetch.min.bytes`.
    pub fetch_min_bytes: u32,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: u32,
    /// `max.partition.fetch.bytes`.
    pub max_partition_fetch_bytes: u32,
    /// `fetch.max.wait.ms`.
    pub fetch_max_wait: Span,
    /// `fetch.error.backoff.ms` of librdkafka; `retry.backoff.ms` of Java.
    pub fetch_error_backoff: Span,
    /// `request.timeout.ms`.
    pub request_timeout: Span,
    /// `default.api.timeout.ms`.
    pub default_api_timeout: Span,
    /// `retry.backoff.ms`, `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// `reconnect.backoff.ms`, `reconnect.backoff.max.ms`.
    pub reconnect_backoff: Backoff,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Span,
}

impl ConsumerSettings {
    /// Cooperative only if every assignor of the list is: the choice falls before the group has voted
    /// (`ConsumerCoordinator`'s constructor).
    #[must_use]
    pub fn rebalance_protocol(&self) -> RebalanceProtocol {
        let cooperative = |assignor: &Assignor| *assignor == Assignor::CooperativeSticky;
        if self.assignors.iter().all(cooperative) {
            RebalanceProtocol::Cooperative
        } else {
            RebalanceProtocol::Eager
        }
    }
}

/// `unclean.leader.election.enable`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UncleanElection {
    /// Availability first: committed records may be lost.
    Allowed,
    /// A partition waits for an in-sync replica.
    Forbidden,
}

/// The feature `eligible.leader.replicas.version` (KIP-966): off in Kafka 4.0, on in new clusters from 4.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EligibleLeaders {
    /// 0: the last in-sync replica stays the only one that may lead, whatever its disk lost.
    #[default]
    Off,
    /// 1: in-sync replicas that leave while there are too few stay eligible, unless they crash.
    On,
}

/// `message.timestamp.type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampType {
    /// The producer's clock.
    CreateTime,
    /// The leader's clock.
    LogAppendTime,
}

/// A topic's settings, its own over the broker's defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSettings {
    /// `min.insync.replicas`.
    pub min_insync_replicas: u16,
    /// `unclean.leader.election.enable`.
    pub unclean_election: UncleanElection,
    /// `max.message.bytes`.
    pub max_message_bytes: u32,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far behind the leader's clock a record may be stamped; `None` is any.
    pub timestamp_before_max: Option<Span>,
    /// `message.timestamp.after.max.ms`: how far ahead of the leader's clock a record may be stamped; `None` is any.
    pub timestamp_after_max: Option<Span>,
    /// `flush.messages`: fsync after so many records; `None` is never.
    pub flush_messages: Option<u64>,
    /// `compression.type` and the codecs' levels.
    pub compression: TopicCompression,
    /// Whose copying is throttled.
    pub throttled: ThrottledReplicas,
    /// What becomes of old records.
    pub cleanup: Cleanup,
    /// No setting of Kafka's: what was in the topic before the run.
    pub past: Past,
}

/// What was in a topic before the run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Past {
    /// Nothing.
    #[default]
    Nothing,
    /// Records that are gone, and with them what was known of who wrote them.
    GoneRecords,
}

/// Whose copying is throttled while they are out of sync (KIP-73).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ThrottledReplicas {
    /// `leader.replication.throttled.replicas`: on which leaders.
    pub leader: Throttled,
    /// `follower.replication.throttled.replicas`: on which followers.
    pub follower: Throttled,
}

/// Some of a topic's replicas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Throttled {
    /// None.
    #[default]
    None,
    /// `*`.
    All,
    /// These, by partition and broker.
    Some(Vec<(u16, BrokerId)>),
}

/// How fast replicas under a throttle may copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttles {
    /// `leader.replication.throttled.rate` in bytes per second; none is without limit.
    pub leader_rate: Option<u64>,
    /// `follower.replication.throttled.rate` in bytes per second; none is without limit.
    pub follower_rate: Option<u64>,
    /// `replication.quota.window.num`.
    pub windows: u32,
    /// `replication.quota.window.size.seconds`.
    pub window: Span,
}

impl Throttles {
    /// None.
    pub const NONE: Self =
        Self { leader_rate: None, follower_rate: None, windows: 11, window: Span::secs(1) };
}

/// What becomes of a topic's old records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleanup {
    /// `cleanup.policy`.
    pub policy: CleanupPolicy,
    /// `retention.ms`; `None` is for ever.
    pub retention: Option<Span>,
    /// `retention.bytes`; `None` is without limit.
    pub retention_bytes: Option<u64>,
    /// `segment.ms`.
    pub segment_age: Span,
    /// `segment.bytes`.
    pub segment_bytes: u32,
    /// `delete.retention.ms`: how long tombstones stay after they were first cleaned.
    pub delete_retention: Span,
    /// `min.cleanable.dirty.ratio` in millionths.
    pub min_dirty_millionths: u32,
    /// `min.compaction.lag.ms`.
    pub min_compaction_lag: Span,
    /// `max.compaction.lag.ms`; `None` is without limit.
    pub max_compaction_lag: Option<Span>,
}

/// `cleanup.policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CleanupPolicy {
    /// `delete`: old segments go.
    Delete,
    /// `compact`: of each key the last record stays.
    Compact,
    /// `compact,delete`: both.
    CompactAndDelete,
}

impl CleanupPolicy {
    /// Whether old segments go.
    #[must_use]
    pub const fn deletes(self) -> bool {
        match self {
            Self::Delete | Self::CompactAndDelete => true,
            Self::Compact => false,
        }
    }

    /// Whether of each key only the last record stays.
    #[must_use]
    pub const fn compacts(self) -> bool {
        match self {
            Self::Compact | Self::CompactAndDelete => true,
            Self::Delete => false,
        }
    }
}

/// The settings of brokers and controllers of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerSettings {
    /// `replica.lag.time.max.ms`.
    pub replica_lag_time_max: Span,
    /// `replica.fetch.wait.max.ms`.
    pub replica_fetch_wait_max: Span,
    /// How fast replicas under a throttle may copy.
    pub throttles: Throttles,
    /// `replica.fetch.min.bytes`.
    pub replica_fetch_min_bytes: u32,
    /// `replica.fetch.max.bytes`, per partition.
    pub replica_fetch_max_bytes: u32,
    /// `replica.fetch.response.max.bytes`.
    pub replica_fetch_response_max_bytes: u32,
    /// `replica.fetch.backoff.ms`.
    pub replica_fetch_backoff: Span,
    /// `replica.socket.timeout.ms`.
    pub replica_socket_timeout: Span,
    /// `replica.selector.class`.
    pub replica_selector: ReplicaSelector,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_interval: Span,
    /// `log.flush.start.offset.checkpoint.interval.ms`.
    pub start_checkpoint_interval: Span,
    /// `log.initial.task.delay.ms`.
    pub log_initial_task_delay: Span,
    /// `log.cleaner.enable`, `log.cleaner.backoff.ms`: none if nothing is compacted.
    pub cleaner_backoff: Option<Span>,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval: Span,
    /// `broker.heartbeat.interval.ms`.
    pub heartbeat_interval: Span,
    /// `broker.session.timeout.ms`.
    pub session_timeout: Span,
    /// `server.max.startup.time.ms`; without limit unless set.
    pub max_startup: Option<Span>,
    /// `controlled.shutdown.enable`, with the time a broker gives itself.
    pub controlled_shutdown: ControlledShutdown,
    /// `auto.leader.rebalance.enable`, `leader.imbalance.check.interval.seconds`; zero is off.
    pub leader_imbalance_check_interval: Span,
    /// `leader.imbalance.per.broker.percentage`.
    pub leader_imbalance_percentage: u32,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration: Span,
    /// `producer.id.expiration.check.interval.ms`.
    pub producer_id_expiration_check: Span,
    /// `offsets.topic.num.partitions`.
    pub offsets_topic_partitions: u16,
    /// `offsets.topic.replication.factor`.
    pub offsets_topic_replication: u16,
    /// `offsets.commit.timeout.ms`.
    pub offsets_commit_timeout: Span,
    /// `offsets.retention.minutes`.
    pub offsets_retention: Span,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check: Span,
    /// `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Span,
    /// `group.min.session.timeout.ms`.
    pub group_min_session_timeout: Span,
    /// `group.max.session.timeout.ms`.
    pub group_max_session_timeout: Span,
    /// `group.max.size`.
    pub group_max_size: u32,
    /// `group.consumer.*`.
    pub consumer_group: ConsumerGroupSettings,
    /// `controller.quorum.*`, and when the metadata log is cut short.
    pub quorum: QuorumSettings,
    /// `transaction.*`, `transactional.*`.
    pub transactions: TransactionSettings,
    /// The defaults of topics that do not say otherwise.
    pub topic: TopicSettings,
}

/// What brokers do for groups of the consumer protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerGroupSettings {
    /// `group.consumer.session.timeout.ms`.
    pub session_timeout: Span,
    /// `group.consumer.heartbeat.interval.ms`.
    pub heartbeat_interval: Span,
    /// `group.consumer.max.size`.
    pub max_size: u32,
    /// `group.consumer.migration.policy`.
    pub migration: MigrationPolicy,
    /// `group.consumer.assignors`, the default first, never empty.
    pub assignors: Vec<RemoteAssignor>,
}

/// What the voters of the controller quorum go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuorumSettings {
    /// `controller.quorum.election.timeout.ms`.
    pub election_timeout: Span,
    /// `controller.quorum.fetch.timeout.ms`.
    pub fetch_timeout: Span,
    /// `controller.quorum.election.backoff.max.ms`.
    pub election_backoff_max: Span,
    /// `controller.quorum.append.linger.ms`.
    pub append_linger: Span,
    /// `controller.quorum.request.timeout.ms`.
    pub request_timeout: Span,
    /// `controller.quorum.retry.backoff.ms`.
    pub retry_backoff: Span,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes: u64,
    /// `metadata.max.retention.bytes`.
    pub retention_bytes: u64,
}

/// What brokers do for transactions (KIP-98).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionSettings {
    /// `transaction.state.log.num.partitions`.
    pub partitions: u16,
    /// `transaction.state.log.replication.factor`.
    pub replication: u16,
    /// `transaction.state.log.min.isr`.
    pub min_insync_replicas: u16,
    /// `transaction.max.timeout.ms`.
    pub max_timeout: Span,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub timeout_check: Span,
    /// `transactional.id.expiration.ms`.
    pub id_expiration: Span,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expiration_check: Span,
    /// `transaction.partition.verification.enable` (KIP-890).
    pub verification: Verification,
}

/// Whether a leader asks the coordinator before a transaction writes to it for the first time (KIP-890).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verification {
    /// It does.
    On,
    /// It takes the producer's word.
    Off,
}

/// `replica.selector.class`: whom a leader sends consumers to (KIP-392).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaSelector {
    /// Nowhere: they read from the leader.
    Leader,
    /// `RackAwareReplicaSelector`: to the most caught-up in-sync replica in their rack, if the leader is not there itself.
    RackAware,
}

/// `group.consumer.migration.policy`: which groups with members change their protocol (KIP-848).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MigrationPolicy {
    /// None.
    Disabled,
    /// Classic groups that a member of the consumer protocol joins.
    Upgrade,
    /// Groups of the consumer protocol in which only members of the classic protocol are left.
    Downgrade,
    /// Both.
    Bidirectional,
}

impl MigrationPolicy {
    /// Whether classic groups become groups of the consumer protocol.
    #[must_use]
    pub const fn allows_upgrade(self) -> bool {
        matches!(self, Self::Upgrade | Self::Bidirectional)
    }

    /// Whether groups of the consumer protocol become classic ones.
    #[must_use]
    pub const fn allows_downgrade(self) -> bool {
        matches!(self, Self::Downgrade | Self::Bidirectional)
    }
}

/// `controlled.shutdown.enable`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ControlledShutdown {
    /// A broker asks the controller to move its leaderships before it stops.
    On,
    /// It just stops.
    Off,
}
