//! Finch Connect: a session gives an address, its redirect brings a code, the code is exchanged for an access token.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::FaultKind;
use crate::link::{of_another, refused, text};
use crate::{Fault, HttpRequest, HttpResponse, Link, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep, Secret};

/// Finch Connect.
pub(super) struct Connect;

const SESSION: &str = "session";
const EXCHANGE: &str = "exchange";
const CODE: &str = "code";
const LASTS_MINUTES: i64 = 60;
/// What a reading calls; status, ids and names come from all three.
const PRODUCTS: [&str; 3] = ["directory", "individual", "employment"];

impl Link for Connect {
    fn scopes(&self, _ask: &LinkAsk<'_>) -> Vec<String> {
        PRODUCTS.map(str::to_owned).to_vec()
    }

    fn brings(&self) -> Option<&'static str> {
        Some(CODE)
    }

    fn start(&self, _ask: &LinkAsk<'_>) -> LinkStep {
        LinkStep::at(SESSION)
    }

    fn finish(&self, ask: &LinkAsk<'_>) -> Result<LinkStep, &'static str> {
        if ask.given(CODE).is_empty() { Err(CODE) } else { Ok(LinkStep::at(EXCHANGE)) }
    }

    fn request(&self, ask: &LinkAsk<'_>, step: &LinkStep) -> HttpRequest {
        let base = ask.base("https://api.tryfinch.com");
        let version = Some(ask.provider("api_version")).filter(|text| !text.is_empty()).unwrap_or(super::VERSION);
        let request = match step.at {
            EXCHANGE => HttpRequest::post_json(format!("{base}/auth/token"), &exchange(ask)),
            // The connection is kept, and with it the ids of its people.
            _ if is_known(ask) => {
                HttpRequest::post_json(format!("{base}/connect/sessions/reauthenticate"), &again(ask))
                    .header("authorization", basic(ask))
            }
            _ => HttpRequest::post_json(format!("{base}/connect/sessions"), &session(ask))
                .header("authorization", basic(ask)),
        };
        request.header("finch-api-version", version)
    }

    fn read(&self, ask: &LinkAsk<'_>, step: &LinkStep, response: &HttpResponse<'_>) -> Result<LinkNext, Fault> {
        if !response.is_success() {
            let what = if step.at == EXCHANGE { "the code: it is used, old or not Finch's" } else { "the request" };
            return Err(refused("Finch", what, response));
        }
        let body = response.json()?;
        if step.at == EXCHANGE {
            return linked(ask, &body).map(LinkNext::Finished);
        }
        let url = text(&body, &["connect_url"])?;
        Ok(LinkNext::Started(LinkStarted {
            url: Some(Secret::new(url)),
            token: body["session_id"].as_str().map(Secret::new),
            lasts_ms: LASTS_MINUTES * 60_000,
        }))
    }
}

fn is_known(ask: &LinkAsk<'_>) -> bool {
    !ask.provider("connection_id").is_empty()
}

fn basic(ask: &LinkAsk<'_>) -> String {
    let pair = format!("{}:{}", ask.platform("client_id"), ask.platform("client_secret"));
    format!("Basic {}", STANDARD.encode(pair))
}

fn with_redirect(mut body: Value, ask: &LinkAsk<'_>) -> Value {
    if !ask.redirect_url.is_empty() {
        body["redirect_uri"] = json!(ask.redirect_url);
    }
    body
}

fn session(ask: &LinkAsk<'_>) -> Value {
    let mut body = json!({
        "customer_id": ask.customer, "customer_name": ask.organization, "products": PRODUCTS,
        "minutes_to_expire": LASTS_MINUTES,
    });
    if !ask.email.is_empty() {
        body["customer_email"] = json!(ask.email);
    }
    with_redirect(body, ask)
}

fn again(ask: &LinkAsk<'_>) -> Value {
    let body = json!({
        "connection_id": ask.provider("connection_id"), "products": PRODUCTS, "minutes_to_expire": LASTS_MINUTES,
    });
    with_redirect(body, ask)
}

fn exchange(ask: &LinkAsk<'_>) -> Value {
    let body = json!({
        "client_id": ask.platform("client_id"), "client_secret": ask.platform("client_secret"),
        "code": ask.given(CODE),
    });
    with_redirect(body, ask)
}

fn linked(ask: &LinkAsk<'_>, body: &Value) -> Result<LinkFinished, Fault> {
    let connection = text(body, &["connection_id"])?;
    let ours = match body["customer_id"].as_str() {
        // A connection that was linked by hand has a customer id of its own, or none.
        _ if is_known(ask) => connection == ask.provider("connection_id"),
        customer => customer == Some(ask.customer),
    };
    if !ours {
        return Err(of_another("Finch"));
    }
    let granted: Vec<&str> = body["products"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let missing: Vec<&str> = PRODUCTS.into_iter().filter(|product| !granted.contains(product)).collect();
    if !missing.is_empty() {
        let message = format!("Finch was not allowed to read {}: link again and allow it", missing.join(", "));
        return Err(Fault::new(FaultKind::Forbidden, message));
    }
    Ok(LinkFinished {
        provider: BTreeMap::from([("connection_id".to_owned(), connection.to_owned())]),
        credentials: BTreeMap::from([("access_token".to_owned(), Secret::new(text(body, &["access_token"])?))]),
    })
}
