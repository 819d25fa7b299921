//! From a failing run to the smallest scenario that fails in the same way: fewer faults, fewer processes, less time.
//!
//! Every candidate is a scenario's text, read and run like any other, so that what comes out is a file that a person could
//! have written. Knows nothing of how the protocol works: what matters is found out by leaving it out.

mod ddmin;
mod faults;
mod pipeline;
mod round;
mod search;
mod trunk;

#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

pub use self::ddmin::{Plain, plain};
use self::search::{Goal, Luck, Search, Seen};
use crate::execute::{Recording, execute};
use crate::explain::fact;
use crate::result::{METRIC, Panicked, RunResult, Signature};
use crate::saved::write_whole;
use crate::scenario::{Draft, Scenario, Tree};
use crate::subject::Subject;
use crate::words;

/// How to shrink.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkOptions {
    /// On how many threads.
    pub jobs: NonZero<usize>,
    /// Try nothing new after this long.
    pub time: Duration,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being tried.
    pub phase: &'static str,
    /// How many runs there were.
    pub runs: u64,
    /// How many faults are left.
    pub faults: usize,
    /// How much time has passed.
    pub spent: Duration,
}

/// How large a failure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Faults of the plan.
    pub faults: usize,
    /// Brokers, controllers, producers and members.
    pub processes: usize,
    /// Partitions of the user's topics.
    pub partitions: usize,
    /// How long it is in virtual time.
    pub virtual_ms: u64,
    /// How many events it has.
    pub events: u64,
}

/// A failure that was made smaller.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What kind of failure it is, before as after.
    pub signature: Signature,
    /// The scenario, with the one seed that it is run with.
    pub text: String,
    /// That seed.
    pub seed: u64,
    /// How large it was.
    pub before: Size,
    /// How large it is.
    pub after: Size,
    /// What broke, in a sentence.
    pub detail: String,
    /// Whether nothing was left to try: no fault can be taken away.
    pub minimal: bool,
    /// How many runs it took.
    pub runs: u64,
    /// How long it took.
    pub wall: Duration,
}

/// Why a failure was not made smaller.
#[derive(Debug)]
pub enum NotShrunk {
    /// It is no failure: nothing that is expected to hold or to break was violated.
    Holds(Box<RunResult>),
    /// It panicked.
    Panicked(Panicked),
    /// It fails otherwise when its faults are written down, or does not fail the same way twice: our own bug.
    Fickle,
}

/// Makes the failure of a seed smaller.
///
/// # Errors
/// If the seed does not fail, or not always in the same way.
pub fn shrink(
    scenario: &Arc<Scenario>,
    seed: u64,
    options: &ShrinkOptions,
    hear: &mut dyn FnMut(&Progress),
) -> Result<Shrunk, NotShrunk> {
    let began = Instant::now();
    let first =
        execute(&Subject::of(scenario), seed, Recording::Off).map_err(NotShrunk::Panicked)?;
    let result = first.result;
    let Some(goal) = Goal::of(scenario, &result) else {
        return Err(NotShrunk::Holds(Box::new(result)));
    };
    let before = Size::of(scenario, &result);
    let draft = goal.draft(scenario, seed);
    let mut search = Search::new(goal, draft, began, options, hear).ok_or(NotShrunk::Fickle)?;
    let minimal = all(&mut search);
    let signature = search.goal.signature.clone();
    let runs = search.runs;
    let (mut draft, seen) = search.into_best();
    let (_, _, detail) = twice(&draft.render(), seen.seed)?;
    let seen = Seen { detail: detail.unwrap_or(seen.detail), ..seen };
    draft.set(&["about"], about(scenario, seed, &signature, &seen).as_str().into());
    let text = draft.render();
    let (again, after, _) = twice(&text, seen.seed)?;
    if again.failure_like(&signature).is_none() {
        return Err(NotShrunk::Fickle);
    }
    Ok(Shrunk {
        signature,
        text,
        seed: seen.seed,
        before,
        after,
        detail: seen.detail,
        minimal,
        runs,
        wall: began.elapsed(),
    })
}

