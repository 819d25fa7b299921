//! Pipelines and troubles that were written for no rule in particular, to see how soon a missing rule shows by itself.
//!
//! The stories of [`crate::killers`] are the opposite: each is made to kill its rule.

use std::sync::Arc;

use stormglass_kafka::settings::EligibleLeaders;
use stormglass_sim::chaos::{Chaos, Family};
use stormglass_sim::plan::{SizeRange, SpanRange};
use stormglass_types::Span;

use crate::Story;
use crate::killers::modern::crowd as modern_crowd;
use crate::killers::{About, crowd, pipeline};

/// Which brokers lose power.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Power {
    /// None.
    Nobodys,
    /// A few, so that somebody is left who has what was acknowledged.
    Somebodys,
    /// As many as may be, all of a partition's among them.
    Everybodys,
}

/// A pipeline, without faults.
#[derive(Clone, Copy, Debug)]
pub struct Pipeline {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub says: &'static str,
    /// Whose loss of power may cost it nothing that was acknowledged.
    pub survives: Power,
    /// How to make it.
    made: fn() -> Story,
}

/// Trouble of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// Its name; that of the chaos family where it is one alone.
    pub name: &'static str,
    /// The families, all in each seed; none stands for `chaos: default`.
    pub families: &'static [Family],
    /// Who loses power.
    pub takes: Power,
}

impl Trouble {
    /// As a plan has it.
    #[must_use]
    pub fn chaos(&self) -> Chaos {
        if self.families.is_empty() {
            Chaos::Default
        } else {
            Chaos::Families(self.families.to_vec())
        }
    }
}

const RECORDS: Pipeline = Pipeline {
    name: "records",
    says: "one partition, two idempotent producers, one reader, `min.insync.replicas=2`",
    survives: Power::Everybodys,
    made: || pipeline(&[], &[]),
};
const LENIENT: Pipeline = Pipeline {
    name: "lenient",
    says: "the same with `min.insync.replicas=1`",
    survives: Power::Nobodys,
    made: || pipeline(&[("min.insync.replicas", "1")], &[]),
};
const MIXED: Pipeline = Pipeline {
    name: "mixed",
    says: "the same as `records` in three partitions with records of 50 to 960 bytes, some of which, with their overhead, are more than the 1,000 that the topic takes",
    survives: Power::Everybodys,
    made: || {
        pipeline(&[], &[("batch.size", "600")]).with(|plan| {
            plan.topics[0].partitions = 3;
            for topic in &mut plan.topics {
                Arc::make_mut(&mut topic.settings).max_message_bytes = 1_000;
            }
            for producer in &mut plan.producers {
                producer.load.bytes = SizeRange { least: 50, most: 960 };
                producer.load.every = Span::millis(5);
            }
        })
    },
};
const REMOTE: Pipeline = Pipeline {
    name: "remote",
    says: "the same as `records` in three partitions and batches of up to 600 bytes, over links of 2 to 10 ms, so that several batches are under way at a time",
    survives: Power::Everybodys,
    made: || {
        pipeline(&[], &[("batch.size", "600")]).with(|plan| {
            plan.topics[0].partitions = 3;
            let (least, most) = (Span::millis(2), Span::millis(10));
            plan.network.latency = SpanRange { least, most };
        })
    },
};
const ELIGIBLE: Pipeline = Pipeline {
    name: "eligible",
    says: "the same as `records` with eligible leader replicas (KIP-966)",
    survives: Power::Somebodys,
    made: || pipeline(&[], &[]).with(|plan| plan.cluster.eligible_leaders = EligibleLeaders::On),
};
const QUORUM: Pipeline = Pipeline {
    name: "quorum",
    says: "the same as `records` under a quorum of three controllers",
    survives: Power::Everybodys,
    made: || pipeline(&[], &[]).with(|plan| plan.cluster.controllers = 3),
};
const MEMBERS: Pipeline = Pipeline {
    name: "members",
    says: "three partitions, a producer, three members that take 4 ms for a record",
    survives: Power::Everybodys,
    made: || crowd(&[], &[]),
};
const COOPERATIVE: Pipeline = Pipeline {
    name: "cooperative",
    says: "the same with CooperativeStickyAssignor",
    survives: Power::Everybodys,
    made: || crowd(&[], &[("partition.assignment.strategy", "CooperativeStickyAssignor")]),
};
const STATIC: Pipeline = Pipeline {
    name: "static",
    says: "the same as `members` with `group.instance.id`",
    survives: Power::Everybodys,
    made: || {
        crowd(&[], &[]).with(|plan| {
            for member in plan.groups.iter_mut().flat_map(|group| &mut group.members) {
                Arc::make_mut(&mut member.settings).instance = Some(Arc::from(&*member.name));
            }
        })
    },
};

const AUTOMATIC: Pipeline = Pipeline {
    name: "automatic",
    says: "the same as `members` with automatic commits every 200 ms",
    survives: Power::Everybodys,
    made: || crowd(&[], &COMMITS),
};
const MODERN: Pipeline = Pipeline {
    name: "modern",
    says: "the same as `members` with the consumer protocol (KIP-848)",
    survives: Power::Everybodys,
    made: || modern_crowd(&[]),
};
const MODERN_AUTOMATIC: Pipeline = Pipeline {
    name: "modern-automatic",
    says: "the same as `modern` with automatic commits every 200 ms",
    survives: Power::Everybodys,
    made: || modern_crowd(&COMMITS),
};
const COMMITS: [(&str, &str); 2] =
    [("enable.auto.commit", "true"), ("auto.commit.interval.ms", "200")];

