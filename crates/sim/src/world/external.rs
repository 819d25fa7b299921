//! People's own code in the world: its processes' clients are opened and called from outside, and speak to outside.
//!
//! Does not drive anything: whoever runs the code keeps to the world's time, and takes out what there is to be told.

use std::collections::VecDeque;
use std::sync::Arc;

use stormglass_kafka::consumer::Consumer;
use stormglass_kafka::inquiry::{Answer, Inquirer, Question};
use stormglass_kafka::message::NewTopic;
use stormglass_kafka::producer::Producer;
use stormglass_kafka::settings::{ConsumerSettings, Delivery, OffsetReset, ProducerSettings};
use stormglass_kafka::{
    Boot, Call, Completion, ConsumerSetup, Input, Machine, OpId, Outbox, PolledBatch,
    ProducerSetup, Report,
};
use stormglass_types::history::{self, CommitMode, Role, Source, What};
use stormglass_types::{
    Dense, GroupId, Key, NodeId, PartitionMap, Sequence, SourceId, Stream, Time, TopicId,
    TopicPartition,
};

use super::application::{Application, Client, MOST_CLIENTS};
use super::node::{Life, Node};
use super::trace::TraceKind;
use super::{End, Phase, World};
use crate::plan::TopicPlan;

/// A client of people's own code, unique in a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(u32);

impl ClientId {
    /// Its number: clients are counted from zero in the order in which they were opened.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What kind of client is to be opened.
#[derive(Clone, Debug)]
pub enum ClientKind {
    /// A producer.
    Producer(Arc<ProducerSettings>),
    /// A consumer, with its group unless it has none; groups are those of the plan.
    Consumer(Arc<ConsumerSettings>, Option<GroupId>, CommitMode),
    /// A client that only asks.
    Inquirer,
}

/// What the world tells the code's host, in order.
#[derive(Clone, Debug)]
pub enum Told {
    /// A call ended.
    Completed(ClientId, OpId, Completion),
    /// A question was answered.
    Answered(ClientId, OpId, Answer),
    /// A client called back.
    Reported(ClientId, Report),
    /// A process begins a life.
    Started(NodeId),
    /// A process has died; its code must stop at once.
    Died(NodeId),
    /// An operator asks a process to stop.
    AskedToStop(NodeId),
    /// A process is held.
    Paused(NodeId),
    /// A held process goes on.
    Resumed(NodeId),
    /// The run is over.
    Over(End),
}

/// Everything about people's own code.
#[derive(Clone, Default, Debug)]
pub(super) struct Externals {
    clients: Vec<External>,
    told: Vec<Told>,
    /// Processes whose code has come to its end.
    finished: Vec<NodeId>,
}

/// A client, alive or not.
#[derive(Clone, Debug)]
struct External {
    process: NodeId,
    /// In which life of the process.
    incarnation: u32,
    /// Which of that life's clients.
    place: usize,
    /// Who it is in the history: each client is somebody there.
    identity: NodeId,
    kind: Kind,
    next_op: u32,
}

#[derive(Clone, Debug)]
enum Kind {
    Producer(Sending),
    Consumer(Option<GroupId>),
    Inquirer,
    Gone,
}

/// What a producer has under way.
#[derive(Clone, Default, Debug)]
struct Sending {
    /// Calls of `send` that have not returned, with the record's key.
    calls: VecDeque<(OpId, TopicId, Option<Key>)>,
    /// Records taken in whose callbacks have not come.
    open: PartitionMap<u32>,
}

impl World {
    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        match self.phase {
            Phase::Over(_) => None,
            Phase::Forming | Phase::Storm { .. } | Phase::Settling { .. } => self.queue.next_at(),
        }
    }

    /// Takes out what there is to be told, in order.
    pub fn tell_host(&mut self, into: &mut Vec<Told>) {
        into.append(&mut self.externals.told);
    }

