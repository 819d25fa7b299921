//! Planted histories: for every checker one that it must reject, and legal neighbours that it must accept.

mod model;
mod planted;
mod seeks;
mod verdicts;
