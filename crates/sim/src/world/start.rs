//! How a world begins, and how a process begins a life.

use std::sync::Arc;

use stormglass_kafka::admin::Admin;
use stormglass_kafka::broker::Broker;
use stormglass_kafka::compression::TopicCompression;
use stormglass_kafka::consumer::Consumer;
use stormglass_kafka::controller::{Controller, ControllerStore};
use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::log::BrokerStore;
use stormglass_kafka::message::{Isolation, NewTopic};
use stormglass_kafka::producer::Producer;
use stormglass_kafka::settings::{
    AutoCommit, BrokerSettings, CleanupPolicy, EligibleLeaders, GroupProtocol, OffsetReset,
    ProducerSettings, StoredBy, UncleanElection,
};
use stormglass_kafka::{
    Boot, BrokerSetup, Call, ConsumerSetup, ControllerSetup, Directory, Machine, Marks, Outbox,
    ProducerSetup,
};
use stormglass_types::history::{self, CommitMode, Header, History, Role, Source, What};
use stormglass_types::{
    Dense, Digest, GroupId, IdVec, NodeId, Sequence, SourceId, Span, Stream, Streams, Time, TopicId,
};

use super::application::Application;
use super::consumer_app::ConsumerApp;
use super::external::Told;
use super::faults::Faults;
use super::forwarder::Forwarder;
use super::invariants::Observer;
use super::node::{Host, Life, Node, Resting, Slot, Wanted};
use super::operator::Operator;
use super::producer_app::ProducerApp;
use super::stores::Stores;
use super::tape::{Luck, Taping};
use super::trace::TraceKind;
use super::{Event, Phase, TICK, World};
use crate::engine::net::Net;
use crate::engine::queue::Queue;
use crate::plan::{MemberPlan, Place, Plan, Roster, Subscribing, TopicPlan};

/// The longest that a cluster may take to form.
pub(crate) const FORMING: Span = Span::secs(120);

impl World {
    pub(super) fn begin(plan: Arc<Plan>, taping: Taping) -> Self {
        let roster = plan.roster();
        let luck = Luck { streams: Streams::new(plan.seed), taping: &taping };
        let nodes = roster.len();
        let entity = |node: usize| u32::try_from(node).expect("node ids have 16 bits");
        let rngs = (0..nodes).map(|node| luck.stream(Stream::Network, entity(node))).collect();
        let slots = (0..nodes).map(|node| {
            Slot::new(
                resting(&roster, NodeId::from_index(node)),
                luck.stream(Stream::Disk, entity(node)),
                luck.stream(Stream::Crash, entity(node)),
            )
        });
        let producers = plan.producers.iter().zip(roster.producers()).map(|(producer, node)| {
            // Those that share a stream of events draw the same ones, and each takes its own of them.
            let first = node.index() - producer.dealt.map_or(0, |dealt| usize::from(dealt.to));
            let rng = luck.shared(Stream::Workload, entity(first), entity(node.index()));
            ProducerApp::new(Arc::new(producer.clone()), rng, SourceId(0))
        });
        let consumers = plan.groups.iter().enumerate().flat_map(|(number, group)| {
            let id = GroupId::from_index(number);
            let shared = Arc::new(group.clone());
            roster
                .members(id)
                .map(|node| {
                    let rng = luck.stream(Stream::Application, entity(node.index()));
                    ConsumerApp::new(id, Arc::clone(&shared), rng)
                })
                .collect::<Vec<_>>()
        });
        let directory = Directory {
            brokers: roster.brokers().collect(),
            controllers: roster.controllers().collect(),
        };
        let mut world = Self {
            streams: luck.streams,
            now: Time::ZERO,
            queue: Queue::new(),
            net: Net::new(rngs, plan.network.latency.least, plan.network.latency.most),
            slots: slots.collect(),
            producers: producers.collect(),
            consumers: consumers.collect(),
            operator: Operator::default(),
            externals: super::external::Externals::default(),
            wakes: (0..nodes).map(|_| Time::NEVER).collect(),
            out: Outbox::default(),
            inbox: std::collections::VecDeque::new(),
            history: History::new(header(&plan, &roster)),
            ledger: IdVec::new(),
            faults: Faults::new(&plan, &luck),
            stores: Stores::new(&plan),
            observer: Observer::new(&plan),
            marks: Marks::NONE,
            digest: Digest::EMPTY,
            events: 0,
            phase: Phase::Forming,
            trace: None,
            taping: Taping::Off,
            directory: Arc::new(directory),
            roster: Arc::new(roster),
            plan,
        };
        world.taping = taping;
        world.form();
        world
    }

