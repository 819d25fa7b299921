//! librdkafka's configuration for people's own code: what of it is not the machines', and mistakes as librdkafka tells them.
//!
//! Names, defaults and what they mean for the machines are those of scenarios (`stormglass_kafka::config`). A name that
//! librdkafka does not know is refused, as it refuses it.

use std::collections::BTreeMap;

use stormglass_kafka::config::{Client, Entry, Parsed, Problem, Role, Whose};
use stormglass_kafka::settings::{
    AutoCommit, Buffering, ConsumerSettings, KeyHash, Partitioner, ProducerSettings, StoredBy,
    Threads,
};
use stormglass_types::Span;

/// A property that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadProperty {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
    /// Whether the name is the mistake.
    pub unknown: bool,
}

/// A producer's configuration.
#[derive(Clone, Debug)]
pub struct ProducerProfile {
    /// For the machine.
    pub settings: ProducerSettings,
    /// `queue.buffering.max.messages`.
    pub most_messages: usize,
    /// `statistics.interval.ms`, if it is not zero.
    pub statistics: Option<Span>,
    /// `client.id`.
    pub client_id: String,
}

/// A consumer's configuration.
#[derive(Clone, Debug)]
pub struct ConsumerProfile {
    /// For the machine, which never commits by itself and takes part in rebalances only when it is polled: the client above it
    /// stores what its code got, commits what was stored, and always has a rebalance callback.
    pub settings: ConsumerSettings,
    /// `group.id`.
    pub group: Option<String>,
    /// `enable.auto.commit`, `auto.commit.interval.ms`.
    pub auto_commit: Option<Span>,
    /// `enable.auto.offset.store`.
    pub auto_store: bool,
    /// `statistics.interval.ms`, if it is not zero.
    pub statistics: Option<Span>,
    /// `client.id`.
    pub client_id: String,
}

type Read<T> = Result<T, BadProperty>;

/// Reads a producer's configuration.
///
/// # Errors
/// If there is a mistake in it.
pub fn producer(map: &BTreeMap<String, String>) -> Read<ProducerProfile> {
    let whose = Client::Librdkafka.role(Role::Producer);
    let entries = entries(map);
    check(whose, &entries)?;
    let settings = accepted(Client::Librdkafka.parse_producer(&entries))?;
    if let Some((id, _)) = &settings.transaction {
        return Err(without_transactions(id));
    }
    let most = match settings.buffering {
        Buffering::Records { most } => most,
        Buffering::Batches => u32::MAX,
    };
    Ok(ProducerProfile {
        settings,
        most_messages: usize::try_from(most).unwrap_or(usize::MAX),
        statistics: statistics(whose, &entries),
        client_id: whose.value(&entries, "client.id").to_owned(),
    })
}

/// Reads a consumer's configuration.
///
/// # Errors
/// If there is a mistake in it.
pub fn consumer(map: &BTreeMap<String, String>) -> Read<ConsumerProfile> {
    let whose = Client::Librdkafka.role(Role::Consumer);
    let entries = entries(map);
    check(whose, &entries)?;
    let mut settings = accepted(Client::Librdkafka.parse_consumer(&entries))?;
    let auto_commit = match settings.auto_commit {
        AutoCommit::Off => None,
        AutoCommit::Every(every) | AutoCommit::Stored { every, .. } => Some(every),
    };
    let stores_itself = match settings.auto_commit {
        AutoCommit::Stored { by, .. } => by == StoredBy::HandingOver,
        AutoCommit::Off | AutoCommit::Every(_) => {
            matches!(whose.value(&entries, "enable.auto.offset.store"), "true" | "t" | "1")
        }
    };
    settings.auto_commit = AutoCommit::Off;
    settings.threads = Threads::Application;
    // One fetch's worth at a time; the code gets them one by one.
    settings.max_poll_records = 10_000;
    let group = whose.value(&entries, "group.id");
    Ok(ConsumerProfile {
        settings,
        group: (!group.is_empty()).then(|| group.to_owned()),
        auto_commit,
        auto_store: stores_itself,
        statistics: statistics(whose, &entries),
        client_id: whose.value(&entries, "client.id").to_owned(),
    })
}

/// Checks what every client has in common.
///
/// # Errors
/// If there is a mistake in it.
pub fn any(map: &BTreeMap<String, String>) -> Read<()> {
    let entries = entries(map);
    check(Client::Librdkafka.role(Role::Consumer), &entries)?;
    let unknown = Client::Librdkafka.parse_consumer(&entries).issues.into_iter();
    let mut unknown = unknown.filter(|issue| matches!(issue.problem, Problem::UnknownKey { .. }));
    unknown.next().map_or(Ok(()), |issue| Err(unknown_name(issue.key, issue.value)))
}

