//! The pipeline of a pair of scenarios with somebody's settings in it.
//!
//! Settings that change no run, such as addresses and passwords, are not put in.

use stormglass_kafka::config::{Client, Support, in_librdkafka};
use stormglass_types::Span;

use super::finding::{Edit, Finding, Subject};
use super::pipeline::{Pipeline, Section};
use super::proof::{Base, Expects, Stretch, Take};
use crate::scenario::{Draft, Scenario, Tree};
use crate::words;

/// A scenario that is to show a mistake.
#[derive(Clone, Debug)]
pub(super) struct Template {
    draft: Draft,
    /// Its topic, the producers that get the settings, and its group.
    topic: String,
    producers: Vec<String>,
    group: String,
}

/// Whose settings are put in; indices of the pipeline.
#[derive(Clone, Copy)]
struct Focus {
    topic: Option<usize>,
    producer: Option<usize>,
    group: Option<usize>,
}

/// No group is let away for longer than this in virtual time.
const LONGEST: Span = Span::secs(6 * 3_600);

impl Template {
    pub(super) fn of(name: &str, broken: &str, fixed: &str, base: Base) -> Self {
        let read = |text: &str| {
            Scenario::parse(name, text)
                .unwrap_or_else(|report| panic!("the pair {name} is not valid: {report}"))
                .sketch()
        };
        let mut draft = read(broken);
        if base == Base::Fixed {
            let sane = read(fixed);
            for section in ["cluster", "topics", "producers", "groups"] {
                match sane.get(&[section]) {
                    Some(tree) => draft.set(&[section], tree.clone()),
                    None => draft.remove(&[section]),
                }
            }
        }
        let first = |section: &str| {
            draft.keys(&[section]).first().map(|name| (*name).to_owned()).unwrap_or_default()
        };
        let (topic, group) = (first("topics"), first("groups"));
        // Of several producers the last is the odd one out.
        let producers = draft.keys(&["producers"]).last().map(|name| (*name).to_owned());
        let producers = producers.into_iter().collect();
        Self { topic, producers, group, draft }
    }

    pub(super) fn render(&self) -> String {
        self.draft.render()
    }

    pub(super) fn expect(&mut self, expects: Expects) {
        let bound = match expects {
            Expects::Pairs => return,
            Expects::Instead(bound) => {
                self.draft.remove(&["expect"]);
                bound
            }
            Expects::Also(bound) => bound,
        };
        let mut bounds = match self.draft.get(&["expect", "exceed"]) {
            Some(Tree::List(bounds)) => bounds.clone(),
            Some(Tree::Null | Tree::Text(_) | Tree::Map(_)) | None => Vec::new(),
        };
        bounds.push(Tree::from(bound));
        self.draft.set(&["expect", "exceed"], Tree::List(bounds));
        self.draft.remove(&["expect", "reach"]);
    }

    pub(super) fn describe(&mut self, finding: &Finding, pair: &str) {
        let mistake = finding.mistake;
        let about = format!(
            "Written by stormglass lint --prove. {}, {}: {}. Pipeline and faults are those of scenarios/{pair}; the settings are the ones that were looked at.",
            mistake.id,
            mistake.title,
            finding.spot.says.replace('`', ""),
        );
        self.draft.set(&["about"], Tree::Text(about));
    }

