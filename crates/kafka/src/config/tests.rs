use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::Value as Json;
use stormglass_types::Span;

use super::*;
use crate::channel::Backoff;
use crate::settings::{
    Assignor, BrokerSettings, ConsumerSettings, Delivery, GroupProtocol, OffsetReset,
    ProducerSettings, RebalanceProtocol, RemoteAssignor, TopicSettings, UncleanElection,
};

mod librdkafka;

/// Keys whose row differs from the golden file, which stems from a snapshot before 4.0.0: KIP-1030, KIP-1102 and the group
/// coordinator's own numbers.
const CHANGED_BY_4_0: &[(Role, &str)] = &[
    (Role::Producer, "linger.ms"),
    (Role::Producer, "metadata.recovery.strategy"),
    (Role::Consumer, "metadata.recovery.strategy"),
    (Role::Topic, "message.timestamp.after.max.ms"),
    (Role::Topic, "segment.bytes"),
    (Role::Broker, "group.coordinator.append.linger.ms"),
    (Role::Broker, "group.coordinator.threads"),
    (Role::Broker, "log.message.timestamp.after.max.ms"),
    (Role::Broker, "log.segment.bytes"),
    (Role::Broker, "num.recovery.threads.per.data.dir"),
    (Role::Broker, "remote.log.manager.copier.thread.pool.size"),
    (Role::Broker, "remote.log.manager.expiration.thread.pool.size"),
    (Role::Broker, "remote.log.manager.thread.pool.size"),
];

fn golden() -> Json {
    let text = include_str!("../../tests/golden/configs.json");
    serde_json::from_str(text).unwrap()
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(elements) => elements.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn entries<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<Entry<'a>> {
    let numbered = pairs.iter().enumerate();
    numbered.map(|(at, (key, value))| Entry { key, value, at }).collect()
}

/// All there is to say about a configuration, a line each.
fn check(role: Role, pairs: &[(&str, &str)]) -> String {
    let entries = entries(pairs);
    let (issues, notices) = match role {
        Role::Producer => {
            let parsed = parse_producer(&entries);
            (parsed.issues, parsed.notices)
        }
        Role::Consumer => {
            let parsed = parse_consumer(&entries);
            (parsed.issues, parsed.notices)
        }
        Role::Topic => {
            let parsed = parse_topic(&entries, &TopicSettings::default());
            (parsed.issues, parsed.notices)
        }
        Role::Broker => {
            let parsed = parse_broker(&entries);
            (parsed.issues, parsed.notices)
        }
    };
    let mut lines: Vec<String> = Vec::new();
    for issue in issues {
        let help = issue.help().map_or(String::new(), |help| format!("; {help}"));
        lines.push(format!("{}: {issue}{help}", issue.at));
    }
    lines.extend(notices.iter().map(|notice| format!("{}: {}", notice.at, notice.remark)));
    lines.join("\n")
}

fn producer(pairs: &[(&str, &str)]) -> ProducerSettings {
    let parsed = parse_producer(&entries(pairs));
    assert_eq!(parsed.issues, []);
    parsed.settings
}

#[test]
fn tables_hold_every_key_of_kafka_with_its_type_and_default() {
    let golden = golden();
    for role in Role::ALL {
        let rows = golden[role.name()].as_array().unwrap();
        for row in rows {
            let name = row["name"].as_str().unwrap();
            let key = find(*role, name).unwrap_or_else(|| panic!("{} {name}", role.name()));
            assert_eq!(key.kind.name(), row["type"].as_str().unwrap(), "{name}");
            if CHANGED_BY_4_0.contains(&(*role, name)) {
                continue;
            }
            let default = match key.default {
                DefaultValue::Required => Some("<required>".to_string()),
                DefaultValue::Null => None,
                DefaultValue::Is(default) => Some(default.to_string()),
            };
            let expected = (!row["default"].is_null()).then(|| text(&row["default"]));
            if key.kind == Kind::Double {
                let number = |text: Option<String>| text.map(|text| text.parse::<f64>().unwrap());
                assert_eq!(number(default), number(expected), "{name}");
            } else {
                assert_eq!(default, expected, "{name}");
            }
        }
        let names: Vec<_> = keys_of(*role).iter().map(|key| key.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{} keys are in order", role.name());
    }
}

#[test]
fn every_change_of_kafka_4_0_is_a_change() {
    let golden = golden();
    for (role, name) in CHANGED_BY_4_0 {
        let rows = golden[role.name()].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == *name).unwrap();
        let key = find(*role, name).unwrap();
        let same_default = key.default == DefaultValue::Is(text(&row["default"]).leak());
        let least =
            row["valid"].as_str().and_then(|valid| valid.split(',').next().map(str::to_string));
        let same_range = match (key.valid, least) {
            (Valid::AtLeast(now), Some(before)) => before == format!("[{now}"),
            _ => true,
        };
        assert!(!(same_default && same_range), "{name} is as it was");
    }
}

