//! A broker with everyone else scripted: stories in, what the broker said out.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{
    BrokerEpoch, BrokerId, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerEpoch, ProducerId,
    Sequence, SourceId, Span, Stream, Streams, Time, TopicId, TopicPartition, ValueRange, Wall,
};

use crate::assignor::Rack;
use crate::broker::Broker;
use crate::compression::Packing;
use crate::log::BrokerStore;
use crate::message::{
    AlterPartition, AlterPartitionResponse, AlteredPartition, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, BrokerState, Correlation, FetchMetadataResponse, FetchPartition,
    FetchRequest, FetchResponse, FetchSession, FetchedPartition, Isolation, ListOffsetsRequest,
    ListOffsetsResponse, ListedOffset, MetadataOffset, Msg, OffsetSpec, ProduceRequest, Request,
    Response, Want,
};
use crate::metadata::{BrokerStatus, MetadataRecord, PartitionRegistration, Recovery};
use crate::record::{Batch, ProducerStamp, Records, Within};
use crate::settings::{BrokerSettings, ReplicaSelector, TopicSettings};
use crate::{
    Boot, BrokerSetup, ConnId, Directory, Effect, Input, Machine, Mark, Note, Now, Outbox, Rule,
    Rules, SyncToken, Timer,
};

/// The partition of all stories.
pub(super) const ORDERS: TopicPartition = TopicPartition::new(TopicId(1), 0);
const ME: BrokerId = BrokerId(1);
const CONTROLLER: NodeId = NodeId(0);

/// Broker 1 of three, alone on the stage.
pub(super) struct Rig {
    pub(super) broker: Broker,
    pub(super) out: Outbox,
    now: Now,
    timers: BTreeMap<Timer, Time>,
    syncs: VecDeque<SyncToken>,
    peers: BTreeMap<ConnId, NodeId>,
    /// Connections to the broker: one per client and follower.
    clients: BTreeMap<String, (ConnId, u32, FetchSession)>,
    /// The last fetch or question that this broker sent as a follower.
    asked: Option<(ConnId, Correlation, Request)>,
    /// A metadata fetch that waits for records.
    observer: Option<(ConnId, Correlation)>,
    alter: Option<(ConnId, Correlation, Vec<AlterPartition>)>,
    offset: MetadataOffset,
    partition_epoch: i32,
    stopping: bool,
    pub(super) said: String,
}

impl Rig {
    pub(super) fn new(rules: Rules, topic: TopicSettings, store: BrokerStore) -> Self {
        Self::starting(rules, topic, store, (Span::ZERO, None))
    }

    /// As [`Self::new`], where recovery takes so long, and a start at most that.
    pub(super) fn starting(
        rules: Rules,
        topic: TopicSettings,
        store: BrokerStore,
        (recovery, max_startup): (Span, Option<Span>),
    ) -> Self {
        let directory = Directory {
            brokers: (1..=3).map(|n| (BrokerId(n), NodeId(n))).collect(),
            controllers: vec![CONTROLLER],
        };
        let boot = Boot {
            node: NodeId(1),
            incarnation: 0,
            directory: Arc::new(directory),
            rules,
            rng: Streams::new(7).stream(Stream::Machine, 1),
        };
        let replica_selector = ReplicaSelector::RackAware;
        let settings =
            BrokerSettings { replica_selector, max_startup, ..BrokerSettings::default() };
        let (rack, settings) = (Some(Rack(1)), Arc::new(settings));
        let setup = BrokerSetup { broker: ME, rack, settings, recovery, transactions: None };
        let now = Now { mono: Time::ZERO + Span::secs(100), wall: Wall(100_000) };
        let mut out = Outbox::default();
        let broker = Broker::boot(now, boot, setup, store, &mut out);
        let mut rig = Self {
            broker,
            out,
            now,
            timers: BTreeMap::new(),
            syncs: VecDeque::new(),
            peers: BTreeMap::new(),
            clients: BTreeMap::new(),
            asked: None,
            observer: None,
            alter: None,
            offset: MetadataOffset(0),
            partition_epoch: 0,
            stopping: false,
            said: String::new(),
        };
        rig.absorb();
        let mut records = Vec::new();
        for n in 1..=3_u16 {
            let (broker, epoch) = (BrokerId(n), BrokerEpoch(i64::from(n) - 1));
            records.push(MetadataRecord::RegisterBroker {
                broker,
                epoch,
                incarnation: 0,
                rack: Some(Rack(u32::from(n))),
            });
            let state = BrokerStatus::Active;
            records.push(MetadataRecord::ChangeBroker { broker, epoch, state });
        }
        let settings = Arc::new(topic);
        records.push(MetadataRecord::Topic { topic: ORDERS.topic, settings });
        rig.publish(records);
        rig.wait(Span::millis(100));
        rig.said.clear();
        rig
    }

