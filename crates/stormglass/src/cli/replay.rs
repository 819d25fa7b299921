//! `stormglass replay`: saved failures, run again and compared.

use std::io::{self, BufRead as _, BufReader};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use stormglass_runner::debug::clock;
use stormglass_runner::replay::{Replay, Source};
use stormglass_runner::report::{Event, Renderer};
use stormglass_runner::result::Mismatch;
use stormglass_runner::saved::{BadSaved, HostedTest, SavedFailure};
use stormglass_runner::subject::shell_word;
use stormglass_runner::sweep::{Seeds, all_cores};
use stormglass_types::{Digest, Time};

use super::debug;
use super::exit::Exit;
use super::output::{Format, complain, print, renderer};

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// Saved failures, as `sweep`, `test` and `run --report` write them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the choices of the run come from
    #[arg(long, value_enum, default_value_t = From::Seed)]
    from: From,
    /// Follow the tape to its end, then go on at random: once for each of these seeds, `20` or `100..120`
    #[arg(long, value_name = "N|A..B", conflicts_with = "from")]
    then: Option<Seeds>,
    /// On how many threads to go on; all cores unless given
    #[arg(long, value_name = "J")]
    jobs: Option<NonZero<usize>>,
    /// Stop at this instant, as reports show it, and show the state: `42.317s`; FILE may be a scenario, too
    #[arg(long, value_name = "TIME", value_parser = clock, conflicts_with_all = ["from", "then"])]
    until: Option<Time>,
    /// Stop where this rare branch is taken for the first time, such as `IsrShrunk`, and show the state
    #[arg(long, value_name = "MARK", conflicts_with_all = ["from", "then", "until"])]
    until_mark: Option<String>,
    /// Tell everything that happens to a partition, such as `orders-3`
    #[arg(long, value_name = "PARTITION", conflicts_with_all = ["from", "then"])]
    follow: Option<String>,
    /// Stop there, or before the first event, and do what standard input says; `help` tells what there is
    #[arg(long, conflicts_with_all = ["from", "then"])]
    step: bool,
    /// Of a scenario: which seed; the first of its own seeds unless given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How to write results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Where the choices of a replay come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum From {
    /// Draw them from the seed again
    Seed,
    /// Read them from the tape; where it ends, the seed goes on
    Tape,
}

pub(crate) fn main(arguments: &ReplayArguments) -> io::Result<Exit> {
    let stops = arguments.until.is_some() || arguments.until_mark.is_some();
    if stops || arguments.follow.is_some() || arguments.step {
        return look(arguments);
    }
    if arguments.seed.is_some() {
        complain(
            "error: a saved failure has its seed; `--seed` is for scenarios to look around in",
        );
        return Ok(Exit::Usage);
    }
    let mut renderer = renderer(arguments.format);
    let mut exit = Exit::Held;
    for path in &arguments.files {
        let again = match load(path) {
            Ok((saved, replay)) => match arguments.then {
                None => again(arguments, path, &saved, &replay, &mut *renderer)?,
                Some(seeds) => go_on(arguments, path, &saved, &replay, seeds)?,
            },
            Err(BadSaved::Hosted(test)) if arguments.then.is_none() => hosted(path, &test)?,
            Err(why) => {
                complain(&format!("error: {} cannot be replayed: {why}", path.display()));
                Exit::Invalid
            }
        };
        exit = exit.max(again);
    }
    Ok(exit)
}

/// Stops somewhere in one run and looks around.
fn look(arguments: &ReplayArguments) -> io::Result<Exit> {
    let [path] = &arguments.files[..] else {
        complain("error: one run can be looked into at a time");
        return Ok(Exit::Usage);
    };
    debug::main(
        path,
        arguments.seed,
        &debug::Wanted {
            until: arguments.until,
            mark: arguments.until_mark.as_deref(),
            follow: arguments.follow.as_deref(),
            step: arguments.step,
        },
    )
}

fn load(path: &Path) -> Result<(SavedFailure, Replay), BadSaved> {
    let saved = SavedFailure::load(path)?;
    let replay = Replay::of(&saved, repro(path))?;
    Ok((saved, replay))
}