/// Everything there is to try, until nothing helps any more; false if the time was over first.
fn all(search: &mut Search<'_>) -> bool {
    search.phase = "faults";
    faults::settle_targets(search);
    faults::halve(search, Luck::OwnSeed);
    faults::merge(search);
    if search.best().faults().len() > MANY {
        // None can be left out, but for reasons of timing: another seed may need far fewer.
        faults::halve(search, Luck::Neighbours);
    }
    loop {
        let before = search.best().render();
        // Much of what comes is decided by how long a run is; so its length is cut down to size before, and again after.
        search.phase = "time";
        pipeline::storm(search);
        // Whether a bound is kept is a matter of load against capacity: with less of either it would be another story.
        if search.goal.bound.is_none() {
            search.phase = "operations";
            pipeline::operations(search);
            search.phase = "pipeline";
            pipeline::fewer(search);
        }
        search.phase = "faults";
        faults::one_by_one(search);
        if search.best().faults().len() > MANY {
            faults::halve(search, Luck::Neighbours);
        }
        faults::merge(search);
        faults::weaker(search);
        faults::simpler(search);
        search.phase = "settings";
        pipeline::settings(search);
        if search.out_of_time() {
            return false;
        }
        if search.best().render() == before {
            return true;
        }
    }
}

/// Runs the text twice; both must come to the same.
fn twice(text: &str, seed: u64) -> Result<(RunResult, Size, Option<String>), NotShrunk> {
    let scenario = Scenario::parse("shrunk.yaml", text).map_err(|_| NotShrunk::Fickle)?;
    let scenario = Arc::new(scenario);
    let subject = Subject::of(&scenario);
    let once = || execute(&subject, seed, Recording::Off).map_err(NotShrunk::Panicked);
    let (first, second) = (once()?, once()?.result);
    let detail = fact(&first);
    let first = first.result;
    if first.digest != second.digest {
        return Err(NotShrunk::Fickle);
    }
    let size = Size::of(&scenario, &first);
    Ok((first, size, detail))
}

fn about(scenario: &Scenario, seed: u64, signature: &Signature, seen: &Seen) -> String {
    let name = crate::subject::report_name(scenario.name());
    let Signature { invariant, kind } = signature;
    if *invariant == METRIC {
        return format!("{}.\nShrunk from {name}, seed {seed}.", seen.detail);
    }
    let permitted = match &seen.permitted {
        Some(why) => format!("The configuration permits this: {why}."),
        None => "The configuration promises otherwise.".to_owned(),
    };
    format!(
        "`{invariant}` is broken by {kind}: {}.\n{permitted}\nShrunk from {name}, seed {seed}.",
        seen.detail
    )
}

impl Size {
    fn of(scenario: &Scenario, result: &RunResult) -> Self {
        let plan = scenario.plan(result.seed);
        Self {
            faults: plan.faults.len(),
            // All but the operator.
            processes: plan.roster().len() - 1,
            partitions: plan.topics.iter().map(|topic| usize::from(topic.partitions)).sum(),
            virtual_ms: result.virtual_ms,
            events: result.events,
        }
    }
}

impl Shrunk {
    /// Writes the scenario to a file and tells which. A file that is there and says something else stays; the next free
    /// number is taken instead.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, wanted: &Path) -> io::Result<PathBuf> {
        let name = wanted.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let stem = name.strip_suffix(".shrunk.yaml").or_else(|| name.strip_suffix(".yaml"));
        let (stem, extension) = match stem {
            Some(stem) => (stem, &name[stem.len()..]),
            None => (&*name, ""),
        };
        for number in 1..=MOST_NUMBERED {
            let path = match number {
                1 => wanted.to_owned(),
                _ => wanted.with_file_name(format!("{stem}-{number}{extension}")),
            };
            match fs::read(&path) {
                Ok(there) if there == self.text.as_bytes() => return Ok(path),
                Ok(_) => {}
                Err(why) if why.kind() == io::ErrorKind::NotFound => {
                    write_whole(&path, self.text.as_bytes())?;
                    return Ok(path);
                }
                Err(why) => return Err(why),
            }
        }
        Err(io::Error::other(format!("there are too many files like {}", wanted.display())))
    }
}

