//! Vault sessions: the customer connects their system in Apideck's own pages, under our name for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::link::{not_yet, refused, text};
use crate::{
    Fault, FaultKind, HttpRequest, HttpResponse, Link, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep, Secret,
};

/// Apideck's Vault.
pub(super) struct Vault;

const SESSION: &str = "session";
const CONNECTIONS: &str = "connections";
const HOUR_MS: i64 = 3_600_000;

impl Link for Vault {
    fn scopes(&self, _ask: &LinkAsk<'_>) -> Vec<String> {
        vec!["hris".to_owned()]
    }

    fn brings(&self) -> Option<&'static str> {
        None
    }

    fn start(&self, _ask: &LinkAsk<'_>) -> LinkStep {
        LinkStep::at(SESSION)
    }

    fn finish(&self, _ask: &LinkAsk<'_>) -> Result<LinkStep, &'static str> {
        Ok(LinkStep::at(CONNECTIONS))
    }

    fn request(&self, ask: &LinkAsk<'_>, step: &LinkStep) -> HttpRequest {
        let base = ask.base("https://unify.apideck.com");
        let request = if step.at == CONNECTIONS {
            HttpRequest::get(format!("{base}/vault/connections")).query([("api", "hris"), ("configured", "true")])
        } else {
            HttpRequest::post_json(format!("{base}/vault/sessions"), &session(ask))
        };
        request
            .header("authorization", format!("Bearer {}", ask.platform("api_key")))
            .header("x-apideck-app-id", app(ask))
            .header("x-apideck-consumer-id", consumer(ask))
    }

    fn read(&self, ask: &LinkAsk<'_>, step: &LinkStep, response: &HttpResponse<'_>) -> Result<LinkNext, Fault> {
        if response.status != 200 && response.status != 201 {
            return Err(refused("Apideck", "the request", response));
        }
        let body = response.json()?;
        if step.at == CONNECTIONS {
            return connected(ask, &body).map(LinkNext::Finished);
        }
        Ok(LinkNext::Started(LinkStarted {
            url: Some(Secret::new(text(&body, &["data", "session_uri"])?)),
            token: Some(Secret::new(text(&body, &["data", "session_token"])?)),
            lasts_ms: HOUR_MS,
        }))
    }
}

fn app<'a>(ask: &LinkAsk<'a>) -> &'a str {
    Some(ask.platform("app_id")).filter(|id| !id.is_empty()).unwrap_or(ask.provider("app_id"))
}

/// A consumer that the settings name stays; a new one is called like the connection.
fn consumer<'a>(ask: &LinkAsk<'a>) -> &'a str {
    Some(ask.provider("consumer_id")).filter(|id| !id.is_empty()).unwrap_or(ask.customer)
}

fn session(ask: &LinkAsk<'_>) -> Value {
    let mut about = json!({"account_name": ask.organization});
    if !ask.email.is_empty() {
        about["email"] = json!(ask.email);
    }
    let mut session = json!({
        "consumer_metadata": about,
        "settings": {
            "unified_apis": ["hris"], "hide_resource_settings": true, "session_length": "1h", "show_logs": false,
            "auto_redirect": !ask.redirect_url.is_empty(), "allow_actions": ["reauthorize", "disconnect"],
        },
    });
    if !ask.redirect_url.is_empty() {
        session["redirect_uri"] = json!(ask.redirect_url);
    }
    session
}

/// The one system that the consumer has connected.
fn connected(ask: &LinkAsk<'_>, body: &Value) -> Result<LinkFinished, Fault> {
    let missing = || Fault::new(FaultKind::Failing, "Apideck's answer has no list \"data\"");
    let list = body["data"].as_array().ok_or_else(missing)?;
    let wanted = ask.provider("service_id");
    let ready = |one: &&Value| {
        one["unified_api"] == "hris"
            && one["state"] == "callable"
            && one["enabled"] != false
            && (wanted.is_empty() || one["service_id"] == wanted)
    };
    let services: Vec<&str> = list.iter().filter(ready).filter_map(|one| one["service_id"].as_str()).collect();
    let service = match services.as_slice() {
        [one] => *one,
        [] => return Err(not_yet("no HR system is connected and ready in Apideck's Vault yet")),
        _ => {
            let message = format!(
                "several HR systems are connected in Apideck's Vault: {}; name one as service_id",
                services.join(", ")
            );
            return Err(Fault::new(FaultKind::Refused, message));
        }
    };
    let provider = [("app_id", app(ask)), ("consumer_id", consumer(ask)), ("service_id", service)];
    let provider = provider.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Ok(LinkFinished { provider, credentials: BTreeMap::new() })
}