    /// Puts settings in; gives those that a scenario cannot have.
    pub(super) fn put_in(
        &mut self,
        pipeline: &Pipeline,
        subject: Subject,
        takes: &[Take],
    ) -> Vec<String> {
        let focus = Focus::of(pipeline, subject);
        let mut left_out = Vec::new();
        if let Some(cluster) = &pipeline.cluster {
            let config = config(cluster, &mut left_out);
            self.draft.set(&["cluster", "config"], config);
        }
        self.put_topic(pipeline, focus, takes, &mut left_out);
        if let Some(at) = focus.producer {
            let section = &pipeline.producers[at].section;
            let config = config(section, &mut left_out);
            for name in &self.producers {
                self.draft.set(&["producers", name, "config"], config.clone());
                self.draft.set(&["producers", name, "profile"], section.client.name().into());
            }
            self.put_transactions(pipeline, section);
            let taken =
                [(Take::Keys, "keys"), (Take::Instances, "instances"), (Take::Spread, "spread")];
            for (_, key) in taken.iter().filter(|(take, _)| takes.contains(take)) {
                let draft = pipeline.draft.as_ref();
                let own = draft.and_then(|draft| draft.get(&["producers", &section.name, key]));
                let Some(own) = own else { continue };
                for name in &self.producers {
                    self.draft.set(&["producers", name, key], own.clone());
                }
            }
        }
        if let Some(at) = focus.group {
            self.put_group(pipeline, at, takes, &mut left_out);
        }
        left_out.sort();
        left_out.dedup();
        left_out
    }

    /// A transactional producer's application commits, and another one's does not.
    fn put_transactions(&mut self, pipeline: &Pipeline, section: &Section) {
        let draft = pipeline.draft.as_ref();
        let own = draft.and_then(|draft| draft.get(&["producers", &section.name, "transactions"]));
        for name in self.producers.clone() {
            let path = ["producers", &name, "transactions"];
            let id = self.draft.get(&["producers", &name, "config", TRANSACTIONAL_ID]);
            if id.is_none() {
                self.draft.remove(&path);
            } else if self.draft.get(&path).is_none() {
                let mut usual = Tree::Map(Vec::new());
                usual.set("every", "500ms".into());
                self.draft.set(&path, own.cloned().unwrap_or(usual));
                for key in ["flush", "on-failure"] {
                    self.draft.remove(&["producers", &name, key]);
                }
            }
        }
    }

    fn put_topic(
        &mut self,
        pipeline: &Pipeline,
        focus: Focus,
        takes: &[Take],
        left_out: &mut Vec<String>,
    ) {
        let Some(topic) = focus.topic.and_then(|at| pipeline.topics.get(at)) else { return };
        let name = self.topic.clone();
        let mut config = config(&topic.section, left_out);
        // The template's brokers may have other defaults than those that the settings were looked at with.
        for key in ["min.insync.replicas", "unclean.leader.election.enable"] {
            config.set(key, pipeline.of_topic(topic, key).value.into());
        }
        self.draft.set(&["topics", &name, "config"], config);
        if let Some(replication) = topic.replication {
            let replication = u64::from(replication.min(3));
            self.draft.set(&["topics", &name, "replication.factor"], replication.into());
        }
        let partitions = topic.partitions.filter(|_| takes.contains(&Take::Partitions));
        if let Some(partitions) = partitions {
            self.draft.set(&["topics", &name, "partitions"], u64::from(partitions).into());
        }
    }

