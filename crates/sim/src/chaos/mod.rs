//! Random adversaries: they only *produce* lists of faults; what runs is the list.
//!
//! Swarm testing (Groce et al., ISSTA 2012): a seed draws which families of faults it has at all, and how many of each, so
//! that rare combinations come up and no family drowns the others. Having none is one of the draws.

use stormglass_kafka::CrashKind;
use stormglass_kafka::message::Api;
use stormglass_types::{Dense, GroupId, NodeId, Rng, Span, TopicId, TopicPartition};

use crate::plan::{
    FaultAction, MessageDirection, MessagePattern, Plan, ScheduledFault, Target, Trigger, Ways,
};

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
    Drawn,
    OnRequest,
}

impl Membership {
    const fn drawn(self) -> bool {
        matches!(self, Self::Drawn)
    }
}

families! {
    KillBroker = "kill-broker", Drawn, "broker processes are killed and come back; the page cache survives";
    KillController = "kill-controller", Drawn, "the controller is killed and comes back";
    KillProducer = "kill-producer", Drawn, "producer applications are killed and come back";
    KillMember = "kill-member", Drawn, "group members are killed and come back";
    RestartBroker = "restart-broker", Drawn, "brokers are stopped in good order and come back";
    RestartMember = "restart-member", Drawn, "group members are stopped in good order and come back";
    PauseBroker = "pause-broker", Drawn, "brokers are held for a while, as by a garbage collection";
    PauseController = "pause-controller", Drawn, "the controller is held for a while";
    PauseClient = "pause-client", Drawn, "producers and members are held for a while";
    Cut = "cut", Drawn, "links between brokers, or to the controller, are cut, one way or both";
    Isolate = "isolate", Drawn, "a broker is cut off from everyone";
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
    LagMetadata = "lag-metadata", Drawn, "a broker learns of metadata late";
    SlowProcessing = "slow-processing", OnRequest, "applications take longer per record";
    Power = "power", OnRequest, "machines lose power and, with it, what was not synced";
    Torn = "torn", OnRequest, "machines lose power in the middle of a write";
    LoseDisk = "lose-disk", OnRequest, "a broker's disk is lost for good";
}

/// Draws the faults of a seed.
#[must_use]
pub fn draw(plan: &Plan, chaos: &Chaos, rng: &mut Rng) -> Vec<ScheduledFault> {
    let families: Vec<Family> = match chaos {
        Chaos::Off => return Vec::new(),
        Chaos::Families(families) => families.clone(),
        Chaos::Default => {
            // One seed in sixteen is quiet: what fails there fails without any fault.
            if rng.chance(1, 16) {
                return Vec::new();
            }
            let density = rng.between(1, 3);
            Family::ALL
                .iter()
                .copied()
                .filter(|family| family.is_default() && rng.chance(density, 8))
                .collect()
        }
    };
    let mut drawn = Vec::new();
    for family in families {
        let most = 1 + rng.upto(3);
        for _ in 0..=rng.upto(most) {
            let at = Span(rng.upto(plan.phases.storm.0 / 20 * 19));
            if let Some(fault) = one(plan, family, at, rng) {
                drawn.push((at, fault));
            }
        }
    }
    drawn.sort_by_key(|(at, _)| *at);
    drawn.into_iter().map(|(_, fault)| fault).collect()
}

