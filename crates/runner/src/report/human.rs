//! The report that people read: a run fits a screen, and ends with the command that runs it again.

use std::fmt::Write as _;
use std::io::{self, Write};

use stormglass_check::{GroupFigures, Percentiles};
use stormglass_types::Span;

use super::layout::{BAD, BOLD, DIM, GOOD, Numbers, UNSURE, paint, sign, table, word, wrap};
use super::{Event, Renderer};
use crate::corpus::{Fate, Retried};
use crate::result::{FaultLine, Judged, RunResult, Status};
use crate::suite::{CaseResult, Grade, SuiteResult};
use crate::sweep::{Clue, Ended, Sweep};
use crate::words::{clock, count, micros, seeds, short_span};

/// Writes text for people, with colours; `out` strips them if it is no terminal.
pub struct Human<W> {
    out: W,
    began: Began,
}

/// Whether anything was written yet: reports are set apart by an empty line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Began {
    No,
    Yes,
}

/// Where the text of a verdict begins.
const VERDICT_INDENT: usize = 28;

/// More faults than this are told in groups.
const MOST_FAULTS: usize = 8;

/// More groups of faults than this are not told.
const MOST_GROUPS: usize = 10;

impl<W: Write> Human<W> {
    /// A renderer that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, began: Began::No }
    }
}