/// More faults than this at once are more than anyone can follow.
const MANY: usize = 8;

/// How many files of one name there may be.
const MOST_NUMBERED: u32 = 1_000;

/// Before and after, what broke, and what it took.
impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signature, before, after, runs, wall, .. } = self;
        writeln!(f, "{signature}: {}", self.detail)?;
        writeln!(f)?;
        writeln!(f, "  {:<14}{:>12}{:>12}", "", "before", "after")?;
        let number = |number: usize| words::count(u64::try_from(number).unwrap_or(u64::MAX));
        let rows = [
            ("faults", number(before.faults), number(after.faults)),
            ("processes", number(before.processes), number(after.processes)),
            ("partitions", number(before.partitions), number(after.partitions)),
            ("virtual time", words::clock(before.virtual_ms), words::clock(after.virtual_ms)),
            ("events", words::count(before.events), words::count(after.events)),
        ];
        for (what, before, after) in rows {
            writeln!(f, "  {what:<14}{before:>12}{after:>12}")?;
        }
        writeln!(f)?;
        let end = if self.minimal {
            "nothing more can be left out"
        } else {
            "the time was over; more may be possible with a longer `--time`"
        };
        let seconds = format!("{}.{}s", wall.as_secs(), wall.subsec_millis() / 100);
        writeln!(f, "{} runs in {seconds}; {end}", words::count(*runs))
    }
}

impl fmt::Display for NotShrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(result) => write!(
                f,
                "`{}` with seed {} is no failure: it came out as `{}`",
                result.scenario, result.seed, result.outcome
            ),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Fickle => f.write_str(
                "internal error: the failure does not come back when it is run again from its own text; \
                 this is a bug of stormglass",
            ),
        }
    }
}

impl std::error::Error for NotShrunk {}

impl Goal {
    /// The failure of a run, to be kept; none if there is none.
    fn of(scenario: &Scenario, result: &RunResult) -> Option<Self> {
        let failing = result.failure_of(scenario.expect())?;
        let bounds = result.bounds.iter().filter(|bound| bound.is_broken());
        let bound = bounds.into_iter().find(|bound| bound.signature() == failing.signature);
        let expect = scenario.expect();
        let rules = || expect.exceed.iter().chain(&expect.metrics);
        let rule = bound.and_then(|bound| rules().find(|rule| rule.text == bound.text));
        Some(Self {
            clearly: rule.filter(|rule| search::clearly(rule, result)).cloned(),
            bound: bound.map(|bound| bound.text.clone()),
            signature: failing.signature,
            permitted: failing.permitted,
            most_events: result.events.saturating_mul(3).saturating_add(100_000),
        })
    }

    /// A scenario with the seed's faults written down that expects this failure and nothing else.
    fn draft(&self, scenario: &Scenario, seed: u64) -> Draft {
        let mut draft = scenario.draft(seed);
        let (key, value) = match &self.bound {
            Some(bound) => ("exceed", bound.as_str()),
            None => ("violate", self.signature.invariant),
        };
        let expected = Tree::List(vec![value.into()]);
        draft.set(&["expect"], Tree::Map(vec![(key.to_owned(), expected)]));
        draft
    }
}

/// Drafts made from another by one change each.
fn each<T>(
    draft: &Draft,
    changes: impl IntoIterator<Item = T>,
    change: impl Fn(&mut Draft, T),
) -> Vec<Draft> {
    let changed = changes.into_iter().map(|it| {
        let mut draft = draft.clone();
        change(&mut draft, it);
        draft
    });
    changed.collect()
}
