//! Several files of one connection, one after the other: what one leaves for the next.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use support::{Office, Read, shown};

const FIELDS: &str = r#"
account = "acme"
name = "people"
mode = "active"
group = "Acme staff"
default_country = "US"
[gates]
removals = "100%"
updates = "100%"
new = "100%"
rows = "0%"
field_change = "100%"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
[fields.text_1]
from = "phone"
[fields.employment_status]
from = "status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

fn office(further: &str) -> Office {
    Office::new(&format!("{further}\n{FIELDS}"))
}

/// Rows apart by blanks; a row's missing cells are those of an active person without phone.
fn file(rows: &str) -> Vec<u8> {
    let mut text = "id,name,phone,status\n".to_owned();
    for row in rows.split_whitespace() {
        text.push_str(row);
        text.push_str(
            ["", ",,A", ",A"]
                [[3, 1, 2, 0].iter().position(|commas| row.matches(',').count() == *commas).unwrap_or(0) % 3],
        );
        text.push('\n');
    }
    text.into_bytes()
}

/// Files and, for each, the plan's line; all plans are applied. `=` before a file applies nothing.
#[track_caller]
fn check(mut office: Office, files: &[(&str, &str)]) -> Office {
    for (at, (rows, plan)) in files.iter().enumerate() {
        let read = office.read(&file(rows));
        assert_eq!(read.plan_line(), *plan, "file {}: {}", at + 1, read.shown());
        office.apply(&read);
    }
    office
}

fn people(office: &Office) -> Vec<String> {
    office.people.values().map(shown).collect()
}

#[test]
fn a_person_is_removed_only_after_the_grace_and_a_return_begins_it_anew() {
    check(
        office("absent_grace = 2"),
        &[
            ("1,Ana 2,Bo 3,Cy", "+1 +2 +3"),
            ("1,Ana 3,Cy", ""),
            ("1,Ana 3,Cy", ""),
            ("1,Ana 2,Bo 3,Cy", ""),
            ("1,Ana 3,Cy", ""),
            ("1,Ana 3,Cy", ""),
            ("1,Ana 3,Cy", "-2"),
            ("1,Ana 3,Cy", ""),
        ],
    );
}

/// A file with a row that cannot be told counts neither for nor against an absent person.
#[test]
fn an_incomplete_listing_does_not_use_up_the_grace() {
    check(
        office("absent_grace = 1"),
        &[
            ("1,Ana 2,Bo 3,Cy", "+1 +2 +3"),
            ("1,Ana 3,Cy", ""),
            ("1,Ana 3,Cy 9,x,y,A,B", "withheld"),
            ("1,Ana 3,Cy", "-2"),
        ],
    );
}

#[test]
fn a_person_deactivated_for_absence_is_reactivated_by_the_same_row() {
    let office = check(
        office("on_absent = \"deactivate\""),
        &[("1,Ana 2,Bo", "+1 +2"), ("1,Ana", "off:2"), ("1,Ana", ""), ("1,Ana 2,Bo", "on:2"), ("1,Ana 2,Bo", "")],
    );
    assert!(people(&office)[1].starts_with("2 active"));
}

#[test]
fn a_removed_person_who_is_back_is_added() {
    check(office(""), &[("1,Ana 2,Bo", "+1 +2"), ("1,Ana", "-2"), ("1,Ana 2,Bo", "+2"), ("1,Ana 2,Bo", "")]);
}

#[test]
fn a_removal_withheld_from_a_damaged_file_is_made_by_the_next_good_one() {
    let mut office = check(office(""), &[("1,Ana 2,Bo 3,Cy", "+1 +2 +3")]);
    let read = office.read(b"id,name,phone,status\n1,Ana,,A\n2,Bo,,T\n3,C\"y,,A\n");
    assert_eq!(read.plan_line(), "held=damage withheld", "{}", read.shown());
    office.apply(&read);
    check(office, &[("1,Ana 2,Bo,,T 3,Cy", "-2"), ("1,Ana 2,Bo,,T 3,Cy", "")]);
}

