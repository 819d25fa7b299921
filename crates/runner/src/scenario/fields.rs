//! Reads one mapping of a scenario: its known keys, typed; unknown ones are reported at once.

use super::diagnostic::{Place, Report};
use super::node::{Node, Value};
use super::schema::Section;
use super::units::Bad;

/// The entries of a mapping.
pub(super) struct Fields<'n> {
    pub(super) title: &'static str,
    /// Of the mapping, or of the key that holds it.
    pub(super) place: Place,
    keys: &'static [&'static str],
    entries: Vec<(&'n str, &'n Node, &'n Node)>,
    /// Whether some keys were not known: what seems to be missing may be among them.
    pub(super) misspelt: bool,
}

impl<'n> Fields<'n> {
    /// The entries of a mapping whose shape is that of a section. `at` is where it hangs.
    pub(super) fn of<S: Section>(node: &'n Node, at: Place, report: &mut Report) -> Self {
        let place = if node.place.from < node.place.to { node.place } else { at };
        let mut fields =
            Self { title: S::TITLE, place, keys: S::KEYS, entries: Vec::new(), misspelt: false };
        for (name, key, value) in entries(node, S::TITLE, report) {
            if S::KEYS.contains(&name) {
                fields.entries.push((name, key, value));
            } else {
                fields.misspelt = true;
                report.unknown_key(key.place, S::TITLE, name, S::KEYS);
            }
        }
        fields
    }

    /// No entries at all.
    pub(super) const fn none<S: Section>(at: Place) -> Self {
        Self { title: S::TITLE, place: at, keys: S::KEYS, entries: Vec::new(), misspelt: false }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key itself and its value.
    pub(super) fn entry(&self, key: &str) -> Option<(&'n Node, &'n Node)> {
        assert!(self.keys.contains(&key), "`{key}` is in the schema of {}", self.title);
        self.entries.iter().find(|(name, ..)| *name == key).map(|(_, key, value)| (*key, *value))
    }

    /// The place of a key's value, or of the whole if there is none.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.entry(key).map_or(self.place, |(key, value)| {
            if value.place.from < value.place.to { value.place } else { key.place }
        })
    }

    /// The names of the keys that are there, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'n str> {
        self.entries.iter().map(|(name, ..)| *name)
    }

    /// The keys that are there, each with its place.
    pub(super) fn key_places(&self) -> Vec<(&'static str, Place)> {
        let known = |name: &str| self.keys.iter().copied().find(|known| *known == name);
        let places = self.entries.iter();
        places.filter_map(|(name, key, _)| Some((known(name)?, key.place))).collect()
    }

    /// A single value.
    pub(super) fn text(&self, key: &str, report: &mut Report) -> Option<&'n str> {
        let node = self.get(key)?;
        let text = node.text();
        if text.is_none() {
            report.wrong_shape(self.place_of(key), key, node.shape(), "a single value");
        }
        text
    }

    /// A single value that a function understands.
    pub(super) fn read<T>(
        &self,
        key: &str,
        report: &mut Report,
        read: fn(&str) -> Result<T, Bad>,
    ) -> Option<T> {
        let text = self.text(key, report)?;
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err(bad) => {
                report.bad_value(self.place_of(key), key, text, &bad);
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(
        &self,
        key: &str,
        (least, most): (u64, u64),
        report: &mut Report,
    ) -> Option<u64> {
        let number = self.read(key, report, super::units::count)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        report.out_of_range(self.place_of(key), key, number, &format!("from {least} to {most}"));
        None
    }

    /// A list, or a single value that stands for a list of one.
    pub(super) fn list(&self, key: &str, report: &mut Report) -> Vec<&'n Node> {
        let Some(node) = self.get(key) else { return Vec::new() };
        match &node.value {
            Value::Null => Vec::new(),
            Value::Text(_) => vec![node],
            Value::List(items) => items.iter().collect(),
            Value::Map(_) => {
                report.wrong_shape(self.place_of(key), key, node.shape(), "a list");
                Vec::new()
            }
        }
    }

    /// A list of single values.
    pub(super) fn words(&self, key: &str, report: &mut Report) -> Vec<(Place, &'n str)> {
        let mut words = Vec::new();
        for node in self.list(key, report) {
            match node.text() {
                Some(text) => words.push((node.place, text)),
                None => {
                    let expected = "a list of single values";
                    report.wrong_shape(node.place, key, node.shape(), expected);
                }
            }
        }
        words
    }

    /// A mapping whose keys are names: key text, key, value.
    pub(super) fn named(
        &self,
        key: &'static str,
        report: &mut Report,
    ) -> Vec<(&'n str, &'n Node, &'n Node)> {
        self.get(key).map_or_else(Vec::new, |node| entries(node, key, report))
    }
}

/// The entries of a mapping, whatever its keys.
pub(super) fn entries<'n>(
    node: &'n Node,
    title: &str,
    report: &mut Report,
) -> Vec<(&'n str, &'n Node, &'n Node)> {
    let Value::Map(pairs) = &node.value else {
        if !matches!(node.value, Value::Null) {
            report.wrong_shape(node.place, title, node.shape(), "a mapping of keys and values");
        }
        return Vec::new();
    };
    let mut entries = Vec::new();
    for (key, value) in pairs {
        match key.text() {
            Some(name) => entries.push((name, key, value)),
            None => report.wrong_shape(key.place, "a key", key.shape(), "a single value"),
        }
    }
    entries
}
