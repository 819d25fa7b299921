//! The cluster's state at instants of the run, read from a second world that takes the same way.
//!
//! What a tool would show of a running cluster: leaders, in-sync replicas, ends of logs, high watermarks, committed offsets.

use serde::Serialize;
use stormglass_kafka::Note;
use stormglass_kafka::metadata::BrokerStatus;
use stormglass_sim::{Step, TraceKind, World};
use stormglass_types::history::{Event, What};
use stormglass_types::{BrokerId, Dense, Offset, Time, TopicPartition};

use super::events::fault_text;
use super::{Recorded, lanes, micros, steps};
use crate::names::Names;
use crate::words;

/// Rows over the instants that were looked at; numbers as steps, -1 for what was not there.
#[derive(Serialize)]
pub(super) struct States {
    at: Vec<i64>,
    /// What happened just before some of them.
    why: Vec<(usize, String)>,
    partitions: Vec<PartitionState>,
    /// 0 down, 1 starting or fenced, 2 serving, 3 stopping.
    brokers: Vec<(u16, Vec<i64>)>,
    /// Per group: by partition, the committed offset.
    committed: Vec<Vec<(usize, Vec<i64>)>>,
}

#[derive(Serialize)]
struct PartitionState {
    leader: Vec<i64>,
    epoch: Vec<i64>,
    in_sync: Vec<i64>,
    high_watermark: Vec<i64>,
    replicas: Vec<ReplicaState>,
}

#[derive(Serialize)]
struct ReplicaState {
    broker: u16,
    end: Vec<i64>,
    synced: Vec<i64>,
    /// As this replica knows it.
    high_watermark: Vec<i64>,
}

/// Instants at equal distances.
const EVEN: u64 = 160;

/// Instants right after something happened.
const MOMENTS: usize = 160;

/// No more numbers than this in all.
const NUMBERS: usize = 400_000;

/// The states of a run.
pub(super) fn states(run: &Recorded<'_>, names: &Names<'_>) -> States {
    let ids = lanes::partitions(run.world);
    let moments = moments(run, names, &ids);
    let plan = run.world.plan();
    let mut world = World::new(plan);
    let mut rows = Rows::new(run, &ids);
    let mut why = Vec::new();
    let mut over = false;
    for (at, said) in moments {
        while !over && world.now() < at {
            over = matches!(world.step(), Step::Over(_));
        }
        if let Some(said) = said {
            why.push((rows.at.len(), said));
        }
        rows.look(&world, &ids);
        if over {
            break;
        }
    }
    if !over {
        world.run();
        why.push((rows.at.len(), "the end".to_owned()));
        rows.look(&world, &ids);
    }
    let committed = committed(run, &ids, &rows.at);
    rows.finish(why, committed)
}

/// When to look, and what has just happened then.
fn moments(
    run: &Recorded<'_>,
    names: &Names<'_>,
    ids: &[TopicPartition],
) -> Vec<(Time, Option<String>)> {
    let replicas: usize = 1 + ids.len() * (4 + 3 * usize::from(run.world.plan().cluster.brokers));
    let room = (NUMBERS / replicas).clamp(20, MOMENTS + 160);
    let mut found: Vec<(u8, Time, String)> = Vec::new();
    for event in run.world.history().events.iter() {
        if let Some(rank) = rank(run, event) {
            let text = if let What::FaultBegan { fault } = event.what {
                format!("fault: {}", fault_text(run, names, fault))
            } else {
                let who = words::subject(names, event.process, &event.what);
                format!("{who} {}", words::event(names, &event.what))
            };
            if found.last().is_none_or(|(_, at, _)| *at != event.at) {
                found.push((rank, event.at, text));
            }
        }
    }
    found.sort_by_key(|(rank, at, _)| (*rank, *at));
    found.truncate(room.saturating_sub(20).min(MOMENTS));
    // One nanosecond later, all of an instant's events have happened.
    let mut moments: Vec<(Time, Option<String>)> =
        found.into_iter().map(|(_, at, text)| (Time(at.0 + 1), Some(text))).collect();
    let even = EVEN.min(u64::try_from(room - moments.len().min(room - 20)).unwrap_or(20));
    let ends = run.world.now().0;
    moments.extend((0..even).map(|nth| (Time(ends / even * nth), None)));
    moments.sort_by_key(|(at, said)| (*at, said.is_none()));
    moments.dedup_by_key(|(at, _)| *at);
    moments
}

