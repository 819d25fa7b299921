//! What a log knows of the idempotent producers that wrote to it (`ProducerStateManager`, KIP-98).
//!
//! Volatile: rebuilt from the log at recovery and after truncation.

use alloc::vec::Vec;

use stormglass_types::{
    ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Span, Wall,
};

use super::Origin;
use super::transactions::Transactions;
use crate::record::{Batch, ProducerStamp, Records, Within};
use crate::{Mark, Now, Outbox, Rule, Rules};

/// The state of every producer, in the order of ids.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ProducerStates {
    entries: Vec<ProducerState>,
    transactions: Transactions,
    /// Producers whose transactions are about to write here for the first time, and under which number each was asked about.
    /// Not kept on disk.
    verifying: Vec<(ProducerId, Guard)>,
    guards: u32,
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

/// Tells one inquiry about a producer's transaction from another (`VerificationGuard`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guard(u32);

/// One producer's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerState {
    /// Who.
    pub id: ProducerId,
    /// Its latest epoch.
    pub epoch: ProducerEpoch,
    /// The timestamp of its last batch, by which it expires.
    pub last_timestamp: Wall,
    /// The first record of its open transaction (`currentTxnFirstOffset`).
    pub open: Option<Offset>,
    /// The latest coordinator that ended a transaction of its (`coordinatorEpoch`).
    pub coordinator: LeaderEpoch,
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
        if state.open.is_some() && stamp.within == Within::Nothing {
            return Err(ErrorCode::InvalidTxnState);
        }
        Ok(None)
    }

    /// Whether the end of a transaction may be appended (`ProducerAppendInfo.appendEndTxnMarker`).
    pub fn check_marker(
        &self,
        stamp: ProducerStamp,
        coordinator: LeaderEpoch,
        out: &mut Outbox,
    ) -> Result<(), ErrorCode> {
        let Some(state) = self.get(stamp.id) else { return Ok(()) };
        if stamp.epoch < state.epoch {
            out.mark(Mark::FencedByProducerEpoch);
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if coordinator < state.coordinator {
            out.mark(Mark::FencedTransactionCoordinator);
            return Err(ErrorCode::TransactionCoordinatorFenced);
        }
        Ok(())
    }

    /// The number under which a coordinator is to be asked about a producer's transaction; none if one is open here already
    /// (`maybeStartTransactionVerification`).
    pub fn begin_verification(&mut self, producer: ProducerId) -> Option<Guard> {
        if self.get(producer).is_some_and(|state| state.open.is_some()) {
            return None;
        }
        if let Some((_, guard)) = self.verifying.iter().find(|(other, _)| *other == producer) {
            return Some(*guard);
        }
        self.guards = self.guards.wrapping_add(1);
        let guard = Guard(self.guards);
        self.verifying.push((producer, guard));
        Some(guard)
    }

    /// Whether a coordinator's answer to that inquiry still says something: no transaction of the producer began or ended here
    /// since.
    #[must_use]
    pub fn is_verified(&self, producer: ProducerId, guard: Guard) -> bool {
        self.verifying.contains(&(producer, guard))
    }

    pub(super) const fn transactions(&self) -> &Transactions {
        &self.transactions
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
        if stamp.within == Within::Transaction {
            self.verifying.retain(|(other, _)| *other != stamp.id);
        }
        if let Records::Marker(verdict, coordinator) = batch.records {
            let state = &mut self.entries[at];
            state.coordinator = coordinator;
            state.last_timestamp = batch.timestamp;
            if stamp.epoch != state.epoch {
                (state.epoch, state.known) = (stamp.epoch, 0);
            }
            if let Some(first) = state.open.take() {
                self.transactions.end(first, stamp.id, batch.base, verdict);
            }
            return;
        }
        self.entries[at].add(stamp, batch, rules);
        if stamp.within == Within::Transaction && self.entries[at].open.is_none() {
            self.entries[at].open = Some(batch.base);
            self.transactions.begin(batch.base, stamp.id);
        }
    }

    /// Starts over from what is known of an earlier time, and the batches of a log since.
    pub fn rebuild<'a>(
        &mut self,
        known: Self,
        batches: impl Iterator<Item = &'a Batch>,
        rules: Rules,
    ) {
        self.entries = known.entries;
        self.transactions = known.transactions;
        for batch in batches {
            self.learn(batch, rules);
        }
    }

    /// Drops producers that wrote nothing for so long.
    pub fn expire(&mut self, now: Now, after: Span) {
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let expired = |state: &ProducerState| {
            let idle = now.wall.0.saturating_sub(state.last_timestamp.0) >= after;
            idle && state.open.is_none()
        };
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
        self.transactions = Transactions::default();
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
            open: None,
            coordinator: LeaderEpoch::NONE,
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
        match self.window().last() {
            Some(seen) => seen.last.precedes(stamp.sequence),
            // Nothing but the end of a transaction is known of this epoch.
            None => stamp.sequence == Sequence(0),
        }
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
