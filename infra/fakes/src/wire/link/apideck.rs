//! Apideck's Vault: sessions and the consumer's connections.

use serde_json::{Value, json};

use crate::{
    call::{Answer, Call},
    clock,
    link::Session,
    provider::Provider,
    wire::apideck::error,
};

const HOUR_MS: i64 = 3_600_000;

/// `POST /vault/sessions`; keys and headers were checked before.
pub(crate) fn session(provider: &mut Provider, call: &Call) -> Answer {
    let body = call.json().unwrap_or_else(|| json!({}));
    let known = ["consumer_metadata", "redirect_uri", "settings", "theme", "custom_consumer_settings"];
    if body.as_object().is_none_or(|body| body.keys().any(|key| !known.contains(&key.as_str()))) {
        return error(422, "the session has unknown properties");
    }
    let session = Session {
        customer: call.header("x-apideck-consumer-id").unwrap_or_default().to_owned(),
        redirect: body["redirect_uri"].as_str().map(str::to_owned),
        products: vec!["hris".to_owned()],
        expires_at: clock::now() + HOUR_MS,
    };
    let token = provider.links.open("vault-", session);
    let data = json!({"session_uri": format!("{}/session/{token}", call.base), "session_token": token});
    Answer::ok(&json!({"status_code": 200, "status": "OK", "data": data}))
}

/// `GET /vault/connections`: the one connection of a consumer who went through the Vault.
pub(crate) fn connections(provider: &Provider, call: &Call) -> Answer {
    let consumer = call.header("x-apideck-consumer-id").unwrap_or_default();
    let service = provider.key("service_id");
    let list: Vec<Value> = provider
        .links
        .consumers
        .get(consumer)
        .filter(|_| call.query("api").is_none_or(|api| api == "hris"))
        .map(|state| {
            json!({"id": format!("hris+{service}"), "service_id": service, "name": service, "unified_api": "hris",
                "state": state, "enabled": true, "auth_type": "oauth2"})
        })
        .into_iter()
        .collect();
    Answer::ok(&json!({"status_code": 200, "status": "OK", "data": list}))
}
