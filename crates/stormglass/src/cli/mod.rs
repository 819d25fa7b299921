//! The command line: what each command needs, which command runs, and what its exit code says.
//!
//! Wiring only: commands live in their own files, and everything they show is rendered elsewhere.

mod assign;
mod debug;
mod exit;
mod explain;
mod failure;
mod files;
mod grid;
mod lint;
mod output;
mod profiles;
mod progress;
mod replay;
mod report;
mod run;
mod shrink;
mod sweep;
mod tables;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::Exit;

/// Deterministic simulation testing for Kafka pipelines.
///
/// Puts a pipeline through storms in virtual time: brokers crash, links are cut, acks get lost, disks stall. One seed is one
/// history, the same on every machine.
#[derive(Parser)]
#[command(name = "stormglass", version, max_term_width = 100, after_help = exit::TABLE)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one seed of each scenario: verdicts, figures, what went wrong and when
    Run(run::RunArguments),
    /// Hunt through many seeds of each scenario, on all cores
    Sweep(sweep::SweepArguments),
    /// Put scenarios to their test: their own seeds against what they expect
    Test(test::TestArguments),
    /// Run saved failures again and compare digests; or stop somewhere on the way and look around
    Replay(replay::ReplayArguments),
    /// Name the mistakes in the settings of a scenario or of real clients, with the fix; and prove them by runs
    Lint(lint::LintArguments),
    /// Show what each assignor gives whom as members come and go, and what moves
    Assign(assign::AssignArguments),
    /// Make a failure small: the fewest faults, processes and records that fail in the same way
    Shrink(shrink::ShrinkArguments),
    /// Tell why a run failed: the story, the faults it took, and the settings that prevent it
    Explain(explain::ExplainArguments),
    /// List the protocol's safety rules, which `cluster.without` switches off
    Rules(tables::RulesArguments),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// Write a first scenario to a file
    New(tables::NewArguments),
}

/// Parses the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and versions are results; mistakes go to stderr. If neither can be written, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Held }.into();
        }
    };
    stormglass_runner::execute::report_panics();
    let done = match &arguments.command {
        Command::Run(arguments) => run::main(arguments),
        Command::Sweep(arguments) => sweep::main(arguments),
        Command::Test(arguments) => test::main(arguments),
        Command::Replay(arguments) => replay::main(arguments),
        Command::Lint(arguments) => lint::main(arguments),
        Command::Assign(arguments) => assign::main(arguments),
        Command::Shrink(arguments) => shrink::main(arguments),
        Command::Explain(arguments) => explain::main(arguments),
        Command::Rules(arguments) => tables::rules(arguments),
        Command::Schema => tables::schema(),
        Command::New(arguments) => tables::new(arguments),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => output::last_words(&error).into(),
    }
}
