//! A saved failure, run again: from its seed, or from the tape of its choices.
//!
//! Loads and prints nothing. A run that differs from the one that was saved is no error: the program may have changed since,
//! and then it matters where the two part and whether the failure is still there.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::json;
use stormglass_check::judge;
use stormglass_sim::plan::Plan;
use stormglass_sim::{Parting, Step, Tape, World};
use stormglass_types::Time;
use stormglass_types::history::What;

use crate::execute::{Execution, Recording, execute_in};
use crate::export::trace_line;
use crate::names::Names;
use crate::result::{Panicked, RunResult, Signature};
use crate::saved::{BadSaved, SavedFailure};
use crate::scenario::Scenario;
use crate::subject::Subject;
use crate::sweep::Seeds;
use crate::sweep::pool::Pool;
use crate::words;

#[cfg(test)]
mod tests;

/// Where the choices of a replay come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The plan's seed.
    Seed,
    /// The tape; where that ends, the plan's seed goes on.
    Tape,
}

/// A saved failure, ready to be run.
#[derive(Clone)]
pub struct Replay {
    subject: Subject,
    plan: Plan,
    digest: String,
    signature: String,
    tape: Option<Arc<Tape>>,
    repro: String,
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The run.
    pub result: RunResult,
    /// Whether it is the run that was saved, to the last event.
    pub same: bool,
    /// If it is not: where it parts from that.
    pub parted: Option<Parted>,
    /// Whether it fails in the way that was saved.
    pub fails: bool,
    /// Whether running it twice gives twice the same.
    pub steady: bool,
}

/// Where a replay parts from the run that was saved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parted {
    /// The first event that is not as it was, counted from one.
    pub event: u64,
    /// When.
    pub at: Time,
    /// What happens there now, in words; nothing if the run is over by then.
    pub now: Vec<String>,
}

/// How a run went on after its tape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Continued {
    /// With which seed it went on.
    pub seed: u64,
    /// What it broke; none if nothing.
    pub signature: Option<Signature>,
}

/// A tape is as short as it may be: this many other continuations must fail in the same way.
const CONTINUATIONS: u64 = 2;

impl Replay {
    /// A saved failure.
    ///
    /// # Errors
    /// If its plan cannot be read.
    pub fn of(saved: &SavedFailure, repro: String) -> Result<Self, BadSaved> {
        let scenario = Arc::new(saved.scenario()?);
        let plan = scenario.plan(saved.seed);
        let subject = Subject { name: saved.scenario.clone(), ..Subject::of(&scenario) };
        let tape = match &saved.tape {
            Some(_) => Some(Arc::new(saved.tape()?)),
            None => None,
        };
        let (digest, signature) = (saved.digest.clone(), saved.signature.clone());
        Ok(Self { subject, plan, digest, signature, tape, repro })
    }

    /// The tape, if there is one.
    #[must_use]
    pub fn tape(&self) -> Option<&Tape> {
        self.tape.as_deref()
    }

    /// Runs it again.
    ///
    /// # Errors
    /// If a machine, the world or an oracle panicked.
    pub fn run(&self, source: Source) -> Result<Replayed, Panicked> {
        let first = self.execute(source)?;
        let result = RunResult { repro: self.repro.clone(), ..first.result };
        let same = result.digest.to_string() == self.digest;
        let steady = same || self.execute(source)?.result.digest == result.digest;
        let parting = if same { None } else { first.world.parting() };
        let parted = parting.map(|parting| self.parted(source, parting));
        let fails = result.failure().is_some_and(|it| it.to_string() == self.signature);
        Ok(Replayed { result, same, parted, fails, steady })
    }

    /// Runs it up to the end of its tape, and from there on with other chance, once per seed.
    pub fn go_on(&self, seeds: Seeds, jobs: usize, hear: &mut dyn FnMut(&Continued)) {
        let mut world = self.world(Source::Tape);
        let end = self.tape.as_ref().map_or(0, |tape| tape.events());
        while world.events() < end && world.step() == Step::Ran {}
        let work = |task: u64| {
            let seed = seeds.at(task);
            let signature = continued(&self.subject, &world, seed);
            Continued { seed, signature }
        };
        Pool { jobs, tasks: seeds.count(), deadline: None }.run(&work, &mut |continued| {
            hear(&continued);
            ControlFlow::Continue(())
        });
    }

    fn execute(&self, source: Source) -> Result<Execution, Panicked> {
        execute_in(&self.subject, self.plan.seed, Recording::Off, || self.world(source))
    }

    fn world(&self, source: Source) -> World {
        match (source, &self.tape) {
            (_, None) => World::new(&self.plan),
            (Source::Tape, Some(tape)) => World::reading(&self.plan, Arc::clone(tape)),
            // Only what happened is compared; nothing is read.
            (Source::Seed, Some(tape)) => {
                let tape = Tape { reels: Vec::new(), prints: Arc::clone(&tape.prints) };
                World::reading(&self.plan, Arc::new(tape))
            }
        }
    }

