//! Puts a scenario to its test: its seeds against its expectations.
//!
//! Finds no files and prints nothing.

use std::fmt;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use stormglass_types::Digest;

use crate::result::{Bound, RunResult, Status};
use crate::scenario::{Expect, Scenario};
use crate::subject::Subject;
use crate::sweep::{Seed, Seeds, Sweep, SweepOptions, Tally, sweep};
use crate::words;

#[cfg(test)]
mod tests;

/// A scenario to be put to its test.
#[derive(Clone)]
pub struct Case {
    /// What is run.
    pub subject: Subject,
    /// With which seeds.
    pub seeds: Seeds,
    /// What is expected.
    pub expect: Expect,
}

/// How a scenario fared.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The path of its file.
    pub path: String,
    /// What it expected to be violated; empty for one that must hold.
    pub violate: Vec<&'static str>,
    /// The bounds that it expected to be exceeded.
    pub exceed: Vec<String>,
    /// What its seeds came to.
    pub sweep: Sweep,
    /// The expectations that were not met; none if it passed.
    pub misses: Vec<Miss>,
}

/// An expectation that was not met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Miss {
    /// How bad that is.
    pub grade: Grade,
    /// What was expected, and what was found.
    pub says: String,
    /// The first run that shows it, if it is one run's doing.
    pub shown: Option<Shown>,
}

/// A run that shows something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its seed.
    pub seed: u64,
    /// Its digest, if it came to an end.
    pub digest: Option<Digest>,
    /// The command that shows it again.
    pub repro: String,
}

/// How bad the worst miss of a scenario is; ordered from good to bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grade {
    /// There is none.
    Met,
    /// Nothing broke that should not, but something was not exercised.
    NotShown,
    /// An expectation was broken.
    Violated,
    /// A bug of ours.
    Internal,
}

/// A scenario that cannot be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// The path of its file.
    pub path: String,
    /// What is wrong with it.
    pub says: String,
}

/// How a suite fared.
#[derive(Clone, Debug)]
pub struct SuiteResult {
    /// How many scenarios met their expectations.
    pub met: usize,
    /// How many did not.
    pub missed: usize,
    /// How many failures were kept.
    pub kept: usize,
    /// How many of them do not come back.
    pub fixed: usize,
    /// Those that could not be run.
    pub invalid: Vec<Invalid>,
    /// How long all of it took.
    pub wall: Duration,
}

