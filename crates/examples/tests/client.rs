//! What the client can do, seen through its shape: records come back as they were sent, positions go where they are told.
#![cfg(madsim)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};
use stormglass::Storm;

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "kafka:9092");
    config
}

fn reader(group: Option<&str>) -> ClientConfig {
    let mut config = config();
    config.set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    if let Some(group) = group {
        config.set("group.id", group);
    }
    config
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn records_come_back_as_they_were_sent(storm: Storm) {
    storm.app("idle", || async {});
    let producer: FutureProducer = config().create().await.expect("a producer");
    let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some("abc") });
    // CRC32 of `apple` is 0xab9e19c4: one of three partitions, always the same.
    let record = FutureRecord::to("things").key("apple").payload("red").timestamp(1_234);
    let sent = producer.send(record.headers(headers), Duration::from_secs(5)).await;
    let (partition, offset) = sent.expect("delivered");
    assert_eq!((partition, offset), (i32::try_from(crc("apple") % 3).expect("small"), 0));

    let consumer: BaseConsumer = reader(None).create().await.expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition("things", partition);
    consumer.assign(&assignment).expect("assigned");
    let message =
        consumer.poll(Duration::from_secs(10)).await.expect("in time").expect("a message");
    assert_eq!((message.key(), message.payload()), (Some(&b"apple"[..]), Some(&b"red"[..])));
    assert_eq!((message.topic(), message.offset()), ("things", 0));
    assert_eq!(message.timestamp().to_millis(), Some(1_234));
    let header = message.headers().expect("headers").get_as::<str>(0).expect("text");
    assert_eq!((header.key, header.value), ("trace", Some("abc")));
    assert!(consumer.poll(Duration::from_secs(2)).await.is_none(), "there was only one");
    let ends = consumer.fetch_watermarks("things", partition, Duration::from_secs(5)).await;
    assert_eq!(ends.expect("answered"), (0, 1));
}

fn crc(text: &str) -> u32 {
    stormglass_crc(text.as_bytes())
}

/// CRC-32, bit by bit, written down a second time so that the two check each other.
fn stormglass_crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for bit in bytes.iter().flat_map(|byte| (0..8).map(move |place| (byte >> place) & 1)) {
        let odd = (crc ^ u32::from(bit)) & 1 == 1;
        crc >>= 1;
        if odd {
            crc ^= 0xEDB8_8320;
        }
    }
    !crc
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn positions_go_where_they_are_told(storm: Storm) {
    storm.app("idle", || async {});
    let producer: BaseProducer = config().create().await.expect("a producer");
    for number in 0..10_u8 {
        let payload = [number];
        let record: BaseRecord<'_, (), [u8]> =
            BaseRecord::to("things").partition(1).payload(&payload[..]);
        producer.send(record).map_err(|(why, _)| why).expect("room");
    }
    producer.flush(Duration::from_secs(10)).await.expect("flushed");

    let consumer: StreamConsumer = reader(Some("readers")).create().await.expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset("things", 1, Offset::Offset(4)).expect("an offset");
    consumer.assign(&assignment).expect("assigned");
    let next = async || consumer.recv().await.expect("a message").payload().map(|it| it[0]);
    assert_eq!(next().await, Some(4));
    consumer.seek("things", 1, Offset::Beginning, Duration::from_secs(1)).await.expect("sought");
    assert_eq!(next().await, Some(0));
    let place = consumer.position().expect("positions");
    assert_eq!(place.find_partition("things", 1).map(|it| it.offset()), Some(Offset::Offset(1)));

    // A pause keeps what was fetched ahead away; it comes after the pause, once.
    consumer.pause(&assignment).expect("paused");
    let silence = madsim::time::timeout(Duration::from_secs(3), consumer.recv()).await;
    assert!(silence.is_err(), "paused, but {:?}", silence.map(|it| it.map(|it| it.offset())));
    consumer.resume(&assignment).expect("resumed");
    assert_eq!(next().await, Some(1));

    consumer.commit_consumer_state(CommitMode::Sync).await.expect("committed");
    let committed = consumer.committed(Duration::from_secs(5)).await.expect("answered");
    let committed = committed.find_partition("things", 1).map(|it| it.offset());
    assert_eq!(committed, Some(Offset::Offset(2)));
}