/// The pipelines for rules of a kind.
#[must_use]
pub fn pipelines(about: About) -> &'static [Pipeline] {
    match about {
        About::Replication | About::Control => &[RECORDS, LENIENT, ELIGIBLE, QUORUM],
        About::Producers => &[RECORDS, MIXED, REMOTE],
        About::Groups => &[MEMBERS, COOPERATIVE, STATIC, AUTOMATIC, MODERN, MODERN_AUTOMATIC],
    }
}

impl Pipeline {
    /// The pipeline as a story, with time to settle. A broker waits for a controller's answer for half a minute
    /// (`controller.socket.timeout.ms`), so that what was held up may take that long.
    #[must_use]
    pub fn story(&self) -> Story {
        (self.made)().with(|plan| {
            plan.phases.settle = Span::secs(40);
            plan.phases.max_events *= 2;
        })
    }

    /// The troubles in which it should hold.
    pub fn troubles(&self) -> impl Iterator<Item = &'static Trouble> {
        TROUBLES.iter().filter(|trouble| trouble.takes <= self.survives)
    }
}

/// Every pipeline.
pub const PIPELINES: &[Pipeline] = &[
    RECORDS,
    LENIENT,
    MIXED,
    REMOTE,
    ELIGIBLE,
    QUORUM,
    MEMBERS,
    COOPERATIVE,
    STATIC,
    AUTOMATIC,
    MODERN,
    MODERN_AUTOMATIC,
];

/// Every trouble: what `chaos: default` draws, the named profiles, and some families together.
pub const TROUBLES: &[Trouble] = &[
    Trouble { name: "default", families: &[], takes: Power::Nobodys },
    Trouble { name: "chain-crash", families: &[Family::ChainCrash], takes: Power::Nobodys },
    Trouble { name: "flip-storm", families: &[Family::FlipStorm], takes: Power::Nobodys },
    Trouble { name: "control-delay", families: &[Family::ControlDelay], takes: Power::Nobodys },
    Trouble { name: "power-restart", families: &[Family::PowerRestart], takes: Power::Somebodys },
    Trouble { name: "fence-power", families: &[Family::FencePower], takes: Power::Somebodys },
    Trouble { name: "late-messages", families: &[Family::LateMessages], takes: Power::Nobodys },
    Trouble { name: "isr-flap", families: &[Family::IsrFlap], takes: Power::Nobodys },
    Trouble { name: "create-start", families: &[Family::CreateStart], takes: Power::Nobodys },
    Trouble {
        name: "lossy-acks",
        families: &[Family::LoseResponse, Family::LateMessages],
        takes: Power::Nobodys,
    },
    Trouble { name: "torn", families: &[Family::Torn], takes: Power::Everybodys },
    Trouble {
        name: "controllers",
        families: &[Family::KillController, Family::PauseController, Family::Cut],
        takes: Power::Nobodys,
    },
    Trouble {
        name: "churn",
        families: &[Family::KillMember, Family::RestartMember, Family::PauseClient],
        takes: Power::Nobodys,
    },
    Trouble {
        name: "churn-and-flips",
        families: &[Family::RestartMember, Family::SlowProcessing, Family::FlipStorm],
        takes: Power::Nobodys,
    },
];

#[cfg(test)]
mod tests {
    use stormglass_kafka::Rule;

    use super::*;

    #[test]
    fn a_trouble_of_one_family_bears_its_name_and_no_profile_is_missing() {
        for trouble in TROUBLES {
            if let [family] = trouble.families {
                assert_eq!(trouble.name, family.name());
            }
        }
        for profile in Family::ALL.iter().filter(|family| family.is_profile()) {
            let named = |trouble: &&Trouble| trouble.families == [*profile];
            assert!(TROUBLES.iter().any(|it| named(&it)), "{} is missing", profile.name());
        }
    }

    fn ground(pipeline: &str, trouble: &str) -> Story {
        let pipeline = PIPELINES.iter().find(|it| it.name == pipeline).unwrap();
        let trouble = TROUBLES.iter().find(|it| it.name == trouble).unwrap();
        pipeline.story().chaos(trouble.chaos())
    }

    #[test]
    fn what_needs_several_troubles_at_once_shows_within_tens_of_seeds() {
        for (rule, pipeline, trouble) in [
            (Rule::AlterPartitionBrokerEpoch, "records", "power-restart"),
            (Rule::BumpAwaitsInFlight, "mixed", "flip-storm"),
            (Rule::FirstSequenceIsZero, "remote", "create-start"),
        ] {
            let story = ground(pipeline, trouble).without(rule);
            let found = (1..=60).any(|seed| !story.tell(seed).violated().is_empty());
            assert!(found, "{} in {pipeline} under {trouble}", rule.name());
        }
    }

    /// A replica is let in by a proposal that overtook its crash, and goes with its next registration, both in one commit of
    /// the quorum.
    #[test]
    fn a_set_that_is_replaced_as_it_is_committed_is_relied_on_by_nobody() {
        let told = ground("quorum", "power-restart").tell(429);
        assert!(told.violated().is_empty(), "{}", told.complaints());
    }

    #[test]
    fn every_pipeline_holds_in_a_seed_of_every_trouble() {
        for pipeline in PIPELINES {
            for trouble in pipeline.troubles() {
                let told = pipeline.story().chaos(trouble.chaos()).tell(1);
                let (name, under) = (pipeline.name, trouble.name);
                assert!(told.violated().is_empty(), "{name} under {under}: {}", told.complaints());
            }
        }
    }
}
