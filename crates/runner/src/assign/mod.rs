//! `stormglass assign`: who gets what from each assignor, what moves, how even it is, as members come and go.
//!
//! Runs no world: it calls the assignors of the model directly. Server assignors meet members in the order of a `HashMap` of
//! their ids, which is the coordinator's unless its own table gives them to that map in another order.

mod model;
mod parse;
mod render;
mod session;

pub use model::{Group, MemberSpec, Mistakes, Script, Step, TopicSpec};
pub use parse::{parse_assignors, parse_member, parse_owned, parse_step, parse_topic};
pub use render::{json_line, table, yaml_document};
pub use session::{Held, Move, Near, Outcome, Session, Spread, StepReport};

#[cfg(test)]
mod tests;
