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

/// Judges a record by its shape. `columns` is the header's count.
pub(super) fn shape_of(record: &[u8], cells: &Cells, place: Place, header: &[String], strict_quotes: bool) -> Shape {
    if cells.are_blank() {
        return Shape::Blank;
    }
    if let Some(issue) = odd_quote(record, cells, place, strict_quotes) {
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
    if swallowed(record, header.len()) {
        let message =
            "a quoted field holds what looks like whole rows: a quote on this line is one too many or one too few";
        return Shape::Bad(Issue::at(Code::SwallowedRows, place, message));
    }
    Shape::Row
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

/// Two physical lines of one record that each have as many delimiters as a row: rows were swallowed.
///
/// The delimiter is not asked for: whatever separates cells stands at least `columns - 1` times in a row.
fn swallowed(record: &[u8], columns: usize) -> bool {
    if columns < 2 || line_ends(record) == 0 {
        return false;
    }
    let delimiter = [b',', b'\t', b'|', b';'].into_iter().max_by_key(|byte| memchr_iter(*byte, record).count());
    let Some(delimiter) = delimiter else { return false };
    let lines = record.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines.filter(|line| memchr_iter(delimiter, line).count() >= columns - 1).count() >= 2
}

/// A control character that no text has.
pub(super) fn control_character(text: &[u8]) -> Option<u8> {
    text.iter().copied().find(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127))
}

/// Whether a row of the wrong width at the end of a file is a summary line, and which count it states.
pub(super) fn trailer(cells: &[String]) -> Option<Option<u64>> {
    const WORDS: [&str; 14] = [
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
    let first = cells.first()?.trim().trim_start_matches('#').trim().to_lowercase();
    let (word, number) = match first.rsplit_once([' ', ':', '=']) {
        Some((word, number)) if number.trim().parse::<u64>().is_ok() => {
            (word.trim_end_matches([':', '=', ' ']).trim(), number.trim())
        }
        _ => (first.trim_end_matches(':').trim(), ""),
    };
    if !WORDS.contains(&word) {
        return None;
    }
    let further = cells.iter().skip(1).find_map(|cell| cell.trim().parse().ok());
    Some(number.parse().ok().or(further))
}
