//! Text of every shape, and what its header must be.

use std::io::{Cursor, Read};

use proptest::prelude::*;

use super::dialect::split;
use super::testing::*;
use super::{Limits, open};
use crate::issue::Code;
use crate::settings::{Encoding, FileSettings};

fn codes(issues: &[crate::issue::Issue]) -> Vec<Code> {
    issues.iter().map(|issue| issue.code).collect()
}

/// B01, B03, B52: nothing, a byte order mark, blank lines, Ctrl-Z.
#[test]
fn a_file_without_a_header_has_no_rows() {
    for bytes in [
        &b""[..],
        b"\xEF\xBB\xBF",
        b"\xFF\xFE",
        b"\r\n\n  \n",
        b"\x1A",
        b"\n\x1A\r\n",
        b"sep=;\r\n",
        "\u{FEFF}\u{A0}\n".as_bytes(),
    ] {
        check_refused(bytes, Code::NoRows, "empty");
    }
}

/// B02, B03: a header alone opens, so that a mapping can be made from it; its body is empty.
#[test]
fn a_header_alone_opens_with_an_empty_body() {
    for bytes in [&b"Employee ID,Name"[..], b"\xEF\xBB\xBFEmployee ID,Name\r\n"] {
        assert_eq!(check_opens(bytes, &["Employee ID", "Name"], ""), []);
    }
}

/// B04: a first record of data is no header, and is not quoted in the reason.
#[test]
fn a_first_record_of_data_is_not_taken_for_a_header() {
    for bytes in [
        &b"1001,Ann,Smith,ann@acme.example\n1002,Bob,Ray,bob@acme.example\n"[..],
        b"1001,5550100,2024-01-31,Ann\n",
        b"1001\n1002\n",
    ] {
        check_refused(bytes, Code::Header, "looks like a person");
    }
    check_opens(b"Employee ID,Name,2025\n1,2,3\n", &["Employee ID", "Name", "2025"], "1,2,3\n");
}

/// B05: a title line above the header is named as one.
#[test]
fn a_title_line_above_the_header_is_named() {
    check_refused(b"Acme, Inc. people\nid;name;city\n1;Ann;Rome\n", Code::Header, "skip_lines");
    let bytes = b"People of Acme\nid,name,city\n1,Ann,Rome\n";
    check_refused(bytes, Code::Header, "skip_lines");
    let file =
        open(Cursor::new(bytes), &FileSettings { skip_lines: 1, ..settings() }, &keys(), &Limits::default()).unwrap();
    assert_eq!((file.header.clone(), file.first_line), (vec!["id".into(), "name".into(), "city".into()], 3));
    assert_eq!(codes(&file.issues), [Code::LineSkipped]);
}

/// B07: two columns of one name are refused and named, also when only invisible letters differ.
#[test]
fn two_columns_of_one_name_are_refused() {
    check_refused(b"id,Name,City,Name\n1,a,b,c\n", Code::Header, "\"Name\"");
    check_refused("id,Name,\u{FEFF}Name\u{200B}\u{A0}\n1,a,b\n".as_bytes(), Code::Header, "\"Name\"");
}

#[test]
fn a_column_without_a_name_is_ignored_and_told() {
    let issues = check_opens(b"id,name,,\n1,a,,\n", &["id", "name", "", ""], "1,a,,\n");
    assert_eq!(codes(&issues), [Code::HeaderNameless]);
    assert!(issues[0].message.contains("3, 4"));
    check_refused(b",,,\n1,a,b,c\n", Code::Header, "no column");
}

#[test]
fn names_are_cleaned_of_what_cannot_be_seen() {
    let text = "\u{FEFF} id\u{A0},\"First\r\nName\",\u{200B}City \n1,a,b\n";
    check_opens(text.as_bytes(), &["id", "First Name", "City"], "1,a,b\n");
}

