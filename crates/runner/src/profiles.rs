//! One scenario with the clients of several profiles: the same pipeline, storm and seeds, side by side.
//!
//! Every side is a scenario like any other, in the words of its client. Prints nothing.

use std::fmt::Write as _;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;

use stormglass_kafka::config::{DefaultValue, Role, in_java};

use crate::execute::{Recording, execute};
use crate::report::{BOLD, Numbers, paint, run_line, sign, table, violations, word};
use crate::result::{RunResult, Status};
use crate::scenario::{Client, Scenario};
use crate::subject::{Subject, report_name};
use crate::sweep::pool::Pool;
use crate::sweep::{Seed, Seeds, Tally};
use crate::words::count;

/// What became of a scenario with each client.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// The seeds that every side had.
    pub seeds: Seeds,
    /// The sides, in the order in which they were asked for.
    pub sides: Vec<Side>,
    /// What the clients come with where the scenario leaves it to them.
    defaults: Vec<Vec<String>>,
}

/// A scenario with one client.
#[derive(Clone, Debug)]
pub struct Side {
    /// Whose client.
    pub client: Client,
    /// What its seeds came to.
    pub tally: Tally,
    /// How many seeds broke an invariant that was asked for, or a bound.
    pub failed: u64,
    /// The first seed's run, or the first failing one; none if all of them panicked.
    pub shown: Option<Box<RunResult>>,
}

/// Runs every seed with every client. All scenarios are the same one, as [`Scenario::load_as`] reads it. `hear` is told of
/// every run, in order.
#[must_use]
pub fn compare(
    scenarios: &[(Client, Arc<Scenario>)],
    seeds: Seeds,
    jobs: NonZero<usize>,
    hear: &mut dyn FnMut(u64),
) -> Comparison {
    let subjects: Vec<Subject> = scenarios.iter().map(|(_, one)| Subject::of(one)).collect();
    let mut sides: Vec<Side> = scenarios
        .iter()
        .map(|(client, _)| Side {
            client: *client,
            tally: Tally::default(),
            failed: 0,
            shown: None,
        })
        .collect();
    let each = seeds.count();
    let place = |task: u64| usize::try_from(task / each).expect("as many as there are clients");
    let work =
        |task: u64| match execute(&subjects[place(task)], seeds.at(task % each), Recording::Off) {
            Ok(execution) => Seed::Ran(Box::new(execution.result)),
            Err(panicked) => Seed::Panicked(panicked),
        };
    let tasks = each.saturating_mul(sides.len() as u64);
    let mut done = 0;
    Pool { jobs: jobs.get(), tasks, deadline: None }.run(&work, &mut |seed| {
        sides[place(done)].add(seed);
        done += 1;
        hear(done);
        ControlFlow::Continue(())
    });
    let name = scenarios.first().map(|(_, scenario)| report_name(scenario.name()));
    let defaults = scenarios.first().map(|(_, scenario)| left_to_clients(scenario));
    Comparison {
        scenario: name.unwrap_or_default(),
        seeds,
        sides,
        defaults: defaults.unwrap_or_default(),
    }
}

impl Side {
    fn add(&mut self, seed: Seed) {
        self.tally.add(&seed);
        let Seed::Ran(result) = seed else { return };
        let fails = result.failure().is_some();
        if self.shown.is_none() || (fails && self.failed == 0) {
            self.shown = Some(result);
        }
        self.failed += u64::from(fails);
    }

    fn outcome(&self) -> Status {
        if self.failed > 0 { Status::Violated } else { self.tally.outcome() }
    }
}

impl Comparison {
    /// The worst outcome of any side.
    #[must_use]
    pub fn outcome(&self) -> Status {
        self.sides.iter().map(Side::outcome).max().unwrap_or(Status::Vacuous)
    }

