//! Plain delta debugging of a seed's list of faults (Zeller and Hildebrandt, 2002), and nothing else: what shrinking is
//! measured against.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::search::{Goal, Luck, Search};
use super::{NotShrunk, Progress, ShrinkOptions, Size, twice};
use crate::execute::{Recording, execute};
use crate::scenario::{Draft, Scenario};
use crate::subject::Subject;

/// What plain delta debugging leaves.
#[derive(Clone, Debug)]
pub struct Plain {
    /// How large the failure was.
    pub before: Size,
    /// How large it is.
    pub after: Size,
    /// How many runs it took.
    pub runs: u64,
    /// How long it took.
    pub wall: Duration,
    /// Whether it came to its end.
    pub minimal: bool,
}

/// Delta debugging over the faults that a seed draws, each left as it is.
///
/// # Errors
/// If the seed does not fail, or not always in the same way.
pub fn plain(
    scenario: &Arc<Scenario>,
    seed: u64,
    options: &ShrinkOptions,
    hear: &mut dyn FnMut(&Progress),
) -> Result<Plain, NotShrunk> {
    let began = Instant::now();
    let first =
        execute(&Subject::of(scenario), seed, Recording::Off).map_err(NotShrunk::Panicked)?;
    let Some(goal) = Goal::of(scenario, &first.result) else {
        return Err(NotShrunk::Holds(Box::new(first.result)));
    };
    let before = Size::of(scenario, &first.result);
    let draft = goal.draft(scenario, seed);
    let mut search = Search::new(goal, draft, began, options, hear).ok_or(NotShrunk::Fickle)?;
    search.phase = "ddmin";
    ddmin(&mut search);
    let (minimal, runs) = (!search.out_of_time(), search.runs);
    let (draft, seen) = search.into_best();
    let (_, after, _) = twice(&draft.render(), seen.seed)?;
    Ok(Plain { before, after, runs, wall: began.elapsed(), minimal })
}

/// Subsets, then complements, then finer parts.
fn ddmin(search: &mut Search<'_>) {
    let mut parts = 2;
    loop {
        let faults = search.best().faults().to_vec();
        let count = faults.len();
        if count == 0 || search.out_of_time() {
            return;
        }
        parts = parts.min(count);
        let bounds: Vec<(usize, usize)> =
            (0..parts).map(|part| (part * count / parts, (part + 1) * count / parts)).collect();
        let with = |faults: Vec<_>| {
            let mut draft: Draft = search.best().clone();
            draft.set_faults(faults);
            draft
        };
        let subsets = bounds.iter().map(|(from, to)| with(faults[*from..*to].to_vec()));
        let complements =
            bounds.iter().map(|(from, to)| with([&faults[..*from], &faults[*to..]].concat()));
        let candidates: Vec<Draft> = subsets.chain(complements).collect();
        match search.take_first(candidates, Luck::OwnSeed) {
            Some(place) if place < parts => parts = 2,
            Some(_) => parts = (parts - 1).max(2),
            None if parts == count => return,
            None => parts *= 2,
        }
    }
}
