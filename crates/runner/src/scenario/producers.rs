//! The `producers` of a scenario: what they send, how fast, and how their applications use the client.

use std::sync::Arc;

use stormglass_kafka::compression::Codec;
use stormglass_kafka::config::Role;
use stormglass_kafka::settings::{Delivery, ProducerSettings};
use stormglass_sim::plan::{
    AtStop, ChosenBy, Dealt, DealtBy, FlushEvery, Keys, Load, OnFailure, OnFenced, ProducerPlan,
    Sending, ShareRange, SizeRange, TopicPlan, Transactions, WaitsFor,
};
use stormglass_types::{Dense, Sequence, Span, TopicId};

use super::config::Lines;
use super::diagnostic::Report;
use super::fields::Fields;
use super::keys;
use super::lower::{Lowering, section};
use super::schema;
use super::units;

/// What an application can do about a record whose send failed.
pub(super) const ON_FAILURE: &[&str] = &["give-up", "send-again"];
/// How it can send.
pub(super) const SENDS: &[&str] = &["callback", "blocking", "fire-and-forget"];
/// That the application works a record's partition out itself.
pub(super) const BY_KEY: &str = "by-key";
/// How instances can share one stream of events.
pub(super) const SPREADS: &[&str] = &["round-robin", "by-key"];
/// What can become of an application that was fenced.
pub(super) const ON_FENCED: &[&str] = &["restart", "stop"];
/// What it can do when it is asked to stop, beside waiting for some time.
pub(super) const CLOSES: &[&str] = &["wait", "never"];

/// The last sequence of a producer; zero comes after it.
const MOST_SENT: u64 = (1 << 31) - 1;

