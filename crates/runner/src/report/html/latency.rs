//! How long records took: from send to ack, and from send to the end of their first processing by a group.

use serde::Serialize;
use stormglass_check::Percentiles;
use stormglass_sim::World;
use stormglass_types::history::{Outcome, What};
use stormglass_types::{Dense, PartitionMap, Time, TopicPartition, Value, ValueRange};

use super::series::Stretches;

/// All latencies, in microseconds.
#[derive(Serialize)]
pub(super) struct Latency {
    ack: Distribution,
    /// Per group.
    groups: Vec<Distribution>,
}

/// One kind of latency: by the time when it ended, and over the whole run.
#[derive(Serialize)]
struct Distribution {
    samples: usize,
    /// Per stretch of time: median, 95th, 99th percentile and the largest; none where nothing ended.
    over_time: Vec<Option<[u64; 4]>>,
    /// Share in hundred-thousandths, and the latency below which it lies.
    curve: Vec<(usize, u64)>,
}

/// Where the curve is drawn, in hundred-thousandths.
const SHARES: [usize; 19] = [
    0, 10_000, 25_000, 50_000, 60_000, 70_000, 75_000, 80_000, 85_000, 90_000, 92_500, 95_000,
    97_500, 99_000, 99_500, 99_900, 99_950, 99_990, 100_000,
];

/// When records were sent, by source, partition and serial; and whether each has been met.
struct Sent(Vec<PartitionMap<Vec<(Time, bool)>>>);

impl Sent {
    fn add(&mut self, partition: TopicPartition, value: Value, at: Time) {
        let source = usize::from(value.source.0);
        if self.0.len() <= source {
            self.0.resize_with(source + 1, PartitionMap::new);
        }
        let serial = usize::try_from(value.serial).unwrap_or(usize::MAX);
        let row = self.0[source].get_or_insert_with(partition, Vec::new);
        row.resize(serial + 1, (at, false));
        row[serial] = (at, false);
    }

    /// How long ago those of a range were sent that were not met before; from now on they are.
    fn meet(&mut self, partition: TopicPartition, values: ValueRange, now: Time) -> Vec<u64> {
        let row = self.0.get_mut(usize::from(values.source.0));
        let Some(row) = row.and_then(|rows| rows.get_mut(partition)) else { return Vec::new() };
        let first = usize::try_from(values.first).unwrap_or(usize::MAX);
        let count = usize::try_from(values.count).unwrap_or(usize::MAX);
        let fresh = row.iter_mut().skip(first).take(count).filter(|(_, met)| !met);
        fresh
            .map(|(at, met)| {
                *met = true;
                now.since(*at).0 / 1_000
            })
            .collect()
    }

    fn forget(&mut self) {
        for (_, row) in self.0.iter_mut().flat_map(PartitionMap::iter_mut) {
            row.iter_mut().for_each(|(_, met)| *met = false);
        }
    }
}

/// The latencies of a run.
pub(super) fn latency(world: &World) -> Latency {
    let history = world.history();
    let stretches = Stretches::of(world);
    let mut sent = Sent(Vec::new());
    let mut ack = Samples::new(&stretches);
    for event in history.events.iter() {
        if let What::Send { partition, value, .. } = event.what {
            sent.add(partition, value, event.at);
        } else if let What::SendDone { partition, values, outcome: Outcome::Ok, .. } = event.what {
            ack.add(stretches.at(event.at), sent.meet(partition, values, event.at));
        }
    }
    let groups = history.header.groups.ids().map(|group| {
        sent.forget();
        let mut samples = Samples::new(&stretches);
        for event in history.events.iter() {
            let What::Processed { group: by, partition, values, .. } = event.what else { continue };
            if by.index() == group.index() {
                samples.add(stretches.at(event.at), sent.meet(partition, values, event.at));
            }
        }
        samples.distribution()
    });
    let groups = groups.collect();
    Latency { ack: ack.distribution(), groups }
}

struct Samples {
    all: Vec<u64>,
    by_time: Vec<Vec<u64>>,
}

impl Samples {
    fn new(stretches: &Stretches) -> Self {
        Self { all: Vec::new(), by_time: vec![Vec::new(); stretches.count] }
    }

    fn add(&mut self, place: usize, latencies: Vec<u64>) {
        self.all.extend_from_slice(&latencies);
        self.by_time[place].extend(latencies);
    }

    fn distribution(mut self) -> Distribution {
        self.all.sort_unstable();
        let over_time = self.by_time.into_iter().map(|samples| {
            let of = Percentiles::of(samples);
            (of.samples > 0).then_some([of.p50, of.p95, of.p99, of.max])
        });
        // A share that is finer than one sample says nothing.
        let fits = |share: &usize| {
            *share == 100_000 || (100_000 - share) * self.all.len() >= 100_000 || *share <= 50_000
        };
        let rank = |share: usize| (self.all.len() * share).div_ceil(100_000).max(1) - 1;
        let curve = SHARES.into_iter().filter(fits).map(|share| (share, rank(share)));
        let curve = curve.filter_map(|(share, rank)| Some((share, *self.all.get(rank)?)));
        Distribution {
            samples: self.all.len(),
            over_time: over_time.collect(),
            curve: curve.collect(),
        }
    }
}
