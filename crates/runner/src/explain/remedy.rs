//! Settings that are known to prevent such failures, each tried with the same faults.
//!
//! Knows which settings exist and why they matter; whether one helps here is found out by running it.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;

use stormglass_kafka::settings::{Delivery, EligibleLeaders, OffsetReset, UncleanElection};
use stormglass_kafka::{Release, Rule};
use stormglass_sim::plan::{Place, Plan};
use stormglass_types::Span;
use stormglass_types::history::CommitMode;

use super::{Figured, Remedy, WhatIf, behaviour, defaults, what_if};
use crate::execute::{Recording, execute};
use crate::result::{METRIC, Signature};
use crate::scenario::{Draft, Scenario, Tree};
use crate::subject::Subject;
use crate::sweep::pool::Pool;

/// With how many seeds a remedy is tried: one may hold by luck.
const SEEDS: u64 = 5;

/// By how much faults come later from one of those seeds to the next.
const STEP_MS: u64 = 1_300;

/// How much longer a run lasts in which a remedy has had nothing to prevent.
const ROOM: Span = Span::secs(20);

/// A change of a scenario.
pub(super) struct Change {
    pub(super) text: String,
    pub(super) because: &'static str,
    pub(super) draft: Draft,
}

/// What is to be prevented.
#[derive(Clone, Copy)]
struct Goal<'a> {
    seed: u64,
    signature: &'a Signature,
    /// What the figure was, if it is a broken bound.
    measured: Option<u64>,
}

/// Every remedy that changes anything, with what came of it. If none helps alone, all of them together are tried too.
pub(super) fn tried(
    scenario: &Arc<Scenario>,
    seed: u64,
    signature: &Signature,
    measured: Option<u64>,
    jobs: NonZero<usize>,
) -> Vec<Remedy> {
    let plan = scenario.plan(seed);
    let draft = scenario.draft(seed);
    let goal = Goal { seed, signature, measured };
    let mut changes = settings(&plan, &draft);
    for change in defaults::changes(&plan, &draft) {
        if !changes.iter().any(|known| known.draft == change.draft) {
            changes.push(change);
        }
    }
    changes.retain(|change| concerns(&change.text, signature, &plan));
    changes.extend(behaviour::changes(&draft, signature));
    changes.extend(upgrade(&draft));
    changes.extend(rules(&plan, &draft));
    let mut remedies = run(&changes, goal, jobs);
    with_room(&draft, &changes, &mut remedies, goal, jobs);
    // Idempotence brings acks=all with it; where that is enough, it is not idempotence that helps.
    if remedies.iter().any(|remedy| remedy.change == "acks=all" && remedy.helps()) {
        remedies.retain(|remedy| !remedy.change.starts_with("enable.idempotence"));
    }
    if changes.len() > 1 && !remedies.iter().any(Remedy::helps) {
        let mut all = draft;
        let mut names: Vec<&str> = Vec::new();
        for change in &changes {
            for (path, value) in differences(&scenario.draft(seed), &change.draft) {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                match value {
                    Some(value) => all.set(&path, value),
                    None => all.remove(&path),
                }
            }
            names.push(&change.text);
        }
        let text = names.join(", ");
        let together = Change { text, because: "no one of them is enough", draft: all };
        remedies.extend(run(&[together], goal, jobs));
    }
    remedies
}

