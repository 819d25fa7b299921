//! Which releases of Apache Kafka shipped without which rule.
//!
//! Every release that could lack a rule is a profile: Kafka with the bugs that it shipped with, and everything else as today. A
//! release's bug is one of this table if the code of the releases around it, or the first release tag that holds its repair,
//! shows where it began and ended. Rules that no release lacked (mutations, which test the oracles) have no line.
//!
//! Deliberately not here: features that a release did not have yet. `kafka-2.4` has no ZooKeeper, and elects as KRaft does.

use core::fmt;

use crate::{Rule, Rules};

/// A release line of Apache Kafka, such as 4.0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Release {
    major: u8,
    minor: u8,
}

/// In which releases a rule was missing: those from `since`, but for those from `until`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    /// The first release that shipped without it; from the beginning unless set.
    pub since: Option<Release>,
    /// The first release that shipped with it; none has yet, as far as this table knows, unless set.
    pub until: Option<Release>,
}

const fn at(major: u8, minor: u8) -> Release {
    Release { major, minor }
}

/// The releases that are profiles, from the first whose record format is the present one.
const RELEASES: [Release; 23] = [
    at(0, 11),
    at(1, 0),
    at(1, 1),
    at(2, 0),
    at(2, 1),
    at(2, 2),
    at(2, 3),
    at(2, 4),
    at(2, 5),
    at(2, 6),
    at(2, 7),
    at(2, 8),
    at(3, 0),
    at(3, 1),
    at(3, 2),
    at(3, 3),
    at(3, 4),
    at(3, 5),
    at(3, 6),
    at(3, 7),
    at(3, 8),
    at(3, 9),
    at(4, 0),
];

const fn before(major: u8, minor: u8) -> Missing {
    Missing { since: None, until: Some(at(major, minor)) }
}

const fn between(since: Release, until: Release) -> Missing {
    Missing { since: Some(since), until: Some(until) }
}

const fn open(since: Option<Release>) -> Missing {
    Missing { since, until: None }
}

/// Where a repair came with several changes, the last of them counts.
const MISSING: &[(Rule, Missing)] = &[
    (Rule::VerifyTransactions, before(3, 5)),
    (Rule::TruncateByEpoch, before(0, 11)),
    (Rule::DivergenceByEpoch, before(2, 0)),
    (Rule::FetchEpochFencing, before(2, 1)),
    (Rule::LeaderNotesEpoch, before(2, 1)),
    (Rule::FollowerStartsAnew, before(2, 1)),
    (Rule::DivergedMovesNothing, between(at(2, 7), at(3, 5))),
    (Rule::PreferredIsInSync, between(at(2, 4), at(3, 4))),
    (Rule::IsrJoinNeedsEpochStart, before(2, 1)),
    // Only replicas that learn of divergence from a fetch could have it (KIP-595).
    (Rule::DivergenceUpdatesNothing, between(at(2, 7), at(3, 1))),
    (Rule::IsrNeedsActiveBrokers, before(3, 3)),
    (Rule::AlterPartitionBrokerEpoch, before(3, 5)),
    (Rule::RegistrationLeavesIsr, before(4, 0)),
    (Rule::FollowersResetOnEpoch, open(None)),
    (Rule::NothingToDoIsDone, between(at(2, 7), at(3, 0))),
    (Rule::RetryFindsRoom, between(at(2, 7), at(3, 3))),
    // The controllers of ZooKeeper tried to write, and so learned that they were none.
    (Rule::BehindIsNoController, between(at(2, 8), at(3, 3))),
    (Rule::ReplayKeepsPending, open(Some(at(2, 7)))),
    (Rule::HighWatermarkNeedsMinIsr, before(3, 7)),
    (Rule::LastLeaderIsAlive, between(at(3, 7), at(4, 1))),
    (Rule::PreVote, before(4, 0)),
    (Rule::CheckQuorum, before(3, 7)),
    // Only where another thread than that of the start loads logs.
    (Rule::MarkerNeedsRecovery, between(at(3, 0), at(3, 6))),
    (Rule::DedupWindowOfFive, between(at(0, 11), at(1, 0))),
    (Rule::FirstSequenceIsZero, open(Some(at(0, 11)))),
    (Rule::BumpAwaitsInFlight, open(Some(at(2, 6)))),
    (Rule::SequencesBeginWithEpoch, between(at(2, 5), at(2, 8))),
    (Rule::SequencesWrap, before(2, 2)),
    (Rule::OrderOverTheWrap, open(Some(at(1, 0)))),
    (Rule::RenumberInOrder, before(2, 4)),
    (Rule::IdempotentByDefault, between(at(3, 0), at(3, 2))),
    (Rule::FollowersTakeSequences, before(1, 1)),
    (Rule::ProducerStateOutlivesRecords, before(2, 5)),
    (Rule::RetentionBelowHighWatermark, before(1, 0)),
    (Rule::CleanerBelowHighWatermark, before(3, 1)),
    (Rule::TombstonesHaveHorizons, before(3, 1)),
    (Rule::CleanerKeepsSequences, before(1, 0)),
    (Rule::LostMeansLost, between(at(2, 4), at(3, 2))),
    (Rule::ClaimsByGeneration, between(at(2, 4), at(3, 4))),
    (Rule::StaticRejoinRebalances, between(at(2, 3), at(2, 6))),
    (Rule::PendingSyncExpires, before(3, 0)),
    (Rule::MemberIdRequired, before(2, 2)),
    (Rule::OffsetLoadOrder, before(1, 0)),
    (Rule::OffsetsOfActiveGroupsStay, before(2, 1)),
    (Rule::ConsumerValidates, before(2, 3)),
    (Rule::TakenBackStaysOwned, between(at(3, 7), at(3, 8))),
    (Rule::CommitNeedsEpoch, open(Some(at(3, 7)))),
    (Rule::RejoinWithEpochZero, open(Some(at(3, 7)))),
    (Rule::PollsBeforeItCommits, between(at(3, 7), at(4, 0))),
    (Rule::ConversionIsResumed, open(Some(at(3, 8)))),
    (Rule::PausedWhileItCommits, between(at(3, 2), at(3, 4))),
    (Rule::CooperativeCommitsFirst, open(Some(at(2, 4)))),
    (Rule::GivenUpStaysSo, before(2, 5)),
    (Rule::DisconnectKeepsMember, before(3, 0)),
    (Rule::AnswersFitPositions, before(2, 4)),
    // Only the new consumer asked and looked at different moments.
    (Rule::OnlyAskedAreReset, between(at(3, 7), at(4, 0))),
    (Rule::StaticIdIsNew, between(at(2, 3), at(2, 4))),
    (Rule::StaticIdIsWritten, between(at(2, 3), at(2, 8))),
    (Rule::LoadsInOrder, before(3, 0)),
    (Rule::ErrorsOfThisLife, before(2, 6)),
    (Rule::EpochsOfOneTopic, before(3, 0)),
    // Brokers can from 4.1 on; clients do not yet.
    (Rule::OffsetsOfOneTopic, open(None)),
    (Rule::LatestNeverGoesBack, before(2, 2)),
    (Rule::MetadataUntilEpoch, open(Some(at(2, 3)))),
];

