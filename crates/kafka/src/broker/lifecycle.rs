//! A broker's life as the controller sees it: registration, heartbeats, controlled shutdown, and what else a broker asks of
//! the controller (changes of in-sync replicas, blocks of producer ids, the metadata log).
//!
//! Does not apply metadata and does not know partitions: what arrives leaves as [`LifecycleEvent`]s. A broker that cannot
//! register keeps trying; Kafka's process would end after `initial.broker.registration.timeout.ms` and be started again.

mod link;

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    BrokerEpoch, BrokerId, ErrorCode, ProducerId, Rng, Span, Time, TopicPartition,
};

use crate::assignor::Rack;
use crate::channel::Backoff;
use crate::message::{
    AllocateProducerIdsRequest, AlterPartition, AlterPartitionRequest, AlterPartitionResponse,
    AlteredPartition, BrokerHeartbeatRequest, BrokerRegistrationRequest, BrokerState, Correlation,
    FetchMetadataRequest, FetchMetadataResponse, MetadataOffset, Request, Response, Want,
};
use crate::metadata::{MetadataImage, MetadataRecord};
use crate::settings::{BrokerSettings, ControlledShutdown};
use crate::{Boot, ConnId, Now, Outbox, Rule, Rules, Timer};

use link::Link;

/// A broker's side of its conversation with the controllers.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    broker: BrokerId,
    rack: Option<Rack>,
    incarnation: u32,
    rules: Rules,
    previous: Option<BrokerEpoch>,
    heartbeat_interval: Span,
    controlled_shutdown: ControlledShutdown,
    /// Pace of registrations and heartbeats after failures.
    resend: Backoff,
    rng: Rng,
    phase: Phase,
    epoch: Option<BrokerEpoch>,
    logs: Logs,
    /// How far the broker has applied the metadata log.
    applied: MetadataOffset,
    /// The next record of the metadata log to fetch.
    fetch_from: MetadataOffset,
    /// What the heartbeat under way asks for.
    asked: Want,
    /// Whether the next heartbeat follows the one under way at once.
    urgency: Urgency,
    failures: u32,
    /// Proposals without a decision, at most one per partition; the first `proposed` are under way.
    proposals: Vec<AlterPartition>,
    proposed: usize,
    /// Proposals that were not taken because another one of the partition waits.
    not_attempted: Vec<TopicPartition>,
    /// When a shutdown is over even if the controller never says so.
    stop_by: Option<Time>,
    /// Registration and heartbeats.
    control: Link,
    alter: Link,
    producer_ids: Link,
    metadata: Link,
    /// When the timers were set to go off.
    armed: [Option<Time>; 2],
}

/// What the conversation with the controllers brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LifecycleEvent {
    /// The next records of the metadata log, to be applied in one step.
    Metadata(Arc<[MetadataRecord]>),
    /// What the metadata log says so far, instead of everything known of it.
    Snapshot(Arc<MetadataImage>),
    /// The controller decided about a proposal; `OPERATION_NOT_ATTEMPTED` if it was never sent.
    Altered(TopicPartition, Result<AlteredPartition, ErrorCode>),
    /// Proposals that got no decision: to be made again by whoever still wants them.
    AlterRetry(Vec<TopicPartition>),
    /// A block of producer ids: the first one and how many.
    ProducerIds(ProducerId, u32),
    /// The broker is registered under this epoch.
    Registered(BrokerEpoch),
    /// The process may end.
    MayStop,
}

/// Kafka's `BrokerState`, but for what happens inside the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Registering,
    /// Registered, not yet unfenced for the first time.
    Starting,
    Running,
    /// In controlled shutdown, no heartbeat answered yet.
    Stopping,
    /// In controlled shutdown, the controller knows.
    StoppingKnown,
    /// Nothing is sent any more.
    Stopped,
}

/// Whether the broker can use its logs. It applies no metadata before, and beats as it always does then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Logs {
    Ready,
    Recovering,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Urgency {
    Usual,
    AtOnce,
}

