//! Stories of one broker: what others do, and what it says.

mod cluster;
mod loading;
mod rig;

use insta::assert_snapshot;

use crate::log::BrokerStore;
use crate::settings::TopicSettings;
use crate::{Machine, Mark, Rule, Rules};

use rig::{ORDERS, Rig, check, check_without};

#[test]
fn produce_waits_for_the_in_sync_replicas() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v1; fetch n2 @0 e0; fetch n2 @1 e0"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v1
    > fetch n2 @0 e0
        to n2: fetched NONE [0..1] hw 0
    > fetch n2 @1 e0
        high watermark 1 as Leader
        to producer: produced NONE @0
    ");
}

#[test]
fn consumers_are_sent_to_the_in_sync_replica_in_their_rack() {
    let story = "leader n1 e0 isr=1,2; produce v2; fetch n2 @2 e0; fetch n3 @0 e0; consume @0 e0 rack=1; \
                 consume @0 e0 rack=2; consume @0 e0 rack=3; consume @3 e0 rack=2";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::PreferredIsInSync], story));
}

#[test]
fn consumers_read_from_a_follower_up_to_its_high_watermark() {
    assert_snapshot!(check(
        "leader n2 e0 isr=1,2; answer v2 @0 e0 hw=1; consume @0 e0; consume @1 e0; answer v1 @2 e0 hw=3; \
         consume @4 e0; consume @3 e1; consume @3 e0; leader n2 e1 isr=1,2"
    ));
}

#[test]
fn a_leader_notes_its_epoch_before_it_appends() {
    let story = "leader n1 e0 isr=1,2; produce v2; leader n2 e1 isr=1,2; leader n1 e2 isr=1,2; fetch n2 @3 e2 last=1";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::LeaderNotesEpoch], story));
}

#[test]
fn a_follower_starts_anew_in_every_epoch() {
    let story = "leader n2 e0 isr=1,2; answer v2 @0 e0 hw=1; leader n2 e2 isr=1,2; answer v1 @2 e0 hw=2; answered";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::FollowerStartsAnew], story));
}

#[test]
fn an_empty_answer_leaves_the_last_epoch() {
    let story = "leader n2 e0 isr=1,2; answer v2 @0 e0 hw=1; answer hw=2";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::EmptyFetchKeepsEpoch], story));
}

#[test]
fn a_diverging_answer_moves_no_high_watermark() {
    let story = "leader n2 e0 isr=1,2; answer v4 @0 e0 hw=1; leader n3 e1 isr=1,3; answer diverging=e0@2 hw=3; \
                 answer diverging=e0@2 hw=3";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::DivergedMovesNothing], story));
}

#[test]
fn an_outdated_change_is_awaited_before_the_next() {
    let story = "leader n1 e0 isr=1; fetch n2 @0 e0; leader n1 e0 isr=1; fetch n3 @0 e0; altered; wait 600; \
                 fetch n2 @0 e0; fetch n3 @0 e0";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::OutdatedChangeIsAwaited], story));
}

#[test]
fn a_change_that_is_none_is_made_and_the_next_one_is_asked_for() {
    let story = "leader n1 e0 isr=1; fetch n2 @0 e0; altered as-before; fetch n3 @0 e0";
    let proposals = |said: &str| said.matches("proposes").count();
    assert_eq!(proposals(&check(story)), 2);
    assert_eq!(proposals(&check_without(&[Rule::NothingToDoIsDone], story)), 1);
}

#[test]
fn a_pending_change_outlives_metadata_that_are_known_already() {
    let story = "leader n1 e0 isr=1,2; produce v1; fetch n3 @0 e0; leader n1 e0 isr=1,2 again; fetch n2 @1 e0; \
                 fetch n3 @1 e0";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::ReplayKeepsPending], story));
}

#[test]
fn the_high_watermark_does_not_wait_for_a_replica_that_may_not_enter() {
    let story = "leader n1 e0 isr=1,2; fetch n3 @0 e0; altered; leader n1 e0 isr=1,2; fence n3; fetch n3 @0 e0; \
                 produce v1; fetch n2 @1 e0";
    assert_snapshot!(check(story));
    assert_snapshot!(check_without(&[Rule::StoppingHoldsNothingUp], story));
}

