//! What a transactional producer asks of its coordinator, one request at a time (`Sender.maybeSendAndPollTransactionalRequest`
//! and the handlers of `TransactionManager`).
//!
//! While a request is under way no batches are sent, as in Kafka, whose sender waits for it. Does not decide what a call or an
//! error means for the transaction (`transactions.rs`).

use stormglass_types::{ErrorCode, Span, Time};

use super::links::{LinkId, Status, Tag};
use super::transactions::{Ask, Known};
use super::{Life, Producer};
use crate::message::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, Adding, Coordinated, EndTxnRequest,
    FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    Request, Response,
};
use crate::record::Verdict;
use crate::{Mark, Now, OpId, Outbox, TransactionCall};

/// What keeps the sender busy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sender {
    /// Nothing: batches are sent.
    Free,
    /// A transactional request.
    Busy,
}

/// How an attempt to send a request went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attempt {
    /// It is under way, or waits.
    Made,
    /// Something else must be asked first.
    PutOff,
}

impl Producer {
    /// A call that concerns the producer's transactions.
    pub(super) fn on_transaction(
        &mut self,
        now: Now,
        op: OpId,
        call: TransactionCall,
        out: &mut Outbox,
    ) {
        use stormglass_types::history::Outcome;

        let deadline = now.mono + self.settings.max_block;
        match &mut self.transactions {
            Some(transactions) if self.life == Life::Open => {
                transactions.call(call, op, deadline, out);
            }
            other => {
                let code = match other {
                    Some(_) => ErrorCode::UnknownServerError,
                    None => ErrorCode::InvalidRequest,
                };
                return out.complete(op, crate::Completion::Done(Outcome::Fail(code)));
            }
        }
        self.run(now, out);
    }

    /// Does what transactions ask for; tells whether batches have to wait.
    pub(super) fn transact(&mut self, now: Time, out: &mut Outbox) -> Sender {
        let Some(transactions) = &mut self.transactions else { return Sender::Free };
        transactions.lose_patience(now, out);
        self.abort_at_close(out);
        loop {
            let Some(transactions) = &mut self.transactions else { return Sender::Free };
            if transactions.fatal_error().is_some() {
                return Sender::Free;
            }
            if transactions.in_flight.is_some() {
                return Sender::Busy;
            }
            if let Some(code) = transactions.gives_batches_up()
                && self.accumulator.has_incomplete()
            {
                self.abort_undrained(code, out);
            }
            let Some(transactions) = &mut self.transactions else { return Sender::Free };
            if transactions.taken.is_none() {
                let incomplete = self.accumulator.unreported().next().is_some();
                transactions.taken = transactions.next(incomplete, out);
                if transactions.taken.is_none() {
                    return Sender::Free;
                }
            }
            match self.attempt(now, out) {
                Attempt::Made => return Sender::Busy,
                Attempt::PutOff => {}
            }
        }
    }

    /// `close` aborts a transaction that nobody has ended, once everything taken in is settled.
    fn abort_at_close(&mut self, out: &mut Outbox) {
        if self.life == Life::Closing
            && let Some(transactions) = &mut self.transactions
            && transactions.is_ongoing()
            && !transactions.is_completing()
            && !transactions.is_asking()
            && self.accumulator.unreported().next().is_none()
        {
            // It is ongoing and does not end yet, so it can be aborted.
            let _ends = transactions.abort(out);
        }
    }

    /// Sends the request that was taken, to the coordinator or to whoever knows that.
    fn attempt(&mut self, now: Time, out: &mut Outbox) -> Attempt {
        let usual = self.settings.retry_backoff.first;
        let Some(transactions) = &mut self.transactions else { return Attempt::Made };
        let Some(mut taken) = transactions.taken else { return Attempt::PutOff };
        transactions.wake_at = Time::NEVER;
        let link = if taken.ask == Ask::FindCoordinator {
            let Some(any) = self.links.least_loaded(now, &self.settings, &mut self.rng) else {
                taken.again = Some(usual);
                transactions.taken = Some(taken);
                transactions.wake_at = now + usual;
                return Attempt::Made;
            };
            any
        } else if let Some(coordinator) = transactions.coordinator {
            coordinator
        } else {
            return self.put_off(None);
        };
        if !self.links.get(link).can_send(&self.settings) {
            return self.connect_for(now, link, out);
        }
        let until = taken.until.or_else(|| taken.again.map(|backoff| now + backoff));
        if let Some(until) = until
            && until > now
        {
            taken.until = Some(until);
            transactions.taken = Some(taken);
            transactions.wake_at = until;
            return Attempt::Made;
        }
        transactions.taken = None;
        let Some(request) = self.request_for(taken.ask) else { return Attempt::PutOff };
        if let Some(transactions) = &mut self.transactions {
            transactions.in_flight = Some(taken.ask);
        }
        let deadline = now + self.settings.request_timeout;
        self.links.get_mut(link).channel.send(request, deadline, Tag::Transaction, out);
        Attempt::Made
    }

