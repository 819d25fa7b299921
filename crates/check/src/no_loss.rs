//! Acknowledged records are in the final log.
//!
//! Reports every loss that a user would call one; whether Kafka had promised otherwise is said beside it. Does not judge
//! what groups read.

use std::collections::BTreeMap;

use stormglass_types::history::{Acks, Removal};

use crate::Checker;
use crate::index::{Fate, Indexed, Loss, Partition, Record, Removed, acks_name, offset};
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `no-loss`.
pub(crate) struct NoLoss;

impl Checker for NoLoss {
    fn name(&self) -> &'static str {
        "no-loss"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let (mut acked, mut deleted) = (0, 0);
        for partition in &history.partitions {
            let last = last_of_keys(history, partition);
            let records = &history.records[partition.records.clone()];
            let numbered = partition.records.clone().zip(records);
            for (id, record) in numbered.filter(|(_, record)| record.fate == Fate::Acked) {
                acked += 1;
                if partition.log.is_none() {
                    findings.undecided(|| format!("{} was not read", history.label(partition.id)));
                    continue;
                }
                let removal = partition.removal(id);
                if removal.is_some_and(|removed| is_legal(removed, record, &last)) {
                    deleted += 1;
                } else if record.found_at < 0 {
                    let detail = || lost(history, partition, record);
                    findings.add(promise(history, partition, record), detail);
                } else if moved(partition, record) {
                    let detail = || displaced(history, partition, record);
                    findings.add(promise(history, partition, record), detail);
                }
            }
        }
        let missing = (acked == 0).then_some("no record was acknowledged");
        let counts = vec![("acked records checked", acked), ("deleted as configured", deleted)];
        findings.verdict(missing, Evidence { counts })
    }
}

/// Whether the final log holds something else, or nothing, where the ack said that the record is.
fn moved(partition: &Partition, record: &Record) -> bool {
    if record.acked_at < 0 || record.acked_at == record.found_at {
        return false;
    }
    let Some(log) = &partition.log else { return false };
    let here = log.record_at(record.acked_at);
    let place = partition.record_of(record.value);
    record.acked_at >= log.start && here != place
}

fn lost(history: &Indexed<'_>, partition: &Partition, record: &Record) -> Anomaly {
    let label = history.label(partition.id);
    let acks = acks_name(history.source(record.value).acks);
    let told = match record.acked_at {
        ..0 => String::new(),
        told => format!(" at offset {told}"),
    };
    let instead = partition.log.as_ref().and_then(|log| log.record_at(record.acked_at));
    let instead = instead.map_or_else(String::new, |other| {
        format!(", where {} is now", history.name(history.records[other].value))
    });
    let detail = format!(
        "{} in {label} was acknowledged ({acks}){told} and is not in the final log{instead}",
        history.name(record.value)
    );
    describe(AnomalyKind::LostWrite, history, partition, record, detail)
}

fn displaced(history: &Indexed<'_>, partition: &Partition, record: &Record) -> Anomaly {
    let detail = format!(
        "{} in {} was acknowledged at offset {} but is at offset {}",
        history.name(record.value),
        history.label(partition.id),
        record.acked_at,
        record.found_at
    );
    describe(AnomalyKind::InconsistentOffsets, history, partition, record, detail)
}

fn describe(
    kind: AnomalyKind,
    history: &Indexed<'_>,
    partition: &Partition,
    record: &Record,
    detail: String,
) -> Anomaly {
    let known = [record.acked_at, record.found_at].into_iter().filter(|known| *known >= 0);
    Anomaly::new(kind, Some(partition.id), detail)
        .values([record.value])
        .offsets(known.map(offset))
        .witnesses(history, [record.sent, record.done])
}

/// What the configuration promises of an acknowledged record.
fn promise(history: &Indexed<'_>, partition: &Partition, record: &Record) -> Promise {
    match history.source(record.value).acks {
        Acks::Zero => return Promise::NotMade("acks=0 promises nothing".into()),
        Acks::One => {
            return Promise::NotMade("acks=1 promises only that the leader had it".into());
        }
        Acks::All => {}
    }
    let topic = history.topic(partition);
    if let Some(reason) = history.unclean_reason(partition) {
        return Promise::NotMade(reason);
    }
    if topic.unclean_election {
        return Promise::NotMade("unclean.leader.election.enable=true promises nothing".into());
    }
    let in_sync = partition.in_sync_between(record.sent, record.done);
    let ever_in_sync = in_sync.iter().fold(0, |all, set| all | set);
    let lost_by = lost_by(partition, record, ever_in_sync);
    // The contract at the end of section 2 of the catalogue; KIP-966 raises it from nothing to `min.insync.replicas - 1`.
    let covered = if history.history.header.eligible_leader_replicas {
        u32::from(topic.min_insync_replicas.saturating_sub(1))
    } else {
        0
    };
    if lost_by <= covered {
        return Promise::Made;
    }
    let alone = in_sync.iter().any(|set| set.count_ones() == 1);
    if topic.min_insync_replicas <= 1 && alone {
        let reason =
            "min.insync.replicas=1 allows an ack by the leader alone, and its disk lost it";
        return Promise::NotMade(reason.into());
    }
    Promise::Excused(format!(
        "power loss took {} from {lost_by} in-sync replicas, the promise covers {covered}",
        history.name(record.value)
    ))
}

/// How many brokers' disks lost a record after it was sent, where Kafka relied on them: because they were in sync when the
/// record was acknowledged, or when they lost it. The latter may be all that is left of the in-sync set later, and then it
/// leads with what it has.
fn lost_by(partition: &Partition, record: &Record, in_sync: u64) -> u32 {
    let covers = |loss: &&Loss| {
        loss.event > record.sent && (record.acked_at < 0 || loss.offsets.contains(&record.acked_at))
    };
    let relied_on = |loss: &&Loss| {
        (in_sync | partition.in_sync_around(loss.event)) & broker_bit(loss.broker) != 0
    };
    let losses = partition.losses.iter().filter(covers).filter(relied_on);
    let brokers = losses.map(|loss| broker_bit(loss.broker)).fold(0, |all, bit| all | bit);
    brokers.count_ones()
}

/// A broker's bit in a set of in-sync replicas.
pub(crate) fn broker_bit(broker: stormglass_types::BrokerId) -> u64 {
    1u64.checked_shl(u32::from(broker.0)).unwrap_or(0)
}

/// The last place of each lane of order that something had in a partition; nothing where nothing was compacted.
fn last_of_keys(history: &Indexed<'_>, partition: &Partition) -> BTreeMap<u32, i64> {
    let mut last = BTreeMap::new();
    if partition.compacted {
        for (_, lane, at) in partition.places(&history.records) {
            let known = last.entry(lane).or_insert(at);
            *known = at.max(*known);
        }
    }
    last
}

/// Whether a record may be gone: what compaction drops for a later record of its key must have one.
fn is_legal(removed: &Removed, record: &Record, last: &BTreeMap<u32, i64>) -> bool {
    match removed.why {
        Removal::Superseded => last.get(&record.lane).is_some_and(|last| *last > removed.at),
        Removal::Age
        | Removal::Size
        | Removal::Tombstone
        | Removal::Request
        | Removal::Topic
        | Removal::Leader => true,
    }
}
