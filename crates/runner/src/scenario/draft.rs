//! A scenario as a tree that can be edited and written down again, as a person would write it.
//!
//! Checks nothing: whether an edited draft still makes sense is found out by reading its text as a scenario.

use std::fmt::Write as _;
use std::sync::Arc;

use stormglass_types::Span;

use super::diagnostic::Report;
use super::node::{self, Node, Value};
use super::schema::{self, Section as _};
use super::{Scenario, config, faults_to_yaml, units};

/// A value of a draft.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tree {
    /// Nothing.
    Null,
    /// A single value, as it was written.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Self)>),
}

/// A scenario that is being edited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    root: Tree,
}

/// Sections whose entries people name.
const NAMED: [&str; 3] = ["topics", "producers", "groups"];

/// Keys with a dot that are not under `config`.
const DOTTED: [&str; 2] = ["replication.factor", "eligible.leader.replicas.version"];

/// Lines are not wider than this if it can be helped.
const WIDTH: usize = 110;

impl Scenario {
    /// The scenario as a draft that stands alone: the faults that a seed draws are written down, nothing else is random,
    /// and properties files are part of it.
    #[must_use]
    pub fn draft(&self, seed: u64) -> Draft {
        let Draft { mut root } = self.sketch();
        root.remove("chaos");
        let mut draft = Draft { root };
        draft.set_faults(match parsed(&faults_to_yaml(&self.plan(seed))) {
            Tree::List(faults) => faults,
            Tree::Null | Tree::Text(_) | Tree::Map(_) => Vec::new(),
        });
        draft.set_seed(seed);
        draft
    }

    /// The scenario as a draft that draws its faults as before, with properties files made part of it.
    #[must_use]
    pub fn sketch(&self) -> Draft {
        let mut root = parsed(self.text());
        let files = self.files();
        for section in NAMED {
            if let Some(Tree::Map(named)) = root.get_mut(section) {
                named.iter_mut().for_each(|(_, tree)| inline(tree, &files));
            }
        }
        if let Some(cluster) = root.get_mut("cluster") {
            inline(cluster, &files);
        }
        Draft { root }
    }
}

impl Draft {
    /// The draft as a text that can be read as a scenario.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        let Tree::Map(entries) = &self.root else { return out };
        let place = |key: &str| schema::File::KEYS.iter().position(|known| *known == key);
        let mut entries: Vec<&(String, Tree)> = entries.iter().collect();
        entries.sort_by_key(|(key, _)| place(key));
        for (nth, (key, tree)) in entries.iter().enumerate() {
            let section = matches!(
                key.as_str(),
                "topics" | "producers" | "groups" | "applications" | "faults"
            );
            if section && nth > 0 {
                out.push('\n');
            }
            match tree {
                Tree::Text(text) if key == "about" => about(text, &mut out),
                _ if key == "faults" && *tree == Tree::List(Vec::new()) => {}
                Tree::Map(_) | Tree::List(_) if section => {
                    let _ = writeln!(out, "{key}:");
                    block(tree, 2, &mut out);
                }
                Tree::Null | Tree::Text(_) | Tree::List(_) | Tree::Map(_) => {
                    entry(key, tree, 0, &mut out);
                }
            }
        }
        out
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(&self.root, |tree, key| tree.get(key))
    }

    /// The text at a path of keys.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.text()
    }

    /// The keys of the mapping at a path.
    #[must_use]
    pub fn keys(&self, path: &[&str]) -> Vec<&str> {
        match self.get(path) {
            Some(Tree::Map(entries)) => entries.iter().map(|(key, _)| key.as_str()).collect(),
            Some(Tree::Null | Tree::Text(_) | Tree::List(_)) | None => Vec::new(),
        }
    }

    /// The path that is written with dots, such as `groups.billing.config.max.poll.records`: names and keys may have dots in
    /// them.
    ///
    /// # Errors
    /// If it leads to a topic, producer or group that does not exist.
    pub fn locate(&self, dotted: &str) -> Result<Vec<String>, String> {
        let mut path: Vec<String> = Vec::new();
        let mut tree = Some(&self.root);
        let mut rest = dotted.trim();
        while !rest.is_empty() {
            let keys = match tree {
                Some(Tree::Map(entries)) => &entries[..],
                Some(Tree::Null | Tree::Text(_) | Tree::List(_)) | None => &[],
            };
            let begins = |key: &str| {
                rest.strip_prefix(key)
                    .is_some_and(|after| after.is_empty() || after.starts_with('.'))
            };
            let known = keys.iter().map(|(key, _)| key.as_str());
            let known = known.chain(DOTTED).filter(|key| begins(key)).max_by_key(|key| key.len());
            let named = matches!(path.as_slice(), [section] if NAMED.contains(&section.as_str()));
            let key = match known {
                Some(key) => key,
                None if path.last().is_some_and(|last| last == "config") => rest,
                None if named => {
                    let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
                    let (section, there) = (path.concat(), names.join(", "));
                    return Err(format!("`{dotted}` names none of the {section}: {there}"));
                }
                None => rest.split_once('.').map_or(rest, |(key, _)| key),
            };
            tree = tree.and_then(|tree| tree.get(key));
            path.push(key.to_owned());
            rest = rest[key.len()..].trim_start_matches('.');
        }
        if path.is_empty() {
            Err("a path is needed, such as `run.for`".to_owned())
        } else {
            Ok(path)
        }
    }

    /// Puts a value at a path of keys; mappings on the way are made.
    pub fn set(&mut self, path: &[&str], value: Tree) {
        let mut tree = &mut self.root;
        for key in path {
            tree = tree.entry(key);
        }
        *tree = value;
    }

    /// Takes the value at a path of keys away, and every mapping that is empty for it.
    pub fn remove(&mut self, path: &[&str]) {
        self.root.remove_path(path);
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> &[Tree] {
        match self.get(&["faults"]) {
            Some(Tree::List(faults)) => faults,
            Some(Tree::Null | Tree::Text(_) | Tree::Map(_)) | None => &[],
        }
    }

    /// Puts other faults in the place of its own.
    pub fn set_faults(&mut self, faults: Vec<Tree>) {
        self.set(&["faults"], Tree::List(faults));
    }

    /// The only seed that it is run with.
    pub fn set_seed(&mut self, seed: u64) {
        let text = format!("{seed}..{}", seed.saturating_add(1));
        self.set(&["run", "seeds"], Tree::Text(text));
    }
}

