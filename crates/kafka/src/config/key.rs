//! One row of a configuration table, and whether a text is a legal value of it.

use core::fmt;

use super::problem::Problem;

/// A configuration key of Kafka.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Its dotted name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Kafka 4.0's default.
    pub default: DefaultValue,
    /// What values it takes, beyond those of its type.
    pub valid: Valid,
    /// What this model does with it.
    pub support: Support,
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// The type of a key, as in Kafka's `ConfigDef`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as in Kafka")]
pub enum Kind {
    Boolean,
    String,
    Short,
    Int,
    Long,
    Double,
    List,
    Class,
    Password,
    /// librdkafka's boolean, which takes more words.
    Switch,
}

impl Kind {
    /// Its name in Kafka's documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::List => "list",
            Self::Class => "class",
            Self::Password => "password",
            Self::Switch => "boolean",
        }
    }
}

/// What a key is when nobody sets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultValue {
    /// A real client must set it; a simulated one need not, since no such key is modelled.
    Required,
    /// Nothing.
    Null,
    /// This text.
    Is(&'static str),
}

/// Restrictions on a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Valid {
    /// Any value of the type.
    Any,
    /// Not an empty text or list.
    NonEmpty,
    /// At least so much.
    AtLeast(i64),
    /// At least the first, or exactly the second.
    AtLeastOr(i64, i64),
    /// From the first to the second.
    Between(i64, i64),
    /// From the first to the second, or exactly the third.
    BetweenOr(i64, i64, i64),
    /// From zero to this decimal fraction.
    UpTo(&'static str),
    /// One of these words; of a list, each element.
    OneOf(&'static [&'static str]),
    /// One of these words in any case.
    OneOfAnyCase(&'static [&'static str]),
}

/// What this model does with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// It becomes a setting.
    Modelled,
    /// Accepted: nothing that is modelled could behave differently because of it.
    Inert,
    /// It would change what happens, and the model has nothing for it: refused unless it is set to its default.
    Unmodelled,
}

/// A value as its type says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    Integer(i64),
    Flag(bool),
    Text(&'a str),
}

