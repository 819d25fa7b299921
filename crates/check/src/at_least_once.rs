//! A group processes every record before it moves past it for good.
//!
//! Judged at the end of the run: a commit that runs ahead of a record which somebody processes later is fine. A group that
//! is merely behind is liveness' business.

use std::collections::BTreeMap;

use stormglass_types::history::{CommitMode, Hiding, Outcome, Positioning, Removal};
use stormglass_types::{Dense, GroupId, Time};

use crate::Checker;
use crate::index::{EventIndex, FinalLog, GroupPartition, Indexed, Removed, offset};
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `at-least-once`.
pub(crate) struct AtLeastOnce;

impl Checker for AtLeastOnce {
    fn name(&self) -> &'static str {
        "at-least-once"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let mut tally = Tally::default();
        for group in history.history.header.groups.ids() {
            let view = &history.groups[group.index()];
            let behind_before = tally.behind;
            for (slot, held) in view.partitions.iter().enumerate() {
                if !held.subscribed {
                    continue;
                }
                let partition = &history.partitions[slot];
                match &partition.log {
                    Some(log) => {
                        let reader = Reader { history, group, slot, held, log };
                        reader.check(&mut findings, &mut tally);
                        reader.check_removed(&mut findings, &mut tally);
                    }
                    None if partition.records.is_empty() => {}
                    None => findings
                        .undecided(|| format!("{} was not read", history.label(partition.id))),
                }
            }
            let behind = tally.behind - behind_before;
            if behind > 0 {
                let name = &history.group(group).name;
                findings.undecided(|| format!("{name} is {behind} records behind"));
            }
        }
        let missing =
            (tally.processed + tally.behind == 0).then_some("no group had a record to process");
        let mut counts = vec![
            ("records processed and checked", tally.processed),
            ("records before a group's first position", tally.out_of_promise),
        ];
        if tally.deleted > 0 {
            counts.push(("records deleted after they were processed", tally.deleted));
        }
        if tally.superseded > 0 {
            counts.push(("records superseded before they were read", tally.superseded));
        }
        if tally.by_request > 0 {
            counts.push(("records that an operator deleted before", tally.by_request));
        }
        findings.verdict(missing, Evidence { counts })
    }
}

#[derive(Default)]
struct Tally {
    processed: u64,
    behind: u64,
    out_of_promise: u64,
    deleted: u64,
    by_request: u64,
    superseded: u64,
}

/// Why what was deleted is promised to nobody; none where nobody misses it, or an operator asked for it.
const fn by_configuration(why: Removal) -> Option<&'static str> {
    match why {
        Removal::Age => Some("retention.ms deletes records by their age, read or not"),
        Removal::Size => Some("retention.bytes deletes the oldest records, read or not"),
        Removal::Leader => Some("records were deleted, read or not"),
        Removal::Superseded | Removal::Tombstone | Removal::Request | Removal::Topic => None,
    }
}

/// What is known of a key of a compacted partition.
struct Latest {
    /// The offset of its last record, there or gone.
    stored: i64,
    /// The last one of its records that the group processed: where it is or was, and which.
    processed: Option<(i64, usize)>,
}

/// One group in one partition.
struct Reader<'a> {
    history: &'a Indexed<'a>,
    group: GroupId,
    slot: usize,
    held: &'a GroupPartition,
    log: &'a FinalLog,
}

