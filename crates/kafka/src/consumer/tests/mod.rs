//! What a member does, told as what a host sees of it.

use alloc::vec;

use stormglass_types::{ErrorCode, LeaderEpoch, MemberId, Offset, Rng, Span, Stream, Streams};

use self::host::{Host, TOPIC, empty_answer, partition, settings};
use crate::message::{
    Api, FindCoordinatorResponse, OffsetCommitResponse, OffsetFetchResponse, Response,
    SyncGroupResponse,
};
use crate::settings::{AutoCommit, ConsumerSettings};
use crate::{Call, Marks, Rule, Rules};

mod alone;
mod host;
mod modern;
mod races;
mod seeking;
mod transactions;

/// A host whose consumer has joined and owns `partitions` partitions, each with `records` records in one batch.
fn joined(settings: ConsumerSettings, rules: Rules, partitions: u16, records: u32) -> Host {
    let mut host = Host::new(settings, rules, partitions);
    for number in 0..partitions {
        host.append(number, records, 0);
    }
    host.call(Call::Subscribe(vec![TOPIC]));
    host.poll(0);
    host
}

fn auto_commit() -> ConsumerSettings {
    ConsumerSettings { auto_commit: AutoCommit::Every(Span::secs(5)), ..settings() }
}

#[test]
fn leader_of_two_members_assigns_ranges_and_reads() {
    let mut host = Host::new(settings(), Rules::ALL, 5);
    host.others = vec![MemberId(8)];
    host.append(0, 3, 0);
    host.quiet = vec![];
    host.call(Call::Subscribe(vec![TOPIC]));
    host.poll(1000);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn poll_returns_no_more_than_max_poll_records() {
    let few = ConsumerSettings { max_poll_records: 4, ..settings() };
    let mut host = joined(few, Rules::ALL, 1, 6);
    host.append(0, 3, 0);
    host.seen();
    host.polls(4, 100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn slow_application_leaves_the_group_and_learns_of_it_at_the_next_poll() {
    let short = ConsumerSettings { max_poll_interval: Span::secs(10), ..settings() };
    let mut host = joined(short, Rules::ALL, 1, 3);
    host.poll(100);
    host.seen();
    host.run(Span::secs(20));
    host.poll(100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn rebalance_waits_for_the_application_to_poll() {
    let mut host = joined(settings(), Rules::ALL, 2, 3);
    host.poll(100);
    host.seen();
    host.quiet.retain(|api| *api != Api::Heartbeat);
    host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
    host.run(Span::secs(8));
    insta::assert_snapshot!("rebalance_waits_before", host.seen());
    host.poll(100);
    insta::assert_snapshot!("rebalance_waits_after", host.seen());
}

#[test]
fn without_background_heartbeats_only_polls_keep_the_session() {
    let mut host = joined(settings(), Rules::ALL.without(Rule::BackgroundHeartbeat), 1, 3);
    host.poll(100);
    host.seen();
    host.quiet.retain(|api| *api != Api::Heartbeat);
    host.run(Span::secs(20));
    assert_eq!(host.seen(), "");
    host.poll(100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn automatic_commit_covers_what_earlier_polls_returned() {
    let few = ConsumerSettings { max_poll_records: 2, ..auto_commit() };
    let mut host = joined(few, Rules::ALL, 1, 6);
    host.seen();
    for _ in 0..3 {
        host.poll(100);
        host.run(Span::millis(2900));
    }
    insta::assert_snapshot!(host.seen());
}

#[test]
fn automatic_commit_precedes_a_rebalance() {
    let mut host = joined(auto_commit(), Rules::ALL, 1, 3);
    host.poll(100);
    host.seen();
    host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
    host.run(Span::secs(4));
    host.hold = vec![Api::OffsetCommit];
    host.append(0, 2, 0);
    host.polls(2, 100);
    insta::assert_snapshot!("commit_precedes_held", host.seen());
    host.release();
    host.poll(100);
    insta::assert_snapshot!("commit_precedes_released", host.seen());
}

#[test]
fn without_a_pause_a_member_reads_on_while_it_commits() {
    let mut host = joined(auto_commit(), Rules::ALL.without(Rule::PausedWhileItCommits), 1, 3);
    host.poll(100);
    host.seen();
    host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
    host.run(Span::secs(4));
    host.hold = vec![Api::OffsetCommit];
    host.append(0, 2, 0);
    host.polls(2, 100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn without_revocation_a_member_reads_on_while_it_joins() {
    let mut host = joined(settings(), Rules::ALL.without(Rule::RevokeBeforeJoin), 2, 3);
    host.poll(100);
    host.seen();
    host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
    host.run(Span::secs(4));
    host.others = vec![MemberId(8)];
    host.hold = vec![Api::JoinGroup];
    host.append(0, 2, 0);
    host.polls(2, 100);
    insta::assert_snapshot!("reads_on_while_joining", host.seen());
    host.release();
    host.poll(100);
    insta::assert_snapshot!("reads_on_after_joining", host.seen());
}

#[test]
fn position_outside_the_log_is_reset() {
    let mut host = Host::new(settings(), Rules::ALL, 1);
    host.append(0, 3, 0);
    host.committed.insert(partition(0), (Offset(40), LeaderEpoch::NONE));
    host.call(Call::Subscribe(vec![TOPIC]));
    host.poll(1000);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn the_preferred_replica_is_asked_until_it_is_out_of_range() {
    let story = |rules: Rules| {
        let mut host = joined(settings(), rules, 1, 3);
        host.next.push(empty_answer(ErrorCode::None, Some(2)));
        host.append(0, 2, 0);
        host.poll(100);
        host.append(0, 2, 0);
        host.poll(100);
        host.next.push(empty_answer(ErrorCode::OffsetOutOfRange, None));
        host.append(0, 2, 0);
        host.polls(2, 600);
        host.append(0, 2, 0);
        host.polls(2, 600);
        host.seen()
    };
    insta::assert_snapshot!(story(Rules::ALL));
    insta::assert_snapshot!(story(Rules::ALL.without(Rule::FollowerOutOfRange)));
}

#[test]
fn new_leader_without_the_records_moves_the_position_back() {
    let curious = ConsumerSettings { metadata_max_age: Span::secs(5), ..settings() };
    let mut host = joined(curious, Rules::ALL, 1, 3);
    host.append(0, 2, 0);
    host.poll(100);
    host.seen();
    host.logs.get_mut(&partition(0)).unwrap().truncate(1);
    host.elect(0, 2, 1);
    host.append(0, 4, 1);
    host.run(Span::secs(6));
    host.polls(3, 200);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn commit_of_an_unknown_member_fails_and_loses_the_partitions() {
    let mut host = joined(settings(), Rules::ALL, 1, 3);
    host.poll(100);
    host.seen();
    let results = vec![(partition(0), ErrorCode::UnknownMemberId)];
    host.next.push(Response::OffsetCommit(OffsetCommitResponse { results }));
    host.call(Call::CommitSync(vec![(partition(0), Offset(3))]));
    host.run(Span::millis(600));
    host.call(Call::CommitSync(vec![(partition(0), Offset(3))]));
    host.poll(100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn commit_is_tried_again_while_the_coordinator_loads() {
    let mut host = joined(settings(), Rules::ALL, 1, 3);
    host.poll(100);
    host.seen();
    let results = vec![(partition(0), ErrorCode::CoordinatorLoadInProgress)];
    host.next.push(Response::OffsetCommit(OffsetCommitResponse { results }));
    host.call(Call::CommitSync(vec![(partition(0), Offset(3))]));
    host.run(Span::secs(1));
    host.call(Call::CommitAsync(vec![(partition(0), Offset(2))]));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn commit_that_is_never_answered_ends_unknown() {
    let mut host = joined(settings(), Rules::ALL, 1, 3);
    host.poll(100);
    host.seen();
    host.hold = vec![Api::OffsetCommit];
    host.quiet.push(Api::LeaveGroup);
    host.call(Call::CommitSync(vec![(partition(0), Offset(3))]));
    host.run(Span::secs(70));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn only_the_leader_rejoins_when_partitions_are_added() {
    for is_leader in [true, false] {
        let mut host = Host::new(settings(), Rules::ALL, 1);
        host.others = vec![MemberId(8)];
        host.given = (!is_leader).then(|| vec![partition(0)]);
        host.call(Call::Subscribe(vec![TOPIC]));
        host.polls(2, 100);
        host.seen();
        host.elect(1, 2, 0);
        host.run(Span::secs(299));
        host.polls(3, 1000);
        let name = if is_leader { "added_partitions_leader" } else { "added_partitions_follower" };
        insta::assert_snapshot!(name, host.seen());
    }
}

#[test]
fn shutdown_commits_leaves_and_exits() {
    let mut host = joined(auto_commit(), Rules::ALL, 1, 3);
    host.poll(100);
    host.seen();
    host.shut_down();
    insta::assert_snapshot!(host.seen());
}

#[test]
fn lost_connections_are_replaced_and_reading_goes_on() {
    let mut host = joined(settings(), Rules::ALL, 2, 3);
    host.poll(100);
    host.quiet = vec![];
    host.seen();
    host.cut();
    host.append(0, 1, 0);
    host.poll(1000);
    insta::assert_snapshot!(host.seen());
}

/// Does something nasty, or lets the application do something.
fn disturb(host: &mut Host, rng: &mut Rng) {
    const ERRORS: [ErrorCode; 6] = [
        ErrorCode::RebalanceInProgress,
        ErrorCode::IllegalGeneration,
        ErrorCode::UnknownMemberId,
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorNotAvailable,
        ErrorCode::CoordinatorLoadInProgress,
    ];
    let error = *rng.pick(&ERRORS).unwrap();
    let number = u16::try_from(rng.upto(2)).unwrap();
    match rng.upto(13) {
        0 => host.cut(),
        1 => host.hold.push(*rng.pick(Api::ALL).unwrap()),
        2 => host.release(),
        3 => host.next.push(Response::Heartbeat(error)),
        4 => {
            let offsets = vec![];
            host.next.push(Response::OffsetFetch(OffsetFetchResponse { error, offsets }));
        }
        5 => {
            let results = (0..3).map(|number| (partition(number), error)).collect();
            host.next.push(Response::OffsetCommit(OffsetCommitResponse { results }));
        }
        6 => {
            let assignment = alloc::sync::Arc::from([]);
            host.next.push(Response::SyncGroup(SyncGroupResponse { error, assignment }));
        }
        7 => {
            let coordinator = Err(ErrorCode::CoordinatorNotAvailable);
            host.next.push(Response::FindCoordinator(FindCoordinatorResponse { coordinator }));
        }
        8 => {
            let epoch = host.image.partitions[partition(number)].leader_epoch;
            let leader = u16::try_from(rng.between(1, 2)).unwrap();
            host.elect(number, leader, epoch.0 + 1);
        }
        9 => host.run(Span::millis(rng.between(1, 400_000))),
        10 => {
            let epoch = host.image.partitions[partition(number)].leader_epoch;
            host.append(number, 5, epoch.0);
        }
        _ => host.polls(3, 300),
    }
}

#[test]
fn consumer_recovers_from_whatever_happens_to_it() {
    let mut marks = Marks::NONE;
    for seed in 0..300 {
        let mut rng = Streams::new(seed).stream(Stream::Chaos, 0);
        let mut rules = Rules::ALL;
        if rng.chance(1, 4) {
            rules = rules.without(Rule::BackgroundHeartbeat);
        }
        let committing = if rng.chance(1, 2) { auto_commit() } else { settings() };
        let mut host = joined(committing, rules, 3, 7);
        for _ in 0..60 {
            disturb(&mut host, &mut rng);
        }
        host.next.clear();
        host.release();
        host.polls(40, 1000);
        marks.extend(host.marks());
        assert!(host.is_drained(), "seed {seed}: {}\n{:#?}", host.seen(), host.consumer);
        host.seen();
        host.shut_down();
        host.run(Span::secs(40));
        assert!(host.seen().contains("exit Clean"), "seed {seed}");
    }
    insta::assert_debug_snapshot!(marks);
}
