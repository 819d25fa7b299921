//! How faults strike, whom, and how they end.
//!
//! Only carries out what the plan lists: nothing here decides that something should go wrong.

use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::message::Msg;
use stormglass_kafka::{Call, CrashKind, CrashReport, Input, Mark, Marks};
use stormglass_types::history::What;
use stormglass_types::{
    BrokerId, Dense, NodeId, Offset, Rng, Span, Stream, Time, TopicId, TopicPartition,
};

use super::external::Told;
use super::node::Wanted;
use super::tape::Luck;
use super::trace::TraceKind;
use super::{Event, Phase, World};
use crate::engine::net::Death;
use crate::plan::{
    AtStop, FaultAction, Leaving, MessageDirection, MessagePattern, Plan, Poisonous, Readers,
    Target, Trigger, Ways,
};

/// What became of the plan's faults so far.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    rngs: Vec<Rng>,
    watchers: Vec<Watcher>,
    awaiting_marks: Vec<(Mark, Span, u32)>,
    effects: Vec<Active>,
    stories: Vec<FaultStory>,
    keys_matter: bool,
    /// Faults that do not strike.
    spared: Vec<u32>,
}

/// What one fault of the plan did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultStory {
    /// Its place in the plan.
    pub fault: u32,
    /// When it struck.
    pub began: Time,
    /// When it was over; none for faults of an instant or that never ended.
    pub ended: Option<Time>,
    /// Whom it struck, if anyone.
    pub node: Option<NodeId>,
}

#[derive(Clone, Debug)]
struct Watcher {
    fault: u32,
    pattern: MessagePattern,
    left: u32,
    since: Time,
}

#[derive(Clone, Debug)]
struct Active {
    story: usize,
    undo: Option<Undo>,
    /// How long a process that was asked to stop stays down, counted from when it has stopped.
    down: Option<(NodeId, Span)>,
}

/// What ends a fault.
#[derive(Clone, Debug)]
enum Undo {
    Revive(NodeId),
    Resume(NodeId),
    Mend(Vec<(NodeId, NodeId)>),
    Hasten(NodeId),
    SyncFast(NodeId),
    Unstall(NodeId),
    MakeRoom(NodeId),
    LearnFast(NodeId),
    ProcessFast(NodeId),
    ReadOn(Readers),
    CreateTopic(TopicId),
}

/// What a fault does to the message that triggered it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meddling {
    Lose,
    Late(Span),
}

impl Faults {
    pub(super) fn new(plan: &Plan, luck: &Luck<'_>) -> Self {
        let count = u32::try_from(plan.faults.len()).expect("fewer than 2^32 faults");
        Self {
            rngs: (0..count).map(|fault| luck.stream(Stream::Target, fault)).collect(),
            watchers: Vec::new(),
            awaiting_marks: Vec::new(),
            effects: Vec::new(),
            stories: Vec::new(),
            spared: Vec::new(),
            keys_matter: !plan.applications.is_empty()
                || plan.groups.iter().any(|group| {
                    let poison = group.processing.poison.as_ref();
                    let by_key = poison.is_some_and(|it| matches!(it.records, Poisonous::Keys(_)));
                    by_key || !group.processing.slow_keys.is_empty()
                }),
        }
    }

    pub(super) fn stories(&self) -> &[FaultStory] {
        &self.stories
    }

    /// Whom faults strike, per fault of the plan.
    pub(super) fn rngs(&self) -> &[Rng] {
        &self.rngs
    }

    pub(super) fn rngs_mut(&mut self) -> &mut [Rng] {
        &mut self.rngs
    }

    /// Whether any fault waits for a message.
    pub(super) fn watches(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// Whether a process that was asked to stop is waited for.
    pub(super) fn waits_for(&self, node: NodeId) -> bool {
        self.effects.iter().any(|effect| matches!(effect.down, Some((other, _)) if other == node))
    }

    /// Whether the keys of records must be kept.
    pub(super) fn keys_matter(&self) -> bool {
        self.keys_matter
    }

    /// Whether a fault under way will start a process again.
    pub(super) fn will_return(&self, node: NodeId) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(&effect.undo, Some(Undo::Revive(other)) if *other == node))
    }
}

