//! The roles of a voter, and how it comes from one to another.
//!
//! Does not send anything: who is asked what follows from the role (`Voter::ask`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use stormglass_types::{LeaderEpoch, NodeId, Span, Time};

use super::message::{Ballot, Choice, LogPlace, VoteRequest};
use super::{Election, Ending, Leader, Voter};
use crate::{Mark, Note, Now, Rule};

/// What a voter is.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// It knows no leader.
    Unattached {
        /// When it stands for election.
        until: Time,
    },
    /// It asks whether others would vote for it.
    Prospective {
        /// When it gives up.
        until: Time,
        /// What the others said, in their order.
        ballots: Vec<Option<Choice>>,
    },
    /// It asks for votes.
    Candidate {
        /// When it gives up, or stands again if it has given up.
        until: Time,
        /// What the others said, in their order.
        ballots: Vec<Option<Choice>>,
        /// Whether it has given up.
        phase: Phase,
    },
    /// It fetches from the leader.
    Follower {
        /// Who leads.
        leader: NodeId,
        /// When it takes the leader for gone.
        until: Time,
        /// Whether the leader has answered a fetch.
        contact: Contact,
        /// A snapshot that it needs first.
        snapshot: Option<LogPlace>,
    },
    /// It leads.
    Leader(Box<Leader>),
    /// It led in this epoch.
    Resigned {
        /// When it looks for another epoch.
        until: Time,
        /// Who should stand next.
        successors: Vec<NodeId>,
        /// Who of the others knows, in their order.
        told: Vec<Told>,
    },
}

/// Whether a candidate still counts votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Asking,
    BackingOff,
}

/// Whether a follower has fetched from its leader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Contact {
    NotYet,
    Made,
}

/// Whether a voter has heard something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    No,
    Yes,
}

/// `RETRY_BACKOFF_BASE_MS` of the Raft client.
const ELECTION_BACKOFF_BASE: Span = Span::millis(100);

impl Role {
    /// When time alone changes something.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Unattached { until }
            | Self::Prospective { until, .. }
            | Self::Candidate { until, .. }
            | Self::Follower { until, .. }
            | Self::Resigned { until, .. } => Some(*until),
            Self::Leader(leader) => leader.deadline(),
        }
    }

    /// Whether there may be somebody to be asked something now.
    pub(super) const fn asks(&self) -> bool {
        match self {
            Self::Unattached { .. } => false,
            Self::Prospective { .. }
            | Self::Candidate { .. }
            | Self::Follower { .. }
            | Self::Leader(_)
            | Self::Resigned { .. } => true,
        }
    }
}

impl Voter {
    /// The role in which a new life begins (`QuorumState.initialize`).
    pub(super) fn wake_up(&mut self, now: Now) {
        let election = self.store.election();
        let last = self.store.last().epoch;
        let until = self.election_timeout(now);
        self.role = if election.epoch < last {
            self.store.elect(Election { epoch: last, vote: None, leader: None });
            Role::Unattached { until }
        } else if election.leader == Some(self.me) {
            let told = self.peers.iter().map(|_| Told::No).collect();
            Role::Resigned { until, successors: Vec::new(), told }
        } else if let Some(leader) = election.leader {
            self.follower_of(now, leader)
        } else if election.vote == Some(self.me) {
            Role::Candidate { until, ballots: self.no_ballots(), phase: Phase::Asking }
        } else {
            Role::Unattached { until }
        };
    }

    /// What time alone brings about.
    pub(super) fn on_deadlines(&mut self, now: Now) {
        let over = self.role.deadline().is_some_and(|at| at <= now.mono);
        if !over || self.ending != Ending::No {
            return;
        }
        match &self.role {
            Role::Unattached { .. }
            | Role::Follower { .. }
            | Role::Candidate { phase: Phase::BackingOff, .. } => self.stand(now),
            Role::Prospective { .. } => self.withdraw(now),
            Role::Candidate { phase: Phase::Asking, .. } => self.back_off(now),
            Role::Leader(leader) => {
                if leader.quorum_until.is_some_and(|at| at <= now.mono) {
                    self.marks.insert(Mark::QuorumLeaderAlone);
                    self.resign(now);
                }
            }
            Role::Resigned { .. } => self.detach(now, LeaderEpoch(self.epoch().0 + 1)),
        }
    }

