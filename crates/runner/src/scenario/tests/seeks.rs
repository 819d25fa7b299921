//! Applications that set their positions themselves, in words.

use stormglass_kafka::Start;
use stormglass_sim::plan::{FaultAction, Readers};
use stormglass_types::Offset;

use super::*;

const PIPELINE: &str = "\
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders } }
groups:
  billing: { subscribe: orders, on-assign: { seek: 5m ago } }
faults:
  - { at: 10s, seek: billing, to: beginning }
  - { at: 20s, seek: billing, to: end }
  - { at: 30s, seek: billing, to: 90s ago }
  - { at: 40s, seek: billing, to: offset 120 }
expect: { hold: [no-loss] }
";

#[test]
fn a_group_seeks_when_it_is_told_to_or_assigned() {
    let plan = scenario(PIPELINE).plan(0);
    assert_eq!(plan.groups[0].seek_on_assign, Some(Start::Ago(Span::secs(300))));
    let sought = plan.faults.iter().map(|fault| match &fault.action {
        FaultAction::Seek { readers, to } => (*readers, *to),
        other => panic!("not a seek: {other:?}"),
    });
    let group = GroupId::from_index(0);
    let to = [Start::Earliest, Start::Latest, Start::Ago(Span::secs(90)), Start::At(Offset(120))];
    let readers = Readers { group, member: None, partition: None };
    assert_eq!(sought.collect::<Vec<_>>(), to.map(|to| (readers, to)));
    insta::assert_snapshot!(faults_to_yaml(&plan));
}

#[test]
fn a_member_seeks_or_pauses_in_one_partition() {
    let plan = scenario(
        "\
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders } }
groups: { billing: { subscribe: orders, members: 2 } }
faults:
  - { at: 10s, seek: billing, partition: orders-1, to: offset 120 }
  - { at: 20s, pause-reading: billing-2, for: 5s }
  - { at: 20s, pause-reading: billing, partition: orders-0, for: 5s }
expect: { hold: [no-loss] }
",
    )
    .plan(0);
    let group = GroupId::from_index(0);
    let member = plan.roster().members(group).nth(1);
    let partition = |partition| Some(TopicPartition { topic: TopicId::from_index(1), partition });
    let lasting = Span::secs(5);
    let readers = |member, partition| Readers { group, member, partition };
    let expected = [
        FaultAction::Seek { readers: readers(None, partition(1)), to: Start::At(Offset(120)) },
        FaultAction::PauseReading { readers: readers(member, None), lasting },
        FaultAction::PauseReading { readers: readers(None, partition(0)), lasting },
    ];
    let actions: Vec<_> = plan.faults.iter().map(|fault| fault.action.clone()).collect();
    assert_eq!(actions, expected);
    insta::assert_snapshot!(faults_to_yaml(&plan));
}

#[test]
fn bad_seeks() {
    insta::assert_snapshot!(complaints(
        "\
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders } }
groups:
  billing: { subscribe: orders, on-assign: { seek: 120 } }
  audit: { assign: orders, on-assign: { seek: end } }
  ledger: { subscribe: orders, commit: { store: own }, on-assign: { seek: end } }
  mail: { subscribe: orders, on-assign: {} }
faults:
  - { at: 10s, seek: billing }
  - { at: 10s, seek: biling, to: end }
  - { at: 10s, seek: billing, to: start }
  - { at: 10s, seek: billing, to: 5 ago }
  - { at: 10s, seek: billing, to: end, for: 5s }
  - { at: 10s, seek: billing-9, to: end }
  - { at: 10s, seek: billing, partition: orders, to: end }
  - { at: 10s, pause-reading: billing, partition: orders-7, for: 5s }
  - { at: 10s, pause-reading: checkout-1, for: 5s }
  - { at: 10s, pause-reading: billing }
expect: { hold: [no-loss] }
"
    ));
}
