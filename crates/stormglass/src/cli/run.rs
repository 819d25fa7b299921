//! `stormglass run`: one seed of each scenario.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use stormglass_runner::execute::{Execution, Recording, execute};
use stormglass_runner::export::{Provenance, write_history, write_perfetto, write_trace};
use stormglass_runner::report::{Event, timeline};
use stormglass_runner::scenario::{Client, Scenario};
use stormglass_runner::subject::Subject;
use stormglass_runner::sweep::all_cores;

use super::exit::Exit;
use super::files;
use super::output::{Format, RunFormat, complain, print, run_renderer};
use super::{profiles, report};

#[derive(Args)]
pub(crate) struct RunArguments {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which history to run; the first of the scenario's own seeds unless given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Give all applications the same client, whichever each names: `librdkafka`; or run once with each of several and
    /// compare: `java,librdkafka`
    #[arg(long, value_name = "CLIENTS", value_delimiter = ',', value_parser = profiles::client)]
    profiles: Vec<Client>,
    /// How to write results
    #[arg(long, value_enum, default_value_t = RunFormat::Human)]
    format: RunFormat,
    /// Write the report below this folder as well: a page to look at and search, text and JSON; failures can be replayed
    /// from there
    #[arg(long, value_name = "DIR", conflicts_with = "profiles")]
    report: Option<PathBuf>,
    /// Write every event to this file, a line each
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write every message to this file in Chrome's trace format, for ui.perfetto.dev and chrome://tracing
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
    /// Write the history to this file as JSON lines, for other checkers
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

pub(crate) fn main(arguments: &RunArguments) -> io::Result<Exit> {
    let asked = [&arguments.trace, &arguments.perfetto, &arguments.history];
    let one_file = asked.iter().any(|path| path.is_some());
    if one_file && arguments.files.len() > 1 {
        complain(
            "error: `--trace`, `--perfetto` and `--history` write one file, so they take one scenario",
        );
        return Ok(Exit::Usage);
    }
    let scenarios = match arguments.profiles.as_slice() {
        [] => files::load_all(&arguments.files),
        [one] => files::load_all_as(&arguments.files, *one),
        several => return compare(arguments, several, one_file),
    };
    let Some(scenarios) = scenarios else { return Ok(Exit::Invalid) };
    let mut renderer = run_renderer(arguments.format, &arguments.files);
    let recording = recording(arguments);
    let mut exit = Exit::Held;
    for scenario in &scenarios {
        let seed = arguments.seed.unwrap_or(scenario.seeds().start);
        match execute(&Subject::of(scenario), seed, recording) {
            Ok(execution) => {
                let Execution { result, world } = &execution;
                if arguments.format == RunFormat::Timeline {
                    print(&timeline(result, world))?;
                } else {
                    renderer.tell(Event::Ran(result))?;
                }
                write_files(arguments, scenario, &execution)?;
                exit = exit.max(Exit::of(execution.result.outcome));
            }
            Err(panicked) => {
                renderer.tell(Event::Panicked(&panicked))?;
                exit = exit.max(Exit::Internal);
            }
        }
    }
    renderer.finish()?;
    Ok(exit)
}

/// Runs the same seed with each client.
fn compare(arguments: &RunArguments, clients: &[Client], one_file: bool) -> io::Result<Exit> {
    let format = match arguments.format {
        RunFormat::Human => Format::Human,
        RunFormat::Json => Format::Json,
        RunFormat::Markdown | RunFormat::Github | RunFormat::Sarif | RunFormat::Timeline => {
            complain("error: with several profiles there are the formats `human` and `json`");
            return Ok(Exit::Usage);
        }
    };
    if one_file {
        complain(
            "error: `--trace`, `--perfetto` and `--history` write one file, so they take one profile",
        );
        return Ok(Exit::Usage);
    }
    profiles::compare(&arguments.files, clients, &profiles::Runs::Of(arguments.seed), format)
}

/// What shows single events needs all of them.
fn recording(arguments: &RunArguments) -> Recording {
    let RunArguments { trace, perfetto, report, .. } = arguments;
    let wanted = [trace, perfetto, report].into_iter().any(Option::is_some);
    if wanted { Recording::On } else { Recording::Off }
}

fn write_files(
    arguments: &RunArguments,
    scenario: &Arc<Scenario>,
    execution: &Execution,
) -> io::Result<()> {
    let Execution { result, world } = execution;
    if let Some(folder) = &arguments.report {
        report::write(folder, scenario, execution, all_cores())?;
        files::save(folder, scenario, result)?;
    }
    if let Some(path) = &arguments.trace {
        files::stream(path, |out| write_trace(world, out))?;
    }
    let provenance = Provenance {
        scenario: &result.scenario,
        seed: result.seed,
        digest: result.digest,
        rules: world.plan().rules,
    };
    if let Some(path) = &arguments.perfetto {
        files::stream(path, |out| write_perfetto(&provenance, world, out))?;
    }
    if let Some(path) = &arguments.history {
        files::stream(path, |out| write_history(&provenance, world.history(), out))?;
    }
    Ok(())
}
