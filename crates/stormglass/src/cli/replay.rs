//! `stormglass replay`: saved failures, run again and compared.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use stormglass_runner::execute::{Recording, execute};
use stormglass_runner::report::{Event, Renderer};
use stormglass_runner::result::{Mismatch, RunResult};
use stormglass_runner::saved::{BadSaved, SavedFailure};
use stormglass_runner::scenario::Scenario;
use stormglass_runner::subject::{Subject, shell_word};
use stormglass_types::Digest;

use super::exit::Exit;
use super::output::{Format, complain, renderer};

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// Saved failures, as `sweep`, `test` and `run --report` write them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to write results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(crate) fn main(arguments: &ReplayArguments) -> io::Result<Exit> {
    let mut renderer = renderer(arguments.format);
    let mut exit = Exit::Held;
    for path in &arguments.files {
        let again = match load(path) {
            Ok((saved, scenario)) => replay(path, &saved, &scenario, &mut *renderer)?,
            Err(why) => {
                complain(&format!("error: {} cannot be replayed: {why}", path.display()));
                Exit::Invalid
            }
        };
        exit = exit.max(again);
    }
    Ok(exit)
}

fn load(path: &Path) -> Result<(SavedFailure, Arc<Scenario>), BadSaved> {
    let saved = SavedFailure::load(path)?;
    let scenario = Arc::new(saved.scenario()?);
    Ok((saved, scenario))
}

fn replay(
    path: &Path,
    saved: &SavedFailure,
    scenario: &Arc<Scenario>,
    renderer: &mut dyn Renderer,
) -> io::Result<Exit> {
    let repro = format!("stormglass replay {}", shell_word(&path.display().to_string()));
    let subject = Subject { name: saved.scenario.clone(), ..Subject::of(scenario) };
    match execute(&subject, saved.seed, Recording::Off) {
        Ok(execution) => {
            let result = RunResult { repro: repro.clone(), ..execution.result };
            if result.digest.to_string() == saved.digest {
                renderer.tell(Event::Replayed(&result))?;
                return Ok(Exit::of(result.outcome));
            }
            let first = u64::from_str_radix(&saved.digest, 16).map_or(Digest::EMPTY, Digest);
            let mismatch = Mismatch {
                scenario: saved.scenario.clone(),
                seed: saved.seed,
                first,
                second: result.digest,
                repro,
            };
            renderer.tell(Event::Differed(&mismatch))?;
        }
        Err(panicked) => renderer.tell(Event::Panicked(&panicked))?,
    }
    Ok(Exit::Internal)
}
