//! The admin client: creates and deletes topics, raises their numbers of partitions, moves leaderships, removes groups and
//! records (`KafkaAdminClient`).
//!
//! Talks to the controllers directly (`bootstrap.controllers`, KIP-919) but for groups and records, and has no settings: an operator's
//! defaults. Does not
//! watch whether brokers have applied what the controller accepted.

use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, Offset, Rng, Span, Time};

use crate::channel::{Backoff, Channel};
use crate::message::{
    AlterConfigsRequest, Api, Correlation, CreatePartitionsRequest, DeleteRecordsRequest,
    ElectLeadersRequest, Msg, ReassignmentRequest, Request, Response,
};
use crate::{Boot, Call, Completion, ConnId, Exit, Input, Machine, Now, OpId, Outbox, Timer};

mod errands;

use errands::{Errand, Errands};

/// An admin client.
#[derive(Clone, Debug)]
pub struct Admin {
    /// One per controller; only the present one has a connection, with at most one request under way.
    controllers: Vec<Channel<()>>,
    present: usize,
    brokers: Errands,
    rng: Rng,
    /// Calls that have not ended, oldest first.
    calls: Vec<Pending>,
    /// The call whose request is under way.
    sent: Option<OpId>,
    /// Calls of `close` that wait for the others.
    closing: Vec<OpId>,
    ending: Ending,
    /// When the timer was set to go off.
    armed: Option<Time>,
}

#[derive(Clone, Debug)]
struct Pending {
    op: OpId,
    request: Request,
    /// When the call is given up (`default.api.timeout.ms`).
    deadline: Time,
    next_try: Time,
    failures: u32,
    trace: Trace,
}

/// What earlier attempts of a call may have left behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trace {
    /// Nothing: each was refused, for this reason at last.
    Refused(ErrorCode),
    /// One was not answered, or not for certain: it may have taken effect, or may yet.
    Possible,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    No,
    /// The process ends once no call is left.
    Asked,
}

/// What an answer means for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    End(Outcome),
    Again(Trace),
    /// Again, from another controller.
    Elsewhere,
}

/// `default.api.timeout.ms`.
const API_TIMEOUT: Span = Span::secs(60);
/// `request.timeout.ms`.
const REQUEST_TIMEOUT: Span = Span::secs(30);
/// `retry.backoff.ms`, `retry.backoff.max.ms`.
const RETRY: Backoff = Backoff { first: Span::millis(100), most: Span::millis(1_000) };
/// `reconnect.backoff.ms`, `reconnect.backoff.max.ms`.
const RECONNECT: Backoff = Backoff { first: Span::millis(50), most: Span::millis(1_000) };

impl Machine for Admin {
    type Setup = ();
    type Store = ();

    fn boot(_now: Now, boot: Boot, _setup: (), _store: (), _out: &mut Outbox) -> Self {
        let controllers = &boot.directory.controllers;
        assert!(!controllers.is_empty(), "a cluster has a controller");
        Self {
            controllers: controllers.iter().map(|node| Channel::new(*node)).collect(),
            present: 0,
            brokers: Errands::new(&boot.directory),
            rng: boot.rng,
            calls: Vec::new(),
            sent: None,
            closing: Vec::new(),
            ending: Ending::No,
            armed: None,
        }
    }

    fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Call(op, call) => self.on_call(now, op, call, out),
            Input::Recv(conn, Msg::Response(correlation, response)) => {
                self.on_response(now, conn, correlation, &response, out);
            }
            Input::Closed(conn) => self.on_closed(now, conn),
            Input::Timer(_) => self.on_timer(now, out),
            Input::Shutdown => self.ending = Ending::Asked,
            // Nobody has business with an admin client.
            Input::Opened(conn, _) | Input::Recv(conn, Msg::Request(..)) => out.close(conn),
            Input::Synced(_) => {}
        }
        self.pump(now, out);
    }

    fn into_store(self) {}
}

