//! What machines note about themselves, in words.

use stormglass_kafka::Note;
use stormglass_kafka::note::ReplicaRole;
use stormglass_types::history::{Election, Removal};

use crate::names::Names;

/// What was noted, in a few words; the process that noted it is left to the caller.
#[must_use]
pub fn note(names: &Names<'_>, note: &Note) -> String {
    match *note {
        Note::BecameLeader { partition, epoch, start } => {
            let partition = names.partition(partition);
            format!(
                "begins to lead {partition} in epoch {} with its log ending at {start}",
                epoch.0
            )
        }
        Note::Appended { partition, base, epoch, values, count, .. } => {
            let what = values.map_or_else(|| format!("{count} records"), |it| names.values(it));
            let partition = names.partition(partition);
            format!("appends {what} to {partition} at offset {base} in epoch {}", epoch.0)
        }
        Note::Refused { partition, values, error } => {
            let what = values.map_or_else(|| "a batch".to_owned(), |it| names.values(it));
            format!("refuses {what} for {}: {error}", names.partition(partition))
        }
        Note::HighWatermark { partition, to, role, epoch } => {
            let role = match role {
                ReplicaRole::Leader => "leader",
                ReplicaRole::Follower => "follower",
            };
            let partition = names.partition(partition);
            format!(
                "as {role} in epoch {} moves the high watermark of {partition} to {to}",
                epoch.0
            )
        }
        Note::Truncated { partition, from, to, high_watermark } => format!(
            "cuts its log of {} back from offset {from} to {to}; its high watermark was {high_watermark}",
            names.partition(partition)
        ),
        Note::LogStart { partition, from, to, why, role, .. } => {
            let role = match role {
                ReplicaRole::Leader => "leader",
                ReplicaRole::Follower => "follower",
            };
            let partition = names.partition(partition);
            format!(
                "as {role} deletes offsets {from} to {} of {partition}{}",
                to.0 - 1,
                removal(why)
            )
        }
        Note::Cleaned { partition, to } => {
            format!("compacts {} up to offset {to}", names.partition(partition))
        }
        Note::ReplicaDeleted { partition } => {
            format!("deletes its replica of {} with the topic", names.partition(partition))
        }
        Note::TopicDeleted { topic } => format!("{} is deleted", names.topic(topic)),
        Note::Elected { partition, leader, epoch, election } => {
            let how = match election {
                Election::Clean => "from the in-sync replicas",
                Election::Unclean => "from outside the in-sync replicas (unclean)",
                Election::Offline => "since none is eligible",
            };
            let who = leader.map_or_else(|| "nobody".to_owned(), |leader| leader.to_string());
            format!(
                "elects {who} leader of {} in epoch {}, {how}",
                names.partition(partition),
                epoch.0
            )
        }
        Note::InSync { partition, replicas, .. } => {
            format!("in-sync replicas of {} are {}", names.partition(partition), brokers(replicas))
        }
        Note::Expanded { topic, partitions } => {
            format!("{} has {partitions} partitions now", names.topic(topic))
        }
        Note::Rebalanced { group, generation, members } => {
            let group = names.group(group);
            format!("{group} completes generation {} with {members} members", generation.0)
        }
        Note::Granted { group, generation, member, partition } => format!(
            "{} gives {} to member {} in generation {}",
            names.group(group),
            names.partition(partition),
            member.0,
            generation.0
        ),
        Note::Released { group, member, .. } => {
            format!("{} books what member {} has anew", names.group(group), member.0)
        }
        Note::Held { group, member, epoch, partition, .. } => format!(
            "{} has {} with member {} in epoch {}",
            names.group(group),
            names.partition(partition),
            member.0,
            epoch.0
        ),
        Note::QuorumLeader { epoch, end } => {
            format!("leads the controllers in epoch {}, after {} records", epoch.0, end.0)
        }
        Note::MetadataCommitted { offset, .. } => {
            format!("record {} of the metadata is committed", offset.0)
        }
        Note::GroupRemoved { group } => format!("{} is removed", names.group(group)),
        Note::OffsetCommitted { group, partition, offset } => {
            let (group, partition) = (names.group(group), names.partition(partition));
            format!("{group}'s committed offset of {partition} is {offset}")
        }
    }
}

/// The brokers of a set, by number: bit `n` is broker `n`.
pub(crate) fn brokers(replicas: u64) -> String {
    let there = (0..64).filter(|broker| replicas & (1 << broker) != 0);
    let names: Vec<String> = there.map(|broker| format!("broker-{broker}")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Why records were deleted.
pub(super) const fn removal(why: Removal) -> &'static str {
    match why {
        Removal::Age => ", which are older than retention.ms",
        Removal::Size => ", for the log exceeds retention.bytes",
        Removal::Superseded => ", since a later record has the key",
        Removal::Tombstone => ", a tombstone whose time is over",
        Removal::Request => ", as an operator wants",
        Removal::Topic => ", with the topic",
        Removal::Leader => ", as the leader has",
    }
}
