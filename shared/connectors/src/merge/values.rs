//! What Merge says of an employee, by path. Only keys named here are looked at: national id, gender, ethnicity, marital
//! status, birth date and pay never are.

use jiff::civil::Date;
use serde_json::Value;

use crate::http::millis;
use crate::{Person, Target, Values};

const PLAIN: [&str; 11] = [
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
    "employee_url",
];
const DATES: [&str; 3] = ["hire_date", "start_date", "termination_date"];
const LOCATION: [&str; 8] = ["name", "phone_number", "street_1", "street_2", "city", "state", "zip_code", "country"];
const MANAGER: [&str; 4] = ["id", "name", "email", "employee_number"];
/// Columns that are made of groups, and the type of group that counts.
const GROUPS: [(&str, &str); 3] =
    [("department", "DEPARTMENT"), ("division", "BUSINESS_UNIT"), ("cost_center", "COST_CENTER")];

/// The relations that the mapped columns need, as `expand` wants them. All others stay ids.
pub(super) fn expand(target: &Target<'_>) -> String {
    let wants = |column: &str| target.columns.iter().any(|mapped| mapped == column);
    let within = |path: &str| target.columns.iter().any(|mapped| mapped.starts_with(path));
    let manager = target.columns.iter().any(|mapped| mapped.starts_with("manager.") && mapped != "manager.id");
    let relations = [
        ("company", wants("company")),
        ("employments", wants("job_title") || wants("employment_type")),
        ("groups", GROUPS.iter().any(|(column, _)| wants(column))),
        ("home_location", within("home_location.")),
        ("manager", manager),
        ("team", wants("team") || wants("department")),
        ("work_location", within("work_location.")),
    ];
    let wanted: Vec<&str> = relations.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
    wanted.join(",")
}

