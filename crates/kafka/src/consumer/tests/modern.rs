//! What a member of the consumer protocol does, told as what a host sees of it.

use alloc::sync::Arc;
use alloc::vec;

use stormglass_types::{ErrorCode, Generation, MemberId, Offset, Span};

use super::host::{Host, TOPIC, partition, settings};
use crate::message::{Api, ConsumerGroupHeartbeatResponse, OffsetCommitResponse, Response};
use crate::settings::{AutoCommit, ConsumerSettings, GroupProtocol};
use crate::{Call, Rule, Rules, Steer};

fn modern() -> ConsumerSettings {
    ConsumerSettings { protocol: GroupProtocol::Consumer(None), ..settings() }
}

fn automatic() -> ConsumerSettings {
    ConsumerSettings { auto_commit: AutoCommit::Every(Span::secs(5)), ..modern() }
}

/// A host whose consumer is in the group and owns `partitions` partitions, each with three records in one batch.
fn joined(settings: ConsumerSettings, rules: Rules, partitions: u16) -> Host {
    let mut host = Host::new(settings, rules, partitions);
    (0..partitions).for_each(|number| host.append(number, 3, 0));
    host.call(Call::Subscribe(vec![TOPIC]));
    host.polls(3, 100);
    host
}

fn refused(error: ErrorCode) -> Response {
    Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
        error,
        member: MemberId::NONE,
        epoch: Generation(0),
        interval: Span::ZERO,
        assignment: None,
    })
}

#[test]
fn a_member_is_given_partitions_owns_them_and_says_so() {
    let mut host = joined(modern(), Rules::ALL, 2);
    host.run(Span::secs(11));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn what_is_to_be_given_up_is_committed_first_and_acknowledged_last() {
    let mut host = joined(automatic(), Rules::ALL, 2);
    host.seen();
    (host.given, host.generation) = (Some(vec![partition(1)]), 1);
    host.run(Span::secs(6));
    insta::assert_snapshot!("nothing_before_the_application_polls", host.seen());
    host.hold = vec![Api::OffsetCommit];
    host.append(0, 2, 0);
    host.polls(2, 100);
    insta::assert_snapshot!("nothing_before_the_commit_is_over", host.seen());
    host.release();
    host.generation = 2;
    host.poll(100);
    host.run(Span::secs(6));
    insta::assert_snapshot!("given_up_and_acknowledged", host.seen());
}

#[test]
fn a_listener_hands_over_first() {
    let mut host = joined(modern(), Rules::ALL, 2);
    host.call(Call::Steer(Steer::Listen));
    host.given = Some(vec![partition(0)]);
    host.run(Span::secs(6));
    host.seen();
    host.poll(100);
    assert_eq!(host.consumer.handing_over(), Some(vec![partition(1)]));
    host.run(Span::secs(6));
    insta::assert_snapshot!("handing_over", host.seen());
    host.call(Call::Steer(Steer::HandedOver));
    host.poll(100);
    insta::assert_snapshot!("handed_over", host.seen());
}

#[test]
fn what_was_taken_away_and_given_back_is_read_on() {
    let mut host = joined(modern(), Rules::ALL, 2);
    host.call(Call::Steer(Steer::Listen));
    host.given = Some(vec![partition(0)]);
    host.run(Span::secs(6));
    host.poll(100);
    host.given = None;
    host.run(Span::secs(6));
    host.call(Call::Steer(Steer::HandedOver));
    host.seen();
    host.append(1, 2, 0);
    host.polls(3, 100);
    insta::assert_snapshot!(host.seen());
    assert!(host.is_drained());
}

#[test]
fn what_was_given_and_taken_away_before_the_application_polls_is_acknowledged() {
    let mut host = Host::new(modern(), Rules::ALL, 2);
    host.given = Some(vec![partition(0)]);
    host.call(Call::Subscribe(vec![TOPIC]));
    host.polls(2, 100);
    host.seen();
    host.given = None;
    host.run(Span::secs(6));
    host.given = Some(vec![partition(0)]);
    host.run(Span::secs(5));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn a_slow_application_leaves_and_comes_back_when_it_polls() {
    let short = ConsumerSettings { max_poll_interval: Span::secs(10), ..modern() };
    let mut host = joined(short, Rules::ALL, 1);
    host.seen();
    host.run(Span::secs(20));
    insta::assert_snapshot!("slow_leaves", host.seen());
    host.polls(2, 100);
    insta::assert_snapshot!("slow_comes_back", host.seen());
}

#[test]
fn a_fenced_member_loses_everything_and_joins_with_epoch_zero() {
    for error in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut host = joined(modern(), Rules::ALL, 1);
        host.seen();
        host.next.push(refused(error));
        host.run(Span::secs(8));
        host.polls(2, 100);
        insta::assert_snapshot!("fenced_member", host.seen());
    }
}

#[test]
fn after_an_error_everything_is_said_again() {
    let mut host = joined(modern(), Rules::ALL, 1);
    host.seen();
    host.next.push(refused(ErrorCode::CoordinatorLoadInProgress));
    host.run(Span::secs(6));
    host.next.push(refused(ErrorCode::NotCoordinator));
    host.run(Span::secs(6));
    host.cut();
    host.run(Span::secs(6));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn an_instance_that_is_in_use_is_an_exception() {
    let named = ConsumerSettings { instance: Some(Arc::from("x")), ..modern() };
    let mut host = Host::new(named, Rules::ALL, 1);
    host.next.push(refused(ErrorCode::UnreleasedInstanceId));
    host.call(Call::Subscribe(vec![TOPIC]));
    host.polls(2, 100);
    host.run(Span::secs(10));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn closing_says_goodbye() {
    let named = ConsumerSettings { instance: Some(Arc::from("x")), ..modern() };
    for (name, settings) in [("goodbye", automatic()), ("goodbye_for_now", named)] {
        let mut host = joined(settings, Rules::ALL, 1);
        host.seen();
        host.shut_down();
        insta::assert_snapshot!(name, host.seen());
    }
}

#[test]
fn a_commit_with_an_old_epoch_fails_and_is_not_tried_again() {
    let mut host = joined(modern(), Rules::ALL, 1);
    host.seen();
    let results = vec![(partition(0), ErrorCode::StaleMemberEpoch)];
    host.next.push(Response::OffsetCommit(OffsetCommitResponse { results }));
    host.call(Call::CommitSync(vec![(partition(0), Offset(3))]));
    host.run(Span::secs(2));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn a_commit_before_giving_up_is_tried_again_with_the_new_epoch() {
    let mut host = joined(automatic(), Rules::ALL, 2);
    host.seen();
    (host.given, host.generation) = (Some(vec![partition(1)]), 5);
    host.run(Span::secs(4));
    host.quiet.push(Api::ConsumerGroupHeartbeat);
    let results = vec![(partition(0), ErrorCode::StaleMemberEpoch)];
    host.next.push(Response::OffsetCommit(OffsetCommitResponse { results }));
    host.run(Span::secs(2));
    host.polls(4, 100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn automatic_commits_wait_for_the_application() {
    let run = |rules| {
        let mut host = joined(automatic(), rules, 1);
        host.append(0, 4, 0);
        host.poll(100);
        host.seen();
        host.quiet.push(Api::ConsumerGroupHeartbeat);
        host.run(Span::secs(12));
        host.seen()
    };
    assert_eq!(run(Rules::ALL), "");
    insta::assert_snapshot!(run(Rules::ALL.without(Rule::PollsBeforeItCommits)));
}
