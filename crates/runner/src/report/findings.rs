//! What should be read next to the scenario file: failures with the file and the line that they are about.
//!
//! Lays nothing out: [`super::Github`] and [`super::Sarif`] do.

use std::fs;
use std::path::{Path, PathBuf};

use stormglass_check::INVARIANTS;

use super::Event;
use crate::corpus::{Fate, Retried};
use crate::result::{Judged, METRIC, RunResult, Status, WitnessEvent};
use crate::subject::report_name;
use crate::suite::{CaseResult, Grade, Invalid, Miss};

/// The scenario files of a command, to find lines in.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

#[derive(Clone, Debug)]
struct Source {
    /// As reports call the scenario.
    name: String,
    path: String,
    text: String,
}

/// Something to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    /// The invariant, or what stands for one.
    pub(crate) rule: String,
    pub(crate) level: Level,
    /// In a few words.
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) path: String,
    /// From one.
    pub(crate) line: usize,
    /// The same for the same failure, whatever its seed.
    pub(crate) fingerprint: String,
    pub(crate) repro: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) digest: Option<String>,
    pub(crate) witness: Vec<WitnessEvent>,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Error,
    Warning,
    Note,
}

/// The rules that are no invariants, with what they say.
pub(super) const OTHER_RULES: [(&str, &str); 4] = [
    (METRIC, "figures stay within the bounds that the scenario sets"),
    ("expectation", "a scenario meets its expectations"),
    ("invalid-scenario", "a scenario can be read"),
    ("internal", "stormglass itself neither panics nor runs a plan in two ways"),
];

impl Sources {
    /// Reads files; one that cannot be read has no lines.
    #[must_use]
    pub fn read(paths: &[PathBuf]) -> Self {
        let source = |path: &PathBuf| Source {
            name: report_name(&path.display().to_string()),
            path: slashes(path),
            text: fs::read_to_string(path).unwrap_or_default(),
        };
        Self(paths.iter().map(source).collect())
    }

    /// A file that was read already.
    #[must_use]
    pub fn of(path: &str, text: &str) -> Self {
        let name = report_name(path);
        Self(vec![Source { name, path: path.to_owned(), text: text.to_owned() }])
    }

    /// The path of a scenario, and the line of its expectations that has one of some words: else where those begin.
    fn place(&self, scenario: &str, words: &[&str]) -> (String, usize) {
        let Some(source) = self.0.iter().find(|source| source.name == scenario) else {
            return (scenario.to_owned(), 1);
        };
        let lines = || source.text.lines().enumerate();
        let Some((expect, _)) = lines().find(|(_, line)| line.starts_with("expect:")) else {
            return (source.path.clone(), 1);
        };
        let top = |line: &str| line.starts_with(|first: char| first.is_ascii_alphabetic());
        let own = lines().skip(expect).take_while(|(nth, line)| *nth == expect || !top(line));
        let says = |line: &str| {
            let line = line.split(" #").next().unwrap_or_default();
            words.iter().any(|word| !word.is_empty() && line.contains(word))
        };
        let found = own.clone().find(|(_, line)| says(line)).map_or(expect, |(nth, _)| nth);
        (source.path.clone(), found + 1)
    }
}

/// A path as URIs and annotations have it.
fn slashes(path: &Path) -> String {
    let text = path.display().to_string().replace('\\', "/");
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}

/// What an event gives to read.
pub(super) fn findings(event: Event<'_>, sources: &Sources) -> Vec<Finding> {
    match event {
        Event::Ran(result) | Event::Replayed(result) => of_run(result, sources),
        Event::Case(case) => case.misses.iter().map(|miss| of_miss(case, miss, sources)).collect(),
        Event::Retried(retried) => of_kept(retried, sources).into_iter().collect(),
        Event::Suite(suite) => suite.invalid.iter().map(of_invalid).collect(),
        Event::Panicked(panicked) => {
            let title = format!("panicked with seed {}", panicked.seed);
            vec![internal(&panicked.scenario, title, panicked.to_string(), sources)]
        }
        Event::Differed(mismatch) => {
            let title = format!("two runs of seed {} differ", mismatch.seed);
            vec![internal(&mismatch.scenario, title, mismatch.to_string(), sources)]
        }
        // The sweep tells of its seeds together, to people; a failure that cannot be replayed has no line.
        Event::Seed(_) | Event::Swept(_) | Event::Stale(_) => Vec::new(),
    }
}

