//! What Merge says of an employee, by path. Only keys named here are looked at: birth date, gender, ethnicity, marital
//! status, national ids, pay and the HR system's raw data never are. A relation that came as an id only is not given.

use jiff::civil::Date;
use serde_json::Value;

use crate::http::millis;
use crate::{Person, Target, Values};

const PLAIN: [&str; 11] = [
    "id",
    "remote_id",
    "employee_number",
    "first_name",
    "last_name",
    "preferred_name",
    "display_full_name",
    "username",
    "work_email",
    "personal_email",
    "mobile_phone_number",
];
const DATES: [&str; 3] = ["hire_date", "start_date", "termination_date"];
const LOCATION: [&str; 8] = ["name", "phone_number", "street_1", "street_2", "city", "state", "zip_code", "country"];
const MANAGER: [&str; 4] = ["id", "name", "email", "employee_number"];

/// The relations that the mapped columns need, as `expand` names them.
pub(super) fn relations(target: &Target<'_>) -> Vec<&'static str> {
    let any = |wants: fn(&str) -> bool| target.columns.iter().any(|column| wants(column));
    let needed = [
        ("employments", any(|column| matches!(column, "job_title" | "employment_type"))),
        ("groups", any(|column| matches!(column, "department" | "division" | "cost_center"))),
        ("home_location", any(|column| column.starts_with("home_location."))),
        ("manager", wants_cards(target)),
        ("team", any(|column| matches!(column, "team" | "department"))),
        ("work_location", any(|column| column.starts_with("work_location."))),
    ];
    needed.into_iter().filter(|(_, needed)| *needed).map(|(relation, _)| relation).collect()
}

/// An employee's id.
pub(super) fn id(employee: &Value) -> Option<&str> {
    employee["id"].as_str().filter(|id| !id.trim().is_empty())
}

/// Whether the HR system has the employee no more.
pub(super) fn is_deleted(object: &Value) -> bool {
    object["remote_was_deleted"] == Value::Bool(true)
}

/// The person whom an employee is.
pub(super) fn person(target: &Target<'_>, id: &str, employee: &Value) -> Person {
    let mut values = Values::default();
    for key in PLAIN {
        take(&mut values, key, employee, key);
    }
    for key in DATES {
        match (employee.get(key), date(&employee[key])) {
            (_, Some(date)) => values.set(key, date.to_string()),
            (Some(value), None) => values.take(key, value),
            (None, None) => {}
        }
    }
    values.set_some("employment_status", status(employee, target.today));
    employment(&mut values, employee, target.today);
    groups(&mut values, employee);
    location(&mut values, "work_location", employee);
    location(&mut values, "home_location", employee);
    take_fields(&mut values, "custom_fields", &employee["custom_fields"]);
    for whose in ["organization_defined_targets", "linked_account_defined_targets"] {
        take_fields(&mut values, "field_mappings", &employee["field_mappings"][whose]);
    }
    let manager = manager(&mut values, &employee["manager"], employee.get("manager").is_some());
    let text = |key: &str| values.text(key).map(str::to_owned);
    let card = match wants_cards(target) {
        true => [name(employee), text("work_email"), text("employee_number")],
        false => Default::default(),
    };
    let always = ["id", "employment_status"];
    values.retain(|path| always.contains(&path) || target.columns.iter().any(|column| column == path));
    let version_ms = employee["modified_at"].as_str().and_then(millis);
    Person { id: id.to_owned(), version_ms, manager, card, values }
}

fn take(values: &mut Values, path: &str, object: &Value, key: &str) {
    if let Some(value) = object.get(key) {
        values.take(path, value);
    }
}

fn take_fields(values: &mut Values, path: &str, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        values.take(&format!("{path}.{name}"), value);
    }
}

/// The date of an ISO date or date-time, as it is written there.
fn date(value: &Value) -> Option<Date> {
    value.as_str()?.split(['T', ' ']).next()?.parse().ok()
}

