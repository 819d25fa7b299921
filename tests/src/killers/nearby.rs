//! Stories about consumers that read from the replica in their rack (KIP-392).

use std::sync::Arc;

use stormglass_kafka::assignor::Rack;
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::plan::{FaultAction, Target};

use super::{About, Killer, Named, ORDERS, Script, hidden, kills, ms, pipeline};
use crate::Story;

const FORGETFUL_NEIGHBOUR: Named = ("forgetful-neighbour", forgetful_neighbour);
const SLOW_NEIGHBOUR: Named = ("slow-neighbour", slow_neighbour);

/// The rules of reading nearby, in the order of their table.
pub(super) const ROWS: [Killer; 2] = [
    kills(Rule::FollowerOutOfRange, About::Groups, FORGETFUL_NEIGHBOUR, 60, "monotone"),
    hidden(
        Rule::PreferredIsInSync,
        About::Groups,
        SLOW_NEIGHBOUR,
        &[],
        "a replica that lags keeps its consumers behind for as long as it does, and loses nothing for them",
    ),
];

/// Brokers and the members of the group in racks; whoever leads, the members read from the second broker.
fn neighbours(over: super::Settings<'_>) -> Story {
    let near =
        [("replica.selector.class", "org.apache.kafka.common.replica.RackAwareReplicaSelector")];
    pipeline(&super::with(over, &near), &[]).with(|plan| {
        plan.cluster.racks = ["a", "b", "c"].into_iter().map(Rack::of_name).collect();
        for member in plan.groups.iter_mut().flat_map(|group| &mut group.members) {
            Arc::make_mut(&mut member.settings).rack = Some(Rack::of_name("b"));
        }
    })
}

/// The replica that the group reads from loses power and comes back without its last records, while its leader has heard of
/// neither.
fn forgetful_neighbour() -> Story {
    neighbours(&[("replica.lag.time.max.ms", "3000")]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let near = script.brokers()[1];
        let t = script.between(800, 2_500);
        let lasting = ms(2_000);
        for other in script.brokers().into_iter().filter(|other| *other != near) {
            let (target, by) = (Target::Process(other), ms(1_500));
            script.at(t - 50, FaultAction::LagMetadata { target, by, lasting });
        }
        let down = script.between(30, 200);
        script.kill(t, Target::Process(near), CrashKind::Power, down);
        script.cut_off(t + 1, near, 1_800);
        script.faults
    })
}

/// The replica that the group would read from falls behind.
fn slow_neighbour() -> Story {
    neighbours(&[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let near = Target::Process(script.brokers()[1]);
        for round in 0..3 {
            let at = 500 + round * 1_300 + script.between(0, 200);
            let lasting = ms(script.between(400, 900));
            let (from, to) = (Target::LeaderOf(ORDERS), near.clone());
            script.at(at, FaultAction::Cut { from, to, ways: super::Ways::Both, lasting });
        }
        script.faults
    })
}
