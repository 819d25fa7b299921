//! Runs one seed of a subject and judges it.
//!
//! Prints nothing and keeps nothing: whoever wants the history or the trace takes the world along.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use stormglass_check::{AnomalyKind, Figures, Judgement, Verdict, judge};
use stormglass_sim::{Breach, End, World};
use stormglass_types::history::History;

use crate::names::Names;
use crate::result::{Bound, Judged, Mismatch, Panicked, RunResult, Status, WitnessEvent};
use crate::subject::Subject;
use crate::sweep::{between, states};
use crate::words;

/// Whether a run keeps a record of its every event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recording {
    /// It does not; the digest is the same.
    Off,
    /// It does.
    On,
}

/// A run that came to its end.
#[derive(Clone, Debug)]
pub struct Execution {
    /// What is told about it.
    pub result: RunResult,
    /// The world as it was at the end, with its history.
    pub world: World,
}

/// How many events of a witness are told.
const WITNESSES: usize = 16;

/// Runs one seed and judges it. A panic inside the world is caught and reported as our bug.
///
/// # Errors
/// If a machine, the world or an oracle panicked.
pub fn execute(subject: &Subject, seed: u64, recording: Recording) -> Result<Execution, Panicked> {
    execute_in(subject, seed, recording, || World::new(&(subject.plan)(seed)))
}

/// Runs a world to its end and judges it; the world may be under way already.
///
/// # Errors
/// If a machine, the world or an oracle panicked.
pub fn execute_in(
    subject: &Subject,
    seed: u64,
    recording: Recording,
    begin: impl FnOnce() -> World,
) -> Result<Execution, Panicked> {
    let began = Instant::now();
    guarded(subject, seed, || {
        let mut world = begin();
        if recording == Recording::On {
            world.record_trace();
        }
        let end = world.run();
        let judgement = judge(world.history());
        let mut result = summary(subject, &world, end, judgement);
        result.wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Execution { result, world }
    })
}

/// Judges a world that somebody else has run to its end.
#[must_use]
pub fn conclude(subject: &Subject, world: &World, end: End) -> RunResult {
    summary(subject, world, end, judge(world.history()))
}

/// Runs a seed once more and compares digests.
///
/// # Errors
/// If the second run panicked.
pub fn run_again(subject: &Subject, result: &RunResult) -> Result<Option<Mismatch>, Panicked> {
    let seed = result.seed;
    let second = guarded(subject, seed, || {
        let mut world = World::new(&(subject.plan)(seed));
        world.run();
        world.digest()
    })?;
    if second == result.digest {
        return Ok(None);
    }
    let difference =
        guarded(subject, seed, || between([&(subject.plan)(seed), &(subject.plan)(seed)]))?;
    Ok(Some(Mismatch {
        scenario: result.scenario.clone(),
        seed,
        first: result.digest,
        second,
        difference,
        repro: result.repro.clone(),
    }))
}

thread_local! {
    /// Where the last panic of this thread was, for its report.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics inside runs speak through their reports only, with the place of the panic.
///
/// For programs; a test keeps the hook of its test runner. Panics elsewhere are told as before.
pub fn report_panics() {
    let told_before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let guarded = PANICKED_AT.with_borrow_mut(|at| {
            let guarded = at.is_some();
            if let (Some(at), Some(place)) = (at, panic.location()) {
                *at = place.to_string();
            }
            guarded
        });
        if !guarded {
            told_before(panic);
        }
    }));
}

fn guarded<T>(subject: &Subject, seed: u64, work: impl FnOnce() -> T) -> Result<T, Panicked> {
    // Nothing that the closure touches outlives a panic but the subject, which is only read.
    PANICKED_AT.set(Some(String::new()));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    let place = PANICKED_AT.take().unwrap_or_default();
    done.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("a panic without a message");
        let message =
            if place.is_empty() { text.to_owned() } else { format!("{text} (at {place})") };
        let (scenario, repro) = (subject.name.clone(), subject.repro(seed));
        Panicked { scenario, seed, message, repro }
    })
}

