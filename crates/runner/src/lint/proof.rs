//! Proofs: a mistake shown by a run with people's own settings, or not found in so many seeds.
//!
//! The pipeline and its faults are those of the pair of scenarios that teaches the mistake, without the mistake: whatever is
//! wrong comes from the settings that are put in. Writes no files: where the scenario is kept is the caller's.

use std::io;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;

use stormglass_types::Digest;

use super::finding::{Edit, Finding};
use super::pairs;
use super::pipeline::Pipeline;
use super::template::Template;
use crate::result::{Panicked, RunResult, Status};
use crate::scenario::{Expect, Scenario, Severity};
use crate::subject::Subject;
use crate::sweep::{Seed, Seeds, SweepOptions, sweep};

/// How a mistake is shown by a run.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    /// By a pair of scenarios.
    Pair {
        /// The folder below `scenarios`.
        name: &'static str,
        /// Whose pipeline it is.
        base: Base,
        /// What must break for it to count.
        expects: Expects,
        /// What is taken from a scenario besides Kafka's settings.
        takes: &'static [Take],
        /// What must last longer with other settings.
        stretch: Stretch,
    },
    /// It is not, with the reason.
    No(&'static str),
}

/// Whose pipeline a proof runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// The fixed scenario's, under the faults of the broken one.
    Fixed,
    /// The broken scenario's.
    Broken,
}

/// What must break for a mistake to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expects {
    /// What breaks in the broken scenario.
    Pairs,
    /// This bound instead.
    Instead(&'static str),
    /// That, or this bound.
    Also(&'static str),
}

/// What is taken from a scenario besides Kafka's settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Take {
    /// When and how the group's application commits.
    Commit,
    /// How it processes records.
    Process,
    /// How long it takes for a record at worst.
    Slowest,
    /// What it does with records that it cannot process.
    Poison,
    /// How many members there are.
    Members,
    /// That they assign themselves what they read.
    Assign,
    /// The topic's number of partitions.
    Partitions,
    /// The keys of the producer's records.
    Keys,
    /// How many instances the producer has.
    Instances,
    /// How they share one stream of events.
    Spread,
}

/// What must last longer with other settings than the pair's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stretch {
    /// Nothing.
    None,
    /// The run, for three times `max.poll.interval.ms`.
    PollInterval,
    /// The run, until clients have asked for metadata again.
    MetadataAge,
    /// The time for which the group is away, until its offsets expire.
    OffsetRetention,
    /// The time for which the group is away, until its records are deleted.
    Retention,
}

/// How to look for a proof.
#[derive(Clone, Copy, Debug)]
pub struct ProofOptions {
    /// With which seeds.
    pub seeds: Seeds,
    /// On how many threads.
    pub jobs: NonZero<usize>,
}

/// What came of looking for a proof.
#[derive(Clone, Debug)]
pub enum Proved {
    /// A run shows it.
    Shown(Shown),
    /// None of the seeds does.
    NotShown {
        /// How many there were.
        seeds: u64,
        /// Where the scenario is.
        path: String,
        /// Settings that the scenario cannot have.
        left_out: Vec<String>,
    },
    /// It cannot be run, with the reason.
    Impossible(String),
    /// A run panicked, which is a bug of ours.
    Panicked(Panicked),
}

/// A run that shows a mistake.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The seed.
    pub seed: u64,
    /// The run's digest.
    pub digest: Digest,
    /// What broke.
    pub says: String,
    /// The command that shows it again.
    pub repro: String,
    /// Where the scenario is.
    pub path: String,
    /// Settings that the scenario cannot have.
    pub left_out: Vec<String>,
    /// What the same seeds come to with the fix; none if the fix is no setting.
    pub remedy: Option<Remedy>,
}

/// What the same seeds come to with the fix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// None of so many shows it.
    Holds(u64),
    /// This one still does.
    Fails(u64),
}

