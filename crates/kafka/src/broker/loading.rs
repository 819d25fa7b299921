//! How a broker that starts gets at its logs: at once after a stop in good order, by recovering them after any other
//! (`LogManager.loadLogs`), which takes time. Until then it is registered, but fenced, and answers nobody.
//!
//! Does not recover log by log: a recovery that is cut short has done nothing.

use alloc::vec::Vec;

use stormglass_types::{BrokerEpoch, Span, Time};

use super::lifecycle::LifecycleEvent;
use super::{Broker, Phase};
use crate::log::BrokerStore;
use crate::{Exit, Mark, Now, Outbox, Rule, Timer};

/// A start under way.
#[derive(Clone, Debug)]
pub(super) struct Startup {
    /// When it counts as failed (`server.max.startup.time.ms`).
    give_up: Option<Time>,
    recovery: Recovery,
}

/// The recovery of the logs.
#[derive(Clone, Debug)]
enum Recovery {
    /// None is needed any more.
    Done,
    /// It begins with the first metadata, without which nobody knows which logs are strays (`BrokerMetadataPublisher`).
    Awaited(Span),
    /// It is over then. Metadata wait for that.
    UnderWay(Time, Vec<LifecycleEvent>),
}

/// What a marker says of a life that was never registered.
const NEVER_REGISTERED: BrokerEpoch = BrokerEpoch(-1);

impl Startup {
    /// A start on what is on the disk; recovering that takes so long.
    pub(super) fn new(now: Now, store: &BrokerStore, lasts: Span, limit: Option<Span>) -> Self {
        let is_clean = store.clean_shutdown.is_some();
        let recovery = if is_clean || store.is_blank() || lasts == Span::ZERO {
            Recovery::Done
        } else {
            Recovery::Awaited(lasts)
        };
        Self { give_up: limit.map(|limit| now.mono + limit), recovery }
    }

    pub(super) const fn is_recovering(&self) -> bool {
        match self.recovery {
            Recovery::Done => false,
            Recovery::Awaited(_) | Recovery::UnderWay(..) => true,
        }
    }

    fn next(&self) -> Option<Time> {
        match self.recovery {
            Recovery::UnderWay(until, _) => Some(self.give_up.map_or(until, |at| at.min(until))),
            Recovery::Done | Recovery::Awaited(_) => self.give_up,
        }
    }
}

impl Broker {
    /// Holds metadata back while the logs are recovered; returns everything else.
    pub(super) fn hold_back(
        &mut self,
        now: Now,
        event: LifecycleEvent,
        out: &mut Outbox,
    ) -> Option<LifecycleEvent> {
        if !matches!(event, LifecycleEvent::Metadata(_) | LifecycleEvent::Snapshot(_)) {
            return Some(event);
        }
        match &mut self.startup.recovery {
            Recovery::Done => return Some(event),
            Recovery::Awaited(lasts) => {
                let until = now.mono + *lasts;
                self.startup.recovery = Recovery::UnderWay(until, alloc::vec![event]);
                self.arm_startup(out);
            }
            Recovery::UnderWay(_, held) => held.push(event),
        }
        None
    }

    pub(super) fn arm_startup(&self, out: &mut Outbox) {
        if let Some(at) = self.startup.next() {
            out.set_timer(Timer::Startup, at);
        }
    }

    /// The logs are recovered, or the start takes too long.
    pub(super) fn on_startup_timer(&mut self, now: Now, out: &mut Outbox) {
        if self.phase != Phase::Starting {
            return;
        }
        if let Recovery::UnderWay(until, held) = &mut self.startup.recovery
            && *until <= now.mono
        {
            let held = core::mem::take(held);
            self.startup.recovery = Recovery::Done;
            self.replicas.store.recover(self.replicas.rules, out);
            self.lifecycle.recovered(now, out);
            self.on_events(now, held, out);
            self.arm_startup(out);
        } else if self.startup.give_up.is_some_and(|at| at <= now.mono) {
            // A failed start ends as a stop in good order does (`BrokerServer.startup`).
            out.mark(Mark::StartGivenUp);
            self.phase = Phase::Stopping;
            self.lifecycle.begin_shutdown(now, out);
        }
    }

    /// Whoever is asked to stop while it recovers its logs ends at once and writes nothing: `BrokerServer.shutdown` stops only
    /// what has started.
    pub(super) fn abandon_start(&mut self, out: &mut Outbox) {
        out.mark(Mark::RecoveryCutShort);
        self.phase = Phase::Ended;
        out.exit(Exit::Clean);
    }

    /// The marker of a stop in good order, which the next life takes for it that the logs need no recovery.
    pub(super) fn marker(&self, out: &mut Outbox) -> Option<BrokerEpoch> {
        let epoch = self.replicas.epoch;
        if !self.startup.is_recovering() {
            return epoch;
        }
        out.mark(Mark::RecoveryCutShort);
        if self.replicas.rules.on(Rule::MarkerNeedsRecovery) {
            return None;
        }
        epoch.or(Some(NEVER_REGISTERED))
    }
}
