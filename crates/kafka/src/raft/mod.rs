//! One voter of the controller quorum: Kafka's Raft (KRaft, KIP-595), with snapshots (KIP-630), pre-vote (KIP-996) and a
//! leader that steps down when it is alone (KAFKA-15489).
//!
//! A voter is in one of six roles. *Unattached*: knows no leader, may vote. *Prospective*: asks whether others would vote for
//! it, which raises nobody's epoch. *Candidate*: asks for votes in a new epoch. *Leader*: appends records. *Follower*: fetches
//! them. *Resigned*: led, and leads no longer in this epoch.
//!
//! Replication is pulled: a fetch says where the follower's log ends, which acknowledges everything before. The leader answers
//! with batches, with where the logs part (the follower truncates and asks again), or with a snapshot if its log begins
//! later. The high watermark is what a majority has, once that reaches into the leader's own epoch; that is why an epoch
//! begins with a record of its own. A voter tells nothing that rests on a write before that write is synced: Kafka's Raft
//! thread stands still meanwhile.
//!
//! Does not know what records mean, and decides nothing about brokers: that is the controller's, which appends while this
//! voter leads. The set of voters is fixed (KIP-853 is not modelled). Snapshots travel in one piece.

mod answers;
mod leader;
mod log;
pub mod message;
mod outcomes;
mod roles;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{LeaderEpoch, NodeId, Rng, Span, Time};

use crate::channel::{Backoff, Channel};
use crate::message::{Correlation, MetadataOffset, Request, Response};
use crate::metadata::MetadataImage;
use crate::settings::QuorumSettings;
use crate::{Boot, ConnId, Exit, Marks, Note, Now, Outbox, Rule, Rules, SyncToken, Timer};

use leader::Leader;
use message::Snapshot;
use roles::Role;

pub use log::{Election, QuorumStore};

/// A voter while its process lives.
#[derive(Clone, Debug)]
pub struct Voter {
    me: NodeId,
    /// The other voters.
    peers: Vec<Peer>,
    settings: QuorumSettings,
    rules: Rules,
    rng: Rng,
    store: QuorumStore,
    role: Role,
    /// Up to where this voter knows the log to be committed.
    high_watermark: MetadataOffset,
    /// The sync under way and the last write that it covers.
    syncing: Option<(SyncToken, u64)>,
    /// The last write that is on disk.
    durable: u64,
    /// What waits for writes to be on disk, in order.
    held: VecDeque<(u64, Held)>,
    answers: VecDeque<Answer>,
    /// Fetches at the log's end.
    parked: Vec<leader::Parked>,
    /// A snapshot that replaced the log, until whoever reads the log has seen it.
    installed: Option<Snapshot>,
    /// How often it stood for election in a row.
    tries: u32,
    ending: Ending,
    armed: Option<Time>,
    marks: Marks,
    notes: Vec<Note>,
}

/// An answer to a request that was given to [`Voter::on_request`].
#[derive(Clone, Debug)]
pub struct Answer {
    /// On which connection.
    pub conn: ConnId,
    /// To which request.
    pub correlation: Correlation,
    /// The answer.
    pub response: Response,
}

#[derive(Clone, Debug)]
struct Peer {
    node: NodeId,
    channel: Channel<u32>,
    /// The request under way whose answer still counts.
    awaited: Option<u32>,
    asked: u32,
    /// After a refusal: nothing is asked before this.
    blocked_until: Time,
}

impl Peer {
    fn is_free(&self, now: Now) -> bool {
        self.awaited.is_none() && self.channel.is_ready(now.mono) && self.blocked_until <= now.mono
    }

    /// When it may be asked again.
    fn free_at(&self) -> Time {
        self.channel.blocked_until().max(self.blocked_until)
    }
}

#[derive(Clone, Debug)]
enum Held {
    Answer(Answer),
    Request { peer: usize, ask: u32, request: Request },
}

/// Whether the process is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    No,
    /// Once another voter leads, or at this time.
    By(Time),
    /// At once: what is committed would have to be taken back.
    Broken,
    Done,
}

/// `MAX_FETCH_WAIT_MS` of the Raft client.
const MAX_FETCH_WAIT: Span = Span::millis(500);
/// How long a leader that stops waits for another one (`SharedServer`).
const SHUTDOWN_TIMEOUT: Span = Span::secs(5);

impl Voter {
    /// Starts a life on what the last one left behind (`QuorumState.initialize`).
    pub fn boot(
        now: Now,
        boot: &Boot,
        settings: QuorumSettings,
        store: QuorumStore,
        out: &mut Outbox,
    ) -> Self {
        let peers = boot.directory.controllers.iter().filter(|node| **node != boot.node);
        let peer = |node: &NodeId| Peer {
            node: *node,
            channel: Channel::new(*node),
            awaited: None,
            asked: 0,
            blocked_until: Time::ZERO,
        };
        let peers = peers.map(peer).collect();
        let store = store.opened();
        // A snapshot holds nothing but committed records.
        let high_watermark = store.snapshot().map_or(MetadataOffset(0), |last| last.place.offset);
        let mut voter = Self {
            me: boot.node,
            peers,
            settings,
            rules: boot.rules,
            rng: boot.rng.clone(),
            store,
            role: Role::Unattached { until: now.mono },
            high_watermark,
            syncing: None,
            durable: 0,
            held: VecDeque::new(),
            answers: VecDeque::new(),
            parked: Vec::new(),
            installed: None,
            tries: 0,
            ending: Ending::No,
            armed: None,
            marks: Marks::NONE,
            notes: Vec::new(),
        };
        voter.installed = voter.store.snapshot().cloned();
        voter.wake_up(now);
        voter.pump(now, out);
        voter
    }

