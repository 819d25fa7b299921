//! Picks what belongs to a story out of a run's history and of what its machines noted, and says it.
//!
//! Does not know what caused what: that is for the graph to say.

use stormglass_check::AnomalyKind;
use stormglass_kafka::note::ReplicaRole;
use stormglass_kafka::{Mark, Note};
use stormglass_sim::World;
use stormglass_types::history::{Acks, Event, Outcome, Role, What};
use stormglass_types::{BrokerId, Dense, NodeId, Offset, Time, TopicPartition, Value, ValueRange};

mod clients;
mod faults;

use super::focus::Focus;
use super::{Beat, Part};
use crate::names::Names;
use crate::words;

pub(super) struct Teller<'w> {
    world: &'w World,
    names: Names<'w>,
    focus: &'w Focus,
    partition: Option<TopicPartition>,
    offsets: Vec<Offset>,
    begins: Time,
    /// When the first fault struck that played a part, or when the story begins.
    stage: Time,
    needed: &'w [bool],
    beats: Vec<Beat>,
    /// Whose each step is, if anybody's in particular, and whether it is what the story leads to.
    places: Vec<(Option<NodeId>, bool)>,
    /// Whether the event that is told shows the anomaly.
    witness: bool,
    /// Whether the state before the story was told.
    opened: bool,
    leader: Option<(BrokerId, i32)>,
    in_sync: u64,
    /// Everyone who ever was in sync.
    replicas: u64,
    high_watermark: Offset,
    /// Records of the story that were sent, in order.
    sent: Vec<(TopicPartition, Value)>,
    /// Where they were appended, in order.
    appended: Vec<(TopicPartition, Value, Offset)>,
    /// Those that were processed, in order.
    processed: Vec<(TopicPartition, Value)>,
    /// The furthest commit that was acknowledged.
    committed: Option<Offset>,
    /// Whether the group's next poll is its first since it was given something.
    fresh: bool,
    /// How far the lag was when it was told of last.
    lagged: u64,
    /// Who holds the partition, as far as was told.
    holders: Vec<String>,
    /// How often which branch was told at whom.
    marked: Vec<(NodeId, Mark)>,
    /// Whether the high watermark has passed what was appended first.
    passed: bool,
    healed: bool,
}

impl<'w> Teller<'w> {
    pub(super) fn new(world: &'w World, focus: &'w Focus, needed: &'w [bool]) -> Self {
        let history = world.history();
        let sent = history.events.iter().find(|event| {
            matches!(event.what, What::Send { partition, value, .. }
                if focus.records.contains(&(partition, value)))
        });
        let first = focus.times.iter().copied().chain(sent.map(|event| event.at)).min();
        let begins = first.unwrap_or(Time::ZERO);
        let played = world.fault_stories().iter().filter(|story| {
            let place = usize::try_from(story.fault).unwrap_or(usize::MAX);
            needed.get(place).copied().unwrap_or(false)
        });
        let stage = played.map(|story| story.began).min().map_or(begins, |at| at.min(begins));
        Self {
            world,
            stage,
            names: Names::new(history),
            focus,
            partition: focus.partition,
            offsets: focus.offsets.clone(),
            begins,
            needed,
            beats: Vec::new(),
            places: Vec::new(),
            witness: false,
            opened: false,
            leader: None,
            in_sync: 0,
            replicas: 0,
            high_watermark: Offset(0),
            sent: Vec::new(),
            appended: Vec::new(),
            processed: Vec::new(),
            committed: None,
            fresh: false,
            lagged: 0,
            holders: Vec::new(),
            marked: Vec::new(),
            passed: false,
            healed: false,
        }
    }

    /// The steps, whose each is, and whether it is what the story leads to.
    pub(super) fn finish(mut self) -> (Vec<Beat>, Vec<(Option<NodeId>, bool)>) {
        self.breach();
        (self.beats, self.places)
    }

    /// What an invariant beside the world saw goes where it happened.
    fn breach(&mut self) {
        let Some((at, node, says)) = self.focus.breach.clone() else { return };
        let place = self.beats.partition_point(|beat| beat.at <= at);
        let who = self.names.process(node);
        let what = format!("as seen from inside: {says}");
        self.beats.insert(place, Beat { at, who, heard: None, to: None, what, part: Part::Fact });
        self.places.insert(place, (Some(node), true));
    }

    /// Whether it is the partition that the story is about.
    fn here(&self, partition: TopicPartition) -> bool {
        self.partition == Some(partition)
    }