#[test]
fn every_synonym_is_a_broker_key() {
    let golden = golden();
    for (topic_key, brokers) in golden["topicSynonyms"].as_object().unwrap() {
        let expected: Vec<String> = match brokers {
            Json::String(one) => one.split(',').map(str::to_string).collect(),
            Json::Array(many) => many.iter().map(text).collect(),
            other => panic!("{other}"),
        };
        assert_eq!(broker_synonyms(topic_key), expected);
        for synonym in broker_synonyms(topic_key) {
            assert!(find(Role::Broker, synonym).is_some(), "{synonym}");
        }
    }
}

#[test]
fn every_default_is_a_legal_value() {
    for role in Role::ALL {
        for key in keys_of(*role) {
            if let DefaultValue::Is(default) = key.default {
                let empty = default.is_empty() && key.valid == Valid::NonEmpty;
                assert!(empty || key.read(default).is_ok(), "{} {default}", key.name);
            }
        }
    }
}

/// A legal value that is not the default.
fn other_value(key: &Key) -> String {
    if key.name == "partitioner.class" {
        return "org.apache.kafka.clients.producer.RoundRobinPartitioner".into();
    }
    if key.name == "max.in.flight.requests.per.connection" {
        return "4".into(); // More than the default does not go with idempotence.
    }
    if key.name == "compression.gzip.level" {
        return "5".into();
    }
    if key.name.ends_with(".replication.throttled.replicas") {
        return "*".into();
    }
    let default = match key.default {
        DefaultValue::Is(default) => default,
        DefaultValue::Null => "",
        DefaultValue::Required => panic!("{} has a default", key.name),
    };
    match key.kind {
        Kind::Boolean | Kind::Switch => (default != "true").to_string(),
        Kind::Short | Kind::Int | Kind::Long => {
            let number: i64 = default.parse().unwrap_or(0);
            let near = [number.saturating_add(1), number - 1].map(|number| number.to_string());
            let mut fits =
                near.into_iter().filter(|near| near != default && key.read(near).is_ok());
            fits.next().unwrap()
        }
        Kind::List if key.name == "partition.assignment.strategy" => "StickyAssignor".into(),
        Kind::List if key.name == "group.consumer.assignors" => "RangeAssignor".into(),
        Kind::String if key.name == "group.protocol" => "consumer".into(),
        Kind::String if key.name == "group.consumer.migration.policy" => "disabled".into(),
        Kind::String if key.name == "group.remote.assignor" => "range".into(),
        Kind::String if key.name == "auto.offset.reset" => "by_duration:PT10M".into(),
        Kind::String if key.name == "replica.selector.class" => "RackAwareReplicaSelector".into(),
        Kind::String | Kind::List => match key.valid {
            Valid::Any | Valid::NonEmpty => "something".into(),
            Valid::OneOf(words) => {
                words.iter().rev().find(|word| **word != default).unwrap().to_string()
            }
            _ => panic!("{} needs a value here", key.name),
        },
        Kind::Double => "0.25".into(),
        Kind::Class | Kind::Password => panic!("{} is not modelled", key.name),
    }
}

