//! Every assignor against what Kafka's own code gave, line by line.
//!
//! The vectors are `tests/golden/*.jsonl`; a line is equal if every list is, in order, or if Kafka threw and so do we.

#![expect(clippy::unwrap_used, reason = "a malformed vector may stop the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use stormglass_kafka::assignor::java_hash::{JavaSet, map_order, partition_hash, string_hash};
use stormglass_kafka::assignor::{
    Assignor, Input, Member, Partition, Rack, Topic, Uuid, assign, is_homogeneous,
};

#[test]
fn clients_assign_as_kafka_does() {
    let cases = cases("assignors.jsonl");
    assert_eq!(cases.len(), 4288);
    check(&cases, |case| {
        let input = client_input(case);
        let order = input.member_order();
        let topics = names(&input, &input.topic_order(&order));
        expect_equal("memberOrder", &order, &numbers(&case["memberOrder"]))?;
        expect_equal("topicOrder", &topics, &texts(&case["topicOrder"]))?;
        expect_outcome(case, &input, Assignor::named(text(&case["assignor"])).expect("known"))
    });
}

#[test]
fn coordinators_assign_as_kafka_does() {
    let cases = cases("assignors_kip848.jsonl");
    assert_eq!(cases.len(), 2253);
    check(&cases, |case| {
        let input = server_input(case);
        expect_equal(
            "homogeneous",
            &is_homogeneous(&input),
            &(case["subscriptionType"] == "homogeneous"),
        )?;
        let assignor = format!("server-{}", text(&case["assignor"]));
        expect_outcome(case, &input, Assignor::named(&assignor).expect("known"))
    });
}

#[test]
fn hashes_and_orders_are_those_of_java() {
    let cases = cases("java_hash.jsonl");
    assert_eq!(cases.len(), 259);
    check(&cases, |case| match text(&case["kind"]) {
        "string" => expect_equal("hash", &string_hash(text(&case["value"])), &hash(case)),
        "topicPartition" => {
            let topic = string_hash(text(&case["value"][0]));
            expect_equal("hash", &partition_hash(topic, number(&case["value"][1])), &hash(case))
        }
        "uuid" => {
            let (id, other) = (uuid(&case["value"]), uuid(&case["other"]));
            let halves = (case["msb"].as_i64().unwrap(), case["lsb"].as_i64().unwrap());
            expect_equal("halves", &(id.most, id.least), &halves)?;
            expect_equal("text", &id.to_string(), &text(&case["value"]).to_owned())?;
            expect_equal("hash", &id.hash(), &hash(case))?;
            expect_equal("compare", &(id.cmp(&other) as i64), &case["compare"].as_i64().unwrap())
        }
        "mapOrder" => {
            let inserted = texts(&case["insert"]);
            let count = u32::try_from(inserted.len()).unwrap();
            let order = map_order(inserted.iter().map(String::as_str));
            let order: Vec<_> = order.iter().map(|&at| inserted[at as usize].clone()).collect();
            expect_equal("default", &order, &texts(&case["default"]))?;
            for (field, set) in [
                ("hashSetOfCollection", JavaSet::for_collection(count)),
                ("capacityArgN", JavaSet::with_capacity(count)),
            ] {
                let keys = inserted.iter().map(|name| (string_hash(name), name.as_str()));
                expect_equal(field, &filled(set, keys), &texts(&case[field]))?;
            }
            Ok(())
        }
        "intSetOrder" => {
            let inserted = numbers(&case["insert"]);
            let count = u32::try_from(inserted.len()).unwrap();
            for (field, set) in [
                ("default", JavaSet::new()),
                ("hashSetOfCollection", JavaSet::for_collection(count)),
            ] {
                let keys = inserted.iter().map(|&number| (number, number));
                expect_equal(field, &filled(set, keys), &numbers(&case[field]))?;
            }
            Ok(())
        }
        other => Err(format!("unknown kind `{other}`")),
    });
}

/// The keys of a set in its order.
fn filled<K: Copy + Ord, T: From<K>>(
    mut set: JavaSet<K>,
    keys: impl Iterator<Item = (u32, K)>,
) -> Vec<T> {
    for (hash, key) in keys {
        set.insert(hash, key);
    }
    set.iter().map(T::from).collect()
}

/// Runs all cases and names those that differ.
fn check(cases: &[Value], compare: impl Fn(&Value) -> Result<(), String>) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| compare(case).err().map(|why| format!("{}: {why}", text(&case["id"]))))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} lines differ, such as\n{}",
        failures.len(),
        cases.len(),
        failures[..failures.len().min(5)].join("\n")
    );
}

fn expect_equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    ours: &T,
    kafkas: &T,
) -> Result<(), String> {
    if ours == kafkas {
        return Ok(());
    }
    Err(format!("{what} differs\n  ours:  {ours:?}\n  kafka: {kafkas:?}"))
}