#[test]
fn what_a_switch_left_out_comes_once_the_switch_is_on() {
    let off = "[switches]\nupdates = false\nremovals = false\ndeactivations = false\n";
    let mut office = Office::new(&FIELDS.replace("[gates]", &format!("{off}[gates]")));
    office = check(
        office,
        &[("1,Ana 2,Bo 3,Cy 4,Di", "+1 +2 +3 +4"), ("1,Eva 2,Bo,,L 3,Cy,,T", ""), ("1,Eva 2,Bo,,L 3,Cy,,T", "")],
    );
    office.settings.switches =
        muster_core::settings::Switches { adds: true, updates: true, deactivations: true, removals: true };
    check(office, &[("1,Eva 2,Bo,,L 3,Cy,,T", "-3 -4 off:2 ~1"), ("1,Eva 2,Bo,,L 3,Cy,,T", "")]);
}

#[test]
fn a_proposal_is_proposed_again_with_every_file_until_it_is_added() {
    let mut office = check(office("on_new = \"propose\""), &[("1,Ana", "?1"), ("1,Ana 2,Bo", "?1 ?2"), ("2,Bo", "?2")]);
    assert!(office.people.is_empty());
    office.settings.on_new = muster_core::settings::OnNew::Add;
    check(office, &[("2,Bo", "+2"), ("2,Bo", "")]);
}

#[test]
fn a_person_not_imported_by_status_is_added_once_they_are() {
    check(
        office(""),
        &[("1,Ana 2,Bo,,T", "+1"), ("1,Ana 2,Bo,,T", ""), ("1,Ana 2,Bo,,L", "+2"), ("1,Ana 2,Bo,,T", "-2")],
    );
}

#[test]
fn a_row_that_was_wrong_is_told_again_and_taken_once_it_is_right() {
    let office = check(office(""), &[("1,Ana,2125550142 2,Bo", "+1 +2"), ("1,Ana,12 2,Bo", "")]);
    let codes = |read: Read| read.issue_lines();
    assert_eq!(codes(office.read(&file("1,Ana,12 2,Bo"))), ["invalid 1:2 text_1 #1"]);
    let office =
        check(office, &[("1,Ana,12 2,Bo", ""), ("1,Ana,2125550142 2,Bo", ""), ("1,Ana,2125550143 2,Bo", "~1")]);
    assert!(people(&office)[0].contains("+12125550143"));
}

#[test]
fn an_approved_damaged_file_does_not_become_the_measure_of_the_next() {
    let rows: Vec<String> = (100..200).map(|n| format!("{n},P{n}")).collect();
    let mut office =
        check(office(""), &[(&rows.join(" "), &(100..200).map(|n| format!("+{n}")).collect::<Vec<_>>().join(" "))]);
    let text = String::from_utf8(file(&rows.join(" "))).unwrap();
    // Cut inside the last cell of a row: its columns are all there.
    let cut = text.find("150,P150,,A").unwrap() + "150,P150,,A".len();
    for _ in 0..2 {
        let read = office.read(&text.as_bytes()[..cut]);
        assert!(read.absent.is_empty() && read.held == ["damage"], "{}", read.shown());
        office.apply(&read);
    }
    let read = office.read(&text.as_bytes()[..text.find("110,").unwrap()]);
    assert!(read.held.contains(&"tail_missing") && read.issue_lines() == ["tail_missing 0:0"], "{}", read.shown());
}

/// B30: the width is that of everybody, though only changed rows are read.
#[test]
fn lost_leading_zeros_are_told_after_an_unchanged_file_too() {
    let told = |office: &Office, rows| office.read(&file(rows)).issue_lines().join(" ");
    let all = "001,Ana 022,Bo 333,Cy";
    let office = check(office(""), &[(all, "+001 +022 +333"), (all, ""), (all, "")]);
    assert_eq!(told(&office, "1,Ana 22,Bo 333,Cy"), "id_width 0:0");
    assert_eq!(told(&office, "001,Ana 022,Bo 333,Cyn 444,Di"), "");
}

#[test]
fn ids_of_several_widths_may_have_any() {
    let office = check(office(""), &[("1,Ana 22,Bo 333,Cy", "+1 +22 +333"), ("1,Ana 22,Bo 333,Cyn", "~333")]);
    assert!(office.read(&file("1,Ana 22,Bo 333,Cyn 44,Di")).issues.is_empty());
}

