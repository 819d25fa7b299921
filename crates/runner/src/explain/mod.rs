//! Why a run failed: the story that ends in the anomaly, which faults it needed, and what would have prevented it.
//!
//! Every "would have" is a run: with a fault taken away, or with another setting, under the same seed. Nothing is guessed.

mod behaviour;
mod defaults;
mod focus;
mod graph;
mod marks;
mod remedy;
mod story;
mod svg;
mod teller;
pub(crate) mod text;
mod what_if;

#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::sync::Arc;

use stormglass_check::{Anomaly, judge};
use stormglass_sim::World;
use stormglass_types::{Digest, Time};

use crate::execute::{Execution, Recording, execute};
use crate::result::{METRIC, Panicked, RunResult, Signature};
use crate::scenario::Scenario;
use crate::subject::Subject;

use self::focus::Focus;
pub use self::svg::svg;
pub use self::text::{human, markdown};

/// A failure, explained.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The digest of the run.
    pub digest: Digest,
    /// What kind of failure it is.
    pub signature: Signature,
    /// What broke, in a sentence.
    pub fact: String,
    /// Why the configuration permits it; none if it breaks a promise.
    pub permitted: Option<String>,
    /// The safety rules that are switched off.
    pub without: Vec<&'static str>,
    /// What happened, in order.
    pub story: Vec<Beat>,
    /// Steps of the story that were left out in the middle.
    pub left_out: usize,
    /// The faults, and whether they were needed.
    pub faults: Vec<FaultPart>,
    /// What the run would have come to without any fault.
    pub without_faults: WhatIf,
    /// Settings that were tried instead.
    pub remedies: Vec<Remedy>,
    /// The command that runs it again.
    pub repro: String,
}

/// A step of a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beat {
    /// When.
    pub at: Time,
    /// Who acted.
    pub who: String,
    /// The message that it had heard right before, and from whom, where that is part of the story.
    pub heard: Option<(String, String)>,
    /// With whom, if it was a message or concerns somebody.
    pub to: Option<String>,
    /// What, without the one who acted.
    pub what: String,
    /// What part it plays.
    pub part: Part,
}

/// What part a step plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A client or broker did its work.
    Work,
    /// A fault, or what it did at once.
    Fault,
    /// Somebody was told that something is done.
    Claim,
    /// What contradicts the claim.
    Fact,
}

/// A fault and the part that it played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultPart {
    /// The fault, as scenarios say it.
    pub text: String,
    /// What the run comes to without it.
    pub without: WhatIf,
    /// What it comes to when a necessary one strikes at another moment.
    pub moved: Vec<(String, WhatIf)>,
}

/// What a run with one thing changed came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WhatIf {
    /// The same failure.
    Same,
    /// Another failure.
    Other(Signature),
    /// No failure.
    None,
    /// It could not be run, or not to its end.
    Unknown,
}

/// Another setting, tried with the same faults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// Which, in Kafka's words.
    pub change: String,
    /// Why it should help.
    pub because: &'static str,
    /// How many seeds were run.
    pub seeds: u64,
    /// In how many of them the failure, or another that was asked for, came up.
    pub failed: u64,
    /// In how many of them nothing could be told.
    pub unknown: u64,
    /// What the figure of a broken bound then came to at worst.
    pub figure: Option<Figured>,
}

/// A figure of some runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figured {
    /// The worst of them.
    pub worst: u64,
    /// It, with its unit.
    pub shown: String,
    /// Whether it is so close to what it was that it may be luck.
    pub close: bool,
}

/// Why nothing was explained.
#[derive(Debug)]
pub enum NotExplained {
    /// It is no failure.
    Holds(Box<RunResult>),
    /// It panicked.
    Panicked(Panicked),
}

/// Explains the failure of a seed.
///
/// # Errors
/// If the seed does not fail, or panicked.
pub fn explain(
    scenario: &Arc<Scenario>,
    seed: u64,
    jobs: NonZero<usize>,
) -> Result<Explanation, NotExplained> {
    let subject = Subject::of(scenario);
    let execution = execute(&subject, seed, Recording::On).map_err(NotExplained::Panicked)?;
    let (result, world) = (execution.result, execution.world);
    let Some(broken) = result.failure_of(scenario.expect()) else {
        return Err(NotExplained::Holds(Box::new(result)));
    };
    let signature = broken.signature;
    let (focus, fact) = match first_anomaly(&world, signature.invariant) {
        Some(anomaly) => (Focus::of(&anomaly, world.history()), anomaly.detail.clone()),
        None if signature.invariant == METRIC => {
            let focus = Focus::of_figure(&world, &signature.kind);
            let worst = focus.worst.as_ref().map_or_else(String::new, |worst| format!("; {worst}"));
            (focus, format!("{}{worst}", broken.detail))
        }
        None => (Focus::of_breach(&world, signature.invariant), broken.detail.clone()),
    };
    let mut faults = what_if::without_each(scenario, seed, &signature, jobs);
    what_if::move_needed(scenario, seed, &signature, jobs, &mut faults);
    let needed: Vec<bool> = faults.iter().map(|fault| fault.without != WhatIf::Same).collect();
    let (story, left_out) = story::tell(&world, &focus, &needed);
    let without_faults = what_if::without_all(scenario, seed, &signature);
    let bounds = result.bounds.iter().find(|bound| bound.signature() == signature);
    let measured = bounds.and_then(|bound| bound.measured);
    let remedies = remedy::tried(scenario, seed, &signature, measured, jobs);
    Ok(Explanation {
        scenario: result.scenario.clone(),
        seed,
        digest: result.digest,
        signature,
        fact,
        permitted: broken.permitted,
        without: scenario.plan(seed).rules.switched_off().map(|rule| rule.name()).collect(),
        story,
        left_out,
        faults,
        without_faults,
        remedies,
        repro: result.repro.clone(),
    })
}

/// What an invariant's violation was.
pub(crate) fn fact(execution: &Execution) -> Option<String> {
    let broken = execution.result.violations().next()?;
    let anomaly = first_anomaly(&execution.world, broken.invariant)?;
    Some(anomaly.detail)
}

fn first_anomaly(world: &World, invariant: &str) -> Option<Anomaly> {
    let judgement = judge(world.history());
    let (_, verdict) = judgement.verdicts.into_iter().find(|(name, _)| *name == invariant)?;
    verdict.anomalies()?.first().cloned()
}
