//! Apideck's webhooks: ids only, signed over what the JSON means. There is no timestamp, so no window either.

use serde_json::Value;

use super::canonical;
use crate::signature::{from_hex, hmac_sha256, same};
use crate::{ConnectionEvent, Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable};

/// Larger bodies are not parsed: Apideck's are a few kilobytes.
const LARGEST: usize = 1 << 20;

pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret]) -> Result<(), Refused> {
    let header = delivery.header("x-apideck-signature").ok_or(Refused("the x-apideck-signature header is missing"))?;
    let given = from_hex(header).ok_or(Refused("the x-apideck-signature header is not 64 hexadecimal digits"))?;
    if delivery.body.len() > LARGEST {
        return Err(Refused("the body is too large"));
    }
    let text = canonical::text(delivery.body).ok_or(Refused("the body is not JSON that is read in one way only"))?;
    let fits = |secret: &Secret| {
        // An empty key would be everybody's.
        let key = secret.reveal().as_bytes();
        !key.is_empty() && same(&hmac_sha256(key, &[text.as_bytes()]), &given)
    };
    if secrets.iter().any(fits) { Ok(()) } else { Err(Refused("no signature fits")) }
}

/// What the body of a webhook tells.
pub(super) fn read(delivery_id: Option<&str>, body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    if !body.is_object() {
        return Err(Unreadable("the body is not a JSON object".to_owned()));
    }
    // The ping that checks the address has a message and no payload.
    let payload = &body["payload"];
    if payload.is_null() {
        return Ok(Vec::new());
    }
    let Some(name) = text(payload, "event_type") else {
        return Err(Unreadable("the payload has no event_type".to_owned()));
    };
    let id = text(payload, "event_id").or(delivery_id).map(str::to_owned);
    Ok(vec![SourceEvent { id, route: route(payload), kind: kind(name, payload) }])
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value[key].as_str().filter(|text| !text.trim().is_empty())
}

/// `consumer_id/service_id`. Events of the vault call themselves the service; theirs is that of the connection.
fn route(payload: &Value) -> Option<String> {
    let entity = &payload["entity"];
    let of_entity = || text(entity, "service_id").or_else(|| text(entity, "id")?.split_once('+').map(|(_, rest)| rest));
    let service = text(payload, "service_id").filter(|service| *service != "apideck-vault").or_else(of_entity)?;
    // With a slash inside it could be another consumer's.
    (!service.contains('/')).then(|| super::route(text(payload, "consumer_id").unwrap_or_default(), service))?
}

fn kind(name: &str, payload: &Value) -> EventKind {
    if let Some("created" | "updated" | "deleted" | "terminated") = name.strip_prefix("hris.employee.") {
        return match text(payload, "entity_id") {
            // `occurred_at` is the event's own time, not the person's version.
            Some(id) => EventKind::Person { id: id.to_owned(), version_ms: None },
            None => EventKind::Listing,
        };
    }
    match name.strip_prefix("vault.connection.").filter(|_| is_hris(&payload["entity"])).and_then(of_connection) {
        Some(event) => EventKind::Connection(event),
        None => EventKind::Ignored(name.to_owned()),
    }
}

/// Whether a connection is for employees: the same service may be linked for another kind of data too.
fn is_hris(entity: &Value) -> bool {
    let of_id = || text(entity, "id")?.split_once('+').map(|(api, _)| api);
    text(entity, "unified_api").or_else(of_id).is_none_or(|api| api == "hris")
}

fn of_connection(what: &str) -> Option<ConnectionEvent> {
    match what {
        "deleted" => Some(ConnectionEvent::Deleted),
        "revoked" | "token_refresh.failed" => Some(ConnectionEvent::ReauthNeeded),
        "disabled" => Some(ConnectionEvent::Failing),
        "callable" | "token_refresh.recovered" | "downstream.recovered" => Some(ConnectionEvent::Works),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const BODY: &[u8] = br#"{"payload":{"event_type":"hris.employee.updated","entity_id":"e-1"}}"#;
    const SIGNED: &[u8] = br#"{"payload":{"entity_id":"e-1","event_type":"hris.employee.updated"}}"#;

    fn signed(key: &str, text: &[u8]) -> String {
        hmac_sha256(key.as_bytes(), &[text]).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn check(header: &str, body: &[u8], secrets: &[&str]) -> Result<(), Refused> {
        let headers = BTreeMap::from([("x-apideck-signature".to_owned(), header.to_owned())]);
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        verify(&Delivery { headers: &headers, body, source_ip: "203.0.113.7" }, &secrets)
    }

    #[test]
    fn any_of_several_secrets_may_fit_and_an_empty_one_is_nobodys() {
        assert_eq!(check(&signed("key", SIGNED), BODY, &["", "other", "key"]), Ok(()));
        assert!(check(&signed("", SIGNED), BODY, &[""]).is_err());
        assert!(check(&signed("key", SIGNED), BODY, &[]).is_err());
    }

    #[test]
    fn it_is_the_sorted_text_that_is_signed() {
        assert!(check(&signed("key", BODY), BODY, &["key"]).is_err());
        assert_eq!(check(&signed("key", SIGNED), SIGNED, &["key"]), Ok(()));
    }

    #[test]
    fn a_signature_is_64_digits_in_lower_case() {
        let good = signed("key", SIGNED);
        for header in [good.to_uppercase(), format!("sha256={good}"), good[..62].to_owned(), String::new()] {
            assert!(check(&header, BODY, &["key"]).is_err(), "{header}");
        }
    }

    #[test]
    fn a_body_with_a_key_twice_or_too_large_is_refused_however_it_is_signed() {
        let twice = br#"{"a":1,"a":1}"#;
        for text in [&twice[..], br#"{"a":1}"#] {
            assert!(check(&signed("key", text), twice, &["key"]).is_err());
        }
        let padded = |len: usize| [SIGNED, &b" ".repeat(len - SIGNED.len())].concat();
        assert_eq!(check(&signed("key", SIGNED), &padded(LARGEST), &["key"]), Ok(()));
        assert!(check(&signed("key", SIGNED), &padded(LARGEST + 1), &["key"]).is_err());
    }
}
