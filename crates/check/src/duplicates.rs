//! A record is stored once, and an offset shows one record.
//!
//! Does not count records that a group processes twice: at-least-once allows those, and the figures tell how many.

use stormglass_types::Dense;
use stormglass_types::history::{Hiding, Removal};

use crate::Checker;
use crate::index::{Indexed, Partition, Sent, offset};
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `no-duplicates`.
pub(crate) struct NoDuplicates;

impl Checker for NoDuplicates {
    fn name(&self) -> &'static str {
        "no-duplicates"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let (mut stored, mut read) = (0, 0);
        for (slot, partition) in history.partitions.iter().enumerate() {
            let Some(log) = &partition.log else {
                if partition.records.is_empty() {
                    continue;
                }
                findings.undecided(|| format!("{} was not read", history.label(partition.id)));
                continue;
            };
            stored += log.records().map(|_| 1).sum::<u64>();
            copies(history, partition, &mut findings);
            for (at, value, event) in &partition.clashes {
                findings.add(Promise::Made, || {
                    let detail = format!(
                        "the final read of {} shows {} and another record at offset {at}",
                        history.label(partition.id),
                        history.name(*value)
                    );
                    Anomaly::new(AnomalyKind::InconsistentOffsets, Some(partition.id), detail)
                        .values([*value])
                        .offsets([offset(*at)])
                        .witnesses(history, [*event])
                });
            }
            read += compare_reads(history, slot, &mut findings);
        }
        sent_again(history, &mut findings);
        let missing = (stored == 0).then_some("no record was stored");
        let counts =
            vec![("stored records checked", stored), ("reads compared with the log", read)];
        findings.verdict(missing, Evidence { counts })
    }
}

fn copies(history: &Indexed<'_>, partition: &Partition, findings: &mut Findings) {
    for (id, again, event) in &partition.copies {
        let record = &history.records[*id];
        let source = history.source(record.value);
        let promise = if source.idempotent || !source.retries {
            Promise::Made
        } else {
            Promise::NotMade(
                "enable.idempotence=false stores a batch again when its ack was lost".into(),
            )
        };
        findings.add(promise, || {
            // The other copy may be deleted by now.
            let deleted = || partition.removal(*id).map_or(record.found_at, |removed| removed.at);
            let one = if record.found_at < 0 { deleted() } else { record.found_at };
            let is = if record.found_at < 0 { "was" } else { "is" };
            let detail = format!(
                "{} {is} at offsets {one} and {again} of {}",
                history.name(record.value),
                history.label(partition.id)
            );
            Anomaly::new(AnomalyKind::Duplicate, Some(partition.id), detail)
                .values([record.value])
                .offsets([offset(one), offset(*again)])
                .witnesses(history, [record.sent, record.done, *event])
        });
    }
}

/// Records that are stored although their send had failed, beside what their application sent again for them.
fn sent_again(history: &Indexed<'_>, findings: &mut Findings) {
    for (again, first, event) in &history.again {
        let stored = |(partition, value): Sent| {
            let record =
                &history.records[history.partitions[history.slot(partition)?].record_of(value)?];
            (record.found_at >= 0).then_some(record)
        };
        let (Some(one), Some(other)) = (stored(*first), stored(*again)) else { continue };
        if aborted(history, *first) || aborted(history, *again) {
            continue;
        }
        let reason =
            "idempotence knows what a producer repeats, not what an application sends again";
        let transactional = history.source(one.value).transactional;
        let learned = if transactional {
            "although its application never learned that it is committed"
        } else {
            "although its send failed"
        };
        findings.add(Promise::NotMade(reason.into()), || {
            let detail = format!(
                "{} is at offset {} of {} {}, and sent again as {} at offset {} of {}",
                history.name(one.value),
                one.found_at,
                history.label(first.0),
                learned,
                history.name(other.value),
                other.found_at,
                history.label(again.0)
            );
            Anomaly::new(AnomalyKind::SentTwice, Some(first.0), detail)
                .values([one.value, other.value])
                .offsets([offset(one.found_at), offset(other.found_at)])
                .witnesses(history, [one.sent, one.done, *event, other.sent, other.done])
        });
    }
}

/// Whether a record was stored within a transaction that was aborted, so that it does not count.
fn aborted(history: &Indexed<'_>, (partition, value): Sent) -> bool {
    let slot = history.slot(partition);
    let id = slot.and_then(|slot| history.partitions[slot].record_of(value));
    id.is_some_and(|id| matches!(history.hidden.get(&id), Some((Hiding::Aborted, _))))
}

/// Compares what groups read with what the log holds in the end.
fn compare_reads(history: &Indexed<'_>, slot: usize, findings: &mut Findings) -> u64 {
    let partition = &history.partitions[slot];
    let Some(log) = &partition.log else { return 0 };
    let mut compared = 0;
    for group in history.history.header.groups.ids() {
        for poll in &history.groups[group.index()].partitions[slot].polls {
            for (at, value) in (poll.base..).zip(poll.values.values()) {
                let Some(now) = log.record_at(at) else { continue };
                compared += 1;
                let read = partition.record_of(value);
                // What was deleted with its topic lay where another record lies now.
                let removed = read.and_then(|read| partition.removal(read));
                if read == Some(now) || removed.is_some_and(|it| it.why == Removal::Topic) {
                    continue;
                }
                let promise = rewritten(history, partition, at);
                findings.add(promise, || {
                    let now = history.records[now].value;
                    let detail = format!(
                        "{} read {} at offset {at} of {}, where the log holds {}",
                        history.process(poll.process),
                        history.name(value),
                        history.label(partition.id),
                        history.name(now)
                    );
                    Anomaly::new(AnomalyKind::InconsistentOffsets, Some(partition.id), detail)
                        .group(group)
                        .values([value, now])
                        .offsets([offset(at)])
                        .witnesses(history, [poll.event])
                });
            }
        }
    }
    compared
}

/// What is promised of a record that was read and is not in the log any more.
pub(crate) fn rewritten(history: &Indexed<'_>, partition: &Partition, at: i64) -> Promise {
    if let Some(reason) = history.unclean_reason(partition) {
        return Promise::NotMade(reason);
    }
    if partition.lost(at) {
        let label = history.label(partition.id);
        return Promise::Excused(format!("a crash took offset {at} of {label} from a disk"));
    }
    Promise::Made
}