    /// Opens a client in a process of people's own code; none if the process does not run, or has opened too many.
    pub fn open_client(&mut self, at: Time, process: NodeId, kind: ClientKind) -> Option<ClientId> {
        self.come_to(at);
        let place = self.application(process).map(Application::len)?;
        if place >= MOST_CLIENTS {
            return None;
        }
        let client = u32::try_from(self.externals.clients.len()).expect("fewer than 2^32 clients");
        let incarnation = self.slots[process].incarnation;
        let boot = Boot {
            node: process,
            incarnation,
            directory: Arc::clone(&self.directory),
            rules: self.plan.rules,
            rng: self.streams.stream(Stream::Machine, 0x8000_0000 | client),
        };
        let local = self.slots[process].local(self.now);
        let mut out = std::mem::take(&mut self.out);
        let (identity, kind, machine) = match kind {
            ClientKind::Producer(settings) => {
                let identity = self.identity(process, place, "producer", Role::Producer);
                let source = self.external_source(identity, &settings);
                let sequence = Sequence::default();
                let setup = ProducerSetup { settings, source, sequence };
                let machine = Producer::boot(local, boot, setup, (), &mut out);
                (identity, Kind::Producer(Sending::default()), Client::Producer(machine))
            }
            ClientKind::Consumer(settings, group, commit) => {
                let role = group.map_or(Role::Application, Role::Consumer);
                let identity = self.identity(process, place, "consumer", role);
                if let Some(group) = group {
                    self.describe(group, &settings, commit);
                }
                let group_id = group.unwrap_or_default();
                let setup = ConsumerSetup { settings, group: group_id };
                let machine = Consumer::boot(local, boot, setup, (), &mut out);
                (identity, Kind::Consumer(group), Client::Consumer(machine))
            }
            ClientKind::Inquirer => {
                (process, Kind::Inquirer, Client::Inquirer(Inquirer::boot(&boot)))
            }
        };
        self.externals.clients.push(External {
            process,
            incarnation,
            place,
            identity,
            kind,
            next_op: 0,
        });
        if identity != process {
            self.tell(identity, What::Started);
        }
        self.digest_event(process, 6);
        self.within(process, &mut out, |application, now, out| {
            application.add(client, machine, now, out);
        });
        self.out = out;
        self.carry_out(process);
        self.drain();
        Some(ClientId(client))
    }

    /// Calls a client; none if it is no more.
    pub fn call_client(&mut self, at: Time, client: ClientId, call: Call) -> Option<OpId> {
        self.call_with_key(at, client, call, None)
    }

    /// Calls a client whose call may carry a record with a key.
    pub fn call_with_key(
        &mut self,
        at: Time,
        client: ClientId,
        call: Call,
        key: Option<Key>,
    ) -> Option<OpId> {
        self.come_to(at);
        let (process, op) = self.next_op(client)?;
        self.record(process, TraceKind::Application);
        let word = match &call {
            Call::Send(send) => u64::from(send.bytes) << 16 | u64::from(send.topic.0),
            Call::Flush
            | Call::Close
            | Call::CloseWithin(_)
            | Call::Subscribe(_)
            | Call::SubscribeMatching(_)
            | Call::Poll(_)
            | Call::Transaction(_)
            | Call::Steer(_) => 1,
            Call::CommitSync(offsets) | Call::CommitAsync(offsets) => {
                let first = offsets.first().map_or(0, |(_, offset)| offset.0);
                first.cast_unsigned() << 8 | 2
            }
            Call::CreateTopic(_)
            | Call::CreatePartitions { .. }
            | Call::DeleteTopic(_)
            | Call::DeleteRecords { .. }
            | Call::Reassign { .. }
            | Call::Throttle(_)
            | Call::DeleteGroup(_)
            | Call::ElectLeader { .. } => 3,
        };
        self.digest_event(process, 7);
        self.digest.word(word);
        if let (Call::Send(send), Kind::Producer(sending)) =
            (&call, &mut self.externals.clients[client.0 as usize].kind)
        {
            sending.calls.push_back((op, send.topic, key));
        }
        let closes = matches!(call, Call::Close | Call::CloseWithin(_));
        self.inbox.push_back((process, Input::Call(op, call)));
        self.drain();
        if closes {
            self.record(process, TraceKind::Application);
        }
        Some(op)
    }

    /// Asks a question; none if the client is no more.
    pub fn ask(&mut self, at: Time, client: ClientId, question: Question) -> Option<OpId> {
        self.come_to(at);
        let (process, op) = self.next_op(client)?;
        self.digest_event(process, 8);
        let mut out = std::mem::take(&mut self.out);
        self.within(process, &mut out, |application, now, out| {
            application.ask(now, op, question, out);
        });
        self.out = out;
        self.carry_out(process);
        self.drain();
        Some(op)
    }

