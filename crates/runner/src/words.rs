//! What happened, in words: events of a history and faults of a plan as sentences for people.
//!
//! Decides nothing; every sentence is made from names and numbers that are already there.

mod event;
mod fault;
mod note;
mod span;

pub use event::event;
pub(crate) use event::subject;
pub use fault::{fault_lines, fault_target, fault_words};
pub(crate) use note::brokers;
pub use note::note;
pub use span::{clock, count, micros, seeds, short_span};
