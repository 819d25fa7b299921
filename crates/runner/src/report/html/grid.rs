//! The log around the anomaly against what was done to it: offsets down, operations across, and where they disagree.

use std::collections::BTreeMap;

use serde::Serialize;
use stormglass_check::{Anomaly, judge};
use stormglass_kafka::Note;
use stormglass_sim::TraceKind;
use stormglass_types::history::{Outcome, Removal, What};
use stormglass_types::{GroupId, NodeId, Offset, Time, TopicPartition, Value, ValueRange};

use super::{Recorded, micros};
use crate::names::Names;

/// A table of one partition.
#[derive(Serialize)]
pub(super) struct Grid {
    partition: String,
    group: Option<String>,
    /// What broke, in the words of its oracle.
    detail: String,
    /// The offsets that are shown, in order; where they leap, there is a gap.
    offsets: Vec<i64>,
    /// Those that the anomaly names.
    named: Vec<i64>,
    columns: Vec<Column>,
    /// Operations that did not fit.
    left_out: usize,
}

#[derive(Clone, Serialize)]
struct Column {
    at: u64,
    who: String,
    /// `appends`, `acked`, `polled`, `processed`, `commits`, `cuts`, `lost`, `final`, `disk`.
    what: &'static str,
    /// Such as the epoch of an append.
    note: String,
    /// Offset, record (empty where there is none), and how it compares with the final log.
    cells: Vec<(i64, String, &'static str)>,
    #[serde(skip)]
    distance: u64,
}

/// So many offsets on each side of one that matters.
const AROUND: i64 = 4;

/// No more offsets than this.
const MOST_OFFSETS: usize = 36;

/// No more operations than this, but for the final read and the disks.
const MOST_COLUMNS: usize = 28;

/// If fewer operations touch what is named, others are shown as well.
const FEW: usize = 8;

/// The grid of a run; none if nothing broke, or what broke concerns no partition.
pub(super) fn grid(run: &Recorded<'_>, names: &Names<'_>) -> Option<Grid> {
    let anomaly = anomaly(run)?;
    let partition = anomaly.partition?;
    let named = named_offsets(run, &anomaly, partition);
    let mut builder = Builder {
        names: *names,
        partition,
        group: anomaly.group,
        offsets: around(&named),
        last: BTreeMap::new(),
        columns: Vec::new(),
        values: anomaly.values.clone(),
        centre: anomaly.times.first().copied(),
    };
    builder.read_final(run);
    builder.read_history(run);
    builder.read_notes(run);
    let columns = std::mem::take(&mut builder.columns);
    let (columns, left_out) = fitting(columns, &named);
    Some(Grid {
        partition: names.partition(partition),
        group: anomaly.group.map(|group| names.group(group)),
        detail: anomaly.detail.clone(),
        offsets: builder.offsets,
        named,
        columns,
        left_out,
    })
}

/// The first anomaly of the first invariant that makes the run a failure; else of any that has one.
fn anomaly(run: &Recorded<'_>) -> Option<Anomaly> {
    let wanted = run.result.violations().next().map(|judged| judged.invariant);
    let verdicts = judge(run.world.history()).verdicts;
    let mut broken = verdicts.iter().filter_map(|(name, verdict)| {
        let anomalies = verdict.anomalies()?;
        let placed = anomalies.iter().find(|anomaly| anomaly.partition.is_some());
        Some((*name, placed.or(anomalies.first())?))
    });
    let found = broken.clone().find(|(name, _)| Some(*name) == wanted).or_else(|| broken.next());
    found.map(|(_, anomaly)| anomaly.clone())
}

/// The offsets that an anomaly is about: those that it names, those of its records, or where its group stands.
fn named_offsets(run: &Recorded<'_>, anomaly: &Anomaly, partition: TopicPartition) -> Vec<i64> {
    let mut named: Vec<i64> = anomaly.offsets.iter().map(|offset| offset.0).collect();
    let history = run.world.history();
    for event in history.events.iter() {
        if let What::SendDone { partition: to, values, base, outcome: Outcome::Ok } = event.what
            && to == partition
            && base >= Offset::ZERO
        {
            let found = anomaly.values.iter().filter_map(|value| place(values, base, *value));
            named.extend(found);
        }
    }
    if named.is_empty() {
        // A group that is behind stands at what it committed, or where its members began again and again.
        let stands = history.events.iter().rev().find_map(|event| {
            if let What::CommitDone { partition: of, offset, outcome: Outcome::Ok, .. }
            | What::Positioned { partition: of, offset, .. } = event.what
            {
                return (of == partition).then_some(offset.0);
            }
            None
        });
        named.extend(stands);
    }
    named.retain(|offset| *offset >= 0);
    named.sort_unstable();
    named.dedup();
    named
}

/// The offsets around some others.
fn around(named: &[i64]) -> Vec<i64> {
    let mut offsets: Vec<i64> =
        named.iter().flat_map(|offset| offset - AROUND..=offset + AROUND).collect();
    offsets.retain(|offset| *offset >= 0);
    offsets.sort_unstable();
    offsets.dedup();
    offsets.truncate(MOST_OFFSETS);
    offsets
}

fn place(values: ValueRange, base: Offset, value: Value) -> Option<i64> {
    let place = value.serial.checked_sub(values.first)?;
    let inside = values.source == value.source && place < values.count;
    inside.then(|| base.0 + i64::from(place))
}

/// The columns in the order of time: those that touch what is named, and if those are few, the nearest of the others.
fn fitting(columns: Vec<Column>, named: &[i64]) -> (Vec<Column>, usize) {
    let (last, mut daily): (Vec<Column>, Vec<Column>) =
        columns.into_iter().partition(|column| matches!(column.what, "final" | "disk"));
    let touches = |column: &Column| column.cells.iter().any(|(at, ..)| named.contains(at));
    let most = daily.iter().filter(|column| touches(column)).count().clamp(FEW, MOST_COLUMNS);
    let left_out = daily.len().saturating_sub(most);
    daily.sort_by_key(|column| (!touches(column), column.distance));
    daily.truncate(most);
    daily.sort_by_key(|column| column.at);
    daily.extend(last);
    (daily, left_out)
}

struct Builder<'n> {
    names: Names<'n>,
    partition: TopicPartition,
    group: Option<GroupId>,
    offsets: Vec<i64>,
    /// What the final log holds.
    last: BTreeMap<i64, Value>,
    columns: Vec<Column>,
    values: Vec<Value>,
    centre: Option<Time>,
}

