//! Stories about the history of a log: what replicas remember of epochs, and how changes of the in-sync set end.

use stormglass_kafka::{CrashKind, Rule};

use super::{
    About, BACK, CONTROL, FLAPPING, FLIPS, Killer, ORDERS, ROLLING, Script, Target, hidden, kills,
    pipeline,
};
use crate::Story;

/// The rules about copies, in the order of their table.
pub(super) const COPIES: [Killer; 5] = [
    kills(Rule::LeaderNotesEpoch, About::Replication, FLIPS, 40, "liveness"),
    hidden(
        Rule::FollowerStartsAnew,
        About::Replication,
        BACK,
        &[Rule::TruncateByEpoch, Rule::EmptyFetchKeepsEpoch],
        "a leader compares epochs at every fetch and not only at the first one (KAFKA-10554), so that a follower that \
         missed a leadership is told where to cut all the same",
    ),
    hidden(
        Rule::EmptyFetchKeepsEpoch,
        About::Replication,
        BACK,
        &[Rule::FollowerStartsAnew],
        "logs can part only between epochs, and in a new epoch a follower looks at its log again",
    ),
    kills(Rule::TruncationTrimsEpochs, About::Replication, FLIPS, 40, "liveness"),
    kills(Rule::DivergedMovesNothing, About::Replication, FLIPS, 40, "log-matching"),
];

/// The rules about who is in sync, in the order of their table.
pub(super) const CONTROL_ROWS: [Killer; 6] = [
    kills(Rule::OutdatedChangeIsAwaited, About::Control, CONTROL, 100, "liveness"),
    hidden(
        Rule::NothingToDoIsDone,
        About::Control,
        CONTROL,
        &[],
        "a leader knows the in-sync set of the epoch that it names, and asks for another one; only controllers of ZooKeeper \
         answered so to who named an older epoch",
    ),
    hidden(
        Rule::RetryFindsRoom,
        About::Control,
        CONTROL,
        &[],
        "controllers of KRaft know no passing error of a single partition: NOT_CONTROLLER sends the whole request elsewhere",
    ),
    kills(Rule::ReplayKeepsPending, About::Control, super::races::PIECEMEAL, 50, "log-matching"),
    hidden(
        Rule::HighWatermarkAfterIsr,
        About::Control,
        FLAPPING,
        &[],
        "metadata tell the leader of its own change a moment later, and then it looks: appends wait that moment longer",
    ),
    hidden(
        Rule::StoppingHoldsNothingUp,
        About::Control,
        ROLLING,
        &[],
        "a replica that may not enter holds the high watermark back until it counts as lagging, and no longer",
    ),
];

/// A leadership goes away and comes back before its holder has heard of either, and then the holder dies: what it acknowledged
/// meanwhile may be nowhere else (candidate CAND-3).
#[must_use]
pub fn there_and_back_and_gone() -> Story {
    pipeline(&[], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..3 {
            let t = 300 + round * 1_500 + script.between(0, 100);
            let learns = script.there_and_back(t);
            let dies = t + learns + script.between(0, 40);
            script.kill(dies, Target::LeaderOf(ORDERS), CrashKind::Process, 700);
        }
        script.faults
    })
}
