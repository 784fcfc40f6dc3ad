//! Which column fills which field, told by their names.

use std::collections::{BTreeMap, BTreeSet};

use super::synonyms::SYNONYMS;
use crate::field::Field;
use crate::privacy::blocked_column;

/// From which likeness on another name is taken for a known one.
const LIKE_ENOUGH: f64 = 0.88;

/// A column for a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The column's name.
    pub column: String,
    /// What the column's name says of the type.
    pub data_type: Option<&'static str>,
    /// Whether the name is only like a known one.
    pub unsure: bool,
}

/// What a header's columns are taken for.
#[derive(Debug, Default)]
pub struct Guesses {
    /// The column of each field that one was found for.
    pub fields: BTreeMap<Field, Guess>,
    /// Columns that no field was found for.
    pub unmapped: Vec<String>,
    /// Columns that are never taken, with the reason.
    pub blocked: Vec<(String, &'static str)>,
}

struct Candidate<'h> {
    likeness: f64,
    field: Field,
    data_type: Option<&'static str>,
    at: usize,
    column: &'h str,
}

impl Guesses {
    /// Takes the likeliest pair of column and field, then the next one, until none is left.
    pub fn of(header: &[String]) -> Self {
        let mut guesses = Self::default();
        let mut candidates = Vec::new();
        let named = header.iter().enumerate().filter(|(_, name)| !name.is_empty());
        for (at, column) in named.clone() {
            match blocked_column(column) {
                Some(reason) => guesses.blocked.push((column.clone(), reason)),
                None => candidates.extend(candidates_of(at, column)),
            }
        }
        candidates.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then(a.field.cmp(&b.field)).then(a.at.cmp(&b.at)));
        let mut taken = BTreeSet::new();
        for Candidate { likeness, field, data_type, at, column } in candidates {
            if taken.contains(&at) || guesses.fields.contains_key(&field) {
                continue;
            }
            taken.insert(at);
            let guess = Guess { column: column.to_owned(), data_type, unsure: likeness < 1.0 };
            guesses.fields.insert(field, guess);
        }
        let left = named.filter(|(at, name)| !taken.contains(at) && blocked_column(name).is_none());
        guesses.unmapped = left.map(|(_, name)| name.clone()).collect();
        guesses
    }

    /// Whether a column looks like a unique id: without one nothing is imported.
    pub fn has_unique_id(&self) -> bool {
        self.fields.contains_key(&Field::UNIQUE_ID)
    }
}

/// The fields that a column may fill. A known name counts from 1 up, the more the earlier it stands in the table;
/// one that is only like a known name counts below 1.
fn candidates_of(at: usize, column: &str) -> Vec<Candidate<'_>> {
    let words = words(column);
    let mut found = Vec::new();
    for (field, data_type, names) in SYNONYMS {
        let Some(field) = Field::by_name(field) else { continue };
        let likeness = names.iter().enumerate().map(|(place, name)| likeness(&words, name, place)).fold(0.0, f64::max);
        if likeness >= LIKE_ENOUGH {
            found.push(Candidate { likeness, field, data_type: *data_type, at, column });
        }
    }
    found
}

fn likeness(words: &str, name: &str, place: usize) -> f64 {
    let (ours, known) = (words.replace(' ', ""), name.replace(' ', ""));
    if ours == known {
        return 1.0 + 1.0 / (2.0 + place as f64);
    }
    // Names of a few letters are like too many others.
    if ours.len().min(known.len()) < 5 || digits(&ours) != digits(&known) {
        return 0.0;
    }
    let near =
        f64::midpoint(strsim::jaro_winkler(&ours, &known), strsim::normalized_damerau_levenshtein(&ours, &known));
    near.min(0.999)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// `EmployeeID`, `employee_id` and `Employee-Id #` are all `employee id`.
fn words(column: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for c in column.chars() {
        let begins = (c.is_uppercase() && before.is_lowercase()) || (c.is_ascii_digit() && before.is_alphabetic());
        if begins || !c.is_alphanumeric() {
            words.push(' ');
        }
        words.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        before = c;
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_can_be_found_by_each_of_its_names() {
        for (field, _, names) in SYNONYMS {
            let field = Field::by_name(field).unwrap();
            for name in *names {
                let guesses = Guesses::of(&[(*name).to_owned()]);
                assert_eq!(guesses.fields.keys().copied().collect::<Vec<_>>(), [field], "{name}");
            }
        }
        for field in Field::all() {
            assert!(SYNONYMS.iter().any(|(name, ..)| *name == field.name()), "{field:?}");
        }
    }

    #[test]
    fn the_columns_of_providers_find_their_fields_too() {
        let columns = ["emails[work]", "employeeNumber", "manager.email", "custom_fields.Badge", "gender"];
        let guesses = Guesses::of(&columns.map(str::to_owned));
        let found: Vec<_> = guesses.fields.iter().map(|(field, guess)| (field.name(), guess.column.as_str())).collect();
        assert_eq!(
            found,
            [("unique_id", "employeeNumber"), ("email_1", "emails[work]"), ("manager_email", "manager.email")]
        );
        assert_eq!((guesses.unmapped, guesses.blocked.len()), (vec!["custom_fields.Badge".to_owned()], 1));
    }
}
