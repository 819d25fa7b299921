//! Mistakes in the settings of topics and brokers.

use stormglass_types::Span;

use super::finding::{Edit, Fix, Level, Spot, Subject};
use super::pipeline::{Acks, Pipeline, Producer, Section, Topic};
use crate::scenario::{Place, Tree};
use crate::words;

fn of_topic(at: usize, place: Place, says: String, fix: Fix) -> Spot {
    Spot { subject: Subject::Topic(at), place, says, fix, level: None, unprovable: None }
}

fn of_cluster(cluster: &Section, key: &str, says: String, fix: Fix) -> Spot {
    let (subject, place) = (Subject::Cluster, cluster.place(key));
    Spot { subject, place, says, fix, level: None, unprovable: None }
}

fn topics(pipeline: &Pipeline, find: impl Fn(usize, &Topic) -> Option<Spot>) -> Vec<Spot> {
    pipeline.topics.iter().enumerate().filter_map(|(at, topic)| find(at, topic)).collect()
}

/// `key=value`, and whether that is somebody's choice.
fn says(pipeline: &Pipeline, topic: &Topic, key: &str) -> String {
    let resolved = pipeline.of_topic(topic, key);
    if resolved.set {
        format!("`{key}={}`", resolved.value)
    } else {
        format!("`{key}` is left at its default, `{}`", resolved.value)
    }
}

pub(super) fn min_insync_one(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "min.insync.replicas";
    topics(pipeline, |at, topic| {
        let mut producers = pipeline.producers_to(at).peekable();
        let promised =
            producers.peek().is_none() || producers.any(|(_, it)| it.acks() == Acks::All);
        if pipeline.min_insync(topic) != 1 || topic.replication == Some(1) || !promised {
            return None;
        }
        let place = pipeline.of_topic(topic, KEY).place;
        let says = format!(
            "{}: with acks=all, one copy is enough for an acknowledgement",
            says(pipeline, topic, KEY)
        );
        let mut edits = vec![Edit::Topic(KEY, "2".to_owned())];
        if topic.replication == Some(2) {
            edits.push(Edit::OfTopic(&["replication.factor"], Tree::from(3)));
        }
        Some(of_topic(at, place, says, Fix::edits(edits)))
    })
}

pub(super) fn unclean(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "unclean.leader.election.enable";
    topics(pipeline, |at, topic| {
        let resolved = pipeline.of_topic(topic, KEY);
        let says = format!("`{KEY}=true`: a leader may lack what was acknowledged");
        let fix = Fix::edits([Edit::Topic(KEY, "false".to_owned())]);
        let found = resolved.value.eq_ignore_ascii_case("true");
        found.then(|| of_topic(at, resolved.place, says, fix))
    })
}

pub(super) fn none_to_spare(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "min.insync.replicas";
    topics(pipeline, |at, topic| {
        let (least, replication) = (pipeline.min_insync(topic), topic.replication?);
        if least < replication || replication == 1 {
            return None;
        }
        let place = pipeline.of_topic(topic, KEY).place;
        let says = format!("`{KEY}={least}` of {replication} replicas: no broker may ever be down");
        let fix = if replication > 2 {
            Fix::edits([Edit::Topic(KEY, (replication - 1).to_string())])
        } else {
            Fix::edits([
                Edit::OfTopic(&["replication.factor"], Tree::from(3)),
                Edit::Topic(KEY, "2".to_owned()),
            ])
        };
        Some(of_topic(at, place, says, fix))
    })
}

pub(super) fn single_replica(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "replication.factor";
    topics(pipeline, |at, topic| {
        let place = topic.section.place(KEY);
        let says = "one replica: what its broker loses is lost".to_owned();
        let fix = Fix::edits([
            Edit::OfTopic(&[KEY], Tree::from(3)),
            Edit::Topic("min.insync.replicas", "2".to_owned()),
        ]);
        (topic.replication == Some(1)).then(|| of_topic(at, place, says, fix))
    })
}

/// `cleanup.policy`.
fn policy<'p>(pipeline: &'p Pipeline, topic: &'p Topic) -> &'p str {
    pipeline.of_topic(topic, "cleanup.policy").value
}

