//! Groups, commits, callbacks and figures, seen through the client's shape.
#![cfg(madsim)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, RebalanceProtocol,
    StreamConsumer,
};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, FutureProducer, FutureRecord, Producer,
    ProducerContext,
};
use rdkafka::{ClientConfig, Message, Offset, Statistics, TopicPartitionList};
use stormglass::Storm;

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "kafka:9092");
    config
}

fn member() -> ClientConfig {
    let mut config = config();
    config.set("group.id", "readers").set("auto.offset.reset", "earliest");
    config.set("enable.auto.commit", "false");
    config
}

/// Writes down what its callbacks are told.
#[derive(Clone, Default)]
struct Diary {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Diary {
    fn note(&self, line: String) {
        self.lines.lock().expect("one thread").push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("one thread").clone()
    }
}

fn offsets(list: &TopicPartitionList) -> String {
    let elements = list.elements();
    let words = elements.iter().map(|it| {
        let offset = it.offset().to_raw().unwrap_or_default();
        format!("{}-{}@{offset}", it.topic(), it.partition())
    });
    words.collect::<Vec<_>>().join(" ")
}

impl ClientContext for Diary {
    fn stats(&self, statistics: Statistics) {
        let Statistics { client_type, rxmsgs, txmsgs, topics, .. } = statistics;
        let partition = topics.get("things").and_then(|topic| topic.partitions.get(&0));
        let offsets = partition.map(|it| (it.app_offset, it.stored_offset, it.committed_offset));
        self.note(format!("{client_type} got {rxmsgs}, sent {txmsgs}, {offsets:?}"));
    }
}

impl ConsumerContext for Diary {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.note(match rebalance {
            Rebalance::Assign(partitions) => format!("+{}", partitions.count()),
            Rebalance::Revoke(partitions) => format!("-{}", partitions.count()),
            Rebalance::Error(why) => why.to_string(),
        });
    }

    fn commit_callback(&self, result: KafkaResult<()>, list: &TopicPartitionList) {
        self.note(format!("{result:?} {}", offsets(list)));
    }
}

impl ProducerContext for Diary {
    type DeliveryOpaque = Box<u32>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<u32>) {
        self.note(match result {
            Ok(message) => format!("{number} at {}", message.offset()),
            Err((why, _)) => format!("{number}: {why}"),
        });
    }
}

/// So many records into the one partition.
async fn fill(count: u8) {
    let producer: FutureProducer = config().create().await.expect("a producer");
    for number in 0..count {
        let payload = [number];
        let record = FutureRecord::<[u8], [u8]>::to("things").partition(0).payload(&payload[..]);
        producer.send(record, Duration::from_secs(5)).await.expect("delivered");
    }
}