    fn put_group(
        &mut self,
        pipeline: &Pipeline,
        at: usize,
        takes: &[Take],
        left_out: &mut Vec<String>,
    ) {
        let group = &pipeline.groups[at];
        let name = self.group.clone();
        let config = config(&group.section, left_out);
        self.draft.set(&["groups", &name, "config"], config);
        self.draft.set(&["groups", &name, "profile"], group.section.client.name().into());
        let own = |key: &str| {
            pipeline.draft.as_ref()?.get(&["groups", &group.section.name, key]).cloned()
        };
        if takes.contains(&Take::Commit)
            && let Some(commit) = own("commit")
        {
            self.draft.set(&["groups", &name, "commit"], commit);
        }
        if takes.contains(&Take::Process)
            && let Some(mut process) = own("process")
        {
            // These name keys and topics of the other pipeline.
            process.remove("slow");
            process.remove("poison");
            self.draft.set(&["groups", &name, "process"], process);
        }
        if let Some(application) = group.application.as_ref()
            && takes.contains(&Take::Slowest)
        {
            let mut process = Tree::Map(Vec::new());
            process.set("each", application.slowest.into());
            if application.processing.per_poll.most > Span::ZERO {
                process.set("poll", application.processing.per_poll.most.into());
            }
            self.draft.set(&["groups", &name, "process"], process);
        }
        if takes.contains(&Take::Poison)
            && let Some(mut poison) = own("process").and_then(|it| it.get("poison").cloned())
        {
            poison.remove("keys");
            poison.remove("to");
            poison.set("one-in", 700.into());
            self.draft.set(&["groups", &name, "process", "poison"], poison);
        }
        if takes.contains(&Take::Members)
            && let Some(members) = group.members.filter(|members| *members > 1)
        {
            self.draft.remove(&["groups", &name, "scale"]);
            self.draft.set(&["groups", &name, "members"], u64::from(members).into());
        }
        let assigns = group.behaviour().is_some_and(|behaviour| behaviour.assigns);
        if takes.contains(&Take::Assign) && assigns {
            self.draft.remove(&["groups", &name, "subscribe"]);
            let topics = Tree::List(vec![Tree::from(self.topic.as_str())]);
            self.draft.set(&["groups", &name, "assign"], topics);
        }
        if group.commits_by_itself() {
            self.draft.set(&["groups", &name, "commit"], "auto".into());
        } else if self.commits_automatically() {
            self.draft.set(&["groups", &name, "commit"], "after-processing".into());
        }
    }

    fn commits_automatically(&self) -> bool {
        let commit = self.draft.get(&["groups", &self.group, "commit"]);
        commit.is_none_or(|commit| commit.text() == Some("auto"))
    }

    /// Makes the run, or what goes wrong in it, as long as the settings ask for.
    pub(super) fn stretch(
        &mut self,
        stretch: Stretch,
        pipeline: &Pipeline,
        subject: Subject,
    ) -> Result<(), String> {
        let focus = Focus::of(pipeline, subject);
        let group = focus.group.map(|at| &pipeline.groups[at].section);
        let lasts = match stretch {
            Stretch::None => return Ok(()),
            Stretch::PollInterval => {
                let interval = group.map(|group| group.millis("max.poll.interval.ms"));
                self.let_a_backlog_grow();
                Span::secs(75) + Span(interval.unwrap_or(Span::ZERO).0.saturating_mul(3))
            }
            Stretch::MetadataAge => {
                let producer = focus.producer.map(|at| &pipeline.producers[at].section);
                let ages = group.into_iter().chain(producer);
                let age = ages.map(|section| section.millis("metadata.max.age.ms")).max();
                let age = age.unwrap_or(Span::ZERO);
                Span::secs(60) + Span(age.0.saturating_add(age.0 / 2))
            }
            Stretch::Retention => {
                let down = self.let_records_go(pipeline, focus)?;
                Span::secs(45) + down + Span::secs(60)
            }
            Stretch::OffsetRetention => {
                let down = self.let_offsets_expire(pipeline)?;
                Span::secs(45) + down + Span::secs(60)
            }
        };
        if lasts > LONGEST + LONGEST {
            let long = words::short_span(lasts);
            return Err(format!("it would take {long} of virtual time to show"));
        }
        let run = self.draft.get(&["run", "for"]).and_then(Tree::span).unwrap_or(Span::ZERO);
        if lasts > run {
            self.draft.set(&["run", "for"], lasts.into());
        }
        Ok(())
    }

    /// Lets the members begin, commit and be away for a minute: `auto.offset.reset` has no say in what they find then.
    fn let_a_backlog_grow(&mut self) {
        let group = self.group.clone();
        self.draft.remove(&["groups", &group, "after"]);
        let members = self.draft.get(&["groups", &group, "members"]).and_then(Tree::number);
        let away = |n| Tree::parse(&format!("{{ at: 15s, restart: {group}-{n}, for: 60s }}"));
        let faults = self
            .draft
            .faults()
            .iter()
            .cloned()
            .chain((1..=members.unwrap_or(1)).map(away))
            .collect();
        self.draft.set_faults(faults);
    }

