//! Mistakes in the settings of consumers, and in what their applications do.

use std::collections::BTreeMap;

use stormglass_kafka::config::Client;
use stormglass_sim::plan::{
    AtRevocation, CommitCall, Fencing, OffsetStore, OnPoison, Place as Where, Retry,
};
use stormglass_types::Span;
use stormglass_types::history::CommitMode;

use super::finding::{Edit, Fix, Level, Spot, Subject};
use super::pipeline::{Group, Pipeline};
use crate::scenario::Tree;
use crate::words;

fn set(key: &'static str, value: impl Into<String>) -> Edit {
    Edit::Consumer(key, value.into())
}

fn own(path: &'static [&'static str], value: &str) -> Edit {
    Edit::OfGroup(path, Some(Tree::parse(value)))
}

fn spot(at: usize, group: &Group, key: &str, says: String, fix: Fix) -> Spot {
    let place = group.section.place(key);
    Spot { subject: Subject::Group(at), place, says, fix, level: None, unprovable: None }
}

fn each(pipeline: &Pipeline, find: impl Fn(usize, &Group) -> Option<Spot>) -> Vec<Spot> {
    pipeline.groups.iter().enumerate().filter_map(|(at, group)| find(at, group)).collect()
}

fn has_transactions(pipeline: &Pipeline) -> bool {
    pipeline.producers.iter().any(|producer| producer.is_transactional())
}

pub(super) fn reads_uncommitted(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "isolation.level";
    each(pipeline, |at, group| {
        let uncommitted = group.section.text(KEY).eq_ignore_ascii_case("read_uncommitted");
        let says = format!("{}, and a producer has transactions", group.section.says(KEY));
        let fix = Fix::edits([set(KEY, "read_committed")]);
        (uncommitted && has_transactions(pipeline)).then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn commits_beside_transaction(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "enable.auto.commit";
    each(pipeline, |at, group| {
        let says = format!("{}, and a producer has transactions", group.section.says(KEY));
        let fix = Fix::both(
            "enable.auto.commit=false, and sendOffsetsToTransaction(offsets, consumer.groupMetadata())",
            [set(KEY, "false")],
        );
        let found = group.commits_by_itself() && has_transactions(pipeline);
        found.then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn commits_before_processing(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let found = group.behaviour()?.commit == CommitMode::BeforeProcessing;
        let says = "records are committed before they are processed".to_owned();
        let fix = Fix::edits([own(&["commit"], "after-processing")]);
        found.then(|| spot(at, group, "commit", says, fix))
    })
}

pub(super) fn retries_commits_blindly(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let call = group.behaviour()?.commits.call;
        let says = "a failed commitAsync is sent again, whatever was committed since".to_owned();
        let fix = Fix::edits([own(&["commit", "retry"], "if-newest")]);
        let found = matches!(call, CommitCall::Async(Retry::Blindly(_)));
        found.then(|| spot(at, group, "commit", says, fix))
    })
}

pub(super) fn no_commit_on_revoke(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let behaviour = group.behaviour()?;
        let commits = behaviour.commits;
        let found = behaviour.commit == CommitMode::AfterProcessing
            && commits.store == OffsetStore::Kafka
            && commits.every > Span::ZERO
            && commits.at_revocation == AtRevocation::Nothing;
        let says = format!(
            "commits every {}, and none when partitions are taken away",
            words::short_span(commits.every)
        );
        let fix = Fix::edits([own(&["commit", "on-revoke"], "commit")]);
        found.then(|| spot(at, group, "commit", says, fix))
    })
}

pub(super) fn works_too_long(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "max.poll.interval.ms";
    const RECORDS: &str = "max.poll.records";
    each(pipeline, |at, group| {
        let application = group.application.as_ref()?;
        let processing = &application.processing;
        if processing.place == Where::OtherThread || application.slowest == Span::ZERO {
            return None;
        }
        let (interval, records) = (group.section.millis(KEY), group.section.number(RECORDS));
        let records = u64::try_from(records).unwrap_or(0);
        let once = [
            Some(processing.per_poll.most),
            processing.blocking.map(|blocking| blocking.lasting.most),
            processing.slow_keys.iter().map(|(_, span)| *span).max(),
        ];
        let once = once.into_iter().flatten().fold(Span::ZERO, |sum, span| sum + span);
        let work = Span(application.slowest.0.saturating_mul(records)) + once;
        if work <= interval {
            return None;
        }
        // Half of the interval, so that a slow day does not break it again.
        let fits = (interval.0 / 2).saturating_sub(once.0) / application.slowest.0;
        let edit = if fits > 0 && group.section.client == Client::Java {
            set(RECORDS, fits.to_string())
        } else {
            set(KEY, (work.as_millis().saturating_mul(2)).to_string())
        };
        let says = format!(
            "a full poll of {records} records is {} of work, and `{KEY}` is {}",
            words::short_span(work),
            words::short_span(interval)
        );
        let key = if group.section.is_set(KEY) { KEY } else { RECORDS };
        Some(spot(at, group, key, says, Fix::edits([edit])))
    })
}

