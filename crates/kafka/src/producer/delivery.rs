//! What becomes of batches: acknowledged, sent again, split, failed, given up (`Sender.completeBatch` and what it calls).
//!
//! Does not send anything.

use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, Offset, Time, ValueRange};

use super::Producer;
use super::batch::{BatchId, Fate, Place, ProducerBatch};
use super::sequence::{Gap, Retry};
use crate::message::ProduceResult;
use crate::settings::RetryOrder;
use crate::{Mark, Outbox, Report, Rule};

impl Producer {
    /// Takes in how an attempt to send a batch ended.
    pub(super) fn complete(
        &mut self,
        now: Time,
        id: BatchId,
        result: &ProduceResult,
        out: &mut Outbox,
    ) {
        let batch = self.accumulator.batches.get(id);
        let (part, place) = (batch.part, batch.place);
        match result.error {
            ErrorCode::None => self.acknowledge(id, result.base, out),
            _ if place == Place::GivenUp => {
                self.accumulator.finish(id);
            }
            ErrorCode::MessageTooLarge if batch.count > 1 => self.split(id, out),
            code if self.can_retry(now, id, result) => self.send_again(now, id, code, out),
            // The broker has it, but no longer knows where.
            ErrorCode::DuplicateSequenceNumber => self.acknowledge(id, Offset::UNKNOWN, out),
            code => {
                let retries_left =
                    self.accumulator.batches.get(id).attempts < self.settings.retries;
                let gap = if retries_left { Gap::Left } else { Gap::Unknown };
                self.fail(id, code, gap, out);
            }
        }
        if result.error.is_invalid_metadata() {
            self.metadata.want();
        }
        if self.keeps_order_by_muting() {
            self.accumulator.parts[part].muted = false;
        }
    }

    fn acknowledge(&mut self, id: BatchId, base: Offset, out: &mut Outbox) {
        let batch = self.accumulator.finish(id);
        if let Some(sequences) = &mut self.sequences {
            sequences.acked(id, base, &batch);
        }
        if batch.place != Place::GivenUp {
            self.report(&batch, base, Outcome::Ok, out);
        }
    }

    fn can_retry(&mut self, now: Time, id: BatchId, result: &ProduceResult) -> bool {
        let batch = self.accumulator.batches.get(id);
        if batch.is_overdue(self.settings.delivery_timeout, now)
            || batch.attempts >= self.settings.retries
        {
            return false;
        }
        match &mut self.sequences {
            Some(sequences) => {
                let retry = sequences.can_retry(batch, result);
                if retry == Retry::FromTheBeginning {
                    let part = batch.part;
                    sequences.begin_part_anew(part, &mut self.accumulator.batches);
                }
                retry != Retry::No
            }
            None => result.error.is_retriable(),
        }
    }

    fn send_again(&mut self, now: Time, id: BatchId, code: ErrorCode, out: &mut Outbox) {
        out.mark(Mark::ProduceRetried);
        let attempts = self.accumulator.batches.get(id).attempts;
        let backoff = self.settings.retry_backoff.after(attempts + 1, &mut self.rng);
        self.accumulator.failed_attempt(id, now, backoff);
        let batch = self.accumulator.batches.get_mut(id);
        batch.fate = if refuses_sequence(code) { Fate::Refused } else { Fate::Unknown };
        batch.doubt |= !is_definite(code);
        match &mut self.sequences {
            None => match self.settings.retry_order {
                RetryOrder::Front => self.accumulator.put_first(id),
                RetryOrder::AsTaken => self.accumulator.put_as_taken(id),
            },
            Some(_) if self.rules.on(Rule::RetryKeepsOrder) => {
                self.accumulator.put_in_order(id, self.rules)
            }
            Some(sequences) => {
                sequences.take_back(id, batch);
                self.accumulator.put_last(id);
            }
        }
    }

    fn split(&mut self, id: BatchId, out: &mut Outbox) {
        out.mark(Mark::BatchSplit);
        let part = self.accumulator.batches.get(id).part;
        let pieces = self.accumulator.split(id, self.settings.batch_size);
        if let Some(sequences) = &mut self.sequences {
            sequences.split(id, part, &pieces, &self.accumulator.batches);
        }
        for piece in pieces.into_iter().rev() {
            if self.sequences.is_some() {
                self.accumulator.put_in_order(piece, self.rules);
            } else {
                self.accumulator.put_first(piece);
            }
        }
    }

