//! What a scenario expects of its runs: invariants, bounds on figures, rare branches that must have been taken.
//!
//! Judges nothing itself: verdicts come from the oracles, figures from their measurements.

use stormglass_check::{
    Figures, GroupFigures, INVARIANTS, PartitionFigures, Percentiles, TopicFigures,
};
use stormglass_kafka::Mark;
use stormglass_types::{GroupId, Span, TopicId, TopicPartition};

use super::diagnostic::{Place, Report};
use super::fields::Fields;
use super::target::Cast;
use super::{Scenario, faults, units};
use crate::words;

/// What must hold, what must break, and what must have been seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expect {
    /// Invariants that no seed may break.
    pub hold: Vec<&'static str>,
    /// Invariants that some seed must break.
    pub violate: Vec<&'static str>,
    /// Bounds on figures that every seed must keep.
    pub metrics: Vec<MetricRule>,
    /// Bounds on figures that some seed must break.
    pub exceed: Vec<MetricRule>,
    /// Rare branches that must have been taken.
    pub reach: Vec<Mark>,
}

/// A bound on a figure, such as `billing.rebalances <= 5`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricRule {
    /// As the scenario has it.
    pub text: String,
    figure: Figure,
    comparison: Comparison,
    bound: u64,
}

/// A figure of a run by its name, such as `billing.rebalances`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    /// Its name.
    pub name: String,
    subject: Subject,
    metric: &'static str,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    Run,
    Group(GroupId),
    /// A group in one partition.
    Partition(GroupId, TopicPartition),
    Topic(TopicId),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comparison {
    AtMost,
    AtLeast,
    Equal,
    NotEqual,
    Below,
    Above,
}

/// What a figure counts, which decides how its bound is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Count,
    Millis,
    Micros,
    Thousandths,
}

impl Figure {
    /// What a run measured, in the unit that it is kept in; none if it measured no such thing.
    #[must_use]
    pub fn measured(&self, figures: &Figures) -> Option<u64> {
        fn read<T>(table: &[Metric<T>], name: &str, of: &T) -> Option<u64> {
            table.iter().find(|metric| metric.name == name).map(|metric| (metric.read)(of))
        }
        match self.subject {
            Subject::Run => read(RUN, self.metric, figures),
            Subject::Group(id) => {
                let group = figures.groups.iter().find(|group| group.group == id)?;
                read(GROUP, self.metric, group)
            }
            Subject::Partition(id, of) => {
                let group = figures.groups.iter().find(|group| group.group == id)?;
                let own = group.partitions.iter().find(|figures| figures.partition == of)?;
                read(PARTITION, self.metric, own)
            }
            Subject::Topic(id) => {
                let topic = figures.topics.iter().find(|topic| topic.topic == id)?;
                read(TOPIC, self.metric, topic)
            }
        }
    }

    /// A measured number as people read it.
    #[must_use]
    pub fn show(&self, measured: u64) -> String {
        match self.unit {
            Unit::Count => words::count(measured),
            Unit::Millis => words::short_span(Span::millis(measured)),
            Unit::Micros => words::micros(measured),
            Unit::Thousandths => format!("{}.{}%", measured / 10, measured % 10),
        }
    }

    /// The unit of its numbers, for programs; nothing for a mere count.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self.unit {
            Unit::Count => "",
            Unit::Millis => "ms",
            Unit::Micros => "us",
            Unit::Thousandths => "permille",
        }
    }
}

impl Scenario {
    /// A figure of this scenario's runs by its name, as `expect.metrics` has it.
    ///
    /// # Errors
    /// If there is no such figure; tells what was meant.
    pub fn figure(&self, name: &str) -> Result<Figure, Report> {
        let mut report = Report::default();
        let source = report.add_source("--metric", &name.into());
        let place = Place { source, from: 0, to: name.len() };
        let cast = Cast::of(&self.base);
        let found = figure_named(name.trim(), place, &cast, &mut report);
        found
            .map(|(subject, metric, unit)| Figure {
                name: name.trim().to_owned(),
                subject,
                metric,
                unit,
            })
            .ok_or(report)
    }
}

impl MetricRule {
    /// The figure that it is about; none if the run measured no such thing.
    #[must_use]
    pub fn measured(&self, figures: &Figures) -> Option<u64> {
        self.figure.measured(figures)
    }

