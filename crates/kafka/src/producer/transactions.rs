//! The state of a transactional producer (KIP-98, KIP-360): how far its transaction is, which partitions are part of it, and
//! what its coordinator has to be asked (`TransactionManager` with `transaction.version` 1).
//!
//! Does not send anything (`transacting.rs` does), keeps no sequences, and never bumps an epoch at every end of a transaction as
//! version 2 does (KIP-890). Consumed offsets are no part of transactions here.

use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, PartitionMap, Span, Time, TopicPartition};

use super::links::LinkId;
use crate::message::TransactionalId;
use crate::record::Verdict;

use crate::{Completion, Mark, OpId, Outbox, TransactionCall};

/// What a transactional producer remembers.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    pub(super) id: TransactionalId,
    /// `transaction.timeout.ms`.
    pub(super) timeout: Span,
    state: State,
    /// What brought it into an error state.
    error: Option<ErrorCode>,
    /// Whether the next transaction needs an epoch of its own.
    epoch: NextEpoch,
    /// Whether the coordinator knows of the transaction.
    known: Known,
    partitions: PartitionMap<Membership>,
    /// How many of them are to be told to the coordinator.
    new: u32,
    pub(super) coordinator: Option<LinkId>,
    /// Whether there ever was a coordinator.
    pub(super) had_coordinator: Known,
    /// What is to be asked, the most urgent first.
    wishes: Vec<Wish>,
    /// The one that is being sent.
    pub(super) taken: Option<Taken>,
    /// The one that was sent.
    pub(super) in_flight: Option<Ask>,
    /// The call that has not told its end yet.
    pending: Option<Pending>,
    /// When a request that waits is to be tried.
    pub(super) wake_at: Time,
}

/// `TransactionManager.State`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Uninitialized,
    Initializing,
    Ready,
    InTransaction,
    Committing,
    Aborting,
    /// The transaction can only be aborted.
    AbortableError,
    /// The producer can only be closed.
    FatalError,
}

/// Whether an epoch is to begin when the transaction ends (KIP-360).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NextEpoch {
    Same,
    Bumped,
}

/// Whether something has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    No,
    Yes,
}

/// How far a partition is on its way into the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Membership {
    /// A record was taken in for it.
    New,
    /// The coordinator is being told.
    Pending,
    /// The coordinator knows: batches may be sent.
    Added,
}

/// A request, in the order of urgency (`Priority`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Ask {
    FindCoordinator,
    /// For the first time.
    Init,
    AddPartitions,
    End(Verdict),
    /// `InitProducerId` for a new epoch of the same producer id.
    Bump,
}

/// A request that is to be sent.
#[derive(Clone, Copy, Debug)]
struct Wish {
    ask: Ask,
    /// How long to wait before it is sent again; none for the first time.
    again: Option<Span>,
}

/// A request that is being sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) ask: Ask,
    pub(super) again: Option<Span>,
    /// Until when it waits, once it could be sent.
    pub(super) until: Option<Time>,
    /// Whether a connection was begun for it.
    pub(super) connecting: Known,
}

/// A call that may outlive its patience: it can be made again to learn its end.
#[derive(Clone, Copy, Debug)]
struct Pending {
    call: TransactionCall,
    /// The request whose answer ends it.
    on: Ask,
    /// Who waits for it, and until when.
    waiter: Option<(OpId, Time)>,
    /// Its end, if nobody was told.
    result: Option<Outcome>,
    /// Whether a request that would have committed may have been heeded.
    doubt: Known,
}

/// `ADD_PARTITIONS_RETRY_BACKOFF_MS`: the transaction before is about to be complete.
const SHORT_BACKOFF: Span = Span::millis(20);

impl Transactions {
    pub(super) fn new(id: TransactionalId, timeout: Span) -> Self {
        Self {
            id,
            timeout,
            state: State::Uninitialized,
            error: None,
            epoch: NextEpoch::Same,
            known: Known::No,
            partitions: PartitionMap::new(),
            new: 0,
            coordinator: None,
            had_coordinator: Known::No,
            wishes: Vec::new(),
            taken: None,
            in_flight: None,
            pending: None,
            wake_at: Time::NEVER,
        }
    }

    /// Whether nothing goes on but an abort.
    pub(super) const fn gives_batches_up(&self) -> Option<ErrorCode> {
        match (self.state, self.error) {
            (State::AbortableError, Some(code)) => Some(code),
            (State::AbortableError | State::Aborting, _) => Some(ErrorCode::TransactionAbortable),
            (
                State::Uninitialized
                | State::Initializing
                | State::Ready
                | State::InTransaction
                | State::Committing
                | State::FatalError,
                _,
            ) => None,
        }
    }

