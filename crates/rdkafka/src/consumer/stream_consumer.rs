//! The consumer that is a stream.

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use crate::consumer::{BaseConsumer, Consumer, ConsumerContext, DefaultConsumerContext};
use crate::error::KafkaResult;
use crate::message::BorrowedMessage;

/// A consumer that is a stream.
#[must_use = "a consumer that is dropped leaves its group"]
pub struct StreamConsumer<C: ConsumerContext = DefaultConsumerContext> {
    base: BaseConsumer<C>,
}

#[async_trait::async_trait]
impl FromClientConfig for StreamConsumer {
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultConsumerContext).await
    }
}

#[async_trait::async_trait]
impl<C: ConsumerContext> FromClientConfigAndContext<C> for StreamConsumer<C> {
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        Ok(Self { base: BaseConsumer::from_config_and_context(config, context).await? })
    }
}

impl<C: ConsumerContext> Consumer<C> for StreamConsumer<C> {
    fn base(&self) -> &BaseConsumer<C> {
        &self.base
    }
}

impl<C: ConsumerContext> Deref for StreamConsumer<C> {
    type Target = BaseConsumer<C>;

    fn deref(&self) -> &BaseConsumer<C> {
        &self.base
    }
}

impl<C: ConsumerContext> StreamConsumer<C> {
    /// The next message.
    ///
    /// # Errors
    /// If something went wrong; the consumer goes on.
    pub async fn recv(&self) -> KafkaResult<BorrowedMessage<'_>> {
        std::future::poll_fn(|context| self.base.poll_message(context)).await
    }

    /// Messages for ever.
    pub fn stream(&self) -> MessageStream<'_, C> {
        MessageStream::of(&self.base)
    }
}

/// Messages for ever.
pub struct MessageStream<'a, C: ConsumerContext = DefaultConsumerContext> {
    consumer: &'a BaseConsumer<C>,
}

impl<'a, C: ConsumerContext> MessageStream<'a, C> {
    pub(super) const fn of(consumer: &'a BaseConsumer<C>) -> Self {
        Self { consumer }
    }
}

impl<'a, C: ConsumerContext> Stream for MessageStream<'a, C> {
    type Item = KafkaResult<BorrowedMessage<'a>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.consumer.poll_message(context).map(Some)
    }
}