#[test]
fn positions_are_reset_to_iso_durations() {
    let reset = |text: &str| {
        let text = format!("by_duration:{text}");
        let parsed = parse_consumer(&entries(&[("auto.offset.reset", &text)]));
        parsed.issues.is_empty().then_some(parsed.settings.offset_reset)
    };
    let age = |seconds| Some(OffsetReset::ByDuration(Span::secs(seconds)));
    assert_eq!(reset("PT10M"), age(600));
    assert_eq!(reset("P1DT2H3M4S"), age(93_784));
    assert_eq!(reset("P2D"), age(172_800));
    for wrong in ["", "P", "PT", "10M", "PT-5S", "PT5", "P1M"] {
        assert_eq!(reset(wrong), None, "{wrong}");
    }
}

#[test]
fn each_group_protocol_has_keys_of_its_own() {
    let consumer = [
        ("group.protocol", "Consumer"),
        ("session.timeout.ms", "45000"),
        ("heartbeat.interval.ms", "3000"),
        ("partition.assignment.strategy", "StickyAssignor"),
        ("group.remote.assignor", "sticky"),
        ("internal.leave.group.on.close", "false"),
    ];
    insta::assert_snapshot!("keys_of_the_classic_protocol", check(Role::Consumer, &consumer));
    let classic = [("group.remote.assignor", "uniform")];
    insta::assert_snapshot!("keys_of_the_consumer_protocol", check(Role::Consumer, &classic));
    let parsed = parse_consumer(&entries(&[
        ("group.protocol", "CONSUMER"),
        ("group.remote.assignor", "range"),
    ]));
    let range = GroupProtocol::Consumer(Some(RemoteAssignor::Range));
    assert_eq!((parsed.issues, parsed.settings.protocol), (Vec::new(), range));
    let broker = [
        ("group.consumer.session.timeout.ms", "9000"),
        ("group.consumer.heartbeat.interval.ms", "10000"),
        ("group.consumer.assignors", "RangeAssignor,RangeAssignor,StickyAssignor"),
    ];
    insta::assert_snapshot!("consumer_groups_of_brokers", check(Role::Broker, &broker));
}

#[test]
fn every_modelled_key_changes_a_setting() {
    for role in Role::ALL {
        for key in keys_of(*role).iter().filter(|key| key.support == Support::Modelled) {
            let value = other_value(key);
            let mut entry = entries(&[(key.name, &value)]);
            if key.name == "group.remote.assignor" {
                entry.extend(entries(&[("group.protocol", "consumer")]));
            }
            let (changed, issues) = match role {
                Role::Producer => {
                    // A level matters to who compresses with that codec.
                    let mut words = key.name.split('.');
                    let codec = words.clone().count() == 3 && words.next() == Some("compression");
                    let beside: Vec<_> = words
                        .next()
                        .filter(|_| codec)
                        .map(|it| ("compression.type", it))
                        .into_iter()
                        .chain(
                            (key.name == "transaction.timeout.ms")
                                .then_some(("transactional.id", "t")),
                        )
                        .collect();
                    entry.extend(entries(&beside));
                    let parsed = parse_producer(&entry);
                    let without = parse_producer(&entries(&beside)).settings;
                    (parsed.settings != without, parsed.issues)
                }
                Role::Consumer => {
                    let parsed = parse_consumer(&entry);
                    (parsed.settings != ConsumerSettings::default(), parsed.issues)
                }
                Role::Topic => {
                    let parsed = parse_topic(&entry, &TopicSettings::default());
                    (parsed.settings != TopicSettings::default(), parsed.issues)
                }
                Role::Broker => {
                    let parsed = parse_broker(&entry);
                    (parsed.settings != BrokerSettings::default(), parsed.issues)
                }
            };
            assert_eq!(issues, [], "{}={value}", key.name);
            assert!(changed, "{}={value} changes nothing", key.name);
        }
    }
}

#[test]
fn keys_without_a_model_are_refused_by_name_unless_they_say_nothing_new() {
    let mut refused = 0;
    for role in Role::ALL {
        for key in keys_of(*role).iter().filter(|key| key.support == Support::Unmodelled) {
            if let DefaultValue::Is(default) = key.default {
                assert_eq!(check(*role, &[(key.name, default)]), "", "{}", key.name);
            }
            let value = match key.kind {
                Kind::String | Kind::Class | Kind::Password | Kind::List => match key.valid {
                    Valid::OneOf(words) | Valid::OneOfAnyCase(words) => {
                        let default = |word: &&&str| !key.is_default(word);
                        let Some(word) = words.iter().find(default) else { continue };
                        word.to_string()
                    }
                    _ => "something".to_string(),
                },
                _ if key.default == DefaultValue::Null => "1".to_string(),
                _ => other_value(key),
            };
            let said = check(*role, &[(key.name, &value)]);
            let expected = format!("0: `{}` is known but not modelled yet", key.name);
            assert!(said.starts_with(&expected), "{said}");
            refused += 1;
        }
    }
    assert!(refused > 70, "{refused}");
}