    /// Plays one step of a story.
    pub(super) fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let word = |prefix: &str| words.iter().find_map(|word| word.strip_prefix(prefix));
        let number = |prefix: &str| word(prefix).map(|text| text.parse::<i32>().unwrap());
        self.said.push_str(&format!("> {}\n", step.trim()));
        match words[0] {
            "leader" => {
                let leader = number("n").map(|n| BrokerId(u16::try_from(n).unwrap()));
                let epoch = LeaderEpoch(number("e").unwrap());
                let isr = word("isr=").unwrap().split(',').map(|n| BrokerId(n.parse().unwrap()));
                if words.contains(&"again") {
                    self.partition_epoch -= 1;
                }
                self.elect(leader, epoch, isr.collect());
            }
            "fence" => {
                let broker = BrokerId(u16::try_from(number("n").unwrap()).unwrap());
                let epoch = BrokerEpoch(i64::from(broker.0) - 1);
                let state = BrokerStatus::Fenced;
                self.publish(vec![MetadataRecord::ChangeBroker { broker, epoch, state }]);
            }
            "produce" => self.produce(&words, number("v").unwrap(), number("s")),
            "fetch" => {
                let broker = BrokerId(u16::try_from(number("n").unwrap()).unwrap());
                let epoch = BrokerEpoch(number("b").map_or(i64::from(broker.0) - 1, i64::from));
                let fetch = fetch_of(number("@").unwrap(), number("e"), number("last="));
                self.fetch(&format!("n{}", broker.0), Some((broker, epoch)), None, fetch);
            }
            "consume" => {
                let fetch = fetch_of(number("@").unwrap(), number("e"), None);
                let rack = number("rack=").map(|n| Rack(u32::try_from(n).unwrap()));
                self.fetch("consumer", None, rack, fetch);
            }
            "latest" => {
                let partitions = vec![(ORDERS, None, OffsetSpec::Latest)];
                let request = ListOffsetsRequest {
                    replica: None,
                    isolation: Isolation::Uncommitted,
                    partitions,
                };
                self.request("client", Request::ListOffsets(request));
            }
            "answer" => self.answer(&words, number("hw=").unwrap_or(0)),
            "answered" => {
                let error = stormglass_types::ErrorCode::None;
                self.reply(Response::Fetch(FetchResponse { error, partitions: Vec::new() }));
            }
            "listed" => {
                let (partition, offset) = (ORDERS, Offset(i64::from(number("@").unwrap())));
                let error = stormglass_types::ErrorCode::None;
                let results = vec![ListedOffset { partition, error, offset, epoch: None }];
                self.reply(Response::ListOffsets(ListOffsetsResponse { results }));
            }
            "altered" => self.altered(if words.contains(&"as-before") { 0 } else { 1 }),
            "synced" => {
                let token = self.syncs.pop_front().unwrap();
                self.handle(Input::Synced(token));
            }
            "close" => {
                let (conn, ..) = self.clients.remove(words[1]).unwrap();
                self.handle(Input::Closed(conn));
            }
            "shutdown" => {
                self.stopping = true;
                self.handle(Input::Shutdown);
            }
            "wait" => self.wait(Span::millis(words[1].parse().unwrap())),
            other => panic!("no such step: {other}"),
        }
    }

    fn elect(&mut self, leader: Option<BrokerId>, epoch: LeaderEpoch, isr: Vec<BrokerId>) {
        self.partition_epoch += 1;
        let registration = PartitionRegistration {
            replicas: (1..=3).map(BrokerId).collect(),
            isr: isr.into_iter().collect(),
            adding: crate::metadata::Brokers::new(),
            removing: crate::metadata::Brokers::new(),
            elr: crate::metadata::Brokers::new(),
            last_known_elr: crate::metadata::Brokers::new(),
            leader,
            leader_epoch: epoch,
            partition_epoch: PartitionEpoch(self.partition_epoch),
            recovery: Recovery::Recovered,
        };
        let registration = Arc::new(registration);
        self.publish(vec![MetadataRecord::Partition { partition: ORDERS, registration }]);
    }

    fn produce(&mut self, words: &[&str], count: i32, sequence: Option<i32>) {
        let acks = match words.iter().find_map(|word| word.strip_prefix("acks=")) {
            Some("0") => Acks::Zero,
            Some("1") => Acks::One,
            _ => Acks::All,
        };
        let id = ProducerId(9);
        let stamp = sequence.map(|first| ProducerStamp {
            id,
            epoch: ProducerEpoch(0),
            sequence: Sequence(first),
            within: Within::Nothing,
        });
        let batch = batch(Offset::UNKNOWN, u32::try_from(count).unwrap(), LeaderEpoch::NONE);
        let batches = vec![(ORDERS, Batch { stamp, ..batch })];
        let request = ProduceRequest { transaction: None, acks, timeout: Span::secs(30), batches };
        let from = words.iter().find_map(|word| word.strip_prefix("by=")).unwrap_or("producer");
        self.request(from, Request::Produce(request));
    }

    fn fetch(
        &mut self,
        from: &str,
        replica: Option<(BrokerId, BrokerEpoch)>,
        rack: Option<Rack>,
        fetch: FetchPartition,
    ) {
        self.connection(from);
        let session = core::mem::replace(
            &mut self.clients.get_mut(from).unwrap().2,
            FetchSession::Incremental,
        );
        let request = FetchRequest {
            replica,
            rack,
            isolation: Isolation::Uncommitted,
            max_wait: Span::millis(500),
            min_bytes: 1,
            max_bytes: 1 << 20,
            session,
            partitions: vec![fetch],
            forgotten: Vec::new(),
        };
        self.request(from, Request::Fetch(request));
    }

    fn connection(&mut self, from: &str) -> ConnId {
        if !self.clients.contains_key(from) {
            let conn = ConnId(1_000 + u32::try_from(self.clients.len()).unwrap());
            self.clients.insert(from.to_string(), (conn, 0, FetchSession::Full));
            self.handle(Input::Opened(conn, NodeId(50)));
        }
        self.clients[from].0
    }

    fn request(&mut self, from: &str, request: Request) {
        let conn = self.connection(from);
        let next = &mut self.clients.get_mut(from).unwrap().1;
        *next += 1;
        let correlation = Correlation(*next);
        self.handle(Input::Recv(conn, Msg::Request(correlation, request)));
    }

    /// Answers the fetch that this broker has sent as a follower: `answer v2 @0 e0 hw=1`, `answer diverging=e0@3`, `answer NAME`.
    fn answer(&mut self, words: &[&str], high_watermark: i32) {
        let find = |prefix: &str| words.iter().find_map(|word| word.strip_prefix(prefix));
        let mut fetched = FetchedPartition {
            partition: ORDERS,
            error: stormglass_types::ErrorCode::None,
            high_watermark: Offset(i64::from(high_watermark)),
            log_start: Offset::ZERO,
            aborted: Vec::new(),
            diverging: None,
            preferred: None,
            batches: Vec::new(),
        };
        if let Some(diverging) = find("diverging=e") {
            let (epoch, end) = diverging.split_once('@').unwrap();
            let (epoch, end) = (epoch.parse().unwrap(), end.parse().unwrap());
            fetched.diverging = Some((LeaderEpoch(epoch), Offset(end)));
        } else if let Some(count) = find("v") {
            let base = Offset(find("@").unwrap().parse().unwrap());
            let epoch = LeaderEpoch(find("e").unwrap().parse().unwrap());
            fetched.batches.push(batch(base, count.parse().unwrap(), epoch));
        } else if let Some(name) = words.get(1)
            && let Some(code) =
                stormglass_types::ErrorCode::ALL.iter().find(|code| code.name() == *name)
        {
            fetched.error = *code;
        }
        let error = stormglass_types::ErrorCode::None;
        let response = FetchResponse { error, partitions: vec![fetched] };
        self.reply(Response::Fetch(response));
    }

    fn reply(&mut self, response: Response) {
        let (conn, correlation, _) = self.asked.take().unwrap();
        self.handle(Input::Recv(conn, Msg::Response(correlation, response)));
    }

    /// The controller makes the change that was proposed, or finds that there is nothing to change.
    fn altered(&mut self, raise: i32) {
        let (conn, correlation, proposals) = self.alter.take().unwrap();
        let committed = proposals.into_iter().map(|proposal| {
            self.partition_epoch = proposal.partition_epoch.0 + raise;
            let altered = AlteredPartition {
                leader: Some(ME),
                leader_epoch: proposal.leader_epoch,
                isr: proposal.isr.iter().map(|(broker, _)| *broker).collect(),
                partition_epoch: PartitionEpoch(self.partition_epoch),
            };
            (proposal.partition, Ok(altered))
        });
        let results = committed.collect();
        let error = stormglass_types::ErrorCode::None;
        let response = Response::AlterPartition(AlterPartitionResponse { error, results });
        self.handle(Input::Recv(conn, Msg::Response(correlation, response)));
    }

    fn publish(&mut self, records: Vec<MetadataRecord>) {
        let (conn, correlation) = self.observer.take().unwrap();
        let from = self.offset;
        self.offset.0 += u32::try_from(records.len()).unwrap();
        let records = records.into();
        let response = FetchMetadataResponse { records, ..FetchMetadataResponse::nothing(from) };
        let response = Msg::Response(correlation, Response::FetchMetadata(response));
        self.handle(Input::Recv(conn, response));
    }

    fn wait(&mut self, span: Span) {
        let until = self.now.mono + span;
        while let Some((timer, at)) = self.next_timer().filter(|(_, at)| *at <= until) {
            self.timers.remove(&timer);
            self.advance_to(at);
            self.handle(Input::Timer(timer));
        }
        self.advance_to(until);
    }

    fn next_timer(&self) -> Option<(Timer, Time)> {
        self.timers.iter().map(|(timer, at)| (*timer, *at)).min_by_key(|(timer, at)| (*at, *timer))
    }

    fn advance_to(&mut self, at: Time) {
        self.now.wall = self.now.wall.plus(at.since(self.now.mono));
        self.now.mono = at;
    }

    fn handle(&mut self, input: Input) {
        self.broker.handle(self.now, input, &mut self.out);
        self.absorb();
    }

    /// Carries effects out; the controller's routine is answered at once and not told of.
    fn absorb(&mut self) {
        for note in core::mem::take(&mut self.out.notes) {
            if let Some(line) = describe_note(&note) {
                self.said.push_str(&format!("    {line}\n"));
            }
        }
        for mark in core::mem::take(&mut self.out.marks).iter() {
            self.said.push_str(&format!("    mark {}\n", mark.name()));
        }
        for effect in core::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Connect(conn, node) => {
                    self.peers.insert(conn, node);
                }
                Effect::SetTimer(timer, at) => {
                    self.timers.insert(timer, at);
                }
                Effect::CancelTimer(timer) => {
                    self.timers.remove(&timer);
                }
                Effect::Sync(token) => self.syncs.push_back(token),
                Effect::Close(conn) if self.peers.get(&conn) == Some(&CONTROLLER) => {}
                Effect::Close(conn) => {
                    let whom = self.name_of(conn);
                    self.said.push_str(&format!("    closes {whom}\n"));
                    self.clients.remove(&whom);
                }
                Effect::Exit(exit) => self.said.push_str(&format!("    exits {exit:?}\n")),
                Effect::Send(conn, Msg::Response(_, response)) => {
                    let whom = self.name_of(conn);
                    self.said.push_str(&format!("    to {whom}: {}\n", describe(&response)));
                }
                Effect::Send(conn, Msg::Request(correlation, request)) => {
                    self.on_request(conn, correlation, request);
                }
                Effect::Complete(..) | Effect::Report(_) => panic!("a broker has no application"),
            }
        }
    }

    fn on_request(&mut self, conn: ConnId, correlation: Correlation, request: Request) {
        let response = match &request {
            Request::BrokerRegistration(_) => {
                let epoch = Ok(BrokerEpoch(0));
                Response::BrokerRegistration(BrokerRegistrationResponse { epoch })
            }
            Request::BrokerHeartbeat(heartbeat) => {
                let state = match heartbeat.want {
                    Want::Shutdown => BrokerState::MayStop,
                    Want::Serve | Want::Fence => BrokerState::Active,
                };
                Response::BrokerHeartbeat(BrokerHeartbeatResponse { state: Ok(state) })
            }
            Request::FetchMetadata(_) => {
                self.observer = Some((conn, correlation));
                return;
            }
            Request::AlterPartition(alter) => {
                let isr: Vec<_> = alter.partitions.iter().map(|change| &change.isr).collect();
                self.said.push_str(&format!("    proposes {isr:?}\n"));
                self.alter = Some((conn, correlation, alter.partitions.clone()));
                return;
            }
            Request::Fetch(_) | Request::ListOffsets(_) => {
                let node = self.peers[&conn];
                self.said.push_str(&format!("    asks n{}: {}\n", node.0, describe_ask(&request)));
                self.asked = Some((conn, correlation, request));
                return;
            }
            other => panic!("unexpected request {other:?}"),
        };
        if !self.stopping || matches!(response, Response::BrokerHeartbeat(_)) {
            self.handle(Input::Recv(conn, Msg::Response(correlation, response)));
        }
    }

    fn name_of(&self, conn: ConnId) -> String {
        let client = self.clients.iter().find(|(_, (of, ..))| *of == conn);
        client.map_or_else(|| format!("n{}", self.peers[&conn].0), |(name, _)| name.clone())
    }
}

