//! An application that sets its positions itself (`KafkaConsumer.seek`, `seekToBeginning`, `seekToEnd`, `offsetsForTimes`).
//!
//! That what is handed out follows the position is the host's to check.

use alloc::string::String;
use alloc::vec;

use stormglass_types::{LeaderEpoch, Offset, Span, Wall};

use super::host::{Host, TOPIC, partition, settings};
use super::joined;
use crate::message::Api;
use crate::settings::{AutoCommit, ConsumerSettings, GroupProtocol};
use crate::{Call, Rules, Start, Steer};

fn seek(host: &mut Host, start: Start) {
    host.call(Call::Steer(Steer::Seek(partition(0), start)));
}

#[test]
fn what_was_fetched_before_a_seek_is_not_handed_out() {
    let few = ConsumerSettings { max_poll_records: 2, ..settings() };
    let mut host = joined(few, Rules::ALL, 1, 6);
    host.polls(2, 100);
    host.seen();
    seek(&mut host, Start::At(Offset(5)));
    host.polls(2, 100);
    seek(&mut host, Start::Earliest);
    host.polls(7, 100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn the_later_of_two_seeks_counts() {
    let mut host = joined(settings(), Rules::ALL, 1, 6);
    host.polls(2, 100);
    host.seen();
    host.hold = vec![Api::ListOffsets];
    seek(&mut host, Start::Earliest);
    host.poll(100);
    seek(&mut host, Start::Latest);
    host.poll(100);
    host.release();
    host.polls(6, 100);
    host.append(0, 2, 0);
    host.polls(3, 100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn a_time_is_sought_by_what_its_records_say() {
    let mut host = joined(settings(), Rules::ALL, 1, 6);
    host.append(0, 2, 0);
    let ages = [Wall(-60_000), Wall(-1_000)];
    for (batch, age) in host.logs.get_mut(&partition(0)).unwrap().iter_mut().zip(ages) {
        batch.timestamp = age;
    }
    host.polls(2, 100);
    host.seen();
    seek(&mut host, Start::Ago(Span::secs(2)));
    host.polls(7, 100);
    // Nothing is that young: what comes next will be.
    seek(&mut host, Start::Ago(Span::ZERO));
    host.polls(7, 100);
    host.append(0, 1, 0);
    host.poll(100);
    insta::assert_snapshot!(host.seen());
}

#[test]
fn the_automatic_commit_goes_back_with_the_position() {
    let automatic =
        ConsumerSettings { auto_commit: AutoCommit::Every(Span::secs(5)), ..settings() };
    let mut host = joined(automatic, Rules::ALL, 1, 6);
    host.polls(2, 100);
    host.run(Span::secs(6));
    host.poll(100);
    host.seen();
    seek(&mut host, Start::At(Offset(1)));
    host.run(Span::secs(6));
    host.poll(0);
    insta::assert_snapshot!(host.seen());
}

/// A member whose `onPartitionsAssigned` seeks to the end, though there is a committed offset.
fn lands_at_the_end(settings: ConsumerSettings) -> String {
    let mut host = Host::new(settings, Rules::ALL, 1);
    host.append(0, 6, 0);
    host.committed.insert(partition(0), (Offset(3), LeaderEpoch::NONE));
    host.call(Call::Steer(Steer::SeekOnAssign(Start::Latest)));
    host.call(Call::Subscribe(vec![TOPIC]));
    host.polls(6, 100);
    host.append(0, 1, 0);
    host.polls(3, 100);
    host.seen()
}

#[test]
fn who_seeks_when_it_is_assigned_asks_for_no_committed_offset() {
    insta::assert_snapshot!(lands_at_the_end(settings()));
}

#[test]
fn a_member_of_the_consumer_protocol_does_so_too() {
    let protocol = GroupProtocol::Consumer(None);
    insta::assert_snapshot!(lands_at_the_end(ConsumerSettings { protocol, ..settings() }));
}
