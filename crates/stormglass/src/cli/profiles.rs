//! `--profiles`: the same scenario with the clients of several profiles.

use std::io;
use std::num::NonZero;
use std::path::PathBuf;

use stormglass_runner::profiles::compare as run_all;
use stormglass_runner::scenario::Client;
use stormglass_runner::sweep::{Seeds, all_cores};

use super::exit::Exit;
use super::files;
use super::output::{Format, complain, print};

/// Which seeds each client is run with.
pub(crate) enum Runs {
    /// One, the first of the scenario's own unless it is given.
    Of(Option<u64>),
    /// Many, on so many threads.
    All(Seeds, NonZero<usize>),
}

/// Runs every scenario with every client and shows them side by side.
pub(crate) fn compare(
    paths: &[PathBuf],
    clients: &[Client],
    runs: &Runs,
    format: Format,
) -> io::Result<Exit> {
    let mut unique = clients.to_vec();
    unique.dedup();
    if unique.len() < clients.len() {
        complain("error: a profile is named twice");
        return Ok(Exit::Usage);
    }
    let loaded = paths.iter().map(|path| {
        let all = clients.iter().map(|client| Some((*client, files::load_as(path, *client)?)));
        // Every mistake is told before anything runs.
        all.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
    });
    let Some(loaded) = loaded.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(Exit::Invalid);
    };
    let mut exit = Exit::Held;
    for (at, scenarios) in loaded.iter().enumerate() {
        let first = scenarios.first().map_or(0, |(_, scenario)| scenario.seeds().start);
        let (seeds, jobs) = match runs {
            Runs::Of(seed) => (Seeds::only(seed.unwrap_or(first)), all_cores()),
            Runs::All(seeds, jobs) => (*seeds, *jobs),
        };
        let compared = run_all(scenarios, seeds, jobs, &mut |_| {});
        if at > 0 && format == Format::Human {
            print("\n")?;
        }
        print(&match format {
            Format::Human => compared.human(),
            Format::Json => compared.json(),
        })?;
        let of = if compared.panics() > 0 { Exit::Internal } else { Exit::of(compared.outcome()) };
        exit = exit.max(of);
    }
    Ok(exit)
}

/// `java` or `librdkafka`.
pub(crate) fn client(text: &str) -> Result<Client, String> {
    let known: Vec<&str> = Client::ALL.iter().map(|client| client.name()).collect();
    let known = known.join(" and ");
    Client::named(text.trim()).ok_or_else(|| format!("there are the profiles {known}"))
}
