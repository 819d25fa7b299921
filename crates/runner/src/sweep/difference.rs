//! Where two runs of one plan part, found by bisection over forks of both.

use stormglass_sim::plan::Plan;
use stormglass_sim::{Step, World};
use stormglass_types::Time;

use crate::export::trace_line;
use crate::names::Names;

/// The first event in which two runs differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Which event, counted from one.
    pub event: u64,
    /// When the first run had it.
    pub at: Time,
    /// What happened, in the first run and in the second.
    pub sides: [Vec<String>; 2],
}

/// Both runs go on by so many events between two looks.
const STRIDE: u64 = 4_096;

/// Runs two plans side by side; none if they come to the same.
pub(crate) fn between(plans: [&Plan; 2]) -> Option<Difference> {
    let mut worlds = plans.map(World::new);
    loop {
        let forks = worlds.clone();
        let steps = worlds.each_mut().map(|world| go(world, STRIDE));
        if !same(&worlds) {
            return Some(bisect(forks));
        }
        if steps.iter().all(|steps| *steps < STRIDE) {
            return None;
        }
    }
}

/// Both are the same now and differ within a stride.
fn bisect(start: [World; 2]) -> Difference {
    let (mut low, mut high) = (0, STRIDE);
    let mut last = start.clone();
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let mut worlds = last.clone();
        worlds.iter_mut().for_each(|world| {
            go(world, middle - low);
        });
        if same(&worlds) {
            (low, last) = (middle, worlds);
        } else {
            high = middle;
        }
    }
    let event = last[0].events() + 1;
    last.iter_mut().for_each(|world| {
        world.record_trace();
        world.step();
    });
    Difference { event, at: last[0].now(), sides: last.each_ref().map(lines) }
}

fn go(world: &mut World, most: u64) -> u64 {
    (0..most).take_while(|_| world.step() == Step::Ran).count() as u64
}

fn same(worlds: &[World; 2]) -> bool {
    let print = |world: &World| (world.digest(), world.events(), world.now(), world.phase());
    print(&worlds[0]) == print(&worlds[1])
}

fn lines(world: &World) -> Vec<String> {
    let names = Names::new(world.history());
    let records = world.trace().into_iter().flat_map(|trace| trace.iter());
    records.map(|record| trace_line(world, &names, record)).collect()
}
