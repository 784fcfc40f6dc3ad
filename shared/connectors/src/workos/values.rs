//! What `WorkOS` says of a directory user, by path. `raw_attributes` are never looked at.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::millis;
use crate::{Person, Target, Values};

/// A directory user's id.
pub(super) fn id(user: &Value) -> Option<&str> {
    user["id"].as_str().filter(|id| !id.trim().is_empty())
}

/// Whether a user is of the connection's directory.
pub(super) fn is_ours(target: &Target<'_>, user: &Value) -> bool {
    user["directory_id"].as_str() == Some(target.provider("directory_id"))
}

/// The person whom a directory user is.
pub(super) fn person(target: &Target<'_>, id: &str, user: &Value) -> Person {
    let mut values = Values::default();
    for key in ["id", "idp_id", "email", "first_name", "last_name", "name", "username", "job_title", "state"] {
        if let Some(value) = user.get(key) {
            values.take(key, value);
        }
    }
    if let Some(entries) = user.get("emails") {
        typed(target, &mut values, "emails", entries, &["work", "home", "other"]);
    }
    for (name, value) in user["custom_attributes"].as_object().into_iter().flatten() {
        let path = format!("custom_attributes.{name}");
        let is_typed = value.is_null() || value.as_array().is_some_and(|entries| entries.iter().all(Value::is_object));
        if is_typed { typed(target, &mut values, &path, value, &[]) } else { values.take(&path, value) }
    }
    values.retain(|path| path == "id" || path == "state" || target.columns.iter().any(|column| column == path));
    Person { id: id.to_owned(), version_ms: version(user), values, ..Person::default() }
}

fn version(user: &Value) -> Option<i64> {
    user["updated_at"].as_str().and_then(millis)
}

/// A typed list, its primary entry first. What is mapped of it and no entry has is empty: the list was given whole.
fn typed(target: &Target<'_>, values: &mut Values, path: &str, list: &Value, usual: &[&str]) {
    let mut entries = list.as_array().cloned().unwrap_or_default();
    entries.sort_by_key(|entry| entry["primary"] != Value::Bool(true));
    let has_text = |entry: &Value| entry.get("value").is_some();
    let mapped = || target.columns.iter().filter_map(|column| column.strip_prefix(path));
    let wanted = mapped().filter_map(|rest| rest.strip_prefix('[')?.split_once(']')).map(|(kind, _)| kind);
    let kinds: Vec<&str> = usual.iter().copied().chain(wanted).filter(|kind| *kind != "primary").collect();
    let text = (entries.is_empty() || entries.iter().any(has_text)).then_some("value");
    let first = entries.first().cloned();
    values.typed(path, &Value::Array(entries), "type", text, &kinds);
    // `[primary]` is the flag here, not a type.
    let primary = format!("{path}[primary]");
    match (&first, text) {
        (Some(entry), Some(text)) => values.take(&primary, &entry[text]),
        (Some(entry), None) => values.take(&primary, entry),
        (None, _) => values.set_empty(&primary),
    }
    for rest in mapped().filter(|rest| rest.starts_with('[') || rest.starts_with('.')) {
        let column = format!("{path}{rest}");
        if values.get(&column).is_none() {
            values.set_empty(column);
        }
    }
}

/// What the events say of one person at last.
pub(super) enum Change {
    /// There, with these values.
    Told(Person),
    /// Not there any more.
    Deleted(Person),
}

impl Change {
    fn version(&self) -> Option<i64> {
        match self {
            Self::Told(person) | Self::Deleted(person) => person.version_ms,
        }
    }
}

/// The newest change of each person of the connection's directory, and how many entries name no event or nobody.
pub(super) fn latest(target: &Target<'_>, deleted: &[Person], events: &[Value]) -> (Vec<Change>, usize) {
    let carried = deleted.iter().map(|person| (person.id.clone(), Change::Deleted(person.clone())));
    let mut latest: BTreeMap<String, Change> = carried.collect();
    let mut nameless = 0;
    for event in events {
        let user = &event["data"];
        let is_told = match event["event"].as_str() {
            Some("dsync.user.created" | "dsync.user.updated") => true,
            Some("dsync.user.deleted") => false,
            Some(_) => continue,
            None => {
                nameless += 1;
                continue;
            }
        };
        if !is_ours(target, user) {
            continue;
        }
        let Some(id) = id(user) else {
            nameless += 1;
            continue;
        };
        let change = match is_told {
            true => Change::Told(person(target, id, user)),
            false => Change::Deleted(Person { id: id.to_owned(), version_ms: version(user), ..Person::default() }),
        };
        let is_older = |known: &Change| matches!((change.version(), known.version()), (Some(a), Some(b)) if a < b);
        if !latest.get(id).is_some_and(is_older) {
            latest.insert(id.to_owned(), change);
        }
    }
    (latest.into_values().collect(), nameless)
}
