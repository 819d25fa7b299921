//! Once faults are over, everybody comes to rest in time.
//!
//! Does not decide what "in time" is: the world says who was stuck when the settling time ended.

use stormglass_types::history::{Event, Stuck, What};
use stormglass_types::{BrokerId, TopicPartition};

use crate::Checker;
use crate::index::{EventIndex, Indexed};
use crate::no_loss::broker_bit;
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `liveness`.
pub(crate) struct Liveness;

impl Checker for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let healed = history.healed;
        for event in history.stuck.iter().filter(|event| **event > healed) {
            let Some(index) = event.known() else { continue };
            let Event { what: What::Stuck { on }, .. } = history.history.events[index] else {
                continue;
            };
            let promise = match partition_of(on).and_then(|partition| gone(history, partition)) {
                Some(excuse) => Promise::Excused(excuse),
                None => Promise::Made,
            };
            findings.add(promise, || stalled(history, *event, on));
        }
        let missing =
            healed.known().is_none().then_some("faults never ended: nobody had to come to rest");
        let until = history.time(history.progress.max_known(healed));
        let settled = until
            .zip(history.time(healed))
            .map_or(0, |(until, healed)| until.since(healed).as_millis());
        findings.verdict(
            missing,
            Evidence { counts: vec![("ms from healing to the last progress", settled)] },
        )
    }
}

/// Whether every last in-sync replica lost its whole log, so that nothing can be led any more.
fn gone(history: &Indexed<'_>, partition: TopicPartition) -> Option<String> {
    let partition = &history.partitions[history.slot(partition)?];
    let (_, in_sync) = partition.in_sync.last()?;
    let emptied = partition.losses.iter().filter(|loss| loss.offsets.start <= 0);
    let emptied = emptied.fold(0, |all, loss| all | broker_bit(loss.broker));
    let all = *in_sync != 0 && in_sync & !emptied == 0;
    all.then(|| format!("all in-sync copies of {} were lost", history.label(partition.id)))
}

fn partition_of(on: Stuck) -> Option<TopicPartition> {
    match on {
        Stuck::NoLeader { partition }
        | Stuck::UnderReplicated { partition, .. }
        | Stuck::Sending { partition, .. }
        | Stuck::Behind { partition, .. } => Some(partition),
        Stuck::Uncommitted { .. }
        | Stuck::Unowned { .. }
        | Stuck::Fenced { .. }
        | Stuck::NoController => None,
    }
}

fn stalled(history: &Indexed<'_>, event: EventIndex, on: Stuck) -> Anomaly {
    let who =
        event.known().map_or("", |index| history.process(history.history.events[index].process));
    let (partition, group, detail) = match on {
        Stuck::NoLeader { partition } => {
            (Some(partition), None, format!("{} has no leader", history.label(partition)))
        }
        Stuck::UnderReplicated { partition, missing } => {
            let detail =
                format!("{} lacks {} in sync", history.label(partition), broker_name(missing));
            (Some(partition), None, detail)
        }
        Stuck::Sending { partition, records } => {
            let label = history.label(partition);
            let detail = format!("{who} waits for the answer to {records} records for {label}");
            (Some(partition), None, detail)
        }
        Stuck::Uncommitted { records } => {
            let them = if records == 1 { "a record" } else { "records" };
            let count = if records == 1 { String::new() } else { format!("{records} ") };
            (None, None, format!("{who} has {count}{them} that it has not committed"))
        }
        Stuck::Behind { group, partition, lag } => {
            let (name, label) = (&history.group(group).name, history.label(partition));
            (Some(partition), Some(group), format!("{name} is {lag} records behind in {label}"))
        }
        Stuck::Unowned { group, partition } => {
            let (name, label) = (&history.group(group).name, history.label(partition));
            (Some(partition), Some(group), format!("no member of {name} owns {label}"))
        }
        Stuck::Fenced { broker } => {
            (None, None, format!("{} is not part of the cluster", broker_name(broker)))
        }
        Stuck::NoController => (None, None, "there is no active controller".to_owned()),
    };
    let mut anomaly = Anomaly::new(AnomalyKind::Stalled, partition, detail)
        .witnesses(history, [history.healed, event]);
    anomaly.group = group;
    anomaly
}

fn broker_name(broker: BrokerId) -> String {
    broker.to_string()
}

impl EventIndex {
    /// The later of two events, of which the first may never have come.
    fn max_known(self, other: Self) -> Self {
        if self == Self::NEVER { other } else { self.max(other) }
    }
}
