//! Idempotence: the producer's id and epoch, and the sequences of each partition (`TransactionManager`, `TxnPartitionEntry`).
//!
//! Does not send the request for an id. A transactional producer's id and epoch come from its coordinator, and what would make
//! another producer begin a new epoch fails its transaction; the new epoch begins when that has ended (KIP-360).

use alloc::vec::Vec;

use stormglass_types::{ErrorCode, IdVec, Offset, ProducerEpoch, ProducerId, Sequence, Time};

use super::batch::{BatchId, Batches, Fate, PartId, Place, ProducerBatch};
use super::under_way::UnderWay;
use crate::message::ProduceResult;
use crate::record::{ProducerStamp, Within};
use crate::{Mark, Outbox, Rule, Rules};

/// A producer id and epoch.
type Identity = (ProducerId, ProducerEpoch);

/// What an idempotent producer remembers.
#[derive(Clone, Debug)]
pub(super) struct Sequences {
    identity: Option<Identity>,
    /// Where the request for an id stands.
    pub(super) init: Init,
    /// An error after which nothing more is sent.
    pub(super) fatal: Option<ErrorCode>,
    parts: IdVec<PartId, Sequencing>,
    /// Partitions for whose sake a new epoch must begin; their batches under way are numbered anew then.
    rewrite: Vec<PartId>,
    /// Partitions with a batch that was given up after it may have been appended.
    unresolved: Vec<PartId>,
    /// The first identity, and the sequence with which partitions begin under it.
    began: Option<Identity>,
    first: Sequence,
    /// What its batches are part of.
    within: Within,
    rules: Rules,
}

/// Where the request for an id stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Init {
    /// To be sent when an id is needed, but not before this.
    NotBefore(Time),
    /// Without an answer.
    InFlight,
}

/// The sequences of one partition.
#[derive(Clone, Default, Debug)]
struct Sequencing {
    identity: Option<Identity>,
    next: Sequence,
    last_acked: Option<Sequence>,
    last_acked_offset: Option<Offset>,
    /// Batches that were sent and are not complete, in the order of their sequences.
    under_way: UnderWay,
    /// The sequence after the last batch that was given up.
    unresolved: Option<Sequence>,
}

/// Whether the first batch of a queue may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It may.
    Yes,
    /// Another batch of the partition must be settled first, and Kafka ends the round of its broker here.
    No,
    /// A new epoch must begin first, which other partitions may have to make possible.
    NotInThisEpoch,
    /// This one goes before it: its fate under the old epoch must be known.
    Instead(BatchId),
}

impl Sequences {
    pub(super) fn new(rules: Rules, first: Sequence, within: Within) -> Self {
        Self {
            began: None,
            first,
            identity: None,
            init: Init::NotBefore(Time::ZERO),
            fatal: None,
            parts: IdVec::new(),
            rewrite: Vec::new(),
            unresolved: Vec::new(),
            within,
            rules,
        }
    }

    /// Whether an id must be asked for.
    pub(super) const fn needs_id(&self) -> bool {
        self.identity.is_none() && self.fatal.is_none() && matches!(self.within, Within::Nothing)
    }

    /// The present id and epoch.
    pub(super) const fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// A coordinator gave a transactional producer its id and epoch: all sequences begin at zero (`resetSequenceNumbers`).
    pub(super) fn begin_anew(&mut self, id: ProducerId, epoch: ProducerEpoch) {
        self.identity = Some((id, epoch));
        self.began = self.began.or(self.identity);
        self.parts.iter_mut().for_each(|part| *part = Sequencing::default());
        self.unresolved.clear();
        self.rewrite.clear();
    }

    /// A leader has lost what it knew of a transactional producer, together with the head of its log: the batches under way
    /// begin at zero again, in the same epoch.
    pub(super) fn begin_part_anew(&mut self, part: PartId, batches: &mut Batches) {
        let (identity, within) = (self.identity, self.within);
        self.part(part).start_at_zero(identity, within, batches);
    }

    /// Takes a new id in.
    pub(super) fn identify(&mut self, id: ProducerId, epoch: ProducerEpoch, batches: &mut Batches) {
        self.identity = Some((id, epoch));
        self.began = self.began.or(self.identity);
        self.rewrite_all(batches);
    }

    fn part(&mut self, part: PartId) -> &mut Sequencing {
        while self.parts.get(part).is_none() {
            self.parts.push(Sequencing::default());
        }
        &mut self.parts[part]
    }

