//! From librdkafka's properties to the same settings as Java's, with the checks that `rd_kafka_conf_finalize` makes.
//!
//! What librdkafka does otherwise than Java's client is a setting of the same machines: when offsets are committed, who is on
//! the network, how records are batched, counted and sent again. Its idempotent producer follows Java's rules.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::Span;

use super::consumer::isolation;
use super::key::elements;
use super::problem::{Problem, Remark};
use super::reader::Reader;
use super::{Client, Entry, Parsed, Role};
use crate::assignor::Rack;
use crate::compression::{Codec, Levels};
use crate::settings::{
    Assignor, AutoCommit, Buffering, ConsumerSettings, Delivery, GroupProtocol, IdempotenceBy,
    KeyHash, LeaveOnClose, OffsetReset, Partitioner, ProducerSettings, RetryOrder, StoredBy,
    Threads,
};

/// As long as a run can be: what librdkafka takes for never.
const FOR_EVER: Span = Span::secs(1 << 30);

/// Parses a producer's properties.
#[must_use]
pub(super) fn parse_producer<'a>(entries: &[Entry<'a>]) -> Parsed<'a, ProducerSettings> {
    let mut keys = Reader::of(Client::Librdkafka.role(Role::Producer), entries);
    let (delivery, max_in_flight) = delivery(&mut keys);
    let linger = keys.millis("queue.buffering.max.ms");
    let transaction = transaction(&mut keys);
    let timeout = message_timeout(&mut keys, transaction.as_ref());
    let request_timeout = request_timeout(&mut keys, transaction.as_ref());
    if timeout <= linger {
        let why = "a message must not time out before it is sent";
        keys.conflict("message.timeout.ms", "queue.buffering.max.ms", why);
    }
    let sticky = if keys.set("sticky.partitioning.linger.ms").is_none()
        && keys.set("queue.buffering.max.ms").is_some()
    {
        (linger + linger).min(Span::millis(900_000))
    } else {
        keys.millis("sticky.partitioning.linger.ms")
    };
    let most = match keys.small("queue.buffering.max.messages") {
        0 => u32::MAX,
        most => most,
    };
    let settings = ProducerSettings {
        delivery,
        idempotence: IdempotenceBy::Name,
        retries: keys.small("message.send.max.retries"),
        max_in_flight,
        batch_size: keys.small("batch.size"),
        compression: compression(&keys),
        batch_records: keys.small("batch.num.messages"),
        linger,
        buffer_memory: keys.count("queue.buffering.max.kbytes") * 1_024,
        buffering: Buffering::Records { most },
        // `produce` never blocks; a message whose topic is not known yet waits as long as it may take.
        max_block: timeout,
        max_request_size: keys.small("message.max.bytes"),
        request_timeout,
        ack_timeout: keys.period("request.timeout.ms"),
        delivery_timeout: timeout,
        retry_order: RetryOrder::AsTaken,
        retry_backoff: keys.backoff("retry.backoff.ms", "retry.backoff.max.ms"),
        reconnect_backoff: keys.backoff("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        metadata_max_age: refresh(&mut keys),
        partitioner: Partitioner::Librdkafka(hash(&keys), sticky),
        partitioner_availability_timeout: Span::ZERO,
        transaction,
    };
    keys.finish(settings)
}

/// A message must not outlive its transaction, unless it lives for ever; it lives as long as that unless told otherwise.
fn message_timeout(keys: &mut Reader<'_>, transaction: Option<&(Arc<str>, Span)>) -> Span {
    const KEY: &str = "message.timeout.ms";
    let own = keys.millis(KEY);
    if let Some((_, whole)) = transaction {
        if keys.set(KEY).is_none() {
            return *whole;
        }
        if own > *whole {
            let why = "a message must not outlive its transaction";
            keys.conflict(KEY, "transaction.timeout.ms", why);
        }
    }
    if own == Span::ZERO { FOR_EVER } else { own }
}

