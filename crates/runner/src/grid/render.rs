//! A grid as a table and heat maps for people, as CSV and as JSON for programs.

use std::fmt::Write as _;

use anstyle::{Ansi256Color, Style};
use serde_json::{Map, Value, json};

use super::{Axis, Cell, Grid, Spread};
use crate::report::{BOLD, DIM, Numbers, paint, table};
use crate::result::Status;

/// What is shown of every cell.
#[derive(Clone, Copy)]
enum Shown {
    Failures,
    Figure(usize),
}

/// From nothing to all, for terminals without colours as well.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

/// The same in colours, from green to red.
const COLOURS: [u8; 5] = [22, 28, 100, 130, 124];

impl Grid {
    /// The table of all combinations, and, where one or two values vary, a heat map of everything that was measured.
    #[must_use]
    pub fn human(&self) -> String {
        let mut out = String::new();
        let plural = if self.seeds == 1 { "seed" } else { "seeds" };
        let combinations = self.cells.len();
        let head = paint(BOLD, &self.scenario);
        let _ =
            writeln!(out, "{head}  {combinations} combinations, {} {plural} each\n", self.seeds);
        self.table(&mut out);
        let shown = (0..self.figures.len()).map(Shown::Figure);
        for shown in std::iter::once(Shown::Failures).chain(shown) {
            match self.axes.as_slice() {
                [one] => self.heat(None, one, shown, &mut out),
                [down, across] => self.heat(Some(down), across, shown, &mut out),
                [] | [_, _, _, ..] => {}
            }
        }
        out
    }

    /// A line per combination: its values, its seeds, how many failed, and least, median and most of every figure.
    #[must_use]
    pub fn csv(&self) -> String {
        let figures = self.figures.iter().flat_map(|figure| {
            let unit = figure.unit();
            let name = if unit.is_empty() {
                figure.name.clone()
            } else {
                format!("{}.{unit}", figure.name)
            };
            [format!("{name}.min"), format!("{name}.median"), format!("{name}.max")]
        });
        let axes = self.axes.iter().map(|axis| axis.path.clone());
        let counts = ["seeds", "failed"].map(str::to_owned);
        let head: Vec<String> =
            axes.chain(counts).chain(figures).map(|text| quoted(&text)).collect();
        let mut out = format!("{}\n", head.join(","));
        for cell in &self.cells {
            let values = cell.values.iter().map(|value| quoted(value));
            let counts = [self.seeds.to_string(), cell.failed.to_string()];
            let figures = cell.figures.iter().flat_map(|spread| match spread {
                Some(Spread { least, median, most }) => {
                    [least, median, most].map(ToString::to_string)
                }
                None => ["", "", ""].map(str::to_owned),
            });
            let row: Vec<String> = values.chain(counts).chain(figures).collect();
            let _ = writeln!(out, "{}", row.join(","));
        }
        out
    }