fn one(plan: &Plan, family: Family, at: Span, rng: &mut Rng) -> Option<ScheduledFault> {
    let when = Trigger::At(at);
    let fault = |action| Some(ScheduledFault { when: when.clone(), action });
    let on = |api, direction, nth| {
        let pattern =
            MessagePattern { api: Some(api), direction, clients: Vec::new(), servers: Vec::new() };
        Trigger::On { pattern, nth, since: at }
    };
    let roster = plan.roster();
    match family {
        Family::KillBroker => {
            let down = lasting(rng, 200, 15_000);
            fault(FaultAction::Kill { target: broker(plan, rng)?, kind: CrashKind::Process, down })
        }
        Family::KillController => {
            let down = lasting(rng, 200, 8_000);
            fault(FaultAction::Kill { target: Target::Controller, kind: CrashKind::Process, down })
        }
        Family::KillProducer => {
            let target = Target::Process(*rng.pick(&roster.producers().collect::<Vec<_>>())?);
            let down = lasting(rng, 100, 5_000);
            fault(FaultAction::Kill { target, kind: CrashKind::Process, down })
        }
        Family::KillMember => {
            let target = Target::Process(*rng.pick(&members(plan))?);
            let down = lasting(rng, 100, 10_000);
            fault(FaultAction::Kill { target, kind: CrashKind::Process, down })
        }
        Family::RestartBroker => {
            let down = lasting(rng, 500, 8_000);
            fault(FaultAction::Restart { target: broker(plan, rng)?, down })
        }
        Family::RestartMember => {
            let target = Target::Process(*rng.pick(&members(plan))?);
            let down = lasting(rng, 100, 5_000);
            fault(FaultAction::Restart { target, down })
        }
        Family::PauseBroker => {
            let lasting = lasting(rng, 50, 14_000);
            fault(FaultAction::Pause { target: broker(plan, rng)?, lasting })
        }
        Family::PauseController => {
            let lasting = lasting(rng, 50, 12_000);
            fault(FaultAction::Pause { target: Target::Controller, lasting })
        }
        Family::PauseClient => {
            let clients: Vec<NodeId> = roster.producers().chain(members(plan)).collect();
            let target = Target::Process(*rng.pick(&clients)?);
            fault(FaultAction::Pause { target, lasting: lasting(rng, 50, 20_000) })
        }
        Family::Cut => {
            let mut ends: Vec<NodeId> = servers(plan);
            rng.shuffle(&mut ends);
            let [from, to] = ends.get(..2)? else { return None };
            let ways = if rng.chance(1, 2) { Ways::One } else { Ways::Both };
            let (from, to) = (Target::Process(*from), Target::Process(*to));
            fault(FaultAction::Cut { from, to, ways, lasting: lasting(rng, 100, 20_000) })
        }
        Family::Isolate => {
            let lasting = lasting(rng, 100, 15_000);
            fault(FaultAction::Isolate { target: broker(plan, rng)?, lasting })
        }
        Family::SlowNetwork => {
            let by = lasting(rng, 5, 800);
            let target = Target::Process(anyone(plan, rng)?);
            fault(FaultAction::Slow { target, by, lasting: lasting(rng, 500, 15_000) })
        }
        Family::Reset => fault(FaultAction::Reset { target: Target::Process(anyone(plan, rng)?) }),
        Family::LoseResponse => {
            let api = *rng.pick(&LOSABLE)?;
            let nth = nth(rng);
            let when = on(api, MessageDirection::Response, nth);
            Some(ScheduledFault { when, action: FaultAction::Lose })
        }
        Family::LoseRequest => {
            let api = *rng.pick(&LOSABLE)?;
            let nth = nth(rng);
            let when = on(api, MessageDirection::Request, nth);
            Some(ScheduledFault { when, action: FaultAction::Lose })
        }
        Family::LateRequest => {
            let api = *rng.pick(&LOSABLE)?;
            let nth = nth(rng);
            let when = on(api, MessageDirection::Request, nth);
            let by = lasting(rng, 1_000, 40_000);
            Some(ScheduledFault { when, action: FaultAction::Late { by } })
        }
        Family::SlowDisk => {
            let sync = lasting(rng, 20, 2_000);
            let target = Target::Process(*rng.pick(&servers(plan))?);
            fault(FaultAction::SlowDisk { target, sync, lasting: lasting(rng, 1_000, 20_000) })
        }
        Family::StallDisk => {
            let lasting = lasting(rng, 100, 15_000);
            fault(FaultAction::StallDisk { target: broker(plan, rng)?, lasting })
        }
        Family::FullDisk => {
            let lasting = lasting(rng, 1_000, 15_000);
            fault(FaultAction::FillDisk { target: broker(plan, rng)?, lasting })
        }
        Family::ClockJump => {
            let by = i64::try_from(rng.upto(7_200_000)).expect("two hours of milliseconds");
            let target = Target::Process(anyone(plan, rng)?);
            fault(FaultAction::JumpClock { target, by_ms: by - 3_600_000 })
        }
        Family::Flip => fault(FaultAction::Flip { partition: partition(plan, rng)? }),
        Family::LagMetadata => {
            let by = lasting(rng, 50, 5_000);
            let target = broker(plan, rng)?;
            fault(FaultAction::LagMetadata { target, by, lasting: lasting(rng, 500, 20_000) })
        }
        Family::SlowProcessing => {
            let target = Target::Process(*rng.pick(&members(plan))?);
            let each = lasting(rng, 10, 1_000);
            fault(FaultAction::SlowProcessing { target, each, lasting: lasting(rng, 500, 20_000) })
        }
        Family::Power => crash(plan, CrashKind::Power, when, rng),
        Family::Torn => crash(plan, CrashKind::Torn, when, rng),
        Family::LoseDisk => crash(plan, CrashKind::DiskLost, when, rng),
    }
}

