//! A group of either protocol, as far as it does not matter which.

use stormglass_types::{GroupId, TopicPartition, Wall};

use crate::Rules;

use super::offsets::Offsets;
use super::{classic, modern, offsets};

/// A group.
#[derive(Clone, Debug)]
pub(super) enum Group {
    /// One whose members assign, or a simple one that only has offsets.
    Classic(classic::Group),
    /// One whose coordinator assigns (KIP-848).
    Modern(modern::Group),
}

impl Group {
    /// A group that only has offsets yet, if anything.
    pub(super) const fn simple(id: GroupId) -> Self {
        Self::Classic(classic::Group::new(id))
    }

    /// The group as one of the classic protocol, if it is.
    pub(super) const fn classic(&self) -> Option<&classic::Group> {
        match self {
            Self::Classic(group) => Some(group),
            Self::Modern(_) => None,
        }
    }

    /// The group as one of the classic protocol, if it is.
    pub(super) const fn classic_mut(&mut self) -> Option<&mut classic::Group> {
        match self {
            Self::Classic(group) => Some(group),
            Self::Modern(_) => None,
        }
    }

    /// What it committed.
    pub(super) const fn offsets(&self) -> &Offsets {
        match self {
            Self::Classic(group) => &group.offsets,
            Self::Modern(group) => &group.offsets,
        }
    }

    /// What it committed.
    pub(super) const fn offsets_mut(&mut self) -> &mut Offsets {
        match self {
            Self::Classic(group) => &mut group.offsets,
            Self::Modern(group) => &mut group.offsets,
        }
    }

    /// Whether nobody is in it, or about to be.
    pub(super) fn is_vacant(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_vacant(),
            Self::Modern(group) => group.is_vacant(),
        }
    }

    /// From when on an offset that was committed then grows old; never while it may be needed.
    pub(super) fn unused_since(
        &self,
        partition: TopicPartition,
        committed: Wall,
        rules: Rules,
    ) -> Option<Wall> {
        match self {
            Self::Classic(group) => offsets::unused_since(group, rules)(partition, committed),
            Self::Modern(group) => (!group.subscribes_to(partition.topic)).then_some(committed),
        }
    }
}
