//! What a run looked like from outside: the only thing that oracles see.
//!
//! Operations follow `invoke → ok | fail | info`. Events are small, `Copy`, and in the order in which they happened.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::{
    BrokerId, Chunked, ErrorCode, Generation, GroupId, IdVec, Key, LeaderEpoch, NodeId, Offset,
    SourceId, Span, Time, TopicId, TopicPartition, Value, ValueRange,
};

/// A whole run as its clients and a disk reader saw it.
#[derive(Clone, Debug)]
pub struct History {
    /// Who took part and what their configuration promises.
    pub header: Arc<Header>,
    /// Every life of every producer; grows as producers restart.
    pub sources: Chunked<Source>,
    /// What happened, in order of time.
    pub events: Chunked<Event>,
}

/// The cast of a run and the settings that decide what is promised.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Every process.
    pub processes: IdVec<NodeId, Process>,
    /// Every topic, internal ones too.
    pub topics: IdVec<TopicId, Topic>,
    /// Every consumer group.
    pub groups: IdVec<GroupId, Group>,
    /// The names of keys, indexed by [`Key`]; may be shorter than the keys in use.
    pub keys: Vec<String>,
    /// Whether eligible leader replicas (KIP-966) are on, which raises how many power losses an ack must survive.
    pub eligible_leader_replicas: bool,
    /// Producers between which one stream of events is dealt: whoever made it meant an order that none of them knows.
    pub pools: Vec<Vec<NodeId>>,
}

/// A process of the world.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its name in reports: `broker-1`, `checkout-2`, `billing-3`.
    pub name: String,
    /// What it is.
    pub role: Role,
}

/// What a process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A broker.
    Broker(BrokerId),
    /// A voter of the controller quorum.
    Controller,
    /// A producer application.
    Producer,
    /// A member of a group.
    Consumer(GroupId),
    /// An operator's tool.
    Admin,
    /// A process of people's own code; the clients in it are processes of their own.
    Application,
}

/// A topic and the settings that decide its promise.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Partitions at the start.
    pub partitions: u16,
    /// Replicas per partition.
    pub replication: u16,
    /// `min.insync.replicas`.
    pub min_insync_replicas: u16,
    /// `unclean.leader.election.enable`.
    pub unclean_election: bool,
    /// Whether the topic is one of Kafka's own, such as `__consumer_offsets`.
    pub internal: bool,
}

/// A group and how its application commits.
#[derive(Clone, Debug)]
pub struct Group {
    /// `group.id`.
    pub name: String,
    /// What it subscribes to.
    pub topics: Vec<TopicId>,
    /// When its offsets are committed, which decides what is promised.
    pub commit: CommitMode,
    /// Whether a new group starts at the log start (`auto.offset.reset=earliest`).
    pub from_earliest: bool,
    /// Whether records are handed to another thread, so that `poll` returns before they are processed.
    pub asynchronous: bool,
    /// Whether a record's offset is stored, to be committed in time, when the record is handed out (librdkafka).
    pub stores_early: bool,
    /// Whether its application passes over records that it cannot process.
    pub skips: bool,
    /// Whether its members assign themselves partitions, so that nobody sees to it that each has one owner.
    pub self_assigned: bool,
    /// Whether its coordinator gives a partition away only when its owner has let go of it, or is no member any more
    /// (KIP-848).
    pub releases_first: bool,
    /// Whether it sees nothing of open and aborted transactions (`isolation.level=read_committed`).
    pub committed_only: bool,
}

/// When a group's application commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitMode {
    /// After the polled records were processed: promises at-least-once.
    AfterProcessing,
    /// Before they are processed: promises at-most-once.
    BeforeProcessing,
    /// `enable.auto.commit=true`: at-least-once for an application that processes within the poll loop.
    Automatic,
}

/// One life of a producer and the settings that decide its promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// The producer's process.
    pub process: NodeId,
    /// `acks`.
    pub acks: Acks,
    /// Whether idempotence is in force.
    pub idempotent: bool,
    /// `max.in.flight.requests.per.connection`.
    pub in_flight: u32,
    /// Whether failed batches are sent again.
    pub retries: bool,
    /// Whether it sends within transactions: what it sends counts when its transaction is committed.
    pub transactional: bool,
}

/// `acks` of a producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    /// `acks=0`: no answer at all.
    Zero,
    /// `acks=1`: the leader has it.
    One,
    /// `acks=all`: every in-sync replica has it.
    All,
}

