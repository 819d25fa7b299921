//! What this voter asks of others, and what it makes of their answers.
//!
//! One request per peer is under way at a time; which one follows from the role.

use alloc::vec::Vec;

use stormglass_types::ErrorCode;

use super::message::{
    Ballot, Choice, EndQuorumEpochRequest, FetchQuorumRequest, FetchQuorumResponse,
    FetchSnapshotRequest, FetchSnapshotResponse, Found, LogPlace, Standing, VoteRequest,
};
use super::roles::{Contact, Phase, Role, Told};
use super::{Ending, MAX_FETCH_WAIT, Voter};
use crate::message::{MetadataOffset, Request, Response};
use crate::{Mark, Now};

impl Voter {
    /// Asks whom the role has something to ask, as far as they are free.
    pub(super) fn ask(&mut self, now: Now) {
        match &self.role {
            Role::Unattached { .. } | Role::Candidate { phase: Phase::BackingOff, .. } => {}
            Role::Prospective { ballots, .. } => {
                let open = open(ballots);
                self.ask_for_votes(now, &open, Ballot::PreVote);
            }
            Role::Candidate { ballots, phase: Phase::Asking, .. } => {
                let open = open(ballots);
                self.ask_for_votes(now, &open, Ballot::Vote);
            }
            Role::Follower { leader, snapshot, .. } => {
                let (leader, snapshot) = (*leader, *snapshot);
                let peer = self.peer_of(leader).expect("the leader is another voter");
                if self.is_free(peer, now) {
                    let request = self.next_fetch(snapshot);
                    self.request(peer, request);
                }
            }
            Role::Leader(_) => self.tell_followers(now),
            Role::Resigned { successors, told, .. } => {
                let request = EndQuorumEpochRequest {
                    leader: self.me,
                    epoch: self.epoch(),
                    successors: successors.clone(),
                };
                let untold: Vec<usize> = (0..told.len()).filter(|n| told[*n] == Told::No).collect();
                for peer in untold {
                    if self.is_free(peer, now) {
                        self.request(peer, Request::EndQuorumEpoch(request.clone()));
                    }
                }
            }
        }
    }

    fn ask_for_votes(&mut self, now: Now, open: &[usize], ballot: Ballot) {
        let (candidate, epoch, last) = (self.me, self.epoch(), self.store.last());
        for peer in open {
            if self.is_free(*peer, now) {
                let request = VoteRequest { candidate, epoch, last, ballot };
                self.request(*peer, Request::Vote(request));
            }
        }
    }

    fn next_fetch(&self, snapshot: Option<LogPlace>) -> Request {
        let (voter, epoch) = (self.me, self.epoch());
        match snapshot {
            Some(snapshot) => {
                Request::FetchSnapshot(FetchSnapshotRequest { voter, epoch, snapshot })
            }
            None => Request::FetchQuorum(FetchQuorumRequest {
                voter,
                epoch,
                from: self.store.last(),
                max_wait: MAX_FETCH_WAIT,
            }),
        }
    }

    /// Takes the answer of another voter in.
    pub(super) fn on_outcome(&mut self, now: Now, peer: usize, response: Response) {
        match response {
            Response::Vote(answer) => {
                if self.is_news(now, answer.standing) {
                    self.count(now, peer, answer.choice);
                }
            }
            Response::BeginQuorumEpoch(standing) => {
                if self.is_news(now, standing) {
                    self.on_known(peer);
                }
            }
            Response::EndQuorumEpoch(standing) => {
                if self.is_news(now, standing)
                    && let Role::Resigned { told, .. } = &mut self.role
                {
                    told[peer] = Told::Yes;
                }
            }
            Response::FetchQuorum(answer) => {
                if self.is_news(now, answer.standing) {
                    self.on_fetched(now, answer);
                }
            }
            Response::FetchSnapshot(answer) => self.on_snapshot(now, answer),
            response => unreachable!("{:?} answers no voter's request", response.api()),
        }
    }

    /// Takes in what an answer says of the quorum; tells whether the rest of it counts (`maybeHandleCommonResponse`).
    fn is_news(&mut self, now: Now, standing: Standing) -> bool {
        let Standing { error, epoch, leader } = standing;
        if epoch < self.epoch() || error == ErrorCode::UnknownLeaderEpoch {
            return false;
        }
        let was = self.epoch();
        self.learn(now, epoch, leader);
        epoch == was && error == ErrorCode::None
    }

    fn on_fetched(&mut self, now: Now, answer: FetchQuorumResponse) {
        let Role::Follower { until, contact, snapshot, .. } = &mut self.role else { return };
        *until = now.mono + self.settings.fetch_timeout;
        *contact = Contact::Made;
        match answer.found {
            Found::Batches(batches) => {
                for batch in batches {
                    // The leader answers with what was asked for; another answer came in between only by a broken rule.
                    if batch.base == self.store.end() {
                        self.store.append(batch);
                    }
                }
                self.follow_high_watermark(answer.high_watermark);
            }
            Found::Diverging(place) => {
                if place.offset < self.high_watermark {
                    // Committed records would be taken back: Kafka's process ends, too.
                    self.ending = Ending::Broken;
                } else {
                    self.cut(place);
                }
            }
            Found::Snapshot(place) => *snapshot = Some(place),
        }
    }

    fn follow_high_watermark(&mut self, leaders: Option<MetadataOffset>) {
        let Some(leaders) = leaders else { return };
        self.high_watermark = self.high_watermark.max(leaders.min(self.store.end()));
    }

    fn on_snapshot(&mut self, now: Now, answer: FetchSnapshotResponse) {
        let news = self.is_news(now, answer.standing);
        let Role::Follower { until, contact, snapshot, .. } = &mut self.role else { return };
        if answer.standing.error == ErrorCode::SnapshotNotFound {
            // It was removed meanwhile: the next fetch names a newer one.
            *snapshot = None;
        }
        let (true, Some(found)) = (news, answer.snapshot) else { return };
        *until = now.mono + self.settings.fetch_timeout;
        *contact = Contact::Made;
        *snapshot = None;
        if found.place.offset > self.high_watermark {
            self.high_watermark = found.place.offset;
            self.marks.insert(Mark::SnapshotInstalled);
            self.installed = Some(found.clone());
        }
        self.store.install(found);
    }
}

/// Whether an answer is that there is none.
pub(super) fn is_refusal(response: &Response) -> bool {
    let error = match response {
        Response::Vote(answer) => answer.standing.error,
        Response::BeginQuorumEpoch(standing) | Response::EndQuorumEpoch(standing) => standing.error,
        Response::FetchQuorum(answer) => answer.standing.error,
        Response::FetchSnapshot(answer) => answer.standing.error,
        _ => ErrorCode::None,
    };
    error != ErrorCode::None
}

/// Who has not answered yet.
fn open(ballots: &[Option<Choice>]) -> Vec<usize> {
    (0..ballots.len()).filter(|peer| ballots[*peer].is_none()).collect()
}
