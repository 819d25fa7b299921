//! An explanation as text: for a terminal, and as Markdown with a sequence diagram.

use std::fmt::{self, Write as _};

use super::{Beat, Explanation, FaultPart, NotExplained, Part, Remedy, WhatIf};
use crate::result::METRIC;
use crate::words;

/// For people at a terminal.
#[must_use]
pub fn human(told: &Explanation) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}  seed {}  digest {}", told.scenario, told.seed, told.digest);
    let _ = writeln!(out, "\n{}: {}", told.signature, told.fact);
    let _ = writeln!(out, "{}\n\n{}", permitted(told), in_short(told, ""));
    for line in against(told) {
        let _ = writeln!(out, "\n{line}");
    }
    let _ = writeln!(out, "\nWhat happened");
    for (nth, beat) in told.story.iter().enumerate() {
        gap(told, nth, "  ", &mut out);
        let clock = words::clock(beat.at.as_millis());
        let _ = writeln!(out, "  {clock:>11}  {} {} {}", sign(beat.part), beat.who, beat.what);
    }
    legend(told, "  ", &mut out);
    let _ = writeln!(out, "\nWhat it took");
    for line in needs(told, "") {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "\nWhat prevents it");
    for line in prevents(told, "") {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "\n  {}", told.repro);
    out
}

/// As Markdown, with a Mermaid diagram.
#[must_use]
pub fn markdown(told: &Explanation) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {} in {}, seed {}", told.signature, told.scenario, told.seed);
    let _ = writeln!(out, "\n**{}.** {}", told.fact, permitted(told));
    let _ = writeln!(out, "\n{}", in_short(told, "`"));
    for line in against(told) {
        let _ = writeln!(out, "\n{line}");
    }
    let _ = writeln!(out, "\n## What happened\n");
    for (nth, beat) in told.story.iter().enumerate() {
        gap(told, nth, "- ", &mut out);
        let (who, what) = match beat.part {
            Part::Work => (beat.who.clone(), beat.what.clone()),
            Part::Fault | Part::Claim | Part::Fact => {
                (beat.who.clone(), format!("**{}**", beat.what))
            }
        };
        let _ = writeln!(out, "- `{}` {who} {what}", words::clock(beat.at.as_millis()));
    }
    legend(told, "", &mut out);
    let _ = writeln!(out, "\n```mermaid\n{}```", mermaid(&told.story));
    let _ = writeln!(out, "\n## What it took\n");
    for line in needs(told, "`") {
        let _ = writeln!(out, "- {line}");
    }
    let _ = writeln!(out, "\n## What prevents it\n");
    for line in prevents(told, "`") {
        let _ = writeln!(out, "- {line}");
    }
    let _ = writeln!(out, "\n```sh\n{}\n```", told.repro);
    out
}

/// What was claimed, and what is the fact, in two sentences.
pub(crate) fn against(told: &Explanation) -> Vec<String> {
    let said = |beat: &Beat| {
        format!("at {} {} {}", words::clock(beat.at.as_millis()), beat.who, beat.what)
    };
    let real = |beat: &&Beat| beat.part == Part::Fact && beat.who != "the final read";
    let committed = |beat: &&Beat| beat.part == Part::Claim && beat.what.contains("commit of");
    let group = matches!(told.signature.invariant, "at-least-once" | "single-owner" | "monotone");
    if told.signature.invariant == METRIC {
        return Vec::new();
    }
    if group {
        let claim = told.story.iter().rfind(committed);
        let after = claim.map(|claim| claim.at);
        let mut facts = told.story.iter().filter(|beat| after.is_none_or(|at| beat.at >= at));
        let fact = facts.find(real).or_else(|| told.story.iter().find(real));
        let claim = claim.map(|claim| format!("Claim: {}.", said(claim)));
        let fact = fact.map(|fact| format!("Fact: {}.", said(fact)));
        return claim.into_iter().chain(fact).collect();
    }
    let claim = told.story.iter().find(|beat| beat.part == Part::Claim);
    let after = claim.map(|claim| claim.at);
    let facts = || told.story.iter().filter(|beat| after.is_none_or(|at| beat.at >= at));
    let earlier = || told.story.iter().find(real);
    let fact = facts().find(real).or_else(earlier);
    let fact = fact.or_else(|| facts().find(|beat| beat.part == Part::Fact));
    let claim = claim.map(|claim| format!("Claim: {}.", said(claim)));
    let fact = fact.map(|fact| format!("Fact: {}.", said(fact)));
    claim.into_iter().chain(fact).collect()
}

