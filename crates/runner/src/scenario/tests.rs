use std::fs;
use std::path::PathBuf;

use stormglass_check::{Figures, GroupFigures, Percentiles};
use stormglass_kafka::settings::Past;
use stormglass_kafka::settings::{AutoCommit, Delivery};
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::plan::{
    AtStop, ChosenBy, Dealt, DealtBy, FaultAction, FlushEvery, Keys, Sending, SpanRange, Target,
    Trigger, WaitsFor,
};
use stormglass_types::history::CommitMode;
use stormglass_types::{Dense, GroupId, Sequence, Span, TopicId, TopicPartition};

use super::*;

mod figures;
mod profiles;
mod scale;
mod seeks;
mod throttles;

/// The scenario of the manual, with nearly every key of the language.
const FULL: &str = "\
about: |
  Batches of 500 records take longer than max.poll.interval.ms.
run: { for: 10m, settle: 2m, seeds: 100..200 }
cluster:
  brokers: 3
  config: { min.insync.replicas: 2 }
  without: [KIP-101]
  network: { latency: 1ms..3ms, bandwidth: 10MB/s }
  disk: { sync: 2ms, log-recovery: 2s..5s }
topics:
  orders: { partitions: 12, replication.factor: 3 }
  audit: { partitions: 1, config: { min.insync.replicas: 1 } }
producers:
  checkout:
    instances: 2
    profile: java
    config: { acks: all, linger.ms: 5 }
    to: orders
    rate: 200/s
    keys: { count: 100, skew: zipf 1.1, hot: { customer-7: 80% } }
    values: { bytes: 100..2KiB }
groups:
  billing:
    members: 4
    subscribe: [orders, audit]
    config: { max.poll.records: 500, max.poll.interval.ms: 30000 }
    process: { each: 80ms, slow: { customer-7: 2s }, in: other-thread }
    commit: after-processing
    after: 5s
    stagger: 1s
faults:
  - { at: 60s, kill: leader of orders-0, for: 20s }
  - { every: 30s..90s, pause: member of billing, for: 5s..15s }
  - { on: { response: Produce, to: checkout, nth: 3 }, lose: response }
  - { after: MemberEvicted, plus: 2s, kill: broker-2, crash: power, for: 10s }
  - { at: 2m, cut: broker-1 -> controller, for: 30s }
  - { at: 3m, jump-clock: any broker, by: -5s }
  - { at: 4m, expand: orders, to: 24 }
  - { at: 5m, reassign: orders-0, replicas: [broker-3, broker-1] }
  - { at: 6m, cancel-reassignment: orders-0 }
