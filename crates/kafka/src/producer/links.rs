//! A producer's connections: one channel per broker, and which of them to ask for what anyone can answer.
//!
//! Does not know what the requests are about (`NetworkClient`, `ClusterConnectionStates`).

use alloc::vec::Vec;

use smallvec::SmallVec;
use stormglass_types::{BrokerId, Dense, IdVec, Rng, Span, Time};

use super::batch::{BatchId, PartId};
use crate::channel::Channel;
use crate::message::{MetadataRequest, Request};
use crate::settings::ProducerSettings;
use crate::{ConnId, Directory, Outbox};

/// A broker's place in the directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct LinkId(u16);

impl Dense for LinkId {
    fn index(self) -> usize {
        usize::from(self.0)
    }
    fn from_index(index: usize) -> Self {
        Self(u16::try_from(index).expect("a broker id has 16 bits"))
    }
}

/// Batches of one request, one per partition.
pub(super) type Load = SmallVec<[BatchId; 4]>;

/// What a request was about.
#[derive(Clone, Debug)]
pub(super) enum Tag {
    /// The first exchange on a connection, which shows that it is there (`ApiVersions`).
    Handshake,
    /// Metadata.
    Metadata,
    /// An id for an idempotent producer.
    InitProducerId,
    /// What a transactional producer asks of its coordinator, or who that is.
    Transaction,
    /// Batches.
    Produce(Load),
}

/// Whether a broker can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// There is no connection.
    Down,
    /// There may be one; the handshake is not answered yet.
    Connecting,
    /// Requests may be sent.
    Up,
}

/// One broker.
#[derive(Clone, Debug)]
pub(super) struct Link {
    broker: BrokerId,
    pub(super) channel: Channel<Tag>,
    pub(super) status: Status,
    last_attempt: Time,
    /// Whether the last metadata named it.
    pub(super) alive: bool,
    /// The partitions that it leads, in order.
    pub(super) parts: Vec<PartId>,
    /// Where the next request starts among them.
    pub(super) drain_index: usize,
    /// When it last had batches to be sent, and when it last could take some.
    waiting: Option<(Time, Time)>,
}

/// All brokers.
#[derive(Clone, Debug)]
pub(super) struct Links {
    links: IdVec<LinkId, Link>,
}

impl Links {
    pub(super) fn new(directory: &Directory) -> Self {
        let link = |(broker, node): &(BrokerId, _)| Link {
            broker: *broker,
            channel: Channel::new(*node),
            status: Status::Down,
            last_attempt: Time::ZERO,
            alive: false,
            parts: Vec::new(),
            drain_index: 0,
            waiting: None,
        };
        Self { links: directory.brokers.iter().map(link).collect() }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = LinkId> + use<> {
        self.links.ids()
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    pub(super) fn get(&self, link: LinkId) -> &Link {
        &self.links[link]
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> &mut Link {
        &mut self.links[link]
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.links.iter_mut()
    }

    /// The link to a broker, if the directory has it.
    pub(super) fn of(&self, broker: BrokerId) -> Option<LinkId> {
        self.links.entries().find(|(_, link)| link.broker == broker).map(|(id, _)| id)
    }

    /// The link that uses a connection.
    pub(super) fn using(&self, conn: ConnId) -> Option<LinkId> {
        self.links.entries().find(|(_, link)| link.channel.conn() == Some(conn)).map(|(id, _)| id)
    }

    /// When the first request is given up.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.links.iter().filter_map(|link| link.channel.deadline()).min()
    }

    /// When a connection may be tried again that may not be tried now.
    pub(super) fn next_attempt(&self, now: Time) -> Option<Time> {
        let down = self.links.iter().filter(|link| link.status == Status::Down);
        down.map(|link| link.channel.blocked_until()).filter(|until| *until > now).min()
    }

    /// The broker to ask what any can answer (`leastLoadedNode`): idle before busy, connected before connecting, and of the
    /// others the one not tried for longest. Starts anywhere, so that clients do not all ask the same one.
    pub(super) fn least_loaded(
        &self,
        now: Time,
        settings: &ProducerSettings,
        rng: &mut Rng,
    ) -> Option<LinkId> {
        if self.links.is_empty() {
            return None;
        }
        let start = rng.index(self.links.len());
        let order = || (0..self.links.len()).map(|at| (start + at) % self.links.len());
        // Without a broker that metadata name and that can be reached the client starts over with the bootstrap servers.
        let known = order().filter(|at| self.links[LinkId::from_index(*at)].alive);
        self.best(known, now, settings).or_else(|| self.best(order(), now, settings))
    }

    fn best(
        &self,
        order: impl Iterator<Item = usize>,
        now: Time,
        settings: &ProducerSettings,
    ) -> Option<LinkId> {
        let rank = |link: &Link| match link.status {
            Status::Up => {
                let busy = link.channel.in_flight() as u64;
                (busy < u64::from(settings.max_in_flight)).then_some((0, busy))
            }
            Status::Connecting => Some((1, 0)),
            Status::Down if link.channel.is_ready(now) => Some((2, link.last_attempt.0)),
            Status::Down => None,
        };
        let ranked =
            order.map(LinkId::from_index).filter_map(|id| Some((rank(&self.links[id])?, id)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, id)| id)
    }
}

impl Link {
    pub(super) const fn broker(&self) -> BrokerId {
        self.broker
    }

    /// Begins a connection if there is none and backoff allows one.
    pub(super) fn connect(&mut self, now: Time, settings: &ProducerSettings, out: &mut Outbox) {
        if self.status != Status::Down || !self.channel.is_ready(now) {
            return;
        }
        self.status = Status::Connecting;
        self.last_attempt = now;
        let deadline = now + settings.request_timeout.min(SETUP_TIMEOUT);
        // No answer shows what a broker supports in this model; any answer shows that the connection is there.
        let hello = Request::Metadata(MetadataRequest { topics: Vec::new() });
        self.channel.send(hello, deadline, Tag::Handshake, out);
    }

    /// Whether another request may be sent.
    pub(super) fn can_send(&self, settings: &ProducerSettings) -> bool {
        self.status == Status::Up && self.channel.in_flight() < settings.max_in_flight as usize
    }

    /// Notes that it has batches to be sent, and whether it can take some.
    pub(super) fn note_waiting(&mut self, now: Time, can_send: bool) {
        let drained = match self.waiting {
            Some((_, drained)) if !can_send => drained,
            Some(_) | None => now,
        };
        self.waiting = Some((now, drained));
    }

    /// Whether batches wait for it longer than `partitioner.availability.timeout.ms`.
    pub(super) fn is_slow(&self, timeout: Span) -> bool {
        timeout > Span::ZERO
            && self.waiting.is_some_and(|(ready, drained)| ready.since(drained) > timeout)
    }
}

/// `socket.connection.setup.timeout.ms`.
const SETUP_TIMEOUT: Span = Span::secs(10);
