//! What a run measured, in whole numbers.
//!
//! Judges nothing and promises nothing: expectations on figures are the scenario's.

use stormglass_types::history::{Event, Role, What};
use stormglass_types::{BrokerId, Dense, Span, Time, TopicId};

use crate::index::{EventIndex, Fate, Indexed, Partition};

mod group;

pub use group::{GroupFigures, PartitionFigures, Repeats, Skips};

/// Everything that was counted and measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Records that producers took in.
    pub sends: u64,
    /// Records that producers refused before they had a partition.
    pub refused: u64,
    /// Records that were acknowledged.
    pub acked: u64,
    /// Records that failed for certain.
    pub failed: u64,
    /// Records whose outcome nobody knows, or that were not answered in the end.
    pub unknown: u64,
    /// Records in the final logs, each once.
    pub committed: u64,
    /// Records processed by groups, repeats included.
    pub delivered: u64,
    /// Records processed by groups, each once per group.
    pub processed: u64,
    /// Further copies of records in the final logs.
    pub duplicated: u64,
    /// Records that a group processed more than once, counted per group.
    pub redelivered: u64,
    /// Acknowledged records that are not in the final log of their partition.
    pub lost: u64,
    /// Acknowledged records per second, from the first send to the last ack.
    pub acked_per_second: u64,
    /// First deliveries per second, from the first send to the last of them.
    pub processed_per_second: u64,
    /// From send to ack.
    pub ack_latency: Percentiles,
    /// From send to the end of the first processing, over all groups.
    pub end_to_end: Percentiles,
    /// Per group, in the order of ids.
    pub groups: Vec<GroupFigures>,
    /// Per topic that is not Kafka's own, in the order of ids.
    pub topics: Vec<TopicFigures>,
}

/// Exact percentiles by nearest rank, in microseconds; zero if there was no sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many samples there were.
    pub samples: u64,
    /// The median.
    pub p50: u64,
    /// Of a hundred samples, the fifth largest is above it.
    pub p95: u64,
    /// Of a hundred samples, one is above it.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// What became of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicFigures {
    /// Which.
    pub topic: TopicId,
    /// Records in the final logs, copies included.
    pub records: u64,
    /// The share of the fullest partition, in thousandths.
    pub max_partition_share: u64,
    /// Keys whose records lie in more than one partition.
    pub split_keys: u64,
    /// Partition-milliseconds in which metadata showed no leader, or one that was down.
    pub unavailable_ms: u64,
    /// The same for the partition that was worst off.
    pub unavailable_max_ms: u64,
}

impl Figures {
    /// Measures a history.
    #[must_use]
    pub fn new(history: &Indexed<'_>) -> Self {
        let mut figures = Self { refused: history.refused, ..Self::default() };
        let (mut first_send, mut last_ack) = (Time::NEVER, Time::ZERO);
        let mut ack_latency = Vec::with_capacity(history.records.len());
        for partition in &history.partitions {
            figures.duplicated += count(partition.copies.len());
            for id in partition.records.clone() {
                let record = &history.records[id];
                if !record.was_sent() {
                    continue;
                }
                figures.sends += 1;
                first_send = first_send.min(record.sent_at);
                figures.committed += u64::from(record.found_at >= 0);
                match record.fate {
                    Fate::Acked => {
                        figures.acked += 1;
                        last_ack = last_ack.max(record.done_at);
                        ack_latency.push(micros(record.done_at.since(record.sent_at)));
                        let gone = partition.log.is_some() && partition.removal(id).is_none();
                        figures.lost += u64::from(record.found_at < 0 && gone);
                    }
                    Fate::Failed(_) => figures.failed += 1,
                    Fate::Pending | Fate::Unknown => figures.unknown += 1,
                }
            }
        }
        figures.acked_per_second = per_second(figures.acked, last_ack.since(first_send));
        figures.ack_latency = Percentiles::of(ack_latency);
        figures.add_groups(history, first_send);
        figures.add_topics(history);
        figures
    }

    fn add_groups(&mut self, history: &Indexed<'_>, first_send: Time) {
        let mut all = Vec::new();
        let mut last = Time::ZERO;
        for (group, view) in history.history.header.groups.ids().zip(&history.groups) {
            let mut latencies = Vec::with_capacity(view.order.iter().map(Vec::len).sum());
            for id in view.order.iter().flatten() {
                let id = *id as usize;
                let done = history.time(view.first_processed[id]).unwrap_or(Time::ZERO);
                last = last.max(done);
                latencies.push(micros(done.since(history.records[id].sent_at)));
            }
            if history.groups.len() > 1 {
                all.extend_from_slice(&latencies);
            }
            let figures = GroupFigures::new(history, group, view, latencies);
            self.delivered += figures.delivered;
            self.processed += figures.processed;
            self.redelivered += figures.redelivered;
            self.groups.push(figures);
        }
        self.end_to_end = match &self.groups[..] {
            [only] => only.end_to_end,
            _ => Percentiles::of(all),
        };
        self.processed_per_second = per_second(self.processed, last.since(first_send));
    }