    /// What must happen before anything is sent: settle what is unresolved, begin a new epoch where one is due.
    pub(super) fn upkeep(&mut self, batches: &mut Batches, out: &mut Outbox) -> Lost {
        if !self.unresolved.is_empty() {
            self.resolve();
        }
        if self.within == Within::Transaction {
            let lost = !core::mem::take(&mut self.rewrite).is_empty();
            return if lost { Lost::Some } else { Lost::None };
        }
        if !self.rewrite.is_empty() && self.identity.is_some() && self.may_bump(batches) {
            self.bump(batches, out);
        }
        Lost::None
    }

    /// `maybeResolveSequences`.
    fn resolve(&mut self) {
        for part in core::mem::take(&mut self.unresolved) {
            let sequencing = &mut self.parts[part];
            if !sequencing.under_way.is_empty() {
                self.unresolved.push(part);
                continue;
            }
            sequencing.unresolved = None;
            if !sequencing.is_next(sequencing.next, self.rules) {
                self.want_bump(part);
            }
        }
    }

    fn want_bump(&mut self, part: PartId) {
        if !self.rewrite.contains(&part) {
            self.rewrite.push(part);
        }
    }

    /// A batch that the old epoch may still append would be appended twice if the new one sent it again (KAFKA-14034).
    fn may_bump(&self, batches: &Batches) -> bool {
        !self.rules.on(Rule::BumpAwaitsInFlight)
            || self.rewrite.iter().all(|part| {
                self.parts.get(*part).is_none_or(|sequencing| {
                    sequencing.under_way.ids().all(|id| {
                        let batch = batches.get(id);
                        batch.place == Place::Queued && batch.fate == Fate::Refused
                    })
                })
            })
    }

    /// `bumpIdempotentProducerEpoch`.
    fn bump(&mut self, batches: &mut Batches, out: &mut Outbox) {
        let Some((id, epoch)) = self.identity else { return };
        out.mark(Mark::ProducerEpochBumped);
        if epoch.0 == i16::MAX {
            // A new id is needed; batches under way are numbered anew when it is there.
            self.identity = None;
            return;
        }
        self.identity = Some((id, ProducerEpoch(epoch.0 + 1)));
        self.rewrite_all(batches);
    }

    fn rewrite_all(&mut self, batches: &mut Batches) {
        let (identity, within) = (self.identity, self.within);
        for part in core::mem::take(&mut self.rewrite) {
            self.part(part).start_at_zero(identity, within, batches);
            self.parts[part].unresolved = None;
            self.unresolved.retain(|unresolved| *unresolved != part);
        }
    }

    /// `shouldStopDrainBatchesForPartition`.
    pub(super) fn turn(&mut self, first: BatchId, batches: &Batches) -> Turn {
        let batch = batches.get(first);
        let Some(identity) = self.identity else { return Turn::No };
        if self.fatal.is_some() {
            return Turn::No;
        }
        let awaits_bump = self.rewrite.contains(&batch.part);
        let keeps_order = self.rules.on(Rule::RetryKeepsOrder);
        let sequencing = self.part(batch.part);
        if awaits_bump {
            let unsettled = sequencing.under_way.ids().find(|id| {
                let batch = batches.get(*id);
                batch.place != Place::Queued || batch.fate != Fate::Refused
            });
            return match unsettled {
                Some(id) if batches.get(id).place == Place::Queued => Turn::Instead(id),
                Some(_) | None => Turn::NotInThisEpoch,
            };
        }
        let oldest = sequencing.under_way.first();
        if batch.stamp.is_none() {
            let stale = sequencing.identity != Some(identity);
            let wait = (stale && oldest.is_some()) || sequencing.unresolved.is_some();
            return if wait { Turn::No } else { Turn::Yes };
        }
        // A batch that is sent again waits until it is the oldest one under way.
        if keeps_order && oldest != Some(first) { Turn::No } else { Turn::Yes }
    }

