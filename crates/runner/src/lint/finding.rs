//! What is said about a mistake: which, where, and what to write instead.

use crate::scenario::{Place, Tree};

use super::mistakes::Mistake;

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Something that settings alone do not show decides whether it does harm.
    Warning,
    /// Ordinary faults are enough for harm.
    Error,
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Harm {
    /// Records are lost, or never processed.
    Lose,
    /// Records are stored or processed again.
    Repeat,
    /// Records of one key change their order.
    Reorder,
    /// Nobody writes, or nobody reads.
    Stall,
    /// What is read is not what was meant to be read.
    Mislead,
}

/// Whose settings a finding is about; indices of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    Cluster,
    Topic(usize),
    Producer(usize),
    Group(usize),
}

/// Something to be written, or taken away, instead of what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Edit {
    /// A setting of the cluster.
    Cluster(&'static str, String),
    /// A setting of the topic.
    Topic(&'static str, String),
    /// A setting of the producer; none takes it away.
    Producer(&'static str, Option<String>),
    /// A setting of the consumer.
    Consumer(&'static str, String),
    /// A key of the scenario language: of the topic.
    OfTopic(&'static [&'static str], Tree),
    /// A key of the scenario language: of the producer.
    OfProducer(&'static [&'static str], Tree),
    /// A key of the scenario language: of the group; none takes it away.
    OfGroup(&'static [&'static str], Option<Tree>),
}

/// What to do about a mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fix {
    /// In words, where edits do not say it.
    pub(super) words: Option<String>,
    pub(super) edits: Vec<Edit>,
}

/// A mistake in a place.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) subject: Subject,
    pub(super) place: Place,
    pub(super) says: String,
    pub(super) fix: Fix,
    /// If it is another than the mistake's own.
    pub(super) level: Option<Level>,
    /// Why it cannot be proved here although others of its kind can.
    pub(super) unprovable: Option<&'static str>,
}

/// A mistake that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub(super) mistake: &'static Mistake,
    pub(super) spot: Spot,
}

impl Level {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Harm {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lose => "lose",
            Self::Repeat => "repeat",
            Self::Reorder => "reorder",
            Self::Stall => "stall",
            Self::Mislead => "mislead",
        }
    }
}

impl Finding {
    /// The mistake.
    #[must_use]
    pub const fn mistake(&self) -> &'static Mistake {
        self.mistake
    }

    /// How grave it is here.
    #[must_use]
    pub fn level(&self) -> Level {
        self.spot.level.unwrap_or(self.mistake.level)
    }

    /// What is wrong, in a line.
    #[must_use]
    pub fn says(&self) -> &str {
        &self.spot.says
    }
}

impl Fix {
    pub(super) fn edits(edits: impl Into<Vec<Edit>>) -> Self {
        Self { words: None, edits: edits.into() }
    }

    pub(super) fn words(words: &str) -> Self {
        Self { words: Some(words.to_owned()), edits: Vec::new() }
    }

    /// Words for people, and the edits for a proof.
    pub(super) fn both(words: &str, edits: impl Into<Vec<Edit>>) -> Self {
        Self { words: Some(words.to_owned()), edits: edits.into() }
    }

    /// As it is to be written: `acks=all` in properties, `acks: all` in a scenario.
    pub(super) fn shown(&self, scenario: bool) -> String {
        if let Some(words) = &self.words {
            return words.clone();
        }
        let edits: Vec<String> = self.edits.iter().map(|edit| edit.shown(scenario)).collect();
        edits.join(", ")
    }
}

impl Edit {
    fn shown(&self, scenario: bool) -> String {
        let setting = |key: &str, value: &str| {
            if !scenario {
                return format!("{key}={value}");
            }
            format!("{key}: {}", Tree::from(value).flow())
        };
        match self {
            Self::Cluster(key, value) => format!("{} (brokers)", setting(key, value)),
            Self::Topic(key, value) => format!("{} (topic)", setting(key, value)),
            Self::Producer(key, Some(value)) | Self::Consumer(key, value) => setting(key, value),
            Self::Producer(key, None) => format!("remove {key}"),
            Self::OfTopic([key], value) if !scenario => format!("{key}={}", value.flow()),
            Self::OfTopic(path, value)
            | Self::OfProducer(path, value)
            | Self::OfGroup(path, Some(value)) => nested(path, &value.flow()),
            Self::OfGroup(path, None) => format!("remove `{}`", path.join(".")),
        }
    }
}

/// `commit: { on-revoke: commit }`.
fn nested(path: &[&str], value: &str) -> String {
    match path {
        [] => value.to_owned(),
        [key] => format!("{key}: {value}"),
        [key, rest @ ..] => format!("{key}: {{ {} }}", nested(rest, value)),
    }
}
