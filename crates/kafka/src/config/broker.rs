//! From the keys of brokers and topics to their settings, with the checks that `KafkaConfig` makes.

use alloc::vec::Vec;

use stormglass_types::{BrokerId, Span};

use super::key::elements;
use super::problem::Problem;
use super::producer::levels;
use super::reader::Reader;
use super::{Entry, Parsed, Role, defaults};
use crate::compression::{Codec, Levels, Repack, TopicCompression};
use crate::settings::{
    BrokerSettings, Cleanup, CleanupPolicy, ConsumerGroupSettings, ControlledShutdown,
    MigrationPolicy, Past, QuorumSettings, RemoteAssignor, ReplicaSelector, Throttled,
    ThrottledReplicas, Throttles, TimestampType, TopicSettings, TransactionSettings,
    UncleanElection, Verification,
};

/// Parses the configuration of a cluster's brokers and controllers.
#[must_use]
pub fn parse_broker<'a>(entries: &[Entry<'a>]) -> Parsed<'a, BrokerSettings> {
    let mut keys = Reader::new(Role::Broker, entries);
    check_waits(&mut keys);
    let rebalance = keys.flag("auto.leader.rebalance.enable");
    let imbalance_check = keys.count("leader.imbalance.check.interval.seconds");
    let settings = BrokerSettings {
        replica_lag_time_max: keys.period("replica.lag.time.max.ms"),
        replica_fetch_wait_max: keys.millis("replica.fetch.wait.max.ms"),
        throttles: throttles(&mut keys),
        replica_fetch_min_bytes: keys.small("replica.fetch.min.bytes"),
        replica_fetch_max_bytes: keys.small("replica.fetch.max.bytes"),
        replica_fetch_response_max_bytes: keys.small("replica.fetch.response.max.bytes"),
        replica_fetch_backoff: keys.millis("replica.fetch.backoff.ms"),
        replica_socket_timeout: keys.period("replica.socket.timeout.ms"),
        replica_selector: replica_selector(&mut keys),
        high_watermark_checkpoint_interval: keys
            .period("replica.high.watermark.checkpoint.interval.ms"),
        start_checkpoint_interval: keys.millis("log.flush.start.offset.checkpoint.interval.ms"),
        log_initial_task_delay: keys.millis("log.initial.task.delay.ms"),
        cleaner_backoff: keys
            .flag("log.cleaner.enable")
            .then(|| keys.period("log.cleaner.backoff.ms")),
        retention_check_interval: keys.period("log.retention.check.interval.ms"),
        heartbeat_interval: keys.period("broker.heartbeat.interval.ms"),
        session_timeout: keys.period("broker.session.timeout.ms"),
        max_startup: Some(keys.count("server.max.startup.time.ms"))
            .filter(|limit| *limit < UNLIMITED)
            .map(Span::millis),
        controlled_shutdown: if keys.flag("controlled.shutdown.enable") {
            ControlledShutdown::On
        } else {
            ControlledShutdown::Off
        },
        leader_imbalance_check_interval: if rebalance {
            Span::secs(imbalance_check)
        } else {
            Span::ZERO
        },
        leader_imbalance_percentage: keys.small("leader.imbalance.per.broker.percentage"),
        producer_id_expiration: keys.millis("producer.id.expiration.ms"),
        producer_id_expiration_check: keys.period("producer.id.expiration.check.interval.ms"),
        offsets_topic_partitions: keys.tiny("offsets.topic.num.partitions"),
        offsets_topic_replication: keys.tiny("offsets.topic.replication.factor"),
        offsets_commit_timeout: keys.millis("offsets.commit.timeout.ms"),
        offsets_retention: Span::secs(keys.count("offsets.retention.minutes").saturating_mul(60)),
        offsets_retention_check: keys.period("offsets.retention.check.interval.ms"),
        group_initial_rebalance_delay: keys.millis("group.initial.rebalance.delay.ms"),
        group_min_session_timeout: keys.millis("group.min.session.timeout.ms"),
        group_max_session_timeout: keys.millis("group.max.session.timeout.ms"),
        group_max_size: keys.small("group.max.size"),
        consumer_group: consumer_group(&mut keys),
        quorum: quorum(&mut keys),
        transactions: transactions(&mut keys),
        topic: topic(&mut keys, &BROKER_NAMES),
    };
    keys.finish(settings)
}

