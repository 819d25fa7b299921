//! Kafka's configuration: one table per role, and the way from text to typed settings.
//!
//! Keys, types, defaults and valid values are those of Apache Kafka 4.0. Reads no files and knows no YAML or properties
//! syntax: it is given keys and values as text and says where they came from by the index it was given with them.

mod broker;
mod consumer;
mod key;
mod problem;
mod producer;
mod reader;
pub mod suggest;
mod table;

use alloc::vec::Vec;

pub use broker::{parse_broker, parse_topic};
pub use consumer::parse_consumer;
pub use key::{DefaultValue, Key, Kind, Support, Valid};
pub use problem::{ConfigIssue, Notice, Problem, Remark};
pub use producer::parse_producer;
pub use table::{broker_synonyms, find, keys_of};

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
