//! When a producer asks for metadata (`Metadata`, `ProducerMetadata`).
//!
//! Does not send the request, and keeps no leaders: those are with the partitions. A topic once used stays of interest
//! (`metadata.max.idle.ms` is not modelled).

use alloc::vec::Vec;

use stormglass_types::{Rng, Time, TopicId};

use crate::settings::ProducerSettings;

/// The state of a client's metadata.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    /// The topics of interest, in the order in which they became so.
    pub(super) topics: Vec<TopicId>,
    /// Whether something shows that metadata are stale.
    wanted: bool,
    /// Backoff: no request before this.
    allowed: Time,
    expires: Time,
    /// How many topics the request under way asks for.
    asked: Option<usize>,
    failures: u32,
    /// How many answers in a row told nothing new.
    equivalent: u32,
}

impl Metadata {
    pub(super) const fn new(now: Time) -> Self {
        Self {
            topics: Vec::new(),
            wanted: true,
            allowed: now,
            expires: now,
            asked: None,
            failures: 0,
            equivalent: 0,
        }
    }

    /// Asks for a refresh, which may be put off by backoff.
    pub(super) const fn want(&mut self) {
        self.wanted = true;
    }

    /// Asks for a topic's metadata; at once if the topic is new.
    pub(super) fn want_topic(&mut self, topic: TopicId, now: Time) {
        self.wanted = true;
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
            self.allowed = now;
            self.equivalent = 0;
        }
    }

    /// When the next request is due; none while one is under way.
    pub(super) fn due(&self) -> Option<Time> {
        if self.asked.is_some() {
            return None;
        }
        Some(if self.wanted { self.allowed } else { self.expires.max(self.allowed) })
    }

    /// A request was sent.
    pub(super) const fn sent(&mut self) {
        self.asked = Some(self.topics.len());
    }

    /// The topics that the request under way asks for.
    pub(super) fn asked(&self) -> &[TopicId] {
        &self.topics[..self.asked.unwrap_or(0)]
    }

    /// The request had no answer, or one without brokers.
    pub(super) fn failed(&mut self, now: Time, settings: &ProducerSettings, rng: &mut Rng) {
        self.asked = None;
        self.wanted = true;
        self.failures += 1;
        self.allowed = now + settings.retry_backoff.after(self.failures, rng);
    }

    /// The request was answered.
    pub(super) fn updated(
        &mut self,
        news: News,
        now: Time,
        settings: &ProducerSettings,
        rng: &mut Rng,
    ) {
        let more_topics = self.asked.is_some_and(|asked| asked < self.topics.len());
        self.asked = None;
        self.failures = 0;
        self.equivalent = match news {
            News::None => self.equivalent + 1,
            News::Some => 0,
        };
        self.wanted = more_topics;
        self.expires = now + settings.metadata_max_age;
        self.allowed = if more_topics {
            now
        } else {
            now + settings.retry_backoff.after(self.equivalent.max(1), rng)
        };
    }
}

/// Whether an answer told something new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// No partition and no leader epoch that was not known.
    None,
    /// Something was.
    Some,
}
