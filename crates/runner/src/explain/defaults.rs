//! Remedies that follow from what is configured: each setting that somebody changed, as Kafka has it by default, and a few
//! that are off by default but made for such failures.

use stormglass_kafka::config::{self, DefaultValue, Role};
use stormglass_sim::plan::Plan;

use super::remedy::{Change, each, names};
use crate::scenario::Draft;

/// Keys that have a remedy of their own.
const KNOWN: [&str; 9] = [
    "acks",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.idempotence",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "max.poll.records",
    "min.insync.replicas",
    "unclean.leader.election.enable",
];

/// The changes that apply to a draft.
pub(super) fn changes(plan: &Plan, draft: &Draft) -> Vec<Change> {
    let mut changes = back_to_defaults(draft);
    let mut add = |text: String, because: &'static str, edit: &dyn Fn(&mut Draft)| {
        let mut changed = draft.clone();
        edit(&mut changed);
        if changed != *draft {
            changes.push(Change { text, because, draft: changed });
        }
    };
    let because = "members then keep their partitions while others are moved";
    add("partition.assignment.strategy=CooperativeStickyAssignor".to_owned(), because, &|draft| {
        let strategy = [("partition.assignment.strategy", "CooperativeStickyAssignor")];
        each(draft, "groups", &strategy);
    });
    let named = names(draft, "groups");
    let named = named
        .iter()
        .any(|name| draft.keys(&["groups", name, "config"]).contains(&"group.instance.id"));
    let because = if named {
        "nobody then takes another member's place"
    } else {
        "a member that is back within session.timeout.ms then has its partitions without a rebalance"
    };
    add("group.instance.id=${member}, one for each member".to_owned(), because, &|draft| {
        each(draft, "groups", &[("group.instance.id", "${member}")]);
    });
    let because = "nobody is then taken for another one's new life";
    add("transactional.id=${member}, one for each instance".to_owned(), because, &|draft| {
        for name in names(draft, "producers") {
            if draft.keys(&["producers", &name, "config"]).contains(&"transactional.id") {
                draft.set(&["producers", &name, "config", "transactional.id"], "${member}".into());
            }
        }
    });
    let because = "a broker then syncs every batch before it counts";
    add("log.flush.interval.messages=1".to_owned(), because, &|draft| {
        draft.set(&["cluster", "config", "log.flush.interval.messages"], "1".into());
    });
    let members = plan.groups.iter().map(|group| group.members.len()).max().unwrap_or(0);
    let few = |it: &stormglass_sim::plan::TopicPlan| usize::from(it.partitions) < members;
    if plan.topics.iter().any(few) {
        let because = "every member then has a partition to work on";
        add(format!("as many partitions as members ({members})"), because, &|draft| {
            for topic in plan.topics.iter().filter(|topic| few(topic)) {
                let partitions = members.to_string();
                draft.set(&["topics", &topic.name, "partitions"], partitions.as_str().into());
            }
        });
    }
    changes
}

/// Each setting that is given, taken away again.
fn back_to_defaults(draft: &Draft) -> Vec<Change> {
    let mut keys: Vec<(Role, String)> = Vec::new();
    let mut note = |role: Role, found: Vec<&str>| {
        for key in found {
            let known = KNOWN.contains(&key) || keys.iter().any(|(_, other)| other == key);
            if !known {
                keys.push((role, key.to_owned()));
            }
        }
    };
    note(Role::Broker, draft.keys(&["cluster", "config"]));
    let sections =
        [(Role::Topic, "topics"), (Role::Producer, "producers"), (Role::Consumer, "groups")];
    for (role, section) in sections {
        for name in names(draft, section) {
            note(role, draft.keys(&[section, &name, "config"]));
        }
    }
    let changes = keys.into_iter().filter_map(|(role, key)| {
        let row = config::find(role, &key)?;
        let DefaultValue::Is(default) = row.default else { return None };
        let mut changed = draft.clone();
        changed.remove(&["cluster", "config", &key]);
        for (_, section) in sections {
            for name in names(draft, section) {
                changed.remove(&[section, &name, "config", &key]);
            }
        }
        let text = format!("{key}={default}, Kafka's default");
        (changed.render() != draft.render()).then_some(Change {
            text,
            because: row.meaning.trim_end_matches('.'),
            draft: changed,
        })
    });
    changes.collect()
}
