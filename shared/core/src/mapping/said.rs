//! What a record says for one field, value by value: for looking at a source, not for importing it.

use std::borrow::Cow;

use super::bound::{Bound, Place as Origin};
use super::expression::Outcome;
use super::rule::Rule;
use super::{NOT_GIVEN, STAYS, transform};
use crate::field::{Field, Kind};
use crate::privacy::{blocked_id, blocked_value};
use crate::status::Status;
use crate::validate::{self, Context, trimmed, without_formula_guard};

/// The longest text of a value that is handed out, in characters: no field is longer than it by much.
const LONGEST: usize = 256;

/// A value that a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It looks like data that is never stored: not handed out.
    Blocked,
    /// A value.
    Value {
        /// As the record says it, after the field's transforms; at most 256 characters of it.
        text: String,
        /// What becomes of it.
        becomes: Becomes,
    },
}

impl Said {
    /// The value, where the field's value table does not have it.
    pub(super) fn unmapped(self) -> Option<String> {
        match self {
            Self::Value { text, becomes: Becomes::Unmapped } => Some(text),
            _ => None,
        }
    }
}

/// What becomes of a source's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Becomes {
    /// This is stored.
    Stored(String),
    /// It stands for "no value".
    Nothing,
    /// The field's value table does not have it, or it is no employment status.
    Unmapped,
    /// It is not of the field's kind, for this reason (which does not quote it).
    Invalid(String),
}

impl Becomes {
    /// Whether nothing that could be stored is made of it.
    pub fn is_unmapped(&self) -> bool {
        matches!(self, Self::Unmapped | Self::Invalid(_))
    }
}