fn expect_outcome(case: &Value, input: &Input, assignor: Assignor) -> Result<(), String> {
    type Named = BTreeMap<String, Vec<(String, u32)>>;
    let ours = assign(assignor, input).map_err(|error| error.exception().to_owned());
    let ours = ours.map(|assignment| -> Named {
        let named = |partition: &Partition| {
            (input.topics[partition.topic].name.to_string(), partition.number)
        };
        let lists = input.members.iter().zip(&assignment.members);
        lists
            .map(|(member, list)| (member.id.to_string(), list.iter().map(named).collect()))
            .collect()
    });
    let kafkas: Result<Named, String> = match case.get("error") {
        Some(error) => Err(text(error).to_owned()),
        None => {
            let lists = case["expected"].as_object().unwrap().iter();
            Ok(lists.map(|(member, list)| (member.clone(), pairs(list))).collect())
        }
    };
    expect_equal("assignment", &ours, &kafkas)
}

fn client_input(case: &Value) -> Input {
    let mut racks = BTreeSet::new();
    for replicas in case.get("racks").and_then(Value::as_object).into_iter().flatten() {
        let all = replicas.1.as_array().unwrap().iter().flat_map(|of| of.as_array().unwrap());
        racks.extend(all.filter_map(Value::as_str));
    }
    racks.extend(case["members"].as_array().unwrap().iter().filter_map(|of| of["rack"].as_str()));
    let racks: BTreeMap<&str, Rack> = racks.into_iter().zip((0..).map(Rack)).collect();

    let mut input = Input::default();
    for (name, partitions) in case["topics"].as_object().unwrap() {
        let mut topic = Topic::new(name, number(partitions));
        if let Some(replicas) = case.get("racks").and_then(|all| all.get(name)) {
            let of_partition = |replicas: &Value| {
                let replicas = replicas.as_array().unwrap().iter();
                replicas.map(|rack| rack.as_str().map(|rack| racks[rack])).collect()
            };
            topic.racks = replicas.as_array().unwrap().iter().map(of_partition).collect();
        }
        input.topics.add(topic);
    }
    for stated in case["members"].as_array().unwrap() {
        let mut member = member(&mut input, stated);
        member.rack = stated["rack"].as_str().map(|rack| racks[rack]);
        let generation = |field: &str| {
            stated.get(field).map(|value| i32::try_from(value.as_i64().unwrap()).unwrap())
        };
        member.generation = generation("generation");
        member.subscription_generation = generation("subGeneration");
        input.members.push(member);
    }
    input
}

fn server_input(case: &Value) -> Input {
    let mut input = Input::default();
    for (name, topic) in case["topics"].as_object().unwrap() {
        let id = uuid(&topic["uuid"]);
        input.topics.add(Topic { id, ..Topic::new(name, number(&topic["partitions"])) });
    }
    for (label, id) in case.get("staleTopics").and_then(Value::as_object).into_iter().flatten() {
        input.topics.add(Topic { id: uuid(id), ..Topic::new(label, 0) });
    }
    for stated in case["members"].as_array().unwrap() {
        let member = member(&mut input, stated);
        input.members.push(member);
    }
    input
}

fn member(input: &mut Input, stated: &Value) -> Member {
    let subscription = texts(&stated["subscription"]);
    let subscription = subscription.iter().map(|name| input.topics.named(name)).collect();
    let mut member = Member::new(text(&stated["id"]), subscription);
    member.instance = stated["instanceId"].as_str().map(Into::into);
    if let Some(owned) = stated.get("owned") {
        let owned = pairs(owned).into_iter();
        member.owned =
            owned.map(|(name, number)| Partition::new(input.topics.named(&name), number)).collect();
    }
    member
}

fn names(input: &Input, topics: &[stormglass_kafka::assignor::TopicIndex]) -> Vec<String> {
    topics.iter().map(|&topic| input.topics[topic].name.to_string()).collect()
}

/// All lines but the header.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    let content = std::fs::read_to_string(&path).expect("the vectors are there");
    let lines = content.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    lines.filter(|line: &Value| line.get("header").is_none()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|item| text(item).to_owned()).collect()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().expect("a number")).expect("a small one")
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn pairs(value: &Value) -> Vec<(String, u32)> {
    let pairs = value.as_array().expect("a list").iter();
    pairs.map(|pair| (text(&pair[0]).to_owned(), number(&pair[1]))).collect()
}

fn hash(case: &Value) -> u32 {
    i32::try_from(case["hash"].as_i64().expect("a number")).expect("32 bits").cast_unsigned()
}

fn uuid(value: &Value) -> Uuid {
    Uuid::parse(text(value)).expect("an id in Kafka's text form")
}
