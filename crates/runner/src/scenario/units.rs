//! Numbers with units, strictly: a duration without a unit is a mistake, not a guess.

use std::ops::Range;

use stormglass_kafka::Start;
use stormglass_sim::plan::{ShareRange, SizeRange, SpanRange};
use stormglass_types::{Offset, Span};

/// Why a text is not what a key needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bad {
    pub(super) expected: &'static str,
    pub(super) hint: Option<String>,
}

type Read<T> = Result<T, Bad>;

const DURATION: &str = "a duration with its unit, such as `250ms`, `30s` or `5m`";
const DURATIONS: &str = "a duration or a range of them, such as `30s` or `30s..90s`";
const RATE: &str = "a rate, such as `200/s` or `10/m`";
const START: &str = "a position: `beginning`, `end`, `5m ago` or `offset 120`";
const SIZE: &str = "a size in bytes, such as `512` or `4KiB`, or a range of them";
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `30s`.
pub(super) fn duration(text: &str) -> Read<Span> {
    let bad = |hint: Option<String>| Bad { expected: DURATION, hint };
    let (digits, unit) = split(text);
    if digits.is_empty() {
        return Err(bad(None));
    }
    if unit.is_empty() && digits == "0" {
        return Ok(Span::ZERO);
    }
    if unit.is_empty() {
        return Err(bad(Some(format!("write `{digits}s` or `{digits}ms`"))));
    }
    if unit.starts_with('.') {
        return Err(bad(Some("use a smaller unit instead of a decimal point".to_owned())));
    }
    let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(bad(Some("units are `ns`, `us`, `ms`, `s`, `m` and `h`".to_owned())));
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*nanos));
    number.map(Span).ok_or_else(|| bad(Some("that is longer than any run".to_owned())))
}

/// `30s`, but not zero.
pub(super) fn some_time(text: &str) -> Read<Span> {
    match duration(text)? {
        Span::ZERO => Err(Bad { expected: "a duration above zero", hint: None }),
        span => Ok(span),
    }
}

/// `30s` or `30s..90s`.
pub(super) fn durations(text: &str) -> Read<SpanRange> {
    let expected = |bad: Bad| Bad { expected: DURATIONS, ..bad };
    let Some((least, most)) = text.split_once("..") else {
        let span = duration(text).map_err(expected)?;
        return Ok(SpanRange { least: span, most: span });
    };
    let range = SpanRange {
        least: duration(least.trim()).map_err(expected)?,
        most: duration(most.trim()).map_err(expected)?,
    };
    if range.least > range.most {
        let hint = Some("the shorter one comes first".to_owned());
        return Err(Bad { expected: DURATIONS, hint });
    }
    Ok(range)
}

/// `30s` or `30s..90s`, but not zero.
pub(super) fn some_times(text: &str) -> Read<SpanRange> {
    let range = durations(text)?;
    if range.least == Span::ZERO {
        return Err(Bad { expected: "durations above zero", hint: None });
    }
    Ok(range)
}

/// `-5s` or `5s`, in milliseconds.
pub(super) fn jump(text: &str) -> Read<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let expected = "a duration that may be negative, such as `-5s`";
    let span = duration(rest).map_err(|bad| Bad { expected, ..bad })?;
    if span > Span::ZERO && span < Span::millis(1) {
        return Err(Bad { expected, hint: Some("wall clocks count milliseconds".to_owned()) });
    }
    let millis = i64::try_from(span.as_millis());
    millis.map(|millis| sign * millis).map_err(|_| Bad { expected, hint: None })
}

/// Where an application can seek: `beginning`, `end`, `5m ago` or `offset 120`.
pub(super) fn start(text: &str) -> Read<Start> {
    let bad = |hint| Bad { expected: START, hint };
    let text = text.trim();
    if let Some(age) = text.strip_suffix(" ago") {
        return duration(age.trim()).map(Start::Ago).map_err(|age| bad(age.hint));
    }
    if let Some(number) = text.strip_prefix("offset ") {
        let offset = count(number.trim()).map_err(|_| bad(None))?;
        let offset = i64::try_from(offset).map_err(|_| bad(None))?;
        return Ok(Start::At(Offset(offset)));
    }
    match text {
        "beginning" => Ok(Start::Earliest),
        "end" => Ok(Start::Latest),
        number if count(number).is_ok() => Err(bad(Some(format!("write `offset {number}`")))),
        _ => Err(bad(None)),
    }
}

/// Where an application seeks, as [`start`] reads it.
pub(super) fn start_words(start: Start) -> String {
    match start {
        Start::Earliest => "beginning".to_owned(),
        Start::Latest => "end".to_owned(),
        Start::Ago(age) => format!("{age} ago"),
        Start::At(offset) => format!("offset {}", offset.0),
        Start::Committed => "committed".to_owned(),
        Start::Policy => "reset".to_owned(),
    }
}

