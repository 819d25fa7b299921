//! Which of its partitions an application has paused, and why: too much waits, or somebody told it to.
//!
//! Decides what to pause and to resume; does not call the client. The client forgets a pause with the assignment, and the
//! application does not repeat one that it was told to make: what it is given anew is read.

use stormglass_kafka::Steer;
use stormglass_types::TopicPartition;

/// What an application has paused in this life.
#[derive(Clone, Default, Debug)]
pub(super) struct Pauses {
    backlog: Backlog,
    told: Vec<Told>,
}

/// Whether its partitions are paused because too much waits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Backlog {
    Yes,
    #[default]
    No,
    /// Those that it kept are, those that it was given since are not.
    Some,
}

/// A pause that somebody told it to make.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// In this partition, or in all.
    partition: Option<TopicPartition>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The poll loop has not come by since.
    Due,
    Made,
    Over,
}

impl Told {
    fn concerns(&self, partition: TopicPartition) -> bool {
        self.partition.is_none_or(|only| only == partition)
    }
}

impl Pauses {
    /// Somebody wants a partition, or all, not to be read for a while.
    pub(super) fn ask(&mut self, partition: Option<TopicPartition>) {
        self.told.push(Told { partition, stage: Stage::Due });
    }

    /// That while is over.
    pub(super) fn end(&mut self, partition: Option<TopicPartition>) {
        let mut told = self.told.iter_mut();
        let open = told.find(|one| one.partition == partition && one.stage != Stage::Over);
        if let Some(one) = open {
            one.stage = Stage::Over;
        }
    }

    /// Partitions were given to it, which are not paused.
    pub(super) fn were_assigned(&mut self) {
        if self.backlog == Backlog::Yes {
            self.backlog = Backlog::Some;
        }
    }

    /// Whether there is anything that it was told.
    pub(super) fn were_told(&self) -> bool {
        !self.told.is_empty()
    }

    /// What it was told to pause or to resume since the poll loop came by last.
    pub(super) fn as_told(&mut self, assigned: &[TopicPartition]) -> Vec<Steer> {
        let mut steers = Vec::new();
        while let Some(at) = self.told.iter().position(|one| one.stage != Stage::Made) {
            let one = self.told[at];
            let concerned = assigned.iter().copied().filter(|it| one.concerns(*it));
            if one.stage == Stage::Due {
                self.told[at].stage = Stage::Made;
                steers.push(Steer::Hold(concerned.collect()));
            } else {
                self.told.remove(at);
                if self.backlog == Backlog::No {
                    steers.push(Steer::Release(concerned.filter(|it| self.is_free(*it)).collect()));
                }
            }
        }
        steers
    }

    /// Pauses its partitions while more than `most` records wait, and resumes them when half of that is done.
    pub(super) fn under(
        &mut self,
        waiting: u64,
        most: u32,
        assigned: &[TopicPartition],
    ) -> Option<Steer> {
        match self.backlog {
            Backlog::No if waiting > u64::from(most) => {
                self.backlog = Backlog::Yes;
                Some(Steer::Hold(assigned.to_vec()))
            }
            Backlog::Yes | Backlog::Some if waiting <= u64::from(most / 2) => {
                self.backlog = Backlog::No;
                let free = assigned.iter().copied().filter(|it| self.is_free(*it));
                Some(Steer::Release(free.collect()))
            }
            Backlog::Some => {
                self.backlog = Backlog::Yes;
                Some(Steer::Hold(assigned.to_vec()))
            }
            Backlog::Yes | Backlog::No => None,
        }
    }

    /// Whether nobody told it to pause the partition.
    fn is_free(&self, partition: TopicPartition) -> bool {
        !self.told.iter().any(|one| one.concerns(partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: u16) -> TopicPartition {
        TopicPartition { topic: stormglass_types::TopicId(0), partition: number }
    }

    fn both() -> Vec<TopicPartition> {
        vec![partition(0), partition(1)]
    }

    #[test]
    fn a_partition_is_paused_until_that_is_over() {
        let mut pauses = Pauses::default();
        pauses.ask(Some(partition(1)));
        assert_eq!(pauses.as_told(&both()), [Steer::Hold(vec![partition(1)])]);
        assert_eq!(pauses.as_told(&both()), []);
        pauses.end(Some(partition(1)));
        assert_eq!(pauses.as_told(&both()), [Steer::Release(vec![partition(1)])]);
    }

    #[test]
    fn what_was_paused_twice_is_resumed_after_the_second() {
        let mut pauses = Pauses::default();
        pauses.ask(None);
        pauses.ask(Some(partition(0)));
        pauses.as_told(&both());
        pauses.end(None);
        assert_eq!(pauses.as_told(&both()), [Steer::Release(vec![partition(1)])]);
    }

    #[test]
    fn a_backlog_that_is_done_leaves_what_it_was_told_to_pause() {
        let mut pauses = Pauses::default();
        pauses.ask(Some(partition(0)));
        pauses.as_told(&both());
        assert_eq!(pauses.under(11, 10, &both()), Some(Steer::Hold(both())));
        assert_eq!(pauses.under(5, 10, &both()), Some(Steer::Release(vec![partition(1)])));
    }

    #[test]
    fn what_it_was_told_is_resumed_when_the_backlog_is_done() {
        let mut pauses = Pauses::default();
        pauses.ask(None);
        pauses.as_told(&both());
        pauses.under(11, 10, &both());
        pauses.end(None);
        assert_eq!(pauses.as_told(&both()), []);
        assert_eq!(pauses.under(5, 10, &both()), Some(Steer::Release(both())));
    }

    #[test]
    fn what_comes_while_too_much_waits_is_paused_and_resumed_with_the_rest() {
        let mut pauses = Pauses::default();
        pauses.under(11, 10, &both()[..1]);
        assert_eq!(pauses.under(11, 10, &both()[..1]), None);
        pauses.were_assigned();
        assert_eq!(pauses.under(11, 10, &both()), Some(Steer::Hold(both())));
        pauses.were_assigned();
        assert_eq!(pauses.under(5, 10, &both()), Some(Steer::Release(both())));
    }
}
