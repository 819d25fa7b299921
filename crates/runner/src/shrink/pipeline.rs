//! Less time, fewer processes, fewer partitions, less load, fewer settings.

use stormglass_kafka::Release;
use stormglass_types::Span;

use super::search::{Luck, Search};
use super::{each, round};
use crate::scenario::{Draft, Tree};

/// Unless a scenario says otherwise, the storm lasts so long.
const STORM: Span = Span::secs(60);
/// Unless a scenario says otherwise, there are so many brokers, and replicas.
const BROKERS: u64 = 3;

/// Cuts the storm down to what the failure needs.
pub(super) fn storm(search: &mut Search<'_>) {
    let storm = search.best().get(&["run", "for"]).and_then(Tree::span).unwrap_or(STORM);
    let ats = search.best().faults().iter().filter_map(|fault| fault.get("at")?.span());
    let last = ats.max().unwrap_or(Span::ZERO);
    let mut shorter = round::shorter(storm);
    shorter.extend([Span::secs(1), Span::secs(5)].map(|after| last + after));
    shorter.retain(|span| *span > last && *span < storm);
    shorter.sort_unstable();
    shorter.dedup();
    let candidates = each(search.best(), shorter, |draft, span| {
        draft.set(&["run", "for"], span.into());
    });
    search.take_first(candidates, Luck::OwnSeed);
    optional(search, &["run"], &["settle", "max-events"]);
}

/// Fewer calls of clients: a producer that ends after a few records.
pub(super) fn operations(search: &mut Search<'_>) {
    for name in names(search, "producers") {
        let path = ["producers", name.as_str(), "records"];
        let most = search.best().get(&path).and_then(Tree::number).unwrap_or(u64::MAX);
        let fewer = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000];
        let fewer = fewer.into_iter().filter(|records| *records < most);
        let candidates = each(search.best(), fewer, |draft, records: u64| {
            draft.set(&path, records.into());
        });
        search.take_first(candidates, Luck::OwnSeed);
    }
}

/// Fewer groups, producers and topics, then fewer of each, then less load.
pub(super) fn fewer(search: &mut Search<'_>) {
    for section in ["groups", "producers", "topics"] {
        loop {
            let names = names(search, section);
            let candidates = each(search.best(), &names, |draft, name| {
                draft.remove(&[section, name]);
            });
            if search.take_first(candidates, Luck::Neighbours).is_none() || search.out_of_time() {
                break;
            }
        }
    }
    for name in names(search, "producers") {
        count(search, &["producers", &name, "instances"], &name, Counting::FromOne);
    }
    for name in names(search, "groups") {
        count(search, &["groups", &name, "members"], &name, Counting::FromOne);
    }
    for name in names(search, "topics") {
        count(search, &["topics", &name, "partitions"], &name, Counting::FromZero);
    }
    brokers(search);
    for name in names(search, "producers") {
        rate(search, &name);
        let path = ["producers", name.as_str()];
        optional(search, &path, &["keys", "values", "after"]);
        optional(search, &["producers", &name, "keys"], &["skew", "hot"]);
        count(search, &["producers", &name, "keys", "count"], &name, Counting::Nothing);
    }
    for name in names(search, "groups") {
        let path = ["groups", name.as_str()];
        optional(search, &path, &["process", "poll", "after", "stagger"]);
        optional(search, &["groups", &name, "process"], &["slow", "in", "each"]);
    }
}

/// Leaves out settings that make no difference, and rules that need not be off.
pub(super) fn settings(search: &mut Search<'_>) {
    let path: &[&str] = &["cluster"];
    optional(search, path, &["controllers", "network", "disk", "config", "without"]);
    every_key(search, &["cluster", "config"]);
    rules(search);
    for section in ["topics", "producers", "groups"] {
        for name in names(search, section) {
            let path = [section, name.as_str()];
            optional(search, &path, &["config", "replication.factor", "profile"]);
            every_key(search, &[section, &name, "config"]);
        }
    }
}

/// How the things that a number counts are numbered in names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// `billing-1` is the first.
    FromOne,
    /// `orders-0` is the first.
    FromZero,
    /// They have no names.
    Nothing,
}

/// Tries smaller numbers; faults that strike one that is gone strike the first instead.
fn count(search: &mut Search<'_>, path: &[&str], name: &str, counting: Counting) {
    let Some(number) = search.best().get(path).and_then(Tree::number) else { return };
    let candidates = each(search.best(), round::fewer(number), |draft, fewer| {
        draft.set(path, fewer.into());
        if fewer == 1 && counting == Counting::FromOne {
            // One is what goes without saying.
            draft.remove(path);
        }
        let first = match counting {
            Counting::FromOne => 1,
            Counting::FromZero => 0,
            Counting::Nothing => return,
        };
        let mut faults = draft.faults().to_vec();
        for fault in &mut faults {
            fault.edit_texts(&mut |text| renumber(text, name, first..first + fewer));
        }
        draft.set_faults(faults);
    });
    search.take_first(candidates, Luck::Neighbours);
}

