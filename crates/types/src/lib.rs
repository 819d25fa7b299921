//! The vocabulary that every other crate speaks: time, ids, batches, error codes, chance and histories.
//!
//! Knows nothing of machines, worlds, files or people: no behaviour of Kafka lives here.
#![no_std]

extern crate alloc;

mod batch;
mod chunked;
mod digest;
mod error;
pub mod history;
mod id;
mod id_vec;
mod random;
mod time;

pub use batch::{Key, Value, ValueRange};
pub use chunked::Chunked;
pub use digest::Digest;
pub use error::ErrorCode;
pub use id::{
    BrokerEpoch, BrokerId, Generation, GroupId, LeaderEpoch, MemberId, NodeId, Offset,
    PartitionEpoch, ProducerEpoch, ProducerId, Sequence, SourceId, TopicId, TopicPartition,
};
pub use id_vec::{Dense, IdVec, PartitionMap};
pub use random::{Choice, Rng, Stream, Streams};
pub use time::{Span, Time, Wall};
