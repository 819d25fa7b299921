//! Exports of whole runs: the history for other checkers, the trace for people.

mod history;
mod trace;

#[cfg(test)]
mod tests;

pub use history::{Provenance, write_history};
pub(crate) use trace::trace_line;
pub use trace::write_trace;
