//! What applications write to: sinks that know their records, and databases that keep results and offsets together.
//!
//! They never fail and answer at once: what may go wrong here is who writes, and when.

use std::collections::BTreeMap;

use stormglass_kafka::{PolledBatch, Start};
use stormglass_types::history::{Outcome, What};
use stormglass_types::{
    Dense, Generation, GroupId, IdVec, NodeId, Offset, PartitionMap, SourceId, TopicPartition,
};

use super::World;
use super::consumer_app::Step;
use crate::plan::{Fencing, OffsetStore, Plan, Sink};

/// The stores of all groups.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    groups: IdVec<GroupId, Store>,
}

/// What a group has written.
#[derive(Clone, Default, Debug)]
struct Store {
    /// Which records an idempotent sink has: a bit per serial.
    known: BTreeMap<(SourceId, TopicPartition), Vec<u64>>,
    offsets: PartitionMap<Row>,
}

/// A partition's row in a database.
#[derive(Clone, Copy, Default, Debug)]
struct Row {
    next: Option<Offset>,
    /// The generation of its last owner.
    generation: Generation,
}

impl Stores {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { groups: plan.groups.iter().map(|_| Store::default()).collect() }
    }

    /// Whether a record is new to an idempotent sink, which has it from now on.
    fn is_new(&mut self, group: GroupId, partition: TopicPartition, record: &PolledBatch) -> bool {
        let value = record.values.at(0);
        let bits = self.groups[group].known.entry((value.source, partition)).or_default();
        let (place, bit) = (value.serial as usize / 64, 1 << (value.serial % 64));
        if bits.len() <= place {
            bits.resize(place + 1, 0);
        }
        let known = bits[place] & bit != 0;
        bits[place] |= bit;
        !known
    }
}

impl World {
    /// A member writes results.
    pub(super) fn write(&mut self, node: NodeId, group: GroupId, batch: PolledBatch) {
        let PolledBatch { partition, base, values } = batch;
        if self.plan.groups[group.index()].processing.sink == Sink::Plain {
            return self.tell(node, What::Processed { group, partition, base, values });
        }
        for skip in 0..values.count {
            let one =
                PolledBatch { partition, base: base.plus(skip), values: values.part(skip, 1) };
            let (base, values) = (one.base, one.values);
            let what = if self.stores.is_new(group, partition, &one) {
                What::Processed { group, partition, base, values }
            } else {
                What::Deduplicated { group, partition, base, values }
            };
            self.tell(node, what);
        }
    }

    /// A member writes a result and the offset after it to its database, in one transaction.
    pub(super) fn store(
        &mut self,
        node: NodeId,
        index: usize,
        record: PolledBatch,
        generation: Generation,
    ) {
        let group = self.consumers[index].group;
        let PolledBatch { partition, base, .. } = record;
        let fenced = self.fences(group);
        let row = self.stores.groups[group].offsets.get_or_insert_with(partition, Row::default);
        if fenced && row.generation > generation {
            return self.consumers[index].was_fenced(partition);
        }
        let offset = base.plus(1);
        row.next = Some(offset);
        self.observer.on_stored(group, partition, offset);
        self.tell(node, What::Commit { group, partition, generation, offset });
        self.write(node, group, record);
        self.tell(node, What::CommitDone { group, partition, offset, outcome: Outcome::Ok });
    }

    /// A member was assigned partitions: it takes their rows and reads on from there.
    pub(super) fn resume_from_store(
        &mut self,
        index: usize,
        generation: Generation,
        partitions: &[TopicPartition],
        steps: &mut Vec<Step>,
    ) {
        let group = self.consumers[index].group;
        let fenced = self.fences(group);
        if self.plan.groups[group.index()].commits.store == OffsetStore::Kafka {
            return;
        }
        for partition in partitions.iter().copied() {
            let row = self.stores.groups[group].offsets.get_or_insert_with(partition, Row::default);
            if fenced {
                row.generation = row.generation.max(generation);
            }
            if let Some(next) = row.next {
                steps.push(self.consumers[index].seek(partition, Start::At(next)));
            }
        }
    }

    fn fences(&self, group: GroupId) -> bool {
        self.plan.groups[group.index()].commits.store == OffsetStore::Own(Fencing::ByGeneration)
    }
}
