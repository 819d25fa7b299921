use super::*;
use crate::message::{CreatePartitionsRequest, FetchMetadataRequest};
use crate::{CrashKind, CrashReport, Durable};

fn crash(rig: Rig, kind: CrashKind) -> Rig {
    let now = rig.now.mono;
    let mut rng = Streams::new(3).stream(Stream::Crash, 0);
    let store = rig.controller.into_store();
    let store = store.after_crash(kind, &mut rng, &mut CrashReport::default());
    Rig::boot(Rules::ALL, store, now)
}

#[test]
fn a_restart_from_disk_gives_the_same_image() {
    for kind in [CrashKind::Process, CrashKind::Power, CrashKind::Torn] {
        let mut rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
        rig.propose(1, &[1, 2], |_| {}).unwrap();
        rig.pass(Span::secs(10), &[2, 3]);
        let image = rig.controller.image().clone();
        let again = crash(rig, kind);
        assert_eq!(*again.controller.image(), image);
        assert_eq!(again.controller.newest, image);
        assert_eq!(again.out.notes, [], "what was told is not told again");
    }
}

#[test]
fn a_lost_disk_leaves_nothing() {
    let rig = Rig::cluster(3, Rules::ALL, UncleanElection::Forbidden);
    let mut again = crash(rig, CrashKind::DiskLost);
    assert_eq!(again.controller.image().offset, MetadataOffset(0));
    assert_eq!(again.register(1, 0), Ok(BrokerEpoch(0)));
}

#[test]
fn nothing_is_answered_or_shown_before_it_is_on_disk() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    rig.disk = Disk::Slow;
    let from = rig.controller.image().offset;
    let (broker, max_wait) = (BrokerId(1), Span::secs(5));
    let fetch = rig.send(Request::FetchMetadata(FetchMetadataRequest { broker, from, max_wait }));
    let to = Some(BrokerId(2));
    let elect = || Request::ElectLeaders(ElectLeadersRequest { partition: orders(0), to });
    let first = rig.send(elect());
    // The second request finds nothing left to do, but what it saw is not certain yet.
    let second = rig.send(elect());
    for conn in [fetch, first, second] {
        assert!(rig.answer(conn).is_none());
    }
    assert_eq!(rig.controller.image().offset, from);
    rig.sync();
    assert!(matches!(rig.answer(first), Some(Response::ElectLeaders(ErrorCode::None))));
    let second = rig.answer(second);
    assert!(matches!(second, Some(Response::ElectLeaders(ErrorCode::ElectionNotNeeded))));
    match rig.answer(fetch) {
        Some(Response::FetchMetadata(answer)) => assert_eq!(answer.records.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_not_on_disk_may_be_gone_after_a_power_cut_but_not_after_a_kill() {
    let mut lengths = Vec::new();
    for kind in [CrashKind::Process, CrashKind::Torn] {
        let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
        rig.disk = Disk::Slow;
        rig.send(Request::ElectLeaders(ElectLeadersRequest {
            partition: orders(0),
            to: Some(BrokerId(2)),
        }));
        let end = rig.controller.newest.offset.0;
        let again = crash(rig, kind);
        lengths.push(end - again.controller.image().offset.0);
        let told = again.out.notes.iter().any(|note| matches!(note, Note::Elected { .. }));
        assert_eq!(told, kind == CrashKind::Process, "told when committed, by whichever life");
    }
    assert_eq!(lengths, [0, 1]);
}

#[test]
fn requests_of_a_connection_are_taken_one_at_a_time() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    rig.disk = Disk::Slow;
    let expand = |partitions| {
        Request::CreatePartitions(CreatePartitionsRequest { topic: TopicId(0), partitions })
    };
    let conn = rig.send(expand(2));
    rig.handle(Input::Recv(conn, Msg::Request(Correlation(1), expand(3))));
    assert_eq!(rig.controller.newest.partition_count(TopicId(0)), 2);
    rig.sync();
    assert_eq!(rig.controller.newest.partition_count(TopicId(0)), 3);
    rig.disk = Disk::Quick;
    rig.sync();
    assert_eq!(rig.answers.len(), 2);
}

#[test]
fn a_new_controller_gives_every_broker_a_whole_session() {
    let mut rig = Rig::cluster(2, Rules::ALL, UncleanElection::Forbidden);
    rig.now.mono += Span::secs(60);
    let mut again = crash(rig, CrashKind::Process);
    assert_eq!(again.register(1, 1), Err(ErrorCode::DuplicateBrokerRegistration));
    again.pass(Span::secs(9), &[2]);
    assert_eq!(again.status(1), BrokerStatus::Active);
    again.pass(Span::secs(1), &[2]);
    assert_eq!(again.status(1), BrokerStatus::Fenced);
    assert_eq!(again.status(2), BrokerStatus::Active);
}

#[test]
fn a_request_for_a_broker_ends_the_connection() {
    let mut rig = Rig::new(Rules::ALL);
    let conn = ConnId(50);
    let request = Request::Metadata(crate::message::MetadataRequest { topics: Vec::new() });
    rig.handle(Input::Opened(conn, NodeId(3)));
    let message = Msg::Request(Correlation(0), request);
    rig.controller.handle(rig.now, Input::Recv(conn, message), &mut rig.out);
    assert!(matches!(rig.out.effects[..], [Effect::Close(closed)] if closed == conn));
}
