//! The broker's care for its disk: background flushes, checkpoints of high watermarks, and the way out.

use stormglass_types::Span;

use super::{Broker, Phase};
use crate::settings::ControlledShutdown;
use crate::{Exit, Mark, Now, Outbox, SyncToken, Timer};

/// How often the operating system writes pages back (`dirty_writeback`, `dirty_expire`), from and to, in milliseconds.
const WRITEBACK_MILLIS: (u64, u64) = (5_000, 30_000);

impl Broker {
    pub(super) fn schedule_isr_check(&self, now: Now, out: &mut Outbox) {
        let every = self.replicas.settings.replica_lag_time_max.divided_by(2);
        out.set_timer(Timer::IsrCheck, now.mono + every);
    }

    pub(super) fn schedule_checkpoint(&self, now: Now, out: &mut Outbox) {
        let every = self.replicas.settings.high_watermark_checkpoint_interval;
        out.set_timer(Timer::HighWatermarkCheckpoint, now.mono + every);
    }

    pub(super) fn schedule_writeback(&mut self, now: Now, out: &mut Outbox) {
        let (least, most) = WRITEBACK_MILLIS;
        let after = Span::millis(self.rng.between(least, most));
        out.set_timer(Timer::Writeback, now.mono + after);
    }

    pub(super) fn schedule_producer_expiry(&self, now: Now, out: &mut Outbox) {
        let every = self.replicas.settings.producer_id_expiration_check;
        out.set_timer(Timer::ProducerExpiry, now.mono + every);
    }

    pub(super) fn expire_producers(&mut self, now: Now) {
        let after = self.replicas.settings.producer_id_expiration;
        for (_, log) in self.replicas.store.logs.iter_mut() {
            log.expire_producers(now, after);
        }
    }

    pub(super) fn on_synced(&mut self, now: Now, token: SyncToken, out: &mut Outbox) {
        self.replicas.on_synced(now.mono, token, out);
        if self.phase == Phase::Closing(token) {
            self.phase = Phase::Ended;
            self.replicas.store.clean_shutdown = self.marker(out);
            out.exit(Exit::Clean);
            return;
        }
        self.on_flushed(token, out);
        self.on_fetchers_flushed(now, token, out);
    }

    /// SIGTERM: the controller is asked to move leaderships away first, if that is wanted.
    pub(super) fn on_shutdown(&mut self, now: Now, out: &mut Outbox) {
        match self.phase {
            Phase::Starting if self.startup.is_recovering() => self.abandon_start(out),
            Phase::Starting | Phase::Serving => {
                self.phase = Phase::Stopping;
                self.lifecycle.begin_shutdown(now, out);
            }
            Phase::Stopping | Phase::Closing(_) | Phase::Ended => {}
        }
    }

    /// Nothing is left to hand over: writes everything down; the process ends once the disk has it.
    pub(super) fn on_may_stop(&mut self, out: &mut Outbox) {
        match self.replicas.settings.controlled_shutdown {
            ControlledShutdown::On if !self.startup.is_recovering() => {
                out.mark(Mark::ControlledShutdown);
            }
            ControlledShutdown::On | ControlledShutdown::Off => {}
        }
        self.replicas.checkpoint();
        self.replicas.checkpoint_starts();
        self.phase = Phase::Closing(self.replicas.begin_sync(out));
    }

    pub(super) fn is_stopping(&self) -> bool {
        match self.phase {
            Phase::Starting | Phase::Serving => false,
            Phase::Stopping | Phase::Closing(_) | Phase::Ended => true,
        }
    }
}
