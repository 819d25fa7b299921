//! The state of a world as Kafka's own tools would show it: `kafka-topics --describe`, `kafka-consumer-groups --describe`,
//! `kafka-dump-log`, `kafka-transactions describe-producers`.
//!
//! Looks and touches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use stormglass_kafka::group::{GroupCoordinator, OFFSETS_TOPIC};
use stormglass_kafka::log::PartitionLog;
use stormglass_kafka::record::{
    Batch, GroupRecord, GroupValue, ModernChange, Records, TransactionState, Verdict,
};
use stormglass_sim::World;
use stormglass_types::history::{Role, What};
use stormglass_types::{
    BrokerId, Dense, Generation, GroupId, IdVec, MemberId, NodeId, Offset, PartitionMap, TopicId,
    TopicPartition,
};

use crate::names::Names;
use crate::report::{Numbers, table};
use crate::words;

/// Whether a process runs, from its history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    NotStarted,
    Up,
    Held,
    Down,
}

/// Every process: whether it runs, and what the cluster thinks of a broker.
#[must_use]
pub fn processes(world: &World) -> String {
    let lives = lives(world);
    let image = world.view().metadata();
    let rows = world.history().header.processes.iter().enumerate().map(|(place, process)| {
        let node = NodeId::from_index(place);
        let state = match lives[node] {
            Life::NotStarted => "not started",
            Life::Up => "up",
            Life::Held => "held (paused)",
            Life::Down => "down",
        };
        let known = match process.role {
            Role::Broker(broker) => match image.and_then(|image| image.brokers.get(&broker)) {
                Some(registration) => {
                    format!("{:?}, broker epoch {}", registration.status, registration.epoch.0)
                }
                None => "not registered".to_owned(),
            },
            Role::Controller => in_quorum(world, node),
            Role::Producer | Role::Consumer(_) | Role::Admin | Role::Application => String::new(),
        };
        vec![process.name.clone(), state.to_owned(), known]
    });
    shown(&["process", "state", "registration"], &[], rows.collect())
}

/// A controller's part in the quorum, if there is one, as `kafka-metadata-quorum` shows it.
fn in_quorum(world: &World, node: NodeId) -> String {
    let Some(controller) = world.view().controller(node) else { return String::new() };
    let Some(voter) = controller.voter() else { return String::new() };
    let role = match (controller.is_active(), voter.leads()) {
        (true, _) => "active",
        (false, Some(_)) => "elected",
        (false, None) => "standby",
    };
    format!(
        "{role}, quorum epoch {}, log end {}, high watermark {}",
        voter.epoch().0,
        voter.store().end().0,
        voter.high_watermark().0
    )
}

/// Topics as `kafka-topics --describe` shows them, with epochs, and every replica's log end and high watermark.
#[must_use]
pub fn topics(world: &World, only: Option<TopicId>) -> String {
    let names = Names::new(world.history());
    let mut out = String::new();
    let Some(image) = world.view().metadata() else {
        return "no controller runs, so that nobody knows the topics\n".to_owned();
    };
    for topic in (0..world.history().header.topics.iter().count()).map(TopicId::from_index) {
        let all = only.is_none() && topic != OFFSETS_TOPIC;
        let Some(settings) = image.settings(topic).filter(|_| all || only == Some(topic)) else {
            continue;
        };
        let partitions: Vec<TopicPartition> = image.partitions_of(topic).collect();
        let replicas = partitions.first().and_then(|first| image.partitions.get(*first));
        let _ = writeln!(
            out,
            "Topic: {}  PartitionCount: {}  ReplicationFactor: {}  Configs: min.insync.replicas={}",
            names.topic(topic),
            partitions.len(),
            replicas.map_or(0, |registration| registration.replicas.len()),
            settings.min_insync_replicas,
        );
        let rows = partitions.iter().filter_map(|partition| {
            let registration = image.partitions.get(*partition)?;
            let copies = registration.replicas.iter().map(|broker| {
                let end = world.view().store(*broker).and_then(|store| store.logs.get(*partition));
                let mark = world.view().broker(*broker).and_then(|it| it.replica(*partition));
                let end = end.map_or("?".to_owned(), |log| log.end().to_string());
                let mark = mark.map_or("-".to_owned(), |it| it.high_watermark.to_string());
                format!("{}: {end}/{mark}", broker.0)
            });
            Some(vec![
                partition.partition.to_string(),
                registration.leader.map_or("none".to_owned(), |leader| leader.0.to_string()),
                list(&registration.replicas),
                list(&registration.isr),
                list(&registration.elr),
                list(&registration.last_known_elr),
                registration.leader_epoch.0.to_string(),
                copies.collect::<Vec<_>>().join("  "),
            ])
        });
        let head = [
            "Partition",
            "Leader",
            "Replicas",
            "Isr",
            "Elr",
            "LastKnownElr",
            "LeaderEpoch",
            "log end/high watermark",
        ];
        out.push_str(&shown(&head, &[0, 6], rows.collect()));
        out.push('\n');
    }
    if out.is_empty() { "there are no topics yet\n".to_owned() } else { out }
}