/// Plays a story of steps separated by semicolons, all rules on; returns what the broker said.
pub(super) fn check(story: &str) -> String {
    check_without(&[], story)
}

/// As [`check`], without some rules, with `min.insync.replicas=2`.
pub(super) fn check_without(off: &[Rule], story: &str) -> String {
    let topic = TopicSettings { min_insync_replicas: 2, ..TopicSettings::default() };
    let rules = off.iter().fold(Rules::ALL, |rules, rule| rules.without(*rule));
    let mut rig = Rig::new(rules, topic, BrokerStore::default());
    for step in story.split(';') {
        rig.step(step);
    }
    rig.said
}

fn batch(base: Offset, count: u32, epoch: LeaderEpoch) -> Batch {
    let values = ValueRange { source: SourceId(0), first: 0, count };
    let records = Records::Values(values);
    let packing = Packing::PLAIN;
    Batch { base, count, epoch, bytes: 100, packing, timestamp: Wall(1), stamp: None, records }
}

fn fetch_of(offset: i32, epoch: Option<i32>, last: Option<i32>) -> FetchPartition {
    FetchPartition {
        topic: None,
        partition: ORDERS,
        offset: Offset(i64::from(offset)),
        current_epoch: epoch.map(LeaderEpoch),
        last_fetched_epoch: last.map(LeaderEpoch),
        log_start: Offset::ZERO,
        max_bytes: 1 << 20,
    }
}