/// A failure that was shrunk may be over before a remedy has had anything to prevent: a group that joins takes longer than one
/// that assigns. What could not be told is tried with more time and more records, if the failure is there then, too.
fn with_room(
    draft: &Draft,
    changes: &[Change],
    remedies: &mut [Remedy],
    goal: Goal<'_>,
    jobs: NonZero<usize>,
) {
    let roomy = |change: &Change| {
        let mut draft = change.draft.clone();
        let storm = draft.get(&["run", "for"]).and_then(Tree::span).unwrap_or(Span::ZERO);
        draft.set(&["run", "for"], (storm + ROOM).into());
        for name in names(&draft, "producers") {
            draft.remove(&["producers", &name, "records"]);
        }
        Change { text: change.text.clone(), because: change.because, draft }
    };
    let is_open = |text: &str, remedies: &[Remedy]| {
        remedies.iter().any(|it| it.change == text && it.unknown == it.seeds)
    };
    let open: Vec<Change> =
        changes.iter().filter(|it| is_open(&it.text, remedies)).map(roomy).collect();
    if open.is_empty() || remedies.iter().any(Remedy::helps) {
        return;
    }
    let nothing = Change { text: String::new(), because: "", draft: draft.clone() };
    let fails = run(&[roomy(&nothing)], goal, jobs).iter().any(|it| it.failed > 0);
    if !fails {
        return;
    }
    for tried in run(&open, goal, jobs) {
        if let Some(remedy) = remedies.iter_mut().find(|it| it.change == tried.change) {
            *remedy = tried;
        }
    }
}

/// Whether a setting can have to do with a failure at all: what consumers do loses no acknowledged record, and what
/// producers do commits nothing.
fn concerns(change: &str, signature: &Signature, plan: &Plan) -> bool {
    let figure = |ends: &[&str]| ends.iter().any(|end| signature.kind.contains(end));
    let metric = signature.invariant == METRIC;
    // These shift when things happen, so that one and the same fault strikes something else: no remedy but for what they
    // were made for.
    match change.split('=').next().unwrap_or_default() {
        "group.initial.rebalance.delay.ms" => return metric && figure(&["rebalances"]),
        "group.instance.id" => {
            let moves = metric && figure(&["rebalances", "unowned", "redelivered"]);
            return moves || signature.invariant == "single-owner";
        }
        "transactional.id" => return metric || signature.invariant == "liveness",
        "partition.assignment.strategy" => return metric && figure(&["unowned", "rebalances"]),
        "log.flush.interval.messages" | "the feature eligible.leader.replicas.version" => {
            let durable = ["no-loss", "log-matching"].contains(&signature.invariant);
            return durable || metric && figure(&["lost"]);
        }
        "metadata.max.age.ms" if signature.invariant == "per-key-order" => return false,
        _ => {}
    }
    let consumers = [
        "committing",
        "processing",
        "auto.",
        "max.poll",
        "session.",
        "heartbeat.",
        "group.",
        "partition.assignment",
        "offsets.",
        "fetch.",
        "isolation.",
    ];
    let of_consumers = consumers.iter().any(|word| change.starts_with(word));
    let of_keys = change.starts_with("no hot key") || change.contains("partitions");
    let of_retention = ["retention.", "delete.retention."].iter().any(|it| change.starts_with(it));
    match signature.invariant {
        "no-loss" | "no-duplicates" | "log-matching" => !of_consumers && !of_keys,
        "at-least-once" => of_consumers || of_retention,
        "single-owner" | "monotone" => of_consumers,
        METRIC => {
            let of_group = plan.groups.iter().any(|group| {
                signature.kind.strip_prefix(&group.name).is_some_and(|it| it.starts_with('.'))
            });
            if of_group { of_consumers || of_keys } else { !of_consumers }
        }
        "per-key-order" if signature.kind == "nonmonotonic-send" => !of_consumers && !of_keys,
        _ => true,
    }
}

/// What a run with a change came to: how it failed, and the figure that it is about.
type Outcome = (WhatIf, Option<(u64, String)>);

