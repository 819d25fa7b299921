//! `stormglass run`: one seed of each scenario.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use stormglass_runner::execute::{Execution, Recording, execute};
use stormglass_runner::export::{Provenance, write_history, write_trace};
use stormglass_runner::report::Event;
use stormglass_runner::scenario::Scenario;
use stormglass_runner::subject::Subject;
use stormglass_runner::sweep::all_cores;

use super::exit::Exit;
use super::files;
use super::output::{Format, complain, renderer};
use super::report;

#[derive(Args)]
pub(crate) struct RunArguments {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which history to run; the first of the scenario's own seeds unless given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How to write results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write the report below this folder as well: a page to look at and search, text and JSON; failures can be replayed
    /// from there
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Write every event to this file, a line each
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write the history to this file as JSON lines, for other checkers
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

pub(crate) fn main(arguments: &RunArguments) -> io::Result<Exit> {
    let one_file = arguments.trace.is_some() || arguments.history.is_some();
    if one_file && arguments.files.len() > 1 {
        complain("error: `--trace` and `--history` write one file, so they take one scenario");
        return Ok(Exit::Usage);
    }
    let Some(scenarios) = files::load_all(&arguments.files) else { return Ok(Exit::Invalid) };
    let mut renderer = renderer(arguments.format);
    let looked_at = arguments.trace.is_some() || arguments.report.is_some();
    let recording = if looked_at { Recording::On } else { Recording::Off };
    let mut exit = Exit::Held;
    for scenario in &scenarios {
        let seed = arguments.seed.unwrap_or(scenario.seeds().start);
        match execute(&Subject::of(scenario), seed, recording) {
            Ok(execution) => {
                renderer.tell(Event::Ran(&execution.result))?;
                write_files(arguments, scenario, &execution)?;
                exit = exit.max(Exit::of(execution.result.outcome));
            }
            Err(panicked) => {
                renderer.tell(Event::Panicked(&panicked))?;
                exit = exit.max(Exit::Internal);
            }
        }
    }
    Ok(exit)
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
    if let Some(path) = &arguments.history {
        let provenance = Provenance {
            scenario: &result.scenario,
            seed: result.seed,
            digest: result.digest,
            rules: world.plan().rules,
        };
        files::stream(path, |out| write_history(&provenance, world.history(), out))?;
    }
    Ok(())
}