    /// Whether a transaction ends: batches are sent before they are full or old enough.
    pub(super) const fn is_completing(&self) -> bool {
        matches!(self.state, State::Committing | State::Aborting)
    }

    /// `hasOngoingTransaction`.
    pub(super) const fn is_ongoing(&self) -> bool {
        self.is_completing() || matches!(self.state, State::InTransaction | State::AbortableError)
    }

    /// Whether anything is to be asked or was.
    pub(super) fn is_asking(&self) -> bool {
        self.in_flight.is_some() || self.taken.is_some() || !self.wishes.is_empty()
    }

    /// Whether a partition is to be told to the coordinator.
    pub(super) const fn has_news(&self) -> bool {
        self.new > 0
    }

    /// Whether batches of a partition may be sent (`isSendToPartitionAllowed`).
    pub(super) fn allows(&self, partition: TopicPartition) -> bool {
        self.partitions.get(partition) == Some(&Membership::Added)
    }

    /// The partitions that the coordinator is being told of.
    pub(super) fn being_added(&self) -> Vec<TopicPartition> {
        let pending = self.partitions.iter().filter(|(_, of)| **of == Membership::Pending);
        pending.map(|(partition, _)| partition).collect()
    }

    /// Why no record can be taken in, if none can (`maybeAddPartition`).
    pub(super) fn refusal(&self) -> Option<ErrorCode> {
        if let Some(code) = self.error {
            return Some(code);
        }
        let calls = self.pending.is_some();
        (calls || self.state != State::InTransaction).then_some(ErrorCode::InvalidRequest)
    }

    /// A record was taken in.
    pub(super) fn add(&mut self, partition: TopicPartition) {
        let mut is_new = false;
        self.partitions.get_or_insert_with(partition, || {
            is_new = true;
            Membership::New
        });
        self.new += u32::from(is_new);
    }

    /// Something went wrong with a record or a batch (`maybeTransitionToErrorState`).
    pub(super) fn failed(&mut self, code: ErrorCode, out: &mut Outbox) {
        match code {
            ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::ProducerFenced => self.fatal(code, out),
            _ => {
                if !self.is_completing() {
                    self.epoch = NextEpoch::Bumped;
                }
                self.abortable(code);
            }
        }
    }

    /// Sequences are left that no broker will fill.
    pub(super) fn lost_sequences(&mut self) {
        self.epoch = NextEpoch::Bumped;
        self.abortable(ErrorCode::RequestTimedOut);
    }

    /// The transaction can only be aborted from now on.
    fn abortable(&mut self, code: ErrorCode) {
        match self.state {
            State::Initializing
            | State::InTransaction
            | State::Committing
            | State::AbortableError => {
                self.state = State::AbortableError;
                self.error = Some(code);
            }
            State::Uninitialized | State::Ready | State::Aborting | State::FatalError => {}
        }
    }

    /// The producer can only be closed from now on.
    pub(super) fn fatal(&mut self, code: ErrorCode, out: &mut Outbox) {
        if code == ErrorCode::ProducerFenced {
            out.mark(Mark::ProducerFenced);
        }
        self.state = State::FatalError;
        self.error = Some(code);
        self.finish(Outcome::Fail(code), out);
    }

    /// Why nothing more is sent.
    pub(super) fn fatal_error(&self) -> Option<ErrorCode> {
        self.error.filter(|_| self.state == State::FatalError)
    }

    /// A call of the application; `deadline` is when it waits no longer.
    pub(super) fn call(
        &mut self,
        call: TransactionCall,
        op: OpId,
        deadline: Time,
        out: &mut Outbox,
    ) {
        if let Some(pending) = &mut self.pending {
            let outcome = if pending.call != call {
                Outcome::Fail(ErrorCode::InvalidRequest)
            } else if let Some(result) = pending.result {
                self.pending = None;
                result
            } else {
                pending.waiter = Some((op, deadline));
                return;
            };
            return out.complete(op, Completion::Done(outcome));
        }
        let entered = match call {
            TransactionCall::Init => self.init(),
            TransactionCall::Begin => self.begin(),
            TransactionCall::Commit => self.commit(),
            TransactionCall::Abort => self.abort(out),
        };
        match entered {
            Err(code) => out.complete(op, Completion::Done(Outcome::Fail(code))),
            Ok(None) => out.complete(op, Completion::Done(Outcome::Ok)),
            Ok(Some(on)) => {
                let (waiter, doubt) = (Some((op, deadline)), Known::No);
                self.pending = Some(Pending { call, on, waiter, result: None, doubt });
            }
        }
    }

