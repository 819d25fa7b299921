//! What random adversaries promise of their draws.

use stormglass_sim::chaos::{Chaos, Family, draw};
use stormglass_sim::plan::{Plan, Trigger};
use stormglass_tests::Story;
use stormglass_types::Span;

#[test]
fn to_leave_a_family_out_changes_nothing_about_the_others() {
    for seed in 0..50 {
        let plan = plan(seed);
        let both = draw(&plan, &Chaos::Families(vec![Family::Cut, Family::KillBroker]));
        let one = draw(&plan, &Chaos::Families(vec![Family::Cut]));
        let other = draw(&plan, &Chaos::Families(vec![Family::KillBroker]));
        assert_eq!(both.len(), one.len() + other.len(), "seed {seed}");
        assert!(one.iter().chain(&other).all(|fault| both.contains(fault)), "seed {seed}");
    }
}

#[test]
fn times_are_whole_milliseconds() {
    let everything = Chaos::Families(Family::ALL.to_vec());
    for seed in 0..20 {
        for fault in draw(&plan(seed), &everything) {
            let (Trigger::At(at) | Trigger::After(_, at) | Trigger::On { since: at, .. }) =
                fault.when;
            assert_eq!(at, Span::millis(at.as_millis()), "seed {seed}");
        }
    }
}

#[test]
fn every_profile_strikes_in_every_seed() {
    for family in Family::ALL.iter().filter(|family| family.is_profile()) {
        let chaos = Chaos::Families(vec![*family]);
        for seed in 0..20 {
            assert!(!draw(&plan(seed), &chaos).is_empty(), "{}, seed {seed}", family.name());
        }
    }
}

fn plan(seed: u64) -> Plan {
    Story::new(&[])
        .topic("orders", 4, &[])
        .producer(Span::millis(10), &[])
        .group(2, Span::millis(1), &[])
        .plan(seed)
}
