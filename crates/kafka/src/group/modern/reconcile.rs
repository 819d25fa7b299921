//! One member's next step towards its target (`CurrentAssignmentBuilder`).
//!
//! Pure: knows no other member but by what its partitions are held for.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{Generation, TopicPartition};

use crate::record::{ModernAssignment, ModernState};
use crate::{Rule, Rules};

/// What the step depends on besides the member.
pub(super) struct Way<'a> {
    /// The epoch of the target assignment.
    pub(super) target_epoch: Generation,
    /// What the member is to have, sorted.
    pub(super) target: &'a [TopicPartition],
    /// What it says it owns; nothing if it does not say.
    pub(super) owned: Option<&'a [TopicPartition]>,
    /// Whether a partition is in somebody's hands.
    pub(super) is_held: &'a dyn Fn(TopicPartition) -> bool,
    pub(super) rules: Rules,
}

impl Way<'_> {
    /// Where the member is after this heartbeat; as before if it has to wait.
    pub(super) fn next(&self, member: &Arc<ModernAssignment>) -> Arc<ModernAssignment> {
        match member.state {
            ModernState::Stable if member.epoch == self.target_epoch => Arc::clone(member),
            ModernState::Stable | ModernState::Unreleased => self.step(member, member.epoch),
            ModernState::Unrevoked if self.owns_any(&member.revoking) => self.wait(member),
            ModernState::Unrevoked => self.step(member, member.epoch.next()),
        }
    }

    /// It still has what it is to give up. A target that wants it back changes nothing: it gives up first, and is given
    /// again.
    fn wait(&self, member: &Arc<ModernAssignment>) -> Arc<ModernAssignment> {
        let is_wanted = |one: &&TopicPartition| self.target.binary_search(one).is_ok();
        let back: Vec<_> = member.revoking.iter().filter(is_wanted).copied().collect();
        if self.rules.on(Rule::TakenBackStaysOwned) || back.is_empty() {
            return Arc::clone(member);
        }
        let mut assigned = member.assigned.to_vec();
        assigned.extend(&back);
        assigned.sort_unstable();
        let revoking = member.revoking.iter().filter(|one| !is_wanted(one)).copied().collect();
        let assigned = assigned.into();
        Arc::new(ModernAssignment { assigned, revoking, ..(**member).clone() })
    }

    /// `computeNextAssignment`: first let go of what the target does not have, then take what is free of it.
    fn step(&self, member: &ModernAssignment, epoch: Generation) -> Arc<ModernAssignment> {
        let target = self.target;
        let is_wanted = |one: &TopicPartition| target.binary_search(one).is_ok();
        let (kept, revoking): (Vec<_>, Vec<_>) =
            member.assigned.iter().copied().partition(is_wanted);
        if !revoking.is_empty() && self.owns_any(&revoking) {
            return Arc::new(ModernAssignment {
                member: member.member,
                epoch,
                previous: member.epoch,
                state: ModernState::Unrevoked,
                assigned: kept.into(),
                revoking: revoking.into(),
            });
        }
        let missing = target.iter().copied().filter(|one| kept.binary_search(one).is_err());
        let waits =
            |one: &TopicPartition| self.rules.on(Rule::ReleaseBeforeGrant) && (self.is_held)(*one);
        let (unreleased, free): (Vec<_>, Vec<_>) = missing.partition(waits);
        let mut assigned = kept;
        assigned.extend(free);
        assigned.sort_unstable();
        let state =
            if unreleased.is_empty() { ModernState::Stable } else { ModernState::Unreleased };
        Arc::new(ModernAssignment {
            member: member.member,
            epoch: self.target_epoch,
            previous: member.epoch,
            state,
            assigned: assigned.into(),
            revoking: Arc::from([]),
        })
    }

    /// A member that does not say what it owns may own anything.
    fn owns_any(&self, partitions: &[TopicPartition]) -> bool {
        self.owned.is_none_or(|owned| partitions.iter().any(|one| owned.contains(one)))
    }
}
