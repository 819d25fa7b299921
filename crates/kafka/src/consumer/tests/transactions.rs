//! What a consumer makes of transactions in what it reads (KIP-98).

use alloc::string::String;
use alloc::vec;

use stormglass_types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

use super::host::{Host, partition, settings};
use super::joined;
use crate::Rules;
use crate::message::{AbortedTransaction, Isolation};
use crate::record::{ProducerStamp, Records, Verdict, Within};
use crate::settings::ConsumerSettings;

/// A plain batch of one record, then one of each of two transactions, then an end of each: the first aborted, the second
/// committed; and one more record of the first producer.
fn mixed(isolation: Isolation) -> Host {
    let mut host = joined(ConsumerSettings { isolation, ..settings() }, Rules::ALL, 1, 1);
    for count in [2, 2, 1, 1, 1] {
        host.append(0, count, 0);
    }
    let stamp = |id| ProducerStamp {
        id: ProducerId(id),
        epoch: ProducerEpoch(0),
        sequence: Sequence(0),
        within: Within::Transaction,
    };
    let log = host.logs.get_mut(&partition(0)).unwrap();
    for (at, id) in [(1, 7), (2, 8), (3, 7), (4, 8), (5, 7)] {
        log[at].stamp = Some(stamp(id));
    }
    log[3].records = Records::Marker(Verdict::Abort, LeaderEpoch(0));
    log[4].records = Records::Marker(Verdict::Commit, LeaderEpoch(0));
    host
}

fn read(host: &mut Host) -> String {
    host.polls(4, 100);
    let seen = host.seen();
    let offsets = seen.lines().filter(|line| line.contains("PolledBatch"));
    offsets.map(|line| line.split("Records").nth(1).unwrap_or_default()).collect()
}

#[test]
fn a_reader_of_committed_records_passes_over_aborted_ones_and_the_ends_of_transactions() {
    let mut host = mixed(Isolation::Committed);
    host.aborted = vec![AbortedTransaction { first: Offset(1), producer: ProducerId(7) }];
    insta::assert_snapshot!(read(&mut host));
}

#[test]
fn everybody_else_is_given_all_but_the_ends() {
    insta::assert_snapshot!(read(&mut mixed(Isolation::Uncommitted)));
}
