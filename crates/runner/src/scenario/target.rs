//! Whom a fault strikes, in words: `leader of orders-0`, `member of billing`, `broker-2`. Both ways: read and written.

use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_sim::plan::{Plan, Roster, Target};
use stormglass_types::{BrokerId, Dense, GroupId, NodeId, TopicId, TopicPartition};

use super::diagnostic::{Place, Report};

/// What targets look like, for editors.
pub(super) const PATTERN: &str = r"^(controller|any (broker|controller|producer|consumer)|one of .+|(leader|follower) of .+-[0-9]+|(coordinator|member|instance) of .+|[A-Za-z0-9._-]+)$";
pub(super) const EXAMPLES: &[&str] = &[
    "leader of orders-0",
    "member of billing",
    "coordinator of billing",
    "broker-2",
    "any broker",
];

const OFFSETS_NAME: &str = "__consumer_offsets";

/// Everybody in a plan, by name.
pub(super) struct Cast {
    roster: Roster,
    processes: Vec<(String, NodeId)>,
    producers: Vec<(String, Vec<NodeId>)>,
    groups: Vec<(String, GroupId, Vec<NodeId>)>,
    topics: Vec<(String, TopicId, u16)>,
}

impl Cast {
    pub(super) fn of(plan: &Plan) -> Self {
        let roster = plan.roster();
        let mut processes: Vec<(String, NodeId)> = Vec::new();
        let controllers = (1..).zip(roster.controllers());
        processes.extend(controllers.map(|(nth, node)| (format!("controller-{nth}"), node)));
        let brokers = roster.brokers();
        processes.extend(brokers.map(|(id, node)| (format!("broker-{}", id.index()), node)));
        let mut producers: Vec<(String, Vec<NodeId>)> = Vec::new();
        for (producer, node) in plan.producers.iter().zip(roster.producers()) {
            processes.push((producer.name.clone(), node));
            let app = producer.name.rsplit_once('-').map_or(producer.name.as_str(), |(app, _)| app);
            match producers.iter_mut().find(|(name, _)| name == app) {
                Some((_, nodes)) => nodes.push(node),
                None => producers.push((app.to_owned(), vec![node])),
            }
        }
        let mut groups = Vec::new();
        for (at, group) in plan.groups.iter().enumerate() {
            let id = GroupId::from_index(at);
            let nodes: Vec<NodeId> = roster.members(id).collect();
            let members = group.members.iter().zip(&nodes);
            processes.extend(members.map(|(member, node)| (member.name.clone(), *node)));
            groups.push((group.name.clone(), id, nodes));
        }
        for (application, node) in plan.applications.iter().zip(roster.applications()) {
            let name = application.name.clone();
            let of = name.rsplit_once('-').map_or(name.clone(), |(of, _)| of.to_owned());
            match producers.iter_mut().find(|(known, _)| *known == of) {
                Some((_, nodes)) => nodes.push(node),
                None => producers.push((of, vec![node])),
            }
            processes.push((name, node));
        }
        let mut topics = vec![(
            OFFSETS_NAME.to_owned(),
            OFFSETS_TOPIC,
            plan.cluster.settings.offsets_topic_partitions,
        )];
        for (at, topic) in plan.topics.iter().enumerate() {
            topics.push((topic.name.clone(), TopicId::from_index(at + 1), topic.partitions));
        }
        Self { roster, processes, producers, groups, topics }
    }

    /// What a text means; what it does not mean goes into the report.
    pub(super) fn target(&self, text: &str, place: Place, report: &mut Report) -> Option<Target> {
        let text = text.trim();
        if text == "controller" {
            return Some(Target::Controller);
        }
        if let Some(kind) = text.strip_prefix("any ") {
            return self.any(kind.trim(), place, report);
        }
        if let Some(names) = text.strip_prefix("one of ") {
            let mut nodes = Vec::new();
            for name in names.split(',') {
                nodes.extend(self.processes(name, place, report)?);
            }
            return Some(Target::OneOf(nodes));
        }
        let Some((role, of)) = text.split_once(" of ") else {
            return self.processes(text, place, report).map(one_of);
        };
        match role.trim() {
            "leader" => self.partition(of, place, report).map(Target::LeaderOf),
            "follower" => self.partition(of, place, report).map(Target::FollowerOf),
            "coordinator" => self.group(of, place, report).map(|(id, _)| Target::CoordinatorOf(id)),
            "member" => self.group(of, place, report).map(|(_, nodes)| Target::OneOf(nodes)),
            "instance" => self.producer(of, place, report).map(Target::OneOf),
            other => {
                let roles = ["leader", "follower", "coordinator", "member", "instance"];
                report.unknown_word(place, "role", other, &roles);
                None
            }
        }
    }

