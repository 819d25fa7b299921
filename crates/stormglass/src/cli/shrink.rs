//! `stormglass shrink`: a failure becomes the smallest scenario that fails in the same way.

use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stormglass_runner::result::Signature;
use stormglass_runner::saved::place_of;
use stormglass_runner::shrink::{NotShrunk, Progress, ShrinkOptions, shrink};
use stormglass_runner::subject::{report_name, shell_word};
use stormglass_runner::sweep::all_cores;

use super::exit::Exit;
use super::failure::{Failure, load};
use super::files::at;
use super::output::{complain, print};
use super::sweep::time;

#[derive(Args)]
pub(crate) struct ShrinkArguments {
    /// A saved failure, or a scenario
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Of a scenario: the seed that fails; the first of its own seeds unless given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Try nothing new after this long, such as `5m`
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60s")]
    time: Duration,
    /// On how many threads; all cores unless given
    #[arg(long, value_name = "J")]
    jobs: Option<NonZero<usize>>,
    /// Write the scenario to this file; beside the saved failure, or below `reports`, unless given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn main(arguments: &ShrinkArguments) -> io::Result<Exit> {
    let Some(failure) = load(&arguments.file, arguments.seed) else { return Ok(Exit::Invalid) };
    let options =
        ShrinkOptions { jobs: arguments.jobs.unwrap_or_else(all_cores), time: arguments.time };
    let bar = bar(options.time);
    let shrunk = shrink(&failure.scenario, failure.seed, &options, &mut |progress| {
        advance(&bar, progress);
    });
    bar.finish_and_clear();
    let shrunk = match shrunk {
        Ok(shrunk) => shrunk,
        Err(why) => {
            complain(&why.to_string());
            return Ok(match why {
                NotShrunk::Holds(_) => Exit::NotShown,
                NotShrunk::Panicked(_) | NotShrunk::Fickle => Exit::Internal,
            });
        }
    };
    let wanted = arguments.output.clone();
    let wanted = wanted.unwrap_or_else(|| beside(arguments, &failure, &shrunk.signature));
    let path = shrunk.save(&wanted).map_err(|why| at(&wanted, &why))?;
    if path != wanted {
        complain(&format!("{} is there already, with another text", wanted.display()));
    }
    let path = path.display().to_string();
    print(&format!(
        "{shrunk}written to {path}; to run it:\n  stormglass run {}\n",
        shell_word(&path)
    ))?;
    Ok(Exit::Violated)
}

/// Beside the saved failure, or where the failure of a scenario would be saved.
fn beside(arguments: &ShrinkArguments, failure: &Failure, signature: &Signature) -> PathBuf {
    if failure.saved {
        return arguments.file.with_extension("shrunk.yaml");
    }
    let name = report_name(failure.scenario.name());
    let place = place_of(&PathBuf::from("reports"), &name, &signature.to_string(), failure.seed);
    place.with_added_extension("shrunk.yaml")
}

fn bar(time: Duration) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(millis), target);
    let look = "shrinking {prefix} [{bar:30}] {msg}, {elapsed} of the time";
    let style = ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar
}

fn advance(bar: &ProgressBar, progress: &Progress) {
    bar.set_position(u64::try_from(progress.spent.as_millis()).unwrap_or(u64::MAX));
    bar.set_prefix(progress.phase);
    bar.set_message(format!("{} runs, {} faults left", progress.runs, progress.faults));
}
