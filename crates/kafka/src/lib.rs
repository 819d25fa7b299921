//! Kafka as machines without I/O: brokers, controller, coordinators, producers, consumers.
//!
//! Everything a machine learns arrives as an [`Input`], everything it does leaves through the [`Outbox`]. Nothing here knows
//! global time, other nodes, files, sockets or the list of faults; none of those would compile.
#![no_std]

extern crate alloc;

pub mod admin;
pub mod assignor;
pub mod broker;
pub mod channel;
pub mod compression;
pub mod config;
pub mod consumer;
pub mod controller;
pub mod group;
pub mod inquiry;
pub mod log;
mod machine;
mod mark;
pub mod message;
pub mod metadata;
pub mod note;
pub mod producer;
pub mod raft;
pub mod record;
mod releases;
mod rules;
pub mod settings;
pub mod transaction;

pub use machine::{
    Boot, BrokerSetup, Call, Completion, ConnId, ConsumerSetup, ControllerSetup, CrashKind,
    CrashReport, Directory, Durable, Effect, Exit, Input, Machine, Now, OpId, Outbox, PolledBatch,
    ProducerSetup, Report, SendCall, Start, Steer, SyncToken, Timer, TransactionCall,
};
pub use mark::{Mark, Marks};
pub use note::{Note, ReplicaRole};
pub use releases::{Missing, Release};
pub use rules::{Rule, Rules};