impl<W: Write> Renderer for Human<W> {
    fn tell(&mut self, event: Event<'_>) -> io::Result<()> {
        let text = match event {
            Event::Ran(result) => run_report(result),
            Event::Replayed(result) => {
                let same = format!("same digest again: {}\n", result.digest);
                format!("{}\n{}", run_report(result), paint(GOOD, &same))
            }
            Event::Stale(replayed) => {
                let stale = paint(UNSURE, &replayed.to_string());
                format!("{}\n{stale}", run_report(&replayed.result))
            }
            Event::Swept(sweep) => sweep_report(sweep),
            Event::Case(case) => case_report(case),
            Event::Retried(retried) => retried_report(retried),
            Event::Suite(suite) => suite_report(suite),
            Event::Panicked(panicked) => format!("{}\n", paint(BAD, &panicked.to_string())),
            Event::Differed(mismatch) => format!("{}\n", paint(BAD, &mismatch.to_string())),
            // The sweep tells about them together.
            Event::Seed(_) => return Ok(()),
        };
        let apart =
            !matches!(event, Event::Case(_) | Event::Retried(_)) && self.began == Began::Yes;
        self.began = Began::Yes;
        if apart {
            self.out.write_all(b"\n")?;
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// The report of one run.
#[must_use]
pub fn run_report(result: &RunResult) -> String {
    let mut out = String::new();
    title(&mut out, result);
    out.push('\n');
    for judged in &result.verdicts {
        verdict(&mut out, judged);
    }
    for bound in &result.bounds {
        let status = if bound.kept { Status::Hold } else { Status::Violated };
        let (sign, style) = sign(status);
        let _ = writeln!(out, " {} {bound}", paint(style, sign));
    }
    out.push('\n');
    records(&mut out, result);
    groups(&mut out, result);
    topics(&mut out, result);
    faults(&mut out, &result.faults);
    let _ = writeln!(out, "\nto run it again:\n  {}", paint(BOLD, &result.repro));
    out
}

/// The verdicts and bounds that make a run a failure, as its report has them.
pub(crate) fn violations(result: &RunResult) -> String {
    let mut out = String::new();
    for judged in result.violations() {
        verdict(&mut out, judged);
    }
    out
}

fn title(out: &mut String, result: &RunResult) {
    let (_, style) = sign(result.outcome);
    let RunResult { scenario, seed, digest, .. } = result;
    let _ = writeln!(
        out,
        "{}  seed {seed}  digest {digest}  {}",
        paint(BOLD, scenario),
        paint(style, word(result.outcome)),
    );
    let _ = writeln!(
        out,
        "{} of virtual time, {} events, in {}",
        short_span(Span::millis(result.virtual_ms)),
        count(result.events),
        short_span(Span::millis(result.wall_ms)),
    );
    if let Some(why) = &result.cut_off {
        let _ = writeln!(out, "{}", paint(UNSURE, why));
    }
}

/// One line, and for a violation a second that says whether it had been promised.
fn verdict(out: &mut String, judged: &Judged) {
    let (sign, style) = sign(judged.status);
    let name = format!("{:<15}", judged.invariant);
    let name = if judged.asked { name } else { paint(DIM, &name) };
    let state = format!("{:<9}", word(judged.status));
    let _ = write!(out, " {} {name}{}", paint(style, sign), paint(style, &state));
    // The column after the state is the same for all.
    out.push(' ');
    let detail = match (judged.kind, judged.total) {
        (Some(kind), 0 | 1) => format!("{kind}: {}", judged.detail),
        (Some(kind), total) => format!("{kind}: {} (1 of {})", judged.detail, count(total)),
        (None, _) => judged.detail.clone(),
    };
    wrap(out, &detail, VERDICT_INDENT);
    if judged.status != Status::Violated {
        return;
    }
    let promise = match &judged.permitted {
        Some(reason) => format!("not promised: {reason}"),
        None => "promised by this configuration".to_owned(),
    };
    out.push_str(&" ".repeat(VERDICT_INDENT));
    wrap(out, &promise, VERDICT_INDENT);
    if judged.breaches > 0 && judged.kind.is_some() {
        let inside = count(judged.breaches);
        let _ =
            writeln!(out, "{}seen from inside, too, {inside} times", " ".repeat(VERDICT_INDENT));
    }
}

fn records(out: &mut String, result: &RunResult) {
    let figures = &result.figures;
    let row = |name: &str, number: u64, right: &str, value: String| {
        vec![name.to_owned(), count(number), format!("  {right}"), value]
    };
    let rows = vec![
        row("sent", figures.sends, "acknowledged per second", count(figures.acked_per_second)),
        row(
            "acknowledged",
            figures.acked,
            "processed per second",
            count(figures.processed_per_second),
        ),
        row(
            "failed",
            figures.failed + figures.refused,
            "ack latency",
            latency(&figures.ack_latency),
        ),
        row("unknown", figures.unknown, "end to end", latency(&figures.end_to_end)),
        row("in the log", figures.committed, "stored twice", count(figures.duplicated)),
        row("processed", figures.processed, "processed again", count(figures.redelivered)),
        row("lost", figures.lost, "", String::new()),
    ];
    table(out, &["records", "", "", ""], &Numbers(&[1]), rows);
}

fn groups(out: &mut String, result: &RunResult) {
    let rows = result.groups.iter().zip(&result.figures.groups).map(|(name, group)| {
        vec![
            name.clone(),
            count(group.members),
            count(group.rebalances),
            count(group.lag_max),
            count(group.lag_end),
            count(group.partition_lag_max),
            short_span(Span::millis(group.unowned_max_ms)),
            count(group.redelivered),
        ]
    });
    let head = [
        "group",
        "members",
        "rebalances",
        "lag max",
        "at the end",
        "one partition",
        "unowned",
        "processed again",
    ];
    table(out, &head, &Numbers(&[1, 2, 3, 4, 5, 6, 7]), rows.collect());
    for (name, group) in result.groups.iter().zip(&result.figures.groups) {
        let notes = notable(group);
        if !notes.is_empty() {
            out.push_str("  ");
            wrap(out, &format!("{name}: {}", notes.join(", ")), 4);
        }
    }
}

/// What of a group's figures is not as one would wish.
fn notable(group: &GroupFigures) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |number: u64, says: &str| {
        if number > 0 {
            notes.push(format!("{} {says}", count(number)));
        }
    };
    note(group.moved, "partitions moved");
    note(group.repeats.revoked, "processed again after a rebalance");
    note(group.repeats.lost, "after a member was thrown out");
    note(group.repeats.died, "after a member died");
    note(group.repeats.sought, "after the application sought back");
    note(group.repeats.rewound, "after its position went back");
    note(group.skipped.committed, "committed without being processed");
    note(group.skipped.reset, "skipped by auto.offset.reset");
    note(group.skipped.deleted, "deleted before they were processed");
    note(group.skipped.sought, "sought past by the application");
    if group.stopped_ms > 0 {
        notes.push(format!("stood still for {}", short_span(Span::millis(group.stopped_ms))));
    }
    notes
}

fn topics(out: &mut String, result: &RunResult) {
    let rows = result.topics.iter().zip(&result.figures.topics).map(|(name, topic)| {
        let share = topic.max_partition_share;
        vec![
            name.clone(),
            count(topic.records),
            format!("{}.{}%", share / 10, share % 10),
            short_span(Span::millis(topic.unavailable_ms)),
            short_span(Span::millis(topic.unavailable_max_ms)),
        ]
    });
    let head = ["topic", "records", "fullest partition", "unavailable", "worst partition"];
    table(out, &head, &Numbers(&[1, 2, 3, 4]), rows.collect());
}

fn latency(percentiles: &Percentiles) -> String {
    if percentiles.samples == 0 {
        return "-".to_owned();
    }
    let Percentiles { p50, p95, p99, max, .. } = percentiles;
    format!(
        "p50 {}  p95 {}  p99 {}  max {}",
        micros(*p50),
        micros(*p95),
        micros(*p99),
        micros(*max)
    )
}

/// The timeline: a line per fault, or per kind of fault where there are many.
fn faults(out: &mut String, faults: &[FaultLine]) {
    let struck: Vec<&FaultLine> = faults.iter().filter(|it| it.began_ms.is_some()).collect();
    let idle = faults.len() - struck.len();
    if faults.is_empty() {
        let _ = writeln!(out, "\n{} none", paint(BOLD, "faults"));
        return;
    }
    let idle =
        if idle == 0 { String::new() } else { format!(", {} more never struck", count_of(idle)) };
    let _ = writeln!(out, "\n{} {}{idle}", paint(BOLD, "faults"), count_of(struck.len()));
    if struck.len() > MOST_FAULTS {
        table(out, &[], &Numbers(&[0]), fault_groups(&struck));
        return;
    }
    let rows = struck.iter().map(|fault| {
        let lasting =
            fault.lasting.map_or_else(String::new, |span| format!("for {}", short_span(span)));
        vec![
            clock(fault.began_ms.unwrap_or_default()),
            fault.what.clone(),
            fault.whom.clone(),
            lasting,
        ]
    });
    table(out, &[], &Numbers(&[0]), rows.collect());
}

/// Faults of one kind together, in the order in which the first of each struck.
fn fault_groups(struck: &[&FaultLine]) -> Vec<Vec<String>> {
    let mut kinds: Vec<(&str, Vec<&FaultLine>)> = Vec::new();
    for fault in struck {
        match kinds.iter_mut().find(|(what, _)| *what == fault.what) {
            Some((_, faults)) => faults.push(fault),
            None => kinds.push((&fault.what, vec![fault])),
        }
    }
    let rest = kinds.len().saturating_sub(MOST_GROUPS);
    let mut rows: Vec<Vec<String>> = kinds
        .iter()
        .take(MOST_GROUPS)
        .map(|(what, faults)| {
            let mut whom: Vec<&str> = faults.iter().map(|fault| short(&fault.whom)).collect();
            whom.sort_unstable();
            whom.dedup();
            let first = faults.first().and_then(|fault| fault.began_ms).unwrap_or_default();
            let last = faults.last().and_then(|fault| fault.began_ms).unwrap_or_default();
            let when = if faults.len() == 1 {
                clock(first)
            } else {
                format!("{} .. {}", clock(first), clock(last))
            };
            let whom = match &whom[..] {
                [first, second, third, .., _] if whom.len() > 4 => {
                    format!("{first}, {second}, {third} and {} more", whom.len() - 3)
                }
                _ => whom.join(", "),
            };
            vec![when, format!("{} x {what}", faults.len()), whom]
        })
        .collect();
    if rest > 0 {
        rows.push(vec![String::new(), format!("{rest} more kinds"), String::new()]);
    }
    rows
}

/// Whom a fault struck, without what it was meant to strike.
fn short(whom: &str) -> &str {
    whom.split(" (").next().unwrap_or(whom)
}

fn count_of(number: usize) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

fn sweep_report(sweep: &Sweep) -> String {
    let mut out = String::new();
    let tally = &sweep.tally;
    let (_, style) = sign(tally.outcome());
    let verdict = if tally.failures() > 0 { word(Status::Violated) } else { word(tally.outcome()) };
    let _ = writeln!(
        out,
        "{}  {} of {} seeds{}  {}",
        paint(BOLD, &sweep.scenario),
        count(tally.seeds()),
        count(sweep.planned),
        match sweep.ended {
            Ended::Done | Ended::Told => "",
            Ended::EnoughFailures => ", enough failures",
            Ended::OutOfTime => ", time was over",
            Ended::Plateau => ", nothing new any more",
        },
        paint(style, verdict),
    );
    let _ = writeln!(
        out,
        "{} of virtual time, {} events\n",
        short_span(Span::millis(tally.virtual_ms)),
        count(tally.events),
    );
    let rows = tally.invariants().iter().map(|invariant| {
        let cells = Status::ALL.map(|status| match invariant.count(status) {
            0 => "-".to_owned(),
            some => count(some),
        });
        std::iter::once(invariant.invariant.to_owned()).chain(cells).collect()
    });
    let head = ["invariant", "holds", "vacuous", "undecided", "violated"];
    table(&mut out, &head, &Numbers(&[1, 2, 3, 4]), rows.collect());
    failures(&mut out, sweep);
    marks(&mut out, sweep);
    out
}

fn failures(out: &mut String, sweep: &Sweep) {
    for (signature, group) in sweep.tally.groups() {
        let seeds: Vec<String> = group.seeds.iter().map(ToString::to_string).collect();
        let more = if group.count > group.seeds.len() as u64 { ", …" } else { "" };
        let _ = writeln!(
            out,
            "\n{} in {} seeds: {}{more}",
            paint(BAD, &signature.to_string()),
            count(group.count),
            seeds.join(", "),
        );
        if let Some(first) = group.first.violations().next() {
            out.push_str("  ");
            wrap(out, &first.detail, 2);
            if let Some(reason) = &first.permitted {
                out.push_str("  ");
                wrap(out, &format!("not promised: {reason}"), 2);
            }
        }
        clues(out, &sweep.tally.clues(&signature));
        let _ = writeln!(out, "  {}", paint(BOLD, &group.first.repro));
    }
    let (panics, panicked) = sweep.tally.panics();
    let (differences, differed) = sweep.tally.differences();
    for text in
        panicked.iter().map(ToString::to_string).chain(differed.iter().map(ToString::to_string))
    {
        let _ = writeln!(out, "\n{}", paint(BAD, &text));
    }
    let untold = (panics + differences) - (panicked.len() + differed.len()) as u64;
    if untold > 0 {
        let _ = writeln!(out, "\nand {} more of our own bugs", count(untold));
    }
}

/// What failing seeds have more often than others.
fn clues(out: &mut String, clues: &[Clue]) {
    if clues.is_empty() {
        return;
    }
    out.push_str("  more frequent here than in the other seeds:\n");
    for clue in clues {
        let Clue { what, in_failing, failing, in_others, others } = clue;
        let (whole, rest) = (clue.lift() / 100, clue.lift() % 100 / 10);
        let _ = writeln!(
            out,
            "    {what:<44} in {in_failing} of {failing}, elsewhere in {in_others} of {others}, lift {whole}.{rest}"
        );
    }
}

fn marks(out: &mut String, sweep: &Sweep) {
    let twice = sweep.tally.twice;
    if twice > 0 && sweep.tally.differences().0 == 0 {
        let title = paint(BOLD, "run twice");
        let _ = writeln!(out, "\n{title} {}, each time to the same digest", seeds(twice));
    }
    let (states, single) = sweep.tally.states();
    if states > 0 {
        let _ = write!(out, "\n{} {states}", paint(BOLD, "situations seen"));
        let seeds = sweep.tally.seeds();
        let _ = match u64::try_from(single).ok().filter(|single| *single > 0) {
            None => writeln!(out, ", each in more than one seed"),
            Some(single) if single >= seeds => {
                writeln!(out, "; a further seed brings about {} new ones", single / seeds)
            }
            Some(single) => {
                let every = seeds.div_ceil(single);
                writeln!(out, "; one further seed in {every} brings a new one")
            }
        };
        let quiet = sweep.tally.quiet();
        if sweep.ended == Ended::Plateau {
            let _ =
                writeln!(out, "  the last {quiet} seeds showed no new mark, situation or failure");
        }
    }
    let reached: Vec<&str> = sweep.tally.marks().iter().map(stormglass_kafka::Mark::name).collect();
    let missed: Vec<&str> =
        sweep.tally.marks_missed().into_iter().map(stormglass_kafka::Mark::name).collect();
    for (head, marks) in [("marks reached", reached), ("never reached", missed)] {
        if marks.is_empty() {
            continue;
        }
        let _ = write!(out, "\n{} {}\n  ", paint(BOLD, head), marks.len());
        wrap(out, &marks.join(" "), 2);
    }
}

fn case_report(case: &CaseResult) -> String {
    let mut out = String::new();
    let grade = case.grade();
    let (sign, style) = match grade {
        Grade::Met => sign(Status::Hold),
        Grade::NotShown => sign(Status::Undecided),
        Grade::Violated | Grade::Internal => sign(Status::Violated),
    };
    let tally = &case.sweep.tally;
    let seeds = seeds(tally.seeds());
    let exceeded = case.exceed.iter().map(|bound| format!("`{bound}`"));
    let broken: Vec<String> =
        case.violate.iter().map(|name| (*name).to_owned()).chain(exceeded).collect();
    let mut says = match (grade, &broken[..]) {
        (Grade::Met, []) => format!("holds in {seeds}"),
        (Grade::Met, broken) => format!("breaks {} as expected, in {seeds}", broken.join(", ")),
        (Grade::NotShown | Grade::Violated | Grade::Internal, _) => format!("failed in {seeds}"),
    };
    let undecided = tally.count(Status::Undecided);
    if undecided > 0 {
        let _ = write!(says, ", {} undecided", count(undecided));
    }
    let _ = writeln!(out, "{} {:<52} {says}", paint(style, sign), case.sweep.scenario);
    for miss in &case.misses {
        out.push_str("    ");
        // A difference stays line by line, as it is.
        let (says, lines) = miss.says.split_once('\n').unwrap_or((&miss.says, ""));
        let shown = miss.shown.as_ref();
        let seed = shown.map_or_else(String::new, |shown| format!("{shown}: "));
        wrap(&mut out, &format!("{seed}{says}"), 4);
        for line in lines.lines() {
            let _ = writeln!(out, "      {line}");
        }
        if let Some(shown) = shown {
            let _ = writeln!(out, "    {}", paint(BOLD, &shown.repro));
        }
    }
    out
}

fn retried_report(retried: &Retried) -> String {
    let (sign, style) = sign(match retried.fate {
        Fate::Fixed => Status::Hold,
        Fate::Unclear(_) => Status::Undecided,
        Fate::Fails | Fate::Regressed | Fate::FailsOtherwise(_) => Status::Violated,
    });
    let mut out = format!("{} {}\n    ", paint(style, sign), retried.path);
    wrap(&mut out, &retried.to_string(), 4);
    out
}

fn suite_report(suite: &SuiteResult) -> String {
    let mut out = String::new();
    for invalid in &suite.invalid {
        let _ = writeln!(out, "{} {:<52} invalid scenario", paint(BAD, "✘"), invalid.path);
    }
    let failing = suite.kept - suite.fixed;
    let style = if suite.missed + suite.invalid.len() + failing == 0 { GOOD } else { BAD };
    let summary = format!(
        "{} scenarios met their expectations, {} did not, {} were invalid",
        suite.met,
        suite.missed,
        suite.invalid.len()
    );
    let (fixed, kept) = (suite.fixed, suite.kept);
    let kept = if kept == 0 {
        String::new()
    } else {
        format!("; {fixed} of {kept} kept failures are fixed")
    };
    let _ = writeln!(out, "{}", paint(style, &format!("{summary}{kept}")));
    out
}