    /// Gives a batch that is about to be sent its place in the sequence, if it has none.
    pub(super) fn stamp(&mut self, id: BatchId, batches: &mut Batches) {
        let batch = batches.get_mut(id);
        let (None, Some(identity)) = (batch.stamp, self.identity) else { return };
        let begins_anew = self.rules.on(Rule::SequencesBeginWithEpoch);
        let (rules, first, within) = (self.rules, self.first, self.within);
        let is_first = self.began == Some(identity);
        let sequencing = self.part(batch.part);
        if sequencing.identity != Some(identity) && sequencing.under_way.is_empty() {
            if is_first && sequencing.identity.is_none() && first != Sequence(0) {
                sequencing.next = first;
                sequencing.last_acked = Some(first.plainly_minus(1));
            } else if begins_anew {
                sequencing.next = Sequence(0);
                sequencing.last_acked = None;
            }
            sequencing.identity = Some(identity);
        }
        let sequence = sequencing.next;
        batch.stamp = Some(ProducerStamp { id: identity.0, epoch: identity.1, sequence, within });
        sequencing.next = if rules.on(Rule::SequencesWrap) {
            sequence.plus(batch.count)
        } else {
            sequence.plainly_plus(batch.count)
        };
        sequencing.under_way.add(id, sequence, rules);
    }

    /// `handleCompletedBatch`.
    pub(super) fn acked(&mut self, id: BatchId, base: Offset, batch: &ProducerBatch) {
        let Some(stamp) = batch.stamp else { return };
        let rules = self.rules;
        let sequencing = self.part(batch.part);
        let last = if rules.on(Rule::OrderOverTheWrap) {
            stamp.last_sequence(batch.count)
        } else {
            stamp.sequence.plainly_plus(batch.count - 1)
        };
        let is_later = sequencing.last_acked.is_none_or(|before| {
            if rules.on(Rule::OrderOverTheWrap) {
                last.is_not_before(before)
            } else {
                last > before
            }
        });
        if is_later {
            sequencing.last_acked = Some(last);
        }
        if base != Offset::UNKNOWN {
            sequencing.last_acked_offset =
                sequencing.last_acked_offset.max(Some(base.plus(batch.count - 1)));
        }
        sequencing.under_way.remove(id, rules);
    }

    /// `handleFailedBatch`: `code` is what the application is told.
    pub(super) fn failed(
        &mut self,
        id: BatchId,
        batch: &ProducerBatch,
        code: ErrorCode,
        gap: Gap,
        batches: &mut Batches,
    ) {
        let (rules, identity, within) = (self.rules, self.identity, self.within);
        let sequencing = self.part(batch.part);
        sequencing.under_way.remove(id, rules);
        if matches!(code, ErrorCode::ClusterAuthorizationFailed | ErrorCode::ProducerFenced) {
            self.fatal = Some(code);
            return;
        }
        if code == ErrorCode::UnknownProducerId {
            *sequencing = Sequencing { identity, ..Sequencing::default() };
            self.unresolved.retain(|unresolved| *unresolved != batch.part);
        } else if within == Within::Transaction {
            if gap == Gap::Left {
                sequencing.close_gap(batch, batches);
            }
        } else if code == ErrorCode::OutOfOrderSequenceNumber || gap == Gap::Left {
            self.want_bump(batch.part);
        }
    }

    /// A batch was given up without an answer.
    pub(super) fn forget(&mut self, id: BatchId, part: PartId) {
        let rules = self.rules;
        self.part(part).under_way.remove(id, rules);
    }

    /// `markSequenceUnresolved`, for a batch that was given up after an attempt.
    pub(super) fn mark_unresolved(&mut self, batch: &ProducerBatch) {
        let Some(stamp) = batch.stamp else { return };
        let next = stamp.sequence.plus(batch.count);
        let sequencing = self.part(batch.part);
        sequencing.unresolved = sequencing.unresolved.max(Some(next));
        if !self.unresolved.contains(&batch.part) {
            self.unresolved.push(batch.part);
        }
    }

    /// `TransactionManager.canRetry`; may find that a new epoch is needed.
    pub(super) fn can_retry(&mut self, batch: &ProducerBatch, result: &ProduceResult) -> Retry {
        let usual = if result.error.is_retriable() { Retry::AsItIs } else { Retry::No };
        let Some(stamp) = batch.stamp else { return usual };
        let (rules, within) = (self.rules, self.within);
        let sequencing = self.part(batch.part);
        if within == Within::Transaction {
            return sequencing.can_retry_in_transaction(batch, result, rules).unwrap_or(usual);
        }
        if result.error == ErrorCode::UnknownProducerId {
            // The broker lost what it knew of this producer; only a new epoch can begin at zero again.
            if result.log_start != Offset::UNKNOWN && !batch.restamped {
                self.want_bump(batch.part);
            }
            return Retry::AsItIs;
        }
        if result.error == ErrorCode::OutOfOrderSequenceNumber {
            let next = sequencing.is_next(stamp.sequence, rules);
            let gap = match sequencing.unresolved {
                None => next && !batch.restamped,
                Some(unresolved) => unresolved == stamp.sequence,
            };
            if gap {
                self.want_bump(batch.part);
            }
            return Retry::AsItIs;
        }
        usual
    }

