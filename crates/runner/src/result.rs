//! The result of a run as people and machines get to see it: small, owned, and without the world that made it.
//!
//! Does not lay anything out; renderers do.

use std::borrow::Cow;
use std::fmt;

use stormglass_check::Figures;
use stormglass_kafka::Marks;
use stormglass_types::{Digest, Span};

use crate::scenario::Expect;
use crate::sweep::Difference;
use crate::words;

/// One of four answers, of an invariant or of a run as a whole. Ordered from good to bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Status {
    /// It held, and something was exercised.
    Hold,
    /// Nothing happened that could have broken it.
    Vacuous,
    /// It cannot be told.
    Undecided,
    /// It broke.
    Violated,
}

/// What one run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunResult {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The fingerprint of all that happened.
    pub digest: Digest,
    /// The answer over the invariants that the scenario names, or over all if it names none.
    pub outcome: Status,
    /// A verdict per invariant, in the order of [`stormglass_check::INVARIANTS`].
    pub verdicts: Vec<Judged>,
    /// The bounds on figures that the scenario sets, and whether they were kept.
    pub bounds: Vec<Bound>,
    /// What was measured.
    pub figures: Figures,
    /// The names of the groups in [`Figures::groups`].
    pub groups: Vec<String>,
    /// The names of the topics in [`Figures::topics`].
    pub topics: Vec<String>,
    /// Rare branches that were taken.
    pub marks: Marks,
    /// The situations that the run was in, as coarse prints, in order.
    pub states: Vec<u64>,
    /// The plan's faults, in the order in which they struck.
    pub faults: Vec<FaultLine>,
    /// How the run ended, where that limits what its verdicts mean.
    pub cut_off: Option<String>,
    /// How long it was in virtual time.
    pub virtual_ms: u64,
    /// How long it took; the only figure that differs from run to run.
    pub wall_ms: u64,
    /// How many events it had.
    pub events: u64,
    /// The command that runs it again.
    pub repro: String,
}

/// The verdict on one invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// Which invariant.
    pub invariant: &'static str,
    /// Whether the outcome of the run depends on it.
    pub asked: bool,
    /// The answer.
    pub status: Status,
    /// What the answer rests on: evidence in numbers, the reason, or the first anomaly in a sentence.
    pub detail: String,
    /// The kind of the first anomaly.
    pub kind: Option<&'static str>,
    /// How many anomalies there were.
    pub total: u64,
    /// Why the configuration permits the first anomaly; none if it had promised otherwise.
    pub permitted: Option<String>,
    /// The events that show the first anomaly.
    pub witness: Vec<WitnessEvent>,
    /// How many white-box invariants inside the world say the same.
    pub breaches: u64,
}

/// A bound on a figure, held against a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// As the scenario has it.
    pub text: String,
    /// The figure, in the unit that it is kept in; none if the run measured no such thing.
    pub measured: Option<u64>,
    /// The figure as people read it, with its unit; empty if it was not measured.
    pub shown: String,
    /// Whether it is within the bound. What was not measured proves nothing, so it is not.
    pub kept: bool,
}

/// An event of the history that shows an anomaly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessEvent {
    /// Its place in the history.
    pub index: usize,
    /// When it happened.
    pub time_ns: u64,
    /// Who took part.
    pub process: String,
    /// What happened, in words.
    pub event: String,
}

/// A fault of the plan and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultLine {
    /// When it struck; none if it never did.
    pub began_ms: Option<u64>,
    /// What it did, such as `power loss`.
    pub what: String,
    /// Whom it struck, or would have.
    pub whom: String,
    /// How long it was meant to last, if it does not pass in an instant.
    pub lasting: Option<Span>,
}

/// Which kind of failure a run showed, the same whichever seed, partition or process it hit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signature {
    /// The first invariant that was violated, in the order of reports; [`METRIC`] where all held but a bound was broken.
    pub invariant: &'static str,
    /// The kind of its first anomaly, or the figure that was out of its bound.
    pub kind: Cow<'static, str>,
}

/// A failure in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failing {
    /// Which kind it is.
    pub signature: Signature,
    /// What broke, in a sentence.
    pub detail: String,
    /// Why the configuration permits it; none if it breaks a promise, or a bound that people set.
    pub permitted: Option<String>,
}

/// What stands for the invariant in the signature of a broken bound.
pub const METRIC: &str = "metric";

/// A panic inside a run: our own bug.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Panicked {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// What the panic said.
    pub message: String,
    /// The command that shows it again.
    pub repro: String,
}

/// Two runs of one plan that differ: our own bug.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The digest of the first run, or the one that was saved.
    pub first: Digest,
    /// The digest of the second.
    pub second: Digest,
    /// The first event in which they differ; none if two further runs did not.
    pub difference: Option<Difference>,
    /// The command that runs it again.
    pub repro: String,
}

