//! `stormglass explain`: why a run failed, what it took, and what prevents it.

use std::io;
use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stormglass_runner::execute::{Recording, execute};
use stormglass_runner::explain::{NotExplained, explain, human, markdown, svg};
use stormglass_runner::subject::Subject;
use stormglass_runner::sweep::all_cores;

use super::exit::Exit;
use super::failure::load;
use super::output::{complain, print};
use super::report;

/// How an explanation is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ExplainFormat {
    /// For people
    Human,
    /// Markdown with a Mermaid diagram
    Markdown,
    /// The sequence diagram as a picture
    Svg,
}

#[derive(Args)]
pub(crate) struct ExplainArguments {
    /// A saved failure, or a scenario; best after `shrink`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Of a scenario: the seed that fails; the first of its own seeds unless given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ExplainFormat::Human)]
    format: ExplainFormat,
    /// Write the report below this folder as well: a page with the explanation, text and JSON
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// On how many threads; all cores unless given
    #[arg(long, value_name = "J")]
    jobs: Option<NonZero<usize>>,
}

pub(crate) fn main(arguments: &ExplainArguments) -> io::Result<Exit> {
    let Some(failure) = load(&arguments.file, arguments.seed) else { return Ok(Exit::Invalid) };
    let jobs = arguments.jobs.unwrap_or_else(all_cores);
    match explain(&failure.scenario, failure.seed, jobs) {
        Ok(told) => {
            print(&match arguments.format {
                ExplainFormat::Human => human(&told),
                ExplainFormat::Markdown => markdown(&told),
                ExplainFormat::Svg => svg(&told),
            })?;
            if let Some(folder) = &arguments.report {
                let subject = Subject::of(&failure.scenario);
                // It came to its end when it was explained.
                if let Ok(execution) = execute(&subject, failure.seed, Recording::On) {
                    report::write_told(folder, &failure.scenario, &execution, Some(&told))?;
                }
            }
            Ok(Exit::Violated)
        }
        Err(why) => {
            complain(&why.to_string());
            Ok(match why {
                NotExplained::Holds(_) => Exit::NotShown,
                NotExplained::Panicked(_) => Exit::Internal,
            })
        }
    }
}
