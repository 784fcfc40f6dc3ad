//! Calendar dates, stored as ISO 8601: `2024-03-16`.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::fmt::strtime::BrokenDownTime;

use super::Invalid;
use super::text::trimmed;

/// How a source writes dates, in strftime form; tried before use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    format: String,
    year_first: bool,
}

/// Why a date format cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a date format; write one that names day, month and year, such as \"%m/%d/%Y\"")]
pub struct FormatError;

impl DateFormat {
    /// Takes a format such as `%m/%d/%Y` or `%d-%b-%Y`.
    ///
    /// # Errors
    /// [`FormatError`] when it cannot be read, or does not tell day, month and year.
    pub fn parse(format: &str) -> Result<Self, FormatError> {
        let format = format.trim();
        let probe = Date::constant(2024, 11, 23);
        let mut written = String::new();
        write!(written, "{}", probe.strftime(format)).map_err(|_| FormatError)?;
        let read = BrokenDownTime::parse(format, &written).and_then(|time| time.to_date()).map_err(|_| FormatError)?;
        if read != probe {
            return Err(FormatError);
        }
        Ok(Self { format: format.to_owned(), year_first: written.starts_with("2024") })
    }

    /// The format as it was written.
    pub fn as_str(&self) -> &str {
        &self.format
    }
}

/// Dates that systems write for "none".
const FILLERS: [(i16, i8, i8); 7] =
    [(1, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (2999, 12, 31), (9999, 12, 30), (9999, 12, 31)];

const YEARS: std::ops::RangeInclusive<i16> = 1900..=2200;

/// A calendar date as it is written: a time or offset behind it is left out, never reckoned with. With
/// a stated format ISO 8601 is taken too, unless the format itself begins with the year. Fillers
/// (`0000-00-00`, `1/1/1900`, `12/31/9999`) say "no date", for start and end dates alike.
///
/// # Errors
/// [`Invalid::Shape`] for other forms, and for days that no calendar has.
pub fn date<'t>(value: &'t str, format: Option<&DateFormat>) -> Result<Cow<'t, str>, Invalid> {
    let value = trimmed(value);
    if value.is_empty() || is_all_zero(value) {
        return Ok(Cow::Borrowed(""));
    }
    let read = match format {
        None => iso(value),
        Some(format) => stated(value, format).or_else(|| if format.year_first { None } else { iso(value) }),
    };
    let Some(date) = read else {
        return Err(refusal(value, format));
    };
    if FILLERS.contains(&(date.year(), date.month(), date.day())) {
        return Ok(Cow::Borrowed(""));
    }
    if !YEARS.contains(&date.year()) {
        return Err(Invalid::shape("has a year that cannot be right"));
    }
    if is_iso(value) {
        return Ok(Cow::Borrowed(value));
    }
    Ok(Cow::Owned(format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())))
}

fn refusal(value: &str, format: Option<&DateFormat>) -> Invalid {
    if matches!(value.len(), 4..=6) && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Invalid::shape("looks like a spreadsheet's day number; export the column as text");
    }
    Invalid::shape(match format {
        Some(format) => format!("is not a date of the form {}", format.format),
        None => "is not a date of the form YYYY-MM-DD; state the column's format in the mapping".to_owned(),
    })
}

fn is_all_zero(value: &str) -> bool {
    value.len() >= 6 && value.contains('0') && value.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'/' | b'.'))
}

