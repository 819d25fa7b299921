//! `stormglass rules`, `schema` and `new`: what is known by name, and a place to start.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use stormglass_runner::report::{Release, rules_json, rules_table};
use stormglass_runner::scenario::json_schema;
use stormglass_runner::subject::shell_word;
use stormglass_runner::template::FIRST_SCENARIO;

use super::exit::Exit;
use super::files;
use super::output::{Format, complain, print};

#[derive(Args)]
pub(crate) struct RulesArguments {
    /// How to write the table
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Only the rules that a release lacks, such as `kafka-4.0`, which is a `cluster.profile`, too
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    profile: Option<Release>,
}

fn release(name: &str) -> Result<Release, String> {
    Release::of_profile(name).ok_or_else(|| {
        let known = Release::ALL.iter().map(|release| format!("kafka-{release}"));
        format!("known are {}", known.collect::<Vec<_>>().join(", "))
    })
}

#[derive(Args)]
pub(crate) struct NewArguments {
    /// Where to write it
    #[arg(default_value = "scenario.yaml", value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn rules(arguments: &RulesArguments) -> io::Result<Exit> {
    let lacking = arguments.profile.map(Release::rules);
    match arguments.format {
        Format::Human => print(&rules_table(lacking))?,
        Format::Json => print(&format!("{:#}\n", rules_json(lacking)))?,
    }
    Ok(Exit::Held)
}

pub(crate) fn schema() -> io::Result<Exit> {
    print(&format!("{:#}\n", json_schema()))?;
    Ok(Exit::Held)
}

pub(crate) fn new(arguments: &NewArguments) -> io::Result<Exit> {
    let path = &arguments.file;
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    match created.and_then(|mut file| file.write_all(FIRST_SCENARIO.as_bytes())) {
        Ok(()) => {}
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            complain(&format!("error: {} exists already and stays as it is", path.display()));
            return Ok(Exit::Usage);
        }
        Err(why) => return Err(files::at(path, &why)),
    }
    let word = shell_word(&path.display().to_string());
    print(&format!("wrote {}\nto run it:\n  stormglass run {word}\n", path.display()))?;
    Ok(Exit::Held)
}