    /// A split batch leaves, its pieces take its place.
    pub(super) fn split(
        &mut self,
        id: BatchId,
        part: PartId,
        pieces: &[BatchId],
        batches: &Batches,
    ) {
        let rules = self.rules;
        let under_way = &mut self.part(part).under_way;
        under_way.replace(id, pieces, batches, rules);
    }

    /// With `RetryKeepsOrder` off: a failed batch loses its place in the sequence, and the next one to be sent takes it.
    pub(super) fn take_back(&mut self, id: BatchId, batch: &mut ProducerBatch) {
        let Some(stamp) = batch.stamp.take() else { return };
        let rules = self.rules;
        let sequencing = self.part(batch.part);
        sequencing.under_way.remove(id, rules);
        if sequencing.identity == Some((stamp.id, stamp.epoch)) {
            sequencing.next = sequencing.next.min(stamp.sequence);
        }
    }
}

/// Whether a transactional producer has sequences that nobody will fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lost {
    /// It has none.
    None,
    /// It has some.
    Some,
}

/// Whether a batch is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Retry {
    /// It is not.
    No,
    /// It is, under the same sequence.
    AsItIs,
    /// It is, and its partition's sequences begin at zero again.
    FromTheBeginning,
}

/// Whether the sequence of a failed batch is left unused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gap {
    /// It is: what follows would be out of order.
    Left,
    /// That is not known.
    Unknown,
}

impl Sequencing {
    /// What [`Sequences::can_retry`] says of a transactional producer's batch, where it differs from any other error. It may
    /// not begin a new epoch on its own.
    fn can_retry_in_transaction(
        &self,
        batch: &ProducerBatch,
        result: &ProduceResult,
        rules: Rules,
    ) -> Option<Retry> {
        let sequence = batch.stamp?.sequence;
        if result.error == ErrorCode::UnknownProducerId {
            return if result.log_start == Offset::UNKNOWN || batch.restamped {
                Some(Retry::AsItIs)
            } else if self.last_acked_offset.is_none_or(|last| last < result.log_start) {
                Some(Retry::FromTheBeginning)
            } else {
                None
            };
        }
        let follows = !batch.restamped && self.is_next(sequence, rules);
        let out_of_order = result.error == ErrorCode::OutOfOrderSequenceNumber;
        (out_of_order && self.unresolved.is_none() && !follows).then_some(Retry::AsItIs)
    }

    /// A batch failed for good: those behind it move up (`adjustSequencesDueToFailedBatch`).
    fn close_gap(&mut self, failed: &ProducerBatch, batches: &mut Batches) {
        let Some(stamp) = failed.stamp else { return };
        let up = |sequence: Sequence| Sequence(sequence.plainly_minus(failed.count).0.max(0));
        self.next = up(self.next);
        for under_way in self.under_way.places() {
            if under_way.sequence < stamp.sequence {
                continue;
            }
            under_way.sequence = up(under_way.sequence);
            let batch = batches.get_mut(under_way.id);
            batch.restamped = true;
            if let Some(stamp) = &mut batch.stamp {
                stamp.sequence = under_way.sequence;
            }
        }
    }

    /// `isNextSequence`.
    fn is_next(&self, sequence: Sequence, rules: Rules) -> bool {
        match self.last_acked {
            Some(last) if rules.on(Rule::OrderOverTheWrap) => last.precedes(sequence),
            last => i64::from(sequence.0) - last.map_or(-1, |last| i64::from(last.0)) == 1,
        }
    }

    /// `startSequencesAtBeginning`.
    fn start_at_zero(&mut self, identity: Option<Identity>, within: Within, batches: &mut Batches) {
        self.next = Sequence(0);
        self.identity = identity;
        self.last_acked = None;
        let Some((id, epoch)) = identity else { return };
        for under_way in self.under_way.places() {
            let batch = batches.get_mut(under_way.id);
            batch.stamp = Some(ProducerStamp { id, epoch, sequence: self.next, within });
            batch.restamped = true;
            under_way.sequence = self.next;
            self.next = self.next.plus(batch.count);
        }
    }
}
