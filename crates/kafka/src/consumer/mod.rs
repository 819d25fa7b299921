//! A member of a consumer group, as Kafka's Java client with either `group.protocol`.
//!
//! Behaves as Java's client; what librdkafka does otherwise is in its settings. Two threads are modelled: the application's, which exists while a call of its blocks, and the heartbeat thread. Answers
//! are read by whichever of the two is on the network; while neither is, they wait in the socket. With the consumer protocol the
//! second one is always there. What the application does with records is not known here, nor are transactions and reading from
//! followers.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use stormglass_types::{ErrorCode, GroupId, Rng, Time};

use crate::message::{Correlation, MetadataRequest, Msg, Request, Response};
use crate::settings::ConsumerSettings;
use crate::{Boot, ConnId, ConsumerSetup, Input, Machine, Mark, Now, Outbox, Rule, Rules, Timer};

mod alone;
mod app;
mod commits;
mod coordinator;
mod fetcher;
mod heartbeat;
mod membership;
mod metadata;
mod modern;
mod network;
mod positions;
mod steering;
#[cfg(test)]
mod tests;

use app::App;

/// One life of a consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    settings: Arc<ConsumerSettings>,
    group: GroupId,
    rules: Rules,
    rng: Rng,
    app: App,
    links: network::Links,
    /// What arrived while nobody was on the network.
    unread: VecDeque<Arrival>,
    metadata: metadata::ClientMetadata,
    coordinator: coordinator::Coordinator,
    group_state: membership::Membership,
    /// What a member of the consumer protocol is.
    modern: Box<modern::Modern>,
    heart: heartbeat::Heart,
    assignment: positions::Assignment,
    /// The question for committed offsets that is under way.
    lookup: Option<positions::Lookup>,
    /// No such question before this.
    lookup_at: Time,
    lookup_failures: u32,
    fetcher: fetcher::Fetcher,
    commits: commits::Commits,
    steering: steering::Steering,
    /// An error that the next poll throws.
    thrown: Option<ErrorCode>,
    /// When the timers set will fire; never where none is.
    poll_timer: Time,
    heartbeat_timer: Time,
}

/// How far a pass of `poll` came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Everything is in place.
    Ready,
    /// Something is under way; buffered records may be handed out meanwhile.
    Pending,
    /// The thread waits, and does nothing else.
    Blocked,
}

/// Something that a connection brought.
#[derive(Clone, Debug)]
enum Arrival {
    Answer(ConnId, Correlation, Response),
    Closed(ConnId),
}

impl Machine for Consumer {
    type Setup = ConsumerSetup;
    type Store = ();

    fn boot(now: Now, boot: Boot, setup: ConsumerSetup, (): (), _out: &mut Outbox) -> Self {
        let links = network::Links::new(&boot.directory);
        let mut consumer = Self {
            settings: setup.settings,
            group: setup.group,
            rules: boot.rules,
            rng: boot.rng,
            app: App::Away,
            unread: VecDeque::new(),
            metadata: metadata::ClientMetadata::new(links.brokers()),
            coordinator: coordinator::Coordinator::UNKNOWN,
            group_state: membership::Membership::new(),
            modern: Box::new(modern::Modern::new()),
            heart: heartbeat::Heart::new(now.mono),
            assignment: positions::Assignment::new(),
            lookup: None,
            lookup_at: Time::ZERO,
            lookup_failures: 0,
            fetcher: fetcher::Fetcher::new(links.brokers().len()),
            commits: commits::Commits::new(),
            steering: steering::Steering::NONE,
            thrown: None,
            poll_timer: Time::NEVER,
            heartbeat_timer: Time::NEVER,
            links,
        };
        consumer.schedule_auto_commit(now.mono);
        consumer
    }

    fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Opened(conn, _) | Input::Recv(conn, Msg::Request(..)) => out.close(conn),
            Input::Recv(conn, Msg::Response(correlation, response)) => {
                self.unread.push_back(Arrival::Answer(conn, correlation, response));
            }
            Input::Closed(conn) => self.unread.push_back(Arrival::Closed(conn)),
            Input::Timer(timer) => self.on_timer(timer),
            Input::Synced(_) => {}
            Input::Call(op, call) => self.on_call(now, op, call, out),
            Input::Shutdown => self.begin_close(now, None, out),
        }
        self.read(now, out);
        if self.is_on_network() {
            self.give_up_on_silence(now, out);
            self.refresh_metadata(now, out);
        }
        self.advance(now, out);
        self.beat(now, out);
        if self.is_on_network() {
            self.refresh_metadata(now, out);
        }
        self.arm(now, out);
    }

    fn into_store(self) {}
}

