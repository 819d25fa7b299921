//! librdkafka's table: names, defaults, aliases, and what they come to beside Java's.

use super::*;
use crate::settings::{AutoCommit, Buffering, KeyHash, Partitioner, RetryOrder, StoredBy, Threads};

const CLIENT: Client = Client::Librdkafka;

fn told(role: Role, pairs: &[(&str, &str)]) -> String {
    let entries = entries(pairs);
    let (issues, notices) = match role {
        Role::Producer => {
            let parsed = CLIENT.parse_producer(&entries);
            (parsed.issues, parsed.notices)
        }
        Role::Consumer | Role::Topic | Role::Broker => {
            let parsed = CLIENT.parse_consumer(&entries);
            (parsed.issues, parsed.notices)
        }
    };
    let issues = issues.iter().map(|issue| {
        let help = issue.help().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}: {issue}{help}", issue.at)
    });
    let notices = notices.iter().map(|notice| format!("{}: {}", notice.at, notice.remark));
    issues.chain(notices).collect::<Vec<_>>().join("\n")
}

#[test]
fn names_are_in_order_and_defaults_are_legal() {
    for role in [Role::Producer, Role::Consumer] {
        let whose = CLIENT.role(role);
        assert!(whose.keys().is_sorted_by(|a, b| a.name < b.name), "they are looked up by halves");
        for key in whose.keys() {
            if let DefaultValue::Is(default) = key.default {
                assert!(key.read(default).is_ok(), "{} {default}", key.name);
            }
        }
        for (alias, first) in whose.aliases() {
            assert!(whose.keys().iter().all(|key| key.name != *alias), "{alias}");
            let known = [Role::Producer, Role::Consumer].map(|role| CLIENT.role(role).find(first));
            assert!(known.iter().any(Option::is_some), "{alias} stands for {first}");
        }
    }
}

#[test]
fn every_modelled_property_changes_a_setting() {
    for role in [Role::Producer, Role::Consumer] {
        let keys = CLIENT.role(role).keys().iter();
        for key in keys.filter(|key| key.support == Support::Modelled) {
            let value = match key.name {
                // The consumer protocol is refused by its value.
                "group.protocol" => continue,
                "request.required.acks" => "1".into(),
                "max.in.flight.requests.per.connection" => "7".into(),
                "partition.assignment.strategy" => "cooperative-sticky".into(),
                "auto.offset.reset" => "error".into(),
                "partitioner" => "fnv1a_random".into(),
                _ => other_value(key),
            };
            let mut entry = entries(&[(key.name, &value)]);
            let (changed, issues) = match role {
                Role::Producer => {
                    let beside: &[_] = match key.name {
                        "compression.level" => &[("compression.codec", "gzip")],
                        "transaction.timeout.ms" => &[("transactional.id", "t")],
                        _ => &[],
                    };
                    entry.extend(entries(beside));
                    let parsed = CLIENT.parse_producer(&entry);
                    let without = CLIENT.parse_producer(&entries(beside)).settings;
                    (parsed.settings != without, parsed.issues)
                }
                Role::Consumer | Role::Topic | Role::Broker => {
                    let parsed = CLIENT.parse_consumer(&entry);
                    (parsed.settings != CLIENT.parse_consumer(&[]).settings, parsed.issues)
                }
            };
            assert_eq!(issues, [], "{}={value}", key.name);
            assert!(changed, "{}={value} changes nothing", key.name);
        }
    }
}

#[test]
fn defaults_are_librdkafkas() {
    let producer = CLIENT.parse_producer(&[]).settings;
    assert_eq!(producer.delivery, Delivery::AllReplicas, "idempotence is off");
    assert_eq!((producer.max_in_flight, producer.retries), (1_000_000, 2_147_483_647));
    assert_eq!((producer.batch_size, producer.batch_records), (1_000_000, 10_000));
    assert_eq!(producer.buffer_memory, 1 << 30);
    assert_eq!(producer.buffering, Buffering::Records { most: 100_000 });
    assert_eq!((producer.linger, producer.delivery_timeout), (Span::millis(5), Span::secs(300)));
    assert_eq!((producer.request_timeout, producer.ack_timeout), (Span::secs(60), Span::secs(30)));
    assert_eq!(producer.retry_order, RetryOrder::AsTaken);
    assert_eq!(
        producer.partitioner,
        Partitioner::Librdkafka(KeyHash::Crc32, Span::millis(10)),
        "consistent_random"
    );
    let consumer = CLIENT.parse_consumer(&[]).settings;
    assert_eq!(consumer.threads, Threads::Background);
    let stored = AutoCommit::Stored { every: Span::secs(5), by: StoredBy::HandingOver };
    assert_eq!(consumer.auto_commit, stored);
    assert_eq!(consumer.assignors, [Assignor::Range, Assignor::RoundRobin]);
    assert_eq!(consumer.rebalance_protocol(), RebalanceProtocol::Eager);
    assert_eq!(consumer.offset_reset, OffsetReset::Latest);
    assert_eq!((consumer.max_poll_records, consumer.request_timeout), (1, Span::secs(60)));
    assert_eq!(
        (consumer.session_timeout, consumer.heartbeat_interval),
        (Span::secs(45), Span::secs(3))
    );
}

