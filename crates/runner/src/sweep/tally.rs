//! What many seeds came to, in a space that does not depend on how many they were.

use std::collections::BTreeMap;

use stormglass_kafka::{Mark, Marks};

use super::note::SeedNote;
use super::{Clue, Seed, clues};
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
    /// In how many seeds each situation came up.
    states: BTreeMap<u64, u64>,
    /// In how many seeds each kind of fault and each mark came up.
    features: BTreeMap<String, u64>,
    /// Seeds since the last one that showed something new.
    quiet: u64,
    /// Virtual milliseconds of all seeds.
    pub virtual_ms: u64,
    /// Events of all seeds.
    pub events: u64,
    /// How many seeds were run twice to see that they come to the same.
    pub twice: u64,
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
    features: BTreeMap<String, u64>,
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
            Seed::Known(note) => self.add_note(note, None),
            Seed::Panicked(panicked) => {
                self.quiet = 0;
                self.panics += 1;
                if self.panicked.len() < NAMED {
                    self.panicked.push(panicked.clone());
                }
            }
        }
    }

    fn add_run(&mut self, result: &RunResult) {
        self.add_note(&SeedNote::of(result), Some(result));
    }

    /// Takes a run in short in; the result in full is kept of the first failure of each kind.
    fn add_note(&mut self, note: &SeedNote, result: Option<&RunResult>) {
        self.counts[place(note.outcome)] += 1;
        self.virtual_ms += note.virtual_ms;
        self.events += note.events;
        if self.invariants.is_empty() {
            self.invariants.extend(note.verdicts.iter().map(|(invariant, asked, _)| {
                InvariantTally { invariant, asked: *asked, counts: [0; 4] }
            }));
        }
        for (tally, (_, _, status)) in self.invariants.iter_mut().zip(&note.verdicts) {
            tally.counts[place(*status)] += 1;
        }
        let mut fresh = note.marks.iter().any(|mark| !self.marks.contains(mark));
        self.marks.extend(note.marks);
        for state in &note.states {
            let seeds = self.states.entry(*state).or_default();
            fresh |= *seeds == 0;
            *seeds += 1;
        }
        for feature in note.features() {
            *self.features.entry(feature).or_default() += 1;
        }
        if let Some(signature) = &note.failure {
            fresh |= self.add_failure(signature, note, result);
        }
        self.quiet = if fresh { 0 } else { self.quiet + 1 };
    }

    /// Whether it is a new kind of failure.
    fn add_failure(
        &mut self,
        signature: &Signature,
        note: &SeedNote,
        result: Option<&RunResult>,
    ) -> bool {
        let new = !self.groups.contains_key(signature);
        if let (true, Some(first)) = (new, result) {
            let first = Box::new(first.clone());
            let group =
                FailureGroup { count: 0, seeds: Vec::new(), first, features: BTreeMap::new() };
            self.groups.insert(signature.clone(), group);
        }
        let Some(group) = self.groups.get_mut(signature) else { return new };
        group.count += 1;
        if group.seeds.len() < NAMED {
            group.seeds.push(note.seed);
        }
        for feature in note.features() {
            *group.features.entry(feature).or_default() += 1;
        }
        new
    }

    /// How many seeds in a row showed no new mark, situation or kind of failure.
    #[must_use]
    pub const fn quiet(&self) -> u64 {
        self.quiet
    }

    /// How many situations came up, and how many of them in one seed only: those over the number of seeds is about how many
    /// new ones a further seed brings (Good and Turing).
    #[must_use]
    pub fn states(&self) -> (usize, usize) {
        let single = self.states.values().filter(|seeds| **seeds == 1).count();
        (self.states.len(), single)
    }

    /// What the seeds of a kind of failure have more often than others.
    #[must_use]
    pub fn clues(&self, signature: &Signature) -> Vec<Clue> {
        let Some(group) = self.groups.get(signature) else { return Vec::new() };
        let all = self.counts.iter().sum();
        clues::find(&self.features, all, &group.features, group.count)
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
