//! What a checker may say: four answers, with evidence or witnesses.
//!
//! Does not render: names and sentences are here, layout is the report's.

use std::fmt;
use std::ops::Deref;

use stormglass_types::{GroupId, NodeId, Offset, Time, TopicPartition, Value};

use crate::index::{EventIndex, Indexed};

/// A checker's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It held, and this much was exercised.
    Holds(Evidence),
    /// Nothing happened that could have broken it.
    Vacuous(Missing),
    /// It cannot be told.
    Undecided(Why),
    /// It broke.
    Violated(Anomalies),
}

/// What a verdict was based on, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What was counted, and how many.
    pub counts: Vec<(&'static str, u64)>,
}

/// What would have had to happen for a check to mean anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why(pub String);

/// What was found: the first few in full, all of them in number.
///
/// Anomalies that break a promise come before those that the configuration permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    kept: Vec<Anomaly>,
    total: u64,
    unpromised: u64,
}

/// One thing that should not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Its name.
    pub kind: AnomalyKind,
    /// The group whose view it is, if it is a group's.
    pub group: Option<GroupId>,
    /// Where.
    pub partition: Option<TopicPartition>,
    /// The records concerned.
    pub values: Vec<Value>,
    /// The offsets concerned.
    pub offsets: Vec<Offset>,
    /// When the witnessed events happened.
    pub times: Vec<Time>,
    /// Who took part in them, each once.
    pub processes: Vec<NodeId>,
    /// Whether the configuration promised that this does not happen.
    pub promised: bool,
    /// Why the configuration permits it; empty if it does not.
    pub reason: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// The events that show it, as indices into the history, in order.
    pub witness: Vec<usize>,
}

/// Declares the anomalies with their names.
macro_rules! anomalies {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// The names of anomalies, as in Jepsen's Kafka workload where it has one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum AnomalyKind {
            $($(#[$doc])* $variant,)*
        }

        impl AnomalyKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

anomalies! {
    /// An acknowledged record is not in the final log.
    LostWrite "lost-write",
    /// A record sits at two offsets.
    Duplicate "duplicate",
    /// A record is stored although its send failed, and so is the one that its application sent for it.
    SentTwice "sent-twice",
    /// An offset showed two records, or one that is gone.
    InconsistentOffsets "inconsistent-offsets",
    /// A group passed a record that no member ever read or processed.
    Unseen "unseen",
    /// A group holds a key's value whose deletion it never read.
    Resurrected "resurrected",
    /// The log holds a record whose send definitely failed, or a reader of committed records was given an aborted one (G1a).
    AbortedRead "aborted-read",
    /// A record of a committed transaction is hidden from readers of committed records.
    TornTransaction "torn-transaction",
    /// The log holds a record that nobody sent.
    PhantomRead "phantom-read",
    /// A member's reads left out records.
    PollSkip "poll-skip",
    /// A member's reads went back.
    NonmonotonicPoll "nonmonotonic-poll",
    /// Sends landed in another order than sent.
    NonmonotonicSend "nonmonotonic-send",
    /// A group first processed a key's records in another order than sent.
    KeyReordered "key-reordered",
    /// A committed offset passed a record that was read but never processed.
    CommittedTooFar "committed-too-far",
    /// A committed offset went back.
    Rewind "rewind",
    /// Two members held a partition in one generation.
    DoubleOwner "double-owner",
    /// Two replicas hold different records at one offset.
    Diverged "diverged",
    /// A partition's leader epoch went back, or had two leaders.
    EpochReused "epoch-reused",
    /// Somebody made no progress after faults were over.
    Stalled "stalled",
}

/// Whether the configuration promised that an anomaly cannot happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// It did: this is a bug of the system.
    Made,
    /// It did not: this is what was configured. Says why.
    NotMade(String),
    /// Nothing could have been promised under such faults. Says why.
    Excused(String),
}

/// Collects what a checker finds.
#[derive(Default)]
pub(crate) struct Findings {
    promised: Vec<Anomaly>,
    unpromised: Vec<Anomaly>,
    promised_total: u64,
    unpromised_total: u64,
    excused: u64,
    first_excuse: Option<String>,
    undecided: Option<String>,
}

/// How many anomalies a verdict keeps in full.
const KEPT: usize = 16;

impl Findings {
    /// Notes an anomaly; describes it only if it is kept.
    pub(crate) fn add(&mut self, promise: Promise, describe: impl FnOnce() -> Anomaly) {
        match promise {
            Promise::Made => {
                self.promised_total += 1;
                if self.promised.len() < KEPT {
                    self.promised.push(describe());
                }
            }
            Promise::NotMade(reason) => {
                self.unpromised_total += 1;
                if self.unpromised.len() < KEPT {
                    self.unpromised.push(Anomaly { promised: false, reason, ..describe() });
                }
            }
            Promise::Excused(reason) => {
                self.excused += 1;
                self.first_excuse.get_or_insert(reason);
            }
        }
    }

    /// Notes that something cannot be told, unless something worse turns up. The first reason stays.
    pub(crate) fn undecided(&mut self, why: impl FnOnce() -> String) {
        if self.undecided.is_none() {
            self.undecided = Some(why());
        }
    }

    /// The verdict: violated before undecided before vacuous before held.
    pub(crate) fn verdict(self, missing: Option<&str>, evidence: Evidence) -> Verdict {
        let total = self.promised_total + self.unpromised_total;
        if total > 0 {
            let mut kept = self.promised;
            kept.extend(self.unpromised);
            kept.truncate(KEPT);
            return Verdict::Violated(Anomalies { kept, total, unpromised: self.unpromised_total });
        }
        if let Some(excuse) = self.first_excuse {
            let others = match self.excused - 1 {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            return Verdict::Undecided(Why(format!("excused: {excuse}{others}")));
        }
        if let Some(why) = self.undecided {
            return Verdict::Undecided(Why(why));
        }
        match missing {
            Some(missing) => Verdict::Vacuous(Missing(missing.to_owned())),
            None => Verdict::Holds(evidence),
        }
    }
}

impl Verdict {
    /// `hold`, `vacuous`, `undecided` or `violated`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Holds(_) => "hold",
            Self::Vacuous(_) => "vacuous",
            Self::Undecided(_) => "undecided",
            Self::Violated(_) => "violated",
        }
    }

    /// What was found, if anything was.
    #[must_use]
    pub const fn anomalies(&self) -> Option<&Anomalies> {
        match self {
            Self::Violated(anomalies) => Some(anomalies),
            Self::Holds(_) | Self::Vacuous(_) | Self::Undecided(_) => None,
        }
    }
}

