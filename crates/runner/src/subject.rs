//! What is to be run: a scenario reduced to its name, its expectations and the plans of its seeds.
//!
//! Does not know where scenarios come from, so that plans can be run that nobody wrote down.

use std::sync::Arc;

use stormglass_sim::plan::Plan;

use crate::scenario::{Client, MetricRule, Scenario};

/// Something that has a plan for every seed.
#[derive(Clone)]
pub struct Subject {
    /// The scenario's name in reports.
    pub name: String,
    /// What a command line calls it: the path of its file.
    pub path: String,
    /// Whose client all applications have, if not the one that each names.
    pub everyone: Option<Client>,
    /// The invariants that the outcome of a run depends on; all if empty.
    pub asked: Vec<&'static str>,
    /// Bounds on figures; they decide no outcome, but a suite's.
    pub metrics: Vec<MetricRule>,
    /// The plan of a seed.
    pub plan: Arc<dyn Fn(u64) -> Plan + Send + Sync>,
}

impl Subject {
    /// A scenario as a subject. Its outcome depends on what it expects to hold or to break.
    #[must_use]
    pub fn of(scenario: &Arc<Scenario>) -> Self {
        let expect = scenario.expect();
        let plans = Arc::clone(scenario);
        Self {
            name: report_name(scenario.name()),
            path: scenario.name().to_owned(),
            everyone: scenario.everyone(),
            asked: expect.hold.iter().chain(&expect.violate).copied().collect(),
            metrics: expect.metrics.iter().chain(&expect.exceed).cloned().collect(),
            plan: Arc::new(move |seed| plans.plan(seed)),
        }
    }

    /// Whether the outcome of a run depends on an invariant.
    #[must_use]
    pub fn asks(&self, invariant: &str) -> bool {
        self.asked.is_empty() || self.asked.contains(&invariant)
    }

    /// The command that runs one seed again.
    #[must_use]
    pub fn repro(&self, seed: u64) -> String {
        let everyone = self.everyone.map(|client| format!(" --profiles {}", client.name()));
        let everyone = everyone.unwrap_or_default();
        format!("stormglass run {} --seed {seed}{everyone}", shell_word(&self.path))
    }
}

/// What reports call a scenario: its path below the folder `scenarios`, or its folder and file, without the extension.
#[must_use]
pub fn report_name(path: &str) -> String {
    let plain = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml")).unwrap_or(path);
    let parts: Vec<&str> =
        plain.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let below = parts.iter().rposition(|part| *part == "scenarios").map(|place| place + 1);
    let from = below.filter(|from| *from < parts.len()).unwrap_or(parts.len().saturating_sub(2));
    match parts.get(from..) {
        Some([]) | None => plain.to_owned(),
        Some(named) => named.join("/"),
    }
}

/// A word that a POSIX shell reads as itself.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_called_by_folder_and_file() {
        let names = [
            "scenarios/rebalance-storm/broken.yaml",
            "/home/me/scenarios/reference.yaml",
            "./first.yml",
            "../../a/b/c.yaml",
            "odd",
        ]
        .map(report_name);
        assert_eq!(names, ["rebalance-storm/broken", "reference", "first", "b/c", "odd"]);
    }

    #[test]
    fn words_survive_a_shell() {
        let words = ["scenarios/a.yaml", "my file.yaml", "it's", ""].map(shell_word);
        assert_eq!(words, ["scenarios/a.yaml", "'my file.yaml'", r"'it'\''s'", "''"]);
    }
}
