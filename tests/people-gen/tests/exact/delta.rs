//! The expected difference is the true one.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{file, meaning, records};
use muster_core::status::Status;
use people_gen::{COLUMNS, Expected, Options, expected, field_of, write};

/// The difference of two files, from nothing but their cells.
fn naive(before: &[Vec<String>], after: &[Vec<String>]) -> Expected {
    let imported = |rows: &[Vec<String>]| -> BTreeMap<String, Vec<String>> {
        rows.iter().filter(|row| row[19] != "T").map(|row| (row[0].clone(), row.clone())).collect()
    };
    let (old, new) = (imported(before), imported(after));
    let mut delta = Expected { rows: after.len() as u64, people: new.len() as u64, ..Expected::default() };
    for id in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match (old.get(id), new.get(id)) {
            (None, _) => delta.added.push(id.clone()),
            (_, None) => delta.removed.push(id.clone()),
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => match (old[19].as_str(), new[19].as_str()) {
                ("A", "L") => delta.deactivated.push(id.clone()),
                ("L", "A") => delta.reactivated.push(id.clone()),
                _ => {
                    let columns = COLUMNS.into_iter().zip(old.iter().zip(new));
                    let changed = columns.filter(|(_, (old, new))| old != new).map(|(name, _)| name);
                    delta.updated.push((id.clone(), changed.collect()));
                }
            },
        }
    }
    delta
}

fn check_naive(options: &Options) -> Expected {
    let (bytes, expected) = file(options);
    let after = records(&bytes, options).1;
    let before = match options.day {
        1 => Vec::new(),
        day => {
            let before = Options { day: day - 1, ..options.clone() };
            records(&file(&before).0, &before).1
        }
    };
    assert_eq!(naive(&before, &after), expected, "{options:?}");
    expected
}

#[test]
fn the_expected_delta_is_that_of_a_naive_comparison() {
    for seed in 0..20 {
        for day in 1..=4 {
            check_naive(&Options {
                seed,
                day,
                people: 700 + seed as u32 * 37,
                shuffle: seed % 2 == 0,
                ..Options::default()
            });
        }
    }
}

#[test]
fn the_expected_delta_holds_at_any_rates() {
    for (changed_permille, new_permille, gone_permille) in
        [(0, 0, 0), (500, 0, 0), (0, 0, 300), (950, 100, 0), (1000, 1000, 1000), (200, 50, 400)]
    {
        for day in 1..=3 {
            check_naive(&Options {
                people: 900,
                day,
                changed_permille,
                new_permille,
                gone_permille,
                ..Options::default()
            });
        }
    }
    for people in [0, 1, 2, 19, 20, 21, 41] {
        check_naive(&Options {
            people,
            day: 2,
            changed_permille: 400,
            new_permille: 300,
            gone_permille: 200,
            ..Options::default()
        });
    }
}

#[test]
fn every_kind_of_change_comes_about() {
    let found = check_naive(&Options { people: 20_000, day: 2, changed_permille: 100, ..Options::default() });
    for ids in [&found.added, &found.removed, &found.deactivated, &found.reactivated] {
        assert!(ids.len() > 20);
    }
    let changed: BTreeSet<&str> = found.updated.iter().flat_map(|(_, columns)| columns).copied().collect();
    for column in [
        "Last Name",
        "Mobile",
        "Home Phone",
        "Address 1",
        "Full Address",
        "Type",
        "Title",
        "Dept",
        "Manager ID",
        "Shift",
    ] {
        assert!(changed.contains(column), "{column}");
    }
    let moved = |columns: &[&str]| columns == ["Work Phone", "Home Phone"];
    assert!(found.updated.iter().any(|(_, columns)| moved(columns)), "a number moves to its neighbour");
}