    fn add_topics(&mut self, history: &Indexed<'_>) {
        let downtime = Downtime::new(history);
        for (topic, settings) in history.history.header.topics.entries() {
            if settings.internal {
                continue;
            }
            let mut figures = TopicFigures {
                topic,
                records: 0,
                max_partition_share: 0,
                split_keys: split_keys(history, topic),
                unavailable_ms: 0,
                unavailable_max_ms: 0,
            };
            let mut fullest = 0;
            for partition in history.partitions.iter().filter(|it| it.id.topic == topic) {
                let records = partition.log.as_ref().map_or(0, |log| count(log.records().count()));
                figures.records += records;
                fullest = fullest.max(records);
                let unavailable = downtime.of(partition, history.last_event_at).as_millis();
                figures.unavailable_ms += unavailable;
                figures.unavailable_max_ms = figures.unavailable_max_ms.max(unavailable);
            }
            figures.max_partition_share =
                (fullest * 1000).checked_div(figures.records).unwrap_or(0);
            self.topics.push(figures);
        }
    }
}

impl Percentiles {
    /// The percentiles of samples in microseconds.
    #[must_use]
    pub fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let Some(max) = samples.last() else { return Self::default() };
        let rank = |percent: usize| samples[(samples.len() * percent).div_ceil(100) - 1];
        Self {
            samples: count(samples.len()),
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: *max,
        }
    }
}

/// How many keys have records in more than one partition of a topic.
fn split_keys(history: &Indexed<'_>, topic: TopicId) -> u64 {
    const NOWHERE: u16 = u16::MAX;
    let mut homes = vec![(NOWHERE, false); history.keyed_lanes()];
    for partition in history.partitions.iter().filter(|it| it.id.topic == topic) {
        for record in &history.records[partition.records.clone()] {
            let home = homes.get_mut(record.lane as usize).filter(|_| record.was_sent());
            if let Some((home, split)) = home {
                *split |= *home != NOWHERE && *home != partition.id.partition;
                *home = partition.id.partition;
            }
        }
    }
    homes.iter().map(|(_, split)| u64::from(*split)).sum()
}

/// When each broker was down.
struct Downtime {
    /// Per broker id: when it went down or came up, in order.
    changes: Vec<Vec<(Time, bool)>>,
}

impl Downtime {
    fn new(history: &Indexed<'_>) -> Self {
        let mut changes: Vec<Vec<(Time, bool)>> = Vec::new();
        for index in history.broker_lives.iter().filter_map(|event| EventIndex::known(*event)) {
            let Event { at, process, what } = history.history.events[index];
            let Role::Broker(broker) = history.history.header.processes[process].role else {
                continue;
            };
            let place = broker.index();
            if changes.len() <= place {
                changes.resize(place + 1, Vec::new());
            }
            changes[place].push((at, matches!(what, What::Started)));
        }
        Self { changes }
    }

    /// How long a broker was down within a time.
    fn down(&self, broker: BrokerId, from: Time, to: Time) -> Span {
        let mut total = Span::ZERO;
        let mut down_since = None;
        for (at, up) in self.changes.get(broker.index()).into_iter().flatten() {
            match (down_since, *up) {
                (None, false) => down_since = Some(*at),
                (Some(since), true) => {
                    total = total + (*at).min(to).since(from.max(since));
                    down_since = None;
                }
                (None, true) | (Some(_), false) => {}
            }
        }
        total + down_since.map_or(Span::ZERO, |since| to.since(from.max(since)))
    }

    /// How long a partition could not be led, until `end`.
    fn of(&self, partition: &Partition, end: Time) -> Span {
        let ends = partition.leaders.iter().skip(1).map(|next| next.at).chain([end]);
        let spans =
            partition.leaders.iter().zip(ends).map(|(leadership, to)| match leadership.leader {
                Some(broker) => self.down(broker, leadership.at, to),
                None => to.since(leadership.at),
            });
        spans.fold(Span::ZERO, |total, span| total + span)
    }
}

fn per_second(records: u64, span: Span) -> u64 {
    records.saturating_mul(1_000).checked_div(span.as_millis()).unwrap_or(0)
}

fn micros(span: Span) -> u64 {
    span.0 / 1_000
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
