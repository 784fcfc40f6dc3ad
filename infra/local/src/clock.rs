//! The one source of time of the parts, so that a test can move it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Milliseconds since 1970, from the machine or set by hand.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { fixed: None }
    }

    /// A clock that stands at `ms` (milliseconds since 1970) until it is moved.
    #[must_use]
    pub fn manual(ms: u64) -> Self {
        Self { fixed: Some(Arc::new(AtomicU64::new(ms))) }
    }

    /// Now, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match &self.fixed {
            Some(ms) => ms.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Moves a manual clock on by `ms` milliseconds; the machine's clock stays as it is.
    pub fn advance(&self, ms: u64) {
        if let Some(now) = &self.fixed {
            now.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

/// `ms` since 1970 as AWS writes times: `2026-11-22T17:00:00.123Z`.
pub(crate) fn iso8601(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| String::new(), |t| t.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_is_written_with_three_decimals() {
        assert_eq!(super::iso8601(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
    }
}