impl Lowering<'_> {
    pub(super) fn producers(
        &mut self,
        file: &Fields<'_>,
        topics: &[TopicPlan],
    ) -> Vec<ProducerPlan> {
        let mut producers = Vec::new();
        for (name, key, node) in file.named("producers", self.report) {
            self.take_name(name, key, "a producer");
            let fields = Fields::of::<schema::Producer>(node, key.place, self.report);
            let instances = self.small(&fields, "instances", 1_000).unwrap_or(1);
            let (client, lines) = self.client(&fields, Role::Producer);
            let settings =
                Arc::new(lines.parse(|entries| client.parse_producer(entries), self.report));
            let topic = self.required_topic(&fields, name, "to", topics);
            let values = section::<schema::Values>(&fields, "values", self.report);
            let bytes = values.read("bytes", self.report, units::sizes);
            let tombstones = values.read("tombstones", self.report, units::percent);
            let tombstones = tombstones.and_then(|share| u32::try_from(share * 100).ok());
            let keys = keys::read(&fields, settings.partitioner, &mut self.keys, self.report);
            let load = Load {
                every: fields.read("rate", self.report, units::rate).unwrap_or(Span::millis(10)),
                limit: fields.number("records", (1, u64::MAX), self.report),
                keys,
                bytes: bytes.unwrap_or(SizeRange { least: 512, most: 512 }),
                tombstones: tombstones.unwrap_or(0),
                compressible: self.compressible(&values, &settings, (topic, topics)),
            };
            let starts_after = fields.read("after", self.report, units::duration);
            let on_failure = self.choose(
                &fields,
                "on-failure",
                "thing to do",
                ON_FAILURE,
                &[OnFailure::GiveUp, OnFailure::SendAgain],
            );
            let sending = Sending {
                partition: self.partition(&fields, &lines, &load, (topic, topics)),
                ..self.sending(&fields, on_failure)
            };
            let sent_before = self.sent_before(&fields, &settings);
            let transactions =
                self.transactions(&fields, (&settings, &lines), (sending, on_failure), instances);
            let spread = self.spread(&fields, &load, instances);
            for instance in 1..=instances {
                let dealt = |by| Dealt { by, among: instances, to: instance - 1 };
                let name = format!("{name}-{instance}");
                let settings = if lines.is_per_member() {
                    // Whatever is wrong with it was reported when the settings were read.
                    let lines = lines.of_member(&name);
                    let mut unheard = Report::default();
                    Arc::new(lines.parse(|entries| client.parse_producer(entries), &mut unheard))
                } else {
                    Arc::clone(&settings)
                };
                producers.push(ProducerPlan {
                    name,
                    settings,
                    topic,
                    load: load.clone(),
                    starts_after: starts_after.unwrap_or(Span::ZERO),
                    on_failure,
                    sending,
                    transactions,
                    dealt: spread.map(dealt),
                    sent_before,
                });
            }
        }
        producers
    }

    /// When the application begins and ends transactions. Settings and application need one another for that.
    fn transactions(
        &mut self,
        fields: &Fields<'_>,
        (settings, lines): (&ProducerSettings, &Lines),
        (sending, on_failure): (Sending, OnFailure),
        instances: u16,
    ) -> Option<Transactions> {
        const ID: &str = "transactional.id";
        let example = "transactions: { every: 500ms }";
        if fields.get("transactions").is_none() {
            if let Some(place) = lines.place_of(ID).filter(|_| settings.transaction.is_some()) {
                let message =
                    format!("`{ID}` makes `send` fail outside transactions, and there are none");
                let help =
                    "say when the application commits, such as `transactions: { every: 500ms }`";
                self.report.conflict(place, message, help);
            }
            return None;
        }
        let place = fields.place_of("transactions");
        if lines.place_of(ID).is_none() {
            let message = format!("`transactions` need a `{ID}`");
            self.report.conflict(
                place,
                message,
                "add `config: { transactional.id: \"${member}\" }`",
            );
        }
        if sending.flush.is_some() {
            let message = "`commitTransaction` flushes".to_owned();
            self.report.conflict(fields.place_of("flush"), message, "leave `flush` out");
        }
        if on_failure == OnFailure::SendAgain {
            let message = "what no transaction has committed is sent again anyway".to_owned();
            let help = "leave `on-failure` out";
            self.report.conflict(fields.place_of("on-failure"), message, help);
        }
        if instances > 1
            && !lines.is_per_member()
            && let Some(place) = lines.place_of(ID)
        {
            let message = "all instances have one `transactional.id` and fence each other";
            let message = format!("{message}; `${{member}}` stands for an instance's name");
            self.report.note(place, message);
        }
        let section = section::<schema::Transactions>(fields, "transactions", self.report);
        if section.get("every").is_none() {
            self.report.missing_key(section.place, section.title, "every", example);
        }
        let commit = section.read("every", self.report, flush_every);
        let after = section.read("restart", self.report, units::some_time);
        let restart = OnFenced::Restart(after.unwrap_or(Span::secs(2)));
        let ways = [restart, OnFenced::Stop];
        let on_fenced =
            self.choose(&section, "on-fenced", "fate of who is fenced", ON_FENCED, &ways);
        if on_fenced == OnFenced::Stop && after.is_some() {
            let message = "who stops is not started again: `restart` does not matter".to_owned();
            self.report.note(section.place_of("restart"), message);
        }
        let commit = commit.unwrap_or(FlushEvery::Time(Span::millis(500)));
        Some(Transactions { commit, on_fenced })
    }

    /// Where its sequences stand when the run begins.
    fn sent_before(&mut self, fields: &Fields<'_>, settings: &ProducerSettings) -> Sequence {
        let Some(sent) = fields.number("sent-before", (0, MOST_SENT), self.report) else {
            return Sequence::default();
        };
        if settings.delivery != Delivery::Idempotent {
            let message =
                "without idempotence nobody counts records: `sent-before` does not matter";
            self.report.note(fields.place_of("sent-before"), message.to_owned());
        }
        Sequence(i32::try_from(sent).expect("checked to fit"))
    }

    /// How the instances share one stream of events, if they do.
    fn spread(&mut self, fields: &Fields<'_>, load: &Load, instances: u16) -> Option<DealtBy> {
        fields.get("spread")?;
        let ways = [DealtBy::Turn, DealtBy::Key];
        let by = self.choose(fields, "spread", "way to share events", SPREADS, &ways);
        let place = fields.place_of("spread");
        if load.keys == Keys::None {
            let message = "`spread` needs records with keys".to_owned();
            self.report.conflict(place, message, "add `keys: { count: 1000 }`");
        }
        if instances == 1 {
            let message = "one instance has nobody to share with: `spread` does not matter";
            self.report.note(place, message.to_owned());
        }
        Some(by)
    }

    /// What compression has to gain, if anybody compresses.
    fn compressible(
        &mut self,
        values: &Fields<'_>,
        settings: &ProducerSettings,
        (topic, topics): (TopicId, &[TopicPlan]),
    ) -> ShareRange {
        let Some(range) = values.read("compressible", self.report, units::shares) else {
            return ShareRange::USUAL;
        };
        let topic = topic.index().checked_sub(1).and_then(|at| topics.get(at));
        let repack =
            topic.and_then(|topic| topic.settings.compression.target(settings.compression));
        if settings.compression == Codec::None && repack.is_none() {
            let message = "nobody compresses these records: `compression.type` is not set";
            self.report.note(values.place_of("compressible"), message.to_owned());
        }
        range
    }

    /// What the application waits for, and how it ends.
    fn sending(&mut self, fields: &Fields<'_>, on_failure: OnFailure) -> Sending {
        // What is sent and forgotten is not waited for at the end either, unless that is said.
        let ways = [
            (WaitsFor::Nothing, AtStop::Close),
            (WaitsFor::Ack, AtStop::Close),
            (WaitsFor::Nothing, AtStop::End),
        ];
        let (waits_for, at_stop) = self.choose(fields, "sends", "way to send", SENDS, &ways);
        if at_stop == AtStop::End && on_failure == OnFailure::SendAgain {
            let message = "who looks at no result does not know what to send again".to_owned();
            let help = "leave `on-failure` out, or `sends: fire-and-forget`";
            self.report.conflict(fields.place_of("on-failure"), message, help);
        }
        let flush = self.flush(fields);
        if waits_for == WaitsFor::Ack && flush.is_some() {
            let message = "who waits for each record has nothing to flush".to_owned();
            let help = "leave `flush` out, or `sends: blocking`";
            self.report.conflict(fields.place_of("flush"), message, help);
        }
        let at_stop = match fields.text("close", self.report).map(str::trim) {
            None => at_stop,
            Some("wait") => AtStop::Close,
            Some("never") => AtStop::End,
            Some(_) => {
                let timeout = fields.read("close", self.report, close_timeout);
                timeout.map_or(AtStop::Close, AtStop::CloseWithin)
            }
        };
        Sending { waits_for, partition: ChosenBy::Partitioner, flush, at_stop }
    }

    fn flush(&mut self, fields: &Fields<'_>) -> Option<FlushEvery> {
        fields.get("flush")?;
        let fields = section::<schema::Flush>(fields, "flush", self.report);
        if fields.get("every").is_none() {
            let example = "flush: { every: 100 }";
            self.report.missing_key(fields.place, fields.title, "every", example);
        }
        fields.read("every", self.report, flush_every)
    }

    /// Who says to which partition a record goes.
    fn partition(
        &mut self,
        fields: &Fields<'_>,
        lines: &Lines,
        load: &Load,
        (topic, topics): (TopicId, &[TopicPlan]),
    ) -> ChosenBy {
        let Some(text) = fields.text("partition", self.report) else {
            return ChosenBy::Partitioner;
        };
        for key in ["partitioner.class", "partitioner.ignore.keys", "partitioner"] {
            if let Some(place) = lines.place_of(key) {
                let message = format!("`{key}` does not matter: the application names partitions");
                self.report.note(place, message);
            }
        }
        let place = fields.place_of("partition");
        let topic = topic.index().checked_sub(1).and_then(|at| topics.get(at));
        let partitions = topic.map_or(1, |topic| topic.partitions);
        if text.trim() == BY_KEY {
            if load.keys == Keys::None {
                let message = format!("`partition: {BY_KEY}` needs records with keys");
                self.report.conflict(place, message, "add `keys: { count: 1000 }`");
            }
            return ChosenBy::Key(partitions);
        }
        let number = fields.read("partition", self.report, partition_number);
        if let (Some(number), Some(topic)) = (number, topic)
            && number >= partitions
        {
            let message = format!(
                "`{}` has no partition {number}: until it has, `send` waits for `max.block.ms` and fails",
                topic.name
            );
            self.report.note(place, message);
        }
        number.map_or(ChosenBy::Partitioner, ChosenBy::Number)
    }
}

fn partition_number(text: &str) -> Result<u16, units::Bad> {
    let bad = || units::Bad { expected: "a partition's number, or `by-key`", hint: None };
    units::count(text).ok().and_then(|number| u16::try_from(number).ok()).ok_or_else(bad)
}

fn close_timeout(text: &str) -> Result<Span, units::Bad> {
    let expected = "`wait`, `never`, or for how long, such as `5s`";
    units::duration(text).map_err(|bad| units::Bad { expected, ..bad })
}

fn flush_every(text: &str) -> Result<FlushEvery, units::Bad> {
    let bad = || units::Bad { expected: "a number of records, or a time such as `5s`", hint: None };
    match units::count(text) {
        Ok(0) => Err(bad()),
        Ok(records) => u32::try_from(records).map(FlushEvery::Records).map_err(|_| bad()),
        Err(_) => units::some_time(text).map(FlushEvery::Time).map_err(|_| bad()),
    }
}
