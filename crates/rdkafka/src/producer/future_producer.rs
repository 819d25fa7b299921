//! The producer with futures.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::oneshot;

use crate::client::{ClientContext, DefaultClientContext};
use crate::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use crate::error::{KafkaError, KafkaResult};
use crate::message::{DeliveryResult, Message as _, OwnedHeaders, OwnedMessage, ToBytes};
use crate::producer::base_producer::{BaseProducer, BaseRecord, ThreadedProducer};
use crate::producer::{Producer, ProducerContext};
use crate::util::{IntoOpaque, Timeout, current_time_millis};

/// A record to be sent with a future.
#[derive(Debug)]
pub struct FutureRecord<'a, K: ToBytes + ?Sized, P: ToBytes + ?Sized> {
    /// Where to.
    pub topic: &'a str,
    /// Which partition, if the code decides.
    pub partition: Option<i32>,
    /// The payload.
    pub payload: Option<&'a P>,
    /// The key.
    pub key: Option<&'a K>,
    /// `CreateTime` in milliseconds; now unless given.
    pub timestamp: Option<i64>,
    /// The headers.
    pub headers: Option<OwnedHeaders>,
}

impl<'a, K: ToBytes + ?Sized, P: ToBytes + ?Sized> FutureRecord<'a, K, P> {
    /// A record for a topic.
    #[must_use]
    pub const fn to(topic: &'a str) -> Self {
        Self { topic, partition: None, payload: None, key: None, timestamp: None, headers: None }
    }

    /// With a partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// With a payload.
    #[must_use]
    pub fn payload(mut self, payload: &'a P) -> Self {
        self.payload = Some(payload);
        self
    }

    /// With a key.
    #[must_use]
    pub fn key(mut self, key: &'a K) -> Self {
        self.key = Some(key);
        self
    }

    /// With a timestamp.
    #[must_use]
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// With headers.
    #[must_use]
    pub fn headers(mut self, headers: OwnedHeaders) -> Self {
        self.headers = Some(headers);
        self
    }

    fn with(self, opaque: Promise) -> BaseRecord<'a, K, P, Promise> {
        let Self { topic, partition, payload, key, timestamp, headers } = self;
        BaseRecord { topic, partition, payload, key, timestamp, headers, delivery_opaque: opaque }
    }

    fn without(record: BaseRecord<'a, K, P, Promise>) -> Self {
        let BaseRecord { topic, partition, payload, key, timestamp, headers, .. } = record;
        Self { topic, partition, payload, key, timestamp, headers }
    }
}

/// Partition and offset of a delivered message, or why it was not delivered.
pub type OwnedDeliveryResult = Result<(i32, i64), (KafkaError, OwnedMessage)>;

/// The future's other end, which travels with its record.
#[doc(hidden)]
pub struct Promise(oneshot::Sender<OwnedDeliveryResult>);

impl IntoOpaque for Promise {}

/// The context between a producer with futures and its owner's.
#[doc(hidden)]
pub struct FutureProducerContext<C: ClientContext> {
    owner: C,
}

impl<C: ClientContext> ClientContext for FutureProducerContext<C> {
    fn stats_raw(&self, statistics: &[u8]) {
        self.owner.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.owner.error(error, reason);
    }
}

impl<C: ClientContext> ProducerContext for FutureProducerContext<C> {
    type DeliveryOpaque = Promise;

    fn delivery(&self, result: &DeliveryResult<'_>, promise: Promise) {
        let owned = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, message)) => Err((error.clone(), message.detach())),
        };
        // Whoever does not wait does not want to know.
        let _ = promise.0.send(owned);
    }
}

/// A producer that gives a future for every record. A clone is the same producer.
#[must_use = "a producer that is dropped sends nothing more"]
pub struct FutureProducer<C: ClientContext = DefaultClientContext> {
    producer: Arc<ThreadedProducer<FutureProducerContext<C>>>,
}

impl<C: ClientContext> Clone for FutureProducer<C> {
    fn clone(&self) -> Self {
        Self { producer: Arc::clone(&self.producer) }
    }
}

#[async_trait::async_trait]
impl FromClientConfig for FutureProducer {
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultClientContext).await
    }
}

