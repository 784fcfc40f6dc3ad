//! Comparisons told as tables of rows.

use std::io::Cursor;

use super::*;
use crate::file::{self, Keys, Limits};
use crate::mapping::Mapping;
use crate::roster::{Hasher, Roster, fingerprint};
use crate::settings::Settings;

const SETTINGS: &str = r#"
account = "acme"
name = "people"
default_country = "US"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
[fields.text_1]
from = "phone"
[fields.employment_status]
from = "status"
values = { "A" = "active", "T" = "terminated" }
"#;

struct Found {
    proposed: Vec<String>,
    absent: Option<Vec<String>>,
    codes: Vec<String>,
    /// Whom the issues are about.
    about: Vec<String>,
    roster: Vec<u8>,
}

fn read(text: &str, before: Option<&[u8]>) -> Found {
    read_as(text, before, true)
}

/// `removes` says whether whoever is absent is removed, or stays in the directory in some other form.
fn read_as(text: &str, before: Option<&[u8]>, removes: bool) -> Found {
    let settings = Settings::from_toml(SETTINGS).unwrap();
    let mapping = Mapping::compile(&settings).unwrap();
    let limits = Limits::default();
    let file = file::open(Cursor::new(text.as_bytes()), &settings.file, &Keys::none(), &limits).unwrap();
    let (bound, issues) = mapping.bind(&file.header);
    assert!(issues.is_empty(), "{issues:?}");
    let hasher = Hasher::new(42);
    let mut comparison = compare(CompareInput {
        fingerprint: fingerprint(&file.header, file.delimiter, &mapping.fingerprint(), ""),
        file,
        bound: &bound,
        roster: before.map(|bytes| Roster::read(Cursor::new(bytes), hasher).unwrap()),
        hasher,
        settings: &settings.file,
        limits: &limits,
        scratch: &MemoryScratch,
        progress: &mut |_| {},
    })
    .unwrap();
    let mut proposed = Vec::new();
    for person in comparison.proposed().unwrap() {
        let person = person.unwrap();
        let sign = if person.standing == Standing::New { '+' } else { '~' };
        proposed.push(format!("{sign}{}", person.desired.unique_id));
    }
    let absent: Option<Vec<String>> = comparison.complete().map(|proof| {
        let absent = comparison.absent(&proof).unwrap();
        absent.into_iter().map(|absent| absent.unique_id.to_string()).collect()
    });
    let about = comparison.issues().issues().iter();
    let about = about.filter_map(|issue| issue.unique_id.as_ref().map(ToString::to_string)).collect();
    let codes = comparison.issues().issues().iter();
    let codes =
        codes.map(|issue| format!("{}@{}:{}", issue.code.as_str(), issue.place.record, issue.place.line)).collect();
    let mut decisions = Decisions::default();
    for id in absent.iter().flatten().map(String::as_str).filter(|_| removes) {
        decisions.removed(&crate::ids::UniqueId::parse(id).unwrap());
    }
    let roster = comparison.next_roster(&decisions, Vec::new(), &MemoryScratch).unwrap();
    Found { proposed, absent, codes, about, roster }
}

const DAY_1: &str = "id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bo,,A\n003,\"Cy \"\"C\"\"\",,A\n004,Di,,A\n";

/// Reads [`DAY_1`], then `day_2`; `absent` is `-` where absence means nothing.
fn check(day_2: &str, proposed: &str, absent: &str, codes: &str) {
    let first = read(DAY_1, None);
    let found = read(day_2, Some(&first.roster));
    let shown = found.absent.map_or_else(
        || "-".to_owned(),
        |mut absent| {
            absent.sort();
            absent.join(" ")
        },
    );
    assert_eq!(
        (found.proposed.join(" ").as_str(), shown.as_str(), found.codes.join(" ").as_str()),
        (proposed, absent, codes)
    );
}

#[test]
fn the_same_file_again_wants_no_look() {
    check(DAY_1, "", "", "");
}

#[test]
fn a_changed_a_new_and_a_missing_person_are_told() {
    check("id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bob,,A\n005,Ed,,A\n004,Di,,A\n", "~002 +005", "003", "");
}

#[test]
fn looks_do_not_matter() {
    let day_2 = "id,name,phone,status\r\n\"004\",\"Di\",\"\",\"A\"\r\n003,\"Cy \"\"C\"\"\",,A\r\n002,Bo,,A\r\n001,Ana,(212) 555-0142,A\r\n";
    check(day_2, "", "", "");
}

#[test]
fn a_row_that_could_not_be_read_is_not_a_missing_person() {
    check(
        "id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bo\n003,\"Cy \"\"C\"\"\",,A\n004,Di,,A\n",
        "",
        "-",
        "column_count@2:3",
    );
}

#[test]
fn rows_of_one_id_that_differ_leave_the_person_as_stored() {
    let day_2 = "id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bo,,A\n003,Cy,,A\n003,Cyn,,A\n004,Di,,A\n";
    check(day_2, "", "", "duplicate_id@3:4 duplicate_id@4:5");
}

