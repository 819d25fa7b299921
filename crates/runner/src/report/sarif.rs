//! SARIF 2.1.0: findings for tools that gather them from many analyses. Written whole, at the end.

use std::io::{self, Write};

use serde_json::{Value, json};
use stormglass_check::INVARIANTS;

use super::findings::{Finding, Level, OTHER_RULES, findings};
use super::{Event, Renderer, Sources};
use crate::saved::VERSION;

/// Collects findings and writes them when all is over.
pub struct Sarif<W> {
    out: W,
    sources: Sources,
    found: Vec<Finding>,
}

impl<W: Write> Sarif<W> {
    /// A renderer that writes to `out`.
    pub const fn new(out: W, sources: Sources) -> Self {
        Self { out, sources, found: Vec::new() }
    }
}

impl<W: Write> Renderer for Sarif<W> {
    fn tell(&mut self, event: Event<'_>) -> io::Result<()> {
        self.found.extend(findings(event, &self.sources));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let own = INVARIANTS.iter().map(|invariant| (invariant.name, invariant.promise));
        let rules: Vec<(&str, &str)> = own.chain(OTHER_RULES).collect();
        serde_json::to_writer_pretty(&mut self.out, &log(&rules, &self.found))?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// A log of findings, each of which breaks one of some rules.
pub(crate) fn log(rules: &[(&str, &str)], found: &[Finding]) -> Value {
    let described = rules.iter().map(|(id, says)| {
        json!({
            "id": id,
            "shortDescription": { "text": says },
            "defaultConfiguration": { "level": "error" },
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "stormglass",
                "version": VERSION,
                "semanticVersion": VERSION,
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": described.collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(|finding| result(finding, rules)).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding, rules: &[(&str, &str)]) -> Value {
    let place = json!({
        "artifactLocation": { "uri": uri(&finding.path) },
        "region": { "startLine": finding.line },
    });
    let mut text = finding.message.clone();
    if let Some(repro) = &finding.repro {
        text = format!("{text}\n\nTo run it again: {repro}");
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        },
        "message": { "text": text },
        "locations": [{ "physicalLocation": place }],
        "partialFingerprints": { "stormglass/v1": finding.fingerprint },
    });
    let Value::Object(fields) = &mut result else { return result };
    if let Some(index) = rules.iter().position(|(id, _)| *id == finding.rule) {
        fields.insert("ruleIndex".to_owned(), index.into());
    }
    if !finding.witness.is_empty() {
        let steps = finding.witness.iter().map(|event| {
            json!({
                "location": {
                    "physicalLocation": place,
                    "message": { "text": format!("{}: {} {}", clock(event.time_ns), event.process, event.event) },
                },
            })
        });
        let flow = json!([{ "threadFlows": [{ "locations": steps.collect::<Vec<_>>() }] }]);
        fields.insert("codeFlows".to_owned(), flow);
    }
    let properties = json!({ "seed": finding.seed, "digest": finding.digest });
    fields.insert("properties".to_owned(), properties);
    result
}

fn clock(ns: u64) -> String {
    crate::words::clock(ns / 1_000_000)
}

/// A path as a relative reference: whatever is no plain letter of a path is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
