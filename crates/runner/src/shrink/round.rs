//! Numbers that people would write: 1, 2, 5, 10, 20 …, and how to get from an odd number to one of them.

use stormglass_types::Span;

/// Smaller numbers to try instead, the smallest first: all of them up to ten, then round ones.
pub(super) fn fewer(number: u64) -> Vec<u64> {
    let small = 1..number.min(11);
    small.chain(series(20).take_while(|round| *round < number)).collect()
}

/// Shorter times to try instead, the shortest first, then the nearest round ones. What takes seconds stays at seconds: a
/// crash of ten milliseconds is smaller than one of a second, but nobody would write it.
pub(super) fn shorter(span: Span) -> Vec<Span> {
    const SECONDS: [u64; 14] = [1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600];
    const MILLIS: [u64; 6] = [10, 20, 50, 100, 200, 500];
    let seconds = SECONDS.map(Span::secs).into_iter().filter(|round| *round < span);
    let millis = MILLIS.map(Span::millis).into_iter().filter(|round| *round < span);
    let mut spans: Vec<Span> =
        if span < Span::secs(1) { millis.collect() } else { seconds.collect() };
    spans.extend(rounder(span));
    spans
}

/// Times that are nearly the same, but rounder. None of those above has any, so that nothing goes back and forth.
fn rounder(span: Span) -> Vec<Span> {
    let units = [1_000, 500, 100, 10, 1].map(|millis| Span::millis(millis).0);
    let mut spans = Vec::new();
    for unit in units.into_iter().filter(|unit| !span.0.is_multiple_of(*unit) && *unit <= span.0) {
        let below = span.0 / unit * unit;
        spans.push(Span(below));
        spans.push(Span(below.saturating_add(unit)));
    }
    spans.dedup();
    spans
}

/// 20, 50, 100, 200 … from a first one on.
fn series(from: u64) -> impl Iterator<Item = u64> {
    let decades = (0..18).map(|power| 10_u64.pow(power));
    decades.flat_map(|ten| [ten, 2 * ten, 5 * ten]).skip_while(move |number| *number < from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_smaller_and_times_rounder() {
        assert_eq!(fewer(4), [1, 2, 3]);
        assert_eq!(fewer(60), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50]);
        assert!(fewer(1).is_empty());
        let words: Vec<String> = shorter(Span::millis(2_345)).iter().map(Span::to_string).collect();
        assert_eq!(words.join(" "), "1s 2s 2s 3s 2s 2500ms 2300ms 2400ms 2340ms 2350ms");
        for millis in [10, 50, 200, 500, 1_000, 15_000, 600_000] {
            assert!(rounder(Span::millis(millis)).is_empty(), "{millis}");
        }
    }
}
