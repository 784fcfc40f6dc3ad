//! Graph's properties: which are asked for, and how an entry becomes a person.

use muster_core::privacy::blocked_column;
use serde_json::Value;

use crate::http::millis;
use crate::{Page, Person, Target};

/// The status of somebody whose `employeeLeaveDateTime` has passed.
pub(super) const LEFT: &str = "left";

/// Asked for whatever the mapping says: status, guests, and what a manager is called by.
const ALWAYS: [&str; 9] = [
    "id",
    "accountEnabled",
    "userType",
    "userPrincipalName",
    "mail",
    "displayName",
    "givenName",
    "surname",
    "employeeId",
];

/// Properties to select; most appear only when they are named.
pub(super) fn select<'t>(target: &Target<'t>, manager: bool) -> Vec<&'t str> {
    let mut properties: Vec<&str> = ALWAYS.to_vec();
    let mapped = target.columns.iter().filter(|column| blocked_column(column).is_none());
    for column in mapped {
        let property = column.split(['.', '[']).next().unwrap_or_default();
        let plain = !property.is_empty() && property.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if plain && property != "manager" && !properties.contains(&property) {
            properties.push(property);
        }
    }
    if manager {
        properties.push("manager");
    }
    properties
}

/// Adds what an entry says to a page. The same person may come again, and be removed after having come: the last
/// entry counts, and what only an earlier one gave stays.
pub(super) fn add(target: &Target<'_>, page: &mut Page, entry: &Value, now_ms: i64) {
    let Some(id) = entry.get("id").and_then(Value::as_str).filter(|id| !id.trim().is_empty()) else {
        page.partial = Some("an entry of the list has no id".to_owned());
        return;
    };
    let earlier = page.people.iter().position(|person| person.id == id).map(|at| page.people.remove(at));
    page.gone.retain(|gone| gone != id);
    if entry.get("@removed").is_some() || !is_wanted(target, entry) {
        page.gone.push(id.to_owned());
        return;
    }
    let mut person = earlier.unwrap_or_else(|| Person { id: id.to_owned(), ..Person::default() });
    tell(&mut person, entry, now_ms);
    page.people.push(person);
}

/// Whether the person is of the user type that is read. An entry that brings only what changed may not say it.
fn is_wanted(target: &Target<'_>, entry: &Value) -> bool {
    let wanted = Some(target.provider("user_type")).filter(|wanted| !wanted.is_empty()).unwrap_or("Member");
    match entry.get("userType").and_then(Value::as_str) {
        Some(user_type) => wanted == "all" || user_type.eq_ignore_ascii_case(wanted),
        // Users of before there were guests have no type, and are members.
        None => wanted != "Guest" || entry.get("userType").is_none(),
    }
}

fn tell(person: &mut Person, entry: &Value, now_ms: i64) {
    for (property, value) in entry.as_object().into_iter().flatten() {
        let apart = property.contains('@') || property == "manager";
        if !apart && blocked_column(property).is_none() {
            person.values.take(property, value);
        }
    }
    let left = person.values.text("employeeLeaveDateTime").and_then(millis);
    if left.is_some_and(|at| at <= now_ms) {
        person.values.set("accountEnabled", LEFT);
    }
    tell_manager(person, entry);
    let text = |path: &str| person.values.text(path).map(str::to_owned);
    let names = [text("givenName"), text("surname")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = text("displayName").or(Some(names).filter(|names| !names.is_empty()));
    person.card = [name, text("mail").or_else(|| text("userPrincipalName")), text("employeeId")];
}

/// A delta tells the manager as `manager@delta`, a list in which a former manager is `@removed`; a single user as
/// `manager`.
fn tell_manager(person: &mut Person, entry: &Value) {
    let list = entry.get("manager@delta").and_then(Value::as_array);
    let told = match (entry.get("manager"), list) {
        (Some(manager), _) => Some(manager),
        (None, Some(list)) => {
            Some(list.iter().rev().find(|manager| manager.get("@removed").is_none()).unwrap_or(&Value::Null))
        }
        (None, None) => None,
    };
    let Some(told) = told else { return };
    person.manager = told.get("id").and_then(Value::as_str).map(str::to_owned);
    if person.manager.is_none() {
        for path in ["manager.id", "manager.name", "manager.email", "manager.employee_number"] {
            person.values.set_empty(path);
        }
    }
}