/// Parses a topic's configuration, over the cluster's defaults.
#[must_use]
pub fn parse_topic<'a>(
    entries: &[Entry<'a>],
    cluster: &TopicSettings,
) -> Parsed<'a, TopicSettings> {
    let mut keys = Reader::new(Role::Topic, entries);
    let own = topic(&mut keys, &TOPIC_NAMES);
    let throttled = ThrottledReplicas {
        leader: throttled(&mut keys, "leader.replication.throttled.replicas"),
        follower: throttled(&mut keys, "follower.replication.throttled.replicas"),
    };
    let set = |name: &str| keys.set(name).is_some();
    let names = &TOPIC_NAMES;
    let over = |name: &str| if set(name) { &own } else { cluster };
    let settings = TopicSettings {
        min_insync_replicas: over(names.min_insync_replicas).min_insync_replicas,
        unclean_election: over(names.unclean_election).unclean_election,
        max_message_bytes: over(names.max_message_bytes).max_message_bytes,
        timestamp_type: over(names.timestamp_type).timestamp_type,
        timestamp_before_max: over(names.timestamp_before_max).timestamp_before_max,
        timestamp_after_max: over(names.timestamp_after_max).timestamp_after_max,
        flush_messages: over(names.flush_messages).flush_messages,
        compression: TopicCompression {
            repack: over("compression.type").compression.repack,
            levels: Levels {
                gzip: over("compression.gzip.level").compression.levels.gzip,
                lz4: over("compression.lz4.level").compression.levels.lz4,
                zstd: over("compression.zstd.level").compression.levels.zstd,
            },
        },
        throttled,
        cleanup: Cleanup {
            policy: over(names.policy).cleanup.policy,
            retention: over(names.retention[0]).cleanup.retention,
            retention_bytes: over(names.retention_bytes).cleanup.retention_bytes,
            segment_age: over(names.segment_age[0]).cleanup.segment_age,
            segment_bytes: over(names.segment_bytes).cleanup.segment_bytes,
            delete_retention: over(names.delete_retention).cleanup.delete_retention,
            min_dirty_millionths: over(names.min_dirty).cleanup.min_dirty_millionths,
            min_compaction_lag: over(names.min_compaction_lag).cleanup.min_compaction_lag,
            max_compaction_lag: over(names.max_compaction_lag).cleanup.max_compaction_lag,
        },
        past: Past::Nothing,
    };
    keys.finish(settings)
}

impl Default for BrokerSettings {
    fn default() -> Self {
        defaults(parse_broker(&[]))
    }
}

impl Default for TopicSettings {
    fn default() -> Self {
        BrokerSettings::default().topic
    }
}

/// What a topic's settings are called where.
struct Names {
    min_insync_replicas: &'static str,
    unclean_election: &'static str,
    max_message_bytes: &'static str,
    timestamp_type: &'static str,
    timestamp_before_max: &'static str,
    timestamp_after_max: &'static str,
    flush_messages: &'static str,
    policy: &'static str,
    /// In milliseconds, and for brokers in minutes and hours, the strongest first.
    retention: &'static [&'static str],
    retention_bytes: &'static str,
    /// In milliseconds, and for brokers in hours.
    segment_age: &'static [&'static str],
    segment_bytes: &'static str,
    delete_retention: &'static str,
    min_dirty: &'static str,
    min_compaction_lag: &'static str,
    max_compaction_lag: &'static str,
}

const BROKER_NAMES: Names = Names {
    min_insync_replicas: "min.insync.replicas",
    unclean_election: "unclean.leader.election.enable",
    max_message_bytes: "message.max.bytes",
    timestamp_type: "log.message.timestamp.type",
    timestamp_before_max: "log.message.timestamp.before.max.ms",
    timestamp_after_max: "log.message.timestamp.after.max.ms",
    flush_messages: "log.flush.interval.messages",
    policy: "log.cleanup.policy",
    retention: &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
    retention_bytes: "log.retention.bytes",
    segment_age: &["log.roll.ms", "log.roll.hours"],
    segment_bytes: "log.segment.bytes",
    delete_retention: "log.cleaner.delete.retention.ms",
    min_dirty: "log.cleaner.min.cleanable.ratio",
    min_compaction_lag: "log.cleaner.min.compaction.lag.ms",
    max_compaction_lag: "log.cleaner.max.compaction.lag.ms",
};

