//! What Finch says of a person, by path. Only keys named here are looked at: birth date, gender, ethnicity, marital
//! status, national ids and pay never are.

use jiff::civil::Date;
use serde_json::Value;

use crate::{Person, Target, Values};

const ADDRESS: [&str; 8] = ["line1", "line2", "city", "state", "postal_code", "country", "name", "source_id"];
const MANAGER: [&str; 4] = ["id", "name", "email", "employee_number"];

/// The person with what the individual says.
pub(super) fn individual(target: &Target<'_>, person: &Person, body: &Value) -> Person {
    let mut person = person.clone();
    let values = &mut person.values;
    values.set("id", person.id.as_str());
    for key in ["first_name", "middle_name", "last_name", "preferred_name"] {
        take(values, key, body, key);
    }
    for key in ["emails", "phone_numbers"] {
        if let Some(entries) = body.get(key) {
            values.typed(key, entries, "type", Some("data"), &["work", "personal"]);
        }
    }
    address(values, "residence", body);
    if wants_cards(target) {
        person.card = [name(&person.values), person.values.text("emails[work]").map(str::to_owned), None];
    }
    keep(target, &mut person.values);
    person
}

/// The person with what the employment says.
pub(super) fn employment(target: &Target<'_>, person: &Person, body: &Value) -> Person {
    let mut person = person.clone();
    let values = &mut person.values;
    values.set("id", person.id.as_str());
    take(values, "employee_number", body, "source_id");
    for key in ["title", "start_date", "end_date", "latest_rehire_date", "class_code"] {
        take(values, key, body, key);
    }
    if let Some(department) = body.get("department") {
        let name = department.get("name").unwrap_or(&Value::Null);
        values.take("department", name);
        values.take("department.name", name);
    }
    if let Some(kind) = body.get("employment") {
        for key in ["type", "subtype"] {
            values.take(&format!("employment.{key}"), kind.get(key).unwrap_or(&Value::Null));
        }
    }
    address(values, "location", body);
    // Assisted connections have `null` here: not given, rather than a list without fields.
    values.named("custom_fields", &body["custom_fields"], &["name"], "value");
    values.set_some("employment_status", status(body, target.today));
    person.manager = manager(values, body);
    if wants_cards(target) {
        person.card[2] = person.values.text("employee_number").map(str::to_owned);
    }
    keep(target, &mut person.values);
    person
}

fn take(values: &mut Values, path: &str, body: &Value, key: &str) {
    if let Some(value) = body.get(key) {
        values.take(path, value);
    }
}

fn address(values: &mut Values, path: &str, body: &Value) {
    let Some(told) = body.get(path) else { return };
    for key in ADDRESS {
        take(values, &format!("{path}.{key}"), told, key);
    }
    if told.is_null() {
        values.empty_keys(path, &ADDRESS);
    }
}

fn manager(values: &mut Values, body: &Value) -> Option<String> {
    let told = body.get("manager")?;
    let id = told["id"].as_str();
    match id {
        Some(id) => values.set("manager.id", id),
        // Whoever has no manager any more has no manager's name either.
        None => values.empty_keys("manager", &MANAGER),
    }
    id.map(str::to_owned)
}

/// Finch's word, or what `is_active` and `end_date` say where it has none.
fn status(body: &Value, today: Date) -> Option<&str> {
    if let Some(word) = body["employment_status"].as_str() {
        return Some(word);
    }
    let ended = body["end_date"].as_str().and_then(|text| text.parse::<Date>().ok()).is_some_and(|end| end <= today);
    match body["is_active"].as_bool()? {
        true => Some("active"),
        false if ended => Some("terminated"),
        false => Some("inactive"),
    }
}

fn name(values: &Values) -> Option<String> {
    let first = values.text("preferred_name").or(values.text("first_name"));
    let parts: Vec<&str> = [first, values.text("last_name")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn wants_cards(target: &Target<'_>) -> bool {
    target.columns.iter().any(|column| column.starts_with("manager.") && column != "manager.id")
}

fn keep(target: &Target<'_>, values: &mut Values) {
    let always = ["id", "employment_status"];
    values.retain(|path| always.contains(&path) || target.columns.iter().any(|column| column == path));
}
