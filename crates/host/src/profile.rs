//! librdkafka's configuration: its names, its defaults, and what they mean for the machines.
//!
//! Only what changes a run is read; what only a real network, a real disk or a real cipher would notice is accepted and does
//! nothing. A name that librdkafka does not know is refused, as it refuses it. Defaults are those of its CONFIGURATION.md
//! (2.12).

use std::collections::BTreeMap;
use std::sync::Arc;

use stormglass_kafka::channel::Backoff;
use stormglass_kafka::producer::murmur2;
use stormglass_kafka::settings::{
    Adaptive, Assignor, AutoCommit, ConsumerSettings, Delivery, GroupProtocol, LeaveOnClose,
    OffsetReset, Partitioner, ProducerSettings,
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
    /// `partitioner`.
    pub partitioner: KeyPartitioner,
    /// `statistics.interval.ms`, if it is not zero.
    pub statistics: Option<Span>,
    /// `client.id`.
    pub client_id: String,
}

/// A consumer's configuration.
#[derive(Clone, Debug)]
pub struct ConsumerProfile {
    /// For the machine, which never commits by itself: librdkafka commits what was stored.
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

/// How a key finds its partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyPartitioner {
    /// `consistent_random`, the default, and `consistent`: CRC32 of the key; an empty key is none.
    Crc32,
    /// `murmur2_random`, `murmur2`: as Java's.
    Murmur2,
    /// `fnv1a_random`, `fnv1a`: as sarama's.
    Fnv1a,
    /// `random`: keys do not matter.
    Random,
}

impl KeyPartitioner {
    /// The hash of a key, whose remainder is the partition; none where chance decides.
    #[must_use]
    pub fn hash(self, key: Option<&[u8]>) -> Option<u32> {
        let key = key.filter(|key| !key.is_empty());
        match self {
            Self::Crc32 => key.map(crc32),
            Self::Murmur2 => key.map(|key| murmur2(key).cast_unsigned() & 0x7FFF_FFFF),
            Self::Fnv1a => key.map(fnv1a),
            Self::Random => None,
        }
    }
}

/// CRC-32 with zlib's polynomial, as `rd_crc32`.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// FNV-1a with the sign taken off, as `rd_fnv1a` does for sarama's sake.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u32 {
    let mixed = bytes
        .iter()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    mixed.cast_signed().unsigned_abs()
}

/// The whole configuration, as it is read.
struct Properties<'c> {
    map: &'c BTreeMap<String, String>,
}

type Read<T> = Result<T, BadProperty>;

impl Properties<'_> {
    fn refuse<T>(&self, key: &str, why: &str) -> Read<T> {
        let value = self.map.get(key).cloned().unwrap_or_default();
        Err(BadProperty { key: key.to_owned(), value, why: why.to_owned(), unknown: false })
    }

    /// The value under a name or its alias.
    fn text(&self, key: &str) -> Option<&str> {
        let aliases = ALIASES.iter().filter(|(_, name)| *name == key).map(|(alias, _)| *alias);
        [key].into_iter().chain(aliases).find_map(|key| self.map.get(key)).map(String::as_str)
    }

    fn number(&self, key: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Read<u64> {
        let Some(text) = self.text(key) else { return Ok(default) };
        match text.trim().parse::<u64>() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(_) | Err(_) => {
                let why = format!("expected a number from {} to {}", range.start(), range.end());
                self.refuse(key, &why)
            }
        }
    }

    fn small(&self, key: &str, default: u32) -> Read<u32> {
        let number = self.number(key, u64::from(default), 0..=u64::from(u32::MAX))?;
        Ok(u32::try_from(number).expect("in range"))
    }

    fn millis(&self, key: &str, default: u64) -> Read<Span> {
        Ok(Span::millis(self.number(key, default, 0..=u64::from(u32::MAX))?))
    }

    fn flag(&self, key: &str, default: bool) -> Read<bool> {
        match self.text(key).map(str::trim) {
            None => Ok(default),
            Some("true" | "1" | "t") => Ok(true),
            Some("false" | "0" | "f") => Ok(false),
            Some(_) => self.refuse(key, "expected `true` or `false`"),
        }
    }

    fn backoff(&self, first: &str, most: &str, defaults: (u64, u64)) -> Read<Backoff> {
        Ok(Backoff { first: self.millis(first, defaults.0)?, most: self.millis(most, defaults.1)? })
    }

    fn check(&self) -> Read<()> {
        for (key, value) in self.map {
            let known = BOTH.contains(&key.as_str())
                || PRODUCER.contains(&key.as_str())
                || CONSUMER.contains(&key.as_str())
                || ALIASES.iter().any(|(alias, _)| alias == key)
                || PREFIXES.iter().any(|prefix| key.starts_with(prefix));
            if !known {
                let why = format!("No such configuration property: \"{key}\"");
                let (key, value) = (key.clone(), value.clone());
                return Err(BadProperty { key, value, why, unknown: true });
            }
        }
        if self.text("bootstrap.servers").is_none_or(|servers| servers.trim().is_empty()) {
            return self.refuse("bootstrap.servers", "no brokers are configured");
        }
        Ok(())
    }

    fn statistics(&self) -> Read<Option<Span>> {
        let every = self.millis("statistics.interval.ms", 0)?;
        Ok((every > Span::ZERO).then_some(every))
    }

    fn client_id(&self) -> String {
        self.text("client.id").unwrap_or("rdkafka").to_owned()
    }
}

