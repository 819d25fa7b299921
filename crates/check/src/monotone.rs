//! What must only go forward: leader epochs, committed offsets, each member's reads, and the readable end of a log.
//!
//! Sees leaders as metadata showed them and high watermarks as consumers did. The watermarks of single brokers are for the
//! invariants beside the world.

use std::ops::Range;

use stormglass_types::history::{Hiding, Outcome, Positioning, Removal, Role};
use stormglass_types::{Dense, GroupId, NodeId};

use crate::Checker;
use crate::duplicates::rewritten;
use crate::index::{
    Commit, EventIndex, GroupPartition, Indexed, Partition, Position, Read, offset,
};
use crate::verdict::{Anomaly, AnomalyKind, Evidence, Findings, Promise, Verdict};

/// `monotone`.
pub(crate) struct Monotone;

impl Checker for Monotone {
    fn name(&self) -> &'static str {
        "monotone"
    }

    fn check(&self, history: &Indexed<'_>) -> Verdict {
        let mut findings = Findings::default();
        let mut tally = Tally::default();
        for partition in &history.partitions {
            tally.epochs += epochs(history, partition, &mut findings);
        }
        for group in history.history.header.groups.ids() {
            let view = &history.groups[group.index()];
            for (slot, held) in view.partitions.iter().enumerate() {
                let mut walk = Walk {
                    history,
                    group,
                    partition: &history.partitions[slot],
                    held,
                    findings: &mut findings,
                };
                tally.commits += walk.commits();
                tally.reads += walk.reads();
            }
        }
        let missing = (tally.epochs + tally.commits + tally.reads == 0)
            .then_some("no leader, commit or read was seen");
        let counts = vec![
            ("leader epochs checked", tally.epochs),
            ("commits checked", tally.commits),
            ("reads checked", tally.reads),
        ];
        findings.verdict(missing, Evidence { counts })
    }
}

#[derive(Default)]
struct Tally {
    epochs: u64,
    commits: u64,
    reads: u64,
}

fn epochs(history: &Indexed<'_>, partition: &Partition, findings: &mut Findings) -> u64 {
    let mut checked = 0;
    for pair in partition.leaders.windows(2) {
        let [before, after] = pair else { continue };
        checked += 1;
        let leaders = before.leader.zip(after.leader);
        let two_leaders =
            before.epoch == after.epoch && leaders.is_some_and(|(one, other)| one != other);
        let anew = partition.began_anew(before.event, after.event);
        if anew || (after.epoch >= before.epoch && !two_leaders) {
            continue;
        }
        findings.add(Promise::Made, || {
            let detail = format!(
                "the leader epoch of {} went from {} to {}{}",
                history.label(partition.id),
                before.epoch.0,
                after.epoch.0,
                if two_leaders { " with another leader" } else { "" }
            );
            Anomaly::new(AnomalyKind::EpochReused, Some(partition.id), detail)
                .witnesses(history, [before.event, after.event])
        });
    }
    checked
}

/// One group in one partition.
struct Walk<'a, 'f> {
    history: &'a Indexed<'a>,
    group: GroupId,
    partition: &'a Partition,
    held: &'a GroupPartition,
    findings: &'f mut Findings,
}