impl Builder<'_> {
    fn column(
        &mut self,
        at: Time,
        who: String,
        what: &'static str,
        note: String,
        cells: Vec<(i64, String, &'static str)>,
    ) {
        if cells.is_empty() {
            return;
        }
        let centre = self.centre.unwrap_or(at);
        let distance = at.0.abs_diff(centre.0);
        self.columns.push(Column { at: micros(at), who, what, note, cells, distance });
    }

    /// The cells of records that lie one behind the other.
    fn cells(&self, base: Offset, values: ValueRange) -> Vec<(i64, String, &'static str)> {
        let shown = |offset: &i64| (0..i64::from(values.count)).contains(&(*offset - base.0));
        let cell = |offset: &i64| {
            let place = u32::try_from(*offset - base.0).unwrap_or(0);
            let value = values.at(place);
            let compared = match self.last.get(offset) {
                Some(last) if *last == value => "same",
                Some(_) => "differs",
                None => "gone",
            };
            let compared =
                if compared == "same" && self.values.contains(&value) { "named" } else { compared };
            (*offset, value.to_string(), compared)
        };
        self.offsets.iter().filter(|offset| shown(offset)).map(cell).collect()
    }

    /// Cells without records, for offsets within bounds.
    fn marks(&self, from: i64, to: i64, what: &'static str) -> Vec<(i64, String, &'static str)> {
        let inside = self.offsets.iter().filter(|offset| (from..to).contains(*offset));
        inside.map(|offset| (*offset, String::new(), what)).collect()
    }

    fn process(&self, node: NodeId) -> String {
        self.names.process(node)
    }

    fn read_final(&mut self, run: &Recorded<'_>) {
        let mut found: Vec<(Offset, ValueRange)> = Vec::new();
        for event in run.world.history().events.iter() {
            let What::FinalRead { partition, base, values } = event.what else { continue };
            if partition == self.partition {
                found.push((base, values));
            }
        }
        for (base, values) in &found {
            for (offset, value) in (base.0..).zip(values.values()) {
                self.last.insert(offset, value);
            }
        }
        let cells = found.iter().flat_map(|(base, values)| self.cells(*base, *values)).collect();
        let at = run.world.now();
        self.column(at, "final log".to_owned(), "final", "what a reader finds".to_owned(), cells);
    }

    fn read_history(&mut self, run: &Recorded<'_>) {
        let mut disks: BTreeMap<u16, Vec<(i64, String, &'static str)>> = BTreeMap::new();
        for event in run.world.history().events.iter() {
            let (at, who) = (event.at, event.process);
            if let What::SendDone { partition, values, base, outcome: Outcome::Ok } = event.what
                && partition == self.partition
                && base >= Offset::ZERO
            {
                let cells = self.cells(base, values);
                self.column(at, self.process(who), "acked", String::new(), cells);
            } else if let What::Polled { group, partition, base, values } = event.what
                && self.here(partition, group)
            {
                let cells = self.cells(base, values);
                self.column(at, self.process(who), "polled", String::new(), cells);
            } else if let What::Processed { group, partition, base, values }
            | What::Deduplicated { group, partition, base, values } = event.what
                && self.here(partition, group)
            {
                let cells = self.cells(base, values);
                self.column(at, self.process(who), "processed", String::new(), cells);
            } else if let What::CommitDone { group, partition, offset, outcome } = event.what
                && self.here(partition, group)
            {
                let cells = self.marks(offset.0, offset.0 + 1, "position");
                let note = match outcome {
                    Outcome::Ok => format!("next: {offset}"),
                    Outcome::Fail(error) => format!("refused: {error}"),
                    Outcome::Unknown(error) => format!("unknown: {error}"),
                };
                self.column(at, self.process(who), "commits", note, cells);
            } else if let What::LogLost { partition, broker, from, to } = event.what
                && partition == self.partition
            {
                let cells = self.marks(from.0, to.0, "cut");
                self.column(at, broker.to_string(), "lost", "by the crash".to_owned(), cells);
            } else if let What::Removed { partition, base, values, why } = event.what
                && partition == self.partition
            {
                let cells = self.cells(base, values);
                let note = match why {
                    Removal::Age => "retention.ms",
                    Removal::Size => "retention.bytes",
                    Removal::Superseded => "for a later record of its key",
                    Removal::Tombstone => "as an old tombstone",
                    Removal::Request => "by an operator",
                    Removal::Topic => "with the topic",
                    Removal::Leader => "as its leader had",
                };
                self.column(at, self.process(who), "deletes", note.to_owned(), cells);
            } else if let What::ReplicaLog { partition, broker, base, values, .. } = event.what
                && partition == self.partition
                && let Some(values) = values
            {
                let cells = self.cells(base, values);
                disks.entry(broker.0).or_default().extend(cells);
            }
        }
        for (broker, cells) in disks {
            let who = format!("broker-{broker}");
            self.column(run.world.now(), who, "disk", "at the end".to_owned(), cells);
        }
    }

    fn here(&self, partition: TopicPartition, group: GroupId) -> bool {
        partition == self.partition && self.group.is_none_or(|own| own == group)
    }

    fn read_notes(&mut self, run: &Recorded<'_>) {
        for record in run.world.trace().into_iter().flat_map(|trace| trace.iter()) {
            let TraceKind::Noted(note) = record.kind else { continue };
            let who = self.process(record.node);
            if let Note::Appended { partition, base, epoch, values: Some(values), .. } = note
                && partition == self.partition
            {
                let cells = self.cells(base, values);
                self.column(record.at, who, "appends", format!("epoch {}", epoch.0), cells);
            } else if let Note::Truncated { partition, from, to, .. } = note
                && partition == self.partition
            {
                let cells = self.marks(to.0, from.0, "cut");
                self.column(record.at, who, "cuts", format!("back to {to}"), cells);
            }
        }
    }
}
