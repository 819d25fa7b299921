//! Eligible leader replicas (KIP-966).

use super::*;
use crate::Rule;

/// Brokers 1, 2, 3 with a partition of which two replicas must be in sync.
fn rig(rules: Rules) -> Rig {
    let on = EligibleLeaders::On;
    let rig = Rig::boot_with(on, rules, ControllerStore::default(), Time::ZERO);
    rig.with_partition(3, UncleanElection::Forbidden, 2)
}

/// With who is eligible, and who led last.
fn show_all(rig: &Rig) -> String {
    let partition = rig.partition();
    let (elr, last) = (ids(&partition.elr), ids(&partition.last_known_elr));
    format!("{}, eligible {elr:?}, last {last:?}", rig.shown())
}

/// Broker 3 goes, then 2, then 1, each by the end of its session.
fn everybody_gone(rules: Rules) -> Rig {
    let mut rig = rig(rules);
    rig.pass(Span::secs(10), &[1, 2]);
    rig.pass(Span::secs(10), &[1]);
    rig.pass(Span::secs(10), &[]);
    rig
}

#[test]
fn who_leaves_while_enough_are_in_sync_is_not_eligible() {
    let mut rig = rig(Rules::ALL);
    rig.pass(Span::secs(10), &[1, 2]);
    assert_eq!(show_all(&rig), "1 of [1, 2], e0 pe1 Recovered, eligible [], last []");
}

#[test]
fn who_leaves_when_too_few_are_left_stays_eligible_until_there_are_enough_again() {
    let mut rig = rig(Rules::ALL);
    rig.pass(Span::secs(10), &[1, 2]);
    rig.pass(Span::secs(10), &[1]);
    assert_eq!(show_all(&rig), "1 of [1], e0 pe2 Recovered, eligible [2], last []");
    rig.beat(3, Want::Serve).unwrap();
    rig.propose(1, &[1, 3], |_| {}).unwrap();
    assert_eq!(show_all(&rig), "1 of [1, 3], e0 pe3 Recovered, eligible [], last []");
}

#[test]
fn the_last_in_sync_replica_leaves_the_set_and_is_eligible() {
    let rig = everybody_gone(Rules::ALL);
    assert_eq!(show_all(&rig), "nobody of [], e1 pe3 Recovered, eligible [1, 2], last [1]");
}

#[test]
fn an_eligible_replica_that_comes_back_without_a_crash_leads_cleanly() {
    let mut rig = everybody_gone(Rules::ALL);
    rig.beat(3, Want::Serve).unwrap();
    assert_eq!(show_all(&rig), "nobody of [], e1 pe3 Recovered, eligible [1, 2], last [1]");
    let before = rig.epoch(2);
    rig.register_after(Some(before), 2, 1).unwrap();
    rig.beat(2, Want::Serve).unwrap();
    assert_eq!(show_all(&rig), "2 of [2], e2 pe4 Recovered, eligible [1], last []");
    assert!(rig.marked(Mark::CleanElection));
}

#[test]
fn who_comes_back_from_a_crash_is_eligible_nowhere() {
    let mut rig = everybody_gone(Rules::ALL);
    rig.join(2, 1);
    assert_eq!(show_all(&rig), "nobody of [], e1 pe4 Recovered, eligible [1], last [1]");
    // It stopped in good order once, but in another life than the last one.
    let old = BrokerEpoch(rig.epoch(1).0 - 1);
    rig.register_after(Some(old), 1, 1).unwrap();
    assert_eq!(show_all(&rig), "nobody of [], e1 pe5 Recovered, eligible [], last [1]");
}

#[test]
fn without_its_rule_a_crashed_replica_leads_as_if_it_had_everything() {
    let mut rig = everybody_gone(Rules::ALL.without(Rule::CrashEndsEligibility));
    rig.join(2, 1);
    assert_eq!(show_all(&rig), "2 of [2], e2 pe4 Recovered, eligible [1], last []");
}

#[test]
fn when_nobody_is_eligible_the_last_leader_leads_once_it_is_alive() {
    let mut rig = everybody_gone(Rules::ALL);
    rig.join(2, 1);
    rig.register(1, 1).unwrap();
    assert_eq!(show_all(&rig), "nobody of [], e1 pe5 Recovered, eligible [], last [1]");
    rig.beat(1, Want::Serve).unwrap();
    assert_eq!(show_all(&rig), "1 of [1], e2 pe6 Recovering, eligible [], last []");
    assert!(rig.marked(Mark::UncleanElection));
}

#[test]
fn without_its_rule_the_last_leader_is_elected_while_it_is_fenced() {
    let mut rig = everybody_gone(Rules::ALL.without(Rule::LastLeaderIsAlive));
    rig.join(2, 1);
    rig.register(1, 1).unwrap();
    assert_eq!(show_all(&rig), "1 of [1], e2 pe5 Recovering, eligible [], last []");
}

#[test]
fn a_crash_that_was_not_noticed_takes_the_broker_out_of_the_set_too() {
    let mut rig = rig(Rules::ALL);
    rig.pass(Span::secs(10), &[1, 2]);
    rig.now.mono += Span::secs(10);
    rig.register(2, 1).unwrap();
    assert_eq!(show_all(&rig), "1 of [1], e0 pe2 Recovered, eligible [], last []");
}
