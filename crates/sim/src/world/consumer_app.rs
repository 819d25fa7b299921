//! A group member's application: the poll loop, the processing, the commits.
//!
//! Decides nothing about Kafka: it calls its client and takes time.

use std::collections::VecDeque;
use std::sync::Arc;

use stormglass_kafka::{Call, OpId, PolledBatch};
use stormglass_types::history::{CommitMode, Outcome};
use stormglass_types::{GroupId, Key, Offset, Rng, Span, Time, TopicPartition, Value};

use crate::plan::{GroupPlan, Place, Subscribing};

/// One life of a member's application.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerApp {
    pub(crate) group: GroupId,
    plan: Arc<GroupPlan>,
    rng: Rng,
    state: State,
    next_op: u32,
    /// Records handed out and not yet processed, in order.
    work: VecDeque<PolledBatch>,
    /// When the record at the front of the work is done.
    done_at: Option<Time>,
    /// Positions after the polled records, to be committed.
    positions: Vec<(TopicPartition, Offset)>,
    /// Positions that are being committed.
    committing: Vec<(TopicPartition, Offset)>,
    /// Time per record while a fault slows the application.
    pub(crate) slowed: Option<Span>,
    /// Whether the poll loop ends instead of polling again.
    stopping: bool,
}

/// Where the application's poll thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Not started.
    Idle,
    /// Will poll at an instant.
    Resting(Time),
    /// Inside `subscribe`.
    Subscribing(OpId),
    /// Inside `poll`.
    Polling(OpId),
    /// Inside `commitSync`, to process afterwards.
    CommittingFirst(OpId),
    /// Processing in the poll loop.
    Processing,
    /// Inside `commitSync`, to poll afterwards.
    CommittingLast(OpId),
    /// Out of the poll loop.
    Closed,
}

/// What the application wants next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Call the client.
    Call(OpId, Call),
    /// Records are done.
    Processed(PolledBatch),
    /// The poll loop has ended: close the client.
    Close,
}

/// Whether an application that was asked to stop can close its client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readiness {
    /// At once: it has not begun.
    Now,
    /// When `poll` has returned and what it gave is processed; [`Step::Close`] will say so.
    Later,
}

/// What a loop around `poll` costs.
const LOOP_OVERHEAD: Span = Span::micros(20);

impl ConsumerApp {
    pub(crate) fn new(group: GroupId, plan: Arc<GroupPlan>, rng: Rng) -> Self {
        Self {
            group,
            plan,
            rng,
            state: State::Idle,
            next_op: 0,
            work: VecDeque::new(),
            done_at: None,
            positions: Vec::new(),
            committing: Vec::new(),
            slowed: None,
            stopping: false,
        }
    }

    /// Its luck.
    pub(crate) fn rng(&self) -> &Rng {
        &self.rng
    }

    pub(crate) fn set_rng(&mut self, rng: Rng) {
        self.rng = rng;
    }

    /// Begins a life.
    pub(crate) fn start(&mut self) -> Step {
        self.work.clear();
        self.done_at = None;
        self.positions.clear();
        self.committing.clear();
        self.stopping = false;
        let op = self.op();
        self.state = State::Subscribing(op);
        let topics = self.plan.topics.clone();
        Step::Call(
            op,
            match self.plan.subscribing {
                Subscribing::Names => Call::Subscribe(topics),
                Subscribing::Pattern => Call::SubscribeMatching(topics),
            },
        )
    }

    /// The operator asks it to stop.
    pub(crate) fn ask_to_stop(&mut self) -> Readiness {
        self.stopping = true;
        match self.state {
            State::Idle => {
                self.state = State::Closed;
                Readiness::Now
            }
            State::Subscribing(_)
            | State::Polling(_)
            | State::Resting(_)
            | State::CommittingFirst(_)
            | State::Processing
            | State::CommittingLast(_)
            | State::Closed => Readiness::Later,
        }
    }