fn repro(path: &Path) -> String {
    format!("stormglass replay {}", shell_word(&path.display().to_string()))
}

fn again(
    arguments: &ReplayArguments,
    path: &Path,
    saved: &SavedFailure,
    replay: &Replay,
    renderer: &mut dyn Renderer,
) -> io::Result<Exit> {
    let source = match arguments.from {
        From::Seed => Source::Seed,
        From::Tape => Source::Tape,
    };
    if source == Source::Tape && replay.tape().is_none() {
        complain(&format!("error: {} cannot be replayed: {}", path.display(), BadSaved::NoTape));
        return Ok(Exit::Invalid);
    }
    match replay.run(source) {
        Ok(replayed) if replayed.same => {
            renderer.tell(Event::Replayed(&replayed.result))?;
            Ok(Exit::of(replayed.result.outcome))
        }
        Ok(replayed) if replayed.steady => {
            renderer.tell(Event::Stale(&replayed))?;
            Ok(Exit::Invalid)
        }
        Ok(replayed) => {
            let first = u64::from_str_radix(&saved.digest, 16).map_or(Digest::EMPTY, Digest);
            let mismatch = Mismatch {
                scenario: saved.scenario.clone(),
                seed: saved.seed,
                first,
                second: replayed.result.digest,
                difference: None,
                repro: repro(path),
            };
            renderer.tell(Event::Differed(&mismatch))?;
            Ok(Exit::Internal)
        }
        Err(panicked) => {
            renderer.tell(Event::Panicked(&panicked))?;
            Ok(Exit::Internal)
        }
    }
}

/// A failure of people's own code: its test is the only one that can run it.
fn hosted(path: &Path, test: &HostedTest) -> io::Result<Exit> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments =
        ["test", "--package", &test.package, &test.name, "--", "--exact", "--nocapture"];
    let ran = Command::new(cargo)
        .args(arguments)
        .env("STORMGLASS_REPLAY", path.canonicalize()?)
        .stdout(Stdio::piped())
        .spawn();
    let mut ran = match ran {
        Ok(ran) => ran,
        Err(why) => {
            let hosted = BadSaved::Hosted(test.clone());
            complain(&format!("error: cargo does not start: {why}; {hosted}"));
            return Ok(Exit::Invalid);
        }
    };
    let mut found = false;
    if let Some(said) = ran.stdout.take() {
        for line in BufReader::new(said).lines() {
            let line = line?;
            found |= line.contains("stormglass replays ");
            print(&format!("{line}\n"))?;
        }
    }
    let passed = ran.wait()?.success();
    if !found {
        complain(&format!(
            "error: no test `{}` of the package `{}` ran; it is there only in a build with `--cfg madsim`",
            test.name, test.package
        ));
        return Ok(Exit::Invalid);
    }
    Ok(if passed { Exit::Held } else { Exit::Violated })
}

/// The run up to the end of its tape, then many ends.
fn go_on(
    arguments: &ReplayArguments,
    path: &Path,
    saved: &SavedFailure,
    replay: &Replay,
    seeds: Seeds,
) -> io::Result<Exit> {
    let Some(tape) = replay.tape() else {
        complain(&format!("error: {} cannot be replayed: {}", path.display(), BadSaved::NoTape));
        return Ok(Exit::Invalid);
    };
    let mut lines = String::new();
    let (mut same, mut broken) = (0_u64, 0_u64);
    let jobs = arguments.jobs.unwrap_or_else(all_cores);
    replay.go_on(seeds, jobs.get(), &mut |continued| {
        let signature = continued.signature.as_ref().map(ToString::to_string);
        same += u64::from(signature.as_deref() == Some(&saved.signature));
        broken += u64::from(signature.is_some());
        lines.push_str(&match arguments.format {
            Format::Human => continued.human(),
            Format::Json => continued.json(saved),
        });
    });
    if arguments.format == Format::Human {
        let (events, of) = (tape.events(), seeds.count());
        let signature = &saved.signature;
        lines.push_str(&format!(
            "\n{signature} in {same} of {of} continuations after event {events} of the tape\n"
        ));
    }
    print(&lines)?;
    Ok(if broken > 0 { Exit::Violated } else { Exit::Held })
}
