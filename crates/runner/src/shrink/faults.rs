//! Fewer and simpler faults.
//!
//! First delta debugging (Zeller and Hildebrandt, 2002) gets rid of most of them at little cost, then each is tried alone,
//! so that in the end none can be left out.

use stormglass_types::Span;

use super::search::{Luck, Search, Struck};
use super::{each, round};
use crate::scenario::{Draft, Tree};

/// Writes down whom random targets struck and leaves out what never struck, so that faults no longer depend on each other.
pub(super) fn settle_targets(search: &mut Search<'_>) {
    let struck = search.seen().struck.clone();
    let all = search.best().faults().iter().zip(&struck);
    let happened: Vec<Tree> = all
        .filter(|(_, struck)| **struck != Struck::Never)
        .map(|(fault, struck)| match struck {
            Struck::Process(name) => aimed_at(fault, name),
            Struck::Never | Struck::Nobody => fault.clone(),
        })
        .collect();
    let settled = with_faults(search.best(), happened);
    if search.take_first(vec![settled], Luck::OwnSeed).is_some() {
        return;
    }
    let all = search.best().faults().iter().zip(&struck);
    let happened = all.filter(|(_, struck)| **struck != Struck::Never);
    let happened = happened.map(|(fault, _)| fault.clone()).collect();
    let settled = with_faults(search.best(), happened);
    search.take_first(vec![settled], Luck::OwnSeed);
}

/// Delta debugging: halves, quarters, eighths and their complements.
pub(super) fn halve(search: &mut Search<'_>, luck: Luck) {
    let mut parts = 2;
    loop {
        let faults = search.best().faults().to_vec();
        let count = faults.len();
        if count < 2 || search.out_of_time() {
            return;
        }
        parts = parts.min(count);
        let bounds: Vec<(usize, usize)> =
            (0..parts).map(|part| (part * count / parts, (part + 1) * count / parts)).collect();
        let outside = |(from, to): &(usize, usize)| {
            (0..count).filter(|place| !(*from..*to).contains(place)).collect::<Vec<usize>>()
        };
        let mut removals: Vec<Vec<usize>> = bounds.iter().map(outside).collect();
        if parts > 2 {
            removals.extend(bounds.iter().map(|(from, to)| (*from..*to).collect::<Vec<usize>>()));
        }
        // A fork knows nothing of other seeds.
        let removals = match luck {
            Luck::OwnSeed => search.promising(removals),
            Luck::Neighbours => removals,
        };
        let candidates = removals.iter().map(|removal| without(search.best(), removal)).collect();
        match search.take_first(candidates, luck) {
            // Only a part is left, or only a part is gone.
            Some(place) if removals[place].len() * 2 > count => parts = 2,
            Some(_) => parts = (parts - 1).max(2),
            None if parts == count => return,
            None => parts *= 2,
        }
    }
}

/// Leaves each fault out, until none can be.
pub(super) fn one_by_one(search: &mut Search<'_>) {
    loop {
        let count = search.best().faults().len();
        // The last ones first: they are least likely to have caused anything.
        let candidates = each(search.best(), (0..count).rev(), |draft, place| {
            let mut faults = draft.faults().to_vec();
            faults.remove(place);
            draft.set_faults(faults);
        });
        if search.take_first(candidates, Luck::Neighbours).is_none() || search.out_of_time() {
            return;
        }
    }
}

/// Makes one fault of two that do the same to the same: it begins with the first and ends with the last.
pub(super) fn merge(search: &mut Search<'_>) {
    loop {
        let faults = search.best().faults();
        let pairs =
            (0..faults.len()).flat_map(|one| (one + 1..faults.len()).map(move |two| (one, two)));
        let merged = pairs.filter_map(|(one, two)| {
            let both = merged(&faults[one], &faults[two])?;
            let mut draft = without(search.best(), &[two]);
            let mut faults = draft.faults().to_vec();
            faults[one] = both;
            draft.set_faults(faults);
            Some(draft)
        });
        let candidates: Vec<Draft> = merged.collect();
        if search.take_first(candidates, Luck::OwnSeed).is_none() || search.out_of_time() {
            return;
        }
    }
}

/// One fault that covers two; none if they do not do the same.
fn merged(one: &Tree, other: &Tree) -> Option<Tree> {
    let plain = |fault: &Tree| {
        let mut fault = fault.clone();
        fault.remove("at");
        fault.remove("for");
        fault
    };
    if plain(one) != plain(other) {
        return None;
    }
    let span = |fault: &Tree, key: &str| fault.get(key)?.span();
    let (first, second) = (span(one, "at")?, span(other, "at")?);
    let ends = [first + span(one, "for")?, second + span(other, "for")?];
    let (begins, end) = (first.min(second), ends[0].max(ends[1]));
    let mut both = one.clone();
    both.set("at", begins.into());
    both.set("for", (end - begins).into());
    Some(both)
}

