//! From an event to a machine's input, and from a machine's effects back to events.

use std::ops::Add as _;

use stormglass_kafka::compression::Codec;
use stormglass_kafka::log::{Dropped, PartitionLog};
use stormglass_kafka::message::{Api, Msg, Request};
use stormglass_kafka::note::ReplicaRole;
use stormglass_kafka::record::{Batch, Payload};
use stormglass_kafka::{Call, Completion, Effect, Exit, Input, Note, OpId, Report, SendCall};
use stormglass_types::history::{Outcome, Removal, Role, What};
use stormglass_types::{Dense, GroupId, NodeId, Offset, Span, Time, TopicPartition, Value};

use super::consumer_app::{Polled, Step};
use super::node::{Host, Life, Node, Wanted};
use super::trace::{TraceKind, TraceRecord};
use super::{Event, Phase, World};
use crate::engine::net::{Arrival, LaneId};
use crate::engine::timers::Fired;
use crate::plan::ShareRange;

/// How long it takes until a process that died of an exception is started again.
const RESTART: Span = Span::secs(1);
/// The size of a dead letter in bytes.
const LETTER: u32 = 512;

impl World {
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Lane(lane) => self.on_lane(lane),
            Event::Timer { node, incarnation, slot } => {
                if self.slots[node].incarnation != incarnation {
                    return;
                }
                match self.slots[node].timers.fire(slot, self.now) {
                    Fired::Stale => {}
                    Fired::Again(at) => {
                        self.queue.push(at, Event::Timer { node, incarnation, slot });
                    }
                    Fired::Due(timer) => {
                        self.record(node, TraceKind::Timer(timer));
                        self.digest_event(node, 1);
                        self.deliver(node, Input::Timer(timer));
                    }
                }
            }
            Event::Synced { node, incarnation, token } => {
                if self.slots[node].incarnation == incarnation {
                    self.record(node, TraceKind::Synced);
                    self.digest_event(node, 2);
                    self.deliver(node, Input::Synced(token));
                }
            }
            Event::Wake { node } => self.on_wake(node),
            Event::Fault { fault } => self.strike(fault),
            Event::FaultOver { effect } => self.fault_over(effect),
            Event::Revive { node } => self.revive(node),
            Event::StormOver => self.begin_settling(),
            Event::Create { topic } => self.create_topic(topic),
            Event::Scaled { node, wanted } => self.scale(node, wanted),
            Event::Tick => self.on_tick(),
        }
        self.drain();
    }

    fn on_lane(&mut self, id: LaneId) {
        let Some((from, to, arrival)) = self.net.arrive(self.now, id) else { return };
        let conn = stormglass_kafka::ConnId(id.conn);
        match arrival {
            Arrival::Opened => match &self.slots[to].life {
                Life::Up(_) => {
                    self.record(to, TraceKind::Opened(from, id.conn));
                    self.digest_event(to, 3);
                    self.deliver(to, Input::Opened(conn, from));
                }
                Life::Down(down) => match down.host {
                    Host::Answering => self.net.refuse(self.now, id.conn, &mut self.queue),
                    Host::Gone => self.net.ignore(id.conn),
                },
            },
            Arrival::Message(message) => {
                self.record(to, TraceKind::of(from, id.conn, &message));
                self.digest_event(to, 16 + message.api() as u64);
                self.deliver(to, Input::Recv(conn, message));
            }
            Arrival::Closed => {
                self.record(to, TraceKind::Closed(from, id.conn));
                self.digest_event(to, 4);
                self.deliver(to, Input::Closed(conn));
            }
        }
    }

    /// Hands an input to a process, now or when its pause or its disk's stall is over.
    fn deliver(&mut self, node: NodeId, input: Input) {
        if self.slots[node].is_unhindered() {
            self.handle(node, input);
        } else if let Some(input) = self.admit(node, input) {
            self.handle(node, input);
        }
    }

    /// As [`Self::deliver`], but after everything that is being handled.
    pub(super) fn deliver_later(&mut self, node: NodeId, input: Input) {
        if let Some(input) = self.admit(node, input) {
            self.inbox.push_back((node, input));
        }
    }

    /// Gives the input back if the process takes it now.
    #[cold]
    fn admit(&mut self, node: NodeId, input: Input) -> Option<Input> {
        let slot = &mut self.slots[node];
        if !slot.is_up() {
            return None;
        }
        if slot.pauses > 0 {
            slot.held.push_back(input);
            return None;
        }
        if slot.stalls > 0 && self.touches_disk(node, &input) {
            self.slots[node].stalled.push_back(input);
            return None;
        }
        if self.slots[node].full > 0 && writes(&input) {
            self.halt(node);
            return None;
        }
        Some(input)
    }

    /// While a broker's disk stalls, only its conversation with the controllers and its timers go on.
    fn touches_disk(&self, node: NodeId, input: &Input) -> bool {
        let conn = match input {
            Input::Opened(conn, _) | Input::Closed(conn) | Input::Recv(conn, _) => conn,
            Input::Synced(_) => return true,
            Input::Timer(_) | Input::Call(..) | Input::Shutdown => return false,
        };
        let controllers = usize::from(self.plan.cluster.controllers);
        let ends = self.net.ends(conn.0);
        !ends.is_some_and(|ends| ends.iter().any(|end| *end != node && end.index() < controllers))
    }

    /// A pause is over: what waited is handled in order.
    pub(super) fn release(&mut self, node: NodeId) {
        while self.slots[node].pauses == 0
            && let Some(input) = self.slots[node].held.pop_front()
        {
            self.deliver(node, input);
            self.drain();
        }
    }

    /// A stall is over: what waited is handled in order.
    pub(super) fn unstall(&mut self, node: NodeId) {
        while self.slots[node].stalls == 0
            && self.slots[node].pauses == 0
            && let Some(input) = self.slots[node].stalled.pop_front()
        {
            self.handle(node, input);
            self.drain();
        }
        // A pause that began during the stall holds the rest, before what came during the pause.
        let slot = &mut self.slots[node];
        while let Some(input) = slot.stalled.pop_back() {
            slot.held.push_front(input);
        }
    }

    pub(super) fn call(&mut self, node: NodeId, op: OpId, call: Call) {
        self.inbox.push_back((node, Input::Call(op, call)));
    }

    /// Handles inputs until none is left at this instant.
    pub(super) fn drain(&mut self) {
        while let Some((node, input)) = self.inbox.pop_front() {
            self.handle(node, input);
        }
    }

    fn handle(&mut self, node: NodeId, input: Input) {
        self.slots[node].handle(self.now, input, &mut self.out);
        self.carry_out(node);
    }

    /// Carries out what a machine wanted.
    pub(super) fn carry_out(&mut self, node: NodeId) {
        let new = self.out.marks;
        if !new.is_empty() {
            self.out.marks = stormglass_kafka::Marks::NONE;
            if self.trace.is_some() {
                new.iter().for_each(|mark| self.record(node, TraceKind::Marked(mark)));
            }
            self.on_marks(new);
        }
        if !self.out.notes.is_empty() {
            let mut notes = std::mem::take(&mut self.out.notes);
            for note in notes.drain(..) {
                self.on_note(node, note);
            }
            self.out.notes = notes;
        }
        let mut effects = std::mem::take(&mut self.out.effects);
        for effect in effects.drain(..) {
            self.carry_out_one(node, effect);
        }
        if self.out.effects.is_empty() {
            self.out.effects = effects;
        }
    }

    fn carry_out_one(&mut self, node: NodeId, effect: Effect) {
        match effect {
            Effect::Connect(conn, to) => {
                self.net.connect(self.now, conn.0, [node, to], &mut self.queue);
            }
            Effect::Send(conn, message) => self.send(node, conn.0, message),
            Effect::Close(conn) => self.net.close(self.now, conn.0, node, &mut self.queue),
            Effect::SetTimer(timer, at) => {
                let at = at.max(self.now);
                let slot = &mut self.slots[node];
                if let Some((slot_id, at)) = slot.timers.set(timer, at) {
                    let incarnation = slot.incarnation;
                    self.queue.push(at, Event::Timer { node, incarnation, slot: slot_id });
                }
            }
            Effect::CancelTimer(timer) => self.slots[node].timers.cancel(timer),
            Effect::Sync(token) => {
                let disk = self.plan.disk.sync;
                let slot = &mut self.slots[node];
                let drawn = Span(slot.disk_rng.between(disk.least.0, disk.most.0));
                let takes = slot.slow_sync.unwrap_or(drawn);
                let incarnation = slot.incarnation;
                self.queue.push(self.now + takes, Event::Synced { node, incarnation, token });
            }
            Effect::Complete(op, completion) => self.on_complete(node, op, completion),
            Effect::Report(report) => self.on_report(node, report),
            Effect::Exit(exit) => self.on_exit(node, exit),
        }
    }

    fn send(&mut self, node: NodeId, conn: u32, message: Msg) {
        let Some(ends) = self.net.ends(conn) else { return };
        if self.trace.is_some() {
            let to = if ends[0] == node { ends[1] } else { ends[0] };
            self.record(node, TraceKind::sent(to, conn, &message));
        }
        let mut extra = transfer(&message, self.plan.network.bytes_per_second);
        extra = extra + self.compressing(ends[0], &message);
        if let Msg::Response(_, response) = &message
            && matches!(response.api(), Api::FetchMetadata | Api::FetchQuorum)
        {
            extra = extra + self.slots[ends[0]].metadata_lag;
        }
        if self.faults.watches() {
            match self.watch(ends, &message) {
                None => {}
                Some(super::faults::Meddling::Lose) => {
                    self.net.reset(self.now, conn, &mut self.queue);
                    return;
                }
                Some(super::faults::Meddling::Late(by)) => extra = extra + by,
            }
        }
        self.net.send(self.now, conn, node, message, extra, &mut self.queue);
    }

    /// How long whoever packs and unpacks the batches of a message is busy with that. Followers copy them as they are.
    fn compressing(&self, client: NodeId, message: &Msg) -> Span {
        match message {
            Msg::Request(_, Request::Produce(request)) => {
                let batches = request.batches.iter();
                batches.map(|(id, batch)| self.packing(*id, batch)).fold(Span::ZERO, Span::add)
            }
            Msg::Response(_, stormglass_kafka::message::Response::Fetch(fetched))
                if self.roster.broker_at(client).is_none() =>
            {
                let batches = fetched.partitions.iter().flat_map(|partition| &partition.batches);
                let packed = batches.filter(|batch| batch.packing.codec != Codec::None);
                packed
                    .map(|batch| batch.packing.codec.time_to_unpack(batch.raw_bytes()))
                    .fold(Span::ZERO, Span::add)
            }
            Msg::Request(..) | Msg::Response(..) => Span::ZERO,
        }
    }

    /// The producer packs a batch; the leader unpacks it to check its records, and packs it anew if the topic says so.
    fn packing(&self, id: TopicPartition, batch: &Batch) -> Span {
        let (codec, raw) = (batch.packing.codec, batch.raw_bytes());
        let topic = self.plan.topic(id.topic);
        let target = topic.and_then(|topic| topic.settings.compression.target(codec));
        if codec == Codec::None && target.is_none() {
            return Span::ZERO;
        }
        let anew = target.map_or(Span::ZERO, |target| target.time_to_pack(raw));
        codec.time_to_pack(raw) + codec.time_to_unpack(raw) + anew
    }

    fn on_exit(&mut self, node: NodeId, exit: Exit) {
        match exit {
            Exit::Clean => self.stopped(node),
            Exit::Halted => self.halt(node),
        }
    }

    fn on_complete(&mut self, node: NodeId, op: OpId, completion: Completion) {
        match self.history.header.processes[node].role {
            Role::Producer => self.on_send_returned(node, op, completion),
            Role::Consumer(_) => self.on_consumer_returned(node, op, completion),
            Role::Admin => {
                let done = self.operator.returned(op);
                if done && self.phase == Phase::Forming {
                    self.topics_exist();
                }
                self.operate();
            }
            Role::Application => self.on_external_complete(node, op, completion),
            Role::Broker(_) | Role::Controller => panic!("{node} is a server and has no calls"),
        }
    }

    /// Lets the operator begin its next task.
    pub(super) fn operate(&mut self) {
        let admin = self.roster.admin();
        if let Some((op, call)) = self.operator.next() {
            self.call(admin, op, call);
        }
    }

    fn on_send_returned(&mut self, node: NodeId, op: OpId, completion: Completion) {
        let index = node.index() - self.first_producer();
        let record = self.producers[index].returned(self.now, op);
        let key = record.and_then(|record| record.key).map(|(key, _)| key);
        match completion {
            Completion::Accepted(partition, value) => {
                self.producers[index].taken(record, partition, value);
                if self.faults.keys_matter() {
                    let ledger = self.ledger[value.source]
                        .get_or_insert_with(partition, stormglass_types::Chunked::new);
                    ledger.push(key);
                }
                self.tell(node, What::Send { partition, value, key });
                if let Some(first) = record.and_then(|record| record.first) {
                    self.tell(node, What::SentAgain { partition, value, first });
                }
            }
            Completion::Refused(error) => {
                let topic = self.plan.producers[index].topic;
                self.producers[index].refused(record, error);
                self.tell(node, What::SendRefused { topic, key, error });
            }
            Completion::Done(outcome) => {
                let returned = self.producers[index].transacted(self.now, op, outcome);
                if let Some(event) = returned.as_ref().and_then(|it| it.event) {
                    self.tell(node, event);
                }
                if returned.is_some_and(|it| it.over) {
                    self.inbox.push_back((node, Input::Shutdown));
                }
            }
            Completion::Records(_) => {}
        }
        self.rearm(node);
    }

    fn on_consumer_returned(&mut self, node: NodeId, op: OpId, completion: Completion) {
        let index = node.index() - self.first_consumer();
        let group = self.consumers[index].group;
        let mut steps = Vec::new();
        let ledger = &self.ledger;
        let key_of = |partition: TopicPartition, value: Value| {
            *ledger.get(value.source)?.get(partition)?.get(value.serial as usize)?
        };
        match completion {
            Completion::Records(batches) => {
                for batch in &batches {
                    let (partition, base) = (batch.partition, batch.base);
                    let what = What::Polled { group, partition, base, values: batch.values };
                    self.history.push(self.now, node, what);
                }
                let handing_over = match self.slots[node].node() {
                    Some(Node::Consumer(consumer)) => consumer.handing_over(),
                    Some(Node::Forwarder(forwarder)) => forwarder.consumer().handing_over(),
                    Some(
                        Node::Controller(_)
                        | Node::Broker(_)
                        | Node::Producer(_)
                        | Node::Admin(_)
                        | Node::Application(_),
                    )
                    | None => None,
                };
                let polled = Polled { op, batches: &batches, handing_over };
                self.consumers[index].polled(self.now, polled, key_of, &mut steps);
            }
            Completion::Done(outcome) => {
                self.consumers[index].returned(self.now, op, outcome, key_of, &mut steps);
            }
            Completion::Accepted(partition, value) => {
                if self.faults.keys_matter() {
                    let ledger = self.ledger[value.source]
                        .get_or_insert_with(partition, stormglass_types::Chunked::new);
                    ledger.push(None);
                }
                self.tell(node, What::Send { partition, value, key: None });
            }
            Completion::Refused(error) => {
                if let Some(topic) = self.consumers[index].dead_letters() {
                    let what = What::SendRefused { topic, key: None, error };
                    self.history.push(self.now, node, what);
                }
                let outcome = Outcome::Fail(error);
                self.consumers[index].lettered(self.now, outcome, key_of, &mut steps);
            }
        }
        self.follow(node, index, steps);
    }

    fn on_wake(&mut self, node: NodeId) {
        if self.wakes[node] != self.now {
            return;
        }
        self.wakes[node] = Time::NEVER;
        if !self.slots[node].is_up() {
            // The first life of a client; later ones begin when a fault is over.
            if self.slots[node].incarnation == 0 && self.slots[node].wanted == Wanted::Yes {
                self.start_life(node);
            }
            return;
        }
        if self.is_application(node) {
            return;
        }
        if self.slots[node].pauses > 0 {
            // The application is held with its process; it goes on when that does.
            return;
        }
        self.record(node, TraceKind::Application);
        self.digest_event(node, 5);
        if node.index() >= self.first_consumer() {
            let index = node.index() - self.first_consumer();
            let mut steps = Vec::new();
            let ledger = &self.ledger;
            let key_of = |partition: TopicPartition, value: Value| {
                *ledger.get(value.source)?.get(partition)?.get(value.serial as usize)?
            };
            self.consumers[index].wake(self.now, key_of, &mut steps);
            self.follow(node, index, steps);
        } else {
            let index = node.index() - self.first_producer();
            if let Some((op, call)) = self.producers[index].wake(self.now) {
                self.call(node, op, call);
            }
            self.rearm(node);
        }
    }

    pub(super) fn follow(&mut self, node: NodeId, index: usize, steps: Vec<Step>) {
        let group = self.consumers[index].group;
        for step in steps {
            match step {
                Step::Call(op, call) => self.call(node, op, call),
                Step::Close => self.inbox.push_back((node, Input::Shutdown)),
                Step::Processed(batch) => self.write(node, group, batch),
                Step::Store(batch, generation) => self.store(node, index, batch, generation),
                Step::Letter(op, topic) => {
                    let letter = SendCall {
                        topic,
                        partition: None,
                        key: None,
                        bytes: LETTER,
                        saves: ShareRange::USUAL.least,
                        payload: Payload::Value,
                    };
                    self.call(node, op, Call::Send(letter));
                }
                Step::Crash => {
                    self.halt(node);
                    self.queue.push(self.now + RESTART, Event::Revive { node });
                    return;
                }
            }
        }
        self.rearm(node);
    }

    /// Schedules the next wake-up of a process's application.
    pub(super) fn rearm(&mut self, node: NodeId) {
        if !self.slots[node].is_up() {
            // What wakes a process that has not started yet is its start.
            return;
        }
        let first = self.first_producer();
        let wanted = match node.index() {
            index if index < first => None,
            index if index < self.first_consumer() => self.producers[index - first].wake_at(),
            index => match self.consumers.get(index - self.first_consumer()) {
                Some(consumer) => consumer.wake_at(),
                None if self.is_application(node) => return,
                None => None,
            },
        };
        let Some(at) = wanted else {
            self.wakes[node] = Time::NEVER;
            return;
        };
        let at = at.max(self.now);
        if self.wakes[node] != at {
            self.wakes[node] = at;
            self.queue.push(at, Event::Wake { node });
        }
    }

    fn on_report(&mut self, node: NodeId, report: Report) {
        let role = self.history.header.processes[node].role;
        if role == Role::Application {
            return self.on_external_report(node, report);
        }
        let Role::Consumer(group) = role else {
            if let Report::Delivered { partition, values, base, outcome } = report {
                let index = node.index() - self.first_producer();
                self.producers[index].delivered(partition, values, outcome);
                self.tell(node, What::SendDone { partition, values, base, outcome });
                if self.producers[index].goes_on() {
                    self.rearm(node);
                }
            }
            return;
        };
        let index = node.index() - self.first_consumer();
        let mut steps = Vec::new();
        match &report {
            Report::Revoked(_, partitions) | Report::Lost(_, partitions) => {
                self.consumers[index].gave_up(partitions);
            }
            Report::Assigned(generation, partitions) => {
                self.consumers[index].was_assigned(*generation, partitions);
                self.resume_from_store(index, *generation, partitions, &mut steps);
            }
            Report::Delivered { partition, values, base, outcome } => {
                let (partition, values, base, outcome) = (*partition, *values, *base, *outcome);
                self.tell(node, What::SendDone { partition, values, base, outcome });
                let ledger = &self.ledger;
                let key_of = |partition: TopicPartition, value: Value| {
                    *ledger.get(value.source)?.get(partition)?.get(value.serial as usize)?
                };
                self.consumers[index].lettered(self.now, outcome, key_of, &mut steps);
                return self.follow(node, index, steps);
            }
            Report::Joined(_)
            | Report::Parted(_)
            | Report::Positioned(..)
            | Report::Committing(..)
            | Report::Committed(..) => {}
        }
        self.tell_member(node, group, report);
        if !steps.is_empty() {
            self.follow(node, index, steps);
        }
    }

    /// Writes down what a member of a group says.
    pub(super) fn tell_member(&mut self, node: NodeId, group: GroupId, report: Report) {
        match report {
            Report::Delivered { .. } => panic!("{node} is a consumer and sends nothing"),
            Report::Joined(generation) => self.tell(node, What::Joined { group, generation }),
            Report::Parted(generation) => self.tell(node, What::Parted { group, generation }),
            Report::Assigned(generation, partitions) => {
                for partition in partitions {
                    self.observer.on_assigned(group, partition, node);
                    self.tell(node, What::Assigned { group, partition, generation });
                }
            }
            Report::Revoked(generation, partitions) => {
                for partition in partitions {
                    self.observer.on_given_up(group, partition, node);
                    self.tell(node, What::Revoked { group, partition, generation });
                }
            }
            Report::Lost(generation, partitions) => {
                for partition in partitions {
                    self.observer.on_given_up(group, partition, node);
                    self.tell(node, What::Lost { group, partition, generation });
                }
            }
            Report::Positioned(partition, offset, why) => {
                self.observer.on_positioned(group, partition, offset);
                self.tell(node, What::Positioned { group, partition, offset, why });
            }
            Report::Committing(generation, partition, offset) => {
                self.tell(node, What::Commit { group, partition, generation, offset });
            }
            Report::Committed(partition, offset, outcome) => {
                self.tell(node, What::CommitDone { group, partition, offset, outcome });
            }
        }
    }

    fn on_note(&mut self, node: NodeId, note: Note) {
        // Every controller of a quorum says what is committed; the first one is heard.
        let of_metadata =
            matches!(note, Note::Elected { .. } | Note::InSync { .. } | Note::Expanded { .. });
        if of_metadata && self.observer.is_repeated() {
            return;
        }
        self.record(node, TraceKind::Noted(note));
        match note {
            Note::Elected { partition, leader, epoch, election } => {
                self.tell(node, What::Leader { partition, epoch, leader, election });
            }
            Note::InSync { partition, epoch, replicas } => {
                self.tell(node, What::InSync { partition, epoch, replicas });
            }
            Note::Expanded { topic, partitions } => {
                self.tell(node, What::Expanded { topic, partitions });
            }
            Note::Rebalanced { group, generation, members } => {
                self.tell(node, What::Rebalanced { group, generation, members });
            }
            // Only tells a story: nothing of it is left in the machine, so it is no part of what a run is.
            Note::Refused { .. } => return,
            Note::BecameLeader { partition, .. } => self.tell_removed(node, partition, None),
            Note::LogStart { partition, why, .. } => {
                self.tell_removed(node, partition, Some(why));
            }
            Note::Cleaned { partition, .. } => self.tell_cleaned(node, partition),
            Note::ReplicaDeleted { partition } => self.tell_deleted(node, partition),
            Note::TopicDeleted { topic } => self.tell(node, What::TopicDeleted { topic }),
            Note::Appended { .. }
            | Note::HighWatermark { .. }
            | Note::Truncated { .. }
            | Note::Granted { .. }
            | Note::GroupRemoved { .. }
            | Note::Released { .. }
            | Note::Held { .. }
            | Note::QuorumLeader { .. }
            | Note::MetadataCommitted { .. }
            | Note::OffsetCommitted { .. } => {}
        }
        self.digest.word(note_word(&note));
        self.observer.on_note(self.now, node, note, &self.slots, &self.roster);
    }

    /// Writes down what a leader has deleted, unless another one had done so before.
    fn tell_removed(&mut self, node: NodeId, partition: TopicPartition, why: Option<Removal>) {
        let log = self.slots[node].broker_store().and_then(|store| store.logs.get(partition));
        let Some(start) = log.map(PartitionLog::start).filter(|start| *start > Offset::ZERO) else {
            return;
        };
        let Some(Node::Broker(broker)) = self.slots[node].node() else { return };
        let replica = broker.replica(partition);
        let leads = replica.is_some_and(|replica| replica.role == ReplicaRole::Leader);
        let Some((from, why)) = self.observer.on_log_start(partition, start, why, leads) else {
            return;
        };
        let Some(log) = self.slots[node].broker_store().and_then(|s| s.logs.get(partition)) else {
            return;
        };
        let now = self.now;
        let runs = log.batches_from(from).flat_map(Batch::runs);
        for (base, values) in runs.take_while(|(base, _)| *base < start) {
            let skip = u32::try_from(from.distance_from(base)).unwrap_or(u32::MAX);
            let most = u32::try_from(start.distance_from(base)).unwrap_or(u32::MAX);
            let values = values.part(0, most).part(skip, u32::MAX);
            if values.count > 0 {
                let base = base.plus(skip);
                self.history.push(now, node, What::Removed { partition, base, values, why });
            }
        }
    }

    /// Writes down what a broker has compacted away.
    fn tell_cleaned(&mut self, node: NodeId, partition: TopicPartition) {
        let log = self.slots[node].broker_store().and_then(|store| store.logs.get(partition));
        let Some(log) = log else { return };
        for dropped in log.dropped() {
            let Dropped { base, values, why } = *dropped;
            self.history.push(self.now, node, What::Removed { partition, base, values, why });
        }
    }

    /// Writes down what a broker has deleted with a topic.
    fn tell_deleted(&mut self, node: NodeId, partition: TopicPartition) {
        let Some(store) = self.slots[node].broker_store() else { return };
        let found = store.deleted.iter().rev().find(|(of, _)| *of == partition);
        let Some((_, log)) = found else { return };
        let (now, why) = (self.now, Removal::Topic);
        for (base, values) in log.batches_from(log.start()).flat_map(Batch::runs) {
            self.history.push(now, node, What::Removed { partition, base, values, why });
        }
    }

    /// Takes an event into the digest.
    pub(super) fn digest_event(&mut self, node: NodeId, what: u64) {
        self.digest.word(self.now.0);
        self.digest.word(u64::from(node.0) << 32 | what);
    }

    #[inline]
    pub(super) fn record(&mut self, node: NodeId, kind: TraceKind) {
        if let Some(trace) = &mut self.trace {
            trace.push(TraceRecord { at: self.now, node, kind });
        }
    }
}

