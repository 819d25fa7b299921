//! A step as a table, as a line of JSON, as a YAML document.
//!
//! Prints nothing: it makes text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Row, Table, presets};

use super::session::{Held, Outcome, StepReport};

/// The step for people: members down, assignors across, then what moved.
#[must_use]
pub fn table(report: &StepReport) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let head = report.outcomes.iter().map(|outcome| outcome.assignor.clone());
    table.set_header(Row::from(std::iter::once(String::new()).chain(head).collect::<Vec<_>>()));
    let fresh =
        report.outcomes.iter().all(|outcome| outcome.moved.is_empty() && outcome.paused == 0)
            && report.step == "start";
    let members = report.outcomes.first().map(|outcome| &*outcome.members).unwrap_or_default();
    for (place, held) in members.iter().enumerate() {
        let cells = report.outcomes.iter().map(|outcome| cell(&outcome.members[place], fresh));
        table.add_row(std::iter::once(held.member.clone()).chain(cells).collect::<Vec<_>>());
    }
    let figure = |of: fn(&Outcome) -> String| report.outcomes.iter().map(of).collect::<Vec<_>>();
    let mut row = |name: &str, cells: Vec<String>| {
        if cells.iter().any(|cell| !cell.is_empty()) {
            table.add_row(std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>());
        }
    };
    row("─────", figure(|outcome| "─".repeat(outcome.assignor.len())));
    row("spread", figure(|outcome| format!("{}…{}", outcome.spread.fewest, outcome.spread.most)));
    row("idle", figure(|outcome| unless_none(outcome.idle)));
    row(
        "near",
        figure(|outcome| {
            outcome.near.map(|of| format!("{} of {}", of.near, of.known)).unwrap_or_default()
        }),
    );
    if !fresh {
        row("moved", figure(|outcome| outcome.moved.len().to_string()));
        row("paused", figure(|outcome| outcome.paused.to_string()));
        row("rebalances", figure(|outcome| outcome.rebalances.to_string()));
    }

    let mut text = format!("{}\n", report.step);
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for outcome in &report.outcomes {
        moves(&mut text, outcome);
    }
    for outcome in &report.outcomes {
        if let Some(error) = &outcome.error {
            let _ = writeln!(text, " {} fails: {error}", outcome.assignor);
        }
    }
    text
}

/// The step as one line of JSON.
///
/// # Panics
///
/// Never: there is nothing in a report that JSON does not know.
#[must_use]
pub fn json_line(report: &StepReport) -> String {
    let line = serde_json::to_string(report).expect("lists, numbers and texts have a JSON form");
    line + "\n"
}

/// The step as a YAML document.
///
/// # Panics
///
/// Never: there is nothing in a report that YAML does not know.
#[must_use]
pub fn yaml_document(report: &StepReport) -> String {
    let document =
        serde_saphyr::to_string(report).expect("lists, numbers and texts have a YAML form");
    format!("---\n{document}")
}

fn unless_none(count: usize) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

/// A topic a line, what was gained with a plus.
fn cell(held: &Held, fresh: bool) -> String {
    if held.partitions.is_empty() {
        return "–".to_owned();
    }
    let gained: BTreeSet<&str> = held.gained.iter().map(String::as_str).collect();
    let mut topics: BTreeMap<&str, Vec<(u32, bool)>> = BTreeMap::new();
    for partition in &held.partitions {
        let (topic, number) = split(partition);
        let new = !fresh && gained.contains(partition.as_str());
        topics.entry(topic).or_default().push((number, new));
    }
    let line = |(topic, mut numbers): (&str, Vec<(u32, bool)>)| {
        numbers.sort_unstable();
        format!("{topic} {}", ranges(&numbers))
    };
    topics.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `0-2 5 +7`.
fn ranges(numbers: &[(u32, bool)]) -> String {
    let mut ranges: Vec<(u32, u32, bool)> = Vec::new();
    for &(number, new) in numbers {
        match ranges.last_mut() {
            Some((_, last, like)) if *like == new && number == *last + 1 => *last = number,
            Some(_) | None => ranges.push((number, number, new)),
        }
    }
    let show = |&(first, last, new): &(u32, u32, bool)| {
        let plus = if new { "+" } else { "" };
        if first == last { format!("{plus}{first}") } else { format!("{plus}{first}-{last}") }
    };
    ranges.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn split(partition: &str) -> (&str, u32) {
    let (topic, number) = partition.rsplit_once('-').expect("written with its number");
    (topic, number.parse().expect("written from a number"))
}

/// What moved, by who gave it to whom.
fn moves(text: &mut String, outcome: &Outcome) {
    let mut pairs: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for one in &outcome.moved {
        pairs.entry((&one.from, one.to.as_deref())).or_default().push(&one.partition);
    }
    for ((from, to), partitions) in pairs {
        let mut topics: BTreeMap<&str, Vec<(u32, bool)>> = BTreeMap::new();
        for partition in partitions {
            let (topic, number) = split(partition);
            topics.entry(topic).or_default().push((number, false));
        }
        let shown = topics.iter().map(|(topic, numbers)| format!("{topic} {}", ranges(numbers)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let to = to.unwrap_or("nobody");
        let _ = writeln!(text, " {}: {from} → {to}: {shown}", outcome.assignor);
    }
}