    /// How many runs panicked: our own bugs.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.sides.iter().map(|side| side.tally.panics().0).sum()
    }

    /// The table of verdicts and figures, what broke on each side, and the commands that show one side again.
    #[must_use]
    pub fn human(&self) -> String {
        let mut out = String::new();
        let seeds = match self.seeds.count() {
            1 => format!("seed {}", self.seeds.at(0)),
            many => format!("{} seeds", count(many)),
        };
        let clients: Vec<&str> = self.sides.iter().map(|side| side.client.name()).collect();
        let who = clients.join(" and with those of ");
        let _ =
            writeln!(out, "{}  {seeds}, with the clients of {who}\n", paint(BOLD, &self.scenario));
        let head: Vec<&str> = std::iter::once("").chain(clients.iter().copied()).collect();
        let mut rows = vec![self.row("outcome", |side| says(side.outcome()))];
        rows.extend(self.verdicts());
        rows.extend(self.bounds());
        table(&mut out, &head, &Numbers(&[]), rows);
        if self.seeds.count() == 1 {
            out.push('\n');
            table(&mut out, &head, &Numbers(&[1, 2]), self.figures());
        }
        self.broken(&mut out);
        if !self.defaults.is_empty() {
            out.push('\n');
            let head = ["left to the client", "java", "librdkafka"];
            table(&mut out, &head, &Numbers(&[]), self.defaults.clone());
        }
        let _ = writeln!(out, "\nto run one of them again:");
        for side in &self.sides {
            if let Some(shown) = &side.shown {
                let _ = writeln!(out, "  {}", paint(BOLD, &shown.repro));
            }
        }
        out
    }

    /// An object per side: of one seed the run as always, of many how they ended; each with the `profile`.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        for side in &self.sides {
            let mut line = match &side.shown {
                Some(shown) if self.seeds.count() == 1 => run_line(shown),
                Some(_) | None => {
                    let outcomes = Status::ALL
                        .into_iter()
                        .map(|status| (status.name().to_owned(), side.tally.count(status).into()));
                    let outcomes: serde_json::Map<String, serde_json::Value> = outcomes.collect();
                    let groups = side.tally.groups();
                    let signatures = groups.iter().map(|(it, _)| it.to_string());
                    serde_json::json!({
                        "scenario": self.scenario,
                        "seeds": self.seeds.count(),
                        "failed": side.failed,
                        "outcomes": outcomes,
                        "signatures": signatures.collect::<Vec<_>>(),
                        "panics": side.tally.panics().0,
                        "repro": side.shown.as_ref().map(|shown| &shown.repro),
                    })
                }
            };
            if let serde_json::Value::Object(line) = &mut line {
                line.insert("profile".to_owned(), side.client.name().into());
            }
            let _ = writeln!(out, "{line}");
        }
        out
    }

    fn row(&self, name: &str, cell: impl Fn(&Side) -> String) -> Vec<String> {
        std::iter::once(name.to_owned()).chain(self.sides.iter().map(cell)).collect()
    }

    fn verdicts(&self) -> Vec<Vec<String>> {
        let invariants = self.sides.iter().filter_map(|side| side.shown.as_ref());
        let Some(shown) = invariants.into_iter().next() else { return Vec::new() };
        let one = self.seeds.count() == 1;
        let row = |invariant: &'static str| {
            self.row(invariant, |side| {
                let judged = side.shown.as_ref().and_then(|shown| shown.verdict(invariant));
                let tallied = side.tally.invariants().iter().find(|it| it.invariant == invariant);
                match (judged, tallied) {
                    (Some(judged), _) if one => match judged.kind {
                        Some(kind) => format!("{} {kind}", says(judged.status)),
                        None => says(judged.status),
                    },
                    (_, Some(tallied)) => {
                        let broken = tallied.count(Status::Violated);
                        let worst = Status::ALL.into_iter().rev();
                        let mut worst = worst.filter(|it| tallied.count(*it) > 0);
                        match worst.next() {
                            Some(Status::Violated) => format!("✘ {} violated", count(broken)),
                            Some(other) => says(other),
                            None => "-".to_owned(),
                        }
                    }
                    (_, None) => "-".to_owned(),
                }
            })
        };
        shown.verdicts.iter().map(|judged| row(judged.invariant)).collect()
    }

    /// Bounds on figures, of the runs that are shown.
    fn bounds(&self) -> Vec<Vec<String>> {
        let Some(shown) = self.sides.iter().find_map(|side| side.shown.as_ref()) else {
            return Vec::new();
        };
        let rows = (0..shown.bounds.len()).map(|at| {
            self.row(&shown.bounds[at].text, |side| {
                let bound = side.shown.as_ref().and_then(|shown| shown.bounds.get(at));
                bound.map_or_else(
                    || "-".to_owned(),
                    |bound| {
                        let sign = if bound.kept { "✔" } else { "✘" };
                        format!("{sign} {}", bound.shown)
                    },
                )
            })
        });
        rows.collect()
    }

    fn figures(&self) -> Vec<Vec<String>> {
        let row = |name: &str, figure: &dyn Fn(&RunResult) -> String| {
            self.row(name, |side| {
                side.shown.as_ref().map_or_else(|| "-".to_owned(), |shown| figure(shown))
            })
        };
        let mut rows = vec![
            row("digest", &|run| run.digest.to_string()),
            row("sent", &|run| count(run.figures.sends)),
            row("acknowledged", &|run| count(run.figures.acked)),
            row("stored twice", &|run| count(run.figures.duplicated)),
            row("lost", &|run| count(run.figures.lost)),
            row("processed", &|run| count(run.figures.processed)),
            row("processed again", &|run| count(run.figures.redelivered)),
        ];
        let groups = self.sides.iter().find_map(|side| side.shown.as_ref());
        for (at, name) in groups.iter().flat_map(|shown| shown.groups.iter().enumerate()) {
            let of = |run: &RunResult, figure: fn(&stormglass_check::GroupFigures) -> u64| {
                run.figures.groups.get(at).map_or_else(String::new, |group| count(figure(group)))
            };
            rows.push(row(&format!("{name}: rebalances"), &|run| of(run, |it| it.rebalances)));
            rows.push(row(&format!("{name}: passed over"), &|run| of(run, |it| it.skipped.all)));
            rows.push(row(&format!("{name}: lag at most"), &|run| of(run, |it| it.lag_max)));
        }
        rows
    }

    fn broken(&self, out: &mut String) {
        for side in &self.sides {
            let Some(shown) = &side.shown else { continue };
            if shown.violations().next().is_none() {
                continue;
            }
            let head = format!("{}, seed {}", side.client.name(), shown.seed);
            let _ = writeln!(out, "\n{}", paint(BOLD, &head));
            out.push_str(&violations(shown));
        }
    }
}

