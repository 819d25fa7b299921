//! The history of a run as JSON lines, so that an independent checker can judge the same run.
//!
//! The first line says what ran and what its configuration promises; then one object per operation on one record or
//! partition, in the order of completion; the final read of every partition comes last. Events that no client sees are left out.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value as Json, json};
use stormglass_kafka::Rules;
use stormglass_types::history::{Acks, CommitMode, Election, Event, History, Outcome, Role, What};
use stormglass_types::{
    Digest, ErrorCode, Generation, GroupId, Offset, TopicPartition, ValueRange,
};

use crate::names::Names;

/// Which run a history is of.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// The seed.
    pub seed: u64,
    /// The fingerprint of the run.
    pub digest: Digest,
    /// The rules that were in force.
    pub rules: Rules,
}

/// A line; what means nothing is absent.
#[derive(Serialize, Default)]
struct Line<'a> {
    index: u64,
    time_ns: u64,
    process: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    f: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    producer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// What all lines of one event share.
#[derive(Clone, Copy, Default)]
struct Head {
    kind: &'static str,
    f: &'static str,
    partition: Option<TopicPartition>,
    group: Option<GroupId>,
    generation: Option<Generation>,
    error: Option<ErrorCode>,
    offset: Option<Offset>,
}

/// Who reads every partition once more when a run is over.
const FINAL_READ: &str = "final-read";

/// Writes a history.
///
/// # Errors
/// If the text could not be written.
pub fn write_history(
    provenance: &Provenance<'_>,
    history: &History,
    out: &mut dyn Write,
) -> io::Result<()> {
    json_line(out, &first_line(provenance, history))?;
    let mut writer = Writer::new(history, out);
    let is_final =
        |event: &&Event| matches!(event.what, What::FinalRead { .. } | What::FinalEnd { .. });
    for event in history.events.iter().filter(|event| !is_final(event)) {
        writer.event(event)?;
    }
    for event in history.events.iter().filter(is_final) {
        writer.event(event)?;
    }
    out.flush()
}

