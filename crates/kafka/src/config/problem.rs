//! What can be wrong with a configuration, and what is to be said about it. The wording lives here.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::key::{Kind, Valid};
use super::suggest;
use super::{DefaultValue, Role, Whose};

/// A mistake in one entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigIssue<'a> {
    /// The entry's place, as it was given.
    pub at: usize,
    /// The entry's key.
    pub key: &'a str,
    /// The entry's value.
    pub value: &'a str,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "a variant's doc explains its fields")]
pub enum Problem {
    /// No such key for this role; perhaps another role's, perhaps misspelt.
    UnknownKey { whose: Whose, suggestion: Option<&'static str>, belongs_to: Option<Role> },
    /// Not a value of the key's type.
    BadValue { kind: Kind },
    /// Not one of the words that the key takes.
    UnknownWord { words: &'static [&'static str] },
    /// Empty where something is needed.
    Empty,
    /// A number that the key does not take.
    OutOfRange { allowed: Valid },
    /// A key that would change what happens and that the model has nothing for.
    NotModelled { whose: Whose },
    /// A value that would change what happens and that the model has nothing for, with those it has.
    ValueNotModelled { modelled: &'static str },
    /// Kafka refuses this together with another key.
    Conflict { with: &'static str, why: &'static str },
    /// Set before, at this place.
    Duplicate { first: usize },
}

impl ConfigIssue<'_> {
    /// What to do about it, where there is something short to say.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self.problem {
            Problem::UnknownKey { belongs_to: Some(role), suggestion: None, .. } => {
                Some(format!("it is a {} setting", role.name()))
            }
            Problem::UnknownKey { suggestion: Some(key), .. } => {
                Some(format!("did you mean `{key}`?"))
            }
            Problem::UnknownKey { .. } | Problem::Empty | Problem::Duplicate { .. } => None,
            Problem::BadValue { kind } => Some(expected(kind).into()),
            Problem::UnknownWord { words } => Some(match suggest::closest(self.value, words) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("expected {}", Valid::OneOf(words)),
            }),
            Problem::OutOfRange { allowed } => Some(format!("expected {allowed}")),
            Problem::NotModelled { whose } => whose.find(self.key).map(|key| match key.default {
                DefaultValue::Is("") => "remove it, or leave it empty".into(),
                DefaultValue::Is(default) => {
                    format!("remove it, or leave it at its default, `{default}`")
                }
                DefaultValue::Null | DefaultValue::Required => "remove it".into(),
            }),
            Problem::ValueNotModelled { modelled } => Some(format!("modelled so far: {modelled}")),
            Problem::Conflict { why, .. } => Some(why.into()),
        }
    }
}

impl fmt::Display for ConfigIssue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, .. } = self;
        match self.problem {
            Problem::UnknownKey { whose, belongs_to: Some(other), .. } => {
                write!(f, "`{key}` is a {} setting, not a {} setting", other.name(), whose.name())
            }
            Problem::UnknownKey { whose, .. } => {
                write!(f, "unknown {} setting `{key}`", whose.name())
            }
            Problem::BadValue { kind } => {
                let article = if kind == Kind::Int { "an" } else { "a" };
                write!(f, "`{value}` is not {article} {}, as `{key}` needs", kind.name())
            }
            Problem::UnknownWord { .. } => write!(f, "`{key}` does not take `{value}`"),
            Problem::Empty => write!(f, "`{key}` must not be empty"),
            Problem::OutOfRange { .. } => write!(f, "`{key}` does not take {value}"),
            Problem::NotModelled { .. } => write!(f, "`{key}` is known but not modelled yet"),
            Problem::ValueNotModelled { .. } => {
                write!(f, "`{key}` is not modelled for the value `{value}` yet")
            }
            Problem::Conflict { with, .. } => {
                write!(f, "`{key}` {value} conflicts with `{with}`")
            }
            Problem::Duplicate { .. } => write!(f, "`{key}` is set twice"),
        }
    }
}

/// What a value of a type looks like.
const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean | Kind::Switch => "expected `true` or `false`",
        Kind::Short | Kind::Int | Kind::Long => {
            "expected a whole number; Kafka's keys carry their unit in their name"
        }
        Kind::Double => "expected a decimal number",
        Kind::String | Kind::List | Kind::Class | Kind::Password => "expected text",
    }
}

/// Something that Kafka does by itself with a configuration that it accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The place of the entry that brought it about.
    pub at: usize,
    /// What Kafka does.
    pub remark: Remark,
}

/// What Kafka does by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remark {
    /// `enable.idempotence` was left at its default and is switched off because of this key. Nothing but a line in the
    /// client's log says so.
    IdempotenceDisabled(&'static str),
    /// `delivery.timeout.ms` was left at its default and is raised to `linger.ms` plus `request.timeout.ms`.
    DeliveryTimeoutRaised,
    /// A first backoff above its maximum: the maximum is used throughout.
    BackoffCapped(&'static str),
    /// librdkafka ignores a property of another kind of client.
    Ignored(Role),
    /// librdkafka sends nothing by itself with an interval of zero.
    NeverCommits,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdempotenceDisabled(key) => write!(
                f,
                "idempotence is silently switched off because of `{key}`; set `enable.idempotence` yourself to be told"
            ),
            Self::DeliveryTimeoutRaised => {
                f.write_str("`delivery.timeout.ms` is raised to `linger.ms` + `request.timeout.ms`")
            }
            Self::BackoffCapped(key) => {
                write!(f, "`{key}` is above its maximum, so every wait is the maximum")
            }
            Self::Ignored(role) => {
                write!(f, "it is a {} property, which this client ignores", role.name())
            }
            Self::NeverCommits => f.write_str(
                "an interval of zero: nothing is committed but when partitions are given up",
            ),
        }
    }
}