/// Groups as `kafka-consumer-groups --describe` shows them, as the log of `__consumer_offsets` has them.
#[must_use]
pub fn groups(world: &World, only: Option<GroupId>) -> String {
    let names = Names::new(world.history());
    let owners = owners(world);
    let mut out = String::new();
    for (number, plan) in world.plan().groups.iter().enumerate() {
        let group = GroupId::from_index(number);
        if only.is_some_and(|wanted| wanted != group) {
            continue;
        }
        let partitions = world.plan().cluster.settings.offsets_topic_partitions;
        let number = GroupCoordinator::partition_for(group, partitions);
        let place = TopicPartition::new(OFFSETS_TOPIC, number);
        let leader = world.view().registration(place).and_then(|it| it.leader);
        let log = leader.and_then(|leader| world.view().store(leader)?.logs.get(place));
        let kept = log.map(|log| Kept::read(log, group)).unwrap_or_default();
        let coordinator = leader.map_or("none".to_owned(), |leader| leader.to_string());
        let _ = match (&kept.value, kept.epoch) {
            (_, Some(epoch)) => writeln!(
                out,
                "Group: {}  Coordinator: {coordinator} ({})  Protocol: consumer  Epoch: {}  Members: {}",
                plan.name,
                names.partition(place),
                epoch.0,
                kept.members.len(),
            ),
            (Some(value), None) => writeln!(
                out,
                "Group: {}  Coordinator: {coordinator} ({})  Generation: {}  Members: {}  Assignor: {}",
                plan.name,
                names.partition(place),
                value.generation.0,
                value.members.len(),
                value.protocol.map_or("-", |assignor| assignor.name()),
            ),
            (None, None) => {
                writeln!(out, "Group: {}  Coordinator: {coordinator}  no generation yet", plan.name)
            }
        };
        let known = plan.topics.iter().flat_map(|topic| {
            world.view().metadata().into_iter().flat_map(|image| image.partitions_of(*topic))
        });
        let rows = known.map(|partition| {
            let committed = kept.offsets.get(partition);
            let end = world.view().high_watermark(partition);
            let lag = match (committed, end) {
                (Some(at), Some(end)) => words::count(end.distance_from(*at)),
                (None, _) | (_, None) => "-".to_owned(),
            };
            let dash = |offset: Option<Offset>| offset.map_or("-".to_owned(), |it| it.to_string());
            let owner = owners.get(&(group, partition));
            vec![
                names.topic(partition.topic),
                partition.partition.to_string(),
                dash(committed.copied()),
                dash(end),
                lag,
                owner.map_or("-".to_owned(), |node| names.process(*node)),
            ]
        });
        let head = ["TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID"];
        out.push_str(&shown(&head, &[1, 2, 3, 4], rows.collect()));
        out.push('\n');
    }
    out
}

/// A replica's log as `kafka-dump-log` shows it: its last batches, with epochs and sequences.
#[must_use]
pub fn log(
    world: &World,
    partition: TopicPartition,
    broker: Option<BrokerId>,
    most: usize,
) -> String {
    let names = Names::new(world.history());
    let leader = world.view().registration(partition).and_then(|it| it.leader);
    let Some(broker) = broker.or(leader) else {
        return format!("{} has no leader; name a broker\n", names.partition(partition));
    };
    let log = world.view().store(broker).and_then(|store| store.logs.get(partition));
    let Some(log) = log else {
        return format!("{broker} has no log of {}\n", names.partition(partition));
    };
    let replica = world.view().broker(broker).and_then(|it| it.replica(partition));
    let mut out = format!(
        "Dumping {} of {broker}: offsets {} to {}, high watermark {}, synced to {}\n",
        names.partition(partition),
        log.start(),
        log.end(),
        replica.map_or("- (it does not run)".to_owned(), |it| it.high_watermark.to_string()),
        log.synced(),
    );
    let starts = log.epochs().entries().iter();
    let starts: Vec<String> =
        starts.map(|entry| format!("{} from {}", entry.epoch.0, entry.start)).collect();
    let _ = writeln!(out, "leader epochs: {}", starts.join(", "));
    let batches: Vec<&Batch> = log.batches_from(log.start()).collect();
    let skipped = batches.len().saturating_sub(most);
    if skipped > 0 {
        let _ = writeln!(out, "{skipped} earlier batches are not shown");
    }
    let rows = batches.iter().skip(skipped).map(|batch| {
        let stamp = batch.stamp;
        let dash = || "-1".to_owned();
        vec![
            batch.base.to_string(),
            batch.last().to_string(),
            batch.epoch.0.to_string(),
            stamp.map_or_else(dash, |stamp| stamp.id.0.to_string()),
            stamp.map_or_else(dash, |stamp| stamp.epoch.0.to_string()),
            stamp.map_or_else(dash, |stamp| stamp.sequence.0.to_string()),
            stamp.map_or_else(dash, |stamp| stamp.last_sequence(batch.count).0.to_string()),
            batch.bytes.to_string(),
            contents(&names, batch),
        ]
    });
    let head = [
        "baseOffset",
        "lastOffset",
        "partitionLeaderEpoch",
        "producerId",
        "producerEpoch",
        "baseSequence",
        "lastSequence",
        "size",
        "records",
    ];
    out.push_str(&shown(&head, &[0, 1, 2, 3, 4, 5, 6, 7], rows.collect()));
    out
}