    /// Forgets a client after its `close` has ended.
    pub fn drop_client(&mut self, client: ClientId) {
        let External { process, incarnation, place, identity, .. } =
            self.externals.clients[client.0 as usize];
        if self.slots[process].incarnation != incarnation {
            return;
        }
        let gone =
            std::mem::replace(&mut self.externals.clients[client.0 as usize].kind, Kind::Gone);
        if let Life::Up(node) = &mut self.slots[process].life
            && let Node::Application(application) = Arc::make_mut(node)
        {
            application.remove(place);
        }
        if identity != process && !matches!(gone, Kind::Gone) {
            self.tell(identity, What::Stopped);
        }
    }

    /// A consumer, if it is one and lives.
    #[must_use]
    pub fn consumer_of(&self, client: ClientId) -> Option<&Consumer> {
        let External { process, incarnation, place, .. } =
            &self.externals.clients[client.0 as usize];
        if self.slots[*process].incarnation != *incarnation {
            return None;
        }
        match self.application(*process)?.client(*place)? {
            Client::Consumer(consumer) => Some(consumer),
            Client::Producer(_) | Client::Inquirer(_) | Client::Gone => None,
        }
    }

    /// Whether a client can still be called.
    #[must_use]
    pub fn has_client(&self, client: ClientId) -> bool {
        let external = &self.externals.clients[client.0 as usize];
        !matches!(external.kind, Kind::Gone)
            && self.slots[external.process].is_up()
            && self.slots[external.process].incarnation == external.incarnation
    }

    /// Records were handed to the code.
    pub fn handed_out(&mut self, at: Time, client: ClientId, batch: PolledBatch) {
        self.come_to(at);
        if let Some((identity, group)) = self.member(client) {
            let (partition, base, values) = (batch.partition, batch.base, batch.values);
            self.tell(identity, What::Polled { group, partition, base, values });
        }
    }

    /// The code has finished with records.
    pub fn processed(&mut self, at: Time, client: ClientId, batch: PolledBatch) {
        self.come_to(at);
        if let Some((identity, group)) = self.member(client) {
            let (partition, base, values) = (batch.partition, batch.base, batch.values);
            self.digest_event(identity, 9);
            self.digest.word(base.0.cast_unsigned());
            self.tell(identity, What::Processed { group, partition, base, values });
        }
    }

    /// The code of a process came to its end.
    pub fn finished(&mut self, at: Time, process: NodeId) {
        self.come_to(at);
        if !self.slots[process].is_up() {
            return;
        }
        if self.faults.waits_for(process) {
            self.stopped(process);
        } else {
            self.externals.finished.push(process);
            self.end_life(process, None);
            self.tell(process, What::Stopped);
        }
    }

    /// The code of a process was killed by whoever runs it.
    pub fn killed(&mut self, at: Time, process: NodeId) {
        self.come_to(at);
        if !self.slots[process].is_up() {
            return;
        }
        if self.faults.waits_for(process) {
            self.stopped(process);
        } else {
            self.externals.finished.push(process);
            self.halt(process);
        }
    }

    /// Whoever runs the code has started a process again that it had killed.
    pub fn restarted(&mut self, at: Time, process: NodeId) {
        self.come_to(at);
        self.externals.finished.retain(|finished| *finished != process);
        self.start_life(process);
        self.drain();
    }

    /// The place of a process of people's own code.
    #[must_use]
    pub fn application_named(&self, name: &str) -> Option<NodeId> {
        let mut known = self.roster.applications().zip(&self.plan.applications);
        known.find(|(_, plan)| plan.name == name).map(|(node, _)| node)
    }

    /// The identity of a key: that of the background's key of the same name, or a new one.
    pub fn name_key(&mut self, name: String) -> Key {
        let keys = &mut Arc::make_mut(&mut self.history.header).keys;
        let key = Key(u32::try_from(keys.len()).expect("fewer than 2^32 keys"));
        keys.push(name);
        key
    }

