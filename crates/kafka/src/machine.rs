//! The one contract between machines and whatever hosts them.
//!
//! A host is a loop: take an input, call [`Machine::handle`], carry out the effects. Handling cannot fail: a bad peer or a
//! dead disk is an input like any other.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::{Outcome, Positioning};
use stormglass_types::{
    BrokerId, Generation, GroupId, Key, NodeId, Offset, Rng, Sequence, SourceId, Time, TopicId,
    TopicPartition, ValueRange, Wall,
};

use crate::message::{Correlation, Msg, Request, Response};
use crate::{Mark, Marks, Note, Rules};

/// A process that does no I/O: all it learns arrives as [`Input`], all it does leaves through [`Outbox`].
pub trait Machine: Clone {
    /// What this kind of process is started with, beyond what every process gets.
    type Setup;
    /// What outlives a crash.
    type Store: Durable;

    /// Starts a life on what the last one left behind.
    fn boot(now: Now, boot: Boot, setup: Self::Setup, store: Self::Store, out: &mut Outbox)
    -> Self;
    /// Takes one input in.
    fn handle(&mut self, now: Now, input: Input, out: &mut Outbox);
    /// Ends this life; volatile state is gone because it no longer exists.
    fn into_store(self) -> Self::Store;
}

/// What a crash leaves of a store.
pub trait Durable: Clone + Default {
    /// The store as the next life finds it. Draws from `rng` how much of what was not synced survived.
    #[must_use]
    fn after_crash(self, kind: CrashKind, rng: &mut Rng, report: &mut CrashReport) -> Self;
}

impl Durable for () {
    fn after_crash(self, _kind: CrashKind, _rng: &mut Rng, _report: &mut CrashReport) -> Self {}
}

/// How a process dies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CrashKind {
    /// The process is killed; the page cache, and so every write, survives.
    Process,
    /// The machine loses power: each file keeps a prefix that ends between what was synced and what was written.
    Power,
    /// As `Power`, and the last batch that survived is torn in half; recovery must reject it by its CRC.
    Torn,
    /// The disk is gone.
    DiskLost,
}

/// What a crash destroyed: per partition the offsets `[from, to)`.
#[derive(Clone, Default, Debug)]
pub struct CrashReport {
    /// Lost offsets of partition logs.
    pub lost: Vec<(TopicPartition, Offset, Offset)>,
}

/// Local time as this node sees it. Global simulation time is not available to machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Monotonic, for deadlines.
    pub mono: Time,
    /// The wall clock, for timestamps; may jump.
    pub wall: Wall,
}

/// What every process is started with.
#[derive(Clone, Debug)]
pub struct Boot {
    /// Which process this is.
    pub node: NodeId,
    /// Which life of it, from zero.
    pub incarnation: u32,
    /// Where the brokers and controllers are.
    pub directory: Arc<Directory>,
    /// The safety rules in force.
    pub rules: Rules,
    /// This life's own chance, for jitter and random choices.
    pub rng: Rng,
}

/// Addresses: what `bootstrap.servers` and `controller.quorum.voters` would say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Directory {
    /// The brokers in the order of their ids.
    pub brokers: Vec<(BrokerId, NodeId)>,
    /// The voters of the controller quorum.
    pub controllers: Vec<NodeId>,
}

impl Directory {
    /// Where a broker runs.
    #[must_use]
    pub fn node_of(&self, broker: BrokerId) -> NodeId {
        let at = self.brokers.binary_search_by_key(&broker, |(id, _)| *id);
        self.brokers[at.expect("every broker of the cluster is in the directory")].1
    }
}

/// A connection, unique in a world. Messages within it arrive in order or it dies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ConnId(pub u32);

/// A sync under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SyncToken(pub u32);

/// An operation of the application above a client machine; chosen by the host, unique per node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OpId(pub u32);

/// What a machine can learn.
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer opened a connection to this node.
    Opened(ConnId, NodeId),
    /// A connection is gone, whoever ended it; also: it could not be made. Not told to the side that closed it itself.
    Closed(ConnId),
    /// A message; in order within a connection.
    Recv(ConnId, Msg),
    /// A timer set earlier, not since replaced or cancelled.
    Timer(Timer),
    /// Everything appended before this sync was asked for is durable.
    Synced(SyncToken),
    /// The application above a client machine wants something.
    Call(OpId, Call),
    /// The operator asks the process to end in good order (SIGTERM); it answers with [`Effect::Exit`] when it is done.
    Shutdown,
}

