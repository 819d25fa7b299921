//! Positions that applications set themselves, and what they left behind or did again by it.
//!
//! Knows how far a group had come before, which tells a deliberate gap from one that was there already.

use stormglass_types::NodeId;
use stormglass_types::history::{Outcome, Positioning};

use super::{EventIndex, GroupPartition};

/// A seek.
pub(crate) struct Jump {
    pub(crate) event: EventIndex,
    pub(crate) process: NodeId,
    pub(crate) to: i64,
    /// How far the group had come by then: processed, committed, or led by `auto.offset.reset`.
    pub(crate) reached: i64,
    /// How far it had committed by then.
    committed: i64,
}

impl GroupPartition {
    /// Finds the seeks, once everything else is there; `deleted` is when the partition's topic was.
    pub(super) fn find_jumps(&mut self, deleted: &[EventIndex]) {
        let (mut done, mut set, mut kept) = (0, 0, 0);
        let mut since = None;
        let (mut reached, mut committed) = (0, 0);
        for position in self.positions.iter().filter(|it| it.why == Positioning::Seek) {
            let event = position.event;
            let anew = deleted.iter().rfind(|deleted| **deleted < event).copied();
            if anew != since {
                (since, reached, committed) = (anew, 0, 0);
            }
            let counts = |at: EventIndex| since.is_none_or(|since| at > since);
            while let Some(read) = self.processed.get(done).filter(|read| read.event < event) {
                reached = if counts(read.event) { read.end().max(reached) } else { reached };
                done += 1;
            }
            while let Some(other) = self.positions.get(set).filter(|it| it.event < event) {
                reached = if counts(other.event) { other.offset.max(reached) } else { reached };
                set += 1;
            }
            while let Some(commit) = self.commits.get(kept).filter(|it| it.done < event) {
                if commit.outcome == Outcome::Ok && counts(commit.invoked) {
                    committed = commit.offset.max(committed);
                }
                kept += 1;
            }
            let (process, to) = (position.process, position.offset);
            let reached = reached.max(committed);
            self.jumps.push(Jump { event, process, to, reached, committed });
        }
    }

    /// The seek that passed over an offset where nobody of the group had come yet.
    pub(crate) fn sought_past(&self, at: i64, before: EventIndex) -> Option<&Jump> {
        let mut jumps = self.jumps.iter().filter(|jump| jump.event < before);
        jumps.find(|jump| (jump.reached..jump.to).contains(&at))
    }

    /// Whether the group began behind an offset, and a seek led it there before it was read for the first time.
    pub(crate) fn sought_what_it_began_behind(&self, at: i64, before: EventIndex) -> bool {
        let Some(first) = self.positions.first() else { return false };
        let leads = |jump: &Jump| first.event < jump.event && jump.event < before && jump.to <= at;
        at < first.offset && self.jumps.iter().any(leads)
    }

    /// Whether a seek between two readings of an offset is why there is a second one, by this process.
    pub(crate) fn sought_back(
        &self,
        at: i64,
        (first, again): (EventIndex, EventIndex),
        process: NodeId,
    ) -> bool {
        let between = |jump: &&Jump| {
            first < jump.event && jump.event < again && jump.to <= at && at < jump.reached
        };
        let mut jumps = self.jumps.iter().filter(between).peekable();
        if jumps.peek().is_none() {
            return false;
        }
        let own = |set: &&super::Position| set.process == process && set.event < again;
        let Some(last) = self.positions.iter().rev().find(own) else { return false };
        match last.why {
            Positioning::Seek => true,
            // Who went on where the group had committed goes back only if what was committed did.
            Positioning::Committed => jumps.any(|jump| last.offset < jump.committed),
            Positioning::Reset | Positioning::Truncated => false,
        }
    }
}