    /// Whether it is that one, or another that has a record of the story.
    fn near(&self, partition: TopicPartition) -> bool {
        self.here(partition) || self.focus.records.iter().any(|(it, _)| *it == partition)
    }

    /// Whether it is where the group's offsets are, if the story is about a group.
    fn keeps_offsets(&self, partition: TopicPartition) -> bool {
        self.focus.group.is_some() && self.names.topic(partition.topic) == "__consumer_offsets"
    }

    fn now(&self, at: Time) -> bool {
        at >= self.begins
    }

    /// The records of the story among some of a partition.
    fn ours(&self, partition: TopicPartition, values: ValueRange) -> Vec<Value> {
        let records = self.focus.records.iter();
        let ours = records.filter(|(it, value)| *it == partition && holds(values, *value));
        ours.map(|(_, value)| *value).collect()
    }

    fn touches(&self, partition: TopicPartition, values: ValueRange) -> bool {
        !self.ours(partition, values).is_empty()
    }

    fn spans(&self, base: Offset, count: u32) -> bool {
        self.offsets.iter().any(|at| *at >= base && at.0 < base.0 + i64::from(count))
    }

    fn add(&mut self, at: Time, who: String, to: Option<String>, what: String, part: Part) {
        if !self.opened {
            self.opened = true;
            self.open(at);
        }
        // Who acts is said once.
        let what = match what.strip_prefix(&format!("{who} ")) {
            Some(rest) => rest.to_owned(),
            None => what,
        };
        self.push(Beat { at, who, heard: None, to, what, part });
    }

    /// Adds a step, and whose it is.
    fn push(&mut self, beat: Beat) {
        let processes = self.world.history().header.processes.iter();
        let place = processes.enumerate().find(|(_, process)| process.name == beat.who);
        let sink = matches!(beat.part, Part::Claim | Part::Fact) || self.witness;
        self.places.push((place.map(|(place, _)| NodeId::from_index(place)), sink));
        self.beats.push(beat);
    }

    /// How things stood before the story begins.
    fn open(&mut self, at: Time) {
        let (Some(partition), Some((leader, epoch))) = (self.partition, self.leader) else {
            return;
        };
        if self.in_sync == 0 {
            return;
        }
        let what = format!(
            "leads {} in epoch {epoch}; in sync are {}; the high watermark is {}",
            self.names.partition(partition),
            words::brokers(self.in_sync),
            self.high_watermark
        );
        let who = self.broker(leader);
        self.push(Beat { at, who, heard: None, to: None, what, part: Part::Work });
    }

    fn broker(&self, broker: BrokerId) -> String {
        self.names.process(self.world.plan().roster().broker(broker))
    }

    fn leads(&self, node: NodeId) -> bool {
        self.leader.is_some_and(|(leader, _)| self.world.plan().roster().broker(leader) == node)
    }

