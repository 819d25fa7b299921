//! What an application does around `send`, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use stormglass_kafka::Mark;
use stormglass_sim::plan::{
    AtStop, ChosenBy, Dealt, DealtBy, FaultAction, FlushEvery, Keys, ProducerPlan, Sending,
    SpanRange, Target, WaitsFor,
};
use stormglass_tests::{Story, Told};
use stormglass_types::history::{Outcome, What};
use stormglass_types::{Key, NodeId, Span, Time, TopicId};

/// The node of the only producer.
const PRODUCER: NodeId = NodeId(4);

fn story(sending: Sending, producer: &[(&str, &str)]) -> Story {
    Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 4, &[])
        .producer(Span::millis(1), producer)
        .group(1, Span::ZERO, &[("auto.offset.reset", "earliest"), ("metadata.max.age.ms", "500")])
        .with(|plan| {
            plan.producers[0].sending = sending;
            plan.network.latency = SpanRange { least: Span::millis(2), most: Span::millis(2) };
        })
        .lasting(Span::secs(6))
}

fn told(story: &Story) -> Told {
    let told = story.tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    told
}

/// How many sends were open when each record was taken in.
fn open_at_sends(told: &Told) -> Vec<u32> {
    let mut open = 0;
    let mut at_sends = Vec::new();
    for event in told.world.history().events.iter() {
        match event.what {
            What::Send { .. } => {
                at_sends.push(open);
                open += 1;
            }
            What::SendDone { values, .. } => open -= values.count,
            _ => {}
        }
    }
    at_sends
}

fn when(told: &Told, wanted: fn(&What) -> bool) -> Vec<Time> {
    let events = told.world.history().events.iter();
    let of_producer = events.filter(|event| event.process == PRODUCER);
    of_producer.filter(|event| wanted(&event.what)).map(|event| event.at).collect()
}

#[test]
fn who_waits_for_each_record_sends_no_faster_than_acknowledgements_come() {
    let linger = [("linger.ms", "0")];
    let blocking = Sending { waits_for: WaitsFor::Ack, ..Sending::PLAIN };
    let blocking = open_at_sends(&told(&story(blocking, &linger)));
    assert!(blocking.iter().all(|open| *open == 0), "never two at once");
    let callbacks = open_at_sends(&told(&story(Sending::PLAIN, &linger)));
    assert!(callbacks.iter().any(|open| *open > 3));
    // There and back to the leader, and to a follower meanwhile, takes 8 ms or so; the load would be a record per ms.
    assert!(callbacks.len() > 5_500, "{}", callbacks.len());
    assert!((400..1_000).contains(&blocking.len()), "{}", blocking.len());
}

#[test]
fn a_named_partition_gets_everything_and_the_partitioner_is_not_asked() {
    let own = Sending { partition: ChosenBy::Number(3), ..Sending::PLAIN };
    let told = told(&story(own, &[]));
    let partitions = told.world.history().events.iter().filter_map(|event| match event.what {
        What::Send { partition, .. } => Some(partition.partition),
        _ => None,
    });
    assert_eq!(partitions.collect::<BTreeSet<_>>(), BTreeSet::from([3]));
}

#[test]
fn a_partition_that_does_not_exist_blocks_until_it_does() {
    let own = Sending { partition: ChosenBy::Number(5), ..Sending::PLAIN };
    let story = story(own, &[("max.block.ms", "1000")]);
    let refused = |told: &Told| when(told, |what| matches!(what, What::SendRefused { .. })).len();
    let never = told(&story);
    assert_eq!(refused(&never), 6);
    let expand = FaultAction::Expand { topic: TopicId(1), partitions: 6 };
    let later = told(&story.fault(Span::millis(2_500), expand));
    assert_eq!(refused(&later), 2);
    assert!(when(&later, |what| matches!(what, What::Send { .. })).len() > 3_000);
}

#[test]
fn who_works_partitions_out_keeps_keys_where_they_are_when_a_topic_grows() {
    let homes = |sending| {
        let expand = FaultAction::Expand { topic: TopicId(1), partitions: 7 };
        let metadata = [("metadata.max.age.ms", "500")];
        let told = story(sending, &metadata).fault(Span::secs(2), expand).tell(1);
        let mut homes = BTreeMap::<_, BTreeSet<u16>>::new();
        for event in told.world.history().events.iter() {
            if let What::Send { partition, key: Some(key), .. } = event.what {
                homes.entry(key).or_default().insert(partition.partition);
            }
        }
        homes
    };
    let own = Sending { partition: ChosenBy::Key(4), ..Sending::PLAIN };
    assert!(homes(own).values().all(|home| home.len() == 1));
    assert!(homes(Sending::PLAIN).values().any(|home| home.len() == 2));
}