pub(super) fn id(entry: &Value) -> Option<String> {
    entry["id"].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

pub(super) fn is_deleted(entry: &Value) -> bool {
    entry["remote_was_deleted"].as_bool() == Some(true)
}

/// The employee with the mapped columns.
pub(super) fn person(target: &Target<'_>, id: String, entry: &Value) -> Person {
    let mut values = Values::default();
    for key in PLAIN {
        if let Some(value) = entry.get(key) {
            values.take(key, value);
        }
    }
    for key in DATES {
        match entry.get(key) {
            Some(Value::String(text)) => values.set(key, day(text)),
            Some(value) => values.take(key, value),
            None => {}
        }
    }
    employment(&mut values, entry, target.today);
    groups(&mut values, entry);
    for key in ["home_location", "work_location"] {
        location(&mut values, key, entry);
    }
    related(&mut values, "company", &entry["company"], &["display_name", "legal_name"]);
    for key in ["custom_fields", "field_mappings"] {
        // `null`: the plan has none, which says nothing of their values.
        if let Some(fields) = entry.get(key).filter(|value| value.is_object()) {
            values.take(key, fields);
        }
    }
    let manager = manager(&mut values, entry);
    values.set_some("employment_status", status(entry, target.today));
    values.set("id", id.as_str());
    let card = [name(entry), values.text("work_email").map(str::to_owned), text(&entry["employee_number"])];
    keep(target, &mut values);
    let version_ms = entry["modified_at"].as_str().and_then(millis);
    Person { id, version_ms, manager, card, values }
}

/// The day of a time: employment dates come as midnights.
fn day(text: &str) -> &str {
    text.get(..10).filter(|day| day.parse::<Date>().is_ok()).unwrap_or(text)
}

fn date(value: &Value) -> Option<Date> {
    value.as_str()?.get(..10)?.parse().ok()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The newest employment that has begun; for somebody who has not started, the first to come.
fn employment(values: &mut Values, entry: &Value, today: Date) {
    let Some(list) = entry["employments"].as_array() else { return };
    // Ids where they were not asked for in full.
    if list.iter().any(|one| !one.is_object()) {
        return;
    }
    let there = || list.iter().filter(|one| !is_deleted(one));
    let begun = there().filter(|one| date(&one["effective_date"]).is_none_or(|day| day <= today));
    let newest = begun.max_by_key(|one| date(&one["effective_date"]));
    let current = newest.or_else(|| there().min_by_key(|one| date(&one["effective_date"])));
    for key in ["job_title", "employment_type"] {
        match current {
            Some(one) => {
                if let Some(value) = one.get(key) {
                    values.take(key, value);
                }
            }
            None => values.set_empty(key),
        }
    }
}

/// Department, division and cost center by the type of group; without a department the team stands for it.
fn groups(values: &mut Values, entry: &Value) {
    related(values, "team", &entry["team"], &["name"]);
    if entry.get("team").is_some_and(Value::is_null) {
        values.set_empty("team");
    }
    let Some(list) = entry["groups"].as_array().filter(|list| list.iter().all(Value::is_object)) else { return };
    for (column, kind) in GROUPS {
        let of_kind = |group: &&Value| group["type"].as_str().is_some_and(|told| told.eq_ignore_ascii_case(kind));
        let found = list.iter().filter(|group| !is_deleted(group)).find(of_kind).and_then(|group| text(&group["name"]));
        let team = if column == "department" { values.text("team").map(str::to_owned) } else { None };
        // A team that is not told may stand for the department.
        let untold = !entry.get("team").is_some_and(|team| team.is_object() || team.is_null());
        if column == "department" && found.is_none() && untold {
            continue;
        }
        match found.or(team) {
            Some(name) => values.set(column, name),
            None => values.set_empty(column),
        }
    }
}

/// The first of some texts of a related object.
fn related(values: &mut Values, path: &str, told: &Value, keys: &[&str]) {
    if told.is_object() {
        values.set_some(path, keys.iter().find_map(|key| text(&told[key])).as_deref());
    }
}

fn location(values: &mut Values, path: &str, entry: &Value) {
    match entry.get(path) {
        Some(Value::Null) => values.empty_keys(path, &LOCATION),
        Some(Value::Object(told)) => {
            for key in LOCATION {
                if let Some(value) = told.get(key) {
                    values.take(&format!("{path}.{key}"), value);
                }
            }
        }
        _ => {}
    }
}

/// The manager's id; who they are where that was asked for, and else is left to the listing.
fn manager(values: &mut Values, entry: &Value) -> Option<String> {
    let told = entry.get("manager")?;
    if told.is_null() {
        // Whoever has no manager any more has no manager's name either.
        values.empty_keys("manager", &MANAGER);
        return None;
    }
    let manager = if told.is_object() { id(told) } else { text(told) };
    values.set_some("manager.id", manager.as_deref());
    if told.is_object() {
        values.set_some("manager.name", name(told).as_deref());
        values.set_some("manager.email", text(&told["work_email"]).as_deref());
        values.set_some("manager.employee_number", text(&told["employee_number"]).as_deref());
    }
    manager
}

/// Merge's word; `INACTIVE_ENDED` where it is `INACTIVE` and the employment has ended.
fn status(entry: &Value, today: Date) -> Option<&str> {
    let word = entry["employment_status"].as_str().filter(|word| !word.trim().is_empty())?;
    let ended = date(&entry["termination_date"]).is_some_and(|end| end <= today);
    Some(if word == "INACTIVE" && ended { "INACTIVE_ENDED" } else { word })
}

fn name(entry: &Value) -> Option<String> {
    let parts: Vec<String> = ["first_name", "last_name"].iter().filter_map(|key| text(&entry[key])).collect();
    let joined = (!parts.is_empty()).then(|| parts.join(" "));
    text(&entry["display_full_name"]).or(joined)
}

fn keep(target: &Target<'_>, values: &mut Values) {
    let always = ["id", "employment_status"];
    values.retain(|path| always.contains(&path) || target.columns.iter().any(|column| column == path));
}