impl Status {
    /// Every status, from good to bad.
    pub const ALL: [Self; 4] = [Self::Hold, Self::Vacuous, Self::Undecided, Self::Violated];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Vacuous => "vacuous",
            Self::Undecided => "undecided",
            Self::Violated => "violated",
        }
    }
}

impl RunResult {
    /// Which kind of failure the run showed; none unless an invariant that was asked for is violated.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        self.violations().next().map(Judged::signature)
    }

    /// Which kind of failure the run showed, where a figure out of its bound is a failure, too.
    #[must_use]
    pub fn failure(&self) -> Option<Signature> {
        let broken = self.bounds.iter().find(|bound| bound.is_broken());
        self.signature().or_else(|| broken.map(Bound::signature))
    }

    /// The failure that a run is about: a bound that its scenario wants to see broken goes before invariants that it does
    /// not name.
    #[must_use]
    pub fn failure_of(&self, expect: &Expect) -> Option<Failing> {
        let named = !(expect.hold.is_empty() && expect.violate.is_empty());
        let bound = || {
            let broken = self.bounds.iter().find(|bound| bound.is_broken())?;
            Some(Failing { signature: broken.signature(), detail: broken.says(), permitted: None })
        };
        let broken = || {
            let judged = self.violations().next()?;
            let (detail, permitted) = (judged.detail.clone(), judged.permitted.clone());
            Some(Failing { signature: judged.signature(), detail, permitted })
        };
        if named || expect.exceed.is_empty() {
            broken().or_else(bound)
        } else {
            bound().or_else(broken)
        }
    }

    /// The failure of a kind, if the run shows it first among those of its sort.
    #[must_use]
    pub fn failure_like(&self, signature: &Signature) -> Option<Failing> {
        if signature.invariant == METRIC {
            let broken = self.bounds.iter().filter(|bound| bound.is_broken());
            let same = broken.into_iter().find(|bound| bound.signature() == *signature)?;
            let detail = same.says();
            return Some(Failing { signature: signature.clone(), detail, permitted: None });
        }
        let judged = self.violations().next().filter(|judged| judged.signature() == *signature)?;
        let (detail, permitted) = (judged.detail.clone(), judged.permitted.clone());
        Some(Failing { signature: signature.clone(), detail, permitted })
    }

    /// The verdicts that make the run a failure.
    pub fn violations(&self) -> impl Iterator<Item = &Judged> {
        self.verdicts.iter().filter(|verdict| verdict.asked && verdict.status == Status::Violated)
    }

    /// The verdict on an invariant.
    #[must_use]
    pub fn verdict(&self, invariant: &str) -> Option<&Judged> {
        self.verdicts.iter().find(|verdict| verdict.invariant == invariant)
    }
}

impl Judged {
    /// Which kind of failure this is.
    #[must_use]
    pub fn signature(&self) -> Signature {
        Signature { invariant: self.invariant, kind: self.kind.unwrap_or("white-box").into() }
    }
}

impl Bound {
    /// The figure as people read it.
    #[must_use]
    pub fn says(&self) -> String {
        match self.measured {
            Some(_) => format!("`{}` is exceeded: it was {}", self.text, self.shown),
            None => self.to_string(),
        }
    }

    /// Whether the figure was measured and out of its bound.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        !self.kept && self.measured.is_some()
    }

    /// Which kind of failure it is when this is broken.
    #[must_use]
    pub fn signature(&self) -> Signature {
        let figure = self.text.split(['<', '>', '=', '!']).next().unwrap_or_default().trim();
        Signature { invariant: METRIC, kind: figure.to_owned().into() }
    }
}

/// `billing.rebalances <= 5 was 12`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measured {
            Some(_) => write!(f, "{} was {}", self.text, self.shown),
            None => write!(f, "{} was not measured", self.text),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `no-loss.lost-write`: fit for the name of a file.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.invariant, self.kind)
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, seed, message, repro } = self;
        writeln!(f, "internal error: `{scenario}` with seed {seed} panicked: {message}")?;
        write!(f, "this is a bug of stormglass, not of the pipeline; to see it again:\n  {repro}")
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, seed, first, second, repro, difference } = self;
        writeln!(
            f,
            "internal error: `{scenario}` with seed {seed} ran twice and differed: digest {first}, then {second}"
        )?;
        if let Some(Difference { event, at, sides }) = difference {
            writeln!(f, "they part at event {}, {at}:", words::count(*event))?;
            for (which, side) in ["first ", "second"].iter().zip(sides) {
                let nothing = [String::from("nothing that a trace would show")];
                let lines = if side.is_empty() { &nothing[..] } else { side };
                for line in lines {
                    writeln!(f, "  {which}  {line}")?;
                }
            }
        }
        write!(f, "this is a bug of stormglass, not of the pipeline; to run it again:\n  {repro}")
    }
}
