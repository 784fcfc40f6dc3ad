//! The file of issues that goes back to the customer: opens in a spreadsheet, and can be corrected
//! and uploaded again.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and people's data
//! may hold one. Such a cell gets a `'` in front; a reader takes it off again with [`undo_guard`], so
//! that phone numbers in a corrected file come back as they were.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::issue::Issue;

/// The columns in front of the original record's.
const COLUMNS: [&str; 8] = ["file", "record", "line", "severity", "code", "field", "column", "reason"];

/// Writes one row per issue: UTF-8 with byte order mark, comma, CRLF. `header` is the original file's;
/// an issue's record follows its columns, blocked ones already masked.
///
/// # Errors
/// What `out` fails with.
pub fn write_errors(out: &mut impl Write, file_name: &str, header: &[String], issues: &[Issue]) -> io::Result<()> {
    out.write_all(b"\xEF\xBB\xBF")?;
    // A record may have more cells than the header; every row of this file is as wide.
    let width = issues.iter().map(|issue| issue.original.len()).fold(header.len(), usize::max);
    let filled = |cells: &[String]| std::iter::repeat_n("", width.saturating_sub(cells.len()));
    write_row(out, COLUMNS.into_iter().chain(header.iter().map(String::as_str)).chain(filled(header)))?;
    for issue in issues {
        let number = |count: u64| if count == 0 { String::new() } else { count.to_string() };
        let (record, line) = (number(issue.place.record), number(issue.place.line));
        let told = [
            file_name,
            &record,
            &line,
            issue.code.severity().as_str(),
            issue.code.as_str(),
            issue.field.map_or("", crate::field::Field::name),
            issue.column.as_deref().unwrap_or_default(),
            &issue.message,
        ];
        let original = issue.original.iter().map(String::as_str).chain(filled(&issue.original));
        write_row(out, told.into_iter().chain(original))?;
    }
    Ok(())
}

fn write_row<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        let cell = guard(cell);
        if needs_quotes(&cell) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

fn needs_quotes(cell: &str) -> bool {
    cell.contains([',', '"', '\r', '\n', '\t', ';', '|']) || cell.starts_with(' ') || cell.ends_with(' ')
}

/// What a spreadsheet may take for the start of a formula, the full-width forms too.
fn starts_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// Whether a `'` stands, or has to stand, in front: so many of them and then the start of a formula.
/// Cells that bring a `'` of their own count too, or theirs would be taken for ours.
fn is_guardable(cell: &str) -> bool {
    starts_formula(cell.trim_start_matches('\''))
}

/// A cell as it may stand in a file that is opened in a spreadsheet.
pub fn guard(cell: &str) -> Cow<'_, str> {
    if is_guardable(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Takes off the `'` that [`guard`] sets, and nothing else.
pub fn undo_guard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_guardable(rest) => rest,
        _ => cell,
    }
}

/// A file that [`write_errors`] wrote without the rows that have this text in a cell, whatever its case; `None` when no
/// row has. The header stays.
pub fn errors_without(file: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(file.len());
    for (at, row) in rows_of(file).into_iter().enumerate() {
        if at == 0 || !has_cell(row, text) {
            kept.extend_from_slice(row);
        }
    }
    (kept.len() < file.len()).then_some(kept)
}

/// How many rows a file that [`write_errors`] wrote has below its header.
pub fn error_rows(file: &[u8]) -> usize {
    rows_of(file).len().saturating_sub(1)
}

/// Rows with their line ends; one inside quotes ends no row.
fn rows_of(file: &[u8]) -> Vec<&[u8]> {
    let mut quoted = false;
    let ends = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b'\n' && !quoted
    };
    file.split_inclusive(ends).collect()
}

