//! Stories of one coordinator over one partition of `__consumer_offsets`, told in steps and read as what it did.
//!
//! Steps, separated by `;`: `join a`, `sync a a=0,1 b=2` (with assignments from a leader), `beat a`, `leave a`, `commit a 0@5`,
//! `commit - 0@5` (without membership), `fetch a 0`, `wait 3s`, `stall` and `flow` (the high watermark stands still, goes on),
//! `restart a` (the client forgets its id), `delete a` (an operator, over that connection, removes the group),
//! `refuse CODE` (the next append fails), `failover` (a new coordinator on the log up to its end), `lose` (a new coordinator
//! on the log up to the high watermark), `resign`, `elect` (this one again), `close a`, `old` (the next request carries the generation before), and for
//! members of the consumer protocol `enter a` (with `topics=1,2`, `instance=x`, `assignor=range`), `hb a` (with `owned=0,1`, or
//! `full` if it says everything), `quit a`, `away a`, and `expand 6` (the topic's number of partitions), `policy disabled`
//! (the next coordinator has that migration policy).

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;

use smallvec::smallvec;
use stormglass_types::{
    BrokerId, ErrorCode, Generation, GroupId, LeaderEpoch, MemberId, Offset, PartitionEpoch, Span,
    Stream, Streams, Time, TopicId, TopicPartition, Wall,
};

use super::{GroupCoordinator, OFFSETS_TOPIC, Write};
use crate::compression::Packing;
use crate::log::{Origin, PartitionLog};
use crate::message::{
    ConsumerGroupHeartbeatRequest, Correlation, DeleteGroupRequest, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, Msg, OffsetCommitRequest, OffsetFetchRequest,
    OffsetToCommit, Request, Response, Subscription, SyncGroupRequest,
};
use crate::metadata::{MetadataImage, MetadataRecord, PartitionRegistration, Recovery, TopicUuid};
use crate::record::{Batch, GroupRecord, ModernChange, Records};
use crate::settings::{
    Assignor, BrokerSettings, ConsumerGroupSettings, ControlledShutdown, MigrationPolicy,
    RemoteAssignor, TimestampType, TopicSettings, UncleanElection,
};
use crate::{ConnId, Effect, Note, Now, Outbox, Rule, Rules, Timer};

const PARTITION: TopicPartition = TopicPartition::new(OFFSETS_TOPIC, 0);
const GROUP: GroupId = GroupId(7);

fn settings() -> BrokerSettings {
    BrokerSettings {
        transactions: BrokerSettings::default().transactions,
        throttles: crate::settings::Throttles::NONE,
        replica_lag_time_max: Span::secs(30),
        replica_fetch_wait_max: Span::millis(500),
        replica_fetch_min_bytes: 1,
        replica_fetch_max_bytes: 1 << 20,
        replica_fetch_response_max_bytes: 10 << 20,
        replica_fetch_backoff: Span::secs(1),
        replica_socket_timeout: Span::secs(30),
        replica_selector: crate::settings::ReplicaSelector::Leader,
        high_watermark_checkpoint_interval: Span::secs(5),
        heartbeat_interval: Span::secs(2),
        session_timeout: Span::secs(9),
        max_startup: None,
        controlled_shutdown: ControlledShutdown::On,
        leader_imbalance_check_interval: Span::secs(300),
        leader_imbalance_percentage: 10,
        start_checkpoint_interval: Span::secs(60),
        log_initial_task_delay: Span::secs(30),
        cleaner_backoff: None,
        retention_check_interval: Span::secs(300),
        producer_id_expiration_check: Span::secs(600),
        producer_id_expiration: Span::secs(86_400),
        offsets_topic_partitions: 1,
        offsets_topic_replication: 3,
        offsets_commit_timeout: Span::secs(5),
        offsets_retention: Span::secs(3600),
        offsets_retention_check: Span::secs(600),
        group_initial_rebalance_delay: Span::secs(3),
        group_min_session_timeout: Span::secs(6),
        group_max_session_timeout: Span::secs(1800),
        group_max_size: 3,
        consumer_group: ConsumerGroupSettings {
            session_timeout: Span::secs(45),
            heartbeat_interval: Span::secs(5),
            max_size: 4,
            migration: MigrationPolicy::Bidirectional,
            assignors: Vec::from(RemoteAssignor::ALL),
        },
        quorum: BrokerSettings::default().quorum,
        topic: TopicSettings {
            min_insync_replicas: 2,
            unclean_election: UncleanElection::Forbidden,
            max_message_bytes: 1 << 20,
            timestamp_type: TimestampType::CreateTime,
            flush_messages: None,
            ..TopicSettings::default()
        },
    }
}

#[derive(Clone, Debug, Default)]
struct Client {
    id: MemberId,
    generation: Option<Generation>,
    topics: Vec<TopicId>,
    session: Span,
    instance: Option<Arc<str>>,
    owned: Vec<u16>,
}

