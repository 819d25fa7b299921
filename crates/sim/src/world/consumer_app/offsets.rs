//! What an application has processed and not yet committed, and what its commits came to.
//!
//! Sends nothing itself: it hands out what to send, and takes in how that ended.

use stormglass_kafka::OpId;
use stormglass_types::history::Outcome;
use stormglass_types::{Offset, Span, Time, TopicPartition};

use crate::plan::Retry;

/// Next offsets, by partition.
pub(super) type Positions = Vec<(TopicPartition, Offset)>;

/// One life's offsets.
#[derive(Clone, Default, Debug)]
pub(super) struct Offsets {
    /// Where processing is, where that has not been committed.
    done: Positions,
    /// What `commitSync` is committing.
    committing: Positions,
    /// Calls of `commitAsync` without an answer.
    in_flight: Vec<AsyncCommit>,
    /// Those that failed and are sent again, and when.
    again: Vec<(Time, AsyncCommit)>,
    /// How many commits were begun.
    turns: u32,
    /// The latest of them that each partition was part of.
    newest: Vec<(TopicPartition, u32)>,
    last_at: Option<Time>,
}

/// A call of `commitAsync`.
#[derive(Clone, Debug)]
struct AsyncCommit {
    op: OpId,
    turn: u32,
    positions: Positions,
}

impl Offsets {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Everything before an offset is processed, or was handed out if that is when the application commits.
    pub(super) fn reached(&mut self, partition: TopicPartition, end: Offset) {
        match self.done.iter_mut().find(|(other, _)| *other == partition) {
            Some((_, position)) => *position = end,
            None => self.done.push((partition, end)),
        }
    }

    /// Whether there is something to commit, and its time has come.
    pub(super) fn is_due(&self, now: Time, every: Span) -> bool {
        !self.done.is_empty() && self.last_at.is_none_or(|last| now >= last + every)
    }

    /// Whether something was processed that is not known to be committed.
    pub(super) fn is_open(&self) -> bool {
        !self.done.is_empty() || !self.in_flight.is_empty() || !self.again.is_empty()
    }

    /// Begins a `commitSync` of what is done.
    pub(super) fn commit(&mut self, now: Time) -> Positions {
        self.committing = std::mem::take(&mut self.done);
        let positions = self.committing.clone();
        self.take_turn(now, &positions);
        positions
    }

    /// Takes what is done, for the client to commit.
    pub(super) fn hand_on(&mut self, now: Time) -> Positions {
        let positions = std::mem::take(&mut self.done);
        self.take_turn(now, &positions);
        positions
    }

    /// Begins a `commitSync` of all that is not known to be committed.
    pub(super) fn commit_rest(&mut self, now: Time) -> Positions {
        let waiting = self.again.drain(..).map(|(_, commit)| commit);
        let waiting: Vec<AsyncCommit> = waiting.collect();
        for commit in std::mem::take(&mut self.in_flight).into_iter().chain(waiting) {
            let open = self.still_newest(&commit);
            merge(&mut self.done, open);
        }
        self.commit(now)
    }

    /// A `commitSync` ended. What was not committed is kept, unless the application has come further since.
    pub(super) fn ended(&mut self, outcome: Outcome) {
        let positions = std::mem::take(&mut self.committing);
        if outcome != Outcome::Ok {
            merge(&mut self.done, positions);
        }
    }

    /// Begins a `commitAsync` of what is done.
    pub(super) fn commit_async(&mut self, now: Time, op: OpId) -> Positions {
        let positions = std::mem::take(&mut self.done);
        self.take_turn(now, &positions);
        self.in_flight.push(AsyncCommit { op, turn: self.turns, positions: positions.clone() });
        positions
    }

    /// The callback of a `commitAsync`. Whether this was one.
    pub(super) fn answered(&mut self, now: Time, op: OpId, outcome: Outcome, retry: Retry) -> bool {
        let Some(at) = self.in_flight.iter().position(|commit| commit.op == op) else {
            return false;
        };
        let commit = self.in_flight.remove(at);
        if outcome != Outcome::Ok {
            match retry {
                // The next commit has it.
                Retry::Never => {
                    let open = self.still_newest(&commit);
                    merge(&mut self.done, open);
                }
                Retry::Blindly(pause) | Retry::IfNewest(pause) => {
                    self.again.push((now + pause, commit));
                }
            }
        }
        true
    }

    /// A failed commit whose time to be sent again has come.
    pub(super) fn retry(&mut self, now: Time, op: OpId, retry: Retry) -> Option<Positions> {
        loop {
            let at = self.again.iter().position(|(at, _)| *at <= now)?;
            let (_, mut commit) = self.again.remove(at);
            if matches!(retry, Retry::IfNewest(_)) {
                commit.positions = self.still_newest(&commit);
            }
            if commit.positions.is_empty() {
                continue;
            }
            let positions = commit.positions.clone();
            self.in_flight.push(AsyncCommit { op, ..commit });
            return Some(positions);
        }
    }

    fn take_turn(&mut self, now: Time, positions: &Positions) {
        self.turns += 1;
        self.last_at = Some(now);
        let covered = |partition| positions.iter().any(|(other, _)| *other == partition);
        self.newest.retain(|(partition, _)| !covered(*partition));
        self.newest.extend(positions.iter().map(|(partition, _)| (*partition, self.turns)));
    }

    /// What of a commit no later one has covered.
    fn still_newest(&self, commit: &AsyncCommit) -> Positions {
        let newest = |partition| self.newest.contains(&(partition, commit.turn));
        let open = commit.positions.iter().copied();
        open.filter(|(partition, _)| newest(*partition)).collect()
    }

    /// Partitions are somebody else's: nothing of them is to be committed any more. Who retries blindly does not look.
    pub(super) fn gave_up(&mut self, partitions: &[TopicPartition], retry: Option<Retry>) {
        let kept = |(partition, _): &(TopicPartition, Offset)| !partitions.contains(partition);
        self.done.retain(kept);
        self.committing.retain(kept);
        if !matches!(retry, Some(Retry::Blindly(_))) {
            let waiting = self.again.iter_mut().map(|(_, commit)| commit);
            for commit in self.in_flight.iter_mut().chain(waiting) {
                commit.positions.retain(kept);
            }
        }
    }
}

/// Adds positions of partitions that have none: what is there is newer.
fn merge(into: &mut Positions, positions: Positions) {
    for (partition, offset) in positions {
        if into.iter().all(|(other, _)| *other != partition) {
            into.push((partition, offset));
        }
    }
}
