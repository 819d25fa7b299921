//! What the admin client asks of single brokers: finding the one, a group's coordinator or a partition's leader, then asking
//! it (`DeleteConsumerGroupsHandler`, `DeleteRecordsHandler`).
//!
//! Everything else of the admin client talks to controllers.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{BrokerId, ErrorCode, GroupId, Rng, Time};

use super::{API_TIMEOUT, RECONNECT, REQUEST_TIMEOUT, RETRY};
use crate::channel::Channel;
use crate::message::{
    Coordinated, Correlation, DeleteGroupRequest, DeleteRecordsRequest, FindCoordinatorRequest,
    MetadataRequest, MetadataResponse, Request, Response,
};
use crate::{Completion, ConnId, Directory, Now, OpId, Outbox};

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errand {
    /// Remove a group.
    Group(GroupId),
    /// Delete records.
    Records(DeleteRecordsRequest),
}

/// Calls about groups and records, and the connections that they use.
#[derive(Clone, Debug)]
pub(super) struct Errands {
    brokers: Vec<(BrokerId, Channel<OpId>)>,
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    op: OpId,
    errand: Errand,
    deadline: Time,
    next_try: Time,
    failures: u32,
    step: Step,
    under_way: bool,
    /// An attempt that was not answered may have taken effect.
    doubt: bool,
}

/// What is asked next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Who coordinates, or leads.
    Find,
    /// The broker at this place, to do it.
    Act(usize),
}

impl Errands {
    pub(super) fn new(directory: &Directory) -> Self {
        let brokers = directory.brokers.iter();
        let brokers = brokers.map(|(id, node)| (*id, Channel::new(*node))).collect();
        Self { brokers, calls: Vec::new() }
    }

    pub(super) fn ask(&mut self, now: Now, op: OpId, errand: Errand) {
        self.calls.push(Call {
            op,
            errand,
            deadline: now.mono + API_TIMEOUT,
            next_try: now.mono,
            failures: 0,
            step: Step::Find,
            under_way: false,
            doubt: false,
        });
    }

    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    fn channel_of(&mut self, conn: ConnId) -> Option<&mut Channel<OpId>> {
        let mut channels = self.brokers.iter_mut().map(|(_, channel)| channel);
        channels.find(|channel| channel.conn() == Some(conn))
    }