struct Story {
    image: MetadataImage,
    coordinator: GroupCoordinator,
    rules: Rules,
    policy: MigrationPolicy,
    broker: u16,
    epoch: i32,
    log: PartitionLog,
    high_watermark: Offset,
    stalled: bool,
    refuse: Option<ErrorCode>,
    now: Now,
    timer: Option<Time>,
    clients: BTreeMap<String, Client>,
    old: bool,
    /// Which topic 1 clients mean, if they say so.
    meant: Option<TopicUuid>,
    text: String,
}

pub(super) fn tell(script: &str) -> String {
    tell_with(Rules::ALL, script)
}

pub(super) fn tell_with(rules: Rules, script: &str) -> String {
    let mut story = Story::new(rules);
    story.play(script);
    story.text
}

impl Story {
    fn new(rules: Rules) -> Self {
        let mut story = Self {
            image: image(4),
            coordinator: coordinator(rules, 1),
            rules,
            policy: MigrationPolicy::Bidirectional,
            broker: 1,
            epoch: 0,
            log: PartitionLog::new(),
            high_watermark: Offset::ZERO,
            stalled: false,
            refuse: None,
            now: Now { mono: Time::ZERO, wall: Wall(0) },
            timer: None,
            clients: BTreeMap::new(),
            old: false,
            meant: None,
            text: String::new(),
        };
        story.elect();
        story.wait(Span::millis(5));
        story.now.mono = Time::ZERO;
        story
    }

    fn elect(&mut self) {
        let mut out = Outbox::default();
        let epoch = LeaderEpoch(self.epoch);
        self.coordinator.on_elected(
            self.now,
            PARTITION,
            epoch,
            &self.log,
            self.high_watermark,
            &mut out,
        );
        self.carry_out(out, Vec::new());
    }

    fn play(&mut self, script: &str) {
        for step in script.split(';').map(str::trim).filter(|step| !step.is_empty()) {
            writeln!(self.text, "{} {step}", self.clock()).unwrap();
            self.step(step);
        }
    }

    fn step(&mut self, step: &str) {
        let mut words = step.split_whitespace();
        let (verb, rest) = (words.next().unwrap(), words.collect::<Vec<_>>());
        match verb {
            "wait" => {
                let span = rest[0].strip_suffix("ms").map(|n| Span::millis(n.parse().unwrap()));
                self.wait(span.unwrap_or_else(|| {
                    Span::secs(rest[0].strip_suffix('s').unwrap().parse().unwrap())
                }));
            }
            "stall" => self.stalled = true,
            "flow" => {
                self.stalled = false;
                self.advance();
            }
            "refuse" => {
                let named = ErrorCode::ALL.iter().find(|code| code.name() == rest[0]);
                self.refuse = Some(*named.unwrap());
            }
            "old" => self.old = true,
            "mean" => self.meant = self.image.uuid(TopicId(1)),
            "remove" => self.image.apply(&MetadataRecord::RemoveTopic { topic: TopicId(1) }),
            "renew" => add_topic(&mut self.image, TopicId(1), 4),
            "expand" => self.image = image(rest[0].parse().unwrap()),
            "restart" => {
                let client = self.clients.get_mut(rest[0]).unwrap();
                client.id = MemberId::NONE;
                client.generation = None;
            }
            "resign" => self.resign(),
            "policy" => {
                self.policy = match rest[0] {
                    "disabled" => MigrationPolicy::Disabled,
                    "upgrade" => MigrationPolicy::Upgrade,
                    other => panic!("{other}"),
                };
                self.fail_over();
                self.wait(Span::millis(5));
            }
            "elect" => {
                self.epoch += 2;
                self.elect();
            }
            "failover" => self.fail_over(),
            "lose" => {
                self.log.truncate_to(self.high_watermark, self.rules);
                self.fail_over();
            }
            "close" => {
                let conn = self.conn(rest[0]);
                self.coordinator.on_closed(conn);
            }
            _ => self.request(verb, &rest),
        }
    }

    fn resign(&mut self) {
        let mut out = Outbox::default();
        self.coordinator.on_resigned(self.now, PARTITION, &mut out);
        self.carry_out(out, Vec::new());
    }

    fn fail_over(&mut self) {
        self.resign();
        self.broker += 1;
        self.epoch += 1;
        self.timer = None;
        self.coordinator = coordinator_with(self.policy, self.rules, self.broker);
        self.elect();
    }

