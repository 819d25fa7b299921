//! What a leader knows of the others, and what it makes of it: the high watermark, answers to fetches, its own end.
//!
//! Does not decide who leads.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{ErrorCode, LeaderEpoch, NodeId, Time};

use super::log::Agreement;
use super::message::{
    BeginQuorumEpochRequest, FetchQuorumRequest, FetchQuorumResponse, FetchSnapshotRequest,
    FetchSnapshotResponse, Found, LogPlace, MetadataBatch,
};
use super::roles::{Role, Told};
use super::{Peer, Voter};
use crate::message::{Correlation, MetadataOffset, Request, Response};
use crate::metadata::MetadataRecord;
use crate::{ConnId, Mark, Now, Rule};

/// The state of a leader (`LeaderState`).
#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// Where the epoch's first record lies.
    pub(super) epoch_start: MetadataOffset,
    /// The others, in their order.
    others: Vec<Progress>,
    /// When it is alone, unless a majority has fetched by then.
    pub(super) quorum_until: Option<Time>,
    /// When those are told that it leads who do not seem to know.
    begin_at: Time,
    /// Whether anybody was fetched from in this epoch that it commits.
    pub(super) committed: Option<MetadataOffset>,
    /// Batches that are not appended yet (`controller.quorum.append.linger.ms`).
    gathered: Vec<Arc<[MetadataRecord]>>,
    drain_at: Option<Time>,
}

#[derive(Clone, Debug)]
struct Progress {
    /// Where its log ended when it fetched last.
    end: Option<MetadataOffset>,
    last_fetch: Option<Time>,
    /// Whether it fetched since the last time that a majority had.
    fetched: Told,
    knows: Told,
}

/// A fetch that waits for records.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub(super) conn: ConnId,
    correlation: Correlation,
    request: FetchQuorumRequest,
    pub(super) deadline: Time,
}

impl Leader {
    pub(super) fn new(now: Now, voter: &Voter) -> Self {
        let progress = Progress { end: None, last_fetch: None, fetched: Told::No, knows: Told::No };
        Self {
            epoch_start: voter.store.end(),
            others: voter.peers.iter().map(|_| progress.clone()).collect(),
            quorum_until: voter.check_quorum_at(now),
            begin_at: now.mono,
            committed: None,
            gathered: Vec::new(),
            drain_at: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        [self.quorum_until, self.drain_at, Some(self.begin_at)].into_iter().flatten().min()
    }

    /// Where the log ends, with what is not appended yet, if it ends at `end` without.
    pub(super) fn gathered_end(&self, end: MetadataOffset) -> MetadataOffset {
        let gathered: usize = self.gathered.iter().map(|records| records.len()).sum();
        let gathered = u32::try_from(gathered).expect("fewer records than a position counts");
        MetadataOffset(end.0 + gathered)
    }

    /// The others, the one with the longest log first.
    pub(super) fn by_progress(&self, peers: &[Peer]) -> Vec<NodeId> {
        let mut others: Vec<_> = self.others.iter().map(|other| other.end).zip(peers).collect();
        others.sort_by_key(|(end, peer)| (core::cmp::Reverse(*end), peer.node));
        others.into_iter().map(|(_, peer)| peer.node).collect()
    }
}

impl Voter {
    /// Appends records that are kept together or not at all. The caller knows that this voter leads.
    pub fn append(&mut self, records: Vec<MetadataRecord>) {
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("{} appends but does not lead", self.me)
        };
        leader.gathered.push(records.into());
    }

    /// The first record of an epoch, without which nothing could be committed (`LeaderChangeMessage`).
    pub(super) fn begin_epoch(&mut self) {
        let (base, epoch) = (self.store.end(), self.epoch());
        let record = MetadataRecord::LeaderChange { leader: self.me, epoch };
        self.store.append(MetadataBatch { base, epoch, records: Arc::from([record]) });
    }

