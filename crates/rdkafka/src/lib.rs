//! The shape of `rdkafka`, with the simulated cluster behind it.
//!
//! Under `--cfg madsim`, in place of `madsim-rdkafka`:
//!
//! ```toml
//! rdkafka = { package = "stormglass-rdkafka", version = "0.1" }
//! ```
//!
//! What blocks in `rdkafka` is asynchronous here, as in `madsim-rdkafka`: creating clients, `poll`, `flush`, commits, seeks,
//! and whatever asks a broker. Groups, keys, acks, commits and rebalances mean what they mean in Kafka.
//!
//! Without the flag this crate is empty, unless a feature says otherwise; both build librdkafka, in C. `real` is the real
//! `rdkafka` as it is. `real-async` is the real client as `madsim-rdkafka` builds it without the flag, with the same
//! asynchronous functions: the same code then builds for the simulator and for production.
//!
//! Not here: transactions (a `transactional.id` is refused), `enable.partition.eof`, subscription patterns, incremental
//! assignment by the code's own hand, split partition queues; an administrator creates topics and partitions and nothing else.

#[cfg(all(not(madsim), feature = "real-async"))]
pub use madsim_rdkafka::*;
#[cfg(all(not(madsim), feature = "real", not(feature = "real-async")))]
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
