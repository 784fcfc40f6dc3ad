//! Times as the API shows and takes them.

use jiff::Timestamp;

use crate::problem::Problem;

/// Milliseconds since 1970 as `2026-11-22T08:00:00Z`, with a fraction where there is one.
pub(crate) fn shown(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| time.to_string())
}

/// A time of a query, in milliseconds since 1970.
pub(crate) fn taken(field: &str, text: &str) -> Result<i64, Problem> {
    let time: Result<Timestamp, _> = text.parse();
    let told = || Problem::invalid(field, "is no time such as 2026-11-22T08:00:00Z");
    time.map(Timestamp::as_millisecond).map_err(|_| told())
}