    /// A measured number as people read it.
    #[must_use]
    pub fn show(&self, measured: u64) -> String {
        self.figure.show(measured)
    }

    /// Whether a figure is out of the bound by a quarter of it at least, and not by a hair's breadth.
    #[must_use]
    pub const fn clearly_broken(&self, measured: u64) -> bool {
        let quarter = self.bound / 4;
        match self.comparison {
            Comparison::AtMost | Comparison::Below => {
                measured > self.bound && measured - self.bound >= quarter
            }
            Comparison::AtLeast | Comparison::Above => {
                measured < self.bound && self.bound - measured >= quarter
            }
            Comparison::Equal | Comparison::NotEqual => !self.allows(measured),
        }
    }

    /// Whether a figure is within the bound.
    #[must_use]
    pub const fn allows(&self, measured: u64) -> bool {
        match self.comparison {
            Comparison::AtMost => measured <= self.bound,
            Comparison::AtLeast => measured >= self.bound,
            Comparison::Equal => measured == self.bound,
            Comparison::NotEqual => measured != self.bound,
            Comparison::Below => measured < self.bound,
            Comparison::Above => measured > self.bound,
        }
    }
}

/// The names of the invariants.
pub(super) fn invariants() -> Vec<&'static str> {
    INVARIANTS.iter().map(|invariant| invariant.name).collect()
}

/// Reads what a scenario expects.
pub(super) fn read(fields: &Fields<'_>, cast: &Cast, report: &mut Report) -> Expect {
    let hold = read_invariants(fields, "hold", report);
    let violate = read_invariants(fields, "violate", report);
    if let Some(both) = hold.iter().find(|name| violate.contains(name)) {
        let message = format!("`{both}` is to hold and to be violated");
        report.conflict(fields.place_of("violate"), message, "expect one of them");
    }
    let mut expect = Expect { hold, violate, ..Expect::default() };
    for (place, text) in fields.words("metrics", report) {
        expect.metrics.extend(rule(text, place, cast, report));
    }
    for (place, text) in fields.words("exceed", report) {
        if expect.metrics.iter().any(|kept| kept.text == text.trim()) {
            let message = format!("`{text}` is to be kept and to be exceeded");
            report.conflict(place, message, "expect one of them");
        }
        expect.exceed.extend(rule(text, place, cast, report));
    }
    for (place, name) in fields.words("reach", report) {
        expect.reach.extend(faults::mark(name, place, report));
    }
    let nothing = fields.names().next().is_none();
    if nothing {
        report.missing_key(fields.place, "a scenario", "expect", "expect: { hold: [no-loss] }");
    }
    expect
}

fn read_invariants(fields: &Fields<'_>, key: &str, report: &mut Report) -> Vec<&'static str> {
    let known = invariants();
    let mut names = Vec::new();
    for (place, word) in fields.words(key, report) {
        match known.iter().find(|name| **name == word.trim()) {
            Some(name) => names.push(*name),
            None => report.unknown_word(place, "invariant", word, &known),
        }
    }
    names
}

fn rule(text: &str, place: Place, cast: &Cast, report: &mut Report) -> Option<MetricRule> {
    const SIGNS: [(&str, Comparison); 6] = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<", Comparison::Below),
        (">", Comparison::Above),
    ];
    let split = SIGNS.iter().find_map(|(sign, comparison)| {
        text.split_once(sign).map(|(left, right)| (left.trim(), *comparison, right.trim()))
    });
    let Some((figure, comparison, bound)) = split else {
        let message = format!("`{text}` is not a bound on a figure");
        report.conflict(place, message, "write it as `billing.rebalances <= 5`");
        return None;
    };
    let (subject, metric, unit) = figure_named(figure, place, cast, report)?;
    let name = figure.to_owned();
    let bound = match read_bound(bound, unit) {
        Ok(bound) => bound,
        Err(bad) => {
            report.bad_value(place, figure, bound, &bad);
            return None;
        }
    };
    let figure = Figure { name, subject, metric, unit };
    Some(MetricRule { text: text.trim().to_owned(), figure, comparison, bound })
}

