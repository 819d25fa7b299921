//! librdkafka's consumer: what its threads do while the application is elsewhere.

use alloc::vec;

use stormglass_types::{ErrorCode, Offset, Span};

use super::host::{Host, TOPIC, partition};
use crate::config::Client;
use crate::message::{Api, Response};
use crate::settings::{Assignor, AutoCommit, ConsumerSettings, OffsetReset, StoredBy};
use crate::{Call, Rules, Steer};

fn settings() -> ConsumerSettings {
    ConsumerSettings {
        offset_reset: OffsetReset::Earliest,
        assignors: vec![Assignor::Range],
        ..Client::Librdkafka.parse_consumer(&[]).settings
    }
}

fn joined(settings: ConsumerSettings, records: u32) -> Host {
    let mut host = Host::new(settings, Rules::ALL, 1);
    host.append(0, records, 0);
    host.call(Call::Subscribe(vec![TOPIC]));
    host.run(Span::secs(1));
    host
}

#[test]
fn a_group_is_joined_before_anybody_polls() {
    let mut host = joined(settings(), 3);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn what_was_handed_out_is_committed_by_a_timer_although_it_is_not_done() {
    let mut host = joined(settings(), 3);
    host.seen();
    host.polls(2, 10);
    // The application works on the second record now, and never polls again.
    host.run(Span::secs(12));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn what_the_application_stores_is_committed_and_nothing_else() {
    let by = StoredBy::Application;
    let auto_commit = AutoCommit::Stored { every: Span::secs(5), by };
    let mut host = joined(ConsumerSettings { auto_commit, ..settings() }, 3);
    host.seen();
    host.polls(3, 10);
    host.run(Span::secs(6));
    host.call(Call::Steer(Steer::Store(vec![
        (partition(0), Offset(2)),
        (partition(7), Offset(9)),
    ])));
    host.run(Span::secs(6));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn partitions_are_given_up_with_a_last_commit_while_the_application_works() {
    let mut host = joined(settings(), 3);
    host.polls(2, 10);
    host.seen();
    host.quiet.retain(|api| *api != Api::Heartbeat);
    host.next.push(Response::Heartbeat(ErrorCode::RebalanceInProgress));
    host.run(Span::secs(4));
    insta::assert_snapshot!(host.seen());
}

#[test]
fn who_stays_away_too_long_loses_everything_at_once_and_joins_when_it_polls() {
    let max_poll_interval = Span::secs(10);
    let mut host = joined(ConsumerSettings { max_poll_interval, ..settings() }, 3);
    host.polls(1, 10);
    host.seen();
    host.run(Span::secs(20));
    insta::assert_snapshot!("away_too_long", host.seen());
    host.poll(10);
    insta::assert_snapshot!("away_and_back", host.seen());
}

#[test]
fn closing_commits_what_is_stored() {
    let mut host = joined(settings(), 3);
    host.polls(2, 10);
    host.seen();
    host.call(Call::Close);
    host.run(Span::secs(1));
    insta::assert_snapshot!(host.seen());
}