/// While it starts, a broker asks more often than it beats (`BrokerLifecycleManager`, state `STARTING`).
const STARTING_INTERVAL: Span = Span::millis(10);
/// After the first answer to a wish to stop (`BrokerLifecycleManager`, state `PENDING_CONTROLLED_SHUTDOWN`).
const STOPPING_INTERVAL: Span = Span::millis(50);
/// How long a broker waits for its controlled shutdown (`BrokerServer.shutdown`).
const STOPPING_TIMEOUT: Span = Span::secs(300);
/// After an error of an AlterPartition request as a whole, and of an allocation of producer ids.
const RESEND_AFTER: Span = Span::millis(50);
/// `controller.socket.timeout.ms`.
const CONTROLLER_SOCKET_TIMEOUT: Span = Span::secs(30);
/// `MAX_FETCH_WAIT_MS` of the Raft client.
const METADATA_MAX_WAIT: Span = Span::millis(500);
/// `controller.quorum.request.timeout.ms`, which a long poll comes on top of.
const METADATA_TIMEOUT: Span = Span::millis(2_500);

impl Lifecycle {
    /// Starts to register and to fetch metadata. `previous` is the epoch before a clean shutdown.
    pub fn new(
        now: Now,
        (broker, rack): (BrokerId, Option<Rack>),
        boot: &Boot,
        settings: &BrokerSettings,
        previous: Option<BrokerEpoch>,
        out: &mut Outbox,
    ) -> Self {
        let link = |timeout| Link::new(&boot.directory.controllers, timeout);
        let heartbeat_timeout = settings.session_timeout.divided_by(2);
        let mut lifecycle = Self {
            broker,
            rack,
            incarnation: boot.incarnation,
            rules: boot.rules,
            previous,
            heartbeat_interval: settings.heartbeat_interval,
            controlled_shutdown: settings.controlled_shutdown,
            resend: Backoff { first: Span::millis(100), most: settings.session_timeout },
            rng: boot.rng.clone(),
            phase: Phase::Registering,
            epoch: None,
            logs: Logs::Ready,
            applied: MetadataOffset(0),
            fetch_from: MetadataOffset(0),
            asked: Want::Fence,
            urgency: Urgency::Usual,
            failures: 0,
            proposals: Vec::new(),
            proposed: 0,
            not_attempted: Vec::new(),
            stop_by: None,
            control: link(heartbeat_timeout.min(CONTROLLER_SOCKET_TIMEOUT)),
            alter: link(CONTROLLER_SOCKET_TIMEOUT),
            producer_ids: link(CONTROLLER_SOCKET_TIMEOUT),
            metadata: link(METADATA_TIMEOUT),
            armed: [None; 2],
        };
        lifecycle.control.want_at(now.mono);
        lifecycle.metadata.want_at(now.mono);
        lifecycle.pump(now, out);
        lifecycle
    }

    /// The epoch under which the broker is registered.
    #[must_use]
    pub const fn epoch(&self) -> Option<BrokerEpoch> {
        self.epoch
    }

    /// Does not want to be unfenced soon: the logs have to be recovered first.
    pub fn recovers(&mut self) {
        self.logs = Logs::Recovering;
    }

    /// The logs are recovered (`BrokerLifecycleManager.setReadyToUnfence`).
    pub fn recovered(&mut self, now: Now, out: &mut Outbox) {
        self.logs = Logs::Ready;
        if self.control.is_waiting() {
            self.urgency = Urgency::AtOnce;
        } else if self.epoch.is_some() {
            self.control.want_at(now.mono);
        }
        self.pump(now, out);
    }

    /// Begins to stop: in controlled shutdown if the broker runs, at once if it never did. Ends with
    /// [`LifecycleEvent::MayStop`].
    pub fn begin_shutdown(&mut self, now: Now, out: &mut Outbox) {
        match (self.phase, self.controlled_shutdown) {
            (Phase::Stopping | Phase::StoppingKnown | Phase::Stopped, _) => return,
            (Phase::Running, ControlledShutdown::On) => {
                self.phase = Phase::Stopping;
                self.stop_by = Some(now.mono + STOPPING_TIMEOUT);
                if self.control.is_waiting() {
                    self.urgency = Urgency::AtOnce;
                } else {
                    self.control.want_at(now.mono);
                }
            }
            (Phase::Running, ControlledShutdown::Off)
            | (Phase::Registering | Phase::Starting, _) => self.stop_by = Some(now.mono),
        }
        self.pump(now, out);
    }

    /// Proposes a change of in-sync replicas. One request is under way at a time and carries all that waits; it is sent until
    /// the controller decides.
    pub fn alter_partition(&mut self, now: Now, change: AlterPartition, out: &mut Outbox) {
        let is_one_waiting = |at: usize, waiting: &AlterPartition| {
            let counts = self.rules.on(Rule::OutdatedChangeIsAwaited) || at >= self.proposed;
            counts && waiting.partition == change.partition
        };
        let mut waiting = self.proposals.iter().enumerate();
        if waiting.any(|(at, waiting)| is_one_waiting(at, waiting)) {
            self.not_attempted.push(change.partition);
        } else {
            self.proposals.push(change);
            self.alter.want_soon(now.mono);
        }
        self.pump(now, out);
    }

