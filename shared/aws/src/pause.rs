//! Pauses between tries.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A random pause up to `base` doubled `attempt` times, at most 2 s: many workers that were
/// throttled together do not come back together.
pub(crate) fn jittered(base: Duration, attempt: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(2);
    let limit = base.saturating_mul(1 << attempt.min(10)).min(LONGEST);
    // The standard library's only source of randomness; no more is needed here.
    let random = RandomState::new().hash_one(attempt);
    Duration::from_nanos(random % u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1))
}
