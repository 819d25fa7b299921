//! Markdown for the comment of a pull request: short above, the rest folded away.

use std::fmt::Write as _;
use std::io::{self, Write};

use stormglass_check::Percentiles;
use stormglass_types::Span;

use super::layout::{sign, word};
use super::{Event, Renderer};
use crate::corpus::{Fate, Retried};
use crate::result::{Judged, RunResult, Status};
use crate::suite::{CaseResult, SuiteResult};
use crate::words::{clock, count, micros, short_span};

/// Writes a section per run; of a suite, one table at its end.
pub struct Markdown<W> {
    out: W,
    cases: Vec<CaseResult>,
    kept: Vec<Retried>,
}

impl<W: Write> Markdown<W> {
    /// A renderer that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, cases: Vec::new(), kept: Vec::new() }
    }
}

impl<W: Write> Renderer for Markdown<W> {
    fn tell(&mut self, event: Event<'_>) -> io::Result<()> {
        let text = match event {
            Event::Ran(result) | Event::Replayed(result) => run(result),
            Event::Case(case) => {
                self.cases.push(case.clone());
                return Ok(());
            }
            Event::Retried(retried) => {
                self.kept.push(retried.clone());
                return Ok(());
            }
            Event::Suite(suite) => {
                let cases = std::mem::take(&mut self.cases);
                suite_table(suite, &cases) + &kept_table(&std::mem::take(&mut self.kept))
            }
            Event::Panicked(panicked) => format!("```text\n{panicked}\n```\n"),
            Event::Differed(mismatch) => format!("```text\n{mismatch}\n```\n"),
            Event::Seed(_) | Event::Swept(_) | Event::Stale(_) => return Ok(()),
        };
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

fn run(result: &RunResult) -> String {
    let mut out = String::new();
    let (mark, _) = sign(result.outcome);
    let RunResult { scenario, seed, digest, .. } = result;
    let _ = writeln!(out, "### {mark} `{scenario}`: {}\n", word(result.outcome).to_lowercase());
    let _ = writeln!(
        out,
        "Seed {seed}, digest `{digest}`, {} of virtual time, {} events.\n",
        short_span(Span::millis(result.virtual_ms)),
        count(result.events)
    );
    if let Some(why) = &result.cut_off {
        let _ = writeln!(out, "> {why}\n");
    }
    let _ = writeln!(out, "| | invariant | |\n|---|---|---|");
    let asked = result.verdicts.iter().filter(|judged| judged.asked);
    let others = result.verdicts.iter().filter(|judged| !judged.asked);
    for judged in asked.chain(others.clone().filter(|it| it.status == Status::Violated)) {
        let _ = writeln!(out, "{}", verdict(judged));
    }
    for bound in &result.bounds {
        let (mark, _) = sign(if bound.kept { Status::Hold } else { Status::Violated });
        let _ =
            writeln!(out, "| {mark} | `{}` | {} |", code(&bound.text), cell(&bound.to_string()));
    }
    let quiet = others.filter(|it| it.status != Status::Violated).count();
    if quiet > 0 {
        let more = if quiet == 1 { "invariant was" } else { "invariants were" };
        let _ = writeln!(out, "\n{quiet} more {more} not asked for and did not break.");
    }
    out.push('\n');
    out.push_str(&figures(result));
    out.push_str(&faults(result));
    let _ = writeln!(out, "```sh\n{}\n```\n", result.repro);
    out
}

fn verdict(judged: &Judged) -> String {
    let (mark, _) = sign(judged.status);
    let kind = judged.kind.map_or_else(String::new, |kind| format!("**{kind}**: "));
    let total = match judged.total {
        0 | 1 => String::new(),
        total => format!(" (1 of {})", count(total)),
    };
    let permitted = match &judged.permitted {
        Some(why) => format!("<br>*Not promised: {}.*", cell(why)),
        None => String::new(),
    };
    let detail = cell(&judged.detail);
    format!("| {mark} | `{}` | {kind}{detail}{total}{permitted} |", judged.invariant)
}

fn figures(result: &RunResult) -> String {
    let it = &result.figures;
    let mut out = String::from("<details><summary>Figures</summary>\n\n");
    let _ = writeln!(
        out,
        "| sent | acknowledged | failed | unknown | in the log | lost | stored twice | processed | again |"
    );
    let _ = writeln!(out, "|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let numbers = [
        it.sends,
        it.acked,
        it.failed,
        it.unknown,
        it.committed,
        it.lost,
        it.duplicated,
        it.processed,
        it.redelivered,
    ];
    let numbers: Vec<String> = numbers.into_iter().map(count).collect();
    let _ = writeln!(out, "| {} |\n", numbers.join(" | "));
    let _ = writeln!(out, "| latency | median | 95 % | 99 % | largest |\n|---|--:|--:|--:|--:|");
    for (name, of) in [("ack", it.ack_latency), ("end to end", it.end_to_end)] {
        let Percentiles { samples, p50, p95, p99, max } = of;
        if samples > 0 {
            let four = [p50, p95, p99, max].map(micros).join(" | ");
            let _ = writeln!(out, "| {name} | {four} |");
        }
    }
    if !result.groups.is_empty() {
        let _ = writeln!(
            out,
            "\n| group | members | rebalances | lag, most | at the end | unowned |\n|---|--:|--:|--:|--:|--:|"
        );
    }
    for (name, group) in result.groups.iter().zip(&it.groups) {
        let unowned = short_span(Span::millis(group.unowned_ms));
        let numbers = [group.members, group.rebalances, group.lag_max, group.lag_end].map(count);
        let _ = writeln!(out, "| {} | {} | {unowned} |", cell(name), numbers.join(" | "));
    }
    out.push_str("\n</details>\n\n");
    out
}

fn faults(result: &RunResult) -> String {
    if result.faults.is_empty() {
        return String::new();
    }
    let mut out = format!("<details><summary>{} faults</summary>\n\n", result.faults.len());
    let _ = writeln!(out, "| at | what | whom | for |\n|--:|---|---|--:|");
    for fault in &result.faults {
        let began = fault.began_ms.map_or_else(|| "never".to_owned(), clock);
        let lasting = fault.lasting.map_or_else(String::new, short_span);
        let _ = writeln!(
            out,
            "| {began} | {} | {} | {lasting} |",
            cell(&fault.what),
            cell(&fault.whom)
        );
    }
    out.push_str("\n</details>\n\n");
    out
}

fn suite_table(suite: &SuiteResult, cases: &[CaseResult]) -> String {
    let mut out = String::new();
    let all = suite.met + suite.missed + suite.invalid.len();
    let mark = if suite.met == all { "✔" } else { "✘" };
    let _ = writeln!(out, "### {mark} Stormglass: {} of {all} scenarios met\n", suite.met);
    let _ = writeln!(out, "| | scenario | seeds | held | violated | undecided | vacuous |");
    let _ = writeln!(out, "|---|---|--:|--:|--:|--:|--:|");
    for case in cases {
        let tally = &case.sweep.tally;
        let mark = if case.misses.is_empty() { "✔" } else { "✘" };
        let order = [Status::Hold, Status::Violated, Status::Undecided, Status::Vacuous];
        let counts = order.map(|status| count(tally.count(status))).join(" | ");
        let seeds = count(tally.seeds());
        let _ = writeln!(out, "| {mark} | `{}` | {seeds} | {counts} |", case.sweep.scenario);
    }
    for invalid in &suite.invalid {
        let _ = writeln!(out, "| ✘ | `{}` | invalid | | | | |", cell(&invalid.path));
    }
    out.push('\n');
    for case in cases.iter().filter(|case| !case.misses.is_empty()) {
        let _ = writeln!(out, "#### `{}`\n", case.sweep.scenario);
        for miss in &case.misses {
            let (says, lines) = miss.says.split_once('\n').unwrap_or((&miss.says, ""));
            let _ = writeln!(out, "- {says}");
            if !lines.is_empty() {
                let indented = lines.replace('\n', "\n  ");
                let _ = writeln!(out, "\n  ```diff\n  {indented}\n  ```\n");
            }
            if let Some(shown) = &miss.shown {
                let _ = writeln!(out, "\n  ```sh\n  {}\n  ```", shown.repro);
            }
        }
        out.push('\n');
    }
    for invalid in &suite.invalid {
        let _ = writeln!(out, "```text\n{}\n```\n", invalid.says.trim_end());
    }
    out
}

fn kept_table(kept: &[Retried]) -> String {
    if kept.is_empty() {
        return String::new();
    }
    let mut out = String::from("| | kept failure | |\n|---|---|---|\n");
    for retried in kept {
        let (mark, _) = sign(match retried.fate {
            Fate::Fixed => Status::Hold,
            Fate::Unclear(_) => Status::Undecided,
            Fate::Fails | Fate::Regressed | Fate::FailsOtherwise(_) => Status::Violated,
        });
        let said = cell(&retried.to_string());
        let _ = writeln!(out, "| {mark} | `{}` | {said} |", code(&retried.path));
    }
    out.push('\n');
    out
}

/// Code that stays within its cell.
fn code(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text that stays within its cell.
fn cell(text: &str) -> String {
    code(text).replace('<', "&lt;")
}
