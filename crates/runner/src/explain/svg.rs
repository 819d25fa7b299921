//! The story as a sequence diagram in SVG: a lifeline per process, time from top to bottom.
//!
//! Stands alone: no script, no font, no style from elsewhere; dark or light as the reader has it.

use std::fmt::Write as _;

use super::{Beat, Explanation, Part};
use crate::words;

/// Between two lifelines.
const LANE: usize = 230;
/// Left of the first lifeline: the clock.
const MARGIN: usize = 90;
/// Letters of a line of text.
const LETTERS: usize = 34;
/// From one line to the next.
const LINE: usize = 14;

/// The diagram of an explanation.
#[must_use]
pub fn svg(told: &Explanation) -> String {
    let names = super::text::participants(&told.story);
    let rows: Vec<(usize, Vec<String>)> = told
        .story
        .iter()
        .map(|beat| {
            let lines = wrap(&beat.what);
            (lines.len() * LINE + 12, lines)
        })
        .collect();
    let height: usize = rows.iter().map(|(height, _)| height + 10).sum::<usize>() + 96;
    let width = MARGIN + LANE * names.len().max(1) + 20;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"11\">\n{STYLE}"
    );
    let title = format!("{} in {}, seed {}", told.signature, told.scenario, told.seed);
    let _ = writeln!(out, "<title>{}</title>", plain(&title));
    let _ = writeln!(out, "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>");
    for (place, name) in names.iter().enumerate() {
        let x = lane(place);
        let _ = writeln!(
            out,
            "<line class=\"life\" x1=\"{x}\" y1=\"44\" x2=\"{x}\" y2=\"{}\"/>",
            height - 16
        );
        let _ = writeln!(
            out,
            "<text class=\"name\" x=\"{x}\" y=\"30\" text-anchor=\"middle\">{}</text>",
            plain(name)
        );
    }
    let mut y = 58;
    for (beat, (height, lines)) in told.story.iter().zip(&rows) {
        row(beat, &names, lines, y, *height, &mut out);
        y += height + 10;
    }
    out.push_str("</svg>\n");
    out
}

const STYLE: &str = "<style>\
.paper{fill:#fff}.life{stroke:#bbb;stroke-dasharray:3 3}.name{font-weight:600;fill:#222}.clock{fill:#777}\
.says{fill:#222}.work{fill:#f1f4f8;stroke:#b9c4d2}.fault{fill:#fdecea;stroke:#d9534f}.claim{fill:#e9f6ec;stroke:#3c9a4e}\
.fact{fill:#fff3d6;stroke:#c58a00}.arrow{stroke:#5a6b7f;stroke-width:1.4;fill:none}.head{fill:#5a6b7f}.told{fill:#5a6b7f}\
@media (prefers-color-scheme:dark){.paper{fill:#16191d}.life{stroke:#555}.name,.says{fill:#e6e6e6}.clock{fill:#9a9a9a}\
.work{fill:#232a33;stroke:#4a5a6e}.fault{fill:#3a1d1c;stroke:#d9534f}.claim{fill:#18301d;stroke:#3c9a4e}\
.fact{fill:#3a2f12;stroke:#c58a00}.arrow{stroke:#9fb0c5}.head,.told{fill:#9fb0c5}}</style>\n";

fn row(beat: &Beat, names: &[&str], lines: &[String], y: usize, height: usize, out: &mut String) {
    let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or(0);
    let at = place(&beat.who);
    let x = lane(at);
    let class = match beat.part {
        Part::Work => "work",
        Part::Fault => "fault",
        Part::Claim => "claim",
        Part::Fact => "fact",
    };
    let _ = writeln!(
        out,
        "<text class=\"clock\" x=\"8\" y=\"{}\">{}</text>",
        y + 16,
        words::clock(beat.at.as_millis())
    );
    if let Some((from, message)) = &beat.heard {
        let begin = lane(place(from));
        let (tip, back) = if begin < x { (x - 104, 6_i64) } else { (x + 104, -6) };
        let middle = y + height / 2;
        let _ = writeln!(
            out,
            "<line class=\"arrow\" x1=\"{begin}\" y1=\"{middle}\" x2=\"{tip}\" y2=\"{middle}\"/>"
        );
        let tail = i64::try_from(tip).unwrap_or(0) - back;
        let _ = writeln!(
            out,
            "<path class=\"head\" d=\"M{tip} {middle} L{tail} {} L{tail} {} Z\"/>",
            middle.saturating_sub(4),
            middle + 4
        );
        let _ = writeln!(
            out,
            "<text class=\"told\" x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"9\">{}</text>",
            (begin + tip) / 2,
            middle.saturating_sub(4),
            plain(message)
        );
    }
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"208\" height=\"{height}\" rx=\"4\"/>",
        x - 104
    );
    for (number, line) in lines.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text class=\"says\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            y + 16 + number * LINE,
            plain(line)
        );
    }
}

const fn lane(place: usize) -> usize {
    MARGIN + LANE / 2 + place * LANE
}

/// Lines of a text that fit a box.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is one line at least");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > LETTERS {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// A text that means nothing to XML.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
