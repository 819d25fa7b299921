//! Pipelines from what people have: a scenario, or the properties of producers, consumers, topics and brokers.
//!
//! Judges settings only as far as Kafka itself would refuse them.

use std::path::Path;
use std::sync::Arc;

use stormglass_kafka::config::{
    Client, Problem, Role, in_java, is_false_friend, parse_broker, parse_consumer, parse_producer,
    parse_topic,
};
use stormglass_kafka::settings::TopicSettings;
use stormglass_sim::plan::{
    ChosenBy, DealtBy, FaultAction, GroupPlan, Keys, Plan, Processing, ProducerPlan, SpanRange,
    Subscribing, Target,
};
use stormglass_types::{Dense, GroupId, NodeId, Span};

use super::pipeline::{
    Application, Behaviour, Expansion, Group, Pipeline, Producer, Section, Topic, defaults_of,
};
use crate::scenario::{
    Place, Report, Scenario, Setting, WrittenSection, properties, read_text, span_of,
};

/// Where settings come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A properties file.
    File(String),
    /// The command line: which flag, and `key=value`.
    Argument(&'static str, String),
}

impl Origin {
    /// A flag's argument: a file, or a setting if there is no such file and it looks like one.
    #[must_use]
    pub fn of(flag: &'static str, text: &str) -> Self {
        if text.contains('=') && !Path::new(text).exists() {
            Self::Argument(flag, text.to_owned())
        } else {
            Self::File(text.to_owned())
        }
    }
}

/// Settings of real clients, and what their owner says about them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties {
    /// Producers.
    pub producers: Vec<(Client, Origin)>,
    /// Consumers, each of a group of its own.
    pub consumers: Vec<(Client, Origin)>,
    /// A topic; `partitions` and `replication.factor` count as settings.
    pub topic: Vec<Origin>,
    /// Brokers.
    pub brokers: Vec<Origin>,
    /// How many instances each application has.
    pub instances: Option<u16>,
    /// How long an application works on a record.
    pub each: Option<Span>,
}

impl Pipeline {
    /// A scenario's pipeline.
    pub(super) fn of_scenario(scenario: &Scenario) -> Self {
        let written = scenario.written();
        let plan = scenario.plan_without_chaos(scenario.seeds().start);
        let section = |role, written: &WrittenSection| Section {
            role,
            client: written.client,
            name: written.name.clone(),
            head: written.head,
            settings: in_javas_words(written),
            defaults: defaults_of(written.client, role),
            own: written.own.clone(),
        };
        let topics = written.topics.iter().zip(&plan.topics).map(|(written, topic)| Topic {
            section: section(Role::Topic, written),
            partitions: Some(topic.partitions),
            replication: Some(topic.replication),
        });
        let producers = written.producers.iter().map(|written| {
            let instance_of = |producer: &&ProducerPlan| {
                let name = producer.name.rsplit_once('-').map(|(name, _)| name);
                name == Some(written.name.as_str())
            };
            let instances = plan.producers.iter().filter(instance_of);
            let one = instances.clone().next();
            Producer {
                section: section(Role::Producer, written),
                to: one.map(|producer| producer.topic.index() - 1),
                keyed: one.map(|producer| producer.load.keys != Keys::None),
                asks_partitioner: one
                    .is_none_or(|one| one.sending.partition == ChosenBy::Partitioner),
                hottest: one.and_then(|producer| hottest(&plan, producer)),
                deals_blindly: one
                    .and_then(|one| one.dealt)
                    .is_some_and(|dealt| dealt.by == DealtBy::Turn),
                instances: u16::try_from(instances.count()).ok(),
            }
        });
        let groups = (0..)
            .zip(&written.groups)
            .map(|(at, written)| group_of(&plan, at, section(Role::Consumer, written)));
        let mut places = written.expansions.iter().copied();
        let mut last = written.cluster.head;
        let expansions = plan.faults.iter().filter_map(|fault| {
            let FaultAction::Expand { topic, partitions } = &fault.action else { return None };
            last = places.next().unwrap_or(last);
            let topic = topic.index().checked_sub(1)?;
            Some(Expansion { topic, to: *partitions, place: last })
        });
        let expansions = expansions.collect();
        Self {
            cluster: Some(section(Role::Broker, &written.cluster)),
            brokers: Some(plan.cluster.brokers),
            topics: topics.collect(),
            producers: producers.collect(),
            groups: groups.collect(),
            expansions,
            draft: Some(scenario.sketch()),
            sources: written.sources,
        }
    }

