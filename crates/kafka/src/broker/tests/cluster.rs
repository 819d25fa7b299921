//! A controller and three brokers over a wire of their own, killed and cut off at random, with clients that remember what
//! they were promised.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{
    BrokerId, ErrorCode, Generation, GroupId, LeaderEpoch, MemberId, NodeId, Offset, Rng, SourceId,
    Span, Stream, Streams, Time, TopicId, TopicPartition, Value, ValueRange, Wall,
};

use crate::broker::Broker;
use crate::compression::Packing;
use crate::controller::{Controller, ControllerStore};
use crate::group::{GroupCoordinator, OFFSETS_TOPIC};
use crate::log::BrokerStore;
use crate::message::{
    Correlation, Msg, NewTopic, OffsetCommitRequest, OffsetFetchRequest, OffsetToCommit,
    ProduceRequest, Request, Response,
};
use crate::note::ReplicaRole;
use crate::record::{Batch, Records};
use crate::settings::{BrokerSettings, EligibleLeaders, TopicSettings};
use crate::{
    Boot, BrokerSetup, ConnId, ControllerSetup, CrashKind, CrashReport, Directory, Durable, Effect,
    Input, Machine, Now, Outbox, Rules, Timer,
};

const ORDERS: TopicId = TopicId(1);
const CLIENT: usize = 4;
const BILLING: GroupId = GroupId(0);

enum Node {
    Controller(Box<Controller>),
    Broker(Box<Broker>),
    /// Killed; what its disk holds.
    Down(BrokerStore),
}

enum Event {
    Input(usize, u32, Input),
    Timer(usize, u32, Timer),
    Restart(usize),
    Strike,
    Ask,
    Expire(ConnId),
}

/// What the client has asked.
enum Asked {
    Topic,
    Record(TopicPartition, Value),
    Commit(i64),
    Committed,
}

