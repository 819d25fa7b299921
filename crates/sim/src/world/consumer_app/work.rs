//! The records that an application has in hand: which is being processed, until when, and which it cannot process.
//!
//! Knows nothing of polls and commits.

use std::collections::VecDeque;

use stormglass_kafka::{OpId, PolledBatch};
use stormglass_types::{Dense, Key, Rng, Span, Time, TopicPartition, Value};

use crate::plan::{GroupPlan, OffsetStore, OnPoison, Poisonous, SpanRange};

/// Records handed out and not yet done, in order.
#[derive(Clone, Default, Debug)]
pub(super) struct Work {
    records: VecDeque<PolledBatch>,
    stage: Stage,
    /// How often the record at the front was tried.
    attempts: u32,
    /// Time that the next record takes in addition.
    ahead: Span,
}

/// What becomes of the record at the front.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Stage {
    /// Nothing: nobody works.
    #[default]
    Idle,
    /// Whoever works looks for the next one when the application is woken.
    Ready,
    /// It is worked on until then.
    Until(Time),
    /// It is being sent to the dead letters.
    Leaving(OpId),
}

/// What the work on a record came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is done.
    Done(PolledBatch),
    /// It was passed over.
    Skipped(PolledBatch),
    /// It is tried again.
    Again,
    /// It is to be sent to the dead letters.
    Leaves,
    /// The process dies of it.
    Crash,
}

impl Work {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.stage == Stage::Idle
    }

    /// How many records there are.
    pub(super) fn backlog(&self) -> u64 {
        self.records.iter().map(|batch| u64::from(batch.values.count)).sum()
    }

    pub(super) fn front(&self) -> Option<TopicPartition> {
        self.records.front().map(|batch| batch.partition)
    }

    /// Takes records in that a poll gave.
    pub(super) fn take_in(&mut self, batches: &[PolledBatch], ahead: Span) {
        self.records.extend(batches.iter().copied());
        self.ahead = self.ahead + ahead;
    }

    /// When it goes on by itself.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        match self.stage {
            Stage::Idle | Stage::Leaving(_) => None,
            Stage::Ready => Some(Time::ZERO),
            Stage::Until(at) => Some(at),
        }
    }

    /// Gives everything out at once, if none of it takes any time.
    pub(super) fn all_at_once(&mut self) -> impl Iterator<Item = PolledBatch> {
        self.stage = Stage::Idle;
        self.records.drain(..)
    }

    /// Begins with the record at the front.
    pub(super) fn begin(&mut self, now: Time, takes: Span) {
        self.attempts = 0;
        let ahead = std::mem::take(&mut self.ahead);
        self.stage = Stage::Until(now + takes + ahead);
    }

    /// Nobody works on what is left.
    pub(super) fn rest(&mut self) {
        self.stage = Stage::Idle;
    }

    /// Whether somebody has yet to look what there is to work on.
    pub(super) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether work on the record at the front is over by now.
    pub(super) fn is_over(&self, now: Time) -> bool {
        matches!(self.stage, Stage::Until(at) if at <= now)
    }

    /// The record at the front was worked on.
    pub(super) fn judge(
        &mut self,
        now: Time,
        plan: &GroupPlan,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
    ) -> Verdict {
        let front = *self.records.front().expect("something is being processed");
        let one = PolledBatch { values: front.values.part(0, 1), ..front };
        let Some(poison) = &plan.processing.poison else { return Verdict::Done(self.pop()) };
        if !is_poisonous(&poison.records, &one, key_of) {
            return Verdict::Done(self.pop());
        }
        self.attempts += 1;
        if self.attempts < poison.attempts || poison.then == OnPoison::Retry {
            self.stage = Stage::Until(now + poison.pause);
            return Verdict::Again;
        }
        match &poison.then {
            OnPoison::Crash => Verdict::Crash,
            OnPoison::Skip => Verdict::Skipped(self.pop()),
            OnPoison::DeadLetter { .. } => Verdict::Leaves,
            OnPoison::Retry => unreachable!("it is tried again"),
        }
    }

    /// The record at the front is being sent to the dead letters.
    pub(super) fn leaves(&mut self, op: OpId) {
        self.stage = Stage::Leaving(op);
    }

    /// Whether this is how the record at the front was sent to the dead letters.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving(_))
    }

    /// The dead letter did not arrive; it is sent again.
    pub(super) fn came_back(&mut self, now: Time, pause: Span) {
        self.stage = Stage::Until(now + pause);
    }

    /// Takes the record at the front off.
    pub(super) fn pop(&mut self) -> PolledBatch {
        let front = self.records.front_mut().expect("something is being processed");
        let one = PolledBatch { values: front.values.part(0, 1), ..*front };
        front.base = front.base.plus(1);
        front.values = front.values.part(1, u32::MAX);
        if front.values.count == 0 {
            self.records.pop_front();
        }
        self.stage = Stage::Idle;
        one
    }

    /// Drops the records of some partitions.
    pub(super) fn drop_those_of(&mut self, partitions: &[TopicPartition]) {
        let first = self.front();
        self.records.retain(|batch| !partitions.contains(&batch.partition));
        if first.is_some_and(|first| partitions.contains(&first)) && self.stage != Stage::Idle {
            self.stage = Stage::Ready;
        }
    }
}