#[test]
fn acks_of_the_leader_alone_do_not_wait() {
    assert_snapshot!(check("leader n1 e0 isr=1,2,3; produce v2 acks=1; produce v1 acks=0"), @r"
    > leader n1 e0 isr=1,2,3
        leads e0 from 0
    > produce v2 acks=1
        to producer: produced NONE @0
    > produce v1 acks=0
    ");
}

#[test]
fn a_produce_request_that_waits_too_long_times_out_and_the_next_in_line_is_served() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v1; produce v1 acks=1; wait 29999; wait 1"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v1
    > produce v1 acks=1
    > wait 29999
    > wait 1
        mark ProduceTimedOut
        to producer: produced REQUEST_TIMED_OUT @-1
        to producer: produced NONE @1
    ");
}

#[test]
fn too_few_in_sync_replicas_refuse_the_append() {
    assert_snapshot!(check("leader n1 e0 isr=1; produce v1; produce v1 acks=1"), @r"
    > leader n1 e0 isr=1
        leads e0 from 0
    > produce v1
        mark NotEnoughReplicas
        to producer: produced NOT_ENOUGH_REPLICAS @-1
    > produce v1 acks=1
        to producer: produced NONE @0
    ");
}

#[test]
fn a_shrunk_in_sync_set_is_told_after_the_append() {
    assert_snapshot!(check_without(&[Rule::HighWatermarkNeedsMinIsr],
        "leader n1 e0 isr=1,2; produce v1; leader n1 e0 isr=1"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v1
    > leader n1 e0 isr=1
        high watermark 1 as Leader
        mark NotEnoughReplicasAfterAppend
        to producer: produced NOT_ENOUGH_REPLICAS_AFTER_APPEND @-1
    ");
}

#[test]
fn a_lost_leadership_ends_the_wait() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v1; leader n2 e1 isr=1,2; produce v1"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v1
    > leader n2 e1 isr=1,2
        asks n2: fetch Full @1 Some(e1) last Some(e0)
        to producer: produced NOT_LEADER_OR_FOLLOWER @-1
    > produce v1
        mark ProduceNotLeader
        to producer: produced NOT_LEADER_OR_FOLLOWER @-1
    ");
}

#[test]
fn a_repeated_batch_waits_as_the_first_copy_does() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v2 s0; close producer; produce v2 s0 by=again; fetch n2 @2 e0"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v2 s0
    > close producer
    > produce v2 s0 by=again
        mark DuplicateBatchDropped
    > fetch n2 @2 e0
        high watermark 2 as Leader
        to again: produced NONE @0
    ");
}

#[test]
fn without_the_rule_a_repeated_batch_is_acknowledged_at_once() {
    assert_snapshot!(check_without(&[Rule::DuplicateAckWaits],
        "leader n1 e0 isr=1,2; produce v2 s0; close producer; produce v2 s0 by=again"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v2 s0
    > close producer
    > produce v2 s0 by=again
        mark DuplicateBatchDropped
        to again: produced NONE @0
    ");
}

#[test]
fn a_follower_whose_epochs_part_is_told_where_and_does_not_count() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v2 acks=1; leader n1 e2 isr=1,2; produce v1 acks=1; fetch n2 @5 e2 last=1; fetch n2 @2 e2 last=0"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v2 acks=1
        to producer: produced NONE @0
    > leader n1 e2 isr=1,2
        leads e2 from 2
        mark LedAgain
    > produce v1 acks=1
        to producer: produced NONE @2
    > fetch n2 @5 e2 last=1
        to n2: fetched NONE [] hw 0 diverging e0@2
    > fetch n2 @2 e2 last=0
        high watermark 2 as Leader
        to n2: fetched NONE [2..3] hw 0
    ");
}

#[test]
fn without_the_rule_a_diverging_fetch_counts() {
    assert_snapshot!(check_without(&[Rule::DivergenceUpdatesNothing],
        "leader n1 e0 isr=1,2; produce v2 acks=1; leader n1 e2 isr=1,2; fetch n2 @5 e2 last=1"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v2 acks=1
        to producer: produced NONE @0
    > leader n1 e2 isr=1,2
        leads e2 from 2
        mark LedAgain
    > fetch n2 @5 e2 last=1
        high watermark 2 as Leader
        to n2: fetched NONE [] hw 0 diverging e0@2
    ");
}

#[test]
fn fetches_of_other_epochs_are_refused() {
    assert_snapshot!(check("leader n1 e3 isr=1,2; fetch n2 @0 e2; fetch n3 @0 e4; consume @0 e2"), @r"
    > leader n1 e3 isr=1,2
        leads e3 from 0
    > fetch n2 @0 e2
        mark FencedByLeaderEpoch
        to n2: fetched FENCED_LEADER_EPOCH [] hw -1
    > fetch n3 @0 e4
        mark UnknownLeaderEpoch
        to n3: fetched UNKNOWN_LEADER_EPOCH [] hw -1
    > consume @0 e2
        mark FencedByLeaderEpoch
        to consumer: fetched FENCED_LEADER_EPOCH [] hw -1
    ");
}

#[test]
fn consumers_read_below_the_high_watermark_and_are_woken_by_it() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; consume @0 e0; produce v2 acks=1; fetch n2 @0 e0; fetch n2 @2 e0; consume @9 e0"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > consume @0 e0
    > produce v2 acks=1
        to producer: produced NONE @0
    > fetch n2 @0 e0
        to n2: fetched NONE [0..2] hw 0
    > fetch n2 @2 e0
        high watermark 2 as Leader
        to consumer: fetched NONE [0..2] hw 2
    > consume @9 e0
        to consumer: fetched OFFSET_OUT_OF_RANGE [] hw -1
    ");
}

#[test]
fn an_idle_fetch_is_answered_with_nothing_when_its_time_is_over() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; fetch n2 @0 e0; wait 500; fetch n2 @0 e0; wait 500"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > fetch n2 @0 e0
    > wait 500
        to n2: fetched NONE [] hw 0
    > fetch n2 @0 e0
    > wait 500
        to n2: fetched NONE nothing
    ");
}

#[test]
fn a_follower_that_is_back_enters_the_in_sync_set() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v1; fetch n3 @0 e0; fetch n2 @1 e0; fetch n3 @1 e0; altered"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v1
    > fetch n3 @0 e0
        to n3: fetched NONE [0..1] hw 0
        proposes [[(broker-1, be0), (broker-2, be-1), (broker-3, be2)]]
    > fetch n2 @1 e0
    > fetch n3 @1 e0
        high watermark 1 as Leader
        to producer: produced NONE @0
    > altered
        mark IsrExpanded
    ");
}

#[test]
fn fenced_brokers_and_former_lives_do_not_enter_the_in_sync_set() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; fetch n3 @0 b1 e0; fence n3; fetch n3 @0 e0"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > fetch n3 @0 b1 e0
        to n3: fetched NOT_LEADER_OR_FOLLOWER [] hw -1
    > fence n3
    > fetch n3 @0 e0
    ");
}

#[test]
fn a_replica_that_lags_leaves_the_in_sync_set() {
    assert_snapshot!(check("leader n1 e0 isr=1,2,3; produce v1 acks=1; fetch n2 @1 e0; wait 15000; fetch n2 @1 e0; wait 15000; fetch n2 @1 e0; wait 15000; altered"), @r"
    > leader n1 e0 isr=1,2,3
        leads e0 from 0
    > produce v1 acks=1
        to producer: produced NONE @0
    > fetch n2 @1 e0
    > wait 15000
        to n2: fetched NONE [] hw 0
    > fetch n2 @1 e0
    > wait 15000
        to n2: fetched NONE nothing
    > fetch n2 @1 e0
    > wait 15000
        to n2: fetched NONE nothing
        proposes [[(broker-1, be0), (broker-2, be1)]]
    > altered
        high watermark 1 as Leader
        mark IsrShrunk
    ");
}

#[test]
fn a_leader_that_leads_again_forgets_its_followers() {
    assert_snapshot!(check("leader n1 e0 isr=1,2,3; produce v2 acks=1; fetch n2 @2 e0; leader n1 e2 isr=1,2; wait 500; fetch n2 @2 e2"), @r"
    > leader n1 e0 isr=1,2,3
        leads e0 from 0
    > produce v2 acks=1
        to producer: produced NONE @0
    > fetch n2 @2 e0
    > leader n1 e2 isr=1,2
        leads e2 from 2
        mark LedAgain
    > wait 500
        mark FencedByLeaderEpoch
        to n2: fetched FENCED_LEADER_EPOCH [] hw -1
    > fetch n2 @2 e2
        high watermark 2 as Leader
    ");
}

#[test]
fn without_the_rule_a_leader_that_leads_again_trusts_old_positions() {
    assert_snapshot!(check_without(&[Rule::FollowersResetOnEpoch],
        "leader n1 e0 isr=1,2,3; produce v2 acks=1; fetch n2 @2 e0; leader n1 e2 isr=1,2"), @r"
    > leader n1 e0 isr=1,2,3
        leads e0 from 0
    > produce v2 acks=1
        to producer: produced NONE @0
    > fetch n2 @2 e0
    > leader n1 e2 isr=1,2
        leads e2 from 2
        high watermark 2 as Leader
        mark LedAgain
    ");
}

#[test]
fn the_latest_offset_is_not_told_while_the_high_watermark_lags() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v1 acks=1; leader n1 e1 isr=1,2; latest; fetch n2 @1 e1; latest"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v1 acks=1
        to producer: produced NONE @0
    > leader n1 e1 isr=1,2
        leads e1 from 1
        mark LedAgain
    > latest
        to client: listed OFFSET_NOT_AVAILABLE @-1
    > fetch n2 @1 e1
        high watermark 1 as Leader
    > latest
        to client: listed NONE @1
    ");
}

#[test]
fn a_follower_appends_and_follows_the_high_watermark() {
    assert_snapshot!(check("leader n2 e0 isr=1,2; answer v2 @0 e0 hw=0; answer hw=2; produce v1"), @r"
    > leader n2 e0 isr=1,2
        asks n2: fetch Full @0 Some(e0) last None
    > answer v2 @0 e0 hw=0
        asks n2: fetch Incremental @2 Some(e0) last Some(e0)
    > answer hw=2
        high watermark 2 as Follower
        asks n2: fetch Incremental 
    > produce v1
        mark ProduceNotLeader
        to producer: produced NOT_LEADER_OR_FOLLOWER @-1
    ");
}

#[test]
fn a_follower_cuts_where_its_epochs_part_from_the_leaders() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v3 acks=1; fetch n2 @3 e0; leader n1 e1 isr=1,2; produce v2 acks=1; leader n2 e2 isr=1,2; answer diverging=e0@3; answer v1 @3 e2 hw=4"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v3 acks=1
        to producer: produced NONE @0
    > fetch n2 @3 e0
        high watermark 3 as Leader
    > leader n1 e1 isr=1,2
        leads e1 from 3
        mark LedAgain
    > produce v2 acks=1
        mark FencedByLeaderEpoch
        to producer: produced NONE @3
        to n2: fetched FENCED_LEADER_EPOCH [] hw -1
    > leader n2 e2 isr=1,2
        asks n2: fetch Full @5 Some(e2) last Some(e1)
    > answer diverging=e0@3
        cut 5 -> 3
        mark TruncatedByEpoch
        asks n2: fetch Incremental @3 Some(e2) last Some(e0)
    > answer v1 @3 e2 hw=4
        high watermark 4 as Follower
        asks n2: fetch Incremental @4 Some(e2) last Some(e2)
    ");
}

#[test]
fn without_the_rule_a_new_follower_cuts_at_its_high_watermark() {
    assert_snapshot!(check_without(&[Rule::TruncateByEpoch],
        "leader n1 e0 isr=1,2; produce v3 acks=1; leader n2 e1 isr=1,2"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v3 acks=1
        to producer: produced NONE @0
    > leader n2 e1 isr=1,2
        cut 3 -> 0
        mark TruncatedToHighWatermark
        asks n2: fetch Full @0 Some(e1) last None
    ");
}

#[test]
fn a_follower_beyond_the_leaders_log_asks_for_its_end() {
    assert_snapshot!(check("leader n1 e0 isr=1,2; produce v3 acks=1; leader n2 e1 isr=1,2; answer OFFSET_OUT_OF_RANGE; listed @2; answer hw=2"), @r"
    > leader n1 e0 isr=1,2
        leads e0 from 0
    > produce v3 acks=1
        to producer: produced NONE @0
    > leader n2 e1 isr=1,2
        asks n2: fetch Full @3 Some(e1) last Some(e0)
    > answer OFFSET_OUT_OF_RANGE
        asks n2: offsets Latest
    > listed @2
        cut 3 -> 2
        mark ReplicaOutOfRange
        asks n2: fetch Incremental @2 Some(e1) last Some(e0)
    > answer hw=2
        high watermark 2 as Follower
        asks n2: fetch Incremental
    ");
}

#[test]
fn a_follower_backs_off_after_errors_and_stops_when_fenced() {
    assert_snapshot!(check("leader n2 e0 isr=1,2; answer NOT_LEADER_OR_FOLLOWER; answered; wait 999; wait 1; answer FENCED_LEADER_EPOCH; wait 5000; leader n3 e1 isr=1,3"), @r"
    > leader n2 e0 isr=1,2
        asks n2: fetch Full @0 Some(e0) last None
    > answer NOT_LEADER_OR_FOLLOWER
        asks n2: fetch Incremental 
    > answered
    > wait 999
    > wait 1
        asks n2: fetch Incremental @0 Some(e0) last None
    > answer FENCED_LEADER_EPOCH
    > wait 5000
    > leader n3 e1 isr=1,3
        closes n2
        asks n3: fetch Full @0 Some(e1) last None
    ");
}

#[test]
fn a_silent_leader_is_given_up() {
    assert_snapshot!(check("leader n2 e0 isr=1,2; wait 30000; wait 1000"), @r"
    > leader n2 e0 isr=1,2
        asks n2: fetch Full @0 Some(e0) last None
    > wait 30000
        closes n2
    > wait 1000
        asks n2: fetch Full @0 Some(e0) last None
    ");
}

#[test]
fn with_flush_messages_an_append_counts_once_it_is_on_disk() {
    let topic = TopicSettings { flush_messages: Some(1), ..TopicSettings::default() };
    let mut rig = Rig::new(Rules::ALL, topic, BrokerStore::default());
    for step in "leader n1 e0 isr=1; produce v1 acks=1; consume @0 e0; synced".split(';') {
        rig.step(step);
    }
    assert_snapshot!(rig.said, @r"
    > leader n1 e0 isr=1
        leads e0 from 0
    > produce v1 acks=1
    > consume @0 e0
    > synced
        high watermark 1 as Leader
        to producer: produced NONE @0
        to consumer: fetched NONE [0..1] hw 1
    ");
}

#[test]
fn a_broker_stops_in_good_order_and_starts_from_its_checkpoint() {
    let mut rig = Rig::new(Rules::ALL, TopicSettings::default(), BrokerStore::default());
    for step in
        "leader n1 e0 isr=1,2; produce v3 acks=1; fetch n2 @2 e0; shutdown; synced".split(';')
    {
        rig.step(step);
    }
    assert!(rig.said_mark(Mark::ControlledShutdown));
    let store = rig.broker.clone().into_store();
    assert!(store.clean_shutdown.is_some());
    let mut rig = Rig::new(Rules::ALL, TopicSettings::default(), store);
    rig.step("leader n2 e1 isr=1,2");
    let replica = rig.broker.replica(ORDERS).unwrap();
    assert_eq!((replica.high_watermark.0, replica.log.end().0), (2, 3));
    assert_eq!(rig.broker.store().clean_shutdown, None);
}