/// How long a topic keeps its records in milliseconds, if anybody says so; the key, and where it is.
pub(super) fn retention<'p>(
    pipeline: &'p Pipeline,
    topic: &'p Topic,
) -> Option<(&'static str, i64, Place)> {
    let by_cluster = || {
        let cluster = pipeline.cluster.as_ref()?;
        let units = [("log.retention.ms", 1), ("log.retention.minutes", 60_000)];
        let mut units = units.into_iter().chain([("log.retention.hours", 3_600_000)]);
        let (key, unit) = units.find(|(key, _)| cluster.is_set(key))?;
        Some((key, cluster.number(key).saturating_mul(unit), cluster.place(key)))
    };
    let own = topic.section.is_set("retention.ms").then(|| {
        let key = "retention.ms";
        (key, topic.section.number(key), topic.section.place(key))
    });
    own.or_else(by_cluster)
}

pub(super) fn short_retention(pipeline: &Pipeline) -> Vec<Spot> {
    const DAY: Span = Span::secs(86_400);
    topics(pipeline, |at, topic| {
        let (key, retention, place) = retention(pipeline, topic)?;
        let kept = Span::millis(u64::try_from(retention).unwrap_or(0));
        let behaviours = pipeline.groups.iter().filter_map(|group| group.behaviour());
        let away = behaviours.map(|behaviour| behaviour.longest_down).max();
        // In a scenario, how long a group is away is known.
        let short = away.map_or(kept < DAY, |away| kept < away);
        let found = retention >= 0 && short && policy(pipeline, topic).contains("delete");
        let away = away.filter(|away| *away > kept).map_or_else(String::new, |away| {
            format!(", and a group is away for {}", words::short_span(away))
        });
        let says = format!("`{key}` keeps records for {}{away}", words::short_span(kept));
        let fix = Fix::both(
            "retention.ms=604800000 (topic), an alert on lag, and auto.offset.reset=none to be told",
            [Edit::Topic("retention.ms", "604800000".to_owned())],
        );
        found.then(|| of_topic(at, place, says, fix))
    })
}

pub(super) fn early_tombstones(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "delete.retention.ms";
    topics(pipeline, |at, topic| {
        let resolved = pipeline.of_topic(topic, KEY);
        let kept: u64 = resolved.value.parse().unwrap_or(0);
        let behaviours = pipeline.groups.iter().filter_map(|group| group.behaviour());
        let away = behaviours.map(|behaviour| behaviour.longest_down).max();
        // In a scenario, how long a group is away is known.
        let short = away.map_or(kept < 86_400_000, |away| Span::millis(kept) < away);
        let found = policy(pipeline, topic).contains("compact") && short;
        let says = format!(
            "`{KEY}={}`: deletions can be seen for {}",
            resolved.value,
            words::short_span(Span::millis(kept))
        );
        let fix = Fix::edits([Edit::Topic(KEY, "86400000".to_owned())]);
        found.then(|| of_topic(at, resolved.place, says, fix))
    })
}

pub(super) fn compacts_at_once(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "min.compaction.lag.ms";
    topics(pipeline, |at, topic| {
        let lag: u64 = pipeline.of_topic(topic, KEY).value.parse().unwrap_or(0);
        let place = pipeline.of_topic(topic, "cleanup.policy").place;
        let says = "`cleanup.policy=compact`: older values of a key may be gone at any time";
        let fix = Fix::both(
            "min.compaction.lag.ms=86400000 (topic), or cleanup.policy=delete if every update counts",
            [Edit::Topic(KEY, "86400000".to_owned())],
        );
        let found = policy(pipeline, topic).contains("compact") && lag == 0;
        found.then(|| of_topic(at, place, says.to_owned(), fix))
    })
}

pub(super) fn expands_keyed_topic(pipeline: &Pipeline) -> Vec<Spot> {
    let mut spots = Vec::new();
    for expansion in &pipeline.expansions {
        let moves = |it: &Producer| it.keyed == Some(true) && it.asks_partitioner;
        let keyed = pipeline.producers_to(expansion.topic).any(|(_, it)| moves(it));
        let Some(topic) = pipeline.topics.get(expansion.topic).filter(|_| keyed) else { continue };
        let says = format!(
            "`{}` grows to {} partitions while keys decide where its records go",
            topic.section.name, expansion.to
        );
        let fix = Fix::words(
            "as many partitions from the beginning, or a new topic to which readers and writers move",
        );
        spots.push(of_topic(expansion.topic, expansion.place, says, fix));
    }
    spots
}

