//! Who has how much: members ordered by the number of their partitions, for each kind of member.
//!
//! Members of one rack with the same subscriptions are of one kind. Asking per kind instead of per member makes the question
//! "who has least of those that want this topic" cheap in large groups. Knows no partitions, only their number.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Ground, MemberIndex, Racks};
use crate::assignor::input::narrow;
use crate::assignor::{Rack, TopicIndex};

/// A member's place: fewest partitions first, then by id.
type Place = (u32, u32);

/// The members that take part, ordered.
pub(super) struct Load {
    /// Per member, its rank by id.
    ranks: Vec<u32>,
    by_rank: Vec<MemberIndex>,
    everyone: BTreeSet<Place>,
    kind_of: Vec<u32>,
    kinds: Vec<Kind>,
    /// Per topic, the kinds that subscribed to it.
    wanting: Vec<Vec<u32>>,
}

struct Kind {
    rack: Option<Rack>,
    members: BTreeSet<Place>,
}

impl Load {
    pub(super) fn new(ground: &Ground<'_>, racks: &Racks) -> Self {
        let ranks = ground.input.member_ranks();
        let mut by_rank = alloc::vec![0; ranks.len()];
        let mut kinds = Vec::new();
        let mut kind_of = Vec::new();
        let mut wanting = alloc::vec![Vec::new(); ground.input.topics.len()];
        let mut known: BTreeMap<(Vec<TopicIndex>, Option<Rack>), u32> = BTreeMap::new();
        for (member, stated) in (0..).zip(&ground.input.members) {
            by_rank[ranks[member as usize] as usize] = member;
            let mut topics = stated.subscription.clone();
            topics.sort_unstable();
            let rack = racks.of_member(member);
            let next = narrow(kinds.len());
            let kind = *known.entry((topics, rack)).or_insert(next);
            if kind == next {
                kinds.push(Kind { rack, members: BTreeSet::new() });
                for topic in &stated.subscription {
                    wanting[topic.0 as usize].push(kind);
                }
            }
            kind_of.push(kind);
        }
        Self { ranks, by_rank, everyone: BTreeSet::new(), kind_of, kinds, wanting }
    }

    pub(super) fn insert(&mut self, member: MemberIndex, count: usize) {
        let place = (narrow(count), self.ranks[member as usize]);
        self.everyone.insert(place);
        self.kinds[self.kind_of[member as usize] as usize].members.insert(place);
    }

    pub(super) fn remove(&mut self, member: MemberIndex, count: usize) {
        let place = (narrow(count), self.ranks[member as usize]);
        self.everyone.remove(&place);
        self.kinds[self.kind_of[member as usize] as usize].members.remove(&place);
    }

    /// The fewest and the most partitions that anyone has.
    pub(super) fn extremes(&self) -> Option<(u32, u32)> {
        Some((self.everyone.first()?.0, self.everyone.last()?.0))
    }

    /// Everyone, fewest partitions first.
    pub(super) fn ascending(&self) -> impl Iterator<Item = MemberIndex> + '_ {
        self.everyone.iter().map(|&(_, rank)| self.by_rank[rank as usize])
    }

    /// Who has least of those that want the topic, and how much.
    pub(super) fn least(&self, topic: TopicIndex) -> Option<(MemberIndex, u32)> {
        self.least_where(topic, |_| true)
    }

    /// Who has least of those that want the topic and whose rack is acceptable.
    pub(super) fn least_where(
        &self,
        topic: TopicIndex,
        acceptable: impl Fn(Option<Rack>) -> bool,
    ) -> Option<(MemberIndex, u32)> {
        let kinds = self.wanting[topic.0 as usize].iter().map(|&kind| &self.kinds[kind as usize]);
        let firsts =
            kinds.filter(|kind| acceptable(kind.rack)).filter_map(|kind| kind.members.first());
        firsts.min().map(|&(count, rank)| (self.by_rank[rank as usize], count))
    }
}