    /// The request that was taken waits until the coordinator is known again.
    fn put_off(&mut self, pause: Option<Span>) -> Attempt {
        let usual = self.settings.retry_backoff.first;
        if let Some(transactions) = &mut self.transactions
            && let Some(taken) = transactions.taken.take()
        {
            transactions.look_up(pause);
            transactions.wish(taken.ask, Some(taken.again.unwrap_or(usual)));
        }
        Attempt::PutOff
    }

    /// `awaitNodeReady`. Kafka asks for the coordinator again at once where no connection can be made, and so as fast as
    /// answers come; here it waits `retry.backoff.ms` in between.
    fn connect_for(&mut self, now: Time, id: LinkId, out: &mut Outbox) -> Attempt {
        let usual = self.settings.retry_backoff.first;
        let Some(transactions) = &mut self.transactions else { return Attempt::Made };
        let Some(taken) = &mut transactions.taken else { return Attempt::PutOff };
        let link = self.links.get_mut(id);
        match link.status {
            Status::Up | Status::Connecting => {}
            Status::Down if taken.ask == Ask::FindCoordinator => {
                link.connect(now, &self.settings, out);
            }
            Status::Down if taken.connecting == Known::No && link.channel.is_ready(now) => {
                taken.connecting = Known::Yes;
                link.connect(now, &self.settings, out);
            }
            Status::Down => return self.put_off(Some(usual)),
        }
        Attempt::Made
    }

    fn request_for(&self, ask: Ask) -> Option<Request> {
        let transactions = self.transactions.as_ref()?;
        let id = || transactions.id.clone();
        let identity = || self.sequences.as_ref().and_then(super::sequence::Sequences::identity);
        Some(match ask {
            Ask::FindCoordinator => Request::FindCoordinator(FindCoordinatorRequest {
                of: Coordinated::Transactions(id()),
            }),
            Ask::Init | Ask::Bump => Request::InitProducerId(InitProducerIdRequest {
                transaction: Some((id(), transactions.timeout)),
                current: if ask == Ask::Bump { identity() } else { None },
            }),
            Ask::AddPartitions => {
                let partitions = transactions.being_added();
                if partitions.is_empty() {
                    return None;
                }
                Request::AddPartitionsToTxn(AddPartitionsToTxnRequest {
                    transaction: id(),
                    producer: identity()?,
                    adding: Adding::Add,
                    partitions,
                })
            }
            Ask::End(verdict) => {
                Request::EndTxn(EndTxnRequest { transaction: id(), producer: identity()?, verdict })
            }
        })
    }

    /// A transactional request will have no answer.
    pub(super) fn transaction_lost(&mut self) {
        let usual = self.settings.retry_backoff.first;
        let Some(transactions) = &mut self.transactions else { return };
        let Some(ask) = transactions.in_flight.take() else { return };
        transactions.doubted(ask);
        if ask != Ask::FindCoordinator {
            transactions.look_up(None);
        }
        transactions.wish(ask, Some(usual));
    }

    /// The answer to the transactional request that was under way; tells whether it is one.
    pub(super) fn on_transactional(&mut self, response: &Response, out: &mut Outbox) -> bool {
        let Some(transactions) = &mut self.transactions else { return false };
        let Some(ask) = transactions.in_flight else { return false };
        if transactions.fatal_error().is_some() {
            transactions.in_flight = None;
            return true;
        }
        match (ask, response) {
            (Ask::FindCoordinator, Response::FindCoordinator(answer)) => {
                transactions.in_flight = None;
                self.on_coordinator(answer, out);
            }
            (Ask::Init | Ask::Bump, Response::InitProducerId(answer)) => {
                transactions.in_flight = None;
                self.on_identity(ask, answer, out);
            }
            (Ask::AddPartitions, Response::AddPartitionsToTxn(answer)) => {
                transactions.in_flight = None;
                self.on_added(answer, out);
            }
            (Ask::End(verdict), Response::EndTxn(error)) => {
                transactions.in_flight = None;
                self.on_ended(verdict, *error, out);
            }
            (
                Ask::FindCoordinator | Ask::Init | Ask::Bump | Ask::AddPartitions | Ask::End(_),
                _,
            ) => return false,
        }
        self.settle_fatal();
        true
    }

