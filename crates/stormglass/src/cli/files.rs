//! Scenarios, reports and saved failures on disk, as commands use them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stormglass_runner::result::RunResult;
use stormglass_runner::saved::SavedFailure;
use stormglass_runner::scenario::{Client, Paint, Report, Scenario};

use super::output::complain;

/// Loads a scenario; complains about everything that is wrong with it.
pub(crate) fn load(path: &Path) -> Option<Arc<Scenario>> {
    loaded(Scenario::load(path))
}

/// Loads a scenario with the same client for all of its applications.
pub(crate) fn load_as(path: &Path, client: Client) -> Option<Arc<Scenario>> {
    loaded(Scenario::load_as(path, client))
}

fn loaded(scenario: Result<Scenario, Report>) -> Option<Arc<Scenario>> {
    match scenario {
        Ok(scenario) => {
            if !scenario.notes().is_empty() {
                complain(&scenario.notes().render(Paint::Colour));
            }
            Some(Arc::new(scenario))
        }
        Err(report) => {
            complain(&report.render(Paint::Colour));
            None
        }
    }
}

/// Loads scenarios, all of them or none, so that every mistake is told before anything runs.
pub(crate) fn load_all(paths: &[PathBuf]) -> Option<Vec<Arc<Scenario>>> {
    let loaded: Vec<Option<Arc<Scenario>>> = paths.iter().map(|path| load(path)).collect();
    loaded.into_iter().collect()
}

/// As [`load_all`], with the same client for all applications.
pub(crate) fn load_all_as(paths: &[PathBuf], client: Client) -> Option<Vec<Arc<Scenario>>> {
    let loaded: Vec<Option<Arc<Scenario>>> =
        paths.iter().map(|path| load_as(path, client)).collect();
    loaded.into_iter().collect()
}

/// Saves a failing run below a folder and tells where.
pub(crate) fn save(folder: &Path, scenario: &Arc<Scenario>, result: &RunResult) -> io::Result<()> {
    let Some(signature) = result.failure() else { return Ok(()) };
    let saved = SavedFailure::taped(result, &signature, scenario);
    let path = saved.save(folder).map_err(|why| at(&saved.place(folder), &why))?;
    complain(&format!("saved {}", path.display()));
    Ok(())
}

/// Writes a file as it is made.
pub(crate) fn stream(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|why| at(path, &why))
}

/// An error that says which file it is about.
pub(crate) fn at(path: &Path, why: &io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("{}: {why}", path.display()))
}