/// How long the record at the front takes.
pub(super) fn time_for(
    batch: &PolledBatch,
    plan: &GroupPlan,
    slowed: Option<Span>,
    rng: &mut Rng,
    key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
) -> Span {
    let processing = &plan.processing;
    let slow = if processing.slow_keys.is_empty() {
        None
    } else {
        key_of(batch.partition, batch.values.at(0)).and_then(|key| {
            let at = processing.slow_keys.binary_search_by_key(&key, |(slow, _)| *slow).ok()?;
            Some(processing.slow_keys[at].1)
        })
    };
    let drawn = draw(processing.each, rng);
    let blocked = match &processing.blocking {
        Some(blocking) if rng.upto(u64::from(blocking.one_in) - 1) == 0 => {
            draw(blocking.lasting, rng)
        }
        Some(_) | None => Span::ZERO,
    };
    slowed.or(slow).unwrap_or(drawn) + blocked
}

impl Work {
    /// How long the record at the front takes, if there is one.
    pub(super) fn time(
        &self,
        plan: &GroupPlan,
        slowed: Option<Span>,
        rng: &mut Rng,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
    ) -> Option<Span> {
        self.records.front().map(|front| time_for(front, plan, slowed, rng, key_of))
    }
}

/// A span of a range.
pub(super) fn draw(range: SpanRange, rng: &mut Rng) -> Span {
    Span(rng.between(range.least.0, range.most.0))
}

/// Whether records take no time and are not looked at one by one.
pub(super) fn is_free(plan: &GroupPlan) -> bool {
    let processing = &plan.processing;
    processing.each.most == Span::ZERO
        && processing.per_poll.most == Span::ZERO
        && processing.slow_keys.is_empty()
        && processing.blocking.is_none()
        && processing.poison.is_none()
        && plan.commits.scope == crate::plan::CommitScope::Poll
        && plan.commits.store == OffsetStore::Kafka
}

fn is_poisonous(
    records: &Poisonous,
    one: &PolledBatch,
    key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
) -> bool {
    let value = one.values.at(0);
    match records {
        Poisonous::Keys(keys) => {
            key_of(one.partition, value).is_some_and(|key| keys.binary_search(&key).is_ok())
        }
        // Spread over partitions and producers, and the same record for whoever reads it.
        Poisonous::OneIn(number) => {
            let source = u64::try_from(value.source.index()).unwrap_or(u64::MAX);
            let place =
                u64::from(value.serial) + 7 * u64::from(one.partition.partition) + 13 * source;
            place % u64::from(*number) == u64::from(*number) - 1
        }
    }
}