/// Whether an input makes a broker append to a log.
fn writes(input: &Input) -> bool {
    let Input::Recv(_, message) = input else { return false };
    match message {
        Msg::Request(_, request) => {
            matches!(request, Request::Produce(_) | Request::OffsetCommit(_))
        }
        Msg::Response(_, stormglass_kafka::message::Response::Fetch(fetched)) => {
            fetched.partitions.iter().any(|partition| !partition.batches.is_empty())
        }
        Msg::Response(..) => false,
    }
}

/// How long a message's bytes take on the wire.
fn transfer(message: &Msg, bytes_per_second: u64) -> Span {
    let bytes: u64 = match message {
        Msg::Request(_, Request::Produce(request)) => {
            request.batches.iter().map(|(_, batch)| u64::from(batch.bytes)).sum()
        }
        Msg::Response(_, stormglass_kafka::message::Response::Fetch(fetched)) => fetched
            .partitions
            .iter()
            .flat_map(|partition| &partition.batches)
            .map(|batch| u64::from(batch.bytes))
            .sum(),
        Msg::Request(..) | Msg::Response(..) => 0,
    };
    if bytes == 0 {
        return Span::ZERO;
    }
    Span(bytes.saturating_mul(1_000_000_000) / bytes_per_second.max(1))
}