const TOPIC_NAMES: Names = Names {
    min_insync_replicas: "min.insync.replicas",
    unclean_election: "unclean.leader.election.enable",
    max_message_bytes: "max.message.bytes",
    timestamp_type: "message.timestamp.type",
    timestamp_before_max: "message.timestamp.before.max.ms",
    timestamp_after_max: "message.timestamp.after.max.ms",
    flush_messages: "flush.messages",
    policy: "cleanup.policy",
    retention: &["retention.ms"],
    retention_bytes: "retention.bytes",
    segment_age: &["segment.ms"],
    segment_bytes: "segment.bytes",
    delete_retention: "delete.retention.ms",
    min_dirty: "min.cleanable.dirty.ratio",
    min_compaction_lag: "min.compaction.lag.ms",
    max_compaction_lag: "max.compaction.lag.ms",
};

/// The largest number that Kafka's settings hold, which stands for no limit.
const UNLIMITED: u64 = i64::MAX.unsigned_abs();

fn topic(keys: &mut Reader<'_>, names: &Names) -> TopicSettings {
    let limit = |number: u64| (number < UNLIMITED).then_some(number);
    let flush_messages = limit(keys.count(names.flush_messages));
    let before_max = limit(keys.count(names.timestamp_before_max)).map(Span::millis);
    let after_max = limit(keys.count(names.timestamp_after_max)).map(Span::millis);
    TopicSettings {
        min_insync_replicas: keys.tiny(names.min_insync_replicas),
        unclean_election: if keys.flag(names.unclean_election) {
            UncleanElection::Allowed
        } else {
            UncleanElection::Forbidden
        },
        max_message_bytes: keys.small(names.max_message_bytes),
        timestamp_type: match keys.text(names.timestamp_type) {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        },
        timestamp_before_max: before_max,
        timestamp_after_max: after_max,
        flush_messages,
        compression: TopicCompression {
            repack: match Codec::named(keys.text("compression.type")) {
                Some(codec) => Repack::Into(codec),
                None => Repack::Keep,
            },
            levels: levels(keys),
        },
        throttled: ThrottledReplicas::default(),
        cleanup: cleanup(keys, names),
        past: Past::Nothing,
    }
}

fn throttles(keys: &mut Reader<'_>) -> Throttles {
    let mut rate = |name: &str| Some(keys.count(name)).filter(|rate| *rate < UNLIMITED);
    Throttles {
        leader_rate: rate("leader.replication.throttled.rate"),
        follower_rate: rate("follower.replication.throttled.rate"),
        windows: keys.small("replication.quota.window.num"),
        window: Span::secs(keys.count("replication.quota.window.size.seconds")),
    }
}

/// `*`, or a list of `partition:broker`.
fn throttled(keys: &mut Reader<'_>, name: &str) -> Throttled {
    let text = keys.text(name).trim();
    let replica = |word: &str| {
        let (partition, broker) = word.split_once(':')?;
        Some((partition.trim().parse::<u16>().ok()?, BrokerId(broker.trim().parse().ok()?)))
    };
    match text {
        "" => Throttled::None,
        "*" => Throttled::All,
        list => match elements(list).map(replica).collect() {
            Some(replicas) => Throttled::Some(replicas),
            None => {
                keys.refuse(name, Problem::UnknownWord { words: &["*", "0:1,0:2,1:1"] });
                Throttled::None
            }
        },
    }
}