fn figure_named(
    figure: &str,
    place: Place,
    cast: &Cast,
    report: &mut Report,
) -> Option<(Subject, &'static str, Unit)> {
    let of = |name: &str| figure.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    let group = cast.group_names().find_map(|(name, id)| of(name).map(|rest| (id, rest)));
    if let Some((id, metric)) = group {
        if let Some((partition, metric)) = of_partition(metric, cast) {
            let kind = "figure of a group in a partition";
            return find(PARTITION, metric, kind, place, report)
                .map(|(name, unit)| (Subject::Partition(id, partition), name, unit));
        }
        return find(GROUP, metric, "figure of a group", place, report)
            .map(|(name, unit)| (Subject::Group(id), name, unit));
    }
    let topic = cast.topic_names().find_map(|(name, id)| of(name).map(|rest| (id, rest)));
    if let Some((id, metric)) = topic {
        return find(TOPIC, metric, "figure of a topic", place, report)
            .map(|(name, unit)| (Subject::Topic(id), name, unit));
    }
    let owner = figure.split_once('.').map(|(owner, _)| owner);
    let is_figure = |name: &str| RUN.iter().any(|metric| metric.name.starts_with(name));
    if let Some(owner) = owner
        && !is_figure(owner)
    {
        let groups = cast.group_names().map(|(name, _)| name);
        let topics = cast.topic_names().skip(1).map(|(name, _)| name);
        let known: Vec<&str> = groups.chain(topics).collect();
        report.unknown_word(place, "group or topic", owner, &known);
        return None;
    }
    find(RUN, figure, "figure of a run", place, report)
        .map(|(name, unit)| (Subject::Run, name, unit))
}

/// The partition in `orders-3.lag.max`, and the rest.
fn of_partition<'t>(text: &'t str, cast: &Cast) -> Option<(TopicPartition, &'t str)> {
    cast.topic_names().find_map(|(name, topic)| {
        let (number, metric) = text.strip_prefix(name)?.strip_prefix('-')?.split_once('.')?;
        Some((TopicPartition::new(topic, number.parse().ok()?), metric))
    })
}

fn find<T>(
    table: &[Metric<T>],
    name: &str,
    kind: &str,
    place: Place,
    report: &mut Report,
) -> Option<(&'static str, Unit)> {
    let found = table.iter().find(|metric| metric.name == name);
    if found.is_none() {
        let known: Vec<&str> = table.iter().map(|metric| metric.name).collect();
        report.unknown_word(place, kind, name, &known);
    }
    found.map(|metric| (metric.name, metric.unit))
}

fn read_bound(text: &str, unit: Unit) -> Result<u64, units::Bad> {
    match unit {
        Unit::Count => units::count(text),
        Unit::Millis => units::duration(text).map(|span| span.as_millis()),
        Unit::Micros => units::duration(text).map(|span| span.0 / 1_000),
        Unit::Thousandths => units::percent(text).map(|hundredths| hundredths / 10),
    }
}

/// A figure by its name.
struct Metric<T> {
    name: &'static str,
    unit: Unit,
    read: fn(&T) -> u64,
}

const fn metric<T>(name: &'static str, unit: Unit, read: fn(&T) -> u64) -> Metric<T> {
    Metric { name, unit, read }
}

macro_rules! percentiles {
    ($of:literal, $field:ident) => {
        [
            metric(concat!($of, ".p50"), Unit::Micros, |of| percentile(&of.$field).p50),
            metric(concat!($of, ".p95"), Unit::Micros, |of| percentile(&of.$field).p95),
            metric(concat!($of, ".p99"), Unit::Micros, |of| percentile(&of.$field).p99),
            metric(concat!($of, ".max"), Unit::Micros, |of| percentile(&of.$field).max),
        ]
    };
}

const fn percentile(of: &Percentiles) -> &Percentiles {
    of
}

const ACK: [Metric<Figures>; 4] = percentiles!("ack-latency", ack_latency);
const END: [Metric<Figures>; 4] = percentiles!("end-to-end", end_to_end);
const GROUP_END: [Metric<GroupFigures>; 4] = percentiles!("end-to-end", end_to_end);