/// Runs a scenario's seeds and compares with what it expects.
///
/// A scenario that expects something to break and nothing else is done as soon as that has been found.
pub fn put_to_test(
    case: &Case,
    jobs: NonZero<usize>,
    hear: &mut dyn FnMut(&Seed, &Tally),
) -> CaseResult {
    let options = SweepOptions { jobs, ..SweepOptions::new(case.seeds) };
    let expect = &case.expect;
    let only_breaks = !(expect.violate.is_empty() && expect.exceed.is_empty())
        && expect.hold.is_empty()
        && expect.metrics.is_empty()
        && expect.reach.is_empty();
    let mut misses: Vec<Miss> = Vec::new();
    let mut broken = Broken::default();
    let swept = sweep(&case.subject, &options, &mut |seed, tally| {
        hear(seed, tally);
        match seed {
            Seed::Ran(result) => {
                note_misses(case, result, &mut misses);
                broken.note(result);
            }
            // A suite runs all of its seeds itself.
            Seed::Known(_) => {}
            Seed::Differed(_, mismatch) => note(&mut misses, || Miss {
                grade: Grade::Internal,
                says: "two runs of one plan differ, which is a bug of stormglass".to_owned(),
                shown: Some(Shown {
                    seed: mismatch.seed,
                    digest: Some(mismatch.first),
                    repro: mismatch.repro.clone(),
                }),
            }),
            Seed::Panicked(panicked) => note(&mut misses, || Miss {
                grade: Grade::Internal,
                says: format!("panicked, which is a bug of stormglass: {}", panicked.message),
                shown: Some(Shown {
                    seed: panicked.seed,
                    digest: None,
                    repro: panicked.repro.clone(),
                }),
            }),
        }
        let found = only_breaks && broken.covers(expect);
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    misses.extend(misses_of_all(case, &swept.tally, &broken));
    CaseResult {
        path: case.subject.path.clone(),
        violate: expect.violate.clone(),
        exceed: expect.exceed.iter().map(|rule| rule.text.clone()).collect(),
        sweep: swept,
        misses,
    }
}

impl Case {
    /// A scenario with its own seeds and its own expectations.
    #[must_use]
    pub fn of(scenario: &Arc<Scenario>) -> Self {
        let seeds = scenario.seeds();
        Self {
            subject: Subject::of(scenario),
            seeds: Seeds::range(seeds.clone()).unwrap_or(Seeds::only(seeds.start)),
            expect: scenario.expect().clone(),
        }
    }
}

/// Whether no seed may violate an invariant.
///
/// A scenario that names neither what holds nor what breaks expects everything to hold.
fn must_hold(expect: &Expect, invariant: &str) -> bool {
    match (&expect.hold[..], &expect.violate[..], &expect.exceed[..]) {
        ([], [], []) => true,
        (hold, _, _) => hold.contains(&invariant),
    }
}

/// Notes a miss unless one of the same kind is there already: the first seed that shows it is enough.
fn note(misses: &mut Vec<Miss>, miss: impl FnOnce() -> Miss) {
    let miss = miss();
    let head = |says: &str| says.split(':').next().unwrap_or_default().to_owned();
    let known = misses
        .iter()
        .any(|other| other.grade == miss.grade && head(&other.says) == head(&miss.says));
    if !known {
        misses.push(miss);
    }
}

fn note_misses(case: &Case, result: &RunResult, misses: &mut Vec<Miss>) {
    for judged in &result.verdicts {
        if judged.status != Status::Violated || !must_hold(&case.expect, judged.invariant) {
            continue;
        }
        note(misses, || Miss {
            grade: Grade::Violated,
            says: format!("{} is violated: {}", judged.signature(), judged.detail),
            shown: Some(Shown::of(result)),
        });
    }
    let exceeds = |bound: &Bound| case.expect.exceed.iter().any(|rule| rule.text == bound.text);
    for bound in result.bounds.iter().filter(|bound| !bound.kept && !exceeds(bound)) {
        note(misses, || Miss {
            grade: Grade::Violated,
            says: match bound.measured {
                Some(_) => format!("`{}` is not kept: it was {}", bound.text, bound.shown),
                None => format!("`{}` is not kept: it was not measured", bound.text),
            },
            shown: Some(Shown::of(result)),
        });
    }
}

/// What some seed broke.
#[derive(Default)]
struct Broken {
    invariants: Vec<&'static str>,
    /// As the scenario has them.
    bounds: Vec<String>,
}

impl Broken {
    fn note(&mut self, result: &RunResult) {
        for judged in &result.verdicts {
            if judged.status == Status::Violated && !self.invariants.contains(&judged.invariant) {
                self.invariants.push(judged.invariant);
            }
        }
        // A figure that was not measured exceeds nothing.
        let measured = result.bounds.iter().filter(|bound| bound.measured.is_some());
        for bound in measured.filter(|bound| !bound.kept) {
            if !self.bounds.contains(&bound.text) {
                self.bounds.push(bound.text.clone());
            }
        }
    }

    /// Whether everything that is expected to break did.
    fn covers(&self, expect: &Expect) -> bool {
        expect.violate.iter().all(|expected| self.invariants.contains(expected))
            && expect.exceed.iter().all(|rule| self.bounds.contains(&rule.text))
    }
}

/// The expectations that runs which somebody else has made did not meet.
#[must_use]
pub fn misses(case: &Case, results: &[RunResult]) -> Vec<Miss> {
    let mut misses = Vec::new();
    let mut broken = Broken::default();
    let mut tally = Tally::default();
    for result in results {
        note_misses(case, result, &mut misses);
        broken.note(result);
        tally.add(&Seed::Ran(Box::new(result.clone())));
    }
    misses.extend(misses_of_all(case, &tally, &broken));
    misses
}

/// What only the seeds together can show.
fn misses_of_all(case: &Case, tally: &Tally, broken: &Broken) -> Vec<Miss> {
    let mut misses = Vec::new();
    let seeds = words::seeds(tally.seeds());
    let count = |invariant: &str, status: Status| {
        let tallies = tally.invariants().iter();
        tallies.filter(|tally| tally.invariant == invariant).map(|it| it.count(status)).sum::<u64>()
    };
    let miss = |grade, says| Miss { grade, says, shown: None };
    for invariant in &case.expect.violate {
        if count(invariant, Status::Violated) == 0 {
            let says = format!("{invariant} was expected to be violated, but was not in {seeds}");
            misses.push(miss(Grade::Violated, says));
        }
    }
    for rule in &case.expect.exceed {
        if !broken.bounds.contains(&rule.text) {
            let says =
                format!("`{}` was expected to be exceeded, but was kept in {seeds}", rule.text);
            misses.push(miss(Grade::Violated, says));
        }
    }
    for invariant in &case.expect.hold {
        let shown = count(invariant, Status::Hold) + count(invariant, Status::Violated);
        if shown == 0 && tally.panics().0 == 0 {
            let (vacuous, undecided) =
                (count(invariant, Status::Vacuous), count(invariant, Status::Undecided));
            let says = format!(
                "{invariant} was not exercised: {} vacuous, {undecided} undecided",
                words::seeds(vacuous)
            );
            misses.push(miss(Grade::NotShown, says));
        }
    }
    for mark in &case.expect.reach {
        if !tally.marks().contains(*mark) {
            let says = format!("{} was not reached in {seeds}", mark.name());
            misses.push(miss(Grade::NotShown, says));
        }
    }
    misses
}

impl CaseResult {
    /// How bad the worst miss is.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.misses.iter().map(|miss| miss.grade).max().unwrap_or(Grade::Met)
    }
}

impl Shown {
    fn of(result: &RunResult) -> Self {
        let RunResult { seed, digest, .. } = *result;
        Self { seed, digest: Some(digest), repro: result.repro.clone() }
    }
}

/// `seed 7, digest 0123456789abcdef`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        self.digest.map_or(Ok(()), |digest| write!(f, ", digest {digest}"))
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(shown) = &self.shown else { return f.write_str(&self.says) };
        write!(f, "{shown}: {}\n  {}", self.says, shown.repro)
    }
}