impl World {
    /// Takes faults of the plan back that have not struck yet, so that a fork of a run tells what would be without them.
    pub fn spare(&mut self, faults: &[u32]) {
        self.faults.spared.extend_from_slice(faults);
        self.faults.watchers.retain(|watcher| !faults.contains(&watcher.fault));
        self.faults.awaiting_marks.retain(|(_, _, fault)| !faults.contains(fault));
    }

    /// The plan's times count from now on.
    pub(super) fn arm_faults(&mut self) {
        let plan = std::sync::Arc::clone(&self.plan);
        for (number, fault) in plan.faults.iter().enumerate() {
            let number = u32::try_from(number).expect("fewer than 2^32 faults");
            match &fault.when {
                Trigger::At(after) => {
                    self.queue.push(self.now + *after, Event::Fault { fault: number });
                }
                Trigger::After(mark, after) => {
                    self.faults.awaiting_marks.push((*mark, *after, number));
                }
                Trigger::On { pattern, nth, since } => self.faults.watchers.push(Watcher {
                    fault: number,
                    pattern: pattern.clone(),
                    left: (*nth).max(1),
                    since: self.now + *since,
                }),
            }
        }
        // Marks made while the cluster formed do not count.
        self.marks = Marks::NONE;
    }

    pub(super) fn on_marks(&mut self, marks: Marks) {
        self.marks.extend(marks);
        if self.faults.awaiting_marks.is_empty() {
            return;
        }
        let now = self.now;
        let queue = &mut self.queue;
        self.faults.awaiting_marks.retain(|(mark, after, fault)| {
            let seen = marks.contains(*mark);
            if seen {
                queue.push(now + *after, Event::Fault { fault: *fault });
            }
            !seen
        });
    }

    /// Looks whether a message is the one that a fault waits for.
    pub(super) fn watch(&mut self, ends: [NodeId; 2], message: &Msg) -> Option<Meddling> {
        if !matches!(self.phase, Phase::Storm { .. }) {
            return None;
        }
        let now = self.now;
        let found = self.faults.watchers.iter_mut().position(|watcher| {
            let matches = now >= watcher.since && matches(&watcher.pattern, ends, message);
            watcher.left -= u32::from(matches);
            watcher.left == 0
        })?;
        let fault = self.faults.watchers.remove(found).fault;
        let plan = std::sync::Arc::clone(&self.plan);
        match &plan.faults[fault as usize].action {
            FaultAction::Lose => {
                self.begin_story(fault, Some(ends[0]));
                Some(Meddling::Lose)
            }
            FaultAction::Late { by } => {
                self.begin_story(fault, Some(ends[0]));
                Some(Meddling::Late(*by))
            }
            FaultAction::Kill { .. }
            | FaultAction::Restart { .. }
            | FaultAction::Pause { .. }
            | FaultAction::Cut { .. }
            | FaultAction::Isolate { .. }
            | FaultAction::Slow { .. }
            | FaultAction::Reset { .. }
            | FaultAction::SlowDisk { .. }
            | FaultAction::StallDisk { .. }
            | FaultAction::FillDisk { .. }
            | FaultAction::JumpClock { .. }
            | FaultAction::Flip { .. }
            | FaultAction::LagMetadata { .. }
            | FaultAction::SlowProcessing { .. }
            | FaultAction::Seek { .. }
            | FaultAction::PauseReading { .. }
            | FaultAction::DeleteGroup { .. }
            | FaultAction::DeleteTopic { .. }
            | FaultAction::DeleteRecords { .. }
            | FaultAction::Reassign { .. }
            | FaultAction::Throttle { .. }
            | FaultAction::Expand { .. } => {
                // Strikes as an event of its own, right after the message is on its way.
                self.queue.push(now, Event::Fault { fault });
                None
            }
        }
    }