/// B08: the mark is no part of the first name, quoted or not.
#[test]
fn a_byte_order_mark_is_left_out() {
    check_opens(b"\xEF\xBB\xBFid,name\n1,a\n", &["id", "name"], "1,a\n");
    check_opens(b"\xEF\xBB\xBF\"id\",\"name\"\n1,a\n", &["id", "name"], "1,a\n");
}

/// B09, B10: UTF-16 with a mark is decoded.
#[test]
fn utf_16_with_a_mark_is_decoded() {
    for little in [true, false] {
        let file = opened(&utf_16("id\tnäme\r\n1\tЖ😀\r\n", little, true));
        assert_eq!(file.encoding, if little { "UTF-16LE" } else { "UTF-16BE" });
        assert_eq!((file.header.clone(), file.delimiter), (vec!["id".to_owned(), "näme".to_owned()], b'\t'));
        assert_eq!(String::from_utf8(body(file)).unwrap(), "1\tЖ😀\r\n");
    }
}

/// B09, B10: without a mark, and UTF-32, they are refused by name.
#[test]
fn utf_16_without_a_mark_and_utf_32_are_refused_by_name() {
    check_refused(&utf_16("id,name\n1,a\n", true, false), Code::Encoding, "UTF-16LE without");
    check_refused(&utf_16("id,name\n1,a\n", false, false), Code::Encoding, "UTF-16BE without");
    let wide: Vec<u8> = "\u{FEFF}id,name\n".chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
    check_refused(&wide, Code::Encoding, "UTF-32LE");
    check_refused(&wide[4..], Code::Encoding, "UTF-32LE");
}

#[test]
fn a_letter_that_is_not_utf_16_costs_its_record_and_half_a_letter_at_the_end_the_file() {
    let mut bytes = utf_16("id,name\n1,a\n2,", true, true);
    bytes.extend([0x00, 0xD8, b'\n', 0, b'3', 0, b',', 0, b'c', 0, b'\n', 0]);
    assert_eq!(body(opened(&bytes)), b"1,a\n2,\xFF\n3,c\n");
    bytes.pop();
    assert_eq!(read_all(&bytes), Err(Code::Truncated));
}

/// B11: windows-1252 is decoded where the connection says so, a mark outranks it, and else it is hinted at.
#[test]
fn windows_1252_is_read_only_where_it_is_stated() {
    let stated = FileSettings { encoding: Encoding::Windows1252, ..settings() };
    let bytes = b"id,name\n1,Jos\xE9 \x80\n";
    let file = open(Cursor::new(bytes), &stated, &keys(), &Limits::default()).unwrap();
    assert_eq!(file.encoding, "windows-1252");
    assert_eq!(body(file), "1,José €\n".as_bytes());
    let marked = open(Cursor::new("\u{FEFF}id,name\n1,José\n"), &stated, &keys(), &Limits::default()).unwrap();
    assert_eq!(body(marked), "1,José\n".as_bytes());

    let wrongly = open(Cursor::new("id,name\n1,José\n"), &stated, &keys(), &Limits::default());
    check_refusal(wrongly, Code::Encoding, "encoding = \"utf-8\"");

    let unstated = opened(bytes);
    assert!(unstated.encoding_hint.unwrap().contains("windows-1252"));
    assert_eq!(body(unstated), b"1,Jos\xE9 \x80\n");
    assert_eq!(opened(PEOPLE.as_bytes()).encoding_hint, None);
    check_refused(b"id,Pr\xE9nom\n1,a\n", Code::Encoding, "windows-1252");
}

/// B12: a header with NUL or another control character; a closing Ctrl-Z is none.
#[test]
fn control_characters_in_the_header_refuse_the_file() {
    check_refused(b"id,na\0me\n1,a\n", Code::Header, "NUL");
    check_refused(b"QK\x03\x04\nid,name\n1,a\n", Code::Header, "control");
    check_opens(b"id,name\x1A", &["id", "name"], "");
}

