//! Finch Connect: sessions, and codes that become access tokens.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::text;
use crate::{
    call::{Answer, Call},
    clock,
    link::Session,
    provider::Provider,
    wire::finch::error,
};

/// `POST /connect/sessions` and `/connect/sessions/reauthenticate`, with client id and secret.
pub(crate) fn session(provider: &mut Provider, call: &Call, again: bool) -> Answer {
    if !client(provider, call) {
        return error(401, "The client id or secret is wrong");
    }
    let body = call.json().unwrap_or_default();
    let products: Vec<String> =
        body["products"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let customer = if again {
        match text(&body, "connection_id") {
            Some(id) if id == provider.key("connection_id") => String::new(),
            _ => return error(404, "There is no such connection"),
        }
    } else {
        match (text(&body, "customer_id"), text(&body, "customer_name"), products.is_empty()) {
            (Some(customer), Some(_), false) => customer.to_owned(),
            _ => return error(400, "customer_id, customer_name and products are required"),
        }
    };
    let Some(minutes) = body.get("minutes_to_expire").map_or(Some(43_200), Value::as_i64).filter(|m| *m > 0) else {
        return error(400, "minutes_to_expire is no number above 0");
    };
    let session = Session {
        customer,
        redirect: text(&body, "redirect_uri").map(str::to_owned),
        products,
        expires_at: clock::now() + minutes * 60_000,
    };
    let id = provider.links.open("session-", session);
    Answer::ok(&json!({"session_id": id, "connect_url": format!("{}/authorize?session={id}", call.base)}))
}

fn client(provider: &Provider, call: &Call) -> bool {
    let given = call.header("authorization").and_then(|text| text.strip_prefix("Basic "));
    let given = given.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((id, secret)) = given.as_deref().and_then(|pair| pair.split_once(':')) else { return false };
    provider.accepts("client_id", Some(id)) && provider.accepts("client_secret", Some(secret))
}

/// `POST /auth/token`.
pub(crate) fn token(provider: &mut Provider, call: &Call) -> Answer {
    let body = call.json().unwrap_or_default();
    let fits = |key: &str| provider.accepts(key, body[key].as_str());
    if !fits("client_id") || !fits("client_secret") {
        return error(401, "The client id or secret is wrong");
    }
    let code = body["code"].as_str().unwrap_or_default();
    let Some(session) = provider.links.take(code) else { return error(400, "The code is used, old or unknown") };
    if body["redirect_uri"].as_str() != session.redirect.as_deref() {
        return error(400, "redirect_uri is not the session's");
    }
    let customer = Some(session.customer).filter(|customer| !customer.is_empty());
    Answer::ok(&json!({"access_token": provider.credentials.get("access_token"), "client_type": "sandbox",
        "connection_id": provider.key("connection_id"), "connection_type": "finch",
        "entity_ids": [provider.key("entity_id")], "products": session.products, "provider_id": "bamboo_hr",
        "token_type": "bearer", "customer_id": customer, "customer_name": "Acme"}))
}
