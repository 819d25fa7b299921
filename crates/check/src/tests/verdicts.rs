//! One planted history for each thing that a checker must reject, and its legal neighbours.

use stormglass_types::history::{Acks, CommitMode, Process, Role};
use stormglass_types::{GroupId, NodeId, TopicId};

use super::planted::{Cast, cast, tell, verdict, verdict_of};
use crate::{AnomalyKind, INVARIANTS, judge};

/// Asserts that a verdict starts with its status and has all these parts.
#[track_caller]
fn check(invariant: &str, cast: Cast, story: &str, expected: &[&str]) {
    let verdict = verdict(invariant, cast, story);
    assert!(verdict.starts_with(expected[0]), "{verdict}");
    for part in expected {
        assert!(verdict.contains(part), "no {part:?} in {verdict}");
    }
}

fn with(change: impl FnOnce(&mut Cast)) -> Cast {
    let mut cast = cast();
    change(&mut cast);
    cast
}

fn without_idempotence(in_flight: u32) -> Cast {
    with(|cast| {
        cast.sources[0].idempotent = false;
        cast.sources[0].in_flight = in_flight;
    })
}

fn committing(commit: CommitMode, asynchronous: bool) -> Cast {
    with(|cast| {
        let group = cast.header.groups.iter_mut().next().unwrap();
        (group.commit, group.asynchronous) = (commit, asynchronous);
    })
}

fn from_latest() -> Cast {
    with(|cast| cast.header.groups.iter_mut().next().unwrap().from_earliest = false)
}

#[test]
fn invariants_carry_their_checkers_names() {
    assert!(INVARIANTS.iter().all(|invariant| invariant.name == invariant.checker.name()));
}

#[test]
fn an_empty_history_shows_nothing() {
    for (name, verdict) in judge(&tell(cast(), "")).verdicts {
        assert_eq!(verdict.status(), "vacuous", "{name}");
    }
}

// no-loss

#[test]
fn an_acked_record_must_be_in_the_log() {
    let story = "p0 send v0-1; p0 ack v0-1 @0; p0 log v0; p1 log";
    check(
        "no-loss",
        cast(),
        story,
        &["violated", "lost-write: checkout-1#0:1 in orders-0", "offset 1"],
    );
    check("no-loss", cast(), "p0 send v0-1; p0 ack v0-1 @0; p0 log v0-1", &["hold: 2 acked"]);
}

#[test]
fn a_lost_record_may_have_been_replaced() {
    let story = "p0 send v0-1; p0 ack v0 @0; p0 log v1";
    check("no-loss", cast(), story, &["violated", "lost-write", "where checkout-1#0:1 is now"]);
}

#[test]
fn an_ack_must_tell_the_right_offset() {
    let story = "p0 send v0-1; p0 ack v0-1 @0; p0 log v1 v0";
    check("no-loss", cast(), story, &["violated", "inconsistent-offsets", "(1 of 2)"]);
}

#[test]
fn an_unknown_send_may_be_missing_or_land_later() {
    for log in ["v0", "v0-1"] {
        let story = format!("p0 send v0-1; p0 ack v0 @0; p0 unknown v1; p0 log {log}");
        check("no-loss", cast(), &story, &["hold: 1 acked"]);
    }
}

#[test]
fn no_ack_and_no_read_decide_nothing() {
    check("no-loss", cast(), "p0 send v0; p0 unknown v0; p0 log", &["vacuous"]);
    check("no-loss", cast(), "p0 send v0; p0 ack v0 @0; p0 unread", &["undecided: orders-0"]);
}

#[test]
fn the_configuration_may_permit_a_loss() {
    let story = "p0 send v0; p0 ack v0 @0; p0 unclean b2 e1; p0 log";
    let one = with(|cast| cast.sources[0].acks = Acks::One);
    check("no-loss", one, story, &["violated", "not promised: acks=1"]);
    let zero = with(|cast| cast.sources[0].acks = Acks::Zero);
    check("no-loss", zero, story, &["violated", "not promised: acks=0"]);
    let unclean = with(|cast| cast.header.topics[TopicId(0)].unclean_election = true);
    check("no-loss", unclean, story, &["violated", "not promised: unclean"]);
    let history = tell(cast(), story);
    let verdict = verdict_of("no-loss", &history);
    let anomalies = verdict.anomalies().unwrap();
    assert!(anomalies.breaks_promise(), "unclean elections are off, so this one was a bug");
    assert_eq!(anomalies[0].kind, AnomalyKind::LostWrite);
    assert_eq!(anomalies[0].witness, [0, 1]);
}

