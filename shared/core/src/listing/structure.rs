//! Damage that a CSV parser does not see.

use memchr::memchr_iter;

use super::cells::{Cells, Oddity};
use super::split::line_ends;
use crate::issue::{Code, Issue, Place};

/// What a record's shape says about the file.
#[derive(Debug)]
pub(super) enum Shape {
    /// A person's row.
    Row,
    /// Nothing but delimiters and white space.
    Blank,
    /// An odd row: it is told, and what comes after it says how bad that is.
    Suspect(Issue),
    /// Damage or a row that cannot be read.
    Bad(Issue),
}

/// What the file's records look like.
pub(super) struct Form<'a> {
    pub(super) header: &'a [String],
    pub(super) delimiter: u8,
    pub(super) strict_quotes: bool,
    pub(super) key_column: Option<usize>,
}

/// Judges a record by its shape.
pub(super) fn shape_of(record: &[u8], cells: &Cells, place: Place, form: &Form<'_>) -> Shape {
    let header = form.header;
    if cells.are_blank() {
        return Shape::Blank;
    }
    if let Some(issue) = odd_quote(record, cells, place, form.strict_quotes) {
        return Shape::Bad(issue);
    }
    if (0..cells.len()).any(|at| cells.bytes(at).starts_with("\u{feff}".as_bytes())) {
        let message =
            "a byte order mark stands in the middle of the file, as if two files had been joined; send one file";
        return Shape::Bad(Issue::at(Code::ByteOrderMark, place, message));
    }
    if cells.len() != header.len() {
        let message = format!("the row has {} cells where the header has {}", cells.len(), header.len());
        return Shape::Suspect(Issue::at(Code::ColumnCount, place, message));
    }
    if header.len() > 1 && (0..cells.len()).all(|at| cells.bytes(at) == header[at].as_bytes()) {
        let message =
            "the header stands again in the middle of the file, as if two files had been joined; send one file";
        return Shape::Bad(Issue::at(Code::HeaderRepeated, place, message));
    }
    if swallowed(record, cells, form) {
        let message =
            "a quoted field holds what looks like whole rows: a quote on this line is one too many or one too few";
        return Shape::Bad(Issue::at(Code::SwallowedRows, place, message));
    }
    if let Some(issue) = full_width_trailer(cells, place) {
        return Shape::Suspect(issue);
    }
    Shape::Row
}

/// A summary line that was filled up to the header's width.
fn full_width_trailer(cells: &Cells, place: Place) -> Option<Issue> {
    let filled = (0..cells.len()).filter(|at| !cells.bytes(*at).trim_ascii().is_empty()).count();
    if filled > 2 || cells.len() < 4 || !is_trailer(&String::from_utf8_lossy(cells.bytes(0))) {
        return None;
    }
    let message = "the row looks like a summary line in the middle of the file; send one file, its people only";
    Some(Issue::at(Code::IdInvalid, place, message))
}

fn odd_quote(record: &[u8], cells: &Cells, place: Place, strict: bool) -> Option<Issue> {
    let (at, message) = match cells.oddity? {
        Oddity::QuoteInside(_) if !strict => return None,
        Oddity::QuoteInside(at) => (
            at,
            "a quote stands inside a field that does not begin with one; double it and quote the field, or set stray_quotes = \"text\"",
        ),
        Oddity::TextBehindQuote(at) => (at, "text follows a closing quote; double quotes that belong to the text"),
    };
    let line = place.line + line_ends(&record[..at]);
    Some(Issue::at(Code::StrayQuote, Place { line, ..place }, message))
}

/// Two physical lines of one record that each have as many delimiters as a row, the later one with something like
/// a unique id in its place: rows were swallowed. An address of several lines with commas has no id there.
fn swallowed(record: &[u8], cells: &Cells, form: &Form<'_>) -> bool {
    let columns = form.header.len();
    if columns < 2 || line_ends(record) == 0 {
        return false;
    }
    let is_wide = |line: &&[u8]| memchr_iter(form.delimiter, line).count() >= columns - 1;
    let mut wide = record.split(|byte| matches!(byte, b'\n' | b'\r')).filter(is_wide);
    let Some(column) = form.key_column else { return wide.nth(1).is_some() };
    let own = cells.bytes(column);
    wide.next().is_some()
        && wide.any(|line| {
            let inner = line.split(|byte| *byte == form.delimiter).nth(column).unwrap_or_default();
            is_id_like(inner.trim_ascii(), own.trim_ascii())
        })
}

/// Whether a text may be an id of the same making as another one.
fn is_id_like(text: &[u8], other: &[u8]) -> bool {
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    let has_digit = |text: &[u8]| text.iter().any(u8::is_ascii_digit);
    let has_letter = |text: &[u8]| text.iter().any(u8::is_ascii_alphabetic);
    !text.is_empty()
        && text.contains(&b' ') <= other.contains(&b' ')
        && has_digit(text) >= has_digit(other)
        && has_letter(text) <= has_letter(other)
}

/// A control character that no text has.
pub(super) fn control_character(text: &[u8]) -> Option<u8> {
    text.iter().copied().find(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127))
}

const TRAILER_WORDS: [&str; 14] = [
    "total",
    "totals",
    "trailer",
    "trl",
    "trlr",
    "end",
    "eof",
    "end of file",
    "end of report",
    "count",
    "records",
    "record count",
    "rows",
    "row count",
];

/// A summary line's first cell, and the number in it.
fn trailer_word(cell: &str) -> Option<Option<u64>> {
    let first = cell.trim().trim_start_matches('#').trim().to_lowercase();
    let (word, number) = match first.rsplit_once([' ', ':', '=']) {
        Some((word, number)) if number.trim().parse::<u64>().is_ok() => {
            (word.trim_end_matches([':', '=', ' ']).trim(), number.trim())
        }
        _ => (first.trim_end_matches(':').trim(), ""),
    };
    TRAILER_WORDS.contains(&word).then(|| number.parse().ok())
}

fn is_trailer(cell: &str) -> bool {
    trailer_word(cell).is_some()
}

/// Whether a row at the end of a file is a summary line, and which count it states.
pub(super) fn trailer(cells: &[String]) -> Option<Option<u64>> {
    let number = trailer_word(cells.first()?)?;
    Some(number.or_else(|| cells.iter().skip(1).find_map(|cell| cell.trim().parse().ok())))
}
