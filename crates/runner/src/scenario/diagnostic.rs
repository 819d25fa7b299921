//! What is wrong with a scenario: every mistake, each with its place, its line and what to do. The wording lives here.
//!
//! Prints nothing: a report is rendered to text by whoever shows it.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use stormglass_kafka::config::{ConfigIssue, Remark, suggest};

/// A text that can be pointed into.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Source {
    name: String,
    text: Arc<str>,
}

/// A piece of one of a report's sources, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// How grave a diagnostic is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// It can, but perhaps not as it was meant.
    Note,
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    place: Option<Place>,
}

/// Whether a report is rendered with colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Colour,
}

/// Everything that is wrong with a scenario, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Whether anything keeps the scenario from being run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The diagnostics, in the order of the file.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// File, line and column of a diagnostic, counted from one.
    #[must_use]
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<(&str, usize, usize)> {
        diagnostic.place.map(|place| self.locate(place))
    }

    /// File, line and column of a place, counted from one.
    pub(crate) fn locate(&self, place: Place) -> (&str, usize, usize) {
        let source = &self.sources[place.source];
        let spot = Spot::of(&source.text, place);
        (&source.name, spot.line, spot.column)
    }

    /// The report as text, a blank line between diagnostics.
    #[must_use]
    pub fn render(&self, paint: Paint) -> String {
        let rendered = self.diagnostics.iter().map(|diagnostic| self.show(diagnostic, paint));
        rendered.collect::<Vec<_>>().join("\n")
    }

    /// The names and texts of everything that was read, the scenario first.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.sources.iter().map(|source| (source.name.as_str(), &source.text))
    }

    pub(crate) fn add_source(&mut self, name: &str, text: &Arc<str>) -> usize {
        self.sources.push(Source { name: name.to_owned(), text: Arc::clone(text) });
        self.sources.len() - 1
    }

    /// Gives every source but the first another name.
    pub(super) fn rename_sources(&mut self, rename: &dyn Fn(&str) -> String) {
        for source in self.sources.iter_mut().skip(1) {
            source.name = rename(&source.name);
        }
    }

    pub(super) fn sort(&mut self) {
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.place);
    }

    fn show(&self, diagnostic: &Diagnostic, paint: Paint) -> String {
        let (bold, red, blue, cyan, off) = match paint {
            Paint::Plain => ("", "", "", "", ""),
            Paint::Colour => {
                ("\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[1;34m", "\u{1b}[1;36m", "\u{1b}[0m")
            }
        };
        let (colour, word) = match diagnostic.severity {
            Severity::Error => (red, "error"),
            Severity::Note => (cyan, "note"),
        };
        let mut out = format!("{colour}{word}{off}{bold}: {}{off}\n", diagnostic.message);
        let mut margin = String::from(" ");
        if let Some(place) = diagnostic.place {
            margin = self.excerpt(place, colour, paint, &mut out);
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "{margin} {blue}={off} {bold}help{off}: {help}");
        }
        out
    }

    /// Writes file, line and the line itself with carets under a place; gives the margin for what stands below it.
    pub(crate) fn excerpt(
        &self,
        place: Place,
        colour: &str,
        paint: Paint,
        out: &mut String,
    ) -> String {
        let (blue, off) = match paint {
            Paint::Plain => ("", ""),
            Paint::Colour => ("\u{1b}[1;34m", "\u{1b}[0m"),
        };
        let source = &self.sources[place.source];
        let Spot { line, column, text, indent, width } = Spot::of(&source.text, place);
        let margin = " ".repeat(line.to_string().len());
        let carets = "^".repeat(width);
        let name = &source.name;
        let _ = writeln!(out, "{margin}{blue}-->{off} {name}:{line}:{column}");
        let _ = writeln!(out, "{margin} {blue}|{off}");
        let _ = writeln!(out, "{blue}{line} |{off} {text}");
        let _ = writeln!(out, "{margin} {blue}|{off} {indent}{colour}{carets}{off}");
        margin
    }

    fn error(&mut self, place: impl Into<Option<Place>>, message: String, help: Option<String>) {
        let (severity, place) = (Severity::Error, place.into());
        self.diagnostics.push(Diagnostic { severity, message, help, place });
    }
}

/// Plain text, as [`Report::render`] gives it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Paint::Plain))
    }
}

impl std::error::Error for Report {}