impl Key {
    /// Reads a value, and says what is wrong with it if anything is.
    pub(super) fn read<'a>(&self, text: &'a str) -> Result<Value<'a>, Problem> {
        let text = text.trim();
        match self.kind {
            Kind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Flag(true)),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Flag(false)),
            Kind::Switch if ["true", "t", "1"].contains(&&*text.to_ascii_lowercase()) => {
                Ok(Value::Flag(true))
            }
            Kind::Switch if ["false", "f", "0"].contains(&&*text.to_ascii_lowercase()) => {
                Ok(Value::Flag(false))
            }
            Kind::Boolean | Kind::Switch => Err(Problem::BadValue { kind: self.kind }),
            Kind::Short => self.integer(text, i64::from(i16::MIN), i64::from(i16::MAX)),
            Kind::Int => self.integer(text, i64::from(i32::MIN), i64::from(i32::MAX)),
            Kind::Long => self.integer(text, i64::MIN, i64::MAX),
            Kind::Double => self.fraction(text),
            Kind::List => elements(text).try_for_each(|word| self.word(word)).and_then(|()| {
                let empty = self.valid == Valid::NonEmpty && text.is_empty();
                if empty { Err(Problem::Empty) } else { Ok(Value::Text(text)) }
            }),
            Kind::String | Kind::Class | Kind::Password => {
                self.word(text).map(|()| Value::Text(text))
            }
        }
    }

    /// Whether a text says what would hold anyway.
    pub(super) fn is_default(&self, text: &str) -> bool {
        let text = text.trim();
        match self.default {
            DefaultValue::Required => false,
            DefaultValue::Null => text.is_empty() || text == "null",
            DefaultValue::Is(default) => match self.kind {
                Kind::List => elements(text).eq(elements(default)),
                Kind::Boolean => text.eq_ignore_ascii_case(default),
                Kind::Short | Kind::Int | Kind::Long | Kind::Switch => {
                    self.read(text) == self.read(default)
                }
                Kind::String | Kind::Double | Kind::Class | Kind::Password => text == default,
            },
        }
    }

    fn integer<'a>(&self, text: &'a str, least: i64, most: i64) -> Result<Value<'a>, Problem> {
        let Ok(number) = text.parse::<i128>() else {
            return Err(Problem::BadValue { kind: self.kind });
        };
        let within = i64::try_from(number).ok().filter(|number| (least..=most).contains(number));
        let Some(number) = within else {
            return Err(Problem::OutOfRange { allowed: Valid::Between(least, most) });
        };
        if self.valid.allows(number) {
            Ok(Value::Integer(number))
        } else {
            Err(Problem::OutOfRange { allowed: self.valid })
        }
    }

    /// Kept as text: nothing that decides a run may be a float.
    fn fraction<'a>(&self, text: &'a str) -> Result<Value<'a>, Problem> {
        let number = text.parse::<f64>().map_err(|_| Problem::BadValue { kind: self.kind })?;
        let Valid::UpTo(most) = self.valid else { return Ok(Value::Text(text)) };
        let most: f64 = most.parse().expect("bounds in the tables are numbers");
        if (0.0..=most).contains(&number) {
            Ok(Value::Text(text))
        } else {
            Err(Problem::OutOfRange { allowed: self.valid })
        }
    }

    fn word(&self, word: &str) -> Result<(), Problem> {
        let legal = match self.valid {
            Valid::OneOf(words) => words.contains(&word),
            Valid::OneOfAnyCase(words) => {
                words.iter().any(|legal| legal.eq_ignore_ascii_case(word))
            }
            Valid::NonEmpty if self.kind != Kind::List => !word.is_empty(),
            Valid::Any
            | Valid::NonEmpty
            | Valid::AtLeast(_)
            | Valid::AtLeastOr(..)
            | Valid::Between(..)
            | Valid::BetweenOr(..)
            | Valid::UpTo(_) => true,
        };
        if legal {
            return Ok(());
        }
        match self.valid {
            Valid::OneOf(words) | Valid::OneOfAnyCase(words) => Err(Problem::UnknownWord { words }),
            Valid::Any
            | Valid::NonEmpty
            | Valid::AtLeast(_)
            | Valid::AtLeastOr(..)
            | Valid::Between(..)
            | Valid::BetweenOr(..)
            | Valid::UpTo(_) => Err(Problem::Empty),
        }
    }
}

impl Valid {
    fn allows(self, number: i64) -> bool {
        match self {
            Self::Any | Self::NonEmpty | Self::UpTo(_) | Self::OneOf(_) | Self::OneOfAnyCase(_) => {
                true
            }
            Self::AtLeast(least) => number >= least,
            Self::AtLeastOr(least, odd) => number >= least || number == odd,
            Self::Between(least, most) => (least..=most).contains(&number),
            Self::BetweenOr(least, most, odd) => (least..=most).contains(&number) || number == odd,
        }
    }
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any value"),
            Self::NonEmpty => f.write_str("not empty"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtLeastOr(least, odd) => write!(f, "at least {least}, or {odd}"),
            Self::Between(least, most) => write!(f, "from {least} to {most}"),
            Self::BetweenOr(least, most, odd) => write!(f, "from {least} to {most}, or {odd}"),
            Self::UpTo(most) => write!(f, "from 0 to {most}"),
            Self::OneOf(words) | Self::OneOfAnyCase(words) => {
                f.write_str("one of ")?;
                for (nth, word) in words.iter().enumerate() {
                    let comma = if nth == 0 { "" } else { ", " };
                    write!(f, "{comma}`{word}`")?;
                }
                Ok(())
            }
        }
    }
}

/// The elements of a comma-separated list.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(move |word| !(text.trim().is_empty() && word.is_empty()))
}
