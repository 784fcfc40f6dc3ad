//! What a person says about a recipient by hand: checked and normalised as a source's word is, then a change.

use std::collections::BTreeMap;

use crate::field::{Field, Kind};
use crate::ids::UniqueId;
use crate::plan::{Change, ChangeKind, Reason};
use crate::privacy::{blocked_id, blocked_value};
use crate::recipient::{Cell, Desired, Recipient, Value};
use crate::settings::Settings;
use crate::status::Status;
use crate::validate::{self, Context, country, region, trimmed};

/// What is said about one field.
#[derive(Clone, PartialEq, Eq)]
pub enum Given {
    /// There is no value.
    Nothing,
    /// One value.
    One(String),
    /// Several, for a field that is switched on for it.
    Many(Vec<String>),
}

/// What is said is personal data: logs see only its kind.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::One(_) => "One",
            Self::Many(_) => "Many",
        })
    }
}

/// What is to become of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The person is exactly this: fields that are not named have no value.
    Be(Said),
    /// These fields change, the others stay.
    Change(Said),
    /// The person goes.
    Go,
}

/// Checked values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The status, where that is said.
    pub status: Option<Status>,
    /// What is said, field by field.
    pub cells: Vec<(Field, Cell)>,
}

/// Everything that is wrong with what was said: field and what to do. Never quotes a value.
pub type Wrong = Vec<(String, String)>;

/// The most values of one field.
const MOST_VALUES: usize = 50;

/// Checks what is said, field by field, as the connection's mapping would.
///
/// # Errors
/// [`Wrong`] with every field that cannot be taken.
pub fn checked(said: &BTreeMap<String, Given>, settings: &Settings) -> Result<Said, Wrong> {
    let (mut checked, mut wrong) = (Said::default(), Wrong::new());
    for (name, given) in said {
        let read = match Field::by_name(name) {
            None => Err("is no field; `/v1/fields` lists them".to_owned()),
            Some(Field::UNIQUE_ID) => Err("stands in the path and cannot be changed".to_owned()),
            Some(Field::EMPLOYMENT_STATUS) => status(given).map(|status| checked.status = Some(status)),
            Some(field) => cell(field, given, settings).map(|cell| checked.cells.push((field, cell))),
        };
        if let Err(problem) = read {
            wrong.push((name.clone(), problem));
        }
    }
    checked.cells.sort_by_key(|(field, _)| *field);
    if wrong.is_empty() { Ok(checked) } else { Err(wrong) }
}

/// Why a text cannot be the unique id of somebody who is made by hand.
pub fn wrong_id(id: &UniqueId) -> Option<String> {
    blocked_id(id.as_str()).map(|reason| format!("the unique id {reason}; use the employee number"))
}

/// The change that makes a person so; `None` where nothing changes.
pub fn change(unique_id: &UniqueId, stored: Option<&Recipient>, wish: &Wish) -> Option<Change> {
    let new = match (wish, stored) {
        (Wish::Go, None) | (Wish::Change(_), None) => return None,
        (Wish::Go, Some(_)) => None,
        (Wish::Be(said), stored) => Some(laid(unique_id, said, stored.map(|stored| stored.status), None)),
        (Wish::Change(said), Some(stored)) => Some(laid(unique_id, said, Some(stored.status), Some(stored))),
    };
    let kind = match (stored, &new) {
        (None, _) => ChangeKind::Add,
        (Some(_), None) => ChangeKind::Remove,
        (Some(old), Some(new)) if old == new => return None,
        (Some(old), Some(new)) => match (old.status, new.status) {
            (Status::Active, Status::Inactive) => ChangeKind::Deactivate,
            (before, after) if before != after => ChangeKind::Reactivate,
            _ => ChangeKind::Update,
        },
    };
    Some(Change { kind, reason: Reason::ByHand, unique_id: unique_id.clone(), old: stored.cloned(), new, record: None })
}

fn laid(id: &UniqueId, said: &Said, status: Option<Status>, over: Option<&Recipient>) -> Recipient {
    let status = said.status.or(status).unwrap_or(Status::Active);
    Desired { unique_id: id.clone(), status, cells: said.cells.clone() }.over(over)
}

fn status(given: &Given) -> Result<Status, String> {
    let said = match given {
        Given::One(text) => Status::from_word(text.trim()),
        _ => None,
    };
    said.filter(|status| matches!(status, Status::Active | Status::Inactive))
        .ok_or_else(|| "must be `active` or `inactive`; to remove the person, delete them".to_owned())
}

