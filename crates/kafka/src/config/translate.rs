//! One client's settings in the words of the other, for pipelines that are run with both.
//!
//! Judges no value: what a client does not take, its own table says.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::key::elements;
use super::table::librdkafka::{ALIASES, FALSE_FRIENDS, JAVA_NAMES, JAVA_VALUES};
use super::{Client, Role, find};
use crate::settings::Assignor;

const ASSIGNORS: &str = "partition.assignment.strategy";

/// What Java calls a setting of librdkafka's and its value; what only librdkafka has keeps its name.
#[must_use]
pub fn in_java<'a>(name: &'a str, value: &str) -> (&'a str, String) {
    let is_javas = |name: &str| {
        [Role::Producer, Role::Consumer].iter().any(|role| find(*role, name).is_some())
    };
    let first = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, first)| *first);
    let other = JAVA_NAMES.iter().find(|(own, _)| *own == first).map(|(_, java)| *java);
    let alias = || ALIASES.iter().find(|(alias, own)| *own == first && is_javas(alias));
    let key = other.or_else(|| alias().map(|(alias, _)| *alias)).unwrap_or(name);
    let value = value.trim();
    if key == ASSIGNORS {
        let classes = elements(value).map(|word| {
            match Assignor::ALL.into_iter().find(|assignor| assignor.name() == word) {
                Some(assignor) => assignor.class(),
                None => word,
            }
        });
        return (key, classes.collect::<Vec<_>>().join(","));
    }
    let word = JAVA_VALUES.iter().find(|(of, own, _)| *of == key && *own == value);
    (key, word.map_or(value, |(_, _, java)| *java).to_owned())
}

/// Whether a name of librdkafka's is Java's for something else.
#[must_use]
pub fn is_false_friend(name: &str) -> bool {
    FALSE_FRIENDS.contains(&name)
}

/// What librdkafka calls a setting of Java's and its value; none if it has no such thing.
#[must_use]
pub fn in_librdkafka<'a>(role: Role, name: &'a str, value: &str) -> Option<(&'a str, String)> {
    if FALSE_FRIENDS.contains(&name) && own_name(name).is_none() {
        return None;
    }
    let key = own_name(name).unwrap_or(name);
    let row = Client::Librdkafka.role(role).find(key)?;
    let value = value.trim();
    if key == ASSIGNORS {
        let named = elements(value).filter_map(|word| {
            let class = word.rsplit_once('.').map_or(word, |(_, class)| class);
            Assignor::ALL.into_iter().find(|assignor| assignor.class() == class)
        });
        let mut own: Vec<Assignor> = named.filter(|it| *it != Assignor::Sticky).collect();
        // Java takes eager and cooperative ones together; the preferred one says which it is here.
        let cooperative = *own.first()? == Assignor::CooperativeSticky;
        own.retain(|it| (*it == Assignor::CooperativeSticky) == cooperative);
        let words: Vec<&str> = own.into_iter().map(Assignor::name).collect();
        return Some((key, words.join(",")));
    }
    let word = JAVA_VALUES.iter().find(|(of, _, java)| *of == name && *java == value);
    let value = word.map_or(value, |(_, own, _)| *own);
    row.read(value).ok()?;
    Some((key, value.to_owned()))
}

/// librdkafka's first name for a key that only Java calls so.
pub(super) fn own_name(name: &str) -> Option<&'static str> {
    JAVA_NAMES.iter().find(|(_, java)| *java == name).map(|(own, _)| *own)
}
