//! A person as a provider presents them: texts by path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a provider says of one path. A path that is not there is *not given*: the stored value stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Raw {
    /// Given as empty: the stored value goes, where the mapping says so.
    Empty,
    /// Given.
    Text(String),
}

/// Texts by path: `first_name`, `emails[work]`, `addresses[home].city`, `custom_fields.Badge`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values(BTreeMap<String, Raw>);

impl Values {
    /// What is said of a path; `None` where it is not given.
    pub fn get(&self, path: &str) -> Option<&Raw> {
        self.0.get(path)
    }

    /// The text of a path; `None` where it is empty or not given.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.0.get(path) {
            Some(Raw::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Says a text of a path; a blank one is [`Raw::Empty`].
    pub fn set(&mut self, path: impl Into<String>, text: impl Into<String>) {
        let text = text.into();
        let raw = if text.trim().is_empty() { Raw::Empty } else { Raw::Text(text) };
        self.0.insert(path.into(), raw);
    }

    /// Says a text where there is one.
    pub fn set_some(&mut self, path: impl Into<String>, text: Option<&str>) {
        if let Some(text) = text {
            self.set(path, text);
        }
    }

    /// Says that a path is empty.
    pub fn set_empty(&mut self, path: impl Into<String>) {
        self.0.insert(path.into(), Raw::Empty);
    }

    /// Takes a path back: not given.
    pub fn forget(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Keeps only the paths that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|path, _| keep(path));
    }

    /// Takes over what another says; what it does not give stays.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Everything that is given, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.0.iter().map(|(path, raw)| (path.as_str(), raw))
    }

    /// Takes over a JSON value under `path`: scalars as texts, `null` as empty, objects by their keys
    /// (`path.key`), lists of scalars joined by `;`. Lists of objects are left to [`Values::typed`] and
    /// [`Values::named`].
    pub fn take(&mut self, path: &str, value: &Value) {
        match value {
            Value::Null => self.set_empty(path),
            Value::Bool(flag) => self.set(path, flag.to_string()),
            Value::Number(number) => self.set(path, number.to_string()),
            Value::String(text) => self.set(path, text.as_str()),
            Value::Array(list) if list.iter().any(|entry| entry.is_object() || entry.is_array()) => {}
            Value::Array(list) => {
                let texts: Vec<String> = list.iter().filter_map(scalar).collect();
                self.set(path, texts.join(";"));
            }
            Value::Object(object) => {
                for (key, value) in object {
                    self.take(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value);
                }
            }
        }
    }

    /// Takes over an object's keys but those in `skip` (blocked data, lists that are read apart).
    pub fn take_object(&mut self, object: &Value, skip: &[&str]) {
        for (key, value) in object.as_object().into_iter().flatten() {
            if !skip.contains(&key.as_str()) {
                self.take(key, value);
            }
        }
    }

    /// Takes over a typed list: `path[type]` for the first entry of each type, and `path` for the primary one (or
    /// else the first). With `text` the entry's text is at that key (`emails[work]`); without it the entry's keys
    /// follow (`addresses[home].city`). Every type of `types` that no entry has is empty: the list was given whole.
    pub fn typed(&mut self, path: &str, list: &Value, kind: &str, text: Option<&str>, types: &[&str]) {
        let Some(entries) = list.as_array() else {
            if list.is_null() {
                self.typed(path, &Value::Array(Vec::new()), kind, text, types);
            }
            return;
        };
        let of_type = |wanted: &str| entries.iter().find(|entry| type_of(entry, kind) == wanted);
        for wanted in types {
            self.entry(&format!("{path}[{wanted}]"), of_type(wanted), text);
        }
        self.entry(path, of_type("primary").or(entries.first()), text);
    }

    fn entry(&mut self, path: &str, entry: Option<&Value>, text: Option<&str>) {
        match (entry, text) {
            (Some(entry), Some(text)) => self.take(path, entry.get(text).unwrap_or(&Value::Null)),
            (Some(entry), None) => self.take(path, entry),
            (None, Some(_)) => self.set_empty(path),
            // Its keys are not known: an absent address is told by the caller, see `empty_keys`.
            (None, None) => {}
        }
    }

    /// Says that these keys of an absent entry are empty: an address that is gone takes its lines with it.
    pub fn empty_keys(&mut self, path: &str, keys: &[&str]) {
        for key in keys {
            let path = format!("{path}.{key}");
            if self.get(&path).is_none() {
                self.set_empty(path);
            }
        }
    }

    /// Takes over a list of named values: `path.NAME`, for each key in `names` that an entry has.
    pub fn named(&mut self, path: &str, list: &Value, names: &[&str], value: &str) {
        for entry in list.as_array().into_iter().flatten() {
            for name in names.iter().filter_map(|name| entry.get(*name).and_then(Value::as_str)) {
                self.take(&format!("{path}.{name}"), entry.get(value).unwrap_or(&Value::Null));
            }
        }
    }
}

fn type_of(entry: &Value, kind: &str) -> String {
    entry.get(kind).and_then(Value::as_str).unwrap_or_default().trim().to_lowercase().replace([' ', '_'], "-")
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// One person. `Debug` shows the id only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The provider's id; also under the path that [`crate::About::ids`] names.
    pub id: String,
    /// The provider's own version (`updated_at`), in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_ms: Option<i64>,
    /// The provider's id of the manager. The paths `manager.id`, `manager.name`, `manager.email` and
    /// `manager.employee_number` are filled from the same listing where [`Person::values`] does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// What others call this person, should they be a manager: name, e-mail address, employee number.
    #[serde(default)]
    pub card: [Option<String>; 3],
    /// What is said of them.
    pub values: Values,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("id", &self.id).finish_non_exhaustive()
    }
}