/// One event of a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// When, in global time.
    pub at: Time,
    /// Who. Events of the environment carry the process they concern.
    pub process: NodeId,
    /// What.
    pub what: What,
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It took effect.
    Ok,
    /// It definitely did not happen.
    Fail(ErrorCode),
    /// Unknown for ever: it may have happened, or may yet.
    Unknown(ErrorCode),
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "a variant's doc explains its fields")]
pub enum What {
    /// `invoke send`: the producer took a record into its buffer.
    Send { partition: TopicPartition, value: Value, key: Option<Key> },
    /// The record that was just sent is another, whose send had failed, once more: the application sends it again.
    SentAgain { partition: TopicPartition, value: Value, first: (TopicPartition, Value) },
    /// `fail send`: the producer refused a record before it had a place in a partition (buffer full, no metadata).
    SendRefused { topic: TopicId, key: Option<Key>, error: ErrorCode },
    /// The end of the sends of one batch. `base` is the first record's offset if the broker told one, else -1.
    SendDone { partition: TopicPartition, values: ValueRange, base: Offset, outcome: Outcome },
    /// The application began a transaction: what its producer takes in from here on is part of it.
    TransactionBegan { source: SourceId },
    /// The application's transaction is over for it: it committed or aborted it, or could do neither.
    TransactionEnded { source: SourceId, ending: Ending, outcome: Outcome },

    /// `ok poll`: records were handed to the application, from offset `base` on.
    Polled { group: GroupId, partition: TopicPartition, base: Offset, values: ValueRange },
    /// The application finished with records.
    Processed { group: GroupId, partition: TopicPartition, base: Offset, values: ValueRange },
    /// The application finished with records whose results its idempotent sink had already and dropped.
    Deduplicated { group: GroupId, partition: TopicPartition, base: Offset, values: ValueRange },
    /// The consumer set its position without a read: first position, committed position, or reset.
    Positioned { group: GroupId, partition: TopicPartition, offset: Offset, why: Positioning },
    /// `invoke commit` of one partition. `offset` is the next one to read.
    Commit { group: GroupId, partition: TopicPartition, generation: Generation, offset: Offset },
    /// The end of a commit.
    CommitDone { group: GroupId, partition: TopicPartition, offset: Offset, outcome: Outcome },

    /// The member was given a partition (`onPartitionsAssigned`).
    Assigned { group: GroupId, partition: TopicPartition, generation: Generation },
    /// The member gave a partition up (`onPartitionsRevoked`).
    Revoked { group: GroupId, partition: TopicPartition, generation: Generation },
    /// The member learned that a partition was taken from it (`onPartitionsLost`).
    Lost { group: GroupId, partition: TopicPartition, generation: Generation },
    /// The member has its assignment in a generation, whatever that changes for it.
    Joined { group: GroupId, generation: Generation },
    /// The member is none any more from here on, as far as it knows: it was fenced, or left.
    Parted { group: GroupId, generation: Generation },
    /// The group completed a rebalance, as its coordinator saw it.
    Rebalanced { group: GroupId, generation: Generation, members: u32 },

    /// A process began a life.
    Started,
    /// A process died without a word; a consumer's partitions are no longer processed by it.
    Crashed,
    /// A process ended in good order.
    Stopped,
    /// An application held its process up, or was held up, from now on.
    Paused,
    /// A held process goes on.
    Resumed,

    /// Metadata showed a leader for a partition, or that it has none.
    Leader {
        partition: TopicPartition,
        epoch: LeaderEpoch,
        leader: Option<BrokerId>,
        election: Election,
    },
    /// Metadata showed the in-sync replicas of a partition; bit `n` is broker `n`.
    InSync { partition: TopicPartition, epoch: LeaderEpoch, replicas: u64 },
    /// A topic has more partitions than before.
    Expanded { topic: TopicId, partitions: u16 },
    /// A crash took records from a broker's disk: offsets from `from` up to, but without, `to`.
    LogLost { partition: TopicPartition, broker: BrokerId, from: Offset, to: Offset },
    /// A topic was deleted with all its records, as the controller has committed it. One of its name may be created anew.
    TopicDeleted { topic: TopicId },
    /// A leader's log does not hold these any more: they were deleted as configured, or by request. With their topic, or by
    /// compaction, each replica's are.
    Removed { partition: TopicPartition, base: Offset, values: ValueRange, why: Removal },
    /// A monitor's sample of a group's lag on a partition.
    Lag { group: GroupId, partition: TopicPartition, lag: u64 },
    /// A fault of the plan took hold.
    FaultBegan { fault: u32 },
    /// A fault of the plan was over.
    FaultEnded { fault: u32 },
    /// Faults are over; from here on the pipeline must come to rest.
    Healed,