#[test]
fn power_loss_excuses_only_beyond_the_contract() {
    let story = |losses: &str| format!("p0 isr b1 b2; p0 send v0; p0 ack v0 @0; {losses}; p0 log");
    check("no-loss", cast(), &story("p0 loses b1 @0 @1"), &["undecided: excused", "covers 0"]);
    check("no-loss", cast(), &story("p0 loses b3 @0 @1"), &["violated", "lost-write"]);
    check("no-loss", cast(), &story("p0 loses b1 @1 @4"), &["violated", "lost-write"]);
    let eligible = || with(|cast| cast.header.eligible_leader_replicas = true);
    check("no-loss", eligible(), &story("p0 loses b1 @0 @1"), &["violated", "lost-write"]);
    let both = story("p0 loses b1 @0 @1; p0 loses b2 @0 @1");
    check("no-loss", eligible(), &both, &["undecided: excused", "covers 1"]);
}

#[test]
fn a_broker_that_joined_the_in_sync_set_later_is_relied_on_when_it_loses_its_disk() {
    // It may be all that is left of the set afterwards, and then it leads with what it has.
    let story = |sets: &str| format!("p0 isr b1 b2; p0 send v0; p0 ack v0 @0; {sets}; p0 log");
    let joined = story("p0 isr b1 b2 b3; p0 loses b3 @0 @1");
    check("no-loss", cast(), &joined, &["undecided: excused", "covers 0"]);
    let left = story("p0 isr b1 b2 b3; p0 isr b1 b2; p0 loses b3 @0 @1");
    check("no-loss", cast(), &left, &["violated", "lost-write"]);
}

#[test]
fn a_leader_alone_promises_little() {
    let lonely = with(|cast| cast.header.topics[TopicId(0)].min_insync_replicas = 1);
    let story = "p0 isr b1; p0 send v0; p0 ack v0 @0; p0 loses b1 @0 @1; p0 log";
    check("no-loss", lonely, story, &["violated", "not promised: min.insync.replicas=1"]);
}

#[test]
fn anomalies_are_capped_and_counted() {
    let verdict = verdict_of("no-loss", &tell(cast(), "p0 send v0-99; p0 ack v0-99 @0; p0 log"));
    let anomalies = verdict.anomalies().unwrap();
    assert_eq!((anomalies.len(), anomalies.total(), anomalies.unpromised()), (16, 100, 0));
}

// per-key-order

#[test]
fn a_log_keeps_the_order_of_a_key() {
    let story = "p0 send v0-1 k0; p0 ack v0 @1; p0 ack v1 @0; p0 log v1 v0";
    check(
        "per-key-order",
        cast(),
        story,
        &["violated: nonmonotonic-send", "checkout-1#0:1 of key alice"],
    );
    let hasty = without_idempotence(5);
    check("per-key-order", hasty, story, &["violated", "not promised", "connection=5"]);
    let one_by_one = verdict("per-key-order", without_idempotence(1), story);
    assert!(!one_by_one.contains("not promised"), "{one_by_one}");
}

#[test]
fn other_keys_sources_and_lanes_keep_no_order() {
    let keys = "p0 send v0 k0; p0 send v1 k1; p0 send v2 k0; p0 log v1 v0 v2";
    check("per-key-order", cast(), keys, &["hold: 1 neighbours"]);
    let sources = "p0 send v0 k0; p0 send w0 k0; p0 send w1 k0; p0 log w0-1 v0";
    check("per-key-order", cast(), sources, &["hold: 1 neighbours"]);
    check("per-key-order", cast(), "p0 send v0-1; p0 log v1 v0", &["violated: nonmonotonic-send"]);
}

