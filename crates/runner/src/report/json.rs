//! JSON: one object a line, in the shape of the interface contract.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Event, Renderer};
use crate::replay::Replayed;
use crate::result::{Judged, RunResult, Status};
use crate::suite::CaseResult;

/// Writes one object per run, or per scenario of a suite.
pub struct Json<W> {
    out: W,
}

/// A run as the contract has it; keys keep this order.
#[derive(Serialize)]
struct RunLine<'a> {
    scenario: &'a str,
    seed: u64,
    digest: String,
    outcome: &'static str,
    verdicts: Vec<VerdictLine<'a>>,
    virtual_ms: u64,
    wall_ms: u64,
    events: u64,
    records: Records,
    groups: Map<String, Value>,
    marks: Vec<&'static str>,
    repro: &'a str,
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    invariant: &'static str,
    status: &'static str,
    detail: String,
    witness: Vec<WitnessLine<'a>>,
}

#[derive(Serialize)]
struct WitnessLine<'a> {
    index: usize,
    time_ns: u64,
    process: &'a str,
    event: &'a str,
}

#[derive(Serialize)]
struct Records {
    sent: u64,
    acked: u64,
    committed: u64,
    delivered: u64,
    duplicated: u64,
    lost: u64,
}

impl<W: Write> Json<W> {
    /// A renderer that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

impl<W: Write> Renderer for Json<W> {
    fn tell(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Ran(result) | Event::Seed(result) | Event::Replayed(result) => {
                self.line(&run_line(result))
            }
            Event::Stale(replayed) => self.line(&stale_line(replayed)),
            Event::Retried(retried) => self.line(&json!({
                "kept": retried.path,
                "signature": retried.signature,
                "scenario": retried.scenario,
                "seed": retried.seed,
                "fate": retried.fate.name(),
                "marked_fixed": retried.noted,
                "says": retried.to_string(),
            })),
            Event::Case(case) => self.line(&case_line(case)),
            Event::Panicked(panicked) => self.line(&json!({
                "scenario": panicked.scenario,
                "seed": panicked.seed,
                "error": panicked.message,
                "repro": panicked.repro,
            })),
            Event::Differed(mismatch) => self.line(&json!({
                "scenario": mismatch.scenario,
                "seed": mismatch.seed,
                "error": "two runs of one plan differ",
                "digests": [mismatch.first.to_string(), mismatch.second.to_string()],
                "difference": mismatch.difference.as_ref().map(|it| json!({
                    "event": it.event,
                    "time_ns": it.at.0,
                    "sides": it.sides,
                })),
                "repro": mismatch.repro,
            })),
            // Every run, and every scenario, has had its line.
            Event::Swept(_) | Event::Suite(_) => Ok(()),
        }
    }
}

/// A run as one JSON object.
#[must_use]
pub fn run_line(result: &RunResult) -> Value {
    let figures = &result.figures;
    let groups = result.groups.iter().zip(&figures.groups).map(|(name, group)| {
        let figures = json!({
            "rebalances": group.rebalances,
            "lag_max": group.lag_max,
            "lag_end": group.lag_end,
            "unowned_ms": group.unowned_ms,
            "stopped_ms": group.stopped_ms,
            "moved": group.moved,
            "redelivered": group.redelivered,
            "repeated_effects": group.repeated_effects,
            "skipped": group.skipped.all,
        });
        (name.clone(), figures)
    });
    let line = RunLine {
        scenario: &result.scenario,
        seed: result.seed,
        digest: result.digest.to_string(),
        outcome: result.outcome.name(),
        verdicts: result.verdicts.iter().map(verdict_line).collect(),
        virtual_ms: result.virtual_ms,
        wall_ms: result.wall_ms,
        events: result.events,
        records: Records {
            sent: figures.sends,
            acked: figures.acked,
            committed: figures.committed,
            delivered: figures.delivered,
            duplicated: figures.duplicated,
            lost: figures.lost,
        },
        groups: groups.collect(),
        marks: result.marks.iter().map(stormglass_kafka::Mark::name).collect(),
        repro: &result.repro,
    };
    serde_json::to_value(line).expect("numbers, text and maps with text keys are always JSON")
}

fn stale_line(replayed: &Replayed) -> Value {
    let mut line = run_line(&replayed.result);
    let parted = replayed
        .parted
        .as_ref()
        .map(|parted| json!({ "event": parted.event, "time_ns": parted.at.0, "now": parted.now }));
    if let Value::Object(line) = &mut line {
        line.insert("stale".to_owned(), json!({ "parted": parted, "fails": replayed.fails }));
    }
    line
}

fn verdict_line(judged: &Judged) -> VerdictLine<'_> {
    let mut detail = judged.detail.clone();
    if let Some(kind) = judged.kind {
        detail = format!("{kind}: {detail}");
    }
    if let Some(reason) = &judged.permitted {
        detail = format!("{detail}; not promised: {reason}");
    }
    let witness = judged.witness.iter().map(|event| WitnessLine {
        index: event.index,
        time_ns: event.time_ns,
        process: &event.process,
        event: &event.event,
    });
    VerdictLine {
        invariant: judged.invariant,
        status: judged.status.name(),
        detail,
        witness: witness.collect(),
    }
}

fn case_line(case: &CaseResult) -> Value {
    let tally = &case.sweep.tally;
    let seeds: Map<String, Value> = Status::ALL
        .into_iter()
        .map(|status| (status.name().to_owned(), tally.count(status).into()))
        .collect();
    json!({
        "scenario": case.sweep.scenario,
        "path": case.path,
        "met": case.misses.is_empty(),
        "misses": case.misses.iter().map(|miss| json!({
            "says": miss.says,
            "seed": miss.shown.as_ref().map(|shown| shown.seed),
            "digest": miss.shown.as_ref().and_then(|shown| shown.digest).map(|it| it.to_string()),
            "repro": miss.shown.as_ref().map(|shown| &shown.repro),
        })).collect::<Vec<_>>(),
        "seeds": seeds,
        "virtual_ms": tally.virtual_ms,
        "wall_ms": u64::try_from(case.sweep.wall.as_millis()).unwrap_or(u64::MAX),
        "events": tally.events,
        "marks": tally.marks().iter().map(stormglass_kafka::Mark::name).collect::<Vec<_>>(),
    })
}
