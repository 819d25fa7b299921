//! Stormglass as a library: a scenario as an ordinary `#[test]`.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! stormglass::Scenario::load("scenarios/lost-ack-duplicates/fixed.yaml")?.seeds(0..100).run()?;
//! # Ok(())
//! # }
//! ```
//!
//! Offers what a test needs and nothing of the terminal: the program has more.

use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "madsim")]
pub use stormglass_macros::test;

#[cfg(all(madsim, feature = "madsim"))]
pub use stormglass_host::{Storm, run, trial};

use stormglass_runner::assignments;
use stormglass_runner::scenario::Report;
use stormglass_runner::suite::{Case, CaseResult, put_to_test};
use stormglass_runner::sweep::{Seeds, Tally, all_cores};

/// A pipeline, its storm, and what must hold, to be run with some seeds.
#[derive(Clone)]
#[must_use = "a scenario does nothing until it is run"]
pub struct Scenario {
    case: Case,
    name: String,
    jobs: NonZero<usize>,
}

/// A scenario that cannot be run, with everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Invalid {
    report: Report,
}

/// Who had which partitions, generation by generation. Shown as a text that only a changed assignment changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignments {
    noted: assignments::Assignments,
}

/// Compares the assignments of a scenario's first seed with a snapshot of `insta`: a change fails with a readable difference,
/// and `cargo insta accept` (or `INSTA_UPDATE=always`) takes it over.
///
/// ```
/// # const TEXT: &str = "
/// # run: { for: 5s }
/// # topics: { orders: { partitions: 2, replication.factor: 3 } }
/// # groups: { billing: { members: 2, subscribe: [orders] } }
/// # expect: { hold: [single-owner] }";
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let scenario = stormglass::Scenario::parse("orders.yaml", TEXT)?;
/// stormglass::assert_assignments!(scenario, @r"
/// scenario orders, seed 0
///
/// group billing
///   generation 1: 2 members
///     billing-1  orders 0
///     billing-2  orders 1
/// ");
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "insta")]
#[macro_export]
macro_rules! assert_assignments {
    ($scenario:expr $(,)?) => {
        $crate::__insta::assert_snapshot!($scenario.assignments())
    };
    ($scenario:expr, @$snapshot:literal $(,)?) => {
        $crate::__insta::assert_snapshot!($scenario.assignments(), @$snapshot)
    };
    ($name:expr, $scenario:expr $(,)?) => {
        $crate::__insta::assert_snapshot!($name, $scenario.assignments())
    };
}

#[cfg(feature = "insta")]
#[doc(hidden)]
pub use insta as __insta;

/// A scenario whose expectations were met.
#[derive(Clone, Debug)]
pub struct Met {
    result: CaseResult,
}

/// A scenario whose expectations were not met: which, by which seed, and the command that shows it again.
#[derive(Clone)]
pub struct Failure {
    result: CaseResult,
}

impl Scenario {
    /// Reads a scenario; its own seeds are run unless others are given.
    ///
    /// # Errors
    /// If the file cannot be read or there are mistakes in it; tells all of them.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Invalid> {
        Self::of(stormglass_runner::scenario::Scenario::load(path))
    }

    /// A scenario from a text; the name is for messages.
    ///
    /// # Errors
    /// If there are mistakes in it; tells all of them.
    pub fn parse(name: &str, text: &str) -> Result<Self, Invalid> {
        Self::of(stormglass_runner::scenario::Scenario::parse(name, text))
    }

    fn of(read: Result<stormglass_runner::scenario::Scenario, Report>) -> Result<Self, Invalid> {
        let scenario = Arc::new(read.map_err(|report| Invalid { report })?);
        let case = Case::of(&scenario);
        Ok(Self { name: case.subject.name.clone(), case, jobs: all_cores() })
    }

    /// Runs these seeds instead of the scenario's own.
    ///
    /// # Panics
    /// If the range is empty: a test of no seeds would pass whatever happens.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.case.seeds = Seeds::range(seeds).expect("a test needs at least one seed");
        self
    }

    /// Runs one seed only.
    pub fn seed(mut self, seed: u64) -> Self {
        self.case.seeds = Seeds::only(seed);
        self
    }

    /// Runs on so many threads instead of all cores.
    pub fn jobs(mut self, jobs: NonZero<usize>) -> Self {
        self.jobs = jobs;
        self
    }

    /// Runs the first seed and notes who had which partitions in each generation of each group.
    ///
    /// # Panics
    /// If the run panics, which is a bug of stormglass.
    #[must_use]
    pub fn assignments(&self) -> Assignments {
        let noted = assignments::Assignments::run(&self.case.subject, self.case.seeds.at(0));
        Assignments { noted: noted.unwrap_or_else(|panicked| panic!("{panicked}")) }
    }

    /// Runs every seed and compares with what the scenario expects.
    ///
    /// # Errors
    /// If an expectation was not met.
    pub fn run(&self) -> Result<Met, Box<Failure>> {
        let result = put_to_test(&self.case, self.jobs, &mut |_, _| {});
        if result.misses.is_empty() {
            Ok(Met { result })
        } else {
            Err(Box::new(Failure { result }))
        }
    }
}

impl Met {
    /// What the seeds came to.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.result.sweep.tally
    }
}

impl Failure {
    /// What the seeds came to.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.result.sweep.tally
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Display for Assignments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.noted.fmt(f)
    }
}

/// What failed, with seed, digest and command.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` did not meet its expectations", self.result.sweep.scenario)?;
        for miss in &self.result.misses {
            write!(f, "\n  {}", miss.to_string().replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

/// A `#[test]` that returns an error prints it so; it must be fit to read.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.report, f)
    }
}

impl std::error::Error for Failure {}
impl std::error::Error for Invalid {}
