//! Applications that set their positions themselves, in words.

use stormglass_kafka::Start;
use stormglass_sim::plan::FaultAction;
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
        FaultAction::Seek { group, to } => (*group, *to),
        other => panic!("not a seek: {other:?}"),
    });
    let group = GroupId::from_index(0);
    let to = [Start::Earliest, Start::Latest, Start::Ago(Span::secs(90)), Start::At(Offset(120))];
    assert_eq!(sought.collect::<Vec<_>>(), to.map(|to| (group, to)));
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
expect: { hold: [no-loss] }
"
    ));
}
