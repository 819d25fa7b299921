//! How fast replicas that lag may catch up (KIP-73, `ReplicationQuotaManager`): the leader's side and the follower's.
//!
//! Only replicas out of sync are held back; what those in sync copy counts, so that all of it together stays below the rate.
//! What was copied before there was a rate does not count.

use alloc::collections::VecDeque;

use stormglass_types::{BrokerId, Span, Time, TopicPartition};

use super::partition::Partition;
use super::replicas::Replicas;
use crate::message::FetchedPartition;
use crate::metadata::Rate;
use crate::settings::{BrokerSettings, Throttled};

/// What was copied in the last few windows (`SimpleRate`).
#[derive(Clone, Debug)]
pub(super) struct Quota {
    /// Bytes per second; none is without limit.
    rate: Option<u64>,
    window: Span,
    windows: u32,
    /// When each window began, and its bytes.
    samples: VecDeque<(Time, u64)>,
}

impl Quota {
    pub(super) fn of_leader(settings: &BrokerSettings) -> Self {
        Self::new(settings.throttles.leader_rate, settings)
    }

    pub(super) fn of_follower(settings: &BrokerSettings) -> Self {
        Self::new(settings.throttles.follower_rate, settings)
    }

    fn new(rate: Option<u64>, settings: &BrokerSettings) -> Self {
        let (windows, window) = (settings.throttles.windows, settings.throttles.window);
        Self { rate, window, windows, samples: VecDeque::new() }
    }

    const fn limit(&mut self, rate: Rate) {
        self.rate = match rate {
            Rate::Limited(rate) => Some(rate),
            Rate::Unlimited => None,
        };
    }

    fn record(&mut self, now: Time, bytes: u64) {
        let kept = self.window.times(u64::from(self.windows));
        while self.samples.front().is_some_and(|(began, _)| *began + kept <= now) {
            self.samples.pop_front();
        }
        match self.samples.back_mut() {
            Some((began, sum)) if now < *began + self.window => *sum += bytes,
            Some(_) | None => self.samples.push_back((now, bytes)),
        }
    }

    fn is_exceeded(&self, now: Time) -> bool {
        let Some(rate) = self.rate else { return false };
        let kept = self.window.times(u64::from(self.windows));
        let mut recent = self.samples.iter().filter(|(began, _)| now < *began + kept).peekable();
        let Some((began, _)) = recent.peek() else { return false };
        let elapsed = now.since(*began).max(self.window);
        let bytes: u64 = recent.map(|(_, bytes)| bytes).sum();
        u128::from(bytes) * 1_000_000_000 > u128::from(rate) * u128::from(elapsed.0)
    }
}

impl Replicas {
    /// An operator has set rates for both sides, or taken them away (`BrokerConfigHandler`).
    pub(super) const fn limit_copies(&mut self, rate: Rate) {
        self.leader_quota.limit(rate);
        self.follower_quota.limit(rate);
    }

    /// Whether a follower that lags gets nothing for now (`shouldLeaderThrottle`).
    pub(super) fn holds_back(&self, now: Time, partition: &Partition, follower: BrokerId) -> bool {
        self.leader_quota.rate.is_some()
            && !partition.isr.contains(&follower)
            && self.names(&partition.settings.throttled.leader, partition.id)
            && self.leader_quota.is_exceeded(now)
    }

    /// Whether a partition that lags is left out of fetches for now (`shouldFollowerThrottle`).
    pub(super) fn holds_off(&self, now: Time, id: TopicPartition) -> bool {
        self.follower_quota.rate.is_some()
            && self.is_throttled_follower(id)
            && self.follower_quota.is_exceeded(now)
    }

    /// Counts what is sent to followers.
    pub(super) fn count_sent(&mut self, now: Time, sent: &FetchedPartition) {
        let id = sent.partition;
        let is_named = |partition: &Partition| self.names(&partition.settings.throttled.leader, id);
        if self.leader_quota.rate.is_some() && self.partitions.get(id).is_some_and(is_named) {
            self.leader_quota.record(now, sent.bytes());
        }
    }

    /// Counts what was copied from leaders.
    pub(super) fn count_copied(&mut self, now: Time, copied: &FetchedPartition) {
        if self.follower_quota.rate.is_some() && self.is_throttled_follower(copied.partition) {
            self.follower_quota.record(now, copied.bytes());
        }
    }

    fn is_throttled_follower(&self, id: TopicPartition) -> bool {
        let partition = self.partitions.get(id);
        partition.is_some_and(|partition| self.names(&partition.settings.throttled.follower, id))
    }

    /// Whether a list of throttled replicas names this broker's.
    fn names(&self, throttled: &Throttled, id: TopicPartition) -> bool {
        match throttled {
            Throttled::None => false,
            Throttled::All => true,
            Throttled::Some(replicas) => replicas.contains(&(id.partition, self.me)),
        }
    }
}

#[cfg(test)]
mod tests {
    use stormglass_types::{Span, Time};

    use super::Quota;
    use crate::settings::BrokerSettings;

    fn quota(rate: u64) -> Quota {
        Quota { rate: Some(rate), ..Quota::of_leader(&BrokerSettings::default()) }
    }

    #[test]
    fn a_burst_is_paid_for_until_the_mean_is_below_the_rate() {
        let mut quota = quota(1_000);
        let at = |millis: u64| Time::ZERO + Span::millis(5_000 + millis);
        assert!(!quota.is_exceeded(at(0)));
        quota.record(at(0), 3_000);
        assert!(quota.is_exceeded(at(0)), "a window is a second long at least");
        assert!(quota.is_exceeded(at(2_999)));
        assert!(!quota.is_exceeded(at(3_000)));
    }

    #[test]
    fn what_is_older_than_all_windows_does_not_count() {
        let mut quota = quota(1_000);
        let at = |secs| Time::ZERO + Span::secs(secs);
        quota.record(at(1), 1_000_000);
        assert!(quota.is_exceeded(at(11)));
        assert!(!quota.is_exceeded(at(12)), "eleven windows of a second");
        quota.record(at(12), 500);
        assert_eq!(quota.samples.len(), 1);
        assert!(!quota.is_exceeded(at(12)));
    }
}