    /// Looks for votes: at first only whether there would be any (KIP-996).
    fn stand(&mut self, now: Now) {
        if !self.rules.on(Rule::PreVote) {
            return self.run(now);
        }
        let until = self.election_timeout(now);
        self.enter(Role::Prospective { until, ballots: self.no_ballots() });
    }

    /// Stands for election in a new epoch.
    fn run(&mut self, now: Now) {
        self.tries += 1;
        let epoch = LeaderEpoch(self.epoch().0 + 1);
        self.store.elect(Election { epoch, vote: Some(self.me), leader: None });
        let until = self.election_timeout(now);
        let ballots = self.no_ballots();
        self.enter(Role::Candidate { until, ballots, phase: Phase::Asking });
    }

    /// There would be no votes: back to the leader, if one is known, or to waiting for one.
    fn withdraw(&mut self, now: Now) {
        self.marks.insert(Mark::PreVoteLost);
        match self.leader() {
            Some(leader) if leader != self.me => self.enter(self.follower_of(now, leader)),
            Some(_) | None => {
                let until = self.election_timeout(now);
                self.enter(Role::Unattached { until });
            }
        }
    }

    /// There were too few votes: the next try comes after a while that doubles at most.
    fn back_off(&mut self, now: Now) {
        self.marks.insert(Mark::ElectionLost);
        let doublings = self.tries.saturating_sub(1).min(20);
        let steps = self.rng.upto((2 << doublings) - 1);
        let wait = ELECTION_BACKOFF_BASE.times(steps).min(self.settings.election_backoff_max);
        if let Role::Candidate { until, phase, .. } = &mut self.role {
            *until = now.mono + wait;
            *phase = Phase::BackingOff;
        }
    }

    /// Counts a vote (`EpochElection`).
    pub(super) fn count(&mut self, now: Now, peer: usize, choice: Choice) {
        let majority = self.majority();
        let voters = self.peers.len() + 1;
        let (ballots, is_candidate) = match &mut self.role {
            Role::Prospective { ballots, .. } => (ballots, false),
            Role::Candidate { ballots, .. } => (ballots, true),
            Role::Unattached { .. }
            | Role::Follower { .. }
            | Role::Leader(_)
            | Role::Resigned { .. } => return,
        };
        ballots[peer] = Some(choice);
        let count = |choice| ballots.iter().filter(|ballot| **ballot == Some(choice)).count();
        let elected = count(Choice::Granted) + 1 >= majority;
        let rejected = count(Choice::Rejected) > voters - majority;
        match (elected, rejected, is_candidate) {
            (true, _, true) => self.lead(now),
            (true, _, false) => self.run(now),
            (false, true, true) => {
                if matches!(self.role, Role::Candidate { phase: Phase::Asking, .. }) {
                    self.back_off(now);
                }
            }
            (false, true, false) => self.withdraw(now),
            (false, false, _) => {}
        }
    }

    /// A later epoch has begun, whose leader is not known (`transitionToUnattached`).
    pub(super) fn detach(&mut self, now: Now, epoch: LeaderEpoch) {
        self.store.elect(Election { epoch, vote: None, leader: None });
        // Whoever waited for an election goes on waiting.
        let until = match self.role {
            Role::Unattached { until }
            | Role::Prospective { until, .. }
            | Role::Candidate { until, .. } => until,
            Role::Follower { .. } | Role::Leader(_) | Role::Resigned { .. } => {
                self.election_timeout(now)
            }
        };
        self.enter(Role::Unattached { until });
    }

    /// Gives the vote of the present epoch.
    pub(super) fn vote_for(&mut self, now: Now, candidate: NodeId) {
        let election = self.store.election();
        self.store.elect(Election { vote: Some(candidate), ..election });
        if matches!(self.role, Role::Unattached { .. }) {
            let until = self.election_timeout(now);
            self.enter(Role::Unattached { until });
        }
    }

