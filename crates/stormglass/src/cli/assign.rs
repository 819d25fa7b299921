//! `stormglass assign`: who gets what from each assignor, and what moves.

use std::fs;
use std::io::{self, BufRead as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stormglass_runner::assign::{
    MemberSpec, Mistakes, Script, Session, Step, StepReport, TopicSpec, json_line, parse_assignors,
    parse_member, parse_owned, parse_step, parse_topic, table, yaml_document,
};

use super::exit::Exit;
use super::files;
use super::output::{complain, print};

/// How assignments are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Shape {
    /// For people: members down, assignors across
    Table,
    /// One JSON object a line, one line per step
    Json,
    /// One YAML document per step
    Yaml,
}

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AssignArguments {
    /// A group in YAML or JSON: topics, members, racks, previous owners, steps
    file: Option<PathBuf>,

    /// A topic; with racks, one replica per partition, on these racks in turn
    #[arg(long = "topic", value_name = "TOPIC:PARTITIONS[@RACK,…]", value_parser = parse_topic)]
    topics: Vec<TopicSpec>,

    /// A member and what it subscribes to, in the order of joining
    #[arg(long = "member", value_name = "MEMBER:TOPIC,…[@RACK]", value_parser = parse_member)]
    members: Vec<MemberSpec>,

    /// What a member owned before
    #[arg(long = "owned", value_name = "MEMBER:TOPIC-PARTITION,…", value_parser = parse_owned)]
    owned: Vec<(String, Vec<(String, u32)>)>,

    /// What happens next: `join MEMBER:TOPIC,…`, `leave MEMBER`, `subscribe MEMBER:TOPIC,…`, `scale TOPIC:PARTITIONS`
    #[arg(long = "then", value_name = "STEP", value_parser = parse_step)]
    steps: Vec<Step>,

    /// Only this assignor; may be given several times
    #[arg(long = "assignor", value_name = "NAME")]
    assignors: Vec<String>,

    /// Read further steps from standard input, one a line, and show each as it comes
    #[arg(long)]
    live: bool,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Shape::Table)]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  stormglass assign --topic orders:12 --member a:orders --member b:orders --then 'join c:orders'
  stormglass assign group.yaml --assignor sticky --assignor cooperative-sticky --format json

A file:
  topics:
    orders: 12
    payments: { partitions: 2, racks: [[r1, r2], [r2, r3]] }
  members:
    a: [orders, payments]
    b: { topics: [orders], rack: r1, owned: { orders: [0, 1] }, generation: 7 }
  steps: [join c:orders, leave a]";

pub(crate) fn main(arguments: &AssignArguments) -> io::Result<Exit> {
    let script = match script(arguments)? {
        Ok(script) => script,
        Err(mistakes) => return Ok(refuse(arguments, &mistakes)),
    };
    let started = parse_assignors(&arguments.assignors)
        .and_then(|assignors| Session::start(script.group, &assignors));
    let (mut session, first) = match started {
        Ok(started) => started,
        Err(mistakes) => return Ok(refuse(arguments, &mistakes)),
    };
    show(arguments.format, &first)?;
    for step in &script.steps {
        match session.apply(step) {
            Ok(report) => show_next(arguments.format, &report)?,
            Err(mistakes) => return Ok(refuse(arguments, &mistakes)),
        }
    }
    if arguments.live { live(arguments.format, &mut session) } else { Ok(Exit::Held) }
}

/// The file, if any, with what the flags add to it.
fn script(arguments: &AssignArguments) -> io::Result<Result<Script, Mistakes>> {
    let mut script = match &arguments.file {
        None => Script::default(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|why| files::at(path, &why))?;
            match Script::parse(&text) {
                Ok(script) => script,
                Err(Mistakes(told)) => {
                    let name = path.display().to_string();
                    let named = told.iter().map(|one| one.replace("<input>", &name));
                    return Ok(Err(Mistakes(named.collect())));
                }
            }
        }
    };
    script.group.topics.extend_from_slice(&arguments.topics);
    script.group.members.extend_from_slice(&arguments.members);
    script.steps.extend_from_slice(&arguments.steps);
    if script.group.topics.is_empty() {
        let said =
            "nothing to assign; name topics and members in a file, or with --topic and --member";
        return Ok(Err(said.to_owned().into()));
    }
    for (id, owned) in &arguments.owned {
        match script.group.members.iter_mut().find(|member| member.id == *id) {
            Some(member) => member.owned.extend_from_slice(owned),
            None => return Ok(Err(format!("--owned names `{id}`, which is no member").into())),
        }
    }
    Ok(Ok(script))
}

/// Steps from standard input. What cannot happen is told and left out.
fn live(shape: Shape, session: &mut Session) -> io::Result<Exit> {
    let mut exit = Exit::Held;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let applied =
            parse_step(text).map_err(Mistakes::from).and_then(|step| session.apply(&step));
        match applied {
            Ok(report) => show_next(shape, &report)?,
            Err(mistakes) => {
                complain(&mistakes.to_string());
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

fn show(shape: Shape, report: &StepReport) -> io::Result<()> {
    print(&match shape {
        Shape::Table => table(report),
        Shape::Json => json_line(report),
        Shape::Yaml => yaml_document(report),
    })
}

/// A blank line stands between tables.
fn show_next(shape: Shape, report: &StepReport) -> io::Result<()> {
    match shape {
        Shape::Table => print("\n")?,
        Shape::Json | Shape::Yaml => {}
    }
    show(shape, report)
}

fn refuse(arguments: &AssignArguments, mistakes: &Mistakes) -> Exit {
    complain(&mistakes.to_string());
    if arguments.file.is_some() { Exit::Invalid } else { Exit::Usage }
}