    fn request(&mut self, verb: &str, rest: &[&str]) {
        let name = rest[0].to_owned();
        let conn = self.conn(&name);
        let client = self.clients.entry(name).or_insert_with(|| Client {
            topics: Vec::from([TopicId(1)]),
            session: Span::secs(10),
            ..Client::default()
        });
        let id = client.id;
        let mut client_instance = client.instance.clone();
        let generation = client.generation.unwrap_or(Generation::NONE);
        let generation = Generation(generation.0 - i32::from(core::mem::take(&mut self.old)));
        let request = match verb {
            "join" => {
                for word in &rest[1..] {
                    match word.split_once('=').unwrap() {
                        ("topics", list) => {
                            client.topics = numbers(list).map(TopicId).collect();
                        }
                        ("instance", name) => {
                            client.instance = Some(Arc::from(name));
                            client_instance.clone_from(&client.instance);
                        }
                        ("session", secs) => client.session = Span::secs(secs.parse().unwrap()),
                        other => panic!("{other:?}"),
                    }
                }
                Request::JoinGroup(JoinGroupRequest {
                    group: GROUP,
                    member: id,
                    session_timeout: client.session,
                    rebalance_timeout: Span::secs(20),
                    protocols: Vec::from([Assignor::Range]),
                    subscription: Arc::new(Subscription {
                        topics: client.topics.clone(),
                        ..Subscription::default()
                    }),
                    instance: client.instance.clone(),
                })
            }
            "sync" => {
                let assignments = rest[1..].iter().map(|word| {
                    let (to, partitions) = word.split_once('=').unwrap();
                    (self.clients[to].id, numbers(partitions).map(partition).collect())
                });
                let assignments = assignments.collect();
                Request::SyncGroup(SyncGroupRequest {
                    group: GROUP,
                    generation,
                    member: id,
                    assignments,
                    instance: client_instance.clone(),
                })
            }
            "beat" => Request::Heartbeat(HeartbeatRequest {
                group: GROUP,
                generation,
                member: id,
                instance: client_instance.clone(),
            }),
            "leave" => Request::LeaveGroup(LeaveGroupRequest { group: GROUP, member: id }),
            "commit" => {
                let offsets = rest[1..].iter().map(|word| {
                    let (of, offset) = word.split_once('@').unwrap();
                    let of = partition(of.parse().unwrap());
                    let offset = Offset(offset.parse().unwrap());
                    OffsetToCommit {
                        partition: of,
                        topic: self.meant,
                        offset,
                        epoch: LeaderEpoch(0),
                    }
                });
                let offsets = offsets.collect();
                Request::OffsetCommit(OffsetCommitRequest {
                    group: GROUP,
                    generation,
                    member: id,
                    instance: client_instance.clone(),
                    offsets,
                })
            }
            "enter" | "hb" | "quit" | "away" => {
                let mut request = ConsumerGroupHeartbeatRequest {
                    group: GROUP,
                    member: id,
                    epoch: match verb {
                        "enter" => ConsumerGroupHeartbeatRequest::JOIN,
                        "quit" => ConsumerGroupHeartbeatRequest::LEAVE,
                        "away" => ConsumerGroupHeartbeatRequest::LEAVE_FOR_NOW,
                        _ => generation,
                    },
                    instance: None,
                    rack: None,
                    rebalance_timeout: None,
                    topics: None,
                    assignor: None,
                    owned: None,
                };
                if verb == "enter" {
                    client.owned.clear();
                }
                let mut full = verb == "enter";
                for word in &rest[1..] {
                    match word.split_once('=').unwrap_or((word, "")) {
                        ("full", _) => full = true,
                        ("owned", list) => client.owned = numbers(list).collect(),
                        ("topics", list) => {
                            client.topics = numbers(list).map(TopicId).collect();
                            request.topics = Some(client.topics.clone().into());
                        }
                        ("instance", name) => client.instance = Some(Arc::from(name)),
                        ("assignor", name) => {
                            let all = RemoteAssignor::ALL.into_iter();
                            request.assignor = all.into_iter().find(|one| one.name() == name);
                        }
                        other => panic!("{other:?}"),
                    }
                }
                request.instance.clone_from(&client.instance);
                if full {
                    request.rebalance_timeout = Some(Span::secs(30));
                    request.topics = Some(client.topics.clone().into());
                }
                if full || rest[1..].iter().any(|word| word.starts_with("owned")) {
                    request.owned = Some(client.owned.iter().map(|one| partition(*one)).collect());
                }
                Request::ConsumerGroupHeartbeat(request)
            }
            "delete" => Request::DeleteGroups(DeleteGroupRequest { group: GROUP }),
            "fetch" => {
                let partitions = numbers(rest[1]).map(|of| (partition(of), self.meant)).collect();
                Request::OffsetFetch(OffsetFetchRequest { group: GROUP, member: None, partitions })
            }
            other => panic!("no such step: {other}"),
        };
        let (mut out, mut writes) = (Outbox::default(), Vec::new());
        self.coordinator.on_request(
            self.now,
            conn,
            Correlation(0),
            request,
            &self.image,
            &mut out,
            &mut writes,
        );
        self.carry_out(out, writes);
    }