/// B13, B14, B15: the delimiter is told from header and rows.
#[test]
fn the_delimiter_is_told_from_header_and_rows() {
    for (text, delimiter) in [
        ("id,name\n1,a\n", b','),
        ("id\tname\n1\ta\n", b'\t'),
        ("id|name\n1|a\n", b'|'),
        ("id;name\n1;a\n", b';'),
        ("\"a,b,c\";d\n\"1,2,3\";x\n", b';'),
        ("id|Name, First|City\n1|Smith, A|Rome\n2|Ray, B|Ulm\n", b'|'),
        ("id|Last, First\n1|Ann\n2|Bob\n3|Cy\n", b'|'),
        ("id,name,groups;roles\n1,a,x;y\n2,b,z;w\n", b','),
    ] {
        assert_eq!(char::from(opened(text.as_bytes()).delimiter), char::from(delimiter), "{text}");
    }
}

#[test]
fn a_delimiter_that_cannot_be_told_refuses_the_file() {
    check_refused(b"a,b;c\n1,2;3\n", Code::Delimiter, "comma and semicolon");
}

/// B13: a stated delimiter that leaves one column where another makes many.
#[test]
fn a_wrong_stated_delimiter_is_named_with_the_right_one() {
    let stated = FileSettings { delimiter: Some(b','), ..settings() };
    let result = open(Cursor::new("id;name;city\n1;a;b\n"), &stated, &keys(), &Limits::default());
    check_refusal(result, Code::Delimiter, "semicolon");
    let fine = open(Cursor::new("id,n;a,m;e\n"), &stated, &keys(), &Limits::default()).unwrap();
    assert_eq!(fine.header, ["id", "n;a", "m;e"]);
}

#[test]
fn a_file_of_one_column_is_one() {
    check_opens(b"Employee ID\n007\n008\n", &["Employee ID"], "007\n008\n");
}

#[test]
fn a_sep_line_gives_the_delimiter_and_is_told() {
    for line in ["sep=;", "SEP=;", "\"sep=;\""] {
        let file = opened(format!("\n{line}\r\na,b;c\r\n1,2;3\r\n").as_bytes());
        assert_eq!((file.delimiter, file.first_line, file.header.len()), (b';', 4, 2));
        assert!(file.issues.iter().any(|issue| issue.code == Code::LineSkipped && issue.place.line == 2));
    }
}

/// B16, B17: each line end counts as one physical line.
#[test]
fn the_first_data_line_is_counted_right_under_every_line_end() {
    for (text, line) in [
        ("id,name\n1,a\n", 2),
        ("id,name\r\n1,a\r\n", 2),
        ("id,name\r1,a\r", 2),
        ("\r\n\r\nid,name\r\n1,a\r\n", 4),
        ("\r\rid,\"na\rme\"\r1,a\r", 5),
        ("id,\"na\r\nme\"\n1,a\r\n", 3),
    ] {
        let file = opened(text.as_bytes());
        assert_eq!(file.first_line, line, "{text:?}");
        assert_eq!(body(file).first(), Some(&b'1'));
    }
}

/// B22: a quote that is opened in the header and never closed.
#[test]
fn a_quote_left_open_in_the_header_is_named_with_its_line() {
    for end in ["\n1,a\n2,b\n", ""] {
        check_refused(format!("id,\"name{end}").as_bytes(), Code::UnclosedQuote, "never closed");
    }
    check_refused(format!("id,\"name\n{}", "1,a\n".repeat(3 << 20)).as_bytes(), Code::UnclosedQuote, "never closed");
}

/// B20: a header whose quote closes only in a later row has swallowed people.
#[test]
fn a_header_that_swallowed_rows_is_refused() {
    check_refused(b"id,\"name,city\n1,a,b\n2,c\",d\n3,e,f\n", Code::SwallowedRows, "header");
}

/// B23, B24, B25: one endless line, one endless cell, ten thousand columns.
#[test]
fn an_endless_header_is_stopped() {
    check_refused(&vec![b'a'; 6 << 20], Code::TooLarge, "start of the file");
    check_refused(&b"ab,".repeat(10_000), Code::TooLarge, "2000 columns");
    check_refused(&[&vec![b' '; 6 << 20][..], b"\nid,name\n"].concat(), Code::TooLarge, "start of the file");
}

