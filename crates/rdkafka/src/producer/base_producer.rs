//! The producer that is polled, and the one that polls itself.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use madsim::task::JoinHandle;
use stormglass_host::producer::{Delivery, NotTaken, ProducerClient, Undelivered};
use stormglass_host::profile;

use crate::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext, dead, refused};
use crate::error::{KafkaError, KafkaResult, RDKafkaError, RDKafkaErrorCode};
use crate::message::{
    BorrowedMessage, DeliveryResult, OwnedHeaders, OwnedMessage, ToBytes, content,
};
use crate::producer::{DefaultProducerContext, Producer, ProducerContext};
use crate::statistics::Statistics;
use crate::util::{IntoOpaque, Timeout, current_time_millis};

/// A record to be sent.
#[derive(Debug)]
pub struct BaseRecord<'a, K: ToBytes + ?Sized = (), P: ToBytes + ?Sized = (), D: IntoOpaque = ()> {
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
    /// What comes back with the delivery.
    pub delivery_opaque: D,
}

impl<'a, K: ToBytes + ?Sized, P: ToBytes + ?Sized, D: IntoOpaque> BaseRecord<'a, K, P, D> {
    /// A record for a topic, with an opaque.
    #[must_use]
    pub const fn with_opaque_to(topic: &'a str, delivery_opaque: D) -> Self {
        let (partition, payload, key, timestamp, headers) = (None, None, None, None, None);
        Self { topic, partition, payload, key, timestamp, headers, delivery_opaque }
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
}

impl<'a, K: ToBytes + ?Sized, P: ToBytes + ?Sized> BaseRecord<'a, K, P, ()> {
    /// A record for a topic.
    #[must_use]
    pub const fn to(topic: &'a str) -> Self {
        Self::with_opaque_to(topic, ())
    }
}

/// A producer that tells of deliveries when it is polled.
pub struct BaseProducer<C: ProducerContext = DefaultProducerContext> {
    pub(super) client: ProducerClient,
    pub(super) context: Arc<C>,
    opaques: Mutex<Opaques<C::DeliveryOpaque>>,
    /// What deliveries are taken out with, kept for the next time.
    spare: Mutex<VecDeque<Delivery>>,
    figures: Figures,
}

/// What travels with records, by ticket.
struct Opaques<D> {
    first: u64,
    waiting: VecDeque<Option<D>>,
    done: i64,
    told_at: i64,
}

struct Figures {
    every: Option<Duration>,
    client_id: String,
    most: u64,
}

impl<D> Opaques<D> {
    fn take(&mut self, ticket: u64) -> Option<D> {
        let at = usize::try_from(ticket.checked_sub(self.first)?).ok()?;
        let opaque = self.waiting.get_mut(at)?.take();
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
        opaque
    }
}

#[async_trait::async_trait]
impl FromClientConfig for BaseProducer {
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultProducerContext).await
    }
}

#[async_trait::async_trait]
impl<C: ProducerContext> FromClientConfigAndContext<C> for BaseProducer<C> {
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let profile = profile::producer(config.config_map()).map_err(refused)?;
        let client = ProducerClient::open(&profile).ok_or_else(dead)?;
        let figures = Figures {
            every: profile.statistics.map(|every| Duration::from_nanos(every.0)),
            client_id: profile.client_id,
            most: u64::try_from(profile.most_messages).unwrap_or(u64::MAX),
        };
        let opaques =
            Opaques { first: 0, waiting: VecDeque::new(), done: 0, told_at: current_time_millis() };
        let (context, opaques) = (Arc::new(context), Mutex::new(opaques));
        Ok(Self { client, context, opaques, spare: Mutex::default(), figures })
    }
}

impl<C: ProducerContext> Producer<C> for BaseProducer<C> {
    fn base(&self) -> &BaseProducer<C> {
        self
    }
}

