//! A run as a value: everything that decides it, fully lowered.
//!
//! No names of files, no YAML, no defaults left, no randomness but the seed. Equal plans give equal digests.

mod producers;

use std::sync::Arc;

use stormglass_kafka::assignor::Rack;
use stormglass_kafka::message::Api;
use stormglass_kafka::settings::{
    BrokerSettings, ConsumerSettings, EligibleLeaders, ProducerSettings, TopicSettings,
};
use stormglass_kafka::{CrashKind, Mark, Rules, Start};
use stormglass_types::history::CommitMode;
use stormglass_types::{BrokerId, Dense, GroupId, NodeId, Span, Time, TopicId, TopicPartition};

pub use producers::{
    AtStop, ChosenBy, Dealt, DealtBy, FlushEvery, Keys, Load, OnFailure, OnFenced, ProducerPlan,
    Sending, ShareRange, Transactions, WaitsFor, WeightedKey,
};

/// Everything that decides a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The source of all chance.
    pub seed: u64,
    /// Brokers and controllers.
    pub cluster: Cluster,
    /// The protocol's safety rules in force.
    pub rules: Rules,
    /// The topics of the user: `TopicId(n + 1)` is `topics[n]`; `TopicId(0)` is `__consumer_offsets`.
    pub topics: Vec<TopicPlan>,
    /// The names of keys, indexed by [`stormglass_types::Key`].
    pub keys: Arc<[String]>,
    /// Producer applications, one per process.
    pub producers: Vec<ProducerPlan>,
    /// Consumer groups: `GroupId(n)` is `groups[n]`.
    pub groups: Vec<GroupPlan>,
    /// Processes of people's own code, whose clients are opened from outside.
    pub applications: Vec<ApplicationPlan>,
    /// How fast messages travel.
    pub network: Network,
    /// How fast disks sync.
    pub disk: Disk,
    /// What goes wrong, and when.
    pub faults: Vec<ScheduledFault>,
    /// How long the run is.
    pub phases: Phases,
}

impl Plan {
    /// `__transaction_state`, which a cluster without transactional producers never creates; it comes after the user's topics.
    #[must_use]
    pub fn transaction_topic(&self) -> Option<TopicId> {
        let transactional = self.producers.iter().any(|it| it.settings.transaction.is_some());
        transactional.then(|| TopicId::from_index(self.topics.len() + 1))
    }
}

/// Brokers and controllers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// How many brokers; ids from 1.
    pub brokers: u16,
    /// How many controllers.
    pub controllers: u16,
    /// Their settings.
    pub settings: Arc<BrokerSettings>,
    /// `broker.rack` of the brokers in turn; none if empty.
    pub racks: Arc<[Rack]>,
    /// The feature `eligible.leader.replicas.version`.
    pub eligible_leaders: EligibleLeaders,
}

impl Cluster {
    /// `broker.rack`.
    #[must_use]
    pub fn rack_of(&self, broker: BrokerId) -> Option<Rack> {
        let turn = (broker.index() - 1).checked_rem(self.racks.len())?;
        Some(self.racks[turn])
    }
}

/// A topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPlan {
    /// Its name.
    pub name: String,
    /// How many partitions at the start.
    pub partitions: u16,
    /// How many replicas each.
    pub replication: u16,
    /// Its settings.
    pub settings: Arc<TopicSettings>,
    /// When an operator creates it, counted from when the other topics exist; none if it is one of those.
    pub created_after: Option<Span>,
}

/// A closed range of sizes in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SizeRange {
    /// The smallest.
    pub least: u32,
    /// The largest.
    pub most: u32,
}

/// A closed range of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpanRange {
    /// The shortest.
    pub least: Span,
    /// The longest.
    pub most: Span,
}

/// A consumer group and its application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupPlan {
    /// `group.id`.
    pub name: String,
    /// What it subscribes to.
    pub topics: Vec<TopicId>,
    /// Whether those are named, or match a pattern.
    pub subscribing: Subscribing,
    /// Its members.
    pub members: Vec<MemberPlan>,
    /// When its application commits.
    pub commit: CommitMode,
    /// How it commits.
    pub commits: Commits,
    /// How its application processes records.
    pub processing: Processing,
    /// How long `poll` waits.
    pub poll_timeout: Span,
    /// Where its application seeks in `onPartitionsAssigned`, whatever is committed; nowhere unless set.
    pub seek_on_assign: Option<Start>,
}