/// How to read the names of records, where there are any.
fn legend(told: &Explanation, margin: &str, out: &mut String) {
    let named = told.story.iter().find_map(|beat| {
        beat.what.split([' ', ',']).find(|word| word.contains('#') && word.contains(':'))
    });
    let Some(name) = named else { return };
    let (life, serial) = name.split_once(':').unwrap_or((name, ""));
    let (process, life) = life.split_once('#').unwrap_or((life, ""));
    let serial = serial.split("..").next().unwrap_or_default();
    let _ = writeln!(
        out,
        "\n{margin}`{process}#{life}:{serial}` is record number {serial}, counted from 0, that {process} sent to its partition in \
         life {life}"
    );
}

pub(crate) fn permitted(told: &Explanation) -> String {
    if told.signature.invariant == METRIC {
        return "The bound is the scenario's own; no promise of Kafka is broken.".to_owned();
    }
    match &told.permitted {
        Some(why) => format!("The configuration permits this: {why}."),
        None if !told.without.is_empty() => format!(
            "Kafka promises that this does not happen; here its protocol runs without {}.",
            told.without.join(", ")
        ),
        None if told.signature.invariant == "liveness" => {
            "Once the faults are over everything has to come to rest, and nothing \
            in the configuration excuses that this does not."
                .to_owned()
        }
        None => "The configuration promises that this does not happen.".to_owned(),
    }
}

/// Says where steps were left out.
fn gap(told: &Explanation, nth: usize, margin: &str, out: &mut String) {
    if told.left_out > 0 && nth == told.story.len() / 3 {
        let left_out = told.left_out;
        let _ = writeln!(
            out,
            "{margin}({left_out} steps are left out; `stormglass shrink` makes the story short)"
        );
    }
}

fn needs(told: &Explanation, quote: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut without = 0;
    for fault in &told.faults {
        let text = format!("{quote}{}{quote}", fault.text);
        match &fault.without {
            WhatIf::Same => without += 1,
            WhatIf::None => {
                lines.push(format!("necessary: {text}; without it, all holds{}", moved(fault)));
            }
            WhatIf::Other(signature) => lines.push(format!(
                "necessary: {text}; without it, {signature} comes up instead{}",
                moved(fault)
            )),
            WhatIf::Unknown => lines.push(format!("{text}; without it, nothing can be told")),
        }
    }
    if lines.is_empty() && !told.faults.is_empty() {
        lines.push("no fault by itself: the failure comes up without any one of them".to_owned());
    } else if without > 0 {
        let others = if without == 1 { "fault was" } else { "faults were" };
        lines.push(format!("{without} other {others} not necessary"));
    }
    lines.push(match &told.without_faults {
        WhatIf::Same => "it comes up without any fault at all".to_owned(),
        WhatIf::Other(signature) => format!("without any fault, {signature} comes up"),
        WhatIf::None => "without any fault, all holds".to_owned(),
        WhatIf::Unknown => "without any fault, nothing can be told".to_owned(),
    });
    lines
}

/// What other moments do.
fn moved(fault: &FaultPart) -> String {
    let which = |wanted: fn(&WhatIf) -> bool| {
        let found = fault.moved.iter().filter(|(_, outcome)| wanted(outcome));
        found.map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", ")
    };
    let same = which(|outcome| *outcome == WhatIf::Same);
    let gone = which(|outcome| matches!(outcome, WhatIf::None | WhatIf::Other(_)));
    match (same.is_empty(), gone.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("; its moment does not matter: {same} it is the same"),
        (true, false) => format!("; its moment matters: {gone} the failure is gone"),
        (false, false) => format!("; {same} it is the same, {gone} the failure is gone"),
    }
}

/// The whole in a few sentences: what it takes and what prevents it.
pub(crate) fn in_short(told: &Explanation, quote: &str) -> String {
    let needed = |fault: &&FaultPart| !matches!(fault.without, WhatIf::Same);
    let needed: Vec<&FaultPart> = told.faults.iter().filter(needed).collect();
    let takes = match (&needed[..], &told.without_faults) {
        (_, WhatIf::Same) => {
            "It takes no fault: the pipeline as it is configured does it.".to_owned()
        }
        ([], _) => "It takes faults, but no one of them by itself.".to_owned(),
        ([one], _) => format!("It takes one fault: {quote}{}{quote}.", one.text),
        (several, _) => format!("It takes {} faults together.", several.len()),
    };
    let verified: Vec<&Remedy> = told.remedies.iter().filter(|it| it.helps()).collect();
    let prevented = match &verified[..] {
        [] => "No change that was tried prevents it.".to_owned(),
        [one] => format!("What prevents it: {quote}{}{quote}; {}.", one.change, one.because),
        several => {
            let changes = several.iter().map(|it| format!("{quote}{}{quote}", it.change));
            format!("Any one of these prevents it: {}.", changes.collect::<Vec<_>>().join("; "))
        }
    };
    format!("{takes} {prevented}")
}