/// How much an event calls for a look; none for daily work.
fn rank(run: &Recorded<'_>, event: &Event) -> Option<u8> {
    let header = &run.world.history().header;
    let own = |partition: TopicPartition| !header.topics[partition.topic].internal;
    match event.what {
        What::FaultBegan { .. } | What::Healed => Some(0),
        What::Crashed | What::Stopped | What::Started | What::Paused | What::Resumed => {
            (event.at > Time::ZERO).then_some(1)
        }
        What::Leader { partition, .. } if own(partition) => Some(2),
        What::Rebalanced { .. }
        | What::LogLost { .. }
        | What::Expanded { .. }
        | What::TopicDeleted { .. } => Some(2),
        What::InSync { partition, .. } if own(partition) => Some(3),
        What::TransactionBegan { .. }
        | What::TransactionEnded { .. }
        | What::Hidden { .. }
        | What::Leader { .. }
        | What::InSync { .. }
        | What::Removed { .. }
        | What::Send { .. }
        | What::SentAgain { .. }
        | What::SendRefused { .. }
        | What::SendDone { .. }
        | What::Polled { .. }
        | What::Processed { .. }
        | What::Deduplicated { .. }
        | What::Positioned { .. }
        | What::Commit { .. }
        | What::CommitDone { .. }
        | What::Assigned { .. }
        | What::Joined { .. }
        | What::Parted { .. }
        | What::Revoked { .. }
        | What::Lost { .. }
        | What::Lag { .. }
        | What::FaultEnded { .. }
        | What::FinalRead { .. }
        | What::FinalEnd { .. }
        | What::ReplicaLog { .. }
        | What::ReplicaEnd { .. }
        | What::Stuck { .. } => None,
    }
}

struct Rows {
    at: Vec<Time>,
    partitions: Vec<PartitionState>,
    brokers: Vec<(BrokerId, Vec<i64>)>,
}

impl Rows {
    fn new(run: &Recorded<'_>, ids: &[TopicPartition]) -> Self {
        let view = run.world.view();
        let partition = |id: &TopicPartition| {
            let replicas = view.registration(*id).map_or_else(Vec::new, |it| it.replicas.to_vec());
            let replica = |broker: &BrokerId| ReplicaState {
                broker: broker.0,
                end: Vec::new(),
                synced: Vec::new(),
                high_watermark: Vec::new(),
            };
            PartitionState {
                leader: Vec::new(),
                epoch: Vec::new(),
                in_sync: Vec::new(),
                high_watermark: Vec::new(),
                replicas: replicas.iter().map(replica).collect(),
            }
        };
        let brokers = run.world.plan().roster().brokers();
        Self {
            at: Vec::new(),
            partitions: ids.iter().map(partition).collect(),
            brokers: brokers.map(|(id, _)| (id, Vec::new())).collect(),
        }
    }

