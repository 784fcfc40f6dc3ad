use proptest::prelude::*;

use super::*;
use crate::ids::UniqueId;
use crate::issue::{Code, Place};
use crate::recipient::{Cell, Value};
use crate::settings::Settings;
use crate::status::Status;

const MAPPED: &str = r#"
[fields.first_name]
from = "First"
required = true
[fields.email_1]
from = "Work Email"
[fields.text_1]
from = "Mobile"
[fields.department]
expr = 'row["Dept"].trim().upperAscii()'
[fields.division]
from = "Tags"
multiple = true
[fields.employment_status]
from = "Status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
[fields.start_date]
from = "Hire Date"
format = "%m/%d/%Y"
[fields.location]
from = "Site"
values = { "LON" = "London", "PAR" = "Paris" }
[fields.custom_1]
from = "Note"
clear = "N/A"
keep = "*"
"#;

const HEADER: &str = "ID,First,Work Email,Mobile,Dept,Tags,Status,Hire Date,Site,Note,SSN";
const ANA: &str = "0042,Ana,Ana@Acme.io,(202) 555-0143, r&d ,a;b; a,A,3/16/2024,LON,hi,123-45-6789";

fn mapping(tables: &str) -> Mapping {
    let text = format!(
        "account = \"acme\"\nname = \"N\"\ndefault_country = \"US\"\n[fields.unique_id]\nfrom = \"ID\"\n{tables}"
    );
    Mapping::compile(&Settings::from_toml(&text).unwrap()).unwrap()
}

fn names(header: &str) -> Vec<String> {
    header.split(',').map(str::to_owned).collect()
}

/// What a row gives: id, status, the fields that are not kept, and its issues.
fn shown(reading: &Reading) -> String {
    let mut parts = vec![reading.unique_id.as_ref().map_or("-", UniqueId::as_str).to_owned()];
    if let Some(desired) = &reading.desired {
        parts.push(desired.status.as_str().to_owned());
        for (field, cell) in &desired.cells {
            match cell {
                Cell::Keep => {}
                Cell::Clear => parts.push(format!("{}:", field.name())),
                Cell::Set(Value::One(text)) => parts.push(format!("{}={text}", field.name())),
                Cell::Set(Value::Many(texts)) => parts.push(format!("{}=[{}]", field.name(), texts.join(","))),
            }
        }
    }
    for issue in &reading.issues {
        parts.push(format!("!{} {}", issue.code.as_str(), issue.field.map_or("", |field| field.name())));
    }
    parts.join(" ")
}

fn read(tables: &str, header: &str, row: &str) -> Reading {
    let mapping = mapping(tables);
    let (bound, _) = mapping.bind(&names(header));
    bound.read(&row.split(',').collect::<Vec<_>>(), Place { record: 7, line: 9 })
}

fn check(tables: &str, header: &str, row: &str, expected: &str) {
    assert_eq!(shown(&read(tables, header, row)), expected, "{header}\n{row}");
}

/// One field mapped from column `X`, with these settings.
fn check_field(field: &str, settings: &str, text: &str, expected: &str) {
    check(
        &format!("[fields.{field}]\nfrom = \"X\"\n{settings}"),
        "ID,X",
        &format!("1,{text}"),
        &format!("1 active{expected}"),
    );
}

fn bind_codes(tables: &str, header: &str) -> Vec<(Code, String)> {
    let mapping = mapping(tables);
    let (_, issues) = mapping.bind(&names(header));
    issues.into_iter().map(|issue| (issue.code, issue.message)).collect()
}

#[test]
fn a_row_becomes_a_recipient() {
    check(
        MAPPED,
        HEADER,
        ANA,
        "0042 active first_name=Ana email_1=ana@acme.io text_1=+12025550143 department=R&D division=[a,b] \
         location=London start_date=2024-03-16 custom_1=hi",
    );
}

#[test]
fn without_a_status_mapping_everybody_is_active() {
    check("", "ID", "1", "1 active");
}

