//! From a producer's keys to its settings, with the checks that `ProducerConfig` and `KafkaProducer` make.

use alloc::sync::Arc;

use stormglass_types::Span;

use super::problem::{Problem, Remark};
use super::reader::Reader;
use super::{Entry, Parsed, Role, defaults};
use crate::compression::{Codec, Levels};
use crate::settings::{
    Adaptive, Buffering, Delivery, IdempotenceBy, Partitioner, ProducerSettings, RetryOrder,
};

/// Parses a producer's configuration.
#[must_use]
pub fn parse_producer<'a>(entries: &[Entry<'a>]) -> Parsed<'a, ProducerSettings> {
    let mut keys = Reader::new(Role::Producer, entries);
    let (delivery, culprit) = delivery(&mut keys);
    let transaction = transaction(&mut keys, culprit);
    let linger = keys.millis("linger.ms");
    let request_timeout = keys.period("request.timeout.ms");
    let mut delivery_timeout = keys.millis("delivery.timeout.ms");
    if delivery_timeout < linger + request_timeout {
        if keys.set("delivery.timeout.ms").is_some() {
            let why = "it must be at least `linger.ms` + `request.timeout.ms`";
            let with = "request.timeout.ms";
            keys.refuse("delivery.timeout.ms", Problem::Conflict { with, why });
        } else {
            delivery_timeout = linger + request_timeout;
            let longer = if request_timeout > linger { "request.timeout.ms" } else { "linger.ms" };
            keys.remark(longer, Remark::DeliveryTimeoutRaised);
        }
    }
    let partitioner = partitioner(&mut keys);
    let asked = keys.set("enable.idempotence").is_some();
    let settings = ProducerSettings {
        delivery,
        idempotence: if asked { IdempotenceBy::Name } else { IdempotenceBy::Default },
        retries: keys.small("retries"),
        max_in_flight: keys.small("max.in.flight.requests.per.connection"),
        batch_size: keys.small("batch.size"),
        compression: compression(&keys),
        batch_records: u32::MAX,
        linger,
        buffer_memory: keys.count("buffer.memory"),
        buffering: Buffering::Batches,
        max_block: keys.millis("max.block.ms"),
        max_request_size: keys.small("max.request.size"),
        request_timeout,
        ack_timeout: request_timeout,
        delivery_timeout,
        retry_order: RetryOrder::Front,
        retry_backoff: keys.backoff("retry.backoff.ms", "retry.backoff.max.ms"),
        reconnect_backoff: keys.backoff("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        metadata_max_age: keys.millis("metadata.max.age.ms"),
        partitioner,
        partitioner_availability_timeout: keys.millis("partitioner.availability.timeout.ms"),
        transaction,
    };
    keys.finish(settings)
}

impl Default for ProducerSettings {
    fn default() -> Self {
        defaults(parse_producer(&[]))
    }
}

/// Idempotence is on unless something speaks against it. What does is an error if idempotence was asked for by name, and
/// switches it off without a word otherwise (`postProcessAndValidateIdempotenceConfigs`); more than five requests in flight
/// are an error either way since 4.0 (KAFKA-17927).
/// Tells which key is in its way, too, if it is off.
fn delivery(keys: &mut Reader<'_>) -> (Delivery, Option<&'static str>) {
    const FLAG: &str = "enable.idempotence";
    const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
    let acks = keys.text("acks");
    let all = acks.eq_ignore_ascii_case("all") || acks == "-1";
    let asked = keys.set(FLAG).is_some();
    let mut idempotent = keys.flag(FLAG);
    let mut culprit = (!idempotent).then_some(FLAG);
    let objections = [
        ("retries", keys.integer("retries") == 0, "an idempotent producer must retry"),
        ("acks", !all, "an idempotent producer needs `acks` all"),
        (
            IN_FLIGHT,
            keys.integer(IN_FLIGHT) > 5,
            "an idempotent producer may have at most 5 requests in flight",
        ),
    ];
    if idempotent {
        for (key, objects, why) in objections {
            if objects && (asked || key == IN_FLIGHT) {
                keys.refuse(key, Problem::Conflict { with: FLAG, why });
            } else if objects {
                keys.remark(key, Remark::IdempotenceDisabled(key));
                idempotent = false;
                culprit = Some(key);
            }
        }
    }
    let delivery = match acks {
        "0" => Delivery::FireAndForget,
        "1" => Delivery::Leader,
        _ if idempotent => Delivery::Idempotent,
        _ => Delivery::AllReplicas,
    };
    (delivery, culprit)
}

/// Transactions need idempotence, whoever switched it off.
fn transaction(keys: &mut Reader<'_>, culprit: Option<&'static str>) -> Option<(Arc<str>, Span)> {
    const ID: &str = "transactional.id";
    let timeout = keys.millis("transaction.timeout.ms");
    keys.set(ID)?;
    if let Some(with) = culprit {
        let why = "transactions need idempotence";
        keys.refuse(ID, Problem::Conflict { with, why });
        return None;
    }
    Some((Arc::from(keys.text(ID)), timeout))
}

fn compression(keys: &Reader<'_>) -> Codec {
    let levels = levels(keys);
    Codec::named(keys.text("compression.type")).map_or(Codec::None, |codec| codec.at(levels))
}

/// The levels of each codec, whoever compresses; those of zstd beyond what makes a difference are cut off.
pub(super) fn levels(keys: &Reader<'_>) -> Levels {
    let level =
        |name: &str| i8::try_from(keys.integer(name).clamp(-99, 99)).expect("between -99 and 99");
    let gzip = match level("compression.gzip.level") {
        -1 => Levels::DEFAULT.gzip,
        level => level,
    };
    Levels { gzip, lz4: level("compression.lz4.level"), zstd: level("compression.zstd.level") }
}

/// No class is the built-in partitioner; those that were deprecated by KIP-794 are gone in 4.0.
fn partitioner(keys: &mut Reader<'_>) -> Partitioner {
    const CLASS: &str = "partitioner.class";
    const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let class = keys.text(CLASS);
    match class.rsplit('.').next().unwrap_or(class) {
        "" | "null" => {}
        "RoundRobinPartitioner" => return Partitioner::RoundRobin,
        "DefaultPartitioner" | "UniformStickyPartitioner" => {
            keys.refuse(CLASS, Problem::UnknownWord { words: &[ROUND_ROBIN] });
        }
        _ => {
            let modelled =
                "none at all, or `org.apache.kafka.clients.producer.RoundRobinPartitioner`";
            keys.refuse(CLASS, Problem::ValueNotModelled { modelled });
        }
    }
    let adaptive = if keys.flag("partitioner.adaptive.partitioning.enable") {
        Adaptive::On
    } else {
        Adaptive::Off
    };
    if keys.flag("partitioner.ignore.keys") {
        Partitioner::IgnoreKeys(adaptive)
    } else {
        Partitioner::BuiltIn(adaptive)
    }
}
