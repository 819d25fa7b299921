use super::*;
use crate::message::FetchMetadataRequest;

/// The first of three controllers, which hears nobody.
fn one_of_three(out: &mut Outbox) -> (Controller, Now) {
    let controllers = (0..3).map(NodeId).collect();
    let boot = Boot {
        node: NodeId(0),
        incarnation: 0,
        directory: Arc::new(Directory { brokers: Vec::new(), controllers }),
        rules: Rules::ALL,
        rng: Streams::new(1).stream(Stream::Machine, 0),
    };
    let now = Now { mono: Time::ZERO, wall: Wall(0) };
    let settings = Arc::new(BrokerSettings::default());
    let setup = ControllerSetup { settings, eligible_leaders: EligibleLeaders::Off };
    (Controller::boot(now, boot, setup, ControllerStore::default(), out), now)
}

fn answer(request: Request) -> Response {
    let mut out = Outbox::default();
    let (mut controller, now) = one_of_three(&mut out);
    let conn = ConnId(FIRST_CONN);
    controller.handle(now, Input::Opened(conn, NodeId(9)), &mut out);
    let message = Msg::Request(Correlation(0), request);
    controller.handle(now, Input::Recv(conn, message), &mut out);
    let answers = out.effects.into_iter().find_map(|effect| match effect {
        Effect::Send(to, Msg::Response(_, response)) if to == conn => Some(response),
        _ => None,
    });
    answers.expect("whoever does not decide says so at once")
}

#[test]
fn a_controller_that_does_not_lead_decides_nothing() {
    let (broker, incarnation, previous, rack) = (BrokerId(1), 0, None, None);
    let request = BrokerRegistrationRequest { broker, incarnation, previous, rack };
    let Response::BrokerRegistration(answer) = answer(Request::BrokerRegistration(request)) else {
        panic!("a registration is answered as one");
    };
    assert_eq!(answer.epoch, Err(ErrorCode::NotController));
}

#[test]
fn a_controller_that_does_not_lead_shows_brokers_nothing() {
    let (broker, from, max_wait) = (BrokerId(1), MetadataOffset(0), Span::millis(500));
    let request = FetchMetadataRequest { broker, from, max_wait };
    let Response::FetchMetadata(answer) = answer(Request::FetchMetadata(request)) else {
        panic!("a fetch is answered as one");
    };
    assert_eq!((answer.error, answer.records.len()), (ErrorCode::NotController, 0));
}

#[test]
fn a_controller_of_several_is_not_active_before_it_is_elected() {
    let (controller, _) = one_of_three(&mut Outbox::default());
    assert!(!controller.is_active());
    assert_eq!(controller.voter().map(|voter| voter.epoch()), Some(LeaderEpoch(0)));
}