/// The names of timers; setting one replaces it. At most one of each name is pending per node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// Broker: the fetcher from another broker may go on.
    Fetcher(BrokerId),
    /// Broker: the earliest deadline of delayed operations.
    Purgatory,
    /// Broker: look for replicas that fell out of sync.
    IsrCheck,
    /// Broker: write high watermarks to the checkpoint file.
    HighWatermarkCheckpoint,
    /// Broker: flush logs to disk as the operating system does in the background.
    Writeback,
    /// Broker: the channel to the controller (registration, heartbeats, AlterPartition).
    Lifecycle,
    /// Broker: the channel on which metadata is fetched.
    MetadataFetch,
    /// Broker: look for log segments that are too old or too many.
    Retention,
    /// Broker: compact logs.
    Cleaner,
    /// Broker: its logs are recovered, or its start takes too long.
    Startup,
    /// Broker: drop producer ids that were idle too long.
    ProducerExpiry,
    /// Broker: the earliest deadline of the group coordinator.
    GroupCoordinator,
    /// Controller: look for brokers whose session ended.
    SessionCheck,
    /// Controller: move leaders back to preferred replicas.
    LeaderBalance,
    /// Controller: the earliest deadline of a parked request.
    ControllerPurgatory,
    /// Controller: the earliest deadline of its part in the quorum.
    Quorum,
    /// Broker: the earliest deadline of the transaction coordinator.
    TransactionCoordinator,
    /// Broker: the link to another broker may be tried again, or a request on it takes too long.
    Link(BrokerId),
    /// Producer: the sender thread's next wake-up.
    Sender,
    /// Producer: calls blocked in `send` for metadata or memory.
    Blocked,
    /// Consumer: the poll thread's next wake-up.
    Poll,
    /// Consumer: the heartbeat thread's next wake-up.
    Heartbeat,
    /// Admin client: its next wake-up.
    Admin,
    /// A process of people's own code: the earliest timer of the clients in it.
    Application,
}

/// What the application above a client machine may ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Producer: `send`. Completes with `Accepted` or `Refused`; later a [`Report::Delivered`] covers the record.
    Send(SendCall),
    /// Producer: `flush`. Completes with `Done`.
    Flush,
    /// Producer: what concerns its transactions. Completes with `Done`.
    Transaction(TransactionCall),
    /// Client: `close`, waiting for what is under way. Completes with `Done`.
    Close,
    /// Producer: `close` with a timeout: what is not settled by then is given up. Completes with `Done`.
    CloseWithin(stormglass_types::Span),
    /// Consumer: `subscribe`. Completes with `Done` at once.
    Subscribe(Vec<TopicId>),
    /// Consumer: `subscribe` with a pattern, given as the topics whose names match, existing or not. Completes at once.
    SubscribeMatching(Vec<TopicId>),
    /// Consumer: `poll` for at most this long. Completes with `Records`, which may be empty.
    Poll(stormglass_types::Span),
    /// Consumer: `commitSync` of these positions. Completes with `Done`.
    CommitSync(Vec<(TopicPartition, Offset)>),
    /// Consumer: `commitAsync` of these positions. Completes with `Done` when the answer is there.
    CommitAsync(Vec<(TopicPartition, Offset)>),
    /// Consumer: everything else. Completes with `Done` at once.
    Steer(Steer),
    /// Admin: create a topic. Completes with `Done`.
    CreateTopic(crate::message::NewTopic),
    /// Admin: delete a topic. Completes with `Done`.
    DeleteTopic(TopicId),
    /// Admin: delete a partition's records below an offset, or everything that is committed. Completes with `Done`.
    DeleteRecords {
        /// Of which partition.
        partition: TopicPartition,
        /// Up to where; none for the high watermark.
        before: Option<Offset>,
    },
    /// Admin: raise a topic's number of partitions. Completes with `Done`.
    CreatePartitions {
        /// Whose.
        topic: TopicId,
        /// To how many.
        partitions: u16,
    },
    /// Admin: remove a group without members, and its offsets. Completes with `Done`.
    DeleteGroup(GroupId),
    /// Admin: move a partition's replicas, or stop moving them. Completes with `Done` when that has begun.
    Reassign {
        /// Which partition.
        partition: TopicPartition,
        /// To these brokers, the preferred one first; none to stop.
        replicas: Option<crate::metadata::Brokers>,
    },
    /// Admin: limit how fast all brokers copy what is throttled, in bytes per second, or take the limit away. Completes with
    /// `Done`.
    Throttle(Option<u64>),
    /// Admin: move a partition's leadership. Completes with `Done`.
    ElectLeader {
        /// Which partition.
        partition: TopicPartition,
        /// To this in-sync replica, or to the preferred one.
        to: Option<BrokerId>,
    },
}