/// Reads a producer's configuration.
///
/// # Errors
/// If there is a mistake in it.
pub fn producer(map: &BTreeMap<String, String>) -> Read<ProducerProfile> {
    let properties = Properties { map };
    properties.check()?;
    if properties.text("transactional.id").is_some() {
        return properties.refuse("transactional.id", "transactions are not modelled yet");
    }
    let idempotent = properties.flag("enable.idempotence", false)?;
    let acks = properties.text("acks").unwrap_or(if idempotent { "all" } else { "-1" });
    let delivery = match (acks, idempotent) {
        ("all" | "-1", true) => Delivery::Idempotent,
        ("all" | "-1", false) => Delivery::AllReplicas,
        ("1", false) => Delivery::Leader,
        ("0", false) => Delivery::FireAndForget,
        (_, true) => return properties.refuse("acks", "`enable.idempotence` needs `acks=all`"),
        (_, false) => return properties.refuse("acks", "expected `all`, `-1`, `0` or `1`"),
    };
    let in_flight = properties.small("max.in.flight.requests.per.connection", 1_000_000)?;
    if idempotent && map.contains_key("max.in.flight.requests.per.connection") && in_flight > 5 {
        let why = "`enable.idempotence` allows at most 5";
        return properties.refuse("max.in.flight.requests.per.connection", why);
    }
    let retries =
        properties.number("message.send.max.retries", 2_147_483_647, 0..=2_147_483_647)?;
    let timeout = properties.millis("message.timeout.ms", 300_000)?;
    let timeout = if timeout == Span::ZERO { Span::secs(1 << 30) } else { timeout };
    let kbytes = properties.number("queue.buffering.max.kbytes", 1_048_576, 1..=2_147_483_647)?;
    let settings = ProducerSettings {
        delivery,
        retries: u32::try_from(retries).expect("in range"),
        max_in_flight: if idempotent { in_flight.min(5) } else { in_flight.max(1) },
        batch_size: properties.small("batch.size", 1_000_000)?,
        linger: properties.millis("linger.ms", 5)?,
        buffer_memory: kbytes * 1_024,
        // librdkafka never blocks: what waits for metadata or room waits as long as a message may take.
        max_block: timeout,
        max_request_size: properties.small("message.max.bytes", 1_000_000)?,
        request_timeout: properties.millis("request.timeout.ms", 30_000)?,
        delivery_timeout: timeout,
        retry_backoff: properties.backoff(
            "retry.backoff.ms",
            "retry.backoff.max.ms",
            (100, 1_000),
        )?,
        reconnect_backoff: reconnects(&properties)?,
        metadata_max_age: properties.millis("topic.metadata.refresh.interval.ms", 300_000)?,
        partitioner: Partitioner::BuiltIn(Adaptive::Off),
        partitioner_availability_timeout: Span::ZERO,
    };
    let partitioner = match properties.text("partitioner").unwrap_or("consistent_random") {
        "consistent_random" | "consistent" => KeyPartitioner::Crc32,
        "murmur2_random" | "murmur2" => KeyPartitioner::Murmur2,
        "fnv1a_random" | "fnv1a" => KeyPartitioner::Fnv1a,
        "random" => KeyPartitioner::Random,
        _ => return properties.refuse("partitioner", "no such partitioner"),
    };
    let most = properties.number("queue.buffering.max.messages", 100_000, 0..=2_147_483_647)?;
    let most = if most == 0 { 2_147_483_647 } else { most };
    Ok(ProducerProfile {
        settings,
        most_messages: usize::try_from(most).expect("31 bits fit"),
        partitioner,
        statistics: properties.statistics()?,
        client_id: properties.client_id(),
    })
}

