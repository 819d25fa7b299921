//! Configuration: librdkafka's names and values, checked when a client is created.

use std::collections::BTreeMap;

use stormglass_host::profile::BadProperty;

use crate::client::ClientContext;
use crate::error::{KafkaError, KafkaResult, RDKafkaConfRes};

/// How much is logged.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the levels of syslog")]
pub enum RDKafkaLogLevel {
    Emerg = 0,
    Alert = 1,
    Critical = 2,
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    Debug = 7,
}

/// A client's configuration.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    map: BTreeMap<String, String>,
    /// How much is logged.
    pub log_level: RDKafkaLogLevel,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientConfig {
    /// Nothing but defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { map: BTreeMap::new(), log_level: RDKafkaLogLevel::Info }
    }

    /// All that was set.
    #[must_use]
    pub const fn config_map(&self) -> &BTreeMap<String, String> {
        &self.map
    }

    /// The value of a property, if it was set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.map.get(key).map(String::as_str)
    }

    /// Sets a property.
    pub fn set<K: Into<String>, V: Into<String>>(&mut self, key: K, value: V) -> &mut Self {
        self.map.insert(key.into(), value.into());
        self
    }

    /// Unsets a property.
    pub fn remove(&mut self, key: &str) -> &mut Self {
        self.map.remove(key);
        self
    }

    /// Sets how much is logged.
    pub const fn set_log_level(&mut self, level: RDKafkaLogLevel) -> &mut Self {
        self.log_level = level;
        self
    }

    /// Creates a client.
    ///
    /// # Errors
    /// If there is a mistake in the configuration, or the process has died.
    pub async fn create<T: FromClientConfig>(&self) -> KafkaResult<T> {
        T::from_config(self).await
    }

    /// Creates a client with a context.
    ///
    /// # Errors
    /// If there is a mistake in the configuration, or the process has died.
    pub async fn create_with_context<C, T>(&self, context: C) -> KafkaResult<T>
    where
        C: ClientContext,
        T: FromClientConfigAndContext<C>,
    {
        T::from_config_and_context(self, context).await
    }
}

impl FromIterator<(String, String)> for ClientConfig {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(properties: I) -> Self {
        let mut config = Self::new();
        config.extend(properties);
        config
    }
}

impl Extend<(String, String)> for ClientConfig {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, properties: I) {
        self.map.extend(properties);
    }
}

/// A client that a configuration is enough for.
#[async_trait::async_trait]
pub trait FromClientConfig: Sized {
    /// Creates it.
    async fn from_config(config: &ClientConfig) -> KafkaResult<Self>;
}

/// A client that also takes a context.
#[async_trait::async_trait]
pub trait FromClientConfigAndContext<C: ClientContext>: Sized {
    /// Creates it.
    async fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self>;
}

pub(crate) fn refused(bad: BadProperty) -> KafkaError {
    let how = match bad.unknown {
        true => RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN,
        false => RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
    };
    KafkaError::ClientConfig(how, bad.why, bad.key, bad.value)
}

pub(crate) fn dead() -> KafkaError {
    KafkaError::ClientCreation("the process of this client has died".to_owned())
}
