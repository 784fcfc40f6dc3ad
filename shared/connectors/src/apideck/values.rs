//! What Apideck says of an employee, by path. Only keys named here are looked at: birth date, gender, marital status,
//! nationality, national and tax ids, bank accounts and pay never are.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::http::millis;
use crate::{Person, Target, Values};

const EMAILS: [&str; 6] = ["primary", "secondary", "work", "personal", "billing", "other"];
const PHONES: [&str; 12] = [
    "primary",
    "secondary",
    "home",
    "work",
    "office",
    "mobile",
    "assistant",
    "fax",
    "direct-dial-in",
    "personal",
    "billing",
    "other",
];
const ADDRESSES: [&str; 8] = ["primary", "secondary", "home", "office", "shipping", "billing", "work", "other"];
const ADDRESS: [&str; 7] = ["line1", "line2", "city", "state", "postal_code", "country", "string"];
const MANAGER: [&str; 4] = ["id", "name", "email", "employee_number"];
const PLAIN: [&str; 16] = [
    "employee_number",
    "company_name",
    "first_name",
    "last_name",
    "middle_name",
    "preferred_name",
    "display_name",
    "title",
    "department_name",
    "department_id",
    "division",
    "employment_start_date",
    "employment_end_date",
    "preferred_language",
    "timezone",
    "works_remote",
];

/// An employee's id.
pub(super) fn id(employee: &Value) -> Option<&str> {
    text(employee, "id")
}

/// The person whom an employee is.
pub(super) fn person(target: &Target<'_>, id: &str, employee: &Value) -> Person {
    let mut values = Values::default();
    values.set("id", id);
    for key in PLAIN {
        take(&mut values, key, employee.get(key));
    }
    if let Some(language) = employee["languages"][0].as_str().filter(|_| values.text("preferred_language").is_none()) {
        values.set("preferred_language", language);
    }
    inside(&mut values, employee, "team", &["name"]);
    inside(&mut values, employee, "employment_role", &["type", "sub_type"]);
    if let Some(entries) = employee.get("emails") {
        values.typed("emails", entries, "type", Some("email"), &EMAILS);
    }
    if let Some(entries) = employee.get("phone_numbers") {
        values.typed("phone_numbers", &whole_numbers(entries), "type", Some("number"), &PHONES);
    }
    if let Some(entries) = employee.get("addresses") {
        addresses(&mut values, entries);
    }
    values.named("custom_fields", &employee["custom_fields"], &["id", "name"], "value");
    values.set_some("employment_status", status(employee, target.today));
    let manager = manager(&mut values, employee);
    let wants_cards = target.columns.iter().any(|column| column.starts_with("manager.") && column != "manager.id");
    let card = if wants_cards { card(&values) } else { Default::default() };
    let always = ["id", "employment_status"];
    values.retain(|path| always.contains(&path) || target.columns.iter().any(|column| column == path));
    Person { id: id.to_owned(), version_ms: text(employee, "updated_at").and_then(millis), manager, card, values }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value[key].as_str().filter(|text| !text.trim().is_empty())
}

fn take(values: &mut Values, path: &str, value: Option<&Value>) {
    if let Some(value) = value {
        values.take(path, value);
    }
}

/// Keys of an object within; all of them are empty where it is `null`.
fn inside(values: &mut Values, employee: &Value, path: &str, keys: &[&str]) {
    let Some(told) = employee.get(path) else { return };
    for key in keys {
        take(values, &format!("{path}.{key}"), told.get(*key));
    }
    if told.is_null() {
        values.empty_keys(path, keys);
    }
}

/// The list with the country's code put before numbers that have none.
fn whole_numbers(list: &Value) -> Value {
    let Some(entries) = list.as_array() else { return list.clone() };
    let whole = |entry: &Value| json!({"type": entry["type"], "number": whole_number(entry)});
    entries.iter().map(whole).collect()
}

fn whole_number(entry: &Value) -> Value {
    let Some(number) = text(entry, "number").map(str::trim) else { return Value::Null };
    let code =
        entry["country_code"].as_str().map(str::to_owned).or(entry["country_code"].as_u64().map(|n| n.to_string()));
    let code: String = code.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let has_code = number.starts_with('+') || number.starts_with("00");
    Value::from(if has_code || code.is_empty() { number.to_owned() } else { format!("+{code} {number}") })
}

fn addresses(values: &mut Values, list: &Value) {
    let Some(entries) = list.as_array().map(Vec::as_slice).or(list.is_null().then_some(&[])) else { return };
    let known = |entry: &Value| {
        let mut entry = entry.clone();
        if let Some(keys) = entry.as_object_mut() {
            keys.retain(|key, _| key == "type" || ADDRESS.contains(&key.as_str()));
        }
        entry
    };
    values.typed("addresses", &entries.iter().map(known).collect(), "type", None, &ADDRESSES);
    let has_type = |wanted: &str| entries.iter().any(|entry| entry["type"].as_str().map(str::trim) == Some(wanted));
    for absent in ADDRESSES.into_iter().filter(|wanted| !has_type(wanted)) {
        values.empty_keys(&format!("addresses[{absent}]"), &ADDRESS);
    }
    if entries.is_empty() {
        values.empty_keys("addresses", &ADDRESS);
    }
}

fn manager(values: &mut Values, employee: &Value) -> Option<String> {
    let told = employee.get("manager")?;
    let id = text(told, "id");
    if told.is_null() {
        // Whoever has no manager any more has no manager's name either.
        values.empty_keys("manager", &MANAGER);
    }
    take(values, "manager.id", told.get("id"));
    // What is not told of a manager who has an id is found in the listing.
    let parts: Vec<&str> = ["first_name", "last_name"].iter().filter_map(|key| text(told, key)).collect();
    let name = text(told, "name").map(str::to_owned).or((!parts.is_empty()).then(|| parts.join(" ")));
    values.set_some("manager.name", name.as_deref());
    values.set_some("manager.email", text(told, "email"));
    id.map(str::to_owned)
}

/// Apideck's word; but who retired or died is told by other keys, and `other` says nothing until the end date is past.
fn status(employee: &Value, today: Date) -> Option<&str> {
    if text(employee, "deceased_on").is_some() {
        return Some("deceased");
    }
    let end = text(employee, "employment_end_date").and_then(|text| text.get(..10)?.parse::<Date>().ok());
    let is_past = end.is_some_and(|end| end < today);
    match (employee.get("employment_status")?, text(employee, "employment_status")) {
        (_, Some("terminated" | "inactive")) if text(employee, "leaving_reason") == Some("retired") => Some("retired"),
        (_, Some("other")) | (Value::Null, _) if is_past => Some("other_ended"),
        (_, word) => word,
    }
}

/// What others call this person, should they be a manager.
fn card(values: &Values) -> [Option<String>; 3] {
    let parts: Vec<&str> = ["first_name", "last_name"].iter().filter_map(|path| values.text(path)).collect();
    let joined = (!parts.is_empty()).then(|| parts.join(" "));
    let email = values.text("emails[work]").or(values.text("emails[primary]"));
    [
        values.text("display_name").map(str::to_owned).or(joined),
        email.map(str::to_owned),
        values.text("employee_number").map(str::to_owned),
    ]
}
