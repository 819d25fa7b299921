//! Events of a history in words.

use stormglass_types::history::{Election, Ending, Hiding, Outcome, Positioning, Stuck, What};
use stormglass_types::{NodeId, TopicPartition};

use super::note::removal;
use crate::names::Names;

/// What happened, in a few words; the process that it happened to is left to the caller.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one arm per kind of event")]
pub fn event(names: &Names<'_>, what: &What) -> String {
    let at = |partition: TopicPartition| names.partition(partition);
    match what {
        What::Send { partition, value, key } => {
            let key = key.map_or_else(String::new, |key| format!(" key {}", names.key(key)));
            format!("sends {}{key} to {}", names.value(*value), at(*partition))
        }
        What::SentAgain { partition, value, first: (of, first) } => {
            let (value, first) = (names.value(*value), names.value(*first));
            format!("means {value} of {} as {first} of {} again", at(*partition), at(*of))
        }
        What::SendRefused { topic, key, error } => {
            let key = key.map_or_else(String::new, |key| format!(" with key {}", names.key(key)));
            format!("refuses a record{key} for {}: {error}", names.topic(*topic))
        }
        What::SendDone { partition, values, base, outcome } => {
            let values = names.values(*values);
            let base = if base.0 < 0 { String::new() } else { format!(" from offset {base} on") };
            format!("send of {values} to {}{base} {}", at(*partition), ended(*outcome))
        }
        What::Polled { partition, base, values, .. } => {
            format!("is given {} of {} at offset {base}", names.values(*values), at(*partition))
        }
        What::Deduplicated { partition, base, values, .. } => {
            format!(
                "has processed {} of {} at offset {base} again, which its sink dropped",
                names.values(*values),
                at(*partition)
            )
        }
        What::Processed { partition, base, values, .. } => {
            format!(
                "has processed {} of {} at offset {base}",
                names.values(*values),
                at(*partition)
            )
        }
        What::Positioned { partition, offset, why, .. } => {
            let why = match why {
                Positioning::Committed => "the committed offset",
                Positioning::Reset => "auto.offset.reset",
                Positioning::Truncated => "truncation",
                Positioning::Seek => "seek",
            };
            format!("goes to offset {offset} of {} by {why}", at(*partition))
        }
        What::Commit { partition, generation, offset, .. } => {
            format!("commits offset {offset} of {} in generation {}", at(*partition), generation.0)
        }
        What::CommitDone { partition, offset, outcome, .. } => {
            format!("commit of offset {offset} of {} {}", at(*partition), ended(*outcome))
        }
        What::Assigned { partition, generation, .. } => {
            format!("is assigned {} in generation {}", at(*partition), generation.0)
        }
        What::Revoked { partition, generation, .. } => {
            format!("gives {} up in generation {}", at(*partition), generation.0)
        }
        What::Lost { partition, generation, .. } => {
            format!("learns that it lost {} in generation {}", at(*partition), generation.0)
        }
        What::Joined { group, generation } => {
            format!("is in generation {} of {}", generation.0, names.group(*group))
        }
        What::Parted { group, generation } => {
            format!(
                "is no member of {} any more, after generation {}",
                names.group(*group),
                generation.0
            )
        }
        What::Rebalanced { group, generation, members } => {
            let group = names.group(*group);
            format!("{group} completes generation {} with {members} members", generation.0)
        }
        What::TransactionBegan { .. } => "begins a transaction".to_owned(),
        What::TransactionEnded {
            ending: Ending::Abort, outcome: Outcome::Unknown(error), ..
        } => {
            format!("learns that its transaction comes to nothing: {error}")
        }
        What::TransactionEnded { ending, outcome, .. } => {
            let ending = match ending {
                Ending::Commit => "commit",
                Ending::Abort => "abort",
            };
            format!("{ending} of its transaction {}", ended(*outcome))
        }
        What::Started => "starts".to_owned(),
        What::Crashed => "crashes".to_owned(),
        What::Stopped => "stops in good order".to_owned(),
        What::Paused => "is held up".to_owned(),
        What::Resumed => "goes on".to_owned(),
        What::Leader { partition, epoch, leader, election } => {
            let how = match election {
                Election::Clean => "cleanly",
                Election::Unclean => "uncleanly",
                Election::Offline => "as nobody could be",
            };
            let who = leader.map_or_else(|| "nobody".to_owned(), |broker| broker.to_string());
            format!("{who} is elected {how} to lead {} in epoch {}", at(*partition), epoch.0)
        }
        What::InSync { partition, replicas, .. } => {
            let brokers: Vec<String> = (0..64)
                .filter(|broker| replicas & (1 << broker) != 0)
                .map(|broker| broker.to_string())
                .collect();
            format!("in-sync replicas of {} are {}", at(*partition), brokers.join(", "))
        }
        What::Expanded { topic, partitions } => {
            format!("{} has {partitions} partitions now", names.topic(*topic))
        }
        What::LogLost { partition, broker, from, to } => {
            format!("{broker} lost offsets {from} to {} of {}", to.0 - 1, at(*partition))
        }
        What::TopicDeleted { topic } => format!("{} is deleted", names.topic(*topic)),
        What::Removed { partition, base, values, why } => {
            let last = base.0 + i64::from(values.count) - 1;
            let (values, place) = (names.values(*values), at(*partition));
            format!("deletes {values} at offsets {base} to {last} of {place}{}", removal(*why))
        }
        What::Lag { group, partition, lag } => {
            format!("{} lags {lag} behind on {}", names.group(*group), at(*partition))
        }
        What::FaultBegan { fault } => format!("fault {fault} begins"),
        What::FaultEnded { fault } => format!("fault {fault} is over"),
        What::Healed => "faults are over".to_owned(),
        What::FinalRead { partition, base, values } => {
            format!("final read of {} at offset {base}: {}", at(*partition), names.values(*values))
        }
        What::Hidden { partition, base, values, by } => {
            let why = match by {
                Hiding::Aborted => "were aborted",
                Hiding::Open => "wait for the end of a transaction",
            };
            format!("{} at offset {base} of {} {why}", names.values(*values), at(*partition))
        }
        What::FinalEnd { partition, end, .. } if end.0 < 0 => {
            format!("final read of {} finds no leader", at(*partition))
        }
        What::FinalEnd { partition, start, end } => {
            format!("final read of {} spans offsets {start} to {end}", at(*partition))
        }
        What::ReplicaLog { partition, broker, base, epoch, values, .. } => {
            let values = values.map_or_else(|| "nothing".to_owned(), |it| names.values(it));
            let partition = at(*partition);
            format!(
                "{broker} holds {values} of {partition} at offset {base} from epoch {}",
                epoch.0
            )
        }
        What::ReplicaEnd { partition, broker, end, high_watermark } => {
            let partition = at(*partition);
            format!("{broker}'s log of {partition} ends at {end}, high watermark {high_watermark}")
        }
        What::Stuck { on } => stuck(names, *on),
    }
}