impl Bound<'_> {
    /// The fields that are filled from the column at this place of the header, in the catalogue's order. A mapping that
    /// goes over the whole row counts for the columns that it names.
    pub fn fields_taking(&self, at: usize) -> Vec<Field> {
        let takes = |origin: &Origin<'_>| match origin {
            Origin::Absent => false,
            Origin::Column(column) => *column == at,
            Origin::Expression(expression, columns) => {
                let named = |name: &str| columns.iter().any(|(key, place)| *place == at && *key == name.into());
                expression.columns().any(named)
            }
        };
        let mut fields: Vec<Field> =
            self.origins().filter(|(_, origin)| takes(origin)).map(|(rule, _)| rule.field).collect();
        fields.sort();
        fields
    }

    /// The mapped fields whose column the header does not have, or has twice, or may not be taken.
    pub fn fields_without_column(&self) -> Vec<Field> {
        let absent = self.origins().filter(|(_, origin)| matches!(origin, Origin::Absent));
        let mut fields: Vec<Field> = absent.map(|(rule, _)| rule.field).collect();
        fields.sort();
        fields
    }

    /// What a record says for a field, value by value; nothing where it says nothing, or that what is stored stays.
    pub fn said_of(&self, field: Field, cells: &[&str]) -> Vec<Said> {
        if cells.iter().any(|cell| cell.starts_with(STAYS)) {
            return Vec::new();
        }
        let Some((rule, origin)) = self.origins().find(|(rule, _)| rule.field == field) else { return Vec::new() };
        let texts: Vec<Cow<'_, str>> = match origin {
            Origin::Absent => return Vec::new(),
            Origin::Column(at) => cells.get(*at).copied().map(Cow::Borrowed).into_iter().collect(),
            Origin::Expression(expression, columns) => match self.evaluate(expression, columns, cells) {
                Ok(Outcome::One(text)) => vec![Cow::Owned(text)],
                Ok(Outcome::Many(texts)) => texts.into_iter().map(Cow::Owned).collect(),
                // What the expression cannot make is told as an issue of the import.
                Ok(Outcome::Nothing) | Err(_) => return Vec::new(),
            },
        };
        texts.iter().flat_map(|text| self.values_in(rule, text)).collect()
    }

    fn origins(&self) -> impl Iterator<Item = (&Rule, &Origin<'_>)> {
        let mapping = self.mapping;
        let id = std::iter::once((&mapping.id, &self.id));
        id.chain(mapping.status.iter().zip(&self.status)).chain(mapping.rules.iter().zip(&self.places))
    }

    fn values_in(&self, rule: &Rule, cell: &str) -> Vec<Said> {
        let text = trimmed(without_formula_guard(trimmed(cell)));
        let token = |tokens: &[String]| tokens.iter().any(|token| token == text);
        if cell == NOT_GIVEN || text.is_empty() || token(&rule.keep_tokens) || token(&rule.clear_tokens) {
            return Vec::new();
        }
        if !rule.multiple {
            return vec![self.said(rule, text)];
        }
        let parts = text.split(self.mapping.separator).map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| self.said(rule, part)).collect()
    }

    fn said(&self, rule: &Rule, text: &str) -> Said {
        let kind = rule.spec.kind;
        let blocked = if matches!(kind, Kind::Reference | Kind::UniqueId) { blocked_id } else { blocked_value };
        if blocked(text).is_some() {
            return Said::Blocked;
        }
        let changed = transform::apply(&rule.transforms, text);
        let text = trimmed(&changed);
        // A transform may make of a harmless text one that is blocked: digits of "ref 4111…".
        if blocked(text).is_some() {
            return Said::Blocked;
        }
        Said::Value { text: text.chars().take(LONGEST).collect(), becomes: self.becomes(rule, text) }
    }

    fn becomes(&self, rule: &Rule, text: &str) -> Becomes {
        let meant = match rule.table.get(text) {
            Some(meant) => meant,
            None if rule.table.is_empty() || rule.spec.kind == Kind::Status => text,
            None => return Becomes::Unmapped,
        };
        if rule.spec.kind == Kind::Status {
            return Status::from_word(meant)
                .map_or(Becomes::Unmapped, |status| Becomes::Stored(status.as_str().to_owned()));
        }
        let context = Context { region: self.mapping.region, date: rule.date.as_ref(), max_chars: rule.spec.max_chars };
        match validate::value(rule.spec.kind, meant, &context) {
            Ok(value) if value.is_empty() => Becomes::Nothing,
            Ok(value) => Becomes::Stored(value.into_owned()),
            Err(error) => Becomes::Invalid(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Mapping;
    use crate::settings::Settings;

    const HEADER: [&str; 4] = ["id", "dept", "status", "country"];

    fn settings(field: &str, mapped: &str) -> Settings {
        let text = format!(
            "account = \"acme\"\nname = \"P\"\n[fields.unique_id]\nfrom = \"id\"\n[fields.{field}]\n{mapped}\n"
        );
        Settings::from_toml(&text).unwrap()
    }

    fn said(field: &str, mapped: &str, cells: [&str; 4]) -> Vec<Said> {
        let mapping = Mapping::compile(&settings(field, mapped)).unwrap();
        let (bound, _) = mapping.bind(&HEADER.map(str::to_owned));
        bound.said_of(Field::by_name(field).unwrap(), &cells)
    }

    #[track_caller]
    fn check(field: &str, mapped: &str, cells: [&str; 4], expected: &[(&str, Becomes)]) {
        let expected: Vec<Said> = expected
            .iter()
            .map(|(text, becomes)| Said::Value { text: (*text).to_owned(), becomes: becomes.clone() })
            .collect();
        assert_eq!(said(field, mapped, cells), expected, "{field} {mapped}");
    }

    fn stored(text: &str) -> Becomes {
        Becomes::Stored(text.to_owned())
    }

    #[test]
    fn a_value_is_told_with_what_becomes_of_it() {
        let table = "from = \"dept\"\nvalues = { \"SLS\" = \"Sales\" }";
        check("department", table, ["1", " sls ", "A", ""], &[("sls", stored("Sales"))]);
        check("department", table, ["1", "OPS", "A", ""], &[("OPS", Becomes::Unmapped)]);
        check("department", "from = \"dept\"", ["1", "OPS", "A", ""], &[("OPS", stored("OPS"))]);
        check(
            "department",
            "from = \"dept\"\ntransforms = [\"lower\"]",
            ["1", "OPS", "", ""],
            &[("ops", stored("ops"))],
        );
        check("country", "from = \"country\"", ["1", "", "", "Germany"], &[("Germany", stored("DE"))]);
    }

    #[test]
    fn a_status_is_mapped_by_its_table_or_by_its_word() {
        let table = "from = \"status\"\nvalues = { \"A\" = \"active\" }";
        check("employment_status", table, ["1", "", "a", ""], &[("a", stored("active"))]);
        check("employment_status", table, ["1", "", "terminated", ""], &[("terminated", stored("terminated"))]);
        check("employment_status", table, ["1", "", "gone", ""], &[("gone", Becomes::Unmapped)]);
    }

    #[test]
    fn a_record_that_says_nothing_has_no_value() {
        let mapped = "from = \"dept\"\nclear = [\"n/a\"]\nkeep = [\"same\"]";
        for cell in ["", " ", "n/a", "same", NOT_GIVEN] {
            check("department", mapped, ["1", cell, "A", ""], &[]);
        }
        check("department", mapped, ["1", "Ops", &format!("{STAYS}why"), ""], &[]);
    }

    #[test]
    fn several_values_are_told_one_by_one() {
        let mapped = "from = \"dept\"\nmultiple = true";
        check(
            "department",
            mapped,
            ["1", "Ops; Legal", "A", ""],
            &[("Ops", stored("Ops")), ("Legal", stored("Legal"))],
        );
    }

    #[test]
    fn an_expression_is_told_by_what_it_gives() {
        let mapped = "expr = 'row[\"dept\"] + \"!\"'";
        check("department", mapped, ["1", "Ops", "A", ""], &[("Ops!", stored("Ops!"))]);
    }

    /// What an import stores of the same record.
    fn imported(field: &str, mapped: &str, text: &str) -> Option<String> {
        let settings = settings(field, mapped);
        let mapping = Mapping::compile(&settings).unwrap();
        let (bound, _) = mapping.bind(&HEADER.map(str::to_owned));
        let desired = bound.read(&["1", text, text, text], crate::issue::Place::default()).desired?;
        if field == "employment_status" {
            return Some(desired.status.as_str().to_owned());
        }
        desired.cells.into_iter().find_map(|(_, cell)| match cell {
            crate::recipient::Cell::Set(value) => value.iter().next().map(str::to_owned),
            _ => None,
        })
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

        #[test]
        fn a_look_says_that_what_an_import_stores_is_stored(
            text in "[ '=+]{0,2}(Sales|OPS|active|T|Germany|us|2026-01-31|9|n/a|\\PC{0,12}|[0-9-]{9,12})[ ]{0,1}",
        ) {
            let table = "from = \"dept\"\nvalues = { \"sales\" = \"S\", \"ops\" = \"O\" }";
            let status = "from = \"status\"\nvalues = { \"T\" = \"terminated\" }";
            for (field, mapped) in [
                ("department", table),
                ("department", "from = \"dept\"\ntransforms = [\"upper\", \"collapse\"]\nclear = [\"n/a\"]"),
                ("employment_status", status),
                ("country", "from = \"country\""),
                ("start_date", "from = \"dept\""),
                ("manager_id", "from = \"dept\""),
            ] {
                let looked = said(field, mapped, ["1", &text, &text, &text]);
                let looked = looked.into_iter().find_map(|said| match said {
                    Said::Value { becomes: Becomes::Stored(stored), .. } => Some(stored),
                    _ => None,
                });
                proptest::prop_assert_eq!(looked, imported(field, mapped, &text), "{} {}", field, mapped);
            }
        }
    }

    #[test]
    fn a_blocked_value_is_not_handed_out() {
        for field in ["department", "country", "manager_id"] {
            assert_eq!(said(field, "from = \"dept\"", ["1", "123-45-6789", "A", ""]), [Said::Blocked], "{field}");
        }
        let digits = "from = \"dept\"\ntransforms = [\"digits\"]";
        assert_eq!(said("custom_1", digits, ["1", "no.4111x1111x1111x1111", "A", ""]), [Said::Blocked]);
    }
}
