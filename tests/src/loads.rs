//! The loads whose speed is measured, by the benchmark `worlds` and by the example `measure`.

use std::sync::Arc;

use stormglass_sim::plan::{Keys, Plan, WeightedKey};
use stormglass_types::history::CommitMode;
use stormglass_types::{Key, Span};

use crate::Story;

/// The load of `scenarios/reference.yaml`: three brokers, 12 partitions with three replicas, four idempotent producers at 250
/// records a second each over a thousand keys, and a group of four that commits as Java's consumer does by itself.
#[must_use]
pub fn reference(lasting: Span) -> Story {
    steady(lasting, &[("auto.offset.reset", "earliest"), ("enable.auto.commit", "true")])
        .with(|plan| plan.groups[0].commit = CommitMode::Automatic)
}

/// The same load, but each poll is followed by a commit of what was processed, which is waited for.
#[must_use]
pub fn committing(lasting: Span) -> Story {
    steady(lasting, &[("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")])
}

fn steady(lasting: Span, group: crate::Settings<'_>) -> Story {
    let mut story = Story::new(&[("min.insync.replicas", "2")]).topic("orders", 12, &[]);
    for _ in 0..4 {
        story = story.producer(Span::millis(4), &[]);
    }
    story.group(4, Span::ZERO, group).lasting(lasting).with(thousand_keys)
}

fn thousand_keys(plan: &mut Plan) {
    let names: Vec<String> = (0..1000).map(|n| format!("key-{n}")).collect();
    for producer in &mut plan.producers {
        let partitioner = producer.settings.partitioner;
        let weighted = names.iter().zip(0..).map(|(name, n)| WeightedKey {
            key: Key(n),
            hash: partitioner.hash(name.as_bytes()),
            cumulative: u64::from(n) + 1,
        });
        producer.load.keys = Keys::Weighted(weighted.collect());
    }
    plan.keys = Arc::from(names);
}

/// A hundred records from one producer over three brokers, and nobody who reads them.
#[must_use]
pub fn small() -> Story {
    Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 1, &[])
        .producer(Span::millis(1), &[])
        .with(|plan| plan.producers[0].load.limit = Some(100))
        .lasting(Span::millis(100))
}

/// A small world with a group of one.
#[must_use]
pub fn small_with_group() -> Story {
    small().group(1, Span::micros(10), &[("auto.offset.reset", "earliest")])
}
