//! The seeded world: virtual time, network, disks, crashes, workloads and white-box invariants.
//!
//! A run is a value: [`plan::Plan`] in, history and digest out. Nothing here parses, prints or judges.

pub mod chaos;
pub mod engine;
pub mod plan;
mod world;

pub use world::{
    Breach, BreachKind, ClientId, ClientKind, End, FaultStory, Parting, Phase, Reel, Step, Tape,
    Told, TraceKind, TraceRecord, View, World,
};
