//! A run on a terminal as rows over time: who was up, who led, who owned how much, how far behind.
//!
//! Rounds to columns of time; the page of a run has the instants.

use std::fmt::Write as _;

use stormglass_sim::World;
use stormglass_types::history::{Outcome, What};

use super::lanes::{self, Lanes, micros};
use super::layout::{BAD, BOLD, DIM, UNSURE, paint, sign, word};
use crate::names::Names;
use crate::result::RunResult;
use crate::words::{clock, count};

/// How wide a name may be.
const NAME: usize = 16;
/// How many columns of time there are.
const COLUMNS: usize = 80;
/// No more rows of one kind than this.
const MOST: usize = 16;
/// From nothing to most.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The rows of a run. Colours are stripped by whoever writes to something that knows none.
#[must_use]
pub fn timeline(result: &RunResult, world: &World) -> String {
    let lanes = lanes::lanes(world, None);
    let canvas = Canvas { ends: micros(world.now()).max(1) };
    let mut out = String::new();
    let (mark, style) = sign(result.outcome);
    let title = format!("{mark} {}", word(result.outcome));
    let RunResult { scenario, seed, digest, .. } = result;
    let name = paint(BOLD, scenario);
    let _ = writeln!(out, "{name}  seed {seed}  digest {digest}  {}\n", paint(style, &title));
    canvas.axis(&mut out);
    canvas.faults(&mut out, &lanes);
    canvas.processes(&mut out, &lanes);
    canvas.leaders(&mut out, &lanes);
    canvas.owners(&mut out, &lanes);
    canvas.flow(&mut out, world);
    let _ = writeln!(
        out,
        "\n█ up  ▒ held up  ✘ crashed  · stopped or not started  ▓ fault; digits: the leading broker, in-sync replicas, owned partitions\n{}",
        paint(DIM, &format!("a column is {}", clock(canvas.ends / 1_000 / COLUMNS as u64)))
    );
    let _ = writeln!(out, "\n  {}", result.repro);
    out
}

struct Canvas {
    ends: u64,
}

impl Canvas {
    /// The middle of a column.
    fn at(&self, column: usize) -> u64 {
        let place = u64::try_from(column).unwrap_or(0) * 2 + 1;
        self.ends / (2 * COLUMNS as u64) * place
    }

    fn column(&self, at: u64) -> usize {
        let place = at.saturating_mul(COLUMNS as u64) / self.ends;
        usize::try_from(place).unwrap_or(0).min(COLUMNS - 1)
    }

    fn row(out: &mut String, name: &str, cells: &[char]) {
        let name: String = name.chars().take(NAME).collect();
        let _ = write!(out, "{name:>NAME$} ");
        for cell in cells {
            match cell {
                '✘' | '!' => out.push_str(&paint(BAD, &cell.to_string())),
                '▓' | '▒' => out.push_str(&paint(UNSURE, &cell.to_string())),
                '·' => out.push_str(&paint(DIM, "·")),
                other => out.push(*other),
            }
        }
        out.push('\n');
    }

    fn head(out: &mut String, text: &str) {
        let _ = writeln!(out, "{}", paint(DIM, text));
    }

    /// Times at every tenth column.
    fn axis(&self, out: &mut String) {
        let mut line = format!("{:>NAME$} ", "");
        for tenth in 0..COLUMNS / 10 {
            let at = self.ends / (COLUMNS as u64 / 10) * u64::try_from(tenth).unwrap_or(0);
            let text = clock(at / 1_000);
            // Tenths of a second are as fine as a column.
            let text = text.get(..text.len().saturating_sub(3)).unwrap_or(&text);
            let _ = write!(line, "{:<10}", format!("╷{text}s"));
        }
        Self::head(out, line.trim_end());
    }

    fn faults(&self, out: &mut String, lanes: &Lanes) {
        let struck: Vec<_> = lanes.faults.iter().filter(|fault| fault.from.is_some()).collect();
        if struck.is_empty() {
            return;
        }
        Self::head(out, "faults");
        for fault in struck.iter().take(MOST) {
            let from = fault.from.unwrap_or(0);
            let columns = self.column(from)..=self.column(fault.to.unwrap_or(from));
            let cells: Vec<char> =
                (0..COLUMNS).map(|at| if columns.contains(&at) { '▓' } else { ' ' }).collect();
            let whom = fault.whom.and_then(|place| lanes.processes.get(place));
            let whom = whom.map_or("", |process| process.name.as_str());
            Self::row(
                out,
                &format!("{} {whom}", fault.what.split(' ').next().unwrap_or("")),
                &cells,
            );
        }
        more(out, struck.len());
    }

    fn processes(&self, out: &mut String, lanes: &Lanes) {
        Self::head(out, "processes");
        let wanted =
            |role: &str| matches!(role, "broker" | "controller" | "producer" | "application");
        let rows: Vec<_> = lanes.processes.iter().filter(|process| wanted(process.role)).collect();
        for process in rows.iter().take(MOST) {
            let mut cells: Vec<char> =
                (0..COLUMNS).map(|column| life(&process.spans, self.at(column))).collect();
            // What is shorter than a column must be seen all the same.
            for (from, _, what) in &process.spans {
                let column = self.column(*from);
                match *what {
                    "crashed" => cells[column] = '✘',
                    "paused" => cells[column] = '▒',
                    _ => {}
                }
            }
            for (at, ..) in &process.errors {
                cells[self.column(*at)] = '!';
            }
            Self::row(out, &process.name, &cells);
        }
        more(out, rows.len());
    }

