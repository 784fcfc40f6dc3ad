//! Damage of every kind to a good file: nobody is handed out as absent because of it.
#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;

use muster_core::issue::Code;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::Office;

const SETTINGS: &str = r#"
account = "acme"
name = "people"
mode = "active"
group = "Acme staff"
default_country = "US"
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

/// How many rows the good file has.
const ROWS: usize = 300;

/// A file of people: its text, and where each record begins.
struct Good {
    text: String,
    begins: Vec<usize>,
}

/// Names with quotes and commas, addresses over several lines, letters of several bytes.
fn good(line_end: &str) -> Good {
    let mut text = format!("Employee ID,First,Address,Dept,Status{line_end}");
    let mut begins = Vec::new();
    for n in 0..ROWS {
        begins.push(text.len());
        let name = match n % 7 {
            0 => format!("\"An\"\"n{n}\"\"\""),
            1 => format!("José{n}"),
            2 => format!("\"Li, {n}\""),
            _ => format!("Bo{n}"),
        };
        let address = match n % 5 {
            0 => format!("\"{n} Main St{line_end}Apt {n}\""),
            1 => format!("\"{n} Elm St, Springfield\""),
            2 => "\"\"".to_owned(),
            _ => format!("{n} Oak Ave"),
        };
        let dept = if n % 11 == 0 { "\"R&D\"" } else { "Sales" };
        text.push_str(&format!("{:05},{name},{address},{dept},A{line_end}", n + 100));
    }
    Good { text, begins }
}

fn id_of(row: usize) -> String {
    format!("{:05}", row + 100)
}

