//! `stormglass replay --until`, `--until-mark`, `--follow`, `--step`: a run to look around in.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use stormglass_runner::debug::{Command, Debugger, Stop};
use stormglass_types::Time;

use super::exit::Exit;
use super::failure::load;
use super::output::{complain, print};

/// Where to stop, and what to do there.
pub(crate) struct Wanted<'a> {
    pub(crate) until: Option<Time>,
    pub(crate) mark: Option<&'a str>,
    pub(crate) follow: Option<&'a str>,
    pub(crate) step: bool,
}

pub(crate) fn main(path: &Path, seed: Option<u64>, wanted: &Wanted<'_>) -> io::Result<Exit> {
    let mark = match wanted.mark.map(|name| format!("mark {name}").parse::<Command>()) {
        None => None,
        Some(Ok(mark)) => Some(mark),
        Some(Err(says)) => {
            complain(&format!("error: {says}"));
            return Ok(Exit::Usage);
        }
    };
    let Some(failure) = load(path, seed) else { return Ok(Exit::Invalid) };
    let mut debugger = Debugger::new(failure.scenario.plan(failure.seed));
    if let Some(name) = wanted.follow {
        if let Err(says) = debugger.partition(name) {
            complain(&format!("error: {}", says.trim_end()));
            return Ok(Exit::Usage);
        }
        debugger.obey(&Command::Follow(Some(name.to_owned())));
    }
    let stop = wanted.until.map(|time| Command::Go(Stop::At(time))).or(mark);
    if let Some(stop) = &stop {
        print(&debugger.obey(stop))?;
    } else if !wanted.step {
        // Followed to the end.
        print(&debugger.obey(&Command::Go(Stop::End)))?;
    }
    if wanted.step {
        return converse(&mut debugger);
    }
    if stop.is_some() {
        print(&debugger.obey(&Command::State))?;
    }
    Ok(Exit::Held)
}

/// Does what standard input says, line by line. What cannot be done is told and left out.
fn converse(debugger: &mut Debugger) -> io::Result<Exit> {
    let mut exit = Exit::Held;
    let prompted = io::stdin().is_terminal();
    let prompt = |debugger: &Debugger| {
        if prompted { print(&format!("[{}] ", debugger.place())) } else { Ok(()) }
    };
    print(&format!("{}; `help` tells what to ask\n", debugger.place()))?;
    prompt(debugger)?;
    for line in io::stdin().lock().lines() {
        match line?.parse::<Command>() {
            Ok(Command::Quit) => return Ok(exit),
            Ok(command) => {
                print(&debugger.obey(&command))?;
                if !prompted && matches!(command, Command::Go(_) | Command::Back(_)) {
                    print(&format!("{}\n", debugger.place()))?;
                }
            }
            Err(says) => {
                complain(&says);
                exit = Exit::Usage;
            }
        }
        prompt(debugger)?;
    }
    Ok(exit)
}
