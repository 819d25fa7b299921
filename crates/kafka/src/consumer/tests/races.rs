//! Answers that come when what they answer is over, and commits that partitions wait for: with their rule, and without.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use stormglass_types::{ErrorCode, LeaderEpoch, MemberId, Offset, Span};

use super::host::{Host, TOPIC, partition, settings};
use super::{auto_commit, joined};
use crate::message::{Api, Response};
use crate::settings::{Assignor, ConsumerSettings};
use crate::{Call, Rule, Rules, Start, Steer};

/// The same with every rule, and without one.
fn both(name: &str, rule: Rule, run: impl Fn(Rules) -> String) {
    insta::assert_snapshot!(name, run(Rules::ALL));
    insta::assert_snapshot!(format!("{name}_without"), run(Rules::ALL.without(rule)));
}

fn cooperative(settings: ConsumerSettings) -> ConsumerSettings {
    ConsumerSettings { assignors: vec![Assignor::CooperativeSticky], ..settings }
}

#[test]
fn cooperative_members_commit_what_they_read_while_they_joined() {
    both("cooperative_commit", Rule::CooperativeCommitsFirst, |rules| {
        let mut host = joined(cooperative(auto_commit()), rules, 2, 3);
        host.poll(100);
        host.seen();
        host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
        host.run(Span::secs(4));
        host.others = vec![MemberId(8)];
        host.given = Some(vec![partition(0)]);
        host.hold = vec![Api::JoinGroup];
        host.poll(100);
        host.append(1, 2, 0);
        host.polls(2, 100);
        host.release();
        host.polls(2, 100);
        host.seen()
    });
}

#[test]
fn a_member_that_left_while_it_joined_owns_nothing() {
    both("left_while_joining", Rule::GivenUpStaysSo, |rules| {
        let short = ConsumerSettings { max_poll_interval: Span::secs(10), ..settings() };
        let mut host = joined(cooperative(short), rules, 1, 3);
        host.poll(100);
        host.seen();
        host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
        host.run(Span::secs(4));
        host.hold = vec![Api::SyncGroup];
        host.append(0, 2, 0);
        host.poll(100);
        host.run(Span::secs(15));
        host.release();
        host.polls(2, 100);
        host.seen()
    });
}

#[test]
fn a_lost_join_is_sent_again_under_the_same_id() {
    both("lost_join", Rule::DisconnectKeepsMember, |rules| {
        let mut host = joined(settings(), rules, 1, 3);
        host.poll(100);
        host.seen();
        host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
        host.run(Span::secs(4));
        host.hold = vec![Api::JoinGroup];
        host.poll(100);
        host.cut();
        host.release();
        host.polls(3, 200);
        host.seen()
    });
}

#[test]
fn a_reset_that_comes_after_a_seek_is_not_heeded() {
    both("reset_after_seek", Rule::AnswersFitPositions, |rules| {
        let mut host = Host::new(settings(), rules, 1);
        host.append(0, 5, 0);
        host.hold = vec![Api::ListOffsets];
        host.call(Call::Subscribe(vec![TOPIC]));
        host.polls(2, 100);
        host.call(Call::Steer(Steer::Seek(partition(0), Start::At(Offset(3)))));
        host.release();
        host.polls(2, 100);
        host.seen()
    });
}

#[test]
fn a_partition_whose_offset_was_not_asked_for_is_not_reset() {
    both("not_asked_for", Rule::OnlyAskedAreReset, |rules| {
        let mut host = Host::new(settings(), rules, 2);
        for number in 0..2 {
            host.append(number, 5, 0);
            host.committed.insert(partition(number), (Offset(3), LeaderEpoch::NONE));
        }
        host.hold = vec![Api::OffsetFetch];
        let first = vec![(partition(0), Start::Committed)];
        host.call(Call::Steer(Steer::Assign(first.clone())));
        host.polls(2, 100);
        let both = vec![first[0], (partition(1), Start::Committed)];
        host.call(Call::Steer(Steer::Assign(both)));
        host.poll(100);
        host.release();
        host.polls(3, 100);
        host.seen()
    });
}

#[test]
fn a_position_is_of_one_topic_and_not_of_the_next_one_of_its_name() {
    both("topic_created_anew", Rule::OffsetsOfOneTopic, |rules| {
        let short = ConsumerSettings { metadata_max_age: Span::secs(1), ..auto_commit() };
        let mut host = joined(short, rules, 1, 5);
        host.poll(100);
        host.seen();
        host.create_anew();
        host.append(0, 8, 0);
        host.run(Span::secs(2));
        host.polls(3, 100);
        host.run(Span::secs(5));
        host.poll(100);
        host.seen()
    });
}