impl Tree {
    /// A value as it would be written in a file: a word, `[a, b]` or `{ a: b }`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match parsed(text) {
            tree @ (Self::List(_) | Self::Map(_)) => tree,
            Self::Null | Self::Text(_) => Self::Text(text.trim().to_owned()),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(known, _)| known == key).map(|(_, tree)| tree)
            }
            Self::Null | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Map(entries) => {
                entries.iter_mut().find(|(known, _)| known == key).map(|(_, tree)| tree)
            }
            Self::Null | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        if let Self::Map(entries) = self {
            entries.retain(|(known, _)| known != key);
        }
    }

    /// Gives a key another name and leaves its value.
    pub fn rename(&mut self, key: &str, name: &str) {
        if let Self::Map(entries) = self {
            let found = entries.iter_mut().find(|(known, _)| known == key);
            found.into_iter().for_each(|(known, _)| *known = name.to_owned());
        }
    }

    /// Sets a key, where it stood or behind all others.
    pub fn set(&mut self, key: &str, value: Self) {
        *self.entry(key) = value;
    }

    /// The text of a single value.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// A single value as a whole number.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        units::count(self.text()?).ok()
    }

    /// A single value as a duration.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        units::duration(self.text()?).ok()
    }

    /// The value in one line.
    #[must_use]
    pub fn flow(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) => scalar(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::flow).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) => {
                let pairs: Vec<String> = entries
                    .iter()
                    .map(|(key, tree)| format!("{}: {}", scalar(key), tree.flow()))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        }
    }

    /// Changes every single value in it.
    pub fn edit_texts(&mut self, edit: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Null => {}
            Self::Text(text) => edit(text),
            Self::List(items) => items.iter_mut().for_each(|item| item.edit_texts(edit)),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, tree)| tree.edit_texts(edit)),
        }
    }

    fn entry(&mut self, key: &str) -> &mut Self {
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        let Self::Map(entries) = self else { unreachable!("it was just made a mapping") };
        let place = entries.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            entries.push((key.to_owned(), Self::Null));
            entries.len() - 1
        });
        &mut entries[place].1
    }

    fn remove_path(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [key] => self.remove(key),
            [key, rest @ ..] => {
                let Some(inner) = self.get_mut(key) else { return };
                inner.remove_path(rest);
                if *inner == Self::Map(Vec::new()) {
                    self.remove(key);
                }
            }
        }
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Span> for Tree {
    fn from(span: Span) -> Self {
        Self::Text(span.to_string())
    }
}

impl From<u64> for Tree {
    fn from(number: u64) -> Self {
        Self::Text(number.to_string())
    }
}

fn parsed(text: &str) -> Tree {
    let mut report = Report::default();
    let source = report.add_source("", &Arc::from(text));
    node::parse(text, source, &mut report).map_or(Tree::Null, |node| tree(&node))
}

fn tree(node: &Node) -> Tree {
    match &node.value {
        Value::Null => Tree::Null,
        Value::Text(text) => Tree::Text(text.clone()),
        Value::List(items) => Tree::List(items.iter().map(tree).collect()),
        Value::Map(entries) => {
            let pairs = entries.iter();
            let pairs = pairs.filter_map(|(key, node)| Some((key.text()?.to_owned(), tree(node))));
            Tree::Map(pairs.collect())
        }
    }
}