    /// A fault strikes.
    pub(super) fn strike(&mut self, fault: u32) {
        if !matches!(self.phase, Phase::Storm { .. }) || self.faults.spared.contains(&fault) {
            return;
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let action = &plan.faults[fault as usize].action;
        match action {
            FaultAction::Kill { target, kind, down } => {
                let Some(node) = self.find(fault, target) else { return };
                if self.slots[node].is_up() {
                    self.hold(fault, node, Undo::Revive(node), *down);
                    self.kill(node, *kind);
                }
            }
            FaultAction::Restart { target, down } => {
                let Some(node) = self.find(fault, target) else { return };
                if self.slots[node].is_up() {
                    let story = self.begin_story(fault, Some(node));
                    let undo = Some(Undo::Revive(node));
                    self.faults.effects.push(Active { story, undo, down: Some((node, *down)) });
                    self.ask_to_stop(node);
                }
            }
            FaultAction::Pause { target, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                self.slots[node].pauses += 1;
                self.tell(node, What::Paused);
                if self.is_application(node) {
                    self.announce(Told::Paused(node));
                }
                self.hold(fault, node, Undo::Resume(node), *lasting);
            }
            FaultAction::Cut { from, to, ways, lasting } => {
                let Some(from) = self.find(fault, from) else { return };
                let Some(to) = self.find(fault, to) else { return };
                let cuts = match ways {
                    Ways::One => vec![(from, to)],
                    Ways::Both => vec![(from, to), (to, from)],
                };
                self.cut(fault, from, cuts, *lasting);
            }
            FaultAction::Isolate { target, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                let others = (0..self.roster.len()).map(NodeId::from_index);
                let others = others.filter(|other| *other != node);
                let cuts = others.flat_map(|other| [(node, other), (other, node)]).collect();
                self.cut(fault, node, cuts, *lasting);
            }
            FaultAction::Slow { target, by, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                self.net.set_slow(node, *by);
                self.hold(fault, node, Undo::Hasten(node), *lasting);
            }
            FaultAction::Reset { target } => {
                let Some(node) = self.find(fault, target) else { return };
                for conn in self.net.connections_of(node) {
                    self.net.reset(self.now, conn, &mut self.queue);
                }
                self.begin_story(fault, Some(node));
            }
            FaultAction::Lose | FaultAction::Late { .. } => {}
            FaultAction::SlowDisk { target, sync, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                self.slots[node].slow_sync = Some(*sync);
                self.hold(fault, node, Undo::SyncFast(node), *lasting);
            }
            FaultAction::StallDisk { target, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                self.slots[node].stalls += 1;
                self.hold(fault, node, Undo::Unstall(node), *lasting);
            }
            FaultAction::FillDisk { target, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                self.slots[node].full += 1;
                self.hold(fault, node, Undo::MakeRoom(node), *lasting);
            }
            FaultAction::JumpClock { target, by_ms } => {
                let Some(node) = self.find(fault, target) else { return };
                self.slots[node].clock_skew_ms += by_ms;
                self.begin_story(fault, Some(node));
            }
            FaultAction::Flip { partition } => self.flip(fault, *partition),
            FaultAction::LagMetadata { target, by, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                self.slots[node].metadata_lag = *by;
                self.hold(fault, node, Undo::LearnFast(node), *lasting);
            }
            FaultAction::SlowProcessing { target, each, lasting } => {
                let Some(node) = self.find(fault, target) else { return };
                if let Some(app) = self.consumer_app(node) {
                    app.slowed = Some(*each);
                    self.hold(fault, node, Undo::ProcessFast(node), *lasting);
                }
            }
            FaultAction::Seek { readers, to } => {
                self.tell_readers(*readers, |app| app.ask_to_seek(readers.partition, *to));
                self.begin_story(fault, readers.member);
            }
            FaultAction::PauseReading { readers, lasting } => {
                self.tell_readers(*readers, |app| app.ask_to_pause(readers.partition));
                let node = readers.member.unwrap_or_else(|| self.roster.admin());
                self.hold(fault, node, Undo::ReadOn(*readers), *lasting);
            }
            FaultAction::DeleteGroup { group } => {
                self.operator.ask(Call::DeleteGroup(*group));
                self.operate();
                self.begin_story(fault, None);
            }
            FaultAction::DeleteTopic { topic, gone } => {
                self.operator.ask(Call::DeleteTopic(*topic));
                self.operate();
                self.hold(fault, self.roster.admin(), Undo::CreateTopic(*topic), *gone);
            }
            FaultAction::DeleteRecords { partition, before } => {
                let (partition, before) = (*partition, before.map(offset));
                self.operator.ask(Call::DeleteRecords { partition, before });
                self.operate();
                self.begin_story(fault, None);
            }
            FaultAction::Reassign { partition, replicas } => {
                let replicas = replicas.as_ref().map(|brokers| brokers.iter().copied().collect());
                self.operator.ask(Call::Reassign { partition: *partition, replicas });
                self.operate();
                self.begin_story(fault, None);
            }
            FaultAction::Throttle { rate } => {
                self.operator.ask(Call::Throttle(*rate));
                self.operate();
                self.begin_story(fault, None);
            }
            FaultAction::Expand { topic, partitions } => {
                self.operator
                    .ask(Call::CreatePartitions { topic: *topic, partitions: *partitions });
                self.operate();
                self.begin_story(fault, None);
            }
        }
    }

    /// A fault's time is over.
    pub(super) fn fault_over(&mut self, effect: u32) {
        let Some(active) = self.faults.effects.get_mut(effect as usize) else { return };
        let Some(undo) = active.undo.take() else { return };
        active.down = None;
        let story = active.story;
        self.faults.stories[story].ended = Some(self.now);
        let fault = self.faults.stories[story].fault;
        let node = self.faults.stories[story].node.unwrap_or_default();
        self.record(node, TraceKind::FaultOver(fault));
        self.tell(node, What::FaultEnded { fault });
        match undo {
            Undo::Revive(node) => self.revive(node),
            Undo::Resume(node) => {
                self.slots[node].pauses -= 1;
                if self.slots[node].pauses == 0 {
                    self.tell(node, What::Resumed);
                    if self.is_application(node) {
                        self.announce(Told::Resumed(node));
                    }
                    self.release(node);
                    self.rearm(node);
                }
            }
            Undo::Mend(cuts) => {
                for (from, to) in cuts {
                    self.net.mend(self.now, from, to, &mut self.queue);
                }
            }
            Undo::Hasten(node) => self.net.set_slow(node, Span::ZERO),
            Undo::SyncFast(node) => self.slots[node].slow_sync = None,
            Undo::Unstall(node) => {
                self.slots[node].stalls -= 1;
                if self.slots[node].stalls == 0 {
                    self.unstall(node);
                }
            }
            Undo::MakeRoom(node) => {
                self.slots[node].full -= 1;
                self.revive(node);
            }
            Undo::CreateTopic(topic) => self.create_topic(topic),
            Undo::LearnFast(node) => self.slots[node].metadata_lag = Span::ZERO,
            Undo::ReadOn(readers) => {
                self.tell_readers(readers, |app| app.ask_to_resume(readers.partition));
            }
            Undo::ProcessFast(node) => {
                if let Some(app) = self.consumer_app(node) {
                    app.slowed = None;
                }
            }
        }
    }

    /// Ends every fault under way and starts every process that is down and meant to live.
    pub(super) fn heal(&mut self) {
        // What it was still to do is left undone, but what it deleted it creates again.
        self.operator.drop_all();
        for effect in 0..self.faults.effects.len() {
            self.fault_over(u32::try_from(effect).expect("fewer than 2^32 effects"));
            self.drain();
        }
        for node in (0..self.roster.len()).map(NodeId::from_index) {
            self.revive(node);
        }
        self.faults.watchers.clear();
        self.faults.awaiting_marks.clear();
    }

    /// An operator asks a process to stop. An application finishes what it has in hand before it closes its client.
    fn ask_to_stop(&mut self, node: NodeId) {
        if self.is_application(node) {
            return self.announce(Told::AskedToStop(node));
        }
        let first = self.first_producer();
        if let Some(app) = node.index().checked_sub(first).and_then(|n| self.producers.get_mut(n)) {
            let (at_stop, op) = app.stop();
            match at_stop {
                AtStop::Close => {}
                AtStop::CloseWithin(timeout) => {
                    self.deliver_later(node, Input::Call(op, Call::CloseWithin(timeout)));
                }
                AtStop::End => return self.stopped(node),
            }
            self.deliver_later(node, Input::Shutdown);
            return self.rearm(node);
        }
        let ready = match self.consumer_app(node) {
            Some(app) => app.ask_to_stop(),
            None => super::consumer_app::Readiness::Now,
        };
        match ready {
            super::consumer_app::Readiness::Now => self.deliver_later(node, Input::Shutdown),
            super::consumer_app::Readiness::Later => {}
        }
    }

    /// A process ended in good order: it comes back when its fault is over, or soon if that is past.
    pub(super) fn stopped(&mut self, node: NodeId) {
        self.end_life(node, None);
        self.tell(node, What::Stopped);
        let waiting = self.faults.effects.iter_mut().enumerate().find_map(|(number, effect)| {
            let (_, down) = effect.down.take_if(|(other, _)| *other == node)?;
            Some((u32::try_from(number).expect("fewer than 2^32 effects"), down))
        });
        match waiting {
            Some((effect, down)) => {
                self.queue.push(self.now + down, Event::FaultOver { effect });
            }
            None => {
                let after = match self.after_fencing(node) {
                    None => Span::millis(100),
                    Some(Some(after)) => after,
                    Some(None) => return,
                };
                self.queue.push(self.now + after, Event::Revive { node });
            }
        }
    }

    /// How long a producer whose client could only be closed stays down, or for ever; none if it was not so.
    fn after_fencing(&self, node: NodeId) -> Option<Option<Span>> {
        let app = self.producers.get(node.index().checked_sub(self.first_producer())?)?;
        app.after_fencing()
    }

    pub(super) fn revive(&mut self, node: NodeId) {
        let slot = &self.slots[node];
        let may = !slot.is_up()
            && slot.full == 0
            && slot.incarnation > 0
            && slot.wanted == Wanted::Yes
            && !self.has_finished(node)
            && self.after_fencing(node) != Some(None);
        if may && !self.faults.will_return(node) {
            self.start_life(node);
        }
    }

    /// A member's group is scaled in or out: the member goes for good, or comes back.
    pub(super) fn scale(&mut self, node: NodeId, wanted: Wanted) {
        if !matches!(self.phase, Phase::Storm { .. }) {
            return;
        }
        self.slots[node].wanted = wanted;
        self.record(node, TraceKind::Application);
        self.digest_event(node, 6);
        match wanted {
            // Its start came while nobody wanted it.
            Wanted::Yes if self.slots[node].incarnation == 0 && self.wakes[node] == Time::NEVER => {
                self.start_life(node);
            }
            Wanted::Yes => self.revive(node),
            Wanted::No(Leaving::Closes) if self.slots[node].is_up() => self.ask_to_stop(node),
            Wanted::No(Leaving::Dies) if self.slots[node].is_up() => {
                self.kill(node, CrashKind::Process);
            }
            Wanted::No(Leaving::Closes | Leaving::Dies) => {}
        }
    }

    fn kill(&mut self, node: NodeId, kind: CrashKind) {
        self.end_life(node, Some(kind));
        self.tell(node, What::Crashed);
    }

    /// A process that cannot go on ends as if it were killed.
    pub(super) fn halt(&mut self, node: NodeId) {
        self.end_life(node, Some(CrashKind::Process));
        self.tell(node, What::Crashed);
    }

    pub(super) fn end_life(&mut self, node: NodeId, kind: Option<CrashKind>) {
        let death = match kind {
            None | Some(CrashKind::Process) => Death::Process,
            Some(CrashKind::Power | CrashKind::Torn | CrashKind::DiskLost) => Death::Host,
        };
        let incarnation = self.slots[node].incarnation;
        let mut report = CrashReport::default();
        self.slots[node].die(kind, &mut report);
        self.net.bury(self.now, node, death, &mut self.queue);
        self.wakes[node] = Time::NEVER;
        self.observer.on_death(node);
        if self.is_application(node) {
            let what = if kind.is_some() { What::Crashed } else { What::Stopped };
            self.end_clients(node, incarnation, what);
            self.announce(Told::Died(node));
        }
        self.record(node, TraceKind::Ended(incarnation));
        if kind == Some(CrashKind::DiskLost) && self.roster.controllers().any(|it| it == node) {
            self.observer.on_voter_lost();
        }
        if let Some(broker) = self.roster.broker_at(node) {
            let image = self.view().metadata();
            let life = image.and_then(|image| Some(image.brokers.get(&broker)?.epoch));
            for (partition, from, to) in report.lost {
                self.observer.on_log_lost(partition, broker, life);
                self.tell(node, What::LogLost { partition, broker, from, to });
            }
        }
    }

    fn cut(&mut self, fault: u32, node: NodeId, cuts: Vec<(NodeId, NodeId)>, lasting: Span) {
        for (from, to) in &cuts {
            self.net.cut(*from, *to);
        }
        self.hold(fault, node, Undo::Mend(cuts), lasting);
    }

    fn flip(&mut self, fault: u32, partition: TopicPartition) {
        let Some(registration) = self.view().registration(partition).cloned() else { return };
        let others: Vec<BrokerId> = registration
            .isr
            .iter()
            .copied()
            .filter(|replica| Some(*replica) != registration.leader)
            .collect();
        let Some(to) = self.faults.rngs[fault as usize].pick(&others).copied() else { return };
        self.operator.ask(Call::ElectLeader { partition, to: Some(to) });
        self.operate();
        self.begin_story(fault, Some(self.roster.broker(to)));
    }

    /// Begins a fault that ends after a while.
    fn hold(&mut self, fault: u32, node: NodeId, undo: Undo, lasting: Span) {
        let story = self.begin_story(fault, Some(node));
        let effect = u32::try_from(self.faults.effects.len()).expect("fewer than 2^32 effects");
        self.faults.effects.push(Active { story, undo: Some(undo), down: None });
        self.queue.push(self.now + lasting, Event::FaultOver { effect });
    }

    fn begin_story(&mut self, fault: u32, node: Option<NodeId>) -> usize {
        let process = node.unwrap_or_else(|| self.roster.admin());
        self.record(process, TraceKind::Fault(fault));
        self.digest.word(u64::from(fault) << 32 | u64::from(process.0));
        self.tell(process, What::FaultBegan { fault });
        self.faults.stories.push(FaultStory { fault, began: self.now, ended: None, node });
        self.faults.stories.len() - 1
    }

    /// Looks up whom a fault strikes.
    fn find(&mut self, fault: u32, target: &Target) -> Option<NodeId> {
        match target {
            Target::Process(node) => Some(*node),
            Target::OneOf(nodes) => self.faults.rngs[fault as usize].pick(nodes).copied(),
            Target::LeaderOf(partition) => {
                let leader = self.view().registration(*partition)?.leader?;
                Some(self.roster.broker(leader))
            }
            Target::FollowerOf(partition) => {
                let registration = self.view().registration(*partition)?.clone();
                let followers: Vec<BrokerId> = registration
                    .replicas
                    .iter()
                    .copied()
                    .filter(|replica| Some(*replica) != registration.leader)
                    .collect();
                let follower = *self.faults.rngs[fault as usize].pick(&followers)?;
                Some(self.roster.broker(follower))
            }
            Target::CoordinatorOf(group) => {
                let partitions = self.plan.cluster.settings.offsets_topic_partitions;
                let number =
                    stormglass_kafka::group::GroupCoordinator::partition_for(*group, partitions);
                let partition = TopicPartition::new(OFFSETS_TOPIC, number);
                let leader = self.view().registration(partition)?.leader?;
                Some(self.roster.broker(leader))
            }
            // Where nobody is active, whoever is meant by name is drawn: somebody is about to be.
            Target::Controller => match self.view().active_controller() {
                Some(active) => Some(active),
                None => {
                    let voters: Vec<NodeId> = self.roster.controllers().collect();
                    if voters.len() == 1 {
                        return voters.first().copied();
                    }
                    self.faults.rngs[fault as usize].pick(&voters).copied()
                }
            },
        }
    }

    /// Tells applications something; those that are down do not hear it.
    fn tell_readers(&mut self, readers: Readers, what: impl Fn(&mut super::ConsumerApp)) {
        for node in self.roster.members(readers.group) {
            if readers.member.is_none_or(|only| only == node)
                && self.slots[node].is_up()
                && let Some(app) = self.consumer_app(node)
            {
                what(app);
            }
        }
    }

    fn consumer_app(&mut self, node: NodeId) -> Option<&mut super::ConsumerApp> {
        let first = self.first_consumer();
        self.consumers.get_mut(node.index().checked_sub(first)?)
    }
}

fn matches(pattern: &MessagePattern, ends: [NodeId; 2], message: &Msg) -> bool {
    let direction = match message {
        Msg::Request(..) => MessageDirection::Request,
        Msg::Response(..) => MessageDirection::Response,
    };
    direction == pattern.direction
        && pattern.api.is_none_or(|api| api == message.api())
        && (pattern.clients.is_empty() || pattern.clients.contains(&ends[0]))
        && (pattern.servers.is_empty() || pattern.servers.contains(&ends[1]))
}

/// An offset that somebody wrote down.
fn offset(number: u64) -> Offset {
    Offset(i64::try_from(number).unwrap_or(i64::MAX))
}
