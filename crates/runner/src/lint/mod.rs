//! Lint: names the mistakes in the settings of a pipeline, where they stand, what can happen, and what to write instead; and
//! shows each by a run, if asked to.
//!
//! Sees settings, and of a scenario what it says about its applications. What only code shows, such as a callback that
//! ignores failures, is out of its reach.

mod brokers;
mod finding;
mod groups;
mod mistakes;
mod pairs;
mod pipeline;
mod producers;
mod proof;
mod read;
mod render;
mod template;

#[cfg(test)]
mod tests;

use std::io;

pub use self::finding::{Finding, Harm, Level};
pub use self::mistakes::{MISTAKES, Mistake};
pub use self::proof::{Base, Expects, Proof, ProofOptions, Proved, Remedy, Shown, Stretch, Take};
pub use self::read::{Origin, Properties, time};
pub use self::render::{Told, github, human, json_lines, sarif};

use self::finding::Subject;
use self::pipeline::Pipeline;
use crate::scenario::{Report, Scenario};

/// A pipeline and the mistakes in it.
#[derive(Clone, Debug)]
pub struct Linted {
    pipeline: Pipeline,
    findings: Vec<Finding>,
    notes: Report,
    unseen: Vec<&'static str>,
}

impl Linted {
    /// The mistakes in a scenario.
    #[must_use]
    pub fn scenario(scenario: &Scenario) -> Self {
        let pipeline = Pipeline::of_scenario(scenario);
        Self { findings: find(&pipeline), pipeline, notes: Report::default(), unseen: Vec::new() }
    }

    /// The mistakes in the settings of real clients.
    ///
    /// # Errors
    /// If a file cannot be read, or if Kafka would refuse what is in it; tells everything that is wrong.
    pub fn properties(given: &Properties) -> Result<Self, Report> {
        let (pipeline, notes) = Pipeline::of_properties(given)?;
        let mut unseen = Vec::new();
        for (missing, what) in [
            (pipeline.producers.is_empty(), "producers (--producer)"),
            (pipeline.groups.is_empty(), "consumers (--consumer)"),
            (pipeline.topics.is_empty(), "topics (--topic)"),
            (pipeline.cluster.is_none(), "brokers (--broker)"),
            (given.each.is_none() && !pipeline.groups.is_empty(), "time per record (--each)"),
        ] {
            if missing {
                unseen.push(what);
            }
        }
        Ok(Self { findings: find(&pipeline), pipeline, notes, unseen })
    }

    /// What was found, in the order of the texts.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is worth knowing and no mistake of the table.
    #[must_use]
    pub const fn notes(&self) -> &Report {
        &self.notes
    }

    /// The gravest level of what was found.
    #[must_use]
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(Finding::level).max()
    }

    /// Looks for a run that shows a finding. `keep` is given the text of the scenario that is run, and says where it can be
    /// found; commands will name that.
    ///
    /// # Errors
    /// Those of `keep`.
    pub fn prove(
        &self,
        finding: &Finding,
        options: ProofOptions,
        keep: &mut dyn FnMut(&str) -> io::Result<String>,
    ) -> io::Result<Proved> {
        proof::prove(&self.pipeline, finding, options, keep)
    }

    /// What to call the proof of a finding: `M02-checkout`.
    #[must_use]
    pub fn stem(&self, finding: &Finding) -> String {
        let section = match finding.spot.subject {
            Subject::Cluster => "cluster",
            Subject::Topic(at) => &self.pipeline.topics[at].section.name,
            Subject::Producer(at) => &self.pipeline.producers[at].section.name,
            Subject::Group(at) => &self.pipeline.groups[at].section.name,
        };
        let file = section.rsplit(['/', '\\']).next().unwrap_or(section);
        let plain = file.strip_suffix(".properties").unwrap_or(file).trim_matches('-');
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let plain: String =
            plain.chars().map(|letter| if legal(letter) { letter } else { '-' }).collect();
        format!("{}-{plain}", finding.mistake.id)
    }
}

fn find(pipeline: &Pipeline) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for mistake in MISTAKES {
        let spots = (mistake.find)(pipeline).into_iter();
        findings.extend(spots.map(|spot| Finding { mistake, spot }));
    }
    findings.sort_by_key(|finding| finding.spot.place);
    // A cluster's setting is a mistake once, however many topics have it.
    findings.dedup_by(|one, other| {
        one.spot.place == other.spot.place
            && one.mistake.id == other.mistake.id
            && one.spot.says == other.spot.says
    });
    findings
}
