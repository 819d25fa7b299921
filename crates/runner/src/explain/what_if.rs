//! Runs with faults taken away, everything else as it was.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;

use stormglass_sim::plan::Plan;

use super::{FaultPart, WhatIf};
use crate::execute::{Recording, execute};
use crate::result::{RunResult, Signature, Status};
use crate::scenario::{Scenario, fault_to_yaml};
use crate::subject::Subject;
use crate::sweep::pool::Pool;

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
        parts.push(FaultPart { text, without });
        ControlFlow::Continue(())
    });
    parts
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
    let mut found = result.violations().map(crate::result::Judged::signature);
    let first = found.next();
    match first {
        Some(first) if first == *signature || found.any(|it| it == *signature) => WhatIf::Same,
        Some(first) => WhatIf::Other(first),
        // Where nothing was exercised, nothing was shown to hold either.
        None if result.cut_off.is_some() || result.outcome != Status::Hold => WhatIf::Unknown,
        None => WhatIf::None,
    }
}