/// How a group says what it subscribes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subscribing {
    /// By name.
    Names,
    /// By a pattern: topics count from when the client sees that they exist.
    Pattern,
    /// Not at all: each member assigns itself every partition that there is at the start.
    Assigns,
}

/// How an application commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commits {
    /// With which call.
    pub call: CommitCall,
    /// What one call covers.
    pub scope: CommitScope,
    /// At most once in this time.
    pub every: Span,
    /// What it does in `onPartitionsRevoked`.
    pub at_revocation: AtRevocation,
    /// Where its offsets are kept.
    pub store: OffsetStore,
}

impl Commits {
    /// `commitSync` of everything, every time, and nothing else.
    pub const PLAIN: Self = Self {
        call: CommitCall::Sync,
        scope: CommitScope::Poll,
        every: Span::ZERO,
        at_revocation: AtRevocation::Nothing,
        store: OffsetStore::Kafka,
    };
}

/// With which call an application commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitCall {
    /// `commitSync`.
    Sync,
    /// `commitAsync`, and what its callback does about a failure.
    Async(Retry),
    /// None: it stores offsets, and librdkafka commits them in time (`enable.auto.offset.store=false`).
    Store,
}

/// What the callback of `commitAsync` does about a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Nothing: the next commit covers it.
    Never,
    /// It commits the same offsets again after a while, whatever was committed since.
    Blindly(Span),
    /// It commits them again after a while, unless a newer commit was sent since.
    IfNewest(Span),
}

/// What one commit covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitScope {
    /// Everything that a poll gave.
    Poll,
    /// The records of one partition among those that a poll gave.
    Partition,
    /// A single record.
    Record,
}

/// What an application does in `onPartitionsRevoked`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtRevocation {
    /// Nothing.
    Nothing,
    /// It commits what it has processed.
    Commit,
}

/// Where an application keeps its offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetStore {
    /// In Kafka.
    Kafka,
    /// In a database, in one transaction with its results.
    Own(Fencing),
}

/// Whether a database refuses writes of members that have lost their partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fencing {
    /// It takes whatever comes.
    None,
    /// It refuses those of an older generation than the partition's last owner.
    ByGeneration,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberPlan {
    /// The process's name, such as `billing-1`.
    pub name: String,
    /// Its client's settings.
    pub settings: Arc<ConsumerSettings>,
    /// When it starts, counted from when the topics exist.
    pub starts_after: Span,
    /// The settings of lives that begin later, in the order of their times.
    pub releases: Vec<Release>,
    /// The times for which its group is smaller, in their order.
    pub absences: Vec<Absence>,
}

/// A time for which a member is not meant to run, since its group was scaled in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Absence {
    /// From when on, counted from the beginning of the storm.
    pub from: Span,
    /// Until its group is scaled out again, if it is.
    pub until: Option<Span>,
    /// How it goes.
    pub leaving: Leaving,
}

/// How a member goes when its group is scaled in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaving {
    /// It finishes what it has in hand and closes its client.
    Closes,
    /// It is killed.
    Dies,
}

/// Settings that a process has when it starts from a time on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// From when on, counted from the beginning of the storm.
    pub since: Span,
    /// Its client's settings then.
    pub settings: Arc<ConsumerSettings>,
}

impl MemberPlan {
    /// The settings of a life that begins so long after the beginning of the storm.
    #[must_use]
    pub fn settings_after(&self, since: Span) -> &Arc<ConsumerSettings> {
        let released = self.releases.iter().take_while(|release| release.since <= since);
        released.last().map_or(&self.settings, |release| &release.settings)
    }

    /// The settings of all its lives.
    pub fn all_settings(&self) -> impl Iterator<Item = &Arc<ConsumerSettings>> {
        let later = self.releases.iter().map(|release| &release.settings);
        core::iter::once(&self.settings).chain(later)
    }
}

/// A process of people's own code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplicationPlan {
    /// The process's name, such as `billing-1`.
    pub name: String,
    /// When it starts, counted from when the topics exist.
    pub starts_after: Span,
    /// Who says that a record is processed.
    pub processed: ProcessedBy,
}

/// Who says that people's own code has processed a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessedBy {
    /// The client: a record is processed when the code asks for the next one.
    Client,
    /// The code itself.
    Code,
}

