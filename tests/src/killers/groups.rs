//! Stories about membership: cooperative and static members, coordinators that load, offsets that grow old.

use std::sync::Arc;

use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::chaos::Family;
use stormglass_sim::plan::{FaultAction, Plan, Target};
use stormglass_types::{GroupId, NodeId, Span, TopicId, TopicPartition};

use super::{
    About, Killer, MEMBER, Named, PRODUCER, Script, cluster, crowd, families, hidden, kills, ms,
    repeats, with,
};
use crate::Story;

const COOPERATIVE: Named = ("cooperative-churn", cooperative_churn);
const SLEEPERS: Named = ("cooperative-sleepers", cooperative_sleepers);
const RETURNING: Named = ("returning-static-members", returning_static_members);
pub(super) const LOST_JOINS: Named = ("lost-joins", lost_joins);
const LONG_LOG: Named = ("long-offsets-log", long_offsets_log);
const MOVING: Named = ("moving-leaders", moving_leaders);
const DEPLOYED: Named = ("eager-deployments", eager_deployments);
const HEARSAY: Named = ("hearsay", hearsay);
const LATEST: Named = ("moving-leaders-from-latest", moving_leaders_from_latest);
const QUIET: Named = ("quiet-topic", quiet_topic);

/// The rules about membership, in the order of their table.
pub(super) const ROWS: [Killer; 9] = [
    kills(Rule::RevokeBeforeReassign, About::Groups, COOPERATIVE, 20, "single-owner"),
    kills(Rule::LostMeansLost, About::Groups, SLEEPERS, 40, "single-owner"),
    hidden(
        Rule::ClaimsByGeneration,
        About::Groups,
        SLEEPERS,
        &[Rule::LostMeansLost],
        "a member that missed a generation loses its partitions before it joins, so that it has nothing stale to claim",
    ),
    kills(Rule::StaticRejoinRebalances, About::Groups, RETURNING, 60, "liveness"),
    hidden(
        Rule::PendingSyncExpires,
        About::Groups,
        LOST_JOINS,
        &[Rule::BackgroundHeartbeat],
        "a client whose request is lost notices the broken connection and joins again, and one that is gone loses its session",
    ),
    hidden(
        Rule::MemberIdRequired,
        About::Groups,
        LOST_JOINS,
        &[Rule::PendingSyncExpires],
        "members that nobody is delay a rebalance until their session ends, and no longer",
    ),
    kills(Rule::OffsetLoadOrder, About::Groups, LONG_LOG, 20, "monotone"),
    kills(Rule::OffsetsOfActiveGroupsStay, About::Groups, QUIET, 5, "at-least-once"),
    hidden(
        Rule::ConsumerValidates,
        About::Groups,
        MOVING,
        &[Rule::ConsumersReadCommitted, Rule::ElectFromIsr],
        "what a consumer was given is committed, and only an unclean election takes it back; the pair \
         unnoticed-truncation shows that",
    ),
];

/// The rules of clients that came to the table later.
pub(super) const LATER: [Killer; 4] = [
    repeats(Rule::PausedWhileItCommits, About::Groups, DEPLOYED, 20),
    hidden(
        Rule::ErrorsOfThisLife,
        About::Groups,
        LOST_JOINS,
        &[],
        "answers come in order and only on the present connection, so that a former self hears nothing any more",
    ),
    hidden(
        Rule::LatestNeverGoesBack,
        About::Groups,
        LATEST,
        &[],
        "who is told an older end begins to read earlier, and misses nothing",
    ),
    kills(Rule::MetadataUntilEpoch, About::Groups, HEARSAY, 40, "liveness"),
];

const STRATEGY: (&str, &str) = ("partition.assignment.strategy", "CooperativeStickyAssignor");

/// Members of a cooperative group die and come back in turn.
fn cooperative_churn() -> Story {
    crowd(&[], &[STRATEGY]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..2 {
            let at = 500 + round * 2_000 + script.between(0, 200);
            let down = script.between(900, 1_200);
            let member = a_member(&mut script);
            script.kill(at, Target::Process(member), CrashKind::Process, down);
        }
        script.faults
    })
}