    fn init(&mut self) -> Result<Option<Ask>, ErrorCode> {
        self.error.map_or(Ok(()), Err)?;
        if self.state != State::Uninitialized {
            return Err(ErrorCode::InvalidRequest);
        }
        self.state = State::Initializing;
        self.wish(Ask::Init, None);
        Ok(Some(Ask::Init))
    }

    fn begin(&mut self) -> Result<Option<Ask>, ErrorCode> {
        self.error.map_or(Ok(()), Err)?;
        if self.state != State::Ready {
            return Err(ErrorCode::InvalidRequest);
        }
        self.state = State::InTransaction;
        Ok(None)
    }

    fn commit(&mut self) -> Result<Option<Ask>, ErrorCode> {
        self.error.map_or(Ok(()), Err)?;
        if self.state != State::InTransaction {
            return Err(ErrorCode::InvalidRequest);
        }
        self.state = State::Committing;
        Ok(Some(self.begin_completing(Verdict::Commit)))
    }

    /// `beginAbort`; what was in flight is awaited, what was not sent is not sent any more.
    pub(super) fn abort(&mut self, out: &mut Outbox) -> Result<Option<Ask>, ErrorCode> {
        match self.state {
            State::AbortableError => {}
            State::InTransaction => self.error.map_or(Ok(()), Err)?,
            State::Uninitialized
            | State::Initializing
            | State::Ready
            | State::Committing
            | State::Aborting
            | State::FatalError => return Err(self.error.unwrap_or(ErrorCode::InvalidRequest)),
        }
        out.mark(Mark::TransactionAborted);
        self.state = State::Aborting;
        self.error = None;
        let new = self.partitions.iter().filter(|(_, of)| **of == Membership::New);
        for partition in new.map(|(partition, _)| partition).collect::<Vec<_>>() {
            self.partitions.remove(partition);
        }
        self.new = 0;
        Ok(Some(self.begin_completing(Verdict::Abort)))
    }

    /// Asks for the end of the transaction; tells whose answer is awaited.
    fn begin_completing(&mut self, verdict: Verdict) -> Ask {
        self.wish(Ask::End(verdict), None);
        match self.epoch {
            NextEpoch::Same => Ask::End(verdict),
            NextEpoch::Bumped => {
                self.wish(Ask::Bump, None);
                Ask::Bump
            }
        }
    }

    /// Puts a request in its place among those to be sent.
    pub(super) fn wish(&mut self, ask: Ask, again: Option<Span>) {
        match self.wishes.binary_search_by_key(&ask, |wish| wish.ask) {
            Ok(at) => self.wishes[at].again = self.wishes[at].again.max(again),
            Err(at) => self.wishes.insert(at, Wish { ask, again }),
        }
    }

    /// The coordinator is to be found before anything else is asked of it.
    pub(super) fn look_up(&mut self, again: Option<Span>) {
        self.coordinator = None;
        self.wish(Ask::FindCoordinator, again);
    }

    /// The next request to be sent (`nextRequest`). The end of a transaction waits for what is incomplete.
    pub(super) fn next(&mut self, incomplete: bool, out: &mut Outbox) -> Option<Taken> {
        if self.new > 0 {
            for (_, membership) in self.partitions.iter_mut() {
                if *membership == Membership::New {
                    *membership = Membership::Pending;
                }
            }
            self.new = 0;
            self.wish(Ask::AddPartitions, None);
        }
        loop {
            let ask = self.wishes.first()?.ask;
            if incomplete && matches!(ask, Ask::End(_)) {
                return None;
            }
            let wish = self.wishes.remove(0);
            if let Some(code) = self.error
                && (ask != Ask::FindCoordinator || self.state == State::FatalError)
            {
                self.give_up(ask, code, out);
                continue;
            }
            if matches!(ask, Ask::End(_)) && self.known == Known::No {
                // No record was ever sent: the coordinator knows nothing of it.
                self.complete(ask, out);
                continue;
            }
            let (until, connecting) = (None, Known::No);
            return Some(Taken { ask, again: wish.again, until, connecting });
        }
    }

    /// A request is not sent because of an error before it.
    fn give_up(&mut self, ask: Ask, code: ErrorCode, out: &mut Outbox) {
        if self.pending.is_some_and(|pending| pending.on == ask) {
            self.finish(Outcome::Fail(code), out);
        }
    }

