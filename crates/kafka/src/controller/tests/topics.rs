use super::*;
use crate::message::CreatePartitionsRequest;

const CLEAN: UncleanElection = UncleanElection::Forbidden;

fn expand(rig: &mut Rig, topic: u16, partitions: u16) -> ErrorCode {
    let topic = TopicId(topic);
    match rig.ask(Request::CreatePartitions(CreatePartitionsRequest { topic, partitions })) {
        Response::CreatePartitions(error) => error,
        other => panic!("{other:?}"),
    }
}

fn with_brokers(brokers: u16) -> Rig {
    let mut rig = Rig::new(Rules::ALL);
    for broker in 1..=brokers {
        rig.join(broker, 0);
    }
    rig
}

/// How many partitions each broker leads, and how many replicas each has.
fn spread(rig: &Rig, brokers: u16) -> Vec<(usize, usize)> {
    let partitions: Vec<_> = rig.controller.image().partitions.iter().collect();
    (1..=brokers)
        .map(|broker| {
            let led = partitions.iter().filter(|(_, p)| p.leader == Some(BrokerId(broker)));
            let kept = partitions.iter().filter(|(_, p)| p.replicas.contains(&BrokerId(broker)));
            (led.count(), kept.count())
        })
        .collect()
}

#[test]
fn leaders_and_replicas_are_spread_evenly() {
    let mut rig = with_brokers(4);
    assert_eq!(rig.create(0, 12, 3, CLEAN), ErrorCode::None);
    assert_eq!(spread(&rig, 4), [(3, 9); 4]);
    for (_, partition) in rig.controller.image().partitions.iter() {
        assert_eq!(partition.leader, partition.replicas.first().copied());
        assert_eq!(partition.isr, partition.replicas);
    }
}

#[test]
fn a_fenced_broker_gets_replicas_but_neither_leads_nor_is_in_sync() {
    let mut rig = with_brokers(2);
    rig.register(3, 0).unwrap();
    assert_eq!(rig.create(0, 4, 3, CLEAN), ErrorCode::None);
    assert_eq!(spread(&rig, 3), [(2, 4), (2, 4), (0, 4)]);
    let mut partitions = rig.controller.image().partitions.iter();
    assert!(partitions.all(|(_, partition)| !partition.isr.contains(&BrokerId(3))));
}

#[test]
fn a_topic_needs_enough_brokers_of_which_one_serves() {
    let mut rig = Rig::new(Rules::ALL);
    assert_eq!(rig.create(0, 1, 1, CLEAN), ErrorCode::InvalidReplicationFactor);
    rig.register(1, 0).unwrap();
    assert_eq!(rig.create(0, 1, 1, CLEAN), ErrorCode::InvalidReplicationFactor);
    rig.beat(1, Want::Serve).unwrap();
    assert_eq!(rig.create(0, 1, 2, CLEAN), ErrorCode::InvalidReplicationFactor);
    assert_eq!(rig.create(0, 1, 0, CLEAN), ErrorCode::InvalidReplicationFactor);
    assert_eq!(rig.create(0, 0, 1, CLEAN), ErrorCode::InvalidPartitions);
    assert_eq!(rig.create(0, 1, 1, CLEAN), ErrorCode::None);
    assert_eq!(rig.create(0, 1, 1, CLEAN), ErrorCode::TopicAlreadyExists);
}

#[test]
fn partitions_are_added_but_never_taken_away() {
    let mut rig = with_brokers(3);
    assert_eq!(expand(&mut rig, 0, 2), ErrorCode::UnknownTopicOrPartition);
    rig.create(0, 2, 3, CLEAN);
    rig.out.notes.clear();
    assert_eq!(expand(&mut rig, 0, 2), ErrorCode::InvalidPartitions);
    assert_eq!(expand(&mut rig, 0, 1), ErrorCode::InvalidPartitions);
    assert_eq!(rig.out.notes, []);
    assert_eq!(expand(&mut rig, 0, 5), ErrorCode::None);
    assert_eq!(rig.controller.image().partition_count(TopicId(0)), 5);
    assert_eq!(rig.controller.image().partitions[orders(4)].replicas.len(), 3);
    let expanded = Note::Expanded { topic: TopicId(0), partitions: 5 };
    assert_eq!(rig.out.notes.last(), Some(&expanded));
}
