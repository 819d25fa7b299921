//! `stormglass test`: scenarios against their own expectations, for CI.

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use stormglass_runner::assignments::{self, Assignments, Comparison};
use stormglass_runner::corpus::{Fate, NotRetried, note_fixed, retry};
use stormglass_runner::discover::{kept, scenarios};
use stormglass_runner::report::{Event, Renderer};
use stormglass_runner::result::{METRIC, Status};
use stormglass_runner::scenario::{Paint, Scenario};
use stormglass_runner::suite::{
    Case, CaseResult, Grade, Invalid, Miss, Shown, SuiteResult, put_to_test,
};
use stormglass_runner::sweep::{Seeds, all_cores};

use super::exit::Exit;
use super::files;
use super::output::{SuiteFormat, complain, suite_renderer};
use super::progress::Progress;

#[derive(Args)]
pub(crate) struct TestArguments {
    /// Scenario files, or folders with scenarios
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Other seeds than the scenarios' own: `100`, or `100..200`
    #[arg(long, value_name = "N|A..B")]
    seeds: Option<Seeds>,
    /// On how many threads; all cores unless given
    #[arg(long, value_name = "J")]
    jobs: Option<NonZero<usize>>,
    /// How to write results
    #[arg(long, value_enum, default_value_t = SuiteFormat::Human)]
    format: SuiteFormat,
    /// Note beside each kept failure that does not come back that it is fixed, so that it cannot come back unnoticed
    #[arg(long)]
    mark_fixed: bool,
    /// Compare assignments with those that are kept beside scenarios, in `snapshots/`: who had which partitions in each
    /// generation of the scenario's first seed
    #[arg(long)]
    snapshots: bool,
    /// With `--snapshots`: keep the assignments as they are now, for scenarios that have none kept, too
    #[arg(long, requires = "snapshots")]
    accept: bool,
    /// Save unexpected failures below this folder
    #[arg(long, value_name = "DIR", default_value = "reports")]
    report: PathBuf,
}

pub(crate) fn main(arguments: &TestArguments) -> io::Result<Exit> {
    let paths = match scenarios(&arguments.paths) {
        Ok(paths) => paths,
        Err((path, why)) => {
            complain(&format!("error: {}", files::at(&path, &why)));
            return Ok(Exit::Invalid);
        }
    };
    let kept = match kept(&arguments.paths) {
        Ok(kept) => kept,
        Err((path, why)) => {
            complain(&format!("error: {}", files::at(&path, &why)));
            return Ok(Exit::Invalid);
        }
    };
    if paths.is_empty() && kept.is_empty() {
        complain("error: there is no scenario here; a suite of nothing would always pass");
        return Ok(Exit::Invalid);
    }
    let began = Instant::now();
    let mut renderer = suite_renderer(arguments.format, &paths);
    let mut suite = SuiteResult {
        met: 0,
        missed: 0,
        kept: kept.len(),
        fixed: 0,
        invalid: Vec::new(),
        wall: Duration::ZERO,
    };
    let mut exit = Exit::Held;
    for path in &paths {
        match Scenario::load(path) {
            Ok(scenario) => {
                let grade = one(arguments, &Arc::new(scenario), &mut *renderer)?;
                exit = exit.max(exit_of(grade));
                if grade == Grade::Met { suite.met += 1 } else { suite.missed += 1 }
            }
            Err(report) => {
                complain(&report.render(Paint::Colour));
                suite.invalid.push(Invalid {
                    path: path.display().to_string(),
                    says: report.render(Paint::Plain),
                });
                exit = exit.max(Exit::Invalid);
            }
        }
    }
    for path in &kept {
        exit = exit.max(retried(arguments, path, &mut suite, &mut *renderer)?);
    }
    suite.wall = began.elapsed();
    renderer.tell(Event::Suite(&suite))?;
    renderer.finish()?;
    Ok(exit)
}

