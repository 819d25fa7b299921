//! One `transactional.id` as its coordinator knows it, and the changes that it may go through (`TransactionMetadata`).
//!
//! Decides, but writes nothing: a change counts when its record is on the replicas.

use alloc::vec::Vec;

use stormglass_types::{ErrorCode, ProducerEpoch, ProducerId, Span, TopicPartition, Wall};

use crate::message::TransactionalId;
use crate::record::{TransactionState, TransactionValue, Verdict};
use crate::{Rule, Rules};

/// What is known of a `transactional.id`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// As the log has it; of a transaction that ends, only the partitions that have not been told yet.
    pub(super) value: TransactionValue,
    /// The epoch before the last one, if its producer asked for that itself (KIP-360).
    pub(super) last_epoch: Option<ProducerEpoch>,
    /// A change that is being written.
    pub(super) pending: Option<TransactionState>,
    /// A new epoch that was to fence a producer could not be written; the next attempt takes the same.
    pub(super) fence_failed: bool,
}

/// No epoch was given out yet (`RecordBatch.NO_PRODUCER_EPOCH`).
pub(super) const NO_EPOCH: ProducerEpoch = ProducerEpoch(-1);

/// Whether no further epoch may be given out for a producer id (`isEpochExhausted`).
const fn is_exhausted(epoch: ProducerEpoch) -> bool {
    epoch.0 >= i16::MAX - 1
}

impl Entry {
    /// Of an id that nobody has used before.
    pub(super) fn new(id: TransactionalId, producer: ProducerId, timeout: Span, now: Wall) -> Self {
        Self::of(TransactionValue {
            id,
            producer,
            epoch: NO_EPOCH,
            timeout,
            state: TransactionState::Empty,
            partitions: Vec::new(),
            began: None,
            updated: now,
        })
    }

    /// As the log has it.
    pub(super) fn of(value: TransactionValue) -> Self {
        Self { value, last_epoch: None, pending: None, fence_failed: false }
    }

    /// A producer takes the id over, or asks for a new epoch: the value to write and the epoch before
    /// (`prepareIncrementProducerEpoch`, `prepareProducerIdRotation`). The transaction is over.
    pub(super) fn take_over(
        &self,
        current: Option<(ProducerId, ProducerEpoch)>,
        timeout: Span,
        now: Wall,
        fresh: &mut dyn FnMut() -> Result<ProducerId, ErrorCode>,
        rules: Rules,
    ) -> Result<(TransactionValue, Option<ProducerEpoch>), ErrorCode> {
        let present = self.value.epoch;
        let expected = current.map(|(_, epoch)| epoch);
        let empty = |producer, epoch| TransactionValue {
            producer,
            epoch,
            timeout,
            state: TransactionState::Empty,
            partitions: Vec::new(),
            began: None,
            updated: now,
            ..self.value.clone()
        };
        if is_exhausted(present) && expected.is_none_or(|expected| expected == present) {
            return Ok((empty(fresh()?, ProducerEpoch(0)), expected));
        }
        let next = ProducerEpoch(present.0 + 1);
        let producer = self.value.producer;
        match expected {
            None if present != NO_EPOCH && !rules.on(Rule::InitFencesFormer) => {
                Ok((empty(producer, present), None))
            }
            None => Ok((empty(producer, next), None)),
            Some(expected) if present == NO_EPOCH || expected == present => {
                Ok((empty(producer, next), Some(present)))
            }
            // The answer to its first attempt was lost.
            Some(expected) if Some(expected) == self.last_epoch => {
                Ok((empty(producer, present), self.last_epoch))
            }
            Some(_) => Err(ErrorCode::ProducerFenced),
        }
    }

    /// Whether somebody who has this producer id may ask for a new epoch of it.
    pub(super) fn admits(&self, current: Option<(ProducerId, ProducerEpoch)>) -> bool {
        self.value.epoch == NO_EPOCH
            || current.is_none_or(|(producer, _)| producer == self.value.producer)
    }

    /// The transaction will write to more partitions (`prepareAddPartitions`).
    pub(super) fn add(&self, partitions: &[TopicPartition], now: Wall) -> TransactionValue {
        let begins = self.value.state != TransactionState::Ongoing;
        let mut all = if begins { Vec::new() } else { self.value.partitions.clone() };
        all.extend_from_slice(partitions);
        all.sort_unstable();
        all.dedup();
        TransactionValue {
            state: TransactionState::Ongoing,
            partitions: all,
            began: if begins { Some(now) } else { self.value.began },
            updated: now,
            ..self.value.clone()
        }
    }

    /// The transaction ends (`prepareAbortOrCommit`).
    pub(super) fn prepare(&self, verdict: Verdict, now: Wall) -> TransactionValue {
        let state = TransactionState::Preparing(verdict);
        TransactionValue { state, updated: now, ..self.value.clone() }
    }

    /// The transaction has ended everywhere (`prepareComplete`).
    pub(super) fn complete(&self, verdict: Verdict, now: Wall) -> TransactionValue {
        TransactionValue {
            state: TransactionState::Complete(verdict),
            partitions: Vec::new(),
            updated: now,
            ..self.value.clone()
        }
    }

    /// Nobody used the id for long (`prepareDead`).
    pub(super) fn die(&self) -> TransactionValue {
        TransactionValue { state: TransactionState::Dead, ..self.value.clone() }
    }

    /// The epoch that fences the present producer while its transaction is aborted (`prepareFenceProducerEpoch`).
    pub(super) const fn fencing_epoch(&self) -> ProducerEpoch {
        if self.fence_failed { self.value.epoch } else { ProducerEpoch(self.value.epoch.0 + 1) }
    }

    /// What `EndTxn` of the present producer means in the present state: `Ok` to go on, or the answer.
    pub(super) fn may_end(&self, verdict: Verdict) -> Result<(), ErrorCode> {
        match self.value.state {
            TransactionState::Ongoing => Ok(()),
            TransactionState::Complete(ended) if ended == verdict => Err(ErrorCode::None),
            TransactionState::Preparing(ending) if ending == verdict => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            TransactionState::Empty
            | TransactionState::Complete(_)
            | TransactionState::Preparing(_)
            | TransactionState::Dead => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// Whether a transaction has been open for longer than its producer allowed.
    pub(super) fn is_overdue(&self, now: Wall) -> bool {
        let open = self.value.state == TransactionState::Ongoing && self.pending.is_none();
        let timeout = i64::try_from(self.value.timeout.as_millis()).unwrap_or(i64::MAX);
        open && self.value.began.is_some_and(|began| began.0.saturating_add(timeout) < now.0)
    }

    /// Whether nobody has used the id for so long.
    pub(super) fn is_idle(&self, now: Wall, after: Span) -> bool {
        let ended =
            matches!(self.value.state, TransactionState::Empty | TransactionState::Complete(_));
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        ended && self.pending.is_none() && now.0.saturating_sub(self.value.updated.0) >= after
    }
}
