//! Groups that grow and shrink, in words.

use stormglass_sim::plan::{Absence, Leaving};

use super::*;

#[test]
fn a_group_grows_shrinks_and_grows_again() {
    let text = "\
run: { for: 5m }
topics: { orders: { partitions: 2 } }
groups:
  billing:
    members: 2
    subscribe: orders
    scale: [ { at: 60s, to: 4 }, { at: 2m, to: 1, by: kill }, { at: 3m, to: 3 }, { at: 4m, to: 5 }, { at: 270s, to: 4 } ]
expect: { hold: [no-loss] }
";
    let plan = scenario(text).plan(0);
    let members = plan.groups[0].members.iter();
    let told: Vec<_> =
        members.map(|it| (it.starts_after.as_millis() / 1_000, it.absences.clone())).collect();
    let away = |from, until: Option<u64>| Absence {
        from: Span::secs(from),
        until: until.map(Span::secs),
        leaving: Leaving::Dies,
    };
    let closed = Absence { leaving: Leaving::Closes, ..away(270, None) };
    let expected = [
        (0, vec![]),
        (0, vec![away(120, Some(180))]),
        (60, vec![away(120, Some(180))]),
        (60, vec![away(120, Some(240))]),
        (240, vec![closed]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn bad_scales() {
    insta::assert_snapshot!(complaints(
        "\
topics: { orders: { partitions: 2 } }
groups:
  billing: { members: 2, subscribe: orders, scale: [ { at: 10s, to: 2 }, { at: 5s, to: 3, by: kill } ] }
  audit: { members: 2, subscribe: orders, scale: [ { at: 60s, to: 1 }, { to: 2 } ] }
  mail: { members: 2, subscribe: orders, scale: [ { at: 10s, to: 1, by: stop } ] }
expect: { hold: [no-loss] }
"
    ));
}
