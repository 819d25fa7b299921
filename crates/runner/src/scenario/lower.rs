//! From the words of a scenario to a plan: names become ids, defaults become values, everything that decides a run is there.
//!
//! Faults and expectations are read elsewhere; here is what stands before the first draw.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use regex_lite::Regex;
use stormglass_kafka::assignor::Rack;
use stormglass_kafka::config::{Client, Role, parse_broker, parse_topic};
use stormglass_kafka::settings::{
    AutoCommit, BrokerSettings, ConsumerSettings, EligibleLeaders, GroupProtocol, Past,
};
use stormglass_kafka::{Release, Rule, Rules};
use stormglass_sim::plan::{
    Cluster, Disk, GroupPlan, Keys, MemberPlan, Network, Phases, Plan, SpanRange, Subscribing,
    TopicPlan,
};
use stormglass_types::{Dense, Sequence, Span, TopicId};

use super::config::{Folder, Lines};
use super::diagnostic::{Place, Report};
use super::fields::Fields;
use super::keys::KeyNames;
use super::node::{Node, Value};
use super::scale::Tenure;
use super::schema::{self, Section};
use super::units;

/// When an application can commit, in words.
pub(super) const COMMITS: &[&str] = &["after-processing", "before-processing", "auto"];

/// The profile of a cluster without the bugs that are known.
const REPAIRED: &str = "repaired";

/// What a cluster's profile may be.
pub(super) fn profiles() -> Vec<String> {
    let releases = Release::ALL.iter().map(|release| format!("kafka-{release}"));
    iter::once(REPAIRED.to_owned()).chain(releases).collect()
}

/// Clients whose defaults differ and are not in the tables yet.
const OTHER_CLIENTS: &[&str] = &["sarama", "franz-go", "kafka-python"];

/// A scenario without its faults, and the seeds it is tested with.
pub(super) fn lower(
    file: &Fields<'_>,
    folder: &Folder,
    everyone: Option<Client>,
    report: &mut Report,
) -> (Plan, Range<u64>) {
    let (phases, seeds) = run(file, report);
    let (names, keys) = (Vec::new(), KeyNames::default());
    let storm = phases.storm;
    let mut lowering = Lowering { folder, everyone, storm, report, names, keys };
    let (cluster, rules, network, disk) = lowering.cluster(file);
    let mut topics = lowering.topics(file, &cluster);
    let producers = lowering.producers(file, &topics);
    for producer in producers.iter().filter(|it| it.sent_before != Sequence::default()) {
        let at = producer.topic.index().checked_sub(1);
        if let Some(topic) = at.and_then(|at| topics.get_mut(at)) {
            // What it sent then is gone, and brokers know it no longer.
            Arc::make_mut(&mut topic.settings).past = Past::GoneRecords;
        }
    }
    let mut groups = lowering.groups(file, &topics, &cluster.settings);
    let applications = lowering.applications(file, &topics, &mut groups);
    let keys = lowering.keys.finish();
    let faults = Vec::new();
    let plan = Plan {
        seed: seeds.start,
        cluster,
        rules,
        topics,
        keys,
        producers,
        groups,
        applications,
        network,
        disk,
        faults,
        phases,
    };
    (plan, seeds)
}

fn run(file: &Fields<'_>, report: &mut Report) -> (Phases, Range<u64>) {
    let run = section::<schema::Run>(file, "run", report);
    let phases = Phases {
        storm: run.read("for", report, units::some_time).unwrap_or(Span::secs(60)),
        settle: run.read("settle", report, units::some_time).unwrap_or(Span::secs(120)),
        max_events: run.number("max-events", (1, u64::MAX), report).unwrap_or(50_000_000),
    };
    let seeds = run.read("seeds", report, units::seeds).unwrap_or(0..20);
    (phases, seeds)
}

/// The section under a key, or an empty one.
pub(super) fn section<'n, S: Section>(
    file: &Fields<'n>,
    key: &str,
    report: &mut Report,
) -> Fields<'n> {
    match file.entry(key) {
        Some((key, node)) => Fields::of::<S>(node, key.place, report),
        None => Fields::none::<S>(file.place),
    }
}

pub(super) struct Lowering<'r> {
    folder: &'r Folder,
    /// Whose client every application has, whatever the scenario says.
    pub(super) everyone: Option<Client>,
    /// How long the storm lasts.
    pub(super) storm: Span,
    pub(super) report: &'r mut Report,
    /// Names that are taken, with what has them.
    names: Vec<(String, &'static str)>,
    pub(super) keys: KeyNames,
}

