//! Mistakes in the settings of producers.

use stormglass_kafka::config::Client;
use stormglass_types::Span;

use super::finding::{Edit, Fix, Level, Spot, Subject};
use super::pipeline::{Acks, Idempotence, Pipeline, Producer};
use crate::scenario::Tree;
use crate::words;

const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";

fn set(key: &'static str, value: impl Into<String>) -> Edit {
    Edit::Producer(key, Some(value.into()))
}

fn spot(at: usize, producer: &Producer, key: &str, says: String, fix: Fix) -> Spot {
    let place = producer.section.place(key);
    Spot { subject: Subject::Producer(at), place, says, fix, level: None, unprovable: None }
}

fn each(pipeline: &Pipeline, find: impl Fn(usize, &Producer) -> Option<Spot>) -> Vec<Spot> {
    let producers = pipeline.producers.iter().enumerate();
    producers.filter_map(|(at, producer)| find(at, producer)).collect()
}

pub(super) fn acks_zero(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let says = "`acks=0`: every send counts as a success, whatever becomes of it".to_owned();
        let fix = Fix::edits([set("acks", "all")]);
        (producer.acks() == Acks::Zero).then(|| spot(at, producer, "acks", says, fix))
    })
}

pub(super) fn acks_one(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let says = "`acks=1`: what only the leader has is acknowledged".to_owned();
        let fix = Fix::edits([set("acks", "all")]);
        (producer.acks() == Acks::One).then(|| spot(at, producer, "acks", says, fix))
    })
}

/// Retries that nothing tells from new batches.
fn retries_blindly(producer: &Producer) -> bool {
    let off = producer.idempotence() == Idempotence::Off;
    off && producer.acks() != Acks::Zero && producer.section.number("retries") > 0
}

fn make_idempotent(producer: &Producer) -> Fix {
    let mut edits = vec![set("enable.idempotence", "true")];
    if producer.acks() != Acks::All {
        edits.push(set("acks", "all"));
    }
    if producer.section.number(IN_FLIGHT) > 5 && producer.section.client == Client::Java {
        edits.push(set(IN_FLIGHT, "5"));
    }
    Fix::edits(edits)
}

pub(super) fn reorders(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let in_flight = producer.section.number(IN_FLIGHT);
        // Records without keys are promised no order.
        let ordered = producer.keyed != Some(false);
        let found = retries_blindly(producer) && ordered && in_flight > 1;
        let says = format!(
            "{}, and up to {in_flight} requests are in flight: a retry can overtake",
            producer.section.says("enable.idempotence")
        );
        let fix = make_idempotent(producer);
        found.then(|| spot(at, producer, "enable.idempotence", says, fix))
    })
}

pub(super) fn repeats(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let says = format!(
            "{}: a retry after a lost acknowledgement is stored as well",
            producer.section.says("enable.idempotence")
        );
        let fix = make_idempotent(producer);
        retries_blindly(producer).then(|| spot(at, producer, "enable.idempotence", says, fix))
    })
}

pub(super) fn silently_not_idempotent(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let Idempotence::Dropped(because) = producer.idempotence() else { return None };
        // With acks=0 there is nothing to retry.
        if producer.acks() == Acks::Zero {
            return None;
        }
        let says = format!(
            "`{because}={}` switches idempotence off without a word",
            producer.section.text(because)
        );
        let remedy = match because {
            "retries" => Edit::Producer("retries", None),
            _ => set("acks", "all"),
        };
        let fix = Fix::edits([remedy, set("enable.idempotence", "true")]);
        Some(spot(at, producer, because, says, fix))
    })
}

pub(super) fn short_delivery_timeout(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "delivery.timeout.ms";
    each(pipeline, |at, producer| {
        let section = &producer.section;
        let (timeout, request) = (section.millis(KEY), section.millis("request.timeout.ms"));
        // A request to a leader that is gone takes its timeout, and then its successor must have been found.
        let needed = pipeline.broker_session() + request;
        let found = section.is_set(KEY)
            && timeout > Span::ZERO
            && timeout < needed
            && producer.acks() != Acks::Zero;
        let says = format!(
            "`{KEY}={}`: less than the {} that it takes to notice that a leader is gone and to try again",
            section.text(KEY),
            words::short_span(needed)
        );
        found.then(|| spot(at, producer, KEY, says, Fix::edits([set(KEY, "120000")])))
    })
}

pub(super) fn ids_expire(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "producer.id.expiration.ms";
    let Some(cluster) = &pipeline.cluster else { return Vec::new() };
    let expiration = cluster.millis(KEY);
    let longest = pipeline
        .producers
        .iter()
        .filter(|producer| producer.idempotence() == Idempotence::On)
        .map(|producer| producer.section.millis("delivery.timeout.ms"))
        .max();
    let Some(timeout) = longest.filter(|longest| expiration < *longest) else { return Vec::new() };
    let says = format!(
        "{}: shorter than the {} for which a delivery may go on",
        cluster.says(KEY),
        words::short_span(timeout)
    );
    let fix = Fix::edits([Edit::Cluster(KEY, "86400000".to_owned())]);
    let (subject, place) = (Subject::Cluster, cluster.place(KEY));
    vec![Spot { subject, place, says, fix, level: None, unprovable: None }]
}

/// Whether an id is made anew at every start.
fn is_random(id: &str) -> bool {
    let id = id.to_ascii_lowercase();
    ["random", "uuid", "$$", "timestamp", "currenttime"].iter().any(|word| id.contains(word))
}