/// One constructor per mistake.
impl Report {
    pub(super) fn unreadable(&mut self, place: Option<Place>, path: &str, why: &std::io::Error) {
        let why = match why.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => why.to_string(),
        };
        self.error(place, format!("cannot read `{path}`: {why}"), None);
    }

    pub(super) fn too_large(&mut self, place: Option<Place>, path: &str, bytes: u64, most: u64) {
        let message =
            format!("`{path}` is too large: {bytes} bytes, where at most {most} are read");
        self.error(place, message, None);
    }

    pub(super) fn empty(&mut self, path: &str) {
        let help = "`stormglass new` writes a first scenario".to_owned();
        self.error(None, format!("`{path}` is empty"), Some(help));
    }

    pub(super) fn not_yaml(&mut self, place: Place, why: &str) {
        self.error(place, format!("not valid YAML: {why}"), None);
    }

    pub(super) fn duplicate_key(&mut self, place: Place, key: &str) {
        self.error(place, format!("`{key}` stands here twice"), None);
    }

    pub(super) fn over_budget(&mut self, place: Place, what: &str) {
        self.error(place, format!("the file is not read further: {what}"), None);
    }

    pub(super) fn unknown_key(
        &mut self,
        place: Place,
        of: &str,
        key: &str,
        known: &[&'static str],
    ) {
        let help = match suggest::closest(key, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known are {}", list(known)),
        };
        self.error(place, format!("unknown key `{key}` of {of}"), Some(help));
    }

    pub(super) fn missing_key(&mut self, place: Place, of: &str, key: &str, example: &str) {
        let help = format!("for example `{example}`");
        self.error(place, format!("{of} needs `{key}`"), Some(help));
    }

    pub(super) fn wrong_shape(&mut self, place: Place, key: &str, found: &str, expected: &str) {
        self.error(place, format!("{} is {found}, but must be {expected}", subject(key)), None);
    }

    pub(super) fn bad_value(
        &mut self,
        place: Place,
        key: &str,
        text: &str,
        why: &super::units::Bad,
    ) {
        let message = format!("`{key}` does not take `{text}`: it needs {}", why.expected);
        self.error(place, message, why.hint.clone());
    }

    pub(super) fn unknown_word(&mut self, place: Place, kind: &str, word: &str, known: &[&str]) {
        let help = match suggest::closest(word, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("there is no {kind} in this scenario"),
            None => format!("known are {}", list(known)),
        };
        self.error(place, format!("unknown {kind} `{word}`"), Some(help));
    }

    pub(crate) fn config_issue(&mut self, place: Place, issue: &ConfigIssue<'_>) {
        self.error(place, issue.to_string(), issue.help());
    }

    pub(super) fn remark(&mut self, place: Place, remark: Remark) {
        let (severity, message) = (Severity::Note, remark.to_string());
        self.diagnostics.push(Diagnostic { severity, message, help: None, place: Some(place) });
    }

    pub(crate) fn note(&mut self, place: Place, message: String) {
        let place = Some(place);
        self.diagnostics.push(Diagnostic { severity: Severity::Note, message, help: None, place });
    }

    pub(super) fn out_of_range(&mut self, place: Place, key: &str, number: u64, range: &str) {
        let message = format!("{} {number} is out of range: it must be {range}", subject(key));
        self.error(place, message, None);
    }

    pub(super) fn not_modelled(&mut self, place: Place, what: &str, instead: &str) {
        self.error(
            place,
            format!("{what} is known but not modelled yet"),
            Some(instead.to_owned()),
        );
    }

    pub(super) fn conflict(&mut self, place: Place, message: String, help: &str) {
        self.error(place, message, Some(help.to_owned()));
    }

    pub(super) fn too_many_replicas(
        &mut self,
        place: Place,
        topic: &str,
        wanted: u64,
        brokers: u16,
    ) {
        let message = format!("`{topic}` wants {wanted} replicas, but there are {brokers} brokers");
        self.error(
            place,
            message,
            Some("a broker holds at most one replica of a partition".into()),
        );
    }

    pub(super) fn name_taken(&mut self, place: Place, name: &str, by: &str) {
        let help = "producers, groups and topics are told apart by their names".to_owned();
        self.error(place, format!("the name `{name}` is already that of {by}"), Some(help));
    }

    pub(super) fn bad_name(&mut self, place: Place, name: &str) {
        let help = "letters, digits, `.`, `_` and `-`, as Kafka's topics have them".to_owned();
        self.error(place, format!("`{name}` is not a name"), Some(help));
    }

    pub(super) fn one_of_keys(&mut self, place: Place, of: &str, found: &[&str], keys: &[&str]) {
        let message = if found.is_empty() {
            format!("{of} needs one of {}", list(keys))
        } else {
            format!("{of} has {}, but takes only one of them", list(found))
        };
        self.error(place, message, None);
    }

    pub(super) fn meaningless_key(&mut self, place: Place, key: &str, with: &str) {
        self.error(place, format!("`{key}` means nothing with `{with}`"), None);
    }
}

/// Where a diagnostic points to on the screen.
struct Spot<'t> {
    line: usize,
    column: usize,
    text: &'t str,
    indent: String,
    width: usize,
}

impl<'t> Spot<'t> {
    fn of(text: &'t str, place: Place) -> Self {
        let from = floor(text, place.from);
        let start = text[..from].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let before = &text[start..from];
        let to = floor(text, place.to).clamp(from, end.max(from));
        let line = text[start..end].trim_end_matches('\r');
        // A line that would fill the screen is of no help.
        let line = &line[..floor(line, 200)];
        Self {
            line: text[..from].matches('\n').count() + 1,
            column: before.chars().count() + 1,
            text: line,
            indent: before.chars().take(200).map(|c| if c == '\t' { '\t' } else { ' ' }).collect(),
            width: text[from..to].chars().take(100).count().max(1),
        }
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A key in backticks, words as they are.
fn subject(key: &str) -> String {
    if key.contains([' ', '`']) { key.to_owned() } else { format!("`{key}`") }
}

/// Words for a sentence: `a`, `b` and `c`.
fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
