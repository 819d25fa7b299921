//! Stories of logs that lose their beginnings, or parts of their middle.

use std::sync::Arc;

use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::plan::{
    FaultAction, Keys, MessageDirection, MessagePattern, Plan, ScheduledFault, Target, Trigger,
    WeightedKey,
};
use stormglass_types::{Dense, GroupId, Key, Rng, Span};

use super::{About, Killer, MEMBER, ORDERS, PRODUCER, Script, cluster, kills, ms, pipeline, with};
use crate::{Settings, Story};

pub(super) const ROWS: [Killer; 7] = [
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
    kills(
        Rule::CleanerBelowHighWatermark,
        About::Replication,
        ("cleaned-too-far", cleaned_too_far),
        60,
        "no-loss",
    ),
    kills(
        Rule::TombstonesHaveHorizons,
        About::Replication,
        ("cleaner-wakes-up", cleaner_wakes_up),
        20,
        "at-least-once",
    ),
    kills(
        Rule::CleanerKeepsSequences,
        About::Producers,
        ("superseded-while-retried", superseded_while_retried),
        60,
        "no-duplicates",
    ),
    kills(
        Rule::EpochsOfOneTopic,
        About::Groups,
        ("recreated-topic", recreated_topic),
        20,
        "liveness",
    ),
    kills(
        Rule::OffsetsOfOneTopic,
        About::Groups,
        ("emptied-topic", emptied_topic),
        20,
        "at-least-once",
    ),
];

/// A follower's copying begins in the middle of what a producer has sent.
pub(super) const COPIED_LATE: Killer = kills(
    Rule::FollowersTakeSequences,
    About::Replication,
    ("deleted-before-they-were-copied", deleted_before_they_were_copied),
    10,
    "liveness",
);

/// An operator deletes records that a follower out of reach has not copied, so that it starts over behind them.
fn deleted_before_they_were_copied() -> Story {
    let deletions = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let at = script.between(800, 1_500);
        let (target, lasting) = (Target::FollowerOf(ORDERS), ms(1_200));
        script.at(at, FaultAction::Isolate { target, lasting });
        let delete = FaultAction::DeleteRecords { partition: ORDERS, before: None };
        let later = at + script.between(900, 1_100);
        script.at(later, delete);
        script.faults
    };
    cluster(&[]).topic("orders", 1, &[]).producer(Span::millis(8), PRODUCER).adversary(deletions)
}

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

/// A topic whose leaders have changed is deleted and created anew under the eyes of its clients.
fn recreated_topic() -> Story {
    let deletion = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let mut t = 300;
        for _ in 0..4 {
            script.at(t, FaultAction::Flip { partition: ORDERS });
            t += script.between(100, 250);
        }
        let (topic, gone) = (ORDERS.topic, ms(script.between(20, 400)));
        script.at(t, FaultAction::DeleteTopic { topic, gone });
        script.faults
    };
    pipeline(&[], &[]).adversary(deletion)
}

/// A topic is emptied by deleting it and creating it anew while its readers commit what they have read.
fn emptied_topic() -> Story {
    let deletion = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let (at, gone) = (script.between(1_500, 3_500), ms(script.between(100, 600)));
        script.at(at, FaultAction::DeleteTopic { topic: ORDERS.topic, gone });
        script.faults
    };
    let auto = [("enable.auto.commit", "true"), ("auto.commit.interval.ms", "200")];
    cluster(&[])
        .topic("orders", 2, &[])
        .producer(Span::millis(8), PRODUCER)
        .group(2, Span::ZERO, &with(MEMBER, &auto))
        .adversary(deletion)
}

/// Logs are compacted all the time.
const CLEANER: Settings<'_> = &[("log.cleaner.backoff.ms", "20")];
const COMPACTED: Settings<'_> = &[
    ("cleanup.policy", "compact"),
    ("segment.ms", "15"),
    ("min.cleanable.dirty.ratio", "0.001"),
    ("delete.retention.ms", "60000"),
];