pub(super) fn internal_topics(pipeline: &Pipeline) -> Vec<Spot> {
    const KEYS: [(&str, i64); 3] = [
        ("offsets.topic.replication.factor", 3),
        ("transaction.state.log.replication.factor", 3),
        ("transaction.state.log.min.isr", 2),
    ];
    let Some(cluster) = &pipeline.cluster else { return Vec::new() };
    let mut spots = Vec::new();
    for (key, needed) in KEYS {
        let value = cluster.number(key);
        let enough = value >= needed || pipeline.brokers.is_some_and(|brokers| brokers < 3);
        if !cluster.is_set(key) || enough {
            continue;
        }
        let says = format!("`{key}={value}`: with one broker go the only copies");
        let fix = Fix::edits([Edit::Cluster(key, needed.to_string())]);
        let found = of_cluster(cluster, key, says, fix);
        let level = (value > 1).then_some(Level::Warning);
        let unprovable =
            key.starts_with("transaction").then_some("transactions are not modelled yet");
        spots.push(Spot { level, unprovable, ..found });
    }
    spots
}

pub(super) fn impatient(pipeline: &Pipeline) -> Vec<Spot> {
    const KEYS: [(&str, Span, &str, &str); 2] = [
        ("replica.lag.time.max.ms", Span::secs(10), "30000", "leaves the in-sync set"),
        ("broker.session.timeout.ms", Span::secs(6), "9000", "loses its leaderships"),
    ];
    let Some(cluster) = &pipeline.cluster else { return Vec::new() };
    let mut spots = Vec::new();
    for (key, least, default, what) in KEYS {
        let value = cluster.millis(key);
        if !cluster.is_set(key) || value >= least {
            continue;
        }
        let says = format!(
            "`{key}={}`: a broker that is held up for {} {what}",
            cluster.text(key),
            words::short_span(value)
        );
        let fix = Fix::edits([Edit::Cluster(key, default.to_owned())]);
        spots.push(of_cluster(cluster, key, says, fix));
    }
    spots
}

pub(super) fn offsets_expire(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "offsets.retention.minutes";
    let Some(cluster) = pipeline.cluster.as_ref().filter(|cluster| cluster.is_set(KEY)) else {
        return Vec::new();
    };
    let minutes = u64::try_from(cluster.number(KEY)).unwrap_or(0);
    let retention = Span::secs(minutes.saturating_mul(60));
    let longest = pipeline.groups.iter().filter_map(|group| group.behaviour());
    let away = longest.map(|behaviour| behaviour.longest_down).max();
    let found = match away {
        // In a scenario, how long a group is away is known.
        Some(away) => retention < away,
        None => minutes < 1_440,
    };
    let away = away.filter(|away| *away > retention).map_or_else(String::new, |away| {
        format!(", and a group is away for {}", words::short_span(away))
    });
    let kept = words::short_span(retention);
    let says =
        format!("`{KEY}={minutes}`: the offsets of an empty group are kept for {kept}{away}");
    let fix = Fix::edits([Edit::Cluster(KEY, "10080".to_owned())]);
    if found { vec![of_cluster(cluster, KEY, says, fix)] } else { Vec::new() }
}

pub(super) fn no_initial_delay(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "group.initial.rebalance.delay.ms";
    let Some(cluster) = pipeline.cluster.as_ref().filter(|cluster| cluster.is_set(KEY)) else {
        return Vec::new();
    };
    let delay = cluster.millis(KEY);
    let large = pipeline.groups.iter().filter(|group| group.members.is_none_or(|it| it > 2));
    let starts = large.clone().filter_map(|group| group.behaviour()).map(|it| it.start);
    let start = starts.max().unwrap_or(Span::ZERO);
    let nobody = !pipeline.groups.is_empty() && large.count() == 0;
    if delay >= Span::secs(1) || nobody {
        return Vec::new();
    }
    // Whoever starts within the delay is waited for.
    let needed = Span::secs(3).max(Span(start.0.next_multiple_of(1_000_000_000)));
    let says = format!("`{KEY}={}`: a group begins with its first member", cluster.text(KEY));
    let fix = Fix::edits([Edit::Cluster(KEY, (needed.as_millis() + 1_000).to_string())]);
    vec![of_cluster(cluster, KEY, says, fix)]
}
