//! What every member is to have: the coordinator's assignor over all members (`TargetAssignmentBuilder`).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Generation, MemberId, TopicId, TopicPartition};

use crate::assignor::{RemoteMember, assign_remotely};
use crate::record::{ModernChange, ModernMember};
use crate::settings::RemoteAssignor;

use super::Group;

/// What becomes of the members while the targets are computed.
pub(super) struct Joining<'a> {
    /// A member as it is from now on.
    pub(super) member: &'a ModernMember,
    /// The member whose place it takes, if it is static and was away.
    pub(super) instead_of: Option<MemberId>,
}

impl Group {
    /// The targets of an epoch for these topics, as far as they change; and that of the member that is joining.
    pub(super) fn retarget(
        &self,
        joining: &Joining<'_>,
        epoch: Generation,
        topics: &[(TopicId, u16)],
        default: RemoteAssignor,
    ) -> Result<(Vec<ModernChange>, Arc<[TopicPartition]>), ErrorCode> {
        let mut members: BTreeMap<MemberId, &ModernMember> =
            self.members.iter().map(|(id, member)| (*id, &*member.said)).collect();
        members.insert(joining.member.member, joining.member);
        if let Some(gone) = joining.instead_of {
            members.remove(&gone);
        }
        let told: Vec<RemoteMember<'_>> = members
            .values()
            .map(|said| RemoteMember {
                id: said.member,
                instance: said.instance.as_ref(),
                topics: &said.topics,
                target: self.target(said.member, joining),
            })
            .collect();
        let assignor = preferred(members.values().copied()).unwrap_or(default);
        // Kafka's assignor throws here, and the heartbeat fails.
        let targets =
            assign_remotely(assignor, topics, &told).map_err(|_| ErrorCode::UnknownServerError)?;
        let mut changes = Vec::new();
        let mut own: Arc<[TopicPartition]> = Arc::from([]);
        for (id, target) in targets {
            let target: Arc<[TopicPartition]> = target.into();
            if id == joining.member.member {
                own = Arc::clone(&target);
            }
            if self.targets.get(&id).is_none_or(|before| *before != target) {
                changes.push(ModernChange::Target(id, target));
            }
        }
        changes.push(ModernChange::TargetEpoch(epoch));
        Ok((changes, own))
    }

    /// What a member was to have so far; a static one that comes back has the target of its former life.
    pub(super) fn target(&self, id: MemberId, joining: &Joining<'_>) -> &[TopicPartition] {
        let of = match joining.instead_of {
            Some(former) if id == joining.member.member => former,
            Some(_) | None => id,
        };
        self.targets.get(&of).map_or(&[], |target| target)
    }
}

/// The assignor that most members ask for; of equals the first.
fn preferred<'m>(members: impl Iterator<Item = &'m ModernMember>) -> Option<RemoteAssignor> {
    let asked: Vec<RemoteAssignor> = members.filter_map(|member| member.assignor).collect();
    let votes = |of: RemoteAssignor| asked.iter().filter(|asked| **asked == of).count();
    let most = RemoteAssignor::ALL.into_iter().rev().max_by_key(|of| votes(*of))?;
    (votes(most) > 0).then_some(most)
}