    /// The key of a record that a background producer sent.
    #[must_use]
    pub fn key_of(&self, partition: TopicPartition, value: stormglass_types::Value) -> Option<Key> {
        *self.ledger.get(value.source)?.get(partition)?.get(value.serial as usize)?
    }

    /// Takes a topic into the plan that nobody knew before; an operator is to create it.
    pub fn new_topic(&mut self, at: Time, plan: TopicPlan) -> TopicId {
        self.come_to(at);
        let topic = TopicId::from_index(self.plan.topics.len() + 1);
        let (partitions, replication) = (plan.partitions, plan.replication);
        let settings = Arc::clone(&plan.settings);
        Arc::make_mut(&mut self.history.header).topics.push(super::start::describe_topic(&plan));
        Arc::make_mut(&mut self.plan).topics.push(plan);
        let new = NewTopic { topic, partitions, replication, settings };
        self.operator.ask(Call::CreateTopic(new));
        self.operate();
        self.drain();
        topic
    }

    /// Asks the operator to raise a topic's number of partitions.
    pub fn expand_topic(&mut self, at: Time, topic: TopicId, partitions: u16) {
        self.come_to(at);
        self.operator.ask(Call::CreatePartitions { topic, partitions });
        self.operate();
        self.drain();
    }

    /// Whoever runs the code is here now. Nothing that the world has to do before may be left undone.
    fn come_to(&mut self, at: Time) {
        assert!(self.next_at().is_none_or(|next| next >= at), "the world is behind its host");
        self.now = self.now.max(at);
    }

    fn application(&self, process: NodeId) -> Option<&Application> {
        match self.slots[process].node()? {
            Node::Application(application) => Some(application),
            Node::Controller(_)
            | Node::Broker(_)
            | Node::Producer(_)
            | Node::Consumer(_)
            | Node::Forwarder(_)
            | Node::Admin(_) => None,
        }
    }

    fn within(
        &mut self,
        process: NodeId,
        out: &mut Outbox,
        work: impl FnOnce(&mut Application, stormglass_kafka::Now, &mut Outbox),
    ) {
        let local = self.slots[process].local(self.now);
        if let Life::Up(node) = &mut self.slots[process].life
            && let Node::Application(application) = Arc::make_mut(node)
        {
            work(application, local, out);
        }
    }

    fn next_op(&mut self, client: ClientId) -> Option<(NodeId, OpId)> {
        if !self.has_client(client) {
            return None;
        }
        let external = &mut self.externals.clients[client.0 as usize];
        external.next_op = external.next_op.wrapping_add(1);
        Some((external.process, Application::op(external.place, external.next_op)))
    }

    fn member(&self, client: ClientId) -> Option<(NodeId, GroupId)> {
        let external = &self.externals.clients[client.0 as usize];
        match external.kind {
            Kind::Consumer(Some(group)) if self.has_client(client) => {
                Some((external.identity, group))
            }
            Kind::Consumer(_) | Kind::Producer(_) | Kind::Inquirer | Kind::Gone => None,
        }
    }

    /// Who a client is in the history: the same in every life of its process.
    fn identity(&mut self, process: NodeId, place: usize, what: &str, role: Role) -> NodeId {
        let header = Arc::make_mut(&mut self.history.header);
        let name = format!("{}/{what}-{}", header.processes[process].name, place + 1);
        let first = self.roster.len();
        let known =
            header.processes.iter().skip(first).position(|it| it.name == name && it.role == role);
        let at = known.map_or(header.processes.len(), |known| first + known);
        if known.is_none() {
            header.processes.push(history::Process { name, role });
        }
        NodeId::from_index(at)
    }

    fn external_source(&mut self, process: NodeId, settings: &ProducerSettings) -> SourceId {
        self.ledger.push(PartitionMap::new());
        self.history.begin_source(Source {
            process,
            acks: settings.delivery.acks(),
            idempotent: settings.delivery == Delivery::Idempotent,
            in_flight: settings.max_in_flight,
            retries: settings.retries > 0,
            transactional: settings.transaction.is_some(),
        })
    }

    /// What the code's settings promise to its group.
    fn describe(&mut self, group: GroupId, settings: &ConsumerSettings, commit: CommitMode) {
        let header = Arc::make_mut(&mut self.history.header);
        let described = &mut header.groups[group];
        described.commit =
            if settings.auto_commit.is_by_client() { CommitMode::Automatic } else { commit };
        described.from_earliest = settings.offset_reset == OffsetReset::Earliest;
    }

