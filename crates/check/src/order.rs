//! Records of one key keep the order in which one producer life sent them: in the log, and as groups first process them.
//!
//! Compares producers with each other only where one stream of events is dealt between them, and then to tell that its order
//! is lost, which nobody promised to keep. A redelivery is not a reordering.

use stormglass_types::history::{CommitMode, What};
use stormglass_types::{Dense, GroupId, NodeId};

use crate::Checker;
use crate::index::{Fate, Indexed, Partition, Record, offset};
use crate::lanes::Lanes;
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `per-key-order`.
pub(crate) struct PerKeyOrder;

impl Checker for PerKeyOrder {
    fn name(&self) -> &'static str {
        "per-key-order"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let mut lanes = Lanes::new(history.lanes);
        let (mut stored, mut processed, mut late) = (0, 0, 0);
        for partition in &history.partitions {
            stored += in_log(history, partition, &mut lanes, &mut findings, &mut late);
        }
        let homes = homes(history);
        let pools = &history.history.header.pools;
        let mut shared = 0;
        for pool in pools {
            for partition in &history.partitions {
                shared += in_pool(history, pool, partition, &mut lanes, &mut findings);
            }
        }
        for group in history.history.header.groups.ids() {
            processed += in_group(history, group, &homes, &mut lanes, &mut findings);
        }
        let missing = (stored + processed == 0)
            .then_some("no two records of one key were stored or processed");
        let mut counts = vec![
            ("neighbours of one key checked in logs", stored),
            ("neighbours of one key checked in groups", processed),
            ("late arrivals of unanswered sends", late),
        ];
        if !pools.is_empty() {
            counts.push(("neighbours of one key checked between producers", shared));
        }
        findings.verdict(missing, Evidence { counts })
    }
}

/// The partition of every record.
fn homes(history: &Indexed<'_>) -> Vec<u32> {
    let mut homes = vec![0; history.records.len()];
    for (slot, partition) in history.partitions.iter().enumerate() {
        homes[partition.records.clone()].fill(u32::try_from(slot).expect("16 bits of topics"));
    }
    homes
}

/// Whether a record's place in the log may be judged: it is there, and its producer did not see it fail.
fn counts(record: &Record) -> bool {
    record.was_sent() && record.found_at >= 0 && !matches!(record.fate, Fate::Failed(_))
}

fn in_log(
    history: &Indexed<'_>,
    partition: &Partition,
    lanes: &mut Lanes,
    findings: &mut Findings,
    late: &mut u64,
) -> u64 {
    let (mut checked, mut source) = (0, None);
    lanes.clear();
    // The latest record of each lane in the log so far; an offset below it means that a later send overtook this one.
    for id in partition.records.clone() {
        let record = &history.records[id];
        if source.replace(record.value.source) != Some(record.value.source) {
            lanes.clear();
        }
        if !counts(record) {
            continue;
        }
        let Some(before) = lanes.get(record.lane) else {
            lanes.set(record.lane, id);
            continue;
        };
        checked += 1;
        let earlier = &history.records[before];
        if record.found_at > earlier.found_at {
            lanes.set(record.lane, id);
            continue;
        }
        if arrived_late(history, earlier) {
            *late += 1;
            // What went before it is forgotten: this one is the measure for those that follow.
            lanes.set(record.lane, id);
            continue;
        }
        findings
            .add(log_promise(history, record), || overtaken(history, partition, earlier, record));
    }
    checked
}

/// Whether records of one key that several producers share lie in the order in which they were sent. Kafka keeps none between
/// producers, but who deals one stream of events between them may count on it.
fn in_pool(
    history: &Indexed<'_>,
    pool: &[NodeId],
    partition: &Partition,
    lanes: &mut Lanes,
    findings: &mut Findings,
) -> u64 {
    let process = |record: &Record| history.source(record.value).process;
    let of_pool = |id: &usize| {
        let record = &history.records[*id];
        counts(record) && pool.contains(&process(record))
    };
    let mut ids: Vec<usize> = partition.records.clone().filter(of_pool).collect();
    ids.sort_unstable_by_key(|id| {
        let record = &history.records[*id];
        (record.sent, record.value.serial)
    });
    lanes.clear();
    let mut checked = 0;
    for id in ids {
        let record = &history.records[id];
        let before = lanes.get(record.lane).map(|before| &history.records[before]);
        let in_order = before.is_none_or(|before| record.found_at > before.found_at);
        if in_order {
            lanes.set(record.lane, id);
        }
        let Some(earlier) = before.filter(|before| process(before) != process(record)) else {
            continue;
        };
        checked += 1;
        if !in_order {
            let why = "the application deals the events of a key between producers, and nobody keeps an order between them";
            findings.add(Promise::NotMade(why.to_owned()), || {
                overtaken(history, partition, earlier, record)
            });
        }
    }
    checked
}

/// Whether a send that never got an answer may land at any time: nothing but a producer's epoch keeps it out.
fn arrived_late(history: &Indexed<'_>, record: &Record) -> bool {
    let answered = match record.fate {
        Fate::Acked | Fate::Failed(_) => true,
        Fate::Pending | Fate::Unknown => false,
    };
    !answered && !history.source(record.value).idempotent
}

fn log_promise(history: &Indexed<'_>, record: &Record) -> Promise {
    let source = history.source(record.value);
    if !source.idempotent && source.in_flight > 1 && source.retries {
        return Promise::NotMade(format!(
            "without idempotence, a retry with max.in.flight.requests.per.connection={} may be overtaken",
            source.in_flight
        ));
    }
    Promise::Made
}

