//! Timeouts and opaques.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long an operation may take.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Timeout {
    /// So long.
    After(Duration),
    /// For ever.
    Never,
}

impl Timeout {
    /// The duration, if there is a limit.
    #[must_use]
    pub const fn limit(self) -> Option<Duration> {
        match self {
            Self::After(duration) => Some(duration),
            Self::Never => None,
        }
    }

    /// The duration; so long that it does not matter where there is no limit.
    pub(crate) fn or_for_ever(self) -> Duration {
        self.limit().unwrap_or(Duration::from_secs(100 * 365 * 86_400))
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

impl From<Option<Duration>> for Timeout {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Never, Self::After)
    }
}

/// Something that travels with a record and comes back with its delivery.
pub trait IntoOpaque: Send + Sync + Sized + 'static {}

impl IntoOpaque for () {}
impl IntoOpaque for usize {}
impl<T: Send + Sync + 'static> IntoOpaque for Box<T> {}
impl<T: Send + Sync + 'static> IntoOpaque for Arc<T> {}

/// Milliseconds since the epoch.
#[must_use]
pub fn millis_to_epoch(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch, now.
#[must_use]
pub fn current_time_millis() -> i64 {
    millis_to_epoch(SystemTime::now())
}
