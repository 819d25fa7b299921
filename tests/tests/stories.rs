//! Stories that every change must keep true.

use std::collections::BTreeMap;

use stormglass_kafka::{CrashKind, Mark};
use stormglass_sim::plan::{FaultAction, Target};
use stormglass_sim::{End, Step, World};
use stormglass_tests::Story;
use stormglass_types::history::What;
use stormglass_types::{GroupId, NodeId, Span, TopicId, TopicPartition};

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
fn members_of_the_consumer_protocol_let_go_before_others_get() {
    let member = || Target::Process(NodeId(5));
    let restart = FaultAction::Restart { target: member(), down: Span::secs(2) };
    let told = Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 6, &[])
        .producer(Span::millis(5), &[])
        .group(
            3,
            Span::millis(1),
            &[("auto.offset.reset", "earliest"), ("group.protocol", "consumer")],
        )
        .lasting(Span::secs(40))
        .fault(Span::secs(12), restart)
        .tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert_eq!(told.end, End::Settled);
    let marks = told.world.marks();
    for mark in [Mark::RevocationAsked, Mark::PartitionUnreleased, Mark::MemberLeft] {
        assert!(marks.contains(mark), "{mark:?} is not among {marks:?}");
    }
    // What each member was given it gave up before another had it.
    let mut owners = BTreeMap::new();
    for event in told.world.history().events.iter() {
        if let What::Assigned { partition, .. } = event.what {
            assert_eq!(owners.insert(partition, event.process), None, "{partition}");
        } else if let What::Revoked { partition, .. } = event.what {
            assert_eq!(owners.remove(&partition), Some(event.process), "{partition}");
        }
    }
    assert_eq!(owners.len(), 6);
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

#[test]
fn a_topic_is_deleted_and_created_anew_under_everybodys_eyes() {
    for protocol in ["classic", "consumer"] {
        let told = Story::new(&[("min.insync.replicas", "2")])
            .topic("orders", 2, &[])
            .producer(Span::millis(10), &[])
            .group(
                2,
                Span::millis(1),
                &[("auto.offset.reset", "earliest"), ("group.protocol", protocol)],
            )
            .lasting(Span::secs(30))
            .fault(
                Span::secs(12),
                FaultAction::DeleteTopic { topic: TopicId(1), gone: Span::secs(3) },
            )
            .tell(1);
        assert_eq!(told.violated(), Vec::<&str>::new(), "{protocol}: {}", told.complaints());
        assert_eq!(told.end, End::Settled, "{protocol}");
        let marks = told.world.marks();
        for mark in [Mark::TopicDeleted, Mark::TopicRecreated, Mark::OffsetsOfDeletedTopic] {
            assert!(marks.contains(mark), "{protocol}: {mark:?} is not among {marks:?}");
        }
        let final_ends = told.world.history().events.iter().filter_map(|event| match event.what {
            What::FinalEnd { end, .. } => Some(end),
            _ => None,
        });
        let final_ends: Vec<_> = final_ends.collect();
        // Of 100 records a second, those of eighteen seconds: what was sent before is gone, what waited meanwhile is not.
        let written: i64 = final_ends.iter().map(|end| end.0).sum();
        assert!(final_ends.len() == 2 && (1_700..1_900).contains(&written), "{final_ends:?}");
    }
}

#[test]
fn a_group_that_was_deleted_begins_anew() {
    for protocol in ["classic", "consumer"] {
        let target = Target::Process(NodeId(5));
        let killed = FaultAction::Kill { target, kind: CrashKind::Process, down: Span::secs(60) };
        let settings = [("auto.offset.reset", "earliest"), ("group.protocol", protocol)];
        let told = Story::new(&[("min.insync.replicas", "2")])
            .topic("orders", 4, &[])
            .producer(Span::millis(20), &[])
            .group(1, Span::millis(1), &settings)
            .lasting(Span::secs(100))
            .fault(Span::secs(12), killed)
            .fault(Span::secs(62), FaultAction::DeleteGroup { group: GroupId(0) })
            .tell(1);
        assert!(told.world.marks().contains(Mark::GroupRemoved), "{protocol}");
        assert_eq!(told.violated(), Vec::<&str>::new(), "{protocol}: {}", told.complaints());
    }
}

#[test]
fn a_broker_that_was_away_drops_its_log_of_a_deleted_topic() {
    let away = FaultAction::Kill {
        target: Target::Process(NodeId(2)),
        kind: CrashKind::Process,
        down: Span::secs(10),
    };
    let told = Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 1, &[])
        .producer(Span::millis(10), &[])
        .group(1, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(30))
        .fault(Span::secs(5), away)
        .fault(Span::secs(8), FaultAction::DeleteTopic { topic: TopicId(1), gone: Span::secs(1) })
        .tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert!(told.world.marks().contains(Mark::StrayLogDeleted), "{:?}", told.world.marks());
}

#[test]
fn records_that_an_operator_deletes_are_gone_for_every_replica() {
    let partition = TopicPartition::new(TopicId(1), 0);
    let told = Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 1, &[])
        .producer(Span::millis(10), &[])
        .group(1, Span::millis(1), &[("auto.offset.reset", "earliest")])
        .lasting(Span::secs(20))
        .fault(Span::secs(10), FaultAction::DeleteRecords { partition, before: Some(300) })
        .fault(Span::secs(12), FaultAction::DeleteRecords { partition, before: None })
        .tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    assert!(told.world.marks().contains(Mark::RecordsDeleted));
    let mut first = BTreeMap::new();
    for event in told.world.history().events.iter() {
        if let What::ReplicaLog { broker, base, .. } = event.what {
            first.entry(broker).or_insert(base);
        }
    }
    assert_eq!(first.len(), 3);
    assert!(first.values().all(|base| base.0 > 1_000), "{first:?}");
}
