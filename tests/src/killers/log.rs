//! Stories of logs that lose their beginnings.

use stormglass_kafka::Rule;
use stormglass_kafka::message::Api;
use stormglass_sim::plan::{Plan, ScheduledFault};
use stormglass_types::{Rng, Span};

use super::{About, Killer, PRODUCER, Script, cluster, kills, with};
use crate::{Settings, Story};

pub(super) const ROWS: [Killer; 2] = [
    kills(
        Rule::ProducerStateOutlivesRecords,
        About::Producers,
        ("short-lived-records", short_lived_records),
        30,
        "no-duplicates",
    ),
    kills(
        Rule::RetentionBelowHighWatermark,
        About::Replication,
        ("lagging-followers", lagging_followers),
        20,
        "no-loss",
    ),
];

/// Old segments are looked for all the time.
const RETENTION: Settings<'_> =
    &[("log.initial.task.delay.ms", "0"), ("log.retention.check.interval.ms", "30")];

/// A retry comes when retention has deleted what it repeats.
fn short_lived_records() -> Story {
    let answers = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let mut t = 300;
        while t < 4_500 {
            script.lose_answer(t, Api::Produce);
            t += script.between(200, 600);
        }
        script.faults
    };
    let producer = with(PRODUCER, &[("retry.backoff.ms", "400"), ("retry.backoff.max.ms", "500")]);
    cluster(RETENTION)
        .topic("orders", 1, &[("retention.ms", "100"), ("segment.ms", "30")])
        .producer(Span::millis(300), &producer)
        .producer(Span::millis(20), &producer)
        .adversary(answers)
}

/// Records grow too old while the followers cannot fetch them.
fn lagging_followers() -> Story {
    let cuts = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let mut t = 300;
        while t < 4_500 {
            let (victim, lasting) = (script.broker(), script.between(200, 350));
            script.cut_off(t, victim, lasting);
            t += script.between(400, 700);
        }
        script.faults
    };
    cluster(RETENTION)
        .topic("orders", 1, &[("retention.ms", "100"), ("segment.ms", "20")])
        .producer(Span::millis(8), PRODUCER)
        .producer(Span::millis(8), PRODUCER)
        .adversary(cuts)
}
