use super::*;
use crate::Rule;
use crate::message::{AllocateProducerIdsRequest, FetchMetadataRequest};
use stormglass_types::ProducerId;

#[test]
fn a_broker_starts_fenced_and_serves_once_it_has_applied_its_registration() {
    let mut rig = Rig::new(Rules::ALL);
    rig.join(2, 0);
    assert_eq!(rig.register(1, 0), Ok(BrokerEpoch(2)));
    assert_eq!(rig.beat(1, Want::Fence), Ok(BrokerState::Fenced));
    assert_eq!(rig.beat_at(1, Want::Serve, MetadataOffset(2)), Ok(BrokerState::Fenced));
    assert_eq!(rig.status(1), BrokerStatus::Fenced);
    assert_eq!(rig.beat_at(1, Want::Serve, MetadataOffset(3)), Ok(BrokerState::Active));
    assert_eq!(rig.status(1), BrokerStatus::Active);
    assert!(!rig.marked(Mark::BrokerUnfenced));
}

#[test]
fn a_second_life_is_refused_while_the_first_has_a_session() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    let first = rig.epoch(1);
    assert_eq!(rig.register(1, 1), Err(ErrorCode::DuplicateBrokerRegistration));
    assert!(rig.marked(Mark::DuplicateRegistration));
    assert_eq!(rig.register(1, 0), Ok(first));
    rig.pass(Span::secs(10), &[2]);
    let second = rig.register(1, 1).unwrap();
    assert!(second > first);
    let request = BrokerHeartbeatRequest {
        broker: BrokerId(1),
        epoch: first,
        metadata: MetadataOffset(0),
        want: Want::Serve,
    };
    match rig.ask(Request::BrokerHeartbeat(request)) {
        Response::BrokerHeartbeat(answer) => {
            assert_eq!(answer.state, Err(ErrorCode::StaleBrokerEpoch));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_life_leaves_the_in_sync_sets_of_the_first_but_without_the_rule() {
    for (rules, expected) in [
        (Rules::ALL, "2 of [2], e1 pe1 Recovered"),
        (Rules::ALL.without(Rule::RegistrationLeavesIsr), "1 of [1, 2], e0 pe0 Recovered"),
    ] {
        let mut rig = Rig::cluster(2, rules, UncleanElection::Forbidden);
        // The session is over, but the check has not run yet.
        rig.pass(Span::secs(8), &[2]);
        rig.now.mono += Span::millis(1_500);
        let epoch = rig.register(1, 1).unwrap();
        assert_eq!(rig.shown(), expected);
        assert_eq!(rig.status(1), BrokerStatus::Fenced);
        let position = usize::try_from(epoch.0).unwrap();
        let store = rig.controller.into_store();
        assert!(matches!(store.alone_records()[position], MetadataRecord::RegisterBroker { .. }));
    }
}

#[test]
fn one_silent_broker_is_fenced_per_check() {
    let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    rig.now.mono += Span::secs(60);
    let fenced = |rig: &Rig| {
        (1..=3).filter(|broker| rig.status(*broker) == BrokerStatus::Fenced).collect::<Vec<_>>()
    };
    for expected in [&[1][..], &[1, 2], &[1, 2, 3]] {
        let at = rig.timers.iter().find(|(timer, _)| *timer == Timer::SessionCheck).unwrap().1;
        assert!(at <= rig.now.mono, "the next check follows at once");
        rig.handle(Input::Timer(Timer::SessionCheck));
        assert_eq!(fenced(&rig), expected);
        assert!(rig.marked(Mark::BrokerFenced));
    }
    assert_eq!(rig.shown(), "nobody of [3], e3 pe3 Recovered");
}

#[test]
fn a_session_lasts_as_long_as_it_says() {
    let mut rig = Rig::cluster(1, Rules::ALL, UncleanElection::Forbidden);
    rig.pass(Span::secs(9), &[]);
    assert_eq!(rig.status(1), BrokerStatus::Active);
    rig.pass(Span::nanos(1), &[]);
    assert_eq!(rig.status(1), BrokerStatus::Fenced);
    assert_eq!(rig.beat(1, Want::Serve), Ok(BrokerState::Active));
    assert!(rig.marked(Mark::BrokerUnfenced));
}

#[test]
fn a_stopping_broker_hands_over_and_waits_until_everyone_knows() {
    let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    let old = rig.controller.newest.offset;
    assert_eq!(rig.beat(1, Want::Shutdown), Ok(BrokerState::ControlledShutdown));
    assert_eq!(rig.status(1), BrokerStatus::ControlledShutdown);
    assert_eq!(rig.shown(), "2 of [2, 3], e1 pe1 Recovered");
    rig.beat(2, Want::Serve).unwrap();
    rig.beat_at(3, Want::Serve, old).unwrap();
    assert_eq!(rig.beat(1, Want::Shutdown), Ok(BrokerState::ControlledShutdown));
    assert!(!rig.marked(Mark::ControlledShutdown));
    rig.beat(3, Want::Serve).unwrap();
    assert_eq!(rig.beat(1, Want::Shutdown), Ok(BrokerState::MayStop));
    assert_eq!(rig.status(1), BrokerStatus::Fenced);
    assert!(rig.marked(Mark::ControlledShutdown));
    assert!(rig.register(1, 1).is_ok());
}

#[test]
fn a_stopping_broker_that_leads_nothing_or_is_fenced_stops_at_once() {
    let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    assert_eq!(rig.beat(3, Want::Shutdown), Ok(BrokerState::MayStop));
    assert_eq!(rig.shown(), "1 of [1, 2], e0 pe1 Recovered");
    rig.pass(Span::secs(10), &[2]);
    assert_eq!(rig.beat(1, Want::Shutdown), Ok(BrokerState::MayStop));
}

#[test]
fn a_broker_in_controlled_shutdown_may_be_replaced_by_its_next_life() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    assert_eq!(rig.beat(1, Want::Shutdown), Ok(BrokerState::ControlledShutdown));
    assert!(rig.register(1, 1).is_ok());
}

#[test]
fn producer_ids_come_in_blocks_for_registered_brokers() {
    let mut rig = Rig::cluster(1, Rules::ALL, UncleanElection::Forbidden);
    let mut allocate = |epoch| {
        let request = AllocateProducerIdsRequest { broker: BrokerId(1), epoch };
        match rig.ask(Request::AllocateProducerIds(request)) {
            Response::AllocateProducerIds(answer) => answer.block,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(allocate(BrokerEpoch(0)), Ok((ProducerId(0), 1_000)));
    assert_eq!(allocate(BrokerEpoch(0)), Ok((ProducerId(1_000), 1_000)));
    assert_eq!(allocate(BrokerEpoch(1)), Err(ErrorCode::StaleBrokerEpoch));
}

#[test]
fn observers_wait_for_records_or_their_deadline() {
    let mut rig = Rig::new(Rules::ALL);
    let fetch = |from| {
        Request::FetchMetadata(FetchMetadataRequest {
            broker: BrokerId(1),
            from: MetadataOffset(from),
            max_wait: Span::millis(500),
        })
    };
    let counted = |response: Option<Response>| match response? {
        Response::FetchMetadata(answer) => Some((answer.from.0, answer.records.len())),
        other => panic!("{other:?}"),
    };
    let first = rig.send(fetch(0));
    assert!(rig.answer(first).is_none());
    rig.join(1, 0);
    assert_eq!(counted(rig.answer(first)), Some((0, 1)));
    assert_eq!(counted(Some(rig.ask(fetch(0)))), Some((0, 2)));
    let idle = rig.send(fetch(2));
    rig.pass(Span::millis(499), &[]);
    assert!(rig.answer(idle).is_none());
    rig.pass(Span::millis(1), &[]);
    assert_eq!(counted(rig.answer(idle)), Some((2, 0)));
}

#[test]
fn a_dead_lifes_late_registration_does_not_depose_a_fenced_successor() {
    let mut rig = Rig::new(Rules::ALL);
    let first = rig.register(1, 1);
    assert!(first.is_ok());
    assert_eq!(rig.register(1, 0), Err(ErrorCode::DuplicateBrokerRegistration));
}
