//! `stormglass sweep`: many seeds of each scenario, on all cores.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use stormglass_runner::grid::{Axis, GridOptions};
use stormglass_runner::report::{Event, Renderer};
use stormglass_runner::result::Status;
use stormglass_runner::scenario::{Client, Scenario};
use stormglass_runner::subject::Subject;
use stormglass_runner::sweep::{
    Journal, Seed, SeedNote, Seeds, Shard, Sweep, SweepOptions, all_cores, sweep,
};

use super::exit::Exit;
use super::output::{Format, complain, renderer};
use super::progress::Progress;
use super::{files, profiles};

#[derive(Args)]
pub(crate) struct SweepArguments {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which seeds: `100` for the first hundred, or `100..200`
    #[arg(long, value_name = "N|A..B")]
    seeds: Seeds,
    /// On how many threads; all cores unless given
    #[arg(long, value_name = "J")]
    jobs: Option<NonZero<usize>>,
    /// Only the K-th of N shares of the seeds
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Stop after so many failing seeds
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..))]
    max_failures: Option<u64>,
    /// Begin no seed after this long, such as `10m`
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// Stop after so many seeds in a row that showed no new mark, situation or kind of failure
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    plateau: Option<u64>,
    /// Write every seed's outcome to this file, and do not run those again that are in it
    #[arg(long, value_name = "FILE", conflicts_with = "vary")]
    resume: Option<PathBuf>,
    /// Run every combination of other values instead, all with the same seeds: `groups.billing.members=1..8`,
    /// `topics.orders.partitions=4,8,12`; may be given several times
    #[arg(
        long,
        value_name = "PATH=VALUES",
        conflicts_with_all = ["shard", "max_failures", "time", "plateau"]
    )]
    vary: Vec<Axis>,
    /// With `--vary`: a figure to measure, as in `expect.metrics`, such as `billing.lag.max`; may be given several times
    #[arg(long, value_name = "FIGURE", requires = "vary")]
    metric: Vec<String>,
    /// With `--vary`: write the table to this file, too
    #[arg(long, value_name = "FILE", requires = "vary")]
    csv: Option<PathBuf>,
    /// Run all seeds once with each of these clients instead, whichever the applications name, and compare:
    /// `java,librdkafka`
    #[arg(
        long,
        value_name = "CLIENTS",
        value_delimiter = ',',
        value_parser = profiles::client,
        conflicts_with_all = ["shard", "max_failures", "time", "plateau", "resume", "vary"]
    )]
    profiles: Vec<Client>,
    /// How to write results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Save the first failure of each kind below this folder
    #[arg(long, value_name = "DIR", default_value = "reports")]
    report: PathBuf,
}

pub(crate) fn main(arguments: &SweepArguments) -> io::Result<Exit> {
    if !arguments.profiles.is_empty() {
        let jobs = arguments.jobs.unwrap_or_else(all_cores);
        let runs = profiles::Runs::All(arguments.seeds, jobs);
        return profiles::compare(&arguments.files, &arguments.profiles, &runs, arguments.format);
    }
    let Some(scenarios) = files::load_all(&arguments.files) else { return Ok(Exit::Invalid) };
    if !arguments.vary.is_empty() {
        return vary(arguments, &scenarios);
    }
    let mut renderer = renderer(arguments.format);
    let mut exit = Exit::Held;
    if arguments.resume.is_some() && scenarios.len() > 1 {
        complain("error: `--resume` names one file, so it takes one scenario");
        return Ok(Exit::Usage);
    }
    for scenario in &scenarios {
        let mut journal = match &arguments.resume {
            None => None,
            Some(path) => match Journal::open(path, scenario) {
                Ok(journal) => Some(journal),
                Err(why) => {
                    complain(&format!("error: {} cannot be gone on with: {why}", path.display()));
                    return Ok(Exit::Invalid);
                }
            },
        };
        let swept = hunt(arguments, scenario, journal.as_mut(), &mut *renderer)?;
        renderer.tell(Event::Swept(&swept))?;
        for (_, group) in swept.tally.groups() {
            files::save(&arguments.report, scenario, &group.first)?;
        }
        exit = exit.max(exit_of(&swept));
    }
    Ok(exit)
}

fn vary(arguments: &SweepArguments, scenarios: &[Arc<Scenario>]) -> io::Result<Exit> {
    let [scenario] = scenarios else {
        complain("error: `--vary` takes one scenario");
        return Ok(Exit::Usage);
    };
    let options = GridOptions {
        axes: arguments.vary.clone(),
        figures: arguments.metric.clone(),
        seeds: arguments.seeds,
        jobs: arguments.jobs.unwrap_or_else(all_cores),
    };
    super::grid::vary(scenario, &options, arguments.format, arguments.csv.as_deref())
}

fn hunt(
    arguments: &SweepArguments,
    scenario: &Arc<Scenario>,
    mut journal: Option<&mut Journal>,
    renderer: &mut dyn Renderer,
) -> io::Result<Sweep> {
    let subject = Subject::of(scenario);
    let options = SweepOptions {
        seeds: arguments.seeds,
        jobs: arguments.jobs.unwrap_or_else(all_cores),
        shard: arguments.shard,
        max_failures: arguments.max_failures,
        time: arguments.time,
        plateau: arguments.plateau,
        known: journal.as_ref().map_or_else(BTreeMap::new, |journal| journal.known().clone()),
    };
    let planned =
        arguments.shard.map_or(arguments.seeds, |shard| shard.of(arguments.seeds)).count();
    let progress = Progress::new(&subject.name, planned);
    let mut told = Ok(());
    let swept = sweep(&subject, &options, &mut |seed, tally| {
        progress.seed(tally);
        told = match seed {
            Seed::Known(_) => Ok(()),
            Seed::Ran(result) => renderer.tell(Event::Seed(result)).and_then(|()| {
                let note = || SeedNote::of(result);
                journal.as_mut().map_or(Ok(()), |journal| journal.add(&note()))
            }),
            Seed::Differed(result, mismatch) => {
                renderer.tell(Event::Seed(result)).and_then(|()| match arguments.format {
                    Format::Json => renderer.tell(Event::Differed(mismatch)),
                    Format::Human => Ok(()),
                })
            }
            Seed::Panicked(panicked) => match arguments.format {
                Format::Json => renderer.tell(Event::Panicked(panicked)),
                Format::Human => Ok(()),
            },
        };
        if told.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.end(&swept);
    told.map(|()| swept)
}

/// A hunt that found nothing has held, even if some seeds could not be decided; one in which none held has shown nothing.
fn exit_of(swept: &Sweep) -> Exit {
    let tally = &swept.tally;
    let (panics, _) = tally.panics();
    let (differences, _) = tally.differences();
    if panics + differences > 0 {
        Exit::Internal
    } else if tally.count(Status::Violated) > 0 {
        Exit::Violated
    } else if tally.count(Status::Hold) > 0 {
        Exit::Held
    } else {
        Exit::NotShown
    }
}

/// `90s`, `10m`, `2h`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time; write `90s`, `10m` or `2h`");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some(_) | None => return Err(bad()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    number.checked_mul(unit).filter(|it| *it > 0).map(Duration::from_secs).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_units() {
        assert_eq!(time("10m"), Ok(Duration::from_secs(600)));
        for bad in ["", "10", "m", "-1s", "1.5h", "0s", "10é", "99999999999999999999h"] {
            assert!(time(bad).is_err(), "`{bad}` was taken for a time");
        }
    }
}