/// Looks for a run that shows a finding. `keep` is given the scenario's text and says where it can be found.
pub(super) fn prove(
    pipeline: &Pipeline,
    finding: &Finding,
    options: ProofOptions,
    keep: &mut dyn FnMut(&str) -> io::Result<String>,
) -> io::Result<Proved> {
    let Proof::Pair { name, base, expects, takes, stretch } = finding.mistake.proof else {
        let Proof::No(why) = finding.mistake.proof else { unreachable!("there are two kinds") };
        return Ok(Proved::Impossible(why.to_owned()));
    };
    if let Some(why) = finding.spot.unprovable {
        return Ok(Proved::Impossible(why.to_owned()));
    }
    let (broken, fixed) = pairs::texts(name);
    let mut template = Template::of(name, broken, fixed, base);
    template.expect(expects);
    template.describe(finding, name);
    let left_out = template.put_in(pipeline, finding.spot.subject, takes);
    if let Err(why) = template.stretch(stretch, pipeline, finding.spot.subject) {
        return Ok(Proved::Impossible(why));
    }
    let text = template.render();
    if let Err(report) = Scenario::parse(name, &text) {
        let first = report.diagnostics().iter().find(|it| it.severity == Severity::Error);
        let why = first.map(|it| it.message.clone()).unwrap_or_default();
        let why = format!("the pipeline that shows it cannot have these settings: {why}");
        return Ok(Proved::Impossible(why));
    }
    let path = keep(&text)?;
    let scenario = Scenario::parse(&path, &text).map(Arc::new).expect("it was read just now");
    let subject = Subject::of(&scenario);
    Ok(match hunt(&subject, scenario.expect(), options) {
        Hunted::Panicked(panicked) => Proved::Panicked(*panicked),
        Hunted::Nothing(seeds) => Proved::NotShown { seeds, path, left_out },
        Hunted::Found(result, says) => Proved::Shown(Shown {
            seed: result.seed,
            digest: result.digest,
            says,
            repro: subject.repro(result.seed),
            remedy: remedy(&template, &finding.spot.fix.edits, &path, options),
            path,
            left_out,
        }),
    })
}

/// Runs the same seeds with the fix.
fn remedy(
    template: &Template,
    edits: &[Edit],
    path: &str,
    options: ProofOptions,
) -> Option<Remedy> {
    if edits.is_empty() {
        return None;
    }
    let mut fixed = template.clone();
    fixed.edit(edits);
    let scenario = Arc::new(Scenario::parse(path, &fixed.render()).ok()?);
    match hunt(&Subject::of(&scenario), scenario.expect(), options) {
        Hunted::Found(result, _) => Some(Remedy::Fails(result.seed)),
        Hunted::Nothing(seeds) => Some(Remedy::Holds(seeds)),
        Hunted::Panicked(_) => None,
    }
}

enum Hunted {
    Found(Box<RunResult>, String),
    Nothing(u64),
    Panicked(Box<Panicked>),
}

/// The first seed that breaks something that is expected to break.
fn hunt(subject: &Subject, expect: &Expect, options: ProofOptions) -> Hunted {
    let mut found = None;
    let sweeping = SweepOptions { jobs: options.jobs, ..SweepOptions::new(options.seeds) };
    let swept = sweep(subject, &sweeping, &mut |seed, _| {
        match seed {
            Seed::Ran(result) | Seed::Differed(result, _) => {
                if let Some(says) = broken(result, expect) {
                    found = Some(Hunted::Found(result.clone(), says));
                }
            }
            Seed::Panicked(panicked) => {
                found = Some(Hunted::Panicked(Box::new(panicked.clone())));
            }
            Seed::Known(_) => {}
        }
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found.unwrap_or_else(|| Hunted::Nothing(swept.tally.seeds()))
}

/// What a run breaks of what is expected to break, in words.
fn broken(result: &RunResult, expect: &Expect) -> Option<String> {
    let violated = expect.violate.iter().find_map(|name| {
        let judged = result.verdict(name)?;
        let violated = judged.status == Status::Violated;
        violated.then(|| format!("{}: {}", judged.signature(), judged.detail))
    });
    let exceeded = || {
        let wanted = |text: &str| expect.exceed.iter().any(|rule| rule.text == text);
        let mut bounds = result.bounds.iter().filter(|bound| wanted(&bound.text));
        bounds.find(|bound| bound.is_broken()).map(|bound| bound.says())
    };
    violated.or_else(exceeded)
}