impl Reader<'_> {
    fn check(&self, findings: &mut Findings, tally: &mut Tally) {
        let view = &self.history.groups[self.group.index()];
        let committed = self.committed();
        let partition = &self.history.partitions[self.slot];
        let anew = partition.anew_since();
        let of_this = |read: &&crate::index::Read| anew.is_none_or(|since| read.event > since);
        let processed = self.held.processed.iter().filter(of_this).map(|read| read.end()).max();
        let passed = committed.max(processed.unwrap_or(0));
        let first = self.held.positions.first().map(|position| position.offset);
        let from_earliest = self.history.group(self.group).from_earliest;
        for (at, id) in self.log.records() {
            if view.first_processed[id] != EventIndex::NEVER {
                tally.processed += 1;
                continue;
            }
            if self.is_hidden(id) {
                continue;
            }
            let before_first = first.is_some_and(|first| at < first) && !from_earliest;
            if before_first && !self.is_new_partition() {
                tally.out_of_promise += 1;
                continue;
            }
            if at >= passed && !before_first {
                tally.behind += 1;
                continue;
            }
            // Whom the group read from had deleted it, although the last leader has it still.
            if let Some(removed) = partition.spared(id) {
                match by_configuration(removed.why) {
                    Some(reason) => findings
                        .add(Promise::NotMade(reason.into()), || self.describe_removed(removed)),
                    None => tally.superseded += 1,
                }
                continue;
            }
            let polled = view.polled[id];
            let kind = if polled && at < committed {
                AnomalyKind::CommittedTooFar
            } else {
                AnomalyKind::Unseen
            };
            findings.add(self.promise(at, id), || self.describe(kind, at, id));
        }
    }

    /// Whether the group does not want to see a record, since its transaction was aborted. One that is open holds it up.
    fn is_hidden(&self, id: usize) -> bool {
        let hiding = self.history.hidden.get(&id).map(|(hiding, _)| *hiding);
        self.history.group(self.group).committed_only && hiding == Some(Hiding::Aborted)
    }

    /// What was deleted cannot be read any more, however far behind the group is. It must have processed that before,
    /// unless it did not exist then.
    fn check_removed(&self, findings: &mut Findings, tally: &mut Tally) {
        let view = &self.history.groups[self.group.index()];
        let first = self.held.positions.first();
        let latest = self.latest();
        for removed in &self.history.partitions[self.slot].removed {
            let began = first.filter(|first| first.event < removed.event);
            let before_first = began.is_none_or(|first| removed.at < first.offset);
            if view.first_processed[removed.record] != EventIndex::NEVER {
                tally.processed += 1;
                tally.deleted += 1;
            } else if before_first {
                tally.out_of_promise += 1;
            } else if removed.why == Removal::Superseded {
                // Whether there is a later record of its key is no-loss' business.
                tally.superseded += 1;
            } else if removed.why == Removal::Tombstone {
                self.check_tombstone(removed, &latest, findings, tally);
            } else if matches!(removed.why, Removal::Request | Removal::Topic) {
                tally.by_request += 1;
            } else {
                let reason =
                    by_configuration(removed.why).unwrap_or("records were deleted, read or not");
                findings.add(Promise::NotMade(reason.into()), || self.describe_removed(removed));
            }
        }
    }

    /// Of each key of a compacted partition: where its last record is or was, and the last one that the group processed.
    fn latest(&self) -> BTreeMap<u32, Latest> {
        let partition = &self.history.partitions[self.slot];
        let view = &self.history.groups[self.group.index()];
        let mut latest = BTreeMap::new();
        if !partition.compacted {
            return latest;
        }
        for (id, lane, at) in partition.places(&self.history.records) {
            let latest = latest.entry(lane).or_insert(Latest { stored: at, processed: None });
            latest.stored = at.max(latest.stored);
            let is_later = latest.processed.is_none_or(|(before, _)| before < at);
            if view.first_processed[id] != EventIndex::NEVER && is_later {
                latest.processed = Some((at, id));
            }
        }
        latest
    }

    /// A tombstone that nobody of the group read is missed only where the group holds a value of its key, and nothing came
    /// after it.
    fn check_tombstone(
        &self,
        removed: &Removed,
        latest: &BTreeMap<u32, Latest>,
        findings: &mut Findings,
        tally: &mut Tally,
    ) {
        let record = &self.history.records[removed.record];
        let Some(Latest { stored: last, processed: seen }) = latest.get(&record.lane) else {
            return;
        };
        let Some((at, held)) = seen.filter(|(at, _)| *at < removed.at && *last <= removed.at)
        else {
            tally.superseded += 1;
            return;
        };
        let reason = "delete.retention.ms lets tombstones vanish, read or not";
        findings.add(Promise::NotMade(reason.into()), || {
            let history = self.history;
            let when = history.time(removed.event).map_or(0, Time::as_millis);
            let held = &history.records[held];
            let detail = format!(
                "{} holds {}{} of offset {at}, which {} at offset {} of {} deleted: compaction removed that at {}.{:03}s, before any member had read it",
                history.group(self.group).name,
                history.name(held.value),
                history.key_of(held),
                history.name(record.value),
                removed.at,
                history.label(history.partitions[self.slot].id),
                when / 1_000,
                when % 1_000,
            );
            Anomaly::new(AnomalyKind::Resurrected, Some(history.partitions[self.slot].id), detail)
                .group(self.group)
                .values([held.value, record.value])
                .offsets([offset(at), offset(removed.at)])
                .witnesses(history, [held.sent, record.sent, removed.event])
        });
    }

    fn describe_removed(&self, removed: &Removed) -> Anomaly {
        let history = self.history;
        let record = &history.records[removed.record];
        let by = match removed.why {
            Removal::Age => "retention.ms",
            Removal::Size => "retention.bytes",
            Removal::Superseded | Removal::Tombstone => "compaction",
            Removal::Request | Removal::Topic => "an operator",
            Removal::Leader => "its leader",
        };
        let next =
            self.held.positions.iter().find(|position| {
                position.event > removed.event && position.why == Positioning::Reset
            });
        let polled = self.history.groups[self.group.index()].polled[removed.record];
        let read = if polled { "had processed" } else { "had read" };
        let beyond = next.map_or_else(String::new, |next| {
            let who = history.process(next.process);
            format!("; {who} went on at {}, as auto.offset.reset says", next.offset)
        });
        let when = history.time(removed.event).map_or(0, Time::as_millis);
        let detail = format!(
            "{} never processed {} at offset {} of {}: {by} deleted it at {}.{:03}s, before any member {read} it{beyond}",
            history.group(self.group).name,
            history.name(record.value),
            removed.at,
            history.label(history.partitions[self.slot].id),
            when / 1_000,
            when % 1_000,
        );
        let next = next.map_or(EventIndex::NEVER, |next| next.event);
        Anomaly::new(AnomalyKind::Unseen, Some(history.partitions[self.slot].id), detail)
            .group(self.group)
            .values([record.value])
            .offsets([offset(removed.at)])
            .witnesses(history, [record.sent, removed.event, next])
    }

    /// The furthest offset that the group is known to have committed: an unanswered commit counts once somebody resumed from it.
    fn committed(&self) -> i64 {
        // Offsets in a topic of the same name that is gone say nothing.
        let anew = self.history.partitions[self.slot].anew_since();
        let of_this = |event: EventIndex| anew.is_none_or(|since| event > since);
        let done = self.held.commits.iter();
        let done = done.filter(|it| it.outcome == Outcome::Ok && of_this(it.invoked));
        let resumed = self.held.positions.iter().filter(|position| of_this(position.event));
        let resumed = resumed.filter(|position| position.why == Positioning::Committed);
        let done = done.map(|commit| commit.offset).max();
        done.max(resumed.map(|position| position.offset).max()).unwrap_or(0)
    }

    fn is_new_partition(&self) -> bool {
        let partition = &self.history.partitions[self.slot];
        partition.id.partition >= self.history.topic(partition).partitions
    }

    fn promise(&self, at: i64, id: usize) -> Promise {
        let group = self.history.group(self.group);
        let partition = &self.history.partitions[self.slot];
        let polled = self.history.groups[self.group.index()].polled[id];
        // Losing a record between poll and processing is the application's doing; skipping one is not.
        match group.commit {
            CommitMode::BeforeProcessing if polled => {
                return Promise::NotMade("commit-before-processing promises at-most-once".into());
            }
            CommitMode::Automatic if polled && group.asynchronous => {
                return Promise::NotMade(
                    "enable.auto.commit=true commits what another thread has not processed yet"
                        .into(),
                );
            }
            CommitMode::BeforeProcessing | CommitMode::AfterProcessing | CommitMode::Automatic => {}
        }
        if polled && group.commit == CommitMode::Automatic && group.stores_early {
            let why = "enable.auto.offset.store=true commits what was handed out, processed or not";
            return Promise::NotMade(why.into());
        }
        if polled && group.skips {
            return Promise::NotMade("the application passes over what it cannot process".into());
        }
        let jumped = |why| self.held.positions.iter().any(|set| set.why == why && set.offset > at);
        if !group.from_earliest && jumped(Positioning::Reset) {
            return Promise::NotMade(
                "auto.offset.reset=latest skips what it has no offset for".into(),
            );
        }
        if self.held.sought_past(at, EventIndex::NEVER).is_some() {
            return Promise::NotMade("the application sought past it".into());
        }
        // The group passed another record at this offset, which was taken back.
        let passed_another = self.held.polls.iter().any(|poll| {
            let within = (poll.base..poll.end()).contains(&at);
            within && poll.values.values().nth(place(at, poll.base)) != Some(self.value(id))
        });
        let unclean = self.history.unclean_reason(partition).filter(|_| passed_another);
        if let Some(reason) = unclean {
            return Promise::NotMade(reason);
        }
        if passed_another && !partition.losses.is_empty() {
            let label = self.history.label(partition.id);
            return Promise::Excused(format!("a crash took records of {label} that were read"));
        }
        Promise::Made
    }

    fn value(&self, id: usize) -> stormglass_types::Value {
        self.history.records[id].value
    }

    fn describe(&self, kind: AnomalyKind, at: i64, id: usize) -> Anomaly {
        let history = self.history;
        let record = &history.records[id];
        let holds = |read: &&crate::index::Read| {
            let source = read.values.source == record.value.source;
            source && record.value.serial.wrapping_sub(read.values.first) < read.values.count
        };
        let poll = self.held.polls.iter().find(holds);
        let commit = self
            .held
            .commits
            .iter()
            .find(|commit| commit.outcome == Outcome::Ok && commit.offset > at);
        let skipping = self.held.positions.iter().find(|position| position.offset > at);
        let name = &history.group(self.group).name;
        let label = history.label(history.partitions[self.slot].id);
        let read = poll.map_or_else(
            || "no member ever read it".to_owned(),
            |poll| format!("{} read it but never processed it", history.process(poll.process)),
        );
        let sought = self.held.sought_past(at, EventIndex::NEVER);
        let beyond = match (sought, commit) {
            (Some(jump), _) => {
                format!("{} sought offset {}", history.process(jump.process), jump.to)
            }
            (None, Some(commit)) => {
                format!("{} committed offset {}", history.process(commit.process), commit.offset)
            }
            (None, None) => "the group went on past it".to_owned(),
        };
        let detail = format!(
            "{name} never processed {} at offset {at} of {label}: {read}, {beyond}",
            self.history.name(record.value)
        );
        let event = |event: Option<EventIndex>| event.unwrap_or(EventIndex::NEVER);
        let events = [
            record.sent,
            event(poll.map(|poll| poll.event)),
            event(commit.map(|commit| commit.done)),
            event(sought.map(|jump| jump.event).or(skipping.map(|position| position.event))),
        ];
        Anomaly::new(kind, Some(history.partitions[self.slot].id), detail)
            .group(self.group)
            .values([record.value])
            .offsets([offset(at)])
            .witnesses(history, events)
    }
}

fn place(at: i64, base: i64) -> usize {
    usize::try_from(at - base).expect("the offset lies in the range that starts at the base")
}
