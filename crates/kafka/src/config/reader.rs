//! Holds entries against a role's table and hands their values out typed. Does not know what a key means.

use alloc::vec::Vec;

use stormglass_types::Span;

use super::key::{DefaultValue, Key, Kind, Support, Valid, Value};
use super::problem::{ConfigIssue, Notice, Problem, Remark};
use super::{Client, Entry, Parsed, Role, Whose, suggest, table, translate};
use crate::channel::Backoff;

/// A role's table with what the entries say.
pub(super) struct Reader<'a> {
    whose: Whose,
    /// As many as the table has rows.
    rows: Vec<Option<(Entry<'a>, Value<'a>)>>,
    /// The places of the entries that came first, right or wrong; as many as the table has rows.
    first: Vec<Option<usize>>,
    issues: Vec<ConfigIssue<'a>>,
    notices: Vec<Notice>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(role: Role, entries: &[Entry<'a>]) -> Self {
        Self::of(Client::Java.role(role), entries)
    }

    pub(super) fn of(whose: Whose, entries: &[Entry<'a>]) -> Self {
        let rows = alloc::vec![None; whose.keys().len()];
        let first = alloc::vec![None; whose.keys().len()];
        let mut reader = Self { whose, rows, first, issues: Vec::new(), notices: Vec::new() };
        for entry in entries {
            reader.take(*entry);
        }
        reader
    }

    pub(super) fn finish<T>(mut self, settings: T) -> Parsed<'a, T> {
        self.issues.sort_by_key(|issue| issue.at);
        Parsed { settings, issues: self.issues, notices: self.notices }
    }

    /// The entry that sets a key, if one does and rightly.
    pub(super) fn set(&self, name: &str) -> Option<Entry<'a>> {
        self.rows[self.row(name)].map(|(entry, _)| entry)
    }

    pub(super) fn integer(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Integer(number) => number,
            Value::Flag(_) | Value::Text(_) => panic!("{name} is a number"),
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.value(name) {
            Value::Flag(flag) => flag,
            Value::Integer(_) | Value::Text(_) => panic!("{name} is a flag"),
        }
    }

    pub(super) fn text(&self, name: &str) -> &'a str {
        match self.value(name) {
            Value::Text(text) => text,
            Value::Integer(_) | Value::Flag(_) => panic!("{name} is a text"),
        }
    }

    /// A count that is not negative; the table need not say so.
    pub(super) fn count(&mut self, name: &str) -> u64 {
        self.at_least(name, 0)
    }

    /// A count of at most `u32::MAX`.
    pub(super) fn small(&mut self, name: &str) -> u32 {
        u32::try_from(self.count(name)).unwrap_or(u32::MAX)
    }

    /// A count of at most 65,535, which is refused beyond.
    pub(super) fn tiny(&mut self, name: &str) -> u16 {
        let number = self.at_least(name, 1);
        u16::try_from(number).unwrap_or_else(|_| {
            self.refuse(name, Problem::OutOfRange { allowed: Valid::Between(1, 65_535) });
            1
        })
    }

    /// A share from zero to one, in millionths; what is finer is cut off.
    pub(super) fn millionths(&mut self, name: &str) -> u32 {
        let text = self.text(name).trim();
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.bytes().chain(part.bytes()).all(|digit| digit.is_ascii_digit());
        if !digits {
            // Kafka would take an exponent, too.
            self.refuse(name, Problem::BadValue { kind: Kind::Double });
            return 0;
        }
        let whole = whole.parse::<u32>().unwrap_or(0).min(1) * 1_000_000;
        let places = part.bytes().chain(core::iter::repeat(b'0')).take(6);
        let part = places.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        (whole + part).min(1_000_000)
    }

    pub(super) fn millis(&mut self, name: &str) -> Span {
        Span::millis(self.count(name))
    }

    /// A period: Kafka would take zero, and spin.
    pub(super) fn period(&mut self, name: &str) -> Span {
        Span::millis(self.at_least(name, 1))
    }

    /// A wait that doubles: `NAME.backoff.ms` and `NAME.backoff.max.ms`.
    pub(super) fn backoff(&mut self, first: &'static str, most: &'static str) -> Backoff {
        let (wait, limit) = (self.millis(first), self.millis(most));
        // A reconnect backoff set alone is also the maximum (CommonClientConfigs).
        let alone = self.set(first).is_some() && self.set(most).is_none();
        if first == "reconnect.backoff.ms" && alone {
            return Backoff { first: wait, most: wait };
        }
        if wait > limit {
            let cause = if alone { first } else { most };
            self.remark(cause, Remark::BackoffCapped(first));
        }
        Backoff { first: wait.min(limit), most: limit }
    }

    pub(super) fn refuse(&mut self, name: &str, problem: Problem) {
        if let Some(entry) = self.set(name) {
            self.issue(entry, problem);
        }
    }

    /// Refuses two keys together, at whichever was set.
    pub(super) fn conflict(&mut self, key: &'static str, with: &'static str, why: &'static str) {
        if self.set(key).is_some() {
            self.refuse(key, Problem::Conflict { with, why });
        } else {
            self.refuse(with, Problem::Conflict { with: key, why });
        }
    }

    pub(super) fn remark(&mut self, because_of: &str, remark: Remark) {
        if let Some(entry) = self.set(because_of) {
            self.notices.push(Notice { at: entry.at, remark });
        }
    }

    fn take(&mut self, entry: Entry<'a>) {
        let Some(row) = self.whose.row(entry.key) else {
            return match self.other_role(entry.key) {
                // librdkafka has one set of properties for all clients, and says in its log which it ignores.
                Some(of) if self.whose.client == Client::Librdkafka => {
                    self.notices.push(Notice { at: entry.at, remark: Remark::Ignored(of.role) });
                }
                _ => {
                    let problem = self.unknown(entry.key);
                    self.issue(entry, problem);
                }
            };
        };
        if let Some(first) = self.first[row] {
            return self.issue(entry, Problem::Duplicate { first });
        }
        self.first[row] = Some(entry.at);
        let key = &self.whose.keys()[row];
        if key.support != Support::Modelled && key.is_default(entry.value) {
            return;
        }
        match key.read(entry.value) {
            Err(problem) => self.issue(entry, problem),
            Ok(_) if key.support == Support::Unmodelled => {
                self.issue(entry, Problem::NotModelled { whose: self.whose });
            }
            Ok(value) => self.rows[row] = Some((entry, value)),
        }
    }

    fn issue(&mut self, entry: Entry<'a>, problem: Problem) {
        self.issues.push(ConfigIssue { at: entry.at, key: entry.key, value: entry.value, problem });
    }

    fn unknown(&self, name: &str) -> Problem {
        let whose = self.whose;
        let belongs_to = self.other_role(name).map(|of| of.role);
        let meant = match whose.client {
            Client::Java => table::synonym(whose.role, name),
            Client::Librdkafka => translate::own_name(name),
        };
        let suggestion =
            meant.or_else(|| if belongs_to.is_some() { None } else { suggest::key(whose, name) });
        Problem::UnknownKey { whose, suggestion, belongs_to }
    }

    /// Who else has a key of this name.
    fn other_role(&self, name: &str) -> Option<Whose> {
        let others = Role::ALL.iter().map(|role| self.whose.client.role(*role));
        others.into_iter().find(|of| of.row(name).is_some())
    }

    fn at_least(&mut self, name: &str, least: i64) -> u64 {
        let number = self.integer(name);
        if number < least {
            self.refuse(name, Problem::OutOfRange { allowed: Valid::AtLeast(least) });
        }
        u64::try_from(number.max(least)).expect("bounds are not negative")
    }

    fn value(&self, name: &str) -> Value<'a> {
        let row = self.row(name);
        let key: &'static Key = &self.whose.keys()[row];
        match (self.rows[row], key.default) {
            (Some((_, value)), _) => value,
            (None, DefaultValue::Is(default)) => {
                key.read(default).expect("defaults of the tables are valid")
            }
            (None, DefaultValue::Required | DefaultValue::Null) => Value::Text(""),
        }
    }

    fn row(&self, name: &str) -> usize {
        self.whose.row(name).expect("settings are built from keys of the table")
    }
}
