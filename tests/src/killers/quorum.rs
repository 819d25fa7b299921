//! Stories about a quorum of three controllers.

use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::plan::{FaultAction, Target, Ways};
use stormglass_types::{NodeId, Span};

use super::{About, Killer, Named, ORDERS, Script, hidden, kills, ms, pipeline};
use crate::Story;

const HEADLESS: Named = ("headless-quorum", headless_quorum);
const AMNESIA: Named = ("forgotten-votes", forgotten_votes);
const LAGGING: Named = ("lagging-voter", lagging_voter);
const DEPOSED: Named = ("deposed-leader", deposed_leader);
const BLACKOUT: Named = ("voters-lose-power", voters_lose_power);
const TWO_MINDS: Named = ("brokers-of-two-minds", brokers_of_two_minds);

/// What brokers ask of a controller that is none any more.
pub(super) const BEHIND: Killer =
    kills(Rule::BehindIsNoController, About::Control, TWO_MINDS, 60, "liveness");

/// The rules of the controller quorum, in the order of their table.
pub(super) const ROWS: [Killer; 9] = [
    kills(Rule::OneVotePerEpoch, About::Control, HEADLESS, 20, "monotone"),
    kills(Rule::VoteIsDurable, About::Control, AMNESIA, 60, "monotone"),
    kills(Rule::VoteNeedsUpToDateLog, About::Control, LAGGING, 20, "no-loss"),
    hidden(
        Rule::CommitInOwnEpoch,
        About::Control,
        DEPOSED,
        &[],
        "a leader appends the first record of its epoch before anybody fetches from it, and a fetch brings everything that \
         there is: who has an older record has that one, too",
    ),
    kills(Rule::QuorumTruncates, About::Control, DEPOSED, 20, "log-matching"),
    kills(Rule::FetchAcksDurable, About::Control, BLACKOUT, 20, "no-loss"),
    hidden(
        Rule::PreVote,
        About::Control,
        LAGGING,
        &[],
        "a voter that disturbs a working quorum costs an election, during which brokers serve as before; nothing of that is \
         a broken promise",
    ),
    hidden(
        Rule::CheckQuorum,
        About::Control,
        DEPOSED,
        &[],
        "brokers that hear only the lonely leader learn nothing new and serve as before; when the cut is over it hears of \
         the newer epoch",
    ),
    kills(Rule::ClaimWhenCaughtUp, About::Control, LAGGING, 20, "monotone"),
];

/// A pipeline under three controllers.
fn quorum() -> Story {
    pipeline(&[], &[]).with(|plan| plan.cluster.controllers = 3)
}

fn voters(script: &mut Script<'_>) -> Vec<NodeId> {
    let mut voters: Vec<NodeId> = script.plan.roster().controllers().collect();
    script.rng.shuffle(&mut voters);
    voters
}

/// Leaderships move all the time, so that there is always something to commit.
fn flips(script: &mut Script<'_>) {
    let mut t = 300;
    while t < 4_800 {
        script.at(t, FaultAction::Flip { partition: ORDERS });
        t += script.between(40, 200);
    }
}

/// The active controller dies, and the others notice at the same time.
fn headless_quorum() -> Story {
    quorum().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        flips(&mut script);
        for round in 0..2 {
            let t = 300 + round * 2_600 + script.between(0, 200);
            script.kill(t, Target::Controller, CrashKind::Process, 4_000);
        }
        script.faults
    })
}

/// Disks are slow, and voters lose power right after an election.
fn forgotten_votes() -> Story {
    quorum().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let voters = voters(&mut script);
        let t = script.between(200, 400);
        for voter in &voters {
            let (target, lasting) = (Target::Process(*voter), ms(5_000));
            script.at(t, FaultAction::SlowDisk { target, sync: ms(1_500), lasting });
        }
        let down = script.between(300, 1_500);
        script.kill(t + 10, Target::Controller, CrashKind::Process, down);
        let mut power = t + 1_800;
        while power < 4_600 {
            let voter = voters[script.rng.index(voters.len())];
            script.kill(power, Target::Process(voter), CrashKind::Power, 20);
            power += script.between(60, 250);
        }
        let lone = voters[0];
        let cut = t + 2_000 + script.between(0, 600);
        for other in voters.iter().filter(|other| **other != lone) {
            let (from, to) = (Target::Process(lone), Target::Process(*other));
            script.at(cut, FaultAction::Cut { from, to, ways: Ways::Both, lasting: ms(2_500) });
        }
        script.faults
    })
}

/// A voter hears nothing for a while, and the leader dies as soon as it is back.
fn lagging_voter() -> Story {
    quorum().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        flips(&mut script);
        let voters = voters(&mut script);
        for voter in &voters[..1] {
            let t = script.between(300, 500);
            let lasting = ms(script.between(1_000, 1_500));
            script.at(t, FaultAction::Isolate { target: Target::Process(*voter), lasting });
            let dies = t + script.between(900, 1_400);
            script.kill(dies, Target::Controller, CrashKind::Process, 5_000);
        }
        script.faults
    })
}

/// The active controller loses touch with the others, not with the brokers, and is replaced; later it comes back.
fn deposed_leader() -> Story {
    quorum().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        flips(&mut script);
        let voters = voters(&mut script);
        let t = script.between(300, 900);
        for voter in &voters {
            let (from, to) = (Target::Controller, Target::Process(*voter));
            let lasting = ms(script.between(2_500, 3_500));
            script.at(t, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
        }
        script.faults
    })
}

/// The active controller loses touch with the others. Brokers turn to its successor one conversation after the other, so that
/// leaders ask the old one for changes of what they were told by the new one.
fn brokers_of_two_minds() -> Story {
    let patient = [("controller.quorum.fetch.timeout.ms", "4000")];
    let story = pipeline(&patient, &[]).with(|plan| plan.cluster.controllers = 3);
    story.lasting(Span::secs(8)).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let voters = voters(&mut script);
        let t = script.between(300, 500);
        for voter in &voters {
            let (from, to) = (Target::Controller, Target::Process(*voter));
            script.at(t, FaultAction::Cut { from, to, ways: Ways::Both, lasting: ms(6_500) });
        }
        let elected = t + script.between(4_100, 4_900);
        let mut brokers = script.brokers();
        script.rng.shuffle(&mut brokers);
        let first = brokers[0];
        for broker in brokers {
            let learns = elected + if broker == first { 0 } else { script.between(0, 600) };
            script.lose_request(learns, broker, Api::FetchMetadata);
            let beats = learns + if broker == first { 20 } else { script.between(100, 900) };
            script.lose_request(beats, broker, Api::BrokerHeartbeat);
        }
        script.faults
    })
}

/// Two of three machines lose power while their disks are slow.
fn voters_lose_power() -> Story {
    quorum().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        flips(&mut script);
        let voters = voters(&mut script);
        for voter in &voters {
            let (target, lasting) = (Target::Process(*voter), ms(4_000));
            let sync = ms(script.between(300, 900));
            script.at(300, FaultAction::SlowDisk { target, sync, lasting });
        }
        let t = script.between(1_000, 2_500);
        for voter in &voters[..2] {
            script.kill(t, Target::Process(*voter), CrashKind::Power, 300);
        }
        script.faults
    })
}