    /// Starts the servers and asks the operator for the topics.
    fn form(&mut self) {
        let servers = self.roster.controllers().chain(self.roster.brokers().map(|(_, node)| node));
        for node in servers.chain([self.roster.admin()]).collect::<Vec<_>>() {
            self.start_life(node);
        }
        for topic in new_topics(&self.plan) {
            self.operator.ask(Call::CreateTopic(topic));
        }
        self.operate();
        self.drain();
        self.queue.push(self.now + TICK, Event::Tick);
    }

    /// All topics exist: from here on the plan's times count.
    pub(super) fn topics_exist(&mut self) {
        self.phase = Phase::Storm { until: self.plan.storm_ends(self.now) };
        self.queue.push(self.plan.storm_ends(self.now), Event::StormOver);
        let producers = self.roster.producers().zip(&self.plan.producers);
        let starts = producers.map(|(node, plan)| (node, plan.starts_after)).chain(
            self.plan.groups.iter().enumerate().flat_map(|(number, group)| {
                let members = self.roster.members(GroupId::from_index(number));
                members.zip(group.members.iter().map(|member| member.starts_after))
            }),
        );
        let applications = self.roster.applications().zip(&self.plan.applications);
        let starts = starts.chain(applications.map(|(node, plan)| (node, plan.starts_after)));
        for (node, after) in starts.collect::<Vec<_>>() {
            let at = self.now + after;
            self.wakes[node] = at;
            self.queue.push(at, Event::Wake { node });
        }
        self.schedule_absences();
        for (number, topic) in self.plan.topics.iter().enumerate() {
            if let Some(after) = topic.created_after {
                let topic = TopicId::from_index(number + 1);
                self.queue.push(self.now + after, Event::Create { topic });
            }
        }
        self.arm_faults();
    }

    /// When groups are scaled in, and out again.
    fn schedule_absences(&mut self) {
        for (number, group) in self.plan.groups.iter().enumerate() {
            let members = self.roster.members(GroupId::from_index(number)).zip(&group.members);
            for (node, member) in members {
                for absence in &member.absences {
                    let gone = Event::Scaled { node, wanted: Wanted::No(absence.leaving) };
                    self.queue.push(self.now + absence.from, gone);
                    if let Some(until) = absence.until {
                        let back = Event::Scaled { node, wanted: Wanted::Yes };
                        self.queue.push(self.now + until, back);
                    }
                }
            }
        }
    }

    /// The operator creates a topic that was not there from the beginning.
    pub(super) fn create_topic(&mut self, topic: TopicId) {
        let number = topic.index() - 1;
        self.operator.ask(Call::CreateTopic(new_topic(number, &self.plan.topics[number])));
        self.operate();
    }

