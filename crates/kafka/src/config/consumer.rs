//! From a consumer's keys to its settings, with the checks that `ConsumerConfig` and `Heartbeat` make.

use alloc::vec;

use super::key::elements;
use super::problem::Problem;
use super::reader::Reader;
use super::{Entry, Parsed, Role, defaults};
use crate::settings::{Assignor, AutoCommit, ConsumerSettings, OffsetReset};

/// Parses a consumer's configuration.
#[must_use]
pub fn parse_consumer<'a>(entries: &[Entry<'a>]) -> Parsed<'a, ConsumerSettings> {
    let mut keys = Reader::new(Role::Consumer, entries);
    check_assignors(&mut keys);
    let session_timeout = keys.period("session.timeout.ms");
    let heartbeat_interval = keys.period("heartbeat.interval.ms");
    if heartbeat_interval >= session_timeout {
        let why = "heartbeats must come more often than the session times out";
        keys.conflict("heartbeat.interval.ms", "session.timeout.ms", why);
    }
    let interval = keys.millis("auto.commit.interval.ms");
    let settings = ConsumerSettings {
        session_timeout,
        heartbeat_interval,
        max_poll_interval: keys.period("max.poll.interval.ms"),
        max_poll_records: keys.small("max.poll.records"),
        auto_commit: if keys.flag("enable.auto.commit") {
            AutoCommit::Every(interval)
        } else {
            AutoCommit::Off
        },
        offset_reset: match keys.text("auto.offset.reset") {
            "earliest" => OffsetReset::Earliest,
            "none" => OffsetReset::None,
            _ => OffsetReset::Latest,
        },
        assignors: vec![Assignor::Range],
        fetch_min_bytes: keys.small("fetch.min.bytes"),
        fetch_max_bytes: keys.small("fetch.max.bytes"),
        max_partition_fetch_bytes: keys.small("max.partition.fetch.bytes"),
        fetch_max_wait: keys.millis("fetch.max.wait.ms"),
        request_timeout: keys.period("request.timeout.ms"),
        default_api_timeout: keys.millis("default.api.timeout.ms"),
        retry_backoff: keys.backoff("retry.backoff.ms", "retry.backoff.max.ms"),
        reconnect_backoff: keys.backoff("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        metadata_max_age: keys.millis("metadata.max.age.ms"),
    };
    keys.finish(settings)
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        defaults(parse_consumer(&[]))
    }
}

/// A group whose members all prefer range, and list the cooperative assignor second as Kafka's default does, uses range and
/// the eager protocol until the first one is dropped from the lists. So the default list is range alone here.
fn check_assignors(keys: &mut Reader<'_>) {
    const KEY: &str = "partition.assignment.strategy";
    let class = |word: &str| {
        word.rsplit_once('.')
            .map_or_else(|| alloc::string::String::from(word), |(_, class)| class.into())
    };
    let mut classes = elements(keys.text(KEY)).map(class);
    let first = classes.next();
    let others_do_nothing = classes.all(|class| class == "CooperativeStickyAssignor");
    match first.as_deref() {
        Some("RangeAssignor") if others_do_nothing => {}
        Some(
            "RangeAssignor" | "RoundRobinAssignor" | "StickyAssignor" | "CooperativeStickyAssignor",
        ) => {
            let modelled = "`org.apache.kafka.clients.consumer.RangeAssignor`, alone or before `CooperativeStickyAssignor`";
            keys.refuse(KEY, Problem::ValueNotModelled { modelled });
        }
        Some(_) => {
            let words = &[
                "org.apache.kafka.clients.consumer.RangeAssignor",
                "org.apache.kafka.clients.consumer.RoundRobinAssignor",
                "org.apache.kafka.clients.consumer.StickyAssignor",
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
            ];
            keys.refuse(KEY, Problem::UnknownWord { words });
        }
        None => keys.refuse(KEY, Problem::Empty),
    }
}
