//! A cluster in a few words, for tests that tell stories about several nodes.
//!
//! Builds plans directly, without YAML, from Kafka's configuration text; knows nothing of how a run is reported.

pub mod generic;
pub mod killers;
pub mod loads;
pub mod tla;
mod written;

use std::sync::Arc;

use stormglass_check::{Judgement, Verdict, judge};
use stormglass_kafka::config::{self, Entry};
use stormglass_kafka::settings::EligibleLeaders;
use stormglass_kafka::{Rule, Rules};
use stormglass_sim::chaos::{Chaos, draw};
use stormglass_sim::plan::{
    Cluster, Commits, Disk, FaultAction, GroupPlan, Keys, Load, MemberPlan, Network, OnFailure,
    Phases, Plan, Processing, ProducerPlan, ScheduledFault, Sending, ShareRange, SizeRange,
    SpanRange, Subscribing, TopicPlan, Trigger, WeightedKey,
};
use stormglass_sim::{End, World};
use stormglass_types::history::CommitMode;
use stormglass_types::{Key, Rng, Sequence, Span, Stream, Streams, TopicId};

/// A pipeline under construction.
#[derive(Clone, Debug)]
pub struct Story {
    plan: Plan,
    chaos: Chaos,
    adversary: Option<Adversary>,
    said: Said,
}

/// What was said in Kafka's words, so that it can be said again in a scenario.
#[derive(Clone, Debug, Default)]
struct Said {
    cluster: Vec<(String, String)>,
    topics: Vec<Vec<(String, String)>>,
    producers: Vec<Vec<(String, String)>>,
    groups: Vec<Vec<(String, String)>>,
}

/// Faults written for a story, with whatever a seed is to decide drawn.
pub type Adversary = fn(&Plan, &mut Rng) -> Vec<ScheduledFault>;

/// How a story ended.
#[derive(Debug)]
pub struct Told {
    /// The world at its end.
    pub world: World,
    /// How it ended.
    pub end: End,
    /// What the oracles say.
    pub judgement: Judgement,
}

/// `key=value` pairs as Kafka's configuration would have them.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

impl Story {
    /// Three brokers, one controller, and nothing else, for ten seconds.
    #[must_use]
    pub fn new(cluster: Settings<'_>) -> Self {
        let parsed = config::parse_broker(&entries(cluster));
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        let plan = Plan {
            seed: 1,
            cluster: Cluster {
                brokers: 3,
                controllers: 1,
                settings: Arc::new(parsed.settings),
                racks: Arc::from([]),
                eligible_leaders: EligibleLeaders::Off,
            },
            rules: Rules::ALL,
            topics: Vec::new(),
            keys: Arc::from(Vec::new()),
            producers: Vec::new(),
            groups: Vec::new(),
            applications: Vec::new(),
            network: Network {
                latency: SpanRange { least: Span::micros(200), most: Span::micros(600) },
                bytes_per_second: 125_000_000,
            },
            disk: Disk {
                sync: SpanRange { least: Span::millis(1), most: Span::millis(4) },
                recovery: SpanRange { least: Span::ZERO, most: Span::ZERO },
            },
            faults: Vec::new(),
            phases: Phases {
                storm: Span::secs(10),
                settle: Span::secs(120),
                max_events: 50_000_000,
            },
        };
        let said = Said { cluster: owned(cluster), ..Said::default() };
        Self { plan, chaos: Chaos::Off, adversary: None, said }
    }

    /// Adds a topic with three replicas.
    #[must_use]
    pub fn topic(mut self, name: &str, partitions: u16, settings: Settings<'_>) -> Self {
        let parsed = config::parse_topic(&entries(settings), &self.plan.cluster.settings.topic);
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        self.said.topics.push(owned(settings));
        self.plan.topics.push(TopicPlan {
            name: name.to_owned(),
            partitions,
            replication: 3,
            created_after: None,
            settings: Arc::new(parsed.settings),
        });
        self
    }

    /// Adds a producer to the latest topic: a record every `every`, drawn from ten keys.
    #[must_use]
    pub fn producer(mut self, every: Span, settings: Settings<'_>) -> Self {
        let parsed = config::parse_producer(&entries(settings));
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        self.said.producers.push(owned(settings));
        let names: Vec<String> = (0..10).map(|n| format!("key-{n}")).collect();
        let keys: Vec<WeightedKey> = names
            .iter()
            .zip(0..)
            .map(|(name, n)| WeightedKey {
                key: Key(n),
                hash: parsed.settings.partitioner.hash(name.as_bytes()),
                cumulative: u64::from(n) + 1,
            })
            .collect();
        self.plan.keys = Arc::from(names);
        self.plan.producers.push(ProducerPlan {
            name: format!("producer-{}", self.plan.producers.len() + 1),
            settings: Arc::new(parsed.settings),
            topic: self.latest_topic(),
            load: Load {
                every,
                limit: None,
                keys: Keys::Weighted(Arc::from(keys)),
                bytes: SizeRange { least: 100, most: 100 },
                tombstones: 0,
                compressible: ShareRange::USUAL,
            },
            starts_after: Span::ZERO,
            on_failure: OnFailure::GiveUp,
            sending: Sending::PLAIN,
            transactions: None,
            dealt: None,
            sent_before: Sequence::default(),
        });
        self
    }