    /// Every client has one connection, numbered by its letter.
    fn conn(&self, name: &str) -> ConnId {
        ConnId(u32::from(name.as_bytes()[0]))
    }

    fn wait(&mut self, span: Span) {
        let end = self.now.mono + span;
        while let Some(at) = self.timer.filter(|at| *at <= end) {
            self.turn_to(at.max(self.now.mono));
            self.timer = None;
            let (mut out, mut writes) = (Outbox::default(), Vec::new());
            self.coordinator.on_timer(self.now, &mut out, &mut writes);
            if out.effects.iter().any(|effect| !matches!(effect, Effect::SetTimer(..)))
                || !writes.is_empty()
            {
                writeln!(self.text, "  at {}", self.clock()).unwrap();
            }
            self.carry_out(out, writes);
        }
        self.turn_to(end);
    }

    fn turn_to(&mut self, at: Time) {
        let millis = at.since(Time::ZERO).as_millis();
        self.now = Now { mono: at, wall: Wall(0).plus(Span::millis(millis)) };
    }

    fn clock(&self) -> Span {
        self.now.mono.since(Time::ZERO)
    }

    fn advance(&mut self) {
        if self.stalled || self.high_watermark == self.log.end() {
            return;
        }
        self.high_watermark = self.log.end();
        let (mut out, mut writes) = (Outbox::default(), Vec::new());
        self.coordinator.on_high_watermark(
            self.now,
            PARTITION,
            self.high_watermark,
            &mut out,
            &mut writes,
        );
        self.carry_out(out, writes);
    }

    fn carry_out(&mut self, out: Outbox, writes: Vec<Write>) {
        for effect in out.effects {
            match effect {
                Effect::Send(conn, Msg::Response(_, response)) => self.answered(conn, response),
                Effect::SetTimer(Timer::GroupCoordinator, at) => self.timer = Some(at),
                other => panic!("{other:?}"),
            }
        }
        for note in out.notes {
            let line = match note {
                Note::Rebalanced { generation, members, .. } => {
                    format!("rebalanced to {generation} with {members} members")
                }
                Note::Granted { generation, member, partition, .. } => {
                    format!(
                        "granted {} to {} in {generation}",
                        partition.partition,
                        self.name(member)
                    )
                }
                Note::OffsetCommitted { partition, offset, .. } => {
                    format!("committed {}@{offset}", partition.partition)
                }
                Note::Released { member, .. } => format!("{} is booked", self.name(member)),
                Note::Held { member, epoch, partition, .. } => {
                    format!("{} has {} in {epoch}", self.name(member), partition.partition)
                }
                Note::GroupRemoved { .. } => "removed the group".to_owned(),
                other => panic!("{other:?}"),
            };
            writeln!(self.text, "  * {line}").unwrap();
        }
        if !out.marks.is_empty() {
            writeln!(self.text, "  # {:?}", out.marks).unwrap();
        }
        for write in writes {
            self.append(write);
        }
        self.advance();
    }

    fn append(&mut self, write: Write) {
        let mut out = Outbox::default();
        let refused = self.refuse.take();
        for record in write.records.iter() {
            let text = self.record(record);
            let fate = refused.map_or_else(String::new, |error| format!(": {}", error.name()));
            writeln!(self.text, "  > {text}{fate}").unwrap();
        }
        let batch = Batch {
            base: Offset::UNKNOWN,
            count: u32::try_from(write.records.len()).unwrap(),
            epoch: LeaderEpoch::NONE,
            bytes: 100,
            packing: Packing::PLAIN,
            timestamp: self.now.wall,
            stamp: None,
            records: Records::Group(write.records),
        };
        let result = refused.map_or(Ok(()), Err).map(|()| {
            let epoch = LeaderEpoch(self.epoch);
            let log = &mut self.log;
            log.append_as_leader(batch, epoch, Origin::Coordinator, self.rules, &mut out).unwrap();
            log.end()
        });
        let mut writes = Vec::new();
        self.coordinator.on_append(self.now, write.ticket, result, &mut out, &mut writes);
        self.carry_out(out, writes);
    }

    fn record(&self, record: &GroupRecord) -> String {
        match record {
            GroupRecord::Offset { partition, offset, .. } => {
                format!("offset {}@{offset}", partition.partition)
            }
            GroupRecord::Group(value) => {
                let mut text = format!("group {}", value.generation);
                for member in &value.members {
                    let given = numbers_of(&member.assignment);
                    write!(text, " {}={given}", self.name(member.member)).unwrap();
                }
                text
            }
            GroupRecord::Modern { change, .. } => self.change(change),
            other => format!("{other:?}"),
        }
    }

