//! YAML as a tree that remembers where everything stands. Budgets keep hostile files from costing anything.
//!
//! Knows nothing of scenarios. Scalars stay text, as they were written, so that Kafka's values arrive verbatim.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Location, Spanned};

use super::diagnostic::{Place, Report};

/// More than any scenario needs; nothing larger is parsed.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// A value with its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for messages.
    pub(super) const fn shape(&self) -> &'static str {
        match self.value {
            Value::Null => "empty",
            Value::Text(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Reads a text; what is wrong with it goes into the report.
pub(super) fn parse(text: &str, source: usize, report: &mut Report) -> Option<Node> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        merge_keys: MergeKeyPolicy::Error,
        budget: serde_saphyr::budget! {
            max_depth: 24,
            flow_nesting_limit: 24,
            max_nodes: 100_000,
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Some(node(raw, text, source)),
        Err(error) => {
            explain(&error, text, source, report);
            None
        }
    }
}

fn explain(error: &Error, text: &str, source: usize, report: &mut Report) {
    let error = error.without_snippet();
    let place = error
        .location()
        .map_or(Place { source, from: 0, to: 0 }, |location| place(&location, text, source));
    let said = error.to_string();
    match error {
        Error::DuplicateMappingKey { .. } => {
            let key = text.get(place.from..place.to).unwrap_or("a key");
            report.duplicate_key(place, key);
        }
        Error::Budget { .. } if said.contains("Documents") => {
            report.over_budget(place, "it holds more than one document; one scenario is one file");
        }
        Error::Budget { .. } => {
            report.over_budget(place, "it nests deeper or holds more than any scenario needs");
        }
        // Found while an alias is replayed, it comes wrapped in the place of the alias.
        _ if said.starts_with("alias replay") || said.starts_with("alias expansion") => {
            report.over_budget(place, "its aliases unfold to more than 20,000 values");
        }
        _ if said.contains("recursion limit") => {
            report.over_budget(place, "it nests deeper than 24 levels");
        }
        _ => report.not_yaml(place, said.split(" at line ").next().unwrap_or(&said)),
    }
}

fn place(location: &Location, text: &str, source: usize) -> Place {
    let span = location.span();
    let bytes = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let from = bytes.unwrap_or_else(|| {
        let number = |number: u64| usize::try_from(number).unwrap_or(1).saturating_sub(1);
        let lines = text.split_inclusive('\n').take(number(location.line()));
        let line: usize = lines.map(str::len).sum();
        let rest = text[line..].chars().take(number(location.column()));
        line + rest.map(char::len_utf8).sum::<usize>()
    });
    Place { source, from, to: from.saturating_add(length) }
}

fn node(raw: Spanned<Raw>, text: &str, source: usize) -> Node {
    let place = place(&raw.defined, text, source);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Text(text),
        // A number or a truth value: as it was written, not as it was understood.
        Raw::Bare(value) => match text.get(place.from..place.to) {
            Some(written) if !written.is_empty() => Value::Text(written.to_owned()),
            Some(_) | None => Value::Text(value),
        },
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| node(item, text, source)).collect())
        }
        Raw::Map(entries) => {
            let pairs = entries.into_iter();
            Value::Map(
                pairs
                    .map(|(key, value)| (node(key, text, source), node(value, text, source)))
                    .collect(),
            )
        }
    };
    Node { place, value }
}

enum Raw {
    Null,
    Text(String),
    Bare(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<Self>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bare(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Bare(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Bare(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Bare(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Bare(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Bare(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
