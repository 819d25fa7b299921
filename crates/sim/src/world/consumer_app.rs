//! A group member's application: the poll loop, the processing, the commits.
//!
//! Decides nothing about Kafka: it calls its client and takes time.

mod offsets;
mod pauses;
mod work;

use std::sync::Arc;

use stormglass_kafka::settings::Threads;
use stormglass_kafka::{Call, OpId, PolledBatch, Start, Steer};
use stormglass_types::history::{CommitMode, Outcome};
use stormglass_types::{Generation, GroupId, Key, Rng, Span, Time, TopicId, TopicPartition, Value};

use self::offsets::Offsets;
use self::pauses::Pauses;
use self::work::{Verdict, Work, draw, is_free};
use crate::plan::{
    AtRevocation, CommitCall, CommitScope, GroupPlan, OffsetStore, OnPoison, Place, Retry,
    Subscribing,
};

/// One life of a member's application.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerApp {
    pub(crate) group: GroupId,
    plan: Arc<GroupPlan>,
    rng: Rng,
    state: State,
    next_op: u32,
    work: Work,
    offsets: Offsets,
    /// What it was assigned, and in which generation.
    assigned: Vec<(TopicPartition, Generation)>,
    /// Time per record while a fault slows the application.
    pub(crate) slowed: Option<Span>,
    pauses: Pauses,
    /// Where it is to seek before it polls again, in one partition or in all.
    seeking: Vec<(Option<TopicPartition>, Start)>,
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
    /// Inside `onPartitionsRevoked`, and there inside `commitSync`.
    HandingOver(OpId),
    /// Inside `commitSync`, to process afterwards.
    CommittingFirst(OpId),
    /// Processing in the poll loop.
    Processing,
    /// Inside `commitSync` between two records.
    CommittingBetween(OpId),
    /// Inside `commitSync`, to poll afterwards.
    CommittingLast(OpId),
    /// Inside `commitSync`, to close afterwards.
    Parting(OpId),
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
    /// A record is done: its result and its offset go to a database together, in the name of a generation.
    Store(PolledBatch, Generation),
    /// The record at the front is to be sent to the dead letters.
    Letter(OpId, TopicId),
    /// The process dies of an exception.
    Crash,
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