impl Admin {
    fn on_call(&mut self, now: Now, op: OpId, call: Call, out: &mut Outbox) {
        let request = match call {
            Call::CreateTopic(topic) => Request::CreateTopics(topic),
            Call::CreatePartitions { topic, partitions } => {
                Request::CreatePartitions(CreatePartitionsRequest { topic, partitions })
            }
            Call::ElectLeader { partition, to } => {
                Request::ElectLeaders(ElectLeadersRequest { partition, to })
            }
            Call::DeleteTopic(topic) => Request::DeleteTopics(topic),
            Call::DeleteGroup(group) => {
                return self.brokers.ask(now, op, Errand::Group(group));
            }
            Call::DeleteRecords { partition, before } => {
                let before = before.unwrap_or(Offset::UNKNOWN);
                let request = DeleteRecordsRequest { partition, before };
                return self.brokers.ask(now, op, Errand::Records(request));
            }
            Call::Reassign { partition, replicas } => {
                Request::AlterPartitionReassignments(ReassignmentRequest { partition, replicas })
            }
            Call::Throttle(replication_rate) => {
                Request::IncrementalAlterConfigs(AlterConfigsRequest { replication_rate })
            }
            Call::Close => return self.closing.push(op),
            Call::Send(_) => {
                return out.complete(op, Completion::Refused(ErrorCode::InvalidRequest));
            }
            Call::Flush
            | Call::Transaction(_)
            | Call::CloseWithin(_)
            | Call::Subscribe(_)
            | Call::SubscribeMatching(_)
            | Call::Poll(_)
            | Call::CommitSync(_)
            | Call::CommitAsync(_)
            | Call::Steer(_) => {
                let outcome = Outcome::Fail(ErrorCode::InvalidRequest);
                return out.complete(op, Completion::Done(outcome));
            }
        };
        self.calls.push(Pending {
            op,
            request,
            deadline: now.mono + API_TIMEOUT,
            next_try: now.mono,
            failures: 0,
            trace: Trace::Refused(ErrorCode::RequestTimedOut),
        });
    }

    fn on_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: &Response,
        out: &mut Outbox,
    ) {
        if self.controllers[self.present].on_response(conn, correlation).is_none() {
            self.brokers.on_response(now, conn, correlation, response, &mut self.rng, out);
            return;
        }
        let at = self.sent_at().expect("an answer is that of the request under way");
        let (Response::CreateTopics(error)
        | Response::CreatePartitions(error)
        | Response::DeleteTopics(error)
        | Response::AlterPartitionReassignments(error)
        | Response::IncrementalAlterConfigs(error)
        | Response::ElectLeaders(error)) = *response
        else {
            // A peer that answers something else is none to talk to.
            self.leave(now, out);
            return self.again(now, Trace::Possible);
        };
        match self.calls[at].judge(error) {
            Verdict::End(outcome) => {
                self.sent = None;
                let op = self.calls.remove(at).op;
                out.complete(op, Completion::Done(outcome));
            }
            Verdict::Again(trace) => self.again(now, trace),
            Verdict::Elsewhere => {
                self.leave(now, out);
                // What a controller had decided before it lost the quorum may stand all the same.
                self.again(now, Trace::Possible);
            }
        }
    }

    fn on_closed(&mut self, now: Now, conn: ConnId) {
        let channel = &mut self.controllers[self.present];
        if channel.conn() != Some(conn) {
            self.brokers.on_closed(now, conn, &mut self.rng);
            return;
        }
        channel.on_closed(conn, now.mono, RECONNECT, &mut self.rng);
        self.turn();
        self.again(now, Trace::Possible);
    }

    fn on_timer(&mut self, now: Now, out: &mut Outbox) {
        self.armed = None;
        let channel = &mut self.controllers[self.present];
        if channel.expire(now.mono, RECONNECT, &mut self.rng, out).is_some() {
            self.turn();
            self.again(now, Trace::Possible);
        }
    }

    fn sent_at(&self) -> Option<usize> {
        let sent = self.sent?;
        self.calls.iter().position(|call| call.op == sent)
    }

    /// Lets the call under way, if there is one, be tried again after a while.
    fn again(&mut self, now: Now, trace: Trace) {
        let Some(at) = self.sent_at() else { return };
        self.sent = None;
        let call = &mut self.calls[at];
        call.failures += 1;
        call.next_try = now.mono + RETRY.after(call.failures, &mut self.rng);
        if call.trace != Trace::Possible {
            call.trace = trace;
        }
    }

    /// Turns from a controller to the next one, if there is another.
    fn leave(&mut self, now: Now, out: &mut Outbox) {
        if self.controllers.len() > 1 {
            let channel = &mut self.controllers[self.present];
            channel.disconnect(now.mono, RECONNECT, &mut self.rng, out);
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.present = (self.present + 1) % self.controllers.len();
    }

    /// Gives up what took too long, sends what is due, ends if there is nothing left to do.
    fn pump(&mut self, now: Now, out: &mut Outbox) {
        let sent = self.sent;
        self.calls.retain(|call| {
            let over = call.deadline <= now.mono && Some(call.op) != sent;
            if over {
                out.complete(call.op, Completion::Done(call.given_up()));
            }
            !over
        });
        let channel = &mut self.controllers[self.present];
        if sent.is_none() && channel.is_ready(now.mono) {
            let due = self.calls.iter().find(|call| call.next_try <= now.mono);
            if let Some(call) = due {
                let deadline = call.deadline.min(now.mono + REQUEST_TIMEOUT);
                channel.send(call.request.clone(), deadline, (), out);
                self.sent = Some(call.op);
            }
        }
        self.brokers.pump(now, &mut self.rng, out);
        if self.calls.is_empty() && self.brokers.is_idle() {
            self.end(now, out);
        }
        self.arm(out);
    }

    fn end(&mut self, now: Now, out: &mut Outbox) {
        if self.closing.is_empty() && self.ending == Ending::No {
            return;
        }
        for op in self.closing.drain(..) {
            out.complete(op, Completion::Done(Outcome::Ok));
        }
        let channel = &mut self.controllers[self.present];
        if channel.conn().is_some() {
            channel.disconnect(now.mono, RECONNECT, &mut self.rng, out);
        }
        self.brokers.end(now, &mut self.rng, out);
        if self.ending == Ending::Asked {
            self.ending = Ending::No;
            out.exit(Exit::Clean);
        }
    }

    fn arm(&mut self, out: &mut Outbox) {
        let wake = self.wake();
        if wake == self.armed {
            return;
        }
        self.armed = wake;
        match wake {
            Some(at) => out.set_timer(Timer::Admin, at),
            None => out.cancel_timer(Timer::Admin),
        }
    }

    fn wake(&self) -> Option<Time> {
        let channel = &self.controllers[self.present];
        let ready = if channel.conn().is_some() { Time::ZERO } else { channel.blocked_until() };
        let waiting = self.calls.iter().filter(|call| Some(call.op) != self.sent);
        let wakes = waiting.map(|call| match self.sent {
            Some(_) => call.deadline,
            None => call.next_try.max(ready).min(call.deadline),
        });
        wakes.chain(channel.deadline()).chain(self.brokers.wake()).min()
    }
}

