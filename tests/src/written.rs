//! A story as a scenario for people, so that it can be run, shrunk and explained.
//!
//! Writes what stories are made of and no more: a change of a plan that has no line here is lost, and whoever keeps the text
//! must see whether it still fails.

use std::fmt::Write as _;

use stormglass_kafka::assignor::Rack;
use stormglass_kafka::settings::EligibleLeaders;
use stormglass_sim::plan::{
    Cluster, FlushEvery, GroupPlan, Keys, Load, OnFenced, Plan, ProducerPlan, SpanRange,
    Transactions,
};
use stormglass_types::{Sequence, Span};

use crate::Story;

impl Story {
    /// The story as a scenario, with a list of faults in YAML as its plan has them. Its keys have other names than the
    /// story's, which only matters where there are several partitions.
    #[must_use]
    pub fn scenario(&self, faults: &str, invariant: &str) -> String {
        let (plan, said) = (&self.plan, &self.said);
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line(format!("run: {{ for: {}, settle: {} }}", plan.phases.storm, plan.phases.settle));
        line(cluster(plan, &said.cluster));
        line("topics:".to_owned());
        for (topic, said) in plan.topics.iter().zip(&said.topics) {
            let mut said = said.clone();
            if topic.settings.max_message_bytes != plan.cluster.settings.topic.max_message_bytes {
                let most = topic.settings.max_message_bytes.to_string();
                said.push(("max.message.bytes".to_owned(), most));
            }
            let (name, partitions) = (&topic.name, topic.partitions);
            line(format!(
                "  {name}: {{ partitions: {partitions}, replication.factor: 3{} }}",
                config(&said)
            ));
        }
        line("producers:".to_owned());
        let alike = self.producers_are_alike();
        let shown = if alike { 1 } else { plan.producers.len() };
        for (one, said) in plan.producers.iter().zip(&said.producers).take(shown) {
            let name = if alike { "producer" } else { one.name.as_str() };
            let instances = if alike { plan.producers.len() } else { 1 };
            let topic = &plan.topics[usize::from(one.topic.0) - 1].name;
            let load = producer(one);
            line(format!(
                "  {name}: {{ instances: {instances}, to: {topic}, {load}{} }}",
                config(said)
            ));
        }
        line("groups:".to_owned());
        for (one, said) in plan.groups.iter().zip(&said.groups) {
            line(group(plan, one, said));
        }
        line("faults:".to_owned());
        for fault in faults.lines() {
            let fault = if alike { fault.to_owned() } else { of_instances(fault, plan) };
            line(format!("  {fault}"));
        }
        line(format!("expect: {{ violate: [{invariant}] }}"));
        out
    }

    /// Whether one entry with so many instances says all.
    fn producers_are_alike(&self) -> bool {
        let nameless =
            |producer: &ProducerPlan| ProducerPlan { name: String::new(), ..producer.clone() };
        let mut plans = self.plan.producers.windows(2);
        let mut said = self.said.producers.windows(2);
        plans.all(|pair| nameless(&pair[0]) == nameless(&pair[1]))
            && said.all(|pair| pair[0] == pair[1])
    }
}

fn cluster(plan: &Plan, said: &[(String, String)]) -> String {
    let Cluster { controllers, racks, eligible_leaders, .. } = &plan.cluster;
    let (latency, sync) = (&plan.network.latency, &plan.disk.sync);
    let recovery = match plan.disk.recovery {
        SpanRange { most: Span::ZERO, .. } => String::new(),
        SpanRange { least, most } => format!(", log-recovery: {least}..{most}"),
    };
    let mut out = format!(
        "cluster:\n  network: {{ latency: {}..{} }}\n  disk: {{ sync: {}..{}{recovery} }}\n  config:",
        latency.least, latency.most, sync.least, sync.most
    );
    for (key, value) in said {
        let _ = write!(out, "\n    {key}: {value}");
    }
    if *controllers > 1 {
        let _ = write!(out, "\n  controllers: {controllers}");
    }
    if !racks.is_empty() {
        let names: Vec<String> = racks.iter().map(|rack| rack_name(plan, *rack)).collect();
        let _ = write!(out, "\n  racks: [{}]", names.join(", "));
    }
    if *eligible_leaders == EligibleLeaders::On {
        out.push_str("\n  features: { eligible.leader.replicas.version: 1 }");
    }
    let off: Vec<&str> = plan.rules.switched_off().map(|rule| rule.name()).collect();
    let _ = write!(out, "\n  without: [{}]", off.join(", "));
    out
}