#[test]
fn a_row_without_a_usable_id_gives_nobody() {
    check("", "ID", "  ", "- !id_missing unique_id");
    check("", "ID", "1\u{1}2", "- !id_invalid unique_id");
    check("", "ID", &"9".repeat(300), "- !id_invalid unique_id");
    check("", "ID", "1.23E+10", "- !id_spreadsheet unique_id");
    check("", "ID", "123-45-6789", "- !id_invalid unique_id");
    check("", "ID", " 0042", "0042 active");
    check("", "ID", "12E5", "12E5 active");
}

#[test]
fn an_unknown_status_leaves_the_person_as_stored() {
    let tables = "[fields.employment_status]\nfrom = \"S\"\nvalues = { \"On Leave\" = \"inactive\" }";
    check(tables, "ID,S", "1,on leave", "1 inactive");
    check(tables, "ID,S", "1,Terminated", "1 terminated");
    check(tables, "ID,S", "1,P", "1 !unknown_status employment_status");
    check(tables, "ID,S", "1,", "1 !unknown_status employment_status");
}

#[test]
fn an_invalid_value_costs_its_field_only() {
    let row = "0042,Ana,not-an-address,12,rd,a,A,31/12/2024,XXX,hi,";
    check(
        MAPPED,
        HEADER,
        row,
        "0042 active first_name=Ana department=RD division=[a] custom_1=hi !invalid email_1 !invalid text_1 \
         !unmapped_value location !invalid start_date",
    );
}

#[test]
fn an_issue_names_place_person_column_value_and_the_masked_record() {
    let reading = read(MAPPED, HEADER, "0042,Ana,ana.acme.io,,,,A,,,,123-45-6789");
    let issue = &reading.issues[0];
    assert_eq!((issue.place.record, issue.place.line), (7, 9));
    assert_eq!(issue.unique_id, reading.unique_id);
    assert_eq!(issue.column.as_deref(), Some("Work Email"));
    assert_eq!(issue.message, "\"ana.acme.io\" is not an e-mail address: it has no @");
    assert_eq!(issue.original[..3], ["0042", "Ana", "ana.acme.io"]);
    assert_eq!(issue.original[10], "***");
}

#[test]
fn an_empty_cell_clears_unless_told_otherwise() {
    check_field("city", "", "", " city:");
    check_field("city", "on_empty = \"keep\"", " ", "");
    check_field("city", "required = true", "", " !required_empty city");
    check_field("city", "clear = [\"N/A\", \"-\"]", "N/A", " city:");
    check_field("city", "on_empty = \"keep\"\nclear = \"-\"", "-", " city:");
    check_field("city", "keep = \"*\"", "*", "");
    check_field("city", "values = { \"none\" = \"\" }", "None", " city:");
    check_field("end_date", "", "9999-12-31", " end_date:");
}

#[test]
fn several_values_are_split_checked_and_never_repeated() {
    check_field("division", "multiple = true", " a ; b;;a", " division=[a,b]");
    check_field("email_2", "multiple = true", "A@x.io; a@X.io", " email_2=[a@x.io]");
    check_field("email_2", "multiple = true", "a@x.io; b", " !invalid email_2");
    check_field("division", "multiple = true", " ; ", " division:");
}

#[test]
fn transforms_come_before_the_value_table() {
    check_field("city", "transforms = [\"collapse\", \"title\"]", "NEW   york", " city=New York");
    check_field("city", "transforms = [\"digits\"]\nvalues = { \"12\" = \"Rome\" }", "a1-2", " city=Rome");
}

#[test]
fn a_blocked_value_is_dropped_and_never_quoted() {
    for (field, text) in
        [("custom_1", "ssn 123-45-6789"), ("city", "DE89370400440532013000"), ("email_1", "123-45-6789")]
    {
        let reading = read(&format!("[fields.{field}]\nfrom = \"X\""), "ID,X", &format!("1,{text}"));
        assert_eq!(shown(&reading), format!("1 active !blocked {field}"));
        assert!(!format!("{reading:?}").contains("123-45") && !format!("{reading:?}").contains("DE89"), "{reading:?}");
        assert_eq!(reading.issues[0].original, ["1", "***"]);
    }
}

