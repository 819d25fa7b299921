//! Scenarios, sweeps, expectations and reports: everything between a file on disk and a verdict on a screen.
//!
//! Judges nothing itself and simulates nothing itself; prints nothing either: renderers write to whatever they are given.

pub mod assign;
pub mod assignments;
pub mod corpus;
pub mod debug;
pub mod discover;
pub mod execute;
pub mod explain;
pub mod export;
pub mod grid;
pub mod inspect;
pub mod lint;
pub mod names;
pub mod profiles;
pub mod replay;
pub mod report;
pub mod result;
pub mod saved;
pub mod scenario;
pub mod shrink;
pub mod subject;
pub mod suite;
pub mod sweep;
pub mod template;
pub mod words;
