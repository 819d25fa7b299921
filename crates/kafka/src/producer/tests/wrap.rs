//! Sequences that begin at zero again, and batches under way that are numbered anew.

use super::*;

/// A producer that has sent so many records to its partition before.
fn veteran(sent: i32, rules: Rules) -> Host {
    Host::from(settings(), rules, image(1, BrokerId(1), 0), true, Sequence(sent))
}

#[test]
fn after_the_last_sequence_comes_zero() {
    let sequences = |rules| {
        let mut host = veteran(i32::MAX - 1, rules);
        for _ in 0..4 {
            host.send(Some(0), 100);
        }
        let sequence = |text: &String| text.rsplit_once('s').unwrap().1.parse::<i32>().unwrap();
        host.on_wire().iter().map(sequence).collect::<Vec<_>>()
    };
    assert_eq!(sequences(Rules::ALL), [i32::MAX - 1, i32::MAX, 0, 1]);
    let plain = Rules::ALL.without(Rule::SequencesWrap);
    assert_eq!(sequences(plain), [i32::MAX - 1, i32::MAX, i32::MIN, i32::MIN + 1]);
}

#[test]
fn only_the_first_identity_goes_on_where_it_stood() {
    let mut host = veteran(100, Rules::ALL);
    host.send(Some(0), 100);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe0s100"]);
    // What a broker that knows the producer otherwise makes of it: its next batch cannot be that one, so a new epoch begins.
    host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    host.advance(Span::millis(100));
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.0+1 pe1s0"]);
}

#[test]
fn a_batch_before_the_wrap_is_sent_again_before_those_behind_it() {
    let again = |rules| {
        let mut host = veteran(i32::MAX, rules);
        for _ in 0..3 {
            host.send(Some(0), 100);
        }
        host.answer(ErrorCode::NotEnoughReplicas, 0);
        host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
        host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
        host.advance(Span::millis(100));
        host.on_wire()
    };
    assert_eq!(again(Rules::ALL), ["node-1 topic-1/0 v0.0+1 pe0s2147483647"]);
    // By bare numbers the second batch is the first one, and no broker takes it yet.
    let plain = Rules::ALL.without(Rule::OrderOverTheWrap);
    assert_eq!(again(plain), ["node-1 topic-1/0 v0.1+1 pe0s0"]);
}

/// Four batches under way, of which the first is too large; tells in which order the others are sent then.
fn renumbered(rules: Rules) -> Vec<String> {
    let mut host = veteran(0, rules);
    for _ in 0..4 {
        host.send(Some(0), 100);
    }
    host.answer(ErrorCode::MessageTooLarge, 0);
    for _ in 0..3 {
        host.answer(ErrorCode::OutOfOrderSequenceNumber, 0);
    }
    let mut sent = Vec::new();
    for _ in 0..3 {
        host.advance(Span::millis(100));
        let on_wire = host.on_wire();
        let [one] = &on_wire[..] else { break };
        sent.push(one.split(' ').skip(2).collect::<Vec<_>>().join(" "));
        host.answer(ErrorCode::None, 0);
    }
    sent
}

#[test]
fn batches_are_numbered_anew_in_the_order_in_which_they_were_sent() {
    assert_eq!(renumbered(Rules::ALL), ["v0.1+1 pe1s0", "v0.2+1 pe1s1", "v0.3+1 pe1s2"]);
    // They lie in their queue already, in another order than that of their numbers: neither can go first.
    let heap = Rules::ALL.without(Rule::RenumberInOrder);
    assert_eq!(renumbered(heap), ["v0.1+1 pe1s0"]);
    // A new epoch that waits for nothing finds them on their way, and they come back in the order of their numbers.
    let both = heap.without(Rule::BumpAwaitsInFlight);
    assert_eq!(renumbered(both), ["v0.1+1 pe1s0", "v0.3+1 pe1s1", "v0.2+1 pe1s2"]);
}
