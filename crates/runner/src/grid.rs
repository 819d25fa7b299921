//! What if: one scenario with some of its values varied, every combination run with the same seeds.
//!
//! Every cell is a scenario like any other, read from an edited text. Prints nothing.

mod render;

#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;

use crate::execute::{Recording, execute};
use crate::result::Status;
use crate::scenario::{Figure, Paint, Scenario, Tree};
use crate::subject::Subject;
use crate::sweep::pool::Pool;
use crate::sweep::{Seed, Seeds, Tally};

/// A value that is varied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Axis {
    /// Where it stands, such as `groups.billing.members`.
    pub path: String,
    /// What it is instead, in turn.
    pub values: Vec<String>,
}

/// What to vary, and how to run it.
#[derive(Clone, Debug)]
pub struct GridOptions {
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Which figures to measure, beside how many seeds fail.
    pub figures: Vec<String>,
    /// With which seeds every cell is run.
    pub seeds: Seeds,
    /// On how many threads.
    pub jobs: NonZero<usize>,
}

/// What became of every combination.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The scenario's name.
    pub scenario: String,
    /// What was varied.
    pub axes: Vec<Axis>,
    /// The figures that were measured.
    pub figures: Vec<Figure>,
    /// How many seeds each cell had.
    pub seeds: u64,
    /// Every combination, the last axis varied fastest.
    pub cells: Vec<Cell>,
}

/// One combination.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The value on each axis.
    pub values: Vec<String>,
    /// What its seeds came to.
    pub tally: Tally,
    /// How many seeds broke an invariant that was asked for, or a bound.
    pub failed: u64,
    /// Each figure over the seeds that measured it.
    pub figures: Vec<Option<Spread>>,
}

/// A figure over some seeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spread {
    /// The smallest.
    pub least: u64,
    /// The middle one; of two, the smaller.
    pub median: u64,
    /// The largest.
    pub most: u64,
}

/// Why nothing was varied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadGrid {
    /// A path or a figure names nothing.
    Unknown(String),
    /// There are more combinations than anyone could look at.
    TooLarge(u64),
    /// A combination is no valid scenario.
    Invalid(String),
}

/// More cells than this are a mistake.
const MOST_CELLS: u64 = 10_000;

/// Runs every combination with every seed. `hear` is told of every run, in order.
///
/// # Errors
/// If a path names nothing, or a combination is no valid scenario; nothing is run then.
pub fn grid(
    scenario: &Scenario,
    options: &GridOptions,
    hear: &mut dyn FnMut(u64, u64),
) -> Result<Grid, BadGrid> {
    let cells =
        options.axes.iter().try_fold(1_u64, |all, axis| all.checked_mul(axis.values.len() as u64));
    let cells = cells.filter(|cells| *cells <= MOST_CELLS);
    let Some(count) = cells else { return Err(BadGrid::TooLarge(MOST_CELLS)) };
    let cells: Vec<Vec<String>> =
        (0..count).map(|number| combination(&options.axes, number)).collect();
    let scenarios = cells.iter().map(|values| varied(scenario, &options.axes, values));
    let scenarios = scenarios.collect::<Result<Vec<_>, _>>()?;
    let figures = options.figures.iter().map(|name| {
        scenario.figure(name).map_err(|report| BadGrid::Unknown(report.render(Paint::Plain)))
    });
    let figures = figures.collect::<Result<Vec<Figure>, _>>()?;
    let subjects: Vec<Subject> = scenarios.iter().map(Subject::of).collect();
    let mut tallies: Vec<(Tally, u64, Vec<Vec<u64>>)> =
        vec![(Tally::default(), 0, vec![Vec::new(); figures.len()]); cells.len()];
    let seeds = options.seeds.count();
    let place = |task: u64| usize::try_from(task / seeds).expect("fewer cells than memory holds");
    let work = |task: u64| {
        let seed = options.seeds.at(task % seeds);
        match execute(&subjects[place(task)], seed, Recording::Off) {
            Ok(execution) => Seed::Ran(Box::new(execution.result)),
            Err(panicked) => Seed::Panicked(panicked),
        }
    };
    let (tasks, mut done, mut failures) = (count.saturating_mul(seeds), 0, 0);
    Pool { jobs: options.jobs.get(), tasks, deadline: None }.run(&work, &mut |seed| {
        let (tally, failed, measured) = &mut tallies[place(done)];
        tally.add(&seed);
        if let Seed::Ran(result) = &seed {
            *failed += u64::from(result.failure().is_some());
            for (figure, all) in figures.iter().zip(measured) {
                all.extend(figure.measured(&result.figures));
            }
            failures += u64::from(result.failure().is_some());
        }
        done += 1;
        hear(done, failures);
        ControlFlow::Continue(())
    });
    let cells = cells.into_iter().zip(tallies).map(|(values, (tally, failed, measured))| Cell {
        values,
        tally,
        failed,
        figures: measured.into_iter().map(spread).collect(),
    });
    Ok(Grid {
        scenario: crate::subject::report_name(scenario.name()),
        axes: options.axes.clone(),
        figures,
        seeds,
        cells: cells.collect(),
    })
}