#[test]
fn the_rates_are_exact_in_full_thousands() {
    let of = |day| expected(&Options { people: 10_000, day, ..Options::default() });
    let day_1 = Options { people: 10_000, ..Options::default() };
    let day_2 = Options { day: 2, ..day_1.clone() };
    let rows = |options: &Options| -> BTreeMap<String, Vec<String>> {
        records(&file(options).0, options).1.into_iter().map(|row| (row[0].clone(), row)).collect()
    };
    let (before, after) = (rows(&day_1), rows(&day_2));
    assert_eq!(before.keys().filter(|id| !after.contains_key(*id)).count(), 30);
    assert_eq!(after.keys().filter(|id| !before.contains_key(*id)).count(), 30);
    assert_eq!(before.iter().filter(|(id, row)| after.get(*id).is_some_and(|now| now != *row)).count(), 100);
    assert_ne!(of(2), of(3));
}

/// Lays each file over what the one before left, as an import does.
fn check_meaning(before: &Options, after: &Options) {
    let (old, new) = (meaning(before), meaning(after));
    let expected = file(after).1;
    let imported =
        |desired: &&muster_core::recipient::Desired| matches!(desired.status, Status::Active | Status::Inactive);
    let mut delta = Expected::default();
    for (id, said) in &new.people {
        let stays = said.is_empty() || said.iter().any(|other| *other != said[0]);
        let stored = old.people.get(id).and_then(|said| said.first()).filter(imported).map(|said| said.over(None));
        match (said.first().filter(|_| !stays), stored) {
            (None, _) => {}
            (Some(said), None) if imported(&said) => delta.added.push(id.clone()),
            (Some(_), None) => {}
            (Some(said), Some(_)) if !imported(&said) => delta.removed.push(id.clone()),
            (Some(said), Some(stored)) => match (stored.status, said.status) {
                (Status::Active, Status::Inactive) => delta.deactivated.push(id.clone()),
                (Status::Inactive, Status::Active) => delta.reactivated.push(id.clone()),
                _ => {
                    let now = said.over(Some(&stored));
                    let changed = |column: &&str| {
                        let field = muster_core::field::Field::by_name(field_of(column).unwrap()).unwrap();
                        now.values.get(&field) != stored.values.get(&field)
                    };
                    let columns: Vec<_> = COLUMNS.into_iter().filter(changed).collect();
                    if !columns.is_empty() {
                        delta.updated.push((id.clone(), columns));
                    }
                }
            },
        }
    }
    delta.removed.extend(
        old.people
            .iter()
            .filter(|(id, said)| !new.people.contains_key(*id) && said.first().filter(imported).is_some())
            .map(|(id, _)| id.clone()),
    );
    delta.removed.sort_unstable();
    delta.rows = expected.rows;
    delta.people = expected.people;
    delta.issues.clone_from(&expected.issues);
    assert_eq!(delta, expected, "{after:?}");
}

#[test]
fn stored_values_differ_exactly_as_expected_across_styles_and_dirt() {
    for seed in 0..4 {
        let before = Options { seed, people: 1500, changed_permille: 60, dirt: true, ..Options::default() };
        let after = Options {
            day: 2,
            shuffle: true,
            restyle: true,
            needless_quotes_permille: 50,
            crlf: true,
            ..before.clone()
        };
        check_meaning(&before, &after);
        check_meaning(&Options { restyle: true, ..before.clone() }, &Options { day: 2, ..before });
    }
}

#[test]
fn the_same_options_make_the_same_bytes() {
    let options =
        Options { people: 400, day: 3, shuffle: true, needless_quotes_permille: 50, dirt: true, ..Options::default() };
    assert_eq!(file(&options), file(&options));
    assert_ne!(file(&options).0, file(&Options { seed: 2, ..options.clone() }).0);
    let whole = file(&options).1;
    assert_eq!(expected(&options), Expected { rows: 0, people: 0, ..whole });
}

#[test]
fn a_delimiter_that_cannot_be_one_is_refused() {
    for delimiter in [b'"', b'\n', 0xe9] {
        assert!(write(&Options { delimiter, ..Options::default() }, &mut Vec::new()).is_err(), "{delimiter}");
    }
}