fn says(status: Status) -> String {
    format!("{} {}", sign(status).0, word(status))
}

/// Settings that a scenario does not set and that the clients have different defaults for, under Java's names.
fn left_to_clients(scenario: &Scenario) -> Vec<Vec<String>> {
    let written = scenario.written();
    let sections = [(Role::Producer, &written.producers), (Role::Consumer, &written.groups)];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (role, sections) in sections.into_iter().filter(|(_, sections)| !sections.is_empty()) {
        let is_set = |name: &str| {
            let set = |setting: &crate::scenario::Setting| {
                in_java(&setting.key, "").0 == name || setting.key == name
            };
            sections.iter().all(|section| section.settings.iter().any(set))
        };
        for name in TOLD {
            let of = |client: Client| {
                let key = client.role(role);
                let own = key.keys().iter().find(|it| in_java(it.name, "").0 == *name);
                let default = own.or_else(|| key.find(name))?.default;
                let DefaultValue::Is(value) = default else { return None };
                Some(in_java(name, value).1)
            };
            let pair = (of(Client::Java), of(Client::Librdkafka));
            if is_set(name) || pair.0 == pair.1 || rows.iter().any(|row| row[0] == *name) {
                continue;
            }
            let shown = |value: Option<String>| {
                let none = if *name == "partitioner" { "murmur2" } else { "-" };
                let value = value.unwrap_or_else(|| none.to_owned());
                value.replace("org.apache.kafka.clients.consumer.", "")
            };
            rows.push(vec![(*name).to_owned(), shown(pair.0), shown(pair.1)]);
        }
    }
    rows
}

/// The settings whose defaults decide most of what differs.
const TOLD: &[&str] = &[
    "enable.idempotence",
    "max.in.flight.requests.per.connection",
    "partitioner",
    "delivery.timeout.ms",
    "batch.size",
    "partition.assignment.strategy",
    "enable.auto.offset.store",
];
