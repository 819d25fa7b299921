//! A scenario's settings as they stand in its text, each with its place: for readers that ask what was written, and where.
//!
//! Resolves nothing: what a text came to is the plan's.

use std::path::Path;

use stormglass_kafka::config::Client;

use super::Scenario;
use super::config::{Folder, Lines};
use super::diagnostic::{Place, Report};
use super::fields::Fields;
use super::node::{self, Value};
use super::schema::{self, Section};

/// One setting of Kafka's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) place: Place,
}

/// A topic, a producer, a group or the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WrittenSection {
    /// As people call it.
    pub(crate) name: String,
    /// Its name in the text.
    pub(crate) head: Place,
    /// Whose client it is.
    pub(crate) client: Client,
    /// Kafka's settings.
    pub(crate) settings: Vec<Setting>,
    /// The language's own keys.
    pub(crate) own: Vec<(&'static str, Place)>,
}

/// Everything that has settings, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The texts that places point into.
    pub(crate) sources: Report,
    pub(crate) cluster: WrittenSection,
    pub(crate) topics: Vec<WrittenSection>,
    pub(crate) producers: Vec<WrittenSection>,
    pub(crate) groups: Vec<WrittenSection>,
    /// Where faults raise a topic's number of partitions, in the order of the file.
    pub(crate) expansions: Vec<Place>,
}

impl Scenario {
    /// The settings as they stand in the text.
    pub(crate) fn written(&self) -> Written {
        let mut report = Report::default();
        let source = report.add_source(&self.name, &self.text);
        // Whatever were wrong with the text was found when it was read as a scenario.
        let root = node::parse(&self.text, source, &mut report).expect("the text is a scenario's");
        let whole = Place { source, from: 0, to: 0 };
        let beside = Path::new(&self.name).parent().unwrap_or(Path::new(""));
        let folder = Folder::Given(self.files());
        let file = Fields::of::<schema::File>(&root, whole, &mut report);
        let cluster = match file.entry("cluster") {
            Some((key, node)) => {
                let fields = Fields::of::<schema::Cluster>(node, key.place, &mut report);
                section("cluster", key.place, fields, &folder, &mut report)
            }
            None => WrittenSection {
                name: "cluster".to_owned(),
                head: whole,
                client: Client::Java,
                settings: Vec::new(),
                own: Vec::new(),
            },
        };
        let topics = sections::<schema::Topic>(&file, "topics", &folder, &mut report);
        let producers = sections::<schema::Producer>(&file, "producers", &folder, &mut report);
        let groups = sections::<schema::Group>(&file, "groups", &folder, &mut report);
        let mut expansions = Vec::new();
        for fault in file.list("faults", &mut report) {
            let Value::Map(entries) = &fault.value else { continue };
            let keys = entries.iter().map(|(key, _)| key);
            expansions.extend(keys.filter(|key| key.text() == Some("expand")).map(|key| key.place));
        }
        report.rename_sources(&|name| beside.join(name).display().to_string());
        Written { sources: report, cluster, topics, producers, groups, expansions }
    }
}

fn sections<S: Section>(
    file: &Fields<'_>,
    key: &'static str,
    folder: &Folder,
    report: &mut Report,
) -> Vec<WrittenSection> {
    let named = file.named(key, report).into_iter();
    let sections = named.map(|(name, key, node)| {
        let fields = Fields::of::<S>(node, key.place, report);
        let profile =
            if S::KEYS.contains(&"profile") { fields.text("profile", report) } else { None };
        let client = profile.and_then(|word| Client::named(word.trim())).unwrap_or(Client::Java);
        let section = section(name, key.place, fields, folder, report);
        WrittenSection { client, ..section }
    });
    sections.collect()
}

fn section(
    name: &str,
    head: Place,
    fields: Fields<'_>,
    folder: &Folder,
    report: &mut Report,
) -> WrittenSection {
    let lines = Lines::of(&fields, folder, report).written().into_iter();
    let settings = lines.map(|(key, value, place)| Setting { key, value, place }).collect();
    let (name, client) = (name.to_owned(), Client::Java);
    WrittenSection { name, head, client, settings, own: fields.key_places() }
}