fn run(changes: &[Change], goal: Goal<'_>, jobs: NonZero<usize>) -> Vec<Remedy> {
    let Goal { seed, signature, .. } = goal;
    let tasks = u64::try_from(changes.len()).unwrap_or(u64::MAX).saturating_mul(SEEDS);
    let parsed = |draft: &Draft| Scenario::parse("remedy.yaml", &draft.render()).ok().map(Arc::new);
    let read: Vec<Vec<Option<Arc<Scenario>>>> = changes
        .iter()
        .map(|change| (0..SEEDS).map(|nth| parsed(&later(&change.draft, nth))).collect())
        .collect();
    let work = |task: u64| -> Outcome {
        let change = usize::try_from(task / SEEDS).expect("no more tasks than changes");
        let Some(scenario) = &read[change][usize::try_from(task % SEEDS).unwrap_or(0)] else {
            return (WhatIf::Unknown, None);
        };
        let execution = execute(&Subject::of(scenario), seed + task % SEEDS, Recording::Off);
        let Ok(done) = execution else { return (WhatIf::Unknown, None) };
        let bound = done.result.bounds.iter().find(|bound| bound.signature() == *signature);
        let figure = bound.and_then(|bound| Some((bound.measured?, bound.shown.clone())));
        (what_if::of(&done.result, signature), figure)
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    Pool { jobs: jobs.get(), tasks, deadline: None }.run(&work, &mut |outcome| {
        outcomes.push(outcome);
        ControlFlow::Continue(())
    });
    let seeds = usize::try_from(SEEDS).expect("a small number");
    let all = changes.iter().zip(outcomes.chunks(seeds)).zip(&read);
    let read = all.filter(|(_, read)| read.first().is_some_and(Option::is_some));
    read.map(|((change, outcomes), _)| remedy(change, outcomes, goal.measured)).collect()
}

/// The same with all faults so many steps later: what only shifts a moment is no remedy.
fn later(draft: &Draft, steps: u64) -> Draft {
    let by = Span::millis(STEP_MS * steps);
    let mut moved = draft.clone();
    let mut faults = draft.faults().to_vec();
    for fault in &mut faults {
        if let Some(at) = fault.get("at").and_then(Tree::span) {
            fault.set("at", (at + by).into());
        }
    }
    if let Some(storm) = draft.get(&["run", "for"]).and_then(Tree::span) {
        moved.set(&["run", "for"], (storm + by).into());
    }
    moved.set_faults(faults);
    moved
}

fn remedy(change: &Change, outcomes: &[Outcome], measured: Option<u64>) -> Remedy {
    let (mut failed, mut unknown) = (0, 0);
    for (outcome, _) in outcomes {
        match outcome {
            WhatIf::Same | WhatIf::Other(_) => failed += 1,
            WhatIf::Unknown => unknown += 1,
            WhatIf::None => {}
        }
    }
    let figure = outcomes.iter().filter_map(|(_, figure)| figure.clone()).max();
    let figure = figure.zip(measured).map(|((worst, shown), before)| Figured {
        // A bound is arbitrary: what stays near it has not changed the matter.
        close: worst.saturating_mul(3) > before.saturating_mul(2),
        worst,
        shown,
    });
    let (change, because) = (change.text.clone(), change.because);
    Remedy { change, because, seeds: SEEDS, failed, unknown, figure }
}

fn settings(plan: &Plan, draft: &Draft) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |text: &str, because: &'static str, edit: &dyn Fn(&mut Draft)| {
        let mut changed = draft.clone();
        edit(&mut changed);
        if changed != *draft {
            changes.push(Change { text: text.to_owned(), because, draft: changed });
        }
    };
    let deliveries = || plan.producers.iter().map(|producer| producer.settings.delivery);
    if deliveries().any(|it| matches!(it, Delivery::FireAndForget | Delivery::Leader)) {
        let because = "an ack then means that every in-sync replica has the record";
        add("acks=all", because, &|draft| {
            each(draft, "producers", &[("acks", "all")]);
        });
    }
    if deliveries().any(|it| it != Delivery::Idempotent) {
        let because = "brokers then drop a batch that is sent twice and refuse one out of order";
        add("enable.idempotence=true", because, &|draft| {
            each(draft, "producers", &[("acks", "all"), ("enable.idempotence", "true")]);
        });
        let because = "no batch can then overtake another that is sent again";
        add("max.in.flight.requests.per.connection=1", because, &|draft| {
            each(draft, "producers", &[("max.in.flight.requests.per.connection", "1")]);
        });
    }
    if plan.topics.iter().any(|it| it.settings.min_insync_replicas < 2 && it.replication > 2) {
        let because = "no record is then acknowledged while only one replica has it";
        add("min.insync.replicas=2", because, &|draft| {
            each(draft, "topics", &[("min.insync.replicas", "2")]);
        });
    }
    let all_needed = |it: &stormglass_sim::plan::TopicPlan| {
        it.replication > 1 && it.settings.min_insync_replicas >= it.replication
    };
    if plan.topics.iter().any(all_needed) {
        let because =
            "writes then go on while one replica is away, and every ack still has two copies";
        add("min.insync.replicas=2", because, &|draft| {
            each(draft, "topics", &[("min.insync.replicas", "2")]);
            draft.remove(&["cluster", "config", "min.insync.replicas"]);
        });
    }
    let unclean = |it: &stormglass_sim::plan::TopicPlan| {
        it.settings.unclean_election == UncleanElection::Allowed
    };
    if plan.topics.iter().any(unclean) {
        let because = "a replica that lacks committed records then cannot become leader";
        add("unclean.leader.election.enable=false", because, &|draft| {
            each(draft, "topics", &[("unclean.leader.election.enable", "false")]);
        });
    }
    if plan.cluster.eligible_leaders == EligibleLeaders::Off {
        let because = "who left while too few were in sync may lead, unless it crashed, and whoever crashed may not";
        add("the feature eligible.leader.replicas.version=1", because, &|draft| {
            let path = ["cluster", "features", "eligible.leader.replicas.version"];
            draft.set(&path, "1".into());
        });
    }
    let groups = || plan.groups.iter();
    if groups().any(|group| group.commit != CommitMode::AfterProcessing) {
        let because = "a position is then committed only when the records before it are processed";
        add("committing after processing", because, &|draft| {
            for name in names(draft, "groups") {
                draft.set(&["groups", &name, "commit"], "after-processing".into());
                draft.remove(&["groups", &name, "config", "enable.auto.commit"]);
            }
        });
    }
    if groups().any(|group| group.processing.place == Place::OtherThread) {
        let because = "`poll` then returns only when the records before it are processed";
        add("processing in the poll loop", because, &|draft| {
            for name in names(draft, "groups") {
                draft.remove(&["groups", &name, "process", "in"]);
            }
        });
    }
    let latest = |member: &stormglass_sim::plan::MemberPlan| {
        member.settings.offset_reset != OffsetReset::Earliest
    };
    if groups().any(|group| group.members.iter().any(latest)) {
        let because = "a group without a committed offset then begins at the first record";
        add("auto.offset.reset=earliest", because, &|draft| {
            each(draft, "groups", &[("auto.offset.reset", "earliest")]);
        });
    }
    let impatient = |member: &stormglass_sim::plan::MemberPlan| {
        member.settings.max_poll_interval < Span::secs(300)
    };
    if groups().any(|group| group.members.iter().any(impatient)) {
        let because =
            "a member that is slow, but works, then keeps its partitions until it has polled again";
        add("max.poll.interval.ms=300000", because, &|draft| {
            each(draft, "groups", &[("max.poll.interval.ms", "300000")]);
        });
    }
    if groups().any(|group| group.members.iter().any(|it| it.settings.max_poll_records > 10)) {
        let because =
            "a poll then holds less work, so that the next one, and the commit, come sooner";
        add("max.poll.records=10", because, &|draft| {
            each(draft, "groups", &[("max.poll.records", "10")]);
        });
    }
    let because = "no partition then has to bear what one key brings";
    add("no hot key (salted, or spread over several)", because, &|draft| {
        for name in names(draft, "producers") {
            draft.remove(&["producers", &name, "keys", "hot"]);
        }
    });
    let because = "a key then keeps its partition";
    add("the topic's final number of partitions from the start", because, &|draft| {
        let (grow, others): (Vec<Tree>, Vec<Tree>) =
            draft.faults().to_vec().into_iter().partition(|fault| fault.get("expand").is_some());
        for fault in &grow {
            if let (Some(topic), Some(to)) =
                (fault.get("expand").and_then(Tree::text), fault.get("to"))
            {
                draft.set(&["topics", topic, "partitions"], to.clone());
            }
        }
        draft.set_faults(others);
    });
    changes
}

