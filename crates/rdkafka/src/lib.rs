//! The shape of `rdkafka`, with the simulated cluster behind it.
//!
//! Under `--cfg madsim`, in place of `madsim-rdkafka`:
//!
//! ```toml
//! rdkafka = { package = "stormglass-rdkafka", version = "0.1" }
//! ```
//!
//! What blocks in `rdkafka` is asynchronous here, as in `madsim-rdkafka`: creating clients, `poll`, `flush`, commits, seeks,
//! and whatever asks a broker. Groups, keys, acks, commits and rebalances mean what they mean in Kafka. Without the flag this
//! crate is empty, or, with the feature `real`, the real `rdkafka` as it is.
//!
//! Not here: transactions (a `transactional.id` is refused), `enable.partition.eof`, subscription patterns,
//! cooperative assignment, split partition queues.

#[cfg(all(not(madsim), feature = "real"))]
pub use rdkafka::*;

#[cfg(madsim)]
pub mod admin;
#[cfg(madsim)]
pub mod client;
#[cfg(madsim)]
pub mod config;
#[cfg(madsim)]
pub mod consumer;
#[cfg(madsim)]
pub mod error;
#[cfg(madsim)]
pub mod message;
#[cfg(madsim)]
pub mod metadata;
#[cfg(madsim)]
pub mod producer;
#[cfg(madsim)]
pub mod statistics;
#[cfg(madsim)]
mod timeout;
#[cfg(madsim)]
pub mod topic_partition_list;
#[cfg(madsim)]
pub mod types;
#[cfg(madsim)]
pub mod util {
    //! Timeouts and opaques, where `rdkafka` has them.
    pub use crate::timeout::{IntoOpaque, Timeout, current_time_millis, millis_to_epoch};
}

#[cfg(madsim)]
pub use crate::client::ClientContext;
#[cfg(madsim)]
pub use crate::config::ClientConfig;
#[cfg(madsim)]
pub use crate::message::{Message, Timestamp};
#[cfg(madsim)]
pub use crate::statistics::Statistics;
#[cfg(madsim)]
pub use crate::topic_partition_list::{Offset, TopicPartitionList};
