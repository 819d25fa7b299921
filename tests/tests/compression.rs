//! What compression changes: sizes in logs and on the wire, time, and which batches are too large.

use stormglass_kafka::Mark;
use stormglass_kafka::record::Batch;
use stormglass_sim::plan::{ShareRange, SizeRange};
use stormglass_tests::{Settings, Story, Told};
use stormglass_types::history::{Outcome, Removal, What};
use stormglass_types::{BrokerId, Span, TopicId, TopicPartition};

const PARTITION: TopicPartition = TopicPartition::new(TopicId(1), 0);

fn story(topic: Settings<'_>, producer: Settings<'_>) -> Story {
    Story::new(&[("min.insync.replicas", "2")])
        .topic("orders", 1, topic)
        .producer(Span::millis(2), producer)
        .with(|plan| {
            plan.producers[0].load.bytes = SizeRange { least: 1_000, most: 1_000 };
        })
        .lasting(Span::secs(6))
}

fn told(story: &Story) -> Told {
    let told = story.tell(1);
    assert_eq!(told.violated(), Vec::<&str>::new(), "{}", told.complaints());
    told
}

/// The bytes of each replica's log, and of what is in it when it is unpacked.
fn sizes(told: &Told) -> [(u64, u64); 3] {
    [1, 2, 3].map(|broker| {
        let view = told.world.view();
        let store = view.store(BrokerId(broker)).expect("a broker has a disk");
        let log = store.logs.get(PARTITION).expect("every broker has a replica");
        let add = |(packed, raw): (u64, u64), batch: &Batch| {
            (packed + u64::from(batch.bytes), raw + u64::from(batch.raw_bytes()))
        };
        log.batches_from(log.start()).fold((0, 0), add)
    })
}

/// The mean time between `send` and its callback, in microseconds.
fn ack_time(told: &Told) -> u64 {
    let mut sent = Vec::new();
    let (mut total, mut count) = (0, 0);
    for event in told.world.history().events.iter() {
        match event.what {
            What::Send { value, .. } => sent.push((value.serial, event.at)),
            What::SendDone { values, outcome: Outcome::Ok, .. } => {
                for value in values.values() {
                    let at = sent[value.serial as usize].1;
                    total += event.at.since(at).0 / 1_000;
                    count += 1;
                }
            }
            _ => {}
        }
    }
    total / count
}

#[test]
fn every_replica_keeps_what_the_producer_has_packed() {
    let sizes =
        |codec| sizes(&told(&story(&[], &[("compression.type", codec), ("linger.ms", "20")])));
    let plain = sizes("none");
    assert!(plain.iter().all(|(packed, raw)| packed == raw && *raw > 2_500_000), "{plain:?}");
    let (lz4, zstd) = (sizes("lz4"), sizes("zstd"));
    assert!(lz4.iter().all(|size| *size == lz4[0]) && zstd.iter().all(|size| *size == zstd[0]));
    assert!(zstd[0].0 < lz4[0].0 && lz4[0].0 < plain[0].0 * 7 / 10, "{zstd:?} {lz4:?} {plain:?}");
    assert!(zstd[0].1 > 2_500_000, "nothing of it is lost");
}

#[test]
fn retention_by_size_counts_packed_bytes() {
    let topic = [("retention.bytes", "2097152"), ("segment.bytes", "1048576")];
    let broker = [
        ("min.insync.replicas", "2"),
        ("log.initial.task.delay.ms", "0"),
        ("log.retention.check.interval.ms", "1000"),
    ];
    let removed = |producer: Settings<'_>| {
        let story =
            Story::new(&broker).topic("orders", 1, &topic).producer(Span::millis(2), producer);
        let story = story.lasting(Span::secs(10)).with(|plan| {
            plan.producers[0].load.bytes = SizeRange { least: 1_000, most: 1_000 };
        });
        let told = told(&story);
        let events = told.world.history().events.iter();
        let by_size = |what: &What| matches!(what, What::Removed { why: Removal::Size, .. });
        events.filter(|event| by_size(&event.what)).count()
    };
    assert!(removed(&[]) > 0);
    assert_eq!(removed(&[("compression.type", "zstd"), ("linger.ms", "50")]), 0);
}

#[test]
fn on_a_thin_line_compression_pays_and_on_a_thick_one_it_costs() {
    let mean = |producer: Settings<'_>, bytes_per_second| {
        let story = story(&[], producer).with(|plan| {
            plan.network.bytes_per_second = bytes_per_second;
            plan.producers[0].load.bytes = SizeRange { least: 60_000, most: 60_000 };
            plan.producers[0].load.every = Span::millis(50);
        });
        ack_time(&told(&story))
    };
    let gzip = [("compression.type", "gzip"), ("compression.gzip.level", "9")];
    let (thin, thick) = (1_500_000, 125_000_000);
    assert!(mean(&gzip, thin) + 5_000 < mean(&[], thin));
    assert!(mean(&gzip, thick) > mean(&[], thick) + 500);
    let easy = [("compression.type", "gzip"), ("compression.gzip.level", "1")];
    assert!(mean(&easy, thick) < mean(&gzip, thick));
}

#[test]
fn a_leader_packs_anew_what_its_topic_wants_otherwise() {
    let topic = [("compression.type", "zstd")];
    for producer in ["none", "gzip"] {
        let told = told(&story(&topic, &[("compression.type", producer), ("linger.ms", "20")]));
        assert!(told.world.marks().contains(Mark::BatchRepacked), "{producer}");
        let [(packed, raw), ..] = sizes(&told);
        assert!(packed < raw * 6 / 10, "{producer}: {packed} of {raw}");
    }
    let as_sent = told(&story(&topic, &[("compression.type", "zstd")]));
    assert!(!as_sent.world.marks().contains(Mark::BatchRepacked));
}

#[test]
fn what_is_too_large_when_unpacked_is_split_until_it_fits() {
    // Packed, four kilobytes hold more than eight, which is the most that a batch may have unpacked.
    let topic = [("compression.type", "uncompressed"), ("max.message.bytes", "8000")];
    let producer = [("compression.type", "zstd"), ("linger.ms", "100"), ("batch.size", "4000")];
    let story = story(&topic, &producer).lasting(Span::secs(20)).with(|plan| {
        plan.producers[0].load.bytes = SizeRange { least: 100, most: 100 };
        plan.producers[0].load.every = Span::micros(500);
        plan.producers[0].load.compressible = ShareRange { least: 500, most: 800 };
    });
    let told = told(&story);
    for mark in [Mark::BatchRepacked, Mark::BatchSplit] {
        assert!(told.world.marks().contains(mark), "{mark:?}");
    }
    let [(packed, raw), ..] = sizes(&told);
    assert_eq!(packed, raw);
}