#[test]
fn between_producers_an_order_counts_only_where_a_stream_was_dealt() {
    let pooled = || {
        with(|cast| {
            let second = Process { name: "checkout-2".into(), role: Role::Producer };
            cast.header.processes.push(second);
            cast.sources[1].process = NodeId(6);
            cast.header.pools = vec![vec![NodeId(3), NodeId(6)]];
        })
    };
    let crossed = "p0 send v0 k0; p0 send w0 k0; p0 send w1 k0; p0 log w0-1 v0";
    check(
        "per-key-order",
        pooled(),
        crossed,
        &["violated: nonmonotonic-send", "checkout-2#0:0", "not promised", "deals the events"],
    );
    let straight = "p0 send v0 k0; p0 send w0 k0; p0 send v1 k0; p0 log v0 w0 v1";
    check(
        "per-key-order",
        pooled(),
        straight,
        &["hold: 1 neighbours", "2 neighbours of one key checked between"],
    );
    let others = "p0 send v0 k0; p0 send w0 k1; p0 send v1 k0; p0 log w0 v0 v1";
    check("per-key-order", pooled(), others, &["hold: 1 neighbours"]);
    let strangers = with(|cast| cast.header.pools = pooled().header.pools);
    check("per-key-order", strangers, crossed, &["hold: 1 neighbours"]);
}

#[test]
fn an_unanswered_send_may_land_late_without_idempotence() {
    let story = "p0 send v0-1 k0; p0 unknown v0; p0 ack v1 @0; p0 log v1 v0";
    check("per-key-order", without_idempotence(1), story, &["hold", "1 late arrivals"]);
    check("per-key-order", cast(), story, &["violated: nonmonotonic-send"]);
}

#[test]
fn a_second_copy_is_no_reordering() {
    let story = "p0 send v0-1 k0; p0 ack v0-1 @0; p0 log v0-1 v0";
    check("per-key-order", without_idempotence(5), story, &["hold"]);
}

#[test]
fn a_group_keeps_the_order_of_a_key_across_partitions() {
    let story = "p0 send v0 k0; expand 3; p2 send v0 k0; p0 log v0; p2 log v0
        p2 a done v0 @0; p0 a done v0 @0";
    check("per-key-order", cast(), story, &["violated: key-reordered", "got more partitions"]);
    let (kept, moved) = (story.replace("expand 3;", ""), "p0 a done v0 @0; p2 a done v0 @0");
    let promised = verdict("per-key-order", cast(), &kept);
    assert!(promised.starts_with("violated: key-reordered") && !promised.contains("not promised"));
    let in_order = story.replace("p2 a done v0 @0; p0 a done v0 @0", moved);
    check("per-key-order", cast(), &in_order, &["hold"]);
}

#[test]
fn a_group_that_processes_out_of_order_reorders_a_key() {
    let story = "p0 send v0-1 k0; p0 log v0-1; p0 b done v1 @1; p0 a done v0 @0";
    check("per-key-order", cast(), story, &["violated: key-reordered"]);
    let before = committing(CommitMode::BeforeProcessing, false);
    check("per-key-order", before, story, &["violated", "not promised: commit-before"]);
}

#[test]
fn a_redelivery_is_no_reordering() {
    let story = "p0 send v0-1 k0; p0 log v0-1; p0 a done v0-1 @0; p0 b done v0-1 @0";
    check("per-key-order", cast(), story, &["hold"]);
}

#[test]
fn keys_may_be_sparse() {
    let story = "p0 send v0 k4000000000; p0 send v1 k7; p0 send v2 k4000000000; p0 log v1-2 v0";
    let expected = ["violated: nonmonotonic-send", "checkout-1#0:2 of key k4000000000"];
    check("per-key-order", cast(), story, &expected);
    check("per-key-order", cast(), &story.replace("v1-2 v0", "v1 v0 v2"), &["hold: 1"]);
}

// no-duplicates

#[test]
fn a_record_is_stored_once() {
    let story = "p0 send v0-1; p0 ack v0-1 @0; p0 log v0-1 v0";
    check(
        "no-duplicates",
        cast(),
        story,
        &["violated: duplicate: checkout-1#0:0 is at offsets 0 and 2"],
    );
    check("no-duplicates", without_idempotence(1), story, &["violated", "not promised"]);
    check("no-duplicates", cast(), "p0 send v0-1; p0 log v0-1", &["hold: 2 stored"]);
}

