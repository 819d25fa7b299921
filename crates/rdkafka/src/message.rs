//! Messages, keys, payloads, headers.

use std::fmt;
use std::marker::PhantomData;
use std::str::Utf8Error;
use std::sync::Arc;
use std::time::SystemTime;

use stormglass_host::consumer::{Handed, Receipt};
use stormglass_host::producer::Delivery;
use stormglass_host::{Content, Headers as Pairs};

use crate::error::KafkaError;
use crate::util::millis_to_epoch;

/// Bytes as a type.
pub trait FromBytes {
    /// What can go wrong.
    type Error;
    /// The bytes as the type.
    ///
    /// # Errors
    /// If they are not of the type.
    fn from_bytes(bytes: &[u8]) -> Result<&Self, Self::Error>;
}

impl FromBytes for [u8] {
    type Error = ();
    fn from_bytes(bytes: &[u8]) -> Result<&Self, ()> {
        Ok(bytes)
    }
}

impl FromBytes for str {
    type Error = Utf8Error;
    fn from_bytes(bytes: &[u8]) -> Result<&Self, Utf8Error> {
        std::str::from_utf8(bytes)
    }
}

/// A type as bytes.
pub trait ToBytes {
    /// Its bytes.
    fn to_bytes(&self) -> &[u8];
}

impl ToBytes for [u8] {
    fn to_bytes(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> ToBytes for [u8; N] {
    fn to_bytes(&self) -> &[u8] {
        self
    }
}

impl ToBytes for str {
    fn to_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl ToBytes for Vec<u8> {
    fn to_bytes(&self) -> &[u8] {
        self
    }
}

impl ToBytes for String {
    fn to_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<T: ToBytes> ToBytes for &T {
    fn to_bytes(&self) -> &[u8] {
        (*self).to_bytes()
    }
}

impl ToBytes for () {
    fn to_bytes(&self) -> &[u8] {
        &[]
    }
}

/// One header.
#[derive(Debug, Clone, Eq, PartialEq, Ord, PartialOrd)]
pub struct Header<'a, V> {
    /// Its name.
    pub key: &'a str,
    /// Its value, if it has one.
    pub value: Option<V>,
}

impl<'a> Header<'a, &'a [u8]> {
    fn parse<V: FromBytes + ?Sized>(self) -> Result<Header<'a, &'a V>, V::Error> {
        Ok(Header { key: self.key, value: self.value.map(V::from_bytes).transpose()? })
    }
}

/// Headers to be read.
pub trait Headers {
    /// How many there are.
    fn count(&self) -> usize;

    /// The header at a place, if there is one.
    fn try_get(&self, place: usize) -> Option<Header<'_, &[u8]>>;

    /// The header at a place.
    ///
    /// # Panics
    /// If there is none.
    fn get(&self, place: usize) -> Header<'_, &[u8]> {
        let count = self.count();
        self.try_get(place).unwrap_or_else(|| panic!("header {place} of {count}"))
    }

    /// The header at a place as a type, if there is one.
    fn try_get_as<V: FromBytes + ?Sized>(
        &self,
        place: usize,
    ) -> Option<Result<Header<'_, &V>, V::Error>> {
        self.try_get(place).map(Header::parse)
    }

    /// The header at a place as a type.
    ///
    /// # Errors
    /// If it is not of the type.
    ///
    /// # Panics
    /// If there is none.
    fn get_as<V: FromBytes + ?Sized>(&self, place: usize) -> Result<Header<'_, &V>, V::Error> {
        self.get(place).parse()
    }

    /// All of them.
    fn iter(&self) -> HeadersIter<'_, Self>
    where
        Self: Sized,
    {
        HeadersIter { headers: self, place: 0 }
    }
}

/// Headers one by one.
#[derive(Debug)]
pub struct HeadersIter<'a, H> {
    headers: &'a H,
    place: usize,
}

impl<'a, H: Headers> Iterator for HeadersIter<'a, H> {
    type Item = Header<'a, &'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let header = self.headers.try_get(self.place)?;
        self.place += 1;
        Some(header)
    }
}

/// Headers that own their bytes.
#[derive(Clone, Default, Debug)]
pub struct OwnedHeaders {
    pairs: Arc<Pairs>,
}

/// Headers of a message that a client handed out.
pub type BorrowedHeaders = OwnedHeaders;

impl OwnedHeaders {
    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, with room.
    #[must_use]
    pub fn new_with_capacity(capacity: usize) -> Self {
        Self { pairs: Arc::new(Vec::with_capacity(capacity)) }
    }

    /// With one more.
    #[must_use]
    pub fn insert<V: ToBytes + ?Sized>(mut self, header: Header<'_, &V>) -> Self {
        let value = header.value.map(|value| value.to_bytes().to_vec());
        Arc::make_mut(&mut self.pairs).push((header.key.to_owned(), value));
        self
    }

    /// The same, owned.
    #[must_use]
    pub fn detach(&self) -> Self {
        self.clone()
    }
}

impl Headers for OwnedHeaders {
    fn count(&self) -> usize {
        self.pairs.len()
    }

    fn try_get(&self, place: usize) -> Option<Header<'_, &[u8]>> {
        let (key, value) = self.pairs.get(place)?;
        Some(Header { key, value: value.as_deref() })
    }
}

/// When a message was made, or taken in.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Timestamp {
    /// Not known.
    NotAvailable,
    /// The producer's clock, in milliseconds.
    CreateTime(i64),
    /// The broker's clock, in milliseconds.
    LogAppendTime(i64),
}

