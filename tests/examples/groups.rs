//! Measures groups: what an assignment costs, how a rebalance in the world grows with the members, and a storm of an hour.
//!
//! `cargo run --release -p stormglass-tests --example groups -- [assign|grow|storm] [MOST]`: all three unless one is named; MOST
//! is the largest group, 1,000 unless given.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stormglass_kafka::assignor::{Assignor, Input, Member, Topic, assign};
use stormglass_runner::scenario::Scenario;
use stormglass_sim::World;
use stormglass_types::history::What;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (what, most) = match words.as_slice() {
        [] => ("all", "1000"),
        [what] => (*what, "1000"),
        [what, most, ..] => (*what, *most),
    };
    let known = ["all", "assign", "grow", "storm"].contains(&what);
    let Some(most) = most.parse::<u32>().ok().filter(|_| known) else {
        eprintln!("usage: groups [assign|grow|storm|all] [MOST]");
        return ExitCode::from(2);
    };
    let wanted = |name: &str| what == name || what == "all";
    let sizes = || [10, 100, 1_000].into_iter().filter(|size| *size <= most);
    if wanted("assign") {
        println!("assignments of members x ten times as many partitions, the least of five\n");
        println!(
            "{:>8} {:>11} {:>20} {:>12} {:>12}",
            "members", "partitions", "assignor", "from nothing", "one joins"
        );
        for members in sizes() {
            for assignor in Assignor::ALL {
                let (fresh, joined) = assigned(assignor, members);
                println!(
                    "{members:>8} {:>11} {:>20} {:>10}us {:>10}us",
                    members * 10,
                    assignor.to_string(),
                    fresh.as_micros(),
                    joined.as_micros()
                );
            }
        }
        println!();
    }
    if wanted("grow") {
        println!(
            "a group in the world that loses a member and gets it back: one seed of two virtual minutes\n"
        );
        println!(
            "{:>8} {:>11} {:>12} {:>14} {:>11} {:>10} {:>13}",
            "members", "partitions", "rebalances", "events", "per member", "took", "judging it"
        );
        for members in sizes() {
            let ran = run(&growing(members));
            println!(
                "{members:>8} {:>11} {:>12} {:>14} {:>11} {:>8}ms {:>11}ms",
                members * 10,
                ran.rebalances,
                ran.events,
                ran.events / u64::from(members),
                ran.took.as_millis(),
                ran.judged.as_millis()
            );
        }
        println!();
    }
    if wanted("storm") {
        let members = most.min(100);
        let ran = run(&storm(members));
        println!(
            "a storm of one virtual hour over a group of {members}: {} rebalances, {} events, {:?}, and {:?} to judge it",
            ran.rebalances, ran.events, ran.took, ran.judged
        );
    }
    ExitCode::SUCCESS
}

/// How long it takes to assign a group from nothing, and after one more has joined it.
fn assigned(assignor: Assignor, members: u32) -> (Duration, Duration) {
    let mut input = Input::default();
    let topics: Vec<_> = (0..10)
        .map(|number| input.topics.add(Topic::new(&format!("t{number}"), members)))
        .collect();
    let member = |number: u32| {
        Member::new(
            &format!("consumer-{number}-{:08x}", number.wrapping_mul(0x9E37_79B9)),
            topics.clone(),
        )
    };
    input.members = (0..members).map(member).collect();
    let fresh = least(|| assign(assignor, &input).is_ok());
    let before = assign(assignor, &input).expect("a fresh group can be assigned");
    for (member, owned) in input.members.iter_mut().zip(before.members) {
        *member = member.clone().owning(owned, 1);
    }
    input.members.push(member(members));
    (fresh, least(|| assign(assignor, &input).is_ok()))
}

fn least(work: impl Fn() -> bool) -> Duration {
    let once = |_| {
        let began = Instant::now();
        assert!(std::hint::black_box(work()), "it can be assigned");
        began.elapsed()
    };
    (0..5).map(once).min().unwrap_or_default()
}

struct Ran {
    rebalances: usize,
    events: u64,
    took: Duration,
    judged: Duration,
}

/// A stopwatch of this process's own time on a processor, where Linux tells it, since others may be at work on the machine; else
/// of the time that passes.
struct Watch(Duration, Instant);

impl Watch {
    fn start() -> Self {
        Self(Self::on_processor().unwrap_or_default(), Instant::now())
    }

    fn took(&self) -> Duration {
        let own = Self::on_processor().map(|now| now.saturating_sub(self.0));
        own.unwrap_or_else(|| self.1.elapsed())
    }

    fn on_processor() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }
}

fn run(text: &str) -> Ran {
    let scenario = Scenario::parse("groups.yaml", text).unwrap_or_else(|report| panic!("{report}"));
    let plan = scenario.plan(1);
    let watch = Watch::start();
    let mut world = World::new(&plan);
    world.run();
    let took = watch.took();
    let watch = Watch::start();
    std::hint::black_box(stormglass_check::judge(world.history()));
    let judged = watch.took();
    let events = world.history().events.iter();
    let rebalances = events.filter(|event| matches!(event.what, What::Rebalanced { .. })).count();
    Ran { rebalances, events: world.events(), took, judged }
}

/// Nine brokers, ten partitions a member, and a member that dies without a word and comes back.
fn growing(members: u32) -> String {
    let partitions = members * 10;
    format!(
        "
run: {{ for: 2m, settle: 2m, max-events: 2000000000 }}
cluster: {{ brokers: 9, config: {{ min.insync.replicas: 2 }} }}
topics: {{ orders: {{ partitions: {partitions}, replication.factor: 3 }} }}
producers: {{ checkout: {{ to: orders, rate: 100/s, keys: {{ count: 1000 }} }} }}
groups:
  billing:
    members: {members}
    subscribe: [orders]
    config: {{ auto.offset.reset: earliest, session.timeout.ms: 10000, partition.assignment.strategy: StickyAssignor }}
    commit: after-processing
faults:
  - {{ at: 40s, kill: billing-2, for: 30s }}
expect: {{ hold: [single-owner] }}
"
    )
}

/// Members die, pause and restart all the time, and so do brokers, for an hour.
fn storm(members: u32) -> String {
    format!(
        "
run: {{ for: 1h, settle: 5m, max-events: 2000000000 }}
cluster: {{ config: {{ min.insync.replicas: 2 }} }}
topics: {{ orders: {{ partitions: {members}, replication.factor: 3 }} }}
producers: {{ checkout: {{ to: orders, rate: 5/s, keys: {{ count: 1000 }} }} }}
groups:
  billing:
    members: {members}
    subscribe: [orders]
    config: {{ auto.offset.reset: earliest, partition.assignment.strategy: CooperativeStickyAssignor }}
    commit: {{ every: 5s, on-revoke: commit }}
faults:
  - {{ every: 60s..120s, kill: member of billing, for: 5s..60s }}
  - {{ every: 60s..120s, restart: member of billing, for: 2s..10s }}
  - {{ every: 120s..240s, pause: member of billing, for: 30s..60s }}
  - {{ every: 300s..600s, kill: coordinator of billing, for: 10s }}
expect: {{ hold: [single-owner] }}
"
    )
}
