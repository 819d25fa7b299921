//! From a consumer's keys to its settings, with the checks that `ConsumerConfig` and `Heartbeat` make.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::key::elements;
use super::problem::Problem;
use super::reader::Reader;
use super::{Entry, Parsed, Role, defaults};
use crate::assignor::Rack;
use crate::settings::{Assignor, AutoCommit, ConsumerSettings, LeaveOnClose, OffsetReset};

/// Parses a consumer's configuration.
#[must_use]
pub fn parse_consumer<'a>(entries: &[Entry<'a>]) -> Parsed<'a, ConsumerSettings> {
    let mut keys = Reader::new(Role::Consumer, entries);
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
        assignors: assignors(&mut keys),
        instance: Some(keys.text("group.instance.id")).filter(|id| !id.is_empty()).map(Arc::from),
        rack: Some(keys.text("client.rack")).filter(|rack| !rack.is_empty()).map(Rack::of_name),
        leave_on_close: if keys.flag("internal.leave.group.on.close") {
            LeaveOnClose::Yes
        } else {
            LeaveOnClose::No
        },
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

/// The assignors of `partition.assignment.strategy`, the preferred one first.
fn assignors(keys: &mut Reader<'_>) -> Vec<Assignor> {
    const KEY: &str = "partition.assignment.strategy";
    let mut assignors: Vec<Assignor> = Vec::new();
    for word in elements(keys.text(KEY)) {
        let class = word.rsplit_once('.').map_or(word, |(_, class)| class);
        let found = Assignor::ALL.into_iter().find(|assignor| assignor.class() == class);
        match found {
            Some(assignor) if !assignors.contains(&assignor) => assignors.push(assignor),
            Some(_) => keys.refuse(
                KEY,
                Problem::Conflict { with: KEY, why: "each assignor may be named once" },
            ),
            None => {
                let words = &[
                    "org.apache.kafka.clients.consumer.RangeAssignor",
                    "org.apache.kafka.clients.consumer.RoundRobinAssignor",
                    "org.apache.kafka.clients.consumer.StickyAssignor",
                    "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
                ];
                keys.refuse(KEY, Problem::UnknownWord { words });
            }
        }
    }
    if assignors.is_empty() {
        if keys.text(KEY).is_empty() {
            keys.refuse(KEY, Problem::Empty);
        }
        assignors.push(Assignor::Range);
    }
    assignors
}
