//! Where text goes: results to stdout, everything else to stderr, and nothing panics because a pipe was closed.

use std::io::{self, Write};

use anstream::AutoStream;
use clap::ValueEnum;
use stormglass_runner::report::{Human, Json, Junit, Renderer};

use super::exit::Exit;

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// One JSON object a line
    Json,
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

/// A renderer of suites to stdout.
pub(crate) fn suite_renderer(format: SuiteFormat) -> Box<dyn Renderer> {
    match format {
        SuiteFormat::Human => Box::new(Human::new(stdout())),
        SuiteFormat::Json => Box::new(Json::new(stdout())),
        SuiteFormat::Junit => Box::new(Junit::new(stdout())),
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
