//! How fast worlds run: the reference load, a small world, a clone, an event.
//!
//! Run with `cargo bench -p stormglass-tests --bench worlds`; what came out, and where the time goes, is in
//! `reports/performance.md`. Asserts nothing about time.

use std::cell::Cell;
use std::thread;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use stormglass_check::judge;
use stormglass_sim::World;
use stormglass_tests::{Story, loads};
use stormglass_types::Span;

fn main() {
    divan::main();
}

/// A virtual minute.
fn reference() -> Story {
    loads::reference(Span::secs(60))
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

/// The same load with a commit after each poll.
#[divan::bench(sample_count = 20)]
fn committing_world_and_judgement(bencher: Bencher<'_, '_>) {
    seeds(bencher, &loads::committing(Span::secs(60)), Judged::Yes);
}

/// The same world as `reference_world`, counted in events.
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
    seeds(bencher, &loads::small(), Judged::No);
}

#[divan::bench]
fn small_world_and_judgement(bencher: Bencher<'_, '_>) {
    seeds(bencher, &loads::small(), Judged::Yes);
}

#[divan::bench]
fn small_world_with_group(bencher: Bencher<'_, '_>) {
    seeds(bencher, &loads::small_with_group(), Judged::Yes);
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
