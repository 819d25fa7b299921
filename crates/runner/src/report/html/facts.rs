//! Who ran what, the verdicts, and the figures.

use serde::Serialize;
use serde_json::{Value, json};
use stormglass_check::{INVARIANTS, Percentiles};
use stormglass_sim::plan::Place;
use stormglass_types::history::{CommitMode, What};

use super::{Recorded, micros};
use crate::names::Names;
use crate::result::Judged;

/// The head of the page.
#[derive(Serialize)]
pub(super) struct Facts<'a> {
    scenario: &'a str,
    path: &'a str,
    about: &'a str,
    text: &'a str,
    seed: u64,
    digest: String,
    outcome: &'static str,
    cut_off: Option<&'a str>,
    /// When the last thing happened.
    ends: u64,
    /// When faults were over.
    healed: Option<u64>,
    events: u64,
    repro: &'a str,
    verdicts: Vec<VerdictFact<'a>>,
    bounds: Vec<Value>,
    marks: Vec<&'static str>,
    records: Value,
    groups: Vec<Value>,
    topics: Vec<Value>,
    /// `v1` is the second life of a producer: what the short names of records stand for.
    sources: Vec<String>,
}

#[derive(Serialize)]
struct VerdictFact<'a> {
    invariant: &'static str,
    promise: &'static str,
    asked: bool,
    status: &'static str,
    detail: &'a str,
    kind: Option<&'static str>,
    total: u64,
    permitted: Option<&'a str>,
    breaches: u64,
    witness: Vec<(u64, &'a str, &'a str)>,
}

/// The facts of a run.
pub(super) fn facts<'a>(run: &Recorded<'a>) -> Facts<'a> {
    let (result, history) = (run.result, run.world.history());
    let names = Names::new(history);
    let healed = history.events.iter().find(|event| matches!(event.what, What::Healed));
    let sources = 0..u16::try_from(history.sources.len()).unwrap_or(u16::MAX);
    Facts {
        scenario: &result.scenario,
        path: run.scenario.name(),
        about: run.scenario.about(),
        text: run.scenario.text(),
        seed: result.seed,
        digest: result.digest.to_string(),
        outcome: result.outcome.name(),
        cut_off: result.cut_off.as_deref(),
        ends: micros(run.world.now()),
        healed: healed.map(|event| micros(event.at)),
        events: result.events,
        repro: &result.repro,
        verdicts: result.verdicts.iter().map(verdict).collect(),
        bounds: result
            .bounds
            .iter()
            .map(|bound| json!({ "text": bound.text, "said": bound.to_string(), "kept": bound.kept }))
            .collect(),
        marks: result.marks.iter().map(stormglass_kafka::Mark::name).collect(),
        records: records(run),
        groups: groups(run),
        topics: topics(run),
        sources: sources.map(|id| names.source(stormglass_types::SourceId(id))).collect(),
    }
}

fn verdict(judged: &Judged) -> VerdictFact<'_> {
    let known = INVARIANTS.iter().find(|invariant| invariant.name == judged.invariant);
    VerdictFact {
        invariant: judged.invariant,
        promise: known.map_or("", |invariant| invariant.promise),
        asked: judged.asked,
        status: judged.status.name(),
        detail: &judged.detail,
        kind: judged.kind,
        total: judged.total,
        permitted: judged.permitted.as_deref(),
        breaches: judged.breaches,
        witness: judged
            .witness
            .iter()
            .map(|event| (event.time_ns / 1_000, event.process.as_str(), event.event.as_str()))
            .collect(),
    }
}

fn records(run: &Recorded<'_>) -> Value {
    let figures = &run.result.figures;
    json!({
        "sent": figures.sends,
        "refused": figures.refused,
        "acked": figures.acked,
        "failed": figures.failed,
        "unknown": figures.unknown,
        "committed": figures.committed,
        "processed": figures.processed,
        "delivered": figures.delivered,
        "duplicated": figures.duplicated,
        "redelivered": figures.redelivered,
        "lost": figures.lost,
        "acked_per_second": figures.acked_per_second,
        "processed_per_second": figures.processed_per_second,
        "ack_latency": percentiles(&figures.ack_latency),
        "end_to_end": percentiles(&figures.end_to_end),
    })
}

fn percentiles(of: &Percentiles) -> Option<[u64; 4]> {
    (of.samples > 0).then_some([of.p50, of.p95, of.p99, of.max])
}

fn groups(run: &Recorded<'_>) -> Vec<Value> {
    let plans = run.world.plan().groups.iter();
    let figures = run.result.groups.iter().zip(&run.result.figures.groups).zip(plans);
    figures
        .map(|((name, group), plan)| {
            let commit = match plan.commit {
                CommitMode::AfterProcessing => "after processing",
                CommitMode::BeforeProcessing => "before processing",
                CommitMode::Automatic => "enable.auto.commit",
            };
            let place = match plan.processing.place {
                Place::PollLoop => "in the poll loop",
                Place::OtherThread => "on another thread",
            };
            json!({
                "name": name,
                "members": group.members,
                "commit": commit,
                "place": place,
                "rebalances": group.rebalances,
                "lag_max": group.lag_max,
                "lag_end": group.lag_end,
                "processed": group.processed,
                "redelivered": group.redelivered,
                "repeated_effects": group.repeated_effects,
                "unowned_ms": group.unowned_ms,
                "end_to_end": percentiles(&group.end_to_end),
            })
        })
        .collect()
}

fn topics(run: &Recorded<'_>) -> Vec<Value> {
    let figures = run.result.topics.iter().zip(&run.result.figures.topics);
    figures
        .map(|(name, topic)| {
            json!({
                "name": name,
                "records": topic.records,
                "fullest": topic.max_partition_share,
                "unavailable_ms": topic.unavailable_ms,
                "unavailable_max_ms": topic.unavailable_max_ms,
            })
        })
        .collect()
}
