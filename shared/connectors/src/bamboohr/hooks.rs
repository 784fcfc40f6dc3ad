//! BambooHR's webhooks: two formats, each as JSON or as a form.

use serde_json::Value;

use super::text_of;
use crate::signature::{from_hex, hmac_sha256, in_window, same, timestamp};
use crate::{ConnectionEvent, Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable, VerifiedWebhook};

/// BambooHR states no window; this is ours.
const WINDOW_MS: i64 = 300_000;

/// The signature is over the body and the timestamp's text, one behind the other.
pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused> {
    let at = delivery.header("x-bamboohr-timestamp").ok_or(Refused("there is no timestamp"))?;
    let signature = delivery.header("x-bamboohr-signature").ok_or(Refused("there is no signature"))?;
    // Nothing stands between the two, so with fewer digits some of them could be the body's.
    if at.len() != 10 {
        return Err(Refused("the timestamp is not one of today"));
    }
    in_window(timestamp(at)?.saturating_mul(1000), now_ms, WINDOW_MS)?;
    let signature = from_hex(signature).ok_or(Refused("the signature is not 64 hexadecimal digits"))?;
    let secrets = secrets.iter().map(Secret::reveal).filter(|secret| !secret.is_empty());
    let matches = secrets
        .map(|secret| same(&hmac_sha256(secret.as_bytes(), &[delivery.body, at.as_bytes()]), &signature))
        .fold(false, |any, one| any | one);
    if matches { Ok(()) } else { Err(Refused("the signature does not match")) }
}

pub(super) fn events(hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
    match hook.json() {
        Ok(body) => of_json(&body),
        Err(no_json) => of_form(hook.delivery().body).ok_or(no_json),
    }
}

fn of_json(body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    if let Some(kind) = body.get("type").and_then(Value::as_str) {
        let data = |key: &str| body.get("data").and_then(|data| data.get(key)).and_then(text_of);
        return event(kind, data("companyId"), data("employeeId")).map(|event| vec![event]);
    }
    let Some(employees) = body.get("employees").and_then(Value::as_array) else {
        return Err(Unreadable("the body has neither a type nor employees".to_owned()));
    };
    let id = |entry: &Value| entry.get("id").and_then(text_of).ok_or_else(no_id);
    employees.iter().map(|entry| Ok(person(None, id(entry)?))).collect()
}

/// The same two formats as HTML forms write them: `data[employeeId]=5`, `employees[0][id]=5`.
fn of_form(body: &[u8]) -> Option<Vec<SourceEvent>> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let find = |key: &str| pairs.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, v)| v.clone());
    if let Some(kind) = find("type") {
        return event(&kind, find("data[companyId]"), find("data[employeeId]")).ok().map(|event| vec![event]);
    }
    let is_id = |name: &str| {
        let index = name.strip_prefix("employees[").and_then(|rest| rest.strip_suffix("][id]"));
        index.is_some_and(|index| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let ids = pairs.iter().filter(|(name, value)| is_id(name) && !value.is_empty());
    let events: Vec<SourceEvent> = ids.map(|(_, id)| person(None, id.clone())).collect();
    (!events.is_empty()).then_some(events)
}

fn event(kind: &str, company: Option<String>, employee: Option<String>) -> Result<SourceEvent, Unreadable> {
    let of = |kind| SourceEvent { id: None, route: company.clone(), kind };
    Ok(match kind {
        "employee.created" | "employee.updated" | "employee.deleted" => {
            person(company.clone(), employee.ok_or_else(no_id)?)
        }
        "company.deleted" => of(EventKind::Connection(ConnectionEvent::Deleted)),
        other => of(EventKind::Ignored(other.chars().take(100).collect())),
    })
}

fn person(route: Option<String>, id: String) -> SourceEvent {
    SourceEvent { id: None, route, kind: EventKind::Person { id, version_ms: None } }
}

fn no_id() -> Unreadable {
    Unreadable("an employee has no id".to_owned())
}