impl Timestamp {
    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn to_millis(self) -> Option<i64> {
        match self {
            Self::NotAvailable | Self::CreateTime(-1) | Self::LogAppendTime(-1) => None,
            Self::CreateTime(at) | Self::LogAppendTime(at) => Some(at),
        }
    }

    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }
}

impl From<i64> for Timestamp {
    fn from(millis: i64) -> Self {
        Self::CreateTime(millis)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self::CreateTime(millis_to_epoch(time))
    }
}

/// A message to be read.
pub trait Message {
    /// Its kind of headers.
    type Headers: Headers;
    /// The key, if it has one.
    fn key(&self) -> Option<&[u8]>;
    /// The payload, if it has one.
    fn payload(&self) -> Option<&[u8]>;
    /// The topic.
    fn topic(&self) -> &str;
    /// The partition.
    fn partition(&self) -> i32;
    /// The offset.
    fn offset(&self) -> i64;
    /// When it was made.
    fn timestamp(&self) -> Timestamp;
    /// The headers, if it has any.
    fn headers(&self) -> Option<&Self::Headers>;

    /// The payload as a type, if there is one.
    fn payload_view<P: FromBytes + ?Sized>(&self) -> Option<Result<&P, P::Error>> {
        self.payload().map(P::from_bytes)
    }

    /// The key as a type, if there is one.
    fn key_view<K: FromBytes + ?Sized>(&self) -> Option<Result<&K, K::Error>> {
        self.key().map(K::from_bytes)
    }
}

/// A message that owns its bytes. A clone shares them.
#[derive(Clone, Debug)]
pub struct OwnedMessage {
    topic: Arc<str>,
    partition: i32,
    offset: i64,
    content: Content,
    timestamp: Timestamp,
    headers: Option<OwnedHeaders>,
}

impl OwnedMessage {
    /// A message.
    #[must_use]
    pub fn new(
        payload: Option<Vec<u8>>,
        key: Option<Vec<u8>>,
        topic: String,
        timestamp: Timestamp,
        partition: i32,
        offset: i64,
        headers: Option<OwnedHeaders>,
    ) -> Self {
        let content = Content {
            key: key.map(Into::into),
            payload: payload.map(Into::into),
            ..Content::default()
        };
        Self { topic: topic.into(), partition, offset, content, timestamp, headers }
    }

    fn of(topic: Arc<str>, partition: i32, offset: i64, content: Content) -> Self {
        let timestamp = content.timestamp.map_or(Timestamp::NotAvailable, Timestamp::CreateTime);
        let headers = content.headers.clone().map(|pairs| OwnedHeaders { pairs });
        Self { topic, partition, offset, content, timestamp, headers }
    }

    pub(crate) fn delivered(delivery: Delivery) -> Self {
        let partition = delivery.partition.map_or(-1, i32::from);
        let offset = delivery.offset.unwrap_or(-1_001);
        Self::of(delivery.topic, partition, offset, delivery.content)
    }
}

impl Message for OwnedMessage {
    type Headers = OwnedHeaders;

    fn key(&self) -> Option<&[u8]> {
        self.content.key.as_deref()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.content.payload.as_deref()
    }

    fn topic(&self) -> &str {
        &self.topic
    }

    fn partition(&self) -> i32 {
        self.partition
    }

    fn offset(&self) -> i64 {
        self.offset
    }

    fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    fn headers(&self) -> Option<&OwnedHeaders> {
        self.headers.as_ref()
    }
}

/// A message that a client handed out.
pub struct BorrowedMessage<'a> {
    message: OwnedMessage,
    receipt: Option<Receipt>,
    client: PhantomData<&'a ()>,
}

impl BorrowedMessage<'_> {
    pub(crate) fn handed(handed: Handed) -> Self {
        let Handed { topic, partition, offset, content, receipt } = handed;
        let message = OwnedMessage::of(topic, i32::from(partition.partition), offset, content);
        Self { message, receipt: Some(receipt), client: PhantomData }
    }

    pub(crate) const fn owned(message: OwnedMessage) -> Self {
        Self { message, receipt: None, client: PhantomData }
    }

    /// The message, for as long as one likes.
    #[must_use]
    pub fn detach(&self) -> OwnedMessage {
        self.message.clone()
    }

    /// Tells the storm that the code has finished with this message: for applications whose scenario says
    /// `processed: explicit`.
    pub fn processed(&self) {
        if let Some(receipt) = &self.receipt {
            receipt.processed();
        }
    }
}

impl Message for BorrowedMessage<'_> {
    type Headers = BorrowedHeaders;

    fn key(&self) -> Option<&[u8]> {
        self.message.key()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.message.payload()
    }

    fn topic(&self) -> &str {
        self.message.topic()
    }

    fn partition(&self) -> i32 {
        self.message.partition()
    }

    fn offset(&self) -> i64 {
        self.message.offset()
    }

    fn timestamp(&self) -> Timestamp {
        self.message.timestamp()
    }

    fn headers(&self) -> Option<&BorrowedHeaders> {
        self.message.headers()
    }
}

impl fmt::Debug for BorrowedMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message {}[{}]@{}", self.topic(), self.partition(), self.offset())
    }
}

/// What came of a produced message.
pub type DeliveryResult<'a> = Result<BorrowedMessage<'a>, (KafkaError, BorrowedMessage<'a>)>;

/// The content of a record to be sent.
pub(crate) fn content<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
    key: Option<&K>,
    payload: Option<&P>,
    timestamp: Option<i64>,
    headers: Option<&OwnedHeaders>,
) -> Content {
    Content {
        key: key.map(|key| Arc::from(key.to_bytes())),
        payload: payload.map(|payload| Arc::from(payload.to_bytes())),
        headers: headers.map(|headers| Arc::clone(&headers.pairs)),
        timestamp,
    }
}
