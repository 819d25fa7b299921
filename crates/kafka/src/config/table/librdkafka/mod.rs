//! librdkafka's properties, and what they are called in Java's client where that has the same thing.
//!
//! Data only. Source: librdkafka's CONFIGURATION.md (2.15).

mod alike;
mod consumer;
mod producer;

use crate::config::{Key, Role};

/// A role's properties under their first names, in their order. Brokers and topics have none.
pub(in crate::config) const fn keys_of(role: Role) -> &'static [Key] {
    match role {
        Role::Producer => PRODUCER,
        Role::Consumer => CONSUMER,
        Role::Topic | Role::Broker => &[],
    }
}

const PRODUCER: &[Key] =
    &with_common::<{ alike::COMMON.len() + producer::PRODUCER.len() }>(producer::PRODUCER);
const CONSUMER: &[Key] =
    &with_common::<{ alike::COMMON.len() + consumer::CONSUMER.len() }>(consumer::CONSUMER);

/// A role's own properties and those that both have, in the order of names.
const fn with_common<const N: usize>(own: &[Key]) -> [Key; N] {
    let common = alike::COMMON;
    let mut all = [common[0]; N];
    let (mut of_both, mut of_own) = (0, 0);
    while of_both + of_own < N {
        let own_is_next = of_both == common.len()
            || of_own < own.len() && is_before(own[of_own].name, common[of_both].name);
        if own_is_next {
            all[of_both + of_own] = own[of_own];
            of_own += 1;
        } else {
            all[of_both + of_own] = common[of_both];
            of_both += 1;
        }
    }
    all
}

/// The order of names, for constants.
const fn is_before(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    one.len() < other.len()
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
