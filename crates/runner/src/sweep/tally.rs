//! What many seeds came to, in a space that does not depend on how many they were.

use std::collections::BTreeMap;

use stormglass_kafka::{Mark, Marks};

use super::Seed;
use crate::result::{Mismatch, Panicked, RunResult, Signature, Status};

/// Counts, one example per kind of failure, and the marks of all.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: [u64; 4],
    groups: BTreeMap<Signature, FailureGroup>,
    invariants: Vec<InvariantTally>,
    panicked: Vec<Panicked>,
    panics: u64,
    differed: Vec<Mismatch>,
    differences: u64,
    marks: Marks,
    /// Virtual milliseconds of all seeds.
    pub virtual_ms: u64,
    /// Events of all seeds.
    pub events: u64,
}

/// Failures of one kind.
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// How many seeds showed it.
    pub count: u64,
    /// The first of them.
    pub seeds: Vec<u64>,
    /// The very first, in full.
    pub first: Box<RunResult>,
}

/// How often an invariant got which answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvariantTally {
    /// Which.
    pub invariant: &'static str,
    /// Whether outcomes depend on it.
    pub asked: bool,
    /// Seeds by answer, in the order of [`Status::ALL`].
    pub counts: [u64; 4],
}

/// How many seeds of a group, and how many bugs of ours, are named.
const NAMED: usize = 8;

impl Tally {
    /// Takes a seed in.
    pub fn add(&mut self, seed: &Seed) {
        match seed {
            Seed::Ran(result) => self.add_run(result),
            Seed::Differed(result, mismatch) => {
                self.add_run(result);
                self.differences += 1;
                if self.differed.len() < NAMED {
                    self.differed.push(mismatch.clone());
                }
            }
            Seed::Panicked(panicked) => {
                self.panics += 1;
                if self.panicked.len() < NAMED {
                    self.panicked.push(panicked.clone());
                }
            }
        }
    }

    fn add_run(&mut self, result: &RunResult) {
        self.counts[place(result.outcome)] += 1;
        self.marks.extend(result.marks);
        self.virtual_ms += result.virtual_ms;
        self.events += result.events;
        if self.invariants.is_empty() {
            self.invariants.extend(result.verdicts.iter().map(|verdict| InvariantTally {
                invariant: verdict.invariant,
                asked: verdict.asked,
                counts: [0; 4],
            }));
        }
        for (tally, verdict) in self.invariants.iter_mut().zip(&result.verdicts) {
            tally.counts[place(verdict.status)] += 1;
        }
        let Some(signature) = result.signature() else { return };
        let group = self.groups.entry(signature).or_insert_with(|| FailureGroup {
            count: 0,
            seeds: Vec::new(),
            first: Box::new(result.clone()),
        });
        group.count += 1;
        if group.seeds.len() < NAMED {
            group.seeds.push(result.seed);
        }
    }

    /// How many seeds were run, whatever came of them.
    #[must_use]
    pub fn seeds(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.panics
    }

    /// How many seeds ended so.
    #[must_use]
    pub fn count(&self, status: Status) -> u64 {
        self.counts[place(status)]
    }

    /// How many seeds failed: a violation or a bug of ours.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.count(Status::Violated) + self.panics + self.differences
    }

    /// The kinds of failures, the most frequent first.
    #[must_use]
    pub fn groups(&self) -> Vec<(Signature, &FailureGroup)> {
        let mut groups: Vec<_> =
            self.groups.iter().map(|(key, group)| (key.clone(), group)).collect();
        groups.sort_by(|(one, a), (other, b)| b.count.cmp(&a.count).then_with(|| one.cmp(other)));
        groups
    }

    /// How often each invariant got which answer, in the order of reports; empty before the first seed.
    #[must_use]
    pub fn invariants(&self) -> &[InvariantTally] {
        &self.invariants
    }

    /// How many seeds panicked, and the first of them.
    #[must_use]
    pub fn panics(&self) -> (u64, &[Panicked]) {
        (self.panics, &self.panicked)
    }

    /// How many seeds ran twice and differed, and the first of them.
    #[must_use]
    pub fn differences(&self) -> (u64, &[Mismatch]) {
        (self.differences, &self.differed)
    }

    /// The marks that any seed reached.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The marks that no seed reached.
    #[must_use]
    pub fn marks_missed(&self) -> Vec<Mark> {
        Mark::ALL.iter().copied().filter(|mark| !self.marks.contains(*mark)).collect()
    }

    /// The answer over all seeds: the worst there was, but for seeds that showed nothing next to some that held.
    #[must_use]
    pub fn outcome(&self) -> Status {
        let seen = |status: &Status| self.count(*status) > 0;
        Status::ALL.into_iter().rev().find(seen).unwrap_or(Status::Vacuous)
    }
}

impl InvariantTally {
    /// How many seeds got an answer.
    #[must_use]
    pub fn count(&self, status: Status) -> u64 {
        self.counts[place(status)]
    }
}

fn place(status: Status) -> usize {
    match status {
        Status::Hold => 0,
        Status::Vacuous => 1,
        Status::Undecided => 2,
        Status::Violated => 3,
    }
}
