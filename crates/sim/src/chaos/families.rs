//! Families of faults that strike singly.
//!
//! Does not decide which families a seed has, nor how many faults of each.

use stormglass_kafka::CrashKind;
use stormglass_kafka::message::Api;
use stormglass_kafka::settings::GroupProtocol;
use stormglass_types::{Dense, GroupId, NodeId, Rng, Span};

use super::{Family, brokers, partition};
use crate::plan::{
    FaultAction, GroupPlan, MessageDirection, MessagePattern, Plan, ScheduledFault, Target,
    Trigger, Ways,
};

/// A fault of a family that strikes at a time or waits for a message from then on.
#[expect(clippy::too_many_lines, reason = "one arm per family")]
pub(super) fn fault(
    plan: &Plan,
    family: Family,
    at: Span,
    rng: &mut Rng,
) -> Option<ScheduledFault> {
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
            let target = controller(plan, rng)?;
            // What a quorum has promised is on its disks.
            let power = is_quorum(plan) && rng.chance(1, 2);
            let kind = if power { CrashKind::Power } else { CrashKind::Process };
            fault(FaultAction::Kill { target, kind, down })
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
            fault(FaultAction::Pause { target: controller(plan, rng)?, lasting })
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
            let target = if is_quorum(plan) && rng.chance(1, 3) {
                controller(plan, rng)?
            } else {
                broker(plan, rng)?
            };
            fault(FaultAction::Isolate { target, lasting })
        }
        Family::SlowNetwork => {
            let by = lasting(rng, 5, 800);
            let target = Target::Process(anyone(plan, rng)?);
            fault(FaultAction::Slow { target, by, lasting: lasting(rng, 500, 15_000) })
        }
        Family::Reset => fault(FaultAction::Reset { target: Target::Process(anyone(plan, rng)?) }),
        Family::LoseResponse => {
            let api = in_protocol(plan, *rng.pick(&LOSABLE)?);
            let nth = nth(rng);
            let when = on(api, MessageDirection::Response, nth);
            Some(ScheduledFault { when, action: FaultAction::Lose })
        }
        Family::LoseRequest => {
            let api = in_protocol(plan, *rng.pick(&LOSABLE)?);
            let nth = nth(rng);
            let when = on(api, MessageDirection::Request, nth);
            Some(ScheduledFault { when, action: FaultAction::Lose })
        }
        Family::LateRequest => {
            let api = in_protocol(plan, *rng.pick(&LOSABLE)?);
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
            let target = if is_quorum(plan) && rng.chance(1, 4) {
                controller(plan, rng)?
            } else {
                broker(plan, rng)?
            };
            fault(FaultAction::LagMetadata { target, by, lasting: lasting(rng, 500, 20_000) })
        }
        Family::SlowProcessing => {
            let target = Target::Process(*rng.pick(&modelled_members(plan))?);
            let each = lasting(rng, 10, 1_000);
            fault(FaultAction::SlowProcessing { target, each, lasting: lasting(rng, 500, 20_000) })
        }
        Family::Power => crash(plan, CrashKind::Power, when, rng),
        Family::Torn => crash(plan, CrashKind::Torn, when, rng),
        Family::LoseDisk => crash(plan, CrashKind::DiskLost, when, rng),
        Family::ChainCrash
        | Family::FlipStorm
        | Family::ControlDelay
        | Family::PowerRestart
        | Family::FencePower
        | Family::LateMessages
        | Family::IsrFlap
        | Family::CreateStart => unreachable!("{} is no single fault", family.name()),
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

/// What a request is where the groups use the consumer protocol: there is one for everything.
fn in_protocol(plan: &Plan, api: Api) -> Api {
    let is_group = matches!(api, Api::JoinGroup | Api::SyncGroup | Api::Heartbeat);
    let is_modern = |group: &GroupPlan| {
        group.members.iter().all(|one| one.settings.protocol != GroupProtocol::Classic)
    };
    let modern = !plan.groups.is_empty() && plan.groups.iter().all(is_modern);
    if is_group && modern { Api::ConsumerGroupHeartbeat } else { api }
}

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
        _ => Target::Process(*rng.pick(&brokers(plan))?),
    };
    Some(drawn)
}

/// Whether the controllers are several.
const fn is_quorum(plan: &Plan) -> bool {
    plan.cluster.controllers > 1
}

/// The active controller, or any voter of the quorum.
fn controller(plan: &Plan, rng: &mut Rng) -> Option<Target> {
    if !is_quorum(plan) || rng.chance(1, 2) {
        return Some(Target::Controller);
    }
    let voters: Vec<NodeId> = plan.roster().controllers().collect();
    rng.pick(&voters).map(|voter| Target::Process(*voter))
}

/// Whoever reads: members of groups, and people's own code.
fn members(plan: &Plan) -> Vec<NodeId> {
    let mut members = modelled_members(plan);
    members.extend(plan.roster().applications());
    members
}

fn modelled_members(plan: &Plan) -> Vec<NodeId> {
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