    /// When it wants to be woken, if at all.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        let polls = match self.state {
            State::Resting(at) => Some(at),
            State::Idle
            | State::Subscribing(_)
            | State::Polling(_)
            | State::CommittingFirst(_)
            | State::Processing
            | State::CommittingLast(_)
            | State::Closed => None,
        };
        match (polls, self.done_at) {
            (Some(polls), Some(done)) => Some(polls.min(done)),
            (polls, done) => polls.or(done),
        }
    }

    /// Does what is due. `key_of` tells a record's key.
    pub(crate) fn wake(
        &mut self,
        now: Time,
        key_of: impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        while self.done_at.is_some_and(|at| at <= now) {
            let front = self.work.front_mut().expect("something is being processed");
            let done = PolledBatch { values: front.values.part(0, 1), ..*front };
            front.base = front.base.plus(1);
            front.values = front.values.part(1, u32::MAX);
            if front.values.count == 0 {
                self.work.pop_front();
            }
            steps.push(Step::Processed(done));
            self.begin_record(now, &key_of, steps);
        }
        if self.state == State::Processing && self.work.is_empty() {
            self.after_processing(now, steps);
        }
        if let State::Resting(at) = self.state
            && at <= now
        {
            if self.stopping {
                self.state = State::Closed;
                steps.push(Step::Close);
                return;
            }
            let op = self.op();
            self.state = State::Polling(op);
            steps.push(Step::Call(op, Call::Poll(self.plan.poll_timeout)));
        }
    }

    /// `poll` returned.
    pub(crate) fn polled(
        &mut self,
        now: Time,
        op: OpId,
        batches: &[PolledBatch],
        key_of: impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if self.state != State::Polling(op) {
            return;
        }
        if batches.is_empty() {
            if self.positions.is_empty() || self.plan.processing.place == Place::OtherThread {
                self.state = State::Resting(now + LOOP_OVERHEAD);
            } else {
                // A commit that failed, as one does during a rebalance, is tried again after the next poll.
                let op = self.op();
                self.state = State::CommittingLast(op);
                steps.push(Step::Call(op, self.commit()));
            }
            return;
        }
        for batch in batches {
            let end = batch.base.plus(batch.values.count);
            match self.positions.iter_mut().find(|(partition, _)| *partition == batch.partition) {
                Some((_, position)) => *position = end,
                None => self.positions.push((batch.partition, end)),
            }
        }
        let was_idle = self.work.is_empty();
        self.work.extend(batches.iter().copied());
        match self.plan.commit {
            CommitMode::BeforeProcessing => {
                let op = self.op();
                self.state = State::CommittingFirst(op);
                steps.push(Step::Call(op, self.commit()));
            }
            CommitMode::AfterProcessing | CommitMode::Automatic => {
                self.process(now, was_idle, &key_of, steps);
            }
        }
    }

    fn commit(&mut self) -> Call {
        self.committing = std::mem::take(&mut self.positions);
        Call::CommitSync(self.committing.clone())
    }

    /// What was not committed is kept, unless the application has come further since.
    fn committed(&mut self, outcome: Outcome) {
        for (partition, offset) in std::mem::take(&mut self.committing) {
            let known = self.positions.iter().any(|(other, _)| *other == partition);
            if outcome != Outcome::Ok && !known {
                self.positions.push((partition, offset));
            }
        }
    }

    /// Partitions are somebody else's from now on: nothing of them may be committed any more.
    pub(crate) fn gave_up(&mut self, partitions: &[TopicPartition]) {
        self.positions.retain(|(partition, _)| !partitions.contains(partition));
        self.committing.retain(|(partition, _)| !partitions.contains(partition));
    }

    /// Another call than `poll` ended.
    pub(crate) fn returned(
        &mut self,
        now: Time,
        op: OpId,
        outcome: Outcome,
        key_of: impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        match self.state {
            State::Subscribing(waiting) | State::CommittingLast(waiting) if waiting == op => {
                self.committed(outcome);
                self.state = State::Resting(now + LOOP_OVERHEAD);
            }
            State::CommittingFirst(waiting) if waiting == op => {
                self.committed(outcome);
                self.process(now, self.done_at.is_none(), &key_of, steps);
            }
            State::Polling(waiting) if waiting == op => {
                // `poll` threw. Nobody catches that: the process cleans up and ends, and is started again.
                self.state = State::Closed;
                steps.push(Step::Close);
            }
            State::Idle
            | State::Resting(_)
            | State::Subscribing(_)
            | State::Polling(_)
            | State::CommittingFirst(_)
            | State::Processing
            | State::CommittingLast(_)
            | State::Closed => {}
        }
    }

    fn process(
        &mut self,
        now: Time,
        was_idle: bool,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if was_idle {
            self.begin_record(now, key_of, steps);
        }
        match self.plan.processing.place {
            Place::OtherThread => {
                self.positions.clear();
                self.state = State::Resting(now + LOOP_OVERHEAD);
            }
            Place::PollLoop => {
                self.state = State::Processing;
                if self.work.is_empty() {
                    self.after_processing(now, steps);
                }
            }
        }
    }

    /// Starts on the record at the front; finishes at once whatever takes no time.
    fn begin_record(
        &mut self,
        now: Time,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        self.done_at = None;
        let processing = &self.plan.processing;
        let free = self.slowed.is_none()
            && processing.each.most == Span::ZERO
            && processing.slow_keys.is_empty();
        if free {
            steps.extend(self.work.drain(..).map(Step::Processed));
            return;
        }
        let Some(front) = self.work.front() else { return };
        let first = front.values.at(0);
        let slow = if processing.slow_keys.is_empty() {
            None
        } else {
            key_of(front.partition, first).and_then(|key| {
                let at = processing.slow_keys.binary_search_by_key(&key, |(slow, _)| *slow).ok()?;
                Some(processing.slow_keys[at].1)
            })
        };
        let drawn = self.rng.between(processing.each.least.0, processing.each.most.0);
        let takes = self.slowed.or(slow).unwrap_or(Span(drawn));
        self.done_at = Some(now + takes);
    }

    fn after_processing(&mut self, now: Time, steps: &mut Vec<Step>) {
        match self.plan.commit {
            CommitMode::AfterProcessing => {
                let op = self.op();
                self.state = State::CommittingLast(op);
                steps.push(Step::Call(op, self.commit()));
            }
            CommitMode::BeforeProcessing | CommitMode::Automatic => {
                self.positions.clear();
                self.state = State::Resting(now + LOOP_OVERHEAD);
            }
        }
    }

    /// Whether it has nothing in hand.
    pub(crate) fn is_idle(&self) -> bool {
        self.work.is_empty()
    }

    /// How many records it has in hand.
    pub(crate) fn backlog(&self) -> u64 {
        self.work.iter().map(|batch| u64::from(batch.values.count)).sum()
    }

    fn op(&mut self) -> OpId {
        self.next_op += 1;
        OpId(self.next_op)
    }
}