    fn change(&self, change: &ModernChange) -> String {
        match change {
            ModernChange::Epoch(epoch) => format!("epoch {epoch}"),
            ModernChange::Topics(topics) => {
                let topics = topics.iter().map(|(topic, count)| format!("{}x{count}", topic.0));
                format!("topics {}", topics.collect::<Vec<_>>().join(" "))
            }
            ModernChange::Member(said) => format!("member {}", self.name(said.member)),
            ModernChange::MemberGone(id) => format!("no member {}", self.name(*id)),
            ModernChange::TargetEpoch(epoch) => format!("targets {epoch}"),
            ModernChange::Target(id, target) => {
                format!("target {}={}", self.name(*id), numbers_of(target))
            }
            ModernChange::TargetGone(id) => format!("no target {}", self.name(*id)),
            ModernChange::Current(current) => format!(
                "current {} {:?} {} after {}: {} but {}",
                self.name(current.member),
                current.state,
                current.epoch,
                current.previous,
                numbers_of(&current.assigned),
                numbers_of(&current.revoking),
            ),
            ModernChange::CurrentGone(id) => format!("no current {}", self.name(*id)),
        }
    }

    fn answered(&mut self, conn: ConnId, response: Response) {
        let name = char::from(u8::try_from(conn.0).unwrap()).to_string();
        let line = match response {
            Response::JoinGroup(join) => {
                let client = self.clients.get_mut(&name).unwrap();
                match join.error {
                    ErrorCode::None => {
                        (client.id, client.generation) = (join.member, Some(join.generation));
                    }
                    ErrorCode::MemberIdRequired => client.id = join.member,
                    ErrorCode::UnknownMemberId => {
                        (client.id, client.generation) = (MemberId::NONE, None);
                    }
                    _ => {}
                }
                let mut line = format!("join {}", join.error.name());
                if join.error == ErrorCode::None {
                    write!(line, " {} leader {}", join.generation, self.name(join.leader)).unwrap();
                    let members = join.members.iter().map(|one| self.name(one.member));
                    write!(line, " members {:?}", members.collect::<Vec<_>>()).unwrap();
                }
                line
            }
            Response::SyncGroup(sync) => {
                format!("sync {} [{}]", sync.error.name(), numbers_of(&sync.assignment))
            }
            Response::Heartbeat(code) => format!("beat {}", code.name()),
            Response::LeaveGroup(code) => format!("leave {}", code.name()),
            Response::DeleteGroups(code) => format!("delete {}", code.name()),
            Response::OffsetCommit(commit) => {
                format!("commit {}", commit.results[0].1.name())
            }
            Response::OffsetFetch(fetch) => {
                let mut line = format!("fetch {}", fetch.error.name());
                for (partition, offset) in fetch.offsets {
                    let offset = offset.map(|(offset, _)| offset);
                    write!(line, " {}@{offset:?}", partition.partition).unwrap();
                }
                line
            }
            Response::ConsumerGroupHeartbeat(answer) if answer.error == ErrorCode::None => {
                let client = self.clients.get_mut(&name).unwrap();
                client.id = answer.member;
                client.generation = Some(answer.epoch);
                let given = answer.assignment.map(|given| numbers_of(&given));
                let given = given.map_or_else(String::new, |given| format!(" gets [{given}]"));
                format!("hb {}{given}", answer.epoch)
            }
            Response::ConsumerGroupHeartbeat(answer) => format!("hb {}", answer.error.name()),
            other => panic!("{other:?}"),
        };
        writeln!(self.text, "  {name}: {line}").unwrap();
    }

    fn name(&self, id: MemberId) -> String {
        let known = self.clients.iter().find(|(_, client)| client.id == id);
        known.map_or_else(|| "nobody".to_owned(), |(name, _)| name.clone())
    }
}

/// Metadata with the offsets topic and topic 1.
fn image(partitions: u16) -> MetadataImage {
    let mut image = MetadataImage::default();
    add_topic(&mut image, OFFSETS_TOPIC, 1);
    add_topic(&mut image, TopicId(1), partitions);
    image
}

fn add_topic(image: &mut MetadataImage, topic: TopicId, partitions: u16) {
    let settings = Arc::new(settings().topic);
    image.apply(&MetadataRecord::Topic { topic, settings });
    for number in 0..partitions {
        let registration = Arc::new(PartitionRegistration {
            replicas: smallvec![BrokerId(1)],
            isr: smallvec![BrokerId(1)],
            adding: smallvec![],
            removing: smallvec![],
            elr: smallvec![],
            last_known_elr: smallvec![],
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovery: Recovery::Recovered,
        });
        let partition = TopicPartition::new(topic, number);
        image.apply(&MetadataRecord::Partition { partition, registration });
    }
}

fn coordinator(rules: Rules, broker: u16) -> GroupCoordinator {
    coordinator_with(MigrationPolicy::Bidirectional, rules, broker)
}

