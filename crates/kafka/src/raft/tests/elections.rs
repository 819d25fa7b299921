use super::*;
use crate::raft::message::{Ballot, Choice, VoteRequest};

const ELECTION: Span = Span::secs(5);

#[test]
fn a_new_quorum_elects_one_leader_and_commits_the_record_that_begins_its_epoch() {
    for voters in [3, 5] {
        let mut rig = Rig::new(voters, Rules::ALL);
        rig.pass(ELECTION);
        let leader = rig.leader();
        rig.append(leader);
        rig.pass(Span::secs(2));
        for voter in rig.voters.iter().flatten() {
            assert_eq!(voter.high_watermark(), MetadataOffset(2));
            assert_eq!(voter.leader(), Some(NodeId(u16::try_from(leader).unwrap())));
        }
    }
}

#[test]
fn an_idle_quorum_keeps_its_leader() {
    let mut rig = Rig::new(3, Rules::ALL);
    rig.pass(ELECTION);
    let before = rig.leaders();
    rig.pass(Span::secs(120));
    assert_eq!(rig.leaders(), before);
}

#[test]
fn the_followers_of_a_dead_leader_elect_another() {
    let mut rig = Rig::new(3, Rules::ALL);
    rig.pass(ELECTION);
    let first = rig.leader();
    rig.append(first);
    rig.pass(Span::secs(1));
    rig.crash(first, CrashKind::Power);
    rig.pass(Span::secs(10));
    let second = rig.leader();
    assert_ne!(first, second);
    rig.boot(first);
    rig.pass(Span::secs(10));
    assert_eq!(rig.leader(), second);
    let ends: Vec<_> = rig.voters.iter().flatten().map(|voter| voter.store().last()).collect();
    assert!(ends.iter().all(|end| *end == ends[0]), "{}", rig.shown());
}

#[test]
fn a_minority_elects_nobody() {
    let mut rig = Rig::new(3, Rules::ALL);
    rig.crash(0, CrashKind::Process);
    rig.crash(1, CrashKind::Process);
    rig.pass(Span::secs(60));
    assert_eq!(rig.leaders(), []);
    // It only asked whether it would be elected.
    assert_eq!(rig.voters[2].as_ref().unwrap().epoch(), LeaderEpoch(0));
    assert!(rig.marked(Mark::PreVoteLost));
}

#[test]
fn a_leader_that_is_alone_steps_down_but_without_the_rule() {
    for (rules, leads) in [(Rules::ALL, 0), (Rules::ALL.without(Rule::CheckQuorum), 1)] {
        let mut rig = Rig::new(3, rules);
        rig.pass(ELECTION);
        let leader = rig.leader();
        for other in (0..3).filter(|other| *other != leader) {
            rig.crash(other, CrashKind::Process);
        }
        rig.pass(Span::secs(4));
        assert_eq!(rig.leaders().len(), leads);
        assert_eq!(rig.marked(Mark::QuorumLeaderAlone), leads == 0);
    }
}

#[test]
fn a_voter_that_was_cut_off_disturbs_nobody_but_without_pre_vote() {
    for (rules, disturbed) in [(Rules::ALL, false), (Rules::ALL.without(Rule::PreVote), true)] {
        let mut rig = Rig::new(3, rules);
        rig.pass(ELECTION);
        let before = rig.leaders();
        let lost = (rig.leader() + 1) % 3;
        rig.cut_off.push(lost);
        rig.pass(Span::secs(20));
        rig.cut_off.clear();
        rig.pass(Span::secs(5));
        assert_eq!(rig.leaders() != before, disturbed, "{}", rig.shown());
    }
}

/// A quorum that has committed two records.
fn voter(rules: Rules) -> Rig {
    let mut rig = Rig::new(3, rules);
    rig.pass(ELECTION);
    let leader = rig.leader();
    rig.append(leader);
    rig.pass(Span::secs(1));
    rig
}