/// A request must have an answer, or be given up, before its transaction times out.
fn request_timeout(keys: &mut Reader<'_>, transaction: Option<&(Arc<str>, Span)>) -> Span {
    const KEY: &str = "socket.timeout.ms";
    const MARGIN: Span = Span::millis(100);
    let own = keys.period(KEY);
    match transaction {
        None => own,
        Some((_, whole)) if keys.set(KEY).is_none() => (*whole - MARGIN).max(Span::millis(900)),
        Some((_, whole)) => {
            if own > *whole + MARGIN {
                let why = "a request must not outlive its transaction by more than 100 ms";
                keys.conflict(KEY, "transaction.timeout.ms", why);
            }
            own
        }
    }
}

/// Transactions switch idempotence on, unless it was switched off by name.
fn transaction(keys: &mut Reader<'_>) -> Option<(Arc<str>, Span)> {
    const ID: &str = "transactional.id";
    const FLAG: &str = "enable.idempotence";
    let timeout = keys.millis("transaction.timeout.ms");
    let id = keys.set(ID).map(|_| keys.text(ID)).filter(|id| !id.is_empty())?;
    if keys.set(FLAG).is_some() && !keys.flag(FLAG) {
        let why = "transactions need idempotence";
        keys.refuse(ID, Problem::Conflict { with: FLAG, why });
        return None;
    }
    Some((Arc::from(id), timeout))
}

/// One level for all codecs, each within its own range; -1 is the codec's default.
fn compression(keys: &Reader<'_>) -> Codec {
    let codec = Codec::named(keys.text("compression.codec")).unwrap_or(Codec::None);
    match keys.integer("compression.level") {
        -1 => codec,
        level => {
            let within = |least: i64, most: i64| {
                i8::try_from(level.clamp(least, most)).expect("within a codec's levels")
            };
            codec.at(Levels { gzip: within(1, 9), lz4: within(1, 12), zstd: within(1, 22) })
        }
    }
}

/// Idempotence is off unless asked for. Then what was left alone is set to fit, and what was set must.
fn delivery(keys: &mut Reader<'_>) -> (Delivery, u32) {
    const FLAG: &str = "enable.idempotence";
    const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
    let acks = keys.text("request.required.acks");
    let in_flight = keys.small(IN_FLIGHT);
    let transactional = keys.set("transactional.id").is_some_and(|id| !id.value.is_empty());
    if keys.flag(FLAG) || (transactional && keys.set(FLAG).is_none()) {
        let with = if keys.flag(FLAG) { FLAG } else { "transactional.id" };
        let objections = [
            (
                "request.required.acks",
                !matches!(acks, "all" | "-1"),
                "an idempotent producer needs `acks` all",
            ),
            (
                "message.send.max.retries",
                keys.integer("message.send.max.retries") == 0,
                "an idempotent producer must retry",
            ),
            (
                IN_FLIGHT,
                in_flight > 5,
                "an idempotent producer may have at most 5 requests in flight",
            ),
        ];
        for (key, objects, why) in objections {
            if objects {
                keys.refuse(key, Problem::Conflict { with, why });
            }
        }
        return (Delivery::Idempotent, in_flight.min(5));
    }
    let delivery = match acks {
        "0" => Delivery::FireAndForget,
        "1" => Delivery::Leader,
        _ => Delivery::AllReplicas,
    };
    (delivery, in_flight)
}

fn hash(keys: &Reader<'_>) -> KeyHash {
    match keys.text("partitioner") {
        "murmur2" | "murmur2_random" => KeyHash::Murmur2,
        "fnv1a" | "fnv1a_random" => KeyHash::Fnv1a,
        "random" => KeyHash::Ignored,
        _ => KeyHash::Crc32,
    }
}

/// Minus one is never.
fn refresh(keys: &mut Reader<'_>) -> Span {
    const KEY: &str = "topic.metadata.refresh.interval.ms";
    if keys.integer(KEY) < 0 { FOR_EVER } else { keys.millis(KEY) }
}