/// The fields of a note that tell runs apart.
fn note_word(note: &Note) -> u64 {
    let place = |partition: &TopicPartition| {
        u64::from(partition.topic.0) << 48 | u64::from(partition.partition) << 32
    };
    match note {
        Note::BecameLeader { partition, start, .. } => place(partition) ^ start.0.cast_unsigned(),
        Note::Appended { partition, base, count, .. } => {
            place(partition) ^ base.0.cast_unsigned() ^ u64::from(*count) << 60
        }
        Note::HighWatermark { partition, to, .. }
        | Note::Truncated { partition, to, .. }
        | Note::LogStart { partition, to, .. }
        | Note::Cleaned { partition, to } => place(partition) ^ to.0.cast_unsigned(),
        Note::Elected { partition, epoch, .. } => {
            place(partition) ^ u64::from(epoch.0.cast_unsigned())
        }
        Note::InSync { partition, replicas, .. } => place(partition) ^ replicas,
        Note::Expanded { topic, partitions } => u64::from(topic.0) << 48 ^ u64::from(*partitions),
        Note::TopicDeleted { topic } => u64::from(topic.0) << 48,
        Note::ReplicaDeleted { partition } => place(partition),
        Note::Rebalanced { group, generation, .. } | Note::Granted { group, generation, .. } => {
            u64::from(group.0) << 48 ^ u64::from(generation.0.cast_unsigned())
        }
        Note::OffsetCommitted { partition, offset, .. } => {
            place(partition) ^ offset.0.cast_unsigned()
        }
        Note::Refused { partition, .. } => place(partition),
        Note::GroupRemoved { group } => u64::from(group.0) << 48,
        Note::Released { member, .. } => u64::from(member.0),
        Note::QuorumLeader { epoch, end } => {
            u64::from(epoch.0.cast_unsigned()) << 32 | u64::from(end.0)
        }
        Note::MetadataCommitted { offset, print } => u64::from(offset.0) ^ print,
        Note::Held { member, epoch, partition, .. } => {
            place(partition) ^ u64::from(member.0) ^ u64::from(epoch.0.cast_unsigned()) << 16
        }
    }
}
