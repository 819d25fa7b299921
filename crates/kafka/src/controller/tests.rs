mod alter_partition;
mod brokers;
mod durability;
mod elections;
mod eligible;
mod handshake;
mod quorum;
mod reassignment;
mod topics;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, NodeId, PartitionEpoch, Span, Stream, Streams,
    Time, TopicId, TopicPartition, Wall,
};

use super::partitions::created;
use super::{Controller, ControllerStore};
use crate::message::{
    AlterPartition, AlterPartitionRequest, AlteredPartition, BrokerHeartbeatRequest,
    BrokerRegistrationRequest, BrokerState, Correlation, ElectLeadersRequest, MetadataOffset, Msg,
    NewTopic, Request, Response, Want,
};
use crate::metadata::{BrokerStatus, Brokers, MetadataRecord, PartitionRegistration};
use crate::settings::{BrokerSettings, EligibleLeaders, TopicSettings, UncleanElection};
use crate::{
    Boot, ConnId, ControllerSetup, Directory, Effect, Input, Machine, Mark, Note, Now, Outbox,
    Rules, SyncToken, Timer,
};

/// Scripted requests use connections from here on.
const FIRST_CONN: u32 = 1_000;

/// Whether the disk is done with a sync before anything else happens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Quick,
    Slow,
}

/// A controller with a scripted cluster around it.
struct Rig {
    controller: Controller,
    now: Now,
    out: Outbox,
    disk: Disk,
    syncs: VecDeque<SyncToken>,
    timers: Vec<(Timer, Time)>,
    answers: Vec<(ConnId, Response)>,
    /// Answers on the connections of a broker that is not scripted.
    responses: Vec<(ConnId, Correlation, Response)>,
    next_conn: u32,
}

impl Rig {
    fn boot(rules: Rules, store: ControllerStore, at: Time) -> Self {
        Self::boot_with(EligibleLeaders::Off, rules, store, at)
    }

    fn boot_with(
        eligible_leaders: EligibleLeaders,
        rules: Rules,
        store: ControllerStore,
        at: Time,
    ) -> Self {
        let boot = Boot {
            node: NodeId(0),
            incarnation: 0,
            directory: Arc::new(Directory::default()),
            rules,
            rng: Streams::new(1).stream(Stream::Machine, 0),
        };
        let now = Now { mono: at, wall: Wall(0) };
        let mut out = Outbox::default();
        let setup =
            ControllerSetup { settings: Arc::new(BrokerSettings::default()), eligible_leaders };
        let controller = Controller::boot(now, boot, setup, store, &mut out);
        let mut rig = Self {
            controller,
            now,
            out,
            disk: Disk::Quick,
            syncs: VecDeque::new(),
            timers: Vec::new(),
            answers: Vec::new(),
            responses: Vec::new(),
            next_conn: FIRST_CONN,
        };
        rig.collect();
        rig
    }

    fn new(rules: Rules) -> Self {
        Self::boot(rules, ControllerStore::default(), Time::ZERO)
    }

    /// A cluster of unfenced brokers 1, 2, 3 … and a topic with one partition on all of them, the first one leading.
    fn cluster(brokers: u16, rules: Rules, unclean: UncleanElection) -> Self {
        Self::new(rules).with_partition(brokers, unclean, 1)
    }

    /// The same, where so many replicas must be in sync for an ack.
    fn with_partition(mut self, brokers: u16, unclean: UncleanElection, min_isr: u16) -> Self {
        for broker in 1..=brokers {
            self.join(broker, 0);
        }
        let all: Brokers = (1..=brokers).map(BrokerId).collect();
        let settings = TopicSettings {
            unclean_election: unclean,
            min_insync_replicas: min_isr,
            ..TopicSettings::default()
        };
        let registration = Arc::new(created(all.clone(), all));
        self.controller.append(vec![
            MetadataRecord::Topic { topic: TopicId(0), settings: Arc::new(settings) },
            MetadataRecord::Partition { partition: orders(0), registration },
        ]);
        self.controller.settle(self.now, &mut self.out);
        self.collect();
        self.out.marks = crate::Marks::NONE;
        self.out.notes.clear();
        self
    }

    fn handle(&mut self, input: Input) {
        self.controller.handle(self.now, input, &mut self.out);
        self.collect();
    }

