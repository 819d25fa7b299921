//! Clients by profile: their own names and defaults, files of theirs, and one client's settings in the words of the other.

use stormglass_kafka::settings::{
    Adaptive, Assignor, KeyHash, OffsetReset, Partitioner, StoredBy, Threads,
};
use stormglass_sim::plan::CommitCall;

use super::*;

const PIPELINE: &str = "\
topics: { orders: { partitions: 2 } }
producers:
  checkout: { profile: librdkafka, to: orders, properties: checkout.conf }
  legacy: { to: orders }
groups:
  billing:
    profile: librdkafka
    subscribe: [orders]
    config: { auto.offset.reset: smallest, partition.assignment.strategy: roundrobin }
    commit: { call: store }
expect: { hold: [no-loss] }
";

fn with(conf: &str) -> Result<Scenario, Report> {
    let files = vec![("checkout.conf".to_owned(), conf.into())];
    Scenario::parse_with("test.yaml", PIPELINE, files)
}

fn load_as(text: &str, client: Client) -> Result<Scenario, Report> {
    Scenario::read("test.yaml", text, &config::Folder::Nowhere, Some(client), Report::default())
}

#[test]
fn each_application_has_the_client_of_its_profile() {
    let conf = "# what kcat is given\nrequest.required.acks=1\nqueue.buffering.max.ms=20\nssl.ca.location=/etc/ca.pem\n";
    let plan = with(conf).unwrap().plan(0);
    let [checkout, legacy] = plan.producers.as_slice() else { panic!("two producers") };
    assert_eq!(
        (checkout.settings.delivery, checkout.settings.linger),
        (Delivery::Leader, Span::millis(20))
    );
    let sticky = Span::millis(40);
    assert_eq!(checkout.settings.partitioner, Partitioner::Librdkafka(KeyHash::Crc32, sticky));
    assert_eq!(legacy.settings.partitioner, Partitioner::BuiltIn(Adaptive::On));
    let billing = &plan.groups[0];
    let settings = &billing.members[0].settings;
    assert_eq!(
        (settings.threads, settings.offset_reset),
        (Threads::Background, OffsetReset::Earliest)
    );
    assert_eq!(settings.assignors, [Assignor::RoundRobin]);
    assert_eq!(
        (billing.commit, billing.commits.call),
        (CommitMode::AfterProcessing, CommitCall::Store)
    );
    let stored = AutoCommit::Stored { every: Span::secs(5), by: StoredBy::Application };
    assert_eq!(settings.auto_commit, stored);
}

#[test]
fn all_mistakes_of_a_file_are_told_with_their_lines() {
    let conf = "linger=5\nacks=2\nmax.in.flight=0\nbatch.num.messages=10\nbatch.num.messages=20\nqueuing.strategy=lifo\ngroup.id=b\n";
    insta::assert_snapshot!(with(conf).unwrap_err().to_string());
}

#[test]
fn a_key_stands_in_the_file_or_in_the_scenario() {
    let text = PIPELINE.replace(
        "properties: checkout.conf }",
        "properties: checkout.conf, config: { linger.ms: 7 } }",
    );
    let files = vec![("checkout.conf".to_owned(), "queue.buffering.max.ms=5\n".into())];
    let report = Scenario::parse_with("test.yaml", &text, files).unwrap_err();
    insta::assert_snapshot!(report.to_string());
}

#[test]
fn only_librdkafka_stores_offsets() {
    let java = PIPELINE.replace("    profile: librdkafka\n", "");
    let java = java.replace("smallest, partition.assignment.strategy: roundrobin", "earliest");
    let java =
        java.replace("profile: librdkafka, to: orders, properties: checkout.conf", "to: orders");
    let mut told = complaints(&java);
    let by_hand = "config: { enable.auto.offset.store: true, auto";
    let contradiction =
        PIPELINE.replace(", properties: checkout.conf", "").replace("config: { auto", by_hand);
    told += &complaints(&contradiction);
    let never = "config: { enable.auto.commit: false, auto";
    told += &complaints(
        &PIPELINE.replace(", properties: checkout.conf", "").replace("config: { auto", never),
    );
    insta::assert_snapshot!(told);
}

#[test]
fn everybody_can_be_given_the_same_client() {
    let text = PIPELINE
        .replace(", properties: checkout.conf", ", config: { linger.ms: 9, partitioner: murmur2 }");
    let java = load_as(&text, Client::Java).unwrap();
    let plan = java.plan(0);
    assert!(
        plan.producers
            .iter()
            .all(|it| it.settings.partitioner == Partitioner::BuiltIn(Adaptive::On))
    );
    assert_eq!(plan.producers[0].settings.linger, Span::millis(9));
    let settings = &plan.groups[0].members[0].settings;
    assert_eq!(settings.assignors, [Assignor::RoundRobin]);
    assert_eq!(
        (settings.offset_reset, settings.auto_commit),
        (OffsetReset::Earliest, AutoCommit::Off)
    );
    assert_eq!(plan.groups[0].commits.call, CommitCall::Sync);
    insta::assert_snapshot!("in_the_words_of_java", java.notes().to_string());
    let longer = FULL.replace("max.poll.interval.ms: 30000", "max.poll.interval.ms: 60000");
    let full = load_as(&longer, Client::Librdkafka).unwrap();
    let plan = full.plan(100);
    assert!(
        plan.groups.iter().all(|group| group.members[0].settings.threads == Threads::Background)
    );
    assert_eq!(plan.groups[0].members[0].settings.max_poll_interval, Span::secs(60));
    let told = full.notes().to_string();
    assert!(told.contains("librdkafka has nothing for `max.poll.records: 500`"), "{told}");
}