fn cleanup(keys: &mut Reader<'_>, names: &Names) -> Cleanup {
    let words = || elements(keys.text(names.policy));
    let (deletes, compacts) =
        (words().any(|word| word == "delete"), words().any(|word| word == "compact"));
    let policy = match (compacts, deletes) {
        (true, true) => CleanupPolicy::CompactAndDelete,
        (true, false) => CleanupPolicy::Compact,
        (false, _) => CleanupPolicy::Delete,
    };
    // Any negative number is without limit (`KafkaConfig.getLogRetentionTimeMillis`).
    let retention = u64::try_from(in_millis(keys, names.retention)).ok();
    if retention == Some(0) && names.retention.len() > 1 {
        let name = strongest(keys, names.retention);
        let allowed = super::Valid::AtLeast(1);
        keys.refuse(name, Problem::OutOfRange { allowed });
    }
    let segment_age = u64::try_from(in_millis(keys, names.segment_age)).unwrap_or(0);
    Cleanup {
        policy,
        retention: retention.filter(|millis| *millis < UNLIMITED).map(Span::millis),
        retention_bytes: u64::try_from(keys.integer(names.retention_bytes)).ok(),
        segment_age: Span::millis(segment_age.max(1)),
        segment_bytes: keys.small(names.segment_bytes),
        delete_retention: keys.millis(names.delete_retention),
        min_dirty_millionths: keys.millionths(names.min_dirty),
        min_compaction_lag: keys.millis(names.min_compaction_lag),
        max_compaction_lag: Some(keys.count(names.max_compaction_lag))
            .filter(|millis| *millis < UNLIMITED)
            .map(Span::millis),
    }
}

/// Which of a setting's names decides: the finest unit that is set, or else the coarsest.
fn strongest(keys: &Reader<'_>, names: &[&'static str]) -> &'static str {
    let set = names.iter().copied().find(|name| keys.set(name).is_some());
    set.unwrap_or_else(|| names.last().copied().expect("a setting has a name"))
}

/// A time in milliseconds that may be said in several units.
fn in_millis(keys: &Reader<'_>, names: &[&'static str]) -> i64 {
    let name = strongest(keys, names);
    let unit = match name.rsplit_once('.') {
        Some((_, "hours")) => 3_600_000,
        Some((_, "minutes")) => 60_000,
        Some(_) | None => 1,
    };
    keys.integer(name).saturating_mul(unit)
}

/// `group.consumer.*`, with the checks of `GroupCoordinatorConfig`.
fn consumer_group(keys: &mut Reader<'_>) -> ConsumerGroupSettings {
    const SESSION: [&str; 3] = [
        "group.consumer.session.timeout.ms",
        "group.consumer.min.session.timeout.ms",
        "group.consumer.max.session.timeout.ms",
    ];
    const HEARTBEAT: [&str; 3] = [
        "group.consumer.heartbeat.interval.ms",
        "group.consumer.min.heartbeat.interval.ms",
        "group.consumer.max.heartbeat.interval.ms",
    ];
    for [own, least, most] in [SESSION, HEARTBEAT] {
        if keys.integer(own) < keys.integer(least) {
            keys.conflict(own, least, "it must be at least as long as what a group may set");
        }
        if keys.integer(own) > keys.integer(most) {
            keys.conflict(own, most, "it must be at most as long as what a group may set");
        }
    }
    if keys.integer(HEARTBEAT[0]) >= keys.integer(SESSION[0]) {
        let why = "heartbeats must come more often than the session times out";
        keys.conflict(HEARTBEAT[0], SESSION[0], why);
    }
    ConsumerGroupSettings {
        session_timeout: keys.period(SESSION[0]),
        heartbeat_interval: keys.period(HEARTBEAT[0]),
        max_size: keys.small("group.consumer.max.size"),
        migration: migration(keys),
        assignors: remote_assignors(keys),
    }
}