    fn on_coordinator(&mut self, answer: &FindCoordinatorResponse, out: &mut Outbox) {
        let usual = self.settings.retry_backoff.first;
        let Some(transactions) = &mut self.transactions else { return };
        match answer.coordinator {
            Ok(broker) => {
                if transactions.had_coordinator == Known::Yes {
                    out.mark(Mark::TransactionCoordinatorSought);
                }
                transactions.had_coordinator = Known::Yes;
                transactions.coordinator = self.links.of(broker);
            }
            Err(error) if error.is_retriable() => {
                transactions.wish(Ask::FindCoordinator, Some(usual));
            }
            Err(error) => transactions.fatal(error, out),
        }
    }

    fn on_identity(&mut self, ask: Ask, answer: &InitProducerIdResponse, out: &mut Outbox) {
        let usual = self.settings.retry_backoff.first;
        let (Some(transactions), Some(sequences)) = (&mut self.transactions, &mut self.sequences)
        else {
            return;
        };
        match answer.producer {
            Ok((id, epoch)) => {
                if ask == Ask::Bump {
                    out.mark(Mark::ProducerEpochBumped);
                }
                sequences.begin_anew(id, epoch);
                transactions.initialized(ask, out);
            }
            Err(error) if moved(error) => {
                transactions.look_up(None);
                transactions.wish(ask, Some(usual));
            }
            Err(error) if error.is_retriable() => transactions.wish(ask, Some(usual)),
            Err(ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced) => {
                transactions.fatal(ErrorCode::ProducerFenced, out);
            }
            Err(error @ ErrorCode::TransactionAbortable) => {
                transactions.refused_once(ask, error, out);
            }
            Err(error) => transactions.fatal(error, out),
        }
    }

    fn on_added(&mut self, answer: &AddPartitionsToTxnResponse, out: &mut Outbox) {
        let usual = self.settings.retry_backoff.first;
        let Some(transactions) = &mut self.transactions else { return };
        let ask = Ask::AddPartitions;
        for (_, error) in &answer.results {
            match *error {
                // The latter say that another partition was at fault, or that one may not be written to.
                ErrorCode::None
                | ErrorCode::OperationNotAttempted
                | ErrorCode::TopicAuthorizationFailed => {}
                error if moved(error) => {
                    transactions.look_up(None);
                    return transactions.wish(ask, Some(usual));
                }
                ErrorCode::ConcurrentTransactions => {
                    let backoff = transactions.backoff_for_others(usual);
                    return transactions.wish(ask, Some(backoff));
                }
                error if error.is_retriable() => return transactions.wish(ask, Some(usual)),
                ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => {
                    return transactions.fatal(ErrorCode::ProducerFenced, out);
                }
                error @ (ErrorCode::TransactionalIdAuthorizationFailed
                | ErrorCode::InvalidTxnState) => return transactions.fatal(error, out),
                error @ (ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerIdMapping) => {
                    return transactions.refused(ask, error, out);
                }
                error @ ErrorCode::TransactionAbortable => {
                    return transactions.refused_once(ask, error, out);
                }
                // Anything else fails the transaction, too, once all results were looked at.
                _ => {}
            }
        }
        transactions.added(&answer.results);
    }

    fn on_ended(&mut self, verdict: Verdict, error: ErrorCode, out: &mut Outbox) {
        let usual = self.settings.retry_backoff.first;
        let Some(transactions) = &mut self.transactions else { return };
        let ask = Ask::End(verdict);
        match error {
            ErrorCode::None => transactions.complete(ask, out),
            error if moved(error) => {
                // It may have been written down all the same.
                transactions.doubted(ask);
                transactions.look_up(None);
                transactions.wish(ask, Some(usual));
            }
            error if error.is_retriable() => transactions.wish(ask, Some(usual)),
            ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => {
                transactions.fatal(ErrorCode::ProducerFenced, out);
            }
            ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerIdMapping => {
                transactions.refused(ask, error, out);
            }
            ErrorCode::TransactionAbortable => transactions.refused_once(ask, error, out),
            error => transactions.fatal(error, out),
        }
    }

    /// A record or a batch failed, which its transaction does not survive.
    pub(super) fn transaction_failed(&mut self, code: ErrorCode, out: &mut Outbox) {
        if let Some(transactions) = &mut self.transactions {
            transactions.failed(code, out);
            self.settle_fatal();
        }
    }

    /// After a fatal error nothing more is sent.
    fn settle_fatal(&mut self) {
        if let (Some(transactions), Some(sequences)) = (&self.transactions, &mut self.sequences)
            && sequences.fatal.is_none()
        {
            sequences.fatal = transactions.fatal_error();
        }
    }
}

/// Whether an answer says that somebody else is to be asked.
const fn moved(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable)
}
