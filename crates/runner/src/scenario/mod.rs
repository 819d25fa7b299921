//! The scenario language: a YAML file becomes a plan for every seed, or a report of everything that is wrong with it.
//!
//! Runs nothing and judges nothing.

mod applications;
mod behaviour;
mod config;
mod diagnostic;
mod draft;
mod expect;
mod faults;
mod fields;
mod keys;
mod lower;
mod node;
mod producers;
mod render;
mod scale;
mod schema;
mod target;
mod units;
mod written;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use stormglass_kafka::settings::GroupProtocol;
use stormglass_sim::chaos::{self, Chaos, Family};
use stormglass_sim::plan::{Plan, ScheduledFault};

pub use diagnostic::{Diagnostic, Paint, Report, Severity};
pub use draft::{Draft, Tree};
pub use expect::{Expect, Figure, MetricRule};
pub use render::{fault_to_yaml, faults_to_yaml};
pub use schema::json_schema;
pub use stormglass_kafka::config::Client;

pub(crate) use config::{properties, read_text};
pub(crate) use diagnostic::Place;
pub(crate) use written::{Setting, WrittenSection};

use config::Folder;
use faults::FaultSpec;
use fields::Fields;
use node::Node;
use target::Cast;

/// A pipeline, the storm it is put through, and what must hold.
#[derive(Clone, Debug)]
pub struct Scenario {
    name: String,
    text: Arc<str>,
    about: String,
    /// The plan without seed and faults.
    base: Plan,
    faults: Vec<FaultSpec>,
    chaos: Chaos,
    seeds: Range<u64>,
    expect: Expect,
    notes: Report,
    /// Whose client its applications have instead of their own.
    everyone: Option<Client>,
}

impl Scenario {
    /// Reads a scenario from a file; properties files that it names are looked for beside it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Report> {
        Self::load_with(path, None)
    }

    /// Reads a scenario from a file, and gives all of its applications the same client, whichever each names: what is set
    /// of them is said in the words of that client.
    pub fn load_as(path: impl AsRef<Path>, client: Client) -> Result<Self, Report> {
        Self::load_with(path, Some(client))
    }

    fn load_with(path: impl AsRef<Path>, everyone: Option<Client>) -> Result<Self, Report> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let mut report = Report::default();
        let Some(text) = read_text(None, &name, &mut report) else { return Err(report) };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::read(&name, &text, &Folder::At(folder), everyone, report)
    }

    /// Reads a scenario from a text, which cannot name other files. The name is for messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, Report> {
        Self::read(name, text, &Folder::Nowhere, None, Report::default())
    }

    /// A scenario from a text and the files that it names, as [`Scenario::files`] gives them.
    pub fn parse_with(
        name: &str,
        text: &str,
        files: Vec<(String, Arc<str>)>,
    ) -> Result<Self, Report> {
        Self::read(name, text, &Folder::Given(files), None, Report::default())
    }

    /// The other files that it names, each once, with their texts.
    #[must_use]
    pub fn files(&self) -> Vec<(String, Arc<str>)> {
        let mut files: Vec<(String, Arc<str>)> = Vec::new();
        for (name, text) in self.notes.sources().skip(1) {
            if files.iter().all(|(known, _)| known != name) {
                files.push((name.to_owned(), Arc::clone(text)));
            }
        }
        files
    }

    /// The file it came from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it shows, for people.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The seeds that the suite runs it with.
    #[must_use]
    pub fn seeds(&self) -> Range<u64> {
        self.seeds.clone()
    }

    /// What it expects of its runs.
    #[must_use]
    pub const fn expect(&self) -> &Expect {
        &self.expect
    }

    /// The random faults that it asks for.
    #[must_use]
    pub const fn chaos(&self) -> &Chaos {
        &self.chaos
    }

    /// Whose client its applications have instead of the one that they name.
    #[must_use]
    pub const fn everyone(&self) -> Option<Client> {
        self.everyone
    }

    /// What is worth knowing although it is no mistake.
    #[must_use]
    pub const fn notes(&self) -> &Report {
        &self.notes
    }

    /// The plan of a seed: every draw made, chaos written down as explicit faults.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Plan {
        let mut plan = self.plan_without_chaos(seed);
        let drawn = chaos::draw(&plan, &self.chaos);
        plan.faults.extend(drawn);
        plan
    }

    /// The plan of a seed with the faults that the scenario names and none that chaos would draw.
    #[must_use]
    pub fn plan_without_chaos(&self, seed: u64) -> Plan {
        let mut plan = self.plan_with(seed, Vec::new());
        for (nth, fault) in self.faults.iter().enumerate() {
            fault.draw(seed, nth, &mut plan.faults);
        }
        plan
    }

    /// The plan of a seed with these faults instead of its own, as saved failures hold them.
    #[must_use]
    pub fn plan_with(&self, seed: u64, faults: Vec<ScheduledFault>) -> Plan {
        Plan { seed, faults, ..self.base.clone() }
    }

    /// Reads a list of explicit faults, as [`faults_to_yaml`] writes it. Ranges are drawn with seed zero.
    pub fn parse_faults(&self, name: &str, text: &str) -> Result<Vec<ScheduledFault>, Report> {
        let mut report = Report::default();
        let source = report.add_source(name, &text.into());
        let cast = Cast::of(&self.base);
        let mut drawn = Vec::new();
        if let Some(node) = node::parse(text, source, &mut report) {
            let faults = faults::read(&node, &cast, self.base.phases.storm, &mut report);
            for (nth, fault) in faults.iter().enumerate() {
                fault.draw(0, nth, &mut drawn);
            }
        }
        if report.has_errors() { Err(report) } else { Ok(drawn) }
    }

    fn read(
        name: &str,
        text: &str,
        folder: &Folder,
        everyone: Option<Client>,
        mut report: Report,
    ) -> Result<Self, Report> {
        if text.len() as u64 > node::MOST_BYTES {
            report.too_large(None, name, text.len() as u64, node::MOST_BYTES);
            return Err(report);
        }
        let text: Arc<str> = text.trim_start_matches('\u{feff}').into();
        let source = report.add_source(name, &text);
        let Some(root) = node::parse(&text, source, &mut report) else { return Err(report) };
        if matches!(root.value, node::Value::Null) {
            report.empty(name);
            return Err(report);
        }
        if !matches!(root.value, node::Value::Map(_)) {
            report.wrong_shape(
                root.place,
                "a scenario",
                root.shape(),
                "a mapping of keys and values",
            );
            return Err(report);
        }
        let scenario = Self::of(name, &text, &root, (folder, everyone), &mut report);
        report.sort();
        if report.has_errors() {
            return Err(report);
        }
        Ok(Self { notes: report, ..scenario })
    }

    fn of(
        name: &str,
        text: &Arc<str>,
        root: &Node,
        (folder, everyone): (&Folder, Option<Client>),
        report: &mut Report,
    ) -> Self {
        let whole = Place { source: root.place.source, from: 0, to: 0 };
        let file = Fields::of::<schema::File>(root, whole, report);
        let about = file.text("about", report).unwrap_or("").trim().to_owned();
        let (base, seeds) = lower::lower(&file, folder, everyone, report);
        let cast = Cast::of(&base);
        let storm = base.phases.storm;
        let faults = file
            .get("faults")
            .map_or_else(Vec::new, |node| faults::read(node, &cast, storm, report));
        let chaos = read_chaos(&file, report);
        let expect = match file.entry("expect") {
            Some((key, node)) => Fields::of::<schema::Expect>(node, key.place, report),
            None => Fields::none::<schema::Expect>(whole),
        };
        let expect = expect::read(&expect, &cast, report);
        let transactions =
            expect.hold.iter().chain(&expect.violate).any(|it| *it == "transactions");
        if transactions && base.transaction_topic().is_none() {
            let message = "`transactions` is expected, but no producer uses any".to_owned();
            let help = "give one a `transactional.id` and `transactions`, or leave it out";
            report.conflict(file.place_of("expect"), message, help);
        }
        if expect.hold.contains(&"per-key-order") && !lower::has_keys(&base) {
            let message = "`per-key-order` is expected, but no producer sends keys".to_owned();
            report.note(file.place_of("expect"), message);
        }
        let troubled = chaos != Chaos::Off || !faults.is_empty();
        if expect.hold.contains(&"liveness") && troubled {
            note_impatience(&file, &base, report);
        }
        let (name, text, notes) = (name.to_owned(), Arc::clone(text), Report::default());
        Self { name, text, about, base, faults, chaos, seeds, expect, notes, everyone }
    }
}

