//! Switches every safety rule off alone and sweeps generic pipelines under generic chaos until something breaks, as
//! `reports/rediscovery.md` has it.
//!
//! `cargo run --release -p stormglass-tests --example rediscovery -- [BUDGET] [BASELINE] [TIER_A] > reports/rediscovery.md`, where
//! BUDGET is the most seeds of each pipeline and trouble, BASELINE the seeds that are told with every rule in force, and TIER_A the
//! budget of the rules that matter most, as much as BUDGET unless given. `--only RULE` hunts for one rule.

#![expect(clippy::print_stderr, reason = "progress, for the terminal")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stormglass_kafka::Rule;
use stormglass_tests::Story;
use stormglass_tests::generic::{PIPELINES, Pipeline, TROUBLES, Trouble, pipelines};
use stormglass_tests::killers::{Fate, KILLERS, Killer};

/// Where hunts begin: far apart, so that they share no seed.
const STARTS: [u64; 5] = [1, 1_000_001, 2_000_001, 3_000_001, 4_000_001];
/// So many seeds of each pipeline and trouble are told before the next is tried.
const CHUNK: u64 = 50;

/// The published bugs that matter most, as the sources of their rules name them.
const TIER_A: &[&str] = &[
    "R01", "R02", "R03", "R05", "R07", "R08", "R10", "R12", "R14", "R15", "P01", "P02", "P03",
    "C01", "C02", "C04", "C08", "C09", "C14", "C17", "C18",
];

/// One hunt that ended.
#[derive(Clone, Copy)]
struct Catch {
    seeds: u64,
    took: Duration,
    invariant: &'static str,
}

/// What became of a rule.
struct Hunted {
    /// Where it was caught first, and how the five hunts there went.
    best: Option<(&'static str, &'static str, Vec<Option<Catch>>)>,
    /// How the hunts under `chaos: default` went.
    default: Option<(&'static str, Vec<Option<Catch>>)>,
    spent: u64,
}

/// The seeds that break something, under each trouble.
type Held = Vec<(&'static str, Vec<u64>)>;

fn main() -> io::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let only = arguments.iter().position(|it| it == "--only").map(|at| {
        let rest: Vec<String> = arguments.drain(at..).collect();
        Rule::named(rest.get(1).map_or("", String::as_str)).expect("a rule of `stormglass rules`")
    });
    let mut numbers = arguments.iter().filter_map(|text| text.parse().ok());
    let budget = numbers.next().unwrap_or(1_000);
    let baseline = numbers.next().unwrap_or(1_000);
    let tier_a = numbers.next().unwrap_or(budget);
    let budget_of = |killer: &Killer| if is_tier_a(killer) { tier_a } else { budget };
    let sought: Vec<&Killer> =
        KILLERS.iter().filter(|killer| only.is_none_or(|rule| rule == killer.rule)).collect();
    let hunts = share(sought.len(), |at| hunt(sought[at], budget_of(sought[at])));
    let calm =
        (only.is_none()).then(|| share(PIPELINES.len(), |at| hold(&PIPELINES[at], baseline)));
    let text = report(&sought, &hunts, calm.as_deref(), (budget, baseline, tier_a));
    io::stdout().write_all(text.as_bytes())
}

/// Does `count` pieces of work on all cores, in any order; answers in order.
fn share<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, T>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    let answer = work(at);
                    done.lock().expect("nobody panics with it").insert(at, answer);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics with it").into_values().collect()
}

fn hunt(killer: &Killer, budget: u64) -> Hunted {
    let grounds: Vec<(&Pipeline, &Trouble, Story)> = pipelines(killer.about)
        .iter()
        .flat_map(|pipeline| pipeline.troubles().map(move |trouble| (pipeline, trouble)))
        .map(|(pipeline, trouble)| {
            let story = (pipeline.story)().chaos(trouble.chaos()).without(killer.rule);
            (pipeline, trouble, story)
        })
        .collect();
    let mut spent = 0;
    let mut best = None;
    let mut from = 1;
    while best.is_none() && from <= budget {
        let upto = (from + CHUNK).min(budget + 1);
        best = grounds.iter().find(|(_, _, story)| {
            let caught = chase(story, from, upto - from);
            spent += caught.map_or(upto - from, |caught| caught.seeds);
            caught.is_some()
        });
        from = upto;
    }
    let best = best.map(|(pipeline, trouble, story)| {
        (pipeline.name, trouble.name, STARTS.map(|start| chase(story, start, budget)).to_vec())
    });
    let default = best.as_ref().and_then(|_| {
        let under = grounds.iter().filter(|(_, trouble, _)| trouble.families.is_empty());
        let hunts = under.map(|(pipeline, _, story)| {
            (pipeline.name, STARTS.map(|start| chase(story, start, budget)).to_vec())
        });
        hunts.max_by_key(|(_, hunts)| hunts.iter().flatten().count())
    });
    eprintln!("{}: {}", killer.rule.name(), best.as_ref().map_or("not found", |it| it.1));
    Hunted { best, default, spent }
}

/// Seeds from one on until something breaks.
fn chase(story: &Story, start: u64, most: u64) -> Option<Catch> {
    let began = Instant::now();
    (start..start + most).zip(1..).find_map(|(seed, seeds)| {
        let invariant = *story.tell(seed).violated().first()?;
        Some(Catch { seeds, took: began.elapsed(), invariant })
    })
}

