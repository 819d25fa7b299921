//! Explicit faults back into the words of a scenario, as saved failures and reports show them.

use std::fmt::Write as _;

use stormglass_kafka::CrashKind;
use stormglass_sim::plan::{
    FaultAction, MessageDirection, MessagePattern, Plan, Readers, ScheduledFault, Trigger, Ways,
};
use stormglass_types::{NodeId, Span};

use super::target::Cast;
use super::units;

/// The faults of a plan as a list in YAML, a line each; what it gives can be read again under `faults:`.
#[must_use]
pub fn faults_to_yaml(plan: &Plan) -> String {
    let cast = Cast::of(plan);
    let mut out = String::new();
    for fault in &plan.faults {
        let _ = writeln!(out, "- {}", line(fault, &cast));
    }
    out
}

/// One fault of a plan as a mapping in YAML.
#[must_use]
pub fn fault_to_yaml(plan: &Plan, fault: &ScheduledFault) -> String {
    line(fault, &Cast::of(plan))
}

fn line(fault: &ScheduledFault, cast: &Cast) -> String {
    let mut pairs = when(&fault.when, cast);
    pairs.extend(action(fault, cast));
    let pairs: Vec<String> =
        pairs.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

type Pairs = Vec<(&'static str, String)>;

fn when(trigger: &Trigger, cast: &Cast) -> Pairs {
    match trigger {
        Trigger::At(at) => vec![("at", time(*at))],
        Trigger::After(mark, Span::ZERO) => vec![("after", mark.name().to_owned())],
        Trigger::After(mark, plus) => {
            vec![("after", mark.name().to_owned()), ("plus", time(*plus))]
        }
        Trigger::On { pattern, nth, since } => vec![("on", on(pattern, *nth, *since, cast))],
    }
}

fn on(pattern: &MessagePattern, nth: u32, since: Span, cast: &Cast) -> String {
    let (side, from, to) = match pattern.direction {
        MessageDirection::Request => ("request", &pattern.clients, &pattern.servers),
        MessageDirection::Response => ("response", &pattern.servers, &pattern.clients),
    };
    let mut out = format!("{{ {side}: {}", pattern.api.map_or("any", |api| api.name()));
    for (key, nodes) in [("from", from), ("to", to)] {
        if !nodes.is_empty() {
            let _ = write!(out, ", {key}: {}", names(nodes, cast));
        }
    }
    let _ = write!(out, ", nth: {nth}");
    if since > Span::ZERO {
        let _ = write!(out, ", since: {}", time(since));
    }
    out.push_str(" }");
    out
}

fn readers_of(action: &'static str, readers: Readers, cast: &Cast) -> Pairs {
    let group = || cast.describe_group(readers.group);
    let who = readers.member.map_or_else(group, |member| cast.name(member));
    let place =
        readers.partition.map(|partition| ("partition", cast.describe_partition(partition)));
    [(action, who.to_owned())].into_iter().chain(place).collect()
}

fn names(nodes: &[NodeId], cast: &Cast) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| cast.name(*node)).collect();
    format!("[{}]", names.join(", "))
}

