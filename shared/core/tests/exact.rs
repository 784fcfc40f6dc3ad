//! P7: the plan of a made-up day equals the maker's own list, whatever the file looks like; and so it does in the
//! cases in which other comparing programs answer wrongly.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod support;

use std::collections::BTreeSet;

use muster_core::field::Field;
use muster_core::plan::{Change, ChangeKind};
use people_gen::{Encoding, Expected, Options, connection_toml, field_of};
use support::{Office, Read};

const SEEDS: u64 = 100;

type Noise = (&'static str, fn(&mut Options));

const NOISES: [Noise; 8] = [
    ("plain", |_| {}),
    ("shuffled", |options| options.shuffle = true),
    ("needless quotes", |options| options.needless_quotes_permille = 50),
    ("CRLF and byte order mark", |options| (options.crlf, options.bom) = (true, true)),
    ("pipes", |options| options.delimiter = b'|'),
    ("UTF-16", |options| (options.encoding, options.bom) = (Encoding::Utf16Le, true)),
    ("another style of the same meaning", |options| options.restyle = true),
    ("dirt", |options| options.dirt = true),
];

fn made(options: &Options) -> (Vec<u8>, Expected) {
    let mut bytes = Vec::new();
    let expected = people_gen::write(options, &mut bytes).unwrap();
    (bytes, expected)
}

fn ids(read: &Read, kind: ChangeKind) -> Vec<String> {
    let of_kind = read.changes.iter().filter(|change| change.kind == kind);
    let ids: BTreeSet<_> = of_kind.map(|change| change.unique_id.to_string()).collect();
    ids.into_iter().collect()
}

/// Per updated person the names of the fields that change.
fn updated(read: &Read) -> BTreeSet<(String, BTreeSet<&'static str>)> {
    let updates = read.changes.iter().filter(|change| change.kind == ChangeKind::Update);
    let fields = |change: &Change| {
        let (old, new) = (&change.old.as_ref().unwrap().values, &change.new.as_ref().unwrap().values);
        Field::all().filter(|field| old.get(field) != new.get(field)).map(Field::name).collect()
    };
    updates.map(|change| (change.unique_id.to_string(), fields(change))).collect()
}

fn check(seed: u64, (name, noise): Noise) {
    let day_1 = Options { seed, people: 120, dirt: name == "dirt", ..Options::default() };
    let rates = |options: Options| Options { changed_permille: 80, new_permille: 25, gone_permille: 25, ..options };
    let day_1 = rates(day_1);
    let mut day_2 = Options { day: 2, ..day_1.clone() };
    noise(&mut day_2);
    let toml = connection_toml("acme", "People", "Everybody");
    let office = Office::with(&toml, &made(&day_1).0);
    let (bytes, expected) = made(&day_2);
    let read = office.read(&bytes);
    let told = |what: &str| format!("seed {seed}, {name}: {what}\n{}", read.shown());
    assert_eq!(ids(&read, ChangeKind::Add), expected.added, "{}", told("added"));
    assert_eq!(ids(&read, ChangeKind::Remove), expected.removed, "{}", told("removed"));
    assert_eq!(ids(&read, ChangeKind::Deactivate), expected.deactivated, "{}", told("deactivated"));
    assert_eq!(ids(&read, ChangeKind::Reactivate), expected.reactivated, "{}", told("reactivated"));
    let columns = |columns: &[&'static str]| columns.iter().map(|column| field_of(column).unwrap()).collect();
    let expected: BTreeSet<_> = expected.updated.iter().map(|(id, changed)| (id.clone(), columns(changed))).collect();
    assert_eq!(updated(&read), expected, "{}", told("updated"));
}

#[test]
fn the_plan_equals_the_maker_s_list_for_a_hundred_seeds_and_every_noise() {
    for noise in NOISES {
        (0..SEEDS).for_each(|seed| check(seed, noise));
    }
}

const PHONES: &str = r#"
account = "acme"
name = "People"
mode = "active"
default_country = "US"
[fields.unique_id]
from = "id"
[fields.voice_1]
from = "home"
[fields.voice_2]
from = "work"
[fields.job_title]
from = "title"
[file]
stray_quotes = "text"
"#;

fn day(rows: &str) -> Vec<u8> {
    format!("id,home,work,title\n{rows}").into_bytes()
}

#[test]
fn a_value_that_moves_to_the_empty_neighbour_column_is_an_update() {
    let office = Office::with(PHONES, &day("1,,212-555-0142,x\n2,,,y\n"));
    let read = office.read(&day("1,212-555-0142,,x\n2,,,y\n"));
    let fields: BTreeSet<_> = ["voice_1", "voice_2"].into();
    assert_eq!(updated(&read), [("1".to_owned(), fields)].into());
}

#[test]
fn a_repeated_key_is_told_and_nobody_is_lost() {
    let office = Office::with(PHONES, &day("1,,,x\n2,,,y\n"));
    let read = office.read(&day("1,,,x\n2,,,y\n2,,,z\n"));
    assert!(read.changes.is_empty() && read.absent.is_empty(), "{}", read.shown());
    assert_eq!(read.issues.iter().filter(|issue| issue.code.as_str() == "duplicate_id").count(), 2);
}

#[test]
fn a_quote_inside_a_cell_swallows_no_row() {
    let office = Office::with(PHONES, &day("1,,,5\" pipe\n2,,,y\n3,,,z\n"));
    let read = office.read(&day("1,,,6\" pipe\n2,,,y\n3,,,z\n"));
    assert_eq!((ids(&read, ChangeKind::Update), read.rows), (vec!["1".to_owned()], 3), "{}", read.shown());
}

#[test]
fn a_lone_carriage_return_ends_a_record_as_the_csv_crate_says() {
    let office = Office::with(PHONES, &day("1,,,x\n2,,,y\n"));
    let read = office.read(&day("1,,,x\r2,,,z\n"));
    assert_eq!((ids(&read, ChangeKind::Update), read.rows), (vec!["2".to_owned()], 2), "{}", read.shown());
}