impl Release {
    /// Every release that is a profile, the oldest first.
    pub const ALL: &[Self] = &RELEASES;

    /// The release of a profile's name, such as `kafka-4.0`.
    #[must_use]
    pub fn of_profile(name: &str) -> Option<Self> {
        let (major, minor) = name.strip_prefix("kafka-")?.split_once('.')?;
        let wanted = at(major.parse().ok()?, minor.parse().ok()?);
        Self::ALL.iter().copied().find(|release| *release == wanted)
    }

    /// The rules that it shipped with.
    #[must_use]
    pub fn rules(self) -> Rules {
        let lacks = MISSING.iter().filter(|(_, missing)| missing.covers(self));
        lacks.fold(Rules::ALL, |rules, (rule, _)| rules.without(*rule))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Missing {
    /// Where a rule was missing, if anywhere.
    #[must_use]
    pub fn of(rule: Rule) -> Option<Self> {
        MISSING.iter().find(|(missing, _)| *missing == rule).map(|(_, missing)| *missing)
    }

    /// Whether a release shipped without the rule.
    #[must_use]
    pub fn covers(self, release: Release) -> bool {
        self.since.is_none_or(|since| since <= release)
            && self.until.is_none_or(|until| release < until)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.since, self.until) {
            (None, None) => f.write_str("every release so far"),
            (None, Some(until)) => write!(f, "before {until}"),
            (Some(since), None) => write!(f, "since {since}"),
            (Some(since), Some(until)) => write!(f, "{since} to before {until}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    fn lacks(name: &str) -> Vec<&'static str> {
        let release = Release::of_profile(name).expect("a profile");
        release.rules().switched_off().map(Rule::name).collect()
    }

    #[test]
    fn each_release_is_found_by_the_name_of_its_profile_and_no_other_name_is_one() {
        for release in Release::ALL {
            let name = alloc::format!("kafka-{release}");
            assert_eq!(Release::of_profile(&name), Some(*release));
        }
        for name in ["kafka-9.9", "kafka-", "4.0", "kafka-4", "kafka-4.0.1", "repaired"] {
            assert_eq!(Release::of_profile(name), None, "{name}");
        }
    }

    #[test]
    fn each_rule_has_one_line_which_some_profile_lacks() {
        for (at, (rule, missing)) in MISSING.iter().enumerate() {
            assert!(MISSING[..at].iter().all(|(other, _)| other != rule), "{rule:?} twice");
            let lacking = Release::ALL.iter().filter(|release| missing.covers(**release)).count();
            // Some came with the first release that is a profile: what lacks them is older.
            let is_older = missing.until == RELEASES.first().copied();
            assert!(lacking > 0 || is_older, "{rule:?} is missing nowhere");
        }
    }

    #[test]
    fn releases_lack_what_they_shipped_without() {
        insta::assert_snapshot!(lacks("kafka-4.0").join("\n"));
        assert!(lacks("kafka-0.11").contains(&"KAFKA-5494"));
        assert!(!lacks("kafka-1.0").contains(&"KAFKA-5494"));
        assert!(!lacks("kafka-0.11").contains(&"KAFKA-16147"), "its protocol came later");
    }

    #[test]
    fn where_a_rule_was_missing_reads_as_a_phrase() {
        let of = |rule| Missing::of(rule).expect("a line").to_string();
        assert_eq!(of(Rule::TruncateByEpoch), "before 0.11");
        assert_eq!(of(Rule::PausedWhileItCommits), "3.2 to before 3.4");
        assert_eq!(of(Rule::CommitNeedsEpoch), "since 3.7");
        assert_eq!(of(Rule::FollowersResetOnEpoch), "every release so far");
        assert_eq!(Missing::of(Rule::AckWaitsForIsr), None);
    }
}
