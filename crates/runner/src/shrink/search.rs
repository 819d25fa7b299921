//! Runs candidates on all cores and keeps the best that still fails in the same way.
//!
//! Candidates are tried in order and the first that fails is taken, so that the outcome does not depend on scheduling.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::trunk::Trunk;
use super::{Progress, ShrinkOptions};
use crate::execute::{Recording, execute};
use crate::names::Names;
use crate::result::{Failing, RunResult, Signature};
use crate::scenario::{Draft, MetricRule, Scenario};
use crate::subject::Subject;
use crate::sweep::pool::Pool;

/// What must stay the same.
pub(super) struct Goal {
    pub(super) signature: Signature,
    /// The bound that is broken, if it is one.
    pub(super) bound: Option<String>,
    /// How it must stay broken: clearly, where it was.
    pub(super) clearly: Option<MetricRule>,
    /// Why the configuration permits it; none if it breaks a promise.
    pub(super) permitted: Option<String>,
    /// A candidate with more events is no improvement.
    pub(super) most_events: u64,
}

/// What a failing candidate looked like.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) seed: u64,
    pub(super) detail: String,
    pub(super) permitted: Option<String>,
    /// Whom each fault of the plan struck; none if it never did or struck nobody in particular.
    pub(super) struck: Vec<Struck>,
}

/// What became of a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Struck {
    /// It never happened.
    Never,
    /// It happened, to nobody in particular.
    Nobody,
    /// It struck a process.
    Process(String),
}

/// How hard to try a candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Luck {
    /// With the seed as it is.
    OwnSeed,
    /// With a few others as well, where it is likely that only timings shift.
    Neighbours,
}

/// How many seeds beside its own a candidate gets.
const NEIGHBOURS: u64 = 3;

pub(super) struct Search<'a> {
    pub(super) goal: Goal,
    pub(super) phase: &'static str,
    pub(super) runs: u64,
    best: Draft,
    seen: Seen,
    /// What was tried in vain.
    failed: BTreeSet<String>,
    jobs: NonZero<usize>,
    began: Instant,
    deadline: Instant,
    hear: &'a mut dyn FnMut(&Progress),
}

impl<'a> Search<'a> {
    /// A search that begins with a draft; none if that does not fail as it should.
    pub(super) fn new(
        goal: Goal,
        draft: Draft,
        began: Instant,
        options: &ShrinkOptions,
        hear: &'a mut dyn FnMut(&Progress),
    ) -> Option<Self> {
        let seed = own_seed(&draft)?;
        let seen = goal.met_by(&draft, seed)?;
        let deadline = began + options.time;
        let (phase, jobs, failed) = ("", options.jobs, BTreeSet::new());
        Some(Self { goal, phase, runs: 1, best: draft, seen, failed, jobs, began, deadline, hear })
    }

    /// The smallest draft so far.
    pub(super) fn best(&self) -> &Draft {
        &self.best
    }

