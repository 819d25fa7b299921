//! Stories of groups whose members change their protocol one after the other, in the words of [`crate::group::tests`].

use alloc::format;

use crate::group::tests::{tell, tell_with};
use crate::{Rule, Rules};

/// A classic group of two, in its first generation.
const TWO: &str = "join a; join a; join b; join b; wait 6s; sync b; sync a a=0,1 b=2,3;";

#[test]
fn a_classic_group_is_converted_when_a_member_of_the_consumer_protocol_comes() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} commit a 0@5; enter c; beat a; commit a 0@6; join a; sync a; beat b; join b; sync b; hb c; \
         hb c owned=1; beat a; beat b; commit a 0@7; commit b 2@3; commit c 1@1; fetch a 0,1,2"
    )));
}

#[test]
fn a_group_becomes_classic_again_when_the_last_other_member_goes() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} enter c; join a; sync a; join b; sync b; hb c; commit a 0@5; quit c; beat a; beat b; join a; join b; \
         sync a a=0,1 b=2,3; sync b; fetch a 0; commit a 0@6"
    )));
}

#[test]
fn whoever_waits_in_a_classic_group_is_told_to_ask_again() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} join a topics=1,2; enter c; join a; sync a; beat b; join b; sync b; hb c"
    )));
}

#[test]
fn a_group_stays_what_it_is_where_brokers_do_not_convert() {
    insta::assert_snapshot!(tell(&format!(
        "policy disabled; {TWO} enter c; beat a; leave a; leave b; wait 1s; enter c"
    )));
}

#[test]
fn without_the_way_back_members_of_the_classic_protocol_stay_in_the_other() {
    insta::assert_snapshot!(tell(&format!(
        "policy upgrade; {TWO} enter c; join a; sync a; join b; sync b; quit c; beat a; join a; sync a; beat b; join b; sync b"
    )));
}

#[test]
fn members_of_the_classic_protocol_are_timed_by_what_they_were_told_to_do() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} enter c; beat a; beat b; join b; sync b; wait 8s; beat a; beat b; wait 8s; beat a; beat b; wait 5s; beat a; beat b"
    )));
    insta::assert_snapshot!(
        "joins_and_does_not_sync",
        tell(&format!(
            "{TWO} enter c; join a; join b; sync b; wait 9s; beat a; beat b; wait 9s; beat a; beat b; wait 3s; beat a"
        ))
    );
    insta::assert_snapshot!("silent_among_others", tell(&format!("{TWO} enter c; wait 11s; hb c")));
}

#[test]
fn the_next_coordinator_knows_who_speaks_what() {
    insta::assert_snapshot!(tell(&format!(
        "{TWO} enter c; join a; sync a; failover; wait 1s; beat a; beat b; join b; sync b; quit c; failover; wait 1s; beat a; beat b"
    )));
}

#[test]
fn without_its_rule_the_next_coordinator_leaves_what_the_last_other_member_had_with_nobody() {
    let lax = Rules::ALL.without(Rule::ConversionIsResumed);
    insta::assert_snapshot!(tell_with(
        lax,
        &format!(
            "{TWO} enter c; join a; sync a; join b; sync b; hb c; quit c; failover; wait 1s; beat a; beat b; sync a; sync b"
        )
    ));
}

#[test]
fn static_members_change_their_protocol_and_keep_what_they_had() {
    insta::assert_snapshot!(tell(
        "join a instance=x; join b instance=y; wait 6s; sync a a=0,1 b=2,3; sync b; enter z instance=y; hb z owned=2,3; \
         beat b; beat a; join a; sync a; join y instance=y; sync y; beat a; beat z"
    ));
}

#[test]
fn a_member_of_the_other_protocol_is_not_spoken_for() {
    insta::assert_snapshot!(tell(
        "enter a; hb a owned=0,1,2,3; beat a; sync a; leave a; join b; join b; old; beat b; old; commit b 0@1; hb b"
    ));
}