    /// Ends a batch whose request was answered with an error.
    fn fail(&mut self, id: BatchId, code: ErrorCode, gap: Gap, out: &mut Outbox) {
        let batch = self.accumulator.finish(id);
        self.transaction_failed(code, out);
        if let Some(sequences) = &mut self.sequences {
            sequences.failed(id, &batch, code, gap, &mut self.accumulator.batches);
        }
        let outcome = if is_definite(code) && !batch.doubt {
            Outcome::Fail(code)
        } else {
            Outcome::Unknown(code)
        };
        self.report(&batch, Offset::UNKNOWN, outcome, out);
    }

    /// Gives up the batches whose delivery timeout is over; tells how many.
    pub(super) fn expire_batches(&mut self, now: Time, out: &mut Outbox) -> usize {
        let overdue = self.accumulator.overdue(now, self.settings.delivery_timeout);
        let count = overdue.len();
        for id in overdue {
            out.mark(Mark::DeliveryTimedOut);
            let batch = self.give_up(id, ErrorCode::RequestTimedOut, out);
            self.transaction_failed(ErrorCode::RequestTimedOut, out);
            // New batches of the partition wait until it is known whether this one left a gap.
            if let Some(sequences) = &mut self.sequences
                && batch.attempts > 0
            {
                sequences.mark_unresolved(&batch);
            }
        }
        count
    }

    /// Ends every batch after a fatal error (`maybeAbortBatches`).
    pub(super) fn abort_all(&mut self, code: ErrorCode, out: &mut Outbox) {
        let mut ids: alloc::vec::Vec<_> = (self.accumulator.batches.iter())
            .filter(|(_, batch)| batch.place != Place::GivenUp)
            .map(|(id, batch)| (batch.number, id))
            .collect();
        ids.sort_unstable();
        for (_, id) in ids {
            self.give_up(id, code, out);
        }
    }

    /// Ends every batch that was never sent: its transaction will not be committed (`abortUndrainedBatches`).
    pub(super) fn abort_undrained(&mut self, code: ErrorCode, out: &mut Outbox) {
        let mut ids: alloc::vec::Vec<_> = (self.accumulator.batches.iter())
            .filter(|(_, batch)| batch.place == Place::Queued && batch.stamp.is_none())
            .map(|(id, batch)| (batch.number, id))
            .collect();
        ids.sort_unstable();
        for (_, id) in ids {
            self.give_up(id, code, out);
        }
    }

    /// Ends a batch without an answer.
    fn give_up(&mut self, id: BatchId, code: ErrorCode, out: &mut Outbox) -> ProducerBatch {
        let batch = self.accumulator.batches.get(id).clone();
        self.accumulator.release(id);
        if let Some(sequences) = &mut self.sequences {
            sequences.forget(id, batch.part);
        }
        let outcome = if batch.place == Place::Queued && batch.fate == Fate::Unsent {
            Outcome::Fail(code)
        } else {
            Outcome::Unknown(code)
        };
        self.report(&batch, Offset::UNKNOWN, outcome, out);
        batch
    }

    fn report(&self, batch: &ProducerBatch, base: Offset, outcome: Outcome, out: &mut Outbox) {
        let values = ValueRange { source: self.source, first: batch.first, count: batch.count };
        out.report(Report::Delivered { partition: batch.partition, values, base, outcome });
    }
}

/// Whether an error shows that the attempt was not appended. Everything else may have been: a leader that answers
/// `NOT_LEADER_OR_FOLLOWER` may have lost its leadership while it waited for the in-sync replicas.
const fn is_definite(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TopicAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::ProducerFenced
            | ErrorCode::InvalidTxnState
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::InvalidTimestamp
            | ErrorCode::InvalidRecord
            | ErrorCode::MessageTooLarge
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::InvalidTopicException
    )
}

/// Whether an error shows that the leader neither has the batch nor will take it under this sequence and epoch.
const fn refuses_sequence(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::UnknownProducerId
            | ErrorCode::InvalidProducerEpoch
    )
}
