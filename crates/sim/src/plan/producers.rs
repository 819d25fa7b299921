//! Producer applications: what they send, how they use their clients, and how events are dealt between them.

use std::sync::Arc;

use stormglass_kafka::settings::ProducerSettings;
use stormglass_types::{Sequence, Span, TopicId};

use super::SizeRange;

/// A producer application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerPlan {
    /// The process's name, such as `checkout-1`.
    pub name: String,
    /// Its client's settings.
    pub settings: Arc<ProducerSettings>,
    /// Where it sends.
    pub topic: TopicId,
    /// What it sends, and how fast.
    pub load: Load,
    /// When it starts, counted from when the topics exist.
    pub starts_after: Span,
    /// What it does about a record whose send failed.
    pub on_failure: OnFailure,
    /// How it uses its client.
    pub sending: Sending,
    /// When it begins and ends transactions; its settings have a `transactional.id` then, and only then.
    pub transactions: Option<Transactions>,
    /// Which events of a stream that it shares with others are its own; it has a stream of its own unless set.
    pub dealt: Option<Dealt>,
    /// How many records its first life has sent to each partition before the run, as a sequence. The topic must have a past
    /// then, or brokers refuse what does not begin at zero.
    pub sent_before: Sequence,
}

/// A producer's place among those between which one stream of events is dealt. They follow one another in the plan, and have
/// the same load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dealt {
    /// How it is dealt.
    pub by: DealtBy,
    /// Between how many.
    pub among: u16,
    /// Which of them this one is, from zero on.
    pub to: u16,
}

/// How events are dealt between producers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DealtBy {
    /// In turn.
    Turn,
    /// By their keys' hashes: those of a key always to the same one.
    Key,
}

/// How an application uses its producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sending {
    /// What it waits for after a record was taken in.
    pub waits_for: WaitsFor,
    /// Who says to which partition a record goes.
    pub partition: ChosenBy,
    /// When it calls `flush`, which returns when everything is settled.
    pub flush: Option<FlushEvery>,
    /// What it does when it is asked to stop.
    pub at_stop: AtStop,
}

impl Sending {
    /// A callback per record, the partitioner's choice, no `flush`, and `close` at the end.
    pub const PLAIN: Self = Self {
        waits_for: WaitsFor::Nothing,
        partition: ChosenBy::Partitioner,
        flush: None,
        at_stop: AtStop::Close,
    };
}

/// What an application waits for after a record was taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitsFor {
    /// Nothing: a callback comes, or nobody cares.
    Nothing,
    /// The end of the send, as in `send().get()`.
    Ack,
}

/// Who says to which partition a record goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChosenBy {
    /// The client's partitioner.
    Partitioner,
    /// The application: always this one.
    Number(u16),
    /// The application: the key's hash modulo this number, however many partitions there are by now.
    Key(u16),
}

/// How an application uses transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transactions {
    /// When it commits the open one: after so many records, or so long after it began it.
    pub commit: FlushEvery,
    /// What becomes of it when its client can only be closed, such as when another one was given its `transactional.id`.
    pub on_fenced: OnFenced,
}

/// What becomes of an application that was fenced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFenced {
    /// It is started again after this.
    Restart(Span),
    /// It stays down.
    Stop,
}

/// When an application calls `flush`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushEvery {
    /// After so many records.
    Records(u32),
    /// So long after the last time, if it has sent anything since.
    Time(Span),
}

/// What an application does when it is asked to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtStop {
    /// `close()`: it waits until everything is settled.
    Close,
    /// `close(timeout)`: it gives up what is not settled by then.
    CloseWithin(Span),
    /// It just ends, with what is in the buffer.
    End,
}

/// What an application does about a record whose callback tells of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFailure {
    /// Nothing: the record is lost to it.
    #[default]
    GiveUp,
    /// It sends the record again, to the partition that is chosen then, until that works.
    SendAgain,
}

/// What a producer sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    /// The mean time between records; drawn evenly from zero to twice this.
    pub every: Span,
    /// Stop after so many records.
    pub limit: Option<u64>,
    /// The keys.
    pub keys: Keys,
    /// The size of a record, key and headers included.
    pub bytes: SizeRange,
    /// How many of a million records have no value: they delete their key.
    pub tombstones: u32,
    /// What `gzip` would save of a thousand bytes of many such records together.
    pub compressible: ShareRange,
}

/// A closed range of shares of a thousand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShareRange {
    /// The smallest.
    pub least: u16,
    /// The largest.
    pub most: u16,
}

impl ShareRange {
    /// What records such as JSON let a codec save.
    pub const USUAL: Self = Self { least: 600, most: 600 };
}

/// Which keys records carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keys {
    /// None: the sticky partitioner decides.
    None,
    /// Drawn by weight.
    Weighted(Arc<[WeightedKey]>),
}

/// A key and how often it comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WeightedKey {
    /// The key, an index into [`Plan::keys`](super::Plan::keys).
    pub key: stormglass_types::Key,
    /// Its hash under the producer's partitioner.
    pub hash: u32,
    /// The sum of the weights of this key and all before it.
    pub cumulative: u64,
}