fn one(
    arguments: &TestArguments,
    scenario: &Arc<Scenario>,
    renderer: &mut dyn Renderer,
) -> io::Result<Grade> {
    let mut case = Case::of(scenario);
    case.seeds = arguments.seeds.unwrap_or(case.seeds);
    let progress = Progress::new(&case.subject.name, case.seeds.count());
    let jobs = arguments.jobs.unwrap_or_else(all_cores);
    let mut result = put_to_test(&case, jobs, &mut |_, tally| progress.seed(tally));
    progress.vanish();
    if arguments.snapshots {
        compare_assignments(arguments, &case, &mut result)?;
    }
    renderer.tell(Event::Case(&result))?;
    save_unexpected(&arguments.report, scenario, &result)?;
    Ok(result.grade())
}

/// Holds a scenario's assignments against those that are kept; a difference is a miss unless it is accepted.
fn compare_assignments(
    arguments: &TestArguments,
    case: &Case,
    result: &mut CaseResult,
) -> io::Result<()> {
    let path = Path::new(&case.subject.path);
    let place = assignments::place_of(path);
    if !arguments.accept && !place.exists() {
        return Ok(());
    }
    let seed = case.seeds.at(0);
    // A seed that panics is a miss already.
    let Ok(now) = Assignments::run(&case.subject, seed) else { return Ok(()) };
    if now.is_empty() {
        return Ok(());
    }
    match assignments::compare(path, &now).map_err(|why| files::at(&place, &why))? {
        Comparison::Same => {}
        Comparison::Absent | Comparison::Differs(_) if arguments.accept => {
            let place = assignments::accept(path, &now).map_err(|why| files::at(&place, &why))?;
            complain(&format!("accepted {}", place.display()));
        }
        Comparison::Absent => {}
        Comparison::Differs(difference) => result.misses.push(Miss {
            grade: Grade::Violated,
            says: format!(
                "assignments differ from {}; `--snapshots --accept` keeps them as they are now\n{}",
                place.display(),
                difference.trim_end()
            ),
            shown: Some(Shown { seed, digest: None, repro: case.subject.repro(seed) }),
        }),
    }
    Ok(())
}

/// Runs a failure again that was kept.
fn retried(
    arguments: &TestArguments,
    path: &Path,
    suite: &mut SuiteResult,
    renderer: &mut dyn Renderer,
) -> io::Result<Exit> {
    let retried = match retry(path) {
        Ok(retried) => retried,
        Err(NotRetried::Bad(why)) => {
            let says = format!("error: {} cannot be run again: {why}", path.display());
            complain(&says);
            suite.invalid.push(Invalid { path: path.display().to_string(), says });
            return Ok(Exit::Invalid);
        }
        Err(NotRetried::Panicked(panicked)) => {
            renderer.tell(Event::Panicked(&panicked))?;
            return Ok(Exit::Internal);
        }
    };
    renderer.tell(Event::Retried(&retried))?;
    Ok(match retried.fate {
        Fate::Fixed => {
            suite.fixed += 1;
            if arguments.mark_fixed {
                let note = note_fixed(&retried).map_err(|why| files::at(path, &why))?;
                complain(&format!("noted in {}", note.display()));
            }
            Exit::Held
        }
        Fate::Fails | Fate::Regressed | Fate::FailsOtherwise(_) => Exit::Violated,
        Fate::Unclear(_) => Exit::NotShown,
    })
}

/// Failures that the scenario expects are no news.
fn save_unexpected(folder: &Path, scenario: &Arc<Scenario>, result: &CaseResult) -> io::Result<()> {
    if result.grade() < Grade::Violated {
        return Ok(());
    }
    for (signature, group) in result.sweep.tally.groups() {
        let expected = group.first.verdicts.iter().all(|judged| {
            judged.status != Status::Violated || result.violate.contains(&judged.invariant)
        });
        let exceeded = signature.invariant == METRIC
            && result.exceed.iter().any(|bound| bound.starts_with(&*signature.kind));
        let named = result.violate.contains(&signature.invariant) || exceeded;
        if !expected || !named {
            files::save(folder, scenario, &group.first)?;
        }
    }
    Ok(())
}

const fn exit_of(grade: Grade) -> Exit {
    match grade {
        Grade::Met => Exit::Held,
        Grade::NotShown => Exit::NotShown,
        Grade::Violated => Exit::Violated,
        Grade::Internal => Exit::Internal,
    }
}