    pub(super) fn on_note(&mut self, at: Time, node: NodeId, note: &Note) {
        let who = self.names.process(node);
        let text = words::note(&self.names, note);
        self.witness = false;
        match *note {
            Note::Appended { partition, base, values: Some(values), .. }
                if self.near(partition) =>
            {
                self.on_append(at, who, &text, partition, base, values);
            }
            Note::Refused { partition, values: Some(values), .. }
                if self.near(partition) && self.touches(partition, values) && self.now(at) =>
            {
                self.add(at, who, None, text, Part::Work);
            }
            Note::HighWatermark { partition, to, role: ReplicaRole::Leader, .. }
                if self.here(partition) =>
            {
                self.high_watermark = to;
                if self.focus.breach.is_some() && self.now(at) {
                    self.add(at, who, None, text, Part::Work);
                    return;
                }
                let first = self.first_appended();
                if !self.passed && first.is_some_and(|offset| to > offset) && self.now(at) {
                    self.passed = true;
                    let what = format!("{text}: every in-sync replica has what is below");
                    self.add(at, who, None, what, Part::Work);
                }
            }
            Note::BecameLeader { partition, .. } if self.here(partition) => {
                if self.now(at) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            Note::Truncated { partition, to, .. } if self.here(partition) && self.now(at) => {
                let mut gone: Vec<String> = self.appended.iter()
                    .filter(|(it, _, offset)| *it == partition && *offset >= to)
                    .map(|(_, value, offset)| format!("{} at offset {offset}", self.names.value(*value)))
                    .collect();
                gone.dedup();
                let gone = if gone.is_empty() { String::new() } else { format!("; gone from its disk: {}", gone.join(", ")) };
                self.add(at, who, None, format!("{text}{gone}"), Part::Fact);
            }
            Note::Appended { .. }
            | Note::Refused { .. }
            | Note::HighWatermark { .. }
            | Note::BecameLeader { .. }
            | Note::Truncated { .. }
            | Note::LogStart { .. }
            | Note::ReplicaDeleted { .. }
            | Note::Cleaned { .. }
            | Note::TopicDeleted { .. }
            // The history tells of these.
            | Note::Elected { .. }
            | Note::InSync { .. }
            | Note::Expanded { .. }
            | Note::Rebalanced { .. }
            | Note::Granted { .. }
            | Note::GroupRemoved { .. }
            | Note::Released { .. }
            | Note::Held { .. }
            | Note::QuorumLeader { .. }
            | Note::MetadataCommitted { .. }
            | Note::OffsetCommitted { .. } => {}
        }
    }

    /// A leader appends records, some of which may be the story's.
    fn on_append(
        &mut self,
        at: Time,
        who: String,
        text: &str,
        partition: TopicPartition,
        base: Offset,
        values: ValueRange,
    ) {
        let found = self.ours(partition, values);
        let seen = self.focus.breach.is_some() && self.now(at) && self.here(partition);
        let spans = self.here(partition) && self.now(at) && self.spans(base, values.count);
        if found.is_empty() && !seen && !spans {
            return;
        }
        let known = |value: &Value| self.appended.iter().any(|(_, known, _)| known == value);
        let again = found.iter().any(known);
        let late = found.iter().find_map(|value| self.overtaken_by(partition, *value));
        for value in found {
            let place = i64::from(value.serial) - i64::from(values.first);
            self.appended.push((partition, value, Offset(base.0 + place)));
        }
        let twice = self.focus.kind == Some(AnomalyKind::Duplicate);
        let (part, more) = match (again, late) {
            (true, _) if twice => (Part::Fact, ", a second time".to_owned()),
            (true, _) => (Part::Work, ", as another did before".to_owned()),
            (false, Some((other, offset))) => {
                let other = self.names.value(other);
                (Part::Fact, format!(", behind {other} at offset {offset}, which was sent later"))
            }
            (false, None) => (Part::Work, String::new()),
        };
        let in_sync = match self.here(partition) {
            true if self.in_sync != 0 => format!("; in sync are {}", words::brokers(self.in_sync)),
            true | false => String::new(),
        };
        self.add(at, who, None, format!("{text}{more}{in_sync}"), part);
    }

    /// What was sent after a record and lies before it, where that is what the story is about.
    fn overtaken_by(&self, partition: TopicPartition, value: Value) -> Option<(Value, Offset)> {
        if self.focus.kind != Some(AnomalyKind::NonmonotonicSend) {
            return None;
        }
        let place = |value: Value| self.sent.iter().position(|it| *it == (partition, value));
        let own = place(value)?;
        let mut there = self.appended.iter().filter(|(it, ..)| *it == partition);
        let later = there.find(|(_, other, _)| place(*other).is_some_and(|other| other > own));
        later.map(|(_, other, offset)| (*other, *offset))
    }

    fn first_appended(&self) -> Option<Offset> {
        let partition = self.partition?;
        let mut here = self.appended.iter().filter(|(it, ..)| *it == partition);
        here.next().map(|(.., offset)| *offset)
    }

    #[expect(clippy::too_many_lines, reason = "one arm per kind of event")]
    pub(super) fn on_event(&mut self, index: usize, event: &Event) {
        let (at, what) = (event.at, event.what);
        let witness = self.focus.witness.contains(&index);
        self.witness = witness;
        let told = self.now(at);
        let staged = at >= self.stage;
        let who = words::subject(&self.names, event.process, &what);
        let text = words::event(&self.names, &what);
        let who = if who == "final-read" { "the final read".to_owned() } else { who };
        match what {
            What::Healed => {
                self.healed = true;
            }
            What::Send { partition, value, .. } => {
                if self.focus.records.contains(&(partition, value)) {
                    self.sent.push((partition, value));
                    let leader = self.leader.filter(|_| self.here(partition));
                    let to = leader.map(|(leader, _)| self.broker(leader));
                    let source = self.world.history().sources.get(usize::from(value.source.0));
                    let acks = source.map_or("", |source| match source.acks {
                        Acks::Zero => " with acks=0",
                        Acks::One => " with acks=1",
                        Acks::All => " with acks=all",
                    });
                    self.add(at, who, to, format!("{text}{acks}"), Part::Work);
                }
            }
            What::SentAgain { partition, value, first } => {
                if self.focus.records.contains(&first)
                    || self.focus.records.contains(&(partition, value))
                {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            What::SendDone { partition, values, outcome, .. } => {
                if self.touches(partition, values) {
                    let first = self.first_appended().filter(|_| self.here(partition));
                    let only = first.is_some_and(|offset| offset >= self.high_watermark);
                    let note = match outcome {
                        Outcome::Ok if only => format!(
                            ", while the high watermark is {}: the leader does not know of any \
                             follower that has it",
                            self.high_watermark
                        ),
                        Outcome::Ok | Outcome::Fail(_) | Outcome::Unknown(_) => String::new(),
                    };
                    let source = self.world.history().sources.get(usize::from(values.source.0));
                    let silent = source.is_some_and(|it| it.acks == Acks::Zero);
                    let text = match outcome {
                        Outcome::Ok if silent => format!(
                            "calls {} sent: with acks=0 nobody answers",
                            self.names.values(values)
                        ),
                        Outcome::Ok | Outcome::Fail(_) | Outcome::Unknown(_) => {
                            format!("learns that its {text}{note}")
                        }
                    };
                    self.add(at, who, None, text, Part::Claim);
                }
            }
            What::Leader { partition, epoch, leader, .. } if self.here(partition) => {
                self.leader = leader.map(|leader| (leader, epoch.0));
                if staged || witness {
                    let to = leader.map(|leader| self.broker(leader));
                    self.add(at, who, to, format!("decides: {text}"), Part::Work);
                }
            }
            What::InSync { partition, replicas, .. } if self.here(partition) => {
                let same = replicas == self.in_sync;
                self.in_sync = replicas;
                self.replicas |= replicas;
                if (staged && !same) || witness {
                    self.add(at, who, None, format!("records: {text}"), Part::Work);
                }
            }
            What::LogLost { partition, .. }
                if staged && (self.here(partition) || self.keeps_offsets(partition)) =>
            {
                self.add(at, who, None, text, Part::Fault);
            }
            What::TopicDeleted { topic } if self.partition.is_some_and(|it| it.topic == topic) => {
                self.add(at, who, None, text, Part::Fact);
            }
            What::Removed { partition, .. } if witness && self.here(partition) => {
                self.add(at, who, None, text, Part::Fact);
            }
            What::FaultBegan { fault } | What::FaultEnded { fault } => {
                let place = usize::try_from(fault).unwrap_or(usize::MAX);
                let none = self.needed.iter().all(|needed| !needed);
                let part = self.needed.get(place).copied().unwrap_or(false)
                    || none && self.needed.len() <= 3;
                if part && !self.healed {
                    self.fault(at, fault, matches!(what, What::FaultBegan { .. }));
                }
            }
            What::Crashed | What::Paused if staged && self.leads(event.process) && !self.healed => {
                let partition =
                    self.partition.map(|it| self.names.partition(it)).unwrap_or_default();
                let high_watermark = self.high_watermark;
                let note = format!(
                    "{text} while it leads {partition}, the high watermark at {high_watermark}"
                );
                self.add(at, who, None, note, Part::Fault);
            }
            What::Crashed | What::Paused | What::Resumed | What::Started | What::Stopped
                if staged
                    && self.concerns(event.process)
                    && (!self.healed || matches!(what, What::Started)) =>
            {
                let struck = matches!(what, What::Crashed | What::Paused);
                let part = if struck { Part::Fault } else { Part::Work };
                self.add(at, who, None, text, part);
            }
            What::Polled { group, partition, base, values } => {
                let ours = self.near(partition) && self.group(group);
                // Where no record is in question, how much work a member took on may be.
                let first = ours && told && self.fresh && self.focus.records.is_empty();
                let work = self.work(group, values.count);
                let spans = self.here(partition) && self.spans(base, values.count);
                if first && self.focus.group.is_some() && !work.is_empty() {
                    self.fresh = false;
                    self.add(at, who, None, format!("{text}{work}"), Part::Work);
                } else if ours && (self.touches(partition, values) || spans || witness) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            What::Processed { group, partition, base, values }
            | What::Deduplicated { group, partition, base, values } => {
                let ours = self.near(partition) && self.group(group);
                let spans = self.here(partition) && self.spans(base, values.count);
                if ours && (self.touches(partition, values) || spans || witness) {
                    self.on_processed(at, who, text, partition, values);
                }
            }
            What::Commit { group, partition, offset, .. }
            | What::CommitDone { group, partition, offset, .. } => {
                if self.here(partition) && self.group(group) {
                    self.on_commit(at, who, text, &what, offset);
                }
            }
            What::Assigned { group, partition, .. }
            | What::Revoked { group, partition, .. }
            | What::Lost { group, partition, .. }
            | What::Positioned { group, partition, .. } => {
                if witness || (self.near(partition) && self.group(group) && told) {
                    self.fresh |= matches!(what, What::Assigned { .. });
                    let (part, more) = match self.beside(&what, &who) {
                        Some(more) => (Part::Fact, more),
                        None => self.beyond(&what),
                    };
                    self.add(at, who, None, format!("{text}{more}"), part);
                }
            }
            What::TransactionBegan { source } | What::TransactionEnded { source, .. } => {
                let own = self.focus.records.iter().any(|(_, value)| value.source == source);
                if witness || own || self.waits(event.process) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            What::Hidden { partition, values, .. } => {
                if witness || self.touches(partition, values) {
                    self.add(at, who, None, text, Part::Fact);
                }
            }
            What::Expanded { topic, .. } => {
                if self.partition.is_some_and(|it| it.topic == topic) {
                    self.add(at, who, None, text, Part::Work);
                }
            }
            What::FinalRead { partition, base, values } => {
                let found = self.names.values(values);
                let text = format!(
                    "finds {found} at offset {base} of {}",
                    self.names.partition(partition)
                );
                let spans = self.here(partition) && self.spans(base, values.count);
                if witness || self.touches(partition, values) || spans {
                    self.add(at, who, None, text, Part::Fact);
                }
            }
            What::FinalEnd { partition, start, end } => {
                let text = match end.0 {
                    ..0 => text,
                    _ if start == end => {
                        format!("finds nothing in {}", self.names.partition(partition))
                    }
                    _ => format!(
                        "finds offsets {start} to {} in {}",
                        end.0 - 1,
                        self.names.partition(partition)
                    ),
                };
                if witness || (self.here(partition) && told) {
                    self.add(at, who, None, text, Part::Fact);
                }
            }
            What::ReplicaLog { .. } | What::ReplicaEnd { .. } | What::Stuck { .. } if witness => {
                self.add(at, who, None, text, Part::Fact);
            }
            What::Rebalanced { group, .. } if told && self.focus.group == Some(group) => {
                self.add(at, who, None, format!("as coordinator: {text}"), Part::Work);
            }
            What::Lag { group, partition, lag } if self.here(partition) && self.group(group) => {
                self.on_lag(at, text, lag);
            }
            What::Leader { .. }
            | What::InSync { .. }
            | What::LogLost { .. }
            | What::Removed { .. }
            | What::TopicDeleted { .. }
            | What::Crashed
            | What::Paused
            | What::Resumed
            | What::Started
            | What::Stopped
            | What::ReplicaLog { .. }
            | What::ReplicaEnd { .. }
            | What::Stuck { .. }
            | What::Joined { .. }
            | What::Parted { .. }
            | What::Rebalanced { .. }
            | What::SendRefused { .. }
            | What::Lag { .. } => {}
        }
    }

    fn group(&self, group: stormglass_types::GroupId) -> bool {
        self.focus.group.is_none_or(|own| own == group)
    }

    /// Whether a process took part: a replica of the partition, a client that the anomaly names, or a member of the group.
    fn concerns(&self, node: NodeId) -> bool {
        let role = self.world.history().header.processes.get(node).map(|it| it.role);
        let member = self.focus.group.is_some_and(|group| role == Some(Role::Consumer(group)));
        let named = member || self.focus.processes.contains(&node);
        let mut brokers = self.world.plan().roster().brokers();
        let replica = brokers.find(|(_, own)| *own == node).is_some_and(|(id, _)| {
            let bit = u32::try_from(id.index()).unwrap_or(u32::MAX);
            1_u64.checked_shl(bit).is_some_and(|bit| self.replicas & bit != 0)
        });
        named || replica
    }
}

fn holds(values: ValueRange, value: Value) -> bool {
    let place = value.serial.checked_sub(values.first);
    values.source == value.source && place.is_some_and(|place| place < values.count)
}

/// Steps that say the same of one process are not told more often.
const MOST_ALIKE: usize = 4;
