//! GitHub annotations: a workflow command per finding, which shows it at its line of the pull request.

use std::io::{self, Write};

use super::findings::{Finding, Level, findings};
use super::{Event, Renderer, Sources};

/// Writes annotations, and a plain line per run or scenario for the log.
pub struct Github<W> {
    out: W,
    sources: Sources,
}

impl<W: Write> Github<W> {
    /// A renderer that writes to `out`.
    pub const fn new(out: W, sources: Sources) -> Self {
        Self { out, sources }
    }
}

impl<W: Write> Renderer for Github<W> {
    fn tell(&mut self, event: Event<'_>) -> io::Result<()> {
        for finding in findings(event, &self.sources) {
            writeln!(self.out, "{}", annotation(&finding))?;
        }
        match event {
            Event::Ran(result) | Event::Replayed(result) => writeln!(
                self.out,
                "{} seed {} digest {}: {}",
                result.scenario, result.seed, result.digest, result.outcome
            )?,
            Event::Case(case) => {
                let met = if case.misses.is_empty() { "met" } else { "MISSED" };
                writeln!(self.out, "{} {met}", case.sweep.scenario)?;
            }
            Event::Retried(retried) => {
                writeln!(self.out, "{} {}", retried.path, retried.fate.name())?;
            }
            Event::Suite(suite) => writeln!(
                self.out,
                "{} met, {} missed, {} invalid",
                suite.met,
                suite.missed,
                suite.invalid.len()
            )?,
            Event::Seed(_)
            | Event::Swept(_)
            | Event::Stale(_)
            | Event::Panicked(_)
            | Event::Differed(_) => {}
        }
        self.out.flush()
    }
}

/// `::error file=…,line=…,title=…::message`.
pub(crate) fn annotation(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut message = finding.message.clone();
    if let Some(seed) = finding.seed {
        message = format!("{message}\nseed {seed}");
    }
    if let Some(repro) = &finding.repro {
        message = format!("{message}\n{repro}");
    }
    format!(
        "::{level} file={},line={},title={}::{}",
        property(&finding.path),
        finding.line,
        property(&finding.title),
        plain(&message)
    )
}

/// Text that means nothing to the runner.
fn plain(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    plain(text).replace(':', "%3A").replace(',', "%2C")
}
