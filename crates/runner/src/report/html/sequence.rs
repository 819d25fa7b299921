//! A story as a sequence diagram in SVG: who down the page, time down the page, messages as arrows.
//!
//! Measures no fonts: widths are those of an ordinary sans-serif, rounded up.

use std::fmt::Write as _;

use super::escaped;
use super::explained::part_name;
use crate::explain::Beat;
use crate::words;

/// From one lifeline to the next.
const PITCH: usize = 186;
/// The column of times.
const GUTTER: usize = 84;
/// The inner width of a note.
const NOTE: usize = 172;
/// Letters of a note's line.
const LETTERS: usize = 24;
/// The height of a line of text.
const LINE: usize = 15;
/// The height of the heads.
const HEAD: usize = 44;

/// The diagram of a story. Colours are the page's, or plain ones where the page has none.
#[must_use]
pub fn sequence_svg(story: &[Beat]) -> String {
    let who = cast(story);
    let width = GUTTER + PITCH * who.len().max(1) + 8;
    let x = |name: &str| {
        let place = who.iter().position(|known| *known == name).unwrap_or(0);
        GUTTER + PITCH * place + PITCH / 2
    };
    let mut body = String::new();
    let mut y = HEAD + 14;
    for beat in story {
        let to = beat.to.as_deref().filter(|to| *to != beat.who);
        y += match to {
            Some(to) => arrow(&mut body, beat, (x(&beat.who), x(to)), y),
            None => note(&mut body, beat, x(&beat.who), y),
        };
    }
    let height = y + 10;
    let mut out = String::new();
    let _ = write!(
        out,
        r#"<svg class="seq" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="sequence diagram"><style>{STYLE}</style><defs><marker id="seq-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" class="seq-tip"/></marker></defs>"#
    );
    for name in &who {
        let middle = x(name);
        let _ = write!(
            out,
            r#"<line class="seq-life" x1="{middle}" y1="{HEAD}" x2="{middle}" y2="{height}"/>"#
        );
    }
    out.push_str(&body);
    // Last, so that a page can keep them in sight, in front of what scrolls by.
    let _ = write!(
        out,
        r#"<g class="seq-heads"><rect class="seq-band" width="{width}" height="{HEAD}"/>"#
    );
    for name in &who {
        let (left, middle) = (x(name) - NOTE / 2, x(name));
        let _ = write!(
            out,
            r#"<rect class="seq-head" x="{left}" y="8" width="{NOTE}" height="28" rx="6"/><text class="seq-name" x="{middle}" y="27">{}</text>"#,
            escaped(name)
        );
    }
    out.push_str("</g></svg>");
    out
}

/// Everybody in a story, in the order in which they come up.
fn cast(story: &[Beat]) -> Vec<&str> {
    let mut who: Vec<&str> = Vec::new();
    for name in story.iter().flat_map(|beat| [Some(&beat.who), beat.to.as_ref()]).flatten() {
        if !who.contains(&name.as_str()) {
            who.push(name);
        }
    }
    who
}

/// A box on a lifeline; tells how much room it took.
fn note(out: &mut String, beat: &Beat, x: usize, y: usize) -> usize {
    let lines = wrapped(&beat.what, LETTERS);
    let height = lines.len() * LINE + 10;
    let part = part_name(beat.part);
    time(out, beat, y + 16);
    let _ = write!(
        out,
        r#"<g class="seq-note seq-{part}"><rect x="{}" y="{y}" width="{NOTE}" height="{height}" rx="5"/>"#,
        x - NOTE / 2
    );
    text(out, &lines, x - NOTE / 2 + 8, y + 16);
    out.push_str("</g>");
    height + 8
}

/// A message between two lifelines, its text above it; tells how much room it took.
fn arrow(out: &mut String, beat: &Beat, (from, to): (usize, usize), y: usize) -> usize {
    let left = from.min(to) + 8;
    // A text may run on over the lifelines between the two, but not beyond the farther one.
    let lines = wrapped(&beat.what, (from.abs_diff(to) - 16) / 7);
    let below = y + lines.len() * LINE + 6;
    let end = if to > from { to - 2 } else { to + 2 };
    let part = part_name(beat.part);
    time(out, beat, y + 12);
    let _ = write!(out, r#"<g class="seq-message seq-{part}">"#);
    text(out, &lines, left, y + 12);
    let _ = write!(
        out,
        r#"<line x1="{from}" y1="{below}" x2="{end}" y2="{below}" marker-end="url(#seq-tip)"/></g>"#
    );
    below - y + 14
}

fn time(out: &mut String, beat: &Beat, y: usize) {
    let clock = words::clock(beat.at.as_millis());
    let _ = write!(out, r#"<text class="seq-time" x="{}" y="{y}">{clock}</text>"#, GUTTER - 8);
}

fn text(out: &mut String, lines: &[String], x: usize, y: usize) {
    let _ = write!(out, r#"<text x="{x}" y="{y}">"#);
    for (nth, line) in lines.iter().enumerate() {
        let down = if nth == 0 { 0 } else { LINE };
        let _ = write!(out, r#"<tspan x="{x}" dy="{down}">{}</tspan>"#, escaped(line));
    }
    out.push_str("</text>");
}

/// A text in lines of at most so many letters; a longer word has a line of its own, cut where it must be.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let letters = letters.max(12);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while word.len() > letters {
            let rest = word.split_off(letters);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        let word: String = word.into_iter().collect();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(_) | None => lines.push(word),
        }
    }
    lines
}

/// The page's variables, with colours that do on white paper where there is no page.
const STYLE: &str = "\
.seq{font:11.5px system-ui,-apple-system,'Segoe UI',sans-serif;max-width:none}\
.seq text{fill:var(--ink,#1b2330)}\
.seq .seq-name{text-anchor:middle;font-weight:600}\
.seq .seq-time{text-anchor:end;fill:var(--soft,#5b6675);font-size:11px;font-variant-numeric:tabular-nums}\
.seq-life{stroke:var(--line,#c9d0d9);stroke-dasharray:3 4}\
.seq-band{fill:var(--card,#fff)}\
.seq-head{fill:var(--raised,#f2f4f7);stroke:var(--line,#c9d0d9)}\
.seq-note rect{fill:var(--raised,#f2f4f7);stroke:var(--line,#c9d0d9)}\
.seq-message line{stroke:var(--ink,#1b2330);stroke-width:1.4}\
.seq-tip{fill:var(--ink,#1b2330)}\
.seq-fault rect{fill:var(--fault-soft,#fdeccd);stroke:var(--fault,#b26a00)}\
.seq-claim rect{fill:var(--good-soft,#d8efe6);stroke:var(--good,#00795a)}\
.seq-fact rect{fill:var(--bad-soft,#fbdccd);stroke:var(--bad,#b8430a);stroke-width:1.6}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_asked() {
        let lines = wrapped("broker-1 appends a-word-that-is-much-too-long-for-it", 16);
        assert!(lines.iter().all(|line| line.chars().count() <= 16), "{lines:?}");
        assert_eq!(
            lines.concat().replace(' ', "").len(),
            "broker-1appendsa-word-that-is-much-too-long-for-it".len()
        );
    }
}
