//! Connections to other brokers for what transactions need: ends of them are told to leaders, and leaders ask coordinators
//! (`InterBrokerSendThread`).
//!
//! Does not know what becomes of an answer; whoever asked is named by the tag.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use stormglass_types::{BrokerId, Rng, Span, Time};

use crate::channel::{Backoff, Channel};
use crate::message::{Correlation, Request};
use crate::transaction::Order;
use crate::{ConnId, Directory, Outbox, Timer};

/// How long a connection that failed is not tried again.
const RECONNECT: Backoff = Backoff { first: Span::millis(50), most: Span::millis(50) };
/// `request.timeout.ms` between brokers.
pub(super) const PATIENCE: Span = Span::secs(30);

/// Who waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Tag {
    /// The end of a transaction.
    Marker(Order),
    /// A produce request on this connection, which asks about its transaction; the number tells it from others.
    Verification(ConnId, u64),
}

/// One other broker.
#[derive(Clone, Debug)]
struct Link {
    broker: BrokerId,
    channel: Channel<Tag>,
    /// What waits for a connection that may be tried.
    queue: VecDeque<(Request, Tag)>,
    /// When [`Timer::Link`] comes.
    armed: Time,
}

/// All of them that were ever needed, in the order of their ids.
#[derive(Clone, Default, Debug)]
pub(super) struct Links {
    list: Vec<Link>,
}

impl Links {
    /// Sends a request as soon as that can be.
    pub(super) fn send(
        &mut self,
        now: Time,
        to: BrokerId,
        (request, tag): (Request, Tag),
        directory: &Directory,
        out: &mut Outbox,
    ) {
        let at = self.list.binary_search_by_key(&to, |link| link.broker).unwrap_or_else(|at| {
            let channel = Channel::new(directory.node_of(to));
            let armed = Time::NEVER;
            self.list.insert(at, Link { broker: to, channel, queue: VecDeque::new(), armed });
            at
        });
        self.list[at].queue.push_back((request, tag));
        self.list[at].pump(now, out);
    }

    /// Whose answer has come; none if the connection is not one of these.
    pub(super) fn on_response(
        &mut self,
        now: Time,
        conn: ConnId,
        correlation: Correlation,
        out: &mut Outbox,
    ) -> Option<Tag> {
        let link = self.list.iter_mut().find(|link| link.channel.conn() == Some(conn))?;
        let tag = link.channel.on_response(conn, correlation);
        link.pump(now, out);
        tag
    }

    /// Whose answers will not come; none if the connection was not one of these.
    pub(super) fn on_closed(
        &mut self,
        now: Time,
        conn: ConnId,
        rng: &mut Rng,
        out: &mut Outbox,
    ) -> Option<VecDeque<Tag>> {
        let link = self.list.iter_mut().find(|link| link.channel.conn() == Some(conn))?;
        let lost = link.channel.on_closed(conn, now, RECONNECT, rng);
        link.pump(now, out);
        Some(lost)
    }

    /// [`Timer::Link`] came up: whose answers are not waited for any longer.
    pub(super) fn on_timer(
        &mut self,
        now: Time,
        broker: BrokerId,
        rng: &mut Rng,
        out: &mut Outbox,
    ) -> VecDeque<Tag> {
        let Ok(at) = self.list.binary_search_by_key(&broker, |link| link.broker) else {
            return VecDeque::new();
        };
        let link = &mut self.list[at];
        link.armed = Time::NEVER;
        let lost = link.channel.expire(now, RECONNECT, rng, out).unwrap_or_default();
        link.pump(now, out);
        lost
    }
}

impl Link {
    fn pump(&mut self, now: Time, out: &mut Outbox) {
        while self.channel.is_ready(now)
            && let Some((request, tag)) = self.queue.pop_front()
        {
            self.channel.send(request, now + PATIENCE, tag, out);
        }
        let retry = (!self.queue.is_empty()).then(|| self.channel.blocked_until());
        let next = retry.into_iter().chain(self.channel.deadline()).min();
        if let Some(next) = next.filter(|next| *next < self.armed) {
            self.armed = next;
            out.set_timer(Timer::Link(self.broker), next);
        }
    }
}