fn coordinator_with(policy: MigrationPolicy, rules: Rules, broker: u16) -> GroupCoordinator {
    let rng = Streams::new(1).stream(Stream::Machine, u32::from(broker));
    let mut settings = settings();
    settings.consumer_group.migration = policy;
    GroupCoordinator::new(Arc::new(settings), rules, BrokerId(broker), rng)
}

fn numbers(list: &str) -> impl Iterator<Item = u16> {
    list.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap())
}

fn partition(number: u16) -> TopicPartition {
    TopicPartition::new(TopicId(1), number)
}

fn numbers_of(partitions: &[TopicPartition]) -> String {
    let numbers: Vec<String> = partitions.iter().map(|of| of.partition.to_string()).collect();
    numbers.join(",")
}

/// Two members in a stable first generation, the high watermark at the log end.
const TWO: &str = "join a; join a; join b; join b; wait 6s; sync b; sync a a=0 b=1;";

#[test]
fn two_members_join_and_share() {
    insta::assert_snapshot!(tell(
        "join a; join a; join b; join b; wait 6s; sync b; sync a a=0 b=1; beat a; beat b; commit a 0@5; fetch a 0,1"
    ));
}

#[test]
fn an_initial_rebalance_waits_longer_while_members_come() {
    insta::assert_snapshot!(tell(
        "join a; join a; wait 2s; join b; join b; wait 2s; join c; join c; wait 20s"
    ));
}

#[test]
fn a_member_that_never_joined_is_unknown() {
    insta::assert_snapshot!(tell("beat a; sync a; leave a; commit a 0@1; join a; beat a"));
}

#[test]
fn a_promised_id_that_is_not_used_holds_up_a_rebalance_until_its_session_ends() {
    insta::assert_snapshot!(tell(&format!("{TWO} join c; join a topics=1,2; join b; wait 11s")));
}

#[test]
fn a_new_member_makes_the_others_join_again() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} join c; join c; beat a; commit a 0@9; beat b; join a; join b; sync c; sync a a=0 b=1 c=2; sync b"
    )));
}

#[test]
fn who_does_not_join_again_in_time_is_out() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} join a; wait 8s; beat b; wait 8s; beat b; wait 5s; beat b; commit b 1@3"
    )));
}

#[test]
fn a_silent_member_of_a_stable_group_is_evicted() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} wait 6s; beat a; wait 6s; beat a; join a; sync a a=0,1; commit b 1@1"
    )));
}

#[test]
fn a_silent_member_that_is_waited_for_is_evicted() {
    insta::assert_snapshot!(tell(&format!("{TWO} wait 2s; join a; wait 9s; sync a a=0,1")));
}

#[test]
fn a_member_whose_join_waits_does_not_expire() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} join a; wait 9s; beat b; wait 7s; join b; sync a a=1 b=0; sync b"
    )));
}

#[test]
fn a_leader_that_does_not_assign_in_time_is_out() {
    insta::assert_snapshot!(tell(
        "join a; join a; join b; join b; wait 6s; sync b; wait 9s; beat a; wait 8s; beat a; wait 4s; beat a; join b; sync b b=0,1"
    ));
}

#[test]
fn commits_of_an_old_generation_are_fenced() {
    let story = format!(
        "{TWO} commit a 0@5; join a; join b; commit a 0@6; sync a a=1 b=0; sync b; old; commit a 0@7; old; beat b; fetch a 0"
    );
    insta::assert_snapshot!(tell(&story));
    let lax = tell_with(Rules::ALL.without(Rule::CommitFencing), &story);
    assert!(lax.contains("> offset 0@6") && lax.contains("> offset 0@7"), "{lax}");
}

#[test]
fn a_lost_join_answer_is_given_again() {
    insta::assert_snapshot!(tell(
        "join a; join a; join b; join b; wait 6s; join b; join a; sync a a=0 b=1; join b; sync b"
    ));
}

#[test]
fn a_changed_subscription_starts_a_rebalance() {
    insta::assert_snapshot!(tell(&format!("{TWO} join b; join b topics=1,2; beat a")));
}

#[test]
fn members_leave_until_the_group_is_empty() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} leave b; beat a; join a; sync a a=0,1; leave a; leave a; join a; join a; wait 6s"
    )));
}

#[test]
fn a_full_group_takes_nobody_in() {
    insta::assert_snapshot!(tell(&format!("{TWO} join c; join c; join a; join b; join d")));
}

#[test]
fn a_session_timeout_must_be_within_bounds() {
    insta::assert_snapshot!(tell("join a session=5"));
}

#[test]
fn a_group_without_members_takes_commits() {
    insta::assert_snapshot!(tell(
        "commit - 0@5; fetch - 0,1; join a; join a; wait 6s; commit - 0@6"
    ));
}