/// Parses a consumer's properties.
#[must_use]
pub(super) fn parse_consumer<'a>(entries: &[Entry<'a>]) -> Parsed<'a, ConsumerSettings> {
    let mut keys = Reader::of(Client::Librdkafka.role(Role::Consumer), entries);
    let session_timeout = keys.period("session.timeout.ms");
    let max_poll_interval = keys.period("max.poll.interval.ms");
    if max_poll_interval < session_timeout {
        let why = "`max.poll.interval.ms` must be at least `session.timeout.ms`";
        keys.conflict("max.poll.interval.ms", "session.timeout.ms", why);
    }
    if keys.text("group.protocol") != "classic" {
        keys.refuse("group.protocol", Problem::ValueNotModelled { modelled: "`classic`" });
    }
    let settings = ConsumerSettings {
        protocol: GroupProtocol::Classic,
        threads: Threads::Background,
        isolation: isolation(&keys),
        session_timeout,
        heartbeat_interval: keys.period("heartbeat.interval.ms"),
        max_poll_interval,
        // `rd_kafka_consumer_poll` gives one message.
        max_poll_records: 1,
        auto_commit: auto_commit(&mut keys),
        offset_reset: match keys.text("auto.offset.reset") {
            "smallest" | "earliest" | "beginning" => OffsetReset::Earliest,
            "error" => OffsetReset::None,
            _ => OffsetReset::Latest,
        },
        assignors: assignors(&mut keys),
        // A static member keeps its place when it closes (KIP-345).
        leave_on_close: LeaveOnClose::Yes,
        instance: Some(keys.text("group.instance.id")).filter(|id| !id.is_empty()).map(Arc::from),
        rack: Some(keys.text("client.rack")).filter(|rack| !rack.is_empty()).map(Rack::of_name),
        fetch_min_bytes: keys.small("fetch.min.bytes"),
        fetch_max_bytes: keys.small("fetch.max.bytes"),
        max_partition_fetch_bytes: keys.small("fetch.message.max.bytes"),
        fetch_max_wait: keys.millis("fetch.wait.max.ms"),
        fetch_error_backoff: keys.millis("fetch.error.backoff.ms"),
        request_timeout: keys.period("socket.timeout.ms"),
        default_api_timeout: Span::secs(60),
        retry_backoff: keys.backoff("retry.backoff.ms", "retry.backoff.max.ms"),
        reconnect_backoff: keys.backoff("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        metadata_max_age: refresh(&mut keys),
    };
    keys.finish(settings)
}

fn auto_commit(keys: &mut Reader<'_>) -> AutoCommit {
    const EVERY: &str = "auto.commit.interval.ms";
    if !keys.flag("enable.auto.commit") {
        return AutoCommit::Off;
    }
    let by = if keys.flag("enable.auto.offset.store") {
        StoredBy::HandingOver
    } else {
        StoredBy::Application
    };
    let every = match keys.millis(EVERY) {
        Span::ZERO => {
            keys.remark(EVERY, Remark::NeverCommits);
            FOR_EVER
        }
        every => every,
    };
    AutoCommit::Stored { every, by }
}

/// The assignors, the preferred one first; eager and cooperative ones do not go together.
fn assignors(keys: &mut Reader<'_>) -> Vec<Assignor> {
    const KEY: &str = "partition.assignment.strategy";
    let mut assignors: Vec<Assignor> = Vec::new();
    for word in elements(keys.text(KEY)) {
        let found = Assignor::ALL.into_iter().find(|assignor| assignor.name() == word);
        assignors.extend(found.filter(|assignor| !assignors.contains(assignor)));
    }
    let cooperative = assignors.contains(&Assignor::CooperativeSticky);
    if cooperative && assignors.len() > 1 {
        let why = "all assignors must be eager, or all cooperative";
        keys.refuse(KEY, Problem::Conflict { with: KEY, why });
    }
    if assignors.is_empty() {
        keys.refuse(KEY, Problem::Empty);
        assignors.push(Assignor::Range);
    }
    assignors
}