    /// Ends this life.
    #[must_use]
    pub fn into_store(self) -> QuorumStore {
        self.store
    }

    /// What is on disk, or on its way there.
    #[must_use]
    pub const fn store(&self) -> &QuorumStore {
        &self.store
    }

    /// The newest epoch that this voter knows.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.store.election().epoch
    }

    /// The leader of that epoch, if it knows one.
    #[must_use]
    pub const fn leader(&self) -> Option<NodeId> {
        self.store.election().leader
    }

    /// Up to where this voter knows the log to be committed.
    #[must_use]
    pub const fn high_watermark(&self) -> MetadataOffset {
        self.high_watermark
    }

    /// The epoch in which this voter leads, if it does.
    #[must_use]
    pub const fn leads(&self) -> Option<LeaderEpoch> {
        match self.role {
            Role::Leader(_) => Some(self.epoch()),
            Role::Unattached { .. }
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Follower { .. }
            | Role::Resigned { .. } => None,
        }
    }

    /// The epoch in which this voter leads with everything committed that came before: only then may anybody decide on the
    /// strength of the log (`KafkaRaftClient.maybeFireLeaderChange`).
    #[must_use]
    pub fn leads_caught_up(&self) -> Option<LeaderEpoch> {
        match &self.role {
            Role::Leader(leader) => {
                let caught_up = self.high_watermark > leader.epoch_start
                    || !self.rules.on(Rule::ClaimWhenCaughtUp);
                caught_up.then(|| self.epoch())
            }
            Role::Unattached { .. }
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Follower { .. }
            | Role::Resigned { .. } => None,
        }
    }

    /// The position after the last record, those included that a leader gathers.
    #[must_use]
    pub fn end(&self) -> MetadataOffset {
        match &self.role {
            Role::Leader(leader) => leader.gathered_end(self.store.end()),
            Role::Unattached { .. }
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Follower { .. }
            | Role::Resigned { .. } => self.store.end(),
        }
    }

    /// A snapshot that stands for everything before it, told once.
    pub const fn take_installed(&mut self) -> Option<Snapshot> {
        self.installed.take()
    }

    /// The answers that may be sent, oldest first.
    pub fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    /// Takes an answer in. Tells whether the connection is one of these.
    pub fn on_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
    ) -> bool {
        let Some(peer) = self.peer_on(conn) else { return false };
        let Some(ask) = self.peers[peer].channel.on_response(conn, correlation) else {
            return true;
        };
        // Whoever changed its role waits for nothing that it asked before (`RequestManager.resetAll`).
        if self.peers[peer].awaited == Some(ask) {
            self.peers[peer].awaited = None;
            if outcomes::is_refusal(&response) {
                self.peers[peer].blocked_until = now.mono + self.settings.retry_backoff;
            }
            self.on_outcome(now, peer, response);
        }
        self.pump(now, out);
        true
    }

    /// Takes the end of a connection in. Tells whether it was one to another voter.
    pub fn on_closed(&mut self, now: Now, conn: ConnId, out: &mut Outbox) -> bool {
        self.parked.retain(|fetch| fetch.conn != conn);
        let Some(peer) = self.peer_on(conn) else { return false };
        let backoff = self.reconnect();
        let peer = &mut self.peers[peer];
        peer.channel.on_closed(conn, now.mono, backoff, &mut self.rng);
        peer.awaited = None;
        self.pump(now, out);
        true
    }

    /// Takes [`Timer::Quorum`] in.
    pub fn on_timer(&mut self, now: Now, out: &mut Outbox) {
        self.armed = None;
        let backoff = self.reconnect();
        for peer in &mut self.peers {
            if peer.channel.expire(now.mono, backoff, &mut self.rng, out).is_some() {
                peer.awaited = None;
            }
        }
        self.on_deadlines(now);
        self.pump(now, out);
    }

    /// Takes the end of a sync in. Tells whether it was one of these.
    pub fn on_synced(&mut self, now: Now, token: SyncToken, out: &mut Outbox) -> bool {
        let Some((_, write)) = self.syncing.take_if(|(expected, _)| *expected == token) else {
            return false;
        };
        self.durable = write;
        self.store.on_synced(write);
        self.advance();
        self.pump(now, out);
        true
    }

    /// Ends in good order: a leader lets another one take over first. The process exits when that is done.
    pub fn shut_down(&mut self, now: Now, out: &mut Outbox) {
        if self.ending == Ending::No {
            self.ending = Ending::By(now.mono + SHUTDOWN_TIMEOUT);
            if matches!(self.role, Role::Leader(_)) {
                self.resign(now);
            }
        }
        self.pump(now, out);
    }

    /// Keeps what the committed records say in a snapshot, once they are enough (`SnapshotGenerator`).
    pub fn maybe_snapshot(&mut self, image: &MetadataImage) {
        let last = self.store.snapshot().map_or(MetadataOffset(0), |last| last.place.offset);
        if image.offset > last && self.store.bytes_from(last) >= self.settings.snapshot_bytes {
            let retention = self.settings.retention_bytes;
            self.store.snapshot_up_to(image.offset, Arc::new(image.clone()), retention);
        }
    }

    /// What follows from any input, and from [`Self::append`]: fetches are answered, requests sent, writes synced, the
    /// timer set.
    pub fn pump(&mut self, now: Now, out: &mut Outbox) {
        self.drain(now);
        self.answer_parked(now);
        self.ask(now);
        if self.syncing.is_none() && self.store.writes() > self.durable {
            self.syncing = Some((out.sync(), self.store.writes()));
        }
        self.release(now, out);
        self.maybe_exit(now, out);
        core::mem::take(&mut self.marks).iter().for_each(|mark| out.mark(mark));
        self.notes.drain(..).for_each(|note| out.note(note));
        self.arm(now, out);
    }

    /// Ends the process if it is time to.
    fn maybe_exit(&mut self, now: Now, out: &mut Outbox) {
        let exit = match self.ending {
            Ending::No | Ending::Done => return,
            Ending::Broken => Exit::Halted,
            Ending::By(deadline) => {
                let followed = self.leader().is_some_and(|leader| leader != self.me);
                let led = matches!(self.role, Role::Resigned { .. });
                if led && !followed && now.mono < deadline {
                    return;
                }
                Exit::Clean
            }
        };
        self.ending = Ending::Done;
        out.exit(exit);
    }

    /// The last write that something said now rests on.
    fn rests_on(&self) -> u64 {
        let [election, log] = self.store.open_writes();
        let vote = if self.rules.on(Rule::VoteIsDurable) { election } else { 0 };
        let ack = if self.rules.on(Rule::FetchAcksDurable) { log } else { 0 };
        vote.max(ack)
    }

    fn answer(&mut self, conn: ConnId, correlation: Correlation, response: Response) {
        let answer = Answer { conn, correlation, response };
        self.held.push_back((self.rests_on(), Held::Answer(answer)));
    }

    fn request(&mut self, peer: usize, request: Request) {
        let rests_on = self.rests_on();
        let asked = &mut self.peers[peer];
        asked.asked += 1;
        asked.awaited = Some(asked.asked);
        self.held.push_back((rests_on, Held::Request { peer, ask: asked.asked, request }));
    }

    fn release(&mut self, now: Now, out: &mut Outbox) {
        let durable = self.durable;
        while let Some((_, held)) = self.held.pop_front_if(|(write, _)| *write <= durable) {
            match held {
                Held::Answer(answer) => self.answers.push_back(answer),
                Held::Request { peer, ask, request } => {
                    let deadline = now.mono + self.settings.request_timeout;
                    let peer = &mut self.peers[peer];
                    // Whoever changed its role meanwhile asks something else.
                    if peer.awaited == Some(ask) {
                        peer.channel.send(request, deadline, ask, out);
                    }
                }
            }
        }
    }

    fn is_free(&self, peer: usize, now: Now) -> bool {
        self.peers[peer].is_free(now)
    }

    /// Nothing that was asked before matters any more.
    fn forget_requests(&mut self) {
        for peer in &mut self.peers {
            peer.awaited = None;
        }
    }

    fn peer_on(&self, conn: ConnId) -> Option<usize> {
        self.peers.iter().position(|peer| peer.channel.conn() == Some(conn))
    }

    fn peer_of(&self, node: NodeId) -> Option<usize> {
        self.peers.iter().position(|peer| peer.node == node)
    }

    /// How many voters are more than half.
    const fn majority(&self) -> usize {
        let voters = self.peers.len() + 1;
        voters / 2 + 1
    }

    const fn reconnect(&self) -> Backoff {
        Backoff { first: self.settings.retry_backoff, most: self.settings.retry_backoff }
    }

    fn arm(&mut self, now: Now, out: &mut Outbox) {
        let asks = self.role.asks();
        let peers = self.peers.iter().filter_map(|peer| {
            let blocked = peer.free_at();
            let waits = asks && peer.awaited.is_none() && blocked > now.mono;
            peer.channel.deadline().into_iter().chain(waits.then_some(blocked)).min()
        });
        let parked = self.parked.iter().map(|fetch| fetch.deadline);
        let own = match self.ending {
            Ending::No => self.role.deadline(),
            Ending::By(at) => Some(at),
            Ending::Broken | Ending::Done => None,
        };
        let wake = peers.chain(parked).chain(own).min();
        let Some(at) = wake.map(|at| at.max(now.mono)) else { return };
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            out.set_timer(Timer::Quorum, at);
        }
    }
}

#[cfg(test)]
mod tests;