fn overtaken(
    history: &Indexed<'_>,
    partition: &Partition,
    earlier: &Record,
    later: &Record,
) -> Anomaly {
    let detail = format!(
        "{}{} was sent after {} but lies before it in {}: offsets {} and {}",
        history.name(later.value),
        history.key_of(later),
        history.name(earlier.value),
        history.label(partition.id),
        later.found_at,
        earlier.found_at
    );
    Anomaly::new(AnomalyKind::NonmonotonicSend, Some(partition.id), detail)
        .values([earlier.value, later.value])
        .offsets([offset(earlier.found_at), offset(later.found_at)])
        .witnesses(history, [earlier.sent, later.sent, earlier.done, later.done])
}

fn in_group(
    history: &Indexed<'_>,
    group: GroupId,
    homes: &[u32],
    lanes: &mut Lanes,
    findings: &mut Findings,
) -> u64 {
    let view = &history.groups[group.index()];
    let mut checked = 0;
    for order in &view.order {
        lanes.clear();
        for id in order {
            let id = *id as usize;
            let record = &history.records[id];
            if !record.was_sent() {
                continue;
            }
            let Some(before) = lanes.get(record.lane) else {
                lanes.set(record.lane, id);
                continue;
            };
            checked += 1;
            let newest = &history.records[before];
            if record.sent > newest.sent
                || (record.sent == newest.sent && record.value.serial > newest.value.serial)
            {
                lanes.set(record.lane, id);
                continue;
            }
            let same_partition = homes[id] == homes[before];
            let stored_so = record.found_at >= newest.found_at && newest.found_at >= 0;
            if (same_partition && stored_so) || arrived_late(history, record) {
                // The log itself has this order, and is judged for it.
                continue;
            }
            let pair =
                Pair { group, first: newest, second: record, homes: [homes[before], homes[id]] };
            findings.add(pair.promise(history), || pair.describe(history));
        }
    }
    checked
}

/// Two records of a key that a group processed in the wrong order: `first`, sent later, came first.
struct Pair<'a> {
    group: GroupId,
    first: &'a Record,
    second: &'a Record,
    homes: [u32; 2],
}

impl Pair<'_> {
    fn promise(&self, history: &Indexed<'_>) -> Promise {
        let group = history.group(self.group);
        if self.homes[0] != self.homes[1] && self.expanded(history) {
            return Promise::NotMade(
                "the topic got more partitions, so the key moved to another one".into(),
            );
        }
        if let Some(why) = self.was_sought(history) {
            return Promise::NotMade(why.into());
        }
        match group.commit {
            CommitMode::BeforeProcessing => {
                Promise::NotMade("commit-before-processing lets the next owner overtake".into())
            }
            CommitMode::Automatic if group.stores_early => {
                let why = "enable.auto.offset.store=true commits what was handed out, so the next owner may overtake";
                Promise::NotMade(why.into())
            }
            CommitMode::AfterProcessing | CommitMode::Automatic if group.asynchronous => {
                Promise::NotMade("the application hands records to other threads".into())
            }
            CommitMode::AfterProcessing | CommitMode::Automatic => Promise::Made,
        }
    }

    /// Whether the application left the record out, by a seek or from the start, before it sought it and processed it after all.
    fn was_sought(&self, history: &Indexed<'_>) -> Option<&'static str> {
        let slot = self.homes[1] as usize;
        let view = &history.groups[self.group.index()];
        let id = history.partitions[slot].record_of(self.second.value)?;
        let (at, first) = (self.second.found_at, view.first_processed[id]);
        let partition = &view.partitions[slot];
        if partition.sought_past(at, first).is_some() {
            return Some("the application sought past it, and came back");
        }
        partition
            .sought_what_it_began_behind(at, first)
            .then_some("the group began behind it, and the application sought back")
    }

    /// Whether the topic was expanded between the two sends.
    fn expanded(&self, history: &Indexed<'_>) -> bool {
        let topic = history.partitions[self.homes[0] as usize].id.topic;
        let (Some(from), Some(to)) = (self.second.sent.known(), self.first.sent.known()) else {
            return false;
        };
        // Producers learn of it later, by metadata, so everything before the second send counts.
        let grown = |what| matches!(what, What::Expanded { topic: grown, .. } if grown == topic);
        from < to
            && history
                .expansions
                .iter()
                .any(|event| *event < to && grown(history.history.events[*event].what))
    }

    fn describe(&self, history: &Indexed<'_>) -> Anomaly {
        let view = &history.groups[self.group.index()];
        let label = |home: u32| history.label(history.partitions[home as usize].id);
        let id_of =
            |home: u32, record: &Record| history.partitions[home as usize].record_of(record.value);
        let processed = |home, record| {
            id_of(home, record)
                .map_or(crate::index::EventIndex::NEVER, |id| view.first_processed[id])
        };
        let detail = format!(
            "{} processed {} ({}){} before {} ({}), which was sent earlier",
            history.group(self.group).name,
            history.name(self.first.value),
            label(self.homes[0]),
            history.key_of(self.first),
            history.name(self.second.value),
            label(self.homes[1])
        );
        let partition = history.partitions[self.homes[1] as usize].id;
        let events = [
            self.second.sent,
            self.first.sent,
            processed(self.homes[0], self.first),
            processed(self.homes[1], self.second),
        ];
        Anomaly::new(AnomalyKind::KeyReordered, Some(partition), detail)
            .group(self.group)
            .values([self.second.value, self.first.value])
            .witnesses(history, events)
    }
}
