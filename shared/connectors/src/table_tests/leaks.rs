//! What may never leave a connector: blocked columns by name, and their values under another name.

use std::collections::BTreeSet;

use muster_core::privacy::blocked_column;
use serde_json::Value;

use super::fixture::Exchange;
use crate::{About, Person, Raw};

/// Shorter texts turn up by chance.
const SHORTEST: usize = 4;

/// Whether what was read tells nothing that is blocked, and who each person is.
pub(super) fn check(about: &About, exchanges: &[Exchange], people: &[Person]) -> Result<(), String> {
    let (mut blocked, mut free) = (BTreeSet::new(), BTreeSet::new());
    exchanges.iter().for_each(|exchange| sort(&exchange.response.body, false, &mut blocked, &mut free));
    let secret: BTreeSet<&String> = blocked.difference(&free).collect();
    for person in people {
        if person.id.trim().is_empty() {
            return Err("a person without an id".to_owned());
        }
        if !about.ids.iter().any(|path| person.values.text(path) == Some(person.id.as_str())) {
            return Err(format!("{}: none of the columns {:?} has the id", person.id, about.ids));
        }
        for (path, raw) in person.values.iter() {
            if let Some(reason) = blocked_column(path) {
                return Err(format!("the column {path} leaks: {reason}"));
            }
            if let Raw::Text(text) = raw
                && secret.contains(text)
            {
                return Err(format!("the column {path} has the value of a blocked one"));
            }
        }
    }
    Ok(())
}

/// Sorts an answer's texts by whether they stand under a blocked name.
fn sort(value: &Value, under_blocked: bool, blocked: &mut BTreeSet<String>, free: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                sort(value, under_blocked || blocked_column(key).is_some(), blocked, free);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| sort(value, under_blocked, blocked, free)),
        Value::String(text) if text.chars().count() >= SHORTEST => {
            if under_blocked {
                blocked.insert(text.clone())
            } else {
                free.insert(text.clone())
            };
        }
        _ => {}
    }
}
