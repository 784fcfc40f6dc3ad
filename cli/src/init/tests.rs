//! Proposals for headers, read back as settings.

use muster_core::field::Field;
use muster_core::settings::{Encoding, Origin, Settings};

use super::{Sample, propose};

fn proposed(columns: &[&str]) -> String {
    let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    propose(&Sample { file_name: "acme_people_10312026.csv", header: &header, encoding: Encoding::Utf8 }).unwrap()
}

/// Each column, and the field it becomes.
#[track_caller]
fn check(pairs: &[(&str, &str)]) {
    let columns: Vec<&str> = pairs.iter().map(|(column, _)| *column).collect();
    let text = proposed(&columns);
    let settings = Settings::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for (column, field) in pairs {
        let mapping = Field::by_name(field).and_then(|field| settings.fields.get(&field));
        let origin = mapping.map(|mapping| &mapping.origin);
        assert_eq!(origin, Some(&Origin::Column((*column).to_owned())), "{field}\n{text}");
    }
    assert_eq!(settings.fields.len(), pairs.len(), "{text}");
}

#[test]
fn common_names_find_their_fields() {
    check(&[("Employee ID", "unique_id"), ("Work Email", "email_1"), ("Mobile", "text_1"), ("Dept", "department")]);
    check(&[
        ("Emp No", "unique_id"),
        ("Surname", "last_name"),
        ("Hire Date", "start_date"),
        ("Status", "employment_status"),
    ]);
    check(&[("Badge", "unique_id"), ("ZIP", "postal_code"), ("Manager Employee ID", "manager_id")]);
    check(&[("employeeId", "unique_id"), ("firstName", "first_name"), ("personal_email", "email_2")]);
}

#[test]
fn the_more_telling_name_wins_whatever_the_order() {
    check(&[("Employee ID", "unique_id"), ("Manager ID", "manager_id")]);
    let text = proposed(&["ID", "Employee ID"]);
    assert!(text.contains("from = \"Employee ID\"") && text.contains("#   \"ID\""), "{text}");
}

#[test]
fn a_misspelt_name_is_a_marked_guess() {
    let text = proposed(&["Employee ID", "Departement"]);
    assert!(text.contains("from = \"Departement\"    # guess"), "{text}");
    assert!(text.contains("from = \"Employee ID\"\n"), "{text}");
}

#[test]
fn blocked_columns_are_named_and_never_taken() {
    let text = proposed(&["Employee ID", "SSN", "Shoe Size"]);
    assert!(text.contains("#   \"SSN\": national ids are never stored"), "{text}");
    assert!(text.contains("#   \"Shoe Size\"\n"), "{text}");
    assert!(!text.contains("from = \"SSN\""), "{text}");
}

#[test]
fn quotes_and_backslashes_in_a_name_are_written_as_toml() {
    let text = proposed(&["Employee ID", "a \"b\" \\ c", "Mobile Phone\""]);
    Settings::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
}

#[test]
fn without_a_unique_id_nothing_is_proposed() {
    let header = ["First Name".to_owned(), "Colour".to_owned()];
    let sample = Sample { file_name: "a.csv", header: &header, encoding: Encoding::Utf8 };
    let message = propose(&sample).unwrap_err().to_string();
    assert!(message.contains("unique id") && message.contains("\"Colour\""), "{message}");
}