/// The seeds of a pipeline that break something with every rule in force, under each trouble.
fn hold(pipeline: &Pipeline, seeds: u64) -> Held {
    let under = pipeline.troubles().map(|trouble| {
        let story = (pipeline.story)().chaos(trouble.chaos());
        let broken = (1..=seeds).filter(|seed| !story.tell(*seed).violated().is_empty());
        (trouble.name, broken.collect())
    });
    let held: Held = under.collect();
    let broken: usize = held.iter().map(|(_, broken)| broken.len()).sum();
    eprintln!("{} with every rule: {broken} broken", pipeline.name);
    held
}

/// Whether it is among the bugs that matter most.
fn is_tier_a(killer: &Killer) -> bool {
    TIER_A.iter().any(|id| killer.rule.source().contains(id))
}

/// A rule's name, bold if it matters most.
fn emphasised(killer: &Killer) -> String {
    let name = killer.rule.name();
    if is_tier_a(killer) { format!("**{name}**") } else { name.to_owned() }
}

/// The middle of five hunts: seeds and time; none if most caught nothing.
fn median(hunts: &[Option<Catch>]) -> Option<Catch> {
    let mut sorted: Vec<Option<Catch>> = hunts.to_vec();
    sorted.sort_by_key(|hunt| hunt.map_or(u64::MAX, |caught| caught.seeds));
    sorted[sorted.len() / 2]
}

fn report(
    sought: &[&Killer],
    hunts: &[Hunted],
    calm: Option<&[Held]>,
    (budget, baseline, tier_a): (u64, u64, u64),
) -> String {
    let mut text = format!(
        "# How soon a missing rule shows by itself\n\n\
         Made by `cargo run --release -p stormglass-tests --example rediscovery -- {budget} {baseline} {tier_a}`. Every safety rule is switched off \
         alone; then pipelines that were written for no rule run under kinds of chaos that know no rule, until something \
         breaks. The pipelines and kinds take turns, fifty seeds each, and the first that catches anything is hunted through \
         again from five starting seeds far apart, with at most {budget} seeds each; {tier_a} for the rules of tier A, which are bold. *Median seeds* and *seconds* are those of \
         the middle hunt, on one core; *default* is the same under `chaos: default`, in the pipeline that caught it most often.\n\n\
         | rule | source | caught by | pipeline | chaos | median seeds | seconds | of five | default: median seeds | of five |\n\
         |---|---|---|---|---|--:|--:|--:|--:|--:|"
    );
    let shown =
        |caught: Option<Catch>| caught.map_or_else(|| "–".to_owned(), |it| it.seeds.to_string());
    let how_many = |hunts: &[Option<Catch>]| hunts.iter().flatten().count();
    for (killer, hunted) in sought.iter().zip(hunts) {
        let Some((pipeline, trouble, found)) = &hunted.best else { continue };
        let middle = median(found);
        let invariant = found.iter().flatten().next().map_or("–", |caught| caught.invariant);
        let seconds = middle.map_or_else(
            || "–".to_owned(),
            |it| format!("{}.{:02}", it.took.as_secs(), it.took.subsec_millis() / 10),
        );
        let (plain, of) = hunted.default.as_ref().map_or_else(
            || ("–".to_owned(), 0),
            |(_, hunts)| (shown(median(hunts)), how_many(hunts)),
        );
        let _ = write!(
            text,
            "\n| {} | {} | {invariant} | {pipeline} | {trouble} | {} | {seconds} | {} | {plain} | {of} |",
            emphasised(killer),
            killer.rule.source(),
            shown(middle),
            how_many(found),
        );
    }
    text.push_str("\n\n## Never found\n");
    let missed = sought.iter().zip(hunts).filter(|(_, hunted)| hunted.best.is_none());
    for (killer, hunted) in missed {
        let why = match killer.fate {
            Fate::Breaks(invariant) => {
                format!("its own story, `{}`, breaks {invariant}", killer.name)
            }
            Fate::Repeats => {
                format!("its own story, `{}`, only repeats records", killer.name)
            }
            Fate::HiddenBy(by, _) => {
                let by: Vec<&str> = by.iter().map(|rule| rule.name()).collect();
                if by.is_empty() {
                    "hidden".to_owned()
                } else {
                    format!("hidden by {}", by.join(", "))
                }
            }
        };
        let _ = write!(
            text,
            "\n- {} ({}): {} seeds; {why}.",
            emphasised(killer),
            killer.rule.source(),
            hunted.spent
        );
    }
    if let Some(calm) = calm {
        text.push_str("\n\n## With every rule in force\n\n");
        let _ = writeln!(
            text,
            "{baseline} seeds each; a dash where that loss of power may cost records that were acknowledged.\n"
        );
        text.push_str("| pipeline |");
        for trouble in TROUBLES {
            let _ = write!(text, " {} |", trouble.name);
        }
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(TROUBLES.len()));
        for (pipeline, held) in PIPELINES.iter().zip(calm) {
            let _ = write!(text, "\n| {} |", pipeline.name);
            for trouble in TROUBLES {
                let Some((_, broken)) = held.iter().find(|(name, _)| *name == trouble.name) else {
                    text.push_str(" – |");
                    continue;
                };
                let first: Vec<String> = broken.iter().take(4).map(u64::to_string).collect();
                let cell = if broken.is_empty() {
                    "holds".to_owned()
                } else {
                    format!("{} broken: {}", broken.len(), first.join(", "))
                };
                let _ = write!(text, " {cell} |");
            }
        }
    }
    text.push_str("\n\n## The pipelines\n");
    for pipeline in PIPELINES {
        let _ = write!(text, "\n- `{}`: {}.", pipeline.name, pipeline.says);
    }
    text.push('\n');
    text
}