fn crash(plan: &Plan, kind: CrashKind, when: Trigger, rng: &mut Rng) -> Option<ScheduledFault> {
    let target = broker(plan, rng)?;
    let down = lasting(rng, 500, 15_000);
    Some(ScheduledFault { when, action: FaultAction::Kill { target, kind, down } })
}

/// Requests whose loss or delay a client must survive.
const LOSABLE: [Api; 10] = [
    Api::Produce,
    Api::Produce,
    Api::Fetch,
    Api::OffsetCommit,
    Api::JoinGroup,
    Api::SyncGroup,
    Api::Heartbeat,
    Api::InitProducerId,
    Api::AlterPartition,
    Api::Metadata,
];

/// A whole number of milliseconds, short ones as likely as long ones: the magnitude is drawn first.
fn lasting(rng: &mut Rng, least_ms: u64, most_ms: u64) -> Span {
    let doublings = u64::from((most_ms / least_ms).max(1).ilog2());
    let floor = least_ms << rng.upto(doublings);
    Span::millis(rng.between(floor, (floor * 2).clamp(floor, most_ms.max(floor))))
}

fn nth(rng: &mut Rng) -> u32 {
    let magnitude = rng.upto(6);
    u32::try_from(rng.between(1, 1 << magnitude)).expect("at most 64")
}

/// A broker by number, or by what it does.
fn broker(plan: &Plan, rng: &mut Rng) -> Option<Target> {
    let drawn = match rng.upto(5) {
        0 | 1 => Target::LeaderOf(partition(plan, rng)?),
        2 if !plan.groups.is_empty() => {
            Target::CoordinatorOf(GroupId::from_index(rng.index(plan.groups.len())))
        }
        3 => Target::FollowerOf(partition(plan, rng)?),
        _ => {
            let brokers: Vec<NodeId> = plan.roster().brokers().map(|(_, node)| node).collect();
            Target::Process(*rng.pick(&brokers)?)
        }
    };
    Some(drawn)
}

fn partition(plan: &Plan, rng: &mut Rng) -> Option<TopicPartition> {
    if plan.topics.is_empty() {
        return None;
    }
    let topic = rng.index(plan.topics.len());
    let last = u64::from(plan.topics[topic].partitions).checked_sub(1)?;
    let number = u16::try_from(rng.upto(last)).expect("below a topic's 16-bit partition count");
    Some(TopicPartition::new(TopicId::from_index(topic + 1), number))
}

fn members(plan: &Plan) -> Vec<NodeId> {
    let roster = plan.roster();
    let groups = (0..plan.groups.len()).map(GroupId::from_index);
    groups.flat_map(|group| roster.members(group)).collect()
}

fn servers(plan: &Plan) -> Vec<NodeId> {
    let roster = plan.roster();
    roster.controllers().chain(roster.brokers().map(|(_, node)| node)).collect()
}

fn anyone(plan: &Plan, rng: &mut Rng) -> Option<NodeId> {
    let everyone: Vec<NodeId> =
        servers(plan).into_iter().chain(plan.roster().producers()).chain(members(plan)).collect();
    rng.pick(&everyone).copied()
}
