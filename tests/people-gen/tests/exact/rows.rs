//! The rows look like those of an HR system, and no option changes what they say.

use crate::common::{file, meaning, records, settings};
use std::io::Cursor;

use muster_core::field::CATALOGUE;
use muster_core::file::{Keys, Limits, open};
use muster_core::settings::{Mode, Origin};
use muster_core::status::ImportChoice;
use people_gen::{COLUMNS, Encoding, Options, field_of};
use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

fn check_style(name: &str, change: impl FnOnce(&mut Options)) {
    let plain = Options { people: 600, day: 2, dirt: true, ..Options::default() };
    let mut other = plain.clone();
    change(&mut other);
    assert_ne!(file(&plain).0, file(&other).0, "{name} has an effect");
    assert_eq!(meaning(&plain), meaning(&other), "{name}");
    assert_eq!(file(&plain).1, file(&other).1, "{name}");
}

#[test]
fn no_style_changes_the_meaning() {
    check_style("shuffle", |o| o.shuffle = true);
    check_style("needless quotes", |o| o.needless_quotes_permille = 50);
    check_style("all quoted", |o| o.needless_quotes_permille = 1000);
    check_style("crlf", |o| o.crlf = true);
    check_style("bom", |o| o.bom = true);
    check_style("restyle", |o| o.restyle = true);
    check_style("final newline", |o| o.final_newline = false);
    for delimiter in *b";|\t" {
        check_style("delimiter", |o| o.delimiter = delimiter);
        check_style("delimiter and restyle", |o| (o.delimiter, o.restyle) = (delimiter, true));
    }
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        check_style("utf-16", |o| (o.encoding, o.bom, o.delimiter) = (encoding, true, b'\t'));
    }
}

#[test]
fn windows_1252_loses_nothing_but_the_invisible_characters() {
    let plain = Options { people: 5000, ..Options::default() };
    let other = Options { encoding: Encoding::Windows1252, bom: true, ..plain.clone() };
    assert_ne!(file(&plain).0, file(&other).0);
    assert_eq!(meaning(&plain), meaning(&other));
    let dirty = |encoding| meaning(&Options { people: 50, dirt: true, encoding, ..Options::default() });
    let (mut utf_8, mut other) = (dirty(Encoding::Utf8), dirty(Encoding::Windows1252));
    assert_ne!(utf_8.people.remove("D000018"), other.people.remove("D000018"));
    assert_eq!(utf_8, other);
}

#[test]
fn clean_rows_have_no_issue_in_any_style() {
    for restyle in [false, true] {
        let found = meaning(&Options { people: 20_000, day: 2, changed_permille: 500, restyle, ..Options::default() });
        assert_eq!(found.issues.first(), None, "{restyle}");
        assert_eq!(found.people.len(), 20_000);
    }
}

#[test]
fn dirty_rows_have_the_issues_that_are_told() {
    // Found by others than the mapping.
    let elsewhere = ["blank_row", "duplicate_id", "repeated_row", "header_nameless"];
    for day in [1, 2] {
        let options = Options { day, dirt: true, blocked_column: true, ..Options::default() };
        let (found, mut told) = (meaning(&options), file(&options).1);
        assert_eq!(found.rows, told.rows);
        told.issues.retain(|(code, _)| !elsewhere.contains(code));
        assert_eq!(found.issues, told.issues, "day {day}");
        let twice: Vec<_> = found.people.iter().filter(|(_, said)| said.len() > 1).collect();
        assert_eq!(twice.len(), if day == 1 { 2 } else { 3 });
        assert_eq!(twice.iter().filter(|(_, said)| said[0] == said[1]).count(), 1);
    }
}

#[test]
fn managers_are_people_of_the_file() {
    let options = Options { people: 5000, day: 4, changed_permille: 300, gone_permille: 300, ..Options::default() };
    let rows = records(&file(&options).0, &options).1;
    let ids: std::collections::HashSet<&str> =
        rows.iter().filter(|row| row[19] != "T").map(|row| row[0].as_str()).collect();
    let unknown = rows.iter().filter(|row| !row[26].is_empty() && !ids.contains(row[26].as_str())).count();
    assert_eq!(unknown, 0);
    assert!(rows.iter().filter(|row| row[26].is_empty()).count() < 20);
}

