//! A pipeline as its settings describe it: what was written, what it comes to with the client's defaults, and as much of the
//! topology as is known.
//!
//! Finds nothing wrong with it; says where everything stands.

use stormglass_kafka::config::{Client, DefaultValue, Entry, Role, broker_synonyms, find, in_java};
use stormglass_sim::plan::{Commits, Processing};
use stormglass_types::Span;
use stormglass_types::history::CommitMode;

use crate::scenario::{Draft, Place, Report, Setting};

/// The settings of the cluster, a topic, a producer or a consumer.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) role: Role,
    pub(super) client: Client,
    /// As people call it.
    pub(super) name: String,
    /// Its name, or its file.
    pub(super) head: Place,
    /// Under Java's names.
    pub(super) settings: Vec<Setting>,
    /// The client's own defaults, under Java's names; none where they are Java's.
    pub(super) defaults: Vec<(String, String)>,
    /// The scenario language's own keys.
    pub(super) own: Vec<(&'static str, Place)>,
}

/// A topic.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) section: Section,
    pub(super) partitions: Option<u16>,
    pub(super) replication: Option<u16>,
}

/// A producer application.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    pub(super) section: Section,
    /// Where it sends; an index of the pipeline's topics.
    pub(super) to: Option<usize>,
    /// Whether its records have keys, if that is known.
    pub(super) keyed: Option<bool>,
    /// Whether its client's partitioner decides where records go, as far as is known.
    pub(super) asks_partitioner: bool,
    /// The most frequent key and its share in percent.
    pub(super) hottest: Option<(String, u64)>,
    pub(super) instances: Option<u16>,
    /// Whether events are dealt to its instances whatever their keys, if that is known.
    pub(super) deals_blindly: bool,
}

/// A group of consumers.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) section: Section,
    /// What it reads; indices of the pipeline's topics.
    pub(super) topics: Vec<usize>,
    /// How many members it has at the most, if that is known.
    pub(super) members: Option<u16>,
    /// `group.instance.id` of its members, if they are known one by one.
    pub(super) instances: Vec<Option<String>>,
    /// How its application works, if that is known.
    pub(super) application: Option<Application>,
}

/// What an application does with its records.
#[derive(Clone, Debug)]
pub(super) struct Application {
    pub(super) processing: Processing,
    /// Time per record at its worst, where the scenario slows it down.
    pub(super) slowest: Span,
    /// What settings alone do not tell; none where only the time per record is known.
    pub(super) behaviour: Option<Behaviour>,
}

/// What a scenario says of a group's application and of what happens to it.
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    pub(super) commit: CommitMode,
    pub(super) commits: Commits,
    pub(super) assigns: bool,
    /// From the first to the last start of the members that it begins with.
    pub(super) start: Span,
    /// Whether members come while it runs.
    pub(super) grows: bool,
    /// How long members are down that are asked to stop, in the order of the faults.
    pub(super) restarts: Vec<Span>,
    /// How long its members are down, however they stop: the longest.
    pub(super) longest_down: Span,
}

/// A topic's number of partitions is raised.
#[derive(Clone, Debug)]
pub(super) struct Expansion {
    pub(super) topic: usize,
    pub(super) to: u16,
    pub(super) place: Place,
}

/// Everything that is known.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// The texts that places point into.
    pub(super) sources: Report,
    /// Brokers; none if nobody said anything of them.
    pub(super) cluster: Option<Section>,
    pub(super) brokers: Option<u16>,
    pub(super) topics: Vec<Topic>,
    pub(super) producers: Vec<Producer>,
    pub(super) groups: Vec<Group>,
    pub(super) expansions: Vec<Expansion>,
    /// The scenario, if it is one, so that fixes are YAML.
    pub(super) draft: Option<Draft>,
}

/// `acks`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Acks {
    Zero,
    One,
    All,
}

/// Whether a producer's retries are told from new records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Idempotence {
    On,
    /// Because somebody said so, or because it is the client's default.
    Off,
    /// Because something else contradicts it, which no error says.
    Dropped(&'static str),
}

/// A setting of a topic with the place where its value comes from.
pub(super) struct Resolved<'p> {
    pub(super) value: &'p str,
    pub(super) place: Place,
    /// Whether anybody set it.
    pub(super) set: bool,
}

/// What a client comes with where that is not what Java's comes with, under Java's names.
pub(super) fn defaults_of(client: Client, role: Role) -> Vec<(String, String)> {
    let java = Client::Java.role(role);
    let whose = client.role(role);
    if whose.keys() == java.keys() {
        return Vec::new();
    }
    let mut defaults = Vec::new();
    for key in whose.keys() {
        if let DefaultValue::Is(value) = key.default {
            let (name, value) = in_java(key.name, value);
            defaults.push((name.to_owned(), value));
        }
    }
    // Its consumer hands messages out one by one.
    defaults.retain(|(name, _)| name != "max.poll.records");
    defaults.push(("max.poll.records".to_owned(), "1".to_owned()));
    defaults
}

