//! The rule sets of Jason Gustafson's TLA+ models of Kafka's replication (`hachikuji/kafka-specification`), as sets of rules
//! switched off.
//!
//! A model checker visits every state of a tiny cluster; here seeds visit some of a running one. Both must agree on which
//! rule sets lose what was acknowledged.

use stormglass_kafka::Rule;

use crate::killers::REPLICATION;

/// One of the models.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// The module's name.
    pub name: &'static str,
    /// What its replicas do.
    pub says: &'static str,
    /// The rules that it lacks.
    pub without: &'static [Rule],
    /// What TLC finds.
    pub found: Found,
}

/// What a model checker finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// `StrongIsr` is violated.
    Violated,
    /// It holds.
    Holds,
}

/// The models, the oldest first.
pub const MODELS: [Model; 5] = [
    Model {
        name: "KafkaTruncateToHighWatermark",
        says: "a new follower cuts its log at its own high watermark",
        without: &[
            Rule::TruncateByEpoch,
            Rule::DivergenceByEpoch,
            Rule::FetchEpochFencing,
            Rule::IsrJoinNeedsEpochStart,
        ],
        found: Found::Violated,
    },
    Model {
        name: "Kip101",
        says: "a new follower asks where its last epoch ends in the leader's log",
        without: &[Rule::DivergenceByEpoch, Rule::FetchEpochFencing, Rule::IsrJoinNeedsEpochStart],
        found: Found::Violated,
    },
    Model {
        name: "Kip279",
        says: "leader and follower look for the last epoch that they share",
        without: &[Rule::FetchEpochFencing, Rule::IsrJoinNeedsEpochStart],
        found: Found::Violated,
    },
    Model {
        name: "Kip320FirstTry",
        says: "fetches carry the epoch of the last record, but not the leader's",
        without: &[Rule::FetchEpochFencing],
        found: Found::Violated,
    },
    Model {
        name: "Kip320",
        says: "fetches carry the leader's epoch, too, and fenced ones count for nothing",
        without: &[],
        found: Found::Holds,
    },
];

/// What the seeds of one story showed under a model's rules.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Which story.
    pub story: &'static str,
    /// How many seeds were told.
    pub seeds: u64,
    /// The seeds that broke an invariant, and which ones.
    pub broken: Vec<(u64, Vec<&'static str>)>,
}

impl Model {
    /// Tells every story of replication under this model's rules, `seeds` times each.
    #[must_use]
    pub fn show(&self, seeds: u64) -> Vec<Shown> {
        let shown = REPLICATION.iter().map(|(name, story)| {
            let without = |story: crate::Story, rule: &Rule| story.without(*rule);
            let story = self.without.iter().fold(story(), without);
            let broken = (1..=seeds).filter_map(|seed| {
                let violated = story.tell(seed).violated();
                (!violated.is_empty()).then_some((seed, violated))
            });
            Shown { story: name, seeds, broken: broken.collect() }
        });
        shown.collect()
    }

    /// The first seed of any story, of `seeds` each, that breaks something under this model's rules.
    #[must_use]
    pub fn first(&self, seeds: u64) -> Option<(&'static str, u64)> {
        (1..=seeds).find_map(|seed| {
            REPLICATION.iter().find_map(|(name, story)| {
                let without = |story: crate::Story, rule: &Rule| story.without(*rule);
                let story = self.without.iter().fold(story(), without);
                (!story.tell(seed).violated().is_empty()).then_some((*name, seed))
            })
        })
    }
}
