//! Failures kept on disk, to be run again: the plan in words, its seed, the tape of its choices, and the digest to expect.
//!
//! The plan is a scenario that stands alone: every fault is written down, so that neither a changed scenario nor another way
//! of drawing faults changes what is run. A file is never overwritten, and one that was cut short or edited is refused.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stormglass_sim::Tape;
use stormglass_types::Digest;

use crate::report::run_line;
use crate::result::{RunResult, Signature};
use crate::scenario::{Report, Scenario};

mod tape;

#[cfg(test)]
mod tests;

/// A failing run, complete: whoever has this needs nothing else.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFailure {
    /// The version that saw it; another may behave otherwise.
    pub stormglass: String,
    /// Which kind of failure it is.
    pub signature: String,
    /// The scenario's name.
    pub scenario: String,
    /// Where its file was.
    pub path: String,
    /// The seed.
    pub seed: u64,
    /// The digest of the run.
    pub digest: String,
    /// The plan as a scenario that stands alone, with its faults as drawn.
    pub plan: String,
    /// What was said of the run.
    pub result: Value,
    /// How long the tape is: so many events; what was chosen later made no difference when it was tried.
    pub tape_events: u64,
    /// The choices of the run; none for a run of which none were written down.
    pub tape: Option<String>,
    /// The test whose code ran in the plan's processes, if any: without it there is nothing to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<HostedTest>,
}

/// A test of people's own code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostedTest {
    /// Its package.
    pub package: String,
    /// Its name, as the test runner knows it.
    pub name: String,
}

/// Why a saved failure cannot be used.
#[derive(Debug)]
pub enum BadSaved {
    /// It needs the code of a test.
    Hosted(HostedTest),
    /// It cannot be read.
    Unreadable(io::Error),
    /// There is nothing in it.
    Empty,
    /// It is larger than any that we write.
    TooLarge,
    /// It is no JSON, or not all of it.
    Broken(String),
    /// It is JSON, but no saved failure.
    Foreign,
    /// It was saved by another version.
    OtherVersion(String),
    /// It is not as it was saved.
    Edited,
    /// Its plan has mistakes: another version's language.
    Invalid(Report),
    /// It holds no tape, or none that can be read.
    NoTape,
}

/// The version that saves and replays.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of the field that covers all others.
const CHECK: &str = "check";

/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// How many files of one name there may be.
const MOST_NUMBERED: u32 = 1_000;

impl SavedFailure {
    /// A failing run of a scenario, with the tape of its choices if one was written.
    #[must_use]
    pub fn new(
        result: &RunResult,
        signature: &Signature,
        scenario: &Scenario,
        tape: Option<&Tape>,
    ) -> Self {
        let mut line = run_line(result);
        if let Value::Object(line) = &mut line {
            // The only figure that differs from run to run would make equal failures differ.
            line.shift_remove("wall_ms");
        }
        Self {
            stormglass: VERSION.to_owned(),
            signature: signature.to_string(),
            scenario: result.scenario.clone(),
            path: scenario.name().to_owned(),
            seed: result.seed,
            digest: result.digest.to_string(),
            plan: scenario.draft(result.seed).render(),
            result: line,
            tape_events: tape.map_or(0, Tape::events),
            tape: tape.map(tape::to_text),
            test: None,
        }
    }

    /// The scenario as it was run, every fault written down.
    ///
    /// # Errors
    /// If it is not valid: another version's language. If its processes run the code of a test.
    pub fn scenario(&self) -> Result<Scenario, BadSaved> {
        match &self.test {
            Some(test) => Err(BadSaved::Hosted(test.clone())),
            None => self.hosted_scenario(),
        }
    }

    /// The scenario as it was run, for whoever has the code that ran in it.
    ///
    /// # Errors
    /// If it is not valid: another version's language.
    pub fn hosted_scenario(&self) -> Result<Scenario, BadSaved> {
        Scenario::parse(&self.path, &self.plan).map_err(BadSaved::Invalid)
    }

    /// The choices of the run.
    ///
    /// # Errors
    /// If there are none, or they cannot be read.
    pub fn tape(&self) -> Result<Tape, BadSaved> {
        self.tape.as_deref().and_then(tape::from_text).ok_or(BadSaved::NoTape)
    }

    /// Where the failure belongs below a folder.
    #[must_use]
    pub fn place(&self, folder: &Path) -> PathBuf {
        place_of(folder, &self.scenario, &self.signature, self.seed).with_added_extension("json")
    }