/// Writes down what its callbacks are told.
#[derive(Clone, Default)]
struct Diary {
    lines: Arc<Mutex<Vec<String>>>,
}

impl ClientContext for Diary {}

impl ConsumerContext for Diary {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let line = match rebalance {
            Rebalance::Assign(partitions) => format!("+{}", partitions.count()),
            Rebalance::Revoke(partitions) => format!("-{}", partitions.count()),
            Rebalance::Error(why) => why.to_string(),
        };
        self.lines.lock().expect("one thread").push(line);
    }
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn partitions_are_given_up_after_the_callback(storm: Storm) {
    storm.app("idle", || async {});
    let diary = Diary::default();
    let first: StreamConsumer<Diary> =
        reader(Some("readers")).create_with_context(diary.clone()).await.expect("a consumer");
    first.subscribe(&["things"]).expect("subscribed");
    let reading = madsim::task::spawn(async move {
        loop {
            let _ = first.recv().await;
        }
    });
    madsim::time::sleep(Duration::from_secs(6)).await;
    let second: BaseConsumer = reader(Some("readers")).create().await.expect("a consumer");
    second.subscribe(&["things"]).expect("subscribed");
    assert!(second.poll(Duration::from_secs(8)).await.is_none(), "there is nothing to read");
    let owned = second.assignment().expect("assigned").count();
    let lines = diary.lines.lock().expect("one thread").clone();
    assert!(owned == 1 || owned == 2, "the second has {owned} of three");
    assert_eq!(lines, ["+3".to_owned(), "-3".to_owned(), format!("+{}", 3 - owned)]);
    reading.abort();
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn mistakes_are_told_as_librdkafka_tells_them(storm: Storm) {
    storm.app("idle", || async {});
    let refused = config().set("linger", "5").create::<FutureProducer>().await.err();
    let refused = refused.expect("there is no such property").to_string();
    assert_eq!(refused, "Client config error: No such configuration property: \"linger\" linger 5");
    let producer: FutureProducer = config().create().await.expect("a producer");
    let record = FutureRecord::to("nowhere").key("k").payload("v");
    let (why, message) = producer.send(record, Duration::ZERO).await.expect_err("no such topic");
    assert_eq!(why, KafkaError::MessageProduction(RDKafkaErrorCode::UnknownTopic));
    assert_eq!(message.payload(), Some(&b"v"[..]));

    let admin: AdminClient<_> = config().create().await.expect("an admin client");
    let topic = NewTopic::new("nowhere", 2, TopicReplication::Fixed(3));
    let made = admin.create_topics([&topic], &AdminOptions::new()).await.expect("asked");
    assert_eq!(made, [Ok("nowhere".to_owned())]);
    let again = admin.create_topics([&topic], &AdminOptions::new()).await.expect("asked");
    assert_eq!(again, [Err(("nowhere".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]);
    let sent =
        producer.send(FutureRecord::to("nowhere").key("k").payload("v"), Duration::ZERO).await;
    assert_eq!(sent.map(|(_, offset)| offset).map_err(|(why, _)| why), Ok(0));
}

#[stormglass::test(scenario = "scenarios/calm.yaml")]
async fn background_records_say_where_they_came_from(storm: Storm) {
    storm.app("idle", || async {});
    let consumer: BaseConsumer = reader(None).create().await.expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition("background", 0);
    consumer.assign(&assignment).expect("assigned");
    let message =
        consumer.poll(Duration::from_secs(10)).await.expect("in time").expect("a message");
    let payload = message.payload_view::<str>().expect("a payload").expect("text");
    assert!(payload.starts_with("{\"from\":\"sensor-1\""), "{payload}");
    let key = message.key_view::<str>().expect("a key").expect("text");
    assert!(key.starts_with("key-"), "{key}");
}