#[test]
fn aliases_are_the_same_property() {
    let settings = CLIENT
        .parse_producer(&entries(&[("acks", "1"), ("linger.ms", "7"), ("retries", "0")]))
        .settings;
    assert_eq!((settings.delivery, settings.retries), (Delivery::Leader, 0));
    assert_eq!(
        settings.partitioner,
        Partitioner::Librdkafka(KeyHash::Crc32, Span::millis(14)),
        "twice the linger"
    );
    let twice = [("linger.ms", "7"), ("queue.buffering.max.ms", "8")];
    assert_eq!(told(Role::Producer, &twice), "1: `queue.buffering.max.ms` is set twice");
}

#[test]
fn mistakes_come_with_what_was_meant() {
    let producer = [
        ("queue.buffering.max.msg", "7"),
        ("max.request.size", "1000000"),
        ("buffer.memory", "1"),
        ("enable.idempotence", "yes"),
        ("partitioner", "murmur"),
        ("linger.ms", "1000000"),
        ("auto.offset.reset", "earliest"),
        ("queuing.strategy", "lifo"),
    ];
    insta::assert_snapshot!("librdkafka_producer_mistakes", told(Role::Producer, &producer));
    let consumer = [
        ("partition.assignment.strategy", "range,cooperative-sticky"),
        ("max.poll.interval.ms", "1000"),
        ("auto.offset.reset", "none"),
        ("enable.auto.comit", "false"),
        ("group.protocol", "consumer"),
        ("enable.partition.eof", "true"),
        ("auto.commit.interval.ms", "0"),
    ];
    insta::assert_snapshot!("librdkafka_consumer_mistakes", told(Role::Consumer, &consumer));
}

#[test]
fn idempotence_is_asked_for_and_then_must_fit() {
    let asked = |pairs: &[(&str, &str)]| {
        let all: Vec<_> = [("enable.idempotence", "true")].iter().chain(pairs).copied().collect();
        told(Role::Producer, &all)
    };
    let settings = CLIENT.parse_producer(&entries(&[("enable.idempotence", "1")])).settings;
    assert_eq!((settings.delivery, settings.max_in_flight), (Delivery::Idempotent, 5));
    assert_eq!(asked(&[("acks", "all"), ("max.in.flight", "5")]), "");
    assert!(asked(&[("acks", "1")]).contains("conflicts with `enable.idempotence`"));
    assert!(asked(&[("max.in.flight", "6")]).contains("at most 5"));
    assert!(asked(&[("retries", "0")]).contains("must retry"));
}

#[test]
fn either_client_can_be_told_in_the_words_of_the_other() {
    let java = |key, value| in_java(key, value);
    assert_eq!(java("queue.buffering.max.ms", "5"), ("linger.ms", "5".into()));
    assert_eq!(java("fetch.wait.max.ms", "9"), ("fetch.max.wait.ms", "9".into()));
    assert_eq!(java("auto.offset.reset", "smallest"), ("auto.offset.reset", "earliest".into()));
    let (key, classes) = java("partition.assignment.strategy", "range, roundrobin");
    assert_eq!(
        (key, classes.as_str()),
        ("partition.assignment.strategy", "RangeAssignor,RoundRobinAssignor")
    );
    let own = |role, key, value| in_librdkafka(role, key, value);
    assert_eq!(own(Role::Producer, "acks", "all"), Some(("acks", "all".into())));
    assert_eq!(
        own(Role::Producer, "max.request.size", "2000"),
        Some(("message.max.bytes", "2000".into()))
    );
    assert_eq!(own(Role::Producer, "buffer.memory", "1"), None);
    assert_eq!(own(Role::Consumer, "max.poll.records", "1"), None, "only share consumers have it");
    assert_eq!(own(Role::Consumer, "auto.offset.reset", "by_duration:PT1H"), None);
    let mixed = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor,RangeAssignor";
    let (_, words) = own(Role::Consumer, "partition.assignment.strategy", mixed).unwrap();
    assert_eq!(words, "cooperative-sticky");
    assert_eq!(own(Role::Consumer, "partition.assignment.strategy", "StickyAssignor"), None);
}

#[test]
fn transactions_switch_idempotence_on_and_bound_the_life_of_messages() {
    let id = ("transactional.id", "billing");
    let settings = CLIENT.parse_producer(&entries(&[id])).settings;
    let (name, timeout) = settings.transaction.unwrap();
    assert_eq!(
        (&*name, timeout, settings.delivery),
        ("billing", Span::secs(60), Delivery::Idempotent)
    );
    assert_eq!(settings.delivery_timeout, Span::secs(60));
    assert_eq!(settings.request_timeout, Span::millis(59_900));
    let refused: [&[_]; 4] = [
        &[id, ("enable.idempotence", "false")],
        &[id, ("acks", "1")],
        &[id, ("message.timeout.ms", "60001")],
        &[id, ("socket.timeout.ms", "61000")],
    ];
    let refused = refused.map(|pairs| told(Role::Producer, pairs)).join("\n");
    insta::assert_snapshot!(refused, @r"
    0: `transactional.id` billing conflicts with `enable.idempotence`; transactions need idempotence
    1: `acks` 1 conflicts with `transactional.id`; an idempotent producer needs `acks` all
    1: `message.timeout.ms` 60001 conflicts with `transaction.timeout.ms`; a message must not outlive its transaction
    1: `socket.timeout.ms` 61000 conflicts with `transaction.timeout.ms`; a request must not outlive its transaction by more than 100 ms
    ");
}
