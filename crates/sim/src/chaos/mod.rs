//! Random adversaries: they only *produce* lists of faults; what runs is the list.
//!
//! Swarm testing (Groce et al., ISSTA 2012): a seed draws which families of faults it has at all, and how many of each, so
//! that rare combinations come up and no family drowns the others. Having none is one of the draws. Every family draws from
//! a stream of its own: to leave one out changes nothing about the others.

mod families;
mod profiles;

use stormglass_types::{Dense, NodeId, Rng, Span, Stream, Streams, TopicId, TopicPartition};

use crate::plan::{Plan, ScheduledFault, Trigger};

/// What a scenario asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Chaos {
    /// No random faults.
    Off,
    /// A subset, drawn per seed, of the families that Kafka's promises cover.
    Default,
    /// These families, all of them, in every seed.
    Families(Vec<Family>),
}

/// Declares families with their names and meanings.
macro_rules! families {
    ($($name:ident = $text:literal, $default:ident, $meaning:literal;)*) => {
        /// A kind of trouble.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Family { $(#[doc = $meaning] $name,)* }

        impl Family {
            /// Every family.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in scenarios.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// Whether `chaos: default` draws from it.
            #[must_use]
            pub const fn is_default(self) -> bool {
                match self { $(Self::$name => Membership::$default.drawn(),)* }
            }

            /// Whether it is a composition of faults that belong together, timed by the plan's own timeouts.
            #[must_use]
            pub const fn is_profile(self) -> bool {
                match self { $(Self::$name => Membership::$default.composed(),)* }
            }

            /// The family of a name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|family| family.name() == name)
            }
        }
    };
}

/// Whether a family is part of `chaos: default`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Membership {
    /// It is.
    Drawn,
    /// It is not, since it breaks what Kafka does not promise.
    OnRequest,
    /// It is not: a composition of faults that is biased towards one kind of bug.
    Profile,
}

impl Membership {
    const fn drawn(self) -> bool {
        matches!(self, Self::Drawn)
    }

    const fn composed(self) -> bool {
        matches!(self, Self::Profile)
    }
}

families! {
    KillBroker = "kill-broker", Drawn, "broker processes are killed and come back; the page cache survives";
    KillController = "kill-controller", Drawn, "the active controller, or another voter of the quorum, is killed and comes back";
    KillProducer = "kill-producer", Drawn, "producer applications are killed and come back";
    KillMember = "kill-member", Drawn, "group members are killed and come back";
    RestartBroker = "restart-broker", Drawn, "brokers are stopped in good order and come back";
    RestartMember = "restart-member", Drawn, "group members are stopped in good order and come back";
    PauseBroker = "pause-broker", Drawn, "brokers are held for a while, as by a garbage collection";
    PauseController = "pause-controller", Drawn, "the active controller, or another voter of the quorum, is held for a while";
    PauseClient = "pause-client", Drawn, "producers and members are held for a while";
    Cut = "cut", Drawn, "links between brokers, or to the controller, are cut, one way or both";
    Isolate = "isolate", Drawn, "a broker, or a voter of a quorum of controllers, is cut off from everyone";
    SlowNetwork = "slow-network", Drawn, "messages of a process take longer";
    Reset = "reset", Drawn, "connections are reset";
    LoseResponse = "lose-response", Drawn, "requests are acted on, but their answers are lost";
    LoseRequest = "lose-request", Drawn, "requests are lost with their connections";
    LateRequest = "late-request", Drawn, "requests arrive after their senders gave up";
    SlowDisk = "slow-disk", Drawn, "syncs take long";
    StallDisk = "stall-disk", Drawn, "a broker's disk stalls while its heartbeats go on";
    FullDisk = "full-disk", Drawn, "a broker's disk is full for a while";
    ClockJump = "clock-jump", Drawn, "wall clocks jump";
    Flip = "flip", Drawn, "leaderships move although their leaders are well";
    LagMetadata = "lag-metadata", Drawn, "a broker, or a voter of a quorum of controllers, learns of metadata late";
    SlowProcessing = "slow-processing", OnRequest, "applications take longer per record";
    Power = "power", OnRequest, "machines lose power and, with it, what was not synced";
    Torn = "torn", OnRequest, "machines lose power in the middle of a write";
    LoseDisk = "lose-disk", OnRequest, "a broker's disk is lost for good";
    ChainCrash = "chain-crash", Profile, "leaders die right after they were elected, one after the other";
    FlipStorm = "flip-storm", Profile, "leaderships move in quick bursts while brokers learn of it late";
    ControlDelay = "control-delay", Profile, "changes of in-sync sets reach the controller late, and leaders die meanwhile";
    PowerRestart = "power-restart", Profile, "brokers lose power, are back at once, and find a controller that is held or hears old news";
    FencePower = "fence-power", Profile, "all followers are fenced, then the leader loses power";
    LateMessages = "late-messages", Profile, "requests of clients arrive long after their senders gave up";
    IsrFlap = "isr-flap", Profile, "followers are cut off for about as long as they may lag";
    CreateStart = "create-start", Profile, "producers begin while leaderships are so new that brokers have not heard of them";
}

