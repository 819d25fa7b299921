//! How a producer's application uses transactions: when it begins and ends one, and what it does when one fails.
//!
//! It is one that reads its records from a source whose place it keeps with what it has committed: what no transaction of its has
//! committed it sends again, within the next one, in this life or a later one. Does not draw records, nor send them.

use stormglass_kafka::{OpId, TransactionCall};
use stormglass_types::history::{Ending, Outcome, What};
use stormglass_types::{ErrorCode, SourceId, Span, Time};

use super::producer_app::Record;
use crate::plan::{FlushEvery, Transactions};

/// An application's transactions.
#[derive(Clone, Debug)]
pub(super) struct Transacting {
    plan: Transactions,
    phase: Phase,
    /// The call that has not returned.
    calling: Option<(OpId, TransactionCall)>,
    /// What the open transaction consists of, in the order of the sends.
    records: Vec<Record>,
    /// When the open one began.
    began: Time,
    /// Nothing is tried before this.
    not_before: Time,
}

/// How far an application is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It has not called `initTransactions` with success.
    New,
    /// No transaction is open.
    Between,
    Open,
    /// `commitTransaction` took too long; it is called again.
    Committing,
    /// The transaction must be aborted.
    Failed,
    /// Its client can only be closed.
    Over,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub(super) struct Returned {
    /// What is to be written down.
    pub(super) event: Option<What>,
    /// What is to be sent again, in order.
    pub(super) again: Vec<Record>,
    /// Whether the client must be closed.
    pub(super) over: bool,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// This call.
    Call(TransactionCall),
    /// Send a record.
    Send,
    /// Nothing.
    Nothing,
}

/// How long an application waits before it tries again what has failed.
const PAUSE: Span = Span::millis(100);

impl Transacting {
    pub(super) fn new(plan: Transactions) -> Self {
        Self {
            plan,
            phase: Phase::New,
            calling: None,
            records: Vec::new(),
            began: Time::ZERO,
            not_before: Time::ZERO,
        }
    }

    /// A life begins; gives what the last one had not committed.
    pub(super) fn start(&mut self) -> Vec<Record> {
        (self.phase, self.calling, self.not_before) = (Phase::New, None, Time::ZERO);
        std::mem::take(&mut self.records)
    }

    pub(super) const fn plan(&self) -> Transactions {
        self.plan
    }

    pub(super) const fn is_calling(&self) -> bool {
        self.calling.is_some()
    }

    /// Whether its client can only be closed.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// How many records the open transaction has.
    pub(super) fn uncommitted(&self) -> usize {
        self.records.len()
    }

    /// When there is something to do, if the next record is due at `record`.
    pub(super) fn wake_at(&self, record: Option<Time>) -> Option<Time> {
        let at = match self.phase {
            Phase::New | Phase::Committing | Phase::Failed => Some(Time::ZERO),
            Phase::Over => None,
            Phase::Between => record,
            Phase::Open => match (self.commit_at(record), record) {
                (Some(commit), Some(record)) => Some(commit.min(record)),
                (commit, record) => commit.or(record),
            },
        };
        at.map(|at| at.max(self.not_before))
    }

    /// What to do now that it was woken, if the next record is due at `record`.
    pub(super) fn next(&self, now: Time, record: Option<Time>) -> Next {
        match self.phase {
            Phase::New => Next::Call(TransactionCall::Init),
            Phase::Committing => Next::Call(TransactionCall::Commit),
            Phase::Failed => Next::Call(TransactionCall::Abort),
            Phase::Between => Next::Call(TransactionCall::Begin),
            Phase::Open if self.commit_at(record).is_some_and(|at| at <= now) => {
                Next::Call(TransactionCall::Commit)
            }
            Phase::Open => Next::Send,
            Phase::Over => Next::Nothing,
        }
    }

    /// When the open transaction is committed: at once if no record will come.
    fn commit_at(&self, record: Option<Time>) -> Option<Time> {
        let count = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        match self.plan.commit {
            _ if count == 0 => None,
            _ if record.is_none() => Some(Time::ZERO),
            FlushEvery::Records(most) => (count >= most).then_some(Time::ZERO),
            FlushEvery::Time(span) => Some(self.began + span),
        }
    }

    pub(super) fn call(&mut self, op: OpId, call: TransactionCall) {
        self.calling = Some((op, call));
    }

    /// A record is part of the open transaction.
    pub(super) fn sent(&mut self, record: Record) {
        self.records.push(record);
    }

    /// `send` threw. Whether the client is good for another transaction the abort will tell.
    pub(super) fn refused(&mut self) {
        self.phase = Phase::Failed;
    }

    /// A call returned; none if it is none of these.
    pub(super) fn returned(
        &mut self,
        now: Time,
        op: OpId,
        source: SourceId,
        outcome: Outcome,
    ) -> Option<Returned> {
        let (_, call) = self.calling.take_if(|(waiting, _)| *waiting == op)?;
        let mut returned = Returned { event: None, again: Vec::new(), over: false };
        let slow = outcome == Outcome::Unknown(ErrorCode::RequestTimedOut);
        if outcome != Outcome::Ok {
            self.not_before = now + PAUSE;
        }
        let ended = |ending| Some(What::TransactionEnded { source, ending, outcome });
        match (call, outcome) {
            (TransactionCall::Init, Outcome::Ok) => self.phase = Phase::Between,
            (TransactionCall::Begin, Outcome::Ok) => {
                (self.phase, self.began) = (Phase::Open, now);
                returned.event = Some(What::TransactionBegan { source });
            }
            (TransactionCall::Commit, Outcome::Ok) => {
                self.phase = Phase::Between;
                self.records.clear();
                returned.event = ended(Ending::Commit);
            }
            (TransactionCall::Abort, Outcome::Ok) => {
                (self.phase, self.not_before) = (Phase::Between, now + PAUSE);
                returned.again = std::mem::take(&mut self.records);
                returned.event = ended(Ending::Abort);
            }
            // The call did not end the operation: it is made again.
            (TransactionCall::Init | TransactionCall::Abort, Outcome::Unknown(_)) if slow => {}
            (TransactionCall::Commit, Outcome::Unknown(_)) if slow => {
                self.phase = Phase::Committing;
            }
            (TransactionCall::Commit, Outcome::Fail(error))
                if error != ErrorCode::ProducerFenced =>
            {
                self.phase = Phase::Failed;
            }
            (TransactionCall::Commit, Outcome::Unknown(_)) => {
                self.phase = Phase::Over;
                returned.event = ended(Ending::Commit);
            }
            (TransactionCall::Commit | TransactionCall::Abort, Outcome::Fail(error)) => {
                // Its coordinator ends it, or has.
                self.phase = Phase::Over;
                let (ending, outcome) = (Ending::Abort, Outcome::Unknown(error));
                returned.event = Some(What::TransactionEnded { source, ending, outcome });
            }
            (TransactionCall::Abort, Outcome::Unknown(_)) => {
                self.phase = Phase::Over;
                returned.event = ended(Ending::Abort);
            }
            (
                TransactionCall::Init | TransactionCall::Begin,
                Outcome::Fail(_) | Outcome::Unknown(_),
            ) => self.phase = Phase::Over,
        }
        returned.over = self.phase == Phase::Over;
        Some(returned)
    }
}