/// `200/s`: the mean time between two.
pub(super) fn rate(text: &str) -> Read<Span> {
    let bad = |hint: &str| Bad { expected: RATE, hint: Some(hint.to_owned()) };
    let Some((count, unit)) = text.split_once('/') else {
        return Err(bad("say per what: `/s`, `/m` or `/h`"));
    };
    let nanos: u64 = match unit.trim() {
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(bad("say per what: `/s`, `/m` or `/h`")),
    };
    match count.trim().parse::<u64>() {
        Ok(0) => Err(bad("at least one")),
        Ok(count) if count > nanos / 1_000 => Err(bad("at most a million per second")),
        Ok(count) => Ok(Span(nanos / count)),
        Err(_) => Err(bad("a whole number before the slash")),
    }
}

/// `80%` or `0.5%`, in hundredths of a percent.
pub(super) fn percent(text: &str) -> Read<u64> {
    let expected = "a share, such as `80%` or `0.5%`";
    let bad = || Bad { expected, hint: None };
    let number = text.strip_suffix('%').ok_or_else(bad)?.trim();
    let hundredths = hundredths(number).ok_or_else(bad)?;
    if hundredths > 10_000 { Err(bad()) } else { Ok(hundredths) }
}

/// `60%` or `20%..80%`, in thousandths.
pub(super) fn shares(text: &str) -> Read<ShareRange> {
    let expected = "a share or a range of them, such as `60%` or `20%..80%`";
    let one = |text: &str| {
        let share = percent(text.trim()).map_err(|bad| Bad { expected, ..bad })?;
        Ok(u16::try_from(share / 10).expect("at most a thousand"))
    };
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let range = ShareRange { least: one(least)?, most: one(most)? };
    if range.least > range.most {
        return Err(Bad { expected, hint: Some("the smaller one comes first".to_owned()) });
    }
    Ok(range)
}

/// `1.1` in hundredths: `110`.
pub(super) fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = if part.len() == 1 { 10 } else { 1 };
    let whole = whole.parse::<u64>().ok()?.checked_mul(100)?;
    whole.checked_add(part.parse::<u64>().ok()? * scale)
}

/// `512`, `4KiB` or `100..1000`.
pub(super) fn sizes(text: &str) -> Read<SizeRange> {
    let bad = |hint: &str| Bad { expected: SIZE, hint: Some(hint.to_owned()) };
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let range = SizeRange {
        least: size(least.trim())
            .ok_or_else(|| bad("units are `B`, `kB`, `KiB`, `MB` and `MiB`"))?,
        most: size(most.trim()).ok_or_else(|| bad("units are `B`, `kB`, `KiB`, `MB` and `MiB`"))?,
    };
    if range.least > range.most {
        return Err(bad("the smaller one comes first"));
    }
    Ok(range)
}

/// `125MB/s`, in bytes per second.
pub(super) fn bandwidth(text: &str) -> Read<u64> {
    let bad = || Bad { expected: "a bandwidth, such as `125MB/s`", hint: None };
    let number = text.strip_suffix("/s").and_then(|size_text| size(size_text.trim()));
    number.map(u64::from).filter(|bytes| *bytes > 0).ok_or_else(bad)
}

/// A bandwidth, or `none`.
pub(super) fn rate_or_none(text: &str) -> Read<Option<u64>> {
    if text == "none" {
        return Ok(None);
    }
    let expected = "a bandwidth, such as `4MB/s`, or `none`";
    bandwidth(text).map(Some).map_err(|_| Bad { expected, hint: None })
}

/// A whole number.
pub(super) fn count(text: &str) -> Read<u64> {
    let digits: String = text.chars().filter(|letter| *letter != '_').collect();
    let bad = || Bad { expected: "a whole number", hint: None };
    if digits.starts_with('+') {
        return Err(bad());
    }
    digits.parse().map_err(|_| bad())
}

/// `20`, the first twenty seeds, or `100..200`, where the last is not included, as in Rust.
pub(super) fn seeds(text: &str) -> Read<Range<u64>> {
    let expected = "a number of seeds, such as `20`, or a range of them, such as `100..200`";
    let bad = |_| Bad { expected, hint: None };
    let (first, end) = text.split_once("..").unwrap_or(("0", text));
    let range = count(first.trim()).map_err(bad)?..count(end.trim()).map_err(bad)?;
    if range.is_empty() {
        return Err(Bad { expected, hint: Some("that is none at all".to_owned()) });
    }
    Ok(range)
}

fn size(text: &str) -> Option<u32> {
    let (digits, unit) = split(text);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "kB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(factor)
}

/// Leading digits, and the rest.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
