//! Oracles: they read the history of a run and say what held, what broke, and what the configuration had promised.
//!
//! Deliberately cannot see machines, worlds, plans or scenarios: an oracle that sees the system agrees with it. It never
//! changes a run and prints nothing.

mod at_least_once;
mod duplicates;
mod figures;
mod index;
mod lanes;
mod liveness;
mod log_matching;
mod monotone;
mod no_loss;
mod order;
mod owner;
mod transactions;
mod verdict;

#[cfg(test)]
mod tests;

pub use figures::{
    Figures, GroupFigures, PartitionFigures, Percentiles, Repeats, Skips, TopicFigures,
};
pub use index::Indexed;
pub use verdict::{Anomalies, Anomaly, AnomalyKind, Evidence, Missing, Verdict, Why};

use stormglass_types::history::History;

/// Judges one invariant over an indexed history.
pub trait Checker: Sync {
    /// The name under which scenarios expect it.
    fn name(&self) -> &'static str;
    /// The verdict.
    fn check(&self, history: &Indexed<'_>) -> Verdict;
}

/// An invariant that a scenario may expect.
pub struct Invariant {
    /// Its name.
    pub name: &'static str,
    /// What it says, in one line.
    pub promise: &'static str,
    /// Who judges it.
    pub checker: &'static dyn Checker,
}

/// Every invariant, in the order of reports.
pub static INVARIANTS: [Invariant; 9] = [
    Invariant {
        name: "no-loss",
        promise: "every acknowledged record is in the final log of its partition",
        checker: &no_loss::NoLoss,
    },
    Invariant {
        name: "per-key-order",
        promise: "records of one key are stored and first processed in the order in which they were sent",
        checker: &order::PerKeyOrder,
    },
    Invariant {
        name: "no-duplicates",
        promise: "no record is stored at two offsets, and no offset shows two records",
        checker: &duplicates::NoDuplicates,
    },
    Invariant {
        name: "at-least-once",
        promise: "every group processes every record before it moves past it for good",
        checker: &at_least_once::AtLeastOnce,
    },
    Invariant {
        name: "single-owner",
        promise: "no two members of a group hold one partition in one generation",
        checker: &owner::SingleOwner,
    },
    Invariant {
        name: "log-matching",
        promise: "replicas agree below the high watermark, and logs hold only what was sent and not refused",
        checker: &log_matching::LogMatching,
    },
    Invariant {
        name: "monotone",
        promise: "leader epochs, committed offsets, reads and the readable end of a log never go back",
        checker: &monotone::Monotone,
    },
    Invariant {
        name: "transactions",
        promise: "readers of committed records see all of a committed transaction and nothing of an aborted one",
        checker: &transactions::Transactions,
    },
    Invariant {
        name: "liveness",
        promise: "once faults are over, everybody comes to rest in time",
        checker: &liveness::Liveness,
    },
];

/// Everything that can be said of a history.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// A verdict per invariant, in the order of [`INVARIANTS`]; of `transactions` only where a producer is transactional.
    pub verdicts: Vec<(&'static str, Verdict)>,
    /// What the run measured.
    pub figures: Figures,
}

/// Judges a history by every invariant.
#[must_use]
pub fn judge(history: &History) -> Judgement {
    let indexed = Indexed::new(history);
    let transactional = history.sources.iter().any(|source| source.transactional);
    let verdicts = INVARIANTS
        .iter()
        .filter(|invariant| transactional || invariant.name != "transactions")
        .map(|invariant| (invariant.name, invariant.checker.check(&indexed)))
        .collect();
    Judgement { verdicts, figures: Figures::new(&indexed) }
}
