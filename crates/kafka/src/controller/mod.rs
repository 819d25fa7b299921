//! The controller: it registers and watches brokers, elects leaders, and decides about in-sync replicas, topics and ids.
//!
//! Every decision is a record of the metadata log: made on the newest state, answered and shown to brokers once committed
//! (`log::MetadataLog`). Does not replicate that log itself: of several controllers, the active one leads the quorum that
//! does ([`crate::raft`]).
//! `leader.imbalance.per.broker.percentage` has
//! no effect, as in KRaft.

mod alter_partition;
mod brokers;
mod elections;
mod log;
mod observers;
mod partitions;
mod placement;
mod quorum;
mod reassignment;
mod sessions;
mod topics;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Election;
use stormglass_types::{ErrorCode, Rng, Time, TopicId, TopicPartition};

use crate::message::{
    AllocateProducerIdsResponse, AlterPartitionResponse, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, Correlation, MetadataOffset, Msg, Request, Response,
};
use crate::metadata::{Brokers, MetadataImage, MetadataRecord, PartitionRegistration, Recovery};
use crate::settings::{BrokerSettings, EligibleLeaders};
use crate::{
    Boot, ConnId, ControllerSetup, Exit, Input, Machine, Mark, Note, Now, Outbox, Rules, Timer,
};

use log::MetadataLog;
use observers::Observer;
use quorum::Activity;
use sessions::{Past, Sessions};

pub use log::ControllerStore;

/// A controller.
#[derive(Clone, Debug)]
pub struct Controller {
    settings: Arc<BrokerSettings>,
    eligible_leaders: EligibleLeaders,
    rules: Rules,
    rng: Rng,
    log: MetadataLog,
    activity: Activity,
    /// What all records say, committed or not: what decisions stand on. Nothing while another controller is active.
    newest: MetadataImage,
    /// What the committed records say.
    committed: MetadataImage,
    sessions: Sessions,
    conns: BTreeMap<ConnId, Conversation>,
    /// Connections whose next request may be looked at.
    unmuted: VecDeque<ConnId>,
    /// Answers that wait for records to be committed, in the order of those.
    deferred: VecDeque<Deferred>,
    observers: Vec<Observer>,
    /// When the timers were set to go off.
    session_check: Option<Time>,
    purgatory: Option<Time>,
    /// When leaderships are moved back to preferred replicas, if some are elsewhere.
    leader_balance: Option<Time>,
}

/// One connection of a broker or a client. Requests are taken one at a time (the socket server mutes the channel meanwhile).
#[derive(Clone, Debug, Default)]
struct Conversation {
    attention: Attention,
    queued: VecDeque<(Correlation, Request)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Attention {
    #[default]
    Free,
    Muted,
}

#[derive(Clone, Debug)]
struct Deferred {
    until: MetadataOffset,
    conn: ConnId,
    correlation: Correlation,
    response: Response,
}

impl Machine for Controller {
    type Setup = ControllerSetup;
    type Store = ControllerStore;

    fn boot(
        now: Now,
        boot: Boot,
        setup: ControllerSetup,
        store: ControllerStore,
        out: &mut Outbox,
    ) -> Self {
        let log = MetadataLog::open(now, &boot, setup.settings.quorum, store, out);
        let activity = log.voter().map_or(Activity::Alone, |_| Activity::Standby);
        let mut committed = MetadataImage::default();
        for record in log.slice(MetadataOffset(0), log.noted()).iter() {
            committed.apply(record);
        }
        let mut newest = committed.clone();
        if activity == Activity::Alone {
            for record in log.slice(log.noted(), log.end()).iter() {
                newest.apply(record);
            }
        }
        let mut controller = Self {
            sessions: Sessions::new(setup.settings.session_timeout),
            settings: setup.settings,
            eligible_leaders: setup.eligible_leaders,
            rules: boot.rules,
            rng: boot.rng,
            log,
            activity,
            newest,
            committed,
            conns: BTreeMap::new(),
            unmuted: VecDeque::new(),
            deferred: VecDeque::new(),
            observers: Vec::new(),
            session_check: None,
            purgatory: None,
            leader_balance: None,
        };
        // A controller that becomes active knows nothing of heartbeats and gives every broker a whole session.
        for (broker, registration) in &controller.newest.brokers {
            let status = registration.status;
            controller.sessions.register(now.mono, *broker, status, Past::Returning);
        }
        if controller.activity == Activity::Alone {
            controller.on_committed(now, out);
        }
        controller.settle(now, out);
        controller
    }

    fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Opened(conn, _) => {
                self.conns.insert(conn, Conversation::default());
            }
            Input::Closed(conn) => {
                if let Some(voter) = self.log.voter_mut() {
                    voter.on_closed(now, conn, out);
                }
                self.on_closed(conn);
            }
            Input::Recv(conn, Msg::Request(correlation, request)) => {
                if let Some(conversation) = self.conns.get_mut(&conn) {
                    conversation.queued.push_back((correlation, request));
                    self.unmuted.push_back(conn);
                }
            }
            Input::Recv(conn, Msg::Response(correlation, response)) => {
                let voter = self.log.voter_mut();
                let known = voter
                    .is_some_and(|voter| voter.on_response(now, conn, correlation, response, out));
                if !known {
                    self.hang_up(conn, out);
                }
            }
            Input::Timer(timer) => self.on_timer(now, timer, out),
            Input::Synced(token) => {
                self.log.on_synced(now, token, out);
                if self.activity == Activity::Alone {
                    self.on_committed(now, out);
                }
            }
            Input::Call(..) => unreachable!("a controller has no application above it"),
            Input::Shutdown => match self.log.voter_mut() {
                Some(voter) => voter.shut_down(now, out),
                None => out.exit(Exit::Clean),
            },
        }
        self.settle(now, out);
    }

    fn into_store(self) -> ControllerStore {
        self.log.into_store()
    }
}

impl Controller {
    /// What the committed records say.
    #[must_use]
    pub const fn image(&self) -> &MetadataImage {
        &self.committed
    }

    fn on_timer(&mut self, now: Now, timer: Timer, out: &mut Outbox) {
        match timer {
            Timer::SessionCheck => {
                self.session_check = None;
                if self.is_active() {
                    self.on_session_check(now, out);
                }
            }
            Timer::LeaderBalance => {
                self.leader_balance = None;
                if self.is_active() {
                    self.on_leader_balance(out);
                }
            }
            Timer::ControllerPurgatory => {
                self.purgatory = None;
                self.on_purgatory(now, out);
            }
            Timer::Quorum => {
                if let Some(voter) = self.log.voter_mut() {
                    voter.on_timer(now, out);
                }
            }
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
            | Timer::Sender
            | Timer::Blocked
            | Timer::Poll
            | Timer::Heartbeat
            | Timer::Admin
            | Timer::Application => unreachable!("a controller does not set {timer:?}"),
        }
    }

    fn on_closed(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
        self.observers.retain(|observer| observer.conn != conn);
        self.deferred.retain(|answer| answer.conn != conn);
    }

    fn hang_up(&mut self, conn: ConnId, out: &mut Outbox) {
        if self.conns.contains_key(&conn) {
            out.close(conn);
            self.on_closed(conn);
        }
    }

    /// Takes the requests whose turn it is, makes durable what they wrote, and sets the timers.
    fn settle(&mut self, now: Now, out: &mut Outbox) {
        loop {
            self.take_requests(now, out);
            self.log.flush(now, out);
            self.follow_quorum(now, out);
            if self.unmuted.is_empty() {
                break;
            }
        }
        self.arm(now, out);
    }

    fn take_requests(&mut self, now: Now, out: &mut Outbox) {
        while let Some(conn) = self.unmuted.pop_front() {
            let Some(conversation) = self.conns.get_mut(&conn) else { continue };
            if conversation.attention == Attention::Muted {
                continue;
            }
            let Some((correlation, request)) = conversation.queued.pop_front() else { continue };
            conversation.attention = Attention::Muted;
            self.on_request(now, conn, correlation, request, out);
        }
    }

