//! The shape of a scenario file: the one table of keys that the reader, the suggestions and the JSON Schema share.
//!
//! Values are not kept here: these types are never built, only described.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use stormglass_kafka::config::{Client, DefaultValue, Key, Kind, Role, Support, Valid};
use stormglass_kafka::message::Api;
use stormglass_kafka::{Mark, Rule};
use stormglass_sim::chaos::Family;

/// A mapping with known keys.
pub(super) trait Section {
    /// What it is called in messages.
    const TITLE: &'static str;
    /// Its keys.
    const KEYS: &'static [&'static str];
}

/// The JSON Schema of scenario files, for editors.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    without_null(&mut schema);
    schema
}

/// An absent key is not a null one.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(entries) => {
            entries.values_mut().for_each(without_null);
            if let Some(types) = entries.get_mut("type")
                && let Value::Array(names) = types
            {
                names.retain(|name| name != "null");
                if let [only] = names.as_slice() {
                    *types = only.clone();
                }
            }
            if let Some(Value::Array(options)) = entries.get_mut("anyOf") {
                options.retain(|option| option != &json!({ "type": "null" }));
                if let [Value::Object(only)] = options.as_slice() {
                    let only = only.clone();
                    entries.remove("anyOf");
                    entries.extend(only);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Declares a section: its title, and its keys with their types.
macro_rules! sections {
    ($($(#[doc = $doc:literal])* $name:ident = $title:literal {
        $($(#[doc = $key_doc:literal])* $key:literal $field:ident: $type:ty,)*
    })*) => {$(
        $(#[doc = $doc])*
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        #[expect(dead_code, reason = "described, never built")]
        pub(super) struct $name {
            $($(#[doc = $key_doc])* #[schemars(rename = $key)] $field: $type,)*
        }

        impl Section for $name {
            const TITLE: &'static str = $title;
            const KEYS: &'static [&'static str] = &[$($key,)*];
        }
    )*};
}

sections! {
    /// A Kafka pipeline, the storm it is put through, and what must hold.
    File = "a scenario" {
        /// What this scenario shows, for people.
        "about" about: Option<String>,
        /// How long, and with which seeds.
        "run" run: Option<Run>,
        /// Brokers and controllers.
        "cluster" cluster: Option<Cluster>,
        /// Topics by name.
        "topics" topics: BTreeMap<String, Topic>,
        /// Producer applications by name.
        "producers" producers: Option<BTreeMap<String, Producer>>,
        /// Consumer groups by name, which is their `group.id`.
        "groups" groups: Option<BTreeMap<String, Group>>,
        /// Processes by name whose code is a test's own (`#[stormglass::test]`).
        "applications" applications: Option<BTreeMap<String, Application>>,
        /// What goes wrong, and when.
        "faults" faults: Option<Vec<Fault>>,
        /// Faults drawn per seed: `off`, `default`, or a list of families.
        "chaos" chaos: Option<Chaos>,
        /// What must hold, what must break, and what must have been seen.
        "expect" expect: Expect,
    }
    /// How long, and with which seeds.
    Run = "`run`" {
        /// Load and faults last so long; 60s unless set.
        "for" storm: Option<Duration>,
        /// After healing, the pipeline must come to rest within this; 2m unless set.
        "settle" settle: Option<Duration>,
        /// The seeds that `stormglass test` runs: a number, or a range whose end is not included; 20 unless set.
        "seeds" seeds: Option<Seeds>,
        /// A run with more events is cut off and undecided; 50 million unless set.
        "max-events" max_events: Option<u64>,
    }
    /// Brokers and controllers.
    Cluster = "`cluster`" {
        /// How many brokers; 3 unless set.
        "brokers" brokers: Option<u16>,
        /// How many controllers: 1 unless set; 3 or 5 are a quorum.
        "controllers" controllers: Option<u16>,
        /// `broker.rack` of the brokers in turn; none unless set.
        "racks" racks: Option<Vec<String>>,
        /// Features of the cluster, by Kafka's names.
        "features" features: Option<Features>,
        /// Kafka's broker settings.
        "config" config: Option<BrokerConfig>,
        /// A properties file with Kafka's broker settings, beside the scenario.
        "properties" properties: Option<String>,
        /// Whose bugs: none of those that are known (`repaired`, unless set), or those that a release of Apache Kafka shipped with.
        "profile" profile: Option<ClusterProfile>,
        /// Safety rules of the protocol to switch off; `stormglass rules` lists them.
        "without" without: Option<Vec<RuleName>>,
        /// How fast messages travel.
        "network" network: Option<Network>,
        /// How fast disks are.
        "disk" disk: Option<Disk>,
    }
    /// Features of the cluster, which an operator raises from version to version.
    Features = "`features`" {
        /// Eligible leader replicas (KIP-966): 0 as in Kafka 4.0 unless set, or 1 as in new clusters from 4.1.
        "eligible.leader.replicas.version" eligible_leaders: Option<u16>,
    }
    /// How fast messages travel.
    Network = "`network`" {
        /// One way; 200us..800us unless set.
        "latency" latency: Option<Durations>,
        /// Of each link; 125MB/s unless set.
        "bandwidth" bandwidth: Option<Bandwidth>,
    }
    /// How fast disks are.
    Disk = "`disk`" {
        /// Time per sync; 1ms..5ms unless set.
        "sync" sync: Option<Durations>,
        /// Time that a broker takes to recover its logs after an unclean stop, before which it serves nobody; none unless set.
        "log-recovery" log_recovery: Option<Durations>,
    }
    /// A topic.
    Topic = "a topic" {
        /// How many partitions.
        "partitions" partitions: u16,
        /// How many replicas each; 3, or as many as there are brokers, unless set.
        "replication.factor" replication: Option<u16>,
        /// When an operator creates it; before everything else unless set.
        "after" after: Option<Duration>,
        /// Kafka's topic settings.
        "config" config: Option<TopicConfig>,
        /// A properties file with Kafka's topic settings, beside the scenario.
        "properties" properties: Option<String>,
    }
    /// A producer application.
    Producer = "a producer" {
        /// How many processes, each with the load below; 1 unless set.
        "instances" instances: Option<u16>,
        /// The instances share one stream of events with the load below: they get them in turn (`round-robin`), whatever their keys, or each those of its keys (`by-key`). Each has a stream of its own unless set.
        "spread" spread: Option<Spread>,
        /// Whose client it is.
        "profile" profile: Option<Profile>,
        /// Kafka's producer settings.
        "config" config: Option<ProducerConfig>,
        /// A properties file with Kafka's producer settings, beside the scenario.
        "properties" properties: Option<String>,
        /// The topic it sends to.
        "to" to: String,
        /// Records per time and instance, or of all instances with `spread`; 100/s unless set.
        "rate" rate: Option<Rate>,
        /// Each instance stops after so many records.
        "records" records: Option<u64>,
        /// How many records each instance has sent to each partition before the run, long ago, so that they are gone from the topic: its sequences go on from there, and begin at zero again after 2147483647. None unless set.
        "sent-before" sent_before: Option<u64>,
        /// The records' keys; none unless set.
        "keys" keys: Option<Keys>,
        /// The records' values.
        "values" values: Option<Values>,
        /// When it starts; at once unless set.
        "after" after: Option<Duration>,
        /// What the application does about a record whose send failed: `give-up`, unless set, or `send-again`, until that works.
        "on-failure" on_failure: Option<OnFailure>,
        /// How the application sends: with a `callback`, unless set; `blocking`, so that it waits for each record's end before the next (`send().get()`); or `fire-and-forget`, which looks at no result and ends without `close`.
        "sends" sends: Option<Sends>,
        /// The partition, if the application names it: a number, or `by-key`, the key's hash modulo the partitions at the start.
        "partition" partition: Option<OwnPartition>,
        /// When the application calls `flush`, which returns when everything is settled; never unless set.
        "flush" flush: Option<Flush>,
        /// When the application begins and ends transactions, which a `transactional.id` makes possible and necessary; `${member}` stands for the process's name in it. What was not committed is sent again in the next transaction.
        "transactions" transactions: Option<Transactions>,
        /// What the application does when it is asked to stop: `close` until everything is settled (`wait`, unless set) or for so long, or nothing (`never`).
        "close" close: Option<Close>,
    }
    /// When an application begins and ends transactions: it begins one with a record, and commits it when its load ends, too.
    Transactions = "`transactions`" {
        /// It commits after so many records, or so long after it began: `100`, or `500ms`.
        "every" every: NumberOrDuration,
        /// What becomes of a process whose client can only be closed, since another one has its `transactional.id`: `restart`, unless set, or `stop`.
        "on-fenced" on_fenced: Option<OnFenced>,
        /// How long it takes until it is started again; 2s unless set.
        "restart" restart: Option<Duration>,
    }
    /// When an application flushes.
    Flush = "`flush`" {
        /// After so many records, or so long after the last time: `100`, or `500ms`.
        "every" every: NumberOrDuration,
    }
    /// Which keys records carry.
    SomeKeys = "`keys`" {
        /// How many different keys, `key-1`, `key-2` …; 1000 unless set.
        "count" count: Option<u64>,
        /// How unevenly they come: `even`, or `zipf 1.1`.
        "skew" skew: Option<Skew>,
        /// Keys by name with their share of the records, such as `customer-7: 80%`.
        "hot" hot: Option<BTreeMap<String, Percent>>,
    }
    /// The records' values.
    Values = "`values`" {
        /// The size of a record, or a range of sizes; 512 unless set.
        "bytes" bytes: Option<Sizes>,
        /// The share of records without a value, which delete their key from a compacted topic: `5%`; none unless set.
        "tombstones" tombstones: Option<Percent>,
        /// What gzip would save of many such records together, or a range to draw each record's from; 60% unless set.
        "compressible" compressible: Option<Percents>,
    }
    /// A consumer group and its application.
    Group = "a group" {
        /// How many members; 1 unless set.
        "members" members: Option<u16>,
        /// Whose client it is.
        "profile" profile: Option<Profile>,
        /// The topics it reads, or `{ pattern: "orders-.*" }`.
        "subscribe" subscribe: Option<Subscribe>,
        /// Instead of `subscribe`: topics whose partitions each member assigns itself, all of them.
        "assign" assign: Option<Names>,
        /// `client.rack` of its members in turn.
        "racks" racks: Option<Vec<String>>,
        /// Kafka's consumer settings.
        "config" config: Option<ConsumerConfig>,
        /// A properties file with Kafka's consumer settings, beside the scenario.
        "properties" properties: Option<String>,
        /// How the application processes records.
        "process" process: Option<Process>,
        /// When the application commits; `auto`, as Kafka, unless set; or when and how.
        "commit" commit: Option<Committing>,
        /// What the application does in `onPartitionsAssigned`; nothing unless set.
        "on-assign" on_assign: Option<OnAssign>,
        /// When it grows or shrinks, and to how many members.
        "scale" scale: Option<Vec<Scale>>,
        /// Other settings, which members have that start from some time on: a deployment, once they are restarted.
        "releases" releases: Option<Vec<Release>>,
        /// How long `poll` waits; 100ms unless set.
        "poll" poll: Option<Duration>,
        /// When its first member starts; at once unless set.
        "after" after: Option<Duration>,
        /// The time between the starts of its members; none unless set.
        "stagger" stagger: Option<Duration>,
    }
    /// A process whose code is a test's own.
    Application = "an application" {
        /// How many processes run the code; 1 unless set.
        "instances" instances: Option<u16>,
        /// The `group.id` that the code consumes with.
        "group" group: Option<String>,
        /// The topics that the group reads.
        "subscribe" subscribe: Option<Names>,
        /// When the code is meant to commit, which decides what is promised; `after-processing` unless set.
        "commit" commit: Option<Commit>,
        /// Who says that a record is processed: the client, when the code asks for the next one (`automatic`), or the code itself (`explicit`).
        "processed" processed: Option<Marks>,
        /// When it starts; at once unless set.
        "after" after: Option<Duration>,
    }
    /// Settings of members that start from some time on.
    Release = "`releases`" {
        /// From when on.
        "at" at: Duration,
        /// Kafka's consumer settings then, instead of the group's.
        "config" config: Option<ConsumerConfig>,
        /// A properties file with Kafka's consumer settings, beside the scenario.
        "properties" properties: Option<String>,
    }
    /// What an application does in `onPartitionsAssigned`.
    OnAssign = "`on-assign`" {
        /// It seeks there, whatever is committed: `beginning`, `end`, `5m ago` or `offset 120`.
        "seek" seek: Whence,
    }
    /// A group grows or shrinks.
    Scale = "`scale`" {
        /// When.
        "at" at: Duration,
        /// To how many members; those that were added last go first.
        "to" to: u16,
        /// When it shrinks, how they go: they `close` their clients, unless set, or are killed (`kill`).
        "by" by: Option<ScaleBy>,
    }
    /// When an application commits, and how.
    Commits = "`commit`" {
        /// When; `after-processing` unless set.
        "when" when: Option<Commit>,
        /// With which call: `sync`, unless set, or `async`.
        "call" call: Option<CommitCall>,
        /// With `async`: what the callback does about a failure; `never` retries unless set.
        "retry" retry: Option<Retry>,
        /// With `retry`: how long it waits before; 1s unless set.
        "pause" pause: Option<Duration>,
        /// What one commit covers: a `poll`, unless set, a `partition` of one, or a `record`.
        "per" per: Option<CommitScope>,
        /// At most once in this time.
        "every" every: Option<Duration>,
        /// What `onPartitionsRevoked` does: `nothing`, unless set, or `commit`.
        "on-revoke" on_revoke: Option<OnRevoke>,
        /// Where offsets are kept: in `kafka`, unless set, or in a database with the results, which takes every write (`own`) or refuses those of older generations (`own-fenced`).
        "store" store: Option<OffsetStore>,
    }
    /// A pattern subscription.
    Matching = "`subscribe`" {
        /// A regular expression that whole names of topics match.
        "pattern" pattern: String,
    }
    /// How an application processes records.
    Process = "`process`" {
        /// Time per record, or a range; 1ms unless set.
        "each" each: Option<Durations>,
        /// Time per poll that gave records, or a range, before the first of them; none unless set.
        "poll" poll: Option<Durations>,
        /// Time per record of some keys instead.
        "slow" slow: Option<BTreeMap<String, Duration>>,
        /// Calls that block now and then.
        "block" block: Option<Blocking>,
        /// Records that it cannot process.
        "poison" poison: Option<Poison>,
        /// With `other-thread`: its partitions are paused while more records than this wait.
        "queue" queue: Option<u32>,
        /// Where results go: `plain`, unless set, or `idempotent`, which knows each record and drops what it has.
        "sink" sink: Option<Sink>,
        /// Where: `poll-loop`, or `other-thread`, so that `poll` goes on at once.
        "in" place: Option<ProcessPlace>,
    }
    /// Calls that block now and then.
    Blocking = "`block`" {
        /// How seldom: one record in so many.
        "one-in" one_in: u32,
        /// For how long, or a range.
        "for" lasting: Durations,
    }
    /// Records that an application cannot process.
    Poison = "`poison`" {
        /// One record in so many, the same ones whoever reads them.
        "one-in" one_in: Option<u32>,
        /// The records of these keys.
        "keys" keys: Option<Names>,
        /// What it does with one: `crash`, `skip`, `retry` for ever, or `dead-letter`.
        "then" then: OnPoison,
        /// How often it tries before that; once unless set.
        "attempts" attempts: Option<u32>,
        /// How long it waits before it tries again; 100ms unless set.
        "pause" pause: Option<Duration>,
        /// With `dead-letter`: the topic of the dead letters.
        "to" to: Option<String>,
    }
    /// Something that goes wrong: when (`at`, `every`, `after` or `on`), what, and for how long.
    Fault = "a fault" {
        /// At a time, or at one drawn from a range.
        "at" at: Option<Durations>,
        /// Again and again, after a time drawn from this range each time.
        "every" every: Option<Durations>,
        /// When a rare branch was first taken.
        "after" after: Option<MarkName>,
        /// When a message passes.
        "on" on: Option<On>,
        /// With `after`: so much later.
        "plus" plus: Option<Duration>,
        /// With `every`: from here on.
        "from" from: Option<Duration>,
        /// With `every`: until here.
        "until" until: Option<Duration>,
        /// A process dies, and starts again after `for`.
        "kill" kill: Option<Target>,
        /// A process is asked to stop, and starts again after `for`.
        "restart" restart: Option<Target>,
        /// A process is held: a long garbage collection, a suspended machine.
        "pause" pause: Option<Target>,
        /// Messages between two processes wait: `broker-1 <-> broker-2`, or `broker-1 -> broker-2` one way only.
        "cut" cut: Option<String>,
        /// Messages between a process and everyone wait.
        "isolate" isolate: Option<Target>,
        /// Messages from and to a process take longer, by `by`.
        "slow" slow: Option<Target>,
        /// All connections of a process are reset.
        "reset" reset: Option<Target>,
        /// With `on`: the message is lost and its connection reset.
        "lose" lose: Option<Side>,
        /// With `on`: the message is held up, by `by`.
        "delay" delay: Option<Side>,
        /// Syncs take `sync` each.
        "slow-disk" slow_disk: Option<Target>,
        /// Requests that touch the disk wait; heartbeats go on.
        "stall-disk" stall_disk: Option<Target>,
        /// The disk is full.
        "fill-disk" fill_disk: Option<Target>,
        /// The wall clock jumps by `by`, which may be negative.
        "jump-clock" jump_clock: Option<Target>,
        /// The leadership of a partition moves although its leader is well.
        "move-leader" move_leader: Option<Partition>,
        /// A broker learns of metadata late, by `by`.
        "lag-metadata" lag_metadata: Option<Target>,
        /// An application takes `each` per record.
        "slow-processing" slow_processing: Option<Target>,
        /// An operator raises a topic's partitions, `to` a number.
        "expand" expand: Option<String>,
        /// An operator moves a partition's replicas to the brokers of `replicas`.
        "reassign" reassign: Option<Partition>,
        /// An operator stops moving a partition's replicas.
        "cancel-reassignment" cancel_reassignment: Option<Partition>,
        /// An operator limits how fast brokers copy what is throttled, such as `4MB/s`, or takes the limit away: `none`.
        "throttle" throttle: Option<Throttle>,
        /// The application of each member of a group, or of one member, seeks in the partitions that it has, `to` somewhere.
        "seek" seek: Option<String>,
        /// The application of each member of a group, or of one member, pauses the partitions that it has, polls on, and
        /// resumes them after `for`. What it is given anew meanwhile is not paused.
        "pause-reading" pause_reading: Option<String>,
        /// An operator removes a group and its offsets; refused while it has members.
        "delete-group" delete_group: Option<String>,
        /// An operator deletes a topic, and creates it anew after `for`.
        "delete-topic" delete_topic: Option<String>,
        /// An operator deletes a partition's records that are committed, or only those `below` an offset.
        "delete-records" delete_records: Option<Partition>,
        /// How long it lasts, or a range to draw from.
        "for" lasting: Option<Durations>,
        /// By how much, or a range to draw from.
        "by" by: Option<Jumps>,
        /// With `kill`: how it dies; `process` unless set.
        "crash" crash: Option<Crash>,
        /// With `slow-disk`: time per sync.
        "sync" sync: Option<Durations>,
        /// With `slow-processing`: time per record.
        "each" each: Option<Durations>,
        /// With `reassign`: where the replicas are to be, such as `[broker-4, broker-2, broker-3]`; the first is preferred.
        "replicas" replicas: Option<Names>,
        /// With `expand`: how many partitions. With `seek`: `beginning`, `end`, `5m ago` or `offset 120`.
        "to" to: Option<Whither>,
        /// With `seek` and `pause-reading`: only in this partition, by whoever has it.
        "partition" partition: Option<Partition>,
        /// With `delete-records`: the first offset that stays.
        "below" below: Option<u64>,
    }
    /// The message that sets a fault off.
    On = "`on`" {
        /// A request of this kind.
        "request" request: Option<ApiName>,
        /// A response to a request of this kind.
        "response" response: Option<ApiName>,
        /// Who sends it: processes, producers, groups; anyone unless set.
        "from" from: Option<Names>,
        /// Who gets it: processes, producers, groups; anyone unless set.
        "to" to: Option<Names>,
        /// The how-manyth such message; the first unless set.
        "nth" nth: Option<u32>,
        /// Counted from here on.
        "since" since: Option<Duration>,
    }
    /// What must hold, what must break, and what must have been seen.
    Expect = "`expect`" {
        /// Invariants that no seed may break.
        "hold" hold: Option<Vec<InvariantName>>,
        /// Invariants that some seed must break: what a broken scenario is there to show.
        "violate" violate: Option<Vec<InvariantName>>,
        /// Bounds on figures, such as `billing.rebalances <= 5`.
        "metrics" metrics: Option<Vec<MetricRule>>,
        /// Bounds on figures that some seed must break: what a broken scenario is there to show.
        "exceed" exceed: Option<Vec<MetricRule>>,
        /// Rare branches that a run must have taken.
        "reach" reach: Option<Vec<MarkName>>,
    }
}

/// Declares a value that is described rather than built.
macro_rules! values {
    ($($name:ident = $schema:expr;)*) => {$(
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

const SEEKS: &str = r"beginning|end|offset [0-9]+|(0|[0-9]+(ns|us|ms|s|m|h)) ago";
const ONE: &str = r"(0|[0-9]+(ns|us|ms|s|m|h))";

values! {
    Duration = pattern(&format!("^{ONE}$"), &["30s", "250ms"]);
    Durations = pattern(&format!(r"^{ONE}(\s*\.\.\s*{ONE})?$"), &["30s", "30s..90s"]);
    Jumps = pattern(&format!(r"^[-+]?{ONE}(\s*\.\.\s*{ONE})?$"), &["30s", "-5s"]);
    Whence = pattern(&format!("^({SEEKS})$"), &["end", "5m ago"]);
    Whither = number_or(&format!("^([0-9]+|{SEEKS})$"));
    Rate = pattern(r"^[0-9]+/(s|m|h)$", &["200/s"]);
    Percent = pattern(r"^[0-9]+(\.[0-9]{1,2})?%$", &["80%"]);
    Percents = pattern(r"^[0-9]+(\.[0-9]{1,2})?%(\s*\.\.\s*[0-9]+(\.[0-9]{1,2})?%)?$", &["60%", "20%..80%"]);
    Bandwidth = pattern(r"^[0-9]+(B|kB|KiB|MB|MiB)/s$", &["125MB/s"]);
    Throttle = pattern(r"^([0-9]+(B|kB|KiB|MB|MiB)/s|none)$", &["4MB/s", "none"]);
    Skew = pattern(r"^(even|zipf [0-9]+(\.[0-9]{1,2})?)$", &["zipf 1.1"]);
    Sizes = number_or(r"^[0-9]+(B|kB|KiB|MB|MiB)?(\.\.[0-9]+(B|kB|KiB|MB|MiB)?)?$");
    Seeds = number_or(r"^[0-9]+(\.\.[0-9]+)?$");
    Partition = pattern(r"^.+-[0-9]+$", &["orders-0"]);
    Target = pattern(super::target::PATTERN, super::target::EXAMPLES);
    MetricRule = pattern(r"^[^ ]+\s*(<=|>=|==|!=|<|>)\s*[0-9].*$", &["billing.rebalances <= 5"]);
    Names = json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "string" } },
    ] });
    Subscribe = json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "string" } },
        { "type": "object", "properties": { "pattern": { "type": "string" } }, "required": ["pattern"], "additionalProperties": false },
    ] });
    Chaos = json_schema!({ "anyOf": [
        { "enum": ["off", "default"] },
        { "type": "array", "items": { "enum": Family::ALL.iter().map(|family| family.name()).collect::<Vec<_>>() } },
    ] });
    Profile = words(&Client::ALL.iter().map(|client| client.name()).collect::<Vec<_>>());
    Commit = words(super::lower::COMMITS);
    CommitCall = words(super::behaviour::CALLS);
    Retry = words(super::behaviour::RETRIES);
    CommitScope = words(super::behaviour::SCOPES);
    OnRevoke = words(super::behaviour::ON_REVOKE);
    OffsetStore = words(super::behaviour::STORES);
    OnPoison = words(super::behaviour::ON_POISON);
    Sink = words(super::behaviour::SINKS);
    Marks = words(super::applications::MARKS);
    ProcessPlace = words(super::behaviour::PLACES);
    ScaleBy = words(super::scale::LEAVINGS);
    Side = words(&["request", "response"]);
    Crash = words(super::faults::CRASHES);
    Spread = words(super::producers::SPREADS);
    OnFailure = words(super::producers::ON_FAILURE);
    OnFenced = words(super::producers::ON_FENCED);
    Sends = words(super::producers::SENDS);
    OwnPartition = json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": super::producers::BY_KEY }] });
    NumberOrDuration = json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, pattern(&format!("^{ONE}$"), &["500ms"])] });
    Close = json_schema!({ "anyOf": [words(super::producers::CLOSES), pattern(&format!("^{ONE}$"), &["5s"])] });
    ClusterProfile = words(&super::lower::profiles());
    RuleName = words(&Rule::ALL.iter().map(|rule| rule.name()).collect::<Vec<_>>());
    MarkName = words(&Mark::ALL.iter().map(|mark| mark.name()).collect::<Vec<_>>());
    ApiName = words(&Api::ALL.iter().map(|api| api.name()).chain(["any"]).collect::<Vec<_>>());
    InvariantName = words(&super::expect::invariants());
    BrokerConfig = config(Role::Broker);
    TopicConfig = config(Role::Topic);
    ProducerConfig = config(Role::Producer);
    ConsumerConfig = config(Role::Consumer);
}

