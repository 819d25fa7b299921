//! Partitions that move to other brokers while they are written and read.

use stormglass_kafka::CrashKind;
use stormglass_sim::chaos::{Chaos, Family};
use stormglass_sim::plan::{FaultAction, Target};
use stormglass_tests::{Story, Told};
use stormglass_types::{BrokerId, NodeId, Span, TopicId, TopicPartition};

const ORDERS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };

fn to(brokers: Option<&[u16]>) -> FaultAction {
    let replicas = brokers.map(|brokers| brokers.iter().map(|id| BrokerId(*id)).collect());
    FaultAction::Reassign { partition: ORDERS, replicas }
}

/// Four brokers, of which 1, 2 and 3 have the partition from the third second on.
fn four() -> Story {
    Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 1, &[])
        .producer(Span::millis(5), &[])
        .group(1, Span::ZERO, &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(20))
        .with(|plan| plan.cluster.brokers = 4)
        .fault(Span::secs(3), to(Some(&[1, 2, 3])))
}

/// The replicas as the controller has them, and the brokers that hold one.
fn replicas(told: &Told) -> (Vec<u16>, Vec<u16>) {
    let view = told.world.view();
    let registration = view.registration(ORDERS);
    let known = registration.map(|known| known.replicas.iter().map(|id| id.0).collect());
    let holds = |id: &u16| {
        view.broker(BrokerId(*id)).is_some_and(|broker| broker.replica(ORDERS).is_some())
    };
    (known.unwrap_or_default(), (1..=4).filter(holds).collect())
}

#[test]
fn leaving_brokers_drop_their_replica_and_arriving_ones_have_everything() {
    let told = four().fault(Span::secs(8), to(Some(&[4, 3]))).tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert_eq!(replicas(&told), (vec![4, 3], vec![3, 4]));
}

#[test]
fn a_move_that_is_taken_back_leaves_no_trace() {
    let down = Span::secs(10);
    let target = Target::Process(NodeId(4));
    let kill = FaultAction::Kill { target, kind: CrashKind::Process, down };
    let told = four()
        .fault(Span::secs(7), kill)
        .fault(Span::secs(8), to(Some(&[4, 2, 3])))
        .fault(Span::secs(12), to(None))
        .tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert_eq!(replicas(&told), (vec![2, 3, 1], vec![1, 2, 3]));
}

#[test]
fn moves_lose_nothing_while_leaders_crash() {
    let trouble = [Family::FlipStorm, Family::ChainCrash, Family::RestartBroker];
    for seed in 1..=8 {
        let told = four()
            .fault(Span::secs(6), to(Some(&[4, 2, 3])))
            .fault(Span::secs(10), to(Some(&[1, 4])))
            .fault(Span::secs(13), to(Some(&[2, 3, 4])))
            .chaos(Chaos::Families(trouble.to_vec()))
            .tell(seed);
        assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
        // A leadership that was moved since has changed their order.
        let (mut known, holds) = replicas(&told);
        known.sort_unstable();
        assert_eq!((known, holds), (vec![2, 3, 4], vec![2, 3, 4]), "seed {seed}");
    }
}