    /// Begins a life of a process that is down.
    pub(super) fn start_life(&mut self, node: NodeId) {
        let slot = &mut self.slots[node];
        let Life::Down(down) = &mut slot.life else { return };
        let was_gone = down.host == Host::Gone;
        let store = std::mem::replace(&mut down.store, Resting::Client);
        let boot = Boot {
            node,
            incarnation: slot.incarnation,
            directory: Arc::clone(&self.directory),
            rules: self.plan.rules,
            rng: self.streams.stream(Stream::Machine, machine_stream(node, slot.incarnation)),
        };
        let local = slot.local(self.now);
        let role = self.history.header.processes[node].role;
        let machine = match (role, store) {
            (Role::Controller, Resting::Controller(store)) => {
                let setup = ControllerSetup {
                    settings: Arc::clone(&self.plan.cluster.settings),
                    eligible_leaders: self.plan.cluster.eligible_leaders,
                };
                Node::Controller(Controller::boot(local, boot, setup, store, &mut self.out))
            }
            (Role::Broker(broker), Resting::Broker(store)) => {
                let settings = Arc::clone(&self.plan.cluster.settings);
                let rack = self.plan.cluster.rack_of(broker);
                let recovery = self.recovery_time(node, boot.incarnation);
                let transactions = self.plan.transaction_topic();
                let setup = BrokerSetup { broker, rack, settings, recovery, transactions };
                Node::Broker(Broker::boot(local, boot, setup, store, &mut self.out))
            }
            (Role::Producer, Resting::Client) => {
                let index = node.index() - self.first_producer();
                let settings = Arc::clone(&self.plan.producers[index].settings);
                let source = self.new_source(node, &settings);
                let sequence = self.producers[index].start(self.now, source);
                let setup = ProducerSetup { settings, source, sequence };
                Node::Producer(Producer::boot(local, boot, setup, (), &mut self.out))
            }
            (Role::Consumer(group), Resting::Client) => {
                let first = self.roster.members(group).next().expect("a group has members");
                let member = node.index() - first.index();
                let plan = &self.plan.groups[group.index()].members[member];
                let settings = Arc::clone(plan.settings_after(self.since_storm_began()));
                let setup = ConsumerSetup { settings, group };
                let letters = self.plan.groups[group.index()].letters().cloned();
                match letters {
                    None => Node::Consumer(Consumer::boot(local, boot, setup, (), &mut self.out)),
                    Some(settings) => {
                        let rng = self.streams.stream(
                            Stream::Machine,
                            LETTERS | machine_stream(node, boot.incarnation),
                        );
                        let source = self.new_source(node, &settings);
                        let beside = Boot { rng, ..boot.clone() };
                        let consumer = Consumer::boot(local, boot, setup, (), &mut self.out);
                        let sequence = Sequence::default();
                        let setup = ProducerSetup { settings, source, sequence };
                        Node::Forwarder(Forwarder::boot(
                            local,
                            consumer,
                            beside,
                            setup,
                            &mut self.out,
                        ))
                    }
                }
            }
            (Role::Admin, Resting::Client) => {
                Node::Admin(Admin::boot(local, boot, (), (), &mut self.out))
            }
            (Role::Application, Resting::Client) => Node::Application(Application::default()),
            (role, store) => panic!("{node} is a {role:?} but its disk is {store:?}"),
        };
        let incarnation = self.slots[node].incarnation;
        self.slots[node].life = Life::Up(Arc::new(machine));
        if was_gone {
            self.net.disown(self.now, node, &mut self.queue);
        }
        self.record(node, TraceKind::Started(incarnation));
        self.tell(node, What::Started);
        if role == Role::Application {
            self.announce(Told::Started(node));
        }
        self.carry_out(node);
        if let Role::Consumer(_) = role {
            let index = node.index() - self.first_consumer();
            let group = self.consumers[index].group;
            let everything = self.partitions_of(group);
            let steps = self.consumers[index].start(&everything);
            self.follow(node, index, steps);
        }
        self.rearm(node);
    }

    /// How long a life would take to recover its logs: drawn from a stream of its own, whether or not it has to.
    fn recovery_time(&self, node: NodeId, incarnation: u32) -> Span {
        let range = self.plan.disk.recovery;
        if range.most == Span::ZERO {
            return Span::ZERO;
        }
        let number = RECOVERY | machine_stream(node, incarnation);
        let mut rng = self.streams.stream(Stream::Machine, number);
        Span(rng.between(range.least.0, range.most.0))
    }