/// Merge's word, made more exact where the end of the employment has come.
fn status(employee: &Value, today: Date) -> Option<&str> {
    let word = employee["employment_status"].as_str()?;
    let ended = date(&employee["termination_date"]).is_some_and(|end| end <= today);
    Some(if word == "INACTIVE" && ended { "INACTIVE_ENDED" } else { word })
}

/// The objects of a relation to many that still exist; `None` where it is not given, or some came as ids only.
fn expanded<'v>(employee: &'v Value, relation: &str) -> Option<Vec<&'v Value>> {
    let entries = match employee.get(relation)? {
        Value::Null => return Some(Vec::new()),
        list => list.as_array()?,
    };
    let are_objects = entries.iter().all(Value::is_object);
    are_objects.then(|| entries.iter().filter(|entry| !is_deleted(entry)).collect())
}

/// What the newest employment that has begun says; one without a date counts as the oldest.
fn employment(values: &mut Values, employee: &Value, today: Date) {
    let Some(employments) = expanded(employee, "employments") else { return };
    let begins = |employment: &Value| date(&employment["effective_date"]);
    let begun = employments.iter().filter(|employment| begins(employment).is_none_or(|begins| begins <= today));
    let newest = begun.max_by_key(|employment| (begins(employment), employment["modified_at"].as_str()));
    for key in ["job_title", "employment_type"] {
        match newest {
            Some(newest) => take(values, key, newest, key),
            None if employments.is_empty() => values.set_empty(key),
            // One that has yet to begin takes nothing away.
            None => {}
        }
    }
}

fn groups(values: &mut Values, employee: &Value) {
    let team = employee.get("team").filter(|team| team.is_object() || team.is_null());
    let team = team.map(|team| &team["name"]);
    if let Some(name) = team {
        values.take("team", name);
    }
    let Some(groups) = expanded(employee, "groups") else { return };
    let of_type = |kind: &str| groups.iter().find(|group| group["type"] == kind).map(|group| &group["name"]);
    values.take("division", of_type("BUSINESS_UNIT").unwrap_or(&Value::Null));
    values.take("cost_center", of_type("COST_CENTER").unwrap_or(&Value::Null));
    if let Some(name) = of_type("DEPARTMENT").or(team) {
        values.take("department", name);
    }
}

fn location(values: &mut Values, path: &str, employee: &Value) {
    match employee.get(path) {
        Some(Value::Null) => values.empty_keys(path, &LOCATION),
        Some(location) => LOCATION.iter().for_each(|key| take(values, &format!("{path}.{key}"), location, key)),
        None => {}
    }
}

/// The manager's id, which may have come alone or inside the manager.
fn manager(values: &mut Values, manager: &Value, is_given: bool) -> Option<String> {
    if manager.is_null() && is_given {
        // Whoever has no manager any more has no manager's name either.
        values.empty_keys("manager", &MANAGER);
    }
    let id = manager.as_str().filter(|id| !id.trim().is_empty()).or(id(manager))?;
    values.set("manager.id", id);
    if manager.is_object() {
        values.set_some("manager.name", name(manager).as_deref());
        take(values, "manager.email", manager, "work_email");
        take(values, "manager.employee_number", manager, "employee_number");
    }
    Some(id.to_owned())
}

fn name(employee: &Value) -> Option<String> {
    let text = |key: &str| employee[key].as_str().filter(|text| !text.trim().is_empty());
    let parts = || [text("preferred_name").or(text("first_name")), text("last_name")].into_iter().flatten();
    let name = text("display_full_name").map_or_else(|| parts().collect::<Vec<_>>().join(" "), str::to_owned);
    (!name.is_empty()).then_some(name)
}

fn wants_cards(target: &Target<'_>) -> bool {
    target.columns.iter().any(|column| column.starts_with("manager.") && column != "manager.id")
}
