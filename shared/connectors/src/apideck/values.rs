//! What Apideck says of an employee, by path. Only keys named here are looked at: birth date, gender, ethnicity, marital
//! status, nationality, national and tax ids, pay and bank accounts never are.

use jiff::civil::Date;
use serde_json::Value;

use crate::http::millis;
use crate::{Person, Target, Values};

const PLAIN: [&str; 25] = [
    "downstream_id",
    "employee_number",
    "first_name",
    "last_name",
    "middle_name",
    "display_name",
    "preferred_name",
    "initials",
    "salutation",
    "division",
    "division_id",
    "department",
    "department_id",
    "department_name",
    "company_id",
    "company_name",
    "employment_start_date",
    "employment_end_date",
    "preferred_language",
    "timezone",
    "works_remote",
    "photo_url",
    "record_url",
    "tags",
    "languages",
];
const GROUPED: [(&str, &[&str]); 2] = [("team", &["id", "name"]), ("employment_role", &["type", "sub_type"])];
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
const ADDRESS: [&str; 14] = [
    "string",
    "name",
    "line1",
    "line2",
    "line3",
    "line4",
    "line5",
    "street_number",
    "city",
    "state",
    "postal_code",
    "country",
    "county",
    "phone_number",
];
const MANAGER: [&str; 4] = ["id", "name", "email", "employee_number"];

/// The id; systems that have numbers give numbers.
pub(super) fn id(entry: &Value) -> Option<String> {
    match &entry["id"] {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    }
}

pub(super) fn is_deleted(entry: &Value) -> bool {
    entry["deleted"].as_bool() == Some(true)
}

/// The employee with the mapped columns.
pub(super) fn person(target: &Target<'_>, id: &str, entry: &Value) -> Person {
    let mut values = Values::default();
    for key in PLAIN {
        if let Some(value) = entry.get(key) {
            values.take(key, value);
        }
    }
    for (key, parts) in GROUPED {
        grouped(&mut values, key, parts, entry);
    }
    title(&mut values, entry);
    lists(&mut values, entry);
    if let Some(mappings) = entry.get("custom_mappings").filter(|value| value.is_object()) {
        values.take("custom_mappings", mappings);
    }
    let manager = manager(&mut values, entry);
    values.set_some("employment_status", status(entry, target.today));
    values.set("id", id);
    let card = [name(&values), email(&values), values.text("employee_number").map(str::to_owned)];
    keep(target, &mut values);
    let version_ms = entry["updated_at"].as_str().and_then(millis);
    Person { id: id.to_owned(), version_ms, manager, card, values }
}

fn grouped(values: &mut Values, key: &str, parts: &[&str], entry: &Value) {
    let Some(told) = entry.get(key) else { return };
    if told.is_null() {
        values.empty_keys(key, parts);
    }
    for part in parts {
        if let Some(value) = told.get(part) {
            values.take(&format!("{key}.{part}"), value);
        }
    }
}

/// The job title, or that of the primary job where the employee has none of their own.
fn title(values: &mut Values, entry: &Value) {
    let jobs = entry["jobs"].as_array().into_iter().flatten();
    let job = || jobs.filter(|job| job["is_primary"].as_bool() == Some(true)).find_map(|job| job["title"].as_str());
    if let Some(value) = entry.get("title") {
        values.take("title", value);
    }
    if values.text("title").is_none()
        && let Some(job) = job()
    {
        values.set("title", job);
    }
}

fn lists(values: &mut Values, entry: &Value) {
    if let Some(list) = entry.get("emails") {
        values.typed("emails", list, "type", Some("email"), &EMAILS);
    }
    if let Some(list) = entry.get("phone_numbers") {
        values.typed("phone_numbers", list, "type", Some("number"), &PHONES);
    }
    if let Some(list) = entry.get("addresses") {
        addresses(values, list);
    }
    // A list without a field says nothing of it: some systems give custom fields with a single person only.
    values.named("custom_fields", &entry["custom_fields"], &["name", "id"], "value");
}

fn addresses(values: &mut Values, list: &Value) {
    values.typed("addresses", list, "type", None, &ADDRESSES);
    if !list.is_array() && !list.is_null() {
        return;
    }
    let paths = ADDRESSES.iter().map(|kind| format!("addresses[{kind}]")).chain(["addresses".to_owned()]);
    for path in paths {
        let begins = format!("{path}.");
        if !values.iter().any(|(known, _)| known.starts_with(&begins)) {
            values.empty_keys(&path, &ADDRESS);
        }
    }
}

/// The manager's id. What the entry does not say of them is left to the listing.
fn manager(values: &mut Values, entry: &Value) -> Option<String> {
    let told = entry.get("manager")?;
    let given = told.as_object().is_some_and(|object| object.values().any(|value| !value.is_null()));
    if told.is_null() || (told.is_object() && !given) {
        // Whoever has no manager any more has no manager's name either.
        values.empty_keys("manager", &MANAGER);
        return None;
    }
    let told_id = id(told);
    values.set_some("manager.id", told_id.as_deref());
    values.set_some("manager.email", told["email"].as_str().filter(|text| !text.trim().is_empty()));
    let parts = [told["first_name"].as_str(), told["last_name"].as_str()].map(Option::unwrap_or_default);
    let joined = parts.join(" ").trim().to_owned();
    let name = told["name"].as_str().map(str::to_owned).or(Some(joined)).filter(|name| !name.trim().is_empty());
    values.set_some("manager.name", name.as_deref());
    told_id
}

/// Apideck's word, made finer by what else it says: a leaver who retired, somebody who died, an end that is past.
fn status(entry: &Value, today: Date) -> Option<&str> {
    if entry["deceased_on"].as_str().is_some_and(|text| !text.trim().is_empty()) {
        return Some("deceased");
    }
    let ended = || date(&entry["employment_end_date"]).is_some_and(|end| end < today);
    let word = entry["employment_status"].as_str().filter(|word| !word.trim().is_empty());
    match word.map(str::to_lowercase).as_deref() {
        Some("terminated" | "inactive") if entry["leaving_reason"].as_str() == Some("retired") => Some("retired"),
        None | Some("other") if ended() => Some("other_ended"),
        // Given as nothing is as unclear as `other`; not given at all says nothing.
        None => entry.get("employment_status").map(|_| "other"),
        Some(_) => word,
    }
}

fn date(value: &Value) -> Option<Date> {
    value.as_str()?.get(..10)?.parse().ok()
}

fn name(values: &Values) -> Option<String> {
    let parts: Vec<&str> = [values.text("first_name"), values.text("last_name")].into_iter().flatten().collect();
    let joined = (!parts.is_empty()).then(|| parts.join(" "));
    values.text("display_name").map(str::to_owned).or(joined)
}

fn email(values: &Values) -> Option<String> {
    values.text("emails[work]").or(values.text("emails")).map(str::to_owned)
}

fn keep(target: &Target<'_>, values: &mut Values) {
    let always = ["id", "employment_status"];
    values.retain(|path| always.contains(&path) || target.columns.iter().any(|column| column == path));
}