/// How an application processes records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Processing {
    /// Time per record.
    pub each: SpanRange,
    /// Time per poll that gave records, before the first of them.
    pub per_poll: SpanRange,
    /// Time per record of some keys instead, sorted by key.
    pub slow_keys: Vec<(stormglass_types::Key, Span)>,
    /// Calls that block now and then.
    pub blocking: Option<Blocking>,
    /// Records that it cannot process.
    pub poison: Option<Poison>,
    /// Where it happens.
    pub place: Place,
    /// On another thread: partitions are paused while more records than this wait.
    pub queue: Option<u32>,
    /// What becomes of results that were written before.
    pub sink: Sink,
}

impl Processing {
    /// Nothing but time per record, in the poll loop.
    #[must_use]
    pub const fn plain(each: SpanRange) -> Self {
        Self {
            each,
            per_poll: SpanRange { least: Span::ZERO, most: Span::ZERO },
            slow_keys: Vec::new(),
            blocking: None,
            poison: None,
            place: Place::PollLoop,
            queue: None,
            sink: Sink::Plain,
        }
    }
}

/// Calls that block now and then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocking {
    /// How seldom: one record in so many.
    pub one_in: u32,
    /// For how long.
    pub lasting: SpanRange,
}

/// Records that an application cannot process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Poison {
    /// Which.
    pub records: Poisonous,
    /// How often it tries.
    pub attempts: u32,
    /// How long it waits before it tries again.
    pub pause: Span,
    /// What it does then.
    pub then: OnPoison,
}

/// Which records an application cannot process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Poisonous {
    /// Those of these keys, sorted.
    Keys(Vec<stormglass_types::Key>),
    /// One in so many, the same ones for everybody.
    OneIn(u32),
}

/// What an application does with a record that it cannot process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OnPoison {
    /// The exception ends the process, which is started again.
    Crash,
    /// It goes on with the next record.
    Skip,
    /// It tries again, for ever.
    Retry,
    /// It sends it to a topic of its own, waits for the ack, and goes on.
    DeadLetter {
        /// Where to.
        topic: TopicId,
        /// The settings of the producer that does.
        settings: Arc<ProducerSettings>,
    },
}

/// What becomes of results that were written before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sink {
    /// They are there twice.
    Plain,
    /// The sink knows each record and drops what it has.
    Idempotent,
}

/// Where an application processes records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the poll loop: the next `poll` comes when all records are done.
    PollLoop,
    /// On another thread: `poll` goes on at once and the records wait in a queue.
    OtherThread,
}

/// How fast messages travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// One-way latency.
    pub latency: SpanRange,
    /// Bytes per second of a link.
    pub bytes_per_second: u64,
}

/// How fast disks are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    /// Time per sync.
    pub sync: SpanRange,
    /// Time that a broker takes to recover its logs after an unclean stop.
    pub recovery: SpanRange,
}

/// How long the run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phases {
    /// Load and faults, counted from when the topics exist.
    pub storm: Span,
    /// After healing: how long the pipeline has to come to rest.
    pub settle: Span,
    /// A run with more events than this is cut off and undecided.
    pub max_events: u64,
}

/// A fault of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduledFault {
    /// When it strikes.
    pub when: Trigger,
    /// What it does.
    pub action: FaultAction,
}

/// When a fault strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// At a time, counted from when the topics exist.
    At(Span),
    /// Some time after a rare branch was taken for the first time.
    After(Mark, Span),
    /// On the nth message that matches, counted from one and from a time on.
    On {
        /// Which messages.
        pattern: MessagePattern,
        /// The how-manyth of them.
        nth: u32,
        /// Counted from here, itself counted from when the topics exist.
        since: Span,
    },
}

/// Which messages a fault waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessagePattern {
    /// Which kind; any if none.
    pub api: Option<Api>,
    /// Requests or responses.
    pub direction: MessageDirection,
    /// The process that opened the connection; any if empty.
    pub clients: Vec<NodeId>,
    /// The process that accepted it; any if empty.
    pub servers: Vec<NodeId>,
}

/// Requests or responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageDirection {
    /// From the side that opened the connection.
    Request,
    /// From the side that accepted it.
    Response,
}

