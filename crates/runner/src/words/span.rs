//! Times and counts as people read them. Whole numbers only.

use stormglass_types::Span;

/// An instant of a run: `1m02.500s`.
#[must_use]
pub fn clock(ms: u64) -> String {
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1_000 % 60, ms % 1_000);
    match minutes {
        0 => format!("{seconds}.{rest:03}s"),
        _ => format!("{minutes}m{seconds:02}.{rest:03}s"),
    }
}

/// A length of time with about three digits: `20s`, `1.25s`, `350ms`, `1m30s`.
#[must_use]
pub fn short_span(span: Span) -> String {
    if span == Span::FOREVER {
        return "for ever".to_owned();
    }
    micros(span.0 / 1_000)
}

/// Microseconds with about three digits.
#[must_use]
pub fn micros(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..10_000 => scaled(us, 1_000, "ms"),
        10_000..1_000_000 => format!("{}ms", us / 1_000),
        1_000_000..60_000_000 => scaled(us, 1_000_000, "s"),
        60_000_000..3_600_000_000 => pair(us / 1_000_000, 60, "m", "s"),
        _ => pair(us / 60_000_000, 60, "h", "m"),
    }
}

/// A number with its thousands apart: `12,345`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of seeds: `1 seed`, `1,000 seeds`.
#[must_use]
pub fn seeds(number: u64) -> String {
    if number == 1 { "1 seed".to_owned() } else { format!("{} seeds", count(number)) }
}

/// `value / unit` with two decimals at most.
fn scaled(value: u64, unit: u64, name: &str) -> String {
    let (whole, hundredths) = (value / unit, value % unit / (unit / 100));
    match (hundredths / 10, hundredths % 10) {
        (0, 0) => format!("{whole}{name}"),
        (tenths, 0) => format!("{whole}.{tenths}{name}"),
        (_, _) => format!("{whole}.{hundredths:02}{name}"),
    }
}

fn pair(value: u64, per: u64, large: &str, small: &str) -> String {
    match value % per {
        0 => format!("{}{large}", value / per),
        rest => format!("{}{large}{rest:02}{small}", value / per),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_about_three_digits() {
        let words =
            [0, 999, 1_500, 12_345, 1_000_000, 1_250_000, 59_999_999, 60_000_000, 90_000_000]
                .map(micros);
        assert_eq!(
            words,
            ["0us", "999us", "1.5ms", "12ms", "1s", "1.25s", "59.99s", "1m", "1m30s"]
        );
        assert_eq!(micros(3_660_000_000), "1h01m");
        assert_eq!(short_span(Span::FOREVER), "for ever");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn instants_carry_milliseconds() {
        assert_eq!([0, 2_500, 62_500].map(clock), ["0.000s", "2.500s", "1m02.500s"]);
    }
}
