//! Where text goes: results to stdout, everything else to stderr, and nothing panics because a pipe was closed.

use std::io::{self, Write};
use std::path::PathBuf;

use anstream::AutoStream;
use clap::ValueEnum;
use stormglass_runner::report::{Github, Human, Json, Junit, Markdown, Renderer, Sarif, Sources};

use super::exit::Exit;

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

/// How the result of a run is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum RunFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
    /// Markdown for the comment of a pull request
    Markdown,
    /// GitHub annotations at the lines of the scenario
    Github,
    /// SARIF 2.1.0, for tools that gather findings
    Sarif,
    /// Rows over time, for a terminal
    Timeline,
}

/// How results of a suite are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SuiteFormat {
    /// For people
    Human,
    /// One JSON object a line, one line per scenario
    Json,
    /// JUnit XML, for CI
    Junit,
    /// Markdown for the comment of a pull request
    Markdown,
    /// GitHub annotations at the lines of the scenarios
    Github,
    /// SARIF 2.1.0, for tools that gather findings
    Sarif,
}

/// Standard output: colours are stripped unless it is a terminal that wants them, and a closed pipe takes the rest unread.
///
/// Whoever closed the pipe has read enough, but the exit code must still say what came of the runs.
struct Stdout(AutoStream<io::StdoutLock<'static>>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        unless_closed(self.0.write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.0.flush())
    }
}

fn unless_closed(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn stdout() -> Stdout {
    Stdout(AutoStream::auto(io::stdout().lock()))
}

/// A renderer to stdout.
pub(crate) fn renderer(format: Format) -> Box<dyn Renderer> {
    match format {
        Format::Human => Box::new(Human::new(stdout())),
        Format::Json => Box::new(Json::new(stdout())),
    }
}

/// A renderer of runs to stdout; those that name lines find them in the scenario files.
pub(crate) fn run_renderer(format: RunFormat, paths: &[PathBuf]) -> Box<dyn Renderer> {
    match format {
        RunFormat::Human | RunFormat::Timeline => Box::new(Human::new(stdout())),
        RunFormat::Json => Box::new(Json::new(stdout())),
        RunFormat::Markdown => Box::new(Markdown::new(stdout())),
        RunFormat::Github => Box::new(Github::new(stdout(), Sources::read(paths))),
        RunFormat::Sarif => Box::new(Sarif::new(stdout(), Sources::read(paths))),
    }
}

/// A renderer of suites to stdout.
pub(crate) fn suite_renderer(format: SuiteFormat, paths: &[PathBuf]) -> Box<dyn Renderer> {
    match format {
        SuiteFormat::Human => Box::new(Human::new(stdout())),
        SuiteFormat::Json => Box::new(Json::new(stdout())),
        SuiteFormat::Junit => Box::new(Junit::new(stdout())),
        SuiteFormat::Markdown => Box::new(Markdown::new(stdout())),
        SuiteFormat::Github => Box::new(Github::new(stdout(), Sources::read(paths))),
        SuiteFormat::Sarif => Box::new(Sarif::new(stdout(), Sources::read(paths))),
    }
}

/// Writes a text to stdout.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Tells people something that is no result. If stderr cannot be written, there is nobody to tell.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(AutoStream::auto(io::stderr().lock()), "{text}");
}

/// What to do about a file or an output that could not be written.
pub(crate) fn last_words(error: &io::Error) -> Exit {
    complain(&format!("error: {error}"));
    Exit::Usage
}