/// What a partition's leader knows of its producers, as `kafka-transactions describe-producers` shows it.
#[must_use]
pub fn producers(world: &World, partition: TopicPartition) -> String {
    let names = Names::new(world.history());
    let leader = world.view().registration(partition).and_then(|it| it.leader);
    let log = leader.and_then(|leader| world.view().store(leader)?.logs.get(partition));
    let (Some(leader), Some(log)) = (leader, log) else {
        return format!("{} has no leader\n", names.partition(partition));
    };
    let mut out = format!("Producers of {} at its leader {leader}\n", names.partition(partition));
    let rows = log.producers().iter().map(|state| {
        let remembered = state.window().iter();
        let remembered: Vec<String> = remembered
            .map(|seen| {
                let last = Offset(seen.end.0 - 1);
                format!("{}..{} at {}..{last}", seen.first.0, seen.last.0, seen.base)
            })
            .collect();
        vec![
            state.id.0.to_string(),
            state.epoch.0.to_string(),
            state.window().last().map_or("-".to_owned(), |seen| seen.last.0.to_string()),
            remembered.join(", "),
        ]
    });
    let head =
        ["ProducerId", "ProducerEpoch", "LastSequence", "remembered batches: sequences at offsets"];
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        out.push_str(" no idempotent producer has written to it\n");
    }
    out.push_str(&shown(&head, &[0, 1, 2], rows));
    out
}

/// What a coordinator that read this log would know of a group.
#[derive(Default)]
struct Kept {
    value: Option<Arc<GroupValue>>,
    /// Of a group of the consumer protocol.
    epoch: Option<Generation>,
    members: BTreeSet<MemberId>,
    offsets: PartitionMap<Offset>,
}

impl Kept {
    fn read(log: &PartitionLog, wanted: GroupId) -> Self {
        let mut kept = Self::default();
        for batch in log.batches_from(log.start()) {
            let Records::Group(records) = &batch.records else { continue };
            for record in records.iter() {
                match record {
                    GroupRecord::Group(value) if value.group == wanted => {
                        kept.value = Some(Arc::clone(value));
                    }
                    GroupRecord::Offset { group, partition, offset, .. } if *group == wanted => {
                        kept.offsets.insert(*partition, *offset);
                    }
                    GroupRecord::OffsetTombstone { group, partition } if *group == wanted => {
                        kept.offsets.remove(*partition);
                    }
                    GroupRecord::GroupTombstone { group } if *group == wanted => {
                        kept.value = None;
                        kept.epoch = None;
                    }
                    GroupRecord::Modern { group, change } if *group == wanted => {
                        kept.change(change);
                    }
                    GroupRecord::Modern { .. }
                    | GroupRecord::Group(_)
                    | GroupRecord::Offset { .. }
                    | GroupRecord::OffsetTombstone { .. }
                    | GroupRecord::GroupTombstone { .. } => {}
                }
            }
        }
        kept
    }

    fn change(&mut self, change: &ModernChange) {
        match change {
            ModernChange::Epoch(epoch) => self.epoch = Some(*epoch),
            ModernChange::Member(said) => {
                self.members.insert(said.member);
            }
            ModernChange::MemberGone(member) => {
                self.members.remove(member);
            }
            ModernChange::Topics(_)
            | ModernChange::TargetEpoch(_)
            | ModernChange::Target(..)
            | ModernChange::TargetGone(_)
            | ModernChange::Current(_)
            | ModernChange::CurrentGone(_) => {}
        }
    }
}