/// Where a text speaks of `name-7` and there are not so many any more, it speaks of the first.
fn renumber(text: &mut String, name: &str, there: std::ops::Range<u64>) {
    let word = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|letter| !word(letter)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        let number = token.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        match number.and_then(|number| number.parse::<u64>().ok()) {
            Some(number) if !there.contains(&number) => {
                out.push_str(&format!("{name}-{}", there.start));
            }
            Some(_) | None => out.push_str(token),
        }
        let gap = after.find(word).unwrap_or(after.len());
        out.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    *text = out;
}

/// Fewer brokers, but as many as there are replicas.
fn brokers(search: &mut Search<'_>) {
    let best = search.best();
    let now = best.get(&["cluster", "brokers"]).and_then(Tree::number).unwrap_or(BROKERS);
    let topics = best.keys(&["topics"]).into_iter();
    let replicas = topics.map(|name| {
        let wanted = best.get(&["topics", name, "replication.factor"]).and_then(Tree::number);
        wanted.unwrap_or(BROKERS)
    });
    let least = replicas.max().unwrap_or(1);
    let candidates = each(best, least..now, |draft, brokers| {
        draft.set(&["cluster", "brokers"], brokers.into());
        if brokers == BROKERS {
            draft.remove(&["cluster", "brokers"]);
        }
        let mut faults = draft.faults().to_vec();
        for fault in &mut faults {
            fault.edit_texts(&mut |text| renumber(text, "broker", 1..brokers + 1));
        }
        draft.set_faults(faults);
    });
    search.take_first(candidates, Luck::Neighbours);
}

/// Tries fewer records per second.
fn rate(search: &mut Search<'_>, producer: &str) {
    let path = ["producers", producer, "rate"];
    let rate = search.best().text(&path).unwrap_or("100/s").to_owned();
    let Some((number, per)) = rate.split_once('/') else { return };
    let Ok(number) = number.trim().parse::<u64>() else { return };
    let candidates = each(search.best(), round::fewer(number), |draft, fewer| {
        draft.set(&path, format!("{fewer}/{}", per.trim()).as_str().into());
    });
    search.take_first(candidates, Luck::Neighbours);
}

/// Tries to go without each of some keys.
fn optional(search: &mut Search<'_>, path: &[&str], keys: &[&str]) {
    for key in keys {
        let full = [path, &[key]].concat();
        if search.best().get(&full).is_some() && !search.out_of_time() {
            let without = each(search.best(), [()], |draft: &mut Draft, ()| draft.remove(&full));
            search.take_first(without, Luck::OwnSeed);
        }
    }
}

fn every_key(search: &mut Search<'_>, path: &[&str]) {
    let keys: Vec<String> = search.best().keys(path).into_iter().map(str::to_owned).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    optional(search, path, &keys);
}

/// Switches rules back on, one after the other; those of a release are named for that.
fn rules(search: &mut Search<'_>) {
    let path = ["cluster", "without"];
    let profile = search.best().text(&["cluster", "profile"]).and_then(Release::of_profile);
    if let Some(release) = profile {
        let mut named = search.best().clone();
        let written = match named.get(&path) {
            Some(Tree::List(written)) => written.clone(),
            Some(Tree::Null | Tree::Text(_) | Tree::Map(_)) | None => Vec::new(),
        };
        let lacking = release.rules().switched_off().map(|rule| rule.name().into());
        let lacking = lacking.filter(|rule| !written.contains(rule));
        let rules = lacking.chain(written.iter().cloned()).collect();
        named.set(&path, Tree::List(rules));
        named.remove(&["cluster", "profile"]);
        search.take_first(vec![named], Luck::OwnSeed);
    }
    loop {
        let Some(Tree::List(rules)) = search.best().get(&path).cloned() else { return };
        if rules.len() < 2 || search.out_of_time() {
            return;
        }
        let candidates = each(search.best(), 0..rules.len(), |draft, place| {
            let mut rules = rules.clone();
            rules.remove(place);
            draft.set(&path, Tree::List(rules));
        });
        if search.take_first(candidates, Luck::OwnSeed).is_none() {
            return;
        }
    }
}

fn names(search: &Search<'_>, section: &str) -> Vec<String> {
    search.best().keys(&[section]).into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::renumber;

    #[test]
    fn what_is_gone_is_the_first_instead() {
        let check = |text: &str, name: &str, there| {
            let mut text = text.to_owned();
            renumber(&mut text, name, there);
            text
        };
        assert_eq!(check("leader of orders-3", "orders", 0..2), "leader of orders-0");
        assert_eq!(check("leader of orders-1", "orders", 0..2), "leader of orders-1");
        assert_eq!(check("leader of my-orders-3", "orders", 0..2), "leader of my-orders-3");
        assert_eq!(check("one of app-1, app-4", "app", 1..2), "one of app-1, app-1");
        assert_eq!(check("broker-4 <-> broker-2", "broker", 1..4), "broker-1 <-> broker-2");
        assert_eq!(check("1s", "broker", 1..4), "1s");
    }
}
