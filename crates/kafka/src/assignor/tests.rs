use std::string::{String, ToString};
use std::vec::Vec;

use super::java_hash::{JavaSet, map_order};
use super::*;

extern crate std;

/// Members as `name: topics = owned @generation/subscription-generation`, topics as `name:partitions`; what everyone gets.
fn check(assignor: Assignor, topics: &str, members: &str) -> String {
    let input = group(topics, members);
    match assign(assignor, &input) {
        Err(error) => error.to_string(),
        Ok(assignment) => {
            let lists = input.members.iter().zip(&assignment.members);
            let lines: Vec<String> = lists
                .map(|(member, list)| std::format!("{}: {}", member.id, show(&input, list)))
                .collect();
            lines.join("; ")
        }
    }
}

fn group(topics: &str, members: &str) -> Input {
    let mut input = Input::default();
    for topic in topics.split_whitespace() {
        let (name, partitions) = topic.split_once(':').unwrap();
        input.topics.add(Topic::new(name, partitions.parse().unwrap()));
    }
    for line in members.split(';') {
        let (id, rest) = line.trim().split_once(':').unwrap();
        let (rest, generations) = rest.split_once('@').unwrap_or((rest, ""));
        let (subscription, owned) = rest.split_once('=').unwrap_or((rest, ""));
        let subscription =
            subscription.split_whitespace().map(|name| input.topics.named(name)).collect();
        let mut member = Member::new(id, subscription);
        for partition in owned.split_whitespace() {
            let (name, number) = partition.split_once('-').unwrap();
            member.owned.push(Partition::new(input.topics.named(name), number.parse().unwrap()));
        }
        let (user_data, subscription) =
            generations.split_once('/').unwrap_or((generations, generations));
        member.generation = user_data.trim().parse().ok();
        member.subscription_generation = subscription.trim().parse().ok();
        input.members.push(member);
    }
    input
}

fn show(input: &Input, list: &[Partition]) -> String {
    let named = |partition: &Partition| {
        std::format!("{}-{}", input.topics[partition.topic].name, partition.number)
    };
    list.iter().map(named).collect::<Vec<_>>().join(" ")
}

#[test]
fn nobody_keeps_what_two_members_claim_in_one_generation() {
    let given = check(Assignor::Sticky, "t:2", "a: t = t-0 t-1 @3; b: t = t-1 @3");
    assert_eq!(given, "a: t-0; b: t-1");
    let given = check(Assignor::Sticky, "t:2", "a: t = t-0 @3; b: t = t-0 t-1 @3");
    assert_eq!(given, "a: t-0; b: t-1");
    let mine = check(Assignor::CooperativeSticky, "t:2", "a: t = t-0 @3; b: t = t-0 t-1 @3");
    assert_eq!(mine, "a: ; b: t-1", "and a cooperative assignor keeps it back for a round");
}

#[test]
fn the_later_claimant_wins_with_its_generation_above_the_earlier_ones_subscription() {
    assert_eq!(map_order(["a", "b"].into_iter()), [0, 1], "`b` is the later one");
    let later = check(Assignor::Sticky, "t:2 u:2", "a: t u = t-0 @3; b: t u = t-0 @4");
    assert_eq!(later, "a: t-1 u-1; b: t-0 u-0");
    let earlier = check(Assignor::Sticky, "t:2 u:2", "a: t u = t-0 @4; b: t u = t-0 @3");
    assert_eq!(earlier, "a: t-0 t-1; b: u-0 u-1");
}

#[test]
fn an_earlier_claimant_is_held_to_the_generation_of_its_subscription() {
    let after_a_missed_sync =
        check(Assignor::Sticky, "t:2", "a: t = t-0 @9/2; b: t = t-0 t-1 @3/3");
    assert_eq!(after_a_missed_sync, "a: t-1; b: t-0");
    let without_one = check(Assignor::Sticky, "t:2", "a: t = t-0 @9/; b: t = t-0 @0/");
    assert_eq!(without_one, "a: t-1; b: t-0", "absent counts as -1");
}

#[test]
fn after_a_draw_the_later_one_stands_for_the_earlier_against_a_third() {
    // `a` and `b` draw; `c` is compared with `b`. With different subscriptions it then keeps the partition.
    let given = check(Assignor::Sticky, "t:3 u:1", "a: t = t-0 @3; b: t = t-0 @3; c: t u = t-0 @4");
    assert_eq!(given, "a: t-1; b: t-2; c: t-0 u-0");
    let equal = check(Assignor::Sticky, "t:3", "a: t = t-0 @3; b: t = t-0 @3; c: t = t-0 @4");
    assert_eq!(equal, "a: t-0; b: t-1; c: t-2", "with equal subscriptions nobody keeps it");
}

#[test]
fn owned_partitions_beyond_the_count_stay_or_make_sticky_fail() {
    // The topic was deleted and made anew with fewer partitions.
    let kept = check(Assignor::Sticky, "t:3", "a: t = t-5 @3; b: t @3");
    assert_eq!(kept, "a: t-5 t-1; b: t-0 t-2", "`a` keeps a partition that is not there");
    let failed = check(Assignor::Sticky, "t:2", "a: t = t-2 t-3 @3; b: t = t-0 t-1 @3");
    assert_eq!(failed, AssignError::Quota.to_string());
}

#[test]
fn looking_up_an_owner_that_was_set_aside_fails() {
    // `b` owned `t` in an older generation, wants only `u` by now and has all of it, so it takes no part.
    let failed =
        check(Assignor::Sticky, "t:4 u:1", "a: t = t-0 t-1 t-2 t-3 @5; b: u = t-0 @4; c: t");
    assert_eq!(failed, AssignError::OwnerSetAside.to_string());
}