#[test]
fn flush_lets_nothing_in_until_everything_is_settled() {
    let linger = [("linger.ms", "50")];
    for every in [FlushEvery::Records(10), FlushEvery::Time(Span::millis(20))] {
        let flushing = Sending { flush: Some(every), ..Sending::PLAIN };
        let open = open_at_sends(&told(&story(flushing, &linger)));
        if every == FlushEvery::Records(10) {
            assert!(open.iter().step_by(10).all(|open| *open == 0));
            assert!(open.iter().all(|open| *open < 10), "{:?}", open.iter().max());
        }
        let rounds = open.iter().filter(|open| **open == 0).count();
        assert!(rounds > 100, "{every:?}: {rounds} rounds");
    }
}

#[test]
fn how_a_producer_is_closed_decides_what_becomes_of_its_buffer() {
    // Nobody answers while it is asked to stop.
    let stop = |at_stop| {
        let cut = |broker| FaultAction::Isolate {
            target: Target::Process(NodeId(broker)),
            lasting: Span::secs(2),
        };
        let restart =
            FaultAction::Restart { target: Target::Process(PRODUCER), down: Span::secs(1) };
        let sending = Sending { at_stop, ..Sending::PLAIN };
        let story = story(sending, &[("linger.ms", "20")]).with(|plan| {
            plan.producers[0].load.keys = Keys::None;
        });
        let story = (1..=3).fold(story, |story, broker| story.fault(Span::secs(3), cut(broker)));
        told(&story.fault(Span::millis(3_010), restart))
    };
    let life = |told: &Told| {
        let started = when(told, |what| *what == What::Started)[0];
        let stopped = when(told, |what| *what == What::Stopped)[0];
        let failed = when(told, |what| {
            matches!(what, What::SendDone { outcome: Outcome::Unknown(_) | Outcome::Fail(_), .. })
        });
        (stopped.since(started), failed.len())
    };
    let closed = stop(AtStop::Close);
    assert!(life(&closed).0 > Span::secs(5), "it waits until the brokers are back");
    assert_eq!(life(&closed).1, 0);
    let within = stop(AtStop::CloseWithin(Span::millis(500)));
    assert!(
        (Span::millis(3_510)..Span::millis(3_530)).contains(&life(&within).0),
        "{:?}",
        life(&within)
    );
    assert!(life(&within).1 > 0, "the application is told");
    assert!(within.world.marks().contains(Mark::ClosedForcefully));
    let ended = stop(AtStop::End);
    assert!(
        (Span::millis(3_010)..Span::millis(3_020)).contains(&life(&ended).0),
        "{:?}",
        life(&ended)
    );
    assert_eq!(life(&ended).1, 0, "nobody is told anything");
    assert!(!ended.world.marks().contains(Mark::ClosedForcefully));
}

/// Three producers between which a stream of events is dealt; tells who sent each event, in the order of their keys' sends.
fn dealt(by: DealtBy) -> (Vec<NodeId>, BTreeMap<Key, BTreeSet<NodeId>>) {
    let three = story(Sending::PLAIN, &[]).with(|plan| {
        let one = plan.producers[0].clone();
        let pool = (0..3).map(|to| ProducerPlan {
            name: format!("pool-{to}"),
            dealt: Some(Dealt { by, among: 3, to }),
            ..one.clone()
        });
        plan.producers = pool.collect();
    });
    // What is lost of the order of the stream is none of this test.
    let told = three.tell(1);
    let (mut senders, mut homes) = (Vec::new(), BTreeMap::<Key, BTreeSet<NodeId>>::new());
    for event in told.world.history().events.iter() {
        if let What::Send { key: Some(key), .. } = event.what {
            senders.push(event.process);
            homes.entry(key).or_default().insert(event.process);
        }
    }
    (senders, homes)
}

#[test]
fn a_pool_of_producers_shares_one_stream_of_events() {
    let (in_turn, scattered) = dealt(DealtBy::Turn);
    // As many as one producer would send, and each in its turn once all have what `send` waits for.
    assert!((5_000..7_000).contains(&in_turn.len()), "{}", in_turn.len());
    let late = &in_turn[in_turn.len() / 2..];
    assert!(late.windows(3).all(|three| three.iter().collect::<BTreeSet<_>>().len() == 3));
    assert!(scattered.values().all(|senders| senders.len() == 3));
    let (by_key, gathered) = dealt(DealtBy::Key);
    assert_eq!(by_key.len(), in_turn.len(), "the same events");
    assert!(gathered.values().all(|senders| senders.len() == 1));
}
