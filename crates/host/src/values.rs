//! What records really are: the model knows identities, this table knows the bytes behind them.
//!
//! A record of a background producer has no bytes of its own; it gets some that tell where it came from.

use std::sync::Arc;

use stormglass_types::{Dense, PartitionMap, SourceId, TopicPartition, Value};

/// Headers in their order; a value may be missing.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record's content. A clone shares the bytes.
#[derive(Clone, Default, Debug)]
pub struct Content {
    /// The key.
    pub key: Option<Arc<[u8]>>,
    /// The value.
    pub payload: Option<Arc<[u8]>>,
    /// The headers.
    pub headers: Option<Arc<Headers>>,
    /// `CreateTime` in milliseconds.
    pub timestamp: Option<i64>,
}

/// The contents of all records that people's own producers took in.
#[derive(Default)]
pub(crate) struct Values {
    sources: Vec<PartitionMap<Kept>>,
}

/// Contents by serial, in chunks: they never move, however many there will be.
#[derive(Default)]
struct Kept {
    chunks: Vec<Vec<Content>>,
}

/// Contents per chunk.
const CHUNK: usize = 1_024;

impl Kept {
    fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, Vec::len);
        self.chunks.len().saturating_sub(1) * CHUNK + last
    }

    fn push(&mut self, content: Content) {
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            // The first chunk grows: most sources have few records.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.push(content);
        }
    }

    fn get(&self, serial: usize) -> Option<&Content> {
        self.chunks.get(serial / CHUNK)?.get(serial % CHUNK)
    }
}

impl Values {
    /// Keeps the content of a record; serials of a source and partition come in order.
    pub(crate) fn keep(&mut self, partition: TopicPartition, value: Value, content: Content) {
        let source = value.source.index();
        if self.sources.len() <= source {
            self.sources.resize_with(source + 1, PartitionMap::default);
        }
        let kept = self.sources[source].get_or_insert_with(partition, Kept::default);
        assert!(kept.len() == value.serial as usize, "records are taken in by serial");
        kept.push(content);
    }

    /// The content of a record, if one of people's own producers sent it.
    pub(crate) fn get(&self, partition: TopicPartition, value: Value) -> Option<&Content> {
        self.sources.get(value.source.index())?.get(partition)?.get(value.serial as usize)
    }
}

/// What a background record says.
pub(crate) fn synthetic(source: SourceId, from: &str, serial: u32, key: Option<&str>) -> Content {
    let text = format!("{{\"from\":\"{from}\",\"source\":{},\"serial\":{serial}}}", source.0);
    Content {
        key: key.map(|key| Arc::from(key.as_bytes())),
        payload: Some(Arc::from(text.as_bytes())),
        headers: None,
        timestamp: None,
    }
}
