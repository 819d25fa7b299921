//! A classic group becomes one of the consumer protocol, with its members (KIP-848, `convertToConsumerGroup`).

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, MemberId, TopicPartition};

use crate::record::{
    ClassicMember, GroupValue, ModernAssignment, ModernChange, ModernMember, ModernState,
};
use crate::settings::Assignor;

use super::super::Context;
use super::super::timers::Due;
use super::{Change, Group, refuse_join, refuse_sync};

impl Group {
    /// Whether it has members that a group of the consumer protocol can take in.
    pub(in crate::group) fn can_upgrade(&self, cx: &Context<'_>) -> bool {
        let settings = &cx.io.settings.consumer_group;
        let most = usize::try_from(settings.max_size).unwrap_or(usize::MAX);
        settings.migration.allows_upgrade() && self.members.len() <= most
    }

    /// Everyone who waits is to ask again.
    pub(in crate::group) fn interrupt(&mut self, cx: &mut Context<'_>) {
        for member in &mut self.members {
            if let Some(reply) = member.joining.take() {
                refuse_join(reply, member.id, ErrorCode::RebalanceInProgress, cx);
            }
            if let Some(reply) = member.syncing.take() {
                refuse_sync(reply, ErrorCode::RebalanceInProgress, cx);
            }
        }
    }

    /// Its members as those of a group of the consumer protocol: each has what it was given last, and nothing is left to do.
    pub(in crate::group) fn upgraded(&self, cx: &mut Context<'_>) -> Vec<ModernChange> {
        let mut changes = Vec::new();
        for member in &self.members {
            let mut topics = member.subscription.topics.clone();
            topics.sort_unstable();
            cx.schedule(Due::Member(self.id, member.id), member.session_timeout);
            changes.push(ModernChange::Member(Arc::new(ModernMember {
                member: member.id,
                instance: member.instance.clone(),
                rack: member.subscription.rack,
                rebalance_timeout: member.rebalance_timeout,
                topics: topics.into(),
                assignor: None,
                classic: Some(ClassicMember {
                    session_timeout: member.session_timeout,
                    protocols: member.protocols.clone(),
                    subscription: Arc::clone(&member.subscription),
                }),
            })));
        }
        changes.push(ModernChange::Epoch(self.generation));
        let given = |partitions: &[TopicPartition]| {
            let mut sorted = partitions.to_vec();
            sorted.sort_unstable();
            Arc::<[TopicPartition]>::from(sorted)
        };
        let targets = self.members.iter();
        changes.extend(targets.map(|one| ModernChange::Target(one.id, given(&one.assignment))));
        changes.push(ModernChange::TargetEpoch(self.generation));
        for member in &self.members {
            changes.push(ModernChange::Current(Arc::new(ModernAssignment {
                member: member.id,
                epoch: self.generation,
                previous: self.generation,
                state: ModernState::Stable,
                assigned: given(&member.assignment),
                revoking: Arc::from([]),
            })));
        }
        changes
    }

    /// Nobody waits for its members in this way any more.
    pub(in crate::group) fn cancel_deadlines(&self, cx: &mut Context<'_>) {
        cx.cancel(Due::Join(self.id));
        cx.cancel(Due::Sync(self.id));
        let known = self.members.iter().map(|member| member.id);
        for id in known.chain(self.promised()) {
            cx.cancel(Due::Session(self.id, id));
        }
    }

    /// A group that was one of the consumer protocol, with the assignors that its members support.
    pub(in crate::group) fn of_members(value: &GroupValue, protocols: Vec<Vec<Assignor>>) -> Self {
        let mut group = Self::restore(value, super::Origin::Converted, super::Offsets::NONE);
        for (member, protocols) in group.members.iter_mut().zip(protocols) {
            member.protocols = protocols;
        }
        group.protocol = Some(group.vote());
        group
    }

    /// It takes the place of one of the consumer protocol: sessions begin, and everyone is to join again.
    pub(in crate::group) fn on_downgraded(
        &mut self,
        returned: Option<MemberId>,
        cx: &mut Context<'_>,
    ) -> Change {
        for member in &self.members {
            cx.schedule(Due::Session(self.id, member.id), member.session_timeout);
        }
        // Whoever took the last other member's place has its assignment, and nothing has changed for the rest.
        if returned.is_some() { None } else { self.prepare(cx) }
    }
}
