//! Failures that were found once, run again: against the scenario as it is now, with the seed and the faults of then.
//!
//! A failure that does not come back is fixed; a note beside it says so from then on, and if it comes back nevertheless, it
//! has regressed. Finds no files and prints nothing.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::execute::{Recording, execute};
use crate::result::{Panicked, RunResult, Signature, Status};
use crate::saved::{BadSaved, SavedFailure, write_whole};
use crate::scenario::{Scenario, faults_to_yaml};
use crate::subject::{Subject, report_name};

#[cfg(test)]
mod tests;

/// What became of a failure that was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It comes up as before; it was never seen fixed.
    Fails,
    /// It comes up as before, although it was fixed.
    Regressed,
    /// Something else fails.
    FailsOtherwise(Signature),
    /// It does not come up.
    Fixed,
    /// It does not come up, but nothing can be told of the run.
    Unclear(String),
}

/// A kept failure, and what became of it.
#[derive(Clone, Debug)]
pub struct Retried {
    /// Its file.
    pub path: String,
    /// How it failed.
    pub signature: String,
    /// With which seed.
    pub seed: u64,
    /// The scenario that it was run against.
    pub scenario: String,
    /// What became of it.
    pub fate: Fate,
    /// Whether a note beside it says that it is fixed.
    pub noted: bool,
    /// The run, if its faults still fit the scenario.
    pub result: Option<RunResult>,
}

/// Why a kept failure could not be run.
#[derive(Debug)]
pub enum NotRetried {
    /// It is damaged.
    Bad(BadSaved),
    /// It panicked.
    Panicked(Panicked),
}

/// Runs a kept failure again.
///
/// # Errors
/// If it is damaged, or panicked.
pub fn retry(path: &Path) -> Result<Retried, NotRetried> {
    let saved = SavedFailure::load(path).map_err(NotRetried::Bad)?;
    let then = saved.scenario().map_err(NotRetried::Bad)?;
    // A scenario that is gone, or cannot be read, is as it was.
    let now = Scenario::load(&saved.path).ok().filter(|_| Path::new(&saved.path).exists());
    let now = Arc::new(now.unwrap_or_else(|| then.clone()));
    let noted = note_of(path).exists();
    let retried = |fate, result| Retried {
        path: path.display().to_string(),
        signature: saved.signature.clone(),
        seed: saved.seed,
        scenario: report_name(now.name()),
        fate,
        noted,
        result,
    };
    let faults = faults_to_yaml(&then.plan(saved.seed));
    let plan = match now.parse_faults("its faults", &faults) {
        Ok(faults) => now.plan_with(saved.seed, faults),
        Err(_) => {
            let why = "its faults do not fit the scenario any more".to_owned();
            return Ok(retried(Fate::Unclear(why), None));
        }
    };
    let asked = Subject::of(&Arc::new(then)).asked;
    let subject = Subject::of(&now);
    let mut subject = Subject { plan: Arc::new(move |_| plan.clone()), ..subject };
    // What the scenario has come to expect does not change what failed then.
    if !subject.asked.is_empty() {
        let more = asked.iter().filter(|name| !subject.asked.contains(name)).copied();
        subject.asked = subject.asked.iter().copied().chain(more.collect::<Vec<_>>()).collect();
    }
    let done = execute(&subject, saved.seed, Recording::Off).map_err(NotRetried::Panicked)?;
    let result = done.result;
    let fate = match result.failure() {
        Some(failure) if failure.to_string() == saved.signature => {
            if noted {
                Fate::Regressed
            } else {
                Fate::Fails
            }
        }
        Some(other) => Fate::FailsOtherwise(other),
        None if result.outcome == Status::Hold => Fate::Fixed,
        None => Fate::Unclear(format!("the run came out as `{}`", result.outcome)),
    };
    Ok(retried(fate, Some(result)))
}

/// Notes beside a kept failure that it is fixed; tells where.
///
/// # Errors
/// If that cannot be written.
pub fn note_fixed(retried: &Retried) -> io::Result<PathBuf> {
    let note = note_of(Path::new(&retried.path));
    let digest = retried.result.as_ref().map(|result| result.digest.to_string());
    let digest = digest.unwrap_or_default();
    let text = format!("{} did not come back; digest {digest}\n", retried.signature);
    if fs::read_to_string(&note).is_ok_and(|there| there == text) {
        return Ok(note);
    }
    write_whole(&note, text.as_bytes())?;
    Ok(note)
}

fn note_of(path: &Path) -> PathBuf {
    path.with_added_extension("fixed")
}

impl Fate {
    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Regressed => "regressed",
            Self::FailsOtherwise(_) => "fails-otherwise",
            Self::Fixed => "fixed",
            Self::Unclear(_) => "unclear",
        }
    }
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signature, seed, scenario, .. } = self;
        match &self.fate {
            Fate::Fails => write!(f, "{signature} still comes up in {scenario}, seed {seed}"),
            Fate::Regressed => {
                write!(
                    f,
                    "regressed: {signature} was fixed, and is back in {scenario}, seed {seed}"
                )
            }
            Fate::FailsOtherwise(other) => {
                write!(f, "{signature} is gone, but {other} comes up in {scenario}, seed {seed}")
            }
            Fate::Fixed if self.noted => write!(f, "fixed: {signature} stays away"),
            Fate::Fixed => {
                write!(f, "fixed: {signature} does not come back; `--mark-fixed` remembers it")
            }
            Fate::Unclear(why) => write!(f, "{signature}: {why}"),
        }
    }
}

impl fmt::Display for NotRetried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(why) => why.fmt(f),
            Self::Panicked(panicked) => panicked.fmt(f),
        }
    }
}

impl std::error::Error for NotRetried {}