    /// The transaction is over (`completeTransaction`).
    pub(super) fn complete(&mut self, ask: Ask, out: &mut Outbox) {
        self.forget();
        match core::mem::replace(&mut self.epoch, NextEpoch::Same) {
            NextEpoch::Same => {
                self.state = State::Ready;
                self.done(ask, out);
            }
            NextEpoch::Bumped => {
                self.state = State::Initializing;
                self.wish(Ask::Bump, None);
                // It may have turned out only now that an epoch of its own is needed.
                if let Some(pending) = &mut self.pending {
                    pending.on = Ask::Bump;
                }
            }
        }
    }

    /// It has an epoch to begin with.
    pub(super) fn initialized(&mut self, ask: Ask, out: &mut Outbox) {
        self.forget();
        (self.state, self.epoch) = (State::Ready, NextEpoch::Same);
        self.done(ask, out);
    }

    fn forget(&mut self) {
        (self.error, self.known, self.new) = (None, Known::No, 0);
        self.partitions.clear();
    }

    /// A request was answered as it should be.
    fn done(&mut self, ask: Ask, out: &mut Outbox) {
        if self.pending.is_some_and(|pending| pending.on == ask) {
            self.finish(Outcome::Ok, out);
        }
    }

    /// The partitions of a request were added, or some could not be.
    pub(super) fn added(&mut self, results: &[(TopicPartition, ErrorCode)]) {
        let failed = results.iter().find(|(_, error)| *error != ErrorCode::None);
        for (partition, _) in results {
            if failed.is_none() {
                self.partitions.insert(*partition, Membership::Added);
            } else {
                self.partitions.remove(*partition);
            }
        }
        match failed {
            Some((_, error)) => self.abortable(*error),
            None => self.known = Known::Yes,
        }
    }

    /// How long to wait before partitions are added again while the transaction before is not complete everywhere.
    pub(super) fn backoff_for_others(&self, usual: Span) -> Span {
        let any = self.partitions.iter().any(|(_, of)| *of == Membership::Added);
        if any { usual } else { usual.min(SHORT_BACKOFF) }
    }

    /// `abortableErrorIfPossible`; `ask` is the request that was answered so.
    pub(super) fn refused(&mut self, ask: Ask, code: ErrorCode, out: &mut Outbox) {
        self.epoch = NextEpoch::Bumped;
        self.abortable(code);
        self.give_up(ask, code, out);
    }

    /// `abortableError`.
    pub(super) fn refused_once(&mut self, ask: Ask, code: ErrorCode, out: &mut Outbox) {
        self.abortable(code);
        self.give_up(ask, code, out);
    }

    /// A request had no answer, or one that says nothing of whether it was heeded.
    pub(super) fn doubted(&mut self, ask: Ask) {
        if let Some(pending) = &mut self.pending
            && ask == Ask::End(Verdict::Commit)
        {
            pending.doubt = Known::Yes;
        }
    }

    /// Ends the call that is pending.
    fn finish(&mut self, outcome: Outcome, out: &mut Outbox) {
        let Some(pending) = &mut self.pending else { return };
        let outcome = match outcome {
            Outcome::Fail(code) if pending.doubt == Known::Yes => Outcome::Unknown(code),
            outcome => outcome,
        };
        if let Some((op, _)) = pending.waiter {
            self.pending = None;
            out.complete(op, Completion::Done(outcome));
        } else if pending.result.is_none() {
            pending.result = Some(outcome);
        }
    }

    /// The producer is closed: nobody waits any longer.
    pub(super) fn close(&mut self, out: &mut Outbox) {
        let code = ErrorCode::UnknownServerError;
        let sent = matches!(self.in_flight, Some(Ask::End(_)));
        self.finish(if sent { Outcome::Unknown(code) } else { Outcome::Fail(code) }, out);
    }

    /// When the call that waits does so no longer.
    pub(super) fn patience(&self) -> Option<Time> {
        self.pending?.waiter.map(|(_, deadline)| deadline)
    }

    /// `max.block.ms` is over: the operation goes on, and can be asked for again.
    pub(super) fn lose_patience(&mut self, now: Time, out: &mut Outbox) {
        if let Some(pending) = &mut self.pending
            && let Some((op, deadline)) = pending.waiter
            && deadline <= now
        {
            pending.waiter = None;
            let outcome = Outcome::Unknown(ErrorCode::RequestTimedOut);
            out.complete(op, Completion::Done(outcome));
        }
    }
}
