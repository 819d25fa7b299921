//! No two members of a group hold one partition in one generation, and none keeps what was given away into a later one.
//! Where a coordinator promises to give a partition away only when its owner has let go of it (KIP-848), no member that it
//! still counts on finds that another had the partition meanwhile.
//!
//! A paused member that goes on after its partitions were given away cannot be prevented by Kafka: its work is counted as
//! an overlap and is no violation. Once it has taken its assignment in a later generation, it must have let go before.

use stormglass_types::{Dense, GroupId};

use crate::Checker;
use crate::index::{EventIndex, GroupPartition, GroupView, Indexed, Read, Tenure};
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `single-owner`.
pub(crate) struct SingleOwner;

impl Checker for SingleOwner {
    fn name(&self) -> &'static str {
        "single-owner"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let (mut tenures, mut overlaps) = (0, 0);
        let amnesia = history.coordinator_amnesia();
        for group in history.history.header.groups.ids() {
            let view = &history.groups[group.index()];
            let releases_first = history.history.header.groups[group].releases_first;
            for (slot, held) in view.partitions.iter().enumerate() {
                tenures += held.tenures.iter().map(|_| 1).sum::<u64>();
                let mut open: Vec<&Tenure> = Vec::new();
                for tenure in &held.tenures {
                    open.retain(|other| other.to > tenure.from);
                    for other in open.iter().filter(|other| other.process != tenure.process) {
                        let is_double = other.generation == tenure.generation
                            || kept_on(view, other, tenure)
                            || (releases_first && was_counted_on(view, other, tenure));
                        if is_double {
                            let promise = amnesia.clone().map_or(Promise::Made, Promise::Excused);
                            findings.add(promise, || double(history, group, slot, other, tenure));
                        } else {
                            overlaps += zombie_work(held, other, tenure);
                        }
                    }
                    open.push(tenure);
                }
            }
        }
        let missing = (tenures == 0).then_some("no partition was assigned to a member");
        let counts = vec![("assignments checked", tenures), ("zombie_overlaps", overlaps)];
        findings.verdict(missing, Evidence { counts })
    }
}

/// Whether the older of two owners came into the generation of the newer, or a later one, without letting go before.
fn kept_on(view: &GroupView, one: &Tenure, other: &Tenure) -> bool {
    let (older, newer) =
        if one.generation < other.generation { (one, other) } else { (other, one) };
    let first = view.joins.partition_point(|(event, ..)| *event <= older.from);
    let during = view.joins[first..].iter().take_while(|(event, ..)| *event < older.to);
    let mut own = during.filter(|(_, member, _)| *member == older.process);
    own.any(|(.., generation)| *generation >= newer.generation)
}

/// Whether the older of two owners was a member still when the newer one came: what it hears next, of the newer's generation or
/// a later one, is no new beginning. Only one that was fenced, left or died may be overtaken.
fn was_counted_on(view: &GroupView, one: &Tenure, other: &Tenure) -> bool {
    let (older, newer) =
        if one.generation < other.generation { (one, other) } else { (other, one) };
    let since = older.from.max(newer.from);
    let first = view.joins.partition_point(|(event, ..)| *event <= since);
    let mut after = view.joins[first..].iter();
    let went_on = after.find(|(_, member, generation)| {
        *member == older.process && *generation >= newer.generation
    });
    let Some((went_on, ..)) = went_on else { return false };
    // It may have heard of its end before the other one came, and its application only later.
    let first = view.partings.partition_point(|(event, _)| *event <= older.from);
    let mut between = view.partings[first..].iter().take_while(|(event, _)| event < went_on);
    !between.any(|(_, member)| *member == older.process)
}

/// How often the older of two owners processed something while both believed to hold the partition.
fn zombie_work(held: &GroupPartition, one: &Tenure, other: &Tenure) -> u64 {
    let older = if one.generation < other.generation { one } else { other };
    let (from, to) = (one.from.max(other.from), one.to.min(other.to));
    let first = held.processed.partition_point(|read| read.event <= from);
    let by_zombie = |read: &&Read| read.process == older.process;
    let during = held.processed[first..].iter().take_while(|read| read.event < to);
    during.filter(by_zombie).map(|_| 1).sum()
}

fn double(
    history: &Indexed<'_>,
    group: GroupId,
    slot: usize,
    one: &Tenure,
    other: &Tenure,
) -> Anomaly {
    let partition = history.partitions[slot].id;
    let detail = format!(
        "{} and {} both hold {} in generation {} of {}",
        history.process(one.process),
        history.process(other.process),
        history.label(partition),
        other.generation.0,
        history.group(group).name
    );
    let end =
        |tenure: &Tenure| if tenure.to == EventIndex::NEVER { tenure.from } else { tenure.to };
    Anomaly::new(AnomalyKind::DoubleOwner, Some(partition), detail)
        .group(group)
        .witnesses(history, [one.from, other.from, end(one)])
}
