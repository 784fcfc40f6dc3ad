//! The admin API in process: the real function over in-process services, with claims as API Gateway hands them over.

use std::collections::BTreeMap;

use admin_api::Stage;
use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::http::Method;
use lambda_runtime::{Context, LambdaEvent};
use muster_api::{ClaimNames, Config};
use muster_connectors::HttpRequest;
use muster_sync::{Web, WebFault, WebResponse};
use serde_json::Value;

use crate::house::House;
use crate::rig::Rig;

/// No provider can be reached.
#[derive(Debug, Clone, Copy)]
pub struct NoWeb;

impl Web for NoWeb {
    async fn send(&self, _request: &HttpRequest, _hosts: &[String]) -> Result<WebResponse, WebFault> {
        Err(WebFault::Silent("there is no network".into()))
    }

    async fn pause(&self, _ms: u64) {}
}

/// The API.
pub struct Api<W: Web> {
    api: muster_api::Api<Stage<W>>,
}

/// Somebody who is signed in, or nobody.
pub struct Session<'a, W: Web> {
    api: &'a Api<W>,
    claims: Option<BTreeMap<String, String>>,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    pub text: String,
    /// The body, where it is JSON.
    pub json: Value,
}

impl Answer {
    /// The answer, if it has this status; else the test fails and shows it.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The code of a problem.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }
}

impl Api<NoWeb> {
    /// Over a rig, without providers.
    pub fn of(rig: &Rig) -> Self {
        Self::with(rig, NoWeb)
    }
}

impl<'a> Api<&'a House> {
    /// Over a rig with fake providers.
    pub fn over(house: &'a House) -> Self {
        Self::with(&house.rig, house)
    }
}

impl<W: Web> Api<W> {
    /// Over a rig and any sender.
    pub fn with(rig: &Rig, web: W) -> Self {
        Self::at(rig.ports(), web)
    }

    /// Over ports and any sender.
    pub fn at(ports: muster_aws::Ports, web: W) -> Self {
        let url = Some("https://muster.test".to_owned());
        let config = Config {
            public_url: url.clone(),
            webhook_url: url,
            sftp_host: Some("sftp.muster.test".to_owned()),
            base_urls: true,
        };
        Self { api: muster_api::Api::new(Stage { ports, web, config }) }
    }

    /// Somebody with these claims beside account and role; the user is `ana`.
    pub fn signed_in(&self, account: &str, role: &str, more: &[(&str, &str)]) -> Session<'_, W> {
        let usual = [("account", account), ("role", role), ("sub", "ana")];
        let claims = usual.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Session { api: self, claims: Some(claims), headers: Vec::new() }
    }

    /// An admin of an account.
    pub fn as_admin(&self, account: &str) -> Session<'_, W> {
        self.signed_in(account, "admin", &[])
    }

    /// The product team.
    pub fn as_operator(&self) -> Session<'_, W> {
        self.signed_in("", "operator", &[])
    }

    /// Nobody.
    pub fn as_nobody(&self) -> Session<'_, W> {
        Session { api: self, claims: None, headers: Vec::new() }
    }
}

impl<W: Web> Session<'_, W> {
    /// With a header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks; `body` with its content type.
    pub async fn ask(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut event = ApiGatewayV2httpRequest::default();
        // API Gateway hands paths over decoded.
        event.raw_path = Some(percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned());
        event.raw_query_string = Some(query.to_owned());
        event.request_context.http.method = Method::from_bytes(method.as_bytes()).unwrap();
        let content_type = body.map(|(kind, _)| ("content-type".to_owned(), kind.to_owned()));
        for (name, value) in self.headers.iter().chain(content_type.as_ref()) {
            let name = aws_lambda_events::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            event.headers.insert(name, value.parse().unwrap());
        }
        event.body = body.map(|(_, text)| text.to_owned());
        if let Some(claims) = &self.claims {
            let jwt = serde_json::json!({"jwt": {"claims": claims, "scopes": null}});
            event.request_context.authorizer = serde_json::from_value(jwt).unwrap();
        }
        let (names, event) = (ClaimNames::default(), LambdaEvent::new(event, Context::default()));
        let answer = admin_api::handle(&self.api.api, &names, event).await.unwrap();
        let text = match answer.body {
            Some(aws_lambda_events::encodings::Body::Text(text)) => text,
            _ => String::new(),
        };
        let shown = |value: &aws_lambda_events::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        Answer {
            status: u16::try_from(answer.status_code).unwrap(),
            headers: answer.headers.iter().map(|(name, value)| (name.to_string(), shown(value))).collect(),
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(method, path, Some(("application/json", &body.to_string()))).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None).await
    }

    /// POST of JSON; `null` sends no body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        if body.is_null() { self.ask("POST", path, None).await } else { self.json("POST", path, &body).await }
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json("PUT", path, &body).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, &body).await
    }
}
