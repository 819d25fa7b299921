use super::*;
use crate::message::ReassignmentRequest;

/// Replicas 1, 2 and 3, all in sync, and a broker 4 that has none.
fn cluster() -> Rig {
    let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    rig.join(4, 0);
    rig
}

fn reassign(rig: &mut Rig, to: Option<&[u16]>) -> ErrorCode {
    let request = ReassignmentRequest { partition: orders(0), replicas: to.map(brokers) };
    match rig.ask(Request::AlterPartitionReassignments(request)) {
        Response::AlterPartitionReassignments(error) => error,
        other => panic!("{other:?}"),
    }
}

/// Replicas, those that come and those that go.
fn moving(rig: &Rig) -> [Vec<u16>; 3] {
    let partition = rig.partition();
    [ids(&partition.replicas), ids(&partition.adding), ids(&partition.removing)]
}

#[test]
fn a_move_ends_when_its_whole_target_is_in_sync() {
    let mut rig = cluster();
    assert_eq!(reassign(&mut rig, Some(&[2, 4])), ErrorCode::None);
    assert_eq!(moving(&rig), [vec![2, 4, 1, 3], vec![4], vec![1, 3]]);
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e0 pe1 Recovered");
    // A smaller set does not end it.
    assert!(rig.propose(1, &[1, 2], |_| {}).is_ok());
    assert_eq!(moving(&rig), [vec![2, 4, 1, 3], vec![4], vec![1, 3]]);
    let answer = rig.propose(1, &[1, 2, 4], |_| {});
    assert_eq!(answer, Err(ErrorCode::NewLeaderElected));
    assert_eq!(moving(&rig), [vec![2, 4], vec![], vec![]]);
    assert_eq!(rig.shown(), "2 of [2, 4], e1 pe3 Recovered");
}

#[test]
fn a_leader_that_stays_leads_in_a_new_epoch_once_others_are_gone() {
    let mut rig = cluster();
    assert_eq!(reassign(&mut rig, Some(&[4, 1])), ErrorCode::None);
    let answer = rig.propose(1, &[1, 2, 3, 4], |_| {}).unwrap();
    assert_eq!((answer.leader, answer.leader_epoch), (Some(BrokerId(1)), LeaderEpoch(1)));
    assert_eq!(rig.shown(), "1 of [1, 4], e1 pe2 Recovered");
}

#[test]
fn a_move_that_only_changes_the_order_is_over_at_once() {
    let mut rig = cluster();
    assert_eq!(reassign(&mut rig, Some(&[3, 1, 2])), ErrorCode::None);
    assert_eq!(moving(&rig), [vec![3, 1, 2], vec![], vec![]]);
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e0 pe1 Recovered");
}

#[test]
fn a_move_is_taken_back() {
    let mut rig = cluster();
    assert_eq!(reassign(&mut rig, None), ErrorCode::NoReassignmentInProgress);
    assert_eq!(reassign(&mut rig, Some(&[4, 2])), ErrorCode::None);
    assert_eq!(reassign(&mut rig, None), ErrorCode::None);
    assert_eq!(moving(&rig), [vec![2, 1, 3], vec![], vec![]]);
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e1 pe2 Recovered");
}

#[test]
fn a_move_that_makes_no_sense_is_refused() {
    let mut rig = cluster();
    let targets: [&[u16]; 3] = [&[], &[1, 2, 1], &[1, 9]];
    for target in targets {
        assert_eq!(reassign(&mut rig, Some(target)), ErrorCode::InvalidReplicaAssignment);
    }
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e0 pe0 Recovered");
}