#[test]
fn phone_numbers_are_of_their_countrys_plan() {
    for restyle in [false, true] {
        let options = Options { people: 20_000, restyle, ..Options::default() };
        let mut national = 0;
        for row in records(&file(&options).0, &options).1 {
            for number in row[6..11].iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()) {
                let parsed = PHONE_NUMBER_UTIL.parse(number, Some(Region::US)).unwrap();
                assert!(PHONE_NUMBER_UTIL.is_valid_number(&parsed), "{number}");
                assert!(number.starts_with('+') || parsed.country_code == 1, "{number}");
                national += usize::from(!number.starts_with('+'));
            }
        }
        assert!(national > 5000);
    }
}

#[test]
fn rows_have_the_size_and_the_oddities_of_real_ones() {
    let options = Options { people: 20_000, ..Options::default() };
    let bytes = file(&options).0;
    let rows = records(&bytes, &options).1;
    let filled = rows.iter().flatten().filter(|cell| !cell.is_empty()).count() as f64 / rows.len() as f64;
    assert!((26.5..27.5).contains(&filled), "{filled}");
    let size = bytes.len() as f64 / rows.len() as f64;
    assert!((335.0..365.0).contains(&size), "{size}");
    let share = |fits: &dyn Fn(&str) -> bool| {
        rows.iter().filter(|row| row.iter().any(|cell| fits(cell))).count() as f64 / rows.len() as f64
    };
    assert!((0.3..0.7).contains(&share(&|cell| !cell.is_ascii())), "{}", share(&|cell| !cell.is_ascii()));
    assert!((0.001..0.01).contains(&share(&|cell| cell.contains('\n'))));
    assert!(share(&|cell| cell.contains('"')) > 0.01);
    assert!(rows[0][0].starts_with("000"));
    assert_eq!(rows.iter().map(|row| row[16].as_str()).collect::<std::collections::BTreeSet<_>>().len(), 10);
}

#[test]
fn file_ends_and_marks_are_as_asked() {
    let bytes = |change: fn(&mut Options)| {
        let mut options = Options { people: 30, ..Options::default() };
        change(&mut options);
        file(&options).0
    };
    assert!(bytes(|_| ()).ends_with(b"\n") && !bytes(|_| ()).contains(&b'\r'));
    assert!(!bytes(|o| o.final_newline = false).ends_with(b"\n"));
    assert!(bytes(|o| o.crlf = true).ends_with(b"\r\n"));
    assert!(bytes(|o| o.bom = true).starts_with(b"\xef\xbb\xbfEmployee"));
    assert!(bytes(|o| (o.bom, o.encoding) = (true, Encoding::Utf16Le)).starts_with(b"\xff\xfeE\0"));
    assert!(bytes(|o| (o.bom, o.encoding) = (true, Encoding::Utf16Be)).starts_with(b"\xfe\xff\0E"));
    assert!(bytes(|o| o.blocked_column = true).windows(11).any(|part| part == b",Shift,SSN\n"));
}

#[test]
fn the_connection_maps_every_field_to_its_column() {
    let settings = settings();
    assert_eq!(settings.fields.len(), CATALOGUE.len());
    for (column, spec) in COLUMNS.into_iter().zip(CATALOGUE) {
        assert_eq!(field_of(column), Some(spec.name));
        let field = muster_core::field::Field::by_name(spec.name).unwrap();
        assert_eq!(settings.fields[&field].origin, Origin::Column(column.to_owned()));
    }
    assert_eq!((settings.name.as_str(), settings.mode), ("Payroll \"nightly\"", Mode::Active));
    assert_eq!(settings.import, ImportChoice::ActiveAndInactive);
    assert_eq!(settings.file.pattern.as_deref(), Some("acme_people_{mmddyyyy}.csv"));
}

#[test]
fn the_real_reader_tells_delimiter_and_encoding() {
    for (encoding, name) in
        [(Encoding::Utf8, "UTF-8"), (Encoding::Utf16Le, "UTF-16LE"), (Encoding::Utf16Be, "UTF-16BE")]
    {
        for delimiter in *b",;|\t" {
            let options = Options { encoding, delimiter, bom: true, dirt: true, restyle: true, ..Options::default() };
            let (keys, limits) = (Keys::default(), Limits::default());
            let opened = open(Cursor::new(file(&options).0), &settings().file, &keys, &limits).unwrap();
            assert_eq!((opened.delimiter, opened.encoding), (delimiter, name));
            assert_eq!(opened.header[..33], COLUMNS);
        }
    }
}