#[test]
fn an_unchanged_row_beside_a_contradicting_one_is_a_duplicate_too() {
    let day_2 = format!("{DAY_1}004,Dina,,A\n");
    check(&day_2, "", "", "duplicate_id@4:5 duplicate_id@5:6");
}

#[test]
fn the_same_row_twice_counts_once() {
    check(&format!("{DAY_1}004,Di,,A\n"), "", "", "repeated_row@5:6");
    check(&format!("{DAY_1}007,Flo,,A\n007,Flo,,A\n"), "+007", "", "repeated_row@6:7");
}

#[test]
fn a_known_row_that_stands_twice_or_is_contradicted_says_whose_it_is() {
    let first = read(DAY_1, None);
    let about = |more: &str| read(&format!("{DAY_1}{more}"), Some(&first.roster)).about;
    assert_eq!(about("004,Di,,A\n"), ["004"]);
    assert_eq!(about("004,Dina,,A\n"), ["004", "004"]);
}

#[test]
fn an_unclosed_quote_names_its_line_and_removes_nobody() {
    check(
        "id,name,phone,status\n001,Ana,212-555-0142,A\n002,\"Bo,,A\n003,Cy,,A\n004,Di,,A\n",
        "",
        "-",
        "unclosed_quote@2:3",
    );
}

#[test]
fn swallowed_rows_are_found() {
    let day_2 = "id,name,phone,status\n001,Ana,212-555-0142,A\n002,\"Bo,,A\n003,Cy,,A\n004,Di\",,A\n";
    check(day_2, "", "-", "swallowed_rows@2:3");
}

#[test]
fn a_stray_quote_names_its_line() {
    check("id,name,phone,status\n001,Ana 5\" A,212-555-0142,A\n", "", "-", "stray_quote@1:2");
}

#[test]
fn a_file_cut_inside_its_last_row_is_truncated() {
    check(
        "id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bo,,A\n003,\"Cy \"\"C\"\"\",,A\n004,D",
        "",
        "-",
        "truncated@4:5 column_count@4:5",
    );
    check(
        "id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bo,,A\n003,\"Cy \"\"C\"\"\",,A\n004,Di,,A",
        "",
        "-",
        "truncated@4:5",
    );
}

#[test]
fn a_summary_line_is_skipped_and_its_count_is_compared() {
    check(&format!("{DAY_1}TOTAL 4\n"), "", "", "trailer_row@5:6");
    check(&format!("{DAY_1}TOTAL,9\n"), "", "-", "truncated@5:6");
    check(&format!("{DAY_1}\u{1a}"), "", "", "line_skipped@5:6");
}

#[test]
fn a_blank_row_is_nobody() {
    check(&format!("{DAY_1},,,\n"), "", "", "blank_row@5:6");
}

#[test]
fn nul_costs_the_row_and_not_the_person() {
    check(
        "id,name,phone,status\n001,A\0na,212-555-0142,A\n002,Bo,,A\n003,\"Cy \"\"C\"\"\",,A\n004,Di,,A\n",
        "",
        "",
        "control_character@1:2",
    );
}

#[test]
fn an_unknown_status_leaves_the_person_as_stored() {
    check(
        "id,name,phone,status\n001,Ana,212-555-0142,X\n002,Bo,,A\n003,\"Cy \"\"C\"\"\",,A\n004,Di,,A\n",
        "",
        "",
        "unknown_status@1:2",
    );
}

#[test]
fn an_invalid_field_is_told_again_with_every_file() {
    let day_1 = "id,name,phone,status\n1,Ana,12,A\n";
    let first = read(day_1, None);
    let second = read(day_1, Some(&first.roster));
    assert_eq!((first.codes.join(" "), second.codes.join(" ")), ("invalid@1:2".into(), "invalid@1:2".into()));
    assert!(second.proposed.is_empty());
}

#[test]
fn a_header_only_file_removes_nobody() {
    check("id,name,phone,status\n", "", "-", "no_rows@0:0");
}

#[test]
fn a_second_header_means_joined_files() {
    check(&format!("{DAY_1}id,name,phone,status\n005,Ed,,A\n"), "+005", "-", "header_repeated@5:6");
}

#[test]
fn whoever_comes_back_with_the_same_row_wants_one_look() {
    let first = read(DAY_1, None);
    let without =
        read_as("id,name,phone,status\n001,Ana,212-555-0142,A\n002,Bo,,A\n004,Di,,A\n", Some(&first.roster), false);
    assert_eq!(without.absent, Some(vec!["003".to_owned()]));
    let back = read(DAY_1, Some(&without.roster));
    let again = read(DAY_1, Some(&back.roster));
    assert_eq!((back.proposed.join(" ").as_str(), again.proposed.join(" ").as_str()), ("~003", ""));
}
