//! What a file looks like never matters, what it says is what the directory holds after, and nothing makes reading
//! panic.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;

use muster_core::plan::{Reversal, reverse_against};
use muster_core::settings::Encoding;
use proptest::prelude::*;
use support::{Office, shown};

const SETTINGS: &str = r#"
account = "acme"
name = "people"
mode = "active"
group = "Acme staff"
default_country = "US"
[gates]
removals = "100%"
[fields.unique_id]
from = "Employee ID"
[fields.first_name]
from = "First"
[fields.raw_address]
from = "Address"
[fields.department]
from = "Dept"
[fields.employment_status]
from = "Status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

type Table = BTreeMap<u16, [String; 4]>;

/// People by number: first name, address, department, status.
fn table() -> impl Strategy<Value = Table> {
    let text = || "[A-Za-zéü ,;|\t\"0-9]{0,8}(\n[A-Za-z, ]{1,6})?";
    // No quote begins a cell: one in the middle stays text when it is quoted.
    let row = (text(), text(), "[A-Z][a-z]{0,3}", prop::sample::select(vec!["A", "L", "T"]));
    proptest::collection::btree_map(0u16..60, row.prop_map(|(a, b, c, d)| [a, b, c, d.to_owned()]), 1..30)
}

#[derive(Debug, Clone)]
struct Looks {
    delimiter: char,
    line_end: &'static str,
    quotes_all: bool,
    encoding: &'static str,
    order: u64,
}

fn looks() -> impl Strategy<Value = Looks> {
    let encodings = vec!["utf-8", "bom", "utf-16le", "utf-16be", "windows-1252"];
    (
        prop::sample::select(vec![',', ';', '|', '\t']),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        any::<bool>(),
        prop::sample::select(encodings),
        any::<u64>(),
    )
        .prop_map(|(delimiter, line_end, quotes_all, encoding, order)| Looks {
            delimiter,
            line_end,
            quotes_all,
            encoding,
            order,
        })
}

const PLAIN: Looks = Looks { delimiter: ',', line_end: "\n", quotes_all: false, encoding: "utf-8", order: 0 };

fn written(table: &Table, looks: &Looks) -> Vec<u8> {
    let cell = |text: &str| {
        let needs = looks.quotes_all || text.contains([looks.delimiter, '"', '\n']);
        let text = text.replace('\n', looks.line_end);
        if needs { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut rows: Vec<_> = table.iter().collect();
    rows.sort_by_key(|(number, _)| (u64::from(**number) + 1).wrapping_mul(looks.order | 1).rotate_left(17));
    let mut text = String::new();
    let mut line = |cells: &[&str]| {
        let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
        text.push_str(&cells.join(&looks.delimiter.to_string()));
        text.push_str(looks.line_end);
    };
    line(&["Employee ID", "First", "Address", "Dept", "Status"]);
    for (number, [first, address, dept, status]) in rows {
        line(&[&format!("{number:04}"), first, address, dept, status]);
    }
    let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    match looks.encoding {
        "bom" => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        "utf-16le" => [&b"\xFF\xFE"[..], &wide(u16::to_le_bytes)].concat(),
        "utf-16be" => [&b"\xFE\xFF"[..], &wide(u16::to_be_bytes)].concat(),
        "windows-1252" => text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect(),
        _ => text.into_bytes(),
    }
}

/// The connection as it has to be to read such a file: delimiter and encoding stated.
fn told(office: &Office, looks: &Looks) -> Office {
    let mut office = office.clone();
    office.settings.file.delimiter = Some(looks.delimiter as u8);
    if looks.encoding == "windows-1252" {
        office.settings.file.encoding = Encoding::Windows1252;
    }
    office
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn first(table: &Table) -> Office {
    let mut office = told(&Office::new(SETTINGS), &PLAIN);
    office.take(&written(table, &PLAIN));
    office
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn order_quotes_delimiter_encoding_and_line_ends_never_matter(before in table(), after in table(), looks in looks()) {
        let office = first(&before);
        let plain = told(&office, &PLAIN).read(&written(&after, &PLAIN));
        let other = told(&office, &looks).read(&written(&after, &looks));
        prop_assert_eq!(plain.canonical(), other.canonical(), "{}", other.shown());
        // And the next day neither says anything new.
        for read in [plain, other] {
            let mut office = office.clone();
            office.apply(&read);
            let again = told(&office, &looks).read(&written(&after, &looks));
            prop_assert!(again.changes.is_empty(), "{}", again.shown());
        }
    }

    /// Whatever stood in the directory before: after a file it holds what it would hold had there been no other.
    #[test]
    fn the_plan_applied_is_the_file_and_undone_is_what_was_before(before in table(), after in table()) {
        let mut office = first(&before);
        let old = office.people.clone();
        let read = office.read(&written(&after, &PLAIN));
        prop_assert!(read.issues.is_empty(), "{}", read.shown());
        office.apply(&read);
        let lines = |people: &BTreeMap<_, _>| people.values().map(shown).collect::<Vec<_>>();
        prop_assert_eq!(lines(&office.people), lines(&first(&after).people));
        for change in &read.changes {
            let stored = office.people.get(&change.unique_id).cloned();
            let Reversal::Change(back) = reverse_against(change, stored.as_ref()) else { panic!("{change:?}") };
            match back.new {
                Some(new) => drop(office.people.insert(back.unique_id, new)),
                None => drop(office.people.remove(&back.unique_id)),
            }
        }
        prop_assert_eq!(lines(&office.people), lines(&old));
    }
}

fn odd_text() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"00001",
        b"A",
        b"\"",
        b",",
        b",",
        b";",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xFF",
        b"\xEF\xBB\xBF",
        b"\x1A",
        b"TOTAL 2",
        b"1.23E+10",
        b"Employee ID,First,Address,Dept,Status\n",
        b"00002,Bo,x,Ops,A\n",
        b"00003,\"C\ny\",x,Ops,T\n",
        b"=1+1",
        b" ",
        b",078-05-1120,",
    ];
    proptest::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config(2_000))]

    /// And whoever it removes, the plan says so; blocked data gets nowhere.
    #[test]
    fn no_text_makes_reading_panic(text in odd_text(), headed: bool, stated: bool, strict: bool) {
        let mut office = Office::with(SETTINGS, b"Employee ID,First,Address,Dept,Status\n00001,Ana,,Ops,A\n00002,Bo,x,Ops,A\n");
        office.settings.file.stray_quotes_are_text = !strict;
        office.settings.file.delimiter = stated.then_some(b',');
        let head: &[u8] = if headed { b"Employee ID,First,Address,Dept,Status\n" } else { b"" };
        let read = office.read(&[head, &text].concat());
        prop_assert!(!read.shown().contains(",078-05-1120,") && !read.shown().contains("\"078-05-1120\""), "{}", read.shown());
        // A refused file has no error file; without a header its first record would be the columns' names.
        let original = read.issues.iter().flat_map(|issue| &issue.original);
        prop_assert!(original.into_iter().all(|cell| cell.trim() != "078-05-1120"), "{}", read.error_file());
        if !read.refused {
            office.apply(&read);
            office.read(&[head, &text].concat());
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(start in 0usize..7, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        const STARTS: [&[u8]; 7] = [b"", b"Employee ID,First,Address,Dept,Status\n", b"Employee ID\n", b"\x1F\x8B\x08\0", b"PK\x03\x04", b"\xFF\xFE", b"\x85\x01\x0C\x03"];
        Office::with(SETTINGS, b"Employee ID,First,Address,Dept,Status\n00001,Ana,,Ops,A\n").read(&[STARTS[start], &bytes].concat());
    }
}
