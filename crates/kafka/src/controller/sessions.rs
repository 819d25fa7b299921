//! Who was heard of lately: the sessions of brokers, and what a heartbeat makes of them.
//!
//! Volatile: a controller that becomes active starts them anew. Does not write records; whoever asks does.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use stormglass_types::{BrokerId, Span, Time};

use crate::message::{BrokerState, MetadataOffset, Want};
use crate::metadata::BrokerStatus;

/// The sessions of all registered brokers (`BrokerHeartbeatManager`).
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    timeout: Span,
    brokers: BTreeMap<BrokerId, Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    fencing: Fencing,
    last_contact: Time,
    /// How far the broker had applied the metadata log, as far as it told.
    metadata: Option<MetadataOffset>,
    /// The log's end when its controlled shutdown began.
    stopping_at: Option<MetadataOffset>,
    past: Past,
    life: Life,
}

/// Whether the life that holds a session may still come back to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Going,
    /// It was told that it may stop.
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fencing {
    Fenced,
    Unfenced,
}

/// Whether a broker was part of the cluster before, in this life or in another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Past {
    New,
    Returning,
}

/// What a heartbeat says, and what its answer depends on.
pub(super) struct Contact {
    pub(super) want: Want,
    pub(super) metadata: MetadataOffset,
    /// How much of the log holds the broker's registration.
    pub(super) registered: MetadataOffset,
    pub(super) leads: Leads,
}

/// Whether a broker leads some partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leads {
    Some,
    None,
}

impl Sessions {
    pub(super) const fn new(timeout: Span) -> Self {
        Self { timeout, brokers: BTreeMap::new() }
    }

    /// Begins a session, whatever was known of the broker before.
    pub(super) fn register(
        &mut self,
        now: Time,
        broker: BrokerId,
        status: BrokerStatus,
        past: Past,
    ) {
        let fencing = match status {
            BrokerStatus::Fenced => Fencing::Fenced,
            BrokerStatus::Active | BrokerStatus::ControlledShutdown => Fencing::Unfenced,
        };
        let session = Session {
            fencing,
            last_contact: now,
            metadata: None,
            stopping_at: None,
            past,
            life: Life::Going,
        };
        self.brokers.insert(broker, session);
    }

    /// Prolongs the session of a broker that registered again in the same life.
    pub(super) fn renew(&mut self, now: Time, broker: BrokerId) {
        let session = self.brokers.get_mut(&broker).expect("a registered broker has a session");
        session.last_contact = now;
        session.metadata = None;
    }

    /// Whether a broker was part of the cluster before.
    pub(super) fn past(&self, broker: BrokerId) -> Past {
        self.brokers.get(&broker).map_or(Past::New, |session| session.past)
    }

    /// Whether a broker was heard of in time, fenced or not, and has not stopped in good order.
    ///
    /// Decides whether another life may register. Kafka 4.0 asks its `BrokerHeartbeatTracker`; the snapshot before it took
    /// a fenced broker's session for nothing, so that a dead life's registration that arrived late could depose the
    /// life after it for good.
    pub(super) fn was_heard_of(&self, now: Time, broker: BrokerId) -> bool {
        let session = self.brokers.get(&broker);
        session.is_some_and(|session| {
            session.life == Life::Going && now <= session.last_contact + self.timeout
        })
    }