/// Makes each fault do less harm: hold a process instead of killing it, or lose no more than the process.
pub(super) fn weaker(search: &mut Search<'_>) {
    const CRASHES: [(&str, &str); 2] = [("disk-lost", "power"), ("torn", "power")];
    const INSTEAD: [(&str, &str); 3] =
        [("kill", "pause"), ("isolate", "pause"), ("restart", "pause")];
    let mut place = 0;
    while place < search.best().faults().len() && !search.out_of_time() {
        let fault = search.best().faults()[place].clone();
        let mut softer: Vec<Tree> = Vec::new();
        // A bound is broken by many things: by another kind of fault it would be another story.
        let others = if search.goal.bound.is_none() { &INSTEAD[..] } else { &[] };
        for (key, instead) in others {
            if fault.get(key).is_some() {
                let mut other = fault.clone();
                other.remove("crash");
                other.rename(key, instead);
                softer.push(other);
            }
        }
        for (kind, instead) in CRASHES {
            if fault.get("crash").and_then(Tree::text) == Some(kind) {
                let mut other = fault.clone();
                other.set("crash", instead.into());
                softer.push(other);
            }
        }
        let candidates = each(search.best(), softer, |draft, softer| {
            edit(draft, place, |fault| *fault = softer.clone());
        });
        search.take_first(candidates, Luck::OwnSeed);
        place += 1;
    }
}

/// Makes each fault simpler: earlier, shorter, weaker, rounder.
pub(super) fn simpler(search: &mut Search<'_>) {
    earlier(search);
    let mut place = 0;
    while place < search.best().faults().len() && !search.out_of_time() {
        for key in ["at", "since", "for", "by", "sync", "each", "plus"] {
            spans(search, place, key);
        }
        words(search, place);
        place += 1;
    }
}

/// Moves all of them to an earlier time at once, as they stand to each other.
fn earlier(search: &mut Search<'_>) {
    let times: Vec<Option<Span>> = search.best().faults().iter().map(at).collect();
    let Some(first) = times.iter().flatten().min().copied() else { return };
    let candidates = each(search.best(), round::shorter(first), |draft, begin| {
        if begin >= first {
            return;
        }
        let by = first - begin;
        let mut faults = draft.faults().to_vec();
        for fault in &mut faults {
            if let Some(time) = at(fault) {
                fault.set("at", (time - by).into());
            }
        }
        draft.set_faults(faults);
        if let Some(storm) = draft.get(&["run", "for"]).and_then(Tree::span) {
            draft.set(&["run", "for"], (storm - by).into());
        }
    });
    search.take_first(candidates, Luck::Neighbours);
}

fn at(fault: &Tree) -> Option<Span> {
    fault.get("at")?.span()
}

/// Tries shorter times for one key of a fault.
fn spans(search: &mut Search<'_>, place: usize, key: &str) {
    loop {
        let Some(fault) = search.best().faults().get(place) else { return };
        let within = if key == "since" { fault.get("on") } else { Some(fault) };
        let Some(span) = within.and_then(|tree| tree.get(key)).and_then(Tree::span) else { return };
        let mut changes: Vec<Option<Span>> = round::shorter(span).into_iter().map(Some).collect();
        if matches!(key, "since" | "plus") {
            changes.insert(0, None);
        }
        let candidates = each(search.best(), changes, |draft, span| {
            edit(draft, place, |fault| {
                let within = if key == "since" { fault.get_mut("on") } else { Some(fault) };
                match (within, span) {
                    (Some(tree), Some(span)) => tree.set(key, span.into()),
                    (Some(tree), None) => tree.remove(key),
                    (None, _) => {}
                }
            });
        });
        // What was taken is the shortest that works, but rounding up may have opened another way.
        match search.take_first(candidates, Luck::OwnSeed) {
            Some(_) if !search.out_of_time() => {}
            Some(_) | None => return,
        }
    }
}

/// Tries fewer words: the ordinary crash, the first message, any sender.
fn words(search: &mut Search<'_>, place: usize) {
    let candidates = each(search.best(), ["crash"], |draft, key| {
        edit(draft, place, |fault| fault.remove(key));
    });
    search.take_first(candidates, Luck::OwnSeed);
    for key in ["from", "to", "nth"] {
        let candidates = each(search.best(), [key], |draft, key| {
            edit(draft, place, |fault| {
                if let Some(on) = fault.get_mut("on") {
                    on.remove(key);
                }
            });
        });
        search.take_first(candidates, Luck::OwnSeed);
    }
    let fault = search.best().faults().get(place);
    let nth = fault.and_then(|fault| fault.get("on")?.get("nth")?.number());
    let Some(nth) = nth else { return };
    let candidates = each(search.best(), round::fewer(nth), |draft, nth| {
        edit(draft, place, |fault| {
            if let Some(on) = fault.get_mut("on") {
                on.set("nth", nth.into());
            }
        });
    });
    search.take_first(candidates, Luck::OwnSeed);
}

/// A fault whose random target is the process that it struck.
fn aimed_at(fault: &Tree, name: &str) -> Tree {
    let mut fault = fault.clone();
    if let Tree::Map(entries) = &mut fault {
        for (key, value) in entries {
            let random = ["any ", "one of ", "member of ", "instance of "];
            let drawn =
                value.text().is_some_and(|text| random.iter().any(|it| text.starts_with(it)));
            if drawn && key != "cut" {
                *value = name.into();
            }
        }
    }
    fault
}

fn without(draft: &Draft, removal: &[usize]) -> Draft {
    let faults = draft.faults().iter().enumerate();
    let kept = faults.filter(|(place, _)| !removal.contains(place));
    with_faults(draft, kept.map(|(_, fault)| fault.clone()).collect())
}

fn with_faults(draft: &Draft, faults: Vec<Tree>) -> Draft {
    let mut draft = draft.clone();
    draft.set_faults(faults);
    draft
}

fn edit(draft: &mut Draft, place: usize, change: impl Fn(&mut Tree)) {
    let mut faults = draft.faults().to_vec();
    if let Some(fault) = faults.get_mut(place) {
        change(fault);
    }
    draft.set_faults(faults);
}
