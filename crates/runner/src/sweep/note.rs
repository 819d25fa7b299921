//! What a sweep keeps of a seed: enough to count it, and small enough to keep on disk.

use stormglass_kafka::{Mark, Marks};
use stormglass_types::Digest;

use crate::result::{FaultLine, RunResult, Signature, Status};

/// One seed in short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeedNote {
    /// The seed.
    pub seed: u64,
    /// The fingerprint of its run.
    pub digest: Digest,
    /// What it came to.
    pub outcome: Status,
    /// The answer for every invariant, in the order of reports, and whether outcomes depend on it.
    pub verdicts: Vec<(&'static str, bool, Status)>,
    /// How it failed, if it did.
    pub failure: Option<Signature>,
    /// Rare branches that were taken.
    pub marks: Marks,
    /// Kinds of faults that struck.
    pub faults: Vec<String>,
    /// The situations it was in.
    pub states: Vec<u64>,
    /// How long it was in virtual time.
    pub virtual_ms: u64,
    /// How many events it had.
    pub events: u64,
}

impl SeedNote {
    /// A run in short.
    #[must_use]
    pub fn of(result: &RunResult) -> Self {
        let verdicts = result.verdicts.iter().map(|it| (it.invariant, it.asked, it.status));
        let struck = result.faults.iter().filter(|fault| fault.began_ms.is_some());
        let mut faults: Vec<String> = struck.map(kind).collect();
        faults.sort_unstable();
        faults.dedup();
        Self {
            seed: result.seed,
            digest: result.digest,
            outcome: result.outcome,
            verdicts: verdicts.collect(),
            failure: result.failure(),
            marks: result.marks,
            faults,
            states: result.states.clone(),
            virtual_ms: result.virtual_ms,
            events: result.events,
        }
    }

    /// What may be over-represented where something fails: kinds of faults, and marks.
    pub(super) fn features(&self) -> impl Iterator<Item = String> {
        let faults = self.faults.iter().map(|fault| format!("fault: {fault}"));
        faults.chain(self.marks.iter().map(Mark::name).map(|mark| format!("mark: {mark}")))
    }
}

/// What a fault did to what kind of process, without numbers: `crash of broker, leader`.
fn kind(fault: &FaultLine) -> String {
    let words = fault.what.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    let what = words.collect::<Vec<_>>().join(" ");
    let what = what.trim_end_matches(" by");
    let (whom, meant) = fault.whom.split_once(" (").unwrap_or((&fault.whom, ""));
    let name = whom.split(' ').next().unwrap_or_default();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let role = ["leader", "follower", "coordinator"].into_iter().find(|it| meant.starts_with(it));
    match (name, role) {
        ("", _) => what.to_owned(),
        (name, None) => format!("{what} of {name}"),
        (name, Some(role)) => format!("{what} of {name}, {role}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_faults_have_no_numbers_and_no_names_of_one() {
        let of = |what: &str, whom: &str| {
            let (what, whom) = (what.to_owned(), whom.to_owned());
            kind(&FaultLine { began_ms: Some(1), what, whom, lasting: None })
        };
        assert_eq!(of("crash", "broker-2 (leader of orders-0)"), "crash of broker, leader");
        assert_eq!(of("network slower by 3ms", "billing-1"), "network slower of billing");
        assert_eq!(of("pause", "billing-1 (one of billing-1 … billing-6)"), "pause of billing");
        assert_eq!(of("orders grows to 24 partitions", ""), "orders grows to partitions");
        assert_eq!(of("link cut", "broker-1 and broker-2"), "link cut of broker");
    }
}
