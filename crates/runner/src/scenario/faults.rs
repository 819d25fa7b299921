//! Faults as a scenario states them, and the draws that make explicit ones of them.

use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Mark, Start};
use stormglass_sim::plan::{
    FaultAction, MessageDirection, MessagePattern, Readers, ScheduledFault, SpanRange, Target,
    Trigger, Ways,
};
use stormglass_types::{
    BrokerId, GroupId, NodeId, Rng, Span, Stream, Streams, TopicId, TopicPartition,
};

use super::diagnostic::{Place, Report};
use super::fields::Fields;
use super::node::{Node, Value};
use super::schema;
use super::target::Cast;
use super::units;

/// How a process can die, in words.
pub(super) const CRASHES: &[&str] = &["process", "power", "torn", "disk-lost"];

/// More strikes than this of one fault are a mistake, not a storm.
const MOST_STRIKES: u64 = 10_000;

const WHENS: &[&str] = &["at", "every", "after", "on"];

/// What goes wrong, with the keys that it needs and those that it may have.
const ACTIONS: &[(&str, &[&str], &[&str])] = &[
    ("kill", &["for"], &["crash"]),
    ("restart", &["for"], &[]),
    ("pause", &["for"], &[]),
    ("cut", &["for"], &[]),
    ("isolate", &["for"], &[]),
    ("slow", &["by", "for"], &[]),
    ("reset", &[], &[]),
    ("lose", &[], &[]),
    ("delay", &["by"], &[]),
    ("slow-disk", &["sync", "for"], &[]),
    ("stall-disk", &["for"], &[]),
    ("fill-disk", &["for"], &[]),
    ("jump-clock", &["by"], &[]),
    ("move-leader", &[], &[]),
    ("lag-metadata", &["by", "for"], &[]),
    ("slow-processing", &["each", "for"], &[]),
    ("expand", &["to"], &[]),
    ("throttle", &[], &[]),
    ("seek", &["to"], &["partition"]),
    ("pause-reading", &["for"], &["partition"]),
    ("delete-group", &[], &[]),
    ("delete-topic", &["for"], &[]),
    ("delete-records", &[], &["below"]),
    ("reassign", &["replicas"], &[]),
    ("cancel-reassignment", &[], &[]),
];

const EXTRAS: &[(&str, &str)] = &[
    ("for", "for: 20s"),
    ("by", "by: 5s"),
    ("crash", "crash: power"),
    ("sync", "sync: 200ms"),
    ("each", "each: 50ms"),
    ("to", "to: 24"),
    ("below", "below: 1000"),
    ("partition", "partition: orders-0"),
    ("replicas", "replicas: [broker-4, broker-2, broker-3]"),
];