    /// The processes of a name: one, all instances of a producer, or all members of a group.
    pub(super) fn processes(
        &self,
        name: &str,
        place: Place,
        report: &mut Report,
    ) -> Option<Vec<NodeId>> {
        let name = name.trim();
        if let Some((_, node)) = self.processes.iter().find(|(known, _)| known == name) {
            return Some(vec![*node]);
        }
        if let Some((_, nodes)) = self.producers.iter().find(|(known, _)| known == name) {
            return Some(nodes.clone());
        }
        if let Some((_, _, nodes)) = self.groups.iter().find(|(known, ..)| known == name) {
            return Some(nodes.clone());
        }
        if name == "any broker" {
            return Some(self.brokers());
        }
        let processes = self.processes.iter().map(|(known, _)| known.as_str());
        let producers = self.producers.iter().map(|(known, _)| known.as_str());
        let groups = self.groups.iter().map(|(known, ..)| known.as_str());
        let known: Vec<&str> = producers.chain(groups).chain(processes).take(40).collect();
        report.unknown_word(place, "process", name, &known);
        None
    }

    /// A broker by its name, such as `broker-2`.
    pub(super) fn broker(&self, name: &str, place: Place, report: &mut Report) -> Option<BrokerId> {
        let named = self.processes.iter().find(|(known, _)| known == name.trim());
        let broker = named.and_then(|(_, node)| self.roster.broker_at(*node));
        if broker.is_none() {
            let brokers =
                self.processes.iter().filter(|(_, node)| self.roster.broker_at(*node).is_some());
            let known: Vec<&str> = brokers.map(|(name, _)| name.as_str()).collect();
            report.unknown_word(place, "broker", name, &known);
        }
        broker
    }

    /// `orders-0`.
    pub(super) fn partition(
        &self,
        text: &str,
        place: Place,
        report: &mut Report,
    ) -> Option<TopicPartition> {
        let text = text.trim();
        let number = text
            .rsplit_once('-')
            .and_then(|(name, number)| number.parse::<u16>().ok().map(|number| (name, number)));
        let known: Vec<&str> = self.topics.iter().map(|(name, ..)| name.as_str()).collect();
        let Some((name, number)) = number else {
            if known.contains(&text) {
                let message = format!("`{text}` is a topic, but a partition is needed");
                report.conflict(place, message, &format!("for example `{text}-0`"));
            } else {
                report.unknown_word(place, "partition", text, &[]);
            }
            return None;
        };
        let (id, partitions) = self.topic(name, place, report)?;
        if number >= partitions {
            let range = format!("below {partitions}, since partitions count from 0");
            report.out_of_range(place, "the partition", u64::from(number), &range);
            return None;
        }
        Some(TopicPartition::new(id, number))
    }

    pub(super) fn topic(
        &self,
        name: &str,
        place: Place,
        report: &mut Report,
    ) -> Option<(TopicId, u16)> {
        let found = self.topics.iter().find(|(known, ..)| known == name.trim());
        if found.is_none() {
            let known: Vec<&str> =
                self.topics[1..].iter().map(|(name, ..)| name.as_str()).collect();
            report.unknown_word(place, "topic", name, &known);
        }
        found.map(|(_, id, partitions)| (*id, *partitions))
    }

    pub(super) fn group(
        &self,
        name: &str,
        place: Place,
        report: &mut Report,
    ) -> Option<(GroupId, Vec<NodeId>)> {
        let found = self.groups.iter().find(|(known, ..)| known == name.trim());
        if found.is_none() {
            let known: Vec<&str> = self.groups.iter().map(|(name, ..)| name.as_str()).collect();
            report.unknown_word(place, "group", name.trim(), &known);
        }
        found.map(|(_, id, nodes)| (*id, nodes.clone()))
    }

