//! What the simulation takes from the code, and what it refuses: clocks, hash maps, threads.
#![cfg(madsim)]

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::thread;
use std::time::{Duration, Instant};

use stormglass::Storm;

const IDLE: &str = "
run: { for: 10s, settle: 10s, seeds: 0..3 }
topics: { things: { partitions: 1 } }
producers: { sensor: { to: things, rate: 5/s } }
applications: { idle: { group: readers, subscribe: [things] } }
expect: { hold: [no-loss] }
";

/// What two runs of a seed write must be the same, down to the order of a hash set: the test compares their logs.
#[stormglass::test(scenario = IDLE)]
async fn clocks_and_hash_maps_follow_from_the_seed(storm: Storm) {
    storm.app("idle", || async {});
    let words: HashSet<u64> = (0..100).collect();
    storm.log(format!("{:?}", words.iter().collect::<Vec<_>>()));
    let (real, began) = (storm.elapsed(), Instant::now());
    madsim::time::sleep(Duration::from_secs(1_800)).await;
    let slept = began.elapsed();
    assert!(slept >= Duration::from_secs(1_800) && slept < Duration::from_secs(1_801), "{slept:?}");
    assert!(storm.elapsed() - real >= slept - Duration::from_millis(1));
    storm.log(format!("{:?} {slept:?}", std::time::SystemTime::now()));
}

#[stormglass::test(scenario = IDLE)]
async fn threads_are_refused_inside_a_run(storm: Storm) {
    storm.app("idle", || async {});
    let refused = catch_unwind(|| thread::spawn(|| ()));
    assert!(refused.is_err(), "a thread would run in real time");
}
