//! A sweep that can be interrupted: every seed is a line on disk as soon as it is over.
//!
//! A line that was cut short by the interruption is dropped; its seed is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use stormglass_check::INVARIANTS;
use stormglass_kafka::{Mark, Marks};
use stormglass_types::Digest;

use super::note::SeedNote;
use crate::result::{METRIC, Signature, Status};
use crate::saved::VERSION;
use crate::scenario::Scenario;

/// The notes of a sweep on disk.
#[derive(Debug)]
pub struct Journal {
    file: File,
    known: BTreeMap<u64, SeedNote>,
    written: BTreeSet<u64>,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub enum BadJournal {
    /// It cannot be read or written.
    Unusable(io::Error),
    /// It is no journal.
    Foreign,
    /// It is about another scenario, or this one before it was changed, or from another version.
    Other,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Head {
    stormglass: String,
    scenario: String,
    check: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    seed: u64,
    digest: String,
    outcome: String,
    verdicts: Vec<(String, bool, String)>,
    failure: Option<(String, String)>,
    marks: Vec<String>,
    faults: Vec<String>,
    states: Vec<u64>,
    virtual_ms: u64,
    events: u64,
}

impl Journal {
    /// Opens the journal of a scenario's sweep, or begins one.
    ///
    /// # Errors
    /// If the file is not this scenario's journal, or cannot be written.
    pub fn open(path: &Path, scenario: &Scenario) -> Result<Self, BadJournal> {
        let head = Head::of(scenario);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
            Err(why) if why.kind() == io::ErrorKind::InvalidData => {
                return Err(BadJournal::Foreign);
            }
            Err(why) => return Err(BadJournal::Unusable(why)),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines();
        match lines.next() {
            None if text.is_empty() => {}
            None => return Err(BadJournal::Foreign),
            Some(first) => {
                let there: Head = serde_json::from_str(first).map_err(|_| BadJournal::Foreign)?;
                if there != head {
                    return Err(BadJournal::Other);
                }
            }
        }
        let notes = lines.map(|line| {
            let line: Option<Line> = serde_json::from_str(line).ok();
            line.and_then(Line::note).ok_or(BadJournal::Foreign)
        });
        let notes = notes.collect::<Result<Vec<SeedNote>, _>>()?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BadJournal::Unusable)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(BadJournal::Unusable)?;
        file.set_len(whole as u64).map_err(BadJournal::Unusable)?;
        if whole == 0 {
            let head = serde_json::to_string(&head).expect("texts are always JSON");
            writeln!(file, "{head}").map_err(BadJournal::Unusable)?;
        }
        let known: BTreeMap<u64, SeedNote> =
            notes.into_iter().map(|note| (note.seed, note)).collect();
        let written = known.keys().copied().collect();
        Ok(Self { file, known, written })
    }

    /// The seeds that need not be run again.
    #[must_use]
    pub const fn known(&self) -> &BTreeMap<u64, SeedNote> {
        &self.known
    }

    /// Adds a seed, unless it is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, note: &SeedNote) -> io::Result<()> {
        if !self.written.insert(note.seed) {
            return Ok(());
        }
        let line = serde_json::to_string(&Line::of(note)).map_err(io::Error::other)?;
        // One write per line, so that an interruption cuts the last one at most.
        self.file.write_all(format!("{line}\n").as_bytes())
    }
}

impl Head {
    fn of(scenario: &Scenario) -> Self {
        let files = scenario.files();
        let texts = files.iter().map(|(_, text)| text.as_ref());
        let mut digest = Digest::EMPTY;
        for text in std::iter::once(scenario.text()).chain(texts) {
            digest.word(text.len() as u64);
            text.bytes().for_each(|byte| digest.word(u64::from(byte)));
        }
        Self {
            stormglass: VERSION.to_owned(),
            scenario: crate::subject::report_name(scenario.name()),
            check: digest.to_string(),
        }
    }
}

impl Line {
    fn of(note: &SeedNote) -> Self {
        let verdicts = note.verdicts.iter();
        Self {
            seed: note.seed,
            digest: note.digest.to_string(),
            outcome: note.outcome.name().to_owned(),
            verdicts: verdicts
                .map(|(name, asked, status)| ((*name).to_owned(), *asked, status.name().to_owned()))
                .collect(),
            failure: note.failure.as_ref().map(|it| (it.invariant.to_owned(), it.kind.to_string())),
            marks: note.marks.iter().map(|mark| mark.name().to_owned()).collect(),
            faults: note.faults.clone(),
            states: note.states.clone(),
            virtual_ms: note.virtual_ms,
            events: note.events,
        }
    }

    fn note(self) -> Option<SeedNote> {
        let verdicts = self.verdicts.into_iter();
        let mut marks = Marks::NONE;
        for name in &self.marks {
            marks.insert(Mark::ALL.iter().copied().find(|mark| mark.name() == name)?);
        }
        Some(SeedNote {
            seed: self.seed,
            digest: Digest(u64::from_str_radix(&self.digest, 16).ok()?),
            outcome: status(&self.outcome)?,
            verdicts: verdicts
                .map(|(name, asked, it)| Some((invariant(&name)?, asked, status(&it)?)))
                .collect::<Option<_>>()?,
            failure: match self.failure {
                Some((name, kind)) => {
                    Some(Signature { invariant: invariant(&name)?, kind: kind.into() })
                }
                None => None,
            },
            marks,
            faults: self.faults,
            states: self.states,
            virtual_ms: self.virtual_ms,
            events: self.events,
        })
    }
}

fn status(name: &str) -> Option<Status> {
    Status::ALL.into_iter().find(|status| status.name() == name)
}

fn invariant(name: &str) -> Option<&'static str> {
    let names = INVARIANTS.iter().map(|invariant| invariant.name);
    names.chain([METRIC]).find(|known| *known == name)
}

impl fmt::Display for BadJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => write!(f, "it cannot be used: {why}"),
            Self::Foreign => f.write_str("it is no journal of a sweep, or it was edited"),
            Self::Other => f.write_str(
                "it belongs to a sweep of another scenario, of this one before it was changed, or of another version; \
                 take another file",
            ),
        }
    }
}

impl std::error::Error for BadJournal {}