#[test]
fn a_record_that_its_application_sends_again_is_stored_once() {
    let story = "p0 send v0; p0 unknown v0; p0 send v1; p0 again v1 v0; p0 ack v1 @1; p0 log v0-1";
    let told = "violated: sent-twice: checkout-1#0:0 is at offset 0 of orders-0 although its send failed, and sent again as checkout-1#0:1 at offset 1";
    check("no-duplicates", cast(), story, &[told, "not promised"]);
    let first_is_gone = story.replace("@1", "@0").replace("log v0-1", "log v1");
    check("no-duplicates", cast(), &first_is_gone, &["hold: 1 stored"]);
}

#[test]
fn an_offset_shows_one_record() {
    let story = "p0 send v0-1; p0 a poll v0 @0; p0 log v1";
    check(
        "no-duplicates",
        cast(),
        story,
        &["violated: inconsistent-offsets: billing-a read checkout-1#0:0"],
    );
    let lossy = "p0 send v0-1; p0 a poll v0 @0; p0 loses b1 @0 @1; p0 log v1";
    check("no-duplicates", cast(), lossy, &["undecided: excused"]);
    let twice = "p0 send v0; p0 a poll v0 @0; p0 b poll v0 @0; p0 log v0";
    check("no-duplicates", cast(), twice, &["hold", "2 reads"]);
}

// at-least-once

#[test]
fn a_commit_must_not_pass_what_was_never_processed() {
    let story = "p0 send v0-2; p0 a assign g1; p0 a at @0 reset; p0 a poll v0-2 @0; p0 a done v0 @0
        p0 a commit @3; crash a; p0 b assign g2; p0 b at @3 committed; p0 log v0-2; p1 log";
    let expected = [
        "violated: committed-too-far",
        "checkout-1#0:1 at offset 1",
        "billing-a read it",
        "(1 of 2)",
    ];
    check("at-least-once", cast(), story, &expected);
    let early = committing(CommitMode::BeforeProcessing, false);
    check("at-least-once", early, story, &["violated", "not promised: commit-before-processing"]);
    let threads = committing(CommitMode::Automatic, true);
    check("at-least-once", threads, story, &["violated", "not promised: enable.auto.commit"]);
    let automatic = verdict("at-least-once", committing(CommitMode::Automatic, false), story);
    assert!(!automatic.contains("not promised"), "{automatic}");
}

#[test]
fn a_commit_may_run_ahead_of_what_is_processed_later() {
    let story = "p0 send v0-1; p0 a at @0 reset; p0 a poll v0-1 @0; p0 a commit @2
        p0 a done v0-1 @0; p0 log v0-1; p1 log";
    check("at-least-once", cast(), story, &["hold: 2 records"]);
}

#[test]
fn a_group_must_not_skip_a_record() {
    let story = "p0 send v0-2; p0 a at @0 reset; p0 a poll v0 @0; p0 a done v0 @0; p0 a poll v2 @2
        p0 a done v2 @2; p0 log v0-2; p1 log";
    check("at-least-once", cast(), story, &["violated: unseen", "no member ever read it"]);
    check("monotone", cast(), story, &["violated: poll-skip", "from offset 2"]);
}

#[test]
fn a_group_that_is_behind_is_undecided() {
    let story =
        "p0 send v0-2; p0 a at @0 reset; p0 a poll v0-2 @0; p0 a done v0 @0; p0 log v0-2; p1 log";
    check("at-least-once", cast(), story, &["undecided: billing is 2 records behind"]);
}

#[test]
fn records_before_the_first_position_are_not_promised_to_a_late_group() {
    let story =
        "p0 send v0-1; p0 a at @1 reset; p0 a poll v1 @1; p0 a done v1 @1; p0 log v0-1; p1 log";
    check("at-least-once", from_latest(), story, &["hold", "1 records before"]);
    check("at-least-once", cast(), story, &["violated: unseen"]);
}