    /// Takes an answer in, if it is one of a broker's.
    pub(super) fn on_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: &Response,
        rng: &mut Rng,
        out: &mut Outbox,
    ) {
        let Some(channel) = self.channel_of(conn) else { return };
        let Some(op) = channel.on_response(conn, correlation) else { return };
        let places: Vec<BrokerId> = self.brokers.iter().map(|(broker, _)| *broker).collect();
        let Some(at) = self.calls.iter().position(|call| call.op == op) else { return };
        let call = &mut self.calls[at];
        call.under_way = false;
        let error = match *response {
            Response::FindCoordinator(found) => {
                return call.found(found.coordinator.ok(), &places, now, rng);
            }
            Response::Metadata(MetadataResponse { ref image }) => {
                let leader = match call.errand {
                    Errand::Group(_) => None,
                    Errand::Records(request) => image.leader(request.partition),
                };
                return call.found(leader.map(|(leader, _)| leader), &places, now, rng);
            }
            Response::DeleteGroups(error) | Response::DeleteRecords(error) => error,
            _ => return call.retry(now, rng),
        };
        let again = error.is_retriable() || error.is_invalid_metadata();
        let gone = error == ErrorCode::GroupIdNotFound && call.doubt;
        if again {
            call.step = Step::Find;
            return call.retry(now, rng);
        }
        let outcome = match error.check() {
            Ok(()) => Outcome::Ok,
            Err(_) if gone => Outcome::Ok,
            Err(code) => Outcome::Fail(code),
        };
        self.calls.remove(at);
        out.complete(op, Completion::Done(outcome));
    }

    pub(super) fn on_closed(&mut self, now: Now, conn: ConnId, rng: &mut Rng) {
        let Some(channel) = self.channel_of(conn) else { return };
        let unanswered = channel.on_closed(conn, now.mono, RECONNECT, rng);
        self.on_unanswered(now, &unanswered, rng);
    }

    fn on_unanswered(&mut self, now: Now, ops: &VecDeque<OpId>, rng: &mut Rng) {
        for call in self.calls.iter_mut().filter(|call| ops.contains(&call.op)) {
            call.under_way = false;
            call.doubt |= call.step != Step::Find;
            call.step = Step::Find;
            call.retry(now, rng);
        }
    }

    /// Gives up what took too long and sends what is due.
    pub(super) fn pump(&mut self, now: Now, rng: &mut Rng, out: &mut Outbox) {
        for place in 0..self.brokers.len() {
            let channel = &mut self.brokers[place].1;
            if let Some(unanswered) = channel.expire(now.mono, RECONNECT, rng, out) {
                self.on_unanswered(now, &unanswered, rng);
            }
        }
        self.calls.retain(|call| {
            let over = call.deadline <= now.mono && !call.under_way;
            if over {
                let outcome = Outcome::Unknown(ErrorCode::RequestTimedOut);
                out.complete(call.op, Completion::Done(outcome));
            }
            !over
        });
        let brokers = &mut self.brokers;
        for call in self.calls.iter_mut().filter(|call| !call.under_way) {
            let turn = usize::try_from(call.failures).unwrap_or(0) % brokers.len().max(1);
            let (place, request) = match call.step {
                Step::Find => (turn, call.errand.question()),
                Step::Act(place) => (place, call.errand.request()),
            };
            let Some((_, channel)) = brokers.get_mut(place) else { continue };
            if call.next_try <= now.mono && channel.is_ready(now.mono) {
                let deadline = call.deadline.min(now.mono + REQUEST_TIMEOUT);
                channel.send(request, deadline, call.op, out);
                call.under_way = true;
            } else if call.next_try <= now.mono {
                // Another broker may be reachable after the backoff.
                call.step = Step::Find;
                call.retry(now, rng);
            }
        }
    }

    /// Closes every connection.
    pub(super) fn end(&mut self, now: Now, rng: &mut Rng, out: &mut Outbox) {
        for (_, channel) in &mut self.brokers {
            if channel.conn().is_some() {
                channel.disconnect(now.mono, RECONNECT, rng, out);
            }
        }
    }

    /// When something is due.
    pub(super) fn wake(&self) -> Option<Time> {
        let waiting = self.calls.iter().filter(|call| !call.under_way);
        let calls = waiting.map(|call| call.next_try.min(call.deadline));
        calls.chain(self.brokers.iter().filter_map(|(_, channel)| channel.deadline())).min()
    }
}

impl Errand {
    /// Asks whose business it is.
    fn question(self) -> Request {
        match self {
            Self::Group(group) => {
                Request::FindCoordinator(FindCoordinatorRequest { of: Coordinated::Group(group) })
            }
            Self::Records(request) => {
                Request::Metadata(MetadataRequest { topics: vec![request.partition.topic] })
            }
        }
    }

    /// Asks that it be done.
    const fn request(self) -> Request {
        match self {
            Self::Group(group) => Request::DeleteGroups(DeleteGroupRequest { group }),
            Self::Records(request) => Request::DeleteRecords(request),
        }
    }
}

impl Call {
    fn found(&mut self, who: Option<BrokerId>, places: &[BrokerId], now: Now, rng: &mut Rng) {
        match who.and_then(|who| places.binary_search(&who).ok()) {
            Some(place) => self.step = Step::Act(place),
            None => self.retry(now, rng),
        }
    }

    fn retry(&mut self, now: Now, rng: &mut Rng) {
        self.failures += 1;
        self.next_try = now.mono + RETRY.after(self.failures, rng);
    }
}
