//! Merge's webhooks: the changed object inside, signed over the raw body with the key's text as it is. They have no
//! time and no id of their own: what is repeated is told by its content.

use serde_json::Value;

use crate::http::millis;
use crate::signature::{from_base64url, hmac_sha256, same};
use crate::{ConnectionEvent, Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable};

pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret]) -> Result<(), Refused> {
    let header = delivery.header("x-merge-webhook-signature");
    let header = header.ok_or(Refused("the x-merge-webhook-signature header is missing"))?;
    let given = from_base64url(header).ok_or(Refused("the signature is not URL-safe base64"))?;
    let fits = |secret: &Secret| {
        let key = secret.reveal().as_bytes();
        // An empty key would be everybody's.
        !key.is_empty() && same(&hmac_sha256(key, &[delivery.body]), &given)
    };
    if secrets.iter().any(fits) { Ok(()) } else { Err(Refused("no signature fits")) }
}

/// What the body of a webhook tells. The dashboard's test has no `hook`.
pub(super) fn read(body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    if !body.is_object() {
        return Err(Unreadable("the body is not a JSON object".to_owned()));
    }
    let Some(name) = text(&body["hook"]["event"]) else { return Ok(Vec::new()) };
    let account = &body["linked_account"];
    let route = text(&account["id"]).or(text(&account["end_user_origin_id"])).map(str::to_owned);
    let mut kinds = Vec::new();
    let mut kind = kind(name, &body["data"]);
    if account["status"] == "RELINK_NEEDED" {
        kinds.push(EventKind::Connection(ConnectionEvent::ReauthNeeded));
        if kind == EventKind::Connection(ConnectionEvent::Works) {
            // Whatever was solved, the account does not work before it is linked again.
            kind = EventKind::Ignored(name.to_owned());
        }
    }
    kinds.push(kind);
    Ok(kinds.into_iter().map(|kind| SourceEvent { id: None, route: route.clone(), kind }).collect())
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

fn kind(name: &str, data: &Value) -> EventKind {
    let lower = name.to_ascii_lowercase();
    let (model, what) = lower.split_once('.').unwrap_or((&lower, ""));
    // Older names are of the form `linked_account.created`.
    match (model.replace('_', "").as_str(), what) {
        ("employee", "added" | "changed" | "removed" | "created" | "updated" | "deleted") => match text(&data["id"]) {
            Some(id) => {
                EventKind::Person { id: id.to_owned(), version_ms: data["modified_at"].as_str().and_then(millis) }
            }
            None => EventKind::Listing,
        },
        ("employee", "synced") | ("linkedaccount", "sync_completed" | "synced") => EventKind::Listing,
        // The employment's own version says nothing about the person's.
        ("employment", _) => match text(&data["employee"]) {
            Some(id) => EventKind::Person { id: id.to_owned(), version_ms: None },
            None => EventKind::Ignored(name.to_owned()),
        },
        ("linkedaccount", "deleted") => EventKind::Connection(ConnectionEvent::Deleted),
        ("linkedaccount", "linked" | "created") => EventKind::Connection(ConnectionEvent::Works),
        ("issue", "new" | "reopened") => EventKind::Connection(ConnectionEvent::Failing),
        ("issue", "resolved") => EventKind::Connection(ConnectionEvent::Works),
        _ => EventKind::Ignored(name.to_owned()),
    }
}