impl Pending {
    /// What an answer means.
    fn judge(&self, error: ErrorCode) -> Verdict {
        let api = self.request.api();
        if error == ErrorCode::None || self.is_as_wanted(api, error) {
            return Verdict::End(Outcome::Ok);
        }
        if error == ErrorCode::NotController {
            return Verdict::Elsewhere;
        }
        // The controller timed out, but the record may be in its log.
        if error == ErrorCode::RequestTimedOut {
            return Verdict::Again(Trace::Possible);
        }
        // Brokers register while the cluster starts; an operator's script waits for them. Codes that make other clients
        // refresh their metadata tell of one topic or partition here: they are reported, not retried.
        let too_early = api == Api::CreateTopics && error == ErrorCode::InvalidReplicationFactor;
        if too_early || (error.is_retriable() && !error.is_invalid_metadata()) {
            return Verdict::Again(Trace::Refused(error));
        }
        Verdict::End(match self.trace {
            Trace::Refused(_) => Outcome::Fail(error),
            Trace::Possible => Outcome::Unknown(error),
        })
    }

    /// Whether a refusal says that things are as the call wants them, perhaps by an attempt that was not answered.
    fn is_as_wanted(&self, api: Api, error: ErrorCode) -> bool {
        let repeated = self.trace == Trace::Possible;
        (api == Api::CreateTopics && error == ErrorCode::TopicAlreadyExists && repeated)
            || (api == Api::DeleteTopics && error == ErrorCode::UnknownTopicOrPartition && repeated)
            || (api == Api::CreatePartitions && error == ErrorCode::InvalidPartitions && repeated)
            || (api == Api::AlterPartitionReassignments
                && error == ErrorCode::NoReassignmentInProgress
                && repeated)
            || (api == Api::ElectLeaders && error == ErrorCode::ElectionNotNeeded)
    }

    /// How the call ends when its time is over.
    fn given_up(&self) -> Outcome {
        match self.trace {
            Trace::Refused(error) => Outcome::Fail(error),
            Trace::Possible => Outcome::Unknown(ErrorCode::RequestTimedOut),
        }
    }
}

#[cfg(test)]
mod tests;
