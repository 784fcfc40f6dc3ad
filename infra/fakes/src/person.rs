//! One person as a provider keeps them, and plausible values for what was not said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::name::Name;

const FIRST: &[&str] =
    &["Ada", "Ben", "Chloé", "Dmitri", "Elif", "Femi", "Grace", "Hiro", "Inês", "Jan", "Kofi", "Zoë"];
const LAST: &[&str] =
    &["Abe", "Brown", "Costa", "Dubois", "Evans", "Fischer", "García", "Haddad", "Ito", "Jensen", "Nguyễn", "Okafor"];
const TITLES: &[&str] = &["Nurse", "Engineer", "Driver", "Analyst", "Planner", "Technician", "Buyer"];
const DEPARTMENTS: &[&str] = &["Ward 4", "R&D / Units", "Logistics", "Finance", "People"];
const CITIES: &[(&str, &str, &str)] =
    &[("Denver", "CO", "80202"), ("Boston", "MA", "02108"), ("Austin", "TX", "73301"), ("Chicago", "IL", "60601")];
const AREA_CODES: &[u64] = &[202, 212, 303, 312, 404, 415, 512, 617, 702, 713];

/// A home address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Address {
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
}

/// A person in a provider's directory. `None` is a field that the customer left empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    pub id: String,
    pub employee_number: Option<String>,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: Option<String>,
    pub preferred_name: Option<String>,
    pub work_email: Option<String>,
    pub personal_email: Option<String>,
    pub mobile_phone: Option<String>,
    pub title: Option<String>,
    pub department: Option<String>,
    pub division: Option<String>,
    pub location: Option<String>,
    pub manager_id: Option<String>,
    /// `active`, `inactive`, `leave`, `pending`, `terminated`, `retired`, `deceased`, turned into the provider's own word;
    /// any other word is sent as it stands.
    pub status: Option<String>,
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    pub address: Option<Address>,
    pub custom: BTreeMap<String, Value>,
    /// Place in the order of creation; set by the directory.
    #[serde(default)]
    pub sequence: u64,
    /// Unix milliseconds; set by the directory.
    #[serde(default)]
    pub created_at: i64,
    /// Unix milliseconds; set by the directory.
    #[serde(default)]
    pub updated_at: i64,
}

/// Fields that only the directory sets.
const OWN: &[&str] = &["sequence", "created_at", "updated_at"];

impl Person {
    /// A person of these fields; those that are missing are made up from `number`, those that are null stay empty.
    pub(crate) fn made_up(provider: Name, number: u64, given: &Map<String, Value>) -> Result<Person, String> {
        let mut fields = plausible(provider, number, given);
        fields.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
        read(fields, given)
    }

    /// This person with some fields changed.
    pub(crate) fn patched(&self, patch: &Map<String, Value>) -> Result<Person, String> {
        let mut fields = match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        fields.extend(patch.iter().map(|(key, value)| (key.clone(), value.clone())));
        if patch.contains_key("id") && patch.get("id") != Some(&json!(self.id)) {
            return Err("id: cannot change".to_owned());
        }
        read(fields, patch)
    }

    /// First and last name with a blank between them.
    pub(crate) fn full_name(&self) -> String {
        let parts = [self.first_name.as_deref(), self.last_name.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The status word, `active` where there is none.
    pub(crate) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("active")
    }

    /// Whether the status is one of those who work at present.
    pub(crate) fn works(&self) -> bool {
        matches!(self.status(), "active" | "leave")
    }
}

fn read(fields: Map<String, Value>, given: &Map<String, Value>) -> Result<Person, String> {
    if let Some(own) = OWN.iter().find(|own| given.contains_key(**own)) {
        return Err(format!("{own}: set by the directory"));
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

/// Spreads a number over 64 bits (splitmix64).
pub(crate) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn plausible(provider: Name, number: u64, given: &Map<String, Value>) -> Map<String, Value> {
    let random = mixed(number);
    let pick = |list: &[&str], shift: u32| list[((random >> shift) % list.len() as u64) as usize].to_owned();
    let text = |key: &str, made: String| given.get(key).and_then(Value::as_str).map_or(made, str::to_owned);
    let (first, last) = (text("first_name", pick(FIRST, 0)), text("last_name", pick(LAST, 8)));
    let local = format!("{}.{}.{number}", ascii(&first), ascii(&last));
    let (city, state, postal_code) = CITIES[(random >> 24) as usize % CITIES.len()];
    let phone =
        format!("+1{}{}{:04}", AREA_CODES[number as usize % 10], 555 + number / 100_000 % 400, number / 10 % 10_000);
    let fields = json!({
        "id": provider.new_id(number),
        "employee_number": format!("E-{number:05}"),
        "first_name": first, "middle_name": null, "last_name": last, "preferred_name": null,
        "work_email": format!("{local}@example.com"),
        "personal_email": format!("{local}@home.example.org"),
        "mobile_phone": phone,
        "title": pick(TITLES, 16), "department": pick(DEPARTMENTS, 20), "division": null, "location": city,
        "manager_id": null, "status": "active",
        "start_date": format!("20{:02}-{:02}-{:02}", 10 + random % 15, 1 + (random >> 4) % 12, 1 + (random >> 12) % 28),
        "end_date": null,
        "address": {"line1": format!("{} High Street", 1 + random % 200), "city": city, "state": state,
            "postal_code": postal_code, "country": "US"},
        "custom": {},
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The letters of a name that may stand in any e-mail address.
fn ascii(name: &str) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if letters.is_empty() { "someone".to_owned() } else { letters.to_lowercase() }
}