    /// Adds a group on the latest topic that commits after processing.
    #[must_use]
    pub fn group(mut self, members: usize, each: Span, settings: Settings<'_>) -> Self {
        let parsed = config::parse_consumer(&entries(settings));
        assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
        self.said.groups.push(owned(settings));
        let settings = Arc::new(parsed.settings);
        let name = format!("group-{}", self.plan.groups.len() + 1);
        let members = (1..=members)
            .map(|n| MemberPlan {
                name: format!("{name}-{n}"),
                settings: Arc::clone(&settings),
                starts_after: Span::ZERO,
                releases: Vec::new(),
                absences: Vec::new(),
            })
            .collect();
        self.plan.groups.push(GroupPlan {
            name,
            topics: vec![self.latest_topic()],
            subscribing: Subscribing::Names,
            members,
            commit: CommitMode::AfterProcessing,
            commits: Commits::PLAIN,
            processing: Processing::plain(SpanRange { least: each, most: each }),
            poll_timeout: Span::millis(100),
            seek_on_assign: None,
        });
        self
    }

    /// Lets the storm last.
    #[must_use]
    pub fn lasting(mut self, storm: Span) -> Self {
        self.plan.phases.storm = storm;
        self
    }

    /// Switches a rule off.
    #[must_use]
    pub fn without(mut self, rule: Rule) -> Self {
        self.plan.rules = self.plan.rules.without(rule);
        self
    }

    /// Lets a fault strike at a time.
    #[must_use]
    pub fn fault(mut self, at: Span, action: FaultAction) -> Self {
        self.plan.faults.push(ScheduledFault { when: Trigger::At(at), action });
        self
    }

    /// Lets a fault strike when something happens.
    #[must_use]
    pub fn fault_when(mut self, when: Trigger, action: FaultAction) -> Self {
        self.plan.faults.push(ScheduledFault { when, action });
        self
    }

    /// Draws random faults, too.
    #[must_use]
    pub fn chaos(mut self, chaos: Chaos) -> Self {
        self.chaos = chaos;
        self
    }

    /// Adds the faults of an adversary, too.
    #[must_use]
    pub fn adversary(mut self, adversary: Adversary) -> Self {
        self.adversary = Some(adversary);
        self
    }

    /// Changes the plan in ways that have no word here.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    /// The plan of a seed.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Plan {
        let mut plan = self.plan.clone();
        plan.seed = seed;
        let drawn = draw(&plan, &self.chaos);
        plan.faults.extend(drawn);
        if let Some(adversary) = self.adversary {
            // Beside the streams of the families.
            let mut rng = Streams::new(seed).stream(Stream::Chaos, u32::MAX - 1);
            let written = adversary(&plan, &mut rng);
            plan.faults.extend(written);
        }
        plan
    }

    /// Runs a seed to its end and judges it.
    #[must_use]
    pub fn tell(&self, seed: u64) -> Told {
        let mut world = World::new(&self.plan(seed));
        let end = world.run();
        let judgement = judge(world.history());
        Told { world, end, judgement }
    }

    fn latest_topic(&self) -> TopicId {
        TopicId(u16::try_from(self.plan.topics.len()).expect("a story has few topics"))
    }
}

impl Told {
    /// The verdict on an invariant.
    #[must_use]
    pub fn verdict(&self, invariant: &str) -> &Verdict {
        let found = self.judgement.verdicts.iter().find(|(name, _)| *name == invariant);
        &found.expect("an invariant that exists").1
    }

    /// The invariants that were violated, by the oracles or by what white-box invariants saw.
    #[must_use]
    pub fn violated(&self) -> Vec<&'static str> {
        let black = self.judgement.verdicts.iter();
        let black = black.filter(|(_, verdict)| verdict.status() == "violated");
        let white = self.world.breaches().iter().map(stormglass_sim::Breach::invariant);
        let mut violated: Vec<&'static str> = black.map(|(name, _)| *name).chain(white).collect();
        violated.sort_unstable();
        violated.dedup();
        violated
    }

    /// How many records were processed again because their partition was given up in good order.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.judgement.figures.groups.iter().map(|group| group.repeats.revoked).sum()
    }

    /// Everything that went wrong, in words, for a failing test's message.
    #[must_use]
    pub fn complaints(&self) -> String {
        let black = self.judgement.verdicts.iter();
        let black = black.filter(|(_, verdict)| verdict.status() == "violated");
        let black = black.map(|(name, verdict)| format!("{name}: {verdict}"));
        let white = self.world.breaches().iter().map(|breach| {
            let at = (breach.at, breach.partition);
            format!("{} (white box): {:?} {breach}", breach.invariant(), at)
        });
        let seed = self.world.plan().seed;
        let all: Vec<String> = black.chain(white).collect();
        format!("seed {seed}, {:?} at {}:\n{}", self.end, self.world.now(), all.join("\n"))
    }
}

fn owned(settings: Settings<'_>) -> Vec<(String, String)> {
    settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn entries<'a>(settings: Settings<'a>) -> Vec<Entry<'a>> {
    let numbered = settings.iter().enumerate();
    numbered.map(|(at, (key, value))| Entry { key, value, at }).collect()
}