    pub(super) fn on_external_complete(&mut self, node: NodeId, op: OpId, completion: Completion) {
        let Some(application) = self.application(node) else { return };
        let number = application.whose(op);
        let client = ClientId(number);
        let identity = self.externals.clients[number as usize].identity;
        match &mut self.externals.clients[number as usize].kind {
            Kind::Producer(sending) => {
                let at = sending.calls.iter().position(|(call, ..)| *call == op);
                let sent = at.and_then(|at| sending.calls.remove(at));
                match (&completion, sent) {
                    (Completion::Accepted(partition, value), Some((_, _, key))) => {
                        *sending.open.get_or_insert_with(*partition, || 0) += 1;
                        let (partition, value) = (*partition, *value);
                        self.tell(identity, What::Send { partition, value, key });
                    }
                    (Completion::Refused(error), Some((_, topic, key))) => {
                        let error = *error;
                        self.tell(identity, What::SendRefused { topic, key, error });
                    }
                    (
                        Completion::Accepted(..)
                        | Completion::Refused(_)
                        | Completion::Records(_)
                        | Completion::Done(_),
                        _,
                    ) => {}
                }
            }
            Kind::Inquirer => {
                let mut answer = None;
                let mut out = std::mem::take(&mut self.out);
                self.within(node, &mut out, |application, _, _| answer = application.answer(op));
                self.out = out;
                if let Some(answer) = answer {
                    self.externals.told.push(Told::Answered(client, op, answer));
                }
                return;
            }
            Kind::Consumer(_) | Kind::Gone => {}
        }
        self.externals.told.push(Told::Completed(client, op, completion));
    }

    pub(super) fn on_external_report(&mut self, node: NodeId, report: Report) {
        let Some(application) = self.application(node) else { return };
        let number = application.current();
        let identity = self.externals.clients[number as usize].identity;
        match &mut self.externals.clients[number as usize].kind {
            Kind::Producer(sending) => {
                if let Report::Delivered { partition, values, base, outcome } = report {
                    let open = sending.open.get_or_insert_with(partition, || 0);
                    *open = open.saturating_sub(values.count);
                    self.tell(identity, What::SendDone { partition, values, base, outcome });
                }
            }
            Kind::Consumer(Some(group)) => {
                let group = *group;
                self.tell_member(identity, group, report.clone());
            }
            Kind::Consumer(None) | Kind::Inquirer | Kind::Gone => {}
        }
        self.externals.told.push(Told::Reported(ClientId(number), report));
    }

    /// A process of people's own code has died or come to its end; its clients with it.
    pub(super) fn end_clients(&mut self, node: NodeId, incarnation: u32, what: What) {
        for number in 0..self.externals.clients.len() {
            let external = &self.externals.clients[number];
            let inside = external.process == node && external.incarnation == incarnation;
            if !inside || external.identity == node || matches!(external.kind, Kind::Gone) {
                continue;
            }
            let identity = external.identity;
            self.externals.clients[number].kind = Kind::Gone;
            self.observer.on_death(identity);
            self.tell(identity, what);
        }
    }

    pub(super) fn announce(&mut self, told: Told) {
        self.externals.told.push(told);
    }

    pub(super) fn is_application(&self, node: NodeId) -> bool {
        self.roster.applications().any(|application| application == node)
    }

    /// Whether the code of a process has come to its end, so that nobody starts it again.
    pub(super) fn has_finished(&self, node: NodeId) -> bool {
        self.externals.finished.contains(&node)
    }

    /// Records that the code's producers took in and have no answer for.
    pub(super) fn external_sends(&self) -> impl Iterator<Item = (NodeId, TopicPartition, u32)> {
        let clients = self.externals.clients.iter().filter_map(|external| match &external.kind {
            Kind::Producer(sending) => Some((external.identity, sending)),
            Kind::Consumer(_) | Kind::Inquirer | Kind::Gone => None,
        });
        clients.flat_map(|(identity, sending)| {
            let open = sending.open.iter().filter(|(_, count)| **count > 0);
            open.map(move |(partition, count)| (identity, partition, *count))
        })
    }
}
