//! Known failures: the explanation must name the cause and the remedy.

use std::num::NonZero;
use std::sync::Arc;

use super::{Explanation, NotExplained, Part, WhatIf, explain, human, markdown};
use crate::scenario::Scenario;

const ACKS_1: &str = "
run: { for: 3s, seeds: 7..8 }
topics: { orders: { partitions: 1 } }
producers: { checkout: { config: { acks: 1 }, to: orders, rate: 100/s } }
faults:
  - { at: 1s, kill: leader of orders-0, for: 1s }
  - { at: 2s, slow: any broker, by: 1ms, for: 100ms }
expect: { violate: [no-loss] }
";

const LOST_ACK: &str = "
run: { for: 1s, seeds: 1..2 }
topics: { payments: { partitions: 1 } }
producers: { checkout: { config: { enable.idempotence: false }, to: payments, rate: 2/s } }
faults: [{ on: { response: Produce }, lose: response }]
expect: { violate: [no-duplicates] }
";

fn explained(text: &str, seed: u64) -> Result<Explanation, NotExplained> {
    let scenario = Arc::new(Scenario::parse("known.yaml", text).expect("valid"));
    explain(&scenario, seed, NonZero::<usize>::MIN)
}

/// The first seed that fails.
fn failing(text: &str) -> Explanation {
    let mut seeds = 0..200;
    seeds.find_map(|seed| explained(text, seed).ok()).expect("a seed that fails")
}

fn verified(told: &Explanation) -> Vec<&str> {
    let good = told.remedies.iter().filter(|remedy| remedy.helps());
    good.map(|remedy| remedy.change.as_str()).collect()
}

#[test]
fn an_ack_of_the_leader_alone_is_explained() {
    let told = failing(ACKS_1);
    assert_eq!(told.signature.to_string(), "no-loss.lost-write");
    assert_eq!(told.faults[0].without, WhatIf::None);
    assert_eq!(told.faults[1].without, WhatIf::Same);
    assert!(verified(&told).contains(&"acks=all"), "{:?}", told.remedies);
    let story: Vec<&str> = told.story.iter().map(|beat| beat.what.as_str()).collect();
    let step = |words: &str| {
        let found = story.iter().position(|what| what.contains(words));
        found.unwrap_or_else(|| panic!("nothing says `{words}` in {story:#?}"))
    };
    let order = [
        "appends",
        "is acknowledged",
        "fault: crash",
        "is elected",
        "in epoch 1 with its log",
        "cuts its log",
    ];
    assert!(order.map(step).is_sorted(), "{story:#?}");
    let claims = told.story.iter().filter(|beat| beat.part == Part::Claim).count();
    assert!(claims > 0, "{:?}", told.story);
    insta::assert_snapshot!("acks_1", human(&told));
}

#[test]
fn a_lost_ack_is_explained() {
    let told = failing(LOST_ACK);
    assert_eq!(told.signature.to_string(), "no-duplicates.duplicate");
    assert_eq!(told.faults[0].without, WhatIf::None);
    assert!(verified(&told).contains(&"enable.idempotence=true"), "{:?}", told.remedies);
    insta::assert_snapshot!("lost_ack", markdown(&told));
}

#[test]
fn what_holds_is_not_explained() {
    let text = LOST_ACK.replace("config: { enable.idempotence: false }, ", "");
    let told = explained(&text, 1);
    assert!(matches!(told, Err(NotExplained::Holds(_))), "{told:?}");
}
