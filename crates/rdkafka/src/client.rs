//! What all clients have in common: the context that hears from them.

use std::error::Error;

use crate::config::RDKafkaLogLevel;
use crate::error::KafkaError;
use crate::statistics::Statistics;

/// What a client tells its owner unasked.
pub trait ClientContext: Send + Sync + 'static {
    /// Whether tokens are to be refreshed; there are none here.
    fn enable_refresh_oauth_token(&self) -> bool {
        false
    }

    /// A line of the client's log. Nothing is logged unless this does.
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}

    /// Figures, every `statistics.interval.ms`.
    fn stats(&self, _statistics: Statistics) {}

    /// The same figures as JSON.
    fn stats_raw(&self, statistics: &[u8]) {
        if let Ok(statistics) = serde_json::from_slice(statistics) {
            self.stats(statistics);
        }
    }

    /// Something went wrong with the client as a whole.
    fn error(&self, _error: KafkaError, _reason: &str) {}

    /// A token; there are none here.
    ///
    /// # Errors
    /// Always.
    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        Err("there are no tokens in the simulator".into())
    }
}

/// A context that hears nothing.
#[derive(Clone, Debug, Default)]
pub struct DefaultClientContext;

impl ClientContext for DefaultClientContext {}

/// A token and what is known of it.
#[derive(Clone, Debug)]
pub struct OAuthToken {
    /// The token.
    pub token: String,
    /// Whose it is.
    pub principal_name: String,
    /// When it ends, in milliseconds since the epoch.
    pub lifetime_ms: i64,
}
