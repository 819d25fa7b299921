//! The table of rules, for people and for programs.

use serde_json::{Value, json};
use stormglass_kafka::Rule;

use super::layout::{BOLD, DIM, paint, wrap};

/// Where the text of a rule begins.
const INDENT: usize = 4;

/// Every rule with its name, what it says and where it comes from.
#[must_use]
pub fn rules_table() -> String {
    let mut out = String::new();
    for rule in Rule::ALL {
        out.push_str(&paint(BOLD, rule.name()));
        out.push('\n');
        out.push_str(&" ".repeat(INDENT));
        wrap(&mut out, rule.says(), INDENT);
        out.push_str(&" ".repeat(INDENT));
        out.push_str(&paint(DIM, rule.source()));
        out.push('\n');
    }
    out
}

/// The same as JSON: a list of objects with `name`, `says` and `source`.
#[must_use]
pub fn rules_json() -> Value {
    let rules = Rule::ALL.iter();
    rules
        .map(|rule| json!({ "name": rule.name(), "says": rule.says(), "source": rule.source() }))
        .collect()
}