fn transactions(keys: &mut Reader<'_>) -> TransactionSettings {
    let verified = keys.flag("transaction.partition.verification.enable");
    TransactionSettings {
        partitions: keys.tiny("transaction.state.log.num.partitions"),
        replication: keys.tiny("transaction.state.log.replication.factor"),
        min_insync_replicas: keys.tiny("transaction.state.log.min.isr"),
        max_timeout: keys.millis("transaction.max.timeout.ms"),
        timeout_check: keys.period("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
        id_expiration: keys.millis("transactional.id.expiration.ms"),
        expiration_check: keys.period("transaction.remove.expired.transaction.cleanup.interval.ms"),
        verification: if verified { Verification::On } else { Verification::Off },
    }
}

fn quorum(keys: &mut Reader<'_>) -> QuorumSettings {
    QuorumSettings {
        election_timeout: keys.period("controller.quorum.election.timeout.ms"),
        fetch_timeout: keys.period("controller.quorum.fetch.timeout.ms"),
        election_backoff_max: keys.millis("controller.quorum.election.backoff.max.ms"),
        append_linger: keys.millis("controller.quorum.append.linger.ms"),
        request_timeout: keys.period("controller.quorum.request.timeout.ms"),
        retry_backoff: keys.period("controller.quorum.retry.backoff.ms"),
        snapshot_bytes: keys.count("metadata.log.max.record.bytes.between.snapshots"),
        // Less than none is without limit.
        retention_bytes: u64::try_from(keys.integer("metadata.max.retention.bytes"))
            .unwrap_or(u64::MAX),
    }
}

/// A class of Kafka's own; one of somebody else's could send consumers anywhere.
fn replica_selector(keys: &mut Reader<'_>) -> ReplicaSelector {
    const KEY: &str = "replica.selector.class";
    let text = keys.text(KEY);
    let class = text.rsplit_once('.').map_or(text, |(_, class)| class);
    match class {
        "" => ReplicaSelector::Leader,
        "RackAwareReplicaSelector" => ReplicaSelector::RackAware,
        _ => {
            let words = &["org.apache.kafka.common.replica.RackAwareReplicaSelector"];
            keys.refuse(KEY, Problem::UnknownWord { words });
            ReplicaSelector::Leader
        }
    }
}

fn migration(keys: &Reader<'_>) -> MigrationPolicy {
    let policy = keys.text("group.consumer.migration.policy");
    if policy.eq_ignore_ascii_case("disabled") {
        MigrationPolicy::Disabled
    } else if policy.eq_ignore_ascii_case("upgrade") {
        MigrationPolicy::Upgrade
    } else if policy.eq_ignore_ascii_case("downgrade") {
        MigrationPolicy::Downgrade
    } else {
        MigrationPolicy::Bidirectional
    }
}

fn remote_assignors(keys: &mut Reader<'_>) -> Vec<RemoteAssignor> {
    const KEY: &str = "group.consumer.assignors";
    let mut assignors = Vec::new();
    for word in elements(keys.text(KEY)) {
        let class = word.rsplit_once('.').map_or(word, |(_, class)| class);
        match RemoteAssignor::ALL.into_iter().find(|assignor| assignor.class() == class) {
            Some(assignor) if !assignors.contains(&assignor) => assignors.push(assignor),
            Some(_) => {
                let why = "each assignor may be named once";
                keys.refuse(KEY, Problem::Conflict { with: KEY, why });
            }
            None => {
                let words = &[
                    "org.apache.kafka.coordinator.group.assignor.UniformAssignor",
                    "org.apache.kafka.coordinator.group.assignor.RangeAssignor",
                ];
                keys.refuse(KEY, Problem::UnknownWord { words });
            }
        }
    }
    if assignors.is_empty() {
        if keys.text(KEY).is_empty() {
            keys.refuse(KEY, Problem::Empty);
        }
        assignors.push(RemoteAssignor::Uniform);
    }
    assignors
}

fn check_waits(keys: &mut Reader<'_>) {
    let wait = keys.integer("replica.fetch.wait.max.ms");
    if wait > keys.integer("replica.socket.timeout.ms") {
        let why = "a follower must not give up before its leader may answer";
        keys.conflict("replica.fetch.wait.max.ms", "replica.socket.timeout.ms", why);
    }
    if wait > keys.integer("replica.lag.time.max.ms") {
        let why = "a follower that waits for records would fall out of the in-sync set";
        keys.conflict("replica.fetch.wait.max.ms", "replica.lag.time.max.ms", why);
    }
    if keys.integer("group.min.session.timeout.ms") > keys.integer("group.max.session.timeout.ms") {
        let why = "no consumer could join";
        keys.conflict("group.min.session.timeout.ms", "group.max.session.timeout.ms", why);
    }
    if keys.set("leader.imbalance.per.broker.percentage").is_some()
        && keys.integer("leader.imbalance.per.broker.percentage") > 100
    {
        let allowed = super::Valid::Between(0, 100);
        keys.refuse("leader.imbalance.per.broker.percentage", Problem::OutOfRange { allowed });
    }
}
