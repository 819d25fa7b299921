//! Kafka's own assignors and ours agree, list by list.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stormglass_kafka::message::Subscription;
use stormglass_kafka::settings::Assignor;
use stormglass_types::{MemberId, TopicId};

#[test]
fn range_equals_kafka() {
    let lines = include_str!("golden/assignors_range.jsonl").lines().skip(1);
    let utf16 = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
    let mut cases = 0;
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let order: Vec<&str> = case["topicOrder"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let id_of = |name: &str| {
            let place = order.iter().position(|other| *other == name).unwrap_or(order.len());
            TopicId(u16::try_from(place).unwrap())
        };
        let topics: Vec<(TopicId, u16)> = order
            .iter()
            .map(|name| {
                (id_of(name), u16::try_from(case["topics"][*name].as_u64().unwrap()).unwrap())
            })
            .collect();
        // Ids in the order in which Java compares the members: static ones first by instance id, then the others by member id.
        let mut members: Vec<&Value> = case["members"].as_array().unwrap().iter().collect();
        members.sort_by_key(|member| {
            let id = utf16(member["id"].as_str().unwrap());
            match member["instanceId"].as_str() {
                Some(instance) => (0, utf16(instance), id),
                None => (1, id.clone(), id),
            }
        });
        let members: BTreeMap<MemberId, &Value> = (1..).map(MemberId).zip(members).collect();
        let joined: Vec<_> = case["memberOrder"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| {
                let wanted = &case["members"][usize::try_from(place.as_u64().unwrap()).unwrap()];
                let (id, _) = members.iter().find(|(_, member)| *member == &wanted).unwrap();
                let names = wanted["subscription"].as_array().unwrap().iter();
                let topics = names.map(|name| id_of(name.as_str().unwrap())).collect();
                (*id, Arc::new(Subscription { topics, ..Subscription::default() }))
            })
            .collect();
        for (id, partitions) in Assignor::Range.assign(&topics, &joined) {
            let name = members[&id]["id"].as_str().unwrap();
            let ours: Vec<(&str, u64)> = partitions
                .iter()
                .map(|it| (order[usize::from(it.topic.0)], u64::from(it.partition)))
                .collect();
            let kafkas: Vec<(&str, u64)> = case["expected"][name]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| (it[0].as_str().unwrap(), it[1].as_u64().unwrap()))
                .collect();
            assert_eq!(ours, kafkas, "{} {name}", case["id"]);
        }
        cases += 1;
    }
    assert_eq!(cases, 503);
}