#[test]
fn a_blocked_cell_never_reaches_an_expression() {
    let tables = "[fields.custom_1]\nexpr = 'row.X.replace(\"-\", \"\")'";
    check(tables, "ID,X", "1,123-45-6789", "1 active !blocked custom_1");
}

#[test]
fn a_corrected_error_file_can_be_uploaded_as_it_is() {
    check_field("text_1", "", "'+1 202-555-0143", " text_1=+12025550143");
    check_field("custom_1", "", "'=SUM(A1)", " custom_1==SUM(A1)");
    check("", "ID", "'-7", "-7 active");
    assert_eq!(plain_id(" '-7 "), UniqueId::parse("-7").ok());
}

#[test]
fn what_means_the_same_is_stored_the_same() {
    let other = "0042, Ana ,ANA@ACME.IO,+1 202.555.0143,r&d,a; b,a,03/16/2024,lon,hi,";
    assert_eq!(read(MAPPED, HEADER, ANA).desired, read(MAPPED, HEADER, other).desired);
}

#[test]
fn a_missing_column_keeps_what_is_stored() {
    let header = "ID,Status,First Name";
    check(MAPPED, header, "1,A,x", "1 active");
    let codes = bind_codes(MAPPED, header);
    assert_eq!(codes.len(), 8);
    assert!(codes.iter().all(|(code, _)| *code == Code::ColumnAbsent), "{codes:?}");
    assert!(codes[0].1.contains("did you mean \"First Name\""), "{codes:?}");
}

#[test]
fn a_missing_id_column_lists_expected_and_found_columns() {
    let codes = bind_codes("[fields.city]\nfrom = \"City\"", "Emp No,City,123-45-6789");
    assert_eq!(codes[0].0, Code::Header);
    for part in ["\"ID\"", "\"City\"", "\"Emp No\"", "***"] {
        assert!(codes[0].1.contains(part), "{codes:?}");
    }
    check("", "Emp No", "1", "- !id_missing unique_id");
}

#[test]
fn a_missing_status_column_changes_nobody() {
    let tables = "[fields.employment_status]\nfrom = \"S\"";
    assert_eq!(bind_codes(tables, "ID,X")[0].0, Code::Header);
    check(tables, "ID,X", "1,active", "1 !unknown_status employment_status");
}

#[test]
fn two_columns_for_one_mapped_name_are_told() {
    let tables = "[fields.city]\nfrom = \"City\"";
    assert_eq!(bind_codes(tables, "ID,city,CITY")[0].0, Code::Header);
    assert_eq!(bind_codes(tables, "ID,City,City")[0].0, Code::Header);
    check(tables, "ID,city,CITY", "1,Rome,Bonn", "1 active");
    assert_eq!(bind_codes(tables, "ID,City,CITY,X,X"), []);
    check(tables, "ID,City,CITY", "1,Rome,Bonn", "1 active city=Rome");
}

#[test]
fn a_blocked_column_is_told_and_masked() {
    let codes = bind_codes("", "ID,Gender");
    assert_eq!(codes[0].0, Code::ColumnBlocked);
    let mapping = mapping("");
    let (bound, _) = mapping.bind(&names("ID,Gender,X"));
    assert_eq!(bound.original(&["1", "f", "123-45-6789", "over"]), ["1", "***", "***", "over"]);
}

#[test]
fn an_expression_without_its_column_keeps_what_is_stored() {
    let tables = "[fields.city]\nexpr = 'row.A + row.B'";
    check(tables, "ID,A", "1,x", "1 active");
    assert_eq!(bind_codes(tables, "ID,A")[0].0, Code::ColumnAbsent);
    check("[fields.city]\nexpr = 'has(row.B) ? row.B : row.A'", "ID,A", "1,x", "1 active city=x");
    check("[fields.city]\nexpr = 'row[\"Home City\"]'", "ID,HOME CITY ", "1,Rome", "1 active city=Rome");
}

#[test]
fn an_expression_that_fails_costs_its_field_only() {
    check("[fields.city]\nexpr = 'row.A.substring(9)'", "ID,A", "1,x", "1 active !expression city");
    check("[fields.city]\nexpr = 'row.A.split(\" \")'", "ID,A", "1,x y", "1 active !expression city");
    check("[fields.city]\nexpr = 'row.A == \"\" ? null : row.A'", "ID,A", "1,", "1 active city:");
    let several = "[fields.division]\nexpr = 'row.A.split(\" \")'\nmultiple = true";
    check(several, "ID,A", "1,x y x", "1 active division=[x,y]");
}

