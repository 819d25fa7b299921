use stormglass_kafka::assignor::Assignor;

use super::{
    Script, Session, json_line, parse_assignors, parse_member, parse_owned, parse_step,
    parse_topic, table, yaml_document,
};

/// Every step of a script as a table.
fn check(assignors: &[Assignor], text: &str) -> String {
    reports(assignors, text).iter().map(table).collect::<Vec<_>>().join("\n")
}

fn reports(assignors: &[Assignor], text: &str) -> Vec<super::StepReport> {
    let script = Script::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let (mut session, first) = Session::start(script.group, assignors).unwrap();
    let later = script.steps.iter().map(|step| session.apply(step).unwrap());
    std::iter::once(first).chain(later.collect::<Vec<_>>()).collect()
}

fn mistakes(text: &str) -> String {
    Script::parse(text).map(|_| ()).unwrap_err().to_string()
}

const SCALE_OUT: &str = "
topics: { orders: 7, payments: 3 }
members:
  a: [orders, payments]
  b: [orders, payments]
steps:
  - join c:orders,payments
  - leave a
";

#[test]
fn assignors_stand_side_by_side_as_members_come_and_go() {
    insta::assert_snapshot!(check(&Assignor::ALL, SCALE_OUT));
}

#[test]
fn members_of_different_topics_and_more_partitions() {
    insta::assert_snapshot!(check(
        &[Assignor::Range, Assignor::Sticky, Assignor::ServerUniform],
        "
topics: { orders: 4, payments: 2, refunds: 0 }
members:
  a: [orders]
  b: [orders, payments]
  c: [refunds]
steps:
  - scale orders:6
  - subscribe a:orders,payments
  - scale refunds:1
"
    ));
}

#[test]
fn racks_bring_partitions_near_while_it_stays_even() {
    insta::assert_snapshot!(check(
        &[Assignor::Range, Assignor::RoundRobin, Assignor::Sticky],
        "
topics:
  orders: { partitions: 6, racks: [[r1], [r2], [r3], [r1], [r2], [r3]] }
members:
  a: { topics: [orders], rack: r3 }
  b: { topics: [orders], rack: r2 }
  c: { topics: [orders], rack: r1 }
"
    ));
}

#[test]
fn previous_owners_are_kept_by_those_that_look_at_them() {
    insta::assert_snapshot!(check(
        &Assignor::ALL,
        "
topics: { orders: 6 }
members:
  a: { topics: [orders], owned: { orders: [4, 5, 0] }, generation: 8 }
  b: { topics: [orders], owned: { orders: [1, 2, 3] }, generation: 8 }
  c: [orders]
"
    ));
}

#[test]
fn a_failing_assignor_says_why_and_everyone_keeps_what_it_had() {
    // The topic was deleted and made anew with fewer partitions.
    insta::assert_snapshot!(check(
        &[Assignor::Sticky, Assignor::Range],
        "
topics: { orders: 2 }
members:
  a: { topics: [orders], owned: { orders: [2, 3] }, generation: 3 }
  b: { topics: [orders], owned: { orders: [0, 1] }, generation: 3 }
"
    ));
}

#[test]
fn a_step_is_a_line_of_json() {
    let reports = reports(&[Assignor::CooperativeSticky], SCALE_OUT);
    let lines: String = reports.iter().map(json_line).collect();
    insta::assert_snapshot!(lines);
}

#[test]
fn a_step_is_a_yaml_document() {
    let reports = reports(
        &[Assignor::Range, Assignor::Sticky],
        "
topics: { orders: 2 }
members: { a: [orders] }
steps: [join b:orders]
",
    );
    let documents: String = reports.iter().map(yaml_document).collect();
    insta::assert_snapshot!(documents);
}

#[test]
fn json_is_read_like_yaml() {
    let text = r#"{"topics": {"orders": 2}, "members": {"a": ["orders"]}, "steps": ["leave a"]}"#;
    let script = Script::parse(text).unwrap();
    assert_eq!(script.group.topics[0].partitions, 2);
    assert_eq!(script.steps.len(), 1);
}

#[test]
fn all_unknown_names_are_told_at_once() {
    insta::assert_snapshot!(mistakes(
        "
topics: { orders: 2, refunds: { partitions: 1, racks: [[a], [b]] } }
members:
  a: { topics: [order, order], instance: i }
  b: { topics: [orders], owned: { zebra: [0] }, instance: i }
steps: [jion c:orders, leave, scale orders:many]
"
    ));
}

#[test]
fn a_wrong_form_is_told_with_its_place() {
    let negative = mistakes("topics: { orders: -1 }");
    let unknown = mistakes("topics: { orders: 1 }\nmembers:\n  a: { topic: [orders] }");
    let twice = mistakes("topics: { orders: 1, orders: 2 }");
    let list = mistakes("topics: { orders: 1 }\nmembers: [a, b]");
    insta::assert_snapshot!(format!("{negative}\n\n{unknown}\n\n{twice}\n\n{list}"));
}

#[test]
fn a_step_that_cannot_happen_changes_nothing() {
    let script = Script::parse(SCALE_OUT).unwrap();
    let (mut session, _) = Session::start(script.group, &[Assignor::Range]).unwrap();
    let mut refused = String::new();
    for step in ["leave z", "join a:orders", "scale orders:3", "scale oders:9", "subscribe b:zebra"]
    {
        let step = parse_step(step).unwrap();
        refused += &format!("{step}: {}\n", session.apply(&step).unwrap_err());
    }
    insta::assert_snapshot!(refused);
    let report = session.apply(&parse_step("join c:orders").unwrap()).unwrap();
    assert_eq!(report.outcomes[0].members.len(), 3, "only the last one joined");
}

#[test]
fn flags_say_what_is_wrong_with_them() {
    let mut said = String::new();
    for topic in ["orders", "orders:x", ":3", "orders:3@a,,b"] {
        said += &format!("{}\n", parse_topic(topic).unwrap_err());
    }
    for member in ["a", "a:orders,,b", "a:orders@"] {
        said += &format!("{}\n", parse_member(member).unwrap_err());
    }
    said += &format!("{}\n", parse_owned("a:orders").unwrap_err());
    said += &format!(
        "{}\n",
        parse_assignors(&["stiky".to_owned(), "sticky".to_owned(), "best".to_owned()]).unwrap_err()
    );
    insta::assert_snapshot!(said);
    let topic = parse_topic("orders:3@a,b").unwrap();
    let racks: Vec<_> = topic.racks.iter().map(|replicas| replicas[0].as_deref()).collect();
    assert_eq!(racks, [Some("a"), Some("b"), Some("a")]);
    let owned = vec![("my-topic".to_owned(), 0), ("my-topic".to_owned(), 12)];
    assert_eq!(parse_owned("a:my-topic-0,my-topic-12").unwrap(), ("a".to_owned(), owned));
}
