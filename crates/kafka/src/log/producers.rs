//! What a log knows of the idempotent producers that wrote to it (`ProducerStateManager`, KIP-98).
//!
//! Volatile: rebuilt from the log at recovery and after truncation. Does not know transactions.

use alloc::vec::Vec;

use stormglass_types::{ErrorCode, Offset, ProducerEpoch, ProducerId, Sequence, Span, Wall};

use super::Origin;
use crate::record::{Batch, ProducerStamp};
use crate::{Mark, Now, Outbox, Rule, Rules};

/// The state of every producer, in the order of ids.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ProducerStates {
    entries: Vec<ProducerState>,
    /// What became of producers that are not known.
    unknown: Unknown,
}

/// Whether a producer without state can have written to the log.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Unknown {
    /// It cannot: nobody was forgotten.
    #[default]
    New,
    /// It can: its state may have expired, or its records may be gone.
    Forgotten,
}

/// One producer's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerState {
    /// Who.
    pub id: ProducerId,
    /// Its latest epoch.
    pub epoch: ProducerEpoch,
    /// The timestamp of its last batch, by which it expires.
    pub last_timestamp: Wall,
    /// Its last batches within the epoch, oldest first; the first `known` count.
    window: [Seen; WINDOW],
    known: usize,
}

/// A batch that was appended.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// The first record's sequence number.
    pub first: Sequence,
    /// The last record's sequence number.
    pub last: Sequence,
    /// The first record's offset.
    pub base: Offset,
    /// The offset after the last record.
    pub end: Offset,
}

/// How many batches of a producer are remembered (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
const WINDOW: usize = 5;

impl ProducerStates {
    /// What is known of a producer.
    #[must_use]
    pub fn get(&self, id: ProducerId) -> Option<&ProducerState> {
        self.position(id).ok().map(|at| &self.entries[at])
    }

    /// All that are known, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &ProducerState> {
        self.entries.iter()
    }

    /// How many producers are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a leader may append a batch of `count` records: the batch that it repeats, or why not.
    pub fn check(
        &self,
        stamp: ProducerStamp,
        count: u32,
        origin: Origin,
        rules: Rules,
        out: &mut Outbox,
    ) -> Result<Option<Seen>, ErrorCode> {
        let Some(state) = self.get(stamp.id) else {
            // Kafka 4.0 lets any producer without state begin anywhere, since what it wrote before may have been deleted
            // or expired. Where that cannot be, its earlier batches are still on their way, to a former leader perhaps,
            // and would be overtaken.
            let early = origin == Origin::Client
                && stamp.sequence != Sequence(0)
                && self.unknown == Unknown::New
                && rules.on(Rule::FirstSequenceIsZero);
            if early {
                out.mark(Mark::OutOfOrderSequence);
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            if origin == Origin::Client
                && stamp.sequence != Sequence(0)
                && !rules.on(Rule::ProducerStateOutlivesRecords)
            {
                return Err(ErrorCode::UnknownProducerId);
            }
            return Ok(None);
        };
        if origin == Origin::Client
            && let Some(seen) = state.find(stamp, count, rules)
        {
            if !rules.on(Rule::BrokerDropsDuplicates) {
                return Ok(None);
            }
            out.mark(Mark::DuplicateBatchDropped);
            return Ok(Some(seen));
        }
        if stamp.epoch < state.epoch {
            if !rules.on(Rule::ProducerEpochCheck) {
                return Ok(None);
            }
            out.mark(Mark::FencedByProducerEpoch);
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if origin == Origin::Client && rules.on(Rule::SequenceCheck) && !state.expects(stamp) {
            out.mark(Mark::OutOfOrderSequence);
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        Ok(None)
    }

    /// Takes an appended batch in, whoever appended it.
    pub fn learn(&mut self, batch: &Batch, rules: Rules) {
        let Some(stamp) = batch.stamp else { return };
        let at = match self.position(stamp.id) {
            Ok(at) => at,
            Err(at) => {
                self.entries.insert(at, ProducerState::new(stamp));
                at
            }
        };
        let state = &self.entries[at];
        // Without these rules a log holds what Kafka never lets in; it must not turn the producer's state back.
        let stale = stamp.epoch < state.epoch && !rules.on(Rule::ProducerEpochCheck);
        let repeated = !rules.on(Rule::BrokerDropsDuplicates)
            && state.find(stamp, batch.count, rules).is_some();
        if stale || repeated {
            return;
        }
        self.entries[at].add(stamp, batch, rules);
    }

    /// Starts over from what is known of an earlier time, and the batches of a log since.
    pub fn rebuild<'a>(
        &mut self,
        known: Self,
        batches: impl Iterator<Item = &'a Batch>,
        rules: Rules,
    ) {
        self.entries = known.entries;
        for batch in batches {
            self.learn(batch, rules);
        }
    }

    /// Drops producers that wrote nothing for so long.
    pub fn expire(&mut self, now: Now, after: Span) {
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let expired =
            |state: &ProducerState| now.wall.0.saturating_sub(state.last_timestamp.0) >= after;
        if self.entries.iter().any(expired) {
            self.entries.retain(|state| !expired(state));
            self.unknown = Unknown::Forgotten;
        }
    }

    /// Takes note that records of unknown producers are gone from the log.
    pub fn records_are_gone(&mut self) {
        self.unknown = Unknown::Forgotten;
    }

    /// Drops producers of which every record lies below an offset.
    pub fn forget_below(&mut self, start: Offset) {
        let has_records =
            |state: &ProducerState| state.window().last().is_none_or(|last| last.end > start);
        self.entries.retain(has_records);
    }

    /// Forgets every producer.
    pub fn clear(&mut self) {
        self.entries = Vec::new();
    }

    fn position(&self, id: ProducerId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&id, |state| state.id)
    }
}

