//! What the admin client asks of group coordinators: finding one, then asking it (`DeleteConsumerGroupsHandler`).
//!
//! Talks to brokers, while everything else of the admin client talks to controllers.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{BrokerId, ErrorCode, GroupId, Rng, Time};

use super::{API_TIMEOUT, RECONNECT, REQUEST_TIMEOUT, RETRY};
use crate::channel::Channel;
use crate::message::{Correlation, DeleteGroupRequest, FindCoordinatorRequest, Request, Response};
use crate::{Completion, ConnId, Directory, Now, OpId, Outbox};

/// Calls about groups, and the connections that they use.
#[derive(Clone, Debug)]
pub(super) struct GroupCalls {
    brokers: Vec<(BrokerId, Channel<OpId>)>,
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    op: OpId,
    group: GroupId,
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
    /// Who coordinates.
    Find,
    /// The coordinator at this place, to remove the group.
    Delete(usize),
}

impl GroupCalls {
    pub(super) fn new(directory: &Directory) -> Self {
        let brokers = directory.brokers.iter();
        let brokers = brokers.map(|(id, node)| (*id, Channel::new(*node))).collect();
        Self { brokers, calls: Vec::new() }
    }

    pub(super) fn delete(&mut self, now: Now, op: OpId, group: GroupId) {
        self.calls.push(Call {
            op,
            group,
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
                let place = found.coordinator.ok().and_then(|id| places.binary_search(&id).ok());
                match place {
                    Some(place) => call.step = Step::Delete(place),
                    None => call.retry(now, rng),
                }
                return;
            }
            Response::DeleteGroups(error) => error,
            _ => return call.retry(now, rng),
        };
        let again = error.is_retriable();
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
                Step::Find => {
                    (turn, Request::FindCoordinator(FindCoordinatorRequest { group: call.group }))
                }
                Step::Delete(place) => {
                    (place, Request::DeleteGroups(DeleteGroupRequest { group: call.group }))
                }
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

impl Call {
    fn retry(&mut self, now: Now, rng: &mut Rng) {
        self.failures += 1;
        self.next_try = now.mono + RETRY.after(self.failures, rng);
    }
}