    /// Lets the group be away until its records are deleted, and says for how long that is.
    fn let_records_go(&mut self, pipeline: &Pipeline, focus: Focus) -> Result<Span, String> {
        let Some(topic) = focus.topic.and_then(|at| pipeline.topics.get(at)) else {
            return Ok(Span::ZERO);
        };
        let millis = |key: &str| {
            let value = pipeline.of_topic(topic, key).value.parse().unwrap_or(0_u64);
            Span::millis(value)
        };
        // Segments go whole: once the newest record of a full one is too old.
        let kept = super::brokers::retention(pipeline, topic).map_or(-1, |(_, millis, _)| millis);
        let kept = u64::try_from(kept).map_or(Span::FOREVER, Span::millis);
        let segment = millis("segment.ms");
        let cluster = pipeline.cluster.as_ref();
        let check = cluster.map(|cluster| cluster.millis("log.retention.check.interval.ms"));
        let check = check.unwrap_or(Span::secs(300));
        let down = Span(kept.0.saturating_add(segment.0).saturating_add(check.0)) + Span::secs(30);
        if down > LONGEST {
            let long = words::short_span(down);
            return Err(format!("the group would have to be away for {long} of virtual time"));
        }
        let mut faults = self.draft.faults().to_vec();
        for fault in &mut faults {
            fault.set("for", down.into());
        }
        self.draft.set_faults(faults);
        if down > Span::secs(600) {
            for name in &self.producers {
                self.draft.set(&["producers", name, "rate"], "2/s".into());
            }
        }
        Ok(down)
    }

    /// Lets the group be away until its offsets are gone, and says for how long that is.
    fn let_offsets_expire(&mut self, pipeline: &Pipeline) -> Result<Span, String> {
        let Some(cluster) = &pipeline.cluster else { return Ok(Span::ZERO) };
        let minutes = u64::try_from(cluster.number("offsets.retention.minutes")).unwrap_or(0);
        let retention = Span::secs(minutes.saturating_mul(60));
        let check = cluster.millis("offsets.retention.check.interval.ms");
        let down = Span(retention.0.saturating_add(check.0)) + Span::secs(30);
        if down > LONGEST {
            let long = words::short_span(down);
            return Err(format!("the group would have to be away for {long} of virtual time"));
        }
        let mut faults = self.draft.faults().to_vec();
        for fault in &mut faults {
            fault.set("for", down.into());
        }
        self.draft.set_faults(faults);
        for name in &self.producers {
            self.draft.set(&["producers", name, "rate"], "2/s".into());
            // Without keys a partition may have no record, and so no offset, before the group goes away.
            self.draft.set(&["producers", name, "keys"], Tree::parse("{ count: 100 }"));
        }
        Ok(down)
    }

    /// Applies a fix.
    pub(super) fn edit(&mut self, edits: &[Edit]) {
        let (topic, group) = (self.topic.clone(), self.group.clone());
        for edit in edits {
            match edit {
                Edit::Cluster(key, value) => {
                    self.draft.set(&["cluster", "config", key], Tree::from(value.as_str()));
                }
                Edit::Topic(key, value) => {
                    let path = ["topics", &topic, "config", key];
                    self.draft.set(&path, Tree::from(value.as_str()));
                }
                Edit::Producer(key, value) => {
                    for name in self.producers.clone() {
                        let path = ["producers", &name, "config", key];
                        match value {
                            Some(value) => self.draft.set(&path, Tree::from(value.as_str())),
                            None => self.draft.remove(&path),
                        }
                    }
                }
                Edit::Consumer(key, value) => {
                    let path = ["groups", &group, "config", key];
                    self.draft.set(&path, Tree::from(value.as_str()));
                }
                Edit::OfTopic(path, value) => {
                    self.draft.set(&[&["topics", &topic], *path].concat(), value.clone());
                }
                Edit::OfProducer(path, value) => {
                    for name in self.producers.clone() {
                        self.draft.set(&[&["producers", &name], *path].concat(), value.clone());
                    }
                }
                Edit::OfGroup(keys, value) => {
                    let path = [&["groups", group.as_str()], *keys].concat();
                    match value {
                        Some(_) if *keys == ["subscribe"] => {
                            let topics = Tree::List(vec![Tree::from(topic.as_str())]);
                            self.draft.set(&path, topics);
                        }
                        Some(value) => self.draft.set(&path, value.clone()),
                        None => self.draft.remove(&path),
                    }
                }
            }
        }
        let off = self.draft.text(&["groups", &group, "config", "enable.auto.commit"]);
        if off == Some("false") && self.commits_automatically() {
            self.draft.set(&["groups", &group, "commit"], "after-processing".into());
        }
    }
}