fn describe(response: &Response) -> String {
    match response {
        Response::Produce(produce) => {
            let result = produce.results[0];
            format!("produced {} @{}", result.error, result.base)
        }
        Response::Fetch(fetch) => {
            if fetch.partitions.is_empty() {
                return format!("fetched {} nothing", fetch.error);
            }
            let fetched = &fetch.partitions[0];
            let batches: Vec<_> = fetched
                .batches
                .iter()
                .map(|batch| format!("{}..{}", batch.base, batch.end()))
                .collect();
            let diverging = fetched
                .diverging
                .map_or(String::new(), |(epoch, end)| format!(" diverging {epoch}@{end}"));
            let preferred =
                fetched.preferred.map_or(String::new(), |broker| format!(" ask {broker}"));
            let (error, hw) = (fetched.error, fetched.high_watermark);
            format!("fetched {error} [{}] hw {hw}{diverging}{preferred}", batches.join(" "))
        }
        Response::ListOffsets(list) => {
            format!("listed {} @{}", list.results[0].error, list.results[0].offset)
        }
        other => format!("{other:?}"),
    }
}

fn describe_ask(request: &Request) -> String {
    match request {
        Request::Fetch(fetch) => {
            let parts: Vec<_> = fetch
                .partitions
                .iter()
                .map(|part| {
                    format!(
                        "@{} {:?} last {:?}",
                        part.offset, part.current_epoch, part.last_fetched_epoch
                    )
                })
                .collect();
            format!("fetch {:?} {}", fetch.session, parts.join(", "))
        }
        Request::ListOffsets(list) => format!("offsets {:?}", list.partitions[0].2),
        other => format!("{other:?}"),
    }
}

fn describe_note(note: &Note) -> Option<String> {
    match note {
        Note::BecameLeader { epoch, start, .. } => Some(format!("leads {epoch} from {start}")),
        Note::HighWatermark { to, role, .. } => Some(format!("high watermark {to} as {role:?}")),
        Note::Truncated { from, to, .. } => Some(format!("cut {from} -> {to}")),
        _ => None,
    }
}

impl Rig {
    /// Whether a mark was made in the last steps told.
    pub(super) fn said_mark(&self, mark: Mark) -> bool {
        self.said.contains(&format!("mark {}", mark.name()))
    }
}
