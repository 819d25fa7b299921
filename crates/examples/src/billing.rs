//! A consumer that commits a record before it has processed it: what is in hand when it crashes is never processed.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaResult;

/// When the consumer commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// First it commits, then it works: wrong.
    CommitFirst,
    /// First it works, then it commits.
    WorkFirst,
}

/// Reads orders and bills them, for ever.
///
/// # Errors
/// If the client cannot be created.
pub async fn bill(order: Order) -> KafkaResult<()> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", "kafka:9092")
        .set("group.id", "billing")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "10000")
        .create()
        .await?;
    consumer.subscribe(&["orders"])?;
    loop {
        let Ok(message) = consumer.recv().await else { continue };
        if order == Order::CommitFirst {
            // The next owner starts behind this record, whatever becomes of it here.
            let _ = consumer.commit_message(&message, CommitMode::Sync).await;
        }
        madsim::time::sleep(Duration::from_millis(20)).await;
        message.processed();
        if order == Order::WorkFirst {
            let _ = consumer.commit_message(&message, CommitMode::Sync).await;
        }
    }
}