chaos: off
expect:
  hold: [no-loss, per-key-order]
  violate: [liveness]
  metrics: [\"billing.rebalances <= 5\", \"billing.end-to-end.p99 < 2s\", \"lost == 0\"]
  reach: [MemberEvicted]
";

/// The least that is a scenario.
const SMALL: &str = "\
topics: { orders: { partitions: 2 } }
expect: { hold: [no-loss] }
";

fn scenario(text: &str) -> Scenario {
    Scenario::parse("test.yaml", text).unwrap_or_else(|report| panic!("{report}"))
}

fn complaints(text: &str) -> String {
    let report = Scenario::parse("bad.yaml", text).expect_err("a bad scenario");
    report.to_string()
}

/// A folder of a test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("stormglass-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, name: &str) -> Result<Scenario, String> {
        let folder = self.0.display().to_string();
        Scenario::load(self.0.join(name)).map_err(|report| report.to_string().replace(&folder, "…"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn applications_use_their_producers_in_several_ways() {
    let sending = |lines: &str| {
        let text = format!("producers: {{ checkout: {{ to: orders, {lines} }} }}\n{SMALL}");
        scenario(&text).plan(0).producers[0].sending
    };
    assert_eq!(sending("sends: callback, close: wait"), Sending::PLAIN);
    let blocking = Sending { waits_for: WaitsFor::Ack, ..Sending::PLAIN };
    assert_eq!(sending("sends: blocking"), blocking);
    let forgotten = Sending { at_stop: AtStop::End, ..Sending::PLAIN };
    assert_eq!(sending("sends: fire-and-forget"), forgotten);
    assert_eq!(sending("close: never"), forgotten);
    let patient = Sending { at_stop: AtStop::CloseWithin(Span::secs(5)), ..Sending::PLAIN };
    assert_eq!(sending("sends: fire-and-forget, close: 5s"), patient);
    assert_eq!(sending("partition: 1").partition, ChosenBy::Number(1));
    assert_eq!(sending("keys: { count: 3 }, partition: by-key").partition, ChosenBy::Key(2));
    assert_eq!(sending("flush: { every: 100 }").flush, Some(FlushEvery::Records(100)));
    assert_eq!(sending("flush: { every: 2s }").flush, Some(FlushEvery::Time(Span::secs(2))));
    let beyond = format!("producers: {{ checkout: {{ to: orders, partition: 2 }} }}\n{SMALL}");
    let notes = scenario(&beyond).notes().to_string();
    assert!(notes.contains("`orders` has no partition 2"), "{notes}");
}

#[test]
fn instances_may_share_one_stream_of_events() {
    let dealt = |lines: &str| {
        let text = format!("producers: {{ checkout: {{ to: orders, {lines} }} }}\n{SMALL}");
        let plan = scenario(&text).plan(0);
        plan.producers.iter().map(|producer| producer.dealt).collect::<Vec<_>>()
    };
    assert_eq!(dealt("instances: 2, keys: { count: 3 }"), [None, None]);
    let place = |to| Some(Dealt { by: DealtBy::Turn, among: 2, to });
    let shared = dealt("instances: 2, keys: { count: 3 }, spread: round-robin");
    assert_eq!(shared, [place(0), place(1)]);
    let alone = format!(
        "producers: {{ checkout: {{ to: orders, keys: {{ count: 3 }}, spread: by-key }} }}\n{SMALL}"
    );
    let notes = scenario(&alone).notes().to_string();
    assert!(notes.contains("nobody to share with"), "{notes}");
    let unkeyed = "topics: { orders: {} }\nproducers: { checkout: { to: orders, instances: 2, spread: by-key } }";
    assert!(complaints(unkeyed).contains("`spread` needs records with keys"));
}

#[test]
fn a_producer_may_have_sent_before() {
    let text =
        format!("producers: {{ checkout: {{ to: orders, sent-before: 2147483647 }} }}\n{SMALL}");
    let plan = scenario(&text).plan(0);
    assert_eq!(plan.producers[0].sent_before, Sequence(i32::MAX));
    assert_eq!(plan.topics[0].settings.past, Past::GoneRecords);
    let plan = scenario(&text.replace("2147483647", "0")).plan(0);
    assert_eq!(plan.topics[0].settings.past, Past::Nothing);
    let uncounted =
        text.replace("sent-before", "config: { enable.idempotence: false }, sent-before");
    assert!(scenario(&uncounted).notes().to_string().contains("nobody counts records"));
}

#[test]
fn an_application_cannot_do_two_things_at_once() {
    let said = complaints(
        "topics: { orders: { partitions: 2 } }
producers:
  one: { to: orders, sends: fire-and-forget, on-failure: send-again }
  two: { to: orders, sends: blocking, flush: { every: 10 } }
  three: { to: orders, partition: by-key }
  four: { to: orders, partition: any, flush: {}, close: soon, sends: later }
  five: { to: orders, flush: { every: 0 } }
expect: { hold: [no-loss] }
",
    );
    insta::assert_snapshot!(said);
}

#[test]
fn the_manuals_scenario_becomes_a_plan() {
    let scenario = scenario(FULL);
    let plan = scenario.plan(3);
    assert!(scenario.notes().is_empty(), "{}", scenario.notes());
    assert_eq!(scenario.seeds(), 100..200);
    assert_eq!((plan.seed, plan.cluster.brokers, plan.cluster.controllers), (3, 3, 1));
    assert_eq!((plan.phases.storm, plan.phases.settle), (Span::secs(600), Span::secs(120)));
    assert!(!plan.rules.on(Rule::TruncateByEpoch));
    let mins: Vec<u16> =
        plan.topics.iter().map(|topic| topic.settings.min_insync_replicas).collect();
    assert_eq!(mins, [2, 1]);
    assert_eq!(plan.network.bytes_per_second, 10_000_000);
    let recovery = SpanRange { least: Span::secs(2), most: Span::secs(5) };
    assert_eq!(plan.disk.recovery, recovery);

    assert_eq!(plan.producers.len(), 2);
    let producer = &plan.producers[1];
    assert_eq!((producer.name.as_str(), producer.topic), ("checkout-2", TopicId(1)));
    assert_eq!(producer.settings.delivery, Delivery::Idempotent);
    assert_eq!(producer.load.every, Span::millis(5));
    assert_eq!((producer.load.bytes.least, producer.load.bytes.most), (100, 2_048));

    let group = &plan.groups[0];
    assert_eq!(group.topics, [TopicId(1), TopicId(2)]);
    assert_eq!(group.commit, CommitMode::AfterProcessing);
    assert_eq!(group.members[3].starts_after, Span::secs(8));
    assert_eq!(group.members[3].settings.auto_commit, AutoCommit::Off);
    assert_eq!(group.members[3].settings.max_poll_interval, Span::secs(30));
    let slow: Vec<&str> =
        group.processing.slow_keys.iter().map(|(key, _)| &*plan.keys[key.0 as usize]).collect();
    assert_eq!(slow, ["customer-7"]);
}

#[test]
fn hot_keys_get_their_share_and_the_rest_is_skewed() {
    let plan = scenario(FULL).plan(0);
    let Keys::Weighted(keys) = &plan.producers[0].load.keys else { panic!("keys have weights") };
    let all = keys.last().unwrap().cumulative;
    assert_eq!(keys.len(), 101);
    assert_eq!(plan.keys[keys[0].key.0 as usize], "customer-7");
    assert_eq!(keys[0].cumulative * 10, all * 8);
    let weight = |at: usize| keys[at].cumulative - keys[at - 1].cumulative;
    assert!(weight(1) > weight(2) && weight(99) > weight(100));
}

#[test]
fn faults_become_actions_on_ids() {
    let plan = scenario(FULL).plan(3);
    let roster = plan.roster();
    let partition = TopicPartition::new(TopicId(1), 0);
    let kill = &plan.faults[0];
    assert_eq!(kill.when, Trigger::At(Span::secs(60)));
    let target = Target::LeaderOf(partition);
    let down = Span::secs(20);
    assert_eq!(kill.action, FaultAction::Kill { target, kind: CrashKind::Process, down });

    let members: Vec<_> = roster.members(GroupId(0)).collect();
    let pauses: Vec<(Span, Span)> = plan
        .faults
        .iter()
        .filter_map(|fault| match (&fault.when, &fault.action) {
            (Trigger::At(at), FaultAction::Pause { target, lasting }) => {
                assert_eq!(*target, Target::OneOf(members.clone()));
                Some((*at, *lasting))
            }
            _ => None,
        })
        .collect();
    assert!((5..=19).contains(&pauses.len()), "{pauses:?}");
    for pair in pauses.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert!(Span::secs(30) <= gap && gap <= Span::secs(90), "{pair:?}");
        assert!(Span::secs(5) <= pair[0].1 && pair[0].1 <= Span::secs(15), "{pair:?}");
    }

    let lost = plan.faults.iter().find(|fault| fault.action == FaultAction::Lose).unwrap();
    let Trigger::On { pattern, nth, .. } = &lost.when else { panic!("{lost:?}") };
    assert_eq!((pattern.clients.len(), pattern.servers.len(), *nth), (2, 0, 3));
}

#[test]
fn equal_seeds_give_equal_plans_and_others_do_not() {
    let scenario = scenario(FULL);
    assert_eq!(scenario.plan(5), scenario.plan(5));
    assert_ne!(scenario.plan(5).faults, scenario.plan(6).faults);
}

#[test]
fn faults_survive_being_written_and_read_again() {
    let families: Vec<&str> = Family::ALL.iter().map(|family| family.name()).collect();
    let text = FULL.replace("chaos: off", &format!("chaos: [{}]", families.join(", ")));
    let scenario = scenario(&text);
    let mut written = 0;
    for seed in 0..30 {
        let plan = scenario.plan(seed);
        let yaml = faults_to_yaml(&plan);
        let again = scenario.parse_faults("saved.yaml", &yaml).unwrap_or_else(|e| panic!("{e}"));
        for (is, was) in again.iter().zip(&plan.faults) {
            assert_eq!(is, was, "{}", fault_to_yaml(&plan, was));
        }
        assert_eq!(again.len(), plan.faults.len());
        written += again.len();
        assert_eq!(scenario.plan_with(seed, again), plan);
    }
    assert!(written > 500, "{written}");
}

#[test]
fn faults_in_words() {
    insta::assert_snapshot!(faults_to_yaml(&scenario(FULL).plan(1)));
}

#[test]
fn defaults_are_enough_for_a_small_scenario() {
    let plan = scenario(SMALL).plan(0);
    assert_eq!(plan.topics[0].replication, 3);
    let two = scenario(&format!("cluster: {{ brokers: 2 }}\n{SMALL}")).plan(0);
    assert_eq!(two.topics[0].replication, 2);
    assert_eq!(two.cluster.settings.offsets_topic_replication, 2);
}

#[test]
fn bounds_are_held_against_figures() {
    let scenario = scenario(FULL);
    let [rebalances, latency, lost] = scenario.expect().metrics.as_slice() else { panic!("three") };
    let mut figures = Figures::default();
    assert_eq!(rebalances.measured(&figures), None);
    figures.groups.push(GroupFigures {
        group: GroupId::from_index(0),
        rebalances: 6,
        end_to_end: Percentiles { p99: 1_999_999, ..Percentiles::default() },
        ..GroupFigures::default()
    });
    assert_eq!(rebalances.measured(&figures), Some(6));
    assert!(!rebalances.allows(6) && rebalances.allows(5));
    assert_eq!(latency.measured(&figures), Some(1_999_999));
    assert!(latency.allows(1_999_999) && !latency.allows(2_000_000));
    assert!(lost.allows(lost.measured(&figures).unwrap()));
}

#[test]
fn too_short_a_time_to_settle_is_noted() {
    let noted = |settle: &str, more: &str| {
        let text = format!(
            "{{ run: {{ settle: {settle} }}, topics: {{ orders: {{ partitions: 2 }} }}, producers: {{ checkout: {{ to: orders }} }}, \
             groups: {{ billing: {{ subscribe: orders }} }}, {more} }}"
        );
        scenario(&text).notes().diagnostics().iter().any(|it| it.message.contains("run.settle"))
    };
    assert!(noted("30s", "chaos: default, expect: { hold: [liveness] }"));
    assert!(!noted("60s", "chaos: default, expect: { hold: [liveness] }"));
    assert!(!noted("30s", "expect: { hold: [liveness] }"), "nobody dies");
    assert!(!noted("30s", "chaos: default, expect: { hold: [no-loss] }"), "nobody asks");
}

#[test]
fn silent_decisions_of_kafka_are_noted() {
    let text = format!("{SMALL}producers: {{ p: {{ to: orders, config: {{ acks: 1 }} }} }}\n");
    insta::assert_snapshot!(scenario(&text).notes());
}

#[test]
fn a_value_arrives_as_it_was_written() {
    let text = format!(
        "{SMALL}groups:\n  g:\n    subscribe: orders\n    config: {{ session.timeout.ms: 0x2710 }}\n"
    );
    assert!(complaints(&text).contains("`0x2710` is not an int"), "{}", complaints(&text));
}

#[test]
fn all_mistakes_are_told_at_once() {
    insta::assert_snapshot!(complaints(
        "\
run: { for: 10, setle: 2m }
cluster:
  brokers: 0
  config: { min.isr: 2, log.flush.interval.ms: 1 }
  profile: kafka-4
  without: [KIP-102]
topics:
  orders: { partitions: 3, replication.factor: 5 }
producers:
  checkout:
    to: order
    rate: 200
    config: { acks: 1, enable.idempotence: true, linger.ms: 5ms }
groups:
  billing:
    subscribe: [orders]
    commit: after
faults:
  - { at: 60s, kil: leader of orders-0, for: 20s }
expect:
  hold: [no-los]
"
    ));
}

#[test]
fn bad_faults() {
    insta::assert_snapshot!(complaints(
        "\
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders } }
faults:
  - { at: 10s, kill: leader of orders-2, for: 20s }
  - { at: 10s, kill: leader of orders, for: 20s }
  - { at: 10s, kill: broker-4, for: 20s }
  - { at: 10s, pause: member of biling, for: 20s }
  - { at: 70s, pause: broker-1, for: 20s }
  - { at: 10s, every: 10s, pause: broker-1, for: 20s }
  - { pause: broker-1, for: 20s }
  - { at: 10s, pause: broker-1 }
  - { at: 10s, reset: broker-1, for: 20s }
  - { at: 10s, lose: response }
  - { on: { request: Produce }, lose: response }
  - { on: { request: Produse }, lose: request }
  - { at: 10s, cut: broker-1, for: 5s }
  - { every: 90s..30s, pause: broker-1, for: 20s }
  - { every: 1us, pause: broker-1, for: 20s }
  - { after: MemberEvict, pause: broker-1, for: 20s }
  - { at: 10s, expand: orders, to: 2 }
expect: { hold: [no-loss] }
"
    ));
}

#[test]
fn bad_expectations() {
    insta::assert_snapshot!(complaints(
        "\
topics: { orders: { partitions: 2 } }
groups: { billing: { subscribe: orders } }
expect:
  hold: [no-loss]
  violate: [no-loss]
  metrics:
    - billing.rebalance <= 5
    - biling.rebalances <= 5
    - billing.rebalances 5
    - billing.end-to-end.p99 < 5
    - orders.max-partition-share < 30
    - refused == 0
  exceed: [ refused == 0, biling.rebalances <= 5 ]
  reach: [MemberEvictd]
"
    ));
}

#[test]
fn impossible_combinations() {
    insta::assert_snapshot!(complaints(
        "\
cluster: { brokers: 2, config: { offsets.topic.replication.factor: 3 } }
topics: { orders: { partitions: 2, replication.factor: 3 }, audit: { partitions: 0 } }
producers:
  orders: { to: orders }
  checkout:
    to: orders
    config: { delivery.timeout.ms: 1000, metadata.max.idle.ms: 6000 }
    keys: { hot: { a: 60%, b: 50% } }
groups:
  billing:
    subscribe: [orders]
    config: { session.timeout.ms: 3000, heartbeat.interval.ms: 3000 }
  fast:
    subscribe: [orders]
    config: { enable.auto.commit: true }
    commit: after-processing
    profile: sarama
expect: { hold: [no-loss] }
"
    ));
}

#[test]
fn an_expectation_is_needed() {
    insta::assert_snapshot!(complaints("topics: { orders: { partitions: 2 } }\n"));
}

#[test]
fn transactions_are_expected_of_those_who_use_some() {
    insta::assert_snapshot!(complaints(
        "\
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders } }
expect: { hold: [no-loss, transactions] }
"
    ));
}

#[test]
fn a_list_is_not_a_scenario() {
    insta::assert_snapshot!(complaints("- a\n- b\n"));
}

#[test]
fn text_that_is_not_yaml() {
    insta::assert_snapshot!(complaints("topics:\n  orders: { partitions: 2\nexpect: [\n"));
}

#[test]
fn a_key_that_stands_twice() {
    insta::assert_snapshot!(complaints("topics: {}\nrun: { for: 5s }\ntopics: {}\n"));
}

#[test]
fn empty_files() {
    for text in ["", "\n\n", "# nothing but a comment\n", "---\n"] {
        let said = complaints(text);
        assert!(said.starts_with("error: `bad.yaml` is empty\n"), "{said}");
    }
}

#[test]
fn two_documents_in_one_file() {
    insta::assert_snapshot!(complaints("topics: {}\n---\ntopics: {}\n"));
}

#[test]
fn an_alias_bomb_is_not_unfolded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    insta::assert_snapshot!(complaints(&bomb));
}

#[test]
fn deep_nesting_is_not_followed() {
    let brackets = format!("topics: {}1{}\n", "[".repeat(20_000), "]".repeat(20_000));
    assert!(complaints(&brackets).contains("is not read further"), "{}", complaints(&brackets));
    let lines: String =
        (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth.min(400)))).collect();
    assert!(complaints(&lines).contains("error: "), "a staircase");
}

