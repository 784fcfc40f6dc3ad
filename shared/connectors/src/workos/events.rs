//! `WorkOS`'s webhooks: the object inside, signed over time and raw body with the secret's text as it is.

use serde_json::Value;

use crate::http::millis;
use crate::signature::{MOST_SIGNATURES, from_hex, hmac_sha256, in_window, same, timestamp};
use crate::{ConnectionEvent, Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable};

const WINDOW_MS: i64 = 180_000;

pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused> {
    let header = delivery.header("workos-signature").ok_or(Refused("the workos-signature header is missing"))?;
    let of_key = |key: &'static str| {
        let values = header.split(',').filter_map(move |part| part.trim().strip_prefix(key)?.strip_prefix('='));
        values.take(MOST_SIGNATURES + 1).collect::<Vec<&str>>()
    };
    let (times, given) = (of_key("t"), of_key("v1"));
    let [time] = times[..] else { return Err(Refused("the workos-signature header must have one t")) };
    if given.len() > MOST_SIGNATURES {
        return Err(Refused("the workos-signature header has too many signatures"));
    }
    in_window(timestamp(time)?, now_ms, WINDOW_MS)?;
    let given: Vec<[u8; 32]> = given.into_iter().filter_map(from_hex).collect();
    let fits = |secret: &Secret| {
        let key = secret.reveal().as_bytes();
        let ours = hmac_sha256(key, &[time.as_bytes(), b".", delivery.body]);
        // An empty key would be everybody's.
        !key.is_empty() && given.iter().any(|theirs| same(&ours, theirs))
    };
    if secrets.iter().any(fits) { Ok(()) } else { Err(Refused("no signature fits")) }
}

/// What the body of a webhook tells.
pub(super) fn read(body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    if !body.is_object() {
        return Err(Unreadable("the body is not a JSON object".to_owned()));
    }
    let Some(name) = body["event"].as_str().filter(|name| !name.is_empty()) else { return Ok(Vec::new()) };
    let data = &body["data"];
    let is_directory = matches!(name, "dsync.activated" | "dsync.deleted");
    let route = &data[if is_directory { "id" } else { "directory_id" }];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(vec![SourceEvent { id: text(&body["id"]), route: text(route), kind: kind(name, data)? }])
}

fn kind(name: &str, data: &Value) -> Result<EventKind, Unreadable> {
    Ok(match name {
        "dsync.user.created" | "dsync.user.updated" | "dsync.user.deleted" => {
            person(data).ok_or_else(|| Unreadable(format!("{name} has no data.id")))?
        }
        // Membership may be a mapped attribute; without the user there is nobody to read anew.
        "dsync.group.user_added" | "dsync.group.user_removed" => {
            person(&data["user"]).unwrap_or_else(|| EventKind::Ignored(name.to_owned()))
        }
        "dsync.deleted" => EventKind::Connection(ConnectionEvent::Deleted),
        "dsync.activated" => EventKind::Connection(ConnectionEvent::Works),
        _ => EventKind::Ignored(name.to_owned()),
    })
}

fn person(user: &Value) -> Option<EventKind> {
    let id = super::values::id(user)?.to_owned();
    Some(EventKind::Person { id, version_ms: user["updated_at"].as_str().and_then(millis) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NOW_MS: i64 = 1_793_793_600_000;
    const BODY: &[u8] = br#"{"event":"dsync.activated"}"#;

    fn signed(key: &str, time: &str) -> String {
        let mac = hmac_sha256(key.as_bytes(), &[time.as_bytes(), b".", BODY]);
        mac.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn check(header: &str, secrets: &[&str]) -> Result<(), Refused> {
        let headers = BTreeMap::from([("workos-signature".to_owned(), header.to_owned())]);
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        verify(&Delivery { headers: &headers, body: BODY, source_ip: "203.0.113.7" }, &secrets, NOW_MS)
    }

    #[test]
    fn any_of_several_secrets_may_fit_and_an_empty_one_is_nobodys() {
        let time = NOW_MS.to_string();
        assert_eq!(check(&format!("t={time}, v1={}", signed("key", &time)), &["", "other", "key"]), Ok(()));
        assert!(check(&format!("t={time}, v1={}", signed("", &time)), &[""]).is_err());
        assert!(check(&format!("t={time}, v1={}", signed("key", &time)), &[]).is_err());
    }

    #[test]
    fn a_header_has_one_time_and_few_signatures() {
        let time = NOW_MS.to_string();
        let good = signed("key", &time);
        let others = |count: usize| "v1=00,".repeat(count);
        assert_eq!(check(&format!("t={time},v0=x,{}v1={good}", others(MOST_SIGNATURES - 1)), &["key"]), Ok(()));
        assert!(check(&format!("t={time},{}v1={good}", others(MOST_SIGNATURES)), &["key"]).is_err());
        assert!(check(&format!("t={time},t={time},v1={good}"), &["key"]).is_err());
        assert!(check(&format!("v1={good}"), &["key"]).is_err());
        assert!(check(&format!("t={time}, t=1, v1={good}"), &["key"]).is_err());
    }

    #[test]
    fn odd_times_are_refused_however_they_are_signed() {
        for time in ["", "-1", "+1793793600000", "9999999999999999", "1793793600000.0", "1793793600"] {
            assert!(check(&format!("t={time}, v1={}", signed("key", time)), &["key"]).is_err(), "{time:?}");
        }
    }
}
