//! Runs a load for some seeds in one process, to be looked at from outside: `time -v`, `perf record`, `valgrind`.
//!
//! `cargo run --release -p stormglass-tests --example measure -- LOAD SEEDS [SECONDS] [judge|kinds|clone]`, where LOAD is
//! `reference`, `committing`, `small`, `small-with-group` or a scenario's file. Prints how many events there were and one
//! digest of all runs, by which two builds can be compared.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stormglass_check::judge;
use stormglass_runner::scenario::Scenario;
use stormglass_sim::plan::Plan;
use stormglass_sim::{TraceKind, World};
use stormglass_tests::loads;
use stormglass_types::{Digest, Span};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((load, seeds, what)) = parse(&arguments) else {
        eprintln!(
            "usage: measure reference|committing|small|small-with-group|FILE SEEDS [SECONDS] [judge|kinds|clone]"
        );
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let (mut events, mut digest) = (0_u64, Digest::EMPTY);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 1..=seeds {
        let mut world = World::new(&load(seed));
        if what == What::Kinds {
            world.record_trace();
        }
        world.run();
        if what == What::Judge {
            std::hint::black_box(judge(world.history()));
        }
        for record in world.trace().iter().flat_map(|trace| trace.iter()) {
            *kinds.entry(name(record.kind)).or_default() += 1;
        }
        if what == What::Clone {
            println!("a clone takes {:?} at best", best_clone(&world));
        }
        events += world.events();
        digest.word(world.digest().0);
    }
    let took = began.elapsed();
    let nanos = took.as_nanos() / u128::from(events.max(1));
    println!("{seeds} seeds, {events} events, {took:?}, {nanos} ns per event, digest {digest}");
    let mut kinds: Vec<(String, u64)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (kind, count) in kinds {
        println!("{count:>10}  {kind}");
    }
    ExitCode::SUCCESS
}

/// The shortest of a thousand. A few clones live at a time, as when a world is explored: with one alone the allocator would
/// give its memory back each time, and fetching it again takes longer than the clone.
fn best_clone(world: &World) -> Option<Duration> {
    let mut forks = VecDeque::new();
    let once = |_| {
        let began = Instant::now();
        let fork = std::hint::black_box(world).clone();
        let took = began.elapsed();
        forks.push_back(fork);
        if forks.len() > 8 {
            forks.pop_front();
        }
        took
    };
    (0..1000).map(once).min()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Run,
    Judge,
    Kinds,
    Clone,
}

type Load = Box<dyn Fn(u64) -> Plan>;

fn parse(arguments: &[String]) -> Option<(Load, u64, What)> {
    let (load, rest) = arguments.split_first()?;
    let (seeds, rest) = rest.split_first()?;
    let (seconds, rest) = match rest.split_first() {
        Some((seconds, rest)) if seconds.parse::<u64>().is_ok() => (seconds.parse().ok()?, rest),
        _ => (60, rest),
    };
    let what = match rest.first().map(String::as_str) {
        None => What::Run,
        Some("judge") => What::Judge,
        Some("kinds") => What::Kinds,
        Some("clone") => What::Clone,
        Some(_) => return None,
    };
    let story = match load.as_str() {
        "reference" => loads::reference(Span::secs(seconds)),
        "committing" => loads::committing(Span::secs(seconds)),
        "small" => loads::small(),
        "small-with-group" => loads::small_with_group(),
        file => {
            let scenario = Scenario::load(file).ok()?;
            return Some((Box::new(move |seed| scenario.plan(seed)), seeds.parse().ok()?, what));
        }
    };
    Some((Box::new(move |seed| story.plan(seed)), seeds.parse().ok()?, what))
}

/// A kind of event without the particulars of one.
fn name(kind: TraceKind) -> String {
    match kind {
        TraceKind::Request(_, api, _) => format!("request {}", api.name()),
        TraceKind::Response(_, api, _) => format!("response {}", api.name()),
        TraceKind::RequestSent(..) | TraceKind::ResponseSent(..) => "(sent)".to_owned(),
        TraceKind::Timer(timer) => format!("timer {timer:?}"),
        TraceKind::Noted(note) => {
            let text = format!("{note:?}");
            format!("(note {})", text.split(' ').next().unwrap_or_default())
        }
        TraceKind::Marked(mark) => format!("(mark {})", mark.name()),
        TraceKind::Opened(..) => "opened".to_owned(),
        TraceKind::Closed(..) => "closed".to_owned(),
        TraceKind::Synced => "synced".to_owned(),
        TraceKind::Application => "application".to_owned(),
        TraceKind::Started(_) | TraceKind::Ended(_) => "process".to_owned(),
        TraceKind::Fault(_) | TraceKind::FaultOver(_) => "fault".to_owned(),
    }
}