/// Records of so many keys that most are written once or twice.
fn many_keys(plan: &mut Plan, count: u32) {
    let names: Vec<String> = (0..count).map(|n| format!("key-{n}")).collect();
    let keys: Vec<WeightedKey> = names
        .iter()
        .zip(0..)
        .map(|(name, n)| WeightedKey {
            key: Key(n),
            hash: plan.producers[0].settings.partitioner.hash(name.as_bytes()),
            cumulative: u64::from(n) + 1,
        })
        .collect();
    plan.keys = Arc::from(names);
    for producer in &mut plan.producers {
        producer.load.keys = Keys::Weighted(Arc::from(keys.clone()));
    }
}

/// A leader compacts what no follower has, and is one no longer a moment later, when nobody sends that again.
fn cleaned_too_far() -> Story {
    let cuts = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let mut t = 600;
        while t < 4_600 {
            for broker in script.brokers() {
                script.cut_off(t, broker, 250);
            }
            let flip = t + script.between(100, 140);
            script.at(flip, FaultAction::Flip { partition: ORDERS });
            t += script.between(450, 600);
        }
        script.faults
    };
    let hasty = with(PRODUCER, &[("request.timeout.ms", "60"), ("delivery.timeout.ms", "70")]);
    cluster(CLEANER)
        .topic("orders", 1, COMPACTED)
        .producer(Span::millis(4), &hasty)
        .producer(Span::millis(4), &hasty)
        .group(1, Span::ZERO, MEMBER)
        .with(|plan| many_keys(plan, 1_500))
        .adversary(cuts)
}

/// Nothing is written for two seconds, so that what was deleted before lies in the active segment, which no cleaner looks at.
/// Then it is cleaned for the first time, and again whenever a segment is full. A reader that was away is back sooner after
/// the first time than `delete.retention.ms` says.
fn cleaner_wakes_up() -> Story {
    let absence = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let member = plan.roster().members(GroupId::from_index(0)).next().expect("it has one");
        let goes = script.between(500, 600);
        let back = script.between(5_100, 5_300);
        script.kill(goes, Target::Process(member), CrashKind::Process, back - goes);
        script.faults
    };
    let segments = [("segment.ms", "1000"), ("delete.retention.ms", "2800")];
    cluster(CLEANER)
        .topic("orders", 1, &with(COMPACTED, &segments))
        .producer(Span::millis(1), PRODUCER)
        .producer(Span::millis(10), PRODUCER)
        .producer(Span::millis(4), PRODUCER)
        .group(1, Span::ZERO, MEMBER)
        .with(|plan| {
            many_keys(plan, 200);
            let [values, deletions, others] = &mut plan.producers[..] else {
                unreachable!("it has three producers")
            };
            values.load.limit = Some(300);
            (deletions.load.limit, deletions.load.tombstones) = (Some(25), 1_000_000);
            deletions.starts_after = ms(650);
            others.starts_after = ms(3_000);
            let Keys::Weighted(keys) = &others.load.keys else { return };
            others.load.keys = Keys::Weighted(Arc::from(&keys[..1]));
        })
        .lasting(Span::secs(7))
        .adversary(absence)
}

/// What a retry repeats is superseded and compacted away before it comes, and every broker has begun another life.
fn superseded_while_retried() -> Story {
    let lives = |plan: &Plan, rng: &mut Rng| -> Vec<ScheduledFault> {
        let mut script = Script::new(plan, rng);
        let slow = plan.roster().producers().next().expect("the story has producers");
        for round in 0..3 {
            let t = 400 + round * 1_500 + script.between(0, 200);
            let pattern = MessagePattern {
                api: Some(Api::Produce),
                direction: MessageDirection::Response,
                clients: vec![slow],
                servers: Vec::new(),
            };
            let when = Trigger::On { pattern, nth: 1, since: ms(t) };
            script.faults.push(ScheduledFault { when, action: FaultAction::Lose });
            let mut dies = t + script.between(150, 350);
            for broker in script.brokers() {
                script.kill(dies, Target::Process(broker), CrashKind::Process, 20);
                dies += script.between(60, 120);
            }
        }
        script.faults
    };
    let slow = with(PRODUCER, &[("retry.backoff.ms", "700"), ("retry.backoff.max.ms", "800")]);
    cluster(CLEANER)
        .topic("orders", 1, COMPACTED)
        .producer(Span::millis(250), &slow)
        .producer(Span::millis(5), PRODUCER)
        .adversary(lives)
}