fn ask(rig: &mut Rig, candidate: u16, epoch: i32, last: (i32, u32), ballot: Ballot) -> Choice {
    let follower = (rig.leader() + 1) % 3;
    let now = rig.local();
    let last = LogPlace { epoch: LeaderEpoch(last.0), offset: MetadataOffset(last.1) };
    let epoch = LeaderEpoch(epoch);
    let request = VoteRequest { candidate: NodeId(candidate), epoch, last, ballot };
    let voter = rig.voters[follower].as_mut().unwrap();
    voter.on_request(now, ConnId(9_999), Correlation(0), Request::Vote(request), &mut rig.out);
    rig.out.effects.retain(|effect| !matches!(effect, Effect::Send(..) | Effect::Connect(..)));
    let mut choice = None;
    for _ in 0..4 {
        let voter = rig.voters[follower].as_mut().unwrap();
        while let Some(answer) = voter.next_answer() {
            if let crate::message::Response::Vote(answer) = answer.response {
                choice = Some(answer.choice);
            }
        }
        let syncs: Vec<_> = rig.out.effects.drain(..).collect();
        for effect in syncs {
            if let Effect::Sync(token) = effect {
                rig.voters[follower].as_mut().unwrap().on_synced(now, token, &mut rig.out);
            }
        }
    }
    choice.expect("a vote is answered once it is on disk")
}

#[test]
fn a_vote_is_given_once_in_an_epoch_but_without_the_rule() {
    let both = [
        (Rules::ALL, Choice::Rejected),
        (Rules::ALL.without(Rule::OneVotePerEpoch), Choice::Granted),
    ];
    for (rules, second) in both {
        let mut rig = voter(rules);
        assert_eq!(ask(&mut rig, 7, 5, (1, 2), Ballot::Vote), Choice::Granted);
        assert_eq!(ask(&mut rig, 7, 5, (1, 2), Ballot::Vote), Choice::Granted);
        assert_eq!(ask(&mut rig, 8, 5, (1, 9), Ballot::Vote), second);
    }
}

#[test]
fn a_vote_needs_a_log_that_reaches_as_far_but_without_the_rule() {
    let off = Rules::ALL.without(Rule::VoteNeedsUpToDateLog);
    for (rules, short) in [(Rules::ALL, Choice::Rejected), (off, Choice::Granted)] {
        assert_eq!(ask(&mut voter(rules), 7, 5, (1, 1), Ballot::Vote), short);
        assert_eq!(ask(&mut voter(rules), 7, 5, (2, 1), Ballot::Vote), Choice::Granted);
    }
}

#[test]
fn a_follower_that_hears_from_its_leader_sees_no_use_in_an_election() {
    let mut rig = voter(Rules::ALL);
    let epoch = rig.leaders()[0].1.0;
    assert_eq!(ask(&mut rig, 7, epoch, (9, 9), Ballot::PreVote), Choice::Rejected);
}

#[test]
fn a_vote_is_told_only_when_it_is_on_disk() {
    let off = Rules::ALL.without(Rule::VoteIsDurable);
    for (rules, answers) in [(Rules::ALL, 0), (off, 1)] {
        let mut rig = voter(rules);
        let follower = (rig.leader() + 1) % 3;
        let last = LogPlace { epoch: LeaderEpoch(9), offset: MetadataOffset(9) };
        let (candidate, epoch, ballot) = (NodeId(7), LeaderEpoch(10), Ballot::Vote);
        let request = Request::Vote(VoteRequest { candidate, epoch, last, ballot });
        let now = rig.local();
        let voter = rig.voters[follower].as_mut().unwrap();
        voter.on_request(now, ConnId(9_999), Correlation(0), request, &mut rig.out);
        assert_eq!(core::iter::from_fn(|| voter.next_answer()).count(), answers);
    }
}

#[test]
fn a_leader_that_stops_hands_over_before_it_is_gone() {
    let mut rig = Rig::new(3, Rules::ALL);
    rig.pass(ELECTION);
    let first = rig.leader();
    rig.with_voter(first, |voter, now, out| voter.shut_down(now, out));
    assert_eq!(rig.exits, []);
    rig.pass(Span::secs(1));
    assert_eq!(rig.exits, [(first, Exit::Clean)]);
    assert_ne!(rig.leader(), first);
}