impl Section {
    /// What a key is set to, if it is.
    pub(super) fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.key == key)
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.setting(key).is_some()
    }

    /// What a key comes to.
    pub(super) fn text(&self, key: &str) -> &str {
        self.setting(key).map_or_else(|| self.default(key), |setting| setting.value.trim())
    }

    /// A number that a key comes to; zero if there is none.
    pub(super) fn number(&self, key: &str) -> i64 {
        self.text(key).parse().unwrap_or(0)
    }

    pub(super) fn millis(&self, key: &str) -> Span {
        Span::millis(u64::try_from(self.number(key)).unwrap_or(0))
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.text(key).eq_ignore_ascii_case("true") || self.text(key) == "1"
    }

    /// Where a key is set, or else where the section begins.
    pub(super) fn place(&self, key: &str) -> Place {
        let own = || self.own.iter().find(|(name, _)| *name == key).map(|(_, place)| *place);
        let set = self.setting(key).map(|setting| setting.place);
        set.or_else(own).unwrap_or(self.head)
    }

    /// `key=value`, and whether that is somebody's choice.
    pub(super) fn says(&self, key: &str) -> String {
        let value = self.text(key);
        if self.is_set(key) {
            format!("`{key}={value}`")
        } else {
            format!("`{key}` is left at its default, `{value}`")
        }
    }

    fn default(&self, key: &str) -> &str {
        let other = self.defaults.iter().find(|(name, _)| name == key);
        let table = || match find(self.role, key).map(|key| key.default) {
            Some(DefaultValue::Is(value)) => value,
            Some(DefaultValue::Required | DefaultValue::Null) | None => "",
        };
        other.map_or_else(table, |(_, value)| value.as_str())
    }

    /// As Kafka's own tables read them.
    pub(super) fn entries(&self) -> Vec<Entry<'_>> {
        let numbered = self.settings.iter().enumerate();
        numbered.map(|(at, Setting { key, value, .. })| Entry { key, value, at }).collect()
    }

    /// Whether the value is another for everyone who reads the file: `${HOSTNAME}`, `%i`, `{{ pod }}`.
    pub(super) fn is_template(&self, key: &str) -> bool {
        let value = self.text(key);
        ["${", "$(", "{{", "%", "<"].iter().any(|sign| value.contains(sign))
    }
}

impl Producer {
    pub(super) fn acks(&self) -> Acks {
        match self.section.text("acks") {
            "0" => Acks::Zero,
            "1" => Acks::One,
            _ => Acks::All,
        }
    }

    /// As `ProducerConfig.postProcessAndValidateIdempotenceConfigs` decides it; librdkafka has it off by default.
    pub(super) fn idempotence(&self) -> Idempotence {
        if !self.section.flag("enable.idempotence") {
            return Idempotence::Off;
        }
        if self.section.is_set("enable.idempotence") {
            return Idempotence::On;
        }
        if self.acks() != Acks::All {
            return Idempotence::Dropped("acks");
        }
        if self.section.number("retries") == 0 {
            return Idempotence::Dropped("retries");
        }
        Idempotence::On
    }

    pub(super) fn is_transactional(&self) -> bool {
        !self.section.text("transactional.id").is_empty()
    }
}

impl Group {
    pub(super) fn behaviour(&self) -> Option<&Behaviour> {
        self.application.as_ref()?.behaviour.as_ref()
    }

    /// Whether the client commits by itself.
    pub(super) fn commits_by_itself(&self) -> bool {
        match self.behaviour() {
            Some(behaviour) => behaviour.commit == CommitMode::Automatic,
            None => self.section.flag("enable.auto.commit"),
        }
    }
}

impl Pipeline {
    pub(super) const fn is_scenario(&self) -> bool {
        self.draft.is_some()
    }

    /// A setting of a topic, its own or else the cluster's.
    pub(super) fn of_topic<'p>(&'p self, topic: &'p Topic, key: &str) -> Resolved<'p> {
        if topic.section.is_set(key) {
            let (value, place) = (topic.section.text(key), topic.section.place(key));
            return Resolved { value, place, set: true };
        }
        let cluster = self.cluster.iter();
        let mut named = cluster.flat_map(|cluster| {
            broker_synonyms(key).iter().filter_map(|name| cluster.setting(name))
        });
        match named.next() {
            Some(Setting { value, place, .. }) => {
                Resolved { value: value.trim(), place: *place, set: true }
            }
            None => {
                Resolved { value: topic.section.text(key), place: topic.section.head, set: false }
            }
        }
    }

    /// How many replicas must have a record.
    pub(super) fn min_insync(&self, topic: &Topic) -> u16 {
        self.of_topic(topic, "min.insync.replicas").value.parse().unwrap_or(1)
    }

    /// How long a cluster takes to notice that a broker is gone.
    pub(super) fn broker_session(&self) -> Span {
        match &self.cluster {
            Some(cluster) => cluster.millis("broker.session.timeout.ms"),
            None => Span::secs(9),
        }
    }

    /// The producers that send to a topic; those of which nobody said where they send count, too.
    pub(super) fn producers_to(&self, topic: usize) -> impl Iterator<Item = (usize, &Producer)> {
        let all = self.producers.iter().enumerate();
        all.filter(move |(_, producer)| producer.to.is_none_or(|to| to == topic))
    }
}