    /// Asks for a block of producer ids; one request is under way at a time.
    pub fn want_producer_ids(&mut self, now: Now, out: &mut Outbox) {
        self.producer_ids.want_soon(now.mono);
        self.pump(now, out);
    }

    /// Tells how far the broker has applied the metadata log, which heartbeats report.
    pub fn applied(&mut self, offset: MetadataOffset) {
        self.applied = self.applied.max(offset);
    }

    /// Takes an answer in. Tells whether the connection is one of these.
    pub fn on_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
        events: &mut Vec<LifecycleEvent>,
    ) -> bool {
        if self.control.on_response(conn, correlation) {
            self.on_control(now, &response, out, events);
        } else if self.metadata.on_response(conn, correlation) {
            self.on_metadata(now, response, out, events);
        } else if self.alter.on_response(conn, correlation) {
            self.on_altered(now, response, out, events);
        } else if self.producer_ids.on_response(conn, correlation) {
            self.on_producer_ids(now, &response, out, events);
        } else {
            return false;
        }
        self.pump(now, out);
        true
    }

    /// Takes the end of a connection in. Tells whether the connection was one of these.
    pub fn on_closed(&mut self, now: Now, conn: ConnId, out: &mut Outbox) -> bool {
        let links =
            [&mut self.control, &mut self.alter, &mut self.producer_ids, &mut self.metadata];
        let mut mine = false;
        for link in links {
            mine |= link.on_closed(now.mono, conn, &mut self.rng);
        }
        if mine {
            self.pump(now, out);
        }
        mine
    }

    /// Takes one of the two timers in, [`Timer::Lifecycle`] or [`Timer::MetadataFetch`].
    pub fn on_timer(
        &mut self,
        now: Now,
        timer: Timer,
        out: &mut Outbox,
        events: &mut Vec<LifecycleEvent>,
    ) {
        if timer == Timer::MetadataFetch {
            self.armed[1] = None;
            self.metadata.expire(now.mono, &mut self.rng, out);
        } else {
            self.armed[0] = None;
            for link in [&mut self.control, &mut self.alter, &mut self.producer_ids] {
                link.expire(now.mono, &mut self.rng, out);
            }
            let refused = self.not_attempted.drain(..);
            events.extend(refused.map(|partition| {
                LifecycleEvent::Altered(partition, Err(ErrorCode::OperationNotAttempted))
            }));
            if self.stop_by.is_some_and(|at| at <= now.mono) {
                self.stop(events);
            }
        }
        self.pump(now, out);
    }

    /// Whether the image holds the broker's own registration, whose epoch is the position of its record.
    fn is_caught_up(&self) -> bool {
        self.epoch.is_some_and(|epoch| i64::from(self.applied.0) > epoch.0)
    }

    fn stop(&mut self, events: &mut Vec<LifecycleEvent>) {
        self.phase = Phase::Stopped;
        self.stop_by = None;
        for link in [&mut self.control, &mut self.alter, &mut self.producer_ids] {
            link.want_nothing();
        }
        events.push(LifecycleEvent::MayStop);
    }

    fn on_control(
        &mut self,
        now: Now,
        response: &Response,
        out: &mut Outbox,
        events: &mut Vec<LifecycleEvent>,
    ) {
        if self.phase == Phase::Stopped {
            return;
        }
        let failure = if let Response::BrokerRegistration(answer) = response {
            match answer.epoch {
                Ok(epoch) => {
                    self.phase = Phase::Starting;
                    self.epoch = Some(epoch);
                    self.failures = 0;
                    self.control.want_at(now.mono);
                    events.push(LifecycleEvent::Registered(epoch));
                    return;
                }
                Err(error) => error,
            }
        } else if let Response::BrokerHeartbeat(answer) = response {
            match answer.state {
                Ok(state) => {
                    self.failures = 0;
                    self.on_state(now, state, events);
                    return;
                }
                Err(error) => error,
            }
        } else {
            ErrorCode::UnknownServerError
        };
        if failure == ErrorCode::NotController {
            self.control.rotate(now.mono, &mut self.rng, out);
            return;
        }
        // A registration is never given up for an error, and a heartbeat's error never leads to another registration: a
        // broker whose epoch is stale was replaced by another life of itself.
        self.failures += 1;
        self.urgency = Urgency::Usual;
        self.control.want_at(now.mono + self.resend.after(self.failures, &mut self.rng));
    }

    fn on_state(&mut self, now: Now, state: BrokerState, events: &mut Vec<LifecycleEvent>) {
        let usual = match self.phase {
            Phase::Stopping | Phase::StoppingKnown if state == BrokerState::MayStop => {
                return self.stop(events);
            }
            Phase::Stopping if self.asked == Want::Shutdown => {
                self.phase = Phase::StoppingKnown;
                STOPPING_INTERVAL
            }
            Phase::Starting if self.asked == Want::Fence => match self.logs {
                Logs::Recovering => self.heartbeat_interval,
                Logs::Ready if self.is_caught_up() => Span::ZERO,
                Logs::Ready => STARTING_INTERVAL,
            },
            Phase::Starting if state != BrokerState::Fenced => {
                self.phase = Phase::Running;
                self.heartbeat_interval
            }
            Phase::Registering
            | Phase::Starting
            | Phase::Running
            | Phase::Stopping
            | Phase::StoppingKnown
            | Phase::Stopped => self.heartbeat_interval,
        };
        let wait = match core::mem::replace(&mut self.urgency, Urgency::Usual) {
            Urgency::Usual => usual,
            Urgency::AtOnce => Span::ZERO,
        };
        self.control.want_at(now.mono + wait);
    }

    fn on_metadata(
        &mut self,
        now: Now,
        response: Response,
        out: &mut Outbox,
        events: &mut Vec<LifecycleEvent>,
    ) {
        let Response::FetchMetadata(answer) = response else {
            return self.metadata.rotate(now.mono, &mut self.rng, out);
        };
        let FetchMetadataResponse { error, from, records, snapshot, leader } = answer;
        if error != ErrorCode::None || from != self.fetch_from {
            return self.metadata.turn_to(now.mono, leader, &mut self.rng, out);
        }
        // Whoever serves the log is the active controller: who looks for one, begins there.
        let active = self.metadata.peer();
        for link in [&mut self.control, &mut self.alter, &mut self.producer_ids] {
            link.prefer(active);
        }
        self.metadata.want_at(now.mono);
        if let Some(image) = snapshot {
            self.fetch_from = image.offset;
            events.push(LifecycleEvent::Snapshot(image));
        }
        if !records.is_empty() {
            let count = u32::try_from(records.len()).expect("fewer records than a position counts");
            self.fetch_from.0 += count;
            events.push(LifecycleEvent::Metadata(records));
        }
    }

    fn on_altered(
        &mut self,
        now: Now,
        response: Response,
        out: &mut Outbox,
        events: &mut Vec<LifecycleEvent>,
    ) {
        let sent = core::mem::take(&mut self.proposed);
        let Response::AlterPartition(AlterPartitionResponse { error, results }) = response else {
            return self.alter.want_at(now.mono + RESEND_AFTER);
        };
        // One partition's word is enough: the whole request goes to another controller (`NodeToControllerRequestThread`).
        let is_sent_away =
            |(_, result): &(_, Result<_, _>)| *result == Err(ErrorCode::NotController);
        match error {
            ErrorCode::None if results.iter().any(is_sent_away) => {
                return self.alter.rotate(now.mono, &mut self.rng, out);
            }
            ErrorCode::None => {}
            ErrorCode::NotController => return self.alter.rotate(now.mono, &mut self.rng, out),
            _ => return self.alter.want_at(now.mono + RESEND_AFTER),
        }
        let mut again = Vec::new();
        let mut unanswered = Vec::new();
        let answered: Vec<AlterPartition> = self.proposals.drain(..sent).collect();
        for proposal in answered {
            let partition = proposal.partition;
            // The answer to an outdated change takes a newer one away that was not sent yet, and is itself taken for none's.
            let newer = self.proposals.iter().position(|waiting| waiting.partition == partition);
            if let Some(newer) = newer {
                self.proposals.remove(newer);
                continue;
            }
            let result = results.iter().find(|(of, _)| *of == partition);
            match result.map(|(_, result)| result) {
                None => unanswered.push(proposal),
                Some(Err(error)) if !is_decision(*error) => {
                    if self.rules.on(Rule::RetryFindsRoom) {
                        again.push(partition);
                    } else {
                        // The failed try still has the one place that there is (`unsentIsrUpdates`).
                        let error = Err(ErrorCode::OperationNotAttempted);
                        events.push(LifecycleEvent::Altered(partition, error));
                    }
                }
                Some(result) => events.push(LifecycleEvent::Altered(partition, result.clone())),
            }
        }
        self.proposals.splice(..0, unanswered);
        if !again.is_empty() {
            events.push(LifecycleEvent::AlterRetry(again));
        }
        if !self.proposals.is_empty() {
            self.alter.want_at(now.mono);
        }
    }

    fn on_producer_ids(
        &mut self,
        now: Now,
        response: &Response,
        out: &mut Outbox,
        events: &mut Vec<LifecycleEvent>,
    ) {
        let Response::AllocateProducerIds(answer) = response else {
            return self.producer_ids.want_at(now.mono + RESEND_AFTER);
        };
        match answer.block {
            Ok((first, count)) => events.push(LifecycleEvent::ProducerIds(first, count)),
            Err(ErrorCode::NotController) => {
                self.producer_ids.rotate(now.mono, &mut self.rng, out);
            }
            Err(_) => self.producer_ids.want_at(now.mono + RESEND_AFTER),
        }
    }

    /// Sends what is due and sets the timers.
    fn pump(&mut self, now: Now, out: &mut Outbox) {
        if self.phase == Phase::Stopped {
            return;
        }
        if self.control.is_due(now.mono) {
            let request = self.next_control();
            self.control.send(now.mono, request, out);
        }
        if self.metadata.is_due(now.mono) {
            let request = FetchMetadataRequest {
                broker: self.broker,
                from: self.fetch_from,
                max_wait: METADATA_MAX_WAIT,
            };
            self.metadata.send(now.mono, Request::FetchMetadata(request), out);
        }
        if let Some(epoch) = self.epoch {
            if self.alter.is_due(now.mono) && !self.proposals.is_empty() {
                self.proposed = self.proposals.len();
                let partitions = self.proposals.clone();
                let request = AlterPartitionRequest { broker: self.broker, epoch, partitions };
                self.alter.send(now.mono, Request::AlterPartition(request), out);
            }
            if self.producer_ids.is_due(now.mono) {
                let request = AllocateProducerIdsRequest { broker: self.broker, epoch };
                self.producer_ids.send(now.mono, Request::AllocateProducerIds(request), out);
            }
        }
        self.arm(now, out);
    }

    fn next_control(&mut self) -> Request {
        let Some(epoch) = self.epoch else {
            return Request::BrokerRegistration(BrokerRegistrationRequest {
                broker: self.broker,
                incarnation: self.incarnation,
                previous: self.previous,
                rack: self.rack,
            });
        };
        self.asked = match self.phase {
            Phase::Stopping | Phase::StoppingKnown => Want::Shutdown,
            Phase::Running => Want::Serve,
            Phase::Registering | Phase::Starting | Phase::Stopped => {
                if self.is_caught_up() {
                    Want::Serve
                } else {
                    Want::Fence
                }
            }
        };
        let metadata = self.applied;
        let want = self.asked;
        Request::BrokerHeartbeat(BrokerHeartbeatRequest {
            broker: self.broker,
            epoch,
            metadata,
            want,
        })
    }

    /// Sets the timers, unless they go off early enough as they are.
    fn arm(&mut self, now: Now, out: &mut Outbox) {
        let refused = (!self.not_attempted.is_empty()).then_some(now.mono);
        // Without a registration nothing can be sent there, and the registration's end wakes them.
        let others = self.epoch.and_then(|_| earliest(self.alter.wake(), self.producer_ids.wake()));
        let lifecycle =
            earliest(earliest(self.control.wake(), others), earliest(self.stop_by, refused));
        let wanted = [(Timer::Lifecycle, lifecycle), (Timer::MetadataFetch, self.metadata.wake())];
        for ((timer, at), armed) in wanted.into_iter().zip(&mut self.armed) {
            let Some(at) = at else { continue };
            if armed.is_none_or(|armed| at < armed) {
                *armed = Some(at);
                out.set_timer(timer, at);
            }
        }
    }
}

fn earliest(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether an error of one partition ends a proposal (`Partition.handleAlterPartitionError`); others are to be retried.
const fn is_decision(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::OperationNotAttempted
            | ErrorCode::IneligibleReplica
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected
    )
}

#[cfg(test)]
mod tests;