#[test]
fn members_that_subscribed_to_nothing_before_anyone_else_count_as_equal() {
    // `a` comes first and wants nothing, yet it gets its share, as Kafka's own test of equality has it.
    let given = check(Assignor::Sticky, "t:2", "a: ; b: t");
    assert_eq!(given, "a: t-0; b: t-1");
    let given = check(Assignor::Sticky, "t:2", "a: t; b: ");
    assert_eq!(given, "a: t-0 t-1; b: ");
}

#[test]
fn cooperative_keeps_back_what_its_owner_must_give_up_first() {
    let input = group("t:2", "a: t = t-0 t-1 @3; b: t");
    let assignment = assign(Assignor::CooperativeSticky, &input).unwrap();
    assert_eq!(show(&input, &assignment.members[0]), "t-0");
    assert_eq!(show(&input, &assignment.members[1]), "");
    assert_eq!(assignment.withheld, [(Partition::new(TopicIndex(0), 1), 1)]);
    assert_eq!(check(Assignor::Sticky, "t:2", "a: t = t-0 t-1 @3; b: t"), "a: t-0; b: t-1");
}

#[test]
fn range_follows_the_order_of_a_java_map_of_topics() {
    // `t7` and `t64` fall into one bucket, in the order of subscription; `t11` falls into a later one.
    let given = check(Assignor::Range, "t11:1 t64:1 t7:1", "a: t11 t64 t7");
    assert_eq!(given, "a: t64-0 t7-0 t11-0");
}

#[test]
fn static_members_come_first_in_range_and_round_robin() {
    let mut input = group("t:3", "a: t; b: t");
    input.members[1].instance = Some("z".into());
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::ServerRange] {
        let assignment = assign(assignor, &input).unwrap();
        assert_eq!(assignment.members[1].len(), 2, "{assignor}");
        assert_eq!(assignment.members[1][0].number, 0, "{assignor}");
    }
}

#[test]
fn range_sorts_every_list_once_racks_matter_for_one_topic() {
    let mut input = group("t11:1 t64:1 t7:2", "a: t11 t64 t7; b: t7");
    input.members[0].rack = Some(Rack(0));
    let of = |rack| std::vec![Some(Rack(rack))];
    let racks = std::vec![of(1), of(0)];
    let t7 = Topic { racks, ..Topic::new("t7", 2) };
    input.topics.add(t7);
    let assignment = assign(Assignor::Range, &input).unwrap();
    assert_eq!(show(&input, &assignment.members[0]), "t11-0 t64-0 t7-1");
    assert_eq!(show(&input, &assignment.members[1]), "t7-0");
}

#[test]
fn names_are_compared_by_utf_16_unit() {
    // U+1F600 is a pair of surrogates, which sort below U+FF5E, although its code point is larger.
    let given = check(Assignor::RoundRobin, "t:1", "\u{ff5e}: t; \u{1f600}: t");
    assert_eq!(given, "\u{ff5e}: ; \u{1f600}: t-0");
}

#[test]
fn uniform_gives_the_larger_shares_to_the_first_members() {
    let given = check(Assignor::ServerUniform, "t:3", "b: t; a: t = t-0 t-1 t-2");
    assert_eq!(given, "b: t-1 t-2; a: t-0");
}

#[test]
fn a_set_keeps_its_order_within_a_bucket_when_it_grows() {
    let mut set = JavaSet::new();
    for number in [17, 33, 1, 0, 2, 3, 4, 5, 6, 7, 8, 9] {
        set.insert(number, number);
    }
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 17, 33, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    set.insert(10, 10);
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 33, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17]);
    set.remove(0);
    assert_eq!(set.first(), Some(33));
}

#[test]
fn a_set_grows_early_when_one_bucket_is_crowded() {
    let mut set = JavaSet::new();
    for number in 0..9 {
        set.insert(number * 16, number);
    }
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 2, 4, 6, 8, 1, 3, 5, 7], "two buckets by now");
}

#[test]
fn a_group_without_members_gets_nothing() {
    for assignor in Assignor::ALL {
        assert_eq!(assign(assignor, &Input::default()), Ok(Assignment::default()), "{assignor}");
    }
}

#[test]
fn members_and_topics_without_names_sort_by_id() {
    use alloc::sync::Arc;

    use stormglass_types::{MemberId, TopicId, TopicPartition};

    use crate::message::{JoinedMember, Subscription};
    use crate::settings;

    let wanting = |id, topics: &[u16]| {
        let topics = topics.iter().map(|&topic| TopicId(topic)).collect();
        let subscription = Arc::new(Subscription { topics, ..Subscription::default() });
        JoinedMember { member: MemberId(id), instance: None, subscription }
    };
    let known =
        |topic, partitions| KnownTopic { topic: TopicId(topic), partitions, racks: Vec::new() };
    let topics = [known(2, 3), known(10, 1)];
    let members = [wanting(30, &[2]), wanting(4, &[2, 10, 99])];
    let range = settings::Assignor::Range;
    let assignments = assign_by_id(range, &topics, &members, crate::Rules::ALL).unwrap();
    let of = |topic, partition| TopicPartition::new(TopicId(topic), partition);
    assert_eq!(assignments[0].0, MemberId(4));
    let mut first = assignments[0].1.clone();
    first.sort_unstable();
    assert_eq!(first, [of(2, 0), of(2, 1), of(10, 0)]);
    assert_eq!(assignments[1], (MemberId(30), std::vec![of(2, 2)]));
}