/// Members of a cooperative group sleep through generations.
fn cooperative_sleepers() -> Story {
    crowd(&[], &[STRATEGY]).chaos(families(&[Family::PauseClient, Family::KillMember]))
}

/// Static members come back while the leader's assignment is on its way.
fn returning_static_members() -> Story {
    crowd(&[("group.initial.rebalance.delay.ms", "100")], &[])
        .with(|plan| {
            for member in plan.groups.iter_mut().flat_map(|group| &mut group.members) {
                Arc::make_mut(&mut member.settings).instance = Some(Arc::from(&*member.name));
            }
        })
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            for _ in 0..3 {
                let by = script.between(100, 250);
                script.late(0, Api::SyncGroup, by);
            }
            let at = script.between(120, 300);
            let member = a_member(&mut script);
            let down = script.between(5, 40);
            script.kill(at, Target::Process(member), CrashKind::Process, down);
            script.faults
        })
}

/// Answers to joins are lost while members come and go.
fn lost_joins() -> Story {
    crowd(&[], &[]).chaos(families(&[Family::LoseResponse, Family::KillMember]))
}

/// The coordinator moves when its log has become long.
fn long_offsets_log() -> Story {
    crowd(&[], &[("max.poll.records", "2")]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let partition = TopicPartition::new(OFFSETS_TOPIC, 0);
        for round in 0..3 {
            let at = 2_000 + round * 900 + script.between(0, 300);
            script.at(at, FaultAction::Flip { partition });
            let member = a_member(&mut script);
            let target = Target::Process(member);
            script.kill(at + 300, target, CrashKind::Process, 50);
        }
        script.faults
    })
}

/// Nothing happens for longer than offsets are kept; then the member is away while records come.
fn quiet_topic() -> Story {
    let retention =
        [("offsets.retention.minutes", "1"), ("offsets.retention.check.interval.ms", "2000")];
    let member = with(MEMBER, &[("auto.offset.reset", "latest"), ("enable.auto.commit", "false")]);
    cluster(&retention)
        .topic("orders", 1, &[])
        .producer(ms(20), PRODUCER)
        .producer(ms(20), PRODUCER)
        .group(1, Span::ZERO, &member)
        .lasting(Span::secs(85))
        .with(|plan| {
            plan.phases.max_events = 5_000_000;
            for (producer, after) in plan.producers.iter_mut().zip([2, 76]) {
                producer.starts_after = Span::secs(after);
                producer.load.limit = (after == 2).then_some(50);
            }
        })
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            let member = a_member(&mut script);
            script.kill(75_000, Target::Process(member), CrashKind::Process, 3_000);
            script.faults
        })
}

/// Leaderships move under the members.
fn moving_leaders() -> Story {
    crowd(&[], &[]).chaos(families(&[Family::FlipStorm, Family::KillBroker]))
}

/// As before, but members without an offset begin at the end.
fn moving_leaders_from_latest() -> Story {
    crowd(&[], &[("auto.offset.reset", "latest")])
        .chaos(families(&[Family::FlipStorm, Family::KillMember]))
}

/// Members take over from others that know of newer leaders, and ask brokers that have not heard of those.
fn hearsay() -> Story {
    crowd(&[], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..5 {
            let t = 400 + round * 900 + script.between(0, 100);
            let (target, by) = (Target::Process(script.broker()), ms(700));
            script.at(t, FaultAction::LagMetadata { target, by, lasting: ms(800) });
            for number in 0..3 {
                let partition = TopicPartition::new(TopicId(1), number);
                script.at(t + 20, FaultAction::Flip { partition });
            }
            let takes = t + script.between(80, 400);
            script.restart_member(takes);
        }
        script.faults
    })
}

/// Members with an eager assignor that commit automatically are deployed anew in turn.
fn eager_deployments() -> Story {
    super::races::deployments(("partition.assignment.strategy", "RangeAssignor"))
}

pub(super) fn a_member(script: &mut Script<'_>) -> NodeId {
    let members = members(script.plan);
    members[script.rng.index(members.len())]
}

pub(super) fn members(plan: &Plan) -> Vec<NodeId> {
    plan.roster().members(GroupId(0)).collect()
}
