//! A hunt over many seeds on all cores.
//!
//! Threads take whole seeds; results are handed on in the order of seeds, whatever the scheduling was, and only summaries
//! are kept, so that memory does not grow with the number of seeds.

mod clues;
mod difference;
mod journal;
mod note;
pub(crate) mod pool;
mod seeds;
pub(crate) mod states;
mod tally;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use self::clues::Clue;
pub use self::difference::Difference;
pub(crate) use self::difference::between;
pub use self::journal::{BadJournal, Journal};
pub use self::note::SeedNote;
use self::pool::Pool;
pub use self::seeds::{BadSeeds, BadShard, Seeds, Shard};
pub use self::tally::{FailureGroup, Tally};
use crate::execute::{Recording, execute, run_again};
use crate::result::{Mismatch, Panicked, RunResult};
use crate::subject::Subject;

/// How to hunt.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Which seeds.
    pub seeds: Seeds,
    /// On how many threads.
    pub jobs: NonZero<usize>,
    /// Which share of the seeds.
    pub shard: Option<Shard>,
    /// Stop after so many failing seeds.
    pub max_failures: Option<u64>,
    /// Begin no seed after this long.
    pub time: Option<Duration>,
    /// Stop after so many seeds in a row that showed no new mark, situation or kind of failure.
    pub plateau: Option<u64>,
    /// Seeds that were run before and are not run again.
    pub known: BTreeMap<u64, SeedNote>,
}

/// What one seed came to.
#[derive(Debug)]
pub enum Seed {
    /// It ran to its end; where its determinism was checked, the second run agreed.
    Ran(Box<RunResult>),
    /// Its second run differed from its first.
    Differed(Box<RunResult>, Mismatch),
    /// It panicked.
    Panicked(Panicked),
    /// It was run before.
    Known(Box<SeedNote>),
}

/// Why a sweep ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// All seeds were run.
    Done,
    /// There were as many failures as were asked for.
    EnoughFailures,
    /// The time was over.
    OutOfTime,
    /// For as many seeds as were asked for, nothing new was seen.
    Plateau,
    /// Whoever listened had heard enough.
    Told,
}

/// What a sweep came to.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The scenario's name.
    pub scenario: String,
    /// What its seeds came to.
    pub tally: Tally,
    /// How many seeds there would have been.
    pub planned: u64,
    /// Why it ended.
    pub ended: Ended,
    /// On how many threads.
    pub jobs: usize,
    /// How long it took.
    pub wall: Duration,
}

/// Every so many seeds, beginning with the first, a seed is run twice to see that nothing but the plan decides a run.
pub const CHECKED_EVERY: u64 = 20;

impl SweepOptions {
    /// All of some seeds, on all cores.
    #[must_use]
    pub fn new(seeds: Seeds) -> Self {
        Self {
            seeds,
            jobs: all_cores(),
            shard: None,
            max_failures: None,
            time: None,
            plateau: None,
            known: BTreeMap::new(),
        }
    }
}

/// As many threads as the machine runs at once.
#[must_use]
pub fn all_cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// Runs seeds and hands each result to `hear`, in the order of seeds, until it breaks off.
pub fn sweep(
    subject: &Subject,
    options: &SweepOptions,
    hear: &mut dyn FnMut(&Seed, &Tally) -> ControlFlow<()>,
) -> Sweep {
    let began = Instant::now();
    let deadline = options.time.map(|time| began + time);
    let seeds = options.shard.map_or(options.seeds, |shard| shard.of(options.seeds));
    let jobs = usize::try_from(seeds.count())
        .map_or(options.jobs.get(), |most| options.jobs.get().min(most.max(1)));
    let known = without_examples(options, seeds);
    let mut tally = Tally::default();
    let mut ended = Ended::Done;
    let mut heard = 0_u64;
    let pool = Pool { jobs, tasks: seeds.count(), deadline };
    pool.run(&|task| one(subject, seeds.at(task), task, &known), &mut |seed| {
        tally.add(&seed);
        tally.twice += u64::from(heard.is_multiple_of(CHECKED_EVERY) && ran(&seed));
        heard += 1;
        if hear(&seed, &tally).is_break() {
            ended = Ended::Told;
            return ControlFlow::Break(());
        }
        if options.max_failures.is_some_and(|most| tally.failures() >= most) {
            ended = Ended::EnoughFailures;
            return ControlFlow::Break(());
        }
        if options.plateau.is_some_and(|most| tally.quiet() >= most) {
            ended = Ended::Plateau;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    if ended == Ended::Done && tally.seeds() < seeds.count() {
        ended = Ended::OutOfTime;
    }
    Sweep {
        scenario: subject.name.clone(),
        tally,
        planned: seeds.count(),
        ended,
        jobs,
        wall: began.elapsed(),
    }
}

/// The known seeds but for the first of each kind of failure: a sweep shows an example of each in full.
fn without_examples(options: &SweepOptions, seeds: Seeds) -> BTreeMap<u64, SeedNote> {
    let mut known = options.known.clone();
    let mut kinds = BTreeSet::new();
    if known.is_empty() {
        return known;
    }
    for seed in (0..seeds.count()).map(|place| seeds.at(place)) {
        let failure = known.get(&seed).and_then(|note| note.failure.clone());
        if failure.is_some_and(|failure| kinds.insert(failure)) {
            known.remove(&seed);
        }
    }
    known
}

const fn ran(seed: &Seed) -> bool {
    matches!(seed, Seed::Ran(_) | Seed::Differed(..))
}

fn one(subject: &Subject, seed: u64, task: u64, known: &BTreeMap<u64, SeedNote>) -> Seed {
    if let Some(note) = known.get(&seed) {
        return Seed::Known(Box::new(note.clone()));
    }
    let result = match execute(subject, seed, Recording::Off) {
        Ok(execution) => execution.result,
        Err(panicked) => return Seed::Panicked(panicked),
    };
    if !task.is_multiple_of(CHECKED_EVERY) {
        return Seed::Ran(Box::new(result));
    }
    match run_again(subject, &result) {
        Ok(None) => Seed::Ran(Box::new(result)),
        Ok(Some(mismatch)) => Seed::Differed(Box::new(result), mismatch),
        Err(panicked) => Seed::Panicked(panicked),
    }
}
