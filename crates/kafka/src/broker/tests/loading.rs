//! Starts that take time, and what becomes of those that are cut short.

use stormglass_types::{BrokerEpoch, Span, Stream, Streams};

use super::rig::{ORDERS, Rig};
use crate::log::BrokerStore;
use crate::settings::TopicSettings;
use crate::{CrashKind, CrashReport, Durable, Machine, Mark, Rule, Rules};

/// The disk of a broker that lost power, its only batch torn in half.
fn torn() -> BrokerStore {
    let mut rig = Rig::new(Rules::ALL, TopicSettings::default(), BrokerStore::default());
    rig.step("leader n1 e0 isr=1,2");
    rig.step("produce v3 acks=1");
    let mut rng = Streams::new(1).stream(Stream::Crash, 0);
    rig.broker.into_store().after_crash(CrashKind::Torn, &mut rng, &mut CrashReport::default())
}

/// A broker that takes two seconds to recover its logs, a tenth of a second after its start.
fn starting(rules: Rules, limit: Option<Span>) -> Rig {
    Rig::starting(rules, TopicSettings::default(), torn(), (Span::secs(2), limit))
}

/// Where the log ends in the next life, which starts at once.
fn end_in_the_next_life(rig: &Rig, rules: Rules) -> i64 {
    let store = rig.broker.clone().into_store();
    let mut rig = Rig::new(rules, TopicSettings::default(), store);
    rig.step("leader n1 e2 isr=1,2");
    rig.broker.replica(ORDERS).unwrap().log.end().0
}

#[test]
fn who_recovers_its_logs_serves_nobody_until_that_is_done() {
    let mut rig = starting(Rules::ALL, None);
    rig.step("leader n1 e1 isr=1,2");
    rig.step("produce v2 acks=1");
    rig.step("wait 1850");
    assert!(rig.broker.replica(ORDERS).is_none(), "{}", rig.said);
    assert!(!rig.said.contains("to client"), "{}", rig.said);
    rig.step("wait 150");
    assert!(rig.said_mark(Mark::TornBatchRejected), "{}", rig.said);
    assert_eq!(rig.broker.replica(ORDERS).unwrap().log.end().0, 2);
}

#[test]
fn a_stop_in_good_order_spares_the_next_life_its_recovery() {
    let mut rig = Rig::new(Rules::ALL, TopicSettings::default(), BrokerStore::default());
    for step in ["leader n1 e0 isr=1,2", "produce v3 acks=1", "shutdown", "synced"] {
        rig.step(step);
    }
    let store = rig.broker.into_store();
    let long = (Span::secs(60), None);
    let mut rig = Rig::starting(Rules::ALL, TopicSettings::default(), store, long);
    rig.step("leader n1 e1 isr=1,2");
    assert!(rig.broker.replica(ORDERS).is_some());
}

#[test]
fn who_is_asked_to_stop_while_it_recovers_ends_at_once_and_leaves_no_marker() {
    for rules in [Rules::ALL, Rules::ALL.without(Rule::MarkerNeedsRecovery)] {
        let mut rig = starting(rules, None);
        rig.step("shutdown");
        assert!(rig.said.contains("exits Clean"), "{}", rig.said);
        assert!(rig.said_mark(Mark::RecoveryCutShort));
        assert_eq!(rig.broker.store().clean_shutdown, None);
        assert_eq!(end_in_the_next_life(&rig, rules), 0);
    }
}

#[test]
fn a_start_that_fails_while_logs_are_recovered_leaves_no_marker_but_without_the_rule() {
    for (rules, marker, end) in [
        (Rules::ALL, None, 0),
        (Rules::ALL.without(Rule::MarkerNeedsRecovery), Some(BrokerEpoch(0)), 3),
    ] {
        let mut rig = starting(rules, Some(Span::secs(1)));
        rig.step("wait 900");
        rig.step("synced");
        assert!(rig.said_mark(Mark::StartGivenUp), "{}", rig.said);
        assert!(rig.said.contains("exits Clean"), "{}", rig.said);
        assert_eq!(rig.broker.store().clean_shutdown, marker);
        assert_eq!(end_in_the_next_life(&rig, rules), end);
    }
}

#[test]
fn a_start_that_succeeds_in_time_is_not_given_up() {
    let mut rig = starting(Rules::ALL, Some(Span::secs(3)));
    rig.step("leader n1 e1 isr=1,2");
    rig.step("wait 5000");
    assert!(!rig.said_mark(Mark::StartGivenUp), "{}", rig.said);
    assert!(rig.broker.replica(ORDERS).is_some());
}