fn summary(subject: &Subject, world: &World, end: End, judgement: Judgement) -> RunResult {
    let history = world.history();
    let names = Names::new(history);
    let cut_off = match end {
        End::Settled | End::Restless => None,
        End::NeverFormed => Some("the cluster never formed".to_owned()),
        End::EventLimit => {
            Some(format!("the run was cut off after {} events", words::count(world.events())))
        }
    };
    let mut verdicts: Vec<Judged> = judgement
        .verdicts
        .iter()
        .map(|(name, verdict)| judged(subject, history, name, verdict))
        .collect();
    for breach in world.breaches() {
        add_breach(&mut verdicts, &names, breach);
    }
    if let Some(why) = &cut_off {
        for verdict in verdicts.iter_mut().filter(|it| it.status != Status::Violated) {
            verdict.status = Status::Undecided;
            verdict.detail.clone_from(why);
        }
    }
    let figures = judgement.figures;
    let bounds = bounds(subject, &figures);
    RunResult {
        scenario: subject.name.clone(),
        seed: world.plan().seed,
        digest: world.digest(),
        outcome: outcome(&verdicts, &bounds, !subject.asked.is_empty()),
        groups: figures.groups.iter().map(|it| names.group(it.group)).collect(),
        topics: figures.topics.iter().map(|it| names.topic(it.topic)).collect(),
        verdicts,
        bounds,
        figures,
        marks: world.marks(),
        states: states::of(history),
        faults: words::fault_lines(world.plan(), world.fault_stories(), &names),
        cut_off,
        virtual_ms: world.now().as_millis(),
        wall_ms: 0,
        events: world.events(),
        repro: subject.repro(world.plan().seed),
    }
}

fn bounds(subject: &Subject, figures: &Figures) -> Vec<Bound> {
    let measured = subject.metrics.iter().map(|rule| (rule, rule.measured(figures)));
    measured
        .map(|(rule, measured)| Bound {
            text: rule.text.clone(),
            shown: measured.map_or_else(String::new, |figure| rule.show(figure)),
            measured,
            kept: measured.is_some_and(|figure| rule.allows(figure)),
        })
        .collect()
}

/// The answer over the verdicts that were asked for, and over the bounds: one that is not kept is a violation, too.
///
/// An invariant that is asked for by name must have been exercised. Where all are asked for, those that a pipeline cannot
/// exercise, such as `single-owner` without groups, do not spoil the others.
fn outcome(verdicts: &[Judged], bounds: &[Bound], by_name: bool) -> Status {
    if bounds.iter().any(Bound::is_broken) {
        return Status::Violated;
    }
    let asked = || verdicts.iter().filter(|verdict| verdict.asked).map(|verdict| verdict.status);
    let worst = asked().max().unwrap_or(Status::Vacuous);
    if worst == Status::Vacuous && !by_name && asked().any(|status| status == Status::Hold) {
        return Status::Hold;
    }
    worst
}

fn judged(
    subject: &Subject,
    history: &History,
    invariant: &'static str,
    verdict: &Verdict,
) -> Judged {
    let mut judged = Judged {
        invariant,
        asked: subject.asks(invariant),
        status: Status::Hold,
        detail: String::new(),
        kind: None,
        total: 0,
        permitted: None,
        witness: Vec::new(),
        breaches: 0,
    };
    match verdict {
        Verdict::Holds(evidence) => judged.detail = evidence.to_string(),
        Verdict::Vacuous(missing) => {
            judged.status = Status::Vacuous;
            judged.detail = missing.to_string();
        }
        Verdict::Undecided(why) => {
            judged.status = Status::Undecided;
            judged.detail = why.to_string();
        }
        Verdict::Violated(anomalies) => {
            judged.status = Status::Violated;
            judged.total = anomalies.total();
            if let Some(first) = anomalies.first() {
                judged.kind = Some(AnomalyKind::name(first.kind));
                judged.detail.clone_from(&first.detail);
                judged.permitted = (!first.promised).then(|| first.reason.clone());
                judged.witness = witness(history, &first.witness);
            }
        }
    }
    judged
}

fn witness(history: &History, events: &[usize]) -> Vec<WitnessEvent> {
    let names = Names::new(history);
    let known = events.iter().filter_map(|index| Some((*index, history.events.get(*index)?)));
    let told = known.take(WITNESSES).map(|(index, event)| WitnessEvent {
        index,
        time_ns: event.at.0,
        process: words::subject(&names, event.process, &event.what),
        event: words::event(&names, &event.what),
    });
    told.collect()
}

/// White-box invariants judge the same things from inside: a breach breaks the invariant that it stands beside.
fn add_breach(verdicts: &mut [Judged], names: &Names<'_>, breach: &Breach) {
    let Some(judged) = verdicts.iter_mut().find(|it| it.invariant == breach.invariant()) else {
        return;
    };
    judged.breaches += 1;
    if judged.status == Status::Violated {
        return;
    }
    judged.status = Status::Violated;
    let of = breach.partition.map_or_else(
        || "the metadata log".to_owned(),
        |partition| names.partition(partition).to_string(),
    );
    judged.detail = format!(
        "seen from inside: {} at {} of {of} at {}",
        breach.told(&|group| names.group(group)),
        names.process(breach.node),
        words::clock(breach.at.as_millis()),
    );
}

#[cfg(test)]
mod tests;