pub(super) fn shared_transactional_id(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "transactional.id";
    each(pipeline, |at, producer| {
        let alone = producer.instances == Some(1);
        if !producer.is_transactional() || producer.section.is_template(KEY) || alone {
            return None;
        }
        let id = producer.section.text(KEY);
        let says = match producer.instances {
            Some(instances) => format!("`{KEY}={id}` is that of {instances} instances"),
            None => format!("`{KEY}={id}` is that of every instance that reads this file"),
        };
        let words = "a transactional.id of its own for every instance, the same after a restart";
        let found = spot(at, producer, KEY, says, Fix::words(words));
        let level = producer.instances.map_or(Level::Warning, |_| Level::Error);
        Some(Spot { level: Some(level), ..found })
    })
}

pub(super) fn random_transactional_id(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "transactional.id";
    each(pipeline, |at, producer| {
        let id = producer.section.text(KEY);
        let says = format!("`{KEY}={id}` is another after every restart");
        let words = "a transactional.id that an instance keeps, such as its number";
        is_random(id).then(|| spot(at, producer, KEY, says, Fix::words(words)))
    })
}

pub(super) fn long_transactions(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "transaction.timeout.ms";
    each(pipeline, |at, producer| {
        let timeout = producer.section.millis(KEY);
        let found = producer.is_transactional() && timeout > Span::secs(300);
        let says = format!(
            "`{KEY}={}`: a transaction may stay open for {}",
            producer.section.text(KEY),
            words::short_span(timeout)
        );
        found.then(|| spot(at, producer, KEY, says, Fix::edits([set(KEY, "60000")])))
    })
}

/// How a producer finds a key's partition.
fn partitioner(producer: &Producer) -> (&'static str, String) {
    let section = &producer.section;
    match section.client {
        Client::Librdkafka => {
            let name = section.text("partitioner");
            let hash = match name.trim_end_matches("_random") {
                "consistent" => "CRC32",
                "murmur2" => "murmur2",
                "fnv1a" => "FNV-1a",
                _ => "chance",
            };
            ("partitioner", hash.to_owned())
        }
        Client::Java => {
            let class = section.text("partitioner.class");
            let class = class.rsplit('.').next().unwrap_or(class);
            if !matches!(class, "" | "null" | "DefaultPartitioner") {
                return ("partitioner.class", class.to_owned());
            }
            if section.flag("partitioner.ignore.keys") {
                return ("partitioner.ignore.keys", "no regard to keys".to_owned());
            }
            ("partitioner.class", "murmur2".to_owned())
        }
    }
}

/// Those of a topic's producers that differ from the rest; murmur2, the most common, counts as the rule.
pub(super) fn partitioners_differ(pipeline: &Pipeline) -> Vec<Spot> {
    let mut spots = Vec::new();
    let topics = pipeline.topics.len().max(1);
    for topic in 0..topics {
        let keyed = pipeline.producers_to(topic);
        let keyed = keyed.filter(|(_, it)| it.keyed != Some(false) && it.asks_partitioner);
        let keyed: Vec<(usize, &Producer, &str, String)> = keyed
            .map(|(at, producer)| {
                let (key, how) = partitioner(producer);
                (at, producer, key, how)
            })
            .collect();
        let rule = keyed.iter().find(|(.., how)| how == "murmur2").or(keyed.first());
        let Some((_, first, _, rule)) = rule else { continue };
        for (at, producer, key, how) in keyed.iter().filter(|(.., how)| how != rule) {
            let says = format!(
                "keys go where {how} puts them, but those of `{}` where {rule} does",
                first.section.name
            );
            let fix = match producer.section.client {
                Client::Librdkafka => Fix::edits([set("partitioner", "murmur2_random")]),
                Client::Java => Fix::edits([
                    Edit::Producer("partitioner.class", None),
                    Edit::Producer("partitioner.ignore.keys", None),
                ]),
            };
            let modelled = match producer.section.client {
                Client::Librdkafka => true,
                Client::Java => {
                    matches!(how.as_str(), "RoundRobinPartitioner" | "no regard to keys")
                }
            };
            let unprovable = (!modelled).then_some("the partitioner is not modelled");
            let found = spot(*at, producer, key, says, fix);
            spots.push(Spot { unprovable, ..found });
        }
    }
    spots
}

pub(super) fn dealt_blindly(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let instances = producer.instances.filter(|instances| *instances > 1)?;
        let says = format!(
            "`spread: round-robin` over {instances} instances: the events of a key go through all of them, and overtake one another"
        );
        let fix = Fix::edits([Edit::OfProducer(&["spread"], Tree::from("by-key"))]);
        producer.deals_blindly.then(|| spot(at, producer, "spread", says, fix))
    })
}

pub(super) fn hot_key(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, producer| {
        let (key, percent) = producer.hottest.as_ref()?;
        let partitions = u64::from(pipeline.topics.get(producer.to?)?.partitions?);
        // Twice what a partition's share would be if all were alike.
        let found = *percent >= 20 && *percent * partitions >= 200 && partitions > 1;
        let says = format!(
            "`{key}` is the key of {percent}% of the records, and a partition's fair share is {}%",
            100 / partitions
        );
        let words = "a key that spreads them: salted (`customer-7/3`), or with another part of the record in it";
        found.then(|| spot(at, producer, "keys", says, Fix::words(words)))
    })
}