/// A fault whose draws are still open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FaultSpec {
    when: When,
    action: Action,
    lasting: SpanRange,
    /// `by`, `sync` or `each`.
    amount: SpanRange,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum When {
    At(SpanRange),
    Every { gap: SpanRange, from: Span, until: Span },
    After(Mark, Span),
    On { pattern: MessagePattern, nth: u32, since: Span },
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Action {
    Kill(Target, CrashKind),
    Restart(Target),
    Pause(Target),
    Cut(Target, Target, Ways),
    Isolate(Target),
    Slow(Target),
    Reset(Target),
    Lose,
    Delay,
    SlowDisk(Target),
    StallDisk(Target),
    FillDisk(Target),
    JumpClock(Target, i64),
    MoveLeader(TopicPartition),
    LagMetadata(Target),
    SlowProcessing(Target),
    Expand(TopicId, u16),
    Throttle(Option<u64>),
    Seek(Readers, Start),
    PauseReading(Readers),
    DeleteGroup(GroupId),
    DeleteTopic(TopicId),
    DeleteRecords(TopicPartition, Option<u64>),
    Reassign(TopicPartition, Option<Vec<BrokerId>>),
}

const NO_TIME: SpanRange = SpanRange { least: Span::ZERO, most: Span::ZERO };

impl FaultSpec {
    /// Every strike of this fault under a seed. `nth` is its place in the scenario, which names its stream of chance.
    pub(super) fn draw(&self, seed: u64, nth: usize, into: &mut Vec<ScheduledFault>) {
        let stream = u32::try_from(nth).expect("a file holds fewer faults than 32 bits count");
        let mut rng = Streams::new(seed).stream(Stream::Lowering, stream);
        let when = match &self.when {
            When::At(range) => Trigger::At(pick(*range, &mut rng)),
            When::After(mark, plus) => Trigger::After(*mark, *plus),
            When::On { pattern, nth, since } => {
                Trigger::On { pattern: pattern.clone(), nth: *nth, since: *since }
            }
            When::Every { gap, from, until } => {
                let mut at = *from + pick(*gap, &mut rng);
                while at < *until {
                    let action = self.strike(&mut rng);
                    into.push(ScheduledFault { when: Trigger::At(at), action });
                    at = at + pick(*gap, &mut rng);
                }
                return;
            }
        };
        into.push(ScheduledFault { when, action: self.strike(&mut rng) });
    }

    fn strike(&self, rng: &mut Rng) -> FaultAction {
        let lasting = pick(self.lasting, rng);
        let amount = pick(self.amount, rng);
        match self.action.clone() {
            Action::Kill(target, kind) => FaultAction::Kill { target, kind, down: lasting },
            Action::Restart(target) => FaultAction::Restart { target, down: lasting },
            Action::Pause(target) => FaultAction::Pause { target, lasting },
            Action::Cut(from, to, ways) => FaultAction::Cut { from, to, ways, lasting },
            Action::Isolate(target) => FaultAction::Isolate { target, lasting },
            Action::Slow(target) => FaultAction::Slow { target, by: amount, lasting },
            Action::Reset(target) => FaultAction::Reset { target },
            Action::Lose => FaultAction::Lose,
            Action::Delay => FaultAction::Late { by: amount },
            Action::SlowDisk(target) => FaultAction::SlowDisk { target, sync: amount, lasting },
            Action::StallDisk(target) => FaultAction::StallDisk { target, lasting },
            Action::FillDisk(target) => FaultAction::FillDisk { target, lasting },
            Action::JumpClock(target, by_ms) => FaultAction::JumpClock { target, by_ms },
            Action::MoveLeader(partition) => FaultAction::Flip { partition },
            Action::LagMetadata(target) => FaultAction::LagMetadata { target, by: amount, lasting },
            Action::SlowProcessing(target) => {
                FaultAction::SlowProcessing { target, each: amount, lasting }
            }
            Action::Expand(topic, partitions) => FaultAction::Expand { topic, partitions },
            Action::Throttle(rate) => FaultAction::Throttle { rate },
            Action::Seek(readers, to) => FaultAction::Seek { readers, to },
            Action::PauseReading(readers) => FaultAction::PauseReading { readers, lasting },
            Action::DeleteGroup(group) => FaultAction::DeleteGroup { group },
            Action::DeleteTopic(topic) => FaultAction::DeleteTopic { topic, gone: lasting },
            Action::DeleteRecords(partition, before) => {
                FaultAction::DeleteRecords { partition, before }
            }
            Action::Reassign(partition, replicas) => FaultAction::Reassign { partition, replicas },
        }
    }
}

/// A span of a range, in whole milliseconds where the range has them.
fn pick(range: SpanRange, rng: &mut Rng) -> Span {
    let SpanRange { least, most } = range;
    let unit = Span::millis(1).0;
    if least == most {
        least
    } else if least.0.is_multiple_of(unit) && most.0.is_multiple_of(unit) {
        Span::millis(rng.between(least.as_millis(), most.as_millis()))
    } else {
        Span(rng.between(least.0, most.0))
    }
}

/// Reads a list of faults.
pub(super) fn read(node: &Node, cast: &Cast, storm: Span, report: &mut Report) -> Vec<FaultSpec> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        Value::Text(_) | Value::Map(_) => {
            report.wrong_shape(node.place, "faults", node.shape(), "a list of faults");
            &[]
        }
    };
    let mut faults = Vec::new();
    for item in items {
        let fields = Fields::of::<schema::Fault>(item, item.place, report);
        faults.extend(fault(&fields, cast, storm, report));
    }
    faults
}

