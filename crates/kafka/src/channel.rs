//! A client's connection to one node: connects on demand, keeps requests in order, gives up on silence.
//!
//! This is the part of Kafka's `NetworkClient` that every client of the protocol shares, brokers included. It does not know
//! what the requests mean, and sets no timers: the owner asks for [`Channel::deadline`] and calls [`Channel::expire`].

use alloc::collections::VecDeque;

use stormglass_types::{NodeId, Rng, Span, Time};

use crate::message::{Correlation, Request};
use crate::{ConnId, Outbox};

/// One peer, reached over one connection at a time.
#[derive(Clone, Debug)]
pub struct Channel<T> {
    peer: NodeId,
    conn: Option<ConnId>,
    /// Requests without an answer, oldest first; answers come in this order.
    waiting: VecDeque<Pending<T>>,
    next_correlation: u32,
    /// Failed connections in a row, for exponential backoff.
    failures: u32,
    /// No connection is made before this.
    blocked_until: Time,
}

#[derive(Clone, Debug)]
struct Pending<T> {
    correlation: Correlation,
    deadline: Time,
    tag: T,
}

/// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// After the first failure.
    pub first: Span,
    /// Never more than this.
    pub most: Span,
}

impl Backoff {
    /// The wait after `failures` failures in a row: doubles each time, with 20 % jitter (`ExponentialBackoff`).
    pub fn after(&self, failures: u32, rng: &mut Rng) -> Span {
        if self.first >= self.most {
            return self.first;
        }
        let doubled = self.first.times(1 << failures.saturating_sub(1).min(20)).min(self.most);
        let jitter = rng.upto(doubled.0 / 5 * 2);
        Span(doubled.0 - doubled.0 / 5 + jitter).min(self.most)
    }
}

impl<T> Channel<T> {
    /// A channel to a node, not yet connected.
    #[must_use]
    pub const fn new(peer: NodeId) -> Self {
        Self {
            peer,
            conn: None,
            waiting: VecDeque::new(),
            next_correlation: 0,
            failures: 0,
            blocked_until: Time::ZERO,
        }
    }

    /// Whom it reaches.
    #[must_use]
    pub const fn peer(&self) -> NodeId {
        self.peer
    }

    /// The connection in use, if any.
    #[must_use]
    pub const fn conn(&self) -> Option<ConnId> {
        self.conn
    }

    /// How many requests have no answer yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a request may be sent now: connected, or free to connect.
    #[must_use]
    pub fn is_ready(&self, now: Time) -> bool {
        self.conn.is_some() || now >= self.blocked_until
    }

    /// When a connection may be tried again.
    #[must_use]
    pub const fn blocked_until(&self) -> Time {
        self.blocked_until
    }

    /// Sends a request, connecting first where needed. The caller has asked [`Self::is_ready`]. `tag` comes back with the answer.
    pub fn send(&mut self, request: Request, deadline: Time, tag: T, out: &mut Outbox) -> ConnId {
        let correlation = Correlation(self.next_correlation);
        self.next_correlation += 1;
        let conn = *self.conn.get_or_insert_with(|| out.connect(self.peer));
        self.waiting.push_back(Pending { correlation, deadline, tag });
        out.request(conn, correlation, request);
        conn
    }

    /// Sends a request to which no answer will come (`acks=0`).
    pub fn send_and_forget(&mut self, request: Request, out: &mut Outbox) {
        let correlation = Correlation(self.next_correlation);
        self.next_correlation += 1;
        let conn = *self.conn.get_or_insert_with(|| out.connect(self.peer));
        out.request(conn, correlation, request);
    }

    /// Takes an answer in: the tag of the request that it answers; none if it is not from the present connection.
    pub fn on_response(&mut self, conn: ConnId, correlation: Correlation) -> Option<T> {
        if self.conn != Some(conn) {
            return None;
        }
        let answered = self.waiting.pop_front()?;
        assert!(
            answered.correlation == correlation,
            "answers come in the order of requests: expected {:?}, got {correlation:?}",
            answered.correlation
        );
        self.failures = 0;
        Some(answered.tag)
    }

    /// Takes the end of a connection in: the tags of all requests that will get no answer, oldest first.
    /// Empty, without effect, if it is not the present connection.
    pub fn on_closed(
        &mut self,
        conn: ConnId,
        now: Time,
        backoff: Backoff,
        rng: &mut Rng,
    ) -> VecDeque<T> {
        if self.conn != Some(conn) {
            return VecDeque::new();
        }
        self.fail(now, backoff, rng)
    }

    /// When the oldest request without an answer is given up.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.waiting.front().map(|oldest| oldest.deadline)
    }

    /// Gives up if the oldest request's time is over: closes the connection, as `NetworkClient` does, and returns the tags of
    /// all requests that will get no answer. The peer may still act on them.
    pub fn expire(
        &mut self,
        now: Time,
        backoff: Backoff,
        rng: &mut Rng,
        out: &mut Outbox,
    ) -> Option<VecDeque<T>> {
        if self.deadline()? > now {
            return None;
        }
        Some(self.disconnect(now, backoff, rng, out))
    }

    /// Closes the connection, if there is one, and returns the tags of all requests that will get no answer.
    pub fn disconnect(
        &mut self,
        now: Time,
        backoff: Backoff,
        rng: &mut Rng,
        out: &mut Outbox,
    ) -> VecDeque<T> {
        if let Some(conn) = self.conn {
            out.close(conn);
        }
        self.fail(now, backoff, rng)
    }

    fn fail(&mut self, now: Time, backoff: Backoff, rng: &mut Rng) -> VecDeque<T> {
        self.conn = None;
        self.failures += 1;
        self.blocked_until = now + backoff.after(self.failures, rng);
        core::mem::take(&mut self.waiting).into_iter().map(|pending| pending.tag).collect()
    }
}
