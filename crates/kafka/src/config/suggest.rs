//! What somebody meant who wrote a name that does not exist.
//!
//! Two ways to be near: few slips of the keyboard, or the same words shortened. Knows nothing of what names mean.

use alloc::string::String;
use alloc::vec::Vec;

use super::Whose;
use super::key::Support;

/// The candidate that a word was most likely meant to be.
#[must_use]
pub fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    misspelt(word, candidates).or_else(|| shortened(word, candidates))
}

/// The key that a word was most likely meant to be; modelled ones first.
pub(super) fn key(whose: Whose, word: &str) -> Option<&'static str> {
    let names = |modelled: bool| {
        let rows = whose.keys().iter();
        let rows = rows.filter(|key| (key.support == Support::Modelled) == modelled);
        let mut names: Vec<&'static str> = rows.map(|key| key.name).collect();
        let of = |first: &str| whose.find(first).map(|key| key.support == Support::Modelled);
        let aliases = whose.aliases().iter().filter(|(_, first)| of(first) == Some(modelled));
        names.extend(aliases.map(|(alias, _)| *alias));
        names
    };
    let (modelled, others) = (names(true), names(false));
    misspelt(word, &modelled)
        .or_else(|| misspelt(word, &others))
        .or_else(|| shortened(word, &modelled))
        .or_else(|| shortened(word, &others))
}

/// The candidate with the fewest slips, if they are few for the word's length.
fn misspelt<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = normal(word);
    let limit = (plain.chars().count() / 4).clamp(1, 4);
    let scored = candidates.iter().map(|name| (distance(&plain, &normal(name), limit), *name));
    scored
        .filter(|(slips, _)| *slips <= limit)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// The candidate that a word abbreviates with the least left out: each of its parts must be found, in order, at the beginning of
/// a part of the candidate, and may skip letters. `min.isr` abbreviates `min.insync.replicas`.
fn shortened<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = normal(word);
    if plain.len() < 3 {
        return None;
    }
    let fitting = candidates.iter().filter(|name| abbreviates(&plain, &normal(name)));
    fitting.min_by_key(|name| name.len()).copied()
}

fn abbreviates(word: &str, name: &str) -> bool {
    let mut rest: Vec<&str> = name.split('.').collect();
    for part in word.split('.') {
        let Some(taken) = (0..rest.len()).find_map(|from| {
            let used = covers(part, &rest[from..])?;
            Some(from + used)
        }) else {
            return false;
        };
        rest.drain(..taken);
    }
    true
}

/// How many of `parts`, the first of which begins like `word`, it takes to find every letter of `word` in order; a part may
/// only be left for the next one's first letter.
fn covers(word: &str, parts: &[&str]) -> Option<usize> {
    if !parts.first()?.starts_with(word.chars().next()?) {
        return None;
    }
    let mut letters = word.chars().peekable();
    for (nth, part) in parts.iter().enumerate() {
        if letters.peek().is_some_and(|letter| !part.starts_with(*letter)) {
            return None;
        }
        for letter in part.chars() {
            letters.next_if_eq(&letter);
        }
        if letters.peek().is_none() {
            return Some(nth + 1);
        }
    }
    None
}

/// Lower case, with one separator.
fn normal(word: &str) -> String {
    word.trim()
        .chars()
        .map(|letter| match letter {
            '-' | '_' | ' ' | '/' => '.',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between two words; anything above `limit` is as good as
/// infinite.
fn distance(one: &str, other: &str, limit: usize) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    if one.len().abs_diff(other.len()) > limit {
        return usize::MAX;
    }
    let width = other.len() + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..width).collect();
    for row in 1..=one.len() {
        let mut this = alloc::vec![row; width];
        for column in 1..width {
            let same = one[row - 1] == other[column - 1];
            let mut slips = (last[column - 1] + usize::from(!same))
                .min(last[column] + 1)
                .min(this[column - 1] + 1);
            let swapped = row > 1
                && column > 1
                && one[row - 1] == other[column - 2]
                && one[row - 2] == other[column - 1];
            if swapped {
                slips = slips.min(before[column - 2] + 1);
            }
            this[column] = slips;
        }
        before = core::mem::replace(&mut last, this);
    }
    last[width - 1]
}