const RUN: &[Metric<Figures>] = &{
    let [ack_50, ack_95, ack_99, ack_max] = ACK;
    let [end_50, end_95, end_99, end_max] = END;
    [
        metric("sends", Unit::Count, |run| run.sends),
        metric("refused", Unit::Count, |run| run.refused),
        metric("acked", Unit::Count, |run| run.acked),
        metric("failed", Unit::Count, |run| run.failed),
        metric("unknown", Unit::Count, |run| run.unknown),
        metric("committed", Unit::Count, |run| run.committed),
        metric("delivered", Unit::Count, |run| run.delivered),
        metric("processed", Unit::Count, |run| run.processed),
        metric("duplicated", Unit::Count, |run| run.duplicated),
        metric("redelivered", Unit::Count, |run| run.redelivered),
        metric("lost", Unit::Count, |run| run.lost),
        metric("acked-per-second", Unit::Count, |run| run.acked_per_second),
        metric("processed-per-second", Unit::Count, |run| run.processed_per_second),
        ack_50,
        ack_95,
        ack_99,
        ack_max,
        end_50,
        end_95,
        end_99,
        end_max,
    ]
};

const GROUP: &[Metric<GroupFigures>] = &{
    let [end_50, end_95, end_99, end_max] = GROUP_END;
    [
        metric("rebalances", Unit::Count, |group| group.rebalances),
        metric("generations", Unit::Count, |group| group.generations),
        metric("members", Unit::Count, |group| group.members),
        metric("delivered", Unit::Count, |group| group.delivered),
        metric("processed", Unit::Count, |group| group.processed),
        metric("redelivered", Unit::Count, |group| group.redelivered),
        metric("redelivered.revoked", Unit::Count, |group| group.repeats.revoked),
        metric("redelivered.lost", Unit::Count, |group| group.repeats.lost),
        metric("redelivered.died", Unit::Count, |group| group.repeats.died),
        metric("redelivered.sought", Unit::Count, |group| group.repeats.sought),
        metric("redelivered.rewound", Unit::Count, |group| group.repeats.rewound),
        metric("repeated-effects", Unit::Count, |group| group.repeated_effects),
        metric("skipped", Unit::Count, |group| group.skipped.all),
        metric("skipped.reset", Unit::Count, |group| group.skipped.reset),
        metric("skipped.sought", Unit::Count, |group| group.skipped.sought),
        metric("skipped.deleted", Unit::Count, |group| group.skipped.deleted),
        metric("skipped.committed", Unit::Count, |group| group.skipped.committed),
        metric("lag.max", Unit::Count, |group| group.lag_max),
        metric("lag.end", Unit::Count, |group| group.lag_end),
        metric("partition-lag.max", Unit::Count, |group| group.partition_lag_max),
        metric("unowned", Unit::Millis, |group| group.unowned_ms),
        metric("unowned.max", Unit::Millis, |group| group.unowned_max_ms),
        metric("stopped", Unit::Millis, |group| group.stopped_ms),
        metric("moved", Unit::Count, |group| group.moved),
        metric("moved.max", Unit::Count, |group| group.moved_max),
        metric("max-partition-share", Unit::Thousandths, |group| group.partition_share),
        metric("max-key-share", Unit::Thousandths, |group| group.key_share),
        metric("max-member-share", Unit::Thousandths, |group| group.member_share),
        end_50,
        end_95,
        end_99,
        end_max,
    ]
};

const PARTITION: &[Metric<PartitionFigures>] = &[
    metric("lag.max", Unit::Count, |own| own.lag_max),
    metric("lag.end", Unit::Count, |own| own.lag_end),
    metric("behind", Unit::Millis, |own| own.behind_ms),
    metric("unowned", Unit::Millis, |own| own.unowned_ms),
    metric("moved", Unit::Count, |own| own.moved),
    metric("share", Unit::Thousandths, |own| own.share),
];

const TOPIC: &[Metric<TopicFigures>] = &[
    metric("records", Unit::Count, |topic| topic.records),
    metric("max-partition-share", Unit::Thousandths, |topic| topic.max_partition_share),
    metric("split-keys", Unit::Count, |topic| topic.split_keys),
    metric("unavailable", Unit::Millis, |topic| topic.unavailable_ms),
    metric("unavailable.max", Unit::Millis, |topic| topic.unavailable_max_ms),
];