fn prevents(told: &Explanation, quote: &str) -> Vec<String> {
    let figure = |remedy: &Remedy| {
        let figure = remedy.figure.as_ref();
        figure.map_or_else(String::new, |it| {
            format!("; {quote}{}{quote} is then {} at most", told.signature.kind, it.shown)
        })
    };
    let moments = if told.faults.is_empty() { "" } else { ", the faults at other moments in each" };
    let same =
        if told.faults.is_empty() { "it does not come up" } else { "the same faults do no harm" };
    let mut lines: Vec<String> = Vec::new();
    for remedy in told.remedies.iter().filter(|remedy| remedy.helps()) {
        lines.push(format!(
            "with {quote}{}{quote} {same} (verified with {}{moments}): {}{}",
            remedy.change,
            words::seeds(remedy.seeds - remedy.unknown),
            remedy.because,
            figure(remedy)
        ));
    }
    if lines.is_empty() {
        let none = if told.permitted.is_some() || told.signature.invariant == METRIC {
            "none of the changes that were tried"
        } else {
            "none of the changes that were tried; this may be a bug of the system"
        };
        lines.push(none.to_owned());
    }
    let barely = told.remedies.iter().filter(|it| it.failed == 0 && !it.helps());
    for remedy in barely.filter(|it| it.figure.is_some()) {
        lines.push(format!(
            "too little to rely on: {quote}{}{quote}{}",
            remedy.change,
            figure(remedy)
        ));
    }
    let vain: Vec<String> = told
        .remedies
        .iter()
        .filter(|remedy| remedy.failed > 0)
        .map(|remedy| format!("{quote}{}{quote}", remedy.change))
        .collect();
    if !vain.is_empty() {
        lines.push(format!("tried, and not enough by itself: {}", vain.join(", ")));
    }
    lines
}

const fn sign(part: Part) -> char {
    match part {
        Part::Work => ' ',
        Part::Fault => '⚡',
        Part::Claim => '✔',
        Part::Fact => '✘',
    }
}

/// Who takes part in a story, in the order of appearance.
pub(super) fn participants(story: &[Beat]) -> Vec<&str> {
    let mut who: Vec<&str> = Vec::new();
    for name in story.iter().flat_map(|beat| [Some(&beat.who), beat.to.as_ref()]).flatten() {
        if !who.contains(&name.as_str()) {
            who.push(name);
        }
    }
    who
}

/// The story as a sequence diagram in Mermaid's language.
fn mermaid(story: &[Beat]) -> String {
    let who = participants(story);
    let place = |name: &str| who.iter().position(|known| *known == name).unwrap_or(0);
    let mut out = String::from("sequenceDiagram\n");
    for (nth, name) in who.iter().enumerate() {
        let _ = writeln!(out, "  participant P{nth} as {name}");
    }
    for beat in story {
        let from = place(&beat.who);
        let own = from;
        let what = plain(&beat.what);
        let clock = words::clock(beat.at.as_millis());
        if let Some((from, message)) = &beat.heard {
            let _ = writeln!(out, "  P{}-->>P{own}: {message}", place(from));
        }
        match (&beat.to, beat.part) {
            (Some(to), _) if *to != beat.who => {
                let _ = writeln!(out, "  P{from}->>P{}: {clock} {what}", place(to));
            }
            (_, Part::Work) => {
                let _ = writeln!(out, "  Note over P{from}: {clock} {what}");
            }
            (_, part) => {
                let _ = writeln!(out, "  Note over P{from}: {} {clock} {what}", sign(part));
            }
        }
    }
    out
}

/// A text that means nothing to Mermaid.
fn plain(text: &str) -> String {
    text.replace(';', ",").replace('#', "#35;")
}

impl Remedy {
    /// Whether some of its runs held and none failed, and not just barely.
    #[must_use]
    pub fn helps(&self) -> bool {
        let close = self.figure.as_ref().is_some_and(|figure| figure.close);
        self.failed == 0 && self.unknown < self.seeds && !close
    }
}

impl fmt::Display for NotExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(result) => write!(
                f,
                "`{}` with seed {} is no failure: it came out as `{}`",
                result.scenario, result.seed, result.outcome
            ),
            Self::Panicked(panicked) => panicked.fmt(f),
        }
    }
}

impl std::error::Error for NotExplained {}
