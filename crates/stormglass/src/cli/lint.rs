//! `stormglass lint`: the mistakes in settings, with what can happen, the fix, and a proof.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stormglass_runner::discover::scenarios;
use stormglass_runner::lint::{
    Level, Linted, Origin, ProofOptions, Properties, Proved, Told, github, human, json_lines,
    sarif, time,
};
use stormglass_runner::scenario::{Client, Paint};
use stormglass_runner::sweep::{Seeds, all_cores};
use stormglass_types::Span;

use super::exit::Exit;
use super::files;
use super::output::{complain, print};

/// How findings are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum LintFormat {
    /// For people
    Human,
    /// One JSON object a line, one line per finding
    Json,
    /// GitHub annotations at the lines of the settings
    Github,
    /// SARIF 2.1.0, for tools that gather findings
    Sarif,
}

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LintArguments {
    /// Scenario files, or folders with scenarios
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The settings of a producer; `librdkafka:FILE` if its client is built on librdkafka
    #[arg(long, value_name = "[CLIENT:]FILE", value_parser = client)]
    producer: Vec<(Client, String)>,
    /// The settings of a consumer
    #[arg(long, value_name = "[CLIENT:]FILE", value_parser = client)]
    consumer: Vec<(Client, String)>,
    /// Settings of the topic; `replication.factor` and `partitions` count as such
    #[arg(long, value_name = "FILE|KEY=VALUE")]
    topic: Vec<String>,
    /// Settings of the brokers
    #[arg(long, value_name = "FILE|KEY=VALUE")]
    broker: Vec<String>,
    /// How many instances each application has
    #[arg(long, value_name = "N")]
    instances: Option<u16>,
    /// How long the application works on a record, such as `80ms`
    #[arg(long, value_name = "TIME", value_parser = time)]
    each: Option<Span>,
    /// How to write findings
    #[arg(long, value_enum, default_value_t = LintFormat::Human)]
    format: LintFormat,
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
    /// Show each finding by a run with these very settings
    #[arg(long)]
    prove: bool,
    /// With which seeds to look for a proof
    #[arg(long, value_name = "N|A..B", default_value = "20")]
    seeds: Seeds,
    /// On how many threads; all cores unless given
    #[arg(long, value_name = "J")]
    jobs: Option<NonZero<usize>>,
    /// Keep the scenarios that prove findings below this folder
    #[arg(long, value_name = "DIR", default_value = "reports")]
    report: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  stormglass lint scenarios/acks-1-leader-crash/broken.yaml
  stormglass lint --producer checkout.properties --topic replication.factor=3 --topic min.insync.replicas=1
  stormglass lint --consumer billing.properties --each 80ms --instances 4 --prove

Exit codes: 0 no error was found, 1 at least one was (a warning, too, with --strict), 2 wrong usage,
3 a scenario or a setting is invalid, 70 a bug of stormglass itself";

/// Something that was looked at, and what came of it.
struct Looked {
    name: String,
    linted: Linted,
    /// As many as there are findings, if proofs were asked for.
    proofs: Vec<Proved>,
}

pub(crate) fn main(arguments: &LintArguments) -> io::Result<Exit> {
    let pipelines = match pipelines(arguments)? {
        Ok(pipelines) => pipelines,
        Err(exit) => return Ok(exit),
    };
    let mut exit = Exit::Held;
    let mut all = Vec::new();
    for (name, linted) in pipelines {
        if !linted.notes().is_empty() {
            complain(&linted.notes().render(Paint::Colour));
        }
        let mut proofs = Vec::new();
        if arguments.prove {
            for finding in linted.findings() {
                let stem = linted.stem(finding);
                let options = ProofOptions {
                    seeds: arguments.seeds,
                    jobs: arguments.jobs.unwrap_or_else(all_cores),
                };
                let folder = arguments.report.join("lint");
                let proved =
                    linted.prove(finding, options, &mut |text| keep(&folder, &stem, text))?;
                if matches!(proved, Proved::Panicked(_)) {
                    exit = Exit::Internal;
                }
                proofs.push(proved);
            }
        }
        let enough = if arguments.strict { Level::Warning } else { Level::Error };
        if linted.worst().is_some_and(|worst| worst >= enough) {
            exit = exit.max(Exit::Violated);
        }
        let looked = Looked { name, linted, proofs };
        if arguments.format != LintFormat::Sarif {
            print(&text(arguments.format, &looked))?;
        }
        all.push(looked);
    }
    if arguments.format == LintFormat::Sarif {
        let told: Vec<(&Linted, Vec<Told<'_>>)> =
            all.iter().map(|looked| (&looked.linted, told(looked))).collect();
        print(&sarif(&told))?;
    }
    Ok(exit)
}

/// What is to be looked at, or why nothing is.
fn pipelines(arguments: &LintArguments) -> io::Result<Result<Vec<(String, Linted)>, Exit>> {
    let settings = !arguments.producer.is_empty()
        || !arguments.consumer.is_empty()
        || !arguments.topic.is_empty()
        || !arguments.broker.is_empty();
    if settings != arguments.files.is_empty() {
        complain(if settings {
            "error: a scenario has its settings; name either scenarios or settings"
        } else {
            "error: nothing to look at; name scenarios, or settings with --producer, --consumer, --topic and --broker"
        });
        return Ok(Err(Exit::Usage));
    }
    if settings {
        return Ok(match Linted::properties(&properties(arguments)) {
            Ok(linted) => Ok(vec![("settings".to_owned(), linted)]),
            Err(report) => {
                complain(&report.render(Paint::Colour));
                Err(Exit::Invalid)
            }
        });
    }
    let paths = match scenarios(&arguments.files) {
        Ok(paths) => paths,
        Err((path, why)) => return Err(files::at(&path, &why)),
    };
    let Some(loaded) = files::load_all(&paths) else { return Ok(Err(Exit::Invalid)) };
    let linted = loaded.iter().map(|it| (it.name().to_owned(), Linted::scenario(it)));
    Ok(Ok(linted.collect()))
}

fn properties(arguments: &LintArguments) -> Properties {
    let files = |given: &[(Client, String)]| -> Vec<(Client, Origin)> {
        given.iter().map(|(client, file)| (*client, Origin::File(file.clone()))).collect()
    };
    let either = |flag: &'static str, given: &[String]| -> Vec<Origin> {
        given.iter().map(|text| Origin::of(flag, text)).collect()
    };
    Properties {
        producers: files(&arguments.producer),
        consumers: files(&arguments.consumer),
        topic: either("--topic", &arguments.topic),
        brokers: either("--broker", &arguments.broker),
        instances: arguments.instances,
        each: arguments.each,
    }
}

fn told(looked: &Looked) -> Vec<Told<'_>> {
    let findings = looked.linted.findings().iter().enumerate();
    findings.map(|(at, finding)| Told { finding, proved: looked.proofs.get(at) }).collect()
}

