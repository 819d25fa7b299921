//! A broker: one process that keeps replicas of partitions and serves clients from those it leads.
//!
//! This file holds what a broker is made of and which part handles which input. It does not decide elections, which the
//! controller does, and not what groups do, which the group coordinator does.

mod connections;
mod disk;
mod fetch;
mod fetcher;
mod groups;
pub mod lifecycle;
mod links;
mod loading;
mod metadata;
mod offsets;
mod partition;
mod produce;
mod producer_ids;
mod purgatory;
mod replica;
mod replicas;
mod retention;
mod session;
mod throttle;
mod transactions;
mod view;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, PartitionMap, Rng, Time, TopicPartition};

pub use view::ReplicaView;

use crate::group::{GroupCoordinator, OFFSETS_TOPIC, Write};
use crate::log::BrokerStore;
use crate::message::{
    Coordinated, Correlation, FindCoordinatorResponse, InitProducerIdResponse, MetadataResponse,
    Msg, Request, Response,
};
use crate::metadata::MetadataImage;
use crate::transaction::TransactionCoordinator;
use crate::{Boot, BrokerSetup, ConnId, Directory, Input, Machine, Now, Outbox, SyncToken, Timer};

use connections::{Activity, Connections};
use fetcher::Fetcher;
use lifecycle::{Lifecycle, LifecycleEvent};
use links::Links;
use loading::Startup;
use producer_ids::{ProducerIds, Stock};
use replicas::{Replicas, Touched};
use retention::Retention;
use throttle::Quota;

/// A broker.
#[derive(Clone, Debug)]
pub struct Broker {
    directory: Arc<Directory>,
    rng: Rng,
    phase: Phase,
    startup: Startup,
    replicas: Replicas,
    lifecycle: Lifecycle,
    coordinator: GroupCoordinator,
    /// None in a cluster without `__transaction_state`.
    transactions: Option<Box<TransactionCoordinator>>,
    links: Links,
    producer_ids: ProducerIds,
    /// One per leader followed, in the order of their ids.
    fetchers: Vec<Fetcher>,
    retention: Retention,
    connections: Connections,
    /// Connections whose next request may be handled.
    freed: Vec<ConnId>,
    /// When the timer of parked requests was set to go off.
    purgatory: Option<Time>,
    next_serial: u64,
    /// Buffers that are empty between inputs.
    events: Vec<LifecycleEvent>,
    writes: Vec<Write>,
}

/// How far a broker is on its way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Requests wait until the controller has unfenced this life of the broker (`SocketServer.enableRequestProcessing`).
    Starting,
    Serving,
    /// It was asked to stop and hands its leaderships over.
    Stopping,
    /// It only waits for its disk.
    Closing(SyncToken),
    Ended,
}

impl Machine for Broker {
    type Setup = BrokerSetup;
    type Store = BrokerStore;

    fn boot(
        now: Now,
        boot: Boot,
        setup: BrokerSetup,
        mut store: BrokerStore,
        out: &mut Outbox,
    ) -> Self {
        let BrokerSetup { broker: me, rack, settings, recovery, transactions } = setup;
        let startup = Startup::new(now, &store, recovery, settings.max_startup);
        let previous = if startup.is_recovering() { None } else { store.recover(boot.rules, out) };
        let mut lifecycle = Lifecycle::new(now, (me, rack), &boot, &settings, previous, out);
        if startup.is_recovering() {
            lifecycle.recovers();
        }
        let coordinator =
            GroupCoordinator::new(Arc::clone(&settings), boot.rules, me, boot.rng.clone());
        let transactions = transactions
            .map(|topic| TransactionCoordinator::new(topic, Arc::clone(&settings), boot.rules))
            .map(Box::new);
        let replicas = Replicas {
            me,
            epoch: None,
            rules: boot.rules,
            leader_quota: Quota::of_leader(&settings),
            follower_quota: Quota::of_follower(&settings),
            settings,
            image: Arc::new(MetadataImage::default()),
            partitions: PartitionMap::new(),
            store,
            touched: VecDeque::new(),
            spare: Vec::new(),
            changed: Vec::new(),
            proposals: VecDeque::new(),
            flush_due: Vec::new(),
            flushes: 0,
        };
        let mut broker = Self {
            directory: boot.directory,
            rng: boot.rng,
            phase: Phase::Starting,
            startup,
            replicas,
            lifecycle,
            coordinator,
            transactions,
            links: Links::default(),
            producer_ids: ProducerIds::default(),
            fetchers: Vec::new(),
            retention: Retention::new(now.mono),
            connections: Connections::default(),
            freed: Vec::new(),
            purgatory: None,
            next_serial: 0,
            events: Vec::new(),
            writes: Vec::new(),
        };
        broker.schedule_isr_check(now, out);
        broker.schedule_checkpoint(now, out);
        broker.schedule_writeback(now, out);
        broker.schedule_producer_expiry(now, out);
        broker.arm_startup(out);
        broker
    }

    fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match self.phase {
            Phase::Starting | Phase::Serving | Phase::Stopping => {}
            Phase::Closing(_) | Phase::Ended => {
                if let Input::Synced(token) = input {
                    self.on_synced(now, token, out);
                }
                return;
            }
        }
        match input {
            Input::Opened(conn, _) => self.connections.open(conn),
            Input::Closed(conn) => self.on_closed(now, conn, out),
            Input::Recv(conn, Msg::Request(correlation, request)) => {
                self.on_request(now, conn, correlation, request, out);
            }
            Input::Recv(conn, Msg::Response(correlation, response)) => {
                self.on_response(now, conn, correlation, response, out);
            }
            Input::Timer(timer) => self.on_timer(now, timer, out),
            Input::Synced(token) => self.on_synced(now, token, out),
            // No application sits above a broker.
            Input::Call(..) => {}
            Input::Shutdown => self.on_shutdown(now, out),
        }
        self.settle(now, out);
    }

    fn into_store(self) -> BrokerStore {
        self.replicas.store
    }
}

impl Broker {
    fn on_request(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        out: &mut Outbox,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        match &connection.activity {
            Activity::Idle if connection.line.is_empty() && self.phase != Phase::Starting => {
                self.serve(now, conn, correlation, request, out);
            }
            Activity::Idle
            | Activity::Group
            | Activity::Produce(_)
            | Activity::Verification(_)
            | Activity::Fetch(_) => {
                connection.line.push_back((correlation, request));
            }
        }
    }

    fn serve(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        out: &mut Outbox,
    ) {
        let response = match request {
            Request::Produce(request) => {
                return self.on_produce(now, conn, correlation, request, out);
            }
            Request::Fetch(request) => return self.on_fetch(now, conn, correlation, request, out),
            Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::DeleteGroups(_)
            | Request::ConsumerGroupHeartbeat(_) => {
                return self.on_group_request(now, conn, correlation, request, out);
            }
            Request::ListOffsets(request) => {
                Response::ListOffsets(self.replicas.list_offsets(&request, out))
            }
            Request::OffsetsForLeaderEpoch(request) => {
                Response::OffsetsForLeaderEpoch(self.replicas.epoch_ends(&request, out))
            }
            Request::Metadata(_) => {
                Response::Metadata(MetadataResponse { image: Arc::clone(&self.replicas.image) })
            }
            Request::FindCoordinator(request) => {
                let coordinator = match request.of {
                    Coordinated::Group(group) => self.find_coordinator(group),
                    Coordinated::Transactions(id) => self.find_transaction_coordinator(&id),
                };
                Response::FindCoordinator(FindCoordinatorResponse { coordinator })
            }
            Request::InitProducerId(ref init) if init.transaction.is_some() => {
                return self.on_transaction_request(now, conn, correlation, request, out);
            }
            Request::AddPartitionsToTxn(_) | Request::EndTxn(_) => {
                return self.on_transaction_request(now, conn, correlation, request, out);
            }
            Request::WriteTxnMarkers(request) => {
                return self.on_write_markers(now, conn, correlation, request, out);
            }
            Request::InitProducerId(_) => {
                let (producer, stock) = self.producer_ids.take();
                if stock == Stock::Low {
                    self.lifecycle.want_producer_ids(now, out);
                }
                Response::InitProducerId(InitProducerIdResponse { producer })
            }
            Request::CreateTopics(_) => Response::CreateTopics(ErrorCode::NotController),
            Request::CreatePartitions(_) => Response::CreatePartitions(ErrorCode::NotController),
            Request::DeleteTopics(_) => Response::DeleteTopics(ErrorCode::NotController),
            Request::DeleteRecords(request) => {
                Response::DeleteRecords(self.replicas.delete_records(request, out))
            }
            Request::ElectLeaders(_) => Response::ElectLeaders(ErrorCode::NotController),
            Request::IncrementalAlterConfigs(_) => {
                Response::IncrementalAlterConfigs(ErrorCode::NotController)
            }
            Request::AlterPartitionReassignments(_) => {
                Response::AlterPartitionReassignments(ErrorCode::NotController)
            }
            Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AlterPartition(_)
            | Request::FetchMetadata(_)
            | Request::AllocateProducerIds(_)
            | Request::Vote(_)
            | Request::BeginQuorumEpoch(_)
            | Request::EndQuorumEpoch(_)
            | Request::FetchQuorum(_)
            | Request::FetchSnapshot(_) => {
                out.close(conn);
                return self.forget_connection(conn);
            }
        };
        out.respond(conn, correlation, response);
    }