#[test]
fn commits_of_topics_that_are_gone_are_refused() {
    insta::assert_snapshot!(tell("remove; commit - 0@5; renew; commit - 0@5; fetch - 0"));
}

#[test]
fn what_was_committed_is_of_one_topic_and_not_of_the_next_one_of_its_name() {
    insta::assert_snapshot!(tell(
        "mean; commit - 0@5; fetch - 0; remove; renew; commit - 0@6; mean; fetch - 0; commit - 0@2; fetch - 0"
    ));
}

#[test]
fn answers_wait_for_the_replicas() {
    insta::assert_snapshot!(tell(&format!("{TWO} stall; commit a 0@5; beat b; fetch c 0; flow")));
}

#[test]
fn commits_and_reads_do_not_wait_without_their_rules() {
    let rules = Rules::ALL.without(Rule::CommitWaitsForIsr).without(Rule::OffsetFetchCommitted);
    insta::assert_snapshot!(tell_with(
        rules,
        &format!("{TWO} stall; commit a 0@5; fetch c 0; lose; wait 1s; fetch c 0")
    ));
}

#[test]
fn nobody_waits_longer_than_the_commit_timeout() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} stall; commit a 0@5; beat b; fetch c 0; wait 6s; flow; fetch c 0"
    )));
}

#[test]
fn a_join_during_a_stall_is_given_up_but_counts() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} stall; commit b 1@1; join a; wait 6s; beat b; join b; flow; join a"
    )));
}

#[test]
fn assignments_wait_for_the_replicas() {
    let story = "join a; join a; wait 6s; stall; sync a a=0; wait 1s; flow";
    insta::assert_snapshot!(tell(story));
    let lax = tell_with(Rules::ALL.without(Rule::SyncWaitsForIsr), story);
    let (before, _) = lax.split_once("wait 1s").unwrap();
    assert!(before.contains("a: sync NONE [0]"), "{lax}");
}

#[test]
fn an_assignment_that_is_not_replicated_in_time_is_taken_back() {
    insta::assert_snapshot!(tell("join a; join a; wait 6s; stall; sync a a=0; wait 6s; beat a"));
}

#[test]
fn an_assignment_that_cannot_be_appended_is_taken_back() {
    insta::assert_snapshot!(tell(
        "join a; join a; wait 6s; refuse NOT_ENOUGH_REPLICAS; sync a a=0; beat a; join a; refuse NOT_LEADER_OR_FOLLOWER; sync a a=0"
    ));
}

#[test]
fn a_commit_that_cannot_be_appended_changes_nothing() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} refuse NOT_ENOUGH_REPLICAS; commit a 0@5; fetch a 0; refuse NOT_LEADER_OR_FOLLOWER; commit a 0@6; fetch a 0"
    )));
}

#[test]
fn a_group_whose_creation_cannot_be_appended_is_forgotten() {
    insta::assert_snapshot!(tell(
        "refuse NOT_ENOUGH_REPLICAS; join a; join a; join a; join a; wait 6s"
    ));
}

#[test]
fn a_new_coordinator_knows_members_and_commits() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} commit a 0@5; stall; commit a 0@6; failover; beat a; commit a 0@7; wait 1s; beat a; fetch c 0; flow; sync a; wait 10s"
    )));
}

#[test]
fn a_new_coordinator_without_the_last_commit_tells_the_one_before() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} commit a 0@5; stall; commit a 0@6; lose; wait 1s; flow; fetch c 0; commit a 0@6; join a; join b; sync a a=1 b=0"
    )));
}

#[test]
fn a_generation_that_was_never_replicated_is_unknown_to_the_next_coordinator() {
    insta::assert_snapshot!(tell(
        "join a; join a; wait 6s; stall; sync a a=0; lose; wait 1s; commit a 0@1; beat a; join a"
    ));
}

#[test]
fn whoever_waits_learns_that_the_coordinator_resigned() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} stall; commit b 1@1; join a; close b; resign; beat a; wait 60s"
    )));
}

#[test]
fn a_coordinator_elected_again_goes_on() {
    let mut story = Story::new(Rules::ALL);
    story.play(TWO);
    story.epoch += 1;
    story.elect();
    story.text.clear();
    story.play("beat a");
    assert_eq!(story.text, "6s beat a\n  a: beat NONE\n");
}

#[test]
fn member_ids_are_never_handed_out_twice() {
    let mut seen = alloc::collections::BTreeSet::new();
    for life in 0..20_u64 {
        for broker in [1, 2] {
            let rng = Streams::new(life).stream(Stream::Machine, u32::from(broker));
            let mut ids = super::identity::MemberIds::new(BrokerId(broker), rng);
            for n in 0..200_u64 {
                let id = ids.next(Time(life * 1_000_000_000 + n * 3_000_000));
                assert!(id != MemberId::NONE && seen.insert(id), "{id} twice in life {life}");
            }
        }
    }
}