impl ProducerState {
    fn new(stamp: ProducerStamp) -> Self {
        Self {
            id: stamp.id,
            epoch: stamp.epoch,
            last_timestamp: Wall::default(),
            window: [Seen::default(); WINDOW],
            known: 0,
        }
    }

    /// The batches remembered, oldest first.
    #[must_use]
    pub fn window(&self) -> &[Seen] {
        &self.window[..self.known]
    }

    /// The remembered batch with the same epoch and exactly the same sequence numbers.
    fn find(&self, stamp: ProducerStamp, count: u32, rules: Rules) -> Option<Seen> {
        if stamp.epoch != self.epoch {
            return None;
        }
        let remembered = if rules.on(Rule::DedupWindowOfFive) { WINDOW } else { 1 };
        let window = &self.window()[self.known.saturating_sub(remembered)..];
        let last = stamp.last_sequence(count);
        window.iter().find(|seen| seen.first == stamp.sequence && seen.last == last).copied()
    }

    /// Whether a batch that is not of an older epoch comes next.
    fn expects(&self, stamp: ProducerStamp) -> bool {
        if stamp.epoch != self.epoch {
            return stamp.sequence == Sequence(0);
        }
        self.window().last().is_none_or(|seen| seen.last.precedes(stamp.sequence))
    }

    fn add(&mut self, stamp: ProducerStamp, batch: &Batch, rules: Rules) {
        if stamp.epoch != self.epoch {
            self.epoch = stamp.epoch;
            self.known = 0;
        }
        if self.known == WINDOW {
            self.window.copy_within(1.., 0);
            self.known -= 1;
        }
        let last = stamp.last_sequence(batch.count);
        // What is kept is where a batch ends, and how many records it has.
        let first = if rules.on(Rule::SequencesWrap) {
            stamp.sequence
        } else {
            last.plainly_minus(batch.count - 1)
        };
        self.window[self.known] = Seen { first, last, base: batch.base, end: batch.end() };
        self.known += 1;
        self.last_timestamp = batch.timestamp;
    }
}
