//! Throttles that an operator sets while brokers run, in words.

use stormglass_sim::plan::FaultAction;

use super::*;

fn throttled(words: &str) -> String {
    format!(
        "topics: {{ orders: {{ partitions: 2 }} }}\nfaults:\n  - {{ at: 10s, throttle: {words} }}\nexpect: {{ hold: [no-loss] }}\n"
    )
}

#[test]
fn a_throttle_is_a_bandwidth_or_none_and_is_written_as_it_was_read() {
    for (words, rate) in [("4MB/s", Some(4_000_000)), ("none", None)] {
        let plan = scenario(&throttled(words)).plan(0);
        let action = FaultAction::Throttle { rate };
        assert_eq!(plan.faults.iter().map(|fault| &fault.action).collect::<Vec<_>>(), [&action]);
        let again = rate.map_or_else(|| "none".to_owned(), |rate| format!("{rate}B/s"));
        assert!(faults_to_yaml(&plan).contains(&format!("throttle: {again}")));
        assert_eq!(scenario(&throttled(&again)).plan(0).faults, plan.faults);
    }
}

#[test]
fn a_throttle_without_a_unit_is_refused() {
    let complaint = complaints(&throttled("4000000"));
    assert!(complaint.contains("a bandwidth, such as `4MB/s`, or `none`"), "{complaint}");
}
