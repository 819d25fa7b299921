//! Stories of a coordinator and members of the consumer protocol, in the words of [`crate::group::tests`].

use alloc::format;

use crate::group::tests::{tell, tell_with};
use crate::{Rule, Rules};

/// One member that owns all four partitions, and another that came after it and has nothing yet.
const TWO: &str = "enter a; hb a owned=0,1,2,3; enter b;";

#[test]
fn a_member_gives_up_first_and_the_other_gets_it_then() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} hb a; hb b; hb a owned=0,1; hb b; hb b owned=2,3; hb a"
    )));
}

#[test]
fn a_member_that_acknowledges_nothing_is_out_after_its_rebalance_timeout() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} hb a; wait 20s; hb a; hb b; wait 15s; hb a; hb b"
    )));
}

#[test]
fn a_silent_member_is_out_and_its_partitions_are_free() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} hb a; hb a owned=0,1; hb b; wait 44s; hb b; wait 2s; hb b; hb a; commit a 0@5"
    )));
}

#[test]
fn commits_must_carry_the_present_epoch() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} commit a 0@5; hb a; commit a 0@6; hb a owned=0,1; old; commit a 0@7; commit a 0@8; commit - 0@9; fetch a 0"
    )));
}

#[test]
fn a_lost_answer_is_given_again() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} hb a; hb a owned=0,1; old; hb a full; old; hb a owned=3"
    )));
}

#[test]
fn a_fenced_member_joins_again_under_its_id() {
    let story = format!("{TWO} hb a; hb a owned=0,1; old; hb a owned=3; enter a");
    insta::assert_snapshot!("fenced_joins_again", tell(&story));
    let rules = Rules::ALL.without(Rule::RejoinWithEpochZero);
    insta::assert_snapshot!("fenced_is_fenced_again", tell_with(rules, &story));
}

#[test]
fn a_member_leaves_and_the_other_gets_everything() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} hb a; hb a owned=0,1; hb b owned=2,3; quit a; hb b; hb b owned=0,1,2,3; hb a"
    )));
}

#[test]
fn new_partitions_raise_the_epoch() {
    insta::assert_snapshot!(tell(
        "enter a; hb a owned=0,1,2,3; expand 6; hb a; hb a owned=0,1,2,3,4,5; hb a"
    ));
}

#[test]
fn a_topic_that_does_not_exist_yet_is_waited_for() {
    insta::assert_snapshot!(tell("expand 0; enter a; hb a owned=; expand 2; hb a"));
}

#[test]
fn the_next_coordinator_knows_what_was_written() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} hb a; failover; hb b; wait 1s; hb b; hb a owned=0,1; hb b; wait 46s; enter c"
    )));
}

#[test]
fn an_epoch_that_was_never_replicated_is_not_known_to_the_next_coordinator() {
    insta::assert_snapshot!(tell(
        "enter a; hb a owned=0,1,2,3; stall; enter b; lose; wait 1s; enter b; hb a"
    ));
}

#[test]
fn what_cannot_be_appended_changes_nothing() {
    insta::assert_snapshot!(tell("enter a; refuse NOT_LEADER_OR_FOLLOWER; enter b; hb a; enter b"));
}

#[test]
fn a_static_member_comes_back_to_what_it_had() {
    insta::assert_snapshot!(tell(
        "enter a instance=x; hb a owned=0,1,2,3; enter b instance=x; away a; wait 5s; enter b instance=x; hb b owned=0,1,2,3; hb a"
    ));
}

#[test]
fn a_static_member_that_stays_away_is_out() {
    insta::assert_snapshot!(tell(
        "enter a instance=x; enter b; away a; wait 40s; hb b; wait 6s; hb b"
    ));
}

#[test]
fn most_members_choose_the_assignor() {
    insta::assert_snapshot!(tell("enter a assignor=range; enter b; hb a owned=0,1"));
}

#[test]
fn nonsense_is_refused() {
    insta::assert_snapshot!(tell(
        "hb a; enter a; hb b; enter b; enter c; enter d; enter e; join f; sync a; beat a; leave a; delete a"
    ));
}

#[test]
fn a_group_changes_its_protocol_when_it_is_empty() {
    insta::assert_snapshot!(tell(
        "enter a; commit a 0@5; quit a; join b; join b; fetch b 0; leave b; wait 5s; enter a; fetch a 0"
    ));
}

#[test]
fn without_release_a_partition_has_two_owners() {
    let rules = Rules::ALL.without(Rule::ReleaseBeforeGrant);
    insta::assert_snapshot!(tell_with(rules, &format!("{TWO} hb a")));
}

#[test]
fn a_revocation_that_is_taken_back_keeps_its_owner() {
    let story = format!("{TWO} hb a; quit b; hb a; enter b; hb a owned=0,1; hb b");
    insta::assert_snapshot!("taken_back", tell(&story));
    let rules = Rules::ALL.without(Rule::TakenBackStaysOwned);
    insta::assert_snapshot!("taken_back_and_lost", tell_with(rules, &story));
}