pub(super) fn begins_at_the_end(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "auto.offset.reset";
    each(pipeline, |at, group| {
        let section = &group.section;
        let found = section.text(KEY).eq_ignore_ascii_case("latest");
        let says = format!(
            "{}: where there is no offset, what is already there is skipped",
            section.says(KEY)
        );
        let fix = match section.client {
            Client::Java => Fix::both(
                "auto.offset.reset=earliest, or by_duration:PT1H where everything would be too much (KIP-1106)",
                [set(KEY, "earliest")],
            ),
            Client::Librdkafka => Fix::edits([set(KEY, "earliest")]),
        };
        found.then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn assigns_with_shared_group(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let behaviour = group.behaviour()?;
        let members = group.members.filter(|members| *members > 1)?;
        let found = behaviour.assigns && behaviour.commits.store == OffsetStore::Kafka;
        let names: Vec<Tree> = group
            .topics
            .iter()
            .filter_map(|topic| pipeline.topics.get(*topic))
            .map(|topic| Tree::from(topic.section.name.as_str()))
            .collect();
        let says = format!(
            "{members} instances assign themselves partitions and commit under one group.id"
        );
        let fix = Fix::both(
            "`subscribe` instead of `assign`, or a group.id for each instance",
            [
                Edit::OfGroup(&["assign"], None),
                Edit::OfGroup(&["subscribe"], Some(Tree::List(names))),
            ],
        );
        found.then(|| spot(at, group, "assign", says, fix))
    })
}

pub(super) fn shared_instance_id(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "group.instance.id";
    each(pipeline, |at, group| {
        let section = &group.section;
        let id = section.text(KEY);
        if id.is_empty() {
            return None;
        }
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for id in group.instances.iter().flatten() {
            *times.entry(id).or_default() += 1;
        }
        let most = times.into_iter().max_by_key(|(_, times)| *times);
        let fix = || {
            if pipeline.is_scenario() {
                return Fix::edits([set(KEY, "${member}")]);
            }
            let words =
                "a group.instance.id of its own for every instance, such as its host's name";
            Fix::both(words, [set(KEY, "${member}")])
        };
        if let Some((id, times)) = most {
            let says = format!("{times} members have the `{KEY}` `{id}`");
            return (times > 1).then(|| spot(at, group, KEY, says, fix()));
        }
        if section.is_template(KEY) || group.members == Some(1) {
            return None;
        }
        let says = match group.members {
            Some(members) => format!("`{KEY}={id}` is that of {members} instances"),
            None => format!("`{KEY}={id}` is that of every instance that reads this file"),
        };
        let level = group.members.map_or(Level::Warning, |_| Level::Error);
        Some(Spot { level: Some(level), ..spot(at, group, KEY, says, fix()) })
    })
}

pub(super) fn long_static_session(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "session.timeout.ms";
    each(pipeline, |at, group| {
        let session = group.section.millis(KEY);
        let is_static = !group.section.text("group.instance.id").is_empty();
        let says = format!(
            "static members with `{KEY}={}`: the partitions of one that is gone wait for {}",
            group.section.text(KEY),
            words::short_span(session)
        );
        let fix = Fix::edits([set(KEY, "45000")]);
        (is_static && session > Span::secs(300)).then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn reads_from_followers(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "client.rack";
    let selector = pipeline.cluster.as_ref().map(|it| it.text("replica.selector.class"));
    let near = selector.is_some_and(|class| class.contains("RackAware"));
    each(pipeline, |at, group| {
        let rack = group.section.text(KEY);
        let says = format!(
            "`{KEY}={rack}` with `replica.selector.class`: fetches go to the nearest replica"
        );
        let fix = Fix::words("nothing, if reading a moment late is fine; else no client.rack");
        (near && !rack.is_empty()).then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn store_without_fencing(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let store = group.behaviour()?.commits.store;
        let says = "the database takes what a member writes that has lost its partition".to_owned();
        let fix = Fix::edits([own(&["commit", "store"], "own-fenced")]);
        let found = store == OffsetStore::Own(Fencing::None);
        found.then(|| spot(at, group, "commit", says, fix))
    })
}

/// librdkafka's: a timer commits what was handed to the application, done or not.
pub(super) fn stores_early(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "enable.auto.offset.store";
    each(pipeline, |at, group| {
        let section = &group.section;
        let early = section.client == Client::Librdkafka && section.flag(KEY);
        if !early || !group.commits_by_itself() {
            return None;
        }
        let mut edits = vec![set(KEY, "false")];
        if pipeline.is_scenario() {
            edits.push(own(&["commit", "call"], "store"));
        }
        let says = "a timer commits what was handed to the application, done or not".to_owned();
        let words = "enable.auto.offset.store=false, and store an offset when its record is done";
        Some(spot(at, group, KEY, says, Fix::both(words, edits)))
    })
}

pub(super) fn auto_commits_early(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "enable.auto.commit";
    each(pipeline, |at, group| {
        if !group.commits_by_itself() {
            return None;
        }
        let section = &group.section;
        let by_hand = || {
            let mut edits = vec![set(KEY, "false")];
            if pipeline.is_scenario() {
                edits.push(own(&["commit"], "after-processing"));
            }
            edits
        };
        if section.client == Client::Librdkafka {
            return None;
        }
        match group.behaviour().and(group.application.as_ref()) {
            Some(application) => {
                let elsewhere = application.processing.place == Where::OtherThread;
                let says = "the position of `poll` is committed, and other threads are behind it";
                let fix = Fix::edits(by_hand());
                elsewhere.then(|| spot(at, group, KEY, says.to_owned(), fix))
            }
            None => {
                let says = format!(
                    "{}: right only if every record is done before the next `poll`",
                    section.says(KEY)
                );
                let fix = Fix::both(
                    "enable.auto.commit=false and commitSync when records are done, if they are buffered or worked on by other threads",
                    by_hand(),
                );
                let level = Some(Level::Note);
                let unprovable = Some("settings do not say where records are processed");
                Some(Spot { level, unprovable, ..spot(at, group, KEY, says, fix) })
            }
        }
    })
}

pub(super) fn idle_members(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let members = group.members?;
        let assigns = group.behaviour().is_some_and(|behaviour| behaviour.assigns);
        let topics = group.topics.iter().filter_map(|topic| pipeline.topics.get(*topic));
        let partitions: Option<u16> = topics.map(|topic| topic.partitions).sum();
        let partitions = partitions.filter(|partitions| *partitions > 0)?;
        let says = format!("{members} members for {partitions} partitions");
        let fix = Fix::both(
            &format!("partitions: {members}, or no more than {partitions} members"),
            [Edit::OfTopic(&["partitions"], Tree::from(u64::from(members)))],
        );
        let found = members > partitions && !assigns;
        found.then(|| spot(at, group, "members", says, fix))
    })
}

pub(super) fn stops_the_world(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "partition.assignment.strategy";
    each(pipeline, |at, group| {
        let behaviour = group.behaviour()?;
        let changes = behaviour.grows || behaviour.restarts.len() > 1;
        let names = group.section.text(KEY).split(',').map(str::trim);
        let eager = names.filter(|name| !name.is_empty()).any(|name| !name.contains("Cooperative"));
        let says = format!("{}: an eager assignor", group.section.says(KEY));
        let fix = Fix::edits([set(KEY, "CooperativeStickyAssignor")]);
        // With the consumer protocol the coordinator assigns, and nobody waits for everybody.
        let classic = group.section.text("group.protocol").eq_ignore_ascii_case("classic");
        let found = changes && classic && eager && !behaviour.assigns && group.members > Some(1);
        found.then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn restarts_as_strangers(pipeline: &Pipeline) -> Vec<Spot> {
    const KEY: &str = "group.instance.id";
    each(pipeline, |at, group| {
        let behaviour = group.behaviour()?;
        let session = group.section.millis("session.timeout.ms");
        let short = behaviour.restarts.iter().filter(|down| **down < session).count();
        let found = short > 1 && !behaviour.assigns && group.section.text(KEY).is_empty();
        let says = format!(
            "{short} restarts of members without a `{KEY}`, each shorter than the session of {}",
            words::short_span(session)
        );
        let fix = Fix::edits([set(KEY, "${member}")]);
        found.then(|| spot(at, group, KEY, says, fix))
    })
}

pub(super) fn no_way_past_poison(pipeline: &Pipeline) -> Vec<Spot> {
    each(pipeline, |at, group| {
        let poison = group.application.as_ref()?.processing.poison.as_ref()?;
        let does = match poison.then {
            OnPoison::Crash => "ends the process",
            OnPoison::Retry => "is tried for ever",
            OnPoison::Skip | OnPoison::DeadLetter { .. } => return None,
        };
        let says = format!("a record that cannot be processed {does}");
        let fix = Fix::both(
            "poison: { then: dead-letter, to: a topic of dead letters, attempts: 3 }, or then: skip",
            [
                own(&["process", "poison", "then"], "dead-letter"),
                own(&["process", "poison", "to"], "orders.dlt"),
                own(&["process", "poison", "attempts"], "3"),
            ],
        );
        Some(spot(at, group, "process", says, fix))
    })
}