/// The latest release, where the cluster has the bugs of an earlier one.
fn upgrade(draft: &Draft) -> Option<Change> {
    let path = ["cluster", "profile"];
    let release = Release::of_profile(draft.text(&path)?)?;
    let latest = Release::ALL.last().filter(|latest| **latest != release)?;
    let mut changed = draft.clone();
    changed.set(&path, Tree::Text(format!("kafka-{latest}")));
    let because = "it repairs rules that the present release lacks; `stormglass rules` lists them";
    Some(Change { text: format!("Kafka {latest}"), because, draft: changed })
}

/// Each rule that is switched off, switched on again.
fn rules(plan: &Plan, draft: &Draft) -> Vec<Change> {
    let off: Vec<Rule> = plan.rules.switched_off().collect();
    let changes = off.iter().map(|rule| {
        let others = off.iter().filter(|other| *other != rule);
        let others: Vec<Tree> = others.map(|other| other.name().into()).collect();
        let mut changed = draft.clone();
        changed.remove(&["cluster", "profile"]);
        if others.is_empty() {
            changed.remove(&["cluster", "without"]);
        } else {
            changed.set(&["cluster", "without"], Tree::List(others));
        }
        let text = format!("the rule {} in force ({})", rule.name(), rule.source());
        Change { text, because: rule.says(), draft: changed }
    });
    changes.collect()
}

