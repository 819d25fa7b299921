//! One HTML file that tells a run to somebody who was not there: verdicts, lanes, charts, state at instants, explanation.
//!
//! Judges nothing. The file holds everything it shows and asks no network for anything; data are counted and thinned out here,
//! so that a browser only has to draw them.

mod events;
mod explained;
mod facts;
mod grid;
mod latency;
mod sequence;
mod series;
mod states;

#[cfg(test)]
mod tests;

use serde::Serialize;
use stormglass_sim::World;

pub use self::sequence::sequence_svg;
use super::lanes::{self, micros};
use crate::explain::Explanation;
use crate::names::Names;
use crate::result::RunResult;
use crate::saved::VERSION;
use crate::scenario::Scenario;

/// A run that was recorded, with what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub result: &'a RunResult,
    /// The world at its end, which kept a trace.
    pub world: &'a World,
    /// Why it failed, if it did and somebody found out.
    pub told: Option<&'a Explanation>,
}

/// Everything a page shows.
#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    facts: facts::Facts<'a>,
    lanes: lanes::Lanes,
    series: series::Series,
    latency: latency::Latency,
    states: states::States,
    grid: Option<grid::Grid>,
    told: Option<explained::Told<'a>>,
    events: events::Events,
}

/// The page of a run. Runs the world once more to look at its state along the way.
#[must_use]
pub fn page(run: &Recorded<'_>) -> String {
    let names = Names::new(run.world.history());
    let lanes = lanes::lanes(run.world, run.told);
    let data = Data {
        version: VERSION,
        facts: facts::facts(run),
        series: series::series(run),
        latency: latency::latency(run.world),
        states: states::states(run, &names),
        grid: grid::grid(run, &names),
        told: run.told.map(explained::told),
        events: events::events(run, &names),
        lanes,
    };
    // Text between tags of a script ends at `</`; within JSON strings that can be written otherwise.
    let data = serde_json::to_string(&data).expect("text, numbers and lists are always JSON");
    let data = data.replace('<', "\\u003c");
    let title = format!("{} · seed {}", run.result.scenario, run.result.seed);
    let mut out = String::with_capacity(data.len() + (256 << 10));
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("<!--=") {
        out.push_str(before);
        let (name, after) = after.split_once("-->").expect("the page closes its marks");
        match name {
            "title" => out.push_str(&escaped(&title)),
            "style" => STYLES.iter().for_each(|style| out.push_str(style)),
            "library" => out.push_str(LIBRARY),
            "licence" => out.push_str(LICENCE),
            "script" => SCRIPTS.iter().for_each(|script| out.push_str(script)),
            "data" => out.push_str(&data),
            other => panic!("the page has no `{other}`"),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

const PAGE: &str = include_str!("page/page.html");
const STYLES: [&str; 3] = [
    include_str!("vendor/uPlot.min.css"),
    include_str!("page/style.css"),
    include_str!("page/parts.css"),
];
const LIBRARY: &str = include_str!("vendor/uPlot.iife.min.js");
const LICENCE: &str = include_str!("vendor/LICENSE-uPlot");
const SCRIPTS: [&str; 9] = [
    include_str!("page/base.js"),
    include_str!("page/charts.js"),
    include_str!("page/rows.js"),
    include_str!("page/summary.js"),
    include_str!("page/told.js"),
    include_str!("page/timeline.js"),
    include_str!("page/load.js"),
    include_str!("page/state.js"),
    include_str!("page/main.js"),
];

/// A row of numbers as its first one and the steps from each to the next, which is short where little changes.
fn steps(row: &[i64]) -> Vec<i64> {
    let mut before = 0;
    let mut step = |number: &i64| number - std::mem::replace(&mut before, *number);
    row.iter().map(&mut step).collect()
}

/// Text that HTML shows as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
