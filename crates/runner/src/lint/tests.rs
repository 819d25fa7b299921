//! What is found in texts that are short enough to be read here.

use stormglass_kafka::config::Client;

use super::{
    Level, Linted, MISTAKES, Origin, Proof, Properties, Told, github, human, json_lines, pairs,
    sarif,
};
use crate::scenario::Scenario;

fn told(linted: &Linted) -> Vec<Told<'_>> {
    linted.findings().iter().map(|finding| Told { finding, proved: None }).collect()
}

fn ids(linted: &Linted) -> Vec<&'static str> {
    linted.findings().iter().map(|finding| finding.mistake().id).collect()
}

fn argument(flag: &'static str, text: &str) -> Origin {
    Origin::Argument(flag, text.to_owned())
}

/// Settings of a producer, a consumer, a topic and brokers, none of which need be there.
fn settings(client: Client, parts: [&str; 4]) -> Linted {
    let [producer, consumer, topic, brokers] = parts;
    let one = |flag, text: &str| -> Vec<Origin> {
        if text.is_empty() { Vec::new() } else { vec![argument(flag, text)] }
    };
    let clients = |flag, text: &str| -> Vec<(Client, Origin)> {
        one(flag, text).into_iter().map(|origin| (client, origin)).collect()
    };
    let given = Properties {
        producers: clients("checkout.properties", producer),
        consumers: clients("billing.properties", consumer),
        topic: one("orders.properties", topic),
        brokers: one("server.properties", brokers),
        instances: None,
        each: None,
    };
    Linted::properties(&given).unwrap_or_else(|report| panic!("{report}"))
}

const SCENARIO: &str = r#"
about: A scenario with a few mistakes.
run: { for: 20s }
cluster:
  config: { min.insync.replicas: 1 }
topics:
  orders: { partitions: 2, replication.factor: 3, config: { unclean.leader.election.enable: true } }
producers:
  checkout:
    config: { acks: 1 }
    to: orders
groups:
  billing:
    members: 3
    subscribe: [orders]
    config: { max.poll.interval.ms: 10000, group.instance.id: billing }
    process: { each: 50ms }
    commit: { call: async, retry: blindly }
expect: { hold: [no-loss] }
"#;

#[test]
fn findings_are_told_with_their_place_and_their_fix() {
    let scenario = Scenario::parse("scenarios/orders.yaml", SCENARIO).unwrap();
    let linted = Linted::scenario(&scenario);
    let text = human(&linted, "scenarios/orders.yaml", &told(&linted));
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn properties_are_told_as_they_stand_in_their_files() {
    let linted = settings(
        Client::Java,
        [
            "bootstrap.servers=kafka:9092\n# fast\nacks=1\ndelivery.timeout.ms=30500\n",
            "group.id=billing\nenable.auto.commit=true\ngroup.instance.id=billing\n",
            "replication.factor=2\nmin.insync.replicas=2\nretention.ms=3600000\n",
            "offsets.topic.replication.factor=1\noffsets.retention.minutes=60\n",
        ],
    );
    let text = human(&linted, "settings", &told(&linted));
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn programs_are_told_the_same() {
    let linted = settings(Client::Java, ["acks=0", "", "replication.factor=1", ""]);
    insta::assert_snapshot!("json", json_lines(&linted, &told(&linted)));
    insta::assert_snapshot!("github", github(&linted, &told(&linted)));
    let log: serde_json::Value = serde_json::from_str(&sarif(&[(&linted, told(&linted))])).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results[0]["ruleId"], "M01");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), MISTAKES.len());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn librdkafka_has_other_defaults() {
    let java = settings(Client::Java, ["client.id=a", "", "", ""]);
    assert_eq!(ids(&java), [] as [&str; 0]);
    let other = settings(Client::Librdkafka, ["client.id=a", "", "", ""]);
    assert_eq!(ids(&other), ["M05", "M06"], "neither idempotent nor ordered by default");
    let consumer = settings(Client::Librdkafka, ["", "auto.offset.reset=smallest", "", ""]);
    assert_eq!(ids(&consumer), ["S08"], "its timer commits what was handed out");
    let stored = "auto.offset.reset=smallest\nenable.auto.offset.store=false";
    assert_eq!(ids(&settings(Client::Librdkafka, ["", stored, "", ""])), [] as [&str; 0]);
}

#[test]
fn clients_of_two_kinds_disagree_about_keys() {
    let origin = |text| argument("checkout.properties", text);
    let given = Properties {
        producers: vec![
            (Client::Java, origin("acks=all")),
            (Client::Librdkafka, origin("enable.idempotence=true")),
        ],
        ..Properties::default()
    };
    let linted = Linted::properties(&given).unwrap();
    assert_eq!(ids(&linted), ["M25"]);
    let alike = "enable.idempotence=true\npartitioner=murmur2_random";
    let given = Properties {
        producers: vec![(Client::Java, origin("acks=all")), (Client::Librdkafka, origin(alike))],
        ..Properties::default()
    };
    assert_eq!(ids(&Linted::properties(&given).unwrap()), [] as [&str; 0]);
}

#[test]
fn transactions_are_looked_at() {
    let producer = "transactional.id=billing-${random.uuid}\ntransaction.timeout.ms=900000";
    let linted = settings(Client::Java, [producer, "auto.offset.reset=earliest", "", ""]);
    let mut found = ids(&linted);
    found.sort_unstable();
    assert_eq!(found, ["M12", "M13", "M14", "M29", "M40"]);
}

#[test]
fn what_kafka_refuses_is_no_finding_but_an_error() {
    let given = Properties {
        producers: vec![(
            Client::Java,
            argument("checkout.properties", "acks=1\nenable.idempotence=true\nlinger.ms=soon"),
        )],
        ..Properties::default()
    };
    let report = Linted::properties(&given).unwrap_err();
    assert_eq!(report.diagnostics().len(), 2, "{report}");
}

#[test]
fn settings_of_other_libraries_are_left_alone_and_slips_are_noted() {
    let text = "schema.registry.url=http://registry\ncompression.type=zstd\nlinger.mss=5";
    let linted = settings(Client::Java, [text, "", "", ""]);
    assert_eq!(ids(&linted), [] as [&str; 0]);
    let notes: Vec<&str> =
        linted.notes().diagnostics().iter().map(|it| it.message.as_str()).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("linger.ms"), "{notes:?}");
}

#[test]
fn the_table_is_in_order_and_every_pair_is_there() {
    assert!(MISTAKES.is_sorted_by(|one, other| one.id < other.id));
    for mistake in MISTAKES {
        assert!(mistake.level >= Level::Note);
        if let Proof::Pair { name, .. } = mistake.proof {
            let (broken, fixed) = pairs::texts(name);
            assert!(broken != fixed, "{name}");
        }
    }
}