/// The hash of a key, whose remainder is the partition; none where chance decides.
#[must_use]
pub fn hash(partitioner: Partitioner, key: Option<&[u8]>) -> Option<u32> {
    // An empty key is none.
    let key = key.filter(|key| !key.is_empty())?;
    match partitioner {
        Partitioner::Librdkafka(KeyHash::Ignored, _) => None,
        Partitioner::Librdkafka(KeyHash::Crc32 | KeyHash::Murmur2 | KeyHash::Fnv1a, _)
        | Partitioner::BuiltIn(_)
        | Partitioner::IgnoreKeys(_)
        | Partitioner::RoundRobin => Some(partitioner.hash(key)),
    }
}

fn entries(map: &BTreeMap<String, String>) -> Vec<Entry<'_>> {
    let numbered = map.iter().enumerate();
    numbered.map(|(at, (key, value))| Entry { key, value, at }).collect()
}

fn check(whose: Whose, entries: &[Entry<'_>]) -> Read<()> {
    const KEY: &str = "bootstrap.servers";
    if whose.value(entries, KEY).is_empty() {
        let (key, value) = (KEY.to_owned(), String::new());
        let why = "no brokers are configured".to_owned();
        return Err(BadProperty { key, value, why, unknown: false });
    }
    Ok(())
}

/// The settings, if there is no mistake in them.
fn accepted<T>(parsed: Parsed<'_, T>) -> Read<T> {
    let Some(issue) = parsed.issues.first() else { return Ok(parsed.settings) };
    if let Problem::UnknownKey { .. } = issue.problem {
        return Err(unknown_name(issue.key, issue.value));
    }
    let help = issue.help().map(|help| format!(": {help}")).unwrap_or_default();
    let why = format!("{issue}{help}");
    let (key, value) = (issue.key.to_owned(), issue.value.to_owned());
    Err(BadProperty { key, value, why, unknown: false })
}

/// Transactions are there for scenarios only: the clients here have no calls for them.
fn without_transactions(id: &str) -> BadProperty {
    let (key, value) = ("transactional.id".to_owned(), id.to_owned());
    let why = "`transactional.id` is not modelled for people's own code yet: remove it".to_owned();
    BadProperty { key, value, why, unknown: false }
}

fn unknown_name(key: &str, value: &str) -> BadProperty {
    let why = format!("No such configuration property: \"{key}\"");
    BadProperty { key: key.to_owned(), value: value.to_owned(), why, unknown: true }
}

fn statistics(whose: Whose, entries: &[Entry<'_>]) -> Option<Span> {
    let every = whose.value(entries, "statistics.interval.ms").parse().unwrap_or(0);
    (every > 0).then(|| Span::millis(every))
}

#[cfg(test)]
mod tests {
    use stormglass_kafka::settings::{Delivery, OffsetReset};

    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let all = [("bootstrap.servers", "kafka:9092")].iter().chain(entries);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn defaults_differ_from_javas() {
        let settings = producer(&map(&[])).unwrap().settings;
        assert_eq!(settings.delivery, Delivery::AllReplicas, "not idempotent");
        assert_eq!(
            (settings.max_in_flight, settings.delivery_timeout),
            (1_000_000, Span::secs(300))
        );
        let profile = consumer(&map(&[])).unwrap();
        assert_eq!(profile.settings.offset_reset, OffsetReset::Latest);
        assert_eq!((profile.auto_commit, profile.auto_store), (Some(Span::secs(5)), true));
        assert_eq!((profile.group, profile.client_id.as_str()), (None, "rdkafka"));
    }

    #[test]
    fn an_empty_key_is_no_key() {
        let partitioner = producer(&map(&[])).unwrap().settings.partitioner;
        assert_eq!(hash(partitioner, Some(b"")), None);
        assert_eq!(hash(partitioner, Some(b"123456789")), Some(0xCBF4_3926));
        let random = producer(&map(&[("partitioner", "random")])).unwrap().settings.partitioner;
        assert_eq!(hash(random, Some(b"21")), None);
    }

    #[test]
    fn aliases_mean_the_same_and_mistakes_are_told() {
        let settings =
            producer(&map(&[("request.required.acks", "1"), ("queue.buffering.max.ms", "7")]));
        let settings = settings.unwrap().settings;
        assert_eq!((settings.delivery, settings.linger), (Delivery::Leader, Span::millis(7)));
        let bad = producer(&map(&[("linger", "5")])).unwrap_err();
        assert_eq!((bad.key.as_str(), bad.unknown), ("linger", true));
        let bad = consumer(&map(&[("max.poll.interval.ms", "1000")])).unwrap_err();
        assert_eq!(bad.key, "max.poll.interval.ms");
        let bad = producer(&map(&[("enable.idempotence", "true"), ("acks", "1")])).unwrap_err();
        assert_eq!(bad.key, "acks");
        let bad = producer(&map(&[("transactional.id", "billing")])).unwrap_err();
        assert_eq!((bad.key.as_str(), bad.unknown), ("transactional.id", false));
        assert_eq!(
            any(&map(&[("linger", "5")])).unwrap_err().why,
            "No such configuration property: \"linger\""
        );
        assert!(any(&map(&[("linger.ms", "5")])).is_ok());
    }
}
