//! How a group's application behaves, from `commit` and `process`: when and how it commits, how it processes records, and
//! what it does about those that it cannot process.

use std::sync::Arc;

use stormglass_kafka::Start;
use stormglass_kafka::config::Client;
use stormglass_kafka::settings::{AutoCommit, ConsumerSettings, StoredBy};
use stormglass_sim::plan::{
    AtRevocation, Blocking, CommitCall, CommitScope, Commits, Fencing, OffsetStore, OnPoison,
    Place, Poison, Poisonous, Processing, Retry, Sink, SpanRange, Subscribing, TopicPlan,
};
use stormglass_types::history::CommitMode;
use stormglass_types::{Dense, Key, Span, TopicId};

use super::config::Lines;
use super::fields::Fields;
use super::lower::{COMMITS, Lowering, section};
use super::node::Value;
use super::schema;
use super::units;

/// Where an application can process, in words.
pub(super) const PLACES: &[&str] = &["poll-loop", "other-thread"];
/// With which call it can commit.
pub(super) const CALLS: &[&str] = &["sync", "async", "store"];
/// What the callback of an asynchronous commit can do about a failure.
pub(super) const RETRIES: &[&str] = &["never", "blindly", "if-newest"];
/// What one commit can cover.
pub(super) const SCOPES: &[&str] = &["poll", "partition", "record"];
/// What it can do in `onPartitionsRevoked`.
pub(super) const ON_REVOKE: &[&str] = &["nothing", "commit"];
/// Where it can keep its offsets.
pub(super) const STORES: &[&str] = &["kafka", "own", "own-fenced"];
/// What it can do with a record that it cannot process.
pub(super) const ON_POISON: &[&str] = &["crash", "skip", "retry", "dead-letter"];
/// Where its results can go.
pub(super) const SINKS: &[&str] = &["plain", "idempotent"];

