//! librdkafka's properties, and what they are called in Java's client where that has the same thing.
//!
//! Data only. Source: librdkafka's CONFIGURATION.md (2.15).

mod consumer;
mod producer;

use crate::config::{Key, Role};

/// A role's properties under their first names, in their order. Brokers and topics have none.
pub(in crate::config) const fn keys_of(role: Role) -> &'static [Key] {
    match role {
        Role::Producer => producer::PRODUCER,
        Role::Consumer => consumer::CONSUMER,
        Role::Topic | Role::Broker => &[],
    }
}

/// Other names for the same property.
pub(in crate::config) const ALIASES: &[(&str, &str)] = &[
    ("acks", "request.required.acks"),
    ("bootstrap.servers", "metadata.broker.list"),
    ("compression.type", "compression.codec"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("linger.ms", "queue.buffering.max.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("retries", "message.send.max.retries"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
];

/// Where Java's name for a property is not among its own.
pub(in crate::config) const JAVA_NAMES: &[(&str, &str)] = &[
    ("fetch.wait.max.ms", "fetch.max.wait.ms"),
    ("message.max.bytes", "max.request.size"),
    ("topic.metadata.refresh.interval.ms", "metadata.max.age.ms"),
];

/// Names that both have, for different things.
pub(in crate::config) const FALSE_FRIENDS: &[&str] = &["max.poll.records", "metadata.max.age.ms"];

/// Java's word for a value: key under Java's name, librdkafka's word, Java's.
pub(in crate::config) const JAVA_VALUES: &[(&str, &str, &str)] = &[
    ("auto.offset.reset", "latest", "latest"),
    ("auto.offset.reset", "largest", "latest"),
    ("auto.offset.reset", "end", "latest"),
    ("auto.offset.reset", "earliest", "earliest"),
    ("auto.offset.reset", "smallest", "earliest"),
    ("auto.offset.reset", "beginning", "earliest"),
    ("auto.offset.reset", "error", "none"),
];