/// A reader that gives one byte here and many there.
struct Odd(Cursor<Vec<u8>>, usize);

impl Read for Odd {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 * 5 % 13 + 1;
        let count = buffer.len().min(self.1);
        self.0.read(&mut buffer[..count])
    }
}

impl std::io::Seek for Odd {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

fn utf_16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{FEFF}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16()).collect::<Vec<_>>();
    units.into_iter().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

fn table_text(table: &[Vec<String>], delimiter: char, end: &str) -> String {
    let mut text = String::new();
    for row in table {
        let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        text += &cells.join(&delimiter.to_string());
        text += end;
    }
    text
}

fn cells_of(text: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut rest = text;
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let row = split(rest, delimiter, true);
        rest = &rest[row.next..];
        rows.push(row.cells);
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn the_same_table_reads_the_same_in_every_dialect(
        rows in proptest::collection::vec(proptest::collection::vec("[a-zé€\",;|\t ]{0,8}", 4), 0..6),
        delimiter in prop::sample::select(vec![',', '\t', '|', ';']),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        form in 0usize..5,
    ) {
        let header: Vec<String> = ["Employee ID", "Prénom", "City", "E-Mail"].map(str::to_owned).to_vec();
        let table: Vec<Vec<String>> = std::iter::once(header.clone()).chain(rows.clone()).collect();
        let text = table_text(&table, delimiter, end);
        let (bytes, stated) = match form {
            0 => (text.into_bytes(), Encoding::Utf8),
            1 => (format!("\u{FEFF}{text}").into_bytes(), Encoding::Windows1252),
            2 => (utf_16(&text, true, true), Encoding::Utf8),
            3 => (utf_16(&text, false, true), Encoding::Utf8),
            _ => (encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(), Encoding::Windows1252),
        };
        let input = Odd(Cursor::new(bytes), 3);
        let file = open(input, &FileSettings { encoding: stated, ..settings() }, &keys(), &Limits::default()).unwrap();
        prop_assert_eq!(&file.header, &header);
        prop_assert_eq!(file.delimiter, delimiter as u8);
        let expected: Vec<Vec<Vec<u8>>> = rows.iter().map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(cells_of(&body(file), delimiter as u8), expected);
    }

    #[test]
    fn records_are_split_as_the_csv_crate_splits_them(text in "[a-c,\"\r\n ]{0,60}") {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let theirs: Vec<Vec<Vec<u8>>> =
            reader.byte_records().map(|row| row.unwrap().iter().map(<[u8]>::to_vec).collect()).collect();
        // The crate leaves out blank lines.
        let ours: Vec<Vec<Vec<u8>>> = cells_of(text.as_bytes(), b',').into_iter().filter(|row| row != &[Vec::<u8>::new()]).collect();
        let theirs: Vec<_> = theirs.into_iter().filter(|row| row != &[Vec::<u8>::new()]).collect();
        prop_assert_eq!(ours, theirs);
    }
}

/// Reads that are asked for reach the input as they are: nothing in between looks at each byte.
#[test]
fn plain_utf_8_is_handed_through_in_large_reads() {
    struct Largest<'a>(Cursor<Vec<u8>>, &'a std::sync::atomic::AtomicUsize);
    impl Read for Largest<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1.fetch_max(count, std::sync::atomic::Ordering::Relaxed);
            Ok(count)
        }
    }
    impl std::io::Seek for Largest<'_> {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let largest = std::sync::atomic::AtomicUsize::new(0);
    let text = format!("id,name\n{}", "1,a\n".repeat(500_000));
    let mut file =
        open(Largest(Cursor::new(text.into_bytes()), &largest), &settings(), &keys(), &Limits::default()).unwrap();
    let mut buffer = vec![0; 512 << 10];
    while file.body.read(&mut buffer).unwrap() > 0 {}
    drop(file);
    assert_eq!(largest.into_inner(), 512 << 10);
}
