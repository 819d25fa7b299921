//! Switches every safety rule off alone and sweeps generic pipelines under generic chaos until something breaks, as
//! `reports/rediscovery.md` has it.
//!
//! `cargo run --release -p stormglass-tests --example rediscovery -- [BUDGET] [BASELINE] [TIER_A] [HUNT] > reports/rediscovery.md`,
//! where BUDGET is the most seeds of each pipeline and trouble, BASELINE the seeds that are told with every rule in force, TIER_A the
//! budget of the rules that matter most, as much as BUDGET unless given, and HUNT the most seeds from each start where such a rule
//! was caught first, as much as TIER_A unless given. `--only RULE` hunts for one rule, `--in PIPELINE` and `--under TROUBLE` there
//! alone; `--hold` tells BASELINE seeds there with every rule in force.

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

/// What was asked for.
struct Ask {
    only: Option<Rule>,
    pipeline: Option<String>,
    trouble: Option<String>,
    hold: bool,
    /// The most seeds of each pipeline and trouble.
    budget: u64,
    /// So many seeds are told with every rule in force.
    baseline: u64,
    /// As `budget`, for the rules that matter most.
    tier_a: u64,
    /// The most seeds from each start where a rule that matters most was caught first.
    hunt: u64,
}

impl Ask {
    fn read() -> Self {
        let mut numbers = Vec::new();
        let mut named: BTreeMap<String, String> = BTreeMap::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.parse::<u64>() {
                Ok(number) => numbers.push(number),
                Err(_) if argument == "--hold" => {
                    named.insert(argument, String::new());
                }
                Err(_) => {
                    named.insert(argument, arguments.next().unwrap_or_default());
                }
            }
        }
        let number = |at: usize, else_: u64| numbers.get(at).copied().unwrap_or(else_);
        let tier_a = number(2, number(0, 1_000));
        Self {
            only: named
                .get("--only")
                .map(|name| Rule::named(name).expect("a rule of `stormglass rules`")),
            pipeline: named.get("--in").cloned(),
            trouble: named.get("--under").cloned(),
            hold: named.contains_key("--hold"),
            budget: number(0, 1_000),
            baseline: number(1, 1_000),
            tier_a,
            hunt: number(3, tier_a),
        }
    }

    /// Whether a pipeline and a trouble are among those meant.
    fn means(&self, pipeline: &Pipeline, trouble: &Trouble) -> bool {
        self.pipeline.as_deref().is_none_or(|name| name == pipeline.name)
            && self.trouble.as_deref().is_none_or(|name| name == trouble.name)
    }
}

fn main() -> io::Result<()> {
    let ask = Ask::read();
    let sought = KILLERS.iter().filter(|killer| ask.only.is_none_or(|rule| rule == killer.rule));
    let sought: Vec<&Killer> = sought.filter(|_| !ask.hold).collect();
    let hunts = share(sought.len(), |at| hunt(sought[at], &ask));
    let calm =
        (ask.only.is_none()).then(|| share(PIPELINES.len(), |at| hold(&PIPELINES[at], &ask)));
    let text = report(&sought, &hunts, calm.as_deref(), &ask);
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

fn hunt(killer: &Killer, ask: &Ask) -> Hunted {
    let (budget, most) =
        if is_tier_a(killer) { (ask.tier_a, ask.hunt) } else { (ask.budget, ask.budget) };
    let grounds: Vec<(&Pipeline, &Trouble, Story)> = pipelines(killer.about)
        .iter()
        .flat_map(|pipeline| pipeline.troubles().map(move |trouble| (pipeline, trouble)))
        .filter(|(pipeline, trouble)| ask.means(pipeline, trouble))
        .map(|(pipeline, trouble)| {
            let story = pipeline.story().chaos(trouble.chaos()).without(killer.rule);
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
        (pipeline.name, trouble.name, STARTS.map(|start| chase(story, start, most)).to_vec())
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
fn hold(pipeline: &Pipeline, ask: &Ask) -> Held {
    let meant = pipeline.troubles().filter(|trouble| ask.means(pipeline, trouble));
    let under = meant.map(|trouble| {
        let story = pipeline.story().chaos(trouble.chaos());
        let broken = (1..=ask.baseline).filter(|seed| !story.tell(*seed).violated().is_empty());
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

fn report(sought: &[&Killer], hunts: &[Hunted], calm: Option<&[Held]>, ask: &Ask) -> String {
    let Ask { budget, baseline, tier_a, hunt, .. } = *ask;
    let mut text = format!(
        "# How soon a missing rule shows by itself\n\n\
         Made by `cargo run --release -p stormglass-tests --example rediscovery -- {budget} {baseline} {tier_a} {hunt}`. Every safety rule is switched off \
         alone; then pipelines that were written for no rule run under kinds of chaos that know no rule, until something \
         breaks. The pipelines and kinds take turns, fifty seeds each and {budget} seeds at most, and the first that catches anything is \
         hunted through again from five starting seeds far apart, with at most {budget} seeds each. For the rules of tier A, \
         which are bold, it is at most {tier_a} seeds each, and then {hunt} from each start. *Median seeds* and *seconds* are those of \
         the middle hunt, on one core; *default* is the same under `chaos: default` with at most as many seeds as were sought with, in the pipeline that caught it \
         most often.\n\n\
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
