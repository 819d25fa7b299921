use super::*;
use crate::Rule;

fn cluster(rules: Rules) -> Rig {
    let mut rig = Rig::cluster(3, rules, UncleanElection::Forbidden);
    rig.propose(1, &[1, 2], |_| {}).unwrap();
    rig
}

/// The error of a proposal of broker 1, which leads 1 and 2 in sync in its second partition epoch.
fn refused(isr: &[u16], change: impl FnOnce(&mut AlterPartition)) -> ErrorCode {
    cluster(Rules::ALL).propose(1, isr, change).unwrap_err()
}

#[test]
fn a_good_proposal_changes_the_set_and_the_partition_epoch() {
    let mut rig = cluster(Rules::ALL);
    let answer = rig.propose(1, &[1, 2, 3], |_| {}).unwrap();
    assert_eq!(answer.isr, [1, 2, 3].map(BrokerId));
    assert_eq!((answer.leader_epoch, answer.partition_epoch), (LeaderEpoch(0), PartitionEpoch(2)));
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e0 pe2 Recovered");
}

#[test]
fn a_proposal_of_what_is_already_so_changes_nothing() {
    let mut rig = cluster(Rules::ALL);
    assert_eq!(rig.propose(1, &[1, 2], |_| {}).unwrap().partition_epoch, PartitionEpoch(1));
}

#[test]
fn a_broker_of_another_life_is_refused_as_a_whole() {
    let mut rig = cluster(Rules::ALL);
    let (broker, epoch) = (BrokerId(1), BrokerEpoch(77));
    let request = AlterPartitionRequest { broker, epoch, partitions: Vec::new() };
    assert_eq!(rig.alter(request), Err(ErrorCode::StaleBrokerEpoch));
}

#[test]
fn each_check_is_made_before_the_next() {
    // Each proposal fails its check and every later one.
    let bad_isr: &[u16] = &[2, 9];
    let check = |error, change: fn(&mut AlterPartition)| {
        assert_eq!(refused(bad_isr, change), error);
    };
    check(ErrorCode::UnknownTopicId, |p| p.partition.topic = TopicId(5));
    check(ErrorCode::UnknownTopicOrPartition, |p| p.partition.partition = 5);
    check(ErrorCode::NotController, |p| p.leader_epoch = LeaderEpoch(1));
    check(ErrorCode::NotController, |p| p.partition_epoch = PartitionEpoch(2));
    check(ErrorCode::FencedLeaderEpoch, |p| {
        p.leader_epoch = LeaderEpoch(-1);
        p.partition_epoch = PartitionEpoch(0);
    });
    check(ErrorCode::InvalidUpdateVersion, |p| p.partition_epoch = PartitionEpoch(0));
}

#[test]
fn without_the_rule_a_controller_that_is_behind_speaks_as_if_the_leader_were() {
    let refused = |change: fn(&mut AlterPartition)| {
        let rules = Rules::ALL.without(Rule::BehindIsNoController);
        cluster(rules).propose(1, &[1, 2, 3], change).unwrap_err()
    };
    assert_eq!(refused(|p| p.leader_epoch = LeaderEpoch(1)), ErrorCode::FencedLeaderEpoch);
    assert_eq!(refused(|p| p.partition_epoch = PartitionEpoch(2)), ErrorCode::InvalidUpdateVersion);
}

#[test]
fn only_the_leader_may_propose() {
    let mut rig = cluster(Rules::ALL);
    let proposed = rig.propose(2, &[1, 2], |p| p.partition_epoch = PartitionEpoch(0));
    assert_eq!(proposed, Err(ErrorCode::InvalidRequest));
}

#[test]
fn the_set_must_be_of_replicas_once_each_and_with_the_leader() {
    for isr in [&[][..], &[2, 3], &[1, 1], &[1, 9]] {
        assert_eq!(refused(isr, |_| {}), ErrorCode::InvalidRequest);
    }
}

#[test]
fn refusals_of_old_epochs_are_marked() {
    let mut rig = cluster(Rules::ALL);
    rig.propose(1, &[1], |p| p.partition_epoch = PartitionEpoch(0)).unwrap_err();
    assert!(rig.marked(Mark::AlterPartitionFenced));
    rig.elect(Some(2));
    rig.propose(1, &[1], |p| p.leader_epoch = LeaderEpoch(0)).unwrap_err();
    assert!(rig.marked(Mark::AlterPartitionFenced));
}

#[test]
fn a_fenced_broker_is_not_taken_in_but_without_the_rule() {
    for (rules, expected) in [
        (Rules::ALL, Err(ErrorCode::IneligibleReplica)),
        (Rules::ALL.without(Rule::IsrNeedsActiveBrokers), Ok(())),
    ] {
        let mut rig = cluster(rules);
        rig.pass(Span::secs(10), &[1, 2]);
        assert_eq!(rig.status(3), BrokerStatus::Fenced);
        assert_eq!(rig.propose(1, &[1, 2, 3], |_| {}).map(|_| ()), expected);
        assert_eq!(rig.marked(Mark::IneligibleReplica), expected.is_err());
    }
}

#[test]
fn a_stopping_broker_is_not_taken_in() {
    let mut rig = cluster(Rules::ALL);
    rig.elect(Some(2));
    assert_eq!(rig.beat(2, Want::Shutdown), Ok(BrokerState::ControlledShutdown));
    assert_eq!(rig.propose(1, &[1, 2], |_| {}), Err(ErrorCode::IneligibleReplica));
}

#[test]
fn a_broker_that_is_not_registered_is_not_taken_in() {
    let mut rig = cluster(Rules::ALL);
    rig.controller.newest.brokers.remove(&BrokerId(3));
    assert_eq!(rig.propose(1, &[1, 2, 3], |_| {}), Err(ErrorCode::IneligibleReplica));
}

#[test]
fn a_replica_seen_in_another_life_is_not_taken_in_but_without_the_rule() {
    for (rules, expected) in [
        (Rules::ALL, Err(ErrorCode::IneligibleReplica)),
        (Rules::ALL.without(Rule::AlterPartitionBrokerEpoch), Ok(())),
    ] {
        let mut rig = cluster(rules);
        let seen = rig.epoch(3);
        rig.pass(Span::secs(10), &[1, 2]);
        rig.join(3, 1);
        let proposed = rig.propose(1, &[1, 2, 3], |p| p.isr[2].1 = seen);
        assert_eq!(proposed.map(|_| ()), expected);
    }
}

#[test]
fn without_the_partition_epoch_check_an_old_proposal_undoes_a_newer_one() {
    let mut rig = cluster(Rules::ALL.without(Rule::PartitionEpochCheck));
    rig.propose(1, &[1, 2, 3], |p| p.partition_epoch = PartitionEpoch(0)).unwrap();
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e0 pe2 Recovered");
}

#[test]
fn without_the_leader_epoch_check_a_former_leader_is_believed() {
    let mut rig = cluster(Rules::ALL.without(Rule::AlterLeaderEpochCheck));
    let former = rig.partition();
    rig.elect(Some(2));
    let proposed = rig.propose(1, &[1, 2, 3], |p| {
        p.leader_epoch = former.leader_epoch;
        p.partition_epoch = former.partition_epoch;
    });
    assert!(proposed.is_ok());
    assert_eq!(rig.shown(), "2 of [1, 2, 3], e1 pe3 Recovered");
}