    fn on_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
    ) {
        if self.on_link_response(now, conn, correlation, &response, out) {
            return;
        }
        let response = self.on_fetcher_response(now, conn, correlation, response, out);
        if let Some(response) = response {
            let mut events = core::mem::take(&mut self.events);
            self.lifecycle.on_response(now, conn, correlation, response, out, &mut events);
            self.on_events(now, events, out);
        }
    }

    fn on_events(&mut self, now: Now, mut events: Vec<LifecycleEvent>, out: &mut Outbox) {
        for event in events.drain(..) {
            let Some(event) = self.hold_back(now, event, out) else { continue };
            match event {
                LifecycleEvent::Metadata(records) => self.on_metadata(now, &records, out),
                LifecycleEvent::Snapshot(image) => self.on_metadata_snapshot(now, image, out),
                LifecycleEvent::Altered(partition, result) => {
                    self.replicas.on_altered(now.mono, partition, result, out);
                }
                LifecycleEvent::AlterRetry(partitions) => {
                    for partition in partitions {
                        self.replicas.retry_proposal(now.mono, partition);
                    }
                }
                LifecycleEvent::ProducerIds(first, count) => {
                    self.producer_ids.on_block(first, count);
                }
                LifecycleEvent::Registered(epoch) => {
                    self.replicas.epoch = Some(epoch);
                    self.maybe_serve();
                }
                LifecycleEvent::MayStop => self.on_may_stop(out),
            }
        }
        self.events = events;
    }

    fn on_timer(&mut self, now: Now, timer: Timer, out: &mut Outbox) {
        match timer {
            Timer::Fetcher(leader) => self.on_fetcher_timer(now, leader, out),
            Timer::Purgatory => self.on_purgatory(now, out),
            Timer::IsrCheck => {
                self.replicas.shrink_isrs(now.mono);
                self.schedule_isr_check(now, out);
            }
            Timer::HighWatermarkCheckpoint => {
                self.replicas.checkpoint();
                self.retention.checkpoint(now.mono, &mut self.replicas);
                self.replicas.begin_sync(out);
                self.schedule_checkpoint(now, out);
            }
            Timer::Retention => self.on_retention(now, out),
            Timer::Cleaner => self.on_cleaner(now, out),
            Timer::Writeback => {
                self.replicas.begin_sync(out);
                self.schedule_writeback(now, out);
            }
            Timer::Startup => self.on_startup_timer(now, out),
            Timer::ProducerExpiry => {
                self.expire_producers(now);
                self.schedule_producer_expiry(now, out);
            }
            Timer::Lifecycle | Timer::MetadataFetch => {
                let mut events = core::mem::take(&mut self.events);
                self.lifecycle.on_timer(now, timer, out, &mut events);
                self.on_events(now, events, out);
            }
            Timer::GroupCoordinator => self.coordinate(now, out, |coordinator, out, writes| {
                coordinator.on_timer(now, out, writes);
            }),
            Timer::TransactionCoordinator => self.transact(now, out, |coordinator, outside| {
                coordinator.on_timer(outside);
            }),
            Timer::Link(broker) => self.on_link_timer(now, broker, out),
            // These belong to other machines and are never set here.
            Timer::SessionCheck
            | Timer::LeaderBalance
            | Timer::ControllerPurgatory
            | Timer::Sender
            | Timer::Blocked
            | Timer::Poll
            | Timer::Heartbeat
            | Timer::Quorum
            | Timer::Admin
            | Timer::Application => {}
        }
    }

    fn on_closed(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        if self.connections.get(conn).is_some() {
            self.forget_connection(conn);
        } else if !self.on_link_closed(now, conn, out) && !self.on_fetcher_closed(now, conn, out) {
            self.lifecycle.on_closed(now, conn, out);
        }
    }

    fn forget_connection(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.close(conn) {
            if let Some(session) = connection.session {
                self.unwatch(conn, session);
            }
            self.coordinator.on_closed(conn);
            if let Some(transactions) = &mut self.transactions {
                transactions.on_closed(conn);
            }
        }
    }

    /// Follows up what an input has changed until nothing is left: parked requests, groups, proposals, requests in line.
    fn settle(&mut self, now: Now, out: &mut Outbox) {
        loop {
            if !self.replicas.changed.is_empty() {
                self.disturb_changed();
            }
            if let Some((partition, touched)) = self.replicas.touched.pop_front() {
                self.on_touched(now, partition, touched, out);
            } else if let Some(conn) = self.freed.pop() {
                self.serve_next(now, conn, out);
            } else if let Some(proposal) = self.replicas.proposals.pop_front() {
                self.lifecycle.alter_partition(now, proposal, out);
            } else {
                break;
            }
        }
    }

    fn on_touched(&mut self, now: Now, id: TopicPartition, touched: Touched, out: &mut Outbox) {
        match touched {
            Touched::Appended | Touched::Followed => {}
            Touched::HighWatermark => {
                self.complete_appends(id, out);
                if id.topic == OFFSETS_TOPIC
                    && let Some(partition) = self.replicas.partitions.get(id)
                {
                    let reached = partition.high_watermark;
                    self.coordinate(now, out, |coordinator, out, writes| {
                        coordinator.on_high_watermark(now, id, reached, out, writes);
                    });
                } else if self.keeps_transactions(id) {
                    self.on_transactions_replicated(now, id, out);
                }
            }
            Touched::NotLeading => self.fail_appends(id, out),
        }
        self.complete_fetches(now, id, touched, out);
    }

    /// Takes requests from the moment on in which metadata show this life of the broker unfenced.
    fn maybe_serve(&mut self) {
        let Replicas { me, epoch, image, .. } = &self.replicas;
        let is_this_life = image.brokers.get(me).is_some_and(|known| Some(known.epoch) == *epoch);
        if self.phase == Phase::Starting && is_this_life && image.is_alive(*me) {
            self.phase = Phase::Serving;
            let waiting = self.connections.iter().filter(|connection| !connection.line.is_empty());
            self.freed.extend(waiting.map(|connection| connection.id));
        }
    }

    fn serve_next(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        if !matches!(connection.activity, Activity::Idle) {
            return;
        }
        let Some((correlation, request)) = connection.line.pop_front() else { return };
        self.serve(now, conn, correlation, request, out);
        if self.connections.get(conn).is_some_and(|connection| !connection.line.is_empty()) {
            self.freed.push(conn);
        }
    }
}

#[cfg(test)]
mod tests;
