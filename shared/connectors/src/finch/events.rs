//! Finch's webhooks: ids only, signed over event id, time and raw body.

use serde_json::Value;

use crate::signature::{MOST_SIGNATURES, from_base64, hmac_sha256, in_window, same, timestamp};
use crate::{ConnectionEvent, Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable};

const WINDOW_MS: i64 = 300_000;

/// The signing key of a secret; `None` where it is no base64 or empty: an empty key would be everybody's.
pub(super) fn key(secret: &str) -> Option<Vec<u8>> {
    from_base64(secret).filter(|key| !key.is_empty())
}

pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused> {
    let id = delivery.header("finch-event-id").unwrap_or_default();
    // A dot would let the id eat into the time: `id.ts.body` must be read in one way only.
    if id.is_empty() || id.contains('.') {
        return Err(Refused("the finch-event-id header is missing or malformed"));
    }
    let time = delivery.header("finch-timestamp").ok_or(Refused("the finch-timestamp header is missing"))?;
    in_window(timestamp(time)?.saturating_mul(1000), now_ms, WINDOW_MS)?;
    let list = delivery.header("finch-signature").ok_or(Refused("the finch-signature header is missing"))?;
    let given: Vec<&str> = list.split_ascii_whitespace().take(MOST_SIGNATURES + 1).collect();
    if given.len() > MOST_SIGNATURES {
        return Err(Refused("the finch-signature header has too many signatures"));
    }
    let given: Vec<Vec<u8>> = given.iter().filter_map(|entry| from_base64(entry.strip_prefix("v1,")?)).collect();
    let fits = |secret: &Secret| {
        let Some(key) = key(secret.reveal()) else { return false };
        let ours = hmac_sha256(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", delivery.body]);
        given.iter().any(|theirs| same(&ours, theirs))
    };
    if secrets.iter().any(fits) { Ok(()) } else { Err(Refused("no signature fits")) }
}

/// What the body of a webhook tells.
pub(super) fn read(id: Option<&str>, body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    if !body.is_object() {
        return Err(Unreadable("the body is not a JSON object".to_owned()));
    }
    let name = body["event_type"].as_str().unwrap_or_default();
    if name.is_empty() || name == "test" || name.starts_with("test.") {
        return Ok(Vec::new());
    }
    let route = body["connection_id"].as_str().map(str::to_owned);
    Ok(vec![SourceEvent { id: id.map(str::to_owned), route, kind: kind(name, &body["data"]) }])
}

fn kind(name: &str, data: &Value) -> EventKind {
    match name.split_once('.') {
        Some(("individual" | "employment" | "directory", "created" | "updated" | "deleted")) => {
            match data["individual_id"].as_str().filter(|id| !id.trim().is_empty()) {
                Some(id) => EventKind::Person { id: id.to_owned(), version_ms: None },
                None => EventKind::Listing,
            }
        }
        Some(("job", "data_sync_all.completed" | "initial_data_sync_org.succeeded")) => EventKind::Listing,
        Some(("account", "updated")) => match data["status"].as_str() {
            Some("reauth") => EventKind::Connection(ConnectionEvent::ReauthNeeded),
            Some("error_permissions" | "error_no_account_setup") => EventKind::Connection(ConnectionEvent::Failing),
            Some("connected") => EventKind::Connection(ConnectionEvent::Works),
            _ => EventKind::Ignored(name.to_owned()),
        },
        _ => EventKind::Ignored(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine;

    use super::*;

    const NOW_MS: i64 = 1_793_793_600_000;
    const BODY: &[u8] = br#"{"event_type":"directory.updated"}"#;

    fn base64(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn signed(key: &[u8], id: &str, time: &str) -> String {
        let mac = hmac_sha256(key, &[id.as_bytes(), b".", time.as_bytes(), b".", BODY]);
        format!("v1,{}", base64(&mac))
    }

    fn check(id: &str, time: &str, signatures: &str, secrets: &[&str]) -> Result<(), Refused> {
        let pairs = [("finch-event-id", id), ("finch-timestamp", time), ("finch-signature", signatures)];
        let headers: BTreeMap<String, String> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        verify(&Delivery { headers: &headers, body: BODY, source_ip: "203.0.113.7" }, &secrets, NOW_MS)
    }

    #[test]
    fn any_of_several_secrets_may_fit_and_one_of_the_wrong_shape_is_passed_over() {
        let (time, secret) = ("1793793600", base64(b"key"));
        let good = signed(b"key", "e1", time);
        assert_eq!(check("e1", time, &good, &["no base64!", "", &base64(b"other"), &secret]), Ok(()));
        assert!(check("e1", time, &good, &["no base64!", "", "key"]).is_err());
        assert!(check("e1", time, &good, &[]).is_err());
    }

    #[test]
    fn an_empty_secret_is_nobodys() {
        assert!(check("e1", "1793793600", &signed(b"", "e1", "1793793600"), &[""]).is_err());
    }

    #[test]
    fn an_id_cannot_eat_into_the_time() {
        let time = "1793793600";
        let split = signed(b"key", "e1.1793793000", time);
        assert!(check("e1.1793793000", time, &split, &[&base64(b"key")]).is_err());
    }

    #[test]
    fn more_signatures_than_are_looked_at_are_not_believed() {
        let (time, secret) = ("1793793600", base64(b"key"));
        let good = signed(b"key", "e1", time);
        let list = |others: usize| [vec!["v1,AAAA"; others], vec![good.as_str()]].concat().join(" ");
        assert_eq!(check("e1", time, &list(MOST_SIGNATURES - 1), &[&secret]), Ok(()));
        assert!(check("e1", time, &list(MOST_SIGNATURES), &[&secret]).is_err());
    }

    #[test]
    fn odd_times_are_refused_however_they_are_signed() {
        let secret = base64(b"key");
        for time in ["", "-1", "+1793793600", " 1793793600", "9999999999999999", "1793793600.0", "1793793900000"] {
            assert!(check("e1", time, &signed(b"key", "e1", time), &[&secret]).is_err(), "{time:?}");
        }
    }
}
