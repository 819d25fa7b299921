//! The table of rules, for people and for programs.

use serde_json::{Value, json};
use stormglass_kafka::{Missing, Rule, Rules};

pub use stormglass_kafka::Release;

use super::layout::{BOLD, DIM, paint, wrap};

/// Where the text of a rule begins.
const INDENT: usize = 4;

/// Every rule with its name, what it says, where it comes from and which releases lacked it; or those alone that `rules` lack.
#[must_use]
pub fn rules_table(lacking: Option<Rules>) -> String {
    let mut out = String::new();
    for rule in listed(lacking) {
        out.push_str(&paint(BOLD, rule.name()));
        out.push('\n');
        out.push_str(&" ".repeat(INDENT));
        wrap(&mut out, rule.says(), INDENT);
        out.push_str(&" ".repeat(INDENT));
        out.push_str(&paint(DIM, rule.source()));
        out.push('\n');
        if let Some(missing) = Missing::of(rule) {
            out.push_str(&" ".repeat(INDENT));
            out.push_str(&paint(DIM, &format!("missing in Kafka: {missing}")));
            out.push('\n');
        }
    }
    out
}

/// The same as JSON: a list of objects with `name`, `says`, `source` and, where releases lacked the rule, `missing` with the
/// releases `since` and `until` when, each null if there is none.
#[must_use]
pub fn rules_json(lacking: Option<Rules>) -> Value {
    let entry = |rule: Rule| {
        let mut entry =
            json!({ "name": rule.name(), "says": rule.says(), "source": rule.source() });
        if let Some(Missing { since, until }) = Missing::of(rule) {
            let text = |release: Option<Release>| release.map(|release| release.to_string());
            entry["missing"] = json!({ "since": text(since), "until": text(until) });
        }
        entry
    };
    listed(lacking).map(entry).collect()
}

fn listed(lacking: Option<Rules>) -> impl Iterator<Item = Rule> {
    Rule::ALL.iter().copied().filter(move |rule| lacking.is_none_or(|rules| !rules.on(*rule)))
}
