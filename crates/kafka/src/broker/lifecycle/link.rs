//! One conversation with whichever controller is active: one request at a time, sent until some controller answers it.
//!
//! Does not know what the requests say; the owner builds each one afresh when it is due.

use alloc::vec::Vec;

use stormglass_types::{NodeId, Rng, Span, Time};

use crate::channel::{Backoff, Channel};
use crate::message::{Correlation, Request};
use crate::{ConnId, Outbox};

/// A conversation of its own with the controllers (`NodeToControllerChannelManager`).
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// One per controller; only the present one has a connection.
    channels: Vec<Channel<()>>,
    present: usize,
    search: Search,
    /// When the next request is wanted, if one is.
    due: Option<Time>,
    timeout: Span,
}

/// Whether the active controller is known. Whoever has found it stays with it until it says that it is none, or the connection
/// ends, whatever else the broker hears (`NodeToControllerRequestThread.doWork`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Search {
    Looking,
    Found,
}

/// The channel to the controller reconnects at a steady pace (`NodeToControllerChannelManagerImpl`).
const RECONNECT: Backoff = Backoff { first: Span::millis(50), most: Span::millis(50) };

impl Link {
    pub(super) fn new(controllers: &[NodeId], timeout: Span) -> Self {
        assert!(!controllers.is_empty(), "a cluster has a controller");
        let channels = controllers.iter().map(|node| Channel::new(*node)).collect();
        Self { channels, present: 0, search: Search::Looking, due: None, timeout }
    }

    /// Wants the next request at an instant, whatever was wanted before.
    pub(super) const fn want_at(&mut self, at: Time) {
        self.due = Some(at);
    }

    /// Wants a request as soon as none is under way; one that is wanted already keeps its time.
    pub(super) fn want_soon(&mut self, now: Time) {
        if !self.is_waiting() && self.due.is_none() {
            self.due = Some(now);
        }
    }

    pub(super) const fn want_nothing(&mut self) {
        self.due = None;
    }

    /// Whether a request is under way.
    pub(super) fn is_waiting(&self) -> bool {
        self.channels[self.present].in_flight() > 0
    }

    /// Whether a request is to be sent now.
    pub(super) fn is_due(&self, now: Time) -> bool {
        !self.is_waiting()
            && self.due.is_some_and(|due| due <= now)
            && self.channels[self.present].is_ready(now)
    }

    /// When something is to be done next.
    pub(super) fn wake(&self) -> Option<Time> {
        let channel = &self.channels[self.present];
        if let Some(deadline) = channel.deadline() {
            return Some(deadline);
        }
        let due = self.due?;
        Some(if channel.conn().is_some() { due } else { due.max(channel.blocked_until()) })
    }

    pub(super) fn send(&mut self, now: Time, request: Request, out: &mut Outbox) {
        self.due = None;
        self.channels[self.present].send(request, now + self.timeout, (), out);
    }

    /// Takes an answer in; tells whether it is one.
    pub(super) fn on_response(&mut self, conn: ConnId, correlation: Correlation) -> bool {
        let is_one = self.channels[self.present].on_response(conn, correlation).is_some();
        if is_one {
            self.search = Search::Found;
        }
        is_one
    }

    /// Takes the end of a connection in: what was under way is wanted again, from the next controller.
    pub(super) fn on_closed(&mut self, now: Time, conn: ConnId, rng: &mut Rng) -> bool {
        let channel = &mut self.channels[self.present];
        if channel.conn() != Some(conn) {
            return false;
        }
        if !channel.on_closed(conn, now, RECONNECT, rng).is_empty() {
            self.due = Some(now);
        }
        self.turn();
        true
    }

    /// Gives a request up that took too long; it is wanted again, from the next controller.
    pub(super) fn expire(&mut self, now: Time, rng: &mut Rng, out: &mut Outbox) {
        if self.channels[self.present].expire(now, RECONNECT, rng, out).is_some() {
            self.due = Some(now);
            self.turn();
        }
    }

    /// Leaves a controller that is not the active one; the request is wanted again from the next.
    pub(super) fn rotate(&mut self, now: Time, rng: &mut Rng, out: &mut Outbox) {
        self.channels[self.present].disconnect(now, RECONNECT, rng, out);
        self.due = Some(now);
        self.turn();
    }

    /// Leaves a controller for the one that it named, or for the next one.
    pub(super) fn turn_to(
        &mut self,
        now: Time,
        leader: Option<NodeId>,
        rng: &mut Rng,
        out: &mut Outbox,
    ) {
        self.rotate(now, rng, out);
        if let Some(at) = leader.and_then(|leader| self.place_of(leader)) {
            self.present = at;
        }
    }

    /// Turns to a controller that is the active one, if that is looked for and no answer is awaited.
    pub(super) fn prefer(&mut self, node: NodeId) {
        if self.search == Search::Looking
            && !self.is_waiting()
            && let Some(at) = self.place_of(node)
        {
            self.present = at;
            self.search = Search::Found;
        }
    }

    /// The controller that is asked.
    pub(super) fn peer(&self) -> NodeId {
        self.channels[self.present].peer()
    }

    fn place_of(&self, node: NodeId) -> Option<usize> {
        self.channels.iter().position(|channel| channel.peer() == node)
    }

    fn turn(&mut self) {
        self.present = (self.present + 1) % self.channels.len();
        self.search = Search::Looking;
    }
}