/// Which applications are told something about partitions that they have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Readers {
    /// Those of this group's members.
    pub group: GroupId,
    /// Only this one, if set.
    pub member: Option<NodeId>,
    /// About this partition only, if set.
    pub partition: Option<TopicPartition>,
}

/// Whom a fault strikes; looked up when it strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// This process.
    Process(NodeId),
    /// One of these processes, drawn.
    OneOf(Vec<NodeId>),
    /// The leader of a partition, as the controller knows it.
    LeaderOf(TopicPartition),
    /// A replica of a partition that does not lead it, drawn.
    FollowerOf(TopicPartition),
    /// The broker that coordinates a group.
    CoordinatorOf(GroupId),
    /// The active controller.
    Controller,
}

/// One or both ways of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ways {
    /// From the first to the second only.
    One,
    /// Both.
    Both,
}

/// What a fault does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FaultAction {
    /// The process dies and starts again after a while.
    Kill {
        /// Whom.
        target: Target,
        /// How.
        kind: CrashKind,
        /// For how long.
        down: Span,
    },
    /// The process is asked to stop and starts again after a while.
    Restart {
        /// Whom.
        target: Target,
        /// How long it stays down.
        down: Span,
    },
    /// The process is held: nothing runs, inputs wait (a GC pause, a suspended machine).
    Pause {
        /// Whom.
        target: Target,
        /// For how long.
        lasting: Span,
    },
    /// Messages between two processes wait; connections stall.
    Cut {
        /// From whom.
        from: Target,
        /// To whom.
        to: Target,
        /// One way or both.
        ways: Ways,
        /// For how long.
        lasting: Span,
    },
    /// Messages between a process and everyone wait.
    Isolate {
        /// Whom.
        target: Target,
        /// For how long.
        lasting: Span,
    },
    /// Messages from and to a process take longer.
    Slow {
        /// Whose.
        target: Target,
        /// By how much.
        by: Span,
        /// For how long.
        lasting: Span,
    },
    /// All connections of a process are reset; what was on the way is gone.
    Reset {
        /// Whose.
        target: Target,
    },
    /// The message that triggered this is lost and its connection reset: a lost request or a lost response.
    Lose,
    /// The message that triggered this is held up: it may arrive after its sender gave up.
    Late {
        /// By how much.
        by: Span,
    },
    /// Syncs take longer.
    SlowDisk {
        /// Whose.
        target: Target,
        /// Time per sync.
        sync: Span,
        /// For how long.
        lasting: Span,
    },
    /// Requests that touch the disk wait; heartbeats go on (a gray failure).
    StallDisk {
        /// Whose.
        target: Target,
        /// For how long.
        lasting: Span,
    },
    /// The disk is full: the next append halts the broker, which cannot start until there is room.
    FillDisk {
        /// Whose.
        target: Target,
        /// For how long.
        lasting: Span,
    },
    /// The wall clock jumps.
    JumpClock {
        /// Whose.
        target: Target,
        /// By how many milliseconds.
        by_ms: i64,
    },
    /// A leadership moves to another in-sync replica although its leader is well.
    Flip {
        /// Of which partition.
        partition: TopicPartition,
    },
    /// A broker learns of metadata late.
    LagMetadata {
        /// Who.
        target: Target,
        /// By how much.
        by: Span,
        /// For how long.
        lasting: Span,
    },
    /// An application takes longer per record.
    SlowProcessing {
        /// Whose.
        target: Target,
        /// Time per record.
        each: Span,
        /// For how long.
        lasting: Span,
    },
    /// Applications seek in partitions that they have.
    Seek {
        /// Whose, and where.
        readers: Readers,
        /// Where to.
        to: Start,
    },
    /// Applications pause partitions that they have (`KafkaConsumer.pause`), poll on, and resume them after a while. As with
    /// Kafka's client, a pause ends with the assignment: what a member is given anew is read.
    PauseReading {
        /// Whose, and which.
        readers: Readers,
        /// For how long.
        lasting: Span,
    },
    /// An operator removes a group and its offsets; refused while it has members.
    DeleteGroup {
        /// Which group.
        group: GroupId,
    },
    /// An operator deletes a topic and creates it anew after a while.
    DeleteTopic {
        /// Which topic.
        topic: TopicId,
        /// After how long.
        gone: Span,
    },
    /// An operator deletes a partition's first records.
    DeleteRecords {
        /// Of which partition.
        partition: TopicPartition,
        /// Those below this offset; none for all that are committed.
        before: Option<u64>,
    },
    /// An operator moves a partition's replicas to other brokers, or stops moving them.
    Reassign {
        /// Which partition.
        partition: TopicPartition,
        /// To these brokers, the preferred one first; none to stop.
        replicas: Option<Vec<BrokerId>>,
    },
    /// An operator limits how fast all brokers copy what is throttled, or takes the limit away.
    Throttle {
        /// Bytes per second; none is without limit.
        rate: Option<u64>,
    },
    /// An operator raises a topic's number of partitions.
    Expand {
        /// Which topic.
        topic: TopicId,
        /// To how many.
        partitions: u16,
    },
}