/// A word, or a mapping.
pub(super) struct Committing;

impl JsonSchema for Committing {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Committing")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (word, some) =
            (generator.subschema_for::<Commit>(), generator.subschema_for::<Commits>());
        json_schema!({ "anyOf": [word, some] })
    }
}

/// `none`, or a mapping.
pub(super) struct Keys;

impl JsonSchema for Keys {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Keys")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let some = generator.subschema_for::<SomeKeys>();
        json_schema!({ "anyOf": [{ "const": "none" }, some] })
    }
}

fn pattern(pattern: &str, examples: &[&str]) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "examples": examples })
}

fn number_or(pattern: &str) -> Schema {
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": pattern }] })
}

fn words(words: &[impl Serialize]) -> Schema {
    json_schema!({ "enum": words })
}

/// Kafka's settings of a role.
fn config(role: Role) -> Schema {
    let mut properties = Map::new();
    let java = Client::Java.role(role);
    for key in java.keys() {
        properties.insert(key.name.to_owned(), described(key, ""));
    }
    let other = Client::Librdkafka.role(role);
    if other.keys() != java.keys() {
        let own = other.keys().iter().map(|key| (key.name, key));
        let aliases = other.aliases().iter();
        let aliases = aliases.filter_map(|(alias, _)| Some((*alias, other.find(alias)?)));
        for (name, key) in own.chain(aliases).filter(|(name, _)| java.find(name).is_none()) {
            properties.insert(name.to_owned(), described(key, "Of librdkafka: "));
        }
    }
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn described(key: &Key, whose: &str) -> Value {
    let mut entry = Map::new();
    let not_yet = match key.support {
        Support::Modelled | Support::Inert => "",
        Support::Unmodelled => " Not modelled yet: refused unless it is left at its default.",
    };
    entry.insert("description".to_owned(), json!(format!("{whose}{}{not_yet}", key.meaning)));
    if let DefaultValue::Is(default) = key.default {
        entry.insert("default".to_owned(), json!(default));
    }
    let kind = match key.kind {
        Kind::Boolean | Kind::Switch => json!(["boolean", "string"]),
        Kind::Short | Kind::Int | Kind::Long => json!(["integer", "string"]),
        Kind::Double => json!(["number", "string"]),
        Kind::List => json!(["array", "string", "null"]),
        Kind::String | Kind::Class | Kind::Password => {
            json!(["string", "integer", "boolean", "number", "null"])
        }
    };
    entry.insert("type".to_owned(), kind);
    if let (Valid::OneOf(words), Kind::String) = (key.valid, key.kind) {
        entry.insert("examples".to_owned(), json!(words));
    }
    Value::Object(entry)
}
