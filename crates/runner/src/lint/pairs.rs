//! The pairs of scenarios that show mistakes, as part of the program: there is no other copy of them.

/// Declares the pairs by their folders.
macro_rules! pairs {
    ($($name:literal,)*) => {
        &[$((
            $name,
            include_str!(concat!("../../../../scenarios/", $name, "/broken.yaml")),
            include_str!(concat!("../../../../scenarios/", $name, "/fixed.yaml")),
        ),)*]
    };
}

/// Name, broken and fixed scenario.
const PAIRS: &[(&str, &str, &str)] = pairs![
    "acks-0-fire-and-forget",
    "acks-1-leader-crash",
    "acks-1-turns-idempotence-off",
    "assign-with-shared-group-id",
    "auto-commit-async-processing",
    "commit-async-goes-back",
    "commit-before-processing",
    "cooperative-vs-eager",
    "duplicate-instance-id",
    "external-store-without-fencing",
    "hot-key-skew",
    "idle-consumers",
    "lag-time-below-pauses",
    "latest-skips-new-partitions",
    "librdkafka-auto-commit",
    "lost-ack-duplicates",
    "min-insync-replicas-1",
    "min-insync-replicas-equals-replication",
    "mixed-partitioners",
    "no-commit-on-revoke",
    "offsets-expired",
    "offsets-topic-without-replicas",
    "partition-expansion-breaks-key-order",
    "poison-pill",
    "producer-id-expires",
    "reads-from-followers",
    "rebalance-storm",
    "retention-below-lag",
    "retry-reorders",
    "round-robin-over-producers",
    "shared-transactional-id",
    "short-delivery-timeout",
    "static-member-gone",
    "static-membership-rolling-restart",
    "thundering-herd-join",
    "tombstones-missed",
    "unclean-election",
];

/// The broken and the fixed scenario of a pair.
pub(super) fn texts(name: &str) -> (&'static str, &'static str) {
    let found = PAIRS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, broken, fixed)| (*broken, *fixed)).expect("a proof names a pair of the table")
}
