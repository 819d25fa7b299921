//! Exit codes, as the interface contract has them.

use std::process::ExitCode;

use stormglass_runner::result::Status;

/// What an exit code says, from good to bad: where several apply, the last one wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Exit {
    /// Everything held, or met its expectations.
    Held,
    /// Nothing broke, but something was vacuous or undecided.
    NotShown,
    /// An invariant was violated, or an expectation not met.
    Violated,
    /// The command was used wrongly.
    Usage,
    /// A scenario or a saved failure is invalid.
    Invalid,
    /// A bug of ours.
    Internal,
}

/// The table, as help shows it.
pub(crate) const TABLE: &str = "\
Exit codes: 0 all hold, 1 a violation, 2 wrong usage, 3 invalid scenario or saved failure,
4 vacuous or undecided, 70 a bug of stormglass itself";

impl Exit {
    /// What the outcome of runs says.
    pub(crate) const fn of(status: Status) -> Self {
        match status {
            Status::Hold => Self::Held,
            Status::Vacuous | Status::Undecided => Self::NotShown,
            Status::Violated => Self::Violated,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Held => 0,
            Exit::Violated => 1,
            Exit::Usage => 2,
            Exit::Invalid => 3,
            Exit::NotShown => 4,
            Exit::Internal => 70,
        })
    }
}