impl Lowering<'_> {
    fn cluster(&mut self, file: &Fields<'_>) -> (Cluster, Rules, Network, Disk) {
        let fields = section::<schema::Cluster>(file, "cluster", self.report);
        let brokers = self.small(&fields, "brokers", MOST_BROKERS).unwrap_or(3);
        let controllers = self.small(&fields, "controllers", MOST_CONTROLLERS).unwrap_or(1);
        if controllers.is_multiple_of(2) {
            let message = format!(
                "{controllers} controllers survive no more crashes than {}: a majority of them must run",
                controllers - 1
            );
            self.report.note(fields.place_of("controllers"), message);
        }
        let lines = Lines::of(&fields, self.folder, self.report);
        let mut settings: BrokerSettings = lines.parse(parse_broker, self.report);
        let wanted = settings.offsets_topic_replication;
        match lines.place_of("offsets.topic.replication.factor") {
            Some(place) if wanted > brokers => {
                let wanted = u64::from(wanted);
                self.report.too_many_replicas(place, "__consumer_offsets", wanted, brokers);
            }
            Some(_) => {}
            // A real cluster waits for as many brokers; here there will never be more.
            None => settings.offsets_topic_replication = wanted.min(brokers),
        }
        let mut rules = self.rules_of_profile(&fields);
        for (place, name) in fields.words("without", self.report) {
            match Rule::named(name.trim()) {
                Some(rule) => rules = rules.without(rule),
                None => {
                    let known: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
                    self.report.unknown_word(place, "rule", name, &known);
                }
            }
        }
        let network = section::<schema::Network>(&fields, "network", self.report);
        let disk = section::<schema::Disk>(&fields, "disk", self.report);
        let range =
            |least, most| SpanRange { least: Span::micros(least), most: Span::micros(most) };
        let network = Network {
            latency: network
                .read("latency", self.report, units::durations)
                .unwrap_or(range(200, 800)),
            bytes_per_second: network
                .read("bandwidth", self.report, units::bandwidth)
                .unwrap_or(125_000_000),
        };
        let sync = disk.read("sync", self.report, units::durations).unwrap_or(range(1_000, 5_000));
        let recovery =
            disk.read("log-recovery", self.report, units::durations).unwrap_or(range(0, 0));
        let racks = racks(&fields, self.report);
        let features = section::<schema::Features>(&fields, "features", self.report);
        let version = features.number("eligible.leader.replicas.version", (0, 1), self.report);
        let eligible_leaders = match version {
            Some(1) => EligibleLeaders::On,
            Some(_) | None => EligibleLeaders::Off,
        };
        let settings = Arc::new(settings);
        let cluster = Cluster { brokers, controllers, settings, racks, eligible_leaders };
        (cluster, rules, network, Disk { sync, recovery })
    }

    fn topics(&mut self, file: &Fields<'_>, cluster: &Cluster) -> Vec<TopicPlan> {
        let mut topics = Vec::new();
        let named = file.named("topics", self.report);
        if named.is_empty() {
            let example = "topics: { orders: { partitions: 12 } }";
            self.report.missing_key(file.place_of("topics"), file.title, "topics", example);
        }
        for (name, key, node) in named {
            self.take_name(name, key, "a topic");
            let fields = Fields::of::<schema::Topic>(node, key.place, self.report);
            if fields.get("partitions").is_none() {
                let of = format!("topic `{name}`");
                self.report.missing_key(key.place, &of, "partitions", "partitions: 12");
            }
            let partitions = self.small(&fields, "partitions", 10_000).unwrap_or(1);
            let wanted = self.small(&fields, "replication.factor", 1_000);
            if let Some(wanted) = wanted
                && wanted > cluster.brokers
            {
                let place = fields.place_of("replication.factor");
                self.report.too_many_replicas(place, name, u64::from(wanted), cluster.brokers);
            }
            let replication = wanted.unwrap_or(3).min(cluster.brokers);
            let lines = Lines::of(&fields, self.folder, self.report);
            let defaults = &cluster.settings.topic;
            let settings = lines.parse(|entries| parse_topic(entries, defaults), self.report);
            if settings.min_insync_replicas > replication {
                let place = lines.place_of("min.insync.replicas").unwrap_or(key.place);
                let message = format!(
                    "`{name}` has {replication} replicas, fewer than `min.insync.replicas` {}: no produce request with acks=all can succeed",
                    settings.min_insync_replicas
                );
                self.report.note(place, message);
            }
            let (name, settings) = (name.to_owned(), Arc::new(settings));
            let created_after = fields.read("after", self.report, units::duration);
            topics.push(TopicPlan { name, partitions, replication, settings, created_after });
        }
        topics
    }

    fn groups(
        &mut self,
        file: &Fields<'_>,
        topics: &[TopicPlan],
        broker: &BrokerSettings,
    ) -> Vec<GroupPlan> {
        let mut groups = Vec::new();
        for (name, key, node) in file.named("groups", self.report) {
            self.take_name(name, key, "a group");
            let fields = Fields::of::<schema::Group>(node, key.place, self.report);
            let members = self.small(&fields, "members", 1_000).unwrap_or(1);
            let (client, lines) = self.client(&fields, Role::Consumer);
            let mut settings: ConsumerSettings =
                lines.parse(|entries| client.parse_consumer(entries), self.report);
            self.check_session(&settings, broker, lines.place_of("session.timeout.ms"), key.place);
            let (commit, commits) = self.commit(&fields, &lines, &mut settings);
            let settings = Arc::new(settings);
            let (subscribing, subscribed) = match fields.get("assign") {
                Some(_) => self.own_assignment(&fields, name, topics),
                None => self.subscription(&fields, name, topics),
            };
            let racks = racks(&fields, self.report);
            if members > 1
                && settings.instance.is_some()
                && !lines.is_per_member()
                && let Some(place) = lines.place_of("group.instance.id")
            {
                let message = "all members have one `group.instance.id` and fence each other";
                self.report
                    .note(place, format!("{message}; `${{member}}` stands for a member's name"));
            }
            let releases =
                self.releases(&fields, broker, (client, settings.auto_commit), key.place);
            let own = |lines: &Lines, settings: &Arc<ConsumerSettings>, number: u16, name: &str| {
                let mut own = Arc::clone(settings);
                if lines.is_per_member() {
                    // Whatever is wrong with it was reported when the group's settings were read.
                    let lines = lines.of_member(name);
                    let mut parsed = lines
                        .parse(|entries| client.parse_consumer(entries), &mut Report::default());
                    parsed.auto_commit = settings.auto_commit;
                    own = Arc::new(parsed);
                }
                if let Some(turn) = usize::from(number - 1).checked_rem(racks.len()) {
                    Arc::make_mut(&mut own).rack = Some(racks[turn]);
                }
                own
            };
            let processing = self.processing(&fields, topics, client);
            let first = fields.read("after", self.report, units::duration).unwrap_or(Span::ZERO);
            let apart = fields.read("stagger", self.report, units::duration).unwrap_or(Span::ZERO);
            let poll = fields.read("poll", self.report, units::some_time);
            let starts = (0..u64::from(members)).map(|turn| first + apart.times(turn));
            let tenures = self.tenures(&fields, starts);
            let members = tenures.into_iter().zip(1..).map(|(tenure, member)| {
                let Tenure { starts_after, absences } = tenure;
                let name = format!("{name}-{member}");
                let settings = own(&lines, &settings, member, &name);
                let later =
                    releases.iter().map(|(since, lines, settings)| stormglass_sim::plan::Release {
                        since: *since,
                        settings: own(lines, settings, member, &name),
                    });
                MemberPlan { releases: later.collect(), name, settings, starts_after, absences }
            });
            groups.push(GroupPlan {
                name: name.to_owned(),
                topics: subscribed,
                subscribing,
                members: members.collect(),
                commit,
                commits,
                processing,
                poll_timeout: poll.unwrap_or(Span::millis(100)),
                seek_on_assign: self.seek_on_assign(&fields, &commits, subscribing),
            });
        }
        groups
    }

    /// The settings with which a group's members start from some time on.
    fn releases(
        &mut self,
        fields: &Fields<'_>,
        broker: &BrokerSettings,
        (client, auto_commit): (Client, AutoCommit),
        group: Place,
    ) -> Vec<(Span, Lines, Arc<ConsumerSettings>)> {
        let written_for = fields.text("profile", &mut Report::default());
        let written_for = written_for.and_then(|word| Client::named(word.trim()));
        let is_foreign = written_for.unwrap_or(Client::Java) != client;
        let mut releases: Vec<(Span, Lines, Arc<ConsumerSettings>)> = Vec::new();
        for node in fields.list("releases", self.report) {
            let release = Fields::of::<schema::Release>(node, node.place, self.report);
            let mut lines = Lines::of(&release, self.folder, self.report);
            if is_foreign {
                lines.translate(client, Role::Consumer, self.report);
            }
            let mut settings: ConsumerSettings =
                lines.parse(|entries| client.parse_consumer(entries), self.report);
            // What the application does about commits is said by its own key.
            settings.auto_commit = auto_commit;
            self.check_session(&settings, broker, lines.place_of("session.timeout.ms"), group);
            let Some(at) = release.read("at", self.report, units::duration) else {
                if release.get("at").is_none() {
                    let example = "{ at: 60s, config: { group.protocol: consumer } }";
                    self.report.missing_key(node.place, "`releases`", "at", example);
                }
                continue;
            };
            if releases.last().is_some_and(|(before, ..)| *before >= at) {
                let message = "`releases` must be in the order of their times".to_owned();
                let help = "let each begin after the one above it";
                self.report.conflict(release.place_of("at"), message, help);
            }
            releases.push((at, lines, Arc::new(settings)));
        }
        releases
    }

    /// A coordinator refuses members whose session is shorter or longer than it allows.
    fn check_session(
        &mut self,
        settings: &ConsumerSettings,
        broker: &BrokerSettings,
        place: Option<Place>,
        group: Place,
    ) {
        if settings.protocol != GroupProtocol::Classic {
            // The brokers themselves say how long it is.
            return;
        }
        let session = settings.session_timeout;
        let (least, most) = (broker.group_min_session_timeout, broker.group_max_session_timeout);
        if session < least || session > most {
            let message = format!(
                "`session.timeout.ms` is {session}, but the brokers accept {least} to {most}"
            );
            let help = "change it, or the brokers' `group.min.session.timeout.ms` and `group.max.session.timeout.ms`";
            self.report.conflict(place.unwrap_or(group), message, help);
        }
    }

    pub(super) fn subscription(
        &mut self,
        fields: &Fields<'_>,
        group: &str,
        topics: &[TopicPlan],
    ) -> (Subscribing, Vec<TopicId>) {
        if let Some((key, node)) = fields.entry("subscribe")
            && matches!(node.value, Value::Map(_))
        {
            let matching = Fields::of::<schema::Matching>(node, key.place, self.report);
            return (Subscribing::Pattern, self.matching(&matching, topics));
        }
        (Subscribing::Names, self.named_topics(fields, group, "subscribe", topics))
    }

    /// What a group reads that does not subscribe.
    fn own_assignment(
        &mut self,
        fields: &Fields<'_>,
        group: &str,
        topics: &[TopicPlan],
    ) -> (Subscribing, Vec<TopicId>) {
        if fields.get("subscribe").is_some() {
            let message = format!("group `{group}` subscribes and assigns itself");
            self.report.conflict(fields.place_of("assign"), message, "leave one of them out");
        }
        (Subscribing::Assigns, self.named_topics(fields, group, "assign", topics))
    }

    fn named_topics(
        &mut self,
        fields: &Fields<'_>,
        group: &str,
        key: &str,
        topics: &[TopicPlan],
    ) -> Vec<TopicId> {
        let words = fields.words(key, self.report);
        if words.is_empty() {
            let of = format!("group `{group}`");
            self.report.missing_key(fields.place, &of, "subscribe", "subscribe: [orders]");
        }
        let found = words.into_iter().filter_map(|(place, name)| self.topic(name, place, topics));
        let mut subscribed: Vec<TopicId> = found.collect();
        subscribed.sort_unstable();
        subscribed.dedup();
        subscribed
    }

    /// The topics whose whole names match a pattern.
    fn matching(&mut self, fields: &Fields<'_>, topics: &[TopicPlan]) -> Vec<TopicId> {
        let Some(text) = fields.text("pattern", self.report) else { return Vec::new() };
        let place = fields.place_of("pattern");
        let Ok(pattern) = Regex::new(&format!("^(?:{text})$")) else {
            let help = "write it as Java or RE2 would, such as `orders-.*`";
            self.report.conflict(place, format!("`{text}` is not a regular expression"), help);
            return Vec::new();
        };
        let numbered = topics.iter().enumerate();
        let found = numbered.filter(|(_, topic)| pattern.is_match(&topic.name));
        let found: Vec<TopicId> = found.map(|(at, _)| TopicId::from_index(at + 1)).collect();
        if found.is_empty() {
            let help = "change the pattern, or add a topic that it matches";
            self.report.conflict(place, format!("no topic matches `{text}`"), help);
        }
        found
    }

    pub(super) fn required_topic(
        &mut self,
        fields: &Fields<'_>,
        name: &str,
        key: &'static str,
        topics: &[TopicPlan],
    ) -> TopicId {
        if fields.get(key).is_none() {
            let of = format!("producer `{name}`");
            self.report.missing_key(fields.place, &of, key, &format!("{key}: orders"));
        }
        let text = fields.text(key, self.report);
        let found = text.and_then(|text| self.topic(text, fields.place_of(key), topics));
        // A topic that does not exist was reported; nothing is run then.
        found.unwrap_or(TopicId::from_index(1))
    }

    pub(super) fn topic(
        &mut self,
        name: &str,
        place: Place,
        topics: &[TopicPlan],
    ) -> Option<TopicId> {
        let at = topics.iter().position(|topic| topic.name == name.trim());
        if at.is_none() {
            let known: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
            self.report.unknown_word(place, "topic", name, &known);
        }
        at.map(|at| TopicId::from_index(at + 1))
    }

    /// The rules that a cluster's profile has.
    fn rules_of_profile(&mut self, cluster: &Fields<'_>) -> Rules {
        let place = cluster.place_of("profile");
        let name = match cluster.text("profile", self.report).map(str::trim) {
            None | Some(REPAIRED) => return Rules::ALL,
            Some(name) => name,
        };
        let release = Release::of_profile(name);
        if release.is_none() {
            let known = profiles();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.report.unknown_word(place, "profile", name, &known);
        }
        release.map_or(Rules::ALL, Release::rules)
    }

    /// Whose client an application has, and what is set of it.
    pub(super) fn client(&mut self, fields: &Fields<'_>, role: Role) -> (Client, Lines) {
        let named = self.profile(fields);
        let mut lines = Lines::of(fields, self.folder, self.report);
        let Some(client) = self.everyone.filter(|client| *client != named) else {
            return (named, lines);
        };
        lines.translate(client, role, self.report);
        (client, lines)
    }

    fn profile(&mut self, fields: &Fields<'_>) -> Client {
        let Some(word) = fields.text("profile", self.report) else { return Client::Java };
        let place = fields.place_of("profile");
        if let Some(client) = Client::named(word.trim()) {
            return client;
        }
        if OTHER_CLIENTS.contains(&word.trim()) {
            let instead = "take `java` or `librdkafka`, and set what differs under `config`";
            self.report.not_modelled(place, &format!("the profile `{word}`"), instead);
        } else {
            let known = Client::ALL.iter().map(|client| client.name());
            let known: Vec<&str> = known.chain(OTHER_CLIENTS.iter().copied()).collect();
            self.report.unknown_word(place, "profile", word, &known);
        }
        Client::Java
    }

    pub(super) fn take_name(&mut self, name: &str, key: &Node, kind: &'static str) {
        let legal =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        if name.is_empty() || name.len() > 249 || !name.chars().all(legal) {
            self.report.bad_name(key.place, name);
        }
        let reserved =
            matches!(name, "broker" | "controller" | "admin" | "run" | "__consumer_offsets");
        let taken = self.names.iter().find(|(known, _)| known == name).map(|(_, by)| *by);
        if let Some(by) = taken.or(reserved.then_some("the simulator's own")) {
            self.report.name_taken(key.place, name, by);
        }
        self.names.push((name.to_owned(), kind));
    }

    /// A number from one to `most`.
    pub(super) fn small(&mut self, fields: &Fields<'_>, key: &str, most: u16) -> Option<u16> {
        let number = fields.number(key, (1, u64::from(most)), self.report)?;
        Some(u16::try_from(number).expect("checked to fit"))
    }
}

/// The most brokers that a cluster may have: a set of them is a word of 64 bits in the history, and ids begin with 1.
const MOST_BROKERS: u16 = 63;
/// More voters than anybody runs.
const MOST_CONTROLLERS: u16 = 9;

/// Names of racks.
fn racks(fields: &Fields<'_>, report: &mut Report) -> Arc<[Rack]> {
    fields.words("racks", report).into_iter().map(|(_, name)| Rack::of_name(name)).collect()
}

/// Whether a plan's keys are used at all; a plan without keys cannot promise an order per key.
pub(super) fn has_keys(plan: &Plan) -> bool {
    plan.producers.iter().any(|producer| producer.load.keys != Keys::None)
}
