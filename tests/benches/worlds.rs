//! How fast worlds run: the reference load, a small world, a clone, an event.
//!
//! Run with `cargo bench -p stormglass-tests --bench worlds`; what came out, and where the time goes, is in
//! `reports/performance.md`. Asserts nothing about time.

use std::cell::Cell;
use std::sync::Arc;
use std::thread;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use stormglass_check::judge;
use stormglass_sim::World;
use stormglass_sim::plan::{Keys, Plan, WeightedKey};
use stormglass_tests::Story;
use stormglass_types::{Key, Span};

fn main() {
    divan::main();
}

/// The load of `scenarios/reference.yaml`: three brokers, 12 partitions with three replicas, four idempotent producers at 250
/// records a second each over a thousand keys, and a group of four that commits what it has processed, for 60 virtual seconds.
fn reference() -> Story {
    let mut story = Story::new(&[("min.insync.replicas", "2")]).topic("orders", 12, &[]);
    for _ in 0..4 {
        story = story.producer(Span::millis(4), &[]);
    }
    story
        .group(4, Span::ZERO, &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(60))
        .with(thousand_keys)
}

fn thousand_keys(plan: &mut Plan) {
    let names: Vec<String> = (0..1000).map(|n| format!("key-{n}")).collect();
    for producer in &mut plan.producers {
        let partitioner = producer.settings.partitioner;
        let weighted = names.iter().zip(0..).map(|(name, n)| WeightedKey {
            key: Key(n),
            hash: partitioner.hash(name.as_bytes()),
            cumulative: u64::from(n) + 1,
        });
        producer.load.keys = Keys::Weighted(weighted.collect());
    }
    plan.keys = Arc::from(names);
}

/// A hundred records from one producer over three brokers, and nobody who reads them.
fn small() -> Story {
    Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 1, &[])
        .producer(Span::millis(1), &[])
        .with(|plan| plan.producers[0].load.limit = Some(100))
        .lasting(Span::millis(100))
}

/// A small world with a group of one.
fn small_with_group() -> Story {
    small().group(1, Span::micros(10), &[("auto.offset.reset", "earliest")])
}

fn run(story: &Story, seed: u64) -> World {
    let mut world = World::new(&story.plan(seed));
    world.run();
    world
}

/// Whole seeds, each with its own; `counter` turns the result into seeds a second.
fn seeds(bencher: Bencher<'_, '_>, story: &Story, judged: Judged) {
    let seed = Cell::new(0);
    bencher.counter(ItemsCount::new(1_u64)).bench_local(|| {
        seed.set(seed.get() + 1);
        let world = run(story, seed.get());
        if let Judged::Yes = judged {
            black_box(judge(world.history()));
        }
        black_box(world.digest())
    });
}

enum Judged {
    Yes,
    No,
}

#[divan::bench(sample_count = 20)]
fn reference_world(bencher: Bencher<'_, '_>) {
    seeds(bencher, &reference(), Judged::No);
}

#[divan::bench(sample_count = 20)]
fn reference_world_and_judgement(bencher: Bencher<'_, '_>) {
    seeds(bencher, &reference(), Judged::Yes);
}

/// The same world, counted in events.
#[divan::bench(sample_count = 20)]
fn reference_events(bencher: Bencher<'_, '_>) {
    let plan = reference().plan(1);
    let events = run(&reference(), 1).events();
    bencher.counter(ItemsCount::new(events)).bench_local(|| {
        let mut world = World::new(&plan);
        world.run();
        world
    });
}

#[divan::bench(sample_count = 20)]
fn reference_judgement(bencher: Bencher<'_, '_>) {
    let world = run(&reference(), 1);
    bencher.bench_local(|| judge(black_box(world.history())));
}

#[divan::bench]
fn reference_clone(bencher: Bencher<'_, '_>) {
    let world = run(&reference(), 1);
    bencher.bench_local(|| black_box(&world).clone());
}

#[divan::bench]
fn small_world(bencher: Bencher<'_, '_>) {
    seeds(bencher, &small(), Judged::No);
}

#[divan::bench]
fn small_world_and_judgement(bencher: Bencher<'_, '_>) {
    seeds(bencher, &small(), Judged::Yes);
}

#[divan::bench]
fn small_world_with_group(bencher: Bencher<'_, '_>) {
    seeds(bencher, &small_with_group(), Judged::Yes);
}

/// Eight seeds on each thread, each with its own worlds: seeds a second on one thread and on two.
#[divan::bench(args = [1, 2], sample_count = 5)]
fn reference_threads(bencher: Bencher<'_, '_>, threads: u64) {
    let story = reference();
    bencher.counter(ItemsCount::new(threads * 8)).bench_local(|| {
        thread::scope(|scope| {
            for thread in 0..threads {
                let story = &story;
                scope.spawn(move || {
                    for seed in thread * 8..thread * 8 + 8 {
                        let world = run(story, seed);
                        black_box(judge(world.history()));
                    }
                });
            }
        });
    });
}
