//! A consumer that does slow work between two calls of `recv`: its group throws it out, and the work is done again.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaResult;

/// Reads requests for reports and makes one of each, `takes` long.
///
/// # Errors
/// If the client cannot be created.
pub async fn report(takes: Duration) -> KafkaResult<()> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", "kafka:9092")
        .set("group.id", "reports")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "6000")
        .set("max.poll.interval.ms", "10000")
        .create()
        .await?;
    consumer.subscribe(&["requests"])?;
    loop {
        let Ok(message) = consumer.recv().await else { continue };
        // One in twenty is a big one. Nothing polls meanwhile.
        let big = rdkafka::Message::offset(&message) % 20 == 7;
        madsim::time::sleep(if big { takes } else { Duration::from_millis(10) }).await;
        let _ = consumer.commit_message(&message, CommitMode::Async).await;
    }
}
