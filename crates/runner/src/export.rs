//! Exports of whole runs: the history for other checkers, the trace for people.

mod history;
mod perfetto;
mod trace;

#[cfg(test)]
mod tests;

pub use history::{Provenance, write_history};
pub use perfetto::write_perfetto;
pub(crate) use trace::trace_line;
pub use trace::{trace_words, write_trace};