    /// How long the storm has lasted.
    fn since_storm_began(&self) -> Span {
        match self.phase {
            Phase::Forming => Span::ZERO,
            Phase::Storm { until } => self.plan.phases.storm - until.since(self.now),
            Phase::Settling { .. } | Phase::Over(_) => self.plan.phases.storm,
        }
    }

    fn new_source(&mut self, node: NodeId, settings: &ProducerSettings) -> SourceId {
        let source = Source {
            process: node,
            acks: settings.delivery.acks(),
            idempotent: settings.delivery == stormglass_kafka::settings::Delivery::Idempotent,
            in_flight: settings.max_in_flight,
            retries: settings.retries > 0,
            transactional: settings.transaction.is_some(),
        };
        self.ledger.push(stormglass_types::PartitionMap::new());
        self.history.begin_source(source)
    }

    pub(super) fn first_producer(&self) -> usize {
        usize::from(self.plan.cluster.controllers) + usize::from(self.plan.cluster.brokers)
    }

    pub(super) fn first_consumer(&self) -> usize {
        self.first_producer() + self.plan.producers.len()
    }
}

/// Sets the stream of a process's second machine apart from that of its first.
const LETTERS: u32 = 0x4000_0000;

/// Sets the stream of how long a life takes to recover its logs apart from its own.
const RECOVERY: u32 = 0x8000_0000;

/// A life's own stream: the same for the same life, whatever happened to others.
fn machine_stream(node: NodeId, incarnation: u32) -> u32 {
    (u32::from(node.0) << 16) | (incarnation & 0xFFFF)
}

fn resting(roster: &Roster, node: NodeId) -> Resting {
    if roster.controllers().any(|controller| controller == node) {
        Resting::Controller(ControllerStore::default())
    } else if roster.broker_at(node).is_some() {
        Resting::Broker(BrokerStore::default())
    } else {
        Resting::Client
    }
}

fn new_topics(plan: &Plan) -> Vec<NewTopic> {
    let cluster = &plan.cluster.settings;
    // It takes the broker's defaults but for its policy (`GroupCoordinatorConfig.offsetTopicConfigs`).
    let mut settings = cluster.topic.clone();
    settings.cleanup.policy = CleanupPolicy::Compact;
    settings.compression = TopicCompression::KEEP;
    let offsets = NewTopic {
        topic: OFFSETS_TOPIC,
        partitions: cluster.offsets_topic_partitions,
        replication: cluster.offsets_topic_replication,
        settings: Arc::new(settings),
    };
    let own = plan.topics.iter().enumerate();
    let own = own.filter(|(_, topic)| topic.created_after.is_none());
    let own = own.map(|(number, topic)| new_topic(number, topic));
    let transactions = plan.transaction_topic().map(|topic| transaction_state(topic, cluster));
    // A cluster without groups never creates the topic of their offsets.
    let offsets = std::iter::once(offsets).filter(|_| !plan.groups.is_empty());
    offsets.chain(own).chain(transactions).collect()
}

/// `__transaction_state` (`TransactionLog`, `TransactionStateManager.transactionTopicConfigs`).
fn transaction_state(topic: TopicId, cluster: &BrokerSettings) -> NewTopic {
    let log = &cluster.transactions;
    let mut settings = cluster.topic.clone();
    settings.min_insync_replicas = log.min_insync_replicas;
    settings.unclean_election = UncleanElection::Forbidden;
    settings.cleanup.policy = CleanupPolicy::Compact;
    settings.compression = TopicCompression::KEEP;
    let settings = Arc::new(settings);
    NewTopic { topic, partitions: log.partitions, replication: log.replication, settings }
}

fn new_topic(number: usize, topic: &TopicPlan) -> NewTopic {
    NewTopic {
        topic: TopicId::from_index(number + 1),
        partitions: topic.partitions,
        replication: topic.replication,
        settings: Arc::clone(&topic.settings),
    }
}

