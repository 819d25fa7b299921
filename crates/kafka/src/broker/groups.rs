//! Where the broker meets its group coordinator: requests in, records into `__consumer_offsets`, high watermarks back.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{BrokerId, ErrorCode, GroupId, Offset, TopicPartition};

use super::Broker;
use super::connections::Activity;
use crate::compression::Packing;
use crate::group::{GroupCoordinator, OFFSETS_TOPIC, Write};
use crate::log::{AppendOutcome, Origin};
use crate::message::{Correlation, Msg, Request};
use crate::record::{Batch, GroupRecord, Records};
use crate::{ConnId, Effect, Now, Outbox};

/// A batch's header (`DefaultRecordBatch.RECORD_BATCH_OVERHEAD`).
const BATCH_BYTES: u32 = 61;
/// About what a committed offset takes.
const OFFSET_BYTES: u32 = 100;
/// About what a group takes, and each of its members.
const GROUP_BYTES: u32 = 120;

impl Broker {
    /// Who coordinates a group, as far as this broker's metadata tell.
    pub(super) fn find_coordinator(&self, group: GroupId) -> Result<BrokerId, ErrorCode> {
        let image = &self.replicas.image;
        let partitions = image.partition_count(OFFSETS_TOPIC);
        if partitions == 0 {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let number = GroupCoordinator::partition_for(group, partitions);
        let leader = image.leader(TopicPartition::new(OFFSETS_TOPIC, number));
        leader.map(|(leader, _)| leader).ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    pub(super) fn on_group_request(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        out: &mut Outbox,
    ) {
        self.park(conn, Activity::Group);
        let image = Arc::clone(&self.replicas.image);
        self.coordinate(now, out, |coordinator, out, writes| {
            coordinator.on_request(now, conn, correlation, request, &image, out, writes);
        });
    }

    /// Lets the coordinator act, appends what it writes, and sees which connections it has answered.
    pub(super) fn coordinate(
        &mut self,
        now: Now,
        out: &mut Outbox,
        act: impl FnOnce(&mut GroupCoordinator, &mut Outbox, &mut Vec<Write>),
    ) {
        let before = out.effects.len();
        let mut writes = core::mem::take(&mut self.writes);
        act(&mut self.coordinator, out, &mut writes);
        let mut done = 0;
        while let Some(write) = writes.get(done).cloned() {
            done += 1;
            let result = self.write_group_records(now, &write, out);
            self.coordinator.on_append(now, write.ticket, result, out, &mut writes);
        }
        writes.clear();
        self.writes = writes;
        self.replicas.begin_flushes(out);
        for at in before..out.effects.len() {
            if let Effect::Send(conn, Msg::Response(..)) = &out.effects[at] {
                self.unpark(*conn);
            }
        }
    }

    fn write_group_records(
        &mut self,
        now: Now,
        write: &Write,
        out: &mut Outbox,
    ) -> Result<Offset, ErrorCode> {
        let records = &write.records;
        let batch = Batch {
            base: Offset::UNKNOWN,
            count: u32::try_from(records.len()).expect("a batch of group records is small"),
            epoch: stormglass_types::LeaderEpoch::NONE,
            bytes: records.iter().map(size).fold(BATCH_BYTES, u32::saturating_add),
            packing: Packing::PLAIN,
            timestamp: now.wall,
            stamp: None,
            records: Records::Group(records.clone()),
        };
        let origin = Origin::Coordinator;
        // The coordinator appends under acks=1 and waits for the high watermark itself (`CoordinatorPartitionWriter`), so that
        // `min.insync.replicas` is not looked at before the append.
        match self.replicas.append(now, write.partition, batch, Acks::One, origin, out)? {
            AppendOutcome::Appended { end, .. } | AppendOutcome::Duplicate { end, .. } => Ok(end),
        }
    }
}

fn size(record: &GroupRecord) -> u32 {
    match record {
        GroupRecord::Offset { .. } | GroupRecord::OffsetTombstone { .. } => OFFSET_BYTES,
        GroupRecord::Group(value) => {
            let members = u32::try_from(value.members.len()).unwrap_or(u32::MAX);
            GROUP_BYTES.saturating_add(members.saturating_mul(GROUP_BYTES))
        }
        GroupRecord::GroupTombstone { .. } | GroupRecord::Modern { .. } => GROUP_BYTES,
    }
}
