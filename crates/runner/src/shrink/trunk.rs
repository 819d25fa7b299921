//! One failing run with a fork before every fault: what would be without some faults costs only what comes after the first
//! of them.
//!
//! A fork keeps the numbers of the faults that are left, so that it may draw other targets than a run without them would. It
//! says which candidates are hopeless; that one fails is found out by running its text.

use std::sync::Arc;

use stormglass_sim::{Step, World};
use stormglass_types::Time;

use super::search::Goal;
use crate::execute::{Recording, execute_in};
use crate::scenario::{Draft, Scenario};
use crate::subject::Subject;

/// A run with its forks.
pub(super) struct Trunk {
    subject: Subject,
    seed: u64,
    /// For every fault the world right before it struck; none if it never did.
    before: Vec<Option<World>>,
}

impl Trunk {
    /// Runs a draft and keeps a fork before every fault; none if it cannot be read.
    pub(super) fn grow(goal: &Goal, draft: &Draft, seed: u64) -> Option<Self> {
        let scenario = Arc::new(Scenario::parse("trunk.yaml", &draft.render()).ok()?);
        let mut plan = scenario.plan(seed);
        plan.phases.max_events = plan.phases.max_events.min(goal.most_events);
        let mut whole = World::new(&plan);
        whole.run();
        let mut began = vec![None; plan.faults.len()];
        for story in whole.fault_stories() {
            let first = began.get_mut(usize::try_from(story.fault).ok()?)?;
            *first = Some(first.map_or(story.began, |known: Time| known.min(story.began)));
        }
        let mut order: Vec<(Time, usize)> =
            began.iter().enumerate().filter_map(|(place, at)| Some(((*at)?, place))).collect();
        order.sort_unstable();
        let mut world = World::new(&plan);
        let mut before = vec![None; plan.faults.len()];
        for (at, place) in order {
            while world.next_at().is_some_and(|next| next < at) && world.step() == Step::Ran {}
            before[place] = Some(world.clone());
        }
        Some(Self { subject: Subject::of(&scenario), seed, before })
    }

    /// Whether the run fails as it should without some of its faults.
    pub(super) fn fails_without(&self, goal: &Goal, removal: &[usize]) -> bool {
        let forks = removal.iter().filter_map(|place| self.before.get(*place)?.as_ref());
        let Some(first) = forks.min_by_key(|world| world.events()) else { return true };
        let spared: Vec<u32> =
            removal.iter().filter_map(|place| u32::try_from(*place).ok()).collect();
        let begin = || {
            let mut world = first.clone();
            world.spare(&spared);
            world
        };
        let done = execute_in(&self.subject, self.seed, Recording::Off, begin);
        done.is_ok_and(|done| goal.shown_by(&done.result).is_some())
    }
}
