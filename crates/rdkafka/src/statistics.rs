//! Figures of a client, as librdkafka reports them: those that the simulator has; the others stay at zero.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// A client's figures.
#[derive(Serialize, Deserialize, Debug, Default, Clone)]
#[serde(default)]
pub struct Statistics {
    /// The client's name.
    pub name: String,
    /// `client.id`.
    pub client_id: String,
    /// `producer` or `consumer`.
    #[serde(rename = "type")]
    pub client_type: String,
    /// The monotonic clock in microseconds.
    pub ts: i64,
    /// The wall clock in seconds.
    pub time: i64,
    /// How old the client is, in microseconds.
    pub age: i64,
    /// Messages in the producer's queue.
    pub msg_cnt: u64,
    /// How many there may be.
    pub msg_max: u64,
    /// Messages sent.
    pub txmsgs: i64,
    /// Messages received.
    pub rxmsgs: i64,
    /// Topics by name.
    pub topics: HashMap<String, Topic>,
}

/// A topic's figures.
#[derive(Serialize, Deserialize, Debug, Default, Clone)]
#[serde(default)]
pub struct Topic {
    /// Its name.
    pub topic: String,
    /// Partitions by number.
    pub partitions: HashMap<i32, Partition>,
}

/// A partition's figures.
#[derive(Serialize, Deserialize, Debug, Default, Clone)]
#[serde(default)]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// The next offset for the application; -1001 if it has got none.
    pub app_offset: i64,
    /// The offset that was stored; -1001 if none was.
    pub stored_offset: i64,
    /// The offset that was committed last; -1001 if none was.
    pub committed_offset: i64,
    /// How far behind the end; -1 for not known, as everywhere here.
    pub consumer_lag: i64,
}