impl Lowering<'_> {
    /// When the application commits, and how.
    pub(super) fn commit(
        &mut self,
        fields: &Fields<'_>,
        lines: &Lines,
        settings: &mut ConsumerSettings,
    ) -> (CommitMode, Commits) {
        const FLAG: &str = "enable.auto.commit";
        let automatic = settings.auto_commit != AutoCommit::Off;
        let (mode, commits) = match fields.entry("commit") {
            Some((key, node)) if matches!(node.value, Value::Map(_)) => {
                let how = Fields::of::<schema::Commits>(node, key.place, self.report);
                let mode = self.choose(&how, "when", "time to commit", COMMITS, &MODES);
                (mode, self.commits(&how))
            }
            Some(_) | None => {
                let said = fields.get("commit").map(|_| ());
                let mode = self.choose(fields, "commit", "time to commit", COMMITS, &MODES);
                let mode = said.map_or(CommitMode::Automatic, |()| mode);
                (mode, Commits::PLAIN)
            }
        };
        let by_application = mode != CommitMode::Automatic;
        if commits.call == CommitCall::Store {
            let call = self.storing(fields, lines, settings);
            return (mode, Commits { call, ..commits });
        }
        match lines.place_of(FLAG) {
            Some(flag) if automatic && by_application => {
                let message =
                    format!("`{FLAG}` is true, but `commit` says the application commits");
                self.report.conflict(flag, message, "leave one of them out");
            }
            Some(flag) if !automatic && !by_application => {
                let message =
                    format!("`{FLAG}` is false, and nothing says when the application commits");
                self.report.conflict(flag, message, "add `commit: after-processing`");
            }
            Some(_) | None if by_application => settings.auto_commit = AutoCommit::Off,
            Some(_) | None => {}
        }
        if mode != CommitMode::AfterProcessing && commits != Commits::PLAIN {
            let message = "only who commits after processing can choose how".to_owned();
            self.report.conflict(fields.place_of("commit"), message, "leave `when` out");
        }
        (mode, commits)
    }

    /// The application stores offsets, and the client commits them: which client can do that, and with which settings.
    fn storing(
        &mut self,
        fields: &Fields<'_>,
        lines: &Lines,
        settings: &mut ConsumerSettings,
    ) -> CommitCall {
        const STORES: &str = "enable.auto.offset.store";
        let place = fields.place_of("commit");
        match &mut settings.auto_commit {
            AutoCommit::Every(_) if self.everyone == Some(Client::Java) => {
                let message = "java has no offset store, so what would be stored is committed";
                self.report.note(place, message.to_owned());
                settings.auto_commit = AutoCommit::Off;
                return CommitCall::Sync;
            }
            AutoCommit::Every(_) => {
                let message = "Java's client has no offset store".to_owned();
                let help = "add `profile: librdkafka`, or leave `call: store` out";
                self.report.conflict(place, message, help);
            }
            AutoCommit::Off => {
                let message = "nothing commits what the application stores".to_owned();
                let help = "leave `enable.auto.commit` at its default, or `call: store` out";
                self.report.conflict(place, message, help);
            }
            AutoCommit::Stored { by, .. } => match lines.place_of(STORES) {
                Some(stores) if *by == StoredBy::HandingOver => {
                    let message = format!(
                        "`{STORES}` is true, but `commit` says that the application stores offsets"
                    );
                    self.report.conflict(stores, message, "leave one of them out");
                }
                Some(_) | None => *by = StoredBy::Application,
            },
        }
        CommitCall::Store
    }

    /// Where the application seeks in `onPartitionsAssigned`.
    pub(super) fn seek_on_assign(
        &mut self,
        group: &Fields<'_>,
        commits: &Commits,
        subscribing: Subscribing,
    ) -> Option<Start> {
        let place = group.entry("on-assign").map(|(key, _)| key.place)?;
        let fields = section::<schema::OnAssign>(group, "on-assign", self.report);
        if fields.get("seek").is_none() {
            self.report.missing_key(place, fields.title, "seek", "{ seek: end }");
        }
        if subscribing == Subscribing::Assigns {
            let message = "who assigns itself partitions has no `onPartitionsAssigned`".to_owned();
            self.report.conflict(place, message, "leave one of them out");
        }
        if commits.store != OffsetStore::Kafka {
            let message = "who keeps its offsets itself seeks to them already".to_owned();
            self.report.conflict(place, message, "leave one of them out");
        }
        fields.read("seek", self.report, units::start)
    }

    fn commits(&mut self, how: &Fields<'_>) -> Commits {
        let pause = how.read("pause", self.report, units::some_time).unwrap_or(Span::secs(1));
        let retries = [Retry::Never, Retry::Blindly(pause), Retry::IfNewest(pause)];
        let retry = self.choose(how, "retry", "way to retry", RETRIES, &retries);
        let calls = [CommitCall::Sync, CommitCall::Async(retry), CommitCall::Store];
        let call = self.choose(how, "call", "call that commits", CALLS, &calls);
        let commits = Commits {
            call,
            scope: self.choose(how, "per", "part of a poll", SCOPES, &EVERY_SCOPE),
            every: how.read("every", self.report, units::some_time).unwrap_or(Span::ZERO),
            at_revocation: self.choose(how, "on-revoke", "thing to do", ON_REVOKE, &AT_REVOCATION),
            store: self.choose(how, "store", "place for offsets", STORES, &EVERY_STORE),
        };
        for key in ["retry", "pause"] {
            if how.get(key).is_some() && !matches!(call, CommitCall::Async(_)) {
                let message = format!("`{key}` is about `commitAsync`, which is not called");
                self.report.conflict(how.place_of(key), message, "add `call: async`");
            }
        }
        if commits.store != OffsetStore::Kafka {
            for key in ["call", "per", "every", "on-revoke"] {
                if how.get(key).is_some() {
                    let message = format!("`{key}` is about commits to Kafka");
                    let help = "leave it out: a database takes every result with its offset";
                    self.report.conflict(how.place_of(key), message, help);
                }
            }
        }
        commits
    }

    /// How the application processes records.
    pub(super) fn processing(
        &mut self,
        fields: &Fields<'_>,
        topics: &[TopicPlan],
        client: Client,
    ) -> Processing {
        let fields = section::<schema::Process>(fields, "process", self.report);
        let millisecond = SpanRange { least: Span::millis(1), most: Span::millis(1) };
        let none = SpanRange { least: Span::ZERO, most: Span::ZERO };
        let each = fields.read("each", self.report, units::durations);
        let places = [Place::PollLoop, Place::OtherThread];
        let place = self.choose(&fields, "in", "place to process", PLACES, &places);
        let queue = fields.number("queue", (1, u64::from(u32::MAX)), self.report);
        if queue.is_some() && place == Place::PollLoop {
            let message = "nothing waits beside the poll loop".to_owned();
            self.report.conflict(fields.place_of("queue"), message, "add `in: other-thread`");
        }
        Processing {
            each: each.unwrap_or(millisecond),
            per_poll: fields.read("poll", self.report, units::durations).unwrap_or(none),
            slow_keys: self.slow_keys(&fields),
            blocking: self.blocking(&fields),
            poison: self.poison(&fields, topics, client),
            place,
            queue: queue.map(|most| u32::try_from(most).expect("checked to fit")),
            sink: self.choose(&fields, "sink", "sink", SINKS, &[Sink::Plain, Sink::Idempotent]),
        }
    }

    fn slow_keys(&mut self, fields: &Fields<'_>) -> Vec<(Key, Span)> {
        let mut slow_keys = Vec::new();
        for (name, key, value) in fields.named("slow", self.report) {
            let Some(found) = self.keys.find(name) else {
                self.report.unknown_word(key.place, "key of records", name, &self.keys.known());
                continue;
            };
            match value.text().map(|text| (text, units::duration(text))) {
                Some((_, Ok(span))) => slow_keys.push((found, span)),
                Some((text, Err(bad))) => self.report.bad_value(value.place, name, text, &bad),
                None => {
                    let expected = "a duration";
                    self.report.wrong_shape(key.place, name, value.shape(), expected);
                }
            }
        }
        slow_keys.sort_unstable();
        slow_keys
    }

    fn blocking(&mut self, fields: &Fields<'_>) -> Option<Blocking> {
        fields.get("block")?;
        let fields = section::<schema::Blocking>(fields, "block", self.report);
        let one_in = self.one_in(&fields);
        let lasting = fields.read("for", self.report, units::durations);
        for (key, missing) in [("one-in", one_in.is_none()), ("for", lasting.is_none())] {
            if missing && fields.get(key).is_none() {
                let example = "{ one-in: 1000, for: 5s }";
                self.report.missing_key(fields.place, fields.title, key, example);
            }
        }
        Some(Blocking { one_in: one_in?, lasting: lasting? })
    }

    fn poison(
        &mut self,
        fields: &Fields<'_>,
        topics: &[TopicPlan],
        client: Client,
    ) -> Option<Poison> {
        fields.get("poison")?;
        let fields = section::<schema::Poison>(fields, "poison", self.report);
        let one_in = self.one_in(&fields);
        let keys = self.poisonous_keys(&fields);
        let records = match (one_in, keys.is_empty()) {
            (Some(one_in), true) => Poisonous::OneIn(one_in),
            (None, false) => Poisonous::Keys(keys),
            (Some(_), false) | (None, true) => {
                let message = "`poison` needs either `one-in` or `keys`".to_owned();
                self.report.conflict(fields.place, message, "such as `one-in: 1000`");
                return None;
            }
        };
        if fields.get("then").is_none() {
            let example = "{ one-in: 1000, then: skip }";
            self.report.missing_key(fields.place, fields.title, "then", example);
        }
        let letters = self.dead_letters(&fields, topics, client);
        let thens = [OnPoison::Crash, OnPoison::Skip, OnPoison::Retry, letters];
        let then = self.choose(&fields, "then", "thing to do", ON_POISON, &thens);
        let attempts = fields.number("attempts", (1, 1_000_000), self.report).unwrap_or(1);
        let pause = fields.read("pause", self.report, units::some_time);
        Some(Poison {
            records,
            attempts: u32::try_from(attempts).expect("checked to fit"),
            pause: pause.unwrap_or(Span::millis(100)),
            then,
        })
    }

    fn dead_letters(
        &mut self,
        fields: &Fields<'_>,
        topics: &[TopicPlan],
        client: Client,
    ) -> OnPoison {
        let wanted = fields.text("then", self.report) == Some("dead-letter");
        let to = fields.text("to", self.report);
        if wanted && to.is_none() {
            let example = "{ one-in: 1000, then: dead-letter, to: orders.dlt }";
            self.report.missing_key(fields.place, fields.title, "to", example);
        }
        if !wanted && to.is_some() {
            let message = "`to` is where dead letters go, but there are none".to_owned();
            self.report.conflict(fields.place_of("to"), message, "set `then: dead-letter`");
        }
        let topic = to.and_then(|name| self.topic(name, fields.place_of("to"), topics));
        // A topic that does not exist was reported; nothing is run then.
        let topic = topic.unwrap_or(TopicId::from_index(1));
        OnPoison::DeadLetter { topic, settings: Arc::new(client.parse_producer(&[]).settings) }
    }

    fn poisonous_keys(&mut self, fields: &Fields<'_>) -> Vec<Key> {
        let mut keys = Vec::new();
        for (place, name) in fields.words("keys", self.report) {
            match self.keys.find(name) {
                Some(key) => keys.push(key),
                None => {
                    self.report.unknown_word(place, "key of records", name, &self.keys.known());
                }
            }
        }
        keys.sort_unstable();
        keys
    }

    fn one_in(&mut self, fields: &Fields<'_>) -> Option<u32> {
        let number = fields.number("one-in", (1, u64::from(u32::MAX)), self.report)?;
        Some(u32::try_from(number).expect("checked to fit"))
    }

    /// One of some choices by its word; the first if none is named.
    pub(super) fn choose<T: Clone>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        kind: &str,
        words: &[&str],
        choices: &[T],
    ) -> T {
        let Some(word) = fields.text(key, self.report) else { return choices[0].clone() };
        let found = words.iter().position(|known| *known == word.trim());
        if found.is_none() {
            self.report.unknown_word(fields.place_of(key), kind, word, words);
        }
        choices[found.unwrap_or(0)].clone()
    }
}

/// As [`COMMITS`].
const MODES: [CommitMode; 3] =
    [CommitMode::AfterProcessing, CommitMode::BeforeProcessing, CommitMode::Automatic];
/// As [`SCOPES`].
const EVERY_SCOPE: [CommitScope; 3] =
    [CommitScope::Poll, CommitScope::Partition, CommitScope::Record];
/// As [`ON_REVOKE`].
const AT_REVOCATION: [AtRevocation; 2] = [AtRevocation::Nothing, AtRevocation::Commit];
/// As [`STORES`].
const EVERY_STORE: [OffsetStore; 3] =
    [OffsetStore::Kafka, OffsetStore::Own(Fencing::None), OffsetStore::Own(Fencing::ByGeneration)];