fn reconnects(properties: &Properties<'_>) -> Read<Backoff> {
    properties.backoff("reconnect.backoff.ms", "reconnect.backoff.max.ms", (100, 10_000))
}

/// Reads a consumer's configuration.
///
/// # Errors
/// If there is a mistake in it.
pub fn consumer(map: &BTreeMap<String, String>) -> Read<ConsumerProfile> {
    let properties = Properties { map };
    properties.check()?;
    let offset_reset = match properties.text("auto.offset.reset").unwrap_or("largest") {
        "largest" | "latest" | "end" => OffsetReset::Latest,
        "smallest" | "earliest" | "beginning" => OffsetReset::Earliest,
        "error" => OffsetReset::None,
        _ => return properties.refuse("auto.offset.reset", "no such policy"),
    };
    let strategies = properties.text("partition.assignment.strategy").unwrap_or("range,roundrobin");
    let mut assignors = Vec::new();
    for strategy in strategies.split(',') {
        assignors.push(match strategy.trim() {
            "range" => Assignor::Range,
            "roundrobin" => Assignor::RoundRobin,
            "cooperative-sticky" => Assignor::CooperativeSticky,
            _ => {
                let why = "there are `range`, `roundrobin` and `cooperative-sticky`";
                return properties.refuse("partition.assignment.strategy", why);
            }
        });
    }
    let cooperative =
        assignors.iter().filter(|assignor| **assignor == Assignor::CooperativeSticky).count();
    if cooperative != 0 && cooperative != assignors.len() {
        let why = "all assignors must have the same protocol type: eager or cooperative";
        return properties.refuse("partition.assignment.strategy", why);
    }
    let instance = properties.text("group.instance.id").map(Arc::from);
    if properties.text("group.protocol").is_some_and(|protocol| protocol != "classic") {
        return properties.refuse("group.protocol", "only `classic` is modelled so far");
    }
    if properties.flag("enable.partition.eof", false)? {
        return properties.refuse("enable.partition.eof", "is not modelled yet");
    }
    let interval = properties.millis("auto.commit.interval.ms", 5_000)?;
    let automatic = properties.flag("enable.auto.commit", true)? && interval > Span::ZERO;
    let session_timeout = properties.millis("session.timeout.ms", 45_000)?;
    let max_poll_interval = properties.millis("max.poll.interval.ms", 300_000)?;
    if max_poll_interval < session_timeout {
        let why = "`max.poll.interval.ms` must be at least `session.timeout.ms`";
        return properties.refuse("max.poll.interval.ms", why);
    }
    let settings = ConsumerSettings {
        protocol: GroupProtocol::Classic,
        session_timeout,
        heartbeat_interval: properties.millis("heartbeat.interval.ms", 3_000)?,
        max_poll_interval,
        // One fetch's worth at a time; the code gets them one by one.
        max_poll_records: 10_000,
        auto_commit: AutoCommit::Off,
        offset_reset,
        assignors,
        // A static member keeps its place when it closes (KIP-345).
        leave_on_close: LeaveOnClose::Yes,
        instance,
        rack: None,
        fetch_min_bytes: properties.small("fetch.min.bytes", 1)?,
        fetch_max_bytes: properties.small("fetch.max.bytes", 52_428_800)?,
        max_partition_fetch_bytes: properties.small("fetch.message.max.bytes", 1_048_576)?,
        fetch_max_wait: properties.millis("fetch.wait.max.ms", 500)?,
        request_timeout: properties.millis("socket.timeout.ms", 60_000)?,
        default_api_timeout: Span::secs(60),
        retry_backoff: properties.backoff(
            "retry.backoff.ms",
            "retry.backoff.max.ms",
            (100, 1_000),
        )?,
        reconnect_backoff: reconnects(&properties)?,
        metadata_max_age: properties.millis("topic.metadata.refresh.interval.ms", 300_000)?,
    };
    Ok(ConsumerProfile {
        settings,
        group: properties.text("group.id").map(str::to_owned),
        auto_commit: automatic.then_some(interval),
        auto_store: properties.flag("enable.auto.offset.store", true)?,
        statistics: properties.statistics()?,
        client_id: properties.client_id(),
    })
}