/// Who dies at the end of the storm is missed after its session timeout: a shorter time to settle cannot show that it is.
fn note_impatience(file: &Fields<'_>, plan: &Plan, report: &mut Report) {
    let members = plan.groups.iter().flat_map(|group| &group.members);
    let classic = members.filter(|member| member.settings.protocol == GroupProtocol::Classic);
    let Some(longest) = classic.map(|member| member.settings.session_timeout).max() else { return };
    let settle = plan.phases.settle;
    if settle < longest {
        let message = format!(
            "`liveness` is expected, but `run.settle` is {settle} and a session.timeout.ms {longest}: a group has not missed \
             yet who dies just before the end"
        );
        report.note(file.place_of("run"), message);
    }
}

/// A length of time as scenarios have it, such as `80ms`.
pub(crate) fn span_of(text: &str) -> Option<stormglass_types::Span> {
    units::duration(text.trim()).ok()
}

/// `off`, `default`, or a list of families.
fn read_chaos(file: &Fields<'_>, report: &mut Report) -> Chaos {
    let words = file.words("chaos", report);
    match words.as_slice() {
        [] => return Chaos::Off,
        [(_, word)] if word.trim() == "off" => return Chaos::Off,
        [(_, word)] if word.trim() == "default" => return Chaos::Default,
        [_, ..] => {}
    }
    let mut families: Vec<Family> = Vec::new();
    for (place, word) in words {
        match Family::named(word.trim()) {
            Some(family) => families.push(family),
            None if matches!(word.trim(), "off" | "default") => {
                let message = format!("`{word}` stands for itself, not in a list of families");
                report.conflict(place, message, "leave it out, or leave the families out");
            }
            None => {
                let names = Family::ALL.iter().map(|family| family.name());
                let known: Vec<&str> = ["off", "default"].into_iter().chain(names).collect();
                report.unknown_word(place, "family of faults", word, &known);
            }
        }
    }
    families.sort_unstable();
    families.dedup();
    Chaos::Families(families)
}

#[cfg(test)]
mod tests;