/// Two rows of one id that differ: both are told, the person stays as stored, whatever else the rows are.
#[track_caller]
fn check_duplicates(rows: &str, told: &[&str]) {
    let office = check(office(""), &[("1,Ana 2,Bo 3,Cy", "+1 +2 +3")]);
    let read = office.read(&file(rows));
    assert_eq!((read.plan_line().as_str(), read.absent.len()), ("", 0), "{}", read.shown());
    assert_eq!(read.issue_lines(), told, "{}", read.shown());
}

/// B27, B28.
#[test]
fn rows_of_one_id_that_differ_are_all_told_and_change_nobody() {
    check_duplicates(
        "1,Ana 2,Bo 3,Cy 2,Bob 2,Bobby",
        &["duplicate_id 2:3 #2", "duplicate_id 4:5 #2", "duplicate_id 5:6 #2"],
    );
    check_duplicates("1,Ana 2,Bob 3,Cy 2,Bobby", &["duplicate_id 2:3 #2", "duplicate_id 4:5 #2"]);
    check_duplicates("1,Ana 3,Cy 2,Bobby 2,Bo", &["duplicate_id 3:4 #2", "duplicate_id 4:5 #2"]);
    check_duplicates(
        "1,Ana 2,Bob 3,Cy 2,Bob 2,Bo",
        &["duplicate_id 2:3 #2", "duplicate_id 4:5 #2", "duplicate_id 5:6 #2"],
    );
    check_duplicates(
        "1,Ana 2,Bob 2,Bob 3,Cy 2,Bobby",
        &["duplicate_id 2:3 #2", "duplicate_id 3:4 #2", "duplicate_id 5:6 #2"],
    );
    check_duplicates("1,Ana 2,Bo 3,Cy 4,Di 4,Dina", &["duplicate_id 4:5 #4", "duplicate_id 5:6 #4"]);
    check_duplicates(
        "1,Ana 2,Bo 2,Bo 3,Cy 2,Bob",
        &["duplicate_id 2:3 #2", "repeated_row 3:4 #2", "duplicate_id 5:6 #2"],
    );
}

/// A row that cannot be used and one that can: nobody knows which is meant.
#[test]
fn a_duplicate_of_a_row_that_cannot_be_used_changes_nobody() {
    check_duplicates("1,Ana 2,Bob 3,Cy 2,Bob,,X", &["duplicate_id 2:3 #2", "unknown_status 4:5 employment_status #2"]);
    check_duplicates(
        "1,Ana 2,Bob,,X 3,Cy 2,Bob,,T",
        &["unknown_status 2:3 employment_status #2", "duplicate_id 4:5 #2"],
    );
    check_duplicates("1,Ana 2,Bo 3,Cy 4,Di 4,D\u{1}i", &["duplicate_id 4:5 #4", "control_character 5:6 #4"]);
}

/// B27.
#[test]
fn the_same_row_twice_counts_once() {
    check_duplicates("1,Ana 2,Bo 2,Bo 3,Cy", &["repeated_row 3:4 #2"]);
    check_duplicates("1,Ana 2,Bo 3,Cy 2,\"Bo\"", &["repeated_row 4:5 #2"]);
    let office =
        check(office(""), &[("1,Ana 1,Ana 1,Ana 2,Bo", "+1 +2"), ("1,Ana 2,Bo", ""), ("2,Bo 1,Eva 1,Eva", "~1")]);
    check(office, &[("1,Eva 2,Bo 1,Eva", "")]);
}

/// B29: ids are compared exactly, but for white space around them.
#[test]
fn ids_that_differ_by_case_or_zeros_are_other_people_and_space_around_is_none() {
    check(
        office(""),
        &[
            ("a1,Ana A1,Bo 07,Cy 7,Di", "+07 +7 +A1 +a1"),
            ("a1,Ana A1,Bo \"\u{a0}07\",Cy 7,Di", ""),
            ("a1,Ana 07,Cy 7,Di", "-A1"),
        ],
    );
    check_duplicates("1,Ana \"2\",Bo 3,Cy \"\u{a0}2\",Bob", &["duplicate_id 2:3 #2", "duplicate_id 4:5 #2"]);
}

/// B29: one letter, written as one character or as two, is one id.
#[test]
fn ids_that_differ_by_unicode_form_are_one_person() {
    check(office(""), &[("Zo\u{eb},Ana 2,Bo", "+2 +Zo\u{eb}"), ("Zoe\u{308},Ana 2,Bo", "")]);
}
