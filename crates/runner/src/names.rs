//! Names for ids: what a topic, process, key or record of a run is called.
//!
//! Reads the cast of a history and nothing else.

use stormglass_types::history::{Header, History};
use stormglass_types::{
    GroupId, Key, NodeId, SourceId, TopicId, TopicPartition, Value, ValueRange,
};

/// The names of one run.
#[derive(Clone, Copy, Debug)]
pub struct Names<'h> {
    history: &'h History,
    header: &'h Header,
}

impl<'h> Names<'h> {
    /// The names in a history.
    #[must_use]
    pub fn new(history: &'h History) -> Self {
        Self { history, header: &history.header }
    }

    /// A process: `broker-1`, `checkout-2`.
    #[must_use]
    pub fn process(&self, node: NodeId) -> String {
        self.header.processes.get(node).map_or_else(|| node.to_string(), |it| it.name.clone())
    }

    /// A topic: `orders`.
    #[must_use]
    pub fn topic(&self, topic: TopicId) -> String {
        self.header.topics.get(topic).map_or_else(|| topic.to_string(), |it| it.name.clone())
    }

    /// A partition: `orders-3`.
    #[must_use]
    pub fn partition(&self, partition: TopicPartition) -> String {
        format!("{}-{}", self.topic(partition.topic), partition.partition)
    }

    /// A group: `billing`.
    #[must_use]
    pub fn group(&self, group: GroupId) -> String {
        self.header.groups.get(group).map_or_else(|| group.to_string(), |it| it.name.clone())
    }

    /// A key of a record.
    #[must_use]
    pub fn key(&self, key: Key) -> String {
        let named = usize::try_from(key.0).ok().and_then(|place| self.header.keys.get(place));
        named.cloned().unwrap_or_else(|| format!("key-{}", key.0))
    }

    /// One life of a producer: `checkout-1#0`, then `checkout-1#1` after a restart.
    #[must_use]
    pub fn source(&self, source: SourceId) -> String {
        self.history.source_name(source)
    }

    /// A record: `checkout-1#0:17`, the 18th that this life gave to its partition.
    #[must_use]
    pub fn value(&self, value: Value) -> String {
        self.history.value_name(value)
    }

    /// Some records: `checkout-1#0:17..19`.
    #[must_use]
    pub fn values(&self, values: ValueRange) -> String {
        match values.count {
            0 => "nothing".to_owned(),
            1 => self.value(values.at(0)),
            count => format!("{}..{}", self.value(values.at(0)), values.at(count - 1).serial),
        }
    }
}