#[test]
fn keys_that_nothing_modelled_can_notice_are_accepted() {
    let said = check(
        Role::Producer,
        &[
            ("bootstrap.servers", "kafka-1:9092,kafka-2:9092"),
            ("key.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
            ("ssl.truststore.location", "/etc/trust.jks"),
            ("sasl.jaas.config", "secret"),
            ("client.id", "checkout"),
        ],
    );
    assert_eq!(said, "");
}

#[test]
fn values_are_held_against_type_and_range() {
    let said = check(
        Role::Producer,
        &[
            ("linger.ms", "5ms"),
            ("batch.size", "-1"),
            ("retries", "2147483648"),
            ("enable.idempotence", "yes"),
            ("acks", "al"),
            ("acks", "1"),
            ("compression.type", "brotli"),
        ],
    );
    let expected = "0: `5ms` is not a long, as `linger.ms` needs; expected a whole number; Kafka's keys carry their unit in their name
1: `batch.size` does not take -1; expected at least 0
2: `retries` does not take 2147483648; expected from -2147483648 to 2147483647
3: `yes` is not a boolean, as `enable.idempotence` needs; expected `true` or `false`
4: `acks` does not take `al`; did you mean `all`?
5: `acks` is set twice
6: `compression.type` does not take `brotli`; expected one of `none`, `gzip`, `snappy`, `lz4`, `zstd`";
    assert_eq!(said, expected);
}

#[test]
fn a_key_is_set_once() {
    let said = check(Role::Consumer, &[("max.poll.records", "5"), ("max.poll.records", "6")]);
    assert_eq!(said, "1: `max.poll.records` is set twice");
}

#[test]
fn unknown_keys_come_with_what_was_meant() {
    let cases = [
        (Role::Broker, "min.isr", "min.insync.replicas"),
        (Role::Topic, "min.isr", "min.insync.replicas"),
        (Role::Topic, "min.insync.replica", "min.insync.replicas"),
        (Role::Topic, "message.max.bytes", "max.message.bytes"),
        (Role::Broker, "max.message.bytes", "message.max.bytes"),
        (Role::Broker, "unclean.election", "unclean.leader.election.enable"),
        (Role::Producer, "lingr.ms", "linger.ms"),
        (Role::Producer, "linger", "linger.ms"),
        (Role::Producer, "max.in.flight", "max.in.flight.requests.per.connection"),
        (Role::Producer, "idempotence", "enable.idempotence"),
        (Role::Consumer, "max_poll_records", "max.poll.records"),
        (Role::Consumer, "max.pol.intervall.ms", "max.poll.interval.ms"),
        (Role::Consumer, "session.timeout", "session.timeout.ms"),
        (Role::Topic, "retention", "retention.ms"),
    ];
    for (role, wrong, right) in cases {
        let said = check(role, &[(wrong, "1")]);
        assert!(said.ends_with(&format!("did you mean `{right}`?")), "{said}");
    }
    assert_eq!(check(Role::Topic, &[("zzz", "1")]), "0: unknown topic setting `zzz`");
}

#[test]
fn keys_of_another_role_are_sent_there() {
    assert_eq!(
        check(Role::Consumer, &[("linger.ms", "5")]),
        "0: `linger.ms` is a producer setting, not a consumer setting; it is a producer setting"
    );
}

#[test]
fn idempotence_holds_unless_something_speaks_against_it() {
    const FLAG: (&str, &str) = ("enable.idempotence", "true");
    let objections = [
        (("acks", "0"), Delivery::FireAndForget),
        (("acks", "1"), Delivery::Leader),
        (("retries", "0"), Delivery::AllReplicas),
    ];
    assert_eq!(producer(&[]).delivery, Delivery::Idempotent);
    assert_eq!(producer(&[FLAG, ("acks", "-1")]).delivery, Delivery::Idempotent);
    assert_eq!(producer(&[("enable.idempotence", "false")]).delivery, Delivery::AllReplicas);
    for (objection, delivery) in objections {
        let silent = parse_producer(&entries(&[objection])).notices;
        let remark = Remark::IdempotenceDisabled(objection.0);
        assert_eq!(silent, [Notice { at: 0, remark }]);
        assert_eq!(producer(&[objection]).delivery, delivery);

        let loud = check(Role::Producer, &[FLAG, objection]);
        assert!(
            loud.starts_with(&format!(
                "1: `{}` {} conflicts with `enable.idempotence`",
                objection.0, objection.1
            )),
            "{loud}"
        );

        let off = parse_producer(&entries(&[("enable.idempotence", "false"), objection]));
        assert!(off.issues.is_empty() && off.notices.is_empty());
        assert_eq!(off.settings.delivery, delivery);
    }
}

#[test]
fn more_than_five_requests_in_flight_never_go_with_idempotence() {
    const SIX: (&str, &str) = ("max.in.flight.requests.per.connection", "6");
    for others in [&[][..], &[("acks", "1")], &[("enable.idempotence", "true")]] {
        let settings = [&[SIX], others].concat();
        let refused = check(Role::Producer, &settings);
        assert!(
            refused.starts_with("0: `max.in.flight.requests.per.connection` 6 conflicts with"),
            "{refused}"
        );
    }
    let without = producer(&[SIX, ("enable.idempotence", "false")]);
    assert_eq!((without.delivery, without.max_in_flight), (Delivery::AllReplicas, 6));
}

#[test]
fn delivery_takes_at_least_linger_and_a_request() {
    assert_eq!(
        check(Role::Producer, &[("delivery.timeout.ms", "30004")]),
        "0: `delivery.timeout.ms` 30004 conflicts with `request.timeout.ms`; it must be at least `linger.ms` + `request.timeout.ms`"
    );
    assert_eq!(
        producer(&[("delivery.timeout.ms", "30005")]).delivery_timeout,
        Span::millis(30_005)
    );
    let raised = parse_producer(&entries(&[("request.timeout.ms", "130000")]));
    assert_eq!(raised.settings.delivery_timeout, Span::millis(130_005));
    assert_eq!(raised.notices, [Notice { at: 0, remark: Remark::DeliveryTimeoutRaised }]);
}

#[test]
fn backoffs_follow_the_clients_rules() {
    let backoff = |first, most| Backoff { first: Span::millis(first), most: Span::millis(most) };
    assert_eq!(producer(&[]).reconnect_backoff, backoff(50, 1_000));
    assert_eq!(producer(&[("reconnect.backoff.ms", "70")]).reconnect_backoff, backoff(70, 70));
    assert_eq!(producer(&[("retry.backoff.ms", "70")]).retry_backoff, backoff(70, 1_000));
    let capped = parse_producer(&entries(&[("retry.backoff.ms", "5000")]));
    assert_eq!(capped.settings.retry_backoff, backoff(1_000, 1_000));
    let remark = Remark::BackoffCapped("retry.backoff.ms");
    assert_eq!(capped.notices, [Notice { at: 0, remark }]);
}

#[test]
fn heartbeats_come_more_often_than_sessions_end() {
    let why = "heartbeats must come more often than the session times out";
    let said = check(Role::Consumer, &[("session.timeout.ms", "3000")]);
    assert_eq!(
        said,
        format!("0: `session.timeout.ms` 3000 conflicts with `heartbeat.interval.ms`; {why}")
    );
    let said = check(Role::Consumer, &[("heartbeat.interval.ms", "45000")]);
    assert_eq!(
        said,
        format!("0: `heartbeat.interval.ms` 45000 conflicts with `session.timeout.ms`; {why}")
    );
    assert_eq!(check(Role::Consumer, &[("session.timeout.ms", "3001")]), "");
}

#[test]
fn assignors_are_named_by_class_and_kept_in_order() {
    const KEY: &str = "partition.assignment.strategy";
    let sticky = "org.apache.kafka.clients.consumer.StickyAssignor";
    let chosen = |text| parse_consumer(&entries(&[(KEY, text)])).settings;
    let cooperative = chosen("CooperativeStickyAssignor");
    assert_eq!(cooperative.assignors, [Assignor::CooperativeSticky]);
    assert_eq!(cooperative.rebalance_protocol(), RebalanceProtocol::Cooperative);
    let both = chosen("org.apache.kafka.clients.consumer.StickyAssignor, RangeAssignor");
    assert_eq!(both.assignors, [Assignor::Sticky, Assignor::Range]);
    let default = ConsumerSettings::default();
    assert_eq!(default.assignors, [Assignor::Range, Assignor::CooperativeSticky]);
    assert_eq!(default.rebalance_protocol(), RebalanceProtocol::Eager);
    let wrong = check(Role::Consumer, &[(KEY, "org.apache.kafka.clients.consumer.StikyAssignor")]);
    assert!(wrong.contains(&format!("did you mean `{sticky}`?")), "{wrong}");
    let twice = check(Role::Consumer, &[(KEY, "StickyAssignor,StickyAssignor")]);
    assert!(twice.contains("each assignor may be named once"), "{twice}");
}

#[test]
fn a_broker_waits_less_than_it_tolerates() {
    let said = check(
        Role::Broker,
        &[("replica.lag.time.max.ms", "400"), ("group.max.session.timeout.ms", "5000")],
    );
    let expected = "0: `replica.lag.time.max.ms` 400 conflicts with `replica.fetch.wait.max.ms`; a follower that waits for records would fall out of the in-sync set
1: `group.max.session.timeout.ms` 5000 conflicts with `group.min.session.timeout.ms`; no consumer could join";
    assert_eq!(said, expected);
}

#[test]
fn a_topic_stands_on_the_brokers_defaults() {
    let broker = parse_broker(&entries(&[
        ("min.insync.replicas", "2"),
        ("unclean.leader.election.enable", "true"),
        ("message.max.bytes", "2000"),
    ]));
    let topic = parse_topic(&entries(&[("min.insync.replicas", "1")]), &broker.settings.topic);
    assert_eq!(topic.settings.min_insync_replicas, 1);
    assert_eq!(topic.settings.unclean_election, UncleanElection::Allowed);
    assert_eq!(topic.settings.max_message_bytes, 2_000);
    assert_eq!(topic.settings.flush_messages, None);
}

#[test]
fn defaults_are_kafkas() {
    let consumer = ConsumerSettings::default();
    assert_eq!(producer(&[]).linger, Span::millis(5));
    assert_eq!(consumer.max_poll_records, 500);
    assert_eq!(consumer.session_timeout, Span::secs(45));
    let broker = BrokerSettings::default();
    assert_eq!(broker.offsets_topic_partitions, 50);
    assert_eq!(broker.replica_lag_time_max, Span::secs(30));
    assert_eq!(broker.leader_imbalance_check_interval, Span::secs(300));
}

#[test]
fn transactions_need_idempotence_whoever_switched_it_off() {
    let id = ("transactional.id", "billing");
    let timeout = ("transaction.timeout.ms", "5000");
    let transaction = parse_producer(&entries(&[id, timeout])).settings.transaction.unwrap();
    assert_eq!((&*transaction.0, transaction.1), ("billing", Span::secs(5)));
    let refused: [&[_]; 4] = [
        &[id, ("enable.idempotence", "false")],
        &[id, ("acks", "1")],
        &[id, ("acks", "1"), ("enable.idempotence", "true")],
        &[id, ("retries", "0")],
    ];
    let refused = refused.map(|pairs| check(Role::Producer, pairs)).join("\n");
    insta::assert_snapshot!(refused, @r"
    0: `transactional.id` billing conflicts with `enable.idempotence`; transactions need idempotence
    0: `transactional.id` billing conflicts with `acks`; transactions need idempotence
    1: idempotence is silently switched off because of `acks`; set `enable.idempotence` yourself to be told
    1: `acks` 1 conflicts with `enable.idempotence`; an idempotent producer needs `acks` all
    0: `transactional.id` billing conflicts with `retries`; transactions need idempotence
    1: idempotence is silently switched off because of `retries`; set `enable.idempotence` yourself to be told
    ");
}