/// What `poll` returned.
pub(crate) struct Polled<'p> {
    pub(crate) op: OpId,
    pub(crate) batches: &'p [PolledBatch],
    /// The partitions that `onPartitionsRevoked` is called for, if it is.
    pub(crate) handing_over: Option<Vec<TopicPartition>>,
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
            work: Work::default(),
            offsets: Offsets::default(),
            assigned: Vec::new(),
            slowed: None,
            pauses: Pauses::default(),
            seeking: Vec::new(),
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

    /// Begins a life. `everything` is what there is to assign itself.
    pub(crate) fn start(&mut self, everything: &[TopicPartition]) -> Vec<Step> {
        self.work.clear();
        self.offsets.clear();
        self.assigned.clear();
        self.pauses = Pauses::default();
        self.seeking.clear();
        self.stopping = false;
        let mut steps = Vec::new();
        if let Some(start) = self.plan.seek_on_assign {
            steps.push(self.steer(Steer::SeekOnAssign(start)));
        }
        if self.plan.commits.at_revocation == AtRevocation::Commit {
            steps.push(self.steer(Steer::Listen));
        }
        let op = self.op();
        self.state = State::Subscribing(op);
        let topics = self.plan.topics.clone();
        let begin = match self.plan.subscribing {
            Subscribing::Names => Call::Subscribe(topics),
            Subscribing::Pattern => Call::SubscribeMatching(topics),
            Subscribing::Assigns => {
                self.assigned = everything.iter().map(|one| (*one, Generation::NONE)).collect();
                let all = everything.iter().map(|one| (*one, Start::Committed));
                Call::Steer(Steer::Assign(all.collect()))
            }
        };
        steps.push(Step::Call(op, begin));
        steps
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
            | State::HandingOver(_)
            | State::CommittingFirst(_)
            | State::Processing
            | State::CommittingBetween(_)
            | State::CommittingLast(_)
            | State::Parting(_)
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
            | State::HandingOver(_)
            | State::CommittingFirst(_)
            | State::Processing
            | State::CommittingBetween(_)
            | State::CommittingLast(_)
            | State::Parting(_)
            | State::Closed => None,
        };
        match (polls, self.work.wakes_at()) {
            (Some(polls), Some(works)) => Some(polls.min(works)),
            (polls, works) => polls.or(works),
        }
    }

    /// Does what is due. `key_of` tells a record's key.
    pub(crate) fn wake(
        &mut self,
        now: Time,
        key_of: impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if self.work.is_ready() {
            self.begin_record(now, &key_of, steps);
        }
        while self.work.is_over(now) {
            self.finish_record(now, &key_of, steps);
        }
        if self.state == State::Processing && self.work.is_empty() {
            self.after_processing(now, steps);
        }
        if let State::Resting(at) = self.state
            && at <= now
        {
            self.loop_on(now, steps);
        }
    }

    /// The poll loop from its top to `poll`.
    fn loop_on(&mut self, now: Time, steps: &mut Vec<Step>) {
        if self.stopping {
            return self.part(now, steps);
        }
        if let CommitCall::Async(retry) = self.plan.commits.call {
            let op = self.op();
            if let Some(positions) = self.offsets.retry(now, op, retry) {
                steps.push(Step::Call(op, Call::CommitAsync(positions)));
            }
        }
        for (partition, start) in std::mem::take(&mut self.seeking) {
            self.seek_in(partition, start, steps);
        }
        self.hold_back(steps);
        let op = self.op();
        self.state = State::Polling(op);
        steps.push(Step::Call(op, Call::Poll(self.plan.poll_timeout)));
    }

    /// Somebody wants it to seek. Only its poll loop may touch its client.
    pub(crate) fn ask_to_seek(&mut self, partition: Option<TopicPartition>, start: Start) {
        self.seeking.push((partition, start));
    }

    /// Somebody wants it to pause a partition, or all.
    pub(crate) fn ask_to_pause(&mut self, partition: Option<TopicPartition>) {
        self.pauses.ask(partition);
    }

    /// Somebody wants it to resume what it was asked to pause.
    pub(crate) fn ask_to_resume(&mut self, partition: Option<TopicPartition>) {
        self.pauses.end(partition);
    }

    /// Seeks in one or all partitions that it has: what it has in hand of them, and has not committed, is not its concern
    /// any more.
    fn seek_in(&mut self, only: Option<TopicPartition>, start: Start, steps: &mut Vec<Step>) {
        let mut partitions = self.owned();
        partitions.retain(|partition| only.is_none_or(|only| only == *partition));
        self.work.drop_those_of(&partitions);
        self.offsets.gave_up(&partitions, None);
        steps.extend(partitions.into_iter().map(|partition| self.seek(partition, start)));
    }

    /// Commits what is left, if it takes care, and closes.
    fn part(&mut self, now: Time, steps: &mut Vec<Step>) {
        let commits = self.plan.commits;
        let cares = commits.at_revocation == AtRevocation::Commit
            || matches!(commits.call, CommitCall::Async(_));
        if cares && self.commits_after() && self.offsets.is_open() {
            let op = self.op();
            self.state = State::Parting(op);
            let positions = self.offsets.commit_rest(now);
            steps.push(Step::Call(op, Call::CommitSync(positions)));
        } else {
            self.state = State::Closed;
            steps.push(Step::Close);
        }
    }

    /// Pauses partitions and resumes them, as it was told to and as its queue has room.
    fn hold_back(&mut self, steps: &mut Vec<Step>) {
        if self.pauses.were_told() {
            for steer in self.pauses.as_told(&self.owned()) {
                steps.push(self.steer(steer));
            }
        }
        let Some(most) = self.plan.processing.queue else { return };
        let steer = self.pauses.under(self.work.backlog(), most, &self.owned());
        steps.extend(steer.map(|steer| self.steer(steer)));
    }

    /// The partitions that it has.
    fn owned(&self) -> Vec<TopicPartition> {
        self.assigned.iter().map(|(partition, _)| *partition).collect()
    }

    /// `poll` returned.
    pub(crate) fn polled(
        &mut self,
        now: Time,
        polled: Polled<'_>,
        key_of: impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if self.state != State::Polling(polled.op) {
            return;
        }
        let batches = polled.batches;
        if !batches.is_empty() {
            let ahead = self.plan.processing.per_poll;
            let ahead =
                if ahead.most == Span::ZERO { ahead.most } else { draw(ahead, &mut self.rng) };
            self.work.take_in(batches, ahead);
        }
        if self.plan.commit == CommitMode::BeforeProcessing {
            for batch in batches {
                self.offsets.reached(batch.partition, batch.base.plus(batch.values.count));
            }
        }
        if let Some(partitions) = polled.handing_over {
            return self.hand_over(now, &partitions, &key_of, steps);
        }
        self.go_on(now, &key_of, steps);
    }

    /// `onPartitionsRevoked`: commits what is processed, and drops what waits of those partitions.
    fn hand_over(
        &mut self,
        now: Time,
        partitions: &[TopicPartition],
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        self.work.drop_those_of(partitions);
        if self.commits_after() && self.offsets.is_open() {
            let op = self.op();
            self.state = State::HandingOver(op);
            let positions = self.offsets.commit_rest(now);
            steps.push(Step::Call(op, Call::CommitSync(positions)));
        } else {
            steps.push(self.steer(Steer::HandedOver));
            self.go_on(now, key_of, steps);
        }
    }

    /// After `poll`: processes what there is, or polls again.
    fn go_on(
        &mut self,
        now: Time,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if self.plan.commit == CommitMode::BeforeProcessing
            && self.offsets.is_due(now, Span::ZERO)
            && self.commit(now, State::CommittingFirst, steps)
        {
            return;
        }
        self.process(now, key_of, steps);
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
        if let CommitCall::Async(retry) = self.plan.commits.call
            && self.offsets.answered(now, op, outcome, retry)
        {
            return;
        }
        match self.state {
            State::Subscribing(waiting) | State::CommittingLast(waiting) if waiting == op => {
                self.offsets.ended(outcome);
                self.state = State::Resting(now + LOOP_OVERHEAD);
            }
            State::CommittingFirst(waiting) if waiting == op => {
                self.offsets.ended(outcome);
                self.process(now, &key_of, steps);
            }
            State::CommittingBetween(waiting) if waiting == op => {
                self.offsets.ended(outcome);
                self.process(now, &key_of, steps);
            }
            State::HandingOver(waiting) if waiting == op => {
                self.offsets.ended(outcome);
                steps.push(self.steer(Steer::HandedOver));
                self.go_on(now, &key_of, steps);
            }
            State::Parting(waiting) if waiting == op => {
                self.state = State::Closed;
                steps.push(Step::Close);
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
            | State::HandingOver(_)
            | State::CommittingFirst(_)
            | State::Processing
            | State::CommittingBetween(_)
            | State::CommittingLast(_)
            | State::Parting(_)
            | State::Closed => {}
        }
    }

    /// A dead letter arrived, or did not.
    pub(crate) fn lettered(
        &mut self,
        now: Time,
        outcome: Outcome,
        key_of: impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if !self.work.is_leaving() {
            return;
        }
        if outcome == Outcome::Ok {
            let record = self.work.pop();
            self.handled(record, steps);
            self.next_record(now, record.partition, &key_of, steps);
            if self.state == State::Processing && self.work.is_empty() {
                self.after_processing(now, steps);
            }
        } else {
            let pause =
                self.plan.processing.poison.as_ref().map_or(Span::ZERO, |poison| poison.pause);
            self.work.came_back(now, pause.max(LOOP_OVERHEAD));
        }
    }

    /// Partitions are its own in a generation.
    pub(crate) fn was_assigned(&mut self, generation: Generation, partitions: &[TopicPartition]) {
        self.assigned.retain(|(known, _)| !partitions.contains(known));
        self.assigned.extend(partitions.iter().map(|partition| (*partition, generation)));
        self.pauses.were_assigned();
    }

    /// Goes on to read somewhere else.
    pub(crate) fn seek(&mut self, partition: TopicPartition, start: Start) -> Step {
        self.steer(Steer::Seek(partition, start))
    }

    /// Partitions are somebody else's from now on: nothing of them may be committed any more.
    pub(crate) fn gave_up(&mut self, partitions: &[TopicPartition]) {
        let retry = match self.plan.commits.call {
            CommitCall::Sync | CommitCall::Store => None,
            CommitCall::Async(retry) => Some(retry),
        };
        self.offsets.gave_up(partitions, retry);
        self.assigned.retain(|(known, _)| !partitions.contains(known));
        if self.plan.commit == CommitMode::AfterProcessing && self.hears_of_rebalances() {
            self.work.drop_those_of(partitions);
        }
    }

    /// Whether it learns that partitions are gone while it works: not if its client goes through rebalances by itself.
    fn hears_of_rebalances(&self) -> bool {
        let member = self.plan.members.first();
        member.is_none_or(|member| member.settings.threads == Threads::Application)
            || self.plan.commits.at_revocation == AtRevocation::Commit
    }

    /// Its store refused a write: somebody else has the partition.
    pub(crate) fn was_fenced(&mut self, partition: TopicPartition) {
        self.work.drop_those_of(&[partition]);
    }

    fn process(
        &mut self,
        now: Time,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        if self.work.is_idle() && !self.work.is_empty() {
            self.begin_record(now, key_of, steps);
        }
        match self.plan.processing.place {
            // Commits what the other thread has done by now.
            Place::OtherThread => self.after_processing(now, steps),
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
        self.work.rest();
        if self.slowed.is_none() && is_free(&self.plan) {
            for batch in self.work.all_at_once() {
                if self.plan.commit == CommitMode::AfterProcessing {
                    self.offsets.reached(batch.partition, batch.base.plus(batch.values.count));
                }
                steps.push(Step::Processed(batch));
            }
            return;
        }
        let takes = self.work.time(&self.plan, self.slowed, &mut self.rng, key_of);
        if let Some(takes) = takes {
            self.work.begin(now, takes);
        }
    }

    /// The time of the record at the front is over.
    fn finish_record(
        &mut self,
        now: Time,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        match self.work.judge(now, &self.plan, key_of) {
            Verdict::Done(record) => {
                self.handled(record, steps);
                self.next_record(now, record.partition, key_of, steps);
            }
            Verdict::Skipped(record) => {
                if self.plan.commit == CommitMode::AfterProcessing {
                    self.offsets.reached(record.partition, record.base.plus(1));
                }
                self.next_record(now, record.partition, key_of, steps);
            }
            Verdict::Again => {}
            Verdict::Leaves => {
                let op = self.op();
                self.work.leaves(op);
                steps.extend(self.dead_letters().map(|topic| Step::Letter(op, topic)));
            }
            Verdict::Crash => {
                self.work.clear();
                self.state = State::Closed;
                steps.push(Step::Crash);
            }
        }
    }

    /// Where records go that it cannot process.
    pub(crate) fn dead_letters(&self) -> Option<TopicId> {
        match &self.plan.processing.poison.as_ref()?.then {
            OnPoison::DeadLetter { topic, .. } => Some(*topic),
            OnPoison::Crash | OnPoison::Skip | OnPoison::Retry => None,
        }
    }

    /// A record is done.
    fn handled(&mut self, record: PolledBatch, steps: &mut Vec<Step>) {
        match self.plan.commits.store {
            OffsetStore::Kafka => {
                if self.plan.commit == CommitMode::AfterProcessing {
                    self.offsets.reached(record.partition, record.base.plus(1));
                }
                steps.push(Step::Processed(record));
            }
            OffsetStore::Own(_) => {
                let known =
                    self.assigned.iter().find(|(partition, _)| *partition == record.partition);
                let generation = known.map_or(Generation::NONE, |(_, generation)| *generation);
                steps.push(Step::Store(record, generation));
            }
        }
    }

    /// Commits if that is due between records, and goes on with the next one.
    fn next_record(
        &mut self,
        now: Time,
        last: TopicPartition,
        key_of: &impl Fn(TopicPartition, Value) -> Option<Key>,
        steps: &mut Vec<Step>,
    ) {
        let ends = match self.plan.commits.scope {
            CommitScope::Poll => false,
            CommitScope::Partition => self.work.front() != Some(last),
            CommitScope::Record => true,
        };
        let in_loop = self.state == State::Processing;
        if ends
            && in_loop
            && self.commits_after()
            && self.offsets.is_due(now, self.plan.commits.every)
            && self.commit(now, State::CommittingBetween, steps)
        {
            return;
        }
        if !self.work.is_empty() {
            self.begin_record(now, key_of, steps);
        }
    }

    /// Before the next poll. A commit that failed, as one does during a rebalance, is tried again after that.
    fn after_processing(&mut self, now: Time, steps: &mut Vec<Step>) {
        let due = self.commits_after() && self.offsets.is_due(now, self.plan.commits.every);
        if !(due && self.commit(now, State::CommittingLast, steps)) {
            self.state = State::Resting(now + LOOP_OVERHEAD);
        }
    }

    /// Whether it commits to Kafka what it has processed.
    fn commits_after(&self) -> bool {
        self.plan.commit == CommitMode::AfterProcessing
            && self.plan.commits.store == OffsetStore::Kafka
    }

    /// Commits. Whether it is inside of that call now.
    fn commit(&mut self, now: Time, inside: fn(OpId) -> State, steps: &mut Vec<Step>) -> bool {
        let op = self.op();
        match self.plan.commits.call {
            CommitCall::Sync => {
                self.state = inside(op);
                let positions = self.offsets.commit(now);
                steps.push(Step::Call(op, Call::CommitSync(positions)));
                true
            }
            CommitCall::Store => {
                let positions = self.offsets.hand_on(now);
                steps.push(self.steer(Steer::Store(positions)));
                false
            }
            CommitCall::Async(Retry::Never | Retry::Blindly(_) | Retry::IfNewest(_)) => {
                let positions = self.offsets.commit_async(now, op);
                steps.push(Step::Call(op, Call::CommitAsync(positions)));
                false
            }
        }
    }

    fn steer(&mut self, steer: Steer) -> Step {
        Step::Call(self.op(), Call::Steer(steer))
    }

    /// Whether it has nothing in hand.
    pub(crate) fn is_idle(&self) -> bool {
        self.work.is_empty()
    }

    /// How many records it has in hand.
    pub(crate) fn backlog(&self) -> u64 {
        self.work.backlog()
    }

    fn op(&mut self) -> OpId {
        self.next_op += 1;
        OpId(self.next_op)
    }
}