/// One way to damage a file; numbers pick places.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    InsertQuote(prop::sample::Index),
    DeleteQuote(prop::sample::Index),
    TwoQuotes(prop::sample::Index, prop::sample::Index),
    TwoQuotesGone(prop::sample::Index, prop::sample::Index),
    MoveQuote(prop::sample::Index, prop::sample::Index),
    DeleteRange(prop::sample::Index, usize),
    Duplicate(prop::sample::Index, usize, prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    // Mostly short ranges, some that span rows.
    let length = || prop_oneof![3 => 1usize..40, 1 => 40usize..3000];
    prop_oneof![
        3 => at().prop_map(Damage::Cut),
        3 => at().prop_map(Damage::InsertQuote),
        3 => at().prop_map(Damage::DeleteQuote),
        3 => (at(), at()).prop_map(|(a, b)| Damage::TwoQuotes(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Damage::TwoQuotesGone(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Damage::MoveQuote(a, b)),
        2 => (at(), length()).prop_map(|(a, n)| Damage::DeleteRange(a, n)),
        1 => (at(), length(), at()).prop_map(|(a, n, b)| Damage::Duplicate(a, n, b)),
        1 => (at(), at()).prop_map(|(a, b)| Damage::Swap(a, b)),
    ]
}

/// The damaged bytes, and the offsets of the good file whose bytes are gone, new or changed.
fn damaged(good: &[u8], damage: &Damage) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let quotes: Vec<usize> = (0..good.len()).filter(|at| good[*at] == b'"').collect();
    let mut bytes = good.to_vec();
    let touched = match damage {
        Damage::Cut(at) => {
            let at = at.index(good.len());
            bytes.truncate(at);
            vec![at..good.len()]
        }
        Damage::InsertQuote(at) => {
            bytes.insert(at.index(good.len() + 1), b'"');
            vec![]
        }
        Damage::DeleteQuote(at) => {
            bytes.remove(quotes[at.index(quotes.len())]);
            vec![]
        }
        Damage::TwoQuotes(a, b) => {
            let mut at = [a.index(good.len()), b.index(good.len())];
            // Near each other, so that the rows between are few and the columns may fit.
            at[1] = at[0] + at[1] % 400;
            bytes.insert(at[1].min(good.len()), b'"');
            bytes.insert(at[0], b'"');
            vec![]
        }
        Damage::TwoQuotesGone(a, b) => {
            let (a, b) = (a.index(quotes.len()), b.index(quotes.len()));
            let b = (a + 1 + b % 6).min(quotes.len() - 1);
            if a != b {
                bytes.remove(quotes[b]);
                bytes.remove(quotes[a]);
            }
            vec![]
        }
        Damage::MoveQuote(from, to) => {
            bytes.remove(quotes[from.index(quotes.len())]);
            bytes.insert(to.index(good.len()), b'"');
            vec![]
        }
        Damage::DeleteRange(at, length) => {
            let at = at.index(good.len());
            let end = (at + length).min(good.len());
            bytes.drain(at..end);
            vec![at..end]
        }
        Damage::Duplicate(at, length, to) => {
            let at = at.index(good.len());
            let copy = good[at..(at + length).min(good.len())].to_vec();
            let to = to.index(good.len());
            bytes.splice(to..to, copy);
            vec![to..to + 1]
        }
        Damage::Swap(a, b) => {
            let (a, b) = (a.index(good.len()), b.index(good.len()));
            bytes.swap(a, b);
            vec![a..a + 1, b..b + 1]
        }
    };
    (bytes, touched)
}

/// Whose records the offsets touch: the ids whose own bytes were changed, whom the file may truly no longer name.
/// What stands directly before a record may become part of its id.
fn people_touched(good: &Good, touched: &[std::ops::Range<usize>]) -> BTreeSet<String> {
    let mut people = BTreeSet::new();
    for (row, begin) in good.begins.iter().enumerate() {
        let end = good.begins.get(row + 1).copied().unwrap_or(good.text.len());
        if touched.iter().any(|range| range.start < end && range.end >= *begin) {
            people.insert(id_of(row));
        }
    }
    people
}

/// Where a cut leaves a shorter file that is whole in itself.
fn is_boundary(good: &Good, at: usize) -> bool {
    // Behind a CR alone too: it ends a record.
    let boundary = |at| good.begins.contains(&at);
    boundary(at)
        || (good.text.as_bytes().get(at) == Some(&b'\n')
            && at > 0
            && good.text.as_bytes()[at - 1] == b'\r'
            && boundary(at + 1))
}

/// Every damage but cuts at a record's end: whoever is handed out as absent had their own bytes changed, in a
/// way that left a file of well-formed rows.
#[test]
fn nobody_is_absent_because_of_damage() {
    for line_end in ["\n", "\r\n"] {
        let good = good(line_end);
        let office = Office::with(SETTINGS, good.text.as_bytes());
        let mut runner = TestRunner::new(Config { cases: 5_000, failure_persistence: None, ..Config::default() });
        let result = runner.run(&damage(), |damage| {
            let (bytes, touched) = damaged(good.text.as_bytes(), &damage);
            let read = office.read(&bytes);
            let removed: BTreeSet<String> = read.absent.into_iter().collect();
            if let Damage::Cut(at) = &damage {
                let at = at.index(good.text.len());
                prop_assert!(removed.is_empty() || is_boundary(&good, at), "cut at {at} removes {removed:?}");
                return Ok(());
            }
            let may: BTreeSet<String> = people_touched(&good, &touched);
            let wrongly: Vec<_> = removed.difference(&may).collect();
            let near = || {
                let at = bytes.iter().zip(good.text.as_bytes()).position(|(a, b)| a != b).unwrap_or(0);
                String::from_utf8_lossy(&bytes[at.saturating_sub(120)..(at + 200).min(bytes.len())]).into_owned()
            };
            prop_assert!(wrongly.is_empty(), "removes {wrongly:?} near\n{}", near());
            Ok(())
        });
        if let Err(e) = result {
            panic!("{line_end:?}: {e}");
        }
    }
}

/// Cuts at a record's end: nothing in the bytes shows them, but the last people missing in one piece do.
#[test]
fn a_long_tail_that_is_missing_holds_the_file() {
    let good = good("\n");
    let office = Office::with(SETTINGS, good.text.as_bytes());
    for rows in 0..ROWS {
        let read = office.read(&good.text.as_bytes()[..good.begins[rows]]);
        let told = read.issues.iter().any(|issue| issue.code == Code::TailMissing);
        assert_eq!(told, (1..=ROWS - 32).contains(&rows), "{rows} rows left: {}", read.shown());
        if rows <= ROWS - 32 {
            assert!(read.held.iter().any(|gate| ["tail_missing", "no_rows"].contains(gate)));
        }
    }
}