/// Who an event concerns, as people would say it.
#[must_use]
pub(crate) fn subject(names: &Names<'_>, process: NodeId, what: &What) -> String {
    if matches!(what, What::FinalRead { .. } | What::Hidden { .. } | What::FinalEnd { .. }) {
        return "final-read".to_owned();
    }
    names.process(process)
}

fn ended(outcome: Outcome) -> String {
    match outcome {
        Outcome::Ok => "is acknowledged".to_owned(),
        Outcome::Fail(error) => format!("fails: {error}"),
        Outcome::Unknown(error) => format!("has an unknown outcome: {error}"),
    }
}

fn stuck(names: &Names<'_>, on: Stuck) -> String {
    match on {
        Stuck::NoLeader { partition } => format!("{} has no leader", names.partition(partition)),
        Stuck::UnderReplicated { partition, missing } => {
            format!("{} waits for {missing} to be in sync", names.partition(partition))
        }
        Stuck::Sending { partition, records } => {
            format!("waits for the answer to {records} records of {}", names.partition(partition))
        }
        Stuck::Uncommitted { records: 1 } => "has a record that it has not committed".to_owned(),
        Stuck::Uncommitted { records } => {
            format!("has {records} records that it has not committed")
        }
        Stuck::Behind { group, partition, lag } => {
            let (group, partition) = (names.group(group), names.partition(partition));
            format!("{group} is {lag} records behind on {partition}")
        }
        Stuck::Unowned { group, partition } => {
            format!("nobody of {} owns {}", names.group(group), names.partition(partition))
        }
        Stuck::Fenced { broker } => format!("{broker} is not part of the cluster"),
        Stuck::NoController => "there is no active controller".to_owned(),
    }
}
