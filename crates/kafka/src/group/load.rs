//! Rebuilding a partition's groups from its log, as a new coordinator does.
//!
//! Does not read the log itself and starts no sessions: those begin when the load is over.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

use stormglass_types::{GroupId, Offset, Span};

use crate::record::{Batch, GroupRecord, Records};

use super::either::Group;
use super::offsets::Offsets;
use super::{classic, modern};
use crate::{Rule, Rules};

/// How long a load takes besides reading: scheduling, opening segments. A load is never instantaneous, and clients must
/// bear the answers that they get meanwhile.
const LOAD_BASE: Span = Span::millis(5);
/// How long a load takes per record, at the rate of some hundred thousand records a second.
const LOAD_PER_RECORD: Span = Span::micros(2);

/// How many records a read of the log gives at once: `offsets.load.buffer.size` in these small worlds.
const CHUNK: u64 = 100;

/// What a log says.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    /// Groups with their members and all offsets up to the log end.
    pub(super) groups: BTreeMap<GroupId, Group>,
    /// Records above the high watermark, by the end of their batch.
    pub(super) uncommitted: VecDeque<(Offset, Arc<[GroupRecord]>)>,
    /// How long reading took.
    pub(super) took: Span,
}

impl Loaded {
    /// Reads a log from its start to its end.
    pub(super) fn replay<'a>(
        batches: impl Iterator<Item = &'a Batch>,
        high_watermark: Offset,
        rules: Rules,
    ) -> Self {
        let mut loaded = Self { took: LOAD_BASE, ..Self::default() };
        let mut read: u64 = 0;
        for batch in batches {
            let Records::Group(records) = &batch.records else { continue };
            for record in records.iter() {
                let late = read >= CHUNK && !rules.on(Rule::OffsetLoadOrder);
                if !(late && loaded.knows_offset(record)) {
                    apply(&mut loaded.groups, record, rules);
                }
            }
            read += u64::from(batch.count);
            loaded.took = loaded.took + LOAD_PER_RECORD.times(u64::from(batch.count));
            if batch.end() > high_watermark {
                loaded.uncommitted.push_back((batch.end(), Arc::clone(records)));
            }
        }
        loaded
    }
}

impl Loaded {
    /// Whether a record is a further offset of a partition that has one.
    fn knows_offset(&self, record: &GroupRecord) -> bool {
        let GroupRecord::Offset { group, partition, .. } = record else { return false };
        self.groups.get(group).is_some_and(|group| group.offsets().holds(*partition))
    }
}

/// Takes one record into the groups.
pub(super) fn apply(groups: &mut BTreeMap<GroupId, Group>, record: &GroupRecord, rules: Rules) {
    match record {
        GroupRecord::Offset { group, .. } | GroupRecord::OffsetTombstone { group, .. } => {
            // A commit without membership makes a simple group: one without a generation.
            let group = groups.entry(*group).or_insert_with(|| Group::simple(*group));
            group.offsets_mut().replay(record);
        }
        GroupRecord::Group(value) => {
            let origin = match groups.get(&value.group) {
                Some(Group::Modern(_)) => classic::Origin::Converted,
                Some(Group::Classic(_)) | None => classic::Origin::Classic,
            };
            let offsets = taken(groups, value.group);
            let group = Group::Classic(classic::Group::restore(value, origin, offsets));
            groups.insert(value.group, group);
        }
        GroupRecord::GroupTombstone { group } => {
            groups.remove(group);
        }
        GroupRecord::Modern { group: id, change } => {
            if !matches!(groups.get(id), Some(Group::Modern(_))) {
                let mut group = modern::Group::new(*id);
                group.offsets = taken(groups, *id);
                groups.insert(*id, Group::Modern(group));
            }
            if let Some(Group::Modern(group)) = groups.get_mut(id) {
                group.replay(change, rules);
            }
        }
    }
}

/// What a group has committed, as it makes place for one of another kind.
fn taken(groups: &mut BTreeMap<GroupId, Group>, id: GroupId) -> Offsets {
    let mut before = groups.remove(&id);
    before.as_mut().map(|group| core::mem::take(group.offsets_mut())).unwrap_or_default()
}
