//! What librdkafka's producer does otherwise than Java's.

use super::*;
use crate::config::Client;
use crate::producer::{Candidates, TimedSticky, crc32, fnv1a};
use crate::settings::KeyHash;

fn own() -> ProducerSettings {
    ProducerSettings {
        linger: Span::ZERO,
        retry_backoff: Backoff { first: Span::millis(100), most: Span::millis(100) },
        ..Client::Librdkafka.parse_producer(&[]).settings
    }
}

#[test]
fn hashes_are_those_of_zlib_java_and_sarama() {
    // The check values of the catalogue of CRC algorithms and of the FNV reference code.
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32(b""), 0);
    assert_eq!(fnv1a(b"foobar"), 0xBF9C_F968_u32.cast_signed().unsigned_abs());
    let hash = |hash| Partitioner::Librdkafka(hash, Span::ZERO).hash(b"21");
    assert_eq!(hash(KeyHash::Crc32), crc32(b"21"));
    assert_eq!(hash(KeyHash::Murmur2), Partitioner::BuiltIn(Adaptive::On).hash(b"21"));
}

#[test]
fn records_without_a_key_stay_for_a_while() {
    let mut sticky = TimedSticky::default();
    let mut numbers = [3, 1, 2, 0].into_iter();
    let mut random = || numbers.next().unwrap();
    let all = Candidates { partitions: 4, available: &[0, 1, 2, 3] };
    let linger = Span::millis(10);
    let at = |millis| Time::ZERO + Span::millis(millis);
    assert_eq!(sticky.next(at(1), linger, all, &mut random), 3);
    assert_eq!(sticky.next(at(10), linger, all, &mut random), 3);
    assert_eq!(sticky.next(at(11), linger, all, &mut random), 1);
    // One that loses its leader is left at once; of two draws the second counts.
    let some = Candidates { partitions: 4, available: &[0, 3] };
    assert_eq!(sticky.next(at(12), linger, some, &mut random), 0);
}

#[test]
fn batches_that_failed_go_again_in_the_order_in_which_they_were_taken() {
    for (order, again) in
        [(RetryOrder::AsTaken, ["v0.0", "v0.1"]), (RetryOrder::Front, ["v0.1", "v0.0"])]
    {
        let mut host = Host::new(ProducerSettings { retry_order: order, ..own() });
        host.send(Some(0), 100);
        host.send(Some(0), 100);
        assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1", "node-1 topic-1/0 v0.1+1"]);
        host.answer(ErrorCode::NotEnoughReplicas, 0);
        host.answer(ErrorCode::NotEnoughReplicas, 0);
        host.advance(Span::millis(500));
        let expected = again.map(|value| format!("node-1 topic-1/0 {value}+1"));
        assert_eq!(host.on_wire(), expected, "{order:?}");
    }
}

#[test]
fn a_full_queue_refuses_at_once() {
    let mut host =
        Host::new(ProducerSettings { buffering: Buffering::Records { most: 2 }, ..own() });
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    host.send(Some(0), 100);
    assert_eq!(host.told().last().unwrap(), "2: refused REQUEST_TIMED_OUT");
    host.answer(ErrorCode::None, 0);
    host.told();
    host.send(Some(0), 100);
    assert_eq!(host.told(), ["3: topic-1/0 v0.2"], "an answer makes room");
}

#[test]
fn a_batch_has_no_more_records_than_it_may() {
    let linger = Span::millis(5);
    let mut host = Host::new(ProducerSettings { linger, batch_records: 2, ..own() });
    for _ in 0..3 {
        host.send(Some(0), 100);
    }
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+2"]);
    host.advance(linger);
    assert_eq!(host.on_wire().last().unwrap(), "node-1 topic-1/0 v0.2+1");
}

#[test]
fn an_answer_is_waited_for_longer_than_the_leader_waits() {
    let mut host = Host::new(own());
    host.send(Some(0), 100);
    assert_eq!(host.pending[0].2.timeout, Span::secs(30));
    host.advance(Span::secs(59));
    assert_eq!(host.on_wire().len(), 1, "socket.timeout.ms is a minute");
}
