//! From a consumer's keys to its settings, with the checks that `ConsumerConfig` and `Heartbeat` make.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::Span;

use super::key::elements;
use super::problem::Problem;
use super::reader::Reader;
use super::{Entry, Parsed, Role, defaults};
use crate::assignor::Rack;
use crate::message::Isolation;
use crate::settings::{
    Assignor, AutoCommit, ConsumerSettings, GroupProtocol, LeaveOnClose, OffsetReset,
    RemoteAssignor, Threads,
};

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
    let retry_backoff = keys.backoff("retry.backoff.ms", "retry.backoff.max.ms");
    let settings = ConsumerSettings {
        protocol: protocol(&mut keys),
        threads: Threads::Application,
        isolation: isolation(&keys),
        session_timeout,
        heartbeat_interval,
        max_poll_interval: keys.period("max.poll.interval.ms"),
        max_poll_records: keys.small("max.poll.records"),
        auto_commit: if keys.flag("enable.auto.commit") {
            AutoCommit::Every(interval)
        } else {
            AutoCommit::Off
        },
        offset_reset: offset_reset(&mut keys),
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
        fetch_error_backoff: retry_backoff.first,
        request_timeout: keys.period("request.timeout.ms"),
        default_api_timeout: keys.millis("default.api.timeout.ms"),
        retry_backoff,
        reconnect_backoff: keys.backoff("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        metadata_max_age: keys.millis("metadata.max.age.ms"),
    };
    keys.finish(settings)
}

/// `group.protocol` and `group.remote.assignor`, with what only one of the protocols takes
/// (`ConsumerConfig.checkUnsupportedConfigsPostProcess`).
fn protocol(keys: &mut Reader<'_>) -> GroupProtocol {
    const PROTOCOL: &str = "group.protocol";
    const ASSIGNOR: &str = "group.remote.assignor";
    const ONLY_CLASSIC: [(&str, &str); 4] = [
        (
            "heartbeat.interval.ms",
            "with `group.protocol: consumer` brokers decide: `group.consumer.heartbeat.interval.ms`",
        ),
        (
            "session.timeout.ms",
            "with `group.protocol: consumer` brokers decide: `group.consumer.session.timeout.ms`",
        ),
        (
            "partition.assignment.strategy",
            "with `group.protocol: consumer` brokers assign: `group.remote.assignor` says how",
        ),
        (
            "internal.leave.group.on.close",
            "with `group.protocol: consumer` a member always says goodbye",
        ),
    ];
    let asked = keys.text(ASSIGNOR);
    if keys.text(PROTOCOL).eq_ignore_ascii_case("classic") {
        if !asked.is_empty() {
            let why = "with `group.protocol: classic` members assign: `partition.assignment.strategy` says how";
            keys.refuse(ASSIGNOR, Problem::Conflict { with: PROTOCOL, why });
        }
        return GroupProtocol::Classic;
    }
    for (key, why) in ONLY_CLASSIC {
        keys.refuse(key, Problem::Conflict { with: PROTOCOL, why });
    }
    let assignor = RemoteAssignor::ALL.into_iter().find(|assignor| assignor.name() == asked);
    if assignor.is_none() && !asked.is_empty() {
        keys.refuse(ASSIGNOR, Problem::UnknownWord { words: &["uniform", "range"] });
    }
    GroupProtocol::Consumer(assignor)
}

/// `auto.offset.reset`, with KIP-1106's durations.
fn offset_reset(keys: &mut Reader<'_>) -> OffsetReset {
    const KEY: &str = "auto.offset.reset";
    match keys.text(KEY) {
        "earliest" => OffsetReset::Earliest,
        "latest" => OffsetReset::Latest,
        "none" => OffsetReset::None,
        text => match text.strip_prefix("by_duration:").and_then(iso_duration) {
            Some(age) => OffsetReset::ByDuration(age),
            None => {
                let words = &["earliest", "latest", "none", "by_duration:PT1H"];
                keys.refuse(KEY, Problem::UnknownWord { words });
                OffsetReset::Latest
            }
        },
    }
}

/// `PnDTnHnMnS` without fractions, as `java.time.Duration` reads it; none if it is anything else.
fn iso_duration(text: &str) -> Option<Span> {
    const DAY: &[(char, u64)] = &[('D', 86_400)];
    const TIME: &[(char, u64)] = &[('H', 3_600), ('M', 60), ('S', 1)];
    let text = text.strip_prefix('P')?;
    let (days, time) = text.split_once('T').unwrap_or((text, ""));
    let (mut total, mut parts) = (0_u64, 0);
    for (mut text, units) in [(days, DAY), (time, TIME)] {
        for (unit, seconds) in units {
            let Some((number, after)) = text.split_once(*unit) else { continue };
            let number: u64 = number.parse().ok()?;
            total = number.checked_mul(*seconds)?.checked_add(total)?;
            text = after;
            parts += 1;
        }
        if !text.is_empty() {
            return None;
        }
    }
    (parts > 0).then_some(Span::secs(total))
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

/// `isolation.level`.
pub(super) fn isolation(keys: &Reader<'_>) -> Isolation {
    match keys.text("isolation.level") {
        "read_committed" => Isolation::Committed,
        _ => Isolation::Uncommitted,
    }
}