#[test]
fn the_key_column_is_known_where_the_id_is_plainly_a_column() {
    let plain = mapping("");
    assert_eq!(plain.bind(&names("A,id")).0.key_column(), Some(1));
    let text = "account = \"a\"\nname = \"N\"\n[fields.unique_id]\nexpr = 'row.ID'";
    let expression = Mapping::compile(&Settings::from_toml(text).unwrap()).unwrap();
    assert_eq!(expression.bind(&names("ID")).0.key_column(), None);
}

#[test]
fn the_fingerprint_changes_with_what_values_depend_on_and_only_with_that() {
    let base = |top: &str, tables: &str| {
        let text = format!("account = \"a\"\nname = \"N\"\n{top}\n[fields.unique_id]\nfrom = \"ID\"\n{tables}");
        Mapping::compile(&Settings::from_toml(&text).unwrap()).unwrap().fingerprint()
    };
    let plain = base("", "");
    assert_eq!(plain, base("mode = \"active\"", "[gates]\nnew = 3"));
    assert_ne!(plain, base("default_country = \"US\"", ""));
    assert_ne!(plain, base("", "[fields.city]\nfrom = \"C\""));
    assert_ne!(plain, base("", "[file]\nmulti_value_separator = \"|\""));
}

#[test]
fn a_short_row_keeps_what_it_does_not_say() {
    assert_eq!(read(MAPPED, HEADER, "1,Bo").desired, None);
    check("[fields.city]\nfrom = \"City\"", "ID,City", "1", "1 active");
}

#[test]
fn statuses_are_as_the_settings_say() {
    let text = "account = \"a\"\nname = \"N\"\n[fields.unique_id]\nfrom = \"ID\"\n[fields.employment_status]\nfrom = \"S\"\nvalues = { A = \"retired\" }";
    let settings = Settings::from_toml(text).unwrap();
    let mapping = Mapping::compile(&settings).unwrap();
    let (bound, _) = mapping.bind(&names("ID,S"));
    for word in ["A", "a", "active", "Deceased", "x", ""] {
        let read = bound.read(&["1", word], Place::default()).desired.map(|desired| desired.status);
        assert_eq!(read, settings.status_of(word), "{word}");
    }
    assert_eq!(settings.status_of("A"), Some(Status::Retired));
}

proptest! {
    #[test]
    fn no_record_makes_reading_panic(cells in proptest::collection::vec(any::<String>(), 0..14)) {
        let mapping = mapping(MAPPED);
        let (bound, _) = mapping.bind(&names(HEADER));
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let reading = bound.read(&cells, Place::default());
        prop_assert!(reading.desired.is_some() || !reading.issues.is_empty());
        if let Some(desired) = &reading.desired {
            prop_assert_eq!(Some(&desired.unique_id), reading.unique_id.as_ref());
        }
    }

    #[test]
    fn no_header_makes_binding_panic(header in proptest::collection::vec(any::<String>(), 0..14)) {
        let mapping = mapping(MAPPED);
        let (bound, issues) = mapping.bind(&header);
        prop_assert!(bound.key_column().is_some() || issues.iter().any(|issue| issue.code == Code::Header));
    }

    #[test]
    fn what_a_field_stores_is_stored_the_same_when_it_comes_again(text in "[ -~é\u{301}]{0,20}") {
        for field in ["city", "email_1", "text_1", "country", "preferred_language", "end_date"] {
            let tables = format!("[fields.{field}]\nfrom = \"X\"");
            let mapping = mapping(&tables);
            let (bound, _) = mapping.bind(&names("ID,X"));
            let first = bound.read(&["1", &text], Place::default()).desired.unwrap();
            if let Cell::Set(Value::One(stored)) = &first.cells[0].1 {
                let again = bound.read(&["1", stored], Place::default());
                prop_assert_eq!(again.desired, Some(first.clone()));
            }
        }
    }
}