    fn on_request(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        out: &mut Outbox,
    ) {
        if !self.is_active()
            && let Some(refusal) = quorum::refusal(request.api())
        {
            return self.respond(conn, correlation, refusal, out);
        }
        let response = match request {
            Request::BrokerRegistration(request) => {
                let epoch = self.on_registration(now, &request, out);
                Response::BrokerRegistration(BrokerRegistrationResponse { epoch })
            }
            Request::BrokerHeartbeat(request) => {
                let state = self.on_heartbeat(now, &request, out);
                Response::BrokerHeartbeat(BrokerHeartbeatResponse { state })
            }
            Request::AlterPartition(request) => {
                let (error, results) = self.on_alter_partition(&request, out);
                Response::AlterPartition(AlterPartitionResponse { error, results })
            }
            Request::AllocateProducerIds(request) => {
                let block = self.on_allocate_producer_ids(request);
                Response::AllocateProducerIds(AllocateProducerIdsResponse { block })
            }
            Request::CreateTopics(topic) => Response::CreateTopics(self.on_create_topic(&topic)),
            Request::DeleteTopics(topic) => Response::DeleteTopics(self.on_delete_topic(topic)),
            Request::CreatePartitions(request) => {
                Response::CreatePartitions(self.on_create_partitions(request))
            }
            Request::ElectLeaders(request) => {
                Response::ElectLeaders(self.on_elect_leaders(request, out))
            }
            Request::AlterPartitionReassignments(request) => {
                Response::AlterPartitionReassignments(self.on_reassign(&request))
            }
            Request::IncrementalAlterConfigs(request) => {
                let rate = request.replication_rate;
                self.append(vec![MetadataRecord::ReplicationRate { rate }]);
                Response::IncrementalAlterConfigs(ErrorCode::None)
            }
            Request::FetchMetadata(request) => {
                return self.on_fetch_metadata(now, conn, correlation, request, out);
            }
            Request::Vote(_)
            | Request::BeginQuorumEpoch(_)
            | Request::EndQuorumEpoch(_)
            | Request::FetchQuorum(_)
            | Request::FetchSnapshot(_) => {
                return match self.log.voter_mut() {
                    Some(voter) => voter.on_request(now, conn, correlation, request, out),
                    None => self.hang_up(conn, out),
                };
            }
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::ListOffsets(_)
            | Request::OffsetsForLeaderEpoch(_)
            | Request::Metadata(_)
            | Request::FindCoordinator(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::DeleteGroups(_)
            | Request::DeleteRecords(_)
            | Request::ConsumerGroupHeartbeat(_)
            | Request::AddPartitionsToTxn(_)
            | Request::EndTxn(_)
            | Request::WriteTxnMarkers(_)
            | Request::InitProducerId(_) => return self.hang_up(conn, out),
        };
        // What was decided may stand on records that are not committed, even if it wrote none itself.
        let until = self.log.end();
        if until <= self.log.committed() {
            self.respond(conn, correlation, response, out);
        } else {
            self.deferred.push_back(Deferred { until, conn, correlation, response });
        }
    }

    fn respond(
        &mut self,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
    ) {
        let Some(conversation) = self.conns.get_mut(&conn) else { return };
        conversation.attention = Attention::Free;
        out.respond(conn, correlation, response);
        self.unmuted.push_back(conn);
    }

    /// Decides something: the records take effect here at once, and elsewhere when they are committed.
    fn append(&mut self, records: Vec<MetadataRecord>) {
        for record in &records {
            self.newest.apply(record);
        }
        self.log.append(records);
    }

    /// Lets out what was waiting for the log to be committed as far as it now is.
    fn on_committed(&mut self, now: Now, out: &mut Outbox) {
        let committed = self.log.committed();
        let mut grown: Vec<(TopicId, u16)> = Vec::new();
        let is_one_of_several = self.activity != Activity::Alone;
        for record in self.log.slice(self.committed.offset, committed).iter() {
            if is_one_of_several {
                let offset = self.committed.offset;
                out.note(Note::MetadataCommitted { offset, print: quorum::print(record) });
            }
            if let MetadataRecord::Partition { partition, registration } = record {
                let before = self.committed.partitions.get(*partition);
                note_change(*partition, before.map(|before| &**before), registration, out);
                let topic = partition.topic;
                if before.is_none() && grown.iter().all(|(of, _)| *of != topic) {
                    grown.push((topic, self.committed.partition_count(topic)));
                }
            }
            if let MetadataRecord::RemoveTopic { topic } = record {
                out.mark(Mark::TopicDeleted);
                out.note(Note::TopicDeleted { topic: *topic });
            }
            self.committed.apply(record);
        }
        for (topic, _) in grown.into_iter().filter(|(_, before)| *before > 0) {
            let partitions = self.committed.partition_count(topic);
            out.note(Note::Expanded { topic, partitions });
        }
        self.log.set_noted(committed);
        while let Some(answer) = self.deferred.pop_front_if(|answer| answer.until <= committed) {
            self.respond(answer.conn, answer.correlation, answer.response, out);
        }
        self.answer_observers(now, out);
    }

    /// Sets the timers, unless they go off early enough as they are.
    fn arm(&mut self, now: Now, out: &mut Outbox) {
        if self.leader_balance.is_none() && self.is_active() && self.is_imbalanced() {
            let at = now.mono + self.settings.leader_imbalance_check_interval;
            self.leader_balance = Some(at);
            out.set_timer(Timer::LeaderBalance, at);
        }
        let wanted = [
            (Timer::SessionCheck, self.sessions.next_check(), &mut self.session_check),
            (
                Timer::ControllerPurgatory,
                self.observers.iter().map(|observer| observer.deadline).min(),
                &mut self.purgatory,
            ),
        ];
        for (timer, at, armed) in wanted {
            let Some(at) = at.map(|at| at.max(now.mono)) else { continue };
            if armed.is_none_or(|armed| at < armed) {
                *armed = Some(at);
                out.set_timer(timer, at);
            }
        }
    }
}

/// Tells of a partition's change what the history is to know.
fn note_change(
    partition: TopicPartition,
    before: Option<&PartitionRegistration>,
    after: &PartitionRegistration,
    out: &mut Outbox,
) {
    let epoch = after.leader_epoch;
    if before.is_none_or(|before| before.leader_epoch != epoch) {
        let election = election_of(before, after);
        out.note(Note::Elected { partition, leader: after.leader, epoch, election });
        if before.is_some() {
            out.mark(match election {
                Election::Clean => Mark::CleanElection,
                Election::Unclean => Mark::UncleanElection,
                Election::Offline => Mark::PartitionOffline,
            });
        }
    }
    let replicas = mask(&after.isr);
    if before.is_none_or(|before| before.leader_epoch != epoch || mask(&before.isr) != replicas) {
        out.note(Note::InSync { partition, epoch, replicas });
    }
}

/// How the controller believes that it elected the leader.
fn election_of(before: Option<&PartitionRegistration>, after: &PartitionRegistration) -> Election {
    let Some(leader) = after.leader else { return Election::Offline };
    let outside = before.is_some_and(|before| !before.isr.contains(&leader));
    match after.recovery {
        Recovery::Recovering if outside => Election::Unclean,
        Recovery::Recovering | Recovery::Recovered => Election::Clean,
    }
}

fn mask(brokers: &Brokers) -> u64 {
    brokers.iter().fold(0, |mask, broker| {
        let bit = 1u64.checked_shl(u32::from(broker.0));
        mask | bit.expect("broker ids are below 64, so that a set of them is one word")
    })
}

/// A position as an index into the log's records.
fn index(offset: MetadataOffset) -> usize {
    usize::try_from(offset.0).expect("a position in memory")
}

#[cfg(test)]
mod tests;
