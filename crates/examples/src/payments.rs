//! Payments, as a service of a real shop would take them: keyed messages, a few retries for what may pass, a dead-letter
//! topic for what will not, offsets stored after the work and committed on the way, and a ledger that knows what it has
//! booked, so that a message that comes twice is booked once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, ClientContext, Message};

/// A place in a partition: what tells two messages apart, whatever they say.
pub type Place = (i32, i64);

/// The database: survives every crash of the service, and books a message once.
#[derive(Clone, Default, Debug)]
pub struct Ledger {
    books: Arc<Mutex<Books>>,
}

#[derive(Default, Debug)]
struct Books {
    booked: BTreeSet<Place>,
    balances: BTreeMap<Vec<u8>, u64>,
    refused: BTreeSet<Place>,
    repeats: u64,
}

/// Why a payment was not booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The database was busy: it may be better soon.
    Busy,
    /// The message makes no sense and never will.
    Nonsense,
}

impl Ledger {
    /// Books a payment, unless it was booked before.
    ///
    /// # Errors
    /// If the database is busy, or the payment makes no sense.
    pub async fn book(&self, place: Place, account: &[u8], attempt: u32) -> Result<(), Refusal> {
        madsim::time::sleep(Duration::from_millis(3)).await;
        if place.1 % 50 == 13 {
            return Err(Refusal::Nonsense);
        }
        if place.1 % 7 == 3 && attempt == 1 {
            return Err(Refusal::Busy);
        }
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if books.booked.insert(place) {
            *books.balances.entry(account.to_vec()).or_default() += 1;
        } else {
            books.repeats += 1;
        }
        Ok(())
    }

    /// How many messages were booked, how many refused for good, and how often one came again.
    #[must_use]
    pub fn figures(&self) -> (usize, usize, u64) {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        (books.booked.len(), books.refused.len(), books.repeats)
    }

    /// The sum over all accounts.
    #[must_use]
    pub fn total(&self) -> u64 {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.balances.values().sum()
    }

    fn refuse(&self, place: Place) {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).refused.insert(place);
    }
}

/// Says what the group does.
struct Rebalances;

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            // What was stored is committed before the partitions go; nothing else is in hand here.
            let owned = consumer.assignment().map_or(0, |owned| owned.count());
            debug_assert!(partitions.count() <= owned || consumer.assignment_lost());
        }
    }
}

/// How often a payment is tried before it is given up.
const ATTEMPTS: u32 = 4;

/// The service: takes payments for ever.
///
/// # Errors
/// If a client cannot be created.
pub async fn serve(ledger: Ledger) -> KafkaResult<()> {
    let consumer: StreamConsumer<Rebalances> = ClientConfig::new()
        .set("bootstrap.servers", "kafka-1:9092,kafka-2:9092,kafka-3:9092")
        .set("group.id", "payments")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "10000")
        .set("auto.commit.interval.ms", "1000")
        .set("enable.auto.offset.store", "false")
        .create_with_context(Rebalances)
        .await?;
    let dead_letters: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", "kafka-1:9092,kafka-2:9092,kafka-3:9092")
        .set("enable.idempotence", "true")
        .create()
        .await?;
    consumer.subscribe(&["payments"])?;
    loop {
        let message = match consumer.recv().await {
            Ok(message) => message,
            Err(KafkaError::MessageConsumption(_)) => continue,
            Err(other) => return Err(other),
        };
        take(&ledger, &dead_letters, &message).await;
        message.processed();
        if consumer.store_offset_from_message(&message).is_err() {
            // The partition went while the payment was booked; its next owner will book it again, to no effect.
            let _ = consumer.commit_consumer_state(CommitMode::Async).await;
        }
    }
}

async fn take(ledger: &Ledger, dead_letters: &FutureProducer, message: &BorrowedMessage<'_>) {
    let place = (message.partition(), message.offset());
    let account = message.key().unwrap_or_default();
    for attempt in 1..=ATTEMPTS {
        match ledger.book(place, account, attempt).await {
            Ok(()) => return,
            Err(Refusal::Nonsense) => break,
            Err(Refusal::Busy) => {
                madsim::time::sleep(Duration::from_millis(20 << attempt)).await;
            }
        }
    }
    bury(dead_letters, message).await;
    ledger.refuse(place);
}

/// Sends a message that cannot be processed to where a person will look, and does not go on before it is there.
async fn bury(dead_letters: &FutureProducer, message: &BorrowedMessage<'_>) {
    let origin = format!("{}-{}@{}", message.topic(), message.partition(), message.offset());
    let mut headers = OwnedHeaders::new().insert(Header { key: "origin", value: Some(&origin) });
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        headers = headers.insert(Header { key: header.key, value: header.value });
    }
    let key = message.key().unwrap_or_default();
    let payload = message.payload().unwrap_or_default();
    loop {
        let record = FutureRecord::to("payments.dead").key(key).payload(payload);
        match dead_letters.send(record.headers(headers.clone()), Duration::from_secs(5)).await {
            Ok((_partition, _offset)) => return,
            Err((_error, _record)) => madsim::time::sleep(Duration::from_millis(500)).await,
        }
    }
}