    /// A group, or one of its members.
    pub(super) fn members(
        &self,
        name: &str,
        place: Place,
        report: &mut Report,
    ) -> Option<(GroupId, Option<NodeId>)> {
        let groups = self.groups.iter().map(|(known, id, _)| (known.as_str(), (*id, None)));
        let members = self.processes.iter().filter_map(|(known, node)| {
            let group = self.groups.iter().find(|(_, _, nodes)| nodes.contains(node));
            group.map(|(_, id, _)| (known.as_str(), (*id, Some(*node))))
        });
        let all: Vec<_> = groups.chain(members).collect();
        let found = all.iter().find(|(known, _)| *known == name.trim());
        if found.is_none() {
            let known: Vec<&str> = all.iter().map(|(known, _)| *known).take(40).collect();
            report.unknown_word(place, "group or member", name.trim(), &known);
        }
        found.map(|(_, whom)| *whom)
    }

    pub(super) fn group_names(&self) -> impl Iterator<Item = (&str, GroupId)> {
        self.groups.iter().map(|(name, id, _)| (name.as_str(), *id))
    }

    pub(super) fn topic_names(&self) -> impl Iterator<Item = (&str, TopicId)> {
        self.topics.iter().map(|(name, id, _)| (name.as_str(), *id))
    }

    /// A group's name.
    pub(super) fn describe_group(&self, group: GroupId) -> &str {
        &self.groups[group.index()].0
    }

    /// A target in words.
    pub(super) fn describe(&self, target: &Target) -> String {
        match target {
            Target::Process(node) => self.name(*node).to_owned(),
            Target::OneOf(nodes) => self.describe_some(nodes),
            Target::LeaderOf(partition) => {
                format!("leader of {}", self.describe_partition(*partition))
            }
            Target::FollowerOf(partition) => {
                format!("follower of {}", self.describe_partition(*partition))
            }
            Target::CoordinatorOf(group) => {
                format!("coordinator of {}", self.groups[group.index()].0)
            }
            Target::Controller => "controller".to_owned(),
        }
    }

    pub(super) fn describe_partition(&self, partition: TopicPartition) -> String {
        format!("{}-{}", self.topics[partition.topic.index()].0, partition.partition)
    }

    pub(super) fn describe_topic(&self, topic: TopicId) -> &str {
        &self.topics[topic.index()].0
    }

    pub(super) fn name(&self, node: NodeId) -> &str {
        let found = self.processes.iter().find(|(_, known)| *known == node);
        found.map_or("admin", |(name, _)| name)
    }

    fn describe_some(&self, nodes: &[NodeId]) -> String {
        if nodes == self.brokers() {
            return "any broker".to_owned();
        }
        if let Some((name, ..)) = self.groups.iter().find(|(_, _, members)| members == nodes) {
            return format!("member of {name}");
        }
        if let Some((name, _)) = self.producers.iter().find(|(_, instances)| instances == nodes) {
            return format!("instance of {name}");
        }
        let names: Vec<&str> = nodes.iter().map(|node| self.name(*node)).collect();
        format!("one of {}", names.join(", "))
    }

    fn brokers(&self) -> Vec<NodeId> {
        self.roster.brokers().map(|(_, node)| node).collect()
    }

    fn any(&self, kind: &str, place: Place, report: &mut Report) -> Option<Target> {
        let nodes: Vec<NodeId> = match kind {
            "broker" => self.brokers(),
            "controller" => self.roster.controllers().collect(),
            "producer" => self.roster.producers().collect(),
            "consumer" => self.groups.iter().flat_map(|(_, _, nodes)| nodes.clone()).collect(),
            other => {
                let kinds = ["broker", "controller", "producer", "consumer"];
                report.unknown_word(place, "kind of process", other, &kinds);
                return None;
            }
        };
        if nodes.is_empty() {
            report.unknown_word(place, "kind of process", kind, &[]);
            return None;
        }
        Some(Target::OneOf(nodes))
    }

    fn producer(&self, name: &str, place: Place, report: &mut Report) -> Option<Vec<NodeId>> {
        let found = self.producers.iter().find(|(known, _)| known == name.trim());
        if found.is_none() {
            let known: Vec<&str> = self.producers.iter().map(|(name, _)| name.as_str()).collect();
            report.unknown_word(place, "producer", name.trim(), &known);
        }
        found.map(|(_, nodes)| nodes.clone())
    }
}

fn one_of(nodes: Vec<NodeId>) -> Target {
    match nodes.as_slice() {
        [node] => Target::Process(*node),
        [] | [_, _, ..] => Target::OneOf(nodes),
    }
}