#[test]
fn a_reset_to_the_end_skips_without_a_promise() {
    let story = "p0 send v0-2; p0 a at @0 reset; p0 a poll v0 @0; p0 a done v0 @0; crash a
        p0 b at @2 reset; p0 b poll v2 @2; p0 b done v2 @2; p0 log v0-2; p1 log";
    check(
        "at-least-once",
        from_latest(),
        story,
        &["violated: unseen", "not promised: auto.offset"],
    );
}

#[test]
fn a_new_partition_hides_its_first_records_from_a_group_that_starts_at_the_end() {
    let story = "expand 3; p2 send v0-1; p2 a at @1 reset; p2 a poll v1 @1; p2 a done v1 @1
        p0 log; p1 log; p2 log v0-1";
    check(
        "at-least-once",
        from_latest(),
        story,
        &["violated: unseen", "not promised: auto.offset"],
    );
}

#[test]
fn a_record_in_the_place_of_one_that_was_taken_back_may_be_passed() {
    let story = "p0 send v0-1; p0 a at @0 reset; p0 a poll v0 @0; p0 a done v0 @0; p0 a commit @1
        p0 unclean b2 e1; p0 log v1; p1 log";
    let unclean = || with(|cast| cast.header.topics[TopicId(0)].unclean_election = true);
    check("at-least-once", unclean(), story, &["violated: unseen", "not promised: unclean"]);
    let power = story.replace("p0 unclean b2 e1", "p0 loses b1 @0 @1");
    check("at-least-once", cast(), &power, &["undecided: excused: a crash took records"]);
}

// single-owner

#[test]
fn a_partition_has_one_owner_per_generation() {
    let story = "p0 a assign g1; p0 b assign g1";
    check("single-owner", cast(), story, &["violated: double-owner", "generation 1"]);
    for between in ["p0 a revoke g1", "crash a"] {
        let story = format!("p0 a assign g1; {between}; p0 b assign g1");
        check("single-owner", cast(), &story, &["hold: 2 assignments"]);
    }
}

#[test]
fn a_zombie_is_counted_and_forgiven() {
    let story = "p0 send v0-1; p0 a assign g1; p0 b assign g2; p0 b done v0 @0; p0 a done v0 @0
        p0 a revoke g1; p0 b done v1 @1";
    check("single-owner", cast(), story, &["hold", "1 zombie_overlaps"]);
}

#[test]
fn a_coordinator_that_releases_first_waits_for_its_members() {
    let modern = || with(|cast| cast.header.groups[GroupId(0)].releases_first = true);
    let story = |between: &str, after: &str| {
        format!("p0 a assign g1; {between} p0 b assign g2; p0 a revoke g1; {after} joined a g2")
    };
    check("single-owner", modern(), &story("", ""), &["violated: double-owner", "generation 2"]);
    check("single-owner", cast(), &story("", ""), &["hold: 2 assignments"]);
    // Who was fenced, left or died is no member that anybody waits for.
    for (between, after) in [("", "parted a;"), ("parted a;", ""), ("", "start a;")] {
        check("single-owner", modern(), &story(between, after), &["hold: 2 assignments"]);
    }
    // An answer that was on its way when its member was fenced says nothing of the newer epoch.
    let late = "p0 a assign g1; p0 b assign g3; joined a g2; parted a; p0 a revoke g1; joined a g4";
    check("single-owner", modern(), late, &["hold: 2 assignments"]);
}

// log-matching

#[test]
fn replicas_agree_below_the_high_watermark() {
    let story = |other: &str| {
        format!("p0 send v0-3; p0 replica b1 hw3 e0 v0-1 e1 v2; p0 replica b2 {other}")
    };
    check("log-matching", cast(), &story("hw3 e0 v0-1 e1 v3"), &["violated: diverged", "offset 2"]);
    check("log-matching", cast(), &story("hw3 e0 v0-2"), &["violated: diverged", "epoch 0"]);
    check("log-matching", cast(), &story("hw3 e0 v0 v1 e1 v2"), &["hold", "3 offsets"]);
    check("log-matching", cast(), &story("hw2 e0 v0-1 v3"), &["hold", "2 offsets"]);
}