/// What a producer sends.
fn producer(producer: &ProducerPlan) -> String {
    let Load { every, limit, keys, bytes, tombstones, .. } = &producer.load;
    let keys = match keys {
        Keys::None => "none".to_owned(),
        Keys::Weighted(keys) => format!("{{ count: {} }}", keys.len()),
    };
    let deletes = match tombstones {
        0 => String::new(),
        share => format!(", tombstones: {}%", share / 10_000),
    };
    let mut out = format!(
        "rate: {}, keys: {keys}, values: {{ bytes: {}..{}{deletes} }}",
        rate(*every),
        bytes.least,
        bytes.most
    );
    if let Some(limit) = limit {
        let _ = write!(out, ", records: {limit}");
    }
    if producer.starts_after > Span::ZERO {
        let _ = write!(out, ", after: {}", producer.starts_after);
    }
    if producer.sent_before != Sequence(0) {
        let _ = write!(out, ", sent-before: {}", producer.sent_before.0);
    }
    if let Some(Transactions { commit, on_fenced }) = producer.transactions {
        let commit = match commit {
            FlushEvery::Records(count) => format!("every: {count}"),
            FlushEvery::Time(span) => format!("every: {span}"),
        };
        let fenced = match on_fenced {
            OnFenced::Restart(span) => format!("restart: {span}"),
            OnFenced::Stop => "on-fenced: stop".to_owned(),
        };
        let _ = write!(out, ", transactions: {{ {commit}, {fenced} }}");
    }
    out
}

/// As many per second if that is a whole number, else per hour.
fn rate(every: Span) -> String {
    const SECOND: u64 = 1_000_000_000;
    let every = every.0.max(1);
    if SECOND.is_multiple_of(every) {
        format!("{}/s", SECOND / every)
    } else {
        format!("{}/h", 3_600 * SECOND / every)
    }
}

/// A rack's name, of which a plan keeps none: the first of the cluster's is `rack-1`.
fn rack_name(plan: &Plan, rack: Rack) -> String {
    let at = plan.cluster.racks.iter().position(|other| *other == rack);
    at.map_or_else(|| "elsewhere".to_owned(), |at| format!("rack-{}", at + 1))
}

fn group(plan: &Plan, group: &GroupPlan, said: &[(String, String)]) -> String {
    let automatic = said.iter().any(|(key, value)| key == "enable.auto.commit" && value == "true");
    let mut said = said.to_vec();
    let key = "group.instance.id".to_owned();
    let are_static = group.members.iter().all(|member| member.settings.instance.is_some());
    if are_static && said.iter().all(|(other, _)| *other != key) {
        said.push((key, "\"${member}\"".to_owned()));
    }
    let topics: Vec<&str> =
        group.topics.iter().map(|id| plan.topics[usize::from(id.0) - 1].name.as_str()).collect();
    let racks = group.members.iter().filter_map(|member| member.settings.rack);
    let racks: Vec<String> = racks.map(|rack| rack_name(plan, rack)).collect();
    let racks = match &racks[..] {
        [] => String::new(),
        racks => format!(", racks: [{}]", racks.join(", ")),
    };
    format!(
        "  {}: {{ members: {}, subscribe: [{}], process: {{ each: {} }}, commit: {}{racks}{} }}",
        group.name,
        group.members.len(),
        topics.join(", "),
        group.processing.each.least,
        if automatic { "auto" } else { "after-processing" },
        config(&said),
    )
}

fn config(settings: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        settings.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    if pairs.is_empty() { String::new() } else { format!(", config: {{ {} }}", pairs.join(", ")) }
}

/// A fault whose producers are the only instances of entries of their own: `producer-2` is `producer-2-1`.
fn of_instances(fault: &str, plan: &Plan) -> String {
    let mut out = String::new();
    let mut rest = fault;
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    while let Some(from) = rest.find(is_of_name) {
        let (before, word) = rest.split_at(from);
        let to = word.find(|letter| !is_of_name(letter)).unwrap_or(word.len());
        out.push_str(before);
        out.push_str(&word[..to]);
        if plan.producers.iter().any(|producer| producer.name == word[..to]) {
            out.push_str("-1");
        }
        rest = &word[to..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_that_differ_are_entries_of_their_own() {
        let story = Story::new(&[])
            .topic("orders", 1, &[])
            .producer(Span::millis(250), &[("linger.ms", "0")])
            .producer(Span::millis(35), &[])
            .with(|plan| {
                plan.cluster.controllers = 3;
                plan.producers[1].sent_before = Sequence(17);
            });
        let text = story.scenario("- { at: 1s, kill: producer-2, for: 1s }", "no-loss");
        for part in [
            "controllers: 3",
            "producer-1: { instances: 1, to: orders, rate: 4/s,",
            "producer-2: { instances: 1, to: orders, rate: 102857/h,",
            "sent-before: 17",
            "kill: producer-2-1,",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
        let twins = Story::new(&[])
            .topic("orders", 1, &[])
            .producer(Span::millis(4), &[])
            .producer(Span::millis(4), &[]);
        let text = twins.scenario("- { at: 1s, kill: producer-2, for: 1s }", "no-loss");
        assert!(text.contains("  producer: { instances: 2, to: orders, rate: 250/s,"), "{text}");
        assert!(text.contains("kill: producer-2,"), "{text}");
    }
}
