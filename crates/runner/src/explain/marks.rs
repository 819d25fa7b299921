//! Rare branches that a story tells of: at whom, and in which words.
//!
//! What the history or a note tells better has no row here.

use stormglass_kafka::Mark;

/// At whom a branch must have been taken to belong to a story.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// The controller, where a partition is told of.
    Controller,
    /// The broker that leads the partition.
    Leader,
    /// A replica of the partition.
    Replica,
    /// A producer of the records.
    Producer,
    /// A broker, where a producer is told of that waits.
    Transactions,
    /// A member of the group.
    Member,
    /// A broker, where a group is told of.
    Coordinator,
}

/// Whose it is and what to say, if it is told at all.
pub(super) fn words(mark: Mark) -> Option<(Whose, &'static str)> {
    TOLD.iter().find(|(known, ..)| *known == mark).map(|(_, whose, says)| (*whose, *says))
}

const TOLD: &[(Mark, Whose, &str)] = &[
    (
        Mark::BrokerFenced,
        Whose::Controller,
        "fences a broker: no heartbeat for broker.session.timeout.ms",
    ),
    (
        Mark::DuplicateRegistration,
        Whose::Controller,
        "lets a restarted broker wait: its former life still has a session",
    ),
    (
        Mark::IneligibleReplica,
        Whose::Controller,
        "refuses to take a fenced or stopping replica into the in-sync set",
    ),
    (
        Mark::IsrShrunk,
        Whose::Leader,
        "finds a follower behind for longer than replica.lag.time.max.ms",
    ),
    (
        Mark::ProduceTimedOut,
        Whose::Leader,
        "waits no longer for the in-sync replicas: the request's timeout is over",
    ),
    (
        Mark::DuplicateBatchDropped,
        Whose::Leader,
        "knows a batch by its sequence, and answers without appending it again",
    ),
    (
        Mark::TornBatchRejected,
        Whose::Replica,
        "rejects a torn batch at recovery, by its checksum, and everything behind it",
    ),
    (Mark::StartGivenUp, Whose::Replica, "gives its start up: server.max.startup.time.ms is over"),
    (Mark::RecoveryCutShort, Whose::Replica, "ends before it has recovered its logs"),
    (Mark::ProduceRetried, Whose::Producer, "sends a batch again"),
    (
        Mark::RequestTimedOut,
        Whose::Producer,
        "waits no longer for an answer: request.timeout.ms is over",
    ),
    (Mark::DeliveryTimedOut, Whose::Producer, "gives a batch up: delivery.timeout.ms is over"),
    (Mark::BatchSplit, Whose::Producer, "splits a batch that the leader found too large"),
    (
        Mark::ReplicaThrottled,
        Whose::Replica,
        "is held back: it is out of sync, and its copying is throttled",
    ),
    (
        Mark::ClosedForcefully,
        Whose::Producer,
        "gives up what is not settled: the timeout of close is over",
    ),
    (
        Mark::ProducerEpochBumped,
        Whose::Producer,
        "begins a new producer epoch: sequences start from 0 again",
    ),
    (
        Mark::ProducerFenced,
        Whose::Producer,
        "is fenced: another process has the same transactional.id, or its transaction timed out",
    ),
    (Mark::TransactionAborted, Whose::Producer, "aborts its transaction"),
    (
        Mark::TransactionalIdTaken,
        Whose::Transactions,
        "gives a transactional.id to the process that asks for it now, and fences the one that had it",
    ),
    (
        Mark::TransactionTimedOut,
        Whose::Transactions,
        "aborts a transaction: transaction.timeout.ms is over",
    ),
    (
        Mark::MaxPollExceeded,
        Whose::Member,
        "has not polled for max.poll.interval.ms, so its client leaves the group",
    ),
    (
        Mark::InstanceFenced,
        Whose::Member,
        "is fenced: another process has the same group.instance.id",
    ),
    (
        Mark::CooperativeRevocation,
        Whose::Member,
        "gives partitions up in a round of its own, and joins again",
    ),
    (
        Mark::MemberEvicted,
        Whose::Coordinator,
        "as coordinator: removes a member that was silent for session.timeout.ms",
    ),
    (
        Mark::CommitFenced,
        Whose::Coordinator,
        "as coordinator: refuses a commit of an old generation or of somebody who is no member",
    ),
    (
        Mark::PendingSyncExpired,
        Whose::Coordinator,
        "as coordinator: removes a member that never asked for its assignment",
    ),
    (
        Mark::StaticMemberReturned,
        Whose::Coordinator,
        "as coordinator: a static member is back, and keeps what it had",
    ),
    (
        Mark::OffsetsExpired,
        Whose::Coordinator,
        "as coordinator: removes committed offsets older than offsets.retention.minutes",
    ),
];
