//! Stories about what producers once did otherwise than they were said to.

use stormglass_kafka::Rule;
use stormglass_sim::chaos::Family;
use stormglass_types::Span;

use super::{
    About, Killer, MEMBER, Named, PRODUCER, cluster, families, hidden, kills, pipeline, with,
};
use crate::Story;

const EPOCHS: Named = ("epochs-over-partitions", epochs_over_partitions);
const UNASKED: Named = ("unasked-idempotence", unasked_idempotence);

/// The rules about producers' own state, in the order of their table.
pub(super) const ROWS: [Killer; 2] = [
    hidden(
        Rule::SequencesBeginWithEpoch,
        About::Producers,
        EPOCHS,
        &[],
        "a partition that goes on with its old sequence is refused, and the producer of today begins another epoch for it",
    ),
    kills(Rule::IdempotentByDefault, About::Producers, UNASKED, 20, "no-duplicates"),
];

/// Records are given up in one partition while others go on, so that epochs begin.
fn epochs_over_partitions() -> Story {
    let producer = [("delivery.timeout.ms", "600"), ("request.timeout.ms", "200")];
    let trouble = [Family::LateMessages, Family::LoseResponse, Family::Flip];
    cluster(&[])
        .topic("orders", 3, &[])
        .producer(Span::millis(3), &with(PRODUCER, &producer))
        .group(1, Span::ZERO, MEMBER)
        .chaos(families(&trouble))
}

/// Answers get lost, and nobody has asked for idempotence, since it is the default.
fn unasked_idempotence() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::LoseResponse, Family::LateMessages]))
}