impl Evidence {
    /// The count of a name; zero if it was not counted.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.iter().find(|(counted, _)| *counted == name).map_or(0, |(_, count)| *count)
    }
}

impl Anomalies {
    /// How many were found, kept or not.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many of them the configuration permits.
    #[must_use]
    pub const fn unpromised(&self) -> u64 {
        self.unpromised
    }

    /// Whether any of them breaks a promise, which makes it a bug of the system instead of its configuration.
    #[must_use]
    pub const fn breaks_promise(&self) -> bool {
        self.total > self.unpromised
    }
}

impl Deref for Anomalies {
    type Target = [Anomaly];
    fn deref(&self) -> &[Anomaly] {
        &self.kept
    }
}

impl<'a> IntoIterator for &'a Anomalies {
    type Item = &'a Anomaly;
    type IntoIter = std::slice::Iter<'a, Anomaly>;
    fn into_iter(self) -> Self::IntoIter {
        self.kept.iter()
    }
}

impl Anomaly {
    /// An anomaly of a partition that breaks a promise; the rest is added by the methods below.
    pub(crate) fn new(
        kind: AnomalyKind,
        partition: Option<TopicPartition>,
        detail: String,
    ) -> Self {
        Self {
            kind,
            group: None,
            partition,
            values: Vec::new(),
            offsets: Vec::new(),
            times: Vec::new(),
            processes: Vec::new(),
            promised: true,
            reason: String::new(),
            detail,
            witness: Vec::new(),
        }
    }

    pub(crate) fn group(mut self, group: GroupId) -> Self {
        self.group = Some(group);
        self
    }

    pub(crate) fn values(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.values.extend(values);
        self
    }

    pub(crate) fn offsets(mut self, offsets: impl IntoIterator<Item = Offset>) -> Self {
        self.offsets.extend(offsets);
        self
    }

    /// Adds the events that show it, with their times and processes; those that never happened are left out.
    pub(crate) fn witnesses<const N: usize>(
        mut self,
        history: &Indexed<'_>,
        events: [EventIndex; N],
    ) -> Self {
        self.witness.extend(events.into_iter().filter_map(EventIndex::known));
        self.witness.sort_unstable();
        self.witness.dedup();
        for index in &self.witness {
            let event = history.history.events[*index];
            self.times.push(event.at);
            if !self.processes.contains(&event.process) {
                self.processes.push(event.process);
            }
        }
        self
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, count)) in self.counts.iter().enumerate() {
            let separator = if n == 0 { "" } else { ", " };
            write!(f, "{separator}{count} {name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `lost-write: …; not promised: …`.
impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)?;
        if !self.promised {
            write!(f, "; not promised: {}", self.reason)?;
        }
        Ok(())
    }
}

/// The evidence, the reason, or the first anomaly and how many there are.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(evidence) => evidence.fmt(f),
            Self::Vacuous(missing) => missing.fmt(f),
            Self::Undecided(why) => why.fmt(f),
            Self::Violated(anomalies) => match anomalies.first() {
                Some(first) if anomalies.total > 1 => {
                    write!(f, "{first} (1 of {})", anomalies.total)
                }
                Some(first) => first.fmt(f),
                None => f.write_str("violated"),
            },
        }
    }
}