impl Grid {
    /// The worst outcome of any cell.
    #[must_use]
    pub fn outcome(&self) -> Status {
        let failed = self.cells.iter().any(|cell| cell.failed > 0);
        let worst = self.cells.iter().map(|cell| cell.tally.outcome()).max();
        if failed { Status::Violated } else { worst.unwrap_or(Status::Vacuous) }
    }

    /// How many runs panicked: our own bugs.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.cells.iter().map(|cell| cell.tally.panics().0).sum()
    }
}

/// The values of the nth combination.
fn combination(axes: &[Axis], number: u64) -> Vec<String> {
    let mut rest = number;
    let mut values: Vec<String> = Vec::with_capacity(axes.len());
    for axis in axes.iter().rev() {
        let count = axis.values.len() as u64;
        let place = usize::try_from(rest % count).expect("below the number of values");
        values.push(axis.values[place].clone());
        rest /= count;
    }
    values.reverse();
    values
}

fn varied(scenario: &Scenario, axes: &[Axis], values: &[String]) -> Result<Arc<Scenario>, BadGrid> {
    let mut draft = scenario.sketch();
    let mut name = scenario.name().to_owned();
    for (axis, value) in axes.iter().zip(values) {
        let path = draft.locate(&axis.path).map_err(BadGrid::Unknown)?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        draft.set(&path, Tree::parse(value));
        name = format!("{name} with {}={value}", axis.path);
    }
    let read = Scenario::parse(&name, &draft.render());
    read.map(Arc::new).map_err(|report| BadGrid::Invalid(report.render(Paint::Plain)))
}

fn spread(mut measured: Vec<u64>) -> Option<Spread> {
    measured.sort_unstable();
    let (least, most) = (*measured.first()?, *measured.last()?);
    Some(Spread { least, median: measured[(measured.len() - 1) / 2], most })
}

/// `path=1..8`, both ends included, or `path=4,8,12`.
impl FromStr for Axis {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{text}` varies nothing; write `groups.billing.members=1..8` or `run.for=10s,1m`"
            )
        };
        let (path, values) = text.split_once('=').ok_or_else(bad)?;
        let range = values.split_once("..").and_then(|(first, last)| {
            Some((first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?))
        });
        let values: Vec<String> = match range {
            Some((first, last)) if last.saturating_sub(first) < MOST_CELLS => {
                (first..=last).map(|number| number.to_string()).collect()
            }
            Some(_) => return Err(bad()),
            None => commas(values),
        };
        if path.trim().is_empty() || values.is_empty() || values.iter().any(String::is_empty) {
            return Err(bad());
        }
        Ok(Self { path: path.trim().to_owned(), values })
    }
}

/// What stands between commas, but for commas within brackets.
fn commas(text: &str) -> Vec<String> {
    let (mut depth, mut values) = (0_i32, vec![String::new()]);
    for letter in text.chars() {
        match letter {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        match values.last_mut() {
            Some(last) if letter != ',' || depth > 0 => last.push(letter),
            Some(_) | None => values.push(String::new()),
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).collect()
}

impl std::fmt::Display for BadGrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(says) | Self::Invalid(says) => f.write_str(says.trim_end()),
            Self::TooLarge(most) => write!(f, "there are more than {most} combinations"),
        }
    }
}

impl std::error::Error for BadGrid {}