fn text(format: LintFormat, looked: &Looked) -> String {
    let (linted, told) = (&looked.linted, told(looked));
    match format {
        LintFormat::Human => human(linted, &looked.name, &told),
        LintFormat::Json => json_lines(linted, &told),
        LintFormat::Github => github(linted, &told),
        LintFormat::Sarif => String::new(),
    }
}

/// Keeps a scenario below a folder, never in the place of another one, and says where.
fn keep(folder: &Path, stem: &str, text: &str) -> io::Result<String> {
    fs::create_dir_all(folder).map_err(|why| files::at(folder, &why))?;
    for number in 1..1_000 {
        let name = if number == 1 { stem.to_owned() } else { format!("{stem}-{number}") };
        let path = folder.join(format!("{name}.yaml"));
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        match made.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => return Ok(path.display().to_string()),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read_to_string(&path).is_ok_and(|there| there == text) {
                    return Ok(path.display().to_string());
                }
            }
            Err(why) => return Err(files::at(&path, &why)),
        }
    }
    Err(io::Error::other(format!("there are too many scenarios like {stem}")))
}

/// `FILE`, `java:FILE` or `librdkafka:FILE`.
fn client(text: &str) -> Result<(Client, String), String> {
    Ok(match text.split_once(':') {
        Some(("librdkafka", file)) => (Client::Librdkafka, file.to_owned()),
        Some(("java", file)) => (Client::Java, file.to_owned()),
        Some(_) | None => (Client::Java, text.to_owned()),
    })
}