/// Whether the text is already as it is stored, given that it is a date.
fn is_iso(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

fn stated(value: &str, format: &DateFormat) -> Option<Date> {
    let (time, read) = BrokenDownTime::parse_prefix(&format.format, value).ok()?;
    if !is_time(&value.as_bytes()[read..]) {
        return None;
    }
    time.to_date().ok()
}

/// `YYYY-MM-DD` or `YYYYMMDD`, and what [`is_time`] takes behind it.
fn iso(value: &str) -> Option<Date> {
    let bytes = value.as_bytes();
    let number = |range: std::ops::Range<usize>| {
        bytes
            .get(range)?
            .iter()
            .try_fold(0i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let (month, day, end) = if bytes.get(4) == Some(&b'-') {
        if bytes.get(7) != Some(&b'-') {
            return None;
        }
        (number(5..7)?, number(8..10)?, 10)
    } else {
        (number(4..6)?, number(6..8)?, 8)
    };
    if !is_time(&bytes[end..]) {
        return None;
    }
    Date::new(number(0..4)?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Nothing, or what may stand behind a date: a time, an offset (`-07:00`), `Z`.
fn is_time(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b'T' | b't' | b' ' | b'+' | b'-', .., b'0'..=b'9' | b'M' | b'm'] | [b'Z' | b'z'] => time_like(rest),
        [b'T' | b't' | b' ', .., b'Z' | b'z'] => time_like(rest),
        _ => false,
    }
}

fn time_like(rest: &[u8]) -> bool {
    let letters = b"TtZzAaPpMm :.+-,";
    rest.len() <= 32
        && rest.iter().all(|byte| byte.is_ascii_digit() || letters.contains(byte))
        && (rest.len() == 1 || rest.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, format: &str, expected: Option<&str>) {
        let format = (!format.is_empty()).then(|| DateFormat::parse(format).unwrap());
        assert_eq!(date(value, format.as_ref()).ok().as_deref(), expected, "{value:?} as {format:?}");
    }

    #[test]
    fn without_a_format_dates_are_iso() {
        check("2024-03-16", "", Some("2024-03-16"));
        check("20240316", "", Some("2024-03-16"));
        check("03/16/2024", "", None);
        check("2024-3-16", "", None);
        check("2023-02-29", "", None);
        check("2024-13-01", "", None);
        check("2024-03-16x", "", None);
        check("45367", "", None);
    }

    #[test]
    fn a_stated_format_is_read_with_or_without_leading_zeros() {
        check("03/16/2024", "%m/%d/%Y", Some("2024-03-16"));
        check("3/6/2024", "%m/%d/%Y", Some("2024-03-06"));
        check("16.03.2024", "%d.%m.%Y", Some("2024-03-16"));
        check("16-Mar-2024", "%d-%b-%Y", Some("2024-03-16"));
        check("16/03/2024", "%m/%d/%Y", None);
        check("02/30/2024", "%m/%d/%Y", None);
        check("03/16/24", "%m/%d/%Y", None);
        check("not a date", "%m/%d/%Y", None);
    }

    #[test]
    fn iso_is_taken_beside_a_format_unless_that_begins_with_the_year() {
        check("2024-03-16", "%m/%d/%Y", Some("2024-03-16"));
        check("2024-03-16", "%Y-%d-%m", None);
    }

    #[test]
    fn a_time_or_offset_never_moves_the_day() {
        check("2020-03-16-07:00", "", Some("2020-03-16"));
        check("2020-03-16T23:59:59.999-11:00", "", Some("2020-03-16"));
        check("2020-03-16 00:00:00Z", "", Some("2020-03-16"));
        check("03/16/2020 12:00:00 AM", "%m/%d/%Y", Some("2020-03-16"));
    }

    #[test]
    fn fillers_say_no_date() {
        for filler in ["0000-00-00", "1900-01-01", "9999-12-31", "0001-01-01", ""] {
            check(filler, "", Some(""));
        }
        for filler in ["1/1/1900", "12/31/9999", "00/00/0000"] {
            check(filler, "%m/%d/%Y", Some(""));
        }
        check("0204-03-16", "", None);
    }

    #[test]
    fn a_format_must_tell_the_whole_date() {
        for format in ["%m/%Y", "yyyy-mm-dd", "%q", "", "%H:%M", "%"] {
            assert_eq!(DateFormat::parse(format), Err(FormatError), "{format}");
        }
    }
}