    fn parted(&self, source: Source, parting: Parting) -> Parted {
        let mut world = self.world(source);
        while world.events() + 1 < parting.event && world.step() == Step::Ran {}
        world.record_trace();
        world.step();
        let names = Names::new(world.history());
        let records = world.trace().into_iter().flat_map(|trace| trace.iter());
        let now = records.map(|record| trace_line(&world, &names, record)).collect();
        Parted { event: parting.event, at: parting.at, now }
    }
}

impl SavedFailure {
    /// Saves what is needed to run a failure again: runs it once more and writes its choices on a tape, which ends where what
    /// follows makes no difference any more.
    #[must_use]
    pub fn taped(result: &RunResult, signature: &Signature, scenario: &Arc<Scenario>) -> Self {
        let subject = Subject::of(scenario);
        let tape = tape(&subject, &scenario.plan(result.seed), signature);
        Self::new(result, signature, scenario, Some(&tape))
    }
}

/// The shortest of a few tapes after which the run fails in the same way whatever the rest of its chance.
fn tape(subject: &Subject, plan: &Plan, signature: &Signature) -> Tape {
    let mut whole = World::writing(plan);
    whole.run();
    let mut times = ends(&whole, signature);
    times.sort_unstable();
    times.dedup();
    let mut world = World::writing(plan);
    for time in times {
        while world.now() < time && world.step() == Step::Ran {}
        let seeds = (1..=CONTINUATIONS).map(|nth| plan.seed.wrapping_add(nth));
        let mut others = seeds.map(|seed| continued(subject, &world, seed));
        if others.all(|other| other.as_ref() == Some(signature)) {
            return world.tape().expect("it writes");
        }
    }
    whole.tape().expect("it writes")
}

/// Where a tape may end: after the last event that shows the anomaly, when the faults are over, and between the two.
fn ends(world: &World, signature: &Signature) -> Vec<Time> {
    let history = world.history();
    let judgement = judge(history);
    let verdict = judgement.verdicts.iter().find(|(name, _)| *name == signature.invariant);
    let anomaly = verdict.and_then(|(_, verdict)| verdict.anomalies()?.first());
    let healed = history.events.iter().find(|event| event.what == What::Healed);
    let Some(healed) = healed.map(|event| event.at) else { return Vec::new() };
    let shown = anomaly.into_iter().flat_map(|anomaly| &anomaly.witness);
    let shown = shown.filter_map(|place| history.events.get(*place)).map(|event| event.at);
    let Some(last) = shown.filter(|at| *at < healed).max() else { return vec![healed] };
    vec![last, Time(last.0 + (healed.0 - last.0) / 2), healed]
}

/// That it differs, where, and whether the failure is still there.
impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stale: this program does not run the plan as the one that saved it did")?;
        match &self.parted {
            Some(parted) => {
                let (event, at) = (words::count(parted.event), parted.at);
                writeln!(f, "they part at event {event}, {at}; there, now:")?;
                for line in &parted.now {
                    writeln!(f, "  {line}")?;
                }
                if parted.now.is_empty() {
                    writeln!(f, "  nothing that a trace would show")?;
                }
            }
            None => writeln!(f, "they do not part before the tape ends")?,
        }
        let outcome = self.result.outcome;
        match (self.fails, self.result.failure()) {
            (true, _) => writeln!(f, "the failure is still there"),
            (false, Some(other)) => writeln!(f, "the failure is gone, but there is {other}"),
            (false, None) => writeln!(f, "the failure is gone: the run came out as `{outcome}`"),
        }
    }
}

impl Continued {
    /// As a line for people.
    #[must_use]
    pub fn human(&self) -> String {
        match &self.signature {
            Some(signature) => format!("then seed {}: {signature}\n", self.seed),
            None => format!("then seed {}: no failure\n", self.seed),
        }
    }

    /// As a line of JSON.
    #[must_use]
    pub fn json(&self, of: &SavedFailure) -> String {
        let signature = self.signature.as_ref().map(ToString::to_string);
        let (scenario, seed, then) = (&of.scenario, of.seed, self.seed);
        let line =
            json!({ "scenario": scenario, "seed": seed, "then": then, "signature": signature });
        format!("{line}\n")
    }
}

/// What a run comes to that goes on with other chance.
fn continued(subject: &Subject, world: &World, seed: u64) -> Option<Signature> {
    let begin = || {
        let mut world = world.clone();
        world.reseed(seed);
        world
    };
    execute_in(subject, seed, Recording::Off, begin).ok()?.result.failure()
}