fn fault(fields: &Fields<'_>, cast: &Cast, storm: Span, report: &mut Report) -> Option<FaultSpec> {
    let actions: Vec<&str> = ACTIONS.iter().map(|(name, ..)| *name).collect();
    let when = only(fields, WHENS, report);
    let action = only(fields, &actions, report);
    let (when, action) = (when?, action?);
    check_extras(fields, when, action, report);
    let lasting = fields.read("for", report, units::some_times).unwrap_or(NO_TIME);
    let amount = match action {
        "jump-clock" => NO_TIME,
        "slow-disk" => fields.read("sync", report, units::some_times)?,
        "slow-processing" => fields.read("each", report, units::some_times)?,
        _ => match fields.get("by") {
            Some(_) => fields.read("by", report, units::some_times)?,
            None => NO_TIME,
        },
    };
    let trigger = read_when(fields, when, cast, storm, report);
    let action = read_action(fields, action, cast, report);
    Some(FaultSpec { when: trigger?, action: action?, lasting, amount })
}

/// The one key of several that is there.
fn only<'k>(fields: &Fields<'_>, keys: &[&'k str], report: &mut Report) -> Option<&'k str> {
    let found: Vec<&'k str> =
        keys.iter().copied().filter(|key| fields.names().any(|name| name == *key)).collect();
    match found.as_slice() {
        [one] => Some(one),
        [] if fields.misspelt => None,
        [] | [_, _, ..] => {
            report.one_of_keys(fields.place, fields.title, &found, keys);
            None
        }
    }
}

/// Each key beside when and what must mean something there, and none that is needed may be missing.
fn check_extras(fields: &Fields<'_>, when: &str, action: &str, report: &mut Report) {
    let (_, needed, may) =
        ACTIONS.iter().find(|(name, ..)| *name == action).expect("one of the actions");
    for (extra, example) in EXTRAS {
        let there = fields.get(extra).is_some();
        if needed.contains(extra) && !there {
            let example = if action == "seek" { "to: end" } else { example };
            report.missing_key(fields.place, &format!("`{action}`"), extra, example);
        } else if there && !needed.contains(extra) && !may.contains(extra) {
            report.meaningless_key(fields.place_of(extra), extra, action);
        }
    }
    for (extra, with) in [("plus", "after"), ("from", "every"), ("until", "every")] {
        if fields.get(extra).is_some() && when != with {
            report.meaningless_key(fields.place_of(extra), extra, when);
        }
    }
    if matches!(action, "lose" | "delay") && when != "on" {
        let message = format!("`{action}` is about a message, but nothing says which");
        let help = "say `on: { response: Produce }` instead of when";
        report.conflict(fields.place_of(action), message, help);
    }
}

fn read_when(
    fields: &Fields<'_>,
    when: &str,
    cast: &Cast,
    storm: Span,
    report: &mut Report,
) -> Option<When> {
    let before_the_end = |time: Span, key: &str, report: &mut Report| {
        if time >= storm {
            let message = format!("`{key}` is at {time}, but the run's storm lasts {storm}");
            report.conflict(
                fields.place_of(key),
                message,
                "let it strike earlier, or make `run.for` longer",
            );
        }
    };
    match when {
        "at" => {
            let at = fields.read("at", report, units::durations)?;
            before_the_end(at.most, "at", report);
            Some(When::At(at))
        }
        "every" => {
            let gap = fields.read("every", report, units::some_times)?;
            let from = fields.read("from", report, units::duration).unwrap_or(Span::ZERO);
            let until = fields.read("until", report, units::duration).unwrap_or(storm).min(storm);
            before_the_end(from + gap.least, "every", report);
            if (until - from).0 / gap.least.0 > MOST_STRIKES {
                let message = format!("this strikes more than {MOST_STRIKES} times");
                report.conflict(fields.place_of("every"), message, "leave more time in between");
                return None;
            }
            Some(When::Every { gap, from, until })
        }
        "after" => {
            let text = fields.text("after", report)?;
            let mark = mark(text, fields.place_of("after"), report)?;
            let plus = fields.read("plus", report, units::duration).unwrap_or(Span::ZERO);
            Some(When::After(mark, plus))
        }
        _ => read_on(fields, cast, report),
    }
}

/// A mark by its name.
pub(super) fn mark(name: &str, place: Place, report: &mut Report) -> Option<Mark> {
    let found = Mark::ALL.iter().copied().find(|mark| mark.name() == name.trim());
    if found.is_none() {
        let known: Vec<&str> = Mark::ALL.iter().map(|mark| mark.name()).collect();
        report.unknown_word(place, "mark", name, &known);
    }
    found
}

fn read_on(fields: &Fields<'_>, cast: &Cast, report: &mut Report) -> Option<When> {
    let (key, node) = fields.entry("on")?;
    let on = Fields::of::<schema::On>(node, key.place, report);
    let side = only(&on, &["request", "response"], report)?;
    let direction =
        if side == "request" { MessageDirection::Request } else { MessageDirection::Response };
    let name = on.text(side, report)?;
    let api = Api::ALL.iter().copied().find(|api| api.name() == name);
    if api.is_none() && name != "any" {
        let known: Vec<&str> = Api::ALL.iter().map(|api| api.name()).chain(["any"]).collect();
        report.unknown_word(on.place_of(side), "kind of request", name, &known);
        return None;
    }
    for action in ["lose", "delay"] {
        if let Some(said) = fields.text(action, report)
            && said != side
        {
            let message = format!("this waits for a {side}, but is to {action} a {said}");
            report.conflict(fields.place_of(action), message, &format!("write `{action}: {side}`"));
        }
    }
    let from = processes(&on, "from", cast, report);
    let to = processes(&on, "to", cast, report);
    let (clients, servers) = match direction {
        MessageDirection::Request => (from, to),
        MessageDirection::Response => (to, from),
    };
    let nth = on.number("nth", (1, u64::from(u32::MAX)), report).unwrap_or(1);
    let nth = u32::try_from(nth).expect("checked to fit");
    let since = on.read("since", report, units::duration).unwrap_or(Span::ZERO);
    let pattern = MessagePattern { api, direction, clients, servers };
    Some(When::On { pattern, nth, since })
}

fn processes(on: &Fields<'_>, key: &str, cast: &Cast, report: &mut Report) -> Vec<NodeId> {
    let words = on.words(key, report);
    words
        .into_iter()
        .filter_map(|(place, name)| cast.processes(name, place, report))
        .flatten()
        .collect()
}

fn read_action(
    fields: &Fields<'_>,
    action: &str,
    cast: &Cast,
    report: &mut Report,
) -> Option<Action> {
    let place = fields.place_of(action);
    let text = fields.text(action, report)?;
    match action {
        "cut" => return read_cut(text, place, cast, report),
        "lose" | "delay" if !matches!(text, "request" | "response") => {
            report.unknown_word(place, "side", text, &["request", "response"]);
            return None;
        }
        "lose" => return Some(Action::Lose),
        "delay" => return Some(Action::Delay),
        "move-leader" => return cast.partition(text, place, report).map(Action::MoveLeader),
        "cancel-reassignment" => {
            let partition = cast.partition(text, place, report);
            return partition.map(|partition| Action::Reassign(partition, None));
        }
        "reassign" => {
            let partition = cast.partition(text, place, report)?;
            let words = fields.words("replicas", report);
            let found = words.iter().map(|(place, name)| cast.broker(name, *place, report));
            let replicas: Option<Vec<BrokerId>> = found.collect();
            let replicas = replicas.filter(|replicas| !replicas.is_empty())?;
            return Some(Action::Reassign(partition, Some(replicas)));
        }
        "throttle" => {
            return fields.read("throttle", report, units::rate_or_none).map(Action::Throttle);
        }
        "seek" => {
            let readers = read_readers(fields, (text, place), cast, report);
            let to = fields.read("to", report, units::start)?;
            return readers.map(|readers| Action::Seek(readers, to));
        }
        "pause-reading" => {
            return read_readers(fields, (text, place), cast, report).map(Action::PauseReading);
        }
        "delete-group" => {
            let found = cast.group(text, place, report);
            return found.map(|(group, _)| Action::DeleteGroup(group));
        }
        "delete-topic" => {
            let (topic, _) = cast.topic(text, place, report)?;
            return Some(Action::DeleteTopic(topic));
        }
        "delete-records" => {
            let partition = cast.partition(text, place, report)?;
            let below = fields.get("below").is_some();
            let most = i64::MAX.unsigned_abs();
            let before = below.then(|| fields.number("below", (0, most), report));
            return Some(Action::DeleteRecords(partition, before.flatten()));
        }
        "expand" => {
            let (topic, now) = cast.topic(text, place, report)?;
            let to = fields.number("to", (u64::from(now) + 1, 10_000), report)?;
            return Some(Action::Expand(topic, u16::try_from(to).expect("checked to fit")));
        }
        _ => {}
    }
    let target = cast.target(text, place, report)?;
    Some(match action {
        "kill" => Action::Kill(target, read_crash(fields, report)?),
        "restart" => Action::Restart(target),
        "pause" => Action::Pause(target),
        "isolate" => Action::Isolate(target),
        "slow" => Action::Slow(target),
        "reset" => Action::Reset(target),
        "slow-disk" => Action::SlowDisk(target),
        "stall-disk" => Action::StallDisk(target),
        "fill-disk" => Action::FillDisk(target),
        "jump-clock" => Action::JumpClock(target, fields.read("by", report, units::jump)?),
        "lag-metadata" => Action::LagMetadata(target),
        _ => Action::SlowProcessing(target),
    })
}

/// A group, or one of its members, and perhaps one partition.
fn read_readers(
    fields: &Fields<'_>,
    (who, place): (&str, Place),
    cast: &Cast,
    report: &mut Report,
) -> Option<Readers> {
    let found = cast.members(who, place, report);
    let named = fields.get("partition").is_some();
    let partition = fields
        .text("partition", report)
        .and_then(|text| cast.partition(text, fields.place_of("partition"), report));
    let (group, member) = found?;
    (!named || partition.is_some()).then_some(Readers { group, member, partition })
}

fn read_crash(fields: &Fields<'_>, report: &mut Report) -> Option<CrashKind> {
    match fields.text("crash", report) {
        None if fields.get("crash").is_some() => None,
        None | Some("process") => Some(CrashKind::Process),
        Some("power") => Some(CrashKind::Power),
        Some("torn") => Some(CrashKind::Torn),
        Some("disk-lost") => Some(CrashKind::DiskLost),
        Some(other) => {
            report.unknown_word(fields.place_of("crash"), "way to die", other, CRASHES);
            None
        }
    }
}

fn read_cut(text: &str, place: Place, cast: &Cast, report: &mut Report) -> Option<Action> {
    let both = text.split_once("<->").map(|(from, to)| (from, to, Ways::Both));
    let one = || text.split_once("->").map(|(from, to)| (from, to, Ways::One));
    let Some((from, to, ways)) = both.or_else(one) else {
        let message = "`cut` needs the two ends of a link".to_owned();
        let help = "write `broker-1 <-> broker-2`, or `broker-1 -> broker-2` for one way";
        report.conflict(place, message, help);
        return None;
    };
    let from = cast.target(from, place, report);
    let to = cast.target(to, place, report);
    Some(Action::Cut(from?, to?, ways))
}