#[test]
fn replicas_in_sync_agree_within_an_epoch() {
    let story = "p0 send v0-1; p0 isr b1 b2; p0 replica b1 hw0 e0 v0; p0 replica b2 hw0 e0 v1";
    check("log-matching", cast(), story, &["violated: diverged"]);
    check("log-matching", cast(), &story.replace("isr b1 b2", "isr b1"), &["hold"]);
    let pending = story.replace("e0 v1", "e1 v1");
    check("log-matching", cast(), &pending, &["hold"]);
}

#[test]
fn a_replica_left_behind_after_a_loss_is_excused() {
    let story = "p0 send v0-1; p0 unclean b1 e1; p0 isr b1; p0 replica b1 hw1 e1 v0; p0 replica b2 hw1 e0 v1";
    check("log-matching", cast(), story, &["undecided: excused: broker-2"]);
}

#[test]
fn a_log_holds_what_was_sent_and_not_refused() {
    check("log-matching", cast(), "p0 send v0; p0 fail v0; p0 log v0", &["violated: aborted-read"]);
    check("log-matching", cast(), "p0 log v0", &["violated: phantom-read"]);
}

// monotone

#[test]
fn leader_epochs_go_forward() {
    check(
        "monotone",
        cast(),
        "p0 leader b1 e2; p0 leader b2 e1",
        &["violated: epoch-reused", "2 to 1"],
    );
    check("monotone", cast(), "p0 leader b1 e2; p0 leader b2 e2", &["violated", "another leader"]);
    check("monotone", cast(), "p0 leader b1 e2; p0 leaderless e3; p0 leader b1 e4", &["hold: 2"]);
}

#[test]
fn committed_offsets_go_forward() {
    check("monotone", cast(), "p0 a commit @5; p0 a commit @3", &["violated: rewind", "5 to 3"]);
    let reset = "p0 a commit @5; p0 a at @0 reset; p0 a commit @3; p0 b commit @4";
    check("monotone", cast(), reset, &["hold"]);
    let overlapping = "p0 a ask @3; p0 b ask @5; p0 b told @5; p0 a told @3";
    check("monotone", cast(), overlapping, &["hold"]);
}

#[test]
fn a_new_owner_resumes_where_the_group_had_committed() {
    let story = "p0 a assign g1; p0 a commit @5; p0 b assign g2; p0 b at @3 committed";
    check("monotone", cast(), story, &["violated: rewind", "as billing-b saw it"]);
    check("monotone", cast(), &story.replace("@3", "@5"), &["hold"]);
    let forgetful = format!("q0 loses b1 @0 @9; {story}");
    check("monotone", cast(), &forgetful, &["undecided: excused: offsets may be forgotten"]);
}

#[test]
fn a_commit_without_an_answer_may_land_late() {
    let story = "p0 a assign g1; p0 a ask @3; p0 a doubt @3; p0 a commit @5; p0 b assign g2; \
                 p0 b at @3 committed; p0 b commit @4";
    check("monotone", cast(), story, &["hold"]);
    let other = story.replace("b at @3", "b at @2");
    check("monotone", cast(), &other, &["violated: rewind", "5 to 2"]);
}

#[test]
fn a_member_reads_on_from_where_it_was() {
    let story = |second: &str| {
        format!(
            "p0 send v0-3; p0 a assign g1; p0 a at @0 reset; p0 a poll v0-1 @0; {second}; p0 log v0-1 _ v2-3"
        )
    };
    let again = story("p0 a poll v1 @1");
    check("monotone", cast(), &again, &["violated: nonmonotonic-poll"]);
    check("monotone", cast(), &story("p0 a poll v3 @4"), &["violated: poll-skip"]);
    check("monotone", cast(), &story("p0 a poll v2 @3"), &["hold"]);
    check("monotone", cast(), &story("p0 a at @1 seek; p0 a poll v1 @1"), &["hold"]);
    let rebalanced = "p0 a revoke g1; p0 a assign g2; p0 a poll v1 @1";
    check("monotone", cast(), &story(rebalanced), &["hold"]);
    check("monotone", cast(), &story("p0 b poll v0-1 @0"), &["hold"]);
}

