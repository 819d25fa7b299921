//! What failing seeds have in common that others have not: statistical localisation.
//!
//! Counts and compares; what is over-represented need not be a cause.

use std::collections::BTreeMap;

/// A fault or a mark that failing seeds have more often than others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clue {
    /// Which.
    pub what: String,
    /// In how many failing seeds it was.
    pub in_failing: u64,
    /// Of how many.
    pub failing: u64,
    /// In how many of the others it was.
    pub in_others: u64,
    /// Of how many.
    pub others: u64,
}

/// A clue is worth telling if chance alone gives it in one of a hundred cases: chi-squared of one degree, in hundredths.
const WORTH: u128 = 663;

/// How many clues are told.
const MOST: usize = 5;

impl Clue {
    /// How much more frequent it is in failing seeds than in all of them, in hundredths: 200 is twice as frequent.
    #[must_use]
    pub fn lift(&self) -> u64 {
        let all = self.failing + self.others;
        let with = self.in_failing + self.in_others;
        let (part, whole) = (self.in_failing * all * 100, with * self.failing);
        part.checked_div(whole).unwrap_or(0)
    }

    /// Pearson's chi-squared of the two-by-two table, in hundredths.
    fn weight(&self) -> u128 {
        let [a, b] = [self.in_failing, self.failing - self.in_failing].map(u128::from);
        let [c, d] = [self.in_others, self.others - self.in_others].map(u128::from);
        let distance = (a * d).abs_diff(b * c);
        let margins = (a + b) * (c + d) * (a + c) * (b + d);
        (100 * (a + b + c + d) * distance * distance).checked_div(margins).unwrap_or(0)
    }
}

/// The clues, the weightiest first. `counts` has the seeds with a feature, `failing` those of them that fail.
pub(super) fn find(
    counts: &BTreeMap<String, u64>,
    all: u64,
    failing: &BTreeMap<String, u64>,
    failed: u64,
) -> Vec<Clue> {
    let clues = failing.iter().map(|(what, in_failing)| Clue {
        what: what.clone(),
        in_failing: *in_failing,
        failing: failed,
        in_others: counts.get(what).map_or(0, |with| with - in_failing),
        others: all - failed,
    });
    let mut clues: Vec<Clue> =
        clues.filter(|clue| clue.lift() > 100 && clue.weight() >= WORTH).collect();
    clues.sort_by(|one, other| other.weight().cmp(&one.weight()).then(one.what.cmp(&other.what)));
    clues.truncate(MOST);
    clues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(counts: [(&str, u64, u64); 3]) -> Vec<(String, u64)> {
        let all = counts.iter().map(|(what, all, _)| ((*what).to_owned(), *all)).collect();
        let failing = counts.iter().map(|(what, _, failing)| ((*what).to_owned(), *failing));
        let clues = find(&all, 100, &failing.collect(), 20);
        clues.iter().map(|clue| (clue.what.clone(), clue.lift())).collect()
    }

    #[test]
    fn what_failing_seeds_have_more_often_is_a_clue() {
        assert_eq!(
            found([("everywhere", 100, 20), ("cause", 25, 20), ("half", 40, 14)]),
            [("cause".to_owned(), 400), ("half".to_owned(), 175)]
        );
    }

    #[test]
    fn chance_is_no_clue() {
        assert_eq!(found([("rare", 1, 1), ("usual", 52, 11), ("absent", 30, 2)]), []);
    }
}
