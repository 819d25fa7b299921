//! The edges that must never be: what may import what, what must not appear where, how large files may grow.
//!
//! Reads the sources as text; knows nothing of what they do.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates of ours, and which others, a crate may depend on; an empty second list means any other.
const DEPENDENCIES: [(&str, &[&str]); 5] = [
    ("types", &["rand_chacha", "rand_core"]),
    ("kafka", &["stormglass-types", "smallvec"]),
    ("sim", &["stormglass-types", "stormglass-kafka"]),
    ("check", &["stormglass-types"]),
    (
        "runner",
        &[
            "stormglass-types",
            "stormglass-kafka",
            "stormglass-sim",
            "stormglass-check",
            "serde",
            "serde_json",
            "serde-saphyr",
            "schemars",
            "rayon",
            "comfy-table",
            "quick-junit",
            "regex-lite",
            "anstyle",
            "anstream",
            "base64",
            "petgraph",
            "similar",
            "indicatif",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
        || path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tests.rs"))
}

/// Lines of a file before its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// Lines outside comments that contain any of the words, as `file:line: text`.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(&root().join(folder)).into_iter().filter(|path| !is_test(path)) {
        for (number, line) in code(&path).lines().enumerate() {
            let outside = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| outside.contains(word)) {
                let name = path.strip_prefix(root()).unwrap().display();
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

/// Files of `found` that a rule does not concern, with the reason at the call.
fn but_for(found: Vec<String>, file: &str) -> Vec<String> {
    found.into_iter().filter(|line| !line.starts_with(file)).collect()
}

fn check_none(found: &[String], why: &str) {
    assert!(found.is_empty(), "{why}\n{}", found.join("\n"));
}

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    for (name, allowed) in DEPENDENCIES {
        let manifest = root().join("crates").join(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let section = text.split("[dependencies]").nth(1).unwrap();
        let section = section.split("\n[").next().unwrap();
        let used: BTreeSet<&str> = section
            .lines()
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|word| !word.is_empty() && !word.starts_with('#'))
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let extra: Vec<_> = used.difference(&allowed).collect();
        assert!(extra.is_empty(), "crates/{name} must not depend on {extra:?}");
    }
}

#[test]
fn the_model_has_no_clock_no_thread_no_print_and_no_hash_map() {
    let words = ["std::", "println!", "dbg!", "HashMap", "HashSet", "async ", "serde", "tracing"];
    check_none(&lines_with("crates/kafka/src", &words), "the model is pure");
    check_none(&lines_with("crates/types/src", &words), "the vocabulary is pure");
}

#[test]
fn nothing_that_decides_a_run_uses_floats_clocks_or_hash_order() {
    let words = [
        "f32",
        "f64",
        "HashMap",
        "HashSet",
        "Instant::",
        "SystemTime",
        "thread_local",
        "static mut",
        "env::var",
    ];
    for folder in ["crates/types/src", "crates/kafka/src", "crates/sim/src", "crates/check/src"] {
        // The one place that reads Kafka's `double` settings, to refuse those out of range; no setting keeps one.
        let found = but_for(lines_with(folder, &words), "crates/kafka/src/config/key.rs");
        check_none(&found, "a run is a function of its plan");
    }
}

#[test]
fn the_engine_does_not_know_kafka() {
    check_none(&lines_with("crates/sim/src/engine", &["stormglass_kafka"]), "engine/ is general");
}

#[test]
fn oracles_cannot_see_the_system() {
    let words = ["stormglass_kafka", "stormglass_sim", "stormglass_runner"];
    check_none(&lines_with("crates/check/src", &words), "an oracle that sees agrees");
}

#[test]
fn a_machine_does_not_read_the_plan() {
    check_none(&lines_with("crates/kafka/src", &["Plan", "Fault"]), "machines know no faults");
}

#[test]
fn lints_are_expected_in_the_open() {
    let found = lines_with("crates", &["#[allow(", "#![allow("]);
    // Inside a macro an expectation would have to hold in every expansion.
    let found = but_for(found, "crates/kafka/src/config/table/mod.rs");
    check_none(&found, "say #[expect(.., reason)]");
}

#[test]
fn files_stay_small_and_have_names() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("crates")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["utils.rs", "common.rs", "helpers.rs", "util.rs", "misc.rs"].contains(&name.as_str()) {
            wrong.push(format!("{}: name it after what it does", path.display()));
        }
        let is_table = path.components().any(|part| part.as_os_str() == "tables");
        let lines = code(&path).lines().count();
        if lines > 1000 && !is_test(&path) && !is_table {
            wrong.push(format!("{}: {lines} lines without its tests", path.display()));
        }
    }
    check_none(&wrong, "split by responsibility");
}

#[test]
fn every_scenario_has_an_expectation_and_says_what_it_is_about() {
    let mut wrong = Vec::new();
    let mut folders = vec![root().join("scenarios")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                seen += 1;
                let text = fs::read_to_string(&path).unwrap();
                for key in ["about:", "expect:"] {
                    if !text.lines().any(|line| line.starts_with(key)) {
                        wrong.push(format!("{}: no `{key}`", path.display()));
                    }
                }
            }
        }
    }
    assert!(seen > 0, "there are no scenarios");
    check_none(&wrong, "a scenario without an expectation proves nothing");
}
