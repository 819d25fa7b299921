//! The seeded world: virtual time, network, disks, crashes, workloads and white-box invariants.
//!
//! A run is a value: [`plan::Plan`] in, history and digest out. Nothing here parses, prints or judges.

pub mod plan;
