//! What other voters ask of this one.
//!
//! Does not send the answers: they wait until what they rest on is on disk.

use stormglass_types::{ErrorCode, LeaderEpoch};

use super::Voter;
use super::message::{
    Ballot, BeginQuorumEpochRequest, Choice, EndQuorumEpochRequest, Standing, VoteRequest,
    VoteResponse,
};
use super::roles::Role;
use crate::message::{Correlation, Request, Response};
use crate::{ConnId, Now, Outbox};

impl Voter {
    /// Takes a request of another voter in; gives it back if it is none. The answer comes from [`Voter::next_answer`].
    pub fn on_request(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: Request,
        out: &mut Outbox,
    ) {
        match request {
            Request::Vote(request) => {
                let response = Response::Vote(self.on_vote(now, &request));
                self.answer(conn, correlation, response);
            }
            Request::BeginQuorumEpoch(request) => {
                let standing = self.on_begin(now, request);
                self.answer(conn, correlation, Response::BeginQuorumEpoch(standing));
            }
            Request::EndQuorumEpoch(request) => {
                let standing = self.on_end(now, &request);
                self.answer(conn, correlation, Response::EndQuorumEpoch(standing));
            }
            Request::FetchQuorum(request) => self.on_fetch(now, conn, correlation, request),
            Request::FetchSnapshot(request) => {
                let response = self.on_fetch_snapshot(now, &request);
                self.answer(conn, correlation, response);
            }
            request => unreachable!("{:?} is no voter's request", request.api()),
        }
        self.pump(now, out);
    }

    /// `handleVoteRequest`.
    fn on_vote(&mut self, now: Now, request: &VoteRequest) -> VoteResponse {
        if let Some(error) = self.voter_error(request.epoch) {
            return VoteResponse { standing: self.standing(error), choice: Choice::Rejected };
        }
        if request.epoch > self.epoch() {
            self.detach(now, request.epoch);
        }
        let choice = self.would_grant(request);
        if choice == Choice::Granted && request.ballot == Ballot::Vote {
            self.vote_for(now, request.candidate);
        }
        VoteResponse { standing: self.standing(ErrorCode::None), choice }
    }

    /// `handleBeginQuorumEpochRequest`.
    fn on_begin(&mut self, now: Now, request: BeginQuorumEpochRequest) -> Standing {
        if let Some(error) = self.voter_error(request.epoch) {
            return self.standing(error);
        }
        self.learn(now, request.epoch, Some(request.leader));
        self.standing(ErrorCode::None)
    }

    /// `handleEndQuorumEpochRequest`.
    fn on_end(&mut self, now: Now, request: &EndQuorumEpochRequest) -> Standing {
        if let Some(error) = self.voter_error(request.epoch) {
            return self.standing(error);
        }
        self.learn(now, request.epoch, Some(request.leader));
        if matches!(self.role, Role::Follower { leader, .. } if leader == request.leader) {
            self.hurry(now, &request.successors);
        }
        self.standing(ErrorCode::None)
    }

    /// Why a voter's request is refused, if it is (`validateVoterOnlyRequest`).
    fn voter_error(&self, epoch: LeaderEpoch) -> Option<ErrorCode> {
        (epoch < self.epoch()).then_some(ErrorCode::FencedLeaderEpoch)
    }

    pub(super) const fn standing(&self, error: ErrorCode) -> Standing {
        Standing { error, epoch: self.epoch(), leader: self.leader() }
    }
}
