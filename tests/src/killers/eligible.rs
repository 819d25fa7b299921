//! Stories about who may lead when nobody is in sync (KIP-966).

use stormglass_kafka::settings::EligibleLeaders;
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::plan::Target;

use super::{About, Killer, Named, Script, kills, pipeline};
use crate::Story;

const STANDING: Named = ("last-ones-standing", last_ones_standing);
const BLACKOUT: Named = ("everybody-crashed", everybody_crashed);

/// The rules of eligible leader replicas, in the order of their table.
pub(super) const ROWS: [Killer; 2] = [
    kills(Rule::CrashEndsEligibility, About::Control, STANDING, 20, "no-loss"),
    kills(Rule::LastLeaderIsAlive, About::Control, BLACKOUT, 20, "liveness"),
];

fn eligible() -> Story {
    pipeline(&[], &[]).with(|plan| plan.cluster.eligible_leaders = EligibleLeaders::On)
}

/// A broker loses power when too few are in sync, comes back while nobody hears it, and is the only one left.
fn last_ones_standing() -> Story {
    eligible().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let mut brokers = script.brokers();
        script.rng.shuffle(&mut brokers);
        let (first, victim, last) = (brokers[0], brokers[1], brokers[2]);
        let t = script.between(500, 1_500);
        script.kill(t, Target::Process(first), CrashKind::Process, 3_000);
        let dies = t + script.between(600, 900);
        script.kill(dies, Target::Process(victim), CrashKind::Power, 500);
        script.cut_off(dies, victim, 2_000);
        let ends = dies + script.between(450, 700);
        script.kill(ends, Target::Process(last), CrashKind::Process, 2_000);
        script.faults
    })
}

/// Every broker crashes; who led last comes back last.
fn everybody_crashed() -> Story {
    eligible().adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let mut brokers = script.brokers();
        script.rng.shuffle(&mut brokers);
        let mut t = script.between(500, 1_500);
        for (number, broker) in (0..).zip(brokers) {
            script.kill(t, Target::Process(broker), CrashKind::Process, 1_000 + 400 * number);
            t += script.between(450, 700);
        }
        script.faults
    })
}