/// What an application asks of a transactional producer (KIP-98).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionCall {
    /// `initTransactions`: fences every other producer of the id, and ends what they left open.
    Init,
    /// `beginTransaction`. Completes at once.
    Begin,
    /// `commitTransaction`: after everything sent is settled.
    Commit,
    /// `abortTransaction`.
    Abort,
}

/// What an application asks of a consumer beside reading and committing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Steer {
    /// Be on the network even while no call blocks, and wait for [`Steer::HandedOver`] before partitions are given up: as
    /// librdkafka does, whose threads run beside the application and whose rebalance callback runs inside its `poll`.
    Background,
    /// Wait for [`Steer::HandedOver`] before partitions are given up: there is a `ConsumerRebalanceListener`.
    Listen,
    /// `unsubscribe`: leave the group and own nothing.
    Unsubscribe,
    /// `assign`: own these partitions without being assigned them by a group.
    Assign(Vec<(TopicPartition, Start)>),
    /// `seek`.
    Seek(TopicPartition, Start),
    /// `onPartitionsAssigned` seeks there, whatever is committed.
    SeekOnAssign(Start),
    /// `pause`.
    Hold(Vec<TopicPartition>),
    /// `resume`.
    Release(Vec<TopicPartition>),
    /// `offsets_store` of librdkafka: everything before these offsets is to be committed in time, by the client.
    Store(Vec<(TopicPartition, Offset)>),
    /// The application has run its callback: partitions may be given up.
    HandedOver,
}

/// Where reading begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At the group's committed offset, or else as `auto.offset.reset` says.
    Committed,
    /// As `auto.offset.reset` says.
    Policy,
    /// At the log start.
    Earliest,
    /// At the high watermark.
    Latest,
    /// At the first record that is no older than this by the client's wall clock, or else at the high watermark
    /// (`offsetsForTimes`).
    Ago(stormglass_types::Span),
    /// At this offset.
    At(Offset),
}

/// One `send`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendCall {
    /// Where to.
    pub topic: TopicId,
    /// The partition, if the application names one.
    pub partition: Option<u16>,
    /// The key and its hash under the producer's partitioner ([`crate::settings::Partitioner::hash`]).
    pub key: Option<(Key, u32)>,
    /// The size of key, value and headers in bytes.
    pub bytes: u32,
    /// What `gzip` would save of a thousand of those among others of their kind.
    pub saves: u16,
    /// Whether it has a value.
    pub payload: crate::record::Payload,
}

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Completion {
    /// `send` returned: the record is in the buffer under this identity.
    Accepted(TopicPartition, stormglass_types::Value),
    /// `send` threw: the record never entered the buffer.
    Refused(stormglass_types::ErrorCode),
    /// `poll` returned.
    Records(Vec<PolledBatch>),
    /// Everything else.
    Done(Outcome),
}

/// Consecutive records of one partition as `poll` hands them out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PolledBatch {
    /// From which partition.
    pub partition: TopicPartition,
    /// The first record's offset.
    pub base: Offset,
    /// The records; their offsets have no gaps.
    pub values: ValueRange,
}

/// What a client machine tells its application without being asked: callbacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// The callbacks of one batch's records. `base` is -1 where the broker told no offset.
    Delivered {
        /// Where to.
        partition: TopicPartition,
        /// The records.
        values: ValueRange,
        /// The first record's offset.
        base: Offset,
        /// How they ended.
        outcome: Outcome,
    },
    /// The member has its assignment in a generation, whatever that changes.
    Joined(Generation),
    /// The member is none any more.
    Parted(Generation),
    /// `onPartitionsAssigned`.
    Assigned(Generation, Vec<TopicPartition>),
    /// `onPartitionsRevoked`.
    Revoked(Generation, Vec<TopicPartition>),
    /// `onPartitionsLost`.
    Lost(Generation, Vec<TopicPartition>),
    /// The consumer set a position without reading.
    Positioned(TopicPartition, Offset, Positioning),
    /// The consumer sent a commit of one partition, for itself or for the application.
    Committing(Generation, TopicPartition, Offset),
    /// A commit of one partition ended.
    Committed(TopicPartition, Offset, Outcome),
}