    /// The final read of a partition: what its leader holds, from the log start to the high watermark.
    FinalRead { partition: TopicPartition, base: Offset, values: ValueRange },
    /// The final read of committed records does not see these, which the partition's leader holds.
    Hidden { partition: TopicPartition, base: Offset, values: ValueRange, by: Hiding },
    /// The end of the final read. `end` is the high watermark; -1 where there was no leader to read from.
    FinalEnd { partition: TopicPartition, start: Offset, end: Offset },
    /// What one replica's disk holds after the run, batch by batch.
    ReplicaLog {
        partition: TopicPartition,
        broker: BrokerId,
        base: Offset,
        count: u32,
        epoch: LeaderEpoch,
        values: Option<ValueRange>,
    },
    /// The end of a replica's log and its high watermark.
    ReplicaEnd { partition: TopicPartition, broker: BrokerId, end: Offset, high_watermark: Offset },
    /// At the end of the settling time this process had not come to rest.
    Stuck { on: Stuck },
}

/// How an application ends a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// `commitTransaction`.
    Commit,
    /// `abortTransaction`, or an end that its coordinator chose.
    Abort,
}

/// Why readers of committed records do not see a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hiding {
    /// Its transaction was aborted.
    Aborted,
    /// Its transaction, or one that began before it, is open.
    Open,
}

/// Why a consumer set its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Positioning {
    /// The group had a committed offset.
    Committed,
    /// No usable offset: `auto.offset.reset`.
    Reset,
    /// The log had been truncated below the position (KIP-320).
    Truncated,
    /// The application asked for it.
    Seek,
}

/// Why records were deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removal {
    /// `retention.ms`.
    Age,
    /// `retention.bytes`.
    Size,
    /// Compaction: a later record has the same key.
    Superseded,
    /// Compaction: a tombstone whose time is over.
    Tombstone,
    /// An operator asked for it (`DeleteRecords`).
    Request,
    /// An operator deleted the topic.
    Topic,
    /// A follower deleted what its leader had deleted.
    Leader,
}

/// How a leader was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Election {
    /// From the in-sync replicas (or the eligible ones of KIP-966).
    Clean,
    /// From outside: committed records may be gone.
    Unclean,
    /// No leader could be chosen.
    Offline,
}

/// What a process waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "a variant's doc explains its fields")]
pub enum Stuck {
    /// A partition has no leader.
    NoLeader { partition: TopicPartition },
    /// A partition's in-sync replicas are fewer than its live replicas.
    UnderReplicated { partition: TopicPartition, missing: BrokerId },
    /// A producer still waits for the answer to records it took in.
    Sending { partition: TopicPartition, records: u32 },
    /// A producer's application has records that no transaction of its has committed.
    Uncommitted { records: u32 },
    /// A group has not processed what is committed in a partition.
    Behind { group: GroupId, partition: TopicPartition, lag: u64 },
    /// A partition of a group's topics has no owner.
    Unowned { group: GroupId, partition: TopicPartition },
    /// A broker is not part of the cluster.
    Fenced { broker: BrokerId },
    /// There is no active controller.
    NoController,
}

impl History {
    /// A history with a cast and no events.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self { header: Arc::new(header), sources: Chunked::new(), events: Chunked::new() }
    }

    /// Adds an event.
    pub fn push(&mut self, at: Time, process: NodeId, what: What) {
        self.events.push(Event { at, process, what });
    }

    /// Registers a producer's new life.
    pub fn begin_source(&mut self, source: Source) -> SourceId {
        let id = u16::try_from(self.sources.len()).expect("fewer than 65,536 producer lives");
        self.sources.push(source);
        SourceId(id)
    }

    /// What people call one life of a producer: `checkout-1#0`, then `checkout-1#1` after a restart.
    #[must_use]
    pub fn source_name(&self, source: SourceId) -> String {
        let place = usize::from(source.0);
        let Some(own) = self.sources.get(place) else { return format!("{source}") };
        let lives = self.sources.iter().take(place);
        let before = lives.filter(|other| other.process == own.process).count();
        match self.header.processes.get(own.process) {
            Some(process) => format!("{}#{before}", process.name),
            None => format!("{}#{before}", own.process),
        }
    }

    /// What people call a record: `checkout-1#0:17`, the 18th that this life gave to its partition.
    #[must_use]
    pub fn value_name(&self, value: Value) -> String {
        format!("{}:{}", self.source_name(value.source), value.serial)
    }

    /// How long the run was.
    #[must_use]
    pub fn duration(&self) -> Span {
        self.events.last().map_or(Span::ZERO, |event| event.at.since(Time::ZERO))
    }
}