fn of_run(result: &RunResult, sources: &Sources) -> Vec<Finding> {
    let told = |judged: &&Judged| match judged.status {
        Status::Hold => false,
        Status::Violated => judged.asked,
        Status::Vacuous | Status::Undecided => judged.asked && result.outcome == judged.status,
    };
    let mut found: Vec<Finding> = Vec::new();
    for judged in result.verdicts.iter().filter(told) {
        let (path, line) = sources.place(&result.scenario, &[judged.invariant]);
        let violated = judged.status == Status::Violated;
        let what = if violated { judged.kind.unwrap_or("violated") } else { judged.status.name() };
        let mut message = judged.detail.clone();
        if let Some(why) = &judged.permitted {
            message = format!("{message}; not promised: {why}");
        }
        found.push(Finding {
            rule: judged.invariant.to_owned(),
            level: if violated { Level::Error } else { Level::Warning },
            title: format!("{}: {what}", judged.invariant),
            message,
            path,
            line,
            fingerprint: format!("{}/{}.{what}", result.scenario, judged.invariant),
            repro: Some(result.repro.clone()),
            seed: Some(result.seed),
            digest: Some(result.digest.to_string()),
            witness: judged.witness.clone(),
        });
    }
    for bound in result.bounds.iter().filter(|bound| !bound.kept) {
        let (path, line) = sources.place(&result.scenario, &[bound.text.as_str()]);
        found.push(Finding {
            rule: METRIC.to_owned(),
            level: if bound.is_broken() { Level::Error } else { Level::Warning },
            title: format!("{} is not kept", bound.text),
            message: bound.to_string(),
            path,
            line,
            fingerprint: format!("{}/{}", result.scenario, bound.text),
            repro: Some(result.repro.clone()),
            seed: Some(result.seed),
            digest: Some(result.digest.to_string()),
            witness: Vec::new(),
        });
    }
    found
}

fn of_miss(case: &CaseResult, miss: &Miss, sources: &Sources) -> Finding {
    let known = INVARIANTS.iter().map(|invariant| invariant.name);
    let about = known.clone().find(|name| miss.says.starts_with(name));
    let quoted = miss.says.split('`').nth(1).unwrap_or_default();
    let first = miss.says.split(' ').next().unwrap_or_default();
    let words = [about.unwrap_or_default(), quoted, if about.is_none() { first } else { "" }];
    let scenario = &case.sweep.scenario;
    let (path, line) = sources.place(scenario, &words);
    let rule = match (miss.grade, about) {
        (Grade::Internal, _) => "internal",
        (_, Some(name)) => name,
        (_, None) if !quoted.is_empty() => METRIC,
        (_, None) => "expectation",
    };
    let title = miss.says.split(": ").next().unwrap_or_default();
    Finding {
        rule: rule.to_owned(),
        level: if miss.grade == Grade::NotShown { Level::Warning } else { Level::Error },
        title: title.to_owned(),
        message: miss.says.clone(),
        path,
        line,
        fingerprint: format!("{scenario}/{title}"),
        repro: miss.shown.as_ref().map(|shown| shown.repro.clone()),
        seed: miss.shown.as_ref().map(|shown| shown.seed),
        digest: miss.shown.as_ref().and_then(|shown| shown.digest).map(|it| it.to_string()),
        witness: Vec::new(),
    }
}

/// A failure that was kept and is not fixed, at the expectation that it breaks.
fn of_kept(retried: &Retried, sources: &Sources) -> Option<Finding> {
    let level = match retried.fate {
        Fate::Fixed => return None,
        Fate::Unclear(_) => Level::Warning,
        Fate::Fails | Fate::Regressed | Fate::FailsOtherwise(_) => Level::Error,
    };
    let invariant = retried.signature.split('.').next().unwrap_or_default();
    let (path, line) = sources.place(&retried.scenario, &[invariant]);
    let known = INVARIANTS.iter().any(|it| it.name == invariant) || invariant == METRIC;
    Some(Finding {
        rule: if known { invariant.to_owned() } else { "expectation".to_owned() },
        level,
        title: format!("kept failure {} {}", retried.signature, retried.fate.name()),
        message: format!("{}: {retried}", retried.path),
        path,
        line,
        fingerprint: retried.path.clone(),
        repro: retried.result.as_ref().map(|result| result.repro.clone()),
        seed: Some(retried.seed),
        digest: retried.result.as_ref().map(|result| result.digest.to_string()),
        witness: Vec::new(),
    })
}

/// A scenario that cannot be read: the first place that its diagnostics name.
fn of_invalid(invalid: &Invalid) -> Finding {
    let place = invalid.says.split("--> ").nth(1).and_then(|rest| rest.lines().next());
    let line = place.and_then(|place| place.trim().rsplit(':').nth(1)?.parse().ok());
    let path = slashes(Path::new(&invalid.path));
    Finding {
        rule: "invalid-scenario".to_owned(),
        level: Level::Error,
        title: "invalid scenario".to_owned(),
        message: invalid.says.trim_end().to_owned(),
        fingerprint: format!("{path}/invalid"),
        path,
        line: line.unwrap_or(1),
        repro: None,
        seed: None,
        digest: None,
        witness: Vec::new(),
    }
}

fn internal(scenario: &str, title: String, message: String, sources: &Sources) -> Finding {
    let (path, line) = sources.place(scenario, &[]);
    Finding {
        rule: "internal".to_owned(),
        level: Level::Error,
        fingerprint: format!("{scenario}/{title}"),
        title,
        message,
        path,
        line,
        repro: None,
        seed: None,
        digest: None,
        witness: Vec::new(),
    }
}