    fn leaders(&self, out: &mut String, lanes: &Lanes) {
        let rows: Vec<_> = lanes.partitions.iter().filter(|it| !it.internal).collect();
        Self::head(out, "leaders, and below them how many replicas are in sync");
        for partition in rows.iter().take(MOST) {
            let leader = |column: usize| {
                let at = self.at(column);
                let last = partition.leaders.iter().rev().find(|(since, ..)| *since <= at);
                last.map_or(
                    ' ',
                    |(_, broker, ..)| if *broker == 0 { '✘' } else { digit(u64::from(*broker)) },
                )
            };
            let cells: Vec<char> = (0..COLUMNS).map(leader).collect();
            Self::row(out, &partition.name, &cells);
            let in_sync = |column: usize| {
                let at = self.at(column);
                let last = partition.in_sync.iter().rev().find(|(since, _)| *since <= at);
                last.map_or(' ', |(_, set)| digit(u64::from(set.count_ones())))
            };
            let cells: Vec<char> = (0..COLUMNS).map(in_sync).collect();
            // Nothing to see where all of them are there all the time.
            if cells.iter().any(|cell| *cell != digit(partition.replication.into()) && *cell != ' ')
            {
                Self::row(out, "in sync", &cells);
            }
        }
        more(out, rows.len());
    }

    fn owners(&self, out: &mut String, lanes: &Lanes) {
        for (place, group) in lanes.groups.iter().enumerate() {
            Self::head(out, &format!("{}: partitions owned", group.name));
            let members = lanes.processes.iter().enumerate();
            let members: Vec<_> = members.filter(|(_, it)| it.group == Some(place)).collect();
            for (node, member) in members.iter().take(MOST) {
                let owned = |column: usize| {
                    let at = self.at(column);
                    let alive = life(&member.spans, at);
                    if alive != '█' {
                        return alive;
                    }
                    let tenures = group.owners.iter().flat_map(|(_, tenures)| tenures);
                    let own =
                        |it: &&lanes::Tenure| it.member == *node && (it.from..it.to).contains(&at);
                    digit(u64::try_from(tenures.filter(own).count()).unwrap_or(0))
                };
                let cells: Vec<char> = (0..COLUMNS).map(owned).collect();
                Self::row(out, &member.name, &cells);
            }
            more(out, members.len());
            let mut cells = vec![' '; COLUMNS];
            for (at, ..) in &group.generations {
                cells[self.column(*at)] = '↻';
            }
            Self::row(out, "rebalances", &cells);
        }
    }

    /// Rates and lag as bars, each against its own most.
    fn flow(&self, out: &mut String, world: &World) {
        Self::head(out, "records");
        let names = Names::new(world.history());
        let none = || vec![0_u64; COLUMNS];
        let groups = &world.history().header.groups;
        let (mut sent, mut acked, mut lost) = (none(), none(), none());
        let mut done: Vec<Vec<u64>> = groups.iter().map(|_| none()).collect();
        let mut lags: Vec<Vec<u64>> = groups.iter().map(|_| none()).collect();
        let mut sampled: Vec<(u64, u64)> = groups.iter().map(|_| (0, 0)).collect();
        for event in world.history().events.iter() {
            let column = self.column(micros(event.at));
            if let What::Send { .. } = event.what {
                sent[column] += 1;
            } else if let What::SendDone { values, outcome, .. } = event.what {
                let row = if outcome == Outcome::Ok { &mut acked } else { &mut lost };
                row[column] += u64::from(values.count);
            } else if let What::Processed { group, values, .. }
            | What::Deduplicated { group, values, .. } = event.what
            {
                done[usize::from(group.0)][column] += u64::from(values.count);
            } else if let What::Lag { group, lag, .. } = event.what {
                let place = usize::from(group.0);
                let at = event.at.0;
                let (when, sum) = &mut sampled[place];
                *sum = if *when == at { *sum + lag } else { lag };
                *when = at;
                lags[place][column] = lags[place][column].max(*sum);
            }
        }
        bars(out, "sent", &sent);
        bars(out, "acknowledged", &acked);
        if lost.iter().any(|records| *records > 0) {
            bars(out, "not acked", &lost);
        }
        for ((group, done), lag) in groups.ids().zip(&done).zip(&lags) {
            bars(out, &names.group(group), done);
            bars(out, "lag", lag);
        }
    }
}

/// What a process is at an instant.
fn life(spans: &[(u64, u64, &'static str)], at: u64) -> char {
    let now = spans.iter().find(|(from, to, _)| (*from..*to).contains(&at)).map(|(.., what)| *what);
    match now {
        Some("up") => '█',
        Some("paused") => '▒',
        Some("crashed") => '✘',
        _ => '·',
    }
}

fn digit(number: u64) -> char {
    u32::try_from(number).ok().and_then(|number| char::from_digit(number, 36)).unwrap_or('+')
}

fn bars(out: &mut String, name: &str, row: &[u64]) {
    let most = row.iter().copied().max().unwrap_or(0);
    let bar = |number: &u64| match (*number * 8).div_ceil(most.max(1)) {
        0 => ' ',
        eighths => BARS[usize::try_from(eighths - 1).unwrap_or(7).min(7)],
    };
    let cells: Vec<char> = row.iter().map(bar).collect();
    let name: String = name.chars().take(NAME).collect();
    let text: String = cells.into_iter().collect();
    let _ = writeln!(out, "{name:>NAME$} {text} {}", paint(DIM, &format!("most {}", count(most))));
}

/// Says how many rows were left out.
fn more(out: &mut String, rows: usize) {
    if rows > MOST {
        let _ = writeln!(out, "{:>NAME$} {}", "", paint(DIM, &format!("and {} more", rows - MOST)));
    }
}