    /// Appends what was gathered for long enough.
    pub(super) fn drain(&mut self, now: Now) {
        let epoch = self.epoch();
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.gathered.is_empty() {
            return;
        }
        let due = *leader.drain_at.get_or_insert(now.mono + self.settings.append_linger);
        if due > now.mono {
            return;
        }
        leader.drain_at = None;
        for records in core::mem::take(&mut leader.gathered) {
            let base = self.store.end();
            self.store.append(MetadataBatch { base, epoch, records });
        }
    }

    /// Moves the high watermark to what a majority has (`LeaderState.maybeUpdateHighWatermark`).
    pub(super) fn advance(&mut self) {
        let majority = self.majority();
        let Role::Leader(leader) = &mut self.role else { return };
        let own = if self.rules.on(Rule::FetchAcksDurable) {
            self.store.synced()
        } else {
            self.store.end()
        };
        let others = leader.others.iter().map(|other| other.end);
        let mut ends: Vec<_> = others.chain([Some(own)]).collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        let Some(reached) = ends[majority - 1] else { return };
        let own_epoch = reached > leader.epoch_start || !self.rules.on(Rule::CommitInOwnEpoch);
        if own_epoch && leader.committed.is_none_or(|before| reached > before) {
            leader.committed = Some(reached);
            self.high_watermark = self.high_watermark.max(reached);
        }
    }

    pub(super) fn check_quorum_at(&self, now: Now) -> Option<Time> {
        // Half as long again as a follower waits, for what is on its way.
        let timeout = self.settings.fetch_timeout.times(3).divided_by(2);
        self.rules.on(Rule::CheckQuorum).then(|| now.mono + timeout)
    }

    pub(super) fn on_fetch(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: FetchQuorumRequest,
    ) {
        let deadline = now.mono + request.max_wait;
        if let Some(response) = self.find(now, &request) {
            self.answer(conn, correlation, Response::FetchQuorum(response));
        } else {
            self.parked.push(Parked { conn, correlation, request, deadline });
        }
    }

    /// What there is to say to a fetch, if that is not just that there is nothing new.
    fn find(&mut self, now: Now, request: &FetchQuorumRequest) -> Option<FetchQuorumResponse> {
        let error = self.leader_error(request.epoch);
        let found = if error == ErrorCode::None {
            self.found(now, request)
        } else {
            Found::Batches(Vec::new())
        };
        let nothing = matches!(&found, Found::Batches(batches) if batches.is_empty());
        (error != ErrorCode::None || !nothing).then(|| self.fetched(error, found))
    }

    fn fetched(&self, error: ErrorCode, found: Found) -> FetchQuorumResponse {
        let high_watermark = match &self.role {
            Role::Leader(leader) => leader.committed,
            Role::Unattached { .. }
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Follower { .. }
            | Role::Resigned { .. } => None,
        };
        FetchQuorumResponse { standing: self.standing(error), high_watermark, found }
    }

    /// Looks where a follower's log stands to this one, which is also an acknowledgement.
    fn found(&mut self, now: Now, request: &FetchQuorumRequest) -> Found {
        let from = request.from.offset;
        let agreement = if self.rules.on(Rule::QuorumTruncates) {
            self.store.agrees(request.from)
        } else if from < self.store.start() {
            let newest = self.store.snapshot().expect("a log that begins later has a snapshot");
            Agreement::Snapshot(newest.place)
        } else if from > self.store.end() {
            Agreement::Diverging(self.store.last())
        } else {
            Agreement::Valid
        };
        match agreement {
            Agreement::Valid => {
                self.acknowledge(now, request.voter, from);
                Found::Batches(self.store.batches_from(from).to_vec())
            }
            Agreement::Diverging(place) => Found::Diverging(place),
            Agreement::Snapshot(place) => Found::Snapshot(place),
        }
    }

    fn acknowledge(&mut self, now: Now, voter: NodeId, end: MetadataOffset) {
        let Some(peer) = self.peer_of(voter) else { return };
        self.heard_from(now, peer);
        if let Role::Leader(leader) = &mut self.role {
            leader.others[peer].end = Some(end);
        }
        self.advance();
    }

