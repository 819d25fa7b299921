//! Readers of committed records see all of a committed transaction and nothing of an aborted one (KIP-98).
//!
//! Judged where a producer is transactional only. Whether a committed record is stored at all is no-loss' business, and whether
//! a group processes it that of at-least-once; here it must not be hidden.

use stormglass_types::Dense;
use stormglass_types::history::{Ending, Hiding, Outcome};

use crate::Checker;
use crate::index::{Indexed, offset};
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `transactions`.
pub(crate) struct Transactions;

impl Checker for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let committed = torn(history, &mut findings);
        let read = aborted_reads(history, &mut findings);
        let missing = history.transactions.is_empty().then_some("there was no transaction");
        let counts = vec![
            ("transactions begun", history.transactions.len() as u64),
            ("records of committed transactions checked", committed),
            ("reads of committed records checked", read),
        ];
        findings.verdict(missing, Evidence { counts })
    }
}

/// Records whose transaction was committed, as its producer was told, and that readers of committed records do not see.
fn torn(history: &Indexed<'_>, findings: &mut Findings) -> u64 {
    let mut checked = 0;
    for transaction in &history.transactions {
        let Some((ended, Ending::Commit, Outcome::Ok)) = transaction.ended else { continue };
        for id in &transaction.records {
            checked += 1;
            // What waits for another transaction's end is that one's business, and liveness'.
            let Some((Hiding::Aborted, seen)) = history.hidden.get(id) else { continue };
            let record = &history.records[*id];
            let partition = history.partitions.iter().find(|it| it.records.contains(id));
            findings.add(Promise::Made, || {
                let detail = format!(
                    "{} belongs to a transaction that {} was told is committed, and was aborted",
                    history.name(record.value),
                    history.process(history.source(record.value).process)
                );
                Anomaly::new(AnomalyKind::TornTransaction, partition.map(|it| it.id), detail)
                    .values([record.value])
                    .offsets([offset(record.found_at)])
                    .witnesses(history, [transaction.began, record.sent, ended, *seen])
            });
        }
    }
    checked
}

/// Records of aborted transactions that a reader of committed records was given.
fn aborted_reads(history: &Indexed<'_>, findings: &mut Findings) -> u64 {
    let mut checked = 0;
    for group in history.history.header.groups.ids() {
        if !history.group(group).committed_only {
            continue;
        }
        for (slot, held) in history.groups[group.index()].partitions.iter().enumerate() {
            let partition = &history.partitions[slot];
            for read in &held.polls {
                for (at, value) in (read.base..).zip(read.values.values()) {
                    checked += 1;
                    let Some(id) = partition.record_of(value) else { continue };
                    let Some((Hiding::Aborted, seen)) = history.hidden.get(&id) else { continue };
                    findings.add(Promise::Made, || {
                        let detail = format!(
                            "{} read {} at offset {at} of {}, whose transaction was aborted, under isolation.level=read_committed",
                            history.process(read.process),
                            history.name(value),
                            history.label(partition.id)
                        );
                        let record = &history.records[id];
                        Anomaly::new(AnomalyKind::AbortedRead, Some(partition.id), detail)
                            .group(group)
                            .values([value])
                            .offsets([offset(at)])
                            .witnesses(history, [record.sent, read.event, *seen])
                    });
                }
            }
        }
    }
    checked
}
