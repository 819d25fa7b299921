//! The part of the world that would simulate any cluster: time, connections, timers.
//!
//! Does not know Kafka: messages are a type parameter, processes are numbers.

pub mod net;
pub mod queue;
pub mod timers;