/// Draws the faults of the plan's seed.
#[must_use]
pub fn draw(plan: &Plan, chaos: &Chaos) -> Vec<ScheduledFault> {
    let streams = Streams::new(plan.seed);
    let mut drawn = Vec::new();
    match chaos {
        Chaos::Off => {}
        Chaos::Families(families) => {
            for family in families {
                let mut rng = streams.stream(Stream::Chaos, *family as u32);
                drawn.extend(some(plan, *family, &mut rng));
            }
        }
        Chaos::Default => {
            let mut swarm = streams.stream(Stream::Chaos, SWARM);
            // One seed in sixteen is quiet: what fails there fails without any fault.
            if swarm.chance(1, 16) {
                return Vec::new();
            }
            let density = swarm.between(1, 3);
            for family in Family::ALL.iter().filter(|family| family.is_default()) {
                let mut rng = streams.stream(Stream::Chaos, *family as u32);
                if rng.chance(density, 8) {
                    drawn.extend(some(plan, *family, &mut rng));
                }
            }
        }
    }
    drawn.sort_by_key(|fault| match &fault.when {
        Trigger::At(at) | Trigger::On { since: at, .. } | Trigger::After(_, at) => *at,
    });
    drawn
}

/// The stream that draws what concerns all families.
const SWARM: u32 = u32::MAX;

/// The faults of one family.
fn some(plan: &Plan, family: Family, rng: &mut Rng) -> Vec<ScheduledFault> {
    if family.is_profile() {
        return profiles::faults(plan, family, rng);
    }
    let most = 1 + rng.upto(3);
    let count = rng.upto(most);
    (0..=count)
        .filter_map(|_| {
            let at = millis_upto(rng, plan.phases.storm.0 / 20 * 19 / 1_000_000);
            families::fault(plan, family, at, rng)
        })
        .collect()
}

/// A whole number of milliseconds, as files hold them.
fn millis_upto(rng: &mut Rng, most: u64) -> Span {
    Span::millis(rng.upto(most))
}

/// Any partition of the plan's topics.
fn partition(plan: &Plan, rng: &mut Rng) -> Option<TopicPartition> {
    if plan.topics.is_empty() {
        return None;
    }
    let topic = rng.index(plan.topics.len());
    let last = u64::from(plan.topics[topic].partitions).checked_sub(1)?;
    let number = u16::try_from(rng.upto(last)).expect("below a topic's 16-bit partition count");
    Some(TopicPartition::new(TopicId::from_index(topic + 1), number))
}

fn brokers(plan: &Plan) -> Vec<NodeId> {
    plan.roster().brokers().map(|(_, node)| node).collect()
}