#[test]
fn a_member_starts_over_only_outside_the_log() {
    let story = |first: &str, reset: &str| {
        format!(
            "p0 send v0-3; {first}; p0 a assign g1; p0 a at @0 reset; p0 a poll v0-1 @0; {reset}; p0 log v0-3"
        )
    };
    let back = "p0 a at @0 reset; p0 a poll v0-3 @0";
    let leads = "p0 leader b2 e1";
    check("monotone", cast(), &story(leads, back), &["violated: nonmonotonic-poll", "position 2"]);
    check("monotone", cast(), &story(leads, "p0 a at @3 reset"), &["violated: poll-skip"]);
    check("monotone", cast(), &story(leads, "p0 a at @2 reset"), &["hold"]);
    // A replica that lost records leads before the reset, or it does not.
    let hurt = "p0 leader b2 e1; p0 loses b1 @1 @3; p0 leader b1 e2";
    check("monotone", cast(), &story(hurt, back), &["hold"]);
    let other = "p0 leader b2 e1; p0 loses b1 @1 @3; p0 leader b3 e2";
    check("monotone", cast(), &story(other, back), &["violated: nonmonotonic-poll"]);
}

#[test]
fn what_was_read_stays_readable() {
    let story = "p0 send v0-1; p0 a poll v0-1 @0; p0 log v0";
    check("monotone", cast(), story, &["violated: inconsistent-offsets", "now ends at 1"]);
    let lossy = format!("p0 loses b1 @1 @2; {story}");
    check("monotone", cast(), &lossy, &["undecided: excused"]);
}

// liveness

#[test]
fn everybody_comes_to_rest_after_healing() {
    let story = "p0 send v0; healed; p0 ack v0 @0; p0 stuck";
    check(
        "liveness",
        cast(),
        story,
        &["violated: stalled", "billing is 3 records behind in orders-0"],
    );
    check("liveness", cast(), &story.replace("p0 stuck", ""), &["hold: 1 ms"]);
    check("liveness", cast(), "p0 send v0; p0 ack v0 @0", &["vacuous"]);
}

#[test]
fn a_partition_whose_copies_are_all_gone_is_excused() {
    let story = "p0 isr b1 b2; p0 loses b1 @0 @9; p0 loses b2 @0 @9; healed; p0 unled";
    check("liveness", cast(), story, &["undecided: excused: all in-sync copies of orders-0"]);
    check("liveness", cast(), &story.replace("p0 loses b2 @0 @9;", ""), &["violated: stalled"]);
}

// figures

#[test]
fn figures_count_what_happened() {
    let story = "p0 leader b1 e0; p0 send v0-2; p0 ack v0-1 @0; p0 unknown v2
        rebalanced g1 1; p0 a assign g1; p0 a done v0 @0; p0 lag 7; p0 a done v0-1 @0; p0 lag 2
        crash a; rebalanced g2 1; p0 b assign g2; crash 1; p0 leaderless e1; p0 leader b2 e2
        p0 log v0 v0; p1 log";
    let figures = judge(&tell(cast(), story)).figures;
    assert_eq!((figures.sends, figures.acked, figures.unknown), (3, 2, 1));
    assert_eq!((figures.committed, figures.duplicated, figures.lost), (1, 1, 1));
    assert_eq!((figures.delivered, figures.processed, figures.redelivered), (3, 2, 1));
    assert_eq!((figures.ack_latency.p50, figures.ack_latency.max), (1_000, 1_000));
    assert_eq!((figures.end_to_end.p50, figures.end_to_end.max), (5_000, 7_000));
    let group = &figures.groups[0];
    assert_eq!((group.rebalances, group.generations, group.members), (2, 2, 1));
    assert_eq!((group.lag_max, group.lag_end, group.partition_lag_max), (7, 2, 7));
    assert_eq!((group.unowned_ms, group.unowned_max_ms), (2, 2));
    let topic = &figures.topics[0];
    assert_eq!((topic.records, topic.max_partition_share), (2, 1000));
    assert_eq!(topic.unavailable_ms, 2, "down for a millisecond, then without a leader for one");
}

#[test]
fn percentiles_are_nearest_ranks() {
    let percentiles = crate::Percentiles::of((1..=200).rev().collect());
    let expected = crate::Percentiles { samples: 200, p50: 100, p95: 190, p99: 198, max: 200 };
    assert_eq!(percentiles, expected);
    assert_eq!(crate::Percentiles::of(vec![7]).p99, 7);
}
