//! Replicas that lag catch up as fast as their throttle lets them, or not at all (KIP-73).

use stormglass_kafka::{CrashKind, Mark};
use stormglass_sim::plan::{FaultAction, SizeRange, Target};
use stormglass_tests::{Settings, Story};
use stormglass_types::history::What;
use stormglass_types::{Span, Time, TopicId, TopicPartition};

const PARTITION: TopicPartition = TopicPartition::new(TopicId(1), 0);

/// A follower is down for six seconds while a megabyte comes in each second. When it is in sync again after its return, and
/// whether it was held back.
fn back_in_sync(broker: Settings<'_>, topic: Settings<'_>) -> (Span, bool) {
    back_in_sync_while(broker, topic, &[])
}

/// As [`back_in_sync`], while an operator sets throttles, each at a second.
fn back_in_sync_while(
    broker: Settings<'_>,
    topic: Settings<'_>,
    throttles: &[(u64, Option<u64>)],
) -> (Span, bool) {
    let base = [
        ("min.insync.replicas", "2"),
        ("replica.lag.time.max.ms", "2000"),
        ("broker.session.timeout.ms", "2000"),
        ("broker.heartbeat.interval.ms", "500"),
    ];
    let broker = [&base[..], broker].concat();
    let kill = FaultAction::Kill {
        target: Target::FollowerOf(PARTITION),
        kind: CrashKind::Process,
        down: Span::secs(6),
    };
    let story = Story::new(&broker)
        .topic("orders", 1, topic)
        .producer(Span::millis(1), &[])
        .with(|plan| {
            plan.producers[0].load.bytes = SizeRange { least: 1_000, most: 1_000 };
        })
        .lasting(Span::secs(20))
        .fault(Span::secs(2), kill);
    let story = throttles.iter().fold(story, |story, (at, rate)| {
        story.fault(Span::secs(*at), FaultAction::Throttle { rate: *rate })
    });
    let told = story.tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    let (mut left, mut back) = (false, None);
    let mut returned = Time::ZERO;
    for event in told.world.history().events.iter() {
        match event.what {
            What::FaultEnded { .. } => returned = event.at,
            What::InSync { partition: PARTITION, replicas, .. } if replicas.count_ones() < 3 => {
                left = true;
                back = None;
            }
            What::InSync { partition: PARTITION, .. } if left && back.is_none() => {
                back = Some(event.at.since(returned));
            }
            _ => {}
        }
    }
    let held_back = told.world.marks().contains(Mark::ReplicaThrottled);
    (back.expect("it comes back, as soon as the load is over"), held_back)
}

#[test]
fn a_lagging_follower_copies_no_faster_than_its_throttle_lets_it() {
    let topic = [("follower.replication.throttled.replicas", "*")];
    let with = |rate| back_in_sync(&[("follower.replication.throttled.rate", rate)], &topic);
    let (free, held_back) = back_in_sync(&[], &topic);
    assert!(free < Span::secs(3) && !held_back, "{free}");
    let (throttled, held_back) = with("3000000");
    assert!(held_back && throttled > free + Span::millis(1_500), "{throttled}");
    assert!(throttled < Span::secs(9), "{throttled}");
    // Below the inflow there is no end to it before the load's own, twelve seconds later.
    let (never, held_back) = with("600000");
    assert!(held_back && never > Span::secs(20), "{never}");
}

#[test]
fn a_leader_gives_those_that_lag_what_those_in_sync_leave() {
    let topic = [("leader.replication.throttled.replicas", "*")];
    let with = |rate| back_in_sync(&[("leader.replication.throttled.rate", rate)], &topic);
    let (free, held_back) = with("20000000");
    assert!(free < Span::secs(3) && !held_back, "{free}");
    let (never, held_back) = with("1500000");
    assert!(held_back && never > Span::secs(12), "{never}");
}

#[test]
fn a_throttle_concerns_the_replicas_that_are_listed() {
    let rate = [("follower.replication.throttled.rate", "600000")];
    let others = [("follower.replication.throttled.replicas", "0:9,1:1,1:2,1:3")];
    let (free, held_back) = back_in_sync(&rate, &others);
    assert!(free < Span::secs(3) && !held_back, "{free}");
    let these = [("follower.replication.throttled.replicas", "0:1,0:2,0:3")];
    let (never, held_back) = back_in_sync(&rate, &these);
    assert!(held_back && never > Span::secs(20), "{never}");
}

#[test]
fn a_throttle_holds_from_when_it_is_set_until_it_is_taken_away() {
    let topic = [("follower.replication.throttled.replicas", "*")];
    let with = |throttles: &[(u64, Option<u64>)]| back_in_sync_while(&[], &topic, throttles);
    let (never, held_back) = with(&[(1, Some(600_000))]);
    assert!(held_back && never > Span::secs(20), "{never}");
    // The follower is back at the eighth second.
    let (at_last, held_back) = with(&[(1, Some(600_000)), (13, None)]);
    assert!(held_back && at_last > Span::secs(4) && at_last < Span::secs(8), "{at_last}");
    let (free, held_back) = with(&[(1, Some(600_000)), (5, None)]);
    assert!(free < Span::secs(3) && !held_back, "{free}");
    // A broker that starts learns of the rate that stands, whatever it was configured with.
    let slow = [("follower.replication.throttled.rate", "600000")];
    let (free, held_back) = back_in_sync_while(&slow, &topic, &[(5, Some(50_000_000))]);
    assert!(free < Span::secs(3) && !held_back, "{free}");
}
