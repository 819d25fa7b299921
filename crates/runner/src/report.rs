//! Reports: a stream of events goes in, text of one format comes out.
//!
//! Renderers decide nothing and hold no results back that could be told at once. Where text goes is the caller's.

mod findings;
mod github;
pub mod html;
mod human;
mod json;
mod junit;
pub(crate) mod lanes;
mod layout;
mod markdown;
mod sarif;
mod shelf;
mod tables;
mod timeline;

#[cfg(test)]
mod format_tests;
#[cfg(test)]
pub(crate) mod tests;

use std::io;

pub use self::findings::Sources;
pub(crate) use self::findings::{Finding, Level};
pub use self::github::Github;
pub(crate) use self::github::annotation;
pub(crate) use self::human::violations;
pub use self::human::{Human, run_report};
pub use self::json::{Json, run_line};
pub use self::junit::Junit;
pub(crate) use self::layout::{BOLD, DIM, Numbers, paint, sign, table, word};
pub use self::markdown::Markdown;
pub use self::sarif::Sarif;
pub(crate) use self::sarif::log as sarif_log;
pub use self::shelf::keep;
pub use self::tables::{Release, rules_json, rules_table};
pub use self::timeline::timeline;
use crate::corpus::Retried;
use crate::replay::Replayed;
use crate::result::{Mismatch, Panicked, RunResult};
use crate::suite::{CaseResult, SuiteResult};
use crate::sweep::Sweep;

/// Something to be told.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// One run is over.
    Ran(&'a RunResult),
    /// One run of a sweep is over; the sweep's own event follows at its end.
    Seed(&'a RunResult),
    /// A sweep is over.
    Swept(&'a Sweep),
    /// A saved failure was run again, and it was the same.
    Replayed(&'a RunResult),
    /// A saved failure was run again, and it was not the same.
    Stale(&'a Replayed),
    /// A scenario of a suite was put to its test.
    Case(&'a CaseResult),
    /// A failure that was kept was run again.
    Retried(&'a Retried),
    /// A suite is over.
    Suite(&'a SuiteResult),
    /// A run panicked.
    Panicked(&'a Panicked),
    /// Two runs of one plan differed.
    Differed(&'a Mismatch),
}

/// Turns events into text of one format.
pub trait Renderer {
    /// Tells an event.
    ///
    /// # Errors
    /// If the text could not be written.
    fn tell(&mut self, event: Event<'_>) -> io::Result<()>;

    /// Writes what could not be told before everything was.
    ///
    /// # Errors
    /// If the text could not be written.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