    /// The pipeline of real clients.
    ///
    /// # Errors
    /// If a file cannot be read, or if Kafka would refuse what is in it.
    pub(super) fn of_properties(given: &Properties) -> Result<(Self, Report), Report> {
        let mut reading = Reading { report: Report::default() };
        let producers: Vec<Section> = given
            .producers
            .iter()
            .filter_map(|(client, origin)| reading.one(Role::Producer, *client, origin))
            .collect();
        let consumers: Vec<Section> = given
            .consumers
            .iter()
            .filter_map(|(client, origin)| reading.one(Role::Consumer, *client, origin))
            .collect();
        let cluster = reading.section(Role::Broker, Client::Java, "brokers", &given.brokers);
        let topic = reading.section(Role::Topic, Client::Java, "topic", &given.topic);
        let report = reading.report;
        if report.has_errors() {
            return Err(report);
        }
        let topic = topic.or_else(|| {
            // What brokers say of topics holds for those that say nothing themselves.
            let cluster = cluster.as_ref()?;
            let (role, name) = (Role::Topic, "topics".to_owned());
            Some(Section { role, name, settings: Vec::new(), ..cluster.clone() })
        });
        let number = |section: Option<&Section>, key: &str| -> Option<u16> {
            section?.setting(key)?.value.trim().parse().ok()
        };
        let topics = topic.into_iter().map(|section| Topic {
            partitions: number(Some(&section), "partitions"),
            replication: number(Some(&section), "replication.factor")
                .or_else(|| number(cluster.as_ref(), "default.replication.factor")),
            section,
        });
        let topics: Vec<Topic> = topics.collect();
        let producers = producers.into_iter().map(|section| Producer {
            section,
            to: (!topics.is_empty()).then_some(0),
            keyed: None,
            asks_partitioner: true,
            hottest: None,
            instances: given.instances,
            deals_blindly: false,
        });
        let application = given.each.map(|each| Application {
            processing: Processing::plain(SpanRange { least: each, most: each }),
            slowest: each,
            behaviour: None,
        });
        let groups = consumers.into_iter().map(|section| Group {
            section,
            topics: (0..topics.len()).collect(),
            members: given.instances,
            instances: Vec::new(),
            application: application.clone(),
        });
        let (producers, groups) = (producers.collect(), groups.collect());
        let pipeline = Self {
            brokers: None,
            cluster,
            topics,
            producers,
            groups,
            expansions: Vec::new(),
            draft: None,
            sources: report.clone(),
        };
        Ok((pipeline, report))
    }
}

/// Reads properties and keeps what is wrong with them.
struct Reading {
    report: Report,
}

impl Reading {
    /// A section from all of its origins; none if there are none.
    fn section(
        &mut self,
        role: Role,
        client: Client,
        name: &str,
        origins: &[Origin],
    ) -> Option<Section> {
        let mut whole: Option<Section> = None;
        for origin in origins {
            let Some(part) = self.one(role, client, origin) else { continue };
            match &mut whole {
                Some(whole) => whole.settings.extend(part.settings),
                None => whole = Some(Section { name: name.to_owned(), ..part }),
            }
        }
        whole
    }

    fn one(&mut self, role: Role, client: Client, origin: &Origin) -> Option<Section> {
        let (name, text): (String, Arc<str>) = match origin {
            Origin::File(path) => (path.clone(), read_text(None, path, &mut self.report)?.into()),
            Origin::Argument(flag, text) => ((*flag).to_owned(), text.as_str().into()),
        };
        let source = self.report.add_source(&name, &text);
        let mut settings: Vec<Setting> = Vec::new();
        for (key, value, place) in properties(&text, source) {
            let (key, value) = match client {
                Client::Java => (key, value.trim().to_owned()),
                Client::Librdkafka if is_false_friend(&key) => continue,
                Client::Librdkafka => {
                    let (name, value) = in_java(&key, &value);
                    (name.to_owned(), value)
                }
            };
            settings.push(Setting { key, value, place });
        }
        let section = Section {
            role,
            client,
            name,
            head: Place { source, from: 0, to: 0 },
            settings,
            defaults: defaults_of(client, role),
            own: Vec::new(),
        };
        if client == Client::Java {
            self.refusals(&section);
        }
        Some(section)
    }