fn json_line(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Names are looked up once: a history has millions of lines.
struct Writer<'h, 'o> {
    history: &'h History,
    out: &'o mut dyn Write,
    processes: Vec<String>,
    topics: Vec<String>,
    groups: Vec<String>,
    producers: Vec<String>,
    index: u64,
}

impl<'h, 'o> Writer<'h, 'o> {
    fn new(history: &'h History, out: &'o mut dyn Write) -> Self {
        let header = &history.header;
        Self {
            history,
            out,
            processes: header.processes.iter().map(|it| it.name.clone()).collect(),
            topics: header.topics.iter().map(|it| it.name.clone()).collect(),
            groups: header.groups.iter().map(|it| it.name.clone()).collect(),
            producers: producer_names(history),
            index: 0,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per kind of event")]
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let head = |kind, f| Head { kind, f, ..Head::default() };
        match event.what {
            What::Send { partition, value, key } => {
                let head = Head { partition: Some(partition), ..head("invoke", "send") };
                let key = key.map(|key| Names::new(self.history).key(key));
                self.line(event, head, Some(ValueRange::from(value)), key)
            }
            What::SentAgain { partition, value, first: _ } => {
                let head = Head { partition: Some(partition), ..head("info", "send-again") };
                self.line(event, head, Some(ValueRange::from(value)), None)
            }
            What::SendRefused { topic, key, error } => {
                let key = key.map(|key| Names::new(self.history).key(key));
                let topic = self.topics.get(usize::from(topic.0)).map(String::as_str);
                let process = name(&self.processes, usize::from(event.process.0));
                let line = Line {
                    index: self.index,
                    time_ns: event.at.0,
                    process,
                    kind: "fail",
                    f: "send",
                    topic,
                    key,
                    error: Some(error.name()),
                    ..Line::default()
                };
                self.index += 1;
                json_line(&mut *self.out, &line)
            }
            What::SendDone { partition, values, base, outcome } => {
                let (kind, error) = ended(outcome);
                let offset = (base.0 >= 0).then_some(base);
                let partition = Some(partition);
                self.records(event, Head { partition, error, offset, ..head(kind, "send") }, values)
            }
            What::Polled { group, partition, base, values } => {
                let head = Head { group: Some(group), ..head("ok", "poll") };
                let (partition, offset) = (Some(partition), Some(base));
                self.records(event, Head { partition, offset, ..head }, values)
            }
            What::Processed { group, partition, base, values } => {
                let head = Head { group: Some(group), ..head("ok", "processed") };
                let (partition, offset) = (Some(partition), Some(base));
                self.records(event, Head { partition, offset, ..head }, values)
            }
            What::Deduplicated { group, partition, base, values } => {
                let head = Head { group: Some(group), ..head("ok", "deduplicated") };
                let (partition, offset) = (Some(partition), Some(base));
                self.records(event, Head { partition, offset, ..head }, values)
            }
            // A position that is set without a read begins the partition anew, as assigning it again would.
            What::Positioned { group, partition, offset, why: _ } => {
                let (group, offset) = (Some(group), Some(offset));
                let head = Head { group, offset, ..head("ok", "assign") };
                self.line(event, Head { partition: Some(partition), ..head }, None, None)
            }
            What::Commit { group, partition, generation, offset } => {
                let head =
                    Head { group: Some(group), offset: Some(offset), ..head("invoke", "commit") };
                self.owned(event, head, partition, Some(generation))
            }
            What::CommitDone { group, partition, offset, outcome } => {
                let (kind, error) = ended(outcome);
                let (group, offset) = (Some(group), Some(offset));
                self.owned(
                    event,
                    Head { group, offset, error, ..head(kind, "commit") },
                    partition,
                    None,
                )
            }
            What::Assigned { group, partition, generation } => {
                let head = Head { group: Some(group), ..head("ok", "assign") };
                self.owned(event, head, partition, Some(generation))
            }
            What::Revoked { group, partition, generation } => {
                let head = Head { group: Some(group), ..head("ok", "revoke") };
                self.owned(event, head, partition, Some(generation))
            }
            What::Lost { group, partition, generation } => {
                let head = Head { group: Some(group), ..head("ok", "lost") };
                self.owned(event, head, partition, Some(generation))
            }
            What::Crashed if self.is_client(event) => {
                self.line(event, head("info", "crash"), None, None)
            }
            What::FinalRead { partition, base, values } => {
                let (partition, offset) = (Some(partition), Some(base));
                self.records(event, Head { partition, offset, ..head("ok", "poll") }, values)
            }
            What::FinalEnd { partition, end, .. } if end.0 < 0 => {
                let error = Some(ErrorCode::LeaderNotAvailable);
                let head = Head { partition: Some(partition), error, ..head("info", "poll") };
                self.line(event, head, None, None)
            }
            // Nothing that a client did or saw.
            What::Crashed
            | What::FinalEnd { .. }
            | What::Joined { .. }
            | What::Parted { .. }
            | What::Rebalanced { .. }
            | What::Started
            | What::Stopped
            | What::Paused
            | What::Resumed
            | What::Leader { .. }
            | What::InSync { .. }
            | What::TransactionBegan { .. }
            | What::TransactionEnded { .. }
            | What::Hidden { .. }
            | What::Expanded { .. }
            | What::LogLost { .. }
            | What::Removed { .. }
            | What::TopicDeleted { .. }
            | What::Lag { .. }
            | What::FaultBegan { .. }
            | What::FaultEnded { .. }
            | What::Healed
            | What::ReplicaLog { .. }
            | What::ReplicaEnd { .. }
            | What::Stuck { .. } => Ok(()),
        }
    }

    fn is_client(&self, event: &Event) -> bool {
        let process = self.history.header.processes.get(event.process);
        process.is_some_and(|it| matches!(it.role, Role::Producer | Role::Consumer(_)))
    }

    fn owned(
        &mut self,
        event: &Event,
        head: Head,
        partition: TopicPartition,
        generation: Option<Generation>,
    ) -> io::Result<()> {
        self.line(event, Head { partition: Some(partition), generation, ..head }, None, None)
    }

    /// A line per record; offsets count up from the head's.
    fn records(&mut self, event: &Event, head: Head, values: ValueRange) -> io::Result<()> {
        for (n, value) in values.values().enumerate() {
            let offset = head.offset.map(|base| base.plus(u32::try_from(n).unwrap_or(u32::MAX)));
            self.line(event, Head { offset, ..head }, Some(value.into()), None)?;
        }
        Ok(())
    }

    fn line(
        &mut self,
        event: &Event,
        head: Head,
        value: Option<ValueRange>,
        key: Option<String>,
    ) -> io::Result<()> {
        let is_final = matches!(event.what, What::FinalRead { .. } | What::FinalEnd { .. });
        let process = name(&self.processes, usize::from(event.process.0));
        let topic = head.partition.map(|it| name(&self.topics, usize::from(it.topic.0)));
        let line = Line {
            index: self.index,
            time_ns: event.at.0,
            process: if is_final { FINAL_READ } else { process },
            kind: head.kind,
            f: head.f,
            topic,
            partition: head.partition.map(|it| it.partition),
            key,
            value: value.map(|it| format!("{}:{}", it.source.0, it.first)),
            offset: head.offset.map(|it| it.0),
            producer: value.map(|it| name(&self.producers, usize::from(it.source.0))),
            group: head.group.map(|it| name(&self.groups, usize::from(it.0))),
            generation: head.generation.map(|it| it.0),
            error: head.error.map(ErrorCode::name),
        };
        self.index += 1;
        json_line(&mut *self.out, &line)
    }
}

/// The name at a place; histories name everyone who takes part.
fn name(names: &[String], place: usize) -> &str {
    names.get(place).map_or("", String::as_str)
}

fn ended(outcome: Outcome) -> (&'static str, Option<ErrorCode>) {
    match outcome {
        Outcome::Ok => ("ok", None),
        Outcome::Fail(error) => ("fail", Some(error)),
        Outcome::Unknown(error) => ("info", Some(error)),
    }
}

fn producer_names(history: &History) -> Vec<String> {
    let names = Names::new(history);
    let count = u16::try_from(history.sources.len()).unwrap_or(u16::MAX);
    (0..count).map(|source| names.source(stormglass_types::SourceId(source))).collect()
}

fn first_line(provenance: &Provenance<'_>, history: &History) -> Json {
    let without: Vec<&str> =
        provenance.rules.switched_off().map(stormglass_kafka::Rule::name).collect();
    json!({
        "scenario": provenance.scenario,
        "seed": provenance.seed,
        "digest": provenance.digest.to_string(),
        "topics": topics(history),
        "producers": producers(history),
        "groups": groups(history),
        "without": without,
        "eligible.leader.replicas.enable": history.header.eligible_leader_replicas,
        // What storage lost and what operators allowed: no configuration promises against these.
        "disk_losses": disk_losses(history),
        "unclean_elections": unclean_elections(history),
    })
}

fn topics(history: &History) -> Json {
    let topics = history.header.topics.iter().filter(|topic| !topic.internal);
    topics
        .map(|topic| {
            json!({
                "topic": topic.name,
                "partitions": topic.partitions,
                "replication.factor": topic.replication,
                "min.insync.replicas": topic.min_insync_replicas,
                "unclean.leader.election.enable": topic.unclean_election,
            })
        })
        .collect()
}

fn producers(history: &History) -> Json {
    let names = Names::new(history);
    let producers = producer_names(history);
    let lives = producers.iter().zip(history.sources.iter()).enumerate();
    lives
        .map(|(number, (producer, source))| {
            let acks = match source.acks {
                Acks::Zero => "0",
                Acks::One => "1",
                Acks::All => "all",
            };
            json!({
                "producer": producer,
                "number": number,
                "process": names.process(source.process),
                "acks": acks,
                "enable.idempotence": source.idempotent,
                "max.in.flight.requests.per.connection": source.in_flight,
                "retries": source.retries,
            })
        })
        .collect()
}

fn groups(history: &History) -> Json {
    let names = Names::new(history);
    let groups = history.header.groups.iter();
    groups
        .map(|group| {
            let commit = match group.commit {
                CommitMode::AfterProcessing => "after-processing",
                CommitMode::BeforeProcessing => "before-processing",
                CommitMode::Automatic => "automatic",
            };
            let topics: Vec<String> =
                group.topics.iter().map(|topic| names.topic(*topic)).collect();
            json!({
                "group": group.name,
                "topics": topics,
                "commit": commit,
                "auto.offset.reset": if group.from_earliest { "earliest" } else { "latest" },
                "asynchronous": group.asynchronous,
                "stores_early": group.stores_early,
                "skips": group.skips,
                "self_assigned": group.self_assigned,
                "releases_first": group.releases_first,
                "committed_only": group.committed_only,
            })
        })
        .collect()
}

fn disk_losses(history: &History) -> Json {
    let names = Names::new(history);
    let lost = history.events.iter().filter_map(|event| {
        let What::LogLost { partition, broker, from, to } = event.what else { return None };
        Some(json!({
            "time_ns": event.at.0,
            "broker": broker.to_string(),
            "topic": names.topic(partition.topic),
            "partition": partition.partition,
            "from": from.0,
            "to": to.0,
        }))
    });
    lost.collect()
}

fn unclean_elections(history: &History) -> Json {
    let names = Names::new(history);
    let elections = history.events.iter().filter_map(|event| {
        let What::Leader { partition, epoch, leader, election: Election::Unclean } = event.what
        else {
            return None;
        };
        Some(json!({
            "time_ns": event.at.0,
            "topic": names.topic(partition.topic),
            "partition": partition.partition,
            "epoch": epoch.0,
            "broker": leader.map(|broker| broker.to_string()),
        }))
    });
    elections.collect()
}