/// Checks what every client has in common.
///
/// # Errors
/// If there is a mistake in it.
pub fn any(map: &BTreeMap<String, String>) -> Read<()> {
    Properties { map }.check()
}

/// Other names for the same property.
const ALIASES: &[(&str, &str)] = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("request.required.acks", "acks"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("retries", "message.send.max.retries"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("compression.type", "compression.codec"),
];

/// Properties of encryption and authentication change nothing here.
const PREFIXES: &[&str] = &["ssl.", "sasl.", "enable.ssl", "oauth", "https."];

const BOTH: &[&str] = &[
    "bootstrap.servers",
    "client.id",
    "message.max.bytes",
    "message.copy.max.bytes",
    "receive.message.max.bytes",
    "max.in.flight.requests.per.connection",
    "metadata.recovery.strategy",
    "metadata.recovery.rebootstrap.trigger.ms",
    "topic.metadata.refresh.interval.ms",
    "metadata.max.age.ms",
    "topic.metadata.refresh.fast.interval.ms",
    "topic.metadata.refresh.sparse",
    "topic.metadata.propagation.max.ms",
    "topic.blacklist",
    "debug",
    "socket.timeout.ms",
    "socket.send.buffer.bytes",
    "socket.receive.buffer.bytes",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.max.fails",
    "socket.connection.setup.timeout.ms",
    "broker.address.ttl",
    "broker.address.family",
    "connections.max.idle.ms",
    "reconnect.backoff.ms",
    "reconnect.backoff.max.ms",
    "retry.backoff.ms",
    "retry.backoff.max.ms",
    "statistics.interval.ms",
    "log_level",
    "log.queue",
    "log.thread.name",
    "enable.random.seed",
    "log.connection.close",
    "api.version.request",
    "api.version.request.timeout.ms",
    "api.version.fallback.ms",
    "allow.auto.create.topics",
    "broker.version.fallback",
    "security.protocol",
    "plugin.library.paths",
    "client.rack",
    "client.dns.lookup",
    "enable.metrics.push",
];

const PRODUCER: &[&str] = &[
    "transactional.id",
    "transaction.timeout.ms",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "linger.ms",
    "message.send.max.retries",
    "queue.buffering.backpressure.threshold",
    "compression.codec",
    "compression.level",
    "batch.num.messages",
    "batch.size",
    "delivery.report.only.error",
    "sticky.partitioning.linger.ms",
    "acks",
    "request.timeout.ms",
    "message.timeout.ms",
    "queuing.strategy",
    "partitioner",
];

const CONSUMER: &[&str] = &[
    "group.id",
    "group.instance.id",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "coordinator.query.interval.ms",
    "max.poll.interval.ms",
    "enable.auto.commit",
    "auto.commit.interval.ms",
    "enable.auto.offset.store",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "fetch.wait.max.ms",
    "fetch.queue.backoff.ms",
    "fetch.message.max.bytes",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "fetch.error.backoff.ms",
    "isolation.level",
    "enable.partition.eof",
    "check.crcs",
    "auto.offset.reset",
    "consume.callback.max.messages",
    "offset.store.method",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let all = [("bootstrap.servers", "kafka:9092")].iter().chain(entries);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn hashes_are_those_of_zlib_java_and_sarama() {
        // The check values of the catalogue of CRC algorithms and of the FNV reference code.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(fnv1a(b"foobar"), 0xBF9C_F968_u32.cast_signed().unsigned_abs());
        assert_eq!(
            KeyPartitioner::Murmur2.hash(Some(b"21")),
            Some(murmur2(b"21").cast_unsigned() & 0x7FFF_FFFF)
        );
        assert_eq!(KeyPartitioner::Crc32.hash(Some(b"")), None, "an empty key is no key");
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
    }
}