    /// Adds the state of a world as it is now.
    fn look(&mut self, world: &World, ids: &[TopicPartition]) {
        let view = world.view();
        self.at.push(world.now());
        for (broker, row) in &mut self.brokers {
            let status = match (view.broker(*broker), view.metadata()) {
                (None, _) => 0,
                (Some(_), None) => 2,
                (Some(up), Some(image)) => match image.brokers.get(broker).map(|it| it.status) {
                    Some(BrokerStatus::Active) if up.is_serving() => 2,
                    Some(BrokerStatus::ControlledShutdown) => 3,
                    Some(BrokerStatus::Active | BrokerStatus::Fenced) | None => 1,
                },
            };
            row.push(status);
        }
        for (id, rows) in ids.iter().zip(&mut self.partitions) {
            let known = view.registration(*id);
            let leader = known.and_then(|known| known.leader);
            rows.leader.push(leader.map_or(0, |leader| i64::from(leader.0)));
            rows.epoch.push(known.map_or(-1, |known| i64::from(known.leader_epoch.0)));
            let bits = |isr: &[BrokerId]| {
                isr.iter().fold(0_i64, |all, broker| {
                    all | 1_i64.checked_shl(u32::from(broker.0)).unwrap_or(0)
                })
            };
            rows.in_sync.push(known.map_or(0, |known| bits(&known.isr)));
            rows.high_watermark.push(number(view.high_watermark(*id)));
            for replica in &mut rows.replicas {
                let broker = BrokerId(replica.broker);
                let log = view.store(broker).and_then(|store| store.logs.get(*id));
                replica.end.push(number(log.map(|log| log.end())));
                replica.synced.push(number(log.map(|log| log.synced())));
                let up = view.broker(broker).and_then(|broker| broker.replica(*id));
                replica.high_watermark.push(number(up.map(|up| up.high_watermark)));
            }
        }
    }

    fn finish(self, why: Vec<(usize, String)>, committed: Vec<Vec<(usize, Vec<i64>)>>) -> States {
        let at: Vec<i64> =
            self.at.iter().map(|at| i64::try_from(micros(*at)).unwrap_or(i64::MAX)).collect();
        let short = |rows: PartitionState| PartitionState {
            leader: steps(&rows.leader),
            epoch: steps(&rows.epoch),
            in_sync: steps(&rows.in_sync),
            high_watermark: steps(&rows.high_watermark),
            replicas: rows
                .replicas
                .into_iter()
                .map(|replica| ReplicaState {
                    broker: replica.broker,
                    end: steps(&replica.end),
                    synced: steps(&replica.synced),
                    high_watermark: steps(&replica.high_watermark),
                })
                .collect(),
        };
        let brokers = self.brokers.into_iter().map(|(id, row)| (id.0, steps(&row)));
        States {
            at: steps(&at),
            why,
            partitions: self.partitions.into_iter().map(short).collect(),
            brokers: brokers.collect(),
            committed,
        }
    }
}

fn number(offset: Option<Offset>) -> i64 {
    offset.map_or(-1, |offset| offset.0)
}

/// What coordinators had made visible as committed at each of some instants.
fn committed(
    run: &Recorded<'_>,
    ids: &[TopicPartition],
    at: &[Time],
) -> Vec<Vec<(usize, Vec<i64>)>> {
    let header = &run.world.history().header;
    let mut now: Vec<Vec<i64>> = header.groups.iter().map(|_| vec![-1; ids.len()]).collect();
    let mut rows: Vec<Vec<Vec<i64>>> =
        header.groups.iter().map(|_| vec![Vec::new(); ids.len()]).collect();
    let mut notes = run.world.trace().into_iter().flat_map(|trace| trace.iter()).peekable();
    for at in at {
        while let Some(record) = notes.next_if(|record| record.at <= *at) {
            let TraceKind::Noted(Note::OffsetCommitted { group, partition, offset }) = record.kind
            else {
                continue;
            };
            if let Some(place) = ids.iter().position(|id| *id == partition) {
                now[group.index()][place] = offset.0;
            }
        }
        for (rows, now) in rows.iter_mut().zip(&now) {
            for (row, offset) in rows.iter_mut().zip(now) {
                row.push(*offset);
            }
        }
    }
    rows.into_iter()
        .map(|rows| {
            let seen = rows.into_iter().enumerate();
            let seen = seen.filter(|(_, row)| row.iter().any(|offset| *offset >= 0));
            seen.map(|(place, row)| (place, steps(&row))).collect()
        })
        .collect()
}