    /// A follower is there (`updateCheckQuorumForFollowingVoter`).
    fn heard_from(&mut self, now: Now, peer: usize) {
        let others = self.majority() - 1;
        let again = self.check_quorum_at(now);
        let Role::Leader(leader) = &mut self.role else { return };
        let other = &mut leader.others[peer];
        other.last_fetch = Some(now.mono);
        other.fetched = Told::Yes;
        other.knows = Told::Yes;
        let fetched = leader.others.iter().filter(|other| other.fetched == Told::Yes).count();
        if fetched >= others {
            leader.others.iter_mut().for_each(|other| other.fetched = Told::No);
            leader.quorum_until = again;
        }
    }

    pub(super) fn on_fetch_snapshot(
        &mut self,
        now: Now,
        request: &FetchSnapshotRequest,
    ) -> Response {
        let mut error = self.leader_error(request.epoch);
        let mut snapshot = None;
        if error == ErrorCode::None {
            snapshot = self.store.snapshot_at(request.snapshot).cloned();
            if let Some(peer) = self.peer_of(request.voter) {
                self.heard_from(now, peer);
            }
            if snapshot.is_none() {
                error = ErrorCode::SnapshotNotFound;
            }
        }
        let standing = self.standing(error);
        Response::FetchSnapshot(FetchSnapshotResponse { standing, snapshot })
    }

    /// Answers every fetch for which there is something now, or whose time is over.
    pub(super) fn answer_parked(&mut self, now: Now) {
        let end = self.store.end();
        let ready =
            |fetch: &mut Parked| fetch.request.from.offset < end || fetch.deadline <= now.mono;
        while let Some(at) = self.parked.iter_mut().position(ready) {
            let fetch = self.parked.remove(at);
            let found = self.find(now, &fetch.request);
            let response =
                found.unwrap_or_else(|| self.fetched(ErrorCode::None, Found::Batches(Vec::new())));
            self.answer(fetch.conn, fetch.correlation, Response::FetchQuorum(response));
        }
    }

    /// Who leads no longer has nothing to wait for.
    pub(super) fn refuse_parked(&mut self) {
        for fetch in core::mem::take(&mut self.parked) {
            let nothing = Found::Batches(Vec::new());
            let response = self.fetched(ErrorCode::NotLeaderOrFollower, nothing);
            self.answer(fetch.conn, fetch.correlation, Response::FetchQuorum(response));
        }
    }

    /// Why a request to the leader of an epoch is refused, if it is (`validateLeaderOnlyRequest`).
    fn leader_error(&self, epoch: LeaderEpoch) -> ErrorCode {
        if epoch < self.epoch() {
            ErrorCode::FencedLeaderEpoch
        } else if epoch > self.epoch() {
            ErrorCode::UnknownLeaderEpoch
        } else if self.leads().is_none() {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::None
        }
    }

    /// Tells those that this voter leads who have not fetched lately.
    pub(super) fn tell_followers(&mut self, now: Now) {
        let pause = self.settings.fetch_timeout.divided_by(2);
        let request = BeginQuorumEpochRequest { leader: self.me, epoch: self.epoch() };
        let free: Vec<bool> = (0..self.peers.len()).map(|peer| self.is_free(peer, now)).collect();
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.begin_at > now.mono {
            return;
        }
        leader.begin_at = now.mono + pause;
        let silent = leader.others.iter().map(|other| {
            other.knows == Told::No || other.last_fetch.is_none_or(|at| at + pause <= now.mono)
        });
        let due: Vec<usize> =
            silent.zip(free).enumerate().filter(|(_, it)| it.0 && it.1).map(|(n, _)| n).collect();
        for peer in due {
            self.request(peer, Request::BeginQuorumEpoch(request));
        }
    }

    pub(super) fn on_known(&mut self, peer: usize) {
        if let Role::Leader(leader) = &mut self.role {
            leader.others[peer].knows = Told::Yes;
        }
    }

    /// Where the log parts from the leader's: everything behind is taken back.
    pub(super) fn cut(&mut self, leaders: LogPlace) {
        self.store.truncate(leaders);
        self.marks.insert(Mark::QuorumLogTruncated);
    }
}
