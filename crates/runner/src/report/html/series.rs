//! What flowed, and how far behind groups were, counted over equal stretches of time.

use serde::Serialize;
use stormglass_sim::World;
use stormglass_types::history::{Outcome, What};
use stormglass_types::{Dense, Time};

use super::lanes;
use super::{Recorded, micros, steps};

/// Rows over time.
#[derive(Serialize)]
pub(super) struct Series {
    /// How long a stretch is, in microseconds.
    bucket: u64,
    sent: Vec<u64>,
    acked: Vec<u64>,
    failed: Vec<u64>,
    unknown: Vec<u64>,
    /// Records that each group processed, repeats included.
    processed: Vec<Vec<u64>>,
    /// Per group.
    lag: Vec<Lag>,
}

/// Samples of a group's lag.
#[derive(Default, Serialize)]
struct Lag {
    /// When, as steps.
    at: Vec<i64>,
    /// By partition, as in the list of partitions; as steps.
    partitions: Vec<(usize, Vec<i64>)>,
}

/// No more stretches than this: a screen has not many more pixels.
const MOST: u64 = 300;

/// Lengths of stretches that people can count in, in milliseconds.
const LENGTHS: [u64; 12] =
    [50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 600_000];

/// How long one of equal stretches of a run is, in microseconds.
pub(super) fn bucket(ends: Time) -> u64 {
    let fits = LENGTHS.into_iter().find(|length| ends.as_millis() / length < MOST);
    fits.unwrap_or(ends.as_millis() / MOST + 1) * 1_000
}

/// The stretches of a run with nothing in them, and how to find that of an instant.
pub(super) struct Stretches {
    pub(super) length: u64,
    pub(super) count: usize,
}

impl Stretches {
    pub(super) fn of(world: &World) -> Self {
        let length = bucket(world.now());
        let count = usize::try_from(micros(world.now()) / length).expect("a few hundred") + 1;
        Self { length, count }
    }

    pub(super) fn at(&self, at: Time) -> usize {
        let place = usize::try_from(micros(at) / self.length).unwrap_or(usize::MAX);
        place.min(self.count - 1)
    }
}

/// The rows of a run.
pub(super) fn series(run: &Recorded<'_>) -> Series {
    let (world, history) = (run.world, run.world.history());
    let stretches = Stretches::of(world);
    let none = || vec![0; stretches.count];
    let mut series = Series {
        bucket: stretches.length,
        sent: none(),
        acked: none(),
        failed: none(),
        unknown: none(),
        processed: history.header.groups.iter().map(|_| none()).collect(),
        lag: lags(run),
    };
    for event in history.events.iter() {
        let place = stretches.at(event.at);
        if let What::Send { .. } = event.what {
            series.sent[place] += 1;
        } else if let What::SendDone { values, outcome, .. } = event.what {
            let row = match outcome {
                Outcome::Ok => &mut series.acked,
                Outcome::Fail(_) => &mut series.failed,
                Outcome::Unknown(_) => &mut series.unknown,
            };
            row[place] += u64::from(values.count);
        } else if let What::SendRefused { .. } = event.what {
            series.failed[place] += 1;
        } else if let What::Processed { group, values, .. }
        | What::Deduplicated { group, values, .. } = event.what
        {
            series.processed[group.index()][place] += u64::from(values.count);
        }
    }
    series
}

fn lags(run: &Recorded<'_>) -> Vec<Lag> {
    let history = run.world.history();
    let ids = lanes::partitions(run.world);
    let lag_of = |group| {
        let mut at: Vec<Time> = Vec::new();
        let mut rows: Vec<Vec<i64>> = vec![Vec::new(); ids.len()];
        for event in history.events.iter() {
            let What::Lag { group: of, partition, lag } = event.what else { continue };
            if of != group {
                continue;
            }
            if at.last() != Some(&event.at) {
                at.push(event.at);
            }
            let Some(place) = ids.iter().position(|id| *id == partition) else { continue };
            // A partition without a sample has had no position yet.
            rows[place].resize(at.len() - 1, -1);
            rows[place].push(i64::try_from(lag).unwrap_or(i64::MAX));
        }
        let times: Vec<i64> =
            at.iter().map(|at| i64::try_from(micros(*at)).unwrap_or(i64::MAX)).collect();
        let seen = rows.into_iter().enumerate().filter(|(_, row)| !row.is_empty());
        let partitions = seen.map(|(place, mut row)| {
            row.resize(at.len(), -1);
            (place, steps(&row))
        });
        Lag { at: steps(&times), partitions: partitions.collect() }
    };
    history.header.groups.ids().map(lag_of).collect()
}