    fn collect(&mut self) {
        for effect in core::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Sync(token) => self.syncs.push_back(token),
                Effect::SetTimer(timer, at) => {
                    self.timers.retain(|(of, _)| *of != timer);
                    self.timers.push((timer, at));
                }
                Effect::Send(conn, Msg::Response(correlation, response)) => {
                    if conn.0 < FIRST_CONN {
                        self.responses.push((conn, correlation, response));
                    } else {
                        self.answers.push((conn, response));
                    }
                }
                other => panic!("unexpected effect {other:?}"),
            }
        }
        if self.disk == Disk::Quick {
            self.sync();
        }
    }

    fn sync(&mut self) {
        while let Some(token) = self.syncs.pop_front() {
            self.handle(Input::Synced(token));
        }
    }

    /// Lets time pass, firing timers in between. Brokers that `beat` send heartbeats every second.
    fn pass(&mut self, span: Span, beat: &[u16]) {
        let until = self.now.mono + span;
        let mut next_beat = self.now.mono + Span::secs(1);
        loop {
            let due = self.timers.iter().copied().min_by_key(|(_, at)| *at);
            let at = due.map_or(Time::NEVER, |(_, at)| at);
            if at.min(next_beat) > until {
                break;
            }
            self.now.mono = self.now.mono.max(at.min(next_beat));
            if at <= next_beat {
                let timer = due.unwrap().0;
                self.timers.retain(|(of, _)| *of != timer);
                self.handle(Input::Timer(timer));
            } else {
                next_beat = self.now.mono + Span::secs(1);
                for broker in beat {
                    self.beat(*broker, Want::Serve).unwrap();
                }
            }
        }
        self.now.mono = until;
    }

    fn send(&mut self, request: Request) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.handle(Input::Opened(conn, NodeId(1)));
        self.handle(Input::Recv(conn, Msg::Request(Correlation(0), request)));
        conn
    }

    fn answer(&mut self, conn: ConnId) -> Option<Response> {
        let at = self.answers.iter().position(|(of, _)| *of == conn)?;
        Some(self.answers.remove(at).1)
    }

    fn ask(&mut self, request: Request) -> Response {
        let conn = self.send(request);
        self.answer(conn).expect("an answer at once, since the disk is quick")
    }

    fn register(&mut self, broker: u16, incarnation: u32) -> Result<BrokerEpoch, ErrorCode> {
        self.register_after(None, broker, incarnation)
    }

    /// A registration after a clean shutdown in an epoch, or after none.
    fn register_after(
        &mut self,
        previous: Option<BrokerEpoch>,
        broker: u16,
        incarnation: u32,
    ) -> Result<BrokerEpoch, ErrorCode> {
        let broker = BrokerId(broker);
        let request = BrokerRegistrationRequest { broker, incarnation, previous, rack: None };
        match self.ask(Request::BrokerRegistration(request)) {
            Response::BrokerRegistration(answer) => answer.epoch,
            other => panic!("{other:?}"),
        }
    }

    fn epoch(&self, broker: u16) -> BrokerEpoch {
        self.controller.newest.brokers[&BrokerId(broker)].epoch
    }

    fn status(&self, broker: u16) -> BrokerStatus {
        self.controller.image().brokers[&BrokerId(broker)].status
    }

    /// A heartbeat of a broker that has applied everything.
    fn beat(&mut self, broker: u16, want: Want) -> Result<BrokerState, ErrorCode> {
        let offset = self.controller.newest.offset;
        self.beat_at(broker, want, offset)
    }

    fn beat_at(
        &mut self,
        broker: u16,
        want: Want,
        metadata: MetadataOffset,
    ) -> Result<BrokerState, ErrorCode> {
        let epoch = self.epoch(broker);
        let broker = BrokerId(broker);
        let request = BrokerHeartbeatRequest { broker, epoch, metadata, want };
        match self.ask(Request::BrokerHeartbeat(request)) {
            Response::BrokerHeartbeat(answer) => answer.state,
            other => panic!("{other:?}"),
        }
    }

    /// Registers a broker and lets it serve.
    fn join(&mut self, broker: u16, incarnation: u32) {
        self.register(broker, incarnation).unwrap();
        assert_eq!(self.beat(broker, Want::Serve), Ok(BrokerState::Active));
    }

    fn create(
        &mut self,
        topic: u16,
        partitions: u16,
        replication: u16,
        unclean_election: UncleanElection,
    ) -> ErrorCode {
        let settings = TopicSettings { unclean_election, ..TopicSettings::default() };
        let settings = Arc::new(settings);
        let request = NewTopic { topic: TopicId(topic), partitions, replication, settings };
        match self.ask(Request::CreateTopics(request)) {
            Response::CreateTopics(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn elect(&mut self, to: Option<u16>) -> ErrorCode {
        let to = to.map(BrokerId);
        match self.ask(Request::ElectLeaders(ElectLeadersRequest { partition: orders(0), to })) {
            Response::ElectLeaders(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// A proposal of the present leader on the present epochs, changed by `change`.
    fn propose(
        &mut self,
        sender: u16,
        isr: &[u16],
        change: impl FnOnce(&mut AlterPartition),
    ) -> Result<AlteredPartition, ErrorCode> {
        let present = self.partition();
        let mut proposal = AlterPartition {
            partition: orders(0),
            leader_epoch: present.leader_epoch,
            partition_epoch: present.partition_epoch,
            isr: isr.iter().map(|broker| (BrokerId(*broker), BrokerEpoch(-1))).collect(),
        };
        change(&mut proposal);
        let epoch = self.epoch(sender);
        self.alter(AlterPartitionRequest {
            broker: BrokerId(sender),
            epoch,
            partitions: [proposal].into(),
        })
    }

    fn alter(&mut self, request: AlterPartitionRequest) -> Result<AlteredPartition, ErrorCode> {
        match self.ask(Request::AlterPartition(request)) {
            Response::AlterPartition(mut answer) => {
                answer.error.check()?;
                answer.results.remove(0).1
            }
            other => panic!("{other:?}"),
        }
    }

    fn partition(&self) -> PartitionRegistration {
        (*self.controller.newest.partitions[orders(0)]).clone()
    }

    fn shown(&self) -> String {
        show(&self.partition())
    }

    fn marked(&mut self, mark: Mark) -> bool {
        core::mem::take(&mut self.out.marks).contains(mark)
    }
}

fn orders(partition: u16) -> TopicPartition {
    TopicPartition::new(TopicId(0), partition)
}

fn brokers(ids: &[u16]) -> Brokers {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

fn ids(brokers: &Brokers) -> Vec<u16> {
    brokers.iter().map(|broker| broker.0).collect()
}

fn show(partition: &PartitionRegistration) -> String {
    let leader = partition.leader.map_or_else(|| String::from("nobody"), |b| format!("{}", b.0));
    let PartitionRegistration { leader_epoch, partition_epoch, recovery, .. } = partition;
    format!("{leader} of {:?}, {leader_epoch} {partition_epoch} {recovery:?}", ids(&partition.isr))
}