impl GroupPlan {
    /// The settings of the producer that its members send dead letters with, if they do.
    #[must_use]
    pub fn letters(&self) -> Option<&Arc<ProducerSettings>> {
        match &self.processing.poison.as_ref()?.then {
            OnPoison::DeadLetter { settings, .. } => Some(settings),
            OnPoison::Crash | OnPoison::Skip | OnPoison::Retry => None,
        }
    }

    /// Whether its application passes over what it cannot process.
    #[must_use]
    pub fn skips(&self) -> bool {
        self.processing.poison.as_ref().is_some_and(|poison| poison.then == OnPoison::Skip)
    }
}

impl Plan {
    /// The processes: controllers, brokers, producers, members, people's own code, and the operator last.
    #[must_use]
    pub fn roster(&self) -> Roster {
        let members = self.groups.iter().map(|group| group.members.len()).collect::<Vec<_>>();
        Roster {
            controllers: usize::from(self.cluster.controllers),
            brokers: usize::from(self.cluster.brokers),
            producers: self.producers.len(),
            members,
            applications: self.applications.len(),
        }
    }

    /// When the storm is over, counted from when the topics exist.
    #[must_use]
    pub fn storm_ends(&self, topics_exist: Time) -> Time {
        topics_exist + self.phases.storm
    }

    /// The settings of a topic, internal ones included; none if the plan has no such topic.
    #[must_use]
    pub fn topic(&self, topic: TopicId) -> Option<&TopicPlan> {
        self.topics.get(topic.index().checked_sub(1)?)
    }
}

/// Which process has which node id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster {
    controllers: usize,
    brokers: usize,
    producers: usize,
    members: Vec<usize>,
    applications: usize,
}

impl Roster {
    /// The controllers.
    pub fn controllers(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        (0..self.controllers).map(NodeId::from_index)
    }

    /// The brokers, with their ids.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = (BrokerId, NodeId)> + use<> {
        let first = self.controllers;
        (0..self.brokers).map(move |n| (BrokerId::from_index(n + 1), NodeId::from_index(first + n)))
    }

    /// A broker's node.
    #[must_use]
    pub fn broker(&self, broker: BrokerId) -> NodeId {
        NodeId::from_index(self.controllers + broker.index() - 1)
    }

    /// Which broker runs at a node, if one does.
    #[must_use]
    pub fn broker_at(&self, node: NodeId) -> Option<BrokerId> {
        let nth = node.index().checked_sub(self.controllers)?;
        (nth < self.brokers).then(|| BrokerId::from_index(nth + 1))
    }

    /// The producers, in the order of the plan.
    pub fn producers(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        let first = self.controllers + self.brokers;
        (0..self.producers).map(move |n| NodeId::from_index(first + n))
    }

    /// The members of a group, in the order of the plan.
    pub fn members(&self, group: GroupId) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        let before: usize = self.members[..group.index()].iter().sum();
        let first = self.controllers + self.brokers + self.producers + before;
        (0..self.members[group.index()]).map(move |n| NodeId::from_index(first + n))
    }

    /// The processes of people's own code, in the order of the plan.
    pub fn applications(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        let first = self.len() - 1 - self.applications;
        (0..self.applications).map(move |n| NodeId::from_index(first + n))
    }

    /// The operator.
    #[must_use]
    pub fn admin(&self) -> NodeId {
        NodeId::from_index(self.len() - 1)
    }

    /// How many processes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let members = self.members.iter().sum::<usize>();
        self.controllers + self.brokers + self.producers + members + self.applications + 1
    }

    /// Never: the operator is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