#[test]
fn other_requests_end_the_connection() {
    let mut out = Outbox::default();
    let now = Now { mono: Time::ZERO, wall: Wall(0) };
    let metadata = crate::message::MetadataRequest { topics: Vec::new() };
    let mut coordinator = coordinator(Rules::ALL, 1);
    let request = Request::Metadata(metadata);
    coordinator.on_request(
        now,
        ConnId(9),
        Correlation(0),
        request,
        &image(4),
        &mut out,
        &mut Vec::new(),
    );
    assert!(matches!(out.effects[..], [Effect::Close(ConnId(9))]), "{:?}", out.effects);
}

#[test]
fn heartbeats_and_commits_do_not_wake_the_host_more_often() {
    let mut story = Story::new(Rules::ALL);
    story.play(TWO);
    let mut wakes = 0;
    for second in 0..60 {
        story.play(if second % 2 == 0 { "beat a; beat b" } else { "commit a 0@1; commit b 1@1" });
        let before = story.timer;
        story.play("wait 1s");
        wakes += u32::from(story.timer != before);
    }
    assert!(!story.text.contains("MemberEvicted"), "{}", story.text);
    assert!(wakes < 30, "{wakes} wake-ups in a minute");
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    insta::assert_snapshot!(tell(
        "join a instance=x; join b instance=y; wait 6s; sync a a=0 b=1; sync b; restart b; join b; sync b; \
         restart a; join a; sync a; beat a; beat b; failover; wait 5ms; beat a; beat b"
    ));
}

#[test]
fn the_former_life_of_a_static_member_is_fenced() {
    insta::assert_snapshot!(tell(
        "join a instance=x; wait 3s; sync a a=0; beat a; join z instance=x; sync z; beat a; commit a 0@5; \
         commit z 0@6; join a; beat z; wait 12s"
    ));
}

#[test]
fn a_static_member_that_returns_while_the_leader_assigns_begins_anew() {
    insta::assert_snapshot!(tell(
        "join a instance=x; join b instance=y; wait 6s; sync b; restart b; join b; join a; sync a a=0 b=1; sync b"
    ));
}

#[test]
fn a_group_is_removed_when_nobody_is_in_it() {
    insta::assert_snapshot!(tell(
        "join a; join a; wait 3s; sync a a=0; commit a 0@5; delete o; leave a; delete o; fetch a 0; delete o"
    ));
}

#[test]
fn offsets_grow_old_once_their_group_is_empty() {
    insta::assert_snapshot!(tell(
        "join a session=1800; join a; wait 3s; sync a a=0; commit a 0@5; wait 1700s; beat a; wait 1700s; beat a; \
         wait 1700s; fetch a 0; leave a; wait 3000s; fetch a 0; wait 1000s; fetch a 0"
    ));
}

#[test]
fn a_coordinator_that_comes_back_at_once_stays() {
    let story = format!(
        "{TWO} commit a 0@5; resign; wait 1ms; elect; wait 5ms; fetch a 0; wait 1s; fetch a 0"
    );
    insta::assert_snapshot!("back_and_stays", tell(&story));
    let rules = Rules::ALL.without(Rule::LoadsInOrder);
    insta::assert_snapshot!("back_and_unloaded", tell_with(rules, &story));
}

#[test]
fn two_lives_of_a_static_member_have_one_id_if_only_stable_groups_give_new_ones() {
    let story = "join a instance=x; join b instance=y; wait 6s; sync b; join z instance=y; join a; \
                 sync a a=0 z=1; sync z; join b; sync b; beat b; beat z; commit b 1@5; commit z 1@6";
    let fenced = tell(story);
    insta::assert_snapshot!("second_life_fences", fenced);
    let both = tell_with(Rules::ALL.without(Rule::StaticIdIsNew), story);
    insta::assert_snapshot!("second_life_is_the_first", both);
    for said in ["b: sync NONE [1]", "b: beat NONE", "b: commit NONE"] {
        assert!(!fenced.contains(said), "the former life goes on: {fenced}");
        assert!(both.contains(said), "nothing fences the former life then: {both}");
    }
    for said in ["z: sync NONE [1]", "z: beat NONE", "z: commit NONE"] {
        assert!(fenced.contains(said), "the new life goes on: {fenced}");
    }
}

#[test]
fn an_id_that_was_not_written_is_unknown_to_the_next_coordinator() {
    let rules = Rules::ALL.without(Rule::StaticIdIsWritten);
    insta::assert_snapshot!(tell_with(
        rules,
        "join a instance=x; wait 3s; sync a a=0; restart a; join a; sync a; beat a; failover; wait 1s; beat a; commit a 0@5"
    ));
}