/// Properties that a section has in a file become part of its `config`.
fn inline(section: &mut Tree, files: &[(String, Arc<str>)]) {
    let named = section.get("properties").and_then(Tree::text);
    let Some((_, text)) = files.iter().find(|(name, _)| Some(name.as_str()) == named) else {
        return;
    };
    let lines = config::properties(text, 0);
    let mut entries: Vec<(String, Tree)> =
        lines.into_iter().map(|(key, value, _)| (key, Tree::Text(value))).collect();
    if let Some(Tree::Map(inner)) = section.get("config") {
        entries.extend(inner.iter().cloned());
    }
    section.remove("properties");
    section.set("config", Tree::Map(entries));
}

fn about(text: &str, out: &mut String) {
    out.push_str("about: |\n");
    for paragraph in text.trim().lines() {
        let mut column = 0;
        for word in paragraph.split_whitespace() {
            let width = word.chars().count();
            if column == 0 {
                out.push_str("  ");
                column = 2;
            } else if column + 1 + width > WIDTH {
                out.push_str("\n  ");
                column = 2;
            } else {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += width;
        }
        out.push('\n');
    }
}

fn entry(key: &str, tree: &Tree, indent: usize, out: &mut String) {
    let (key, margin) = (scalar(key), " ".repeat(indent));
    let flow = tree.flow();
    let fits = indent + key.len() + 2 + flow.chars().count() <= WIDTH;
    let nests = match tree {
        Tree::Null | Tree::Text(_) => false,
        Tree::List(items) => !items.is_empty(),
        Tree::Map(entries) => !entries.is_empty(),
    };
    if fits || !nests {
        let _ = writeln!(out, "{margin}{key}: {flow}");
    } else {
        let _ = writeln!(out, "{margin}{key}:");
        block(tree, indent + 2, out);
    }
}

fn block(tree: &Tree, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match tree {
        Tree::Null | Tree::Text(_) => {
            let _ = writeln!(out, "{margin}{}", tree.flow());
        }
        Tree::List(items) => {
            for item in items {
                let _ = writeln!(out, "{margin}- {}", item.flow());
            }
        }
        Tree::Map(entries) => {
            for (key, tree) in entries {
                entry(key, tree, indent, out);
            }
        }
    }
}

/// A single value, quoted where it would be read as something else.
fn scalar(text: &str) -> String {
    let first = text.chars().next();
    let indicator = |letter: char| "?:,[]{}#&*!|>'\"%@`".contains(letter);
    let dash = text == "-" || text.starts_with("- ");
    let nothing = matches!(text, "~" | "null" | "Null" | "NULL");
    let plain = first.is_some_and(|letter| !indicator(letter))
        && !dash
        && !nothing
        && text == text.trim()
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(|letter| letter.is_control() || ",[]{}\"".contains(letter));
    if plain {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r##"
about: "Nothing: at all"
chaos: default
expect: { hold: [no-loss] }
run: { for: 20s, seeds: 4 }
cluster: { config: { min.insync.replicas: 2 } }
producers:
  checkout:
    properties: checkout.properties
    config: { client.id: "a, #b: \"c\"", linger.ms: 5 }
    to: orders
    rate: 50/s
    keys: { hot: { customer-7: 80% } }
topics: { orders: { partitions: 6, replication.factor: 3 } }
groups:
  billing: { members: 2, subscribe: [orders], config: { auto.offset.reset: earliest, max.poll.records: 100 }, commit: after-processing }
faults:
  - { every: 5s, kill: any broker, for: 1s..2s }
  - { at: 1s, kill: "one of broker-1, broker-2", for: 1s }
"##;

    #[test]
    fn a_draft_is_the_same_plan_in_other_words() {
        let files = vec![("checkout.properties".to_owned(), Arc::from("batch.size=1000\n"))];
        let scenario = Scenario::parse_with("draft", TEXT, files).expect("valid");
        for seed in 0..20 {
            let text = scenario.draft(seed).render();
            let again =
                Scenario::parse("again", &text).unwrap_or_else(|report| panic!("{report}\n{text}"));
            assert_eq!(again.plan(seed), scenario.plan(seed), "{text}");
            assert_eq!(again.seeds(), seed..seed + 1);
            assert_eq!(again.about(), scenario.about());
        }
    }

    #[test]
    fn what_is_empty_goes_away() {
        let scenario =
            Scenario::parse("draft", &TEXT.replace("    properties: checkout.properties\n", ""));
        let mut draft = scenario.expect("valid").draft(0);
        draft.remove(&["cluster", "config", "min.insync.replicas"]);
        assert_eq!(draft.get(&["cluster"]), None);
        draft.remove(&["producers", "checkout"]);
        assert_eq!(draft.keys(&["producers"]), Vec::<&str>::new());
        draft.set(&["groups", "billing", "members"], 1.into());
        assert_eq!(draft.text(&["groups", "billing", "members"]), Some("1"));
    }
}
