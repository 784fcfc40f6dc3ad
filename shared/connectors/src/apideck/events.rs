//! Apideck's webhooks. They name the person and bring no data.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalogue::PROVIDERS;
use crate::{ConnectionEvent, EventKind, SourceEvent, Unreadable};

/// `consumer/service`. A connection that does not name its system goes by all that the catalogue knows: a webhook
/// always names the system, and cannot tell which way it was set up.
pub(super) fn routes(provider: &BTreeMap<String, String>) -> Vec<String> {
    let Some(consumer) = provider.get("consumer_id").filter(|id| !id.is_empty()) else { return Vec::new() };
    let known = || PROVIDERS.iter().flat_map(|provider| provider.ways).filter(|way| way.connector == "apideck");
    let services: BTreeSet<&str> = match provider.get("service_id").map(String::as_str) {
        None | Some("") => known().filter_map(|way| way.slug).collect(),
        Some(service) => BTreeSet::from([service]),
    };
    services.into_iter().map(|service| format!("{consumer}/{service}")).collect()
}

/// What a webhook tells.
pub(super) fn read(delivery_id: Option<&str>, body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    let payload = &body["payload"];
    if body["payload"].is_null() && body["message"].is_string() {
        // The check of the address when a webhook is set up.
        return Ok(Vec::new());
    }
    let Some(name) = payload["event_type"].as_str() else {
        return Err(Unreadable("there is no \"payload.event_type\"".to_owned()));
    };
    let kind = match name.strip_prefix("vault.connection.") {
        Some(what) if is_hris(payload) => connection(what, name),
        Some(_) => EventKind::Ignored(name.to_owned()),
        None => employee(payload, name)?,
    };
    let id = text(&payload["event_id"]).or(delivery_id.filter(|id| !id.trim().is_empty())).map(str::to_owned);
    let route = text(&payload["consumer_id"]).zip(service(payload)).map(|(who, which)| format!("{who}/{which}"));
    Ok(vec![SourceEvent { id, route, kind }])
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

fn employee(payload: &Value, name: &str) -> Result<EventKind, Unreadable> {
    match name {
        "hris.employee.created" | "hris.employee.updated" | "hris.employee.deleted" | "hris.employee.terminated" => {
            let id = text(&payload["entity_id"])
                .ok_or_else(|| Unreadable("there is no \"payload.entity_id\"".to_owned()))?;
            // `occurred_at` is when Apideck saw it, which is no version of the person.
            Ok(EventKind::Person { id: id.to_owned(), version_ms: None })
        }
        _ => Ok(EventKind::Ignored(name.to_owned())),
    }
}

fn connection(what: &str, name: &str) -> EventKind {
    EventKind::Connection(match what {
        "deleted" => ConnectionEvent::Deleted,
        "revoked" => ConnectionEvent::ReauthNeeded,
        "token_refresh.failed" => ConnectionEvent::Unauthorized,
        "disabled" | "token_refresh.pending" | "downstream.degraded" => ConnectionEvent::Failing,
        "callable" | "token_refresh.recovered" | "downstream.recovered" => ConnectionEvent::Works,
        _ => return EventKind::Ignored(name.to_owned()),
    })
}

/// `hris` and `bamboohr` of a Vault event about the connection `hris+bamboohr`.
fn connection_of(payload: &Value) -> Option<(&str, &str)> {
    let entity = &payload["entity"];
    let told = text(&payload["entity_id"]).or(text(&entity["id"])).and_then(|id| id.split_once('+'));
    told.or(text(&entity["unified_api"]).zip(text(&entity["service_id"])))
}

fn is_hris(payload: &Value) -> bool {
    connection_of(payload).is_some_and(|(api, _)| api == "hris")
}

fn service(payload: &Value) -> Option<&str> {
    match text(&payload["service_id"]) {
        Some("apideck-vault") => connection_of(payload).map(|(_, service)| service),
        service => service,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn routes_of(pairs: &[(&str, &str)]) -> Vec<String> {
        routes(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_connection_with_or_without_its_system_is_called_as_webhooks_call_it() {
        let body = json!({"payload": {"event_type": "hris.employee.updated", "service_id": "bamboohr",
            "consumer_id": "acme", "event_id": "e", "entity_id": "7"}});
        let route = read(None, &body).unwrap()[0].route.clone().unwrap();
        assert_eq!(routes_of(&[("consumer_id", "acme"), ("service_id", "bamboohr")]), std::slice::from_ref(&route));
        assert!(routes_of(&[("consumer_id", "acme")]).contains(&route));
        assert!(!routes_of(&[("consumer_id", "acme"), ("service_id", "workday")]).contains(&route));
        assert_eq!(routes_of(&[("service_id", "bamboohr")]), [""; 0]);
    }
}
