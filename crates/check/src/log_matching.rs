//! Replicas agree below the high watermark, and logs hold only what was sent and not refused.
//!
//! Judges disks as they are after the run. What a replica held in between is for the invariants beside the world.

use crate::Checker;
use crate::index::{Fate, Indexed, Partition, Piece, Replica, offset};
use crate::no_loss::broker_bit;
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `log-matching`.
pub(crate) struct LogMatching;

impl Checker for LogMatching {
    fn name(&self) -> &'static str {
        "log-matching"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let (mut pairs, mut compared) = (0, 0);
        for partition in &history.partitions {
            sent_and_not_refused(history, partition, &mut findings);
            for (n, one) in partition.replicas.iter().enumerate() {
                for other in &partition.replicas[n + 1..] {
                    pairs += 1;
                    let pair = Pair { history, partition, one, other };
                    compared += pair.compare(&mut findings);
                }
            }
        }
        let missing = (pairs == 0).then_some("no partition had two replicas to compare");
        let counts = vec![("pairs of replicas compared", pairs), ("offsets compared", compared)];
        findings.verdict(missing, Evidence { counts })
    }
}

fn sent_and_not_refused(history: &Indexed<'_>, partition: &Partition, findings: &mut Findings) {
    for (value, at, event) in &partition.phantoms {
        findings.add(Promise::Made, || {
            let label = history.label(partition.id);
            let value_name = history.name(*value);
            let detail = format!("{value_name} at offset {at} of {label} was never sent");
            Anomaly::new(AnomalyKind::PhantomRead, Some(partition.id), detail)
                .values([*value])
                .offsets([offset(*at)])
                .witnesses(history, [*event])
        });
    }
    for record in &history.records[partition.records.clone()] {
        let Fate::Failed(error) = record.fate else { continue };
        if record.found_at < 0 {
            continue;
        }
        findings.add(Promise::Made, || {
            let detail = format!(
                "{} failed for certain ({error}) but is at offset {} of {}",
                history.name(record.value),
                record.found_at,
                history.label(partition.id)
            );
            Anomaly::new(AnomalyKind::AbortedRead, Some(partition.id), detail)
                .values([record.value])
                .offsets([offset(record.found_at)])
                .witnesses(history, [record.sent, record.done])
        });
    }
}

/// Two replicas of a partition.
struct Pair<'a> {
    history: &'a Indexed<'a>,
    partition: &'a Partition,
    one: &'a Replica,
    other: &'a Replica,
}

impl Pair<'_> {
    /// Walks both logs side by side and reports the first offset at which they differ.
    fn compare(&self, findings: &mut Findings) -> u64 {
        let committed = self.one.high_watermark.min(self.other.high_watermark);
        let both_in_sync = self.in_sync(self.one) && self.in_sync(self.other);
        let limit = if both_in_sync { self.one.end.min(self.other.end) } else { committed };
        let (mut ones, mut others) = (self.one.pieces.iter(), self.other.pieces.iter());
        let (mut left, mut right) = (ones.next(), others.next());
        let mut compared = 0;
        while let (Some(one), Some(other)) = (left, right) {
            let (from, to) = (one.base.max(other.base), one.end().min(other.end()).min(limit));
            if from >= limit {
                break;
            }
            if from < to {
                compared += (to - from).unsigned_abs();
                let same_epoch = one.epoch == other.epoch;
                // Values within a batch are consecutive: its ends tell about what lies between.
                let same_values = one.value_at(from) == other.value_at(from)
                    && one.value_at(to - 1) == other.value_at(to - 1);
                // Above the high watermark another epoch may yet be truncated away.
                let differ = !same_values || (!same_epoch && from < committed);
                let pending = from >= committed && !same_epoch;
                if differ && !pending {
                    findings.add(self.promise(), || self.diverged(from, one, other));
                    return compared;
                }
            } else if from < committed && !self.partition.compacted {
                // One of them has no batch where the other has one.
                let hole = one.base.min(other.base);
                let below = one.end() <= other.base || other.end() <= one.base;
                if below && hole < committed && !self.starts_later(hole) {
                    findings.add(self.promise(), || self.diverged(hole, one, other));
                    return compared;
                }
            }
            if one.end() <= other.end() {
                left = ones.next();
            }
            if other.end() <= one.end() {
                right = others.next();
            }
        }
        compared
    }

    /// Whether an offset lies before the start of one of the logs, where it may have been deleted.
    fn starts_later(&self, at: i64) -> bool {
        let start = |replica: &Replica| replica.pieces.first().map_or(i64::MAX, |piece| piece.base);
        at < start(self.one) || at < start(self.other)
    }

    fn in_sync(&self, replica: &Replica) -> bool {
        let last = self.partition.in_sync.last();
        last.is_some_and(|(_, set)| set & broker_bit(replica.broker) != 0)
    }

    fn promise(&self) -> Promise {
        let hurt = self.partition.unclean.known().is_some() || !self.partition.losses.is_empty();
        let left_out = [self.one, self.other].into_iter().find(|replica| !self.in_sync(replica));
        match left_out.filter(|_| hurt) {
            Some(replica) => Promise::Excused(format!(
                "{} of {} has not caught up since records were lost",
                replica.broker,
                self.history.label(self.partition.id)
            )),
            None => Promise::Made,
        }
    }

    fn diverged(&self, at: i64, one: &Piece, other: &Piece) -> Anomaly {
        let (one_broker, other_broker) = (self.one.broker, self.other.broker);
        let detail = format!(
            "{} differs at offset {at}: {one_broker} has {}, {other_broker} has {}",
            self.history.label(self.partition.id),
            one.held_at(self.history, at),
            other.held_at(self.history, at)
        );
        let values = [one, other].into_iter().filter_map(|piece| piece.value_at(at));
        Anomaly::new(AnomalyKind::Diverged, Some(self.partition.id), detail)
            .values(values)
            .offsets([offset(at)])
            .witnesses(self.history, [one.event, other.event])
    }
}

impl Piece {
    fn end(&self) -> i64 {
        self.base + i64::from(self.count)
    }

    fn value_at(&self, at: i64) -> Option<stormglass_types::Value> {
        let skip = u32::try_from(at - self.base).ok().filter(|skip| *skip < self.count)?;
        // A torn batch promises more records than it holds.
        self.values.filter(|values| skip < values.count).map(|values| values.at(skip))
    }

    fn held_at(&self, history: &Indexed<'_>, at: i64) -> String {
        let value = self.value_at(at);
        if !(self.base..self.end()).contains(&at) {
            return "nothing".to_owned();
        }
        let value =
            value.map_or_else(|| "a record of Kafka's own".to_owned(), |value| history.name(value));
        format!("{value} of epoch {}", self.epoch.0)
    }
}
