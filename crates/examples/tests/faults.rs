//! Faults strike people's own code as they strike any process: it dies, it is held, it begins again.
#![cfg(madsim)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use stormglass::Storm;

const PAUSED: &str = "
run: { for: 30s, settle: 10s, seeds: 0..3 }
topics: { things: { partitions: 1 } }
producers: { sensor: { to: things, rate: 5/s } }
applications: { ticker: { group: readers, subscribe: [things] } }
faults: [{ at: 10s, pause: ticker, for: 8s }]
expect: { hold: [no-loss] }
";

const KILLED: &str = "
run: { for: 30s, settle: 10s, seeds: 0..3 }
topics: { things: { partitions: 1 } }
producers: { sensor: { to: things, rate: 5/s } }
applications: { ticker: { group: readers, subscribe: [things] } }
faults: [{ at: 10s, kill: ticker, for: 8s }]
expect: { hold: [no-loss] }
";

/// Ticks of a process, a second apart, with the life that ticked.
#[derive(Clone, Default)]
struct Ticks {
    lives: Arc<Mutex<u32>>,
    at: Arc<Mutex<Vec<(u32, Duration)>>>,
}

impl Ticks {
    async fn tick(self, storm: Storm) {
        let life = {
            let mut lives = self.lives.lock().expect("one thread");
            *lives += 1;
            *lives
        };
        loop {
            madsim::time::sleep(Duration::from_secs(1)).await;
            self.at.lock().expect("one thread").push((life, storm.elapsed()));
        }
    }

    /// The longest silence, and how many lives there were.
    fn silence(&self) -> (Duration, u32) {
        let at = self.at.lock().expect("one thread");
        let gaps = at.windows(2).map(|pair| pair[1].1 - pair[0].1);
        (gaps.max().unwrap_or_default(), *self.lives.lock().expect("one thread"))
    }
}

async fn tick_through(storm: Storm) -> (Duration, u32) {
    let ticks = Ticks::default();
    let (told, inside) = (ticks.clone(), storm.clone());
    storm.app("ticker", move || told.clone().tick(inside.clone()));
    storm.over().await;
    ticks.silence()
}

#[stormglass::test(scenario = PAUSED)]
async fn a_paused_process_does_nothing_and_goes_on(storm: Storm) {
    let (silence, lives) = tick_through(storm).await;
    assert!(silence >= Duration::from_secs(8) && silence < Duration::from_secs(10), "{silence:?}");
    assert_eq!(lives, 1, "a pause is no death");
}

#[stormglass::test(scenario = KILLED)]
async fn a_killed_process_begins_again(storm: Storm) {
    let (silence, lives) = tick_through(storm).await;
    assert!(silence >= Duration::from_secs(8) && silence < Duration::from_secs(11), "{silence:?}");
    assert_eq!(lives, 2);
}