    /// Whether a broker is unfenced and was heard of in time.
    pub(super) fn is_valid(&self, now: Time, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|session| match session.fencing {
            Fencing::Fenced => false,
            Fencing::Unfenced => now <= session.last_contact + self.timeout,
        })
    }

    /// When the next session ends, if nothing is heard until then.
    pub(super) fn next_check(&self) -> Option<Time> {
        let last_contact = self.oldest()?.1.last_contact;
        // A session is valid up to and including its last instant.
        Some(last_contact + self.timeout + Span::nanos(1))
    }

    /// Ends the session of the broker that was silent for longest, if that is too long. One at a time, so that the next
    /// decision sees what this one did.
    pub(super) fn fence_one_stale(&mut self, now: Time) -> Option<BrokerId> {
        let broker = self.oldest()?.0;
        if self.is_valid(now, broker) {
            return None;
        }
        let session = self.brokers.get_mut(&broker).expect("found just above");
        session.fencing = Fencing::Fenced;
        session.stopping_at = None;
        session.past = Past::Returning;
        Some(broker)
    }

    /// The unfenced broker that was silent for longest.
    fn oldest(&self) -> Option<(BrokerId, &Session)> {
        self.brokers
            .iter()
            .filter(|(_, session)| session.fencing == Fencing::Unfenced)
            .map(|(broker, session)| (*broker, session))
            .min_by_key(|(broker, session)| (session.last_contact, *broker))
    }

    /// The state of a broker before a heartbeat.
    pub(super) fn state(&self, broker: BrokerId) -> BrokerState {
        match self.brokers.get(&broker) {
            Some(Session { stopping_at: Some(_), .. }) => BrokerState::ControlledShutdown,
            Some(Session { fencing: Fencing::Unfenced, .. }) => BrokerState::Active,
            Some(Session { fencing: Fencing::Fenced, .. }) | None => BrokerState::Fenced,
        }
    }

    /// The state to which a heartbeat brings a broker (`calculateNextBrokerState`).
    pub(super) fn next_state(&self, broker: BrokerId, contact: &Contact) -> BrokerState {
        match (self.state(broker), contact.want) {
            (BrokerState::Fenced, Want::Shutdown) => BrokerState::MayStop,
            (BrokerState::Fenced, Want::Serve) if contact.metadata >= contact.registered => {
                BrokerState::Active
            }
            (BrokerState::Fenced, Want::Serve | Want::Fence)
            | (BrokerState::Active, Want::Fence) => BrokerState::Fenced,
            (BrokerState::Active, Want::Serve) => BrokerState::Active,
            (BrokerState::Active, Want::Shutdown) => match contact.leads {
                Leads::Some => BrokerState::ControlledShutdown,
                Leads::None => BrokerState::MayStop,
            },
            (BrokerState::ControlledShutdown, _) => {
                let begun = self.brokers.get(&broker).and_then(|session| session.stopping_at);
                let everyone_knows = begun <= self.lowest_active();
                if contact.leads == Leads::None && everyone_knows {
                    BrokerState::MayStop
                } else {
                    BrokerState::ControlledShutdown
                }
            }
            (BrokerState::MayStop, _) => BrokerState::MayStop,
        }
    }

    /// Takes a heartbeat in, with the state that it led to.
    pub(super) fn touch(
        &mut self,
        now: Time,
        broker: BrokerId,
        state: BrokerState,
        metadata: MetadataOffset,
    ) {
        let session = self.brokers.get_mut(&broker).expect("a registered broker has a session");
        session.last_contact = now;
        session.metadata = Some(metadata);
        session.life = match state {
            BrokerState::MayStop => Life::Stopped,
            BrokerState::Fenced | BrokerState::Active | BrokerState::ControlledShutdown => {
                Life::Going
            }
        };
        session.fencing = match state {
            BrokerState::Active | BrokerState::ControlledShutdown => Fencing::Unfenced,
            BrokerState::Fenced | BrokerState::MayStop => Fencing::Fenced,
        };
        if session.fencing == Fencing::Fenced {
            session.stopping_at = None;
        }
    }

    /// Remembers where the log ended when a controlled shutdown began.
    pub(super) fn stop_at(&mut self, broker: BrokerId, end: MetadataOffset) {
        let session = self.brokers.get_mut(&broker).expect("a registered broker has a session");
        session.stopping_at.get_or_insert(end);
    }

    /// Registered brokers that do not stop: the unfenced ones, then the fenced ones, each in the order of ids.
    pub(super) fn usable(&self) -> [Vec<BrokerId>; 2] {
        [Fencing::Unfenced, Fencing::Fenced].map(|wanted| {
            self.brokers
                .iter()
                .filter(|(_, session)| session.stopping_at.is_none() && session.fencing == wanted)
                .map(|(broker, _)| *broker)
                .collect()
        })
    }

    /// How far every unfenced broker that does not stop has applied the log.
    fn lowest_active(&self) -> Option<MetadataOffset> {
        let active = self.brokers.values().filter(|session| {
            session.fencing == Fencing::Unfenced && session.stopping_at.is_none()
        });
        active.map(|session| session.metadata).min().unwrap_or(Some(MetadataOffset(u32::MAX)))
    }
}