struct World {
    now: Time,
    queue: BTreeMap<(Time, u64), Event>,
    events: u64,
    nodes: Vec<Node>,
    lives: [u32; 5],
    timers: BTreeMap<(usize, Timer), u64>,
    wires: BTreeMap<ConnId, (usize, usize, Time)>,
    out: Outbox,
    rng: Rng,
    strikes: bool,
    asked: BTreeMap<ConnId, Asked>,
    next_conn: u32,
    serial: u32,
    acked: Vec<(TopicPartition, Value)>,
    committed: i64,
    read_back: Option<i64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            now: Time::ZERO,
            queue: BTreeMap::new(),
            events: 0,
            nodes: Vec::new(),
            lives: [0; 5],
            timers: BTreeMap::new(),
            wires: BTreeMap::new(),
            out: Outbox::default(),
            rng: Streams::new(seed).stream(Stream::Chaos, 0),
            strikes: true,
            asked: BTreeMap::new(),
            next_conn: 1_000_000,
            serial: 0,
            acked: Vec::new(),
            committed: -1,
            read_back: None,
        };
        let setup =
            ControllerSetup { settings: world.settings(), eligible_leaders: EligibleLeaders::Off };
        let boot = world.boot(0);
        let controller = Controller::boot(
            world.clock(),
            boot,
            setup,
            ControllerStore::default(),
            &mut world.out,
        );
        world.nodes.push(Node::Controller(Box::new(controller)));
        world.absorb(0);
        for broker in 1..=3 {
            world.nodes.push(Node::Down(BrokerStore::default()));
            world.restart(broker);
        }
        world.at(Span::millis(500), Event::Ask);
        world.at(Span::secs(5), Event::Strike);
        world
    }

    fn settings(&self) -> Arc<BrokerSettings> {
        let topic = TopicSettings { min_insync_replicas: 2, ..TopicSettings::default() };
        Arc::new(BrokerSettings { topic, ..BrokerSettings::default() })
    }

    fn boot(&self, node: usize) -> Boot {
        let id = |node: usize| NodeId(u16::try_from(node).unwrap());
        let directory = Directory {
            brokers: (1..=3).map(|n| (BrokerId(n), NodeId(n))).collect(),
            controllers: vec![id(0)],
        };
        Boot {
            node: id(node),
            incarnation: self.lives[node],
            directory: Arc::new(directory),
            rules: Rules::ALL,
            rng: Streams::new(u64::from(self.lives[node]))
                .stream(Stream::Machine, u32::from(id(node).0)),
        }
    }

    fn clock(&self) -> Now {
        Now { mono: self.now, wall: Wall(0).plus(self.now.since(Time::ZERO)) }
    }

    fn at(&mut self, after: Span, event: Event) -> u64 {
        self.events += 1;
        self.queue.insert((self.now + after, self.events), event);
        self.events
    }

    fn restart(&mut self, node: usize) {
        let Node::Down(store) = &mut self.nodes[node] else { return };
        let store = core::mem::take(store);
        let setup = BrokerSetup {
            rack: None,
            broker: BrokerId(u16::try_from(node).unwrap()),
            settings: self.settings(),
            recovery: Span::ZERO,
            transactions: None,
        };
        let (now, boot) = (self.clock(), self.boot(node));
        let broker = Broker::boot(now, boot, setup, store, &mut self.out);
        self.nodes[node] = Node::Broker(Box::new(broker));
        self.absorb(node);
    }

    fn kill(&mut self, node: usize) {
        if matches!(self.nodes[node], Node::Down(_)) {
            return;
        }
        let down = Node::Down(BrokerStore::default());
        let Node::Broker(broker) = core::mem::replace(&mut self.nodes[node], down) else { return };
        let mut report = CrashReport::default();
        let store = broker.into_store();
        let store = store.after_crash(CrashKind::Process, &mut self.rng, &mut report);
        self.nodes[node] = Node::Down(store);
        self.lives[node] += 1;
        let wires: Vec<ConnId> = self.wires.keys().copied().collect();
        for conn in wires {
            let (from, to, _) = self.wires[&conn];
            if from == node || to == node {
                self.cut(conn, Some(node));
            }
        }
    }

    /// Ends a connection; everyone but `silent` is told.
    fn cut(&mut self, conn: ConnId, silent: Option<usize>) {
        let Some((from, to, last)) = self.wires.remove(&conn) else { return };
        for end in [from, to] {
            if Some(end) != silent {
                let life = self.lives[end];
                let after = last.since(self.now) + Span::millis(1);
                self.at(after, Event::Input(end, life, Input::Closed(conn)));
            }
        }
    }

    fn send(&mut self, from: usize, conn: ConnId, input: Input) {
        let latency = Span::micros(self.rng.between(200, 4_000));
        let Some((a, b, last)) = self.wires.get_mut(&conn) else { return };
        let to = if *a == from { *b } else { *a };
        let arrives = (self.now + latency).max(*last);
        *last = arrives;
        let (life, after) = (self.lives[to], arrives.since(self.now));
        self.at(after, Event::Input(to, life, input));
    }

    fn absorb(&mut self, node: usize) {
        self.out.notes.clear();
        for effect in core::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Connect(conn, to) => self.connect(node, conn, usize::from(to.0)),
                Effect::Send(conn, msg) => self.send(node, conn, Input::Recv(conn, msg)),
                Effect::Close(conn) => self.cut(conn, Some(node)),
                Effect::SetTimer(timer, at) => {
                    let life = self.lives[node];
                    let event = self.at(at.since(self.now), Event::Timer(node, life, timer));
                    self.timers.insert((node, timer), event);
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&(node, timer));
                }
                Effect::Sync(token) => {
                    let life = self.lives[node];
                    self.at(Span::millis(8), Event::Input(node, life, Input::Synced(token)));
                }
                Effect::Complete(..) | Effect::Report(_) | Effect::Exit(_) => panic!("unexpected"),
            }
        }
    }

    fn connect(&mut self, from: usize, conn: ConnId, to: usize) {
        self.wires.insert(conn, (from, to, self.now));
        if matches!(self.nodes.get(to), Some(Node::Down(_))) {
            self.cut(conn, Some(to));
        } else {
            let node = NodeId(u16::try_from(from).unwrap());
            self.send(from, conn, Input::Opened(conn, node));
        }
    }

    fn step(&mut self) {
        let ((at, number), event) = self.queue.pop_first().unwrap();
        self.now = at;
        match event {
            Event::Input(CLIENT, _, input) => self.on_client(input),
            Event::Input(node, life, input) if life == self.lives[node] => self.handle(node, input),
            Event::Timer(node, life, timer) if life == self.lives[node] => {
                if self.timers.get(&(node, timer)) == Some(&number) {
                    self.timers.remove(&(node, timer));
                    self.handle(node, Input::Timer(timer));
                }
            }
            Event::Input(..) | Event::Timer(..) => {}
            Event::Restart(node) => self.restart(node),
            Event::Strike => self.strike(),
            Event::Ask => self.ask(),
            Event::Expire(conn) => {
                if self.asked.remove(&conn).is_some() {
                    self.cut(conn, Some(CLIENT));
                }
            }
        }
    }

    fn handle(&mut self, node: usize, input: Input) {
        let now = self.clock();
        match &mut self.nodes[node] {
            Node::Controller(controller) => controller.handle(now, input, &mut self.out),
            Node::Broker(broker) => broker.handle(now, input, &mut self.out),
            Node::Down(_) => return,
        }
        self.absorb(node);
        self.look(node);
    }

    /// A leader's high watermark never goes back within its epoch, and nobody's lies outside its log.
    fn look(&self, node: usize) {
        if let Node::Broker(broker) = &self.nodes[node] {
            for (partition, replica) in broker.replicas() {
                let (start, end) = (replica.log.start(), replica.log.end());
                let inside = replica.high_watermark >= start && replica.high_watermark <= end;
                assert!(
                    inside,
                    "{partition} at {node}: {} in {start}..{end}",
                    replica.high_watermark
                );
            }
        }
    }

    fn strike(&mut self) {
        if !self.strikes {
            return;
        }
        if self.rng.chance(2, 3) {
            let node = 1 + self.rng.index(3);
            self.kill(node);
            let down = Span::millis(self.rng.between(100, 15_000));
            self.at(down, Event::Restart(node));
        } else if let Some(conn) = {
            let wires: Vec<ConnId> = self.wires.keys().copied().collect();
            self.rng.pick(&wires).copied()
        } {
            self.cut(conn, None);
        }
        let next = Span::millis(self.rng.between(500, 12_000));
        self.at(next, Event::Strike);
    }

    /// Sends the client's next request, over a connection of its own.
    fn ask(&mut self) {
        self.at(Span::millis(20), Event::Ask);
        if self.asked.len() >= 3 {
            return;
        }
        let partition = TopicPartition::new(ORDERS, u16::try_from(self.rng.upto(1)).unwrap());
        let group = TopicPartition::new(OFFSETS_TOPIC, GroupCoordinator::partition_for(BILLING, 2));
        let (to, asked, request) = if let Some(topic) = self.missing_topic() {
            (0, Asked::Topic, Request::CreateTopics(topic))
        } else if !self.strikes {
            let partitions = vec![(partition, None)];
            let fetch = OffsetFetchRequest { group: BILLING, member: None, partitions };
            (self.leader(group), Asked::Committed, Request::OffsetFetch(fetch))
        } else if self.rng.chance(1, 4) {
            self.serial += 1;
            let offset = i64::from(self.serial);
            let commit = OffsetCommitRequest {
                group: BILLING,
                generation: Generation::NONE,
                member: MemberId::NONE,
                instance: None,
                offsets: vec![OffsetToCommit {
                    partition: TopicPartition::new(ORDERS, 0),
                    topic: None,
                    offset: Offset(offset),
                    epoch: LeaderEpoch(0),
                }],
            };
            (self.leader(group), Asked::Commit(offset), Request::OffsetCommit(commit))
        } else {
            self.serial += 1;
            let value = Value { source: SourceId(0), serial: self.serial };
            let batch = Batch {
                base: Offset::UNKNOWN,
                count: 1,
                epoch: LeaderEpoch::NONE,
                bytes: 200,
                packing: Packing::PLAIN,
                timestamp: Wall(0),
                stamp: None,
                records: Records::Values(ValueRange::from(value)),
            };
            let batches = vec![(partition, batch)];
            let request = ProduceRequest {
                transaction: None,
                acks: Acks::All,
                timeout: Span::secs(1),
                batches,
            };
            (self.leader(partition), Asked::Record(partition, value), Request::Produce(request))
        };
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.asked.insert(conn, asked);
        self.connect(CLIENT, conn, to);
        let msg = Msg::Request(Correlation(0), request);
        self.send(CLIENT, conn, Input::Recv(conn, msg));
        self.at(Span::secs(2), Event::Expire(conn));
    }

    fn missing_topic(&self) -> Option<NewTopic> {
        let Node::Broker(broker) = &self.nodes[self.alive()] else { return None };
        let image = broker.image();
        let topic =
            [OFFSETS_TOPIC, ORDERS].into_iter().find(|topic| image.partition_count(*topic) == 0)?;
        let settings = Arc::new(self.settings().topic.clone());
        Some(NewTopic { topic, partitions: 2, replication: 3, settings })
    }

    fn alive(&self) -> usize {
        (1..=3).find(|node| matches!(self.nodes[*node], Node::Broker(_))).unwrap_or(1)
    }

    fn leader(&self, partition: TopicPartition) -> usize {
        let Node::Broker(broker) = &self.nodes[self.alive()] else { return 1 };
        broker.image().leader(partition).map_or(1, |(leader, _)| usize::from(leader.0))
    }

    fn on_client(&mut self, input: Input) {
        match input {
            Input::Recv(conn, Msg::Response(_, response)) => {
                let Some(asked) = self.asked.remove(&conn) else { return };
                match (asked, response) {
                    (Asked::Record(partition, value), Response::Produce(produce)) => {
                        if produce.results[0].error == ErrorCode::None {
                            self.acked.push((partition, value));
                        }
                    }
                    (Asked::Commit(offset), Response::OffsetCommit(commit)) => {
                        if commit.results[0].1 == ErrorCode::None {
                            self.committed = self.committed.max(offset);
                        }
                    }
                    (Asked::Committed, Response::OffsetFetch(fetch)) => {
                        if fetch.error == ErrorCode::None
                            && let Some((partition, Some((offset, _)))) = fetch.offsets.first()
                            && partition.partition == 0
                        {
                            self.read_back = Some(offset.0);
                        }
                    }
                    (Asked::Topic, Response::CreateTopics(_)) => {}
                    (
                        Asked::Topic | Asked::Record(..) | Asked::Commit(_) | Asked::Committed,
                        other,
                    ) => {
                        panic!("{other:?} answers something else");
                    }
                }
                self.cut(conn, Some(CLIENT));
            }
            Input::Closed(conn) => {
                self.asked.remove(&conn);
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn run_until(&mut self, until: Time) {
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= until) {
            self.step();
        }
    }

    fn broker(&self, node: usize) -> &Broker {
        match &self.nodes[node] {
            Node::Broker(broker) => broker,
            Node::Controller(_) | Node::Down(_) => panic!("node {node} does not serve"),
        }
    }
}

fn values(broker: &Broker, partition: TopicPartition) -> Vec<(Offset, Option<ValueRange>)> {
    let log = broker.replica(partition).unwrap().log;
    log.batches_from(Offset::ZERO).map(|batch| (batch.base, batch.values())).collect()
}

#[test]
fn killed_brokers_and_cut_connections_lose_nothing_that_was_promised() {
    for seed in 0..12 {
        let mut world = World::new(seed);
        world.run_until(Time::ZERO + Span::secs(120));
        world.strikes = false;
        world.run_until(Time::ZERO + Span::secs(220));
        assert!(world.acked.len() > 100, "seed {seed}: only {} acks", world.acked.len());
        for number in 0..2 {
            let partition = TopicPartition::new(ORDERS, number);
            let leader = world.leader(partition);
            let led = world.broker(leader).replica(partition).unwrap();
            assert_eq!(led.role, ReplicaRole::Leader, "seed {seed}");
            assert_eq!((led.isr.len(), led.high_watermark), (3, led.log.end()), "seed {seed}");
            let truth = values(world.broker(leader), partition);
            for broker in 1..=3 {
                let replica = world.broker(broker).replica(partition).unwrap();
                assert_eq!(values(world.broker(broker), partition), truth, "seed {seed}");
                assert!(replica.high_watermark <= led.high_watermark, "seed {seed}");
            }
            for (_, value) in world.acked.iter().filter(|(of, _)| *of == partition) {
                let wanted = Some(ValueRange::from(*value));
                assert!(truth.iter().any(|(_, values)| *values == wanted), "seed {seed}: {value}");
            }
        }
        assert!(world.committed > 0, "seed {seed}");
        assert!(world.read_back >= Some(world.committed), "seed {seed}: {:?}", world.read_back);
    }
}
