//! Scenarios, sweeps, expectations and reports: everything between a file on disk and a verdict on a screen.

pub mod scenario;
