//! What an application asks beside reading and committing: partitions taken without a group, positions that it sets,
//! pauses, callbacks that partitions wait for; and threads that run beside it, for hosts of people's own code.
//!
//! Does not know callbacks: it says that one is due, and waits.

use alloc::vec::Vec;

use stormglass_types::history::{Outcome, Positioning};
use stormglass_types::{Generation, TopicId, TopicPartition};

use super::positions::Held;
use super::{Consumer, Stage};
use crate::{Completion, Now, OpId, Outbox, Report, Start, Steer};

/// What the host has asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Steering {
    threads: Threads,
    listener: Listener,
    ownership: Ownership,
    handover: Handover,
    /// Where `onPartitionsAssigned` seeks, if it does.
    landing: Option<Start>,
}

/// Who is on the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Threads {
    /// The application in its calls, and heartbeats beside it.
    Java,
    /// A thread of the client's own, always.
    Background,
}

/// Whether the application has a `ConsumerRebalanceListener` that takes its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Listener {
    None,
    Waits,
}

/// Who decides what is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ownership {
    Group,
    Application,
}

/// Whether partitions wait for a callback before they are given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Handover {
    Idle,
    Asked,
    Done,
}

impl Steering {
    pub(super) const NONE: Self = Self {
        threads: Threads::Java,
        listener: Listener::None,
        ownership: Ownership::Group,
        handover: Handover::Idle,
        landing: None,
    };

    pub(super) fn is_background(self) -> bool {
        self.threads == Threads::Background
    }

    /// Nothing waits any more: the partitions go, or are gone.
    pub(super) fn forget_handover(&mut self) {
        self.handover = Handover::Idle;
    }

    pub(super) fn is_asking(self) -> bool {
        self.handover == Handover::Asked
    }

    pub(super) fn is_assigned_by_application(self) -> bool {
        self.ownership == Ownership::Application
    }
}

impl Consumer {
    /// The partitions that wait for the application's callback before they are given up; none while nothing waits.
    #[must_use]
    pub fn handing_over(&self) -> Option<Vec<TopicPartition>> {
        self.steering.is_asking().then(|| self.to_hand_over())
    }

    /// Without a subscription there is nothing to do for a group.
    pub(super) fn without_group(&self) -> Stage {
        match self.steering.ownership {
            Ownership::Group => Stage::Pending,
            Ownership::Application => Stage::Ready,
        }
    }

    /// Whether these partitions cannot be given up yet.
    pub(super) fn must_hand_over(&mut self, partitions: &[TopicPartition]) -> bool {
        let waits = self.steering.is_background() || self.steering.listener == Listener::Waits;
        if !waits || partitions.is_empty() {
            return false;
        }
        match self.steering.handover {
            Handover::Idle => {
                self.assignment.revoke_soon(partitions);
                self.steering.handover = Handover::Asked;
                true
            }
            Handover::Asked => true,
            Handover::Done => false,
        }
    }

    pub(super) fn on_steer(&mut self, now: Now, op: OpId, steer: Steer, out: &mut Outbox) {
        match steer {
            Steer::Background => self.steering.threads = Threads::Background,
            Steer::Listen => self.steering.listener = Listener::Waits,
            Steer::Unsubscribe => {
                self.disown(now, out);
                self.steering.ownership = Ownership::Group;
            }
            Steer::Assign(partitions) => {
                self.disown(now, out);
                self.take_over(now, &partitions, out);
            }
            Steer::Seek(partition, start) => self.seek(now, partition, start, out),
            Steer::SeekOnAssign(start) => self.steering.landing = Some(start),
            Steer::Hold(partitions) => self.hold(&partitions, Held::Yes),
            Steer::Release(partitions) => self.hold(&partitions, Held::No),
            Steer::Store(offsets) => self.store(&offsets),
            Steer::HandedOver => {
                if self.steering.is_asking() {
                    self.steering.handover = Handover::Done;
                }
            }
        }
        out.complete(op, Completion::Done(Outcome::Ok));
    }

    /// Leaves the group, if there is one, and owns nothing.
    fn disown(&mut self, now: Now, out: &mut Outbox) {
        self.steering.handover = Handover::Idle;
        if !self.group_state.topics.is_empty() {
            self.give_up(out);
            self.leave(now, out);
            self.group_state.topics.clear();
        }
        self.assignment.replace(Generation::NONE, &[]);
    }

    /// `onPartitionsAssigned`, which runs before anybody asks for committed offsets.
    pub(super) fn assigned(
        &mut self,
        now: Now,
        generation: Generation,
        added: Vec<TopicPartition>,
        out: &mut Outbox,
    ) {
        let Some(landing) = self.steering.landing else {
            return out.report(Report::Assigned(generation, added));
        };
        out.report(Report::Assigned(generation, added.clone()));
        for partition in added {
            self.seek(now, partition, landing, out);
        }
    }

    fn take_over(&mut self, now: Now, partitions: &[(TopicPartition, Start)], out: &mut Outbox) {
        self.steering.ownership = Ownership::Application;
        let owned: Vec<TopicPartition> = partitions.iter().map(|(owned, _)| *owned).collect();
        let mut topics: Vec<TopicId> = owned.iter().map(|owned| owned.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        self.metadata.watch(&topics);
        self.assignment.replace(Generation::NONE, &owned);
        for (partition, start) in partitions.iter().copied() {
            self.seek(now, partition, start, out);
        }
    }

    fn seek(&mut self, now: Now, partition: TopicPartition, start: Start, out: &mut Outbox) {
        let leader = self.metadata.leader(partition);
        let Some(assigned) = self.assignment.states.get_mut(partition) else { return };
        assigned.begin(start, leader, now.wall);
        if let Start::At(offset) = start {
            out.report(Report::Positioned(partition, offset, Positioning::Seek));
        }
    }

    fn hold(&mut self, partitions: &[TopicPartition], held: Held) {
        for partition in partitions.iter().copied() {
            if let Some(assigned) = self.assignment.states.get_mut(partition) {
                assigned.hold(held);
            }
        }
    }
}