impl Consumer {
    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Poll => self.poll_timer = Time::NEVER,
            Timer::Heartbeat => self.heartbeat_timer = Time::NEVER,
            Timer::Fetcher(_)
            | Timer::Purgatory
            | Timer::IsrCheck
            | Timer::HighWatermarkCheckpoint
            | Timer::Retention
            | Timer::Cleaner
            | Timer::Writeback
            | Timer::Lifecycle
            | Timer::MetadataFetch
            | Timer::Startup
            | Timer::ProducerExpiry
            | Timer::GroupCoordinator
            | Timer::TransactionCoordinator
            | Timer::Link(_)
            | Timer::SessionCheck
            | Timer::LeaderBalance
            | Timer::ControllerPurgatory
            | Timer::Sender
            | Timer::Blocked
            | Timer::Quorum
            | Timer::Admin
            | Timer::Application => {}
        }
    }

    /// Whether a thread reads from and writes to connections now.
    fn is_on_network(&self) -> bool {
        match self.app {
            App::Away => {
                self.steering.is_background()
                    || self.works_alone()
                    || self.is_modern()
                    || self.heart_beats()
            }
            App::Polling { .. } | App::Committing { .. } | App::Closing(_) => true,
            App::Closed => false,
        }
    }

    /// Takes in what arrived, as long as somebody is there to read it.
    fn read(&mut self, now: Now, out: &mut Outbox) {
        while self.is_on_network() {
            match self.unread.pop_front() {
                Some(Arrival::Answer(conn, correlation, response)) => {
                    self.on_answer(now, conn, correlation, response, out);
                }
                Some(Arrival::Closed(conn)) => {
                    if let Some(link) = self.links.of(conn) {
                        let backoff = self.settings.reconnect_backoff;
                        let channel = self.links.get_mut(link);
                        let unanswered = channel.on_closed(conn, now.mono, backoff, &mut self.rng);
                        self.on_disconnected(now, link, unanswered, out);
                    }
                }
                None => return,
            }
        }
    }

    fn on_answer(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
    ) {
        use network::Tag;
        let Some(link) = self.links.of(conn) else { return };
        let Some(tag) = self.links.get_mut(link).on_response(conn, correlation) else { return };
        match (tag, response) {
            (Tag::Metadata, Response::Metadata(response)) => {
                let how = (self.settings.retry_backoff, self.rules);
                self.metadata.update(now.mono, &response.image, how, &mut self.rng, out);
                if self.rules.on(Rule::MetadataUntilEpoch) && self.metadata.is_behind() {
                    self.metadata.request();
                }
                self.lead(now, out);
            }
            (Tag::FindCoordinator, Response::FindCoordinator(response)) => {
                self.on_coordinator(now, response.coordinator, out);
            }
            (Tag::Fetch, Response::Fetch(response)) => {
                if let network::Link::Data(place) = link {
                    self.fetcher.on_response(place, response);
                }
            }
            (Tag::ListOffsets(asked), Response::ListOffsets(response)) => {
                self.on_listed(now, &asked, &response, out);
            }
            (Tag::EpochEnd(asked), Response::OffsetsForLeaderEpoch(response)) => {
                self.on_epoch_ends(now, &asked, &response, out);
            }
            (Tag::Join(sent), Response::JoinGroup(response)) => {
                self.on_joined(now, sent, response, out);
            }
            (Tag::Sync(sent), Response::SyncGroup(response)) => {
                self.on_synced(now, sent, response, out);
            }
            (Tag::Heartbeat(sent), Response::Heartbeat(code)) => {
                self.on_heartbeat(now, sent, code, out);
            }
            (Tag::Leave, Response::LeaveGroup(_)) => {}
            (Tag::Member(attempt), Response::ConsumerGroupHeartbeat(response)) => {
                self.on_member(now, attempt, response, out);
            }
            (Tag::Goodbye, Response::ConsumerGroupHeartbeat(_)) => {}
            (Tag::Commit(commit), Response::OffsetCommit(response)) => {
                self.on_commit_over(now, commit, Ok(&response.results), out);
            }
            (Tag::OffsetFetch, Response::OffsetFetch(response)) => {
                self.on_committed(now, Ok(response), out);
            }
            (tag, response) => {
                assert!(tag.api() != response.api(), "every answer that fits has an arm above");
                let backoff = self.settings.reconnect_backoff;
                let channel = self.links.get_mut(link);
                let mut unanswered = channel.disconnect(now.mono, backoff, &mut self.rng, out);
                unanswered.push_front(tag);
                self.on_disconnected(now, link, unanswered, out);
            }
        }
    }

    /// A connection ended: all that was asked on it has failed.
    fn on_disconnected(
        &mut self,
        now: Now,
        link: network::Link,
        unanswered: VecDeque<network::Tag>,
        out: &mut Outbox,
    ) {
        self.metadata.request();
        self.lost_coordinator(link);
        if let network::Link::Data(place) = link {
            for partition in self.fetcher.on_failed(place) {
                self.assignment.forget_preferred(partition);
            }
        }
        for tag in unanswered {
            self.on_unanswered(now, tag, out);
        }
    }

    /// A request will get no answer; whether it took effect is not known.
    fn on_unanswered(&mut self, now: Now, tag: network::Tag, out: &mut Outbox) {
        use network::Tag;
        match tag {
            Tag::Metadata => {
                let backoff = self.settings.retry_backoff;
                self.metadata.failed(now.mono, backoff, &mut self.rng);
            }
            Tag::FindCoordinator => self.on_find_unanswered(now, out),
            Tag::Fetch | Tag::Leave | Tag::Goodbye => {}
            Tag::Member(attempt) => self.on_member_unanswered(now.mono, attempt),
            Tag::ListOffsets(asked) => {
                asked.iter().for_each(|(partition, _)| self.retry_position(*partition, now.mono));
            }
            Tag::EpochEnd(asked) => {
                asked.iter().for_each(|(partition, _)| self.retry_position(*partition, now.mono));
            }
            Tag::Join(_) | Tag::Sync(_) => self.on_join_unanswered(),
            Tag::Heartbeat(_) => self.missed(now.mono),
            Tag::Commit(commit) => {
                self.on_commit_over(now, commit, Err(ErrorCode::NetworkException), out);
            }
            Tag::OffsetFetch => self.on_committed(now, Err(ErrorCode::NetworkException), out),
        }
    }

    /// Ends connections whose oldest request went unanswered for too long.
    fn give_up_on_silence(&mut self, now: Now, out: &mut Outbox) {
        if self.links.deadline() > now.mono {
            return;
        }
        for link in self.links.all() {
            let backoff = self.settings.reconnect_backoff;
            let channel = self.links.get_mut(link);
            if let Some(unanswered) = channel.expire(now.mono, backoff, &mut self.rng, out) {
                out.mark(Mark::RequestTimedOut);
                self.on_disconnected(now, link, unanswered, out);
            }
        }
    }

    /// Whom to ask what any broker can answer; the bootstrap servers where nobody else is left (KIP-899).
    fn least_loaded(&mut self, now: Time) -> Option<network::Link> {
        let best = self.links.least_loaded(self.metadata.alive(), now, &mut self.rng);
        if best.is_none() {
            self.metadata.bootstrap(self.links.brokers());
        }
        best.or_else(|| self.links.least_loaded(self.metadata.alive(), now, &mut self.rng))
    }

    fn refresh_metadata(&mut self, now: Now, out: &mut Outbox) {
        if self.metadata.due(self.settings.metadata_max_age) > now.mono {
            return;
        }
        let Some(link) = self.least_loaded(now.mono) else {
            let backoff = self.settings.reconnect_backoff;
            return self.metadata.failed(now.mono, backoff, &mut self.rng);
        };
        let request = MetadataRequest { topics: self.metadata.topics().to_vec() };
        let deadline = now.mono + self.settings.request_timeout;
        let request = Request::Metadata(request);
        self.links.get_mut(link).send(request, deadline, network::Tag::Metadata, out);
        self.metadata.sent();
    }

    /// Sets timers that must fire earlier than those set already; a timer that fires too early does nothing. Whatever could
    /// be done by now was done: an instant that is over waits for something else.
    fn arm(&mut self, now: Now, out: &mut Outbox) {
        if !self.is_on_network() {
            return;
        }
        let ahead = |at: Time| if at > now.mono { at } else { Time::NEVER };
        let metadata_at = ahead(self.metadata.due(self.settings.metadata_max_age));
        let network = ahead(self.links.deadline()).min(metadata_at);
        let beats_at = self.beats_at(now.mono);
        let (poll_at, heartbeat_at) = match self.app {
            App::Away if self.works_alone() => (self.wakes_at(now.mono).min(network), beats_at),
            App::Away | App::Closed => (Time::NEVER, beats_at.min(network)),
            App::Polling { .. } | App::Committing { .. } | App::Closing(_) => {
                (self.wakes_at(now.mono).min(network), beats_at)
            }
        };
        if poll_at < self.poll_timer {
            self.poll_timer = poll_at;
            out.set_timer(Timer::Poll, poll_at);
        }
        if heartbeat_at < self.heartbeat_timer {
            self.heartbeat_timer = heartbeat_at;
            out.set_timer(Timer::Heartbeat, heartbeat_at);
        }
    }
}
