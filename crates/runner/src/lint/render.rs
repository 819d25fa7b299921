//! Findings as text: for people, for programs, as annotations, and as SARIF.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::proof::{Proof, Proved, Remedy};
use super::{Finding, Level, Linted, MISTAKES};
use crate::report::{self, Level as Grave};
use crate::scenario::Paint;
use crate::words;

/// A finding with what came of looking for its proof.
#[derive(Clone, Copy, Debug)]
pub struct Told<'t> {
    /// The finding.
    pub finding: &'t Finding,
    /// None if nobody asked for a proof.
    pub proved: Option<&'t Proved>,
}

/// Everything that was found, for people.
#[must_use]
pub fn human(linted: &Linted, name: &str, told: &[Told<'_>]) -> String {
    let mut out = String::new();
    for told in told {
        finding(linted, *told, &mut out);
        out.push('\n');
    }
    let count = |level: Level| told.iter().filter(|it| it.finding.level() == level).count();
    let counts = [Level::Error, Level::Warning, Level::Note].map(|level| (count(level), level));
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, level)| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {}{plural}", level.name())
        })
        .collect();
    let counts = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let _ = writeln!(out, "{name}: {counts}");
    if !linted.unseen.is_empty() {
        let _ = writeln!(
            out,
            "not looked at, since nothing was said of them: {}",
            linted.unseen.join(", ")
        );
    }
    out
}

fn finding(linted: &Linted, told: Told<'_>, out: &mut String) {
    let Told { finding, proved } = told;
    let (bold, blue, off) = ("\u{1b}[1m", "\u{1b}[1;34m", "\u{1b}[0m");
    let level = finding.level();
    let colour = match level {
        Level::Error => "\u{1b}[1;31m",
        Level::Warning => "\u{1b}[1;33m",
        Level::Note => "\u{1b}[1;36m",
    };
    let mistake = finding.mistake;
    let _ = writeln!(
        out,
        "{colour}{}[{}]{off}{bold}: {}{off}",
        level.name(),
        mistake.id,
        finding.spot.says
    );
    let place = finding.spot.place;
    let margin = if place.from < place.to {
        linted.pipeline.sources.excerpt(place, colour, Paint::Colour, out)
    } else {
        let (name, ..) = linted.pipeline.sources.locate(place);
        let _ = writeln!(out, " {blue}-->{off} {name}");
        " ".to_owned()
    };
    let mut line = |word: &str, text: &str| {
        let _ = writeln!(out, "{margin} {blue}={off} {bold}{word}{off}: {text}");
    };
    line(mistake.harm.name(), mistake.means);
    line("fix", &finding.spot.fix.shown(linted.pipeline.is_scenario()));
    let mut see = mistake.source.to_owned();
    if let Proof::Pair { name, .. } = mistake.proof {
        let _ = write!(see, "; scenarios/{name}");
    }
    line("see", &see);
    if let Some(proved) = proved {
        let (word, lines) = proof_lines(proved);
        let mut lines = lines.into_iter();
        line(word, &lines.next().unwrap_or_default());
        for more in lines {
            let _ = writeln!(out, "{margin}   {more}");
        }
    }
}

/// What came of a proof: a word and lines.
fn proof_lines(proved: &Proved) -> (&'static str, Vec<String>) {
    let without = |left_out: &[String]| {
        (!left_out.is_empty()).then(|| {
            format!("left out, since no scenario can have it yet: {}", left_out.join(", "))
        })
    };
    match proved {
        Proved::Shown(shown) => {
            let mut lines = vec![format!("seed {}: {}", shown.seed, shown.says)];
            lines.push(shown.repro.clone());
            match shown.remedy {
                Some(Remedy::Holds(seeds)) => {
                    lines.push(format!("with the fix: not in {}", words::seeds(seeds)));
                }
                Some(Remedy::Fails(seed)) => {
                    lines.push(format!("the fix alone is not enough: seed {seed} shows it still"));
                }
                None => {}
            }
            lines.extend(without(&shown.left_out));
            ("proved", lines)
        }
        Proved::NotShown { seeds, path, left_out } => {
            let found = format!("no failure was found in {} of {path}", words::seeds(*seeds));
            let mut lines = vec![found];
            lines.extend(without(left_out));
            ("not proved", lines)
        }
        Proved::Impossible(why) => ("not proved", vec![format!("not run: {why}")]),
        Proved::Panicked(panicked) => ("not proved", vec![panicked.to_string()]),
    }
}