#[async_trait::async_trait]
impl<C: ClientContext> FromClientConfigAndContext<C> for FutureProducer<C> {
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let context = FutureProducerContext { owner: context };
        let producer = ThreadedProducer::from_config_and_context(config, context).await?;
        Ok(Self { producer: Arc::new(producer) })
    }
}

impl<C: ClientContext> Producer<FutureProducerContext<C>> for FutureProducer<C> {
    fn base(&self) -> &BaseProducer<FutureProducerContext<C>> {
        &self.producer.base
    }
}

/// What will come of a record.
pub struct DeliveryFuture {
    promised: oneshot::Receiver<OwnedDeliveryResult>,
}

impl Future for DeliveryFuture {
    type Output = Result<OwnedDeliveryResult, oneshot::Canceled>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.promised).poll(context)
    }
}

/// How long a record waits between attempts to get into a full queue, as in `rdkafka`.
const QUEUE_RETRY: Duration = Duration::from_millis(100);

impl<C: ClientContext> FutureProducer<C> {
    /// Sends a record and waits for what comes of it; while the queue is full, for room, up to a timeout.
    pub async fn send<K, P, T>(
        &self,
        mut record: FutureRecord<'_, K, P>,
        queue_timeout: T,
    ) -> OwnedDeliveryResult
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
        T: Into<Timeout>,
    {
        let mut patience = queue_timeout.into().or_for_ever();
        loop {
            match self.send_result(record) {
                Ok(delivery) => match delivery.await {
                    Ok(result) => return result,
                    Err(oneshot::Canceled) => std::future::pending::<()>().await,
                },
                Err((KafkaError::Canceled, _)) => std::future::pending::<()>().await,
                Err((_, again)) if !patience.is_zero() => {
                    record = again;
                    madsim::time::sleep(QUEUE_RETRY.min(patience)).await;
                    patience = patience.saturating_sub(QUEUE_RETRY);
                    continue;
                }
                Err((
                    error,
                    FutureRecord { topic, partition, payload, key, headers, timestamp },
                )) => {
                    let bytes = |part: &[u8]| part.to_vec();
                    let payload = payload.map(|payload| bytes(payload.to_bytes()));
                    let key = key.map(|key| bytes(key.to_bytes()));
                    let timestamp = timestamp.unwrap_or_else(current_time_millis).into();
                    let partition = partition.unwrap_or(-1);
                    let topic = topic.to_owned();
                    let back = OwnedMessage::new(
                        payload, key, topic, timestamp, partition, -1_001, headers,
                    );
                    return Err((error, back));
                }
            }
            unreachable!("a producer whose process has died waits for ever");
        }
    }

    /// Sends a record; an error comes back at once if the queue is full.
    ///
    /// # Errors
    /// If the queue is full; the record comes back.
    #[expect(clippy::result_large_err, reason = "rdkafka's own signature")]
    pub fn send_result<'a, K, P>(
        &self,
        record: FutureRecord<'a, K, P>,
    ) -> Result<DeliveryFuture, (KafkaError, FutureRecord<'a, K, P>)>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let (promise, promised) = oneshot::channel();
        let sent = self.producer.send(record.with(Promise(promise)));
        sent.map(|()| DeliveryFuture { promised })
            .map_err(|(error, record)| (error, FutureRecord::without(record)))
    }

    /// Waits until every record has been delivered or given up.
    ///
    /// # Errors
    /// If that takes longer than the timeout.
    pub async fn flush<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.producer.base.flush(timeout).await
    }
    /// As [`BaseProducer::init_transactions`].
    ///
    /// # Errors
    /// Always.
    pub async fn init_transactions<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.producer.base.init_transactions(timeout).await
    }

    /// As [`BaseProducer::begin_transaction`].
    ///
    /// # Errors
    /// Always.
    pub fn begin_transaction(&self) -> KafkaResult<()> {
        self.producer.base.begin_transaction()
    }

    /// As [`BaseProducer::commit_transaction`].
    ///
    /// # Errors
    /// Always.
    pub async fn commit_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.producer.base.commit_transaction(timeout).await
    }

    /// As [`BaseProducer::abort_transaction`].
    ///
    /// # Errors
    /// Always.
    pub async fn abort_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.producer.base.abort_transaction(timeout).await
    }
}