    /// What Kafka would not start with, and keys that it would not know.
    fn refusals(&mut self, section: &Section) {
        const OWN: [&str; 2] = ["partitions", "replication.factor"];
        let entries = section.entries();
        let known =
            entries.iter().filter(|entry| section.role != Role::Topic || !OWN.contains(&entry.key));
        let entries: Vec<_> = known.copied().collect();
        let issues = match section.role {
            Role::Producer => parse_producer(&entries).issues,
            Role::Consumer => parse_consumer(&entries).issues,
            Role::Topic => parse_topic(&entries, &TopicSettings::default()).issues,
            Role::Broker => parse_broker(&entries).issues,
        };
        for issue in &issues {
            let place = section.settings[issue.at].place;
            match issue.problem {
                // Not modelled is not wrong; values that depend on where a file is read cannot be judged here.
                Problem::NotModelled { .. } | Problem::ValueNotModelled { .. } => {}
                _ if section.is_template(issue.key) => {}
                // Later lines win, as in Java's `Properties`.
                Problem::Duplicate { .. } => {}
                // Clients warn of keys that they do not know, and go on.
                Problem::UnknownKey { suggestion: None, belongs_to: None, .. } => {}
                Problem::UnknownKey { .. } => {
                    let help = issue.help().map(|help| format!(": {help}")).unwrap_or_default();
                    self.report.note(place, format!("{issue}{help}"));
                }
                Problem::BadValue { .. }
                | Problem::UnknownWord { .. }
                | Problem::Empty
                | Problem::OutOfRange { .. }
                | Problem::Conflict { .. } => self.report.config_issue(place, issue),
            }
        }
    }
}

/// Settings as Java's client would have them.
fn in_javas_words(section: &WrittenSection) -> Vec<Setting> {
    let settings = section.settings.iter();
    match section.client {
        Client::Java => settings.cloned().collect(),
        Client::Librdkafka => {
            let settings = settings.filter(|setting| !is_false_friend(&setting.key));
            let translated = settings.map(|setting| {
                let (key, value) = in_java(&setting.key, &setting.value);
                Setting { key: key.to_owned(), value, place: setting.place }
            });
            translated.collect()
        }
    }
}

fn group_of(plan: &Plan, at: usize, section: Section) -> Group {
    let group = &plan.groups[at];
    let nodes: Vec<NodeId> = plan.roster().members(GroupId::from_index(at)).collect();
    let is_member = |target: &Target| match target {
        Target::Process(node) => nodes.contains(node),
        Target::OneOf(among) => among.iter().any(|node| nodes.contains(node)),
        Target::LeaderOf(_)
        | Target::FollowerOf(_)
        | Target::CoordinatorOf(_)
        | Target::Controller => false,
    };
    let (mut slowest, mut restarts) = (group.processing.each.most, Vec::new());
    let mut longest_down = Span::ZERO;
    for fault in &plan.faults {
        if let FaultAction::SlowProcessing { target, each, .. } = &fault.action
            && is_member(target)
        {
            slowest = slowest.max(*each);
        }
        if let FaultAction::Restart { target, down } = &fault.action
            && is_member(target)
        {
            restarts.push(*down);
        }
        if let FaultAction::Restart { target, down } | FaultAction::Kill { target, down, .. } =
            &fault.action
            && is_member(target)
        {
            longest_down = longest_down.max(*down);
        }
    }
    Group {
        topics: group.topics.iter().filter_map(|topic| topic.index().checked_sub(1)).collect(),
        members: u16::try_from(group.members.len()).ok(),
        instances: group
            .members
            .iter()
            .map(|member| member.settings.instance.as_deref().map(str::to_owned))
            .collect(),
        application: Some(Application {
            processing: group.processing.clone(),
            slowest,
            behaviour: Some(Behaviour {
                commit: group.commit,
                commits: group.commits,
                assigns: group.subscribing == Subscribing::Assigns,
                start: start_of(group),
                grows: section.own.iter().any(|(key, _)| *key == "scale"),
                restarts,
                longest_down,
            }),
        }),
        section,
    }
}

/// From the first to the last start of a group's members.
fn start_of(group: &GroupPlan) -> Span {
    let starts = group.members.iter().map(|member| member.starts_after);
    let (first, last) = (starts.clone().min(), starts.max());
    first.zip(last).map_or(Span::ZERO, |(first, last)| Span(last.0 - first.0))
}

/// The most frequent key of a producer, and its share in percent.
fn hottest(plan: &Plan, producer: &ProducerPlan) -> Option<(String, u64)> {
    let Keys::Weighted(keys) = &producer.load.keys else { return None };
    let all = keys.last()?.cumulative.max(1);
    let before = std::iter::once(0).chain(keys.iter().map(|key| key.cumulative));
    let weights = keys.iter().zip(before).map(|(key, before)| (key.cumulative - before, key.key));
    let (weight, key) = weights.max_by_key(|(weight, key)| (*weight, std::cmp::Reverse(*key)))?;
    let percent = u128::from(weight) * 100 / u128::from(all);
    let name = usize::try_from(key.0).ok().and_then(|at| plan.keys.get(at)).cloned();
    let name = name.unwrap_or_default();
    Some((name, u64::try_from(percent).unwrap_or(100)))
}

/// A time as people write it, such as `80ms`.
///
/// # Errors
/// If it is none; tells what is.
pub fn time(text: &str) -> Result<Span, String> {
    span_of(text).ok_or_else(|| format!("`{text}` is no time; write `80ms`, `2s` or `5m`"))
}
