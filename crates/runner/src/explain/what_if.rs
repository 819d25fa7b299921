//! Runs with faults taken away, everything else as it was.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;

use stormglass_sim::plan::{Plan, Trigger};
use stormglass_types::Span;

use super::{FaultPart, WhatIf};
use crate::execute::{Recording, execute};
use crate::result::{METRIC, RunResult, Signature, Status};
use crate::scenario::{Scenario, fault_to_yaml};
use crate::subject::Subject;
use crate::sweep::pool::Pool;

/// More moves than this would take longer than they tell.
const MOST_MOVES: usize = 30;

/// Each fault of the plan, with what the run comes to without it.
pub(super) fn without_each(
    scenario: &Arc<Scenario>,
    seed: u64,
    signature: &Signature,
    jobs: NonZero<usize>,
) -> Vec<FaultPart> {
    let plan = scenario.plan(seed);
    let tasks = u64::try_from(plan.faults.len()).unwrap_or(u64::MAX);
    let work = |task: u64| {
        let mut plan = plan.clone();
        plan.faults.remove(usize::try_from(task).expect("no more tasks than faults"));
        what_if(scenario, plan, signature)
    };
    let mut parts = Vec::with_capacity(plan.faults.len());
    Pool { jobs: jobs.get(), tasks, deadline: None }.run(&work, &mut |without| {
        let text = fault_to_yaml(&plan, &plan.faults[parts.len()]);
        let text = text.trim_start_matches("{ ").trim_end_matches(" }").to_owned();
        parts.push(FaultPart { text, without, moved: Vec::new() });
        ControlFlow::Continue(())
    });
    parts
}

/// Tries other moments for the faults that are needed, and strike at one: earlier and later by a second, later by five.
pub(super) fn move_needed(
    scenario: &Arc<Scenario>,
    seed: u64,
    signature: &Signature,
    jobs: NonZero<usize>,
    faults: &mut [FaultPart],
) {
    let plan = scenario.plan(seed);
    let mut moves: Vec<(usize, String, Plan)> = Vec::new();
    for (place, (fault, part)) in plan.faults.iter().zip(&*faults).enumerate() {
        let Trigger::At(at) = fault.when else { continue };
        if part.without == WhatIf::Same || moves.len() >= MOST_MOVES {
            continue;
        }
        let second = Span::secs(1);
        let earlier = (at >= second).then(|| ("1s earlier", at - second));
        let later = [("1s later", at + second), ("5s later", at + Span::secs(5))];
        for (text, at) in earlier.into_iter().chain(later).filter(|(_, at)| *at < plan.phases.storm)
        {
            let mut plan = plan.clone();
            plan.faults[place].when = Trigger::At(at);
            moves.push((place, text.to_owned(), plan));
        }
    }
    let tasks = u64::try_from(moves.len()).unwrap_or(u64::MAX);
    let work = |task: u64| {
        let (_, _, plan) = &moves[usize::try_from(task).expect("no more tasks than moves")];
        what_if(scenario, plan.clone(), signature)
    };
    let mut outcomes = Vec::with_capacity(moves.len());
    Pool { jobs: jobs.get(), tasks, deadline: None }.run(&work, &mut |outcome| {
        outcomes.push(outcome);
        ControlFlow::Continue(())
    });
    for ((place, text, _), outcome) in moves.into_iter().zip(outcomes) {
        faults[place].moved.push((text, outcome));
    }
}

/// What the run comes to without any fault.
pub(super) fn without_all(scenario: &Arc<Scenario>, seed: u64, signature: &Signature) -> WhatIf {
    let plan = Plan { faults: Vec::new(), ..scenario.plan(seed) };
    what_if(scenario, plan, signature)
}

fn what_if(scenario: &Arc<Scenario>, plan: Plan, signature: &Signature) -> WhatIf {
    let seed = plan.seed;
    let subject = Subject { plan: Arc::new(move |_| plan.clone()), ..Subject::of(scenario) };
    match execute(&subject, seed, Recording::Off) {
        Ok(execution) => of(&execution.result, signature),
        Err(_) => WhatIf::Unknown,
    }
}

/// What a result says about a failure.
pub(super) fn of(result: &RunResult, signature: &Signature) -> WhatIf {
    let bound = result.bounds.iter().find(|it| it.is_broken() && it.signature() == *signature);
    if bound.is_some() {
        return WhatIf::Same;
    }
    let about_bound = signature.invariant == METRIC;
    let mut found = result.violations().map(crate::result::Judged::signature);
    let first = found.next();
    match first {
        Some(first) if first == *signature || found.any(|it| it == *signature) => WhatIf::Same,
        Some(first) => WhatIf::Other(first),
        None if about_bound && result.cut_off.is_none() => WhatIf::None,
        // Where nothing was exercised, nothing was shown to hold either.
        None if result.cut_off.is_some() || result.outcome != Status::Hold => WhatIf::Unknown,
        None => WhatIf::None,
    }
}
