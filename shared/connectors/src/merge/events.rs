//! Merge's webhooks.

use serde_json::Value;

use crate::http::millis;
use crate::signature::{from_base64url, hmac_sha256, same};
use crate::{ConnectionEvent, Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable};

/// Whether one of the secrets signed the raw body. Samples differ in whether the base64 is padded.
pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret]) -> Result<(), Refused> {
    let header = delivery.header("x-merge-webhook-signature").ok_or(Refused("there is no signature"))?;
    let told = from_base64url(header).filter(|bytes| bytes.len() == 32);
    let told = told.ok_or(Refused("the signature has not the form of one"))?;
    let keys = secrets.iter().map(Secret::reveal).filter(|secret| !secret.is_empty());
    let fits = |key: &str| same(&told, &hmac_sha256(key.as_bytes(), &[delivery.body]));
    if keys.into_iter().any(fits) { Ok(()) } else { Err(Refused("the signature does not fit")) }
}

/// What a webhook tells. `hook.id` is the webhook's, the same in every delivery, and so is no event's id.
pub(super) fn read(body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    if !body.is_object() {
        return Err(Unreadable("the body is no JSON object".to_owned()));
    }
    if body.get("hook").is_none() {
        // The dashboard's test button.
        return Ok(Vec::new());
    }
    let Some(name) = text(&body["hook"]["event"]) else {
        return Err(Unreadable("there is no \"hook.event\"".to_owned()));
    };
    let kind = kind(name, body)?;
    Ok(vec![SourceEvent { id: None, route: text(&body["linked_account"]["id"]).map(str::to_owned), kind }])
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

fn kind(name: &str, body: &Value) -> Result<EventKind, Unreadable> {
    let data = &body["data"];
    let lower = name.to_lowercase();
    let (model, what) = lower.split_once('.').unwrap_or((lower.as_str(), ""));
    let model = model.replace('_', "");
    let is_change = matches!(what, "added" | "changed" | "removed" | "created" | "updated" | "deleted");
    Ok(match (model.as_str(), what) {
        ("employee", "synced") => EventKind::Listing,
        ("employee", _) if is_change => {
            let version_ms = data["modified_at"].as_str().and_then(millis);
            EventKind::Person { id: needed(&data["id"], "data.id")?, version_ms }
        }
        ("employment", _) if is_change => {
            let employee = &data["employee"];
            let id = if employee.is_object() { &employee["id"] } else { employee };
            EventKind::Person { id: needed(id, "data.employee")?, version_ms: None }
        }
        ("linkedaccount", "deleted") => EventKind::Connection(ConnectionEvent::Deleted),
        ("linkedaccount" | "issue", _) if needs_relink(body) => EventKind::Connection(ConnectionEvent::ReauthNeeded),
        ("linkedaccount", "synccompleted" | "sync_completed" | "synced") => EventKind::Listing,
        ("linkedaccount", "linked" | "created") | ("issue", "resolved") => {
            EventKind::Connection(ConnectionEvent::Works)
        }
        ("issue", "new" | "created" | "reopened") => EventKind::Connection(ConnectionEvent::Failing),
        _ => EventKind::Ignored(name.to_owned()),
    })
}

fn needs_relink(body: &Value) -> bool {
    body["linked_account"]["status"].as_str() == Some("RELINK_NEEDED")
}

fn needed(value: &Value, place: &str) -> Result<String, Unreadable> {
    text(value).map(str::to_owned).ok_or_else(|| Unreadable(format!("there is no {place:?}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine;

    use super::*;

    #[test]
    fn padding_does_not_matter_and_no_empty_secret_signs() {
        let engine = base64::engine::general_purpose::URL_SAFE;
        let check = |signature: String, secrets: &[&str]| {
            let headers = BTreeMap::from([("x-merge-webhook-signature".to_owned(), signature)]);
            let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
            verify(&Delivery { headers: &headers, body: b"{}", source_ip: "203.0.113.7" }, &secrets).is_ok()
        };
        let padded = engine.encode(hmac_sha256(b"key", &[b"{}"]));
        assert!(check(padded.clone(), &["old", "", "key"]));
        assert!(check(padded.trim_end_matches('=').to_owned(), &["key"]));
        assert!(!check(padded, &["old", ""]));
        assert!(!check(engine.encode(hmac_sha256(b"", &[b"{}"])), &[""]));
    }
}