pub(super) fn each(draft: &mut Draft, section: &str, settings: &[(&str, &str)]) {
    for name in names(draft, section) {
        for (key, value) in settings {
            draft.set(&[section, &name, "config", key], (*value).into());
        }
    }
}

pub(super) fn names(draft: &Draft, section: &str) -> Vec<String> {
    draft.keys(&[section]).into_iter().map(str::to_owned).collect()
}

/// Where a changed draft differs from the one before it.
fn differences(before: &Draft, after: &Draft) -> Vec<(Vec<String>, Option<Tree>)> {
    let mut found = Vec::new();
    compare(before.get(&[]), after.get(&[]), &mut Vec::new(), &mut found);
    found
}

fn compare(
    before: Option<&Tree>,
    after: Option<&Tree>,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, Option<Tree>)>,
) {
    if before == after {
        return;
    }
    let (Some(Tree::Map(old)), Some(Tree::Map(new))) = (before, after) else {
        found.push((path.clone(), after.cloned()));
        return;
    };
    let added = new.iter().filter(|(key, _)| old.iter().all(|(known, _)| known != key));
    for (key, _) in old.iter().chain(added) {
        path.push(key.clone());
        let value = |entries: &'_ [(String, Tree)]| {
            entries.iter().find(|(known, _)| known == key).map(|(_, tree)| tree.clone())
        };
        compare(value(old).as_ref(), value(new).as_ref(), path, found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_runs_an_old_release_may_upgrade() {
        let upgraded = |profile: &str| {
            let text = format!(
                "{{ cluster: {{ profile: {profile} }}, topics: {{ orders: {{ partitions: 1 }} }}, \
                 producers: {{ checkout: {{ to: orders }} }}, expect: {{ hold: [no-loss] }} }}"
            );
            let change = upgrade(&Scenario::parse("some", &text).expect("legal").draft(0))?;
            Some((change.text, change.draft.text(&["cluster", "profile"])?.to_owned()))
        };
        let latest = Some(("Kafka 4.0".to_owned(), "kafka-4.0".to_owned()));
        assert_eq!(upgraded("kafka-3.9"), latest);
        assert_eq!(upgraded("kafka-4.0"), None);
        assert_eq!(upgraded("repaired"), None);
    }
}
