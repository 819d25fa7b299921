use super::super::partitions::{Election, PartitionChange};
use super::*;
use crate::Rule;

/// What an election makes of replicas 1, 2, 3 in epoch 0, of which `isr` were in sync, `left` still are, and `fit` may lead.
fn check(
    election: Election,
    isr: &[u16],
    left: &[u16],
    leader: Option<u16>,
    fit: &[u16],
) -> String {
    check_without(Rules::ALL, election, isr, left, leader, fit)
}

fn check_without(
    rules: Rules,
    election: Election,
    isr: &[u16],
    left: &[u16],
    leader: Option<u16>,
    fit: &[u16],
) -> String {
    let mut before = created(brokers(&[1, 2, 3]), brokers(isr));
    before.leader = leader.map(BrokerId);
    let mut change = PartitionChange::new(&before, rules);
    change.election = election;
    change.isr = brokers(left);
    let after = change.build(|broker| fit.contains(&broker.0));
    after.map_or_else(|| String::from("no change"), |after| show(&after))
}

#[test]
fn the_leader_stays_while_it_is_in_sync_and_fit() {
    let online = Election::Online;
    assert_eq!(check(online, &[1, 2], &[1, 2], Some(2), &[1, 2, 3]), "no change");
    assert_eq!(check(online, &[1, 2], &[2], Some(2), &[1, 2, 3]), "2 of [2], e0 pe1 Recovered");
}

#[test]
fn the_next_leader_is_the_first_in_sync_replica_that_is_fit() {
    let online = Election::Online;
    assert_eq!(
        check(online, &[3, 2, 1], &[3, 2], Some(1), &[2, 3]),
        "2 of [3, 2], e1 pe1 Recovered"
    );
    assert_eq!(check(online, &[1, 2, 3], &[2, 3], Some(1), &[3]), "3 of [2, 3], e1 pe1 Recovered");
}

#[test]
fn the_last_in_sync_replica_stays_in_the_set_without_a_leader() {
    let online = Election::Online;
    assert_eq!(check(online, &[1], &[], Some(1), &[2, 3]), "nobody of [1], e1 pe1 Recovered");
    assert_eq!(check(online, &[1], &[], None, &[2, 3]), "no change");
    assert_eq!(check(online, &[1], &[1], None, &[1, 2]), "1 of [1], e1 pe1 Recovered");
}

#[test]
fn an_unclean_election_takes_the_first_replica_that_is_fit_alone() {
    let unclean = Election::Unclean;
    assert_eq!(check(unclean, &[1], &[], Some(1), &[3]), "3 of [3], e1 pe1 Recovering");
    assert_eq!(check(unclean, &[1, 3], &[3], Some(1), &[2, 3]), "3 of [3], e1 pe1 Recovered");
    assert_eq!(check(unclean, &[1], &[], Some(1), &[]), "nobody of [1], e1 pe1 Recovered");
}

#[test]
fn a_preferred_election_moves_the_leader_though_it_is_fit() {
    let preferred = Election::Preferred;
    assert_eq!(
        check(preferred, &[1, 2], &[1, 2], Some(2), &[1, 2]),
        "1 of [1, 2], e1 pe1 Recovered"
    );
    assert_eq!(check(preferred, &[2, 3], &[2, 3], Some(2), &[1, 2, 3]), "no change");
    assert_eq!(check(preferred, &[2, 3], &[2, 3], Some(2), &[3]), "3 of [2, 3], e1 pe1 Recovered");
}

#[test]
fn without_its_rule_an_election_takes_a_replica_that_is_not_in_sync_for_clean() {
    let rules = Rules::ALL.without(Rule::ElectFromIsr);
    let elected = check_without(rules, Election::Online, &[1, 3], &[3], Some(1), &[2, 3]);
    assert_eq!(elected, "2 of [2], e1 pe1 Recovered");
}

#[test]
fn a_fenced_leader_is_replaced_and_told_to_the_history_once_committed() {
    let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    assert_eq!(rig.shown(), "1 of [1, 2, 3], e0 pe0 Recovered");
    rig.pass(Span::secs(10), &[2, 3]);
    assert_eq!(rig.shown(), "2 of [2, 3], e1 pe1 Recovered");
    let epoch = LeaderEpoch(1);
    assert_eq!(
        rig.out.notes,
        [
            Note::Elected {
                partition: orders(0),
                leader: Some(BrokerId(2)),
                epoch,
                election: stormglass_types::history::Election::Clean,
            },
            Note::InSync { partition: orders(0), epoch, replicas: 0b1100 },
        ]
    );
    assert!(rig.out.marks.contains(Mark::CleanElection));
}

#[test]
fn losing_the_last_in_sync_replica_elects_uncleanly_at_once_where_that_is_allowed() {
    for (unclean, left, mark) in [
        (UncleanElection::Forbidden, "nobody of [1], e1 pe2 Recovered", Mark::PartitionOffline),
        (UncleanElection::Allowed, "2 of [2], e1 pe2 Recovering", Mark::UncleanElection),
    ] {
        let mut rig = Rig::cluster(2, Rules::ALL, unclean);
        rig.propose(1, &[1], |_| {}).unwrap();
        rig.pass(Span::secs(10), &[2]);
        assert_eq!(rig.shown(), left);
        assert!(rig.marked(mark));
    }
}

#[test]
fn a_leader_that_recovers_is_recovered_by_its_first_proposal() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Allowed);
    rig.propose(1, &[1], |_| {}).unwrap();
    rig.pass(Span::secs(10), &[2]);
    rig.beat(1, Want::Serve).unwrap();
    rig.propose(2, &[2, 1], |_| {}).unwrap();
    assert_eq!(rig.shown(), "2 of [2, 1], e1 pe3 Recovered");
}

#[test]
fn the_last_in_sync_replica_leads_again_when_it_comes_back() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    rig.propose(1, &[1], |_| {}).unwrap();
    rig.pass(Span::secs(10), &[2]);
    rig.join(1, 1);
    assert_eq!(rig.shown(), "1 of [1], e2 pe3 Recovered");
    assert!(rig.marked(Mark::BrokerUnfenced));
}

#[test]
fn leadership_moves_on_request_to_a_replica_that_is_in_sync_and_active() {
    let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    rig.propose(1, &[1, 2], |_| {}).unwrap();
    assert_eq!(rig.elect(Some(3)), ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(rig.elect(Some(9)), ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(rig.elect(Some(1)), ErrorCode::ElectionNotNeeded);
    assert_eq!(rig.elect(None), ErrorCode::ElectionNotNeeded);
    assert!(!rig.marked(Mark::PreferredElection));
    assert_eq!(rig.elect(Some(2)), ErrorCode::None);
    assert_eq!(ids(&rig.partition().replicas)[0], 2);
    assert_eq!(rig.shown(), "2 of [1, 2], e1 pe2 Recovered");
    assert!(rig.marked(Mark::PreferredElection));
}

#[test]
fn leaderships_go_back_to_preferred_replicas_after_a_while() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    rig.pass(Span::secs(10), &[2]);
    rig.beat(1, Want::Serve).unwrap();
    rig.propose(2, &[2, 1], |_| {}).unwrap();
    assert_eq!(rig.shown(), "2 of [2, 1], e1 pe2 Recovered");
    rig.pass(Span::secs(280), &[1, 2]);
    assert_eq!(rig.partition().leader, Some(BrokerId(2)));
    rig.pass(Span::secs(20), &[1, 2]);
    assert_eq!(rig.shown(), "1 of [2, 1], e2 pe3 Recovered");
    assert!(rig.marked(Mark::PreferredElection));
}
