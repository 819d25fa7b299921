//! Stories that every change must keep true.

use stormglass_sim::plan::{FaultAction, Target};
use stormglass_sim::{End, Step, World};
use stormglass_tests::Story;
use stormglass_types::{NodeId, Span};

#[test]
fn a_calm_pipeline_holds_everything() {
    let story = Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 4, &[])
        .producer(Span::millis(5), &[])
        .group(2, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(20));
    let told = story.tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert_eq!(told.end, End::Settled);
}

#[test]
fn inputs_keep_their_order_through_a_stall_and_a_pause() {
    let broker = || Target::Process(NodeId(1));
    let stall = FaultAction::StallDisk { target: broker(), lasting: Span::secs(6) };
    let pause = FaultAction::Pause { target: broker(), lasting: Span::secs(6) };
    let told = Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 4, &[])
        .producer(Span::millis(5), &[])
        .group(2, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(20))
        .fault(Span::secs(4), stall)
        .fault(Span::secs(6), pause)
        .tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
}

#[test]
fn a_follower_that_waits_for_its_disk_lets_time_go_on() {
    let story = Story::new(&[("min.insync.replicas", "2"), ("log.flush.interval.messages", "1")])
        .topic("orders", 6, &[])
        .producer(Span::millis(8), &[])
        .producer(Span::millis(8), &[])
        .group(2, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(1));
    for seed in 0..100 {
        let mut world = World::new(&story.plan(seed));
        let mut events = 0;
        while world.step() == Step::Ran {
            events += 1;
            assert!(events < 200_000, "seed {seed} comes no further than {}", world.now());
        }
    }
}
