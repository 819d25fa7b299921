//! Stories about members of the consumer protocol (KIP-848): who may have a partition, who may commit, who may come back.

use std::sync::Arc;

use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Rule, config};
use stormglass_sim::chaos::Family;
use stormglass_sim::plan::{Absence, FaultAction, Leaving, Plan, Target};
use stormglass_types::{GroupId, NodeId, Span};

use super::{About, Killer, Named, PRODUCER, Script, cluster, families, hidden, kills, ms, with};
use crate::{Settings, Story, entries};

const CHURN: Named = ("modern-churn", churn);
const CHANGING: Named = ("modern-change-of-mind", change_of_mind);
const SLEEPERS: Named = ("modern-sleepers", sleepers);
const LOST_BEATS: Named = ("modern-lost-heartbeats", lost_heartbeats);
const WAY_BACK: Named = ("modern-way-back", way_back);
const AUTOMATIC: Named = ("modern-automatic-commits", automatic_commits);

/// The rules about the consumer protocol, in the order of their table.
pub(super) const ROWS: [Killer; 7] = [
    kills(Rule::ReleaseBeforeGrant, About::Groups, CHURN, 20, "single-owner"),
    kills(Rule::TakenBackStaysOwned, About::Groups, CHANGING, 60, "single-owner"),
    kills(Rule::MemberEpochFencing, About::Groups, SLEEPERS, 40, "monotone"),
    kills(Rule::CommitNeedsEpoch, About::Groups, SLEEPERS, 60, "monotone"),
    hidden(
        Rule::RejoinWithEpochZero,
        About::Groups,
        LOST_BEATS,
        &[],
        "whoever is not let in again under its id is let in as somebody new when the session of its former self ends",
    ),
    kills(Rule::PollsBeforeItCommits, About::Groups, AUTOMATIC, 20, "at-least-once"),
    kills(Rule::ConversionIsResumed, About::Groups, WAY_BACK, 20, "liveness"),
];

pub(super) const CLUSTER: Settings<'_> = &[
    ("group.consumer.min.session.timeout.ms", "100"),
    ("group.consumer.session.timeout.ms", "600"),
    ("group.consumer.min.heartbeat.interval.ms", "10"),
    ("group.consumer.heartbeat.interval.ms", "100"),
];

pub(super) const MEMBER: Settings<'_> = &[
    ("group.protocol", "consumer"),
    ("auto.offset.reset", "earliest"),
    ("max.poll.interval.ms", "2000"),
    ("max.poll.records", "50"),
    ("fetch.max.wait.ms", "50"),
    ("request.timeout.ms", "400"),
    ("default.api.timeout.ms", "1000"),
    ("retry.backoff.ms", "20"),
    ("retry.backoff.max.ms", "50"),
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "50"),
];

/// Three partitions, a producer, and three members who take their time.
pub(crate) fn crowd(member: Settings<'_>) -> Story {
    cluster(CLUSTER).topic("orders", 3, &[]).producer(Span::millis(4), PRODUCER).group(
        3,
        Span::millis(4),
        &with(MEMBER, member),
    )
}

/// Members die and come back in turn.
fn churn() -> Story {
    crowd(&[]).adversary(|plan, rng| {
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

/// Members come, go again before the others have made room for them, and come once more.
fn change_of_mind() -> Story {
    cluster(CLUSTER)
        .topic("orders", 4, &[])
        .producer(Span::millis(2), PRODUCER)
        .group(3, Span::millis(8), &with(MEMBER, &[]))
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            for _ in 0..8 {
                let at = script.between(300, 4_500);
                let down = script.between(20, 120);
                let member = a_member(&mut script);
                script.at(
                    at,
                    FaultAction::Restart { target: Target::Process(member), down: ms(down) },
                );
            }
            script.faults
        })
}

/// Members sleep through epochs, and commit what they had done when they wake.
fn sleepers() -> Story {
    crowd(&[]).chaos(families(&[Family::PauseClient, Family::KillMember]))
}

/// Answers to heartbeats are lost while members come and go.
fn lost_heartbeats() -> Story {
    crowd(&[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for _ in 0..6 {
            let at = script.between(300, 4_000);
            script.lose_answer(at, Api::ConsumerGroupHeartbeat);
        }
        for _ in 0..3 {
            let at = script.between(300, 4_000);
            let member = a_member(&mut script);
            script.kill(at, Target::Process(member), CrashKind::Process, 200);
        }
        script.faults
    })
}

/// Members that commit automatically, and often, die in the midst of their work.
fn automatic_commits() -> Story {
    let often = [("enable.auto.commit", "true"), ("auto.commit.interval.ms", "20")];
    crowd(&often).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for _ in 0..4 {
            let at = script.between(400, 4_500);
            let member = a_member(&mut script);
            script.kill(at, Target::Process(member), CrashKind::Process, 100);
        }
        script.faults
    })
}

/// The last member of the consumer protocol goes for good, and its group's coordinator dies before the others have heard that
/// they are to join again.
fn way_back() -> Story {
    let leaves = Span::millis(1_500);
    let classic = [("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];
    let others: Vec<_> = MEMBER.iter().skip(1).copied().chain(classic).collect();
    cluster(CLUSTER)
        .topic("orders", 3, &[])
        .producer(Span::millis(4), PRODUCER)
        .group(3, Span::millis(4), &with(MEMBER, &[]))
        .with(|plan| {
            let members = &mut plan.groups[0].members;
            let settings = Arc::new(config::parse_consumer(&entries(&others)).settings);
            members[..2].iter_mut().for_each(|member| member.settings = Arc::clone(&settings));
            members[2].absences =
                vec![Absence { from: leaves, until: None, leaving: Leaving::Closes }];
        })
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            let at = 1_500 + script.between(10, 250);
            script.kill(at, Target::CoordinatorOf(GroupId(0)), CrashKind::Process, 900);
            script.faults
        })
}

fn a_member(script: &mut Script<'_>) -> NodeId {
    let members: Vec<NodeId> = members(script.plan);
    members[script.rng.index(members.len())]
}

fn members(plan: &Plan) -> Vec<NodeId> {
    plan.roster().members(GroupId(0)).collect()
}
