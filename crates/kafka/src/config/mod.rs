//! Kafka's configuration: one table per role and client, and the way from text to typed settings.
//!
//! Keys, types, defaults and valid values are those of Apache Kafka 4.0 and of librdkafka 2.15. Reads no files and knows no YAML or properties
//! syntax: it is given keys and values as text and says where they came from by the index it was given with them.

mod broker;
mod consumer;
mod key;
mod librdkafka;
mod problem;
mod producer;
mod reader;
pub mod suggest;
mod table;
mod translate;

use alloc::vec::Vec;

pub use broker::{parse_broker, parse_topic};
pub use consumer::parse_consumer;
pub use key::{DefaultValue, Key, Kind, Support, Valid};
pub use problem::{ConfigIssue, Notice, Problem, Remark};
pub use producer::parse_producer;
pub use table::{broker_synonyms, find, keys_of};
pub use translate::{in_java, in_librdkafka, is_false_friend};

use crate::settings::{ConsumerSettings, ProducerSettings};

/// One line of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Kafka's key.
    pub key: &'a str,
    /// Its value as text, as a properties file would have it.
    pub value: &'a str,
    /// Where it stands; given back in issues, not looked at.
    pub at: usize,
}

/// Whose configuration a key belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// A producer.
    Producer,
    /// A consumer.
    Consumer,
    /// A topic.
    Topic,
    /// A broker or controller.
    Broker,
}

impl Role {
    /// Every role.
    pub const ALL: &[Self] = &[Self::Producer, Self::Consumer, Self::Topic, Self::Broker];

    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Topic => "topic",
            Self::Broker => "broker",
        }
    }
}

/// Whose client a configuration is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Client {
    /// The Java client of Apache Kafka 4.0.
    Java,
    /// librdkafka, and the clients of other languages that are built on it.
    Librdkafka,
}

impl Client {
    /// Every client.
    pub const ALL: &[Self] = &[Self::Java, Self::Librdkafka];

    /// Its name in scenarios.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Librdkafka => "librdkafka",
        }
    }

    /// The client of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|client| client.name() == name)
    }

    /// A role in this client.
    #[must_use]
    pub const fn role(self, role: Role) -> Whose {
        Whose { client: self, role }
    }

    /// Parses a producer's configuration.
    #[must_use]
    pub fn parse_producer<'a>(self, entries: &[Entry<'a>]) -> Parsed<'a, ProducerSettings> {
        match self {
            Self::Java => parse_producer(entries),
            Self::Librdkafka => librdkafka::parse_producer(entries),
        }
    }

    /// Parses a consumer's configuration.
    #[must_use]
    pub fn parse_consumer<'a>(self, entries: &[Entry<'a>]) -> Parsed<'a, ConsumerSettings> {
        match self {
            Self::Java => parse_consumer(entries),
            Self::Librdkafka => librdkafka::parse_consumer(entries),
        }
    }
}

/// Whose keys these are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whose {
    /// The client's.
    pub client: Client,
    /// In this role.
    pub role: Role,
}

impl Whose {
    /// What messages call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.client, self.role) {
            (Client::Librdkafka, Role::Producer) => "librdkafka producer",
            (Client::Librdkafka, Role::Consumer) => "librdkafka consumer",
            (Client::Java, role) | (Client::Librdkafka, role @ (Role::Topic | Role::Broker)) => {
                role.name()
            }
        }
    }

    /// The value under a name or another name for it, or else its default; empty where there is neither.
    #[must_use]
    pub fn value<'a>(self, entries: &[Entry<'a>], name: &str) -> &'a str {
        let row = self.row(name);
        let set = entries.iter().find(|entry| row.is_some() && self.row(entry.key) == row);
        match (set, row.map(|row| self.keys()[row].default)) {
            (Some(entry), _) => entry.value.trim(),
            (None, Some(DefaultValue::Is(default))) => default,
            (None, Some(DefaultValue::Required | DefaultValue::Null) | None) => "",
        }
    }
}

/// What a configuration became.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parsed<'a, T> {
    /// The settings; where an issue stands in the way, with the default in its place.
    pub settings: T,
    /// Every mistake. With any, the settings should not be used.
    pub issues: Vec<ConfigIssue<'a>>,
    /// What Kafka does on its own account with a configuration that it accepts.
    pub notices: Vec<Notice>,
}

/// What a configuration without entries becomes.
fn defaults<T>(parsed: Parsed<'_, T>) -> T {
    assert!(parsed.issues.is_empty(), "defaults are valid: {:?}", parsed.issues);
    parsed.settings
}

#[cfg(test)]
mod tests;