#[test]
fn hostile_keys_and_values_do_no_harm() {
    for text in [
        "{1: 2, [a]: b}",
        "topics: {orders: 3}",
        "topics: [orders]",
        "faults: {at: 3}",
        "run: 5",
        "expect: no-loss",
        "topics: {\"a b\": {partitions: 1}}",
        "producers: {p: {to: [a, b], rate: 99999999999999999999/s}}",
        "run: { for: 99999999999999999h }",
        "chaos: {a: b}",
        "run: { for: -5s, seeds: 5..5, max-events: 1.5 }",
        "\u{feff}run: { for: 5 }",
        "topics: { \u{e9}: { partitions: 1 } }",
        "cluster: { config: [a, b], network: { latency: fast } }",
        "<<: { run: 5 }",
        "about: !!binary aGk=",
        "\0",
        "topics: { orders: { partitions: 99999999999 } }",
        "\u{fffd}: \t@",
    ] {
        assert!(complaints(text).contains("error: "), "{text}");
    }
}

#[test]
fn missing_huge_and_binary_files() {
    let folder = Folder::new("files");
    let missing = folder.load("nothing.yaml").unwrap_err();
    assert_eq!(missing, "error: cannot read `…/nothing.yaml`: there is no such file\n");
    let huge = fs::File::create(folder.0.join("huge.yaml")).unwrap();
    huge.set_len(100 << 20).unwrap();
    let said = folder.load("huge.yaml").unwrap_err();
    assert_eq!(
        said,
        "error: `…/huge.yaml` is too large: 104857600 bytes, where at most 1048576 are read\n"
    );
    fs::write(folder.0.join("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let said = folder.load("binary.yaml").unwrap_err();
    assert_eq!(said, "error: cannot read `…/binary.yaml`: it is not UTF-8 text\n");
    assert!(folder.load("").unwrap_err().starts_with("error: cannot read"));
}

#[test]
fn properties_files_stand_beside_their_scenario() {
    let folder = Folder::new("properties");
    folder.file("checkout.properties", "# production\nacks=all\nlinger.ms=20\n");
    folder.file(
        "s.yaml",
        &format!("{SMALL}producers: {{ p: {{ to: orders, properties: checkout.properties }} }}\n"),
    );
    let plan = folder.load("s.yaml").unwrap().plan(0);
    assert_eq!(plan.producers[0].settings.linger, Span::millis(20));
}

#[test]
fn mistakes_in_properties_files_are_shown_there() {
    let folder = Folder::new("bad-properties");
    folder.file("checkout.properties", "acks=all\nlingr.ms=20\nbatch.size=-1\n");
    folder.file(
        "s.yaml",
        &format!(
            "{SMALL}producers:\n  p: {{ to: orders, properties: checkout.properties, config: {{ acks: 1 }} }}\n  q: {{ to: orders, properties: nowhere.properties }}\n"
        ),
    );
    insta::assert_snapshot!(folder.load("s.yaml").unwrap_err());
}

#[test]
fn colours_change_nothing_but_colours() {
    let report = Scenario::parse("bad.yaml", "run: { fro: 5s }\n").unwrap_err();
    let coloured = report.render(Paint::Colour);
    let mut plain = String::new();
    let mut escaped = false;
    for letter in coloured.chars() {
        match letter {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            other => plain.push(other),
        }
    }
    assert_ne!(coloured, plain);
    assert_eq!(plain, report.render(Paint::Plain));
}

#[test]
fn positions_are_given_for_programs() {
    let report = Scenario::parse("bad.yaml", "run: { fro: 5s }\n").unwrap_err();
    let first = report.diagnostics().iter().find(|one| one.message.contains("fro")).unwrap();
    assert_eq!(report.position(first), Some(("bad.yaml", 1, 8)));
}

#[test]
fn the_schema_knows_every_key() {
    let schema = json_schema();
    let text = schema.to_string();
    assert_eq!(schema["properties"]["run"]["$ref"], "#/$defs/Run");
    let fault = schema["$defs"]["Fault"]["properties"].as_object().unwrap();
    assert!(fault.contains_key("slow-disk") && fault.contains_key("at"));
    let producer = &schema["$defs"]["ProducerConfig"]["properties"];
    assert_eq!(producer["linger.ms"]["default"], "5");
    assert!(text.contains("no-loss") && text.contains("KIP-101") && text.contains("MemberEvicted"));
    assert!(!text.contains("\"type\":\"null\""), "an absent key is not a null one");
}

#[test]
fn chaos_is_off_drawn_or_named() {
    let chaos = |said: &str| scenario(&format!("{SMALL}chaos: {said}\n")).chaos().clone();
    assert_eq!(chaos("off"), Chaos::Off);
    assert_eq!(chaos("default"), Chaos::Default);
    assert_eq!(chaos("[torn, cut]"), Chaos::Families(vec![Family::Cut, Family::Torn]));
    insta::assert_snapshot!(complaints(&format!("{SMALL}chaos: [default, tron]\n")));
}

#[test]
fn chaos_becomes_explicit_faults() {
    let scenario = scenario(&format!("{SMALL}chaos: default\n"));
    let drawn: Vec<usize> = (0..50).map(|seed| scenario.plan(seed).faults.len()).collect();
    assert!(drawn.contains(&0) && drawn.iter().any(|faults| *faults > 5), "{drawn:?}");
}

const RELEASED: &str = "\
topics: { orders: { partitions: 2 } }
groups:
  billing:
    members: 2
    subscribe: [orders]
    config: { max.poll.records: 7, group.instance.id: \"${member}\" }
    commit: after-processing
    releases:
      - { at: 20s, config: { group.protocol: consumer } }
      - { at: 40s, config: { max.poll.records: 9 } }
expect: { hold: [no-loss] }
";

#[test]
fn members_have_the_settings_of_the_release_that_they_start_with() {
    let plan = scenario(RELEASED).plan(0);
    let member = &plan.groups[GroupId(0).index()].members[1];
    let at = |secs| member.settings_after(Span::secs(secs));
    assert_eq!((at(19).max_poll_records, at(19).instance.as_deref()), (7, Some("billing-2")));
    assert_ne!(at(20).protocol, at(19).protocol);
    assert_eq!((at(60).max_poll_records, at(60).instance.as_deref()), (9, None));
    // What the application does about commits is no setting of a release.
    assert_eq!(at(60).auto_commit, AutoCommit::Off);
    let wrong =
        RELEASED.replace("at: 40s", "at: 20s").replace("{ at: 20s, config: { g", "{ config: { g");
    insta::assert_snapshot!(complaints(
        &wrong.replace("max.poll.records: 9", "max.poll.record: 9")
    ));
}