fn has_cell(row: &[u8], text: &str) -> bool {
    let mut quoted = false;
    let ends = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    row.split(ends).any(|cell| {
        let cell = String::from_utf8_lossy(cell);
        let cell = cell.trim_end_matches(['\r', '\n']);
        let cell = match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => cell.to_owned(),
        };
        undo_guard(cell.trim()).trim().to_lowercase() == text.to_lowercase()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::Field;
    use crate::issue::{Code, Place};

    fn written(header: &[&str], issues: &[Issue]) -> Vec<u8> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        write_errors(&mut out, "people.csv", &header, issues).unwrap();
        out
    }

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    fn phone_issue(original: &[&str]) -> Issue {
        let mut issue =
            Issue::at(Code::Invalid, Place { record: 2, line: 3 }, "not a phone number, write it as +15550100");
        issue.field = Some(Field::by_name("text_1").unwrap());
        issue.column = Some("Mobile".to_owned());
        issue.original = original.iter().map(|cell| (*cell).to_owned()).collect();
        issue
    }

    #[test]
    fn each_issue_is_a_row_with_its_place_its_reason_and_the_original_record() {
        let bytes =
            written(&["Id", "Mobile"], &[phone_issue(&["007", "12\"3"]), Issue::file(Code::NoRows, "no people")]);
        assert!(bytes.starts_with(b"\xEF\xBB\xBFfile,record,line,"));
        assert!(bytes.ends_with(b"\r\n"));
        let rows = rows(&bytes);
        assert_eq!(rows[0][8..], ["Id", "Mobile"]);
        assert_eq!(
            rows[1],
            [
                "people.csv",
                "2",
                "3",
                "error",
                "invalid",
                "text_1",
                "Mobile",
                "not a phone number, write it as +15550100",
                "007",
                "12\"3"
            ]
        );
        assert_eq!(rows[2], ["people.csv", "", "", "error", "no_rows", "", "", "no people", "", ""]);
    }

    #[test]
    fn rows_of_one_person_are_taken_out_and_the_others_stay_as_they_are() {
        let header = ["Id", "Mobile"];
        let ana = phone_issue(&["-7,\"x\"\n", "1"]);
        let (bo, header_like) = (phone_issue(&["8", "-7"]), phone_issue(&["Id", "3"]));
        let all = written(&header, &[ana.clone(), bo.clone(), header_like.clone()]);
        assert_eq!(errors_without(&all, "-7,\"X\""), Some(written(&header, &[bo, header_like.clone()])));
        assert_eq!(errors_without(&all, "-7"), Some(written(&header, &[ana, header_like])));
        assert_eq!(errors_without(&all, "nobody"), None);
        assert_eq!((error_rows(&all), error_rows(&written(&header, &[]))), (3, 0));
    }

    /// T8, B34: no cell of an error file begins a formula.
    #[test]
    fn formulas_are_defused_wherever_they_stand() {
        let evil = ["=1+1", "+1 555", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－1"];
        let rows = rows(&written(&["=cmd()", "b", "c", "d", "e", "f", "g", "h", "i"], &[phone_issue(&evil)]));
        for cell in rows[0].iter().chain(&rows[1]) {
            assert!(!starts_formula(cell), "{cell:?}");
        }
        assert_eq!(rows[1][8..].iter().map(|cell| undo_guard(cell)).collect::<Vec<_>>(), evil);
    }

    #[test]
    fn only_our_own_guard_is_taken_off() {
        for (cell, expected) in
            [("'=1", "=1"), ("'tis", "'tis"), ("O'Neil", "O'Neil"), ("'", "'"), ("''", "''"), ("'+1", "+1")]
        {
            assert_eq!(undo_guard(cell), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        /// T8: a corrected error file brings back what was in it.
        #[test]
        fn a_guarded_cell_comes_back_as_it_was(cell in "['=+@＝\\-\t\r\n]{0,3}\\PC{0,6}") {
            let guarded = guard(&cell);
            prop_assert!(!starts_formula(&guarded));
            prop_assert_eq!(undo_guard(&guarded), cell.as_str());
            let bytes = written(&["a"], &[phone_issue(&[&cell])]);
            let rows = rows(&bytes);
            prop_assert_eq!(undo_guard(&rows[1][8]), cell.as_str());
        }
    }
}