fn cell(field: Field, given: &Given, settings: &Settings) -> Result<Cell, String> {
    let mapping = settings.fields.get(&field);
    let several = mapping.is_some_and(|mapping| mapping.multiple);
    match given {
        Given::Nothing if mapping.is_some_and(|mapping| mapping.required) => {
            Err("is required and cannot be cleared".to_owned())
        }
        Given::Nothing => Ok(Cell::Clear),
        Given::One(text) => {
            let value = one(field, text, settings)?;
            Ok(Cell::Set(if several { Value::Many(vec![value]) } else { Value::One(value) }))
        }
        Given::Many(_) if !several => Err("takes one value; the mapping does not set multiple for it".to_owned()),
        Given::Many(texts) if texts.is_empty() => Err("has no value; send null to clear it".to_owned()),
        Given::Many(texts) if texts.len() > MOST_VALUES => Err(format!("has more than {MOST_VALUES} values")),
        Given::Many(texts) => {
            let mut values: Vec<String> = Vec::new();
            for text in texts {
                let value = one(field, text, settings)?;
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Ok(Cell::Set(Value::Many(values)))
        }
    }
}

fn one(field: Field, text: &str, settings: &Settings) -> Result<String, String> {
    let text = trimmed(text);
    let blocked = match field.spec().kind {
        Kind::Reference | Kind::UniqueId => blocked_id(text),
        _ => blocked_value(text),
    };
    if let Some(reason) = blocked {
        return Err(format!("the value {reason}; it is never stored"));
    }
    let region = settings.default_country.as_deref().and_then(|name| region(&country(name).ok()?));
    let context = Context { region, date: None, max_chars: field.spec().max_chars };
    match validate::value(field.spec().kind, text, &context) {
        Ok(value) if value.is_empty() => Err("stands for no value; send null to clear it".to_owned()),
        Ok(value) => Ok(value.into_owned()),
        Err(error) => Err(format!("the value {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let text = r#"
account = "acme"
name = "By hand"
group = "Staff"
report_to = ["hr@acme.example"]
default_country = "US"
[fields.unique_id]
from = "id"
[fields.job_title]
from = "job"
multiple = true
[fields.last_name]
from = "last"
required = true
"#;
        Settings::from_toml(text).unwrap()
    }

    fn check(name: &str, given: Given) -> Result<Said, String> {
        let said = BTreeMap::from([(name.to_owned(), given)]);
        checked(&said, &settings()).map_err(|wrong| {
            assert_eq!((wrong.len(), wrong[0].0.as_str()), (1, name));
            wrong[0].1.clone()
        })
    }

    fn one(text: &str) -> Given {
        Given::One(text.to_owned())
    }

    fn stored(text: &str) -> Value {
        Value::One(text.to_owned())
    }

    #[test]
    fn a_value_is_stored_in_the_form_a_mapping_gives_it() {
        let cells = |said: Said| said.cells.into_iter().map(|(_, cell)| cell).collect::<Vec<_>>();
        let set = |name, text| check(name, one(text)).map(cells);
        assert_eq!(set("text_1", "(202) 555-0143"), Ok(vec![Cell::Set(stored("+12025550143"))]));
        assert_eq!(set("email_1", " Ana@Acme.Example "), Ok(vec![Cell::Set(stored("ana@acme.example"))]));
        assert_eq!(set("job_title", "Lead"), Ok(vec![Cell::Set(Value::Many(vec!["Lead".into()]))]));
        assert_eq!(check("city", Given::Nothing).map(cells), Ok(vec![Cell::Clear]));
    }

    #[test]
    fn what_cannot_be_taken_says_why_and_never_quotes_it() {
        for (name, given, why) in [
            ("shoe_size", one("9"), "no field"),
            ("unique_id", one("9"), "path"),
            ("email_1", one("nobody"), "@"),
            ("city", one("219-09-9999"), "social security"),
            ("city", one("  "), "null"),
            ("last_name", Given::Nothing, "required"),
            ("city", Given::Many(vec!["a".into()]), "one value"),
            ("employment_status", one("terminated"), "active"),
            ("first_name", Given::One("x".repeat(5_000)), "characters"),
        ] {
            let shown = format!("{given:?}");
            let problem = check(name, given).unwrap_err();
            assert!(problem.contains(why), "{name}: {problem}");
            assert!(!problem.contains("219") && !problem.contains("nobody") && !shown.contains("219"));
        }
    }

    #[test]
    fn a_change_is_told_by_what_is_stored() {
        let id = UniqueId::parse("7").unwrap();
        let city = Field::by_name("city").unwrap();
        let said = |cell| Said { status: None, cells: vec![(city, cell)] };
        let ana = |values| Recipient { unique_id: id.clone(), status: Status::Active, values };
        let bonn = ana([(city, stored("Bonn"))].into());
        let kind = |stored: Option<&Recipient>, wish: &Wish| change(&id, stored, wish).map(|change| change.kind);
        let to_bonn = said(Cell::Set(stored("Bonn")));
        assert_eq!(kind(None, &Wish::Be(to_bonn.clone())), Some(ChangeKind::Add));
        assert_eq!(kind(Some(&bonn), &Wish::Be(to_bonn.clone())), None);
        assert_eq!(kind(Some(&bonn), &Wish::Be(Said::default())), Some(ChangeKind::Update));
        assert_eq!(kind(Some(&bonn), &Wish::Change(Said::default())), None);
        assert_eq!(kind(None, &Wish::Change(to_bonn)), None);
        assert_eq!(kind(Some(&bonn), &Wish::Go), Some(ChangeKind::Remove));
        let off = Said { status: Some(Status::Inactive), cells: Vec::new() };
        assert_eq!(kind(Some(&bonn), &Wish::Change(off)), Some(ChangeKind::Deactivate));
    }
}
