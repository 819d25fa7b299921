//! Stories about what producers once did otherwise than they were said to.

use std::sync::Arc;

use stormglass_kafka::Rule;
use stormglass_kafka::message::Api;
use stormglass_kafka::settings::Past;
use stormglass_sim::chaos::Family;
use stormglass_types::{Sequence, Span};

use super::{
    About, Killer, MEMBER, Named, PRODUCER, Script, cluster, families, hidden, kills,
    oversized_with, pipeline, with,
};
use crate::{Settings, Story};

const EPOCHS: Named = ("epochs-over-partitions", epochs_over_partitions);
const VETERANS: Named = ("veterans", veterans);
const PATIENT_VETERANS: Named = ("patient-veterans", patient_veterans);
const PATIENT_OVERSIZED: Named = ("patient-oversized", patient_oversized);
const UNASKED: Named = ("unasked-idempotence", unasked_idempotence);

/// The rules about producers' own state, in the order of their table.
pub(super) const ROWS: [Killer; 5] = [
    hidden(
        Rule::SequencesBeginWithEpoch,
        About::Producers,
        EPOCHS,
        &[],
        "a partition that goes on with its old sequence is refused, and the producer of today begins another epoch for it",
    ),
    kills(Rule::SequencesWrap, About::Producers, VETERANS, 20, "no-duplicates"),
    kills(Rule::OrderOverTheWrap, About::Producers, PATIENT_VETERANS, 40, "liveness"),
    kills(Rule::RenumberInOrder, About::Producers, PATIENT_OVERSIZED, 40, "liveness"),
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

/// Waiting for ever for a record to be delivered, as many do.
const PATIENT: (&str, &str) = ("delivery.timeout.ms", "2147483647");

/// Producers that have sent nearly as many records as there are sequences, to a topic that has forgotten them.
fn old_hands(producer: Settings<'_>) -> Story {
    let over = with(&[("linger.ms", "20"), ("batch.size", "600")], producer);
    let mut story = cluster(&[]).topic("orders", 3, &[]);
    for _ in 0..4 {
        story = story.producer(Span::millis(4), &with(PRODUCER, &over));
    }
    story.group(1, Span::ZERO, MEMBER).with(|plan| {
        for topic in &mut plan.topics {
            Arc::make_mut(&mut topic.settings).past = Past::GoneRecords;
        }
        for (producer, left) in plan.producers.iter_mut().zip(1..) {
            producer.sent_before = Sequence(i32::MAX - 50 * left);
        }
    })
}

/// Answers get lost while sequences begin at zero again.
fn veterans() -> Story {
    old_hands(&[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let mut t = 300;
        while t < 3_000 {
            script.lose_answer(t, Api::Produce);
            t += script.between(20, 60);
        }
        script.faults
    })
}

/// Leaderships move while sequences begin at zero again.
fn patient_veterans() -> Story {
    old_hands(&[PATIENT]).chaos(families(&[Family::FlipStorm]))
}

/// Some records are too large, and the others wait for ever.
fn patient_oversized() -> Story {
    oversized_with(&[PATIENT])
}
