use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stormglass_sim::World;

use super::pool::Pool;
use super::*;
use crate::report::tests::{held, violated};
use crate::result::Status;

fn heard(pool: &Pool, until: usize) -> Vec<u64> {
    let mut heard = Vec::new();
    pool.run(
        &|task| {
            // Later tasks overtake earlier ones.
            if task.is_multiple_of(7) {
                std::thread::yield_now();
            }
            task
        },
        &mut |task| {
            heard.push(task);
            if heard.len() == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    heard
}

#[test]
fn results_are_heard_in_order_on_any_number_of_threads() {
    for jobs in [1, 2, 5] {
        let pool = Pool { jobs, tasks: 1_000, deadline: None };
        assert_eq!(heard(&pool, usize::MAX), (0..1_000).collect::<Vec<_>>(), "{jobs} threads");
    }
}

#[test]
fn nothing_is_heard_after_the_listener_broke_off() {
    let pool = Pool { jobs: 3, tasks: 100_000, deadline: None };
    assert_eq!(heard(&pool, 10), (0..10).collect::<Vec<_>>());
}

#[test]
fn nobody_runs_far_ahead_of_what_was_heard() {
    let (begun, first) = (AtomicU64::new(0), AtomicU64::new(0));
    let pool = Pool { jobs: 2, tasks: 2_000, deadline: None };
    let mut furthest = 0;
    pool.run(
        &|task| {
            begun.fetch_max(task, Ordering::Relaxed);
            if task == 0 {
                // The first result comes when the other thread cannot go on any more.
                while begun.load(Ordering::Relaxed) < 255 {
                    std::thread::yield_now();
                }
                first.store(begun.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        },
        &mut |()| {
            furthest = furthest.max(first.load(Ordering::Relaxed));
            ControlFlow::Continue(())
        },
    );
    assert!((255..=256).contains(&furthest), "the other thread was at {furthest}");
}

#[test]
fn no_task_begins_after_the_deadline() {
    let deadline = Some(Instant::now() - Duration::from_millis(1));
    assert_eq!(heard(&Pool { jobs: 2, tasks: 10, deadline }, usize::MAX), [0_u64; 0]);
}

#[test]
fn seeds_are_written_as_a_number_or_a_range() {
    let all = |text: &str| {
        text.parse::<Seeds>()
            .map(|seeds| (0..seeds.count()).map(|n| seeds.at(n)).collect::<Vec<_>>())
    };
    assert_eq!(all("3"), Ok(vec![0, 1, 2]));
    assert_eq!(all("7..9"), Ok(vec![7, 8]));
    assert_eq!("1_000".parse::<Seeds>().map(Seeds::count), Ok(1_000));
    for bad in ["", "0", "5..5", "9..2", "-1", "1..", "..2", "a", "1.5", "99999999999999999999"] {
        assert!(bad.parse::<Seeds>().is_err(), "`{bad}` was taken for seeds");
    }
}

#[test]
fn shards_share_all_seeds_and_none_twice() {
    let seeds: Seeds = "10..33".parse().expect("seeds");
    for of in [1, 2, 4, 23, 40] {
        let mut all = BTreeSet::new();
        for number in 1..=of {
            let shard: Shard = format!("{number}/{of}").parse().expect("a share");
            let part = shard.of(seeds);
            for place in 0..part.count() {
                assert!(all.insert(part.at(place)), "{number}/{of} holds {} again", part.at(place));
            }
        }
        assert_eq!(all, (10..33).collect(), "{of} shards");
    }
    for bad in ["0/4", "5/4", "1/0", "4", "/", "1/2/3", "a/b"] {
        assert!(bad.parse::<Shard>().is_err(), "`{bad}` was taken for a share");
    }
}

#[test]
fn a_tally_keeps_one_example_per_kind_of_failure() {
    let mut tally = Tally::default();
    for seed in 0..1_000 {
        let result = if seed >= 10 { violated(seed) } else { held(seed) };
        tally.add(&Seed::Ran(Box::new(result)));
    }
    let groups = tally.groups();
    let [(signature, group)] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!(signature.to_string(), "no-duplicates.duplicate");
    assert_eq!((group.count, group.first.seed, group.seeds.len()), (990, 10, 8));
    assert_eq!((tally.seeds(), tally.failures(), tally.count(Status::Hold)), (1_000, 990, 10));
    assert_eq!(tally.outcome(), Status::Violated);
}

#[test]
fn the_first_difference_is_found_wherever_it_is() {
    let text = "
run: { for: 4s, settle: 60s }
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders, rate: 500/s } }
faults: [{ at: 3s, pause: broker-2, for: 300ms }]
expect: { hold: [no-loss] }
";
    let plan = crate::scenario::Scenario::parse("x.yaml", text).expect("valid").plan(1);
    let mut later = plan.clone();
    later.faults[0].when = stormglass_sim::plan::Trigger::At(stormglass_types::Span::millis(3_100));
    assert_eq!(between([&plan, &plan]), None);
    let found = between([&plan, &later]).expect("they differ");
    let mut worlds = [&plan, &later].map(World::new);
    while worlds[0].digest() == worlds[1].digest() {
        worlds.iter_mut().for_each(|world| {
            world.step();
        });
    }
    assert_eq!(found.event, worlds[0].events());
    assert!(found.event > 4_096, "not in the first stride: {}", found.event);
    assert!(found.sides[0].iter().any(|line| line.contains("pause")), "{found:?}");
}