fn lives(world: &World) -> IdVec<NodeId, Life> {
    let count = world.history().header.processes.iter().count();
    let mut lives: IdVec<NodeId, Life> = (0..count).map(|_| Life::NotStarted).collect();
    for event in world.history().events.iter() {
        let life = &mut lives[event.process];
        if matches!(event.what, What::Crashed | What::Stopped) {
            *life = Life::Down;
        } else if event.what == What::Paused {
            *life = Life::Held;
        } else if event.what == What::Started || event.what == What::Resumed && *life == Life::Held
        {
            // A process that died while it was held does not go on when the pause is over.
            *life = Life::Up;
        }
    }
    lives
}

fn owners(world: &World) -> BTreeMap<(GroupId, TopicPartition), NodeId> {
    let mut owners = BTreeMap::new();
    for event in world.history().events.iter() {
        let process = event.process;
        if let What::Assigned { group, partition, .. } = event.what {
            owners.insert((group, partition), process);
        } else if let What::Revoked { group, partition, .. } | What::Lost { group, partition, .. } =
            event.what
        {
            if owners.get(&(group, partition)) == Some(&process) {
                owners.remove(&(group, partition));
            }
        } else if matches!(event.what, What::Crashed | What::Stopped) {
            owners.retain(|_, owner| *owner != process);
        }
    }
    owners
}

/// How far a transaction is, in its coordinator's words.
const fn transaction(state: TransactionState) -> &'static str {
    match state {
        TransactionState::Empty => "has no transaction",
        TransactionState::Ongoing => "writes",
        TransactionState::Preparing(Verdict::Commit) => "is to commit",
        TransactionState::Preparing(Verdict::Abort) => "is to abort",
        TransactionState::Complete(verdict) => ended(verdict),
        TransactionState::Dead => "is forgotten",
    }
}

const fn ended(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Commit => "committed",
        Verdict::Abort => "aborted",
    }
}

fn contents(names: &Names<'_>, batch: &Batch) -> String {
    match &batch.records {
        Records::Values(values) => names.values(*values),
        Records::Keyed(_) => {
            let left: Vec<String> = batch.runs().map(|(_, values)| names.values(values)).collect();
            left.join(", ")
        }
        Records::Transaction(value) => format!("{} {}", value.id, transaction(value.state)),
        Records::Marker(verdict, _) => ended(*verdict).to_owned(),
        Records::Group(records) => {
            let told = records.iter().map(|record| match record {
                GroupRecord::Offset { group, partition, offset, .. } => {
                    format!("{} {}={offset}", names.group(*group), names.partition(*partition))
                }
                GroupRecord::OffsetTombstone { group, partition } => {
                    format!("{} {}=none", names.group(*group), names.partition(*partition))
                }
                GroupRecord::Group(value) => format!(
                    "{} generation {}, {} members",
                    names.group(value.group),
                    value.generation.0,
                    value.members.len()
                ),
                GroupRecord::GroupTombstone { group } => format!("{} gone", names.group(*group)),
                GroupRecord::Modern { group, change } => {
                    format!("{} {}", names.group(*group), changed(names, change))
                }
            });
            told.collect::<Vec<_>>().join("; ")
        }
    }
}

fn changed(names: &Names<'_>, change: &ModernChange) -> String {
    let partitions = |list: &[TopicPartition]| {
        list.iter().map(|one| names.partition(*one)).collect::<Vec<_>>().join(",")
    };
    match change {
        ModernChange::Epoch(epoch) => format!("epoch {}", epoch.0),
        ModernChange::Topics(topics) => format!("{} topics", topics.len()),
        ModernChange::Member(said) => format!("has member {}", said.member.0),
        ModernChange::MemberGone(member) => format!("member {} gone", member.0),
        ModernChange::TargetEpoch(epoch) => format!("targets of epoch {}", epoch.0),
        ModernChange::Target(member, target) => {
            format!("member {} is to have {}", member.0, partitions(target))
        }
        ModernChange::TargetGone(member) => format!("no target for member {}", member.0),
        ModernChange::Current(current) => format!(
            "member {} in epoch {} has {} and gives up {}",
            current.member.0,
            current.epoch.0,
            partitions(&current.assigned),
            partitions(&current.revoking)
        ),
        ModernChange::CurrentGone(member) => format!("member {} has nothing", member.0),
    }
}

fn list(brokers: &[BrokerId]) -> String {
    brokers.iter().map(|broker| broker.0.to_string()).collect::<Vec<_>>().join(",")
}

fn shown(head: &[&str], numbers: &'static [usize], rows: Vec<Vec<String>>) -> String {
    let mut out = String::new();
    table(&mut out, head, &Numbers(numbers), rows);
    out
}
