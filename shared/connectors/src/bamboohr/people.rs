//! BambooHR's fields: which are asked for, and how an object becomes a person.

use jiff::civil::Date;
use muster_core::privacy::blocked_column;
use serde_json::Value;

use super::text_of;
use crate::{Person, Target};

/// The status of somebody inactive whose last day has come. BambooHR says `Inactive` of future hires and of those who
/// left alike.
pub(super) const ENDED: &str = "Inactive_ended";

/// Asked for whatever the mapping says: status, manager, and what a manager is called by.
const ALWAYS: [&str; 7] =
    ["employeeNumber", "firstName", "lastName", "workEmail", "status", "terminationDate", "supervisorEId"];

/// Names of one field: in the list, and everywhere else.
const TWICE: [(&str, &str); 6] = [
    ("employeeId", "id"),
    ("jobTitleName", "jobTitle"),
    ("departmentName", "department"),
    ("divisionName", "division"),
    ("locationName", "location"),
    ("employmentStatusName", "employmentStatus"),
];

fn elsewhere(field: &str) -> &str {
    TWICE.iter().find(|(listed, _)| *listed == field).map_or(field, |(_, other)| other)
}

/// Columns of the mapping that may be asked for: a comma or the like would ask for something else, and the manager's
/// are found by their id.
fn mapped<'t>(target: &Target<'t>) -> impl Iterator<Item = &'t str> {
    let plain = |field: &str| field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let asked = move |field: &&str| plain(field) && !field.starts_with("manager.") && blocked_column(field).is_none();
    target.columns.iter().map(String::as_str).filter(asked)
}

/// The fields of a report and of `GET /employees/{id}`, at most the 400 that BambooHR allows.
pub(super) fn fields(target: &Target<'_>) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for field in ALWAYS.into_iter().chain(mapped(target).map(elsewhere)) {
        if field != "id" && !fields.iter().any(|known| known == field) {
            fields.push(field.to_owned());
        }
    }
    // One place is left for the id.
    fields.truncate(399);
    fields
}

/// A person of an object whose id is at `id`; `None` without one.
pub(super) fn of_object(target: &Target<'_>, object: &Value, id: &str) -> Option<Person> {
    let id = object.get(id).and_then(text_of)?;
    let mut person = Person { id: id.clone(), ..Person::default() };
    let hidden: Vec<&str> = object
        .get("_restrictedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (field, value) in object.as_object().into_iter().flatten() {
        let skipped = ["_restrictedFields", "photoUrl"].contains(&field.as_str());
        if !skipped && !hidden.contains(&field.as_str()) && blocked_column(field).is_none() {
            let no_date = value.as_str() == Some("0000-00-00");
            person.values.take(field, if no_date { &Value::Null } else { value });
        }
    }
    person.values.set("id", id);
    finish(target, &mut person);
    Some(person)
}

/// A listed person and what the report says of them.
pub(super) fn joined(target: &Target<'_>, mut listed: Person, rest: Person) -> Person {
    listed.values.merge(rest.values);
    finish(target, &mut listed);
    listed
}

/// Both names of a field, the refined status, the manager, and the card.
fn finish(target: &Target<'_>, person: &mut Person) {
    let values = &mut person.values;
    for (listed, other) in TWICE {
        for (from, to) in [(listed, other), (other, listed)] {
            if values.get(to).is_none() && values.get(from).is_some() {
                values.set(to, values.text(from).unwrap_or_default().to_owned());
            }
        }
    }
    let ended = values.text("terminationDate").and_then(|text| text.parse::<Date>().ok());
    if values.text("status") == Some("Inactive") && ended.is_some_and(|day| day <= target.today) {
        values.set("status", ENDED);
    }
    let text = |path: &str| values.text(path).map(str::to_owned);
    person.manager = text("supervisorEId").or_else(|| text("reportsToId"));
    let name = [text("firstName"), text("lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    person.card = [Some(name).filter(|name| !name.is_empty()), text("workEmail"), text("employeeNumber")];
}
