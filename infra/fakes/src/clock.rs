//! Times in the forms that providers write.

use jiff::{Timestamp, tz::TimeZone};

/// Unix milliseconds.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// `2026-11-04T12:00:00.000Z`.
pub(crate) fn iso(milliseconds: i64) -> String {
    at(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `2026-11-04T12:00:00+00:00`, whole seconds.
pub(crate) fn iso_offset(milliseconds: i64) -> String {
    at(milliseconds).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `Wed, 04 Nov 2026 12:00:00 GMT`.
pub(crate) fn http_date(milliseconds: i64) -> String {
    at(milliseconds).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `2026-11-04`.
pub(crate) fn date(milliseconds: i64) -> String {
    at(milliseconds).to_zoned(TimeZone::UTC).date().to_string()
}

/// The Unix milliseconds of an ISO 8601 time, or of a date's midnight in UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    // A blank is what a `+` in a query that was not encoded becomes.
    let text = text.replace(' ', "+");
    let time = text.parse::<Timestamp>().ok();
    let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    Some(time.or_else(day)?.as_millisecond())
}
