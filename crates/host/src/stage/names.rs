//! Names that the code uses, and what the world has for them.

use std::sync::Arc;

use stormglass_types::{Dense, GroupId, Key, TopicId, TopicPartition, Value};

use crate::stage::Inner;
use crate::values::{Content, synthetic};

/// How many names of keys the history keeps; a run may have millions of keys.
const MOST_KEY_NAMES: usize = 4_096;

impl Inner {
    /// The topic of a name.
    pub(crate) fn topic(&self, name: &str) -> Option<TopicId> {
        self.topics.iter().position(|known| &**known == name).map(TopicId::from_index)
    }

    /// A topic's name.
    pub(crate) fn topic_name(&self, topic: TopicId) -> Arc<str> {
        Arc::clone(&self.topics[topic.index()])
    }

    /// All topics that people made.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (TopicId, &Arc<str>)> {
        let all = self.topics.iter().enumerate().skip(1);
        all.map(|(at, name)| (TopicId::from_index(at), name))
    }

    /// Takes a name in for a topic that was just made.
    pub(crate) fn name_topic(&mut self, name: &str) {
        self.topics.push(Arc::from(name));
    }

    /// The group of a `group.id`, if the scenario has it.
    pub(crate) fn group(&self, name: &str) -> Option<GroupId> {
        let groups = &self.world.plan().groups;
        groups.iter().position(|known| known.name == name).map(GroupId::from_index)
    }

    /// The identity of a key.
    pub(crate) fn key(&mut self, bytes: &[u8]) -> Key {
        if let Some(key) = self.keys.get(bytes) {
            return *key;
        }
        let known = self.world.history().header.keys.len();
        let key = if known < MOST_KEY_NAMES && self.keys.len() == known {
            self.world.name_key(String::from_utf8_lossy(bytes).into_owned())
        } else {
            Key(u32::try_from(self.keys.len()).expect("fewer than 2^32 keys"))
        };
        self.keys.insert(bytes.to_vec(), key);
        key
    }

    /// What a record really is.
    pub(crate) fn content(&self, partition: TopicPartition, value: Value) -> Content {
        if let Some(content) = self.values.get(partition, value) {
            return content.clone();
        }
        let history = self.world.history();
        let source = history.sources.get(value.source.index());
        let from = source.map(|source| history.header.processes[source.process].name.as_str());
        let key = self.world.key_of(partition, value);
        let key = key.and_then(|key| history.header.keys.get(key.0 as usize));
        let key = key.map(String::as_str);
        synthetic(value.source, from.unwrap_or("unknown"), value.serial, key)
    }
}
