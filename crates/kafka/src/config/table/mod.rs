//! The tables of keys, one per role, in the order of names.

mod broker;
mod consumer;
pub(super) mod librdkafka;
mod producer;
mod topic;

use super::key::Key;
use super::{Client, Role, Whose};

/// Declares a table: name, type, default, valid values, support, meaning.
macro_rules! keys {
    ($table:ident $($name:literal : $kind:ident = $default:expr, $valid:expr, $support:ident, $meaning:literal;)*) => {
        pub(super) const $table: &[$crate::config::Key] = {
            #[expect(clippy::allow_attributes, reason = "not every table uses every word")]
            #[allow(unused_imports, reason = "not every table uses every word")]
            use $crate::config::{DefaultValue::*, Valid::*};
            &[$($crate::config::Key {
                name: $name,
                kind: $crate::config::Kind::$kind,
                default: $default,
                valid: $valid,
                support: $crate::config::Support::$support,
                meaning: $meaning,
            },)*]
        };
    };
}
use keys;

/// A role's keys in Kafka's own code, in the order of names.
#[must_use]
pub const fn keys_of(role: Role) -> &'static [Key] {
    match role {
        Role::Producer => producer::PRODUCER,
        Role::Consumer => consumer::CONSUMER,
        Role::Topic => topic::TOPIC,
        Role::Broker => broker::BROKER,
    }
}

/// A role's key of this name.
#[must_use]
pub fn find(role: Role, name: &str) -> Option<&'static Key> {
    Whose { client: Client::Java, role }.find(name)
}

impl Whose {
    /// Its keys, in the order of names.
    #[must_use]
    pub const fn keys(self) -> &'static [Key] {
        match (self.client, self.role) {
            (Client::Java, role) | (Client::Librdkafka, role @ (Role::Topic | Role::Broker)) => {
                keys_of(role)
            }
            (Client::Librdkafka, role @ (Role::Producer | Role::Consumer)) => {
                librdkafka::keys_of(role)
            }
        }
    }

    /// Its key of this name, or of this other name.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'static Key> {
        self.row(name).map(|row| &self.keys()[row])
    }

    /// Names that stand for another one.
    #[must_use]
    pub const fn aliases(self) -> &'static [(&'static str, &'static str)] {
        match (self.client, self.role) {
            (Client::Librdkafka, Role::Producer | Role::Consumer) => librdkafka::ALIASES,
            (Client::Java, _) | (Client::Librdkafka, Role::Topic | Role::Broker) => &[],
        }
    }

    /// The place of a key in its table.
    pub(super) fn row(self, name: &str) -> Option<usize> {
        let alias = self.aliases().iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, first)| *first);
        self.keys().binary_search_by(|key| key.name.cmp(name)).ok()
    }
}

/// The broker keys that give a topic key its default, the strongest first.
#[must_use]
pub fn broker_synonyms(topic_key: &str) -> &'static [&'static str] {
    let found = SYNONYMS.iter().find(|(name, _)| *name == topic_key);
    found.map_or(&[], |(_, synonyms)| synonyms)
}

/// What a key of topics is called for brokers, and the other way round.
pub(super) fn synonym(role: Role, name: &str) -> Option<&'static str> {
    match role {
        Role::Broker => broker_synonyms(name).first().copied(),
        Role::Topic => {
            let found = SYNONYMS.iter().find(|(_, synonyms)| synonyms.contains(&name));
            found.map(|(topic_key, _)| *topic_key)
        }
        Role::Producer | Role::Consumer => None,
    }
}

/// Metadata versions, of which one can be pinned; only the newest is modelled.
const VERSIONS: super::Valid = super::Valid::OneOf(&[
    "0.8.0",
    "0.8.1",
    "0.8.2",
    "0.9.0",
    "0.10.0-IV0",
    "0.10.0-IV1",
    "0.10.1-IV0",
    "0.10.1-IV1",
    "0.10.1-IV2",
    "0.10.2-IV0",
    "0.11.0-IV0",
    "0.11.0-IV1",
    "0.11.0-IV2",
    "1.0-IV0",
    "1.1-IV0",
    "2.0-IV0",
    "2.0-IV1",
    "2.1-IV0",
    "2.1-IV1",
    "2.1-IV2",
    "2.2-IV0",
    "2.2-IV1",
    "2.3-IV0",
    "2.3-IV1",
    "2.4-IV0",
    "2.4-IV1",
    "2.5-IV0",
    "2.6-IV0",
    "2.7-IV0",
    "2.7-IV1",
    "2.7-IV2",
    "2.8-IV0",
    "2.8-IV1",
    "3.0-IV0",
    "3.0-IV1",
    "3.1-IV0",
    "3.2-IV0",
    "3.3-IV0",
    "3.3-IV1",
    "3.3-IV2",
    "3.3-IV3",
    "3.4-IV0",
    "3.5-IV0",
    "3.5-IV1",
    "3.5-IV2",
    "3.6-IV0",
    "3.6-IV1",
    "3.6-IV2",
    "3.7-IV0",
    "3.7-IV1",
    "3.7-IV2",
    "3.7-IV3",
    "3.7-IV4",
    "3.8-IV0",
    "3.9-IV0",
    "4.0-IV0",
    "4.0-IV1",
    "4.0-IV2",
    "4.0-IV3",
]);

const SYNONYMS: &[(&str, &[&str])] = &[
    ("cleanup.policy", &["log.cleanup.policy"]),
    ("compression.gzip.level", &["compression.gzip.level"]),
    ("compression.lz4.level", &["compression.lz4.level"]),
    ("compression.type", &["compression.type"]),
    ("compression.zstd.level", &["compression.zstd.level"]),
    ("delete.retention.ms", &["log.cleaner.delete.retention.ms"]),
    ("file.delete.delay.ms", &["log.segment.delete.delay.ms"]),
    ("flush.messages", &["log.flush.interval.messages"]),
    ("flush.ms", &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"]),
    ("index.interval.bytes", &["log.index.interval.bytes"]),
    ("local.retention.bytes", &["log.local.retention.bytes"]),
    ("local.retention.ms", &["log.local.retention.ms"]),
    ("max.compaction.lag.ms", &["log.cleaner.max.compaction.lag.ms"]),
    ("max.message.bytes", &["message.max.bytes"]),
    ("message.downconversion.enable", &["log.message.downconversion.enable"]),
    ("message.format.version", &["log.message.format.version"]),
    ("message.timestamp.after.max.ms", &["log.message.timestamp.after.max.ms"]),
    ("message.timestamp.before.max.ms", &["log.message.timestamp.before.max.ms"]),
    ("message.timestamp.difference.max.ms", &["log.message.timestamp.difference.max.ms"]),
    ("message.timestamp.type", &["log.message.timestamp.type"]),
    ("min.cleanable.dirty.ratio", &["log.cleaner.min.cleanable.ratio"]),
    ("min.compaction.lag.ms", &["log.cleaner.min.compaction.lag.ms"]),
    ("min.insync.replicas", &["min.insync.replicas"]),
    ("preallocate", &["log.preallocate"]),
    ("retention.bytes", &["log.retention.bytes"]),
    ("retention.ms", &["log.retention.ms", "log.retention.minutes", "log.retention.hours"]),
    ("segment.bytes", &["log.segment.bytes"]),
    ("segment.index.bytes", &["log.index.size.max.bytes"]),
    ("segment.jitter.ms", &["log.roll.jitter.ms", "log.roll.jitter.hours"]),
    ("segment.ms", &["log.roll.ms", "log.roll.hours"]),
    ("unclean.leader.election.enable", &["unclean.leader.election.enable"]),
];
