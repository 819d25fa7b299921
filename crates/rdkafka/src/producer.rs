//! Producers: the one that is polled, the one that polls itself, and the one with futures.
//!
//! A producer that is dropped still sends what it took in, as long as its process lives; librdkafka throws it away.

pub mod base_producer;
pub mod future_producer;

use std::sync::Arc;

pub use crate::message::DeliveryResult;
pub use crate::producer::base_producer::{BaseProducer, BaseRecord, ThreadedProducer};
pub use crate::producer::future_producer::{DeliveryFuture, FutureProducer, FutureRecord};

use crate::client::ClientContext;
use crate::error::KafkaResult;
use crate::util::{IntoOpaque, Timeout};

/// What a producer tells its owner.
pub trait ProducerContext: ClientContext {
    /// What travels with a record.
    type DeliveryOpaque: IntoOpaque;
    /// What came of a record.
    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Self::DeliveryOpaque);
}

/// A context that hears nothing.
#[derive(Clone, Debug, Default)]
pub struct DefaultProducerContext;

impl ClientContext for DefaultProducerContext {}

impl ProducerContext for DefaultProducerContext {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// What all producers can do.
#[async_trait::async_trait]
pub trait Producer<C: ProducerContext = DefaultProducerContext> {
    /// The producer underneath.
    #[doc(hidden)]
    fn base(&self) -> &BaseProducer<C>;

    /// How many records are on their way.
    fn in_flight_count(&self) -> i32 {
        i32::try_from(self.base().client.outstanding()).unwrap_or(i32::MAX)
    }

    /// The context.
    fn context(&self) -> &Arc<C> {
        &self.base().context
    }

    /// Waits until every record has been delivered or given up.
    async fn flush<T: Into<Timeout> + Send>(&self, timeout: T) -> KafkaResult<()>
    where
        C: 'static,
    {
        self.base().flush(timeout).await
    }
}