/// Whether an offset is stored when its record is handed out.
const fn stores_early(auto_commit: AutoCommit) -> bool {
    matches!(auto_commit, AutoCommit::Stored { by: StoredBy::HandingOver, .. })
}

/// What a topic promises.
pub(super) fn describe_topic(topic: &TopicPlan) -> history::Topic {
    history::Topic {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication: topic.replication,
        min_insync_replicas: topic.settings.min_insync_replicas,
        unclean_election: topic.settings.unclean_election == UncleanElection::Allowed,
        internal: false,
    }
}

/// Producers that share a stream of events.
fn pools(plan: &Plan, roster: &Roster) -> Vec<Vec<NodeId>> {
    let nodes: Vec<NodeId> = roster.producers().collect();
    let firsts = plan.producers.iter().enumerate().filter_map(|(at, producer)| {
        let dealt = producer.dealt.filter(|dealt| dealt.to == 0)?;
        Some(nodes[at..at + usize::from(dealt.among)].to_vec())
    });
    firsts.collect()
}

fn header(plan: &Plan, roster: &Roster) -> Header {
    let mut header = Header {
        keys: plan.keys.to_vec(),
        eligible_leader_replicas: plan.cluster.eligible_leaders == EligibleLeaders::On,
        pools: pools(plan, roster),
        ..Header::default()
    };
    let mut process = |name: String, role| {
        header.processes.push(history::Process { name, role });
    };
    for (number, _) in roster.controllers().enumerate() {
        process(format!("controller-{}", number + 1), Role::Controller);
    }
    for (broker, _) in roster.brokers() {
        process(format!("broker-{}", broker.0), Role::Broker(broker));
    }
    for producer in &plan.producers {
        process(producer.name.clone(), Role::Producer);
    }
    for (number, group) in plan.groups.iter().enumerate() {
        for member in &group.members {
            process(member.name.clone(), Role::Consumer(GroupId::from_index(number)));
        }
    }
    for application in &plan.applications {
        process(application.name.clone(), Role::Application);
    }
    process("operator".to_owned(), Role::Admin);
    let cluster = &plan.cluster.settings;
    header.topics.push(history::Topic {
        name: "__consumer_offsets".to_owned(),
        partitions: cluster.offsets_topic_partitions,
        replication: cluster.offsets_topic_replication,
        min_insync_replicas: cluster.topic.min_insync_replicas,
        unclean_election: cluster.topic.unclean_election == UncleanElection::Allowed,
        internal: true,
    });
    for topic in &plan.topics {
        header.topics.push(describe_topic(topic));
    }
    if plan.transaction_topic().is_some() {
        header.topics.push(history::Topic {
            name: "__transaction_state".to_owned(),
            partitions: cluster.transactions.partitions,
            replication: cluster.transactions.replication,
            min_insync_replicas: cluster.transactions.min_insync_replicas,
            unclean_election: false,
            internal: true,
        });
    }
    for group in &plan.groups {
        let settings = group.members.first().map(|member| &member.settings);
        let stores_early = settings.is_some_and(|s| stores_early(s.auto_commit));
        let automatic = settings.is_some_and(|s| s.auto_commit.is_by_client());
        header.groups.push(history::Group {
            name: group.name.clone(),
            topics: group.topics.clone(),
            commit: if automatic { CommitMode::Automatic } else { group.commit },
            from_earliest: settings.is_some_and(|s| s.offset_reset == OffsetReset::Earliest),
            asynchronous: group.processing.place == Place::OtherThread,
            stores_early,
            skips: group.skips(),
            self_assigned: group.subscribing == Subscribing::Assigns,
            committed_only: settings.is_some_and(|s| s.isolation == Isolation::Committed),
            releases_first: !group.members.is_empty()
                && group
                    .members
                    .iter()
                    .flat_map(MemberPlan::all_settings)
                    .all(|settings| matches!(settings.protocol, GroupProtocol::Consumer(_))),
        });
    }
    header
}