/// What moves the committed offset or looks at it, in order.
enum CommitStep<'a> {
    Reset,
    Took(NodeId),
    Invoked(usize),
    Done(usize, &'a Commit),
    Resumed(&'a Position),
}

/// What moves a member's position, in order.
enum ReadStep<'a> {
    Forget(NodeId),
    Set(&'a Position),
    Read(&'a Read),
}

/// The highest offset known to be committed, and the event that said so.
type Floor = Option<(i64, EventIndex)>;

impl Walk<'_, '_> {
    /// A commit must not lie below one that was over before it began; nor may a member resume below one that was over
    /// before it got the partition. Commits that overlap in time may end in any order; one without an answer may land at
    /// any later time, over a newer one, since a coordinator does not order requests of two connections.
    fn commits(&mut self) -> u64 {
        let held = self.held;
        let mut floor: Floor = None;
        let mut last_reset = None;
        let mut at_invocation: Vec<Floor> = vec![None; held.commits.len()];
        let mut at_assignment: Vec<(NodeId, Floor)> = Vec::new();
        let mut checked = 0;
        for (event, step) in commit_steps(held, self.partition) {
            match step {
                CommitStep::Reset => {
                    (floor, last_reset) = (None, Some(event));
                    at_assignment.clear();
                }
                CommitStep::Took(member) => {
                    at_assignment.retain(|(other, _)| *other != member);
                    at_assignment.push((member, floor));
                }
                CommitStep::Invoked(commit) => at_invocation[commit] = floor,
                CommitStep::Done(number, commit) => {
                    checked += 1;
                    let stale = last_reset.is_some_and(|reset| commit.invoked < reset);
                    if stale {
                        continue;
                    }
                    self.judge(commit.offset, commit.done, commit.process, at_invocation[number]);
                    if floor.is_none_or(|(highest, _)| commit.offset > highest) {
                        floor = Some((commit.offset, commit.done));
                    }
                }
                CommitStep::Resumed(position) => {
                    let known =
                        at_assignment.iter().find(|(member, _)| *member == position.process);
                    let Some((_, known_floor)) = known else { continue };
                    if held.may_have_landed_late(position) {
                        floor = Some((position.offset, position.event));
                        continue;
                    }
                    self.judge(position.offset, position.event, position.process, *known_floor);
                }
            }
        }
        checked
    }

    fn judge(&mut self, to: i64, event: EventIndex, process: NodeId, floor: Floor) {
        let Some((highest, witness)) = floor.filter(|(highest, _)| to < *highest) else { return };
        let history = self.history;
        let promise = match history.coordinator_amnesia() {
            Some(reason) => Promise::Excused(format!("offsets may be forgotten: {reason}")),
            None => Promise::Made,
        };
        let (group, partition) = (self.group, self.partition.id);
        self.findings.add(promise, || {
            let detail = format!(
                "the committed offset of {} in {} went back from {highest} to {to}, as {} saw it",
                history.group(group).name,
                history.label(partition),
                history.process(process)
            );
            Anomaly::new(AnomalyKind::Rewind, Some(partition), detail)
                .group(group)
                .offsets([offset(highest), offset(to)])
                .witnesses(history, [witness, event])
        });
    }

    /// Between a member's reads of a partition that it kept, nothing may be left out and nothing come again.
    fn reads(&mut self) -> u64 {
        let mut expected: Vec<(NodeId, i64)> = Vec::new();
        // Who has sought since it read last: an application may seek where the log does not reach.
        let mut sought: Vec<NodeId> = Vec::new();
        let mut checked = 0;
        for (_, step) in read_steps(self.held) {
            match step {
                ReadStep::Forget(member) => expected.retain(|(other, _)| *other != member),
                ReadStep::Set(position) => {
                    let known = expected.iter().position(|(member, _)| *member == position.process);
                    let before = known.map(|known| expected.swap_remove(known).1);
                    if position.why == Positioning::Reset && !sought.contains(&position.process) {
                        self.judge_reset(before, position);
                    }
                    sought.retain(|member| *member != position.process);
                    if position.why == Positioning::Seek {
                        sought.push(position.process);
                    }
                    expected.push((position.process, position.offset));
                }
                ReadStep::Read(read) => {
                    checked += 1;
                    sought.retain(|member| *member != read.process);
                    let known = expected.iter_mut().find(|(member, _)| *member == read.process);
                    let before = match known {
                        Some((_, next)) => Some(std::mem::replace(next, read.end())),
                        None => {
                            expected.push((read.process, read.end()));
                            None
                        }
                    };
                    self.judge_read(before, read);
                }
            }
        }
        checked
    }

    /// A member starts over by itself only if its position lies outside the log, which ends in front of what it was given only
    /// where a crash or an unclean election took that.
    fn judge_reset(&mut self, before: Option<i64>, reset: &Position) {
        let (history, partition) = (self.history, self.partition);
        let inside = |next: &i64| {
            partition.log.as_ref().is_some_and(|log| (log.start..=log.end).contains(next))
        };
        let Some(next) = before.filter(inside).filter(|next| *next != reset.offset) else { return };
        // Code of people's own may ask for it.
        let Role::Consumer(_) = history.history.header.processes[reset.process].role else {
            return;
        };
        // A position in a topic that is gone says nothing of the one that has its name now.
        let anew = partition.removed.iter().any(|removed| removed.why == Removal::Topic);
        if anew
            || partition.unclean.known().is_some()
            || partition.was_led_without(next, reset.event)
        {
            return;
        }
        let kind =
            if reset.offset < next { AnomalyKind::NonmonotonicPoll } else { AnomalyKind::PollSkip };
        self.findings.add(Promise::Made, || {
            let detail = format!(
                "{} started over at offset {} of {} although its position {next} was in the log",
                history.process(reset.process),
                reset.offset,
                history.label(partition.id)
            );
            self_anomaly(kind, self.group, partition, detail)
                .offsets([offset(next), offset(reset.offset)])
                .witnesses(history, [reset.event])
        });
    }

    fn judge_read(&mut self, before: Option<i64>, read: &Read) {
        let (history, partition) = (self.history, self.partition);
        // What was read of a topic that is gone says nothing of the one that has its name now.
        let record = partition.record_of(read.values.at(0));
        let gone = record.and_then(|record| partition.removal(record));
        if gone.is_some_and(|removed| removed.why == Removal::Topic) {
            return;
        }
        if let Some(log) = partition.log.as_ref().filter(|log| read.end() > log.end) {
            let gone = log.end.max(read.base);
            self.findings.add(rewritten(history, partition, gone), || {
                let detail = format!(
                    "{} read offset {gone} of {}, which now ends at {}",
                    history.process(read.process),
                    history.label(partition.id),
                    log.end
                );
                self_anomaly(AnomalyKind::InconsistentOffsets, self.group, partition, detail)
                    .offsets([offset(gone), offset(log.end)])
                    .witnesses(history, [read.event])
            });
        }
        let Some(next) = before else { return };
        let kind = if read.base < next {
            AnomalyKind::NonmonotonicPoll
        } else if skipped(history, self.group, partition, next..read.base) {
            AnomalyKind::PollSkip
        } else {
            return;
        };
        self.findings.add(Promise::Made, || {
            let detail = format!(
                "{} read {} from offset {} when its position was {next}",
                history.process(read.process),
                history.label(partition.id),
                read.base
            );
            self_anomaly(kind, self.group, partition, detail)
                .values([read.values.at(0)])
                .offsets([offset(next), offset(read.base)])
                .witnesses(history, [read.event])
        });
    }
}

fn self_anomaly(
    kind: AnomalyKind,
    group: GroupId,
    partition: &Partition,
    detail: String,
) -> Anomaly {
    Anomaly::new(kind, Some(partition.id), detail).group(group)
}

/// Whether the log holds a record between two offsets that nobody had deleted.
fn skipped(
    history: &Indexed<'_>,
    group: GroupId,
    partition: &Partition,
    between: Range<i64>,
) -> bool {
    let Some(log) = &partition.log else { return false };
    let blind = history.group(group).committed_only;
    let counts = |record: usize| {
        let aborted = matches!(history.hidden.get(&record), Some((Hiding::Aborted, _)));
        partition.spared(record).is_none() && !(blind && aborted)
    };
    let was_there = |at| log.holds(at) && log.record_at(at).is_none_or(counts);
    (between.start.max(log.start)..between.end).any(was_there)
}

fn commit_steps<'h>(
    held: &'h GroupPartition,
    partition: &Partition,
) -> Vec<(EventIndex, CommitStep<'h>)> {
    let mut steps = Vec::with_capacity(held.commits.len() * 2 + held.positions.len());
    for position in &held.positions {
        let step = match position.why {
            Positioning::Committed => CommitStep::Resumed(position),
            Positioning::Reset | Positioning::Truncated | Positioning::Seek => CommitStep::Reset,
        };
        steps.push((position.event, step));
    }
    steps.extend(partition.deleted.iter().map(|deleted| (*deleted, CommitStep::Reset)));
    for tenure in &held.tenures {
        steps.push((tenure.from, CommitStep::Took(tenure.process)));
    }
    let done = held.commits.iter().enumerate().filter(|(_, commit)| commit.outcome == Outcome::Ok);
    for (number, commit) in done {
        steps.push((commit.invoked, CommitStep::Invoked(number)));
        steps.push((commit.done, CommitStep::Done(number, commit)));
    }
    steps.sort_by_key(|(event, _)| *event);
    steps
}

fn read_steps(held: &GroupPartition) -> Vec<(EventIndex, ReadStep<'_>)> {
    let mut steps = Vec::with_capacity(held.polls.len() + held.positions.len());
    for tenure in &held.tenures {
        steps.push((tenure.from, ReadStep::Forget(tenure.process)));
        if tenure.to != EventIndex::NEVER {
            steps.push((tenure.to, ReadStep::Forget(tenure.process)));
        }
    }
    for position in &held.positions {
        steps.push((position.event, ReadStep::Set(position)));
    }
    for read in &held.polls {
        steps.push((read.event, ReadStep::Read(read)));
    }
    steps.sort_by_key(|(event, _)| *event);
    steps
}