/// Everything that was found, one JSON object a line.
#[must_use]
pub fn json_lines(linted: &Linted, told: &[Told<'_>]) -> String {
    let mut out = String::new();
    for Told { finding, proved } in told {
        let mistake = finding.mistake;
        let (file, line, column) = linted.pipeline.sources.locate(finding.spot.place);
        let mut object = json!({
            "id": mistake.id,
            "level": finding.level().name(),
            "title": mistake.title,
            "harm": mistake.harm.name(),
            "says": finding.spot.says,
            "means": mistake.means,
            "fix": finding.spot.fix.shown(linted.pipeline.is_scenario()),
            "source": mistake.source,
            "file": file,
            "line": line,
            "column": column,
        });
        if let (Value::Object(fields), Some(proved)) = (&mut object, proved) {
            fields.insert("proof".to_owned(), proof_value(proved));
        }
        let _ = writeln!(out, "{object}");
    }
    out
}

fn proof_value(proved: &Proved) -> Value {
    match proved {
        Proved::Shown(shown) => json!({
            "status": "shown",
            "seed": shown.seed,
            "digest": shown.digest.to_string(),
            "says": shown.says,
            "scenario": shown.path,
            "repro": shown.repro,
            "left_out": shown.left_out,
            "fixed": match shown.remedy {
                Some(Remedy::Holds(seeds)) => json!({ "status": "holds", "seeds": seeds }),
                Some(Remedy::Fails(seed)) => json!({ "status": "fails", "seed": seed }),
                None => Value::Null,
            },
        }),
        Proved::NotShown { seeds, path, left_out } => json!({
            "status": "not-shown",
            "seeds": seeds,
            "scenario": path,
            "left_out": left_out,
        }),
        Proved::Impossible(why) => json!({ "status": "not-run", "says": why }),
        Proved::Panicked(panicked) => {
            json!({ "status": "panicked", "says": panicked.message, "repro": panicked.repro })
        }
    }
}

/// Annotations, a line each.
#[must_use]
pub fn github(linted: &Linted, told: &[Told<'_>]) -> String {
    let lines = told.iter().map(|told| report::annotation(&listed(linted, *told)));
    lines.map(|line| format!("{line}\n")).collect()
}

/// A SARIF log of everything that was found in several pipelines.
#[must_use]
pub fn sarif(all: &[(&Linted, Vec<Told<'_>>)]) -> String {
    let listed: Vec<report::Finding> = all
        .iter()
        .flat_map(|(linted, told)| told.iter().map(|told| listed(linted, *told)))
        .collect();
    let rules: Vec<(&str, &str)> =
        MISTAKES.iter().map(|mistake| (mistake.id, mistake.title)).collect();
    format!("{:#}\n", report::sarif_log(&rules, &listed))
}

/// A finding as reports list them.
fn listed(linted: &Linted, told: Told<'_>) -> report::Finding {
    let Told { finding, proved } = told;
    let mistake = finding.mistake;
    let (file, line, _) = linted.pipeline.sources.locate(finding.spot.place);
    let fix = finding.spot.fix.shown(linted.pipeline.is_scenario());
    let shown = match proved {
        Some(Proved::Shown(shown)) => Some(shown),
        Some(Proved::NotShown { .. } | Proved::Impossible(_) | Proved::Panicked(_)) | None => None,
    };
    let path = file.replace('\\', "/");
    report::Finding {
        rule: mistake.id.to_owned(),
        level: match finding.level() {
            Level::Error => Grave::Error,
            Level::Warning => Grave::Warning,
            Level::Note => Grave::Note,
        },
        title: format!("{}: {}", mistake.id, mistake.title),
        message: format!(
            "{}\n{}: {}\nfix: {fix}",
            finding.spot.says,
            mistake.harm.name(),
            mistake.means
        ),
        fingerprint: format!("{path}/{}/{}", mistake.id, linted.stem(finding)),
        path,
        line,
        repro: shown.map(|shown| shown.repro.clone()),
        seed: shown.map(|shown| shown.seed),
        digest: shown.map(|shown| shown.digest.to_string()),
        witness: Vec::new(),
    }
}
