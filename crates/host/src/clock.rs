//! One time for the world and for madsim: the world's instant is madsim's elapsed time plus what the cluster took to form.
//!
//! Madsim's executor lets fifty to a hundred nanoseconds pass per poll, so the code may be a little later than the world's
//! last event, never earlier than its next one.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use madsim::time::{Sleep, TimeHandle};
use stormglass_types::Time;

/// Madsim's clock and the alarm that wakes the world's driver.
pub(crate) struct Clock {
    handle: TimeHandle,
    /// The world's instant when madsim's clock stood at zero.
    origin: u64,
    /// When the alarm goes off; never if it is not set.
    armed: Time,
    sleep: Option<Pin<Box<Sleep>>>,
    driver: Option<Waker>,
}

impl Clock {
    /// A clock that begins now with the world where it is.
    pub(crate) fn new(world: Time) -> Self {
        let handle = TimeHandle::current();
        let elapsed = nanos(handle.elapsed());
        let origin = world.0.saturating_sub(elapsed);
        Self { handle, origin, armed: Time::NEVER, sleep: None, driver: None }
    }

    /// The world's instant that it is now.
    pub(crate) fn now(&self) -> Time {
        Time(self.origin + nanos(self.handle.elapsed()))
    }

    /// The wall clock in milliseconds, as the code sees it.
    pub(crate) fn wall_ms(&self) -> i64 {
        let since = self.handle.now_time().duration_since(std::time::UNIX_EPOCH);
        since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
    }

    /// Whom the alarm wakes.
    pub(crate) fn attend(&mut self, driver: &Waker) {
        if self.driver.as_ref().is_none_or(|known| !known.will_wake(driver)) {
            self.driver = Some(driver.clone());
        }
        if self.armed <= self.now() {
            self.armed = Time::NEVER;
        }
    }

    /// Wakes the driver at an instant, or earlier.
    pub(crate) fn arm(&mut self, at: Option<Time>) {
        let Some(at) = at.filter(|at| *at < self.armed) else { return };
        let Some(driver) = &self.driver else { return };
        self.armed = at;
        // A sleep of madsim's lasts a millisecond at least, unless it is reset to an instant.
        let handle = &self.handle;
        let deadline = handle.now_instant() - handle.elapsed()
            + Duration::from_nanos(at.0 - self.origin.min(at.0));
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(handle.sleep(Duration::ZERO)));
        sleep.as_mut().reset(deadline);
        if let Poll::Ready(()) = sleep.as_mut().poll(&mut Context::from_waker(driver)) {
            driver.wake_by_ref();
        }
    }
}

use std::future::Future as _;

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a run is shorter than five centuries")
}