    /// What its run looked like.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(super) fn into_best(self) -> (Draft, Seen) {
        (self.best, self.seen)
    }

    pub(super) fn out_of_time(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Takes the first of some candidates that fails as it should; tells its place.
    pub(super) fn take_first(&mut self, candidates: Vec<Draft>, luck: Luck) -> Option<usize> {
        let seeds = match luck {
            Luck::OwnSeed => 1,
            Luck::Neighbours => 1 + NEIGHBOURS,
        };
        let mut tasks: Vec<(usize, u64, String, Draft)> = Vec::new();
        let changed = |(_, draft): &(usize, Draft)| *draft != self.best;
        for (place, draft) in candidates.into_iter().enumerate().filter(changed) {
            for further in 0..seeds {
                let seed = self.seen.seed.wrapping_add(further);
                let mut draft = draft.clone();
                draft.set_seed(seed);
                let text = draft.render();
                if !self.failed.contains(&text) {
                    tasks.push((place, seed, text, draft));
                }
            }
        }
        let found = self.run(&tasks);
        let (nth, seen) = found?;
        let (place, _, _, draft) = tasks.swap_remove(nth);
        (self.best, self.seen) = (draft, seen);
        Some(place)
    }

    /// Whether the best draft fails without some of its faults, as far as forks of its run can tell: a set of faults that
    /// is hopeless costs only what comes after the first of them struck.
    pub(super) fn promising(&mut self, removals: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
        // One run is needed to have something to fork.
        if removals.len() < 3 || self.out_of_time() {
            return removals;
        }
        let Some(trunk) = Trunk::grow(&self.goal, &self.best, self.seen.seed) else {
            return removals;
        };
        let count = u64::try_from(removals.len()).unwrap_or(u64::MAX);
        let pool = Pool { jobs: self.jobs.get(), tasks: count, deadline: Some(self.deadline) };
        let goal = &self.goal;
        let work = |task: u64| {
            let removal = removals.get(usize::try_from(task).unwrap_or(usize::MAX));
            removal.is_none_or(|removal| trunk.fails_without(goal, removal))
        };
        let mut fails = Vec::new();
        let faults = self.best.faults().len();
        pool.run(&work, &mut |promising| {
            self.runs += 1;
            let spent = self.began.elapsed();
            (self.hear)(&Progress { phase: self.phase, runs: self.runs, faults, spent });
            fails.push(promising);
            ControlFlow::Continue(())
        });
        // What was not tried for lack of time is not hopeless.
        let fails = fails.into_iter().chain(std::iter::repeat(true));
        removals.into_iter().zip(fails).filter(|(_, fails)| *fails).map(|(it, _)| it).collect()
    }

    fn run(&mut self, tasks: &[(usize, u64, String, Draft)]) -> Option<(usize, Seen)> {
        let count = u64::try_from(tasks.len()).ok()?;
        let pool = Pool { jobs: self.jobs.get(), tasks: count, deadline: Some(self.deadline) };
        let goal = &self.goal;
        let work = |task: u64| {
            let (_, seed, _, draft) = tasks.get(usize::try_from(task).ok()?)?;
            goal.met_by(draft, *seed)
        };
        let mut found = None;
        let mut nth = 0;
        let faults = self.best.faults().len();
        pool.run(&work, &mut |seen| {
            self.runs += 1;
            (self.hear)(&Progress {
                phase: self.phase,
                runs: self.runs,
                faults,
                spent: self.began.elapsed(),
            });
            if let Some(seen) = seen {
                found = Some((nth, seen));
                return ControlFlow::Break(());
            }
            self.failed.insert(tasks[nth].2.clone());
            nth += 1;
            ControlFlow::Continue(())
        });
        found
    }
}

impl Goal {
    /// Runs a draft with a seed; what it looked like if it fails as it should.
    fn met_by(&self, draft: &Draft, seed: u64) -> Option<Seen> {
        let scenario = Arc::new(Scenario::parse("candidate.yaml", &draft.render()).ok()?);
        let (plans, most) = (Arc::clone(&scenario), self.most_events);
        let plan = move |seed| {
            let mut plan = plans.plan(seed);
            plan.phases.max_events = plan.phases.max_events.min(most);
            plan
        };
        let subject = Subject { plan: Arc::new(plan), ..Subject::of(&scenario) };
        let execution = execute(&subject, seed, Recording::Off).ok()?;
        let broken = self.shown_by(&execution.result)?;
        let world = &execution.world;
        let names = Names::new(world.history());
        let mut struck = vec![Struck::Never; world.plan().faults.len()];
        for story in world.fault_stories() {
            let place = usize::try_from(story.fault).ok()?;
            *struck.get_mut(place)? = match story.node {
                Some(node) => Struck::Process(names.process(node)),
                None => Struck::Nobody,
            };
        }
        Some(Seen { seed, detail: broken.detail, permitted: broken.permitted, struck })
    }

    /// The failure, if a run shows it and none of another kind before it.
    pub(super) fn shown_by(&self, result: &RunResult) -> Option<Failing> {
        let broken = result.failure_like(&self.signature)?;
        let same = broken.permitted == self.permitted && result.cut_off.is_none();
        let clear = self.clearly.as_ref().is_none_or(|rule| clearly(rule, result));
        (same && clear).then_some(broken)
    }
}

/// Whether a run breaks a bound by more than a hair's breadth.
pub(super) fn clearly(rule: &MetricRule, result: &RunResult) -> bool {
    let bound = result.bounds.iter().find(|bound| bound.text == rule.text);
    bound.and_then(|bound| bound.measured).is_some_and(|measured| rule.clearly_broken(measured))
}

/// The one seed that a draft is run with.
fn own_seed(draft: &Draft) -> Option<u64> {
    draft.text(&["run", "seeds"])?.split_once("..")?.0.parse().ok()
}
