//! From the keys of brokers and topics to their settings, with the checks that `KafkaConfig` makes.

use alloc::vec::Vec;

use stormglass_types::Span;

use super::key::elements;
use super::problem::Problem;
use super::reader::Reader;
use super::{Entry, Parsed, Role, defaults};
use crate::settings::{
    BrokerSettings, ConsumerGroupSettings, ControlledShutdown, RemoteAssignor, TimestampType,
    TopicSettings, UncleanElection,
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
        replica_fetch_min_bytes: keys.small("replica.fetch.min.bytes"),
        replica_fetch_max_bytes: keys.small("replica.fetch.max.bytes"),
        replica_fetch_response_max_bytes: keys.small("replica.fetch.response.max.bytes"),
        replica_fetch_backoff: keys.millis("replica.fetch.backoff.ms"),
        replica_socket_timeout: keys.period("replica.socket.timeout.ms"),
        high_watermark_checkpoint_interval: keys
            .period("replica.high.watermark.checkpoint.interval.ms"),
        heartbeat_interval: keys.period("broker.heartbeat.interval.ms"),
        session_timeout: keys.period("broker.session.timeout.ms"),
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
    let set = |name: &str| keys.set(name).is_some();
    let settings = TopicSettings {
        min_insync_replicas: if set(TOPIC_NAMES.min_insync_replicas) {
            own.min_insync_replicas
        } else {
            cluster.min_insync_replicas
        },
        unclean_election: if set(TOPIC_NAMES.unclean_election) {
            own.unclean_election
        } else {
            cluster.unclean_election
        },
        max_message_bytes: if set(TOPIC_NAMES.max_message_bytes) {
            own.max_message_bytes
        } else {
            cluster.max_message_bytes
        },
        timestamp_type: if set(TOPIC_NAMES.timestamp_type) {
            own.timestamp_type
        } else {
            cluster.timestamp_type
        },
        flush_messages: if set(TOPIC_NAMES.flush_messages) {
            own.flush_messages
        } else {
            cluster.flush_messages
        },
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
    flush_messages: &'static str,
}

const BROKER_NAMES: Names = Names {
    min_insync_replicas: "min.insync.replicas",
    unclean_election: "unclean.leader.election.enable",
    max_message_bytes: "message.max.bytes",
    timestamp_type: "log.message.timestamp.type",
    flush_messages: "log.flush.interval.messages",
};

const TOPIC_NAMES: Names = Names {
    min_insync_replicas: "min.insync.replicas",
    unclean_election: "unclean.leader.election.enable",
    max_message_bytes: "max.message.bytes",
    timestamp_type: "message.timestamp.type",
    flush_messages: "flush.messages",
};

fn topic(keys: &mut Reader<'_>, names: &Names) -> TopicSettings {
    let flush_messages = keys.count(names.flush_messages);
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
        flush_messages: (flush_messages < i64::MAX.unsigned_abs()).then_some(flush_messages),
    }
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
        assignors: remote_assignors(keys),
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