fn action(fault: &ScheduledFault, cast: &Cast) -> Pairs {
    let target = |target| quoted(&cast.describe(target));
    match &fault.action {
        FaultAction::Kill { target: whom, kind, down } => {
            let mut pairs = vec![("kill", target(whom))];
            match kind {
                CrashKind::Process => {}
                CrashKind::Power => pairs.push(("crash", "power".to_owned())),
                CrashKind::Torn => pairs.push(("crash", "torn".to_owned())),
                CrashKind::DiskLost => pairs.push(("crash", "disk-lost".to_owned())),
            }
            pairs.push(("for", time(*down)));
            pairs
        }
        FaultAction::Restart { target: whom, down } => {
            vec![("restart", target(whom)), ("for", time(*down))]
        }
        FaultAction::Pause { target: whom, lasting } => {
            vec![("pause", target(whom)), ("for", time(*lasting))]
        }
        FaultAction::Cut { from, to, ways, lasting } => {
            let arrow = match ways {
                Ways::One => "->",
                Ways::Both => "<->",
            };
            let ends = format!("{} {arrow} {}", cast.describe(from), cast.describe(to));
            vec![("cut", quoted(&ends)), ("for", time(*lasting))]
        }
        FaultAction::Isolate { target: whom, lasting } => {
            vec![("isolate", target(whom)), ("for", time(*lasting))]
        }
        FaultAction::Slow { target: whom, by, lasting } => {
            vec![("slow", target(whom)), ("by", time(*by)), ("for", time(*lasting))]
        }
        FaultAction::Reset { target: whom } => vec![("reset", target(whom))],
        FaultAction::Lose => vec![("lose", side(&fault.when))],
        FaultAction::Late { by } => vec![("delay", side(&fault.when)), ("by", time(*by))],
        FaultAction::SlowDisk { target: whom, sync, lasting } => {
            vec![("slow-disk", target(whom)), ("sync", time(*sync)), ("for", time(*lasting))]
        }
        FaultAction::StallDisk { target: whom, lasting } => {
            vec![("stall-disk", target(whom)), ("for", time(*lasting))]
        }
        FaultAction::FillDisk { target: whom, lasting } => {
            vec![("fill-disk", target(whom)), ("for", time(*lasting))]
        }
        FaultAction::JumpClock { target: whom, by_ms } => {
            vec![("jump-clock", target(whom)), ("by", format!("{by_ms}ms"))]
        }
        FaultAction::Flip { partition } => {
            vec![("move-leader", cast.describe_partition(*partition))]
        }
        FaultAction::LagMetadata { target: whom, by, lasting } => {
            vec![("lag-metadata", target(whom)), ("by", time(*by)), ("for", time(*lasting))]
        }
        FaultAction::SlowProcessing { target: whom, each, lasting } => {
            vec![("slow-processing", target(whom)), ("each", time(*each)), ("for", time(*lasting))]
        }
        FaultAction::Seek { readers, to } => {
            let mut pairs = readers_of("seek", *readers, cast);
            pairs.push(("to", units::start_words(*to)));
            pairs
        }
        FaultAction::PauseReading { readers, lasting } => {
            let mut pairs = readers_of("pause-reading", *readers, cast);
            pairs.push(("for", time(*lasting)));
            pairs
        }
        FaultAction::DeleteGroup { group } => {
            vec![("delete-group", cast.describe_group(*group).to_owned())]
        }
        FaultAction::DeleteTopic { topic, gone } => {
            vec![("delete-topic", cast.describe_topic(*topic).to_owned()), ("for", time(*gone))]
        }
        FaultAction::DeleteRecords { partition, before } => {
            let below = before.map(|before| ("below", before.to_string()));
            let records = ("delete-records", cast.describe_partition(*partition));
            [records].into_iter().chain(below).collect()
        }
        FaultAction::Reassign { partition, replicas: Some(replicas) } => {
            let brokers: Vec<String> = replicas.iter().map(ToString::to_string).collect();
            let partition = cast.describe_partition(*partition);
            vec![("reassign", partition), ("replicas", format!("[{}]", brokers.join(", ")))]
        }
        FaultAction::Reassign { partition, replicas: None } => {
            vec![("cancel-reassignment", cast.describe_partition(*partition))]
        }
        FaultAction::Throttle { rate } => {
            let rate = rate.map_or_else(|| "none".to_owned(), |rate| format!("{rate}B/s"));
            vec![("throttle", rate)]
        }
        FaultAction::Expand { topic, partitions } => {
            let topic = cast.describe_topic(*topic).to_owned();
            vec![("expand", topic), ("to", partitions.to_string())]
        }
    }
}

fn side(when: &Trigger) -> String {
    match when {
        Trigger::On { pattern, .. } => match pattern.direction {
            MessageDirection::Request => "request".to_owned(),
            MessageDirection::Response => "response".to_owned(),
        },
        Trigger::At(_) | Trigger::After(..) => "response".to_owned(),
    }
}

fn time(span: Span) -> String {
    span.to_string()
}

/// A comma ends a value in a YAML flow mapping, unless it is quoted.
fn quoted(text: &str) -> String {
    if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() }
}
