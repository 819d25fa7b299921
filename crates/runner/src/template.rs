//! A first scenario, with a comment on everything that a newcomer would want to change.

/// The text of a first scenario.
pub const FIRST_SCENARIO: &str = include_str!("template/first.yaml");