/// The first payload that a new member of the group gets.
async fn first_of_a_new_member() -> Option<u8> {
    let consumer: StreamConsumer = member().create().await.expect("a consumer");
    consumer.subscribe(&["things"]).expect("subscribed");
    let message = consumer.recv().await.expect("a message");
    message.payload().map(|payload| payload[0])
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn commits_are_heard_of_and_heeded(storm: Storm) {
    storm.app("idle", || async {});
    fill(8).await;
    let diary = Diary::default();
    let consumer: StreamConsumer<Diary> =
        member().create_with_context(diary.clone()).await.expect("a consumer");
    consumer.subscribe(&["things"]).expect("subscribed");
    for _ in 0..3 {
        let message = consumer.recv().await.expect("a message");
        consumer.commit_message(&message, CommitMode::Async).expect_later().await;
    }
    // The callback comes out of the consumer, as everything does.
    let _ = consumer.recv().await.expect("a message");
    madsim::time::sleep(Duration::from_secs(1)).await;
    let _ = consumer.recv().await.expect("a message");
    let lines = diary.lines();
    assert_eq!(lines[0], "+3");
    assert!(lines.contains(&"Ok(()) things-0@3".to_owned()), "{lines:?}");
    drop(consumer);
    assert_eq!(first_of_a_new_member().await, Some(3));
}

/// Commits are asynchronous functions here, whatever their mode.
trait Later {
    async fn expect_later(self);
}

impl<F: Future<Output = KafkaResult<()>>> Later for F {
    async fn expect_later(self) {
        self.await.expect("committed");
    }
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn what_is_stored_is_committed(storm: Storm) {
    storm.app("idle", || async {});
    fill(8).await;
    let consumer: StreamConsumer = member()
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", "500")
        .set("enable.auto.offset.store", "false")
        .create()
        .await
        .expect("a consumer");
    consumer.subscribe(&["things"]).expect("subscribed");
    for _ in 0..5 {
        let message = consumer.recv().await.expect("a message");
        if message.offset() == 1 {
            consumer.store_offset_from_message(&message).expect("owned");
        }
    }
    madsim::time::sleep(Duration::from_secs(1)).await;
    let committed = consumer.committed(Duration::from_secs(5)).await.expect("answered");
    let committed = committed.find_partition("things", 0).map(|it| it.offset());
    assert_eq!(committed, Some(Offset::Offset(2)), "what was read and not stored is not committed");
    let stray = consumer.store_offset("background", 0, 1);
    assert_eq!(stray, Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)), "is not owned");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("things", 0, Offset::Offset(4)).expect("an offset");
    consumer.store_offsets(&list).expect("owned");
    // A consumer that is dropped commits what was stored before it leaves.
    drop(consumer);
    assert_eq!(first_of_a_new_member().await, Some(4));
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn cooperative_members_keep_what_stays(storm: Storm) {
    storm.app("idle", || async {});
    let diary = Diary::default();
    let mut config = member();
    config.set("partition.assignment.strategy", "cooperative-sticky");
    let first: StreamConsumer<Diary> =
        config.create_with_context(diary.clone()).await.expect("a consumer");
    assert_eq!(first.rebalance_protocol(), RebalanceProtocol::Cooperative);
    first.subscribe(&["things"]).expect("subscribed");
    let first = Arc::new(first);
    let reading = Arc::clone(&first);
    let reading = madsim::task::spawn(async move {
        loop {
            let _ = reading.recv().await;
        }
    });
    madsim::time::sleep(Duration::from_secs(6)).await;
    let second: BaseConsumer = config.create().await.expect("a consumer");
    second.subscribe(&["things"]).expect("subscribed");
    assert!(second.poll(Duration::from_secs(12)).await.is_none(), "there is nothing to read");
    let count = |list: KafkaResult<TopicPartitionList>| list.expect("assigned").count();
    assert_eq!((count(first.assignment()), count(second.assignment())), (2, 1));
    let lines = diary.lines();
    assert_eq!(lines[..3], ["+3", "-1", "+0"], "one goes, the others stay: {lines:?}");
    reading.abort();
    let mixed = config.set("partition.assignment.strategy", "range,cooperative-sticky");
    let refused = mixed.create::<BaseConsumer>().await.err();
    assert!(matches!(refused, Some(KafkaError::ClientConfig(..))), "{refused:?}");
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn deliveries_and_figures_are_told(storm: Storm) {
    storm.app("idle", || async {});
    let diary = Diary::default();
    let producer: BaseProducer<Diary> = config()
        .set("queue.buffering.max.messages", "3")
        .set("statistics.interval.ms", "1000")
        .create_with_context(diary.clone())
        .await
        .expect("a producer");
    let record = |number: u32| {
        let opaque = Box::new(number);
        BaseRecord::<'_, str, str, Box<u32>>::with_opaque_to("things", opaque)
            .partition(1)
            .payload("x")
    };
    for number in 0..3 {
        producer.send(record(number)).map_err(|(why, _)| why).expect("room");
    }
    let (why, back) = producer.send(record(3)).expect_err("the queue is full");
    assert_eq!(why, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
    assert_eq!(*back.delivery_opaque, 3, "the record comes back");
    assert_eq!(producer.in_flight_count(), 3);
    producer.flush(Duration::from_secs(5)).await.expect("flushed");
    assert_eq!(diary.lines(), ["0 at 0", "1 at 1", "2 at 2"]);
    let astray = record(4).partition(7);
    producer.send(astray).map_err(|(why, _)| why).expect("taken in");
    madsim::time::sleep(Duration::from_millis(1_500)).await;
    producer.poll(Duration::ZERO).await;
    let lines = diary.lines();
    assert!(lines[3].starts_with("4: ") && lines[3].contains("UnknownPartition"), "{lines:?}");
    assert_eq!(lines[4], "producer got 0, sent 4, None");
    let transactional = producer.begin_transaction().expect_err("there is no transactional.id");
    let code = transactional.rdkafka_error_code();
    assert_eq!(code, Some(RDKafkaErrorCode::NotConfigured));
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn a_consumer_tells_how_far_it_is(storm: Storm) {
    storm.app("idle", || async {});
    fill(4).await;
    let diary = Diary::default();
    let consumer: BaseConsumer<Diary> = member()
        .set("statistics.interval.ms", "2000")
        .create_with_context(diary.clone())
        .await
        .expect("a consumer");
    consumer.subscribe(&["things"]).expect("subscribed");
    for _ in 0..3 {
        let message = consumer.poll(Duration::from_secs(10)).await.expect("in time");
        let message = message.expect("a message");
        if message.offset() == 1 {
            consumer.commit_message(&message, CommitMode::Sync).await.expect("committed");
        }
    }
    madsim::time::sleep(Duration::from_secs(2)).await;
    let _ = consumer.poll(Duration::from_secs(1)).await.expect("in time").expect("a message");
    let figures: Vec<_> =
        diary.lines().into_iter().filter(|line| line.starts_with("consumer")).collect();
    assert_eq!(figures.last().expect("some"), "consumer got 3, sent 0, Some((3, 3, 2))");
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn the_cluster_answers_questions(storm: Storm) {
    storm.app("idle", || async {});
    fill(3).await;
    let consumer: BaseConsumer = member().create().await.expect("a consumer");
    let metadata =
        consumer.fetch_metadata(Some("things"), Duration::from_secs(5)).await.expect("answered");
    let [topic] = metadata.topics() else { panic!("one was asked for: {metadata:?}") };
    assert_eq!((topic.name(), topic.partitions().len()), ("things", 3));
    for partition in topic.partitions() {
        assert_eq!((partition.replicas().len(), partition.isr().len()), (3, 3));
        assert!(partition.replicas().contains(&partition.leader()));
    }
    let ends = consumer.fetch_watermarks("things", 0, Duration::from_secs(5)).await;
    assert_eq!(ends.expect("answered"), (0, 3));
    let mut times = TopicPartitionList::new();
    times.add_partition_offset("things", 0, Offset::Offset(0)).expect("an offset");
    let found = consumer.offsets_for_times(times, Duration::from_secs(5)).await.expect("answered");
    assert_eq!(offsets(&found), "things-0@0");
}
