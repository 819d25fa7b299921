//! An explanation as the page needs it.

use serde::Serialize;
use serde_json::{Value, json};

use super::{micros, sequence_svg};
use crate::explain::{Explanation, Part, WhatIf, text};

#[derive(Serialize)]
pub(super) struct Told<'a> {
    signature: String,
    fact: &'a str,
    permitted: Option<&'a str>,
    /// Whether it was promised, in a sentence.
    standing: String,
    /// What it takes and what prevents it.
    short: String,
    /// Claim and fact.
    against: Vec<String>,
    story: Vec<Step<'a>>,
    left_out: usize,
    faults: Vec<(&'a str, &'static str, Option<String>)>,
    without_faults: (&'static str, Option<String>),
    remedies: Vec<Value>,
    diagram: String,
}

#[derive(Serialize)]
struct Step<'a> {
    at: u64,
    who: &'a str,
    to: Option<&'a str>,
    what: &'a str,
    part: &'static str,
}

/// What a step is called where its part matters.
pub(super) const fn part_name(part: Part) -> &'static str {
    match part {
        Part::Work => "work",
        Part::Fault => "fault",
        Part::Claim => "claim",
        Part::Fact => "fact",
    }
}

/// The explanation of a run.
pub(super) fn told(explanation: &Explanation) -> Told<'_> {
    let steps = explanation.story.iter().map(|beat| Step {
        at: micros(beat.at),
        who: &beat.who,
        to: beat.to.as_deref(),
        what: &beat.what,
        part: part_name(beat.part),
    });
    let faults = explanation.faults.iter().map(|fault| {
        let (came, other) = came(&fault.without);
        (fault.text.as_str(), came, other)
    });
    let remedies = explanation.remedies.iter().map(|remedy| {
        json!({
            "change": remedy.change,
            "because": remedy.because,
            "seeds": remedy.seeds,
            "failed": remedy.failed,
            "unknown": remedy.unknown,
            "helps": remedy.helps(),
            "figure": remedy.figure.as_ref().map(|figure| &figure.shown),
        })
    });
    Told {
        signature: explanation.signature.to_string(),
        fact: &explanation.fact,
        permitted: explanation.permitted.as_deref(),
        standing: text::permitted(explanation),
        short: text::in_short(explanation, ""),
        against: text::against(explanation),
        story: steps.collect(),
        left_out: explanation.left_out,
        faults: faults.collect(),
        without_faults: came(&explanation.without_faults),
        remedies: remedies.collect(),
        diagram: sequence_svg(&explanation.story),
    }
}

/// What a changed run came to, and the other failure if it was one.
fn came(what: &WhatIf) -> (&'static str, Option<String>) {
    match what {
        WhatIf::Same => ("same", None),
        WhatIf::Other(signature) => ("other", Some(signature.to_string())),
        WhatIf::None => ("none", None),
        WhatIf::Unknown => ("unknown", None),
    }
}
