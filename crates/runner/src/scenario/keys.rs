//! The keys of records: names, shares and skew become weights. Integers only, since weights decide a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use stormglass_kafka::settings::Partitioner;
use stormglass_sim::plan::{Keys, WeightedKey};
use stormglass_types::Key;

use super::diagnostic::Report;
use super::fields::Fields;
use super::node::Node;
use super::schema;
use super::units;

/// More different keys than this are refused: their weights would no longer fit.
const MOST_KEYS: u64 = 100_000;

/// The names of keys over a whole scenario.
#[derive(Default)]
pub(super) struct KeyNames {
    names: Vec<String>,
    keys: BTreeMap<String, Key>,
}

impl KeyNames {
    /// The key of a name, the same for everybody.
    pub(super) fn intern(&mut self, name: &str) -> Key {
        if let Some(key) = self.keys.get(name) {
            return *key;
        }
        let key = Key(u32::try_from(self.names.len()).expect("a file names fewer keys"));
        self.names.push(name.to_owned());
        self.keys.insert(name.to_owned(), key);
        key
    }

    /// The key of a name that is in use.
    pub(super) fn find(&self, name: &str) -> Option<Key> {
        self.keys.get(name).copied()
    }

    pub(super) fn known(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    pub(super) fn finish(self) -> Arc<[String]> {
        self.names.into()
    }
}

/// How unevenly keys come: Zipf's exponent in hundredths.
#[derive(Clone, Copy)]
enum Skew {
    Even,
    Zipf(u64),
}

/// What `keys` of a producer says.
pub(super) fn read(
    fields: &Fields<'_>,
    partitioner: Partitioner,
    names: &mut KeyNames,
    report: &mut Report,
) -> Keys {
    let Some((key, node)) = fields.entry("keys") else { return Keys::None };
    if node.text() == Some("none") {
        return Keys::None;
    }
    let fields = Fields::of::<schema::SomeKeys>(node, key.place, report);
    let skew = fields.read("skew", report, skew).unwrap_or(Skew::Even);
    let hot = hot(&fields, report);
    let count = fields.number("count", (0, MOST_KEYS), report);
    let count = count.unwrap_or(1_000);
    let taken: u64 = hot.iter().map(|(_, share)| share).sum();
    if taken > 10_000 {
        let message = "the shares of `hot` keys are more than 100% together".to_owned();
        report.conflict(fields.place_of("hot"), message, "leave some for the others");
        return Keys::None;
    }
    if count == 0 && taken < 10_000 {
        let message = "`keys` names no key for some of the records".to_owned();
        let help = "set `count` above zero, or let the shares of `hot` be 100%";
        report.conflict(fields.place, message, help);
        return Keys::None;
    }
    // Scaled so that hot keys get exactly their share: hot ones by the weight of all others, others by what is left.
    let others = if taken == 10_000 { Vec::new() } else { weights(count, skew) };
    let all: u64 = others.iter().sum::<u64>().max(1);
    let hot = hot.iter().map(|(name, share)| (name.clone(), share * all));
    let others =
        (1..).zip(&others).map(|(rank, weight)| (format!("key-{rank}"), weight * (10_000 - taken)));
    let mut cumulative = 0;
    let weighted = hot.chain(others).filter(|(_, weight)| *weight > 0).map(|(name, weight)| {
        cumulative += weight;
        let hash = partitioner.hash(name.as_bytes());
        WeightedKey { key: names.intern(&name), hash, cumulative }
    });
    Keys::Weighted(weighted.collect())
}

fn hot(fields: &Fields<'_>, report: &mut Report) -> Vec<(String, u64)> {
    let mut hot = Vec::new();
    for (name, key, value) in fields.named("hot", report) {
        match value.text().map(|text| (text, units::percent(text))) {
            Some((_, Ok(share))) => hot.push((name.to_owned(), share)),
            Some((text, Err(bad))) => report.bad_value(value.place, name, text, &bad),
            None => shape(key, value, report),
        }
    }
    hot
}

fn shape(key: &Node, value: &Node, report: &mut Report) {
    report.wrong_shape(key.place, "a share", value.shape(), "a single value such as `80%`");
}

fn skew(text: &str) -> Result<Skew, units::Bad> {
    let bad = |hint: Option<String>| units::Bad {
        expected: "`even`, or `zipf` with an exponent, such as `zipf 1.1`",
        hint,
    };
    if text == "even" {
        return Ok(Skew::Even);
    }
    let exponent = text.strip_prefix("zipf").map(str::trim).ok_or_else(|| bad(None))?;
    let exponent = units::hundredths(exponent).ok_or_else(|| bad(None))?;
    if exponent > 400 {
        return Err(bad(Some("exponents above 4 leave one key only; use `hot`".to_owned())));
    }
    Ok(Skew::Zipf(exponent))
}

fn weights(count: u64, skew: Skew) -> Vec<u64> {
    let weight = |rank: u64| match skew {
        Skew::Even => ONE,
        Skew::Zipf(exponent) => inverse_power(rank, exponent).max(1),
    };
    (1..=count).map(weight).collect()
}

/// The weight of the most frequent key.
const ONE: u64 = 1 << 32;

/// `ONE / rank ^ (exponent / 100)`, as two to the power of a logarithm in 32 binary places.
fn inverse_power(rank: u64, exponent: u64) -> u64 {
    let power = u128::from(log2(rank)) * u128::from(exponent) / 100;
    let (whole, part) = (power >> 32, power & 0xFFFF_FFFF);
    if whole >= 64 {
        return 0;
    }
    // Two to the minus part: the product of the square roots of one half that its bits name, in 62 binary places.
    let mut product: u128 = 1 << 62;
    let mut root: u128 = 1 << 61;
    for bit in (0..32).rev() {
        root = (root << 62).isqrt();
        if part >> bit & 1 == 1 {
            product = (product * root) >> 62;
        }
    }
    u64::try_from(product >> 30 >> whole).expect("at most one in 32 places")
}

/// The binary logarithm in 32 binary places, by squaring.
fn log2(number: u64) -> u64 {
    let whole = number.ilog2();
    let mut mantissa = u128::from(number) << 62 >> whole;
    let mut places = 0;
    for _ in 0..32 {
        mantissa = (mantissa * mantissa) >> 62;
        places <<= 1;
        if mantissa >= 2 << 62 {
            mantissa >>= 1;
            places |= 1;
        }
    }
    (u64::from(whole) << 32) | places
}

#[cfg(test)]
mod tests {
    use super::{ONE, Skew, inverse_power, weights};

    #[test]
    fn powers_are_exact_to_a_millionth() {
        let near = |is: u64, should: u64| is.abs_diff(should) <= should / 1_000_000 + 2;
        assert_eq!(inverse_power(1, 110), ONE);
        assert!(near(inverse_power(2, 100), ONE / 2));
        assert!(near(inverse_power(10, 200), ONE / 100));
        assert!(near(inverse_power(4, 50), ONE / 2));
        // 1000 ^ -1.1 is 0.000501187…
        assert!(
            near(inverse_power(1_000, 110) * 1_000, 2_152_583_000),
            "{}",
            inverse_power(1_000, 110)
        );
    }

    #[test]
    fn the_first_key_of_a_zipf_comes_most() {
        let weights = weights(100, Skew::Zipf(110));
        assert!(weights.is_sorted_by(|a, b| a > b));
    }
}
