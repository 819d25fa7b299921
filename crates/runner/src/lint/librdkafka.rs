//! librdkafka's names and defaults where they differ from Java's, so that one table of mistakes serves both.
//!
//! Source: librdkafka's CONFIGURATION.md (2.12). Only what a mistake looks at is here.

/// Defaults that differ, under Java's names.
pub(super) const DEFAULTS: &[(&str, &str)] = &[
    ("enable.idempotence", "false"),
    ("max.in.flight.requests.per.connection", "1000000"),
    ("delivery.timeout.ms", "300000"),
    ("partition.assignment.strategy", "RangeAssignor,RoundRobinAssignor"),
    ("isolation.level", "read_committed"),
    ("auto.offset.reset", "latest"),
    ("enable.auto.offset.store", "true"),
    ("partitioner", "consistent_random"),
    // One fetch's worth at a time; records are handed out one by one.
    ("max.poll.records", "1"),
];

/// Java's name for each of its own.
const NAMES: &[(&str, &str)] = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("request.required.acks", "acks"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("message.send.max.retries", "retries"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("fetch.wait.max.ms", "fetch.max.wait.ms"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("topic.metadata.refresh.interval.ms", "metadata.max.age.ms"),
    ("compression.codec", "compression.type"),
];

/// Java's words for each of its own.
const VALUES: &[(&str, &str, &str)] = &[
    ("auto.offset.reset", "largest", "latest"),
    ("auto.offset.reset", "end", "latest"),
    ("auto.offset.reset", "smallest", "earliest"),
    ("auto.offset.reset", "beginning", "earliest"),
    ("auto.offset.reset", "error", "none"),
    ("partition.assignment.strategy", "range", "RangeAssignor"),
    ("partition.assignment.strategy", "roundrobin", "RoundRobinAssignor"),
    ("partition.assignment.strategy", "range,roundrobin", "RangeAssignor,RoundRobinAssignor"),
    ("partition.assignment.strategy", "cooperative-sticky", "CooperativeStickyAssignor"),
];

/// What Java calls a setting and its value.
pub(super) fn in_java(key: &str, value: &str) -> (String, String) {
    let name = NAMES.iter().find(|(own, _)| *own == key).map_or(key, |(_, java)| *java);
    let plain = value.trim().replace(", ", ",");
    let word = VALUES.iter().find(|(of, own, _)| *of == name && *own == plain);
    (name.to_owned(), word.map_or(plain.as_str(), |(_, _, java)| *java).to_owned())
}
