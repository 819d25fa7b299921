//! Brokers come, stay and go: registration, heartbeats, fencing, controlled shutdown, blocks of producer ids.
//!
//! Does not decide who was heard of ([`super::sessions`]) nor who leads ([`super::partitions`]).

use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{BrokerEpoch, BrokerId, ErrorCode, ProducerId};

use crate::message::{
    AllocateProducerIdsRequest, BrokerHeartbeatRequest, BrokerRegistrationRequest, BrokerState,
    MetadataOffset,
};
use crate::metadata::{BrokerStatus, MetadataRecord};
use crate::settings::EligibleLeaders;
use crate::{Mark, Now, Outbox, Rule};

use super::Controller;
use super::sessions::{Contact, Leads, Past};

/// `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`.
const PRODUCER_ID_BLOCK: u32 = 1_000;

impl Controller {
    /// `ClusterControlManager.registerBroker`.
    pub(super) fn on_registration(
        &mut self,
        now: Now,
        request: &BrokerRegistrationRequest,
        out: &mut Outbox,
    ) -> Result<BrokerEpoch, ErrorCode> {
        let broker = request.broker;
        let existing = self.newest.brokers.get(&broker).copied();
        if let Some(existing) = existing {
            if existing.incarnation == request.incarnation {
                // The answer to the first try was lost. Everything stays as it is, but for the session.
                self.sessions.renew(now.mono, broker);
                return Ok(existing.epoch);
            }
            let leaving = existing.status == BrokerStatus::ControlledShutdown;
            if self.sessions.was_heard_of(now.mono, broker) && !leaving {
                out.mark(Mark::DuplicateRegistration);
                return Err(ErrorCode::DuplicateBrokerRegistration);
            }
        }
        let mut records = Vec::new();
        let clean = existing.is_none_or(|existing| request.previous == Some(existing.epoch))
            || !self.rules.on(Rule::CrashEndsEligibility);
        if self.eligible_leaders == EligibleLeaders::On && !clean {
            self.remove_after_crash(broker, &mut records);
        } else if self.rules.on(Rule::RegistrationLeavesIsr) {
            // The former life may still be in sync, or even lead, where its end was not noticed in time.
            self.remove_from_isrs(broker, &mut records);
        }
        // The epoch of a broker is the position of its registration.
        let before = u32::try_from(records.len()).expect("fewer records than a position counts");
        let epoch = BrokerEpoch(i64::from(self.log.end().0 + before));
        records.push(MetadataRecord::RegisterBroker {
            broker,
            epoch,
            incarnation: request.incarnation,
            rack: request.rack,
        });
        self.append(records);
        let past = existing.map_or(Past::New, |_| Past::Returning);
        self.sessions.register(now.mono, broker, BrokerStatus::Fenced, past);
        Ok(epoch)
    }

    /// `ReplicationControlManager.processBrokerHeartbeat`.
    pub(super) fn on_heartbeat(
        &mut self,
        now: Now,
        request: &BrokerHeartbeatRequest,
        out: &mut Outbox,
    ) -> Result<BrokerState, ErrorCode> {
        let broker = request.broker;
        self.check_epoch(broker, request.epoch)?;
        let registered = u32::try_from(request.epoch.0 + 1);
        let contact = Contact {
            want: request.want,
            metadata: request.metadata,
            registered: MetadataOffset(registered.expect("an epoch is a position in the log")),
            leads: self.leaderships(broker),
        };
        let before = self.sessions.state(broker);
        let state = self.sessions.next_state(broker, &contact);
        let mut records = Vec::new();
        if state != before {
            match state {
                BrokerState::Active => {
                    self.unfence(broker, request.epoch, &mut records);
                    if self.sessions.past(broker) == Past::Returning {
                        out.mark(Mark::BrokerUnfenced);
                    }
                }
                BrokerState::ControlledShutdown => {
                    self.begin_controlled_shutdown(broker, request.epoch, &mut records);
                }
                BrokerState::Fenced | BrokerState::MayStop => self.fence(broker, &mut records),
            }
            if before == BrokerState::ControlledShutdown && state == BrokerState::MayStop {
                out.mark(Mark::ControlledShutdown);
            }
        }
        self.sessions.touch(now.mono, broker, state, request.metadata);
        self.append(records);
        if state == BrokerState::ControlledShutdown {
            self.sessions.stop_at(broker, self.log.end());
        }
        Ok(state)
    }

    /// Fences the broker that was silent for longest, if that is too long.
    pub(super) fn on_session_check(&mut self, now: Now, out: &mut Outbox) {
        if let Some(broker) = self.sessions.fence_one_stale(now.mono) {
            let mut records = Vec::new();
            self.fence(broker, &mut records);
            self.append(records);
            out.mark(Mark::BrokerFenced);
        }
    }

    /// `ProducerIdControlManager.generateNextProducerId`.
    pub(super) fn on_allocate_producer_ids(
        &mut self,
        request: AllocateProducerIdsRequest,
    ) -> Result<(ProducerId, u32), ErrorCode> {
        self.check_epoch(request.broker, request.epoch)?;
        let first = self.newest.next_producer_id;
        let next = ProducerId(first + i64::from(PRODUCER_ID_BLOCK));
        self.append(vec![MetadataRecord::ProducerIds { next }]);
        Ok((ProducerId(first), PRODUCER_ID_BLOCK))
    }

    /// Refuses brokers that are not registered, or were in another life.
    pub(super) fn check_epoch(
        &self,
        broker: BrokerId,
        epoch: BrokerEpoch,
    ) -> Result<(), ErrorCode> {
        match self.newest.brokers.get(&broker) {
            Some(registration) if registration.epoch == epoch => Ok(()),
            Some(_) | None => Err(ErrorCode::StaleBrokerEpoch),
        }
    }

    fn leaderships(&self, broker: BrokerId) -> Leads {
        let mut partitions = self.newest.partitions.iter();
        if partitions.any(|(_, partition)| partition.leader == Some(broker)) {
            Leads::Some
        } else {
            Leads::None
        }
    }

    fn fence(&self, broker: BrokerId, records: &mut Vec<MetadataRecord>) {
        self.remove_from_isrs(broker, records);
        let epoch = self.newest.brokers[&broker].epoch;
        records.push(MetadataRecord::ChangeBroker { broker, epoch, state: BrokerStatus::Fenced });
    }

    fn unfence(&self, broker: BrokerId, epoch: BrokerEpoch, records: &mut Vec<MetadataRecord>) {
        records.push(MetadataRecord::ChangeBroker { broker, epoch, state: BrokerStatus::Active });
        self.elect_where_leaderless(broker, records);
    }

    fn begin_controlled_shutdown(
        &self,
        broker: BrokerId,
        epoch: BrokerEpoch,
        records: &mut Vec<MetadataRecord>,
    ) {
        let state = BrokerStatus::ControlledShutdown;
        if self.newest.brokers[&broker].status != state {
            records.push(MetadataRecord::ChangeBroker { broker, epoch, state });
        }
        self.remove_from_isrs(broker, records);
    }
}