/// What a machine does to the outside.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open a connection; messages may be sent on it at once and queue behind the handshake.
    Connect(ConnId, NodeId),
    /// Send a message.
    Send(ConnId, Msg),
    /// Close a connection. Messages sent before still arrive; nothing is received any more.
    Close(ConnId),
    /// Wake this node at an instant; replaces the timer of the same name.
    SetTimer(Timer, Time),
    /// Forget a timer.
    CancelTimer(Timer),
    /// Make everything appended so far durable.
    Sync(SyncToken),
    /// A call ended.
    Complete(OpId, Completion),
    /// A callback to the application.
    Report(Report),
    /// The process ends by itself: in good order after [`Input::Shutdown`], or because it cannot go on.
    Exit(Exit),
}

/// Why a process ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It was asked to and has cleaned up.
    Clean,
    /// It cannot go on (`Exit.halt`).
    Halted,
}

/// Where a machine's effects go. Owned and reused by the host, which keeps its counters per world.
#[derive(Clone, Default, Debug)]
pub struct Outbox {
    /// The effects of the input being handled, in order.
    pub effects: Vec<Effect>,
    /// Observations for white-box invariants and the history; machines never read them.
    pub notes: Vec<Note>,
    /// Rare branches taken.
    pub marks: Marks,
    next_conn: u32,
    next_sync: u32,
}

impl Outbox {
    /// Opens a connection to a node.
    pub fn connect(&mut self, to: NodeId) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.effects.push(Effect::Connect(conn, to));
        conn
    }

    /// Sends a request.
    pub fn request(&mut self, conn: ConnId, correlation: Correlation, request: Request) {
        self.effects.push(Effect::Send(conn, Msg::Request(correlation, request)));
    }

    /// Answers a request.
    pub fn respond(&mut self, conn: ConnId, correlation: Correlation, response: Response) {
        self.effects.push(Effect::Send(conn, Msg::Response(correlation, response)));
    }

    /// Closes a connection.
    pub fn close(&mut self, conn: ConnId) {
        self.effects.push(Effect::Close(conn));
    }

    /// Sets a timer, replacing the one of the same name.
    pub fn set_timer(&mut self, timer: Timer, at: Time) {
        self.effects.push(Effect::SetTimer(timer, at));
    }

    /// Cancels a timer.
    pub fn cancel_timer(&mut self, timer: Timer) {
        self.effects.push(Effect::CancelTimer(timer));
    }

    /// Asks for a sync of everything written so far.
    pub fn sync(&mut self) -> SyncToken {
        self.next_sync += 1;
        let token = SyncToken(self.next_sync);
        self.effects.push(Effect::Sync(token));
        token
    }

    /// Ends a call.
    pub fn complete(&mut self, op: OpId, completion: Completion) {
        self.effects.push(Effect::Complete(op, completion));
    }

    /// Calls the application back.
    pub fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }

    /// Ends the process.
    pub fn exit(&mut self, exit: Exit) {
        self.effects.push(Effect::Exit(exit));
    }

    /// Notes a rare branch.
    pub fn mark(&mut self, mark: Mark) {
        self.marks.insert(mark);
    }

    /// Notes an observation.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
}

/// What a producer application is started with.
#[derive(Clone, Debug)]
pub struct ProducerSetup {
    /// Its settings.
    pub settings: Arc<crate::settings::ProducerSettings>,
    /// The identity of this life's records.
    pub source: SourceId,
    /// The sequence with which it begins in each partition: zero, unless this life is older than the run.
    pub sequence: Sequence,
}

/// What a member of a group is started with.
#[derive(Clone, Debug)]
pub struct ConsumerSetup {
    /// Its settings.
    pub settings: Arc<crate::settings::ConsumerSettings>,
    /// Its group.
    pub group: GroupId,
}

/// What a broker is started with.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    /// `node.id`.
    pub broker: BrokerId,
    /// `broker.rack`.
    pub rack: Option<crate::assignor::Rack>,
    /// Its settings.
    pub settings: Arc<crate::settings::BrokerSettings>,
    /// How long this life takes to recover its logs if the last one ended uncleanly.
    pub recovery: stormglass_types::Span,
    /// `__transaction_state`, if the cluster has it.
    pub transactions: Option<TopicId>,
}

/// What a controller is started with.
#[derive(Clone, Debug)]
pub struct ControllerSetup {
    /// The cluster's settings.
    pub settings: Arc<crate::settings::BrokerSettings>,
    /// The feature `eligible.leader.replicas.version`.
    pub eligible_leaders: crate::settings::EligibleLeaders,
}