impl<C: ProducerContext> BaseProducer<C> {
    /// Takes a record into the queue.
    ///
    /// # Errors
    /// If the queue is full; the record comes back.
    #[expect(clippy::type_complexity, clippy::result_large_err, reason = "rdkafka's own signature")]
    pub fn send<'a, K, P>(
        &self,
        record: BaseRecord<'a, K, P, C::DeliveryOpaque>,
    ) -> Result<(), (KafkaError, BaseRecord<'a, K, P, C::DeliveryOpaque>)>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let content =
            content(record.key, record.payload, record.timestamp, record.headers.as_ref());
        let partition = match record.partition {
            Some(partition) if partition >= 0 => Some(u16::try_from(partition).unwrap_or(u16::MAX)),
            Some(_) | None => None,
        };
        let mut opaques = self.opaques.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = opaques.first + opaques.waiting.len() as u64;
        match self.client.send(record.topic, partition, content, ticket) {
            Ok(()) => {
                opaques.waiting.push_back(Some(record.delivery_opaque));
                Ok(())
            }
            Err(NotTaken::QueueFull) => {
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record))
            }
            Err(NotTaken::Gone) => Err((KafkaError::Canceled, record)),
        }
    }

    /// Tells of deliveries, and waits for some if there are none; how many there were.
    pub async fn poll<T: Into<Timeout>>(&self, timeout: T) -> i32 {
        let served = self.serve();
        if served > 0 {
            return served;
        }
        let limit = timeout.into().or_for_ever();
        let _ = madsim::time::timeout(limit, self.client.delivered()).await;
        self.serve()
    }

    /// Waits until every record has been delivered or given up, telling of it.
    ///
    /// # Errors
    /// If that takes longer than the timeout.
    pub async fn flush<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        let limit = timeout.into().or_for_ever();
        self.client.hurry();
        let all = async {
            loop {
                self.serve();
                if self.client.outstanding() == 0 {
                    return;
                }
                self.client.delivered().await;
            }
        };
        let in_time = madsim::time::timeout(limit, all).await;
        in_time.map_err(|_| KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut))
    }

    /// Transactions need a `transactional.id`, which is refused when a client is created.
    ///
    /// # Errors
    /// Always.
    pub async fn init_transactions<T: Into<Timeout>>(&self, _timeout: T) -> KafkaResult<()> {
        Err(KafkaError::Transaction(RDKafkaError::not_transactional()))
    }

    /// Transactions need a `transactional.id`, which is refused when a client is created.
    ///
    /// # Errors
    /// Always.
    pub fn begin_transaction(&self) -> KafkaResult<()> {
        Err(KafkaError::Transaction(RDKafkaError::not_transactional()))
    }

    /// Transactions need a `transactional.id`, which is refused when a client is created.
    ///
    /// # Errors
    /// Always.
    pub async fn commit_transaction<T: Into<Timeout>>(&self, _timeout: T) -> KafkaResult<()> {
        Err(KafkaError::Transaction(RDKafkaError::not_transactional()))
    }

    /// Transactions need a `transactional.id`, which is refused when a client is created.
    ///
    /// # Errors
    /// Always.
    pub async fn abort_transaction<T: Into<Timeout>>(&self, _timeout: T) -> KafkaResult<()> {
        Err(KafkaError::Transaction(RDKafkaError::not_transactional()))
    }

    fn serve(&self) -> i32 {
        // A callback may poll again, and then finds a buffer that is empty.
        let mut deliveries = {
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *spare)
        };
        self.client.deliveries(&mut deliveries);
        let count = deliveries.len();
        for delivery in deliveries.drain(..) {
            let opaque = {
                let mut opaques = self.opaques.lock().unwrap_or_else(PoisonError::into_inner);
                opaques.done += 1;
                opaques.take(delivery.ticket)
            };
            if let Some(opaque) = opaque {
                self.context.delivery(&result_of(delivery), opaque);
            }
        }
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = deliveries;
        self.tell_figures();
        i32::try_from(count).unwrap_or(i32::MAX)
    }

    fn tell_figures(&self) {
        let Some(every) = self.figures.every else { return };
        let now = current_time_millis();
        let mut opaques = self.opaques.lock().unwrap_or_else(PoisonError::into_inner);
        if u128::from((now - opaques.told_at).unsigned_abs()) < every.as_millis() {
            return;
        }
        opaques.told_at = now;
        let statistics = Statistics {
            name: format!("{}#producer-1", self.figures.client_id),
            client_id: self.figures.client_id.clone(),
            client_type: "producer".to_owned(),
            ts: now * 1_000,
            time: now / 1_000,
            msg_cnt: opaques.waiting.len() as u64,
            msg_max: self.figures.most,
            txmsgs: opaques.done,
            ..Statistics::default()
        };
        drop(opaques);
        if let Ok(text) = serde_json::to_vec(&statistics) {
            self.context.stats_raw(&text);
        }
    }

    /// Serves deliveries for ever, as a thread of librdkafka's binding does.
    async fn attend(&self) {
        loop {
            match self.figures.every {
                Some(every) => {
                    let _ = madsim::time::timeout(every, self.client.delivered()).await;
                }
                None => self.client.delivered().await,
            }
            self.serve();
        }
    }
}

#[expect(clippy::result_large_err, reason = "rdkafka's own type")]
fn result_of(delivery: Delivery) -> DeliveryResult<'static> {
    let error = delivery.error;
    let message = BorrowedMessage::owned(OwnedMessage::delivered(delivery));
    let code = match error {
        None => return Ok(message),
        Some(Undelivered::TimedOut) => RDKafkaErrorCode::MessageTimedOut,
        Some(Undelivered::UnknownTopic) => RDKafkaErrorCode::UnknownTopic,
        Some(Undelivered::UnknownPartition) => RDKafkaErrorCode::UnknownPartition,
        Some(Undelivered::Code(code)) => code.into(),
    };
    Err((KafkaError::MessageProduction(code), message))
}

/// A producer that polls itself.
pub struct ThreadedProducer<C: ProducerContext + 'static = DefaultProducerContext> {
    pub(super) base: Arc<BaseProducer<C>>,
    thread: JoinHandle<()>,
}

#[async_trait::async_trait]
impl FromClientConfig for ThreadedProducer {
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultProducerContext).await
    }
}

#[async_trait::async_trait]
impl<C: ProducerContext + 'static> FromClientConfigAndContext<C> for ThreadedProducer<C> {
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let base = Arc::new(BaseProducer::from_config_and_context(config, context).await?);
        let served = Arc::clone(&base);
        let thread = madsim::task::spawn(async move { served.attend().await });
        Ok(Self { base, thread })
    }
}

impl<C: ProducerContext> Producer<C> for ThreadedProducer<C> {
    fn base(&self) -> &BaseProducer<C> {
        &self.base
    }
}

impl<C: ProducerContext> Deref for ThreadedProducer<C> {
    type Target = BaseProducer<C>;

    fn deref(&self) -> &BaseProducer<C> {
        &self.base
    }
}

impl<C: ProducerContext> Drop for ThreadedProducer<C> {
    fn drop(&mut self) {
        self.thread.abort();
    }
}
