//! Where the replicas of new partitions go (`StripedReplicaPlacer` for one rack).
//!
//! Leaders rotate over the unfenced brokers from a random start; followers come next in the same rotation, fenced brokers
//! last. After as many partitions as there are unfenced brokers the rotation is shuffled.

use alloc::vec::Vec;

use stormglass_types::{BrokerId, ErrorCode, Rng};

use crate::metadata::Brokers;

/// The brokers of a kind in rotation.
struct Rotation {
    brokers: Vec<BrokerId>,
    start: usize,
    taken: usize,
    round: usize,
}

impl Rotation {
    fn new(brokers: Vec<BrokerId>, rng: &mut Rng) -> Self {
        let start = if brokers.is_empty() { 0 } else { rng.index(brokers.len()) };
        Self { brokers, start, taken: 0, round: 0 }
    }

    /// The next broker for a partition; each round begins one further on.
    fn next(&mut self, round: usize) -> Option<BrokerId> {
        if self.brokers.is_empty() {
            return None;
        }
        if self.round != round {
            self.round = round;
            self.taken = 0;
            self.start = (self.start + 1) % self.brokers.len();
        }
        if self.taken == self.brokers.len() {
            return None;
        }
        let broker = self.brokers[(self.start + self.taken) % self.brokers.len()];
        self.taken += 1;
        Some(broker)
    }
}

/// The replicas of `partitions` new partitions, the preferred one first.
pub(super) fn place(
    [unfenced, fenced]: [Vec<BrokerId>; 2],
    partitions: u16,
    replication: u16,
    rng: &mut Rng,
) -> Result<Vec<Brokers>, ErrorCode> {
    let replication = usize::from(replication);
    if replication == 0 || unfenced.is_empty() || replication > unfenced.len() + fenced.len() {
        return Err(ErrorCode::InvalidReplicationFactor);
    }
    let mut fenced = Rotation::new(fenced, rng);
    let mut unfenced = Rotation::new(unfenced, rng);
    let mut round = 0;
    let mut placed = Vec::with_capacity(usize::from(partitions));
    for _ in 0..partitions {
        if round == unfenced.brokers.len() && round > 1 {
            rng.shuffle(&mut fenced.brokers);
            rng.shuffle(&mut unfenced.brokers);
            round = 0;
        }
        let next = || unfenced.next(round).or_else(|| fenced.next(round));
        placed.push(core::iter::from_fn(next).take(replication).collect());
        round += 1;
    }
    Ok(placed)
}
