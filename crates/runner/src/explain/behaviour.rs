//! Remedies in what applications do instead of in what is configured: how they commit, where they seek, what they do with a
//! record that they cannot process, how they share events out, and who decides in the cluster.
//!
//! Each is proposed only for failures that it was made for; whether it helps is found out by running it.

use super::remedy::{Change, names};
use crate::result::{METRIC, Signature};
use crate::scenario::{Draft, Tree};

/// The changes that apply to a draft and a failure.
pub(super) fn changes(draft: &Draft, signature: &Signature) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |suits: bool, text: &str, because: &'static str, edit: &dyn Fn(&mut Draft)| {
        let mut changed = draft.clone();
        edit(&mut changed);
        if suits && changed != *draft {
            changes.push(Change { text: text.to_owned(), because, draft: changed });
        }
    };
    let is = |invariant: &str| signature.invariant == invariant;
    let figure = |name: &str| is(METRIC) && signature.kind.contains(name);
    let because = "a coordinator takes commits of members only, and each partition has one";
    add(is("monotone"), "subscribing instead of assigning", because, &|draft| {
        for name in names(draft, "groups") {
            if let Some(topics) = draft.get(&["groups", &name, "assign"]).cloned() {
                draft.remove(&["groups", &name, "assign"]);
                draft.set(&["groups", &name, "subscribe"], topics);
            }
        }
    });
    let because = "an older offset is then not sent again after a newer one";
    let text = "committing again only while nothing newer was committed";
    add(is("monotone"), text, because, &|draft| {
        given(draft, "groups", &["commit", "retry"], "if-newest");
    });
    let because = "what was committed then decides where a partition's next owner begins";
    let skips = is("at-least-once") || figure("skipped");
    add(skips, "no seek in onPartitionsAssigned", because, &|draft| {
        for name in names(draft, "groups") {
            draft.remove(&["groups", &name, "on-assign"]);
        }
    });
    let because = "the partition then goes on behind the record that cannot be processed";
    let text = "passing over what cannot be processed (or a dead-letter topic)";
    add(is("liveness") || figure("lag"), text, because, &|draft| {
        for name in names(draft, "groups") {
            let poison = ["groups", &name, "process", "poison"];
            if draft.get(&poison).is_some() {
                draft.remove(&[&poison[..], &["to"]].concat());
                draft.set(&[&poison[..], &["then"]].concat(), "skip".into());
            }
        }
    });
    let because = "what is processed again then has no effect a second time";
    add(figure("repeated-effects"), "an idempotent sink", because, &|draft| {
        for name in names(draft, "groups") {
            draft.set(&["groups", &name, "process", "sink"], "idempotent".into());
        }
    });
    let because = "a member that leaves the group is not waited for";
    let stands = figure("unowned") || figure("stopped") || figure("redelivered");
    add(stands, "members that close instead of being killed", because, &|draft| {
        for name in names(draft, "groups") {
            let scale = ["groups", &name, "scale"];
            if let Some(Tree::List(steps)) = draft.get(&scale).cloned().as_mut() {
                steps.iter_mut().for_each(|step| step.remove("by"));
                draft.set(&scale, Tree::List(std::mem::take(steps)));
            }
        }
    });
    let because = "all events of a key then go through one producer, which keeps their order";
    add(is("per-key-order"), "one producer for each key", because, &|draft| {
        given(draft, "producers", &["spread"], "by-key");
    });
    let because = "every client then finds the same partition for a key";
    add(figure("split-keys"), "partitioner=murmur2_random in librdkafka", because, &|draft| {
        for name in names(draft, "producers") {
            let profile = draft.text(&["producers", &name, "profile"]);
            if profile.is_some_and(|profile| profile.starts_with("librdkafka")) {
                let path = ["producers", &name, "config", "partitioner"];
                draft.set(&path, "murmur2_random".into());
            }
        }
    });
    let because = "it then fetches from leaders, who hand records out as soon as they may be read";
    add(figure("end-to-end"), "no client.rack", because, &|draft| {
        for name in names(draft, "groups") {
            draft.remove(&["groups", &name, "config", "client.rack"]);
        }
    });
    let because = "two of them go on deciding while the third is away";
    let waits = is("liveness") || figure("latency") || figure("unowned");
    add(waits, "three controllers", because, &|draft| {
        if draft.get(&["cluster", "controllers"]).and_then(Tree::number).is_none_or(|it| it == 1) {
            draft.set(&["cluster", "controllers"], "3".into());
        }
    });
    changes
}

/// Sets what every one of a section that has it says there.
fn given(draft: &mut Draft, section: &str, path: &[&str], value: &str) {
    for name in names(draft, section) {
        let path = [&[section, &name], path].concat();
        if draft.get(&path).is_some() {
            draft.set(&path, value.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    /// What is proposed for a failure of a pipeline with everything that could be otherwise.
    fn proposed(invariant: &'static str, kind: &'static str) -> Vec<String> {
        let text = "\
cluster: { controllers: 1 }
topics: { orders: { partitions: 2 } }
producers:
  checkout: { to: orders, instances: 2, spread: round-robin, keys: { count: 9 } }
  office: { to: orders, profile: librdkafka }
groups:
  billing:
    subscribe: [orders]
    commit: { call: async, retry: blindly, pause: 1s }
    on-assign: { seek: end }
    process: { each: 1ms, poison: { one-in: 9, then: crash } }
    scale: [ { at: 5s, to: 2 }, { at: 10s, to: 1, by: kill } ]
  audit: { assign: [orders] }
expect: { hold: [no-loss] }
";
        let scenario = Scenario::parse("some.yaml", text).unwrap_or_else(|told| panic!("{told}"));
        let signature = Signature { invariant, kind: kind.into() };
        let changes = changes(&scenario.draft(0), &signature);
        for change in &changes {
            let text = change.draft.render();
            assert!(Scenario::parse("changed.yaml", &text).is_ok(), "{}:\n{text}", change.text);
        }
        changes.into_iter().map(|change| change.text).collect()
    }

    #[test]
    fn each_remedy_is_proposed_for_what_it_was_made_for() {
        let cases = [
            ("monotone", "rewind"),
            ("at-least-once", "unseen"),
            ("liveness", "stalled"),
            ("per-key-order", "swapped"),
            ("no-loss", "lost-write"),
            (METRIC, "billing.repeated-effects"),
            (METRIC, "billing.unowned.max"),
            (METRIC, "orders.split-keys"),
            (METRIC, "ack-latency.max"),
        ];
        let told: Vec<String> = cases
            .iter()
            .map(|(invariant, kind)| {
                format!("{invariant}.{kind}: {}", proposed(invariant, kind).join("; "))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn who_has_a_quorum_already_is_not_told_to_have_a_smaller_one() {
        let quorum = |cluster: &str| {
            let text = format!(
                "{{ cluster: {cluster}, topics: {{ orders: {{ partitions: 1 }} }}, expect: {{ hold: [no-loss] }} }}"
            );
            let draft = Scenario::parse("some.yaml", &text).expect("legal").draft(0);
            let signature = Signature { invariant: "liveness", kind: "stalled".into() };
            changes(&draft, &signature).iter().any(|change| change.text == "three controllers")
        };
        assert_eq!(["{}", "{ controllers: 1 }"].map(quorum), [true; 2]);
        assert_eq!(["{ controllers: 3 }", "{ controllers: 5 }"].map(quorum), [false; 2]);
    }
}