    /// An object per combination.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        for cell in &self.cells {
            let values = self.axes.iter().zip(&cell.values);
            let values: Map<String, Value> =
                values.map(|(axis, value)| (axis.path.clone(), value.as_str().into())).collect();
            let outcomes: Map<String, Value> = Status::ALL
                .into_iter()
                .map(|status| (status.name().to_owned(), cell.tally.count(status).into()))
                .collect();
            let figures = self.figures.iter().zip(&cell.figures).map(|(figure, spread)| {
                let spread = spread.map(
                    |Spread { least, median, most }| json!({ "min": least, "median": median, "max": most, "unit": figure.unit() }),
                );
                (figure.name.clone(), spread.unwrap_or(Value::Null))
            });
            let figures: Map<String, Value> = figures.collect();
            let line = json!({
                "scenario": self.scenario,
                "vary": values,
                "seeds": self.seeds,
                "failed": cell.failed,
                "outcomes": outcomes,
                "signatures": cell.tally.groups().iter().map(|(it, _)| it.to_string()).collect::<Vec<_>>(),
                "figures": figures,
            });
            let _ = writeln!(out, "{line}");
        }
        out
    }

    fn table(&self, out: &mut String) {
        let axes = self.axes.iter().map(|axis| axis.path.as_str());
        let figures = self.figures.iter().map(|figure| figure.name.as_str());
        let head: Vec<&str> = axes.chain(["failed", "how"]).chain(figures).collect();
        let rows = self.cells.iter().map(|cell| {
            let counts = [format!("{}/{}", cell.failed, self.seeds), how(cell)];
            let figures = self.figures.iter().zip(&cell.figures).map(|(figure, spread)| {
                let Some(Spread { least, median, most }) = spread else { return "-".to_owned() };
                let [least, median, most] = [least, median, most].map(|it| figure.show(*it));
                if least == most { median } else { format!("{median} ({least} to {most})") }
            });
            cell.values.iter().cloned().chain(counts).chain(figures).collect()
        });
        table(out, &head, &Numbers(&[]), rows.collect());
    }

    fn heat(&self, down: Option<&Axis>, across: &Axis, shown: Shown, out: &mut String) {
        let all: Vec<Option<u64>> = self.cells.iter().map(|cell| self.value(cell, shown)).collect();
        let (least, most) = match shown {
            Shown::Failures => (0, self.seeds),
            Shown::Figure(_) => {
                let known = || all.iter().flatten().copied();
                (known().min().unwrap_or(0), known().max().unwrap_or(0))
            }
        };
        let title = match shown {
            Shown::Failures => "seeds that fail".to_owned(),
            Shown::Figure(place) => format!("{}, median", self.figures[place].name),
        };
        let columns = across.values.len();
        let texts: Vec<String> = all.iter().map(|value| self.text(*value, shown)).collect();
        let width =
            texts.iter().chain(&across.values).map(|text| text.chars().count()).max().unwrap_or(1);
        let names = down.map_or(&[][..], |axis| &axis.values);
        let margin = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let place = down.map_or_else(String::new, |axis| format!("{} down, ", axis.path));
        let _ = writeln!(
            out,
            "\n{}  {}",
            paint(BOLD, &title),
            paint(DIM, &format!("{place}{} across", across.path))
        );
        let head: Vec<String> =
            across.values.iter().map(|value| format!(" {value:>width$}  ")).collect();
        let _ = writeln!(out, " {:margin$} {}", "", head.concat().trim_end());
        for (row, values) in all.chunks(columns).enumerate() {
            let name = names.get(row).map_or("", String::as_str);
            let _ = write!(out, " {name:>margin$} ");
            for (column, value) in values.iter().enumerate() {
                let text = &texts[row * columns + column];
                let level = value.map_or(0, |value| level(value, least, most));
                let cell = format!(" {text:>width$} {}", SHADES[level]);
                out.push_str(&paint(heat(level), &cell));
            }
            out.push('\n');
        }
    }

    fn value(&self, cell: &Cell, shown: Shown) -> Option<u64> {
        match shown {
            Shown::Failures => Some(cell.failed),
            Shown::Figure(place) => cell.figures[place].map(|spread| spread.median),
        }
    }

    fn text(&self, value: Option<u64>, shown: Shown) -> String {
        match (value, shown) {
            (None, _) => "-".to_owned(),
            (Some(failed), Shown::Failures) => format!("{}%", failed * 100 / self.seeds.max(1)),
            (Some(value), Shown::Figure(place)) => self.figures[place].show(value),
        }
    }
}

/// The most frequent ways to fail, or what it came to without.
fn how(cell: &Cell) -> String {
    let groups = cell.tally.groups();
    let named: Vec<String> =
        groups.iter().take(2).map(|(signature, _)| signature.to_string()).collect();
    let more = if groups.len() > named.len() { ", …" } else { "" };
    match (named.is_empty(), cell.failed) {
        (true, 0) => cell.tally.outcome().name().to_owned(),
        (true, _) => "a bound is broken".to_owned(),
        (false, _) => format!("{}{more}", named.join(", ")),
    }
}

/// Which of the shades a value has: the first only for the least, the last for the most.
fn level(value: u64, least: u64, most: u64) -> usize {
    let (part, whole) = (value - least, most - least);
    if part == 0 || whole == 0 {
        return 0;
    }
    let steps = u64::try_from(SHADES.len() - 1).expect("a few shades");
    usize::try_from((part.saturating_mul(steps)).div_ceil(whole)).expect("one of a few shades")
}

fn heat(level: usize) -> Style {
    Style::new()
        .bg_color(Some(Ansi256Color(COLOURS[level]).into()))
        .fg_color(Some(Ansi256Color(255).into()))
}

/// A field of CSV, in quotes if need be (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