    /// Learns what somebody else knows of the quorum (`maybeTransition`).
    pub(super) fn learn(&mut self, now: Now, epoch: LeaderEpoch, leader: Option<NodeId>) {
        // Nobody else can know better whether this voter leads.
        let leader = leader.filter(|leader| *leader != self.me);
        let known = self.leader();
        match leader {
            Some(leader) if epoch > self.epoch() || (epoch == self.epoch() && known.is_none()) => {
                let vote = self.store.election().vote.filter(|_| epoch == self.epoch());
                self.store.elect(Election { epoch, vote, leader: Some(leader) });
                self.tries = 0;
                self.enter(self.follower_of(now, leader));
            }
            None if epoch > self.epoch() => self.detach(now, epoch),
            Some(_) | None => {}
        }
    }

    /// Leads the epoch for which it was voted.
    fn lead(&mut self, now: Now) {
        self.tries = 0;
        let epoch = self.epoch();
        self.store.elect(Election { epoch, vote: Some(self.me), leader: Some(self.me) });
        self.marks.insert(Mark::QuorumLeaderElected);
        self.notes.push(Note::QuorumLeader { epoch, end: self.store.end() });
        let leader = Leader::new(now, self);
        self.enter(Role::Leader(Box::new(leader)));
        self.begin_epoch();
    }

    /// Leads no longer, in this epoch; the others are told (`transitionToResigned`).
    pub(super) fn resign(&mut self, now: Now) {
        let Role::Leader(leader) = &self.role else { return };
        let successors = leader.by_progress(&self.peers);
        let told = self.peers.iter().map(|_| Told::No).collect();
        let until = self.election_timeout(now);
        self.enter(Role::Resigned { until, successors, told });
    }

    /// The leader resigned and named whom it would like to follow it (`endEpochElectionBackoff`).
    pub(super) fn hurry(&mut self, now: Now, successors: &[NodeId]) {
        let me = self.me;
        let most = self.settings.election_backoff_max;
        let wait = match successors.iter().position(|successor| *successor == me) {
            Some(0) => Span::ZERO,
            Some(place) => {
                let last = successors.len().min(32) - 1;
                let base = most.divided_by(1 << last);
                base.times(1 << (place - 1).min(31)).min(most)
            }
            None => most,
        };
        if let Role::Follower { until, .. } = &mut self.role {
            *until = now.mono + wait;
        }
    }

    fn enter(&mut self, role: Role) {
        self.forget_requests();
        self.role = role;
        self.refuse_parked();
    }

    pub(super) fn follower_of(&self, now: Now, leader: NodeId) -> Role {
        let until = now.mono + self.settings.fetch_timeout;
        Role::Follower { leader, until, contact: Contact::NotYet, snapshot: None }
    }

    fn no_ballots(&self) -> Vec<Option<Choice>> {
        self.peers.iter().map(|_| None).collect()
    }

    fn election_timeout(&mut self, now: Now) -> Time {
        let timeout = self.settings.election_timeout;
        now.mono + timeout + Span::nanos(self.rng.upto(timeout.0.saturating_sub(1)))
    }

    /// Whether a candidate has this voter's vote, or would have it (`EpochState.canGrantVote`).
    pub(super) fn would_grant(&self, request: &VoteRequest) -> Choice {
        let up_to_date =
            request.last >= self.store.last() || !self.rules.on(Rule::VoteNeedsUpToDateLog);
        let again = !self.rules.on(Rule::OneVotePerEpoch);
        let election = self.store.election();
        let granted = match (&self.role, request.ballot) {
            (Role::Leader(_), _)
            | (Role::Follower { contact: Contact::Made, .. }, Ballot::PreVote) => false,
            (
                Role::Follower { contact: Contact::NotYet, .. }
                | Role::Unattached { .. }
                | Role::Prospective { .. }
                | Role::Candidate { .. }
                | Role::Resigned { .. },
                Ballot::PreVote,
            ) => up_to_date,
            (
                Role::Follower { .. } | Role::Candidate { .. } | Role::Resigned { .. },
                Ballot::Vote,
            ) => again && up_to_date,
            (Role::Unattached { .. } | Role::Prospective { .. }, Ballot::Vote) => {
                match election.vote {
                    Some(vote) => vote == request.candidate || (again && up_to_date),
                    None => election.leader.is_none() && up_to_date,
                }
            }
        };
        if granted { Choice::Granted } else { Choice::Rejected }
    }
}
