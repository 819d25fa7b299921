//! Stories about what crosses on its way: answers that come when their question is over, commits that partitions must wait
//! for, lives of one static member, and a coordinator that goes and comes back.

use std::sync::Arc;

use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Rule, Start};
use stormglass_sim::plan::{FaultAction, Readers, Target};
use stormglass_types::history::CommitMode;
use stormglass_types::{GroupId, Offset, Span, TopicPartition};

use super::groups::{LOST_JOINS, a_member, members};
use super::modern::CLUSTER as MODERN_CLUSTER;
use super::modern::MEMBER as MODERN_MEMBER;
use super::{About, Killer, Named, PRODUCER, Script, cluster, crowd, hidden, kills, ms, repeats};
use crate::Story;

const DEPLOYED: Named = ("cooperative-deployments", cooperative_deployments);
const SLOW_JOINERS: Named = ("slow-joiners", slow_joiners);
const REPLAYED: Named = ("replays", replays);
pub(super) const PIECEMEAL: Named = ("piecemeal-assignments", piecemeal_assignments);
const RETURNING: Named = ("static-members-and-flips", static_members_and_flips);
const BACK_AGAIN: Named = ("coordinator-back-again", coordinator_back_again);

/// The rules about such races, in the order of their table.
pub(super) const ROWS: [Killer; 8] = [
    repeats(Rule::CooperativeCommitsFirst, About::Groups, DEPLOYED, 20),
    hidden(
        Rule::GivenUpStaysSo,
        About::Groups,
        SLOW_JOINERS,
        &[],
        "a member that is away for so long is refused when it asks as nobody, which is at its next heartbeat at the latest",
    ),
    hidden(
        Rule::DisconnectKeepsMember,
        About::Groups,
        LOST_JOINS,
        &[],
        "who it was delays the rebalance until its session ends, and no longer",
    ),
    kills(Rule::AnswersFitPositions, About::Groups, REPLAYED, 20, "monotone"),
    hidden(
        Rule::OnlyAskedAreReset,
        About::Groups,
        PIECEMEAL,
        &[],
        "the coordinator's answers come in order, so that no assignment overtakes the offsets that were asked for before",
    ),
    hidden(
        Rule::StaticIdIsNew,
        About::Groups,
        RETURNING,
        &[],
        "the former self of a member that comes back is dead; two that live at a time break single-owner in any case",
    ),
    hidden(
        Rule::StaticIdIsWritten,
        About::Groups,
        RETURNING,
        &[],
        "the next coordinator fences the member that has come back, which ends, is started again and let in",
    ),
    kills(Rule::LoadsInOrder, About::Groups, BACK_AGAIN, 40, "liveness"),
];

const COOPERATIVE: (&str, &str) = ("partition.assignment.strategy", "CooperativeStickyAssignor");

/// Members that commit automatically are deployed anew in turn, and nothing else happens.
pub(super) fn deployments(assignor: (&'static str, &'static str)) -> Story {
    let automatic = [("enable.auto.commit", "true"), assignor];
    crowd(&[], &automatic).with(|plan| plan.groups[0].commit = CommitMode::Automatic).adversary(
        |plan, rng| {
            let mut script = Script::new(plan, rng);
            for (number, member) in (0..).zip(members(plan)) {
                let at = 600 + number * 1_300 + script.between(0, 300);
                let down = ms(script.between(50, 500));
                script.at(at, FaultAction::Restart { target: Target::Process(member), down });
            }
            script.faults
        },
    )
}

fn cooperative_deployments() -> Story {
    deployments(COOPERATIVE)
}

/// Members process for longer than they may stay away, while others come and go.
fn slow_joiners() -> Story {
    let hasty = [COOPERATIVE, ("max.poll.interval.ms", "300")];
    crowd(&[], &hasty).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..6 {
            let at = 500 + round * 700 + script.between(0, 300);
            let slow = Target::Process(a_member(&mut script));
            let each = ms(script.between(10, 40));
            let from = at - script.between(0, 200);
            script.at(from, FaultAction::SlowProcessing { target: slow, each, lasting: ms(900) });
            let by = script.between(320, 395);
            script.late(at, Api::SyncGroup, by);
            let member = Target::Process(a_member(&mut script));
            script.kill(at, member, CrashKind::Process, 60);
        }
        script.faults
    })
}

/// Applications go back to where they began, while answers about where they were are on their way.
fn replays() -> Story {
    crowd(&[], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..4 {
            let at = 800 + round * 600 + script.between(0, 300);
            let first = i64::try_from(script.between(0, 9)).unwrap_or(0);
            let to = if round % 2 == 0 { Start::At(Offset(first)) } else { Start::Earliest };
            let readers = Readers { group: GroupId(0), member: None, partition: None };
            script.at(at, FaultAction::Seek { readers, to });
        }
        script.faults
    })
}

/// Members are given partitions in pieces, as others let go of them.
fn piecemeal_assignments() -> Story {
    cluster(MODERN_CLUSTER)
        .topic("orders", 12, &[])
        .producer(ms(2), PRODUCER)
        .group(4, Span::millis(1), MODERN_MEMBER)
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            for _ in 0..6 {
                let at = script.between(600, 4_500);
                let down = ms(script.between(20, 400));
                let target = Target::Process(a_member(&mut script));
                script.at(at, FaultAction::Restart { target, down });
                let slow = Target::Process(script.broker());
                let by = ms(script.between(10, 60));
                script.at(at, FaultAction::Slow { target: slow, by, lasting: ms(300) });
            }
            script.faults
        })
}

/// Static members come back, and then their coordinator moves.
fn static_members_and_flips() -> Story {
    crowd(&[], &[])
        .with(|plan| {
            for member in plan.groups.iter_mut().flat_map(|group| &mut group.members) {
                Arc::make_mut(&mut member.settings).instance = Some(Arc::from(&*member.name));
            }
        })
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            for round in 0..3 {
                let at = 900 + round * 1_200 + script.between(0, 300);
                script.restart_member(at);
                let moves = at + script.between(200, 500);
                script.at(moves, FaultAction::Flip { partition: COORDINATOR });
            }
            script.faults
        })
}

/// The coordinator moves away and is back before its unloading had its turn.
fn coordinator_back_again() -> Story {
    crowd(&[], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..5 {
            let mut at = 600 + round * 850 + script.between(0, 200);
            for _ in 0..3 {
                script.at(at, FaultAction::Flip { partition: COORDINATOR });
                at += script.between(4, 25);
            }
        }
        script.faults
    })
}

const COORDINATOR: TopicPartition = TopicPartition { topic: OFFSETS_TOPIC, partition: 0 };