impl Focus {
    /// Those that have to do with a subject, else the first of each.
    fn of(pipeline: &Pipeline, subject: Subject) -> Self {
        let reads =
            |topic: usize| pipeline.groups.iter().position(|group| group.topics.contains(&topic));
        let writes = |topic: usize| pipeline.producers_to(topic).next().map(|(at, _)| at);
        let first = (!pipeline.topics.is_empty()).then_some(0);
        let any_group = (!pipeline.groups.is_empty()).then_some(0);
        let any_producer = (!pipeline.producers.is_empty()).then_some(0);
        let topic = match subject {
            Subject::Cluster => first,
            Subject::Topic(at) => Some(at),
            Subject::Producer(at) => pipeline.producers[at].to.or(first),
            Subject::Group(at) => pipeline.groups[at].topics.first().copied().or(first),
        };
        let producer = match subject {
            Subject::Producer(at) => Some(at),
            Subject::Cluster | Subject::Topic(_) | Subject::Group(_) => {
                topic.and_then(writes).or(any_producer)
            }
        };
        let group = match subject {
            Subject::Group(at) => Some(at),
            Subject::Cluster | Subject::Topic(_) | Subject::Producer(_) => {
                topic.and_then(reads).or(any_group)
            }
        };
        Self { topic, producer, group }
    }
}

const TRANSACTIONAL_ID: &str = "transactional.id";

/// The settings that decide a run, in the client's own words.
fn config(section: &Section, left_out: &mut Vec<String>) -> Tree {
    const INSTANCE: &str = "group.instance.id";
    let mut config = Tree::Map(Vec::new());
    for setting in &section.settings {
        let (key, value) = (setting.key.as_str(), setting.value.trim());
        let said = match section.client {
            Client::Java => Some((key, value.to_owned())),
            Client::Librdkafka => in_librdkafka(section.role, key, value),
        };
        let Some((key, value)) = said else {
            left_out.push(key.to_owned());
            continue;
        };
        let own = value.contains("${member}");
        match section.client.role(section.role).find(key).map(|key| key.support) {
            Some(Support::Modelled)
                if [INSTANCE, TRANSACTIONAL_ID].contains(&key)
                    && section.is_template(key)
                    && !own =>
            {
                config.set(key, "${member}".into());
            }
            Some(Support::Modelled) if section.is_template(key) && !own => {
                left_out.push(key.to_owned());
            }
            Some(Support::Modelled) if key == "partitioner.class" && !is_modelled_class(&value) => {
                left_out.push(key.to_owned());
            }
            Some(Support::Modelled) => config.set(key, value.as_str().into()),
            Some(Support::Unmodelled) => left_out.push(key.to_owned()),
            Some(Support::Inert) | None => {}
        }
    }
    config
}

/// Whether a partitioner is one that scenarios have.
fn is_modelled_class(class: &str) -> bool {
    let name = class.rsplit('.').next().unwrap_or(class);
    matches!(name, "" | "null" | "RoundRobinPartitioner")
}