    /// Writes the failure below a folder and tells where. What is there already stays as it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        let text = self.to_text();
        let first = self.place(folder);
        for number in 1..=MOST_NUMBERED {
            let path = if number == 1 { first.clone() } else { numbered(&first, number) };
            match fs::read(&path) {
                Ok(there) if there == text.as_bytes() => return Ok(path),
                Ok(_) => {}
                Err(why) if why.kind() == io::ErrorKind::NotFound => {
                    match write_new(&path, text.as_bytes()) {
                        Ok(()) => return Ok(path),
                        // Somebody else was faster: what is there now is looked at like anything else.
                        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                            if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
                                return Ok(path);
                            }
                        }
                        Err(why) => return Err(why),
                    }
                }
                Err(why) => return Err(why),
            }
        }
        Err(io::Error::other(format!("there are too many files like {}", first.display())))
    }

    /// Reads a saved failure.
    ///
    /// # Errors
    /// If it is not exactly what this version saved.
    pub fn load(path: &Path) -> Result<Self, BadSaved> {
        let file = fs::File::open(path).map_err(BadSaved::Unreadable)?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(BadSaved::Unreadable)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(BadSaved::TooLarge);
        }
        Self::from_bytes(&bytes)
    }

    fn to_text(&self) -> String {
        let mut value = serde_json::to_value(self).expect("text, numbers and JSON are always JSON");
        let check = checksum(&value);
        if let Value::Object(fields) = &mut value {
            fields.insert(CHECK.to_owned(), check.into());
        }
        format!("{value:#}\n")
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BadSaved> {
        if bytes.trim_ascii().is_empty() {
            return Err(BadSaved::Empty);
        }
        let mut value: Value =
            serde_json::from_slice(bytes).map_err(|why| BadSaved::Broken(why.to_string()))?;
        let Value::Object(fields) = &mut value else { return Err(BadSaved::Foreign) };
        let version = fields.get("stormglass").and_then(Value::as_str).ok_or(BadSaved::Foreign)?;
        if version != VERSION {
            return Err(BadSaved::OtherVersion(version.to_owned()));
        }
        let check = fields.shift_remove(CHECK).ok_or(BadSaved::Foreign)?;
        if check.as_str() != Some(&checksum(&value)) {
            return Err(BadSaved::Edited);
        }
        serde_json::from_value(value).map_err(|_| BadSaved::Foreign)
    }
}

/// The folder of a scenario's reports: its name, with nothing in it that leads elsewhere.
#[must_use]
pub fn folder_of(folder: &Path, scenario: &str) -> PathBuf {
    let parts = scenario.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
    parts.fold(folder.to_owned(), |path, part| path.join(file_name(part)))
}

/// What the files about a failure are called, without an extension.
#[must_use]
pub fn place_of(folder: &Path, scenario: &str, signature: &str, seed: u64) -> PathBuf {
    folder_of(folder, scenario).join(file_name(signature)).join(format!("seed-{seed}"))
}

/// Writes a file so that it is there in whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    through_draft(path, bytes, |draft, path| fs::rename(draft, path))
}

/// The same, but takes nothing's place.
///
/// # Errors
/// If it cannot be written, or is there already.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Unlike a rename, a link does not replace what is there.
    through_draft(path, bytes, |draft, path| match fs::hard_link(draft, path) {
        Err(why) if why.kind() == io::ErrorKind::Unsupported => fs::rename(draft, path),
        linked => linked,
    })
}

fn through_draft(
    path: &Path,
    bytes: &[u8],
    put: impl Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let done = written.and_then(|()| put(&draft, path));
    // What is left of the draft is worthless; that it may stay behind is not worth a second error.
    let _ = fs::remove_file(&draft);
    done
}

fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    text.chars().map(plain).collect()
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}.json"))
}

/// Covers the fields as they stand, whatever the spaces between them.
fn checksum(value: &Value) -> String {
    let text = value.to_string();
    let mut digest = Digest::EMPTY;
    digest.word(text.len() as u64);
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        digest.word(u64::from_le_bytes(word));
    }
    digest.to_string()
}

impl fmt::Display for BadSaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosted(test) => write!(
                f,
                "its processes run the code of the test `{0}`, which runs it again with\n  STORMGLASS_REPLAY=<this file> cargo test -p {1} {0}",
                test.name, test.package
            ),
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
            Self::Empty => f.write_str("the file is empty"),
            Self::TooLarge => f.write_str("the file is too large to be a saved failure"),
            Self::Broken(why) => write!(f, "it is broken or cut short: {why}"),
            Self::Foreign => f.write_str(
                "it is no saved failure; those are written by `sweep`, `test` and `run --report`",
            ),
            Self::OtherVersion(version) => write!(
                f,
                "it was saved by stormglass {version}, but this is {VERSION}, which may behave otherwise; \
                 run the scenario again, or use the version that saved it"
            ),
            Self::Invalid(report) => write!(f, "its plan is invalid\n{report}"),
            Self::NoTape => f.write_str("there is no tape in it; replay it from its seed"),
            Self::Edited => {
                f.write_str("it was edited since it was saved, so its digest means nothing")
            }
        }
    }
}

impl std::error::Error for BadSaved {}
